// SPDX-License-Identifier: Apache-2.0
// One evaluation of the SystemVerilog arithmetic; hides the generated model from the tests.
#pragma once

#include <cstdint>
#include <memory>

/// Ports of arith_twin_top. Values are truncated to the width of their port.
struct ArithInputs {
  int op = 0;
  bool sign = false;
  std::int64_t wide = 0, acc = 0, addend = 0, mult = 0, zp = 0, clamp_min = 0, clamp_max = 0;
  std::int64_t a = 0, b = 0, za = 0, zb = 0, mb = 0;
  int acc_bits = 0, policy = 0, shift = 0, rounding = 0, la = 0, lb = 0;
};

class ArithTwin {
 public:
  ArithTwin();
  ~ArithTwin();
  ArithTwin(const ArithTwin&) = delete;
  ArithTwin& operator=(const ArithTwin&) = delete;

  std::int64_t evaluate(const ArithInputs& in);
  /// The overflow flag of the last evaluation.
  [[nodiscard]] bool overflowed() const;

 private:
  struct Model;
  std::unique_ptr<Model> model_;
};
