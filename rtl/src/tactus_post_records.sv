// SPDX-License-Identifier: Apache-2.0
// Parameter records on their way to the lanes of the post-processor. A channel record reaches its
// lane, a transposed op's record all lanes: the bias in the cycle of stage 3, the rest a cycle later,
// so that it follows its psum.

`include "tactus_field.svh"

module tactus_post_records #(
  parameter int PostLanes = 16,
  parameter int LaneIndexBits = (PostLanes > 1) ? $clog2(PostLanes) : 1
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic                     record_i,  // a channel record is read
  input  logic                     all_i,     // for all lanes
  input  logic                     add_i,     // the add record is read
  input  logic [LaneIndexBits-1:0] lane_i,
  input  logic [255:0]             data_i,    // in the next cycle
  output logic [PostLanes-1:0]     bias_we_o,
  output logic [47:0]              bias_o,
  output logic [PostLanes-1:0]     scale_we_o,
  output logic [255:0]             scale_record_o,
  output logic [255:0]             add_record_o
);

  logic                     record_we_q, bias_we_q, scale_we_q, add_we_q, all_q;
  logic [LaneIndexBits-1:0] lane_q;
  logic [255:0]             record_q;
  logic [PostLanes-1:0]     lanes, bias_lanes_q, scale_lanes_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      record_we_q <= 1'b0;
      bias_we_q   <= 1'b0;
      scale_we_q  <= 1'b0;
      add_we_q    <= 1'b0;
    end else begin
      record_we_q <= record_i;
      bias_we_q   <= record_we_q;
      scale_we_q  <= bias_we_q;
      add_we_q    <= add_i;
    end
  end
  genvar l;
  generate
    for (l = 0; l < PostLanes; l++) begin : gen_lane
      assign lanes[l] = all_q || lane_q == LaneIndexBits'(l);
    end
  endgenerate
  always_ff @(posedge clk_i) begin
    lane_q <= lane_i;
    all_q  <= all_i;
    if (record_we_q) begin
      bias_lanes_q  <= lanes;
      record_q     <= data_i;
    end
    if (bias_we_q) begin
      scale_lanes_q  <= bias_lanes_q;
      scale_record_o <= record_q;
    end
    if (add_we_q) begin
      add_record_o <= data_i;
    end
  end
  assign bias_o     = `TACTUS_FIELD(record_q, CHANNEL_BIAS);
  assign bias_we_o  = bias_we_q ? bias_lanes_q : '0;
  assign scale_we_o = scale_we_q ? scale_lanes_q : '0;

endmodule
