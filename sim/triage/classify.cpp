// SPDX-License-Identifier: Apache-2.0
#include "triage/classify.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace tactus::triage {
namespace {

struct Sample {
  std::int64_t channel, pixel, expected, actual;
  [[nodiscard]] std::int64_t delta() const { return actual - expected; }
};

std::vector<Sample> wrong_of(const Plane& expected, const Plane& actual) {
  std::vector<Sample> wrong;
  for (std::int64_t c = 0; c < expected.channels; ++c) {
    for (std::int64_t p = 0; p < expected.pixels; ++p) {
      const std::int64_t e = expected.at(c, p), a = actual.at(c, p);
      if (e != a) wrong.push_back({c, p, e, a});
    }
  }
  return wrong;
}

template <typename Test>
bool all(const std::vector<Sample>& samples, const Test& test) {
  return std::all_of(samples.begin(), samples.end(), test);
}

bool power_of_two(std::int64_t v) { return v > 0 && (v & (v - 1)) == 0; }

int log2_of(std::int64_t v) {
  int n = 0;
  while ((std::int64_t{1} << n) < v) ++n;
  return n;
}

std::string count(std::size_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

/// All differences have one magnitude, a power of two: a bit or a carry.
std::optional<Verdict> one_bit(const std::vector<Sample>& wrong) {
  const std::int64_t size = std::abs(wrong[0].delta());
  if (!power_of_two(size)) return std::nullopt;
  if (!all(wrong, [&](const Sample& s) { return std::abs(s.delta()) == size; })) {
    return std::nullopt;
  }
  return Verdict{FaultClass::lost_bit, "all differences are " +
                                           std::string(wrong[0].delta() < 0 ? "-" : "") + "2^" +
                                           std::to_string(log2_of(size)) + ", not at every value"};
}

/// The same values in other places.
std::optional<Verdict> permuted(const Plane& expected, const Plane& actual) {
  std::vector<std::int64_t> a = expected.values, b = actual.values;
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  if (a != b || std::set<std::int64_t>(a.begin(), a.end()).size() < 3) return std::nullopt;
  return Verdict{FaultClass::ordering, "the actual values are the expected ones in another order"};
}

std::optional<Verdict> sign_of(const std::vector<Sample>& wrong) {
  if (wrong.size() > 1 && all(wrong, [](const Sample& s) { return s.actual == -s.expected; })) {
    return Verdict{FaultClass::sign, "every wrong value is the expected one negated"};
  }
  const std::int64_t d = wrong[0].delta();
  const bool extension =
      power_of_two(std::abs(d)) && std::abs(d) > 1 && all(wrong, [&](const Sample& s) {
        return s.delta() == d &&
               (d > 0 ? s.expected < 0 && s.actual >= 0 : s.expected >= 0 && s.actual < 0);
      });
  if (!extension) return std::nullopt;
  return Verdict{FaultClass::sign, "the differences are " + std::to_string(d) +
                                       " and change the sign: a sign extension"};
}

/// Differences at the clamps only: every wrong value is, or should be, at an edge.
std::optional<Verdict> at_clamps(const ResultEvidence& e, const std::vector<Sample>& wrong) {
  if (!e.clamp_min || !e.clamp_max) return std::nullopt;
  const auto edge = [&](std::int64_t v) { return v <= *e.clamp_min || v >= *e.clamp_max; };
  std::size_t at_edge = 0;
  for (const std::int64_t v : e.expected.values) at_edge += edge(v) ? 1 : 0;
  if (at_edge == e.expected.values.size()) return std::nullopt;  // an edge says nothing here
  if (all(wrong, [&](const Sample& s) { return edge(s.expected); })) {
    return Verdict{FaultClass::saturation, "only values that are clamped to " +
                                               std::to_string(*e.clamp_min) + " or " +
                                               std::to_string(*e.clamp_max) + " are wrong"};
  }
  if (all(wrong,
          [&](const Sample& s) { return s.actual < *e.clamp_min || s.actual > *e.clamp_max; })) {
    return Verdict{FaultClass::saturation, "every wrong value lies outside the clamps"};
  }
  return std::nullopt;
}

std::optional<Verdict> constant_offset(const ResultEvidence& e, const std::vector<Sample>& wrong) {
  const std::int64_t d = wrong[0].delta();
  const auto inner = [&](std::int64_t v) {
    return (!e.clamp_min || v > *e.clamp_min) && (!e.clamp_max || v < *e.clamp_max);
  };
  if (!all(wrong, [&](const Sample& s) { return s.delta() == d || !inner(s.actual); })) {
    return std::nullopt;
  }
  std::size_t free_values = 0, moved = 0;
  for (std::size_t i = 0; i < e.expected.values.size(); ++i) {
    const std::int64_t v = e.expected.values[i];
    if (!inner(v) || !inner(v + d)) continue;
    ++free_values;
    moved += e.actual.values[i] != v ? 1 : 0;
  }
  if (free_values < 3 || moved < free_values) return std::nullopt;
  return Verdict{FaultClass::zero_point,
                 "every value that is not clamped is off by " + std::to_string(d)};
}

/// Wrong values that stand at one distance from where they belong.
std::optional<Verdict> displaced(const ResultEvidence& e, const std::vector<Sample>& wrong) {
  std::set<std::int64_t> distinct;
  for (const Sample& s : wrong) distinct.insert(s.actual);
  if (distinct.size() < 2 && wrong.size() > 1) return std::nullopt;
  const auto moved = [&](std::int64_t dc, std::int64_t dp) {
    return all(wrong, [&](const Sample& s) {
      const std::int64_t c = s.channel + dc, p = s.pixel + dp;
      return c >= 0 && c < e.expected.channels && p >= 0 && p < e.expected.pixels &&
             e.expected.at(c, p) == s.actual;
    });
  };
  for (std::int64_t distance = 1; distance <= 8; ++distance) {
    for (const std::int64_t d : {distance, -distance}) {
      if (moved(0, d)) {
        return Verdict{FaultClass::index,
                       "wrong values belong to the pixel " + std::to_string(d) + " further on"};
      }
      if (moved(0, d * e.width)) {
        return Verdict{FaultClass::index,
                       "wrong values belong to the line " + std::to_string(d) + " further down"};
      }
      if (moved(d, 0)) {
        return Verdict{FaultClass::index,
                       "wrong values belong to the channel " + std::to_string(d) + " further on"};
      }
    }
  }
  return std::nullopt;
}

}  // namespace

Verdict classify_results(const ResultEvidence& e) {
  const std::vector<Sample> wrong = wrong_of(e.expected, e.actual);
  if (wrong.empty()) return {FaultClass::unknown, "no value differs"};
  if (const auto v = constant_offset(e, wrong)) return *v;
  if (const auto v = at_clamps(e, wrong)) return *v;
  if (all(wrong, [](const Sample& s) { return std::abs(s.delta()) == 1; })) {
    return {FaultClass::rounding, count(wrong.size(), "value") + " of " +
                                      std::to_string(e.expected.values.size()) +
                                      " one apart, not only at the clamps"};
  }
  if (const auto v = sign_of(wrong)) return *v;
  if (const auto v = displaced(e, wrong)) return *v;
  if (const auto v = permuted(e.expected, e.actual)) return *v;
  if (const auto v = one_bit(wrong)) return *v;
  if (wrong.size() > 1 &&
      all(wrong, [&](const Sample& s) { return s.actual == wrong[0].actual; })) {
    return {FaultClass::stale_value,
            "every wrong value is " + std::to_string(wrong[0].actual) + ", as if not written"};
  }
  return {FaultClass::unknown, "the differences follow no pattern that is looked for"};
}

namespace {

/// What an operand would have to be for the psums to come out as they did.
struct Inferred {
  std::vector<std::size_t> wrong;    ///< entries (columns) with another operand
  std::vector<std::int64_t> actual;  ///< of every entry (column)
  bool shown_everywhere = true;      ///< no entry (column) that could show it is right
};

/// Explains delta(i, j) = (actual[i] - own[i]) * other[j] for all i, j; `delta` takes (i, j).
template <typename Delta>
std::optional<Inferred> infer(const std::vector<std::int64_t>& own,
                              const std::vector<std::int64_t>& other, const Delta& delta) {
  Inferred out;
  for (std::size_t i = 0; i < own.size(); ++i) {
    std::optional<std::int64_t> change;
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::int64_t d = delta(i, j);
      if (other[j] == 0) {
        if (d != 0) return std::nullopt;
        continue;
      }
      if (d % other[j] != 0) return std::nullopt;
      if (change && *change != d / other[j]) return std::nullopt;
      change = d / other[j];
    }
    out.actual.push_back(own[i] + change.value_or(0));
    if (change.value_or(0) != 0) out.wrong.push_back(i);
    if (change && *change == 0) out.shown_everywhere = false;
  }
  if (out.wrong.empty()) return std::nullopt;
  return out;
}

std::string place_text(int dc, int dy, int dx) {
  std::string text;
  const auto part = [&](int d, const char* what) {
    if (d == 0) return;
    if (!text.empty()) text += ", ";
    text += std::string(d > 0 ? "+" : "") + std::to_string(d) + " " + what;
  };
  part(dc, "in c");
  part(dy, "in y");
  part(dx, "in x");
  return text;
}

/// Tensor neighbours at which wrong activations are found.
std::optional<Verdict> displaced_activation(const UnitEvidence& e, const Inferred& in) {
  if (!e.neighbour) return std::nullopt;
  const auto matches = [&](int dc, int dy, int dx) {
    std::size_t hits = 0, telling = 0;
    for (const std::size_t i : in.wrong) {
      const auto v = e.neighbour(i, dc, dy, dx);
      if (!v || *v != in.actual[i]) continue;
      ++hits;
      telling += *v != 0 ? 1 : 0;
    }
    return std::make_pair(hits, telling);
  };
  struct Best {
    std::size_t hits = 0;
    int dc = 0, dy = 0, dx = 0;
  } best;
  for (int reach = 1; reach <= 24; ++reach) {
    for (int dx = -16; dx <= 16; ++dx) {
      for (int dy = -4; dy <= 4; ++dy) {
        for (int dc = -4; dc <= 4; ++dc) {
          if (std::abs(dx) + std::abs(dy) + std::abs(dc) != reach) continue;
          const auto [hits, telling] = matches(dc, dy, dx);
          if (telling > 0 && hits > best.hits) best = {hits, dc, dy, dx};
        }
      }
    }
  }
  if (best.hits == in.wrong.size() || (best.hits >= 3 && best.hits * 5 >= in.wrong.size() * 3)) {
    return Verdict{FaultClass::index, std::to_string(best.hits) + " of " +
                                          count(in.wrong.size(), "wrong activation") +
                                          " are those at " + place_text(best.dc, best.dy, best.dx)};
  }
  const bool next_door = std::all_of(in.wrong.begin(), in.wrong.end(), [&](std::size_t i) {
    return e.neighbour(i, 0, 0, 1) == in.actual[i] || e.neighbour(i, 0, 0, -1) == in.actual[i];
  });
  if (next_door && in.wrong.size() > 1) {
    return Verdict{FaultClass::index, "each of " + count(in.wrong.size(), "wrong activation") +
                                          " is that of the pixel beside it"};
  }
  return std::nullopt;
}

Verdict wrong_activation(const UnitEvidence& e, const Inferred& in) {
  const auto change = [&](std::size_t i) { return in.actual[i] - e.activation[i]; };
  const std::int64_t d = change(in.wrong[0]);
  const auto each = [&](const auto& test) {
    return std::all_of(in.wrong.begin(), in.wrong.end(), test);
  };
  const bool constant = each([&](std::size_t i) { return change(i) == d; });
  if (constant && in.wrong.size() == e.activation.size() && in.wrong.size() > 1) {
    return {FaultClass::zero_point,
            "the activations of all pixels are off by " + std::to_string(d)};
  }
  if (in.wrong.size() > 1 &&
      each([&](std::size_t i) { return in.actual[i] == -e.activation[i]; })) {
    return {FaultClass::sign, "every wrong activation is negated"};
  }
  if (constant && in.wrong.size() > 1 && power_of_two(std::abs(d)) && std::abs(d) > 1 &&
      each([&](std::size_t i) { return (e.activation[i] < 0) == (d > 0); })) {
    return {FaultClass::sign,
            "wrong activations are off by " + std::to_string(d) + ": a sign extension"};
  }
  if (const auto v = displaced_activation(e, in)) return *v;
  const std::int64_t value = in.actual[in.wrong[0]];
  if ((value == 0 || in.wrong.size() > 1) &&
      each([&](std::size_t i) { return in.actual[i] == value; })) {
    return {FaultClass::stale_value, count(in.wrong.size(), "activation") + " read as " +
                                         std::to_string(in.actual[in.wrong[0]]) +
                                         ", as if not written"};
  }
  return {FaultClass::index,
          count(in.wrong.size(), "activation") + " of this unit are those of another place"};
}

Verdict wrong_weight(const UnitEvidence& e, const Inferred& in) {
  const auto each = [&](const auto& test) {
    return std::all_of(in.wrong.begin(), in.wrong.end(), test);
  };
  const std::string which = count(in.wrong.size(), "column");
  const auto at_distance = [&](std::int64_t distance) {
    return e.other_weight && each([&](std::size_t c) {
             return e.other_weight(c, distance) == std::optional<std::int64_t>(in.actual[c]);
           });
  };
  const bool negated = each([&](std::size_t c) { return in.actual[c] == -e.weight[c]; });
  if (negated) return {FaultClass::sign, "the weights of " + which + " are negated"};
  if (at_distance(-e.rows)) {
    return {FaultClass::stale_value,
            "the weights of " + which + " are those that the PEs held in the fold before"};
  }
  if (each([&](std::size_t c) { return in.actual[c] == 0; })) {
    return {FaultClass::stale_value, "the weights of " + which + " act as 0, as if not loaded"};
  }
  for (std::int64_t distance = 1; distance <= 4 * e.rows; ++distance) {
    for (const std::int64_t d : {distance, -distance}) {
      if (!at_distance(d)) continue;
      return {FaultClass::index, "the weights of " + which + " are those of the K unit " +
                                     std::to_string(d) + " further on"};
    }
  }
  return {FaultClass::index, "the weights of " + which + " are those of another place"};
}

/// The whole fold was multiplied by the weights of the fold before.
std::optional<Verdict> stale_fold(const UnitEvidence& e) {
  if (e.fold.empty()) return std::nullopt;
  for (std::int64_t c = 0; c < e.expected.channels; ++c) {
    for (std::int64_t m = 0; m < e.expected.pixels; ++m) {
      std::int64_t change = 0;
      for (const FoldUnit& unit : e.fold) {
        const auto column = static_cast<std::size_t>(c);
        change += (unit.weight_before[column] - unit.weight[column]) *
                  unit.activation[static_cast<std::size_t>(m)];
      }
      if (e.actual.at(c, m) - e.expected.at(c, m) != change) return std::nullopt;
    }
  }
  return Verdict{FaultClass::stale_value,
                 "the fold was multiplied by the weights of the fold "
                 "before"};
}

}  // namespace

