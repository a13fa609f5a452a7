// SPDX-License-Identifier: Apache-2.0
// Operand widths, N:M weights and packed words in the SystemC model: values, cycles and events of
// small programs, worked out by hand.
#include <doctest/doctest.h>

#include <cstring>

#include "systemc_program.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {
using Span = std::pair<Cycle, Cycle>;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t result_at = data_at + 4096;

std::int32_t result_word(const RunResult& result, std::size_t channel, std::size_t pixel) {
  std::int32_t value = 0;
  std::memcpy(&value, result.memory.data() + result_at + 64 * channel + 4 * pixel, sizeof value);
  return value;
}

Bytes result_bytes(const RunResult& result, std::size_t offset, std::size_t count) {
  const auto first = result.memory.begin() + static_cast<std::ptrdiff_t>(result_at + offset);
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

PostOp raw_psums(const ComputeOp& compute) { return post_op(PostMode::requant, 4, compute.out_w); }

StoreOp store_words(const ComputeOp& compute) {
  StoreOp store = store_op(compute.out_w * 4);
  store.planes = 4;
  store.plane_stride = 64;
  store.half = 1;
  return store;
}

/// The four columns of pixels 0 and 1.
void check_columns(const RunResult& r, std::initializer_list<std::int32_t> expected) {
  for (std::size_t c = 0; c < 4; ++c) {
    CAPTURE(c);
    CHECK(result_word(r, c, 0) == expected.begin()[c]);
    CHECK(result_word(r, c, 1) == expected.begin()[c]);
  }
}

Bytes repeated(int times, std::initializer_list<std::uint8_t> row) {
  Bytes data;
  for (int i = 0; i < times; ++i) {
    for (const std::uint8_t byte : row) data.push_back(byte);
  }
  return data;
}

/// A program of fill (8 beats), weights (8 rows), compute, post and store.
RunResult dense(const ComputeOp& compute, std::int64_t fill, const Bytes& weights,
                const ArchConfig& config) {
  const auto bytes = static_cast<std::int64_t>(weights.size());
  return run_systemc(
      make_program(
          {{tile(fill_op(Dest::ifmap, 8, fill)), tile(load_op(Dest::weight, bytes), 0, to_compute),
            tile(compute, to_load, to_post), tile(raw_psums(compute), to_compute, to_store),
            tile(store_words(compute), to_post)}},
          weights),
      config);
}

}  // namespace

TEST_CASE("4-bit operands: two lanes share a word") {
  ArchConfig c = flexible_arch();
  c.hw_zero_gating = true;
  ComputeOp op = compute_op(2, 8);
  op.act_pack = op.wgt_pack = 1;
  op.act_bits = op.wgt_bits = 4;
  op.act_zp = 1;
  // Every word has the activations 1 and 2, minus the zero point 0 and 1. Weights, lane 0 and 1:
  // (1, 1), (2, -1), (0, -8), (7, 0); so only lane 1 counts.
  const RunResult r = dense(op, 0x21212121, repeated(8, {0x11, 0xf2, 0x80, 0x07}), c);
  check_columns(r, {8, -8, -64, 0});
  // b = 12 + 80 = 92, fill 95..103, load of 8 beats 104..124; wl0 = 125, a0 = wl1 = 129, a1 = 133,
  // r = 133 + 2 - 1 + 8.
  CHECK(span_of(r, Queue::compute) == Span{125, 142});
  const EventCounts e = record_of(r, Queue::compute).events;
  CHECK(e[Event::weight_rd] == 8);
  CHECK(e[Event::index_rd] == 0);
  CHECK(e[Event::ifmap_rd] == 16);
  CHECK(e[Event::act_zero] == 16);  // one element of each window
  // 2 pixels * 8 units * 4 columns * 2 lanes = 128 products: all 64 of lane 0, and 16 of lane 1
  // with the weight 0 of column 3.
  CHECK(e[Event::mac_gated] == 80);
  CHECK(e[Event::pe_active] == 64);
  c.hw_zero_gating = false;
  CHECK(record_of(dense(op, 0x21212121, repeated(8, {0x11, 0xf2, 0x80, 0x07}), c), Queue::compute)
            .events[Event::mac_gated] == 0);
}

