// SPDX-License-Identifier: Apache-2.0
// Every function of tactus_arith_pkg behind one port list; op_i selects the result. Op codes equal enum Op of arith_twin_test.cpp.

module arith_twin_top (
    input  logic        [ 3:0] op_i,
    input  logic signed [63:0] wide_i,       // add of mul_shift, value of round_shift
    input  logic               sign_i,       // bit 64 of the value of round_shift
    input  logic signed [47:0] acc_i,        // acc; add of add_mul_shift
    input  logic signed [47:0] addend_i,
    input  logic        [ 5:0] acc_bits_i,
    input  logic        [ 1:0] policy_i,
    input  logic signed [31:0] mult_i,
    input  logic        [ 5:0] shift_i,
    input  logic        [ 2:0] rounding_i,
    input  logic signed [16:0] zp_i,
    input  logic signed [31:0] clamp_min_i,
    input  logic signed [31:0] clamp_max_i,
    input  logic signed [31:0] a_i,
    input  logic signed [31:0] b_i,
    input  logic signed [16:0] za_i,
    input  logic signed [16:0] zb_i,
    input  logic signed [31:0] mb_i,
    input  logic        [ 5:0] la_i,
    input  logic        [ 5:0] lb_i,
    output logic        [63:0] result_o,
    output logic               overflowed_o
);

  logic [63:0] rounded;
  logic [31:0] requantised, reduced, added;
  logic [31:0] value;
  logic [48:0] sum;

  // Continuous assignments: Icarus 11 complains about functions with part selects in always_comb.
  assign rounded = tactus_arith_pkg::round_shift(sign_i, wide_i, shift_i, rounding_i);
  assign requantised = tactus_arith_pkg::requantise(op_i, acc_i, mult_i, wide_i, shift_i,
                                                    rounding_i, zp_i, clamp_min_i, clamp_max_i);
  assign reduced = tactus_arith_pkg::tflite_s64(acc_i, mult_i, shift_i, zp_i, clamp_min_i,
                                                clamp_max_i);
  assign added = tactus_arith_pkg::add_mul_shift({a_i[31], a_i}, {b_i[31], b_i}, za_i, zb_i,
                                                 mult_i, mb_i, la_i, lb_i, acc_i, shift_i,
                                                 rounding_i, zp_i, clamp_min_i, clamp_max_i);
  assign sum = tactus_arith_pkg::accumulate(acc_i, addend_i, acc_bits_i, policy_i);

  // Operations 1 to 4 are the codes of the conventions.
  assign value = (op_i <= 4'd4) ? requantised : (op_i == 4'd5) ? reduced : added;
  assign result_o = (op_i == 4'd0) ? rounded
                  : (op_i == 4'd7) ? {{16{sum[47]}}, sum[47:0]} : {{32{value[31]}}, value};
  assign overflowed_o = sum[48];

endmodule
