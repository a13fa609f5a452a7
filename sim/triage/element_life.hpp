// SPDX-License-Identifier: Apache-2.0
// The life of one output element: from the operands and the weights in the file, by partial sums
// and requantisation, to the integer in the output tensor, with the tile ops that took part.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch_config.hpp"
#include "backend/backend.hpp"
#include "network/network.hpp"
#include "program/program.hpp"
#include "triage/places.hpp"
#include "triage/requant_steps.hpp"

namespace tactus::triage {

/// One product; of pooling and of softmax and norms one value of the window or row (weight and
/// product are not used there). Of a matmul the weight is the value of the second operand.
struct LifeTerm {
  std::int64_t unit = -1;  ///< K unit, -1: not in the program
  int c = 0, y = 0, x = 0, ky = 0, kx = 0;
  bool padding = false;         ///< the tap lies outside the image
  std::int64_t input = 0;       ///< as stored; padding: the zero point
  std::int64_t activation = 0;  ///< minus zero point; of softmax: its exponential
  std::int64_t weight_index = 0, weight = 0, weight_operand = 0, product = 0;
};

/// Terms that are summed exactly before the overflow policy of the accumulator is applied.
struct LifeFold {
  std::int64_t number = 0;
  std::vector<LifeTerm> terms;
  std::int64_t sum = 0, accumulator = 0;  ///< accumulator behind this fold
  bool overflowed = false;
};

/// A tile op that took part.
struct LifeOp {
  std::size_t op = 0;  ///< index in the program
  Queue queue = Queue::load;
  std::uint32_t seq = 0;
  Cycle start = 0, retire = 0;
  std::string role, text;
};

struct ElementLife {
  std::string layer, layer_op, input;  ///< id, op, tensor that is read
  int n = 0, c = 0, y = 0, x = 0;
  std::string weight_dataset;  ///< path in the model file, empty without weights
  std::string weight_file;
  std::vector<int> weight_shape;
  std::vector<LifeFold> folds;      ///< products; of output-stationary layers a fold is a K unit
  std::vector<LifeTerm> window;     ///< of pooling; the row of softmax and norms
  std::string second;               ///< tensor that is the second operand
  std::optional<Coordinates> from;  ///< element that a layer without arithmetic moves
  bool in_place = false;            ///< it lies in memory where `from` does
  std::optional<std::int64_t> bias, accumulator;  ///< accumulator with the bias
  std::vector<Step> steps;
  std::int64_t value = 0;
  std::string continued;  ///< layer whose residual add is folded into this one, with ...
  std::vector<Step> continued_steps;
  std::optional<std::int64_t> continued_value;
  std::vector<LifeOp> ops;
};

/// What an element's life is read from. `tensors` holds inputs and the outputs of all layers.
struct LifeSource {
  const Network& network;
  const ArchConfig& config;
  const Program& program;
  const std::map<std::string, QTensor>& tensors;
};

/// Throws BadInput when the layer or the element does not exist.
[[nodiscard]] ElementLife element_life(const LifeSource& source, const std::string& layer, int n,
                                       int c, int y, int x);

/// Fills in the ops that took part, with cycles from a run's retire records.
void add_ops(ElementLife& life, const LifeSource& source, const RunResult& run);

/// The element's value by others: the naive reference, and the model file where it has it.
struct LifeCheck {
  std::optional<std::int64_t> reference, golden;
  [[nodiscard]] bool agrees(const ElementLife& life) const {
    return reference.value_or(life.value) == life.value &&
           golden.value_or(life.value) == life.value;
  }
};

/// Lines of at most `columns` characters.
[[nodiscard]] std::string to_text(const ElementLife& life, const LifeCheck& check, int columns);
/// report/schema/explain.schema.json
[[nodiscard]] std::string to_json(const ElementLife& life, const LifeCheck& check);

}  // namespace tactus::triage
