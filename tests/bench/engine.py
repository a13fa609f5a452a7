#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Speed of the fast engine: exact design points per second, growth, values against oneDNN.

Points are timed on one core by the program tactus_bench_points beside tactus (built with the tests):
a grid of architecture keys in random order, every figure of every point, the model loaded
beforehand. Rates are the best of --repeat runs. The ratio to oneDNN is taken in the same run.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# 10 x 5 x 2 x 2 x 2 x 5 x 5 points.
MIXED_GRID = ["mem.latency_cycles=10,20,30,40,60,80,100,150,200,300", "mem.cycles_per_beat=1,2,3,4,8",
              "buf.ifmap_kib=192,256", "buf.weight_kib=64,128", "map.dataflow=auto,ws",
              "hw.acc_bits=24,26,28,30,32", "hw.clock_mhz=200,400,600,800,1000"]
# Hardly two of its 1,000 points share a program: 5 x 2 x 4 x 5 x 5.
HARD_GRID = ["mem.latency_cycles=10,40,80,150,300", "mem.cycles_per_beat=1,4",
             "buf.ifmap_kib=96,128,192,256", "buf.weight_kib=48,64,96,128,256",
             "buf.psum_kib=32,40,48,64,128"]
# 10 x 5 x 4 x 5 x 5 x 2 points.
BUFFER_GRID = [*MIXED_GRID[:2], "buf.ifmap_kib=96,128,192,256", "buf.weight_kib=48,64,96,128,256",
               "buf.psum_kib=32,40,48,64,128", "hw.clock_mhz=400,800"]
# What one more value of an axis costs: each alone, from a preset with all options.
AXES = {"hw.clock_mhz": range(100, 500), "hw.acc_overflow": ["wrap", "saturate"],
        "mem.burst_beats": [1, 2, 4, 8, 16, 32, 64, 128],
        "mem.latency_cycles": range(10, 410), "mem.cycles_per_beat": range(1, 101),
        "hw.queue_depth": [2, 4, 8, 16], "hw.acc_bits": range(24, 49),
        "buf.ifmap_kib": range(96, 160), "buf.weight_kib": range(48, 112),
        "buf.psum_kib": range(32, 96), "buf.ofmap_kib": range(96, 160),
        "map.dataflow": ["auto", "ws", "os"],
        "hw.array_cols": [16, 32, 64], "hw.segment_ops": [32, 64, 128, 256]}
NETWORKS = [["resnet18"], ["resnet50"], ["mobilenet_v1"], ["mobilenet_v2"], ["vgg16"], ["vit_base"],
            ["bert_base"]]


class Bench:
    def __init__(self, args, folder):
        self.tactus, self.repeat, self.folder = args.tactus, args.repeat, folder
        self.points_tool = pathlib.Path(args.tactus).parent / "tactus_bench_points"
        self.figures = {}

    def show(self, key, value, text):
        self.figures[key] = value
        print(f"{key:34} {text}", flush=True)

    def model(self, name, *options):
        """A synthetic network, or None where this tactus cannot make it."""
        path = self.folder / ("_".join([name, *options]).replace("-", "") + ".h5")
        if not path.exists():
            done = subprocess.run([self.tactus, "synth", name, *options, "-o", path, "--quiet"],
                                  capture_output=True, text=True)
            if done.returncode == 2:
                return None
            done.check_returncode()
        return path

    def chain(self, count):
        """A network of `count` convolutions of six shapes in turns."""
        shapes = ["58,58,3,3,64,64,1", "30,30,3,3,128,128,1", "28,28,1,1,128,256,1",
                  "16,16,3,3,256,256,1", "14,14,1,1,256,512,1", "9,9,3,3,512,128,1"]
        path = self.folder / f"layers_{count}.h5"
        rows = self.folder / f"layers_{count}.csv"
        rows.write_text("Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, "
                        "Channels, Num Filter, Strides,\n" +
                        "".join(f"c{i},{shapes[i % len(shapes)]},\n" for i in range(count)),
                        encoding="utf-8")
        subprocess.run([self.tactus, "synth", "--topology", rows, "-o", path, "--quiet"],
                       check=True, stdout=subprocess.DEVNULL)
        return path

    def grid(self, model, preset, axes, values="no-values", repeat=None):
        """Result of the fastest of several runs over a grid."""
        best = None
        for _ in range(repeat or self.repeat):
            done = subprocess.run([self.points_tool, model, preset, values, *axes], check=True,
                                  capture_output=True, text=True)
            result = json.loads(done.stdout)
            if best is None or result["seconds"] < best["seconds"]:
                best = result
        best["rate"] = best["points"] / best["seconds"]
        return best

    def show_grid(self, key, result):
        self.show(key, result,
                  f"{result['rate']:10.0f} points/s {result['points']:7} points "
                  f"{result['invalid']:5} invalid {result['lowerings']:6} lowerings "
                  f"{result['schedules']:6} schedules")


