#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Help, version, and tables that fit the terminal."""
import json

import tool
from tool import MODELS, W4A4, W8A8, CliTest


class Help(CliTest):
    def test_overview_names_every_verb(self):
        for args in ([], ["--help"], ["-h"], ["help"]):
            text = self.good(*args).stdout
            for verb in tool.VERBS:
                self.assertIn(f"\n  {verb} ", text)

    def test_every_verb_explains_itself(self):
        for verb in tool.VERBS:
            text = self.good(verb, "--help").stdout
            self.assertIn(f"usage: tactus {verb}", text)
            self.assertIn(f"Example: tactus {verb}", text)
            self.assertEqual(text, self.good("help", verb).stdout)

    def test_help_fits_80_columns(self):
        texts = [self.good("--help").stdout]
        texts += [self.good(verb, "--help").stdout for verb in tool.VERBS]
        for text in texts:
            for line in text.splitlines():
                if not line.startswith("Example:"):
                    self.assertLessEqual(len(line), 100, line)

    def test_version_lists_the_backends(self):
        self.assertIn("fast", tool.backends())
        self.assertTrue(self.good("--version").stdout.startswith("tactus "))


class Width(CliTest):
    def fits(self, columns, *args):
        text = self.good(*args, columns=columns).stdout
        self.assertTrue(text)
        for line in text.splitlines():
            self.assertLessEqual(len(line), columns, f"{columns} columns: {line}")
        return text

    def test_run_and_check(self):
        for columns in (80, 120):
            for model in (W4A4, W8A8):
                text = self.fits(columns, "run", model, "--backend", "fast")
                self.assertIn("total", text)
                self.assertIn("energy", text)
            text = self.fits(columns, "check", W4A4, "--backends", "ref,fast")
            self.assertIn("All outputs agree.", text)

    def test_120_columns_show_the_stalls_by_cause(self):
        wide = self.fits(120, "run", W4A4, "--backend", "fast")
        for cause in ("ifmap", "weight", "param", "psum", "store", "token"):
            self.assertIn(cause, wide)

    def test_compare(self):
        for preset in ("tiny_4", "edge_16"):
            self.good("run", W4A4, "--backend", "fast", "--preset", preset, "--json",
                      self.folder / f"{preset}.json")
        for columns in (80, 120):
            self.fits(columns, "compare", self.folder / "tiny_4.json",
                      self.folder / "edge_16.json")

    def test_results_and_progress_are_apart(self):
        done = self.good("run", W4A4, "--backend", "fast", "--inputs", "dataset", "--quiet",
                         "--limit", 3)
        self.assertEqual(done.stderr, "")


class Results(CliTest):
    def test_accuracy_is_the_exporters(self):
        expected = json.loads((MODELS / "digits_accuracy.json").read_text(encoding="utf-8"))
        for name, want in expected.items():
            data = self.json_of("run", MODELS / f"{name}.h5", "--backend", "fast", "--inputs",
                                "dataset")
            accuracy = data["accuracy"]
            self.assertEqual(accuracy["count"], want["count"], name)
            self.assertEqual(round(accuracy["top1"] * accuracy["count"]), want["correct"], name)
            text = self.good("run", MODELS / f"{name}.h5", "--backend", "fast", "--inputs",
                             "dataset").stdout
            self.assertIn(f"{want['correct']} of {want['count']}", text)

    def test_golden_tensors_are_met(self):
        for model in (W4A4, W8A8):
            outputs = self.json_of("run", model, "--backend", "fast", "--inputs",
                                   "golden")["outputs"]
            self.assertEqual(outputs["mismatches"], 0)
            self.assertGreater(outputs["compared"], 1000)

    def test_synthetic_gemm_runs(self):
        model = self.folder / "gemm.h5"
        self.good("synth", "--gemm", "33,20,70", "--seed", 5, "-o", model)
        again = self.folder / "again.h5"
        self.good("synth", "--gemm", "33,20,70", "--seed", 5, "-o", again)
        self.assertEqual(model.read_bytes(), again.read_bytes())
        data = self.json_of("run", model, "--backend", "fast", "--inputs", "random:3")
        self.assertEqual(data["totals"]["macs"], 33 * 20 * 70)
        self.assertEqual(data["totals"]["macs_executed"], 33 * 20 * 70)
        self.good("check", model, "--backends", "ref,fast", "--inputs", "random:3", "--preset",
                  "tiny_4")

    def test_same_run_twice(self):
        def run():
            data = self.json_of("run", W4A4, "--backend", "fast")
            del data["host"]
            return data
        self.assertEqual(run(), run())

    def test_config_round_trip(self):
        values = {}
        for line in self.good("config", "--preset", "edge_8", "--hw.acc_bits=24",
                              "--hw.clock_mhz=700").stdout.splitlines():
            values[line.split("#")[0].strip()] = None
        ini = self.folder / "mine.ini"
        ini.write_text("\n".join(values), encoding="utf-8")
        first = self.json_of("config", "--config", ini)
        second = self.json_of("config", "--preset", "edge_8", "--hw.acc_bits=24",
                              "--hw.clock_mhz=700")
        self.assertEqual(first, second)


if __name__ == "__main__":
    tool.main()
