// SPDX-License-Identifier: Apache-2.0
// Vectors for a block behind the stream port of traces/README.md, and the test benches that play
// them. Two streams: `mac` feeds operands and expects accumulators, `post` feeds accumulators and
// expects outputs. Both work on layers, not on tile ops: a block of another design does not know
// ours.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "golden/layer_values.hpp"
#include "golden/manifest.hpp"
#include "network/network.hpp"

namespace tactus::golden {

/// Widths and lanes of both streams.
struct StreamShape {
  std::int64_t rows = 1;  ///< pixels of a mac block
  std::int64_t cols = 1;  ///< channels of a block
  int act_bits = 8, wgt_bits = 8, acc_bits = 32;
  bool saturates = false;  ///< policy of the accumulator; otherwise it wraps
};

/// Pixels of a post block at most.
inline constexpr std::int64_t post_pixels = 64;

/// Operand widths are the smallest that hold every operand of `layers` without its zero point.
[[nodiscard]] StreamShape stream_shape(const Network& network,
                                       const std::vector<std::string>& layers,
                                       const Options& options, const ArchConfig& config);

/// A file of the bench folder.
struct TextFile {
  std::string path, role, text;
};

class Streams {
 public:
  Streams(const Network& network, StreamShape shape) : network_(network), shape_(shape) {}

  /// Adds what one inference does in a layer; layers without weights and conventions of more than
  /// one operand have no stream. `skip_mac` leaves the accumulators out, whose value depends on the
  /// order of the sums when a saturating accumulator overflows.
  void add(const std::string& image, const Layer& layer, const Tensors& tensors, bool skip_mac);
  [[nodiscard]] std::vector<TextFile> files() const;

  /// Number of the files, benches included.
  [[nodiscard]] static std::size_t files_of(const Network& network,
                                            const std::vector<std::string>& layers);
  /// Bytes of the vector files of one inference.
  [[nodiscard]] static std::uint64_t bytes_of(const Network& network,
                                              const std::vector<std::string>& layers,
                                              const StreamShape& shape);

 private:
  struct Stream {
    std::string act, wgt, out, block;
    std::uint64_t beats = 0, weights = 0, outs = 0, blocks = 0;
  };
  struct Block {
    std::int64_t name = 0, beats = 0, outs = 0, pixel0 = 0, channel0 = 0, pixels = 0, channels = 0,
                 out_w = 1;
  };
  static void add_block(Stream& stream, const Block& block);
  void add_mac(std::int64_t name, const Layer& layer, const Tensors& tensors);
  void add_post(std::int64_t name, const Layer& layer, const Tensors& tensors);
  [[nodiscard]] std::string bench(bool mac) const;

  const Network& network_;
  StreamShape shape_;
  std::vector<std::string> names_;  ///< "image, layer" by number
  Stream mac_, post_;
};

}  // namespace tactus::golden
