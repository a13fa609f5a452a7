// SPDX-License-Identifier: Apache-2.0
// Figures of a report against the hand-counted fixture; texts and their width.
#include "report/report.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "numerics/errors.hpp"
#include "report/text_table.hpp"
#include "report_fixture.hpp"

using namespace tactus;
using namespace tactus::testing;

namespace {

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

RunReport report_of(int inferences) {
  const Program program = report_program();
  return make_report(program, ArchConfig{}, default_energy_table(), {"fast", "toy", "abc"},
                     std::vector<RunResult>(static_cast<std::size_t>(inferences), report_result()));
}

}  // namespace

TEST_CASE("report: cycles and stalls by cause") {
  const auto layers = layer_timings(report_program(), report_result().retired);
  REQUIRE(layers.size() == 3);
  CHECK(layers[0].cycles == 41);
  CHECK(layers[1].cycles == 22);  // 41 + 22 = 63
  CHECK(layers[0].compute_cycles == 10 + 5);
  CHECK(layers[1].compute_cycles == 5);
  CHECK(layers[0].stalls.weight == 20);
  CHECK(layers[0].stalls.total() == 20);
  CHECK(layers[1].stalls.store == 6);  // 35..40
  CHECK(layers[1].stalls.ifmap == 7);  // 41..47
  CHECK(layers[1].stalls.token == 4);  // 48..51
  CHECK(layers[1].stalls.total() == 17);
  CHECK(layers[2].cycles == 0);
  CHECK_FALSE(layers[2].has_ops);
}

TEST_CASE("report: a stream that is not the program's is an internal error") {
  RunResult missing = report_result();
  missing.retired.pop_back();
  CHECK_THROWS_AS((void)layer_timings(report_program(), missing.retired), InternalError);
  RunResult twice = report_result();
  twice.retired.push_back(twice.retired.back());
  CHECK_THROWS_AS((void)layer_timings(report_program(), twice.retired), InternalError);
}

TEST_CASE("report: totals over inferences") {
  const RunReport one = report_of(1);
  CHECK(one.cycles == 63);
  CHECK(one.macs == 8192);
  CHECK(one.macs_executed == 4096);
  CHECK(one.utilization == doctest::Approx(4096.0 / (63 * 256)));
  CHECK(one.layers[0].utilization == doctest::Approx(2048.0 / (41 * 256)));
  CHECK(one.bytes_read == 56);
  CHECK(one.bytes_written == 24);
  CHECK(one.seconds_at_clock == doctest::Approx(63 / 500e6));
  // 150 PE cycles at 1.29 pJ and 10 beats of 64 bits at 30.5 pJ a bit
  CHECK(one.energy.value == doctest::Approx(150 * 1.29 + 10 * 64 * 30.5));
  const RunReport three = report_of(3);
  CHECK(three.cycles == 189);
  CHECK(three.cycles_first == 63);
  CHECK(three.inferences == 3);
  CHECK(three.utilization == doctest::Approx(one.utilization));
  CHECK(three.wall_seconds == doctest::Approx(1.5));
}

TEST_CASE("report: utilization never exceeds 1") {
  Program program = report_program();
  program.layers[1].macs_executed = 1000000;
  const RunReport r = make_report(program, ArchConfig{}, default_energy_table(),
                                  {"fast", "toy", ""}, {report_result()});
  CHECK(r.layers[1].utilization == 1.0);
}

TEST_CASE("report: text fits the terminal") {
  RunReport r = report_of(2);
  r.outputs = OutputComparison{100, 1, "layer 000_conv, element (0,1,2): 5 instead of 4"};
  r.accuracy = Accuracy{350, 360};
  const std::string narrow = to_text(r, 80), wide = to_text(r, 120);
  CHECK(longest_line(narrow) <= 80);
  CHECK(longest_line(wide) <= 120);
  CHECK(longest_line(wide) > 100);
  CHECK(narrow.find("350 of 360 (97.22 %)") != std::string::npos);
  CHECK(narrow.find("1 of 100 values differ") != std::string::npos);
  CHECK(narrow.find("(fused)") != std::string::npos);
  CHECK(wide.find("psum") != std::string::npos);
  for (LayerRow& row : r.layers) row.cycles = 123456789012345;
  CHECK(longest_line(to_text(r, 80)) <= 80);
}

TEST_CASE("report: a back end without timing shows no cycles") {
  Program program;
  program.layers = report_program().layers;
  RunResult result;
  result.wall_seconds = 0.1;
  const RunReport r =
      make_report(program, ArchConfig{}, default_energy_table(), {"ref", "toy", ""}, {result});
  CHECK(r.cycles == 0);
  CHECK(to_text(r, 80).find("cycles") == std::string::npos);
}

TEST_CASE("report: check says equal only when all pairs are") {
  CheckReport check;
  check.run = report_of(1);
  check.pairs = {{"fast", "systemc", true, true, true, ""},
                 {"fast", "ref", true, std::nullopt, std::nullopt, ""}};
  CHECK(check.equal());
  CHECK(to_text(check, 80).find("all retire cycles and all event counts agree") !=
        std::string::npos);
  check.pairs[0].cycles_equal = false;
  check.pairs[0].first_difference = "layer 000_conv, compute op 1: cycle 34 against 35.";
  CHECK_FALSE(check.equal());
  const std::string text = to_text(check, 80);
  CHECK(text.find("DIFFER") != std::string::npos);
  CHECK(text.find("compute op 1") != std::string::npos);
  CHECK(text.find("agree") == std::string::npos);
}

TEST_CASE("report: numbers in little room") {
  CHECK(fitted(12345, 5) == "12345");
  CHECK(fitted(1234567, 5) == "1235k");
  CHECK(fitted(12345678901, 6) == "12346M");
  CHECK(energy_text(0) == "0.00 pJ");
  CHECK(energy_text(1234.5) == "1.23 nJ");
  CHECK(energy_text(98765432) == "98.8 uJ");
  CHECK(shortened("abcdef", 4) == "abc~");
  // Four characters of two bytes each: never cut inside one.
  CHECK(shortened("\u00e4\u00f6\u00fc\u00df", 4) == "\u00e4\u00f6\u00fc\u00df");
  CHECK(shortened("\u00e4\u00f6\u00fc\u00df", 3) == "\u00e4\u00f6~");
}
