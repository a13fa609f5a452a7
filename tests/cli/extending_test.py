#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""models/numerics/EXTENDING.md works: its listings are applied to a copy of the sources in the
order of the page, every C++ file that they touch compiles, and values worked out by hand come out
of numerics, the reference, the fast back end's loops, the RTL package and the importers.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import tool
from tool import ROOT, CliTest

PAGE = (ROOT / "models" / "numerics" / "EXTENDING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(diff|cpp new (\S+))\n(.*?)^```", re.M | re.S)
CXX = ["g++", "-std=c++17", "-O0", "-Wall", "-Wextra", "-Werror"]
FOLDERS = ("models", "frontend", "sim", "traces", "rtl/src", "rtl/include")

# By hand: value, shift, value / 2^shift with what is not exact at the odd neighbour.
TO_ODD = [(8, 2, 2), (9, 2, 3), (11, 2, 3), (13, 2, 3), (-1, 2, -1), (-9, 2, -3), (-12, 2, -3),
          (5, 1, 3), (7, 1, 3), (-3, 1, -1), (-5, 1, -3), (6, 0, 6), (1, 5, 1), (0, 5, 0)]
# By hand: acc, mult, add, shift, rounding, zp, clamp((acc + add) * mult / 2^shift + zp).
OFFSET_FIRST = [(10, 5, 3, 3, "half_up", 0, 8),      # 65 / 8 = 8.125; mul_shift has 53 / 8 = 6.6
                (10, 5, 3, 3, "half_up", -2, 6),
                (10, 5, 3, 3, "to_odd", 0, 9),
                (-10, 5, 3, 3, "half_even", 0, -4),  # -35 / 8 = -4.375
                (-10, 5, 3, 3, "to_odd", 0, -5),
                (9, 6, 3, 4, "half_even", 0, 4),     # 72 / 16 = 4.5
                (9, 6, 3, 4, "half_away", 0, 5),
                (100, 100, 28, 6, "floor", 0, 127)]  # 200, clamped

