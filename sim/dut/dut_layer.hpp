// SPDX-License-Identifier: Apache-2.0
// A layer of a network as traces/tactus_dut.h describes it.
#pragma once

#include <cstdint>
#include <string>

#include "network/network.hpp"
#include "tactus_dut.h"

namespace tactus {

/// What of a layer a version of the header cannot say, as the end of a sentence; empty when it says
/// everything.
[[nodiscard]] std::string not_described(const Network& network, const Layer& layer,
                                        std::uint32_t version);

/// Points into the network, which must stay as it is. The layer is one that the header describes.
class DutLayer {
 public:
  DutLayer(const Network& network, const Layer& layer);
  DutLayer(const DutLayer&) = delete;
  DutLayer& operator=(const DutLayer&) = delete;

  [[nodiscard]] const tactus_dut_layer& view() const { return view_; }

 private:
  tactus_dut_layer view_{};
};

}  // namespace tactus
