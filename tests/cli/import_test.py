#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tactus import: each kind of source becomes a model whose integers are those of its own definition;
what cannot be imported is said in one sentence.

The sources are written by tests/support/make_import_sources.py, which computes their integers with
nothing of the importers; ../shared/data has the third parties' (tests say so when it is absent).
"""
import contextlib
import io
import json
import os
import pathlib
import pickle
import random
import shutil
import subprocess
import sys
import unittest
import zipfile

import h5py

import tool
from tool import ROOT, SCHEMAS, CliTest

SHARED = ROOT.parent / "shared" / "data"
MAKER = ROOT / "tests" / "support" / "make_import_sources.py"
SCRIPT = ROOT / "frontend" / "import" / "import_model.py"

try:
    import onnx
    import flatbuffers  # noqa: F401 pylint: disable=unused-import
except ImportError:
    onnx = None

needs_shared = unittest.skipUnless(SHARED.is_dir(), f"{SHARED} is absent")
needs_onnx = unittest.skipIf(onnx is None, "python3-onnx or python3-flatbuffers is not installed")

# semantics-torch2chip.md 3: operands that a pure integer machine moves, of how many, and by how
# much; fed with golden operands one operand of each file with a difference starts it.
CAPTURES = {"resnet8tiny_w4a8": (0, 5952, 0, 0), "resnet20_w4a4": (0, 209152, 0, 0),
            "resnet20_nm24_w8a8": (637, 209152, 1, 1), "mobilenetv1_w8a8": (6329, 254976, 4, 1)}


class ImportTest(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sources = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"tactus_src_{os.getpid()}"
        if onnx is not None:
            subprocess.run([sys.executable, MAKER, cls.sources], check=True, stdout=subprocess.PIPE)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.sources, ignore_errors=True)

    def imported(self, kind, source, *args):
        """Imports and returns (model file, JSON of the import)."""
        path = self.folder / f"{pathlib.Path(source).stem}.h5"
        done = self.good("import", kind, source, "-o", path, "--json", "-", *args)
        return path, json.loads(done.stdout)


@needs_onnx
class Small(ImportTest):
    def all_equal(self, path, preset="flex_4"):
        for backend in ("ref", "fast", "systemc"):
            if backend in tool.backends():
                data = self.json_of("run", path, "--backend", backend, "--preset", preset)
                self.assertEqual(data["outputs"]["mismatches"], 0, backend)
                self.assertGreater(data["outputs"]["compared"], 100, backend)

    def test_torch2chip(self):
        path, data = self.imported("t2c", self.sources / "small_t2c.h5")
        totals = data["golden"]["totals"]
        self.assertEqual([totals[k]["moved"] for k in totals], [0, 0, 0])
        self.assertGreater(totals["end_to_end"]["compared"], 3000)
        self.assertEqual(data["golden"]["arg_max"], {"compared": 3, "changed": 0})
        self.assertTrue(any("zero point 100" in w["message"] for w in data["warnings"]))
        self.all_equal(path)
        fed = self.json_of("run", path, "--feed", "golden", "--backend", "fast")
        self.assertEqual(fed["totals"]["accumulators"]["moved"], 0)
        self.assertEqual(fed["totals"]["accumulators"]["compared"],
                         totals["accumulators"]["compared"])
        self.assertEqual(sum(layer["fed"] for layer in fed["layers"]), 7)

    def test_narrow_widths_move_integers(self):
        """The counts of the report are real: 8-bit residuals and 8-bit multipliers show."""
        _, data = self.imported("t2c", self.sources / "small_t2c.h5", "--residual-bits", 8,
                                "--mult-bits", 8)
        self.assertGreater(data["golden"]["totals"]["end_to_end"]["moved"], 10)
        self.assertEqual(data["golden"]["totals"]["accumulators"]["moved"], 0)

    def test_pitfalls_are_named(self):
        """One damaged property per layer; each is named with its layer."""
        source = self.folder / "pitfalls.h5"
        shutil.copy(self.sources / "small_t2c.h5", source)
        with h5py.File(source, "r+") as file:
            layers = file["layers"]
            layers["002_a1"].attrs["conv_bias"] = True
            layers["003_a2"].attrs["mask_sparsity"] = 0.85
            layers["005_b1/scale_int"][0, 2] = 2 ** 31 - 1
            layers["006_b2/scale_int"][0, 1] = 0
            layers["007_skip/weight"][...] = 1
            layers["010_fc"].attrs["act_quantizer"] = "LSQ"
            layers["010_fc/act_zero_point"][...] = 3
            operand = file["golden/image_0/001_stem/input"]
            operand[0, 0, 0, 0] = 300
        self.refused("import", "t2c", source, "-o", self.folder / "m.h5",
                     saying=["001_stem", "captured image 0: 1 operands", "300", "--outside drop"])
        path, data = self.imported("t2c", source, "--outside", "drop")
        said = {(w["layer"], word) for w in data["warnings"] for word in (
            "without scaling", "mask was dropped", "was saturated", "vanished", "all weights are 1",
            "LSQ or QDrop", "the image is left out") if word in w["message"]}
        self.assertEqual(said, {
            ("002_a1", "without scaling"), ("003_a2", "mask was dropped"),
            ("005_b1", "was saturated"), ("006_b2", "vanished"), ("007_skip", "all weights are 1"),
            ("010_fc", "LSQ or QDrop"), ("001_stem", "the image is left out")})
        self.assertEqual(data["golden_sets"], 2)
        self.json_of("run", path, "--backend", "fast", code=1)
        self.assertGreater(data["golden"]["totals"]["accumulators"]["moved"], 0)

    def test_qdq(self):
        path, data = self.imported("onnx", self.sources / "small_qdq.onnx", "--golden",
                                   self.sources / "small_qdq.h5")
        self.assertEqual(data["layers"], 6)
        self.all_equal(path)

    def test_qonnx(self):
        path, _ = self.imported("qonnx", self.sources / "small_qonnx.onnx", "--golden",
                                self.sources / "small_qonnx.h5")
        self.all_equal(path)
        fed = self.json_of("run", path, "--feed", "golden", "--backend", "fast")
        self.assertEqual(fed["totals"]["accumulators"],
                         {"compared": 549, "moved": 0, "largest": 0})

    def test_json_is_what_its_schema_says(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        path, data = self.imported("t2c", self.sources / "small_t2c.h5")
        fed = self.json_of("run", path, "--feed", "golden", "--backend", "ref")
        for name, value in (("import", data), ("feed", fed)):
            schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
            jsonschema.Draft202012Validator(schema).validate(value)

    def test_feed_finds_a_changed_weight(self):
        path, _ = self.imported("t2c", self.sources / "small_t2c.h5")
        with h5py.File(path, "r+") as file:
            weight = file["layers/005_b1/weight"] if "layers/005_b1" in file else next(
                g["weight"] for k, g in file["layers"].items() if k.endswith("_b1"))
            weight[0, 0, 1, 1] = 3 if weight[0, 0, 1, 1] != 3 else 2
        data = self.json_of("run", path, "--feed", "golden", "--backend", "fast", code=1)
        wrong = [layer["id"] for layer in data["layers"] if layer["accumulators"]
                 and layer["accumulators"]["moved"]]
        self.assertEqual(len(wrong), 1)
        self.assertTrue(wrong[0].endswith("_b1"), wrong)


class Shared(ImportTest):
    @needs_shared
    def test_captures_have_the_counts_of_the_semantics(self):
        for name, (moved, compared, largest, fed) in CAPTURES.items():
            with self.subTest(capture=name):
                path, data = self.imported("t2c", SHARED / "t2c" / f"{name}.h5")
                totals = data["golden"]["totals"]
                self.assertEqual(totals["end_to_end"], {"compared": compared, "moved": moved,
                                                        "largest": largest})
                self.assertEqual(totals["fed_golden"]["moved"], fed)
                self.assertEqual(totals["accumulators"]["moved"], 0)
                self.assertEqual(data["golden"]["arg_max"], {"compared": 4, "changed": 0})
                run = self.json_of("run", path, "--inputs", "dataset", "--backend", "fast")
                with h5py.File(SHARED / "t2c" / f"{name}.h5", "r") as file:
                    right = sum(int(g.attrs["label"] == g.attrs["prediction"])
                                for g in file["golden"].values())
                self.assertEqual((run["accuracy"]["count"], run["accuracy"]["top1"]),
                                 (4, right / 4))

    @needs_shared
    def test_raw_export_equals_the_capture(self):
        graph = self.folder / "graph.json"
        graph.write_text(json.dumps(raw_graph()), encoding="utf-8")
        path, data = self.imported("t2c-raw", SHARED / "t2c" / "raw_example", "--graph", graph)
        self.assertEqual(data["golden"]["totals"]["end_to_end"],
                         {"compared": 1488, "moved": 0, "largest": 0})
        self.assertTrue(any("dead after the fusion" in n for n in data["notes"]))
        run = self.json_of("run", path, "--backend", "fast")
        self.assertEqual(run["outputs"]["mismatches"], 0)
        self.refused("import", "t2c-raw", SHARED / "t2c" / "raw_example", "-o", path,
                     saying="there is no graph description")

    @needs_shared
    @needs_onnx
    def test_tflite_networks_in_both_roundings(self):
        for name in ("kws_ref_model", "pretrainedResnet_quant"):
            for rounding in ("double", "single"):
                with self.subTest(name=name, rounding=rounding):
                    path, _ = self.imported(
                        "tflite", SHARED / "models" / f"{name}.tflite", "--rounding", rounding,
                        "--golden", SHARED / "tflite_models" / f"{name}.h5")
                    data = self.json_of("run", path, "--backend", "fast")
                    self.assertEqual(data["outputs"]["mismatches"], 0)
                    self.assertGreater(data["outputs"]["compared"], 100000)

    @needs_shared
    @needs_onnx
    def test_qonnx_networks(self):
        for name in ("TFC_1W1A", "TFC_2W2A"):
            path, _ = self.imported("qonnx", SHARED / "models" / f"{name}.onnx", "--golden",
                                    SHARED / "qonnx" / f"{name}.h5")
            data = self.json_of("run", path, "--backend", "fast")
            self.assertEqual(data["outputs"]["mismatches"], 0)
            fed = self.json_of("run", path, "--feed", "golden", "--backend", "fast")
            self.assertEqual(fed["totals"]["accumulators"],
                             {"compared": 606, "moved": 0, "largest": 0})


def raw_graph():
    """What the raw export of resnet8tiny does not carry."""
    nodes = [{"name": "conv1", "op": "conv", "src": ["input"], "relu": True, "padding": 1}]
    last = "conv1"
    for block, stride in (("layer1.0", 1), ("layer2.0", 2), ("layer3.0", 2)):
        nodes += [{"name": f"{block}.conv1", "op": "conv", "src": [last], "relu": True,
                   "padding": 1, "stride": stride},
                  {"name": f"{block}.conv2", "op": "conv", "src": [f"{block}.conv1"],
                   "padding": 1}]
        skip = last
        if stride > 1:
            skip = f"{block}.downsample"
            nodes.append({"name": skip, "op": "conv", "src": [last], "stride": stride})
        last = f"{block}.add"
        nodes.append({"name": last, "op": "add", "src": [f"{block}.conv2", skip], "relu": True})
    nodes += [{"name": "avgpool", "op": "avgpool", "src": [last]},
              {"name": "fc", "op": "linear", "src": ["avgpool"]}]
    return {"name": "resnet8tiny", "scale_frac_bits": 26, "act_bits": 8, "act_unsigned": True,
            "weight_bits": 4, "nodes": nodes}


def damaged(data, cut, rng):
    """The bytes cut short, or with a few of them changed."""
    changed = bytearray(data)
    if cut:
        del changed[rng.randrange(len(changed)):]
        return changed
    for _ in range(rng.randrange(1, 12)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return changed


class Hostile(ImportTest):
    """Exit code 2 and one sentence, whatever the file holds."""

    def test_command_line(self):
        model = self.folder / "m.h5"
        source = self.folder / "x.onnx"
        source.write_bytes(b"no model at all")
        self.refused("import", saying="takes a kind")
        self.refused("import", "onnx", source, saying="-o MODEL")
        self.refused("import", "caffe", source, "-o", model, saying="caffe")
        self.refused("import", "t2c", self.folder / "absent.h5", "-o", model, saying="no such file")
        self.refused("import", "t2c", source, "-o", model, saying="no HDF5 file")
        self.refused("import", "t2c", source, "-o", model, "--mult-bits", 40, saying="4..31")
        self.refused("import", "t2c", source, "-o", model, "--rounding", "double",
                     saying="no meaning for t2c")
        self.refused("import", "t2c-raw", self.folder, "-o", model, saying="t2c_model.pth.tar")
        self.assertFalse(model.exists())

    def test_python_is_missing(self):
        env = dict(os.environ, TACTUS_PYTHON="/no/such/python")
        done = subprocess.run([tool.TACTUS, "import", "t2c", "x", "-o", "y"], env=env,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("needs Python", done.stderr)
        env = dict(os.environ, TACTUS_IMPORT=str(self.folder))
        done = subprocess.run([tool.TACTUS, "import", "t2c", "x", "-o", "y"], env=env,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("TACTUS_IMPORT", done.stderr)

    def test_a_package_is_missing(self):
        (self.folder / "numpy.py").write_text("raise ModuleNotFoundError(name='numpy')\n",
                                              encoding="utf-8")
        env = dict(os.environ, PYTHONPATH=str(self.folder))
        done = subprocess.run([sys.executable, SCRIPT, "t2c", SCRIPT, "-o", "y"], env=env,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("apt-get install python3-numpy", done.stderr)

    @needs_onnx
    def test_json_of_a_failure(self):
        source = self.folder / "x.onnx"
        source.write_bytes(b"\x00\x01")
        done = tool.tactus("import", "onnx", source, "-o", self.folder / "m.h5", "--json", "-")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(json.loads(done.stdout)["error"]["code"], 2)

    def test_pickles_do_not_run(self):
        class Evil:
            def __reduce__(self):
                return os.system, (f"touch {marker}",)
        marker = self.folder / "ran"
        with zipfile.ZipFile(self.folder / "t2c_model.pth.tar", "w") as archive:
            archive.writestr("m/data.pkl", pickle.dumps(Evil()))
        (self.folder / "graph.json").write_text(json.dumps(raw_graph()), encoding="utf-8")
        self.refused("import", "t2c-raw", self.folder, "-o", self.folder / "m.h5",
                     saying="is no tensor")
        self.assertFalse(marker.exists())

    @needs_onnx
    def test_damaged_files(self):
        """Cut and changed files of each kind: a model or one sentence, never a trace."""
        rng = random.Random(4)
        sources = {"onnx": self.sources / "small_qdq.onnx",
                   "qonnx": self.sources / "small_qonnx.onnx"}
        if SHARED.is_dir():
            sources["tflite"] = SHARED / "models" / "kws_ref_model.tflite"
        for kind, source in sources.items():
            data = source.read_bytes()
            for k in range(24):
                path = self.folder / f"{k}{source.suffix}"
                path.write_bytes(damaged(data, k < 8, rng))
                with self.subTest(kind=kind, k=k):
                    self.one_sentence(kind, path)

    @needs_onnx
    def test_damaged_captures(self):
        """Through the tool, because libhdf5 itself may end on damaged files."""
        rng = random.Random(4)
        data = (self.sources / "small_t2c.h5").read_bytes()
        for k in range(6):
            path = self.folder / f"{k}.h5"
            path.write_bytes(damaged(data, k < 3, rng))
            done = tool.tactus("import", "t2c", path, "-o", self.folder / "m.h5")
            self.assertIn(done.returncode, (0, 2), done.stderr)
            if done.returncode == 2:
                self.assertTrue(done.stderr.splitlines()[-1].startswith("tactus: "), done.stderr)

    def one_sentence(self, kind, path):
        """In this process, because starting Python takes longer than an import."""
        sys.path.insert(0, str(SCRIPT.parent))
        self.addCleanup(sys.path.remove, str(SCRIPT.parent))
        from tactus_import import cli
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run([kind, str(path), "-o", str(self.folder / "m.h5")])
        self.assertIn(code, (0, 2), err.getvalue())
        if code == 2:
            lines = err.getvalue().strip().splitlines()
            self.assertEqual(len(lines), 1, err.getvalue())
            self.assertTrue(lines[0].startswith("tactus: "), err.getvalue())


if __name__ == "__main__":
    tool.main()
