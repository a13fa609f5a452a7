// SPDX-License-Identifier: Apache-2.0
// A sweep specification as it stands in SPEC.ini (README.md, "Spec").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "sweep/axis.hpp"
#include "sweep/expression.hpp"

namespace tactus::sweep {

struct ModelEntry {
  std::string label;
  std::string file;                ///< path that can be opened, or empty
  std::vector<std::string> synth;  ///< words behind `synth`, if it is no file
};

struct Constraint {
  std::string name;
  Expression condition;
};

struct Spec {
  std::string file, text;
  ArchConfig base;  ///< preset, config and [set]; single points are validated, not this
  bool random = false;
  std::uint64_t samples = 0, seed = 1;
  std::vector<std::string> objectives;
  bool accuracy = true;
  std::uint64_t accuracy_limit = 0;  ///< 0: the whole test set
  bool value_events = true;
  std::string inputs;  ///< as for `tactus run`; the first inference is timed
  std::vector<ModelEntry> models;
  std::vector<Axis> axes;
  std::vector<Constraint> constraints;

  /// Models times axes.
  [[nodiscard]] std::uint64_t grid_size() const;
  /// Everything that points depend on, in canonical form, except the models' contents.
  [[nodiscard]] std::string canonical() const;
};

/// What a name in a constraint means: an architecture key (numbers; true and false are 1 and 0;
/// else its word), `model`, or nothing known. Throws BadInput for an unknown name with a dot.
[[nodiscard]] Expression::Found look_up(const ArchConfig& config, const std::string& model,
                                        const std::string& name);

/// Throws BadInput that names file, line, key and value. Model files are not opened.
[[nodiscard]] Spec read_spec(const std::string& path);
/// `name` is for messages; paths in the text are relative to `folder`.
[[nodiscard]] Spec parse_spec(const std::string& text, const std::string& name,
                              const std::string& folder);

}  // namespace tactus::sweep
