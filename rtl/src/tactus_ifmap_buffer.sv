// SPDX-License-Identifier: Apache-2.0
// Ifmap buffer: one bank per array row with an offset of its own (weight-stationary: the position of
// the row's K unit in the kernel window; output-stationary: the row's pixel). The addresses of row 0
// (pixels, or K units) reach row r r cycles later, so activations enter the array skewed. A row
// without K unit or pixel gives 0 and reads nothing.

module tactus_ifmap_buffer #(
  parameter int ArrayRows = 16,
  parameter int OperandBits = 8,
  parameter int MultiWidth = 0,
  parameter int EdgeWords = 1,
  parameter int OutputStationary = 0,
  parameter int DataBits = 32,
  parameter int BankBytes = 1024,  // of one half
  parameter int WordBits = 9,
  parameter int MoreBits = 1,
  parameter int BeatBytes = DataBits / 8,
  parameter int LogData = $clog2(DataBits),
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
  input  logic [23:0]                   row_offset_i,
  input  logic [LogData-1:0]            row_window_i,   // first bit of the window in its bundle
  input  logic                          row_half_i,
  input  logic                          row_signed_i,
  input  logic                          row_bipolar_i,
  input  logic [2:0]                    row_pack_i,
  input  logic [5:0]                    row_mode_i,     // see tactus_pe
  input  logic [OperandBits:0]          row_zp_i,
  // pixels or K units of row 0
  input  logic                          pix_en_i,
  input  logic                          pix_swap_i,     // the first one of a fold
  input  logic                          pix_flush_i,    // the last cycle of an output-stationary fold
  input  logic [23:0]                   pix_addr_i,
  input  logic [LogData-1:0]            pix_window_i,
  // array edge
  output logic [ArrayRows-1:0]          act_swap_o,     // one cycle before the first act_en_o
  output logic [ArrayRows*6-1:0]        act_mode_o,     // with act_swap_o
  output logic [ArrayRows-1:0]          act_en_o,
  output logic [ArrayRows-1:0]          act_flush_o,
  output logic [ArrayRows-1:0]          act_used_o,     // the row has a K unit or a pixel
  output logic [ArrayRows*WordBits-1:0] act_o,
  output logic [ArrayRows*MoreBits-1:0] more_o,
  output logic [ArrayRows*8-1:0]        zeros_o         // zero operands, for the monitor
);

  localparam int LogBeat = $clog2(BeatBytes);
  localparam int Depth = BankBytes / BeatBytes;
  localparam int AddrBits = $clog2(Depth);
  localparam int StreamBits = 24 + ((OutputStationary != 0) ? LogData : 0);
  // Attributes: valid, half, offset, window, and what the edge does with the operands
  localparam int HowBits = 2 + 3 + 6 + OperandBits + 1;
  localparam int RowAttrBits = 2 + 24 + LogData + HowBits;

  logic [StreamBits-1:0] pix [ArrayRows];
  logic [ArrayRows-1:0] en, swap, en_q, swap_q;
  generate
    if (OutputStationary != 0) begin : gen_windows
      assign pix[0] = {pix_window_i, pix_addr_i};
    end else begin : gen_addresses
      assign pix[0] = pix_addr_i;
    end
  endgenerate
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

  generate
    if (OutputStationary != 0) begin : gen_flush
      logic [ArrayRows-1:0] flush_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          flush_q <= '0;
        end else begin
          flush_q <= {flush_q[ArrayRows-2:0], pix_flush_i};
        end
      end
      assign act_flush_o = flush_q;
    end else begin : gen_no_flush
      assign act_flush_o = '0;
    end
  endgenerate

  logic                 write;       // to some bank
  logic [ArrayRows-1:0] load_hit;
  assign write = load_we_i || post_we_i != '0;
  always_comb begin
    load_hit = '0;
    if (load_we_i) begin
      for (int i = 0; i < ArrayRows; i++) begin
        load_hit[i] = ((8'(i) ^ load_group_i) & load_mask_i) == 8'd0;
      end
    end
  end

  genvar r;
  generate
    for (r = 0; r < ArrayRows; r++) begin : gen_row
      if (r > 0) begin : gen_delay
        logic [StreamBits-1:0] pix_q;
        always_ff @(posedge clk_i) begin
          if (en[r-1]) begin
            pix_q <= pix[r-1];
          end
        end
        assign pix[r] = pix_q;
      end

      // Attributes of the fold that loads and of the fold that streams
      logic [RowAttrBits-1:0] next_q, attr_q, attr;
      always_ff @(posedge clk_i) begin
        if (row_we_i && row_index_i == RowBits'(r)) begin
          next_q <= {row_valid_i, row_half_i, row_window_i, row_offset_i, row_signed_i,
                     row_bipolar_i, row_pack_i, row_mode_i, row_zp_i};
        end
        if (swap[r]) begin
          attr_q <= next_q;
        end
      end
      assign attr = swap[r] ? next_q : attr_q;
      assign act_mode_o[r*6 +: 6] = next_q[OperandBits+1 +: 6];

      logic [23:0]        addr;
      logic [LogData-1:0] first_bit;
      logic               read, half;
      assign addr = pix[r][23:0] + attr[HowBits +: 24];
      assign half = attr[HowBits + 24 + LogData];
      assign read = en[r] && attr[HowBits + 25 + LogData];
      // A bundle is aligned to its size: its windows only change address bits that are 0.
      if (OutputStationary != 0) begin : gen_stream_window
        assign first_bit = {addr[LogBeat-1:0], 3'd0} | attr[HowBits + 24 +: LogData] |
                           pix[r][24 +: LogData];
      end else begin : gen_row_window
        assign first_bit = {addr[LogBeat-1:0], 3'd0} | attr[HowBits + 24 +: LogData];
      end

      logic [23:0] post_addr;
      always_comb begin
        post_addr = '0;
        if (write) begin
          post_addr = post_high_i[r] ? post_addr1_i : post_addr0_i;
        end
      end

      logic [DataBits-1:0] data [2];
      genvar h;
      for (h = 0; h < 2; h++) begin : gen_half
        tactus_bank_half #(
          .DataBits(DataBits),
          .Depth   (Depth),
          .Half    (h)
        ) u_bank (
          .clk_i      (clk_i),
          .write_i    (write),
          .load_we_i  (load_hit[r]),
          .load_half_i(load_half_i),
          .load_addr_i(load_addr_i[AddrBits-1:0]),
          .load_be_i  (load_be_i),
          .load_data_i(load_data_i),
          .post_we_i  (post_we_i[r]),
          .post_half_i(post_half_i),
          .post_addr_i(post_addr[LogBeat +: AddrBits]),
          .post_be_i  (post_be_i[r*BeatBytes +: BeatBytes]),
          .post_data_i(post_data_i[r*DataBits +: DataBits]),
          .read_i     (read),
          .re_i       (half == 1'(h)),
          .raddr_i    (addr[LogBeat +: AddrBits]),
          .rdata_o    (data[h])
        );
      end

      logic [LogData-1:0] sel_q;
      always_ff @(posedge clk_i) begin
        if (en[r]) begin
          sel_q <= first_bit;
        end
      end
      logic [DataBits-1:0]  word;
      logic [LogData-1:0]   sel;
      logic [OperandBits:0] zp;
      assign word = attr_q[HowBits + 24 + LogData] ? data[1] : data[0];
`ifdef TACTUS_FAULTS
      // Fault 2: row 1 takes the neighbouring byte of its bank. Fault 8: the zero point of row 0 is
      // one too high.
      assign sel = (fault_i == 8'd2 && r == 1) ? sel_q ^ LogData'(8) : sel_q;
      assign zp  = attr_q[OperandBits:0] + (OperandBits+1)'(fault_i == 8'd8 && r == 0);
`else
      assign sel = sel_q;
      assign zp  = attr_q[OperandBits:0];
`endif
      tactus_edge #(
        .OperandBits(OperandBits),
        .MultiWidth (MultiWidth),
        .EdgeWords  (EdgeWords),
        .DataBits   (DataBits),
        .WordBits   (WordBits),
        .MoreBits   (MoreBits)
      ) u_edge (
        .en_i        (en_q[r] && act_used_o[r]),
        .data_i      (word),
        .sel_i       (sel),
        .pack_i      (attr_q[OperandBits+7 +: 3]),
        .log2_lanes_i(attr_q[OperandBits+1 +: 3]),
        .log2_m_i    (attr_q[OperandBits+4 +: 2]),
        .signed_i    (attr_q[OperandBits+11]),
        .bipolar_i   (attr_q[OperandBits+10]),
        .zp_i        (zp),
        .act_o       (act_o[r*WordBits +: WordBits]),
        .more_o      (more_o[r*MoreBits +: MoreBits]),
        .zeros_o     (zeros_o[r*8 +: 8])
      );
      assign act_used_o[r] = attr_q[HowBits + 25 + LogData];
    end
  endgenerate

endmodule
