#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small models in the importers' source formats, with random weights and with the integers
that their own definition gives, computed here with NumPy and nothing of the importers.

usage: make_import_sources.py FOLDER

small_t2c.h5                     a Torch2Chip capture: its float32 steps, one after the other
small_qdq.onnx, small_qdq.h5     ONNX between QuantizeLinear and DequantizeLinear, in float64
small_qonnx.onnx, small_qonnx.h5 QONNX with batch norm, in float64
"""

import json
import pathlib
import sys

import h5py
import numpy as np

F32 = np.float32
FRACTION = 26


def windows(x, kernel, stride, padding):
    """Taps of a window over [C,H,W]: [C*kh*kw, oh*ow] and the output extents."""
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    count = (padded.shape[1] - kernel) // stride + 1
    across = (padded.shape[2] - kernel) // stride + 1
    taps = [padded[:, y:y + stride * (count - 1) + 1:stride, z:z + stride * (across - 1) + 1:stride]
            for y in range(kernel) for z in range(kernel)]
    stacked = np.stack(taps, axis=1)  # C, taps, oh, ow
    return stacked.reshape(-1, count * across), count, across


def conv(x, weight, stride=1, padding=1):
    """Plain sum of products."""
    columns, count, across = windows(x, weight.shape[2], stride, padding)
    return (weight.reshape(weight.shape[0], -1) @ columns).reshape(-1, count, across)


# Torch2Chip.


class Toolkit:
    """The toolkit's arithmetic: integers in float32 between fixed-point scales."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.layers, self.graph, self.record = {}, [], []

    def weighted(self, name, op, sources, shape, *, scale, zero=0, relu=False, stride=1):
        out = shape[0]
        weight = self.rng.integers(-8, 8, shape)
        real = self.rng.uniform(2e-3, 6e-3, out)
        self.layers[name] = {
            "op": op, "weight": weight, "act_scale": F32(scale), "act_zero": zero, "relu": relu,
            "stride": stride, "scale_int": np.trunc(real * 2.0 ** FRACTION).astype(np.int64),
            "bias_int": np.trunc(self.rng.uniform(-1, 1, out) * 2.0 ** FRACTION).astype(np.int64)}
        self.graph.append({"name": name, "op": op, "src": sources})

    def other(self, name, op, sources):
        self.graph.append({"name": name, "op": op, "src": sources})

    def one(self, entry, values, seen):
        if entry["op"] == "add_relu":
            a, b = (values[s] for s in entry["src"])
            return np.maximum(F32(a + b), F32(0))
        if entry["op"] == "avgpool":
            x = values[entry["src"][0]]
            return x.reshape(x.shape[0], -1).mean(axis=1, dtype=F32)
        layer = self.layers[entry["name"]]
        x = values[entry["src"][0]]
        stored = np.clip(np.rint(F32(x * layer["act_scale"])) + layer["act_zero"], 0, 255)
        operand = (stored - layer["act_zero"]).astype(np.int64)
        weight = layer["weight"]
        if entry["op"] == "conv":
            acc = conv(operand, weight, layer["stride"])
        else:
            acc = weight @ operand
        shape = (-1,) + (1,) * (acc.ndim - 1)
        scaled = F32(F32(F32(acc) * F32(layer["scale_int"]).reshape(shape))
                     + F32(layer["bias_int"]).reshape(shape))
        post = F32(scaled * F32(2.0 ** -FRACTION))
        post = np.maximum(post, F32(0)) if layer["relu"] else post
        seen[entry["name"]] = {"input": operand.astype(np.int16), "output": acc.astype(np.int32)}
        return post

    def image(self, x):
        values, seen = {"000_input": x}, {}
        for entry in self.graph:
            values[entry["name"]] = self.one(entry, values, seen)
            seen.setdefault(entry["name"], {})["post_f32"] = values[entry["name"]]
        return seen, int(values[self.graph[-1]["name"]].argmax())

    def write(self, path, images):
        with h5py.File(path, "w") as file:
            meta = file.create_group("meta").attrs
            meta["graph"], meta["case"] = json.dumps(self.graph), "small_t2c"
            meta["toolkit_commit"] = "none, written by make_import_sources.py"
            for entry in self.graph:
                group = file.create_group(f"layers/{entry['name']}")
                group.attrs.update({"op": entry["op"], "relu": entry["op"] == "add_relu"})
                if entry["name"] in self.layers:
                    self.write_layer(group, self.layers[entry["name"]])
            for k, x in enumerate(images):
                seen, best = self.image(x)
                group = file.create_group(f"golden/image_{k}")
                group.attrs.update({"label": best, "prediction": best})
                for name, tensors in seen.items():
                    for key, value in tensors.items():
                        group[f"{name}/{key}"] = value[None]

    @staticmethod
    def write_layer(group, layer):
        weight = layer["weight"]
        group.attrs.update({"relu": layer["relu"], "weight_bits": 4, "act_bits": 8, "act_qlb": 0,
                            "act_unsigned": True, "act_qub": 255, "scale_frac_bits": FRACTION,
                            "scale_word_bits": 32, "act_quantizer": "MinMaxQuantizer",
                            "groups": 1, "conv_bias": False})
        if weight.ndim == 4:
            group.attrs.update({"stride": [layer["stride"]] * 2, "padding": [1, 1],
                                "dilation": [1, 1], "kernel": weight.shape[2:]})
        group["weight"] = weight.astype(np.int8)
        group["act_scale_f32"], group["act_zero_point"] = layer["act_scale"], layer["act_zero"]
        for key in ("scale_int", "bias_int"):
            group[key] = layer[key].reshape((1, -1) + (1,) * (weight.ndim - 2))


