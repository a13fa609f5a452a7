// SPDX-License-Identifier: Apache-2.0
#include "run/backends.hpp"

#include "fast/fast_backend.hpp"
#include "numerics/errors.hpp"
#if TACTUS_WITH_SYSTEMC
#include "systemc/systemc_backend.hpp"
#endif
#if TACTUS_WITH_RTL
#include "rtl_host/rtl_backend.hpp"
#endif

namespace tactus {

const std::vector<std::string>& backend_names() {
  static const std::vector<std::string> names {
    "ref", "fast",
#if TACTUS_WITH_SYSTEMC
        "systemc",
#endif
#if TACTUS_WITH_RTL
        "rtl",
#endif
  };
  return names;
}

std::unique_ptr<Backend> make_backend(const std::string& name,
                                      [[maybe_unused]] const std::string& rtl_library) {
  if (name == "fast") return make_fast_backend();
#if TACTUS_WITH_SYSTEMC
  if (name == "systemc") return make_systemc_backend();
#endif
#if TACTUS_WITH_RTL
  if (name == "rtl") {
    return rtl_library.empty() ? make_rtl_backend() : make_rtl_backend_of(rtl_library);
  }
#endif
  std::string known;
  for (const auto& n : backend_names()) known += (known.empty() ? "" : ", ") + n;
  throw BadInput("there is no back end '" + name + "' in this build, only " + known);
}

}  // namespace tactus
