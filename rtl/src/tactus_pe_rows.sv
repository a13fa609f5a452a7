// SPDX-License-Identifier: Apache-2.0
// Neighbouring rows of the PE array. Activations and the control bits of a row move right by one
// column a cycle; sums, output-stationary weights and counts come from the rows above and go to the
// rows below. All groups of rows are equal, so that a simulation can have their code once; columns
// of the vectors between groups are host words for the same reason.

module tactus_pe_rows #(
  parameter int Rows = 1,
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
  parameter int WeightStride = 32,  // of a column in weight_i, above_i and below_o
  parameter int ChainStride = 32    // of a column in psum_i and psum_o
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,
`ifdef TACTUS_FAULTS
  input  logic                              miss_swap_i,  // PE 1 of row 1 misses the swap
`endif
  input  logic [Rows-1:0]                   en_i,      // as tactus_pe_array
  input  logic [Rows-1:0]                   swap_i,
  input  logic [Rows*6-1:0]                 mode_i,
  input  logic [Rows-1:0]                   flush_i,
  input  logic [Rows-1:0]                   drain_i,   // column 0 shifts down
  input  logic [Rows-1:0]                   wen_i,
  input  logic [Rows*WordBits-1:0]          act_i,
  input  logic [Rows*MoreBits-1:0]          more_i,
  input  logic [ArrayCols*WeightStride-1:0] weight_i,
  input  logic [ArrayCols*WeightStride-1:0] above_i,
  output logic [ArrayCols*WeightStride-1:0] below_o,
  input  logic [ArrayCols*ChainStride-1:0]  psum_i,
`ifdef TACTUS_MONITOR
  input  logic [Rows-1:0]                   used_i,
  input  logic [ArrayCols*32-1:0]           overflows_i,
  output logic [ArrayCols*32-1:0]           overflows_o,
  input  logic [ArrayCols*32-1:0]           gated_i,
  output logic [ArrayCols*32-1:0]           gated_o,
`endif
  output logic [ArrayCols*ChainStride-1:0]  psum_o
);

  logic [5:0]                  mode [Rows*(ArrayCols+1)];
  logic [WordBits-1:0]         act  [Rows*(ArrayCols+1)];
  logic [MoreBits-1:0]         more [Rows*(ArrayCols+1)];
  logic [WeightBits-1:0]       down [(Rows+1)*ArrayCols];
  logic signed [ChainBits-1:0] psum [(Rows+1)*ArrayCols];
`ifdef TACTUS_MONITOR
  logic                        used [Rows*(ArrayCols+1)];
  logic [31:0]                 overflows [(Rows+1)*ArrayCols];
  logic [31:0]                 gated     [(Rows+1)*ArrayCols];
`endif

  genvar r, c;
  generate
    for (c = 0; c < ArrayCols; c++) begin : gen_edge
      assign psum[c] = psum_i[c*ChainStride +: ChainBits];
      assign down[c] = above_i[c*WeightStride +: WeightBits];
      assign psum_o[c*ChainStride +: ChainStride] = ChainStride'($unsigned(psum[Rows*ArrayCols + c]));
      assign below_o[c*WeightStride +: WeightStride] = WeightStride'(down[Rows*ArrayCols + c]);
`ifdef TACTUS_MONITOR
      assign overflows[c] = overflows_i[c*32 +: 32];
      assign gated[c]     = gated_i[c*32 +: 32];
      assign overflows_o[c*32 +: 32] = overflows[Rows*ArrayCols + c];
      assign gated_o[c*32 +: 32]     = gated[Rows*ArrayCols + c];
`endif
    end

    for (r = 0; r < Rows; r++) begin : gen_row
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
        assign drain = {drain_q, drain_i[r]};
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
        assign pe_swap = swap[c] && !(miss_swap_i && r == 1 % Rows && c == 1);
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
          .weight_i   (weight_i[c*WeightStride +: WeightBits]),
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
