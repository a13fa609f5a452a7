// SPDX-License-Identifier: Apache-2.0
// What goes to the terminal and to files.
#pragma once

#include <string>

#include "run/job.hpp"

namespace tactus {

/// Columns of the terminal on stdout, 80 when it is none or narrower, at most 160.
[[nodiscard]] int console_columns();

/// Progress on stderr: one line that is overwritten on a terminal, a line every ten seconds
/// otherwise. Cleared when it goes out of scope.
class ConsoleProgress {
 public:
  explicit ConsoleProgress(bool quiet);
  ConsoleProgress(const ConsoleProgress&) = delete;
  ConsoleProgress& operator=(const ConsoleProgress&) = delete;
  ~ConsoleProgress();
  [[nodiscard]] Progress callback();

 private:
  bool quiet_, terminal_;
  bool shown_ = false;
};

/// Writes text to `path`, or to stdout for "-": a temporary file, then a rename.
void write_result(const std::string& path, const std::string& text);
/// Text to stdout unless JSON goes there; JSON where --json says.
void show(const std::string& json_path, const std::string& text, const std::string& json);

}  // namespace tactus
