// SPDX-License-Identifier: Apache-2.0
// Operand widths, N:M weights and packed words on the fast back end, with values by hand.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "fast_programs.hpp"

using namespace tactus;
using namespace tactus::fast_test;

namespace {

constexpr std::int64_t act_at = 0, weight_at = 256, index_at = 512, out_at = 2048;

/// 4 x 4 array, beats of 4 bytes, every option of the array.
ArchConfig flexible() {
  ArchConfig config = small_config();
  config.hw_precision = "multi";
  config.hw_nm_patterns = "any";
  config.hw_edge_words = 4;
  config.hw_dataflows = "ws_os";
  config.hw_zero_gating = true;
  return config;
}

/// Runs one op on the first `act_bytes` bytes of act_at, loaded to all banks, and whole rows of
/// weights and indices.
RetireRecord run_op(const ComputeOp& op, const std::vector<std::uint8_t>& image,
                    const ArchConfig& config, std::int64_t act_bytes = 4) {
  const RunResult result = run(
      make_program(
          {tile(load(Dest::ifmap, act_at, 1, act_bytes)), tile(load(Dest::index, index_at, 1, 16)),
           tile(load(Dest::weight, weight_at, 1, 64), 0, from_compute), tile(op, from_load)},
          image),
      config);
  return record(result, Queue::compute, 0);
}

ComputeOp one_pixel(std::int64_t k_rows, std::int64_t cols) {
  ComputeOp op = compute(1, k_rows, cols);
  op.log2_group = 0;
  op.slots = k_rows;
  op.slot_stride = 0;
  op.act_signed = 1;
  return op;
}

}  // namespace

TEST_CASE("two lanes of 4 bits") {
  std::vector<std::uint8_t> image(4096);
  image[act_at] = 0xE3;         // 3, -2
  image[weight_at] = 0xF5;      // column 0: 5, -1
  image[weight_at + 1] = 0x08;  // column 1: -8, 0
  ComputeOp op = one_pixel(1, 2);
  op.act_pack = op.wgt_pack = 1;
  op.act_bits = op.wgt_bits = 4;
  RetireRecord r = run_op(op, image, flexible());
  CHECK(r.digest == mix(0, 15 + 2) + mix(1, -24));
  CHECK(r.events[Event::act_zero] == 0);
  CHECK(r.events[Event::mac_gated] == 1);  // weight 0 of column 1
  CHECK(r.events[Event::ifmap_rd] == 1);
  CHECK(r.events[Event::weight_rd] == 1);
  CHECK(r.events[Event::index_rd] == 0);
  op.act_zp = 3;
  op.act_signed = 1;
  r = run_op(op, image, flexible());
  CHECK(r.digest == mix(0, 5) + mix(1, 0));  // activations 0, -5
  CHECK(r.events[Event::act_zero] == 1);
  CHECK(r.events[Event::mac_gated] == 3);
  ArchConfig ungated = flexible();
  ungated.hw_zero_gating = false;
  r = run_op(op, image, ungated);
  CHECK(r.events[Event::act_zero] == 1);
  CHECK(r.events[Event::mac_gated] == 0);
}

TEST_CASE("narrow weights share a row, narrow activations share a window's word") {
  std::vector<std::uint8_t> image(4096);
  image[act_at] = 0x64;     // 100 or, as 4 bits, 4 and 6
  image[weight_at] = 0xE3;  // 4 bits: 3, -2; 8 bits: -29
  image[weight_at + 4] = 2;
  ComputeOp op = one_pixel(2, 1);
  op.wgt_pack = 1;
  op.wgt_bits = 4;
  CHECK(run_op(op, image, flexible()).digest == mix(0, 300 - 200));
  op.k_rows = 1;
  op.weight_base = 1;  // second unit of row 0
  CHECK(run_op(op, image, flexible()).digest == mix(0, -200));
  // Weights of 8 bits, activations of 4: one lane, so the word has two windows.
  op = one_pixel(2, 1);
  op.act_pack = 1;
  op.act_bits = 4;
  CHECK(run_op(op, image, flexible()).digest == mix(0, -116 + 12));
  op.k_rows = 1;
  op.start_s = 1;
  CHECK(run_op(op, image, flexible()).digest == mix(0, -174));
}

