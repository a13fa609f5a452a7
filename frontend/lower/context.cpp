// SPDX-License-Identifier: Apache-2.0
#include "lower/context.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "numerics/add_mul_shift.hpp"
#include "numerics/errors.hpp"

namespace tactus::lower {

namespace {
constexpr std::int64_t int32_min = -(std::int64_t{1} << 31);
constexpr std::int64_t int32_max = (std::int64_t{1} << 31) - 1;

template <typename T>
T per_channel(const std::vector<T>& values, std::int64_t n, T otherwise) {
  if (values.empty()) return otherwise;
  return values.size() == 1 ? values[0] : values[static_cast<std::size_t>(n)];
}
}  // namespace

Context::Context(const Network& net, const ArchConfig& cfg, bool contents)
    : network(net), config(cfg), builder(cfg, contents) {}

void Context::refuse(const Layer& layer, const std::string& why) const {
  throw BadInput((network.file.empty() ? std::string() : network.file + ": ") + "layer " +
                     layer.id + ": " + why,
                 network.file, layer.id);
}

std::string Context::source_of(const std::string& id) const {
  const Layer* layer = network.find_layer(id);
  if (layer == nullptr || layer->op != LayerOp::flatten) return id;
  return source_of(layer->inputs.at(0));
}

TensorLayout Context::layout_of(const std::string& id) const {
  const auto it = layouts.find(id);
  return it != layouts.end() ? it->second : smallest_layout(network.format_of(id), config);
}

TensorPlace& Context::place(const std::string& id) {
  const auto known = numbers_.find(id);
  if (known != numbers_.end()) return tensors[known->second];
  const Shape shape = network.shape_of(id);
  const TensorLayout layout = layout_of(id);
  TensorPlace t;
  t.name = id;
  t.c = shape.c;
  t.h = shape.h;
  t.w = shape.w;
  t.element_bytes = static_cast<int>(layout.word_bytes);
  t.pack = static_cast<int>(layout.pack);
  t.bundle = static_cast<int>(layout.bundle);
  t.is_signed = network.format_of(id).is_signed;
  numbers_.emplace(id, tensors.size());
  tensors.push_back(std::move(t));
  return tensors.back();
}

void Context::forget_tensors() {
  tensors.clear();
  numbers_.clear();
}

void Context::place_in_memory(const std::string& id) {
  if (place_in_concat(*this, id)) return;
  const TensorLayout layout = layout_of(id);
  TensorPlace& t = place(id);
  const std::int64_t line = round_up(t.w * layout.pixel_bytes(), config.beat_bytes());
  t.line_stride = static_cast<std::uint64_t>(line);
  t.plane_stride = t.line_stride * static_cast<std::uint64_t>(t.h);
  t.address = builder.allocate(t.plane_stride * static_cast<std::uint64_t>(layout.planes(t.c)));
  t.in_memory = true;
}

int Context::store_of(const std::string& id) const {
  const auto it = last_store.find(id);
  return it == last_store.end() ? -1 : it->second;
}

namespace {

/// Source side of a load of whole planes, and where its lines go in a bank.
LoadOp load_of(const TensorPlace& t, const TensorLayout& tensor, const TileLayout& layout,
               std::int64_t pixels, std::int64_t c0, std::int64_t channels, std::int64_t base,
               std::int64_t beat) {
  const std::int64_t p0 = c0 / tensor.plane_channels();
  LoadOp op;
  op.mem_addr =
      static_cast<std::int64_t>(t.address) + p0 * static_cast<std::int64_t>(t.plane_stride) +
      layout.src_y * static_cast<std::int64_t>(t.line_stride) + layout.src_x * tensor.pixel_bytes();
  op.planes = tensor.planes(channels);
  op.plane_stride = static_cast<std::int64_t>(t.plane_stride);
  op.lines = layout.loaded_lines;
  op.line_stride = static_cast<std::int64_t>(t.line_stride);
  op.line_bytes = pixels * tensor.pixel_bytes();
  op.dst_base = (base + layout.first_line * layout.pitch + layout.data_begin) / beat;
  op.dst_slot_stride = layout.slot_bytes() / beat;
  op.dst_line_stride = layout.pitch / beat;
  return op;
}

}  // namespace

int Context::load_ifmap(int layer_index, const std::string& tensor, int half,
                        const TileLayout& layout, std::int64_t c0, std::int64_t channels,
                        std::int64_t group) {
  if (layout.data_bytes == 0 || layout.loaded_lines == 0) return -1;
  const TensorLayout t = layout_of(tensor);
  LoadOp op = load_of(place(tensor), t, layout, layout.data_bytes / t.pixel_bytes(), c0, channels,
                      0, config.beat_bytes());
  op.dest = static_cast<std::int64_t>(Dest::ifmap);
  op.half = half;
  op.log2_group = log2_of(group);
  return builder.emit(op, layer_index, {{Buffer::ifmap, half}}, {store_of(tensor)});
}

int Context::load_ofmap(int layer_index, const std::string& tensor, int half,
                        const TileLayout& layout, std::int64_t c0, std::int64_t channels,
                        std::int64_t base, std::int64_t plane_step) {
  if (layout.data_bytes == 0 || layout.loaded_lines == 0) return -1;
  const TensorLayout t = layout_of(tensor);
  LoadOp op = load_of(place(tensor), t, layout, layout.data_bytes / t.word_bytes, c0, channels,
                      base, config.beat_bytes());
  op.plane_stride *= plane_step;
  op.dest = static_cast<std::int64_t>(Dest::ofmap);
  op.half = half;
  op.log2_group = log2_of(config.hw_array_cols / t.plane_channels());
  op.log2_pack = log2_of(t.pack);
  op.log2_bundle = log2_of(t.bundle);
  op.unpack_signed = t.pack > 1 && network.format_of(tensor).is_signed ? 1 : 0;
  return builder.emit(op, layer_index, {{Buffer::ofmap, half}}, {store_of(tensor)});
}

int Context::fill_tile(int layer_index, Dest dest, int half, const TileLayout& layout,
                       std::int64_t slots, std::int64_t base, std::uint32_t pattern) {
  const std::int64_t beat = config.beat_bytes();
  FillOp op;
  op.dest = static_cast<std::int64_t>(dest);
  op.half = half;
  op.dst_base = base / beat;
  op.beats = layout.bank_bytes(slots) / beat;
  op.value = static_cast<std::int64_t>(pattern);
  const Buffer buffer = dest == Dest::ifmap ? Buffer::ifmap : Buffer::ofmap;
  return builder.emit(op, layer_index, {{buffer, half}});
}

int Context::store_tile(int layer_index, const std::string& tensor, const StoreSource& source,
                        const PixelTile& tile, std::int64_t c0, std::int64_t channels,
                        std::int64_t line_step, std::int64_t plane_step) {
  const TensorPlace& t = place(tensor);
  const TensorLayout layout = layout_of(tensor);
  const std::int64_t beat = config.beat_bytes();
  StoreOp op;
  op.mem_addr = static_cast<std::int64_t>(t.address) +
                c0 / layout.plane_channels() * static_cast<std::int64_t>(t.plane_stride) +
                tile.y0 * static_cast<std::int64_t>(t.line_stride) + tile.x0 * layout.pixel_bytes();
  op.planes = layout.planes(channels);
  op.bank0 = source.bank0;
  if (layout.packed()) op.channels = channels;
  op.log2_pack = log2_of(layout.pack);
  op.log2_bundle = log2_of(layout.bundle);
  op.plane_stride = plane_step * static_cast<std::int64_t>(t.plane_stride);
  op.lines = tile.h;
  op.line_stride = line_step * static_cast<std::int64_t>(t.line_stride);
  op.line_bytes = tile.w * layout.pixel_bytes();
  op.half = source.half;
  op.src_base = source.base / beat;
  op.src_slot_stride = source.slot_bytes / beat;
  op.src_line_stride = source.pitch / beat;
  const int number = builder.emit(op, layer_index, {{Buffer::ofmap, source.half}});
  last_store[tensor] = number;
  return number;
}

std::uint64_t Context::put_records(const std::vector<EncodedRecord>& records) {
  const std::uint64_t address = builder.allocate(records.size() * record_bytes);
  for (std::size_t i = 0; builder.contents() && i < records.size(); ++i) {
    std::memcpy(builder.at(address + i * record_bytes), records[i].data(), record_bytes);
  }
  return address;
}

int Context::load_records(int layer_index, std::uint64_t address, std::int64_t count, int half) {
  LoadOp op;
  op.mem_addr = static_cast<std::int64_t>(address);
  op.planes = 1;
  op.lines = 1;
  op.line_bytes = count * record_bytes;
  op.dest = static_cast<std::int64_t>(Dest::param);
  op.half = half;
  return builder.emit(op, layer_index, {{Buffer::param, half}});
}

ChannelRecord channel_record(const Context& context, const Layer& layer, std::int64_t n) {
  ChannelRecord record;
  const Requant& r = layer.requant;
  record.bias = per_channel(layer.bias, n, std::int64_t{0});
  record.mult = per_channel(r.mult, n, std::int64_t{1});
  record.shift = per_channel(r.shift, n, 0);
  record.add = per_channel(r.add, n, std::int64_t{0});
  if (record.mult < int32_min || record.mult > int32_max) {
    context.refuse(layer, "requant/mult[" + std::to_string(n) + "] is " +
                              std::to_string(record.mult) +
                              ", the post-processor's multipliers have 32 bits");
  }
  std::int64_t mult_bits = 1;
  while (mult_bits < 32 && (record.mult < -(std::int64_t{1} << (mult_bits - 1)) ||
                            record.mult >= std::int64_t{1} << (mult_bits - 1))) {
    ++mult_bits;
  }
  // tflite_s64 multiplies by the upper half of the multiplier only.
  if (r.convention == Convention::tflite_s64) mult_bits = std::min<std::int64_t>(mult_bits, 16);
  if (context.config.hw_acc_bits + mult_bits > 64) {
    context.refuse(layer, "requant/mult[" + std::to_string(n) + "] is " +
                              std::to_string(record.mult) + ", with hw.acc_bits " +
                              std::to_string(context.config.hw_acc_bits) +
                              " the product exceeds 64 bits");
  }
  return record;
}

/// The adder of the post-processor has 64 bits.
void check_add_width(const Context& context, const Layer& add, const Format& a, const Format& b,
                     const AddRecord& record) {
  AddMulShift p;
  p.a = {record.za, record.ma, static_cast<unsigned>(record.la)};
  p.b = {record.zb, record.mb, static_cast<unsigned>(record.lb)};
  p.add = record.add;
  if (!add_mul_shift_fits(a, b, p)) {
    context.refuse(add, "its scaled operands can exceed the 64 bits of the post-processor's adder");
  }
}

AddRecord add_record(const Context& context, const Layer& add, bool swapped) {
  const auto first = static_cast<std::size_t>(swapped ? 1 : 0);
  const OperandScale& a = add.operand_scale[first];
  const OperandScale& b = add.operand_scale[1 - first];
  const Format fa = context.network.format_of(context.source_of(add.inputs.at(first)));
  const Format fb = context.network.format_of(context.source_of(add.inputs.at(1 - first)));
  if (add.requant.clamp_max > int32_max) {
    context.refuse(add, "clamp_max " + std::to_string(add.requant.clamp_max) +
                            " does not fit the post-processor's signed 32 bits");
  }
  AddRecord record;
  record.ma = a.mult;
  record.mb = b.mult;
  record.la = a.left_shift;
  record.lb = b.left_shift;
  record.shift = add.requant.shift.empty() ? 0 : add.requant.shift[0];
  record.rounding = static_cast<std::int64_t>(add.requant.rounding);
  record.za = fa.zero_point;
  record.zb = fb.zero_point;
  record.zp = add.out_format.zero_point;
  record.clamp_min = add.requant.clamp_min;
  record.clamp_max = add.requant.clamp_max;
  if (add.requant.convention != Convention::add_mul_shift) {
    if (a.left_shift != b.left_shift) {
      context.refuse(add,
                     "requant_0/left_shift and requant_1/left_shift differ, the hardware has "
                     "one for both operands of add_tflite");
    }
    record.kind = static_cast<std::int64_t>(add.requant.convention == Convention::add_tflite
                                                ? AddKind::add_tflite
                                                : AddKind::add_tflite_single);
    record.rounding = 0;
    set_tflite_fields({add.requant.mult[0], add.requant.shift[0], a.shift, b.shift}, record);
    return record;
  }
  record.add = add.requant.add.empty() ? 0 : add.requant.add[0];
  check_add_width(context, add, fa, fb, record);
  return record;
}

void set_requant(const Context& context, const Layer& layer, PostOp& post) {
  const Requant& r = layer.requant;
  switch (r.convention) {
    case Convention::none:
      if (context.config.hw_acc_bits > 32) {
        context.refuse(layer, "convention none stores 32-bit results, hw.acc_bits is " +
                                  std::to_string(context.config.hw_acc_bits));
      }
      break;
    case Convention::mul_shift:
    case Convention::pow2:
    case Convention::tflite_double:
    case Convention::tflite_single:
    case Convention::tflite_s64:
      break;
    default:
      context.refuse(layer, std::string("convention ") + name_of(r.convention) +
                                " is not built into the post-processor");
  }
  post.convention = static_cast<std::int64_t>(r.convention);
  post.rounding = static_cast<std::int64_t>(r.rounding);
  if (r.clamp_min < int32_min || r.clamp_max > int32_max) {
    context.refuse(layer, "clamp_max " + std::to_string(r.clamp_max) +
                              " does not fit the post-processor's signed 32 bits");
  }
  post.clamp_min = r.clamp_min;
  post.clamp_max = r.clamp_max;
  post.out_zp = layer.out_format.zero_point;
}

}  // namespace tactus::lower
