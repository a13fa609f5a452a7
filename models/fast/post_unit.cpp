// SPDX-License-Identifier: Apache-2.0
#include "fast/post_unit.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "fast/digest.hpp"
#include "fast/occupancy.hpp"
#include "fast/post_lines.hpp"
#include "fast/row_unit.hpp"
#include "numerics/errors.hpp"

namespace tactus::fast {
namespace {

ElementGrid source_grid(const PostOp& op) {
  return {op.out_h,
          op.out_w,
          op.src_step_x,
          op.src_step_y,
          static_cast<int>(op.src_log2_bytes),
          op.src_signed != 0};
}

ElementGrid second_grid(const PostOp& op) {
  return {op.out_h,
          op.out_w,
          std::int64_t{1} << op.srcb_log2_bytes,
          op.src_step_y,
          static_cast<int>(op.srcb_log2_bytes),
          op.srcb_signed != 0};
}

ElementGrid target_grid(const PostOp& op) {
  const auto log2_bytes = static_cast<int>(op.dst_log2_bytes);
  return {op.out_h, op.out_w, std::int64_t{1} << log2_bytes, op.dst_step_y, log2_bytes, true};
}

Format format_of(const ElementGrid& grid) { return {8 << grid.log2_bytes, grid.is_signed, 0}; }

/// Bytes from the first to behind the last element of a grid.
std::int64_t span_of(const ElementGrid& grid) {
  return (grid.height - 1) * grid.step_y + (grid.width - 1) * grid.step_x +
         (std::int64_t{1} << grid.log2_bytes);
}

/// First source element of a channel, bounds checked for the whole grid.
const std::uint8_t* source_of(const PostOp& op, const Buffers& buffers, std::int64_t channel,
                              std::int64_t base, const ElementGrid& grid) {
  const BankedHalf& half = half_of(buffers.ofmap, op.src_half);
  const std::int64_t address = base + channel / half.banks() * op.src_slot_stride;
  half.check(address, span_of(grid));
  return half.bank(channel % half.banks()) + address;
}

const std::uint8_t* record_of(const PostOp& op, const Buffers& buffers, std::int64_t index) {
  const BankedHalf& half = half_of(buffers.param, op.param_half);
  const std::int64_t address = (op.param_base + index) * record_bytes;
  half.check(address, record_bytes);
  return half.bank(0) + address;
}

/// The add record follows the channel records, if the mode has some.
AddRecord add_record_of(const PostOp& op, const Buffers& buffers) {
  return decode_add(record_of(op, buffers, has_channel_records(op) ? op.channels : 0));
}

AddMulShift add_params(const AddRecord& r) {
  AddMulShift p;
  p.a = {r.za, r.ma, static_cast<unsigned>(r.la)};
  p.b = {r.zb, r.mb, static_cast<unsigned>(r.lb)};
  p.add = r.add;
  p.shift = static_cast<unsigned>(r.shift);
  p.rounding = static_cast<Rounding>(r.rounding);
  p.zp = r.zp;
  p.clamp_min = r.clamp_min;
  p.clamp_max = r.clamp_max;
  return p;
}

AddTflite tflite_params(const AddRecord& r) {
  const AddTfliteFields fields = tflite_fields(r);
  AddTflite p;
  p.zp_a = r.za;
  p.zp_b = r.zb;
  p.left_shift = static_cast<unsigned>(r.la);
  p.mult_a = static_cast<std::int32_t>(r.ma);
  p.mult_b = static_cast<std::int32_t>(r.mb);
  p.mult = static_cast<std::int32_t>(fields.mult);
  p.shift_a = static_cast<int>(fields.shift_a);
  p.shift_b = static_cast<int>(fields.shift_b);
  p.shift = static_cast<int>(fields.shift);
  p.zp = r.zp;
  p.clamp_min = r.clamp_min;
  p.clamp_max = r.clamp_max;
  p.single = static_cast<AddKind>(r.kind) == AddKind::add_tflite_single;
  return p;
}

}  // namespace

PostValues PostUnit::run(const PostOp& op, Buffers& buffers) {
  if (op.mode > static_cast<std::int64_t>(PostMode::row)) {
    throw InternalError("a post op has the unknown mode " + std::to_string(op.mode));
  }
  const auto pixels = static_cast<std::size_t>(op.out_h * op.out_w);
  line_.resize(pixels);
  other_.resize(pixels);
  overflows_ = 0;
  PostValues values;
  BankedHalf& target = half_of(op.dst == 0 ? buffers.ofmap : buffers.ifmap, op.dst_half);
  ++target.version;
  target.touch();
  if (has_add_record(op)) add_ = add_record_of(op, buffers);
  if (mode_of(op) == PostMode::lut) read_table(op, buffers);
  if (mode_of(op) == PostMode::row) {
    values.digest = run_rows(op, buffers);
    return values;
  }
  MixSum digest;
  for (std::int64_t channel = 0; channel < op.channels; ++channel) {
    results(op, buffers, channel);
    digest_run(digest, line_.data(), static_cast<std::int64_t>(pixels),
               channel * static_cast<std::int64_t>(pixels));
    write(op, buffers, channel);
  }
  values.digest = digest.value();
  values.acc_overflow = overflows_;
  return values;
}

void PostUnit::results(const PostOp& op, const Buffers& buffers, std::int64_t channel) {
  const auto count = static_cast<std::int64_t>(line_.size());
  const PostMode mode = mode_of(op);
  if (reads_psum(op)) {
    const PsumHalf& psum = half_of(buffers.psum, op.psum_half);
    psum.check(op.psum_base, count);
    if (channel >= psum.columns()) {
      throw InternalError("a post op reads psums of more channels than the array has columns");
    }
    requantise(op, buffers, channel, psum.column(channel) + op.psum_base);
  } else if (mode == PostMode::max_window || mode == PostMode::sum_window) {
    reduce_window(op, buffers, channel);
  } else {
    const ElementGrid grid = source_grid(op);
    read_elements(source_of(op, buffers, channel, op.src_base, grid), grid, line_.data());
  }
  if (mode == PostMode::sum_window) requantise(op, buffers, channel, line_.data());
  switch (mode) {
    case PostMode::requant_add:
    case PostMode::add:
    case PostMode::multiply:
    case PostMode::maximum:
    case PostMode::minimum:
      combine(op, buffers, channel);
      break;
    case PostMode::max_window:
    case PostMode::clamp:
      for (std::int64_t& v : line_) v = std::clamp(v, op.clamp_min, op.clamp_max);
      break;
    case PostMode::lut:
      look_up_all(line_.data(), count, table_, op.clamp_min, op.clamp_max,
                  static_cast<unsigned>(op.lut_shift));
      break;
    case PostMode::requant:
    case PostMode::sum_window:
    case PostMode::row:
      break;
  }
}

void PostUnit::combine(const PostOp& op, const Buffers& buffers, std::int64_t channel) {
  const auto count = static_cast<std::int64_t>(line_.size());
  const bool psums = reads_psum(op);
  const ElementGrid grid = psums ? source_grid(op) : second_grid(op);
  read_elements(source_of(op, buffers, channel, psums ? op.src_base : op.src_base_b, grid), grid,
                other_.data());
  switch (mode_of(op)) {
    case PostMode::multiply: {
      for (std::size_t i = 0; i < line_.size(); ++i) {
        line_[i] = (line_[i] - add_.za) * (other_[i] - add_.zb);
      }
      // The shift of TFLite's conventions is signed.
      const auto convention = static_cast<Convention>(op.convention);
      const bool tflite = convention >= Convention::tflite_double;
      const std::int64_t shift = tflite ? tflite_fields(add_).shift : add_.shift;
      requantise_all(line_.data(), count, convention,
                     {add_.ma, add_.add, static_cast<int>(shift),
                      static_cast<Rounding>(op.rounding), op.out_zp, op.clamp_min, op.clamp_max},
                     product_bits);
      return;
    }
    case PostMode::maximum:
      for (std::size_t i = 0; i < line_.size(); ++i) {
        line_[i] = std::clamp(std::max(line_[i], other_[i]), op.clamp_min, op.clamp_max);
      }
      return;
    case PostMode::minimum:
      for (std::size_t i = 0; i < line_.size(); ++i) {
        line_[i] = std::clamp(std::min(line_[i], other_[i]), op.clamp_min, op.clamp_max);
      }
      return;
    default:
      break;
  }
  if (static_cast<AddKind>(add_.kind) != AddKind::add_mul_shift) {
    const AddTflite params = tflite_params(add_);
    for (std::size_t i = 0; i < line_.size(); ++i) {
      line_[i] = add_tflite(line_[i], other_[i], params);
    }
    return;
  }
  const Format requantised{32, true, 0};
  add_all(line_.data(), psums ? requantised : format_of(source_grid(op)), other_.data(),
          format_of(grid), count, add_params(add_));
}

void PostUnit::read_table(const PostOp& op, const Buffers& buffers) {
  constexpr std::int64_t entries = record_bytes / 4;
  const std::int64_t count = ((op.clamp_max - op.clamp_min) >> op.lut_shift) + 1;
  table_.resize(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(&table_[static_cast<std::size_t>(i)],
                record_of(op, buffers, i / entries) + i % entries * 4, 4);
  }
}

void PostUnit::requantise(const PostOp& op, const Buffers& buffers, std::int64_t channel,
                          const std::int64_t* sums) {
  const auto apply = [&](std::int64_t record, std::int64_t first, std::int64_t count) {
    const ChannelRecord& r = channel_record(op, buffers, record);
    overflows_ +=
        requantise_sums(sums + first, count, r.bias, accumulator_.bits, accumulator_.policy,
                        static_cast<Convention>(op.convention),
                        {r.mult, r.add, static_cast<int>(r.shift),
                         static_cast<Rounding>(op.rounding), op.out_zp, op.clamp_min, op.clamp_max},
                        line_.data() + first);
  };
  const auto count = static_cast<std::int64_t>(line_.size());
  if (op.transposed == 0) return apply(channel, 0, count);
  for (std::int64_t m = 0; m < count; ++m) apply(m, m, 1);
}

const ChannelRecord& PostUnit::channel_record(const PostOp& op, const Buffers& buffers,
                                              std::int64_t channel) {
  const std::uint8_t* bytes = record_of(op, buffers, channel);
  const BankedHalf& half = half_of(buffers.param, op.param_half);
  Records& records = records_[static_cast<std::size_t>(op.param_half)];
  const auto count = static_cast<std::size_t>(half.bank_bytes() / record_bytes);
  if (records.version != half.version || records.record.size() != count) {
    records.version = half.version;
    records.record.resize(count);
    records.decoded.assign(count, false);
  }
  const auto index = static_cast<std::size_t>(op.param_base + channel);
  if (!records.decoded[index]) {
    records.record[index] = decode_channel(bytes);
    records.decoded[index] = true;
  }
  return records.record[index];
}

void PostUnit::reduce_window(const PostOp& op, const Buffers& buffers, std::int64_t channel) {
  const ElementGrid grid = source_grid(op);
  const bool sum = mode_of(op) == PostMode::sum_window;
  if (!sum && grid.log2_bytes == 0) {
    const std::int64_t last = (op.win_h - 1) * op.src_step_ky + (op.win_w - 1) * op.src_step_kx;
    source_of(op, buffers, channel, op.src_base + last, grid);
    max_bytes(source_of(op, buffers, channel, op.src_base, grid), grid,
              {op.win_h, op.win_w, op.src_step_ky, op.src_step_kx}, scratch_, line_.data());
    return;
  }
  for (std::int64_t ky = 0; ky < op.win_h; ++ky) {
    for (std::int64_t kx = 0; kx < op.win_w; ++kx) {
      const std::int64_t base = op.src_base + ky * op.src_step_ky + kx * op.src_step_kx;
      const bool first = ky == 0 && kx == 0;
      read_elements(source_of(op, buffers, channel, base, grid), grid,
                    first ? line_.data() : other_.data());
      if (first) continue;
      for (std::size_t i = 0; i < line_.size(); ++i) {
        line_[i] = sum ? line_[i] + other_[i] : std::max(line_[i], other_[i]);
      }
    }
  }
}

void PostUnit::write(const PostOp& op, Buffers& buffers, std::int64_t channel) {
  const ElementGrid grid = target_grid(op);
  const auto put = [&](BankedHalf& half, std::int64_t bank, std::int64_t slot) {
    const std::int64_t address = op.dst_base + slot * op.dst_slot_stride;
    half.check(address, span_of(grid));
    write_elements(half.bank(bank) + address, grid, line_.data());
  };
  if (op.dst == 0) {
    BankedHalf& half = half_of(buffers.ofmap, op.dst_half);
    put(half, channel % half.banks(), channel / half.banks());
    return;
  }
  BankedHalf& half = half_of(buffers.ifmap, op.dst_half);
  if (op.dst_log2_pack != 0 || op.dst_log2_bundle != 0) return write_packed(op, half, channel);
  const std::int64_t group = std::int64_t{1} << op.dst_log2_group;
  const std::int64_t number = op.dst_ch0 + channel;
  for (std::int64_t bank = number % group; bank < half.banks(); bank += group) {
    put(half, bank, number / group);
  }
}

void PostUnit::write_packed(const PostOp& op, BankedHalf& half, std::int64_t channel) {
  const std::int64_t pack = std::int64_t{1} << op.dst_log2_pack;
  const std::int64_t bundle = std::int64_t{1} << op.dst_log2_bundle;
  const std::int64_t bits = 8 * word_bytes_ / pack;
  if (bits < 1) throw InternalError("a post op packs more elements than a word has bits");
  const std::int64_t number = op.dst_ch0 + channel;
  const std::int64_t place = number % (pack * bundle);
  if (place == 0 || channel == 0) {
    words_.resize(static_cast<std::size_t>(bundle));
    for (auto& words : words_) words.assign(line_.size(), 0);
  }
  const std::int64_t mask = (std::int64_t{1} << bits) - 1;
  std::vector<std::int64_t>& words = words_[static_cast<std::size_t>(place / pack)];
  const std::int64_t shift = place % pack * bits;
  for (std::size_t i = 0; i < line_.size(); ++i) words[i] |= (line_[i] & mask) << shift;
  if (place != pack * bundle - 1 && channel != op.channels - 1) return;

  const std::int64_t group = std::int64_t{1} << op.dst_log2_group;
  const std::int64_t plane = number / (pack * bundle);
  const std::int64_t address = op.dst_base + plane / group * op.dst_slot_stride;
  const int log2_bytes = word_bytes_ == 1 ? 0 : 1;
  const ElementGrid grid{op.out_h, op.out_w, bundle * word_bytes_, op.dst_step_y, log2_bytes, true};
  half.check(address, span_of(grid) + (bundle - 1) * word_bytes_);
  for (std::int64_t bank = plane % group; bank < half.banks(); bank += group) {
    for (std::int64_t q = 0; q < bundle; ++q) {
      write_elements(half.bank(bank) + address + q * word_bytes_, grid,
                     words_[static_cast<std::size_t>(q)].data());
    }
  }
}

}  // namespace tactus::fast
