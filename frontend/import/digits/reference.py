# SPDX-License-Identifier: Apache-2.0
"""Integer reference of the digits models in NumPy: int64 only, no floating point.

It reads a model as plain data (modelfile.py) and implements the formulas of frontend/README.md
and design.md section 4 with direct loops over kernel taps. It shares nothing with the C++ code,
so that the golden tensors it produces are an outside opinion.
"""

import numpy as np


def round_shift(value, shift, mode):
    """value / 2^shift rounded to an integer, elementwise; shift broadcasts against value."""
    value, shift = np.broadcast_arrays(np.asarray(value, np.int64), np.asarray(shift, np.int64))
    low = value >> shift
    rest = value - (low << shift)
    half = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), np.int64(1))
    above, tie = rest > half, rest == half
    up = {
        "half_even": above | (tie & (low % 2 != 0)),
        "half_up": above | tie,
        "half_away": above | (tie & (value >= 0)),
        "half_down": above,
        "floor": np.zeros_like(above),
        "ceil": rest > 0,
        "trunc": (rest > 0) & (value < 0),
    }[mode]
    return low + up


def _channelwise(values):
    """[1] or [O] constants shaped for N,C,H,W."""
    return np.asarray(values, np.int64).reshape(1, -1, 1, 1)


def _mul_shift(acc, requant, out_zero_point):
    mult, shift = _channelwise(requant["mult"]), _channelwise(requant["shift"])
    product = acc * mult + _channelwise(requant.get("add", [0]))
    q = round_shift(product, shift, requant["rounding"]) + out_zero_point
    return q.clip(requant["clamp_min"], requant["clamp_max"])


def _finish(acc, layer):
    convention = layer["requant"]["convention"]
    if convention == "none":
        return acc
    if convention == "mul_shift":
        return _mul_shift(acc, layer["requant"], layer["out_zero_point"])
    raise ValueError(f"{layer['id']}: convention {convention} is not used by the digits models")


def conv_accumulators(x, x_zero_point, layer):
    """bias + sum over taps of (x - zp) * w; taps outside the image contribute 0."""
    weight = layer["weight"].astype(np.int64)
    (sh, sw), (top, left, bottom, right) = layer["stride"], layer["padding"]
    n, _, h, w = x.shape
    cout, cin, kh, kw = weight.shape
    # Group g of the outputs reads input channels g * cin .. (g + 1) * cin - 1.
    first = np.arange(cout) // (cout // layer["groups"]) * cin
    oh, ow = (h + top + bottom - kh) // sh + 1, (w + left + right - kw) // sw + 1
    padded = np.zeros((n, x.shape[1], h + top + bottom, w + left + right), np.int64)
    padded[:, :, top:top + h, left:left + w] = x - x_zero_point
    acc = np.zeros((n, cout, oh, ow), np.int64)
    acc += _channelwise(layer.get("bias", [0]))
    for ky in range(kh):
        for kx in range(kw):
            tap = padded[:, :, ky:ky + sh * (oh - 1) + 1:sh, kx:kx + sw * (ow - 1) + 1:sw]
            for c in range(cin):
                acc += tap[:, first + c] * weight[None, :, c, ky, kx, None, None]
    return acc


def _linear(x, x_zero_point, layer):
    flat = x.reshape(x.shape[0], -1) - x_zero_point
    acc = flat @ layer["weight"].astype(np.int64).T + np.asarray(layer["bias"], np.int64)
    return acc[:, :, None, None]


def _add(a, a_zero_point, b, b_zero_point, layer):
    requant = layer["requant"]
    total = np.zeros(a.shape, np.int64)
    for x, zp, scale in ((a, a_zero_point, layer["requant_0"]),
                         (b, b_zero_point, layer["requant_1"])):
        total += ((x - zp) * scale["mult"]) << scale["left_shift"]
    total += _channelwise(requant.get("add", [0]))
    q = round_shift(total, _channelwise(requant["shift"]), requant["rounding"])
    return (q + layer["out_zero_point"]).clip(requant["clamp_min"], requant["clamp_max"])


def _maxpool(x, layer):
    (kh, kw), (sh, sw) = layer["kernel"], layer["stride"]
    top, left, bottom, right = layer["padding"]
    n, c, h, w = x.shape
    oh, ow = (h + top + bottom - kh) // sh + 1, (w + left + right - kw) // sw + 1
    # Below every value: a tap outside the image never wins.
    padded = np.full((n, c, h + top + bottom, w + left + right), np.iinfo(np.int64).min)
    padded[:, :, top:top + h, left:left + w] = x
    best = np.full((n, c, oh, ow), np.iinfo(np.int64).min)
    for ky in range(kh):
        for kx in range(kw):
            best = np.maximum(best, padded[:, :, ky:ky + sh * (oh - 1) + 1:sh,
                                           kx:kx + sw * (ow - 1) + 1:sw])
    return best


def run(model, images):
    """All tensors by id (the input included) for integer images [N,C,H,W]."""
    (name, info), = model["inputs"].items()
    values = {name: np.asarray(images, np.int64)}
    zero_points = {name: info["zero_point"]}
    for layer in model["layers"]:
        x = [values[i] for i in layer["inputs"]]
        zp = [zero_points[i] for i in layer["inputs"]]
        op = layer["op"]
        if op == "conv2d":
            y = _finish(conv_accumulators(x[0], zp[0], layer), layer)
        elif op == "linear":
            y = _finish(_linear(x[0], zp[0], layer), layer)
        elif op == "add":
            y = _add(x[0], zp[0], x[1], zp[1], layer)
        elif op == "maxpool":
            y = _maxpool(x[0], layer)
        elif op == "global_avgpool":
            total = (x[0] - zp[0]).sum(axis=(2, 3), keepdims=True)
            y = _finish(total, layer)
        else:
            raise ValueError(f"{layer['id']}: op {op} is not used by the digits models")
        values[layer["id"]] = y
        zero_points[layer["id"]] = layer["out_zero_point"]
    return values


def correct(model, images, labels):
    """Number of images whose largest output (the first one on a tie) is the label."""
    logits = run(model, images)[model["outputs"][0]].reshape(len(labels), -1)
    return int((logits.argmax(axis=1) == labels).sum())


def accumulator_bound(model):
    """Largest |acc| that any input in the declared formats can reach, over all layers."""
    formats = {name: info for name, info in model["inputs"].items()}
    bound = 0
    for layer in model["layers"]:
        fmt = formats[layer["inputs"][0]]
        bits, zp = fmt["bits"], fmt["zero_point"]
        low, high = ((-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if fmt["signed"]
                     else (0, (1 << bits) - 1))
        if "weight" in layer:
            weight = np.abs(layer["weight"].astype(np.int64)).reshape(len(layer["weight"]), -1)
            bias = np.abs(np.asarray(layer.get("bias", [0]), np.int64))
            peak = weight.sum(axis=1) * max(abs(low - zp), abs(high - zp)) + bias
            bound = max(bound, int(peak.max()))
        formats[layer["id"]] = {"bits": layer["out_bits"], "signed": layer["out_signed"],
                                "zero_point": layer["out_zero_point"]}
    return bound
