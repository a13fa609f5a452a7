// SPDX-License-Identifier: Apache-2.0
// Golden sets, test sets and input files: tensors of a known network.
#include <algorithm>
#include <limits>

#include "hdf5/schema.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace model_schema {
namespace {

/// How one tensor lies in a file: [T,C] for a sequence input, otherwise [C,H,W].
struct Layout {
  Shape shape;
  Format format;
  bool is_sequence = false;
  bool short_form = false;  ///< [C] is accepted for a C,1,1 layer output

  [[nodiscard]] h5::Dims dims() const {
    const auto size = [](int extent) { return static_cast<std::uint64_t>(extent); };
    if (is_sequence) return {size(shape.w), size(shape.c)};
    return {size(shape.c), size(shape.h), size(shape.w)};
  }
};

Layout layout_of(const NetworkInput& input) {
  return {input.shape, input.format, input.is_sequence, false};
}

Layout layout_of(const Layer& layer) {
  return {layer.out_shape, layer.out_format, false,
          layer.out_shape.h == 1 && layer.out_shape.w == 1};
}

/// A weighted layer's accumulators.
Layout accumulator_layout_of(const Layer& layer) {
  Layout layout = layout_of(layer);
  layout.format = Format{32, true, 0};
  return layout;
}

/// Tensor number `n` of values that lie one tensor after the other.
QTensor unpack(const Layout& layout, const std::vector<std::int64_t>& values, std::size_t n) {
  QTensor tensor{layout.shape, layout.format, {}};
  const auto count = static_cast<std::size_t>(layout.shape.count());
  const auto channels = static_cast<std::size_t>(layout.shape.c);
  const std::size_t steps = count / channels;
  tensor.data.resize(count);
  const std::int64_t* from = values.data() + n * count;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = layout.is_sequence ? (i % steps) * channels + i / steps : i;
    tensor.data[i] = static_cast<std::int32_t>(from[at]);
  }
  return tensor;
}

void pack(const Layout& layout, const QTensor& tensor, std::vector<std::int64_t>& values) {
  const std::size_t count = tensor.data.size();
  const auto channels = static_cast<std::size_t>(layout.shape.c);
  const std::size_t steps = count / channels;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = layout.is_sequence ? (i % channels) * steps + i / channels : i;
    values.push_back(tensor.data[at]);
  }
}

h5::Integers read_checked(const h5::Dataset& data, const Layout& layout) {
  only_attributes(data, {});
  h5::Integers content = data.read_integers();
  check_values(
      data, content, layout.format.min(),
      std::min<std::int64_t>(layout.format.max(), std::numeric_limits<std::int32_t>::max()));
  return content;
}

QTensor read_one(const h5::Dataset& data, const Layout& layout) {
  const h5::Dims dims = data.dims();
  const bool is_short = layout.short_form && dims == h5::Dims{layout.dims()[0]};
  if (dims != layout.dims() && !is_short) {
    data.fail(": the shape " + h5::text_of(dims) + " is not that of the tensor, " +
              h5::text_of(layout.dims()));
  }
  return unpack(layout, read_checked(data, layout).values, 0);
}

std::vector<QTensor> read_many(const h5::Dataset& data, const Layout& layout) {
  const h5::Dims dims = data.dims();
  if (dims.empty() || h5::Dims(dims.begin() + 1, dims.end()) != layout.dims()) {
    data.fail(": the shape " + h5::text_of(dims) + " is not N times that of the tensor, " +
              h5::text_of(layout.dims()));
  }
  const h5::Integers content = read_checked(data, layout);
  std::vector<QTensor> tensors;
  for (std::size_t n = 0; n < dims[0]; ++n) tensors.push_back(unpack(layout, content.values, n));
  return tensors;
}

