# SPDX-License-Identifier: Apache-2.0
"""A model in memory and its way into a `tactus.model` file (schema: frontend/README.md).

A layer is a dictionary: attributes and datasets (NumPy arrays) of the schema under their names,
the groups requant, requant_0 and requant_1 as dictionaries, `weight_format` for the attributes of
the weight dataset. Keys that start with an underscore are the importer's own and are not written.
"""

import math
import os
import re

import h5py
import numpy as np

from .problem import ImportProblem

DATASETS = ("weight", "weight_zero_point", "bias", "mult", "shift", "add", "table",
            "inverse_table", "gamma", "beta", "value")
MAX_CONSTANT = 1 << 24
STRING = h5py.string_dtype("utf-8")


def value_range(bits, signed):
    """Smallest and largest value of a format."""
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def filled(shape, value):
    """A tensor of one value, of a size that a network can have."""
    size = math.prod(int(n) for n in shape)
    if not 0 < size <= MAX_CONSTANT:
        raise ImportProblem(f"a constant of {size} values is outside 1..{MAX_CONSTANT}")
    return np.full(shape, value)


class Model:
    """Inputs, layers in execution order, golden tensors and an optional test set."""

    def __init__(self, name, producer):
        self.name, self.producer = name, producer
        self.inputs = {}
        self.layers = []
        self.outputs = []
        self.golden = []  # {"origin", "inputs": {}, "layers": {}, "accumulators": {}}
        self.dataset = None  # (inputs {name: [N,...]}, labels or None)

    def add_input(self, name, shape, bits, signed, zero_point=0, scale=None):
        """Declares a network input; shape is [C,H,W] or [T,C]."""
        info = {"shape": [int(n) for n in shape], "bits": int(bits), "signed": int(signed),
                "zero_point": int(zero_point)}
        if scale is not None:
            info["scale"] = float(scale)
        self.inputs[name] = info
        return name

    def add_layer(self, name, op, inputs, **content):
        """Appends a layer and returns its id, NNN_name."""
        text = re.sub(r"[^A-Za-z0-9_.\-]+", "_", str(name)).strip("_.") or op
        layer = {"id": f"{len(self.layers):03d}_{text[-80:]}", "op": op, "inputs": list(inputs)}
        layer.update(content)
        self.layers.append(layer)
        return layer["id"]

    def layer(self, ident):
        """The layer with this id, or None."""
        for layer in self.layers:
            if layer["id"] == ident:
                return layer
        return None

    def format_of(self, ident):
        """(bits, signed, zero point) of an input or a layer's output."""
        if ident in self.inputs:
            info = self.inputs[ident]
            return info["bits"], info["signed"], info["zero_point"]
        layer = self.layer(ident)
        return layer["out_bits"], layer["out_signed"], layer["out_zero_point"]

    def macs(self, shapes):
        """Multiply-accumulates of all weighted layers; shapes: id -> output [C,H,W]."""
        total = 0
        for layer in self.layers:
            if "weight" in layer:
                total += layer["weight"].size * int(np.prod(shapes[layer["id"]][1:]))
        return total


def smallest_type(array):
    """The narrowest integer type that holds every value."""
    if array.dtype.itemsize == 1 and array.dtype.kind in "iu":
        return array.dtype
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    for kind in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64):
        info = np.iinfo(kind)
        if info.min <= low and high <= info.max:
            return kind
    raise ImportProblem("a value does not fit 64 bits")


def _set(attrs, key, value):
    if isinstance(value, str):
        value = value.replace("\0", " ")  # a byte that HDF5 cannot store
    if isinstance(value, (list, tuple, np.ndarray)):
        strings = len(value) > 0 and isinstance(value[0], str)
        value = np.array(value, dtype=STRING if strings else np.int64)
    elif isinstance(value, (bool, int, np.integer)):
        value = np.int64(value)
    attrs[key] = value


def _dataset(group, key, values):
    array = np.asarray(values)
    group.create_dataset(key, data=array.astype(smallest_type(array), copy=False),
                         track_times=False)


def _write_group(parent, key, content):
    group = parent.create_group(key)
    for name, value in content.items():
        if name == "weight_format":
            for attribute, v in value.items():
                _set(group["weight"].attrs, attribute, v)
        elif isinstance(value, dict):
            _write_group(group, name, value)
        elif name in DATASETS and isinstance(value, np.ndarray):
            _dataset(group, name, value)
        else:
            _set(group.attrs, name, value)
    return group


def _ordered(layer):
    """Content of a layer with `weight` before `weight_format`."""
    content = {k: v for k, v in layer.items()
               if k != "id" and k != "weight_format" and not k.startswith("_")}
    if not layer["inputs"]:
        del content["inputs"]
    if "weight_format" in layer:
        content["weight_format"] = layer["weight_format"]
    return content


def _write_content(file, model):
    for key, value in (("format", "tactus.model"), ("version", 1), ("name", model.name),
                       ("producer", model.producer), ("outputs", model.outputs)):
        _set(file.attrs, key, value)
    for name, info in model.inputs.items():
        _write_group(file, f"inputs/{name}", info)
    for layer in model.layers:
        _write_group(file, f"layers/{layer['id']}", _ordered(layer))
    for k, golden in enumerate(model.golden):
        group = file.create_group(f"golden/{k}")
        group.attrs["origin"] = golden["origin"]
        group.create_group("inputs")
        for name, values in golden["inputs"].items():
            _dataset(group, f"inputs/{name}", values)
        for name, values in golden.get("layers", {}).items():
            _dataset(group, name, values)
        accumulators = golden.get("accumulators", {})
        if accumulators:
            group.create_group("accumulators")
        for name, values in accumulators.items():
            _dataset(group, f"accumulators/{name}", values)
    if model.dataset is not None:
        inputs, labels = model.dataset
        for name, values in inputs.items():
            _dataset(file, f"dataset/inputs/{name}", values)
        if labels is not None:
            _dataset(file, "dataset/labels", np.asarray(labels))


def write(path, model):
    """Replaces `path` in one step."""
    path = os.fspath(path)
    temporary = f"{path}.tmp{os.getpid()}"
    try:
        with h5py.File(temporary, "w", libver=("earliest", "v110")) as file:
            _write_content(file, model)
        os.replace(temporary, path)
    except OSError as error:
        raise ImportProblem(f"cannot write {path}: {error.strerror or 'the file system refused'}",
                            path) from error
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
