# SPDX-License-Identifier: Apache-2.0
"""Captures of converted vision transformers.

What the toolkit computes in float between its integers becomes: residual stream 32 bits, normalised
rows from 16 bits by layernorm, softmax by a table of exponentials, GELU by an interpolated table.
The patch embedding and the position embedding stay with whoever prepares the image, so that the
model's input are the tokens, 16 bits, unless --patch-bits asks for them (t2c_patches.py). Of the
last norm only the class token reaches the head, whose float weights become 8 bits.
"""

import math
import re
from fractions import Fraction

import h5py
import numpy as np

from . import fixed
from .import_t2c import settings_of
from .modelfile import Model, value_range
from .problem import ImportProblem
from .t2c_capture import _plain
from .t2c_check import scale_lines
from .t2c_graph import GoldenImage
from .t2c_patches import embed
from .t2c_report import compare_with_golden, golden_text
from .weights import weight_format

SCORE_RANGE = 16.0  # exp(-12) is below half a unit of the 16-bit table
TABLE_ENTRIES = 1000  # fits the parameter buffer of the small presets
GELU_BETWEEN = 7
GELU = np.vectorize(lambda v: 0.5 * v * (1.0 + math.erf(v / math.sqrt(2.0))))


class VitReader:
    """Layers and golden tensors by the toolkit's name, without the number in front."""

    def __init__(self, file, path):
        self.path = path
        self.layers = {self.plain(k): g for k, g in file["layers"].items()}
        golden = file.get("golden", {})
        self.images = [{self.plain(k): v for k, v in golden[key].items()}
                       for key in sorted(golden, key=lambda k: int(re.sub(r"\D", "", k) or 0))]
        self.golden = [golden[key] for key in sorted(
            golden, key=lambda k: int(re.sub(r"\D", "", k) or 0))]
        if not self.images:
            self.fail("a transformer's ranges come from captured images, the file has none")

    @staticmethod
    def plain(name):
        return re.sub(r"^\d+_", "", name)

    def fail(self, what, layer=""):
        raise ImportProblem(f"{self.path}: {layer + ': ' if layer else ''}{what}", self.path, layer)

    def data(self, layer, key):
        if layer not in self.layers or key not in self.layers[layer]:
            self.fail(f"the dataset {key} is missing", layer)
        return self.layers[layer][key][()]

    def attr(self, layer, key):
        return _plain(self.layers[layer].attrs[key])

    def captured(self, image, layer, key):
        return self.images[image][layer][key][()][0]

    def image(self, image):
        """The image that was captured, [C,H,W]."""
        return self.images[image]["image_f32"][()][0]

    def largest(self, layer, key="output_f32"):
        values = [np.abs(self.captured(k, layer, key)).max() for k in range(len(self.images))]
        return Fraction(float(max(values)))


def tokens(values):
    """[T,C] as [C,1,T]."""
    return np.asarray(values).T[:, None, :]


