#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that dependencies run one way only, by the #include lines, and that files stay small.

Usage: include_check.py SOURCE_DIR
Prints a line per offence and exits 1 if there is one.
"""
import pathlib
import re
import sys

TYPES = {"numerics/formats.hpp", "numerics/errors.hpp", "numerics/int128.hpp",
         "numerics/k_mapping.hpp"}
DATA = {"arch", "events", "program", "memory", "backend"}

# Folder -> folders (or single headers) that it may include besides itself and TYPES. A folder's
# name is the first part of the include path.
ALLOWED = {
    "models/numerics": set(),
    "models/events": set(),
    "models/arch": set(),
    "models/memory": {"arch", "events"},
    "models/program": {"arch", "events"},
    "models/backend": {"arch", "events", "program", "memory"},
    "models/dataflow": {"arch", "events", "program"},
    "models/ref": {"network"},
    "models/fast": DATA | {"numerics", "dataflow"},
    "models/systemc": DATA | {"numerics", "dataflow"},
    "models/rtl_host": DATA,
    "frontend/network": set(),
    "frontend/hdf5": {"network"},
    "frontend/synth": {"network"},
    "frontend/ops": {"network", "arch", "events", "program", "dataflow", "lower"},
    # add_mul_shift_fits() says whether constants are in range: a rule, not a value.
    # softmax8_entry() makes the contents of a table; the reference calculates them itself.
    "frontend/lower": {"network", "arch", "events", "program", "dataflow", "ops",
                       "numerics/add_mul_shift.hpp", "numerics/softmax.hpp"},
    "sim/energy": {"arch", "events"},
    "sim/report": {"arch", "events", "program", "backend", "energy"},
    "sim/triage": DATA | {"network", "lower", "numerics", "report"},
    "sim/run": DATA | {"network", "hdf5", "lower", "ref", "fast", "systemc", "rtl_host", "energy",
                       "report", "triage", "waves"},
    "sim/dut": {"tactus_dut.h", "network", "hdf5", "ref", "report", "run"},
    "sim/explore": DATA | {"network", "lower", "run", "energy", "report", "fast", "dataflow"},
    "sim/sweep": DATA | {"network", "hdf5", "lower", "run", "energy", "report", "explore", "rtl_host"},
    "sim/page": {"arch", "events", "energy", "sweep"},
    "sim/vectors": DATA | {"network", "hdf5", "lower", "ref", "fast", "golden", "report", "run"},
    "sim/cli": DATA | {"vectors", "golden", "timeline", "sweep", "page", "network", "hdf5", "synth", "lower", "run", "dut", "energy", "report",
                       "triage", "rtl_host/rtl_builder.hpp"},
    "sim": {"cli", "report", "run"},
    "traces": set(),
    "traces/golden": DATA | {"network", "hdf5", "dataflow"},
    "traces/timeline": DATA | {"hdf5"},
    "traces/waves": DATA,
}

# Folders whose whole tree of includes may reach nothing of numerics but TYPES.
NO_ARITHMETIC = ("models/ref", "models/rtl_host", "models/backend", "models/program")

# System headers that only some folders may include.
RESERVED = [
    ("HDF5", re.compile(r"(hdf5|H5\w*)\.h(pp)?$"), {"frontend/hdf5"}),
    ("SystemC", re.compile(r"(systemc(\.h)?|sysc/.*|tlm(\.h)?|tlm_\w+/.*)$"), {"models/systemc"}),
    ("SQLite", re.compile(r"sqlite3(ext)?\.h$"), {"sim/sweep"}),
    ("Verilator", re.compile(r"(verilated\w*\.(h|cpp)|V\w+\.h|svdpi\.h)$"), {"models/rtl_host"}),
]

MOST_LINES = 500
COUNTED = {".cpp", ".hpp", ".h", ".in", ".def", ".sv", ".svh", ".py", ".sh", ".cmake", ".txt"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
CODE = {".cpp", ".hpp", ".h", ".in"}


def folder_of(path):
    """The longest key of ALLOWED that `path` (relative to the root) is in."""
    for parent in path.parents:
        if str(parent) in ALLOWED:
            return str(parent)
    return None


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = sorted(p.relative_to(root) for top in ("models", "frontend", "sim", "traces")
                            for p in (root / top).rglob("*") if p.suffix in CODE and p.is_file())
        self.includes = {f: INCLUDE.findall((root / f).read_text(encoding="utf-8"))
                         for f in self.files}

    def resolve(self, file, name):
        """The own file that an include names, or None for a system header."""
        for base in (file.parent, pathlib.Path("models"), pathlib.Path("frontend"),
                     pathlib.Path("sim"), pathlib.Path("traces")):
            if (self.root / base / name).is_file():
                return base / name
        return None

    def reach(self, file, seen):
        """All own files that `file` includes, directly or not."""
        for _, name in self.includes.get(file, []):
            target = self.resolve(file, name)
            if target is not None and target not in seen:
                seen.add(target)
                self.reach(target, seen)
        return seen


def check_includes(tree):
    for file in tree.files:
        folder = folder_of(file)
        if folder is None:
            yield f"{file}: is in no folder that tests/include_check.py knows"
            continue
        for _, name in tree.includes[file]:
            for what, pattern, homes in RESERVED:
                if pattern.search(name) and folder not in homes:
                    yield f"{file}: includes {name}, but {what} belongs in {', '.join(homes)}"
            target = tree.resolve(file, name)
            if target is None or folder_of(target) == folder or name in TYPES:
                continue
            allowed = ALLOWED[folder]
            short = "/".join(target.parts[1:])
            if short not in allowed and target.parts[1] not in allowed:
                yield f"{file}: includes {name}, which {folder} must not depend on"


def check_arithmetic(tree):
    for file in tree.files:
        if folder_of(file) not in NO_ARITHMETIC:
            continue
        for target in sorted(tree.reach(file, set())):
            short = "/".join(target.parts[1:])
            if target.parts[:2] == ("models", "numerics") and short not in TYPES:
                yield f"{file}: reaches the arithmetic in {short}"


def check_frontend(tree):
    backends = {"models/ref", "models/fast", "models/systemc", "models/rtl_host", "models/backend"}
    for file in tree.files:
        if file.parts[0] == "sim":
            continue
        for target in sorted(tree.reach(file, set())):
            if file.parts[0] == "frontend" and folder_of(target) in backends:
                yield f"{file}: reaches the back end file {target}"
            if target.parts[0] == "sim":
                yield f"{file}: reaches {target} of the tool"
            if (file.parts[0] == "models" and target.parts[0] == "frontend" and
                    (folder_of(file), folder_of(target)) != ("models/ref", "frontend/network")):
                yield f"{file}: reaches {target} of the frontend"


def check_sizes(root):
    for top in ("models", "frontend", "sim", "rtl", "tests", "traces"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in COUNTED or not path.is_file():
                continue
            lines = path.read_text(encoding="utf-8").count("\n")
            if lines > MOST_LINES:
                yield f"{path.relative_to(root)}: {lines} lines, more than {MOST_LINES}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1]).resolve()
    tree = Tree(root)
    offences = [*check_includes(tree), *check_arithmetic(tree), *check_frontend(tree),
                *check_sizes(root)]
    for offence in offences:
        print(offence)
    print(f"{len(tree.files)} files checked, {len(offences)} offences")
    return 1 if offences or not tree.files else 0


if __name__ == "__main__":
    sys.exit(main())
