// SPDX-License-Identifier: Apache-2.0
// Array edge of a row: selects a window of a bundle from a beat and lays its operands out for the
// PEs (models/README.md, "Operands"). Element l*M + i of the window is candidate i of lane l and goes
// to word i, lane l. Operands are extended and the zero point is subtracted here.

`define TACTUS_SPREAD(k, c) \
  for (int l = 0; l < (1 << k) && (1 << k) <= OperandBits; l++) begin \
    for (int i = 0; i < (1 << c) && (1 << c) <= EdgeWords; i++) begin \
      value = operand(OperandBits'(window >> ((l * (1 << c) + i) << log2_width))); \
      words[i*WordBits + l*((OperandBits >> k) + 1) +: (OperandBits >> k) + 1] = \
          value[OperandBits >> k : 0]; \
      zeros_o = zeros_o + 8'(value == '0); \
    end \
  end
`define TACTUS_SPREAD_LANES(k) \
  case (log2_m_i) \
    2'd0:    `TACTUS_SPREAD(k, 0) \
    2'd1:    `TACTUS_SPREAD(k, 1) \
    2'd2:    `TACTUS_SPREAD(k, 2) \
    default: `TACTUS_SPREAD(k, 3) \
  endcase

module tactus_edge #(
  parameter int OperandBits = 8,
  parameter int MultiWidth = 0,
  parameter int EdgeWords = 1,
  parameter int DataBits = 32,
  parameter int WordBits = 9,
  parameter int MoreBits = 1,
  parameter int LogData = $clog2(DataBits)
) (
  input  logic                 en_i,         // 0: all operands are 0
  input  logic [DataBits-1:0]  data_i,
  input  logic [LogData-1:0]   sel_i,        // first bit of the window
  input  logic [2:0]           pack_i,       // log2 of the operands in a word
  input  logic [2:0]           log2_lanes_i,
  input  logic [1:0]           log2_m_i,
  input  logic                 signed_i,
  input  logic                 bipolar_i,
  input  logic [OperandBits:0] zp_i,
  output logic [WordBits-1:0]  act_o,
  output logic [MoreBits-1:0]  more_o,
  output logic [7:0]           zeros_o       // zero operands, for the monitor
);

  localparam int LogWord = $clog2(OperandBits);
  localparam int EdgeBits = OperandBits * EdgeWords;

  logic [EdgeBits-1:0]           window;
  logic [EdgeWords*WordBits-1:0] words;
  assign act_o  = words[WordBits-1:0];
  generate
    if (EdgeWords > 1) begin : gen_more
      assign more_o = words[EdgeWords*WordBits-1:WordBits];
    end else begin : gen_one
      assign more_o = '0;
    end

    if (MultiWidth != 0 && OperandBits == 8) begin : gen_8
      logic [19:0] laid;
      always_comb begin
        window  = '0;
        words   = '0;
        laid    = '0;
        zeros_o = 8'd0;
        if (en_i) begin
          window = EdgeBits'(data_i >> sel_i);
          for (int i = 0; i < EdgeWords; i++) begin
            if (4'(i) < (4'd1 << log2_m_i)) begin
              laid = tactus_arith_pkg::lanes8(log2_lanes_i, log2_m_i, 3'(i), 64'(window),
                                              3'd3 - pack_i, signed_i, bipolar_i, zp_i[8:0]);
              words[i*WordBits +: 16] = laid[15:0];
              zeros_o = zeros_o + 8'(laid[19:16]);
            end
          end
        end
      end
    end else if (MultiWidth != 0) begin : gen_multi
      logic [2:0]             log2_width;
      logic [OperandBits-1:0] mask, sign_bit;
      logic [OperandBits:0]   bias, value;
      assign log2_width = 3'(LogWord) - pack_i;
      assign mask       = ~({OperandBits{1'b1}} << (5'd1 << log2_width));
      assign sign_bit   = (signed_i && !bipolar_i) ? (mask ^ (mask >> 1)) : '0;
      assign bias       = bipolar_i ? (OperandBits+1)'(1) : zp_i;

      function automatic logic [OperandBits:0] operand(input logic [OperandBits-1:0] field);
        operand = ((({1'b0, (field & mask) ^ sign_bit} - {1'b0, sign_bit})) << bipolar_i) - bias;
      endfunction

      always_comb begin
        window  = '0;
        words   = '0;
        value   = '0;
        zeros_o = 8'd0;
        if (en_i) begin
          window = EdgeBits'(data_i >> sel_i);
          case (log2_lanes_i)
            3'd0:    `TACTUS_SPREAD_LANES(0)
            3'd1:    `TACTUS_SPREAD_LANES(1)
            3'd2:    `TACTUS_SPREAD_LANES(2)
            3'd3:    `TACTUS_SPREAD_LANES(3)
            default: `TACTUS_SPREAD_LANES(4)
          endcase
        end
      end
    end else begin : gen_fixed
      always_comb begin
        window  = '0;
        words   = '0;
        zeros_o = 8'd0;
        if (en_i) begin
          window = data_i[{sel_i[LogData-1:LogWord], {LogWord{1'b0}}} +: EdgeBits];
          for (int i = 0; i < EdgeWords; i++) begin
            if (i == 0 || log2_m_i > 2'($clog2(i + 1) - 1)) begin
              words[i*WordBits +: WordBits] =
                  {signed_i & window[(i+1)*OperandBits - 1], window[i*OperandBits +: OperandBits]} -
                  zp_i;
              zeros_o = zeros_o + 8'(words[i*WordBits +: WordBits] == '0);
            end
          end
        end
      end
    end
  endgenerate

endmodule
