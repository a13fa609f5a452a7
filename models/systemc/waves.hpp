// SPDX-License-Identifier: Apache-2.0
// A VCD file of the cycles during which the object lives; a cycle is a nanosecond.
#pragma once

#include <string>
#include <systemc>

#include "watch.hpp"

namespace tactus::systemc {

class Waves {
 public:
  /// The watch outlives the object. The file is there when the object is gone.
  Waves(std::string file, const Watch& watch);
  ~Waves();
  Waves(const Waves&) = delete;
  Waves& operator=(const Waves&) = delete;

 private:
  std::string file_;
  sc_core::sc_trace_file* trace_;
};

}  // namespace tactus::systemc
