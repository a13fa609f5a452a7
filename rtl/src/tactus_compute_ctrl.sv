// SPDX-License-Identifier: Apache-2.0
// Compute unit control: schedules the folds of the op stream and walks through units, pixels and
// psums. wl, a, R, C, M, N are those of models/README.md.
//   weight-stationary   loading (cycles wl ..): a unit a cycle, its weights to column 0 and its offset
//                       to a row; streaming (a ..): a pixel a cycle for row 0
//   output-stationary   loading: a pixel a cycle, its address to a row; streaming: a unit a cycle,
//                       its weights to column 0 and its offset to row 0
// Row attributes follow one cycle after the weight address. Fields of the op that loads are in ld_*,
// those that a stream needs while the next op loads in st_* (output-stationary only).

`include "tactus_field.svh"

module tactus_compute_ctrl #(
  parameter int ArrayRows = 16,
  parameter int ArrayCols = 16,
  parameter int OperandBits = 8,
  parameter int OutputStationary = 0,
  parameter int FoldOverlap = 1,
  parameter int DataBits = 64,
  parameter int TagBits = 3,
  parameter int LogData = $clog2(DataBits),
  parameter int RowBits = $clog2(ArrayRows)
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]           fault_i,
`endif
  input  logic                 ready_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0]   op_i,
  input  logic                 retire_i,
  output logic                 start_o,
  // weight buffer, column 0
  output logic                 wgt_rd_en_o,
  output logic                 wgt_rd_half_o,
  output logic [23:0]          wgt_rd_row_o,
  output logic [23:0]          wgt_rd_index_row_o,
  output logic                 wgt_wave_o,     // the rest: one cycle after the address
  output logic                 wgt_valid_o,
  output logic [3:0]           wgt_shift_o,
  output logic [3:0]           wgt_index_shift_o,
  output logic [2:0]           wgt_pack_o,
  output logic [2:0]           wgt_log2_lanes_o,
  output logic [1:0]           wgt_log2_m_o,
  output logic                 wgt_signed_o,
  output logic                 wgt_bipolar_o,
  output logic [OperandBits:0] wgt_zp_o,
  output logic [8:0]           wgt_cols_o,
  output logic [ArrayRows-1:0] wen_o,
  // ifmap rows
  output logic                 row_we_o,
  output logic [RowBits-1:0]   row_index_o,
  output logic                 row_valid_o,
  output logic [23:0]          row_offset_o,
  output logic [LogData-1:0]   row_window_o,
  output logic                 row_half_o,
  output logic                 row_signed_o,
  output logic                 row_bipolar_o,
  output logic [2:0]           row_pack_o,
  output logic [5:0]           row_mode_o,
  output logic [OperandBits:0] row_zp_o,
  output logic                 pix_en_o,
  output logic                 pix_swap_o,
  output logic                 pix_flush_o,
  output logic [23:0]          pix_addr_o,
  output logic [LogData-1:0]   pix_window_o,
  // array and psum buffer, column 0
  output logic                 drain_o,
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
  output logic [TagBits-1:0]   op_tag_o,
  output logic [TagBits-1:0]   rd_tag_o,       // of the weights that are read
  output logic                 rd_sparse_o,
  output logic                 rd_all_rows_o,  // they go to all rows
  output logic                 row_wave_o      // shadow registers of a row take weights
);

  localparam int LogWord = $clog2(OperandBits);

  // Schedule
  logic [RowBits-1:0] row_q;       // next row to load, 0 when no fold is loading
  logic               pending_q;   // a fold is loading or loaded and does not stream yet
  logic [15:0]        folds_q;     // folds of the op that are not loading yet
  logic [9:0]         drain_q;     // fold_overlap off: cycles until the array is empty
  logic               loading, streaming, stream_start, weight_free, first, next, issue;
  logic               may_start, ld_os, os_stream, os_last, pix_more, pix_last;

  assign loading      = row_q != '0;
  assign stream_start = pending_q && !streaming && (ld_os ? row_q != RowBits'(1) : !loading);
  generate
    if (FoldOverlap != 0) begin : gen_overlap
      assign weight_free = !loading && (!pending_q || stream_start);
    end else begin : gen_serial
      assign weight_free = !loading && !pending_q && !streaming && drain_q == '0;
    end
  endgenerate
  assign first   = weight_free && folds_q == 16'd0 && ready_i && may_start;
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
      if (streaming || stream_start) begin
        drain_q <= ld_os ? 10'(2 * ArrayRows + ArrayCols - 1) : 10'(ArrayRows + ArrayCols);
      end else if (drain_q != '0) begin
        drain_q <= drain_q - 10'd1;
      end
    end
  end

  // Lanes, windows and units per row of the op at the head of the queue, all log2
  logic [2:0] op_lanes, op_act_pack, op_wgt_pack;
  logic [1:0] op_m;
  logic [3:0] op_window;
  assign op_act_pack = `TACTUS_FIELD(op_i, COMPUTE_ACT_PACK);
  assign op_wgt_pack = `TACTUS_FIELD(op_i, COMPUTE_WGT_PACK);
  assign op_m        = `TACTUS_FIELD(op_i, COMPUTE_LOG2_M);
  assign op_lanes    = (op_act_pack < op_wgt_pack) ? op_act_pack : op_wgt_pack;
  assign op_window   = 4'(LogWord) - 4'(op_act_pack) + 4'(op_lanes) + 4'(op_m);

  // What reads and places weights: one vector for the op that loads and for the op that streams
  localparam int HowBits = 1 + 1 + 1 + 3 + 3 + 2 + 3 + 3 + OperandBits + 1 + 9;
  logic [HowBits-1:0] op_how, ld_how_q;
  assign op_how = {
    op_i[tactus_op_pkg::COMPUTE_WEIGHT_HALF_LSB], op_i[tactus_op_pkg::COMPUTE_WGT_SIGNED_LSB],
    op_i[tactus_op_pkg::COMPUTE_WGT_BIPOLAR_LSB], op_wgt_pack, op_lanes, op_m,
    op_wgt_pack - op_lanes, 3'(LogWord) - op_lanes - ((op_m == 2'd0) ? 3'd0 : 3'(op_m) - 3'd1),
    op_i[tactus_op_pkg::COMPUTE_WGT_ZP_LSB +: OperandBits + 1], `TACTUS_FIELD(op_i, COMPUTE_COLS)};

  // Fields of the op that loads
  logic               ifmap_half_q, psum_half_q, complete_q, act_signed_q, act_bipolar_q;
  logic [19:0]        psum_base_q;
  logic [13:0]        out_h_q, out_w_q, start_slot_q, slots_q;   // slots_q minus 1
  logic [7:0]         step_x_q, group_mask_q, start_kx_q, kernel_w_q;   // kernel_w_q minus 1
  logic [23:0]        step_y_q, slot_stride_q, step_ky_q, slot_off_q, kx_off_q, ky_off_q;
  logic [11:0]        step_kx_q;
  logic [8:0]         rows_used_q, cols_q;
  logic [3:0]         start_n_q, nm_last_q;
  logic [LogData-1:0] start_window_q, window_size_q, bundle_mask_q;
  logic [2:0]         act_pack_q;
  logic [5:0]         mode_q;
  logic [OperandBits:0] act_zp_q;
  logic               init_q;        // the next fold starts from 0
  logic               first_q;
  logic [TagBits-1:0] tag_q;

  always_ff @(posedge clk_i) begin
    if (first) begin
      ifmap_half_q   <= op_i[tactus_op_pkg::COMPUTE_IFMAP_HALF_LSB];
      psum_half_q    <= op_i[tactus_op_pkg::COMPUTE_PSUM_HALF_LSB];
      out_h_q        <= `TACTUS_FIELD(op_i, COMPUTE_OUT_H);
      out_w_q        <= `TACTUS_FIELD(op_i, COMPUTE_OUT_W);
      step_x_q       <= `TACTUS_FIELD(op_i, COMPUTE_STEP_X);
      step_y_q       <= `TACTUS_FIELD(op_i, COMPUTE_STEP_Y);
      rows_used_q    <= `TACTUS_FIELD(op_i, COMPUTE_ROWS_USED);
      cols_q         <= `TACTUS_FIELD(op_i, COMPUTE_COLS);
      group_mask_q   <= ~(8'hFF << `TACTUS_FIELD(op_i, COMPUTE_LOG2_GROUP));
      slots_q        <= `TACTUS_FIELD(op_i, COMPUTE_SLOTS) - 14'd1;
      slot_stride_q  <= `TACTUS_FIELD(op_i, COMPUTE_SLOT_STRIDE);
      kernel_w_q     <= `TACTUS_FIELD(op_i, COMPUTE_KERNEL_W) - 8'd1;
      step_kx_q      <= `TACTUS_FIELD(op_i, COMPUTE_STEP_KX);
      step_ky_q      <= `TACTUS_FIELD(op_i, COMPUTE_STEP_KY);
      start_slot_q   <= `TACTUS_FIELD(op_i, COMPUTE_START_SLOT);
      start_kx_q     <= `TACTUS_FIELD(op_i, COMPUTE_START_KX);
      start_n_q      <= `TACTUS_FIELD(op_i, COMPUTE_START_N);
      nm_last_q      <= `TACTUS_FIELD(op_i, COMPUTE_NM_LAST);
      slot_off_q     <= 24'(`TACTUS_FIELD(op_i, COMPUTE_START_SLOT)) *
                        `TACTUS_FIELD(op_i, COMPUTE_SLOT_STRIDE);
      kx_off_q       <= 24'(`TACTUS_FIELD(op_i, COMPUTE_START_KX)) *
                        24'(`TACTUS_FIELD(op_i, COMPUTE_STEP_KX));
      ky_off_q       <= 24'(`TACTUS_FIELD(op_i, COMPUTE_START_KY)) *
                        `TACTUS_FIELD(op_i, COMPUTE_STEP_KY) +
                        `TACTUS_FIELD(op_i, COMPUTE_IFMAP_BASE);
      start_window_q <= LogData'(`TACTUS_FIELD(op_i, COMPUTE_START_S)) << op_window;
      window_size_q  <= LogData'(1) << op_window;
      bundle_mask_q  <= ~({LogData{1'b1}} <<
                          (4'(LogWord) + 4'(`TACTUS_FIELD(op_i, COMPUTE_LOG2_BUNDLE))));
      complete_q     <= op_i[tactus_op_pkg::COMPUTE_K_COMPLETE_LSB];
      act_signed_q   <= op_i[tactus_op_pkg::COMPUTE_ACT_SIGNED_LSB];
      act_bipolar_q  <= op_i[tactus_op_pkg::COMPUTE_ACT_BIPOLAR_LSB];
      act_zp_q       <= op_i[tactus_op_pkg::COMPUTE_ACT_ZP_LSB +: OperandBits + 1];
      act_pack_q     <= op_act_pack;
      mode_q         <= {op_i[tactus_op_pkg::COMPUTE_DATAFLOW_LSB], op_m, op_lanes};
      ld_how_q       <= op_how;
    end
    if (first) begin
      init_q <= !op_i[tactus_op_pkg::COMPUTE_ACCUMULATE_LSB];
    end else if (stream_start && !ld_os) begin
      init_q <= 1'b0;
    end
    if (first) begin
      psum_base_q <= `TACTUS_FIELD(op_i, COMPUTE_PSUM_BASE);
    end else if (next && ld_os) begin
      psum_base_q <= psum_base_q + 20'(ArrayRows);
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      tag_q   <= '0;
      first_q <= 1'b0;
    end else begin
      first_q <= first;
      if (first) begin
        tag_q <= tag_q + TagBits'(1);
      end
    end
  end
  assign start_tag_o = tag_q + TagBits'(1);
  assign op_tag_o    = tag_q;

  // Units of a weight-stationary op that are not loaded yet
  logic [19:0] k_left_q;
  logic        has_k, op_os, ws_issue;
  assign has_k    = first || (9'(row_q) < rows_used_q && k_left_q != 20'd0);
  assign ws_issue = issue && !(first ? op_os : ld_os);
  always_ff @(posedge clk_i) begin
    if (first) begin
      k_left_q <= `TACTUS_FIELD(op_i, COMPUTE_K_ROWS) - 20'd1;
    end else if (ws_issue && has_k) begin
      k_left_q <= k_left_q - 20'd1;
    end
  end

  // Weights: address stage
  logic [HowBits-1:0] how;
  logic [23:0]        ld_unit, ld_index, unit_q, index_q, unit, index;  // ld_: of the op's first unit
  assign wgt_rd_en_o = (ws_issue && has_k) || os_stream;
  assign unit  = os_stream ? (stream_start ? ld_unit : unit_q)
                           : first ? `TACTUS_FIELD(op_i, COMPUTE_WEIGHT_BASE) : unit_q;
  assign index = os_stream ? (stream_start ? ld_index : index_q)
                           : first ? `TACTUS_FIELD(op_i, COMPUTE_INDEX_BASE) : index_q;
  always_ff @(posedge clk_i) begin
    if (wgt_rd_en_o) begin
      unit_q  <= unit + 24'd1;
      index_q <= index + 24'd1;
    end
  end
  logic [2:0] log2_v, log2_x;
  assign log2_v = how[OperandBits+13 +: 3];
  assign log2_x = how[OperandBits+10 +: 3];
  assign wgt_rd_half_o      = how[HowBits-1];
  assign wgt_rd_row_o       = unit >> log2_v;
  assign wgt_rd_index_row_o = index >> log2_x;
  assign rd_sparse_o        = how[OperandBits+16 +: 2] != 2'd0;
  assign rd_all_rows_o      = os_stream;

  // Weights: data stage, and the row attributes for the ifmap buffer
  logic               row_wave_q, wave_q, valid_q, has_k_q;
  logic [RowBits-1:0] wave_row_q;
  logic [HowBits-1:0] how_q;
  logic [3:0]         shift_q, index_shift_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      row_wave_q <= 1'b0;
      wave_q     <= 1'b0;
      valid_q    <= 1'b0;
      has_k_q    <= 1'b0;
    end else begin
      row_wave_q <= issue;
      wave_q     <= ws_issue || os_stream;
      valid_q    <= wgt_rd_en_o;
      has_k_q    <= ws_issue && has_k;
    end
  end
  always_ff @(posedge clk_i) begin
    if (issue) begin
      wave_row_q <= row_q;
    end
    if (ws_issue || os_stream) begin
      how_q         <= how;
      shift_q       <= (4'(unit) & ~(4'hF << log2_v)) << (3'(LogWord) - log2_v);
      index_shift_q <= (4'(index) & ~(4'hF << log2_x)) << (3'(LogWord) - log2_x);
    end
  end
  assign wgt_wave_o        = wave_q;
  assign wgt_valid_o       = valid_q;
  assign wgt_shift_o       = shift_q;
  assign wgt_index_shift_o = index_shift_q;
  assign wgt_signed_o      = how_q[OperandBits+25];
  assign wgt_bipolar_o     = how_q[OperandBits+24];
  assign wgt_pack_o        = how_q[OperandBits+21 +: 3];
  assign wgt_log2_lanes_o  = how_q[OperandBits+18 +: 3];
  assign wgt_log2_m_o      = how_q[OperandBits+16 +: 2];
  assign wgt_zp_o          = how_q[9 +: OperandBits+1];
  assign wgt_cols_o        = how_q[8:0];
  assign row_wave_o        = row_wave_q && !ld_os;
  assign wen_o             = {{(ArrayRows-1){1'b0}}, row_wave_o} << wave_row_q;

  logic [23:0]        unit_offset, pixel_addr;
  logic [LogData-1:0] unit_window;
  tactus_unit_walker #(
    .Hold   (OutputStationary),
    .LogData(LogData)
  ) u_unit_walker (
    .clk_i           (clk_i),
    .restart_i       (ld_os ? stream_start : first_q),
    .step_i          (has_k_q || os_stream),
    .start_n_i       (start_n_q),
    .start_window_i  (start_window_q),
    .start_slot_i    (start_slot_q),
    .start_kx_i      (start_kx_q),
    .start_slot_off_i(slot_off_q),
    .start_kx_off_i  (kx_off_q),
    .start_ky_off_i  (ky_off_q),
    .last_phase_i    (group_mask_q),
    .last_n_i        (nm_last_q),
    .window_size_i   (window_size_q),
    .bundle_mask_i   (bundle_mask_q),
    .last_slot_i     (slots_q),
    .slot_stride_i   (slot_stride_q),
    .last_kx_i       (kernel_w_q),
    .step_kx_i       (step_kx_q),
    .step_ky_i       (step_ky_q),
    .offset_o        (unit_offset),
    .window_o        (unit_window)
  );

  tactus_pixel_walker u_pixel_walker (
    .clk_i    (clk_i),
    .rst_ni   (rst_ni),
    .restart_i(ld_os ? first_q : stream_start),
    .step_i   (ld_os ? row_wave_q : 1'b1),
    .out_h_i  (out_h_q),
    .out_w_i  (out_w_q),
    .step_x_i (step_x_q),
    .step_y_i (step_y_q),
    .more_o   (pix_more),
    .addr_o   (pixel_addr),
    .last_o   (pix_last)
  );

  assign row_we_o      = row_wave_q;
  assign row_index_o   = wave_row_q;
  assign row_valid_o   = ld_os ? first_q || pix_more : has_k_q;
  assign row_offset_o  = ld_os ? pixel_addr : unit_offset;
  assign row_window_o  = ld_os ? '0 : unit_window;
  assign row_half_o    = ifmap_half_q;
  assign row_signed_o  = act_signed_q;
  assign row_bipolar_o = act_bipolar_q;
  assign row_pack_o    = act_pack_q;
  assign row_mode_o    = mode_q;
  assign row_zp_o      = act_zp_q;
  assign pix_en_o      = ld_os ? os_stream : streaming || stream_start;
  assign pix_swap_o    = stream_start;
  assign pix_flush_o   = os_last;
  assign pix_addr_o    = ld_os ? unit_offset : pixel_addr;
  assign pix_window_o  = ld_os ? unit_window : '0;

  // What the psums of a fold need
  localparam int FoldBits = 9 + 20 + 9 + TagBits + 4;
  logic [FoldBits-1:0] ld_fold, fold;
  logic [8:0]          ld_rows;   // output-stationary: pixels of the fold that loads
  logic                last_fold;
  assign last_fold = folds_q == 16'd0;
  assign ld_fold = {ld_rows, psum_base_q, cols_q, tag_q, psum_half_q, init_q, last_fold,
                    complete_q && (ld_os || last_fold)};

  generate
    if (OutputStationary != 0) begin : gen_os
      logic [3:0] flying_q;   // ops that started and did not retire
      logic       mode_os_q;
      assign op_os     = op_i[tactus_op_pkg::COMPUTE_DATAFLOW_LSB];
      assign ld_os     = mode_os_q;
      assign may_start = flying_q == 4'd0 || op_os == ld_os;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          flying_q  <= 4'd0;
          mode_os_q <= 1'b0;
        end else begin
          flying_q <= flying_q + 4'(first) - 4'(retire_i);
          if (first) begin
            mode_os_q <= op_os;
          end
        end
      end

      // The stream: N cycles, a unit in each of the first k_rows cycles
      logic [19:0] ld_k_rows_q, units_q, cycles_q, cycles;
      logic [23:0] ld_unit_q, ld_index_q;
      logic [27:0] left_q;    // pixels of the fold that loads and of those after it
      assign ld_unit   = ld_unit_q;
      assign ld_index  = ld_index_q;
      assign cycles    = (FoldOverlap != 0 && ld_k_rows_q < 20'(ArrayRows)) ? 20'(ArrayRows)
                                                                            : ld_k_rows_q;
      assign os_stream = ld_os && (stream_start || units_q != 20'd0);
      assign os_last   = ld_os && (stream_start ? cycles == 20'd1 : cycles_q == 20'd1);
      assign streaming = ld_os ? cycles_q != 20'd0 : pix_more;
      assign ld_rows   = (left_q > 28'(ArrayRows)) ? 9'(ArrayRows) : 9'(left_q);
      always_ff @(posedge clk_i) begin
        if (first) begin
          ld_k_rows_q <= `TACTUS_FIELD(op_i, COMPUTE_K_ROWS);
          ld_unit_q   <= `TACTUS_FIELD(op_i, COMPUTE_WEIGHT_BASE);
          ld_index_q  <= `TACTUS_FIELD(op_i, COMPUTE_INDEX_BASE);
          left_q      <= 28'(`TACTUS_FIELD(op_i, COMPUTE_OUT_H)) *
                         28'(`TACTUS_FIELD(op_i, COMPUTE_OUT_W));
        end else if (next) begin
          left_q <= left_q - 28'(ArrayRows);
        end
      end
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          units_q  <= 20'd0;
          cycles_q <= 20'd0;
        end else if (ld_os && stream_start) begin
          units_q  <= ld_k_rows_q - 20'd1;
          cycles_q <= cycles - 20'd1;
        end else begin
          units_q  <= units_q - 20'(units_q != 20'd0);
          cycles_q <= cycles_q - 20'(cycles_q != 20'd0);
        end
      end

      logic [HowBits-1:0]  st_how_q;
      logic [FoldBits-1:0] st_fold_q;
      always_ff @(posedge clk_i) begin
        if (stream_start) begin
          st_how_q  <= ld_how_q;
          st_fold_q <= ld_fold;
        end
      end
      assign how  = os_stream ? (stream_start ? ld_how_q : st_how_q) : first ? op_how : ld_how_q;
      assign fold = stream_start ? ld_fold : st_fold_q;
      assign rd_tag_o = os_stream ? fold[4 +: TagBits] : first ? start_tag_o : tag_q;
    end else begin : gen_ws
      assign op_os     = 1'b0;
      assign ld_os     = 1'b0;
      assign may_start = 1'b1;
      assign ld_unit   = 24'd0;
      assign ld_index  = 24'd0;
      assign os_stream = 1'b0;
      assign os_last   = 1'b0;
      assign streaming = pix_more;
      assign ld_rows   = 9'd0;
      assign how       = first ? op_how : ld_how_q;
      assign fold      = ld_fold;
      assign rd_tag_o  = first ? start_tag_o : tag_q;
    end
  endgenerate

  tactus_psum_walker #(
    .ArrayRows       (ArrayRows),
    .OutputStationary(OutputStationary),
    .TagBits         (TagBits)
  ) u_psum_walker (
    .clk_i       (clk_i),
    .rst_ni      (rst_ni),
`ifdef TACTUS_FAULTS
    .fault_i     (fault_i),
`endif
    .take_i      (ld_os ? os_last : stream_start),
    .pix_en_i    (!ld_os && pix_en_o),
    .pix_last_i  (pix_last),
    .stationary_i(ld_os),
    .rows_i      (fold[TagBits + 33 +: 9]),
    .base_i      (fold[TagBits + 13 +: 20]),
    .cols_i      (fold[TagBits + 4 +: 9]),
    .tag_i       (fold[4 +: TagBits]),
    .half_i      (fold[3]),
    .init_i      (fold[2]),
    .last_i      (fold[1]),
    .final_i     (fold[0]),
    .drain_o     (drain_o),
    .en_o        (psum_en_o),
    .half_o      (psum_half_o),
    .init_o      (psum_init_o),
    .addr_o      (psum_addr_o),
    .cols_o      (psum_cols_o),
    .last_o      (psum_last_o),
    .final_o     (psum_final_o),
    .tag_o       (psum_tag_o)
  );

endmodule
