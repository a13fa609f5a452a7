// SPDX-License-Identifier: Apache-2.0
// The lane products of a PE and their sum. Every mode has an arm of its own, so that a simulation
// evaluates one of them and the multipliers of the others see constant operands.

`define TACTUS_LANE(k) l*((OperandBits >> k) + 1) +: ((OperandBits >> k) + 1)
`define TACTUS_DENSE(k) \
  for (int l = 0; l < (1 << k) && (1 << k) <= OperandBits; l++) begin \
    sum_o = sum_o + SumBits'($signed(act_i[`TACTUS_LANE(k)])) * \
                    SumBits'($signed(weight_i[`TACTUS_LANE(k)])); \
  end
`define TACTUS_CHOOSE(k) \
  for (int l = 0; l < (1 << k) && (1 << k) <= OperandBits; l++) begin \
    sum_o = sum_o + SumBits'($signed(words[WordBits * 32'(weight_i[WordBits + l*IndexBits +: \
                                           IndexBits]) + `TACTUS_LANE(k)])) * \
                    SumBits'($signed(weight_i[`TACTUS_LANE(k)])); \
  end

module tactus_pe_lanes #(
  parameter int OperandBits = 8,
  parameter int MultiWidth = 0,
  parameter int EdgeWords = 1,
  parameter int WordBits = 9,
  parameter int MoreBits = 1,
  parameter int WeightBits = 9,
  parameter int SumBits = 32
) (
  input  logic                      en_i,
  input  logic [4:0]                mode_i,   // log2 lanes, log2 M
  input  logic [WordBits-1:0]       act_i,
  input  logic [MoreBits-1:0]       more_i,
  input  logic [WeightBits-1:0]     weight_i,
  output logic signed [SumBits-1:0] sum_o
);

  generate
    if (EdgeWords > 1) begin : gen_choose
      localparam int IndexBits = $clog2(EdgeWords);
      logic [EdgeWords*WordBits-1:0] words;
      assign words = {more_i, act_i};
      if (MultiWidth != 0) begin : gen_multi
        always_comb begin
          sum_o = '0;
          if (en_i) begin
            case ({mode_i[4:3] != 2'd0, mode_i[2:0]})
              4'd0:  `TACTUS_DENSE(0)
              4'd1:  `TACTUS_DENSE(1)
              4'd2:  `TACTUS_DENSE(2)
              4'd3:  `TACTUS_DENSE(3)
              4'd4:  `TACTUS_DENSE(4)
              4'd8:  `TACTUS_CHOOSE(0)
              4'd9:  `TACTUS_CHOOSE(1)
              4'd10: `TACTUS_CHOOSE(2)
              4'd11: `TACTUS_CHOOSE(3)
              default: `TACTUS_CHOOSE(4)
            endcase
          end
        end
      end else begin : gen_fixed
        always_comb begin
          sum_o = '0;
          if (en_i) begin
            if (mode_i[4:3] == 2'd0) begin
              `TACTUS_DENSE(0)
            end else begin
              `TACTUS_CHOOSE(0)
            end
          end
        end
      end
    end else if (MultiWidth != 0) begin : gen_multi
      always_comb begin
        sum_o = '0;
        if (en_i) begin
          case (mode_i[2:0])
            3'd0:    `TACTUS_DENSE(0)
            3'd1:    `TACTUS_DENSE(1)
            3'd2:    `TACTUS_DENSE(2)
            3'd3:    `TACTUS_DENSE(3)
            default: `TACTUS_DENSE(4)
          endcase
        end
      end
    end else begin : gen_fixed
      always_comb begin
        sum_o = '0;
        if (en_i) begin
          `TACTUS_DENSE(0)
        end
      end
    end
  endgenerate

endmodule
