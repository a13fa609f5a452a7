# SPDX-License-Identifier: Apache-2.0
"""check finds every seeded fault, names the tile op where it happens and the kind of mistake.

usage: faults_test.py TACTUS_FAULTS MODELS_DIR

Both tables are decided from what the faulty line does (rtl/faults.md, models/systemc/faults.md) and
from what the model's layers use.

PLACES say where the fault must be placed: the op that is suspected, or without a suspect the op
whose result differs first. A fault in a block that every layer uses is seen in the first layer,
000_stem. A wrong load or store is placed at that op, although a later op shows it.

CLASSES were written down before the first run of triage; at least 80 % of those of the RTL must be
right, and the ones in KNOWN_WRONG are those that are not.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = (pathlib.Path(__file__).resolve().parents[2] / "sim" / "report" / "schema" /
          "check.schema.json")
FIRST = "000_stem"
W4, W8 = "digits_w4a4", "digits_w8a8"

# number: (back end, model, queue of the op, layer, position in its queue or None)
PLACES = {
    # RTL
    1: ("rtl", W4, "post", FIRST, 0),  # rounding mode of the requantisation
    2: ("rtl", W4, "compute", FIRST, None),  # operand of row 1: the buffer holds the right one
    3: ("rtl", W8, "compute", FIRST, None),  # carry of the column sum
    4: ("rtl", W4, "load", FIRST, None),  # buffer address of a load
    5: ("rtl", W4, "post", FIRST, 2),  # the third token from post to compute
    6: ("rtl", W4, "post", "008_pool", None),  # first post op with more than one pass
    7: ("rtl", W4, "compute", FIRST, 0),  # stale weight of one PE
    8: ("rtl", W8, "compute", FIRST, 0),  # zero point of row 0
    9: ("rtl", W4, "load", FIRST, None),  # line stride
    10: ("rtl", W4, "post", FIRST, None),  # upper clamp
    11: ("rtl", W4, "compute", FIRST, 1),  # psum bit in half 1, which the second op uses
    12: ("rtl", W4, "load", FIRST, None),  # masked byte
    13: ("rtl", W4, "store", FIRST, 0),  # address of a store's last beat
    14: ("rtl", W4, "compute", FIRST, 0),  # psum entry 3
    15: ("rtl", W4, "compute", FIRST, 0),  # event count
    # SystemC
    102: ("systemc", W4, "compute", FIRST, None),  # kernel steps swapped
    103: ("systemc", W8, "compute", None, None),  # carry into bit 16: the first large sum
    104: ("systemc", W4, "load", FIRST, None),  # last line of a plane
    105: ("systemc", W4, None, FIRST, None),  # every fifth token
    106: ("systemc", W4, "post", FIRST, 0),  # one drain cycle too many
    107: ("systemc", W4, "compute", FIRST, 0),  # stale weights
    108: ("systemc", W8, "compute", FIRST, 0),  # zero point
    109: ("systemc", W4, "post", FIRST, None),  # upper clamp
    112: ("systemc", W4, "load", FIRST, None),  # latency
    113: ("systemc", W4, "compute", FIRST, 0),  # event count
}

CLASSES = {
    1: "rounding", 2: "index", 3: "lost bit", 4: "index", 5: "missing token", 6: "timing only",
    7: "stale value", 8: "zero point", 9: "index", 10: "saturation", 11: "lost bit",
    12: "stale value", 13: "index", 14: "accumulation", 15: "counting only",
    102: "index", 103: "lost bit", 104: "index", 105: "missing token", 106: "timing only",
    107: "stale value", 108: "zero point", 109: "saturation", 112: "timing only",
    113: "counting only",
}
KNOWN_WRONG = set()

# Faults of values: element, both values and the window must be there (9 shows in a load of weights,
# which are elements of no activation tensor).
VALUES = {1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14, 102, 103, 104, 107, 108, 109}
# Faults of sums: the K unit at which they part must be there.
SUMS = {2, 3, 4, 7, 8, 11, 12, 14, 102, 103, 104, 107, 108}


def check(tool, models, model, backends, *more):
    command = [tool, "check", f"{models}/{model}.h5", "--preset", "tiny_4", "--limit", "1",
               "--backends", backends, "-q", "--json", "-", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    try:
        result = json.loads(done.stdout)
        pairs = result["pairs"]
    except (ValueError, KeyError):
        return done.returncode, [], done.stderr
    if jsonschema is not None:
        jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(result)
    return done.returncode, pairs, done.stderr


def problems_of(fault, code, pairs, stderr):
    """Sentences on what is wrong in the answer, and the finding."""
    if code != 1 or len(pairs) != 1 or pairs[0]["finding"] is None:
        return [f"exit {code}, {stderr.strip() or 'no finding'}"], None
    finding = pairs[0]["finding"]
    _, _, queue, layer, seq = PLACES[fault]
    op = finding["suspect"] or finding["op"]
    problems = []
    if op is None:
        return ["no tile op"], finding
    for name, want in (("queue", queue), ("layer", layer), ("seq", seq)):
        if want is not None and op[name] != want:
            problems.append(f"{name} {op[name]}, not {want}")
    if not op["op"].startswith(op["queue"]):
        problems.append("no disassembly")
    if fault in VALUES:
        for name in ("element",) * (fault != 9) + ("expected", "actual", "expected_binary", "window", "step"):
            if finding[name] is None:
                problems.append(f"no {name}")
        if finding["expected"] == finding["actual"]:
            problems.append("expected and actual are equal")
    if fault in SUMS and finding["k_unit"] is None:
        problems.append("no K unit")
    if finding["class"] != CLASSES[fault] and fault not in KNOWN_WRONG:
        problems.append(f"class {finding['class']}, not {CLASSES[fault]}")
    return problems, finding


def waves_are_missing(tool, models):
    """check with --trace writes the cycles around the first difference, and nothing without one."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "w.vcd"
        check(tool, models, W4, "fast,systemc", "--trace", "vcd", str(file))
        if file.exists():
            print("waves: written without a difference")
            return True
        _, pairs, stderr = check(tool, models, W4, "fast,systemc", "--trace", "vcd", str(file),
                                 "--fault", "107", "--fault-backend", "systemc")
        if not file.exists() or not file.with_suffix(".gtkw").exists():
            print(f"waves: not written\n{stderr}")
            return True
        times = [int(line[1:]) for line in file.read_text(encoding="utf-8").splitlines()
                 if line.startswith("#")]
        begin, end = pairs[0]["finding"]["window"]
        good = times and begin <= min(times) and max(times) <= end
        print(f"waves: {min(times)} to {max(times)} in the window {begin}:{end}")
        return not good


