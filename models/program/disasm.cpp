// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "program/op_fields.hpp"

namespace tactus {
namespace {

std::string queues_in(unsigned mask) {
  std::string text;
  for (unsigned q = 0; q < 4; ++q) {
    if ((mask >> q & 1U) == 0) continue;
    if (!text.empty()) text += ',';
    text += name_of(static_cast<Queue>(q));
  }
  return text;
}

}  // namespace

std::string disassemble(const TileOp& op) {
  std::string text = name_of(queue_of(op));
  std::visit(
      [&](const auto& body) {
        using Op = std::decay_t<decltype(body)>;
        text += std::string(" ") + OpInfo<Op>::name + " layer=" + std::to_string(op.layer);
        if (op.wait != 0) text += " wait=" + queues_in(op.wait);
        if (op.push != 0) text += " push=" + queues_in(op.push);
        if (op.seg_end) text += " seg_end";
        if (op.prog_end) text += " prog_end";
        for_each_field(body, [&](const FieldInfo& field, std::int64_t value) {
          if (value != 0) text += std::string(" ") + field.name + "=" + std::to_string(value);
        });
      },
      op.body);
  return text;
}

}  // namespace tactus
