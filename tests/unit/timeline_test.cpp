// SPDX-License-Identifier: Apache-2.0
// The parts of a timeline, with values worked out by hand from models/README.md.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "../support/tiny_program.hpp"
#include "numerics/errors.hpp"
#include "timeline/buffer_use.hpp"
#include "timeline/compute_phases.hpp"
#include "timeline/trace_json.hpp"
#include "timeline/transfer.hpp"

using namespace tactus;

namespace {

RetireRecord record_of(Queue queue, Cycle start, Cycle cycle) {
  RetireRecord record;
  record.queue = queue;
  record.start = start;
  record.cycle = cycle;
  return record;
}

BufferUse write_of(std::vector<WrittenRange> ranges) {
  BufferUse use;
  use.writes = true;
  use.unit_bytes = 2;
  use.ranges = std::move(ranges);
  return use;
}

}  // namespace

TEST_CASE("timeline: JSON text is escaped") {
  CHECK(json_quoted("a\"b\\c\n\t") == "\"a\\\"b\\\\c\\u000a\\u0009\"");
  CHECK(json_quoted("\xC3\xA9 \xE2\x82\xAC") == "\"\xC3\xA9 \xE2\x82\xAC\"");
  CHECK(json_quoted("\xFF|\xC3") == "\"?|?\"");  // no UTF-8
  CHECK(TraceArgs().milli("x", 1500).milli("y", 2000).milli("z", 7).json() ==
        "{\"x\":1.5,\"y\":2,\"z\":0.007}");
}

TEST_CASE("timeline: overlapping slices get rows of their own") {
  Rows rows;
  CHECK(rows.place(0, 10) == 0);
  CHECK(rows.place(5, 12) == 1);
  CHECK(rows.place(9, 11) == 2);
  CHECK(rows.place(10, 20) == 0);
  CHECK(rows.place(11, 13) == 2);
}

TEST_CASE("timeline: a slice without cycles is refused") {
  const std::string path = "timeline_unit.json";
  {
    TraceJson json(path);
    CHECK_THROWS_AS(json.slice({1, 0}, "x", "c", 5, 5), InternalError);
  }
  CHECK_FALSE(std::ifstream(path).good());  // what is not finished leaves no file
  TraceJson json(path);
  json.name_process(1, "p");
  json.finish(TraceArgs().text("a", "b"));
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  CHECK(text.str() ==
        "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
        "{\"ph\":\"M\",\"ts\":0,\"tid\":0,\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":"
        "\"p\"}},\n"
        "{\"ph\":\"M\",\"ts\":0,\"tid\":0,\"pid\":1,\"name\":\"process_sort_index\",\"args\":{"
        "\"sort_index\":1}}\n],\"otherData\":{\"a\":\"b\"}}\n");
  std::remove(path.c_str());
  CHECK_THROWS_AS(TraceJson("no/such/folder/x.json"), BadInput);
}

// tiny_4: R = C = 4, 8-byte beats.
TEST_CASE("timeline: phases of compute ops") {
  ArchConfig config = preset("tiny_4");
  config.hw_fold_overlap = true;
  ComputeOp op;
  op.out_h = 2;
  op.out_w = 5;  // M = 10
  op.folds = 3;
  // wl 100, a_0 = 104, a_1 = 114, a_2 = 124; retire 124 + 10 - 1 + 4 + 4.
  ComputePhases phases = compute_phases(op, record_of(Queue::compute, 100, 141), config, 0);
  CHECK(phases.load_from == 100);
  CHECK(phases.load_to == 104);
  CHECK(phases.stream_from == 104);
  CHECK(phases.stream_to == 134);
  // The op before streams until 110: a_0 = 110.
  phases = compute_phases(op, record_of(Queue::compute, 100, 147), config, 110);
  CHECK(phases.stream_from == 110);
  CHECK(phases.stream_to == 140);
  // Output-stationary, K = 7: a_0 = 102, a_1 = 109; retire 109 + 7 + 2 * 4 + 4 - 2.
  op.dataflow = 1;
  op.k_rows = 7;
  op.folds = 2;
  phases = compute_phases(op, record_of(Queue::compute, 100, 126), config, 0);
  CHECK(phases.load_to == 102);
  CHECK(phases.stream_from == 102);
  CHECK(phases.stream_to == 116);
  CHECK_THROWS_AS(
      static_cast<void>(compute_phases(op, record_of(Queue::compute, 100, 110), config, 0)),
      InternalError);
}

