# SPDX-License-Identifier: Apache-2.0
"""ONNX ops along one element or one row: functions as look-up tables, extremes, softmax, norms.

A function of an integer tensor is kept as its value for every integer. Functions of one tensor
combine (x * sigmoid(x), the parts of GELU), and a quantiser makes one table of all of it.
"""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from . import fixed, onnx_norm
from .modelfile import value_range
from .onnx_moves import flat, turned
from .onnx_ops import plain_tensor
from .real import Const, QuantConst, Real

TABLE_ENTRIES = 1000  # of a softmax; fits the parameter buffer of the small presets
ERF = np.vectorize(math.erf)


def _sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _gelu(x, attrs):
    if attrs.get("approximate", "none") == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
    return 0.5 * x * (1 + ERF(x / math.sqrt(2)))


def _negative_part(x, other):
    return np.where(x >= 0, x, other)


FUNCTIONS = {
    "Sigmoid": lambda x, a: _sigmoid(x),
    "Tanh": lambda x, a: np.tanh(x),
    "Erf": lambda x, a: ERF(x),
    "Gelu": _gelu,
    "Exp": lambda x, a: np.exp(x),
    "Abs": lambda x, a: np.abs(x),
    "Neg": lambda x, a: -x,
    "Sqrt": lambda x, a: np.sqrt(x),
    "Floor": lambda x, a: np.floor(x),
    "Ceil": lambda x, a: np.ceil(x),
    "HardSigmoid": lambda x, a: np.clip(a.get("alpha", 0.2) * x + a.get("beta", 0.5), 0, 1),
    "HardSwish": lambda x, a: x * np.clip(x / 6 + 0.5, 0, 1),
    "Softplus": lambda x, a: np.logaddexp(0, x),
    "Softsign": lambda x, a: x / (1 + np.abs(x)),
    "Mish": lambda x, a: x * np.tanh(np.logaddexp(0, x)),
    "Elu": lambda x, a: _negative_part(x, a.get("alpha", 1.0) * np.expm1(np.minimum(x, 0))),
    "Selu": lambda x, a: a.get("gamma", 1.0507009873554805) * _negative_part(
        x, a.get("alpha", 1.6732632423543772) * np.expm1(np.minimum(x, 0))),
    "LeakyRelu": lambda x, a: _negative_part(x, a.get("alpha", 0.01) * x),
}


def table_of(conv, real):
    """A Real as a function of the integers of one tensor, or None: it is no such function."""
    if real.source == "table":
        if len(real.scale) > 1 or len(real.offset) > 1:
            return None
        values = real.values
    elif real.source == "tensor" and len(real.scale) == len(real.offset) == 1:
        bits, is_signed, zero = conv.model.format_of(real.ident)
        if bits > 16:
            return None
        low, high = value_range(bits, is_signed)
        values = np.arange(low, high + 1, dtype=np.float64) - zero
    else:
        return None
    values = values * float(real.scale[0]) + float(real.offset[0])
    values = np.clip(values, *(limit if v is None else float(v) for v, limit in
                               ((real.low, -np.inf), (real.high, np.inf))))
    return Real("table", real.view, ident=real.ident, values=values)


def op_function(conv, node, attrs):
    real = conv.real(node, 0)
    if node.op_type == "Sqrt" and onnx_norm.link_of(real):
        return onnx_norm.root(conv, real)
    table = table_of(conv, real)
    if table is None and node.op_type == "LeakyRelu" and 0 <= attrs.get("alpha", 0.01) <= 1:
        alpha = fixed.exact(attrs.get("alpha", 0.01))
        value = conv.emitter.materialise(real, conv.node_name)
        return Real("maximum", real.view, parts=(value, value.affine([alpha], [Fraction(0)])))
    if table is None:
        conv.fail(f"{node.op_type} of a value that no quantiser made integer has no rule")
    with np.errstate(all="ignore"):
        return replace(table, values=FUNCTIONS[node.op_type](table.values, attrs))


def op_prelu(conv, node, _):
    """max(x, slope x), or a table where there is one slope for all."""
    slope = conv.value(node, 1)
    array = slope.real() if isinstance(slope, QuantConst) else conv.const(node, 1)
    real = conv.real(node, 0)
    values = real.view.per_channel(array)
    if values is None:
        conv.fail("a PRelu with other slopes than one or one per channel has no rule")
    table = table_of(conv, real) if values.size == 1 else None
    if table is not None:
        return replace(table, values=_negative_part(table.values, float(values[0]) * table.values))
    if values.min() < 0 or values.max() > 1:
        conv.fail("a PRelu with a slope outside 0..1 has no rule")
    value = conv.emitter.materialise(real, conv.node_name)
    return Real("maximum", real.view, parts=(value, value.affine(fixed.exact_list(values),
                                                                 [Fraction(0)])))


