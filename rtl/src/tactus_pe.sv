// SPDX-License-Identifier: Apache-2.0
// One processing element. Weight-stationary: psum_o = psum_i + lane sum, one cycle later, with a
// weight that waited in a shadow register until swap_i. Output-stationary: weights come from above
// and go down, the lane sum goes to an accumulator; flush_i moves it to psum_o, drain_i moves
// psum_o down. The lane sum is the sum over lanes of candidate(index) * weight.
// act_i: EdgeWords words of WordBits, the first one apart; word i has candidate i of every lane, lane
// l in bits l*(m+1) on, m = OperandBits >> mode_i[2:0]. weight_i: a word and, above it, the indices.

module tactus_pe #(
  parameter int OperandBits = 8,
  parameter int MultiWidth = 0,
  parameter int EdgeWords = 1,
  parameter int OutputStationary = 0,
  parameter int ZeroGating = 0,
  parameter int AccBits = 32,
  parameter int AccOverflow = 0,
  parameter int WordBits = 9,
  parameter int MoreBits = 1,    // words behind the first one; 1 (unused) with EdgeWords = 1
  parameter int WeightBits = 9,
  parameter int ChainBits = 22
) (
  input  logic                        clk_i,
  input  logic                        en_i,
  input  logic                        any_i,     // one of the next four
  input  logic                        swap_i,
  input  logic                        wen_i,
  input  logic                        flush_i,
  input  logic                        drain_i,
  input  logic [5:0]                  mode_i,    // with swap_i: log2 lanes, log2 M, output-stationary
  output logic [5:0]                  mode_o,
  input  logic [WordBits-1:0]         act_i,
  output logic [WordBits-1:0]         act_o,
  input  logic [MoreBits-1:0]         more_i,
  output logic [MoreBits-1:0]         more_o,
  input  logic [WeightBits-1:0]       weight_i,  // of the column
  input  logic [WeightBits-1:0]       above_i,   // of the PE above
  output logic [WeightBits-1:0]       below_o,
  input  logic signed [ChainBits-1:0] psum_i,
`ifdef TACTUS_MONITOR
  // Counts that travel with the sums: overflows of accumulators, products with a zero operand
  input  logic                        used_i,
  output logic                        used_o,
  input  logic [31:0]                 overflows_i,
  output logic [31:0]                 overflows_o,
  input  logic [31:0]                 gated_i,
  output logic [31:0]                 gated_o,
`endif
  output logic signed [ChainBits-1:0] psum_o
);

  localparam int LaneBits = OperandBits + 1;
  localparam int Plain = (MultiWidth == 0 && EdgeWords == 1 && OutputStationary == 0) ? 1 : 0;

  logic [WordBits-1:0]         act_q;
  logic [WeightBits-1:0]       shadow_q, weight_q;
  logic signed [ChainBits-1:0] psum_q;
  logic [WeightBits-1:0]       weight;       // that multiplies
  logic                        stationary;   // output-stationary
  assign act_o   = act_q;
  assign below_o = shadow_q;
  assign psum_o  = psum_q;

  generate
    if (Plain != 0) begin : gen_plain
      // Host integers make a fast simulation, and synthesis trims them.
      localparam int HostBits = (ChainBits <= 32) ? 32 : 64;
      always_ff @(posedge clk_i) begin
        if (en_i) begin
          act_q  <= act_i;
          psum_q <= psum_i + ChainBits'(HostBits'($signed(act_i)) * HostBits'($signed(weight_q)));
        end
        if (any_i) begin
          if (swap_i) begin
            weight_q <= shadow_q;
          end
          if (wen_i) begin
            shadow_q <= weight_i;
          end
        end
      end
      assign mode_o     = 6'd0;
      assign more_o     = '0;
      assign weight     = weight_q;
      assign stationary = 1'b0;
    end else begin : gen_modes
      // Wide enough for every mode; host integers make a fast simulation and synthesis trims them.
      localparam int SumBits = (2 * LaneBits <= 32) ? 32 : 64;
      localparam int WideBits = ((AccBits > SumBits) ? AccBits : SumBits) + 1;
      localparam logic signed [WideBits-1:0] AccMax = (WideBits'(1) << (AccBits - 1)) - 1;
      logic [5:0]                 mode_q;
      logic [MoreBits-1:0]        more_q;
      logic signed [AccBits-1:0]  acc_q;
      assign mode_o     = mode_q;
      assign more_o     = more_q;
      assign stationary = (OutputStationary != 0) && mode_q[5];
      assign weight     = stationary ? above_i : weight_q;

      // 8-bit words of several widths and up to four candidates are chosen and multiplied in the
      // process below, others in a module. An index has Stride bits, at most 2.
      localparam int Fast = (OperandBits == 8 && MultiWidth != 0 && EdgeWords <= 4) ? 1 : 0;
      localparam int Stride = $clog2(EdgeWords);
      localparam logic [1:0] IndexMask = 2'(EdgeWords - 1);
      logic signed [SumBits-1:0] lanes;
      if (Fast != 0) begin : gen_function
        assign lanes = '0;
      end else begin : gen_lanes
        tactus_pe_lanes #(
          .OperandBits(OperandBits),
          .MultiWidth (MultiWidth),
          .EdgeWords  (EdgeWords),
          .WordBits   (WordBits),
          .MoreBits   (MoreBits),
          .WeightBits (WeightBits),
          .SumBits    (SumBits)
        ) u_lanes (
          .en_i    (en_i),
          .mode_i  (mode_q[4:0]),
          .act_i   (act_i),
          .more_i  (more_i),
          .weight_i(weight),
          .sum_o   (lanes)
        );
      end

