// SPDX-License-Identifier: Apache-2.0
// Weight buffer: one bank of operands per column. Column c sees the row reads of column 0 c cycles
// later, so weights meet the wave in the array without skew registers. The zero point is subtracted
// behind the memory; a row without K element and a column that is not in use give 0.

module tactus_weight_buffer #(
  parameter int ArrayCols = 16,
  parameter int DataBits = 32,
  parameter int WeightRows = 64,
  parameter int LaneBits = 9,
  parameter int AddrBits = $clog2(2 * WeightRows)
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  // load: beats inside a half
  input  logic                          load_we_i,
  input  logic                          load_half_i,
  input  logic [23:0]                   load_addr_i,
  input  logic [DataBits-1:0]           load_data_i,
  // column 0: address in one cycle, the rest with the data in the next
  input  logic                          rd_en_i,
  input  logic                          rd_half_i,
  input  logic [19:0]                   rd_row_i,
  input  logic                          wave_i,    // a row goes into the shadow registers
  input  logic                          valid_i,   // the row has a K element
  input  logic                          signed_i,
  input  logic [LaneBits-1:0]           zp_i,
  input  logic [8:0]                    cols_i,
  output logic [ArrayCols*LaneBits-1:0] weight_o
);

  localparam int BeatBytes = DataBits / 8;
  localparam int RowParts = ArrayCols / BeatBytes;
  localparam int LogParts = (RowParts > 1) ? $clog2(RowParts) : 1;

  logic [AddrBits-1:0] load_row;
  logic [LogParts-1:0] load_part;
  generate
    if (RowParts > 1) begin : gen_parts
      assign load_row  = AddrBits'(load_addr_i >> LogParts) +
                         (load_half_i ? AddrBits'(WeightRows) : '0);
      assign load_part = load_addr_i[LogParts-1:0];
    end else begin : gen_row
      assign load_row  = AddrBits'(load_addr_i) + (load_half_i ? AddrBits'(WeightRows) : '0);
      assign load_part = '0;
    end
  endgenerate

  // Address and attributes as column c sees them.
  logic [AddrBits-1:0] addr  [ArrayCols];
  logic [ArrayCols-1:0] en, wave, valid, sgn;
  logic [LaneBits-1:0] zp    [ArrayCols];
  logic [8:0]          cols  [ArrayCols];
  logic [ArrayCols-1:0] en_q, wave_q, valid_q, sgn_q;  // one column further

  assign addr[0] = AddrBits'(rd_row_i) + (rd_half_i ? AddrBits'(WeightRows) : '0);
  assign zp[0]   = zp_i;
  assign cols[0] = cols_i;
  assign en      = {en_q[ArrayCols-2:0], rd_en_i};
  assign wave    = {wave_q[ArrayCols-2:0], wave_i};
  assign valid   = {valid_q[ArrayCols-2:0], valid_i};
  assign sgn     = {sgn_q[ArrayCols-2:0], signed_i};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      en_q    <= '0;
      wave_q  <= '0;
      valid_q <= '0;
      sgn_q   <= '0;
    end else begin
      en_q    <= en;
      wave_q  <= wave;
      valid_q <= valid;
      sgn_q   <= sgn;
    end
  end

  genvar c;
  generate
    for (c = 0; c < ArrayCols; c++) begin : gen_col
      if (c > 0) begin : gen_delay
        logic [AddrBits-1:0] addr_q;
        logic [LaneBits-1:0] zp_q;
        logic [8:0]          cols_q;
        always_ff @(posedge clk_i) begin
          if (en[c-1]) begin
            addr_q <= addr[c-1];
          end
          if (wave[c-1]) begin
            zp_q   <= zp[c-1];
            cols_q <= cols[c-1];
          end
        end
        assign addr[c] = addr_q;
        assign zp[c]   = zp_q;
        assign cols[c] = cols_q;
      end

      logic [7:0] byte_data;
      tactus_ram_1r1w #(
        .Width(8),
        .Depth(2 * WeightRows)
      ) u_bank (
        .clk_i  (clk_i),
        .we_i   (load_we_i && load_part == LogParts'(c / BeatBytes)),
        .waddr_i(load_row),
        .wdata_i(load_data_i[8*(c % BeatBytes) +: 8]),
        .re_i   (en[c]),
        .raddr_i(addr[c]),
        .rdata_o(byte_data)
      );

      logic [LaneBits-1:0] wide;
      assign wide = {{(LaneBits-8){sgn[c] & byte_data[7]}}, byte_data};
      assign weight_o[c*LaneBits +: LaneBits] =
          (valid[c] && cols[c] > 9'(c)) ? wide - zp[c] : '0;
    end
  endgenerate

endmodule
