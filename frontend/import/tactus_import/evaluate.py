# SPDX-License-Identifier: Apache-2.0
"""Integer evaluation of a Model in NumPy, for the importer's reports: written from the schema and
the formulas, sharing nothing with the C++ side. Ops without a rule here are left out by name."""

import numpy as np

from . import evaluate_row as row
from .modelfile import value_range
from .problem import ImportProblem


def round_shift(value, shift, rounding):
    """round(value / 2^shift), elementwise; int64, or Python integers in an object array."""
    floor = value >> shift
    rest = value - (floor << shift)
    one = shift > 0
    half = np.int64(1) << np.maximum(shift - 1, 0)
    up, tie = one & (rest > half), one & (rest == half)
    if rounding == "half_even":
        up = up | (tie & ((floor & 1) == 1))
    elif rounding == "half_up":
        up = up | tie
    elif rounding == "half_away":
        up = up | (tie & (floor >= 0))
    elif rounding == "half_down":
        pass
    elif rounding == "floor":
        up = up & False
    elif rounding == "ceil":
        up = rest > 0
    elif rounding == "trunc":
        up = (rest > 0) & (floor < 0)
    else:
        raise ImportProblem(f"there is no rounding '{rounding}'")
    return floor + up


def srdhm(a, b):
    """Saturating rounding doubling high multiplication of TFLite, for b = mult >= 0."""
    return (a * b + (1 << 30)) >> 31


def rdiv_pot(x, e):
    """Rounding division by 2^e, ties away from zero."""
    mask = (np.int64(1) << e) - 1
    return (x >> e) + ((x & mask) > ((mask >> 1) + (x < 0)))


def tflite(acc, mult, shift, convention):
    """One of TFLite's three requantisations, before zero point and clamp."""
    mult, shift = np.asarray(mult, np.int64), np.asarray(shift, np.int64)
    if convention == "tflite_double":
        return rdiv_pot(srdhm(acc << np.maximum(shift, 0), mult), np.maximum(-shift, 0))
    if convention == "tflite_single":
        return round_shift(acc * mult, 31 - shift, "half_up")
    reduced = np.where(mult < 0x7FFF0000, (mult + (1 << 15)) >> 16, 0x7FFF)
    return round_shift(acc * reduced, 15 - shift, "half_up")


def _channel(values, default=0):
    """Per-channel constants as a column that broadcasts over [C,H,W]."""
    if values is None:
        return np.int64(default)
    return np.asarray(values, np.int64).reshape(-1, 1, 1)


def _wide(acc, mult, add, shift, rounding):
    """round((acc * mult + add) / 2^shift), in Python integers where 64 bits could overflow."""
    bound = (int(np.abs(acc).max(initial=0)) * int(np.abs(mult).max(initial=0))
             + int(np.abs(add).max(initial=0)))
    if bound < 1 << 62:
        return round_shift(acc * mult + add, shift, rounding)
    exact = acc.astype(object) * mult.astype(object) + np.asarray(add).astype(object)
    return round_shift(exact, shift, rounding).astype(np.int64)


def requantise(layer, acc):
    """Output of a one-operand requantisation for accumulators [C,H,W]."""
    r = layer["requant"]
    convention = r["convention"]
    if convention == "none":
        return acc
    if convention == "mul_shift":
        value = _wide(acc, _channel(r["mult"]), _channel(r.get("add")), _channel(r["shift"]),
                      r["rounding"])
    elif convention == "pow2":
        value = round_shift(acc, _channel(r["shift"]), r["rounding"])
    elif convention in ("tflite_double", "tflite_single", "tflite_s64"):
        value = tflite(acc, _channel(r["mult"]), _channel(r["shift"]), convention)
    else:
        raise ImportProblem(f"the importer cannot evaluate convention {convention}")
    return np.clip(value + layer["out_zero_point"], r["clamp_min"], r["clamp_max"])


def _pad(x, padding, value=0):
    top, left, bottom, right = padding
    return np.pad(x, ((0, 0), (top, bottom), (left, right)), constant_values=value)


def _exact_matmul(a, b):
    """Integer product; through float64 only where no partial sum can leave 2^53."""
    bound = int(np.abs(a).max(initial=0)) * int(np.abs(b).max(initial=0)) * a.shape[-1]
    if bound < 1 << 53:
        return np.matmul(a.astype(np.float64), b.astype(np.float64)).astype(np.int64)
    return np.matmul(a.astype(np.int64), b.astype(np.int64))


