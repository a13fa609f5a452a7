# SPDX-License-Identifier: Apache-2.0
"""ONNX ops that only move data. What a View can rename costs nothing; the rest becomes a layer."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from .emit import Target
from .modelfile import filled, value_range
from .real import Const, IntegerInput, Integers, QuantConst, Real
from .view import View

MAX_EXTENT = 1 << 20  # of an axis, as model files have it


def _moved(conv, value, op, view, **content):
    """The same numbers at other places: a layer that keeps the format."""
    bits, is_signed, zero = conv.model.format_of(value.ident)
    ident = conv.model.add_layer(f"{conv.node_name}.{op}", op, [value.ident],
                                 source_name=conv.node_name, out_bits=bits, out_signed=is_signed,
                                 out_zero_point=zero, **content)
    if value.ident in conv.emitter.steps:
        conv.emitter.steps[ident] = conv.emitter.steps[value.ident]
    return replace(value, ident=ident, view=view)


def _existing(conv, node, at=0):
    """Operand `at` as a tensor of the model, integers or with one affine map."""
    value = conv.value(node, at)
    if isinstance(value, IntegerInput):
        return conv.integer_input(value, 0)
    if isinstance(value, Integers):
        return value
    return existing(conv, conv.real(node, at))


def existing(conv, real):
    """A Real that is a tensor of the model."""
    if real.source == "input":
        conv.fail("the float image is read without a quantiser")
    if real.source == "tensor" and not real.clipped() and len(real.scale) == len(
            real.offset) == 1:
        return real
    return conv.emitter.materialise(real, conv.node_name)


def turned(conv, value, heads):
    """With channels and columns exchanged, head by head; they have to be whole axes."""
    _, h, _ = value.view.extents
    if h > 1:
        conv.fail("a transpose of a tensor with height has no rule")
    view = value.view.turned(heads)
    if view is None:
        conv.fail("a head begins in the middle of an axis, which has no rule")
    content = {"heads": heads} if heads > 1 else {}
    return _moved(conv, value, "transpose", view, **content)


def flat(conv, value):
    """With the plane as one row of columns."""
    c, h, w = value.view.extents
    if h == 1:
        return value
    return _moved(conv, value, "reshape", value.view.in_one_row(), shape=[c, 1, h * w])


# Renaming.


def _renamed(conv, value, view):
    if isinstance(value, (Integers, IntegerInput, Real)):
        return replace(value, view=view)
    return conv.fail("an operand of this kind has no rule")


def _reshape(conv, node, shape):
    value = conv.value(node, 0)
    if isinstance(value, QuantConst):
        if len(value.scale) > 1 or value.zero_point.size > 1:
            conv.fail("a reshape of weights with one scale per channel has no rule")
        return replace(value, integers=value.integers.reshape(shape), axis=0)
    old = value.shape
    if int(np.prod(shape)) != int(np.prod(old)):
        conv.fail(f"a reshape of {list(old)} to {list(shape)} has no rule")
    if isinstance(value, Real) and value.source == "input" or isinstance(value, IntegerInput):
        # Nothing has read the image yet: its axes may still be chosen.
        kept = [n for n in shape if n > 1] == [n for n in old if n > 1]
        if kept and len(shape) in (2, 3, 4) and shape[0] == 1:
            return replace(value, view=View.of(shape))
    view = value.view.reshaped(shape)
    if view is None:
        conv.fail(f"a reshape of {list(old)} to {list(shape)} begins an axis in the middle of "
                  "another one, which has no rule")
    return _renamed(conv, value, view)


def op_reshape(conv, node, _):
    old = conv.value(node, 0)
    old = old.integers.shape if isinstance(old, QuantConst) else old.shape
    shape = [old[i] if n == 0 else int(n) for i, n in enumerate(conv.const(node, 1))]
    if -1 in shape:
        known = int(np.prod([n for n in shape if n != -1]))
        shape[shape.index(-1)] = int(np.prod(old)) // known
    return _reshape(conv, node, shape)


def op_flatten(conv, node, attrs):
    old = conv.value(node, 0).shape
    axis = int(attrs.get("axis", 1))
    axis = axis + len(old) if axis < 0 else axis
    return _reshape(conv, node, [int(np.prod(old[:axis])), int(np.prod(old[axis:]))])


def op_squeeze(conv, node, attrs):
    old = conv.value(node, 0).shape
    axes = attrs.get("axes") if len(node.input) < 2 else conv.const(node, 1)
    if axes is None:
        gone = [i for i, n in enumerate(old) if n == 1 and i > 0]
    else:
        gone = [int(a) % len(old) for a in axes]
    return _reshape(conv, node, [n for i, n in enumerate(old) if i not in gone])


def op_unsqueeze(conv, node, attrs):
    shape = list(conv.value(node, 0).shape)
    axes = attrs.get("axes") if len(node.input) < 2 else conv.const(node, 1)
    for axis in sorted(int(a) % (len(shape) + len(axes)) for a in axes):
        shape.insert(axis, 1)
    return _reshape(conv, node, shape)


def op_transpose(conv, node, attrs):
    value = conv.value(node, 0)
    if isinstance(value, QuantConst):
        perm = attrs.get("perm") or list(range(value.integers.ndim))[::-1]
        return replace(value, integers=np.transpose(value.integers, perm),
                       axis=list(perm).index(value.axis))
    perm = [int(p) for p in attrs.get("perm") or list(range(len(value.shape)))[::-1]]
    if isinstance(value, Real) and value.source == "input" or isinstance(value, IntegerInput):
        conv.emitter.notes.append(f"{conv.node_name}: the model's input has the order behind this "
                                  f"transpose {perm} of the graph's input")
        return replace(value, view=View.of([value.shape[p] for p in perm]))
    return _renamed(conv, value, value.view.permuted(perm))


# Parts and joints.


def _part(conv, value, axis, begin, size):
    """value[begin : begin + size] along one graph axis."""
    extents = value.view.extents
    group = value.view.groups[axis]
    if size == value.shape[axis]:
        return value
    if len(group) != 1 or group[0][1] * group[0][2] != extents[group[0][0]]:
        conv.fail("a slice along an axis that is no whole axis of the model's tensor has no rule")
    place, inner, _ = group[0]
    start, count = [0, 0, 0], list(extents)
    start[place], count[place] = begin * inner, size * inner
    return _moved(conv, value, "slice", value.view.replaced(axis, ((place, inner, size),)),
                  begin=start, size=count)


def op_slice(conv, node, attrs):
    value = _existing(conv, node)
    rank = len(value.shape)
    if len(node.input) > 1:
        starts, ends = conv.const(node, 1), conv.const(node, 2)
        axes = conv.const(node, 3, np.arange(len(starts)))
        steps = conv.const(node, 4, np.ones(len(starts), np.int64))
    else:
        starts, ends = attrs["starts"], attrs["ends"]
        axes, steps = attrs.get("axes", range(len(starts))), [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps):
        axis = int(axis) % rank
        if int(step) != 1:
            conv.fail(f"a slice with the step {int(step)} has no rule")
        begin, stop, _ = slice(int(start), int(end)).indices(value.shape[axis])
        if stop <= begin:
            conv.fail("a slice without any element has no rule")
        value = _part(conv, value, axis, begin, stop - begin)
    return value


def op_split(conv, node, attrs):
    value = _existing(conv, node)
    axis = int(attrs.get("axis", 0)) % len(value.shape)
    sizes = attrs.get("split")
    if len(node.input) > 1 and node.input[1]:
        sizes = conv.const(node, 1)
    if sizes is None:
        each = -(-value.shape[axis] // len(node.output))
        sizes = [min(each, value.shape[axis] - k * each) for k in range(len(node.output))]
    begins = np.concatenate([[0], np.cumsum(sizes)])
    if begins[-1] != value.shape[axis] or min(sizes) < 1:
        conv.fail(f"a split of {value.shape[axis]} into {[int(n) for n in sizes]} has no rule")
    return tuple(_part(conv, value, axis, int(b), int(n)) for b, n in zip(begins, sizes))


def op_gather(conv, node, attrs):
    """One index, or neighbouring ones."""
    value, index = _existing(conv, node), np.asarray(conv.const(node, 1))
    axis = int(attrs.get("axis", 0)) % len(value.shape)
    flat_index = index.reshape(-1) % value.shape[axis]
    if index.ndim > 1 or np.any(np.diff(flat_index) != 1):
        conv.fail("a Gather of indices that are no neighbours has no rule")
    part = _part(conv, value, axis, int(flat_index[0]), flat_index.size)
    if index.ndim:
        return part
    groups = [g for i, g in enumerate(part.view.groups) if i != axis]
    return replace(part, view=View(groups))


def op_concat(conv, node, attrs):
    values = [conv.value(node, i) for i in range(len(node.input))]
    shaped = [v for v in values if not isinstance(v, (Const, QuantConst))]
    rank = len(shaped[0].shape)
    axis = int(attrs["axis"]) % rank
    if all(isinstance(v, (Integers, IntegerInput)) for v in values):
        parts = [_existing(conv, node, i) for i in range(len(values))]
    else:
        parts = [_constant_part(conv, v, shaped[0], axis) if isinstance(v, (Const, QuantConst))
                 else conv.real(node, i) for i, v in enumerate(values)]
    for k, part in enumerate(parts):
        if part.view.extents[1] > 1 and _place(part, axis) is None:
            parts[k] = flat(conv, existing(conv, part))
    return _joined(conv, parts, axis)


def _place(part, axis):
    """The model axis that graph axis `axis` ends, None when it is none."""
    group = part.view.groups[axis]
    if len(group) == 1 and group[0][1] * group[0][2] == part.view.extents[group[0][0]]:
        return group[0][0]
    return None


def _constant_part(conv, value, like, axis):
    """A constant operand of a concat: like the others except along the axis."""
    from .onnx_ops import fixed_operand
    size = (value.integers if isinstance(value, QuantConst) else value.array).shape[axis]
    group = like.view.groups[axis]
    places = {f[0] for f in group} or ({0, 1, 2} - {f[0] for g in like.view.groups for f in g})
    place = 2 if places & {1, 2} else 0
    if len(like.shape) == 4 and not group:
        place = axis - 1
    groups = [g if i != axis else ((place, 1, size),) for i, g in enumerate(like.view.groups)]
    return fixed_operand(conv, value, View(groups))


def _joined(conv, parts, axis):
    places = {_place(part, axis) for part in parts if part.shape[axis] > 1}
    free = {0, 1, 2} - {f[0] for part in parts for i, g in enumerate(part.view.groups) if i != axis
                        for f in g}
    if not places:
        rank = len(parts[0].shape)
        places = {axis - 1} if rank == 4 else ({2} & free or {1} & free or {0} & free)
    if len(places) != 1 or None in places:
        conv.fail("a concat along an axis that is no whole axis of the model's tensors has no rule")
    place = places.pop()
    # An operand of extent 1 says nothing about the axis; the inner step is that of the others.
    inner = max((part.view.groups[axis][0][1] for part in parts if part.shape[axis] > 1), default=1)
    total = sum(part.shape[axis] for part in parts)
    rest = [[g for i, g in enumerate(part.view.groups) if i != axis] for part in parts]
    if any(r != rest[0] for r in rest) or any(
            part.view.extents[place] != inner * part.shape[axis] for part in parts):
        conv.fail(f"a concat of {[list(part.shape) for part in parts]} has no rule")
    view = parts[0].view.replaced(axis, ((place, inner, total),))
    if isinstance(parts[0], Integers):
        if len({conv.model.format_of(part.ident) for part in parts}) > 1:
            conv.fail("a concat of integers of several formats has no rule")
        bits, is_signed, zero = conv.model.format_of(parts[0].ident)
        ident = conv.model.add_layer(conv.node_name, "concat", [part.ident for part in parts],
                                     source_name=conv.node_name, axis="chw"[place], out_bits=bits,
                                     out_signed=is_signed, out_zero_point=zero)
        return Integers(ident, view)
    return Real("concat", view, parts=tuple(parts), pending={"axis": place})


# Pixels.


def op_depth_to_space(conv, node, attrs):
    value, block = _existing(conv, node), int(attrs["blocksize"])
    if value.view != View.of(value.shape) or len(value.shape) != 4:
        conv.fail("a transpose or reshape in front of it moves data, which has no rule")
    n, c, h, w = value.shape
    if node.op_type == "SpaceToDepth":
        view, op, mode = View.of((n, c * block * block, h // block, w // block)), (
            "space_to_depth"), "dcr"
    else:
        view, op = View.of((n, c // (block * block), h * block, w * block)), "pixel_shuffle"
        mode = str(attrs.get("mode", "DCR")).lower()
    return _moved(conv, value, op, view, factor=[block, block], mode=mode)


def _source_index(new, old, scale, attrs):
    """Which input pixel each output pixel copies, or None where it is between two."""
    x = np.arange(new, dtype=np.float64)
    mode = attrs.get("coordinate_transformation_mode", "half_pixel")
    if mode in ("half_pixel", "pytorch_half_pixel"):
        at = (x + 0.5) / scale - 0.5
    elif mode == "asymmetric":
        at = x / scale
    elif mode == "align_corners":
        at = x * (old - 1) / max(new - 1, 1)
    else:
        return None
    rounding = {"round_prefer_floor": lambda v: np.ceil(v - 0.5), "floor": np.floor,
                "round_prefer_ceil": lambda v: np.floor(v + 0.5), "ceil": np.ceil}.get(
                    attrs.get("nearest_mode", "round_prefer_floor"))
    return None if rounding is None else np.clip(rounding(at), 0, old - 1)


def op_resize(conv, node, attrs):
    """Copies of pixels: nearest with whole factors."""
    value = _existing(conv, node)
    upsample = node.op_type == "Upsample"
    if upsample:
        attrs = {**attrs, "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    mode = attrs.get("mode", "nearest")
    if mode != "nearest":
        conv.fail(f"{node.op_type} of the mode {mode} has no rule, only nearest has")
    old = value.shape
    scales = attrs.get("scales") if "scales" in attrs else conv.const(
        node, 1 if upsample else 2, np.zeros(0))
    if np.size(scales) == 0:
        new = [int(n) for n in conv.const(node, 3)]
    else:
        new = [int(np.floor(n * float(s))) for n, s in zip(old, scales)]
    if value.view != View.of(old) or len(old) != 4 or list(new[:2]) != list(old[:2]):
        conv.fail("a change of other axes than height and width has no rule")
    for n, m in zip(old[2:], new[2:]):
        if m % n or m < n or m > MAX_EXTENT or not np.array_equal(_source_index(m, n, m / n, attrs),
                                                np.arange(m) // (m // n)):
            conv.fail(f"a resize of {list(old)} to {list(new)} that does not copy each pixel a "
                      "whole number of times has no rule")
    return _moved(conv, value, "upsample", View.of(new), nearest=1,
                  factor=[new[2] // old[2], new[3] // old[3]])


def op_pad(conv, node, attrs):
    """Borders of one value: constants on each side."""
    value = _existing(conv, node)
    rank = len(value.shape)
    mode = attrs.get("mode", "constant")
    pads = [int(p) for p in (attrs["pads"] if "pads" in attrs else conv.const(node, 1))]
    level = conv.const(node, 2, np.asarray(attrs.get("value", 0.0)))
    if mode != "constant" or min(pads) < 0 or len(pads) != 2 * rank:
        conv.fail(f"a Pad of the mode {mode} or with negative amounts has no rule")
    bits, is_signed, zero = conv.model.format_of(value.ident)
    if isinstance(value, Real):
        real = (Fraction(float(np.reshape(level, -1)[0])) - value.offset[0]) / value.scale[0]
        fill = round(real) + zero
        low, high = value_range(bits, is_signed)
        if abs(real - round(real)) > Fraction(1, 1000) or not low <= fill <= high:
            conv.fail(f"the pad value {float(np.reshape(level, -1)[0]):g} is no integer of the "
                      "tensor")
    else:
        fill = int(np.reshape(level, -1)[0])
    for axis in range(rank):
        before, after = pads[axis], pads[axis + rank]
        if before or after:
            value = _bordered(conv, value, axis, before, after, fill)
    return value


def _bordered(conv, value, axis, before, after, fill):
    place = value.view.whole(axis)
    if place is None:
        if value.shape[axis] != 1 or len(value.shape) != 4:
            conv.fail("a Pad of an axis that is no whole axis of the model's tensor has no rule")
        place = axis - 1
    bits, is_signed, zero = conv.model.format_of(value.ident)
    idents = [value.ident]
    for count, first in ((before, True), (after, False)):
        if count:
            shape = list(value.view.extents)
            shape[place] = count
            border = conv.model.add_layer(f"{conv.node_name}.border", "constant", [],
                                          value=filled(shape, fill), source_name=conv.node_name,
                                          out_bits=bits, out_signed=is_signed, out_zero_point=zero)
            idents = [border, *idents] if first else [*idents, border]
    ident = conv.model.add_layer(conv.node_name, "concat", idents, source_name=conv.node_name,
                                 axis="chw"[place], out_bits=bits, out_signed=is_signed,
                                 out_zero_point=zero)
    made = conv.emitter.steps.get(value.ident)
    if made is not None:
        conv.emitter.steps[ident] = Target.full(made.step, zero, bits, is_signed, made.rounding)
    size = value.shape[axis] + before + after
    return replace(value, ident=ident, view=value.view.replaced(axis, ((place, 1, size),)))


OPS = {
    "Reshape": op_reshape, "Flatten": op_flatten, "Squeeze": op_squeeze, "Unsqueeze": op_unsqueeze,
    "Transpose": op_transpose, "Slice": op_slice, "Split": op_split, "Gather": op_gather,
    "Concat": op_concat, "DepthToSpace": op_depth_to_space, "SpaceToDepth": op_depth_to_space,
    "Resize": op_resize, "Upsample": op_resize, "Pad": op_pad,
}
