#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sweeps: exact rows, the same rows whatever happens on the way, queries, exports, shards, jobs."""
import csv
import json
import os
import random
import signal
import sqlite3
import subprocess
import time
import unittest

import tool
from tool import MODELS, SCHEMAS, W4A4, W8A8, CliTest

try:
    import jsonschema
except ImportError:
    jsonschema = None
try:
    import h5py
except ImportError:
    h5py = None

SPEC = f"""[sweep]
preset = tiny_4
objectives = cycles, energy, accuracy
accuracy = 40
[models]
w8 = {W8A8}
w4 = {W4A4}
[axes]
hw.acc_bits = 14, 32
buf.weight_kib = 1..8*8
mem.latency_cycles = 5..65+30
[set]
hw.acc_overflow = saturate
[constraints]
fast = mem.latency_cycles < 60 || buf.weight_kib == 8
"""


def rows(path, *tables):
    """All rows of the tables that are the same for equal specs, sorted."""
    out = {}
    with sqlite3.connect(path) as db:
        for table in tables or ("points", "layers", "variants", "audits", "results"):
            out[table] = sorted(map(repr, db.execute(f"SELECT * FROM {table}")))
    db.close()
    return out


def one(path, sql):
    with sqlite3.connect(path) as db:
        value = db.execute(sql).fetchone()[0]
    db.close()
    return value


def points(path, where="1"):
    with sqlite3.connect(path) as db:
        db.row_factory = sqlite3.Row
        found = [dict(row) for row in
                 db.execute(f"SELECT * FROM results WHERE {where} ORDER BY point")]
    db.close()
    return found


class SweepTest(CliTest):
    def spec(self, text=SPEC, name="spec.ini"):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def sweep(self, *more, text=SPEC, out="a.sqlite", code=0):
        path = self.folder / out
        self.good("sweep", self.spec(text), "--out", path, "--quiet", *more, code=code)
        return path

    def start(self, *more, out="a.sqlite", text=SPEC):
        """A sweep in the background, and its database."""
        path = self.folder / out
        words = [tool.TACTUS, "sweep", self.spec(text), "--out", path, "--quiet", *more]
        return subprocess.Popen([str(w) for w in words], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, start_new_session=True), path


