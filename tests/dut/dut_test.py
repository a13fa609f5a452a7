#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody else's accelerator: check --dut with libraries that are right and wrong.

The right ones are built outside the source tree with the commands of traces/README.md.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
# pylint: disable=wrong-import-position
import h5py
import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import op_zoo
import readme_test
import tool
from tool import ROOT, SCHEMAS, W4A4, W8A8, CliTest

try:
    import jsonschema
except ImportError:
    jsonschema = None

MAXPOOL = ROOT / "tests" / "dut" / "maxpool.c"
POOL = "008_pool"


def readme_commands(*words):
    """The commands of traces/README.md that contain one of the words."""
    text = (ROOT / "traces" / "README.md").read_text(encoding="utf-8")
    return [c for c in readme_test.commands(text) if any(word in c for word in words)]


def outside_folder(test):
    """A folder outside the source tree with what a user has: the sources as links, the tool."""
    folder = tempfile.TemporaryDirectory(prefix="tactus_dut_")
    test.addClassCleanup(folder.cleanup)
    path = pathlib.Path(folder.name)
    for name in ("traces", "tests", "rtl", "models"):
        (path / name).symlink_to(ROOT / name)
    (path / "build").mkdir()
    (path / "build" / "bin").symlink_to(pathlib.Path(tool.TACTUS).parent)
    return path


def run_commands(folder, commands):
    for command in commands:
        done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True,
                              timeout=600, check=False)
        if done.returncode != 0:
            raise AssertionError(f"$ {command}\n{done.stdout}\n{done.stderr}")


