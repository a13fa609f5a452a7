// SPDX-License-Identifier: Apache-2.0
// Weights, bias and requantisation constants against their declared widths.
#include <algorithm>
#include <cstdlib>

#include "network/check.hpp"

namespace tactus::network_check {
namespace {

/// Range of a two's complement number of the given width (1..64).
struct SignedRange {
  explicit SignedRange(int bits) : low(-high_of(bits) - 1), high(high_of(bits)) {}
  static std::int64_t high_of(int bits) {
    return static_cast<std::int64_t>((std::uint64_t{1} << (bits - 1)) - 1);
  }
  std::int64_t low, high;
};

bool is_add_tflite(Convention c) {
  return c == Convention::add_tflite || c == Convention::add_tflite_single;
}

bool is_tflite(Convention c) {
  return c == Convention::tflite_double || c == Convention::tflite_single ||
         c == Convention::tflite_s64 || is_add_tflite(c);
}

/// Whether the convention reads these constants.
bool has_mult(Convention c) { return c == Convention::mul_shift || is_tflite(c); }
bool has_shift(Convention c) { return c != Convention::none && c != Convention::avg_tflite; }
bool has_add(Convention c) { return c == Convention::mul_shift || c == Convention::add_mul_shift; }

bool allowed(LayerOp op, Convention c) {
  switch (op) {
    case LayerOp::conv2d:
    case LayerOp::conv_transpose2d:
    case LayerOp::linear:
      return c == Convention::none || c == Convention::mul_shift || c == Convention::pow2 ||
             (is_tflite(c) && !is_add_tflite(c));
    case LayerOp::layernorm:
    case LayerOp::rmsnorm:
      return c == Convention::mul_shift || c == Convention::pow2;
    case LayerOp::requant:
    case LayerOp::mul:
    case LayerOp::matmul:
      return c == Convention::mul_shift || c == Convention::pow2 ||
             (is_tflite(c) && !is_add_tflite(c));
    case LayerOp::add:
      return c == Convention::add_mul_shift || is_add_tflite(c);
    case LayerOp::avgpool:
    case LayerOp::global_avgpool:
      return c == Convention::mul_shift || c == Convention::pow2 || c == Convention::avg_tflite;
    case LayerOp::clamp:
    case LayerOp::maxpool:
    case LayerOp::flatten:
    case LayerOp::maximum:
    case LayerOp::minimum:
    case LayerOp::lut:
    case LayerOp::softmax:
    case LayerOp::transpose:
    case LayerOp::concat:
    case LayerOp::slice:
    case LayerOp::constant:
    case LayerOp::upsample:
    case LayerOp::pixel_shuffle:
    case LayerOp::space_to_depth:
    case LayerOp::reshape:
      return c == Convention::none;
  }
  return false;
}

class ValueCheck {
 public:
  ValueCheck(const Network& network, const Layer& layer) : network_(network), layer_(layer) {}

  void run() const {
    if (has_weights(layer_.op)) {
      weights();
    } else if (!layer_.weight.empty() || !layer_.bias.empty() ||
               !layer_.weight_zero_point.empty()) {
      fail(std::string(name_of(layer_.op)) + " has no weight, weight_zero_point or bias");
    }
    if (layer_.op == LayerOp::lut) check_lut(network_, layer_);
    if (layer_.op == LayerOp::softmax) check_softmax(network_, layer_);
    if (layer_.op == LayerOp::constant) check_constant(network_, layer_);
    in_range("eps", layer_.eps, 0, (std::int64_t{1} << 60) - 1);
    conventions();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    network_check::fail(network_, layer_, what);
  }

  void in_range(const std::string& name, std::int64_t value, std::int64_t low,
                std::int64_t high) const {
    if (value < low || value > high) {
      fail(name + " = " + std::to_string(value) + " is outside " + range_text(low, high));
    }
  }

