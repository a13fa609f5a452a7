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
from .view import View


@dataclass
class Const:
    """A float or integer array that is known."""
    array: np.ndarray


@dataclass
class QuantConst:
    """Known integers with real = scale * (integer - zero_point); one scale or one per channel."""
    integers: np.ndarray
    scale: list
    zero_point: np.ndarray
    bits: int
    signed: bool
    axis: int = 0  # axis of the scales, when there are several
    bipolar: bool = False

    def real(self):
        """The values in float64; with several scales they run along `axis`."""
        shape = [1] * self.integers.ndim
        if len(self.scale) > 1 or self.zero_point.size > 1:
            shape[self.axis] = -1
        scale = np.array([float(s) for s in self.scale])
        return (self.integers - self.zero_point.reshape(
            shape if self.zero_point.size > 1 else (1,) * len(shape))) * scale.reshape(
                shape if scale.size > 1 else (1,) * len(shape))


class _Viewed:
    """A tensor of the graph; `view` may be given as a shape with channels first."""

    def __post_init__(self):
        if not isinstance(self.view, View):
            self.view = View.of(self.view)

    @property
    def shape(self):
        """Extents of the graph's tensor, with batch."""
        return self.view.shape

    @property
    def channels(self):
        """Channels of the model's tensor."""
        return self.view.extents[0]


@dataclass
class Integers(_Viewed):
    """An integer tensor of the model: the output of a layer or a network input."""
    ident: str
    view: object


@dataclass
class IntegerInput(_Viewed):
    """A graph input that is integers already; its zero point is what its first reader says."""
    name: str
    view: object
    bits: int
    signed: bool


@dataclass
class Real(_Viewed):
    """real = scale * source + offset, then clipped to [low, high]; scale and offset have one entry
    or one for each channel of the model's tensor.

    source: "input" (the float image), "tensor" (ident, minus its zero point), "layer" (a layer
    that is not emitted yet: its accumulator), "sum", "concat", "maximum", "minimum" (of `parts`),
    "table" (a function of the integers of ident: `values` holds it, the smallest integer first).
    """
    source: str
    view: object
    scale: list = field(default_factory=lambda: [Fraction(1)])
    offset: list = field(default_factory=lambda: [Fraction(0)])
    low: Optional[Fraction] = None
    high: Optional[Fraction] = None
    ident: str = ""
    pending: Optional[dict] = None  # op, inputs, content, name, node
    parts: tuple = ()
    values: Optional[np.ndarray] = None

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


def channel_list(array, view, what, fail):
    """A constant operand as one fraction or one per channel of a tensor."""
    try:
        values = view.per_channel(array)
    except ValueError:
        values = None
    if values is None:
        return fail(f"{what} has the shape {list(np.shape(array))}; one value or one per channel "
                    "can be folded")
    return fixed.exact_list(values)
