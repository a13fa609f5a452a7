// SPDX-License-Identifier: Apache-2.0
// One multiplier and accumulator of the row streamer: an output value stays here until its last tap.
module rs_lane (
  input  logic               clk,
  input  logic               step,   // a tap
  input  logic               first,  // of an output value
  input  logic signed [31:0] bias,
  input  logic signed [16:0] act,
  input  logic signed [7:0]  wgt,
  output logic signed [31:0] acc
);

  logic signed [24:0] product;
  assign product = act * wgt;

  always_ff @(posedge clk) begin
    if (step) acc <= (first ? bias : acc) + {{7{product[24]}}, product};
  end

endmodule
