#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Timelines and memory traces: their form, and that they say what reports and programs say."""
import collections
import csv
import json
import subprocess
import unittest

import tool
import trace_events
from tool import ROOT, W4A4, W8A8, CliTest

try:
    import h5py
except ImportError:
    h5py = None

SCALESIM = ROOT.parent / "shared" / "data" / "scalesim" / "out"
CAUSES = ("ifmap", "weight", "param", "psum", "store", "token")


class TimelineTest(CliTest):
    def run_with(self, model, *args):
        """Timeline and report of a run."""
        path = self.folder / "t.json"
        report = self.json_of("run", model, "--backend", "fast", *args, "--timeline", path)
        data = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
        return trace_events.Timeline(data), report

    def check_format(self, timeline):
        found = trace_events.problems(timeline.data)
        self.assertEqual(found[:5], [], f"{len(found)} problems")

    def test_checker_finds_faults(self):
        """What the checker is for: each of these departures from the format is seen."""
        timeline, _ = self.run_with(W4A4, "--limit", 1)
        good = json.dumps(timeline.data)
        self.check_format(timeline)
        at = next(i for i, e in enumerate(timeline.data["traceEvents"]) if e["ph"] == "X")
        count = next(i for i, e in enumerate(timeline.data["traceEvents"]) if e["ph"] == "C")

        def without(event, key):
            del event[key]

        def overlap(events):
            first = next(e for e in events if e["ph"] == "X")
            events.append(dict(first, ts=first["ts"] + first["dur"] - 1))

        faults = [lambda e: without(e[at], "dur"), lambda e: without(e[at], "pid"),
                  lambda e: e[at].update(ts=-1), lambda e: e[at].update(dur=0),
                  lambda e: e[at].update(tid=999), lambda e: e[at].update(ph="B"),
                  lambda e: e[count]["args"].update(x="text"), lambda e: e[at].update(name=""),
                  lambda e: e.pop(0), overlap]
        for number, fault in enumerate(faults):
            data = json.loads(good)
            fault(data["traceEvents"])
            self.assertNotEqual(trace_events.problems(data), [], f"fault {number}")

    def test_format_and_ops(self):
        """Every tile op is one slice of the queues, with the line that disasm prints."""
        for model, args in ((W4A4, ()), (W8A8, ("--preset", "tiny_4")),
                            (W4A4, ("--preset", "scalesim_16")),
                            (W4A4, ("--preset", "gemmini_16"))):
            with self.subTest(model=model, args=args):
                timeline, report = self.run_with(model, "--limit", 1, *args)
                self.check_format(timeline)
                ops = self.json_of("disasm", model, *args)["ops"]
                slices = timeline.of("queues")
                self.assertEqual([s["args"]["disassembly"] for s in
                                  sorted(slices, key=lambda s: s["args"]["op"])], ops)
                last = max(s["ts"] + s["dur"] for s in slices)
                self.assertEqual(last, report["totals"]["cycles"])
                # A block does an op's work between the op's start and retire.
                span = {s["args"]["op"]: (s["ts"], s["ts"] + s["dur"]) for s in slices}
                boot = [s for s in timeline.of("blocks") if s["cat"] == "boot"]
                self.assertEqual(len(boot), 1)
                # d >= b + 2, and an op starts one cycle later at the earliest.
                self.assertEqual(min(s["ts"] for s in slices), boot[0]["dur"] - 1 + 3)
                blocks = [s for s in timeline.of("blocks") if s["cat"] != "boot"]
                self.assertEqual({s["args"]["op"] for s in blocks}, set(span))
                for s in blocks:
                    start, end = span[s["args"]["op"]]
                    self.assertGreaterEqual(s["ts"], start, s)
                    self.assertLessEqual(s["ts"] + s["dur"], end, s)

    def test_stalls_and_layers_are_those_of_the_report(self):
        timeline, report = self.run_with(W8A8)
        counted = collections.Counter()
        for s in timeline.slices["run", "PE array stalls"]:
            counted[s["name"]] += s["dur"]
        for cause in CAUSES:
            self.assertEqual(counted[cause], sum(l["stalls"][cause] for l in report["layers"]), cause)
        cycles = collections.Counter()
        for s in timeline.slices["run", "layers"]:
            cycles[s["name"]] += s["dur"]
        for layer in report["layers"]:
            self.assertEqual(cycles[layer["id"]], layer["cycles"], layer["id"])
        runs = timeline.slices["run", "inferences"]
        self.assertEqual(len(runs), report["totals"]["inferences"])
        self.assertEqual(sum(s["dur"] for s in runs), report["totals"]["cycles"])

    def test_stalls_lie_between_compute_ops(self):
        timeline, _ = self.run_with(W4A4, "--limit", 1)
        busy = set()
        for (process, thread), slices in timeline.slices.items():
            if process == "queues" and thread.startswith("compute"):
                for s in slices:
                    busy.update(range(s["ts"], s["ts"] + s["dur"]))
        for s in timeline.slices["run", "PE array stalls"]:
            self.assertTrue(busy.isdisjoint(range(s["ts"], s["ts"] + s["dur"])), s)

    def test_array_folds_fill_the_stream(self):
        """stream = (folds - 1) * period + length of a fold, from the contract's recurrence."""
        config = self.json_of("config", "--preset", "edge_16")["values"]
        self.assertTrue(config["hw.fold_overlap"])
        timeline, _ = self.run_with(W8A8, "--limit", 1)
        for s in timeline.slices["blocks", "PE array"]:
            f = dict(w.split("=") for w in s["args"]["disassembly"].split() if "=" in w)
            self.assertNotIn("dataflow", f)  # weight-stationary
            m = int(f["out_h"]) * int(f["out_w"])
            period = max(m, config["hw.array_rows"])
            self.assertEqual(s["dur"], (int(f["folds"]) - 1) * period + m, s)

    def test_bandwidth_counts_every_byte(self):
        timeline, report = self.run_with(W8A8, "--mem.cycles_per_beat=3")
        for name, key in (("off-chip read", "offchip_bytes_read"),
                          ("off-chip write", "offchip_bytes_written")):
            steps, total = timeline.counters[name], 0
            self.assertEqual(steps, sorted(steps, key=lambda s: s[0]))
            for (at, rate), (to, _) in zip(steps, steps[1:]):
                total += rate * (to - at)
            # The rate has three decimals.
            self.assertAlmostEqual(total / report["totals"][key], 1, places=3)

    def test_fill_stays_inside_the_buffers(self):
        timeline, report = self.run_with(W8A8, "--limit", 1, "--preset", "tiny_4")
        values = report["config"]["values"]
        used = set()
        for name, steps in timeline.counters.items():
            if not name.endswith(" fill"):
                continue
            buffer = name.split()[0]
            used.add(buffer)
            self.assertLessEqual(max(v for _, v in steps), values[f"buf.{buffer}_kib"] / 2, name)
            self.assertGreater(max(v for _, v in steps), 0, name)
            self.assertEqual([at for at, _ in steps], sorted(at for at, _ in steps), name)
        self.assertEqual(used, {"ifmap", "weight", "param", "psum", "ofmap"})

    def test_back_ends_agree(self):
        traces = {}
        for backend in tool.backends():
            if backend == "ref":
                continue
            path, memory = self.folder / f"{backend}.json", self.folder / f"{backend}.csv"
            self.good("run", W4A4, "--backend", backend, "--preset", "tiny_4", "--limit", 1,
                      "--timeline", path, "--memory-trace", memory)
            data = json.loads(path.read_text(encoding="utf-8"))
            self.assertEqual(data["otherData"].pop("backend"), backend)
            data["traceEvents"][0]["args"]["name"] = ""
            traces[backend] = (data, memory.read_bytes())
        for backend, trace in traces.items():
            self.assertEqual(trace, traces["fast"], backend)

    def test_refusals(self):
        path = self.folder / "x.json"
        self.refused("run", W4A4, "--backend", "ref", "--timeline", path, saying=["ref", "cycles"])
        self.refused("run", W4A4, "--backend", "fast", "--timeline", self.folder / "no" / "x.json",
                     saying=["cannot create", "x.json"])
        self.refused("run", W4A4, "--backend", "fast", "--memory-trace", self.folder / "x.txt",
                     saying=[".csv", ".h5", "x.txt"])
        self.assertEqual(list(self.folder.iterdir()), [])


