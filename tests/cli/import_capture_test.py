#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The live capture of Torch2Chip models, on a stand-in with the toolkit's class names, attributes
and arithmetic (the toolkit itself is no dependency). Says so and passes without PyTorch.
"""
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

if torch is not None:
    class MinMaxQuantizer(nn.Module):
        """round(x * scale) + zero point, clipped, zero point taken away."""

        def __init__(self, scale, zero=0.0, nbit=8):
            super().__init__()
            self.nbit, self.unsigned, self.qlb, self.qub = nbit, True, 0, 2 ** nbit - 1
            self.register_buffer("scale", torch.tensor(float(scale)))
            self.register_buffer("zero_point", torch.tensor(float(zero)))

        def forward(self, x):
            stored = torch.round(x * self.scale) + self.zero_point
            return stored.clamp(self.qlb, self.qub) - self.zero_point

    class Ops(nn.Module):
        """The node that the toolkit hooks: operand and weight in, accumulator out."""

        def __init__(self, stride=1, padding=0, matrix=False):
            super().__init__()
            self.stride, self.padding, self.matrix = stride, padding, matrix

        def forward(self, x, y):
            if self.matrix:
                return torch.matmul(x, y)
            return nn.functional.conv2d(x, y, None, self.stride, self.padding)

    class Weights(nn.Module):
        """nbit and sign of a weight quantiser."""

        def __init__(self):
            super().__init__()
            self.nbit, self.unsigned = 4, False

    class QConv(nn.Conv2d):
        """Integer weights are filled in the first forward, as in the toolkit."""

        def __init__(self, cin, cout, kernel, stride, padding, aq):
            super().__init__(cin, cout, kernel, stride, padding, bias=False)
            self.wq, self.aq, self.ops = Weights(), aq, Ops(stride, padding)
            self.register_buffer("qweight", torch.ones_like(self.weight))
            self.register_buffer("integers", torch.randint(-8, 8, self.weight.shape).float())

        def forward(self, x):
            self.qweight.copy_(self.integers)
            return self.ops(self.aq(x), self.qweight)

    class QLinear(nn.Linear):
        def __init__(self, cin, cout, aq):
            super().__init__(cin, cout)
            self.wq, self.aq, self.ops = Weights(), aq, Ops(matrix=True)
            self.register_buffer("qweight", torch.randint(-8, 8, self.weight.shape).float())

        def forward(self, x):
            return self.ops(self.aq(x), self.qweight.transpose(0, 1))

    class MulShift(nn.Module):
        def __init__(self, shape):
            super().__init__()
            self.fl = float(FRACTION)
            self.register_buffer("scale", torch.trunc(
                (torch.rand(shape) * 4e-3 + 2e-3) * 2.0 ** FRACTION))
            self.register_buffer("bias", torch.trunc(
                (torch.rand(shape) * 2 - 1) * 2.0 ** FRACTION))

        def forward(self, x):
            return x.mul(self.scale).add(self.bias).mul(2 ** -self.fl)

    class QConvBNReLU(nn.Module):
        def __init__(self, conv, relu):
            super().__init__()
            self.conv, self.relu = conv, nn.ReLU() if relu else nn.Identity()
            self.scaler = MulShift((1, conv.out_channels, 1, 1))

        def forward(self, x):
            return self.relu(self.scaler(self.conv(x)))

    class FusedLinear(nn.Module):
        def __init__(self, linear):
            super().__init__()
            self.linear, self.scaler = linear, MulShift((1, linear.out_features))

        def forward(self, x):
            return self.scaler(self.linear(x))

    class Net(nn.Module):
        """A residual block between a stem and a classifier."""

        def __init__(self):
            super().__init__()
            aq = MinMaxQuantizer
            self.stem = QConvBNReLU(QConv(1, 4, 3, 1, 1, aq(60, 100)), True)
            self.conv1 = QConvBNReLU(QConv(4, 4, 3, 1, 1, aq(30)), True)
            self.conv2 = QConvBNReLU(QConv(4, 4, 3, 1, 1, aq(25)), False)
            self.relu, self.pool = nn.ReLU(), nn.MaxPool2d(2)
            self.conv3 = QConvBNReLU(QConv(4, 6, 3, 2, 1, aq(20)), True)
            self.mean = nn.AdaptiveAvgPool2d(1)
            self.fc = FusedLinear(QLinear(6, 5, aq(12)))

        def forward(self, x):
            x = self.stem(x)
            y = self.conv2(self.conv1(x))
            y += x
            x = self.conv3(self.pool(self.relu(y)))
            return self.fc(torch.flatten(self.mean(x), 1))


@unittest.skipIf(torch is None, "PyTorch (python3-torch) is not installed")
class Capture(CliTest):
    def setUp(self):
        super().setUp()
        sys.path.insert(0, str(ROOT / "frontend" / "import"))
        self.addCleanup(sys.path.remove, str(ROOT / "frontend" / "import"))
        torch.manual_seed(3)
        torch.set_num_threads(1)
        self.images = torch.rand(3, 1, 8, 8) * 3.5 - 1.5
        self.model = Net().eval()

    def captured(self, **options):
        from tactus_import.capture import capture
        path = self.folder / "live.h5"
        with torch.no_grad():
            labels = self.model(self.images).argmax(1).tolist()
        return path, capture(self.model, self.images, path, labels=labels, show=False, **options)

    def test_model_gives_the_toolkits_integers(self):
        path, data = self.captured()
        totals = data["golden"]["totals"]
        self.assertEqual(totals["accumulators"]["moved"], 0)
        self.assertEqual(totals["fed_golden"]["moved"], 0)
        self.assertGreater(totals["accumulators"]["compared"], 2000)
        self.assertEqual(data["golden"]["arg_max"], {"compared": 3, "changed": 0})
        self.assertTrue(any("zero point 100" in w["message"] for w in data["warnings"]))
        run = self.json_of("run", path, "--backend", "fast", "--inputs", "dataset")
        self.assertEqual((run["accuracy"]["count"], run["accuracy"]["top1"]), (3, 1.0))

    def test_the_model_is_left_as_it_was(self):
        with torch.no_grad():
            before = self.model(self.images)
            self.captured()
            after = self.model(self.images)
        self.assertTrue(torch.equal(before, after))
        hooks = [m for m in self.model.modules() if m._forward_hooks]
        self.assertEqual(hooks, [])

    def test_what_cannot_be_captured_is_named(self):
        from tactus_import.problem import ImportProblem
        self.model.fc.scaler.fl = 0.0
        with self.assertRaisesRegex(ImportProblem, "fc.*fused_model"):
            self.captured()

        class QWindowAttention(nn.Module):
            def forward(self, x):
                return x * x
        self.model.fc.scaler.fl = float(FRACTION)
        self.model.pool = QWindowAttention()
        with self.assertRaisesRegex(ImportProblem, "pool.*window attention"):
            self.captured()


if __name__ == "__main__":
    tool.main()
