#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tactus import onnx: ops of transformers, detectors and super-resolution. The expected integers
are those of tests/support/onnx_float.py, which computes each operator from its definition.
"""
import json
import sys
import unittest

import tool
from tool import ROOT, CliTest

sys.path.insert(0, str(ROOT / "tests" / "support"))
try:
    import h5py
    import numpy as np
    from onnx import TensorProto, helper, save

    import import_here
    import onnx_float
    from onnx_float import Graph
except ImportError:
    helper = None


@unittest.skipIf(helper is None, "python3-onnx is not installed")
class Ops(CliTest):
    def setUp(self):
        super().setUp()
        self.rng = np.random.default_rng(8)

    def images(self, *shape, count=2):
        return [self.rng.uniform(-2, 2, (1, *shape)) for _ in range(count)]

    def imported(self, graph, last, inputs=("x",)):
        source, golden = graph.write(self.folder, last, inputs)
        path = self.folder / "model.h5"
        import_here.good(self, "onnx", source, "--golden", golden, "-o", path)
        return path

    def exact(self, graph, last, ops=(), inputs=("x",)):
        """Every integer of the graph on fast, and the layer ops that the model has."""
        path = self.imported(graph, last, inputs)
        data = self.json_of("run", path, "--backend", "fast")
        self.assertEqual(data["outputs"]["mismatches"], 0)
        compared = sum(v.size for values in graph.integers.values() for v in values)
        self.assertGreater(data["outputs"]["compared"], 0.3 * compared)
        made = [layer["op"] for layer in data["layers"]]
        for op in ops:
            self.assertIn(op, made)
        return path

    def kernel(self, g, out, inner, size=3):
        return g.weights(self.rng.integers(-99, 100, (out, inner, size, size)),
                         self.rng.uniform(0.003, 0.006, out))

    def test_functions_become_tables(self):
        """Parts of GELU and SiLU join into one table; ties and saturation included."""
        g = Graph(self.images(4, 5, 5))
        q = g.quantised("x", 0.0157, 3)
        outs = [g.node("HardSwish", q), g.node("LeakyRelu", q, alpha=0.1), g.node("Tanh", q),
                g.node("Elu", q), g.node("Mul", q, g.node("Sigmoid", q))]
        erf = g.node("Erf", g.node("Div", q, g.constant(np.float32(np.sqrt(2)))))
        half = g.node("Mul", q, g.node("Add", erf, g.constant(np.float32(1))))
        outs.append(g.node("Mul", half, g.constant(np.float32(0.5))))
        quantised = [g.quantised(out, 0.0091, -20) for out in outs]
        last = g.quantised(g.node("Concat", *quantised, axis=1), 0.0091, -20)
        path = self.exact(g, last, ["lut", "concat"])
        ops = [layer["op"] for layer in self.json_of("inspect", path)["layers"]]
        self.assertEqual(ops.count("lut"), 6)

    def test_channels_are_cut_and_joined(self):
        """Split, Slice, Concat of several scales, Pad, Resize, PRelu, Max, Min, Mul, Clip."""
        g = Graph(self.images(6, 6, 6))
        q = g.quantised("x", 0.0157, 3)
        a, b = g.node("Split", q, outputs=2, axis=1)
        made = g.node("Conv", a, self.kernel(g, 4, 3), pads=[1, 1, 1, 1])
        first = g.quantised(g.node("PRelu", made, g.constant(np.array(
            [0.1, 0.25, 0.5, 0.0]).reshape(4, 1, 1))), 0.021, -60)
        other = g.quantised(g.node("Clip", g.node("Conv", b, self.kernel(g, 4, 3),
                                                  pads=[1, 1, 1, 1]),
                                   g.constant(np.float32(0)), g.constant(np.float32(6))), 0.024,
                            0, np.uint8)
        joined = g.quantised(g.node("Concat", first, other, axis=1), 0.025, 100, np.uint8)
        cut = g.node("Slice", joined, g.constant(np.array([2, 1])), g.constant(np.array([-2, 5])),
                     g.constant(np.array([1, 3])))
        large = g.node("Resize", cut, "", g.constant(np.array([1, 1, 2, 3], np.float32)),
                       mode="nearest", coordinate_transformation_mode="asymmetric",
                       nearest_mode="floor")
        wide = g.node("Pad", large, g.constant(np.array([0, 0, 0, 1, 0, 0, 2, 0])))
        one = g.quantised(g.node("Conv", wide, self.kernel(g, 3, 4)), 0.05, 10)
        two = g.quantised(g.node("Conv", wide, self.kernel(g, 3, 4)), 0.06, -10)
        top = g.quantised(g.node("Max", one, two), 0.05, 0)
        low = g.quantised(g.node("Min", one, two), 0.05, 0)
        last = g.quantised(g.node("Mul", top, low), 0.2, 5)
        self.exact(g, last, ["slice", "concat", "upsample", "constant", "maximum", "minimum",
                             "mul"])

    def attention(self, tokens, width, heads):
        """Scores and values of a self-attention without the softmax."""
        g = Graph([self.rng.normal(0, 1, (1, tokens, width)) for _ in range(2)])
        q = g.quantised("x", 0.021, 5)
        w = g.weights(self.rng.integers(-99, 100, (width, 3 * width)),
                      self.rng.uniform(0.002, 0.004, 3 * width), axis=1)
        bias = g.constant(self.rng.uniform(-0.5, 0.5, 3 * width).astype(np.float32))
        qkv = g.quantised(g.node("Add", g.node("MatMul", q, w), bias), 0.02, -7)
        shape = g.constant(np.array([1, tokens, 3, heads, width // heads]))
        parts = g.node("Transpose", g.node("Reshape", qkv, shape), perm=[2, 0, 3, 1, 4])
        return g, q, [g.node("Gather", parts, g.constant(np.array(k)), axis=0) for k in range(3)]

    def test_attention(self):
        tokens, width, heads = 6, 8, 2
        g, x, (q, k, v) = self.attention(tokens, width, heads)
        scores = g.node("MatMul", q, g.node("Transpose", k, perm=[0, 1, 3, 2]))
        scores = g.node("Mul", scores, g.constant(np.float32((width // heads) ** -0.5)))
        weights = g.quantised(scores, 0.011, 12)  # exact so far
        mixed = g.quantised(g.node("MatMul", weights, v), 0.03, 1)
        back = g.node("Reshape", g.node("Transpose", mixed, perm=[0, 2, 1, 3]),
                      g.constant(np.array([1, tokens, width])))
        w = g.weights(self.rng.integers(-99, 100, (width, width)), np.float32(0.003))
        summed = g.quantised(g.node("Add", x, g.node("MatMul", back, w)), 0.025, 2)
        pooled = g.node("ReduceMean", summed, axes=[1], keepdims=0)
        w = g.weights(self.rng.integers(-99, 100, (width, 3)), np.float32(0.003))
        last = g.quantised(g.node("MatMul", g.quantised(pooled, 0.01, 0), w), 0.01, 0)
        path = self.exact(g, last, ["matmul", "slice", "transpose", "global_avgpool"])
        for backend in ("ref", "systemc"):
            if backend in tool.backends():
                data = self.json_of("run", path, "--backend", backend)
                self.assertEqual(data["outputs"]["mismatches"], 0, backend)

    def test_softmax_and_norm(self):
        """Approximations of stated error: few integers move, by one, and only there."""
        self.norm_after_softmax(False)

    def test_softmax_and_norm_as_exporters_write_it(self):
        self.norm_after_softmax(True)

    def norm_after_softmax(self, as_chain):
        tokens, width, heads = 6, 16, 2
        g, _, (q, k, v) = self.attention(tokens, width, heads)
        scores = g.quantised(g.node("MatMul", q, g.node("Transpose", k, perm=[0, 1, 3, 2])), 0.05)
        rows = g.quantised(g.node("Softmax", scores, axis=-1), 1 / 256, 0, np.uint8)
        mixed = g.quantised(g.node("MatMul", rows, v), 0.02, 1)
        back = g.node("Reshape", g.node("Transpose", mixed, perm=[0, 2, 1, 3]),
                      g.constant(np.array([1, tokens, width])))
        gain = g.constant(self.rng.uniform(0.5, 1.5, width).astype(np.float32))
        offset = g.constant(self.rng.uniform(-0.5, 0.5, width).astype(np.float32))
        if as_chain:
            centred = g.node("Sub", back, g.node("ReduceMean", back, axes=[-1]))
            square = g.node("Pow", centred, g.constant(np.float32(2)))
            variance = g.node("Add", g.node("ReduceMean", square, axes=[-1]),
                              g.constant(np.float32(1e-6)))
            normed = g.node("Mul", g.node("Div", centred, g.node("Sqrt", variance)), gain)
            normed = g.node("Add", normed, offset)
        else:
            normed = g.node("LayerNormalization", back, gain, offset, epsilon=1e-6)
        last = g.quantised(normed, 0.022, 3)
        path = self.imported(g, last)
        done = tool.tactus("run", path, "--backend", "fast", "--feed", "golden", "--json", "-")
        moved = {}
        for layer in json.loads(done.stdout)["layers"]:
            if layer["output"]:
                moved.setdefault(layer["op"], []).append(layer["output"])
        self.assertEqual(sum(o["moved"] for o in moved["matmul"]), 0)
        for op in ("softmax", "layernorm"):
            self.assertLess(moved[op][0]["moved"], 0.05 * moved[op][0]["compared"])
            self.assertLessEqual(moved[op][0]["largest"], 1)

    def test_patches_become_tokens(self):
        """Conv, Reshape, Transpose, Concat of a class token, Add of the positions."""
        g = Graph(self.images(1, 6, 9))
        q = g.quantised("x", 0.0157, 3)
        made = g.quantised(g.node("Conv", q, self.kernel(g, 5, 1), strides=[3, 3]), 0.02, -4)
        flat = g.node("Reshape", made, g.constant(np.array([1, 5, 6])))
        tokens = g.node("Transpose", flat, perm=[0, 2, 1])
        first = g.constant(self.rng.normal(0, 0.5, (1, 1, 5)).astype(np.float32))
        place = g.constant(self.rng.normal(0, 0.5, (1, 7, 5)).astype(np.float32))
        whole = g.node("Concat", first, tokens, axis=1)
        stream = g.quantised(g.node("Add", whole, place), 0.03, 0)
        w = g.weights(self.rng.integers(-99, 100, (5, 4)), np.float32(0.003))
        last = g.quantised(g.node("MatMul", stream, w), 0.02, 0)
        self.exact(g, last, ["reshape", "concat", "constant", "add"])

    def test_pixels_are_spread(self):
        """ConvTranspose in groups, DepthToSpace in both orders, a gate for each channel."""
        g = Graph(self.images(4, 4, 5))
        q = g.quantised("x", 0.0157, 3)
        w = g.weights(self.rng.integers(-99, 100, (4, 4, 3, 2)), np.float32(0.004))
        bias = g.constant(self.rng.uniform(-0.5, 0.5, 8).astype(np.float32))
        large = g.quantised(g.node("ConvTranspose", q, w, bias, strides=[2, 2], group=2,
                                   pads=[1, 0, 0, 1], output_padding=[1, 1]), 0.03, 9)
        gate = g.quantised(g.node("Sigmoid", g.quantised(g.node("GlobalAveragePool", large), 0.01)),
                           1 / 256, 0, np.uint8)
        gated = g.quantised(g.node("Mul", large, gate), 0.02, -3)
        shuffled = [g.node("DepthToSpace", gated, blocksize=2, mode=m) for m in ("DCR", "CRD")]
        last = g.quantised(g.node("Add", *shuffled), 0.04, 0)
        self.exact(g, last, ["conv_transpose2d", "pixel_shuffle", "mul", "lut"])

    def test_shared_values_are_computed_once(self):
        """A convolution with two readers, one of them twice with the same quantiser."""
        g = Graph(self.images(3, 4, 4))
        made = g.node("Conv", g.quantised("x", 0.016, 1), self.kernel(g, 4, 3), pads=[1, 1, 1, 1])
        a, b, c = (g.quantised(made, s, z) for s, z in ((0.03, 5), (0.03, 5), (0.02, -4)))
        pooled = g.quantised(g.node("GlobalMaxPool", c), 0.02, -4)
        last = g.quantised(g.node("Add", g.node("Add", a, b), pooled), 0.05, 0)
        path = self.exact(g, g.node("Identity", last), ["maxpool", "add"])
        ops = [layer["op"] for layer in self.json_of("inspect", path)["layers"]]
        self.assertEqual((ops.count("conv2d"), ops.count("requant")), (1, 2))

    def test_two_inputs(self):
        g = Graph(self.images(3, 4, 4))
        g.values["y"] = self.images(3, 4, 4)
        a, b = g.quantised("x", 0.016, 1), g.quantised("y", 0.017, -3)
        last = g.quantised(g.node("Sub", a, b), 0.03, 0)
        self.exact(g, last, ["add"], inputs=("x", "y"))

    # Integers without floats around them.

    def test_products_of_two_integer_tensors(self):
        """QLinearMatMul and MatMulInteger of activations."""
        a = self.rng.integers(0, 256, (1, 2, 5, 4)).astype(np.uint8)
        b = self.rng.integers(-128, 128, (1, 2, 4, 3)).astype(np.int8)
        za, zb = np.uint8(120), np.int8(-5)
        acc = np.matmul(a.astype(int) - int(za), b.astype(int) - int(zb))
        names = {"as": np.float32(0.02), "az": za, "bs": np.float32(0.03), "bz": zb,
                 "ys": np.float32(0.09), "yz": np.int8(4)}
        from onnx import numpy_helper
        scale = float(names["as"]) * float(names["bs"]) / float(names["ys"])
        want = np.clip(np.rint(acc * scale) + 4, -128, 127)
        for op, given, result in (
                ("QLinearMatMul", ["a", "as", "az", "b", "bs", "bz", "ys", "yz"], want),
                ("MatMulInteger", ["a", "b", "az", "bz"], acc)):
            with self.subTest(op=op):
                node = helper.make_node(op, given, ["y"], name="product")
                graph = helper.make_graph(
                    [node], "g", [helper.make_tensor_value_info("a", TensorProto.UINT8, a.shape),
                                  helper.make_tensor_value_info("b", TensorProto.INT8, b.shape)],
                    [helper.make_tensor_value_info("y", TensorProto.INT32, None)],
                    [numpy_helper.from_array(np.asarray(v), k) for k, v in names.items()])
                save(helper.make_model(graph), str(self.folder / "g.onnx"))
                path = self.folder / "g.h5"
                import_here.good(self, "onnx", self.folder / "g.onnx", "-o", path)
                self.compare(path, {"a": a, "b": b}, result, op)

    def test_weight_zero_points_per_channel(self):
        """One more bit of weights, on an array that has it; 8-bit arrays refuse, and it is said."""
        from onnx import numpy_helper
        x = self.rng.integers(0, 256, (1, 3, 5, 4)).astype(np.uint8)
        w = self.rng.integers(0, 256, (2, 3, 3, 3)).astype(np.uint8)
        zeros = np.array([3, 250], np.uint8)
        names = {"xs": np.float32(0.02), "xz": np.uint8(7), "w": w, "ws": np.float32([0.01, 0.02]),
                 "wz": zeros, "ys": np.float32(9), "yz": np.uint8(128)}
        real = onnx_float.conv(x.astype(float) - 7, w - zeros.reshape(2, 1, 1, 1).astype(float))
        scale = 0.02 * names["ws"].astype(float).reshape(2, 1, 1) / 9
        want = np.clip(np.rint(real * scale) + 128, 0, 255)
        node = helper.make_node("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"],
                                ["y"], name="the_node")
        graph = helper.make_graph(
            [node], "g", [helper.make_tensor_value_info("x", TensorProto.UINT8, x.shape)],
            [helper.make_tensor_value_info("y", TensorProto.UINT8, None)],
            [numpy_helper.from_array(np.asarray(v), k) for k, v in names.items()])
        save(helper.make_model(graph), str(self.folder / "g.onnx"))
        path = self.folder / "g.h5"
        said = import_here.good(self, "onnx", self.folder / "g.onnx", "-o", path)
        self.assertRegex(said, "warning: the_node: .*9 bits.*flex_4_w16")
        with h5py.File(path, "r+") as file:
            group = file.create_group("golden/0")
            group.attrs["origin"] = "reference"
            group["inputs/x"], group["000_the_node"] = x[0], want[0].astype(np.uint8)
        data = self.json_of("run", path, "--backend", "fast", "--preset", "flex_4_w16")
        self.assertEqual((data["outputs"]["mismatches"], data["outputs"]["compared"]), (0, 12))
        self.refused("run", path, "--backend", "fast", saying="9 bits")

    def compare(self, path, inputs, want, op):
        """Heads x rows are the model's columns; its golden tensors are written here."""
        with h5py.File(path, "r+") as file:
            group = file.create_group("golden/0")
            group.attrs["origin"] = "reference"
            # Rows are columns of the model: [head, T, channel] lies as [head channel, 1, T].
            for name, x in inputs.items():
                value = x[0].transpose(0, 2, 1)
                group[f"inputs/{name}"] = value.reshape(-1, 1, x.shape[2])
            (last,) = [k for k in file["layers"] if k.endswith("product")]
            value = want[0].transpose(0, 2, 1).reshape(-1, 1, want.shape[2])
            group[last] = value.astype(np.int64)
        data = self.json_of("run", path, "--backend", "fast")
        self.assertEqual(data["outputs"]["mismatches"], 0, op)
        self.assertEqual(data["outputs"]["compared"], want.size, op)

    # What has no rule.

    def test_refusals_name_file_node_and_reason(self):
        def one(op, *more, shape=(4, 4, 4), **attributes):
            g = Graph(self.images(*shape, count=1))
            q = g.quantised("x", 0.0157, 3)
            node = helper.make_node(op, [q, *[g.constant(m) for m in more]], ["out"],
                                    name="the_node", **attributes)
            g.nodes.append(node)
            g.nodes.append(helper.make_node("Identity", ["out"], ["end"]))
            return g.write(self.folder, "end")[0]
        none = np.zeros(0, np.float32)
        cases = (
            (("LSTM",), {}, "LSTM has no import rule"),
            (("Resize", none, none, np.array([1, 4, 6, 6])), {}, "does not copy each pixel"),
            (("Resize", none, np.array([1, 1, 2, 2], np.float32)), {"mode": "linear"},
             "only nearest"),
            (("Slice", np.array([0]), np.array([4]), np.array([2]), np.array([2])), {}, "step 2"),
            (("ReduceMean",), {"axes": [1, 2]}, "other axes"),
            (("ReduceMean",), {"axes": [1]}, "outside a layer norm"),
            (("Softmax",), {"axis": 3}, "not the channels"),
            (("Pad", np.array([0, 0, 1, 0, 0, 0, 1, 0])), {"mode": "reflect"}, "reflect"),
            (("Gather", np.array([0, 2])), {"axis": 1}, "no neighbours"),
            (("MatMul", np.ones((4, 2), np.float32)), {}, "without a quantiser"))
        for given, attributes, words in cases:
            with self.subTest(words=words):
                source = one(*given, **attributes)
                import_here.refused(self, "onnx", source, "-o", self.folder / "m.h5",
                                    saying=["the_node", words, "test.onnx"])


if __name__ == "__main__":
    tool.main()
