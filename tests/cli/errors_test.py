#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input gives exit code 2 and one sentence that names what is wrong."""
import pathlib
import resource
import shutil
import signal

import h5py

import tool
from tool import W4A4, CliTest


class Arguments(CliTest):
    def test_unknown_verb(self):
        self.refused("frobnicate", saying=["frobnicate", "--help"])

    def test_unknown_option(self):
        for verb in tool.VERBS:
            self.refused(verb, "--frobnicate", saying=["frobnicate", verb])

    def test_option_without_value(self):
        self.refused("run", W4A4, "--backend", saying="backend")
        self.refused("run", W4A4, "--hw.acc_bits", saying="hw.acc_bits")

    def test_option_with_value_of_wrong_type(self):
        self.refused("run", W4A4, "--limit", "many", saying="many")

    def test_number_of_arguments(self):
        for verb in ("run", "check", "inspect", "disasm"):
            self.refused(verb, saying="MODEL")
            self.refused(verb, W4A4, W4A4, saying="MODEL")
        self.refused("compare", "a.json", saying="two")
        self.refused("config", "something")
        self.refused("synth", "-o", self.folder / "x.h5", saying="one of")

    def test_unknown_backend(self):
        self.refused("run", W4A4, "--backend", "magic", saying=["magic", "fast"])
        self.refused("check", W4A4, "--backends", "fast,magic", saying=["magic", "fast"])

    def test_check_needs_two_backends(self):
        self.refused("check", W4A4, "--backends", "fast", saying="two")
        self.refused("check", W4A4, "--backends", "ref,ref", saying="besides ref")

    def test_unknown_inputs(self):
        self.refused("run", W4A4, "--backend", "fast", "--inputs", self.folder / "none.h5",
                     saying="none.h5")
        self.refused("run", W4A4, "--backend", "fast", "--inputs", "random:x", saying="random:x")


class Architecture(CliTest):
    def test_unknown_preset(self):
        self.refused("config", "--preset", "edge_17", saying=["edge_17", "edge_16"])

    def test_unknown_key(self):
        self.refused("config", "--hw.frobnicate=1", saying="hw.frobnicate")

    def test_value_out_of_range(self):
        self.refused("config", "--hw.acc_bits=99", saying=["hw.acc_bits", "99"])

    def test_value_of_wrong_type(self):
        self.refused("config", "--hw.acc_bits=many", saying=["hw.acc_bits", "many"])

    def test_impossible_combination(self):
        self.refused("config", "--preset", "tiny_4", "--mem.data_bits=256", saying="data_bits")

    def test_verb_without_architecture(self):
        self.refused("compare", "a.json", "b.json", "--hw.acc_bits=32", saying="hw.acc_bits")

    def test_ini_file(self):
        self.refused("config", "--config", self.folder / "none.ini", saying="none.ini")
        ini = self.folder / "bad.ini"
        ini.write_text("[hw]\nfrobnicate=1\n", encoding="utf-8")
        self.refused("config", "--config", ini, saying=["bad.ini", "frobnicate"])

    def test_architecture_without_rtl_build(self):
        if "rtl" not in tool.backends():
            self.skipTest("this build has no rtl back end")
        self.refused("run", W4A4, "--backend", "rtl", "--preset", "tiny_4", "--hw.queue_depth=16",
                     saying="tactus rtl-build")

    def test_layer_that_does_not_fit(self):
        model = self.folder / "wide.h5"
        self.good("synth", "--gemm", "8,8,60000", "-o", model)
        self.refused("run", model, "--backend", "fast", "--preset", "tiny_4",
                     "--buf.ifmap_kib=1", saying="ifmap")


