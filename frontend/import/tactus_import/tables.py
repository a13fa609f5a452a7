# SPDX-License-Identifier: Apache-2.0
"""Look-up tables and softmax constants of TFLite, from their formulas."""

import math

import numpy as np

from . import fixed
from .evaluate import rdiv_pot, tflite
from .modelfile import value_range
from .problem import ImportProblem

F32 = np.float32
ERF = np.vectorize(lambda v: math.erf(float(v)), otypes=[np.float32])


def _gelu(x, options):
    if options.get("approximate", 0):
        inner = F32(math.sqrt(2 / math.pi)) * (x + F32(0.044715) * x * x * x)
        return F32(0.5) * x * (F32(1) + np.tanh(inner))
    return F32(0.5) * x * (F32(1) + ERF(x * F32(math.sqrt(0.5))))


# In float32, as TFLite computes its tables.
FUNCTIONS = {
    "logistic": lambda x, o: F32(1) / (F32(1) + np.exp(-x)),
    "tanh": lambda x, o: np.tanh(x),
    "elu": lambda x, o: np.where(x < 0, np.expm1(np.minimum(x, F32(0))), x),
    "exp": lambda x, o: np.exp(x),
    "gelu": _gelu,
}


def half_away(values):
    """Rounds ties away from zero."""
    return np.sign(values) * np.floor(np.abs(values) + 0.5)


def _inside(values, out_format):
    """Plus zero point, clamped to the format."""
    bits, is_signed, out_zero, _ = out_format
    return np.clip(values.astype(np.int64) + out_zero, *value_range(bits, is_signed))


def tflite_table(name, bounds, zero, scale, out_format, options, _single=False):
    """Outputs for every input from the smallest on."""
    x = F32(scale) * (np.arange(bounds[0], bounds[1] + 1) - zero).astype(F32)
    with np.errstate(over="ignore"):
        y = FUNCTIONS[name](x, options) * (F32(1) / F32(out_format[3]))
    y = np.clip(half_away(y.astype(F32)), -(1 << 24), 1 << 24)
    return _inside(y, out_format)


def concatenated_table(bounds, zero, scale, out_scale, out_format):
    """A uint8 operand of a CONCATENATION in the scale of the result, in float32."""
    factor = F32(scale) * (F32(1) / F32(out_scale))
    bias = F32(-zero) * factor
    x = np.arange(bounds[0], bounds[1] + 1).astype(F32)
    return _inside(half_away((x * factor + bias).astype(F32)), out_format)


def _multiplied(x, mult, shift, single):
    """MultiplyByQuantizedMultiplier on an array."""
    return tflite(np.asarray(x, np.int64), mult, shift,
                  "tflite_single" if single else "tflite_double")


def _leaky_relu(x, scale, out_scale, options, single):
    alpha = F32(options.get("alpha", 0.0))
    if alpha < 0:
        raise ImportProblem("a LEAKY_RELU with a negative slope has no rule")
    straight = fixed.tflite_multiplier(float(scale / out_scale))
    sloped = fixed.tflite_multiplier(float(F32(scale * alpha) / out_scale))
    return np.where(x >= 0, _multiplied(x, *straight, single), _multiplied(x, *sloped, single))


def _short(mult):
    """The upper half of a 32-bit multiplier, rounded."""
    return 0x7FFF if mult >= 0x7FFFFFFF - 0x8000 else (mult + 0x8000) >> 16


def _high(a, b):
    """gemmlowp's 16-bit rounding doubling high multiplication."""
    return np.minimum((a * b + (1 << 14)) >> 15, 32767)


def _hard_swish(x, scale, out_scale, _options, _single):
    """TFLite's kernel in 16-bit fixed point, for each input."""
    fine = F32(F32(1 / 128) * scale)
    out_mult, out_shift = fixed.tflite_multiplier(float(F32(fine / out_scale)))
    mult, shift = fixed.tflite_multiplier(float(F32(fine / F32(3 / 32768))))
    if out_shift > 0:
        raise ImportProblem("a HARD_SWISH whose output is finer than 1/128 of its input has no "
                            "rule")
    x = x * 128
    scaled = _high(x, _short(out_mult))
    gate = x
    if shift > 0:
        gate = np.clip(gate << (shift - 1), -32768, 32767)
    gate = _high(gate, _short(mult))
    if shift > 0:
        gate = np.clip(gate << 1, -32768, 32767)
    elif shift < 0:
        gate = rdiv_pot(gate, -shift)
    gate = (gate + (1 << 15)) >> 1
    product = gate * scaled
    return rdiv_pot(np.sign(product) * (np.abs(product) >> 15), -out_shift)


def integer_table(name, bounds, zero, scale, out_format, options, single):
    """What one of TFLite's integer kernels gives for every input."""
    x = np.arange(bounds[0], bounds[1] + 1, dtype=np.int64) - zero
    kernel = {"leaky_relu": _leaky_relu, "hard_swish": _hard_swish}[name]
    return _inside(kernel(x, F32(scale), F32(out_format[3]), options, single), out_format)


def interpolated_table(function, low, high):
    """513 int16 entries over [low, high] whose linear interpolation is centred on the function;
    every step in float32."""
    f32 = np.float32
    step = f32((f32(high) - f32(low)) / f32(512))
    out = []
    for i in range(512):
        at = f32(f32(low) + f32(i) * step)
        sample = f32(half_away(f32(function(at)) * f32(32768)))
        following = f32(function(f32(f32(low) + f32(i + 1) * step))) * f32(32768)
        middle = half_away((following + sample) / f32(2))
        true = half_away(f32(function(f32(at + step / f32(2)))) * f32(32768))
        bias = half_away(f32(middle - true) / f32(2))
        out.append(min(max(sample - bias, -32768), 32767))
    out.append(min(max(half_away(f32(function(f32(high))) * f32(32768)), -32768), 32767))
    return np.array(out, np.int64)


def softmax_constants(bits, out_bits, scale, beta):
    """Attributes and tables of a softmax layer in TFLite's arithmetic."""
    if bits == 16:
        mult, shift = fixed.tflite_multiplier(float(beta) * float(scale) / (10.0 / 65535.0))
        return {"kind": "softmax_tflite16", "mult": mult, "shift": shift,
                "table": interpolated_table(np.exp, -10.0, 0.0),
                "inverse_table": interpolated_table(lambda x: np.float32(1) / (np.float32(1) + x),
                                                    0.0, 1.0)}
    real = min(float(beta) * float(scale) * (1 << 26), float((1 << 31) - 1))
    mult, shift = fixed.tflite_multiplier(real)
    return {"kind": "softmax_tflite8", "mult": mult, "shift": shift,
            "diff_min": -int(math.floor(31.0 * (1 << 26) / 2.0 ** shift))}
