#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The generated benches run under Icarus and Verilator around our blocks and a foreign one.

usage: bench_test.py TACTUS [--all] [--preset NAME]

Without --all a few layers of one network are played (seconds); with it all layers of both digits
networks, and every simulator plays every block. Two small networks have every layer op; one that
really saturates its accumulators is played, too. A seeded fault of the array, the psum buffer or the
post-processor makes the bench fail (rtl/faults.md); the other faults lie in blocks that have no
stream port and are seen by `golden --verify --backend rtl` (faults_test.py).
"""
import argparse
import pathlib
import shutil
import sys
import tempfile

import vectors

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import op_zoo  # noqa: E402

# Fault number -> the block that has it.
STREAM_FAULTS = {1: "post", 3: "array", 7: "array", 10: "post", 11: "array"}
ELEM_FAULTS = {1: "elem", 10: "elem"}
SOME = ("000_stem", "003_block1_add", "006_block2_shortcut", "008_pool", "010_logits")
ZOO = ("--preset", "tiny_4", "--buf.param_kib=32", "--inputs", "random:3")


class Tally:
    def __init__(self):
        self.count = self.failures = 0

    def add(self, good, text):
        self.count += 1
        self.failures += not good
        print(f"{'ok' if good else 'WRONG'}: {text}", flush=True)


def result_line(text):
    return next((line for line in text.splitlines() if line.startswith(("PASS", "FAIL"))), text)


def play_blocks(tally, name, folder, out, simulators, blocks):
    for simulator in simulators:
        for block in blocks:
            command = vectors.build_bench(simulator, block, folder, f"{out}/{name}_{simulator}")
            for stall in ((), ("+stall",)):
                passed, text = vectors.play(command, *stall)
                tally.add(passed, f"{name} {simulator} {block} {' '.join(stall)}: "
                                  f"{result_line(text)}")


def play_faults(tally, name, folder, out, faults):
    commands = {}
    for fault, block in faults.items():
        if block not in commands:
            commands[block] = vectors.build_bench("icarus", block, folder, f"{out}/{name}_faults",
                                                  faults=True)
            passed, text = vectors.play(commands[block])
            tally.add(passed, f"{name} {block} without a fault: {result_line(text)}")
        passed, text = vectors.play(commands[block], f"+fault={fault}")
        first = next((line for line in text.splitlines() if "first mismatch" in line), "")
        tally.add(not passed and "layer" in first, f"{name} fault {fault} in {block}: {first}")


def export(tally, tool, model, folder, *args):
    """A set with benches; its manifest, or None."""
    done = vectors.golden(tool, model, "--out", folder, "--images", 0, "--formats", "npy",
                          "--bench", "-q", "--witnesses", "ref,fast", *args)
    tally.add(done.returncode == 0, f"export {folder} {done.stderr}")
    return (vectors.manifest_of(folder), done.stdout) if done.returncode == 0 else None


def play_digits(tally, options, out, simulators):
    for name in ("digits_w4a4", "digits_w8a8"):
        if name == "digits_w8a8" and not options.all:
            continue
        folder = f"{out}/{name}"
        layers = () if options.all else ("--layers", ",".join(SOME))
        if not export(tally, options.tool, vectors.MODELS / f"{name}.h5", folder, "--preset",
                      options.preset, *layers):
            continue
        for simulator in simulators:
            # The networks with every op build the elem block for Verilator.
            leave = "elem" if simulator == "verilator" and not options.all else ""
            play_blocks(tally, name, folder, out, [simulator],
                        [block for block in vectors.BLOCKS if block != leave])
        # The clamp of fault 10 is reached in the 4-bit network only.
        faults = {fault: block for fault, block in STREAM_FAULTS.items()
                  if fault != 10 or name != "digits_w8a8"}
        if "icarus" in simulators:
            play_faults(tally, name, folder, out, faults)


def play_every_op(tally, options, out, simulators):
    """Every layer is in a stream that a block plays, or the manifest and the console say why not."""
    op_zoo.images(f"{out}/images.h5")
    op_zoo.sequences(f"{out}/sequences.h5")
    for name in ("images", "sequences"):
        made = export(tally, options.tool, f"{out}/{name}.h5", f"{out}/{name}", *ZOO)
        if not made:
            continue
        manifest, text = made
        uses = {use["layer"]: use for use in manifest["streams"]}
        tally.add(set(uses) == {layer["id"] for layer in manifest["layers"]},
                  f"{name}: the manifest has each layer's streams")
        left_out = [layer for layer, use in uses.items() if not use["streams"]]
        tally.add(bool(left_out) and all(
            uses[layer]["note"] and f"{layer} ({uses[layer]['op']}): {uses[layer]['note']}" in text
            for layer in left_out), f"{name}: {len(left_out)} layers without a stream are named")
        ops = {use["op"] for use in uses.values() if use["streams"]}
        want = {"conv2d", "matmul", "requant", "add"} if name == "sequences" else {
            "conv2d", "conv_transpose2d", "linear", "add", "mul", "maximum", "minimum", "clamp", "maxpool", "avgpool",
            "global_avgpool", "requant", "lut"}
        tally.add(ops == want, f"{name}: streams of {', '.join(sorted(ops))}")
        if "icarus" in simulators:
            play_blocks(tally, name, f"{out}/{name}", out, ["icarus"], ["array", "post", "elem"])
            if name == "images":
                play_faults(tally, name, f"{out}/{name}", out, ELEM_FAULTS)
        if "verilator" in simulators and (name == "images" or options.all):
            play_blocks(tally, name, f"{out}/{name}", out, ["verilator"], ["elem"])


def play_saturation(tally, options, out, simulators):
    """Narrow accumulators that saturate: the stream has sums of its own, and it is said."""
    layer = "004_block2_conv1"
    for name, fold in (("saturated", ()), ("saturated_by_step", ("--bench-fold", 1))):
        made = export(tally, options.tool, vectors.MODELS / "digits_w8a8.h5", f"{out}/{name}",
                      "--preset", "tiny_4", "--hw.acc_bits=14", "--hw.acc_overflow=saturate",
                      "--inputs", "random:1", "--layers", layer, *fold)
        if not made:
            continue
        manifest, text = made
        note = f"the mac stream has those of sums of {1 if fold else 4} steps each"
        tally.add(note in str(manifest["streams"][0]["note"]) and note in text, f"{name}: {note}")
        if "icarus" not in simulators:
            continue
        for block in ("array", "post"):
            command = vectors.build_bench("icarus", block, f"{out}/{name}", f"{out}/{name}_i")
            passed, played = vectors.play(command)
            # Our array adds four steps at once.
            tally.add(passed != (block == "array" and bool(fold)),
                      f"{name} {block}: {result_line(played)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--preset", default="tiny_4")
    options = parser.parse_args()
    simulators = [name for name, program in (("icarus", "iverilog"), ("verilator", "verilator"))
                  if shutil.which(program)]
    if len(simulators) < 2:
        print(f"only {simulators} of Icarus and Verilator are installed")
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="tactus_bench_") as out:
        play_digits(tally, options, out, simulators)
        play_every_op(tally, options, out, simulators)
        play_saturation(tally, options, out, simulators)
    print(f"{tally.count - tally.failures} passed, {tally.failures} failed")
    return 1 if tally.failures or not simulators else 0


if __name__ == "__main__":
    sys.exit(main())
