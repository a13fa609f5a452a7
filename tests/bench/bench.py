#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Host speed of the back ends: wall times and simulated cycles per second.

Each figure is the best of --repeat runs; the time is the back end's own (host.wall_seconds), without
reading and lowering the model.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGITS = ROOT / "traces" / "models" / "digits_w4a4.h5"
# The stem and one 3x3 layer of ResNet-18 at 224x224, padding included in the input size.
FIRST_STAGES = """Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
conv1, 230, 230, 7, 7, 3, 64, 2,
layer1_conv, 58, 58, 3, 3, 64, 64, 1,
"""


class Bench:
    def __init__(self, tactus, repeat, folder):
        self.tactus, self.repeat, self.folder = tactus, repeat, folder
        version = subprocess.run([tactus, "--version"], capture_output=True, text=True, check=True)
        line = next(x for x in version.stdout.splitlines() if x.startswith("back ends:"))
        self.backends = line.split(":")[1].split()
        self.figures = {}

    def show(self, key, value, text):
        self.figures[key] = value
        print(f"{key:34} {text}", flush=True)

    def best(self, backend, model, *options, repeat=None):
        """Result JSON of the fastest of several runs."""
        best = None
        path = self.folder / "result.json"
        for _ in range(repeat or self.repeat):
            subprocess.run([self.tactus, "run", model, "--backend", backend, "--quiet", "--json",
                            path, *options], check=True, stdout=subprocess.DEVNULL)
            data = json.loads(path.read_text(encoding="utf-8"))
            if best is None or data["host"]["wall_seconds"] < best["host"]["wall_seconds"]:
                best = data
        return best

    def timed(self, key, backend, model, *options, repeat=None):
        """Shows wall time and rate; returns cycles per second."""
        if backend not in self.backends:
            print(f"{key:34} not measured: this build has no {backend} back end")
            return None
        data = self.best(backend, model, *options, repeat=repeat)
        seconds, totals = data["host"]["wall_seconds"], data["totals"]
        rate = totals["cycles"] / seconds
        self.show(key, {"seconds": seconds, "cycles": totals["cycles"], "macs": totals["macs"],
                        "cycles_per_second": rate},
                  f"{seconds * 1e3:10.1f} ms {totals['cycles']:10} cycles {rate / 1e3:10.0f} "
                  f"kcycles/s {totals['macs'] / seconds / 1e9:8.2f} GMAC/s")
        return rate


def synth(bench, name, *args):
    path = bench.folder / name
    subprocess.run([bench.tactus, "synth", *args, "-o", path, "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    return path


def onednn(bench):
    """oneDNN's single-thread int8 time for ResNet-18's layers, from the program beside tactus (built
    with the tests where libdnnl-dev is installed)."""
    binary = pathlib.Path(bench.tactus).parent / "tactus_bench_onednn"
    if not binary.exists():
        print(f"{'oneDNN, resnet18 layers':34} not measured: {binary} is not built")
        return
    done = subprocess.run([binary], capture_output=True, text=True, check=True,
                          env={"OMP_NUM_THREADS": "1", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"})
    result = json.loads(done.stdout)
    seconds, vnni = result["seconds"], "with" if result["vnni"] else "without"
    bench.show("oneDNN, resnet18 layers", result, f"{seconds * 1e3:10.1f} ms, {vnni} VNNI")
    fast = bench.figures.get("fast, resnet18 at 224")
    if fast:
        ratio = fast["seconds"] / seconds
        bench.show("fast to oneDNN", {"ratio": ratio}, f"{ratio:10.1f} x")


def rtl_builds(bench):
    """Simulated cycles per second of the two 16x16 builds on a convolution that fills the array."""
    conv = synth(bench, "conv.h5", "--conv", "64,28,28,64,3,1")
    for preset in ("edge_16", "flex_16"):
        key = f"rtl, 3x3 convolution, {preset}"
        words = ["--preset", preset, "--map.dataflow=ws", "--mem.ideal=true", "--accumulators",
                 "off"]
        probe = subprocess.run([bench.tactus, "run", conv, "--backend", "rtl", "--quiet", *words],
                               capture_output=True, check=False)
        if probe.returncode == 2:  # no build, and one takes minutes
            print(f"{key:34} not measured: make a build with tactus rtl-build --preset {preset}")
            continue
        bench.timed(key, "rtl", conv, *words)


def checking(bench, resnet, array):
    """What comparing with fast adds to an RTL run of a whole network, in seconds of the command."""
    def seconds(*words):
        start = time.monotonic()
        subprocess.run([bench.tactus, *words, resnet, *array, "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        return time.monotonic() - start
    alone = seconds("run", "--backend", "rtl", "--accumulators", "off")
    checked = seconds("check", "--backends", "fast,rtl")
    bench.show("check fast,rtl, resnet18 at 224",
               {"seconds": checked, "alone": alone, "ratio": checked / alone},
               f"{checked:10.1f} s, rtl alone {alone:.1f} s, {checked / alone:.3f} times")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tactus", default=str(ROOT / "build" / "bin" / "tactus"), help="the tool")
    parser.add_argument("--repeat", type=int, default=3, help="runs per figure (default 3)")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to a file")
    parser.add_argument("--whole-rtl", action="store_true",
                        help="the whole of resnet18 on rtl, too (minutes)")
    args = parser.parse_args()
    if shutil.which(args.tactus) is None:
        sys.exit(f"{args.tactus} is not built; sim/quickstart.sh builds it")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args.tactus, args.repeat, pathlib.Path(folder))
        array = ["--preset", "edge_16"]
        bench.timed("fast, digits (4 images)", "fast", DIGITS, *array)
        resnet = synth(bench, "resnet18.h5", "resnet18", "--image", "224")
        bench.timed("fast, resnet18 at 224", "fast", resnet, *array)
        onednn(bench)
        bench.timed("systemc, resnet18 at 224", "systemc", resnet, *array, repeat=1)
        csv = bench.folder / "first_stages.csv"
        csv.write_text(FIRST_STAGES, encoding="utf-8")
        stages = synth(bench, "first_stages.h5", "--topology", csv)
        systemc = bench.timed("systemc, first stages", "systemc", stages, *array)
        if "rtl" in bench.backends:
            subprocess.run([args.tactus, "rtl-build", *array, "--quiet"], check=True,
                           stdout=subprocess.DEVNULL)
        rtl = bench.timed("rtl, first stages", "rtl", stages, *array, repeat=1)
        if systemc and rtl:
            bench.show("systemc to rtl", {"ratio": systemc / rtl}, f"{systemc / rtl:10.1f} x")
        if "rtl" in bench.backends:
            rtl_builds(bench)
            if args.whole_rtl:
                checking(bench, resnet, array)
        if args.json:
            args.json.write_text(json.dumps(bench.figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
