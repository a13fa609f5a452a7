// SPDX-License-Identifier: Apache-2.0
// What reader and writer of model files share; only hdf5/*.cpp includes this.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "hdf5/h5.hpp"
#include "hdf5/model_file.hpp"

namespace tactus::model_schema {

constexpr const char* kFormat = "tactus.model";
constexpr std::int64_t kVersion = 1;

/// Checks format and version of the root group and the names at the top level.
void check_header(const h5::Group& root);

/// Throws unless every attribute is one of `allowed`.
void only_attributes(const h5::Object& object, std::initializer_list<const char*> allowed);
void only_attributes(const h5::Object& object, const std::vector<std::string>& allowed);
/// Throws unless every child is one of `allowed`.
void only_children(const h5::Group& group, const std::vector<std::string>& allowed);

/// One integer (scalar or one element) inside low..high.
[[nodiscard]] std::int64_t integer(const h5::Object& object, const std::string& name,
                                   std::int64_t low, std::int64_t high);
/// `count` integers inside low..high.
[[nodiscard]] std::vector<int> integers(const h5::Object& object, const std::string& name,
                                        std::size_t count, int low, int high);
/// Attributes <prefix>bits, <prefix>signed and <prefix>zero_point.
[[nodiscard]] Format format(const h5::Object& object, const std::string& prefix, int max_bits);

/// Throws naming the first value outside low..high by its index.
void check_values(const h5::Object& dataset, const h5::Integers& content, std::int64_t low,
                  std::int64_t high);

/// Position of the layer in execution order, -1 unless the id reads NNN_name.
[[nodiscard]] std::int64_t order_of(const std::string& id);

/// Smallest storage that holds the format.
[[nodiscard]] h5::Store store_for(const Format& format);

void write_network(h5::Group& root, const Network& network);
void write_golden(h5::Group& root, const Network& network, const std::vector<GoldenSet>& golden);
void write_dataset(h5::Group& root, const Network& network, const Dataset& dataset);

}  // namespace tactus::model_schema
