// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "naive_arith.hpp"
#include "naive_machine.hpp"

namespace tactus::oplevel {

std::int64_t NaiveMachine::source(const PostOp& op, std::int64_t channel, std::int64_t offset,
                                  std::int64_t log2_bytes, bool is_signed) const {
  const std::int64_t columns = config_.hw_array_cols;
  const auto& bank = ofmap_[z(op.src_half)][z(channel % columns)];
  const std::int64_t at = offset + channel / columns * op.src_slot_stride;
  const std::int64_t bytes = std::int64_t{1} << log2_bytes;
  std::int64_t v = 0;
  for (std::int64_t k = 0; k < bytes; ++k) v |= std::int64_t{bank.at(z(at + k))} << (8 * k);
  if (is_signed && (v >> (8 * bytes - 1) & 1) != 0) v -= std::int64_t{1} << (8 * bytes);
  return v;
}

std::int64_t NaiveMachine::requantised(const PostOp& op, std::int64_t record, std::int64_t sum) {
  const ChannelRecord r =
      decode_channel(param_[z(op.param_half)].data() + (op.param_base + record) * 32);
  const std::int64_t t = policy(Wide{sum} + r.bias);
  if (op.convention == 0) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(t));
  }
  return scaled(op, t, r.mult, r.add, r.shift);
}

std::int64_t NaiveMachine::scaled(const PostOp& op, std::int64_t t, std::int64_t mult,
                                  std::int64_t add, std::int64_t shift) {
  if (op.convention == 0) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(t));
  }
  Wide v = 0;
  if (op.convention == 5) {
    const std::int64_t reduced = mult >= 0x7FFF0000 ? 0x7FFF : (mult + 0x8000) / 0x10000;
    v = rounded(Wide{t} * reduced, 15 - shift, 1);
  } else if (op.convention >= 3) {
    v = tflite(op.convention == 3, t, mult, shift);
  } else {
    v = rounded(op.convention == 1 ? Wide{t} * mult + add : Wide{t}, shift, op.rounding);
  }
  return static_cast<std::int64_t>(clamped(v + op.out_zp, op.clamp_min, op.clamp_max));
}

std::int64_t NaiveMachine::from_table(const PostOp& op, std::int64_t x) const {
  const std::int64_t up =
      static_cast<std::int64_t>(clamped(x, op.clamp_min, op.clamp_max)) - op.clamp_min;
  const std::int64_t step = std::int64_t{1} << op.lut_shift;
  const auto* entry = param_[z(op.param_half)].data() + op.param_base * 32 + up / step * 4;
  const auto byte = [&](int k) { return std::int64_t{entry[k]}; };
  if (op.lut_shift == 0) {
    return static_cast<std::int32_t>(
        static_cast<std::uint32_t>(byte(0) + byte(1) * 256 + byte(2) * 65536 + byte(3) * 16777216));
  }
  const auto half = [&](int k) {
    const std::int64_t v = byte(k) + 256 * byte(k + 1);
    return v < 32768 ? v : v - 65536;
  };
  return half(0) +
         static_cast<std::int64_t>(rounded(Wide{half(2) - half(0)} * (up % step), op.lut_shift, 1));
}

std::int64_t NaiveMachine::added(const PostOp& op, std::int64_t record, std::int64_t a,
                                 std::int64_t b) const {
  const AddRecord r = decode_add(param_[z(op.param_half)].data() + (op.param_base + record) * 32);
  if (r.kind != 0) {
    // Bits 0..31 of `add` are the last multiplier, 32..37 and 38..43 the shifts of the operands.
    const auto field = [&](std::int64_t v) { return v % 64 >= 32 ? v % 64 - 64 : v % 64; };
    const auto step = [&](Wide x, std::int64_t mult, std::int64_t shift) {
      const auto low = static_cast<std::int32_t>(static_cast<std::uint32_t>(x));
      return Wide{static_cast<std::int32_t>(
          static_cast<std::uint32_t>(tflite(r.kind == 1, low, mult, shift)))};
    };
    const auto packed = static_cast<std::uint64_t>(r.add);
    const Wide unit = Wide{1} << r.la;
    const Wide total =
        step((Wide{a} - r.za) * unit, r.ma, field(static_cast<std::int64_t>(packed >> 32 & 63))) +
        step((Wide{b} - r.zb) * unit, r.mb, field(static_cast<std::int64_t>(packed >> 38 & 63)));
    const Wide v = step(total, static_cast<std::int32_t>(packed & 0xFFFFFFFF), field(r.shift));
    return static_cast<std::int64_t>(clamped(v + r.zp, r.clamp_min, r.clamp_max));
  }
  const Wide sum = (Wide{a} - r.za) * r.ma * (Wide{1} << r.la) +
                   (Wide{b} - r.zb) * r.mb * (Wide{1} << r.lb) + r.add;
  return static_cast<std::int64_t>(
      clamped(rounded(sum, r.shift, r.rounding) + r.zp, r.clamp_min, r.clamp_max));
}

