// SPDX-License-Identifier: Apache-2.0
// Look-up tables and the constants of softmax.
#include "network/check.hpp"

namespace tactus::network_check {
namespace {

constexpr std::int64_t kInt16Min = -32768, kInt16Max = 32767;

class TableCheck {
 public:
  TableCheck(const Network& network, const Layer& layer) : network_(network), layer_(layer) {
    if (!layer.inputs.empty()) in_ = network.format_of(layer.inputs[0]);
  }

  void constant() const {
    const auto& value = layer_.value;
    if (value.size() != static_cast<std::size_t>(layer_.out_shape.count())) {
      fail("value has " + std::to_string(value.size()) + " values instead of " +
           std::to_string(layer_.out_shape.count()));
    }
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (layer_.out_format.holds(value[i])) continue;
      in_range("value[" + std::to_string(i) + "]", value[i], layer_.out_format.min(),
               layer_.out_format.max());
    }
  }

  void lut() const {
    in_range("interpolate_bits", layer_.interpolate_bits, 0, 8);
    if (layer_.interpolate_bits >= in_.bits) {
      fail("interpolate_bits = " + std::to_string(layer_.interpolate_bits) +
           " leaves no bit of its input's " + std::to_string(in_.bits) + " for the index");
    }
    const bool between = layer_.interpolate_bits > 0;
    const std::size_t entries = std::size_t{1} << (in_.bits - layer_.interpolate_bits);
    length("table", layer_.table, entries + (between ? 1 : 0));
    const Format& out = layer_.out_format;
    values("table", layer_.table, out.min(), out.max());
    if (between) values("table", layer_.table, kInt16Min, kInt16Max);
  }

  void softmax() const {
    const Softmax& s = layer_.softmax;
    const Format& out = layer_.out_format;
    const bool lut = s.kind == RowKind::softmax_lut;
    switch (s.kind) {
      case RowKind::softmax_tflite8:
        format("input", in_, 8, true);
        // More terms do not fit the 32 bits of the sum.
        in_range("channels of a row", layer_.in_shape.c / layer_.heads, 1, 4095);
        if (out.bits != 8 && out.bits != 16) fail("out_bits of softmax_tflite8 is 8 or 16");
        format("output", out, out.bits, true);
        zero_point("output", out, out.min());
        in_range("shift", s.shift, 0, 31);
        in_range("diff_min", s.diff_min, -(std::int64_t{1} << 31), 0);
        break;
      case RowKind::softmax_tflite16:
        format("input", in_, 16, true);
        format("output", out, 16, true);
        zero_point("input", in_, 0);
        zero_point("output", out, 0);
        in_range("shift", s.shift, -31, 30);
        length("table", layer_.table, 513);
        length("inverse_table", layer_.inverse_table, 513);
        values("table", layer_.table, kInt16Min, kInt16Max);
        values("inverse_table", layer_.inverse_table, kInt16Min, kInt16Max);
        break;
      case RowKind::softmax_lut:
        if (layer_.table.empty() || layer_.table.size() > 65536) {
          fail("table has " + std::to_string(layer_.table.size()) + " values instead of 1..65536");
        }
        values("table", layer_.table, 0, 65535);
        in_range("table[0]", layer_.table[0], 1, 65535);
        in_range("one", s.one, 1, 65535);
        break;
      default:
        fail("kind is none of softmax_tflite8, softmax_tflite16, softmax_lut");
    }
    if (!lut) in_range("mult", s.mult, 0, (std::int64_t{1} << 31) - 1);
    if (layer_.in_shape.c / layer_.heads > 65535)
      fail("softmax has rows of at most 65535 channels");
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
  void length(const char* name, const std::vector<std::int64_t>& table, std::size_t wanted) const {
    if (table.size() != wanted) {
      fail(std::string(name) + " has " + std::to_string(table.size()) + " values instead of " +
           std::to_string(wanted));
    }
  }
  void values(const char* name, const std::vector<std::int64_t>& table, std::int64_t low,
              std::int64_t high) const {
    for (std::size_t i = 0; i < table.size(); ++i) {
      if (table[i] < low || table[i] > high) {
        in_range(std::string(name) + "[" + std::to_string(i) + "]", table[i], low, high);
      }
    }
  }
  void format(const char* which, const Format& format, int bits, bool is_signed) const {
    if (format.bits != bits || format.is_signed != is_signed) {
      fail(std::string(name_of(layer_.softmax.kind)) + " needs a signed " + which + " of " +
           std::to_string(bits) + " bits");
    }
  }
  void zero_point(const char* which, const Format& format, std::int64_t wanted) const {
    if (format.zero_point != wanted) {
      fail(std::string(name_of(layer_.softmax.kind)) + " needs the zero point " +
           std::to_string(wanted) + " of its " + which);
    }
  }

  const Network& network_;
  const Layer& layer_;
  Format in_;
};

}  // namespace

void check_lut(const Network& network, const Layer& layer) { TableCheck(network, layer).lut(); }
void check_softmax(const Network& network, const Layer& layer) {
  TableCheck(network, layer).softmax();
}
void check_constant(const Network& network, const Layer& layer) {
  TableCheck(network, layer).constant();
}

}  // namespace tactus::network_check
