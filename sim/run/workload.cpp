// SPDX-License-Identifier: Apache-2.0
#include "run/workload.hpp"

#include <charconv>

#include "numerics/errors.hpp"

namespace tactus {

namespace {

/// splitmix64: the next state and a well-mixed value.
std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

Inference random_inference(const Network& network, std::uint64_t seed) {
  Inference out;
  out.name = "random " + std::to_string(seed);
  std::uint64_t state = seed;
  for (const auto& input : network.inputs) {
    QTensor t;
    t.shape = input.shape;
    t.format = input.format;
    const auto span =
        static_cast<std::uint64_t>(input.format.max() - input.format.min()) + std::uint64_t{1};
    t.data.reserve(static_cast<std::size_t>(t.shape.count()));
    for (std::int64_t i = 0; i < t.shape.count(); ++i) {
      const auto offset = static_cast<std::int64_t>(next_random(state) % span);
      t.data.push_back(static_cast<std::int32_t>(input.format.min() + offset));
    }
    out.inputs.emplace(input.name, std::move(t));
  }
  return out;
}

void add_dataset(Workload& work, Dataset& data, const std::string& what) {
  if (data.inputs.empty()) return;
  const std::size_t count = data.inputs.begin()->second.size();
  for (std::size_t i = 0; i < count; ++i) {
    Inference one;
    one.name = what + " " + std::to_string(i);
    for (auto& [name, tensors] : data.inputs) one.inputs.emplace(name, std::move(tensors[i]));
    if (!data.labels.empty()) one.label = data.labels[i];
    work.inferences.push_back(std::move(one));
  }
}

std::uint64_t seed_of(const std::string& text) {
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw BadInput("--inputs random:" + text + ": the seed is not a number");
  }
  return seed;
}

}  // namespace

Workload load_workload(const std::string& model, const std::string& inputs, std::size_t limit) {
  Workload work;
  work.network = ModelFile::read_network(model);
  const bool automatic = inputs.empty();
  if (automatic || inputs == "golden") {
    for (auto& set : ModelFile::read_golden(model, work.network)) {
      Inference one;
      one.name = "golden " + set.key;
      one.inputs = std::move(set.inputs);
      one.expected = std::move(set.layers);
      one.accumulators = std::move(set.accumulators);
      work.inferences.push_back(std::move(one));
    }
    if (work.inferences.empty() && !automatic) {
      throw BadInput(model + ": --inputs golden: the model has no golden tensors", model);
    }
    if (work.inferences.empty()) work.inferences.push_back(random_inference(work.network, 1));
  } else if (inputs == "dataset") {
    auto data = ModelFile::read_dataset(model, work.network);
    if (!data) throw BadInput(model + ": --inputs dataset: the model has no test set", model);
    add_dataset(work, *data, "dataset");
  } else if (inputs.rfind("random:", 0) == 0) {
    work.inferences.push_back(random_inference(work.network, seed_of(inputs.substr(7))));
  } else {
    Dataset data = ModelFile::read_inputs(inputs, work.network);
    add_dataset(work, data, "input");
  }
  if (work.inferences.empty()) throw BadInput("there is nothing to run: no inputs", model);
  if (limit > 0 && work.inferences.size() > limit) work.inferences.resize(limit);
  return work;
}

}  // namespace tactus