def rates(bench, model):
    bench.show_grid("resnet18, mixed grid", bench.grid(model, "flex_16", MIXED_GRID))
    bench.show_grid("resnet18, buffer grid", bench.grid(model, "edge_16", BUFFER_GRID, repeat=1))
    bench.show_grid("resnet18, hard grid", bench.grid(model, "edge_16", HARD_GRID, repeat=1))
    # Every cut of K that is new takes a run with values.
    bench.show_grid("resnet18, value events",
                    bench.grid(model, "edge_16", MIXED_GRID[:2], "values", repeat=1))


def axes(bench, model):
    """Cost of a further value of each axis: the run with all values less one with the first."""
    base = bench.grid(model, "flex_16", [])["seconds"]
    for key, values in AXES.items():
        values = [str(v) for v in values]
        result = bench.grid(model, "flex_16", [f"{key}={','.join(values)}"])
        cost = max(0.0, result["seconds"] - base) / (len(values) - 1)
        result["seconds_per_value"] = cost
        bench.show(f"one more {key}", result,
                   f"{cost * 1e6:10.1f} us, {result['lowerings']} lowerings and "
                   f"{result['schedules']} schedules for {len(values)} values")


def growth(bench, model):
    grid = [MIXED_GRID[0], MIXED_GRID[1]]
    often = max(bench.repeat, 9)  # runs of a few milliseconds
    for size in (4, 8, 16, 32, 64, 128):
        # Buffers grow with the array from 16x16 on.
        keys = [f"hw.array_rows={size}", f"hw.array_cols={size}", f"hw.post_lanes={size}",
                f"buf.ifmap_kib={max(128, 8 * size)}", f"buf.ofmap_kib={max(128, 8 * size)}",
                f"buf.weight_kib={max(64, 4 * size)}", f"buf.psum_kib={max(64, 4 * size)}",
                f"buf.param_kib={max(8, size // 4)}", "mem.data_bits=32"]
        result = bench.grid(model, "edge_16", keys + grid, repeat=often)
        bench.show(f"array {size}x{size}", result,
                   f"{1e6 / result['rate']:10.1f} us/point {result['most_ops']:8} tile ops")
    for count in (6, 12, 24, 48, 96):
        result = bench.grid(bench.chain(count), "edge_16", grid, repeat=often)
        bench.show(f"layers {count}", result,
                   f"{1e6 / result['rate']:10.1f} us/point {result['most_ops']:8} tile ops")
    for image in (64, 128, 224, 448):
        path = bench.model("resnet18", "--image", str(image))
        result = bench.grid(path, "edge_16", grid, repeat=often)
        bench.show(f"resnet18 at {image}", result,
                   f"{1e6 / result['rate']:10.1f} us/point {result['most_ops']:8} tile ops")
    base = None  # ResNet-18, measured again in turns with every other network
    for name in NETWORKS:
        path = bench.model(*name)
        if path is None:
            print(f"{name[0]:34} not measured: this tactus cannot synthesise it")
            continue
        result, beside = None, None
        for _ in range(often):
            turn = bench.grid(path, "edge_16", grid, repeat=1)
            result = min(result or turn, turn, key=lambda r: r["seconds"])
            if base is not None:
                turn = bench.grid(base, "edge_16", grid, repeat=1)
                beside = min(beside or turn, turn, key=lambda r: r["seconds"])
        if beside is not None:
            result["base_rate"] = beside["rate"]
        base = base or path
        layers = json.loads(subprocess.run(
            [bench.tactus, "inspect", path, "--preset", "edge_16", "--quiet", "--json", "-"],
            check=True, capture_output=True, text=True).stdout)["layers"]
        result["layers"] = len(layers)
        # What every further point costs: the first one takes the passes over all weights. The more
        # layers, the more of the grid's memories change the cuts of one of them.
        first = bench.grid(path, "edge_16", [], repeat=often)["seconds"]
        result["seconds_further"] = (result["seconds"] - first) / (result["points"] - 1)
        bench.show(name[0], result,
                   f"{1e6 / result['rate']:10.1f} us/point {result['most_ops']:8} tile ops "
                   f"{len(layers):5} layers {result['lowerings']:4} programs "
                   f"{1e6 * result['seconds_further']:10.1f} us/further point")


