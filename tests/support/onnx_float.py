# SPDX-License-Identifier: Apache-2.0
"""Small ONNX graphs in the making: each node is computed in float64 straight from the operator's
definition, and every QuantizeLinear keeps its integers. Shares nothing with the importer.
"""
import math

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ERF = np.vectorize(math.erf)


def conv(x, w, b=None, **a):
    """Direct sums over taps."""
    (sh, sw), groups = a.get("strides", [1, 1]), a.get("group", 1)
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    out, inner, kh, kw = w.shape
    height, width = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    y = np.zeros((1, out, height, width))
    for o in range(out):
        first = o // (out // groups) * inner
        for i, j in np.ndindex(height, width):
            part = x[0, first:first + inner, i * sh:i * sh + kh, j * sw:j * sw + kw]
            y[0, o, i, j] = (part * w[o]).sum()
    return y if b is None else y + b.reshape(1, -1, 1, 1)


def conv_transpose(x, w, b=None, **a):
    """Every input pixel adds its kernel to the output."""
    (sh, sw), groups = a.get("strides", [1, 1]), a.get("group", 1)
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    more = a.get("output_padding", [0, 0])
    inner, outer = w.shape[0] // groups, w.shape[1]
    height = (x.shape[2] - 1) * sh + w.shape[2] + more[0]
    width = (x.shape[3] - 1) * sw + w.shape[3] + more[1]
    y = np.zeros((1, groups * outer, height, width))
    for c, i, j in np.ndindex(*x.shape[1:]):
        g = c // inner
        y[0, g * outer:(g + 1) * outer, i * sh:i * sh + w.shape[2],
          j * sw:j * sw + w.shape[3]] += x[0, c, i, j] * w[c]
    y = y[:, :, top:height - bottom, left:width - right]
    return y if b is None else y + b.reshape(1, -1, 1, 1)


