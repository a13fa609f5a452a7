# SPDX-License-Identifier: Apache-2.0
"""TFLite operators become layers, with TFLite's own multipliers and shifts."""

from dataclasses import dataclass

import numpy as np

from . import fixed
from .modelfile import Model, value_range
from .problem import ImportProblem
from .weights import outside, sparsity_of

FORMATS = {"int8": (8, True), "uint8": (8, False), "int16": (16, True)}


@dataclass
class Value:
    """An activation: layer id, its own [C,H,W], and whether the graph sees it flattened."""
    ident: str
    shape: tuple
    tensor: object
    padding: tuple = (0, 0, 0, 0)  # of a PAD that the next layer does itself


def double(value):
    """A float32 of the file as a Python float (exact)."""
    return float(value)


class Converter:
    """One TFLite graph on its way to one Model."""

    def __init__(self, graph, path, rounding):
        self.graph, self.path, self.single = graph, path, rounding == "single"
        self.model = Model(str(path).rsplit("/", maxsplit=1)[-1].rsplit(".", maxsplit=1)[0],
                           "TFLite through tactus import")
        self.values = {}
        self.made = {}  # tensor index -> (layer id, shape [C,H,W])
        self.notes = []
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

    @staticmethod
    def chw(shape):
        """[1,H,W,C] or [1,N] as [C,H,W]."""
        if len(shape) == 4:
            return shape[3], shape[1], shape[2]
        if len(shape) == 3:
            return shape[2], 1, shape[1]
        return int(np.prod(shape)), 1, 1

    def add(self, operator, op, inputs, **content):
        """Appends the layer that makes the operator's output."""
        tensor = self.graph.tensors[operator.outputs[0]]
        # Names of converters run to hundreds of characters; the last part tells most.
        name = tensor.name.split(";")[0].rsplit("/", 1)[-1] or operator.name
        ident = self.model.add_layer(name, op, inputs, source_name=tensor.name[:200], **content,
                                     **self.out_format(tensor))
        self.store(operator, ident, self.chw(tensor.shape))
        return ident

    def store(self, operator, ident, shape, **more):
        index = operator.outputs[0]
        self.values[index] = Value(ident, shape, self.graph.tensors[index], **more)
        self.made[index] = (ident, shape)

    # Requantisation.

    def convention(self, base="tflite"):
        return f"{base}_single" if self.single else base if base != "tflite" else "tflite_double"

    def multipliers(self, reals):
        pairs = [fixed.tflite_multiplier(real) for real in reals]
        return {"mult": np.array([m for m, _ in pairs], np.int64),
                "shift": np.array([s for _, s in pairs], np.int64)}

    def _weighted_requant(self, operator, weight, bias, reals):
        out = self.graph.tensors[operator.outputs[0]]
        wide = self.format_of(out)[0] == 16
        by_bias = bias is None or bias.type == "int64"
        int32_asked = operator.options.get("bias_type", 0) == 2
        convention = self.convention()
        if wide and (operator.name != "conv_2d" or (by_bias and not int32_asked)):
            convention = "tflite_s64"
        return {"convention": convention, **self.multipliers(reals),
                **self.clamp(out, operator.options["activation"])}

    def _weight(self, tensor, layout):
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
        content = {"weight": data}
        first_zero = int(zero[0]) if zero.size else 0
        content["weight_format"] = {"bits": bits, "signed": int(is_signed),
                                    "sparsity": sparsity_of(data, first_zero)}
        if np.any(zero):
            content["weight_zero_point"] = zero.astype(np.int64)
        return content

    def _scales(self, x, weight, out, dense):
        """Real multipliers per channel or tensor, formed as TFLite forms them."""
        s_in, s_out = self.format_of(x)[3], self.format_of(out)[3]
        if weight.scale.size == 0:
            self.fail("the weights have no scale")
        if dense and weight.scale.size == 1:
            product = np.float32(s_in) * np.float32(weight.scale[0])
            return [double(product) / s_out]
        return [s_in * double(w) / s_out for w in weight.scale]

    def _padding(self, operator, value, kernel, dilation):
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

    # Operators.

    def conv_2d(self, operator):
        x, weight = self.activation(operator, 0), self.constant(operator, 1)
        bias = self.constant(operator, 2)
        depthwise = operator.name == "depthwise_conv_2d"
        content = self._weight(weight, (3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        o = operator.options
        dilation = (o["dilation_h"], o["dilation_w"])
        kernel = content["weight"].shape[2:]
        channels = x.shape[0]
        groups = channels if depthwise else channels // content["weight"].shape[1]
        if bias is not None:
            content["bias"] = bias.data.astype(np.int64)
        out = self.graph.tensors[operator.outputs[0]]
        self.add(operator, "conv2d", [x.ident], stride=[o["stride_h"], o["stride_w"]],
                 dilation=list(dilation), groups=groups,
                 padding=self._padding(operator, x, kernel, dilation),
                 requant=self._weighted_requant(operator, weight, bias,
                                                self._scales(x.tensor, weight, out, False)),
                 **content)

    def fully_connected(self, operator):
        x, weight = self.unpadded(operator, 0), self.constant(operator, 1)
        bias = self.constant(operator, 2)
        if operator.options["weights_format"] != 0:
            self.fail("shuffled weights have no rule")
        content = self._weight(weight, None)
        rows, columns = content["weight"].shape
        c, h, w = x.shape
        if c * h * w != columns:
            self.fail(f"its input has {c * h * w} values, the weights have {columns} columns")
        if h * w > 1:  # the graph flattens height, width, channel
            content["weight"] = np.ascontiguousarray(
                content["weight"].reshape(rows, h, w, c).transpose(0, 3, 1, 2).reshape(rows, -1))
        if bias is not None:
            content["bias"] = bias.data.astype(np.int64)
        out = self.graph.tensors[operator.outputs[0]]
        self.add(operator, "linear", [x.ident], requant=self._weighted_requant(
            operator, weight, bias, self._scales(x.tensor, weight, out, True)), **content)

    def unpadded(self, operator, i):
        """An operand that no PAD waits on."""
        value = self.activation(operator, i)
        if any(value.padding):
            self.fail("a PAD in front of this operator has no rule")
        return value

    def add_op(self, operator):
        a, b = self.unpadded(operator, 0), self.unpadded(operator, 1)
        out = self.graph.tensors[operator.outputs[0]]
        if a.shape != b.shape:
            self.fail("an addition that broadcasts has no rule")
        s1, s2, s_out = (self.format_of(t)[3] for t in (a.tensor, b.tensor, out))
        left = 15 if self.format_of(out)[0] == 16 else 20
        twice = 2 * max(s1, s2)
        content = {}
        for i, scale in enumerate((s1, s2)):
            mult, shift = fixed.tflite_multiplier(scale / twice)
            content[f"requant_{i}"] = {"mult": mult, "shift": shift, "left_shift": left}
        requant = {"convention": self.convention("add_tflite"),
                   **self.multipliers([twice / ((1 << left) * s_out)]),
                   **self.clamp(out, operator.options["activation"])}
        self.add(operator, "add", [a.ident, b.ident], requant=requant, **content)

    def mul(self, operator):
        a, b = self.unpadded(operator, 0), self.unpadded(operator, 1)
        out = self.graph.tensors[operator.outputs[0]]
        if a.shape != b.shape:
            self.fail("a product that broadcasts has no rule")
        s1, s2, s_out = (self.format_of(t)[3] for t in (a.tensor, b.tensor, out))
        requant = {"convention": self.convention(), **self.multipliers([s1 * s2 / s_out]),
                   **self.clamp(out, operator.options["activation"])}
        self.add(operator, "mul", [a.ident, b.ident], requant=requant)

    def extreme(self, operator):
        a, b = self.unpadded(operator, 0), self.unpadded(operator, 1)
        out = self.graph.tensors[operator.outputs[0]]
        formats = {self.format_of(t) for t in (a.tensor, b.tensor, out)}
        if a.shape != b.shape or len(formats) != 1:
            self.fail("operands and result need one shape and one quantisation")
        self.add(operator, operator.name, [a.ident, b.ident], **self.clamp(out))

    def pool(self, operator):
        x = self.unpadded(operator, 0)
        o = operator.options
        out = self.graph.tensors[operator.outputs[0]]
        if self.format_of(x.tensor) != self.format_of(out):
            self.fail("a pool whose output has another quantisation than its input has no rule")
        kernel = (o["filter_h"], o["filter_w"])
        content = {"kernel": list(kernel), "stride": [o["stride_h"], o["stride_w"]],
                   "padding": self._padding(operator, x, kernel, (1, 1))}
        if operator.name == "average_pool_2d":
            self.add(operator, "avgpool", [x.ident], count_include_pad=0, **content,
                     requant={"convention": "avg_tflite", **self.clamp(out, o["activation"])})
            return
        ident = self.add(operator, "maxpool", [x.ident], **content)
        if o["activation"]:
            self.add(operator, "clamp", [ident], **self.clamp(out, o["activation"]))

    def reshape(self, operator):
        x = self.unpadded(operator, 0)
        shape = self.graph.tensors[operator.outputs[0]].shape
        old = self.chw(x.tensor.shape)
        if int(np.prod(shape)) != int(np.prod(old)):
            self.fail(f"a reshape of {list(x.tensor.shape)} to {list(shape)} has no rule")
        flat = [n for n in shape if n > 1]
        if len(flat) > 1 and flat != [n for n in x.tensor.shape if n > 1]:
            self.fail(f"a reshape of {list(x.tensor.shape)} to {list(shape)} moves data and has "
                      "no rule")
        self.store(operator, x.ident, x.shape)

    def pad(self, operator):
        x, amount = self.unpadded(operator, 0), self.constant(operator, 1)
        rows = amount.data.astype(int).tolist()
        if len(rows) != 4 or any(rows[0]) or any(rows[3]) or len(operator.inputs) > 2:
            self.fail("a PAD of other axes than height and width, or with a value, has no rule")
        self.store(operator, x.ident, x.shape,
                   padding=(rows[1][0], rows[2][0], rows[1][1], rows[2][1]))
        if self.format_of(x.tensor) != self.format_of(self.graph.tensors[operator.outputs[0]]):
            self.fail("a PAD that changes the quantisation has no rule")

    def quantize(self, operator):
        source = self.graph.tensors[operator.inputs[0]]
        out = self.graph.tensors[operator.outputs[0]]
        if source.type == "float32" and operator.inputs[0] in self.graph.inputs:
            self.declare_input(out)
            return
        x = self.unpadded(operator, 0)
        real = self.format_of(x.tensor)[3] / self.format_of(out)[3]
        self.add(operator, "requant", [x.ident], requant={
            "convention": self.convention(), **self.multipliers([real]), **self.clamp(out)})

    def activation_op(self, operator):
        x = self.unpadded(operator, 0)
        out = self.graph.tensors[operator.outputs[0]]
        number = {"relu": 1, "relu_n1_to_1": 2, "relu6": 3}[operator.name]
        if self.format_of(x.tensor) == self.format_of(out):
            self.add(operator, "clamp", [x.ident], **self.clamp(out, number))
            return
        real = self.format_of(x.tensor)[3] / self.format_of(out)[3]
        self.add(operator, "requant", [x.ident], requant={
            "convention": self.convention(), **self.multipliers([real]),
            **self.clamp(out, number)})

    def dequantize(self, operator):
        x = self.unpadded(operator, 0)
        if operator.outputs[0] not in self.graph.outputs:
            self.fail("a DEQUANTIZE inside the graph has no rule")
        self.values[operator.outputs[0]] = x

    def table(self, operator):
        """logistic and tanh over 8 bits: the real function of each input, rounded half away."""
        from .tables import tflite_table
        x = self.unpadded(operator, 0)
        out = self.graph.tensors[operator.outputs[0]]
        bits, is_signed, zero, scale = self.format_of(x.tensor)
        if bits != 8:
            self.fail(f"{operator.name} of {bits}-bit activations has no rule")
        values = tflite_table(operator.name, value_range(bits, is_signed), zero, scale,
                              self.format_of(out), operator.options)
        self.add(operator, "lut", [x.ident], table=values)

    def softmax(self, operator):
        from .tables import softmax_constants
        x = self.unpadded(operator, 0)
        out = self.graph.tensors[operator.outputs[0]]
        bits, _, _, scale = self.format_of(x.tensor)
        if x.tensor.type == "uint8":
            self.fail("softmax of unsigned activations has no rule")
        self.add(operator, "softmax", [x.ident], **softmax_constants(
            bits, self.format_of(out)[0], scale, operator.options["beta"]))

    RULES = {"conv_2d": conv_2d, "depthwise_conv_2d": conv_2d, "fully_connected": fully_connected,
             "add": add_op, "mul": mul, "maximum": extreme, "minimum": extreme,
             "average_pool_2d": pool, "max_pool_2d": pool, "reshape": reshape,
             "squeeze": reshape, "expand_dims": reshape, "pad": pad, "quantize": quantize,
             "relu": activation_op, "relu6": activation_op, "relu_n1_to_1": activation_op,
             "dequantize": dequantize, "logistic": table, "tanh": table, "hard_swish": table,
             "leaky_relu": table, "softmax": softmax}

    def declare_input(self, tensor):
        bits, is_signed, zero, scale = self.format_of(tensor)
        if tensor.shape[:1] not in ((1,), ()):
            self.fail(f"the input's batch of {tensor.shape[0]} has to be 1")
        shape = self.chw(tensor.shape)
        name = f"input{len(self.model.inputs)}" if self.model.inputs else "input"
        self.model.add_input(name, shape, bits, is_signed, zero, scale)
        self.values[tensor.index] = Value(name, shape, tensor)
        self.made[tensor.index] = (name, shape)

    def guarded(self, rule, operator):
        """Operands of a file can be anything: what no rule foresaw is the file's problem."""
        try:
            rule(self, operator)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError,
                ArithmeticError) as error:
            text = str(error).split("\n", maxsplit=1)[0]
            self.fail(f"its operands or options do not fit together ({text})")

    def run(self):
        """The model."""
        for index in self.graph.inputs:
            tensor = self.graph.tensors[index]
            self.where = f"input '{tensor.name}'"
            if tensor.type != "float32":
                self.declare_input(tensor)
        for number, operator in enumerate(self.graph.operators):
            self.where = f"operator {number} ({operator.name})"
            rule = self.RULES.get(operator.name)
            if rule is None:
                self.fail(f"it has no import rule (known: {', '.join(sorted(self.RULES))})")
            self.guarded(rule, operator)
        for index in self.graph.outputs:
            self.where = f"output '{self.graph.tensors[index].name}'"
            if index not in self.values:
                self.fail("it is made by no operator")
            self.model.outputs.append(self.values[index].ident)
        return self.model
