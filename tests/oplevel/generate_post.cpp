// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "generator.hpp"

namespace tactus::oplevel {

namespace {
std::int64_t up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
}  // namespace

void Generator::packing(std::int64_t& log2_pack, std::int64_t& log2_bundle) {
  if (!has("pack") || rng_.chance(1, 4)) return;
  if (!config_.multi_width() && config_.hw_nm_patterns == "dense") return;
  for (;;) {
    log2_pack = config_.multi_width() ? rng_.in(0, log2_of(config_.hw_operand_bits)) : 0;
    log2_bundle = rng_.in(0, 3);
    if ((std::int64_t{1} << (log2_pack + log2_bundle)) > config_.hw_post_lanes) continue;
    if ((word_ << log2_bundle) <= beat_) return;
  }
}

void Generator::load_ofmap(std::int64_t half) {
  LoadOp op;
  op.dest = static_cast<std::int64_t>(Dest::ofmap);
  op.half = half;
  packing(op.log2_pack, op.log2_bundle);
  op.unpack_signed = op.log2_pack > 0 ? rng_.in(0, 1) : 0;
  const bool packed = op.log2_pack + op.log2_bundle > 0;
  const std::int64_t groups = config_.hw_array_cols >> (op.log2_pack + op.log2_bundle);
  op.log2_group = rng_.chance(1, 2) ? log2_of(groups) : rng_.in(0, log2_of(groups));
  op.planes = rng_.in(1, 2 * (std::int64_t{1} << op.log2_group));
  op.lines = rng_.in(1, 3);
  op.line_bytes = packed ? rng_.in(1, 9) * (word_ << op.log2_bundle) : rng_.in(1, 40);
  const std::int64_t beats = up(op.line_bytes, beat_);
  op.line_stride = (beats + rng_.in(0, 1)) * beat_;
  op.plane_stride = op.line_stride * op.lines;
  op.dst_base = rng_.in(0, 3);
  op.dst_line_stride = up(beats, std::int64_t{1} << op.log2_bundle) + rng_.in(0, 1);
  op.dst_slot_stride = op.dst_line_stride * op.lines + rng_.in(0, 1);
  op.mem_addr = random_address(op.planes * op.plane_stride);
  draft_.ops.emplace_back(op);
}

void Generator::destination(PostOp& op) {
  op.dst_half = rng_.in(0, 1);
  op.dst = rng_.chance(1, 2) ? 1 : 0;
  if (op.dst == 0) {
    op.dst_log2_bytes = rng_.in(0, 2);
    const std::int64_t bytes = std::int64_t{1} << op.dst_log2_bytes;
    op.dst_base = bytes * rng_.in(0, 12);
    op.dst_step_y = bytes * (op.out_w + rng_.in(0, 3));
    op.dst_slot_stride = op.dst_step_y * op.out_h;
    // A half that is read and written is legal in special cases only.
    if (op.mode != 0) op.dst_half = 1 - op.src_half;
    return;
  }
  op.dst_log2_bytes = log2_of(word_);
  packing(op.dst_log2_pack, op.dst_log2_bundle);
  const std::int64_t plane = std::int64_t{1} << (op.dst_log2_pack + op.dst_log2_bundle);
  const std::int64_t bundle = word_ << op.dst_log2_bundle;
  op.dst_ch0 = plane * rng_.in(0, 5);
  const std::int64_t planes = up(std::min(op.channels, config_.hw_post_lanes), plane);
  std::int64_t low = 0;
  while ((std::int64_t{1} << low) < planes) ++low;
  if (low > log2_of(config_.hw_array_rows)) {
    op.channels = plane << log2_of(config_.hw_array_rows);
    low = log2_of(config_.hw_array_rows);
  }
  op.dst_log2_group = rng_.in(low, log2_of(config_.hw_array_rows));
  op.dst_base = bundle * rng_.in(0, 5);
  op.dst_step_y = bundle * (op.out_w + rng_.in(0, 3));
  op.dst_slot_stride = op.dst_step_y * op.out_h;
}

void Generator::post_psums() {
  PostOp op;
  op.mode = has("add") && rng_.chance(1, 4) ? 1 : 0;
  op.psum_half = last_.psum_half;
  op.psum_base = last_.psum_base;
  op.channels = rng_.chance(2, 3) ? last_.cols : rng_.in(1, config_.hw_array_cols);
  op.out_h = last_.out_h;
  op.out_w = last_.out_w;
  op.win_h = op.win_w = 1;
  op.convention = rng_.pick({0, 1, 1, 2, 3, 4, 5});
  op.rounding = rng_.in(0, 6);
  const std::int64_t bits = rng_.in(1, 20);
  op.clamp_min = rng_.chance(1, 2) ? -(std::int64_t{1} << bits) : 0;
  op.clamp_max = (std::int64_t{1} << bits) - 1;
  op.out_zp = rng_.chance(1, 2) ? 0 : rng_.in(-130, 260);
  op.src_half = rng_.in(0, 1);
  if (op.mode == 1) {
    load_ofmap(op.src_half);
    op.src_log2_bytes = rng_.in(0, 2);
    op.src_signed = rng_.in(0, 1);
    op.src_step_x = std::int64_t{1} << op.src_log2_bytes;
    op.src_step_y = op.src_step_x * rng_.in(0, 8);
  }
  destination(op);
  op.param_half = rng_.in(0, 1);
  op.param_base = rng_.in(0, 3);
  const bool records_fit = op.param_base + op.out_h * op.out_w <= config_.param_records();
  if (has("transposed") && op.mode == 0 && op.dst == 0 && records_fit && rng_.chance(1, 2)) {
    op.transposed = 1;
    records(op.param_half, op.param_base, op.convention, op.out_h * op.out_w, false);
    draft_.ops.emplace_back(op);
    transposed_store(op.dst_half);
    return;
  }
  records(op.param_half, op.param_base, op.convention, op.channels, op.mode == 1);
  draft_.ops.emplace_back(op);
  if (op.dst == 0) store(op.dst_half);
}

void Generator::ofmap_post(std::int64_t source) {
  PostOp op;
  op.mode = 5;
  if (has("pool") && rng_.chance(1, 3)) op.mode = rng_.in(2, 3);
  if (has("add") && rng_.chance(1, 4)) op.mode = 4;
  if (has("elementwise") && rng_.chance(1, 3)) op.mode = rng_.in(6, 9);
  const bool two = op.mode == 4 || (op.mode >= 6 && op.mode <= 8);
  op.src_half = source;
  op.src_log2_bytes = rng_.in(0, op.mode == 6 ? 1 : 2);
  op.srcb_log2_bytes = two ? rng_.in(0, op.mode == 6 ? 1 : 2) : 0;
  op.src_signed = rng_.in(0, 1);
  op.srcb_signed = rng_.in(0, 1);
  const std::int64_t unit = std::int64_t{1} << std::max(op.src_log2_bytes, op.srcb_log2_bytes);
  op.channels = rng_.in(1, 3 * config_.hw_array_cols / 2);
  op.out_h = rng_.in(1, 4);
  op.out_w = rng_.in(1, 7);
  op.src_base = unit * rng_.in(0, 8);
  op.src_base_b = two ? unit * rng_.in(0, 8) : 0;
  op.src_slot_stride = unit * rng_.in(0, 12);
  op.src_step_x = rng_.in(0, 2) << op.src_log2_bytes;
  op.src_step_y = unit * rng_.in(0, 10);
  op.win_h = op.win_w = 1;
  if (op.mode == 2 || op.mode == 3) {
    op.win_h = rng_.in(1, 3);
    op.win_w = rng_.in(1, 3);
    op.src_step_kx = rng_.in(0, 2) << op.src_log2_bytes;
    op.src_step_ky = rng_.in(0, 8) << op.src_log2_bytes;
  }
  op.convention = op.mode == 3   ? rng_.pick({0, 1, 2, 3, 4, 5})
                  : op.mode == 6 ? rng_.pick({0, 1, 2, 3, 4, 5})
                                 : 0;
  op.rounding = rng_.in(0, 6);
  const std::int64_t bits = rng_.in(1, 30);
  op.clamp_min = rng_.chance(1, 2) ? -(std::int64_t{1} << bits) : 0;
  op.clamp_max = (std::int64_t{1} << bits) - 1;
  op.out_zp = op.mode == 3 || op.mode == 6 ? rng_.in(-130, 260) : 0;
  destination(op);
  op.param_half = rng_.in(0, 1);
  op.param_base = rng_.in(0, 3);
  if (op.mode == 6) product_record(op);
  if (op.mode == 9) table_records(op);
  if (op.mode == 3 || op.mode == 4) {
    // Element sums fit the bias adder: its operands are smaller than the accumulator.
    records(op.param_half, op.param_base, op.convention, op.mode == 3 ? op.channels : 0,
            op.mode == 4);
  }
  draft_.ops.emplace_back(op);
  if (op.dst == 0 && rng_.chance(3, 4)) store(op.dst_half);
}

void Generator::product_record(const PostOp& op) {
  AddRecord r;
  r.za = rng_.in(-128, 255);
  r.zb = rng_.in(-128, 255);
  const bool tflite = op.convention >= 3;
  // A product has up to 36 bits.
  r.ma = tflite ? rng_.in(std::int64_t{1} << 30, (std::int64_t{1} << 31) - 1)
                : rng_.in(-(1 << 20), 1 << 20);
  r.shift = tflite ? rng_.in(-31, op.convention == 5 ? 14 : 30) & 63 : rng_.in(0, 63);
  r.add = rng_.in(-50000, 50000);
  const EncodedRecord bytes = encode(r);
  const std::int64_t at = reserve(record_bytes);
  std::copy(bytes.begin(), bytes.end(), draft_.data.begin() + at);
  load_linear(Dest::param, op.param_half, op.param_base * record_bytes / beat_, record_bytes, at);
}

void Generator::table_records(PostOp& op) {
  op.lut_shift = rng_.chance(1, 2) ? 0 : rng_.in(1, 8);
  op.param_base = rng_.in(0, 3);
  const std::int64_t entries =
      rng_.in(1, std::min<std::int64_t>(300, (config_.param_records() - op.param_base) * 8));
  op.clamp_min = rng_.in(-300, 100);
  op.clamp_max = op.clamp_min + (entries << op.lut_shift) - 1;
  const std::int64_t bytes = up(entries, 8) * record_bytes;
  load_linear(Dest::param, op.param_half, op.param_base * record_bytes / beat_, bytes,
              random_address(bytes));
}

void Generator::load_bytes(std::int64_t half, std::int64_t record,
                           const std::vector<std::uint8_t>& bytes) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  const std::int64_t at = reserve(size);
  std::copy(bytes.begin(), bytes.end(), draft_.data.begin() + at);
  load_linear(Dest::param, half, record * record_bytes / beat_, size, at);
}