class Rows(SweepTest):
    def test_points_are_what_a_run_reports(self):
        path = self.sweep("--layers")
        table = points(path)
        self.assertEqual([p["point"] for p in table], list(range(2 * 2 * 2 * 3)))
        usable = [p for p in table if p["status"] == "ok"]
        self.assertEqual(len(usable), 20)
        for p in usable[::4]:
            model = W8A8 if p["model"] == "w8" else W4A4
            run = self.json_of("run", model, "--backend", "fast", "--limit", 1, "--preset",
                               "tiny_4", "--accumulators", "off", "--hw.acc_overflow=saturate",
                               f"--hw.acc_bits={p['hw.acc_bits']}",
                               f"--buf.weight_kib={p['buf.weight_kib']}",
                               f"--mem.latency_cycles={p['mem.latency_cycles']}",
                               code=None)
            total = run["totals"]
            self.assertEqual(p["hash"],
                             f"{run['config']['hash']}-{run['model']['sha256'][:12]}")
            for key in ("cycles", "cycles_first", "cycles_steady", "inferences", "macs",
                        "macs_executed", "utilization", "offchip_bytes_read",
                        "offchip_bytes_written", "seconds_at_clock"):
                self.assertEqual(p[key], total[key], key)
            self.assertEqual(p["energy_pj"], total["energy_pj"]["value"])
            self.assertEqual(p["energy_hi_pj"], total["energy_pj"]["hi"])
            for name, count in total["events"].items():
                self.assertEqual(p[f"event_{name}"], count, name)
            for cause in ("ifmap", "weight", "param", "psum", "store", "token"):
                self.assertEqual(p[f"stall_{cause}"],
                                 sum(layer["stalls"][cause] for layer in run["layers"]), cause)
            with sqlite3.connect(path) as db:
                layers = db.execute("SELECT id, cycles, energy_pj FROM layers WHERE point = ? "
                                    "ORDER BY layer", (p["point"],)).fetchall()
            db.close()
            self.assertEqual(layers, [(x["id"], x["cycles"], x["energy_pj"]["value"])
                                      for x in run["layers"]])

    def json_of(self, *args, code=0):
        """As in CliTest; code None takes mismatches with golden, which saturation causes."""
        if code is not None:
            return super().json_of(*args, code=code)
        done = tool.tactus(*args, "--json", "-")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return json.loads(done.stdout)

    def test_accuracy_is_that_of_a_run_and_each_variant_runs_once(self):
        path = self.sweep()
        for p in points(path, "\"mem.latency_cycles\" = 35 AND \"buf.weight_kib\" = 8"):
            model = W8A8 if p["model"] == "w8" else W4A4
            run = self.json_of("run", model, "--backend", "fast", "--inputs", "dataset",
                               "--limit", 40, "--preset", "tiny_4", "--accumulators", "off",
                               "--hw.acc_overflow=saturate",
                               f"--hw.acc_bits={p['hw.acc_bits']}")
            self.assertEqual((p["correct"], p["count"]),
                             (run["accuracy"]["correct"], run["accuracy"]["count"]))
            self.assertEqual(p["accuracy"], run["accuracy"]["top1"])
        accuracies = {(p["model"], p["hw.acc_bits"]): p["accuracy"] for p in points(path)}
        # 14 bits saturate for W8A8, and nothing does at 32.
        self.assertLess(accuracies["w8", 14], accuracies["w8", 32])
        with sqlite3.connect(path) as db:
            keys = db.execute("SELECT model, numeric_key FROM variants").fetchall()
        db.close()
        self.assertEqual(len(keys), len(set(keys)))
        self.assertIn(("w8", "exact"), keys)
        self.assertLessEqual(len(keys), 6)

    def test_points_that_cannot_be_built_and_excluded_ones_have_a_reason(self):
        text = SPEC.replace("buf.weight_kib = 1..8*8",
                            "hw.array_rows, hw.array_cols = 4x4, 5x4, 4x256, 256x256")
        text = text.replace("fast = mem.latency_cycles < 60 || buf.weight_kib == 8",
                            "small = hw.array_rows * hw.array_cols <= 2000")
        path = self.sweep(text=text)
        by = {}
        for p in points(path):
            by.setdefault(p["status"], []).append(p)
        self.assertEqual(sum(map(len, by.values())), 2 * 2 * 4 * 3)
        self.assertEqual({p["hw.array_rows"] for p in by["excluded"]}, {256})
        self.assertIn("small: hw.array_rows", by["excluded"][0]["reason"])
        five = [p for p in by["invalid"] if p["hw.array_rows"] == 5]
        self.assertEqual(len(five), 12)
        self.assertIn("power of two", five[0]["reason"])
        self.assertIsNone(five[0]["cycles"])
        self.assertEqual(by["ok"][0]["hw.array_rows"], 4)

    def test_an_overflow_that_is_not_allowed_makes_the_point_invalid(self):
        text = SPEC.replace("saturate", "error").replace("w4 = ", "#")
        statuses = {p["hw.acc_bits"]: (p["status"], p["reason"])
                    for p in points(self.sweep(text=text))}
        self.assertEqual(statuses[14][0], "invalid")
        self.assertIn("overflow", statuses[14][1])
        self.assertEqual(statuses[32], ("ok", None))

    def test_synthetic_models_and_random_samples(self):
        text = ("[sweep]\nsampler=random\nsamples=9\nseed=3\nvalue_events=false\n[models]\n"
                "a=synth --gemm 20,30,40 --weight-bits 4\nb=synth --gemm 20,30,40 --seed 2\n"
                "[axes]\nmem.latency_cycles=1..1000\nmap.dataflow=auto,ws\n")
        path = self.sweep(text=text)
        table = points(path)
        self.assertEqual(len(table), 9)
        self.assertTrue(all(p["status"] == "ok" for p in table), table)
        self.assertIsNone(table[0]["event_act_zero"])
        self.assertEqual(rows(path), rows(self.sweep(text=text, out="b.sqlite")))
        other = points(self.sweep(text=text.replace("seed=3", "seed=4"), out="c.sqlite"))
        self.assertNotEqual([p["hash"] for p in table], [p["hash"] for p in other])


