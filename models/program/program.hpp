// SPDX-License-Identifier: Apache-2.0
// A program of tile ops with its memory image, as every back end receives it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "numerics/k_mapping.hpp"

namespace tactus {

using Cycle = std::uint64_t;

enum class Queue : std::uint8_t { load = 0, compute = 1, post = 2, store = 3 };
inline constexpr int queue_count = 4;
[[nodiscard]] constexpr const char* name_of(Queue q) {
  constexpr const char* names[] = {"load", "compute", "post", "store"};
  return names[static_cast<unsigned>(q)];
}

// One struct per op, one int64 member per field, from opcodes.def.
#define TACTUS_OP_HEADER(name, bits, doc)
#define TACTUS_OP(op, code, queue, doc)
#define TACTUS_FIELD(op, name, bits, kind, doc) TACTUS_FIELD_##op(name)
#define TACTUS_FIELD_load(name) std::int64_t name = 0;
#define TACTUS_FIELD_fill(name)
#define TACTUS_FIELD_compute(name)
#define TACTUS_FIELD_post(name)
#define TACTUS_FIELD_store(name)
struct LoadOp {
#include "program/opcodes.def"
};
#undef TACTUS_FIELD_load
#undef TACTUS_FIELD_fill
#define TACTUS_FIELD_load(name)
#define TACTUS_FIELD_fill(name) std::int64_t name = 0;
struct FillOp {
#include "program/opcodes.def"
};
#undef TACTUS_FIELD_fill
#undef TACTUS_FIELD_compute
#define TACTUS_FIELD_fill(name)
#define TACTUS_FIELD_compute(name) std::int64_t name = 0;
struct ComputeOp {
#include "program/opcodes.def"
};
#undef TACTUS_FIELD_compute
#undef TACTUS_FIELD_post
#define TACTUS_FIELD_compute(name)
#define TACTUS_FIELD_post(name) std::int64_t name = 0;
struct PostOp {
#include "program/opcodes.def"
};
#undef TACTUS_FIELD_post
#undef TACTUS_FIELD_store
#define TACTUS_FIELD_post(name)
#define TACTUS_FIELD_store(name) std::int64_t name = 0;
struct StoreOp {
#include "program/opcodes.def"
};
#undef TACTUS_FIELD_load
#undef TACTUS_FIELD_fill
#undef TACTUS_FIELD_compute
#undef TACTUS_FIELD_post
#undef TACTUS_FIELD_store
#undef TACTUS_FIELD
#undef TACTUS_OP
#undef TACTUS_OP_HEADER

/// Codes of LoadOp::dest and FillOp::dest.
enum class Dest : std::uint8_t { ifmap = 0, weight = 1, param = 2, ofmap = 3, inst = 4, index = 5 };

/// Codes of PostOp::mode.
enum class PostMode : std::uint8_t {
  requant = 0,
  requant_add = 1,
  max_window = 2,
  sum_window = 3,
  add = 4,
  clamp = 5,
  multiply = 6,
  maximum = 7,
  minimum = 8,
  lut = 9,
  row = 10
};
/// What the fields of a post op of a mode mean: one line per mode, for every back end's checks.
struct PostTraits {
  bool psum = false;             ///< reads psums
  bool source = false;           ///< reads the ofmap buffer
  bool channel_records = false;  ///< reads a record per channel (transposed: per psum entry)
  bool add_record = false;
  bool two = false;     ///< two source operands
  bool window = false;  ///< win_h x win_w taps
  bool table = false;   ///< reads the parameter buffer as a table
};
[[nodiscard]] constexpr PostTraits post_traits(PostMode mode) {
  switch (mode) {
    case PostMode::requant:
      return {true, false, true, false, false, false, false};
    case PostMode::requant_add:
      return {true, true, true, true, false, false, false};
    case PostMode::max_window:
      return {false, true, false, false, false, true, false};
    case PostMode::sum_window:
      return {false, true, true, false, false, true, false};
    case PostMode::add:
    case PostMode::multiply:
      return {false, true, false, true, true, false, false};
    case PostMode::clamp:
      return {false, true, false, false, false, false, false};
    case PostMode::maximum:
    case PostMode::minimum:
      return {false, true, false, false, true, false, false};
    case PostMode::lut:
    case PostMode::row:
      return {false, true, false, false, false, false, true};
  }
  return {};
}

/// Codes of AddRecord::kind.
enum class AddKind : std::uint8_t { add_mul_shift = 0, add_tflite = 1, add_tflite_single = 2 };

struct TileOp {
  std::uint8_t wait = 0;  ///< bit per source queue
  std::uint8_t push = 0;  ///< bit per destination queue
  bool seg_end = false, prog_end = false;
  std::uint16_t layer = 0;
  std::variant<LoadOp, FillOp, ComputeOp, PostOp, StoreOp> body;
};

[[nodiscard]] Queue queue_of(const TileOp& op);

inline constexpr int op_bytes = 64;
using EncodedOp = std::array<std::uint8_t, op_bytes>;

/// Packs an op; throws InternalError naming op and field when a value does not fit its bits.
[[nodiscard]] EncodedOp encode(const TileOp& op);
/// Unpacks; throws BadInput for an unknown opcode or a set reserved bit.
[[nodiscard]] TileOp decode(const EncodedOp& bytes);
/// One line of text: `queue op field=value ...`, fields that are 0 left out.
[[nodiscard]] std::string disassemble(const TileOp& op);

/// Parameter buffer records (param_record.def).
struct ChannelRecord {
  std::int64_t bias = 0, mult = 0, shift = 0, add = 0;
};
struct AddRecord {
  std::int64_t ma = 0, mb = 0, la = 0, lb = 0, shift = 0, rounding = 0, za = 0, zb = 0, zp = 0,
               clamp_min = 0, clamp_max = 0, add = 0, kind = 0;
};
/// What `add` of a record of kind add_tflite or add_tflite_single holds; `shift` is then TFLite's
/// in two's complement of 6 bits, and la the left shift of both operands.
struct AddTfliteFields {
  std::int64_t mult = 0, shift = 0, shift_a = 0, shift_b = 0;
};
[[nodiscard]] AddTfliteFields tflite_fields(const AddRecord& record);
void set_tflite_fields(const AddTfliteFields& fields, AddRecord& record);
/// Constants of a post op of mode row; its tables and channel records follow.
struct RowRecord {
  std::int64_t mult = 0, shift = 0, one = 0, last = 0, bits = 0, zp = 0, eps = 0;
};
/// Records of a 513-entry table: 512 entries with their successors.
inline constexpr int row_table_records = 64;
inline constexpr int record_bytes = 32;
using EncodedRecord = std::array<std::uint8_t, record_bytes>;
[[nodiscard]] EncodedRecord encode(const ChannelRecord& record);
[[nodiscard]] EncodedRecord encode(const AddRecord& record);
[[nodiscard]] EncodedRecord encode(const RowRecord& record);
[[nodiscard]] RowRecord decode_row(const std::uint8_t* bytes);
[[nodiscard]] ChannelRecord decode_channel(const std::uint8_t* bytes);
[[nodiscard]] AddRecord decode_add(const std::uint8_t* bytes);

/// Where a tensor lives in off-chip memory. A plane holds `bundle * pack` channels; pixel (y,x) of
/// plane p is at address + p*plane_stride + y*line_stride + x*bundle*element_bytes: `bundle` words
/// of element_bytes bytes, little endian, each with `pack` channels from the low bits up. Channels
/// behind the last one are 0.
struct TensorPlace {
  std::string name;  ///< layer id or input name
  int c = 0, h = 0, w = 0;
  int element_bytes = 1;  ///< bytes of a word
  bool is_signed = false;
  bool in_memory = false;  ///< false: it stays on chip (fused or resident)
  std::uint64_t address = 0, plane_stride = 0, line_stride = 0;
  int pack = 1;    ///< channels per word, a power of two
  int bundle = 1;  ///< words per pixel of a plane, a power of two
  /// Of a tensor that has fewer channels than the network's: their numbers there, and the value of
  /// all other channels.
  std::vector<int> channels = {};
  std::int32_t other_channels = 0;
};

/// What a report needs to know of a layer; ops carry its index.
struct LayerInfo {
  std::string id, source_name, op;
  std::int64_t macs = 0;           ///< of the dense layer
  std::int64_t macs_executed = 0;  ///< multiplications on real K elements and columns
  std::int64_t fold_rows = 0;      ///< K units per fold (U), 0 without weights
  std::int64_t fold_channels = 0;  ///< K elements per kernel position, padding channels included
  std::string fused_into;          ///< id of the layer that produces the result, or empty
  std::string mapping;             ///< one line for inspect
  KMapping k_mapping;              ///< which K elements are summed before the overflow policy
};

struct Program {
  std::vector<TileOp> ops;  ///< in dispatch order; segments end at seg_end
  std::vector<LayerInfo> layers;
  std::vector<TensorPlace> tensors;
  std::vector<std::uint8_t> image;  ///< initial off-chip memory from address 0: program, weights,
                                    ///< parameters, zeroed activations
  std::uint64_t prog_addr = 0;      ///< segment 0
  std::uint32_t prog_ops = 0;       ///< ops in segment 0
  [[nodiscard]] const TensorPlace* find_tensor(const std::string& name) const;
};

}  // namespace tactus
