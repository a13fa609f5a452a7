// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "arch/arch_config.hpp"
#include "arch/arch_doc.hpp"
#include "arch/ini_file.hpp"
#include "numerics/errors.hpp"

namespace tactus {
namespace {

std::string refusal(const std::string& base, const std::string& key, const std::string& value) {
  try {
    ArchConfig config = preset(base);
    set(config, key, value);
    validate(config);
  } catch (const BadInput& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST_CASE("arch: every preset is valid and its text round-trips") {
  CHECK(preset_names().size() == 12);
  for (const auto& name : preset_names()) {
    INFO(name);
    const ArchConfig config = preset(name);
    CHECK_NOTHROW(validate(config));
    ArchConfig copy;
    for (const auto& [key, value] : effective(config)) set(copy, key, value);
    CHECK(config_hash(copy) == config_hash(config));
  }
  CHECK_THROWS_AS((void)preset("edge_9"), BadInput);
}

TEST_CASE("arch: derived sizes of tiny_4") {
  const ArchConfig c = preset("tiny_4");
  CHECK(c.beat_bytes() == 4);
  CHECK(c.ifmap_bank_bytes() == 2048);  // 16 KiB / 2 halves / 4 banks
  CHECK(c.ofmap_bank_bytes() == 2048);
  CHECK(c.weight_rows() == 1024);  // 8 KiB / 2 / 4 bytes
  CHECK(c.param_records() == 32);  // 2 KiB / 2 / 32 bytes
  CHECK(c.psum_entries() == 256);  // 8 KiB / 2 / 4 bytes / 4 columns
  CHECK(c.latency() == 12);
  CHECK(preset("scalesim_16").latency() == 1);
}

TEST_CASE("arch: SCALE-Sim look-alikes hold a 224x224 first layer without pixel tiles") {
  for (const auto* name : {"scalesim_16", "scalesim_32"}) {
    const ArchConfig c = preset(name);
    CHECK(c.psum_entries() >= 112 * 112);
    CHECK(c.ifmap_bank_bytes() >= 3 * 224 * (224 + 16));
    CHECK(c.weight_rows() >= 512 * 9);
    CHECK(!c.hw_fold_overlap);
    CHECK(c.mem_ideal);
  }
}

TEST_CASE("arch: the hash is sha256 of the sorted key=value lines") {
  // Computed with Python's hashlib from the defaults in arch_fields.def.
  CHECK(config_hash(ArchConfig{}) ==
        "6e7025f56bd979a4b872575f7812645d4f643a21a47851bbf6a7fe95a0f1610c");
}

TEST_CASE("arch: host and program keys do not change the identity of an RTL build") {
  const ArchConfig base;
  ArchConfig changed = base;
  set(changed, "mem.latency_cycles", "99");
  set(changed, "map.order", "pixels");
  CHECK(elab_hash(changed) == elab_hash(base));
  CHECK(config_hash(changed) != config_hash(base));
  set(changed, "buf.psum_kib", "128");
  CHECK(elab_hash(changed) != elab_hash(base));
}

TEST_CASE("arch: bandwidth may be given as beats per cycle") {
  ArchConfig config;
  set(config, "mem.beats_per_cycle", "1/4");
  CHECK(config.mem_cycles_per_beat == 4);
  set(config, "mem.beats_per_cycle", "1");
  CHECK(config.mem_cycles_per_beat == 1);
  CHECK_THROWS_AS(set(config, "mem.beats_per_cycle", "2"), BadInput);
  CHECK_THROWS_AS(set(config, "mem.beats_per_cycle", "1/0"), BadInput);
}

TEST_CASE("arch: a key refuses values outside its range") {
  CHECK(refusal("edge_16", "hw.array_rows", "512") ==
        "hw.array_rows=512 is not accepted, it must be a whole number from 2 to 256");
  CHECK(refusal("edge_16", "hw.array_rows", "16x").find("whole number") != std::string::npos);
  CHECK(refusal("edge_16", "hw.fold_overlap", "maybe").find("true or false") != std::string::npos);
  CHECK(refusal("edge_16", "hw.acc_overflow", "clip").find("wrap|saturate|error") !=
        std::string::npos);
  CHECK(refusal("edge_16", "hw.rows", "4") == "hw.rows is not an architecture key");
}

TEST_CASE("arch: combinations that cannot be built are refused with key, value and reason") {
  const char* cases[][4] = {
      {"edge_16", "hw.array_rows", "24", "power of two"},
      {"edge_16", "hw.array_cols", "48", "power of two"},
      {"edge_16", "hw.queue_depth", "3", "power of two"},
      {"edge_16", "hw.segment_ops", "100", "power of two"},
      {"edge_16", "mem.data_bits", "96", "power of two"},
      {"edge_16", "mem.data_bits", "256", "weight row"},
      {"edge_16", "hw.array_cols", "128", "4 * hw.array_rows"},
      {"edge_16", "hw.post_lanes", "5", "divide"},
      {"tiny_4", "buf.weight_kib", "1", "(accepted)"},
      {"server_64", "buf.weight_kib", "4", "weight rows"},
      {"server_64", "buf.ifmap_kib", "4", "bytes in each"},
      {"server_64", "buf.ofmap_kib", "4", "bytes in each"},
      {"edge_16", "buf.param_kib", "1", "records"},
      {"tpu_v1", "buf.psum_kib", "1", "partial sums"},
  };
  for (const auto& c : cases) {
    const std::string message = refusal(c[0], c[1], c[2]);
    INFO(message);
    CHECK(message.find(c[3]) != std::string::npos);
    if (message != "(accepted)") {
      CHECK(message.find(std::string(c[1]) + "=" + c[2] + " is not possible") == 0);
    }
  }
}

TEST_CASE("arch: INI files") {
  const std::string path = "arch_test_tmp.ini";
  const auto read = [&](const std::string& text) -> std::string {
    std::ofstream(path) << text;
    try {
      return get(read_config(path, preset("tiny_4")), "hw.array_rows");
    } catch (const BadInput& error) {
      return error.what();
    }
  };
  CHECK(read("# comment\n[hw]\narray_rows = 8\n") == "8");
  CHECK(read("[mem]\nlatency_cycles=3\n") == "4");
  CHECK(read("[hw]\nrow=8\n") == path + ": hw.row is not an architecture key");
  CHECK(read("[hw]\narray_rows=8\narray_rows=4\n") == path + ": hw.array_rows is given twice");
  CHECK(read("[hw]\narray_rows\n").find(path) == 0);
  std::remove(path.c_str());
  CHECK_THROWS_AS((void)read_config("no/such/file.ini"), BadInput);
}

TEST_CASE("arch: the table in the README is not stale") {
  std::ifstream file(TACTUS_SOURCE_DIR "/models/arch/README.md");
  std::stringstream text;
  text << file.rdbuf();
  CHECK(text.str().find("<!-- table begin -->\n" + arch_table() + "<!-- table end -->") !=
        std::string::npos);
}

}  // namespace
}  // namespace tactus
