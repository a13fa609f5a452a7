// SPDX-License-Identifier: Apache-2.0
// Packed words on their way into and out of the ofmap buffer and into the ifmap buffer, in the RTL.
// The expected memory is written out from the sentences of models/README.md ("Words, packs,
// bundles") element by element; no back end is compared with.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "chain.hpp"
#include "program/program.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {

std::uint32_t bits_of(const Bytes& bytes, std::int64_t bit, std::int64_t count) {
  std::uint32_t value = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = bit + i;
    value |= static_cast<std::uint32_t>(bytes[static_cast<std::size_t>(at / 8)] >> (at % 8) & 1)
             << i;
  }
  return value;
}

void put_bits(Bytes& bytes, std::int64_t bit, std::int64_t count, std::uint32_t value) {
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = bit + i;
    std::uint8_t& byte = bytes[static_cast<std::size_t>(at / 8)];
    const auto mask = static_cast<std::uint8_t>(1U << (at % 8));
    byte = static_cast<std::uint8_t>((value >> i & 1U) != 0 ? byte | mask : byte & ~mask);
  }
}

/// All (log2 P, log2 Q) that a configuration allows.
template <typename Use>
void for_packings(const ArchConfig& config, const Use& use) {
  for (std::int64_t pack = 0; (config.hw_operand_bits >> pack) >= 1; ++pack) {
    for (std::int64_t bundle = 0; bundle <= 3; ++bundle) {
      if ((1LL << (pack + bundle)) > config.hw_post_lanes) continue;
      if ((config.word_bytes() << bundle) > config.beat_bytes()) continue;
      CAPTURE(pack);
      CAPTURE(bundle);
      use(pack, bundle);
    }
  }
}

std::int64_t beats(std::int64_t bytes, std::int64_t beat) { return (bytes + beat - 1) / beat; }

void check_load(const std::string& name, std::uint32_t seed) {
  std::mt19937 random(seed);
  const ArchConfig config = preset(name);
  for_packings(config, [&](std::int64_t pack, std::int64_t bundle) {
    Chain chain(name);
    const std::int64_t word = chain.word_bytes();
    const std::int64_t beat = config.beat_bytes();
    const std::int64_t pixels = 1 + static_cast<std::int64_t>(random() % 13);
    LoadOp op;
    op.dest = static_cast<std::int64_t>(Dest::ofmap);
    op.half = static_cast<std::int64_t>(random() % 2);
    op.log2_pack = pack;
    op.log2_bundle = bundle;
    op.unpack_signed = static_cast<std::int64_t>(random() % 2);
    op.planes = 1 + static_cast<std::int64_t>(random() % 3);
    op.lines = 1 + static_cast<std::int64_t>(random() % 2);
    op.line_bytes = pixels * (word << bundle);
    while ((2LL << (op.log2_group + pack + bundle)) <= config.hw_array_cols && random() % 2 == 0) {
      ++op.log2_group;
    }
    op.mem_addr = data_at;
    op.line_stride = (beats(op.line_bytes, beat) + 1) * beat;
    op.plane_stride = op.lines * op.line_stride;
    op.dst_base = 1;
    op.dst_line_stride = beats(pixels * word, beat) + 1;
    op.dst_slot_stride = op.lines * op.dst_line_stride;
    chain.randomise(random, data_at, 4096);

    FillOp fill;
    fill.dest = op.dest;
    fill.half = op.half;
    fill.beats = op.dst_base + 3 * op.dst_slot_stride + 4;
    fill.value = 0xEEEEEEEE;
    const std::int64_t bytes = fill.beats * beat;
    StoreOp dump = store_banks(config, bytes);
    dump.half = op.half;
    chain.add(0, fill);
    chain.load(op);
    chain.store(dump);

    Banks banks(static_cast<std::size_t>(config.hw_array_cols),
                Bytes(static_cast<std::size_t>(bytes), 0xEE));
    const Bytes& image = chain.program.image;
    const std::int64_t group = 1LL << op.log2_group;
    const std::int64_t run = 1LL << (pack + bundle);
    const std::int64_t width = config.hw_operand_bits >> pack;
    for (std::int64_t p = 0; p < op.planes; ++p) {
      for (std::int64_t y = 0; y < op.lines; ++y) {
        for (std::int64_t x = 0; x < pixels; ++x) {
          for (std::int64_t j = 0; j < run; ++j) {
            const std::int64_t q = j >> pack;
            const std::int64_t s = j & ((1LL << pack) - 1);
            const std::int64_t from =
                op.mem_addr + p * op.plane_stride + y * op.line_stride + ((x << bundle) + q) * word;
            std::uint32_t value = bits_of(image, 8 * from + s * width, width);
            if (op.unpack_signed != 0 && (value >> (width - 1) & 1U) != 0) value |= ~0U << width;
            const std::int64_t to =
                (op.dst_base + p / group * op.dst_slot_stride + y * op.dst_line_stride) * beat +
                x * word;
            for (std::int64_t b = 0; b < config.hw_array_cols; ++b) {
              if (b / run % group != p % group || b % run != j) continue;
              put_bits(banks[static_cast<std::size_t>(b)], 8 * to, 8 * word, value);
            }
          }
        }
      }
    }
    const RunResult result = chain.run();
    CHECK(banks_of(result.memory, out_at, config.hw_array_cols, bytes) == banks);
    const RetireRecord& record = last_of(result, Queue::load);
    const std::int64_t t = op.planes * op.lines * beats(op.line_bytes, beat);
    CHECK(record.cycle ==
          record.start + static_cast<Cycle>(config.mem_latency_cycles) + static_cast<Cycle>(t));
    CHECK(record.events[Event::mem_rd_beat] == static_cast<std::uint64_t>(t));
    CHECK(record.events[Event::ofmap_wr] ==
          static_cast<std::uint64_t>(t * config.hw_array_cols / group));
  });
}