# The same vectors through all implementations; then the reference against numerics, and vectors for
# the RTL on standard output: convention, rounding, acc, mult, add, shift, value.
HARNESS = """
#include <cstdio>
#include "fast/post_lines.hpp"
#include "numerics/requantise.hpp"
namespace tactus {
std::int64_t ref_round(std::int64_t v, int shift, Rounding r);
std::int64_t ref_requantise(Convention c, std::int64_t acc, std::int64_t mult, std::int64_t add,
                            int shift, Rounding r, std::int64_t zp);
namespace {
[[maybe_unused]] constexpr Rounding half_even = Rounding::half_even, half_up = Rounding::half_up,
    half_away = Rounding::half_away, floor = Rounding::floor, to_odd = Rounding::to_odd;
@EXAMPLES@
int bad = 0;
void same(const char* what, std::int64_t got, std::int64_t want) {
  if (got == want) return;
  ++bad;
  std::fprintf(stderr, "%s: %lld instead of %lld\\n", what, static_cast<long long>(got),
               static_cast<long long>(want));
}
void rounded(std::int64_t v, int shift, std::int64_t want) {
  const auto s = static_cast<unsigned>(shift);
  same("round_shift", round_shift(v, s, to_odd), want);
  same("wide round_shift", static_cast<std::int64_t>(round_shift(int128_t{v}, s, to_odd)), want);
  same("reference", ref_round(v, shift, to_odd), want);
}
void formula(Convention c, std::int64_t acc, std::int64_t mult, std::int64_t add, int shift,
             Rounding r, std::int64_t zp, std::int64_t want) {
  const Requant p{mult, add, shift, r, zp, -128, 127};
  same("requantise", requantise(c, acc, p), want);
  same("reference", ref_requantise(c, acc, mult, add, shift, r, zp), want);
  std::int64_t line[] = {acc, acc, acc, acc, acc};  // four are a vector, one is left over
  fast::requantise_all(line, 5, c, p, 32);
  for (const std::int64_t value : line) same("fast", value, want);
  std::printf("%d %d %lld %lld %lld %d %lld %lld\\n", static_cast<int>(c), static_cast<int>(r),
              static_cast<long long>(acc), static_cast<long long>(mult),
              static_cast<long long>(add), shift, static_cast<long long>(zp),
              static_cast<long long>(want));
}
}  // namespace
}  // namespace tactus
int main() {
  using namespace tactus;
  same("name", name_of(to_odd)[3], 'o');
  same("name", name_of(Convention::offset_first)[0], 'o');
@VECTORS@
  for (const auto c : {Convention::mul_shift, Convention::offset_first}) {
    for (const Rounding r : {half_even, to_odd}) {
      for (int acc = -40; acc <= 40; ++acc) {
        for (const int shift : {0, 1, 3, 6}) {
          const Requant p{-7, 5, shift, r, 3, -128, 127};
          formula(c, acc, -7, 5, shift, r, 3, requantise(c, acc, p));
        }
      }
    }
  }
  return bad == 0 ? 0 : 1;
}
"""
# network.hpp and numerics/requantise.hpp each have a Requant, so the reference has its own unit.
REFERENCE = """
#include "ref/exact.hpp"
namespace tactus {
std::int64_t ref_round(std::int64_t v, int shift, Rounding r) {
  return static_cast<std::int64_t>(ref::round_quotient(v, shift, r));
}
std::int64_t ref_requantise(Convention c, std::int64_t acc, std::int64_t mult, std::int64_t add,
                            int shift, Rounding r, std::int64_t zp) {
  Requant q;
  q.convention = c;
  q.rounding = r;
  q.clamp_min = -128;
  q.clamp_max = 127;
  q.mult = {mult};
  q.add = {add};
  q.shift = {shift};
  Format out;
  out.zero_point = zp;
  return ref::requantise(q, out, 0, acc);
}
}  // namespace tactus
"""
# Reads the harness's vectors and counts the ones that the RTL package computes otherwise.
BENCH = """
module bench;
  integer file, got, c, r, shift, seen, wrong;
  reg signed [63:0] acc, mult, add, zp, want;
  reg signed [31:0] value;
  initial begin
    file = $fopen("vectors.txt", "r");
    seen = 0;
    wrong = 0;
    got = $fscanf(file, "%d %d %d %d %d %d %d %d", c, r, acc, mult, add, shift, zp, want);
    while (got == 8) begin
      value = tactus_arith_pkg::requantise(c[3:0], acc[47:0], mult[31:0], add, shift[5:0], r[2:0],
                                           zp[16:0], -32'sd128, 32'sd127);
      seen = seen + 1;
      if (value != want[31:0]) wrong = wrong + 1;
      got = $fscanf(file, "%d %d %d %d %d %d %d %d", c, r, acc, mult, add, shift, zp, want);
    end
    $display("%0d vectors, %0d differ", seen, wrong);
  end
endmodule
"""


def listings():
    """(path, text of the new file or None, [(old, new), ...]) in the order of the page."""
    for kind, created, text in BLOCK.findall(PAGE):
        if kind != "diff":
            yield created, text, []
            continue
        first, _, body = text.partition("\n")
        edits = []
        for hunk in re.split(r"^@@\n", body, flags=re.M):
            lines = hunk.splitlines(keepends=True)
            edits.append(("".join(l[1:] or l for l in lines if l[0] in " -\n"),
                          "".join(l[1:] or l for l in lines if l[0] in " +\n")))
        yield first.removeprefix("--- "), None, edits


