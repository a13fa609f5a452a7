# SPDX-License-Identifier: Apache-2.0
"""Look-up tables and softmax constants of TFLite, from their formulas."""

import math

import numpy as np

from . import fixed

FUNCTIONS = {
    "logistic": lambda x, o: 1.0 / (1.0 + np.exp(-x)),
    "tanh": lambda x, o: np.tanh(x),
    "hard_swish": lambda x, o: x * np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    "leaky_relu": lambda x, o: np.where(x >= 0, x, x * o.get("alpha", 0.0)),
}


def half_away(values):
    """Rounds ties away from zero."""
    return np.sign(values) * np.floor(np.abs(values) + 0.5)


def tflite_table(name, bounds, zero, scale, out_format, options):
    """Outputs for every input from the smallest on."""
    bits, is_signed, out_zero, out_scale = out_format
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if is_signed else (0, (1 << bits) - 1)
    x = (np.arange(bounds[0], bounds[1] + 1) - zero) * float(scale)
    y = half_away(FUNCTIONS[name](x, options) / float(out_scale)) + out_zero
    return np.clip(y, low, high).astype(np.int64)


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
