# SPDX-License-Identifier: Apache-2.0
"""A fused Torch2Chip vision transformer in the user's process, seen as t2c_vit.VitFolder reads one.

Blocks are found around modules of the class QAttention: two LayerNorms, the attention with its
quantisers (xq, qkv, qqkv, attn_scale, qproj, proj, qkv_deq) and a module with fc1, act and fc2.
What a block does beyond x + attention(norm(x)) and x + mlp(norm(x)) is found by comparing the
captured tensors, and refused.
"""

from fractions import Fraction

import numpy as np
import torch
from torch import nn

from .problem import ImportProblem
from .t2c_graph import GoldenImage
from .weights import outside

ATTENTION = "QAttention"
OTHERS = {"QWindowAttention": "window attention", "QBertSelfAttention": "attention with masks"}


def has_attention(model):
    """Whether the model has the toolkit's attention; that of other kinds is refused by name."""
    kinds = {type(module).__name__: name for name, module in model.named_modules()}
    for kind, what in OTHERS.items():
        if kind in kinds:
            raise ImportProblem(f"Torch2Chip capture: {kinds[kind]}: {what} ({kind}) has no rule",
                                layer=kinds[kind])
    return ATTENTION in kinds


def _array(tensor):
    return tensor.detach().cpu().numpy().copy()


def weight_bits(weight, wq):
    """Signed width of integer weights: an asymmetric quantiser has its zero point removed, which
    may take one bit more."""
    bits = int(wq.nbit)
    wider = bool(getattr(wq, "unsigned", False)) and outside(weight, bits, True) > 0
    return bits + int(wider)


