// SPDX-License-Identifier: Apache-2.0
// The ofmap buffer with the store unit that empties it.

module tactus_ofmap_unit #(
  parameter int ArrayCols = 16,
  parameter int PostLanes = 16,
  parameter int DataBits = 64,
  parameter int BankBytes = 1024,  // of one half
  parameter int WordBits = 8,
  parameter int MultiWidth = 0,
  parameter int LogPack = 0,       // largest log2 of elements in a word
  parameter int LogBundle = 0,     // largest log2 of words in a pixel
  parameter int PlaneLanes = 1,    // largest number of channels in a plane
  parameter int BeatBytes = DataBits / 8,
  parameter int Groups = ArrayCols / PostLanes,
  parameter int GroupBits = (Groups > 1) ? $clog2(Groups) : 1
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]                        fault_i,
`endif
  // load
  input  logic                              load_we_i,
  input  logic                              load_half_i,
  input  logic [7:0]                        load_group_i,
  input  logic [7:0]                        load_mask_i,
  input  logic [23:0]                       load_addr_i,
  input  logic [BeatBytes-1:0]              load_be_i,
  input  logic [DataBits-1:0]               load_data_i,
  input  logic [2:0]                        load_log2_pack_i,
  input  logic [1:0]                        load_log2_bundle_i,
  input  logic                              load_signed_i,
  input  logic [2:0]                        load_part_i,
  // post write
  input  logic [PostLanes-1:0]              post_we_i,
  input  logic                              post_half_i,
  input  logic [GroupBits-1:0]              post_group_i,       // read
  input  logic [GroupBits-1:0]              post_write_group_i,
  input  logic [23:0]                       post_addr_i,    // bytes
  input  logic [1:0]                        post_log2_bytes_i,
  input  logic [PostLanes*32-1:0]           post_data_i,    // element repeated over 32 bits
  // post read
  input  logic [PostLanes-1:0]              post_re_i,
  input  logic                              post_rhalf_i,
  input  logic [23:0]                       post_raddr_i,   // bytes
  output logic [PostLanes*DataBits-1:0]     post_rdata_o,
  // op at the head of the store queue
  input  logic                              ready_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0] op_i,
  output logic                              start_o,
  output logic                              retire_o,
  // write channel
  output logic                              wr_valid_o,
  input  logic                              wr_ready_i,
  output logic [63:0]                       wr_addr_o,
  output logic [DataBits-1:0]               wr_data_o,
  output logic [BeatBytes-1:0]              wr_strb_o,
  output logic                              wr_last_o,
  input  logic                              wr_ack_i,
  // for the monitor
  output logic                              mon_re_o,
  output logic [2:0]                        mon_log2_banks_o  // that are read for a beat
);

  localparam int ColBits = $clog2(ArrayCols);
  localparam int LogBeat = $clog2(BeatBytes);
  // The elements of a word of a transposed store lie in one beat.
  localparam int LogBeatWords = $clog2(DataBits / WordBits);
  localparam int LogPackTransposed = (MultiWidth == 0) ? 0
      : ($clog2(WordBits) < LogBeatWords) ? $clog2(WordBits) : LogBeatWords;
  localparam int StoreLanes = (PlaneLanes < (1 << LogPackTransposed)) ? 1 << LogPackTransposed
                                                                      : PlaneLanes;

  logic                  re, half, transposed;
  logic [ColBits-1:0]    bank;
  logic [23:0]           addr;
  logic [2:0]            log2_pack, part;
  logic [1:0]            log2_bundle, log2_bytes;
  logic [StoreLanes-1:0] lane_en;
  logic [LogBeat-1:0]    offset;
  logic [DataBits-1:0]   data;

  tactus_ofmap_buffer #(
    .ArrayCols        (ArrayCols),
    .PostLanes        (PostLanes),
    .DataBits         (DataBits),
    .BankBytes        (BankBytes),
    .WordBits         (WordBits),
    .LogPack          (LogPack),
    .LogBundle        (LogBundle),
    .PlaneLanes       (PlaneLanes),
    .LogPackTransposed(LogPackTransposed),
    .StoreLanes       (StoreLanes)
  ) u_ofmap_buffer (
    .clk_i              (clk_i),
    .load_we_i          (load_we_i),
    .load_half_i        (load_half_i),
    .load_group_i       (load_group_i),
    .load_mask_i        (load_mask_i),
    .load_addr_i        (load_addr_i),
    .load_be_i          (load_be_i),
    .load_data_i        (load_data_i),
    .load_log2_pack_i   (load_log2_pack_i),
    .load_log2_bundle_i (load_log2_bundle_i),
    .load_signed_i      (load_signed_i),
    .load_part_i        (load_part_i),
    .post_we_i          (post_we_i),
    .post_half_i        (post_half_i),
    .post_group_i       (post_group_i),
    .post_write_group_i (post_write_group_i),
    .post_addr_i        (post_addr_i),
    .post_log2_bytes_i  (post_log2_bytes_i),
    .post_data_i        (post_data_i),
    .post_re_i          (post_re_i),
    .post_rhalf_i       (post_rhalf_i),
    .post_raddr_i       (post_raddr_i),
    .post_rdata_o       (post_rdata_o),
    .store_re_i         (re),
    .store_half_i       (half),
    .store_bank_i       (bank),
    .store_addr_i       (addr),
    .store_log2_pack_i  (log2_pack),
    .store_log2_bundle_i(log2_bundle),
    .store_part_i       (part),
    .store_lane_en_i    (lane_en),
    .store_transposed_i (transposed),
    .store_log2_bytes_i (log2_bytes),
    .store_offset_i     (offset),
    .store_rdata_o      (data)
  );

  tactus_store_dma #(
    .DataBits  (DataBits),
    .ArrayCols (ArrayCols),
    .StoreLanes(StoreLanes)
  ) u_store_dma (
    .clk_i           (clk_i),
    .rst_ni          (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i         (fault_i),
`endif
    .ready_i         (ready_i),
    .op_i            (op_i),
    .start_o         (start_o),
    .retire_o        (retire_o),
    .rd_en_o         (re),
    .rd_half_o       (half),
    .rd_bank_o       (bank),
    .rd_addr_o       (addr),
    .rd_log2_pack_o  (log2_pack),
    .rd_log2_bundle_o(log2_bundle),
    .rd_part_o       (part),
    .rd_lane_en_o    (lane_en),
    .rd_transposed_o (transposed),
    .rd_log2_bytes_o (log2_bytes),
    .rd_offset_o     (offset),
    .rd_data_i       (data),
    .wr_valid_o      (wr_valid_o),
    .wr_ready_i      (wr_ready_i),
    .wr_addr_o       (wr_addr_o),
    .wr_data_o       (wr_data_o),
    .wr_strb_o       (wr_strb_o),
    .wr_last_o       (wr_last_o),
    .wr_ack_i        (wr_ack_i)
  );

  assign mon_re_o         = re;
  assign mon_log2_banks_o = transposed ? 3'(LogBeat) - 3'(log2_bytes)
                                       : log2_pack + 3'(log2_bundle);

endmodule
