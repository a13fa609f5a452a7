// SPDX-License-Identifier: Apache-2.0
// A block as another team might have built it: an N x N output-stationary tile without back-pressure.
// A column of operands and a row of weights enter with `strobe`; `head` and `tail` mark the ends of a
// sum. Three cycles after `tail` the tile sends its N rows of sums, one a cycle, on `row` with
// `row_strobe`. While `occupied` is high no strobe may come. `nuke` is a synchronous reset.
module osa_tile #(
  parameter int N = 4,
  parameter int WA = 8,
  parameter int WB = 8,
  parameter int WS = 32
) (
  input  wire            clock,
  input  wire            nuke,
  input  wire            strobe,
  input  wire            head,
  input  wire            tail,
  input  wire [N*WA-1:0] left,
  input  wire [N*WB-1:0] top,
  output wire            occupied,
  output reg             row_strobe,
  output reg  [N*WS-1:0] row
);
  wire [N*N*WS-1:0] sums;
  genvar i, j;
  generate
    for (i = 0; i < N; i = i + 1) begin : g_row
      for (j = 0; j < N; j = j + 1) begin : g_col
        osa_cell #(.WA(WA), .WB(WB), .WS(WS)) cell_ij (
          .clock  (clock),
          .go     (strobe),
          .restart(head),
          .a      (left[i*WA +: WA]),
          .b      (top[j*WB +: WB]),
          .sum    (sums[(i*N + j)*WS +: WS])
        );
      end
    end
  endgenerate

  // 0: at work; 1 and 2: the last products arrive; 3 and above: rows are sent.
  reg [7:0] phase;
  assign occupied = phase != 8'd0;
  always @(posedge clock) begin
    row_strobe <= 1'b0;
    if (nuke) begin
      phase <= 8'd0;
    end else if (phase == 8'd0) begin
      phase <= (strobe && tail) ? 8'd1 : 8'd0;
    end else if (phase < 8'd3) begin
      phase <= phase + 8'd1;
    end else begin
      row_strobe <= 1'b1;
      row        <= sums[(32'(phase) - 3)*N*WS +: N*WS];
      phase      <= (phase == 8'(N + 2)) ? 8'd0 : phase + 8'd1;
    end
  end
endmodule
