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
  input  logic [5:1]              valid_i,    // of the stages
  input  logic [PostLanes-1:0]    lanes_i,    // of the pass
  input  logic [3:0]              shift_i,
  input  logic [PostLanes*33-1:0] offsets_i,  // in the table, in stage 2
  output logic [PostLanes-1:0]    turn_o,     // of the lanes before stage 1
  output logic [PostLanes-1:0]    active1_o,  // lanes with an element in stages 1 to 5
  output logic [PostLanes-1:0]    active2_o,
  output logic [PostLanes-1:0]    active3_o,
  output logic [PostLanes-1:0]    active4_o,
  output logic [PostLanes-1:0]    active5_o,
  output logic                    look_up_o,  // read record_o of the table
  output logic [15:0]             record_o,
  output logic [2:0]              part_o      // entry of the record, in the cycle behind the read
);

  logic [PostLanes-1:0] turn1_q, turn2_q, turn3_q, turn4_q, turn5_q;
  assign active1_o = valid_i[1] ? (lanes_i & turn1_q) : '0;
  assign active2_o = valid_i[2] ? (lanes_i & turn2_q) : '0;
  assign active3_o = valid_i[3] ? (lanes_i & turn3_q) : '0;
  assign active4_o = valid_i[4] ? (lanes_i & turn4_q) : '0;
  assign active5_o = valid_i[5] ? (lanes_i & turn5_q) : '0;

  logic [32:0] offset, index;
  assign look_up_o = valid_i[2] && lut_i;
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
        offset = offset | (turn2_q[i] ? offsets_i[33*i +: 33] : 33'd0);
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      turn1_q <= '1;
      turn2_q <= '1;
      turn3_q <= '1;
      turn4_q <= '1;
      turn5_q <= '1;
    end else if (lut_i) begin
      turn1_q <= turn_o;
      turn2_q <= turn1_q;
      turn3_q <= turn2_q;
      turn4_q <= turn3_q;
      turn5_q <= turn4_q;
      part_o  <= index[2:0];
    end
  end

endmodule
