# SPDX-License-Identifier: Apache-2.0
"""Trained network to integers: weights, biases and requantisation constants as plain data."""

import numpy as np
import torch

from quant import mult_and_exponent
from topology import INPUT, INPUT_SHAPE, limits

ADD_BITS = 48
INT32 = limits(32, True)


def mult_and_shift(scale, bits):
    """Integers with mult / 2^shift nearest to scale > 0 and 2^(bits-2) <= mult < 2^(bits-1)."""
    mult, exponent = mult_and_exponent(torch.tensor(scale, dtype=torch.float64), bits)
    mult, shift = int(mult), -int(exponent)
    if not 0 <= shift <= 63:
        raise ValueError(f"scale {scale} with a {bits}-bit multiplier needs shift {shift}")
    return mult, shift


def _requant(act, mult_bits, mult, shift, add=None):
    low, high = act.clamp_range()
    content = {"convention": "mul_shift", "rounding": act.rounding, "clamp_min": low,
               "clamp_max": high, "mult_bits": mult_bits, "add_bits": ADD_BITS,
               "mult": np.array(mult, np.int64), "shift": np.array(shift, np.int64)}
    if add is not None:
        content["add"] = np.array(add, np.int64)
    return content


def _convolution(net, node, layer, act):
    module = net.layers[node.id]
    unit = net.step_of(node.inputs[0]).item() * module.step().detach().double().numpy()
    bias = module.bias.detach().double().numpy()
    out_step = act.log_step.exp().item()
    mult_bits = net.variant.mult_bits
    pairs = [mult_and_shift(u / out_step, mult_bits) for u in unit]
    mult, shift = zip(*pairs)
    layer.update(stride=[node.stride] * 2, padding=[node.padding] * 4, dilation=[1, 1],
                 groups=node.groups)
    add = None
    if net.variant.bias_kind == "bias":
        layer["bias"] = np.round(bias / unit).astype(np.int64)
    else:
        add = [round(b / out_step * 2.0**s) for b, s in zip(bias, shift)]
    layer["requant"] = _requant(act, mult_bits, mult, shift, add)


def _linear(net, node, layer):
    module = net.layers[node.id]
    unit = net.step_of(node.inputs[0]).item() * module.step().item()
    layer["bias"] = np.round(module.bias.detach().double().numpy() / unit).astype(np.int64)
    layer["requant"] = {"convention": "none", "clamp_min": INT32[0], "clamp_max": INT32[1]}


def _add(net, node, layer, act):
    out_step = act.log_step.exp().item()
    mult_bits = net.variant.add_mult_bits
    pairs = [mult_and_shift(net.step_of(i).item() / out_step, mult_bits) for i in node.inputs]
    shift = max(s for _, s in pairs)
    for k, (mult, s) in enumerate(pairs):
        layer[f"requant_{k}"] = {"mult": mult, "left_shift": shift - s}
    low, high = act.clamp_range()
    layer["requant"] = {"convention": "add_mul_shift", "rounding": act.rounding,
                        "clamp_min": low, "clamp_max": high, "mult_bits": mult_bits,
                        "add_bits": ADD_BITS, "shift": np.array([shift], np.int64)}


def _weight_format(module, variant):
    content = {"bits": module.spec.bits, "signed": 1,
               "sparsity": "dense" if module.nm is None else variant.nm}
    if module.spec.range == "bipolar":
        content["bipolar"] = 1
    return content


def model_of(net, producer):
    """The model (a network in double precision) as plain data for modelfile and reference."""
    v = net.variant
    spatial = {}
    with torch.no_grad():
        for ident, value in net.run(torch.zeros(1, *INPUT_SHAPE).double()).items():
            spatial[ident] = value.shape[-1]
    layers = []
    for n in net.nodes:
        act = net.activation_of(n.id) if n.op != "linear" else None
        own = net.acts[n.id] if n.id in net.acts else act
        bits, signed, zp = ((own.bits, own.signed, int(own.zero_point)) if own else (32, True, 0))
        layer = {"id": n.id, "op": n.op, "source_name": n.source, "inputs": list(n.inputs),
                 "out_bits": bits, "out_signed": int(signed), "out_zero_point": zp}
        if n.op in ("conv2d", "linear"):
            q = net.layers[n.id].weight_integers().detach().numpy()
            layer["weight"] = np.round(q).astype(np.int64)
            layer["weight_format"] = _weight_format(net.layers[n.id], v)
        if n.op == "conv2d":
            _convolution(net, n, layer, act)
        elif n.op == "linear":
            _linear(net, n, layer)
        elif n.op == "add":
            _add(net, n, layer, act)
        elif n.op == "maxpool":
            layer.update(kernel=[n.kernel] * 2, stride=[n.stride] * 2, padding=[n.padding] * 4)
        else:
            ratio = net.step_of(n.inputs[0]).item() / net.step_of(n.id).item()
            mult, shift = mult_and_shift(ratio / spatial[n.inputs[0]] ** 2, v.mean_mult_bits)
            layer["requant"] = _requant(own, v.mean_mult_bits, [mult], [shift])
        layers.append(layer)
    return {"name": v.name, "producer": producer, "outputs": [net.nodes[-1].id],
            "inputs": {INPUT: {"shape": list(INPUT_SHAPE), "bits": v.input_bits,
                               "signed": int(v.input_signed), "zero_point": v.input_zero_point,
                               "scale": v.input_scale}},
            "layers": layers}
