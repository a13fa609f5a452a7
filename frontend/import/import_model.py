#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `tactus import` runs. Exit codes: 0 ok, 2 bad input, 3 internal error."""

import sys

PACKAGES = {"numpy": "python3-numpy", "h5py": "python3-h5py", "onnx": "python3-onnx",
            "flatbuffers": "python3-flatbuffers", "google": "python3-protobuf"}


def main():
    """Runs the importer; a missing package becomes one sentence."""
    sys.dont_write_bytecode = True
    try:
        from tactus_import.cli import run
        return run(sys.argv[1:])
    except ModuleNotFoundError as error:
        module = (error.name or "").split(".")[0]
        if module not in PACKAGES:
            raise
        sys.stderr.write(f"tactus: this import needs the Python package {module}; install it with "
                         f"`apt-get install {PACKAGES[module]}`\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