def conv_accumulators(layer, x, zero_point):
    """Accumulators [O,H,W] of a conv2d or linear layer for the stored input [C,H,W]."""
    weight = layer["weight"].astype(np.int64)
    if "weight_zero_point" in layer:
        zero = np.asarray(layer["weight_zero_point"], np.int64)
        weight = weight - zero.reshape((-1,) + (1,) * (weight.ndim - 1))
    bias = _channel(layer.get("bias"))
    x = np.asarray(x, np.int64) - zero_point
    if layer["op"] == "linear":
        return _exact_matmul(weight, x.reshape(-1, 1))[:, :, None] + bias
    groups = layer["groups"]
    (sh, sw), (dh, dw) = layer["stride"], layer["dilation"]
    padded = _pad(x, layer["padding"])
    out_c, in_g, kh, kw = weight.shape
    oh = (padded.shape[1] - dh * (kh - 1) - 1) // sh + 1
    ow = (padded.shape[2] - dw * (kw - 1) - 1) // sw + 1
    columns = np.empty((x.shape[0], kh * kw, oh * ow), np.int64)
    for ky in range(kh):
        for kx in range(kw):
            tap = padded[:, ky * dh: ky * dh + sh * (oh - 1) + 1: sh,
                         kx * dw: kx * dw + sw * (ow - 1) + 1: sw]
            columns[:, ky * kw + kx] = tap.reshape(x.shape[0], -1)
    columns = columns.reshape(groups, in_g * kh * kw, oh * ow)
    weight = weight.reshape(groups, out_c // groups, in_g * kh * kw)
    return _exact_matmul(weight, columns).reshape(out_c, oh, ow) + bias


def _windows(layer, x, fill):
    (kh, kw), (sh, sw) = layer["kernel"], layer["stride"]
    padded = _pad(np.asarray(x, np.int64), layer["padding"], fill)
    oh, ow = (padded.shape[1] - kh) // sh + 1, (padded.shape[2] - kw) // sw + 1
    taps = [padded[:, ky: ky + sh * (oh - 1) + 1: sh, kx: kx + sw * (ow - 1) + 1: sw]
            for ky in range(kh) for kx in range(kw)]
    return np.stack(taps)


def _average(layer, x, zero_point):
    if layer["op"] == "global_avgpool":
        layer = dict(layer, kernel=x.shape[1:], stride=[1, 1], padding=[0, 0, 0, 0])
    if layer["requant"]["convention"] != "avg_tflite":
        return requantise(layer, _windows(layer, np.asarray(x, np.int64) - zero_point, 0).sum(0))
    total = _windows(layer, x, 0).sum(0)
    count = _windows(layer, np.ones_like(x), 0).sum(0)
    value = np.where(total > 0, (total + count // 2) // count, -((count // 2 - total) // count))
    r = layer["requant"]
    return np.clip(value, r["clamp_min"], r["clamp_max"])


def _add(layer, values, zero_points):
    r = layer["requant"]
    step = {"add_tflite": "tflite_double", "add_tflite_single": "tflite_single"}.get(
        r["convention"])
    terms = []
    for i, (value, zero) in enumerate(zip(values, zero_points)):
        one = layer[f"requant_{i}"]
        value = np.asarray(value, np.int64) - zero
        if step is not None:
            terms.append(tflite(value << one["left_shift"], one["mult"], one["shift"], step))
        else:
            terms.append((value * one["mult"]) << one["left_shift"])
    total = terms[0] + terms[1]
    if step is not None:
        total = tflite(total, _channel(r["mult"]), _channel(r["shift"]), step)
    else:
        total = round_shift(total + _channel(r.get("add")), _channel(r["shift"]), r["rounding"])
    return np.clip(total + layer["out_zero_point"], r["clamp_min"], r["clamp_max"])


class Evaluation:
    """Tensors and accumulators of one inference by layer id."""

    def __init__(self, model):
        self.model = model
        self.tensors, self.accumulators = {}, {}

    def layer(self, layer, values):
        """Output of one layer for the given input tensors."""
        op = layer["op"]
        zeros = [self.model.format_of(name)[2] for name in layer["inputs"]]
        if op in ("conv2d", "linear"):
            acc = conv_accumulators(layer, values[0], zeros[0])
            self.accumulators[layer["id"]] = acc
            return requantise(layer, acc)
        if op == "add":
            return _add(layer, values, zeros)
        if op == "maxpool":
            return _windows(layer, values[0], value_range(32, 1)[0]).max(0)
        if op in ("avgpool", "global_avgpool"):
            return _average(layer, values[0], zeros[0])
        if op == "clamp":
            return np.clip(values[0], layer["clamp_min"], layer["clamp_max"])
        if op == "flatten":
            return values[0].reshape(-1, 1, 1)
        if op == "reshape":
            return values[0].reshape(layer["shape"])
        if op == "constant":
            return np.asarray(layer["value"], np.int64)
        if op == "concat":
            return np.concatenate(values, axis="chw".index(layer["axis"]))
        if op == "requant":
            return requantise(layer, np.asarray(values[0], np.int64) - zeros[0])
        if op == "matmul":
            return requantise(layer, row.matmul(values[0] - zeros[0], values[1] - zeros[1],
                                                layer.get("heads", 1)))
        if op == "layernorm":
            return requantise(layer, row.layernorm(values[0] - zeros[0], layer.get("eps", 0)))
        if op == "transpose":
            return row.transpose(values[0], layer.get("heads", 1))
        if op == "softmax" and layer["kind"] == "softmax_lut":
            value = row.softmax_lut(values[0], layer["table"], layer["one"], layer.get("heads", 1))
            return np.clip(value + layer["out_zero_point"],
                           *value_range(layer["out_bits"], layer["out_signed"]))
        if op == "lut":
            bits, is_signed, _ = self.model.format_of(layer["inputs"][0])
            return row.look_up(values[0], layer["table"], value_range(bits, is_signed)[0],
                               layer.get("interpolate_bits", 0))
        raise ImportProblem(f"the importer cannot evaluate op {op}", layer=layer["id"])

    def run(self, inputs):
        """Evaluates all layers; inputs: name -> stored integers [C,H,W]."""
        self.tensors = {k: np.asarray(v, np.int64) for k, v in inputs.items()}
        for layer in self.model.layers:
            values = [self.tensors[name] for name in layer["inputs"]]
            self.tensors[layer["id"]] = self.layer(layer, values)
        return self.tensors


def can_evaluate(model):
    """Whether every op of the model has a rule here."""
    known = {"conv2d", "linear", "add", "maxpool", "avgpool", "global_avgpool", "clamp", "flatten",
             "requant", "matmul", "layernorm", "transpose", "lut", "reshape", "constant", "concat"}
    return all(layer["op"] in known or layer.get("kind") == "softmax_lut"
               for layer in model.layers)
