// SPDX-License-Identifier: Apache-2.0
#include "triage/probe.hpp"

#include <algorithm>
#include <cstring>

#include "lower/geometry.hpp"
#include "lower/program_builder.hpp"
#include "numerics/errors.hpp"

namespace tactus::triage {
namespace {

using lower::Buffer;
using lower::ceil_div;
using lower::Half;
using lower::ProgramBuilder;
using lower::round_up;

int half_of(std::int64_t half) { return static_cast<int>(half); }

// Halves that an op touches, as the lowering names them.
std::vector<Half> touches(const LoadOp& op) {
  switch (static_cast<Dest>(op.dest)) {
    case Dest::ifmap:
      return {{Buffer::ifmap, half_of(op.half)}};
    case Dest::weight:
      return {{Buffer::weight, half_of(op.half)}};
    case Dest::param:
      return {{Buffer::param, half_of(op.half)}};
    case Dest::ofmap:
      return {{Buffer::ofmap, half_of(op.half)}};
    case Dest::index:
      return {{Buffer::index, half_of(op.half)}};
    case Dest::inst:
      break;
  }
  return {};
}
std::vector<Half> touches(const FillOp& op) {
  const bool ifmap = op.dest == static_cast<std::int64_t>(Dest::ifmap);
  return {{ifmap ? Buffer::ifmap : Buffer::ofmap, half_of(op.half)}};
}
std::vector<Half> touches(const ComputeOp& op) {
  std::vector<Half> out{{Buffer::ifmap, half_of(op.ifmap_half)},
                        {Buffer::weight, half_of(op.weight_half)},
                        {Buffer::psum, half_of(op.psum_half)}};
  if (op.log2_m != 0) out.push_back({Buffer::index, half_of(op.weight_half)});
  return out;
}
std::vector<Half> touches(const PostOp& op) {
  const PostTraits traits = post_traits(static_cast<PostMode>(op.mode));
  std::vector<Half> out;
  if (traits.psum) out.push_back({Buffer::psum, half_of(op.psum_half)});
  if (traits.source) out.push_back({Buffer::ofmap, half_of(op.src_half)});
  if (traits.channel_records || traits.add_record || traits.table) {
    out.push_back({Buffer::param, half_of(op.param_half)});
  }
  out.push_back({op.dst == 0 ? Buffer::ofmap : Buffer::ifmap, half_of(op.dst_half)});
  return out;
}
std::vector<Half> touches(const StoreOp& op) { return {{Buffer::ofmap, half_of(op.half)}}; }

/// The bytes that a load or store covers, gaps included.
template <typename Op>
std::pair<std::uint64_t, std::uint64_t> span_of(const Op& op) {
  const auto begin = static_cast<std::uint64_t>(op.mem_addr);
  const std::int64_t length =
      (op.planes - 1) * op.plane_stride + (op.lines - 1) * op.line_stride + op.line_bytes;
  return {begin, begin + static_cast<std::uint64_t>(length)};
}

/// Repeats ops of a program in a builder whose image begins with the program's.
class Rebuild {
 public:
  Rebuild(const Program& program, const ArchConfig& config) : builder_(config) {
    const std::uint64_t base = builder_.allocate(program.image.size());
    if (base != 0) throw InternalError("a probe's image does not begin at address 0");
    std::copy(program.image.begin(), program.image.end(), builder_.at(0));
  }

  /// Loads of program segments are left out: the builder makes its own.
  void repeat(const TileOp& op) {
    std::visit([&](const auto& body) { add(body, op.layer); }, op.body);
  }
  template <typename Body>
  void add(const Body& body, int layer) {
    int after = -1;  // none
    if constexpr (std::is_same_v<Body, LoadOp>) {
      if (body.dest == static_cast<std::int64_t>(Dest::inst)) return;
      const auto [begin, end] = span_of(body);
      for (const Stored& s : stores_) {
        if (s.begin < end && begin < s.end) after = s.number;
      }
    }
    // An op touches at most four halves; naming one twice changes nothing.
    const std::vector<Half> t = touches(body);
    const auto half = [&](std::size_t i) { return t[std::min(i, t.size() - 1)]; };
    const int number = builder_.emit(body, layer, {half(0), half(1), half(2), half(3)}, {after});
    if constexpr (std::is_same_v<Body, StoreOp>) {
      const auto [begin, end] = span_of(body);
      stores_.push_back({number, begin, end});
    }
  }

  [[nodiscard]] ProgramBuilder& builder() { return builder_; }

