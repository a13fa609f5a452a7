#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what precision and sparsity promised: a line per point with target and measured value.

Needs a build with tests (tests/run.sh), the RTL of its presets included. Takes some minutes; RTL
speed depends on what else the machine does. Points that need ../shared say so when it is absent and
are not judged. Exit codes: 0 all pass, 1 a miss, 2 there is no build.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from point_rows import Rows

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / "bin"
MODELS = ROOT / "traces" / "models"
DIGITS = ("digits_w8a8", "digits_w4a4", "digits_w2a2", "digits_w8a8_nm24", "digits_mixed")
IDEAL = ("--mem.ideal=true", "--accumulators", "off", "--quiet")


def command(*words):
    """Exit code and output of a program."""
    done = subprocess.run([str(w) for w in words], cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:100] if lines else "no output"


class Bench:
    """Models and results in a temporary folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def synth(self, *words):
        model = self.folder / "model.h5"
        code, text = command(BIN / "tactus", "synth", *words, "-o", model, "--quiet")
        if code != 0:
            raise SystemExit(f"synth {words}: {last_line(text)}")
        return model

    def run(self, model, backend, *words):
        result = self.folder / "result.json"
        code, text = command(BIN / "tactus", "run", model, "--backend", backend, *words,
                             "--json", result)
        if code != 0:
            raise SystemExit(f"run {words}: {last_line(text)}")
        return json.loads(result.read_text(encoding="utf-8"))

    def conv(self, geometry, act, weight, sparsity, *words):
        """Total cycles, compute cycles and weight bytes (with indices) of one convolution."""
        model = self.synth("--conv", geometry, "--act-bits", act, "--weight-bits", weight,
                           "--sparsity", sparsity)
        data = self.run(model, "fast", "--preset", "flex_16", *IDEAL, *words)
        layer = data["layers"][0]
        beats = layer["events"]["weight_wr"] + layer["events"]["index_wr"]
        return data["totals"]["cycles"], layer["compute_cycles"], beats * 8


def agreement(rows, args):
    """Random tile-op programs and random layers on all back ends."""
    programs = [("flex_4", 600), ("flex_8", 500), ("flex_16", 500), ("flex_4_w16", 500)]
    for backends, presets, least in (("fast,systemc", programs, 2000),
                                     ("fast,systemc,rtl", [(p, 120) for p in ("flex_4", "flex_8", "flex_4_w16")], 300)):
        bad, count = [], 0
        for preset, number in presets:
            code, text = command(BIN / "tactus_oplevel", "--count", number, "--seed", args.seed,
                                 "--preset", preset, "--backends", backends)
            count += number
            if code != 0:
                bad.append(f"{preset}: {last_line(text)}")
        rows.judge(f"op-level programs, {backends}", f"{least}, 0 differences",
                   bad[0] if bad else f"{count} programs, 0 differences",
                   not bad and count >= least)
    for backends, presets, number in (("ref,fast,systemc", "flex_4,flex_8,flex_16,flex_4_w16", 2000),
                                      ("ref,fast,systemc,rtl", "flex_4,flex_8,flex_4_w16", 300)):
        code, text = command(BIN / "tactus_property", "--count", number, "--seed", args.seed,
                             "--presets", presets, "--backends", backends)
        rows.judge(f"random layers, {backends}", f"{number}, 0 differences", last_line(text),
                   code == 0)


def ratios(rows, bench):
    """64 to 64 channels, 3x3, 56x56 on 16x16, relative to W8A8 dense."""
    geometry = "64,56,56,64,3,1"
    base, base_compute, base_bytes = bench.conv(geometry, 8, 8, "dense")
    for name, act, weight, sparsity, target in (
            ("W4A4", 4, 4, "dense", 0.52), ("W2A2", 2, 2, "dense", 0.28),
            ("W4A8", 8, 4, "dense", 1.00), ("W8A8 2:4", 8, 8, "2:4", 0.52),
            ("W8A8 1:4", 8, 8, "1:4", 0.28), ("W4A4 2:4", 4, 4, "2:4", 0.28),
            ("W1A1", 1, 1, "dense", 0.15), ("W2A2 2:4", 2, 2, "2:4", 0.15)):
        total, compute, size = bench.conv(geometry, act, weight, sparsity)
        ratio = total / base
        # A ratio of 1.00 is given with two decimals.
        rows.judge(f"conv cycles {name} to W8A8", f"at most {target:.2f}",
                   f"{ratio:.3f} (compute {compute / base_compute:.3f})", round(ratio, 2) <= target)
        if name == "W4A8":
            rows.judge("weight bytes W4A8 to W8A8", "0.50", f"{size / base_bytes:.3f}",
                       size * 2 == base_bytes)
    for bits in (8, 4, 2):
        dense = bench.conv(geometry, bits, bits, "dense")[2]
        sparse = bench.conv(geometry, bits, bits, "2:4")[2]
        want = 0.5 * (1 + 2 / bits)
        rows.judge(f"weight bytes 2:4, w = {bits}", f"0.5 (1 + 2/w) = {want:.3f} of dense",
                   f"{sparse / dense:.3f}", abs(sparse / dense - want) < 0.002)


def mappings(rows, bench):
    """Depthwise and first layers against one channel per row and per column."""
    words = ("--map.objective=compute",)
    compute = bench.conv("3,224,224,64,7,2", 8, 8, "dense", *words)[1]
    # 49 kernel positions, 4 column tiles, 112 x 112 pixels.
    rows.judge("first layer 7x7, 3 to 64", "at least 4.5 times", f"{49 * 4 * 112 * 112 / compute:.2f}",
               49 * 4 * 112 * 112 / compute >= 4.5)
    for stride, target in ((1, 4), (2, 2)):
        out = 56 // stride
        compute = bench.conv(f"128,56,56,128,3,{stride},128", 8, 8, "dense", *words)[1]
        gain = 9 * 8 * out * out / compute
        rows.judge(f"depthwise 3x3, stride {stride}", f"at least {target} times", f"{gain:.2f}",
                   gain >= target)
    small = ("resnet18", "--image", 64)
    run = ("fast", "--preset", "flex_16", "--inputs", "random:1", *IDEAL, *words)
    dense, pruned = (sum(layer["compute_cycles"] for layer in bench.run(
        bench.synth(*small, "--sparsity", sparsity), *run)["layers"])
        for sparsity in ("dense", "filter:0.5"))
    rows.judge("resnet18 at 64, half of the filters 0", "at most 0.55 of the cycles",
               f"{pruned / dense:.3f}", pruned / dense <= 0.55)
    cycles = [bench.conv("32,28,28,64,3,1", 8, 8, "dense", f"--map.dataflow={dataflow}")[1]
              for dataflow in ("ws", "os")]
    rows.state("conv compute cycles, ws and os", f"{cycles[0]} and {cycles[1]}")


def networks(rows, folder, args):
    """Utilisation of real shapes and SCALE-Sim's rows."""
    if not args.data.is_dir():
        rows.show("-", "ResNet-18 and SCALE-Sim's rows", "", f"no folder {args.data}")
        return
    figures = pathlib.Path(folder) / "utilisation.json"
    code, text = command(ROOT / "tests/accept/utilisation.py", "--data", args.data, "--json",
                         figures, "--quiet")
    if code != 0:
        rows.judge("utilisation.py", "exit 0", last_line(text), False)
        return
    for line in text.splitlines():
        if line.strip():
            rows.state("utilisation", " ".join(line.split()))
    for found in json.loads(figures.read_text(encoding="utf-8")):
        if "target" not in found:
            continue
        unpadded = found["network"].endswith("unpadded")
        what = "SCALE-Sim's layers" if unpadded else "same-padded"
        size = f"{found['array']}x{found['array']}"
        rows.judge(f"ResNet-18 {what}, {size}", f"at most {found['target']:.2f} of serial",
                   f"{found['relative_to_serial']:.3f}",
                   found["relative_to_serial"] <= found["target"])
        if not unpadded:
            rows.state(f"same-padded to unpadded serial, {size}",
                       f"{found['relative_to_unpadded']:.3f} (the least that the dense MACs need: "
                       f"{found['least_cycles'] / found['compute_cycles'] * found['relative_to_unpadded']:.3f})")
    for dataflow in ("ws", "os", "is"):
        code, text = command(ROOT / "tests/accept/scalesim_rows.py", "--data", args.data,
                             "--dataflows", dataflow, "--quiet")
        rows.judge(f"SCALE-Sim rows, {dataflow}", "all equal folds * (P + k)", last_line(text),
                   code == 0)


