// SPDX-License-Identifier: Apache-2.0
#include "golden/streams.hpp"

#include <algorithm>

#include "golden/bench_text.hpp"
#include "golden/encode.hpp"
#include "numerics/errors.hpp"
#include "program/op_fields.hpp"

namespace tactus::golden {
namespace {

constexpr int record_width = record_bits<ChannelRecord>;
/// Constants of a post block above the records: convention, rounding, clamps, zero point.
constexpr int convention_width = 4, rounding_width = 3, clamp_width = 32, zero_width = 17;
constexpr int constant_width = convention_width + rounding_width + 2 * clamp_width + zero_width;
constexpr int out_width = 32;
constexpr std::size_t block_width = 176;

std::size_t bits_of(std::int64_t n) { return static_cast<std::size_t>(n); }

/// Smallest two's complement width of [low, high].
int signed_width(std::int64_t low, std::int64_t high) {
  int bits = 1;
  while (low < -(std::int64_t{1} << (bits - 1)) || high >= std::int64_t{1} << (bits - 1)) ++bits;
  return bits;
}

template <class T>
T at_channel(const std::vector<T>& values, std::int64_t channel, T absent) {
  if (values.empty()) return absent;
  return values.size() == 1 ? values[0] : values[static_cast<std::size_t>(channel)];
}

bool in_mac(const Layer& layer) { return !layer.weight.empty(); }

bool in_post(const Layer& layer) {
  if (layer.weight.empty()) return false;
  switch (layer.requant.convention) {
    case Convention::none:
    case Convention::mul_shift:
    case Convention::pow2:
    case Convention::tflite_double:
    case Convention::tflite_single:
    case Convention::tflite_s64:
      return true;
    default:
      return false;
  }
}

/// A weighted layer as one matrix product per group; linear is a kernel as large as its input.
struct Product {
  explicit Product(const Layer& layer) : layer_(layer), in_(layer.in_shape) {
    const bool linear = layer.op == LayerOp::linear;
    kernel_h = linear ? in_.h : layer.kernel_h;
    kernel_w = linear ? in_.w : layer.kernel_w;
    inner = linear ? in_.c : layer.in_channels_per_group;
    groups = linear ? 1 : layer.groups;
    group_channels = layer.out_shape.c / groups;
    pixels = std::int64_t{layer.out_shape.h} * layer.out_shape.w;
  }
  [[nodiscard]] std::int64_t steps() const { return std::int64_t{kernel_h} * kernel_w * inner; }

  /// Step k in the order (ky, kx, channel).
  [[nodiscard]] std::int64_t operand(const QTensor& x, int group, std::int64_t pixel,
                                     std::int64_t k) const {
    const auto c = static_cast<int>(k % inner);
    const auto kx = static_cast<int>(k / inner % kernel_w);
    const auto ky = static_cast<int>(k / inner / kernel_w);
    const auto oy = static_cast<int>(pixel / layer_.out_shape.w);
    const auto ox = static_cast<int>(pixel % layer_.out_shape.w);
    const int y = oy * layer_.stride_h - layer_.padding[0] + ky * layer_.dilation_h;
    const int xx = ox * layer_.stride_w - layer_.padding[1] + kx * layer_.dilation_w;
    if (y < 0 || y >= in_.h || xx < 0 || xx >= in_.w) return 0;
    const std::int64_t at = (std::int64_t{group * inner + c} * in_.h + y) * in_.w + xx;
    return x.data[static_cast<std::size_t>(at)] - x.format.zero_point;
  }
  [[nodiscard]] std::int64_t weight(std::int64_t channel, std::int64_t k) const {
    const std::int64_t at = (channel * inner + k % inner) * kernel_h * kernel_w + k / inner;
    return layer_.weight[static_cast<std::size_t>(at)] -
           at_channel(layer_.weight_zero_point, channel, std::int64_t{0});
  }

  int kernel_h = 1, kernel_w = 1, inner = 1, groups = 1, group_channels = 1;
  std::int64_t pixels = 1;