void check_store(const std::string& name, std::uint32_t seed) {
  std::mt19937 random(seed);
  const ArchConfig config = preset(name);
  for_packings(config, [&](std::int64_t pack, std::int64_t bundle) {
    Chain chain(name);
    const std::int64_t word = chain.word_bytes();
    const std::int64_t beat = config.beat_bytes();
    const std::int64_t run = 1LL << (pack + bundle);
    const std::int64_t pixels = 1 + static_cast<std::int64_t>(random() % 13);
    StoreOp op;
    op.mem_addr = out_at;
    op.log2_pack = pack;
    op.log2_bundle = bundle;
    op.planes = 1 + static_cast<std::int64_t>(random() % 5);
    op.bank0 = static_cast<std::int64_t>(random() % static_cast<unsigned>(config.hw_array_cols)) /
               run * run;
    op.channels =
        op.planes * run - static_cast<std::int64_t>(random() % static_cast<unsigned>(run));
    op.lines = 1 + static_cast<std::int64_t>(random() % 2);
    op.line_bytes = pixels * (word << bundle);
    op.line_stride = (beats(op.line_bytes, beat) + 1) * beat;
    op.plane_stride = op.lines * op.line_stride;
    op.src_base = 2;
    op.src_line_stride = beats(pixels * word, beat) + 1;
    op.src_slot_stride = op.lines * op.src_line_stride;
    const std::int64_t slots =
        (op.bank0 + op.planes * run + config.hw_array_cols - 1) / config.hw_array_cols;
    const std::int64_t bytes = (op.src_base + slots * op.src_slot_stride) * beat;
    REQUIRE(config.hw_array_cols * bytes < static_cast<std::int64_t>(weights_at - data_at));
    chain.randomise(random, data_at, weights_at - data_at);
    chain.load(load_banks(config, bytes));
    chain.store(op);

    const Banks banks = banks_of(chain.program.image, data_at, config.hw_array_cols, bytes);
    Bytes expected(image_bytes - out_at);
    const std::int64_t width = config.hw_operand_bits >> pack;
    for (std::int64_t n = 0; n < std::min(op.channels, op.planes * run); ++n) {
      const Bytes& bank = banks[static_cast<std::size_t>((op.bank0 + n) % config.hw_array_cols)];
      const std::int64_t slot = (op.bank0 + n) / config.hw_array_cols;
      for (std::int64_t y = 0; y < op.lines; ++y) {
        for (std::int64_t x = 0; x < pixels; ++x) {
          const std::int64_t from =
              (op.src_base + slot * op.src_slot_stride + y * op.src_line_stride) * beat + x * word;
          const std::int64_t to = n / run * op.plane_stride + y * op.line_stride +
                                  ((x << bundle) + (n % run >> pack)) * word;
          put_bits(expected, 8 * to + (n % (1LL << pack)) * width, width,
                   bits_of(bank, 8 * from, width));
        }
      }
    }
    const RunResult result = chain.run();
    CHECK(Bytes(result.memory.begin() + out_at, result.memory.end()) == expected);
    const RetireRecord& record = last_of(result, Queue::store);
    const std::int64_t t = op.planes * op.lines * beats(op.line_bytes, beat);
    CHECK(record.cycle ==
          record.start + 1 + static_cast<Cycle>(t) + static_cast<Cycle>(config.mem_latency_cycles));
    CHECK(record.events[Event::mem_wr_beat] == static_cast<std::uint64_t>(t));
    CHECK(record.events[Event::ofmap_rd] == static_cast<std::uint64_t>(t * run));
  });
}