def values(bench, model, threads):
    """A full run with values against oneDNN's time for the same layers, in turns."""
    onednn = pathlib.Path(bench.tactus).parent / "tactus_bench_onednn"
    path = bench.folder / "run.json"
    best, limit = None, None
    for _ in range(max(8, bench.repeat)):  # each lasts long enough to be disturbed
        subprocess.run([bench.tactus, "run", model, "--preset", "edge_16", "--backend", "fast",
                        "--quiet", "--threads", str(threads), "--json", path], check=True,
                       stdout=subprocess.DEVNULL)
        seconds = json.loads(path.read_text(encoding="utf-8"))["host"]["wall_seconds"]
        best = seconds if best is None else min(best, seconds)
        if onednn.exists():
            done = subprocess.run([onednn], capture_output=True, text=True, check=True,
                                  env={"OMP_NUM_THREADS": "1",
                                       "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"})
            result = json.loads(done.stdout)
            if limit is None or result["seconds"] < limit["seconds"]:
                limit = result
    bench.show(f"resnet18 with values, {threads} thread(s)", {"seconds": best},
               f"{best * 1e3:10.1f} ms")
    if limit is None:
        print(f"{'ratio to oneDNN':34} not measured: {onednn} is not built")
        return
    with_vnni = "with" if limit["vnni"] else "without"
    bench.show("oneDNN, the same layers", limit, f"{limit['seconds'] * 1e3:10.1f} ms, "
               f"{with_vnni} VNNI")
    bench.show("ratio to oneDNN", {"ratio": best / limit["seconds"]},
               f"{best / limit['seconds']:10.2f} x")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tactus", default=str(ROOT / "build" / "bin" / "tactus"), help="the tool")
    parser.add_argument("--repeat", type=int, default=3, help="runs per figure (default 3, growth 9)")
    parser.add_argument("--only", choices=["rates", "axes", "growth", "values"],
                        help="one part of the figures")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to a file")
    args = parser.parse_args()
    if not os.access(args.tactus, os.X_OK):
        sys.exit(f"{args.tactus} is not built; sim/quickstart.sh builds it")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, pathlib.Path(folder))
        if not bench.points_tool.exists():
            sys.exit(f"{bench.points_tool} is not built; it comes with the tests")
        model = bench.model("resnet18", "--image", "224")
        if args.only in (None, "rates"):
            rates(bench, model)
        if args.only in (None, "axes"):
            axes(bench, model)
        if args.only in (None, "growth"):
            growth(bench, model)
        if args.only in (None, "values"):
            values(bench, model, 1)
        if args.json:
            args.json.write_text(json.dumps(bench.figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
