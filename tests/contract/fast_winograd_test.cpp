// SPDX-License-Identifier: Apache-2.0
// Which compute ops take Winograd's kernels, and that nobody sees it: sums, digests and events are
// those of the contract and of a unit without the kernels.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "dataflow/output_stationary.hpp"
#include "dataflow/unit_order.hpp"
#include "dataflow/weight_stationary.hpp"
#include "fast/compute_unit.hpp"
#include "fast/digest.hpp"
#include "fast/winograd_kernels.hpp"
#include "winograd_operands.hpp"

using namespace tactus;
using namespace tactus::fast;
using namespace tactus::fast_test;

namespace {

/// Counts how often the kernels of a test multiply.
std::atomic<int> multiplications{0};
decltype(WinogradKernels::multiply) counted_multiply = nullptr;
void count_and_multiply(const std::int16_t* pixels, const std::int16_t* weights, std::int64_t pairs,
                        std::int64_t tiles, std::int32_t* products) {
  ++multiplications;
  counted_multiply(pixels, weights, pairs, tiles, products);
}

/// A compute unit with buffers; every op that may take Winograd's kernels does.
class Rig {
 public:
  Rig(const ArchConfig& config, const WinogradKernels* winograd, bool may_wait, int threads)
      : pool_(threads), buffers_(config), kernels_(portable_kernels()) {
    kernels_.winograd = nullptr;
    if (winograd != nullptr) {
      winograd_ = *winograd;
      winograd_.least_channels = 0;
      winograd_.transform_cost = -1'000'000'000;
      counted_multiply = winograd->multiply;
      winograd_.multiply = count_and_multiply;
      kernels_.winograd = &winograd_;
    }
    unit_ = std::make_unique<ComputeUnit>(config, kernels_, pool_, may_wait);
    for (PsumHalf& half : buffers_.psum) {
      for (std::int64_t c = 0; c < half.columns(); ++c) {
        for (std::int64_t i = 0; i < half.entries(); ++i) half.column(c)[i] = 1000 * c + i;
      }
    }
  }
  void fill(BankedHalf& half, Fill fill, std::uint64_t seed) {
    half.touch();
    for (std::int64_t b = 0; b < half.banks(); ++b) {
      for (std::int64_t i = 0; i < half.bank_bytes(); ++i) {
        half.bank(b)[i] = byte_of(fill, static_cast<std::size_t>(i + 3 * b), seed);
      }
    }
  }
  void fill_all(Fill act, Fill wgt, std::uint64_t seed) {
    for (std::size_t h = 0; h < 2; ++h) {
      fill(buffers_.ifmap[h], act, seed + h);
      fill(buffers_.weight[h], wgt, seed + 17 + h);
      fill(buffers_.index[h], Fill::random, seed + 31 + h);
    }
  }
  ComputeValues run(const ComputeOp& op) { return unit_->run(op, buffers_); }
  void settle() { unit_->settle(buffers_); }
  Buffers& buffers() { return buffers_; }
  [[nodiscard]] std::vector<std::int64_t> psums() const {
    std::vector<std::int64_t> all;
    for (const PsumHalf& half : buffers_.psum) {
      all.insert(all.end(), half.column(0), half.column(0) + half.columns() * half.entries());
    }
    return all;
  }

