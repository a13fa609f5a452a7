// SPDX-License-Identifier: Apache-2.0
// A stream of trace events (the JSON that chrome://tracing and ui.perfetto.dev read), written as it
// comes. One microsecond of the format is one cycle.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "program/program.hpp"

namespace tactus {

/// Text between quotes, escaped as JSON wants it; bytes that are no UTF-8 become '?'.
[[nodiscard]] std::string json_quoted(const std::string& text);

/// A file that appears under its name only when it is whole: written beside it, then renamed. A
/// device or pipe is written directly. Throws BadInput naming the file.
class WholeFile {
 public:
  explicit WholeFile(std::string path);
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;
  ~WholeFile();  ///< removes what commit() has not made whole
  void write(const std::string& text);
  void commit();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[noreturn]] void fail(const char* what);
  std::string path_, temporary_;
  std::FILE* file_ = nullptr;
};

/// Name and value of an argument; text is quoted, a number is not.
class TraceArgs {
 public:
  TraceArgs& text(const char* name, const std::string& value);
  TraceArgs& number(const char* name, std::uint64_t value);
  /// A value with three decimals.
  TraceArgs& milli(const char* name, std::uint64_t thousandths);
  [[nodiscard]] std::string json() const { return "{" + body_ + "}"; }

 private:
  std::string body_;
};

/// A track is a thread of a process.
struct Track {
  int process = 0, thread = 0;
};

class TraceJson {
 public:
  explicit TraceJson(const std::string& path);
  /// Names a process; rows appear in the order of their numbers.
  void name_process(int process, const std::string& name);
  void name_track(Track track, const std::string& name);
  /// A complete event over the cycles [from, to).
  void slice(Track track, const std::string& name, const char* category, Cycle from, Cycle to,
             const TraceArgs& args = {});
  /// A counter's value from a cycle on.
  void counter(int process, const std::string& name, Cycle at, const char* unit,
               std::uint64_t thousandths);
  /// Ends the file with these properties of the run.
  void finish(const TraceArgs& properties);

 private:
  void event(const std::string& fields);
  WholeFile file_;
  bool first_ = true;
};

/// Rows for slices that overlap: slice() gives the first row whose slices have all ended.
class Rows {
 public:
  [[nodiscard]] std::size_t place(Cycle from, Cycle to);

 private:
  std::vector<Cycle> end_;
};

}  // namespace tactus
