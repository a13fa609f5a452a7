# SPDX-License-Identifier: Apache-2.0
"""Names what the toolkit left behind in a model that its user should know (the numbers are those of
the pitfalls in the README)."""

import numpy as np

from .modelfile import value_range
from .t2c_fold import operand_demand


def _channels(mask):
    where = np.nonzero(mask)[0].tolist()
    return f"{len(where)} of {mask.size} channels" + (
        f" (first: {where[0]})" if where else "")


def scale_lines(scale, bias, word_bits, frac_bits, used=True):
    """Sentences about fixed-point scales and biases that lost their value."""
    limit = (1 << (word_bits - 1)) - 1
    for what, values in (("scale", scale), ("bias", bias)):
        saturated = np.abs(values) >= limit
        if saturated.any():
            yield (f"the {what} of {_channels(saturated)} sits at the end of the {word_bits}-bit "
                   f"word with {frac_bits} fraction bits: it was saturated")
    vanished = (scale == 0) & used
    if vanished.any():
        yield (f"the scale of {_channels(vanished)} vanished at {frac_bits} fraction bits: these "
               "channels are constant")


def _scales(node):
    used = np.abs(node.weight).reshape(node.weight.shape[0], -1).max(axis=1) > 0
    yield from scale_lines(node.scale, node.bias, node.word_bits, node.frac_bits, used)


def _operand(node, images):
    q = node.quantizer
    if q is None:
        yield ("its operand has no quantiser: the toolkit leaves a first layer with 3 input "
               "channels on the float image")
        return
    if q.zero_point != 0:
        demand = operand_demand(q)
        low, high = demand.low - demand.zero_point, demand.high - demand.zero_point
        if demand.zero_point:
            yield (f"zero point {q.zero_point}: operands are {low}..{high}, one bit more than "
                   f"{q.bits}; the model stores {q.bits} bits and subtracts the zero point in the "
                   "array")
        else:
            yield (f"zero point {q.zero_point} lies outside the {q.bits}-bit format: the operand "
                   f"is stored with {demand.bits} bits")
        if q.clamp_after_zero_point and q.unsigned:
            yield ("an unsigned LSQ or QDrop quantiser with a zero point clips what is below zero: "
                   "negative inputs are lost in the toolkit already")
    for image in images:
        operand = image.operands.get(node.name)
        if operand is None:
            continue
        if operand.dtype.kind == "f" and np.any(operand != np.rint(operand)):
            yield "the captured operand is a float image in disguise, not integers"
            return
        demand = operand_demand(q)
        stored = operand.astype(np.int64) + demand.zero_point
        bad = int(((stored < demand.low) | (stored > demand.high)).sum())
        if bad:
            yield (f"{bad} captured operands are outside the quantiser's range "
                   f"{demand.low}..{demand.high}")
            return


def outside_format(graph):
    """(number of the image, node, how many, the first) for each captured operand that does not fit
    the format in which the model stores it: no quantiser gives such a value."""
    for k, image in enumerate(graph.images):
        for node in graph.nodes:
            operand = image.operands.get(node.name)
            if operand is None or node.quantizer is None:
                continue
            demand = operand_demand(node.quantizer)
            low, high = value_range(demand.bits, demand.signed)
            stored = operand.astype(np.int64) + demand.zero_point
            bad = (stored < low) | (stored > high)
            if bad.any():
                yield k, node.name, int(bad.sum()), operand[bad].reshape(-1)[0]


def _weights(node):
    values = node.weight
    if np.all(values == 1) and values.size > 16:
        yield ("all weights are 1: the toolkit fills its integer weights at the first forward, and "
               "none was run before the export")
    zero_share = float((values == 0).mean())
    if node.mask_sparsity > 0.05 and zero_share < 0.5 * node.mask_sparsity:
        yield (f"the pruning mask is {100 * node.mask_sparsity:.1f} % zero, the integer weights "
               f"only {100 * zero_share:.1f} %: the mask was dropped")
    if node.has_conv_bias:
        yield ("the convolution has a bias of its own, which the toolkit adds to the integer "
               "accumulator without scaling and then loses; fold it into batch norm before the "
               "conversion")


def check_graph(graph):
    """Sentences by node name, in the order of the nodes."""
    found = {}
    for node in graph.nodes:
        if node.scale is None:
            continue
        lines = [*_weights(node), *_scales(node), *_operand(node, graph.images)]
        if lines:
            found[node.name] = lines
    return found
