// SPDX-License-Identifier: Apache-2.0
// Destination side of the post-processor: walks the pixels that are written and hands the results
// of the lanes to the ofmap banks (one element each) or, packed to words, to the ifmap banks (the
// pixel of a plane each).

`include "tactus_field.svh"

module tactus_post_dst #(
  parameter int ArrayRows = 16,
  parameter int PostLanes = 16,
  parameter int DataBits = 32,
  parameter int WordBits = 8,
  parameter int LogPack = 0,    // largest log2 of elements in a word
  parameter int LogBundle = 0,  // largest log2 of words in a pixel
  parameter int BeatBytes = DataBits / 8
) (
  input  logic                                clk_i,
  input  logic                                start_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0]   op_i,         // valid while start_i
  // passes
  input  logic                                pass_start_i, // in the cycle before a pass, and with start_i
  input  logic                                next_slot_i,  // the pass that starts is in the next ofmap slot
  input  logic [15:0]                         channel_i,    // of lane 0
  input  logic [15:0]                         left_i,       // channels from there on
  input  logic [PostLanes-1:0]                lanes_i,
  input  logic [13:0]                         out_w_i,      // minus 1
  // results of the pixel that is written
  input  logic                                write_i,
  input  logic [PostLanes*32-1:0]             results_i,
  // ofmap
  output logic [PostLanes-1:0]                ofmap_we_o,
  output logic [1:0]                          log2_bytes_o,
  // ifmap
  output logic [ArrayRows-1:0]                ifmap_we_o,
  output logic [ArrayRows-1:0]                ifmap_high_o,
  output logic [ArrayRows*BeatBytes-1:0]      ifmap_be_o,
  output logic [ArrayRows*DataBits-1:0]       ifmap_data_o,
  // both
  output logic [23:0]                         addr_o,       // bytes; ifmap banks that are not high
  output logic [23:0]                         addr1_o,      // high ifmap banks
  output logic                                half_o
);

  localparam int LogBeat = $clog2(BeatBytes);
  localparam int WordBytes = WordBits / 8;
  localparam int Packing = (LogPack + LogBundle > 0) ? 1 : 0;
  localparam int WordIndexBits = (PostLanes > 1) ? $clog2(PostLanes) : 1;

  // Op fields. A plane has 2^log2_run channels.
  logic        ifmap_q, half_q;
  logic [1:0]  log2_bytes_q, log2_bundle, log2_bundle_q;
  logic [2:0]  log2_pack, log2_pack_q, log2_run, log2_run_q, log2_step_q;
  logic [3:0]  log2_group_q;
  logic [15:0] ch0_q;
  logic [23:0] base_q, slot_stride_q, step_y_q;
  generate
    if (Packing != 0) begin : gen_packing
      logic packs;
      assign packs       = op_i[tactus_op_pkg::POST_DST_LSB];
      assign log2_pack   = packs ? `TACTUS_FIELD(op_i, POST_DST_LOG2_PACK) : 3'd0;
      assign log2_bundle = packs ? `TACTUS_FIELD(op_i, POST_DST_LOG2_BUNDLE) : 2'd0;
    end else begin : gen_words
      assign log2_pack   = 3'd0;
      assign log2_bundle = 2'd0;
    end
  endgenerate
  assign log2_run = log2_pack + 3'(log2_bundle);

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      ifmap_q       <= op_i[tactus_op_pkg::POST_DST_LSB];
      half_q        <= op_i[tactus_op_pkg::POST_DST_HALF_LSB];
      base_q        <= `TACTUS_FIELD(op_i, POST_DST_BASE);
      slot_stride_q <= `TACTUS_FIELD(op_i, POST_DST_SLOT_STRIDE);
      step_y_q      <= `TACTUS_FIELD(op_i, POST_DST_STEP_Y);
      log2_bytes_q  <= `TACTUS_FIELD(op_i, POST_DST_LOG2_BYTES);
      log2_group_q  <= `TACTUS_FIELD(op_i, POST_DST_LOG2_GROUP);
      ch0_q         <= `TACTUS_FIELD(op_i, POST_DST_CH0);
      log2_pack_q   <= log2_pack;
      log2_bundle_q <= log2_bundle;
      log2_run_q    <= log2_run;
      log2_step_q   <= 3'(`TACTUS_FIELD(op_i, POST_DST_LOG2_BYTES)) + 3'(log2_bundle);
    end
  end

  // Address of the first pixel of the pass that starts; ifmap: in the slot of lane 0's plane.
  logic [15:0] first_channel;
  logic [23:0] pass_q, next_pass, first_pixel;
  assign first_channel = start_i ? `TACTUS_FIELD(op_i, POST_DST_CH0)
                                 : ch0_q + channel_i + 16'(PostLanes);
  assign next_pass     = next_slot_i ? pass_q + slot_stride_q : pass_q;

  function automatic logic [23:0] slot_address(
      input logic [23:0] base, input logic [15:0] channel, input logic [3:0] log2_channels,
      input logic [23:0] stride);
    begin
      slot_address = base + (24'(channel) >> log2_channels) * stride;
    end
  endfunction

  always_comb begin
    if (start_i) begin
      first_pixel = op_i[tactus_op_pkg::POST_DST_LSB]
          ? slot_address(`TACTUS_FIELD(op_i, POST_DST_BASE), first_channel,
                         `TACTUS_FIELD(op_i, POST_DST_LOG2_GROUP) + 4'(log2_run),
                         `TACTUS_FIELD(op_i, POST_DST_SLOT_STRIDE))
          : `TACTUS_FIELD(op_i, POST_DST_BASE);
    end else begin
      first_pixel = ifmap_q
          ? slot_address(base_q, first_channel, log2_group_q + 4'(log2_run_q), slot_stride_q)
          : next_pass;
    end
  end

  logic [13:0] x_q;
  logic [23:0] line_q, pixel_q, next_line;
  assign next_line = line_q + step_y_q;
  always_ff @(posedge clk_i) begin
    if (pass_start_i) begin
      pass_q  <= start_i ? `TACTUS_FIELD(op_i, POST_DST_BASE) : next_pass;
      line_q  <= first_pixel;
      pixel_q <= first_pixel;
      x_q     <= 14'd0;
    end else if (write_i) begin
      if (x_q == out_w_i) begin
        x_q     <= 14'd0;
        line_q  <= next_line;
        pixel_q <= next_line;
      end else begin
        x_q     <= x_q + 14'd1;
        pixel_q <= pixel_q + (24'd1 << log2_step_q);
      end
    end
  end
  assign addr_o  = pixel_q;
  assign addr1_o = pixel_q + slot_stride_q;
  assign half_o  = half_q;

  // Destination ofmap: lane l writes bank group * PostLanes + l.
  assign ofmap_we_o   = (write_i && !ifmap_q) ? lanes_i : '0;
  assign log2_bytes_o = log2_bytes_q;

  // Destination ifmap: the words of the pass, P lanes each, 0 in lanes without channel.
  logic [(PostLanes+(1<<LogBundle))*WordBits-1:0] words;
  genvar b, k, l;
  generate
    assign words[PostLanes*WordBits +: (1<<LogBundle)*WordBits] = '0;
    if (Packing != 0) begin : gen_pack
      logic [(LogPack+1)*PostLanes*WordBits-1:0] choices;
      for (k = 0; k <= LogPack; k++) begin : gen_choice
        for (l = 0; l < PostLanes; l++) begin : gen_element
          assign choices[(PostLanes*k)*WordBits + (WordBits>>k)*l +: WordBits>>k] =
              lanes_i[l] ? results_i[32*l +: WordBits>>k] : '0;
        end
        if (k > 0) begin : gen_rest
          localparam int Used = PostLanes * (WordBits >> k);
          assign choices[PostLanes*WordBits*k + Used +: PostLanes*WordBits - Used] = '0;
        end
      end
      assign words[PostLanes*WordBits-1:0] =
          choices[PostLanes*WordBits*log2_pack_q +: PostLanes*WordBits];
    end else begin : gen_word
      for (l = 0; l < PostLanes; l++) begin : gen_element
        assign words[WordBits*l +: WordBits] = results_i[32*l +: WordBits];
      end
    end
  endgenerate

  // Bank b takes the plane p with p mod G == b mod G, that is plane (b - p0) mod G of a pass whose
  // lane 0 is in plane p0. The validator allows at most G planes per pass, so one of them at most
  // meets a bank. Planes behind the end of p0's slot are in the next slot.
  logic [7:0] group_mask, first_phase;
  assign group_mask  = ~(8'hFF << log2_group_q);
  assign first_phase = 8'((ch0_q + channel_i) >> log2_run_q) & group_mask;
  generate
    for (b = 0; b < ArrayRows; b++) begin : gen_bank
      logic [7:0]  plane;
      logic [15:0] lane;  // the plane's first
      always_comb begin
        plane           = '0;
        lane            = '0;
        ifmap_we_o[b]   = 1'b0;
        ifmap_high_o[b] = 1'b0;
        if (write_i && ifmap_q) begin
          plane           = (8'(b) - first_phase) & group_mask;
          lane            = 16'(plane) << log2_run_q;
          ifmap_we_o[b]   = lane < left_i && lane < 16'(PostLanes);
          ifmap_high_o[b] = 9'(first_phase) + 9'(plane) > 9'(group_mask);
        end
      end

      logic [WordIndexBits-1:0] word;  // the plane's first
      logic [LogBeat-1:0]       offset;
      logic [BeatBytes-1:0]     be;
      logic [DataBits-1:0]      data;
      always_comb begin
        word   = '0;
        offset = '0;
        be     = '0;
        data   = '0;
        if (ifmap_we_o[b]) begin
          word   = WordIndexBits'(plane << log2_bundle_q);
          offset = ifmap_high_o[b] ? addr1_o[LogBeat-1:0] : addr_o[LogBeat-1:0];
          for (int i = 0; i < DataBits / WordBits; i++) begin
            be[WordBytes*i +: WordBytes] =
                {WordBytes{(i >> log2_bundle_q) == 32'(offset) / WordBytes >> log2_bundle_q}};
            data[WordBits*i +: WordBits] =
                words[WordBits*(32'(word) + (i & ((1 << log2_bundle_q) - 1))) +: WordBits];
          end
        end
      end
      assign ifmap_be_o[BeatBytes*b +: BeatBytes] = be;
      assign ifmap_data_o[DataBits*b +: DataBits] = data;
    end
  endgenerate

endmodule
