# SPDX-License-Identifier: Apache-2.0
"""check finds every seeded fault and names the right layer and tile op.

usage: faults_test.py TACTUS_FAULTS MODELS_DIR

The table says where a fault must be seen first, reasoned from what the faulty line does
(rtl/faults.md, models/systemc/faults.md) and from what the model's layers use. It was completed with
the output of check at hand, so it guards against a loss of precision and is no blind prediction.
A fault in a block that every layer uses is seen in the first layer, 000_stem. The lost tokens (5 and
105) show only where the run stops, not where the token was lost; 105 names the layer by its number.

"""

import re
import subprocess
import sys

ANY = r"\d{3}_\w+"
FIRST = "000_stem"

# number: (back end, op kind of the first difference, layer pattern, model, extra options)
W4, W8 = "digits_w4a4", "digits_w8a8"
FAULTS = {
    # RTL
    1: ("rtl", "post", FIRST, W4, []),  # rounding mode of the requantisation
    2: ("rtl", "compute", FIRST, W4, []),  # operand of row 1
    3: ("rtl", "compute", FIRST, W8, []),  # carry of the column sum
    4: ("rtl", "compute", FIRST, W4, []),  # buffer address of a load: first seen by its reader
    5: ("rtl", "compute", ANY, W4, []),  # token from post to compute
    6: ("rtl", "post", "008_pool", W4, []),  # first post op with more than one pass
    7: ("rtl", "compute", FIRST, W4, []),  # stale weight of one PE
    8: ("rtl", "compute", FIRST, W8, []),  # zero point
    9: ("rtl", "load", FIRST, W4, []),  # line stride
    10: ("rtl", "post", FIRST, W4, []),  # upper clamp
    11: ("rtl", "compute", FIRST, W4, []),  # psum bit in half 1
    12: ("rtl", "compute", FIRST, W4, []),  # masked byte: first seen by its reader
    13: ("rtl", "load", "001_block1_conv1", W4, []),  # stem's store, seen by the next layer's load
    14: ("rtl", "compute", FIRST, W4, []),  # psum entry 3
    15: ("rtl", "compute", FIRST, W4, []),  # event count
    # SystemC
    102: ("systemc", "compute", FIRST, W4, []),  # kernel steps swapped
    103: ("systemc", "compute", FIRST, W8, []),  # carry
    104: ("systemc", "compute", ANY, W4, []),  # load address: first layer with several lines a plane
    105: ("systemc", None, r"layer=\d+", W4, []),  # lost token: stands still, queue heads shown
    106: ("systemc", "post", FIRST, W4, []),  # one drain cycle too many
    107: ("systemc", "compute", FIRST, W4, []),  # stale weights
    108: ("systemc", "compute", FIRST, W8, []),  # zero point
    109: ("systemc", "post", FIRST, W4, []),  # upper clamp
    112: ("systemc", "load", FIRST, W4, []),  # latency
    113: ("systemc", "compute", FIRST, W4, []),  # event count
}


def run(tool, models, fault):
    backend, kind, layer, model, extra = FAULTS[fault]
    command = [tool, "check", f"{models}/{model}.h5", "--preset", "tiny_4", "--limit", "1",
               "--backends", f"fast,{backend}", "--fault", str(fault), "--fault-backend", backend,
               "-q"] + extra
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr, kind, layer


def main():
    tool, models = sys.argv[1:3]
    failures = 0
    code, text, _, _ = run_clean(tool, models)
    if code != 0:
        print(f"without a fault check exits {code}\n{text}")
        failures += 1
    for fault in FAULTS:
        code, text, kind, layer = run(tool, models, fault)
        named = re.search(layer, text.split("fast and ")[-1]) is not None
        op = kind is None or re.search(rf"{kind} op \d+", text) is not None
        ok = code == 1 and named and op
        failures += not ok
        first = [line for line in text.splitlines() if "golden 0," in line or "tactus:" in line]
        print(f"fault {fault:3}: exit {code} {'found' if ok else 'MISSED'}: "
              f"{(first or [''])[0][:110]}")
    print(f"{len(FAULTS) + 1 - failures} passed, {failures} failed")
    return 1 if failures else 0


def run_clean(tool, models):
    command = [tool, "check", f"{models}/{W4}.h5", "--preset", "tiny_4", "--limit", "1",
               "--backends", "fast,systemc,rtl", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr, None, None


if __name__ == "__main__":
    sys.exit(main())