TEST_CASE("eight lanes of bipolar bits") {
  std::vector<std::uint8_t> image(4096);
  image[act_at] = 0xB1;
  image[weight_at] = 0xF0;  // 2 of 8 bits differ
  ComputeOp op = one_pixel(1, 1);
  op.act_pack = op.wgt_pack = 3;
  op.act_bits = op.wgt_bits = 1;
  op.act_bipolar = op.wgt_bipolar = 1;
  const RetireRecord r = run_op(op, image, flexible());
  CHECK(r.digest == mix(0, 6 - 2));
  CHECK(r.events[Event::act_zero] == 0);
  CHECK(r.events[Event::mac_gated] == 0);
}

TEST_CASE("operands of 17 bits") {
  ArchConfig config = flexible();
  config.hw_operand_bits = 16;
  config.hw_acc_bits = 48;
  config.hw_edge_words = 2;
  std::vector<std::uint8_t> image(4096);
  const auto put_word = [&image](std::int64_t at, int value) {
    image[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(value);
    image[static_cast<std::size_t>(at) + 1] = static_cast<std::uint8_t>(value >> 8);
  };
  put_word(act_at, -32768);
  put_word(weight_at, 32767);       // unit 0, column 0
  put_word(weight_at + 2, -32768);  // unit 0, column 1
  put_word(weight_at + 8, -1);      // unit 1, column 0
  ComputeOp op = one_pixel(2, 2);
  op.step_x = 2;
  op.act_bits = op.wgt_bits = 16;
  op.act_zp = 32767;
  const std::int64_t x = -65535;
  RetireRecord r = run_op(op, image, config);
  CHECK(r.digest == mix(0, x * 32766) + mix(1, x * -32768));
  CHECK(r.events[Event::acc_overflow] == 0);
  CHECK(r.events[Event::mac_gated] == 1);
  // One unit to a fold; column 0 has 98303 to go to the limit of 32 bits.
  config.hw_acc_bits = 32;
  config.hw_acc_overflow = "saturate";
  op.rows_used = 1;
  op.folds = 2;
  r = run_op(op, image, config);
  CHECK(x * 32767 == -2147385345);
  CHECK(r.digest == mix(0, -2147385345 + 65535) + mix(1, 2147450880));
  CHECK(r.events[Event::acc_overflow] == 0);
  put_word(weight_at + 8, 2);
  r = run_op(op, image, config);
  CHECK(r.digest == mix(0, -2147483648LL) + mix(1, 2147450880));
  CHECK(r.events[Event::acc_overflow] == 1);
}

TEST_CASE("2:4 weights choose their activations by column") {
  std::vector<std::uint8_t> image(4096);
  image[act_at] = 10;
  image[act_at + 1] = 20;
  image[act_at + 3] = 40;
  image[weight_at] = 3;         // unit 0, column 0
  image[weight_at + 1] = 1;     // unit 0, column 1
  image[weight_at + 4] = 0xFE;  // unit 1, column 0
  image[weight_at + 5] = 5;
  image[index_at] = 1 | 3 << 2;      // column 0: candidates 1 and 3
  image[index_at + 1] = 0 | 2 << 2;  // column 1: candidates 0 and 2
  ComputeOp op = one_pixel(2, 2);
  op.slots = 1;
  op.step_x = 4;
  op.log2_bundle = op.log2_m = 2;
  op.nm_last = 1;
  RetireRecord r = run_op(op, image, flexible());
  CHECK(r.digest == mix(0, 60 - 80) + mix(1, 10));
  CHECK(r.events[Event::act_zero] == 2);  // the window's zero, once per unit
  CHECK(r.events[Event::mac_gated] == 1);
  CHECK(r.events[Event::index_rd] == 2);
  CHECK(r.events[Event::weight_rd] == 2);
  CHECK(r.events[Event::ifmap_rd] == 2);
  // The op may begin and end inside a window.
  op.start_n = op.index_base = op.weight_base = 1;
  op.k_rows = 1;
  r = run_op(op, image, flexible());
  CHECK(r.digest == mix(0, -80) + mix(1, 0));
  CHECK(r.events[Event::act_zero] == 1);
}

TEST_CASE("units of one window in several folds overflow one by one") {
  std::vector<std::uint8_t> image(4096);
  image[act_at] = 100;
  image[weight_at] = 100;
  image[weight_at + 4] = 0x9D;  // -99
  ComputeOp op = one_pixel(2, 1);
  op.slots = 1;
  op.step_x = 4;
  op.log2_bundle = op.log2_m = 2;
  op.nm_last = 1;
  ArchConfig config = flexible();
  config.hw_acc_bits = 12;
  config.hw_acc_overflow = "saturate";
  RetireRecord r = run_op(op, image, config);
  CHECK(r.digest == mix(0, 100));
  CHECK(r.events[Event::acc_overflow] == 0);
  op.rows_used = 1;
  op.folds = 2;
  r = run_op(op, image, config);
  CHECK(r.digest == mix(0, -2048));  // 2047 - 9900
  CHECK(r.events[Event::acc_overflow] == 2);
}

TEST_CASE("a bank that holds other bytes is read by its own rows") {
  // Unit 0 sits in row 0, unit 1 in row 1; bank 1 gets another plane.
  std::vector<std::uint8_t> image(4096);
  image[act_at] = 1;
  image[act_at + 4] = 2;
  image[weight_at] = image[weight_at + 4] = 10;
  ComputeOp op = one_pixel(2, 1);
  op.slots = 1;
  op.step_x = 4;
  op.log2_bundle = op.log2_m = 2;
  op.nm_last = 1;
  const RunResult result =
      run(make_program(
              {tile(load(Dest::ifmap, act_at, 2, 4, 1)), tile(load(Dest::index, index_at, 1, 16)),
               tile(load(Dest::weight, weight_at, 1, 64), 0, from_compute), tile(op, from_load)},
              image),
          flexible());
  CHECK(record(result, Queue::compute, 0).digest == mix(0, 10 + 20));
}

TEST_CASE("loads unpack words, stores pack them") {
  // Two planes of three pixels with two signed channels of 4 bits.
  std::vector<std::uint8_t> image(4096, 0xEE);
  const std::uint8_t words[] = {0x1F, 0x80, 0x27, 0xEE, 0x3A, 0x4B, 0x5C, 0xEE};
  std::copy(words, words + 8, image.begin() + act_at);
  LoadOp in = load(Dest::ofmap, act_at, 2, 3, 1);
  in.log2_pack = 1;
  in.unpack_signed = 1;
  StoreOp bytes = store(out_at, 4, 3);
  StoreOp packed = store(out_at + 64, 2, 3);
  packed.log2_pack = 1;
  packed.channels = 3;
  StoreOp shifted = packed;  // from bank 2 on: plane 1, then slot 1 of bank 0
  shifted.mem_addr = out_at + 128;
  shifted.bank0 = 2;
  shifted.channels = 4;
  const RunResult result = run(
      make_program({tile(in, 0, from_store), tile(bytes, from_load), tile(packed), tile(shifted)},
                   image),
      flexible());
  const auto line = [&result](std::int64_t at) {
    const auto* p = result.memory.data() + out_at + at;
    return std::vector<int>{p[0], p[1], p[2], p[3]};
  };
  CHECK(line(0) == std::vector<int>{0xFF, 0x00, 0x07, 0xEE});
  CHECK(line(4) == std::vector<int>{0x01, 0xF8, 0x02, 0xEE});
  CHECK(line(8) == std::vector<int>{0xFA, 0xFB, 0xFC, 0xEE});
  CHECK(line(12) == std::vector<int>{0x03, 0x04, 0x05, 0xEE});
  CHECK(line(64) == std::vector<int>{0x1F, 0x80, 0x27, 0xEE});
  CHECK(line(68) == std::vector<int>{0x0A, 0x0B, 0x0C, 0xEE});  // channel 3 is not stored
  CHECK(line(128) == std::vector<int>{0x3A, 0x4B, 0x5C, 0xEE});
  CHECK(line(132) == std::vector<int>{0, 0, 0, 0xEE});
  CHECK(record(result, Queue::load, 0).events[Event::ofmap_wr] == 4);  // 2 beats, 2 banks each
  CHECK(record(result, Queue::store, 0).events[Event::ofmap_rd] == 4);
  CHECK(record(result, Queue::store, 1).events[Event::ofmap_rd] == 4);  // 2 beats of 2 banks
  CHECK(record(result, Queue::store, 1).digest == mix(0, 0x27801F) + mix(1, 0x0C0B0A));
}

TEST_CASE("a post op packs words into the ifmap") {
  // Channel c of pixel m is 3c + m; planes of 2 channels, the last one half empty.
  std::vector<std::uint8_t> image(4096);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t m = 0; m < 2; ++m) {
      image[4 * c + m] = static_cast<std::uint8_t>(3 * c + m);
    }
  }
  for (std::size_t c = 0; c < 4; ++c) image[weight_at + c] = image[weight_at + 4 + c] = 0x21;
  PostOp pack = post(PostMode::clamp, 3, 2);
  pack.dst = 1;
  pack.dst_slot_stride = pack.dst_step_y = 4;
  pack.dst_log2_pack = 1;
  pack.dst_log2_group = 1;
  ComputeOp op = compute(2, 2, 1);
  op.log2_group = 1;
  op.slots = 1;
  op.act_pack = op.wgt_pack = 1;
  op.act_bits = op.wgt_bits = 4;
  const RunResult result =
      run(make_program({tile(load(Dest::ofmap, act_at, 3, 2, 2), 0, from_post),
                        tile(load(Dest::weight, weight_at, 1, 8), 0, from_compute),
                        tile(pack, from_load, from_compute), tile(op, from_load | from_post)},
                       image),
          flexible());
  // Weights 1 and 2: x0 + 2 x1 + x2 + 2 * 0.
  CHECK(record(result, Queue::compute, 0).digest == mix(0, 0 + 6 + 6) + mix(4, 1 + 8 + 7));
  CHECK(record(result, Queue::compute, 0).events[Event::act_zero] == 3);
  CHECK(record(result, Queue::post, 0).events[Event::ifmap_wr] == 2 * 2 * 2);
}

