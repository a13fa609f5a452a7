// SPDX-License-Identifier: Apache-2.0
#include "triage/moved_element.hpp"

#include <algorithm>
#include <array>

#include "numerics/errors.hpp"

namespace tactus::triage {
namespace {

/// The element with the same number in C,H,W order of the tensor behind flatten layers.
Coordinates behind_flatten(const Network& network, const Coordinates& element) {
  const Layer* layer = network.find_layer(element.tensor);
  if (layer == nullptr || layer->op != LayerOp::flatten) return element;
  const Shape& s = layer->out_shape;
  const int flat = (element.c * s.h + element.y) * s.w + element.x;
  const std::string& source = layer->inputs.at(0);
  const Shape in = network.shape_of(source);
  return behind_flatten(network, {source, flat / (in.h * in.w), flat / in.w % in.h, flat % in.w});
}

/// Channel of the picture with more channels that holds sub-pixel (dy, dx) of channel c of the
/// picture with more pixels, which has `channels`.
int sub_pixel_channel(const Layer& layer, int channels, int c, int dy, int dx) {
  const int in_block = layer.blocks == 0 ? 1 : channels / layer.blocks;
  const int sub = dy * layer.stride_w + dx;
  return (c / in_block * layer.stride_h * layer.stride_w + sub) * in_block + c % in_block;
}

/// Off-chip address of the word that holds an element; nothing when it is not in memory.
std::optional<std::uint64_t> address_of(const Program& program, const Coordinates& element) {
  const TensorPlace* t = program.find_tensor(element.tensor);
  if (t == nullptr || !t->in_memory) return std::nullopt;
  std::int64_t c = element.c;
  if (!t->channels.empty()) {
    const auto found = std::find(t->channels.begin(), t->channels.end(), element.c);
    if (found == t->channels.end()) return std::nullopt;
    c = found - t->channels.begin();
  }
  const std::int64_t plane = std::int64_t{t->bundle} * t->pack;
  const std::int64_t word = std::int64_t{element.x} * t->bundle + c % plane / t->pack;
  return t->address + static_cast<std::uint64_t>(c / plane) * t->plane_stride +
         static_cast<std::uint64_t>(element.y) * t->line_stride +
         static_cast<std::uint64_t>(word * t->element_bytes);
}

/// Whether the lines that a load or a store names hold a byte.
template <class Op>
bool covers(const Op& op, std::uint64_t address) {
  for (std::int64_t plane = 0; plane < op.planes; ++plane) {
    const std::int64_t offset = static_cast<std::int64_t>(address) -
                                static_cast<std::int64_t>(op.mem_addr) - plane * op.plane_stride;
    if (offset < 0) continue;
    const std::int64_t line = op.lines > 1 && op.line_stride > 0 ? offset / op.line_stride : 0;
    if (line < op.lines && offset - line * op.line_stride < op.line_bytes) return true;
  }
  return false;
}

}  // namespace

std::optional<Coordinates> moved_from(const Network& network, const Layer& layer, int c, int y,
                                      int x) {
  switch (layer.op) {
    case LayerOp::flatten:
      return behind_flatten(network, {layer.id, c, y, x});
    case LayerOp::slice:
      return Coordinates{layer.inputs.at(0), c + layer.begin[0], y + layer.begin[1],
                         x + layer.begin[2]};
    case LayerOp::reshape: {
      const Shape& s = layer.out_shape;
      const Shape in = network.shape_of(layer.inputs.at(0));
      const int flat = (c * s.h + y) * s.w + x;
      return Coordinates{layer.inputs[0], flat / (in.h * in.w), flat / in.w % in.h, flat % in.w};
    }
    case LayerOp::pixel_shuffle: {
      const int line = y + layer.begin[1], column = x + layer.begin[2];
      return Coordinates{layer.inputs.at(0),
                         sub_pixel_channel(layer, layer.out_shape.c, c, line % layer.stride_h,
                                           column % layer.stride_w),
                         line / layer.stride_h, column / layer.stride_w};
    }
    case LayerOp::space_to_depth: {
      // The sub-pixel and channel whose place is c.
      const int channels = network.shape_of(layer.inputs.at(0)).c;
      for (int from = 0; from < channels; ++from) {
        for (int sub = 0; sub < layer.stride_h * layer.stride_w; ++sub) {
          const int dy = sub / layer.stride_w, dx = sub % layer.stride_w;
          if (sub_pixel_channel(layer, channels, from, dy, dx) != c) continue;
          return Coordinates{layer.inputs.at(0), from, y * layer.stride_h + dy,
                             x * layer.stride_w + dx};
        }
      }
      break;
    }
    case LayerOp::transpose: {
      // Channel h T + t, column r of the result was channel h R + r, column t.
      const int columns = layer.in_shape.w, rows = layer.in_shape.c / layer.heads;
      return Coordinates{layer.inputs.at(0), c / columns * rows + x, 0, c % columns};
    }
    case LayerOp::upsample:
      if (!layer.nearest && (y % layer.stride_h != 0 || x % layer.stride_w != 0)) {
        return std::nullopt;
      }
      return Coordinates{layer.inputs.at(0), c, y / layer.stride_h, x / layer.stride_w};
    case LayerOp::concat: {
      std::array<int, 3> place{c, y, x};
      int& along = place.at(static_cast<std::size_t>(layer.axis));
      for (const std::string& id : layer.inputs) {
        const Shape s = network.shape_of(id);
        const std::array<int, 3> extent{s.c, s.h, s.w};
        const int length = extent.at(static_cast<std::size_t>(layer.axis));
        if (along < length) return Coordinates{id, place[0], place[1], place[2]};
        along -= length;
      }
      break;
    }
    default:
      break;
  }
  throw BadInput("layer " + layer.id + ": explain does not take a " + name_of(layer.op) + " apart",
                 network.file, layer.id);
}

std::vector<std::pair<std::size_t, std::string>> moving_ops(const Program& program,
                                                            const Network& network,
                                                            std::size_t layer,
                                                            const std::optional<Coordinates>& from,
                                                            const Coordinates& to) {
  std::vector<std::pair<std::size_t, std::string>> found;
  const auto target = address_of(program, to);
  std::optional<std::uint64_t> source;
  if (from) source = address_of(program, behind_flatten(network, *from));
  if (!target || target == source) return found;
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    const auto* store = std::get_if<StoreOp>(&program.ops[i].body);
    if (store == nullptr || program.ops[i].layer != layer || !covers(*store, *target)) continue;
    // The last load of the element into this half.
    for (std::size_t j = i; source && j-- > 0;) {
      const auto* load = std::get_if<LoadOp>(&program.ops[j].body);
      if (load == nullptr || program.ops[j].layer != layer || load->half != store->half ||
          load->dest != static_cast<std::int64_t>(Dest::ofmap) || !covers(*load, *source)) {
        continue;
      }
      found.emplace_back(j, "loads it");
      break;
    }
    found.emplace_back(i, "stores it");
  }
  return found;
}

bool lies_in_place(const Program& program, const Network& network, const Coordinates& from,
                   const Coordinates& to) {
  const auto source = address_of(program, behind_flatten(network, from));
  return source && source == address_of(program, behind_flatten(network, to));
}

}  // namespace tactus::triage
