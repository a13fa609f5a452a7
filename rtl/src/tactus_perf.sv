// SPDX-License-Identifier: Apache-2.0
// Monitor: start cycle, digest and event counts of every op (models/README.md). Simulation only:
// the top instantiates it under TACTUS_MONITOR. Compute ops overlap, so their counts are kept by
// tag (sequence number modulo 8). A record is shown in the cycle after the op's retire cycle.

`include "tactus_field.svh"

module tactus_perf #(
  parameter int ArrayRows = 16,
  parameter int ArrayCols = 16,
  parameter int PostLanes = 16,
  parameter int DataBits = 32,
  parameter int AccBits = 32,
  parameter int ZeroGating = 0,
  parameter int TagBits = 3
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]                     fault_i,
`endif
  input  logic                           start_i,       // of the program: cycle 0
  input  logic [tactus_op_pkg::N_QUEUES-1:0]            op_start_i,
  input  logic [tactus_op_pkg::N_QUEUES-1:0]            op_retire_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0]             load_op_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0]             compute_op_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0]             post_op_i,
  // load unit
  input  logic                           load_req_i,
  input  logic                           load_beat_i,
  input  logic                           load_fill_i,
  input  logic [2:0]                     load_dest_i,
  input  logic [7:0]                     load_mask_i,
  input  logic [DataBits-1:0]            load_data_i,
  // compute unit
  input  logic [TagBits-1:0]             start_tag_i,
  input  logic [TagBits-1:0]             op_tag_i,
  input  logic                           weight_re_i,
  input  logic [TagBits-1:0]             weight_tag_i,
  input  logic                           sparse_i,      // indices are read, too
  input  logic                           all_rows_i,    // output-stationary: for all rows
  input  logic                           wave_i,        // weight-stationary: for one row
  input  logic [ArrayRows-1:0]           act_swap_i,
  input  logic [ArrayRows-1:0]           act_en_i,
  input  logic [ArrayRows-1:0]           act_used_i,
  input  logic [ArrayRows*8-1:0]         act_zeros_i,
  input  logic [ArrayCols*32-1:0]        pe_overflows_i,
  input  logic [ArrayCols*32-1:0]        gated_i,
  input  logic [ArrayCols-1:0]           psum_we_i,
  input  logic [ArrayCols-1:0]           psum_re_i,
  input  logic [ArrayCols-1:0]           psum_overflow_i,
  input  logic [ArrayCols-1:0]           psum_final_i,
  input  logic [ArrayCols*TagBits-1:0]   psum_tag_i,
  input  logic [ArrayCols*20-1:0]        psum_addr_i,
  input  logic [ArrayCols*AccBits-1:0]   psum_acc_i,
  // post-processor
  input  logic                           post_pass_i,
  input  logic                           post_param_re_i,
  input  logic [PostLanes-1:0]           post_psum_re_i,
  input  logic [PostLanes-1:0]           post_src_re_i,
  input  logic                           post_write_i,
  input  logic                           post_step_i,   // the write is the pixel's last
  input  logic [PostLanes-1:0]           post_lanes_i,
  input  logic [15:0]                    post_channel_i,
  input  logic [PostLanes*32-1:0]        post_result_i,
  input  logic [PostLanes-1:0]           post_overflow_i,
  input  logic [ArrayRows-1:0]           post_ifmap_we_i,
  input  logic [PostLanes-1:0]           post_ofmap_we_i,
  // store unit
  input  logic                           store_re_i,
  input  logic [2:0]                     store_log2_banks_i,  // of the banks that are read at once
  input  logic                           store_beat_i,
  input  logic [DataBits-1:0]            store_data_i,
  input  logic [DataBits/8-1:0]          store_strb_i,
  // records
  output logic [tactus_op_pkg::N_QUEUES-1:0]            ret_valid_o,
  output logic [tactus_op_pkg::N_QUEUES*64-1:0]         ret_start_o,
  output logic [tactus_op_pkg::N_QUEUES*64-1:0]         ret_digest_o,
  output logic [tactus_op_pkg::N_QUEUES*tactus_op_pkg::N_EVENTS*32-1:0] ret_events_o
);

  localparam int Tags = 1 << TagBits;

  function automatic logic [63:0] mix(input logic [63:0] a, input logic [63:0] v);
    logic [63:0] h;
    begin
      h = (v ^ (a * 64'h9E3779B97F4A7C15)) * 64'hC2B2AE3D27D4EB4F;
      mix = h ^ (h >> 32);
    end
  endfunction

  localparam int Words = (DataBits + 63) / 64;
  function automatic logic [63:0] fold_beat(input logic [DataBits-1:0] data);
    logic [64*Words-1:0] padded;
    begin
      padded = (64*Words)'(data);
      fold_beat = padded[63:0];
      for (int i = 1; i < Words; i++) begin
        fold_beat = fold_beat ^ padded[64*i +: 64];
      end
    end
  endfunction

  function automatic logic [31:0] count_rows(input logic [ArrayRows-1:0] bits);
    begin
      count_rows = 32'd0;
      for (int i = 0; i < ArrayRows; i++) begin
        count_rows = count_rows + 32'(bits[i]);
      end
    end
  endfunction

  function automatic logic [31:0] count_lanes(input logic [PostLanes-1:0] bits);
    begin
      count_lanes = 32'd0;
      for (int i = 0; i < PostLanes; i++) begin
        count_lanes = count_lanes + 32'(bits[i]);
      end
    end
  endfunction

  function automatic logic [31:0] banks_hit(input logic [31:0] banks, input logic [7:0] mask);
    begin
      banks_hit = banks;
      for (int i = 0; i < 8; i++) begin
        banks_hit = banks_hit >> mask[i];
      end
    end
  endfunction

  logic [63:0] cycle_q, cycle;
  assign cycle = start_i ? 64'd0 : cycle_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycle_q <= 64'd0;
    end else begin
      cycle_q <= cycle + 64'd1;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ret_valid_o <= '0;
    end else begin
      ret_valid_o <= op_retire_i;
    end
  end

  // Load queue
  logic [63:0] ld_start, ld_digest, ld_n;
  logic [31:0] ld_req, ld_beats, ld_writes;
  logic [2:0]  ld_dest;
  always_ff @(posedge clk_i) begin
    if (op_start_i[tactus_op_pkg::QUEUE_LOAD]) begin
      ld_start  <= cycle;
      ld_n      <= 64'd0;
      ld_req    <= 32'd0;
      ld_beats  <= 32'd0;
      ld_writes <= 32'd0;
      ld_digest <= (`TACTUS_FIELD(load_op_i, HDR_OPCODE) == 4'(tactus_op_pkg::OP_FILL))
                   ? mix(64'(`TACTUS_FIELD(load_op_i, FILL_BEATS)),
                         64'(`TACTUS_FIELD(load_op_i, FILL_VALUE))) : 64'd0;
    end else begin
      if (load_req_i) begin
        ld_req <= ld_req + 32'd1;
      end
      if (load_beat_i) begin
        ld_dest <= load_dest_i;
        if (!load_fill_i) begin
          ld_n      <= ld_n + 64'd1;
          ld_beats  <= ld_beats + 32'd1;
          ld_digest <= ld_digest + mix(ld_n, fold_beat(load_data_i));
        end
        case (load_dest_i)
          3'(tactus_op_pkg::DEST_IFMAP):
            ld_writes <= ld_writes + banks_hit(32'(ArrayRows), load_mask_i);
          3'(tactus_op_pkg::DEST_OFMAP):
            ld_writes <= ld_writes + banks_hit(32'(ArrayCols), load_mask_i);
          default: ld_writes <= ld_writes + 32'd1;
        endcase
      end
    end
  end

  // Compute queue, by tag. Blocking assignments: several rows and columns may count for one tag.
  logic [63:0] c_start [Tags];
  logic [63:0] c_digest [Tags];
  logic [19:0] c_base [Tags];
  logic [31:0] c_weight_rd [Tags];
  logic [31:0] c_index_rd [Tags];
  logic [31:0] c_pe_weight [Tags];
  logic [31:0] c_ifmap_rd [Tags];
  logic [31:0] c_pe_active [Tags];
  logic [31:0] c_act_zero [Tags];
  logic [31:0] c_gated [Tags];
  logic [31:0] c_psum_wr [Tags];
  logic [31:0] c_psum_rd [Tags];
  logic [31:0] c_overflow [Tags];
  logic        c_os [Tags];          // output-stationary
  logic [TagBits-1:0] row_tag [ArrayRows];
  logic [TagBits-1:0] retire_tag;

  always @(posedge clk_i) begin
    if (op_start_i[tactus_op_pkg::QUEUE_COMPUTE]) begin
      c_start[start_tag_i]     = cycle;
      c_digest[start_tag_i]    = 64'd0;
      c_base[start_tag_i]      = `TACTUS_FIELD(compute_op_i, COMPUTE_PSUM_BASE);
      c_weight_rd[start_tag_i] = 32'd0;
      c_index_rd[start_tag_i]  = 32'd0;
      c_pe_weight[start_tag_i] = 32'd0;
      c_ifmap_rd[start_tag_i]  = 32'd0;
      c_pe_active[start_tag_i] = 32'd0;
      c_act_zero[start_tag_i]  = 32'd0;
      c_gated[start_tag_i]     = 32'd0;
      c_psum_wr[start_tag_i]   = 32'd0;
      c_psum_rd[start_tag_i]   = 32'd0;
      c_overflow[start_tag_i]  = 32'd0;
      c_os[start_tag_i]        = compute_op_i[tactus_op_pkg::COMPUTE_DATAFLOW_LSB];
    end
    if (weight_re_i) begin
      c_weight_rd[weight_tag_i] = c_weight_rd[weight_tag_i] + 32'd1;
      if (sparse_i) begin
        c_index_rd[weight_tag_i] = c_index_rd[weight_tag_i] + 32'd1;
      end
      if (all_rows_i) begin
        c_pe_weight[weight_tag_i] = c_pe_weight[weight_tag_i] + 32'(ArrayRows * ArrayCols);
      end
    end
    if (wave_i) begin
      c_pe_weight[op_tag_i] = c_pe_weight[op_tag_i] + 32'(ArrayCols);
    end
    // Data stage of the rows first: their tags change with the swap, one cycle ahead.
    if (act_en_i != '0) begin
      for (int r = 0; r < ArrayRows; r++) begin
        if (act_en_i[r]) begin
          c_pe_active[row_tag[r]] = c_pe_active[row_tag[r]] + 32'(ArrayCols);
          if (act_used_i[r]) begin
            c_ifmap_rd[row_tag[r]] = c_ifmap_rd[row_tag[r]] + 32'd1;
            c_act_zero[row_tag[r]] = c_act_zero[row_tag[r]] + 32'(act_zeros_i[r*8 +: 8]);
          end
        end
      end
    end
    if (act_swap_i != '0) begin
      for (int r = ArrayRows - 1; r > 0; r--) begin
        if (act_swap_i[r]) begin
          row_tag[r] = row_tag[r-1];
        end
      end
      if (act_swap_i[0]) begin
        row_tag[0] = op_tag_i;
      end
    end
    if (psum_we_i != '0) begin
      for (int c = 0; c < ArrayCols; c++) begin
        if (psum_we_i[c]) begin
          c_psum_wr[psum_tag_i[c*TagBits +: TagBits]] =
              c_psum_wr[psum_tag_i[c*TagBits +: TagBits]] + 32'd1;
          if (psum_re_i[c]) begin
            c_psum_rd[psum_tag_i[c*TagBits +: TagBits]] =
                c_psum_rd[psum_tag_i[c*TagBits +: TagBits]] + 32'd1;
          end
          if (psum_overflow_i[c]) begin
            c_overflow[psum_tag_i[c*TagBits +: TagBits]] =
                c_overflow[psum_tag_i[c*TagBits +: TagBits]] + 32'd1;
          end
          if (c_os[psum_tag_i[c*TagBits +: TagBits]]) begin
            c_overflow[psum_tag_i[c*TagBits +: TagBits]] =
                c_overflow[psum_tag_i[c*TagBits +: TagBits]] + pe_overflows_i[c*32 +: 32];
          end
          if (ZeroGating != 0) begin
            c_gated[psum_tag_i[c*TagBits +: TagBits]] =
                c_gated[psum_tag_i[c*TagBits +: TagBits]] + gated_i[c*32 +: 32];
          end
          if (psum_final_i[c]) begin
            c_digest[psum_tag_i[c*TagBits +: TagBits]] =
                c_digest[psum_tag_i[c*TagBits +: TagBits]] +
                mix((64'(psum_addr_i[c*20 +: 20]) -
                     64'(c_base[psum_tag_i[c*TagBits +: TagBits]])) * 64'(ArrayCols) + 64'(c),
                    {{(64-AccBits){psum_acc_i[(c+1)*AccBits-1]}},
                     psum_acc_i[c*AccBits +: AccBits]});
          end
        end
      end
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      retire_tag <= '0;
    end else if (op_retire_i[tactus_op_pkg::QUEUE_COMPUTE]) begin
      retire_tag <= retire_tag + TagBits'(1);
    end
  end

  // Post queue
  logic [63:0] po_start, po_digest, po_index, po_pixels;
  logic [31:0] po_param, po_psum, po_src, po_op, po_ifmap, po_ofmap, po_overflow;
  always @(posedge clk_i) begin
    if (op_start_i[tactus_op_pkg::QUEUE_POST]) begin
      po_start    = cycle;
      po_digest   = 64'd0;
      po_param    = 32'd0;
      po_psum     = 32'd0;
      po_src      = 32'd0;
      po_op       = 32'd0;
      po_ifmap    = 32'd0;
      po_ofmap    = 32'd0;
      po_overflow = 32'd0;
      po_pixels   = 64'(`TACTUS_FIELD(post_op_i, POST_OUT_H)) *
                    64'(`TACTUS_FIELD(post_op_i, POST_OUT_W));
    end else begin
      if (post_param_re_i) begin
        po_param = po_param + 32'd1;
      end
      if (post_psum_re_i != '0) begin
        po_psum = po_psum + count_lanes(post_psum_re_i);
      end
      if (post_src_re_i != '0) begin
        po_src = po_src + count_lanes(post_src_re_i);
      end
      if (post_overflow_i != '0) begin
        po_overflow = po_overflow + count_lanes(post_overflow_i);
      end
      if (post_write_i) begin
        po_op    = po_op + count_lanes(post_lanes_i);
        po_ifmap = po_ifmap + count_rows(post_ifmap_we_i);
        po_ofmap = po_ofmap + count_lanes(post_ofmap_we_i);
        for (int l = 0; l < PostLanes; l++) begin
          if (post_lanes_i[l]) begin
            po_digest = po_digest +
                mix((64'(post_channel_i) + 64'(l)) * po_pixels + po_index,
                    {{32{post_result_i[32*l + 31]}}, post_result_i[32*l +: 32]});
          end
        end
        if (post_step_i) begin
          po_index = po_index + 64'd1;
        end
      end
    end
    if (post_pass_i) begin
      po_index = 64'd0;
    end
  end

  // Store queue
  logic [63:0] st_start, st_digest, st_n;
  logic [31:0] st_read;
  logic [DataBits-1:0] st_masked;
  genvar i;
  generate
    for (i = 0; i < DataBits / 8; i++) begin : gen_strobe
      assign st_masked[8*i +: 8] = store_data_i[8*i +: 8] & {8{store_strb_i[i]}};
    end
  endgenerate
  always_ff @(posedge clk_i) begin
    if (op_start_i[tactus_op_pkg::QUEUE_STORE]) begin
      st_start  <= cycle;
      st_digest <= 64'd0;
      st_n      <= 64'd0;
      st_read   <= 32'd0;
    end else begin
      if (store_re_i) begin
        st_read <= st_read + (32'd1 << store_log2_banks_i);
      end
      if (store_beat_i) begin
        st_n      <= st_n + 64'd1;
        st_digest <= st_digest + mix(st_n, fold_beat(st_masked));
      end
    end
  end

  // Records. The compute tag that retires was already advanced when the record is shown.
  logic [TagBits-1:0] shown;
  assign shown = retire_tag;
  assign ret_start_o  = {st_start, po_start, c_start[shown], ld_start};
  assign ret_digest_o = {st_digest, po_digest, c_digest[shown], ld_digest};

  localparam int QueueEventBits = tactus_op_pkg::N_EVENTS * 32;
  logic [QueueEventBits-1:0] ld_events, c_events, po_events, st_events;
  // Driven while a record is shown only: nobody looks at them at other times.
  always_comb begin
    ld_events = '0;
    if (ret_valid_o[tactus_op_pkg::QUEUE_LOAD]) begin
      ld_events[32*tactus_op_pkg::EV_MEM_RD_REQ +: 32]  = ld_req;
      ld_events[32*tactus_op_pkg::EV_MEM_RD_BEAT +: 32] = ld_beats;
      ld_events[32*tactus_op_pkg::EV_IFMAP_WR +: 32] =
          (ld_dest == 3'(tactus_op_pkg::DEST_IFMAP)) ? ld_writes : 32'd0;
      ld_events[32*tactus_op_pkg::EV_WEIGHT_WR +: 32] =
          (ld_dest == 3'(tactus_op_pkg::DEST_WEIGHT)) ? ld_writes : 32'd0;
      ld_events[32*tactus_op_pkg::EV_INDEX_WR +: 32] =
          (ld_dest == 3'(tactus_op_pkg::DEST_INDEX)) ? ld_writes : 32'd0;
      ld_events[32*tactus_op_pkg::EV_PARAM_WR +: 32] =
          (ld_dest == 3'(tactus_op_pkg::DEST_PARAM)) ? ld_writes : 32'd0;
      ld_events[32*tactus_op_pkg::EV_OFMAP_WR +: 32] =
          (ld_dest == 3'(tactus_op_pkg::DEST_OFMAP)) ? ld_writes : 32'd0;
      ld_events[32*tactus_op_pkg::EV_INST_WR +: 32] =
          (ld_dest == 3'(tactus_op_pkg::DEST_INST)) ? ld_writes : 32'd0;
    end
    c_events = '0;
    if (ret_valid_o[tactus_op_pkg::QUEUE_COMPUTE]) begin
      c_events[32*tactus_op_pkg::EV_WEIGHT_RD +: 32]    = c_weight_rd[shown];
      c_events[32*tactus_op_pkg::EV_INDEX_RD +: 32]     = c_index_rd[shown];
      c_events[32*tactus_op_pkg::EV_PE_WEIGHT +: 32]    = c_pe_weight[shown];
      c_events[32*tactus_op_pkg::EV_IFMAP_RD +: 32]     = c_ifmap_rd[shown];
      c_events[32*tactus_op_pkg::EV_PE_ACTIVE +: 32]    = c_pe_active[shown];
      c_events[32*tactus_op_pkg::EV_ACT_ZERO +: 32]     = c_act_zero[shown];
      c_events[32*tactus_op_pkg::EV_MAC_GATED +: 32]    = c_gated[shown];
      c_events[32*tactus_op_pkg::EV_PSUM_WR +: 32]      = c_psum_wr[shown];
      c_events[32*tactus_op_pkg::EV_PSUM_RD +: 32]      = c_psum_rd[shown];
      c_events[32*tactus_op_pkg::EV_ACC_OVERFLOW +: 32] = c_overflow[shown];
    end
    po_events = '0;
    if (ret_valid_o[tactus_op_pkg::QUEUE_POST]) begin
      po_events[32*tactus_op_pkg::EV_PARAM_RD +: 32]     = po_param;
      po_events[32*tactus_op_pkg::EV_PSUM_RD +: 32]      = po_psum;
      po_events[32*tactus_op_pkg::EV_OFMAP_RD +: 32]     = po_src;
      po_events[32*tactus_op_pkg::EV_POST_OP +: 32]      = po_op;
      po_events[32*tactus_op_pkg::EV_IFMAP_WR +: 32]     = po_ifmap;
      po_events[32*tactus_op_pkg::EV_OFMAP_WR +: 32]     = po_ofmap;
      po_events[32*tactus_op_pkg::EV_ACC_OVERFLOW +: 32] = po_overflow;
    end
    st_events = '0;
    if (ret_valid_o[tactus_op_pkg::QUEUE_STORE]) begin
      st_events[32*tactus_op_pkg::EV_MEM_WR_BEAT +: 32] = st_n[31:0];
      st_events[32*tactus_op_pkg::EV_OFMAP_RD +: 32]    = st_read;
    end
`ifdef TACTUS_FAULTS
    // Fault 15: one zero operand too many is counted.
    if (fault_i == 8'd15) begin
      c_events[32*tactus_op_pkg::EV_ACT_ZERO +: 32] = c_act_zero[shown] + 32'd1;
    end
`endif
  end
  assign ret_events_o = {st_events, po_events, c_events, ld_events};

endmodule
