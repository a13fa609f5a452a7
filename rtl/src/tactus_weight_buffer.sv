// SPDX-License-Identifier: Apache-2.0
// Weight and index buffer: a bank of operand words per column each. Column c sees the reads of
// column 0 c cycles later, so weights meet the wave in the array without skew registers. A row
// without K unit and a column that is not in use give 0.

module tactus_weight_buffer #(
  parameter int ArrayCols = 16,
  parameter int OperandBits = 8,
  parameter int MultiWidth = 0,
  parameter int EdgeWords = 1,
  parameter int DataBits = 32,
  parameter int WeightRows = 64,
  parameter int IndexRows = 64,
  parameter int WordBits = 9,
  parameter int WeightBits = 9
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  // load: beats inside a half
  input  logic                            load_we_i,
  input  logic                            load_index_we_i,
  input  logic                            load_half_i,
  input  logic [23:0]                     load_addr_i,
  input  logic [DataBits-1:0]             load_data_i,
  // column 0: addresses in one cycle, the rest with the data in the next
  input  logic                            rd_en_i,
  input  logic                            rd_half_i,
  input  logic [23:0]                     rd_row_i,
  input  logic [23:0]                     rd_index_row_i,
  input  logic                            wave_i,    // weights for the array
  input  logic                            valid_i,   // there is a K unit
  input  logic [3:0]                      shift_i,   // first bit of the unit in its words
  input  logic [3:0]                      index_shift_i,
  input  logic [2:0]                      pack_i,    // log2 of the operands in a word
  input  logic [2:0]                      log2_lanes_i,
  input  logic [1:0]                      log2_m_i,
  input  logic                            signed_i,
  input  logic                            bipolar_i,
  input  logic [OperandBits:0]            zp_i,
  input  logic [8:0]                      cols_i,
  output logic [ArrayCols*WeightBits-1:0] weight_o
);

  localparam int RowParts = ArrayCols * OperandBits / DataBits;
  localparam int LogParts = (RowParts > 1) ? $clog2(RowParts) : 1;
  localparam int PartWords = DataBits / OperandBits;
  localparam int AddrBits = $clog2(2 * WeightRows);
  localparam int IndexAddrBits = $clog2(2 * IndexRows);
  // Everything that goes with the data, in one shift register
  localparam int HowBits = 1 + 4 + 4 + 3 + 3 + 2 + 1 + 1 + OperandBits + 1 + 9;

  logic [23:0]         load_row;
  logic [LogParts-1:0] load_part;
  generate
    if (RowParts > 1) begin : gen_parts
      assign load_row  = load_addr_i >> LogParts;
      assign load_part = load_addr_i[LogParts-1:0];
    end else begin : gen_row
      assign load_row  = load_addr_i;
      assign load_part = '0;
    end
  endgenerate

  // Address and attributes as column c sees them.
  logic [AddrBits-1:0]  addr [ArrayCols];
  logic [HowBits-1:0]   how  [ArrayCols];
  logic [ArrayCols-1:0] en, wave, en_q, wave_q;   // _q: one column further

  assign addr[0] = AddrBits'(rd_row_i) + (rd_half_i ? AddrBits'(WeightRows) : '0);
  assign how[0]  = {valid_i, shift_i, index_shift_i, pack_i, log2_lanes_i, log2_m_i, signed_i,
                    bipolar_i, zp_i, cols_i};
  assign en      = {en_q[ArrayCols-2:0], rd_en_i};
  assign wave    = {wave_q[ArrayCols-2:0], wave_i};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      en_q   <= '0;
      wave_q <= '0;
    end else begin
      en_q   <= en;
      wave_q <= wave;
    end
  end

  genvar c;
  generate
    for (c = 0; c < ArrayCols; c++) begin : gen_col
      if (c > 0) begin : gen_delay
        logic [AddrBits-1:0] addr_q;
        logic [HowBits-1:0]  how_q;
        always_ff @(posedge clk_i) begin
          if (en[c-1]) begin
            addr_q <= addr[c-1];
          end
          if (wave[c-1]) begin
            how_q <= how[c-1];
          end
        end
        assign addr[c] = addr_q;
        assign how[c]  = how_q;
      end

      logic [OperandBits-1:0] word;
      tactus_ram_1r1w #(
        .Width(OperandBits),
        .Depth(2 * WeightRows)
      ) u_bank (
        .clk_i  (clk_i),
        .we_i   (load_we_i && load_part == LogParts'(c / PartWords)),
        .waddr_i(AddrBits'(load_row) + (load_half_i ? AddrBits'(WeightRows) : '0)),
        .wdata_i(load_data_i[OperandBits*(c % PartWords) +: OperandBits]),
        .re_i   (en[c]),
        .raddr_i(addr[c]),
        .rdata_o(word)
      );

      tactus_weight_lanes #(
        .OperandBits(OperandBits),
        .MultiWidth (MultiWidth),
        .EdgeWords  (EdgeWords),
        .WordBits   (WordBits),
        .WeightBits (WeightBits)
      ) u_lanes (
        .active_i     (wave != '0),
        .en_i         (wave[c] && how[c][HowBits-1] && how[c][8:0] > 9'(c)),
        .word_i       (word),
        .shift_i      (how[c][OperandBits+24 +: 4]),
        .index_i      (index[c]),
        .index_shift_i(how[c][OperandBits+20 +: 4]),
        .pack_i       (how[c][OperandBits+17 +: 3]),
        .log2_lanes_i (how[c][OperandBits+14 +: 3]),
        .log2_m_i     (how[c][OperandBits+12 +: 2]),
        .signed_i     (how[c][OperandBits+11]),
        .bipolar_i    (how[c][OperandBits+10]),
        .zp_i         (how[c][9 +: OperandBits+1]),
        .weight_o     (weight_o[c*WeightBits +: WeightBits])
      );
    end
  endgenerate

  // Index banks, read in the cycles of the weight banks
  logic [OperandBits-1:0] index [ArrayCols];
  generate
    if (EdgeWords > 1) begin : gen_index
      logic [IndexAddrBits-1:0] index_addr [ArrayCols];
      assign index_addr[0] = IndexAddrBits'(rd_index_row_i) +
                             (rd_half_i ? IndexAddrBits'(IndexRows) : '0);
      for (c = 0; c < ArrayCols; c++) begin : gen_col
        if (c > 0) begin : gen_delay
          logic [IndexAddrBits-1:0] addr_q;
          always_ff @(posedge clk_i) begin
            if (en[c-1]) begin
              addr_q <= index_addr[c-1];
            end
          end
          assign index_addr[c] = addr_q;
        end
        tactus_ram_1r1w #(
          .Width(OperandBits),
          .Depth(2 * IndexRows)
        ) u_bank (
          .clk_i  (clk_i),
          .we_i   (load_index_we_i && load_part == LogParts'(c / PartWords)),
          .waddr_i(IndexAddrBits'(load_row) + (load_half_i ? IndexAddrBits'(IndexRows) : '0)),
          .wdata_i(load_data_i[OperandBits*(c % PartWords) +: OperandBits]),
          .re_i   (en[c]),
          .raddr_i(index_addr[c]),
          .rdata_o(index[c])
        );
      end
    end else begin : gen_no_index
      for (c = 0; c < ArrayCols; c++) begin : gen_col
        assign index[c] = '0;
      end
    end
  endgenerate

endmodule
