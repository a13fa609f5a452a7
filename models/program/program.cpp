// SPDX-License-Identifier: Apache-2.0
#include "program/program.hpp"

#include <algorithm>

#include "program/op_fields.hpp"

namespace tactus {

Queue queue_of(const TileOp& op) {
  return std::visit([](const auto& body) { return OpInfo<std::decay_t<decltype(body)>>::queue; },
                    op.body);
}

const TensorPlace* Program::find_tensor(const std::string& name) const {
  const auto it = std::find_if(tensors.begin(), tensors.end(),
                               [&](const TensorPlace& place) { return place.name == name; });
  return it == tensors.end() ? nullptr : &*it;
}

}  // namespace tactus
