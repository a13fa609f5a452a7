// SPDX-License-Identifier: Apache-2.0
// The PE array and the psum buffer behind the stream port of traces/README.md (mac stream), for
// golden test benches. ArrayRows steps are collected, loaded as weights and multiplied with the
// operands of the block's pixels; a psum entry per pixel gathers the folds. Blocks take the halves
// of the psum buffer in turn. Weight-stationary, one operand per word.

module tactus_bench_array #(
  parameter int Rows = 4,       // pixels of a block, and rows of the array
  parameter int Cols = 4,
  parameter int ActBits = 8,
  parameter int WgtBits = 8,
  parameter int AccBits = 32,
  parameter int Saturate = 0
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

  localparam int OperandBits = (ActBits > 9 || WgtBits > 9) ? 16 : 8;
  localparam int WordBits = OperandBits + 1;
  localparam int ChainBits = 2 * WordBits + $clog2(Rows);
  // Cycles of a fold: loads begin in cycle 0, streams in cycle 2, the last psum is written behind.
  // Differences of times wrap to values above Rows when they are negative.
  localparam int Stream = 2;
  localparam int Cycles = Stream + 2 * Rows + Cols + 1;
  localparam int TimeBits = $clog2(Cycles + 1);
  localparam int RowBits = $clog2(Rows + 1);
  localparam int IndexBits = $clog2(Rows);

  typedef enum logic [1:0] {StFill, StFold, StRead, StOut} state_e;
  state_e state_q;

  logic [TimeBits-1:0] time_q;     // cycle of the fold
  logic [RowBits-1:0]  row_q;      // steps collected, then result row
  logic                last_q;     // the fold is the block's last one
  logic                started_q;  // the block has a fold behind it
  logic                half_q;

  // Step r of the fold: an operand per pixel, a weight per column. Steps that are missing are 0.
  logic [Rows*ActBits-1:0] act_q [Rows];
  logic [Cols*WgtBits-1:0] wgt_q [Rows];

  logic take, read;
  assign read       = state_q == StRead;
  assign in_ready_o = state_q == StFill;
  assign take       = in_valid_i && in_ready_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q   <= StFill;
      time_q    <= '0;
      row_q     <= '0;
      last_q    <= 1'b0;
      started_q <= 1'b0;
      half_q    <= 1'b0;
    end else begin
      case (state_q)
        StFill: begin
          if (take) begin
            row_q  <= row_q + RowBits'(1);
            last_q <= in_last_i;
            if (in_first_i) begin
              started_q <= 1'b0;
            end
            if (in_last_i || row_q == RowBits'(Rows - 1)) begin
              state_q <= StFold;
              time_q  <= '0;
            end
          end
        end
        StFold: begin
          time_q <= time_q + TimeBits'(1);
          if (time_q == TimeBits'(Cycles - 1)) begin
            state_q   <= last_q ? StRead : StFill;
            row_q     <= '0;
            started_q <= 1'b1;
          end
        end
        StRead: begin
          state_q <= StOut;
        end
        default: begin
          if (out_ready_i) begin
            row_q <= row_q + RowBits'(1);
            if (row_q == RowBits'(Rows - 1)) begin
              state_q <= StFill;
              row_q   <= '0;
              half_q  <= !half_q;
            end else begin
              state_q <= StRead;
            end
          end
        end
      endcase
    end
  end

  genvar r, c;
  generate
    for (r = 0; r < Rows; r++) begin : gen_step
      always_ff @(posedge clk_i) begin
        if (take && row_q == RowBits'(r)) begin
          act_q[r] <= in_act_i;
          wgt_q[r] <= in_wgt_i;
        end else if (take && row_q == '0) begin
          act_q[r] <= '0;
          wgt_q[r] <= '0;
        end
      end
    end
  endgenerate

  // Row r gets its weight in column c in cycle r + c, swaps it in cycle Stream + r and has pixel m
  // in cycle Stream + 1 + r + m.
  logic                      fold;
  logic [Rows-1:0]           wen, swap, en;
  logic [Rows*WordBits-1:0]  act;
  logic [Cols*WordBits-1:0]  weight;
  assign fold = state_q == StFold;
  generate
    for (r = 0; r < Rows; r++) begin : gen_row
      logic [TimeBits-1:0] pixel;
      logic [ActBits-1:0]  operand;
      assign wen[r]  = fold && time_q == TimeBits'(r);
      assign swap[r] = fold && time_q == TimeBits'(Stream + r);
      assign pixel   = time_q - TimeBits'(Stream + 1 + r);
      assign en[r]   = fold && pixel < TimeBits'(Rows);
      assign operand = act_q[r][pixel*ActBits +: ActBits];
      assign act[r*WordBits +: WordBits] =
          en[r] ? {{(WordBits-ActBits){operand[ActBits-1]}}, operand} : '0;
    end
    for (c = 0; c < Cols; c++) begin : gen_weight
      logic [TimeBits-1:0]     step;
      logic [Cols*WgtBits-1:0] word;
      logic [WgtBits-1:0]      value;
      assign step  = time_q - TimeBits'(c);
      assign word  = wgt_q[step[IndexBits-1:0]];
      assign value = word[c*WgtBits +: WgtBits];
      assign weight[c*WordBits +: WordBits] = (step < TimeBits'(Rows)) ?
          {{(WordBits-WgtBits){value[WgtBits-1]}}, value} : '0;
    end
  endgenerate

`ifdef TACTUS_FAULTS
  logic [7:0] fault;
  initial begin
    if (!$value$plusargs("fault=%d", fault)) begin
      fault = 8'd0;
    end
  end
`endif

  logic [Cols*ChainBits-1:0] sum;
  tactus_pe_array #(
    .ArrayRows  (Rows),
    .ArrayCols  (Cols),
    .OperandBits(OperandBits),
    .AccBits    (AccBits),
    .AccOverflow(Saturate),
    .WordBits   (WordBits),
    .WeightBits (WordBits),
    .ChainBits  (ChainBits)
  ) u_pe_array (
    .clk_i   (clk_i),
    .rst_ni  (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i (fault),
`endif
    .en_i    (en),
    .swap_i  (swap),
    .mode_i  ({(Rows*6){1'b0}}),
    .flush_i ({Rows{1'b0}}),
    .drain_i (1'b0),
    .wen_i   (wen),
    .act_i   (act),
    .more_i  ({Rows{1'b0}}),
    .weight_i(weight),
    .psum_o  (sum)
  );

  // Column 0 reads entry m in cycle Stream + Rows + m and writes it in the next one.
  logic                psum_en;
  logic [TimeBits-1:0] entry;
  assign entry   = time_q - TimeBits'(Stream + Rows);
  assign psum_en = fold && entry < TimeBits'(Rows);

  tactus_psum_buffer #(
    .ArrayCols  (Cols),
    .PostLanes  (Cols),
    .AccBits    (AccBits),
    .AccOverflow(Saturate),
    .PsumEntries(Rows),
    .ChainBits  (ChainBits)
  ) u_psum_buffer (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i       (fault),
`endif
    .en_i          (psum_en),
    .half_i        (half_q),
    .init_i        (!started_q),
    .addr_i        (20'(entry)),
    .cols_i        (9'(Cols)),
    .last_i        (1'b0),
    .final_i       (1'b0),
    .tag_i         (3'd0),
    .sum_i         (sum),
    .retire_o      (),
    .post_re_i     ({Cols{read}}),
    .post_half_i   (half_q),
    .post_group_i  (1'b0),
    .post_addr_i   (20'(row_q)),
    .post_data_o   (out_data_o),
    .mon_we_o      (),
    .mon_re_o      (),
    .mon_overflow_o(),
    .mon_final_o   (),
    .mon_tag_o     (),
    .mon_addr_o    (),
    .mon_acc_o     ()
  );

  assign out_valid_o = state_q == StOut;

endmodule
