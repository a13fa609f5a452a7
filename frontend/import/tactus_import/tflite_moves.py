# SPDX-License-Identifier: Apache-2.0
"""TFLite operators that move data. What a View can rename costs nothing."""

from dataclasses import replace

import numpy as np

from .tflite_convert import view_of
from .tflite_ops import scaled_like, standard
from .view import View


def _moved(c, value, op, view, **content):
    """The same numbers at other places."""
    return replace(value, view=view, ident=c.layer(value.tensor, op, [value.ident], **content))


def flat(c, value):
    """With the plane as one row of columns."""
    channels, h, w = value.shape
    if h == 1:
        return value
    return _moved(c, value, "reshape", value.view.in_one_row(), shape=[channels, 1, h * w])


def turned(c, value, heads):
    """With channels and columns exchanged, head by head."""
    channels, h, _ = value.shape
    if h > 1 or channels % heads:
        c.fail("an operand lies in an order that matmul and transpose cannot read")
    view = value.view.turned(heads)
    if view is None:
        c.fail("a head begins in the middle of an axis, which has no rule")
    return _moved(c, value, "transpose", view, **({"heads": heads} if heads > 1 else {}))


def _same_quantisation(c, operator, x, at=0):
    if c.format_of(x.tensor) != c.format_of(c.graph.tensors[operator.outputs[at]]):
        c.fail("it changes the quantisation, which has no rule")


def reshape(c, operator):
    x = c.unpadded(operator, 0)
    shape = c.graph.tensors[operator.outputs[0]].shape
    _same_quantisation(c, operator, x)
    view = x.view.reshaped(shape)
    if view is None:
        c.fail(f"a reshape of {list(x.view.shape)} to {list(shape)} begins an axis in the middle "
               "of another one, which has no rule")
    c.store(operator, x.ident, view)


def transpose(c, operator):
    x, perm = c.unpadded(operator, 0), c.constant(operator, 1)
    _same_quantisation(c, operator, x)
    c.store(operator, x.ident, x.view.permuted([int(p) for p in np.ravel(perm.data)]))


def pad(c, operator):
    """Height and width wait for the next layer; other readers get constants around the tensor."""
    x, amount = c.unpadded(operator, 0), c.constant(operator, 1)
    rows = amount.data.astype(int).tolist()
    if len(rows) != 4 or any(rows[0]) or any(rows[3]) or np.min(rows) < 0:
        c.fail("a PAD of other axes than height and width has no rule")
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        fill = int(np.ravel(c.constant(operator, 2).data)[0])
        if fill != c.format_of(x.tensor)[2]:
            c.fail(f"a PAD with the value {fill}, which is not the zero point, has no rule")
    standard(c, x)
    _same_quantisation(c, operator, x)
    shape = c.graph.tensors[operator.outputs[0]].shape
    index = operator.outputs[0]
    c.values[index] = replace(x, tensor=c.graph.tensors[index], padding=(
        rows[1][0], rows[2][0], rows[1][1], rows[2][1]))
    padded = [n + sum(r) for n, r in zip(x.view.shape, rows)]
    if padded != list(shape):
        c.fail(f"its output has the shape {padded}, the file says {list(shape)}")


def _part(c, value, axis, begin, size):
    """value[begin : begin + size] along one graph axis."""
    if size == value.view.shape[axis]:
        return value
    group, extents = value.view.groups[axis], value.shape
    if len(group) != 1 or group[0][1] * group[0][2] != extents[group[0][0]]:
        c.fail("a slice along an axis that is no whole axis of the model's tensor has no rule")
    place, inner, _ = group[0]
    start, count = [0, 0, 0], list(extents)
    start[place], count[place] = begin * inner, size * inner
    return _moved(c, value, "slice", value.view.replaced(axis, ((place, inner, size),)),
                  begin=start, size=count)


def slice_(c, operator):
    x = c.unpadded(operator, 0)
    begin, size = (np.ravel(c.constant(operator, i).data).astype(int) for i in (1, 2))
    _same_quantisation(c, operator, x)
    for axis, (b, n) in enumerate(zip(begin, size)):
        x = _part(c, x, axis, int(b), x.view.shape[axis] - int(b) if n < 0 else int(n))
    c.store(operator, x.ident, x.view)


