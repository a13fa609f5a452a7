# SPDX-License-Identifier: Apache-2.0
"""Writes small TFLite files and computes them: every operator in plain loops or NumPy, integers
from TensorFlow's integer kernels as semantics-tflite-onnx.md states them. Shares nothing with the
importer. Tensors are [N,H,W,C]; a tensor is (name, shape, type, scale, zero point, constant data).
"""
import math
from fractions import Fraction

import flatbuffers
import h5py
import numpy as np

KINDS = {"float32": 0, "int32": 2, "uint8": 3, "int16": 7, "int8": 9}
F32 = np.float32


class Table:
    """Fields of a flatbuffer table by slot: (slot, kind, value); kinds b, i, f, u (offset)."""

    def __init__(self, builder, *fields):
        builder.StartObject(max((f[0] for f in fields), default=-1) + 1)
        for slot, kind, value in fields:
            {"b": builder.PrependInt8Slot, "i": builder.PrependInt32Slot,
             "f": builder.PrependFloat32Slot,
             "u": builder.PrependUOffsetTRelativeSlot}[kind](slot, value, 0)
        self.at = builder.EndObject()


def offsets(builder, items):
    """A vector of tables."""
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        builder.PrependUOffsetTRelative(item)
    return builder.EndVector()


class Graph:
    """Tensors and operators; `run` fills in what each operator computes for each sample."""

    def __init__(self, samples):
        self.count = samples
        self.tensors, self.operators, self.inputs, self.outputs = [], [], [], []
        self.values = []  # per tensor, a list over samples

    def tensor(self, shape, scale=0.0, zero=0, kind="int8", data=None, axis=0):
        """An index; scale may be an array along `axis`."""
        self.tensors.append((tuple(shape), np.atleast_1d(np.asarray(scale, F32)), zero, kind,
                             None if data is None else np.asarray(data, kind), axis))
        self.values.append(None if data is None else [np.asarray(data, kind)] * self.count)
        return len(self.tensors) - 1

    def constant(self, data, scale=0.0, zero=0, kind="int32", axis=0):
        """A tensor with data."""
        data = np.asarray(data)
        return self.tensor(data.shape, scale, zero, kind, data, axis)

    def add_input(self, shape, scale, zero, rng, kind="int8"):
        """Random values over the whole type."""
        index = self.tensor(shape, scale, zero, kind)
        info = np.iinfo(kind)
        self.values[index] = [rng.integers(info.min, info.max + 1, shape).astype(kind)
                              for _ in range(self.count)]
        self.inputs.append(index)
        return index

    def node(self, number, inputs, outputs, result, options=()):
        """An operator; result(*values of the inputs) gives the output, or a tuple of them."""
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        self.operators.append((number, list(inputs), outputs, options))
        made = []
        for k in range(self.count):
            got = result(*[self.values[i][k] for i in inputs if i >= 0])
            made.append(got if isinstance(got, tuple) else (got,))
        for at, index in enumerate(outputs):
            kind = self.tensors[index][3]
            info = np.iinfo(kind)
            self.values[index] = []
            for got in made:
                assert got[at].min() >= info.min and got[at].max() <= info.max
                self.values[index].append(np.asarray(got[at]).astype(kind).reshape(
                    self.tensors[index][0]))
        return outputs[0]

    def step(self, index):
        """(scale as float32, zero point) of a tensor."""
        return F32(self.tensors[index][1][0]), self.tensors[index][2]

    def bytes(self):
        """The file."""
        b = flatbuffers.Builder(4096)
        buffers = [Table(b).at]
        for tensor in self.tensors:
            if tensor[4] is not None:
                data = b.CreateByteVector(np.ascontiguousarray(tensor[4]).tobytes())
                buffers.append(Table(b, (0, "u", data)).at)
        tensors, place = [], 0
        for k, (shape, scale, zero, kind, data, axis) in enumerate(self.tensors):
            place += data is not None
            dims = b.CreateNumpyVector(np.asarray(shape, np.int32))
            name = b.CreateString(f"t{k}")
            scales = b.CreateNumpyVector(scale)
            zeros = b.CreateNumpyVector(np.full(scale.size, zero, np.int64))
            quantization = Table(b, (2, "u", scales), (3, "u", zeros), (6, "i", axis)).at
            tensors.append(Table(b, (0, "u", dims), (1, "b", KINDS[kind]),
                                 (2, "i", place if data is not None else 0), (3, "u", name),
                                 (4, "u", quantization)).at)
        codes = sorted({op[0] for op in self.operators})
        operators = []
        for number, inputs, outputs, options in self.operators:
            table = Table(b, *options).at
            ins = b.CreateNumpyVector(np.asarray(inputs, np.int32))
            outs = b.CreateNumpyVector(np.asarray(outputs, np.int32))
            operators.append(Table(b, (0, "i", codes.index(number)), (1, "u", ins), (2, "u", outs),
                                   (3, "b", 1), (4, "u", table)).at)
        graph = Table(b, (0, "u", offsets(b, tensors)),
                      (1, "u", b.CreateNumpyVector(np.asarray(self.inputs, np.int32))),
                      (2, "u", b.CreateNumpyVector(np.asarray(self.outputs, np.int32))),
                      (3, "u", offsets(b, operators))).at
        names = [Table(b, (0, "b", min(n, 127)), (3, "i", n)).at for n in codes]
        root = Table(b, (0, "i", 3), (1, "u", offsets(b, names)), (2, "u", offsets(b, [graph])),
                     (4, "u", offsets(b, buffers))).at
        b.Finish(root, file_identifier=b"TFL3")
        return bytes(b.Output())

    def write(self, folder, outputs, single=False):
        """(model file, golden file)."""
        self.outputs = list(outputs)
        source, golden = folder / "test.tflite", folder / "golden.h5"
        source.write_bytes(self.bytes())
        with h5py.File(golden, "w") as file:
            for k in range(self.count):
                for index, (_, _, _, _, data, _) in enumerate(self.tensors):
                    if data is None:
                        key = f"sample_{k}{'_single' if single else ''}"
                        file[f"{key}/{index}"] = self.values[index][k]
        return source, golden


# Arithmetic.


def multiplier(real):
    """(m, s) with real = m * 2^(s - 31)."""
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    m = math.floor(Fraction(fraction) * (1 << 31) + Fraction(1, 2))
    return (m // 2, shift + 1) if m == 1 << 31 else (m, shift)


def _scaled(value, m, s, single):
    """One integer, with unbounded integers."""
    value = int(value)
    if single:
        return (value * m + (1 << (30 - s))) >> (31 - s)
    high = ((value << max(s, 0)) * m + (1 << 30)) >> 31
    e = max(-s, 0)
    away = (abs(high) + ((1 << e) >> 1)) >> e
    return away if high >= 0 else -away


def scaled(values, m, s, single=False):
    """TFLite's MultiplyByQuantizedMultiplier, value by value."""
    return np.array([_scaled(v, m, s, single) for v in np.ravel(values)], np.int64).reshape(
        np.shape(values))


def saturated(values, kind="int8"):
    """Clamped to the type."""
    info = np.iinfo(kind)
    return np.clip(values, info.min, info.max)


def away(values):
    """Rounded, ties away from zero."""
    return np.sign(values) * np.floor(np.abs(values) + 0.5)
