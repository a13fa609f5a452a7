// SPDX-License-Identifier: Apache-2.0
// A PE for builds without options whose product comes from a radix-4 Booth multiplier. Ports and
// timing are those of rtl/src/tactus_pe.sv.

module tactus_pe #(
  parameter int OperandBits = 8,
  parameter int MultiWidth = 0,
  parameter int EdgeWords = 1,
  parameter int OutputStationary = 0,
  parameter int ZeroGating = 0,
  parameter int AccBits = 32,
  parameter int AccOverflow = 0,
  parameter int WordBits = 9,
  parameter int MoreBits = 1,
  parameter int WeightBits = 9,
  parameter int ChainBits = 22
) (
  input  logic                        clk_i,
  input  logic                        en_i,
  input  logic                        any_i,
  input  logic                        swap_i,
  input  logic                        wen_i,
  input  logic                        flush_i,
  input  logic                        drain_i,
  input  logic [5:0]                  mode_i,
  output logic [5:0]                  mode_o,
  input  logic [WordBits-1:0]         act_i,
  output logic [WordBits-1:0]         act_o,
  input  logic [MoreBits-1:0]         more_i,
  output logic [MoreBits-1:0]         more_o,
  input  logic [WeightBits-1:0]       weight_i,
  input  logic [WeightBits-1:0]       above_i,
  output logic [WeightBits-1:0]       below_o,
  input  logic signed [ChainBits-1:0] psum_i,
`ifdef TACTUS_MONITOR
  input  logic                        used_i,
  output logic                        used_o,
  input  logic [31:0]                 overflows_i,
  output logic [31:0]                 overflows_o,
  input  logic [31:0]                 gated_i,
  output logic [31:0]                 gated_o,
`endif
  output logic signed [ChainBits-1:0] psum_o
);

  generate
    if (MultiWidth != 0 || EdgeWords != 1 || OutputStationary != 0 || ZeroGating != 0) begin : gen_no
      $error("the Booth PE has no options");
    end
  endgenerate

  localparam int Digits = (WeightBits + 1) / 2;

  logic [WordBits-1:0]         act_q;
  logic [WeightBits-1:0]       shadow_q;
  logic [2*Digits:0]           weight_q;   // sign-extended, a 0 behind the lowest bit
  logic signed [ChainBits-1:0] psum_q, act, term, product;

  assign act = {{(ChainBits-WordBits){act_i[WordBits-1]}}, act_i};
  always_comb begin
    product = '0;
    term    = '0;
    for (int i = 0; i < Digits; i++) begin
      case (weight_q[2*i +: 3])
        3'b001, 3'b010: term = act;
        3'b011:         term = act <<< 1;
        3'b100:         term = -(act <<< 1);
        3'b101, 3'b110: term = -act;
        default:        term = '0;
      endcase
      product = product + (term <<< (2 * i));
    end
  end

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      act_q  <= act_i;
      psum_q <= psum_i + product;
    end
    if (swap_i) begin
      weight_q <= {{(2*Digits-WeightBits){shadow_q[WeightBits-1]}}, shadow_q, 1'b0};
    end
    if (wen_i) begin
      shadow_q <= weight_i;
    end
  end

  assign act_o   = act_q;
  assign below_o = shadow_q;
  assign psum_o  = psum_q;
  assign mode_o  = 6'd0;
  assign more_o  = '0;
`ifdef TACTUS_MONITOR
  assign used_o      = 1'b0;
  assign overflows_o = 32'd0;
  assign gated_o     = 32'd0;
`endif

endmodule
