// SPDX-License-Identifier: Apache-2.0
// The accelerator: it fetches its program and data from memory and runs whole networks by itself.
// Parameters are those of models/arch/arch_fields.def; cap_*_o reports them back, so that the host
// can refuse a stale build. Timing: models/README.md.

`include "tactus_parameters.svh"

module tactus_top #(
  `TACTUS_PARAMETERS
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]            fault_i,     // number of a seeded fault (rtl/faults.md), 0 = none
`endif
  input  logic                  start_i,
  input  logic [63:0]           prog_addr_i,
  input  logic [15:0]           prog_ops_i,
  output logic                  busy_o,
  output logic                  done_o,
  // read channel
  output logic                  rd_req_valid_o,
  input  logic                  rd_req_ready_i,
  output logic [63:0]           rd_req_addr_o,
  output logic [8:0]            rd_req_beats_o,
  input  logic                  rd_valid_i,
  output logic                  rd_ready_o,
  input  logic [DataBits-1:0]   rd_data_i,
  // write channel
  output logic                  wr_valid_o,
  input  logic                  wr_ready_i,
  output logic [63:0]           wr_addr_o,
  output logic [DataBits-1:0]   wr_data_o,
  output logic [DataBits/8-1:0] wr_strb_o,
  output logic                  wr_last_o,
  input  logic                  wr_ack_i,
`ifdef TACTUS_MONITOR
  // retire records: high in the cycle after the op's retire cycle
  output logic                  ret_load_valid_o,
  output logic [63:0]           ret_load_start_o,
  output logic [63:0]           ret_load_digest_o,
  output logic [32*tactus_op_pkg::N_EVENTS-1:0] ret_load_events_o,
  output logic                  ret_compute_valid_o,
  output logic [63:0]           ret_compute_start_o,
  output logic [63:0]           ret_compute_digest_o,
  output logic [32*tactus_op_pkg::N_EVENTS-1:0] ret_compute_events_o,
  output logic                  ret_post_valid_o,
  output logic [63:0]           ret_post_start_o,
  output logic [63:0]           ret_post_digest_o,
  output logic [32*tactus_op_pkg::N_EVENTS-1:0] ret_post_events_o,
  output logic                  ret_store_valid_o,
  output logic [63:0]           ret_store_start_o,
  output logic [63:0]           ret_store_digest_o,
  output logic [32*tactus_op_pkg::N_EVENTS-1:0] ret_store_events_o,
