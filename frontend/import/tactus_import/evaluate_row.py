# SPDX-License-Identifier: Apache-2.0
"""Integer evaluation of the row ops and tables of transformers, from the formulas of
models/numerics (norm, softmax) and frontend/README.md (lut, matmul, transpose)."""

import math

import numpy as np


def layernorm(x, eps, rms=False):
    """H, the normalised values with 20 fraction bits; x [C,H,W] without zero point."""
    n = x.shape[0]
    distance = n * x - (0 if rms else x.sum(axis=0))
    variance = n * (x * x).sum(axis=0) - (0 if rms else x.sum(axis=0) ** 2) + eps
    factor = np.empty(variance.shape, np.int64)
    shift = np.empty(variance.shape, np.int64)
    for at in np.ndindex(variance.shape):
        value, raised = max(int(variance[at]), 1), 0
        while value < 1 << 60:
            value, raised = value << 2, raised + 1
        factor[at] = (1 << 61) // math.isqrt(value)
        shift[at] = 41 - raised
    product = distance * factor
    half = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), 0)
    return (product + half) >> shift


def softmax_lut(x, table, one, heads):
    """Before zero point and clamp; rows are the channels of one head at one pixel."""
    c, h, w = x.shape
    rows = x.reshape(heads, c // heads, h * w)
    below = np.minimum(rows.max(axis=1, keepdims=True) - rows, len(table) - 1)
    e = np.asarray(table, np.int64)[below]
    out = np.empty_like(e)
    for head in range(heads):
        for pixel in range(h * w):
            row = e[head, :, pixel]
            total = int(row.sum())
            zeros = 32 - total.bit_length()
            factor = (1 << 62) // (total << zeros)
            shift = 62 - zeros
            out[head, :, pixel] = [(int(v) * one * factor + (1 << (shift - 1))) >> shift
                                   for v in row]
    return out.reshape(c, h, w)


def look_up(x, table, low, between):
    """Table of the values from `low` on; `between` low bits are interpolated."""
    table = np.asarray(table, np.int64)
    at = x - low
    if between == 0:
        return table[at]
    index, rest = at >> between, at & ((1 << between) - 1)
    step = (table[index + 1] - table[index]) * rest
    return table[index] + ((step + (1 << (between - 1))) >> between)


def matmul(a, b, heads):
    """Accumulators [heads*N,1,M] of [heads*K,1,M] and [heads*K,1,N], zero points removed."""
    m, n = a.shape[2], b.shape[2]
    a, b = a.reshape(heads, -1, m), b.reshape(heads, -1, n)
    return np.einsum("hkm,hkn->hnm", a, b).reshape(heads * n, 1, m)


def transpose(x, heads):
    """Head by head, channels and columns change places."""
    c, _, w = x.shape
    return x.reshape(heads, c // heads, w).transpose(0, 2, 1).reshape(heads * w, 1, c // heads)
