// SPDX-License-Identifier: Apache-2.0
// Load unit: strided reads from off-chip memory into a buffer half, fills, and the boot load of
// program segment 0. Requests run ahead of the beats; beats arrive in order and are written in the
// cycle they arrive. Beats of packed words are handed over as they are, with the part of the
// destination beat that they fill (tactus_unpack).

`include "tactus_field.svh"

module tactus_load_dma #(
  parameter int DataBits = 32,
  parameter int BurstBeats = 16,
  parameter int Packing = 0,  // loads to ofmap may unpack words
  parameter int BeatBytes = DataBits / 8
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]           fault_i,
`endif
  // boot load: prog_ops ops of 64 bytes into half 0 of the instruction buffer
  input  logic                 boot_i,
  input  logic [63:0]          boot_addr_i,
  input  logic [15:0]          boot_ops_i,
  output logic                 boot_done_o,
  // op at the head of the load queue
  input  logic                 ready_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0]   op_i,
  output logic                 start_o,
  output logic                 retire_o,
  output logic                 inst_retire_o,  // the retiring op loaded a program segment
  // read channel
  output logic                 rd_req_valid_o,
  input  logic                 rd_req_ready_i,
  output logic [63:0]          rd_req_addr_o,
  output logic [8:0]           rd_req_beats_o,
  input  logic                 rd_valid_i,
  output logic                 rd_ready_o,
  input  logic [DataBits-1:0]  rd_data_i,
  // buffer write port
  output logic                 wr_en_o,
  output logic [2:0]           wr_dest_o,
  output logic                 wr_half_o,
  output logic [23:0]          wr_addr_o,   // beats
  output logic [7:0]           wr_group_o,  // banks b with ((b ^ group) & mask) == 0
  output logic [7:0]           wr_mask_o,
  output logic [2:0]           wr_log2_pack_o,    // ofmap: elements in a word
  output logic [1:0]           wr_log2_bundle_o,  // ofmap: words in a pixel, Q
  output logic                 wr_signed_o,
  output logic [2:0]           wr_part_o,         // ofmap: which Q-th of the destination beat
  output logic [BeatBytes-1:0] wr_be_o,
  output logic [DataBits-1:0]  wr_data_o,   // bytes without enable are 0
  // for the monitor: an op's (not the boot's) request, beat and fill
  output logic                 op_active_o,
  output logic                 op_fill_o
);

  localparam int LogBeat = $clog2(BeatBytes);
  localparam logic [2:0] DestOfmap = 3'(tactus_op_pkg::DEST_OFMAP);

  // Fields of the op at the head; valid while start_o.
  logic        is_fill, start, fill_start, rx_start;
  logic [23:0] line_bytes;
  logic [63:0] mem_addr;
  assign is_fill    = `TACTUS_FIELD(op_i, HDR_OPCODE) == 4'(tactus_op_pkg::OP_FILL);
  assign start      = ready_i && !busy_q;
  assign start_o    = start;
  assign fill_start = start && is_fill;
  assign rx_start   = boot_i || (start && !is_fill);
  assign line_bytes = boot_i ? {2'b00, boot_ops_i, 6'd0}
                             : `TACTUS_FIELD(op_i, LOAD_LINE_BYTES);
  assign mem_addr   = boot_i ? boot_addr_i : `TACTUS_FIELD(op_i, LOAD_MEM_ADDR);

  logic [23:0] line_beats;
  assign line_beats = 24'((25'(line_bytes) + 25'(BeatBytes - 1)) >> LogBeat);

  // Op constants
  logic        busy_q, boot_q, fill_q;
  logic [23:0] beats_q;        // per line, minus 1
  logic [15:0] lines_q;        // per plane, minus 1
  logic [39:0] plane_stride_q;
  logic [31:0] line_stride_q;
  logic [2:0]  dest_q;
  logic        half_q;
  logic [23:0] slot_stride_q, dst_line_stride_q;
  logic [7:0]  mask_q;
  logic [2:0]  log2_pack_q;
  logic [1:0]  log2_bundle_q;
  logic        signed_q;
  logic [BeatBytes-1:0] last_be_q;
  logic [31:0] value_q;

  // Byte enables of a line's last beat.
  logic [BeatBytes-1:0] last_be;
  logic [LogBeat-1:0]   tail;
  assign tail    = line_bytes[LogBeat-1:0];
  assign last_be = (tail == '0) ? {BeatBytes{1'b1}}
                                : ~({BeatBytes{1'b1}} << tail);

  // Planes of packed words go to runs of QP banks: run r stands for bank QP * r in group and mask.
  logic [2:0]  log2_pack;
  logic [1:0]  log2_bundle;
  logic [2:0]  log2_run;
  generate
    if (Packing != 0) begin : gen_packing
      logic unpacks;
      assign unpacks     = `TACTUS_FIELD(op_i, LOAD_DEST) == DestOfmap;
      assign log2_pack   = unpacks ? `TACTUS_FIELD(op_i, LOAD_LOG2_PACK) : 3'd0;
      assign log2_bundle = unpacks ? `TACTUS_FIELD(op_i, LOAD_LOG2_BUNDLE) : 2'd0;
    end else begin : gen_words
      assign log2_pack   = 3'd0;
      assign log2_bundle = 2'd0;
    end
  endgenerate
  assign log2_run = log2_pack + 3'(log2_bundle);

  // Requester
  logic        rq_q;
  logic [63:0] rq_addr_q, rq_line_q, rq_plane_q;
  logic [23:0] rq_left_q;      // beats left in the line
  logic [15:0] rq_lines_q, rq_planes_q;  // left after this one
  logic        rq_short;
  assign rq_short       = rq_left_q <= 24'(BurstBeats);
  assign rd_req_valid_o = rq_q;
  assign rd_req_addr_o  = rq_addr_q;
  assign rd_req_beats_o = rq_short ? 9'(rq_left_q) : 9'(BurstBeats);

  logic [63:0] rq_next_line, rq_next_plane;