TEST_CASE("a transposed post and store exchange pixels and channels") {
  // psum of column i, entry m: 10 m + i + 1; record m adds 100 m.
  std::vector<std::uint8_t> image(4096, 0xEE);
  for (std::size_t k = 0; k < 2; ++k) {
    image[act_at + 4 * k] = k == 0 ? 1 : 0;  // two pixels a plane
    image[act_at + 4 * k + 1] = 1;
    for (std::size_t c = 0; c < 4; ++c) {
      image[weight_at + 4 * k + c] = static_cast<std::uint8_t>(k == 0 ? c + 1 : 10);
    }
    put(image, 1024 + 32 * k, encode(ChannelRecord{static_cast<std::int64_t>(50 * k), 1, 0, 0}));
  }
  PostOp op = post(PostMode::requant, 3, 2);
  op.transposed = 1;
  StoreOp out = store(out_at, 2, 3);
  out.transposed = 1;
  out.channels = 2;
  const RunResult result =
      run(make_program(
              {tile(load(Dest::ifmap, act_at, 2, 2, 2)), tile(load(Dest::weight, weight_at, 1, 8)),
               tile(load(Dest::param, 1024, 1, 64), 0, from_compute),
               tile(compute(2, 2, 3), from_load, from_post), tile(op, from_compute, from_store),
               tile(out, from_post)},
              image),
          flexible());
  const auto* p = result.memory.data() + out_at;
  CHECK(std::vector<int>(p, p + 4) == std::vector<int>{1, 2, 3, 0xEE});
  CHECK(std::vector<int>(p + 4, p + 8) == std::vector<int>{61, 62, 63, 0xEE});
  const RetireRecord& r = record(result, Queue::post, 0);
  CHECK(r.cycle - r.start == 2 + 6);
  CHECK(r.events[Event::param_rd] == 2);
  CHECK(record(result, Queue::store, 0).events[Event::ofmap_rd] == 2 * 4);
}
