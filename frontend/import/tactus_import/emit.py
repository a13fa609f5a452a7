# SPDX-License-Identifier: Apache-2.0
"""Turns Reals into layers: the one place where ONNX and QONNX graphs become requantisations."""

import math
import re
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from . import fixed
from .modelfile import value_range
from .problem import ImportProblem
from .real import Integers, Real, widen

EXACT_TABLE_BITS = 10  # wider operands of a table are interpolated between 513 entries
INTEGER = {"half_even": np.rint, "ceil": np.ceil, "floor": np.floor, "trunc": np.trunc,
           "half_away": lambda v: np.sign(v) * np.floor(np.abs(v) + 0.5)}


@dataclass
class Target:
    """An integer format: integer = clamp(round(real / step) + zero_point)."""
    step: Fraction
    zero_point: int
    bits: int
    signed: bool
    low: int
    high: int
    rounding: str = "half_even"

    @staticmethod
    def full(step, zero_point, bits, signed, rounding="half_even"):
        """With the format's own bounds."""
        return Target(step, zero_point, bits, signed, *value_range(bits, signed), rounding)


class Emitter:
    """Appends layers to a model."""

    def __init__(self, model, options):
        self.model, self.options = model, options
        self.notes, self.warnings = [], []
        self.steps = {}  # id of an integer tensor -> Target that made it
        self.accumulator_of = {}  # graph node index -> id of the layer whose accumulator it is
        self.tensor_of = {}  # graph node index -> id of the tensor that it made
        self.input_of, self.input_views = {}, {}  # graph input -> model input -> its View
        self.many_inputs = False
        self.view_of = {}  # graph node index -> View of that tensor or accumulator

    def fail(self, name, what):
        raise ImportProblem(f"node {name}: {what}", layer=name)

    # Helpers.

    def _clamp(self, real, target):
        """Clamp bounds with the real's own clip folded in, exact because rounding is monotone."""
        low, high = target.low, target.high
        if real.low is not None:
            low = max(low, fixed.nearest(real.low / target.step) + target.zero_point)
        if real.high is not None:
            high = min(high, fixed.nearest(real.high / target.step) + target.zero_point)
        low = min(low, target.high)
        return {"clamp_min": low, "clamp_max": max(low, high), "rounding": target.rounding}

    @staticmethod
    def _format(target):
        return {"out_bits": target.bits, "out_signed": int(target.signed),
                "out_zero_point": target.zero_point}

    def _mul_shift(self, real, target, channels, name):
        rows = []
        for c, (scale, offset) in enumerate(zip(widen(real.scale, channels),
                                                widen(real.offset, channels))):
            row = fixed.fold(scale / target.step, offset / target.step, self.options.mult_bits)
            if row is None:
                self.fail(name, f"the scale of channel {c} is too large for a "
                                f"{self.options.mult_bits}-bit multiplier")
            rows.append(row)
        if all(row == rows[0] for row in rows):
            rows = rows[:1]
        mult, shift, add = (np.array(column, np.int64) for column in zip(*rows))
        requant = {"convention": "mul_shift", "mult": mult, "shift": shift,
                   "mult_bits": self.options.mult_bits + 1, **self._clamp(real, target)}
        if np.any(add):
            requant.update(add=add, add_bits=63)
        return requant

    def _sign(self, real, channels):
        """requant of a sign: +1 where scale * acc + offset >= 0, exactly, whatever the scale."""
        mult, add = [], []
        for scale, offset in zip(widen(real.scale, channels), widen(real.offset, channels)):
            if scale > 0:
                threshold = (-offset / scale).__ceil__()
                mult.append(2)
                add.append(1 - 2 * threshold)
            elif scale < 0:
                threshold = (-offset / scale).__floor__()
                mult.append(-2)
                add.append(1 + 2 * threshold)
            else:
                mult.append(0)
                add.append(1 if offset >= 0 else -1)
        return {"convention": "mul_shift", "mult": np.array(mult), "add": np.array(add),
                "shift": np.array([0]), "add_bits": 63, "rounding": "half_even", "clamp_min": -1,
                "clamp_max": 1}

    def _pend(self, real, requant, target, suffix=""):
        p = real.pending
        ident = self.model.add_layer(p["name"] + suffix, p["op"], p["inputs"],
                                     source_name=p["name"], requant=requant, **p["content"],
                                     **self._format(target))
        if len(requant.get("mult", [0])) > 1 and p["op"] == "mul":
            self.fail(p["name"], "a product of two activations with one scale per channel has no "
                                 "rule")
        if "weight" in p["content"]:
            self.accumulator_of.setdefault(p["node"], ident)
            self.view_of.setdefault(p["node"], p["view"])
        self.steps[ident] = target
        return ident

    # What a quantiser does with a Real.

    def quantise(self, real, target, name, node=None):
        """The integer tensor of `target` for a Real."""
        makers = {"input": self._input, "tensor": self._rescale, "layer": self._layer,
                  "sum": self._sum, "concat": self._concat, "maximum": self._pair,
                  "minimum": self._pair, "table": self._table, "softmax": self._softmax}
        if real.source not in makers:
            self.fail(real.pending["name"],
                      "a mean over the channels outside a layer norm has no rule")
        ident = makers[real.source](real, target, name)
        self.steps[ident] = target
        if node is not None:
            self.tensor_of[node] = ident
            self.view_of[node] = real.view
        return Integers(ident, real.view)

    def _layer(self, real, target, name):
        return self._pend(real, self._mul_shift(real, target, real.channels, name), target)

    def sign(self, real, name, node):
        """-1 / +1 as two-bit integers, exactly."""
        target = Target(Fraction(1), 0, 2, True, -1, 1)
        if real.clipped():
            self.fail(name, "a clip in front of BipolarQuant has no rule")
        if real.source == "input":
            ident = self._input(real, target, name, "-1 below 0, else +1")
        else:
            if real.source != "layer":
                real = self.materialise(real, name)
                real = Real("layer", real.view, real.scale, real.offset, pending={
                    "op": "requant", "inputs": [real.ident], "content": {}, "name": name,
                    "node": node, "view": real.view})
            ident = self._pend(real, self._sign(real, real.channels), target)
        self.tensor_of[node], self.view_of[node] = ident, real.view
        self.steps[ident] = target
        return Integers(ident, real.view)

    def _input(self, real, target, name, rule=""):
        known = self.input_of.get(real.ident)
        if known is not None:
            if self.steps.get(known) != target:
                self.fail(name, "the image is read by two different quantisers")
            if self.input_views[known] != real.view:
                self.fail(name, "the image is read in two orders of its axes")
            return known
        if len(real.scale) > 1 or len(real.offset) > 1:
            self.fail(name, "the image is scaled per channel before its quantiser")
        ident = real.ident if self.many_inputs else "image"
        ident = self.model.add_input(re.sub(r"[^A-Za-z0-9_.\-]+", "_", ident).strip("_.") or "x",
                                     real.view.extents, target.bits, target.signed,
                                     target.zero_point, float(target.step))
        self.input_of[real.ident], self.input_views[ident] = ident, real.view
        scale, offset = real.scale[0], real.offset[0]
        rule = rule or (f"integer = round(value / {float(target.step):g}) + {target.zero_point} in "
                        f"{target.low}..{target.high}")
        if (scale, offset) != (1, 0):
            rule += (f", value = {float(scale):g} * x {'+' if offset >= 0 else '-'} "
                     f"{abs(float(offset)):g} of the graph's input x")
        self.notes.append(f"input {ident}: {rule}")
        return ident

    def _rescale(self, real, target, name):
        made = self.steps.get(real.ident)
        same = (made is not None and not real.clipped() and real.offset == [0]
                and real.scale == [target.step] and made.zero_point == target.zero_point
                and (made.bits, made.signed) == (target.bits, target.signed)
                and made.low >= target.low and made.high <= target.high)
        if same:
            return real.ident
        channels = max(len(real.scale), len(real.offset))
        return self.model.add_layer(name, "requant", [real.ident], source_name=name,
                                    requant=self._mul_shift(real, target, channels, name),
                                    **self._format(target))

    def _two_operand(self, real, other, bits, target, name):
        """a + b, requantised."""
        offset = real.offset[0] + other.offset[0]
        row = fixed.fold_add(real.scale[0] / target.step, other.scale[0] / target.step,
                             offset / target.step, self.options.mult_bits, *bits)
        if row is None:
            self.fail(name, "the scales of the operands are too far from the output's")
        requant = {"convention": "add_mul_shift", "shift": np.array([row[3]]),
                   "mult_bits": self.options.mult_bits + 1, **self._clamp(real, target)}
        if row[4]:
            requant.update(add=np.array([row[4]]), add_bits=48)
        return self.model.add_layer(
            name, "add", [real.ident, other.ident], source_name=name,
            requant_0={"mult": row[0], "left_shift": row[2]},
            requant_1={"mult": row[1], "left_shift": row[2]}, requant=requant,
            **self._format(target))

    def _sum(self, real, target, name):
        a, b = (self.materialise(part, name) for part in real.parts)
        for part in (a, b):
            if len(part.scale) > 1 or len(part.offset) > 1:
                self.fail(name, "an operand of the addition has one scale per channel")
        bits = [self.model.format_of(part.ident)[0] for part in (a, b)]
        factor, summand = real.scale[0], real.offset[0]
        if len(real.scale) > 1 or len(real.offset) > 1:
            self.fail(name, "a sum is scaled per channel before its quantiser")
        a, b = a.affine([factor], [summand]), b.affine([factor], [Fraction(0)])
        a = a.clip(real.low, real.high) if real.clipped() else a
        return self._two_operand(a, b, bits, target, name)

    def passed_on(self, real, name):
        """The parts of a concat or a maximum with its own map and clip applied to each."""
        out, at = [], 0
        for part in real.parts:
            factor, summand = real.scale, real.offset
            if real.source == "concat" and real.pending["axis"] == 0:
                here = slice(at, at + part.channels)
                factor, summand = (v[here] if len(v) > 1 else v for v in (factor, summand))
                at += part.channels
            if factor != [1] or summand != [0]:
                part = self.materialise(part, name) if part.clipped() else part
                part = part.affine(factor, summand)
            out.append(part.clip(real.low, real.high))
        return out

    def _concat(self, real, target, name):
        """Quantising what was put together is quantising each part."""
        idents = [self.quantise(part, target, f"{name}.{k}").ident
                  for k, part in enumerate(self.passed_on(real, name))]
        return self.model.add_layer(name, "concat", idents, source_name=name,
                                    axis="chw"[real.pending["axis"]], **self._format(target))

    def _pair(self, real, target, name):
        """Rounding is monotone, so that the larger one may be chosen after it."""
        if any(s <= 0 for s in real.scale):
            self.fail(name, f"a {real.source} with a negative factor behind it has no rule")
        idents = [self.quantise(part, target, f"{name}.{k}").ident
                  for k, part in enumerate(self.passed_on(real, name))]
        low, high = value_range(target.bits, target.signed)
        return self.model.add_layer(name, real.source, idents, source_name=name, clamp_min=low,
                                    clamp_max=high, **self._format(target))

    def _table(self, real, target, name):
        """One entry for each integer of the operand."""
        if len(real.scale) > 1 or len(real.offset) > 1:
            self.fail(name, "a function of an activation with one scale per channel has no rule")
        values = real.values * float(real.scale[0]) + float(real.offset[0])
        values = np.clip(values, *(limit if v is None else float(v) for v, limit in
                                   ((real.low, -np.inf), (real.high, np.inf))))
        if not np.all(np.isfinite(values)):
            self.fail(name, "the function has no finite value for some integer of its operand")
        table = INTEGER[target.rounding](values / float(target.step)) + target.zero_point
        table = np.clip(table, target.low, target.high).astype(np.int64)
        content, bits = {}, self.model.format_of(real.ident)[0]
        if bits > EXACT_TABLE_BITS:
            between = bits - 9
            content["interpolate_bits"] = between
            table = np.append(table[::1 << between], table[-1])
            self.notes.append(f"{name}: a table of 513 entries, interpolated for the operand of "
                              f"{bits} bits")
        return self.model.add_layer(name, "lut", [real.ident], source_name=name, table=table,
                                    **content, **self._format(target))

    def _softmax(self, real, target, name):
        """Directly in the output's step where 1 is a whole number of them."""
        one = fixed.nearest(1 / target.step)
        plain = (real.scale, real.offset) == ([1], [0]) and not real.clipped()
        direct = plain and 1 <= one <= 65535 and abs(one * target.step - 1) < Fraction(1, 10000)
        # The layer clamps to the format, so that a narrower range needs a step of its own.
        direct = direct and (target.low, target.high) == value_range(target.bits, target.signed)
        own = target if direct else Target.full(Fraction(1, 65535), 0, 16, False)
        p = real.pending
        ident = self.model.add_layer(p["name"], "softmax", p["inputs"], source_name=p["name"],
                                     kind="softmax_lut", one=one if direct else 65535,
                                     **p["content"], **self._format(own))
        if direct:
            return ident
        self.steps[ident] = own
        again = replace(real, source="tensor", ident=ident,
                        scale=[s * own.step for s in real.scale])
        return self._rescale(again, target, name)

    def materialise(self, real, name):
        """A Real whose integers exist: unquantised values are kept at residual_bits."""
        if real.source == "tensor" and not real.clipped():
            return real
        bits = self.options.residual_bits
        if real.source == "norm":
            self.fail(real.pending["name"],
                      "a mean over the channels outside a layer norm has no rule")
        if real.source in ("table", "softmax"):
            bits = min(bits, 16)
        step = self.value_step(real, bits, name)
        target = Target.full(step, 0, bits, True)
        made = self.quantise(real, target, name + ".value")
        self.notes.append(f"{made.ident}: a value without quantiser, kept at {bits} bits with step "
                          f"{float(step):g}")
        return Real("tensor", real.view, [step], [Fraction(0)], ident=made.ident)

    def value_step(self, real, bits, name):
        """A power of two that holds every value the Real can have."""
        largest = self.bound(real, name)
        if largest == 0:
            return Fraction(1)
        whole = real.source == "layer" and all(v.denominator == 1 for v in
                                               (*real.scale, *real.offset))
        return 1 / Fraction(2) ** fixed.power_of_two_grid(largest, bits, 0 if whole else 40)

    def bound(self, real, name):
        """Largest magnitude of a Real for any input."""
        if real.source == "sum":
            inner = sum(self.bound(part, name) for part in real.parts)
            return inner * abs(real.scale[0]) + abs(real.offset[0])
        if real.source in ("concat", "maximum", "minimum"):
            return max(self.bound(part, name) for part in self.passed_on(real, name))
        if real.source == "tensor":
            inner = self._tensor_reach(real.ident)
        elif real.source == "softmax":
            inner = Fraction(1)
        elif real.source == "table":
            inner = fixed.exact(np.abs(real.values).max())
        elif real.source == "layer":
            inner = self._layer_reach(real.pending)
        else:
            self.fail(name, "the float image is used without a quantiser")
        count = max(len(real.scale), len(real.offset))
        reach = widen(inner, count) if isinstance(inner, list) else [inner] * count
        count = max(count, len(reach))
        return max(abs(s) * r + abs(o) for s, r, o in
                   zip(widen(real.scale, count), widen(reach, count), widen(real.offset, count)))

    def _tensor_reach(self, ident):
        bits, is_signed, zero = self.model.format_of(ident)
        low, high = value_range(bits, is_signed)
        return max(abs(low - zero), abs(high - zero))

    def _layer_reach(self, pending):
        reach = self._tensor_reach(pending["inputs"][0])
        weight = pending["content"].get("weight")
        if pending["op"] in ("mul", "matmul"):
            return reach * self._tensor_reach(pending["inputs"][1]) * pending["taps"]
        if pending["op"] == "layernorm":
            return (math.isqrt(pending["taps"]) + 1) << 20
        if weight is None:
            taps = int(np.prod(pending["content"].get("kernel", pending.get("taps", 1))))
            return taps * reach
        zero = pending["content"].get("weight_zero_point", np.zeros(1, np.int64))
        shape = (-1,) + (1,) * (weight.ndim - 1)
        sums = np.abs(weight.astype(np.int64) - zero.reshape(shape)).reshape(
            weight.shape[0], -1).sum(axis=1)
        bias = np.abs(pending["content"].get("bias", np.zeros(1, np.int64)))
        return [int(s) * reach + int(b) for s, b in
                zip(sums, np.broadcast_to(bias, sums.shape))]

    # Network outputs.

    def output(self, real, name):
        """The id of a graph output: integers as they are, accumulators raw where their scale is
        one positive number, else 32-bit fixed point."""
        if isinstance(real, Integers):
            return real.ident
        if real.source == "tensor" and not real.clipped():
            self.notes.append(f"output {name}: real = {float(real.scale[0]):g} * (integer - zero "
                              f"point) + {float(real.offset[0]):g} of {real.ident}")
            return real.ident
        one = len(real.scale) == 1 and len(real.offset) == 1 and real.scale[0] > 0
        if real.source == "layer" and one and not real.clipped() and "weight" in real.pending[
                "content"]:
            target = Target.full(Fraction(1), 0, 32, True)
            requant = {"convention": "none", "clamp_min": target.low, "clamp_max": target.high}
            ident = self._pend(real, requant, target)
            self.notes.append(f"output {ident}: raw accumulators, real = {float(real.scale[0]):g} "
                              f"* integer + {float(real.offset[0]):g}")
            return ident
        return self.materialise(real, name).ident
