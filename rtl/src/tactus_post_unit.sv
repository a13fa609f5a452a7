// SPDX-License-Identifier: Apache-2.0
// The post queue's hardware: the post-processor, whose lanes work side by side on channels, and the
// row unit, which takes one channel after the other. One of them works at a time.

`include "tactus_field.svh"

module tactus_post_unit #(
  parameter int ArrayRows = 16,
  parameter int ArrayCols = 16,
  parameter int PostLanes = 16,
  parameter int DataBits = 32,
  parameter int AccBits = 32,
  parameter int AccOverflow = 0,
  parameter int WordBits = 8,
  parameter int LogPack = 0,    // largest log2 of elements in a word of the ifmap buffer
  parameter int LogBundle = 0,  // largest log2 of words in a pixel
  parameter int BeatBytes = DataBits / 8,
  parameter int Groups = ArrayCols / PostLanes,
  parameter int GroupBits = (Groups > 1) ? $clog2(Groups) : 1
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]                    fault_i,
`endif
  input  logic                          ready_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0]            op_i,
  output logic                          start_o,
  output logic                          retire_o,
  // parameter buffer
  output logic                          param_re_o,
  output logic                          param_half_o,
  output logic [15:0]                   param_record_o,
  input  logic [255:0]                  param_data_i,
  // psum and ofmap reads
  output logic [PostLanes-1:0]          psum_re_o,
  output logic                          psum_half_o,
  output logic [19:0]                   psum_addr_o,
  input  logic [PostLanes*AccBits-1:0]  psum_data_i,
  output logic [PostLanes-1:0]          src_re_o,
  output logic                          src_half_o,
  output logic [23:0]                   src_addr_o,
  input  logic [PostLanes*DataBits-1:0] src_data_i,
  output logic [GroupBits-1:0]          group_o,       // banks that are read
  output logic [GroupBits-1:0]          write_group_o, // banks that are written
  // ofmap write
  output logic [PostLanes-1:0]          ofmap_we_o,
  output logic [1:0]                    ofmap_log2_bytes_o,
  output logic [PostLanes*32-1:0]       ofmap_data_o,
  // ifmap write
  output logic [ArrayRows-1:0]          ifmap_we_o,
  output logic [ArrayRows-1:0]          ifmap_high_o,
  output logic [ArrayRows*BeatBytes-1:0] ifmap_be_o,
  output logic [ArrayRows*DataBits-1:0] ifmap_data_o,
  output logic [23:0]                   dst_addr_o,    // of both; ifmap banks that are not high
  output logic [23:0]                   dst_addr1_o,   // high ifmap banks
  output logic                          dst_half_o,
  // for the monitor
  output logic                          mon_pass_o,    // a pass starts in the next cycle
  output logic                          mon_write_o,
  output logic                          mon_step_o,    // the write is the pixel's last
  output logic [PostLanes-1:0]          mon_lanes_o,
  output logic [15:0]                   mon_channel_o, // of lane 0
  output logic [PostLanes*32-1:0]       mon_result_o,
  output logic [PostLanes-1:0]          mon_overflow_o
);

  logic is_row, busy_q, row, row_done;
  assign is_row = `TACTUS_FIELD(op_i, POST_MODE) == 4'(tactus_op_pkg::MODE_ROW);

  logic                 v_start, v_retire, v_param_re, v_param_half, v_src_half, v_dst_half;
  logic [15:0]          v_param_record;
  logic [PostLanes-1:0] v_src_re, v_ofmap_we, v_mon_lanes;
  logic [23:0]          v_src_addr, v_dst_addr;
  logic [GroupBits-1:0] v_group;
  logic [1:0]           v_log2_bytes;
  logic [PostLanes*32-1:0] v_ofmap_data, v_mon_result;
  logic                 v_mon_write, v_pass;
  logic [15:0]          v_mon_channel;
  tactus_post_processor #(
    .ArrayRows  (ArrayRows),
    .ArrayCols  (ArrayCols),
    .PostLanes  (PostLanes),
    .DataBits   (DataBits),
    .AccBits    (AccBits),
    .AccOverflow(AccOverflow),
    .WordBits   (WordBits),
    .LogPack    (LogPack),
    .LogBundle  (LogBundle)
  ) u_lanes (
    .clk_i             (clk_i),
    .rst_ni            (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i           (fault_i),
`endif
    .ready_i           (ready_i && !busy_q && !is_row),
    .op_i              (op_i),
    .start_o           (v_start),
    .retire_o          (v_retire),
    .param_re_o        (v_param_re),
    .param_half_o      (v_param_half),
    .param_record_o    (v_param_record),
    .param_data_i      (param_data_i),
    .psum_re_o         (psum_re_o),
    .psum_half_o       (psum_half_o),
    .psum_addr_o       (psum_addr_o),
    .psum_data_i       (psum_data_i),
    .src_re_o          (v_src_re),
    .src_half_o        (v_src_half),
    .src_addr_o        (v_src_addr),
    .src_data_i        (src_data_i),
    .group_o           (v_group),
    .ofmap_we_o        (v_ofmap_we),
    .ofmap_log2_bytes_o(v_log2_bytes),
    .ofmap_data_o      (v_ofmap_data),
    .ifmap_we_o        (ifmap_we_o),
    .ifmap_high_o      (ifmap_high_o),
    .ifmap_be_o        (ifmap_be_o),
    .ifmap_data_o      (ifmap_data_o),
    .dst_addr_o        (v_dst_addr),
    .dst_addr1_o       (dst_addr1_o),
    .dst_half_o        (v_dst_half),
    .mon_pass_o        (v_pass),
    .mon_write_o       (v_mon_write),
    .mon_lanes_o       (v_mon_lanes),
    .mon_channel_o     (v_mon_channel),
    .mon_result_o      (v_mon_result),
    .mon_overflow_o    (mon_overflow_o)
  );

  logic                 row_start, r_param_re, r_param_half, r_src_half, r_dst_half, r_row_end;
  logic [15:0]          r_param_record, r_channel;
  logic [PostLanes-1:0] r_src_re, r_we;
  logic [23:0]          r_src_addr, r_dst_addr;
  logic [GroupBits-1:0] r_src_group, r_dst_group;
  logic [1:0]           r_log2_bytes;
  logic [31:0]          r_result, r_element;
  assign row_start = ready_i && !busy_q && is_row;
  tactus_row_unit #(
    .PostLanes(PostLanes),
    .DataBits (DataBits),
    .Groups   (Groups)
  ) u_rows (
    .clk_i           (clk_i),
    .rst_ni          (rst_ni),
    .start_i         (row_start),
    .op_i            (op_i),
    .active_o        (row),
    .done_o          (row_done),
    .param_re_o      (r_param_re),
    .param_half_o    (r_param_half),
    .param_record_o  (r_param_record),
    .param_data_i    (param_data_i),
    .src_re_o        (r_src_re),
    .src_half_o      (r_src_half),
    .src_addr_o      (r_src_addr),
    .src_group_o     (r_src_group),
    .src_data_i      (src_data_i),
    .we_o            (r_we),
    .dst_half_o      (r_dst_half),
    .dst_addr_o      (r_dst_addr),
    .dst_group_o     (r_dst_group),
    .dst_log2_bytes_o(r_log2_bytes),
    .result_o        (r_result),
    .mon_channel_o   (r_channel),
    .mon_row_end_o   (r_row_end)
  );
  assign r_element = (r_log2_bytes == 2'd0) ? {4{r_result[7:0]}} :
                     (r_log2_bytes == 2'd1) ? {2{r_result[15:0]}} : r_result;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_o) begin
      busy_q <= 1'b1;
    end else if (retire_o) begin
      busy_q <= 1'b0;
    end
  end

  assign start_o            = v_start || row_start;
  assign retire_o           = v_retire || row_done;
  assign param_re_o         = row ? r_param_re : v_param_re;
  assign param_half_o       = row ? r_param_half : v_param_half;
  assign param_record_o     = row ? r_param_record : v_param_record;
  assign src_re_o           = row ? r_src_re : v_src_re;
  assign src_half_o         = row ? r_src_half : v_src_half;
  assign src_addr_o         = row ? r_src_addr : v_src_addr;
  assign group_o            = row ? r_src_group : v_group;
  assign write_group_o      = row ? r_dst_group : v_group;
  assign ofmap_we_o         = row ? r_we : v_ofmap_we;
  assign ofmap_log2_bytes_o = row ? r_log2_bytes : v_log2_bytes;
  assign ofmap_data_o       = row ? {PostLanes{r_element}} : v_ofmap_data;
  assign dst_addr_o         = row ? r_dst_addr : v_dst_addr;
  assign dst_half_o         = row ? r_dst_half : v_dst_half;
  assign mon_pass_o         = v_pass || row_start;
  assign mon_write_o        = row ? r_we != '0 : v_mon_write;
  assign mon_step_o         = row ? r_row_end : 1'b1;
  assign mon_lanes_o        = row ? r_we : v_mon_lanes;
  assign mon_channel_o      = row ? r_channel : v_mon_channel;
  assign mon_result_o       = row ? {PostLanes{r_result}} : v_mon_result;

endmodule
