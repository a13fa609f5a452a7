// SPDX-License-Identifier: Apache-2.0
// A column's operands of one K unit: its field of the weight word, extended and without the zero
// point, lane l in bits l*(m+1) on (m = OperandBits >> log2_lanes_i); above them the lanes' indices.

`define TACTUS_PLACE(k) \
  for (int l = 0; l < (1 << k) && (1 << k) <= OperandBits; l++) begin \
    value = operand(OperandBits'(field >> (l << log2_width))); \
    weight_o[l*((OperandBits >> k) + 1) +: (OperandBits >> k) + 1] = value[OperandBits >> k : 0]; \
  end

module tactus_weight_lanes #(
  parameter int OperandBits = 8,
  parameter int MultiWidth = 0,
  parameter int EdgeWords = 1,
  parameter int WordBits = 9,
  parameter int WeightBits = 9
) (
  input  logic                   active_i,      // some column has weights
  input  logic                   en_i,          // 0: all weights are 0
  input  logic [OperandBits-1:0] word_i,
  input  logic [3:0]             shift_i,       // first bit of the unit
  input  logic [OperandBits-1:0] index_i,
  input  logic [3:0]             index_shift_i,
  input  logic [2:0]             pack_i,        // log2 of the operands in a word
  input  logic [2:0]             log2_lanes_i,
  input  logic [1:0]             log2_m_i,
  input  logic                   signed_i,
  input  logic                   bipolar_i,
  input  logic [OperandBits:0]   zp_i,
  output logic [WeightBits-1:0]  weight_o
);

  localparam int LogWord = $clog2(OperandBits);
  localparam int MaxLanes = (MultiWidth != 0) ? OperandBits : 1;
  localparam int IndexBits = (EdgeWords > 1) ? $clog2(EdgeWords) : 1;

  generate
    if (MultiWidth != 0 && OperandBits == 8) begin : gen_8
      logic [7:0]  field, indices, index;
      logic [19:0] laid;
      always_comb begin
        weight_o = '0;
        field    = '0;
        indices  = '0;
        index    = '0;
        laid     = '0;
        if (active_i && en_i) begin
          field          = word_i >> shift_i;
          laid           = tactus_arith_pkg::lanes8(log2_lanes_i, 2'd0, 3'd0, 64'(field),
                                                    3'd3 - pack_i, signed_i, bipolar_i,
                                                    zp_i[8:0]);
          weight_o[15:0] = laid[15:0];
          if (EdgeWords > 1 && log2_m_i != 2'd0) begin
            indices = index_i >> index_shift_i;
            for (int l = 0; l < MaxLanes && EdgeWords > 1; l++) begin
              index = (indices >> (l << (log2_m_i - 2'd1))) & ~({OperandBits{1'b1}} << log2_m_i);
              weight_o[WordBits + l*IndexBits +: IndexBits] = index[IndexBits-1:0];
            end
          end
        end
      end
    end else if (MultiWidth != 0 || EdgeWords > 1) begin : gen_lanes
      logic [2:0]             log2_width;
      logic [OperandBits-1:0] mask, sign_bit, field, indices, index;
      logic [OperandBits:0]   bias, value;
      assign log2_width = 3'(LogWord) - pack_i;
      assign mask       = ~({OperandBits{1'b1}} << (5'd1 << log2_width));
      assign sign_bit   = (signed_i && !bipolar_i) ? (mask ^ (mask >> 1)) : '0;
      assign bias       = bipolar_i ? (OperandBits+1)'(1) : zp_i;

      function automatic logic [OperandBits:0] operand(input logic [OperandBits-1:0] bits);
        operand = ((({1'b0, (bits & mask) ^ sign_bit} - {1'b0, sign_bit})) << bipolar_i) - bias;
      endfunction

      always_comb begin
        weight_o = '0;
        field    = '0;
        indices  = '0;
        index    = '0;
        value    = '0;
        if (active_i && en_i) begin
          field = word_i >> shift_i;
          case (log2_lanes_i)
            3'd0:    `TACTUS_PLACE(0)
            3'd1:    `TACTUS_PLACE(1)
            3'd2:    `TACTUS_PLACE(2)
            3'd3:    `TACTUS_PLACE(3)
            default: `TACTUS_PLACE(4)
          endcase
          if (EdgeWords > 1 && log2_m_i != 2'd0) begin
            indices = index_i >> index_shift_i;
            for (int l = 0; l < MaxLanes && EdgeWords > 1; l++) begin
              index = (indices >> (l << (log2_m_i - 2'd1))) & ~({OperandBits{1'b1}} << log2_m_i);
              weight_o[WordBits + l*IndexBits +: IndexBits] = index[IndexBits-1:0];
            end
          end
        end
      end
    end else begin : gen_word
      always_comb begin
        weight_o = '0;
        if (active_i && en_i) begin
          weight_o = {signed_i & word_i[OperandBits-1], word_i} - zp_i;
        end
      end
    end
  endgenerate

endmodule
