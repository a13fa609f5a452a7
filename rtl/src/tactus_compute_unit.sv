// SPDX-License-Identifier: Apache-2.0
// Compute unit: control, weight and ifmap buffers, the PE array and the psum buffer.

module tactus_compute_unit #(
  parameter int ArrayRows = 16,
  parameter int ArrayCols = 16,
  parameter int OperandBits = 8,
  parameter int MultiWidth = 0,
  parameter int EdgeWords = 1,
  parameter int OutputStationary = 0,
  parameter int AccBits = 32,
  parameter int AccOverflow = 0,
  parameter int FoldOverlap = 1,
  parameter int PostLanes = 16,
  parameter int ZeroGating = 0,
  parameter int DataBits = 64,
  parameter int IfmapBankBytes = 4096,
  parameter int WeightRows = 2048,
  parameter int IndexRows = 512,
  parameter int PsumEntries = 512,
  parameter int TagBits = 3,
  parameter int BeatBytes = DataBits / 8,
  parameter int Groups = ArrayCols / PostLanes,
  parameter int GroupBits = (Groups > 1) ? $clog2(Groups) : 1
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]                       fault_i,
`endif
  input  logic                             ready_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0] op_i,
  output logic                             start_o,
  output logic                             retire_o,
  // load unit
  input  logic                             load_ifmap_i,
  input  logic                             load_weight_i,
  input  logic                             load_index_i,
  input  logic                             load_half_i,
  input  logic [7:0]                       load_group_i,
  input  logic [7:0]                       load_mask_i,
  input  logic [23:0]                      load_addr_i,
  input  logic [BeatBytes-1:0]             load_be_i,
  input  logic [DataBits-1:0]              load_data_i,
  // post-processor: ifmap write and psum read
  input  logic                             post_wr_half_i,
  input  logic [ArrayRows-1:0]             post_we_i,
  input  logic [ArrayRows-1:0]             post_high_i,
  input  logic [23:0]                      post_addr0_i,
  input  logic [23:0]                      post_addr1_i,
  input  logic [ArrayRows*BeatBytes-1:0]   post_be_i,
  input  logic [ArrayRows*DataBits-1:0]    post_data_i,
  input  logic [PostLanes-1:0]             post_psum_re_i,
  input  logic                             post_psum_half_i,
  input  logic [GroupBits-1:0]             post_group_i,
  input  logic [19:0]                      post_psum_addr_i,
  output logic [PostLanes*AccBits-1:0]     post_psum_data_o,
  // for the monitor
  output logic [TagBits-1:0]               mon_start_tag_o,
  output logic [TagBits-1:0]               mon_op_tag_o,
  output logic                             mon_weight_re_o,
  output logic [TagBits-1:0]               mon_weight_tag_o,
  output logic                             mon_sparse_o,
  output logic                             mon_all_rows_o,
  output logic                             mon_wave_o,
  output logic [ArrayRows-1:0]             mon_act_swap_o,
  output logic [ArrayRows-1:0]             mon_act_en_o,
  output logic [ArrayRows-1:0]             mon_act_used_o,
  output logic [ArrayRows*8-1:0]           mon_act_zeros_o,
`ifdef TACTUS_MONITOR
  output logic [ArrayCols*32-1:0]          mon_pe_overflows_o,
  output logic [ArrayCols*32-1:0]          mon_gated_o,
