# SPDX-License-Identifier: Apache-2.0
"""Quantisers of ONNX and QONNX, and the ops that work on integers directly."""

from dataclasses import replace

import numpy as np

from . import fixed
from .emit import Target
from .modelfile import value_range
from .onnx_curves import FUNCTIONS, table_of
from .onnx_ops import alike, convolution, dense, pending, plain_tensor, plane_mean, product
from .real import Const, IntegerInput, Integers, QuantConst, Real

BITS = {"uint8": (8, False), "int8": (8, True), "uint16": (16, False), "int16": (16, True),
        "int32": (32, True)}
# QONNX names; what has no counterpart here is refused by name.
ROUNDING = {"ROUND": "half_even", "HALF_EVEN": "half_even", "CEIL": "ceil", "FLOOR": "floor",
            "DOWN": "trunc", "HALF_UP": "half_away"}


def round_values(values, mode):
    """QONNX rounding of a float64 array."""
    if mode in ("ROUND", "HALF_EVEN"):
        return np.rint(values)
    if mode == "CEIL":
        return np.ceil(values)
    if mode == "FLOOR":
        return np.floor(values)
    if mode == "UP":
        return np.sign(values) * np.ceil(np.abs(values))
    if mode == "DOWN":
        return np.trunc(values)
    if mode == "HALF_UP":
        return np.sign(values) * np.floor(np.abs(values) + 0.5)
    if mode == "HALF_DOWN":
        return np.sign(values) * np.ceil(np.abs(values) - 0.5)
    return None


def blocked(values, shape, axis, block):
    """Scales or zero points repeated to the shape of the tensor that they belong to."""
    values = np.asarray(values)
    if values.size == 1:
        return values.reshape(-1)[0]
    if block:
        return np.repeat(values, block, axis=axis)[
            tuple(slice(0, n) for n in shape)]
    return values.reshape([-1 if i == axis % len(shape) else 1 for i in range(len(shape))])


def quantize_linear(x, scale, zero, low, high, axis=1, block=0):
    """ONNX's QuantizeLinear on arrays: round half to even, then the zero point, then saturate."""
    s = blocked(scale, x.shape, axis, block)
    z = blocked(zero, x.shape, axis, block)
    return np.clip(np.rint(np.asarray(x / s, np.float64)) + np.asarray(z, np.float64), low,
                   high).astype(np.int64)


def dequantize_linear(x, scale, zero, axis=1, block=0):
    """ONNX's DequantizeLinear on arrays."""
    s = blocked(scale, x.shape, axis, block)
    z = blocked(zero, x.shape, axis, block)
    return ((x.astype(np.int64) - np.asarray(z, np.int64)).astype(np.float32)
            * s).astype(np.asarray(scale).dtype)


def dynamic_quantize_linear(x):
    """ONNX's DynamicQuantizeLinear: (y, scale, zero point)."""
    low, high = np.minimum(0, x.min()), np.maximum(0, x.max())
    scale = np.float32((high - low) / np.float32(255))
    scale = scale if scale else np.float32(1)
    zero = np.clip(np.rint((0 - low) / scale), 0, 255)
    y = np.clip(np.rint(x / scale) + zero, 0, 255)
    return y.astype(np.uint8), scale, zero.astype(np.uint8)


def _one(conv, array, what):
    array = np.asarray(array)
    if array.size != 1:
        conv.fail(f"{what} of an activation has {array.size} values, one is needed")
    return array.reshape(-1)[0]


def _format(conv, zero):
    kind = np.asarray(zero).dtype.name
    if kind not in BITS:
        conv.fail(f"a quantiser to {kind} has no rule")
    return BITS[kind]


def op_quantize(conv, node, attrs):
    value = conv.value(node, 0)
    scale = conv.const(node, 1)
    zero = conv.const(node, 2, np.zeros(1, np.uint8))
    bits, is_signed = _format(conv, zero)
    if isinstance(value, Const):
        low, high = value_range(bits, is_signed)
        return Const(quantize_linear(value.array, scale, zero, low, high, attrs.get("axis", 1),
                                     attrs.get("block_size", 0)).astype(zero.dtype))
    step = fixed.exact(_one(conv, scale, "the scale"))
    if step <= 0:
        conv.fail(f"the scale {float(step)} is not positive")
    target = Target.full(step, int(_one(conv, zero, "the zero point")), bits, is_signed)
    key = (node.input[0], step, target.zero_point, bits, is_signed)
    if key not in conv.quantised:
        conv.quantised[key] = conv.emitter.quantise(conv.real(node, 0), target, conv.node_name,
                                                    conv.node_index)
    return conv.quantised[key]


def _weights(conv, array, scale, zero, axis):
    bits, is_signed = BITS[array.dtype.name] if array.dtype.name in BITS else conv.fail(
        f"a constant of type {array.dtype} cannot be dequantised")
    return QuantConst(array.astype(np.int64), fixed.exact_list(np.asarray(scale).reshape(-1)),
                      np.asarray(zero, np.int64).reshape(-1), bits, is_signed,
                      axis % max(array.ndim, 1))