TEST_CASE("8-bit activations with 4-bit weights: one lane, two units in a weight row") {
  ComputeOp op = compute_op(2, 8);
  op.wgt_pack = 1;
  op.wgt_bits = 4;
  op.weight_base = 1;
  // V = 2: units 0 .. 7 are fields 1 .. 8, that is high, low, high, ... from row 0's high field on.
  const RunResult r = dense(op, 0x05050505, repeated(5, {0x21, 0x10, 0x0f, 0x77}), flexible_arch());
  // Four high and four low fields: 5 * 4 * (2 + 1), (1 + 0), (0 - 1), (7 + 7).
  check_columns(r, {60, 20, -20, 280});
}

TEST_CASE("bipolar operands: bit 0 is -1, bit 1 is +1, eight lanes") {
  ComputeOp op = compute_op(2, 4);
  op.act_pack = op.wgt_pack = 3;
  op.act_bits = op.wgt_bits = 1;
  op.act_bipolar = op.wgt_bipolar = 1;
  // Per word 8 - 2 * (bits that differ), four words.
  const RunResult r = dense(op, 0x0f0f0f0f, repeated(8, {0x0f, 0xf0, 0xff, 0x0e}), flexible_arch());
  check_columns(r, {32, -32, 0, 24});
}

TEST_CASE("words of 16 bits") {
  ArchConfig c = flexible_arch();
  c.hw_operand_bits = 16;
  c.mem_data_bits = 64;
  ComputeOp op = compute_op(2, 4);
  op.step_x = 2;
  op.act_bits = op.wgt_bits = 16;
  // Activations -2 (0xfffe); a weight row has 8 bytes: 1, 256, -3, 0x1234.
  const RunResult r = dense(op, 0xfffefffe, repeated(4, {1, 0, 0, 1, 0xfd, 0xff, 0x34, 0x12}), c);
  check_columns(r, {-8, -2048, 24, -8 * 0x1234});
}

TEST_CASE("2:4 weights choose among the four words of a bundle") {
  ArchConfig c = flexible_arch();
  c.hw_zero_gating = true;
  ComputeOp op = compute_op(2, 8);
  op.step_x = 4;
  op.log2_bundle = 2;
  op.log2_m = 2;
  op.nm_last = 1;
  op.log2_group = 0;
  op.slots = 4;  // two units share a window, all windows are equal
  op.act_zp = 1;
  // Candidates 1, 2, 3, 4 minus 1. Four 2-bit indices to a byte; columns choose (0, 1), (2, 3),
  // (3, 3) and (0, 3) in turn.
  Bytes data = repeated(8, {1, 10, 0xff, 2});
  const Bytes indices = repeated(2, {0x44, 0xee, 0xff, 0xcc});
  data.insert(data.end(), indices.begin(), indices.end());
  const RunResult r = run_systemc(
      make_program(
          {{tile(fill_op(Dest::ifmap, 8, 0x04030201)), tile(load_op(Dest::weight, 32)),
            tile(load_op(Dest::index, 8, data_at + 32), 0, to_compute), tile(op, to_load, to_post),
            tile(raw_psums(op), to_compute, to_store), tile(store_words(op), to_post)}},
          data),
      c);
  // Four pairs: 0 + 1, 10 * (2 + 3), -(3 + 3), 2 * (0 + 3).
  check_columns(r, {4, 200, -24, 24});
  // b = 12 + 96 = 108, fill 111..119, loads 120..140 and 141..155 (2 beats); wl0 = 156, a1 = 164.
  CHECK(span_of(r, Queue::load, 2) == Span{141, 155});
  CHECK(record_of(r, Queue::load, 2).events[Event::index_wr] == 2);
  CHECK(record_of(r, Queue::load, 2).events[Event::weight_wr] == 0);
  CHECK(span_of(r, Queue::compute) == Span{156, 173});
  const EventCounts e = record_of(r, Queue::compute).events;
  CHECK(e[Event::weight_rd] == 8);
  CHECK(e[Event::index_rd] == 8);
  CHECK(e[Event::ifmap_rd] == 16);
  CHECK(e[Event::act_zero] == 16);   // candidate 0 of 2 pixels * 8 windows
  CHECK(e[Event::mac_gated] == 16);  // columns 0 and 3, every other unit
}

