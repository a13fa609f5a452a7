// SPDX-License-Identifier: Apache-2.0
// Psum buffer with its accumulators: one bank per column. The read requests of column 0 reach
// column c c cycles later; the sum leaves the array one cycle after the read and is written back at
// once, under the overflow policy.

module tactus_psum_buffer #(
  parameter int ArrayCols = 16,
  parameter int PostLanes = 16,
  parameter int AccBits = 32,
  parameter int AccOverflow = 0,
  parameter int PsumEntries = 64,  // of one half
  parameter int ChainBits = 22,
  parameter int Groups = ArrayCols / PostLanes,
  parameter int GroupBits = (Groups > 1) ? $clog2(Groups) : 1,
  parameter int TagBits = 3
) (
  input  logic                           clk_i,
  input  logic                           rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]                     fault_i,
`endif
  // column 0, one cycle before the array delivers the sum
  input  logic                           en_i,
  input  logic                           half_i,
  input  logic                           init_i,    // start from 0 instead of the old value
  input  logic [19:0]                    addr_i,
  input  logic [8:0]                     cols_i,
  input  logic                           last_i,    // last psum of an op
  input  logic                           final_i,   // results are complete
  input  logic [TagBits-1:0]             tag_i,
  input  logic [ArrayCols*ChainBits-1:0] sum_i,
  output logic                           retire_o,  // the last column writes an op's last psum
  // post-processor read
  input  logic [PostLanes-1:0]           post_re_i,
  input  logic                           post_half_i,
  input  logic [GroupBits-1:0]           post_group_i,
  input  logic [19:0]                    post_addr_i,
  output logic [PostLanes*AccBits-1:0]   post_data_o,
  // for the monitor: the write stage of every column
  output logic [ArrayCols-1:0]           mon_we_o,
  output logic [ArrayCols-1:0]           mon_re_o,
  output logic [ArrayCols-1:0]           mon_overflow_o,
  output logic [ArrayCols-1:0]           mon_final_o,
  output logic [ArrayCols*TagBits-1:0]   mon_tag_o,
  output logic [ArrayCols*20-1:0]        mon_addr_o,
  output logic [ArrayCols*AccBits-1:0]   mon_acc_o
);

  localparam int AddrBits = (PsumEntries > 1) ? $clog2(PsumEntries) : 1;
  localparam int PipeBits = 20 + 9 + TagBits + 4;

  // pipe[c]: what column c reads; pipe[c + 1] is also what column c writes.
  logic [ArrayCols:0]  en;
  logic [ArrayCols-1:0] en_q;
  logic [PipeBits-1:0] pipe [ArrayCols+1];
  assign en = {en_q, en_i};
  assign pipe[0] = {addr_i, cols_i, tag_i, half_i, init_i, last_i, final_i};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      en_q <= '0;
    end else begin
      en_q <= en[ArrayCols-1:0];
    end
  end

  assign retire_o = en[ArrayCols] && pipe[ArrayCols][1];

  logic                 post_half_q;
  logic [GroupBits-1:0] post_group_q;
  always_ff @(posedge clk_i) begin
    if (post_re_i[0]) begin
      post_half_q  <= post_half_i;
      post_group_q <= post_group_i;
    end
  end

  logic [AccBits-1:0] data [2*ArrayCols];
  genvar c, h, l;
  generate
    for (c = 0; c < ArrayCols; c++) begin : gen_col
      logic [PipeBits-1:0] pipe_q;
      always_ff @(posedge clk_i) begin
        if (en[c]) begin
          pipe_q <= pipe[c];
        end
      end
      assign pipe[c+1] = pipe_q;

      // Read stage
      logic used, old, rd_half;
      assign used    = en[c] && pipe[c][TagBits + 4 +: 9] > 9'(c);
      assign rd_half = pipe[c][3];
      assign old     = used && !pipe[c][2];

      // Write stage
      logic        wr_used, wr_half;
      logic [19:0] wr_addr;
      logic [47:0] old_acc, addend;
      logic [48:0] after;
      assign wr_used = en[c+1] && pipe_q[TagBits + 4 +: 9] > 9'(c);
      assign wr_half = pipe_q[3];
      assign wr_addr = pipe_q[TagBits + 13 +: 20];
      assign old_acc  = pipe_q[2] ? 48'd0
                     : wr_half ? {{(48-AccBits){data[2*c+1][AccBits-1]}}, data[2*c+1]}
                               : {{(48-AccBits){data[2*c][AccBits-1]}}, data[2*c]};
      assign addend  = {{(48-ChainBits){sum_i[(c+1)*ChainBits-1]}},
                        sum_i[c*ChainBits +: ChainBits]};
      assign after   = tactus_arith_pkg::accumulate(old_acc, addend, 6'(AccBits), 2'(AccOverflow));

      logic [AccBits-1:0] wr_data;
`ifdef TACTUS_FAULTS
      // Fault 11: psums of the second half lose their lowest bit in column 0.
      assign wr_data = (fault_i == 8'd11 && c == 0 && wr_half) ?
                       {after[AccBits-1:1], 1'b0} : after[AccBits-1:0];
`else
      assign wr_data = after[AccBits-1:0];
`endif

      logic post_read;
      assign post_read = post_re_i[c % PostLanes] && post_group_i == GroupBits'(c / PostLanes);
      for (h = 0; h < 2; h++) begin : gen_half
        logic from_fold;
        assign from_fold = old && rd_half == 1'(h);
        tactus_ram_1r1w #(
          .Width(AccBits),
          .Depth(PsumEntries)
        ) u_bank (
          .clk_i  (clk_i),
          .we_i   (wr_used && wr_half == 1'(h)),
          .waddr_i(wr_addr[AddrBits-1:0]),
          .wdata_i(wr_data),
          .re_i   (from_fold || (post_read && post_half_i == 1'(h))),
          .raddr_i(from_fold ? pipe[c][TagBits + 13 +: AddrBits] : post_addr_i[AddrBits-1:0]),
          .rdata_o(data[2*c + h])
        );
      end

      assign mon_we_o[c]       = wr_used;
      assign mon_re_o[c]       = wr_used && !pipe_q[2];
      assign mon_overflow_o[c] = wr_used && after[48];
      assign mon_final_o[c]    = pipe_q[0];
      assign mon_tag_o[c*TagBits +: TagBits] = pipe_q[4 +: TagBits];
      assign mon_addr_o[c*20 +: 20]          = wr_addr;
      assign mon_acc_o[c*AccBits +: AccBits] = wr_data;
    end

    for (l = 0; l < PostLanes; l++) begin : gen_lane
      logic [AccBits-1:0] candidate [2*Groups];
      for (c = 0; c < 2 * Groups; c++) begin : gen_candidate
        assign candidate[c] = data[2*(l + (c/2)*PostLanes) + c % 2];
      end
      if (Groups > 1) begin : gen_mux
        assign post_data_o[l*AccBits +: AccBits] = candidate[{post_group_q, post_half_q}];
      end else begin : gen_single
        assign post_data_o[l*AccBits +: AccBits] = candidate[post_half_q];
      end
    end
  endgenerate

endmodule
