// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "naive_machine.hpp"

namespace tactus::oplevel {

namespace {

std::size_t z(std::int64_t v) { return static_cast<std::size_t>(v); }

/// `count` bits from bit `first` on of a little-endian word of `word_bytes` bytes.
std::uint64_t field(const std::vector<std::uint8_t>& bytes, std::int64_t at,
                    std::int64_t word_bytes, std::int64_t first, std::int64_t count) {
  std::uint64_t word = 0;
  for (std::int64_t k = 0; k < word_bytes; ++k) {
    word |= std::uint64_t{bytes.at(z(at + k))} << (8 * k);
  }
  return (word >> first) & ((std::uint64_t{1} << count) - 1);
}

/// The letters of models/README.md, "Operands".
struct Letters {
  Letters(const ComputeOp& op, std::int64_t word)
      : W(word),
        a(word / (std::int64_t{1} << op.act_pack)),
        w(word / (std::int64_t{1} << op.wgt_pack)),
        P(W / a),
        Q(std::int64_t{1} << op.log2_bundle),
        L(W / std::max(a, w)),
        M(std::int64_t{1} << op.log2_m),
        S(Q * P / (L * M)),
        V(W / (L * w)),
        x(M == 2   ? 1
          : M == 4 ? 2
          : M == 8 ? 4
                   : 0),
        X(M > 1 ? W / (L * x) : 1) {}
  std::int64_t W, a, w, P, Q, L, M, S, V, x, X;
};

}  // namespace

std::vector<NaiveMachine::Unit> NaiveMachine::units_of(const ComputeOp& op, std::int64_t windows) {
  std::vector<Unit> units;
  Unit u{op.start_n, op.start_s, op.start_slot, op.start_kx, op.start_ky};
  std::int64_t phase = 0;
  while (static_cast<std::int64_t>(units.size()) < op.k_rows) {
    units.push_back(u);
    if (++phase < (std::int64_t{1} << op.log2_group)) continue;
    phase = 0;
    if (++u.n <= op.nm_last) continue;
    u.n = 0;
    if (++u.s < windows) continue;
    u.s = 0;
    if (++u.slot < op.slots) continue;
    u.slot = 0;
    if (++u.kx < op.kernel_w) continue;
    u.kx = 0;
    ++u.ky;
  }
  return units;
}

std::int64_t NaiveMachine::operand(std::uint64_t raw, std::int64_t carrier, bool is_signed,
                                   bool bipolar, std::int64_t zero_point) {
  auto v = static_cast<std::int64_t>(raw);
  if (bipolar) return 2 * v - 1;
  if (is_signed && (v >> (carrier - 1) & 1) != 0) v -= std::int64_t{1} << carrier;
  return v - zero_point;
}

std::int64_t NaiveMachine::activation(const ComputeOp& op, const Unit& unit, std::int64_t bank,
                                      std::int64_t pixel, std::int64_t element) const {
  const Letters k(op, config_.hw_operand_bits);
  const std::int64_t word_bytes = k.W / 8;
  const std::int64_t e = unit.s * k.L * k.M + element;
  const std::int64_t at = op.ifmap_base + unit.slot * op.slot_stride + unit.ky * op.step_ky +
                          unit.kx * op.step_kx + pixel / op.out_w * op.step_y +
                          pixel % op.out_w * op.step_x + e / k.P * word_bytes;
  return operand(field(ifmap_[z(op.ifmap_half)][z(bank)], at, word_bytes, e % k.P * k.a, k.a), k.a,
                 op.act_signed != 0, op.act_bipolar != 0, op.act_zp);
}

void NaiveMachine::count_zeros(const ComputeOp& op, const Unit& unit, std::int64_t bank,
                               std::int64_t pixel) {
  const Letters k(op, config_.hw_operand_bits);
  for (std::int64_t e = 0; e < k.L * k.M; ++e) {
    if (activation(op, unit, bank, pixel, e) == 0) ++event(Event::act_zero);
  }
}

std::int64_t NaiveMachine::lane_sum(const ComputeOp& op, const Unit& unit, std::int64_t k,
                                    std::int64_t bank, std::int64_t pixel, std::int64_t column) {
  const Letters n(op, config_.hw_operand_bits);
  const std::int64_t word_bytes = n.W / 8;
  const std::int64_t row = config_.hw_array_cols * word_bytes;
  const std::int64_t number = op.weight_base + k;
  const std::int64_t index_number = op.index_base + k;
  std::int64_t sum = 0;
  for (std::int64_t l = 0; l < n.L; ++l) {
    const std::int64_t weight =
        operand(field(weight_[z(op.weight_half)], number / n.V * row + column * word_bytes,
                      word_bytes, number % n.V * n.L * n.w + l * n.w, n.w),
                n.w, op.wgt_signed != 0, op.wgt_bipolar != 0, op.wgt_zp);
    std::int64_t candidate = 0;
    if (n.M > 1) {
      candidate = static_cast<std::int64_t>(
          field(index_[z(op.weight_half)], index_number / n.X * row + column * word_bytes,
                word_bytes, index_number % n.X * n.L * n.x + l * n.x, n.x));
    }
    const std::int64_t value = activation(op, unit, bank, pixel, l * n.M + candidate);
    if (config_.hw_zero_gating && (weight == 0 || value == 0)) ++event(Event::mac_gated);
    sum += weight * value;
  }
  return sum;
}

void NaiveMachine::weight_stationary(const ComputeOp& op) {
  const auto units = units_of(op, Letters(op, config_.hw_operand_bits).S);
  const std::int64_t pixels = op.out_h * op.out_w;
  const std::int64_t used = op.rows_used;
  auto& psum = psum_[z(op.psum_half)];
  for (std::int64_t f = 0; f * used < op.k_rows; ++f) {
    const std::int64_t end = std::min(op.k_rows, (f + 1) * used);
    for (std::int64_t m = 0; m < pixels; ++m) {
      for (std::int64_t k = f * used; k < end; ++k) count_zeros(op, units[z(k)], k % used, m);
      for (std::int64_t c = 0; c < op.cols; ++c) {
        Wide sum = 0;
        for (std::int64_t k = f * used; k < end; ++k) {
          sum += lane_sum(op, units[z(k)], k, k % used, m, c);
        }
        std::int64_t& entry = psum.at(z((op.psum_base + m) * config_.hw_array_cols + c));
        const bool fresh = f == 0 && op.accumulate == 0;
        entry = policy((fresh ? Wide{0} : Wide{entry}) + sum);
      }
    }
  }
}

void NaiveMachine::output_stationary(const ComputeOp& op) {
  const auto units = units_of(op, Letters(op, config_.hw_operand_bits).S);
  auto& psum = psum_[z(op.psum_half)];
  for (std::int64_t m = 0; m < op.out_h * op.out_w; ++m) {
    const std::int64_t bank = m % config_.hw_array_rows;
    for (const Unit& unit : units) count_zeros(op, unit, bank, m);
    for (std::int64_t c = 0; c < op.cols; ++c) {
      std::int64_t acc = 0;
      for (std::int64_t k = 0; k < op.k_rows; ++k) {
        acc = policy(Wide{acc} + lane_sum(op, units[z(k)], k, bank, m, c));
      }
      std::int64_t& entry = psum.at(z((op.psum_base + m) * config_.hw_array_cols + c));
      entry = policy((op.accumulate != 0 ? Wide{entry} : Wide{0}) + acc);
    }
  }
}

void NaiveMachine::run(const ComputeOp& op) {
  const bool os = op.dataflow == 1;
  if (os) {
    output_stationary(op);
  } else {
    weight_stationary(op);
  }
  const std::int64_t pixels = op.out_h * op.out_w;
  if (op.k_complete != 0) {
    for (std::int64_t m = 0; m < pixels; ++m) {
      for (std::int64_t c = 0; c < op.cols; ++c) {
        const std::int64_t at = (op.psum_base + m) * config_.hw_array_cols + c;
        term(m * config_.hw_array_cols + c,
             static_cast<std::uint64_t>(psum_[z(op.psum_half)][z(at)]));
      }
    }
  }
  const auto u = [](std::int64_t v) { return static_cast<std::uint64_t>(v); };
  const std::int64_t array = config_.hw_array_rows * config_.hw_array_cols;
  event(Event::ifmap_rd) = u(pixels * op.k_rows);
  if (os) {
    const std::int64_t blocks = (pixels + config_.hw_array_rows - 1) / config_.hw_array_rows;
    event(Event::weight_rd) = u(blocks * op.k_rows);
    event(Event::pe_weight) = event(Event::pe_active) = u(blocks * op.k_rows * array);
    event(Event::psum_wr) = u(pixels * op.cols);
    event(Event::psum_rd) = op.accumulate != 0 ? u(pixels * op.cols) : 0;
  } else {
    const std::int64_t folds = (op.k_rows + op.rows_used - 1) / op.rows_used;
    event(Event::weight_rd) = u(op.k_rows);
    event(Event::pe_weight) = u(folds * array);
    event(Event::pe_active) = u(folds * pixels * array);
    event(Event::psum_wr) = u(folds * pixels * op.cols);
    event(Event::psum_rd) = u((folds - (op.accumulate != 0 ? 0 : 1)) * pixels * op.cols);
  }
  if (op.log2_m != 0) event(Event::index_rd) = event(Event::weight_rd);
}

}  // namespace tactus::oplevel
