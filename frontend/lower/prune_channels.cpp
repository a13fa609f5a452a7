// SPDX-License-Identifier: Apache-2.0
#include "lower/prune_channels.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <unordered_map>

namespace tactus::lower {

namespace {

template <typename T>
T per_channel(const std::vector<T>& values, int n, T otherwise) {
  if (values.empty()) return otherwise;
  return values.size() == 1 ? values[0] : values[static_cast<std::size_t>(n)];
}

bool is_product(const Layer& layer) {
  return layer.op == LayerOp::linear || (layer.op == LayerOp::conv2d && layer.groups == 1);
}

std::int64_t zero_of(const Layer& layer, int n) {
  return per_channel(layer.weight_zero_point, n, std::int64_t{0});
}

/// Keeps the elements of one-per-channel data that remain; shared single values stay.
template <typename T>
void keep(std::vector<T>& values, const std::vector<int>& channels, std::size_t all) {
  if (values.size() != all || all == 1) return;
  std::vector<T> left;
  for (const int n : channels) left.push_back(values[static_cast<std::size_t>(n)]);
  values = std::move(left);
}

/// Works on the network itself until the first channel is left out: a copy of all weights takes
/// longer than everything else where nothing is.
class Pruner {
 public:
  Pruner(const Network& network, const ArchConfig& config)
      : acc_bits_(static_cast<int>(config.hw_acc_bits)),
        rows_(static_cast<std::size_t>(config.hw_array_rows)),
        cols_(static_cast<std::size_t>(config.hw_array_cols)),
        original_(network) {
    find_readers();
  }

  PrunedNetwork run() {
    const std::size_t count = original_.layers.size();
    for (std::size_t i = 0; i < count; ++i) prune(i, true);
    for (std::size_t i = count; i-- > 0;) prune(i, false);
    for (std::size_t i = 0; i < count; ++i) reorder(i);
    if (!out_.tensors.empty()) check_network(out_.network);
    return std::move(out_);
  }

 private:
  using Numbers = std::vector<std::size_t>;

  [[nodiscard]] const Network& now() const {
    return out_.tensors.empty() ? original_ : out_.network;
  }
  [[nodiscard]] const Layer& layer(std::size_t number) const { return now().layers[number]; }

  /// Layers that read each tensor, flatten seen through.
  void find_readers() {
    const std::vector<Layer>& layers = original_.layers;
    std::unordered_map<std::string_view, std::size_t> numbers;
    for (std::size_t i = 0; i < layers.size(); ++i) numbers.emplace(layers[i].id, i);
    std::vector<Numbers> direct(layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      for (const std::string& in : layers[i].inputs) {
        const auto read = numbers.find(in);
        if (read != numbers.end()) direct[read->second].push_back(i);
      }
    }
    // Readers follow what they read.
    readers_.resize(layers.size());
    for (std::size_t i = layers.size(); i-- > 0;) {
      for (const std::size_t reader : direct[i]) {
        if (layers[reader].op == LayerOp::flatten) {
          readers_[i].insert(readers_[i].end(), readers_[reader].begin(), readers_[reader].end());
        } else {
          readers_[i].push_back(reader);
        }
      }
    }
  }

  [[nodiscard]] bool is_output(const std::string& id) const {
    const auto& outputs = original_.outputs;
    return std::find(outputs.begin(), outputs.end(), id) != outputs.end();
  }

  void prune(std::size_t number, bool constant) {
    const Layer& pruned = layer(number);
    if (!is_product(pruned) || is_output(pruned.id)) return;
    const Numbers& readers = readers_[number];
    if (readers.empty()) return;
    std::vector<int> left;
    for (int n = 0; n < pruned.out_channels; ++n) {
      const bool dead = constant
                            ? always_zero_point(pruned, n)
                            : std::all_of(readers.begin(), readers.end(), [&](std::size_t reader) {
                                return unused(layer(reader), n, pruned.out_channels);
                              });
      if (!dead) left.push_back(n);
    }
    if (left.empty()) left.push_back(0);
    if (static_cast<int>(left.size()) == pruned.out_channels) return;
    if (may_change(number)) take(number, left, constant);
  }

  /// A product without a declared pattern of neighbouring channels.
  [[nodiscard]] static bool takes_any_order(const Layer& reader) {
    return is_product(reader) && reader.sparsity.find(':') == std::string::npos;
  }

  /// The places of the layer's channels in the order of K make no difference to the readers.
  [[nodiscard]] bool may_change(std::size_t number) const {
    const Numbers& readers = readers_[number];
    return std::all_of(readers.begin(), readers.end(), [&](std::size_t i) {
      const Layer& reader = layer(i);
      return takes_any_order(reader) && exact(reader, now().format_of(layer(number).id));
    });
  }

