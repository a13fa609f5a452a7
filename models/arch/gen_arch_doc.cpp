// SPDX-License-Identifier: Apache-2.0
// Prints the field table of models/arch/README.md.
#include <iostream>

#include "arch/arch_doc.hpp"

int main() {
  std::cout << tactus::arch_table();
  return 0;
}
