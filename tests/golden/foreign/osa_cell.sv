// SPDX-License-Identifier: Apache-2.0
// One multiplier-accumulator of osa_tile, in two stages: the product, then the sum.
module osa_cell #(
  parameter int WA = 8,
  parameter int WB = 8,
  parameter int WS = 32
) (
  input  wire                 clock,
  input  wire                 go,      // a and b are valid
  input  wire                 restart, // with go: the sum starts from this product
  input  wire signed [WA-1:0] a,
  input  wire signed [WB-1:0] b,
  output reg  signed [WS-1:0] sum
);
  reg signed [WA+WB-1:0] product;
  reg                    go_1, restart_1;
  always @(posedge clock) begin
    go_1      <= go;
    restart_1 <= restart;
    product   <= a * b;
    if (go_1) begin
      sum <= restart_1 ? WS'(product) : sum + WS'(product);
    end
  end
endmodule
