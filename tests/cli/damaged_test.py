#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Damaged copies of a trained model give exit code 2 and one sentence that names file and fault.

(Every rule of the reader has its own damaged file in tests/unit/modelfile_test.cpp; here the whole
tool is asked.)
"""
import pathlib
import shutil

import h5py
import numpy as np

import tool
from tool import W4A4, CliTest

CONV, ADD, POOL = "layers/000_stem", "layers/003_block1_add", "layers/008_pool"
FC = "layers/010_logits"


def attr(path, name, value):
    def edit(file):
        file[path].attrs[name] = value
    return edit


def no_attr(path, name):
    def edit(file):
        del file[path].attrs[name]
    return edit


def without(path):
    def edit(file):
        del file[path]
    return edit


def replaced(path, change):
    """The dataset becomes change(old values), its attributes stay."""
    def edit(file):
        attrs = dict(file[path].attrs)
        values = change(file[path][...])
        del file[path]
        file[path] = values
        file[path].attrs.update(attrs)
    return edit


def first(value):
    def change(values):
        values = values.astype(np.int64)
        values.flat[0] = value
        return values
    return change


def extra_dataset(file):
    file[CONV]["colour"] = [1, 2, 3]


# name: (edit, text in the message)
DAMAGE = {
    "format_other": (attr("/", "format", "other"), "format"),
    "version_newer": (attr("/", "version", 2), "version"),
    "version_text": (attr("/", "version", "one"), "version"),
    "outputs_unknown": (attr("/", "outputs", ["999_none"]), "999_none"),
    "outputs_missing": (no_attr("/", "outputs"), "outputs"),
    "root_unknown": (attr("/", "colour", "red"), "colour"),
    "inputs_missing": (without("inputs"), "inputs"),
    "input_bits": (attr("inputs/image", "bits", 99), "bits"),
    "input_shape": (attr("inputs/image", "shape", [1, 0, 8]), "shape"),
    "input_larger": (attr("inputs/image", "shape", [1, 9, 9]), "image"),
    "layers_missing": (without("layers"), "layers"),
    "op_unknown": (attr(CONV, "op", "conv9d"), "conv9d"),
    "op_missing": (no_attr(CONV, "op"), "op"),
    "op_number": (attr(CONV, "op", 3), "op"),
    "cycle_self": (attr(CONV, "inputs", ["000_stem"]), "000_stem"),
    "cycle_later": (attr(CONV, "inputs", ["005_block2_conv2"]), "000_stem"),
    "input_unknown": (attr(CONV, "inputs", ["nobody"]), "nobody"),
    "add_of_one": (attr(ADD, "inputs", ["000_stem"]), "003_block1_add"),
    "add_of_other_shapes": (attr("layers/007_block2_add", "inputs",
                                 ["000_stem", "006_block2_shortcut"]), "007_block2_add"),
    "stride_zero": (attr(CONV, "stride", [0, 1]), "stride"),
    "stride_float": (attr(CONV, "stride", [1.5, 1.5]), "stride"),
    "padding_short": (attr(CONV, "padding", [1, 1]), "padding"),
    "groups_odd": (attr("layers/001_block1_conv1", "groups", 3), "groups"),
    "dilation_missing": (no_attr(CONV, "dilation"), "dilation"),
    "out_bits": (attr(CONV, "out_bits", 64), "out_bits"),
    "layer_unknown": (attr(CONV, "colour", "red"), "colour"),
    "dataset_unknown": (extra_dataset, "colour"),
    "weight_missing": (without(CONV + "/weight"), "weight"),
    "weight_range": (replaced(CONV + "/weight", first(8)), "weight"),
    "weight_float": (replaced(CONV + "/weight", lambda v: v.astype(np.float32)), "weight"),
    "weight_shape": (replaced(CONV + "/weight", lambda v: v[:, :, :, :2, None]), "weight"),
    "weight_channels": (replaced(CONV + "/weight", lambda v: v[:15]), "000_stem"),
    "weight_bits": (attr(CONV + "/weight", "bits", 0), "bits"),
    "bias_short": (replaced(FC + "/bias", lambda v: v[:9]), "bias"),
    "bias_range": (replaced(FC + "/bias", first(2**62)), "bias"),
    "requant_missing": (without(CONV + "/requant"), "requant"),
    "convention_unknown": (attr(CONV + "/requant", "convention", "magic"), "magic"),
    "rounding_unknown": (attr(CONV + "/requant", "rounding", "up"), "rounding"),
    "clamp_crossed": (attr(CONV + "/requant", "clamp_min", 16), "clamp"),
    "mult_missing": (without(CONV + "/requant/mult"), "mult"),
    "mult_range": (replaced(CONV + "/requant/mult", first(2**40)), "mult"),
    "shift_range": (replaced(CONV + "/requant/shift", first(64)), "shift"),
    "kernel_missing": (no_attr(POOL, "kernel"), "kernel"),
    "golden_shape": (replaced("golden/0/000_stem", lambda v: v[:15]), "golden"),
    "golden_range": (replaced("golden/0/000_stem", first(16)), "golden"),
    "golden_layer": (lambda file: file["golden/0"].create_dataset("777_none", data=[1]),
                     "777_none"),
}


class Damaged(CliTest):
    def copy(self, name):
        path = self.folder / f"{name}.h5"
        shutil.copy(W4A4, path)
        return path

    def test_damaged_files(self):
        for name, (edit, text) in DAMAGE.items():
            path = self.copy(name)
            with h5py.File(path, "r+") as file:
                edit(file)
            with self.subTest(name):
                self.refused("run", path, "--backend", "fast", saying=[path.name, text])
        print(f"{len(DAMAGE)} damaged files refused", flush=True)
        self.assertGreaterEqual(len(DAMAGE), 25)

    def test_truncated_files(self):
        whole = pathlib.Path(W4A4).read_bytes()
        for part in (0, 7, 512, len(whole) // 3, len(whole) - 1):
            path = self.copy(f"cut_{part}")
            path.write_bytes(whole[:part])
            with self.subTest(part):
                self.refused("run", path, "--backend", "fast", saying=path.name)

    def test_the_copy_itself_is_good(self):
        self.good("run", self.copy("good"), "--backend", "fast", "--quiet")


if __name__ == "__main__":
    tool.main()
