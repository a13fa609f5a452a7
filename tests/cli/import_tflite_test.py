#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tactus import tflite: operators beyond those of the shared networks. Files and expected integers
are made by tests/support/tflite_model.py and the formulas below.
"""
import math
import sys
import unittest

import tool
from tool import ROOT, CliTest

sys.path.insert(0, str(ROOT / "tests" / "support"))
try:
    import numpy as np

    import import_here
    from tflite_model import F32, Graph, away, multiplier, saturated, scaled
except ImportError:
    np = None


@unittest.skipIf(np is None, "python3-flatbuffers or python3-h5py is not installed")
class Ops(CliTest):
    def setUp(self):
        super().setUp()
        self.rng = np.random.default_rng(21)
        self.g = Graph(2)

    def exact(self, outputs, ops, single=False):
        """Every tensor of the graph on fast, and the layer ops that the model has."""
        source, golden = self.g.write(self.folder, outputs, single)
        path = self.folder / "model.h5"
        import_here.good(self, "tflite", source, "--golden", golden, "-o", path, "--rounding",
                         "single" if single else "double")
        data = self.json_of("run", path, "--backend", "fast")
        self.assertEqual(data["outputs"]["mismatches"], 0)
        self.assertGreater(data["outputs"]["compared"], 30)
        made = [layer["op"] for layer in data["layers"]]
        for op in ops:
            self.assertIn(op, made)
        return path

    def out(self, shape, scale=0.05, zero=-3, kind="int8"):
        return self.g.tensor(shape, scale, zero, kind)

    def image(self, shape, scale=0.04, zero=5, kind="int8"):
        return self.g.add_input(shape, scale, zero, self.rng, kind)

    # Sums of products.

    def transposed(self, shape, kernel, stride, same, channels, out_hw):
        x = self.image(shape)
        scales = self.rng.uniform(0.01, 0.02, channels)
        data = self.rng.integers(-127, 128, (channels, *kernel, shape[3]))
        w = self.g.constant(data, scales, 0, "int8")
        bias = self.g.constant(self.rng.integers(-900, 900, channels))
        y = self.out((1, *out_hw, channels), 0.3)

        def result(_, weight, value, offset):
            total = [max((n - 1) * s + k - m, 0) for n, s, k, m in
                     zip(shape[1:3], stride, kernel, out_hw)]
            acc = np.zeros((1, *out_hw, channels), np.int64) + offset
            for i, j in np.ndindex(shape[1], shape[2]):
                for p, q in np.ndindex(*kernel):
                    at = (i * stride[0] - total[0] // 2 + p, j * stride[1] - total[1] // 2 + q)
                    if 0 <= at[0] < out_hw[0] and 0 <= at[1] < out_hw[1]:
                        acc[0, at[0], at[1]] += weight[:, p, q].astype(int) @ (
                            value[0, i, j].astype(int) - 5)
            sx, sy = self.g.step(x)[0], self.g.step(y)[0]
            for c in range(channels):
                m, s = multiplier(float(sx) * float(F32(scales[c])) / float(sy))
                acc[..., c] = scaled(acc[..., c], m, s)
            return saturated(acc - 3)
        size = self.g.constant([1, *out_hw, channels])
        return self.g.node(67, [size, w, x, bias], y, result,
                           [(0, "b", 0 if same else 1), (1, "i", stride[1]), (2, "i", stride[0])])

    def test_transpose_conv(self):
        """SAME with a cut on each side, VALID with pixels that nothing reaches."""
        a = self.transposed((1, 4, 3, 3), (3, 3), (2, 2), True, 4, (8, 6))
        self.exact([a], ["conv_transpose2d"])
        self.g = Graph(1)
        b = self.transposed((1, 3, 3, 2), (2, 1), (3, 2), False, 3, (9, 6))
        self.exact([b], ["conv_transpose2d"])

    def product(self, a, b, y, adj_y=False):
        (sa, za), (sb, zb), (sy, zy) = (self.g.step(t) for t in (a, b, y))
        m, s = multiplier(float(F32(sa * sb)) / float(sy))

        def result(left, right):
            right = np.swapaxes(right, -1, -2) if adj_y else right
            return saturated(scaled(np.matmul(left.astype(int) - za, right.astype(int) - zb), m, s)
                             + zy)
        return self.g.node(126, [a, b], y, result, [(0, "b", 0), (1, "b", int(adj_y))])

    def test_attention(self):
        """Dense layers over tokens, heads by reshape and transpose, two products, a sum."""
        tokens, width, heads = 5, 8, 2
        x = self.image((1, tokens, width))

        def dense(source, rows, scale):
            flat = self.g.tensor((tokens, width), *self.g.step(source))
            self.g.node(22, [source], flat, lambda v: v)
            data = self.rng.integers(-127, 128, (rows, width))
            w = self.g.constant(data, 0.01, 0, "int8")
            y = self.out((tokens, rows), scale)
            sx, zx = self.g.step(source)
            m, s = multiplier(float(F32(sx * F32(0.01))) / float(F32(scale)))
            self.g.node(9, [flat, w, -1], y, lambda v, u: saturated(scaled(
                (v.astype(int) - zx) @ u.astype(int).T, m, s) - 3))
            back = self.g.tensor((1, tokens, heads, rows // heads), *self.g.step(y))
            self.g.node(22, [y], back, lambda v: v)
            turned = self.g.tensor((1, heads, tokens, rows // heads), *self.g.step(y))
            perm = self.g.constant([0, 2, 1, 3])
            return self.g.node(39, [back, perm], turned, lambda v, p: v.transpose(0, 2, 1, 3))
        q, k, v = (dense(x, width, 0.05) for _ in range(3))
        scores = self.product(q, k, self.out((1, heads, tokens, tokens), 0.11, 4), True)
        mixed = self.product(scores, v, self.out((1, heads, tokens, width // heads), 0.4, 2))
        turned = self.g.tensor((1, tokens, heads, width // heads), *self.g.step(mixed))
        perm = self.g.constant([0, 2, 1, 3])
        self.g.node(39, [mixed, perm], turned, lambda v, p: v.transpose(0, 2, 1, 3))
        joined = self.g.tensor((1, tokens, width), *self.g.step(mixed))
        self.g.node(22, [turned], joined, lambda v: v)
        last = self.summed(joined, x, self.out((1, tokens, width), 0.5))
        self.exact([last], ["matmul", "transpose", "conv2d", "add"])

    # Elements.

    def summed(self, a, b, y, sign=1):
        (sa, za), (sb, zb), (sy, zy) = (self.g.step(t) for t in (a, b, y))
        sa, sb, sy = float(sa), float(sb), float(sy)
        twice = 2 * max(sa, sb)

        def result(one, other):
            first, second = (scaled((v.astype(np.int64) - z) << 20, *multiplier(s / twice))
                             for v, z, s in ((one, za, sa), (other, zb, sb)))
            total = scaled(first + sign * second, *multiplier(twice / ((1 << 20) * sy)))
            return saturated(total + zy)
        return self.g.node(0 if sign > 0 else 41, [a, b], y, result, [(0, "b", 0)])

    def test_operands_that_stand_for_all(self):
        """SUB, MUL and MAXIMUM of a tensor with one pixel, one channel or a constant."""
        x = self.image((1, 4, 3, 5))
        pixel = self.image((1, 1, 1, 5), 0.03, -9)
        channel = self.image((1, 4, 3, 1), 0.02, 11)
        a = self.summed(x, pixel, self.out((1, 4, 3, 5), 0.06), -1)
        y = self.out((1, 4, 3, 5), 0.1)
        m, s = multiplier(float(self.g.step(a)[0]) * float(F32(0.02)) / float(F32(0.1)))
        b = self.g.node(18, [a, channel], y, lambda v, w: saturated(scaled(
            (v.astype(int) + 3) * (w.astype(int) - 11), m, s) - 3), [(0, "b", 0)])
        level = self.g.constant(np.full((5,), -20), 0.1, -3, "int8")
        last = self.g.node(55, [b, level], self.out((1, 4, 3, 5), 0.1), np.maximum)
        self.exact([last], ["add", "mul", "maximum", "constant"])

    def mean_of(self, x, y, keep):
        (sx, zx), (sy, zy) = self.g.step(x), self.g.step(y)
        axes = self.g.constant([1, 2])

        def result(value, _):
            m, s = multiplier(float(sx / sy))
            count = value.shape[1] * value.shape[2]
            down = min(count.bit_length() - 1, 32, 31 + s)
            total = (value.astype(np.int64) - zx).sum(axis=(1, 2), keepdims=keep)
            return saturated(scaled(total, (m << down) // count, s - down) + zy)
        return self.g.node(40, [x, axes], y, result, [(0, "b", int(keep))])

    def test_mean_of_the_plane(self):
        x = self.image((1, 5, 7, 33))
        a = self.mean_of(x, self.out((1, 1, 1, 33), 0.004), True)
        b = self.mean_of(x, self.out((1, 33), 0.003, 8), False)
        self.exact([a, b], ["global_avgpool", "requant"])

    def curve(self, number, function, options=()):
        """A table of TFLite: float32, rounded away from zero."""
        y = self.out((1, 8, 8, 4), 0.011, -17)

        def result(value):
            with np.errstate(over="ignore"):
                real = function((F32(0.04) * (value.astype(int) - 5).astype(F32)).astype(F32))
            return saturated(away((real * (F32(1) / F32(0.011))).astype(F32)).astype(np.int64) - 17)
        return self.g.node(number, [self.x], y, result, options)

    def leaky(self, alpha):
        y = self.out((1, 8, 8, 4), 0.013, -17)

        def result(value):
            v = value.astype(int) - 5
            up = multiplier(float(F32(0.04) / F32(0.013)))
            down = multiplier(float(F32(F32(0.04) * F32(alpha)) / F32(0.013)))
            return saturated(np.where(v >= 0, scaled(v, *up), scaled(v, *down)) - 17)
        return self.g.node(98, [self.x], y, result, [(0, "f", alpha)])

    def hard_swish(self):
        """The kernel in 16-bit fixed point, one value after the other."""
        y = self.out((1, 8, 8, 4), 0.035, -30)
        fine = F32(F32(1 / 128) * F32(0.04))
        out_m, out_s = multiplier(float(F32(fine / F32(0.035))))
        gate_m, gate_s = multiplier(float(F32(fine / F32(3 / 32768))))
        out_m, gate_m = (out_m + 0x8000) >> 16, (gate_m + 0x8000) >> 16

        def high(a, b):
            return math.floor((a * b + (1 << 14)) / (1 << 15))

        def wrapped(value, most=32767):
            return max(-32768, min(most, value))

        def pot(value, e):
            return int(math.copysign(math.floor(abs(value) / 2 ** e + 0.5), value))

        def one(q):
            x = (int(q) - 5) * 128
            gate = wrapped(x << (gate_s - 1)) if gate_s > 0 else x
            gate = high(gate, gate_m)
            gate = wrapped(gate << 1) if gate_s > 0 else pot(gate, -gate_s)
            gate = (gate + 32768) >> 1
            value = gate * high(x, out_m)
            return pot(int(value / 32768), -out_s) - 30
        return self.g.node(117, [self.x], y, lambda v: saturated(
            np.vectorize(one, otypes=[int])(v)))

    def test_functions(self):
        self.x = self.image((1, 8, 8, 4))
        erf = np.vectorize(lambda v: math.erf(float(v)), otypes=[np.float32])
        root = F32(math.sqrt(0.5))
        outs = [
            self.curve(14, lambda x: F32(1) / (F32(1) + np.exp(-x))), self.curve(28, np.tanh),
            self.curve(150, lambda x: F32(0.5) * x * (F32(1) + erf(x * root)), [(0, "b", 0)]),
            self.curve(111, lambda x: np.where(x < 0, np.expm1(np.minimum(x, F32(0))), x)),
            self.leaky(0.2), self.hard_swish()]
        self.exact(outs, ["lut"])

    # Movement.

    def test_parts_and_joints(self):
        """SPLIT, STRIDED_SLICE, SLICE, PAD, CONCATENATION, RESIZE, DEPTH_TO_SPACE."""
        x = self.image((1, 4, 6, 8))
        like = self.g.step(x)
        halves = [self.g.tensor((1, 4, 6, 4), *like) for _ in range(2)]
        axis = self.g.constant(np.array(3))
        self.g.node(49, [axis, x], halves, lambda _, v: tuple(np.split(v, 2, 3)), [(0, "i", 2)])
        cut = self.g.tensor((1, 3, 6, 4), *like)
        begin, end, step = (self.g.constant(v) for v in ([0, -3, 0, 0], [1, 9, 0, 4], [1] * 4))
        self.g.node(45, [halves[0], begin, end, step], cut, lambda v, *_: v[:, -3:],
                    [(0, "i", 0), (1, "i", 4)])
        part = self.g.tensor((1, 3, 6, 4), *like)
        begin, size = self.g.constant([0, 1, 0, 0]), self.g.constant([1, 3, -1, -1])
        self.g.node(65, [halves[1], begin, size], part, lambda v, *_: v[:, 1:])
        joined = self.g.tensor((1, 3, 6, 8), *like)
        self.g.node(2, [cut, part], joined, lambda *v: np.concatenate(v, 3), [(0, "i", -1)])
        large = self.g.tensor((1, 6, 18, 8), *like)
        size = self.g.constant([6, 18])
        self.g.node(97, [joined, size], large, lambda v, _: v.repeat(2, 1).repeat(3, 2),
                    [(0, "b", 0), (1, "b", 1)])
        padded = self.g.tensor((1, 7, 20, 8), *like)
        amount = self.g.constant([[0, 0], [1, 0], [0, 2], [0, 0]])
        self.g.node(34, [large, amount], padded, lambda v, _: np.pad(
            v, ((0, 0), (1, 0), (0, 2), (0, 0)), constant_values=5))
        pooled = self.g.tensor((1, 7, 20, 8), *like)
        self.g.node(17, [padded], pooled, lambda v: v, [
            (0, "b", 1), (1, "i", 1), (2, "i", 1), (3, "i", 1), (4, "i", 1)])
        spread = self.g.tensor((1, 14, 40, 2), *like)
        self.g.node(5, [pooled], spread, lambda v: v.reshape(1, 7, 20, 2, 2, 2).transpose(
            0, 1, 3, 2, 4, 5).reshape(1, 14, 40, 2), [(0, "i", 2)])
        self.exact([spread], ["slice", "concat", "upsample", "constant", "pixel_shuffle"])

    def test_unsigned_tensors_of_two_scales_are_joined(self):
        a = self.image((1, 4, 4, 3), 0.04, 100, "uint8")
        b = self.image((1, 4, 4, 2), 0.07, 90, "uint8")
        y = self.out((1, 4, 4, 5), 0.05, 120, "uint8")

        def result(*values):
            parts = []
            for value, (scale, zero) in zip(values, (self.g.step(a), self.g.step(b))):
                factor = scale * (F32(1) / F32(0.05))
                real = (value.astype(F32) * factor + F32(-zero) * factor).astype(F32)
                parts.append(saturated(away(real).astype(int) + 120, "uint8"))
            return np.concatenate(parts, 3)
        last = self.g.node(2, [a, b], y, result, [(0, "i", 3)])
        self.exact([last], ["lut", "concat"])

    # What has no rule.

    def test_refusals_name_file_operator_and_reason(self):
        def one(number, more=(), options=(), shape=(1, 4, 4, 4), out_scale=0.04):
            self.g = Graph(1)
            x = self.image((1, 4, 4, 4))
            y = self.g.tensor(shape, out_scale, 5)
            extra = [self.g.constant(m) for m in more]
            self.g.operators.append((number, [x, *extra], [y], options))
            self.g.outputs = [y]
            path = self.folder / "test.tflite"
            path.write_bytes(self.g.bytes())
            return path
        cases = (
            ((27,), "operator 0 (svdf): it has no import rule"),
            ((23, [[8, 8]]), "resize_bilinear"),
            ((40, [[3]], [], (1, 4, 4, 1)), "whole plane"),
            ((97, [[6, 6]], [], (1, 6, 6, 4)), "does not copy each pixel"),
            ((39, [[0, 3, 1, 2]], [], (1, 4, 4, 4), 0.05), "changes the quantisation"),
            ((45, [[0] * 4, [1, 4, 4, 4], [1, 2, 1, 1]], [], (1, 2, 4, 4)), "step 2"),
            ((34, [[[0, 0], [0, 0], [0, 0], [1, 0]]], [], (1, 4, 4, 5)), "other axes"),
            ((117, [], [], (1, 4, 4, 4), 0.0001), "HARD_SWISH"))
        for given, words in cases:
            with self.subTest(words=words):
                import_here.refused(self, "tflite", one(*given), "-o", self.folder / "m.h5",
                                    saying=["test.tflite", words, "operator 0"])

    def test_single_rounding(self):
        x = self.image((1, 5, 5, 3))
        y = self.out((1, 5, 5, 3), 0.07)
        m, s = multiplier(float(F32(0.04)) / float(F32(0.07)))
        last = self.g.node(114, [x], y, lambda v: saturated(
            scaled(v.astype(int) - 5, m, s, True) - 3))
        self.exact([last], ["requant"], single=True)


if __name__ == "__main__":
    tool.main()