UnitVerdict classify_unit(const UnitEvidence& e) {
  UnitVerdict out;
  const std::vector<Sample> wrong = wrong_of(e.expected, e.actual);
  const auto give = [&](const Verdict& v) {
    out.fault_class = v.fault_class;
    out.reason = v.reason;
    return out;
  };
  if (wrong.empty()) return give({FaultClass::unknown, "no psum differs"});
  const bool restarted = all(wrong, [&](const Sample& s) {
    const std::int64_t carried = e.carried.at(s.channel, s.pixel);
    return carried != 0 && s.actual == s.expected - carried;
  });
  if (restarted) {
    return give({FaultClass::accumulation,
                 count(wrong.size(), "psum") + " hold the sum of this fold alone"});
  }
  if (all(wrong, [&](const Sample& s) {
        return s.expected == e.acc_min || s.expected == e.acc_max || s.actual == e.acc_min ||
               s.actual == e.acc_max;
      })) {
    return give({FaultClass::saturation, "wrong only at the limits of the accumulator"});
  }
  if (!e.activation.empty() && !e.weight.empty()) {
    const auto delta = [&](std::size_t entry, std::size_t column) {
      const auto c = static_cast<std::int64_t>(column), m = static_cast<std::int64_t>(entry);
      return e.actual.at(c, m) - e.expected.at(c, m);
    };
    const auto activation = infer(e.activation, e.weight, delta);
    const auto weight =
        infer(e.weight, e.activation, [&](std::size_t c, std::size_t m) { return delta(m, c); });
    // Where both explain it, the one that needs fewer wrong operands does.
    if (activation && (!weight || activation->wrong.size() <= weight->wrong.size())) {
      out.operand = WrongOperand::activation;
      out.entries = activation->wrong;
      return give(wrong_activation(e, *activation));
    }
    if (weight) {
      out.operand = WrongOperand::weight;
      out.columns = weight->wrong;
      out.whole_row = weight->shown_everywhere;
      return give(wrong_weight(e, *weight));
    }
  }
  if (const auto v = stale_fold(e)) return give(*v);
  if (const auto v = one_bit(wrong)) return give(*v);
  if (const auto v = sign_of(wrong)) return give(*v);
  if (const auto v = permuted(e.expected, e.actual)) return give(*v);
  return give({FaultClass::unknown, "the differences follow no pattern that is looked for"});
}

}  // namespace tactus::triage
