// SPDX-License-Identifier: Apache-2.0
#include "ref/reference.hpp"

#include <algorithm>

#include "numerics/errors.hpp"
#include "ref/elementwise.hpp"
#include "ref/exact.hpp"
#include "ref/matmul.hpp"
#include "ref/moved.hpp"
#include "ref/softmax.hpp"
#include "ref/weighted.hpp"

namespace tactus {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Calls visit(value) for each tap of a pooling window that lies inside the image.
template <typename Visit>
void visit_window(const Layer& layer, const QTensor& input, int c, int oy, int ox,
                  const Visit& visit) {
  const Shape& in = input.shape;
  for (int ky = 0; ky < layer.kernel_h; ++ky) {
    for (int kx = 0; kx < layer.kernel_w; ++kx) {
      const int y = oy * layer.stride_h - layer.padding[0] + ky;
      const int x = ox * layer.stride_w - layer.padding[1] + kx;
      if (y < 0 || y >= in.h || x < 0 || x >= in.w) continue;
      visit(std::int64_t{input.data[at((std::int64_t{c} * in.h + y) * in.w + x)]});
    }
  }
}

std::int32_t pool_value(const Layer& layer, const QTensor& input, int c, int oy, int ox,
                        ref::Accumulator& accumulator) {
  if (layer.op == LayerOp::maxpool) {
    std::int64_t best = input.format.min();
    visit_window(layer, input, c, oy, ox, [&](std::int64_t v) { best = std::max(best, v); });
    return static_cast<std::int32_t>(best);
  }
  // avg_tflite averages the stored values; with a factor the sum is over x - zero point, where
  // padding counts 0.
  const bool by_count = layer.requant.convention == Convention::avg_tflite;
  const std::int64_t zero = by_count ? 0 : input.format.zero_point;
  std::int64_t sum = 0, taps = 0;
  visit_window(layer, input, c, oy, ox, [&](std::int64_t v) {
    sum += v - zero;
    ++taps;
  });
  sum = accumulator.settle(sum);
  if (by_count) return ref::average(layer.requant, sum, taps);
  return ref::requantise(layer.requant, layer.out_format, c, sum);
}

/// What element i of the layer's output takes from an operand, of which one channel or one pixel
/// may stand for all.
std::int32_t shared_element(const Layer& layer, const QTensor& operand, std::int64_t i) {
  const std::int64_t w = layer.out_shape.w, h = layer.out_shape.h;
  const Shape& s = operand.shape;
  const std::int64_t c = s.c == 1 ? 0 : i / (h * w), y = s.h == 1 ? 0 : i / w % h;
  return operand.data[at((c * s.h + y) * s.w + (s.w == 1 ? 0 : i % w))];
}

class Run {
 public:
  Run(const Network& network, const std::map<std::string, QTensor>& inputs,
      const RefOptions& options)
      : network_(network), inputs_(inputs), options_(options) {}

  QTensor layer(const Layer& layer, ref::Accumulator& accumulator) {
    if (layer.op == LayerOp::constant) return {layer.out_shape, layer.out_format, layer.value};
    const QTensor& input = operand(layer, 0);
    QTensor output{layer.out_shape, layer.out_format, {}};
    output.data.reserve(at(layer.out_shape.count()));
    switch (layer.op) {
      case LayerOp::conv2d:
      case LayerOp::conv_transpose2d:
      case LayerOp::linear: {
        const auto sums = ref::weighted_sums(layer, input, options_, accumulator);
        const std::int64_t plane = std::int64_t{layer.out_shape.h} * layer.out_shape.w;
        for (std::int64_t i = 0; i < layer.out_shape.count(); ++i) {
          output.data.push_back(ref::requantise(layer.requant, layer.out_format,
                                                static_cast<int>(i / plane), sums[at(i)]));
        }
        break;
      }
      case LayerOp::add: {
        const QTensor& other = operand(layer, 1);
        const std::int64_t plane = std::int64_t{layer.out_shape.h} * layer.out_shape.w;
        for (std::int64_t i = 0; i < layer.out_shape.count(); ++i) {
          output.data.push_back(ref::add_operands(
              layer, static_cast<int>(i / plane), shared_element(layer, input, i),
              input.format.zero_point, shared_element(layer, other, i), other.format.zero_point));
        }
        break;
      }
      case LayerOp::mul:
      case LayerOp::maximum:
      case LayerOp::minimum: {
        const QTensor& other = operand(layer, 1);
        for (std::int64_t i = 0; i < layer.out_shape.count(); ++i) {
          output.data.push_back(
              ref::combine(layer, shared_element(layer, input, i), input.format.zero_point,
                           shared_element(layer, other, i), other.format.zero_point));
        }
        break;
      }
      case LayerOp::requant: {
        const std::int64_t plane = std::int64_t{layer.out_shape.h} * layer.out_shape.w;
        for (std::int64_t i = 0; i < layer.out_shape.count(); ++i) {
          const std::int64_t v = accumulator.settle(input.data[at(i)] - input.format.zero_point);
          output.data.push_back(
              ref::requantise(layer.requant, layer.out_format, static_cast<int>(i / plane), v));
        }
        break;
      }
      case LayerOp::lut:
        for (const std::int32_t v : input.data) {
          output.data.push_back(ref::table_value(layer, input.format, v));
        }
        break;
      case LayerOp::softmax:
        ref::softmax(layer, input, output.data);
        break;
      case LayerOp::layernorm:
      case LayerOp::rmsnorm:
        ref::normalise(layer, input, output.data);
        break;
      case LayerOp::matmul:
        output.data = ref::matmul(layer, input, operand(layer, 1), fold_rows(layer), accumulator);
        break;
      case LayerOp::transpose:
      case LayerOp::concat:
      case LayerOp::slice:
      case LayerOp::upsample:
      case LayerOp::pixel_shuffle:
      case LayerOp::space_to_depth: {
        std::vector<const QTensor*> inputs;
        for (std::size_t i = 0; i < layer.inputs.size(); ++i) inputs.push_back(&operand(layer, i));
        output.data = ref::moved(layer, inputs);
        break;
      }
      case LayerOp::constant:
        break;
      case LayerOp::clamp:
        for (const std::int32_t v : input.data) {
          output.data.push_back(static_cast<std::int32_t>(std::min(
              std::max(std::int64_t{v}, layer.requant.clamp_min), layer.requant.clamp_max)));
        }
        break;
      case LayerOp::maxpool:
      case LayerOp::avgpool:
      case LayerOp::global_avgpool:
        for (int c = 0; c < layer.out_shape.c; ++c) {
          for (int y = 0; y < layer.out_shape.h; ++y) {
            for (int x = 0; x < layer.out_shape.w; ++x) {
              output.data.push_back(pool_value(layer, input, c, y, x, accumulator));
            }
          }
        }
        break;
      case LayerOp::flatten:
      case LayerOp::reshape:
        output.data = input.data;
        break;
    }
    return output;
  }