class SameRows(SweepTest):
    def test_workers_kills_and_resumes(self):
        whole = rows(self.sweep("--layers", "--workers", 1))
        self.assertEqual(len(whole["points"]), 24)
        self.assertEqual(whole, rows(self.sweep("--layers", "--workers", 3, out="b.sqlite")))
        dice = random.Random(5)
        for _ in range(6):
            process, path = self.start("--layers", "--resume", "--workers", "2", out="c.sqlite")
            time.sleep(dice.uniform(0.01, 0.25))
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        self.sweep("--layers", "--resume", out="c.sqlite")
        self.assertEqual(whole, rows(path))

    def test_shards_gather_to_the_same_rows(self):
        whole = rows(self.sweep())
        parts = []
        for i in range(3):
            parts.append(self.sweep("--shard", f"{i}/3", "--workers", 1 + i, out=f"p{i}.sqlite"))
            self.assertLess(len(points(parts[-1])), 24)
        out = self.folder / "all.sqlite"
        self.assertIn("24 of 24", self.good("sweep", "--gather", *parts, "--out", out).stdout)
        self.assertEqual(whole, rows(out))
        # What is missing can be computed in the gathered database.
        self.good("sweep", "--gather", *parts[:2], "--out", out)
        self.good("sweep", self.folder / "spec.ini", "--out", out, "--resume", "--quiet")
        self.assertEqual(whole, rows(out))

    def test_interrupt_ends_cleanly_and_can_be_resumed(self):
        text = SPEC.replace("5..65+30", "1..100000")

        def count():
            try:
                return one(path, "SELECT COUNT(*) FROM points") if path.exists() else 0
            except sqlite3.Error:
                return 0  # it is just being made
        for name in (signal.SIGINT, signal.SIGTERM):
            path = self.folder / "a.sqlite"
            before = count()
            process, _ = self.start("--workers", "2", "--resume", text=text)
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and count() == before:
                time.sleep(0.02)
            process.send_signal(name)
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130, err)
            self.assertIn("--resume", out)
            self.assertEqual(one(path, "SELECT ended FROM sessions ORDER BY session DESC"),
                             "stopped")
            self.assertEqual(one(path, "PRAGMA integrity_check"), "ok")

    def test_audit_finds_no_difference(self):
        if "systemc" not in tool.backends():
            self.skipTest("this build has no systemc back end")
        path = self.sweep("--audit", "25%")
        with sqlite3.connect(path) as db:
            audits = db.execute("SELECT backend, equal FROM audits").fetchall()
        db.close()
        self.assertGreater(len(audits), 1)
        self.assertTrue(all(equal == 1 for _, equal in audits))
        # An audit that is asked for later takes the same points.
        other = self.sweep(out="b.sqlite")
        self.sweep("--audit", "25%", "--resume", out="b.sqlite")
        self.assertEqual(rows(path), rows(other))

    def test_audit_finds_a_wrong_row(self):
        if "systemc" not in tool.backends():
            self.skipTest("this build has no systemc back end")
        path = self.sweep()
        with sqlite3.connect(path) as db:
            db.execute("UPDATE points SET cycles = cycles + 1 WHERE point = 5")
        db.close()
        done = self.good("sweep", self.spec(), "--out", path, "--resume", "--audit", "100%",
                         "--quiet", code=1)
        self.assertIn("point 5", done.stdout)


