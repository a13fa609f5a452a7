// SPDX-License-Identifier: Apache-2.0
// The inner loops of compute ops, in one version per instruction set. All versions give the same
// exact integers. Activations are 9-bit two's complement (-256..255) and weights at most 7 times
// as large, held in int16, so a product pair always fits int32 and no step saturates.
//
// Packed activations: panels of 8 pixels; inside a panel, for each pair of K elements, 8 times
// (even element, odd element). Packed weights: blocks of 4 columns; inside a block, for each pair
// of K elements, 4 times (even, odd).
#pragma once

#include <cstdint>
#include <vector>

namespace tactus::fast {

inline constexpr std::int64_t panel_pixels = 8;
inline constexpr std::int64_t block_cols = 4;
inline constexpr std::int64_t panel_step = 2 * panel_pixels;  ///< int16 per pair in a panel
inline constexpr std::int64_t block_step = 2 * block_cols;    ///< int16 per pair in a block
/// Weights are packed in strips of this many columns; a packed matrix has whole strips.
inline constexpr std::int64_t strip_cols = 16;
/// Elements that `gather`, `collect` and `collect_bytes` may write behind the last pixel of a row.
inline constexpr std::int64_t line_slack = 32;

/// The bytes that one K element takes from a bank.
struct PixelGrid {
  std::int64_t height, width, step_x, step_y;
};

/// How stored bytes become operands.
struct OperandFormat {
  bool is_signed;
  std::int16_t zero_point;
};

/// A field of an operand word and how it becomes an operand.
struct FieldFormat {
  int shift, bits;  ///< shift + bits is at most 16
  bool is_signed, is_bipolar;
  std::int16_t zero_point;
};

/// Operands of `multiply`; strides in int16 between panels and between blocks.
struct PackedOperands {
  const std::int16_t* activations;
  std::int64_t panels, panel_stride;
  const std::int16_t* weights;
  std::int64_t blocks, block_stride;
};

struct WinogradKernels;

struct Kernels {
  const char* name;
  /// line[y * width + x] = operand at source[y * step_y + x * step_x].
  void (*gather)(const std::uint8_t* source, const PixelGrid& grid, OperandFormat format,
                 std::int16_t* line);
  /// bytes[y * width + x] = the byte at source[y * step_y + x * step_x].
  void (*collect_bytes)(const std::uint8_t* source, const PixelGrid& grid, std::uint8_t* bytes);
  /// words[y * width + x] = the word of 1 or 2 bytes at source[y * step_y + x * step_x].
  void (*collect)(const std::uint8_t* source, const PixelGrid& grid, std::int64_t word_bytes,
                  std::uint16_t* words);
  /// line[i] = operand in a field of words[i]. Reads and writes whole sixteens.
  void (*extract)(const std::uint16_t* words, std::int64_t count, FieldFormat format,
                  std::int16_t* line);
  /// line[i] += weights[i] where chosen[i] is `candidate`; `count` is a multiple of 16.
  void (*select)(const std::int16_t* weights, const std::int16_t* chosen, std::int16_t candidate,
                 std::int64_t count, std::int16_t* line);
  /// Writes one pair of K elements into all panels; `out` is the pair's place in panel 0. Returns
  /// the number of zeros among all operands of the panels.
  std::int64_t (*interleave)(const std::int16_t* even, const std::int16_t* odd, std::int64_t panels,
                             std::int64_t panel_stride, std::int16_t* out);
  /// The same from the bytes of the operands.
  std::int64_t (*pair_bytes)(const std::uint8_t* even, const std::uint8_t* odd,
                             OperandFormat format, std::int64_t panels, std::int64_t panel_stride,
                             std::int16_t* out);
  /// Writes one pair of weight rows into `strips` strips of blocks; `odd` may be null: zeros.
  /// Reads whole strips of bytes.
  void (*pack_weights)(const std::uint8_t* even, const std::uint8_t* odd, OperandFormat format,
                       std::int64_t strips, std::int64_t block_stride, std::int16_t* out);
  /// The same from operands: whole strips of int16; `odd` may be null.
  void (*pair_weights)(const std::int16_t* even, const std::int16_t* odd, std::int64_t strips,
                       std::int64_t block_stride, std::int16_t* out);
  /// sums[c] = sum of |weight| over `pairs` pairs for the columns of `blocks` blocks.
  void (*magnitudes)(const std::int16_t* weights, std::int64_t blocks, std::int64_t block_stride,
                     std::int64_t pairs, std::int32_t* sums);
  /// out[column * out_stride + pixel] = sum over the pairs [first, last). Every true sum must fit
  /// int32; out_stride is at least panels * 8.
  void (*multiply)(const PackedOperands& operands, std::int64_t first, std::int64_t last,
                   std::int32_t* out, std::int64_t out_stride);
  /// For ops of whole 3 x 3 windows, where that is faster than `multiply`; else nullptr.
  const WinogradKernels* winograd;
};

[[nodiscard]] const Kernels& portable_kernels();
/// Kernels that this processor can run, the fastest first; the portable ones are always last.
[[nodiscard]] std::vector<const Kernels*> available_kernels();

}  // namespace tactus::fast
