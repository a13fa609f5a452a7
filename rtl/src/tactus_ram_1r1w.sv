// SPDX-License-Identifier: Apache-2.0
// A memory with one write and one read port. The read data stay until the next read; a read in the
// cycle of a write to the same address returns the old word. All words are 0 at power-up, because
// models/README.md defines unwritten memory as 0.

module tactus_ram_1r1w #(
  parameter int Width = 8,
  parameter int Depth = 16,
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1
) (
  input  logic                clk_i,
  input  logic                we_i,
  input  logic [AddrBits-1:0] waddr_i,
  input  logic [Width-1:0]    wdata_i,
  input  logic                re_i,
  input  logic [AddrBits-1:0] raddr_i,
  output logic [Width-1:0]    rdata_o
);

  logic [Width-1:0] mem [Depth];
  logic [Width-1:0] rdata_q;

  initial begin
    for (int i = 0; i < Depth; i++) begin
      mem[i] = {Width{1'b0}};
    end
  end

  always_ff @(posedge clk_i) begin
    if (we_i) begin
      mem[waddr_i] <= wdata_i;
    end
    if (re_i) begin
      rdata_q <= mem[raddr_i];
    end
  end

  assign rdata_o = rdata_q;

endmodule
