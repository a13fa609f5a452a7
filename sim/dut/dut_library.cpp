// SPDX-License-Identifier: Apache-2.0
#include "dut/dut_library.hpp"

#include <dlfcn.h>

#include <array>
#include <filesystem>

#include "numerics/errors.hpp"

namespace tactus {
namespace {

using Text = std::array<char, 1024>;

/// The sentence that a library wrote, or what to say without one.
std::string sentence(Text& text, const char* otherwise) {
  text.back() = 0;
  return text[0] == 0 ? std::string(otherwise) : std::string(text.data());
}

template <class Function>
Function symbol(void* handle, const char* name, const std::string& path) {
  void* address = dlsym(handle, name);
  if (address == nullptr) {
    throw BadInput(path + " does not define " + name + " of tactus_dut.h", path);
  }
  return reinterpret_cast<Function>(address);
}

/// dlopen looks for a name without a slash in the system's folders only.
std::string with_folder(const std::string& path) {
  return path.find('/') == std::string::npos ? "./" + path : path;
}

}  // namespace

void DutLibrary::Close::operator()(void* handle) const { dlclose(handle); }

DutLibrary::DutLibrary(const std::string& path, const std::string& config_json) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw BadInput("there is no file " + path, path);
  handle_.reset(dlopen(with_folder(path).c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!handle_) {
    const char* why = dlerror();
    throw BadInput(path + " cannot be loaded: " + (why == nullptr ? "unknown reason" : why), path);
  }
  void* handle = handle_.get();
  const auto version =
      symbol<decltype(&tactus_dut_abi_version)>(handle, "tactus_dut_abi_version", path);
  version_ = version();
  if (version_ < 1 || version_ > TACTUS_DUT_ABI_VERSION) {
    throw BadInput(path + " has version " + std::to_string(version_) +
                       " of tactus_dut.h, this tool needs version 1 to " +
                       std::to_string(TACTUS_DUT_ABI_VERSION),
                   path);
  }
  const auto create = symbol<decltype(&tactus_dut_create)>(handle, "tactus_dut_create", path);
  supports_ = symbol<decltype(&tactus_dut_supports)>(handle, "tactus_dut_supports", path);
  run_layer_ = symbol<decltype(&tactus_dut_run_layer)>(handle, "tactus_dut_run_layer", path);
  destroy_ = symbol<decltype(&tactus_dut_destroy)>(handle, "tactus_dut_destroy", path);
  Text message{};
  dut_ = create(config_json.c_str(), message.data(), message.size());
  if (dut_ == nullptr) {
    throw BadInput(path + " makes no accelerator: " + sentence(message, "it does not say why"),
                   path);
  }
}

DutLibrary::~DutLibrary() {
  if (dut_ != nullptr) destroy_(dut_);
}

bool DutLibrary::supports(const tactus_dut_layer& layer, std::string& why) const {
  Text text{};
  if (supports_(dut_, &layer, text.data(), text.size()) != 0) return true;
  why = sentence(text, "it does not say why");
  return false;
}

bool DutLibrary::run(const tactus_dut_layer& layer, const std::int32_t* const* inputs,
                     std::int32_t* output, std::uint64_t& cycles, std::string& message) const {
  Text text{};
  cycles = TACTUS_DUT_NO_CYCLES;
  const int status = run_layer_(dut_, &layer, inputs, output, &cycles, text.data(), text.size());
  if (status == 0) return true;
  message = sentence(text, "it does not say why") + " (status " + std::to_string(status) + ")";
  return false;
}

}  // namespace tactus
