# SPDX-License-Identifier: Apache-2.0
"""Float ops of ONNX between quantisers: what they do to a Real."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from . import fixed
from .real import Const, QuantConst, Real, channel_list, widen
from .view import View
from .weights import centred, centred_text, outside, sparsity_of


def pending(conv, op, inputs, content, view, scale, **more):
    """A Real whose layer is made by what quantises it."""
    return Real("layer", view, scale, pending={
        "op": op, "inputs": inputs, "content": content, "name": conv.node_name,
        "node": conv.node_index, "view": view if isinstance(view, View) else View.of(view),
        "taps": 1, **more})


def plain_tensor(conv, real):
    """A Real that an array can read: existing integers of up to 16 bits, one scale, no offset."""
    if real.source == "input":
        conv.fail("the float image reaches a layer without a quantiser")
    if real.source != "tensor" or real.clipped():
        real = conv.emitter.materialise(real, conv.node_name)
    if len(real.scale) > 1 or real.offset != [0]:
        conv.fail("a layer reads a tensor with one scale per channel or an offset")
    if conv.model.format_of(real.ident)[0] > 16:
        conv.fail("its operand has no quantiser and would have more than 16 bits")
    return real


def weight_content(conv, weight, integers):
    """weight, format and zero points of a layer; integers: output channels first."""
    if np.unique(weight.zero_point).size > 1:
        integers, bits = centred(integers, weight.zero_point, weight.bits)
        conv.emitter.warnings.append((conv.node_name, centred_text(bits)))
        weight = replace(weight, zero_point=np.zeros(1, np.int64), bits=bits, signed=True)
    if not weight.bipolar and outside(integers, weight.bits, weight.signed):
        conv.fail(f"{outside(integers, weight.bits, weight.signed)} weights do not fit "
                  f"{weight.bits} bits")
    content = {"weight": integers, "weight_format": {
        "bits": weight.bits, "signed": int(weight.signed),
        "sparsity": sparsity_of(integers, int(weight.zero_point.reshape(-1)[0]))}}
    if weight.bipolar:
        content["weight_format"]["bipolar"] = 1
    elif np.any(weight.zero_point):
        content["weight_zero_point"] = weight.zero_point.reshape(-1)
    return content


def with_bias(conv, real, bias, channels):
    """Adds a bias: integers where it is a multiple of the accumulator's scale, else real."""
    if bias is None:
        return real
    scales = widen(real.scale, channels)
    if isinstance(bias, QuantConst):
        own = widen(bias.scale, channels)
        close = all(abs(a - b) <= abs(b) / (1 << 20) for a, b in zip(own, scales))
        values = bias.integers.reshape(-1).astype(np.int64) - bias.zero_point.reshape(-1)
        if close:
            content = dict(real.pending["content"], bias=np.broadcast_to(values, (channels,)))
            return replace(real, pending=dict(real.pending, content=content))
        return real.affine([Fraction(1)], [int(v) * s for v, s in zip(values, own)])
    if not isinstance(bias, Const):
        conv.fail("the bias is not constant")
    values = bias.array.reshape(-1)
    if values.dtype.kind in "iu":
        content = dict(real.pending["content"], bias=values.astype(np.int64))
        return replace(real, pending=dict(real.pending, content=content))
    return real.affine([Fraction(1)], fixed.exact_list(values))


def _padding(conv, attrs, extents, kernel, stride, dilation):
    """[top, left, bottom, right]."""
    auto = attrs.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", ""):
        return [int(p) for p in attrs.get("pads", [0, 0, 0, 0])]
    if auto == "VALID":
        return [0, 0, 0, 0]
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        conv.fail(f"auto_pad {auto} is unknown")
    before, after = [], []
    for n, k, s, d in zip(extents, kernel, stride, dilation):
        total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
        less, more = total // 2, total - total // 2
        before.append(less if auto == "SAME_UPPER" else more)
        after.append(more if auto == "SAME_UPPER" else less)
    return before + after


def _extent(n, before, after, kernel, stride, dilation):
    return (n + before + after - dilation * (kernel - 1) - 1) // stride + 1


