// SPDX-License-Identifier: Apache-2.0
// Two cycles from an accumulator to an output value:
// clamp(round((acc * mult + add) / 2^shift) + zero), or the accumulator itself with raw.
module rs_scale (
  input  logic               clk,
  input  logic               rst,
  input  logic               raw,
  input  logic [1:0]         rounding,  // 0 ties to even, 1 towards +infinity, 2 away from zero
  input  logic signed [31:0] zero,
  input  logic signed [31:0] low,
  input  logic signed [31:0] high,

  input  logic               in_valid,
  output logic               in_ready,
  input  logic signed [31:0] acc,
  input  logic signed [31:0] mult,
  input  logic signed [63:0] add,
  input  logic [5:0]         shift,

  output logic               out_valid,
  input  logic               out_ready,
  output logic signed [31:0] out_data
);

  logic               go, busy_q, valid_q;
  logic [5:0]         shift_q;
  logic signed [31:0] acc_q, data_q;
  logic signed [63:0] sum_q;

  assign go        = !valid_q || out_ready;
  assign in_ready  = go;
  assign out_valid = valid_q;
  assign out_data  = data_q;

  // Rounding: what is cut off decides about one unit more.
  logic [63:0]        below;
  logic signed [63:0] floor, rounded, moved;
  logic               half, rest, up;
  always_comb begin
    below   = sum_q & ~({64{1'b1}} << shift_q);
    half    = shift_q != 6'd0 && below[shift_q - 6'd1];
    rest    = (below << (7'd65 - {1'b0, shift_q})) != 64'd0;
    floor   = sum_q >>> shift_q;
    case (rounding)
      2'd0:    up = half && (rest || floor[0]);
      2'd1:    up = half;
      default: up = half && (rest || !sum_q[63]);
    endcase
    rounded = floor + {63'd0, up};
    moved   = rounded + {{32{zero[31]}}, zero};
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      busy_q  <= 1'b0;
      valid_q <= 1'b0;
    end else if (go) begin
      busy_q  <= in_valid;
      valid_q <= busy_q;
    end
    if (go) begin
      acc_q   <= acc;
      shift_q <= shift;
      sum_q   <= acc * mult + add;
      if (raw) begin
        data_q <= acc_q;
      end else if (moved < $signed({{32{low[31]}}, low})) begin
        data_q <= low;
      end else if (moved > $signed({{32{high[31]}}, high})) begin
        data_q <= high;
      end else begin
        data_q <= moved[31:0];
      end
    end
  end

endmodule
