// SPDX-License-Identifier: Apache-2.0
#include "vectors/source.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "arch/layer_overrides.hpp"
#include "fast/fast_backend.hpp"
#include "golden/op_values.hpp"
#include "golden/streams.hpp"
#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "ref/reference.hpp"
#include "ref/weighted.hpp"

namespace tactus {

namespace {

constexpr const char* constants_folder = "constants";

bool any_matches(const std::vector<std::string>& globs, const std::string& id) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
           return glob_matches(glob, id);
         });
}

RefOptions reference_options(const Job& job) {
  RefOptions options;
  options.acc_bits = static_cast<int>(job.config.hw_acc_bits);
  for (const Overflow o : {Overflow::wrap, Overflow::saturate, Overflow::error}) {
    if (job.config.hw_acc_overflow == name_of(o)) options.overflow = o;
  }
  for (const auto& layer : job.program.layers) options.k_mapping[layer.id] = layer.k_mapping;
  set_linear_shapes(job.workload.network, options);
  return options;
}

/// Tensors of one inference by the reference, and whether accumulators of a layer overflowed.
golden::Tensors reference_tensors(const Job& job, const Inference& inference,
                                  std::map<std::string, std::uint64_t>& overflows) {
  const RefOptions options = reference_options(job);
  const Network& network = job.workload.network;
  golden::Tensors out;
  out.values = run_reference(network, inference.inputs, options, &overflows);
  for (const auto& [name, tensor] : inference.inputs) out.values.emplace(name, tensor);
  for (const Layer& layer : network.layers) {
    if (!golden::has_accumulators(layer)) continue;
    ref::Accumulator accumulator(options.acc_bits, options.overflow);
    out.accumulators.emplace(layer.id, ref::weighted_sums(layer, out.values.at(layer.inputs.at(0)),
                                                          options, accumulator));
  }
  return out;
}

/// A file name of a text: everything but letters and digits becomes one underscore.
std::string file_name(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    name += good ? c : '_';
  }
  return name;
}

}  // namespace

void select_images(Job& job, const std::vector<std::size_t>& images) {
  if (images.empty()) return;
  std::vector<Inference> chosen;
  for (const std::size_t image : images) {
    if (image >= job.workload.inferences.size()) {
      throw BadInput("--images " + std::to_string(image) + ": there are " +
                     std::to_string(job.workload.inferences.size()) + " inputs, counted from 0");
    }
    chosen.push_back(job.workload.inferences[image]);
  }
  job.workload.inferences = std::move(chosen);
}

std::vector<std::size_t> record_places(const Program& program) {
  std::array<std::size_t, queue_count> next{};
  for (const TileOp& op : program.ops) ++next[static_cast<std::size_t>(queue_of(op))];
  std::size_t first = 0;
  for (std::size_t& n : next) first += std::exchange(n, first);
  std::vector<std::size_t> places;
  places.reserve(program.ops.size());
  for (const TileOp& op : program.ops) {
    places.push_back(next[static_cast<std::size_t>(queue_of(op))]++);
  }
  return places;
}

GoldenSource::GoldenSource(const Job& job, const golden::Options& options)
    : job_(job), options_(options) {
  for (const Layer& layer : job.workload.network.layers) {
    if (any_matches(options.layers, layer.id)) layers_.push_back(layer.id);
  }
  if (layers_.empty()) {
    throw BadInput("--layers " + options.layers.at(0) + ": the model has no such layer",
                   job.workload.network.file);
  }
  const Program& program = job.program;
  for (const std::size_t op : options.tile_ops) {
    if (op >= program.ops.size()) {
      throw BadInput("--tile-ops " + std::to_string(op) + ": the program has " +
                         std::to_string(program.ops.size()) + " tile ops, counted from 0",
                     job.workload.network.file);
    }
  }
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    const auto& ops = options.tile_ops;
    held_.push_back(any_matches(options.layers, program.layers.at(program.ops[i].layer).id) &&
                    (ops.empty() || std::find(ops.begin(), ops.end(), i) != ops.end()));
  }
}

std::size_t GoldenSource::tile_ops() const {
  return static_cast<std::size_t>(std::count(held_.begin(), held_.end(), true));
}

std::vector<std::string> GoldenSource::image_names() const {
  std::vector<std::string> names;
  for (const Inference& one : job_.workload.inferences) names.push_back(one.name);
  return names;
}

std::string GoldenSource::folder_of(std::size_t image) const {
  return file_name(job_.workload.inferences.at(image).name);
}

