// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <limits>
#include <random>

#include "numerics/errors.hpp"
#include "program/op_fields.hpp"

namespace tactus {
namespace {

TEST_CASE("program: a fill op packed by hand") {
  FillOp fill;
  fill.dest = 3;
  fill.half = 1;
  fill.dst_base = 0xABCDE1;
  fill.beats = 0x123456;
  fill.value = 0xDEADBEEF;
  TileOp op;
  op.wait = 2;
  op.push = 4;
  op.seg_end = true;
  op.layer = 0x1234;
  op.body = fill;
  // opcode 2 | wait 2 << 4; push 4 | seg_end << 4; layer 0x1234 from bit 14; body from bit 32.
  const EncodedOp expected{0x22, 0x14, 0x8D, 0x04, 0x1B, 0xDE, 0xBC, 0x6A,
                           0x45, 0x23, 0xF1, 0xEE, 0xDB, 0xEA, 0x0D};
  CHECK(encode(op) == expected);
}

TEST_CASE("program: a channel record packed by hand") {
  ChannelRecord record;
  record.bias = -2;
  record.mult = 0x01020304;
  record.shift = 33;
  record.add = std::int64_t{1} << 32;
  const EncodedRecord expected{0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 4, 3, 2, 1, 33, 0, 0, 0, 0, 1};
  CHECK(encode(record) == expected);
}

template <class Op>
void round_trip(std::mt19937_64& random) {
  for (int n = 0; n < 50; ++n) {
    Op body;
    for_each_field(body, [&](const FieldInfo& field, std::int64_t& value) {
      const std::uint64_t bits = random();
      if (field.bits == 64) {
        value = static_cast<std::int64_t>(bits);
        return;
      }
      value = static_cast<std::int64_t>(bits % (std::uint64_t{1} << field.bits));
      if (field.is_signed) value -= std::int64_t{1} << (field.bits - 1);
    });
    TileOp op;
    op.wait = random() % 16;
    op.push = random() % 16;
    op.seg_end = random() % 2 != 0;
    op.prog_end = random() % 2 != 0;
    op.layer = static_cast<std::uint16_t>(random() % 65536);
    op.body = body;
    const TileOp back = decode(encode(op));
    CHECK(back.wait == op.wait);
    CHECK(back.push == op.push);
    CHECK(back.seg_end == op.seg_end);
    CHECK(back.prog_end == op.prog_end);
    CHECK(back.layer == op.layer);
    REQUIRE(std::holds_alternative<Op>(back.body));
    CHECK(disassemble(back) == disassemble(op));
    CHECK(encode(back) == encode(op));
  }
}

TEST_CASE("program: every op survives encode and decode") {
  std::mt19937_64 random(1);
  round_trip<LoadOp>(random);
  round_trip<FillOp>(random);
  round_trip<ComputeOp>(random);
  round_trip<PostOp>(random);
  round_trip<StoreOp>(random);
}

TEST_CASE("program: records survive encode and decode") {
  AddRecord add;
  add.ma = std::numeric_limits<std::int32_t>::min();
  add.mb = 7;
  add.la = 31;
  add.shift = 63;
  add.rounding = 6;
  add.za = -65536;
  add.clamp_min = -(std::int64_t{1} << 32);
  add.clamp_max = (std::int64_t{1} << 32) - 1;
  add.add = -1;
  const AddRecord back = decode_add(encode(add).data());
  for_each_record_field(add,
                        [&, field_number = 0](const FieldInfo& field, std::int64_t value) mutable {
                          int k = 0;
                          for_each_record_field(back, [&](const FieldInfo&, std::int64_t other) {
                            if (k++ == field_number) CHECK_MESSAGE(other == value, field.name);
                          });
                          ++field_number;
                        });
  ChannelRecord channel;
  channel.bias = -(std::int64_t{1} << 47);
  channel.add = std::numeric_limits<std::int64_t>::min();
  CHECK(decode_channel(encode(channel).data()).bias == channel.bias);
  CHECK(decode_channel(encode(channel).data()).add == channel.add);
}

TEST_CASE("program: values that do not fit, unknown opcodes and stray bits are refused") {
  ComputeOp compute;
  compute.cols = 512;
  TileOp op;
  op.body = compute;
  CHECK_THROWS_AS((void)encode(op), InternalError);
  compute.cols = 1;
  compute.act_zp = -65537;
  op.body = compute;
  CHECK_THROWS_AS((void)encode(op), InternalError);
  ChannelRecord record;
  record.shift = 128;
  CHECK_THROWS_AS((void)encode(record), InternalError);
  EncodedOp bytes{};
  CHECK_THROWS_AS((void)decode(bytes), BadInput);
  bytes[0] = 6;
  CHECK_THROWS_AS((void)decode(bytes), BadInput);
  bytes[0] = 2;
  CHECK_NOTHROW((void)decode(bytes));
  bytes[3] = 0x40;  // reserved header bit 30
  CHECK_THROWS_AS((void)decode(bytes), BadInput);
  bytes[3] = 0;
  bytes[63] = 0x80;  // behind the last field
  CHECK_THROWS_AS((void)decode(bytes), BadInput);
}

TEST_CASE("program: disassembly names queues and leaves zeros out") {
  FillOp fill;
  fill.beats = 5;
  TileOp op;
  op.wait = 6;
  op.layer = 3;
  op.prog_end = true;
  op.body = fill;
  CHECK(disassemble(op) == "load fill layer=3 wait=compute,post prog_end beats=5");
}

}  // namespace
}  // namespace tactus
