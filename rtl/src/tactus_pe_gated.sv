// SPDX-License-Identifier: Apache-2.0
// Monitor of a PE with zero gating: counts the lane products with a zero operand. The count of a
// wave travels with its column sum; output-stationary, that of an accumulator with its drain.
// Simulation only.

module tactus_pe_gated #(
  parameter int OperandBits = 8,
  parameter int EdgeWords = 1,
  parameter int WordBits = 9,
  parameter int MoreBits = 1,
  parameter int WeightBits = 9
) (
  input  logic                  clk_i,
  input  logic                  en_i,
  input  logic                  swap_i,
  input  logic                  flush_i,
  input  logic                  drain_i,
  input  logic                  stationary_i,
  input  logic [4:0]            mode_i,     // log2 lanes, log2 M
  input  logic                  used_i,     // the row has a K unit or a pixel
  output logic                  used_o,
  input  logic [WordBits-1:0]   act_i,
  input  logic [MoreBits-1:0]   more_i,
  input  logic [WeightBits-1:0] weight_i,
  input  logic [31:0]           gated_i,
  output logic [31:0]           gated_o
);

  localparam int IndexBits = (EdgeWords > 1) ? $clog2(EdgeWords) : 1;
  localparam int AllBits = EdgeWords * WordBits;
  localparam int IndexLsb = (EdgeWords > 1) ? WordBits : 0;

  logic [AllBits-1:0]  words;
  logic [31:0]         zeros, width, index;
  logic [WordBits-1:0] act, weight, mask;
  generate
    if (EdgeWords > 1) begin : gen_words
      assign words = {more_i, act_i};
    end else begin : gen_word
      assign words = act_i;
    end
  endgenerate

  always_comb begin
    width  = (32'(OperandBits) >> mode_i[2:0]) + 32'd1;
    mask   = ~({WordBits{1'b1}} << width);
    zeros  = 32'd0;
    index  = 32'd0;
    act    = '0;
    weight = '0;
    if (en_i && used_i) begin
      for (int l = 0; l < OperandBits; l++) begin
        if (32'(l) < (32'd1 << mode_i[2:0])) begin
          index = 32'd0;
          if (mode_i[4:3] != 2'd0) begin
            index = 32'(WeightBits'(weight_i >> (IndexLsb + l * IndexBits)) &
                        WeightBits'(EdgeWords - 1));
          end
          act    = WordBits'(words >> (index * 32'(WordBits) + 32'(l) * width)) & mask;
          weight = WordBits'(weight_i >> (32'(l) * width)) & mask;
          if (act == '0 || weight == '0) begin
            zeros = zeros + 32'd1;
          end
        end
      end
    end
  end

  logic        used_q;
  logic [31:0] count_q, gated_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      used_q <= used_i;
    end
    if (swap_i) begin
      count_q <= 32'd0;
    end else begin
      count_q <= count_q + zeros;
    end
    if (flush_i) begin
      gated_q <= count_q + zeros;
    end else if (drain_i) begin
      gated_q <= gated_i;
    end else if (en_i && !stationary_i) begin
      gated_q <= gated_i + zeros;
    end
  end
  assign used_o  = used_q;
  assign gated_o = gated_q;

endmodule