def _spatial(conv, x, weight, attrs):
    """(weights [O,I,kh,kw], attributes with two axes) of a convolution or its transpose; of one
    with a single axis, the other has the extent 1."""
    integers, attrs = weight.integers, dict(attrs)
    axes = [x.view.whole(i) for i in range(2, len(x.shape))]
    if integers.ndim == 3 and len(x.shape) == 3:
        across = axes[0] != 1 or x.shape[2] == 1  # along the width
        integers = integers[:, :, None, :] if across else integers[:, :, :, None]
        for key, default in (("strides", 1), ("dilations", 1), ("pads", 0), ("output_padding", 0)):
            given = attrs.get(key)
            if given is not None:
                one = [default, given[0]] if across else [given[0], default]
                attrs[key] = one + ([default, given[1]] if across else [given[1], default]
                                    ) if key == "pads" else one
        attrs.pop("kernel_shape", None)
        expected = View([(), ((0, 1, x.shape[1]),), (((2 if across else 1), 1, x.shape[2]),)])
    else:
        expected = View.of(x.shape)
    if integers.ndim != 4 or len(x.shape) not in (3, 4):
        conv.fail(f"a convolution of a tensor of rank {len(x.shape)} with weights of rank "
                  f"{weight.integers.ndim} has no rule")
    if x.view != expected:
        conv.fail("a transpose or reshape in front of it moves data, which has no rule")
    return integers, attrs


def convolution(conv, x, weight, bias, attrs):
    """Pending conv2d of a Real and a QuantConst [O,I,kh,kw]."""
    x = plain_tensor(conv, x)
    if not isinstance(weight, QuantConst):
        conv.fail("the weights are floats without a quantiser")
    integers, attrs = _spatial(conv, x, weight, attrs)
    if len(weight.scale) > 1 and weight.axis != 0:
        conv.fail("the weights have their scales along another axis than the output channels")
    kernel, extents = integers.shape[2:], x.view.extents[1:]
    stride, dilation = attrs.get("strides", [1, 1]), attrs.get("dilations", [1, 1])
    pads = _padding(conv, attrs, extents, kernel, stride, dilation)
    out = tuple(_extent(n, pads[i], pads[i + 2], kernel[i], stride[i], dilation[i])
                for i, n in enumerate(extents))
    content = {"stride": [int(s) for s in stride], "dilation": [int(d) for d in dilation],
               "padding": pads, "groups": int(attrs.get("group", 1)),
               **weight_content(conv, weight, integers)}
    return _spatial_result(conv, "conv2d", x, weight, bias, content, out)


def _spatial_result(conv, op, x, weight, bias, content, out):
    channels = content["weight"].shape[0]
    groups = [(), ((0, 1, channels),), ((1, 1, out[0]),), ((2, 1, out[1]),)]
    if len(x.shape) == 3:
        groups = groups[:2] + [groups[2] + groups[3]]
    real = pending(conv, op, [x.ident], content, View(groups),
                   [x.scale[0] * s for s in weight.scale])
    return with_bias(conv, real, bias, channels)


