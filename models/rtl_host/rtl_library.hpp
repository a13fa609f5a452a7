// SPDX-License-Identifier: Apache-2.0
// A loaded shared object of one Verilated build.
#pragma once

#include <memory>
#include <string>

#include "rtl_host/rtl_abi.h"

namespace tactus {

class RtlLibrary {
 public:
  /// Throws BadInput when the file cannot be loaded or speaks another version of the interface.
  explicit RtlLibrary(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const tactus_rtl_capabilities& capabilities() const { return capabilities_; }
  [[nodiscard]] int execute(const tactus_rtl_run& run, char* message,
                            std::uint64_t message_size) const {
    return execute_(&run, message, message_size);
  }

 private:
  struct Close {
    void operator()(void* handle) const;
  };
  std::string path_;
  std::unique_ptr<void, Close> handle_;
  tactus_rtl_capabilities capabilities_{};
  decltype(&tactus_rtl_execute) execute_ = nullptr;
};

}  // namespace tactus
