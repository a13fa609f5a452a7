// SPDX-License-Identifier: Apache-2.0
// One half of an ifmap or ofmap bank: a 1R1W memory with byte enables that two units may write, one
// at a time (a half has one owner queue): the load DMA whole beats, the post-processor elements.

module tactus_bank_half #(
  parameter int DataBits = 32,
  parameter int Depth = 16,
  parameter int Half = 0,
  parameter int AddrBits = (Depth > 1) ? $clog2(Depth) : 1,
  parameter int BeatBytes = DataBits / 8
) (
  input  logic                 clk_i,
  input  logic                 write_i,       // some bank is written
  input  logic                 load_we_i,     // to the half load_half_i of this bank
  input  logic                 load_half_i,
  input  logic [AddrBits-1:0]  load_addr_i,
  input  logic [BeatBytes-1:0] load_be_i,
  input  logic [DataBits-1:0]  load_data_i,
  input  logic                 post_we_i,
  input  logic                 post_half_i,
  input  logic [AddrBits-1:0]  post_addr_i,
  input  logic [BeatBytes-1:0] post_be_i,
  input  logic [DataBits-1:0]  post_data_i,
  input  logic                 read_i,        // some bank is read
  input  logic                 re_i,
  input  logic [AddrBits-1:0]  raddr_i,
  output logic [DataBits-1:0]  rdata_o
);

  // Writing a word back under the complement of the mask is how byte enables are described here:
  // one assignment to the memory, which Yosys turns into write enables (opt_mem_feedback).
  function automatic logic [DataBits-1:0] mask_of(input logic [BeatBytes-1:0] be);
    begin
      for (int i = 0; i < BeatBytes; i++) begin
        mask_of[8 * i +: 8] = {8{be[i]}};
      end
    end
  endfunction

  logic [DataBits-1:0] mem [Depth];
  logic [DataBits-1:0] rdata_q;

  initial begin
    for (int i = 0; i < Depth; i++) begin
      mem[i] = {DataBits{1'b0}};
    end
  end

  // The two common bits spare a simulation most questions to idle banks.
  always_ff @(posedge clk_i) begin : access
    logic                load;
    logic [AddrBits-1:0] addr;
    logic [DataBits-1:0] mask;
    if (write_i) begin
      load = load_we_i && load_half_i == 1'(Half);
      if (load || (post_we_i && post_half_i == 1'(Half))) begin
        addr = load ? load_addr_i : post_addr_i;
        mask = mask_of(load ? load_be_i : post_be_i);
        mem[addr] <= ((load ? load_data_i : post_data_i) & mask) | (mem[addr] & ~mask);
      end
    end
    if (read_i) begin
      if (re_i) begin
        rdata_q <= mem[raddr_i];
      end
    end
  end

  assign rdata_o = rdata_q;

endmodule