def op_pow(conv, node, _):
    exponent = np.asarray(conv.const(node, 1)).reshape(-1)
    real = conv.real(node, 0)
    if onnx_norm.link_of(real):
        return onnx_norm.with_constant(conv, "Pow", real, exponent)
    table = table_of(conv, real)
    if table is None or exponent.size != 1:
        conv.fail("Pow of a value that no quantiser made integer, or with several exponents, has "
                  "no rule")
    with np.errstate(all="ignore"):
        return replace(table, values=np.power(table.values, float(exponent[0])))


def same_operand(conv, kind, a, b):
    """Sum, difference, product or quotient of two functions of one tensor; None for others."""
    if a.ident != b.ident or not a.ident or a.view != b.view or (
            "table" not in (a.source, b.source)):
        return None
    one, other = table_of(conv, a), table_of(conv, b)
    if one is None or other is None:
        return None
    with np.errstate(all="ignore"):
        values = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply,
                  "Div": np.divide}[kind](one.values, other.values)
    return replace(one, values=values)


def op_extreme(conv, node, _):
    """Max and Min: of two activations, or with one constant a clip."""
    kind = "maximum" if node.op_type == "Max" else "minimum"
    if len(node.input) != 2:
        conv.fail(f"{node.op_type} of {len(node.input)} operands has no rule, two have")
    values = [conv.value(node, i) for i in (0, 1)]
    known = [isinstance(v, Const) for v in values]
    if any(known):
        array = values[0 if known[0] else 1].array
        if array.size != 1:
            conv.fail(f"{node.op_type} with a constant of {array.size} values has no rule")
        level = fixed.exact(array.reshape(-1)[0])
        real = conv.real(node, 1 if known[0] else 0)
        return real.clip(level, None) if kind == "maximum" else real.clip(None, level)
    from .onnx_ops import alike
    a, b = conv.real(node, 0), conv.real(node, 1)
    return Real(kind, alike(conv, a, b), parts=(a, b))


# Rows.


def row_axis(conv, real, axis):
    """A tensor whose rows along the graph axis are channels of one head each: (Real, heads)."""
    real = flat(conv, real) if len(real.shape) != 4 or real.view.whole(axis) is None else real
    group = real.view.groups[axis]
    heads = max(1, real.channels // max(real.shape[axis], 1))
    if len(group) == 1 and group[0][0] == 2 and real.view.extents[1] == 1 and real.view.whole(
            axis) == 2:
        others = [f for i, g in enumerate(real.view.groups) if i != axis for f in g if f[0] == 0]
        outer = [f for f in others if f[1] > 1]
        heads = outer[0][2] if outer else 1
        real = turned(conv, real, heads)
        group = real.view.groups[axis]
    if len(group) != 1 or group[0][:2] != (0, 1):
        conv.fail("its axis is not the channels of the model's tensor, which has no rule")
    return real, real.channels // real.shape[axis]


def op_last(conv, node, _):
    """What only ranks the logits is left to whoever reads them."""
    if any(node.output[0] in other.input for other in conv.graph.node):
        conv.fail(f"{node.op_type} inside the graph has no rule")
    conv.emitter.notes.append(f"{conv.node_name}: the final {node.op_type} is not part of the "
                              "model, its output are the logits")
    return conv.value(node, 0)


def op_softmax(conv, node, attrs):
    if not any(node.output[0] in other.input for other in conv.graph.node):
        return op_last(conv, node, attrs)
    real = plain_tensor(conv, conv.real(node, 0))
    axis = int(attrs.get("axis", -1)) % len(real.shape)
    real, heads = row_axis(conv, real, axis)
    step = float(real.scale[0])
    bits = conv.model.format_of(real.ident)[0]
    entries = min(TABLE_ENTRIES, 1 << bits, int(math.log(2 * 65535) / step) + 2)
    table = np.rint(65535 * np.exp(-np.arange(entries) * step)).astype(np.int64)
    if table[-1] > 0 and entries < 1 << bits:
        conv.fail(f"its operand has steps of {step:g}: exp needs more than {TABLE_ENTRIES} entries")
    content = {"table": table, **({"heads": heads} if heads > 1 else {})}
    conv.emitter.notes.append(f"{conv.node_name}: exponentials of 16 bits from a table of "
                              f"{len(table)} entries")
    return Real("softmax", real.view, pending={
        "op": "softmax", "inputs": [real.ident], "content": content, "name": conv.node_name,
        "node": conv.node_index, "view": real.view})


OPS = {
    **{name: op_function for name in FUNCTIONS}, "PRelu": op_prelu, "Pow": op_pow,
    "Max": op_extreme, "Min": op_extreme, "Softmax": op_softmax, "LogSoftmax": op_last,
    "ArgMax": op_last,
}
