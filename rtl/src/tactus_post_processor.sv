// SPDX-License-Identifier: Apache-2.0
// Post-processor: passes over post_lanes channels; a pass reads the channel records, then one tap a
// cycle for all lanes (mode lut: for one lane after the other, which share the parameter buffer
// that holds the table), and ends six cycles after its last tap. This module walks the source
// addresses, tactus_post_dst those of the destination; the lanes hold the arithmetic.

`include "tactus_field.svh"

module tactus_post_processor #(
  parameter int ArrayRows = 16,
  parameter int ArrayCols = 16,
  parameter int PostLanes = 16,
  parameter int DataBits = 32,
  parameter int AccBits = 32,
  parameter int AccOverflow = 0,
  parameter int WordBits = 8,
  parameter int LogPack = 0,    // largest log2 of elements in a word of the ifmap buffer
  parameter int LogBundle = 0,  // largest log2 of words in a pixel
  parameter int BeatBytes = DataBits / 8,
  parameter int Groups = ArrayCols / PostLanes,
  parameter int GroupBits = (Groups > 1) ? $clog2(Groups) : 1
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]                    fault_i,
`endif
  input  logic                          ready_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0]            op_i,
  output logic                          start_o,
  output logic                          retire_o,
  // parameter buffer
  output logic                          param_re_o,
  output logic                          param_half_o,
  output logic [15:0]                   param_record_o,
  input  logic [255:0]                  param_data_i,
  // psum and ofmap reads
  output logic [PostLanes-1:0]          psum_re_o,
  output logic                          psum_half_o,
  output logic [19:0]                   psum_addr_o,
  input  logic [PostLanes*AccBits-1:0]  psum_data_i,
  output logic [PostLanes-1:0]          src_re_o,
  output logic                          src_half_o,
  output logic [23:0]                   src_addr_o,
  input  logic [PostLanes*DataBits-1:0] src_data_i,
  output logic [GroupBits-1:0]          group_o,       // banks of this pass, read and write
  // ofmap write
  output logic [PostLanes-1:0]          ofmap_we_o,
  output logic [1:0]                    ofmap_log2_bytes_o,
  output logic [PostLanes*32-1:0]       ofmap_data_o,
  // ifmap write
  output logic [ArrayRows-1:0]          ifmap_we_o,
  output logic [ArrayRows-1:0]          ifmap_high_o,
  output logic [ArrayRows*BeatBytes-1:0] ifmap_be_o,
  output logic [ArrayRows*DataBits-1:0] ifmap_data_o,
  output logic [23:0]                   dst_addr_o,    // of both; ifmap banks that are not high
  output logic [23:0]                   dst_addr1_o,   // high ifmap banks
  output logic                          dst_half_o,
  // for the monitor
  output logic                          mon_pass_o,    // a pass starts in the next cycle
  output logic                          mon_write_o,
  output logic [PostLanes-1:0]          mon_lanes_o,
  output logic [15:0]                   mon_channel_o, // of lane 0
  output logic [PostLanes*32-1:0]       mon_result_o,
  output logic [PostLanes-1:0]          mon_overflow_o
);

  localparam int OffsetBits = $clog2(BeatBytes);
  localparam int LaneIndexBits = (PostLanes > 1) ? $clog2(PostLanes) : 1;
  localparam logic [3:0] ModeRequant = 4'(tactus_op_pkg::MODE_REQUANT);
  localparam logic [3:0] ModeRequantAdd = 4'(tactus_op_pkg::MODE_REQUANT_ADD);
  localparam logic [3:0] ModeMax = 4'(tactus_op_pkg::MODE_MAX_WINDOW);
  localparam logic [3:0] ModeSum = 4'(tactus_op_pkg::MODE_SUM_WINDOW);
  localparam logic [3:0] ModeAdd = 4'(tactus_op_pkg::MODE_ADD);
  localparam logic [3:0] ModeMultiply = 4'(tactus_op_pkg::MODE_MULTIPLY);
  localparam logic [3:0] ModeMaximum = 4'(tactus_op_pkg::MODE_MAXIMUM);
  localparam logic [3:0] ModeMinimum = 4'(tactus_op_pkg::MODE_MINIMUM);
  localparam logic [3:0] ModeLut = 4'(tactus_op_pkg::MODE_LUT);

  // Op fields, from the cycle after the start
  logic [3:0]  mode_q, lut_shift_q;
  logic        two_q, lut_q;
  logic        psum_half_q, src_half_q, param_half_q, transposed_q;
  logic [19:0] psum_base_q;
  logic [23:0] src_base_q, src_base_b_q, src_slot_stride_q, src_step_y_q, src_step_ky_q;
  logic [7:0]  src_step_x_q, src_step_kx_q, win_h_q, win_w_q;  // window: minus 1
  logic [1:0]  src_log2_q, srcb_log2_q;
  logic        src_signed_q, srcb_signed_q;
  logic [15:0] channels_q, param_base_q;
  logic [13:0] out_h_q, out_w_q;                               // minus 1
  logic [3:0]  convention_q;
  logic [2:0]  rounding_q;
  logic [31:0] clamp_min_q, clamp_max_q;
  logic [16:0] out_zp_q;

  typedef enum logic [2:0] {StIdle, StAdd, StRecord, StTap, StDrain} state_e;
  state_e state_q, after_pass;
  logic   start;
  assign start   = ready_i && state_q == StIdle;
  assign start_o = start;

  logic [3:0] op_mode;
  logic       op_window, op_two;
  assign op_mode   = `TACTUS_FIELD(op_i, POST_MODE);
  assign op_window = op_mode == ModeMax || op_mode == ModeSum;
  assign op_two    = op_mode == ModeAdd || op_mode == ModeMultiply || op_mode == ModeMaximum ||
                     op_mode == ModeMinimum;

  always_ff @(posedge clk_i) begin
    if (start) begin
      mode_q            <= op_mode;
      two_q             <= op_two;
      lut_q             <= op_mode == ModeLut;
      lut_shift_q       <= `TACTUS_FIELD(op_i, POST_LUT_SHIFT);
      psum_half_q       <= op_i[tactus_op_pkg::POST_PSUM_HALF_LSB];
      src_half_q        <= op_i[tactus_op_pkg::POST_SRC_HALF_LSB];
      param_half_q      <= op_i[tactus_op_pkg::POST_PARAM_HALF_LSB];
      transposed_q      <= op_i[tactus_op_pkg::POST_TRANSPOSED_LSB];
      psum_base_q       <= `TACTUS_FIELD(op_i, POST_PSUM_BASE);
      src_base_q        <= `TACTUS_FIELD(op_i, POST_SRC_BASE);
      src_base_b_q      <= `TACTUS_FIELD(op_i, POST_SRC_BASE_B);
      src_slot_stride_q <= `TACTUS_FIELD(op_i, POST_SRC_SLOT_STRIDE);
      src_step_x_q      <= `TACTUS_FIELD(op_i, POST_SRC_STEP_X);
      src_step_y_q      <= `TACTUS_FIELD(op_i, POST_SRC_STEP_Y);
      src_step_kx_q     <= `TACTUS_FIELD(op_i, POST_SRC_STEP_KX);
      src_step_ky_q     <= `TACTUS_FIELD(op_i, POST_SRC_STEP_KY);
      // Two operands are walked as a window of two taps.
      win_h_q           <= op_window ? `TACTUS_FIELD(op_i, POST_WIN_H) - 8'd1 : 8'd0;
      win_w_q           <= op_window ? `TACTUS_FIELD(op_i, POST_WIN_W) - 8'd1 :
                           op_two ? 8'd1 : 8'd0;
      src_log2_q        <= `TACTUS_FIELD(op_i, POST_SRC_LOG2_BYTES);
      src_signed_q      <= op_i[tactus_op_pkg::POST_SRC_SIGNED_LSB];
      srcb_log2_q       <= `TACTUS_FIELD(op_i, POST_SRCB_LOG2_BYTES);
      srcb_signed_q     <= op_i[tactus_op_pkg::POST_SRCB_SIGNED_LSB];
      channels_q        <= `TACTUS_FIELD(op_i, POST_CHANNELS);
      out_h_q           <= `TACTUS_FIELD(op_i, POST_OUT_H) - 14'd1;
      out_w_q           <= `TACTUS_FIELD(op_i, POST_OUT_W) - 14'd1;
      param_base_q      <= `TACTUS_FIELD(op_i, POST_PARAM_BASE);
      convention_q      <= `TACTUS_FIELD(op_i, POST_CONVENTION);
      rounding_q        <= `TACTUS_FIELD(op_i, POST_ROUNDING);
      clamp_min_q       <= `TACTUS_FIELD(op_i, POST_CLAMP_MIN);
      clamp_max_q       <= `TACTUS_FIELD(op_i, POST_CLAMP_MAX);
      out_zp_q          <= `TACTUS_FIELD(op_i, POST_OUT_ZP);
    end
  end

  // Passes
  logic [15:0]          channel_q;       // of lane 0
  logic [15:0]          left;            // channels from there on
  logic [PostLanes-1:0] lanes;
  logic [LaneIndexBits-1:0] record_q;
  logic [GroupBits-1:0] group_q;
  logic [23:0]          src_slot_q;      // slot offset of the pass in the source
  logic [2:0]           drain_q;
  logic                 pixels_end, pass_end, last_pass, record_end, has_records;
  logic                 entry_records;   // transposed: the record of the tap's psum entry
  assign left        = channels_q - channel_q;
  assign last_pass   = left <= 16'(PostLanes);
  assign has_records = !transposed_q &&
      (mode_q == ModeRequant || mode_q == ModeRequantAdd || mode_q == ModeSum);
  assign entry_records = state_q == StTap && transposed_q;
  assign record_end  = record_q == LaneIndexBits'(PostLanes - 1) || 16'(record_q) + 16'd1 == left;
  assign pass_end    = state_q == StDrain && drain_q == 3'd1;
  assign after_pass  = last_pass ? StIdle : has_records ? StRecord : StTap;
  assign retire_o    = pass_end && last_pass;
  genvar l;
  generate
    for (l = 0; l < PostLanes; l++) begin : gen_active
      assign lanes[l] = left > 16'(l);
    end
  endgenerate

  logic op_add, op_records;
  assign op_add     = op_mode == ModeRequantAdd || op_mode == ModeAdd || op_mode == ModeMultiply;
  assign op_records = !op_i[tactus_op_pkg::POST_TRANSPOSED_LSB] &&
      (op_mode == ModeRequant || op_mode == ModeRequantAdd || op_mode == ModeSum);

  logic [2:0] drain_cycles;
`ifdef TACTUS_FAULTS
  // Fault 6: a pass that does not start at channel 0, or has one channel, takes one cycle more.
  assign drain_cycles = (fault_i == 8'd6 && (channel_q != 16'd0 || left == 16'd1)) ? 3'd7 : 3'd6;
`else
  assign drain_cycles = 3'd6;
`endif

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      case (state_q)
        StIdle: begin
          if (start) begin
            state_q <= op_add ? StAdd : op_records ? StRecord : StTap;
          end
        end
        StAdd: state_q <= has_records ? StRecord : StTap;
        StRecord: begin
          if (record_end) begin
            state_q <= StTap;
          end
        end
        StTap: begin
          if (pixels_end) begin
            state_q <= StDrain;
          end
        end
        StDrain: begin
          if (pass_end) begin
            state_q <= after_pass;
          end
        end
        default: state_q <= StIdle;
      endcase
    end
  end

  // Source walker: tap (kx, ky) of pixel (x, y); restarts with every pass.
  logic [7:0]  kx_q, ky_q;
  logic [13:0] x_q, y_q;
  logic [23:0] tap_q, tap_line_q, pix_q, line_q, pix_b_q, line_b_q;
  logic [19:0] psum_q;
  logic [7:0]  last_lane;  // mode lut: the lanes take turns as the taps of a window would
  logic        tap, kx_end, ky_end, x_end, y_end, tap_first, tap_last, second, next_slot;
  logic [23:0] next_tap_line, next_pix, next_pix_b, next_src_slot;
  assign tap        = state_q == StTap;
  assign kx_end     = kx_q == (lut_q ? last_lane : win_w_q);
  assign ky_end     = ky_q == win_h_q;
  assign x_end      = x_q == out_w_q;
  assign y_end      = y_q == out_h_q;
  assign tap_first  = kx_q == 8'd0 && ky_q == 8'd0;
  assign tap_last   = kx_end && ky_end;
  assign pixels_end = tap_last && x_end && y_end;
  assign second     = two_q && kx_end;
  assign last_lane  = last_pass ? 8'(left - 16'd1) : 8'(PostLanes - 1);
  assign next_tap_line = tap_line_q + src_step_ky_q;
  assign next_pix   = x_end ? line_q + src_step_y_q : pix_q + 24'(src_step_x_q);
  assign next_pix_b = x_end ? line_b_q + src_step_y_q : pix_b_q + (24'd1 << srcb_log2_q);
  assign next_slot  = group_q == GroupBits'(Groups - 1);
  assign next_src_slot = next_slot ? src_slot_q + src_slot_stride_q : src_slot_q;

  logic pass_start, write;
  assign pass_start = start || (pass_end && !last_pass);

  always_ff @(posedge clk_i) begin
    if (start) begin
      channel_q  <= 16'd0;
      group_q    <= '0;
      src_slot_q <= 24'd0;
      tap_q      <= `TACTUS_FIELD(op_i, POST_SRC_BASE);
      tap_line_q <= `TACTUS_FIELD(op_i, POST_SRC_BASE);
      pix_q      <= `TACTUS_FIELD(op_i, POST_SRC_BASE);
      line_q     <= `TACTUS_FIELD(op_i, POST_SRC_BASE);
      pix_b_q    <= `TACTUS_FIELD(op_i, POST_SRC_BASE_B);
      line_b_q   <= `TACTUS_FIELD(op_i, POST_SRC_BASE_B);
      psum_q     <= `TACTUS_FIELD(op_i, POST_PSUM_BASE);
    end else if (pass_start) begin
      channel_q  <= channel_q + 16'(PostLanes);
      group_q    <= next_slot ? '0 : group_q + GroupBits'(1);
      src_slot_q <= next_src_slot;
      tap_q      <= src_base_q + next_src_slot;
      tap_line_q <= src_base_q + next_src_slot;
      pix_q      <= src_base_q + next_src_slot;
      line_q     <= src_base_q + next_src_slot;
      pix_b_q    <= src_base_b_q + next_src_slot;
      line_b_q   <= src_base_b_q + next_src_slot;
      psum_q     <= psum_base_q;
    end else begin
      if (tap) begin
        if (!kx_end) begin
          tap_q <= two_q ? pix_b_q : lut_q ? tap_q : tap_q + 24'(src_step_kx_q);
        end else if (!ky_end) begin
          tap_q      <= next_tap_line;
          tap_line_q <= next_tap_line;
        end else begin
          tap_q      <= next_pix;
          tap_line_q <= next_pix;
          pix_q      <= next_pix;
          pix_b_q    <= next_pix_b;
          psum_q     <= psum_q + 20'd1;
          if (x_end) begin
            line_q   <= next_pix;
            line_b_q <= next_pix_b;
          end
        end
      end
    end

    if (pass_start) begin
      kx_q     <= 8'd0;
      ky_q     <= 8'd0;
      x_q      <= 14'd0;
      y_q      <= 14'd0;
      record_q <= '0;
    end else begin
      if (state_q == StRecord) begin
        record_q <= record_q + LaneIndexBits'(1);
      end
      if (tap) begin
        kx_q <= kx_end ? 8'd0 : kx_q + 8'd1;
        if (kx_end) begin
          ky_q <= ky_end ? 8'd0 : ky_q + 8'd1;
        end
        if (tap_last) begin
          x_q <= x_end ? 14'd0 : x_q + 14'd1;
          y_q <= x_end ? y_q + 14'd1 : y_q;
        end
      end
    end
    drain_q <= tap ? drain_cycles : drain_q - 3'd1;
  end

  // Mode lut: whose turn it is in each stage; stage 2 reads the table, stage 3 has the entry.
  logic [PostLanes-1:0]    turn, active1, active2, active3, active4, active5;
  logic [PostLanes*33-1:0] lut_offsets;
  logic                    look_up;
  logic [15:0]             lut_record;
  logic [2:0]              lut_part;
  logic                    valid1_q, valid2_q, valid3_q, valid4_q, valid5_q;
  tactus_post_turns #(.PostLanes(PostLanes)) u_turns (
    .clk_i    (clk_i),
    .start_i  (start),
    .lut_i    (lut_q),
    .lane_i   (kx_q),
    .valid_i  ({valid5_q, valid4_q, valid3_q, valid2_q, valid1_q}),
    .lanes_i  (lanes),
    .shift_i  (lut_shift_q),
    .offsets_i(lut_offsets),
    .turn_o   (turn),
    .active1_o(active1),
    .active2_o(active2),
    .active3_o(active3),
    .active4_o(active4),
    .active5_o(active5),
    .look_up_o(look_up),
    .record_o (lut_record),
    .part_o   (lut_part)
  );

  assign psum_re_o   = (tap && (mode_q == ModeRequant || mode_q == ModeRequantAdd)) ? lanes : '0;
  assign psum_half_o = psum_half_q;
  assign psum_addr_o = psum_q;
  assign src_re_o    = (tap && mode_q != ModeRequant) ? (lanes & turn) : '0;
  assign src_half_o  = src_half_q;
  assign src_addr_o  = tap_q;
  assign group_o     = group_q;

  // Parameter records. Icarus takes an enum value in a port connection for a wire of its own.
  logic                 record_read, add_read;
  logic [PostLanes-1:0] bias_we, scale_we;
  logic [47:0]          bias;
  logic [255:0]         scale_record, add_record;
  assign record_read    = state_q == StRecord || entry_records;
  assign add_read       = state_q == StAdd;
  assign param_re_o     = add_read || record_read || look_up;
  assign param_half_o   = param_half_q;
  assign param_record_o = param_base_q +
      (look_up ? lut_record : entry_records ? 16'(psum_q - psum_base_q) :
       (state_q == StAdd) ? (has_records ? channels_q : 16'd0) : channel_q + 16'(record_q));
  tactus_post_records #(.PostLanes(PostLanes)) u_records (
    .clk_i         (clk_i),
    .rst_ni        (rst_ni),
    .record_i      (record_read),
    .all_i         (entry_records),
    .add_i         (add_read),
    .lane_i        (record_q),
    .data_i        (param_data_i),
    .bias_we_o     (bias_we),
    .bias_o        (bias),
    .scale_we_o    (scale_we),
    .scale_record_o(scale_record),
    .add_record_o  (add_record)
  );

  // Stages: 1 the tap's data are there, 2 window, 3 bias, 4 requantisation, 5 second operand,
  // 6 write. Only the last tap of a pixel goes on after stage 2; in mode lut each lane does, and
  // the last one is followed by the write.
  logic                  valid6_q;
  logic                  first1_q, first2_q, last1_q, last2_q, second1_q;
  logic                  last3_q, last4_q, last5_q, last6_q, busy;
  logic [OffsetBits-1:0] offset1_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid1_q <= 1'b0;
      valid2_q <= 1'b0;
      valid3_q <= 1'b0;
      valid4_q <= 1'b0;
      valid5_q <= 1'b0;
      valid6_q <= 1'b0;
    end else begin
      valid1_q <= tap;
      valid2_q <= valid1_q;
      valid3_q <= valid2_q && (last2_q || lut_q);
      valid4_q <= valid3_q;
      valid5_q <= valid4_q;
      valid6_q <= valid5_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (tap) begin
      first1_q  <= tap_first;
      last1_q   <= tap_last;
      second1_q <= second;
      offset1_q <= tap_q[OffsetBits-1:0];
    end
    if (valid1_q) begin
      first2_q <= first1_q;
      last2_q  <= last1_q;
    end
    last3_q <= last2_q;
    last4_q <= last3_q;
    last5_q <= last4_q;
    last6_q <= last5_q;
  end
  assign write = valid6_q && last6_q;
  assign busy  = {valid1_q, valid2_q, valid3_q, valid4_q, valid5_q, bias_we, scale_we} != '0;

  logic [PostLanes*32-1:0] results;
  logic [PostLanes-1:0]    overflows;
  generate
    for (l = 0; l < PostLanes; l++) begin : gen_lane
      tactus_post_lane #(
        .DataBits(DataBits), .AccBits(AccBits), .AccOverflow(AccOverflow)
      ) u_lane (
        .clk_i           (clk_i),
`ifdef TACTUS_FAULTS
        .fault_i         (fault_i),
`endif
        .busy_i          (busy),
        .bias_we_i       (bias_we[l]),
        .bias_i          (bias),
        .scale_we_i      (scale_we[l]),
        .scale_i         (scale_record),
        .mode_i          (mode_q),
        .convention_i    (convention_q),
        .rounding_i      (rounding_q),
        .clamp_min_i     (clamp_min_q),
        .clamp_max_i     (clamp_max_q),
        .out_zp_i        (out_zp_q),
        .dst_log2_bytes_i(ofmap_log2_bytes_o),
        .add_record_i    (add_record),
        .lut_shift_i     (lut_shift_q),
        .lut_entry_i     (param_data_i[32*lut_part +: 32]),
        .valid1_i        (active1[l]),
        .valid2_i        (active2[l]),
        .valid3_i        (active3[l]),
        .valid4_i        (active4[l]),
        .valid5_i        (active5[l]),
        .first2_i        (first2_q),
        .psum_i          (psum_data_i[l*AccBits +: AccBits]),
        .word_i          (src_data_i[l*DataBits +: DataBits]),
        .offset_i        (offset1_q),
        .log2_bytes_i    (second1_q ? srcb_log2_q : src_log2_q),
        .signed_i        (second1_q ? srcb_signed_q : src_signed_q),
        .lut_offset_o    (lut_offsets[l*33 +: 33]),
        .overflow_o      (overflows[l]),
        .result_o        (results[l*32 +: 32]),
        .element_o       (ofmap_data_o[l*32 +: 32])
      );
    end
  endgenerate

  tactus_post_dst #(
    .ArrayRows(ArrayRows),
    .PostLanes(PostLanes),
    .DataBits (DataBits),
    .WordBits (WordBits),
    .LogPack  (LogPack),
    .LogBundle(LogBundle)
  ) u_dst (
    .clk_i       (clk_i),
    .start_i     (start),
    .op_i        (op_i),
    .pass_start_i(pass_start),
    .next_slot_i (next_slot),
    .channel_i   (channel_q),
    .left_i      (left),
    .lanes_i     (lanes),
    .out_w_i     (out_w_q),
    .write_i     (write),
    .results_i   (results),
    .ofmap_we_o  (ofmap_we_o),
    .log2_bytes_o(ofmap_log2_bytes_o),
    .ifmap_we_o  (ifmap_we_o),
    .ifmap_high_o(ifmap_high_o),
    .ifmap_be_o  (ifmap_be_o),
    .ifmap_data_o(ifmap_data_o),
    .addr_o      (dst_addr_o),
    .addr1_o     (dst_addr1_o),
    .half_o      (dst_half_o)
  );

  assign mon_pass_o     = pass_start;
  assign mon_write_o    = write;
  assign mon_lanes_o    = lanes;
  assign mon_channel_o  = channel_q;
  assign mon_result_o   = results;
  assign mon_overflow_o = overflows & active4;

endmodule
