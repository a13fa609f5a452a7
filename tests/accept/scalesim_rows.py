#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares compute cycles with SCALE-Sim's reports, row by row, for each dataflow.

A layer must take folds * (P + k) cycles: k is 2, and 3 output-stationary. Convolutions
are run input-stationary as the matrix product of their im2col dimensions, which is what SCALE-Sim
counts.
"""
import argparse
import collections
import csv
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

EXTRA = {"ws": 2, "os": 3, "is": 2}  # models/README.md: a serial fold takes P + k cycles

# Array size and topology of a report folder, less the dataflow (README.md beside the data).
REPORTS = {
    "g256_16": (16, "g256.csv"),
    "gemm_16": (16, "gemm_small.csv"),
    "gemm_32": (32, "gemm_small.csv"),
    "sub_16": (16, "r18_subset.csv"),
    "r18_32": (32, "Resnet18.csv"),
    "test_32": (32, "test_inc5b.csv"),
}


def fold_of(dataflow, size, m, k, n):
    """Folds, SCALE-Sim's cycles of a fold, and P of models/README.md.

    The two differ for output-stationary only: SCALE-Sim's program leaves out the cycles in which
    the results leave the array, its papers do not (scale-sim-v3 issue 4).
    """
    rows, columns, streamed = {"ws": (k, n, m), "os": (m, n, k), "is": (k, m, n)}[dataflow]
    folds = math.ceil(rows / size) * math.ceil(columns / size)
    full = 2 * size + size + streamed - 2
    return folds, full - size if dataflow == "os" else full, full


def rows_of(path):
    with open(path, encoding="utf-8") as file:
        rows = [[field.strip() for field in row] for row in csv.reader(file)]
    return rows[0], [row for row in rows[1:] if row and row[0]]


def gemm_views(path):
    """(M, K, N) of every row of a topology."""
    header, rows = rows_of(path)
    for row in rows:
        numbers = [int(field) for field in row[1:] if field]
        if header[1:4] == ["M", "N", "K"]:
            yield numbers[0], numbers[2], numbers[1]
        else:
            height, width, kernel_h, kernel_w, channels, filters, stride = numbers[:7]
            out_h = math.ceil((height - kernel_h + stride) / stride)
            out_w = math.ceil((width - kernel_w + stride) / stride)
            yield out_h * out_w, kernel_h * kernel_w * channels, filters


def as_gemms(path, views, folder):
    """The topology with every convolution as the product of its im2col dimensions."""
    header, rows = rows_of(path)
    if header[1:4] == ["M", "N", "K"]:
        return path
    out = folder / "gemm.csv"
    lines = [f"{row[0]}, {m}, {n}, {k}," for row, (m, k, n) in zip(rows, views)]
    out.write_text("\n".join(["Layer, M, N, K,", *lines]) + "\n", encoding="utf-8")
    return out


def measured(tactus, topology, size, dataflow, folder):
    """Layers of the result, each with its number of compute ops."""
    model, result = folder / "model.h5", folder / "result.json"
    subprocess.run([tactus, "synth", "--topology", topology, "-o", model, "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    keys = ["--preset", f"scalesim_{size}", f"--map.dataflow={dataflow}"]
    subprocess.run([tactus, "run", model, "--backend", "fast", "--json", result, "--quiet", *keys],
                   check=True, stdout=subprocess.DEVNULL)
    layers = json.loads(result.read_text(encoding="utf-8"))["layers"]
    ops = subprocess.run([tactus, "disasm", model, *keys], check=True, capture_output=True,
                         text=True).stdout
    counts = collections.Counter(re.findall(r"^ *\d+ +compute .*?layer=(\d+)", ops, re.M))
    for number, layer in enumerate(layers):
        layer["compute_ops"] = counts[str(number)]
    return layers


def compare(args, dataflow):
    good = total = 0
    for name, (size, topology) in REPORTS.items():
        folder = args.data / "out" / f"{name}_{dataflow}"
        if not folder.is_dir():
            continue
        path = args.data / "topologies" / topology
        reports = rows_of(folder / "COMPUTE_REPORT.csv")[1]
        views = list(gemm_views(path))
        with tempfile.TemporaryDirectory() as scratch:
            run = path if dataflow != "is" else as_gemms(path, views, pathlib.Path(scratch))
            layers = measured(args.tactus, run, size, dataflow, pathlib.Path(scratch))
        if run != path:
            print(f"{name}_is: convolutions run as the matrix products M, N, K of im2col")
        if not len(views) == len(reports) == len(layers):
            print(f"{name}: {len(views)} rows, {len(reports)} reports, {len(layers)} layers")
            return False
        for (m, k, n), report, layer in zip(views, reports, layers):
            folds, peer_fold, period = fold_of(dataflow, size, m, k, n)
            theirs = int(report[2].split(".")[0]) + 1  # they print the index of the last cycle
            ours, expected = layer["compute_cycles"], folds * (period + EXTRA[dataflow])
            same = ours == expected and theirs == folds * peer_fold
            good += same
            total += 1
            if not args.quiet or not same:
                print(f"{name}_{dataflow:2} {layer['id']:16} M {m:6} K {k:5} N {n:4} folds "
                      f"{folds:6} SCALE-Sim {theirs:9} tactus {ours:9} expected {expected:9} "
                      f"in {layer['compute_ops']} ops {'pass' if same else 'MISS'}")
    print(f"{dataflow}: {good} of {total} rows equal folds * (P + {EXTRA[dataflow]})")
    return good == total > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" /
                        "scalesim", help="folder with out/ and topologies/")
    parser.add_argument("--tactus", default="build/bin/tactus", help="the tool")
    parser.add_argument("--dataflows", default="ws",
                        help="comma-separated, of ws, os and is (default ws)")
    parser.add_argument("--quiet", action="store_true", help="print one line a dataflow only")
    args = parser.parse_args()
    if not (args.data / "out").is_dir():
        print(f"no SCALE-Sim reports at {args.data}: not compared")
        return 2
    return 0 if all([compare(args, dataflow) for dataflow in args.dataflows.split(",")]) else 1


if __name__ == "__main__":
    sys.exit(main())