  template <typename T>
  void vector_in_range(const char* name, const std::vector<T>& values, std::int64_t low,
                       std::int64_t high) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] < low || values[i] > high) {
        in_range(std::string(name) + "[" + std::to_string(i) + "]", values[i], low, high);
      }
    }
  }

  void length(const char* name, std::size_t size, bool one_allowed) const {
    const auto channels = static_cast<std::size_t>(layer_.out_shape.c);
    if (size == channels || (one_allowed && size == 1)) return;
    fail(std::string(name) + " has " + std::to_string(size) + " values instead of " +
         (one_allowed ? "1 or " : "") + std::to_string(channels));
  }

  std::string weight_index(std::size_t flat) const {
    std::string text = "]";
    const bool conv = has_kernel(layer_.op);
    std::vector<int> dims = {layer_.out_channels, layer_.in_channels_per_group};
    if (conv) dims.insert(dims.end(), {layer_.kernel_h, layer_.kernel_w});
    for (std::size_t d = dims.size(); d-- > 0;) {
      const auto size = static_cast<std::size_t>(dims[d]);
      text = (d > 0 ? "," : "") + std::to_string(flat % size) + text;
      flat /= size;
    }
    return "weight[" + text;
  }

  void weights() const {
    const bool conv = has_kernel(layer_.op);
    Format format{layer_.weight_format.bits, layer_.weight_format.is_signed, 0};
    // Weights are stored as int16_t, which does not hold 16-bit unsigned numbers.
    const std::string problem =
        format_problem(format, format.is_signed ? kMaxOperandBits : kMaxOperandBits - 1);
    if (!problem.empty()) fail("weight: " + problem);
    if (layer_.weight_format.bipolar) {
      if (format.bits != 1 || !format.is_signed || !layer_.weight_zero_point.empty()) {
        fail("weight: bipolar needs bits = 1, signed = 1 and no weight_zero_point");
      }
      format.bipolar = true;
    }
    const std::int64_t taps =
        conv ? std::int64_t{layer_.kernel_h} * std::int64_t{layer_.kernel_w} : 1;
    const std::int64_t inner = std::int64_t{layer_.in_channels_per_group};
    if (taps > kMaxCount / inner / layer_.out_channels) fail("weight has too many values");
    const std::int64_t count = taps * inner * layer_.out_channels;
    if (layer_.weight.size() != static_cast<std::size_t>(count)) {
      fail("weight has " + std::to_string(layer_.weight.size()) + " values instead of " +
           std::to_string(count));
    }
    const std::int64_t low = format.min(), high = format.max();
    for (std::size_t i = 0; i < layer_.weight.size(); ++i) {
      if (layer_.weight[i] < low || layer_.weight[i] > high) {
        in_range(weight_index(i), layer_.weight[i], low, high);
      }
      if (!format.holds(layer_.weight[i])) fail(weight_index(i) + " = 0 is neither -1 nor 1");
    }
    if (!layer_.weight_zero_point.empty()) {
      length("weight_zero_point", layer_.weight_zero_point.size(), true);
      vector_in_range("weight_zero_point", layer_.weight_zero_point, low, high);
    }
    if (!layer_.bias.empty()) {
      length("bias", layer_.bias.size(), false);
      const SignedRange range(kBiasBits);
      vector_in_range("bias", layer_.bias, range.low, range.high);
    }
    sparsity(static_cast<std::size_t>(taps));
  }

  void sparsity(std::size_t taps) const {
    const std::string& text = layer_.sparsity;
    if (text == "dense" || text == "unstructured") return;
    const std::size_t colon = text.find(':');
    const auto number = [&](const std::string& digits) {
      const bool good = !digits.empty() && digits.size() <= 3 &&
                        digits.find_first_not_of("0123456789") == std::string::npos;
      return good ? std::atoi(digits.c_str()) : -1;
    };
    const int n = colon == std::string::npos ? -1 : number(text.substr(0, colon));
    const int m = colon == std::string::npos ? -1 : number(text.substr(colon + 1));
    if (n < 1 || m < n) {
      fail("weight: sparsity = '" + text + "' is none of dense, unstructured, N:M");
    }
    const auto inner = static_cast<std::size_t>(layer_.in_channels_per_group);
    const auto block = static_cast<std::size_t>(m);
    for (std::size_t o = 0; o < static_cast<std::size_t>(layer_.out_channels); ++o) {
      const auto& zero_points = layer_.weight_zero_point;
      const std::int64_t zero =
          zero_points.empty() ? 0 : zero_points[zero_points.size() == 1 ? 0 : o];
      for (std::size_t t = 0; t < taps; ++t) {
        for (std::size_t first = 0; first < inner; first += block) {
          int used = 0;
          std::size_t at = 0;
          for (std::size_t i = first; i < std::min(inner, first + block); ++i) {
            at = (o * inner + i) * taps + t;
            used += layer_.weight[at] != zero ? 1 : 0;
          }
          if (used > n) {
            fail(weight_index(at) + " ends a block of " + std::to_string(m) + " with " +
                 std::to_string(used) + " non-zero weights, sparsity says " + text);
          }
        }
      }
    }
  }

  void conventions() const {
    const Requant& r = layer_.requant;
    const Convention c = r.convention;
    if (name_of(c) == nullptr || name_of(r.rounding) == nullptr) {
      fail("requant has an unknown convention or rounding");
    }
    if (!allowed(layer_.op, c)) {
      fail(std::string("requant: convention ") + name_of(c) + " is not possible for " +
           name_of(layer_.op));
    }
    const Format& out = layer_.out_format;
    if (layer_.op == LayerOp::maxpool || layer_.op == LayerOp::flatten ||
        layer_.op == LayerOp::lut || layer_.op == LayerOp::softmax ||
        layer_.op == LayerOp::transpose || layer_.op == LayerOp::concat ||
        layer_.op == LayerOp::slice || layer_.op == LayerOp::constant ||
        layer_.op == LayerOp::upsample || layer_.op == LayerOp::pixel_shuffle ||
        layer_.op == LayerOp::space_to_depth || layer_.op == LayerOp::reshape) {
      return;
    }
    in_range("clamp_min", r.clamp_min, out.min(), out.max());
    in_range("clamp_max", r.clamp_max, out.min(), out.max());
    if (r.clamp_min > r.clamp_max) {
      fail("clamp_min = " + std::to_string(r.clamp_min) +
           " is above clamp_max = " + std::to_string(r.clamp_max));
    }
    if (layer_.op == LayerOp::clamp || layer_.op == LayerOp::maximum ||
        layer_.op == LayerOp::minimum) {
      return;
    }
    if (c == Convention::none) {
      if (out.bits != kMaxOutputBits || !out.is_signed || out.zero_point != 0) {
        fail("requant: convention none needs out_bits = 32, out_signed = 1, out_zero_point = 0");
      }
      if (r.clamp_min != out.min() || r.clamp_max != out.max()) {
        fail(
            "requant: convention none does not clamp, clamp_min and clamp_max must be the "
            "bounds of the output format");
      }
    }
    constants();
    if (layer_.op == LayerOp::mul && std::max({r.mult.size(), r.shift.size(), r.add.size()}) > 1) {
      fail("requant: mul has one mult, shift and add for all channels");
    }
    if (layer_.op == LayerOp::add) operand_scales();
  }

  void constants() const {
    const Requant& r = layer_.requant;
    const Convention c = r.convention;
    in_range("mult_bits", r.mult_bits, 1, is_tflite(c) ? 32 : 48);
    in_range("add_bits", r.add_bits, 1, 63);
    const auto unwanted = [&](const char* name) {
      fail(std::string("requant/") + name + " has no meaning for convention " + name_of(c));
    };
    if (has_mult(c)) {
      length("requant/mult", r.mult.size(), true);
      const SignedRange range(r.mult_bits);
      vector_in_range("requant/mult", r.mult, range.low, range.high);
    } else if (!r.mult.empty()) {
      unwanted("mult");
    }
    if (has_shift(c)) {
      length("requant/shift", r.shift.size(), true);
      // s64 divides by 2^(15 - shift) at least once.
      const int high = c == Convention::tflite_s64 ? 14 : is_tflite(c) ? 30 : 63;
      vector_in_range("requant/shift", r.shift, is_tflite(c) ? -31 : 0, high);
    } else if (!r.shift.empty()) {
      unwanted("shift");
    }
    if (r.add.empty()) return;
    if (!has_add(c)) unwanted("add");
    length("requant/add", r.add.size(), true);
    const SignedRange range(r.add_bits);
    vector_in_range("requant/add", r.add, range.low, range.high);
  }

  void operand_scales() const {
    const bool tflite = is_add_tflite(layer_.requant.convention);
    const SignedRange range(layer_.requant.mult_bits);
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string name = "requant_" + std::to_string(i) + "/";
      const OperandScale& scale = layer_.operand_scale[i];
      in_range(name + "mult", scale.mult, range.low, range.high);
      in_range(name + "left_shift", scale.left_shift, 0, 31);
      in_range(name + "shift", scale.shift, tflite ? -31 : 0, tflite ? 30 : 0);
    }
  }

  const Network& network_;
  const Layer& layer_;
};

}  // namespace

void check_values(const Network& network, const Layer& layer) { ValueCheck(network, layer).run(); }

}  // namespace tactus::network_check
