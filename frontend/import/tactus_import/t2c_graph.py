# SPDX-License-Identifier: Apache-2.0
"""A Torch2Chip network between capture and model: nodes as the toolkit has them, before any scale
was folded. Captures, raw exports and the live capture all produce this."""

from dataclasses import dataclass, field
from typing import Optional

import numpy as np


@dataclass
class Quantizer:
    """Activation quantiser: stored = clamp(rne(value * scale) + zero_point) in [low, high]; the
    toolkit's operand is stored - zero_point."""
    scale: float  # 1 / step, a float32 value
    zero_point: int
    bits: int
    unsigned: bool
    low: int
    high: int
    kind: str = ""
    clamp_after_zero_point: bool = False  # LSQ and QDrop clip the operand a second time

    def stored_range(self):
        """Inclusive bounds of operand + zero_point."""
        if not self.clamp_after_zero_point:
            return self.low, self.high
        return (max(self.low, self.low + self.zero_point),
                min(self.high, self.high + self.zero_point))

    def same_as(self, other):
        """Whether both give the same integers."""
        return (self.scale, self.zero_point, self.bits, self.unsigned, self.stored_range()) == (
            other.scale, other.zero_point, other.bits, other.unsigned, other.stored_range())


@dataclass
class Node:
    """One operation. `scale` and `bias` are the fixed-point integers of the toolkit's MulShift."""
    name: str
    op: str  # input, conv, linear, add, relu, avgpool, maxpool
    sources: list
    relu: bool = False
    weight: Optional[np.ndarray] = None
    weight_bits: int = 8
    weight_signed: bool = True
    stride: tuple = (1, 1)
    padding: tuple = (0, 0)
    dilation: tuple = (1, 1)
    groups: int = 1
    kernel: tuple = (1, 1)
    quantizer: Optional[Quantizer] = None  # None: the operand is what arrives, unquantised
    scale: Optional[np.ndarray] = None  # int64 [O]
    bias: Optional[np.ndarray] = None  # int64 [O]
    frac_bits: int = 26
    word_bits: int = 32
    has_conv_bias: bool = False
    mask_sparsity: float = 0.0
    module: str = ""


@dataclass
class GoldenImage:
    """What the toolkit computed for one image; arrays without the batch extent."""
    operands: dict = field(default_factory=dict)  # node -> integers, zero point removed
    accumulators: dict = field(default_factory=dict)  # node -> int32
    reals: dict = field(default_factory=dict)  # node -> float32, after MulShift, ReLU, add, pool
    label: Optional[int] = None
    prediction: Optional[int] = None


@dataclass
class Graph:
    """Nodes in execution order."""
    name: str
    producer: str
    nodes: list
    images: list
    input_shape: tuple = ()

    def node(self, name):
        """The node of this name."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def consumers(self, name):
        """Nodes that read this node's output."""
        return [node for node in self.nodes if name in node.sources]
