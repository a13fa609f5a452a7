// SPDX-License-Identifier: Apache-2.0
#include "arith_twin.hpp"

#include "Varith_twin.h"
#include "verilated.h"

struct ArithTwin::Model {
  VerilatedContext context;
  Varith_twin top{&context};
};

ArithTwin::ArithTwin() : model_(std::make_unique<Model>()) {}
ArithTwin::~ArithTwin() = default;

std::int64_t ArithTwin::evaluate(const ArithInputs& in) {
  const auto bits = [](std::int64_t value, int width) {
    return static_cast<std::uint64_t>(value) & (~std::uint64_t{0} >> (64 - width));
  };
  const auto word = [&](std::int64_t value, int width) {
    return static_cast<std::uint32_t>(bits(value, width));
  };
  const auto byte = [&](int value, int width) {
    return static_cast<std::uint8_t>(bits(value, width));
  };
  Varith_twin& top = model_->top;
  top.op_i = byte(in.op, 4);
  top.sign_i = in.sign;
  top.wide_i = bits(in.wide, 64);
  top.acc_i = bits(in.acc, 48);
  top.addend_i = bits(in.addend, 48);
  top.mult_i = word(in.mult, 32);
  top.zp_i = word(in.zp, 17);
  top.clamp_min_i = word(in.clamp_min, 32);
  top.clamp_max_i = word(in.clamp_max, 32);
  top.a_i = word(in.a, 32);
  top.b_i = word(in.b, 32);
  top.za_i = word(in.za, 17);
  top.zb_i = word(in.zb, 17);
  top.mb_i = word(in.mb, 32);
  top.acc_bits_i = byte(in.acc_bits, 6);
  top.policy_i = byte(in.policy, 2);
  top.shift_i = byte(in.shift, 6);
  top.rounding_i = byte(in.rounding, 3);
  top.la_i = byte(in.la, 6);
  top.lb_i = byte(in.lb, 6);
  top.eval();
  return static_cast<std::int64_t>(top.result_o);
}

bool ArithTwin::overflowed() const { return model_->top.overflowed_o != 0; }
