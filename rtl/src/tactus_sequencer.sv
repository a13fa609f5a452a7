// SPDX-License-Identifier: Apache-2.0
// Sequencer: boot, instruction buffer, in-order dispatch into the four op queues, and the token
// counters. A unit starts the op at the head of its queue when ready_o of the queue is high.

`include "tactus_field.svh"

module tactus_sequencer #(
  parameter int DataBits = 32,
  parameter int SegmentOps = 64,
  parameter int QueueDepth = 4,
  parameter int BeatBytes = DataBits / 8
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]                  fault_i,
`endif
  input  logic                        start_i,
  output logic                        busy_o,
  output logic                        done_o,
  // load unit: boot, and segments that load ops bring
  output logic                        boot_o,
  input  logic                        boot_done_i,
  input  logic                        inst_retire_i,
  input  logic                        inst_we_i,
  input  logic                        inst_half_i,
  input  logic [23:0]                 inst_addr_i,
  input  logic [DataBits-1:0]         inst_data_i,
  // queues: head op, start condition, start and retire of the unit
  output logic [tactus_op_pkg::N_QUEUES-1:0]         ready_o,
  input  logic [tactus_op_pkg::N_QUEUES-1:0]         op_start_i,
  input  logic [tactus_op_pkg::N_QUEUES-1:0]         retire_i,
  output logic [tactus_op_pkg::OP_BITS-1:0]          load_op_o,
  output logic [tactus_op_pkg::OP_BITS-1:0]          compute_op_o,
  output logic [tactus_op_pkg::OP_BITS-1:0]          post_op_o,
  output logic [tactus_op_pkg::OP_BITS-1:0]          store_op_o
);

  localparam int OpParts = 64 / BeatBytes;
  localparam int LogParts = $clog2(OpParts);
  localparam int IndexBits = $clog2(SegmentOps);
  localparam int QueueBits = $clog2(QueueDepth);
  localparam int CountBits = QueueBits + 1;
  localparam int TokenBits = 16;  // far above the bound that the program validator proves
  localparam int FlightBits = 3;  // ops of a queue between start and retire: at most 7

  // Instruction buffer: the halves are the two parts of one memory, because only the load unit
  // writes it and only the dispatcher reads it.
  logic                 fetch;
  logic [IndexBits:0]   fetch_addr;
  logic [tactus_op_pkg::OP_BITS-1:0]   op;
  genvar p;
  generate
    for (p = 0; p < OpParts; p++) begin : gen_inst
      tactus_ram_1r1w #(
        .Width(DataBits),
        .Depth(2 * SegmentOps)
      ) u_ram (
        .clk_i  (clk_i),
        .we_i   (inst_we_i && inst_addr_i[LogParts-1:0] == LogParts'(p)),
        .waddr_i({inst_half_i, inst_addr_i[LogParts +: IndexBits]}),
        .wdata_i(inst_data_i),
        .re_i   (fetch),
        .raddr_i(fetch_addr),
        .rdata_o(op[p*DataBits +: DataBits])
      );
    end
  endgenerate

  // Dispatcher
  typedef enum logic [2:0] {StIdle, StBoot, StSegment, StRun, StDrain, StDone} state_e;
  state_e               state_q;
  logic [IndexBits-1:0] index_q;   // op at the output of the instruction buffer
  logic                 half_q;    // half of the current or next segment
  logic [7:0]           loaded_q;  // segments that are loaded and not entered yet

  logic [3:0] opcode;
  logic [1:0] queue;
  logic       seg_end, prog_end, dispatch, enter;
  logic [tactus_op_pkg::N_QUEUES-1:0] full, push;
  assign opcode   = `TACTUS_FIELD(op, HDR_OPCODE);
  assign seg_end  = op[tactus_op_pkg::HDR_SEG_END_LSB];
  assign prog_end = op[tactus_op_pkg::HDR_PROG_END_LSB];
  assign queue    = (opcode == 4'(tactus_op_pkg::OP_COMPUTE)) ? 2'(tactus_op_pkg::QUEUE_COMPUTE) :
                    (opcode == 4'(tactus_op_pkg::OP_POST))    ? 2'(tactus_op_pkg::QUEUE_POST) :
                    (opcode == 4'(tactus_op_pkg::OP_STORE))   ? 2'(tactus_op_pkg::QUEUE_STORE) :
                                                            2'(tactus_op_pkg::QUEUE_LOAD);
  assign dispatch = state_q == StRun && !full[queue];
  assign push     = {3'b000, dispatch} << queue;
  assign enter    = state_q == StSegment && loaded_q != 8'd0;
  assign fetch    = enter || (dispatch && !seg_end && !prog_end);
  assign fetch_addr = enter ? {half_q, {IndexBits{1'b0}}} : {half_q, index_q + IndexBits'(1)};
  assign boot_o   = start_i && (state_q == StIdle || state_q == StDone);

  logic all_quiet;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q  <= StIdle;
      half_q   <= 1'b0;
      index_q  <= '0;
      loaded_q <= 8'd0;
    end else begin
      case (state_q)
        StIdle, StDone: begin
          if (start_i) begin
            state_q  <= StBoot;
            half_q   <= 1'b0;
            loaded_q <= 8'd0;
          end
        end
        StBoot: begin
          if (boot_done_i) begin
            state_q  <= StSegment;
            loaded_q <= 8'd1;
          end
        end
        StSegment: begin
          if (enter) begin
            state_q <= StRun;
            index_q <= '0;
          end
        end
        StRun: begin
          if (dispatch) begin
            index_q <= index_q + IndexBits'(1);
            if (prog_end) begin
              state_q <= StDrain;
            end else if (seg_end) begin
              state_q <= StSegment;
              half_q  <= ~half_q;
            end
          end
        end
        StDrain: begin
          if (all_quiet) begin
            state_q <= StDone;
          end
        end
        default: state_q <= StIdle;
      endcase
      if (inst_retire_i || enter) begin
        loaded_q <= loaded_q + 8'(inst_retire_i) - 8'(enter);
      end
    end
  end

  assign busy_o = state_q != StIdle && state_q != StDone;
  assign done_o = state_q == StDone;

  // Queues
  logic [tactus_op_pkg::OP_BITS-1:0] head [tactus_op_pkg::N_QUEUES];
  logic [3:0]         retire_push [tactus_op_pkg::N_QUEUES];  // tokens of the op that retires next
  logic [tactus_op_pkg::N_QUEUES-1:0] valid, quiet;
  genvar q;
  generate
    for (q = 0; q < tactus_op_pkg::N_QUEUES; q++) begin : gen_queue
      logic [tactus_op_pkg::OP_BITS-1:0]   mem [QueueDepth];
      logic [QueueBits-1:0] wptr_q, rptr_q;
      logic [CountBits-1:0] count_q;
      logic [3:0]           flight [8];
      logic [FlightBits-1:0] started_q, retired_q;

      assign full[q]  = count_q == CountBits'(QueueDepth);
      assign valid[q] = count_q != '0;
      assign quiet[q] = count_q == '0 && started_q == retired_q;
      assign head[q]  = mem[rptr_q];
      assign retire_push[q] = flight[retired_q];

      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          wptr_q    <= '0;
          rptr_q    <= '0;
          count_q   <= '0;
          started_q <= '0;
          retired_q <= '0;
        end else begin
          if (push[q]) begin
            wptr_q <= wptr_q + QueueBits'(1);
          end
          if (op_start_i[q]) begin
            rptr_q    <= rptr_q + QueueBits'(1);
            started_q <= started_q + FlightBits'(1);
          end
          if (retire_i[q]) begin
            retired_q <= retired_q + FlightBits'(1);
          end
          if (push[q] != op_start_i[q]) begin
            count_q <= push[q] ? count_q + CountBits'(1) : count_q - CountBits'(1);
          end
        end
      end

      always_ff @(posedge clk_i) begin
        if (push[q]) begin
          mem[wptr_q] <= op;
        end
        if (op_start_i[q]) begin
          flight[started_q] <= head[q][tactus_op_pkg::HDR_PUSH_LSB +: tactus_op_pkg::HDR_PUSH_W];
        end
      end
    end
  endgenerate
  assign all_quiet    = &quiet;
  assign load_op_o    = head[tactus_op_pkg::QUEUE_LOAD];
  assign compute_op_o = head[tactus_op_pkg::QUEUE_COMPUTE];
  assign post_op_o    = head[tactus_op_pkg::QUEUE_POST];
  assign store_op_o   = head[tactus_op_pkg::QUEUE_STORE];

  // Tokens: counter [from][to] at from * 4 + to.
  logic [tactus_op_pkg::N_QUEUES*tactus_op_pkg::N_QUEUES-1:0] has_token;
  genvar d;
  generate
    for (q = 0; q < tactus_op_pkg::N_QUEUES; q++) begin : gen_from
      for (d = 0; d < tactus_op_pkg::N_QUEUES; d++) begin : gen_to
        logic [TokenBits-1:0] count_q;
        logic give, take;
`ifdef TACTUS_FAULTS
        // Fault 5: the third token from post to compute is lost.
        logic [1:0] given_q;
        assign give = retire_i[q] && retire_push[q][d] &&
                      !(fault_i == 8'd5 && q == tactus_op_pkg::QUEUE_POST &&
                        d == tactus_op_pkg::QUEUE_COMPUTE && given_q == 2'd2);
        always_ff @(posedge clk_i or negedge rst_ni) begin
          if (!rst_ni) begin
            given_q <= 2'd0;
          end else if (retire_i[q] && retire_push[q][d] && given_q != 2'd3) begin
            given_q <= given_q + 2'd1;
          end
        end
`else
        assign give = retire_i[q] && retire_push[q][d];
`endif
        assign take = op_start_i[d] && head[d][tactus_op_pkg::HDR_WAIT_LSB + q];
        assign has_token[q*tactus_op_pkg::N_QUEUES + d] = count_q != '0;
        always_ff @(posedge clk_i or negedge rst_ni) begin
          if (!rst_ni) begin
            count_q <= '0;
          end else if (give != take) begin
            count_q <= give ? count_q + TokenBits'(1) : count_q - TokenBits'(1);
          end
        end
      end
    end

    for (d = 0; d < tactus_op_pkg::N_QUEUES; d++) begin : gen_ready
      logic [tactus_op_pkg::N_QUEUES-1:0] missing;
      for (q = 0; q < tactus_op_pkg::N_QUEUES; q++) begin : gen_missing
        assign missing[q] = head[d][tactus_op_pkg::HDR_WAIT_LSB + q] &&
                            !has_token[q*tactus_op_pkg::N_QUEUES + d];
      end
      assign ready_o[d] = valid[d] && missing == '0;
    end
  endgenerate

endmodule