def op_conv_transpose(conv, node, attrs):
    """Weights [I,O/groups,kh,kw]; the layer has them as [O,I/groups,kh,kw]."""
    x, weight = plain_tensor(conv, conv.real(node, 0)), conv.value(node, 1)
    if not isinstance(weight, QuantConst):
        conv.fail("the weights are floats without a quantiser")
    integers, attrs = _spatial(conv, x, weight, attrs)
    groups = int(attrs.get("group", 1))
    if len(weight.scale) > 1 and (weight.axis != 1 or groups > 1):
        conv.fail("the weights have their scales along another axis than the output channels")
    if weight.zero_point.size > 1 and np.unique(weight.zero_point).size > 1:
        conv.fail("weight zero points that differ between channels have no rule here")
    if any(d != 1 for d in attrs.get("dilations", [1, 1])) or "output_shape" in attrs or attrs.get(
            "auto_pad", "NOTSET") not in ("NOTSET", "", "VALID"):
        conv.fail("a ConvTranspose with dilation, output_shape or automatic padding has no rule")
    inner, outer = integers.shape[0] // groups, integers.shape[1]
    integers = integers.reshape(groups, inner, outer, *integers.shape[2:]).transpose(
        0, 2, 1, 3, 4).reshape(groups * outer, inner, *integers.shape[2:])
    stride = [int(s) for s in attrs.get("strides", [1, 1])]
    pads = [int(p) for p in attrs.get("pads", [0, 0, 0, 0])]
    more = [int(p) for p in attrs.get("output_padding", [0, 0])]
    out = tuple((n - 1) * stride[i] + integers.shape[2 + i] - pads[i] - pads[i + 2] + more[i]
                for i, n in enumerate(x.view.extents[1:]))
    content = {"stride": stride, "dilation": [1, 1], "padding": pads, "output_padding": more,
               "groups": groups, **weight_content(conv, weight, np.ascontiguousarray(integers))}
    return _spatial_result(conv, "conv_transpose2d", x, weight, conv.value(node, 2, False), content,
                           out)


def dense(conv, x, weight, bias):
    """Pending product of a Real and a QuantConst [K,N]: a matrix over the flattened tensor, or over
    the channels of every pixel."""
    x = plain_tensor(conv, x)
    if not isinstance(weight, QuantConst):
        conv.fail("the weights are floats without a quantiser")
    if weight.integers.ndim != 2:
        conv.fail(f"the weights have rank {weight.integers.ndim}, a matrix is needed")
    if len(weight.scale) > 1 and weight.axis != 1:
        conv.fail("the weights have their scales along another axis than the outputs")
    rows, channels = weight.integers.shape
    if x.shape[-1] != rows:
        conv.fail(f"a product of a tensor {list(x.shape)} and a matrix "
                  f"{list(weight.integers.shape)} has no rule")
    scale = [x.scale[0] * s for s in weight.scale]
    last = len(x.shape) - 1
    if int(np.prod(x.shape[:-1])) == 1:
        # The model flattens channel, height, width, whatever order the graph has.
        order = x.view.to_model(np.arange(rows)).reshape(-1)
        content = weight_content(conv, weight, np.ascontiguousarray(weight.integers[order].T))
        view = View([()] * last + [((0, 1, channels),)])
        return with_bias(conv, pending(conv, "linear", [x.ident], content, view, scale), bias,
                         channels)
    if x.view.whole(last) == 2:
        from .onnx_moves import turned
        x = turned(conv, x, 1)
    if x.view.whole(last) != 0:
        conv.fail("the axis that it sums over is not the channels of the model's tensor, which has "
                  "no rule")
    integers = np.ascontiguousarray(weight.integers.T)[:, :, None, None]
    content = {"stride": [1, 1], "dilation": [1, 1], "padding": [0, 0, 0, 0], "groups": 1,
               **weight_content(conv, weight, integers)}
    view = x.view.replaced(last, ((0, 1, channels),))
    return with_bias(conv, pending(conv, "conv2d", [x.ident], content, view, scale), bias, channels)


def op_conv(conv, node, attrs):
    return convolution(conv, conv.real(node, 0), conv.value(node, 1), conv.value(node, 2, False),
                       attrs)


def op_matmul(conv, node, _):
    if isinstance(conv.value(node, 0), (Const, QuantConst)):
        conv.fail("a product with a constant on the left has no rule")
    if isinstance(conv.value(node, 1), Real):
        return product(conv, conv.real(node, 0), conv.real(node, 1))
    return dense(conv, conv.real(node, 0), conv.value(node, 1), None)


def transposed(value):
    """A constant matrix with its axes swapped."""
    if isinstance(value, QuantConst):
        return replace(value, integers=value.integers.T, axis=1 - value.axis)
    return Const(value.array.T)


def op_gemm(conv, node, attrs):
    if attrs.get("transA", 0) or attrs.get("alpha", 1.0) != 1.0 or attrs.get("beta", 1.0) != 1.0:
        conv.fail("Gemm with transA, alpha or beta has no rule")
    weight = conv.value(node, 1)
    if not isinstance(weight, (QuantConst, Const)):
        conv.fail("a Gemm of two activations has no rule")
    weight = transposed(weight) if attrs.get("transB", 0) else weight
    return dense(conv, conv.real(node, 0), weight, conv.value(node, 2, False))


