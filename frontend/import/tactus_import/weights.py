# SPDX-License-Identifier: Apache-2.0
"""What a weight tensor says about itself: width, sign, sparsity."""

import numpy as np

from .modelfile import value_range

PATTERNS = ((1, 4), (2, 4), (1, 2), (1, 8), (2, 8), (4, 8))


def sparsity_of(weight, zero_point=0):
    """`dense`, the N:M pattern that every block of M neighbouring input channels at one tap obeys,
    or `unstructured` when a quarter or more of the weights are zero."""
    nonzero = weight.reshape(weight.shape[0], weight.shape[1], -1) != zero_point
    zero_share = 1.0 - float(nonzero.mean())
    if zero_share < 0.25:
        return "dense"
    channels = nonzero.shape[1]
    best = None
    for n, m in PATTERNS:
        if channels < m:
            continue
        padded = np.zeros((nonzero.shape[0], -(-channels // m) * m, nonzero.shape[2]), bool)
        padded[:, :channels] = nonzero
        used = padded.reshape(nonzero.shape[0], -1, m, nonzero.shape[2]).sum(axis=2)
        if used.max() <= n and (best is None or n * best[1] < best[0] * m):
            best = (n, m)
    return f"{best[0]}:{best[1]}" if best else "unstructured"


def weight_format(weight, bits, signed):
    """Attributes of the weight dataset; widens `bits` never: values outside are the caller's."""
    return {"bits": int(bits), "signed": int(signed), "sparsity": sparsity_of(weight)}


def outside(weight, bits, signed):
    """How many values are outside the declared format."""
    low, high = value_range(bits, signed)
    return int(((weight < low) | (weight > high)).sum())


def centred(integers, zero_points, bits):
    """(weights, width) with a zero point per output channel subtracted, because the array has one
    for the layer; the same sums, in signed integers that may need a bit more."""
    zero = np.asarray(zero_points, np.int64).reshape((-1,) + (1,) * (integers.ndim - 1))
    values = integers.astype(np.int64) - zero
    needed = max(int(values.max(initial=0)), ~int(values.min(initial=0)), 0).bit_length() + 1
    return values, max(bits, needed)


def centred_text(bits):
    """What a user has to know of weights whose zero points were subtracted."""
    text = ("the weight zero points differ between channels and are subtracted here, the results "
            f"are the same; the weights have {bits} bits")
    return text if bits <= 8 else text + (
        ": 8-bit arrays refuse them, hw.operand_bits=16 (preset flex_4_w16) takes them")