def as_real(conv, value, scale, zero):
    """DequantizeLinear of an integer activation."""
    zero = int(_one(conv, zero, "the zero point"))
    step = fixed.exact(_one(conv, scale, "the scale"))
    if isinstance(value, IntegerInput):
        value = conv.integer_input(value, zero)
    known = conv.model.format_of(value.ident)[2]
    return Real("tensor", value.view, [step], [step * (known - zero)], ident=value.ident)


def op_dequantize(conv, node, attrs):
    value, scale = conv.value(node, 0), conv.const(node, 1)
    zero = conv.const(node, 2, np.zeros(1, np.int64))
    if attrs.get("block_size", 0):
        conv.fail("weights with one scale per block have no rule")
    if isinstance(value, Const):
        return _weights(conv, value.array, scale, zero, attrs.get("axis", 1))
    if not isinstance(value, (Integers, IntegerInput)):
        conv.fail("DequantizeLinear reads a float tensor")
    return as_real(conv, value, scale, zero)


# Ops on integers.

def _operand(conv, node, at):
    """(Real, is constant) of integer operand `at` with scale and zero point behind it."""
    value, scale, zero = conv.value(node, at), conv.const(node, at + 1), conv.const(node, at + 2)
    if isinstance(value, Const):
        axis = 0 if node.op_type == "QLinearConv" else value.array.ndim - 1
        return _weights(conv, value.array, scale, zero, axis)
    return as_real(conv, value, scale, zero)


def _store(conv, node, real, at):
    zero = conv.const(node, at + 1)
    bits, is_signed = _format(conv, zero)
    target = Target.full(fixed.exact(_one(conv, conv.const(node, at), "the output scale")),
                         int(_one(conv, zero, "the output zero point")), bits, is_signed)
    return conv.emitter.quantise(real, target, conv.node_name, conv.node_index)


def op_qlinear_conv(conv, node, attrs):
    bias = conv.value(node, 8, False)
    real = convolution(conv, _operand(conv, node, 0), _operand(conv, node, 3), bias, attrs)
    return _store(conv, node, real, 6)


def op_qlinear_matmul(conv, node, _):
    x, weight = _operand(conv, node, 0), _operand(conv, node, 3)
    if isinstance(x, QuantConst):
        conv.fail("a product with a constant on the left has no rule")
    made = dense(conv, x, weight, None) if isinstance(weight, QuantConst) else product(
        conv, x, weight)
    return _store(conv, node, made, 6)


def op_qlinear_add(conv, node, _):
    a, b = _operand(conv, node, 0), _operand(conv, node, 3)
    if not isinstance(a, Real) or not isinstance(b, Real):
        conv.fail("QLinearAdd needs two activations")
    return _store(conv, node, Real("sum", alike(conv, a, b), parts=(a, b)), 6)


def op_qlinear_mul(conv, node, _):
    a, b = _operand(conv, node, 0), _operand(conv, node, 3)
    if not isinstance(a, Real) or not isinstance(b, Real):
        conv.fail("QLinearMul needs two activations")
    a, b = plain_tensor(conv, a), plain_tensor(conv, b)
    return _store(conv, node, pending(conv, "mul", [a.ident, b.ident], {}, alike(conv, a, b),
                                      [a.scale[0] * b.scale[0]]), 6)


def op_qlinear_function(conv, node, attrs):
    """QLinearSigmoid, QLinearLeakyRelu: input, scale, zero point, output scale, zero point."""
    table = table_of(conv, _operand(conv, node, 0))
    values = FUNCTIONS[node.op_type[len("QLinear"):]](table.values, attrs)
    return _store(conv, node, replace(table, values=values), 3)


def op_qlinear_global_avgpool(conv, node, attrs):
    if attrs.get("channels_last", 0):
        conv.fail("channels_last has no rule")
    x = _operand(conv, node, 0)
    return _store(conv, node, plane_mean(conv, x, range(2, len(x.shape)), True), 3)


def _integer_operands(conv, node):
    """(activation, weight) of ConvInteger and MatMulInteger with scales of one."""
    value, weight = conv.value(node, 0), conv.value(node, 1)
    x_zero = conv.const(node, 2, np.zeros(1, np.int64))
    w_zero = conv.const(node, 3, np.zeros(1, np.int64))
    if not isinstance(weight, Const) and node.op_type == "MatMulInteger":
        return as_real(conv, value, np.ones(1), x_zero), as_real(conv, weight, np.ones(1), w_zero)
    if not isinstance(weight, Const):
        conv.fail("a convolution with weights that are no constant has no rule")
    axis = 0 if node.op_type == "ConvInteger" else weight.array.ndim - 1
    return (as_real(conv, value, np.ones(1), x_zero),
            _weights(conv, weight.array, np.ones(1), w_zero, axis))


def op_conv_integer(conv, node, attrs):
    x, weight = _integer_operands(conv, node)
    return convolution(conv, x, weight, None, attrs)


def op_matmul_integer(conv, node, _):
    x, weight = _integer_operands(conv, node)
    return product(conv, x, weight) if isinstance(weight, Real) else dense(conv, x, weight, None)


# QONNX.