def _settled(conv, real):
    """A Real whose affine map may be extended: a clip is made into integers first."""
    return conv.emitter.materialise(real, conv.node_name) if real.clipped() else real


def op_batch_norm(conv, node, attrs):
    real = _settled(conv, conv.real(node, 0))
    gamma, beta, mean, var = (np.asarray(conv.const(node, i), np.float64).reshape(-1)
                              for i in (1, 2, 3, 4))
    factor = gamma / np.sqrt(var + float(attrs.get("epsilon", 1e-5)))
    summand = [fixed.exact(b) - fixed.exact(m) * fixed.exact(f)
               for b, m, f in zip(beta, mean, factor)]
    return real.affine(fixed.exact_list(factor), summand)


def fixed_operand(conv, value, view):
    """A constant operand of full size as a layer of the model: its own integers, or its floats at
    residual_bits."""
    if isinstance(value, QuantConst):
        if len(value.scale) > 1 or value.zero_point.size > 1:
            conv.fail("a constant operand with one scale per channel has no rule")
        array, step, zero = value.integers, value.scale[0], int(value.zero_point[0])
        bits, is_signed = value.bits, value.signed
    else:
        bits, is_signed, zero = conv.emitter.options.residual_bits, True, 0
        largest = fixed.exact(np.abs(value.array).max())
        step = 1 / Fraction(2) ** fixed.power_of_two_grid(largest, bits, 40)
        array = np.rint(value.array.astype(np.float64) / float(step)).astype(np.int64)
        conv.emitter.notes.append(f"{conv.node_name}: a constant of floats, kept at {bits} bits "
                                  f"with step {float(step):g}")
    full = view.to_model(np.broadcast_to(array, view.shape))
    ident = conv.model.add_layer(conv.node_name + ".constant", "constant", [], value=full,
                                 source_name=conv.node_name, out_bits=bits,
                                 out_signed=int(is_signed), out_zero_point=zero)
    return Real("tensor", view, [step], ident=ident)


def alike(conv, a, b):
    """Both as tensors of one shape in one order; one pixel or one channel may stand for all."""
    if a.shape == b.shape and a.view == b.view:
        return a.view
    wide, small = (a, b) if int(np.prod(a.shape)) >= int(np.prod(b.shape)) else (b, a)
    shape = (1,) * (len(wide.shape) - len(small.shape)) + small.shape
    groups = [()] * (len(wide.shape) - len(small.shape)) + list(small.view.groups)
    fits = all(n in (1, m) and (n == 1 or g == w) for n, m, g, w in
               zip(shape, wide.shape, groups, wide.view.groups))
    c, h, w = small.view.extents
    channels, height, width = wide.view.extents
    if not fits or c not in (1, channels) or (h, w) not in ((1, 1), (height, width)):
        conv.fail(f"tensors of the shapes {list(a.shape)} and {list(b.shape)}, or in two orders, "
                  "have no rule")
    return wide.view


def _two(conv, node, multiply, sign_b):
    """Sum or product of two activations."""
    a, b = conv.real(node, 0), conv.real(node, 1)
    from .onnx_curves import same_operand
    from .onnx_norm import combined
    link = combined(conv, node.op_type, a, b)
    if link is not None:
        return link
    table = same_operand(conv, node.op_type, a, b)
    if table is not None:
        return table
    if not multiply:
        b = _settled(conv, b).affine([Fraction(-1)], [Fraction(0)]) if sign_b < 0 else b
        return Real("sum", alike(conv, a, b), parts=(a, b))
    if node.op_type == "Div":
        conv.fail("Div of two activations has no rule")
    a, b = plain_tensor(conv, a), plain_tensor(conv, b)
    return pending(conv, "mul", [a.ident, b.ident], {}, alike(conv, a, b),
                   [a.scale[0] * b.scale[0]])


