// SPDX-License-Identifier: Apache-2.0
// Ofmap buffer: one bank per array column. Written by the load unit (beats, unpacked if their words
// hold several channels) and the post-processor (one element per lane, all at the same address);
// read by the post-processor (all lanes at the same address) and the store unit (one bank, the banks
// of a plane, packed, or the banks of a beat's pixels). Lane l works on the banks
// group * PostLanes + l.

module tactus_ofmap_buffer #(
  parameter int ArrayCols = 16,
  parameter int PostLanes = 16,
  parameter int DataBits = 32,
  parameter int BankBytes = 1024,  // of one half
  parameter int WordBits = 8,
  parameter int LogPack = 0,       // largest log2 of elements in a word
  parameter int LogBundle = 0,     // largest log2 of words in a pixel
  parameter int PlaneLanes = 1,    // largest number of channels in a plane
  parameter int LogPackTransposed = 0,
  parameter int StoreLanes = 1,    // the larger of PlaneLanes and 2^LogPackTransposed
  parameter int BeatBytes = DataBits / 8,
  parameter int LogBeat = $clog2(BeatBytes),
  parameter int ColBits = $clog2(ArrayCols),
  parameter int Groups = ArrayCols / PostLanes,
  parameter int GroupBits = (Groups > 1) ? $clog2(Groups) : 1
) (
  input  logic                          clk_i,
  // load
  input  logic                          load_we_i,
  input  logic                          load_half_i,
  input  logic [7:0]                    load_group_i,
  input  logic [7:0]                    load_mask_i,
  input  logic [23:0]                   load_addr_i,
  input  logic [BeatBytes-1:0]          load_be_i,
  input  logic [DataBits-1:0]           load_data_i,
  input  logic [2:0]                    load_log2_pack_i,
  input  logic [1:0]                    load_log2_bundle_i,
  input  logic                          load_signed_i,
  input  logic [2:0]                    load_part_i,
  // post write
  input  logic [PostLanes-1:0]          post_we_i,
  input  logic                          post_half_i,
  input  logic [GroupBits-1:0]          post_group_i,       // read
  input  logic [GroupBits-1:0]          post_write_group_i,
  input  logic [23:0]                   post_addr_i,   // bytes
  input  logic [1:0]                    post_log2_bytes_i,
  input  logic [PostLanes*32-1:0]       post_data_i,   // element repeated over 32 bits
  // post read
  input  logic [PostLanes-1:0]          post_re_i,
  input  logic                          post_rhalf_i,
  input  logic [23:0]                   post_raddr_i,  // bytes
  output logic [PostLanes*DataBits-1:0] post_rdata_o,
  // store read
  input  logic                          store_re_i,
  input  logic                          store_half_i,
  input  logic [ColBits-1:0]            store_bank_i,  // of the plane's first channel
  input  logic [23:0]                   store_addr_i,  // beats
  input  logic [2:0]                    store_log2_pack_i,
  input  logic [1:0]                    store_log2_bundle_i,
  input  logic [2:0]                    store_part_i,
  input  logic [StoreLanes-1:0]         store_lane_en_i,
  input  logic                          store_transposed_i,
  input  logic [1:0]                    store_log2_bytes_i,
  input  logic [LogBeat-1:0]            store_offset_i,
  output logic [DataBits-1:0]           store_rdata_o
);

  localparam int Depth = BankBytes / BeatBytes;
  localparam int AddrBits = $clog2(Depth);

  logic [BeatBytes-1:0] post_be;
  assign post_be = ((post_log2_bytes_i == 2'd0) ? BeatBytes'(1) :
                    (post_log2_bytes_i == 2'd1) ? BeatBytes'(3) : BeatBytes'(15))
                   << post_addr_i[LogBeat-1:0];

  logic                 rhalf_q, store_half_q;
  logic [GroupBits-1:0] rgroup_q;
  logic [ColBits-1:0]   store_bank_q;
  logic [StoreLanes-1:0] lane_en_q;
  logic [LogBeat-1:0]   store_offset_q;
  always_ff @(posedge clk_i) begin
    if (post_re_i != '0) begin
      rhalf_q  <= post_rhalf_i;
      rgroup_q <= post_group_i;
    end
    if (store_re_i) begin
      store_half_q <= store_half_i;
      store_bank_q <= store_bank_i;
      lane_en_q    <= store_lane_en_i;
      store_offset_q <= store_offset_i;
    end
  end

  // Transposed stores: the banks of the half that was read
  logic [ArrayCols*DataBits-1:0] store_banks;
  logic [DataBits-1:0]           transposed, stored;
  tactus_transpose #(
    .DataBits(DataBits),
    .WordBits(WordBits),
    .LogPack (LogPackTransposed),
    .Banks   (ArrayCols)
  ) u_transpose (
    .bank_i      (store_bank_q),
    .offset_i    (store_offset_q),
    .log2_bytes_i(store_log2_bytes_i),
    .log2_pack_i (store_log2_pack_i),
    .lane_en_i   (lane_en_q[(1<<LogPackTransposed)-1:0]),
    .data_i      (store_banks),
    .data_o      (transposed)
  );
  assign store_rdata_o = store_transposed_i ? transposed : stored;

  // Load and store of packed words
  logic [BeatBytes-1:0]           load_be;
  logic [PlaneLanes*DataBits-1:0] load_data;
  logic [ColBits-1:0]             store_same;  // bits of the bank number that a plane's banks share
  logic [8:0]                     beat_banks;  // transposed: that a beat needs
  assign beat_banks = 9'(BeatBytes >> store_log2_bytes_i);
  logic [DataBits-1:0] data [2*ArrayCols];
  genvar b, h, l;
  generate
    if (PlaneLanes > 1) begin : gen_packing
      tactus_unpack #(
        .DataBits (DataBits),
        .WordBits (WordBits),
        .LogPack  (LogPack),
        .LogBundle(LogBundle),
        .Lanes    (PlaneLanes)
      ) u_unpack (
        .en_i         (load_we_i),
        .log2_pack_i  (load_log2_pack_i),
        .log2_bundle_i(load_log2_bundle_i),
        .signed_i     (load_signed_i),
        .part_i       (load_part_i),
        .be_i         (load_be_i),
        .data_i       (load_data_i),
        .be_o         (load_be),
        .data_o       (load_data)
      );

      logic [2:0]                     part_q;
      logic [PlaneLanes*DataBits-1:0] plane;
      always_ff @(posedge clk_i) begin
        if (store_re_i) begin
          part_q <= store_part_i;
        end
      end
      assign store_same = {ColBits{1'b1}} << (store_log2_pack_i + 3'(store_log2_bundle_i));
      for (l = 0; l < PlaneLanes; l++) begin : gen_plane
        logic [ColBits-1:0] bank;
        assign bank = store_bank_q | ColBits'(l);
        assign plane[DataBits*l +: DataBits] = data[{bank, store_half_q}];
      end
      tactus_pack #(
        .DataBits (DataBits),
        .WordBits (WordBits),
        .LogPack  (LogPack),
        .LogBundle(LogBundle),
        .Lanes    (PlaneLanes)
      ) u_pack (
        .log2_pack_i  (store_log2_pack_i),
        .log2_bundle_i(store_log2_bundle_i),
        .part_i       (part_q),
        .lane_en_i    (lane_en_q[PlaneLanes-1:0]),
        .data_i       (plane),
        .data_o       (stored)
      );
    end else begin : gen_beats
      assign load_be       = load_be_i;
      assign load_data     = load_data_i;
      assign store_same    = {ColBits{1'b1}};
      assign stored        = data[{store_bank_q, store_half_q}];
    end
  endgenerate

  // Banks that are written and read; idle units leave a simulation nothing to do here.
  logic                 write, read;
  logic [ArrayCols-1:0] load_hit, post_hit, post_read, store_read;
  assign write = load_we_i || post_we_i != '0;
  assign read  = store_re_i || post_re_i != '0;
  always_comb begin : hits
    logic [ColBits-1:0] behind;
    behind     = '0;
    load_hit   = '0;
    post_hit   = '0;
    post_read  = '0;
    store_read = '0;
    if (load_we_i) begin
      for (int i = 0; i < ArrayCols; i++) begin
        load_hit[i] = ((8'(i) ^ load_group_i) & load_mask_i) == 8'd0;
      end
    end
    if (post_we_i != '0) begin
      for (int i = 0; i < ArrayCols; i++) begin
        post_hit[i] = post_we_i[i % PostLanes] && post_write_group_i == GroupBits'(i / PostLanes);
      end
    end
    if (post_re_i != '0) begin
      for (int i = 0; i < ArrayCols; i++) begin
        post_read[i] = post_re_i[i % PostLanes] && post_group_i == GroupBits'(i / PostLanes);
      end
    end
    if (store_re_i) begin
      for (int i = 0; i < ArrayCols; i++) begin
        behind        = ColBits'(i) - store_bank_i;
        store_read[i] = store_transposed_i ? (9'(behind) < beat_banks)
                                           : ((store_bank_i ^ ColBits'(i)) & store_same) == '0;
      end
    end
  end

  generate
    for (b = 0; b < ArrayCols; b++) begin : gen_bank
      assign store_banks[DataBits*b +: DataBits] =
          store_transposed_i ? data[2*b + 32'(store_half_q)] : '0;
      for (h = 0; h < 2; h++) begin : gen_half
        logic from_store;
        assign from_store = store_read[b] && store_half_i == 1'(h);
        tactus_bank_half #(
          .DataBits(DataBits),
          .Depth   (Depth),
          .Half    (h)
        ) u_bank (
          .clk_i      (clk_i),
          .write_i    (write),
          .load_we_i  (load_hit[b]),
          .load_half_i(load_half_i),
          .load_addr_i(load_addr_i[AddrBits-1:0]),
          .load_be_i  (load_be),
          .load_data_i(load_data[DataBits*(b % PlaneLanes) +: DataBits]),
          .post_we_i  (post_hit[b]),
          .post_half_i(post_half_i),
          .post_addr_i(post_addr_i[LogBeat +: AddrBits]),
          .post_be_i  (post_be),
          .post_data_i({(DataBits/32){post_data_i[32*(b % PostLanes) +: 32]}}),
          .read_i     (read),
          .re_i       (from_store || (post_read[b] && post_rhalf_i == 1'(h))),
          .raddr_i    (from_store ? store_addr_i[AddrBits-1:0]
                                  : post_raddr_i[LogBeat +: AddrBits]),
          .rdata_o    (data[2*b + h])
        );
      end
    end

    for (l = 0; l < PostLanes; l++) begin : gen_lane
      logic [DataBits-1:0] candidate [2*Groups];
      for (b = 0; b < 2 * Groups; b++) begin : gen_candidate
        assign candidate[b] = data[2*(l + (b/2)*PostLanes) + b % 2];
      end
      if (Groups > 1) begin : gen_mux
        assign post_rdata_o[l*DataBits +: DataBits] = candidate[{rgroup_q, rhalf_q}];
      end else begin : gen_single
        assign post_rdata_o[l*DataBits +: DataBits] = candidate[rhalf_q];
      end
    end
  endgenerate

endmodule