`endif
  // elaborated parameters
  `TACTUS_CAP_PORTS
);

  localparam int BeatBytes = DataBits / 8;
  localparam int Groups = ArrayCols / PostLanes;
  localparam int GroupBits = (Groups > 1) ? $clog2(Groups) : 1;
  localparam int TagBits = 3;
  // Words, packs, bundles: a plane has at most PostLanes channels, a pixel at most a beat.
  localparam int LogLanes = $clog2(PostLanes);
  localparam int LogPack = (MultiWidth == 0) ? 0
      : ($clog2(OperandBits) < LogLanes) ? $clog2(OperandBits) : LogLanes;
  localparam int LogBeatWords = ($clog2(DataBits / OperandBits) < 3)
      ? $clog2(DataBits / OperandBits) : 3;
  localparam int LogBundle = (MultiWidth == 0 && EdgeWords == 1) ? 0
      : (LogBeatWords < LogLanes) ? LogBeatWords : LogLanes;
  localparam int PlaneLanes = (LogPack + LogBundle < LogLanes) ? 1 << (LogPack + LogBundle)
                                                               : PostLanes;

  tactus_capabilities #(
    `TACTUS_PASS_PARAMETERS
  ) u_capabilities (
    `TACTUS_CAP_CONNECT
  );

  // Sequencer
  logic                boot, boot_done, inst_retire;
  logic [tactus_op_pkg::N_QUEUES-1:0] op_ready, op_start, op_retire;
  logic [tactus_op_pkg::OP_BITS-1:0]  load_op, compute_op, post_op, store_op;

  // Load unit's write port
  logic                 ld_we, ld_half;
  logic [2:0]           ld_dest;
  logic [23:0]          ld_addr;
  logic [7:0]           ld_group, ld_mask;
  logic [BeatBytes-1:0] ld_be;
  logic [DataBits-1:0]  ld_data;
  logic [2:0]           ld_log2_pack, ld_part;
  logic [1:0]           ld_log2_bundle;
  logic                 ld_signed;
  logic                 ld_active, ld_fill;

  tactus_sequencer #(
    .DataBits  (DataBits),
    .SegmentOps(SegmentOps),
    .QueueDepth(QueueDepth)
  ) u_sequencer (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i      (fault_i),
`endif
    .start_i      (start_i),
    .busy_o       (busy_o),
    .done_o       (done_o),
    .boot_o       (boot),
    .boot_done_i  (boot_done),
    .inst_retire_i(inst_retire),
    .inst_we_i    (ld_we && ld_dest == 3'(tactus_op_pkg::DEST_INST)),
    .inst_half_i  (ld_half),
    .inst_addr_i  (ld_addr),
    .inst_data_i  (ld_data),
    .ready_o      (op_ready),
    .op_start_i   (op_start),
    .retire_i     (op_retire),
    .load_op_o    (load_op),
    .compute_op_o (compute_op),
    .post_op_o    (post_op),
    .store_op_o   (store_op)
  );

  tactus_load_dma #(
    .DataBits  (DataBits),
    .BurstBeats(BurstBeats),
    .Packing   ((PlaneLanes > 1) ? 1 : 0)
  ) u_load_dma (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i       (fault_i),
`endif
    .boot_i        (boot),
    .boot_addr_i   (prog_addr_i),
    .boot_ops_i    (prog_ops_i),
    .boot_done_o   (boot_done),
    .ready_i       (op_ready[tactus_op_pkg::QUEUE_LOAD]),
    .op_i          (load_op),
    .start_o       (op_start[tactus_op_pkg::QUEUE_LOAD]),
    .retire_o      (op_retire[tactus_op_pkg::QUEUE_LOAD]),
    .inst_retire_o (inst_retire),
    .rd_req_valid_o(rd_req_valid_o),
    .rd_req_ready_i(rd_req_ready_i),
    .rd_req_addr_o (rd_req_addr_o),
    .rd_req_beats_o(rd_req_beats_o),
    .rd_valid_i    (rd_valid_i),
    .rd_ready_o    (rd_ready_o),
    .rd_data_i     (rd_data_i),
    .wr_en_o       (ld_we),
    .wr_dest_o     (ld_dest),
    .wr_half_o     (ld_half),
    .wr_addr_o     (ld_addr),
    .wr_group_o    (ld_group),
    .wr_mask_o     (ld_mask),
    .wr_log2_pack_o  (ld_log2_pack),
    .wr_log2_bundle_o(ld_log2_bundle),
    .wr_signed_o   (ld_signed),
    .wr_part_o     (ld_part),
    .wr_be_o       (ld_be),
    .wr_data_o     (ld_data),
    .op_active_o   (ld_active),
    .op_fill_o     (ld_fill)
  );

  // Post-processor
  logic                          param_re, param_half;
  logic [15:0]                   param_record;
  logic [255:0]                  param_data;
  logic [PostLanes-1:0]          po_psum_re, po_src_re, po_ofmap_we;
  logic                          po_psum_half, po_src_half, po_dst_half;
  logic [19:0]                   po_psum_addr;
  logic [PostLanes*AccBits-1:0]  po_psum_data;
  logic [23:0]                   po_src_addr, po_dst_addr, po_dst_addr1;
  logic [PostLanes*DataBits-1:0] po_src_data;
  logic [GroupBits-1:0]          po_group, po_write_group;
  logic [1:0]                    po_log2_bytes;
  logic [PostLanes*32-1:0]       po_ofmap_data;
  logic [ArrayRows-1:0]          po_ifmap_we, po_ifmap_high;
  logic [ArrayRows*BeatBytes-1:0] po_ifmap_be;
  logic [ArrayRows*DataBits-1:0]  po_ifmap_data;
  // Monitor taps, without a reader in a build without TACTUS_MONITOR
  logic                          mon_pass, mon_write, mon_step, mon_weight_re, mon_wave;
  logic                          mon_sparse, mon_all_rows;
  logic [TagBits-1:0]            mon_start_tag, mon_op_tag, mon_weight_tag;
  logic [ArrayRows-1:0]          mon_act_swap, mon_act_en, mon_act_used;
  logic [ArrayRows*8-1:0]        mon_act_zeros;
