// SPDX-License-Identifier: Apache-2.0
// Transposed stores and posts in the RTL of flex_4 (4 columns, beats of 4 bytes), by hand.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>

#include "chain.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {

/// Byte k of bank b is b + 4 * k; the pixels are banks 1 to 3, their first element is byte 4.
RunResult store_transposed(std::int64_t log2_pack, std::int64_t log2_bytes, std::int64_t channels) {
  Chain chain("flex_4");
  for (std::size_t b = 0; b < 4; ++b) {
    for (std::size_t k = 0; k < 16; ++k) {
      chain.program.image[data_at + 16 * b + k] = static_cast<std::uint8_t>(b + 4 * k);
    }
  }
  StoreOp op;
  op.transposed = 1;
  op.mem_addr = out_at;
  op.bank0 = 1;
  op.channels = channels;
  op.log2_pack = log2_pack;
  op.log2_bytes = log2_bytes;
  op.planes = (channels + (1 << log2_pack) - 1) >> log2_pack;
  op.lines = 1;
  op.line_bytes = 3 << log2_bytes;
  op.plane_stride = 16;
  op.src_base = 1;
  chain.load(load_banks(chain.config, 16));
  chain.store(op);
  return chain.run();
}

}  // namespace

TEST_CASE("a transposed store gathers a channel from the banks of its pixels") {
  const RunResult result = store_transposed(0, 0, 3);
  CHECK(banks_of(result.memory, out_at, 3, 16) ==
        Banks{{17, 18, 19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
              {21, 22, 23, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
              {25, 26, 27, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}});
  const RetireRecord& record = last_of(result, Queue::store);
  CHECK(record.cycle == record.start + 1 + 3 + 12);
  CHECK(record.events[Event::mem_wr_beat] == 3);
  CHECK(record.events[Event::ofmap_rd] == 12);
}

TEST_CASE("a transposed store packs consecutive elements and leaves absent channels 0") {
  const RunResult result = store_transposed(1, 0, 3);
  CHECK(banks_of(result.memory, out_at, 2, 16) ==
        Banks{{0x51, 0x62, 0x73, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
              {0x09, 0x0A, 0x0B, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}});
  CHECK(last_of(result, Queue::store).events[Event::ofmap_rd] == 8);
}

TEST_CASE("a transposed store of 4-byte elements has a beat to a pixel") {
  const RunResult result = store_transposed(0, 2, 2);
  CHECK(banks_of(result.memory, out_at, 2, 16) ==
        Banks{{17, 21, 25, 29, 18, 22, 26, 30, 19, 23, 27, 31, 0, 0, 0, 0},
              {33, 37, 41, 45, 34, 38, 42, 46, 35, 39, 43, 47, 0, 0, 0, 0}});
  CHECK(last_of(result, Queue::store).events[Event::ofmap_rd] == 6);
}

TEST_CASE("a transposed post takes a record for each psum entry") {
  Chain chain("flex_4");
  // Psum entry m of column c is 1 + c + m; record m adds 5 * m and multiplies by m + 1.
  for (std::size_t r = 0; r < 4; ++r) {
    for (std::size_t m = 0; m < 4; ++m) {
      chain.program.image[data_at + 4 * r + m] = static_cast<std::uint8_t>(1 + r + m);
    }
    chain.program.image[weights_at + 5 * r] = 1;
    ChannelRecord record;
    record.bias = static_cast<std::int64_t>(5 * r);
    record.mult = static_cast<std::int64_t>(r + 1);
    const auto bytes = encode(record);
    std::copy(bytes.begin(), bytes.end(),
              chain.program.image.begin() + static_cast<std::ptrdiff_t>(weights_at + 64 + 32 * r));
  }
  LoadOp params;
  params.mem_addr = weights_at + 64;
  params.planes = params.lines = 1;
  params.line_bytes = 128;
  params.dest = static_cast<std::int64_t>(Dest::param);
  LoadOp weights;
  weights.mem_addr = weights_at;
  weights.planes = weights.lines = 1;
  weights.line_bytes = 16;
  weights.dest = static_cast<std::int64_t>(Dest::weight);
  LoadOp ifmap = load_banks(chain.config, 4);
  ifmap.dest = static_cast<std::int64_t>(Dest::ifmap);
  ComputeOp compute;
  compute.out_h = compute.step_x = 1;
  compute.out_w = 4;
  compute.rows_used = compute.k_rows = compute.cols = 4;
  compute.log2_group = 2;
  compute.slots = compute.kernel_w = compute.folds = compute.k_complete = 1;
  compute.act_bits = compute.wgt_bits = 8;
  PostOp post;
  post.transposed = 1;
  post.win_h = post.win_w = post.out_h = 1;
  post.channels = 3;
  post.out_w = 4;
  post.convention = 1;
  post.clamp_min = -128;
  post.clamp_max = 127;
  chain.load(params);
  chain.load(weights);
  chain.load(ifmap);
  chain.add(1, compute);
  chain.post(post);
  chain.store(store_banks(chain.config, 4));
  const RunResult result = chain.run();
  CHECK(banks_of(result.memory, out_at, 4, 4) ==
        Banks{{1, 14, 39, 76}, {2, 16, 42, 80}, {3, 18, 45, 84}, {0, 0, 0, 0}});
  const RetireRecord& record = last_of(result, Queue::post);
  CHECK(record.cycle == record.start + 4 + 6);
  CHECK(record.events[Event::param_rd] == 4);
  CHECK(record.events[Event::post_op] == 12);
}
