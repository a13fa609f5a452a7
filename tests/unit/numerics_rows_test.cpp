// SPDX-License-Identifier: Apache-2.0
// The stated error bounds of the row conventions against real arithmetic.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "numerics/norm.hpp"
#include "numerics/softmax.hpp"

using namespace tactus;

namespace {

using Row = std::vector<std::int64_t>;

Row random_row(std::mt19937_64& random, std::int64_t n, std::int64_t low, std::int64_t high) {
  std::uniform_int_distribution<std::int64_t> value(low, high);
  Row row;
  for (std::int64_t i = 0; i < n; ++i) row.push_back(value(random));
  return row;
}

}  // namespace

TEST_CASE("norm: normalised values are within the stated bound") {
  std::mt19937_64 random(1);
  for (int trial = 0; trial < 400; ++trial) {
    const std::int64_t n = trial % 2 == 0 ? 1 + trial / 2 : std::int64_t{1} << (trial % 15);
    const std::int64_t reach = std::int64_t{1} << (trial % 17);
    const Row row = random_row(random, n, -reach + (trial % 5 == 0 ? reach : 0), reach - 1);
    for (const bool centred : {true, false}) {
      std::int64_t sum = 0, squares = 0;
      for (const std::int64_t z : row) {
        sum += centred ? z : 0;
        squares += z * z;
      }
      const std::int64_t variance = n * squares - sum * sum;
      const NormScale scale = norm_scale(variance);
      const long double root = std::sqrt(static_cast<long double>(variance > 0 ? variance : 1));
      const long double bound =
          std::ldexp(1.0L, -21) + std::sqrt(static_cast<long double>(n)) * std::ldexp(1.0L, -28);
      for (const std::int64_t z : row) {
        const std::int64_t distance = n * z - sum;
        const long double exact = static_cast<long double>(distance) / root;
        const long double got =
            std::ldexp(static_cast<long double>(norm_value(distance, scale)), -20);
        REQUIRE(std::fabs(got - exact) <= bound);
      }
    }
  }
}

TEST_CASE("softmax_lut: probabilities are within the stated bound") {
  std::mt19937_64 random(2);
  for (int trial = 0; trial < 400; ++trial) {
    Row row = random_row(random, 1 + trial, 0, trial % 3 == 0 ? 65535 : 300);
    row[0] = trial % 7 == 0 ? 65535 : row[0] + 1;
    std::int64_t sum = 0;
    for (const std::int64_t e : row) sum += e;
    const SoftmaxScale scale = softmax_lut_scale(sum);
    for (const std::int64_t one : {std::int64_t{1}, std::int64_t{255}, std::int64_t{65535}}) {
      const long double bound = 0.5L + static_cast<long double>(one) * std::ldexp(1.0L, -30);
      for (const std::int64_t e : row) {
        const long double exact = static_cast<long double>(one) * static_cast<long double>(e) /
                                  static_cast<long double>(sum);
        const auto got = static_cast<long double>(softmax_lut_value(e, one, scale));
        REQUIRE(std::fabs(got - exact) <= bound);
      }
    }
  }
}

TEST_CASE("softmax_tflite8: the exponential is close to exp") {
  // gemmlowp's polynomial of degree 4; the bound is that of the implementation, not of the format.
  for (std::int64_t a = 0; a > -(std::int64_t{1} << 31); a -= 7654321) {
    const long double exact = std::exp(std::ldexp(static_cast<long double>(a), -26));
    const long double got =
        std::ldexp(static_cast<long double>(exp_q26(static_cast<std::int32_t>(a))), -31);
    REQUIRE(std::fabs(got - exact) < 1e-6L);
  }
}