def rtl_speed(rows, bench):
    """Simulated cycles per second of the 16x16 builds on a convolution."""
    geometry = "64,28,28,64,3,1"
    for name, preset, act, weight, sparsity, target in (
            ("dense build W8A8", "edge_16", 8, 8, "dense", None),
            ("flex_16 W8A8", "flex_16", 8, 8, "dense", 120),
            ("flex_16 W4A4", "flex_16", 4, 4, "dense", 80),
            ("flex_16 W2A2", "flex_16", 2, 2, "dense", 45),
            ("flex_16 W8A8 2:4", "flex_16", 8, 8, "2:4", None)):
        model = bench.synth("--conv", geometry, "--act-bits", act, "--weight-bits", weight,
                            "--sparsity", sparsity)
        best = 0
        for _ in range(3):
            data = bench.run(model, "rtl", "--preset", preset, "--map.dataflow=ws", *IDEAL)
            best = max(best, data["host"]["cycles_per_second"])
        text = f"{best / 1000:.0f} kcycles/s"
        if target is None:
            rows.state(f"RTL speed, {name}", text)
        else:
            rows.judge(f"RTL speed, {name}", f"at least {target} kcycles/s", text,
                       best >= 1000 * target)


def digits(rows):
    """Trained networks as a whole, against the exporter's golden tensors."""
    accuracy = json.loads((MODELS / "digits_accuracy.json").read_text(encoding="utf-8"))
    for name in DIGITS:
        model = MODELS / f"{name}.h5"
        start = time.monotonic()
        code, text = command(BIN / "tactus", "check", model, "--preset", "flex_4", "--backends",
                             "ref,fast,systemc,rtl", "--quiet")
        golden = re.search(r"^golden +(.*)$", text, re.M)
        rows.judge(f"{name} on flex_4", "ref,fast,systemc,rtl, golden",
                   f"{golden.group(1) if golden else last_line(text)}, "
                   f"{time.monotonic() - start:.1f} s", code == 0 and golden is not None)
        code, text = command(BIN / "tactus", "run", model, "--backend", "fast", "--inputs",
                             "dataset", "--preset", "flex_16", "--accumulators", "off", "--quiet")
        got = re.search(r"^accuracy +(\d+) of (\d+)", text, re.M)
        want = accuracy[name]
        rows.judge(f"{name} accuracy", f"{want['correct']} of {want['count']}",
                   got.group(0).split(None, 1)[1] if got else last_line(text),
                   got is not None and int(got.group(1)) == want["correct"])