class Applied(CliTest):
    """The listings of the page in a copy of the sources."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.touched = {path for path, _, _ in listings()}
        folder = tempfile.TemporaryDirectory(prefix="tactus_extending_")
        cls.addClassCleanup(folder.cleanup)
        cls.tree = pathlib.Path(folder.name)
        python = ROOT / "frontend" / "import" / "tactus_import"
        for folder in FOLDERS:
            for source in (ROOT / folder).rglob("*"):
                name = source.relative_to(ROOT)
                wanted = source.suffix in (".hpp", ".h", ".def") or str(name) in cls.touched
                wanted = wanted or source.match("models/fast/post_*.cpp")
                if wanted or source.parent == python or source.name == "import_model.py":
                    if source.is_file():
                        (cls.tree / name).parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(source, cls.tree / name)
        for path, text, edits in listings():
            cls.apply(cls.tree / path, text, edits)

    @staticmethod
    def apply(path, text, edits):
        if text is not None:
            if path.exists():
                raise AssertionError(f"{path} is to be created and exists")
            path.write_text(text, encoding="utf-8")
            return
        source = path.read_text(encoding="utf-8")
        for old, new in edits:
            if source.count(old) != 1:
                raise AssertionError(f"a listing of EXTENDING.md stands {source.count(old)} times "
                                     f"in {path}:\n{old}")
            source = source.replace(old, new)
        path.write_text(source, encoding="utf-8")

    def ran(self, *command, **more):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                              timeout=300, check=False, **more)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def includes(self):
        return [f"-I{self.tree / name}" for name in ("models", "frontend", "sim", "traces")]


class Sources(Applied):
    def test_page_has_the_parts(self):
        self.assertGreater(len(list(listings())), 20)
        self.assertTrue({"models/numerics/formats.hpp", "models/ref/exact.cpp",
                         "rtl/src/tactus_arith_pkg.sv"} <= self.touched)

    def test_every_touched_file_compiles(self):
        units = [self.tree / p for p in sorted(self.touched) if p.endswith(".cpp")]
        self.assertGreater(len(units), 8)
        if "systemc" not in tool.backends():  # nor are its headers installed, perhaps
            units = [unit for unit in units if "systemc" not in unit.parts]
        for unit in units:
            with self.subTest(file=unit.name):
                self.ran(*CXX, "-fsyntax-only", *self.includes(), unit)

    def test_values(self):
        examples = [line.split("/// Example: ")[1] for line in PAGE.splitlines()
                    if re.match(r"\+?/// Example: ", line)]
        self.assertEqual(len(examples), 2)
        asserts = [f"static_assert(({e}) == ({v}));" for e, v in (x.rsplit(" = ", 1)
                                                                 for x in examples)]
        vectors = [f"  rounded({v}, {s}, {want});" for v, s, want in TO_ODD]
        vectors += [f"  formula(Convention::offset_first, {a}, {m}, {b}, {s}, {r}, {zp}, {want});"
                    for a, m, b, s, r, zp, want in OFFSET_FIRST]
        (self.folder / "harness.cpp").write_text(
            HARNESS.replace("@EXAMPLES@", "\n".join(asserts))
            .replace("@VECTORS@", "\n".join(vectors)), encoding="utf-8")
        (self.folder / "reference.cpp").write_text(REFERENCE, encoding="utf-8")
        self.ran(*CXX, *self.includes(), self.folder / "harness.cpp",
                 self.folder / "reference.cpp", self.tree / "models/ref/exact.cpp",
                 *(self.tree / f"models/fast/post_{name}.cpp"
                   for name in ("lines", "kernels", "kernels_avx2")),
                 "-o", self.folder / "harness")
        lines = self.ran(self.folder / "harness")
        count = lines.count("\n")
        self.assertEqual(count, len(OFFSET_FIRST) + 2 * 2 * 81 * 4)
        if shutil.which("iverilog") is None:
            self.skipTest("iverilog is not installed: the RTL package was not compared")
        (self.folder / "vectors.txt").write_text(lines, encoding="utf-8")
        (self.folder / "bench.sv").write_text(BENCH, encoding="utf-8")
        self.ran("iverilog", "-g2012", "-o", self.folder / "bench",
                 self.tree / "rtl/src/tactus_arith_pkg.sv", self.folder / "bench.sv")
        self.assertEqual(self.ran("vvp", "-n", self.folder / "bench", cwd=self.folder).strip(),
                         f"{count} vectors, 0 differ")

    def test_named_lines_exist(self):
        rows = re.findall(r"^\| `([^`]+)` \| (.+?) \| .+ \|$", PAGE, re.M)
        self.assertGreater(len(rows), 12)
        for file, line in rows:
            text = (ROOT / file).read_text(encoding="utf-8")
            for word in re.findall(r"`([^`]+)`", line):
                self.assertIn(word, text, file)

    def test_places_of_a_layer_op(self):
        """The table of part 5 names the files that have a place for `upsample`, and no others."""
        part = PAGE[PAGE.index("## 5."):]
        named = set(re.findall(r"^\| `([^`]+)` \|", part, re.M))
        found = {str(p.relative_to(ROOT)) for folder in ("models", "frontend", "sim")
                 for p in (ROOT / folder).rglob("*.?pp")
                 if "LayerOp::upsample" in p.read_text(encoding="utf-8")}
        self.assertEqual(named, found)


class Importing(Applied):
    def setUp(self):
        super().setUp()
        try:
            import onnx
            import onnx.numpy_helper
        except ImportError:
            self.skipTest("python3-onnx is not installed")
        self.onnx = onnx

    def write(self, nodes, shape, constants):
        """An ONNX file of (op, inputs, output, attributes)."""
        helper, numpy_helper = self.onnx.helper, self.onnx.numpy_helper
        made = [helper.make_node(op, inputs, [out], name=out, **attrs)
                for op, inputs, out, attrs in nodes]
        real = self.onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            made, "own", [helper.make_tensor_value_info("x", real, shape)],
            [helper.make_tensor_value_info(nodes[-1][2], real, None)],
            [numpy_helper.from_array(v, k) for k, v in constants.items()])
        self.onnx.save(helper.make_model(graph), str(self.folder / "own.onnx"))

    def imported(self, kind, *args):
        out = self.folder / "own.h5"
        self.ran(sys.executable, self.tree / "frontend/import/import_model.py", kind,
                 self.folder / "own.onnx", "-o", out, *args)
        return out

    def test_quantiser(self):
        """Weights * 4 to odd, 4 bits: (2, 4.4, -10.4), (-1.2, 1, 7) become (2, 5, -8), (-1, 1, 7)."""
        import h5py
        import numpy as np
        quant = ("ShiftQuant", {"domain": "own"})
        weights = np.array([[0.5, -0.3], [1.1, 0.25], [-2.6, 1.75]], np.float32)
        self.write([(quant[0], ["x"], "a", {"bits": 8, "frac": 4, **quant[1]}),
                    (quant[0], ["w"], "b", {"bits": 4, "frac": 2, **quant[1]}),
                    ("MatMul", ["a", "b"], "c", {}),
                    (quant[0], ["c"], "d", {"bits": 8, "frac": 1, **quant[1]})],
                   [1, 3], {"w": weights})
        with h5py.File(self.imported("qonnx"), "r") as file:
            self.assertEqual(file["inputs/image"].attrs["bits"], 8)
            (layer,) = file["layers"].values()
            self.assertEqual(layer["weight"][()].tolist(), [[2, 5, -8], [-1, 1, 7]])
            requant = layer["requant"]
            self.assertEqual(h5py_text(requant.attrs["rounding"]), "to_odd")
            # Steps 2^-4 * 2^-2 to 2^-1: one 32nd, however it is written.
            self.assertEqual(requant["mult"][0] * 32, 1 << int(requant["shift"][0]))
        # The NumPy evaluation: accumulators (158, 53) and (-2, 133), divided by 32.
        script = """
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
from tactus_import import evaluate
print([int(v) for acc in (158, 53, -2, 133, 64)
       for v in [evaluate.round_shift(np.int64(acc), np.int64(5), "to_odd")]])