std::int64_t NaiveMachine::post_value(const PostOp& op, std::int64_t channel, std::int64_t y,
                                      std::int64_t x) {
  const std::int64_t line = y * op.src_step_y;
  const auto operand_a = [&](std::int64_t ky, std::int64_t kx) {
    return source(
        op, channel,
        op.src_base + line + x * op.src_step_x + ky * op.src_step_ky + kx * op.src_step_kx,
        op.src_log2_bytes, op.src_signed != 0);
  };
  const std::int64_t entry = (op.psum_base + y * op.out_w + x) * config_.hw_array_cols + channel;
  switch (op.mode) {
    case 0:
      return requantised(op, op.transposed != 0 ? y * op.out_w + x : channel,
                         psum_[z(op.psum_half)].at(z(entry)));
    case 1: {
      const std::int64_t v = requantised(op, channel, psum_[z(op.psum_half)].at(z(entry)));
      return added(op, op.channels, v, operand_a(0, 0));
    }
    case 2:
    case 3: {
      std::int64_t best = operand_a(0, 0);
      std::int64_t sum = 0;
      for (std::int64_t ky = 0; ky < op.win_h; ++ky) {
        for (std::int64_t kx = 0; kx < op.win_w; ++kx) {
          best = std::max(best, operand_a(ky, kx));
          sum += operand_a(ky, kx);
        }
      }
      if (op.mode == 3) return requantised(op, channel, sum);
      return static_cast<std::int64_t>(clamped(best, op.clamp_min, op.clamp_max));
    }
    case 4:
    case 6:
    case 7:
    case 8: {
      const std::int64_t a = operand_a(0, 0);
      const std::int64_t b = source(op, channel, op.src_base_b + line + (x << op.srcb_log2_bytes),
                                    op.srcb_log2_bytes, op.srcb_signed != 0);
      if (op.mode == 4) return added(op, 0, a, b);
      if (op.mode > 6) {
        const bool take_a = (op.mode == 7) == (a > b);
        return static_cast<std::int64_t>(clamped(take_a ? a : b, op.clamp_min, op.clamp_max));
      }
      const AddRecord r = decode_add(param_[z(op.param_half)].data() + op.param_base * 32);
      const std::int64_t shift = op.convention >= 3 && r.shift >= 32 ? r.shift - 64 : r.shift;
      return scaled(op, (a - r.za) * (b - r.zb), r.ma, r.add, shift);
    }
    case 9:
      return from_table(op, operand_a(0, 0));
    default:
      return static_cast<std::int64_t>(clamped(operand_a(0, 0), op.clamp_min, op.clamp_max));
  }
}

