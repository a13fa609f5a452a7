#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Waves and coverage: what other tools read from the files.

With TACTUS_ALL set the RTL builds for VCD waves and for coverage are made in the build cache where
they are missing, which takes minutes; without it their tests run where the builds are there.
"""
import os
import re
import shutil
import subprocess

import tool
from tool import W4A4, CliTest


def header_signals(vcd):
    """{path: bits} of the variables that a VCD text declares."""
    scope, signals = [], {}
    for line in vcd.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "$scope":
            scope.append(words[2])
        elif words[0] == "$upscope":
            scope.pop()
        elif words[0] == "$var":
            name = words[4]
            signals[".".join([*scope, re.sub(r"\[.*", "", name)])] = (int(words[2]), words[3])
        elif words[0] == "$enddefinitions":
            break
    return signals


def changes(vcd, identifier):
    """(time, value) of a variable, in order."""
    found, time = [], 0
    for line in vcd[vcd.index("$enddefinitions"):].splitlines():
        if line.startswith("#"):
            time = int(line[1:])
        elif line.startswith("b") and line.endswith(" " + identifier):
            found.append((time, int(line[1:].split()[0].replace("x", "0"), 2)))
        elif line[:1] in "01" and line[1:] == identifier:
            found.append((time, int(line[0])))
    return found


class Waves(CliTest):
    def saved_signals(self, path):
        """{path: bits} of a GTKWave save file."""
        signals = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            match = re.match(r"^([A-Za-z][\w.]*)(?:\[(\d+):0\])?$", line)
            if match:
                signals[match.group(1)] = int(match.group(2) or 0) + 1
        self.assertGreater(len(signals), 10)
        return signals

    def check_list(self, vcd, gtkw):
        declared = header_signals(vcd)
        for name, bits in self.saved_signals(gtkw).items():
            self.assertIn(name, declared)
            self.assertEqual(declared[name][0], bits, name)
        return declared

    def test_systemc_window(self):
        if "systemc" not in tool.backends():
            self.skipTest("this build has no systemc")
        file = self.folder / "w.vcd"
        self.good("run", W4A4, "--preset", "tiny_4", "--limit", 1, "--trace", "vcd", file,
                  "--trace-window", "1000:1200")
        vcd = file.read_text(encoding="utf-8")
        declared = self.check_list(vcd, self.folder / "w.gtkw")
        times = [int(t) for t in re.findall(r"^#(\d+)", vcd, re.M)]
        self.assertGreaterEqual(min(times), 1000)
        self.assertLessEqual(max(times), 1200)
        retired = [v for k, v in declared.items() if k.endswith("compute.retired")]
        self.assertEqual(len(retired), 1)
        self.assertTrue(changes(vcd, retired[0][1]))

    def test_a_layer_is_a_window(self):
        if "systemc" not in tool.backends():
            self.skipTest("this build has no systemc")
        file = self.folder / "w.vcd"
        self.good("run", W4A4, "--preset", "tiny_4", "--limit", 1, "--trace", "vcd", file,
                  "--trace-window", "004_block2_conv1")
        vcd = file.read_text(encoding="utf-8")
        declared = header_signals(vcd)
        layer = [v for k, v in declared.items() if k.endswith("compute.layer")]
        self.assertIn(4, [value for _, value in changes(vcd, layer[0][1])])

    def need_build(self, kind):
        """Skips unless the build of tiny_4 for it is there: making one takes minutes."""
        if "rtl" not in tool.backends():
            self.skipTest("this build has no rtl")
        there = f"libtactus_rtl_{kind}_" in tool.tactus("--version").stdout
        if not there and not os.environ.get("TACTUS_ALL"):
            self.skipTest(f"no RTL build of kind {kind}; TACTUS_ALL=1 makes it, in minutes")

    def test_rtl_vcd(self):
        self.need_build("vcd")
        file = self.folder / "w.vcd"
        data = self.json_of("run", W4A4, "--preset", "tiny_4", "--limit", 1, "--backend", "rtl",
                            "--trace", "vcd", file, "--trace-window", "500:2000")
        self.assertEqual(data["outputs"]["mismatches"], 0)
        vcd = file.read_text(encoding="utf-8")
        declared = self.check_list(vcd, self.folder / "w.gtkw")
        times = [int(t) // 1000 for t in re.findall(r"^#(\d+)", vcd, re.M)]
        self.assertEqual((min(times), max(times) <= 2000), (500, True))
        # The compute ops that start in the window, by the retire records of another back end.
        life = self.json_of("explain", W4A4, "--preset", "tiny_4", "--layer", "000_stem",
                            "--element", "0,0,0,0")
        start = [op["start"] for op in life["tile_ops"] if op["queue"] == "compute"][0]
        pulses = [t // 1000 for t, v in changes(vcd, declared["TOP.tactus_top.op_start"][1])
                  if v & 2]
        self.assertEqual(start in pulses, 500 <= start <= 2000)
        self.assertTrue(pulses)

    def test_rtl_window(self):
        self.need_build("fst")
        if shutil.which("fst2vcd") is None:
            self.skipTest("fst2vcd (package gtkwave) is not installed")
        file = self.folder / "w.fst"
        data = self.json_of("run", W4A4, "--preset", "tiny_4", "--limit", 1, "--backend", "rtl",
                            "--trace", "fst", file, "--trace-window", "0:3000")
        self.assertEqual(data["outputs"]["mismatches"], 0)
        vcd = subprocess.run(["fst2vcd", file], capture_output=True, text=True, check=True).stdout
        declared = self.check_list(vcd, self.folder / "w.gtkw")
        self.assertEqual(re.search(r"\$timescale\s+(\S+)", vcd).group(1), "1ps")
        # A pulse of op_start bit 1 begins each compute op; explain says when the first one starts.
        life = self.json_of("explain", W4A4, "--preset", "tiny_4", "--layer", "000_stem",
                            "--element", "0,0,0,0")
        first = [op["start"] for op in life["tile_ops"] if op["queue"] == "compute"][0]
        pulses = [t // 1000 for t, v in changes(vcd, declared["TOP.tactus_top.op_start"][1])
                  if v & 2]
        self.assertEqual(pulses[0], first)
        self.assertLess(max(pulses), 3000)

    def test_coverage(self):
        self.need_build("cov")
        coverage, notes = self.folder / "c.dat", self.folder / "notes"
        self.good("run", W4A4, "--preset", "tiny_4", "--limit", 2, "--backend", "rtl",
                  "--coverage", coverage)
        source = re.search(r"[^\x01\x02]*tactus_top\.sv", coverage.read_text(encoding="latin-1"))
        if not (tool.ROOT / source.group(0)).exists():
            self.skipTest(f"the coverage build is that of another checkout: {source.group(0)}")
        done = subprocess.run(["verilator_coverage", "--annotate", notes, coverage], cwd=tool.ROOT,
                              capture_output=True, text=True, check=True)
        hit, points = map(int, re.search(r"Total coverage \((\d+)/(\d+)\)", done.stdout).groups())
        self.assertGreater(points, 1000)
        self.assertGreater(hit, points // 4)
        self.assertTrue(list(notes.glob("tactus_*.sv")))

    def test_refusals(self):
        file = self.folder / "w.fst"
        fast = ["run", W4A4, "--backend", "fast", "--preset", "tiny_4", "--limit", 1]
        self.refused(*fast, "--trace", "fst", file, saying="systemc or rtl")
        self.refused(*fast, "--coverage", file, saying="rtl")
        self.refused(*fast, "--trace", "png", saying="fst or vcd")
        self.refused(*fast, "--trace-window", "1:2", saying="--trace FORMAT FILE")
        if "systemc" in tool.backends():
            system = ["run", W4A4, "--backend", "systemc", "--preset", "tiny_4", "--limit", 1]
            self.refused(*system, "--trace", "fst", file, saying="VCD")
            self.refused(*system, "--trace", "vcd", file, "--trace-window", "9:3", saying="A < B")
            self.refused(*system, "--trace", "vcd", file, "--trace-window", "none", saying="layer")
        self.assertFalse(file.exists())


if __name__ == "__main__":
    tool.main()
