// SPDX-License-Identifier: Apache-2.0
// The contents of a golden set, made by running a job.
#pragma once

#include <string>
#include <vector>

#include "backend/backend.hpp"
#include "golden/layer_values.hpp"
#include "golden/manifest.hpp"
#include "golden/set_builder.hpp"
#include "run/job.hpp"

namespace tactus {

class GoldenSource {
 public:
  /// Throws BadInput when the selection of `options` names nothing.
  GoldenSource(const Job& job, const golden::Options& options);

  [[nodiscard]] const std::vector<std::string>& layers() const { return layers_; }
  [[nodiscard]] std::size_t tile_ops() const;
  [[nodiscard]] std::vector<std::string> image_names() const;
  /// Whether the set holds op `index` of the program.
  [[nodiscard]] bool holds(std::size_t index) const { return held_.at(index); }

  /// Files and bytes of the set without its manifest, from shapes alone; the benches and the HDF5
  /// file are estimated.
  [[nodiscard]] golden::SetBuilder::Size size() const;

  /// Runs all inferences and adds every array and bench; the retire records of the held ops are
  /// appended to `retired`, the run's results to `results` when given. The result says in which
  /// streams of the benches each layer is; empty without benches.
  std::vector<golden::StreamUse> produce(golden::SetBuilder& builder,
                                         std::vector<golden::RetireEntry>& retired,
                                         std::vector<RunResult>* results,
                                         const Progress& progress) const;

 private:
  void run_image(std::size_t image, golden::SetBuilder& builder, golden::Streams* streams,
                 std::vector<golden::RetireEntry>& retired, std::vector<RunResult>* results,
                 const Progress& progress) const;
  [[nodiscard]] std::string folder_of(std::size_t image) const;

  const Job& job_;
  const golden::Options& options_;
  std::vector<std::string> layers_;
  std::vector<bool> held_;  ///< by index in the program
};

/// Keeps the inferences of `images` (empty: all); throws BadInput for a number that there is not.
void select_images(Job& job, const std::vector<std::size_t>& images);

/// For each op of a program the place of its record among the sorted records of a run.
[[nodiscard]] std::vector<std::size_t> record_places(const Program& program);

}  // namespace tactus