/// Ofmap tile, clamped and posted to ifmap as packed words, then read by a compute op that takes
/// them as operands of a whole word, with the identity as weights.
void check_post(const std::string& name, std::uint32_t seed) {
  std::mt19937 random(seed);
  const ArchConfig config = preset(name);
  for_packings(config, [&](std::int64_t pack, std::int64_t bundle) {
    Chain chain(name);
    const std::int64_t word = chain.word_bytes();
    const std::int64_t beat = config.beat_bytes();
    const std::int64_t rows = config.hw_array_rows;
    const std::int64_t run = 1LL << (pack + bundle);
    const std::int64_t pixel = word << bundle;
    PostOp op;
    op.mode = static_cast<std::int64_t>(PostMode::clamp);
    op.win_h = op.win_w = 1;
    op.src_log2_bytes = op.dst_log2_bytes = word == 2 ? 1 : 0;
    op.src_signed = 1;
    op.channels =
        1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(2 * config.hw_array_cols));
    op.out_h = 1 + static_cast<std::int64_t>(random() % 2);
    op.out_w = 1 + static_cast<std::int64_t>(random() % 3);
    op.src_step_x = word;
    op.src_step_y = op.out_w * word;
    op.src_slot_stride = 2 * op.src_step_y;
    op.clamp_min = -100;
    op.clamp_max = 90;
    op.dst = 1;
    op.dst_log2_pack = pack;
    op.dst_log2_bundle = bundle;
    const std::int64_t planes = (std::min(op.channels, config.hw_post_lanes) + run - 1) / run;
    while ((1LL << op.dst_log2_group) < planes) ++op.dst_log2_group;
    if ((2LL << op.dst_log2_group) <= rows && random() % 2 == 0) ++op.dst_log2_group;
    const std::int64_t group = 1LL << op.dst_log2_group;
    op.dst_ch0 = run * static_cast<std::int64_t>(random() % 3);
    op.dst_base = pixel;
    op.dst_step_y = op.out_w * pixel;
    op.dst_slot_stride = op.out_h * op.dst_step_y + pixel;
    const std::int64_t slots = (op.dst_ch0 + op.channels - 1) / run / group + 1;
    const std::int64_t ifmap_words = (op.dst_base + slots * op.dst_slot_stride) / word;
    REQUIRE(ifmap_words <= config.psum_entries());

    const std::int64_t bytes = beats(2 * op.src_slot_stride, beat) * beat;
    chain.randomise(random, data_at, weights_at - data_at);
    for (std::int64_t r = 0; r < rows; ++r) {
      chain.program.image[weights_at + static_cast<std::size_t>((r * rows + r) * word)] = 1;
    }
    LoadOp weights;
    weights.mem_addr = weights_at;
    weights.planes = weights.lines = 1;
    weights.line_bytes = rows * rows * word;
    weights.dest = static_cast<std::int64_t>(Dest::weight);
    FillOp fill;
    fill.beats = beats(ifmap_words * word, beat);
    fill.value = 0x5A5A5A5A;
    ComputeOp read;
    read.out_h = 1;
    read.out_w = ifmap_words;
    read.step_x = word;
    read.rows_used = read.k_rows = read.cols = rows;
    read.log2_group = load_banks(config, bytes).log2_group;
    read.slots = read.kernel_w = read.folds = read.k_complete = 1;
    read.wgt_signed = 1;
    read.act_bits = read.wgt_bits = config.hw_operand_bits;
    PostOp words;
    words.win_h = words.win_w = words.out_h = 1;
    words.channels = rows;
    words.out_w = ifmap_words;
    words.dst_log2_bytes = op.dst_log2_bytes;
    words.clamp_max = 0xFFFF;
    words.dst_half = 1;
    StoreOp dump = store_banks(config, ifmap_words * word);
    dump.plane_stride = beats(dump.line_bytes, beat) * beat;
    dump.half = 1;
    chain.load(weights);
    chain.add(0, fill);
    chain.load(load_banks(config, bytes));
    chain.post(op);
    chain.add(1, read);
    chain.post(words);
    chain.store(dump);

    Banks banks(static_cast<std::size_t>(rows),
                Bytes(static_cast<std::size_t>(ifmap_words * word), 0x5A));
    const Banks source = banks_of(chain.program.image, data_at, config.hw_array_cols, bytes);
    const std::int64_t width = config.hw_operand_bits >> pack;
    std::int64_t written = 0;
    for (std::int64_t first = 0; first < op.channels; first += config.hw_post_lanes) {
      const std::int64_t n_p = std::min(config.hw_post_lanes, op.channels - first);
      written += (n_p + run - 1) / run;
    }
    const std::int64_t padded = (op.channels + run - 1) / run * run;
    for (std::int64_t c = 0; c < padded; ++c) {
      const std::int64_t n = op.dst_ch0 + c;
      for (std::int64_t y = 0; y < op.out_h; ++y) {
        for (std::int64_t x = 0; x < op.out_w; ++x) {
          std::int32_t value = 0;
          if (c < op.channels) {
            const std::int64_t from = c / config.hw_array_cols * op.src_slot_stride +
                                      y * op.src_step_y + x * op.src_step_x;
            const std::uint32_t raw = bits_of(
                source[static_cast<std::size_t>(c % config.hw_array_cols)], 8 * from, 8 * word);
            value = word == 2 ? static_cast<std::int16_t>(raw) : static_cast<std::int8_t>(raw);
            value = std::clamp(value, -100, 90);
          }
          const std::int64_t to = op.dst_base + n / run / group * op.dst_slot_stride +
                                  y * op.dst_step_y + x * pixel + (n % run >> pack) * word;
          for (std::int64_t b = 0; b < rows; ++b) {
            if (b % group != n / run % group) continue;
            put_bits(banks[static_cast<std::size_t>(b)], 8 * to + n % (1LL << pack) * width, width,
                     static_cast<std::uint32_t>(value));
          }
        }
      }
    }
    const RunResult result = chain.run();
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto first =
          result.memory.begin() + static_cast<std::ptrdiff_t>(out_at) + r * dump.plane_stride;
      CHECK(Bytes(first, first + dump.line_bytes) == banks[static_cast<std::size_t>(r)]);
    }
    const RetireRecord* record = nullptr;
    for (const auto& r : result.retired) {
      if (r.queue == Queue::post && r.seq == 0) record = &r;
    }
    REQUIRE(record != nullptr);
    const std::int64_t m = op.out_h * op.out_w;
    const std::int64_t passes = beats(op.channels, config.hw_post_lanes);
    CHECK(record->cycle == record->start + static_cast<Cycle>(passes * (m + 6)));
    CHECK(record->events[Event::post_op] == static_cast<std::uint64_t>(m * op.channels));
    CHECK(record->events[Event::ifmap_wr] ==
          static_cast<std::uint64_t>(m * rows / group * written));
  });
}

}  // namespace

