// SPDX-License-Identifier: Apache-2.0
// osa_tile behind the stream port of traces/README.md. Names are translated, and because the tile
// cannot wait, its rows are kept here until the bench takes them.
module osa_wrapper #(
  parameter int Rows = 4,
  parameter int Cols = 4,
  parameter int ActBits = 8,
  parameter int WgtBits = 8,
  parameter int AccBits = 32,
  parameter int Saturate = 0  // the tile wraps
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic                    in_valid_i,
  output logic                    in_ready_o,
  input  logic [Rows*ActBits-1:0] in_act_i,
  input  logic [Cols*WgtBits-1:0] in_wgt_i,
  input  logic                    in_first_i,
  input  logic                    in_last_i,
  output logic                    out_valid_o,
  input  logic                    out_ready_i,
  output logic [Cols*AccBits-1:0] out_data_o
);
  logic                    occupied, row_strobe;
  logic [Cols*AccBits-1:0] row;
  logic [Cols*AccBits-1:0] kept [Rows];
  logic [7:0]              filled, taken;  // rows of the block

  // The next block may come when the rows of this one are gone.
  assign in_ready_o  = !occupied && !row_strobe && filled == taken;
  assign out_valid_o = filled != taken;
  assign out_data_o  = kept[taken[$clog2(Rows)-1:0]];

  osa_tile #(.N(Rows), .WA(ActBits), .WB(WgtBits), .WS(AccBits)) tile (
    .clock     (clk_i),
    .nuke      (!rst_ni),
    .strobe    (in_valid_i && in_ready_o),
    .head      (in_first_i),
    .tail      (in_last_i),
    .left      (in_act_i),
    .top       (in_wgt_i),
    .occupied  (occupied),
    .row_strobe(row_strobe),
    .row       (row)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni || (filled == 8'(Rows) && taken == filled)) begin
      filled <= 8'd0;
      taken  <= 8'd0;
    end else begin
      if (row_strobe) begin
        kept[filled[$clog2(Rows)-1:0]] <= row;
        filled <= filled + 8'd1;
      end
      if (out_valid_o && out_ready_i) begin
        taken <= taken + 8'd1;
      end
    end
  end
endmodule
