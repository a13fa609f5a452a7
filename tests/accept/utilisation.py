#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Array utilisation and compute cycles per layer of ResNet-18 and MobileNetV1 at 224x224.

Fast back end, ideal memory, objective=compute, 16x16 (flex_16) and the same with 32x32. ResNet-18's
compute cycles are also given relative to SCALE-Sim's serial weight-stationary count of the same
layers: its own total for its topology (Resnet18.csv, without padding), and its formula, which
reproduces all rows of that report (data/scalesim/README.md), for the layers with same padding.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

FLEX_32 = ("hw.array_rows=32", "hw.array_cols=32", "hw.post_lanes=32", "buf.ifmap_kib=256",
           "buf.weight_kib=128", "buf.index_kib=32", "buf.psum_kib=128", "buf.ofmap_kib=256")
ARRAYS = {16: (), 32: FLEX_32}
# Sum of SCALE-Sim's weight-stationary "Total Cycles" of Resnet18.csv (folds strictly serial).
SERIAL = {16: 7885563, 32: 2519815}
# The network with same padding as (output pixels, window, filters) and how often it occurs.
SAME_PADDED = (((12544, 147, 64), 1), ((3136, 576, 64), 4), ((784, 576, 128), 1),
               ((784, 1152, 128), 3), ((784, 64, 128), 1), ((196, 1152, 256), 1),
               ((196, 2304, 256), 3), ((196, 128, 256), 1), ((49, 2304, 512), 1),
               ((49, 4608, 512), 3), ((49, 256, 512), 1), ((1, 512, 1000), 1))
TARGET = {16: 0.80, 32: 0.66}
NETWORKS = {
    "resnet18": ("resnet18",),
    "resnet18_unpadded": ("--topology", "Resnet18.csv"),
    "mobilenet_v1": ("mobilenet_v1",),
}


def run(args, *command):
    subprocess.run([args.tactus, *map(str, command), "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)


def measure(args, folder, name, size):
    """Result JSON of one network on one array."""
    model, result = folder / f"{name}.h5", folder / "result.json"
    if not model.exists():
        what = [args.data / "topologies" / word if word.endswith(".csv") else word
                for word in NETWORKS[name]]
        run(args, "synth", *what, *args.synth.split(), "-o", model)
    keys = [f"--{key}" for key in ARRAYS[size] + tuple(args.key)]
    run(args, "run", model, "--backend", "fast", "--inputs", "random:1", "--preset", args.preset,
        "--mem.ideal=true", "--map.objective=compute", "--accumulators", "off", *keys,
        "--json", result)
    return json.loads(result.read_text(encoding="utf-8"))


def serial_cycles(name, size):
    """SCALE-Sim's weight-stationary cycles of the same layers, folds strictly serial."""
    if name.endswith("unpadded"):
        return SERIAL[size]
    return sum(count * (math.ceil(window / size) * math.ceil(filters / size) *
                        (3 * size + pixels - 2) - 1)
               for (pixels, window, filters), count in SAME_PADDED)


def summary(name, size, data):
    """Figures of one run; utilisation is executed MACs of the dense network per PE and cycle."""
    elements = size * size
    layers = []
    for layer in data["layers"]:
        if layer["macs"] == 0:
            continue
        compute = layer["compute_cycles"]
        layers.append({"id": layer["id"], "macs": layer["macs"], "cycles": layer["cycles"],
                       "compute_cycles": compute,
                       "compute_utilization": layer["macs_executed"] / (compute * elements),
                       "utilization": layer["utilization"]})
    compute = sum(layer["compute_cycles"] for layer in layers)
    macs = sum(layer["macs"] for layer in layers)
    out = {"network": name, "array": size, "macs": macs, "cycles": data["totals"]["cycles"],
           "compute_cycles": compute, "least_cycles": -(-macs // elements),
           "compute_utilization": data["totals"]["macs_executed"] / (compute * elements),
           "layers": layers}
    if name.startswith("resnet18"):
        out["serial"] = serial_cycles(name, size)
        out["relative_to_serial"] = compute / out["serial"]
        out["relative_to_unpadded"] = compute / SERIAL[size]
        out["target"] = TARGET[size]
    return out


def show(figures, quiet):
    size = figures["array"]
    if not quiet:
        print(f"\n{figures['network']} on {size}x{size}\n{'layer':28}{'MACs':>12}{'cycles':>10}"
              f"{'compute':>10}{'util of compute':>17}{'of cycles':>11}")
        for layer in figures["layers"]:
            print(f"{layer['id']:28}{layer['macs']:12}{layer['cycles']:10}"
                  f"{layer['compute_cycles']:10}{100 * layer['compute_utilization']:15.1f} %"
                  f"{100 * layer['utilization']:9.1f} %")
    text = (f"{figures['network']:18} {size}x{size}: {figures['compute_cycles']:9} compute cycles, "
            f"utilisation {100 * figures['compute_utilization']:5.1f} %, "
            f"{figures['macs']} MACs need {figures['least_cycles']}")
    if "target" in figures:
        text += (f"; {figures['relative_to_serial']:.3f} of SCALE-Sim's {figures['serial']}"
                 f" (target {figures['target']:.2f})")
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tactus", default="build/bin/tactus", help="the tool")
    parser.add_argument("--data", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" /
                        "scalesim", help="folder with topologies/Resnet18.csv")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="comma-separated")
    parser.add_argument("--arrays", default="16,32", help="of 16 and 32")
    parser.add_argument("--preset", default="flex_16", help="what both arrays start from")
    parser.add_argument("--key", action="append", default=[], metavar="SECTION.KEY=VALUE",
                        help="architecture key on top, repeatable")
    parser.add_argument("--synth", default="",
                        help='options of tactus synth, as in --synth "--sparsity 2:4"')
    parser.add_argument("--json", help="write the figures to a file")
    parser.add_argument("--quiet", action="store_true", help="one line a network and array")
    args = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.networks.split(","):
            if name == "resnet18_unpadded" and not (args.data / "topologies").is_dir():
                print(f"no SCALE-Sim topology at {args.data}: {name} not measured")
                continue
            for size in map(int, args.arrays.split(",")):
                results.append(summary(name, size,
                                       measure(args, pathlib.Path(scratch), name, size)))
                show(results[-1], args.quiet)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
