# SPDX-License-Identifier: Apache-2.0
"""Layer graphs of the digits networks and the number formats of the quantised variants."""

from collections import namedtuple

INPUT = "image"
INPUT_SHAPE = (1, 8, 8)
CLASSES = 10

Node = namedtuple("Node", "id op inputs source cin cout kernel stride padding relu groups")


def _conv(ident, source, src, cin, cout, kernel, stride, padding, relu, groups=1):
    return Node(ident, "conv2d", [src], source, cin, cout, kernel, stride, padding, relu, groups)


def _plain(ident, op, source, inputs, relu=False, kernel=0, stride=0, padding=0, cin=0, cout=0):
    return Node(ident, op, inputs, source, cin, cout, kernel, stride, padding, relu, 1)


def residual(width, pool_kernel, pool_padding):
    """Two residual blocks of `width` and 2 * width channels, nodes in execution order."""
    a, b = width, 2 * width
    return [
        _conv("000_stem", "stem", INPUT, 1, a, 3, 1, 1, True),
        _conv("001_block1_conv1", "block1.conv1", "000_stem", a, a, 3, 1, 1, True),
        _conv("002_block1_conv2", "block1.conv2", "001_block1_conv1", a, a, 3, 1, 1, False),
        _plain("003_block1_add", "add", "block1.add", ["002_block1_conv2", "000_stem"], True),
        _conv("004_block2_conv1", "block2.conv1", "003_block1_add", a, b, 3, 2, 1, True),
        _conv("005_block2_conv2", "block2.conv2", "004_block2_conv1", b, b, 3, 1, 1, False),
        _conv("006_block2_shortcut", "block2.shortcut", "003_block1_add", a, b, 1, 2, 0, False),
        _plain("007_block2_add", "add", "block2.add",
               ["005_block2_conv2", "006_block2_shortcut"], True),
        _plain("008_pool", "maxpool", "pool", ["007_block2_add"],
               kernel=pool_kernel, stride=2, padding=pool_padding),
        _plain("009_mean", "global_avgpool", "mean", ["008_pool"]),
        _plain("010_logits", "linear", "logits", ["009_mean"], cin=b, cout=CLASSES),
    ]


def separable():
    """A depthwise separable head and two residual blocks; the graph of digits_mixed."""
    return [
        _conv("000_stem", "stem", INPUT, 1, 16, 3, 1, 1, True),
        _conv("001_depthwise", "depthwise", "000_stem", 16, 16, 3, 1, 1, True, 16),
        _conv("002_pointwise", "pointwise", "001_depthwise", 16, 32, 1, 1, 0, True),
        _conv("003_block1_conv", "block1.conv", "002_pointwise", 32, 32, 3, 1, 1, False),
        _plain("004_block1_add", "add", "block1.add", ["003_block1_conv", "002_pointwise"], True),
        _conv("005_block2_conv1", "block2.conv1", "004_block1_add", 32, 48, 3, 2, 1, True),
        _conv("006_block2_conv2", "block2.conv2", "005_block2_conv1", 48, 48, 3, 1, 1, False),
        _conv("007_block2_shortcut", "block2.shortcut", "004_block1_add", 32, 48, 1, 2, 0, False),
        _plain("008_block2_add", "add", "block2.add",
               ["006_block2_conv2", "007_block2_shortcut"], True),
        _plain("009_pool", "maxpool", "pool", ["008_block2_add"], kernel=3, stride=2, padding=1),
        _plain("010_mean", "global_avgpool", "mean", ["009_pool"]),
        _plain("011_logits", "linear", "logits", ["010_mean"], cin=48, cout=CLASSES),
    ]


# zero_point None: chosen from the range seen on the training images (asymmetric).
Tensor = namedtuple("Tensor", "bits signed zero_point rounding")

# range: "full" (two's complement), "symmetric" (2 bits: ternary) or "bipolar" (1 bit: -1 and +1).
Weight = namedtuple("Weight", "bits range", defaults=["full"])

# input_scale and input zero point: real = input_scale * (q - zero_point).
# input_q(pixel) is (pixel * num + den / 2) / den + offset in whole numbers, then the clamp.
# weights: by node id, "" for all others. nm: "N:M" for the weights of all layers with at least M
# input channels, or None. mean_keeps_scale: the mean has the scale of its input.
Variant = namedtuple("Variant", "name nodes weights nm mean_keeps_scale golden_images "
                     "input_bits input_signed input_zero_point input_num input_den input_offset "
                     "input_scale bias_kind mult_bits add_mult_bits mean_mult_bits tensors")


def _w4a4():
    u4 = Tensor(4, False, 0, "half_up")
    s4 = Tensor(4, True, 0, "half_up")
    return Variant(
        name="digits_w4a4", nodes=residual(16, 2, 0), weights={"": Weight(4)}, nm=None,
        mean_keeps_scale=False, golden_images=4,
        input_bits=4, input_signed=False, input_zero_point=0,
        input_num=1, input_den=1, input_offset=0, input_scale=0.125,
        bias_kind="add",
        # Short multipliers: small shifts, so that rounding ties occur in every layer.
        mult_bits=8, add_mult_bits=8, mean_mult_bits=8,
        tensors={
            "000_stem": u4, "001_block1_conv1": u4, "002_block1_conv2": s4,
            "003_block1_add": u4, "004_block2_conv1": u4, "005_block2_conv2": s4,
            "006_block2_shortcut": s4, "007_block2_add": u4, "009_mean": u4,
        })