TEST_CASE("timeline: beats of loads and stores") {
  ArchConfig config = preset("tiny_4");
  set(config, "mem.latency_cycles", "7");
  set(config, "mem.cycles_per_beat", "2");
  const Program program = testing::tiny_program();
  constexpr Cycle beats = 16;  // 4 planes x 4 lines of 4 bytes
  // r = s + L + T * I
  auto t = transfer_of(program.ops[testing::load_ifmap],
                       record_of(Queue::load, 10, 10 + 7 + beats * 2), config);
  REQUIRE(t);
  CHECK(t->beats == beats);
  CHECK(t->from == 18);
  CHECK(t->to - t->from == beats * 2);
  // r = s + 1 + T * I + L; beat k passes in s + 1 + (k + 1) * I.
  t = transfer_of(program.ops[testing::store], record_of(Queue::store, 10, 10 + 1 + beats * 2 + 7),
                  config);
  REQUIRE(t);
  CHECK(t->from == 12);
  CHECK(t->to == 12 + beats * 2);
  CHECK_FALSE(
      transfer_of(program.ops[testing::post], record_of(Queue::post, 1, 50), config).has_value());

  std::vector<std::pair<std::uint64_t, std::uint32_t>> seen;
  for_each_beat(
      program.ops[testing::load_ifmap], config,
      [&](std::uint64_t address, std::uint32_t bytes) { seen.emplace_back(address, bytes); });
  REQUIRE(seen.size() == 16);
  CHECK(seen[0] == std::pair<std::uint64_t, std::uint32_t>(4096, 4));
  CHECK(seen[5] == std::pair<std::uint64_t, std::uint32_t>(4096 + 16 + 4, 4));
}

TEST_CASE("timeline: who uses which half") {
  const ArchConfig config = preset("tiny_4");
  const Program program = testing::tiny_program();
  const auto text = [&](std::size_t op) {
    std::string out;
    for (const BufferUse& use : uses_of(program.ops[op], config)) {
      out += std::string(use.writes ? "w " : "r ") + name_of(use.buffer) + " " +
             std::to_string(use.half) + "; ";
    }
    return out;
  };
  CHECK(text(testing::load_inst) == "w instruction 1; ");
  CHECK(text(testing::load_ifmap) == "w ifmap 0; ");
  CHECK(text(testing::load_weight) == "w weight 0; ");
  CHECK(text(testing::load_param) == "w param 0; ");
  CHECK(text(testing::compute) == "r ifmap 0; r weight 0; w psum 0; ");
  CHECK(text(testing::post) == "r psum 0; r param 0; w ofmap 0; ");
  CHECK(text(testing::store) == "r ofmap 0; ");
  // 16 pixels, 4 bytes an entry and 4 columns.
  const BufferUse psum = uses_of(program.ops[testing::compute], config).back();
  REQUIRE(psum.ranges.size() == 1);
  CHECK(psum.ranges[0].to - psum.ranges[0].from == 16);
  CHECK(psum.unit_bytes == 16);
}

TEST_CASE("timeline: fill of a half") {
  HalfFill fill;
  BufferUse read;
  const auto last = [&] {
    const auto steps = fill.take();
    REQUIRE_FALSE(steps.empty());
    return steps.back();
  };
  fill.use(write_of({{0, 10}, {20, 30}}), 100);
  CHECK(last().bytes == 40);
  fill.use(write_of({{10, 15}}), 110);  // touches the first range
  CHECK(last().bytes == 50);
  fill.use(write_of({{5, 25}}), 120);  // joins both
  CHECK(last().bytes == 60);
  fill.use(read, 150);
  fill.use(read, 140);
  CHECK(fill.take().empty());  // read, but not free yet
  fill.use(write_of({{0, 4}}), 200);
  const auto steps = fill.take();
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].at == 150);  // empty from the last read on
  CHECK(steps[0].bytes == 0);
  CHECK(steps[1].at == 200);
  CHECK(steps[1].bytes == 8);
  fill.use(read, 210);
  fill.finish();
  CHECK(last().bytes == 0);
}