def torch2chip(folder):
    """Two residual blocks, the second with a stride; three images."""
    net = Toolkit(7)
    net.weighted("001_stem", "conv", ["000_input"], (4, 1, 3, 3), scale=64, zero=100, relu=True)
    net.weighted("002_a1", "conv", ["001_stem"], (4, 4, 3, 3), scale=30, relu=True)
    net.weighted("003_a2", "conv", ["002_a1"], (4, 4, 3, 3), scale=25)
    net.other("004_add", "add_relu", ["003_a2", "001_stem"])
    net.weighted("005_b1", "conv", ["004_add"], (8, 4, 3, 3), scale=20, relu=True, stride=2)
    net.weighted("006_b2", "conv", ["005_b1"], (8, 8, 3, 3), scale=12)
    net.weighted("007_skip", "conv", ["004_add"], (8, 4, 3, 3), scale=18, stride=2)
    net.other("008_add", "add_relu", ["006_b2", "007_skip"])
    net.other("009_pool", "avgpool", ["008_add"])
    net.weighted("010_fc", "linear", ["009_pool"], (5, 8), scale=8)
    rng = np.random.default_rng(11)
    images = [rng.uniform(-1.5, 2.4, (1, 8, 8)).astype(F32) for _ in range(3)]
    net.write(folder / "small_t2c.h5", images)


# ONNX.


class Graph:
    """Nodes, initialisers and the value of every node in float64."""

    def __init__(self, name):
        self.name, self.nodes, self.constants, self.counter = name, [], {}, 0
        self.integers, self.sums = {}, {}

    def constant(self, array):
        self.counter += 1
        name = f"c{self.counter}"
        self.constants[name] = np.asarray(array)
        return name

    def node(self, op, inputs, **attributes):
        from onnx import helper
        domain = attributes.pop("domain", "")
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"{op}_{len(self.nodes)}",
                                           domain=domain, **attributes))
        return name, f"{len(self.nodes) - 1:03d}_{op}"

    def write(self, folder, shape, last):
        from onnx import TensorProto, helper, numpy_helper, save
        given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
        out = [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)]
        values = [numpy_helper.from_array(v, k) for k, v in self.constants.items()]
        graph = helper.make_graph(self.nodes, self.name, given, out, values)
        save(helper.make_model(graph), str(folder / f"{self.name}.onnx"))


class Samples:
    """Integers and accumulators per inference, in the layout that --golden reads."""

    def __init__(self, path):
        self.file, self.key = h5py.File(path, "w"), ""

    def integer(self, key, value):
        self.file[f"{self.key}/{key}.integer"] = np.asarray(value, np.int64)[None]

    def accumulator(self, key, value):
        self.file[f"{self.key}/{key}.accumulator"] = np.asarray(value, np.int64)[None]


