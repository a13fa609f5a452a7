# SPDX-License-Identifier: Apache-2.0
"""Layer graph of the digits network and the number formats of its two quantised variants."""

from collections import namedtuple

INPUT = "image"
INPUT_SHAPE = (1, 8, 8)
CLASSES = 10

Node = namedtuple("Node", "id op inputs source cin cout kernel stride padding relu")


def _conv(ident, source, src, cin, cout, kernel, stride, padding, relu):
    return Node(ident, "conv2d", [src], source, cin, cout, kernel, stride, padding, relu)


def _plain(ident, op, source, inputs, relu=False, kernel=0, stride=0, padding=0, cin=0, cout=0):
    return Node(ident, op, inputs, source, cin, cout, kernel, stride, padding, relu)


def graph(pool_kernel, pool_padding):
    """Nodes in execution order; only the max pool differs between the variants."""
    return [
        _conv("000_stem", "stem", INPUT, 1, 16, 3, 1, 1, True),
        _conv("001_block1_conv1", "block1.conv1", "000_stem", 16, 16, 3, 1, 1, True),
        _conv("002_block1_conv2", "block1.conv2", "001_block1_conv1", 16, 16, 3, 1, 1, False),
        _plain("003_block1_add", "add", "block1.add", ["002_block1_conv2", "000_stem"], True),
        _conv("004_block2_conv1", "block2.conv1", "003_block1_add", 16, 32, 3, 2, 1, True),
        _conv("005_block2_conv2", "block2.conv2", "004_block2_conv1", 32, 32, 3, 1, 1, False),
        _conv("006_block2_shortcut", "block2.shortcut", "003_block1_add", 16, 32, 1, 2, 0, False),
        _plain("007_block2_add", "add", "block2.add",
               ["005_block2_conv2", "006_block2_shortcut"], True),
        _plain("008_pool", "maxpool", "pool", ["007_block2_add"],
               kernel=pool_kernel, stride=2, padding=pool_padding),
        _plain("009_mean", "global_avgpool", "mean", ["008_pool"]),
        _plain("010_logits", "linear", "logits", ["009_mean"], cin=32, cout=CLASSES),
    ]


# zero_point None: chosen from the range seen on the training images (asymmetric).
Tensor = namedtuple("Tensor", "bits signed zero_point rounding")

# input_scale and input zero point: real = input_scale * (q - zero_point).
# input_q(pixel) is (pixel * num + den / 2) / den + offset in whole numbers, then the clamp.
Variant = namedtuple("Variant", "name weight_bits input_bits input_signed input_zero_point "
                     "input_num input_den input_offset input_scale pool bias_kind "
                     "mult_bits add_mult_bits mean_mult_bits tensors")


def _w4a4():
    u4 = Tensor(4, False, 0, "half_up")
    s4 = Tensor(4, True, 0, "half_up")
    return Variant(
        name="digits_w4a4", weight_bits=4,
        input_bits=4, input_signed=False, input_zero_point=0,
        input_num=1, input_den=1, input_offset=0, input_scale=0.125,
        pool=(2, 0), bias_kind="add",
        # Short multipliers: small shifts, so that rounding ties occur in every layer.
        mult_bits=8, add_mult_bits=8, mean_mult_bits=8,
        tensors={
            "000_stem": u4, "001_block1_conv1": u4, "002_block1_conv2": s4,
            "003_block1_add": u4, "004_block2_conv1": u4, "005_block2_conv2": s4,
            "006_block2_shortcut": s4, "007_block2_add": u4, "009_mean": u4,
        })


def _w8a8():
    # The pixel mean (4.88 of 16) is the real zero, hence the input zero point -50.
    return Variant(
        name="digits_w8a8", weight_bits=8,
        input_bits=8, input_signed=True, input_zero_point=-50,
        input_num=255, input_den=16, input_offset=-128, input_scale=16.0 / 255.0 / 6.0,
        pool=(3, 1), bias_kind="bias",
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


VARIANTS = {"digits_w4a4": _w4a4(), "digits_w8a8": _w8a8()}


def limits(bits, signed):
    """Smallest and largest value of an integer format."""
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def quantise_pixels(pixels, variant):
    """Pixels 0..16 (integer array) to the input format, integers only."""
    v = variant
    low, high = limits(v.input_bits, v.input_signed)
    q = (2 * pixels.astype("int64") * v.input_num + v.input_den) // (2 * v.input_den)
    return (q + v.input_offset).clip(low, high)
