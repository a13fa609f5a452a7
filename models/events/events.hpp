// SPDX-License-Identifier: Apache-2.0
// Event counters, one per line of events.def.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tactus {

enum class Event : std::uint8_t {
#define TACTUS_EVENT(name, unit, doc) name,
#include "events/events.def"
#undef TACTUS_EVENT
};

inline constexpr std::size_t event_count = 0
#define TACTUS_EVENT(name, unit, doc) +1
#include "events/events.def"
#undef TACTUS_EVENT
    ;

struct EventCounts {
  std::array<std::uint64_t, event_count> count{};
  [[nodiscard]] std::uint64_t& operator[](Event e) { return count[static_cast<std::size_t>(e)]; }
  [[nodiscard]] std::uint64_t operator[](Event e) const {
    return count[static_cast<std::size_t>(e)];
  }
  EventCounts& operator+=(const EventCounts& other) {
    for (std::size_t i = 0; i < event_count; ++i) count[i] += other.count[i];
    return *this;
  }
};
[[nodiscard]] inline bool operator==(const EventCounts& a, const EventCounts& b) {
  return a.count == b.count;
}
[[nodiscard]] inline bool operator!=(const EventCounts& a, const EventCounts& b) {
  return !(a == b);
}

/// Name, unit and description, indexed by Event.
struct EventText {
  const char* name;
  const char* unit;
  const char* doc;
};
inline constexpr std::array<EventText, event_count> event_text{{
#define TACTUS_EVENT(name, unit, doc) {#name, unit, doc},
#include "events/events.def"
#undef TACTUS_EVENT
}};

}  // namespace tactus
