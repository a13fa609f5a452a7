// SPDX-License-Identifier: Apache-2.0
// Psum addresses for column 0 of the psum buffer. Weight-stationary: the pixel stream, array_rows
// cycles later. Output-stationary: array_rows cycles after the last cycle of a fold's stream, the
// drain brings its pixels, the last row's first. What a walk needs of its fold waits from take_i on;
// the next fold's take_i comes no earlier than the walk begins.

module tactus_psum_walker #(
  parameter int ArrayRows = 16,
  parameter int OutputStationary = 0,
  parameter int TagBits = 3
) (
  input  logic               clk_i,
  input  logic               rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]         fault_i,
`endif
  input  logic               take_i,       // first pixel of a fold, or last cycle of its units
  input  logic               pix_en_i,     // weight-stationary: a pixel
  input  logic               pix_last_i,   // the fold's last one
  input  logic               stationary_i, // output-stationary
  input  logic [8:0]         rows_i,       // output-stationary: pixels of the fold
  input  logic [19:0]        base_i,       // psum entry of the fold's first pixel
  input  logic [8:0]         cols_i,
  input  logic [TagBits-1:0] tag_i,
  input  logic               half_i,
  input  logic               init_i,       // start from 0 instead of the old value
  input  logic               last_i,       // last fold of the op
  input  logic               final_i,      // results are complete
  output logic               drain_o,      // a drain begins in the next cycle
  output logic               en_o,
  output logic               half_o,
  output logic               init_o,
  output logic [19:0]        addr_o,
  output logic [8:0]         cols_o,
  output logic               last_o,
  output logic               final_o,
  output logic [TagBits-1:0] tag_o
);

  localparam int FoldBits = 9 + TagBits + 4;
  logic [ArrayRows-1:0] late_en_q, late_first_q, late_last_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      late_en_q    <= '0;
      late_first_q <= '0;
      late_last_q  <= '0;
    end else begin
      late_en_q    <= {late_en_q[ArrayRows-2:0], pix_en_i};
      late_first_q <= {late_first_q[ArrayRows-2:0], take_i};
      late_last_q  <= {late_last_q[ArrayRows-2:0], pix_en_i && pix_last_i};
    end
  end
  logic first;
  assign first = late_first_q[ArrayRows-1];

  logic [FoldBits-1:0] wait_q, fold_q, fold;
  logic [19:0]         base_wait_q, addr_q;
  always_ff @(posedge clk_i) begin
    if (take_i) begin
      wait_q      <= {cols_i, tag_i, half_i, init_i, last_i, final_i};
      base_wait_q <= base_i;
    end
    if (first) begin
      fold_q <= wait_q;
    end
  end
  assign fold    = first ? wait_q : fold_q;
  assign cols_o  = fold[TagBits + 4 +: 9];
  assign tag_o   = fold[4 +: TagBits];
  assign half_o  = fold[3];
  assign final_o = fold[0];
`ifdef TACTUS_FAULTS
  // Fault 14: later folds start from 0 again when they write psum entry 3.
  assign init_o  = fold[2] || (fault_i == 8'd14 && addr_o == 20'd3);
`else
  assign init_o  = fold[2];
`endif

  generate
    if (OutputStationary != 0) begin : gen_drain
      localparam int RowBits = $clog2(ArrayRows);
      logic               wait_drain_q, drain_q, drain;
      logic [8:0]         wait_rows_q, rows_q, rows;
      logic [19:0]        base_q, base;
      logic [RowBits-1:0] row_q, row;
      assign drain = first ? wait_drain_q : drain_q;
      assign rows  = first ? wait_rows_q : rows_q;
      assign base  = first ? base_wait_q : base_q;
      assign row   = first ? RowBits'(ArrayRows - 1) : row_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          drain_q <= 1'b0;
        end else begin
          drain_q <= drain && row != '0;
        end
      end
      always_ff @(posedge clk_i) begin
        if (take_i) begin
          wait_drain_q <= stationary_i;
          wait_rows_q  <= rows_i;
        end
        if (first) begin
          rows_q <= rows;
          base_q <= base;
        end
        row_q <= row - RowBits'(1);
        if (en_o) begin
          addr_q <= addr_o;
        end
      end
      assign drain_o = first && drain;
      assign en_o    = drain ? 9'(row) < rows : late_en_q[ArrayRows-1];
      assign addr_o  = drain ? base + 20'(row) : first ? base_wait_q : addr_q + 20'd1;
      assign last_o  = fold[1] && (drain ? row == '0 : late_last_q[ArrayRows-1]);
    end else begin : gen_stream
      always_ff @(posedge clk_i) begin
        if (en_o) begin
          addr_q <= addr_o;
        end
      end
      assign drain_o = 1'b0;
      assign en_o    = late_en_q[ArrayRows-1];
      assign addr_o  = first ? base_wait_q : addr_q + 20'd1;
      assign last_o  = fold[1] && late_last_q[ArrayRows-1];
    end
  endgenerate

endmodule
