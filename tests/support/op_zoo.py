# SPDX-License-Identifier: Apache-2.0
"""Two small models that have every layer op, for tests that must take each of them.

`images(path)`: convolution, pools, residual adds, products, clamps, tables, data movement.
`sequences(path)`: products of activations, softmax, norms, transpose, constant.
"""
import math

import h5py
import numpy

INT8 = {"bits": 8, "signed": 1, "zero_point": 0}
INT16 = {"bits": 16, "signed": 1, "zero_point": 0}
UINT8 = {"bits": 8, "signed": 0, "zero_point": 0}


def low_high(fmt):
    """Smallest and largest value of a format."""
    if fmt["signed"]:
        return -(1 << fmt["bits"] - 1), (1 << fmt["bits"] - 1) - 1
    return 0, (1 << fmt["bits"]) - 1


class Model:
    """Writes layers in order; `add` gives the id of the new one."""

    def __init__(self, path, name, seed):
        self.file = h5py.File(path, "w")
        self.file.attrs.update({"format": "tactus.model", "version": 1, "name": name,
                                "producer": "op_zoo.py"})
        self.rng = numpy.random.default_rng(seed)
        self.layers = []

    def input(self, name, shape, fmt):
        self.file.create_group(f"inputs/{name}").attrs.update({"shape": shape, **fmt})
        return name

    def add(self, name, op, inputs, fmt, **attributes):
        layer = f"{len(self.layers):03}_{name}"
        group = self.file.create_group(f"layers/{layer}")
        group.attrs.update({"op": op, "out_bits": fmt["bits"], "out_signed": fmt["signed"],
                            "out_zero_point": fmt["zero_point"], **attributes})
        if inputs:
            group.attrs["inputs"] = inputs
        self.layers.append(layer)
        return layer

    def group(self, layer):
        return self.file[f"layers/{layer}"]

    def requant(self, layer, fmt, convention="mul_shift", rounding="half_even", **values):
        low, high = low_high(fmt)
        group = self.group(layer).create_group("requant")
        group.attrs.update({"convention": convention, "clamp_min": low, "clamp_max": high})
        if convention in ("mul_shift", "pow2", "add_mul_shift"):
            group.attrs["rounding"] = rounding
        for name, value in values.items():
            group[name] = numpy.atleast_1d(numpy.array(value, dtype=numpy.int64))

    def operands(self, layer, *scales):
        """The operand groups of an add: (mult, left_shift, shift or None)."""
        for number, (mult, left, shift) in enumerate(scales):
            group = self.group(layer).create_group(f"requant_{number}")
            group.attrs.update({"mult": mult, "left_shift": left})
            if shift is not None:
                group.attrs["shift"] = shift

    def conv(self, name, source, channels, out, kernel, fmt, pad):
        layer = self.add(name, "conv2d", [source], fmt, stride=[1, 1], padding=[pad] * 4,
                         dilation=[1, 1], groups=1)
        weight = self.rng.integers(-90, 91, (out, channels, kernel, kernel))
        self.group(layer)["weight"] = weight.astype(numpy.int8)
        self.group(layer)["weight"].attrs.update({"bits": 8, "signed": 1, "sparsity": "dense"})
        self.group(layer)["bias"] = self.rng.integers(-500, 501, out)
        self.requant(layer, fmt, mult=self.rng.integers(900, 1200, out), shift=17 + kernel // 2)
        return layer

    def close(self, outputs):
        self.file.attrs["outputs"] = outputs
        self.file.close()


def images(path):
    m = Model(path, "op_zoo_images", 7)
    fmt = {**INT8, "zero_point": 5}
    x = m.input("x", [8, 6, 6], {**INT8, "zero_point": -3})
    conv = m.conv("conv", x, 8, 8, 3, fmt, 1)
    top = m.add("maxpool", "maxpool", [conv], fmt, kernel=[3, 3], stride=[2, 2], padding=[1] * 4)
    mean = m.add("avgpool_count", "avgpool", [conv], fmt, kernel=[3, 3], stride=[1, 1],
                 padding=[1] * 4, count_include_pad=0)
    m.requant(mean, fmt, "avg_tflite")
    half = m.add("avgpool", "avgpool", [conv], INT8, kernel=[2, 2], stride=[2, 2], padding=[0] * 4,
                 count_include_pad=0)
    m.requant(half, INT8, mult=300, shift=10)
    other_fmt = {**INT8, "zero_point": -11}
    other = m.add("requant", "requant", [conv], other_fmt)
    m.requant(other, other_fmt, "tflite_double", mult=1500000000, shift=0)
    added = m.add("add_tflite", "add", [mean, other], INT8)
    m.requant(added, INT8, "add_tflite", mult=1200000000, shift=-18)
    m.operands(added, (1073741824, 20, 0), (1900000000, 20, -1))
    sum16 = m.add("add_mul_shift", "add", [conv, added], INT16)
    m.requant(sum16, INT16, "add_mul_shift", "half_away", shift=6, add=11)
    m.operands(sum16, (700, 1, None), (-900, 0, None))
    single = m.add("add_single", "add", [other, mean], INT8)
    m.requant(single, INT8, "add_tflite_single", mult=1100000000, shift=-17)
    m.operands(single, (1300000000, 19, 0), (2000000000, 19, 0))
    product = m.add("mul", "mul", [conv, other], fmt)
    m.requant(product, fmt, rounding="half_up", mult=77, shift=13)
    larger = m.add("maximum", "maximum", [mean, conv], fmt, clamp_min=-100, clamp_max=90)
    smaller = m.add("minimum", "minimum", [mean, conv], fmt, clamp_min=-128, clamp_max=127)
    cut = m.add("clamp", "clamp", [product], fmt, clamp_min=-20, clamp_max=31)
    table = m.add("lut", "lut", [larger], UINT8)
    m.group(table)["table"] = numpy.array([255 * i // 255 ^ 21 for i in range(256)])
    wide = m.add("requant16", "requant", [conv], INT16)
    m.requant(wide, INT16, mult=4111, shift=5)
    between = m.add("lut_interpolated", "lut", [wide], INT16, interpolate_bits=7)
    m.group(between)["table"] = numpy.array(
        [round(30000 * math.tanh((i - 256) / 90)) for i in range(513)])
    whole = m.add("global", "global_avgpool", [conv], INT8)
    m.requant(whole, INT8, mult=3641, shift=16)
    counted = m.add("global_count", "global_avgpool", [other], other_fmt)
    m.requant(counted, other_fmt, "avg_tflite")
    up = m.add("upsample", "upsample", [top], fmt, factor=[2, 2], nearest=1)
    joined = m.add("concat", "concat", [larger, up], fmt, axis="c")
    part = m.add("slice", "slice", [joined], fmt, begin=[6, 1, 2], size=[5, 4, 3])
    flat = m.add("flatten", "flatten", [part], fmt)
    dense = m.add("linear", "linear", [flat], INT8)
    m.group(dense)["weight"] = m.rng.integers(-128, 128, (10, 60)).astype(numpy.int8)
    m.group(dense)["weight"].attrs.update({"bits": 8, "signed": 1, "sparsity": "dense"})
    m.requant(dense, INT8, "pow2", shift=9)
    wider = m.add("conv_transpose", "conv_transpose2d", [top], INT8, stride=[2, 2],
                  padding=[1, 1, 1, 1], dilation=[1, 1], groups=1, output_padding=[1, 1])
    m.group(wider)["weight"] = m.rng.integers(-90, 91, (4, 8, 3, 3)).astype(numpy.int8)
    m.group(wider)["weight"].attrs.update({"bits": 8, "signed": 1, "sparsity": "dense"})
    m.group(wider)["bias"] = m.rng.integers(-500, 501, 4)
    m.requant(wider, INT8, mult=m.rng.integers(900, 1200, 4), shift=18)
    shuffled = m.add("pixel_shuffle", "pixel_shuffle", [larger], fmt, factor=[2, 2], mode="dcr")
    gathered = m.add("space_to_depth", "space_to_depth", [smaller], fmt, factor=[3, 2], mode="crd")
    shaped = m.add("reshape", "reshape", [gathered], fmt, shape=[16, 3, 6])
    weighed = m.add("mul_channels", "mul", [conv, whole], INT8)
    m.requant(weighed, INT8, mult=111, shift=12)
    m.close([half, sum16, single, smaller, cut, table, between, whole, counted, dense, wider,
             shuffled, shaped, weighed])


def sequences(path):
    m = Model(path, "op_zoo_sequences", 11)
    fmt = {**INT8, "zero_point": 2}
    x = m.input("x", [6, 8], {**INT8, "zero_point": -4})
    query, key, value = (m.conv(name, x, 8, 8, 1, fmt, 0) for name in ("query", "key", "value"))
    score = m.add("score", "matmul", [query, key], INT8, heads=2)
    m.requant(score, INT8, mult=700, shift=15)
    soft_fmt = {**INT8, "zero_point": -128}
    soft = m.add("softmax", "softmax", [score], soft_fmt, kind="softmax_tflite8", heads=2,
                 mult=1717986944, shift=23, diff_min=-248)
    eased = m.add("softmax_table", "softmax", [score], UINT8, kind="softmax_lut", heads=2, one=255)
    m.group(eased)["table"] = numpy.array([round(4000 * math.exp(-i / 20)) for i in range(120)])
    turned = m.add("turned", "transpose", [value], fmt, heads=2)
    context = m.add("context", "matmul", [soft, turned], INT8, heads=2)
    m.requant(context, INT8, mult=513, shift=16)
    wide = m.add("wide", "requant", [context], INT16)
    m.requant(wide, INT16, mult=1000, shift=4)
    soft16 = m.add("softmax16", "softmax", [wide], INT16, kind="softmax_tflite16",
                   mult=1400000000, shift=-1)
    m.group(soft16)["table"] = numpy.array(
        [min(32767, round(32768 * math.exp(10 * (i - 512) / 512))) for i in range(513)])
    m.group(soft16)["inverse_table"] = numpy.array(
        [min(32767, round(32768 / (1 + i / 512))) for i in range(513)])
    centred = m.add("layernorm", "layernorm", [context], INT8, eps=40)
    m.requant(centred, INT8, mult=m.rng.integers(20, 40, 8), shift=20,
              add=m.rng.integers(-900000, 900001, 8))
    scaled = m.add("rmsnorm", "rmsnorm", [query], INT8)
    m.requant(scaled, INT8, mult=31, shift=20)
    fixed = m.add("fixed", "constant", [], INT8)
    m.group(fixed)["value"] = m.rng.integers(-50, 51, (8, 1, 6)).astype(numpy.int8)
    total = m.add("total", "add", [centred, fixed], INT8)
    m.requant(total, INT8, "add_mul_shift", shift=3)
    m.operands(total, (5, 0, None), (3, 0, None))
    m.close([eased, soft16, scaled, total])
