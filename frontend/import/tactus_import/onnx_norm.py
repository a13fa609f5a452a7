# SPDX-License-Identifier: Apache-2.0
"""Layer normalisation, as one node and as the chain that exporters write for it:
(x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps). The links of the chain are Reals whose source is
"norm" and whose pending says which link they are; only the last one becomes a layer.
"""

from fractions import Fraction

import numpy as np

from . import fixed
from .onnx_ops import pending, plain_tensor
from .real import Const, Real
from .view import View


def normalised(conv, x, epsilon):
    """Pending layernorm over the channels of a tensor, with neither gain nor offset."""
    count = x.channels
    eps = fixed.nearest(fixed.exact(np.float32(epsilon)) * count * count / x.scale[0] ** 2)
    return pending(conv, "layernorm", [x.ident], {"eps": eps}, x.view, [Fraction(1, 1 << 20)],
                   taps=count)


def _link(conv, view, kind, x, epsilon=0.0):
    return Real("norm", view, pending={"link": kind, "x": x, "epsilon": epsilon,
                                       "name": conv.node_name})


def link_of(real):
    """Which link of the chain a Real is; empty for others."""
    return real.pending["link"] if isinstance(real, Real) and real.source == "norm" else ""


def row_mean(conv, real, axes, keep):
    """The mean over the channels of a tensor or of its squared distance; None for other means."""
    axes = [int(a) % len(real.shape) for a in axes]
    if len(axes) != 1 or real.view.whole(axes[0]) != 0 or real.shape[axes[0]] < 2:
        return None
    groups = [() if a == axes[0] else g for a, g in enumerate(real.view.groups)
              if keep or a != axes[0]]
    if link_of(real) == "square":
        return _link(conv, View(groups), "variance", real.pending["x"])
    return _link(conv, View(groups), "mean", plain_tensor(conv, real))


def combined(conv, kind, a, b):
    """What two operands make of the chain, None if neither belongs to it."""
    if not link_of(a) and not link_of(b):
        return None
    links = (kind, link_of(a) or "x", link_of(b) or "x")
    if links == ("Sub", "x", "mean") and a.ident and a.ident == b.pending["x"].ident:
        return _link(conv, a.view, "centred", b.pending["x"])
    if links == ("Mul", "centred", "centred"):
        return _link(conv, a.view, "square", a.pending["x"])
    if links == ("Div", "centred", "deviation"):
        return normalised(conv, a.pending["x"], b.pending["epsilon"])
    return conv.fail(f"{kind} of the mean over the channels, outside a layer norm, has no rule")


def with_constant(conv, kind, real, array):
    """A link and a constant: epsilon, or the exponent 2 or 0.5."""
    value, link = np.asarray(array).reshape(-1), link_of(real)
    if value.size == 1 and (kind, link) == ("Add", "variance"):
        return _link(conv, real.view, link, real.pending["x"], float(value[0]))
    if value.size == 1 and (kind, link, float(value[0])) == ("Pow", "centred", 2.0):
        return _link(conv, real.view, "square", real.pending["x"])
    return conv.fail(f"{kind} of the {link} over the channels, outside a layer norm, has no rule")


def root(conv, real):
    """The square root of the variance."""
    if link_of(real) != "variance":
        conv.fail(f"Sqrt of the {link_of(real)} over the channels has no rule")
    return _link(conv, real.view, "deviation", real.pending["x"], real.pending["epsilon"])


def op_layer_norm(conv, node, attrs):
    from .onnx_curves import row_axis
    real = plain_tensor(conv, conv.real(node, 0))
    axis = int(attrs.get("axis", -1)) % len(real.shape)
    if int(np.prod(real.shape[axis + 1:])) != 1:
        conv.fail("a LayerNormalization over several axes has no rule")
    if len(node.output) > 1 and any(node.output[1:]):
        conv.fail("the mean and deviation of a LayerNormalization have no rule")
    real, heads = row_axis(conv, real, axis)
    if heads != 1:
        conv.fail("a LayerNormalization over a part of the channels has no rule")
    gain, offset = conv.value(node, 1), conv.value(node, 2, False)
    gain, offset = (np.zeros(1) if v is None else v.array if isinstance(v, Const) else v.real()
                    for v in (gain, offset))
    made = normalised(conv, real, attrs.get("epsilon", 1e-5))
    return made.affine(fixed.exact_list(np.asarray(gain)), fixed.exact_list(np.asarray(offset)))


OPS = {"LayerNormalization": op_layer_norm}
