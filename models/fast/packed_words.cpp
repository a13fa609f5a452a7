// SPDX-License-Identifier: Apache-2.0
#include "fast/packed_words.hpp"

#include <cstring>
#include <string>

#include "numerics/errors.hpp"

namespace tactus::fast {
namespace {

/// Calls body with a zero of the word type.
template <class Body>
void with_word(std::int64_t word_bytes, const Body& body) {
  switch (word_bytes) {
    case 1:
      return body(std::uint8_t{});
    case 2:
      return body(std::uint16_t{});
    case 4:
      return body(std::uint32_t{});
    default:
      throw InternalError("an op has words of " + std::to_string(word_bytes) + " bytes");
  }
}

}  // namespace

void unpack_field(const std::uint8_t* packed, std::int64_t count, const WordField& field,
                  bool is_signed, std::uint8_t* elements) {
  with_word(field.word_bytes, [&](auto word) {
    using Word = decltype(word);
    const std::uint32_t sign = is_signed ? std::uint32_t{1} << (field.bits - 1) : 0;
    const std::uint32_t mask = ~std::uint32_t{0} >> (32 - field.bits);
    for (std::int64_t i = 0; i < count; ++i) {
      std::memcpy(&word, packed + i * field.packed_step, sizeof word);
      const std::uint32_t bits = std::uint32_t{word} >> field.shift & mask;
      word = static_cast<Word>((bits ^ sign) - sign);
      std::memcpy(elements + i * field.element_step, &word, sizeof word);
    }
  });
}

void pack_field(const std::uint8_t* elements, std::int64_t count, const WordField& field,
                std::uint8_t* packed) {
  with_word(field.word_bytes, [&](auto word) {
    using Word = decltype(word);
    const std::uint32_t mask = ~std::uint32_t{0} >> (32 - field.bits);
    for (std::int64_t i = 0; i < count; ++i) {
      std::memcpy(&word, elements + i * field.element_step, sizeof word);
      const std::uint32_t bits = (word & mask) << field.shift;
      std::memcpy(&word, packed + i * field.packed_step, sizeof word);
      word = static_cast<Word>(word | bits);
      std::memcpy(packed + i * field.packed_step, &word, sizeof word);
    }
  });
}

}  // namespace tactus::fast
