// SPDX-License-Identifier: Apache-2.0
// One lane of the post-processor, five register stages from the data of a tap to the result:
//   1 element of the word, 2 window, 3 bias, 4 requantisation or clamp, 5 second operand.
// The lane keeps the channel record of the pass, or of the element in the stage that uses it.

`include "tactus_field.svh"

module tactus_post_lane #(
  parameter int DataBits = 32,
  parameter int AccBits = 32,
  parameter int AccOverflow = 0,
  parameter int OffsetBits = $clog2(DataBits / 8)
) (
  input  logic                clk_i,
`ifdef TACTUS_FAULTS
  input  logic [7:0]          fault_i,
`endif
  input  logic                busy_i,        // one of the enables and valid bits is set
  input  logic                bias_we_i,
  input  logic [47:0]         bias_i,
  input  logic                scale_we_i,
  input  logic [255:0]        scale_i,       // channel record, without the bias
  // of the op
  input  logic [3:0]          mode_i,
  input  logic [3:0]          convention_i,
  input  logic [2:0]          rounding_i,
  input  logic [31:0]         clamp_min_i,
  input  logic [31:0]         clamp_max_i,
  input  logic [16:0]         out_zp_i,
  input  logic [1:0]          dst_log2_bytes_i,
  input  logic [255:0]        add_record_i,
  input  logic [3:0]          lut_shift_i,
  input  logic [31:0]         lut_entry_i,   // in stage 3
  // stage valid bits of an active lane
  input  logic                valid1_i,
  input  logic                valid2_i,
  input  logic                valid3_i,
  input  logic                valid4_i,
  input  logic                valid5_i,
  input  logic                first2_i,      // first tap of the window, or operand a
  // tap data
  input  logic [AccBits-1:0]  psum_i,
  input  logic [DataBits-1:0] word_i,
  input  logic [OffsetBits-1:0] offset_i,    // byte of the element in the word
  input  logic [1:0]          log2_bytes_i,
  input  logic                signed_i,
  // results
  output logic [32:0]         lut_offset_o,  // of the source in the table, in stage 2
  output logic                overflow_o,    // of stage 3, valid with the stage 4 valid bit
  output logic [31:0]         result_o,
  output logic [31:0]         element_o      // result at its width, repeated over 32 bits
);

  localparam logic [3:0] ModeRequant = 4'(tactus_op_pkg::MODE_REQUANT);
  localparam logic [3:0] ModeRequantAdd = 4'(tactus_op_pkg::MODE_REQUANT_ADD);
  localparam logic [3:0] ModeMax = 4'(tactus_op_pkg::MODE_MAX_WINDOW);
  localparam logic [3:0] ModeSum = 4'(tactus_op_pkg::MODE_SUM_WINDOW);
  localparam logic [3:0] ModeAdd = 4'(tactus_op_pkg::MODE_ADD);
  localparam logic [3:0] ModeMultiply = 4'(tactus_op_pkg::MODE_MULTIPLY);
  localparam logic [3:0] ModeMaximum = 4'(tactus_op_pkg::MODE_MAXIMUM);
  localparam logic [3:0] ModeMinimum = 4'(tactus_op_pkg::MODE_MINIMUM);
  localparam logic [3:0] ModeLut = 4'(tactus_op_pkg::MODE_LUT);

  // Channel record
  logic signed [47:0] bias_q;
  logic signed [31:0] mult_q;
  logic signed [7:0]  shift_q;
  logic signed [63:0] add_q;
  always_ff @(posedge clk_i) begin
    if (busy_i) begin
      if (bias_we_i) begin
        bias_q  <= bias_i;
      end
      if (scale_we_i) begin
        mult_q  <= `TACTUS_FIELD(scale_i, CHANNEL_MULT);
        shift_q <= `TACTUS_FIELD(scale_i, CHANNEL_SHIFT);
        add_q   <= `TACTUS_FIELD(scale_i, CHANNEL_ADD);
      end
    end
  end

  // Stage 1: element of the word, sign- or zero-extended; one bit more for unsigned 32 bits.
  logic [31:0]        raw;
  logic signed [47:0] psum1_q, element1_q;
  assign raw = 32'(word_i >> {offset_i, 3'b000});
  always_ff @(posedge clk_i) begin
    if (busy_i) begin
      if (valid1_i) begin
        psum1_q <= {{(48-AccBits){psum_i[AccBits-1]}}, psum_i};
        case (log2_bytes_i)
          2'd0: element1_q <= {{40{signed_i & raw[7]}}, raw[7:0]};
          2'd1: element1_q <= {{32{signed_i & raw[15]}}, raw[15:0]};
          default: element1_q <= {{16{signed_i & raw[31]}}, raw};
        endcase
      end
    end
  end

  // Stage 2: window; value2_q is what the bias is added to, other2_q the second operand.
  logic signed [47:0] value2_q, other2_q;
  always_ff @(posedge clk_i) begin
    if (busy_i) begin
      if (valid2_i) begin
        case (mode_i)
          ModeRequant, ModeRequantAdd: value2_q <= psum1_q;
          ModeMax: if (first2_i || element1_q > value2_q) value2_q <= element1_q;
          ModeSum: value2_q <= first2_i ? element1_q : value2_q + element1_q;
          ModeAdd, ModeMultiply, ModeMaximum, ModeMinimum: if (first2_i) value2_q <= element1_q;
          default: value2_q <= element1_q;
        endcase
        other2_q <= element1_q;
      end
    end
  end

  // Mode lut: where the element is in the table
  logic signed [47:0] low2, high2;
  assign low2  = {{16{clamp_min_i[31]}}, clamp_min_i};
  assign high2 = {{16{clamp_max_i[31]}}, clamp_max_i};
  // No always_comb: Icarus would call the lanes' blocks in turns without end.
  assign lut_offset_o = (mode_i != ModeLut || element1_q <= low2) ? 33'd0 :
                        33'(((element1_q > high2) ? high2 : element1_q) - low2);

  // Stage 3: bias under the overflow policy, product or choice of two operands
  function automatic logic signed [47:0] product(
      input logic signed [47:0] a, input logic signed [47:0] b, input logic signed [16:0] za,
      input logic signed [16:0] zb);
    begin
      product = (a - {{31{za[16]}}, za}) * (b - {{31{zb[16]}}, zb});
    end
  endfunction
  logic signed [47:0] chosen3;
  always_comb begin
    chosen3 = value2_q;
    case (mode_i)
      ModeMultiply: chosen3 = product(value2_q, other2_q, `TACTUS_FIELD(add_record_i, ADD_ZA),
                                      `TACTUS_FIELD(add_record_i, ADD_ZB));
      ModeMaximum: chosen3 = (other2_q > value2_q) ? other2_q : value2_q;
      ModeMinimum: chosen3 = (other2_q < value2_q) ? other2_q : value2_q;
      default: chosen3 = value2_q;
    endcase
  end
  logic [7:0]         lut_offset2_q, lut_offset3_q;
  logic [31:0]        lut_entry_q;
  logic               has_bias;
  logic [48:0]        sum3_q;
  logic signed [47:0] other3_q;
  assign has_bias = mode_i == ModeRequant || mode_i == ModeRequantAdd || mode_i == ModeSum;
  always_ff @(posedge clk_i) begin
    if (busy_i) begin
      if (valid3_i) begin
        sum3_q   <= has_bias ? tactus_arith_pkg::accumulate(value2_q, bias_q, 6'(AccBits),
                                                            2'(AccOverflow))
                             : {1'b0, chosen3};
        other3_q <= other2_q;
      end
      if (mode_i == ModeLut) begin
        if (valid2_i) begin
          lut_offset2_q <= lut_offset_o[7:0];
        end
        if (valid3_i) begin
          lut_offset3_q <= lut_offset2_q;
          lut_entry_q   <= lut_entry_i;
        end
      end
    end
  end
  assign overflow_o = sum3_q[48];

  // Stage 4: requantisation or clamp
  logic signed [47:0] value3, wide_min, wide_max;
  logic signed [32:0] other4_q, value4_q;
  logic signed [31:0] min, max;
  logic [2:0]         rounding;
  assign value3 = sum3_q[47:0];
`ifdef TACTUS_FAULTS
  // Fault 1: the highest bit of the rounding mode is inverted. Fault 10: clamp_max is one lower.
  assign rounding = (fault_i == 8'd1) ? (rounding_i ^ 3'd4) : rounding_i;
  assign max      = (fault_i == 8'd10) ? clamp_max_i - 32'd1 : clamp_max_i;
`else
  assign rounding = rounding_i;
  assign max      = clamp_max_i;
`endif
  assign min      = clamp_min_i;
  assign wide_min = {{16{min[31]}}, min};
  assign wide_max = {{16{max[31]}}, max};
  function automatic logic signed [32:0] extend(input logic signed [31:0] x);
    begin
      extend = {x[31], x};
    end
  endfunction
  logic scales, multiplies;
  logic signed [31:0] mult;
  logic [5:0]         shift;
  logic signed [63:0] addend;
  assign multiplies = mode_i == ModeMultiply;
  assign scales     = has_bias || multiplies;
  assign mult       = multiplies ? `TACTUS_FIELD(add_record_i, ADD_MA) : mult_q;
  assign shift      = multiplies ? `TACTUS_FIELD(add_record_i, ADD_SHIFT) : shift_q[5:0];
  assign addend     = multiplies ? 64'($signed(`TACTUS_FIELD(add_record_i, ADD_ADD))) : add_q;
  function automatic logic signed [31:0] stage4(input logic signed [47:0] x);
    begin
      if (mode_i == ModeLut) begin
        stage4 = tactus_arith_pkg::look_up(lut_entry_q, lut_offset3_q, lut_shift_i);
      end else if (!scales) begin
        stage4 = (x < wide_min) ? min : (x > wide_max) ? max : x[31:0];
      end else begin
        case (convention_i)
          tactus_arith_pkg::ConvNone: stage4 = x[31:0];
          tactus_arith_pkg::ConvTfliteS64:
            stage4 = tactus_arith_pkg::tflite_s64(x, mult, shift, out_zp_i, min, max);
          default:
            stage4 = tactus_arith_pkg::requantise(convention_i, x, mult, addend, shift, rounding,
                                                  out_zp_i, min, max);
        endcase
      end
    end
  endfunction
  always_ff @(posedge clk_i) begin
    if (busy_i) begin
      if (valid4_i) begin
        other4_q <= other3_q[32:0];
        value4_q <= (mode_i == ModeAdd) ? value3[32:0] : extend(stage4(value3));
      end
    end
  end

  // Stage 5: second operand
  function automatic logic [31:0] second_operand(
      input logic [32:0] a, input logic [32:0] b, input logic [255:0] r);
    logic [1:0]  kind;
    logic [47:0] more;  // kind 1 and 2: the last multiplier, the shifts of a and b
    begin
      kind = `TACTUS_FIELD(r, ADD_KIND);
      more = `TACTUS_FIELD(r, ADD_ADD);
      if (kind != 2'd0) begin
        second_operand = tactus_arith_pkg::add_tflite(
            kind[1], a[31:0], b[31:0], `TACTUS_FIELD(r, ADD_ZA), `TACTUS_FIELD(r, ADD_ZB),
            `TACTUS_FIELD(r, ADD_LA), `TACTUS_FIELD(r, ADD_MA), more[37:32],
            `TACTUS_FIELD(r, ADD_MB), more[43:38], more[31:0], `TACTUS_FIELD(r, ADD_SHIFT),
            `TACTUS_FIELD(r, ADD_ZP), r[tactus_op_pkg::ADD_CLAMP_MIN_LSB +: 32],
            r[tactus_op_pkg::ADD_CLAMP_MAX_LSB +: 32]);
      end else begin
        second_operand = tactus_arith_pkg::add_mul_shift(
            a, b, `TACTUS_FIELD(r, ADD_ZA), `TACTUS_FIELD(r, ADD_ZB), `TACTUS_FIELD(r, ADD_MA),
            `TACTUS_FIELD(r, ADD_MB), {1'b0, `TACTUS_FIELD(r, ADD_LA)},
            {1'b0, `TACTUS_FIELD(r, ADD_LB)}, more, `TACTUS_FIELD(r, ADD_SHIFT),
            `TACTUS_FIELD(r, ADD_ROUNDING), `TACTUS_FIELD(r, ADD_ZP),
            r[tactus_op_pkg::ADD_CLAMP_MIN_LSB +: 32], r[tactus_op_pkg::ADD_CLAMP_MAX_LSB +: 32]);
      end
    end
  endfunction
  logic [31:0] result_q;
  always_ff @(posedge clk_i) begin
    if (busy_i) begin
      if (valid5_i) begin
        result_q <= (mode_i == ModeRequantAdd || mode_i == ModeAdd)
                    ? second_operand(value4_q, other4_q, add_record_i) : value4_q[31:0];
      end
    end
  end
  assign result_o  = result_q;
  assign element_o = (dst_log2_bytes_i == 2'd0) ? {4{result_q[7:0]}} :
                     (dst_log2_bytes_i == 2'd1) ? {2{result_q[15:0]}} : result_q;

endmodule