"""
        said = self.ran(sys.executable, "-B", "-c", script, self.tree / "frontend/import")
        self.assertEqual(said.strip(), "[5, 1, -1, 5, 2]")

    def test_layer_op(self):
        """Channel c, column x holds 10 c + x; tiled by hand, two back ends."""
        import h5py
        import numpy as np
        image = np.array([[[10 * c, 10 * c + 1]] for c in range(2)])
        expected = {(1, 3, 1, 1): [[[0, 1]], [[10, 11]]] * 3,
                    (1, 2, 1, 2): [[[0, 1, 0, 1]], [[10, 11, 10, 11]]] * 2}
        scale = ["s", "z"]
        for repeats, output in expected.items():
            self.write([("QuantizeLinear", ["x", *scale], "a", {}),
                        ("DequantizeLinear", ["a", *scale], "b", {}),
                        ("Tile", ["b", "n"], "c", {}),
                        ("QuantizeLinear", ["c", *scale], "d", {}),
                        ("DequantizeLinear", ["d", *scale], "e", {})],
                       [1, 2, 1, 2], {"s": np.float32(0.5).reshape(1), "z": np.int8([3]),
                                      "n": np.array(repeats)})
            with h5py.File(self.folder / "golden.h5", "w") as file:
                file["sample_0/000_QuantizeLinear.integer"] = image[None]
                file["sample_0/003_QuantizeLinear.integer"] = np.array(output)[None]
            path = self.imported("onnx", "--golden", self.folder / "golden.h5")
            for backend in ("ref", "fast"):
                with self.subTest(repeats=repeats, backend=backend):
                    data = self.json_of("run", path, "--backend", backend, "--preset", "flex_4")
                    self.assertEqual(data["outputs"]["compared"], np.size(output))
                    self.assertEqual(data["outputs"]["mismatches"], 0)


def h5py_text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    tool.main()