class Questions(SweepTest):
    def test_queries(self):
        path = self.sweep()
        table = [p for p in points(path) if p["status"] == "ok"]
        listed = self.json_of("sweep", path, "--list")
        self.assertEqual([p["point"] for p in listed["points"]], list(range(24)))
        best = self.json_of("sweep", path, "--best", "cycles", "--top", 3)
        self.assertEqual(best["points"][0]["cycles"], min(p["cycles"] for p in table))
        self.assertEqual(len(best["points"]), 3)
        best = self.json_of("sweep", path, "--best", "accuracy")
        self.assertEqual(best["points"][0]["accuracy"], max(p["accuracy"] for p in table))
        front = self.json_of("sweep", path, "--pareto", "cycles,accuracy")["points"]
        expected = sorted(p["point"] for p in table if not any(
            q["cycles"] <= p["cycles"] and q["accuracy"] >= p["accuracy"] and
            (q["cycles"], q["accuracy"]) != (p["cycles"], p["accuracy"]) for q in table))
        self.assertEqual(sorted(p["point"] for p in front), expected)
        some = self.json_of("sweep", path, "--list", "--where",
                            "model == w4 && hw.acc_bits < 20 && accuracy >= 0.5")
        self.assertEqual([p["point"] for p in some["points"]],
                         [p["point"] for p in table if p["model"] == "w4" and
                          p["hw.acc_bits"] < 20 and p["accuracy"] >= 0.5])
        if jsonschema is not None:
            for data, name in ((listed, "sweep_query"), (best, "sweep_query"),
                               (self.json_of("sweep", self.folder / "spec.ini", "--out", path,
                                             "--resume"), "sweep")):
                schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
                jsonschema.Draft202012Validator(schema).validate(data)
        for columns in (80, 120):
            for query in (["--list"], ["--best", "energy"], ["--pareto"],
                          ["--pareto=traffic,storage"]):
                text = self.good("sweep", path, *query, columns=columns).stdout
                self.assertIn("weight_kib", text)
                for line in text.splitlines():
                    self.assertLessEqual(len(line), columns, line)
        self.assertIn("no point fits", self.good("sweep", path, "--list", "--where",
                                                 "cycles < 1").stdout)

    def test_exports(self):
        path = self.sweep()
        table = points(path)
        out = self.folder / "a.csv"
        self.good("sweep", path, "--export", out)
        with open(out, newline="", encoding="utf-8") as file:
            for got, want in zip(csv.DictReader(file), table, strict=True):
                for key, value in want.items():
                    text = got[key]
                    self.assertEqual(type(value)(text) if value is not None else text,
                                     "" if value is None else value, key)
        if h5py is None:
            self.skipTest("python3-h5py is not installed")
        out = self.folder / "a.h5"
        self.good("sweep", path, "--export", out)
        with h5py.File(out) as file:
            self.assertEqual(bytes(file.attrs["format"]), b"tactus.sweep")
            group = file["points"]
            for key in table[0]:
                column = [p[key] for p in table]
                if isinstance(column[0], str):
                    self.assertEqual([x.decode() for x in group[key][()]],
                                     [text or "" for text in column], key)
                elif None not in column:
                    self.assertEqual(list(group[key][()]), column, key)

    def test_progress_and_summary(self):
        done = self.good("sweep", self.spec(), "--out", self.folder / "a.sqlite")
        self.assertIn("24 of 24 points", done.stdout)
        self.assertIn("numeric variants", done.stdout)

    def test_refusals(self):
        path = self.sweep()
        spec = self.folder / "spec.ini"
        self.refused("sweep", spec, "--out", path, saying=("exists already", "--resume"))
        self.refused("sweep", spec, saying="--out")
        self.refused("sweep", saying="SPEC.ini")
        self.refused("sweep", self.folder / "none.ini", "--out", "x", saying="none.ini")
        self.refused("sweep", path, "--best", "speed", saying=("speed", "energy"))
        self.refused("sweep", path, "--list", "--where", "cylces < 5", saying="cylces")
        self.refused("sweep", path, "--list", "--pareto", saying="one of")
        self.refused("sweep", path, "--export", "a.txt", saying=".csv")
        self.refused("sweep", spec, "--list", saying="spec.ini")
        self.refused("sweep", W4A4, "--list", saying="digits_w4a4.h5")
        self.refused("sweep", spec, "--out", "x", "--shard", "3/3", saying="3/3")
        self.refused("sweep", spec, "--out", "x", "--audit", "200%", saying="200%")
        self.spec(SPEC.replace("14, 32", "14, 99"))
        self.refused("sweep", spec, "--out", "x", saying=("spec.ini:9", "hw.acc_bits", "99"))
        self.spec(SPEC.replace(W4A4, W8A8))
        self.refused("sweep", spec, "--out", "x", saying=("w8 and w4", "same model"))
        self.spec(SPEC.replace(W4A4, "none.h5"))
        self.refused("sweep", spec, "--out", "x", saying=("[models] w4", "none.h5"))
        self.spec(SPEC.replace("14, 32", "16, 32"))
        self.refused("sweep", spec, "--out", path, "--resume", saying="another spec")


class Jobs(SweepTest):
    def test_scripts_of_a_job(self):
        out = self.folder / "a.sqlite"
        self.good("sweep", self.spec(), "--out", out, "--slurm", 3, "--write-only", "--audit",
                  "10%", "--layers")
        jobs = self.folder / "a.sqlite.slurm"
        script = (jobs / "array.sh").read_text(encoding="utf-8")
        self.assertIn("#SBATCH --array=0-2", script)
        # The scripts are what a cluster would run.
        for i in range(3):
            env = dict(os.environ, SLURM_ARRAY_TASK_ID=str(i), SLURM_CPUS_PER_TASK="2")
            subprocess.run([jobs / "array.sh"], env=env, check=True, capture_output=True)
        subprocess.run([jobs / "gather.sh"], check=True, capture_output=True)
        self.assertEqual(rows(out), rows(self.sweep("--layers", "--audit", "10%",
                                                    out="b.sqlite")))

    def test_without_slurm_it_says_so(self):
        env = dict(os.environ, PATH=str(self.folder))
        done = subprocess.run([tool.TACTUS, "sweep", self.spec(), "--out", self.folder / "a",
                               "--slurm", "2"], env=env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no sbatch", done.stderr)


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 2000
    tool.main()
