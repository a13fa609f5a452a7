// SPDX-License-Identifier: Apache-2.0
// Row streamer: a small convolution accelerator that is not tactus'. Output-stationary: LANES output
// channels of one pixel at a time, a tap a cycle; finished values leave one by one through a
// requantiser while the next ones are accumulated. Results come row by row, pixel by pixel, all
// channels of a pixel together.
module row_streamer #(
  parameter int LANES  = 8,
  parameter int ACT_AW = 16,
  parameter int WGT_AW = 14,
  parameter int CH_AW  = 9
) (
  input  logic               clk,
  input  logic               rst,        // active high
  // Host port: registers, activations, weights (LANES bytes), channel constants
  input  logic               wr_en,
  input  logic [1:0]         wr_space,
  input  logic [ACT_AW-1:0]  wr_addr,
  input  logic [8*LANES-1:0] wr_data,
  input  logic               go,
  output logic               idle,
  // Results
  output logic               m_valid,
  input  logic               m_ready,
  output logic [31:0]        m_data
);

  // Registers
  logic [31:0] regs [32];
  logic [31:0] channels, height, width, kernel_h, kernel_w, stride_h, stride_w, top, left;
  logic [31:0] out_h, out_w, out_c;
  assign channels = regs[0];
  assign height   = regs[1];
  assign width    = regs[2];
  assign kernel_h = regs[3];
  assign kernel_w = regs[4];
  assign stride_h = regs[5];
  assign stride_w = regs[6];
  assign top      = regs[7];
  assign left     = regs[8];
  assign out_h    = regs[9];
  assign out_w    = regs[10];
  assign out_c    = regs[11];

  // Memories
  logic signed [15:0] acts [1 << ACT_AW];
  logic [8*LANES-1:0] wgts [1 << WGT_AW];
  logic [63:0]        consts [4 << CH_AW];  // per channel: bias, mult, shift, add
  always_ff @(posedge clk) begin
    if (wr_en) begin
      case (wr_space)
        2'd0:    regs[wr_addr[4:0]] <= wr_data[31:0];
        2'd1:    acts[wr_addr] <= wr_data[15:0];
        2'd2:    wgts[wr_addr[WGT_AW-1:0]] <= wr_data;
        default: consts[wr_addr[CH_AW+1:0]] <= wr_data[63:0];
      endcase
    end
  end

  // Counters: taps innermost, then channel groups, pixels, rows
  logic        run_q;
  logic [31:0] kx_q, ky_q, c_q, group_q, ox_q, oy_q, wgt_q;
  logic        last_kx, last_ky, last_c, last_tap, last_group, last_ox, last_oy, step;
  assign last_kx    = kx_q + 1 == kernel_w;
  assign last_ky    = ky_q + 1 == kernel_h;
  assign last_c     = c_q + 1 == channels;
  assign last_tap   = last_kx && last_ky && last_c;
  assign last_group = (group_q + 1) * LANES >= out_c;
  assign last_ox    = ox_q + 1 == out_w;
  assign last_oy    = oy_q + 1 == out_h;

  logic full_q, tap1_q, tap2_q, first1_q, last1_q, last2_q;
  // A last tap waits until its values have a place to go to.
  assign step = run_q && !(last_tap && (full_q || last1_q || last2_q));

  always_ff @(posedge clk) begin
    if (rst) begin
      run_q <= 1'b0;
    end else if (go) begin
      run_q   <= 1'b1;
      kx_q    <= '0;
      ky_q    <= '0;
      c_q     <= '0;
      group_q <= '0;
      ox_q    <= '0;
      oy_q    <= '0;
      wgt_q   <= '0;
    end else if (step) begin
      kx_q  <= last_kx ? '0 : kx_q + 1;
      wgt_q <= (last_tap && last_group) ? '0 : wgt_q + 1;
      if (last_kx) ky_q <= last_ky ? '0 : ky_q + 1;
      if (last_kx && last_ky) c_q <= last_c ? '0 : c_q + 1;
      if (last_tap) group_q <= last_group ? '0 : group_q + 1;
      if (last_tap && last_group) ox_q <= last_ox ? '0 : ox_q + 1;
      if (last_tap && last_group && last_ox) begin
        oy_q  <= oy_q + 1;
        run_q <= !last_oy;
      end
    end
  end

  // Stage 1: memories; 0 outside the image
  logic [31:0]        y, x, group1_q;
  logic [ACT_AW-1:0]  act_addr;
  logic               outside;
  logic signed [16:0] act1_q;
  logic [8*LANES-1:0] wgt1_q;
  assign y        = oy_q * stride_h + ky_q - top;
  assign x        = ox_q * stride_w + kx_q - left;
  assign outside  = y >= height || x >= width;  // below 0 wraps around
  assign act_addr = ACT_AW'((c_q * height + y) * width + x);
  always_ff @(posedge clk) begin
    tap1_q   <= step && !rst;
    first1_q <= kx_q == '0 && ky_q == '0 && c_q == '0;
    last1_q  <= step && last_tap && !rst;
    act1_q   <= outside ? '0 : {acts[act_addr][15], acts[act_addr]} - regs[12][16:0];
    wgt1_q   <= wgts[wgt_q[WGT_AW-1:0]];
    group1_q <= group_q;
    tap2_q   <= tap1_q;
    last2_q  <= last1_q && !rst;
  end

  // Stage 2: lanes
  logic signed [31:0] acc [LANES];
  genvar l;
  generate
    for (l = 0; l < LANES; l++) begin : gen_lane
      logic [CH_AW+1:0] bias_addr;
      assign bias_addr = (CH_AW+2)'((group1_q * LANES + l) * 4);
      rs_lane u_lane (
        .clk  (clk),
        .step (tap1_q),
        .first(first1_q),
        .bias (consts[bias_addr][31:0]),
        .act  (act1_q),
        .wgt  (wgt1_q[8*l +: 8]),
        .acc  (acc[l])
      );
    end
  endgenerate

  // Finished values, one after the other to the requantiser
  logic signed [31:0] done [LANES];
  logic [31:0]        channel_q, group2_q;
  logic               take, out_last;
  logic [CH_AW+1:0]   at;
  logic [$clog2(LANES)-1:0] lane;
  assign at       = (CH_AW+2)'(channel_q * 4);
  assign lane     = channel_q[$clog2(LANES)-1:0];
  assign out_last = lane == '1 || channel_q + 1 == out_c;
  always_ff @(posedge clk) begin
    group2_q <= group1_q;
    if (rst) begin
      full_q <= 1'b0;
    end else if (last2_q) begin
      full_q    <= 1'b1;
      channel_q <= group2_q * LANES;
      for (int i = 0; i < LANES; i++) done[i] <= acc[i];
    end else if (full_q && take) begin
      channel_q <= channel_q + 1;
      full_q    <= !out_last;
    end
  end

  rs_scale u_scale (
    .clk      (clk),
    .rst      (rst),
    .raw      (regs[17][0]),
    .rounding (regs[16][1:0]),
    .zero     (regs[13]),
    .low      (regs[14]),
    .high     (regs[15]),
    .in_valid (full_q),
    .in_ready (take),
    .acc      (done[lane]),
    .mult     (consts[at | 1][31:0]),
    .add      (consts[at | 3]),
    .shift    (consts[at | 2][5:0]),
    .out_valid(m_valid),
    .out_ready(m_ready),
    .out_data (m_data)
  );

  assign idle = !run_q && !tap1_q && !tap2_q && !last2_q && !full_q;

endmodule
