# SPDX-License-Identifier: Apache-2.0
"""Folds a Torch2Chip graph into integers.

Between layers the toolkit keeps real numbers: value = (acc * S + B) / 2^f, then ReLU, residual adds
and pooling on values, then the next layer's quantiser. Here every consumer states what it wants of
a tensor (a Demand): integers of its quantiser, or the value itself at a stated width. A tensor with
one demand is made directly by its producer's requantisation; with several it is made once as a
value of `residual_bits` and each quantised version is made from that.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from . import fixed
from .modelfile import Model, value_range
from .problem import ImportProblem
from .weights import outside, weight_format

POOL_BITS = 16
LOGIT_BITS = 32


@dataclass
class Options:
    """How wide things are made."""
    mult_bits: int = 31
    residual_bits: int = 32
    rounding: str = "half_even"
    patch_bits: int = 0  # of image and weights of a patch embedding; 0 leaves it out
    outside: str = "refuse"  # captured images with operands that no quantiser gives: or "drop"


@dataclass
class Demand:
    """An integer version of a real tensor: stored = round(value / step) + zero_point, clamped."""
    kind: str  # "operand" (a quantiser), "value" (residual), "pool", "logits"
    step: Fraction
    zero_point: int
    bits: int
    signed: bool
    low: int
    high: int

    def key(self):
        """Equal for demands that want the same integers."""
        return (self.step, self.zero_point, self.bits, self.signed, self.low, self.high)


def operand_demand(quantizer):
    """What a layer with this quantiser wants."""
    low, high = quantizer.stored_range()
    fits = value_range(quantizer.bits, not quantizer.unsigned)
    if fits[0] <= quantizer.zero_point <= fits[1]:
        return Demand("operand", 1 / fixed.exact(quantizer.scale), quantizer.zero_point,
                      quantizer.bits, not quantizer.unsigned, low, high)
    # A zero point outside the format: the operand itself, one bit wider and signed.
    zero = quantizer.zero_point
    bits = max((low - zero).bit_length(), (high - zero).bit_length()) + 1
    return Demand("operand", 1 / fixed.exact(quantizer.scale), 0, bits, True, low - zero,
                  high - zero)


class Folder:
    """One graph on its way to one Model."""

    def __init__(self, graph, options):
        self.graph, self.options = graph, options
        self.model = Model(graph.name, graph.producer)
        self.demands = {}  # node name -> list of distinct Demands
        self.made = {}  # (node name, demand key) -> layer id
        self.operands = {}  # weighted node name -> id of the tensor that it reads
        self.layer_of = {}  # node name -> id of the layer with its accumulators
        self.input_name = None

    def fail(self, node, what):
        raise ImportProblem(f"layer {node.name}: {what}", layer=node.name)

    # What is wanted.

    def largest(self, name):
        """Largest magnitude of a node's value over the captured images; None without images."""
        seen = [np.abs(image.reals[name]).max() for image in self.graph.images
                if name in image.reals]
        return Fraction(float(max(seen))) if seen else None

    def value_demand(self, node):
        """The node's value at residual_bits: a power of two as step where that is wide enough to
        hold the toolkit's own fixed point, the captured range divided evenly where it is narrow."""
        bits = self.options.residual_bits
        largest = self.largest(node.name)
        if largest is None:
            largest = self.bound(node)
        if bits >= 24:
            step = 1 / Fraction(2) ** fixed.power_of_two_grid(4 * largest, bits, self.finest(node))
        else:
            step = largest / value_range(bits, True)[1] if largest else Fraction(1)
        low, high = value_range(bits, True)
        return Demand("value", step, 0, bits, True, 0 if node.relu else low, high)

    def pool_demand(self, node):
        """The node's value for an average: unsigned after a ReLU, over the captured range."""
        largest = self.largest(node.name)
        if largest is None:
            largest = self.bound(node)
        low, high = value_range(POOL_BITS, not node.relu)
        step = largest / high if largest else Fraction(1)
        return Demand("pool", step, 0, POOL_BITS, not node.relu, low, high)

    def finest(self, node):
        """Most fraction bits of a value: the toolkit's own, as far as the multiplier reaches."""
        bits = max(n.frac_bits for n in self.graph.nodes if n.scale is not None)
        if node.scale is None or not np.any(node.scale):
            return bits
        largest = Fraction(int(np.abs(node.scale).max()), 1 << node.frac_bits)
        while largest * Fraction(2) ** bits >= (1 << self.options.mult_bits) - 1:
            bits -= 1
        return bits

    def bound(self, node):
        """Largest magnitude that the node's value can have for any input."""
        if node.op in ("add", "relu", "maxpool", "avgpool"):
            return sum(self.bound(self.graph.node(source)) for source in node.sources)
        low, high = operand_demand(node.quantizer).low, operand_demand(node.quantizer).high
        zero = operand_demand(node.quantizer).zero_point
        reach = max(abs(low - zero), abs(high - zero))
        sums = np.abs(node.weight.astype(np.int64)).reshape(node.weight.shape[0], -1).sum(axis=1)
        largest = max(int(s) * reach * abs(int(m)) + abs(int(b))
                      for s, m, b in zip(sums, node.scale, node.bias))
        return Fraction(largest, 1 << node.frac_bits)

    def demand_of(self, consumer, source):
        """What `consumer` wants of node `source`, or None if it passes its own demands on."""
        if consumer.op in ("conv", "linear"):
            if consumer.quantizer is None:
                self.fail(consumer, "its operand is not quantised (Torch2Chip gives a first layer "
                                    "with 3 input channels no quantiser)")
            return operand_demand(consumer.quantizer)
        if consumer.op == "add":
            return self.value_demand(source)
        if consumer.op == "avgpool":
            return self.pool_demand(source)
        return None

    def collect(self):
        """Demands on every node, from the outputs backwards."""
        for node in reversed(self.graph.nodes):
            wanted = self.demands.setdefault(node.name, [])
            consumers = self.graph.consumers(node.name)
            for consumer in consumers:
                one = self.demand_of(consumer, node)
                for demand in self.demands[consumer.name] if one is None else [one]:
                    if demand.key() not in [d.key() for d in wanted]:
                        wanted.append(demand)
            if not consumers:
                wanted.append(self.logit_demand(node))

    def logit_demand(self, node):
        """The network's result as fixed point with 32 bits, all channels at one scale."""
        largest = self.largest(node.name)
        grid = fixed.power_of_two_grid(4 * (self.bound(node) if largest is None else largest),
                                       LOGIT_BITS, min(16, self.finest(node)))
        low, high = value_range(LOGIT_BITS, True)
        return Demand("logits", 1 / Fraction(2) ** grid, 0, LOGIT_BITS, True, low, high)

    # How it is made.

    @staticmethod
    def out_format(demand):
        return {"out_bits": demand.bits, "out_signed": int(demand.signed),
                "out_zero_point": demand.zero_point}

    def clamp(self, demand, relu):
        low = max(demand.low, demand.zero_point) if relu else demand.low
        return {"clamp_min": min(low, demand.high), "clamp_max": demand.high,
                "rounding": self.options.rounding}

    def mul_shift(self, node, scales, offsets, demand, relu):
        """requant group of a one-operand op."""
        rows = []
        for c, (scale, offset) in enumerate(zip(scales, offsets)):
            row = fixed.fold(scale / demand.step, offset / demand.step, self.options.mult_bits)
            if row is None:
                self.fail(node, f"the scale of channel {c} is too large for a "
                                f"{self.options.mult_bits}-bit multiplier")
            rows.append(row)
        mult, shift, add = (np.array(column, np.int64) for column in zip(*rows))
        requant = {"convention": "mul_shift", "mult": mult, "shift": shift,
                   "mult_bits": self.options.mult_bits + 1, **self.clamp(demand, relu)}
        if np.any(add):
            requant["add"] = add
            requant["add_bits"] = 63
        return requant

    def make(self, node, demand):
        """Appends the layer that makes `demand` of `node`; returns its id."""
        name = node.name.split("_", 1)[-1] if node.name[:3].isdigit() else node.name
        common = {"source_name": node.module or name, **self.out_format(demand)}
        if node.op in ("conv", "linear"):
            return self.make_weighted(node, demand, name, common)
        if node.op == "add":
            return self.make_add(node, demand, name, common)
        if node.op == "avgpool":
            return self.make_average(node, demand, name, common)
        source = self.graph.node(node.sources[0])
        if node.op == "maxpool":
            inner = self.made[source.name, demand.key()]
            (kh, kw), (sh, sw), (ph, pw) = node.kernel, node.stride, node.padding
            return self.model.add_layer(name, "maxpool", [inner], kernel=[kh, kw], stride=[sh, sw],
                                        padding=[ph, pw, ph, pw], **common)
        if node.op == "relu":
            inner = self.made[source.name, demand.key()]
            return self.model.add_layer(name, "clamp", [inner], clamp_max=demand.high,
                                        clamp_min=max(demand.low, demand.zero_point), **common)
        return self.fail(node, f"the op '{node.op}' has no rule")

    def make_weighted(self, node, demand, name, common):
        unit = Fraction(1, 1 << node.frac_bits)
        requant = self.mul_shift(node, [int(s) * unit for s in node.scale],
                                 [int(b) * unit for b in node.bias], demand, node.relu)
        if outside(node.weight, node.weight_bits, node.weight_signed):
            self.fail(node, f"{outside(node.weight, node.weight_bits, node.weight_signed)} weights "
                            f"do not fit the declared {node.weight_bits} bits")
        content = {"weight": node.weight, "requant": requant,
                   "weight_format": weight_format(node.weight, node.weight_bits,
                                                  node.weight_signed)}
        if node.op == "conv":
            (ph, pw) = node.padding
            content.update(stride=list(node.stride), padding=[ph, pw, ph, pw],
                           dilation=list(node.dilation), groups=node.groups)
        op = "conv2d" if node.op == "conv" else "linear"
        ident = self.model.add_layer(name, op, [self.operands[node.name]], **content, **common)
        self.layer_of.setdefault(node.name, ident)
        return ident

    def add_group(self, node, steps, bits, demand, relu):
        """The three requant groups of a two-operand op."""
        row = fixed.fold_add(steps[0] / demand.step, steps[1] / demand.step, Fraction(0),
                             self.options.mult_bits, *bits)
        if row is None:
            self.fail(node, "the scales of the two branches are too far from the output's")
        return {"requant_0": {"mult": row[0], "left_shift": row[2]},
                "requant_1": {"mult": row[1], "left_shift": row[2]},
                "requant": {"convention": "add_mul_shift", "shift": np.array([row[3]]),
                            "mult_bits": self.options.mult_bits + 1, **self.clamp(demand, relu)}}

    def make_add(self, node, demand, name, common):
        ids, steps, bits = [], [], []
        for source in node.sources:
            value = self.value_demand(self.graph.node(source))
            ids.append(self.made[source, value.key()])
            steps.append(value.step)
            bits.append(value.bits)
        groups = self.add_group(node, steps, bits, demand, node.relu)
        return self.model.add_layer(name, "add", ids, **groups, **common)

    def make_average(self, node, demand, name, common):
        source = self.graph.node(node.sources[0])
        pooled = self.pool_demand(source)
        shape = [image.reals[source.name].shape for image in self.graph.images
                 if source.name in image.reals]
        if not shape:
            self.fail(node, "without captured tensors the size of the averaged plane is unknown")
        count = int(np.prod(shape[0][1:]))
        requant = self.mul_shift(node, [pooled.step / count], [Fraction(0)], demand, node.relu)
        return self.model.add_layer(name, "global_avgpool",
                                    [self.made[source.name, pooled.key()]], requant=requant,
                                    **common)

    def rescale(self, node, base, demand, ident):
        """A further version of a tensor."""
        name = node.name.split("_", 1)[-1] if node.name[:3].isdigit() else node.name
        requant = self.mul_shift(node, [base.step], [Fraction(0)], demand, False)
        return self.model.add_layer(f"{name}.to_{demand.kind}{demand.bits}", "requant", [ident],
                                    source_name=node.module or name, requant=requant,
                                    **self.out_format(demand))

    def versions(self, node):
        """Makes every demanded version of a node's tensor."""
        wanted = self.demands[node.name]
        if len(wanted) > 1 and node.op not in ("maxpool", "relu"):
            value = self.value_demand(node)
            base = next((d for d in wanted if d.key() == value.key()), value)
            ident = self.make(node, base)
            self.made[node.name, base.key()] = ident
            for demand in wanted:
                if demand.key() != base.key():
                    self.made[node.name, demand.key()] = self.rescale(node, base, demand, ident)
            return
        for demand in wanted:
            self.made[node.name, demand.key()] = self.make(node, demand)

    def declare_input(self, node, demand):
        """The first layer's operand is the network's input."""
        if self.input_name is not None:
            self.fail(node, "two layers read the image with different quantisers")
        shape = self.graph.input_shape
        for image in self.graph.images:
            if node.name in image.operands:
                shape = image.operands[node.name].shape
        if len(shape) not in (1, 3):
            self.fail(node, "the shape of the network's input is not known")
        shape = shape if len(shape) == 3 else (shape[0], 1, 1)
        self.input_name = self.model.add_input("image", shape, demand.bits, demand.signed,
                                               demand.zero_point, float(demand.step))
        self.made["input", demand.key()] = self.input_name

    def fold(self):
        """The model."""
        names = {node.name for node in self.graph.nodes}
        self.collect()
        for node in self.graph.nodes:
            if node.op in ("conv", "linear"):
                demand = self.demand_of(node, None)
                source = node.sources[0]
                if source not in names:
                    if ("input", demand.key()) not in self.made:
                        self.declare_input(node, demand)
                    source = "input"
                self.operands[node.name] = self.made[source, demand.key()]
            elif any(source not in names for source in node.sources):
                self.fail(node, f"the op {node.op} reads the image itself, which is not quantised")
            if node.op != "input":
                self.versions(node)
        last = [n for n in self.graph.nodes if not self.graph.consumers(n.name)]
        self.model.outputs = [self.made[n.name, self.demands[n.name][0].key()] for n in last]
        self.golden()
        return self.model

    # What the toolkit computed.

    def golden(self):
        """Toolkit tensors: the stored form of every operand, and the accumulators."""
        labels, stored = [], []
        for image in self.graph.images:
            entry = {"origin": "toolkit", "inputs": {}, "layers": {}, "accumulators": {}}
            for node in self.graph.nodes:
                if node.name in image.operands and node.name in self.operands:
                    demand = operand_demand(node.quantizer)
                    value = image.operands[node.name].astype(np.int64) + demand.zero_point
                    value = value if value.ndim == 3 else value.reshape(-1, 1, 1)
                    ident = self.operands[node.name]
                    entry["inputs" if ident == self.input_name else "layers"][ident] = value
                if node.name in image.accumulators:
                    acc = image.accumulators[node.name]
                    acc = acc if acc.ndim == 3 else acc.reshape(-1, 1, 1)
                    entry["accumulators"][self.layer_of[node.name]] = acc
            if not entry["inputs"]:
                continue
            self.model.golden.append(entry)
            stored.append(entry["inputs"][self.input_name])
            labels.append(image.label)
        if stored and all(label is not None for label in labels):
            self.model.dataset = ({self.input_name: np.stack(stored)}, labels)
