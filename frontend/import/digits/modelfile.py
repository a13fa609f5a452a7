# SPDX-License-Identifier: Apache-2.0
"""Writes and reads `tactus.model` version 1 (frontend/README.md) as plain Python data.

A model is {"name", "producer", "inputs": {name: {...}}, "outputs": [...], "layers": [{...}]}; a
layer holds its attributes under the schema's names, its datasets as integer arrays, and its
requant groups as dictionaries of the same kind.
"""

import h5py
import numpy as np

REQUANT_DATASETS = ("mult", "shift", "add")
LAYER_DATASETS = ("weight", "weight_zero_point", "bias")
STRING = h5py.string_dtype("utf-8")


def _set(attrs, key, value):
    if isinstance(value, (list, tuple)):
        strings = bool(value) and isinstance(value[0], str)
        value = np.array(value, dtype=STRING if strings else np.int64)
    elif isinstance(value, (bool, int, np.integer)):
        value = np.int64(value)
    attrs[key] = value


def smallest_type(array):
    """The narrowest integer type that holds every value."""
    low, high = int(array.min()), int(array.max())
    for kind in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64):
        info = np.iinfo(kind)
        if info.min <= low and high <= info.max:
            return kind
    raise ValueError("value beyond 64 bits")


def _dataset(group, key, values):
    array = np.asarray(values)
    group.create_dataset(key, data=array.astype(smallest_type(array)))


def _group(parent, key, content, datasets):
    group = parent.create_group(key)
    for name, value in content.items():
        if name in datasets:
            _dataset(group, name, value)
        else:
            _set(group.attrs, name, value)
    return group


def write(path, model, golden, dataset):
    """golden: list of {tensor id: array}; dataset: (images, labels)."""
    (input_name, info), = model["inputs"].items()
    with h5py.File(path, "w", libver=("earliest", "v110")) as f:
        for key, value in (("format", "tactus.model"), ("version", 1), ("name", model["name"]),
                           ("producer", model["producer"]), ("outputs", model["outputs"])):
            _set(f.attrs, key, value)
        _group(f, f"inputs/{input_name}", info, ())
        for layer in model["layers"]:
            plain = {k: v for k, v in layer.items()
                     if k != "id" and k != "weight_format" and not k.startswith("requant")}
            group = _group(f, f"layers/{layer['id']}", plain, LAYER_DATASETS)
            for key, value in layer.get("weight_format", {}).items():
                _set(group["weight"].attrs, key, value)
            for key in ("requant_0", "requant_1", "requant"):
                if key in layer:
                    _group(group, key, layer[key],
                           REQUANT_DATASETS if key == "requant" else ())
        for k, tensors in enumerate(golden):
            group = f.create_group(f"golden/{k}")
            group.attrs["origin"] = "reference"
            for ident, values in tensors.items():
                _dataset(group, f"inputs/{ident}" if ident == input_name else ident, values)
        _dataset(f, f"dataset/inputs/{input_name}", dataset[0])
        _dataset(f, "dataset/labels", dataset[1])


def _plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value.tolist()]
    return value.item() if isinstance(value, np.generic) else value


def _read_group(group):
    """Attributes and integer datasets of a group; subgroups as dictionaries."""
    content = {key: _plain(value) for key, value in group.attrs.items()}
    for key, item in group.items():
        if isinstance(item, h5py.Group):
            content[key] = _read_group(item)
        else:
            content[key] = item[()]
            if key == "weight":
                content["weight_format"] = _read_group_attrs(item)
    return content


def _read_group_attrs(item):
    return {key: _plain(value) for key, value in item.attrs.items()}


def read(path):
    """The model, its golden tensors and its test set."""
    with h5py.File(path, "r") as f:
        model = {key: _plain(f.attrs[key]) for key in f.attrs}
        model["inputs"] = {k: _read_group_attrs(g) for k, g in f["inputs"].items()}
        model["layers"] = [dict(_read_group(g), id=k) for k, g in sorted(f["layers"].items())]
        golden = []
        for k in sorted(f["golden"], key=int):
            group = f["golden"][k]
            tensors = {i: d[()] for i, d in group["inputs"].items()}
            tensors.update({i: d[()] for i, d in group.items() if i != "inputs"})
            golden.append({"origin": _plain(group.attrs["origin"]), "tensors": tensors})
        (images,) = [d[()] for d in f["dataset/inputs"].values()]
        return model, golden, (images, f["dataset/labels"][()])