TEST_CASE("the first unit of an op may lie inside a window's units") {
  // As above with two candidates: start_n = 1 reads the second unit of slot 0 first.
  ComputeOp op = compute_op(2, 4);
  op.step_x = 2;
  op.log2_bundle = 1;
  op.log2_m = 1;
  op.nm_last = 1;
  op.log2_group = 0;
  op.slots = 3;
  op.slot_stride = 2;
  op.start_n = 1;
  // Units: slot 0 (n = 1), slot 1 (n = 0, 1), slot 2 (n = 0). Bundles of a pixel at address 2x are
  // (1, 2), (3, 4), (1, 2), ...: pixel 0 sees 1, 3, 3, 1 as candidates 0. Weights 1, 10, 100, 1000.
  const Bytes weights{1, 1, 1, 1, 10, 10, 10, 10, 100, 100, 100, 100, 0x50, 0x50, 0x50, 0x50};
  Bytes data = weights;
  // X = 8 one-bit indices to a byte: columns choose 0000, 1111, 0001 (unit 3), 1000 (unit 0).
  const Bytes indices{0x00, 0x0f, 0x08, 0x01};
  data.insert(data.end(), indices.begin(), indices.end());
  const RunResult r = run_systemc(
      make_program(
          {{tile(fill_op(Dest::ifmap, 8, 0x04030201)), tile(load_op(Dest::weight, 16)),
            tile(load_op(Dest::index, 4, data_at + 16), 0, to_compute), tile(op, to_load, to_post),
            tile(raw_psums(op), to_compute, to_store), tile(store_words(op), to_post)}},
          data),
      flexible_arch());
  CHECK(result_word(r, 0, 0) == 1 + 30 + 300 + 80);
  CHECK(result_word(r, 1, 0) == 2 + 40 + 400 + 160);
  CHECK(result_word(r, 2, 0) == 1 + 30 + 300 + 160);
  CHECK(result_word(r, 3, 0) == 2 + 30 + 300 + 80);
  CHECK(result_word(r, 0, 1) == 3 + 10 + 100 + 240);
}

TEST_CASE("words are unpacked on the way in and packed on the way out") {
  // Plane of 4 channels, 4 bits each, two words a pixel; 3 pixels: channels (1, 2, 3, 4),
  // (5, 6, 7, -8), (-1, 0, -2, 0).
  const Bytes packed{0x21, 0x43, 0x65, 0x87, 0x0f, 0x0e};
  LoadOp load = load_op(Dest::ofmap, 6);
  load.log2_pack = load.log2_bundle = 1;
  load.unpack_signed = 1;
  StoreOp plain = store_op(3);
  plain.planes = 4;
  plain.plane_stride = 4;
  StoreOp packing = store_op(6);
  packing.mem_addr += 64;
  packing.log2_pack = packing.log2_bundle = 1;
  packing.channels = 3;
  const Program p =
      make_program({{tile(load, 0, to_store), tile(plain, to_load), tile(packing)}}, packed);
  const RunResult r = run_systemc(p, flexible_arch());
  CHECK(result_bytes(r, 0, 3) == Bytes{1, 5, 0xff});
  CHECK(result_bytes(r, 4, 3) == Bytes{2, 6, 0});
  CHECK(result_bytes(r, 8, 3) == Bytes{3, 7, 0xfe});
  CHECK(result_bytes(r, 12, 3) == Bytes{4, 0xf8, 0});
  // Channel 3 does not exist for the second store.
  CHECK(result_bytes(r, 64, 8) == Bytes{0x21, 0x03, 0x65, 0x07, 0x0f, 0x0e, 0, 0});
  // Three ops: start 63, T = 2: 63 + 12 + 2. Stores: 78 + 1 + 4 + 12, then T = 2.
  CHECK(span_of(r, Queue::load) == Span{63, 77});
  CHECK(record_of(r, Queue::load).events[Event::ofmap_wr] == 8);
  CHECK(span_of(r, Queue::store, 0) == Span{78, 95});
  CHECK(record_of(r, Queue::store, 0).events[Event::ofmap_rd] == 4);
  CHECK(span_of(r, Queue::store, 1) == Span{96, 111});
  CHECK(record_of(r, Queue::store, 1).events[Event::ofmap_rd] == 8);
}

