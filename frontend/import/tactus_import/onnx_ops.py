# SPDX-License-Identifier: Apache-2.0
"""Float ops of ONNX between quantisers: what they do to a Real."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from . import fixed
from .real import Const, Integers, QuantConst, Real, channel_list, widen
from .weights import outside, sparsity_of


def plain_tensor(conv, real):
    """A Real that an array can read: existing integers, one scale, no offset."""
    if real.source == "input":
        conv.fail("the float image reaches a layer without a quantiser")
    if real.source != "tensor" or real.clipped():
        real = conv.emitter.materialise(real, conv.node_name)
    if len(real.scale) > 1 or real.offset != [0]:
        conv.fail("a layer reads a tensor with one scale per channel or an offset")
    return real


def _centred(conv, weight, integers):
    """Weights with their zero points subtracted: the array has one zero point per layer."""
    zero = weight.zero_point.reshape((-1,) + (1,) * (integers.ndim - 1))
    centred = integers - zero
    bits = max(weight.bits, max(int(centred.max()), ~int(centred.min()), 0).bit_length() + 1)
    conv.emitter.notes.append(f"{conv.node_name}: weight zero points differ between channels and "
                              f"are subtracted here; the weights have {bits} bits")
    return replace(weight, zero_point=np.zeros(1, np.int64), bits=bits, signed=True), centred


def weight_content(conv, weight, integers):
    """weight, format and zero points of a layer; integers: output channels first."""
    if np.unique(weight.zero_point).size > 1:
        weight, integers = _centred(conv, weight, integers)
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


def convolution(conv, x, weight, bias, attrs):
    """Pending conv2d of a Real and a QuantConst [O,I,kh,kw]."""
    x = plain_tensor(conv, x)
    if not isinstance(weight, QuantConst):
        conv.fail("the weights are floats without a quantiser")
    integers = weight.integers
    if integers.ndim == 3:  # one-dimensional: a height of 1
        integers = integers[:, :, None, :]
        attrs = {"kernel_shape": None, "group": attrs.get("group", 1),
                 "strides": [1, *attrs.get("strides", [1])],
                 "dilations": [1, *attrs.get("dilations", [1])],
                 "pads": [0, attrs.get("pads", [0, 0])[0], 0, attrs.get("pads", [0, 0])[1]]}
    if integers.ndim != 4 or len(x.shape) not in (3, 4):
        conv.fail(f"a convolution of a tensor of rank {len(x.shape)} with weights of rank "
                  f"{integers.ndim} has no rule")
    if len(weight.scale) > 1 and weight.axis != 0:
        conv.fail("the weights have their scales along another axis than the output channels")
    kernel = integers.shape[2:]
    extents = x.shape[2:] if len(x.shape) == 4 else (1, x.shape[2])
    stride, dilation = attrs.get("strides", [1, 1]), attrs.get("dilations", [1, 1])
    pads = _padding(conv, attrs, extents, kernel, stride, dilation)
    out = tuple(_extent(n, pads[i], pads[i + 2], kernel[i], stride[i], dilation[i])
                for i, n in enumerate(extents))
    content = {"stride": [int(s) for s in stride], "dilation": [int(d) for d in dilation],
               "padding": pads, "groups": int(attrs.get("group", 1)),
               **weight_content(conv, weight, integers)}
    channels = integers.shape[0]
    shape = (1, channels, *out) if len(x.shape) == 4 else (1, channels, out[1])
    real = Real("layer", shape, [x.scale[0] * s for s in weight.scale],
                pending={"op": "conv2d", "inputs": [x.ident], "content": content,
                         "name": conv.node_name, "node": conv.node_index})
    return with_bias(conv, real, bias, channels)


def dense(conv, x, weight, bias):
    """Pending linear layer of a Real and a QuantConst [K,N]."""
    x = plain_tensor(conv, x)
    if not isinstance(weight, QuantConst):
        conv.fail("the weights are floats without a quantiser")
    if weight.integers.ndim != 2:
        conv.fail(f"the weights have rank {weight.integers.ndim}, a matrix is needed")
    if len(weight.scale) > 1 and weight.axis != 1:
        conv.fail("the weights have their scales along another axis than the outputs")
    if int(np.prod(x.shape[1:])) != weight.integers.shape[0]:
        conv.fail(f"a product of a tensor {list(x.shape)} and a matrix "
                  f"{list(weight.integers.shape)} has no rule")
    channels = weight.integers.shape[1]
    content = weight_content(conv, weight, np.ascontiguousarray(weight.integers.T))
    real = Real("layer", (1, channels), [x.scale[0] * s for s in weight.scale],
                pending={"op": "linear", "inputs": [x.ident], "content": content,
                         "name": conv.node_name, "node": conv.node_index})
    return with_bias(conv, real, bias, channels)


def op_conv(conv, node, attrs):
    return convolution(conv, conv.real(node, 0), conv.value(node, 1), conv.value(node, 2, False),
                       attrs)


def op_matmul(conv, node, _):
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


def _binary(conv, node, sign_b, multiply):
    a, b = conv.value(node, 0), conv.value(node, 1)
    constants = [isinstance(v, Const) for v in (a, b)]
    if constants == [False, False]:
        if multiply:
            conv.fail(f"{node.op_type} of two activations has no rule")
        a, b = conv.real(node, 0), conv.real(node, 1)
        if a.shape != b.shape:
            conv.fail("an addition that broadcasts has no rule")
        b = _settled(conv, b).affine([Fraction(sign_b)], [Fraction(0)]) if sign_b < 0 else b
        return Real("sum", a.shape, parts=(a, b))
    real = _settled(conv, conv.real(node, 1 if constants[0] else 0))
    values = channel_list((a if constants[0] else b).array, real.shape, "the constant operand",
                          conv.fail)
    if multiply:
        if node.op_type == "Div":
            if constants[0]:
                conv.fail("a division by an activation has no rule")
            values = [1 / v for v in values]
        return real.affine(values, [Fraction(0)])
    if constants[0] and sign_b < 0:
        return real.affine([Fraction(-1)], values)
    return real.affine([Fraction(1)], [sign_b * v for v in values])


def op_relu(conv, node, _):
    return conv.real(node, 0).clip(Fraction(0), None)


def op_clip(conv, node, attrs):
    low, high = conv.const(node, 1, attrs.get("min")), conv.const(node, 2, attrs.get("max"))
    as_fraction = [None if v is None else fixed.exact(np.asarray(v).reshape(-1)[0])
                   for v in (low, high)]
    return conv.real(node, 0).clip(*as_fraction)


def _reshaped(conv, node, shape):
    value = conv.value(node, 0)
    if isinstance(value, (Integers, Real)):
        return replace(value, shape=tuple(shape))
    return conv.fail(f"{node.op_type} of this operand has no rule")


def op_reshape(conv, node, _):
    old = conv.value(node, 0).shape
    shape = [old[i] if n == 0 else int(n) for i, n in enumerate(conv.const(node, 1))]
    if -1 in shape:
        known = int(np.prod([n for n in shape if n != -1]))
        shape[shape.index(-1)] = int(np.prod(old)) // known
    if shape[0] != 1 or int(np.prod(shape)) != int(np.prod(old)):
        conv.fail(f"a reshape of {list(old)} to {shape} has no rule")
    if len(shape) > 2 and [n for n in shape if n > 1] != [n for n in old if n > 1]:
        conv.fail(f"a reshape of {list(old)} to {shape} moves data and has no rule")
    return _reshaped(conv, node, shape)


def op_flatten(conv, node, attrs):
    if attrs.get("axis", 1) != 1:
        conv.fail("Flatten with another axis than 1 has no rule")
    old = conv.value(node, 0).shape
    return _reshaped(conv, node, (1, int(np.prod(old[1:]))))


def op_squeeze(conv, node, _):
    old = conv.value(node, 0).shape
    return _reshaped(conv, node, (1, *[n for n in old[1:] if n > 1]))


def op_same(conv, node, _):
    return conv.value(node, 0)


def op_transpose(conv, node, attrs):
    value = conv.value(node, 0)
    if isinstance(value, QuantConst):
        perm = attrs.get("perm") or list(range(value.integers.ndim))[::-1]
        return replace(value, integers=np.transpose(value.integers, perm),
                       axis=list(perm).index(value.axis))
    if [n for n in value.shape if n > 1] == [value.shape[p] for p in attrs["perm"]
                                             if value.shape[p] > 1]:
        return _reshaped(conv, node, [value.shape[p] for p in attrs["perm"]])
    return conv.fail("a transpose that moves data has no rule")


def _window(conv, attrs, shape):
    kernel = [int(k) for k in attrs["kernel_shape"]]
    stride = [int(s) for s in attrs.get("strides", [1, 1])]
    if any(d != 1 for d in attrs.get("dilations", [1, 1])) or attrs.get("ceil_mode", 0):
        conv.fail("a pool with dilation or ceil_mode has no rule")
    if len(kernel) != 2:
        conv.fail("a pool that is not two-dimensional has no rule")
    pads = _padding(conv, attrs, shape[2:], kernel, stride, [1, 1])
    out = tuple(_extent(n, pads[i], pads[i + 2], kernel[i], stride[i], 1)
                for i, n in enumerate(shape[2:]))
    return {"kernel": kernel, "stride": stride, "padding": pads}, (1, shape[1], *out)


def op_maxpool(conv, node, attrs):
    value = conv.value(node, 0)
    if isinstance(value, Real):
        value = plain_tensor(conv, value)
        if value.scale[0] <= 0:
            conv.fail("a maximum over a tensor of negative scale has no rule")
    content, shape = _window(conv, attrs, value.shape)
    bits, is_signed, zero = conv.model.format_of(value.ident)
    ident = conv.model.add_layer(conv.node_name, "maxpool", [value.ident],
                                 source_name=conv.node_name, out_bits=bits, out_signed=is_signed,
                                 out_zero_point=zero, **content)
    if value.ident in conv.emitter.steps:
        conv.emitter.steps[ident] = conv.emitter.steps[value.ident]
    return replace(value, ident=ident, shape=shape)


def _mean(conv, x, op, content, shape, taps):
    return Real("layer", shape, [x.scale[0] / taps],
                pending={"op": op, "inputs": [x.ident], "content": content, "taps": taps,
                         "name": conv.node_name, "node": conv.node_index})


def op_avgpool(conv, node, attrs):
    x = plain_tensor(conv, conv.real(node, 0))
    content, shape = _window(conv, attrs, x.shape)
    if any(content["padding"]) and not attrs.get("count_include_pad", 0):
        conv.fail("an average over padded windows that counts only inside taps has no rule")
    content["count_include_pad"] = 1 if any(content["padding"]) else 0
    return _mean(conv, x, "avgpool", content, shape, int(np.prod(content["kernel"])))


def op_global_avgpool(conv, node, _):
    x = plain_tensor(conv, conv.real(node, 0))
    return _mean(conv, x, "global_avgpool", {}, (1, x.shape[1], 1, 1), int(np.prod(x.shape[2:])))


def op_reduce_mean(conv, node, attrs):
    axes = attrs.get("axes")
    axes = [int(a) for a in (axes if axes is not None else conv.const(node, 1))]
    x = plain_tensor(conv, conv.real(node, 0))
    if sorted(a % len(x.shape) for a in axes) != [2, 3]:
        conv.fail("a mean over other axes than height and width has no rule")
    out = op_global_avgpool(conv, node, attrs)
    return out if attrs.get("keepdims", 1) else replace(out, shape=out.shape[:2])


def op_softmax(conv, node, _):
    if any(node.output[0] in other.input for other in conv.graph.node):
        conv.fail("Softmax inside the graph has no rule")
    conv.emitter.notes.append(f"{conv.node_name}: the final Softmax is not part of the model, its "
                              "output are the logits")
    return conv.value(node, 0)


OPS = {
    "Conv": op_conv, "MatMul": op_matmul, "Gemm": op_gemm, "BatchNormalization": op_batch_norm,
    "Add": lambda c, n, a: _binary(c, n, 1, False), "Sub": lambda c, n, a: _binary(c, n, -1, False),
    "Mul": lambda c, n, a: _binary(c, n, 1, True), "Div": lambda c, n, a: _binary(c, n, 1, True),
    "Relu": op_relu, "Clip": op_clip, "Reshape": op_reshape, "Flatten": op_flatten,
    "Squeeze": op_squeeze, "Identity": op_same, "Dropout": op_same, "Cast": op_same,
    "Transpose": op_transpose, "MaxPool": op_maxpool, "AveragePool": op_avgpool,
    "GlobalAveragePool": op_global_avgpool, "ReduceMean": op_reduce_mean, "Softmax": op_softmax,
}
