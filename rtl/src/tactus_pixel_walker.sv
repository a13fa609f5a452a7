// SPDX-License-Identifier: Apache-2.0
// Addresses of the pixels of an op, line by line. With restart_i the pixel is the first one, whose
// address is 0; with step_i it is the one after the last; both take the pixel.

module tactus_pixel_walker (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        restart_i,
  input  logic        step_i,
  input  logic [13:0] out_h_i,    // these four with restart_i
  input  logic [13:0] out_w_i,
  input  logic [7:0]  step_x_i,
  input  logic [23:0] step_y_i,
  output logic        more_o,     // pixels are left besides those taken
  output logic [23:0] addr_o,
  output logic        last_o      // this pixel is the last one
);

  // x_q and y_q count what is left behind the last pixel taken.
  logic [13:0] x_q, y_q, width_q;
  logic [7:0]  step_x_q;
  logic [23:0] step_y_q, line_q, pix_q, next_line;
  assign more_o    = x_q != 14'd0 || y_q != 14'd0;
  assign next_line = line_q + step_y_q;
  assign addr_o    = restart_i ? 24'd0 : (x_q == 14'd0) ? next_line : pix_q + 24'(step_x_q);
  assign last_o    = restart_i ? (out_w_i == 14'd1 && out_h_i == 14'd1)
                               : (y_q == 14'd0 && x_q == 14'd1) ||
                                 (y_q == 14'd1 && x_q == 14'd0 && width_q == 14'd0);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      x_q <= 14'd0;
      y_q <= 14'd0;
    end else if (restart_i) begin
      x_q <= out_w_i - 14'd1;
      y_q <= out_h_i - 14'd1;
    end else if (step_i && more_o) begin
      x_q <= (x_q == 14'd0) ? width_q : x_q - 14'd1;
      y_q <= (x_q == 14'd0) ? y_q - 14'd1 : y_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (restart_i) begin
      width_q  <= out_w_i - 14'd1;
      step_x_q <= step_x_i;
      step_y_q <= step_y_i;
      line_q   <= 24'd0;
      pix_q    <= 24'd0;
    end else if (step_i && more_o) begin
      pix_q <= addr_o;
      if (x_q == 14'd0) begin
        line_q <= next_line;
      end
    end
  end

endmodule
