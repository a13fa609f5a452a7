#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON of every verb is what its schema says, on success and on failure."""
import json
import unittest

import tool
from tool import SCHEMAS, W4A4, W8A8, CliTest

try:
    import jsonschema
except ImportError:
    jsonschema = None

# Verbs whose result is too small for a schema file of its own.
SMALL = {
    "disasm": {"ops": {"type": "array", "minItems": 1, "items": {"type": "string"}}},
    "synth": {"layers": {"type": "integer", "minimum": 1},
              "macs": {"type": "integer", "minimum": 1}},
    "rtl_build": {"elab_hash": {"type": "string", "pattern": "^[0-9a-f]{8,64}$"}},
}


def schema_of(name):
    path = SCHEMAS / f"{name}.schema.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    return {"type": "object", "required": ["schema", *SMALL[name]],
            "properties": {"schema": {"const": f"tactus.{name}/1"}, **SMALL[name]}}


@unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
class Schemas(CliTest):
    def valid(self, name, data):
        jsonschema.Draft202012Validator(schema_of(name)).validate(data)
        return data

    def test_schemas_are_schemas(self):
        for path in SCHEMAS.glob("*.schema.json"):
            jsonschema.Draft202012Validator.check_schema(
                json.loads(path.read_text(encoding="utf-8")))

    def test_run_of_every_backend(self):
        for backend in tool.backends():
            if backend == "rtl":  # needs a built array; tiny_4 is built with the project
                args = ["--preset", "tiny_4", "--limit", 1]
            else:
                args = ["--limit", 1]
            data = self.valid("run", self.json_of("run", W4A4, "--backend", backend, *args))
            self.assertEqual(data["backend"], backend)
            self.assertEqual(data["outputs"]["mismatches"], 0)
            self.assertEqual(data["totals"]["inferences"], 1)

    def test_totals_are_the_sums_of_the_layers(self):
        data = self.valid("run", self.json_of("run", W8A8, "--backend", "fast"))
        for key in ("cycles", "macs", "macs_executed"):
            self.assertEqual(sum(layer[key] for layer in data["layers"]), data["totals"][key], key)
        for layer in data["layers"]:
            self.assertLessEqual(layer["utilization"], 1)

    def test_check(self):
        data = self.valid("check", self.json_of("check", W4A4, "--backends", "ref,fast"))
        self.assertTrue(all(pair["outputs_equal"] for pair in data["pairs"]))

    def test_inspect(self):
        self.valid("inspect", self.json_of("inspect", W4A4, "--preset", "tiny_4"))

    def test_golden(self):
        args = ("--preset", "tiny_4", "--images", 0, "--layers", "010_logits", "--witnesses",
                "ref,fast", "--out", self.folder / "set", "-q")
        data = self.valid("golden", self.json_of("golden", W4A4, *args))
        self.assertEqual((data["action"], data["images"], data["layers"]), ("export", 1, 1))
        verified = self.valid("golden", self.json_of("golden", "--verify", self.folder / "set",
                                                     W4A4, "-q"))
        self.assertEqual((verified["files"], verified["bytes"]), (data["files"], data["bytes"]))
        self.assertEqual(verified["retired"], data["tile_ops"])
        (self.folder / "set" / "golden_0" / "010_logits" / "output.npy").unlink()
        damaged = self.json_of("golden", "--verify", self.folder / "set", code=1)
        self.assertEqual(len(self.valid("golden", damaged)["problems"]), 1)

    def test_disasm(self):
        self.valid("disasm", self.json_of("disasm", W4A4))

    def test_config_of_every_preset(self):
        for preset in tool.ROOT.glob("models/arch/presets/*.ini"):
            self.valid("config", self.json_of("config", "--preset", preset.stem))

    def test_synth(self):
        data = self.valid("synth", self.json_of("synth", "--gemm", "5,6,7", "-o",
                                                self.folder / "g.h5"))
        self.assertEqual(data["macs"], 5 * 6 * 7)

    def test_rtl_build(self):
        if "rtl" not in tool.backends():
            self.skipTest("this build has no rtl back end")
        self.valid("rtl_build", self.json_of("rtl-build", "--preset", "tiny_4"))

    def test_compare(self):
        for preset in ("tiny_4", "edge_8"):
            self.good("run", W4A4, "--backend", "fast", "--preset", preset, "--json",
                      self.folder / f"{preset}.json")
        self.valid("compare", self.json_of("compare", self.folder / "tiny_4.json",
                                           self.folder / "edge_8.json"))

    def test_report(self):
        result = self.folder / "run.json"
        self.good("run", W4A4, "--backend", "fast", "--limit", 1, "--json", result)
        done = tool.tactus("report", result, "--html", self.folder / "run.html", "--json", "-")
        if "charting library" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(self.valid("report", json.loads(done.stdout))["kind"], "run")

    def test_file_and_stdout_get_the_same(self):
        path = self.folder / "config.json"
        text = self.good("config", "--json", path).stdout
        self.assertIn("config hash", text)
        self.assertEqual(path.read_text(encoding="utf-8"),
                         self.good("config", "--json", "-").stdout)

    def test_failure_of_every_verb(self):
        for verb in tool.VERBS:
            done = self.good(verb, "--frobnicate", "--json", "-", code=2)
            error = self.valid("error", json.loads(done.stdout))["error"]
            self.assertEqual(error["code"], 2)
            self.assertIn("frobnicate", error["message"])
            self.assertEqual(done.stderr, f"tactus: {error['message']}\n")

    def test_failure_names_the_file(self):
        path = str(self.folder / "none.h5")
        error = json.loads(self.good("run", path, "--json", "-", code=2).stdout)["error"]
        self.assertEqual(error["file"], path)


if __name__ == "__main__":
    tool.main()
