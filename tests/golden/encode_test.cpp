// SPDX-License-Identifier: Apache-2.0
// File contents against bytes worked out by hand.
#include "golden/encode.hpp"

#include <doctest/doctest.h>

#include "numerics/errors.hpp"

using namespace tactus;
using namespace tactus::golden;

namespace {

/// Two rows of three 4-bit values: -1, 2, 3 and 4, -5, 6.
Array small() {
  Array a;
  a.stem = "a";
  a.role = "weight";
  a.layer = "000_a";
  a.shape = {2, 3};
  a.axes = {"row", "lane"};
  a.bits = 4;
  a.is_signed = true;
  a.row = 3;
  a.values = {-1, 2, 3, 4, -5, 6};
  return a;
}

}  // namespace

TEST_CASE("a word is a row, lane 0 in the low bits") {
  CHECK(encode(small(), FileFormat::hex, {}) == "@0\n32f\n6b4\n");
}

TEST_CASE("lane 0 in the high bits") {
  Packing p;
  p.lane0_low = false;
  CHECK(encode(small(), FileFormat::hex, p) == "@0\nf23\n4b6\n");
}

TEST_CASE("rows are cut into words and the last one is filled up with 0") {
  Packing p;
  p.word_bits = 8;
  p.base_address = 0x1f;
  CHECK(encode(small(), FileFormat::hex, p) == "@1f\n2f\n03\nb4\n06\n");
  p.lane0_low = false;
  CHECK(encode(small(), FileFormat::hex, p) == "@1f\nf2\n30\n4b\n60\n");
}

TEST_CASE("raw binary has the bytes of a word in either order") {
  Packing p;
  p.word_bits = 16;
  CHECK(encode(small(), FileFormat::bin, p) == std::string("\x2f\x03\xb4\x06", 4));
  p.little_endian = false;
  CHECK(encode(small(), FileFormat::bin, p) == std::string("\x03\x2f\x06\xb4", 4));
  CHECK(encode(small(), FileFormat::hex, p) == "@0\n2f03\nb406\n");
}

TEST_CASE("values of odd widths take a carrier or their own bits") {
  Array a = small();
  a.bits = 5;
  CHECK(encode(a, FileFormat::hex, {}) == "@0\n0302ff\n06fb04\n");
  Packing p;
  p.carrier_fields = false;  // 00011 00010 11111 and 00110 11011 00100
  CHECK(encode(a, FileFormat::hex, p) == "@0\n0c5f\n1b64\n");
}

TEST_CASE("a .npy file is magic, version, header length, dictionary, values") {
  const std::string text = encode(small(), FileFormat::npy, {});
  REQUIRE(text.size() == 128 + 6);
  CHECK(text.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK(text.substr(10, 59) == "{'descr': '|i1', 'fortran_order': False, 'shape': (2, 3), }");
  CHECK(text[127] == '\n');
  CHECK(text.substr(128) == std::string("\xff\x02\x03\x04\xfb\x06", 6));
}

TEST_CASE("sizes are known without values") {
  Array a = small();
  a.values.clear();
  for (const std::int64_t word : {0, 8, 12, 24, 64}) {
    for (const FileFormat format : {FileFormat::hex, FileFormat::bin, FileFormat::npy}) {
      Packing p;
      p.word_bits = word;
      CHECK(encoded_bytes(a, format, p) == encode(small(), format, p).size());
    }
  }
}

TEST_CASE("words that cannot hold a value or be reversed are refused") {
  Packing p;
  p.word_bits = 3;
  CHECK_THROWS_AS(static_cast<void>(words_of(small(), p)), BadInput);
  p.word_bits = 12;
  p.little_endian = false;
  CHECK_THROWS_AS(static_cast<void>(words_of(small(), p)), BadInput);
}

TEST_CASE("sha256 of the standard's example") {
  CHECK(sha256_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
