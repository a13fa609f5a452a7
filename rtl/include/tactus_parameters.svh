// SPDX-License-Identifier: Apache-2.0
// The parameters of tactus_top, declared once: TACTUS_PARAMETERS for a parameter port list,
// TACTUS_PASS_PARAMETERS for an instance, TACTUS_CAP_PORTS and TACTUS_CAP_CONNECT for the outputs
// that report them back. Defaults are edge_16; buffer sizes are those of one half.
`ifndef TACTUS_PARAMETERS_SVH
`define TACTUS_PARAMETERS_SVH

// OperandBits: 8 or 16. MultiWidth: words of narrower operands. EdgeWords: words a row receives per
// cycle. AccOverflow: 0 wrap, 1 saturate, 2 error: wraps, the host fails the run.
`define TACTUS_PARAMETERS \
  parameter int ArrayRows = 16, \
  parameter int ArrayCols = 16, \
  parameter int OperandBits = 8, \
  parameter int MultiWidth = 0, \
  parameter int EdgeWords = 1, \
  parameter int OutputStationary = 0, \
  parameter int AccBits = 32, \
  parameter int AccOverflow = 0, \
  parameter int FoldOverlap = 1, \
  parameter int PostLanes = 16, \
  parameter int QueueDepth = 4, \
  parameter int SegmentOps = 64, \
  parameter int ZeroGating = 0, \
  parameter int DataBits = 64, \
  parameter int BurstBeats = 16, \
  parameter int IfmapBankBytes = 4096, \
  parameter int WeightRows = 2048, \
  parameter int IndexRows = 512, \
  parameter int ParamRecords = 128, \
  parameter int PsumEntries = 512, \
  parameter int OfmapBankBytes = 4096

`define TACTUS_PASS_PARAMETERS \
  .ArrayRows       (ArrayRows), \
  .ArrayCols       (ArrayCols), \
  .OperandBits     (OperandBits), \
  .MultiWidth      (MultiWidth), \
  .EdgeWords       (EdgeWords), \
  .OutputStationary(OutputStationary), \
  .AccBits         (AccBits), \
  .AccOverflow     (AccOverflow), \
  .FoldOverlap     (FoldOverlap), \
  .PostLanes       (PostLanes), \
  .QueueDepth      (QueueDepth), \
  .SegmentOps      (SegmentOps), \
  .ZeroGating      (ZeroGating), \
  .DataBits        (DataBits), \
  .BurstBeats      (BurstBeats), \
  .IfmapBankBytes  (IfmapBankBytes), \
  .WeightRows      (WeightRows), \
  .IndexRows       (IndexRows), \
  .ParamRecords    (ParamRecords), \
  .PsumEntries     (PsumEntries), \
  .OfmapBankBytes  (OfmapBankBytes)

`define TACTUS_CAP_PORTS \
  output logic [31:0] cap_array_rows_o, \
  output logic [31:0] cap_array_cols_o, \
  output logic [31:0] cap_operand_bits_o, \
  output logic [31:0] cap_multi_width_o, \
  output logic [31:0] cap_edge_words_o, \
  output logic [31:0] cap_output_stationary_o, \
  output logic [31:0] cap_acc_bits_o, \
  output logic [31:0] cap_acc_overflow_o, \
  output logic [31:0] cap_fold_overlap_o, \
  output logic [31:0] cap_post_lanes_o, \
  output logic [31:0] cap_queue_depth_o, \
  output logic [31:0] cap_segment_ops_o, \
  output logic [31:0] cap_zero_gating_o, \
  output logic [31:0] cap_data_bits_o, \
  output logic [31:0] cap_burst_beats_o, \
  output logic [31:0] cap_ifmap_bank_bytes_o, \
  output logic [31:0] cap_weight_rows_o, \
  output logic [31:0] cap_index_rows_o, \
  output logic [31:0] cap_param_records_o, \
  output logic [31:0] cap_psum_entries_o, \
  output logic [31:0] cap_ofmap_bank_bytes_o

`define TACTUS_CAP_CONNECT \
  .cap_array_rows_o       (cap_array_rows_o), \
  .cap_array_cols_o       (cap_array_cols_o), \
  .cap_operand_bits_o     (cap_operand_bits_o), \
  .cap_multi_width_o      (cap_multi_width_o), \
  .cap_edge_words_o       (cap_edge_words_o), \
  .cap_output_stationary_o(cap_output_stationary_o), \
  .cap_acc_bits_o         (cap_acc_bits_o), \
  .cap_acc_overflow_o     (cap_acc_overflow_o), \
  .cap_fold_overlap_o     (cap_fold_overlap_o), \
  .cap_post_lanes_o       (cap_post_lanes_o), \
  .cap_queue_depth_o      (cap_queue_depth_o), \
  .cap_segment_ops_o      (cap_segment_ops_o), \
  .cap_zero_gating_o      (cap_zero_gating_o), \
  .cap_data_bits_o        (cap_data_bits_o), \
  .cap_burst_beats_o      (cap_burst_beats_o), \
  .cap_ifmap_bank_bytes_o (cap_ifmap_bank_bytes_o), \
  .cap_weight_rows_o      (cap_weight_rows_o), \
  .cap_index_rows_o       (cap_index_rows_o), \
  .cap_param_records_o    (cap_param_records_o), \
  .cap_psum_entries_o     (cap_psum_entries_o), \
  .cap_ofmap_bank_bytes_o (cap_ofmap_bank_bytes_o)

`endif
