# SPDX-License-Identifier: Apache-2.0
"""What the command line tests share: where things are and how tactus is started.

Every test is started as: <test>.py PATH_OF_TACTUS [unittest arguments].
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "traces" / "models"
SCHEMAS = ROOT / "sim" / "report" / "schema"
W4A4 = str(MODELS / "digits_w4a4.h5")
W8A8 = str(MODELS / "digits_w8a8.h5")
VERBS = ["run", "check", "golden", "inspect", "explain", "disasm", "config", "sweep", "synth", "import",
         "rtl-build", "compare", "report"]
TACTUS = ""


def tactus(*args, columns=None, stdout=subprocess.PIPE, cwd=None, **more):
    """Runs tactus and returns the finished process, output as text."""
    env = dict(os.environ)
    env.pop("COLUMNS", None)
    if columns is not None:
        env["COLUMNS"] = str(columns)
    return subprocess.run([TACTUS, *map(str, args)], stdout=stdout, stderr=subprocess.PIPE,
                          text=True, env=env, cwd=cwd, timeout=900, check=False, **more)


def backends():
    """Names of the back ends of this build."""
    for line in tactus("--version").stdout.splitlines():
        if line.startswith("back ends:"):
            return line.split(":", 1)[1].split()
    raise AssertionError("tactus --version names no back ends")


class CliTest(unittest.TestCase):
    """A test with a folder of its own and checks of exit code and messages."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tactus_cli_")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def good(self, *args, code=0, **more):
        done = tactus(*args, **more)
        self.assertEqual(done.returncode, code, f"tactus {' '.join(map(str, args))}\n"
                         f"{done.stdout}\n{done.stderr}")
        return done

    def refused(self, *args, saying=(), code=2, **more):
        """Checks for one sentence on stderr, nothing on stdout, and the exit code."""
        done = tactus(*args, **more)
        text = f"tactus {' '.join(map(str, args))}\n{done.stdout}\n{done.stderr}"
        self.assertEqual(done.returncode, code, text)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, text)
        self.assertTrue(lines[0].startswith("tactus: "), text)
        self.assertGreater(len(lines[0]), 20, text)
        self.assertEqual(done.stdout or "", "", text)
        for word in [saying] if isinstance(saying, str) else saying:
            self.assertIn(word, lines[0], text)
        return done

    def json_of(self, *args, code=0):
        return json.loads(self.good(*args, "--json", "-", code=code).stdout)


def main():
    global TACTUS
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(f"usage: {sys.argv[0]} PATH_OF_TACTUS [unittest arguments]")
    TACTUS = os.path.abspath(sys.argv.pop(1))
    # The tests import this file as `tool`, which is another module than one run as a script.
    unittest.main(module="__main__", verbosity=2)