Dataset read_set(const h5::Group& parent, const Network& network) {
  const h5::Group inputs = parent.group("inputs");
  only_attributes(inputs, {});
  std::vector<std::string> names;
  for (const NetworkInput& input : network.inputs) names.push_back(input.name);
  only_children(inputs, names);
  Dataset set;
  std::size_t count = 0;
  for (const NetworkInput& input : network.inputs) {
    const h5::Dataset data = inputs.dataset(input.name);
    std::vector<QTensor> tensors = read_many(data, layout_of(input));
    if (set.inputs.empty()) count = tensors.size();
    if (tensors.size() != count) {
      data.fail(": has " + std::to_string(tensors.size()) + " tensors, another input has " +
                std::to_string(count));
    }
    set.inputs.emplace(input.name, std::move(tensors));
  }
  if (!parent.has("labels")) return set;
  const h5::Dataset data = parent.dataset("labels");
  only_attributes(data, {});
  const h5::Integers labels = data.read_integers();
  if (labels.dims != h5::Dims{count}) {
    data.fail(": the shape " + h5::text_of(labels.dims) + " is not [" + std::to_string(count) +
              "], the number of inputs");
  }
  check_values(data, labels, 0, std::numeric_limits<int>::max());
  for (const std::int64_t label : labels.values) set.labels.push_back(static_cast<int>(label));
  return set;
}

/// Golden accumulators of the weighted layers.
void read_accumulators(const h5::Group& group, const Network& network, GoldenSet& set) {
  only_attributes(group, {});
  for (const h5::Child& child : group.children()) {
    const Layer* layer = network.find_layer(child.name);
    if (layer == nullptr || layer->weight.empty()) {
      group.fail("/" + child.name + ": the network has no layer with weights of this name");
    }
    set.accumulators.emplace(child.name,
                             read_one(group.dataset(child.name), accumulator_layout_of(*layer)));
  }
}

GoldenSet read_golden_set(const h5::Group& group, const std::string& key, const Network& network) {
  only_attributes(group, {"origin"});
  GoldenSet set;
  set.key = key;
  set.origin = group.string_attribute("origin");
  if (set.origin != "toolkit" && set.origin != "reference") {
    group.fail(": attribute 'origin' = '" + set.origin + "' is neither toolkit nor reference");
  }
  const h5::Group inputs = group.group("inputs");
  only_attributes(inputs, {});
  for (const h5::Child& child : inputs.children()) {
    if (network.find_input(child.name) == nullptr) {
      inputs.fail("/" + child.name + ": the network has no input of this name");
    }
  }
  for (const NetworkInput& input : network.inputs) {
    set.inputs.emplace(input.name, read_one(inputs.dataset(input.name), layout_of(input)));
  }
  for (const h5::Child& child : group.children()) {
    if (child.name == "inputs" || child.name == "accumulators") continue;
    const Layer* layer = network.find_layer(child.name);
    if (layer == nullptr) group.fail("/" + child.name + ": the network has no layer of this name");
    set.layers.emplace(child.name, read_one(group.dataset(child.name), layout_of(*layer)));
  }
  if (group.has("accumulators")) read_accumulators(group.group("accumulators"), network, set);
  return set;
}

/// Numbers by value, before other names in their own order.
bool key_less(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text) {
    const bool good = !text.empty() && text.size() <= 9 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
    return good ? std::stoll(text) : std::numeric_limits<long long>::max();
  };
  return std::make_pair(number(a), a) < std::make_pair(number(b), b);
}

void write_tensor(h5::Group& group, const std::string& name, const Layout& layout,
                  const std::vector<const QTensor*>& tensors, bool batched) {
  h5::Integers content{layout.dims(), {}};
  if (batched) content.dims.insert(content.dims.begin(), tensors.size());
  for (const QTensor* tensor : tensors) {
    if (!(tensor->shape == layout.shape) ||
        tensor->data.size() != static_cast<std::size_t>(layout.shape.count())) {
      group.fail("/" + name + ": the tensor does not have the shape " + h5::text_of(layout.dims()));
    }
    pack(layout, *tensor, content.values);
  }
  const h5::Dataset data = group.create_dataset(name, content, store_for(layout.format));
  check_values(data, content, layout.format.min(), layout.format.max());
}

}  // namespace

