// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "arch/arch_config.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

constexpr std::int64_t address_limit = std::int64_t{1} << 24;  // byte address field inside a bank
constexpr std::int64_t entry_limit = std::int64_t{1} << 20;    // weight rows and psum_base
constexpr std::int64_t record_limit = std::int64_t{1} << 16;   // param_base

void require(const ArchConfig& config, bool ok, const std::string& key, const std::string& reason) {
  if (!ok) throw BadInput(key + "=" + get(config, key) + " is not possible, because " + reason);
}

void require_power_of_two(const ArchConfig& config, std::int64_t value, const std::string& key) {
  require(config, value > 0 && (value & (value - 1)) == 0, key, "it must be a power of two");
}

/// Values that set() would refuse; it writes the sentence.
void check_ranges(const ArchConfig& config) {
  ArchConfig probe;
#define TACTUS_ARCH_INT(section, name, def, lo, hi, unit, binding, doc) \
  if (config.section##_##name < lo || config.section##_##name > hi)     \
    set(probe, #section "." #name, std::to_string(config.section##_##name));
#define TACTUS_ARCH_BOOL(section, name, def, binding, doc)
#define TACTUS_ARCH_ENUM(section, name, def, choices, binding, doc)                  \
  if (std::string_view("|" choices "|").find("|" + config.section##_##name + "|") == \
      std::string_view::npos)                                                        \
    set(probe, #section "." #name, config.section##_##name);
#include "arch/arch_fields.def"
#undef TACTUS_ARCH_INT
#undef TACTUS_ARCH_BOOL
#undef TACTUS_ARCH_ENUM
}

std::string number(std::int64_t value) { return std::to_string(value); }

void require_half(const ArchConfig& config, const std::string& key, std::int64_t size,
                  std::int64_t low, std::int64_t high, const std::string& what) {
  require(config, size >= low && size <= high, key,
          "half of it is " + number(size) + " " + what + " and must be " + number(low) + " to " +
              number(high));
}

}  // namespace

void validate(const ArchConfig& config) {
  check_ranges(config);
  require_power_of_two(config, config.hw_array_rows, "hw.array_rows");
  require_power_of_two(config, config.hw_array_cols, "hw.array_cols");
  require_power_of_two(config, config.hw_queue_depth, "hw.queue_depth");
  require_power_of_two(config, config.hw_segment_ops, "hw.segment_ops");
  require_power_of_two(config, config.mem_data_bits, "mem.data_bits");
  require(config, config.hw_array_cols <= 4 * config.hw_array_rows, "hw.array_cols",
          "the RTL monitors allow at most 4 * hw.array_rows = " + number(4 * config.hw_array_rows) +
              " columns");
  require(config, config.hw_array_cols % config.hw_post_lanes == 0, "hw.post_lanes",
          "it must divide hw.array_cols = " + number(config.hw_array_cols));
  require(config, config.hw_operand_bits == 8 || config.hw_operand_bits == 16, "hw.operand_bits",
          "an operand word has 8 or 16 bits");
  const std::int64_t weight_row = config.hw_operand_bits * config.hw_array_cols;
  require(config, config.mem_data_bits <= weight_row, "mem.data_bits",
          "a beat may not be longer than a weight row of hw.operand_bits * hw.array_cols = " +
              number(weight_row) + " bits");
  require_power_of_two(config, config.hw_edge_words, "hw.edge_words");
  require(config, (config.hw_nm_patterns == "dense") == (config.hw_edge_words == 1),
          "hw.edge_words", "hw.nm_patterns=dense has one operand word per row, any has 2, 4 or 8");
  const std::int64_t edge_bits = config.hw_operand_bits * config.hw_edge_words;
  require(config, edge_bits <= config.mem_data_bits, "hw.edge_words",
          "a row receives it from one beat: hw.operand_bits * hw.edge_words = " +
              number(edge_bits) + " bits, mem.data_bits is " + number(config.mem_data_bits));
  const std::int64_t beat = config.beat_bytes();
  require_half(config, "buf.ifmap_kib", config.ifmap_bank_bytes(), 2 * beat, address_limit,
               "bytes in each of the hw.array_rows banks");
  require_half(config, "buf.ofmap_kib", config.ofmap_bank_bytes(), 2 * beat, address_limit,
               "bytes in each of the hw.array_cols banks");
  require_half(config, "buf.weight_kib", config.weight_rows(), config.hw_array_rows, entry_limit,
               "weight rows");
  require_half(config, "buf.index_kib", config.index_rows(), 1, entry_limit, "index rows");
  require_half(config, "buf.psum_kib", config.psum_entries(), 1, entry_limit,
               "partial sums in each column");
  require_half(config, "buf.param_kib", config.param_records(), config.hw_array_cols + 1,
               record_limit, "records");
}

}  // namespace tactus
