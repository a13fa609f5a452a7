# SPDX-License-Identifier: Apache-2.0
"""Reads captures of converted Torch2Chip models (HDF5: /meta, /layers, /golden)."""

import json
import re

import h5py
import numpy as np

from .problem import ImportProblem
from .t2c_graph import GoldenImage, Graph, Node, Quantizer

OPS = {"conv": "conv", "linear": "linear", "add": "add", "add_relu": "add", "relu": "relu",
       "avgpool": "avgpool", "maxpool": "maxpool", "input": "input"}
CLAMPS_TWICE = ("LSQ", "QDrop")


def _plain(value):
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


class _Reader:
    def __init__(self, file, path):
        self.file, self.path = file, path

    def fail(self, what, layer=""):
        where = f"layer {layer}: " if layer else ""
        raise ImportProblem(f"{self.path}: {where}{what}", self.path, layer)

    def graph(self):
        """(name, op, sources) of every node, from /meta or from the layers' own attributes."""
        meta = self.file["meta"].attrs
        if "graph" not in meta:
            self.fail("/meta has no attribute 'graph'; this is no Torch2Chip capture")
        try:
            nodes = json.loads(_plain(meta["graph"]))
        except ValueError:
            self.fail("/meta: attribute 'graph' is not JSON")
        for entry in nodes:
            if not isinstance(entry, dict) or not {"name", "op", "src"} <= set(entry):
                self.fail("/meta: attribute 'graph' does not list name, op and src of each node")
        return nodes

    def quantizer(self, name, group):
        attrs = group.attrs
        if not attrs.get("input_quantized", True):
            return None
        if "act_scale_f32" not in group:
            return None
        scale = group["act_scale_f32"][()]
        if np.size(scale) != 1:
            self.fail("the activation quantiser has one scale per token, this importer folds one "
                      "scale per tensor", name)
        scale, zero = float(np.ravel(scale)[0]), int(np.ravel(group["act_zero_point"][()])[0])
        if not np.isfinite(scale) or scale <= 0:
            self.fail(f"the activation scale {scale} is not a positive number", name)
        kind = _plain(attrs.get("act_quantizer", ""))
        return Quantizer(scale, zero, int(attrs["act_bits"]), bool(attrs["act_unsigned"]),
                         int(attrs["act_qlb"]), int(attrs["act_qub"]), kind,
                         any(word in kind for word in CLAMPS_TWICE))

    def weighted(self, node, group):
        attrs = group.attrs
        for key in ("weight", "scale_int", "bias_int"):
            if key not in group:
                self.fail(f"the dataset {key} is missing", node.name)
        node.weight = group["weight"][()]
        if node.weight.dtype.kind not in "iu":
            self.fail("the weights are not integers", node.name)
        node.weight_bits = int(attrs["weight_bits"])
        node.weight_signed = not bool(attrs.get("weight_unsigned", False))
        node.frac_bits = int(attrs["scale_frac_bits"])
        node.word_bits = int(attrs.get("scale_word_bits", 32))
        out = node.weight.shape[0]
        for key in ("scale", "bias"):
            values = group[f"{key}_int"][()].astype(np.int64).reshape(-1)
            if values.size not in (1, out):
                self.fail(f"{key}_int has {values.size} values, the layer has {out} output "
                          "channels", node.name)
            setattr(node, key, np.broadcast_to(values, (out,)))
        node.has_conv_bias = bool(attrs.get("conv_bias", False))
        node.mask_sparsity = float(attrs.get("mask_sparsity", 0.0))
        node.quantizer = self.quantizer(node.name, group)
        if node.op == "conv":
            for key in ("stride", "padding", "dilation", "kernel"):
                setattr(node, key, tuple(int(v) for v in attrs[key]))
            node.groups = int(attrs["groups"])

    def node(self, entry):
        name = entry["name"]
        if name not in self.file["layers"]:
            self.fail("the graph names it, /layers does not have it", name)
        group = self.file["layers"][name]
        op = _plain(group.attrs.get("op", entry["op"]))
        if op not in OPS:
            self.fail(f"the op '{op}' has no import rule (known: {', '.join(sorted(OPS))})", name)
        node = Node(name, OPS[op], list(entry["src"]), module=_plain(group.attrs.get("module", "")))
        node.relu = bool(group.attrs.get("relu", False)) or op in ("add_relu", "relu")
        if node.op in ("conv", "linear"):
            self.weighted(node, group)
        elif node.op == "maxpool":
            for key in ("kernel", "stride", "padding"):
                setattr(node, key, tuple(np.broadcast_to(group.attrs[key], 2).tolist()))
        return node

    def image(self, group):
        image = GoldenImage()
        for key in ("label", "prediction"):
            if key in group.attrs:
                setattr(image, key, int(group.attrs[key]))
        for name, one in group.items():
            if not isinstance(one, h5py.Group):
                continue
            if "input" in one:
                image.operands[name] = one["input"][()][0]
            if "output" in one:
                data = one["output"][()][0]
                (image.accumulators if data.dtype.kind in "iu" else image.reals)[name] = data
            if "post_f32" in one:
                image.reals[name] = one["post_f32"][()][0]
        return image

    def read(self):
        for key in ("meta", "layers"):
            if key not in self.file:
                self.fail(f"there is no /{key}; this is no Torch2Chip capture")
        meta = self.file["meta"].attrs
        nodes = [self.node(entry) for entry in self.graph()]
        known = {"000_input"} | {node.name for node in nodes}
        for node in nodes:
            for source in node.sources:
                if source not in known and not re.search("input", source):
                    self.fail(f"its source '{source}' is no node", node.name)
        images = []
        golden = self.file.get("golden", {})
        for key in sorted(golden, key=lambda k: int(re.sub(r"\D", "", k) or 0)):
            images.append(self.image(golden[key]))
        name = str(_plain(meta.get("case", "torch2chip")))
        commit = str(_plain(meta.get("toolkit_commit", "unknown")))
        return Graph(name, f"Torch2Chip {commit[:12]} through tactus import t2c", nodes, images)


def is_vit(path):
    """Whether the capture is that of a vision transformer."""
    try:
        with h5py.File(path, "r") as file:
            return "layers" in file and any(
                _plain(g.attrs.get("op", "")) == "float_layernorm" for g in file["layers"].values())
    except (KeyError, RuntimeError, ValueError, AttributeError) as error:
        text = str(error).split("\n", maxsplit=1)[0]
        raise ImportProblem(f"{path} is damaged: {text}", path) from error


def read_capture(path):
    """The graph of a capture of a convolutional network."""
    try:
        with h5py.File(path, "r") as file:
            return _Reader(file, path).read()
    except (KeyError, RuntimeError, ValueError, TypeError, IndexError, OverflowError,
            MemoryError) as error:
        text = str(error).split("\n", maxsplit=1)[0]
        raise ImportProblem(f"{path} is damaged or no capture: {text}", path) from error
