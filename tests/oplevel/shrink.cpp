// SPDX-License-Identifier: Apache-2.0
#include "shrink.hpp"

#include <algorithm>

#include "program/op_fields.hpp"

namespace tactus::oplevel {

namespace {

/// Fields that follow from others.
void repair(Body& body, const ArchConfig& config) {
  auto* op = std::get_if<ComputeOp>(&body);
  if (op == nullptr || op->rows_used < 1) return;
  const std::int64_t total = op->dataflow == 1 ? op->out_h * op->out_w : op->k_rows;
  const std::int64_t per_fold = op->dataflow == 1 ? config.hw_array_rows : op->rows_used;
  op->folds = (total + per_fold - 1) / per_fold;
}

/// Tries 0, 1, half and one less for every field of every op.
bool smaller_fields(Draft& draft, const ArchConfig& config,
                    const std::function<bool(const Draft&)>& fails) {
  bool changed = false;
  for (std::size_t i = 0; i < draft.ops.size(); ++i) {
    std::size_t fields = 0;
    std::visit([&](auto& op) { for_each_field(op, [&](const FieldInfo&, auto&) { ++fields; }); },
               draft.ops[i]);
    for (std::size_t f = 0; f < fields; ++f) {
      for (int attempt = 0; attempt < 4; ++attempt) {
        Draft candidate = draft;
        bool differs = false;
        std::size_t number = 0;
        const auto change = [&](const FieldInfo& info, std::int64_t& value) {
          const bool address = std::string(info.name) == "mem_addr";
          if (number++ != f || address) return;
          const std::int64_t choices[] = {0, 1, value / 2, value > 0 ? value - 1 : value + 1};
          const std::int64_t chosen = choices[attempt];
          const auto size = [](std::int64_t v) { return v < 0 ? -v : v; };
          differs = size(chosen) < size(value);
          if (differs) value = chosen;
        };
        std::visit([&](auto& op) { for_each_field(op, change); }, candidate.ops[i]);
        if (!differs) continue;
        repair(candidate.ops[i], config);
        if (!fails(candidate)) continue;
        draft = std::move(candidate);
        changed = true;
        break;
      }
    }
  }
  return changed;
}

}  // namespace

Draft shrink(Draft draft, const ArchConfig& config,
             const std::function<bool(const Draft&)>& fails) {
  for (int round = 0; round < 6; ++round) {
    bool changed = false;
    for (std::size_t i = draft.ops.size(); i-- > 0 && draft.ops.size() > 1;) {
      Draft candidate = draft;
      candidate.ops.erase(candidate.ops.begin() + static_cast<std::ptrdiff_t>(i));
      if (!fails(candidate)) continue;
      draft = std::move(candidate);
      changed = true;
    }
    changed = smaller_fields(draft, config, fails) || changed;
    if (!changed) break;
  }
  return draft;
}

}  // namespace tactus::oplevel