def softmax(x, axis=-1):
    """exp(x) over its sum."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def layer_norm(x, gain, offset, epsilon=1e-5, axis=-1):
    """Over the last axis."""
    centred = x - x.mean(axis=axis, keepdims=True)
    return centred / np.sqrt((centred ** 2).mean(axis=axis, keepdims=True)
                             + float(np.float32(epsilon))) * gain + offset


def depth_to_space(x, blocksize, mode="DCR"):
    """Channels become pixels."""
    n, c, h, w = x.shape
    b = blocksize
    if mode == "DCR":
        y = x.reshape(n, b, b, c // b // b, h, w).transpose(0, 3, 4, 1, 5, 2)
    else:
        y = x.reshape(n, c // b // b, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(n, c // b // b, h * b, w * b)


def slices(x, starts, ends, axes):
    """One cut per axis."""
    for start, end, axis in zip(starts, ends, axes):
        x = np.take(x, range(*slice(int(start), int(end)).indices(x.shape[int(axis)])), int(axis))
    return x


def pad(x, pads, value=0.0):
    """Constant borders."""
    pads = [int(n) for n in pads]
    half = len(pads) // 2
    return np.pad(x, list(zip(pads[:half], pads[half:])), constant_values=float(value))


def leaky(x, alpha=0.01):
    """alpha as float32, as the attribute holds it."""
    return np.where(x >= 0, x, float(np.float32(alpha)) * x)


OPS = {
    "Conv": conv, "ConvTranspose": conv_transpose, "Softmax": softmax,
    "LayerNormalization": layer_norm, "DepthToSpace": depth_to_space, "Slice": slices, "Pad": pad,
    "MatMul": np.matmul, "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide,
    "Max": np.maximum, "Min": np.minimum, "Relu": lambda x: np.maximum(x, 0),
    "Clip": np.clip, "Sigmoid": lambda x: 1 / (1 + np.exp(-x)), "Tanh": np.tanh, "Erf": ERF,
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "LeakyRelu": leaky, "PRelu": lambda x, s: np.where(x >= 0, x, s * x),
    "Elu": lambda x, alpha=1.0: np.where(x >= 0, x, alpha * (np.exp(x) - 1)),
    "Pow": np.power, "Sqrt": np.sqrt,
    "Concat": lambda *v, axis: np.concatenate(v, axis=axis),
    "Gather": lambda x, i, axis=0: np.take(x, i.astype(int), axis=axis),
    "Split": lambda x, axis=0: np.split(x, 2, axis=axis),
    "Reshape": lambda x, s: x.reshape([int(n) for n in s]),
    "Transpose": lambda x, perm: np.transpose(x, perm),
    "ReduceMean": lambda x, axes, keepdims=1: x.mean(axis=tuple(axes), keepdims=bool(keepdims)),
    "Identity": lambda x: x, "GlobalMaxPool": lambda x: x.max(axis=(2, 3), keepdims=True),
    "GlobalAveragePool": lambda x: x.mean(axis=(2, 3), keepdims=True),
    "Resize": lambda x, roi, s, **a: x.repeat(int(s[2]), 2).repeat(int(s[3]), 3),
}


class Graph:
    """Nodes with their values for several samples."""

    def __init__(self, samples):
        self.values = {"x": [np.asarray(s, np.float64) for s in samples]}
        self.count, self.nodes, self.constants, self.integers = len(samples), [], {}, {}
        self.kinds = {}

    def constant(self, array):
        """A float32 (or integer) initialiser."""
        name = f"c{len(self.constants)}"
        array = np.asarray(array)
        array = array.astype(np.float32) if array.dtype.kind == "f" else array
        self.constants[name] = array
        self.values[name] = [array.astype(np.float64)] * self.count
        return name

    def node(self, op, *inputs, outputs=1, **attributes):
        """The result's name, or several."""
        names = [f"t{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op, [i or "" for i in inputs], names,
                                           name=f"{op}_{len(self.nodes)}", **attributes))
        for name in names:
            self.values[name] = []
        for k in range(self.count):
            given = [self.values[i][k] if i else None for i in inputs]
            result = OPS[op](*given, **{n: v for n, v in attributes.items()})
            for name, value in zip(names, result if outputs > 1 else [result]):
                self.values[name].append(value)
        return names[0] if outputs == 1 else names

    def quantised(self, value, scale, zero=0, kind=np.int8):
        """QuantizeLinear and DequantizeLinear; the name of the float behind them."""
        s, z = self.constant(np.float32(scale)), self.constant(kind(zero))
        name, back = f"t{len(self.nodes)}_0", f"t{len(self.nodes) + 1}_0"
        info, step = np.iinfo(kind), float(np.float32(scale))
        self.nodes.append(helper.make_node("QuantizeLinear", [value, s, z], [name],
                                           name=f"Q_{len(self.nodes)}"))
        q = [np.clip(np.rint(v / step) + zero, info.min, info.max) for v in self.values[value]]
        self.integers[f"{len(self.nodes) - 1:03d}_QuantizeLinear"] = q
        self.nodes.append(helper.make_node("DequantizeLinear", [name, s, z], [back],
                                           name=f"DQ_{len(self.nodes)}"))
        self.values[back] = [(v - zero) * step for v in q]
        return back

    def weights(self, integers, scale, axis=0):
        """Integer weights behind a DequantizeLinear, one scale or one per slice of an axis."""
        integers = np.asarray(integers, np.int8)
        scale = np.asarray(scale, np.float32)
        c = self.constant(integers)
        back = f"t{len(self.nodes)}_0"
        zero = np.zeros(scale.shape, np.int8)
        attributes = {"axis": axis} if scale.ndim else {}
        self.nodes.append(helper.make_node(
            "DequantizeLinear", [c, self.constant(scale), self.constant(zero)], [back],
            name=f"W_{len(self.nodes)}", **attributes))
        shape = [1] * integers.ndim
        if scale.ndim:
            shape[axis] = -1
        self.values[back] = [integers * scale.astype(np.float64).reshape(shape)] * self.count
        return back

    def write(self, folder, last, inputs=("x",)):
        """(ONNX file, golden file) of the graph that ends in `last`."""
        given = [helper.make_tensor_value_info(n, TensorProto.FLOAT, self.values[n][0].shape)
                 for n in inputs]
        graph = helper.make_graph(
            self.nodes, "test", given, [helper.make_tensor_value_info(last, TensorProto.FLOAT,
                                                                      None)],
            [numpy_helper.from_array(v, k) for k, v in self.constants.items()])
        source, golden = folder / "test.onnx", folder / "golden.h5"
        onnx.save(helper.make_model(graph), str(source))
        with h5py.File(golden, "w") as file:
            for k in range(self.count):
                for key, values in self.integers.items():
                    file[f"sample_{k}/{key}.integer"] = values[k].astype(np.int64)
        return source, golden
