// SPDX-License-Identifier: Apache-2.0
// Vectors for a block behind the stream port of traces/README.md, and the test benches that play
// them. Three streams: `mac` feeds operands and expects accumulators, `post` feeds accumulators and
// expects outputs, `elem` feeds values of tensors (a residual add's two operands, the taps of a
// pooling window) and expects outputs. All work on layers, not on tile ops: a block of another
// design does not know ours.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "golden/layer_values.hpp"
#include "golden/manifest.hpp"
#include "golden/stream_use.hpp"
#include "network/network.hpp"

namespace tactus::golden {

/// Widths and lanes of the streams.
struct StreamShape {
  std::int64_t rows = 1;  ///< pixels of a mac block
  std::int64_t cols = 1;  ///< channels of a block
  int act_bits = 8, wgt_bits = 8, acc_bits = 32;
  bool saturates = false;          ///< policy of the accumulator; otherwise it wraps
  std::int64_t fold = 1;           ///< steps that a saturating accumulator takes at once
  std::int64_t table_entries = 0;  ///< of the largest look-up table
  std::int64_t max_beats = 0;      ///< operands of an elem block at most
};

/// Pixels of a post or elem block at most.
inline constexpr std::int64_t post_pixels = 64;

/// Operand widths are the smallest that hold every operand of `layers` without its zero point.
[[nodiscard]] StreamShape stream_shape(const Network& network,
                                       const std::vector<std::string>& layers,
                                       const Options& options, const ArchConfig& config);

/// acc + addend in an accumulator of the architecture; `overflowed` becomes true when it does not
/// fit, and stays so.
using Settle = std::function<std::int64_t(std::int64_t acc, std::int64_t addend, bool& overflowed)>;

/// A file of the bench folder.
struct TextFile {
  std::string path, role, text;
};

class Streams {
 public:
  Streams(const Network& network, const std::vector<std::string>& layers, StreamShape shape,
          Settle settle);

  /// Adds what one inference does in a layer; `overflowed` says whether its accumulators did.
  void add(const std::string& image, const Layer& layer, const Tensors& tensors, bool overflowed);
  [[nodiscard]] std::vector<TextFile> files() const;
  /// Which streams each layer is in, and what is to be said of it.
  [[nodiscard]] const std::vector<StreamUse>& uses() const { return uses_; }

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
  /// True when accumulators of the stream saturate; `sums` gets them with their bias.
  bool add_mac(std::int64_t name, const Layer& layer, const Tensors& tensors, bool overflowed,
               std::vector<std::int64_t>& sums);
  void add_post(std::int64_t name, const Layer& layer, const Tensors& tensors,
                const std::vector<std::int64_t>& sums);
  void add_elem(std::int64_t name, const Layer& layer, const Tensors& tensors);
  [[nodiscard]] std::string bench(StreamKind kind) const;
  [[nodiscard]] Stream& of(StreamKind kind) { return streams_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] const Stream& of(StreamKind kind) const {
    return streams_[static_cast<std::size_t>(kind)];
  }

  const Network& network_;
  StreamShape shape_;
  Settle settle_;
  std::vector<StreamUse> uses_;
  std::vector<std::string> names_;  ///< "image, layer" by number
  std::array<Stream, stream_count> streams_;
};

}  // namespace tactus::golden