class LiveVit:
    """Parameters and captured tensors by the names that captures use."""

    def __init__(self, model, word_bits):
        self.model, self.word_bits = model, word_bits
        self.modules = dict(model.named_modules())
        self.names = {id(module): name for name, module in self.modules.items()}
        self.layers, self.images, self.hooks = {}, [], []
        self.watched = []  # (module, layer, key, index of the operand or None for the result)
        self.equal = []  # (layer, function of the captured tensors, sentence)
        self.patches = False
        self.find()

    # The interface of t2c_vit.VitReader.

    def fail(self, what, layer=""):
        raise ImportProblem(f"Torch2Chip capture: {layer + ': ' if layer else ''}{what}",
                            layer=layer)

    def data(self, layer, key):
        return self.layers[layer][key]

    def attr(self, layer, key):
        return self.layers[layer][key]

    def captured(self, image, layer, key):
        return self.images[image][layer, key]

    def image(self, image):
        """What the patch convolution reads, [C,H,W]; asked for only when the patch embedding
        becomes part of the model."""
        if not self.patches:
            self.fail("the tokens are not one convolution, a class token in front and positions "
                      "added, which has no rule; capture without patch_bits")
        return self.captured(image, "patch_embed", "input_f32")

    def largest(self, layer, key="output_f32"):
        values = [np.abs(self.captured(k, layer, key)).max() for k in range(len(self.images))]
        return Fraction(float(max(values)))

    # What the model is made of.

    def child(self, module, name):
        if not hasattr(module, name):
            self.fail(f"it has no {name}", self.names[id(module)])
        return getattr(module, name)

    def identity(self, module, names):
        for name in names:
            if not isinstance(getattr(module, name, nn.Identity()), nn.Identity):
                self.fail(f"its {name} has no rule", self.names[id(module)])

    def watch(self, module, layer, key="output", operand=None):
        self.watched.append((module, layer, key, operand))

    def norm(self, name, module):
        if module.weight is None or module.bias is None:
            self.fail("a LayerNorm without gain and offset has no rule", name)
        self.layers[name] = {"gamma_f32": _array(module.weight), "beta_f32": _array(module.bias),
                             "eps": float(module.eps)}
        self.watch(module, name, "output_f32")
        self.watch(module, name, "input_f32", 0)

    def quantizer(self, name, aq):
        if hasattr(aq, "smoother"):
            self.fail("its quantiser has a smoother, which has no rule", name)
        if not hasattr(aq, "qlb") or type(aq).__name__ == "_QBase":
            self.fail("its operand has no quantiser", name)
        return {"act_scale_f32": _array(aq.scale), "act_zero_point": _array(aq.zero_point),
                "act_bits": int(aq.nbit), "act_unsigned": bool(aq.unsigned)}

    def matrix(self, name, inner):
        """Integer weights of a quantised linear layer, its operand and its accumulator."""
        weight = _array(self.child(inner, "qweight"))
        if np.any(weight != np.rint(weight)):
            self.fail("its qweight are not integers", name)
        weight = np.rint(weight).astype(np.int16)
        self.layers[name] = {"weight": weight, "weight_bits": weight_bits(weight, inner.wq)}
        self.watch(self.child(inner, "ops"), name, "input", 0)
        self.watch(inner.ops, name, "output")

    def fixed_point(self, name, module):
        frac = float(getattr(module, "fl", 0))
        if frac <= 0:
            self.fail("its scale is still a float; call T2C.fused_model() before the capture", name)
        self.layers[name] = {
            "scale_frac_bits": int(frac), "scale_word_bits": self.word_bits,
            "scale_int": np.rint(_array(module.scale).astype(np.float64)).astype(np.int64),
            "bias_int": np.rint(_array(module.bias).astype(np.float64)).astype(np.int64)}

    def mulquant(self, name, module):
        if type(module).__name__ != "MulQuant":
            self.fail("it is no MulQuant; call T2C(...).fused_model() before the capture", name)
        if float(getattr(module, "fl", 0)) != 0:
            self.fail("a MulQuant with fixed-point scales has no rule", name)
        self.layers[name] = {"scale_f32": _array(module.scale), "bias_f32": _array(module.bias),
                             "zero_point": _array(module.zero_point), "bits": int(module.nbit)}

    def attention(self, name, attn):
        if bool(getattr(attn, "train_flag", False)):
            self.fail("it still trains; call T2C(...).fused_model() before the capture", name)
        self.identity(attn, ("q_norm", "k_norm"))
        self.matrix(f"{name}.qkv", self.child(attn, "qkv"))
        self.layers[f"{name}.qkv"].update(self.quantizer(f"{name}.xq", self.child(attn, "xq")))
        self.mulquant(f"{name}.qqkv", self.child(attn, "qqkv"))
        self.fixed_point(f"{name}.attn_scale", self.child(attn, "attn_scale"))
        self.mulquant(f"{name}.qproj", self.child(attn, "qproj"))
        self.matrix(f"{name}.proj", self.child(attn, "proj"))
        self.fixed_point(f"{name}.qkv_deq", self.child(attn, "qkv_deq"))
        self.watch(attn.qqkv, f"{name}.qqkv")
        self.watch(self.child(attn, "qk"), f"{name}.qk", "input_a", 0)
        self.watch(self.child(attn, "attnv"), f"{name}.softmax", "output", 0)
        self.watch(attn.qkv_deq, f"{name}.qkv_deq", "output_f32")
        self.watch(attn, name, "input_f32", 0)

    def mlp(self, name, mlp):
        act = self.child(mlp, "act")
        if type(act).__name__ != "GELU" or getattr(act, "approximate", "none") != "none":
            self.fail(f"the activation {type(act).__name__} is no exact GELU, which has no rule",
                      f"{name}.act")
        self.identity(mlp, ("norm",))
        for part in ("fc1", "fc2"):
            fused = self.child(mlp, part)
            linear = self.child(fused, "linear")
            self.matrix(f"{name}.{part}", linear)
            self.layers[f"{name}.{part}"].update(self.quantizer(f"{name}.{part}.aq", linear.aq))
            self.fixed_point(f"{name}.{part}.scaler", self.child(fused, "scaler"))
            self.watch(fused.scaler, f"{name}.{part}.scaler", "output_f32")
        self.watch(mlp, name, "input_f32", 0)

    def block(self, at, attn_name, attn):
        """The block around one attention; at is its number."""
        parent = self.modules[attn_name.rpartition(".")[0]]
        norms = [m for m in parent.children() if isinstance(m, nn.LayerNorm)]
        mlps = [m for m in parent.children() if hasattr(m, "fc1") and hasattr(m, "fc2")]
        if len(norms) != 2 or len(mlps) != 1:
            self.fail(f"a block with {len(norms)} LayerNorms and {len(mlps)} modules of fc1 and "
                      "fc2 has no rule, two and one are needed", self.names[id(parent)])
        name = f"blocks.{at}"
        self.norm(f"{name}.norm1", norms[0])
        self.attention(f"{name}.attn", attn)
        self.norm(f"{name}.norm2", norms[1])
        self.mlp(f"{name}.mlp", mlps[0])
        self.must_equal(f"{name}.attn", (f"{name}.attn", "input_f32"),
                        (f"{name}.norm1", "output_f32"), "it does not read the first norm")
        self.must_equal(f"{name}.mlp", (f"{name}.mlp", "input_f32"),
                        (f"{name}.norm2", "output_f32"), "it does not read the second norm")
        return parent

    def must_equal(self, layer, one, other, sentence):
        self.equal.append((layer, lambda seen: np.array_equal(seen[one], seen[other]), sentence))

    def must_add(self, layer, total, one, other):
        """total = one + other in float32, which is how the folded stream is built."""
        def holds(seen):
            return np.array_equal(seen[total], seen[one] + seen[other])
        self.equal.append((layer, holds, "what is added to the stream is not its result alone (a "
                           "layer scale, a post norm or a drop path has no rule)"))

    def find(self):
        """Names everything, or says what does not fit."""
        found = [(n, m) for n, m in self.modules.items() if type(m).__name__ == ATTENTION]
        blocks = [self.block(at, name, attn) for at, (name, attn) in enumerate(found)]
        inside = {id(m) for block in blocks for m in block.modules()}
        outer = [m for m in self.modules.values() if id(m) not in inside]
        norms = [m for m in outer if isinstance(m, nn.LayerNorm)]
        heads = [m for m in outer if isinstance(m, nn.Linear)]
        if len(norms) != 1 or len(heads) != 1:
            self.fail(f"{len(norms)} LayerNorms and {len(heads)} linear layers outside the blocks "
                      "have no rule, one each is needed")
        self.norm("norm", norms[0])
        bias = heads[0].bias
        self.layers["head"] = {"weight_f32": _array(heads[0].weight), "bias_f32": np.zeros(
            heads[0].out_features, np.float32) if bias is None else _array(bias)}
        self.watch(heads[0], "head", "input_f32", 0)
        self.equal.append(("head", lambda seen: np.array_equal(
            seen["head", "input_f32"].reshape(-1), seen["norm", "output_f32"][0]),
            "it does not read the last norm's first token, which has no rule otherwise"))
        for at in range(len(blocks)):
            name = f"blocks.{at}"
            after = f"blocks.{at + 1}.norm1" if at + 1 < len(blocks) else "norm"
            self.must_add(f"{name}.attn", (f"{name}.norm2", "input_f32"),
                          (f"{name}.norm1", "input_f32"), (f"{name}.attn.qkv_deq", "output_f32"))
            self.must_add(f"{name}.mlp", (after, "input_f32"), (f"{name}.norm2", "input_f32"),
                          (f"{name}.mlp.fc2.scaler", "output_f32"))
        self.find_patches(outer)

    def find_patches(self, outer):
        """The patch embedding, where there is one as vision transformers have it."""
        found = [m for m in outer if isinstance(m, nn.Conv2d)]
        inside = {id(p) for m in outer if m is not self.model for p in m.parameters()}
        own = [p for p in self.model.parameters() if id(p) not in inside and p.dim() == 3]
        first = [p for p in own if tuple(p.shape[:2]) == (1, 1)]
        place = [p for p in own if p.shape[0] == 1 and p.shape[1] > 1]
        if len(found) != 1 or len(first) != 1 or len(place) != 1:
            return
        bias = found[0].bias
        self.layers["patch_embed"] = {
            "weight_f32": _array(found[0].weight), "stride": found[0].stride,
            "bias_f32": np.zeros(found[0].out_channels, np.float32) if bias is None else _array(
                bias)}
        self.layers["tokens"] = {"cls_token_f32": _array(first[0]),
                                 "pos_embed_f32": _array(place[0])}
        self.watch(found[0], "patch_embed", "output_f32")
        self.watch(found[0], "patch_embed", "input_f32", 0)
        self.patches = True

    # What it computes.

    def capture(self, sample):
        """Runs one image and keeps its tensors; returns the prediction."""
        seen, hooks = {}, []

        def hook_of(layer, key, operand):
            def hook(_, given, result):
                seen[layer, key] = _array(result if operand is None else given[operand])[0]
            return hook
        try:
            for module, layer, key, operand in self.watched:
                hooks.append(module.register_forward_hook(hook_of(layer, key, operand)))
            with torch.no_grad():
                result = self.model(sample)
        finally:
            for hook in hooks:
                hook.remove()
        for module, layer, key, _ in self.watched:
            if (layer, key) not in seen:
                self.fail("the forward pass does not reach it", self.names[id(module)])
        for layer, holds, sentence in self.equal:
            if not holds(seen):
                self.fail(sentence, layer)
        self.images.append(self.renamed(seen))
        return int(result.reshape(-1).argmax())

    def renamed(self, seen):
        """Adds the residual stream under its names; integers as integers."""
        tokens = seen["blocks.0.norm1", "input_f32"]
        seen["tokens", "output_f32"] = tokens
        if self.patches:
            one = seen["patch_embed", "output_f32"]
            built = np.concatenate([self.data("tokens", "cls_token_f32")[0],
                                    one.reshape(one.shape[0], -1).T])
            place = self.data("tokens", "pos_embed_f32")[0]
            self.patches = built.shape == place.shape and np.array_equal(built + place, tokens)
        count = sum(1 for layer in self.layers if layer.endswith(".norm1"))
        for at in range(count):
            seen[f"blocks.{at}.add1", "output_f32"] = seen[f"blocks.{at}.norm2", "input_f32"]
            after = f"blocks.{at + 1}.norm1" if at + 1 < count else "norm"
            seen[f"blocks.{at}.add2", "output_f32"] = seen[after, "input_f32"]
        for (layer, key), value in seen.items():
            if not key.endswith("_f32"):
                whole = np.rint(value.astype(np.float64))
                if np.any(whole != value):
                    self.fail("its captured integers are floats", layer)
                seen[layer, key] = whole.astype(np.int64)
        return seen


def live_vit(model, samples, labels, word_bits):
    """(LiveVit, GoldenImages) of a fused model and sample images [N,C,H,W]."""
    with torch.no_grad():
        model.eval()(samples[:1])  # the toolkit fills qweight in the first forward
    one = LiveVit(model, word_bits)
    images = [GoldenImage(label=None if labels is None else int(labels[k]),
                          prediction=one.capture(samples[k:k + 1])) for k in range(len(samples))]
    if not images:
        one.fail("a transformer's ranges come from sample images, none was given")
    return one, images
