#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what the importers and the layer ops promised: a line per point with target and measured
value.

usage: frontends.sh [--bin DIR] [--backends fast,systemc,rtl] [--points WORD,WORD]

Needs a build (build/bin) and the vectors of ../shared/data; rtl needs the presets tiny_4, flex_4_w16
and edge_16. Takes some minutes. Exit codes: 0 all pass, 1 a miss, 2 there is no build or no data.
"""
import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import h5py

import big_sources
from point_rows import Rows

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
# semantics-torch2chip.md 3: operands that the integer machine moves end to end, of how many.
CAPTURES = {"resnet8tiny_w4a8": (0, 5952), "resnet20_w4a4": (0, 209152),
            "resnet20_nm24_w8a8": (637, 209152), "mobilenetv1_w8a8": (6329, 254976)}
FAMILIES = {"conv": 70, "depthwise": 34, "fully_connected": 16, "matmul": 10, "pooling": 21,
            "elementwise": 20, "softmax": 3, "onnx": 34}
# The importer's own prerequisite of a point is part of it: a failed import is a miss.


class Bench:
    """Imports and runs in a temporary folder."""

    def __init__(self, args, folder):
        self.tactus, self.folder, self.rows = args.bin / "tactus", pathlib.Path(folder), Rows()
        self.backends = args.backends.split(",")

    def call(self, *words):
        done = subprocess.run([str(w) for w in (self.tactus, *words)], capture_output=True,
                              text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def imported(self, kind, source, *options):
        """(path, JSON) of an import, (None, sentence) when it is refused."""
        path = self.folder / f"{kind}_{pathlib.Path(source).stem}{len(list(self.folder.iterdir()))}.h5"
        code, out, err = self.call("import", kind, source, "-o", path, "--json", "-", *options)
        return (path, json.loads(out)) if code == 0 else (None, err.strip())

    def run(self, path, backend, *options):
        """JSON of a run, or a sentence."""
        code, out, err = self.call("run", path, "--backend", backend, "-q", "--accumulators", "off",
                                   "--json", "-", *options)
        return json.loads(out) if code in (0, 1) else err.strip()

    # Points.

    def vectors(self):
        for backend in self.backends:
            report = self.folder / f"conformance_{backend}.json"
            subprocess.run([sys.executable, ROOT / "tests/accept/conformance.py", self.tactus,
                            "--backend", backend, "--json", report], stdout=subprocess.PIPE,
                           check=False)
            for row in json.loads(report.read_text(encoding="utf-8")):
                passed, wanted = row["passed"], FAMILIES[row["family"]]
                text = f"{passed} of {row['cases']}"
                if row["not_passed"]:
                    first = row["not_passed"][0]
                    text += f" ({first['case']}: {first['reason'][:60]})"
                # Through rtl single layers of each family are asked for.
                enough = passed == wanted if backend != "rtl" else passed > 0
                self.rows.judge(f"vectors {row['family']} {backend}",
                                f"{wanted} pass" if backend != "rtl" else "some of each family",
                                text, enough and row["failed"] == 0)

    def equal(self, point, path, backend, target, *options):
        """A run whose golden tensors are all met."""
        data = self.run(path, backend, *options) if path else "the import was refused"
        if isinstance(data, str):
            self.rows.judge(point, target, data[:90], False)
            return
        outputs = data.get("outputs") or {"compared": 0, "mismatches": 0}
        self.rows.judge(point, target, f"{outputs['mismatches']} of {outputs['compared']} differ",
                        outputs["mismatches"] == 0 and outputs["compared"] > 0)

    def tflite(self):
        for name in ("kws_ref_model", "pretrainedResnet_quant"):
            for rounding in ("double", "single"):
                path, _ = self.imported("tflite", DATA / "models" / f"{name}.tflite", "--rounding",
                                        rounding, "--golden", DATA / "tflite_models" / f"{name}.h5")
                for backend in self.backends[:2]:
                    self.equal(f"tflite {name[:16]} {rounding} {backend}", path, backend,
                               "every tensor of 3 samples")

    def qonnx(self):
        for name in ("TFC_1W1A", "TFC_2W2A"):
            path, _ = self.imported("qonnx", DATA / "models" / f"{name}.onnx", "--golden",
                                    DATA / "qonnx" / f"{name}.h5")
            for backend in self.backends[:2]:
                self.equal(f"qonnx {name} integers {backend}", path, backend, "all equal")
            self.fed(f"qonnx {name} accumulators", path, 606)

    def fed(self, point, path, compared):
        """Accumulators of all layers when they are fed golden operands."""
        data = self.run(path, "fast", "--feed", "golden") if path else "the import was refused"
        if isinstance(data, str):
            self.rows.judge(point, "0 differ", data[:90], False)
            return
        total = data["totals"]["accumulators"]
        text = f"{total['moved']} of {total['compared']} differ; operands " + str(
            data["totals"]["output"]["moved"])
        self.rows.judge(point, "0 differ", text,
                        total["moved"] == 0 and total["compared"] >= compared)

    def captures(self):
        for name, (moved, compared) in CAPTURES.items():
            path, data = self.imported("t2c", DATA / "t2c" / f"{name}.h5")
            self.fed(f"t2c {name} fed", path, 1)
            if path is None:
                continue
            total, best = data["golden"]["totals"]["end_to_end"], data["golden"]["arg_max"]
            self.rows.judge(f"t2c {name} end to end", f"{moved} of {compared}",
                            f"{total['moved']} of {total['compared']} (by {total['largest']})",
                            (total["moved"], total["compared"]) == (moved, compared))
            self.rows.judge(f"t2c {name} arg-max", "0 of 4 change",
                            f"{best['changed']} of {best['compared']}",
                            best == {"compared": 4, "changed": 0})
            run = self.run(path, "systemc", "--inputs", "dataset")
            with h5py.File(DATA / "t2c" / f"{name}.h5", "r") as file:
                right = sum(int(g.attrs["label"] == g.attrs["prediction"])
                            for g in file["golden"].values())
            text = run if isinstance(run, str) else f"{run['accuracy']['top1'] * 4:g} of 4"
            self.rows.judge(f"t2c {name} accuracy systemc", f"{right} of 4, as captured",
                            text[:90], text == f"{right} of 4")

    def transformer(self):
        path, data = self.imported("t2c", DATA / "t2c" / "vit_w8a8.h5")
        if path is None:
            self.rows.judge("vit import", "imported", data[:90], False)
            return
        best = data["golden"]["arg_max"]
        self.rows.judge("vit arg-max", "0 of 4 change", f"{best['changed']} of {best['compared']}",
                        best["changed"] == 0 and best["compared"] == 4)
        self.fed("vit fed", path, 100000)
        self.agree("vit ref, fast, systemc", path, "ref,fast,systemc", "--limit", 1)
        block = self.folder / "block.h5"
        big_sources.cut(path, block, "blocks.0.add1")
        backends = "fast,systemc,rtl" if "rtl" in self.backends else "fast,systemc"
        self.agree(f"one attention block {backends}", block, backends, "--limit", 1)

    def agree(self, point, path, backends, *options):
        code, out, err = self.call("check", path, "--backends", backends, "--preset", "edge_16",
                                   "-q", "--json", "-", *options)
        text = err.strip()[:90]
        if code in (0, 1):
            pairs = json.loads(out)["pairs"]
            bad = [p["first_difference"] for p in pairs if p["first_difference"]]
            text = bad[0][:90] if bad else f"{len(pairs)} pairs equal in values, cycles and events"
        # Toolkit tensors differ by what the importer counts; the back ends must not.
        self.rows.judge(point, "all agree", text, code in (0, 1) and not bad)

    def script(self, point, target, name):
        """A test script of tests/cli, started as ctest does."""
        done = subprocess.run([sys.executable, ROOT / "tests/cli" / f"{name}_test.py", self.tactus],
                              capture_output=True, text=True, check=False)
        ran = re.search(r"Ran (\d+) tests? in", done.stderr)
        skipped = re.search(r"skipped=(\d+)", done.stderr)
        failed = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", done.stderr))
        count = int(ran.group(1)) if ran else 0
        text = f"{count - failed} of {count} tests"
        if skipped:
            text += f", {skipped.group(1)} skipped"
        self.rows.judge(point, target, text,
                        done.returncode == 0 and count > (int(skipped.group(1)) if skipped else 0))

    def operators(self):
        """Operators beyond those of the networks above, against their definitions."""
        sys.path.insert(0, str(ROOT / "frontend" / "import"))
        from tactus_import import onnx_import, tflite_import
        self.rows.state("operators with a rule", f"ONNX and QONNX {len(onnx_import.OPS)}, TFLite "
                        f"{len(tflite_import.RULES)}")
        self.script("onnx operators", "every integer of own graphs", "import_onnx")
        self.script("tflite operators", "every tensor of own graphs", "import_tflite")
        self.script("live capture, CNN", "0 accumulators differ", "import_capture")
        self.script("live capture, transformer", "0 accumulators differ", "import_vit")

    def convention(self):
        """A user's own convention, quantiser and op: the page is carried out on a copy."""
        self.script("own convention page carried out", "every listing compiled and right",
                    "extending")

    def inspected(self):
        sources = [("t2c", DATA / "t2c" / f"{name}.h5") for name in (*CAPTURES, "vit_w8a8")]
        sources += [("tflite", p) for p in sorted((DATA / "models").glob("*.tflite"))]
        sources += [("qonnx", p) for p in sorted((DATA / "models").glob("*.onnx"))]
        missing = []
        for kind, source in sources:
            path, _ = self.imported(kind, source)
            code, out, err = self.call("inspect", path) if path else (2, "", "refused")
            words = [w for w in ("MACs", "BOPs", "bytes", "weights") if w not in out]
            if code or words:
                missing.append(f"{source.stem}: {err.strip()[:40] or 'no ' + ', '.join(words)}")
        self.rows.judge("inspect of the above", "MACs, BOPs, bytes, weights",
                        "; ".join(missing)[:90] or f"{len(sources)} models", not missing)

    def hostile(self):
        rng, bad, count = random.Random(1), [], 0
        sources = {"tflite": DATA / "models/kws_ref_model.tflite",
                   "qonnx": DATA / "models/TFC_1W1A.onnx",
                   "t2c": DATA / "t2c/resnet8tiny_w4a8.h5"}
        for kind, source in sources.items():
            for _ in range(10):
                data = bytearray(source.read_bytes())
                if rng.random() < 0.5:
                    del data[rng.randrange(len(data)):]
                for _ in range(8):
                    data[rng.randrange(len(data))] = rng.randrange(256)
                path = self.folder / f"hostile{source.suffix}"
                path.write_bytes(data)
                code, _, err = self.call("import", kind, path, "-o", self.folder / "hostile_out.h5")
                count += 1
                if code not in (0, 2) or (code == 2 and not err.splitlines()[-1].startswith(
                        "tactus: ")):
                    bad.append(f"{kind}: exit {code}")
        self.rows.judge("damaged sources", "a model or one sentence",
                        bad[0] if bad else f"{count} files", not bad)

    def size(self):
        """Import time and memory of a network of ResNet-50's size."""
        for kind, make in (("onnx", big_sources.resnet50_onnx), ("t2c", big_sources.resnet50_t2c)):
            source = self.folder / f"resnet50.{'onnx' if kind == 'onnx' else 'h5'}"
            weights = make(source)
            path, data = self.imported(kind, source)
            if path is None:
                self.rows.judge(f"import of ResNet-50 ({kind})", "imported", data[:90], False)
                continue
            host = data["host"]
            self.rows.state(f"import of ResNet-50 ({kind})",
                            f"{host['wall_seconds']:.1f} s, {host['peak_kib'] / 1024:.0f} MiB, "
                            f"{data['weights']} weights of {weights}, file "
                            f"{source.stat().st_size / 2 ** 20:.0f} MiB")


POINTS = {"vectors": Bench.vectors, "tflite": Bench.tflite, "qonnx": Bench.qonnx,
          "t2c": Bench.captures, "vit": Bench.transformer, "operators": Bench.operators,
          "convention": Bench.convention, "inspect": Bench.inspected, "hostile": Bench.hostile,
          "size": Bench.size}


def main():
    """All points, or those that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "bin")
    parser.add_argument("--backends", default="fast,systemc,rtl")
    parser.add_argument("--points", default=",".join(POINTS))
    args = parser.parse_args()
    if not (args.bin / "tactus").exists():
        print(f"frontends: there is no {args.bin}/tactus; build first")
        return 2
    if not DATA.is_dir():
        print(f"frontends: {DATA} is absent, nothing is judged")
        return 2
    with tempfile.TemporaryDirectory(prefix="tactus_frontends_") as folder:
        bench = Bench(args, folder)
        for point in args.points.split(","):
            POINTS[point](bench)
        print(f"{bench.rows.misses} missed")
        return 1 if bench.rows.misses else 0


if __name__ == "__main__":
    sys.exit(main())
