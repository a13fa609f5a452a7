// SPDX-License-Identifier: Apache-2.0
// Block `post_processor`: the post queue.
#pragma once

#include <systemc>

#include "context.hpp"
#include "issue.hpp"
#include "perf.hpp"
#include "post_values.hpp"

namespace tactus::systemc {

class PostProcessor : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(PostProcessor);
  PostProcessor(const sc_core::sc_module_name& name, Context& context, Issue& issue, Perf& perf,
                const PostBuffers& buffers);

 private:
  void run();
  void serve();
  /// Lets the cycles of all passes go by.
  void take_passes(const PostOp& op, const PostShape& shape);
  [[nodiscard]] EventCounts shape_events(const PostOp& op, const PostShape& shape) const;

  Context& context_;
  Issue& issue_;
  Perf& perf_;
  PostBuffers buffers_;
};

}  // namespace tactus::systemc
