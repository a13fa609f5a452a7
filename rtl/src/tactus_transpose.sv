// SPDX-License-Identifier: Apache-2.0
// A beat of a transposed store: pixel i of the beat comes from bank bank_i + i, where the channels of
// its word are consecutive elements from byte offset_i of the beat that was read. A word of several
// channels has the low bits of its elements; channels without enable give 0.

module tactus_transpose #(
  parameter int DataBits = 32,
  parameter int WordBits = 8,
  parameter int LogPack = 0,  // largest log2 of channels in a word
  parameter int Banks = 4,
  parameter int BankBits = $clog2(Banks),
  parameter int OffsetBits = $clog2(DataBits / 8)
) (
  input  logic [BankBits-1:0]       bank_i,
  input  logic [OffsetBits-1:0]     offset_i,
  input  logic [1:0]                log2_bytes_i,  // of an element
  input  logic [2:0]                log2_pack_i,
  input  logic [(1<<LogPack)-1:0]   lane_en_i,
  input  logic [Banks*DataBits-1:0] data_i,
  output logic [DataBits-1:0]       data_o
);

  localparam int BeatBytes = DataBits / 8;

  // The word of each pixel, at most 4 bytes, and the pixels from bank_i on.
  logic [Banks*32-1:0]     words;
  logic [BeatBytes*32-1:0] pixels;
  genvar b, i, k, s;
  generate
    for (b = 0; b < Banks; b++) begin : gen_word
      logic [DataBits-1:0]       moved;
      logic [(LogPack+1)*32-1:0] choices;
      assign moved         = data_i[DataBits*b +: DataBits] >> {offset_i, 3'b000};
      assign choices[31:0] = moved[31:0];
      for (k = 1; k <= LogPack; k++) begin : gen_pack
        for (s = 0; s < (1 << k); s++) begin : gen_field
          assign choices[32*k + (WordBits>>k)*s +: WordBits>>k] =
              lane_en_i[s] ? moved[WordBits*s +: WordBits>>k] : '0;
        end
        assign choices[32*k + WordBits +: 32 - WordBits] = '0;
      end
      if (LogPack > 0) begin : gen_choice
        assign words[32*b +: 32] = choices[32*log2_pack_i +: 32];
      end else begin : gen_element
        assign words[32*b +: 32] = choices;
      end
    end
    for (i = 0; i < BeatBytes; i++) begin : gen_pixel
      logic [BankBits-1:0] bank;
      assign bank = bank_i + BankBits'(i);
      assign pixels[32*i +: 32] = words[32*bank +: 32];
    end
  endgenerate

  logic [DataBits-1:0] bytes, halves, wholes;
  generate
    for (i = 0; i < BeatBytes; i++) begin : gen_byte
      assign bytes[8*i +: 8]  = pixels[32*i +: 8];
      assign halves[8*i +: 8] = pixels[32*(i/2) + 8*(i%2) +: 8];
      assign wholes[8*i +: 8] = pixels[32*(i/4) + 8*(i%4) +: 8];
    end
  endgenerate
  assign data_o = (log2_bytes_i == 2'd0) ? bytes : (log2_bytes_i == 2'd1) ? halves : wholes;

endmodule
