// SPDX-License-Identifier: Apache-2.0
// Fields of operand words in memory and the elements of the ofmap buffer, which have a word each.
#pragma once

#include <cstdint>

namespace tactus::fast {

/// Where a line's elements of one channel lie in its packed words, and how.
struct WordField {
  std::int64_t word_bytes;    ///< 1, 2 or 4, of a packed word and of an element
  std::int64_t shift, bits;   ///< of the element in the packed word
  std::int64_t packed_step;   ///< bytes from one packed word to the next
  std::int64_t element_step;  ///< bytes from one element to the next
};

/// elements[i] = field of packed[i], sign- or zero-extended.
void unpack_field(const std::uint8_t* packed, std::int64_t count, const WordField& field,
                  bool is_signed, std::uint8_t* elements);
/// Sets the field of packed[i], which must be 0, to the low bits of elements[i].
void pack_field(const std::uint8_t* elements, std::int64_t count, const WordField& field,
                std::uint8_t* packed);

}  // namespace tactus::fast
