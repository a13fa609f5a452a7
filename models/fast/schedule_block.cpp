// SPDX-License-Identifier: Apache-2.0
#include "fast/schedule_block.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dataflow/output_stationary.hpp"

namespace tactus::fast {

ScheduleOp schedule_op(const TileOp& op, const ArchNumbers& arch) {
  ArchNumbers free_memory = arch;  // durations without the off-chip memory
  free_memory.latency = free_memory.interval = 0;
  ScheduleOp out;
  out.queue = queue_of(op);
  if (const auto* compute = std::get_if<ComputeOp>(&op.body)) {
    const bool os = compute->dataflow == output_stationary::code;
    out.kind = os ? ScheduleOp::Kind::output_stationary : ScheduleOp::Kind::weight_stationary;
    out.base = static_cast<Cycle>(os ? compute->k_rows : pixels(*compute));
    out.beats = static_cast<Cycle>(compute->folds);
  } else if (const auto* load = std::get_if<LoadOp>(&op.body)) {
    out.kind = ScheduleOp::Kind::memory;
    out.base = duration(*load, free_memory);
    out.beats = static_cast<Cycle>(beats(*load, arch));
  } else if (const auto* store = std::get_if<StoreOp>(&op.body)) {
    out.kind = ScheduleOp::Kind::memory;
    out.base = duration(*store, free_memory);
    out.beats = static_cast<Cycle>(beats(*store, arch));
  } else if (const auto* fill = std::get_if<FillOp>(&op.body)) {
    out.base = duration(*fill, arch);
  } else {
    out.base = duration(std::get<PostOp>(op.body), arch);
  }
  return out;
}

ScheduleBlock::ScheduleBlock(std::vector<ScheduleOp> ops, const std::vector<std::uint32_t>& seen)
    : ops_(std::move(ops)) {
  find_regions();
  find_fills(seen);
}

std::size_t ScheduleBlock::bytes() const {
  return sizeof *this + ops_.capacity() * sizeof(ScheduleOp) + regions_.capacity() * sizeof(Region);
}

std::size_t ScheduleBlock::reach(std::size_t begin, std::size_t end) const {
  std::size_t most = 0, most_of_loads = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const auto& tokens = ops_[i].tokens;
    most = std::max<std::size_t>(most, *std::max_element(tokens.begin(), tokens.end()));
    if (ops_[i].queue == Queue::load) {
      most_of_loads =
          std::max<std::size_t>(most_of_loads, tokens[static_cast<std::size_t>(Queue::store)]);
    }
  }
  return most + most_of_loads;
}

namespace {

/// Ops that have to be equal before a repetition is looked at.
constexpr std::size_t context = 8;

/// Where a text of `context` ops was seen last.
class LastSeen {
 public:
  explicit LastSeen(std::size_t count) {
    std::size_t size = 16;
    while (size < 2 * count) size *= 2;
    slots_.resize(size);
  }
  static constexpr std::size_t never = ~std::size_t{0};
  /// Notes that it is at `place` now and returns where it was before.
  std::size_t exchange(std::uint64_t text, std::size_t place) {
    std::size_t i = text & (slots_.size() - 1);
    while (slots_[i].place != never && slots_[i].text != text) i = (i + 1) & (slots_.size() - 1);
    slots_[i].text = text;
    return std::exchange(slots_[i].place, place);
  }

 private:
  struct Slot {
    std::uint64_t text = 0;
    std::size_t place = never;
  };
  std::vector<Slot> slots_;
};

}  // namespace

void ScheduleBlock::find_regions() {
  const std::size_t n = ops_.size();
  if (n < context) return;
  std::vector<std::uint64_t> hash(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::array<std::uint64_t, sizeof(ScheduleOp) / 8> words;
    std::memcpy(words.data(), &ops_[i], sizeof(ScheduleOp));
    std::uint64_t h = 0, factor = 0x9E3779B97F4A7C15U;
    for (const std::uint64_t word : words) {
      h += (word ^ word >> 32) * factor;
      factor *= 0xD1342543DE82EF95U;
    }
    hash[i] = h ^ h >> 29;
  }
  const auto equal = [&](std::size_t a, std::size_t b) {
    return hash[a] == hash[b] && std::memcmp(&ops_[a], &ops_[b], sizeof(ScheduleOp)) == 0;
  };
  const auto text_at = [&](std::size_t i) {
    std::uint64_t text = 0;
    for (std::size_t k = 0; k < context; ++k) text = text * 0x9E3779B97F4A7C15U + hash[i + k];
    return text ^ text >> 32;
  };
  LastSeen seen(n);
  for (std::size_t i = 0; i + context <= n;) {
    const std::size_t earlier = seen.exchange(text_at(i), i);
    if (earlier == LastSeen::never) {
      ++i;
      continue;
    }
    Region region;
    region.begin = i;
    region.period = i - earlier;
    for (region.end = i; region.end < n && equal(region.end, region.end - region.period);) {
      ++region.end;
    }
    const std::size_t length = region.end - region.begin;
    // Worth it only if something is left to skip once the cycles may have settled.
    if (length > 4 * region.period) {
      region.window = std::max(region.period, reach(i, i + region.period));
      if (length > region.window + 3 * region.period) {
        regions_.push_back(region);
        i = region.end;
        continue;
      }
    }
    // The next ones of the same repetition are no better.
    const std::size_t last = std::min(region.end, n);
    for (++i; i + context <= last; ++i) seen.exchange(text_at(i), i);
  }
}

void ScheduleBlock::find_fills(const std::vector<std::uint32_t>& seen) {
  for (Region& region : regions_) region.fill = region.window;
  if (regions_.empty()) return;
  // What ops behind a region look at in it, and what the ops look at that they look at.
  const auto note = [this](std::size_t user, std::size_t at) {
    auto it = std::upper_bound(regions_.begin(), regions_.end(), at,
                               [](std::size_t x, const Region& r) { return x < r.begin; });
    if (it == regions_.begin()) return;
    --it;
    if (at < it->end && user >= it->end) it->fill = std::max(it->fill, it->end - at);
  };
  const auto note_tokens = [&](std::size_t user, std::size_t op) {
    for (const std::uint32_t back : ops_[op].tokens) note(user, op - back);
  };
  const std::size_t far = reach(0, ops_.size());
  std::size_t passed = 0;  // regions that end at op i or before
  for (std::size_t i = regions_.front().end; i < ops_.size(); ++i) {
    while (passed < regions_.size() && regions_[passed].end <= i) ++passed;
    if (i - regions_[passed - 1].end >= far) continue;
    note_tokens(i, i);
    for (const std::uint32_t back : ops_[i].tokens) {
      if (back != 0) note_tokens(i, i - back);
    }
  }
  for (const std::uint32_t op : seen) {
    note(ops_.size(), op);
    note_tokens(ops_.size(), op);
  }
}

}  // namespace tactus::fast
