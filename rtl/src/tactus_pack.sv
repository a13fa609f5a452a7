// SPDX-License-Identifier: Apache-2.0
// Packs a beat of operand words from the beats of the channels of a plane, the inverse of
// tactus_unpack: word x of the Q-th that part_i names of each channel's beat makes pixel x. Each
// element keeps its low bits; channels without enable give 0.

module tactus_pack #(
  parameter int DataBits = 32,
  parameter int WordBits = 8,
  parameter int LogPack = 2,    // largest log2 P
  parameter int LogBundle = 2,  // largest log2 Q
  parameter int Lanes = 4       // largest number of channels of a plane, at least 2^LogPack
) (
  input  logic [2:0]                log2_pack_i,
  input  logic [1:0]                log2_bundle_i,
  input  logic [2:0]                part_i,
  input  logic [Lanes-1:0]          lane_en_i,
  input  logic [Lanes*DataBits-1:0] data_i,
  output logic [DataBits-1:0]       data_o
);

  localparam int Words = DataBits / WordBits;
  localparam int Bundle = 1 << LogBundle;

  // The Q-th of the beats moved to their start.
  logic [Lanes*DataBits-1:0] moved;
  logic [2:0] shift;  // in units of the smallest Q-th
  assign shift = part_i << (2'(LogBundle) - log2_bundle_i);
  genvar j, k, q, s, x;
  generate
    for (j = 0; j < Lanes; j++) begin : gen_move
      logic [DataBits-1:0] beat;
      assign beat = lane_en_i[j] ? data_i[DataBits*j +: DataBits] : '0;
      assign moved[DataBits*j +: DataBits] = beat >> (DataBits / Bundle * 32'(shift));
    end
  endgenerate

  // Word q of the pixels: fields s of the channels q*P + s.
  logic [Bundle*DataBits-1:0] words;
  generate
    for (q = 0; q < Bundle; q++) begin : gen_word
      logic [(LogPack+1)*DataBits-1:0] choices;
      for (k = 0; k <= LogPack; k++) begin : gen_choice
        for (x = 0; x < Words; x++) begin : gen_pixel
          for (s = 0; s < (1 << k); s++) begin : gen_field
            // Channels behind Lanes belong to combinations of P and Q that no plane has.
            assign choices[DataBits*k + WordBits*x + (WordBits>>k)*s +: WordBits>>k] =
                moved[DataBits*(((q << k) + s) % Lanes) + WordBits*x +: WordBits>>k];
          end
        end
      end
      assign words[DataBits*q +: DataBits] = choices[DataBits*log2_pack_i +: DataBits];
    end
  endgenerate

  // The words of a pixel lie side by side.
  logic [(LogBundle+1)*DataBits-1:0] bundles;
  generate
    for (k = 0; k <= LogBundle; k++) begin : gen_bundle
      for (x = 0; x < Words; x++) begin : gen_pixel
        assign bundles[DataBits*k + WordBits*x +: WordBits] =
            words[DataBits*(x % (1 << k)) + WordBits*(x >> k) +: WordBits];
      end
    end
  endgenerate
  assign data_o = bundles[DataBits*log2_bundle_i +: DataBits];

endmodule
