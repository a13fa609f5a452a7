// SPDX-License-Identifier: Apache-2.0
// Ifmap buffer: one bank per array row with an offset of its own (the position of the row's K
// element in the window). The pixel addresses of row 0 reach row r r cycles later, so activations
// enter the array skewed. The zero point is subtracted behind the memory; a row without K element
// gives 0 and reads nothing.

module tactus_ifmap_buffer #(
  parameter int ArrayRows = 16,
  parameter int DataBits = 32,
  parameter int BankBytes = 1024,  // of one half
  parameter int LaneBits = 9,
  parameter int BeatBytes = DataBits / 8,
  parameter int RowBits = $clog2(ArrayRows)
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
`ifdef TACTUS_FAULTS
  input  logic [7:0]                    fault_i,
`endif
  // load: whole beats to the banks b with ((b ^ group) & mask) == 0
  input  logic                          load_we_i,
  input  logic                          load_half_i,
  input  logic [7:0]                    load_group_i,
  input  logic [7:0]                    load_mask_i,
  input  logic [23:0]                   load_addr_i,
  input  logic [BeatBytes-1:0]          load_be_i,
  input  logic [DataBits-1:0]           load_data_i,
  // post: bytes of one beat per bank, the beat of one of two byte addresses
  input  logic                          post_half_i,
  input  logic [ArrayRows-1:0]          post_we_i,
  input  logic [ArrayRows-1:0]          post_high_i,  // the bank takes address 1
  input  logic [23:0]                   post_addr0_i,
  input  logic [23:0]                   post_addr1_i,
  input  logic [ArrayRows*BeatBytes-1:0] post_be_i,
  input  logic [ArrayRows*DataBits-1:0] post_data_i,   // placed in the beat
  // row attributes of the next fold
  input  logic                          row_we_i,
  input  logic [RowBits-1:0]            row_index_i,
  input  logic                          row_valid_i,
  input  logic                          row_half_i,
  input  logic                          row_signed_i,
  input  logic [LaneBits-1:0]           row_zp_i,
  input  logic [23:0]                   row_offset_i,
  // pixels of row 0
  input  logic                          pix_en_i,
  input  logic                          pix_swap_i,   // first pixel of a fold
  input  logic [23:0]                   pix_addr_i,
  // array edge
  output logic [ArrayRows-1:0]          act_swap_o,   // one cycle before act_en_o of pixel 0
  output logic [ArrayRows-1:0]          act_en_o,
  output logic [ArrayRows-1:0]          act_used_o,   // the row has a K element
  output logic [ArrayRows*LaneBits-1:0] act_o
);

  localparam int LogBeat = $clog2(BeatBytes);
  localparam int Depth = BankBytes / BeatBytes;
  localparam int AddrBits = $clog2(Depth);

  logic [23:0]          pix [ArrayRows];
  logic [ArrayRows-1:0] en, swap, en_q, swap_q;
  assign pix[0]     = pix_addr_i;
  assign en         = {en_q[ArrayRows-2:0], pix_en_i};
  assign swap       = {swap_q[ArrayRows-2:0], pix_swap_i};
  assign act_swap_o = swap;
  assign act_en_o   = en_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      en_q   <= '0;
      swap_q <= '0;
    end else begin
      en_q   <= en;
      swap_q <= swap;
    end
  end

  genvar r;
  generate
    for (r = 0; r < ArrayRows; r++) begin : gen_row
      if (r > 0) begin : gen_delay
        logic [23:0] pix_q;
        always_ff @(posedge clk_i) begin
          if (en[r-1]) begin
            pix_q <= pix[r-1];
          end
        end
        assign pix[r] = pix_q;
      end

      // Attributes of the fold that loads and of the fold that streams
      logic                next_valid_q, next_half_q, next_signed_q;
      logic [LaneBits-1:0] next_zp_q;
      logic [23:0]         next_offset_q;
      logic                valid_q, half_q, signed_q;
      logic [LaneBits-1:0] zp_q;
      logic [23:0]         offset_q;
      always_ff @(posedge clk_i) begin
        if (row_we_i && row_index_i == RowBits'(r)) begin
          next_valid_q  <= row_valid_i;
          next_half_q   <= row_half_i;
          next_signed_q <= row_signed_i;
          next_zp_q     <= row_zp_i;
          next_offset_q <= row_offset_i;
        end
        if (swap[r]) begin
          valid_q  <= next_valid_q;
          half_q   <= next_half_q;
          signed_q <= next_signed_q;
          zp_q     <= next_zp_q;
          offset_q <= next_offset_q;
        end
      end

      logic [23:0] addr;
      logic        read, half;
      assign addr = pix[r] + (swap[r] ? next_offset_q : offset_q);
      assign read = en[r] && (swap[r] ? next_valid_q : valid_q);
      assign half = swap[r] ? next_half_q : half_q;

      logic load_hit;
      assign load_hit = load_we_i && ((8'(r) ^ load_group_i) & load_mask_i) == 8'd0;

      logic [23:0] post_addr;
      assign post_addr = post_high_i[r] ? post_addr1_i : post_addr0_i;

      logic [DataBits-1:0] data [2];
      genvar h;
      for (h = 0; h < 2; h++) begin : gen_half
        tactus_bank_half #(
          .DataBits(DataBits),
          .Depth   (Depth)
        ) u_bank (
          .clk_i      (clk_i),
          .load_we_i  (load_hit && load_half_i == 1'(h)),
          .load_addr_i(load_addr_i[AddrBits-1:0]),
          .load_be_i  (load_be_i),
          .load_data_i(load_data_i),
          .post_we_i  (post_we_i[r] && post_half_i == 1'(h)),
          .post_addr_i(post_addr[LogBeat +: AddrBits]),
          .post_be_i  (post_be_i[r*BeatBytes +: BeatBytes]),
          .post_data_i(post_data_i[r*DataBits +: DataBits]),
          .re_i       (read && half == 1'(h)),
          .raddr_i    (addr[LogBeat +: AddrBits]),
          .rdata_o    (data[h])
        );
      end

      logic [LogBeat-1:0]  sel_q;
      always_ff @(posedge clk_i) begin
        if (en[r]) begin
          sel_q <= addr[LogBeat-1:0];
        end
      end
      logic [DataBits-1:0] word;
      logic [7:0]          byte_data;
      logic [LaneBits-1:0] wide;
      assign word      = half_q ? data[1] : data[0];
      assign byte_data = word[8*sel_q +: 8];
      assign wide      = {{(LaneBits-8){signed_q & byte_data[7]}}, byte_data};
`ifdef TACTUS_FAULTS
      // Fault 2: row 1 takes the neighbouring byte of its bank. Fault 8: the zero point of row 0 is
      // one too high.
      logic [7:0]         wrong_byte;
      logic [LogBeat-1:0] wrong_sel;
      assign wrong_sel  = sel_q ^ LogBeat'(1);
      assign wrong_byte = word[8*wrong_sel +: 8];
      assign act_o[r*LaneBits +: LaneBits] = !valid_q ? '0 :
          (fault_i == 8'd2 && r == 1) ?
          {{(LaneBits-8){signed_q & wrong_byte[7]}}, wrong_byte} - zp_q :
          wide - zp_q - LaneBits'(fault_i == 8'd8 && r == 0);
`else
      assign act_o[r*LaneBits +: LaneBits] = valid_q ? wide - zp_q : '0;
`endif
      assign act_used_o[r] = valid_q;
    end
  endgenerate

endmodule