  [[nodiscard]] Program finish(const Program& original) {
    if (builder_.op_count() == 0) {
      // The first op of all has nothing before it; a program needs an op.
      FillOp nothing;
      nothing.beats = 1;
      add(nothing, 0);
    }
    Program program = builder_.finish();
    program.layers = original.layers;
    program.tensors = original.tensors;
    return program;
  }

 private:
  struct Stored {
    int number;
    std::uint64_t begin, end;
  };
  ProgramBuilder builder_;
  std::vector<Stored> stores_;
};

/// The op cut to its first `units` K units.
ComputeOp cut(ComputeOp op, std::int64_t units) {
  if (units >= op.k_rows) return op;
  op.k_rows = units;
  if (op.dataflow == 0) op.folds = ceil_div(units, op.rows_used);
  op.k_complete = 0;
  return op;
}

const ComputeOp& compute_at(const Program& program, std::size_t op) {
  const auto* body = std::get_if<ComputeOp>(&program.ops.at(op).body);
  if (body == nullptr) throw InternalError("op " + std::to_string(op) + " is no compute op");
  return *body;
}

}  // namespace

Plane Probe::read(const std::vector<std::uint8_t>& memory) const {
  Plane plane{channels, lines * width, {}};
  plane.values.reserve(static_cast<std::size_t>(plane.channels * plane.pixels));
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t i = 0; i < plane.pixels; ++i) {
      const std::uint64_t at = address + static_cast<std::uint64_t>(c) * plane_stride +
                               static_cast<std::uint64_t>(i / width) * line_stride +
                               static_cast<std::uint64_t>(i % width * bytes);
      std::uint64_t v = 0;
      for (int b = 0; b < bytes; ++b) {
        v |= std::uint64_t{memory.at(at + static_cast<unsigned>(b))} << (8 * b);
      }
      if (is_signed && (v >> (8 * bytes - 1) & 1U) != 0) v |= ~std::uint64_t{0} << (8 * bytes);
      plane.values.push_back(static_cast<std::int64_t>(v));
    }
  }
  return plane;
}

