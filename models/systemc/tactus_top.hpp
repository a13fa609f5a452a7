// SPDX-License-Identifier: Apache-2.0
// The accelerator and its memory: all blocks of one run and their connections.
#pragma once

#include <cstdint>
#include <systemc>
#include <vector>

#include "compute_ctrl.hpp"
#include "load_dma.hpp"
#include "offchip_memory_target.hpp"
#include "pe_array.hpp"
#include "perf.hpp"
#include "post_processor.hpp"
#include "sequencer.hpp"
#include "store_dma.hpp"

namespace tactus::systemc {

class TactusTop : public sc_core::sc_module {
 public:
  TactusTop(const sc_core::sc_module_name& name, Context& context, const Program& program,
            std::vector<std::uint8_t> bytes)
      : sc_module(name),
        issue(context),
        memory("offchip_memory", context, std::move(bytes)),
        ifmap("ifmap_buffer", context.size.rows, context.config.ifmap_bank_bytes()),
        weight("weight_buffer",
               context.config.weight_rows() * context.size.cols * context.size.word_bytes),
        index("index_buffer",
              context.config.index_rows() * context.size.cols * context.size.word_bytes),
        param("param_buffer", context.config.param_records() * record_bytes),
        psum("psum_buffer", context.config.psum_entries(), context.size.cols),
        ofmap("ofmap_buffer", context.size.cols, context.config.ofmap_bank_bytes()),
        inst("inst_buffer", context.size.segment_ops * op_bytes),
        perf("perf", context),
        sequencer("sequencer", context, inst, issue),
        load_dma("load_dma", context, issue, perf, sequencer,
                 {ifmap, weight, index, param, ofmap, inst}, program),
        store_dma("store_dma", context, issue, perf, ofmap),
        pe_array("pe_array", context, {ifmap, weight, index, psum}),
        compute_ctrl("compute_ctrl", context, issue, perf, pe_array),
        post_processor("post_processor", context, issue, perf, {psum, ofmap, ifmap, param}) {
    load_dma.socket.bind(memory.read_socket);
    store_dma.socket.bind(memory.write_socket);
  }

  Issue issue;
  OffchipMemoryTarget memory;
  IfmapBuffer ifmap;
  WeightBuffer weight;
  IndexBuffer index;
  ParamBuffer param;
  PsumBuffer psum;
  OfmapBuffer ofmap;
  InstBuffer inst;
  Perf perf;
  Sequencer sequencer;
  LoadDma load_dma;
  StoreDma store_dma;
  PeArray pe_array;
  ComputeCtrl compute_ctrl;
  PostProcessor post_processor;
};

}  // namespace tactus::systemc
