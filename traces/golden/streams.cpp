// SPDX-License-Identifier: Apache-2.0
#include "golden/streams.hpp"

#include <algorithm>

#include "golden/bench_text.hpp"
#include "golden/encode.hpp"
#include "golden/stream_parts.hpp"
#include "numerics/errors.hpp"

namespace tactus::golden {
namespace {

/// Operands that the memory of an elem block has room for, at least.
constexpr std::int64_t least_beats = 256;

constexpr StreamKind kinds[] = {StreamKind::mac, StreamKind::post, StreamKind::elem};

/// Smallest two's complement width of [low, high].
int signed_width(std::int64_t low, std::int64_t high) {
  int bits = 1;
  while (low < -(std::int64_t{1} << (bits - 1)) || high >= std::int64_t{1} << (bits - 1)) ++bits;
  return bits;
}

int width_of(const Format& f) {
  return signed_width(std::min<std::int64_t>(f.min() - f.zero_point, 0), f.max() - f.zero_point);
}

std::int64_t tiles(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

std::uint64_t line_bytes(std::int64_t bits) {
  return static_cast<std::uint64_t>((bits + 3) / 4 + 1);
}

std::int64_t constants_width(StreamKind kind, const StreamShape& s) {
  const std::int64_t width = s.cols * channel_bits + requant_width;
  return kind == StreamKind::post ? width : width + elem_width + s.table_entries * entry_width;
}

}  // namespace

StreamShape stream_shape(const Network& network, const std::vector<std::string>& layers,
                         const Options& options, const ArchConfig& config) {
  StreamShape shape;
  shape.rows = options.bench_rows > 0 ? options.bench_rows : config.hw_array_rows;
  shape.cols = options.bench_cols > 0 ? options.bench_cols : config.hw_array_cols;
  shape.acc_bits = static_cast<int>(config.hw_acc_bits);
  shape.saturates = config.hw_acc_overflow == "saturate";
  shape.fold = options.bench_fold > 0 ? options.bench_fold : shape.rows;
  shape.act_bits = shape.wgt_bits = 1;
  shape.max_beats = least_beats;
  for (const std::string& id : layers) {
    const Layer& layer = *network.find_layer(id);
    const StreamUse use = stream_use(layer);
    if (use.in(StreamKind::elem)) {
      shape.max_beats = std::max(shape.max_beats, elem_taps(layer));
      if (layer.op == LayerOp::lut) {
        shape.table_entries =
            std::max(shape.table_entries, static_cast<std::int64_t>(layer.table.size()));
      }
    }
    if (!use.in(StreamKind::mac)) continue;
    shape.act_bits = std::max(shape.act_bits, width_of(network.format_of(layer.inputs.at(0))));
    if (layer.op == LayerOp::matmul) {
      shape.wgt_bits = std::max(shape.wgt_bits, width_of(network.format_of(layer.inputs.at(1))));
    }
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

Streams::Streams(const Network& network, const std::vector<std::string>& layers, StreamShape shape,
                 Settle settle)
    : network_(network), shape_(shape), settle_(std::move(settle)) {
  for (const std::string& id : layers) uses_.push_back(stream_use(*network.find_layer(id)));
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
                  bool overflowed) {
  const auto found = std::find_if(uses_.begin(), uses_.end(),
                                  [&](const StreamUse& use) { return use.layer == layer.id; });
  if (found == uses_.end() || found->streams.empty()) return;
  names_.push_back(image + ", layer " + layer.id);
  const auto name = static_cast<std::int64_t>(names_.size() - 1);
  if (name > 0xffff) throw BadInput("a bench plays at most 65536 layers; select fewer images");
  std::vector<std::int64_t> sums;
  if (found->in(StreamKind::mac) && add_mac(name, layer, tensors, overflowed, sums)) {
    found->note = "accumulators saturate; the mac stream has those of sums of " +
                  std::to_string(shape_.fold) + " steps each";
  }
  if (found->in(StreamKind::post)) {
    const auto known = tensors.accumulators.find(layer.id);
    if (known != tensors.accumulators.end()) {
      add_post(name, layer, tensors, known->second);
    } else if (!overflowed || !shape_.saturates) {
      add_post(name, layer, tensors, sums);
    } else {
      found->note += (found->note.empty() ? "" : "; ");
      found->note += "the post stream leaves out the inputs whose accumulators saturate";
    }
  }
  if (found->in(StreamKind::elem)) add_elem(name, layer, tensors);
}

std::string Streams::bench(StreamKind kind) const {
  const Stream& stream = of(kind);
  const StreamShape& s = shape_;
  const bool mac = kind == StreamKind::mac;
  const auto number = [](auto n) { return std::to_string(n); };
  const std::int64_t lane_bits = kind == StreamKind::post ? s.acc_bits : value_width;
  BenchTexts texts;
  texts.emplace_back("NAME", std::string("tactus_") + name_of(kind) + "_tb");
  texts.emplace_back("STREAM", name_of(kind));
  texts.emplace_back("ACT_WIDTH", number(mac ? s.rows * s.act_bits : s.cols * lane_bits));
  texts.emplace_back("WGT_WIDTH", number(mac ? s.cols * s.wgt_bits : constants_width(kind, s)));
  texts.emplace_back("OUT_LANES", number(s.cols));
  texts.emplace_back("OUT_BITS", number(mac ? s.acc_bits : value_width));
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
    parameter("RecordBits", channel_bits);
    parameter("MaxPixels", post_pixels);
  }
  if (kind == StreamKind::elem) {
    parameter("MaxBeats", s.max_beats);
    parameter("TableEntries", s.table_entries);
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
  for (const StreamKind kind : kinds) {
    const Stream& stream = of(kind);
    if (stream.blocks == 0) continue;
    const std::string prefix = std::string("bench/") + name_of(kind);
    files.push_back({prefix + "_act.hex", "stream_act", stream.act});
    files.push_back({prefix + "_wgt.hex", "stream_wgt", stream.wgt});
    files.push_back({prefix + "_out.hex", "stream_out", stream.out});
    files.push_back({prefix + "_block.hex", "stream_block", stream.block});
    files.push_back(
        {std::string("bench/tactus_") + name_of(kind) + "_tb.sv", "bench", bench(kind)});
  }
  return files;
}

std::size_t Streams::files_of(const Network& network, const std::vector<std::string>& layers) {
  constexpr std::size_t of_stream = 5;
  std::size_t files = 0;
  for (const StreamKind kind : kinds) {
    const bool used = std::any_of(layers.begin(), layers.end(), [&](const std::string& id) {
      return stream_use(*network.find_layer(id)).in(kind);
    });
    files += used ? of_stream : 0;
  }
  return files;
}

std::uint64_t Streams::bytes_of(const Network& network, const std::vector<std::string>& layers,
                                const StreamShape& s) {
  const std::uint64_t block_bytes = line_bytes(static_cast<std::int64_t>(block_width));
  std::uint64_t bytes = 0;
  for (const std::string& id : layers) {
    const Layer& layer = *network.find_layer(id);
    const StreamUse use = stream_use(layer);
    if (use.in(StreamKind::mac)) {
      const Product product(layer);
      const auto blocks = static_cast<std::uint64_t>(
          product.groups * tiles(product.group_channels, s.cols) * tiles(product.pixels, s.rows));
      bytes += blocks *
               (static_cast<std::uint64_t>(product.steps()) *
                    (line_bytes(s.rows * s.act_bits) + line_bytes(s.cols * s.wgt_bits)) +
                static_cast<std::uint64_t>(s.rows) * line_bytes(s.cols * s.acc_bits) + block_bytes);
    }
    for (const StreamKind kind : {StreamKind::post, StreamKind::elem}) {
      if (!use.in(kind)) continue;
      const bool post = kind == StreamKind::post;
      const std::int64_t taps = post ? 1 : elem_taps(layer);
      const std::int64_t pixels = std::int64_t{layer.out_shape.h} * layer.out_shape.w;
      const std::int64_t of_block =
          post ? post_pixels
               : std::clamp<std::int64_t>(s.max_beats / taps, std::int64_t{1}, post_pixels);
      bytes += static_cast<std::uint64_t>(tiles(layer.out_shape.c, s.cols)) *
               (static_cast<std::uint64_t>(pixels * taps) *
                    line_bytes(s.cols * (post ? s.acc_bits : value_width)) +
                static_cast<std::uint64_t>(pixels) * line_bytes(s.cols * value_width) +
                static_cast<std::uint64_t>(tiles(pixels, of_block)) *
                    (line_bytes(constants_width(kind, s)) + block_bytes));
    }
  }
  return bytes;
}

}  // namespace tactus::golden