def _w8a8(name, nm):
    # The pixel mean (4.88 of 16) is the real zero, hence the input zero point -50.
    return Variant(
        name=name, nodes=residual(16, 3, 1), weights={"": Weight(8)}, nm=nm,
        mean_keeps_scale=True, golden_images=4,
        input_bits=8, input_signed=True, input_zero_point=-50,
        input_num=255, input_den=16, input_offset=-128, input_scale=16.0 / 255.0 / 6.0,
        bias_kind="bias",
        mult_bits=24, add_mult_bits=10, mean_mult_bits=24,
        tensors={
            "000_stem": Tensor(8, True, -128, "half_even"),
            "001_block1_conv1": Tensor(8, False, 0, "half_even"),
            "002_block1_conv2": Tensor(8, True, None, "half_even"),
            "003_block1_add": Tensor(8, True, -128, "half_away"),
            "004_block2_conv1": Tensor(8, False, 0, "half_away"),
            "005_block2_conv2": Tensor(8, True, None, "half_away"),
            "006_block2_shortcut": Tensor(8, False, None, "half_even"),
            "007_block2_add": Tensor(8, True, -128, "half_even"),
            # The mean keeps the scale of its input, so ties (x/4) are common here.
            "009_mean": Tensor(8, True, -128, "half_away"),
        })


def _w2a2():
    u2 = Tensor(2, False, 0, "half_up")
    # The residual branches are read by the adds only, never by a multiplier.
    s4 = Tensor(4, True, 0, "half_even")
    return Variant(
        name="digits_w2a2", nodes=residual(24, 2, 0), nm=None,
        # First and last layer stay wider: 4-bit pixels and weights, 8-bit mean and weights.
        weights={"": Weight(2), "000_stem": Weight(4), "010_logits": Weight(8)},
        mean_keeps_scale=False, golden_images=2,
        input_bits=4, input_signed=False, input_zero_point=0,
        input_num=1, input_den=1, input_offset=0, input_scale=0.125,
        bias_kind="bias",
        mult_bits=12, add_mult_bits=8, mean_mult_bits=12,
        tensors={
            "000_stem": u2, "001_block1_conv1": u2, "002_block1_conv2": s4,
            "003_block1_add": u2, "004_block2_conv1": u2, "005_block2_conv2": s4,
            "006_block2_shortcut": s4, "007_block2_add": u2,
            "009_mean": Tensor(8, False, 0, "half_up"),
        })


def _mixed():
    return Variant(
        name="digits_mixed", nodes=separable(), nm=None,
        weights={"": Weight(8), "002_pointwise": Weight(4),
                 "003_block1_conv": Weight(2, "symmetric"), "005_block2_conv1": Weight(4),
                 "006_block2_conv2": Weight(1, "bipolar"), "007_block2_shortcut": Weight(2)},
        mean_keeps_scale=True, golden_images=2,
        input_bits=8, input_signed=False, input_zero_point=0,
        input_num=255, input_den=16, input_offset=0, input_scale=16.0 / 255.0 / 6.0,
        bias_kind="bias",
        mult_bits=16, add_mult_bits=10, mean_mult_bits=16,
        tensors={
            "000_stem": Tensor(4, False, 0, "half_up"),
            "001_depthwise": Tensor(8, True, -128, "half_even"),
            "002_pointwise": Tensor(4, True, -8, "half_away"),
            "003_block1_conv": Tensor(6, True, None, "half_even"),
            "004_block1_add": Tensor(4, False, 0, "half_up"),
            "005_block2_conv1": Tensor(2, False, 0, "half_up"),
            "006_block2_conv2": Tensor(8, True, None, "half_even"),
            "007_block2_shortcut": Tensor(5, True, 0, "half_away"),
            "008_block2_add": Tensor(8, False, 0, "half_up"),
            "010_mean": Tensor(8, False, 0, "half_up"),
        })


VARIANTS = {v.name: v for v in (_w4a4(), _w8a8("digits_w8a8", None), _w2a2(),
                                _w8a8("digits_w8a8_nm24", "2:4"), _mixed())}


def weight_of(variant, ident):
    return variant.weights.get(ident, variant.weights[""])


def weight_limits(weight):
    """Smallest and largest weight; a bipolar weight is one of the two."""
    if weight.range == "bipolar":
        return -1, 1
    low, high = limits(weight.bits, True)
    return (-high if weight.range == "symmetric" else low), high


def pruned(variant, node):
    """(N, M) of the node's weights, None if they are dense."""
    if variant.nm is None:
        return None
    n, m = map(int, variant.nm.split(":"))
    return (n, m) if node.cin // node.groups >= m else None


def limits(bits, signed):
    """Smallest and largest value of an integer format."""
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def quantise_pixels(pixels, variant):
    """Pixels 0..16 (integer array) to the input format, integers only."""
    v = variant
    low, high = limits(v.input_bits, v.input_signed)
    q = (2 * pixels.astype("int64") * v.input_num + v.input_den) // (2 * v.input_den)
    return (q + v.input_offset).clip(low, high)
