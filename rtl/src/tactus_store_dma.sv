// SPDX-License-Identifier: Apache-2.0
// Store unit: strided writes of an ofmap half to off-chip memory. The beat on the write port comes
// from the output registers of the banks that were read (packed by the buffer, if the words of the
// line hold several channels), so a beat is read when the one before is accepted. In a transposed
// store the banks are the pixels of the line and its planes are consecutive elements of every bank.

`include "tactus_field.svh"

module tactus_store_dma #(
  parameter int DataBits = 32,
  parameter int ArrayCols = 4,
  parameter int StoreLanes = 1,  // largest number of channels in a plane; 1: words are not packed
  parameter int BeatBytes = DataBits / 8,
  parameter int LogBeat = $clog2(BeatBytes),
  parameter int ColBits = $clog2(ArrayCols)
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]           fault_i,
`endif
  input  logic                 ready_i,
  input  logic [tactus_op_pkg::OP_BITS-1:0]   op_i,
  output logic                 start_o,
  output logic                 retire_o,
  // ofmap read port
  output logic                 rd_en_o,
  output logic                 rd_half_o,
  output logic [ColBits-1:0]   rd_bank_o,   // of the plane's first channel
  output logic [23:0]          rd_addr_o,   // beats
  output logic [2:0]           rd_log2_pack_o,
  output logic [1:0]           rd_log2_bundle_o,
  output logic [2:0]           rd_part_o,   // which Q-th of the beat
  output logic [StoreLanes-1:0] rd_lane_en_o,  // the plane has this channel
  output logic                 rd_transposed_o,
  output logic [1:0]           rd_log2_bytes_o,
  output logic [LogBeat-1:0]   rd_offset_o,   // transposed: byte of the plane's first element
  input  logic [DataBits-1:0]  rd_data_i,   // of the banks that were read last
  // write channel
  output logic                 wr_valid_o,
  input  logic                 wr_ready_i,
  output logic [63:0]          wr_addr_o,
  output logic [DataBits-1:0]  wr_data_o,
  output logic [BeatBytes-1:0] wr_strb_o,
  output logic                 wr_last_o,
  input  logic                 wr_ack_i
);

  logic        busy_q, more_q, valid_q;
  logic        start;
  assign start   = ready_i && !busy_q;
  assign start_o = start;

  // Op constants
  logic [23:0] line_bytes, line_beats;
  logic [LogBeat-1:0] tail;
  assign line_bytes = `TACTUS_FIELD(op_i, STORE_LINE_BYTES);
  assign line_beats = 24'((25'(line_bytes) + 25'(BeatBytes - 1)) >> LogBeat);
  assign tail       = line_bytes[LogBeat-1:0];

  logic [23:0] beats_q;  // per line, minus 1
  logic [15:0] lines_q;
  logic [39:0] plane_stride_q;
  logic [31:0] line_stride_q;
  logic        half_q;
  logic [23:0] slot_stride_q, src_line_stride_q;
  logic [BeatBytes-1:0] last_be_q;

  // Position of the next beat to read
  logic [23:0] left_q;
  logic [15:0] lines_left_q, planes_left_q;
  logic [63:0] mem_q, mem_line_q, mem_plane_q;
  logic [23:0] src_q, src_line_q, src_slot_q;
  logic [ColBits-1:0] bank_q, next_bank;
  logic [2:0]         part_q, last_part;
  // Transposed: the line's first bank, and banks in a beat and bytes in a plane.
  logic               transposed_q;
  logic [1:0]         log2_bytes_q;
  logic [LogBeat-1:0] offset_q;
  logic [ColBits-1:0] bank0_q, beat_banks;
  logic [LogBeat:0]   plane_bytes;
  logic [24+LogBeat-1:0] next_element;
  assign beat_banks   = ColBits'(BeatBytes >> log2_bytes_q);
  assign plane_bytes  = (LogBeat+1)'(1) << (3'(log2_bytes_q) + rd_log2_pack_o);
  assign next_element = {src_q, offset_q} + (24+LogBeat)'(plane_bytes);
  logic        line_end, plane_end, op_end, read;
  assign line_end  = left_q == 24'd0;
  assign plane_end = line_end && lines_left_q == 16'd0;
  assign op_end    = plane_end && planes_left_q == 16'd0;
  assign read      = more_q && (!valid_q || wr_ready_i);

  // Planes of packed words
  genvar j;
  generate
    if (StoreLanes > 1) begin : gen_packing
      logic [2:0]  log2_pack_q, log2_run;
      logic [1:0]  log2_bundle_q;
      logic [15:0] channels_q;  // from the first of the plane on
      logic [15:0] run;         // channels of a plane
      assign log2_run = log2_pack_q + 3'(log2_bundle_q);
      assign run      = 16'd1 << log2_run;
      always_ff @(posedge clk_i) begin
        if (start) begin
          log2_pack_q   <= `TACTUS_FIELD(op_i, STORE_LOG2_PACK);
          log2_bundle_q <= `TACTUS_FIELD(op_i, STORE_LOG2_BUNDLE);
          channels_q    <= `TACTUS_FIELD(op_i, STORE_CHANNELS);
        end else if (read && plane_end) begin
          channels_q    <= channels_q - run;
        end
      end
      assign rd_log2_pack_o   = log2_pack_q;
      assign rd_log2_bundle_o = log2_bundle_q;
      assign next_bank        = bank_q + ColBits'(run);
      assign last_part        = ~(3'b111 << log2_bundle_q);
      for (j = 0; j < StoreLanes; j++) begin : gen_enable
        assign rd_lane_en_o[j] = log2_run == 3'd0 || channels_q > 16'(j);
      end
    end else begin : gen_words
      assign rd_log2_pack_o   = 3'd0;
      assign rd_log2_bundle_o = 2'd0;
      assign rd_lane_en_o     = 1'b1;
      assign next_bank        = bank_q + ColBits'(1);
      assign last_part        = 3'd0;
    end
  endgenerate

  // Beat on the port
  logic [63:0] addr_q;
  logic [BeatBytes-1:0] strb_q;
  logic        last_q;

  logic [63:0] next_plane, next_line;
  assign next_plane = mem_plane_q + 64'(plane_stride_q);
  assign next_line  = mem_line_q + 64'(line_stride_q);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q  <= 1'b0;
      more_q  <= 1'b0;
      valid_q <= 1'b0;
    end else begin
      if (start) begin
        busy_q <= 1'b1;
        more_q <= 1'b1;
      end else begin
        if (wr_ack_i) begin
          busy_q <= 1'b0;
        end
        if (read && op_end) begin
          more_q <= 1'b0;
        end
      end
      if (read) begin
        valid_q <= 1'b1;
      end else if (wr_ready_i) begin
        valid_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (start) begin
      beats_q           <= line_beats - 24'd1;
      left_q            <= line_beats - 24'd1;
      lines_q           <= `TACTUS_FIELD(op_i, STORE_LINES) - 16'd1;
      lines_left_q      <= `TACTUS_FIELD(op_i, STORE_LINES) - 16'd1;
      planes_left_q     <= `TACTUS_FIELD(op_i, STORE_PLANES) - 16'd1;
      plane_stride_q    <= `TACTUS_FIELD(op_i, STORE_PLANE_STRIDE);
      line_stride_q     <= `TACTUS_FIELD(op_i, STORE_LINE_STRIDE);
      half_q            <= op_i[tactus_op_pkg::STORE_HALF_LSB];
      slot_stride_q     <= `TACTUS_FIELD(op_i, STORE_SRC_SLOT_STRIDE);
      src_line_stride_q <= `TACTUS_FIELD(op_i, STORE_SRC_LINE_STRIDE);
      last_be_q         <= (tail == '0) ? {BeatBytes{1'b1}} : ~({BeatBytes{1'b1}} << tail);
      mem_q             <= `TACTUS_FIELD(op_i, STORE_MEM_ADDR);
      mem_line_q        <= `TACTUS_FIELD(op_i, STORE_MEM_ADDR);
      mem_plane_q       <= `TACTUS_FIELD(op_i, STORE_MEM_ADDR);
      src_q             <= `TACTUS_FIELD(op_i, STORE_SRC_BASE);
      src_line_q        <= `TACTUS_FIELD(op_i, STORE_SRC_BASE);
      src_slot_q        <= `TACTUS_FIELD(op_i, STORE_SRC_BASE);
      bank_q            <= ColBits'(`TACTUS_FIELD(op_i, STORE_BANK0));
      bank0_q           <= ColBits'(`TACTUS_FIELD(op_i, STORE_BANK0));
      part_q            <= 3'd0;
      transposed_q      <= op_i[tactus_op_pkg::STORE_TRANSPOSED_LSB];
      log2_bytes_q      <= `TACTUS_FIELD(op_i, STORE_LOG2_BYTES);
      offset_q          <= '0;
    end else if (read) begin
      addr_q <= mem_q;
      last_q <= op_end;
      strb_q <= line_end ? last_be_q : {BeatBytes{1'b1}};
      if (!line_end) begin
        left_q <= left_q - 24'd1;
        mem_q  <= mem_q + 64'(BeatBytes);
        part_q <= (part_q + 3'd1) & last_part;
        if (transposed_q) begin
          bank_q <= bank_q + beat_banks;
        end else begin
          src_q <= src_q + 24'(part_q == last_part);
        end
      end else begin
        left_q <= beats_q;
        part_q <= 3'd0;
        if (!plane_end) begin
          lines_left_q <= lines_left_q - 16'd1;
          mem_q        <= next_line;
          mem_line_q   <= next_line;
          src_q        <= src_line_q + src_line_stride_q;
          src_line_q   <= src_line_q + src_line_stride_q;
        end else begin
          planes_left_q <= planes_left_q - 16'd1;
          lines_left_q  <= lines_q;
          mem_q         <= next_plane;
          mem_line_q    <= next_plane;
          mem_plane_q   <= next_plane;
          bank_q        <= transposed_q ? bank0_q : next_bank;
          if (transposed_q) begin
            {src_q, offset_q} <= next_element;
          end else if (next_bank == '0) begin
            src_q      <= src_slot_q + slot_stride_q;
            src_line_q <= src_slot_q + slot_stride_q;
            src_slot_q <= src_slot_q + slot_stride_q;
          end else begin
            src_q      <= src_slot_q;
            src_line_q <= src_slot_q;
          end
        end
      end
    end
  end

  assign rd_en_o   = read;
  assign rd_half_o = half_q;
  assign rd_bank_o = bank_q;
  assign rd_addr_o = src_q;
  assign rd_part_o = part_q;
  assign rd_transposed_o = transposed_q;
  assign rd_log2_bytes_o = log2_bytes_q;
  assign rd_offset_o     = offset_q;

  assign wr_valid_o = valid_q;
`ifdef TACTUS_FAULTS
  // Fault 13: the last beat of a store goes to the address of the beat before.
  assign wr_addr_o  = addr_q - ((fault_i == 8'd13 && last_q) ? 64'(BeatBytes) : 64'd0);
`else
  assign wr_addr_o  = addr_q;
`endif
  assign wr_data_o  = rd_data_i;
  assign wr_strb_o  = strb_q;
  assign wr_last_o  = last_q;
  assign retire_o   = busy_q && wr_ack_i;

endmodule
