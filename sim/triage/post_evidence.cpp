// SPDX-License-Identifier: Apache-2.0
// Wrong results of a post op.
#include <algorithm>

#include "triage/element_life.hpp"
#include "triage/parts.hpp"

namespace tactus::triage {
namespace {

PostMode mode_of(const PostOp& op) { return static_cast<PostMode>(op.mode); }

/// What the last step of the op clamps to.
void set_clamps(const Case& c, const Places& places, std::size_t op, ResultEvidence& e) {
  const auto& post = std::get<PostOp>(c.program.ops[op].body);
  const PostMode mode = mode_of(post);
  const bool by_layer = mode == PostMode::requant_add || mode == PostMode::add ||
                        mode == PostMode::multiply || mode == PostMode::lut ||
                        mode == PostMode::row;
  if (by_layer) {
    if (mode == PostMode::lut || mode == PostMode::row) return;
    const Layer* layer = c.network.find_layer(places.output_of(c.program.ops[op].layer));
    if (layer == nullptr) return;
    e.clamp_min = layer->requant.clamp_min;
    e.clamp_max = layer->requant.clamp_max;
    return;
  }
  const bool direct = mode == PostMode::max_window || mode == PostMode::clamp ||
                      mode == PostMode::maximum || mode == PostMode::minimum;
  if (!direct && post.convention == static_cast<std::int64_t>(Convention::none)) return;
  e.clamp_min = post.clamp_min;
  e.clamp_max = post.clamp_max;
}

/// Cycle in which a result is written, counted from the op's start.
Cycle cycles_to(const PostOp& op, const Spot& spot, std::int64_t lanes) {
  const PostTraits traits = post_traits(mode_of(op));
  const std::int64_t taps = traits.window ? op.win_h * op.win_w : traits.two ? 2 : 1;
  const bool records = traits.channel_records && op.transposed == 0;
  const std::int64_t pixels = op.out_h * op.out_w;
  std::int64_t cycles = traits.add_record ? 1 : 0;
  for (std::int64_t first = 0;; first += lanes) {
    const std::int64_t channels = std::min(lanes, op.channels - first);
    cycles += records ? channels : 0;
    if (spot.column < first + lanes)
      return static_cast<Cycle>(cycles + (spot.entry + 1) * taps + 6);
    cycles += pixels * taps + 6;
  }
}

/// The life of the wrong element's layer before any residual add.
std::optional<ElementLife> life_of(const Case& c, std::size_t op, const Coordinates& place) {
  const Layer& layer = c.network.layers.at(c.program.ops[op].layer);
  if (place.c >= layer.out_shape.c || place.y >= layer.out_shape.h ||
      place.x >= layer.out_shape.w) {
    return std::nullopt;
  }
  const LifeSource source{c.network, c.config, c.program, c.tensors};
  return element_life(source, layer.id, c.n, place.c, place.y, place.x);
}

std::string steps_text(const ElementLife& life) {
  std::string text;
  const auto add = [&](const std::vector<Step>& steps) {
    for (const Step& s : steps) {
      text +=
          (text.empty() ? "" : ", ") + s.name + " " + s.formula + " = " + std::to_string(s.value);
    }
  };
  add(life.steps);
  if (life.continued_value) {
    text += ", then the residual add: ";
    std::string front;
    std::swap(front, text);
    add(life.continued_steps);
    text = front + text;
  }
  return text;
}

/// Rounding under which every value of the op comes out as it did, beside the layer's own.
std::optional<Rounding> rounding_that_fits(const Case& c, const Places& places, std::size_t op,
                                           const Plane& actual) {
  const auto& post = std::get<PostOp>(c.program.ops[op].body);
  if (mode_of(post) != PostMode::requant) return std::nullopt;
  const Layer& layer = c.network.layers.at(c.program.ops[op].layer);
  constexpr std::int64_t most = 256;  // values that are looked at
  std::vector<std::pair<Spot, std::int64_t>> sums;
  for (std::int64_t i = 0; i < std::min(most, actual.channels * actual.pixels); ++i) {
    const Spot spot{i / actual.pixels, i % actual.pixels};
    const auto place = places.of_post(op, spot);
    const auto life = place ? life_of(c, op, *place) : std::nullopt;
    if (!life || !life->accumulator) return std::nullopt;
    sums.emplace_back(spot, *life->accumulator);
  }
  for (std::int64_t r = 0; r < 7; ++r) {
    Tweak tweak;
    tweak.rounding = r;
    const bool fits = std::all_of(sums.begin(), sums.end(), [&](const auto& s) {
      const auto place = places.of_post(op, s.first);
      std::vector<Step> unused;
      return requantise_steps(layer, place->c, s.second, unused, tweak) ==
             actual.at(s.first.column, s.first.entry);
    });
    if (fits) return static_cast<Rounding>(r);
  }
  return std::nullopt;
}

}  // namespace

void explain_post(const Case& c, std::size_t op, Finding& f) {
  const auto& post = std::get<PostOp>(c.program.ops[op].body);
  const Prober prober(c.program, c.config, c.memory);
  const Places places(c.program, c.network);
  f.quantity = "result";
  const auto probe = prober.post_result(op);
  if (!probe) {
    f.step = "the results cannot be read: the ofmap buffer is too small for a probe";
    return;
  }
  const Plane expected = prober.run(*probe, c.run_expected);
  const Plane actual = prober.run(*probe, c.run_actual);
  f.of = static_cast<std::int64_t>(expected.values.size());
  std::optional<Spot> first;
  for (std::int64_t ch = 0; ch < expected.channels; ++ch) {
    for (std::int64_t p = 0; p < expected.pixels; ++p) {
      if (expected.at(ch, p) == actual.at(ch, p)) continue;
      ++f.wrong;
      // Passes one after another, within a pass pixel by pixel.
      const auto order = [&](const Spot& s) {
        return std::make_tuple(s.column / c.config.hw_post_lanes, s.entry, s.column);
      };
      const Spot spot{ch, p};
      if (!first || order(spot) < order(*first)) first = spot;
    }
  }
  if (!first) {
    f.fault_class = FaultClass::ordering;
    f.reason =
        "the results are right when nothing runs behind the op: what is wrong depends on "
        "timing";
    f.step = "not reproduced by running the program up to this op alone";
    return;
  }
  f.expected = expected.at(first->column, first->entry);
  f.actual = actual.at(first->column, first->entry);
  f.bits = 8 << post.dst_log2_bytes;
  if (const RetireRecord* r = record_of(c.actual, c.program, op)) {
    // Look-ups and rows run at a pace of their own.
    f.cycle = post_traits(mode_of(post)).table
                  ? r->cycle
                  : r->start + cycles_to(post, *first, c.config.hw_post_lanes);
    f.window = window_around(r->start, *f.cycle);
  }
  ResultEvidence e{expected, actual, post.out_w, std::nullopt, std::nullopt};
  set_clamps(c, places, op, e);
  const Verdict verdict = classify_results(e);
  f.fault_class = verdict.fault_class;
  f.reason = verdict.reason;
  if (f.fault_class == FaultClass::rounding) {
    if (const auto r = rounding_that_fits(c, places, op, actual)) {
      f.reason += std::string("; they come out as with ") + name_of(*r);
    }
  }
  const auto place = places.of_post(op, *first);
  f.step = "what the op reads agrees; they part inside it";
  if (!place) return;
  f.element = found_element(*place, c.n);
  const auto life = life_of(c, op, *place);
  if (life && !life->steps.empty()) {
    if (life->accumulator) {
      f.step += ", behind the accumulator " + std::to_string(*life->accumulator);
    }
    f.step += ": " + steps_text(*life);
  }
}

}  // namespace tactus::triage