class VitFolder:
    """One capture on its way to one Model."""

    def __init__(self, reader, options, name):
        self.r, self.options = reader, options
        self.model = Model(name, "Torch2Chip ViT through tactus import t2c")
        self.warnings = []
        self.golden = [{"origin": "toolkit", "inputs": {}, "layers": {}, "accumulators": {}}
                       for _ in reader.images]

    # Pieces.

    def requant(self, scales, offsets, step, bits, is_signed, name):
        rows = []
        for scale, offset in zip(scales, offsets):
            row = fixed.fold(scale / step, offset / step, self.options.mult_bits)
            if row is None:
                self.r.fail(f"a scale is too large for a {self.options.mult_bits}-bit multiplier",
                            name)
            rows.append(row)
        mult, shift, add = (np.array(column, np.int64) for column in zip(*rows))
        low, high = value_range(bits, is_signed)
        out = {"convention": "mul_shift", "mult": mult, "shift": shift, "clamp_min": low,
               "clamp_max": high, "rounding": self.options.rounding,
               "mult_bits": self.options.mult_bits + 1}
        if np.any(add):
            out.update(add=add, add_bits=63)
        return out

    def add_layer(self, name, op, inputs, bits, is_signed=True, **content):
        return self.model.add_layer(name, op, inputs, source_name=name, out_bits=bits,
                                    out_signed=int(is_signed), out_zero_point=0, **content)

    def dense(self, name, source, weight, bits, scales, offsets, step, out_bits, stride=1):
        """A matrix over the channels of every token."""
        return self.convolution(name, source, weight[:, :, None, None], bits, scales, offsets, step,
                                out_bits, [1, stride])

    def convolution(self, name, source, weight, bits, scales, offsets, step, out_bits, stride):
        content = {"weight": weight, "stride": stride, "padding": [0, 0, 0, 0],
                   "dilation": [1, 1], "groups": 1}
        content["weight_format"] = weight_format(content["weight"], bits, True)
        requant = self.requant(scales, offsets, step, out_bits, True, name)
        return self.add_layer(name, "conv2d", [source], out_bits, requant=requant, **content)

    def fixed_point(self, layer, count):
        """Scales and offsets of a MulShift as fractions."""
        frac = int(self.r.attr(layer, "scale_frac_bits"))
        unit = Fraction(1, 1 << frac)
        self.warnings += [(layer, line) for line in scale_lines(
            np.ravel(self.r.data(layer, "scale_int")), np.ravel(self.r.data(layer, "bias_int")),
            int(self.r.attr(layer, "scale_word_bits")), frac)]
        return [[int(v) * unit for v in np.broadcast_to(
            self.r.data(layer, key).reshape(-1), (count,))] for key in ("scale_int", "bias_int")]

    def mulquant(self, layer, count):
        """Scales and offsets of a MulQuant: floats that the toolkit never made fixed point."""
        if np.any(self.r.data(layer, "zero_point")):
            self.r.fail("a MulQuant with a zero point has no rule", layer)
        return [[fixed.exact(v) for v in np.broadcast_to(
            self.r.data(layer, key).reshape(-1), (count,))] for key in ("scale_f32", "bias_f32")]

    def operand_step(self, layer):
        """Step of a layer's own activation quantiser."""
        if bool(self.r.attr(layer, "act_unsigned")):
            self.r.fail("an unsigned activation quantiser has no rule in a transformer", layer)
        scale = self.r.data(layer, "act_scale_f32")
        if np.size(scale) != 1:
            self.r.fail("one scale per token has no rule; this importer folds one per tensor",
                        layer)
        if int(np.ravel(self.r.data(layer, "act_zero_point"))[0]) != 0:
            self.r.fail("an activation zero point has no rule in a transformer", layer)
        return 1 / fixed.exact(np.ravel(scale)[0])

    def operand_bits(self, layer):
        return int(self.r.attr(layer, "act_bits"))

    def value_step(self, layer):
        """Step of a residual value."""
        bits, largest = self.options.residual_bits, self.r.largest(layer)
        if bits >= 24:
            return 1 / Fraction(2) ** fixed.power_of_two_grid(4 * largest, bits, 26)
        return largest / value_range(bits, True)[1]

    def norm(self, name, stream, step, out_step, out_bits):
        """layernorm of a residual stream to an operand of out_bits."""
        bits = self.model.format_of(stream)[0]
        if bits > 16:
            narrow = self.stream_largest / 32767
            stream = self.add_layer(f"{name}.in", "requant", [stream], 16, requant=self.requant(
                [step], [Fraction(0)], narrow, 16, True, name))
            step = narrow
        gamma, beta = (fixed.exact_list(self.r.data(name, key)) for key in ("gamma_f32",
                                                                            "beta_f32"))
        count = len(gamma)
        eps = fixed.nearest(fixed.exact(self.r.attr(name, "eps")) * count * count / step ** 2)
        return self.add_layer(name, "layernorm", [stream], out_bits, eps=eps, requant=self.requant(
            [g / (1 << 20) for g in gamma], beta, out_step, out_bits, True, name))

    # A block.

    def attention(self, block, normed, heads):
        qkv = self.r.data(f"{block}.attn.qkv", "weight")
        bits = int(self.r.attr(f"{block}.attn.qkv", "weight_bits"))
        count = qkv.shape[0]
        scales, offsets = self.mulquant(f"{block}.attn.qqkv", count)
        third, parts = count // 3, []
        width = int(self.r.attr(f"{block}.attn.qqkv", "bits"))
        for k, letter in enumerate("qkv"):
            rows = slice(k * third, (k + 1) * third)
            parts.append(self.dense(f"{block}.attn.{letter}", normed, qkv[rows], bits,
                                    scales[rows], offsets[rows], Fraction(1), width))
            for image, golden in enumerate(self.golden):
                golden["layers"][parts[k]] = tokens(self.r.captured(
                    image, f"{block}.attn.qqkv", "output")[:, rows])
                golden["accumulators"][parts[k]] = tokens(self.r.captured(
                    image, f"{block}.attn.qkv", "output")[:, rows])
        # Scores: a power of two as step, so that the table has few enough entries.
        step = Fraction(1)
        while SCORE_RANGE * 0.75 / float(step / 2) <= TABLE_ENTRIES:
            step /= 2
        scale, _ = self.fixed_point(f"{block}.attn.attn_scale", 1)
        scores = self.add_layer(f"{block}.attn.qk", "matmul", parts[:2], 16, heads=heads,
                                requant=self.requant(scale, [Fraction(0)], step, 16, True, block))
        table = np.rint(65535 * np.exp(-np.arange(int(12 / step)) * float(step))).astype(np.int64)
        table = table[:int(np.argmax(table == 0)) + 1] if np.any(table == 0) else table
        weights = self.add_layer(f"{block}.attn.softmax", "softmax", [scores], 8, False,
                                 kind="softmax_lut", one=255, heads=heads, table=table)
        turned = self.add_layer(f"{block}.attn.v_turned", "transpose", [parts[2]], width,
                                heads=heads)
        scale, offset = self.mulquant(f"{block}.attn.qproj", 1)
        width = int(self.r.attr(f"{block}.attn.qproj", "bits"))
        mixed = self.add_layer(f"{block}.attn.attnv", "matmul", [weights, turned], width,
                               heads=heads, requant=self.requant(scale, offset, Fraction(1), width,
                                                                 True, block))
        for image, golden in enumerate(self.golden):
            p = self.r.captured(image, f"{block}.attn.softmax", "output")  # h, query, key
            golden["layers"][weights] = p.transpose(0, 2, 1).reshape(-1, 1, p.shape[1])
            golden["layers"][mixed] = tokens(self.r.captured(image, f"{block}.attn.proj", "input"))
        return mixed

    def back_to_stream(self, name, source, layer, scaler, stream, step, added):
        """A matrix whose values are added to the residual stream; (id, step)."""
        weight = self.r.data(layer, "weight")
        scales, offsets = self.fixed_point(scaler, weight.shape[0])
        own = self.value_step(scaler)
        value = self.dense(name, source, weight, int(self.r.attr(layer, "weight_bits")), scales,
                           offsets, own, self.options.residual_bits)
        for image, golden in enumerate(self.golden):
            golden["accumulators"][value] = tokens(self.r.captured(image, layer, "output"))
        out = self.value_step(added)
        bits = (self.model.format_of(stream)[0], self.options.residual_bits)
        row = fixed.fold_add(step / out, own / out, Fraction(0), self.options.mult_bits, *bits)
        low, high = value_range(self.options.residual_bits, True)
        total = self.add_layer(
            added, "add", [stream, value], self.options.residual_bits,
            requant_0={"mult": row[0], "left_shift": row[2]},
            requant_1={"mult": row[1], "left_shift": row[2]},
            requant={"convention": "add_mul_shift", "shift": np.array([row[3]]),
                     "rounding": self.options.rounding, "clamp_min": low, "clamp_max": high,
                     "mult_bits": self.options.mult_bits + 1})
        self.stream_largest = self.r.largest(added)
        return total, out

    def mlp(self, block, normed):
        fc1, fc2 = f"{block}.mlp.fc1", f"{block}.mlp.fc2"
        weight = self.r.data(fc1, "weight")
        scales, offsets = self.fixed_point(f"{fc1}.scaler", weight.shape[0])
        step = self.r.largest(f"{fc1}.scaler") * Fraction(5, 4) / 32767
        hidden = self.dense(fc1, normed, weight, int(self.r.attr(fc1, "weight_bits")), scales,
                            offsets, step, 16)
        for image, golden in enumerate(self.golden):
            golden["accumulators"][hidden] = tokens(self.r.captured(image, fc1, "output"))
        at = np.minimum(np.arange((1 << (16 - GELU_BETWEEN)) + 1) * (1 << GELU_BETWEEN) - 32768,
                        32767) * float(step)
        gelu = GELU(at)
        out = Fraction(float(np.abs(gelu).max())) / 32767
        table = np.clip(np.rint(gelu / float(out)), -32768, 32767).astype(np.int64)
        curve = self.add_layer(f"{block}.mlp.act", "lut", [hidden], 16, table=table,
                               interpolate_bits=GELU_BETWEEN)
        width = self.operand_bits(fc2)
        operand = self.add_layer(f"{block}.mlp.act.q", "requant", [curve], width,
                                 requant=self.requant([out], [Fraction(0)], self.operand_step(fc2),
                                                      width, True, fc2))
        self.keep_operand(operand, fc2)
        return operand

    def keep_operand(self, ident, layer):
        bits, is_signed, _ = self.model.format_of(ident)
        low, high = value_range(bits, is_signed)
        for image, golden in enumerate(self.golden):
            operand = self.r.captured(image, layer, "input")
            if operand.min() < low or operand.max() > high:
                self.r.fail(f"captured image {image}: operands outside {low}..{high}, which its "
                            "quantiser cannot give", layer)
            golden["layers"][ident] = tokens(self.r.captured(image, layer, "input"))

    # The network.

    def first_stream(self, first):
        """(id, step) of the tokens: the model's input, or what the patch embedding makes."""
        self.stream_largest = self.r.largest("tokens")
        if self.options.patch_bits:
            stream, step, images = embed(self, self.options.patch_bits)
            for golden, image in zip(self.golden, images):
                golden["inputs"]["image"] = image
        else:
            step = self.stream_largest * Fraction(5, 4) / 32767
            stream = self.model.add_input("tokens", [first.shape[1], 1, first.shape[0]], 16, True,
                                          0, float(step))
        for image, golden in enumerate(self.golden):
            real = self.r.captured(image, "tokens", "output_f32").astype(np.float64)
            place = "layers" if self.options.patch_bits else "inputs"
            golden[place][stream] = tokens(np.rint(real / float(step)).astype(np.int64))
        return stream, step

    def fold(self):
        """The model."""
        first = self.r.captured(0, "tokens", "output_f32")
        stream, step = self.first_stream(first)
        heads = self.r.captured(0, "blocks.0.attn.qk", "input_a").shape[0]
        block = 0
        while f"blocks.{block}.norm1" in self.r.layers:
            name = f"blocks.{block}"
            qkv, fc1 = f"{name}.attn.qkv", f"{name}.mlp.fc1"
            normed = self.norm(f"{name}.norm1", stream, step, self.operand_step(qkv),
                               self.operand_bits(qkv))
            self.keep_operand(normed, qkv)
            mixed = self.attention(name, normed, heads)
            stream, step = self.back_to_stream(f"{name}.attn.proj", mixed, f"{name}.attn.proj",
                                               f"{name}.attn.qkv_deq", stream, step,
                                               f"{name}.add1")
            normed = self.norm(f"{name}.norm2", stream, step, self.operand_step(fc1),
                               self.operand_bits(fc1))
            self.keep_operand(normed, fc1)
            stream, step = self.back_to_stream(f"{name}.mlp.fc2", self.mlp(name, normed),
                                               f"{name}.mlp.fc2", f"{name}.mlp.fc2.scaler", stream,
                                               step, f"{name}.add2")
            block += 1
        self.head(stream, step, first.shape[0])
        return self.model

    def head(self, stream, step, count):
        """The class token through norm and head; the stride leaves the other tokens out."""
        out_step = self.r.largest("norm") / 127
        normed = self.norm("norm", stream, step, out_step, 8)
        weight = self.r.data("head", "weight_f32").astype(np.float64)
        steps = np.abs(weight).max(axis=1) / 127
        integers = np.rint(weight / steps[:, None]).astype(np.int64)
        largest = max((np.abs(weight).sum(axis=1) * float(out_step) * 128).max(), 1.0)
        grid = fixed.power_of_two_grid(Fraction(float(largest)), 32, 16)
        logits = self.dense("head", normed, integers, 8, [Fraction(float(s)) * out_step
                                                          for s in steps],
                            fixed.exact_list(self.r.data("head", "bias_f32")),
                            1 / Fraction(2) ** grid, 32, stride=count)
        self.model.outputs = [logits]


