// SPDX-License-Identifier: Apache-2.0
// Which streams of traces/README.md a layer is in, and what is said of a layer that is in none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "network/network.hpp"

namespace tactus::golden {

enum class StreamKind : std::uint8_t { mac, post, elem };
inline constexpr std::size_t stream_count = 3;
[[nodiscard]] const char* name_of(StreamKind kind);

struct StreamUse {
  std::string layer, op;
  std::vector<StreamKind> streams;
  std::string note;  ///< why there is no stream, or how the stream's values differ from the layer's
  [[nodiscard]] bool in(StreamKind kind) const;
};

/// By the layer's kind and requantisation alone.
[[nodiscard]] StreamUse stream_use(const Layer& layer);

}  // namespace tactus::golden
