// SPDX-License-Identifier: Apache-2.0
// tactus_elab_args PRESET: prints the library name of a preset's RTL build and, one a line, the
// parameters for rtl/build_rtl.sh.
#include <exception>
#include <iostream>

#include "rtl_host/rtl_builder.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tactus_elab_args PRESET\n";
    return 2;
  }
  try {
    const auto config = tactus::preset(argv[1]);
    std::cout << tactus::rtl_library_name(config) << '\n';
    for (const auto& word : tactus::rtl_parameters(config)) std::cout << word << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
  return 0;
}
