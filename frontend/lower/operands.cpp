// SPDX-License-Identifier: Apache-2.0
#include "lower/operands.hpp"

namespace tactus::lower {

namespace {

TensorLayout layout_with(std::int64_t carrier, std::int64_t bundle, const ArchConfig& config) {
  TensorLayout out;
  out.word_bytes = config.word_bytes();
  out.carrier = carrier;
  out.pack = config.hw_operand_bits / carrier;
  out.bundle = bundle;
  return out;
}

bool fits(const TensorLayout& layout, const ArchConfig& config) {
  if (layout.bundle > 1 && config.hw_nm_patterns == "dense") return false;
  return layout.plane_channels() <= config.hw_post_lanes &&
         layout.pixel_bytes() <= config.beat_bytes();
}

}  // namespace

std::int64_t carrier_of(int bits, const ArchConfig& config) {
  if (!config.multi_width()) return config.hw_operand_bits;
  std::int64_t carrier = 1;
  while (carrier < bits) carrier *= 2;
  return carrier;
}

TensorLayout smallest_layout(const Format& format, const ArchConfig& config) {
  if (format.bits > config.hw_operand_bits) {
    TensorLayout wide;
    wide.word_bytes = element_bytes(format, config.word_bytes());
    wide.carrier = 8 * wide.word_bytes;
    return wide;
  }
  std::int64_t carrier = carrier_of(format.bits, config);
  while (!fits(layout_with(carrier, 1, config), config)) carrier *= 2;
  return layout_with(carrier, 1, config);
}

std::vector<TensorLayout> possible_layouts(const Format& format, const ArchConfig& config) {
  std::vector<TensorLayout> out{smallest_layout(format, config)};
  if (format.bits > config.hw_operand_bits) return out;
  for (std::int64_t carrier = out[0].carrier; carrier <= config.hw_operand_bits; carrier *= 2) {
    for (std::int64_t bundle = 1; bundle <= 8; bundle *= 2) {
      const TensorLayout layout = layout_with(carrier, bundle, config);
      const bool first = carrier == out[0].carrier && bundle == 1;
      if (!first && fits(layout, config)) out.push_back(layout);
    }
  }
  return out;
}

TensorLayout plain_layout(const Format& format, const ArchConfig& config) {
  if (format.bits > config.hw_operand_bits) return smallest_layout(format, config);
  return layout_with(config.hw_operand_bits, 1, config);
}

std::uint32_t repeated(std::int64_t value, std::int64_t bits) {
  const auto raw = static_cast<std::uint32_t>(value);
  if (bits >= 32) return raw;
  const std::uint32_t field = raw & ((std::uint32_t{1} << bits) - 1);
  std::uint32_t out = 0;
  for (std::int64_t at = 0; at < 32; at += bits) out |= field << at;
  return out;
}

}  // namespace tactus::lower
