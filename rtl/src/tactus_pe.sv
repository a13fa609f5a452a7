// SPDX-License-Identifier: Apache-2.0
// One processing element: psum_o = psum_i + act_i * weight, one cycle later. The weight that comes
// in during wen_i waits in a shadow register until swap_i makes it the active one.

module tactus_pe #(
  parameter int LaneBits = 9,
  parameter int ChainBits = 22
) (
  input  logic                        clk_i,
  input  logic                        en_i,
  input  logic                        swap_i,
  input  logic                        wen_i,
  input  logic signed [LaneBits-1:0]  act_i,
  input  logic signed [LaneBits-1:0]  weight_i,
  input  logic signed [ChainBits-1:0] psum_i,
  output logic signed [LaneBits-1:0]  act_o,
  output logic signed [ChainBits-1:0] psum_o
);

  logic signed [LaneBits-1:0]  act_q, shadow_q, weight_q;
  logic signed [ChainBits-1:0] psum_q;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      act_q  <= act_i;
      psum_q <= psum_i + act_i * weight_q;
    end
    if (swap_i) begin
      weight_q <= shadow_q;
    end
    if (wen_i) begin
      shadow_q <= weight_i;
    end
  end

  assign act_o  = act_q;
  assign psum_o = psum_q;

endmodule
