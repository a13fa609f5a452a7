#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Golden sets: contents against the model file and NumPy, layouts, determinism, damage.

usage: set_test.py TACTUS [unittest arguments]
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import h5py
import numpy
import vectors

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import op_zoo  # noqa: E402

TOOL = ""
W8 = str(vectors.MODELS / "digits_w8a8.h5")
NM = str(vectors.MODELS / "digits_w8a8_nm24.h5")
# Witnesses that every build has; the test of the default names rtl.
FAST = ("--witnesses", "ref,fast", "-q")
TINY = ("--preset", "tiny_4")


class GoldenSet(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tactus_golden_")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def export(self, name, *args, model=W8, code=0):
        out = self.folder / name
        done = vectors.golden(TOOL, model, "--out", out, *args)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return out

    def verify(self, folder, *args, code=0):
        done = vectors.golden(TOOL, "--verify", folder, "-q", *args)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def arrays(self, folder, suffix=".npy"):
        """(role, layer, tile op) -> array, of all files of one format."""
        manifest = vectors.manifest_of(folder)
        found = {}
        for file in manifest["files"]:
            if file["path"].endswith(suffix) and file["layer"] is not None:
                key = (file["role"], file["layer"], file["tile_op"])
                found[key] = vectors.read_array(folder, file, manifest["options"])
        return manifest, found

    def test_tensors_are_those_of_the_model_file(self):
        folder = self.export("set", "--images", 1, "--formats", "npy", *TINY, *FAST)
        _, arrays = self.arrays(folder)
        with h5py.File(W8) as model:
            for layer, group in model["layers"].items():
                output = arrays["output", layer, None]
                numpy.testing.assert_array_equal(output, model["golden/1"][layer][()].reshape(
                    output.shape))
                for role, name in (("weight", "weight"), ("bias", "bias"),
                                   ("mult", "requant/mult"), ("shift", "requant/shift")):
                    if "weight" in group and name in group:
                        numpy.testing.assert_array_equal(arrays[role, layer, None],
                                                         group[name][()])

    def test_tables_are_those_of_the_model_file(self):
        path = self.folder / "model.h5"
        op_zoo.images(path)
        folder = self.export("set", "--images", 0, "--formats", "npy", "--layers", "01?_lut*",
                             "--buf.param_kib=32", "--inputs", "random:1", *TINY, *FAST, model=path)
        manifest, arrays = self.arrays(folder)
        with h5py.File(path) as model:
            for layer in ("012_lut", "014_lut_interpolated"):
                numpy.testing.assert_array_equal(arrays["table", layer, None],
                                                 model["layers"][layer]["table"][()])
        self.assertIn(["entry"], [file["axes"] for file in manifest["files"]])

    def test_accumulators_are_a_convolution(self):
        layer = "004_block2_conv1"
        folder = self.export("set", "--images", 0, "--formats", "npy", "--layers", layer, *TINY,
                             *FAST)
        manifest, arrays = self.arrays(folder)
        info = manifest["layers"][0]
        zero = info["inputs"][0]["zero_point"]
        top, left, bottom, right = info["padding"]
        x = numpy.pad(arrays["input", layer, None].astype(numpy.int64) - zero,
                      ((0, 0), (top, bottom), (left, right)))
        w = arrays["weight", layer, None].astype(numpy.int64)
        want = arrays["accumulator", layer, None]
        sy, sx = info["stride"]
        for y in range(want.shape[1]):
            for c in range(want.shape[2]):
                window = x[:, y * sy:y * sy + w.shape[2], c * sx:c * sx + w.shape[3]]
                have = (w * window).sum(axis=(1, 2, 3)) + arrays["bias", layer, None]
                numpy.testing.assert_array_equal(have, want[:, y, c])

    def check_products(self, folder):
        """psum = operands x weights for every compute op that does not accumulate."""
        manifest, arrays = self.arrays(folder)
        zero = {layer["id"]: layer["inputs"][0]["zero_point"] for layer in manifest["layers"]}
        ops = [k for k in arrays if k[0] == "operand"]
        for _, layer, op in ops:
            x = arrays["operand", layer, op].astype(numpy.int64) - zero[layer]
            w = arrays["weight", layer, op].astype(numpy.int64)
            units, lanes = w.shape[0], w.shape[2]
            x = x.reshape(units, x.shape[1], lanes, -1)          # unit, pixel, lane, candidate
            if ("index", layer, op) in arrays:
                index = arrays["index", layer, op].astype(numpy.int64)
            else:
                index = numpy.zeros_like(w)
            have = numpy.zeros((x.shape[1], w.shape[1]), dtype=numpy.int64)
            for c in range(w.shape[1]):
                chosen = numpy.take_along_axis(x, index[:, c][:, None, :, None], axis=3)[..., 0]
                have[:, c] = (chosen * w[:, c][:, None, :]).sum(axis=(0, 2))
            numpy.testing.assert_array_equal(have, arrays["psum", layer, op], f"{layer} op {op}")
        return ops

    def test_psums_are_products(self):
        folder = self.export("set", "--images", 0, "--formats", "npy", *TINY, *FAST)
        ops = self.check_products(folder)
        self.assertGreater(len(ops), 50)

    def check_outputs(self, folder):
        """The post ops of a layer write each element of its output (or that of the layer that is
        folded into it) once; the psums that they read are those that compute ops leave."""
        manifest, arrays = self.arrays(folder)
        after = {}
        for layer in manifest["layers"]:
            for source in layer["inputs"]:
                after.setdefault(source["name"], []).append(layer["id"])
        checked = 0
        for layer in manifest["layers"]:
            name = layer["id"]
            posts = [key for key in arrays if key[:2] == ("output", name) and key[2] is not None]
            if not posts:
                continue
            written = numpy.sort(numpy.concatenate([arrays[key].ravel() for key in posts]))
            tensors = [numpy.sort(arrays["output", other, None].ravel())
                       for other in [name, *after.get(name, [])]]
            self.assertTrue(any(numpy.array_equal(written, tensor) for tensor in tensors), name)
            read = [arrays["psum", name, key[2]] for key in posts if ("psum", *key[1:]) in arrays]
            if read:
                sums = numpy.sort(numpy.concatenate([a.ravel() for a in read]).astype(numpy.int64))
                bias = arrays.get(("bias", name, None), numpy.zeros(1, numpy.int64))
                want = arrays["accumulator", name, None].astype(numpy.int64)
                want = numpy.sort((want - bias.reshape(-1, 1, 1)).ravel())
                numpy.testing.assert_array_equal(sums, want, name)
            checked += 1
        return checked

    def test_post_ops_write_the_output_tensors(self):
        for model, args in ((W8, TINY), (NM, ("--preset", "flex_4")),
                            (str(vectors.MODELS / "digits_mixed.h5"), ("--preset", "flex_8")),
                            (W8, ("--preset", "flex_4", "--map.010*.dataflow=is"))):
            with self.subTest(model=model, args=args):
                out = self.folder / f"set{len(list(self.folder.iterdir()))}"
                done = vectors.golden(TOOL, model, "--out", out, "--images", 0, "--formats", "npy",
                                      *args, *FAST)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertGreater(self.check_outputs(out), 8)

    def test_compressed_weights_and_indices(self):
        folder = self.export("set", "--images", 0, "--formats", "npy", "--preset", "flex_4", *FAST,
                             model=NM)
        ops = self.check_products(folder)
        manifest = vectors.manifest_of(folder)
        self.assertTrue(ops)
        self.assertTrue(any(f["role"] == "index" for f in manifest["files"]))

    def test_output_stationary(self):
        folder = self.export("set", "--images", 0, "--formats", "npy", "--layers",
                             "004_block2_conv1", "--preset", "flex_4", "--map.dataflow=os", *FAST)
        self.assertTrue(self.check_products(folder))
        self.verify(folder, W8)

    def test_layouts_hold_the_same_values(self):
        layers = ("--images", 0, "--layers", "000_stem", *TINY, *FAST)
        plain = self.export("plain", "--formats", "npy", *layers)
        _, want = self.arrays(plain)
        layouts = [(), ("--word-bits", 64, "--lane-order", "high"),
                   ("--word-bits", 96, "--endian", "big", "--base-address", 256),
                   ("--fields", "exact", "--word-bits", 40), ("--endian", "big")]
        for i, layout in enumerate(layouts):
            folder = self.export(f"layout{i}", "--formats", "hex,bin", *layout, *layers)
            for suffix in (".hex", ".bin"):
                manifest, have = self.arrays(folder, suffix)
                self.assertEqual(set(have), set(want))
                for key, array in have.items():
                    numpy.testing.assert_array_equal(array.astype(numpy.int64), want[key],
                                                     f"{layout} {suffix} {key}")
            if "--word-bits" in layout:
                width = layout[layout.index("--word-bits") + 1]
                self.assertEqual({f["word_bits"] for f in manifest["files"]}, {width})

    def test_rows_by_column(self):
        layers = ("--images", 0, "--layers", "000_stem", "--formats", "npy", *TINY, *FAST)
        _, unit = self.arrays(self.export("unit", *layers))
        _, column = self.arrays(self.export("column", "--rows", "column", *layers))
        for key, array in unit.items():
            turned = key[0] in ("operand", "weight", "index") and key[2] is not None
            numpy.testing.assert_array_equal(array.swapaxes(0, 1) if turned else array, column[key])

    def test_hdf5_holds_everything(self):
        folder = self.export("set", "--images", 0, "--layers", "000_stem", *TINY, *FAST)
        manifest = vectors.manifest_of(folder)
        with h5py.File(folder / "golden.h5") as file:
            for entry in manifest["files"]:
                if not entry["path"].endswith(".npy"):
                    continue
                dataset = file[entry["path"][:-4]]
                numpy.testing.assert_array_equal(dataset[()], numpy.load(folder / entry["path"]))
                self.assertEqual(dataset.attrs["role"].decode(), entry["role"])
                self.assertEqual(dataset.attrs["bits"], entry["bits"])

    def test_two_exports_are_byte_identical(self):
        args = ("--images", "0-1", "--layers", "000_stem,010_logits", "--bench", *TINY, *FAST)
        a, b = self.export("a", *args), self.export("b", *args)
        files = [os.path.relpath(p, a) for p in vectors.all_files(a)]
        self.assertEqual(files, [os.path.relpath(p, b) for p in vectors.all_files(b)])
        for name in files:
            self.assertEqual((a / name).read_bytes(), (b / name).read_bytes(), name)

    def test_a_flipped_bit_in_any_file_is_named(self):
        folder = self.export("set", "--images", 0, "--layers", "010_logits", "--bench", *TINY,
                             *FAST)
        self.verify(folder)
        for number, path in enumerate(vectors.all_files(folder)):
            intact = pathlib.Path(path).read_bytes()
            at = (number * 7919) % len(intact)
            damaged = bytearray(intact)
            damaged[at] ^= 1 << (number % 8)
            pathlib.Path(path).write_bytes(damaged)
            done = vectors.golden(TOOL, "--verify", folder, "-q")
            name = os.path.relpath(path, folder)
            self.assertIn(done.returncode, (1, 2), name)
            self.assertIn(name, done.stdout + done.stderr)
            pathlib.Path(path).write_bytes(intact)
        self.verify(folder)

    def test_missing_and_foreign_files_are_named(self):
        folder = self.export("set", "--images", 0, "--layers", "010_logits", "--formats", "npy",
                             *TINY, *FAST)
        (folder / "more.txt").write_text("x")
        self.assertIn("more.txt: is not in the manifest", self.verify(folder, code=1))
        (folder / "more.txt").unlink()
        (folder / "golden_0" / "010_logits" / "output.npy").unlink()
        self.assertIn("golden_0/010_logits/output.npy: is missing", self.verify(folder, code=1))

    def test_verification_runs_the_model_again(self):
        folder = self.export("set", "--images", 2, "--layers", "00?_block2*", "--bench", *TINY,
                             *FAST)
        self.assertIn("intact", self.verify(folder, W8, "--backend", "fast"))
        text = self.verify(folder, str(vectors.MODELS / "digits_w4a4.h5"), code=2)
        self.assertIn("is not the model of the golden set", text)

    def test_interrupted_export_has_no_manifest(self):
        out = self.folder / "set"
        with subprocess.Popen([TOOL, "golden", W8, "--out", str(out), *TINY, *FAST],
                              stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and not vectors.all_files(out):
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
        self.assertTrue(vectors.all_files(out))
        self.assertFalse((out / "manifest.json").exists())
        self.assertIn("interrupted", self.verify(out, code=2))

    def test_a_newer_version_is_refused(self):
        folder = self.export("set", "--images", 0, "--layers", "010_logits", "--formats", "npy",
                             *TINY, *FAST)
        path = folder / "manifest.json"
        path.write_text(path.read_text().replace('"version": 1,', '"version": 2,'))
        self.assertIn("version 2", self.verify(folder, code=2))

    def test_size_is_announced_first(self):
        done = vectors.golden(TOOL, W8, "--out", self.folder / "set", "--images", 0, "--layers",
                              "000_stem,008_pool", "--bench", "--witnesses", "ref,fast", *TINY)
        self.assertRegex(done.stderr.splitlines()[0], r"golden set of about \d+ files, \d+ \wiB, to")
        files = len(vectors.all_files(self.folder / "set"))
        self.assertIn(f"about {files} files", done.stderr.splitlines()[0])

    def test_what_cannot_be_exported(self):
        out = ("--out", self.folder / "set")
        for args, words in (
                ((W8, *out, *TINY, *FAST, "--layers", "nothing"), "no such layer"),
                ((W8, *out, *TINY, *FAST, "--tile-ops", "99999"), "tile ops"),
                ((W8, *out, *TINY, *FAST, "--images", "4"), "counted from 0"),
                ((W8, *out, *TINY, *FAST, "--word-bits", "4"), "narrower"),
                ((W8, *out, *TINY, *FAST, "--formats", "txt"), "hex, bin, npy and hdf5"),
                ((W8, *out, *TINY, *FAST, "--endian", "middle"), "little or big"),
                ((W8, "--out", vectors.MODELS, *TINY, *FAST), "not empty"),
                ((W8, *TINY, *FAST), "--out DIR"),
                (("--verify", self.folder / "none"), "no folder"),
                (("--verify", self.folder, W8, "--backend", "ref"), "has none"),
                (("--verify", self.folder, W8, "--fault", 3), "--backend is systemc"),
                ((W8, *out, *TINY, "--backpressure", 1), "--backpressure"),
                ((W8, *out, "--hw.acc_bits=29", "-q"), "--witnesses")):
            done = vectors.golden(TOOL, *args)
            self.assertEqual(done.returncode, 2, f"{args}: {done.stdout}{done.stderr}")
            self.assertIn(words, done.stderr)
            self.assertFalse((self.folder / "set").exists())

    def test_selection_by_tile_op(self):
        folder = self.export("set", "--images", 0, "--tile-ops", "3-30", *TINY, *FAST)
        manifest = vectors.manifest_of(folder)
        ops = {f["tile_op"] for f in manifest["files"]} - {None}
        self.assertTrue(ops and ops <= set(range(3, 31)))
        self.assertEqual([r["tile_op"] for r in manifest["retire"]], list(range(3, 31)))

    def test_committed_set(self):
        folder = vectors.ROOT / "traces" / "sets" / "digits_w4a4_tiny_4"
        copy = self.folder / "set"
        shutil.copytree(folder, copy)
        text = self.verify(copy, str(vectors.MODELS / "digits_w4a4.h5"), "--backend", "fast")
        self.assertIn("intact", text)


if __name__ == "__main__":
    TOOL = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