void write_golden(h5::Group& root, const Network& network, const std::vector<GoldenSet>& golden) {
  if (golden.empty()) return;
  h5::Group all = root.create_group("golden");
  for (const GoldenSet& set : golden) {
    h5::Group group = all.create_group(set.key);
    group.write_attribute("origin", set.origin);
    h5::Group inputs = group.create_group("inputs");
    for (const auto& [name, tensor] : set.inputs) {
      const NetworkInput* input = network.find_input(name);
      if (input == nullptr) inputs.fail("/" + name + ": the network has no input of this name");
      write_tensor(inputs, name, layout_of(*input), {&tensor}, false);
    }
    for (const auto& [id, tensor] : set.layers) {
      const Layer* layer = network.find_layer(id);
      if (layer == nullptr) group.fail("/" + id + ": the network has no layer of this name");
      write_tensor(group, id, layout_of(*layer), {&tensor}, false);
    }
    if (set.accumulators.empty()) continue;
    h5::Group sums = group.create_group("accumulators");
    for (const auto& [id, tensor] : set.accumulators) {
      const Layer* layer = network.find_layer(id);
      if (layer == nullptr) sums.fail("/" + id + ": the network has no layer of this name");
      write_tensor(sums, id, accumulator_layout_of(*layer), {&tensor}, false);
    }
  }
}

void write_dataset(h5::Group& root, const Network& network, const Dataset& dataset) {
  h5::Group group = root.create_group("dataset");
  h5::Group inputs = group.create_group("inputs");
  for (const auto& [name, tensors] : dataset.inputs) {
    const NetworkInput* input = network.find_input(name);
    if (input == nullptr) inputs.fail("/" + name + ": the network has no input of this name");
    std::vector<const QTensor*> pointers;
    for (const QTensor& tensor : tensors) pointers.push_back(&tensor);
    write_tensor(inputs, name, layout_of(*input), pointers, true);
  }
  if (dataset.labels.empty()) return;
  const h5::Integers labels{{dataset.labels.size()},
                            {dataset.labels.begin(), dataset.labels.end()}};
  static_cast<void>(group.create_dataset("labels", labels, h5::Store::i32));
}

}  // namespace model_schema

std::vector<GoldenSet> ModelFile::read_golden(const std::string& path, const Network& network) {
  using namespace model_schema;
  const h5::File file = h5::File::open(path);
  const h5::Group root = file.root();
  check_header(root);
  std::vector<GoldenSet> sets;
  if (!root.has("golden")) return sets;
  const h5::Group golden = root.group("golden");
  only_attributes(golden, {});
  for (const h5::Child& child : golden.children()) {
    sets.push_back(read_golden_set(golden.group(child.name), child.name, network));
  }
  std::sort(sets.begin(), sets.end(),
            [](const GoldenSet& a, const GoldenSet& b) { return key_less(a.key, b.key); });
  return sets;
}

std::optional<Dataset> ModelFile::read_dataset(const std::string& path, const Network& network) {
  using namespace model_schema;
  const h5::File file = h5::File::open(path);
  const h5::Group root = file.root();
  check_header(root);
  if (!root.has("dataset")) return std::nullopt;
  const h5::Group group = root.group("dataset");
  only_attributes(group, {});
  only_children(group, {"inputs", "labels"});
  return read_set(group, network);
}

Dataset ModelFile::read_inputs(const std::string& path, const Network& network) {
  using namespace model_schema;
  const h5::File file = h5::File::open(path);
  const h5::Group root = file.root();
  if (root.has_attribute("format")) {
    check_header(root);
    const h5::Group group = root.group("dataset");
    only_children(group, {"inputs", "labels"});
    return read_set(group, network);
  }
  if (root.has("dataset")) {
    only_children(root, {"dataset"});
    const h5::Group group = root.group("dataset");
    only_children(group, {"inputs", "labels"});
    return read_set(group, network);
  }
  only_children(root, {"inputs", "labels"});
  return read_set(root, network);
}

}  // namespace tactus
