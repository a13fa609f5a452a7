# SPDX-License-Identifier: Apache-2.0
"""Re-reads the digits model files and recomputes everything in them; exit code 1 on a difference.

    /usr/bin/python3 frontend/import/digits/check.py [--models traces/models] [--only NAME,...]

Checked: the schema of frontend/README.md (names, ranges), every golden tensor and the accuracy
against reference.py, one image against a scalar re-computation in Python integers and fractions,
and the test set against scikit-learn's images.
"""

import argparse
import json
import os
import sys
from fractions import Fraction

import h5py
import numpy as np

import modelfile
import reference
from topology import VARIANTS, limits, quantise_pixels

COMMON = {"op", "inputs", "out_bits", "out_signed", "out_zero_point", "source_name"}
SCHEMA = {  # op: (attributes, datasets, groups)
    "conv2d": ({"stride", "padding", "dilation", "groups"}, {"weight", "bias"}, {"requant"}),
    "linear": (set(), {"weight", "bias"}, {"requant"}),
    "add": (set(), set(), {"requant", "requant_0", "requant_1"}),
    "maxpool": ({"kernel", "stride", "padding"}, set(), set()),
    "global_avgpool": (set(), set(), {"requant"}),
}
REQUANT = {"convention", "rounding", "clamp_min", "clamp_max", "mult_bits", "add_bits"}


class Report:
    """Collects failures; every check is counted."""

    def __init__(self):
        self.checks, self.failures = 0, []

    def expect(self, condition, text):
        self.checks += 1
        if not condition:
            self.failures.append(text)


def check_schema(path, report):
    with h5py.File(path, "r") as f:
        report.expect(set(f.attrs) == {"format", "version", "name", "producer", "outputs"},
                      "root attributes")
        report.expect(set(f) == {"inputs", "layers", "golden", "dataset"}, "root groups")
        for g in f["inputs"].values():
            report.expect(set(g.attrs) == {"shape", "bits", "signed", "zero_point", "scale"},
                          "input attributes")
        for ident, g in f["layers"].items():
            attrs, datasets, groups = SCHEMA[g.attrs["op"]]
            report.expect(set(g.attrs) == COMMON | attrs, f"{ident}: attributes {set(g.attrs)}")
            found = {k for k, v in g.items() if isinstance(v, h5py.Group)}
            report.expect(found == groups, f"{ident}: groups {found}")
            report.expect(set(g) - found <= datasets, f"{ident}: datasets {set(g)}")
            if "weight" in g:
                names = set(g["weight"].attrs) - {"bipolar"}
                report.expect(names == {"bits", "signed", "sparsity"}, f"{ident}: weight {names}")
            for k in found:
                allowed = REQUANT if k == "requant" else {"mult", "left_shift"}
                report.expect(set(g[k].attrs) <= allowed, f"{ident}/{k}: {set(g[k].attrs)}")
        kinds = []
        f.visititems(lambda k, v: kinds.append((k, v.dtype.kind))
                     if isinstance(v, h5py.Dataset) else None)
        report.expect(all(kind in "iu" for _, kind in kinds), "a dataset is not integer")
    report.expect(os.path.getsize(path) < 1 << 20, "file of 1 MB or more")


def check_sparsity(ident, text, weight, report):
    """At most N of M neighbouring input channels of one tap are not 0."""
    if text == "dense":
        return
    n, m = map(int, text.split(":"))
    rows = weight.reshape(weight.shape[0], weight.shape[1], -1)
    used = [(rows[:, first:first + m] != 0).sum(axis=1).max()
            for first in range(0, rows.shape[1], m)]
    report.expect(max(used) <= n, f"{ident}: {max(used)} of {m} weights are not 0")


def check_ranges(model, report):
    for layer in model["layers"]:
        ident = layer["id"]
        if "weight" in layer:
            fmt, weight = layer["weight_format"], layer["weight"].astype(int)
            low, high = limits(fmt["bits"], fmt["signed"])
            if "bipolar" in fmt:
                report.expect(fmt["bits"] == 1 and fmt["bipolar"] == 1
                              and set(np.unique(weight)) == {-1, 1}, f"{ident}: bipolar weight")
            else:
                report.expect(low <= weight.min() and weight.max() <= high,
                              f"{ident}: weight outside its format")
            check_sparsity(ident, fmt["sparsity"], weight, report)
        if "bias" in layer:
            report.expect(np.abs(layer["bias"].astype(np.int64)).max() < 1 << 31,
                          f"{ident}: bias beyond 32 bits")
        if "requant" not in layer:
            continue
        requant = layer["requant"]
        low, high = limits(layer["out_bits"], layer["out_signed"])
        report.expect(low <= requant["clamp_min"] <= requant["clamp_max"] <= high,
                      f"{ident}: clamp outside the output format")
        for key, width in (("mult", requant.get("mult_bits")), ("add", requant.get("add_bits"))):
            if key in requant:
                bound = 1 << (width - 1)
                values = requant[key].astype(np.int64)
                report.expect(-bound <= values.min() and values.max() < bound,
                              f"{ident}: {key} beyond {width} bits")
        if "shift" in requant:
            report.expect(0 <= requant["shift"].min() and requant["shift"].max() <= 63,
                          f"{ident}: shift")
        for k in ("requant_0", "requant_1"):
            if k in layer:
                report.expect(0 < layer[k]["mult"] < 1 << (requant["mult_bits"] - 1)
                              and 0 <= layer[k]["left_shift"] <= 31, f"{ident}: {k}")