def _binary(conv, node, sign_b, multiply):
    a, b = conv.value(node, 0), conv.value(node, 1)
    known = [isinstance(v, (Const, QuantConst)) for v in (a, b)]
    if known == [False, False]:
        return _two(conv, node, multiply, sign_b)
    real = _settled(conv, conv.real(node, 1 if known[0] else 0))
    value = a if known[0] else b
    array = value.real() if isinstance(value, QuantConst) else value.array
    if real.source == "norm":
        from .onnx_norm import with_constant
        return with_constant(conv, node.op_type, real, array)
    if not multiply and np.size(array) > 1 and real.view.per_channel(array) is None:
        one = fixed_operand(conv, value, real.view)
        one, real = (one, real.affine([Fraction(sign_b)], [Fraction(0)])) if known[0] else (
            one.affine([Fraction(sign_b)], [Fraction(0)]), real)
        return Real("sum", real.view, parts=(real, one))
    values = channel_list(array, real.view, "the constant operand", conv.fail)
    if multiply:
        if node.op_type == "Div":
            if known[0]:
                conv.fail("a division by an activation has no rule")
            values = [1 / v for v in values]
        return real.affine(values, [Fraction(0)])
    if known[0] and sign_b < 0:
        return real.affine([Fraction(-1)], values)
    return real.affine([Fraction(1)], [sign_b * v for v in values])


def op_relu(conv, node, _):
    return conv.real(node, 0).clip(Fraction(0), None)


def op_clip(conv, node, attrs):
    low, high = conv.const(node, 1, attrs.get("min")), conv.const(node, 2, attrs.get("max"))
    as_fraction = [None if v is None else fixed.exact(np.asarray(v).reshape(-1)[0])
                   for v in (low, high)]
    return conv.real(node, 0).clip(*as_fraction)


def product(conv, a, b):
    """Pending matmul of two activations [.., M, K] and [.., K, N], head by head."""
    from .onnx_moves import flat, turned
    a, b = flat(conv, plain_tensor(conv, a)), flat(conv, plain_tensor(conv, b))
    if len(a.shape) != len(b.shape) or a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2]:
        conv.fail(f"a product of tensors {list(a.shape)} and {list(b.shape)} has no rule")
    heads = int(np.prod(a.shape[:-2]))
    sums, rows, columns = a.shape[-1], a.shape[-2], b.shape[-1]

    def form(channels, across, order):
        """heads x channels, columns."""
        head = [((0, channels, n),) for n in a.shape[:-2]]
        pair = [((0, 1, channels),), ((2, 1, across),)]
        return View(head + (pair if order == "cw" else pair[::-1]))
    if sum(n > 1 for n in a.shape[:-2]) > 1:
        conv.fail("a product with two axes of heads has no rule")
    if a.view != form(sums, rows, "wc"):
        a = turned(conv, a, heads)
    if b.view != form(sums, columns, "cw"):
        b = turned(conv, b, heads)
    if a.view != form(sums, rows, "wc") or b.view != form(sums, columns, "cw"):
        conv.fail("an operand lies in an order that matmul and transpose cannot read")
    content = {"heads": heads} if heads > 1 else {}
    return pending(conv, "matmul", [a.ident, b.ident], content, form(columns, rows, "wc"),
                   [a.scale[0] * b.scale[0]], taps=sums)


def op_same(conv, node, _):
    return conv.value(node, 0)


def _window(conv, attrs, view):
    shape = view.shape
    kernel = [int(k) for k in attrs["kernel_shape"]]
    stride = [int(s) for s in attrs.get("strides", [1, 1])]
    if any(d != 1 for d in attrs.get("dilations", [1, 1])) or attrs.get("ceil_mode", 0):
        conv.fail("a pool with dilation or ceil_mode has no rule")
    if len(kernel) != 2:
        conv.fail("a pool that is not two-dimensional has no rule")
    pads = _padding(conv, attrs, shape[2:], kernel, stride, [1, 1])
    out = tuple(_extent(n, pads[i], pads[i + 2], kernel[i], stride[i], 1)
                for i, n in enumerate(shape[2:]))
    if view != View.of(shape):
        conv.fail("a transpose or reshape in front of it moves data, which has no rule")
    return {"kernel": kernel, "stride": stride, "padding": pads}, View.of((1, shape[1], *out))


