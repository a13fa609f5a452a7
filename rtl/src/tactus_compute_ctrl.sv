// SPDX-License-Identifier: Apache-2.0
// Compute unit control: three walkers that follow each other through the folds of the op stream.
//   weight walker  one weight row a cycle for column 0 of the weight buffer (fold j: cycles wl ..)
//   pixel walker   one pixel a cycle for row 0 of the ifmap buffer (cycles a ..)
//   psum walker    the same pixels, array_rows cycles later, for column 0 of the psum buffer
// The K elements of the weight walker go to the ifmap rows as offsets one cycle after the weight
// address. wl, a, R, C, M are those of models/README.md.

`include "tactus_field.svh"

module tactus_compute_ctrl #(
  parameter int ArrayRows = 16,
  parameter int ArrayCols = 16,
  parameter int FoldOverlap = 1,
  parameter int LaneBits = 9,
  parameter int TagBits = 3,
  parameter int RowBits = $clog2(ArrayRows)
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]           fault_i,
`endif
  input  logic                 ready_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0]   op_i,
  output logic                 start_o,
  // weight buffer, column 0
  output logic                 wgt_rd_en_o,
  output logic                 wgt_rd_half_o,
  output logic [19:0]          wgt_rd_row_o,
  output logic                 wgt_wave_o,     // the rest: one cycle after the address
  output logic                 wgt_valid_o,
  output logic                 wgt_signed_o,
  output logic [LaneBits-1:0]  wgt_zp_o,
  output logic [8:0]           wgt_cols_o,
  output logic [ArrayRows-1:0] wen_o,
  // ifmap rows
  output logic                 row_we_o,
  output logic [RowBits-1:0]   row_index_o,
  output logic                 row_valid_o,
  output logic                 row_half_o,
  output logic                 row_signed_o,
  output logic [LaneBits-1:0]  row_zp_o,
  output logic [23:0]          row_offset_o,
  output logic                 pix_en_o,
  output logic                 pix_swap_o,
  output logic [23:0]          pix_addr_o,
  // psum buffer, column 0
  output logic                 psum_en_o,
  output logic                 psum_half_o,
  output logic                 psum_init_o,
  output logic [19:0]          psum_addr_o,
  output logic [8:0]           psum_cols_o,
  output logic                 psum_last_o,
  output logic                 psum_final_o,
  output logic [TagBits-1:0]   psum_tag_o,
  // for the monitor
  output logic [TagBits-1:0]   start_tag_o,
  output logic [TagBits-1:0]   op_tag_o
);

  // Schedule
  logic [RowBits-1:0] row_q;       // next weight row to read, 0 when no fold is loading
  logic               pending_q;   // a fold is loading or loaded and does not stream yet
  logic [15:0]        folds_q;     // folds of the op whose weights are not loading yet
  logic [9:0]         drain_q;     // fold_overlap off: cycles until the array is empty
  logic               loading, streaming, stream_start, weight_free, first, next, issue;

  assign loading      = row_q != '0;
  assign stream_start = pending_q && !loading && !streaming;
  generate
    if (FoldOverlap != 0) begin : gen_overlap
      assign weight_free = !loading && (!pending_q || stream_start);
    end else begin : gen_serial
      assign weight_free = !loading && !pending_q && !streaming && drain_q == '0;
    end
  endgenerate
  assign first   = weight_free && folds_q == 16'd0 && ready_i;
  assign next    = weight_free && folds_q != 16'd0;
  assign issue   = first || next || loading;
  assign start_o = first;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      row_q     <= '0;
      pending_q <= 1'b0;
      folds_q   <= 16'd0;
      drain_q   <= '0;
    end else begin
      if (issue) begin
        row_q <= row_q + RowBits'(1);
      end
      if (first || next) begin
        pending_q <= 1'b1;
      end else if (stream_start) begin
        pending_q <= 1'b0;
      end
      if (first) begin
        folds_q <= `TACTUS_FIELD(op_i, COMPUTE_FOLDS) - 16'd1;
      end else if (next) begin
        folds_q <= folds_q - 16'd1;
      end
      if (pix_en_o) begin
        drain_q <= 10'(ArrayRows + ArrayCols);
      end else if (drain_q != '0) begin
        drain_q <= drain_q - 10'd1;
      end
    end
  end

  // Fields of the op whose weights load
  logic               ifmap_half_q, weight_half_q, psum_half_q;
  logic [19:0]        psum_base_q;
  logic [13:0]        out_h_q, out_w_q;
  logic [7:0]         step_x_q;
  logic [23:0]        step_y_q;
  logic [8:0]         rows_used_q, cols_q;
  logic [7:0]         group_mask_q;
  logic [13:0]        slots_q;       // minus 1
  logic [23:0]        slot_stride_q, step_ky_q;
  logic [7:0]         kernel_w_q;    // minus 1
  logic [11:0]        step_kx_q;
  logic               complete_q, act_signed_q, wgt_signed_q;
  logic [LaneBits-1:0] act_zp_q, wgt_zp_q;
  logic               init_q;        // the next fold starts from 0
  logic [TagBits-1:0] tag_q;

  always_ff @(posedge clk_i) begin
    if (first) begin
      ifmap_half_q  <= op_i[tactus_op_pkg::COMPUTE_IFMAP_HALF_LSB];
      weight_half_q <= op_i[tactus_op_pkg::COMPUTE_WEIGHT_HALF_LSB];
      psum_half_q   <= op_i[tactus_op_pkg::COMPUTE_PSUM_HALF_LSB];
      psum_base_q   <= `TACTUS_FIELD(op_i, COMPUTE_PSUM_BASE);
      out_h_q       <= `TACTUS_FIELD(op_i, COMPUTE_OUT_H);
      out_w_q       <= `TACTUS_FIELD(op_i, COMPUTE_OUT_W);
      step_x_q      <= `TACTUS_FIELD(op_i, COMPUTE_STEP_X);
      step_y_q      <= `TACTUS_FIELD(op_i, COMPUTE_STEP_Y);
      rows_used_q   <= `TACTUS_FIELD(op_i, COMPUTE_ROWS_USED);
      cols_q        <= `TACTUS_FIELD(op_i, COMPUTE_COLS);
      group_mask_q  <= ~(8'hFF << `TACTUS_FIELD(op_i, COMPUTE_LOG2_GROUP));
      slots_q       <= `TACTUS_FIELD(op_i, COMPUTE_SLOTS) - 14'd1;
      slot_stride_q <= `TACTUS_FIELD(op_i, COMPUTE_SLOT_STRIDE);
      kernel_w_q    <= `TACTUS_FIELD(op_i, COMPUTE_KERNEL_W) - 8'd1;
      step_kx_q     <= `TACTUS_FIELD(op_i, COMPUTE_STEP_KX);
      step_ky_q     <= `TACTUS_FIELD(op_i, COMPUTE_STEP_KY);
      complete_q    <= op_i[tactus_op_pkg::COMPUTE_K_COMPLETE_LSB];
      act_signed_q  <= op_i[tactus_op_pkg::COMPUTE_ACT_SIGNED_LSB];
      wgt_signed_q  <= op_i[tactus_op_pkg::COMPUTE_WGT_SIGNED_LSB];
      act_zp_q      <= op_i[tactus_op_pkg::COMPUTE_ACT_ZP_LSB +: LaneBits];
      wgt_zp_q      <= op_i[tactus_op_pkg::COMPUTE_WGT_ZP_LSB +: LaneBits];
    end
    if (first) begin
      init_q <= !op_i[tactus_op_pkg::COMPUTE_ACCUMULATE_LSB];
    end else if (stream_start) begin
      init_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      tag_q <= '0;
    end else if (first) begin
      tag_q <= tag_q + TagBits'(1);
    end
  end
  assign start_tag_o = tag_q + TagBits'(1);
  assign op_tag_o    = tag_q;

  // Weight walker: address stage
  logic [19:0] weight_row_q;  // row of the next K element
  logic [19:0] k_left_q;      // K elements that are not read yet
  logic        has_k;
  assign has_k = first || (9'(row_q) < rows_used_q && k_left_q != 20'd0);
  assign wgt_rd_en_o   = issue && has_k;
  assign wgt_rd_half_o = first ? op_i[tactus_op_pkg::COMPUTE_WEIGHT_HALF_LSB] : weight_half_q;
  assign wgt_rd_row_o  = first ? `TACTUS_FIELD(op_i, COMPUTE_WEIGHT_BASE)
                               : weight_row_q;
  always_ff @(posedge clk_i) begin
    if (first) begin
      weight_row_q <= `TACTUS_FIELD(op_i, COMPUTE_WEIGHT_BASE) + 20'd1;
      k_left_q     <= `TACTUS_FIELD(op_i, COMPUTE_K_ROWS) - 20'd1;
    end else if (wgt_rd_en_o) begin
      weight_row_q <= weight_row_q + 20'd1;
      k_left_q     <= k_left_q - 20'd1;
    end
  end

  // Weight walker: data stage, and the row attributes for the ifmap buffer
  logic               wave_q, has_k_q;
  logic [RowBits-1:0] wave_row_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wave_q  <= 1'b0;
      has_k_q <= 1'b0;
    end else begin
      wave_q  <= issue;
      has_k_q <= issue && has_k;
    end
  end
  always_ff @(posedge clk_i) begin
    if (issue) begin
      wave_row_q <= row_q;
    end
  end
  assign wgt_wave_o   = wave_q;
  assign wgt_valid_o  = has_k_q;
  assign wgt_signed_o = wgt_signed_q;
  assign wgt_zp_o     = wgt_zp_q;
  assign wgt_cols_o   = cols_q;
  assign wen_o        = {{(ArrayRows-1){1'b0}}, wave_q} << wave_row_q;

  logic [7:0]  phase_q, kx_q;
  logic [13:0] slot_q;
  logic [23:0] slot_off_q, kx_off_q, ky_off_q;  // ky_off_q includes ifmap_base
  always_ff @(posedge clk_i) begin
    if (first) begin
      phase_q    <= 8'd0;
      slot_q     <= `TACTUS_FIELD(op_i, COMPUTE_START_SLOT);
      kx_q       <= `TACTUS_FIELD(op_i, COMPUTE_START_KX);
      slot_off_q <= 24'(`TACTUS_FIELD(op_i, COMPUTE_START_SLOT)) *
                    `TACTUS_FIELD(op_i, COMPUTE_SLOT_STRIDE);
      kx_off_q   <= 24'(`TACTUS_FIELD(op_i, COMPUTE_START_KX)) *
                    24'(`TACTUS_FIELD(op_i, COMPUTE_STEP_KX));
      ky_off_q   <= 24'(`TACTUS_FIELD(op_i, COMPUTE_START_KY)) *
                    `TACTUS_FIELD(op_i, COMPUTE_STEP_KY) +
                    `TACTUS_FIELD(op_i, COMPUTE_IFMAP_BASE);
    end else if (has_k_q) begin
      phase_q <= (phase_q + 8'd1) & group_mask_q;
      if (phase_q == group_mask_q) begin
        slot_q     <= (slot_q == slots_q) ? 14'd0 : slot_q + 14'd1;
        slot_off_q <= (slot_q == slots_q) ? 24'd0 : slot_off_q + slot_stride_q;
        if (slot_q == slots_q) begin
          kx_q     <= (kx_q == kernel_w_q) ? 8'd0 : kx_q + 8'd1;
          kx_off_q <= (kx_q == kernel_w_q) ? 24'd0 : kx_off_q + 24'(step_kx_q);
          if (kx_q == kernel_w_q) begin
            ky_off_q <= ky_off_q + step_ky_q;
          end
        end
      end
    end
  end
  assign row_we_o     = wave_q;
  assign row_index_o  = wave_row_q;
  assign row_valid_o  = has_k_q;
  assign row_half_o   = ifmap_half_q;
  assign row_signed_o = act_signed_q;
  assign row_zp_o     = act_zp_q;
  assign row_offset_o = ky_off_q + kx_off_q + slot_off_q;

  // Pixel walker: x_q and y_q count what is left after the pixel of the last cycle.
  logic [13:0] x_q, y_q, width_q;
  logic [7:0]  px_step_x_q;
  logic [23:0] px_step_y_q, line_q, pix_q, next_line;
  assign streaming  = x_q != 14'd0 || y_q != 14'd0;
  assign next_line  = line_q + px_step_y_q;
  assign pix_en_o   = streaming || stream_start;
  assign pix_swap_o = stream_start;
  assign pix_addr_o = stream_start ? 24'd0 : (x_q == 14'd0) ? next_line
                                           : pix_q + 24'(px_step_x_q);
  logic pix_last;
  assign pix_last = stream_start ? (out_w_q == 14'd1 && out_h_q == 14'd1)
                                 : (y_q == 14'd0 && x_q == 14'd1) ||
                                   (y_q == 14'd1 && x_q == 14'd0 && width_q == 14'd0);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      x_q <= 14'd0;
      y_q <= 14'd0;
    end else if (stream_start) begin
      x_q <= out_w_q - 14'd1;
      y_q <= out_h_q - 14'd1;
    end else if (streaming) begin
      x_q <= (x_q == 14'd0) ? width_q : x_q - 14'd1;
      y_q <= (x_q == 14'd0) ? y_q - 14'd1 : y_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (stream_start) begin
      width_q     <= out_w_q - 14'd1;
      px_step_x_q <= step_x_q;
      px_step_y_q <= step_y_q;
      line_q      <= 24'd0;
      pix_q       <= 24'd0;
    end else if (streaming) begin
      pix_q <= pix_addr_o;
      if (x_q == 14'd0) begin
        line_q <= next_line;
      end
    end
  end

  // Psum walker: the pixel stream array_rows cycles later. What it needs of the fold waits from
  // the first pixel on; the next fold's first pixel comes no earlier than it is taken over.
  logic [ArrayRows-1:0] late_en_q, late_first_q, late_last_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      late_en_q    <= '0;
      late_first_q <= '0;
      late_last_q  <= '0;
    end else begin
      late_en_q    <= {late_en_q[ArrayRows-2:0], pix_en_o};
      late_first_q <= {late_first_q[ArrayRows-2:0], stream_start};
      late_last_q  <= {late_last_q[ArrayRows-2:0], pix_en_o && pix_last};
    end
  end
  logic psum_first;
  assign psum_first = late_first_q[ArrayRows-1];

  localparam int FoldBits = 9 + TagBits + 4;
  logic [FoldBits-1:0] fold_wait_q, fold_q, fold;
  logic [19:0]         base_wait_q, psum_addr_q;
  logic                last_fold;
  assign last_fold = folds_q == 16'd0;
  always_ff @(posedge clk_i) begin
    if (stream_start) begin
      fold_wait_q <= {cols_q, tag_q, psum_half_q, init_q, last_fold, last_fold && complete_q};
      base_wait_q <= psum_base_q;
    end
    if (psum_en_o) begin
      psum_addr_q <= psum_addr_o;
    end
    if (psum_first) begin
      fold_q <= fold_wait_q;
    end
  end
  assign fold         = psum_first ? fold_wait_q : fold_q;
  assign psum_en_o    = late_en_q[ArrayRows-1];
  assign psum_addr_o  = psum_first ? base_wait_q : psum_addr_q + 20'd1;
  assign psum_cols_o  = fold[TagBits + 4 +: 9];
  assign psum_tag_o   = fold[4 +: TagBits];
  assign psum_half_o  = fold[3];
`ifdef TACTUS_FAULTS
  // Fault 14: later folds start from 0 again when they write psum entry 3.
  assign psum_init_o  = fold[2] || (fault_i == 8'd14 && psum_addr_o == 20'd3);
`else
  assign psum_init_o  = fold[2];
`endif
  assign psum_last_o  = late_last_q[ArrayRows-1] && fold[1];
  assign psum_final_o = fold[0];

endmodule