def _images(reader):
    """Labels and predictions."""
    out = []
    for group in reader.golden:
        one = GoldenImage()
        for key in ("label", "prediction"):
            if key in group.attrs:
                setattr(one, key, int(group.attrs[key]))
        out.append(one)
    return out


def _finish(folder, images, out):
    """(model, lines about the golden tensors) of a folded network."""
    model, options = folder.model, folder.options
    model.golden = folder.golden
    if all(image.label is not None for image in images):
        name, = model.inputs
        stored = np.stack([golden["inputs"][name] for golden in model.golden])
        model.dataset = ({name: stored}, [image.label for image in images])
    out.settings = {"multiplier_bits": options.mult_bits, "residual_bits": options.residual_bits,
                    "rounding": options.rounding}
    for layer, text in folder.warnings:
        out.warn(layer, text)
    if options.patch_bits:
        out.settings["patch_bits"] = options.patch_bits
        out.note("the float patch embedding becomes integers: image and weights "
                 f"{options.patch_bits} bits, tokens 16 bits")
    else:
        out.note("the patch and position embedding are float in the toolkit and not part of the "
                 "model: its input are the tokens, 16 bits (--patch-bits N takes them in)")
    out.note("the head's float weights and its operand become 8 bits")
    out.golden = compare_with_golden(model, images)
    return model, golden_text(out.golden) if out.golden else []


def fold_vit(reader, images, options, name, out):
    """(model, lines about the golden tensors), whoever read the network."""
    folder = VitFolder(reader, options, name)
    folder.fold()
    return _finish(folder, images, out)


def import_vit(args, out):
    """(model, lines about the golden tensors)."""
    options = settings_of(args)
    try:
        with h5py.File(args.source, "r") as file:
            reader = VitReader(file, args.source)
            name = str(_plain(file["meta"].attrs.get("case", "vit"))) if "meta" in file else "vit"
            folder = VitFolder(reader, options, name)
            folder.fold()
            images = _images(reader)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, ArithmeticError,
            RuntimeError, MemoryError) as error:
        text = str(error).split("\n", maxsplit=1)[0]
        raise ImportProblem(f"{args.source} is damaged or no capture of a transformer: {text}",
                            args.source) from error
    return _finish(folder, images, out)
