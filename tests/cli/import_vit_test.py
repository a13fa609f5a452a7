#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The live capture of Torch2Chip vision transformers, on a stand-in with the toolkit's class names,
attributes and arithmetic. Says so and passes without PyTorch.
"""
import json
import sys
import unittest

import tool
from tool import ROOT, CliTest

try:
    import torch
    from torch import nn
except ImportError:
    torch = None

FRACTION = 26
WIDTH, HEADS, TOKENS, HIDDEN = 16, 2, 5, 24

if torch is not None:
    class MinMaxQuantizer(nn.Module):
        """round(x * scale), clipped: signed, no zero point."""

        def __init__(self, scale, nbit=8):
            super().__init__()
            self.nbit, self.unsigned = nbit, False
            self.qlb, self.qub = -2 ** (nbit - 1), 2 ** (nbit - 1) - 1
            self.register_buffer("scale", torch.tensor(float(scale)))
            self.register_buffer("zero_point", torch.tensor(0.0))

        def forward(self, x):
            return torch.round(x * self.scale).clamp(self.qlb, self.qub)

    class Product(nn.Module):
        """The matmul node that the toolkit hooks."""

        def forward(self, x, y):
            return torch.matmul(x, y)

    class WeightQuantizer(nn.Module):
        def __init__(self, nbit):
            super().__init__()
            self.nbit, self.unsigned = nbit, False

    class QLinear(nn.Linear):
        """A matrix of integers; the bias is left to the scaler."""

        def __init__(self, cin, cout, aq, nbit=6):
            super().__init__(cin, cout)
            self.wq, self.aq, self.ops = WeightQuantizer(nbit), aq, Product()
            reach = 2 ** (nbit - 1)
            self.register_buffer("qweight", torch.randint(-reach, reach, self.weight.shape).float())

        def forward(self, x):
            return self.ops(self.aq(x), self.qweight.transpose(0, 1))

    class MulShift(nn.Module):
        """Fixed-point scale and bias; the result stays a real number."""

        def __init__(self, scale, count):
            super().__init__()
            self.fl = float(FRACTION)
            one = 2.0 ** FRACTION
            self.register_buffer("scale", torch.trunc((torch.rand(count) * scale + scale) * one))
            self.register_buffer("bias", torch.trunc((torch.rand(count) - 0.5) * one * (count > 1)))

        def forward(self, x):
            return x.mul(self.scale).add(self.bias).mul(2 ** -self.fl)

    class MulQuant(nn.Module):
        """Float scale and bias, rounded and clipped to nbit."""

        def __init__(self, scale, bias, nbit=8):
            super().__init__()
            self.nbit, self.unsigned, self.fl = nbit, False, 0.0
            self.qlb, self.qub = -2 ** (nbit - 1), 2 ** (nbit - 1) - 1
            self.register_buffer("scale", scale)
            self.register_buffer("bias", bias)
            self.register_buffer("zero_point", torch.tensor(0.0))

        def forward(self, x):
            return x.mul(self.scale).add(self.bias).round().clamp(self.qlb, self.qub)

    class QAttention(nn.Module):
        def __init__(self):
            super().__init__()
            self.num_heads, self.train_flag = HEADS, False
            self.xq = MinMaxQuantizer(40)
            self.qkv = QLinear(WIDTH, 3 * WIDTH, nn.Identity())
            self.q_norm, self.k_norm = nn.Identity(), nn.Identity()
            self.qqkv = MulQuant(torch.rand(3 * WIDTH) * 0.02 + 0.01, torch.randn(3 * WIDTH) * 4)
            self.qk, self.attnv = Product(), Product()
            self.attn_scale = MulShift(4e-4, 1)
            self.qproj = MulQuant(torch.tensor(1 / 300), torch.tensor(0.0), nbit=7)
            self.proj = QLinear(WIDTH, WIDTH, nn.Identity())
            self.qkv_deq = MulShift(4e-4, WIDTH)

        def forward(self, x):
            b, n, c = x.shape
            qkv = self.qqkv(self.qkv(self.xq(x)))
            q, k, v = qkv.reshape(b, n, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4).double()
            weights = self.attn_scale(self.qk(q, k.transpose(-2, -1))).softmax(-1)
            mixed = self.qproj(self.attnv(weights.mul(255).round(), v)).float()
            return self.qkv_deq(self.proj(mixed.transpose(1, 2).reshape(b, n, c)))

    class LinearMulShift(nn.Module):
        def __init__(self, linear):
            super().__init__()
            self.linear, self.scaler = linear, MulShift(5e-4, linear.out_features)

        def forward(self, x):
            return self.scaler(self.linear(x))

    class Mlp(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = LinearMulShift(QLinear(WIDTH, HIDDEN, MinMaxQuantizer(40)))
            self.act = nn.GELU()
            self.fc2 = LinearMulShift(QLinear(HIDDEN, WIDTH, MinMaxQuantizer(50, 7)))

        def forward(self, x):
            return self.fc2(self.act(self.fc1(x)))

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.attn, self.ls1, self.mlp = QAttention(), nn.Identity(), Mlp()
            for norm in (self.norm1, self.norm2):
                nn.init.normal_(norm.weight, 1, 0.2)
                nn.init.normal_(norm.bias, 0, 0.2)

        def forward(self, x):
            x = x + self.ls1(self.attn(self.norm1(x)))
            return x + self.mlp(self.norm2(x))

    class Transformer(nn.Module):
        """Patches of 4x4, a class token, two blocks."""

        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(1, WIDTH, 4, 4)
            self.first = nn.Parameter(torch.randn(1, 1, WIDTH))
            self.place = nn.Parameter(torch.randn(1, TOKENS, WIDTH))
            self.stages = nn.ModuleList([Block(), Block()])
            self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4)

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], 1) + self.place
            for stage in self.stages:
                x = stage(x)
            return self.head(self.norm(x)[:, 0])


@unittest.skipIf(torch is None, "PyTorch (python3-torch) is not installed")
class Attention(CliTest):
    def setUp(self):
        super().setUp()
        sys.path.insert(0, str(ROOT / "frontend" / "import"))
        self.addCleanup(sys.path.remove, str(ROOT / "frontend" / "import"))
        torch.manual_seed(5)
        torch.set_num_threads(1)
        self.images = torch.randn(3, 1, 8, 8)
        self.model = Transformer().eval()

    def captured(self, **options):
        from tactus_import.capture import capture
        path = self.folder / "vit.h5"
        with torch.no_grad():
            labels = self.model(self.images).argmax(1).tolist()
        return path, capture(self.model, self.images, path, labels=labels, show=False,
                             **options)

    def test_model_gives_the_toolkits_integers(self):
        path, data = self.captured()
        totals = data["golden"]["totals"]
        self.assertEqual(totals["accumulators"]["moved"], 0)
        self.assertGreater(totals["accumulators"]["compared"], 3000)
        # Softmax and norms are approximations: few integers move, by one.
        fed = totals["fed_golden"]
        self.assertLess(fed["moved"], 0.03 * fed["compared"])
        self.assertEqual(fed["largest"], 1)
        self.assertEqual(data["golden"]["arg_max"], {"compared": 3, "changed": 0})
        done = tool.tactus("run", path, "--backend", "fast", "--feed", "golden", "--json", "-")
        run = json.loads(done.stdout)  # exit code 1: what the softmax and the norms move
        self.assertEqual(run["totals"]["accumulators"]["moved"], 0)
        self.assertGreater(run["totals"]["accumulators"]["compared"], 3000)
        run = self.json_of("run", path, "--backend", "fast", "--inputs", "dataset")
        self.assertEqual((run["accuracy"]["count"], run["accuracy"]["top1"]), (3, 1.0))

    def test_patch_embedding(self):
        """The image as input: with 16 bits the tokens are the toolkit's but for their last bit."""
        for bits, largest in ((8, 200), (16, 1)):
            path, data = self.captured(patch_bits=bits)
            totals = data["golden"]["totals"]
            self.assertEqual(totals["accumulators"]["moved"], 0)
            (tokens,) = [layer for layer in data["golden"]["layers"]
                         if layer["id"].endswith("_tokens")]
            self.assertEqual(tokens["end_to_end"]["compared"], 3 * TOKENS * WIDTH)
            self.assertLessEqual(tokens["end_to_end"]["largest"], largest)
            self.assertEqual(data["golden"]["arg_max"], {"compared": 3, "changed": 0})
            run = self.json_of("run", path, "--backend", "fast", "--inputs", "dataset",
                               *(["--hw.operand_bits", "16"] if bits > 8 else []))
            self.assertEqual((run["accuracy"]["count"], run["accuracy"]["top1"]), (3, 1.0))

    def test_lost_scales_are_named(self):
        scaler = self.model.stages[1].mlp.fc1.scaler
        scaler.scale[3], scaler.bias[5] = 0, 2.0 ** 31
        _, data = self.captured()
        said = {(w["layer"], word) for w in data["warnings"] for word in (
            "scale of 1 of 24 channels (first: 3) vanished",
            "bias of 1 of 24 channels (first: 5) sits at the end") if word in w["message"]}
        self.assertEqual(len(said), 2, data["warnings"])
        self.assertEqual({layer for layer, _ in said}, {"blocks.1.mlp.fc1.scaler"})

    def test_the_input_is_what_the_patches_read(self):
        class Doubled(Transformer):
            def forward(self, x):
                return super().forward(x * 2)
        self.model = Doubled().eval()
        _, data = self.captured(patch_bits=16)
        (tokens,) = [layer for layer in data["golden"]["layers"]
                     if layer["id"].endswith("_tokens")]
        self.assertLessEqual(tokens["end_to_end"]["largest"], 1)

    def test_other_embeddings_are_named(self):
        self.model.patches = nn.Sequential(nn.Conv2d(1, WIDTH, 4, 4), nn.ReLU())
        self.captured()
        from tactus_import.capture import capture
        from tactus_import.problem import ImportProblem
        with self.assertRaisesRegex(ImportProblem, "tokens are not one convolution"):
            capture(self.model, self.images, self.folder / "m.h5", patch_bits=8, show=False)

    def test_the_model_is_left_as_it_was(self):
        with torch.no_grad():
            before = self.model(self.images)
            self.captured()
            after = self.model(self.images)
        self.assertTrue(torch.equal(before, after))
        self.assertEqual([m for m in self.model.modules() if m._forward_hooks], [])

    def refuses(self, words):
        from tactus_import.problem import ImportProblem
        with self.assertRaisesRegex(ImportProblem, words):
            self.captured()

    def test_what_cannot_be_captured_is_named(self):
        class Half(nn.Module):
            def forward(self, x):
                return x * 0.5

        block = self.model.stages[1]
        cases = (
            (block, "ls1", Half(), r"blocks\.1\.attn: .*layer scale"),
            (block.attn, "q_norm", nn.LayerNorm(8), r"1\.attn: its q_norm has no rule"),
            (block.attn.xq, "scale", torch.ones(1, TOKENS, 1), "one scale per token"),
            (block.attn.xq, "zero_point", torch.tensor(3.0), "zero point has no rule"),
            (block.attn.qkv_deq, "fl", 0.0, r"qkv_deq: .*fused_model"),
            (block.attn, "train_flag", True, r"attn: it still trains"),
            (block.mlp, "act", nn.GELU(approximate="tanh"), "GELU"),
            (block.mlp.fc1.linear.qweight, "data", block.mlp.fc1.linear.qweight + 0.5,
             "qweight are not integers"),
            (self.model, "norm", nn.Identity(), "0 LayerNorms and 1 linear"))
        for owner, name, value, words in cases:
            with self.subTest(name=name):
                kept = getattr(owner, name)
                kept = kept.clone() if isinstance(kept, torch.Tensor) else kept
                setattr(owner, name, value)
                try:
                    self.refuses(words)
                finally:
                    setattr(owner, name, kept)

    def test_a_head_that_reads_the_mean_is_named(self):
        class Averaging(Transformer):
            def forward(self, x):
                x = self.patches(x).flatten(2).transpose(1, 2)
                x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], 1) + self.place
                for stage in self.stages:
                    x = stage(x)
                return self.head(self.norm(x).mean(1))
        self.model = Averaging().eval()
        self.refuses("head: it does not read the last norm's first token")


if __name__ == "__main__":
    tool.main()
