// SPDX-License-Identifier: Apache-2.0
#include "cli/console.hpp"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "numerics/errors.hpp"

namespace tactus {

int console_columns() {
  winsize size{};
  int columns = 0;
  if (isatty(STDOUT_FILENO) != 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
    columns = size.ws_col;
  } else if (const char* text = std::getenv("COLUMNS")) {
    columns = std::atoi(text);
  }
  return std::clamp(columns, 80, 160);
}

ConsoleProgress::ConsoleProgress(bool quiet)
    : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

ConsoleProgress::~ConsoleProgress() {
  if (shown_ && terminal_) std::cerr << "\r\033[K" << std::flush;
}

Progress ConsoleProgress::callback() {
  if (quiet_) return [](const std::string&) {};
  auto last =
      std::make_shared<std::chrono::steady_clock::time_point>(std::chrono::steady_clock::now());
  return [this, last](const std::string& text) {
    const auto now = std::chrono::steady_clock::now();
    const auto pause = terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(10);
    if (now - *last < pause) return;
    *last = now;
    shown_ = true;
    if (terminal_) {
      std::cerr << "\r\033[K" << text << std::flush;
    } else {
      std::cerr << text << "\n";
    }
  };
}

void write_result(const std::string& path, const std::string& text) {
  if (path == "-") {
    std::cout << text;
    if (!std::cout.flush()) throw BadInput("cannot write to standard output");
    return;
  }
  // A device or pipe cannot be replaced by a finished file: it is written directly.
  struct stat info {};
  const bool direct = stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
  const std::string temporary = direct ? path : path + ".tmp" + std::to_string(getpid());
  const auto fail = [&](const char* what) {
    if (!direct) std::remove(temporary.c_str());
    throw BadInput(std::string("cannot ") + what + " " + path, path);
  };
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) fail("create");
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed) fail("write all of");
  if (!direct && std::rename(temporary.c_str(), path.c_str()) != 0) fail("replace");
}

void show(const std::string& json_path, const std::string& text, const std::string& json) {
  if (json_path != "-") write_result("-", text);
  if (!json_path.empty()) write_result(json_path, json);
}

}  // namespace tactus