 private:
  const Layer& layer_;
  Shape in_;
};

std::int64_t tiles(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

std::uint64_t line_bytes(std::int64_t bits) {
  return static_cast<std::uint64_t>((bits + 3) / 4 + 1);
}

}  // namespace

StreamShape stream_shape(const Network& network, const std::vector<std::string>& layers,
                         const Options& options, const ArchConfig& config) {
  StreamShape shape;
  shape.rows = options.bench_rows > 0 ? options.bench_rows : config.hw_array_rows;
  shape.cols = options.bench_cols > 0 ? options.bench_cols : config.hw_array_cols;
  shape.acc_bits = static_cast<int>(config.hw_acc_bits);
  shape.saturates = config.hw_acc_overflow == "saturate";
  shape.act_bits = shape.wgt_bits = 1;
  for (const std::string& id : layers) {
    const Layer& layer = *network.find_layer(id);
    if (!in_mac(layer)) continue;
    const Format in = network.format_of(layer.inputs.at(0));
    shape.act_bits =
        std::max(shape.act_bits, signed_width(std::min<std::int64_t>(in.min() - in.zero_point, 0),
                                              in.max() - in.zero_point));
    for (std::size_t i = 0; i < layer.weight.size(); ++i) {
      const auto channel = static_cast<std::int64_t>(i) * layer.out_channels /
                           static_cast<std::int64_t>(layer.weight.size());
      const std::int64_t w =
          layer.weight[i] - at_channel(layer.weight_zero_point, channel, std::int64_t{0});
      shape.wgt_bits = std::max(shape.wgt_bits, signed_width(w, w));
    }
  }
  return shape;
}

void Streams::add_block(Stream& stream, const Block& b) {
  BitWord word(block_width);
  word.put(0, 16, b.name);
  word.put(16, 32, b.beats);
  word.put(48, 32, b.outs);
  word.put(80, 32, b.pixel0);
  word.put(112, 16, b.channel0);
  word.put(128, 16, b.pixels);
  word.put(144, 16, b.channels);
  word.put(160, 16, b.out_w);
  stream.block += word.hex() + "\n";
  ++stream.blocks;
  stream.beats += static_cast<std::uint64_t>(b.beats);
  stream.outs += static_cast<std::uint64_t>(b.outs);
}

void Streams::add(const std::string& image, const Layer& layer, const Tensors& tensors,
                  bool skip_mac) {
  if (!in_mac(layer)) return;
  names_.push_back(image + ", layer " + layer.id);
  const auto name = static_cast<std::int64_t>(names_.size() - 1);
  if (name > 0xffff) throw BadInput("a bench plays at most 65536 layers; select fewer images");
  if (!skip_mac) add_mac(name, layer, tensors);
  if (in_post(layer)) add_post(name, layer, tensors);
}

void Streams::add_mac(std::int64_t name, const Layer& layer, const Tensors& tensors) {
  const Product product(layer);
  const QTensor& input = tensors.values.at(layer.inputs.at(0));
  const auto& sums = tensors.accumulators.at(layer.id);
  const StreamShape& s = shape_;
  for (int group = 0; group < product.groups; ++group) {
    for (std::int64_t c0 = 0; c0 < product.group_channels; c0 += s.cols) {
      const std::int64_t first = std::int64_t{group} * product.group_channels + c0;
      const std::int64_t channels = std::min<std::int64_t>(s.cols, product.group_channels - c0);
      for (std::int64_t p0 = 0; p0 < product.pixels; p0 += s.rows) {
        const std::int64_t pixels = std::min(s.rows, product.pixels - p0);
        for (std::int64_t k = 0; k < product.steps(); ++k) {
          BitWord act(bits_of(s.rows * s.act_bits)), wgt(bits_of(s.cols * s.wgt_bits));
          for (std::int64_t p = 0; p < pixels; ++p) {
            act.put(bits_of(p * s.act_bits), s.act_bits, product.operand(input, group, p0 + p, k));
          }
          for (std::int64_t c = 0; c < channels; ++c) {
            wgt.put(bits_of(c * s.wgt_bits), s.wgt_bits, product.weight(first + c, k));
          }
          mac_.act += act.hex() + "\n";
          mac_.wgt += wgt.hex() + "\n";
          ++mac_.weights;
        }
        for (std::int64_t p = 0; p < s.rows; ++p) {
          BitWord out(bits_of(s.cols * s.acc_bits));
          for (std::int64_t c = 0; c < channels && p < pixels; ++c) {
            const auto at = static_cast<std::size_t>((first + c) * product.pixels + p0 + p);
            out.put(bits_of(c * s.acc_bits), s.acc_bits,
                    sums[at] - at_channel(layer.bias, first + c, std::int64_t{0}));
          }
          mac_.out += out.hex() + "\n";
        }
        add_block(mac_,
                  {name, product.steps(), s.rows, p0, first, pixels, channels, layer.out_shape.w});
      }
    }
  }
}

void Streams::add_post(std::int64_t name, const Layer& layer, const Tensors& tensors) {
  const StreamShape& s = shape_;
  const std::int64_t plane = std::int64_t{layer.out_shape.h} * layer.out_shape.w;
  const auto& sums = tensors.accumulators.at(layer.id);
  const auto& outputs = tensors.values.at(layer.id).data;
  const Requant& r = layer.requant;
  for (std::int64_t first = 0; first < layer.out_shape.c; first += s.cols) {
    const std::int64_t channels = std::min<std::int64_t>(s.cols, layer.out_shape.c - first);
    BitWord constants(bits_of(s.cols * record_width + constant_width));
    for (std::int64_t c = 0; c < channels; ++c) {
      ChannelRecord record;
      record.bias = at_channel(layer.bias, first + c, std::int64_t{0});
      record.mult = at_channel(r.mult, first + c, std::int64_t{1});
      record.shift = at_channel(r.shift, first + c, 0);
      record.add = at_channel(r.add, first + c, std::int64_t{0});
      std::size_t at = bits_of(c * record_width);
      for_each_record_field(record, [&](const FieldInfo& f, std::int64_t value) {
        constants.put(at, f.bits, value);
        at += static_cast<std::size_t>(f.bits);
      });
    }
    std::size_t at = bits_of(s.cols * record_width);
    const auto put = [&](int width, std::int64_t value) {
      constants.put(at, width, value);
      at += static_cast<std::size_t>(width);
    };
    put(convention_width, static_cast<std::int64_t>(r.convention));
    put(rounding_width, static_cast<std::int64_t>(r.rounding));
    put(clamp_width, r.clamp_min);
    put(clamp_width, r.clamp_max);
    put(zero_width, layer.out_format.zero_point);
    for (std::int64_t p0 = 0; p0 < plane; p0 += post_pixels) {
      const std::int64_t pixels = std::min(post_pixels, plane - p0);
      post_.wgt += constants.hex() + "\n";
      ++post_.weights;
      for (std::int64_t p = 0; p < pixels; ++p) {
        BitWord act(bits_of(s.cols * s.acc_bits)), out(bits_of(s.cols * out_width));
        for (std::int64_t c = 0; c < channels; ++c) {
          const auto element = static_cast<std::size_t>((first + c) * plane + p0 + p);
          act.put(bits_of(c * s.acc_bits), s.acc_bits,
                  sums[element] - at_channel(layer.bias, first + c, std::int64_t{0}));
          out.put(bits_of(c * out_width), out_width, outputs[element]);
        }
        post_.act += act.hex() + "\n";
        post_.out += out.hex() + "\n";
      }
      add_block(post_, {name, pixels, pixels, p0, first, pixels, channels, layer.out_shape.w});
    }
  }
}

std::string Streams::bench(bool mac) const {
  const Stream& stream = mac ? mac_ : post_;
  const StreamShape& s = shape_;
  const auto number = [](auto n) { return std::to_string(n); };
  BenchTexts texts;
  texts.emplace_back("NAME", mac ? "tactus_mac_tb" : "tactus_post_tb");
  texts.emplace_back("STREAM", mac ? "mac" : "post");
  texts.emplace_back("ACT_WIDTH", number(mac ? s.rows * s.act_bits : s.cols * s.acc_bits));
  texts.emplace_back("WGT_WIDTH",
                     number(mac ? s.cols * s.wgt_bits : s.cols * record_width + constant_width));
  texts.emplace_back("OUT_LANES", number(s.cols));
  texts.emplace_back("OUT_BITS", number(mac ? s.acc_bits : out_width));
  texts.emplace_back("BEATS", number(stream.beats));
  texts.emplace_back("WEIGHTS", number(stream.weights));
  texts.emplace_back("OUTS", number(stream.outs));
  texts.emplace_back("BLOCKS", number(stream.blocks));
  texts.emplace_back("WGT_PER_BEAT", mac ? "1" : "0");
  std::string parameters;
  const auto parameter = [&](const char* name, std::int64_t value) {
    parameters +=
        (parameters.empty() ? "    ." : ",\n    .") + std::string(name) + "(" + number(value) + ")";
  };
  if (mac) {
    parameter("Rows", s.rows);
    parameter("Cols", s.cols);
    parameter("ActBits", s.act_bits);
    parameter("WgtBits", s.wgt_bits);
  } else {
    parameter("Lanes", s.cols);
    parameter("RecordBits", record_width);
    parameter("MaxPixels", post_pixels);
  }
  parameter("AccBits", s.acc_bits);
  parameter("Saturate", s.saturates ? 1 : 0);
  texts.emplace_back("PARAMETERS", parameters);
  std::string cases;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    cases += "        " + number(i) + ": $write(\"" + names_[i] + "\");\n";
  }
  texts.emplace_back("LAYER_CASES", cases);
  return bench_text(texts);
}

std::vector<TextFile> Streams::files() const {
  std::vector<TextFile> files;
  for (const bool mac : {true, false}) {
    const Stream& stream = mac ? mac_ : post_;
    if (stream.blocks == 0) continue;
    const std::string prefix = mac ? "bench/mac" : "bench/post";
    files.push_back({prefix + "_act.hex", "stream_act", stream.act});
    files.push_back({prefix + "_wgt.hex", "stream_wgt", stream.wgt});
    files.push_back({prefix + "_out.hex", "stream_out", stream.out});
    files.push_back({prefix + "_block.hex", "stream_block", stream.block});
    files.push_back(
        {std::string("bench/tactus_") + (mac ? "mac" : "post") + "_tb.sv", "bench", bench(mac)});
  }
  return files;
}

std::size_t Streams::files_of(const Network& network, const std::vector<std::string>& layers) {
  constexpr std::size_t of_stream = 5;
  bool mac = false, post = false;
  for (const std::string& id : layers) {
    mac = mac || in_mac(*network.find_layer(id));
    post = post || in_post(*network.find_layer(id));
  }
  return (mac ? of_stream : 0) + (post ? of_stream : 0);
}

std::uint64_t Streams::bytes_of(const Network& network, const std::vector<std::string>& layers,
                                const StreamShape& s) {
  std::uint64_t bytes = 0;
  for (const std::string& id : layers) {
    const Layer& layer = *network.find_layer(id);
    if (!in_mac(layer)) continue;
    const Product product(layer);
    const auto blocks = static_cast<std::uint64_t>(
        product.groups * tiles(product.group_channels, s.cols) * tiles(product.pixels, s.rows));
    bytes += blocks * (static_cast<std::uint64_t>(product.steps()) *
                           (line_bytes(s.rows * s.act_bits) + line_bytes(s.cols * s.wgt_bits)) +
                       static_cast<std::uint64_t>(s.rows) * line_bytes(s.cols * s.acc_bits) +
                       line_bytes(static_cast<std::int64_t>(block_width)));
    if (!in_post(layer)) continue;
    const auto columns = static_cast<std::uint64_t>(tiles(layer.out_shape.c, s.cols));
    bytes += columns * (static_cast<std::uint64_t>(product.pixels) *
                            (line_bytes(s.cols * s.acc_bits) + line_bytes(s.cols * out_width)) +
                        static_cast<std::uint64_t>(tiles(product.pixels, post_pixels)) *
                            (line_bytes(s.cols * record_width + constant_width) +
                             line_bytes(static_cast<std::int64_t>(block_width))));
  }
  return bytes;
}

}  // namespace tactus::golden