class Foreign(CliTest):
    """The row streamer."""

    @classmethod
    def setUpClass(cls):
        folder = outside_folder(cls)
        commands = readme_commands("verilator --cc", "row_streamer_dut.cpp")
        assert len(commands) == 2, commands
        run_commands(folder, commands)
        cls.library = folder / "librow_streamer.so"

    def check(self, model, *options, code=0):
        return self.json_of("check", model, "--dut", self.library, "-q", *options, code=code)

    def test_layers_agree(self):
        for model in (W8A8, W4A4):
            data = self.check(model)
            self.assertTrue(data["equal"])
            with h5py.File(model) as file:
                ops = {name: group.attrs["op"] for name, group in file["layers"].items()}
                weights = {name: group["weight"].shape for name, group in file["layers"].items()
                           if "weight" in group}
            self.assertEqual([layer["id"] for layer in data["layers"]], list(ops))
            for layer in data["layers"]:
                runs = layer["id"] in weights
                self.assertEqual(layer["unsupported"] is None, runs, layer)
                self.assertEqual(layer["mismatches"], 0)
                if not runs:
                    self.assertEqual(layer["unsupported"], "it only has multipliers")
                    self.assertIsNone(layer["cycles_dut"])
                    continue
                # A tap of eight channels takes a cycle, so no layer can be faster than that.
                outputs, *rest = weights[layer["id"]]
                pixels = layer["compared"] // outputs
                taps = int(numpy.prod(rest))
                self.assertGreaterEqual(layer["cycles_dut"], pixels * taps * -(-outputs // 8))
            self.assertEqual(data["totals"]["checked"], len(weights))
            self.assertEqual(data["golden"]["mismatches"], 0)

    def test_summary_names_what_was_not_checked(self):
        text = self.good("check", W8A8, "--dut", self.library, "-q").stdout
        self.assertIn("7 of 11 layers checked", text)
        self.assertIn("4 not supported and NOT checked", text)
        self.assertIn("not supported: it only has multipliers\n  003_block1_add, 007_block2_add, "
                      "008_pool, 009_mean", text)

    def test_chain(self):
        data = self.check(W8A8, "--chain")
        self.assertTrue(data["equal"])
        self.assertEqual(data["feed"], "chain")

    def test_all_layers_needed(self):
        data = self.check(W8A8, "--dut-all", code=1)
        self.assertIn("layer 003_block1_add is not supported: it only has multipliers",
                      data["first_difference"])

    def test_cycles_count_only_when_asked_for(self):
        ours = self.json_of("run", W8A8, "--backend", "fast", "--accumulators", "off")
        first = ours["layers"][0]
        data = self.check(W8A8, "--compare", "cycles", code=1)
        row = data["layers"][0]
        self.assertEqual(row["cycles_tactus"], first["cycles"])
        self.assertFalse(row["cycles_equal"])
        self.assertEqual(data["totals"]["mismatches"], 0)
        self.assertEqual(data["first_difference"],
                         f"layer {first['id']} (conv2d) takes {first['cycles']} cycles on tactus' "
                         f"accelerator and {row['cycles_dut']} on the DUT")

    @unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
    def test_json_is_what_its_schema_says(self):
        schema = json.loads((SCHEMAS / "dut_check.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        for options, code in (([], 0), (["--chain", "--compare", "cycles"], 1)):
            data = self.check(W8A8, *options, code=code)
            jsonschema.Draft202012Validator(schema).validate(data)


class EveryOp(CliTest):
    """The operations that version 2 of the header added, and what is said of those it has not."""

    OPTIONS = ("--preset", "tiny_4", "--buf.param_kib=32", "--inputs", "random:3", "-q")

    def library(self, *changes):
        text = (ROOT / "tests" / "dut" / "rows.c").read_text(encoding="utf-8")
        for old, new in changes:
            self.assertEqual(text.count(old), 1, old)
            text = text.replace(old, new)
        source, library = self.folder / "rows.c", self.folder / "rows.so"
        source.write_text(text, encoding="utf-8")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-w", f"-I{ROOT / 'traces'}", "-o",
                        library, source], check=True)
        return library

    def layers(self, library, *options, code=0):
        rows = {}
        for name in ("images", "sequences"):
            path = self.folder / f"{name}.h5"
            getattr(op_zoo, name)(path)
            data = self.json_of("check", path, "--dut", library, *self.OPTIONS, *options, code=code)
            rows.update({row["id"]: row for row in data["layers"]})
        return rows

    def test_second_version(self):
        rows = self.layers(self.library())
        ran = {row["op"] for row in rows.values() if row["unsupported"] is None}
        self.assertEqual(ran, {"requant", "mul", "maximum", "minimum", "lut", "softmax", "layernorm",
                               "rmsnorm", "matmul", "transpose", "upsample"})
        self.assertEqual(sum(row["mismatches"] for row in rows.values()), 0)
        self.assertGreater(sum(row["compared"] for row in rows.values()), 2500)
        for layer in ("018_concat", "019_slice", "022_conv_transpose", "023_pixel_shuffle",
                      "024_space_to_depth", "025_reshape", "012_fixed"):
            self.assertEqual(rows[layer]["unsupported"], "tactus_dut.h version 2 does not describe "
                             f"layers of kind {rows[layer]['op']}")

    def test_first_version_is_not_asked_for_them(self):
        library = self.library(("return 2;", "return 1;"),
                               ("if (l->op < TACTUS_DUT_REQUANT) return 0;",
                                "if (l->op < TACTUS_DUT_REQUANT) return l->op == "
                                "TACTUS_DUT_FLATTEN;"),
                               ("if (l->op == TACTUS_DUT_MATMUL) return",
                                "if (l->op == TACTUS_DUT_FLATTEN) return in[0][c]; "
                                "if (l->op == TACTUS_DUT_MATMUL) return"))
        path = self.folder / "images.h5"
        op_zoo.images(path)
        data = self.json_of("check", path, "--dut", library, *self.OPTIONS)
        rows = {row["id"]: row for row in data["layers"]}
        self.assertIsNone(rows["020_flatten"]["unsupported"])
        for layer in ("008_mul", "012_lut", "017_upsample"):
            self.assertEqual(rows[layer]["unsupported"], "the library has version 1 of tactus_dut.h, "
                             f"which does not describe layers of kind {rows[layer]['op']}")
        self.assertIn("the convention add_tflite_single", rows["007_add_single"]["unsupported"])
        library = self.library(("return 2;", "return 1;"))
        self.refused("check", path, "--dut", library, *self.OPTIONS,
                     saying=["supports no layer of op_zoo_images"])

    def test_mistakes_are_found(self):
        for change, layer in ((("if (s == 0) return l->table[i];", "return l->table[i];"),
                               "014_lut_interpolated"),
                              (("a < b ? a : b", "a < b ? b : a"), "010_minimum")):
            with self.subTest(layer=layer):
                path = self.folder / "images.h5"
                op_zoo.images(path)
                data = self.json_of("check", path, "--dut", self.library(change), *self.OPTIONS,
                                    code=1)
                self.assertIn(f"layer {layer} ", data["first_difference"])


class PlainC(CliTest):
    """The pooling unit in C and what can be wrong with it."""

    @classmethod
    def setUpClass(cls):
        cls.source = MAXPOOL.read_text(encoding="utf-8")

    def library(self, *changes):
        """The library of maxpool.c after textual changes."""
        text = self.source
        for old, new in changes:
            self.assertEqual(text.count(old), 1, old)
            text = text.replace(old, new)
        source, library = self.folder / "dut.c", self.folder / "dut.so"
        source.write_text(text, encoding="utf-8")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-w", f"-I{ROOT / 'traces'}", "-o",
                        library, source], check=True)
        return library

    def first_fault(self, *changes, model=W4A4, options=()):
        """The first mismatch of the pool as check gives it."""
        data = self.json_of("check", model, "--dut", self.library(*changes), "-q", *options, code=1)
        row = next(layer for layer in data["layers"] if layer["id"] == POOL)
        return data, row

    def test_the_readme_builds_it(self):
        folder = outside_folder(type(self))
        run_commands(folder, readme_commands("gcc -shared", "libmaxpool.so"))

    def test_pools(self):
        for model in (W4A4, W8A8):
            data = self.json_of("check", model, "--dut", self.library(), "-q")
            row = next(layer for layer in data["layers"] if layer["id"] == POOL)
            self.assertEqual((row["mismatches"], row["unsupported"]), (0, None))
            self.assertGreater(row["compared"], 0)
            self.assertEqual(data["totals"]["checked"], 1)

    def test_first_mismatch(self):
        data, row = self.first_fault(("if (v > best) best = v;", "best = v;"))
        with h5py.File(W4A4) as file:
            layer = file["layers"][POOL].attrs
            size, stride = layer["kernel"], layer["stride"]
            self.assertEqual(list(layer["padding"]), [0] * 4)
            golden = file["golden"]["0"]
            given = golden[list(file["layers"])[7]][...]
            want = golden[POOL][...]
        last = given[:, size[0] - 1::stride[0], size[1] - 1::stride[1]]
        last = last[:, :want.shape[1], :want.shape[2]]
        where = numpy.argwhere(last != want)[0]
        first = row["first_mismatch"]
        self.assertEqual(first["inference"], "golden 0")
        self.assertEqual(first["element"], where.tolist())
        self.assertEqual(first["expected"], want[tuple(where)])
        self.assertEqual(first["actual"], last[tuple(where)])
        self.assertEqual(row["mismatches"], int((last != want).sum()))
        self.assertIn(f"layer {POOL} (maxpool), element [{where[0]},{where[1]},{where[2]}]: the "
                      f"reference has {first['expected']}, the DUT has {first['actual']}",
                      data["first_difference"])

    def test_value_that_is_not_written(self):
        data, row = self.first_fault(("output[i] = best;", "if (i != 5) output[i] = best;"))
        self.assertEqual(row["mismatches"], 1)
        self.assertIsNone(row["first_mismatch"]["actual"])
        self.assertIn("the DUT wrote nothing", data["first_difference"])

    def test_chained_fault_goes_on(self):
        change = ("output[i] = best;", "output[i] = i == 0 ? 15 - best : best;")
        data, _ = self.first_fault(change, options=["--chain"])
        self.assertIn(POOL, data["first_difference"])

    def test_equal_cycles(self):
        ours = self.json_of("run", W4A4, "--backend", "fast", "--accumulators", "off", "--limit", 1)
        cycles = next(layer["cycles"] for layer in ours["layers"] if layer["id"] == POOL)
        for more, code in ((0, 0), (1, 1)):
            library = self.library(("*cycles = ", f"*cycles = {cycles + more} + 0 * "))
            data = self.json_of("check", W4A4, "--dut", library, "-q", "--limit", 1, "--compare",
                                "cycles", code=code)
            row = next(layer for layer in data["layers"] if layer["id"] == POOL)
            self.assertEqual(row["cycles_equal"], code == 0)

    def test_uncounted_cycles(self):
        library = self.library(("*cycles = ", "*cycles = TACTUS_DUT_NO_CYCLES + 0 * "))
        data = self.json_of("check", W4A4, "--dut", library, "-q", "--compare", "cycles")
        row = next(layer for layer in data["layers"] if layer["id"] == POOL)
        self.assertEqual((row["cycles_dut"], row["cycles_equal"]), (None, None))

    def test_output_of_the_library_goes_to_stderr(self):
        library = self.library(("int32_t best = INT32_MIN;",
                                "int32_t best = INT32_MIN; if (i == 0) puts(\"pooling\");"))
        done = self.good("check", W4A4, "--dut", library, "-q", "--json", "-")
        json.loads(done.stdout)

    def test_config_reaches_create(self):
        refuse = ("static int state;", "static int state; if (config_json[0] != '[') { "
                  "snprintf(message, message_bytes, \"no list: %s\", config_json); return 0; }")
        library = self.library(refuse)
        self.refused("check", W4A4, "--dut", library, "-q", saying=["no accelerator: no list: {}"])
        config = self.folder / "dut.json"
        config.write_text("[1]", encoding="utf-8")
        self.good("check", W4A4, "--dut", library, "-q", "--dut-config", config)

    def test_libraries_that_go_wrong(self):
        write = "output[i] = best;"
        for change, words in (
                ((write, "*(volatile int*)0 = 1;"), ["crashed (signal 11", f"in layer {POOL}"]),
                ((write, "__builtin_trap();"), ["crashed (signal", f"in layer {POOL}"]),
                ((write, "_exit(3);"), ["ended its process (exit code 3)", POOL]),
                ((write, "output[out.c * out.h * out.w] = 1;"), ["wrote behind", POOL]),
                ((write, "snprintf(message, message_bytes, \"hot\"); return 5;"),
                 [f"failed in layer {POOL}: hot (status 5)"]),
                (("return TACTUS_DUT_ABI_VERSION", "return 3"), ["version 3", "needs version 1 to 2"]),
                (("void tactus_dut_destroy", "void dut_end"), ["not define tactus_dut_destroy"]),
                (("return (tactus_dut*)&state", "return 0"), ["makes no accelerator"]),
                (("if (l->op == TACTUS_DUT_MAXPOOL) return 1;", ""),
                 ["supports no layer of", "it only pools"]),
                (("{ (void)dut; }", "{ __builtin_trap(); }"), ["crashed", "when it was destroyed"])):
            with self.subTest(change=change):
                self.refused("check", W4A4, "--dut", self.library(change), "-q", saying=words)

    def test_silence_has_an_end(self):
        library = self.library(("output[i] = best;", "for (volatile int k = 0;; k = 1) {}"))
        self.refused("check", W4A4, "--dut", library, "-q", "--dut-timeout", 1,
                     saying=["did not answer for 1 s", POOL])

    def test_files_that_are_no_library(self):
        text = self.folder / "text.so"
        text.write_text("no library", encoding="utf-8")
        self.refused("check", W4A4, "--dut", text, "-q", saying=["cannot be loaded"])
        self.refused("check", W4A4, "--dut", self.folder / "none.so", "-q", saying=["no file"])

    def test_options_that_do_not_fit(self):
        library = self.library()
        for options, words in ((["--backends", "ref,fast"], "--backends"),
                               (["--stop-early"], "--stop-early"),
                               (["--compare", "time"], "--compare takes cycles"),
                               (["--dut-config", self.folder / "none"], "cannot be read")):
            self.refused("check", W4A4, "--dut", library, *options, "-q", saying=words)
        for options in (["--chain"], ["--compare", "cycles"], ["--dut-all"]):
            self.refused("check", W4A4, *options, "-q", saying="need --dut")


if __name__ == "__main__":
    tool.main()
