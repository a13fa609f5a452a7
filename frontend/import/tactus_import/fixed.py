# SPDX-License-Identifier: Apache-2.0
"""Real scales become integer multipliers and shifts. Everything is exact: scales come in as
fractions, what is lost is lost in one named rounding."""

import math
from fractions import Fraction

from .problem import ImportProblem

MAX_SHIFT = 63
MAX_LEFT = 31
ADD_LIMIT = 1 << 62
ADD_OP_ADD_LIMIT = 1 << 47  # the constant of a two-operand requantisation has 48 bits


def exact(value):
    """The fraction that a float holds."""
    number = float(value)
    if not math.isfinite(number):
        raise ImportProblem(f"a scale or constant of the file is {number}")
    return Fraction(number)


def exact_list(values):
    """Fractions of an array, flattened."""
    return [exact(v) for v in values.reshape(-1)]


def nearest(value):
    """Nearest integer of a fraction, ties to even (Python's rule for fractions)."""
    return round(value)


def _shift_for(magnitude, limit, lowest=0):
    """Largest k up to 63 with magnitude * 2^k rounding below limit; below `lowest` if there is
    none."""
    if magnitude == 0:
        return MAX_SHIFT
    k = MAX_SHIFT
    estimate = (limit / magnitude).limit_denominator(1 << 80)
    if estimate < (1 << MAX_SHIFT):
        k = max(estimate.numerator // estimate.denominator, 1).bit_length()
        k = min(k, MAX_SHIFT)
    while k >= lowest and nearest(magnitude * Fraction(2) ** k) >= limit:
        k -= 1
    return k


def _simplify(values, shift):
    """Takes common factors of two out of the values as far as the shift allows."""
    while shift > 0 and all(v % 2 == 0 for v in values):
        values = [v // 2 for v in values]
        shift -= 1
    return values, shift


def fold(scale, offset, mult_bits):
    """(mult, shift, add) with mult / 2^shift ~ scale, add / 2^shift ~ offset, |mult| < 2^mult_bits.
    None when the scale is too large for any shift."""
    shift = min(_shift_for(abs(scale), 1 << mult_bits), _shift_for(abs(offset), ADD_LIMIT))
    if shift < 0:
        return None
    mult, add = nearest(scale * (1 << shift)), nearest(offset * (1 << shift))
    (mult, add), shift = _simplify([mult, add], shift)
    return mult, shift, add


def fold_add(scale_a, scale_b, offset, mult_bits, bits_a, bits_b):
    """(mult_a, mult_b, left shift of both, shift, add) of a two-operand requantisation whose 64-bit
    sum cannot overflow for operands of bits_a and bits_b bits; None when a scale is too large."""
    shift = MAX_SHIFT
    for scale, bits in ((scale_a, bits_a), (scale_b, bits_b)):
        limit = 1 << min(mult_bits, 62 - bits)
        shift = min(shift, _shift_for(abs(scale), limit, -MAX_LEFT))
    shift = min(shift, _shift_for(abs(offset), ADD_OP_ADD_LIMIT))
    if shift < 0:
        # Factors above the multiplier's range: shifted left, as far as 62 bits of product allow.
        left = -shift
        if max(bits_a, bits_b) + mult_bits + left > 62 or left > MAX_LEFT:
            return None
        scales = [nearest(v / (1 << left)) for v in (scale_a, scale_b)]
        return scales[0], scales[1], left, 0, nearest(offset)
    values = [nearest(v * (1 << shift)) for v in (scale_a, scale_b, offset)]
    values, shift = _simplify(values, shift)
    return values[0], values[1], 0, shift, values[2]


def power_of_two_grid(largest, bits, finest):
    """Largest f <= finest with largest * 2^f inside a signed word of `bits` bits."""
    limit = (1 << (bits - 1)) - 1
    f = finest
    while largest * Fraction(2) ** f > limit:
        f -= 1
    return f


def tflite_multiplier(real):
    """TFLite's QuantizeMultiplier: (mult, shift) of a positive double, shift positive = left."""
    if not math.isfinite(real) or real < 0:
        raise ImportProblem(f"a scale of the file is {real}")
    fraction, shift = math.frexp(real)
    mult = math.floor(fraction * (1 << 31) + 0.5)  # half away from zero, exact in a double
    if mult == 1 << 31:
        mult //= 2
        shift += 1
    if mult == 0 or shift < -31:
        return 0, 0
    return mult, shift