`ifdef TACTUS_MONITOR
      logic [31:0] count_q, overflows_q;
`endif

      // One process, so that a simulation asks for each control bit once. Values within a cycle are
      // set before they are used on every path: Verilator then keeps them in host registers.
      always_ff @(posedge clk_i) begin : step
        logic [31:0]                operands;
        logic [15:0]                chosen;
        logic [63:0]                words;
        logic signed [SumBits-1:0]  sum;
        logic signed [WideBits-1:0] wide;
        logic signed [AccBits-1:0]  acc;
        logic                       overflow;
`ifdef TACTUS_MONITOR
        logic [31:0]                count;
        count    = count_q;
`endif
        operands = 32'd0;
        chosen   = 16'd0;
        words    = 64'd0;
        sum      = '0;
        wide     = '0;
        acc      = acc_q;
        overflow = 1'b0;
        if (en_i) begin
          act_q <= act_i;
          if (Fast != 0) begin
            operands = 32'(stationary ? above_i : weight_q);
            chosen   = 16'(act_i);
            if (mode_q[4:3] != 2'd0) begin
              // Lane by lane, the word of the candidate that its index names
              words  = {48'(more_i), 16'(act_i)};
              chosen = 16'd0;
              case (mode_q[2:0])
                3'd0: chosen[8:0] = 9'(words >> {operands[16 +: 2] & IndexMask, 4'd0});
                3'd1: begin
                  for (int l = 0; l < 2; l++) begin
                    chosen[5*l +: 5] = 5'(words >> ({operands[16 + l*Stride +: 2] & IndexMask,
                                                     4'd0} + 6'(5 * l)));
                  end
                end
                3'd2: begin
                  for (int l = 0; l < 4; l++) begin
                    chosen[3*l +: 3] = 3'(words >> ({operands[16 + l*Stride +: 2] & IndexMask,
                                                     4'd0} + 6'(3 * l)));
                  end
                end
                default: begin
                  for (int l = 0; l < 8; l++) begin
                    chosen[2*l +: 2] = 2'(words >> ({operands[16 + l*Stride +: 2] & IndexMask,
                                                     4'd0} + 6'(2 * l)));
                  end
                end
              endcase
            end
            // 1, 2, 4 or 8 products
            case (mode_q[2:0])
              3'd0: sum = SumBits'(32'($signed(chosen[8:0])) * 32'($signed(operands[8:0])));
              3'd1: begin
                for (int l = 0; l < 2; l++) begin
                  sum = sum + SumBits'(32'($signed(chosen[5*l +: 5])) *
                                       32'($signed(operands[5*l +: 5])));
                end
              end
              3'd2: begin
                for (int l = 0; l < 4; l++) begin
                  sum = sum + SumBits'(32'($signed(chosen[3*l +: 3])) *
                                       32'($signed(operands[3*l +: 3])));
                end
              end
              default: begin
                for (int l = 0; l < 8; l++) begin
                  sum = sum + SumBits'(32'($signed(chosen[2*l +: 2])) *
                                       32'($signed(operands[2*l +: 2])));
                end
              end
            endcase
          end else begin
            sum = lanes;
          end
          if (EdgeWords > 1 && mode_q[4:3] != 2'd0) begin
            more_q <= more_i;
          end
          if (stationary) begin
            wide     = WideBits'(acc_q) + WideBits'(sum);
            overflow = wide > AccMax || wide < -AccMax - 1;
            acc      = wide[AccBits-1:0];
            if (AccOverflow == 1 && overflow) begin
              acc = {wide[WideBits-1], {(AccBits-1){~wide[WideBits-1]}}};
            end
            acc_q    <= acc;
            shadow_q <= above_i;
`ifdef TACTUS_MONITOR
            count    = count + 32'(overflow);
            count_q  <= count;
`endif
          end else begin
            psum_q <= psum_i + ChainBits'(sum);
          end
        end
        if (any_i) begin
          if (wen_i) begin
            shadow_q <= weight_i;
          end
          if (OutputStationary != 0) begin
            if (flush_i) begin
              psum_q <= ChainBits'(acc);
`ifdef TACTUS_MONITOR
              overflows_q <= count;
`endif
            end else if (drain_i) begin
              psum_q <= psum_i;
`ifdef TACTUS_MONITOR
              overflows_q <= overflows_i;
`endif
            end
          end
          if (swap_i) begin
            weight_q <= shadow_q;
            mode_q   <= mode_i;
            acc_q    <= '0;
`ifdef TACTUS_MONITOR
            count_q  <= 32'd0;
`endif
          end
        end
      end
`ifdef TACTUS_MONITOR
      assign overflows_o = overflows_q;
`endif
    end
  endgenerate

`ifdef TACTUS_MONITOR
  generate
    if (Plain != 0) begin : gen_no_overflows
      assign overflows_o = 32'd0;
    end
    if (ZeroGating != 0) begin : gen_gated
      tactus_pe_gated #(
        .OperandBits(OperandBits),
        .EdgeWords  (EdgeWords),
        .WordBits   (WordBits),
        .MoreBits   (MoreBits),
        .WeightBits (WeightBits)
      ) u_gated (
        .clk_i       (clk_i),
        .en_i        (en_i),
        .swap_i      (swap_i),
        .flush_i     (flush_i),
        .drain_i     (drain_i),
        .stationary_i(stationary),
        .mode_i      (mode_o[4:0]),
        .used_i      (used_i),
        .used_o      (used_o),
        .act_i       (act_i),
        .more_i      (more_i),
        .weight_i    (weight),
        .gated_i     (gated_i),
        .gated_o     (gated_o)
      );
    end else begin : gen_no_gated
      assign used_o  = 1'b0;
      assign gated_o = 32'd0;
    end
  endgenerate
`endif

endmodule