`ifdef TACTUS_MONITOR
  logic [ArrayCols*32-1:0]       mon_pe_overflows, mon_gated;
`endif
  logic [PostLanes-1:0]          mon_lanes, mon_po_overflow;
  logic [15:0]                   mon_channel;
  logic [PostLanes*32-1:0]       mon_result;
  logic [ArrayCols-1:0]          mon_we, mon_re, mon_overflow, mon_final;
  logic [ArrayCols*TagBits-1:0]  mon_tag;
  logic [ArrayCols*20-1:0]       mon_addr;
  logic [ArrayCols*AccBits-1:0]  mon_acc;

  tactus_compute_unit #(
    .ArrayRows     (ArrayRows),
    .ArrayCols     (ArrayCols),
    .OperandBits   (OperandBits),
    .MultiWidth    (MultiWidth),
    .EdgeWords     (EdgeWords),
    .OutputStationary(OutputStationary),
    .AccBits       (AccBits),
    .AccOverflow   (AccOverflow),
    .FoldOverlap   (FoldOverlap),
    .PostLanes     (PostLanes),
    .ZeroGating    (ZeroGating),
    .DataBits      (DataBits),
    .IfmapBankBytes(IfmapBankBytes),
    .WeightRows    (WeightRows),
    .IndexRows     (IndexRows),
    .PsumEntries   (PsumEntries),
    .TagBits       (TagBits)
  ) u_compute_unit (
    .clk_i           (clk_i),
    .rst_ni          (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i         (fault_i),
`endif
    .ready_i         (op_ready[tactus_op_pkg::QUEUE_COMPUTE]),
    .op_i            (compute_op),
    .start_o         (op_start[tactus_op_pkg::QUEUE_COMPUTE]),
    .retire_o        (op_retire[tactus_op_pkg::QUEUE_COMPUTE]),
    .load_ifmap_i    (ld_we && ld_dest == 3'(tactus_op_pkg::DEST_IFMAP)),
    .load_weight_i   (ld_we && ld_dest == 3'(tactus_op_pkg::DEST_WEIGHT)),
    .load_index_i    (ld_we && ld_dest == 3'(tactus_op_pkg::DEST_INDEX)),
    .load_half_i     (ld_half),
    .load_group_i    (ld_group),
    .load_mask_i     (ld_mask),
    .load_addr_i     (ld_addr),
    .load_be_i       (ld_be),
    .load_data_i     (ld_data),
    .post_wr_half_i  (po_dst_half),
    .post_we_i       (po_ifmap_we),
    .post_high_i     (po_ifmap_high),
    .post_addr0_i    (po_dst_addr),
    .post_addr1_i    (po_dst_addr1),
    .post_be_i       (po_ifmap_be),
    .post_data_i     (po_ifmap_data),
    .post_psum_re_i  (po_psum_re),
    .post_psum_half_i(po_psum_half),
    .post_group_i    (po_group),
    .post_psum_addr_i(po_psum_addr),
    .post_psum_data_o(po_psum_data),
    .mon_start_tag_o (mon_start_tag),
    .mon_op_tag_o    (mon_op_tag),
    .mon_weight_re_o (mon_weight_re),
    .mon_weight_tag_o(mon_weight_tag),
    .mon_sparse_o    (mon_sparse),
    .mon_all_rows_o  (mon_all_rows),
    .mon_wave_o      (mon_wave),
    .mon_act_swap_o  (mon_act_swap),
    .mon_act_en_o    (mon_act_en),
    .mon_act_used_o  (mon_act_used),
    .mon_act_zeros_o (mon_act_zeros),
`ifdef TACTUS_MONITOR
    .mon_pe_overflows_o(mon_pe_overflows),
    .mon_gated_o     (mon_gated),
`endif
    .mon_we_o        (mon_we),
    .mon_re_o        (mon_re),
    .mon_overflow_o  (mon_overflow),
    .mon_final_o     (mon_final),
    .mon_tag_o       (mon_tag),
    .mon_addr_o      (mon_addr),
    .mon_acc_o       (mon_acc)
  );

  tactus_param_buffer #(
    .DataBits    (DataBits),
    .ParamRecords(ParamRecords)
  ) u_param_buffer (
    .clk_i      (clk_i),
    .load_we_i  (ld_we && ld_dest == 3'(tactus_op_pkg::DEST_PARAM)),
    .load_half_i(ld_half),
    .load_addr_i(ld_addr),
    .load_data_i(ld_data),
    .rd_en_i    (param_re),
    .rd_half_i  (param_half),
    .rd_record_i(param_record),
    .rd_data_o  (param_data)
  );

  tactus_post_unit #(
    .ArrayRows  (ArrayRows),
    .ArrayCols  (ArrayCols),
    .PostLanes  (PostLanes),
    .DataBits   (DataBits),
    .AccBits    (AccBits),
    .AccOverflow(AccOverflow),
    .WordBits   (OperandBits),
    .LogPack    (LogPack),
    .LogBundle  (LogBundle)
  ) u_post_unit (
    .clk_i             (clk_i),
    .rst_ni            (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i           (fault_i),
`endif
    .ready_i           (op_ready[tactus_op_pkg::QUEUE_POST]),
    .op_i              (post_op),
    .start_o           (op_start[tactus_op_pkg::QUEUE_POST]),
    .retire_o          (op_retire[tactus_op_pkg::QUEUE_POST]),
    .param_re_o        (param_re),
    .param_half_o      (param_half),
    .param_record_o    (param_record),
    .param_data_i      (param_data),
    .psum_re_o         (po_psum_re),
    .psum_half_o       (po_psum_half),
    .psum_addr_o       (po_psum_addr),
    .psum_data_i       (po_psum_data),
    .src_re_o          (po_src_re),
    .src_half_o        (po_src_half),
    .src_addr_o        (po_src_addr),
    .src_data_i        (po_src_data),
    .group_o           (po_group),
    .write_group_o     (po_write_group),
    .ofmap_we_o        (po_ofmap_we),
    .ofmap_log2_bytes_o(po_log2_bytes),
    .ofmap_data_o      (po_ofmap_data),
    .ifmap_we_o        (po_ifmap_we),
    .ifmap_high_o      (po_ifmap_high),
    .ifmap_be_o        (po_ifmap_be),
    .ifmap_data_o      (po_ifmap_data),
    .dst_addr_o        (po_dst_addr),
    .dst_addr1_o       (po_dst_addr1),
    .dst_half_o        (po_dst_half),
    .mon_pass_o        (mon_pass),
    .mon_write_o       (mon_write),
    .mon_step_o        (mon_step),
    .mon_lanes_o       (mon_lanes),
    .mon_channel_o     (mon_channel),
    .mon_result_o      (mon_result),
    .mon_overflow_o    (mon_po_overflow)
  );

  logic       st_re;
  logic [2:0] st_log2_banks;

  tactus_ofmap_unit #(
    .ArrayCols (ArrayCols),
    .PostLanes (PostLanes),
    .DataBits  (DataBits),
    .BankBytes (OfmapBankBytes),
    .WordBits  (OperandBits),
    .MultiWidth(MultiWidth),
    .LogPack   (LogPack),
    .LogBundle (LogBundle),
    .PlaneLanes(PlaneLanes)
  ) u_ofmap_unit (
    .clk_i             (clk_i),
    .rst_ni            (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i           (fault_i),
`endif
    .load_we_i         (ld_we && ld_dest == 3'(tactus_op_pkg::DEST_OFMAP)),
    .load_half_i       (ld_half),
    .load_group_i      (ld_group),
    .load_mask_i       (ld_mask),
    .load_addr_i       (ld_addr),
    .load_be_i         (ld_be),
    .load_data_i       (ld_data),
    .load_log2_pack_i  (ld_log2_pack),
    .load_log2_bundle_i(ld_log2_bundle),
    .load_signed_i     (ld_signed),
    .load_part_i       (ld_part),
    .post_we_i         (po_ofmap_we),
    .post_half_i       (po_dst_half),
    .post_group_i      (po_group),
    .post_write_group_i(po_write_group),
    .post_addr_i       (po_dst_addr),
    .post_log2_bytes_i (po_log2_bytes),
    .post_data_i       (po_ofmap_data),
    .post_re_i         (po_src_re),
    .post_rhalf_i      (po_src_half),
    .post_raddr_i      (po_src_addr),
    .post_rdata_o      (po_src_data),
    .ready_i           (op_ready[tactus_op_pkg::QUEUE_STORE]),
    .op_i              (store_op),
    .start_o           (op_start[tactus_op_pkg::QUEUE_STORE]),
    .retire_o          (op_retire[tactus_op_pkg::QUEUE_STORE]),
    .wr_valid_o        (wr_valid_o),
    .wr_ready_i        (wr_ready_i),
    .wr_addr_o         (wr_addr_o),
    .wr_data_o         (wr_data_o),
    .wr_strb_o         (wr_strb_o),
    .wr_last_o         (wr_last_o),
    .wr_ack_i          (wr_ack_i),
    .mon_re_o          (st_re),
    .mon_log2_banks_o  (st_log2_banks)
  );

`ifdef TACTUS_MONITOR
  tactus_perf #(
    .ArrayRows(ArrayRows),
    .ArrayCols(ArrayCols),
    .PostLanes(PostLanes),
    .DataBits (DataBits),
    .AccBits  (AccBits),
    .ZeroGating(ZeroGating),
    .TagBits  (TagBits)
  ) u_perf (
    .clk_i          (clk_i),
    .rst_ni         (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i        (fault_i),
`endif
    .start_i        (boot),
    .op_start_i     (op_start),
    .op_retire_i    (op_retire),
    .load_op_i      (load_op),
    .compute_op_i   (compute_op),
    .post_op_i      (post_op),
    .load_req_i     (rd_req_valid_o && rd_req_ready_i && ld_active),
    .load_beat_i    (ld_we && ld_active),
    .load_fill_i    (ld_fill),
    .load_dest_i    (ld_dest),
    .load_mask_i    (ld_mask),
    .load_data_i    (rd_data_i),
    .start_tag_i    (mon_start_tag),
    .op_tag_i       (mon_op_tag),
    .weight_re_i    (mon_weight_re),
    .weight_tag_i   (mon_weight_tag),
    .sparse_i       (mon_sparse),
    .all_rows_i     (mon_all_rows),
    .wave_i         (mon_wave),
    .act_swap_i     (mon_act_swap),
    .act_en_i       (mon_act_en),
    .act_used_i     (mon_act_used),
    .act_zeros_i    (mon_act_zeros),
    .pe_overflows_i (mon_pe_overflows),
    .gated_i        (mon_gated),
    .psum_we_i      (mon_we),
    .psum_re_i      (mon_re),
    .psum_overflow_i(mon_overflow),
    .psum_final_i   (mon_final),
    .psum_tag_i     (mon_tag),
    .psum_addr_i    (mon_addr),
    .psum_acc_i     (mon_acc),
    .post_pass_i    (mon_pass),
    .post_param_re_i(param_re),
    .post_psum_re_i (po_psum_re),
    .post_src_re_i  (po_src_re),
    .post_write_i   (mon_write),
    .post_step_i    (mon_step),
    .post_lanes_i   (mon_lanes),
    .post_channel_i (mon_channel),
    .post_result_i  (mon_result),
    .post_overflow_i(mon_po_overflow),
    .post_ifmap_we_i(po_ifmap_we),
    .post_ofmap_we_i(po_ofmap_we),
    .store_re_i     (st_re),
    .store_log2_banks_i(st_log2_banks),
    .store_beat_i   (wr_valid_o && wr_ready_i),
    .store_data_i   (wr_data_o),
    .store_strb_i   (wr_strb_o),
    .ret_valid_o    ({ret_store_valid_o, ret_post_valid_o, ret_compute_valid_o, ret_load_valid_o}),
    .ret_start_o    ({ret_store_start_o, ret_post_start_o, ret_compute_start_o, ret_load_start_o}),
    .ret_digest_o   ({ret_store_digest_o, ret_post_digest_o, ret_compute_digest_o,
                      ret_load_digest_o}),
    .ret_events_o   ({ret_store_events_o, ret_post_events_o, ret_compute_events_o,
                      ret_load_events_o})
  );
`endif

endmodule
