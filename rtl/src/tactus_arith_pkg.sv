// SPDX-License-Identifier: Apache-2.0
// The twin of models/numerics in combinational functions. Sums are held in 64 bits (one machine
// word in simulation); where that is exact is stated per function and in models/numerics/README.md.
// Codes equal the enumerations of models/numerics/formats.hpp. Written for Verilator, Icarus 11 and
// Yosys 0.23: operands are sign-extended by hand, results are assigned to the function's name.

package tactus_arith_pkg;

  // The codes are complete tables, whether or not a design uses each of them.
  // verilator lint_off UNUSEDPARAM
  localparam logic [2:0] RoundHalfEven = 3'd0;
  localparam logic [2:0] RoundHalfUp = 3'd1;
  localparam logic [2:0] RoundHalfAway = 3'd2;
  localparam logic [2:0] RoundHalfDown = 3'd3;
  localparam logic [2:0] RoundFloor = 3'd4;
  localparam logic [2:0] RoundCeil = 3'd5;
  localparam logic [2:0] RoundTrunc = 3'd6;

  localparam logic [1:0] OverflowWrap = 2'd0;
  localparam logic [1:0] OverflowSaturate = 2'd1;
  localparam logic [1:0] OverflowError = 2'd2;

  localparam logic [3:0] ConvNone = 4'd0;
  localparam logic [3:0] ConvMulShift = 4'd1;
  localparam logic [3:0] ConvPow2 = 4'd2;
  localparam logic [3:0] ConvTfliteDouble = 4'd3;
  localparam logic [3:0] ConvTfliteSingle = 4'd4;
  localparam logic [3:0] ConvTfliteS64 = 4'd5;
  localparam logic [3:0] ConvAddMulShift = 4'd6;
  localparam logic [3:0] ConvAddTflite = 4'd7;
  localparam logic [3:0] ConvAvgTflite = 4'd8;
  localparam logic [3:0] ConvAddTfliteSingle = 4'd9;
  // verilator lint_on UNUSEDPARAM

  // The 65-bit value {sign, low} divided by 2^shift and rounded. Above shift 0 the result always
  // fits 64 bits; at shift 0 a value that does not fit becomes the nearest one that does.
  function automatic logic signed [63:0] round_shift(
      input logic sign, input logic [63:0] low, input logic [5:0] shift,
      input logic [2:0] rounding);
    logic [63:0] mask;  // the bits that are shifted out
    logic [63:0] quotient;
    logic guard;   // the bit of weight one half
    logic sticky;  // any bit below it
    logic up;
    begin
      mask = ~(64'hFFFF_FFFF_FFFF_FFFF << shift);
      guard = |(low & (mask ^ (mask >> 1)));
      sticky = |(low & (mask >> 1));
      quotient = (low >> shift) | (sign ? ~(64'hFFFF_FFFF_FFFF_FFFF >> shift) : 64'd0);
      case (rounding)
        RoundHalfEven: up = guard & (sticky | quotient[0]);
        RoundHalfUp: up = guard;
        RoundHalfAway: up = guard & (sticky | ~sign);
        RoundHalfDown: up = guard & sticky;
        RoundCeil: up = guard | sticky;
        RoundTrunc: up = (guard | sticky) & sign;
        default: up = 1'b0;  // RoundFloor
      endcase
      if (shift == 6'd0 && sign != low[63]) begin
        round_shift = {sign, {63{~sign}}};
      end else begin
        round_shift = quotient + {63'd0, up};
      end
    end
  endfunction

  // clamp(value + zp), for every value: the limits are moved so that no sum can overflow.
  function automatic logic signed [31:0] offset_clamp(
      input logic signed [63:0] value, input logic signed [16:0] zp,
      input logic signed [31:0] clamp_min, input logic signed [31:0] clamp_max);
    logic signed [63:0] offset;
    logic signed [63:0] low;
    logic signed [63:0] high;
    begin
      offset = {{47{zp[16]}}, zp};
      low = {{32{clamp_min[31]}}, clamp_min} - offset;
      high = {{32{clamp_max[31]}}, clamp_max} - offset;
      if (value < low) begin
        offset_clamp = clamp_min;
      end else if (value > high) begin
        offset_clamp = clamp_max;
      end else begin
        offset_clamp = value[31:0] + offset[31:0];
      end
    end
  endfunction

  // Requantisation by mul_shift, pow2, tflite_double or tflite_single, on one multiplier, adder and
  // shifter. Exact where acc * mult fits 64 bits, which acc_bits + mult_bits <= 64 ensures. The
  // shift of the TFLite conventions is signed, -31..30, positive = left.
  function automatic logic signed [31:0] requantise(
      input logic [3:0] convention, input logic signed [47:0] acc, input logic signed [31:0] mult,
      input logic signed [63:0] add, input logic [5:0] shift, input logic [2:0] rounding,
      input logic signed [16:0] zp, input logic signed [31:0] clamp_min,
      input logic signed [31:0] clamp_max);
    logic [31:0] shifted;
    logic signed [47:0] factor;
    logic signed [63:0] product;
    logic signed [63:0] addend;
    logic signed [63:0] sum;
    logic [31:0] high;  // srdhm(shifted, mult)
    logic sign;
    logic signed [63:0] low;
    logic [5:0] right;
    logic [2:0] mode;
    begin
      shifted = acc[31:0] << ((convention == ConvTfliteDouble && !shift[5]) ? shift[4:0] : 5'd0);
      factor = (convention == ConvTfliteDouble || convention == ConvTfliteSingle)
               ? {{16{shifted[31]}}, shifted} : acc;
      product = factor * mult;
      addend = (convention == ConvTfliteDouble) ? 64'sd1073741824
               : (convention == ConvTfliteSingle) ? 64'sd0 : add;
      sum = product + addend;
      // Only -2^31 * -2^31 reaches 2^62.
      high = (sum[63:62] == 2'b01) ? 32'h7FFF_FFFF : sum[62:31];
      case (convention)
        ConvPow2: begin
          sign = acc[47];
          low = {{16{acc[47]}}, acc};
          right = shift;
          mode = rounding;
        end
        ConvTfliteDouble: begin
          sign = high[31];
          low = {{32{high[31]}}, high};
          right = shift[5] ? (6'd0 - shift) : 6'd0;
          mode = RoundHalfAway;
        end
        ConvTfliteSingle: begin
          sign = sum[63];
          low = sum;
          right = 6'd31 - shift;
          mode = RoundHalfUp;
        end
        default: begin
          sign = (product[63] == add[63]) ? add[63] : sum[63];  // bit 64 of the exact sum
          low = sum;
          right = shift;
          mode = rounding;
        end
      endcase
      requantise = offset_clamp(round_shift(sign, low, right, mode), zp, clamp_min, clamp_max);
    end
  endfunction

  // As the other TFLite conventions, with shift -31..14.
  function automatic logic signed [31:0] tflite_s64(
      input logic signed [47:0] acc, input logic signed [31:0] mult,
      input logic signed [5:0] shift, input logic signed [16:0] zp,
      input logic signed [31:0] clamp_min, input logic signed [31:0] clamp_max);
    logic [5:0] right;
    logic [15:0] reduced;
    logic signed [63:0] product;
    logic signed [63:0] scaled;
    begin
      right = 6'd15 - shift;
      reduced = (mult >= 32'sh7FFF_0000) ? 16'h7FFF : (mult[31:16] + {15'd0, mult[15]});
      product = {{16{acc[47]}}, acc};
      product = product * {{48{reduced[15]}}, reduced};
      product = product + (64'sd1 << (right - 6'd1));
      scaled = product >>> right;
      tflite_s64 = offset_clamp(scaled, zp, clamp_min, clamp_max);
    end
  endfunction

  // tflite_double or tflite_single of 32 bits; shift -31..30, positive = left.
  function automatic logic signed [31:0] tflite_step(
      input logic single, input logic [31:0] value, input logic signed [31:0] mult,
      input logic [5:0] shift);
    logic [31:0] shifted;
    logic signed [63:0] product;
    logic [31:0] high;
    begin
      shifted = value << ((single || shift[5]) ? 5'd0 : shift[4:0]);
      product = {{32{shifted[31]}}, shifted};
      product = product * {{32{mult[31]}}, mult};
      if (single) begin
        tflite_step = 32'(round_shift(product[63], product, 6'd31 - shift, RoundHalfUp));
      end else begin
        product = product + 64'sd1073741824;
        // Only -2^31 * -2^31 reaches 2^62.
        high = (product[63:62] == 2'b01) ? 32'h7FFF_FFFF : product[62:31];
        tflite_step = 32'(round_shift(high[31], {{32{high[31]}}, high},
                                      shift[5] ? (6'd0 - shift) : 6'd0, RoundHalfAway));
      end
    end
  endfunction

  // TFLite's add; all intermediates have 32 bits. Of operands the low 32 bits count.
  function automatic logic signed [31:0] add_tflite(
      input logic single, input logic [31:0] a, input logic [31:0] b,
      input logic signed [16:0] za, input logic signed [16:0] zb, input logic [4:0] left,
      input logic signed [31:0] ma, input logic [5:0] sa, input logic signed [31:0] mb,
      input logic [5:0] sb, input logic signed [31:0] mult, input logic [5:0] shift,
      input logic signed [16:0] zp, input logic signed [31:0] clamp_min,
      input logic signed [31:0] clamp_max);
    logic [31:0] offset_a;
    logic [31:0] offset_b;
    logic [31:0] sum;
    logic signed [31:0] scaled;
    begin
      offset_a = a - {{15{za[16]}}, za};
      offset_b = b - {{15{zb[16]}}, zb};
      sum = tflite_step(single, offset_a << left, ma, sa) +
            tflite_step(single, offset_b << left, mb, sb);
      scaled = tflite_step(single, sum, mult, shift);
      add_tflite = offset_clamp({{32{scaled[31]}}, scaled}, zp, clamp_min, clamp_max);
    end
  endfunction

  // The value of a table's entry, shift 0..8: models/numerics/look_up.hpp.
  function automatic logic signed [31:0] look_up(
      input logic [31:0] entry, input logic [7:0] offset, input logic [3:0] shift);
    logic [7:0] part;
    logic signed [31:0] low;
    logic signed [31:0] step;
    begin
      part = offset & ~(8'hFF << shift);
      low = {{16{entry[15]}}, entry[15:0]};
      step = {{16{entry[31]}}, entry[31:16]} - low;
      step = step * $signed({24'd0, part}) + ((32'sd1 << shift) >>> 1);
      step = step >>> shift;
      if (shift == 4'd0) begin
        look_up = entry;
      end else begin
        look_up = low + step;
      end
    end
  endfunction

  // Exact where add_mul_shift_fits() of models/numerics/add_mul_shift.hpp holds; operands of 33
  // bits hold unsigned 32-bit elements.
  function automatic logic signed [31:0] add_mul_shift(
      input logic signed [32:0] a, input logic signed [32:0] b, input logic signed [16:0] za,
      input logic signed [16:0] zb, input logic signed [31:0] ma, input logic signed [31:0] mb,
      input logic [5:0] la, input logic [5:0] lb, input logic signed [47:0] add,
      input logic [5:0] shift, input logic [2:0] rounding, input logic signed [16:0] zp,
      input logic signed [31:0] clamp_min, input logic signed [31:0] clamp_max);
    logic signed [33:0] offset_a;
    logic signed [33:0] offset_b;
    logic signed [63:0] term_a;
    logic signed [63:0] term_b;
    logic signed [63:0] sum;
    begin
      offset_a = {a[32], a} - {{17{za[16]}}, za};
      term_a = offset_a * ma;
      term_a = term_a << la;
      offset_b = {b[32], b} - {{17{zb[16]}}, zb};
      term_b = offset_b * mb;
      term_b = term_b << lb;
      sum = term_a + term_b + {{16{add[47]}}, add};
      add_mul_shift = offset_clamp(round_shift(sum[63], sum, shift, rounding), zp, clamp_min,
                                   clamp_max);
    end
  endfunction

  // {overflowed, value}: acc + addend in acc_bits (12..48) bits, value sign-extended to 48 bits.
  function automatic logic [48:0] accumulate(
      input logic signed [47:0] acc, input logic signed [47:0] addend,
      input logic [5:0] acc_bits, input logic [1:0] policy);
    logic signed [63:0] sum;
    logic signed [63:0] wrapped;
    logic [47:0] limit;  // largest value
    logic overflowed;
    begin
      sum = {{16{acc[47]}}, acc} + {{16{addend[47]}}, addend};
      wrapped = sum << (6'd0 - acc_bits);  // 64 - acc_bits
      wrapped = wrapped >>> (6'd0 - acc_bits);
      overflowed = wrapped != sum;
      limit = (48'd1 << (acc_bits - 6'd1)) - 48'd1;
      if (overflowed && policy == OverflowSaturate) begin
        accumulate = {1'b1, sum[63] ? ~limit : limit};
      end else begin
        accumulate = {overflowed, wrapped[47:0]};
      end
    end
  endfunction

  // An operand of 2^log2_width bits, extended, without its zero point (bipolar: -1 or +1).
  function automatic logic [8:0] operand8(
      input logic [7:0] bits, input logic [2:0] log2_width, input logic is_signed,
      input logic bipolar, input logic [8:0] zp);
    logic [7:0] mask, sign_bit;
    begin
      mask     = ~(8'hFF << (4'd1 << log2_width));
      sign_bit = (is_signed && !bipolar) ? (mask ^ (mask >> 1)) : 8'd0;
      operand8 = ((({1'b0, (bits & mask) ^ sign_bit} - {1'b0, sign_bit})) << bipolar) -
                 (bipolar ? 9'd1 : zp);
    end
  endfunction

  // Operands l * 2^log2_m + candidate of a window, laid out for the lanes l of a PE; above the 16
  // bits of the word, how many of them are zero.
  function automatic logic [19:0] lanes8(
      input logic [2:0] log2_lanes, input logic [1:0] log2_m, input logic [2:0] candidate,
      input logic [63:0] window, input logic [2:0] log2_width, input logic is_signed,
      input logic bipolar, input logic [8:0] zp);
    /*verilator no_inline_task*/
    logic [8:0]  value;
    logic [5:0]  first;
    logic [15:0] word;
    logic [3:0]  zeros;
    begin
      word  = 16'd0;
      zeros = 4'd0;
      for (int l = 0; l < 8; l++) begin
        if (l < (32'd1 << log2_lanes)) begin
          first = ((6'(l) << log2_m) + 6'(candidate)) << log2_width;
          value = operand8(8'(window >> first), log2_width, is_signed, bipolar, zp);
          zeros = zeros + 4'(value == 9'd0);
          case (log2_lanes)
            3'd0:    word[8:0] = value;
            3'd1:    word = word | (16'(value[4:0]) << (5 * l));
            3'd2:    word = word | (16'(value[2:0]) << (3 * l));
            default: word = word | (16'(value[1:0]) << (2 * l));
          endcase
        end
      end
      lanes8 = {zeros, word};
    end
  endfunction

endpackage