void NaiveMachine::write_post(const PostOp& op, std::int64_t channel, std::int64_t y,
                              std::int64_t x, std::int64_t value) {
  if (op.dst == 0) {
    const std::int64_t columns = config_.hw_array_cols;
    const std::int64_t at = op.dst_base + channel / columns * op.dst_slot_stride +
                            y * op.dst_step_y + (x << op.dst_log2_bytes);
    for (std::int64_t k = 0; k < (std::int64_t{1} << op.dst_log2_bytes); ++k) {
      ofmap_[z(op.dst_half)][z(channel % columns)].at(z(at + k)) =
          static_cast<std::uint8_t>(value >> (8 * k));
    }
    return;
  }
  const std::int64_t word_bytes = config_.word_bytes();
  const std::int64_t pack = std::int64_t{1} << op.dst_log2_pack;
  const std::int64_t bundle = std::int64_t{1} << op.dst_log2_bundle;
  const std::int64_t group = std::int64_t{1} << op.dst_log2_group;
  const std::int64_t bits = config_.hw_operand_bits / pack;
  const std::int64_t n = op.dst_ch0 + channel;
  const std::int64_t plane = n / (pack * bundle);
  const std::int64_t in_plane = n % (pack * bundle);
  const std::int64_t pixel = op.dst_base + plane / group * op.dst_slot_stride + y * op.dst_step_y +
                             x * bundle * word_bytes;
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  const std::int64_t shift = in_plane % pack * bits;
  for (std::int64_t b = plane % group; b < config_.hw_array_rows; b += group) {
    auto& bank = ifmap_[z(op.dst_half)][z(b)];
    // The first channel of a plane clears the fields of channels that the op does not have.
    if (in_plane == 0) {
      for (std::int64_t k = 0; k < bundle * word_bytes; ++k) bank.at(z(pixel + k)) = 0;
    }
    const std::int64_t at = pixel + in_plane / pack * word_bytes;
    std::uint64_t word = 0;
    for (std::int64_t k = 0; k < word_bytes; ++k) {
      word |= std::uint64_t{bank.at(z(at + k))} << (8 * k);
    }
    word &= ~(mask << shift);
    word |= (static_cast<std::uint64_t>(value) & mask) << shift;
    for (std::int64_t k = 0; k < word_bytes; ++k) {
      bank.at(z(at + k)) = static_cast<std::uint8_t>(word >> (8 * k));
    }
  }
}

void NaiveMachine::run(const PostOp& op) {
  if (op.mode == 10) return run_rows(op);
  const std::int64_t pixels = op.out_h * op.out_w;
  // All values first: a destination on top of its source is then as good as any order.
  std::vector<std::int64_t> values;
  for (std::int64_t c = 0; c < op.channels; ++c) {
    for (std::int64_t m = 0; m < pixels; ++m) {
      values.push_back(post_value(op, c, m / op.out_w, m % op.out_w));
      term(c * pixels + m, static_cast<std::uint64_t>(values.back()));
    }
  }
  std::size_t i = 0;
  for (std::int64_t c = 0; c < op.channels; ++c) {
    for (std::int64_t m = 0; m < pixels; ++m) {
      write_post(op, c, m / op.out_w, m % op.out_w, values[i++]);
    }
  }
  const auto u = [](std::int64_t v) { return static_cast<std::uint64_t>(v); };
  const std::int64_t elements = op.channels * pixels;
  const bool from_psum = op.mode <= 1;
  std::int64_t taps = 1;
  if (op.mode == 2 || op.mode == 3) taps = op.win_h * op.win_w;
  if (op.mode == 4 || (op.mode >= 6 && op.mode <= 8)) taps = 2;
  if (from_psum || op.mode == 3) event(Event::param_rd) = u(op.channels);
  if (op.transposed != 0) {
    const std::int64_t passes = (op.channels + config_.hw_post_lanes - 1) / config_.hw_post_lanes;
    event(Event::param_rd) = u(passes * pixels);
  }
  if (op.mode == 1 || op.mode == 4 || op.mode == 6) ++event(Event::param_rd);
  if (op.mode == 9) event(Event::param_rd) = u(elements);
  if (from_psum) event(Event::psum_rd) = u(elements);
  if (op.mode != 0) event(Event::ofmap_rd) = u(taps * elements);
  event(Event::post_op) = u(elements);
  if (op.dst == 0) {
    event(Event::ofmap_wr) = u(elements);
    return;
  }
  const std::int64_t plane = std::int64_t{1} << (op.dst_log2_pack + op.dst_log2_bundle);
  std::int64_t planes = 0;
  for (std::int64_t c = 0; c < op.channels; c += config_.hw_post_lanes) {
    planes += (std::min(config_.hw_post_lanes, op.channels - c) + plane - 1) / plane;
  }
  event(Event::ifmap_wr) = u(pixels * (config_.hw_array_rows >> op.dst_log2_group) * planes);
}

}  // namespace tactus::oplevel
