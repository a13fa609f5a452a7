#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what golden vectors and co-verification promised: a line per point with target and
measured value.

Needs a build with tests (tests/run.sh), the RTL of its presets included. Takes some minutes; speeds
depend on what else the machine does. Exit codes: 0 all pass, 1 a miss, 2 there is no build.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from point_rows import Rows
from precision_sparsity import BIN, IDEAL, MODELS, ROOT, Bench, command, last_line

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


def golden(rows, bench):
    """Golden sets: test benches, seeded faults, regression."""
    text = tests(rows, "golden benches, Icarus and Verilator", "both digits networks, all layers",
                 "tests/golden/bench_test.py", BIN / "tactus", "--all")
    foreign_lines = [line for line in text.splitlines() if "osa" in line or "foreign" in line]
    good = sum(line.startswith("ok") for line in foreign_lines)
    rows.judge("foreign block in the bench", "passes in both",
               f"{good} of {len(foreign_lines)} runs", good == len(foreign_lines) > 0)
    tests(rows, "seeded faults fail a golden set", "15 of 15", "tests/golden/faults_test.py",
          BIN / "tactus")
    committed = ROOT / "traces" / "sets" / "digits_w4a4_tiny_4"
    code, text = command(BIN / "tactus", "golden", "--verify", committed, "-q")
    rows.judge("committed golden set", "verifies", last_line(text), code == 0)
    flipped(rows, bench, committed)


def flipped(rows, bench, committed):
    """A flipped bit in any file of a set is named."""
    folder = bench.folder / "set"
    shutil.copytree(committed, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    named = 0
    for number, path in enumerate(files):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1 << number % 8
        whole = path.read_bytes()
        path.write_bytes(data)
        code, text = command(BIN / "tactus", "golden", "--verify", folder, "-q")
        named += code != 0 and path.name in text
        path.write_bytes(whole)
    rows.judge("a flipped bit in any file", "named", f"{named} of {len(files)} files",
               named == len(files) > 0)


def faults(rows):
    """Seeded faults located and classified by check."""
    if not (BIN / "tactus_faults").exists():
        rows.judge("seeded faults located", "layer and tile op", "no build/bin/tactus_faults",
                   False)
        return
    code, text = script("tests/contract/faults_test.py", BIN / "tactus_faults", MODELS)
    lines = [line for line in text.splitlines() if re.match(r" *\d+ (?!failures)", line)]
    for line in lines:
        rows.state("fault, class expected and found", " ".join(line.split()))
    placed = sum(line.rstrip().endswith(" ok") for line in lines)
    rows.judge("seeded faults located", "all at layer and tile op", f"{placed} of {len(lines)}",
               code == 0 and placed == len(lines) > 0)
    match = re.search(r"rtl: class right in (\d+) of (\d+)", text)
    right, count = map(int, match.groups()) if match else (0, 0)
    rows.judge("suspected class, RTL faults", "at least 80 %", f"{right} of {count}",
               count > 0 and right >= 0.8 * count)


def waves(rows, bench):
    """Waves that another tool opens, a timeline in the trace-event format."""
    model = MODELS / "digits_w4a4.h5"
    fst = bench.folder / "waves.fst"
    code, text = command(BIN / "tactus", "run", model, "--backend", "rtl", "--preset", "tiny_4",
                         "--limit", 1, "--trace", "fst", fst, "--trace-window", "1000:1200",
                         "--quiet")
    if code == 0 and shutil.which("fst2vcd"):
        done = subprocess.run(["fst2vcd", "-f", fst], capture_output=True, text=True, check=False)
        changes = sum(line.startswith("#") for line in done.stdout.splitlines())
        signals = done.stdout.count("$var ")
        rows.judge("waves read by fst2vcd", "signals and times",
                   f"{signals} signals, {changes} times",
                   done.returncode == 0 and signals > 100 and changes > 100)
    else:
        rows.judge("waves read by fst2vcd", "signals and times",
                   last_line(text) if code else "fst2vcd is not installed", False)
    tests(rows, "waves and coverage of the RTL", "FST, VCD, coverage; all saved signals",
          "tests/cli/waves_test.py", BIN / "tactus")
    tests(rows, "life of an element", "every layer op", "tests/cli/explain_test.py", BIN / "tactus")
    tests(rows, "timeline and memory traces", "trace-event format", "tests/cli/timeline_test.py",
          BIN / "tactus")
    timeline, picture = bench.folder / "timeline.json", bench.folder / "timeline.svg"
    code, text = command(BIN / "tactus", "run", model, "--backend", "fast", "--limit", 1,
                         "--timeline", timeline, "--quiet")
    if code == 0:
        code, text = command(ROOT / "traces/timeline/draw.py", timeline, picture)
    rows.judge("timeline as a picture", "drawn", f"{picture.stat().st_size} bytes of SVG"
               if code == 0 else last_line(text), code == 0 and picture.stat().st_size > 10000)


def foreign(rows):
    """Somebody else's RTL behind the C interface and as a drop-in."""
    tests(rows, "foreign accelerator, tactus_dut.h", "agrees; faults named",
          "tests/dut/dut_test.py", BIN / "tactus")
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
    checked, code, text = timed("check", model, "--backends", "fast,rtl", "--json", result,
                                *options)
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
    os.environ["TACTUS_ALL"] = "1"  # the long cases of the tests, too
    rows = Rows()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder)
        golden(rows, bench)
        faults(rows)
        foreign(rows)
        waves(rows, bench)
        rtl_speed(rows, bench)
        whole_network(rows, bench)
    print(f"\nco-verification: {rows.misses or 'no'} miss{'es' if rows.misses > 1 else ''}")
    return 1 if rows.misses else 0


if __name__ == "__main__":
    sys.exit(main())
