// SPDX-License-Identifier: Apache-2.0
#include "lower/cut_memory.hpp"

#include <algorithm>
#include <iterator>

#include "lower/config_key.hpp"
#include "lower/layer_weights.hpp"

namespace tactus::lower {

namespace {

void append(std::string& key, const TensorLayout& layout) {
  for (const std::int64_t v : {layout.word_bytes, layout.carrier, layout.pack, layout.bundle}) {
    lower::append(key, v);
  }
}

void append(std::string& key, const ConvShape& s) {
  for (const std::int64_t v :
       {s.in_c, s.in_h, s.in_w, s.out_c, s.out_h, s.out_w, s.groups, s.window.kernel_h,
        s.window.kernel_w, s.window.stride_h, s.window.stride_w, s.window.dilation_h,
        s.window.dilation_w, s.window.pad_top, s.window.pad_left, std::int64_t{s.has_residual}}) {
    lower::append(key, v);
  }
  append(key, s.in);
  append(key, s.out);
  if (s.has_residual) append(key, s.residual);
}

}  // namespace

std::shared_ptr<CutTable> CutMemory::of(const Layer& layer, const LayerWeights& weights,
                                        const ConvShape& shape, const ArchConfig& config,
                                        const std::string& key) {
  std::string all;
  all.reserve(key.size() + 300);
  all += key;
  append(all, shape);
  const Format& format = layer.weight_format;
  lower::append(all, format.bits * 4 + (format.is_signed ? 2 : 0) + (format.bipolar ? 1 : 0));
  lower::append(all, static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(&weights)));
  auto& tables = tables_[std::move(all)];
  const BufferLimits buffers(config);
  for (auto& table : tables) {
    if (table->serves(buffers)) return table;
  }
  ++made_;
  auto made = std::make_shared<CutTable>(layer, weights, shape, config);
  // The text on a shortage names this layer and these buffers.
  if (made->problem()) return made;
  made->serial = made_;
  tables.push_back(made);
  if (++count_ > limit_) drop_unused();
  return made;
}

void CutMemory::drop_unused() {
  count_ = 0;
  for (auto it = tables_.begin(); it != tables_.end();) {
    auto& tables = it->second;
    tables.erase(std::remove_if(tables.begin(), tables.end(),
                                [](const auto& table) { return table.use_count() == 1; }),
                 tables.end());
    count_ += tables.size();
    it = tables.empty() ? tables_.erase(it) : std::next(it);
  }
  limit_ = std::max<std::size_t>(4096, 2 * count_);
}

}  // namespace tactus::lower
