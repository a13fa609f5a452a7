// SPDX-License-Identifier: Apache-2.0
// explain.
#include <array>

#include "cli/console.hpp"
#include "cli/verbs.hpp"
#include "lower/lower.hpp"
#include "numerics/errors.hpp"
#include "run/backends.hpp"
#include "run/explain_pair.hpp"
#include "triage/element_life.hpp"

namespace tactus {

namespace {

/// "n,c,y,x".
std::array<int, 4> coordinates(const std::string& text) {
  std::array<int, 4> out{};
  std::size_t begin = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string field = text.substr(begin, end - begin);
    const bool last = i + 1 == out.size();
    if (field.empty() || field.size() > 9 ||
        field.find_first_not_of("0123456789") != std::string::npos ||
        last != (end == text.size())) {
      throw BadInput("--element " + text + " is not n,c,y,x: input, channel, line, pixel");
    }
    out[i] = std::stoi(field);
    begin = end + 1;
  }
  return out;
}

std::optional<std::int64_t> value_in(const std::map<std::string, QTensor>& tensors,
                                     const triage::ElementLife& life) {
  const auto found = tensors.find(life.layer);
  if (found == tensors.end()) return std::nullopt;
  const Shape& s = found->second.shape;
  const std::int64_t flat = (std::int64_t{life.c} * s.h + life.y) * s.w + life.x;
  return found->second.data.at(static_cast<std::size_t>(flat));
}

}  // namespace

int explain_verb(const CommandLine& line) {
  if (line.positional.size() != 1) throw BadInput("tactus explain takes one MODEL");
  if (line.layer.empty() || line.element.empty()) {
    throw BadInput("tactus explain needs --layer ID and --element n,c,y,x");
  }
  const auto [n, c, y, x] = coordinates(line.element);
  const std::size_t inputs = static_cast<std::size_t>(n) + 1;
  const Job job = make_job(line.positional[0], line.config, line.inputs, inputs);
  if (job.workload.inferences.size() < inputs) {
    throw BadInput("--element " + line.element + ": there are only " +
                   std::to_string(job.workload.inferences.size()) + " inputs");
  }
  const Inference& inference = job.workload.inferences[static_cast<std::size_t>(n)];
  const auto reference = reference_tensors(job, inference);
  std::map<std::string, QTensor> tensors = reference;
  tensors.insert(inference.inputs.begin(), inference.inputs.end());
  const triage::LifeSource source{job.workload.network, job.config, job.program, tensors};
  triage::ElementLife life = triage::element_life(source, line.layer, n, c, y, x);
  std::vector<std::uint8_t> memory = job.program.image;
  place_inputs(job.program, inference.inputs, memory);
  triage::add_ops(life, source,
                  make_backend("fast")->run(job.program, job.config, std::move(memory), {}));
  const triage::LifeCheck check{value_in(reference, life), value_in(inference.expected, life)};
  show(line.json, to_text(life, check, console_columns()), to_json(life, check));
  return check.agrees(life) ? 0 : 1;
}

}  // namespace tactus
