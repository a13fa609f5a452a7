// SPDX-License-Identifier: Apache-2.0
// The functions of a loaded library.
#pragma once

#include <memory>
#include <string>

#include "tactus_dut.h"

namespace tactus {

class DutLibrary {
 public:
  /// Loads the library and makes an accelerator; throws BadInput with one sentence.
  DutLibrary(const std::string& path, const std::string& config_json);
  ~DutLibrary();
  DutLibrary(const DutLibrary&) = delete;
  DutLibrary& operator=(const DutLibrary&) = delete;

  /// Of the header that the library was compiled with, at most the tool's.
  [[nodiscard]] std::uint32_t version() const { return version_; }
  /// True, or false with a reason in `why`.
  [[nodiscard]] bool supports(const tactus_dut_layer& layer, std::string& why) const;
  /// False with a sentence in `message` when the library fails.
  [[nodiscard]] bool run(const tactus_dut_layer& layer, const std::int32_t* const* inputs,
                         std::int32_t* output, std::uint64_t& cycles, std::string& message) const;

 private:
  struct Close {
    void operator()(void* handle) const;
  };
  std::unique_ptr<void, Close> handle_;
  decltype(&tactus_dut_supports) supports_ = nullptr;
  decltype(&tactus_dut_run_layer) run_layer_ = nullptr;
  decltype(&tactus_dut_destroy) destroy_ = nullptr;
  tactus_dut* dut_ = nullptr;
  std::uint32_t version_ = 0;
};

}  // namespace tactus
