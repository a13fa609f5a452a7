// SPDX-License-Identifier: Apache-2.0
// The post-processor behind the stream port of traces/README.md (post stream), for golden test
// benches. A block's psums and records are kept in memories, one post op works on them, and its
// results are kept until they are taken.

module tactus_bench_post #(
  parameter int Lanes = 4,
  parameter int RecordBits = 152,
  parameter int MaxPixels = 64,
  parameter int AccBits = 32,
  parameter int Saturate = 0,
  parameter int WgtBits = Lanes * RecordBits + 88
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic                     in_valid_i,
  output logic                     in_ready_o,
  input  logic [Lanes*AccBits-1:0] in_act_i,
  input  logic [WgtBits-1:0]       in_wgt_i,
  input  logic                     in_first_i,
  input  logic                     in_last_i,
  output logic                     out_valid_o,
  input  logic                     out_ready_i,
  output logic [Lanes*32-1:0]      out_data_o
);

  localparam int PixelBits = $clog2(MaxPixels + 1);
  localparam int EntryBits = $clog2(MaxPixels);
  localparam int LaneIndexBits = (Lanes > 1) ? $clog2(Lanes) : 1;
  localparam int Constants = Lanes * RecordBits;  // position of the op's constants

  typedef enum logic [2:0] {StFill, StStart, StRun, StRead, StOut} state_e;
  state_e state_q;

  logic [PixelBits-1:0] count_q, out_q;  // pixels of the block, results taken
  logic [WgtBits-1:0]   wgt_q;
  logic                 take, ready, read, start, retire;
  assign ready      = state_q == StStart;
  assign read       = state_q == StRead;
  assign in_ready_o = state_q == StFill;
  assign take       = in_valid_i && in_ready_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StFill;
      count_q <= '0;
      out_q   <= '0;
    end else begin
      case (state_q)
        StFill: begin
          if (take) begin
            count_q <= in_first_i ? PixelBits'(1) : count_q + PixelBits'(1);
            if (in_last_i) begin
              state_q <= StStart;
            end
          end
        end
        StStart: begin
          if (start) begin
            state_q <= StRun;
          end
        end
        StRun: begin
          if (retire) begin
            state_q <= StRead;
            out_q   <= '0;
          end
        end
        StRead: begin
          state_q <= StOut;
        end
        default: begin
          if (out_ready_i) begin
            out_q   <= out_q + PixelBits'(1);
            state_q <= (out_q + PixelBits'(1) == count_q) ? StFill : StRead;
          end
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (take && in_first_i) begin
      wgt_q <= in_wgt_i;
    end
  end

  // The block as one op: its pixels in one line, one pass.
`define TACTUS_PUT(name, value) \
  (tactus_op_pkg::OP_BITS'(value) << tactus_op_pkg::name``_LSB)
  logic [tactus_op_pkg::OP_BITS-1:0] op;
  assign op = `TACTUS_PUT(POST_MODE, tactus_op_pkg::MODE_REQUANT) |
              `TACTUS_PUT(POST_CHANNELS, Lanes) |
              `TACTUS_PUT(POST_OUT_H, 1) |
              `TACTUS_PUT(POST_OUT_W, count_q) |
              `TACTUS_PUT(POST_WIN_H, 1) |
              `TACTUS_PUT(POST_WIN_W, 1) |
              `TACTUS_PUT(POST_DST_LOG2_BYTES, 2) |
              `TACTUS_PUT(POST_CONVENTION, wgt_q[Constants +: 4]) |
              `TACTUS_PUT(POST_ROUNDING, wgt_q[Constants + 4 +: 3]) |
              `TACTUS_PUT(POST_CLAMP_MIN, wgt_q[Constants + 7 +: 32]) |
              `TACTUS_PUT(POST_CLAMP_MAX, wgt_q[Constants + 39 +: 32]) |
              `TACTUS_PUT(POST_OUT_ZP, wgt_q[Constants + 71 +: 17]);

  logic [Lanes-1:0]    psum_re, we;
  logic [19:0]         psum_addr;
  logic                param_re;
  logic [15:0]         param_record;
  logic [23:0]         dst_addr;
  logic [Lanes*32-1:0] result;
  logic [Lanes*AccBits-1:0] psum;

  // Records
  logic [RecordBits-1:0] record_q;
  always_ff @(posedge clk_i) begin
    if (param_re) begin
      record_q <= wgt_q[32'(param_record[LaneIndexBits-1:0]) * RecordBits +: RecordBits];
    end
  end

`ifdef TACTUS_FAULTS
  logic [7:0] fault;
  initial begin
    if (!$value$plusargs("fault=%d", fault)) begin
      fault = 8'd0;
    end
  end
`endif

  tactus_post_processor #(
    .ArrayRows  (Lanes),
    .ArrayCols  (Lanes),
    .PostLanes  (Lanes),
    .DataBits   (32),
    .AccBits    (AccBits),
    .AccOverflow(Saturate)
  ) u_post_processor (
    .clk_i             (clk_i),
    .rst_ni            (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i           (fault),
`endif
    .ready_i           (ready),
    .op_i              (op),
    .start_o           (start),
    .retire_o          (retire),
    .param_re_o        (param_re),
    .param_half_o      (),
    .param_record_o    (param_record),
    .param_data_i      (256'(record_q)),
    .psum_re_o         (psum_re),
    .psum_half_o       (),
    .psum_addr_o       (psum_addr),
    .psum_data_i       (psum),
    .src_re_o          (),
    .src_half_o        (),
    .src_addr_o        (),
    .src_data_i        ({(Lanes*32){1'b0}}),
    .group_o           (),
    .ofmap_we_o        (we),
    .ofmap_log2_bytes_o(),
    .ofmap_data_o      (result),
    .ifmap_we_o        (),
    .ifmap_high_o      (),
    .ifmap_be_o        (),
    .ifmap_data_o      (),
    .dst_addr_o        (dst_addr),
    .dst_addr1_o       (),
    .dst_half_o        (),
    .mon_pass_o        (),
    .mon_write_o       (),
    .mon_lanes_o       (),
    .mon_channel_o     (),
    .mon_result_o      (),
    .mon_overflow_o    ()
  );

  tactus_ram_1r1w #(
    .Width(Lanes * AccBits),
    .Depth(MaxPixels)
  ) u_psums (
    .clk_i  (clk_i),
    .we_i   (take),
    .waddr_i(in_first_i ? '0 : count_q[EntryBits-1:0]),
    .wdata_i(in_act_i),
    .re_i   (psum_re[0]),
    .raddr_i(psum_addr[EntryBits-1:0]),
    .rdata_o(psum)
  );

  tactus_ram_1r1w #(
    .Width(Lanes * 32),
    .Depth(MaxPixels)
  ) u_results (
    .clk_i  (clk_i),
    .we_i   (we[0]),
    .waddr_i(dst_addr[2 +: EntryBits]),
    .wdata_i(result),
    .re_i   (read),
    .raddr_i(out_q[EntryBits-1:0]),
    .rdata_o(out_data_o)
  );

  assign out_valid_o = state_q == StOut;

endmodule
