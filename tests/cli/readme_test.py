#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every command that a README shows works.

Commands are the lines of code blocks marked sh, and the lines after "$ " in blocks marked console.
They run one after the other, block by block, in a folder that has the repository's files as links
and build/bin as the folder of the tactus under test, so that what they write stays out of the
source tree. The scripts that build or take minutes are asked for --help instead; a command of the
repository that a README names must exist.
"""
import os
import pathlib
import re
import shlex
import subprocess

import tool
from tool import ROOT, CliTest

BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```", re.M | re.S)
HELP_ONLY = ("sim/quickstart.sh", "sim/setup_debian.sh", "tests/run.sh", "tests/mutate.sh",
             "tests/accept/foundation.sh", "tests/accept/scalesim_rows.py", "tests/bench/bench.py")
EXIST_ONLY = ("frontend/import/",)  # need PyTorch and minutes
NOT_RUN = ("git", "cmake", "ninja", "ctest", "cd", "sudo", "apt-get")


def commands(text):
    """The commands of all blocks, continuation lines joined."""
    for kind, block in BLOCK.findall(text):
        block = block.replace("\\\n", " ")
        for line in block.splitlines():
            if kind == "console":
                if not line.startswith("$ "):
                    continue
                line = line[2:]
            line = line.strip()
            if line and not line.startswith("#"):
                yield line


def readmes():
    skip = {".git"}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if f not in skip and not f.startswith("build")]
        for name in files:
            if name.endswith(".md"):
                yield pathlib.Path(folder) / name


class Readme(CliTest):
    def setUp(self):
        super().setUp()
        for entry in ROOT.iterdir():
            if not entry.name.startswith(("build", ".git")):
                (self.folder / entry.name).symlink_to(entry)
        (self.folder / "build").mkdir()
        (self.folder / "build" / "bin").symlink_to(pathlib.Path(tool.TACTUS).parent)

    def words(self, command):
        words = shlex.split(command, comments=True)
        while words and re.match(r"^[A-Z_]+=", words[0]):
            words.pop(0)
        if words and words[0] in ("python3", "/usr/bin/python3"):
            words.pop(0)
        return words

    def run_command(self, command):
        words = self.words(command)
        if not words or words[0] in NOT_RUN:
            return
        program = words[0]
        if program.startswith(EXIST_ONLY):
            self.assertTrue((self.folder / program).exists(), command)
            return
        if program in HELP_ONLY:
            command = f"{program} --help"
        if program == "tactus":
            command = "build/bin/" + command
        done = subprocess.run(["bash", "-c", command], cwd=self.folder, capture_output=True,
                              text=True, timeout=1200, check=False)
        if done.returncode == 2 and "charting library" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, f"$ {command}\n{done.stdout}\n{done.stderr}")
        self.assertTrue(done.stdout.strip(), f"$ {command} prints nothing")

    def test_commands(self):
        count = 0
        for readme in sorted(readmes()):
            for command in commands(readme.read_text(encoding="utf-8")):
                with self.subTest(readme=str(readme.relative_to(ROOT)), command=command):
                    self.run_command(command)
                count += 1
        self.assertGreater(count, 5)

    def test_links_lead_somewhere(self):
        for readme in readmes():
            text = readme.read_text(encoding="utf-8")
            for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
                if "://" not in target:
                    self.assertTrue((readme.parent / target).exists(), f"{readme}: {target}")

    def test_length(self):
        lines = (ROOT / "README.md").read_text(encoding="utf-8").count("\n")
        self.assertLessEqual(lines, 200)


if __name__ == "__main__":
    tool.main()