TEST_CASE("a plane of one run of banks is loaded unsigned and stored from bank 2") {
  // Planes of two channels, G = 2: plane 0 in banks 0 and 1, plane 1 in banks 2 and 3.
  const Bytes packed{0x21, 0x43, 0xf5, 0x87, 0xa9, 0, 0, 0};
  LoadOp load = load_op(Dest::ofmap, 2);
  load.planes = 2;
  load.plane_stride = 4;
  load.log2_pack = 1;
  load.log2_group = 1;
  StoreOp store = store_op(2);
  store.log2_pack = 1;
  store.bank0 = 2;
  store.channels = 2;
  StoreOp plain = store_op(2);
  plain.mem_addr += 64;
  plain.planes = 4;
  plain.plane_stride = 4;
  const RunResult r = run_systemc(
      make_program({{tile(load, 0, to_store), tile(store, to_load), tile(plain)}}, packed),
      flexible_arch());
  CHECK(result_bytes(r, 0, 4) == Bytes{0xa9, 0, 0, 0});
  CHECK(result_bytes(r, 64, 16) == Bytes{1, 3, 0, 0, 2, 4, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0});
}

TEST_CASE("a pass writes whole pixels of packed planes to the ifmap buffer") {
  // Psums are 0, so channel c becomes its bias 1, 2, 3 in 4 bits; two channels to a word, two
  // words to a pixel. A product with the weights (1, 1) and (0, 1) of each word reads it back.
  Bytes data;
  for (std::int64_t c = 0; c < 3; ++c) {
    const EncodedRecord record = encode(ChannelRecord{c + 1, 0, 0, 0});
    data.insert(data.end(), record.begin(), record.end());
  }
  const Bytes weights = repeated(4, {0x11, 0x10, 0x01, 0x00});
  data.insert(data.end(), weights.begin(), weights.end());
  PostOp post = post_op(PostMode::requant, 3, 2);
  post.dst = 1;
  post.dst_half = 0;
  post.dst_log2_bytes = 0;
  post.dst_log2_pack = post.dst_log2_bundle = 1;
  ComputeOp op = compute_op(2, 2);
  op.psum_half = 1;
  op.step_x = 2;
  op.log2_bundle = 1;
  op.act_pack = op.wgt_pack = 1;
  op.act_bits = op.wgt_bits = 4;
  op.log2_group = 0;
  op.slots = 1;
  PostOp read_back = raw_psums(op);
  read_back.psum_half = 1;
  read_back.param_base = 8;
  const RunResult r = run_systemc(
      make_program({{tile(load_op(Dest::param, 96), 0, to_post),
                     tile(load_op(Dest::weight, 16, data_at + 96), 0, to_compute),
                     tile(fill_op(Dest::ifmap, 1, 0xffffffff), 0, to_post),
                     tile(post_op(PostMode::clamp, 1, 1), to_load), tile(post, to_load, to_compute),
                     tile(op, to_load | to_post, to_post), tile(read_back, to_compute, to_store),
                     tile(store_words(op), to_post)}},
                   data),
      flexible_arch());
  // 2 pixels * 4 banks * 1 plane.
  CHECK(record_of(r, Queue::post, 1).events[Event::ifmap_wr] == 8);
  // Words (1, 2) and (3, 0): sums of both lanes, of the high one, of the low one.
  check_columns(r, {6, 2, 4, 0});
}