TEST_CASE("4-bit channels, two words to a pixel: the bytes of one line, by hand") {
  Chain chain("flex_4");
  // Pixels 0 to 2: channels 0..3 are (1,2,3,4), (5,6,7,8), (9,10,11,12).
  const Bytes line = {0x21, 0x43, 0x65, 0x87, 0xA9, 0xCB};
  std::copy(line.begin(), line.end(), chain.program.image.begin() + data_at);
  LoadOp load;
  load.mem_addr = data_at;
  load.planes = load.lines = 1;
  load.line_bytes = 6;
  load.dest = static_cast<std::int64_t>(Dest::ofmap);
  load.log2_pack = load.log2_bundle = 1;
  load.unpack_signed = 1;
  StoreOp again;
  again.mem_addr = out_at + 64;
  again.planes = again.lines = 1;
  again.channels = 3;
  again.line_bytes = 6;
  again.log2_pack = again.log2_bundle = 1;
  chain.load(load);
  StoreOp dump = store_banks(chain.config, 4);
  dump.line_bytes = 3;
  chain.store(dump);
  chain.store(again);
  const RunResult result = chain.run();
  CHECK(banks_of(result.memory, out_at, 4, 4) ==
        Banks{{1, 5, 0xF9, 0}, {2, 6, 0xFA, 0}, {3, 7, 0xFB, 0}, {4, 0xF8, 0xFC, 0}});
  CHECK(banks_of(result.memory, out_at + 64, 1, 8) ==
        Banks{{0x21, 0x03, 0x65, 0x07, 0xA9, 0x0B, 0, 0}});
}

TEST_CASE("loads unpack words of every pack and bundle") {
  for (const std::string name : {"flex_4", "flex_8", "flex_4_w16"}) {
    CAPTURE(name);
    for (std::uint32_t seed = 1; seed <= 8; ++seed) check_load(name, seed);
  }
}

TEST_CASE("stores pack words of every pack and bundle") {
  for (const std::string name : {"flex_4", "flex_8", "flex_4_w16"}) {
    CAPTURE(name);
    for (std::uint32_t seed = 1; seed <= 8; ++seed) check_store(name, seed);
  }
}

TEST_CASE("posts write packed words of every pack and bundle to the ifmap buffer") {
  for (const std::string name : {"flex_4", "flex_8", "flex_4_w16"}) {
    CAPTURE(name);
    for (std::uint32_t seed = 1; seed <= 8; ++seed) check_post(name, seed);
  }
}
