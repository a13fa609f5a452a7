// SPDX-License-Identifier: Apache-2.0
// The post-processor behind the stream port of traces/README.md (elem stream), for golden test
// benches: layers that read tensors instead of accumulators. A block's operands are kept in a
// memory that stands for the ofmap buffer, its constants become parameter records, one post op
// works on them, and its results are kept until they are taken.

module tactus_bench_elem #(
  parameter int Lanes = 4,
  parameter int RecordBits = 152,
  parameter int MaxPixels = 64,
  parameter int MaxBeats = 256,
  parameter int TableEntries = 0,
  parameter int AccBits = 32,
  parameter int Saturate = 0,
  parameter int WgtBits = Lanes * RecordBits + 236 + 32 * TableEntries
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                in_valid_i,
  output logic                in_ready_o,
  input  logic [Lanes*32-1:0] in_act_i,
  input  logic [WgtBits-1:0]  in_wgt_i,
  input  logic                in_first_i,
  input  logic                in_last_i,
  output logic                out_valid_o,
  input  logic                out_ready_i,
  output logic [Lanes*32-1:0] out_data_o
);

  localparam int PixelBits = $clog2(MaxPixels + 1);
  localparam int EntryBits = $clog2(MaxPixels);
  localparam int BeatBits = $clog2(MaxBeats + 1);
  localparam int PlaceBits = $clog2(MaxBeats);
  localparam int Constants = Lanes * RecordBits;  // position of the op's constants
  localparam int Table = Constants + 236;
  localparam logic [3:0] ConvMulShift = 4'd1, ConvAddTflite = 4'd7, ConvAvgTflite = 4'd8,
                         ConvAddTfliteSingle = 4'd9;
  localparam logic [2:0] HalfAway = 3'd2;
  localparam logic [3:0] OpSum = 4'd0, OpMax = 4'd1, OpAdd = 4'd2, OpMul = 4'd3, OpMaximum = 4'd4,
                         OpMinimum = 4'd5, OpClamp = 4'd6;

  typedef enum logic [2:0] {StFill, StStart, StRun, StRead, StOut} state_e;
  state_e state_q;

  logic [BeatBits-1:0]  count_q;          // operands of the block
  logic [7:0]           tap_x_q, tap_y_q; // of the next operand
  logic [PixelBits-1:0] pixels_q, out_q;  // pixels of the block, results taken
  logic [WgtBits-1:0]   wgt_q;
  logic [235:0]         op_q, common;     // the op's constants
  logic                 take, ready, read, start, retire, pixel_end;
  assign ready      = state_q == StStart;
  assign read       = state_q == StRead;
  assign in_ready_o = state_q == StFill;
  assign take       = in_valid_i && in_ready_o;
  assign common     = (take && in_first_i) ? in_wgt_i[Constants +: 236] : op_q;

  // Constants of the block
  logic [3:0]  convention, operation, lut_shift, mode;
  logic [2:0]  rounding;
  logic [31:0] clamp_min, clamp_max, mult_a, mult_b;
  logic [16:0] out_zp, zero_a, zero_b;
  logic [7:0]  win_h, win_w, shift_a, shift_b;
  logic [4:0]  left_a, left_b;
  assign convention = common[0 +: 4];
  assign rounding   = common[4 +: 3];
  assign clamp_min  = common[7 +: 32];
  assign clamp_max  = common[39 +: 32];
  assign out_zp     = common[71 +: 17];
  assign operation  = common[88 +: 4];
  assign win_h      = common[92 +: 8];
  assign win_w      = common[100 +: 8];
  assign zero_a     = common[108 +: 17];
  assign mult_a     = common[125 +: 32];
  assign left_a     = common[157 +: 5];
  assign shift_a    = common[162 +: 8];
  assign zero_b     = common[170 +: 17];
  assign mult_b     = common[187 +: 32];
  assign left_b     = common[219 +: 5];
  assign shift_b    = common[224 +: 8];
  assign lut_shift  = common[232 +: 4];

  assign pixel_end = tap_x_q == win_w - 8'd1 && tap_y_q == win_h - 8'd1;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q  <= StFill;
      count_q  <= '0;
      pixels_q <= '0;
      out_q    <= '0;
      tap_x_q  <= '0;
      tap_y_q  <= '0;
    end else begin
      case (state_q)
        StFill: begin
          if (take) begin
            count_q  <= in_last_i ? '0 : count_q + BeatBits'(1);
            tap_x_q  <= (tap_x_q == win_w - 8'd1) ? 8'd0 : tap_x_q + 8'd1;
            if (tap_x_q == win_w - 8'd1) begin
              tap_y_q <= pixel_end ? 8'd0 : tap_y_q + 8'd1;
            end
            pixels_q <= (in_first_i ? '0 : pixels_q) + PixelBits'(pixel_end);
            if (in_last_i) begin
              state_q <= StStart;
            end
          end
        end
        StStart: begin
          if (start) begin
            state_q <= StRun;
          end
        end
        StRun: begin
          if (retire) begin
            state_q <= StRead;
            out_q   <= '0;
          end
        end
        StRead: begin
          state_q <= StOut;
        end
        default: begin
          if (out_ready_i) begin
            out_q   <= out_q + PixelBits'(1);
            state_q <= (out_q + PixelBits'(1) == pixels_q) ? StFill : StRead;
          end
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (take && in_first_i) begin
      wgt_q <= in_wgt_i;
      op_q  <= in_wgt_i[Constants +: 236];
    end
  end

  // The block as one op: a pixel per line, its operands side by side.
  always_comb begin
    case (operation)
      OpSum: mode = 4'(tactus_op_pkg::MODE_SUM_WINDOW);
      OpMax: mode = 4'(tactus_op_pkg::MODE_MAX_WINDOW);
      OpAdd: mode = 4'(tactus_op_pkg::MODE_ADD);
      OpMul: mode = 4'(tactus_op_pkg::MODE_MULTIPLY);
      OpMaximum: mode = 4'(tactus_op_pkg::MODE_MAXIMUM);
      OpMinimum: mode = 4'(tactus_op_pkg::MODE_MINIMUM);
      OpClamp: mode = 4'(tactus_op_pkg::MODE_CLAMP);
      default: mode = 4'(tactus_op_pkg::MODE_LUT);
    endcase
  end
`define TACTUS_PUT(name, value) \
  (tactus_op_pkg::OP_BITS'(value) << tactus_op_pkg::name``_LSB)
  logic [23:0] line, pixel;  // bytes of a window line, of a pixel
  logic        average;      // a multiplication stands for the division
  logic [3:0]  op_convention;
  logic [2:0]  op_rounding;
  logic [16:0] op_zp;
  assign average = convention == ConvAvgTflite;
  assign op_convention = average ? ConvMulShift : convention;
  assign op_rounding   = average ? HalfAway : rounding;
  assign op_zp         = average ? 17'd0 : out_zp;
  assign line    = {14'd0, win_w, 2'b00};
  assign pixel   = 24'(line * 24'(win_h));
  logic [tactus_op_pkg::OP_BITS-1:0] op;
  assign op = `TACTUS_PUT(POST_MODE, mode) |
              `TACTUS_PUT(POST_SRC_BASE_B, 4) |
              `TACTUS_PUT(POST_SRC_STEP_Y, pixel) |
              `TACTUS_PUT(POST_SRC_STEP_KX, 4) |
              `TACTUS_PUT(POST_SRC_STEP_KY, line) |
              `TACTUS_PUT(POST_WIN_H, win_h) |
              `TACTUS_PUT(POST_WIN_W, win_w) |
              `TACTUS_PUT(POST_SRC_LOG2_BYTES, 2) |
              `TACTUS_PUT(POST_SRC_SIGNED, 1) |
              `TACTUS_PUT(POST_SRCB_LOG2_BYTES, 2) |
              `TACTUS_PUT(POST_SRCB_SIGNED, 1) |
              `TACTUS_PUT(POST_CHANNELS, Lanes) |
              `TACTUS_PUT(POST_OUT_H, pixels_q) |
              `TACTUS_PUT(POST_OUT_W, 1) |
              `TACTUS_PUT(POST_DST_STEP_Y, 4) |
              `TACTUS_PUT(POST_DST_LOG2_BYTES, 2) |
              `TACTUS_PUT(POST_CONVENTION, op_convention) |
              `TACTUS_PUT(POST_ROUNDING, op_rounding) |
              `TACTUS_PUT(POST_CLAMP_MIN, clamp_min) |
              `TACTUS_PUT(POST_CLAMP_MAX, clamp_max) |
              `TACTUS_PUT(POST_OUT_ZP, op_zp) |
              `TACTUS_PUT(POST_LUT_SHIFT, lut_shift);

  logic [Lanes-1:0]    src_re, we;
  logic [23:0]         src_addr, dst_addr;
  logic [Lanes*32-1:0] result, source;

  // An average of n taps is sum * ceil(2^shift / n) / 2^shift, exact for sums of
  // 16-bit values.
  logic [63:0] taps;
  logic [5:0]  average_shift;
  logic [31:0] average_mult;
  always_comb begin
    taps = 64'(win_h) * 64'(win_w);
    average_shift = 6'd17;
    for (int s = 0; s < 32; s++) begin
      if ((64'd1 << s) < taps * taps) begin
        average_shift = 6'(17 + s + 1);
      end
    end
    average_mult = 32'(((64'd1 << average_shift) + taps - 64'd1) / taps);
  end
  logic [RecordBits-1:0] first_record;
  assign first_record = wgt_q[0 +: RecordBits];

  // The record of two operands
`define TACTUS_PUT_ADD(name, value) \
  ((256'(value) & ((256'd1 << tactus_op_pkg::ADD_``name``_W) - 256'd1)) << \
   tactus_op_pkg::ADD_``name``_LSB)
  logic         tflite, single, multiplies;
  logic [31:0]  mult, mult_0, mult_1;
  logic [2:0]   add_rounding;
  logic [1:0]   kind;
  logic [7:0]   shift;
  logic [63:0]  add;
  logic [47:0]  more;
  logic [255:0] add_record;
  assign mult       = first_record[tactus_op_pkg::CHANNEL_MULT_LSB +: 32];
  assign shift      = first_record[tactus_op_pkg::CHANNEL_SHIFT_LSB +: 8];
  assign add        = first_record[tactus_op_pkg::CHANNEL_ADD_LSB +: 64];
  assign multiplies = operation == OpMul;
  assign single     = convention == ConvAddTfliteSingle;
  assign tflite     = !multiplies && (single || convention == ConvAddTflite);
  assign more       = tflite ? {4'd0, shift_b[5:0], shift_a[5:0], mult} : add[47:0];
  assign mult_0       = multiplies ? mult : mult_a;
  assign mult_1       = multiplies ? 32'd0 : mult_b;
  assign add_rounding = tflite ? 3'd0 : rounding;
  assign kind         = single ? 2'd2 : tflite ? 2'd1 : 2'd0;
  assign add_record = `TACTUS_PUT_ADD(MA, mult_0) |
                      `TACTUS_PUT_ADD(MB, mult_1) |
                      `TACTUS_PUT_ADD(LA, left_a) |
                      `TACTUS_PUT_ADD(LB, left_b) |
                      `TACTUS_PUT_ADD(SHIFT, shift) |
                      `TACTUS_PUT_ADD(ROUNDING, add_rounding) |
                      `TACTUS_PUT_ADD(ZA, zero_a) |
                      `TACTUS_PUT_ADD(ZB, zero_b) |
                      `TACTUS_PUT_ADD(ZP, out_zp) |
                      `TACTUS_PUT_ADD(CLAMP_MIN, {clamp_min[31], clamp_min}) |
                      `TACTUS_PUT_ADD(CLAMP_MAX, {clamp_max[31], clamp_max}) |
                      `TACTUS_PUT_ADD(ADD, more) |
                      `TACTUS_PUT_ADD(KIND, kind);

`ifdef TACTUS_FAULTS
  logic [7:0] fault;
  initial begin
    if (!$value$plusargs("fault=%d", fault)) begin
      fault = 8'd0;
    end
  end
`endif

  logic        param_re;
  logic [15:0] param_record;

  // Eight entries of the table; between two entries each has the upper end in its high half.
  logic [255:0] table_record;
  logic [31:0]  entry0;  // number of the first one
  assign entry0 = 32'(param_record) << 3;
  genvar e;
  generate
    for (e = 0; e < 8; e++) begin : gen_entry
      logic [31:0] low;
      logic [15:0] high;
      if (TableEntries > 0) begin : gen_table
        assign low  = (entry0 + 32'(e) < 32'(TableEntries)) ?
                      wgt_q[32'(Table) + (entry0 + 32'(e)) * 32 +: 32] : 32'd0;
        assign high = (entry0 + 32'(e + 1) < 32'(TableEntries)) ?
                      wgt_q[32'(Table) + (entry0 + 32'(e + 1)) * 32 +: 16] : 16'd0;
      end else begin : gen_none
        assign low  = 32'd0;
        assign high = 16'd0;
      end
      assign table_record[32*e +: 32] = (lut_shift == 4'd0) ? low : {high, low[15:0]};
    end
  endgenerate

  logic [255:0] record_q;
  always_ff @(posedge clk_i) begin
    if (param_re) begin
      case (operation)
        OpAdd, OpMul: record_q <= add_record;
        OpSum: begin
          if (average) begin
            record_q <= (256'(average_mult) << tactus_op_pkg::CHANNEL_MULT_LSB) |
                        (256'(average_shift) << tactus_op_pkg::CHANNEL_SHIFT_LSB);
          end else begin
            record_q <= 256'(
                wgt_q[32'(param_record) * RecordBits +: RecordBits]);
          end
        end
        default: record_q <= table_record;
      endcase
    end
  end

  tactus_post_processor #(
    .ArrayRows  (Lanes),
    .ArrayCols  (Lanes),
    .PostLanes  (Lanes),
    .DataBits   (32),
    .AccBits    (AccBits),
    .AccOverflow(Saturate)
  ) u_post_processor (
    .clk_i             (clk_i),
    .rst_ni            (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i           (fault),
`endif
    .ready_i           (ready),
    .op_i              (op),
    .start_o           (start),
    .retire_o          (retire),
    .param_re_o        (param_re),
    .param_half_o      (),
    .param_record_o    (param_record),
    .param_data_i      (record_q),
    .psum_re_o         (),
    .psum_half_o       (),
    .psum_addr_o       (),
    .psum_data_i       ({(Lanes*AccBits){1'b0}}),
    .src_re_o          (src_re),
    .src_half_o        (),
    .src_addr_o        (src_addr),
    .src_data_i        (source),
    .group_o           (),
    .ofmap_we_o        (we),
    .ofmap_log2_bytes_o(),
    .ofmap_data_o      (result),
    .ifmap_we_o        (),
    .ifmap_high_o      (),
    .ifmap_be_o        (),
    .ifmap_data_o      (),
    .dst_addr_o        (dst_addr),
    .dst_addr1_o       (),
    .dst_half_o        (),
    .mon_pass_o        (),
    .mon_write_o       (),
    .mon_lanes_o       (),
    .mon_channel_o     (),
    .mon_result_o      (),
    .mon_overflow_o    ()
  );

  tactus_ram_1r1w #(
    .Width(Lanes * 32),
    .Depth(MaxBeats)
  ) u_operands (
    .clk_i  (clk_i),
    .we_i   (take),
    .waddr_i(in_first_i ? '0 : count_q[PlaceBits-1:0]),
    .wdata_i(in_act_i),
    .re_i   (|src_re),
    .raddr_i(src_addr[2 +: PlaceBits]),
    .rdata_o(source)
  );

  tactus_ram_1r1w #(
    .Width(Lanes * 32),
    .Depth(MaxPixels)
  ) u_results (
    .clk_i  (clk_i),
    .we_i   (we[0]),
    .waddr_i(dst_addr[2 +: EntryBits]),
    .wdata_i(result),
    .re_i   (read),
    .raddr_i(out_q[EntryBits-1:0]),
    .rdata_o(out_data_o)
  );

  assign out_valid_o = state_q == StOut;

endmodule