  void check_inputs() const {
    for (const NetworkInput& wanted : network_.inputs) {
      if (inputs_.count(wanted.name) == 0) {
        throw BadInput("The input '" + wanted.name + "' of the network is missing.", network_.file);
      }
    }
    for (const auto& [name, tensor] : inputs_) {
      const Format format = network_.format_of(name);
      if (!(tensor.shape == network_.shape_of(name)) || tensor.format != format ||
          tensor.data.size() != at(tensor.shape.count())) {
        throw BadInput("The tensor '" + name + "' has another shape or format than the network.",
                       network_.file, name);
      }
      for (std::size_t i = 0; i < tensor.data.size(); ++i) {
        if (!format.holds(tensor.data[i])) {
          throw BadInput("The tensor '" + name + "' has the value " +
                             std::to_string(tensor.data[i]) + " at index " + std::to_string(i) +
                             ", its format holds " + std::to_string(format.min()) + " to " +
                             std::to_string(format.max()) + ".",
                         network_.file, name);
        }
      }
    }
  }

  std::map<std::string, QTensor> outputs;

 private:
  /// Terms of a matmul that are summed exactly; 0: all.
  [[nodiscard]] std::int64_t fold_rows(const Layer& layer) const {
    const auto found = options_.k_mapping.find(layer.id);
    return found == options_.k_mapping.end() ? 0 : found->second.rows;
  }

  const QTensor& operand(const Layer& layer, std::size_t index) const {
    const std::string& name = layer.inputs.at(index);
    const auto given = inputs_.find(name);
    return given != inputs_.end() ? given->second : outputs.at(name);
  }

  const Network& network_;
  const std::map<std::string, QTensor>& inputs_;
  const RefOptions& options_;
};

}  // namespace

void set_linear_shapes(const Network& network, RefOptions& options) {
  for (const Layer& layer : network.layers) {
    if (layer.op != LayerOp::linear) continue;
    std::string source = layer.inputs.at(0);
    for (const Layer* maker = network.find_layer(source);
         maker != nullptr && maker->op == LayerOp::flatten; maker = network.find_layer(source)) {
      source = maker->inputs.at(0);
    }
    options.linear_shape.emplace(layer.id, network.shape_of(source));
  }
}

std::map<std::string, QTensor> run_reference(const Network& network,
                                             const std::map<std::string, QTensor>& inputs,
                                             const RefOptions& given,
                                             std::map<std::string, std::uint64_t>* overflows) {
  RefOptions options = given;
  set_linear_shapes(network, options);
  if (options.acc_bits < 2 || options.acc_bits > 62) {
    throw BadInput("The reference takes accumulators of 2 to 62 bits, not " +
                   std::to_string(options.acc_bits) + ".");
  }
  for (const auto& [id, mapping] : options.k_mapping) {
    if (mapping.rows > 0 && mapping.column_channels < 1) {
      throw BadInput("A column tile of " + id + " has at least one output channel.");
    }
  }
  Run run(network, inputs, options);
  run.check_inputs();
  for (const Layer& layer : network.layers) {
    ref::Accumulator accumulator(options.acc_bits, options.overflow);
    QTensor output = run.layer(layer, accumulator);
    if (overflows != nullptr) (*overflows)[layer.id] = accumulator.overflows();
    run.outputs.emplace(layer.id, std::move(output));
  }
  return std::move(run.outputs);
}

}  // namespace tactus