def op_maxpool(conv, node, attrs):
    value = conv.value(node, 0)
    if isinstance(value, Real):
        value = plain_tensor(conv, conv.real(node, 0))
        if value.scale[0] <= 0:
            conv.fail("a maximum over a tensor of negative scale has no rule")
    content, view = _window(conv, attrs, value.view)
    bits, is_signed, zero = conv.model.format_of(value.ident)
    ident = conv.model.add_layer(conv.node_name, "maxpool", [value.ident],
                                 source_name=conv.node_name, out_bits=bits, out_signed=is_signed,
                                 out_zero_point=zero, **content)
    if value.ident in conv.emitter.steps:
        conv.emitter.steps[ident] = conv.emitter.steps[value.ident]
    return replace(value, ident=ident, view=view)


def op_global_maxpool(conv, node, _):
    """A window of the whole plane."""
    value = conv.value(node, 0)
    shape = value.shape
    if len(shape) != 4:
        conv.fail(f"GlobalMaxPool of a tensor of rank {len(shape)} has no rule")
    return op_maxpool(conv, node, {"kernel_shape": shape[2:]})


def mean(conv, x, op, content, view, taps):
    return pending(conv, op, [x.ident], content, view, [x.scale[0] / taps], taps=taps)


def op_avgpool(conv, node, attrs):
    x = plain_tensor(conv, conv.real(node, 0))
    content, view = _window(conv, attrs, x.view)
    if any(content["padding"]) and not attrs.get("count_include_pad", 0):
        conv.fail("an average over padded windows that counts only inside taps has no rule")
    content["count_include_pad"] = 1 if any(content["padding"]) else 0
    return mean(conv, x, "avgpool", content, view, int(np.prod(content["kernel"])))


def plane_mean(conv, x, axes, keep):
    """The average over graph axes that are the whole plane of the model's tensor."""
    x = plain_tensor(conv, x)
    axes = sorted(int(a) % len(x.shape) for a in axes)
    gone = sorted(f for a in axes for f in x.view.groups[a])
    plane = sorted(f for f in x.view.factors() if f[0] != 0)
    if not axes or gone != plane:
        conv.fail("a mean over other axes than the whole plane (height and width, or all tokens) "
                  "has no rule")
    groups = [() if a in axes else g for a, g in enumerate(x.view.groups) if keep or a not in axes]
    return mean(conv, x, "global_avgpool", {}, View(groups), int(np.prod(x.view.extents[1:])))


def op_global_avgpool(conv, node, _):
    x = conv.real(node, 0)
    return plane_mean(conv, x, range(2, len(x.shape)), True)


def op_reduce_mean(conv, node, attrs):
    from .onnx_norm import row_mean
    axes = attrs.get("axes")
    axes = axes if axes is not None else conv.const(node, 1)
    real = conv.real(node, 0)
    row = row_mean(conv, real, axes, attrs.get("keepdims", 1))
    return row if row is not None else plane_mean(conv, real, axes, attrs.get("keepdims", 1))


OPS = {
    "Conv": op_conv, "ConvTranspose": op_conv_transpose, "MatMul": op_matmul, "Gemm": op_gemm,
    "BatchNormalization": op_batch_norm,
    "Add": lambda c, n, a: _binary(c, n, 1, False), "Sub": lambda c, n, a: _binary(c, n, -1, False),
    "Mul": lambda c, n, a: _binary(c, n, 1, True), "Div": lambda c, n, a: _binary(c, n, 1, True),
    "Relu": op_relu, "Clip": op_clip, "Identity": op_same, "Dropout": op_same, "Cast": op_same,
    "MaxPool": op_maxpool, "GlobalMaxPool": op_global_maxpool, "AveragePool": op_avgpool,
    "GlobalAveragePool": op_global_avgpool,
    "ReduceMean": op_reduce_mean,
}