def main():
    tool, models = sys.argv[1:3]
    failures = 0
    code, pairs, stderr = check(tool, models, W4, "fast,systemc,rtl")
    if code != 0 or any(pair["finding"] for pair in pairs):
        print(f"without a fault check exits {code}\n{stderr}")
        failures += 1
    right = {}
    for fault, (backend, model, *_) in PLACES.items():
        code, pairs, stderr = check(tool, models, model, f"fast,{backend}", "--fault", str(fault),
                                    "--fault-backend", backend)
        problems, finding = problems_of(fault, code, pairs, stderr)
        failures += bool(problems)
        found = finding["class"] if finding else "-"
        right[fault] = found == CLASSES[fault]
        op = (finding or {}).get("suspect") or (finding or {}).get("op") or {}
        print(f"{fault:3} {CLASSES[fault]:13} {found:13} {op.get('layer', '-'):16} "
              f"{op.get('queue', '-')} op {op.get('seq', '-')} "
              f"{'; '.join(problems) or 'ok'}")
    failures += waves_are_missing(tool, models)
    for name, first, last in (("rtl", 1, 99), ("systemc", 100, 199)):
        mine = [ok for fault, ok in right.items() if first <= fault <= last]
        print(f"{name}: class right in {sum(mine)} of {len(mine)}")
        failures += sum(mine) < 0.8 * len(mine)
    print(f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