def qdq(folder):
    """conv + ReLU, max pool, conv with a residual add, global average pool, Gemm."""
    rng = np.random.default_rng(3)
    g = Graph("small_qdq")
    samples = Samples(folder / "small_qdq.h5")
    work = []  # (function of the state) in node order

    def quantise(value, scale, zero):
        s, z = g.constant(F32(scale)), g.constant(np.int8(zero))
        q, key = g.node("QuantizeLinear", [value, s, z])
        back, _ = g.node("DequantizeLinear", [q, s, z])

        def step(state):
            real = state[value] / float(F32(scale))
            state[q] = np.clip(np.rint(real) + zero, -128, 127).astype(np.int64)
            state[back] = (state[q] - zero) * float(F32(scale))
            samples.integer(key, state[q])
        work.append(step)
        return back

    def weights(shape, scales):
        w = rng.integers(-90, 91, shape).astype(np.int8)
        scales = np.asarray(scales, F32)
        zeros = np.zeros(len(scales), np.int8)
        name, _ = g.node("DequantizeLinear", [g.constant(w), g.constant(scales), g.constant(zeros)],
                         axis=0)
        return name, w.astype(np.float64) * scales.astype(np.float64).reshape(
            (-1,) + (1,) * (w.ndim - 1))

    def convolve(value, shape, relu):
        name, real = weights(shape, rng.uniform(0.004, 0.01, shape[0]))
        bias = rng.uniform(-0.5, 0.5, shape[0]).astype(F32)
        out, _ = g.node("Conv", [value, name, g.constant(bias)], pads=[1, 1, 1, 1])
        if relu:
            after, _ = g.node("Relu", [out])

        def step(state):
            result = conv(state[value], real) + bias.astype(np.float64).reshape(-1, 1, 1)
            state[after if relu else out] = np.maximum(result, 0) if relu else result
        work.append(step)
        return after if relu else out

    first = quantise("x", 0.02, -5)
    a = quantise(convolve(first, (6, 2, 3, 3), True), 0.03, -128)
    pooled, _ = g.node("MaxPool", [a], kernel_shape=[2, 2], strides=[2, 2])

    def pool(state):
        x = state[a]
        state[pooled] = x.reshape(x.shape[0], x.shape[1] // 2, 2, x.shape[2] // 2, 2).max((2, 4))
    work.append(pool)
    b = quantise(convolve(pooled, (6, 6, 3, 3), False), 0.09, 3)
    added, _ = g.node("Add", [b, pooled])

    def add(state):
        state[added] = state[b] + state[pooled]
    work.append(add)
    c = quantise(added, 0.08, 10)
    mean, _ = g.node("GlobalAveragePool", [c])
    flat_source = quantise(mean, 0.05, 1)
    flat, _ = g.node("Flatten", [flat_source])
    work[-1:] = [lambda state: state.__setitem__(mean, state[c].mean((1, 2))), work[-1]]
    name, matrix = weights((4, 6), np.array([0.008]))
    last, _ = g.node("Gemm", [flat, name], transB=1)
    work.append(lambda state: state.__setitem__(last, matrix @ state[flat_source].reshape(-1)))
    final = quantise(last, 0.06, 0)
    g.write(folder, [1, 2, 8, 8], final)
    for k in range(3):
        samples.key = f"sample_{k}"
        state = {"x": rng.uniform(-2.4, 2.6, (2, 8, 8))}
        for step in work:
            step(state)
    samples.file.close()


def qonnx(folder):
    """Quant, conv, batch norm, Quant of two bits, BipolarQuant weights, MatMul."""
    rng = np.random.default_rng(5)
    g = Graph("small_qonnx")
    samples = Samples(folder / "small_qonnx.h5")
    domain = "qonnx.custom_op.general"

    def quant(value, scale, bits, narrow):
        return g.node("Quant", [value, g.constant(F32(scale)), g.constant(F32(0)),
                                g.constant(F32(bits))], domain=domain, signed=1, narrow=narrow,
                      rounding_mode="ROUND")

    def levels(x, scale, bits, narrow):
        high = 2 ** (bits - 1) - 1
        return np.clip(np.rint(x / scale), -high if narrow else -high - 1, high)

    w1 = rng.normal(0, 0.3, (5, 1, 3, 3)).astype(F32)
    w2 = rng.normal(0, 1, (5 * 36, 3)).astype(F32)
    norm = [rng.uniform(0.5, 2, 5), rng.uniform(-1, 1, 5), rng.uniform(-1, 1, 5),
            rng.uniform(0.3, 2, 5)]
    norm[0][2] *= -1  # a channel that falls
    norm = [v.astype(F32) for v in norm]
    x_key = quant("x", 0.25, 4, 0)
    w_name = quant(g.constant(w1), 0.125, 4, 1)[0]
    conv_name, conv_key = g.node("Conv", [x_key[0], w_name], pads=[1, 1, 1, 1])
    bn, _ = g.node("BatchNormalization", [conv_name, *[g.constant(v) for v in norm]], epsilon=1e-3)
    a_key = quant(bn, 0.5, 2, 1)
    flat, _ = g.node("Flatten", [a_key[0]])
    signs, _ = g.node("BipolarQuant", [g.constant(w2), g.constant(F32(1))], domain=domain)
    last, last_key = g.node("MatMul", [flat, signs])
    g.write(folder, [1, 1, 6, 6], last)
    weights = levels(w1.astype(np.float64), 0.125, 4, True)
    factor = norm[0].astype(np.float64) / np.sqrt(norm[3].astype(np.float64) + float(F32(1e-3)))
    for k in range(3):
        samples.key = f"sample_{k}"
        q = levels(rng.uniform(-2, 2, (1, 6, 6)), 0.25, 4, False)
        acc = conv(q, weights)
        real = (acc * 0.25 * 0.125 - norm[2].astype(np.float64).reshape(-1, 1, 1)) * factor.reshape(
            -1, 1, 1) + norm[1].astype(np.float64).reshape(-1, 1, 1)
        a = levels(real, 0.5, 2, True)
        samples.integer(x_key[1], q)
        samples.accumulator(conv_key, acc)
        samples.integer(a_key[1], a)
        samples.accumulator(last_key, a.reshape(-1) @ np.where(w2 >= 0, 1, -1))
    samples.file.close()


def main():
    """Writes everything into the folder."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch2chip(folder)
    qdq(folder)
    qonnx(folder)
    print("\n".join(sorted(path.name for path in folder.iterdir())))


if __name__ == "__main__":
    main()
