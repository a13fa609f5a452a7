// SPDX-License-Identifier: Apache-2.0
// Unpacks a beat of operand words into the beats of the banks of a plane (models/README.md, "Words,
// packs, bundles"). Lane j stands for the banks b with b mod Lanes == j; with fewer than Lanes
// channels in a plane, lanes repeat. Pixel x of the beat gives word x of the Q-th of the destination
// beat that part_i names; the enables say which words that are.

module tactus_unpack #(
  parameter int DataBits = 32,
  parameter int WordBits = 8,
  parameter int LogPack = 2,    // largest log2 P
  parameter int LogBundle = 2,  // largest log2 Q
  parameter int Lanes = 4,
  parameter int BeatBytes = DataBits / 8
) (
  input  logic [2:0]                log2_pack_i,
  input  logic [1:0]                log2_bundle_i,
  input  logic                      signed_i,
  input  logic [2:0]                part_i,
  input  logic [BeatBytes-1:0]      be_i,
  input  logic [DataBits-1:0]       data_i,
  output logic [BeatBytes-1:0]      be_o,
  output logic [Lanes*DataBits-1:0] data_o
);

  localparam int WordBytes = WordBits / 8;
  localparam int Words = DataBits / WordBits;
  localparam int Bundle = 1 << LogBundle;

  // Word q of every pixel, repeated over the destination beat; q counts modulo Q.
  logic [Bundle*DataBits-1:0]          words;
  logic [(LogBundle+1)*BeatBytes-1:0]  enables;
  genvar k, q, o, j;
  generate
    for (k = 0; k <= LogBundle; k++) begin : gen_enable
      for (o = 0; o < Words; o++) begin : gen_word
        assign enables[BeatBytes*k + WordBytes*o +: WordBytes] =
            be_i[WordBytes*((o << k) % Words) +: WordBytes] &
            {WordBytes{part_i == 3'((o << k) / Words)}};
      end
    end
    for (q = 0; q < Bundle; q++) begin : gen_bundle
      logic [(LogBundle+1)*DataBits-1:0] choices;
      for (k = 0; k <= LogBundle; k++) begin : gen_choice
        for (o = 0; o < Words; o++) begin : gen_word
          assign choices[DataBits*k + WordBits*o +: WordBits] =
              data_i[WordBits*((o << k) % Words + q % (1 << k)) +: WordBits];
        end
      end
      assign words[DataBits*q +: DataBits] = choices[DataBits*log2_bundle_i +: DataBits];
    end
  endgenerate
  assign be_o = enables[BeatBytes*log2_bundle_i +: BeatBytes];

  // Field s of the words of lane j, s = j mod P; its channel sits in word (j div P) mod Q.
  generate
    for (j = 0; j < Lanes; j++) begin : gen_lane
      logic [(LogPack+1)*DataBits-1:0] choices;
      for (k = 0; k <= LogPack; k++) begin : gen_choice
        for (o = 0; o < Words; o++) begin : gen_word
          logic [(WordBits>>k)-1:0] element;
          assign element = words[DataBits*((j >> k) % Bundle) + WordBits*o +
                                 (WordBits>>k)*(j % (1 << k)) +: WordBits>>k];
          if (k == 0) begin : gen_whole
            assign choices[WordBits*o +: WordBits] = element;
          end else begin : gen_extend
            assign choices[DataBits*k + WordBits*o +: WordBits] =
                {{(WordBits-(WordBits>>k)){signed_i & element[(WordBits>>k)-1]}}, element};
          end
        end
      end
      assign data_o[DataBits*j +: DataBits] = choices[DataBits*log2_pack_i +: DataBits];
    end
  endgenerate

endmodule
