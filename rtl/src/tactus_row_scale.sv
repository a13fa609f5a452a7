// SPDX-License-Identifier: Apache-2.0
// The constants of one row (models/numerics/softmax.hpp and norm.hpp), calculated step by step behind
// the walk that has summed the row: Newton steps for softmax_tflite8, a position in the table of
// inverses for softmax_tflite16, a division for softmax_lut, a square root and a division for the
// norms. The results stay until the next start.

module tactus_row_scale (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               start_i,
  input  logic [2:0]         kind_i,
  input  logic [31:0]        sum_i,       // softmax, from start_i on
  input  logic signed [31:0] values_i,    // norms, from start_i on: sum of the values or 0,
  input  logic [47:0]        squares_i,   // sum of their squares,
  input  logic [15:0]        last_i,      // their number minus 1
  input  logic [61:0]        eps_i,
  output logic signed [32:0] factor_o,    // softmax_tflite8, softmax_lut, norms
  output logic [5:0]         zeros_o,     // leading zeros of the sum
  output logic [5:0]         raise_o,     // k of the norms
  output logic               inverse_o,   // softmax_tflite16: read the table in this cycle
  output logic [15:0]        position_o
);

  localparam logic [2:0] Softmax8 = 3'(tactus_op_pkg::ROW_SOFTMAX_TFLITE8);
  localparam logic [2:0] Softmax16 = 3'(tactus_op_pkg::ROW_SOFTMAX_TFLITE16);
  localparam logic [2:0] SoftmaxLut = 3'(tactus_op_pkg::ROW_SOFTMAX_LUT);

  // 62-bit value in units of two bits: pairs of leading zeros; of a sum: leading zeros.
  function automatic logic [5:0] zero_pairs(input logic [61:0] value);
    logic seen;
    begin
      zero_pairs = 6'd0;
      seen = 1'b0;
      for (int i = 30; i >= 0; i--) begin
        seen = seen | (value[2*i +: 2] != 2'd0);
        zero_pairs = zero_pairs + (seen ? 6'd0 : 6'd1);
      end
    end
  endfunction
  function automatic logic [5:0] leading_zeros(input logic [31:0] value);
    logic seen;
    begin
      leading_zeros = 6'd0;
      seen = 1'b0;
      for (int i = 31; i >= 0; i--) begin
        seen = seen | value[i];
        leading_zeros = leading_zeros + (seen ? 6'd0 : 6'd1);
      end
    end
  endfunction
  function automatic logic signed [31:0] srdhm(
      input logic signed [31:0] a, input logic signed [31:0] b);
    begin
      srdhm = tactus_arith_pkg::tflite_step(1'b0, a, b, 6'd0);
    end
  endfunction
  function automatic logic signed [31:0] saturated(input logic signed [33:0] value);
    begin
      saturated = (value[33:31] == 3'b000 || value[33:31] == 3'b111)
                  ? value[31:0] : {value[33], {31{~value[33]}}};
    end
  endfunction

  logic              norm;
  logic [6:0]        step_q;  // 0: nothing to do
  logic [31:0]       raised_q;               // the sum without leading zeros
  logic signed [31:0] z_q, error_q;          // Newton
  logic [61:0]       v_q;                    // square root: what is left of the radicand
  logic [31:0]       rest_q;                 // square root and division: remainder
  logic [31:0]       root_q, quotient_q;
  logic              root_end, divides;
  logic [33:0]       root_trial;
  logic [32:0]       divided;
  logic [31:0]       half;
  assign norm = kind_i != Softmax8 && kind_i != Softmax16 && kind_i != SoftmaxLut;
  assign half = {1'b0, raised_q[31:1]};

  // Square root: two bits of the radicand a step, in steps 2 to 32; then the division by it.
  assign root_trial = {rest_q, v_q[61:60]};
  assign root_end   = step_q == 7'd33;
  assign divides    = kind_i == SoftmaxLut ? (step_q >= 7'd2 && step_q < 7'd34)
                                           : (norm && step_q >= 7'd34 && step_q < 7'd66);
  assign divided    = {rest_q, 1'b0};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      step_q <= 7'd0;
    end else if (start_i) begin
      step_q <= 7'd1;
    end else if (step_q != 7'd0) begin
      step_q <= (step_q == 7'd70) ? 7'd0 : step_q + 7'd1;
    end
  end

  // V, at least 1
  function automatic logic [61:0] variance(
      input logic signed [31:0] values, input logic [47:0] squares, input logic [15:0] last,
      input logic [61:0] eps);
    logic [61:0] total;
    begin
      total = {14'd0, squares} * ({46'd0, last} + 62'd1) -
              {{30{values[31]}}, values} * {{30{values[31]}}, values} + eps;
      variance = (total == 62'd0) ? 62'd1 : total;
    end
  endfunction

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      zeros_o  <= leading_zeros(sum_i);
      raised_q <= sum_i << leading_zeros(sum_i);
      if (norm) begin
        raise_o <= zero_pairs(variance(values_i, squares_i, last_i, eps_i));
        v_q     <= variance(values_i, squares_i, last_i, eps_i)
                   << {zero_pairs(variance(values_i, squares_i, last_i, eps_i)), 1'b0};
      end
    end else if (kind_i == Softmax8) begin
      case (step_q)
        7'd1: z_q <= 32'sd1515870810 + srdhm(half, -32'sd1010580540);
        7'd2, 7'd4, 7'd6: error_q <= 32'sd536870912 - srdhm(half, z_q);
        7'd3, 7'd5, 7'd7: z_q <= z_q + saturated({{2{srdhm(z_q, error_q) < 32'sd0}},
                                                  srdhm(z_q, error_q)} <<< 2);
        7'd8: factor_o <= 33'(saturated(34'(z_q) <<< 1));
        default: ;
      endcase
    end else if (kind_i == SoftmaxLut || norm) begin
      if (kind_i == SoftmaxLut && step_q == 7'd1) begin
        root_q <= raised_q;
        rest_q <= 32'd1 << 30;
      end
      if (norm && step_q == 7'd1) begin
        root_q <= 32'd0;
        rest_q <= 32'd0;
      end
      if (norm && step_q >= 7'd2 && step_q < 7'd33) begin
        v_q    <= v_q << 2;
        rest_q <= 32'((root_trial >= {root_q, 2'b01}) ? root_trial - {root_q, 2'b01}
                                                      : root_trial);
        root_q <= {root_q[30:0], root_trial >= {root_q, 2'b01}};
      end
      if (norm && root_end) begin
        rest_q <= 32'd1 << 29;
      end
      if (divides) begin
        rest_q     <= 32'((divided >= {1'b0, root_q}) ? divided - {1'b0, root_q} : divided);
        quotient_q <= {quotient_q[30:0], divided >= {1'b0, root_q}};
      end
      if (step_q == (norm ? 7'd66 : 7'd34)) begin
        factor_o <= {1'b0, quotient_q};
      end
    end
  end

  // k = (sum * 2^(zeros - 1) + 2^13) / 2^14 - 98304 in 16 bits, plus 32768
  assign position_o = 16'((half + 32'd8192) >> 14);
  assign inverse_o  = kind_i == Softmax16 && step_q == 7'd1;

endmodule
