// SPDX-License-Identifier: Apache-2.0
// Mode lut of the post-processor: one lane after the other goes through the stages, and its element
// is looked up in the table that lies in the parameter buffer, 8 entries to a record. In the other
// modes it is always every lane's turn.

module tactus_post_turns #(
  parameter int PostLanes = 16
) (
  input  logic                    clk_i,
  input  logic                    start_i,    // of an op
  input  logic                    lut_i,      // mode of the op
  input  logic [7:0]              lane_i,     // whose element is read
  input  logic                    valid2_i,
  input  logic [3:0]              shift_i,
  input  logic [PostLanes*33-1:0] offsets_i,  // in the table, in stage 2
  output logic [PostLanes-1:0]    turn_o,     // of the lanes: before stage 1, in stages 1 to 5
  output logic [PostLanes-1:0]    turn1_o,
  output logic [PostLanes-1:0]    turn2_o,
  output logic [PostLanes-1:0]    turn3_o,
  output logic [PostLanes-1:0]    turn4_o,
  output logic [PostLanes-1:0]    turn5_o,
  output logic                    look_up_o,  // read record_o of the table
  output logic [15:0]             record_o,
  output logic [2:0]              part_o      // entry of the record, in the cycle behind the read
);

  logic [32:0] offset, index;
  assign look_up_o = valid2_i && lut_i;
  assign index     = offset >> shift_i;
  assign record_o  = 16'(index >> 3);
  genvar l;
  generate
    for (l = 0; l < PostLanes; l++) begin : gen_turn
      assign turn_o[l] = !lut_i || lane_i == 8'(l);
    end
  endgenerate
  always_comb begin
    offset = '0;
    if (look_up_o) begin
      for (int i = 0; i < PostLanes; i++) begin
        offset = offset | (turn2_o[i] ? offsets_i[33*i +: 33] : 33'd0);
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      turn1_o <= '1;
      turn2_o <= '1;
      turn3_o <= '1;
      turn4_o <= '1;
      turn5_o <= '1;
    end else if (lut_i) begin
      turn1_o <= turn_o;
      turn2_o <= turn1_o;
      turn3_o <= turn2_o;
      turn4_o <= turn3_o;
      turn5_o <= turn4_o;
      part_o  <= index[2:0];
    end
  end

endmodule
