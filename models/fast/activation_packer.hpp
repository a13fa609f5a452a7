// SPDX-License-Identifier: Apache-2.0
// Packs the activations of a compute op.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "fast/buffers.hpp"
#include "fast/kernels.hpp"
#include "fast/pack_layout.hpp"
#include "fast/packed_operands.hpp"

namespace tactus::fast {

class ActivationPacker {
 public:
  /// With `count_elements`, element_zeros are filled.
  ActivationPacker(const Kernels& kernels, bool count_elements)
      : kernels_(kernels), count_elements_(count_elements) {}

  /// Fills data, zeros and element_zeros. An output-stationary op reads bank 0 when `uniform`, else
  /// the bank of each pixel's row.
  void pack(const ComputeOp& op, const OperandLayout& layout, const PackShape& shape,
            const BankedHalf& ifmap, bool uniform, PackedActivations& packed);

 private:
  /// One line of pixels for each part of the element that is being packed.
  std::int16_t* line(std::int64_t part) {
    return lines_[static_cast<std::size_t>(2 * part + (odd_ ? 1 : 0))].data();
  }
  /// Packs operands that are bytes, without counting by element.
  void pack_bytes(const ComputeOp& op, const OperandLayout& layout, const PackShape& shape,
                  const BankedHalf& ifmap, const OperandWidth& width, PackedActivations& packed);
  void collect_word(const ComputeOp& op, const BankedHalf& ifmap, const PackedUnit& unit,
                    std::int64_t word);
  void finish_element(std::int64_t users, PackedActivations& packed);
  void finish_pair(std::int64_t users, PackedActivations& packed);
  void finish_fold(PackedActivations& packed);

  const Kernels& kernels_;
  bool count_elements_;
  // Of the running op.
  PixelGrid grid_{};
  std::int64_t pixels_ = 0, parts_ = 1, word_bytes_ = 1;
  bool bank_per_pixel_ = false;
  bool odd_ = false;             ///< the even element of the pair is there
  std::int16_t* out_ = nullptr;  ///< next pair
  std::array<std::vector<std::int16_t>, 4> lines_;
  std::array<std::vector<std::uint8_t>, 3> byte_lines_;  ///< even, odd, no element
  std::vector<std::uint16_t> words_;
};

}  // namespace tactus::fast
