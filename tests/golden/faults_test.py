#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every seeded RTL fault makes the verification of a golden set fail.

usage: faults_test.py TACTUS

The accelerator with a fault of rtl/faults.md runs again and is compared with the set: start and
retire cycle, digest and events of every op, and the output tensors.
"""
import re
import sys
import tempfile

import vectors

FAULTS = [int(n) for n in re.findall(r"^\| (\d+) \|", (vectors.RTL / "faults.md").read_text(
    encoding="utf-8"), re.M)]


def main():
    tool = sys.argv[1]
    failures = 0
    with tempfile.TemporaryDirectory(prefix="tactus_golden_") as out:
        model = vectors.MODELS / "digits_w4a4.h5"
        done = vectors.golden(tool, model, "--out", f"{out}/set", "--preset", "tiny_4", "--images",
                              0, "--formats", "npy", "-q")
        if done.returncode != 0:
            print(done.stdout + done.stderr)
            return 1
        for fault in [0, *FAULTS]:
            done = vectors.golden(tool, "--verify", f"{out}/set", model, "--backend", "rtl",
                                  "--fault", fault, "-q")
            lines = [line for line in done.stdout.splitlines() if line.startswith("differs")]
            good = done.returncode == (1 if fault else 0) and bool(lines) == bool(fault)
            failures += not good
            print(f"fault {fault:2}: exit {done.returncode}, {len(lines)} differences "
                  f"{'ok' if good else 'WRONG'} {(lines or [done.stderr])[0][:120]}")
    print(f"{len(FAULTS) + 1 - failures} passed, {failures} failed")
    return 1 if failures or len(FAULTS) < 15 else 0


if __name__ == "__main__":
    sys.exit(main())
