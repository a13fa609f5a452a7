# SPDX-License-Identifier: Apache-2.0
"""What a float tensor of a quantised graph stands for.

Graphs of ONNX compute with floats between their quantisers. Here each float tensor is kept as what
it is made of: integers that exist or are about to be computed, and an affine map to the real value.
A quantiser then turns map and integers into one requantisation.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Optional

import numpy as np

from . import fixed


@dataclass
class Const:
    """A float or integer array that is known."""
    array: np.ndarray


@dataclass
class QuantConst:
    """Known integers with real = scale * (integer - zero_point); scale per output channel or one."""
    integers: np.ndarray
    scale: list
    zero_point: np.ndarray
    bits: int
    signed: bool
    axis: int = 0  # axis of the scales, when there are several
    bipolar: bool = False


@dataclass
class Integers:
    """An integer tensor of the model: the output of a layer or a network input."""
    ident: str
    shape: tuple  # of the graph, with batch


@dataclass
class Real:
    """real = scale * source + offset, then clipped to [low, high].

    source: "input" (the float image), "tensor" (ident, minus its zero point), "layer" (a weighted
    layer or a sum over a window that is not emitted yet: its accumulator), "sum" (two Reals).
    """
    source: str
    shape: tuple
    scale: list = field(default_factory=lambda: [Fraction(1)])
    offset: list = field(default_factory=lambda: [Fraction(0)])
    low: Optional[Fraction] = None
    high: Optional[Fraction] = None
    ident: str = ""
    pending: Optional[dict] = None  # op, inputs, content, name, node
    parts: tuple = ()

    def clipped(self):
        """Whether a clip follows the affine map."""
        return self.low is not None or self.high is not None

    def clip(self, low, high):
        """With a further clip."""
        new_low = low if self.low is None else self.low if low is None else max(low, self.low)
        new_high = high if self.high is None else self.high if high is None else min(
            high, self.high)
        return replace(self, low=new_low, high=new_high)

    def affine(self, factor, summand):
        """factor * self + summand, both lists of one or one per channel; only before a clip."""
        count = max(len(self.scale), len(factor), len(summand))

        def at(values, c):
            return values[c if len(values) > 1 else 0]
        scale = [at(self.scale, c) * at(factor, c) for c in range(count)]
        offset = [at(self.offset, c) * at(factor, c) + at(summand, c) for c in range(count)]
        return replace(self, scale=_short(scale), offset=_short(offset))


def _short(values):
    return values[:1] if all(v == values[0] for v in values) else values


def widen(values, count):
    """One entry per channel."""
    return list(values) * count if len(values) == 1 else list(values)


def channel_list(array, shape, what, fail):
    """A constant operand as one fraction or one per channel (axis 1) of a tensor of `shape`."""
    array = np.asarray(array)
    if array.size == 1:
        return [fixed.exact(array.reshape(-1)[0])]
    full = (1,) * (len(shape) - array.ndim) + array.shape
    channels = shape[1]
    if len(full) == len(shape) and array.size == channels and full[1] == channels:
        return fixed.exact_list(array)
    return fail(f"{what} has the shape {list(array.shape)}; one value or one per channel can be "
                "folded")
