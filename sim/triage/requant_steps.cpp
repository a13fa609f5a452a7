// SPDX-License-Identifier: Apache-2.0
#include "triage/requant_steps.hpp"

#include <limits>

#include "numerics/add_mul_shift.hpp"
#include "numerics/average.hpp"
#include "numerics/errors.hpp"
#include "numerics/tflite.hpp"

namespace tactus::triage {
namespace {

std::string text(std::int64_t v) {
  return v < 0 ? "(" + std::to_string(v) + ")" : std::to_string(v);
}

/// Intermediates fit 64 bits in the hardware (acc_bits + mult_bits <= 64, add_mul_shift_fits).
std::int64_t fitting(int128_t v) {
  if (v < std::numeric_limits<std::int64_t>::min() ||
      v > std::numeric_limits<std::int64_t>::max()) {
    throw InternalError("an intermediate of a requantisation does not fit 64 bits");
  }
  return static_cast<std::int64_t>(v);
}

template <typename T>
std::int64_t pick(const std::vector<T>& values, int channel, std::int64_t absent) {
  if (values.empty()) return absent;
  return values[values.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
}

class Steps {
 public:
  explicit Steps(std::vector<Step>& out) : out_(out) {}
  std::int64_t add(const char* name, const std::string& formula, int128_t value) {
    out_.push_back({name, formula, fitting(value)});
    return out_.back().value;
  }
  std::int64_t round(std::int64_t v, int shift, Rounding rounding) {
    return add("round_shift", text(v) + " / 2^" + std::to_string(shift) + ", " + name_of(rounding),
               round_shift(int128_t{v}, static_cast<unsigned>(shift), rounding));
  }
  /// Zero point and clamp, the end of every convention.
  std::int64_t finish(std::int64_t v, const Layer& layer) {
    const std::int64_t zp = layer.out_format.zero_point;
    if (zp != 0) v = add("zero_point", text(v) + " + " + text(zp), int128_t{v} + zp);
    const auto low = layer.requant.clamp_min, high = layer.requant.clamp_max;
    return add("clamp", text(v) + " to " + std::to_string(low) + ".." + std::to_string(high),
               clamp(v, low, high));
  }
  std::int64_t tflite(std::int64_t acc, std::int64_t mult, int shift, const std::string& what,
                      bool single = false) {
    std::int64_t v = wrap_to(acc, 32);
    if (single) {
      return add(
          "tflite_single",
          what + text(v) + " * " + text(mult) + " / 2^" + std::to_string(31 - shift) + ", half_up",
          wrap_to(tflite_single(v, static_cast<std::int32_t>(mult), shift), 32));
    }
    const std::string times = " * " + text(mult) + " / 2^31";
    if (shift > 0)
      v = add("left_shift", text(v) + " << " + std::to_string(shift),
              wrap_to(int128_t{v} * (int128_t{1} << shift), 32));
    v = add("srdhm", what + text(v) + times + ", half_up",
            srdhm(static_cast<std::int32_t>(v), static_cast<std::int32_t>(mult)));
    if (shift < 0)
      v = add("rdiv_by_pot", text(v) + " / 2^" + std::to_string(-shift) + ", half_away",
              rdiv_by_pot(static_cast<std::int32_t>(v), static_cast<unsigned>(-shift)));
    return v;
  }

 private:
  std::vector<Step>& out_;
};

Rounding rounding_of(const Requant& r, const Tweak& tweak) {
  return tweak.rounding < 0 ? r.rounding : static_cast<Rounding>(tweak.rounding);
}

}  // namespace

std::int64_t requantise_steps(const Layer& layer, int channel, std::int64_t acc,
                              std::vector<Step>& out, const Tweak& tweak) {
  Steps steps(out);
  const Requant& r = layer.requant;
  const std::int64_t mult = pick(r.mult, channel, 1);
  const auto shift = static_cast<int>(pick(r.shift, channel, 0));
  const std::int64_t add = pick(r.add, channel, 0);
  switch (r.convention) {
    case Convention::none:
      return steps.add("none", "low 32 bits of " + text(acc), wrap_to(acc, 32));
    case Convention::mul_shift: {
      std::int64_t v = steps.add("product", text(acc) + " * " + text(mult), int128_t{acc} * mult);
      if (add != 0) v = steps.add("add", text(v) + " + " + text(add), int128_t{v} + add);
      return steps.finish(steps.round(v, shift, rounding_of(r, tweak)), layer);
    }
    case Convention::pow2:
      return steps.finish(steps.round(acc, shift, rounding_of(r, tweak)), layer);
    case Convention::tflite_double:
      return steps.finish(steps.tflite(acc, mult, shift, ""), layer);
    case Convention::tflite_single: {
      const std::int64_t low = wrap_to(acc, 32);
      const std::int64_t v =
          steps.add("product", text(low) + " * " + text(mult), int128_t{low} * mult);
      return steps.finish(steps.round(v, 31 - shift, Rounding::half_up), layer);
    }
    case Convention::tflite_s64: {
      const std::int64_t reduced = steps.add(
          "reduced", text(mult) + " cut to 16 bits",
          mult < 0x7FFF0000 ? round_shift(mult, 16, Rounding::half_up) : std::int64_t{0x7FFF});
      const std::int64_t v =
          steps.add("product", text(acc) + " * " + text(reduced), int128_t{acc} * reduced);
      return steps.finish(steps.round(v, 15 - shift, Rounding::half_up), layer);
    }
    default:
      break;
  }
  throw InternalError("layer " + layer.id + " has no requantisation of one operand");
}

std::int64_t add_steps(const Layer& layer, int channel, std::int64_t a, const Format& format_a,
                       std::int64_t b, const Format& format_b, std::vector<Step>& out,
                       const Tweak& tweak) {
  Steps steps(out);
  const Requant& r = layer.requant;
  const auto shift = static_cast<int>(pick(r.shift, channel, 0));
  const OperandScale* scale = layer.operand_scale.data();
  const std::int64_t value[2] = {a - format_a.zero_point, b - format_b.zero_point};
  const char* names[2] = {"operand a", "operand b"};
  std::int64_t term[2] = {0, 0};
  if (r.convention == Convention::add_mul_shift) {
    for (int i = 0; i < 2; ++i) {
      const AddOperand operand{0, scale[i].mult, static_cast<unsigned>(scale[i].left_shift)};
      term[i] = steps.add(names[i],
                          text(value[i]) + " * " + text(scale[i].mult) + " << " +
                              std::to_string(scale[i].left_shift),
                          add_term(value[i], operand));
    }
    const std::int64_t add = pick(r.add, channel, 0);
    const std::int64_t sum =
        steps.add("sum", text(term[0]) + " + " + text(term[1]) + " + " + text(add),
                  int128_t{term[0]} + term[1] + add);
    return steps.finish(steps.round(sum, shift, rounding_of(r, tweak)), layer);
  }
  const bool single = r.convention == Convention::add_tflite_single;
  if (r.convention != Convention::add_tflite && !single) {
    throw InternalError("layer " + layer.id + " has no requantisation of two operands");
  }
  for (int i = 0; i < 2; ++i) {
    const std::int64_t raised =
        steps.add(names[i], text(value[i]) + " << " + std::to_string(scale[i].left_shift),
                  wrap_to(int128_t{value[i]} * (int128_t{1} << scale[i].left_shift), 32));
    term[i] = steps.tflite(raised, scale[i].mult, scale[i].shift, i == 0 ? "a: " : "b: ", single);
  }
  const std::int64_t sum =
      steps.add("sum", text(term[0]) + " + " + text(term[1]), int128_t{term[0]} + term[1]);
  return steps.finish(steps.tflite(sum, pick(r.mult, channel, 1), shift, "", single), layer);
}

std::int64_t average_steps(const Layer& layer, std::int64_t sum, std::int64_t taps,
                           std::vector<Step>& out) {
  Steps steps(out);
  const auto low = layer.requant.clamp_min, high = layer.requant.clamp_max;
  return steps.add("avg_tflite",
                   text(sum) + " / " + std::to_string(taps) + ", half_away, clamped to " +
                       std::to_string(low) + ".." + std::to_string(high),
                   avg_tflite(sum, taps, low, high));
}

}  // namespace tactus::triage
