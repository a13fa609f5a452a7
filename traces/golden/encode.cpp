// SPDX-License-Identifier: Apache-2.0
#include "golden/encode.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "numerics/errors.hpp"

namespace tactus::golden {
namespace {

constexpr char digits[] = "0123456789abcdef";

int carrier_of(int bits) {
  int carrier = 1;
  while (carrier < bits) carrier *= 2;
  return carrier;
}

std::string address_line(const Packing& packing) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "@%llx\n",
                static_cast<unsigned long long>(packing.base_address));
  return text.data();
}

/// Calls visit(word) for every word of the array.
template <class Visit>
void for_each_word(const Array& array, const Packing& packing, const Visit& visit) {
  const Words w = words_of(array, packing);
  for (std::size_t row = 0; row < w.rows; ++row) {
    for (std::size_t k = 0; k < w.words_per_row; ++k) {
      BitWord word(w.word_bits);
      for (std::size_t lane = 0; lane < w.lanes && k * w.lanes + lane < array.row; ++lane) {
        const std::size_t place = packing.lane0_low ? lane : w.lanes - 1 - lane;
        word.put(place * static_cast<std::size_t>(w.field_bits), w.field_bits,
                 array.values[row * array.row + k * w.lanes + lane]);
      }
      if (!packing.little_endian) word.reverse_bytes();
      visit(word);
    }
  }
}

/// Header of a .npy file, version 1.0: magic, length, a Python dictionary, padded to 64 bytes.
std::string npy_header(const Array& array) {
  std::string shape;
  for (const std::uint64_t extent : array.shape) shape += std::to_string(extent) + ", ";
  if (array.shape.size() > 1) shape.resize(shape.size() - 2);
  if (array.shape.size() == 1) shape.resize(shape.size() - 1);
  const int bytes = container_bits(array) / 8;
  std::string text = std::string("{'descr': '") + (bytes == 1 ? "|" : "<") +
                     (array.is_signed ? "i" : "u") + std::to_string(bytes) +
                     "', 'fortran_order': False, 'shape': (" + shape + "), }";
  constexpr std::size_t preamble = 10, alignment = 64;
  const std::size_t length =
      (preamble + text.size() + 1 + alignment - 1) / alignment * alignment - preamble;
  text.resize(length - 1, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(length & 255);
  header += static_cast<char>(length >> 8);
  return header + text;
}

}  // namespace

void BitWord::put(std::size_t at, int width, std::int64_t value) {
  if (width < 1 || width > 64 || at + static_cast<std::size_t>(width) > bits_) {
    throw InternalError("a field of " + std::to_string(width) + " bits at bit " +
                        std::to_string(at) + " is not inside a word of " + std::to_string(bits_));
  }
  for (int i = 0; i < width; ++i) {
    const std::size_t bit = at + static_cast<std::size_t>(i);
    const auto one = static_cast<std::uint8_t>(1U << (bit % 8));
    if ((static_cast<std::uint64_t>(value) >> i & 1U) != 0) bytes_[bit / 8] |= one;
  }
}

void BitWord::reverse_bytes() { std::reverse(bytes_.begin(), bytes_.end()); }

std::string BitWord::hex() const {
  const std::size_t count = (bits_ + 3) / 4;
  std::string text(count, '0');
  for (std::size_t i = 0; i < count; ++i) {
    text[count - 1 - i] = digits[bytes_[i / 2] >> (i % 2 * 4) & 15];
  }
  return text;
}

const char* extension_of(FileFormat format) {
  switch (format) {
    case FileFormat::hex:
      return ".hex";
    case FileFormat::bin:
      return ".bin";
    case FileFormat::npy:
      return ".npy";
  }
  throw InternalError("a golden file has an unknown format");
}

Words words_of(const Array& array, const Packing& packing) {
  Words w;
  w.field_bits = packing.carrier_fields ? carrier_of(array.bits) : array.bits;
  const auto field = static_cast<std::size_t>(w.field_bits);
  w.rows = array.count() / array.row;
  if (packing.word_bits == 0) {
    w.lanes = array.row;
    w.word_bits = array.row * field;
    // A row need not be whole bytes; as a word of bytes it is filled up.
    if (!packing.little_endian) w.word_bits = (w.word_bits + 7) / 8 * 8;
  } else {
    w.word_bits = static_cast<std::size_t>(packing.word_bits);
    w.lanes = w.word_bits / field;
    if (w.lanes == 0) {
      throw BadInput("layer " + array.layer + ": --word-bits " + std::to_string(packing.word_bits) +
                         " is narrower than the " + std::to_string(w.field_bits) +
                         " bits of a value of " + array.role,
                     {}, array.layer);
    }
    if (!packing.little_endian && w.word_bits % 8 != 0) {
      throw BadInput("--endian big needs words of whole bytes, not --word-bits " +
                     std::to_string(packing.word_bits));
    }
  }
  w.words_per_row = (array.row + w.lanes - 1) / w.lanes;
  return w;
}

std::size_t encoded_bytes(const Array& array, FileFormat format, const Packing& packing) {
  if (format == FileFormat::npy) {
    const auto value = static_cast<std::size_t>(container_bits(array) / 8);
    return npy_header(array).size() + array.count() * value;
  }
  const Words w = words_of(array, packing);
  if (format == FileFormat::bin) return w.count() * ((w.word_bits + 7) / 8);
  return address_line(packing).size() + w.count() * ((w.word_bits + 3) / 4 + 1);
}

std::string encode(const Array& array, FileFormat format, const Packing& packing) {
  if (array.values.size() != array.count()) {
    throw InternalError(array.stem + " has " + std::to_string(array.values.size()) +
                        " values, its shape has " + std::to_string(array.count()));
  }
  std::string text;
  text.reserve(encoded_bytes(array, format, packing));
  if (format == FileFormat::npy) {
    text = npy_header(array);
    const int bits = container_bits(array);
    for (const std::int64_t value : array.values) {
      for (int at = 0; at < bits; at += 8) text += static_cast<char>(value >> at & 255);
    }
    return text;
  }
  if (format == FileFormat::hex) text = address_line(packing);
  for_each_word(array, packing, [&](const BitWord& word) {
    if (format == FileFormat::hex) {
      text += word.hex() + "\n";
    } else {
      text.append(word.bytes().begin(), word.bytes().end());
    }
  });
  return text;
}

int container_bits(const Array& array) { return std::max(8, carrier_of(array.bits)); }

std::string sha256_of(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw InternalError("libcrypto cannot compute a sha256");
  }
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

}  // namespace tactus::golden
