// SPDX-License-Identifier: Apache-2.0
// Walks over the fields of an op or record in declaration order, which is packing order. Everything
// is derived from opcodes.def and param_record.def; an op without an OpTag here does not compile.
#pragma once

#include <type_traits>

#include "program/program.hpp"

namespace tactus {

struct OpTagload {
  using Type = LoadOp;
};
struct OpTagfill {
  using Type = FillOp;
};
struct OpTagcompute {
  using Type = ComputeOp;
};
struct OpTagpost {
  using Type = PostOp;
};
struct OpTagstore {
  using Type = StoreOp;
};
struct RecordTagchannel {
  using Type = ChannelRecord;
};
struct RecordTagadd {
  using Type = AddRecord;
};
struct RecordTagrow {
  using Type = RowRecord;
};

/// What opcodes.def says of one op: code, queue, name, documentation.
template <class Op>
struct OpInfo;
#define TACTUS_OP_HEADER(name, bits, doc)
#define TACTUS_FIELD(op, name, bits, kind, doc)
#define TACTUS_OP(op, op_code, op_queue, op_doc)                 \
  template <>                                                    \
  struct OpInfo<OpTag##op::Type> {                               \
    static constexpr unsigned code = op_code;                    \
    static constexpr Queue queue = static_cast<Queue>(op_queue); \
    static constexpr const char* name = #op;                     \
    static constexpr const char* doc = op_doc;                   \
  };
#include "program/opcodes.def"
#undef TACTUS_OP_HEADER
#undef TACTUS_FIELD
#undef TACTUS_OP

/// One field: name, width in bits, two's complement or not.
struct FieldInfo {
  const char* name;
  int bits;
  bool is_signed;
};

namespace detail {
inline constexpr bool field_kind_u = false;
inline constexpr bool field_kind_s = true;
template <class A, class B>
inline constexpr bool same_op = std::is_same_v<std::remove_const_t<A>, B>;
}  // namespace detail

/// Calls visit(FieldInfo, member) for each field of the op (const or not), lowest bits first.
template <class Op, class Visit>
void for_each_field(Op& body, Visit&& visit) {
#define TACTUS_OP_HEADER(name, bits, doc)
#define TACTUS_OP(op, op_code, op_queue, op_doc)
#define TACTUS_FIELD(op, name, bits, kind, doc)                \
  if constexpr (detail::same_op<Op, typename OpTag##op::Type>) \
    visit(FieldInfo{#name, bits, detail::field_kind_##kind}, body.name);
#include "program/opcodes.def"
#undef TACTUS_OP_HEADER
#undef TACTUS_FIELD
#undef TACTUS_OP
}

/// The same for a record of the parameter buffer.
template <class Record, class Visit>
void for_each_record_field(Record& body, Visit&& visit) {
#define TACTUS_RECORD_FIELD(record, name, bits, kind, doc)                 \
  if constexpr (detail::same_op<Record, typename RecordTag##record::Type>) \
    visit(FieldInfo{#name, bits, detail::field_kind_##kind}, body.name);
#include "program/param_record.def"
#undef TACTUS_RECORD_FIELD
}

/// Calls visit(FieldInfo) for each header field, lowest bits first.
template <class Visit>
void for_each_header_field(Visit&& visit) {
#define TACTUS_OP_HEADER(name, bits, doc) visit(FieldInfo{#name, bits, false});
#define TACTUS_OP(op, op_code, op_queue, op_doc)
#define TACTUS_FIELD(op, name, bits, kind, doc)
#include "program/opcodes.def"
#undef TACTUS_OP_HEADER
#undef TACTUS_FIELD
#undef TACTUS_OP
}

inline constexpr int header_bits = 0
#define TACTUS_OP_HEADER(name, bits, doc) +(bits)
#define TACTUS_OP(op, op_code, op_queue, op_doc)
#define TACTUS_FIELD(op, name, bits, kind, doc)
#include "program/opcodes.def"
#undef TACTUS_OP_HEADER
#undef TACTUS_FIELD
#undef TACTUS_OP
    ;
static_assert(header_bits == 32, "the header is 32 bits");

/// Bits of header and fields of one op.
template <class Op>
inline constexpr int packed_bits = header_bits
#define TACTUS_OP_HEADER(name, bits, doc)
#define TACTUS_OP(op, op_code, op_queue, op_doc)
#define TACTUS_FIELD(op, name, bits, kind, doc) \
  +(detail::same_op<Op, typename OpTag##op::Type> ? (bits) : 0)
#include "program/opcodes.def"
#undef TACTUS_OP_HEADER
#undef TACTUS_FIELD
#undef TACTUS_OP
    ;

/// Bits of one record.
template <class Record>
inline constexpr int record_bits = 0
#define TACTUS_RECORD_FIELD(record, name, bits, kind, doc) \
  +(detail::same_op<Record, typename RecordTag##record::Type> ? (bits) : 0)
#include "program/param_record.def"
#undef TACTUS_RECORD_FIELD
    ;
static_assert(record_bits<ChannelRecord> <= 8 * record_bytes, "a record is 256 bits");
static_assert(record_bits<AddRecord> <= 8 * record_bytes, "a record is 256 bits");

}  // namespace tactus
