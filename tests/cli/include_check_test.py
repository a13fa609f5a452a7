#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tests/include_check.py finds what it is there for (it is run on the repository separately)."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "include_check.py"


class IncludeCheck(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True,
                                  check=False)

    def refused(self, word, files):
        done = self.check(files)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(word, done.stdout)

    def test_good_tree(self):
        done = self.check({"models/numerics/formats.hpp": "",
                           "models/ref/a.cpp": '#include "numerics/formats.hpp"\n'
                                               '#include "network/network.hpp"\n',
                           "frontend/network/network.hpp": "#include <vector>\n",
                           "frontend/hdf5/h5.cpp": "#include <hdf5.h>\n"})
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_empty_tree(self):
        self.assertEqual(self.check({}).returncode, 1)

    def test_reference_uses_the_arithmetic(self):
        self.refused("must not depend on", {"models/numerics/tflite.hpp": "",
                                            "models/ref/a.cpp": '#include "numerics/tflite.hpp"\n'})

    def test_host_reaches_the_arithmetic_through_another_header(self):
        self.refused("reaches the arithmetic", {
            "models/numerics/tflite.hpp": "",
            "models/program/p.hpp": '#  include "numerics/tflite.hpp"\n',
            "models/rtl_host/a.cpp": '#include "program/p.hpp"\n'})

    def test_reserved_headers(self):
        self.refused("HDF5", {"sim/run/a.cpp": "#include <hdf5.h>\n"})
        self.refused("SystemC", {"models/fast/a.cpp": "#include <systemc>\n"})
        self.refused("SystemC", {"sim/run/a.cpp": "#include <tlm_utils/simple_target_socket.h>\n"})
        self.refused("Verilator", {"models/systemc/a.cpp": '#include "Vtactus_top.h"\n'})

    def test_models_use_the_frontend(self):
        self.refused("frontend", {"models/fast/a.cpp": '#include "network/network.hpp"\n',
                                  "frontend/network/network.hpp": ""})

    def test_frontend_uses_a_backend(self):
        self.refused("must not depend on", {"frontend/lower/a.cpp": '#include "fast/f.hpp"\n',
                                            "models/fast/f.hpp": ""})

    def test_long_file(self):
        self.refused("501 lines", {"models/fast/a.cpp": "\n" * 501})


if __name__ == "__main__":
    unittest.main(verbosity=2)