std::vector<std::size_t> psum_chain(const Program& program, std::size_t op) {
  const ComputeOp& last = compute_at(program, op);
  std::vector<std::size_t> chain{op};
  for (std::size_t i = op; i > 0 && compute_at(program, chain.back()).accumulate != 0;) {
    --i;
    const auto* body = std::get_if<ComputeOp>(&program.ops[i].body);
    if (body != nullptr && body->psum_half == last.psum_half && body->psum_base == last.psum_base) {
      chain.push_back(i);
    }
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

std::int64_t chain_units(const Program& program, const std::vector<std::size_t>& chain) {
  std::int64_t units = 0;
  for (const std::size_t op : chain) units += compute_at(program, op).k_rows;
  return units;
}

std::optional<Probe> Prober::psums(const std::vector<std::size_t>& chain,
                                   std::int64_t units) const {
  Rebuild rebuild(program_, config_);
  std::size_t last = 0;
  std::int64_t left = units;
  while (left > compute_at(program_, chain.at(last)).k_rows) {
    left -= compute_at(program_, chain[last++]).k_rows;
  }
  const ComputeOp op = cut(compute_at(program_, chain[last]), left);
  const int layer = program_.ops[chain[last]].layer;
  for (std::size_t i = 0; i < chain[last]; ++i) rebuild.repeat(program_.ops[i]);
  rebuild.add(op, layer);

  const std::int64_t beat = config_.beat_bytes();
  const std::int64_t pixels = op.out_h * op.out_w;
  const std::int64_t at_once =
      std::min<std::int64_t>(config_.ofmap_bank_bytes() / 4, (1 << 14) - 1) / beat * beat;
  // One record more than there are channels, so that the last one used is no load's last beat.
  if (at_once < 1 || config_.param_records() <= op.cols) return std::nullopt;
  Probe probe;
  probe.channels = op.cols;
  probe.lines = 1;
  probe.width = pixels;
  probe.plane_stride = static_cast<std::uint64_t>(round_up(4 * pixels, beat));
  ProgramBuilder& builder = rebuild.builder();
  const std::uint64_t records =
      builder.allocate(static_cast<std::uint64_t>((op.cols + 1) * record_bytes));
  probe.address = builder.allocate(probe.plane_stride * static_cast<std::uint64_t>(op.cols));

  LoadOp zeros;
  zeros.mem_addr = static_cast<std::int64_t>(records);
  zeros.planes = zeros.lines = 1;
  zeros.line_bytes = (op.cols + 1) * record_bytes;
  zeros.dest = static_cast<std::int64_t>(Dest::param);
  rebuild.add(zeros, layer);
  for (std::int64_t m = 0, half = 0; m < pixels; m += at_once, half = 1 - half) {
    const std::int64_t count = std::min(at_once, pixels - m);
    PostOp post;
    post.psum_half = op.psum_half;
    post.psum_base = op.psum_base + m;
    post.channels = op.cols;
    post.out_h = 1;
    post.out_w = count;
    post.win_h = post.win_w = 1;
    post.dst_half = half;
    post.dst_step_y = round_up(4 * count, beat);
    post.dst_log2_bytes = 2;
    post.convention = static_cast<std::int64_t>(Convention::none);
    rebuild.add(post, layer);
    StoreOp store;
    store.mem_addr = static_cast<std::int64_t>(probe.address) + 4 * m;
    store.planes = op.cols;
    store.channels = op.cols;
    store.plane_stride = static_cast<std::int64_t>(probe.plane_stride);
    store.lines = 1;
    store.line_bytes = 4 * count;
    store.half = half;
    rebuild.add(store, layer);
  }
  probe.program = rebuild.finish(program_);
  return probe;
}

std::optional<Probe> Prober::post_result(std::size_t number) const {
  const auto* original = std::get_if<PostOp>(&program_.ops.at(number).body);
  if (original == nullptr) throw InternalError("op " + std::to_string(number) + " is no post op");
  const int layer = program_.ops[number].layer;
  PostOp op = *original;
  const std::int64_t beat = config_.beat_bytes(), cols = config_.hw_array_cols;
  if (op.dst != 0) {
    // What goes to the ifmap buffer cannot be stored: the same op writes the free ofmap half.
    const bool reads = op.mode != static_cast<std::int64_t>(PostMode::requant);
    op.dst = 0;
    op.dst_half = reads ? 1 - op.src_half : 0;
    op.dst_base = 0;
    op.dst_step_y = round_up(op.out_w << op.dst_log2_bytes, beat);
    op.dst_slot_stride = op.out_h * op.dst_step_y;
    op.dst_log2_group = op.dst_log2_pack = op.dst_log2_bundle = op.dst_ch0 = 0;
    if (op.dst_slot_stride * ceil_div(op.channels, cols) > config_.ofmap_bank_bytes()) {
      return std::nullopt;
    }
  }
  // A destination inside a beat is stored from the beginning of that beat.
  const std::int64_t lead = op.dst_base % beat;
  if (op.out_h > 1 && op.dst_step_y % beat != 0) return std::nullopt;
  if (op.channels > cols && op.dst_slot_stride % beat != 0) return std::nullopt;
  Rebuild rebuild(program_, config_);
  for (std::size_t i = 0; i < number; ++i) rebuild.repeat(program_.ops[i]);
  rebuild.add(op, layer);
  Probe probe;
  probe.bytes = 1 << op.dst_log2_bytes;
  probe.is_signed =
      op.clamp_min < 0 || op.convention == static_cast<std::int64_t>(Convention::none);
  probe.channels = op.channels;
  probe.lines = op.out_h;
  probe.width = op.out_w;
  const std::int64_t line = lead + (op.out_w << op.dst_log2_bytes);
  probe.line_stride = static_cast<std::uint64_t>(round_up(line, beat));
  probe.plane_stride = probe.line_stride * static_cast<std::uint64_t>(op.out_h);
  probe.address =
      rebuild.builder().allocate(probe.plane_stride * static_cast<std::uint64_t>(op.channels));
  StoreOp store;
  store.mem_addr = static_cast<std::int64_t>(probe.address);
  store.planes = store.channels = op.channels;
  store.plane_stride = static_cast<std::int64_t>(probe.plane_stride);
  store.lines = op.out_h;
  store.line_stride = static_cast<std::int64_t>(probe.line_stride);
  store.line_bytes = line;
  store.half = op.dst_half;
  store.src_base = op.dst_base / beat;
  store.src_slot_stride = op.dst_slot_stride / beat;
  store.src_line_stride = op.dst_step_y / beat;
  rebuild.add(store, layer);
  probe.address += static_cast<std::uint64_t>(lead);
  probe.program = rebuild.finish(program_);
  return probe;
}

Probe Prober::before(std::size_t op) const {
  Rebuild rebuild(program_, config_);
  for (std::size_t i = 0; i < op; ++i) rebuild.repeat(program_.ops[i]);
  Probe probe;
  probe.program = rebuild.finish(program_);
  return probe;
}

std::vector<std::uint8_t> Prober::memory_after(const Probe& probe, const Runner& runner) const {
  std::vector<std::uint8_t> memory = probe.program.image;
  std::copy(memory_.begin(), memory_.end(), memory.begin());
  return runner(probe.program, std::move(memory)).memory;
}

}  // namespace tactus::triage