TEST_CASE("a transposed post takes the record of each psum entry") {
  ArchConfig c = flexible_arch();
  c.hw_post_lanes = 2;
  // Psums are 0, so entry m becomes its bias 100 + m in all lanes.
  Bytes data;
  for (std::int64_t m = 0; m < 2; ++m) {
    const EncodedRecord record = encode(ChannelRecord{100 + m, 0, 0, 0});
    data.insert(data.end(), record.begin(), record.end());
  }
  PostOp post = post_op(PostMode::requant, 3, 2);
  post.transposed = 1;
  StoreOp store = store_op(8);
  store.planes = 3;
  store.plane_stride = 64;
  store.half = 1;
  const RunResult r =
      run_systemc(make_program({{tile(load_op(Dest::param, 64), 0, to_post),
                                 tile(post, to_load, to_store), tile(store, to_post)}},
                               data),
                  c);
  for (std::size_t lane = 0; lane < 3; ++lane) {
    CHECK(result_word(r, lane, 0) == 100);
    CHECK(result_word(r, lane, 1) == 101);
  }
  // b = 12 + 48 = 60, load 63..91 (16 beats); two passes without channel records: 2 * (2 + 6).
  CHECK(span_of(r, Queue::post) == Span{92, 108});
  CHECK(record_of(r, Queue::post).events[Event::param_rd] == 4);
  CHECK(record_of(r, Queue::post).events[Event::ofmap_wr] == 6);
}

TEST_CASE("a transposed store takes a pixel from each bank") {
  // Banks 1, 2, 3 hold pixels 0, 1, 2; their first three bytes are the channels.
  const Bytes banks{9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0, 0xfe, 1};
  LoadOp load = load_op(Dest::ofmap, 4);
  load.planes = 4;
  load.plane_stride = 4;
  load.log2_group = 2;
  StoreOp store = store_op(3);
  store.transposed = 1;
  store.bank0 = 1;
  store.plane_stride = 4;
  StoreOp words = store_op(4);
  words.mem_addr += 64;
  words.transposed = 1;
  words.bank0 = 2;
  words.log2_bytes = 1;
  words.channels = words.planes = 2;
  words.plane_stride = 4;
  SUBCASE("packed") {
    store.log2_pack = 1;
    store.planes = 2;
    store.channels = 3;
  }
  SUBCASE("one channel to a word") { store.planes = store.channels = 3; }
  const bool packed = store.log2_pack != 0;
  const RunResult r = run_systemc(
      make_program({{tile(load, 0, to_store), tile(store, to_load), tile(words)}}, banks),
      flexible_arch());
  if (packed) {
    CHECK(result_bytes(r, 0, 8) == Bytes{0x21, 0x65, 0x0f, 0, 0x03, 0x07, 0x0e, 0});
  } else {
    CHECK(result_bytes(r, 0, 12) == Bytes{1, 5, 0xff, 0, 2, 6, 0, 0, 3, 7, 0xfe, 0});
  }
  // Elements of two bytes of banks 2 and 3.
  CHECK(result_bytes(r, 64, 8) == Bytes{5, 6, 0xff, 0, 7, 8, 0xfe, 1});
  // Three ops: load 63..79 (4 beats), then a beat per plane from 4 banks: 80 + 1 + T + 12.
  const Cycle beats = packed ? 2 : 3;
  CHECK(span_of(r, Queue::store, 0) == Span{80, 93 + beats});
  CHECK(record_of(r, Queue::store, 0).events[Event::ofmap_rd] == 4 * beats);
  CHECK(record_of(r, Queue::store, 1).events[Event::ofmap_rd] == 4);
}
