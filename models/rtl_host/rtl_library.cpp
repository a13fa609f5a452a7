// SPDX-License-Identifier: Apache-2.0
#include "rtl_host/rtl_library.hpp"

#include <dlfcn.h>

#include "numerics/errors.hpp"

namespace tactus {
namespace {

template <class Function>
Function symbol(void* handle, const char* name, const std::string& path) {
  void* address = dlsym(handle, name);
  if (address == nullptr)
    throw BadInput(path + " is no RTL build of tactus: it has no symbol " + name, path);
  return reinterpret_cast<Function>(address);
}

/// dlopen looks for a name without a slash in the system's folders only.
std::string with_folder(const std::string& path) {
  return path.find('/') == std::string::npos ? "./" + path : path;
}

}  // namespace

void RtlLibrary::Close::operator()(void* handle) const { dlclose(handle); }

RtlLibrary::RtlLibrary(const std::string& path)
    : path_(path), handle_(dlopen(with_folder(path).c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (!handle_) {
    const char* why = dlerror();
    throw BadInput("the RTL build cannot be loaded: " + std::string(why == nullptr ? path : why),
                   path);
  }
  const auto version =
      symbol<decltype(&tactus_rtl_abi_version)>(handle_.get(), "tactus_rtl_abi_version", path);
  if (version() != TACTUS_RTL_ABI_VERSION) {
    throw BadInput("the RTL build " + path + " has interface version " + std::to_string(version()) +
                       " and this tool needs " + std::to_string(TACTUS_RTL_ABI_VERSION) +
                       "; make it again with: tactus rtl-build",
                   path);
  }
  symbol<decltype(&tactus_rtl_get_capabilities)>(handle_.get(), "tactus_rtl_get_capabilities",
                                                 path)(&capabilities_);
  execute_ = symbol<decltype(&tactus_rtl_execute)>(handle_.get(), "tactus_rtl_execute", path);
}

}  // namespace tactus
