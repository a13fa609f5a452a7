// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "numerics/errors.hpp"
#include "program/bit_pack.hpp"
#include "program/op_fields.hpp"

namespace tactus {
namespace {

constexpr int opcode_bits = 4;
constexpr int token_bits = 4;
constexpr int layer_bits = 16;
constexpr int reserved_bits = 2;
static_assert(opcode_bits + 2 * token_bits + 2 + layer_bits + reserved_bits == header_bits,
              "the header of opcodes.def is packed by hand below");

/// Appends fields; the position is the running bit number.
class Packer {
 public:
  explicit Packer(std::uint8_t* bytes) : bytes_(bytes) {}
  void put(int bits, std::int64_t value) {
    put_bits(bytes_, at_, bits, value);
    at_ += bits;
  }

 private:
  std::uint8_t* bytes_;
  int at_ = 0;
};

class Unpacker {
 public:
  explicit Unpacker(const std::uint8_t* bytes) : bytes_(bytes) {}
  std::int64_t get(int bits, bool is_signed = false) {
    const std::int64_t value = get_bits(bytes_, at_, bits, is_signed);
    at_ += bits;
    return value;
  }

 private:
  const std::uint8_t* bytes_;
  int at_ = 0;
};

void check_fit(const char* what, const FieldInfo& field, std::int64_t value) {
  if (fits(value, field.bits, field.is_signed)) return;
  throw InternalError(std::string(what) + " field " + field.name + " cannot hold " +
                      std::to_string(value) + " in its " + std::to_string(field.bits) +
                      (field.is_signed ? " signed bits" : " bits"));
}

template <class Op>
void pack_body(Packer& packer, const Op& body) {
  static_assert(packed_bits<Op> <= 8 * op_bytes, "an op is 512 bits");
  for_each_field(body, [&](const FieldInfo& field, std::int64_t value) {
    check_fit(OpInfo<Op>::name, field, value);
    packer.put(field.bits, value);
  });
}

template <class Op>
Op unpack_body(Unpacker& unpacker, const EncodedOp& bytes) {
  Op body;
  for_each_field(body, [&](const FieldInfo& field, std::int64_t& value) {
    value = unpacker.get(field.bits, field.is_signed);
  });
  for (int bit = packed_bits<Op>; bit < 8 * op_bytes; ++bit) {
    if (get_bits(bytes.data(), bit, 1, false) != 0) {
      throw BadInput(std::string("op ") + OpInfo<Op>::name + " has bit " + std::to_string(bit) +
                     " set, which is behind its last field");
    }
  }
  return body;
}

template <class Record>
EncodedRecord pack_record(const char* name, const Record& record) {
  EncodedRecord bytes{};
  Packer packer(bytes.data());
  for_each_record_field(record, [&](const FieldInfo& field, std::int64_t value) {
    check_fit(name, field, value);
    packer.put(field.bits, value);
  });
  return bytes;
}

template <class Record>
Record unpack_record(const std::uint8_t* bytes) {
  Record record;
  Unpacker unpacker(bytes);
  for_each_record_field(record, [&](const FieldInfo& field, std::int64_t& value) {
    value = unpacker.get(field.bits, field.is_signed);
  });
  return record;
}

}  // namespace

EncodedOp encode(const TileOp& op) {
  EncodedOp bytes{};
  Packer packer(bytes.data());
  std::visit(
      [&](const auto& body) {
        using Op = std::decay_t<decltype(body)>;
        check_fit(OpInfo<Op>::name, {"wait", token_bits, false}, op.wait);
        check_fit(OpInfo<Op>::name, {"push", token_bits, false}, op.push);
        packer.put(opcode_bits, OpInfo<Op>::code);
        packer.put(token_bits, op.wait);
        packer.put(token_bits, op.push);
        packer.put(1, op.seg_end ? 1 : 0);
        packer.put(1, op.prog_end ? 1 : 0);
        packer.put(layer_bits, op.layer);
        packer.put(reserved_bits, 0);
        pack_body(packer, body);
      },
      op.body);
  return bytes;
}

TileOp decode(const EncodedOp& bytes) {
  Unpacker unpacker(bytes.data());
  TileOp op;
  const std::int64_t code = unpacker.get(opcode_bits);
  op.wait = static_cast<std::uint8_t>(unpacker.get(token_bits));
  op.push = static_cast<std::uint8_t>(unpacker.get(token_bits));
  op.seg_end = unpacker.get(1) != 0;
  op.prog_end = unpacker.get(1) != 0;
  op.layer = static_cast<std::uint16_t>(unpacker.get(layer_bits));
  if (unpacker.get(reserved_bits) != 0) throw BadInput("op has a reserved header bit set");
  switch (code) {
#define TACTUS_OP_HEADER(name, bits, doc)
#define TACTUS_FIELD(op, name, bits, kind, doc)
#define TACTUS_OP(name, op_code, op_queue, op_doc)             \
  case op_code:                                                \
    op.body = unpack_body<OpTag##name::Type>(unpacker, bytes); \
    break;
#include "program/opcodes.def"
#undef TACTUS_OP_HEADER
#undef TACTUS_FIELD
#undef TACTUS_OP
    default:
      throw BadInput("op has the unknown opcode " + std::to_string(code));
  }
  return op;
}

AddTfliteFields tflite_fields(const AddRecord& record) {
  const auto six = [](std::int64_t v) { return ((v & 63) ^ 32) - 32; };
  AddTfliteFields fields;
  fields.mult = static_cast<std::int32_t>(static_cast<std::uint32_t>(record.add));
  fields.shift = six(record.shift);
  fields.shift_a = six(record.add >> 32);
  fields.shift_b = six(record.add >> 38);
  return fields;
}

void set_tflite_fields(const AddTfliteFields& fields, AddRecord& record) {
  record.add = static_cast<std::int64_t>(static_cast<std::uint32_t>(fields.mult)) |
               (fields.shift_a & 63) << 32 | (fields.shift_b & 63) << 38;
  record.shift = fields.shift & 63;
}

EncodedRecord encode(const ChannelRecord& record) { return pack_record("channel record", record); }
EncodedRecord encode(const AddRecord& record) { return pack_record("add record", record); }
EncodedRecord encode(const RowRecord& record) { return pack_record("row record", record); }
RowRecord decode_row(const std::uint8_t* bytes) { return unpack_record<RowRecord>(bytes); }
ChannelRecord decode_channel(const std::uint8_t* bytes) {
  return unpack_record<ChannelRecord>(bytes);
}
AddRecord decode_add(const std::uint8_t* bytes) { return unpack_record<AddRecord>(bytes); }

}  // namespace tactus
