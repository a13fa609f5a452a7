// SPDX-License-Identifier: Apache-2.0
// Refuses illegal combinations of the parameters of tactus_top when the design is elaborated
// (Verilator), or at time 0 (Icarus 11, which has no elaboration tasks), and reports the parameters
// for the host.

`include "tactus_parameters.svh"

`ifdef VERILATOR
`define TACTUS_REFUSE(label, wrong, text) \
  if (wrong) begin : label \
    $error(text); \
  end
`elsif YOSYS
`define TACTUS_REFUSE(label, wrong, text)
`else
`define TACTUS_REFUSE(label, wrong, text) \
  if (wrong) begin : label \
    initial begin \
      $display("error: %s", text); \
      $finish; \
    end \
  end
`endif

module tactus_capabilities #(
  `TACTUS_PARAMETERS
) (
  `TACTUS_CAP_PORTS
);

  localparam int BeatBytes = DataBits / 8;

  generate
    `TACTUS_REFUSE(gen_bad_rows,
                   ArrayRows < 2 || ArrayRows > 256 || (ArrayRows & (ArrayRows - 1)) != 0,
                   "ArrayRows must be a power of two from 2 to 256")
    `TACTUS_REFUSE(gen_bad_cols,
                   ArrayCols < 2 || ArrayCols > 256 || (ArrayCols & (ArrayCols - 1)) != 0,
                   "ArrayCols must be a power of two from 2 to 256")
    `TACTUS_REFUSE(gen_bad_shape, ArrayCols > 4 * ArrayRows,
                   "ArrayCols must be at most 4 * ArrayRows: a compute tag has 3 bits")
    `TACTUS_REFUSE(gen_bad_operand, OperandBits != 8 && OperandBits != 16,
                   "OperandBits must be 8 or 16")
    `TACTUS_REFUSE(gen_bad_edge,
                   EdgeWords < 1 || EdgeWords > 8 || (EdgeWords & (EdgeWords - 1)) != 0,
                   "EdgeWords must be 1, 2, 4 or 8")
    `TACTUS_REFUSE(gen_bad_edge_bits, OperandBits * EdgeWords > DataBits,
                   "EdgeWords * OperandBits must be at most DataBits: a row gets them from a beat")
    `TACTUS_REFUSE(gen_bad_acc, AccBits < 12 || AccBits > 48,
                   "AccBits must be 12 to 48")
    `TACTUS_REFUSE(gen_bad_overflow, AccOverflow < 0 || AccOverflow > 2,
                   "AccOverflow must be 0 (wrap), 1 (saturate) or 2 (error)")
    `TACTUS_REFUSE(gen_bad_lanes, PostLanes < 1 || ArrayCols % PostLanes != 0,
                   "PostLanes must divide ArrayCols")
    `TACTUS_REFUSE(gen_bad_queue, QueueDepth < 2 || (QueueDepth & (QueueDepth - 1)) != 0,
                   "QueueDepth must be a power of two, 2 or more")
    `TACTUS_REFUSE(gen_bad_segment, SegmentOps < 8 || (SegmentOps & (SegmentOps - 1)) != 0,
                   "SegmentOps must be a power of two, 8 or more")
    `TACTUS_REFUSE(gen_bad_data,
                   DataBits < 32 || DataBits > 256 || (DataBits & (DataBits - 1)) != 0,
                   "DataBits must be 32, 64, 128 or 256: a record is a whole number of beats")
    `TACTUS_REFUSE(gen_bad_beat, DataBits > OperandBits * ArrayCols,
                   "DataBits must be at most OperandBits * ArrayCols: a weight row is whole beats")
    `TACTUS_REFUSE(gen_bad_burst, BurstBeats < 1 || BurstBeats > 256,
                   "BurstBeats must be 1 to 256")
    `TACTUS_REFUSE(gen_bad_banks,
                   IfmapBankBytes < 2 * BeatBytes || IfmapBankBytes % BeatBytes != 0 ||
                   OfmapBankBytes < 2 * BeatBytes || OfmapBankBytes % BeatBytes != 0,
                   "IfmapBankBytes and OfmapBankBytes must be at least two whole beats")
    `TACTUS_REFUSE(gen_bad_sizes,
                   WeightRows < 1 || IndexRows < 1 || ParamRecords < 1 || PsumEntries < 1,
                   "WeightRows, IndexRows, ParamRecords and PsumEntries must be at least 1")
  endgenerate

  assign cap_array_rows_o        = 32'(ArrayRows);
  assign cap_array_cols_o        = 32'(ArrayCols);
  assign cap_operand_bits_o      = 32'(OperandBits);
  assign cap_multi_width_o       = 32'(MultiWidth);
  assign cap_edge_words_o        = 32'(EdgeWords);
  assign cap_output_stationary_o = 32'(OutputStationary);
  assign cap_acc_bits_o          = 32'(AccBits);
  assign cap_acc_overflow_o      = 32'(AccOverflow);
  assign cap_fold_overlap_o      = 32'(FoldOverlap);
  assign cap_post_lanes_o        = 32'(PostLanes);
  assign cap_queue_depth_o       = 32'(QueueDepth);
  assign cap_segment_ops_o       = 32'(SegmentOps);
  assign cap_zero_gating_o       = 32'(ZeroGating);
  assign cap_data_bits_o         = 32'(DataBits);
  assign cap_burst_beats_o       = 32'(BurstBeats);
  assign cap_ifmap_bank_bytes_o  = 32'(IfmapBankBytes);
  assign cap_weight_rows_o       = 32'(WeightRows);
  assign cap_index_rows_o        = 32'(IndexRows);
  assign cap_param_records_o     = 32'(ParamRecords);
  assign cap_psum_entries_o      = 32'(PsumEntries);
  assign cap_ofmap_bank_bytes_o  = 32'(OfmapBankBytes);

endmodule