class MemoryTraceTest(CliTest):
    def trace_of(self, model, *args):
        path = self.folder / "m.csv"
        report = self.json_of("run", model, "--backend", "fast", *args, "--memory-trace", path)
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            for key in ("cycle", "address", "bytes"):
                row[key] = int(row[key])
        return rows, report

    def test_accesses_are_those_of_the_report(self):
        rows, report = self.trace_of(W8A8, "--limit", 2)
        beat = report["config"]["values"]["mem.data_bits"] // 8
        self.assertEqual([r["cycle"] for r in rows], sorted(r["cycle"] for r in rows))
        boot = [r for r in rows if r["layer"] == ""]
        self.assertEqual({r["tensor"] for r in boot}, {"program"})
        for access, key in (("read", "offchip_bytes_read"), ("write", "offchip_bytes_written")):
            beats = [r for r in rows if r["access"] == access and r["layer"] != ""]
            self.assertEqual(len(beats) * beat, report["totals"][key])
            # One beat a cycle on each port.
            cycles = [r["cycle"] for r in rows if r["access"] == access]
            self.assertEqual(len(cycles), len(set(cycles)))
        for layer in report["layers"]:
            of_layer = [r for r in rows if r["layer"] == layer["id"]]
            reads = sum(r["access"] == "read" for r in of_layer)
            self.assertEqual(reads, layer["events"]["mem_rd_beat"], layer["id"])
            self.assertEqual(len(of_layer) - reads, layer["events"]["mem_wr_beat"], layer["id"])
        self.assertTrue(all(0 < r["bytes"] <= beat and r["address"] % beat == 0 for r in rows))

    def test_addresses_lie_in_their_tensors(self):
        rows, _ = self.trace_of(W4A4, "--limit", 1)
        tensors = {t["name"]: t for t in self.json_of("inspect", W4A4)["tensors"] if t["in_memory"]}
        seen = collections.defaultdict(set)
        for r in rows:
            seen[r["tensor"]].update(range(r["address"], r["address"] + r["bytes"]))
        for name, addresses in seen.items():
            if name in tensors:
                self.assertGreaterEqual(min(addresses), tensors[name]["address"], name)
        names = list(seen)
        for i, a in enumerate(names):
            for b in names[i + 1:]:
                self.assertTrue(seen[a].isdisjoint(seen[b]), f"{a} and {b}")
        written = {r["tensor"] for r in rows if r["access"] == "write"}
        self.assertTrue(written <= set(tensors), written)

    @unittest.skipIf(h5py is None, "python3-h5py is not installed")
    def test_hdf5_holds_the_same(self):
        rows, _ = self.trace_of(W4A4, "--limit", 1)
        path = self.folder / "m.h5"
        for _ in range(2):
            self.good("run", W4A4, "--backend", "fast", "--limit", 1, "--memory-trace", path)
            content = path.read_bytes()
        with h5py.File(path) as file:
            self.assertEqual(file.attrs["format"], b"tactus.memory_trace")
            self.assertEqual(int(file.attrs["version"]), 1)
            tensors = [t.decode() for t in file["tensors"][:]]
            layers = [t.decode() for t in file["layers"][:]] + [""]
            stored = [{"cycle": int(c), "address": int(a), "access": "write" if w else "read",
                       "bytes": int(b), "tensor": tensors[t], "layer": layers[l]}
                      for c, a, w, b, t, l in zip(*(file[k][:] for k in (
                          "cycle", "address", "write", "bytes", "tensor", "layer")))]
        self.assertEqual(stored, rows)
        self.good("run", W4A4, "--backend", "fast", "--limit", 1, "--memory-trace", path)
        self.assertEqual(path.read_bytes(), content)  # two runs, one file

    def test_back_pressure_is_refused(self):
        if "rtl" not in tool.backends():
            self.skipTest("this build has no rtl back end")
        self.refused("run", W4A4, "--backend", "rtl", "--preset", "tiny_4", "--limit", 1,
                     "--backpressure", 3, "--memory-trace", self.folder / "m.csv", "--quiet",
                     saying=["held up", "backpressure"])

    def test_scalesim_layout(self):
        """The words of each operand are those of SCALE-Sim's reports where both read it once."""
        model = self.folder / "gemm.h5"
        self.good("synth", "--gemm", "64,64,64", "-o", model)
        self.trace_of(model, "--preset", "scalesim_16")
        script = ROOT / "traces" / "timeline" / "to_scalesim.py"
        subprocess.run(["/usr/bin/python3", script, self.folder / "m.csv", self.folder / "out"],
                       check=True, capture_output=True)
        words = {}
        for name in ("IFMAP", "FILTER", "OFMAP"):
            lines = (self.folder / "out" / "layer0" / f"{name}_DRAM_TRACE.csv").read_text(
                encoding="utf-8").splitlines()
            table = [list(map(int, line.split(","))) for line in lines]
            self.assertEqual(len({len(row) for row in table}), 1, name)
            self.assertEqual([row[0] for row in table], sorted(row[0] for row in table), name)
            addresses = [a for row in table for a in row[1:] if a != -1]
            self.assertEqual(len(addresses), len(set(addresses)), name)
            words[name] = len(addresses)
        self.assertEqual((words["IFMAP"], words["FILTER"]), (64 * 64, 64 * 64))
        if not SCALESIM.is_dir():
            self.skipTest(f"{SCALESIM} is not there: not compared with SCALE-Sim's counts")
        with open(SCALESIM / "gemm_16_ws" / "DETAILED_ACCESS_REPORT.csv", encoding="utf-8") as file:
            report = [[c.strip() for c in line.split(",")] for line in file]
        row = dict(zip(report[0], report[2]))  # gemm_small.csv, second layer: 64 x 64 x 64
        self.assertEqual(words["IFMAP"], int(row["DRAM IFMAP Reads"]))
        self.assertEqual(words["FILTER"], int(row["DRAM Filter Reads"]))


if __name__ == "__main__":
    tool.main()