def scalar_round(value, mode):
    """A Fraction to the nearest integer, by the definition of each mode."""
    low = value.numerator // value.denominator
    rest = value - low
    if rest != Fraction(1, 2):
        return low + (rest > Fraction(1, 2))
    return {"half_up": low + 1, "half_even": low + low % 2,
            "half_away": low + 1 if value > 0 else low}[mode]


def scalar_requant(acc, requant, zero_point, channel):
    def pick(key):
        values = requant.get(key, [0])
        return int(values[channel if len(values) > 1 else 0])
    if requant["convention"] == "none":
        return int(acc)
    mult = 1 if requant["convention"] == "add_mul_shift" else pick("mult")
    exact = Fraction(int(acc) * mult + pick("add"), 1 << pick("shift"))
    q = scalar_round(exact, requant["rounding"]) + zero_point
    return min(max(q, requant["clamp_min"]), requant["clamp_max"])


def scalar_layer(layer, x, zp):
    """One layer for one image, element by element in Python integers. x: nested C,H,W lists."""
    op, size = layer["op"], (len(x[0]), len(x[0][0]), len(x[0][0][0]))

    def at(c, y, i):
        inside = 0 <= y < size[1] and 0 <= i < size[2]
        return x[0][c][y][i] - zp[0] if inside else None

    def window(c, oy, ox, kernel):
        top, left = layer["padding"][0], layer["padding"][1]
        (sh, sw) = layer["stride"]
        return [[at(c, oy * sh + ky - top, ox * sw + kx - left) for kx in range(kernel[1])]
                for ky in range(kernel[0])]

    def element(o, oy, ox):
        zero = layer["out_zero_point"]
        if op == "maxpool":
            taps = [v for row in window(o, oy, ox, layer["kernel"]) for v in row]
            return max(v for v in taps if v is not None) + zp[0]
        if op == "conv2d":
            weight = layer["weight"]
            acc = int(layer["bias"][o]) if "bias" in layer else 0
            first = o * layer["groups"] // len(weight) * weight.shape[1]
            for c in range(weight.shape[1]):
                for ky, row in enumerate(window(first + c, oy, ox, weight.shape[2:])):
                    acc += sum(v * int(weight[o, c, ky, kx])
                               for kx, v in enumerate(row) if v is not None)
        elif op == "linear":
            flat = [v - zp[0] for plane in x[0] for row in plane for v in row]
            acc = int(layer["bias"][o]) + sum(v * int(w) for v, w in zip(flat, layer["weight"][o]))
        elif op == "add":
            acc = sum((x[k][o][oy][ox] - zp[k]) * layer[f"requant_{k}"]["mult"]
                      * 2**layer[f"requant_{k}"]["left_shift"] for k in (0, 1))
        else:
            acc = sum(v - zp[0] for row in x[0][o] for v in row)
        return scalar_requant(acc, layer["requant"], zero, o)

    return element


def check_scalar(model, golden, report):
    """Every element of the first golden image, each layer fed by the golden tensors before it."""
    tensors = {k: v.astype(int) for k, v in golden["tensors"].items()}
    zero_points = {k: v["zero_point"] for k, v in model["inputs"].items()}
    zero_points.update({layer["id"]: layer["out_zero_point"] for layer in model["layers"]})
    for layer in model["layers"]:
        element = scalar_layer(layer, [tensors[i].tolist() for i in layer["inputs"]],
                               [zero_points[i] for i in layer["inputs"]])
        expected = tensors[layer["id"]]
        bad = sum(element(*index) != value for index, value in np.ndenumerate(expected))
        report.expect(bad == 0, f"{layer['id']}: {bad} elements differ from the scalar formula")


def check_model(name, folder, accuracy, report):
    path = os.path.join(folder, f"{name}.h5")
    check_schema(path, report)
    model, golden, (images, labels) = modelfile.read(path)
    check_ranges(model, report)
    tensors = reference.run(model, images)
    for k, entry in enumerate(golden):
        report.expect(entry["origin"] == "reference", f"golden {k}: origin")
        report.expect(set(entry["tensors"]) == set(tensors), f"golden {k}: tensors missing")
        for ident, values in entry["tensors"].items():
            report.expect(np.array_equal(values, tensors[ident][k]),
                          f"golden {k}: {ident} differs from the reference")
    check_scalar(model, golden[0], report)
    count = reference.correct(model, images, labels)
    report.expect(accuracy[name] == {"correct": count, "count": len(labels)},
                  f"accuracy {count} is not the recorded {accuracy[name]}")
    bits = reference.accumulator_bound(model).bit_length() + 1
    report.expect(bits <= 24, f"an accumulator needs {bits} bits")

    from train import load_data  # scikit-learn and PyTorch are needed for the test set only
    _, (pixels, targets) = load_data()
    report.expect(np.array_equal(quantise_pixels(pixels, VARIANTS[name]), images), "test images")
    report.expect(np.array_equal(targets, labels), "labels")
    print(f"{name}: {count} of {len(labels)} correct, accumulators of {bits} bits, "
          f"{os.path.getsize(path)} bytes")


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=os.path.join(root, "traces", "models"))
    parser.add_argument("--only", default=",".join(VARIANTS), help="names, comma-separated")
    args = parser.parse_args()
    folder = args.models
    with open(os.path.join(folder, "digits_accuracy.json"), encoding="utf-8") as f:
        accuracy = json.load(f)
    report = Report()
    for name in args.only.split(","):
        check_model(name, folder, accuracy, report)
    for text in report.failures:
        print(f"FAILED: {text}")
    print(f"{report.checks} checks, {len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