`endif
  output logic [ArrayCols-1:0]             mon_we_o,
  output logic [ArrayCols-1:0]             mon_re_o,
  output logic [ArrayCols-1:0]             mon_overflow_o,
  output logic [ArrayCols-1:0]             mon_final_o,
  output logic [ArrayCols*TagBits-1:0]     mon_tag_o,
  output logic [ArrayCols*20-1:0]          mon_addr_o,
  output logic [ArrayCols*AccBits-1:0]     mon_acc_o
);

  // An operand word as the PEs see it: lanes of one bit more than their operands; column sums are
  // exact; drains carry accumulators.
  localparam int LaneBits = OperandBits + 1;
  localparam int WordBits = (MultiWidth != 0) ? 2 * OperandBits : LaneBits;
  localparam int MoreBits = (EdgeWords > 1) ? (EdgeWords - 1) * WordBits : 1;
  localparam int WeightBits = WordBits + $clog2(EdgeWords) * ((MultiWidth != 0) ? OperandBits : 1);
  localparam int SumBits = 2 * LaneBits + $clog2(ArrayRows);
  localparam int ChainBits = (OutputStationary != 0 && AccBits > SumBits) ? AccBits : SumBits;
  localparam int RowBits = $clog2(ArrayRows);
  localparam int LogData = $clog2(DataBits);

  logic                            wgt_rd_half, wgt_wave, wgt_valid, wgt_signed, wgt_bipolar;
  logic [23:0]                     wgt_rd_row, wgt_rd_index_row;
  logic [3:0]                      wgt_shift, wgt_index_shift;
  logic [2:0]                      wgt_pack, wgt_log2_lanes;
  logic [1:0]                      wgt_log2_m;
  logic [LaneBits-1:0]             wgt_zp;
  logic [8:0]                      wgt_cols;
  logic [ArrayRows-1:0]            wen;
  logic                            row_we, row_valid, row_half, row_signed, row_bipolar;
  logic [RowBits-1:0]              row_index;
  logic [23:0]                     row_offset;
  logic [LogData-1:0]              row_window;
  logic [2:0]                      row_pack;
  logic [5:0]                      row_mode;
  logic [LaneBits-1:0]             row_zp;
  logic                            pix_en, pix_swap, pix_flush;
  logic [23:0]                     pix_addr;
  logic [LogData-1:0]              pix_window;
  logic                            drain;
  logic                            psum_en, psum_half, psum_init, psum_last, psum_final;
  logic [19:0]                     psum_addr;
  logic [8:0]                      psum_cols;
  logic [TagBits-1:0]              psum_tag;
  logic [ArrayRows*6-1:0]          act_mode;
  logic [ArrayRows-1:0]            act_flush;
  logic [ArrayRows*WordBits-1:0]   act;
  logic [ArrayRows*MoreBits-1:0]   more;
  logic [ArrayCols*WeightBits-1:0] weight;
  logic [ArrayCols*ChainBits-1:0]  sum;

  tactus_compute_ctrl #(
    .ArrayRows       (ArrayRows),
    .ArrayCols       (ArrayCols),
    .OperandBits     (OperandBits),
    .OutputStationary(OutputStationary),
    .FoldOverlap     (FoldOverlap),
    .DataBits        (DataBits),
    .TagBits         (TagBits)
  ) u_compute_ctrl (
    .clk_i             (clk_i),
    .rst_ni            (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i           (fault_i),
`endif
    .ready_i           (ready_i),
    .op_i              (op_i),
    .retire_i          (retire_o),
    .start_o           (start_o),
    .wgt_rd_en_o       (mon_weight_re_o),
    .wgt_rd_half_o     (wgt_rd_half),
    .wgt_rd_row_o      (wgt_rd_row),
    .wgt_rd_index_row_o(wgt_rd_index_row),
    .wgt_wave_o        (wgt_wave),
    .wgt_valid_o       (wgt_valid),
    .wgt_shift_o       (wgt_shift),
    .wgt_index_shift_o (wgt_index_shift),
    .wgt_pack_o        (wgt_pack),
    .wgt_log2_lanes_o  (wgt_log2_lanes),
    .wgt_log2_m_o      (wgt_log2_m),
    .wgt_signed_o      (wgt_signed),
    .wgt_bipolar_o     (wgt_bipolar),
    .wgt_zp_o          (wgt_zp),
    .wgt_cols_o        (wgt_cols),
    .wen_o             (wen),
    .row_we_o          (row_we),
    .row_index_o       (row_index),
    .row_valid_o       (row_valid),
    .row_offset_o      (row_offset),
    .row_window_o      (row_window),
    .row_half_o        (row_half),
    .row_signed_o      (row_signed),
    .row_bipolar_o     (row_bipolar),
    .row_pack_o        (row_pack),
    .row_mode_o        (row_mode),
    .row_zp_o          (row_zp),
    .pix_en_o          (pix_en),
    .pix_swap_o        (pix_swap),
    .pix_flush_o       (pix_flush),
    .pix_addr_o        (pix_addr),
    .pix_window_o      (pix_window),
    .drain_o           (drain),
    .psum_en_o         (psum_en),
    .psum_half_o       (psum_half),
    .psum_init_o       (psum_init),
    .psum_addr_o       (psum_addr),
    .psum_cols_o       (psum_cols),
    .psum_last_o       (psum_last),
    .psum_final_o      (psum_final),
    .psum_tag_o        (psum_tag),
    .start_tag_o       (mon_start_tag_o),
    .op_tag_o          (mon_op_tag_o),
    .rd_tag_o          (mon_weight_tag_o),
    .rd_sparse_o       (mon_sparse_o),
    .rd_all_rows_o     (mon_all_rows_o),
    .row_wave_o        (mon_wave_o)
  );

  tactus_weight_buffer #(
    .ArrayCols  (ArrayCols),
    .OperandBits(OperandBits),
    .MultiWidth (MultiWidth),
    .EdgeWords  (EdgeWords),
    .DataBits   (DataBits),
    .WeightRows (WeightRows),
    .IndexRows  (IndexRows),
    .WordBits   (WordBits),
    .WeightBits (WeightBits)
  ) u_weight_buffer (
    .clk_i          (clk_i),
    .rst_ni         (rst_ni),
    .load_we_i      (load_weight_i),
    .load_index_we_i(load_index_i),
    .load_half_i    (load_half_i),
    .load_addr_i    (load_addr_i),
    .load_data_i    (load_data_i),
    .rd_en_i        (mon_weight_re_o),
    .rd_half_i      (wgt_rd_half),
    .rd_row_i       (wgt_rd_row),
    .rd_index_row_i (wgt_rd_index_row),
    .wave_i         (wgt_wave),
    .valid_i        (wgt_valid),
    .shift_i        (wgt_shift),
    .index_shift_i  (wgt_index_shift),
    .pack_i         (wgt_pack),
    .log2_lanes_i   (wgt_log2_lanes),
    .log2_m_i       (wgt_log2_m),
    .signed_i       (wgt_signed),
    .bipolar_i      (wgt_bipolar),
    .zp_i           (wgt_zp),
    .cols_i         (wgt_cols),
    .weight_o       (weight)
  );

  tactus_ifmap_buffer #(
    .ArrayRows       (ArrayRows),
    .OperandBits     (OperandBits),
    .MultiWidth      (MultiWidth),
    .EdgeWords       (EdgeWords),
    .OutputStationary(OutputStationary),
    .DataBits        (DataBits),
    .BankBytes       (IfmapBankBytes),
    .WordBits        (WordBits),
    .MoreBits        (MoreBits)
  ) u_ifmap_buffer (
    .clk_i        (clk_i),
    .rst_ni       (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i      (fault_i),
`endif
    .load_we_i    (load_ifmap_i),
    .load_half_i  (load_half_i),
    .load_group_i (load_group_i),
    .load_mask_i  (load_mask_i),
    .load_addr_i  (load_addr_i),
    .load_be_i    (load_be_i),
    .load_data_i  (load_data_i),
    .post_half_i  (post_wr_half_i),
    .post_we_i    (post_we_i),
    .post_high_i  (post_high_i),
    .post_addr0_i (post_addr0_i),
    .post_addr1_i (post_addr1_i),
    .post_be_i    (post_be_i),
    .post_data_i  (post_data_i),
    .row_we_i     (row_we),
    .row_index_i  (row_index),
    .row_valid_i  (row_valid),
    .row_offset_i (row_offset),
    .row_window_i (row_window),
    .row_half_i   (row_half),
    .row_signed_i (row_signed),
    .row_bipolar_i(row_bipolar),
    .row_pack_i   (row_pack),
    .row_mode_i   (row_mode),
    .row_zp_i     (row_zp),
    .pix_en_i     (pix_en),
    .pix_swap_i   (pix_swap),
    .pix_flush_i  (pix_flush),
    .pix_addr_i   (pix_addr),
    .pix_window_i (pix_window),
    .act_swap_o   (mon_act_swap_o),
    .act_mode_o   (act_mode),
    .act_en_o     (mon_act_en_o),
    .act_flush_o  (act_flush),
    .act_used_o   (mon_act_used_o),
    .act_o        (act),
    .more_o       (more),
    .zeros_o      (mon_act_zeros_o)
  );

  tactus_pe_array #(
    .ArrayRows       (ArrayRows),
    .ArrayCols       (ArrayCols),
    .OperandBits     (OperandBits),
    .MultiWidth      (MultiWidth),
    .EdgeWords       (EdgeWords),
    .OutputStationary(OutputStationary),
    .ZeroGating      (ZeroGating),
    .AccBits         (AccBits),
    .AccOverflow     (AccOverflow),
    .WordBits        (WordBits),
    .MoreBits        (MoreBits),
    .WeightBits      (WeightBits),
    .ChainBits       (ChainBits)
  ) u_pe_array (
    .clk_i      (clk_i),
    .rst_ni     (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i    (fault_i),
`endif
    .en_i       (mon_act_en_o),
    .swap_i     (mon_act_swap_o),
    .mode_i     (act_mode),
    .flush_i    (act_flush),
    .drain_i    (drain),
    .wen_i      (wen),
    .act_i      (act),
    .more_i     (more),
    .weight_i   (weight),
`ifdef TACTUS_MONITOR
    .used_i     (mon_act_used_o),
    .overflows_o(mon_pe_overflows_o),
    .gated_o    (mon_gated_o),
`endif
    .psum_o     (sum)
  );

  tactus_psum_buffer #(
    .ArrayCols  (ArrayCols),
    .PostLanes  (PostLanes),
    .AccBits    (AccBits),
    .AccOverflow(AccOverflow),
    .PsumEntries(PsumEntries),
    .ChainBits  (ChainBits),
    .TagBits    (TagBits)
  ) u_psum_buffer (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i       (fault_i),
`endif
    .en_i          (psum_en),
    .half_i        (psum_half),
    .init_i        (psum_init),
    .addr_i        (psum_addr),
    .cols_i        (psum_cols),
    .last_i        (psum_last),
    .final_i       (psum_final),
    .tag_i         (psum_tag),
    .sum_i         (sum),
    .retire_o      (retire_o),
    .post_re_i     (post_psum_re_i),
    .post_half_i   (post_psum_half_i),
    .post_group_i  (post_group_i),
    .post_addr_i   (post_psum_addr_i),
    .post_data_o   (post_psum_data_o),
    .mon_we_o      (mon_we_o),
    .mon_re_o      (mon_re_o),
    .mon_overflow_o(mon_overflow_o),
    .mon_final_o   (mon_final_o),
    .mon_tag_o     (mon_tag_o),
    .mon_addr_o    (mon_addr_o),
    .mon_acc_o     (mon_acc_o)
  );

endmodule
