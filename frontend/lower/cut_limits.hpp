// SPDX-License-Identifier: Apache-2.0
// Sizes of the buffers as the cuts of a layer see them: by questions whose answers hold for other
// sizes as well.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "arch/arch_config.hpp"
#include "lower/geometry.hpp"

namespace tactus::lower {

/// One size, in the buffer's own unit, and the range of sizes that give the same answer to every
/// question that was asked. Who lets nothing else depend on the size gets the same results for all
/// sizes of the range.
class Limit {
 public:
  Limit(const char* name, const char* config_key, std::int64_t kib, std::int64_t size)
      : buffer(name), key(config_key), has_kib(kib), size_(size) {}

  [[nodiscard]] bool holds(std::int64_t needed) {
    if (needed <= size_) {
      least_ = std::max(least_, needed);
      return true;
    }
    most_ = std::min(most_, needed - 1);
    return false;
  }
  /// How many times `step` goes into size * unit.
  [[nodiscard]] std::int64_t multiple(std::int64_t unit, std::int64_t step) {
    const std::int64_t times = size_ * unit / step;
    least_ = std::max(least_, ceil_div(times * step, unit));
    most_ = std::min(most_, ceil_div((times + 1) * step, unit) - 1);
    return times;
  }
  [[nodiscard]] bool serves(std::int64_t size) const { return least_ <= size && size <= most_; }

  const char* buffer;
  const char* key;       ///< of the architecture
  std::int64_t has_kib;  ///< for messages: the key's value
  /// For messages: the size itself.
  [[nodiscard]] std::int64_t size() const { return size_; }

 private:
  std::int64_t size_;
  std::int64_t least_ = 0, most_ = std::numeric_limits<std::int64_t>::max();
};

struct BufferLimits {
  explicit BufferLimits(const ArchConfig& c)
      : ifmap("ifmap", "buf.ifmap_kib", c.buf_ifmap_kib, c.ifmap_bank_bytes()),
        weight("weight", "buf.weight_kib", c.buf_weight_kib, c.weight_rows()),
        index("index", "buf.index_kib", c.buf_index_kib, c.index_rows()),
        param("param", "buf.param_kib", c.buf_param_kib, c.param_records()),
        psum("psum", "buf.psum_kib", c.buf_psum_kib, c.psum_entries()),
        ofmap("ofmap", "buf.ofmap_kib", c.buf_ofmap_kib, c.ofmap_bank_bytes()) {}

  [[nodiscard]] bool serve(const BufferLimits& o) const {
    return ifmap.serves(o.ifmap.size()) && weight.serves(o.weight.size()) &&
           index.serves(o.index.size()) && param.serves(o.param.size()) &&
           psum.serves(o.psum.size()) && ofmap.serves(o.ofmap.size());
  }

  Limit ifmap;   ///< bytes of a bank
  Limit weight;  ///< rows of a half
  Limit index;   ///< rows of a half
  Limit param;   ///< records of a half
  Limit psum;    ///< entries of a column
  Limit ofmap;   ///< bytes of a bank
};

}  // namespace tactus::lower
