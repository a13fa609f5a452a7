# SPDX-License-Identifier: Apache-2.0
"""TFLite operators that compute: sums of products, sums, products, pools, functions, rows."""

from dataclasses import replace

import numpy as np

from . import fixed
from .modelfile import value_range
from .tables import concatenated_table, integer_table, softmax_constants, tflite_table
from .tflite_convert import view_of
from .view import View


def conv_2d(c, operator):
    x, weight = c.activation(operator, 0), c.constant(operator, 1)
    bias = c.constant(operator, 2)
    depthwise = operator.name == "depthwise_conv_2d"
    content = c.weight(weight, (3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
    o = operator.options
    dilation = (o["dilation_h"], o["dilation_w"])
    kernel = content["weight"].shape[2:]
    x = standard(c, x)
    channels = x.shape[0]
    groups = channels if depthwise else channels // content["weight"].shape[1]
    if bias is not None:
        content["bias"] = bias.data.astype(np.int64)
    out = c.graph.tensors[operator.outputs[0]]
    c.add(operator, "conv2d", [x.ident], stride=[o["stride_h"], o["stride_w"]],
          dilation=list(dilation), groups=groups,
          padding=c.window_padding(operator, x, kernel, dilation),
          requant=c.weighted_requant(operator, weight, bias,
                                     c.scales(x.tensor, weight, out, False)), **content)


def standard(c, value):
    """An operand whose axes are those of an image."""
    if len(value.view.shape) != 4 or any(value.view.groups[i] != g for i, g in enumerate(
            view_of(value.view.shape).groups)):
        c.fail("a transpose or reshape in front of it moves data, which has no rule")
    return value


def transpose_conv(c, operator):
    """The weights OHWI are not turned: every input pixel adds them to the output."""
    x, weight = standard(c, c.unpadded(operator, 2)), c.constant(operator, 1)
    bias = c.constant(operator, 3)
    content = c.weight(weight, (0, 3, 1, 2))
    o = operator.options
    out = c.graph.tensors[operator.outputs[0]]
    if bias is not None:
        content["bias"] = bias.data.astype(np.int64)
    stride, before, after, more = (o["stride_h"], o["stride_w"]), [], [], []
    for n, m, k, s in zip(x.shape[1:], out.shape[1:3], content["weight"].shape[2:], stride):
        total = (n - 1) * s + k - m
        before.append(max(total, 0) // 2)
        after.append(max(total, 0) - before[-1])
        more.append(max(-total, 0))
    c.add(operator, "conv_transpose2d", [x.ident], stride=list(stride), dilation=[1, 1], groups=1,
          padding=before + after, output_padding=more,
          requant=c.weighted_requant(operator, weight, bias,
                                     c.scales(x.tensor, weight, out, False)), **content)


def fully_connected(c, operator):
    x, weight = c.unpadded(operator, 0), c.constant(operator, 1)
    bias = c.constant(operator, 2)
    if operator.options["weights_format"] != 0:
        c.fail("shuffled weights have no rule")
    content = c.weight(weight, None)
    rows, columns = content["weight"].shape
    if bias is not None:
        content["bias"] = bias.data.astype(np.int64)
    out = c.graph.tensors[operator.outputs[0]]
    requant = c.weighted_requant(operator, weight, bias, c.scales(x.tensor, weight, out, True))
    values = int(np.prod(x.shape))
    if values == columns:
        # The graph may flatten in another order than the model, which goes by C, H, W.
        order = x.view.to_model(np.arange(columns)).reshape(-1)
        content["weight"] = np.ascontiguousarray(content["weight"][:, order])
        view = View([()] * (len(out.shape) - 1) + [((0, 1, rows),)])
        c.add(operator, "linear", [x.ident], view, requant=requant, **content)
        return
    last = len(x.view.shape) - 1
    if x.view.whole(last) != 0 or x.shape[0] != columns:
        c.fail(f"its input {list(x.view.shape)} has {values} values and no axis of channels with "
               f"the {columns} columns of the weights")
    content["weight"] = content["weight"][:, :, None, None]
    view = x.view.replaced(last, ((0, 1, rows),)).reshaped(out.shape)
    if view is None:
        c.fail(f"its output {list(out.shape)} mixes axes, which has no rule")
    c.add(operator, "conv2d", [x.ident], view, stride=[1, 1], dilation=[1, 1], groups=1,
          padding=[0, 0, 0, 0], requant=requant, **content)


def batch_matmul(c, operator):
    """Head by head; each operand is turned where it does not lie as matmul reads it."""
    from .tflite_moves import flat, turned
    a, b = flat(c, c.operand(operator, 0)), flat(c, c.operand(operator, 1))
    for name, value in (("adj_x", a), ("adj_y", b)):
        if operator.options[name]:
            order = [*range(len(value.view.shape) - 2), len(value.view.shape) - 1,
                     len(value.view.shape) - 2]
            value.view = value.view.permuted(order)
    out = c.graph.tensors[operator.outputs[0]]
    lead = a.view.shape[:-2]
    if lead != b.view.shape[:-2] or a.view.shape[-1] != b.view.shape[-2] or sum(
            n > 1 for n in lead) > 1:
        c.fail(f"a product of tensors {list(a.view.shape)} and {list(b.view.shape)} has no rule")
    heads, sums = int(np.prod(lead)), a.view.shape[-1]

    def form(channels, across, rows_first):
        pair = [((2, 1, across),), ((0, 1, channels),)]
        return View([((0, channels, n),) for n in lead] + (pair if rows_first else pair[::-1]))
    rows, columns = a.view.shape[-2], b.view.shape[-1]
    wanted = (form(sums, rows, True), form(sums, columns, False))
    a, b = (value if value.view == want else turned(c, value, heads)
            for value, want in zip((a, b), wanted))
    if (a.view, b.view) != wanted:
        c.fail("an operand lies in an order that matmul and transpose cannot read")
    # As for a dense layer: the product of the two scales is rounded to float32.
    product = np.float32(a.tensor.scale[0]) * np.float32(b.tensor.scale[0])
    wide = c.format_of(out)[0] == 16
    requant = {"convention": "tflite_s64" if wide else c.convention(),
               **c.multipliers([float(product) / c.format_of(out)[3]]), **c.clamp(out)}
    content = {"heads": heads} if heads > 1 else {}
    c.add(operator, "matmul", [a.ident, b.ident], form(columns, rows, True), requant=requant,
          **content)


# Two operands of one shape, or one pixel or one channel for all.


def _pair(c, operator):
    """(a, b, view of the result)."""
    a, b = c.operand(operator, 0), c.operand(operator, 1)
    if a.view == b.view:
        return a, b, a.view
    wide, small = (a, b) if int(np.prod(a.shape)) >= int(np.prod(b.shape)) else (b, a)
    lead = len(wide.view.shape) - len(small.view.shape)
    groups = ((),) * lead + small.view.groups
    channels, height, width = wide.shape
    n, h, w = small.shape
    fits = lead >= 0 and all(g in ((), full) for g, full in zip(groups, wide.view.groups))
    if not fits or n not in (1, channels) or (h, w) not in ((1, 1), (height, width)):
        c.fail(f"operands of the shapes {list(a.view.shape)} and {list(b.view.shape)}, or in two "
               "orders, have no rule")
    return a, b, wide.view


def add(c, operator):
    a, b, view = _pair(c, operator)
    out = c.graph.tensors[operator.outputs[0]]
    s1, s2, s_out = (c.format_of(t)[3] for t in (a.tensor, b.tensor, out))
    left = 15 if c.format_of(out)[0] == 16 else 20
    twice = 2 * max(s1, s2)
    content = {}
    for i, scale in enumerate((s1, s2)):
        mult, shift = fixed.tflite_multiplier(scale / twice)
        content[f"requant_{i}"] = {"mult": mult, "shift": shift, "left_shift": left}
    if operator.name == "sub":
        content["requant_1"]["mult"] *= -1
        c.notes.append(f"{c.where}: the second operand has a negative multiplier; its exact ties "
                       "round the other way than in the reference kernels, by 2^-20 of a step")
    requant = {"convention": c.convention("add_tflite"),
               **c.multipliers([twice / ((1 << left) * s_out)]),
               **c.clamp(out, operator.options["activation"])}
    c.add(operator, "add", [a.ident, b.ident], view, requant=requant, **content)


def mul(c, operator):
    a, b, view = _pair(c, operator)
    out = c.graph.tensors[operator.outputs[0]]
    s1, s2, s_out = (c.format_of(t)[3] for t in (a.tensor, b.tensor, out))
    requant = {"convention": c.convention(), **c.multipliers([s1 * s2 / s_out]),
               **c.clamp(out, operator.options["activation"])}
    c.add(operator, "mul", [a.ident, b.ident], view, requant=requant)


def extreme(c, operator):
    a, b, view = _pair(c, operator)
    out = c.graph.tensors[operator.outputs[0]]
    if len({c.format_of(t) for t in (a.tensor, b.tensor, out)}) != 1:
        c.fail("operands and result need one quantisation")
    c.add(operator, operator.name, [a.ident, b.ident], view, **c.clamp(out))


# Windows.


def pool(c, operator):
    x = standard(c, c.unpadded(operator, 0))
    o = operator.options
    out = c.graph.tensors[operator.outputs[0]]
    if c.format_of(x.tensor) != c.format_of(out):
        c.fail("a pool whose output has another quantisation than its input has no rule")
    kernel = (o["filter_h"], o["filter_w"])
    content = {"kernel": list(kernel), "stride": [o["stride_h"], o["stride_w"]],
               "padding": c.window_padding(operator, x, kernel, (1, 1))}
    if operator.name == "average_pool_2d":
        c.add(operator, "avgpool", [x.ident], count_include_pad=0, **content,
              requant={"convention": "avg_tflite", **c.clamp(out, o["activation"])})
        return
    ident = c.add(operator, "maxpool", [x.ident], **content)
    if o["activation"]:
        c.add(operator, "clamp", [ident], **c.clamp(out, o["activation"]))


def mean(c, operator):
    """Over the whole plane: the sum, and one multiplier for the scales and the count."""
    x, axes = c.unpadded(operator, 0), c.constant(operator, 1)
    axes = sorted(int(a) % len(x.view.shape) for a in np.ravel(axes.data))
    gone = sorted(f for a in axes for f in x.view.groups[a])
    out = c.graph.tensors[operator.outputs[0]]
    if gone != sorted(f for f in x.view.factors() if f[0] != 0) or not gone:
        c.fail("a mean over other axes than the whole plane (height and width, or all tokens) has "
               "no rule")
    if x.tensor.type == "uint8":
        c.fail("a mean of unsigned activations has no rule")
    keep = operator.options["keep_dims"]
    view = View([() if a in axes else g for a, g in enumerate(x.view.groups)
                 if keep or a not in axes])
    count = int(np.prod(x.shape[1:]))
    mult, shift = fixed.tflite_multiplier(float(np.float32(x.tensor.scale[0])
                                                / np.float32(out.scale[0])))
    down = min(count.bit_length() - 1, 32, 31 + shift)
    low, high = value_range(32, True)
    total = c.layer(out, "global_avgpool", [x.ident], out_bits=32, out_signed=1, out_zero_point=0,
                    requant={"convention": "mul_shift", "mult": np.array([1]), "rounding": "floor",
                             "shift": np.array([0]), "clamp_min": low, "clamp_max": high})
    c.add(operator, "requant", [total], view, requant={
        "convention": c.convention(), "mult": np.array([(mult << down) // count]),
        "shift": np.array([shift - down]), **c.clamp(out)})


# One operand.


def _requantised(c, operator, x, clamp):
    out = c.graph.tensors[operator.outputs[0]]
    real = c.format_of(x.tensor)[3] / c.format_of(out)[3]
    c.add(operator, "requant", [x.ident], x.view, requant={
        "convention": c.convention(), **c.multipliers([real]), **clamp})


def quantize(c, operator):
    source = c.graph.tensors[operator.inputs[0]]
    out = c.graph.tensors[operator.outputs[0]]
    if source.type == "float32" and operator.inputs[0] in c.graph.inputs:
        c.declare_input(out)
        return
    _requantised(c, operator, c.unpadded(operator, 0), c.clamp(out))


def activation(c, operator):
    x = c.unpadded(operator, 0)
    out = c.graph.tensors[operator.outputs[0]]
    clamp = c.clamp(out, {"relu": 1, "relu_n1_to_1": 2, "relu6": 3}[operator.name])
    if c.format_of(x.tensor) == c.format_of(out):
        c.add(operator, "clamp", [x.ident], x.view, **clamp)
        return
    _requantised(c, operator, x, clamp)


def dequantize(c, operator):
    x = c.unpadded(operator, 0)
    if operator.outputs[0] not in c.graph.outputs:
        c.fail("a DEQUANTIZE inside the graph has no rule")
    c.values[operator.outputs[0]] = x


def table(c, operator):
    """A function over 8 bits: TFLite's own table, or what its integer kernel gives for each."""
    x = c.unpadded(operator, 0)
    out = c.graph.tensors[operator.outputs[0]]
    bits, is_signed, zero, _ = c.format_of(x.tensor)
    if bits != 8:
        c.fail(f"{operator.name} of {bits}-bit activations has no rule")
    make = integer_table if operator.name in ("hard_swish", "leaky_relu") else tflite_table
    values = make(operator.name, value_range(bits, is_signed), zero, x.tensor.scale[0],
                  c.format_of(out), operator.options, c.single)
    c.add(operator, "lut", [x.ident], x.view, table=values)


def softmax(c, operator):
    from .tflite_moves import flat
    x = c.unpadded(operator, 0)
    out = c.graph.tensors[operator.outputs[0]]
    bits, _, _, scale = c.format_of(x.tensor)
    if x.tensor.type == "uint8":
        c.fail("softmax of unsigned activations has no rule")
    last = x.view.groups[-1]
    x = flat(c, x) if len(last) > 1 else x
    last = x.view.groups[-1]
    if len(last) != 1 or last[0][:2] != (0, 1):
        c.fail("its axis is not the channels of the model's tensor, which has no rule")
    heads = x.shape[0] // last[0][2]
    c.add(operator, "softmax", [x.ident], x.view, **softmax_constants(
        bits, c.format_of(out)[0], scale, operator.options["beta"]),
        **({"heads": heads} if heads > 1 else {}))


def scaled_like(c, value, out):
    """An operand of a concatenation in the output's quantisation."""
    if c.format_of(value.tensor) == c.format_of(out):
        return value
    if value.tensor.type != "uint8" or out.type != "uint8":
        c.fail(f"'{value.tensor.name}' has another quantisation than the result; TFLite itself "
               "joins only uint8 tensors of several scales")
    bits, is_signed, zero, _ = c.format_of(value.tensor)
    values = concatenated_table(value_range(bits, is_signed), zero, value.tensor.scale[0],
                                out.scale[0], c.format_of(out))
    return replace(value, tensor=out, ident=c.layer(out, "lut", [value.ident], table=values))


RULES = {"conv_2d": conv_2d, "depthwise_conv_2d": conv_2d, "transpose_conv": transpose_conv,
         "fully_connected": fully_connected, "batch_matmul": batch_matmul, "add": add, "sub": add,
         "mul": mul, "maximum": extreme, "minimum": extreme, "average_pool_2d": pool,
         "max_pool_2d": pool, "mean": mean, "quantize": quantize, "relu": activation,
         "relu6": activation, "relu_n1_to_1": activation, "dequantize": dequantize,
         "logistic": table, "tanh": table, "hard_swish": table, "leaky_relu": table, "gelu": table,
         "elu": table, "exp": table, "softmax": softmax}
