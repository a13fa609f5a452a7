# SPDX-License-Identifier: Apache-2.0
"""Walks a TFLite graph: tensors, formats, multipliers and shifts as TFLite forms them. What an
operator becomes stands in tflite_ops.py and tflite_moves.py."""

from dataclasses import dataclass

import numpy as np

from . import fixed
from .modelfile import Model, filled, value_range
from .problem import ImportProblem
from .view import View
from .weights import centred, centred_text, outside, sparsity_of

FORMATS = {"int8": (8, True), "uint8": (8, False), "int16": (16, True)}


@dataclass
class Value:
    """An activation: layer id, how the graph's tensor lies in the model's, and its quantisation."""
    ident: str
    view: View
    tensor: object
    padding: tuple = (0, 0, 0, 0)  # of a PAD that the next layer does itself

    @property
    def shape(self):
        """The model's [C,H,W]."""
        return tuple(self.view.extents)


def view_of(shape):
    """Channels last: batch, (height,) width, channels."""
    axes = {0: (), 1: (0,), 2: (None, 0), 3: (None, 2, 0), 4: (None, 1, 2, 0)}.get(len(shape))
    if axes is None or (axes and axes[0] is None and shape[0] != 1):
        raise ValueError(f"a tensor of the shape {list(shape)}, batch and rank need to be 1 and "
                         "at most 4")
    return View([() if axis is None else ((axis, 1, n),) for axis, n in zip(axes, shape)])


def double(value):
    """A float32 of the file as a Python float (exact)."""
    return float(value)


