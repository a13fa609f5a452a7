// SPDX-License-Identifier: Apache-2.0
#include "generator.hpp"

#include <algorithm>
#include <array>

#include "draft.hpp"
#include "rng.hpp"

namespace tactus::oplevel {

std::int64_t log2_of(std::int64_t power) {
  std::int64_t n = 0;
  while (std::int64_t{1} << n < power) ++n;
  return n;
}

Generator::Generator(const ArchConfig& config, std::uint64_t seed, const Kinds& kinds)
    : config_(config),
      kinds_(kinds),
      rng_(seed),
      word_(config.word_bytes()),
      beat_(config.beat_bytes()) {}

Draft Generator::run() {
  random_data();
  const std::int64_t computes = has("ws") || has("os") ? rng_.in(1, 4) : 0;
  for (std::int64_t h = 0; h < 2; ++h) {
    if (rng_.chance(1, 2)) fill(0, h);
    if (rng_.chance(1, 4)) fill(3, h);
  }
  for (std::int64_t i = 0; i < computes; ++i) {
    compute();
    if (rng_.chance(1, 2)) move();
    if (rng_.chance(2, 3)) post_psums();
  }
  for (std::int64_t i = rng_.in(computes == 0 ? 3 : 0, 3); i > 0; --i) move();
  return std::move(draft_);
}

void Generator::random_data() {
  draft_.data.resize(static_cast<std::size_t>(data_bytes + index_bytes));
  // Half of the programs have values near zero: little overflow, zero operands.
  const bool sparse = rng_.chance(1, 2);
  for (std::int64_t i = 0; i < data_bytes; ++i) {
    const auto v = static_cast<std::uint8_t>(rng_.word() >> 56U);
    draft_.data[static_cast<std::size_t>(i)] = sparse && rng_.chance(1, 2) ? 0 : v;
  }
  // Indices of M = 8 have 4 bits and must be less than 8.
  for (std::int64_t i = data_bytes; i < data_bytes + index_bytes; ++i) {
    draft_.data[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>((rng_.word() >> 56U) & 0x77U);
  }
}

std::int64_t Generator::reserve(std::int64_t bytes) {
  const auto at = static_cast<std::int64_t>(draft_.data.size());
  draft_.data.resize(static_cast<std::size_t>(at + (bytes + 63) / 64 * 64));
  return at;
}

std::int64_t Generator::random_address(std::int64_t extent) {
  return rng_.in(0, (data_bytes - extent) / beat_) * beat_;
}

void Generator::fill(std::int64_t dest, std::int64_t half) {
  if (!has("fill")) return;
  FillOp op;
  op.dest = dest;
  op.half = half;
  op.dst_base = rng_.in(0, 8);
  op.beats = rng_.in(1, 40);
  op.value = static_cast<std::int64_t>(rng_.word() >> 32U);
  draft_.ops.emplace_back(op);
}

void Generator::load_linear(Dest dest, std::int64_t half, std::int64_t first_beat,
                            std::int64_t bytes, std::int64_t address) {
  LoadOp op;
  op.dest = static_cast<std::int64_t>(dest);
  op.half = half;
  op.planes = op.lines = 1;
  op.line_bytes = bytes;
  op.dst_base = first_beat;
  op.mem_addr = address;
  draft_.ops.emplace_back(op);
}

void Generator::load_ifmap(std::int64_t half, std::int64_t bytes) {
  LoadOp op;
  op.half = half;
  op.log2_group = rng_.chance(2, 3) ? log2_of(config_.hw_array_rows)
                                    : rng_.in(0, log2_of(config_.hw_array_rows));
  const std::int64_t group = std::int64_t{1} << op.log2_group;
  op.lines = rng_.in(1, 3);
  op.line_bytes = std::max<std::int64_t>(1, bytes / op.lines - rng_.in(0, beat_ - 1));
  const std::int64_t line = (op.line_bytes + beat_ - 1) / beat_;
  op.dst_line_stride = line;
  const std::int64_t slots = rng_.chance(1, 4) ? 2 : 1;
  op.planes = group * slots - (rng_.chance(1, 6) ? rng_.in(0, group - 1) : 0);
  op.dst_slot_stride = rng_.in(1, line * op.lines);
  op.line_stride = line * beat_;
  op.plane_stride = rng_.in(1, line * op.lines) * beat_;
  const std::int64_t extent = op.planes * line * op.lines * beat_;
  if (extent > data_bytes) return;
  op.mem_addr = random_address(extent);
  draft_.ops.emplace_back(op);
}

void Generator::records(std::int64_t half, std::int64_t first, std::int64_t convention,
                        std::int64_t channels, bool add) {
  const std::int64_t count = channels + (add ? 1 : 0);
  const std::int64_t at = reserve(count * record_bytes);
  const auto put = [&](std::int64_t i, const EncodedRecord& bytes) {
    std::copy(bytes.begin(), bytes.end(), draft_.data.begin() + at + i * record_bytes);
  };
  const std::int64_t acc = config_.hw_acc_bits;
  const std::int64_t mult = (std::int64_t{1} << std::min<std::int64_t>(31, 61 - acc)) - 1;
  for (std::int64_t i = 0; i < channels; ++i) {
    const std::int64_t bias = (std::int64_t{1} << rng_.in(0, acc - 2)) - 1;
    if (convention >= 3) {  // TFLite
      const std::int64_t most = convention == 5 ? 14 : 30;
      put(i, encode(ChannelRecord{rng_.in(-bias, bias),
                                  rng_.in(std::int64_t{1} << 30, (std::int64_t{1} << 31) - 1),
                                  rng_.chance(1, 2) ? rng_.in(-31, most) : rng_.in(-8, 2), 0}));
      continue;
    }
    // Small constants make ties of the rounding, large ones reach the width of the product.
    const bool small = rng_.chance(1, 3);
    const std::int64_t shift = small ? rng_.in(1, 4) : rng_.in(0, 63);
    const std::int64_t limit = std::int64_t{1} << std::min<std::int64_t>(shift, 60);
    const std::int64_t factor = small ? rng_.in(-3, 3) : rng_.in(-mult, mult);
    put(i, encode(ChannelRecord{rng_.in(-bias, bias), factor, shift,
                                rng_.chance(1, 2) ? 0 : rng_.in(-limit, limit)}));
  }
  if (add) {
    AddRecord r;
    const bool small = rng_.chance(1, 3);
    r.ma = small ? rng_.in(-3, 3) : rng_.in(-32768, 32767);
    r.mb = small ? rng_.in(-3, 3) : rng_.in(-32768, 32767);
    r.la = rng_.in(0, small ? 1 : 6);
    r.lb = rng_.in(0, small ? 1 : 6);
    r.shift = small ? rng_.in(1, 3) : rng_.in(0, 40);
    r.rounding = rng_.in(0, 6);
    r.za = rng_.in(-128, 255);
    r.zb = rng_.in(-128, 255);
    r.zp = rng_.in(-128, 255);
    r.clamp_min = rng_.in(-40000, 0);
    r.clamp_max = rng_.in(0, 70000);
    r.add = rng_.in(-50000, 50000);
    if (has("tflite_add") && rng_.chance(1, 2)) {
      const auto factor = [&] {
        return rng_.in(std::int64_t{1} << 30, (std::int64_t{1} << 31) - 1);
      };
      r.kind = rng_.in(1, 2);
      r.ma = factor();
      r.mb = factor();
      r.la = rng_.chance(1, 2) ? 20 : rng_.in(0, 31);
      const auto shift = [&] { return rng_.chance(1, 3) ? rng_.in(-31, 30) : rng_.in(-20, 0); };
      set_tflite_fields({factor(), shift(), shift(), shift()}, r);
    }
    put(channels, encode(r));
  }
  load_linear(Dest::param, half, first * record_bytes / beat_, count * record_bytes, at);
}

Draft random_draft(const ArchConfig& config, std::uint64_t seed, const Kinds& kinds) {
  return Generator(config, seed, kinds).run();
}

}  // namespace tactus::oplevel
