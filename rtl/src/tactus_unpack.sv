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
  input  logic                      en_i,           // 0: all enables and data are 0
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

  // Enables of the words that are in the beat part_i
  logic [(LogBundle+1)*BeatBytes-1:0]  enables;
  genvar k, o;
  generate
    for (k = 0; k <= LogBundle; k++) begin : gen_enable
      for (o = 0; o < Words; o++) begin : gen_word
        assign enables[BeatBytes*k + WordBytes*o +: WordBytes] =
            be_i[WordBytes*((o << k) % Words) +: WordBytes] &
            {WordBytes{part_i == 3'((o << k) / Words)}};
      end
    end
  endgenerate
  assign be_o = en_i ? enables[BeatBytes*log2_bundle_i +: BeatBytes] : '0;

  // words: word q of every pixel, repeated over the destination beat; q counts modulo Q. Lane j has
  // field s of its words, s = j mod P; its channel sits in word (j div P) mod Q.
  logic [Bundle*DataBits-1:0] words;
  logic [WordBits-1:0]        field, mask;
  always_comb begin
    words  = '0;
    field  = '0;
    mask   = '0;
    data_o = '0;
    if (en_i) begin
      for (int b = 0; b <= LogBundle; b++) begin
        if (log2_bundle_i == 2'(b)) begin
          for (int q = 0; q < Bundle; q++) begin
            for (int w = 0; w < Words; w++) begin
              words[DataBits*q + WordBits*w +: WordBits] =
                  data_i[WordBits*((w << b) % Words + q % (1 << b)) +: WordBits];
            end
          end
        end
      end
      for (int p = 0; p <= LogPack; p++) begin
        if (log2_pack_i == 3'(p)) begin
          mask = {WordBits{1'b1}} >> (WordBits - (WordBits >> p));
          for (int j = 0; j < Lanes; j++) begin
            for (int w = 0; w < Words; w++) begin
              field = words[DataBits*((j >> p) % Bundle) + WordBits*w +: WordBits] >>
                      ((WordBits >> p) * (j % (1 << p)));
              data_o[DataBits*j + WordBits*w +: WordBits] =
                  (field & mask) | ((signed_i && field[(WordBits>>p)-1]) ? ~mask : '0);
            end
          end
        end
      end
    end
  end

endmodule