def accumulators(rows, bench):
    """The smallest safe accumulator by data holds, and one bit less does not."""
    model = MODELS / "digits_w8a8.h5"
    data = bench.run(model, "fast", "--preset", "flex_16", "--accumulators", "on", "--quiet")
    bits = max(layer["accumulator"]["data_bits"] for layer in data["layers"] if layer["accumulator"])
    overflows = []
    for width in (bits, bits - 1):
        # With one bit less values differ from golden, which run reports with exit code 1.
        result = bench.folder / "narrow.json"
        command(BIN / "tactus", "run", model, "--backend", "fast", "--preset", "flex_16",
                f"--hw.acc_bits={width}", "--accumulators", "off", "--quiet", "--json", result)
        narrow = json.loads(result.read_text(encoding="utf-8"))
        overflows.append(sum(layer["events"]["acc_overflow"] for layer in narrow["layers"]))
    rows.judge(f"acc_bits {bits} and {bits - 1}, digits_w8a8", "none and some overflow",
               f"{overflows[0]} and {overflows[1]}", overflows[0] == 0 and overflows[1] > 0)


def gating(rows, bench):
    """Zero gating counts events and changes nothing else."""
    runs = [bench.run(MODELS / "digits_w4a4.h5", "systemc", "--preset", "flex_8",
                      f"--hw.zero_gating={flag}", "--accumulators", "off", "--quiet")
            for flag in ("false", "true")]
    cycles = [run["totals"]["cycles"] for run in runs]
    gated = [sum(layer["events"]["mac_gated"] for layer in run["layers"]) for run in runs]
    rows.judge("zero gating", "equal cycles, events only with it",
               f"cycles {cycles[0]}, {cycles[1]}; gated {gated[0]}, {gated[1]}",
               cycles[0] == cycles[1] and gated[0] == 0 and gated[1] > 0)


def cells(rows):
    """Cells of one PE for each option."""
    code, text = command(ROOT / "rtl/synth/pe_cells.sh")
    for line in text.splitlines():
        if line.strip():
            rows.state("Yosys, one PE", line.strip())
    rows.judge("Yosys cell counts of the PE", "one row an option", f"exit {code}", code == 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data/scalesim",
                        help="SCALE-Sim's reports")
    parser.add_argument("--seed", default="1", help="of the random programs and layers")
    args = parser.parse_args()
    if not (BIN / "tactus").exists():
        print("there is no build/bin/tactus; tests/run.sh builds it", file=sys.stderr)
        return 2
    rows = Rows()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder)
        agreement(rows, args)
        ratios(rows, bench)
        mappings(rows, bench)
        networks(rows, folder, args)
        rtl_speed(rows, bench)
        digits(rows)
        accumulators(rows, bench)
        gating(rows, bench)
        cells(rows)
    print(f"\nprecision and sparsity: {rows.misses or 'no'} miss{'es' if rows.misses > 1 else ''}")
    return 1 if rows.misses else 0


if __name__ == "__main__":
    sys.exit(main())