  /// Gives the layer's result the channels `left`, in that order.
  void take(std::size_t number, const std::vector<int>& left, bool value_known) {
    if (out_.tensors.empty()) out_.network = original_;
    std::vector<Layer>& layers = out_.network.layers;
    Layer& taken = layers[number];
    const int all = taken.out_channels;
    for (const std::size_t reader : readers_[number]) drop_inputs(layers[reader], left, all);
    drop_outputs(taken, left);
    remember(taken, left, value_known, all);
  }

  /// Sorts channels by the column tiles that use them, where that makes more blocks of array_rows
  /// channels that a column tile does not use.
  void reorder(std::size_t number) {
    const Layer& sorted = layer(number);
    if (!is_product(sorted) || is_output(sorted.id)) return;
    const auto channels = static_cast<std::size_t>(sorted.out_channels);
    bool all_used = true;
    for (const std::size_t reader : readers_[number]) {
      if (!takes_any_order(layer(reader))) return;
      all_used = all_used && uses_all(layer(reader), channels);
    }
    if (all_used) return;
    std::vector<std::vector<bool>> used(channels);
    for (const std::size_t reader : readers_[number]) note_users(layer(reader), used);
    std::vector<int> order;
    for (int n = 0; n < sorted.out_channels; ++n) order.push_back(n);
    const std::size_t before = unused_blocks(used, order);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return used[static_cast<std::size_t>(a)] < used[static_cast<std::size_t>(b)];
    });
    if (unused_blocks(used, order) <= before || !may_change(number)) return;
    take(number, order, true);
  }

  /// Calls use(c, any) for each column tile of the reader and each of its `channels` input
  /// channels: whether the tile has weights for it. Until use() returns false.
  template <typename Use>
  void each_use(const Layer& reader, std::size_t channels, const Use& use) const {
    const auto outputs = static_cast<std::size_t>(reader.out_channels);
    const std::size_t row = reader.weight.size() / outputs;
    const std::size_t each = row / channels;
    for (std::size_t first = 0; first < outputs; first += cols_) {
      for (std::size_t c = 0; c < channels; ++c) {
        bool any = false;
        for (std::size_t o = first; o < std::min(first + cols_, outputs) && !any; ++o) {
          const auto* w = reader.weight.data() + o * row + c * each;
          const std::int64_t zero = zero_of(reader, static_cast<int>(o));
          any = std::any_of(w, w + each, [&](auto value) { return value != zero; });
        }
        if (!use(c, any)) return;
      }
    }
  }

  [[nodiscard]] bool uses_all(const Layer& reader, std::size_t channels) const {
    bool all = true;
    each_use(reader, channels, [&](std::size_t, bool any) { return all = any; });
    return all;
  }

  /// Appends to each channel, for each column tile of the reader, whether it has weights for it.
  void note_users(const Layer& reader, std::vector<std::vector<bool>>& used) const {
    each_use(reader, used.size(), [&](std::size_t c, bool any) {
      used[c].push_back(any);
      return true;
    });
  }

  /// Pairs of a block of array_rows channels and a column tile that uses none of them.
  [[nodiscard]] std::size_t unused_blocks(const std::vector<std::vector<bool>>& used,
                                          const std::vector<int>& order) const {
    std::size_t count = 0;
    const std::size_t tiles = used.empty() ? 0 : used[0].size();
    for (std::size_t first = 0; first < order.size(); first += rows_) {
      const std::size_t end = std::min(first + rows_, order.size());
      for (std::size_t t = 0; t < tiles; ++t) {
        bool any = false;
        for (std::size_t i = first; i < end; ++i) {
          any = any || used[static_cast<std::size_t>(order[i])][t];
        }
        count += any ? 0 : 1;
      }
    }
    return count;
  }

  void remember(const Layer& layer, const std::vector<int>& left, bool value_known, int all) {
    LeftChannels& entry = out_.tensors[layer.id];
    if (entry.channels.empty()) {
      for (int n = 0; n < all; ++n) entry.channels.push_back(n);
      entry.value = static_cast<std::int32_t>(layer.out_format.zero_point);
    }
    keep(entry.channels, left, entry.channels.size());
    if (!value_known) entry.value.reset();
  }

