// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "../support/small_network.hpp"
#include "hdf5/model_file.hpp"
#include "numerics/errors.hpp"

namespace fs = std::filesystem;

namespace tactus {
namespace {

/// A folder of this test, gone afterwards.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("tactus_modelfile_" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }
  [[nodiscard]] std::string file(const std::string& name) const { return (path / name).string(); }
};

/// Values from, from + 1, ..., inside 0..2, so that every format of the small network holds them.
QTensor tensor(Shape shape, Format format, int from) {
  QTensor t{shape, format, {}};
  for (std::int64_t i = 0; i < shape.count(); ++i) {
    t.data.push_back(static_cast<std::int32_t>((i + from) % 3));
  }
  return t;
}

GoldenSet golden(const Network& n, const std::string& key) {
  GoldenSet set{key, "reference", {}, {}, {}};
  for (const auto& input : n.inputs) {
    set.inputs[input.name] = tensor(input.shape, input.format, 1);
  }
  for (const char* id : {"001_clamp", "006_fc"}) {
    set.layers[id] = tensor(n.shape_of(id), n.format_of(id), 2);
  }
  set.accumulators["006_fc"] = tensor(n.shape_of("006_fc"), Format{32, true, 0}, -70000);
  return set;
}

Dataset dataset(const Network& n) {
  Dataset set;
  for (const auto& input : n.inputs) {
    for (int i = 0; i < 3; ++i) {
      set.inputs[input.name].push_back(tensor(input.shape, input.format, i));
    }
  }
  set.labels = {2, 0, 1};
  return set;
}

Network checked() {
  Network n = testing::small_network();
  check_network(n);
  return n;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_CASE("modelfile: a written network reads back") {
  const Folder folder;
  const std::string path = folder.file("small.h5");
  const Network n = checked();
  ModelFile::write(path, n, {golden(n, "10"), golden(n, "9")}, dataset(n));
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);

  const Network r = ModelFile::read_network(path);
  CHECK(r.name == "small");
  CHECK(r.producer == "test");
  CHECK(r.outputs == n.outputs);
  REQUIRE(r.inputs.size() == 2);
  CHECK(r.inputs[0].scale == "0.5");
  CHECK(r.inputs[0].format == n.inputs[0].format);
  CHECK(r.inputs[1].is_sequence);
  CHECK(r.inputs[1].shape == Shape{2, 1, 5});
  REQUIRE(r.layers.size() == n.layers.size());
  for (std::size_t i = 0; i < n.layers.size(); ++i) {
    const Layer &a = n.layers[i], &b = r.layers[i];
    CAPTURE(a.id);
    CHECK(a.id == b.id);
    CHECK(a.source_name == b.source_name);
    CHECK(a.op == b.op);
    CHECK(a.inputs == b.inputs);
    CHECK(a.kernel_h == b.kernel_h);
    CHECK(a.kernel_w == b.kernel_w);
    CHECK(a.stride_h == b.stride_h);
    CHECK(a.padding == b.padding);
    CHECK(a.weight == b.weight);
    CHECK(a.weight_zero_point == b.weight_zero_point);
    CHECK(a.bias == b.bias);
    CHECK(a.requant.convention == b.requant.convention);
    CHECK(a.requant.rounding == b.requant.rounding);
    CHECK(a.requant.clamp_min == b.requant.clamp_min);
    CHECK(a.requant.clamp_max == b.requant.clamp_max);
    CHECK(a.requant.mult_bits == b.requant.mult_bits);
    CHECK(a.requant.mult == b.requant.mult);
    CHECK(a.requant.shift == b.requant.shift);
    CHECK(a.requant.add == b.requant.add);
    CHECK(a.operand_scale[1].mult == b.operand_scale[1].mult);
    CHECK(a.operand_scale[0].left_shift == b.operand_scale[0].left_shift);
    CHECK(a.out_format == b.out_format);
    CHECK(a.out_shape == b.out_shape);
  }

  const auto sets = ModelFile::read_golden(path, r);
  REQUIRE(sets.size() == 2);
  CHECK(sets[0].key == "9");
  CHECK(sets[1].key == "10");
  for (const auto& [name, t] : golden(n, "9").inputs) CHECK(sets[0].inputs.at(name).data == t.data);
  CHECK(sets[0].layers.at("006_fc").data == golden(n, "9").layers.at("006_fc").data);
  const QTensor& sums = sets[0].accumulators.at("006_fc");
  CHECK(sums.data == golden(n, "9").accumulators.at("006_fc").data);
  CHECK(sums.format.bits == 32);
  const auto data = ModelFile::read_dataset(path, r);
  REQUIRE(data.has_value());
  CHECK(data->labels == std::vector<int>{2, 0, 1});
  CHECK(data->inputs.at("seq")[2].data == dataset(n).inputs.at("seq")[2].data);
  CHECK(ModelFile::read_inputs(path, r).inputs.at("img").size() == 3);
}

TEST_CASE("modelfile: equal contents give equal bytes and the sum of sha256sum") {
  const Folder folder;
  const Network n = checked();
  ModelFile::write(folder.file("a.h5"), n, {golden(n, "0")}, dataset(n));
  ModelFile::write(folder.file("b.h5"), n, {golden(n, "0")}, dataset(n));
  CHECK(bytes_of(folder.file("a.h5")) == bytes_of(folder.file("b.h5")));
  const std::string command = "sha256sum " + folder.file("a.h5") + " > " + folder.file("sum.txt");
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(bytes_of(folder.file("sum.txt")).substr(0, 64) ==
        ModelFile::read_network(folder.file("a.h5")).sha256);
}

TEST_CASE("modelfile: an input file in Python's order, sequences as T,C") {
  const Folder folder;
  const Network n = checked();
  const std::string path = folder.file("in.h5");
  const std::string command =
      "/usr/bin/python3 -c \"import h5py, numpy as np; f = h5py.File('" + path +
      "', 'w'); f['inputs/img'] = np.full((2, 3, 6, 6), 15); "
      "f['inputs/seq'] = np.tile(np.array([[0, 3], [1, -1], [2, -2], [3, -3], [-4, -4]]), "
      "(2, 1, 1))\"";
  REQUIRE(std::system(command.c_str()) == 0);
  const Dataset set = ModelFile::read_inputs(path, n);
  CHECK(set.labels.empty());
  CHECK(set.inputs.at("seq").size() == 2);
  // Channel 0 over time, then channel 1.
  CHECK(set.inputs.at("seq")[1].data ==
        std::vector<std::int32_t>{0, 1, 2, 3, -4, 3, -1, -2, -3, -4});
}

TEST_CASE("modelfile: writing refuses what reading would refuse") {
  const Folder folder;
  const std::string path = folder.file("bad.h5");
  Network n = checked();
  GoldenSet set = golden(n, "0");
  set.inputs["img"].data[4] = 16;
  CHECK_THROWS_AS(ModelFile::write(path, n, {set}), BadInput);
  n.layers[0].id = "conv";
  CHECK_THROWS_AS(ModelFile::write(path, n), BadInput);
  CHECK_THROWS_AS(ModelFile::write(folder.file("none/x.h5"), checked()), BadInput);
  CHECK(fs::is_empty(folder.path));
}

TEST_CASE("modelfile: every damaged file gives one sentence with the file and the reason") {
  const Folder folder;
  const Network n = checked();
  ModelFile::write(folder.file("source.h5"), n, {golden(n, "0")}, dataset(n));
  const std::string command = "/usr/bin/python3 " TACTUS_SOURCE_DIR
                              "/tests/support/damage_models.py " +
                              folder.file("source.h5") + " " + folder.file("damaged");
  REQUIRE(std::system(command.c_str()) == 0);
  std::ifstream list(folder.file("damaged/list.txt"));
  std::string line;
  int kinds = 0;
  while (std::getline(list, line)) {
    const std::string name = line.substr(0, line.find('\t'));
    const std::string expected = line.substr(line.find('\t') + 1);
    const std::string path = folder.file("damaged/" + name);
    std::string message = "(accepted)";
    try {
      const Network r = ModelFile::read_network(path);
      static_cast<void>(ModelFile::read_golden(path, r));
      static_cast<void>(ModelFile::read_dataset(path, r));
    } catch (const BadInput& error) {
      message = error.what();
      CHECK(error.file() == path);
    }
    CAPTURE(message);
    CHECK_MESSAGE(message.find(expected) != std::string::npos, name, " expects ", expected);
    CHECK(message.find(name) != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    ++kinds;
  }
  CHECK(kinds >= 90);
}

}  // namespace
}  // namespace tactus