 private:
  ThreadPool pool_;
  Buffers buffers_;
  Kernels kernels_;
  WinogradKernels winograd_{};
  std::unique_ptr<ComputeUnit> unit_;
};

bool equal(const ComputeValues& a, const ComputeValues& b) {
  return a.digest == b.digest && a.act_zero == b.act_zero && a.mac_gated == b.mac_gated &&
         a.acc_overflow == b.acc_overflow;
}

ArchConfig config_of(std::int64_t rows, std::int64_t cols) {
  ArchConfig config = preset("edge_16");
  config.hw_array_rows = rows;
  config.hw_array_cols = cols;
  config.buf_weight_kib = 1024;
  return config;
}

/// An op of nine taps on `rows` banks with slots planes each.
ComputeOp window_op(std::int64_t rows_log2, std::int64_t slots, std::int64_t out_h,
                    std::int64_t out_w, std::int64_t cols) {
  ComputeOp op;
  op.ifmap_base = 5;
  op.weight_base = 3;
  op.psum_base = 2;
  op.out_h = out_h;
  op.out_w = out_w;
  op.step_x = op.step_kx = 1;
  op.step_y = op.step_ky = out_w + 4;
  op.log2_group = rows_log2;
  op.rows_used = std::int64_t{1} << rows_log2;
  op.slots = slots;
  op.slot_stride = (out_h + 2) * op.step_y;
  op.kernel_w = 3;
  op.k_rows = 9 * slots * op.rows_used;
  op.folds = weight_stationary::folds(op);
  op.cols = cols;
  op.k_complete = 1;
  op.wgt_signed = 1;
  op.act_bits = op.wgt_bits = 8;
  return op;
}

/// The taps [first, first + count) of an op.
ComputeOp taps_of(ComputeOp op, std::int64_t first, std::int64_t count) {
  const std::int64_t channels = op.slots << op.log2_group;
  op.start_kx = first % 3;
  op.start_ky = first / 3;
  op.weight_base += first * channels;
  op.k_rows = count * channels;
  op.folds = weight_stationary::folds(op);
  op.accumulate = first > 0 ? 1 : 0;
  op.k_complete = first + count == 9 ? 1 : 0;
  return op;
}

/// The sums, zeros and digest of a dense op of one fold order by the definition.
struct Expected {
  std::vector<std::int64_t> sums;  ///< pixel by pixel
  std::uint64_t zeros = 0, digest = 0;
};
Expected expected_of(const ComputeOp& op, Buffers& buffers, std::int64_t array_cols) {
  Expected out;
  out.sums.assign(static_cast<std::size_t>(pixels(op) * op.cols), 0);
  UnitOrder order(op, operand_layout(op, 8));
  for (std::int64_t k = 0; k < op.k_rows; ++k, order.advance()) {
    const std::uint8_t* bank = half_of(buffers.ifmap, op.ifmap_half).bank(k % op.rows_used);
    const std::uint8_t* row =
        half_of(buffers.weight, op.weight_half).bank(0) + (op.weight_base + k) * array_cols;
    for (std::int64_t m = 0; m < pixels(op); ++m) {
      const std::int64_t x = operand(bank[op.ifmap_base + unit_offset(op, order.at()) +
                                          m / op.out_w * op.step_y + m % op.out_w * op.step_x],
                                     op.act_signed != 0, op.act_zp);
      if (x == 0) ++out.zeros;
      for (std::int64_t c = 0; c < op.cols; ++c) {
        out.sums[static_cast<std::size_t>(m * op.cols + c)] +=
            x * operand(row[c], op.wgt_signed != 0, op.wgt_zp);
      }
    }
  }
  for (std::int64_t m = 0; m < pixels(op); ++m) {
    for (std::int64_t c = 0; c < op.cols; ++c) {
      const auto address = static_cast<std::uint64_t>(m * array_cols + c) * digest_address;
      const auto sum =
          static_cast<std::uint64_t>(out.sums[static_cast<std::size_t>(m * op.cols + c)]);
      out.digest += mix_scaled(address, sum);
    }
  }
  return out;
}

bool holds(const ComputeOp& op, const Buffers& buffers, const std::vector<std::int64_t>& sums) {
  const PsumHalf& psum = half_of(buffers.psum, op.psum_half);
  for (std::int64_t m = 0; m < pixels(op); ++m) {
    for (std::int64_t c = 0; c < op.cols; ++c) {
      const std::int64_t sum = sums[static_cast<std::size_t>(m * op.cols + c)];
      if (psum.column(c)[op.psum_base + m] != sum) return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("ops of whole windows give the sums, zeros and digests of the contract") {
  std::uint64_t state = 9;
  for (const WinogradKernels* kernels : versions()) {
    CAPTURE(name_of(kernels));
    for (int i = 0; i < 60; ++i) {
      CAPTURE(i);
      const std::int64_t group = pick(state, 1, 4), array_cols = 8 * pick(state, 1, 4);
      ComputeOp op = window_op(group, pick(state, 1, i == 0 ? 20 : 5), pick(state, 1, 9),
                               pick(state, 1, 9), pick(state, 1, array_cols));
      op.act_signed = pick(state, 0, 1);
      op.act_zp = op.act_signed != 0 ? pick(state, -128, 127) : pick(state, 0, 256);
      op.wgt_signed = pick(state, 0, 1);
      op.wgt_zp = op.wgt_signed != 0 ? pick(state, -2, 2) : 128;
      const std::int64_t rows = std::int64_t{1} << group;
      Rig rig(config_of(rows, array_cols), kernels, false, i % 3 == 2 ? 2 : 1);
      rig.fill_all(fills[pick(state, 0, 4)], fills[pick(state, 0, 4)], next_random(state));
      for (int tile = 0; tile < 3; ++tile) {  // other bytes, the same weights; then other weights
        if (tile == 1) rig.fill(rig.buffers().ifmap[0], Fill::random, next_random(state));
        if (tile == 2) rig.fill(rig.buffers().weight[0], Fill::random, next_random(state));
        multiplications = 0;
        const ComputeValues values = rig.run(op);
        CHECK(multiplications > 0);
        const Expected expected = expected_of(op, rig.buffers(), array_cols);
        CHECK(holds(op, rig.buffers(), expected.sums));
        CHECK(values.act_zero == expected.zeros);
        CHECK(values.digest == expected.digest);
        CHECK(values.acc_overflow == 0);
      }
    }
  }
}

TEST_CASE("taps that come in several ops are summed at the last one") {
  const std::vector<std::vector<std::int64_t>> cuts = {
      {8, 1}, {4, 4, 1}, {1, 8}, {3, 3, 3}, {1, 1, 1, 1, 1, 1, 1, 1, 1}};
  std::uint64_t state = 21;
  for (const WinogradKernels* kernels : versions()) {
    CAPTURE(name_of(kernels));
    Rig rig(config_of(8, 16), kernels, true, 1);
    rig.fill_all(Fill::random, Fill::random, 4);
    for (int i = 0; i < 20; ++i) {
      ComputeOp whole = window_op(3, pick(state, 1, 3), pick(state, 1, 8), pick(state, 1, 8), 13);
      whole.act_zp = 9;
      std::int64_t first = 0;
      std::uint64_t digest = 0, zeros = 0;
      multiplications = 0;
      for (const std::int64_t count : cuts[static_cast<std::size_t>(i) % cuts.size()]) {
        CHECK(multiplications == 0);
        const ComputeOp op = taps_of(whole, first, count);
        const ComputeValues values = rig.run(op);
        CHECK(values.act_zero == expected_of(op, rig.buffers(), 16).zeros);
        digest += values.digest;
        zeros += values.act_zero;
        first += count;
      }
      CHECK(multiplications == 16);
      const Expected expected = expected_of(whole, rig.buffers(), 16);
      CHECK(holds(whole, rig.buffers(), expected.sums));
      CHECK(digest == expected.digest);
      CHECK(zeros == expected.zeros);
    }
  }
}

TEST_CASE("a sequence of taps that breaks off leaves the psums of its ops") {
  // What happens between the first and the second op of nine taps, in a unit with Winograd's
  // kernels and in one without.
  enum class Break { read, bytes, weights, other_op, other_place, too_many, complete_early, end };
  for (const WinogradKernels* kernels : versions()) {
    CAPTURE(name_of(kernels));
    for (const Break what :
         {Break::read, Break::bytes, Break::weights, Break::other_op, Break::other_place,
          Break::too_many, Break::complete_early, Break::end}) {
      CAPTURE(static_cast<int>(what));
      Rig fast(config_of(8, 16), kernels, true, 1), plain(config_of(8, 16), nullptr, true, 1);
      const ComputeOp whole = window_op(3, 2, 5, 6, 11);
      const ComputeOp first = taps_of(whole, 0, 5);
      ComputeOp second = taps_of(whole, 5, 4);
      if (what == Break::other_place) second.psum_base += 1;
      if (what == Break::too_many) second.k_rows += 16;  // into a fourth line of the kernel
      if (what == Break::complete_early) second = taps_of(whole, 5, 2), second.k_complete = 1;
      second.folds = weight_stationary::folds(second);
      for (Rig* rig : {&fast, &plain}) rig->fill_all(Fill::random, Fill::random, 77);
      CHECK(equal(fast.run(first), plain.run(first)));
      for (Rig* rig : {&fast, &plain}) {
        if (what == Break::bytes) rig->fill(rig->buffers().ifmap[0], Fill::random, 5);
        if (what == Break::weights) rig->fill(rig->buffers().weight[0], Fill::random, 6);
        if (what == Break::read) rig->settle();
      }
      if (what == Break::read) CHECK(fast.psums() == plain.psums());
      if (what == Break::other_op) {
        ComputeOp other = window_op(3, 1, 4, 4, 7);
        other.psum_half = 1;
        CHECK(equal(fast.run(other), plain.run(other)));
      }
      if (what != Break::end) CHECK(equal(fast.run(second), plain.run(second)));
      fast.settle();
      CHECK(fast.psums() == plain.psums());
    }
  }
}

TEST_CASE("ops that are no whole windows, or whose sums are not proven, go the plain way") {
  struct Case {
    const char* what;
    void (*change)(ComputeOp& op, ArchConfig& config);
    Fill act, wgt;
  };
  const auto refold = [](ComputeOp& op) { op.folds = weight_stationary::folds(op); };
  static const auto folds = +refold;
  const Case cases[] = {
      {"stride along x", [](ComputeOp& op, ArchConfig&) { op.step_x = 2, op.out_w = 3; },
       Fill::random, Fill::random},
      {"stride along y", [](ComputeOp& op, ArchConfig&) { op.step_y *= 2, op.out_h = 2; },
       Fill::random, Fill::random},
      {"dilation along x", [](ComputeOp& op, ArchConfig&) { op.step_kx = 2; }, Fill::random,
       Fill::random},
      {"dilation along y", [](ComputeOp& op, ArchConfig&) { op.step_ky *= 2; }, Fill::random,
       Fill::random},
      {"five kernel columns", [](ComputeOp& op, ArchConfig&) { op.kernel_w = 5; }, Fill::random,
       Fill::random},
      {"added to other psums", [](ComputeOp& op, ArchConfig&) { op.accumulate = 1; }, Fill::random,
       Fill::random},
      {"starts in the window", [](ComputeOp& op, ArchConfig&) { op.start_kx = 1; }, Fill::random,
       Fill::random},
      {"starts at another slot", [](ComputeOp& op, ArchConfig&) { op.start_slot = 1; },
       Fill::random, Fill::random},
      {"part of a tap", [](ComputeOp& op, ArchConfig&) { op.k_rows -= 3, folds(op); }, Fill::random,
       Fill::random},
      {"a tap less", [](ComputeOp& op, ArchConfig&) { op.k_rows -= 16, folds(op); }, Fill::random,
       Fill::random},
      {"more than nine taps", [](ComputeOp& op, ArchConfig&) { op.k_rows += 16, folds(op); },
       Fill::random, Fill::random},
      {"two K units of a channel in a fold",
       [](ComputeOp& op, ArchConfig&) { op.log2_group = 2, op.slots = 4; }, Fill::random,
       Fill::random},
      {"output-stationary",
       [](ComputeOp& op, ArchConfig&) {
         op.dataflow = output_stationary::code, op.log2_group = 0, op.slots = 16;
         op.folds = output_stationary::folds(op);
       },
       Fill::random, Fill::random},
      {"sparse", [](ComputeOp& op, ArchConfig&) { op.log2_m = 1, op.log2_bundle = 1; },
       Fill::random, Fill::random},
      {"activations of 4 bits", [](ComputeOp& op, ArchConfig&) { op.act_pack = 1; }, Fill::random,
       Fill::random},
      {"weights of 4 bits", [](ComputeOp& op, ArchConfig&) { op.wgt_pack = 1; }, Fill::random,
       Fill::random},
      {"zero gating", [](ComputeOp&, ArchConfig& config) { config.hw_zero_gating = true; },
       Fill::alternate, Fill::low},
      {"accumulators that saturate",
       [](ComputeOp&, ArchConfig& config) {
         config.hw_acc_bits = 18, config.hw_acc_overflow = "saturate";
       },
       Fill::high, Fill::alternate},
      {"accumulators that wrap",
       [](ComputeOp&, ArchConfig& config) {
         config.hw_acc_bits = 20, config.hw_acc_overflow = "wrap";
       },
       Fill::high, Fill::top_bit},
      {"accumulators that are just not proven",  // 144 x 255 x 128 needs 24 bits
       [](ComputeOp&, ArchConfig& config) { config.hw_acc_bits = 23; }, Fill::random, Fill::random},
      {"four times the sum leaves int32",  // 1,840 channels; 9 x 1,840 x 255 x 128 x 4 > 2^31
       [](ComputeOp& op, ArchConfig& config) {
         config.hw_acc_bits = 40;
         op.slots = 230;
         op.out_h = op.out_w = 3;
         op.step_y = op.step_ky = 5;
         op.slot_stride = 25;
         op.k_rows = 9 * 1840;
         folds(op);
       },
       Fill::high, Fill::top_bit},
  };
  for (const WinogradKernels* kernels : versions()) {
    for (const Case& c : cases) {
      CAPTURE(std::string(c.what));
      ComputeOp op = window_op(3, 2, 6, 7, 12);
      ArchConfig config = config_of(8, 16);
      c.change(op, config);
      // All nine taps at once and psums at hand: nothing may wait.
      Rig fast(config, kernels, false, 1), plain(config, nullptr, false, 1);
      for (Rig* rig : {&fast, &plain}) rig->fill_all(c.act, c.wgt, 123);
      multiplications = 0;
      const ComputeValues values = fast.run(op);
      CHECK(multiplications == 0);
      CHECK(equal(values, plain.run(op)));
      CHECK(fast.psums() == plain.psums());
    }
    // The proof needs no more than it says: one bit more, 1,824 channels.
    ArchConfig config = config_of(8, 16);
    config.hw_acc_bits = 24;
    Rig fast(config, kernels, false, 1);
    fast.fill_all(Fill::high, Fill::top_bit, 1);
    multiplications = 0;
    (void)fast.run(window_op(3, 2, 6, 7, 12));
    CHECK(multiplications == 16);
    config.hw_acc_bits = 40;
    Rig wide(config, kernels, false, 1);
    wide.fill_all(Fill::high, Fill::top_bit, 1);
    ComputeOp op = window_op(3, 228, 3, 3, 12);
    (void)wide.run(op);
    CHECK(multiplications == 32);
    CHECK(holds(op, wide.buffers(), expected_of(op, wide.buffers(), 16).sums));
  }
}

TEST_CASE("an op too small for the transforms goes the plain way") {
  Kernels kernels = portable_kernels();
  WinogradKernels winograd = portable_winograd();
  counted_multiply = winograd.multiply;
  winograd.multiply = count_and_multiply;
  winograd.transform_cost = 1000;  // products; a tile saves 320 of them per channel
  kernels.winograd = &winograd;
  const ArchConfig config = config_of(16, 16);
  ThreadPool pool(1);
  Buffers buffers(config);
  ComputeUnit unit(config, kernels, pool, true);
  multiplications = 0;
  (void)unit.run(window_op(4, 4, 2, 2, 16), buffers);
  CHECK(multiplications == 0);
  (void)unit.run(window_op(4, 4, 2, 56, 4), buffers);  // the strip would be empty for 12 columns
  CHECK(multiplications == 0);
  (void)unit.run(window_op(4, 4, 2, 56, 16), buffers);
  CHECK(multiplications == 16);
}
