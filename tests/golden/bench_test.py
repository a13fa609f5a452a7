#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The generated benches run under Icarus and Verilator around our blocks and a foreign one.

usage: bench_test.py TACTUS [--all] [--preset NAME]

Without --all a few layers of one network are played (seconds); with it all layers of both digits
networks, and every simulator plays every block. A seeded fault of the array, the psum buffer or the
post-processor makes the bench fail (rtl/faults.md); the other faults lie in blocks that have no
stream port and are seen by `golden --verify --backend rtl` (faults_test.py).
"""
import argparse
import shutil
import sys
import tempfile

import vectors

# Fault number -> the block that has it.
STREAM_FAULTS = {1: "post", 3: "array", 7: "array", 10: "post", 11: "array"}
SOME = ("000_stem", "006_block2_shortcut", "010_logits")


class Tally:
    def __init__(self):
        self.count = self.failures = 0

    def add(self, good, text):
        self.count += 1
        self.failures += not good
        print(f"{'ok' if good else 'WRONG'}: {text}", flush=True)


def result_line(text):
    return next((line for line in text.splitlines() if line.startswith(("PASS", "FAIL"))), text)


def play_blocks(tally, name, folder, out, simulators):
    for simulator in simulators:
        for block in vectors.BLOCKS:
            command = vectors.build_bench(simulator, block, folder, f"{out}/{name}_{simulator}")
            for stall in ((), ("+stall",)):
                passed, text = vectors.play(command, *stall)
                tally.add(passed, f"{name} {simulator} {block} {' '.join(stall)}: "
                                  f"{result_line(text)}")


def play_faults(tally, name, folder, out, wanted):
    commands = {}
    for fault, block in STREAM_FAULTS.items():
        if fault not in wanted:
            continue
        if block not in commands:
            commands[block] = vectors.build_bench("icarus", block, folder, f"{out}/{name}_faults",
                                                  faults=True)
            passed, text = vectors.play(commands[block])
            tally.add(passed, f"{name} {block} without a fault: {result_line(text)}")
        passed, text = vectors.play(commands[block], f"+fault={fault}")
        first = next((line for line in text.splitlines() if "first mismatch" in line), "")
        tally.add(not passed and "layer" in first, f"{name} fault {fault} in {block}: {first}")


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
        for name in ("digits_w4a4", "digits_w8a8"):
            if name == "digits_w8a8" and not options.all:
                continue
            folder = f"{out}/{name}"
            layers = () if options.all else ("--layers", ",".join(SOME))
            done = vectors.golden(options.tool, vectors.MODELS / f"{name}.h5", "--out", folder,
                                  "--preset", options.preset, "--images", 0, "--formats", "npy",
                                  "--bench", "-q", "--witnesses", "ref,fast", *layers)
            tally.add(done.returncode == 0, f"export {name} {done.stderr}")
            if done.returncode == 0:
                play_blocks(tally, name, folder, out, simulators)
                # The clamp of fault 10 is reached in the 4-bit network only.
                wanted = set(STREAM_FAULTS) - ({10} if name == "digits_w8a8" else set())
                if "icarus" in simulators:
                    play_faults(tally, name, folder, out, wanted)
    print(f"{tally.count - tally.failures} passed, {tally.failures} failed")
    return 1 if tally.failures or not simulators else 0


if __name__ == "__main__":
    sys.exit(main())