def _quant_format(conv, node, attrs):
    bits = conv.const(node, 3)
    bits = float(_one(conv, bits, "the bit width"))
    if bits != int(bits) or not 1 <= bits <= 32:
        conv.fail(f"a bit width of {bits:g} has no rule")
    bits, is_signed = int(bits), bool(attrs.get("signed", 1))
    low, high = value_range(bits, is_signed)
    if attrs.get("narrow", 0):
        low, high = (low + 1, high) if is_signed else (low, high - 1)
    mode = str(attrs.get("rounding_mode", "ROUND")).upper()
    return bits, is_signed, low, high, mode


def op_quant(conv, node, attrs):
    bits, is_signed, low, high, mode = _quant_format(conv, node, attrs)
    if bits == 1 and is_signed:
        return op_bipolar(conv, node, attrs)
    value, scale, zero = conv.value(node, 0), conv.const(node, 1), conv.const(node, 2)
    if isinstance(value, Const):
        x = value.array.astype(np.float64)
        q = round_values(np.clip(x / scale.astype(np.float64) + zero, low, high), mode)
        if q is None:
            conv.fail(f"the rounding mode {mode} is unknown")
        scales = np.asarray(scale)
        axis = int(np.argmax(scales.shape)) if scales.size > 1 else 0
        return QuantConst(q.astype(np.int64), fixed.exact_list(scales.reshape(-1)),
                          np.asarray(zero, np.int64).reshape(-1)[:1], bits, is_signed, axis)
    if mode not in ROUNDING:
        conv.fail(f"the rounding mode {mode} has no counterpart in the hardware")
    step, zero = fixed.exact(_one(conv, scale, "the scale")), _one(conv, zero, "the zero point")
    if step <= 0 or zero != int(zero):
        conv.fail(f"scale {float(step):g} and zero point {zero} are not a positive number and an "
                  "integer")
    if int(zero) % 2 and ROUNDING[mode] in ("half_even", "half_away", "trunc"):
        conv.emitter.warnings.append((conv.node_name, "an odd zero point: QONNX rounds after "
                                      "adding it, the model before; exact ties differ"))
    target = Target(step, int(zero), bits, is_signed, low, high, ROUNDING[mode])
    real = conv.real(node, 0)
    made = conv.emitter.quantise(real, target, conv.node_name, conv.node_index)
    return Real("tensor", real.view, [step], ident=made.ident)


def op_bipolar(conv, node, _):
    value, scale = conv.value(node, 0), conv.const(node, 1)
    if isinstance(value, Const):
        q = np.where(value.array >= 0, 1, -1)
        axis = int(np.argmax(scale.shape)) if scale.size > 1 else 0
        return QuantConst(q, fixed.exact_list(np.asarray(scale).reshape(-1)), np.zeros(1, np.int64),
                          1, True, axis, bipolar=True)
    step = fixed.exact(_one(conv, scale, "the scale"))
    real = conv.real(node, 0)
    made = conv.emitter.sign(real, conv.node_name, conv.node_index)
    return Real("tensor", real.view, [step], ident=made.ident)


def op_trunc(conv, node, attrs):
    """Version 1: (value, scale, zero point, input bits, output bits); the result keeps the scale."""
    if len(node.input) > 5:
        conv.fail("Trunc of version 2 has no rule")
    scale, zero = conv.const(node, 1), conv.const(node, 2)
    in_bits, out_bits = (int(_one(conv, conv.const(node, i), "the bit width")) for i in (3, 4))
    mode = str(attrs.get("rounding_mode", "FLOOR")).upper()
    if mode not in ROUNDING or np.any(np.asarray(zero)) or in_bits < out_bits:
        conv.fail(f"Trunc from {in_bits} to {out_bits} bits with rounding {mode} and zero point "
                  f"{np.asarray(zero).reshape(-1)[0]:g} has no rule")
    step = fixed.exact(_one(conv, scale, "the scale"))
    real = conv.real(node, 0)
    if real.source != "tensor" or real.scale != [step] or real.offset != [0]:
        conv.fail("Trunc of a tensor that was not quantised with the same scale has no rule")
    is_signed = bool(attrs.get("signed", conv.model.format_of(real.ident)[1]))
    target = Target.full(step * (1 << (in_bits - out_bits)), 0, out_bits, is_signed, ROUNDING[mode])
    made = conv.emitter.quantise(real, target, conv.node_name, conv.node_index)
    return Real("tensor", real.view, [step], ident=made.ident)


OPS = {
    "QuantizeLinear": op_quantize, "DequantizeLinear": op_dequantize,
    "QLinearConv": op_qlinear_conv, "QLinearMatMul": op_qlinear_matmul,
    "QLinearAdd": op_qlinear_add, "QLinearMul": op_qlinear_mul,
    "QLinearSigmoid": op_qlinear_function, "QLinearLeakyRelu": op_qlinear_function,
    "QLinearGlobalAveragePool": op_qlinear_global_avgpool,
    "ConvInteger": op_conv_integer, "MatMulInteger": op_matmul_integer,
    "Quant": op_quant, "IntQuant": op_quant, "BipolarQuant": op_bipolar, "Trunc": op_trunc,
}
