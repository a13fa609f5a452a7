#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the conformance vectors of ../shared/data through the tool: each case becomes a one-layer
model and is run on a back end against its expected output.

usage: conformance.py TACTUS [--family conv,softmax] [--backend fast,rtl] [--case GLOB]
                      [--json FILE] [--keep DIR] [--data DIR] [-v]

Families: conv depthwise fully_connected matmul pooling elementwise softmax (cmsis_nn), onnx
(onnx_nodes). Exit code: 0 all passed, 1 otherwise, 2 no vectors.
"""

import argparse
import collections
import fnmatch
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import h5py

import conformance_cases
import conformance_onnx
from conformance_cases import NoRule
from tactus_import import modelfile
from tactus_import.problem import ImportProblem

ROOT = pathlib.Path(__file__).resolve().parents[2]


def accumulator_bits(case):
    """Width that the true extremes of the case need; the hardware's 32 where the file is silent."""
    low = int(case.attrs.get("accumulator_min", 0))
    high = int(case.attrs.get("accumulator_max", 0))
    return max((~low if low < 0 else low).bit_length(), high.bit_length()) + 1


def architecture(case, backend):
    """Preset and keys: the smallest array with an RTL build that has the operand width."""
    widths = [int(v) for k, v in case.attrs.items() if k.endswith("_bits")
              and k.split("_")[0] in ("input", "input1", "input2", "lhs", "rhs", "weights")]
    wide = max(widths, default=8) > 8
    small = backend == "rtl" and case.attrs["op"] != "softmax"  # its table is too large for tiny_4
    args = ["--preset", "flex_4_w16" if wide else "tiny_4" if small else "edge_16"]
    if "exp_lut" in case:
        args.append("--buf.param_kib=32")  # two tables of 513 entries
    bits = accumulator_bits(case)
    if bits > 32:
        args.append("--hw.acc_bits=40")  # no case needs more than 34
    return args


def run_model(tactus, path, backend, args):
    """(verdict, reason): passed, failed or refused."""
    done = subprocess.run([tactus, "run", path, "--backend", backend, "--inputs", "golden", "-q",
                           "--accumulators", "off", "--json", "-", *args], capture_output=True,
                          text=True, timeout=600, check=False)
    message = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
    message = re.sub(r"^tactus: (\S+\.h5: )?(layer \S+: |/layers/[^/: ]+:? ?)?", "", message)
    if done.returncode == 2:
        return "refused", message
    if done.returncode not in (0, 1):
        return "failed", message or f"exit code {done.returncode}"
    outputs = json.loads(done.stdout).get("outputs") or {}
    if not outputs.get("compared"):
        return "failed", "nothing was compared"
    if done.returncode == 0 and outputs["mismatches"] == 0:
        return "passed", f"{outputs['compared']} values"
    return "failed", f"{outputs['mismatches']} of {outputs['compared']}: " + str(
        outputs.get("first_mismatch"))


def run_case(tactus, folder, family, name, case, backend):
    """Verdict of all models of one case."""
    try:
        models = FAMILIES[family](name, case)
    except (NoRule, ImportProblem) as reason:
        return "refused", str(reason)
    except conformance_onnx.Compared as result:
        where = "values, a border op computed by the importer"
        return ("failed", f"{result.wrong} of {result.values} {where}") if result.wrong else (
            "passed", f"{result.values} {where}")
    values = 0
    for k, model in enumerate(models):
        if model.layers:
            path = folder / f"{family}_{name}_{k}.h5"
            modelfile.write(path, model)
            verdict, reason = run_model(tactus, str(path), backend, architecture(case, backend))
            if verdict != "passed":
                return verdict, reason
            values += int(reason.split()[0])
    return "passed", f"{values} values"


FAMILIES = {**conformance_cases.FAMILIES, **conformance_onnx.FAMILIES}


def cases_of(data, family):
    """The file with a family's cases, open."""
    if family == "onnx":
        return h5py.File(data / "onnx_nodes" / "onnx_nodes.h5", "r")
    return h5py.File(data / "cmsis_nn" / f"{family}.h5", "r")


def run_family(args, family, backend, folder):
    """Counts and the list of what did not pass."""
    counts, rest = collections.Counter(), []
    with cases_of(args.data, family) as file:
        for name in file:
            if not fnmatch.fnmatch(name, args.case):
                continue
            verdict, reason = run_case(args.tactus, folder, family, name, file[name], backend)
            counts[verdict] += 1
            if verdict != "passed":
                rest.append({"case": name, "verdict": verdict, "reason": reason})
            if args.verbose:
                print(f"  {family} {name} {backend}: {verdict} ({reason})", flush=True)
    return counts, rest


def parse():
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("tactus")
    parser.add_argument("--family", default="all")
    parser.add_argument("--backend", default="fast")
    parser.add_argument("--case", default="*")
    parser.add_argument("--json")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("-v", "--verbose", action="store_true")
    return parser.parse_args()


def main():
    """One line per family and back end."""
    args = parse()
    families = list(FAMILIES) if args.family == "all" else args.family.split(",")
    if not (args.data / "cmsis_nn").is_dir():
        print(f"conformance: there are no vectors below {args.data}")
        return 2
    table, good = [], True
    with tempfile.TemporaryDirectory(prefix="tactus_conformance_") as temporary:
        folder = args.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for family in families:
            for backend in args.backend.split(","):
                counts, rest = run_family(args, family, backend, folder)
                good = good and not rest
                table.append({"family": family, "backend": backend, "cases": sum(counts.values()),
                              **{v: counts[v] for v in ("passed", "failed", "refused")},
                              "not_passed": rest})
                print(f"{family:16} {backend:8} cases {sum(counts.values()):3}  passed "
                      f"{counts['passed']:3}  failed {counts['failed']:3}  refused "
                      f"{counts['refused']:3}", flush=True)
                for reason, number in collections.Counter(
                        r["verdict"] + ": " + r["reason"] for r in rest).items():
                    print(f"    {number} x {reason}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
