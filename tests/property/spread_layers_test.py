# SPDX-License-Identifier: Apache-2.0
"""Transposed convolutions, pixel shuffles, reshapes and shared operands against their definitions.

A model file has golden tensors and accumulators that NumPy computed from the definitions. Where
PyTorch is installed, its functions must give the same.
usage: spread_layers_test.py PATH_OF_TACTUS
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    torch = None

TACTUS = sys.argv[1]
STRING = h5py.string_dtype("utf-8")
PRESETS = ["tiny_4", "edge_16", "flex_16"]


def tactus(*args):
    """Runs tactus and returns what it prints."""
    done = subprocess.run([TACTUS, *map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"tactus {' '.join(map(str, args))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def same(ours, theirs):
    """Our array, after a comparison with what theirs() makes of PyTorch's tensors."""
    if torch is not None and not np.array_equal(ours, theirs().numpy()):
        raise AssertionError("the definition of the test is not PyTorch's")
    return ours


def tensor(values):
    """A PyTorch tensor of integers that float64 holds exactly."""
    return torch.tensor(values, dtype=torch.float64)


def transposed(x, weight, bias, stride, padding, more, groups):
    """Sums of a transposed convolution, weight [O, I / groups, kh, kw]."""
    channels, height, width = x.shape
    outputs, inner, kh, kw = weight.shape
    size = [(n - 1) * s + k - 2 * p + m for n, s, k, p, m
            in zip((height, width), stride, (kh, kw), padding, more)]
    far = np.zeros((outputs, height * stride[0] + kh + more[0], width * stride[1] + kw + more[1]),
                   np.int64)
    for o in range(outputs):
        group = o // (outputs // groups)
        for y in range(height):
            for x_ in range(width):
                pixel = x[group * inner:(group + 1) * inner, y, x_]
                patch = np.einsum("i,ihw->hw", pixel, weight[o])
                far[o, y * stride[0]:y * stride[0] + kh, x_ * stride[1]:x_ * stride[1] + kw] += patch
    top, left = padding
    sums = far[:, top:top + size[0], left:left + size[1]] + bias[:, None, None]

    def theirs():
        # PyTorch: [I, O / groups, kh, kw], the channels of a group side by side.
        turned = weight.reshape(groups, outputs // groups, inner, kh, kw).swapaxes(1, 2)
        turned = turned.reshape(channels, outputs // groups, kh, kw)
        return F.conv_transpose2d(tensor(x)[None], tensor(turned), tensor(bias), stride, padding,
                                  more, groups)[0]

    return same(sums, theirs)


def halves_up(values, shift):
    """values / 2^shift as 8 bits."""
    return np.clip((values + (1 << (shift - 1))) >> shift, -128, 127)


def crd(x, r):
    """Depth to space with the channels outside: channel (c r + i) r + j becomes pixel (i, j)."""
    c, h, w = x.shape[0] // (r * r), x.shape[1], x.shape[2]
    out = np.zeros((c, h * r, w * r), np.int64)
    for k in range(c * r * r):
        out[k // (r * r), k // r % r::r, k % r::r] = x[k]
    return same(out, lambda: F.pixel_shuffle(tensor(x)[None], r)[0])


def dcr(x, r):
    """Depth to space with the channels inside: channel (i r + j) C + c becomes pixel (i, j)."""
    c, h, w = x.shape[0] // (r * r), x.shape[1], x.shape[2]
    out = np.zeros((c, h * r, w * r), np.int64)
    for k in range(c * r * r):
        out[k % c, k // c // r::r, k // c % r::r] = x[k]
    return out


def unshuffled(x, r):
    """The inverse of crd."""
    out = np.stack([plane[i::r, j::r] for plane in x for i in range(r) for j in range(r)])
    return same(out, lambda: F.pixel_unshuffle(tensor(x)[None], r)[0])


class Model:
    """A model file under construction with one golden set."""

    def __init__(self, path, shape, rng):
        self.file = h5py.File(path, "w")
        self.rng, self.count = rng, 0
        self.file.attrs.update({"format": "tactus.model", "version": 1, "name": "spread",
                                "producer": "spread_layers_test"})
        group = self.file.create_group("inputs/x")
        group.attrs.update({"shape": shape, "bits": 8, "signed": 1, "zero_point": 0})
        self.golden = self.file.create_group("golden/0")
        self.golden.attrs["origin"] = "toolkit"
        self.values = {"x": rng.integers(-128, 128, shape)}
        self.golden["inputs/x"] = self.values["x"].astype(np.int8)

    def layer(self, op, inputs, value, bits, **attributes):
        """A layer with its output; returns id and group."""
        name = f"{self.count:03d}_{op}"
        self.count += 1
        group = self.file.create_group(f"layers/{name}")
        group.attrs.create("op", op, dtype=STRING)
        if inputs:
            group.attrs.create("inputs", inputs, dtype=STRING)
        group.attrs.update({"out_bits": bits, "out_signed": 1, "out_zero_point": 0, **attributes})
        self.values[name] = value
        self.golden[name] = value.astype(np.int32)
        return name, group

    def requant(self, group, shift, bits):
        """v / 2^shift, halves up."""
        requant = group.create_group("requant")
        requant.attrs.update({"convention": "pow2", "rounding": "half_up",
                              "clamp_min": -(1 << (bits - 1)), "clamp_max": (1 << (bits - 1)) - 1})
        requant["shift"] = np.array([shift], np.int32)

    def conv_transpose(self, source, outputs, kernel, stride, padding, more, groups):
        x = self.values[source]
        inner = x.shape[0] // groups
        weight = self.rng.integers(-8, 8, (outputs, inner, *kernel))
        bias = self.rng.integers(-500, 500, outputs)
        sums = transposed(x, weight, bias, stride, padding, more, groups)
        value = halves_up(sums, 6)
        top, left = padding
        name, group = self.layer("conv_transpose2d", [source], value, 8, stride=stride,
                                 padding=[top, left, top, left], dilation=[1, 1],
                                 output_padding=more, groups=groups)
        data = group.create_dataset("weight", data=weight.astype(np.int8))
        data.attrs.update({"bits": 4, "signed": 1, "sparsity": "dense"})
        group["bias"] = bias
        self.requant(group, 6, 8)
        self.golden[f"accumulators/{name}"] = sums.astype(np.int32)
        return name

    def moved(self, op, source, value, **attributes):
        return self.layer(op, [source], value, 8, **attributes)[0]

    def constant(self, shape):
        value = self.rng.integers(-128, 128, shape)
        name, group = self.layer("constant", [], value, 8)
        group["value"] = value.astype(np.int8)
        return name

    def mul(self, a, b):
        value = halves_up(self.values[a] * self.values[b], 7)
        name, group = self.layer("mul", [a, b], value, 8)
        self.requant(group, 7, 8)
        return name

    def finish(self, output):
        self.file.attrs.create("outputs", [output], dtype=STRING)
        self.file.close()


def chain(path, rng):
    """All ops one behind the other; returns the multiplications of the transposed convolutions."""
    model = Model(path, [4, 5, 7], rng)
    x = model.conv_transpose("x", 12, (4, 4), (2, 2), (1, 1), (0, 0), 1)
    macs = 5 * 7 * 16 * 4 * 12
    x = model.moved("pixel_shuffle", x, crd(model.values[x], 2),
                    factor=[2, 2], mode="crd")
    x = model.conv_transpose(x, 6, (3, 2), (3, 2), (1, 0), (0, 1), 3)
    macs += 20 * 28 * 6 * 1 * 6
    x = model.mul(x, model.constant((6, 1, 1)))
    x = model.mul(model.constant((1, 1, 1)), x)
    h, w = model.values[x].shape[1:]
    x = model.mul(x, model.constant((1, h, w)))
    x = model.moved("reshape", x, model.values[x].reshape(12, h // 2, w), shape=[12, h // 2, w])
    x = model.moved("pixel_shuffle", x, dcr(model.values[x], 2), factor=[2, 2], mode="dcr")
    c, h, w = model.values[x].shape
    x = model.moved("space_to_depth", x, unshuffled(model.values[x], 2),
                    factor=[2, 2], mode="crd")
    shape = [4, 3, c * h * w // 12]
    x = model.moved("reshape", x, model.values[x].reshape(shape), shape=shape)
    x = model.conv_transpose(x, 8, (1, 3), (1, 1), (0, 1), (0, 0), 1)
    macs += 3 * shape[2] * 3 * 4 * 8
    shape = [8, 1, 3 * shape[2]]
    x = model.moved("reshape", x, model.values[x].reshape(shape), shape=shape)
    model.finish(x)
    return macs


def main():
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "spread.h5"
        macs = chain(path, rng)
        for preset in PRESETS:
            plain = json.loads(tactus("run", path, "--preset", preset, "--backend", "fast",
                                      "--json", "-"))
            expect(plain["outputs"]["mismatches"], 0, f"{preset}: values that differ")
            expect(sum(layer["macs"] for layer in plain["layers"]), macs, f"{preset}: products")
            fed = json.loads(tactus("run", path, "--preset", preset, "--backend", "fast",
                                    "--feed", "golden", "--json", "-"))["totals"]
            expect(fed["output"]["moved"], 0, f"{preset}: outputs that move")
            expect(fed["accumulators"]["moved"], 0, f"{preset}: accumulators that move")
            if not 60000 < fed["accumulators"]["compared"] < fed["output"]["compared"]:
                raise AssertionError(f"{preset}: too few values were compared: {fed}")
            print(f"{preset}: {fed['output']['compared']} values and "
                  f"{fed['accumulators']['compared']} accumulators are equal")


def expect(have, want, what):
    """Stops with a sentence where two numbers differ."""
    if have != want:
        raise AssertionError(f"{what}: {have} instead of {want}")


if __name__ == "__main__":
    main()
