// SPDX-License-Identifier: Apache-2.0
#include "sweep/export.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>

#include "hdf5/h5.hpp"
#include "numerics/errors.hpp"
#include "sweep/database.hpp"
#include "sweep/query.hpp"

namespace tactus::sweep {
namespace {

/// The shortest text that reads back as the same number.
std::string exact(double value) {
  std::array<char, 40> text{};
  for (const int digits : {15, 16, 17}) {
    std::snprintf(text.data(), text.size(), "%.*g", digits, value);
    if (std::stod(text.data()) == value) break;
  }
  return text.data();
}

std::string csv_cell(const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&value)) return exact(*real);
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return {};
  if (text->find_first_of(",\"\r\n") == std::string::npos) return *text;
  return quoted(*text);
}

void write_csv(const Answer& answer, const std::string& path, const std::string& shown_as) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) throw BadInput("cannot create " + shown_as, shown_as);
  const auto line = [&](std::size_t count, const std::function<std::string(std::size_t)>& cell) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + cell(i);
    text += "\r\n";
    return std::fwrite(text.data(), 1, text.size(), file) == text.size();
  };
  const std::size_t count = answer.columns.size();
  bool good = line(count, [&](std::size_t i) { return csv_cell(answer.columns[i]); });
  for (const auto& row : answer.rows) {
    good = good && line(count, [&](std::size_t i) { return csv_cell(row[i]); });
  }
  if (std::fclose(file) != 0 || !good) throw BadInput("cannot write all of " + shown_as, shown_as);
}

void write_column(h5::Group& group, const Answer& answer, std::size_t column) {
  bool text = false, missing = false, real = false;
  for (const auto& row : answer.rows) {
    text = text || std::holds_alternative<std::string>(row[column]);
    real = real || std::holds_alternative<double>(row[column]);
    missing = missing || row[column].index() == 0;
  }
  const std::string& name = answer.columns[column];
  if (text) {
    std::vector<std::string> values;
    for (const auto& row : answer.rows)
      values.push_back(row[column].index() == 0 ? std::string()
                                                : std::get<std::string>(row[column]));
    group.create_dataset(name, values);
  } else if (real || missing) {
    std::vector<double> values;
    for (const auto& row : answer.rows) {
      const auto* whole = std::get_if<std::int64_t>(&row[column]);
      const auto* number = std::get_if<double>(&row[column]);
      values.push_back(whole != nullptr    ? static_cast<double>(*whole)
                       : number != nullptr ? *number
                                           : std::numeric_limits<double>::quiet_NaN());
    }
    group.create_dataset(name, values);
  } else {
    h5::Integers values;
    values.dims = {answer.rows.size()};
    for (const auto& row : answer.rows)
      values.values.push_back(std::get<std::int64_t>(row[column]));
    static_cast<void>(group.create_dataset(name, values, h5::Store::i64));
  }
}

void write_hdf5(const Answer& answer, const std::string& path, const std::string& shown_as) {
  h5::File file = h5::File::create(path, shown_as);
  {
    h5::Group root = file.root();
    root.write_attribute("format", std::string("tactus.sweep"));
    root.write_attribute("version", std::int64_t{database_version});
    root.write_attribute("tool", answer.tool);
    root.write_attribute("axes", answer.axis_keys);
    h5::Group points = root.create_group("points");
    for (std::size_t i = 0; i < answer.columns.size(); ++i) write_column(points, answer, i);
  }
  file.close();
}

}  // namespace

std::uint64_t export_sweep(const std::string& database, const std::string& path) {
  const std::string ending = std::filesystem::path(path).extension().string();
  if (ending != ".csv" && ending != ".h5") {
    throw BadInput("--export " + path + " ends neither in .csv nor in .h5", path);
  }
  const Answer answer = ask(database, {});
  const std::string temporary = path + ".tmp" + std::to_string(getpid());
  std::error_code error;
  try {
    if (ending == ".csv") {
      write_csv(answer, temporary, path);
    } else {
      write_hdf5(answer, temporary, path);
    }
    std::filesystem::rename(temporary, path, error);
    if (error) throw BadInput("cannot replace " + path + ": " + error.message(), path);
  } catch (...) {
    std::filesystem::remove(temporary, error);
    throw;
  }
  return answer.rows.size();
}

}  // namespace tactus::sweep