class Converter:
    """One TFLite graph on its way to one Model."""

    def __init__(self, graph, path, rounding, rules):
        self.graph, self.path, self.single, self.rules = graph, path, rounding == "single", rules
        self.model = Model(str(path).rsplit("/", maxsplit=1)[-1].rsplit(".", maxsplit=1)[0],
                           "TFLite through tactus import")
        self.values = {}
        self.made = {}  # tensor index -> (layer id, View)
        self.notes, self.warnings = [], []
        self.where = ""

    def fail(self, what):
        raise ImportProblem(f"{self.path}: {self.where}: {what}", self.path, self.where)

    # Tensors.

    def activation(self, operator, i):
        """The Value of an operator's i-th operand."""
        index = operator.inputs[i]
        if index not in self.values:
            tensor = self.graph.tensors[index]
            if tensor.data is not None:
                self.fail(f"operand '{tensor.name}' is a constant, an activation is needed")
            self.fail(f"operand '{tensor.name}' is made by no operator before it")
        return self.values[index]

    def constant(self, operator, i):
        """The tensor of an operator's i-th operand, which has to be constant; None if absent."""
        if i >= len(operator.inputs) or operator.inputs[i] < 0:
            return None
        tensor = self.graph.tensors[operator.inputs[i]]
        if tensor.data is None:
            self.fail(f"operand '{tensor.name}' has to be constant")
        return tensor

    def format_of(self, tensor):
        """bits, signed, zero point, scale of an activation tensor."""
        if tensor.type not in FORMATS:
            self.fail(f"tensor '{tensor.name}' is {tensor.type}; only int8, uint8 and int16 "
                      "activations run on integers")
        if tensor.scale.size != 1 or not np.isfinite(tensor.scale[0]) or tensor.scale[0] <= 0:
            self.fail(f"tensor '{tensor.name}' has {tensor.scale.size} scales, one positive scale "
                      "is needed")
        bits, is_signed = FORMATS[tensor.type]
        zero = int(tensor.zero_point[0]) if tensor.zero_point.size else 0
        return bits, is_signed, zero, double(tensor.scale[0])

    def out_format(self, tensor):
        bits, is_signed, zero, _ = self.format_of(tensor)
        return {"out_bits": bits, "out_signed": int(is_signed), "out_zero_point": zero}

    def clamp(self, tensor, activation=0):
        """Bounds of a fused activation inside the format."""
        bits, is_signed, zero, scale = self.format_of(tensor)
        low, high = value_range(bits, is_signed)

        def level(real):
            value = float(np.float32(real) / np.float32(scale))
            return zero + int(np.sign(value) * np.floor(abs(value) + 0.5))
        if activation == 1:
            low = max(low, zero)
        elif activation == 2:
            low, high = max(low, level(-1)), min(high, level(1))
        elif activation == 3:
            low, high = max(low, zero), min(high, level(6))
        elif activation != 0:
            self.fail(f"the fused activation number {activation} has no rule")
        return {"clamp_min": low, "clamp_max": high}

    def add(self, operator, op, inputs, view=None, **content):
        """Appends the layer that makes the operator's output."""
        tensor = self.graph.tensors[operator.outputs[0]]
        ident = self.layer(tensor, op, inputs, **content)
        self.store(operator, ident, view or view_of(tensor.shape))
        return ident

    def layer(self, tensor, op, inputs, **content):
        """Appends a layer in a tensor's format, or in the one that the content states."""
        # Names of converters run to hundreds of characters; the last part tells most.
        name = tensor.name.split(";")[0].rsplit("/", 1)[-1] or op
        return self.model.add_layer(name, op, inputs, source_name=tensor.name[:200],
                                    **{**self.out_format(tensor), **content})

    def store(self, operator, ident, view, at=0, **more):
        """The operator's output number `at` is this tensor of the model."""
        index = operator.outputs[at]
        tensor = self.graph.tensors[index]
        if view.shape != tuple(tensor.shape):
            self.fail(f"its output has the shape {list(view.shape)}, the file says "
                      f"{list(tensor.shape)}")
        self.values[index] = Value(ident, view, tensor, **more)
        self.made[index] = (ident, view)

    # Requantisation.

    def convention(self, base="tflite"):
        return f"{base}_single" if self.single else base if base != "tflite" else "tflite_double"

    def multipliers(self, reals):
        pairs = [fixed.tflite_multiplier(real) for real in reals]
        return {"mult": np.array([m for m, _ in pairs], np.int64),
                "shift": np.array([s for _, s in pairs], np.int64)}

    def weighted_requant(self, operator, weight, bias, reals):
        out = self.graph.tensors[operator.outputs[0]]
        wide = self.format_of(out)[0] == 16
        by_bias = bias is None or bias.type == "int64"
        int32_asked = operator.options.get("bias_type", 0) == 2
        convention = self.convention()
        chosen = operator.name in ("conv_2d", "transpose_conv")
        if wide and (not chosen or (by_bias and not int32_asked)):
            convention = "tflite_s64"
        return {"convention": convention, **self.multipliers(reals),
                **self.clamp(out, operator.options["activation"])}

    def weight(self, tensor, layout):
        """integers in the layout of the schema, with format and zero point."""
        if tensor is None or tensor.type not in ("int8", "uint8", "int4"):
            self.fail("the weights are not 8- or 4-bit integers (hybrid and float layers have no "
                      "rule)")
        bits = 4 if tensor.type == "int4" else 8
        is_signed = tensor.type != "uint8"
        data = tensor.data.transpose(layout) if layout else tensor.data
        data = np.ascontiguousarray(data)
        if outside(data, bits, is_signed):
            self.fail("a weight does not fit its type")
        zero = tensor.zero_point
        if np.unique(zero).size > 1:
            data, bits = centred(data, zero, bits)
            is_signed, zero = True, np.zeros(1, np.int64)
            self.warnings.append((self.where, centred_text(bits)))
        content = {"weight": data}
        first_zero = int(zero[0]) if zero.size else 0
        content["weight_format"] = {"bits": bits, "signed": int(is_signed),
                                    "sparsity": sparsity_of(data, first_zero)}
        if np.any(zero):
            content["weight_zero_point"] = zero.astype(np.int64)
        return content

    def scales(self, x, weight, out, dense):
        """Real multipliers per channel or tensor, formed as TFLite forms them."""
        s_in, s_out = self.format_of(x)[3], self.format_of(out)[3]
        if weight.scale.size == 0:
            self.fail("the weights have no scale")
        if dense and weight.scale.size == 1:
            product = np.float32(s_in) * np.float32(weight.scale[0])
            return [double(product) / s_out]
        return [s_in * double(w) / s_out for w in weight.scale]

    def window_padding(self, operator, value, kernel, dilation):
        options = operator.options
        stride = (options["stride_h"], options["stride_w"])
        if operator.options["padding"] == 1:
            before, after = (0, 0), (0, 0)
        else:
            before, after = [], []
            for n, k, s, d in zip(value.shape[1:], kernel, stride, dilation):
                total = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
                before.append(total // 2)
                after.append(total - total // 2)
        own = value.padding
        if any(own) and options["padding"] != 1:
            self.fail("a PAD in front of a layer with SAME padding has no rule")
        return [before[0] + own[0], before[1] + own[1], after[0] + own[2], after[1] + own[3]]

    def unpadded(self, operator, i):
        """An operand; a PAD that waits on it becomes constants around it."""
        value = self.activation(operator, i)
        return self.bordered(value) if any(value.padding) else value

    def bordered(self, value):
        """With a PAD of height and width carried out."""
        _, _, zero, _ = self.format_of(value.tensor)
        ident, extents = value.ident, list(value.view.extents)
        for axis, (before, after) in ((1, value.padding[::2]), (2, value.padding[1::2])):
            idents = [ident]
            for count, first in ((before, True), (after, False)):
                if count:
                    shape = list(extents)
                    shape[axis] = count
                    border = self.layer(value.tensor, "constant", [], value=filled(shape, zero))
                    idents = [border, *idents] if first else [*idents, border]
            if len(idents) > 1:
                ident = self.layer(value.tensor, "concat", idents, axis="chw"[axis])
            extents[axis] += before + after
        c, h, w = extents
        return Value(ident, view_of((1, h, w, c)), value.tensor)

    def operand(self, operator, i):
        """An activation, or a constant as a layer of the model."""
        tensor = self.graph.tensors[operator.inputs[i]]
        if tensor.data is None or operator.inputs[i] in self.values:
            return self.unpadded(operator, i)
        shape = tuple(tensor.shape)
        view = view_of(shape if not shape or len(shape) > 3 or shape[0] == 1 or len(shape) == 1
                       else (1, *shape))
        view = View(view.groups[-len(shape):] if shape else ())
        ident = self.layer(tensor, "constant", [], value=view.to_model(tensor.data))
        return Value(ident, view, tensor)

    def declare_input(self, tensor):
        bits, is_signed, zero, scale = self.format_of(tensor)
        if tensor.shape[:1] not in ((1,), ()):
            self.fail(f"the input's batch of {tensor.shape[0]} has to be 1")
        view = self.guarded(lambda *_: view_of(tensor.shape), None)
        name = f"input{len(self.model.inputs)}" if self.model.inputs else "input"
        self.model.add_input(name, view.extents, bits, is_signed, zero, scale)
        self.values[tensor.index] = Value(name, view, tensor)
        self.made[tensor.index] = (name, view)

    def guarded(self, rule, operator):
        """Operands of a file can be anything: what no rule foresaw is the file's problem."""
        try:
            return rule(self, operator)
        except ImportProblem as problem:
            if problem.file:
                raise
            return self.fail(str(problem))
        except (KeyError, IndexError, ValueError, TypeError, AttributeError, ArithmeticError,
                MemoryError) as error:
            text = str(error).split("\n", maxsplit=1)[0]
            return self.fail(f"its operands or options do not fit together ({text})")

    def run(self):
        """The model."""
        for index in self.graph.inputs:
            tensor = self.graph.tensors[index]
            self.where = f"input '{tensor.name}'"
            if tensor.type != "float32":
                self.declare_input(tensor)
        for number, operator in enumerate(self.graph.operators):
            self.where = f"operator {number} ({operator.name})"
            rule = self.rules.get(operator.name)
            if rule is None:
                self.fail(f"it has no import rule (known: {', '.join(sorted(self.rules))})")
            self.guarded(rule, operator)
        for index in self.graph.outputs:
            self.where = f"output '{self.graph.tensors[index].name}'"
            if index not in self.values:
                self.fail("it is made by no operator")
            value = self.values[index]
            value = self.bordered(value) if any(value.padding) else value
            self.model.outputs.append(value.ident)
        if not self.model.outputs:
            raise ImportProblem(f"{self.path}: the graph has no output", self.path)
        return self.model
