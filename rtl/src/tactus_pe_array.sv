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
  parameter int ChainBits = 22
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

  logic [5:0]                  mode [ArrayRows*(ArrayCols+1)];
  logic [WordBits-1:0]         act  [ArrayRows*(ArrayCols+1)];
  logic [MoreBits-1:0]         more [ArrayRows*(ArrayCols+1)];
  logic [WeightBits-1:0]       down [(ArrayRows+1)*ArrayCols];
  logic signed [ChainBits-1:0] psum [(ArrayRows+1)*ArrayCols];
`ifdef TACTUS_MONITOR
  logic                        used [ArrayRows*(ArrayCols+1)];
  logic [31:0]                 overflows [(ArrayRows+1)*ArrayCols];
  logic [31:0]                 gated     [(ArrayRows+1)*ArrayCols];
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

  genvar r, c;
  generate
    for (c = 0; c < ArrayCols; c++) begin : gen_edge
      assign psum[c] = {ChainBits{1'b0}};
      assign down[c] = weight_i[c*WeightBits +: WeightBits];
`ifdef TACTUS_MONITOR
      assign overflows[c] = 32'd0;
      assign gated[c]     = 32'd0;
      assign overflows_o[c*32 +: 32] = overflows[ArrayRows*ArrayCols + c];
      assign gated_o[c*32 +: 32]     = gated[ArrayRows*ArrayCols + c];
`endif
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
      logic [ArrayCols-1:0] en, swap, wen, flush, drain, any;   // column 0 is the input
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

      if (OutputStationary != 0) begin : gen_flush
        logic [ArrayCols-2:0] flush_q, drain_q;
        always_ff @(posedge clk_i or negedge rst_ni) begin
          if (!rst_ni) begin
            flush_q <= '0;
            drain_q <= '0;
          end else begin
            flush_q <= flush[ArrayCols-2:0];
            drain_q <= drain[ArrayCols-2:0];
          end
        end
        assign flush = {flush_q, flush_i[r]};
        assign drain = {drain_q, drain0[r]};
      end else begin : gen_no_flush
        assign flush = '0;
        assign drain = '0;
      end
      assign any = swap | wen | flush | drain;

      assign mode[r*(ArrayCols+1)] = mode_i[r*6 +: 6];
      assign act[r*(ArrayCols+1)]  = act_i[r*WordBits +: WordBits];
      assign more[r*(ArrayCols+1)] = more_i[r*MoreBits +: MoreBits];
`ifdef TACTUS_MONITOR
      assign used[r*(ArrayCols+1)] = used_i[r];
`endif

      for (c = 0; c < ArrayCols; c++) begin : gen_col
        logic pe_swap;
`ifdef TACTUS_FAULTS
        // Fault 7: PE(1,1) misses the swap and goes on with the stale weight.
        assign pe_swap = swap[c] && !(fault_i == 8'd7 && r == 1 && c == 1);
`else
        assign pe_swap = swap[c];
`endif
        tactus_pe #(
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
          .ChainBits       (ChainBits)
        ) u_pe (
          .clk_i      (clk_i),
          .en_i       (en[c]),
          .any_i      (any[c]),
          .swap_i     (pe_swap),
          .wen_i      (wen[c]),
          .flush_i    (flush[c]),
          .drain_i    (drain[c]),
          .mode_i     (mode[r*(ArrayCols+1) + c]),
          .mode_o     (mode[r*(ArrayCols+1) + c + 1]),
          .act_i      (act[r*(ArrayCols+1) + c]),
          .act_o      (act[r*(ArrayCols+1) + c + 1]),
          .more_i     (more[r*(ArrayCols+1) + c]),
          .more_o     (more[r*(ArrayCols+1) + c + 1]),
          .weight_i   (weight_i[c*WeightBits +: WeightBits]),
          .above_i    (down[r*ArrayCols + c]),
          .below_o    (down[(r+1)*ArrayCols + c]),
          .psum_i     (psum[r*ArrayCols + c]),
`ifdef TACTUS_MONITOR
          .used_i     (used[r*(ArrayCols+1) + c]),
          .used_o     (used[r*(ArrayCols+1) + c + 1]),
          .overflows_i(overflows[r*ArrayCols + c]),
          .overflows_o(overflows[(r+1)*ArrayCols + c]),
          .gated_i    (gated[r*ArrayCols + c]),
          .gated_o    (gated[(r+1)*ArrayCols + c]),
`endif
          .psum_o     (psum[(r+1)*ArrayCols + c])
        );
      end
    end
  endgenerate

endmodule