void Generator::row_post(std::int64_t source) {
  PostOp op;
  op.mode = 10;
  op.row_kind = rng_.in(0, 4);
  op.src_half = source;
  op.src_log2_bytes = op.row_kind == 0 ? 0 : rng_.in(0, 1);
  op.src_signed = rng_.in(0, 1);
  const std::int64_t unit = std::int64_t{1} << op.src_log2_bytes;
  op.channels = rng_.in(1, 2 * config_.hw_array_cols + 1);
  op.out_h = rng_.in(1, 2);
  op.out_w = rng_.in(1, 3);
  op.win_h = op.win_w = 1;
  op.src_base = unit * rng_.in(0, 8);
  op.src_slot_stride = unit * rng_.in(0, 12);
  op.src_step_x = unit * rng_.in(0, 2);
  op.src_step_y = unit * rng_.in(0, 10);
  const std::int64_t bits = rng_.in(6, 16);
  op.clamp_min = rng_.chance(1, 2) ? -(std::int64_t{1} << bits) : 0;
  op.clamp_max = (std::int64_t{1} << bits) - 1;
  op.out_zp = rng_.chance(1, 2) ? 0 : rng_.in(-130, 260);
  op.dst_half = 1 - source;
  op.dst_log2_bytes = rng_.in(0, 2);
  const std::int64_t bytes = std::int64_t{1} << op.dst_log2_bytes;
  op.dst_base = bytes * rng_.in(0, 12);
  op.dst_step_y = bytes * (op.out_w + rng_.in(0, 3));
  op.dst_slot_stride = op.dst_step_y * op.out_h;
  op.param_half = rng_.in(0, 1);

  RowRecord record;
  std::vector<std::uint32_t> entries;
  std::vector<std::uint8_t> data;
  const auto append = [&](const EncodedRecord& r) { data.insert(data.end(), r.begin(), r.end()); };
  record.bits = rng_.chance(1, 2) ? 8 : 16;
  record.one = rng_.in(1, 65535);
  record.zp = rng_.in(0, 100);
  record.eps = rng_.chance(1, 2) ? 0 : rng_.in(0, std::int64_t{1} << rng_.in(0, 40));
  record.mult = rng_.in(std::int64_t{1} << 30, (std::int64_t{1} << 31) - 1);
  record.shift = rng_.in(-10, 3);
  if (op.row_kind >= 3) {
    op.convention = rng_.in(1, 2);
    op.rounding = rng_.in(0, 6);
    append(encode(record));
    op.row_same = rng_.in(0, 1);
    for (std::int64_t c = 0; c < (op.row_same != 0 ? 1 : op.channels); ++c) {
      append(encode(
          ChannelRecord{0, rng_.in(-40000, 40000), rng_.in(0, 40), rng_.in(-1000000, 1000000)}));
    }
  } else {
    // As the frontend's tables: 0 and positive, the first one large.
    const auto word = [&] { return static_cast<std::uint32_t>(rng_.word() >> 33U); };
    const std::int64_t count = op.row_kind == 1 ? 1024 : rng_.in(1, 256);
    for (std::int64_t i = 0; i < count; ++i) {
      entries.push_back(op.row_kind == 1    ? word() & 0x7FFF7FFFU
                        : rng_.chance(1, 5) ? 0
                                            : word() >> rng_.in(0, 31));
    }
    if (op.row_kind == 0) entries[0] = 0x40000000U + word() / 2;
    if (op.row_kind == 1) entries[511] = 0x7FFF7000U;
    if (op.row_kind == 2) entries[0] |= 1U;
    record.last = count - 1;
    append(encode(record));
    entries.resize((entries.size() + 7) / 8 * 8);
    for (const std::uint32_t e : entries) {
      for (unsigned k = 0; k < 4; ++k) data.push_back(static_cast<std::uint8_t>(e >> (8 * k)));
    }
  }
  const auto records = static_cast<std::int64_t>(data.size()) / record_bytes;
  if (records > config_.param_records()) return;
  op.param_base = rng_.in(0, std::min<std::int64_t>(3, config_.param_records() - records));
  load_bytes(op.param_half, op.param_base, data);
  draft_.ops.emplace_back(op);
  if (rng_.chance(3, 4)) store(op.dst_half);
}

