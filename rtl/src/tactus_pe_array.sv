// SPDX-License-Identifier: Apache-2.0
// The PE array. Activations and the three control bits of a row move right by one column a cycle,
// sums move down by one row a cycle; a weight reaches all rows of its column at once and the row's
// wen bit takes it. Inputs arrive delayed by one cycle per row (acts) and per column (weights), so
// there are no skew registers here.

module tactus_pe_array #(
  parameter int ArrayRows = 16,
  parameter int ArrayCols = 16,
  parameter int LaneBits = 9,
  parameter int ChainBits = 22
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]                     fault_i,
`endif
  input  logic [ArrayRows-1:0]           en_i,      // act_i of the row is valid
  input  logic [ArrayRows-1:0]           swap_i,    // one cycle before the first act of a fold
  input  logic [ArrayRows-1:0]           wen_i,     // column 0's weight is for this row
  input  logic [ArrayRows*LaneBits-1:0]  act_i,
  input  logic [ArrayCols*LaneBits-1:0]  weight_i,
  output logic [ArrayCols*ChainBits-1:0] psum_o
);

  logic signed [LaneBits-1:0]  act  [ArrayRows*(ArrayCols+1)];
  logic signed [ChainBits-1:0] psum [(ArrayRows+1)*ArrayCols];

  genvar r, c;
  generate
    for (c = 0; c < ArrayCols; c++) begin : gen_edge
      assign psum[c] = {ChainBits{1'b0}};
`ifdef TACTUS_FAULTS
      // Fault 3: the carry out of bit 7 is lost in the sum of the last column.
      assign psum_o[c*ChainBits +: ChainBits] =
          (fault_i == 8'd3 && c == ArrayCols - 1) ?
          (psum[ArrayRows*ArrayCols + c] & ~ChainBits'(256)) : psum[ArrayRows*ArrayCols + c];
`else
      assign psum_o[c*ChainBits +: ChainBits] = psum[ArrayRows*ArrayCols + c];
`endif
    end

    for (r = 0; r < ArrayRows; r++) begin : gen_row
      logic [ArrayCols-1:0] en, swap, wen;          // per column, column 0 is the input
      logic [ArrayCols-2:0] en_q, swap_q, wen_q;

      assign en   = {en_q, en_i[r]};
      assign swap = {swap_q, swap_i[r]};
      assign wen  = {wen_q, wen_i[r]};

      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          en_q   <= '0;
          swap_q <= '0;
          wen_q  <= '0;
        end else begin
          en_q   <= en[ArrayCols-2:0];
          swap_q <= swap[ArrayCols-2:0];
          wen_q  <= wen[ArrayCols-2:0];
        end
      end

      assign act[r*(ArrayCols+1)] = act_i[r*LaneBits +: LaneBits];

      for (c = 0; c < ArrayCols; c++) begin : gen_col
        logic pe_swap;
`ifdef TACTUS_FAULTS
        // Fault 7: PE(1,1) misses the swap and goes on with the stale weight.
        assign pe_swap = swap[c] && !(fault_i == 8'd7 && r == 1 && c == 1);
`else
        assign pe_swap = swap[c];
`endif
        tactus_pe #(
          .LaneBits (LaneBits),
          .ChainBits(ChainBits)
        ) u_pe (
          .clk_i   (clk_i),
          .en_i    (en[c]),
          .swap_i  (pe_swap),
          .wen_i   (wen[c]),
          .act_i   (act[r*(ArrayCols+1) + c]),
          .weight_i(weight_i[c*LaneBits +: LaneBits]),
          .psum_i  (psum[r*ArrayCols + c]),
          .act_o   (act[r*(ArrayCols+1) + c + 1]),
          .psum_o  (psum[(r+1)*ArrayCols + c])
        );
      end
    end
  endgenerate

endmodule
