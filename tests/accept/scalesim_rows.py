#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares compute cycles with SCALE-Sim's weight-stationary reports, row by row."""
import argparse
import csv
import json
import math
import pathlib
import subprocess
import sys
import tempfile

K = 2  # models/README.md: with serial folds a fold takes P + 2 cycles

# Report folder -> array size, topology (README.md beside the data).
REPORTS = {
    "g256_16_ws": (16, "g256.csv"),
    "gemm_16_ws": (16, "gemm_small.csv"),
    "gemm_32_ws": (32, "gemm_small.csv"),
    "sub_16_ws": (16, "r18_subset.csv"),
    "r18_32_ws": (32, "Resnet18.csv"),
    "test_32_ws": (32, "test_inc5b.csv"),
}


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


def measured(tactus, topology, size, folder):
    model, result = folder / "model.h5", folder / "result.json"
    subprocess.run([tactus, "synth", "--topology", topology, "-o", model, "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run([tactus, "run", model, "--backend", "fast", "--preset", f"scalesim_{size}",
                    "--json", result, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return json.loads(result.read_text(encoding="utf-8"))["layers"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" /
                        "scalesim", help="folder with out/ and topologies/")
    parser.add_argument("--tactus", default="build/bin/tactus", help="the tool")
    parser.add_argument("--quiet", action="store_true", help="print the last line only")
    args = parser.parse_args()
    if not (args.data / "out").is_dir():
        print(f"no SCALE-Sim reports at {args.data}: not compared")
        return 2
    good = total = 0
    for name, (size, topology) in REPORTS.items():
        path = args.data / "topologies" / topology
        with tempfile.TemporaryDirectory() as folder:
            layers = measured(args.tactus, path, size, pathlib.Path(folder))
        reports = rows_of(args.data / "out" / name / "COMPUTE_REPORT.csv")[1]
        views = list(gemm_views(path))
        if not len(views) == len(reports) == len(layers):
            print(f"{name}: {len(views)} rows, {len(reports)} reports, {len(layers)} layers")
            return 1
        for (m, k, n), report, layer in zip(views, reports, layers):
            folds = math.ceil(k / size) * math.ceil(n / size)
            period = 2 * size + size + m - 2
            theirs = int(report[2].split(".")[0]) + 1  # they print the index of the last cycle
            ours, expected = layer["compute_cycles"], folds * (period + K)
            same = ours == expected and theirs == folds * period
            good += same
            total += 1
            if not args.quiet or not same:
                print(f"{name:11} {layer['id']:16} M {m:6} K {k:5} N {n:4} folds {folds:6} "
                      f"SCALE-Sim {theirs:9} tactus {ours:9} expected {expected:9} "
                      f"{'pass' if same else 'MISS'}")
    print(f"{good} of {total} rows equal folds * (P + {K})")
    return 0 if good == total else 1


if __name__ == "__main__":
    sys.exit(main())