  /// Channel n has no weights, and its bias surely becomes the zero point of the output: it is 0,
  /// or rounding and clamp cannot leave the zero point, because that is the end of the range on the
  /// side of the bias (ReLU). No rounding mode changes a sign.
  [[nodiscard]] bool always_zero_point(const Layer& layer, int n) const {
    const std::size_t size = layer.weight.size() / static_cast<std::size_t>(layer.out_channels);
    const auto* first = layer.weight.data() + static_cast<std::size_t>(n) * size;
    if (!std::all_of(first, first + size, [&](auto w) { return w == zero_of(layer, n); })) {
      return false;
    }
    const std::int64_t acc = per_channel(layer.bias, n, std::int64_t{0});
    const std::int64_t limit = std::int64_t{1} << (std::min(acc_bits_, 32) - 1);
    if (acc < -limit || acc >= limit) return false;
    const Requant& r = layer.requant;
    const std::int64_t zp = layer.out_format.zero_point;
    switch (r.convention) {
      case Convention::none:
        return acc == zp;
      case Convention::mul_shift:
      case Convention::pow2:
      case Convention::tflite_double:
      case Convention::tflite_single:
        break;
      default:
        return false;
    }
    const std::int64_t mult = per_channel(r.mult, n, std::int64_t{1});
    const std::int64_t add = per_channel(r.add, n, std::int64_t{0});
    const int product = sign(acc) * sign(mult);
    const bool at_most_zero = product <= 0 && add <= 0, at_least_zero = product >= 0 && add >= 0;
    return (at_most_zero && (at_least_zero || zp == r.clamp_min) && zp <= r.clamp_max &&
            zp >= r.clamp_min) ||
           (at_least_zero && zp == r.clamp_max);
  }

  [[nodiscard]] static int sign(std::int64_t value) { return value > 0 ? 1 : value < 0 ? -1 : 0; }

  /// A reader has no weights for channel c of its `channels` input channels.
  [[nodiscard]] static bool unused(const Layer& reader, int c, int channels) {
    if (!is_product(reader)) return false;
    const auto outputs = static_cast<std::size_t>(reader.out_channels);
    const std::size_t row = reader.weight.size() / outputs;
    const std::size_t each = row / static_cast<std::size_t>(channels);
    for (std::size_t o = 0; o < outputs; ++o) {
      const auto* w = reader.weight.data() + o * row + static_cast<std::size_t>(c) * each;
      const std::int64_t zero = zero_of(reader, static_cast<int>(o));
      if (!std::all_of(w, w + each, [&](auto value) { return value == zero; })) return false;
    }
    return true;
  }

  /// No order of the reader's products overflows the accumulator.
  [[nodiscard]] bool exact(const Layer& reader, const Format& in) const {
    const std::int64_t largest =
        std::max(std::abs(in.min() - in.zero_point), std::abs(in.max() - in.zero_point));
    const auto outputs = static_cast<std::size_t>(reader.out_channels);
    const std::size_t row = reader.weight.size() / outputs;
    for (std::size_t o = 0; o < outputs; ++o) {
      const std::int64_t zero = zero_of(reader, static_cast<int>(o));
      std::int64_t sum = 0;
      for (std::size_t i = o * row; i < (o + 1) * row; ++i) {
        sum += std::abs(reader.weight[i] - zero);
      }
      const std::int64_t bias = per_channel(reader.bias, static_cast<int>(o), std::int64_t{0});
      if (sum * largest + std::abs(bias) >= std::int64_t{1} << (acc_bits_ - 1)) return false;
    }
    return true;
  }

  static void drop_inputs(Layer& reader, const std::vector<int>& left, int all) {
    const auto outputs = static_cast<std::size_t>(reader.out_channels);
    const std::size_t row = reader.weight.size() / outputs;
    const std::size_t each = row / static_cast<std::size_t>(all);
    std::vector<std::int16_t> weight;
    weight.reserve(outputs * each * left.size());
    for (std::size_t o = 0; o < outputs; ++o) {
      for (const int c : left) {
        const auto* w = reader.weight.data() + o * row + static_cast<std::size_t>(c) * each;
        weight.insert(weight.end(), w, w + each);
      }
    }
    reader.weight = std::move(weight);
    reader.in_channels_per_group =
        reader.in_channels_per_group / all * static_cast<int>(left.size());
  }

  static void drop_outputs(Layer& layer, const std::vector<int>& left) {
    const auto all = static_cast<std::size_t>(layer.out_channels);
    const std::size_t row = layer.weight.size() / all;
    std::vector<std::int16_t> weight;
    weight.reserve(row * left.size());
    for (const int n : left) {
      const auto* w = layer.weight.data() + static_cast<std::size_t>(n) * row;
      weight.insert(weight.end(), w, w + row);
    }
    layer.weight = std::move(weight);
    keep(layer.weight_zero_point, left, all);
    keep(layer.bias, left, all);
    keep(layer.requant.mult, left, all);
    keep(layer.requant.shift, left, all);
    keep(layer.requant.add, left, all);
    layer.out_channels = static_cast<int>(left.size());
  }

  int acc_bits_;
  std::size_t rows_, cols_;
  const Network& original_;
  std::vector<Numbers> readers_;  ///< by layer
  PrunedNetwork out_;
};

}  // namespace

PrunedNetwork prune_channels(const Network& network, const ArchConfig& config) {
  return Pruner(network, config).run();
}

}  // namespace tactus::lower
