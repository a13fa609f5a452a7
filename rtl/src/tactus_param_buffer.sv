// SPDX-License-Identifier: Apache-2.0
// Parameter buffer: 256-bit records. The halves are the two parts of one memory, because only the
// load unit writes it and only the post-processor reads it.

module tactus_param_buffer #(
  parameter int DataBits = 32,
  parameter int ParamRecords = 32,
  parameter int AddrBits = $clog2(2 * ParamRecords)
) (
  input  logic                clk_i,
  input  logic                load_we_i,
  input  logic                load_half_i,
  input  logic [23:0]         load_addr_i,   // beats inside a half
  input  logic [DataBits-1:0] load_data_i,
  input  logic                rd_en_i,
  input  logic                rd_half_i,
  input  logic [15:0]         rd_record_i,
  output logic [255:0]        rd_data_o
);

  localparam int Parts = 256 / DataBits;
  localparam int LogParts = (Parts > 1) ? $clog2(Parts) : 1;

  logic [AddrBits-1:0] load_record, rd_addr;
  logic [LogParts-1:0] load_part;
  generate
    if (Parts > 1) begin : gen_parts
      assign load_record = AddrBits'(load_addr_i >> LogParts) +
                           (load_half_i ? AddrBits'(ParamRecords) : '0);
      assign load_part   = load_addr_i[LogParts-1:0];
    end else begin : gen_record
      assign load_record = AddrBits'(load_addr_i) + (load_half_i ? AddrBits'(ParamRecords) : '0);
      assign load_part   = '0;
    end
  endgenerate
  assign rd_addr = AddrBits'(rd_record_i) + (rd_half_i ? AddrBits'(ParamRecords) : '0);

  genvar p;
  generate
    for (p = 0; p < Parts; p++) begin : gen_part
      tactus_ram_1r1w #(
        .Width(DataBits),
        .Depth(2 * ParamRecords)
      ) u_ram (
        .clk_i  (clk_i),
        .we_i   (load_we_i && load_part == LogParts'(p)),
        .waddr_i(load_record),
        .wdata_i(load_data_i),
        .re_i   (rd_en_i),
        .raddr_i(rd_addr),
        .rdata_o(rd_data_o[p*DataBits +: DataBits])
      );
    end
  endgenerate

endmodule
