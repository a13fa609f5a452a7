// SPDX-License-Identifier: Apache-2.0
// Transformers of known shape.
#include "synth/layer_maker.hpp"
#include "synth/synth.hpp"

namespace tactus {
namespace {

using synth::LayerMaker;
using synth::Output;

struct Block {
  int width, heads, tokens;
};

/// softmax(Q K) V of a tensor with queries, keys and values one behind the other.
std::string attention(LayerMaker& make, const std::string& name, const std::string& qkv,
                      const Block& b) {
  const std::array<int, 3> size{b.width, 1, b.tokens};
  const std::string q = make.slice(name + "q", qkv, {0, 0, 0}, size);
  const std::string k = make.slice(name + "k", qkv, {b.width, 0, 0}, size);
  const std::string v = make.slice(name + "v", qkv, {2 * b.width, 0, 0}, size);
  const std::string scores = make.matmul(name + "qk", q, k, b.heads, b.width / b.heads);
  const std::string p = make.softmax(name + "softmax", scores, b.heads);
  return make.matmul(name + "pv", p, make.transpose(name + "v_turned", v, b.heads), b.heads,
                     b.tokens);
}

/// An encoder block with its norms in front (vision) or behind the sums (BERT).
std::string encoder(LayerMaker& make, const std::string& name, std::string x, const Block& b,
                    bool norm_first) {
  const auto norm = [&](const std::string& which, const std::string& from) {
    return make.norm(name + which, from, LayerOp::layernorm);
  };
  std::string h = norm_first ? norm("norm1", x) : x;
  h = make.conv(name + "qkv", h, {b.width, 3 * b.width}, Output::plain);
  h = attention(make, name, h, b);
  h = make.conv(name + "proj", h, {b.width, b.width}, Output::plain);
  x = make.add(name + "add1", h, x, Output::plain);
  if (!norm_first) x = norm("norm1", x);
  h = norm_first ? norm("norm2", x) : x;
  h = make.conv(name + "fc1", h, {b.width, 4 * b.width}, Output::plain);
  h = make.bent(name + "gelu", h);
  h = make.conv(name + "fc2", h, {4 * b.width, b.width}, Output::plain);
  x = make.add(name + "add2", h, x, Output::plain);
  return norm_first ? x : norm("norm2", x);
}

/// A vision transformer of 12 blocks from patches of 16 x 16 pixels to 1000 logits.
Network vision_transformer(const char* name, int width, int heads, const SynthOptions& options) {
  LayerMaker make(name, options);
  make.input("image", Shape{3, options.image, options.image});
  const int side = (options.image - 16) / 16 + 1;
  const Block b{width, heads, side * side + 1};
  const std::string patches = make.conv("patch", "image", {3, b.width, 16, 16, 16}, Output::plain);
  const std::string line = make.reshape("line", patches, {b.width, 1, side * side});
  std::string x = make.concat("tokens", {make.constant("cls", Shape{b.width, 1, 1}), line}, 2);
  x = make.add("embedding", x, make.constant("position", Shape{b.width, 1, b.tokens}),
               Output::plain);
  for (int i = 0; i < 12; ++i) {
    x = encoder(make, "block" + std::to_string(i) + ".", x, b, true);
  }
  x = make.norm("norm", x, LayerOp::layernorm);
  x = make.slice("first", x, {0, 0, 0}, {b.width, 1, 1});
  return make.finish({make.linear("head", x, b.width, 1000)});
}

}  // namespace

Network make_vit_tiny(const SynthOptions& options) {
  return vision_transformer("vit_tiny", 192, 3, options);
}

Network make_vit_base(const SynthOptions& options) {
  return vision_transformer("vit_base", 768, 12, options);
}

Network make_bert_base(const SynthOptions& options) {
  LayerMaker make("bert_base", options);
  const Block b{768, 12, 128};
  make.input("tokens", Shape{b.width, 1, b.tokens});
  std::string x = make.add("embedding", make.constant("position", Shape{b.width, 1, b.tokens}),
                           "tokens", Output::plain);
  x = make.norm("norm", x, LayerOp::layernorm);
  for (int i = 0; i < 12; ++i) {
    x = encoder(make, "layer" + std::to_string(i) + ".", x, b, false);
  }
  x = make.slice("first", x, {0, 0, 0}, {b.width, 1, 1});
  x = make.linear("pooler", x, b.width, b.width, Output::plain);
  return make.finish({make.linear("classifier", x, b.width, 2)});
}

Network make_llm_layer(const SynthOptions& options) {
  LayerMaker make("llm_layer", options);
  const Block b{4096, 32, 16};
  constexpr int inner = 11008;
  make.input("tokens", Shape{b.width, 1, b.tokens});
  std::string h = make.norm("norm1", "tokens", LayerOp::rmsnorm);
  h = make.conv("qkv", h, {b.width, 3 * b.width}, Output::plain);
  h = attention(make, "", h, b);
  h = make.conv("o", h, {b.width, b.width}, Output::plain);
  const std::string x = make.add("add1", h, "tokens", Output::plain);
  h = make.norm("norm2", x, LayerOp::rmsnorm);
  const std::string up = make.conv("up", h, {b.width, inner}, Output::plain);
  h = make.bent("silu", make.conv("gate", h, {b.width, inner}, Output::plain));
  h = make.mul("gated", h, up);
  h = make.conv("down", h, {inner, b.width}, Output::plain);
  return make.finish({make.add("add2", h, x, Output::plain)});
}

}  // namespace tactus
