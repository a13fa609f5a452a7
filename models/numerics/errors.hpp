// SPDX-License-Identifier: Apache-2.0
// The exceptions of tactus. Only main() turns them into exit codes.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace tactus {

/// The user's file, option or configuration is not acceptable (exit code 2). The message is one
/// sentence that names file, layer and value where they apply.
class BadInput : public std::runtime_error {
 public:
  explicit BadInput(const std::string& message, std::string file = {}, std::string layer = {})
      : std::runtime_error(message), file_(std::move(file)), layer_(std::move(layer)) {}
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] const std::string& layer() const noexcept { return layer_; }

 private:
  std::string file_, layer_;
};

/// A program does not go on on a back end: a token that never comes, or no retirement for too long.
/// `check` takes it for a difference between back ends.
class StandsStill : public BadInput {
 public:
  using BadInput::BadInput;
};

/// tactus itself is at fault (exit code 3).
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace tactus
