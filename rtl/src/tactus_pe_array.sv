// SPDX-License-Identifier: Apache-2.0
// The PE array. Activations and the control bits of a row move right by one column a cycle, sums
// move down by one row a cycle. Weight-stationary, a weight reaches all rows of its column at once
// and the row's wen bit takes it; output-stationary, it enters at row 0 and moves down by one row a
// cycle. Inputs arrive delayed by one cycle per row (acts) and per column (weights), so there are
// no skew registers here.

module tactus_pe_array #(
  parameter int ArrayRows = 16,
  parameter int ArrayCols = 16,
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
  parameter int ChainBits = 22,
  // Rows in a group (tactus_pe_rows); PEs with options have long code, so it is of one row.
  parameter int GroupRows =
      (MultiWidth == 0 && EdgeWords == 1 && OutputStationary == 0 && ArrayRows % 4 == 0) ? 4 : 1
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]                      fault_i,
`endif
  input  logic [ArrayRows-1:0]            en_i,      // act_i of the row is valid
  input  logic [ArrayRows-1:0]            swap_i,    // one cycle before the first act of a fold
  input  logic [ArrayRows*6-1:0]          mode_i,    // with swap_i, see tactus_pe
  input  logic [ArrayRows-1:0]            flush_i,   // accumulators go to the drain registers
  input  logic                            drain_i,   // column 0 begins to shift down
  input  logic [ArrayRows-1:0]            wen_i,     // column 0's weight is for this row
  input  logic [ArrayRows*WordBits-1:0]   act_i,
  input  logic [ArrayRows*MoreBits-1:0]   more_i,
  input  logic [ArrayCols*WeightBits-1:0] weight_i,
`ifdef TACTUS_MONITOR
  input  logic [ArrayRows-1:0]            used_i,
  output logic [ArrayCols*32-1:0]         overflows_o,
  output logic [ArrayCols*32-1:0]         gated_o,
`endif
  output logic [ArrayCols*ChainBits-1:0]  psum_o
);

  localparam int Groups = ArrayRows / GroupRows;
  localparam int WeightStride = (WeightBits <= 32) ? 32 : 64;
  localparam int ChainStride = (ChainBits <= 32) ? 32 : 64;
  logic [ArrayCols*WeightStride-1:0] weight;
  logic [ArrayCols*WeightStride-1:0] down [Groups+1];
  logic [ArrayCols*ChainStride-1:0]  psum [Groups+1];
`ifdef TACTUS_MONITOR
  logic [ArrayCols*32-1:0]           overflows [Groups+1];
  logic [ArrayCols*32-1:0]           gated     [Groups+1];
`endif

  // Rows of column 0 that shift: all but the first one in the first cycle, one less in each of the
  // next ones, so that a row that has flushed again keeps its value. The other columns follow.
  logic [ArrayRows-1:0] drain0;
  generate
    if (OutputStationary != 0) begin : gen_drain
      logic [ArrayRows-1:0] drain_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          drain_q <= '0;
        end else begin
          drain_q <= drain_i ? {{(ArrayRows-1){1'b1}}, 1'b0} : {drain_q[ArrayRows-2:0], 1'b0};
        end
      end
      assign drain0 = drain_q;
    end else begin : gen_no_drain
      assign drain0 = '0;
    end
  endgenerate

  assign psum[0] = '0;
  assign down[0] = weight;
`ifdef TACTUS_MONITOR
  assign overflows[0] = '0;
  assign gated[0]     = '0;
  assign overflows_o  = overflows[Groups];
  assign gated_o      = gated[Groups];
`endif
  genvar g, c;
  generate
    for (c = 0; c < ArrayCols; c++) begin : gen_edge
      assign weight[c*WeightStride +: WeightStride] =
          WeightStride'(weight_i[c*WeightBits +: WeightBits]);
`ifdef TACTUS_FAULTS
      // Fault 3: the carry out of bit 7 is lost in the sum of the last column.
      assign psum_o[c*ChainBits +: ChainBits] =
          psum[Groups][c*ChainStride +: ChainBits] &
          ~((fault_i == 8'd3 && c == ArrayCols - 1) ? ChainBits'(256) : ChainBits'(0));
`else
      assign psum_o[c*ChainBits +: ChainBits] = psum[Groups][c*ChainStride +: ChainBits];
`endif
    end

    for (g = 0; g < Groups; g++) begin : gen_group
      logic [ArrayCols*WeightStride-1:0] below;
`ifdef TACTUS_MONITOR
      logic [ArrayCols*32-1:0]           below_overflows, below_gated;
`endif
      tactus_pe_rows #(
        .Rows            (GroupRows),
        .ArrayCols       (ArrayCols),
        .OperandBits     (OperandBits),
        .MultiWidth      (MultiWidth),
        .EdgeWords       (EdgeWords),
        .OutputStationary(OutputStationary),
        .ZeroGating      (ZeroGating),
        .AccBits         (AccBits),
        .AccOverflow     (AccOverflow),
        .WordBits        (WordBits),
        .MoreBits        (MoreBits),
        .WeightBits      (WeightBits),
        .ChainBits       (ChainBits),
        .WeightStride    (WeightStride),
        .ChainStride     (ChainStride)
      ) u_rows (
        .clk_i      (clk_i),
        .rst_ni     (rst_ni),
`ifdef TACTUS_FAULTS
        // Fault 7: PE(1,1) misses the swap and goes on with the stale weight.
        .miss_swap_i(fault_i == 8'd7 && g == 1 / GroupRows),
`endif
        .en_i       (en_i[g*GroupRows +: GroupRows]),
        .swap_i     (swap_i[g*GroupRows +: GroupRows]),
        .mode_i     (mode_i[g*GroupRows*6 +: GroupRows*6]),
        .flush_i    (flush_i[g*GroupRows +: GroupRows]),
        .drain_i    (drain0[g*GroupRows +: GroupRows]),
        .wen_i      (wen_i[g*GroupRows +: GroupRows]),
        .act_i      (act_i[g*GroupRows*WordBits +: GroupRows*WordBits]),
        .more_i     (more_i[g*GroupRows*MoreBits +: GroupRows*MoreBits]),
        .weight_i   (weight),
        .above_i    (down[g]),
        .below_o    (below),
        .psum_i     (psum[g]),
`ifdef TACTUS_MONITOR
        .used_i     (used_i[g*GroupRows +: GroupRows]),
        .overflows_i(overflows[g]),
        .overflows_o(below_overflows),
        .gated_i    (gated[g]),
        .gated_o    (below_gated),
`endif
        .psum_o     (psum[g+1])
      );
      assign down[g+1] = (OutputStationary != 0) ? below : '0;
`ifdef TACTUS_MONITOR
      assign overflows[g+1] = (OutputStationary != 0) ? below_overflows : '0;
      assign gated[g+1]     = (ZeroGating != 0) ? below_gated : '0;
`endif
    end
  endgenerate

endmodule
