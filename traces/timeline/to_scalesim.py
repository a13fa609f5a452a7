#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a memory trace (--memory-trace FILE.csv) in SCALE-Sim's layout.

Usage: to_scalesim.py TRACE.csv FOLDER

For each layer FOLDER/layer<i>/IFMAP_DRAM_TRACE.csv, FILTER_DRAM_TRACE.csv and OFMAP_DRAM_TRACE.csv:
no header, a line per cycle with accesses, the cycle first, then the addresses of the words (bytes
here), -1 in places without a word. Layers are numbered in the order of their first access. What
has no counterpart there is left out: the program, constants and indices.
"""
import csv
import pathlib
import sys

FILES = {"ifmap": "IFMAP_DRAM_TRACE.csv", "filter": "FILTER_DRAM_TRACE.csv",
         "ofmap": "OFMAP_DRAM_TRACE.csv"}


def kind_of(row):
    """ifmap, filter, ofmap, or None for accesses that SCALE-Sim does not have."""
    if row["access"] == "write":
        return "ofmap"
    if row["tensor"] == "program" or row["tensor"].endswith(("/param", "/index")):
        return None
    return "filter" if row["tensor"].endswith("/weight") else "ifmap"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[2])
    files, numbers, counts = {}, {}, {}
    with open(sys.argv[1], newline="", encoding="utf-8") as trace:
        rows = list(csv.DictReader(trace))
    width = max((int(row["bytes"]) for row in rows), default=0)
    for row in rows:
        kind = kind_of(row)
        if kind is None:
            continue
        number = numbers.setdefault(row["layer"], len(numbers))
        key = (number, kind)
        if key not in files:
            path = folder / f"layer{number}" / FILES[kind]
            path.parent.mkdir(parents=True, exist_ok=True)
            files[key] = open(path, "w", encoding="utf-8")
        first, count = int(row["address"]), int(row["bytes"])
        words = [*range(first, first + count), *[-1] * (width - count)]
        files[key].write(",".join(map(str, [int(row["cycle"]), *words])) + "\n")
        counts[key] = counts.get(key, 0) + count
    for file in files.values():
        file.close()
    for layer, number in numbers.items():
        print(f"layer{number} {layer}: " + ", ".join(
            f"{kind} {counts.get((number, kind), 0)} words" for kind in FILES))


if __name__ == "__main__":
    main()