`ifdef TACTUS_FAULTS
  // Fault 9: the line stride of a load is one beat too long.
  assign rq_next_line  = rq_line_q + 64'(line_stride_q) +
                         ((fault_i == 8'd9) ? 64'(BeatBytes) : 64'd0);
`else
  assign rq_next_line  = rq_line_q + 64'(line_stride_q);
`endif
  assign rq_next_plane = rq_plane_q + 64'(plane_stride_q);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rq_q <= 1'b0;
    end else if (rx_start) begin
      rq_q        <= 1'b1;
      rq_addr_q   <= mem_addr;
      rq_line_q   <= mem_addr;
      rq_plane_q  <= mem_addr;
      rq_left_q   <= line_beats;
      rq_lines_q  <= boot_i ? 16'd0 : `TACTUS_FIELD(op_i, LOAD_LINES) - 16'd1;
      rq_planes_q <= boot_i ? 16'd0 : `TACTUS_FIELD(op_i, LOAD_PLANES) - 16'd1;
    end else if (rq_q && rd_req_ready_i) begin
      if (!rq_short) begin
        rq_addr_q <= rq_addr_q + 64'(BurstBeats * BeatBytes);
        rq_left_q <= rq_left_q - 24'(BurstBeats);
      end else begin
        rq_left_q <= beats_q + 24'd1;
        if (rq_lines_q != 16'd0) begin
          rq_lines_q <= rq_lines_q - 16'd1;
          rq_addr_q  <= rq_next_line;
          rq_line_q  <= rq_next_line;
        end else if (rq_planes_q != 16'd0) begin
          rq_planes_q <= rq_planes_q - 16'd1;
          rq_lines_q  <= lines_q;
          rq_addr_q   <= rq_next_plane;
          rq_line_q   <= rq_next_plane;
          rq_plane_q  <= rq_next_plane;
        end else begin
          rq_q <= 1'b0;
        end
      end
    end
  end

  // Receiver and filler: the write address of the next beat and what is left.
  logic [23:0] left_q;                  // beats left in the line after this one
  logic [15:0] lines_left_q, planes_left_q;
  logic [23:0] addr_q, line_addr_q, slot_addr_q;
  logic [7:0]  group_q;                 // QP * (plane mod G)
  logic [2:0]  part_q;                  // of the destination beat
  logic        beat, line_end, plane_end, op_end;

  assign rd_ready_o = 1'b1;             // buffers take a beat every cycle
  assign beat       = busy_q && (fill_q || rd_valid_i);
  assign line_end   = left_q == 24'd0;
  assign plane_end  = line_end && lines_left_q == 16'd0;
  assign op_end     = plane_end && planes_left_q == 16'd0;

  logic [2:0] last_part;                // Q - 1
  assign last_part  = ~(3'b111 << log2_bundle_q);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      boot_q <= 1'b0;
      fill_q <= 1'b0;
    end else if (rx_start || fill_start) begin
      busy_q <= 1'b1;
      boot_q <= boot_i;
      fill_q <= fill_start;
    end else if (beat && op_end) begin
      busy_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (fill_start) begin
      dest_q        <= `TACTUS_FIELD(op_i, FILL_DEST);
      half_q        <= op_i[tactus_op_pkg::FILL_HALF_LSB];
      value_q       <= `TACTUS_FIELD(op_i, FILL_VALUE);
      addr_q        <= `TACTUS_FIELD(op_i, FILL_DST_BASE);
      left_q        <= `TACTUS_FIELD(op_i, FILL_BEATS) - 24'd1;
      lines_left_q  <= 16'd0;
      planes_left_q <= 16'd0;
      group_q       <= 8'd0;
      mask_q        <= 8'd0;
      log2_pack_q   <= 3'd0;
      log2_bundle_q <= 2'd0;
      part_q        <= 3'd0;
      last_be_q     <= {BeatBytes{1'b1}};
    end else if (rx_start) begin
      beats_q           <= line_beats - 24'd1;
      left_q            <= line_beats - 24'd1;
      group_q           <= 8'd0;
      part_q            <= 3'd0;
      last_be_q         <= last_be;
      if (boot_i) begin
        lines_left_q    <= 16'd0;
        planes_left_q   <= 16'd0;
        dest_q          <= 3'(tactus_op_pkg::DEST_INST);
        half_q          <= 1'b0;
        addr_q          <= 24'd0;
        mask_q          <= 8'd0;
        log2_pack_q     <= 3'd0;
        log2_bundle_q   <= 2'd0;
      end else begin
        lines_left_q      <= `TACTUS_FIELD(op_i, LOAD_LINES) - 16'd1;
        planes_left_q     <= `TACTUS_FIELD(op_i, LOAD_PLANES) - 16'd1;
        lines_q           <= `TACTUS_FIELD(op_i, LOAD_LINES) - 16'd1;
        plane_stride_q    <= `TACTUS_FIELD(op_i, LOAD_PLANE_STRIDE);
        line_stride_q     <= `TACTUS_FIELD(op_i, LOAD_LINE_STRIDE);
        slot_stride_q     <= `TACTUS_FIELD(op_i, LOAD_DST_SLOT_STRIDE);
        dst_line_stride_q <= `TACTUS_FIELD(op_i, LOAD_DST_LINE_STRIDE);
        dest_q            <= `TACTUS_FIELD(op_i, LOAD_DEST);
        half_q            <= op_i[tactus_op_pkg::LOAD_HALF_LSB];
        addr_q            <= `TACTUS_FIELD(op_i, LOAD_DST_BASE);
        line_addr_q       <= `TACTUS_FIELD(op_i, LOAD_DST_BASE);
        slot_addr_q       <= `TACTUS_FIELD(op_i, LOAD_DST_BASE);
        log2_pack_q       <= log2_pack;
        log2_bundle_q     <= log2_bundle;
        signed_q          <= op_i[tactus_op_pkg::LOAD_UNPACK_SIGNED_LSB];
        // Weights, indices, parameters and ops have one bank: every plane is a slot.
        mask_q            <= (`TACTUS_FIELD(op_i, LOAD_DEST) == 3'(tactus_op_pkg::DEST_IFMAP) ||
                              `TACTUS_FIELD(op_i, LOAD_DEST) == DestOfmap)
                             ? ~(8'hFF << `TACTUS_FIELD(op_i, LOAD_LOG2_GROUP)) << log2_run : 8'd0;
      end
    end else if (beat) begin
      if (!line_end) begin
        left_q <= left_q - 24'd1;
        part_q <= (part_q + 3'd1) & last_part;
        addr_q <= addr_q + 24'(part_q == last_part);
      end else begin
        left_q <= beats_q;
        part_q <= 3'd0;
        if (!plane_end) begin
          lines_left_q <= lines_left_q - 16'd1;
          addr_q       <= line_addr_q + dst_line_stride_q;
          line_addr_q  <= line_addr_q + dst_line_stride_q;
        end else begin
          planes_left_q <= planes_left_q - 16'd1;
          lines_left_q  <= lines_q;
          group_q       <= (group_q - mask_q) & mask_q;
          if (group_q == mask_q) begin
            addr_q      <= slot_addr_q + slot_stride_q;
            line_addr_q <= slot_addr_q + slot_stride_q;
            slot_addr_q <= slot_addr_q + slot_stride_q;
          end else begin
            addr_q      <= slot_addr_q;
            line_addr_q <= slot_addr_q;
          end
        end
      end
    end
  end

  logic [BeatBytes-1:0] be;
  logic [DataBits-1:0]  be_mask;
`ifdef TACTUS_FAULTS
  // Fault 12: a line's last beat loses its highest valid byte.
  assign be = !line_end ? {BeatBytes{1'b1}} : (fault_i == 8'd12) ? last_be_q >> 1 : last_be_q;
`else
  assign be = line_end ? last_be_q : {BeatBytes{1'b1}};
`endif
  genvar i;
  generate
    for (i = 0; i < BeatBytes; i++) begin : gen_mask
      assign be_mask[8*i +: 8] = {8{be[i]}};
    end
  endgenerate

  assign wr_en_o    = beat;
  assign wr_dest_o  = dest_q;
  assign wr_half_o  = half_q;
`ifdef TACTUS_FAULTS
  // Fault 4: the last beat of an op's last line lands one beat too low.
  assign wr_addr_o  = addr_q - ((fault_i == 8'd4 && op_end && !boot_q) ? 24'd1 : 24'd0);
`else
  assign wr_addr_o  = addr_q;
`endif
  assign wr_group_o = group_q;
  assign wr_mask_o  = mask_q;
  assign wr_log2_pack_o   = log2_pack_q;
  assign wr_log2_bundle_o = log2_bundle_q;
  assign wr_signed_o      = signed_q;
  assign wr_part_o        = part_q;
  assign wr_be_o    = be;
  assign wr_data_o  = fill_q ? {(DataBits/32){value_q}} : (rd_data_i & be_mask);

  assign retire_o      = beat && op_end && !boot_q;
  assign boot_done_o   = beat && op_end && boot_q;
  assign inst_retire_o = retire_o && !fill_q && dest_q == 3'(tactus_op_pkg::DEST_INST);
  assign op_active_o   = busy_q && !boot_q;
  assign op_fill_o     = fill_q;

endmodule
