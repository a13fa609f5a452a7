#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""RTL with modules of somebody else: --rtl-lib, built as traces/README.md says, and --stop-early.

With TACTUS_ALL set a wrong module is built, too, which takes half a minute more.
"""
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
# pylint: disable=wrong-import-position
import dut_test
import tool
from tool import ROOT, W4A4, W8A8, CliTest

TINY = ["--preset", "tiny_4", "-q"]
ENDED = re.compile(r"; rtl was ended in cycle (\d+)$")


def first_difference(data):
    return data["pairs"][0]["first_difference"]


class DropIn(CliTest):
    """The PE with a Booth multiplier."""

    @classmethod
    def setUpClass(cls):
        cls.outside = dut_test.outside_folder(cls)
        cls.command = dut_test.readme_commands("OVERLAY=")
        assert len(cls.command) == 1, cls.command
        dut_test.run_commands(cls.outside, cls.command)
        cls.library = cls.outside / "libbooth.so"

    def test_agrees(self):
        for model in (W4A4, W8A8):
            data = self.json_of("check", model, *TINY, "--backends", "fast,rtl", "--rtl-lib",
                                self.library)
            self.assertEqual([data["equal"], data["pairs"][0]["cycles_equal"],
                              data["pairs"][0]["events_equal"]], [True] * 3)

    def test_run_takes_it(self):
        data = self.json_of("run", W4A4, *TINY, "--backend", "rtl", "--rtl-lib", self.library,
                            "--limit", 1)
        self.assertEqual(data["outputs"]["mismatches"], 0)

    @unittest.skipUnless(os.environ.get("TACTUS_ALL"), "builds the RTL again; set TACTUS_ALL")
    def test_wrong_multiplier_is_found(self):
        """The digit -2 taken for -1."""
        modules = self.outside / "wrong"
        modules.mkdir()
        source = (ROOT / "tests/dut/dropin/tactus_pe.sv").read_text(encoding="utf-8")
        self.assertEqual(source.count("-(act <<< 1)"), 1)
        (modules / "tactus_pe.sv").write_text(source.replace("-(act <<< 1)", "-act"),
                                              encoding="utf-8")
        command = self.command[0].replace("tests/dut/dropin", "wrong").replace("booth", "wrong")
        dut_test.run_commands(self.outside, [command])
        data = self.json_of("check", W8A8, *TINY, "--backends", "fast,rtl", "--rtl-lib",
                            self.outside / "libwrong.so", code=1)
        pair = data["pairs"][0]
        self.assertEqual([pair["outputs_equal"], pair["cycles_equal"]], [False, True])
        self.assertIn("000_stem, compute op 0, digest", pair["first_difference"])

    def test_capabilities_must_fit(self):
        for key, words in (("--hw.acc_bits=24", ["AccBits is 32", "hw.acc_bits needs 24"]),
                           ("--buf.weight_kib=4096", ["WeightRows", "needs at least"])):
            self.refused("check", W4A4, *TINY, key, "--backends", "fast,rtl", "--rtl-lib",
                         self.library, saying=["does not fit the architecture", *words])

    def test_needs_the_back_end(self):
        self.refused("check", W4A4, *TINY, "--backends", "ref,fast", "--rtl-lib", self.library,
                     saying="--rtl-lib")
        self.refused("run", W4A4, *TINY, "--backend", "fast", "--rtl-lib", self.library,
                     saying="--rtl-lib")

    def test_other_libraries_are_refused(self):
        self.refused("run", W4A4, *TINY, "--backend", "rtl", "--rtl-lib", self.folder / "none.so",
                     saying="cannot be loaded")
        self.refused("run", W4A4, *TINY, "--backend", "rtl", "--rtl-lib", "libz.so.1",
                     saying="libz.so.1")


class StopEarly(CliTest):
    """A run that is ended early gives the same first difference as a whole one."""

    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tool.TACTUS).parent.parent / "lib" / "tactus" / "rtl"
        found = []
        for path in sorted(folder.glob("libtactus_rtl_faults_*.so")):
            done = tool.tactus("check", W4A4, *TINY, "--limit", 1, "--backends", "fast,rtl",
                               "--rtl-lib", path)
            if done.returncode == 0:
                found.append(path)
        assert len(found) == 1, f"one build of tiny_4 with the seeded faults in {folder}: {found}"
        cls.library = found[0]

    def check(self, fault, *options):
        return self.json_of("check", W8A8, *TINY, "--limit", 1, "--backends", "fast,rtl",
                            "--rtl-lib", self.library, "--fault", fault, *options, code=1)

    def test_every_seeded_fault(self):
        ended = 0
        for fault in range(1, 16):
            if fault == 10:  # no value of this model reaches the upper clamp
                continue
            with self.subTest(fault=fault):
                whole, part = self.check(fault), self.check(fault, "--stop-early")
                match = ENDED.search(first_difference(part))
                if fault == 5:  # a lost token: the whole run stands still in the end
                    self.assertIn("no op retired", first_difference(whole))
                    self.assertIn("start cycle", first_difference(part))
                else:
                    self.assertEqual(ENDED.sub("", first_difference(part)), first_difference(whole))
                if match:
                    ended += 1
                    self.assertLess(int(match.group(1)), whole["totals"]["cycles"])
        self.assertGreater(ended, 10)

    def test_equal_runs_go_to_their_end(self):
        data = self.json_of("check", W8A8, *TINY, "--limit", 1, "--backends", "fast,rtl",
                            "--rtl-lib", self.library, "--stop-early")
        self.assertTrue(data["equal"])


if __name__ == "__main__":
    tool.main()
