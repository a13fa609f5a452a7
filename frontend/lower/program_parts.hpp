// SPDX-License-Identifier: Apache-2.0
// Programs for timing, put together from the ops of their layers: a layer whose cut is that of a
// program made before is not lowered again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lower/network_lowering.hpp"
#include "lower/op_order.hpp"

namespace tactus {

/// What somebody keeps of the ops of one layer.
class ProgramPart {
 public:
  virtual ~ProgramPart() = default;
  /// Memory that it takes.
  [[nodiscard]] virtual std::size_t bytes() const = 0;
};

/// Ops of one layer without tokens and segments. OpLink::after counts from the first one of them;
/// what lies before is -2 - k: entry k of PlacedPart::before.
struct PartOps {
  const std::vector<TileOp>& ops;
  const std::vector<lower::OpLink>& links;
  const std::vector<std::uint32_t>& completing;  ///< ops that later layers may name in `after`
};

class PartMaker {
 public:
  virtual ~PartMaker() = default;
  [[nodiscard]] virtual std::shared_ptr<const ProgramPart> make(const PartOps& ops,
                                                                const ArchConfig& config) = 0;
};

/// The ops of a layer in one program. Ops are numbered through all layers, without the loads of
/// segments.
struct PlacedPart {
  std::shared_ptr<const ProgramPart> part;
  int layer = 0, ops = 0;
  std::uint16_t swapped = 0;         ///< see lower::swap_halves()
  std::vector<std::int32_t> before;  ///< ops of earlier layers that ops of this one wait for, or -1
};

/// Fields of LayerInfo.
struct OutlineLayer {
  std::string fused_into;
  std::int64_t macs = 0, macs_executed = 0;
  KMapping k_mapping;
};

/// A program as lower_network() makes it, in parts and without addresses.
struct ProgramOutline {
  std::vector<PlacedPart> parts;  ///< of the layers that have ops, in order
  std::vector<OutlineLayer> layers;
  std::uint64_t image_bytes = 0;
};

namespace lower {

/// Parts of programs of one network, for all configurations that share them.
class PartMemory {
 public:
  /// Where a tensor is, see TensorPlace.
  struct Place {
    bool in_memory = false;
    std::uint64_t address = 0, plane_stride = 0, line_stride = 0;
    [[nodiscard]] bool operator==(const Place& o) const {
      return in_memory == o.in_memory && address == o.address && plane_stride == o.plane_stride &&
             line_stride == o.line_stride;
    }
  };
  /// What the lowering of a layer does.
  struct Part {
    std::shared_ptr<const ProgramPart> ops;  ///< null: none
    int count = 0;
    std::uint64_t bytes = 0;          ///< of memory
    std::uint16_t turns = 0;          ///< that changed
    std::vector<std::string> before;  ///< tensors whose last store ops wait for
    /// Tensors that are complete with an op: the number as in PartOps.
    std::vector<std::pair<std::string, std::int32_t>> stores;
    std::vector<std::pair<std::size_t, Place>> places;  ///< of tensors, new or changed
    std::vector<std::pair<std::string, std::string>> views;
    OutlineLayer layer;
    int folded = -1;     ///< layer that is folded into it, or -1
    bool keeps = false;  ///< its result stays on chip
    int kept_half = 0;
  };

  /// Numbers from 0 on: equal texts have equal ones.
  [[nodiscard]] std::int32_t number_of(const std::string& text);
  /// The part with a key, or null.
  [[nodiscard]] const Part* find(const std::string& key) const;
  const Part& add(std::string key, Part part);
  /// Forgets all parts when they take more than `bytes` of memory.
  void limit(std::size_t bytes);

 private:
  std::unordered_map<std::string, std::int32_t> numbers_;
  std::unordered_map<std::string, Part> parts_;
  std::size_t bytes_ = 0;
};

/// Lowers one network for one configuration with any choice of cuts. The ops of a layer depend on
/// the rest of the program only through the layouts of tensors, what stays on chip, and which half
/// of each buffer is next; a half is as good as the other, so parts are kept for one of the two.
class PartedLowering {
 public:
  /// What parts depend on besides what is chosen, as numbers: configurations with equal ones share
  /// them.
  struct Kinds {
    std::int32_t weighted = 0;  ///< of weighted layers whose tables of cuts are shared
    std::int32_t others = 0;    ///< of layers without weights
    std::int32_t own = 0;       ///< of weighted layers with cuts that nobody else has
  };
  /// Keeps references to all but the last one.
  PartedLowering(const Network& network, const ArchConfig& config, UnitPlanner& planner,
                 PartMaker& maker, PartMemory& memory, const Kinds& kinds);

  /// Throws BadInput naming a layer that cannot be lowered.
  [[nodiscard]] ProgramOutline lower(const UnitPlanner::Choices& choices);

 private:
  using Part = PartMemory::Part;
  using Place = PartMemory::Place;

  [[nodiscard]] static Place place_of(const TensorPlace& tensor);
  void reset(const UnitPlanner::Choices& choices);
  void set_key(std::string& key, int layer, const UnitPlanner::Choices& choices) const;
  void append_cut(std::string& key, std::size_t unit, const UnitPlanner::Choices& choices) const;
  /// Emits a layer; the second one does what emit() did when the part was recorded.
  [[nodiscard]] Part record(int layer, PlacedPart& placed);
  void replay(int layer, const Part& part, PlacedPart& placed);
  /// An op as PartOps numbers it.
  [[nodiscard]] std::int32_t part_number(std::int32_t op, int first, const std::string& own,
                                         Part& part, PlacedPart& placed) const;

  UnitPlanner& planner_;
  PartMaker& maker_;
  PartMemory& memory_;
  Kinds kinds_;
  NetworkLowering lowering_;
  std::vector<LayerInfo> infos_;    ///< of a program without ops
  std::vector<OutlineLayer> made_;  ///< layers of the program that is being made
  std::string key_;                 ///< of the layer that is being lowered
  UnitPlanner::Choices applied_;    ///< choices of the context's plans
  bool has_plans_ = false;
  std::int32_t layouts_ = 0;  ///< number of the context's layouts
};

}  // namespace lower
}  // namespace tactus