def strided_slice(c, operator):
    x, o = c.unpadded(operator, 0), operator.options
    begin, end, step = (np.ravel(c.constant(operator, i).data).astype(int) for i in (1, 2, 3))
    _same_quantisation(c, operator, x)
    if o["ellipsis_mask"] or o["new_axis_mask"]:
        c.fail("an ellipsis or a new axis has no rule")
    gone = []
    for axis, (b, e, s) in enumerate(zip(begin, end, step)):
        extent = x.view.shape[axis]
        if o["shrink_axis_mask"] >> axis & 1:
            gone.append(axis)
            x = _part(c, x, axis, int(b) % extent, 1)
            continue
        if s != 1:
            c.fail(f"a slice with the step {s} has no rule")
        first = None if o["begin_mask"] >> axis & 1 else int(b)
        last = None if o["end_mask"] >> axis & 1 else int(e)
        first, last, _ = slice(first, last).indices(extent)
        if last <= first:
            c.fail("a slice without any element has no rule")
        x = _part(c, x, axis, first, last - first)
    c.store(operator, x.ident, View([g for i, g in enumerate(x.view.groups) if i not in gone]))


def split(c, operator):
    """SPLIT (axis, tensor) and SPLIT_V (tensor, sizes, axis)."""
    named = operator.name == "split_v"
    x = c.unpadded(operator, 0 if named else 1)
    axis = int(np.ravel(c.constant(operator, 2 if named else 0).data)[0]) % len(x.view.shape)
    begin = 0
    for k, index in enumerate(operator.outputs):
        size = c.graph.tensors[index].shape[axis]
        _same_quantisation(c, operator, x, k)
        part = _part(c, x, axis, begin, size)
        c.store(operator, part.ident, part.view, k)
        begin += size
    if begin != x.view.shape[axis]:
        c.fail("the parts do not cover the axis")


def concatenation(c, operator):
    out = c.graph.tensors[operator.outputs[0]]
    axis = int(operator.options["axis"]) % len(out.shape)
    if operator.options["activation"]:
        c.fail("a fused activation has no rule here")
    parts = [scaled_like(c, c.operand(operator, i), out) for i in range(len(operator.inputs))]
    parts = [replace(p, view=View(((),) * (len(out.shape) - len(p.view.groups)) + p.view.groups))
             for p in parts]

    def place(part):
        group = part.view.groups[axis]
        one = len(group) == 1 and group[0][1] * group[0][2] == part.shape[group[0][0]]
        return group[0][0] if one else None
    parts = [flat(c, p) if len(p.view.groups[axis]) > 1 else p for p in parts]
    places = {place(part) for part in parts if part.view.shape[axis] > 1}
    if not places:
        places = {view_of((1, *[2] * (len(out.shape) - 1))).groups[axis][0][0]}
    rest = [[g for i, g in enumerate(part.view.groups) if i != axis] for part in parts]
    inner = max((part.view.groups[axis][0][1] for part in parts if part.view.shape[axis] > 1
                 and part.view.groups[axis]), default=1)
    if len(places) != 1 or None in places or any(r != rest[0] for r in rest) or any(
            part.shape[next(iter(places))] != inner * part.view.shape[axis] for part in parts):
        c.fail(f"a concatenation of {[list(p.view.shape) for p in parts]} along axis {axis} has no "
               "rule")
    at = places.pop()
    c.add(operator, "concat", [part.ident for part in parts],
          parts[0].view.replaced(axis, ((at, inner, out.shape[axis]),)), axis="chw"[at])


def resize(c, operator):
    """Nearest, where each pixel is copied a whole number of times."""
    x, o = standard(c, c.unpadded(operator, 0)), operator.options
    out = c.graph.tensors[operator.outputs[0]]
    _same_quantisation(c, operator, x)
    factor = []
    for n, m in zip(x.shape[1:], out.shape[1:3]):
        at = np.arange(min(m, 1 << 20))  # the largest extent of a model file
        if o["align_corners"] and m > 1:
            index = np.round(at * np.float32((n - 1) / (m - 1)))
        else:
            scale = np.float32(n) / np.float32(m)
            index = np.floor((at + (0.5 if o["half_pixel_centers"] else 0)) * scale)
        if m % n or m > len(at) or not np.array_equal(np.minimum(index, n - 1), at // (m // n)):
            c.fail(f"a resize of {list(x.view.shape)} to {list(out.shape)} that does not copy each "
                   "pixel a whole number of times has no rule")
        factor.append(m // n)
    c.add(operator, "upsample", [x.ident], factor=factor, nearest=1)


def depth_to_space(c, operator):
    x, block = standard(c, c.unpadded(operator, 0)), int(operator.options["block_size"])
    _same_quantisation(c, operator, x)
    op = "pixel_shuffle" if operator.name == "depth_to_space" else "space_to_depth"
    c.add(operator, op, [x.ident], factor=[block, block], mode="dcr")


RULES = {"reshape": reshape, "squeeze": reshape, "expand_dims": reshape, "transpose": transpose,
         "pad": pad, "padv2": pad, "slice": slice_, "strided_slice": strided_slice, "split": split,
         "split_v": split, "concatenation": concatenation, "resize_nearest_neighbor": resize,
         "depth_to_space": depth_to_space, "space_to_depth": depth_to_space}
