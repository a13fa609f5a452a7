# SPDX-License-Identifier: Apache-2.0
"""The patch embedding of a Torch2Chip transformer. The toolkit leaves it in float; here image and
weights get a stated width, and the tokens are what the class token and the positions make of it."""

from fractions import Fraction

import numpy as np

from . import fixed
from .modelfile import value_range

TOKEN_BITS = 16


def _levels(values, step, bits):
    """Integers of a signed format."""
    return np.clip(np.rint(np.asarray(values, np.float64) / float(step)),
                   *value_range(bits, True)).astype(np.int64)


def token_step(reader):
    """Step of 16-bit tokens that also holds patches, class token and positions."""
    largest = max(reader.largest("tokens"), reader.largest("patch_embed"), *(
        Fraction(float(np.abs(reader.data("tokens", key)).max()))
        for key in ("cls_token_f32", "pos_embed_f32")))
    return largest * Fraction(5, 4) / value_range(TOKEN_BITS, True)[1]


def embed(folder, bits):
    """Appends image to tokens; returns (id of the tokens, their step, golden images)."""
    r, step = folder.r, token_step(folder.r)
    images = [r.image(k) for k in range(len(r.images))]
    grain = Fraction(float(max(np.abs(image).max() for image in images))) / value_range(
        bits, True)[1]
    source = folder.model.add_input("image", images[0].shape, bits, True, 0, float(grain))
    weight = r.data("patch_embed", "weight_f32").astype(np.float64)
    steps = [Fraction(float(np.abs(w).max() or 1.0)) / value_range(bits, True)[1] for w in weight]
    integers = np.stack([_levels(w, s, bits) for w, s in zip(weight, steps)])
    offsets = fixed.exact_list(r.data("patch_embed", "bias_f32"))
    stride = [int(v) for v in np.broadcast_to(r.attr("patch_embed", "stride"), 2)]
    if [images[0].shape[i + 1] % s for i, s in enumerate(stride)] != [0, 0] or stride != list(
            weight.shape[2:]):
        r.fail("patches that overlap or do not cover the image have no rule", "patch_embed")
    patches = folder.convolution("patch_embed", source, integers, bits,
                                 [s * grain for s in steps], offsets, step, TOKEN_BITS, stride)
    count = int(np.prod([n // s for n, s in zip(images[0].shape[1:], stride)]))
    form = {"out_bits": TOKEN_BITS, "out_signed": 1, "out_zero_point": 0}
    flat = folder.model.add_layer("patch_embed.flat", "reshape", [patches],
                                  shape=[len(weight), 1, count], **form)
    first, place = (_levels(r.data("tokens", key)[0].T[:, None, :], step, TOKEN_BITS)
                    for key in ("cls_token_f32", "pos_embed_f32"))
    first = folder.model.add_layer("cls_token", "constant", [], value=first, **form)
    place = folder.model.add_layer("pos_embed", "constant", [], value=place, **form)
    joined = folder.model.add_layer("patch_embed.cat", "concat", [first, flat], axis="w", **form)
    one = Fraction(1)
    row = fixed.fold_add(one, one, Fraction(0), folder.options.mult_bits, TOKEN_BITS, TOKEN_BITS)
    low, high = value_range(TOKEN_BITS, True)
    tokens = folder.model.add_layer(
        "tokens", "add", [joined, place], source_name="tokens",
        requant_0={"mult": row[0], "left_shift": row[2]},
        requant_1={"mult": row[1], "left_shift": row[2]},
        requant={"convention": "add_mul_shift", "shift": np.array([row[3]]),
                 "rounding": folder.options.rounding, "clamp_min": low, "clamp_max": high,
                 "mult_bits": folder.options.mult_bits + 1}, **form)
    return tokens, step, [_levels(image, grain, bits) for image in images]
