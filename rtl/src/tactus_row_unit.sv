// SPDX-License-Identifier: Apache-2.0
// Row unit of the post queue: softmax and normalisation over the channels of each pixel, one element
// a cycle. A softmax walks over a row for its largest element, for the sum of the exponentials and
// for the results, a norm for its sums and for the results; the constants of the row are calculated
// before the last walk. An element goes through the stages 1 word, 2 element, 3 table entry or
// channel record, 4 exponential or normalised value, 5 result, 6 write.

`include "tactus_field.svh"

module tactus_row_unit #(
  parameter int PostLanes = 16,
  parameter int DataBits = 32,
  parameter int Groups = 1,
  parameter int GroupBits = (Groups > 1) ? $clog2(Groups) : 1,
  parameter int LaneBits = (PostLanes > 1) ? $clog2(PostLanes) : 1
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,
  input  logic                               start_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0]  op_i,            // valid while start_i
  output logic                               active_o,
  output logic                               done_o,
  // parameter buffer
  output logic                               param_re_o,
  output logic                               param_half_o,
  output logic [15:0]                        param_record_o,
  input  logic [255:0]                       param_data_i,
  // ofmap
  output logic [PostLanes-1:0]               src_re_o,
  output logic                               src_half_o,
  output logic [23:0]                        src_addr_o,
  output logic [GroupBits-1:0]               src_group_o,
  input  logic [PostLanes*DataBits-1:0]      src_data_i,
  output logic [PostLanes-1:0]               we_o,
  output logic                               dst_half_o,
  output logic [23:0]                        dst_addr_o,
  output logic [GroupBits-1:0]               dst_group_o,
  output logic [1:0]                         dst_log2_bytes_o,
  output logic [31:0]                        result_o,
  // for the monitor
  output logic [15:0]                        mon_channel_o,   // of lane 0 at the write
  output logic                               mon_row_end_o    // the write is the row's last
);

  localparam int OffsetBits = $clog2(DataBits / 8);
  localparam logic [2:0] Softmax8 = 3'(tactus_op_pkg::ROW_SOFTMAX_TFLITE8);
  localparam logic [2:0] Softmax16 = 3'(tactus_op_pkg::ROW_SOFTMAX_TFLITE16);
  localparam logic [2:0] Layernorm = 3'(tactus_op_pkg::ROW_LAYERNORM_ISQRT);
  localparam logic [2:0] Rmsnorm = 3'(tactus_op_pkg::ROW_RMSNORM_ISQRT);
  localparam logic [6:0] SoftmaxScalars = 7'd39;  // cycles minus 1
  localparam logic [6:0] NormScalars = 7'd79;

  // Op fields
  logic [2:0]         kind_q;
  logic               norm_q, same_q, src_signed_q;
  logic [1:0]         src_log2_q;
  logic [23:0]        src_stride_q, src_step_y_q, dst_stride_q, dst_step_y_q;
  logic [7:0]         src_step_x_q;
  logic [15:0]        last_channel_q, param_base_q;
  logic [13:0]        out_w_q, out_h_q;  // minus 1
  logic [3:0]         convention_q;
  logic [2:0]         rounding_q;
  logic signed [31:0] clamp_min_q, clamp_max_q;
  logic signed [16:0] out_zp_q;

  // State: record, walk, its drain, the row's scalars
  typedef enum logic [2:0] {StIdle, StRecord, StWalk, StDrain, StScalar} state_e;
  state_e      state_q;
  logic [1:0]  walk_q;  // 0 first; the last one writes
  logic [6:0]  left_q;  // cycles of drain or scalars, minus 1
  logic [15:0] channel_q;
  logic [13:0] x_q, y_q;
  logic        walk_end, last_walk, before_last, row_end, x_end, scale_start;
  assign walk_end    = state_q == StWalk && channel_q == last_channel_q;
  assign last_walk   = walk_q == (norm_q ? 2'd1 : 2'd2);
  assign before_last = walk_q == (norm_q ? 2'd0 : 2'd1);
  assign x_end       = x_q == out_w_q;
  assign row_end     = state_q == StDrain && left_q == 7'd0 && last_walk;
  assign active_o    = state_q != StIdle;
  assign done_o      = row_end && x_end && y_q == out_h_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      case (state_q)
        StIdle: begin
          if (start_i) begin
            state_q <= StRecord;
          end
        end
        StRecord: state_q <= StWalk;
        StWalk: begin
          if (walk_end) begin
            state_q <= StDrain;
          end
        end
        StDrain: begin
          if (left_q == 7'd0) begin
            state_q <= done_o ? StIdle : before_last ? StScalar : StWalk;
          end
        end
        StScalar: begin
          if (left_q == 7'd0) begin
            state_q <= StWalk;
          end
        end
        default: state_q <= StIdle;
      endcase
    end
  end

  // Walker: channel c is in lane c mod PostLanes of its group and slot.
  logic [LaneBits-1:0]  lane_q;
  logic [GroupBits-1:0] group_q;
  logic [23:0]          src_q, src_pixel_q, src_line_q, dst_q, dst_pixel_q, dst_line_q;
  logic                 lane_end, slot_end;
  assign lane_end    = lane_q == LaneBits'(PostLanes - 1);
  assign slot_end    = lane_end && group_q == GroupBits'(Groups - 1);
  assign scale_start = state_q == StScalar && left_q == (norm_q ? NormScalars : SoftmaxScalars);
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      kind_q           <= `TACTUS_FIELD(op_i, POST_ROW_KIND);
      norm_q           <= `TACTUS_FIELD(op_i, POST_ROW_KIND) == Layernorm ||
                          `TACTUS_FIELD(op_i, POST_ROW_KIND) == Rmsnorm;
      same_q           <= op_i[tactus_op_pkg::POST_ROW_SAME_LSB];
      src_signed_q     <= op_i[tactus_op_pkg::POST_SRC_SIGNED_LSB];
      src_log2_q       <= `TACTUS_FIELD(op_i, POST_SRC_LOG2_BYTES);
      src_half_o       <= op_i[tactus_op_pkg::POST_SRC_HALF_LSB];
      dst_half_o       <= op_i[tactus_op_pkg::POST_DST_HALF_LSB];
      param_half_o     <= op_i[tactus_op_pkg::POST_PARAM_HALF_LSB];
      src_stride_q     <= `TACTUS_FIELD(op_i, POST_SRC_SLOT_STRIDE);
      src_step_x_q     <= `TACTUS_FIELD(op_i, POST_SRC_STEP_X);
      src_step_y_q     <= `TACTUS_FIELD(op_i, POST_SRC_STEP_Y);
      dst_stride_q     <= `TACTUS_FIELD(op_i, POST_DST_SLOT_STRIDE);
      dst_step_y_q     <= `TACTUS_FIELD(op_i, POST_DST_STEP_Y);
      dst_log2_bytes_o <= `TACTUS_FIELD(op_i, POST_DST_LOG2_BYTES);
      last_channel_q   <= `TACTUS_FIELD(op_i, POST_CHANNELS) - 16'd1;
      param_base_q     <= `TACTUS_FIELD(op_i, POST_PARAM_BASE);
      out_w_q          <= `TACTUS_FIELD(op_i, POST_OUT_W) - 14'd1;
      out_h_q          <= `TACTUS_FIELD(op_i, POST_OUT_H) - 14'd1;
      convention_q     <= `TACTUS_FIELD(op_i, POST_CONVENTION);
      rounding_q       <= `TACTUS_FIELD(op_i, POST_ROUNDING);
      clamp_min_q      <= `TACTUS_FIELD(op_i, POST_CLAMP_MIN);
      clamp_max_q      <= `TACTUS_FIELD(op_i, POST_CLAMP_MAX);
      out_zp_q         <= `TACTUS_FIELD(op_i, POST_OUT_ZP);
      src_q            <= `TACTUS_FIELD(op_i, POST_SRC_BASE);
      src_pixel_q      <= `TACTUS_FIELD(op_i, POST_SRC_BASE);
      src_line_q       <= `TACTUS_FIELD(op_i, POST_SRC_BASE);
      dst_q            <= `TACTUS_FIELD(op_i, POST_DST_BASE);
      dst_pixel_q      <= `TACTUS_FIELD(op_i, POST_DST_BASE);
      dst_line_q       <= `TACTUS_FIELD(op_i, POST_DST_BASE);
      walk_q           <= 2'd0;
      channel_q        <= 16'd0;
      lane_q           <= '0;
      group_q          <= '0;
      x_q              <= 14'd0;
      y_q              <= 14'd0;
    end else begin
      left_q <= left_q - 7'd1;
      if (state_q == StWalk) begin
        left_q    <= 7'd5;
        channel_q <= walk_end ? 16'd0 : channel_q + 16'd1;
        lane_q    <= (walk_end || lane_end) ? '0 : lane_q + LaneBits'(1);
        group_q   <= (walk_end || slot_end) ? '0 : lane_end ? group_q + GroupBits'(1) : group_q;
        if (walk_end) begin
          src_q <= src_pixel_q;
          dst_q <= dst_pixel_q;
        end else if (slot_end) begin
          src_q <= src_q + src_stride_q;
          dst_q <= dst_q + dst_stride_q;
        end
      end
      if (state_q == StDrain && left_q == 7'd0) begin
        walk_q <= last_walk ? 2'd0 : walk_q + 2'd1;
        left_q <= norm_q ? NormScalars : SoftmaxScalars;
      end
      if (row_end) begin
        x_q         <= x_end ? 14'd0 : x_q + 14'd1;
        y_q         <= x_end ? y_q + 14'd1 : y_q;
        src_q       <= x_end ? src_line_q + src_step_y_q : src_pixel_q + 24'(src_step_x_q);
        src_pixel_q <= x_end ? src_line_q + src_step_y_q : src_pixel_q + 24'(src_step_x_q);
        dst_q       <= x_end ? dst_line_q + dst_step_y_q
                             : dst_pixel_q + (24'd1 << dst_log2_bytes_o);
        dst_pixel_q <= x_end ? dst_line_q + dst_step_y_q
                             : dst_pixel_q + (24'd1 << dst_log2_bytes_o);
        if (x_end) begin
          src_line_q <= src_line_q + src_step_y_q;
          dst_line_q <= dst_line_q + dst_step_y_q;
        end
      end
    end
  end

  // Where the element of each stage is
  logic [5:0]            valid_q;  // stages 1 to 6
  logic [6*LaneBits-1:0]  lanes_q;
  logic [6*GroupBits-1:0] groups_q;
  logic [6*24-1:0]        addrs_q;
  logic [6*16-1:0]        channels_q;
  logic [OffsetBits-1:0]  offset1_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
    end else begin
      valid_q <= {valid_q[4:0], state_q == StWalk};
    end
  end
  always_ff @(posedge clk_i) begin
    if (active_o) begin
      lanes_q    <= {lanes_q[5*LaneBits-1:0], lane_q};
      groups_q   <= {groups_q[5*GroupBits-1:0], group_q};
      addrs_q    <= {addrs_q[5*24-1:0], dst_q};
      channels_q <= {channels_q[5*16-1:0], channel_q};
      offset1_q  <= src_q[OffsetBits-1:0];
    end
  end
  assign src_re_o    = (state_q == StWalk) ? PostLanes'(1) << lane_q : '0;
  assign src_addr_o  = src_q;
  assign src_group_o = group_q;

  // Row record
  logic               record_read_q;
  logic signed [31:0] mult_q;
  logic [5:0]         shift_q;
  logic [16:0]        one_q, last_q;
  logic [4:0]         bits_q;
  logic signed [16:0] zp_q;
  logic [61:0]        eps_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      record_read_q <= 1'b0;
    end else begin
      record_read_q <= state_q == StRecord;
    end
  end
  always_ff @(posedge clk_i) begin
    if (record_read_q) begin
      mult_q  <= `TACTUS_FIELD(param_data_i, ROW_MULT);
      shift_q <= `TACTUS_FIELD(param_data_i, ROW_SHIFT);
      one_q   <= `TACTUS_FIELD(param_data_i, ROW_ONE);
      last_q  <= `TACTUS_FIELD(param_data_i, ROW_LAST);
      bits_q  <= `TACTUS_FIELD(param_data_i, ROW_BITS);
      zp_q    <= `TACTUS_FIELD(param_data_i, ROW_ZP);
      eps_q   <= `TACTUS_FIELD(param_data_i, ROW_EPS);
    end
  end

  // Stage 1: the element
  logic [DataBits-1:0]  word1;
  logic [15:0]          raw1;
  logic signed [17:0]   element1, element2_q;
  assign word1 = src_data_i[DataBits*lanes_q[LaneBits-1:0] +: DataBits];
  assign raw1  = 16'(word1 >> {offset1_q, 3'b000});
  assign element1 = (src_log2_q == 2'd0) ? {{10{src_signed_q & raw1[7]}}, raw1[7:0]}
                                         : {{2{src_signed_q & raw1[15]}}, raw1};

  // Stage 2: the largest or the sums of the row; what the element needs of the parameter buffer
  logic signed [17:0] largest_q, value2;
  logic signed [31:0] value_sum_q;
  logic [47:0]        squares_q;
  logic signed [35:0] square2;
  logic [17:0]        below2;
  logic signed [31:0] scaled2;
  logic signed [32:0] position2;
  logic [15:0]        index2;
  logic [9:0]         index3_q;
  logic               inverse, inverse_q, reads_table;
  logic [15:0]        inverse_position;
  assign value2  = element2_q - {zp_q[16], zp_q};
  assign square2 = value2 * value2;
  assign below2  = 18'(largest_q - element2_q);
  always_comb begin
    scaled2 = 32'sd0;
    if (reads_table && kind_q == Softmax16) begin
      scaled2 = tactus_arith_pkg::tflite_step(1'b0, 32'($signed(element2_q - largest_q)), mult_q,
                                              shift_q);
    end
  end
  assign position2 = {scaled2[31], scaled2} + 33'sd32767;
  always_comb begin
    if (kind_q == Softmax16) begin
      index2 = (position2 > 33'sd32767) ? 16'hFFFF : (position2 < -33'sd32768) ? 16'h0000
               : {~position2[15], position2[14:0]};
    end else begin
      index2 = (below2 > {1'b0, last_q}) ? last_q[15:0] : below2[15:0];
    end
  end
  assign reads_table = valid_q[1] && (norm_q ? walk_q == 2'd1 : walk_q != 2'd0);
  assign param_re_o  = state_q == StRecord || reads_table || inverse;
  always_comb begin
    param_record_o = param_base_q;
    if (inverse) begin
      param_record_o = param_base_q + 16'd65 + 16'(inverse_position[15:10]);
    end else if (reads_table) begin
      param_record_o = param_base_q + 16'd1 +
          (norm_q ? (same_q ? 16'd0 : channels_q[31:16]) : (kind_q == Softmax16) ? 16'(index2[15:10])
                                                              : 16'(index2[15:3]));
    end
  end

  // Stage 3: table entry, or the distance from the mean and the channel's constants
  logic [31:0]        entry3, entry4_q;
  logic [2:0]         part3;
  logic signed [33:0] distance3, distance4_q;
  logic signed [17:0] value3_q;
  logic [6:0]         index4_q;
  logic signed [31:0] gain4_q, gain5_q;
  logic [5:0]         gain_shift4_q, gain_shift5_q;
  logic signed [63:0] gain_add4_q, gain_add5_q;
  assign part3     = (kind_q == Softmax16) ? index3_q[9:7] : index3_q[2:0];
  assign entry3    = param_data_i[32*part3 +: 32];
  assign distance3 = value3_q * $signed({1'b0, {1'b0, last_channel_q} + 17'd1}) -
                     ((kind_q == Layernorm) ? 34'(value_sum_q) : 34'sd0);

  // Stage 4: exponential or normalised value
  logic signed [31:0] value5_q;
  logic [31:0]        exp_sum_q;
  logic signed [32:0] factor, softmax_factor;
  logic [5:0]         zeros, raise;
  // H of models/numerics/norm.hpp; a product has at most 63 bits.
  function automatic logic signed [31:0] normalised(
      input logic signed [33:0] distance, input logic signed [32:0] scale,
      input logic [5:0] log2_raise);
    logic signed [63:0] product;
    logic signed [63:0] rounded;
    begin
      product = {{30{distance[33]}}, distance};
      product = product * {{31{scale[32]}}, scale};
      rounded = tactus_arith_pkg::round_shift(product[63], product, 6'd41 - log2_raise,
                                              tactus_arith_pkg::RoundHalfUp);
      normalised = rounded[31:0];
    end
  endfunction

  // Inverse of softmax_tflite16: read in the cycle of `inverse`, there in the next one
  logic signed [31:0] inverse_factor_q;
  assign softmax_factor = (kind_q == Softmax16) ? {inverse_factor_q[31], inverse_factor_q} : factor;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      inverse_q <= 1'b0;
    end else begin
      inverse_q <= inverse;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_q[0]) begin
      element2_q <= element1;
    end
    if (valid_q[1]) begin
      value3_q <= value2;
      index3_q <= index2[9:0];
      if (walk_q == 2'd0) begin
        largest_q <= (channels_q[31:16] == 16'd0 || element2_q > largest_q) ? element2_q
                                                                            : largest_q;
        value_sum_q <= (channels_q[31:16] == 16'd0) ? 32'(value2) : value_sum_q + 32'(value2);
        squares_q   <= (channels_q[31:16] == 16'd0) ? 48'(square2) : squares_q + 48'(square2);
      end
    end
    if (valid_q[2]) begin
      entry4_q      <= entry3;
      index4_q      <= index3_q[6:0];
      distance4_q   <= distance3;
      gain4_q       <= `TACTUS_FIELD(param_data_i, CHANNEL_MULT);
      gain_shift4_q <= 6'(`TACTUS_FIELD(param_data_i, CHANNEL_SHIFT));
      gain_add4_q   <= `TACTUS_FIELD(param_data_i, CHANNEL_ADD);
    end
    if (valid_q[3]) begin
      if (norm_q) begin
        value5_q <= normalised(distance4_q, factor, raise);
      end else if (kind_q == Softmax16) begin
        value5_q <= tactus_arith_pkg::look_up(entry4_q, {1'b0, index4_q}, 4'd7);
      end else begin
        value5_q <= (kind_q == Softmax8) ? entry4_q : {16'd0, entry4_q[15:0]};
      end
      gain5_q       <= gain4_q;
      gain_shift5_q <= gain_shift4_q;
      gain_add5_q   <= gain_add4_q;
    end
    if (inverse_q) begin
      inverse_factor_q <= tactus_arith_pkg::look_up(
          param_data_i[32*inverse_position[9:7] +: 32], {1'b0, inverse_position[6:0]}, 4'd7);
    end
  end

  // Stage 5: sum of the exponentials, or the result
  function automatic logic signed [63:0] extended(input logic signed [31:0] value);
    begin
      extended = {{32{value[31]}}, value};
    end
  endfunction
  function automatic logic signed [31:0] divided(input logic signed [31:0] value);  // by 2^12
    logic signed [63:0] rounded;
    begin
      rounded = tactus_arith_pkg::round_shift(value[31], extended(value), 6'd12,
                                              tactus_arith_pkg::RoundHalfAway);
      divided = rounded[31:0];
    end
  endfunction
  // Before zero point and clamp: models/numerics/softmax.hpp.
  function automatic logic signed [63:0] probability(
      input logic signed [31:0] value, input logic signed [32:0] scale);
    logic signed [31:0] high;
    logic signed [63:0] product;
    begin
      if (kind_q == Softmax8) begin
        high = tactus_arith_pkg::tflite_step(1'b0, scale[31:0], value, 6'd0);
        probability = tactus_arith_pkg::round_shift(high[31], extended(high),
                                                    6'd43 - zeros - {1'b0, bits_q},
                                                    tactus_arith_pkg::RoundHalfAway);
      end else if (kind_q == Softmax16) begin
        product = extended(value) * {{31{scale[32]}}, scale};
        probability = tactus_arith_pkg::round_shift(product[63], product, 6'd31 - zeros,
                                                    tactus_arith_pkg::RoundHalfUp);
      end else begin
        product = extended(value) * {47'd0, one_q};
        product = product * {31'd0, scale};
        probability = tactus_arith_pkg::round_shift(1'b0, product, 6'd62 - zeros,
                                                    tactus_arith_pkg::RoundHalfUp);
      end
    end
  endfunction
  always_ff @(posedge clk_i) begin
    if (valid_q[4]) begin
      if (!norm_q && walk_q == 2'd1) begin
        exp_sum_q <= ((channels_q[79:64] == 16'd0) ? 32'd0 : exp_sum_q) +
                     ((kind_q == Softmax8) ? divided(value5_q) : value5_q);
      end
      if (last_walk) begin
        if (norm_q) begin
          result_o <= tactus_arith_pkg::requantise(
              convention_q, {{16{value5_q[31]}}, value5_q}, gain5_q, gain_add5_q, gain_shift5_q,
              rounding_q, out_zp_q, clamp_min_q, clamp_max_q);
        end else begin
          result_o <= tactus_arith_pkg::offset_clamp(probability(value5_q, softmax_factor),
                                                     out_zp_q, clamp_min_q, clamp_max_q);
        end
      end
    end
  end

  // Constants of the row
  tactus_row_scale u_scale (
    .clk_i     (clk_i),
    .rst_ni    (rst_ni),
    .start_i   (scale_start),
    .kind_i    (kind_q),
    .sum_i     (exp_sum_q),
    .values_i  ((kind_q == Layernorm) ? value_sum_q : 32'sd0),
    .squares_i (squares_q),
    .last_i    (last_channel_q),
    .eps_i     (eps_q),
    .factor_o  (factor),
    .zeros_o   (zeros),
    .raise_o   (raise),
    .inverse_o (inverse),
    .position_o(inverse_position)
  );

  // Stage 6
  logic [LaneBits-1:0] lane6;
  logic [15:0]         channel6;
  assign lane6         = lanes_q[6*LaneBits-1 -: LaneBits];
  assign channel6      = channels_q[95:80];
  assign we_o          = (valid_q[5] && last_walk) ? PostLanes'(1) << lane6 : '0;
  assign dst_addr_o    = addrs_q[6*24-1 -: 24];
  assign dst_group_o   = groups_q[6*GroupBits-1 -: GroupBits];
  assign mon_channel_o = channel6 - 16'(lane6);
  assign mon_row_end_o = channel6 == last_channel_q;

endmodule
