// SPDX-License-Identifier: Apache-2.0
// Positions of the K units of an op: counters phase, n, window, slot, kx, ky, innermost first
// (models/README.md, "Operands"). With restart_i the unit is the op's first one; step_i takes the
// unit. With Hold, the inputs need to stay only until restart_i.

module tactus_unit_walker #(
  parameter int Hold = 0,
  parameter int LogData = 6
) (
  input  logic               clk_i,
  input  logic               restart_i,
  input  logic               step_i,
  // first unit; offsets are the products of counters and strides
  input  logic [3:0]         start_n_i,
  input  logic [LogData-1:0] start_window_i,
  input  logic [13:0]        start_slot_i,
  input  logic [7:0]         start_kx_i,
  input  logic [23:0]        start_slot_off_i,
  input  logic [23:0]        start_kx_off_i,
  input  logic [23:0]        start_ky_off_i,
  // limits and strides
  input  logic [7:0]         last_phase_i,
  input  logic [3:0]         last_n_i,
  input  logic [LogData-1:0] window_size_i,   // bits; 0 is 2^LogData
  input  logic [LogData-1:0] bundle_mask_i,   // bits of a bundle, minus 1
  input  logic [13:0]        last_slot_i,
  input  logic [23:0]        slot_stride_i,
  input  logic [7:0]         last_kx_i,
  input  logic [11:0]        step_kx_i,
  input  logic [23:0]        step_ky_i,
  output logic [23:0]        offset_o,
  output logic [LogData-1:0] window_o         // first bit in the bundle
);

  logic [7:0]         last_phase, last_kx;
  logic [3:0]         last_n;
  logic [LogData-1:0] window_size, bundle_mask;
  logic [13:0]        last_slot;
  logic [23:0]        slot_stride, step_ky;
  logic [11:0]        step_kx;
  generate
    if (Hold != 0) begin : gen_hold
      localparam int HoldBits = 8 + 8 + 4 + 2 * LogData + 14 + 24 + 24 + 12;
      logic [HoldBits-1:0] held_q, held;
      assign held = restart_i ? {last_phase_i, last_kx_i, last_n_i, window_size_i, bundle_mask_i,
                                 last_slot_i, slot_stride_i, step_ky_i, step_kx_i} : held_q;
      always_ff @(posedge clk_i) begin
        if (restart_i) begin
          held_q <= held;
        end
      end
      assign {last_phase, last_kx, last_n, window_size, bundle_mask, last_slot, slot_stride,
              step_ky, step_kx} = held;
    end else begin : gen_direct
      assign last_phase  = last_phase_i;
      assign last_kx     = last_kx_i;
      assign last_n      = last_n_i;
      assign window_size = window_size_i;
      assign bundle_mask = bundle_mask_i;
      assign last_slot   = last_slot_i;
      assign slot_stride = slot_stride_i;
      assign step_ky     = step_ky_i;
      assign step_kx     = step_kx_i;
    end
  endgenerate

  logic [7:0]         phase_q, kx_q, phase, kx;
  logic [3:0]         n_q, n;
  logic [LogData-1:0] window_q, window, next_window;
  logic [13:0]        slot_q, slot;
  logic [23:0]        slot_off_q, kx_off_q, ky_off_q, slot_off, kx_off, ky_off;
  assign phase       = restart_i ? 8'd0 : phase_q;
  assign n           = restart_i ? start_n_i : n_q;
  assign window      = restart_i ? start_window_i : window_q;
  assign slot        = restart_i ? start_slot_i : slot_q;
  assign kx          = restart_i ? start_kx_i : kx_q;
  assign slot_off    = restart_i ? start_slot_off_i : slot_off_q;
  assign kx_off      = restart_i ? start_kx_off_i : kx_off_q;
  assign ky_off      = restart_i ? start_ky_off_i : ky_off_q;
  assign next_window = (window + window_size) & bundle_mask;
  assign offset_o    = ky_off + kx_off + slot_off;
  assign window_o    = window;

  // What wraps around with this unit
  logic phase_end, n_end, window_end, slot_end, kx_end;
  assign phase_end  = phase == last_phase;
  assign n_end      = phase_end && n == last_n;
  assign window_end = n_end && next_window == '0;
  assign slot_end   = window_end && slot == last_slot;
  assign kx_end     = slot_end && kx == last_kx;
  always_ff @(posedge clk_i) begin
    if (step_i) begin
      phase_q    <= phase_end ? 8'd0 : phase + 8'd1;
      n_q        <= n_end ? 4'd0 : n + 4'(phase_end);
      window_q   <= n_end ? next_window : window;
      slot_q     <= slot_end ? 14'd0 : slot + 14'(window_end);
      slot_off_q <= slot_end ? 24'd0 : window_end ? slot_off + slot_stride : slot_off;
      kx_q       <= kx_end ? 8'd0 : kx + 8'(slot_end);
      kx_off_q   <= kx_end ? 24'd0 : slot_end ? kx_off + 24'(step_kx) : kx_off;
      ky_off_q   <= kx_end ? ky_off + step_ky : ky_off;
    end
  end

endmodule
