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
