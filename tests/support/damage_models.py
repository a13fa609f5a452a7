#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes damaged copies of a valid model file.

Usage: damage_models.py SOURCE.h5 OUTDIR

SOURCE is the network of tests/unit/modelfile_test.cpp. Writes OUTDIR/<kind>.h5 and
OUTDIR/list.txt with a line "<kind>.h5<TAB>text that the error message must contain" for each.
"""
import os
import shutil
import sys

import h5py
import numpy as np

CONV, CLAMP, ADD, POOL, FC = ("layers/000_conv", "layers/001_clamp", "layers/002_add",
                              "layers/003_pool", "layers/006_fc")
EDITS = []


def damage(kind, message):
    def register(edit):
        EDITS.append((kind, message, edit))
        return edit
    return register


def attr(kind, path, name, value, message):
    """Replaces one attribute; value None deletes it."""
    def edit(f):
        if name in f[path].attrs:
            del f[path].attrs[name]
        if value is not None:
            f[path].attrs[name] = value
    EDITS.append((kind, message, edit))


def values(kind, path, change, message):
    """Replaces a dataset by change(old array), keeping its attributes."""
    def edit(f):
        attrs = dict(f[path].attrs)
        new = change(f[path][...])
        del f[path]
        f[path] = new
        for key, value in attrs.items():
            f[path].attrs[key] = value
    EDITS.append((kind, message, edit))


def delete(kind, path, message):
    def edit(f):
        del f[path]
    EDITS.append((kind, message, edit))


def put(index, value):
    def change(a):
        a = a.astype(np.int64)
        a[index] = value
        return a
    return change


attr("format_other", "/", "format", "other.model", "attribute 'format' = 'other.model'")
attr("format_missing", "/", "format", None, "attribute 'format' is missing")
attr("format_number", "/", "format", 3, "attribute 'format' is of type integer")
attr("version_newer", "/", "version", 2, "version 2 is newer")
attr("version_zero", "/", "version", 0, "attribute 'version' = 0 is outside")
attr("version_float", "/", "version", 1.0, "attribute 'version' is of type float")
attr("root_unknown", "/", "colour", "red", "attribute 'colour' is unknown")
attr("outputs_unknown", "/", "outputs", ["999_none"], "'999_none', which is no layer")
attr("outputs_missing", "/", "outputs", None, "attribute 'outputs' is missing")
attr("input_shape_rank", "inputs/img", "shape", [1, 2, 3, 4], "has 4 extents")
attr("input_shape_zero", "inputs/img", "shape", [3, 0, 6], "'shape[1]' = 0 is outside")
attr("input_shape_huge", "inputs/img", "shape", [2**40, 6, 6], "'shape[0]' = 1099511627776")
attr("input_bits", "inputs/img", "bits", 17, "attribute 'bits' = 17 is outside 1..16")
attr("input_zero_point", "inputs/img", "zero_point", 16, "attribute 'zero_point' = 16")
attr("input_signed", "inputs/img", "signed", 2, "attribute 'signed' = 2")
attr("op_unknown", CONV, "op", "conv3d", "attribute 'op' = 'conv3d' is none of")
attr("op_missing", CONV, "op", None, "attribute 'op' is missing")
attr("inputs_self", CONV, "inputs", ["000_conv"], "closes a cycle")
attr("inputs_cycle", CONV, "inputs", ["002_add"], "input '002_add' closes a cycle")
attr("inputs_forward", CLAMP, "inputs", ["007_seqconv"], "'007_seqconv' is a forward reference")
attr("inputs_absent", CLAMP, "inputs", ["nobody"], "'nobody' is neither")
attr("inputs_count", ADD, "inputs", ["001_clamp"], "inputs has 1 names, add needs 2")
attr("inputs_shape", ADD, "inputs", ["001_clamp", "img"], "different shapes")
attr("layer_unknown_attr", CONV, "pad_mode", "reflect", "attribute 'pad_mode' is unknown")
attr("conv_kernel_attr", CONV, "kernel", [3, 3], "attribute 'kernel' is unknown")
attr("stride_zero", CONV, "stride", [0, 1], "'stride[0]' = 0")
attr("stride_rank", CONV, "stride", 1, "attribute 'stride' has the shape []")
attr("padding_short", CONV, "padding", [1, 1], "attribute 'padding' has the shape [2]")
attr("padding_float", CONV, "padding", [1.0] * 4, "'padding' is of type float")
attr("dilation_huge", CONV, "dilation", [100, 1], "the kernel reaches over 201 in height")
attr("groups", CONV, "groups", 2, "in each of 2 groups")
attr("out_bits", CONV, "out_bits", 33, "attribute 'out_bits' = 33")
attr("out_zero_point", CONV, "out_zero_point", -1, "attribute 'out_zero_point' = -1")
attr("clamp_range", CLAMP, "clamp_max", 16, "attribute 'clamp_max' = 16 is outside 0..15")
attr("clamp_order", CLAMP, "clamp_min", 13, "clamp_min = 13 is above clamp_max = 12")
attr("pool_padding", POOL, "padding", [2, 0, 0, 0], "padding[0] = 2 is outside 0..1")
attr("pool_format", POOL, "out_bits", 5, "must equal that of input")
attr("weight_bits", CONV + "/weight", "bits", 3, "weight[0,0,0,0] = -7 is outside the range -4..3")
attr("weight_sparsity", CONV + "/weight", "sparsity", "3:2", "sparsity = '3:2'")
attr("weight_not_sparse", CONV + "/weight", "sparsity", "1:3", "non-zero weights")
attr("weight_unknown_attr", CONV + "/weight", "layout", "OHWI", "attribute 'layout' is unknown")
attr("rounding", CONV + "/requant", "rounding", "nearest", "'rounding' = 'nearest'")
attr("convention", CONV + "/requant", "convention", "avg_tflite", "avg_tflite is not possible")
attr("none_8_bit", FC, "out_bits", 8, "/layers/006_fc/requant: attribute 'clamp_min'")
attr("mult_bits", CONV + "/requant", "mult_bits", 4, "requant/mult[0] = 100 is outside")
attr("operand_shift", ADD + "/requant_0", "left_shift", 32, "'left_shift' = 32")
attr("origin", "golden/0", "origin", "guess", "attribute 'origin' = 'guess'")
values("weight_value", CONV + "/weight", put((1, 2, 0, 1), 8), "weight[1,2,0,1] = 8")
values("weight_float", CONV + "/weight", lambda a: a.astype(float), "the type is float")
values("weight_rank", CONV + "/weight", lambda a: a.reshape(4, -1), "has not rank 4")
values("weight_channels", CONV + "/weight", lambda a: a[:, :2], "2 input channels")
values("weight_empty", CONV + "/weight", lambda a: a[:, :0], "has an extent outside")
values("fc_inputs", FC + "/weight", lambda a: a[:, :3], "weight has 3 inputs")
values("bias_short", CONV + "/bias", lambda a: a[:1], "bias has 1 values instead of 4")
values("bias_wide", CONV + "/bias", put(3, 2**47), "bias[3] = 140737488355328")
values("bias_unsigned", CONV + "/bias", lambda a: np.full(4, 2**64 - 1, np.uint64), "bias[0]")
values("bias_scalar", CONV + "/bias", lambda a: np.int64(1), "the shape [] has not rank 1")
values("mult_wide", CONV + "/requant/mult", put(2, 2**15), "mult[2] = 32768")
values("mult_count", CONV + "/requant/mult", lambda a: a[:3], "requant/mult has 3 values")
values("shift_range", CONV + "/requant/shift", put(0, 64), "shift[0] = 64")
values("shift_negative", CONV + "/requant/shift", put(0, -1), "requant/shift[0] = -1")
values("golden_value", "golden/0/001_clamp", put((0, 1, 2), 99), "001_clamp[0,1,2] = 99")
values("golden_shape", "golden/0/001_clamp", lambda a: a[:, :1], "is not that of the tensor")
values("dataset_value", "dataset/inputs/seq", put((2, 1, 0), -9), "seq[2,1,0] = -9")
values("dataset_count", "dataset/inputs/seq", lambda a: a[:2], "has 2 tensors")
values("labels_count", "dataset/labels", lambda a: a[:2], "the shape [2] is not [3]")
values("labels_negative", "dataset/labels", put(1, -1), "labels[1] = -1")
values("labels_text", "dataset/labels", lambda a: np.array([b"a", b"b", b"c"]), "type is string")
delete("no_inputs", "inputs", "group 'inputs' is missing")
delete("no_layers", "layers", "group 'layers' is missing")
delete("no_weight", CONV + "/weight", "dataset 'weight' is missing")
delete("no_requant", CONV + "/requant", "group 'requant' is missing")
delete("no_operand", ADD + "/requant_1", "group 'requant_1' is missing")
delete("no_mult", CONV + "/requant/mult", "requant/mult has 0 values")
delete("no_first_layer", CONV, "'000_conv' is neither")
delete("golden_no_inputs", "golden/0/inputs", "group 'inputs' is missing")
delete("dataset_no_input", "dataset/inputs/img", "dataset 'img' is missing")


@damage("lut", "'lut' is unknown here")
def _(f):
    f[CONV]["lut"] = np.arange(4)


@damage("root_group", "'extra' is unknown here")
def _(f):
    f.create_group("extra")


@damage("layer_name", "does not read NNN_name")
def _(f):
    f.move(CLAMP, "layers/clamp")


@damage("layer_number_twice", "have the same number")
def _(f):
    f.copy(CLAMP, "layers/001_again")


@damage("layer_is_dataset", "is not a group")
def _(f):
    f["layers/008_data"] = np.arange(3)


@damage("weight_is_group", "'weight' is not a dataset")
def _(f):
    del f[CONV + "/weight"]
    f.create_group(CONV + "/weight")


@damage("soft_link", "links are not allowed")
def _(f):
    f["layers/008_link"] = h5py.SoftLink("/layers/000_conv")


@damage("external_link", "links are not allowed")
def _(f):
    f["layers/008_link"] = h5py.ExternalLink("other.h5", "/layers")


@damage("golden_unknown_layer", "no layer of this name")
def _(f):
    f["golden/0/055_none"] = np.arange(3)


@damage("weight_absurd", "has an extent outside 1..1048576")
def _(f):
    attrs = dict(f[CONV + "/weight"].attrs)
    del f[CONV + "/weight"]
    data = f[CONV].create_dataset("weight", (2**60, 3, 3, 3), "i1", chunks=(1, 3, 3, 3))
    for key, value in attrs.items():
        data.attrs[key] = value


@damage("weight_many", "has more than 134217728 values")
def _(f):
    attrs = dict(f[CONV + "/weight"].attrs)
    del f[CONV + "/weight"]
    data = f[CONV].create_dataset("weight", (2**20,) * 4, "i1", chunks=(1, 3, 3, 3))
    for key, value in attrs.items():
        data.attrs[key] = value


@damage("dataset_absurd", "has more than 134217728 values")
def _(f):
    del f["dataset/inputs/img"]
    f["dataset/inputs"].create_dataset("img", (2**60, 3, 6, 6), "u1", chunks=(1, 3, 6, 6))


def main():
    source, outdir = sys.argv[1:3]
    os.makedirs(outdir, exist_ok=True)
    lines = []
    for kind, message, edit in EDITS:
        target = os.path.join(outdir, kind + ".h5")
        shutil.copyfile(source, target)
        with h5py.File(target, "r+") as f:
            edit(f)
        lines.append((kind, message))
    with open(source, "rb") as f:
        content = f.read()
    for kind, part, message in (("empty", 0, "is not an HDF5 file"),
                                ("cut_4", 4, "is not an HDF5 file"),
                                ("cut_64", 64, "truncated or damaged"),
                                ("cut_quarter", len(content) // 4, "truncated or damaged"),
                                ("cut_half", len(content) // 2, "truncated or damaged"),
                                ("cut_last", len(content) - 1, "truncated or damaged")):
        with open(os.path.join(outdir, kind + ".h5"), "wb") as f:
            f.write(content[:part])
        lines.append((kind, message))
    with open(os.path.join(outdir, "text.h5"), "w", encoding="ascii") as f:
        f.write("this is not a model\n" * 50)
    lines.append(("text", "is not an HDF5 file"))
    os.makedirs(os.path.join(outdir, "folder.h5"), exist_ok=True)
    lines.append(("folder", "is a directory"))
    lines.append(("nowhere", "no such file"))
    with open(os.path.join(outdir, "list.txt"), "w", encoding="ascii") as f:
        f.writelines(f"{kind}.h5\t{message}\n" for kind, message in lines)


if __name__ == "__main__":
    main()