void Generator::store(std::int64_t half) {
  StoreOp op;
  op.half = half;
  packing(op.log2_pack, op.log2_bundle);
  const std::int64_t plane = std::int64_t{1} << (op.log2_pack + op.log2_bundle);
  op.bank0 = plane * rng_.in(0, config_.hw_array_cols / plane - 1);
  if (!has("pack") || rng_.chance(1, 2)) op.bank0 = 0;
  op.planes = rng_.in(1, std::max<std::int64_t>(1, 3 * config_.hw_array_cols / plane / 2));
  if (plane > 1) op.channels = op.planes * plane - rng_.in(0, plane - 1);
  op.lines = rng_.in(1, 4);
  op.line_bytes = plane > 1 ? rng_.in(1, 12) * (word_ << op.log2_bundle) : rng_.in(1, 50);
  const std::int64_t beats = up(op.line_bytes, beat_);
  op.line_stride = beats * beat_;
  op.plane_stride = op.line_stride * op.lines;
  op.src_base = rng_.in(0, 3);
  op.src_line_stride = rng_.in(0, 4);
  op.src_slot_stride = rng_.in(0, 8);
  op.mem_addr = reserve(op.planes * op.plane_stride);
  draft_.ops.emplace_back(op);
}

void Generator::transposed_store(std::int64_t half) {
  StoreOp op;
  op.half = half;
  op.transposed = 1;
  op.lines = 1;
  op.log2_bytes = rng_.in(0, 2);
  if (has("pack") && config_.multi_width() && rng_.chance(1, 2)) {
    op.log2_bytes = log2_of(word_);
    const std::int64_t most = std::min(config_.hw_operand_bits, beat_ / word_);
    op.log2_pack = rng_.in(0, log2_of(most));
  }
  const std::int64_t bytes = std::int64_t{1} << op.log2_bytes;
  const std::int64_t plane = std::int64_t{1} << op.log2_pack;
  op.bank0 = rng_.chance(1, 2) ? 0 : rng_.in(0, config_.hw_array_cols - 1);
  op.line_bytes = bytes * rng_.in(1, config_.hw_array_cols - op.bank0);
  op.planes = rng_.in(1, 6);
  op.channels = op.planes * plane - rng_.in(0, plane - 1);
  op.plane_stride = up(op.line_bytes, beat_) * beat_;
  op.src_base = rng_.in(0, 3);
  op.mem_addr = reserve(op.planes * op.plane_stride);
  draft_.ops.emplace_back(op);
}

void Generator::move() {
  const std::int64_t half = rng_.in(0, 1);
  if (rng_.chance(3, 4)) load_ofmap(half);
  if (has("rows") && rng_.chance(1, 6)) {
    row_post(half);
  } else if (rng_.chance(2, 3)) {
    ofmap_post(half);
  } else if (has("transposed") && rng_.chance(1, 4)) {
    transposed_store(half);
  } else {
    store(half);
  }
}

}  // namespace tactus::oplevel