class Files(CliTest):
    def test_missing_model(self):
        for verb in ("run", "check", "inspect", "disasm"):
            self.refused(verb, self.folder / "none.h5", saying="none.h5")

    def test_model_that_is_no_hdf5(self):
        path = self.folder / "text.h5"
        path.write_text("not HDF5\n", encoding="utf-8")
        self.refused("run", path, "--backend", "fast", saying="text.h5")

    def test_truncated_model(self):
        whole = pathlib.Path(W4A4).read_bytes()
        for part in (0, 100, len(whole) // 2, len(whole) - 1000):
            path = self.folder / f"cut_{part}.h5"
            path.write_bytes(whole[:part])
            self.refused("run", path, "--backend", "fast", saying=path.name)

    def damaged(self, edit):
        path = self.folder / "damaged.h5"
        shutil.copy(W4A4, path)
        with h5py.File(path, "r+") as file:
            layer = next(name for name in sorted(file["layers"])
                         if "weight" in file["layers"][name])
            edit(file, file["layers"][layer])
        return path

    def test_newer_version(self):
        def edit(file, _):
            file.attrs["version"] = 7
        self.refused("run", self.damaged(edit), saying=["damaged.h5", "7"])

    def test_weight_out_of_range(self):
        def edit(_, layer):
            layer["weight"][0, 0, 0, 0] = 100
        self.refused("run", self.damaged(edit), saying=["weight", "100"])

    def test_missing_dataset(self):
        def edit(_, layer):
            del layer["weight"]
        self.refused("run", self.damaged(edit), saying="weight")

    def test_unknown_attribute(self):
        def edit(_, layer):
            layer.attrs["colour"] = "red"
        self.refused("run", self.damaged(edit), saying="colour")

    def test_cyclic_inputs(self):
        def edit(_, layer):
            layer.attrs["inputs"] = [layer.name.rsplit("/", 1)[1]]
        self.refused("run", self.damaged(edit), saying="damaged.h5")

    def test_inputs_of_another_shape(self):
        other = self.folder / "other.h5"
        self.good("synth", "--gemm", "8,8,8", "-o", other)
        self.refused("run", W4A4, "--backend", "fast", "--inputs", other, saying="other.h5")

    def test_topology(self):
        self.refused("synth", "--topology", self.folder / "no.csv", "-o", self.folder / "x.h5",
                     saying="no.csv")
        bad = self.folder / "bad.csv"
        bad.write_text("Layer, M, N, K,\na,8,8,zero,\n", encoding="utf-8")
        self.refused("synth", "--topology", bad, "-o", self.folder / "x.h5",
                     saying=["bad.csv:2", "zero"])

    def test_synth_options(self):
        out = self.folder / "x.h5"
        self.refused("synth", "vgg17", "-o", out, saying="vgg17")
        self.refused("synth", "--gemm", "8,8", "-o", out, saying="M,N,K")
        self.refused("synth", "--gemm", "8,8,8", "--act-bits", "99", "-o", out, saying="99")
        self.refused("synth", "--gemm", "8,8,8", saying="-o")
        self.assertFalse(out.exists())

    def test_compare_of_no_results(self):
        bad = self.folder / "bad.json"
        bad.write_text("{", encoding="utf-8")
        self.refused("compare", bad, bad, saying="bad.json")
        none = self.folder / "none.json"
        self.refused("compare", none, none, saying="none.json")


class Writing(CliTest):
    """A result that cannot be written is exit code 2 and leaves nothing behind."""

    def test_missing_folder(self):
        path = self.folder / "none" / "result.json"
        self.unwritable("config", path)

    def test_path_is_a_folder(self):
        self.unwritable("config", self.folder)
        self.assertEqual(list(self.folder.iterdir()), [])

    def unwritable(self, verb, path, **more):
        done = tool.tactus(verb, "--json", path, **more)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(str(path), done.stderr.splitlines()[0])

    def test_file_too_large(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
        self.unwritable("config", self.folder / "result.json", preexec_fn=limit)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_full_standard_output(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            for args in (["config"], ["config", "--json", "-"], ["inspect", W4A4],
                         ["disasm", W4A4], ["run", W4A4, "--backend", "fast"]):
                done = tool.tactus(*args, stdout=full)
                self.assertEqual(done.returncode, 2, f"{args}: {done.stderr}")
                self.assertIn("standard output", done.stderr, f"{args}")

    def test_model_cannot_be_written(self):
        self.refused("synth", "--gemm", "8,8,8", "-o", self.folder / "none" / "x.h5",
                     saying="x.h5")
        self.refused("synth", "--gemm", "8,8,8", "-o", "/dev/full/x.h5", saying="x.h5")


if __name__ == "__main__":
    tool.main()
