#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what golden vectors and co-verification promised: a line per point with target and
measured value.

Needs a build with tests (tests/run.sh), the RTL of its presets included. Takes some minutes; speeds
depend on what else the machine does. Exit codes: 0 all pass, 1 a miss, 2 there is no build.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from precision_sparsity import BIN, IDEAL, MODELS, ROOT, Bench, Rows, command, last_line

PYTHON = "/usr/bin/python3"


def script(path, *words):
    """Exit code and output of a test script."""
    return command(PYTHON, ROOT / path, *words)


def tests(rows, point, target, path, *words):
    """A point that a test script of the project shows as a whole."""
    start = time.monotonic()
    code, text = script(path, *words)
    rows.judge(point, target, f"{last_line(text)}, {time.monotonic() - start:.0f} s", code == 0)
    return text


def foreign(rows):
    """Somebody else's RTL behind the C interface and as a drop-in."""
    tests(rows, "foreign accelerator, tactus_dut.h", "agrees; faults named", "tests/dut/dut_test.py",
          BIN / "tactus")
    tests(rows, "drop-in module, --rtl-lib", "agrees; faults named", "tests/dut/dropin_test.py",
          BIN / "tactus")


def rtl_speed(rows, bench):
    """Simulated cycles per second of the 16x16 builds on a convolution."""
    for name, preset, target in (("dense 8-bit build", "edge_16", 300),
                                 ("full build, W8A8", "flex_16", 120)):
        model = bench.synth("--conv", "64,28,28,64,3,1")
        best = 0
        for _ in range(3):
            data = bench.run(model, "rtl", "--preset", preset, "--map.dataflow=ws", *IDEAL)
            best = max(best, data["host"]["cycles_per_second"])
        rows.judge(f"RTL speed, {name}", f"at least {target} kcycles/s",
                   f"{best / 1000:.0f} kcycles/s", best >= 1000 * target)


def timed(*words):
    """Wall seconds, exit code and output of a tactus command."""
    start = time.monotonic()
    code, text = command(BIN / "tactus", *words)
    return time.monotonic() - start, code, text


def whole_network(rows, bench):
    """The ResNet-18-shaped network: rtl alone, and checked against fast."""
    model = bench.synth("resnet18", "--image", "224")
    options = ("--preset", "edge_16", "--quiet")
    alone, code, text = timed("run", model, "--backend", "rtl", "--accumulators", "off", *options)
    if code != 0:
        rows.judge("ResNet-18 on rtl", "exit 0", last_line(text), False)
        return
    result = bench.folder / "check.json"
    checked, code, text = timed("check", model, "--backends", "fast,rtl", "--json", result, *options)
    data = json.loads(result.read_text(encoding="utf-8"))
    pair = data["pairs"][0] if "pairs" in data else {}
    equal = all(pair.get(key) for key in ("outputs_equal", "cycles_equal", "events_equal"))
    rows.judge("ResNet-18 at 224, rtl and fast", "equal, under 120 s",
               f"{'equal' if equal else last_line(text)}, {checked:.1f} s, "
               f"{data['totals']['cycles']} cycles", code == 0 and equal and checked < 120)
    rows.judge("checking to the RTL run alone", "at most 1.20 times",
               f"{checked / alone:.3f} ({checked:.1f} s to {alone:.1f} s)",
               checked <= 1.2 * alone)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    if not (BIN / "tactus").exists():
        print("there is no build/bin/tactus; tests/run.sh builds it", file=sys.stderr)
        return 2
    rows = Rows()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder)
        foreign(rows)
        rtl_speed(rows, bench)
        whole_network(rows, bench)
    print(f"\nco-verification: {rows.misses or 'no'} miss{'es' if rows.misses > 1 else ''}")
    return 1 if rows.misses else 0


if __name__ == "__main__":
    sys.exit(main())
