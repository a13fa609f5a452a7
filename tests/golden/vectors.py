# SPDX-License-Identifier: Apache-2.0
"""What the tests of golden sets share: running the tool, decoding files, playing benches."""
import glob
import json
import os
import pathlib
import shutil
import subprocess

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "traces" / "models"
RTL = ROOT / "rtl"
FOREIGN = sorted(map(str, (ROOT / "tests" / "golden" / "foreign").glob("*.sv")))
OURS = [str(RTL / "include/tactus_op_pkg.sv"), str(RTL / "src/tactus_arith_pkg.sv"),
        *(f for f in sorted(map(str, (RTL / "src").glob("tactus_p*.sv")))),
        str(RTL / "src/tactus_ram_1r1w.sv"), *sorted(map(str, (RTL / "bench").glob("*.sv")))]
# Wrapper and sources by the name of a block.
BLOCKS = {"array": ("mac", "tactus_bench_array", OURS), "post": ("post", "tactus_bench_post", OURS),
          "elem": ("elem", "tactus_bench_elem", OURS), "foreign": ("mac", "osa_wrapper", FOREIGN)}


def golden(tool, *args, timeout=600):
    """Runs tactus golden; returns the finished process."""
    return subprocess.run([tool, "golden", *map(str, args)], capture_output=True, text=True,
                          timeout=timeout, check=False)


def manifest_of(folder):
    return json.loads((pathlib.Path(folder) / "manifest.json").read_text(encoding="utf-8"))


def sign(value, bits, signed):
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def values_of_words(words, file, options):
    """Values of a hex or raw file from its words as numbers, by what the manifest says."""
    field = file["bits"]
    if options["fields"] == "carrier":
        field = 1
        while field < file["bits"]:
            field *= 2
    count = int(numpy.prod(file["shape"]))
    # A row is what follows the first axis of a tile op and the last axis of a tensor.
    row = file["shape"][-1]
    if file["tile_op"] is not None:
        row = count // file["shape"][0]
    elif len(file["shape"]) == 1:
        row = 1
    per_row = -(-row // file["lanes"])
    values = []
    for start in range(0, len(words), per_row):
        lanes = []
        for word in words[start:start + per_row]:
            for lane in range(file["lanes"]):
                place = lane if options["lane_order"] == "low_first" else file["lanes"] - 1 - lane
                raw = word >> (place * field) & ((1 << field) - 1)
                lanes.append(sign(raw & ((1 << file["bits"]) - 1), file["bits"], file["signed"]))
        values += lanes[:row]
    return numpy.array(values, dtype=object).reshape(file["shape"])


def read_array(folder, file, options):
    """An array of a set from its hex, raw or npy file."""
    path = pathlib.Path(folder) / file["path"]
    if path.suffix == ".npy":
        return numpy.load(path)
    if path.suffix == ".hex":
        lines = path.read_text(encoding="ascii").split()
        assert lines[0] == "@%x" % options["base_address"], lines[0]
        words = [int(line, 16) for line in lines[1:]]
        if options["endian"] == "big":
            size = -(-file["word_bits"] // 8)
            words = [int.from_bytes(w.to_bytes(size, "big"), "little") for w in words]
    else:
        data = path.read_bytes()
        size = -(-file["word_bits"] // 8)
        words = [int.from_bytes(data[i:i + size], options["endian"])
                 for i in range(0, len(data), size)]
    return values_of_words(words, file, options)


def build_bench(simulator, block, folder, out, faults=False):
    """Builds the bench of a set around a block; returns the command that plays it."""
    stream, wrapper, sources = BLOCKS[block]
    top = f"tactus_{stream}_tb"
    bench = pathlib.Path(folder).resolve() / "bench"
    defines = [f"-DTACTUS_GOLDEN_DUT={wrapper}", f'-DTACTUS_GOLDEN_DIR="{bench}"',
               f"-I{RTL / 'include'}"] + (["-DTACTUS_FAULTS"] if faults else [])
    os.makedirs(out, exist_ok=True)
    if simulator == "icarus":
        binary = f"{out}/{block}.vvp"
        command = ["iverilog", "-g2012", *defines, "-s", top, "-o", binary, str(bench / f"{top}.sv"),
                   *sources]
        play = ["vvp", "-n", binary]
    else:
        command = ["verilator", "--binary", "-j", "2", *defines, "--top-module", top, "--Mdir",
                   f"{out}/{block}_obj", str(bench / f"{top}.sv"), *sources]
        play = [f"{out}/{block}_obj/V{top}"]
    # The make files of Verilator start the compiler through OBJCACHE.
    env = {**os.environ, "OBJCACHE": "ccache"} if shutil.which("ccache") else None
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False,
                          env=env)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return play


def play(command, *arguments):
    """Plays a bench: (passed, output). PASS and the exit code must say the same."""
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=300,
                          check=False)
    text = done.stdout + done.stderr
    passed = "\nPASS: " in "\n" + text
    if passed == ("\nFAIL: " in "\n" + text) or passed != (done.returncode == 0):
        raise AssertionError(f"exit code {done.returncode} with\n{text}")
    return passed, text


def all_files(folder):
    return sorted(p for p in glob.glob(f"{folder}/**", recursive=True) if os.path.isfile(p))