golden::SetBuilder::Size GoldenSource::size() const {
  golden::SetBuilder::Size total;
  const auto add = [&](const std::vector<golden::Array>& arrays, bool constants) {
    for (const auto& array : arrays) {
      if (array.tile_op >= 0 && golden::is_constant(array.role) != constants) continue;
      const auto size = golden::SetBuilder::size_of(options_, array);
      total.files += size.files;
      total.bytes += size.bytes;
    }
  };
  const Network& network = job_.workload.network;
  for (std::size_t image = 0; image < job_.workload.inferences.size(); ++image) {
    const golden::OpContext context{job_.program,     network,          job_.config,
                                    options_.packing, constants_folder, folder_of(image)};
    for (std::size_t i = 0; i < held_.size(); ++i) {
      if (!held_[i]) continue;
      const auto before = golden::arrays_before(context, i, nullptr);
      add(before, false);
      if (image == 0) add(before, true);
      add(golden::arrays_after(context, i, nullptr), false);
    }
    for (const std::string& id : layers_) {
      const Layer& layer = *network.find_layer(id);
      add(golden::tensors_of(network, layer, static_cast<int>(job_.config.hw_acc_bits),
                             folder_of(image), nullptr),
          false);
      if (image == 0) add(golden::constants_of(layer, constants_folder), true);
    }
  }
  if (options_.hdf5) ++total.files;
  if (options_.bench) {
    const auto shape = golden::stream_shape(network, layers_, options_, job_.config);
    total.files += golden::Streams::files_of(network, layers_);
    total.bytes +=
        golden::Streams::bytes_of(network, layers_, shape) * job_.workload.inferences.size();
  }
  return total;
}

std::vector<golden::StreamUse> GoldenSource::produce(golden::SetBuilder& builder,
                                                     std::vector<golden::RetireEntry>& retired,
                                                     std::vector<RunResult>* results,
                                                     const Progress& progress) const {
  const Network& network = job_.workload.network;
  for (const std::string& id : layers_) {
    for (const auto& array : golden::constants_of(*network.find_layer(id), constants_folder)) {
      builder.add(array);
    }
  }
  const RefOptions exact = reference_options(job_);
  const auto settle = [&](std::int64_t acc, std::int64_t addend, bool& overflowed) {
    ref::Accumulator accumulator(exact.acc_bits, exact.overflow);
    const std::int64_t sum = accumulator.settle(acc + addend);
    overflowed = overflowed || accumulator.overflows() > 0;
    return sum;
  };
  golden::Streams streams(network, layers_,
                          golden::stream_shape(network, layers_, options_, job_.config), settle);
  for (std::size_t image = 0; image < job_.workload.inferences.size(); ++image) {
    run_image(image, builder, options_.bench ? &streams : nullptr, retired, results, progress);
  }
  if (!options_.bench) return {};
  for (const golden::TextFile& file : streams.files()) builder.add(file);
  return streams.uses();
}

void GoldenSource::run_image(std::size_t image, golden::SetBuilder& builder,
                             golden::Streams* streams, std::vector<golden::RetireEntry>& retired,
                             std::vector<RunResult>* results, const Progress& progress) const {
  const Inference& inference = job_.workload.inferences[image];
  const Network& network = job_.workload.network;
  const golden::OpContext context{job_.program,     network,          job_.config,
                                  options_.packing, constants_folder, folder_of(image)};
  std::size_t done = 0;
  const std::size_t held = tile_ops();
  RunOptions options;
  options.observe = [&](std::size_t op, bool after, const BufferView& view) {
    if (!held_[op]) return;
    const auto arrays = after ? golden::arrays_after(context, op, &view)
                              : golden::arrays_before(context, op, &view);
    for (const auto& array : arrays) {
      if (image == 0 || !golden::is_constant(array.role)) builder.add(array);
    }
    done += after ? 1 : 0;
    progress("golden: " + inference.name + ", tile op " + std::to_string(done) + " of " +
             std::to_string(held));
  };
  std::vector<std::uint8_t> memory = job_.program.image;
  place_inputs(job_.program, inference.inputs, memory);
  RunResult result =
      make_fast_backend()->run(job_.program, job_.config, std::move(memory), options);
  const auto places = record_places(job_.program);
  for (std::size_t i = 0; i < held_.size(); ++i) {
    if (!held_[i]) continue;
    retired.push_back({image, i, job_.program.layers.at(job_.program.ops[i].layer).id,
                       result.retired.at(places[i])});
  }
  if (results != nullptr) results->push_back(std::move(result));

  std::map<std::string, std::uint64_t> overflows;
  const golden::Tensors tensors = reference_tensors(job_, inference, overflows);
  for (const std::string& id : layers_) {
    const Layer& layer = *network.find_layer(id);
    for (const auto& array :
         golden::tensors_of(network, layer, static_cast<int>(job_.config.hw_acc_bits),
                            folder_of(image), &tensors)) {
      builder.add(array);
    }
    if (streams != nullptr) streams->add(inference.name, layer, tensors, overflows[id] > 0);
  }
}

}  // namespace tactus
