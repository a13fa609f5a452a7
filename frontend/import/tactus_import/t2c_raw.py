# SPDX-License-Identifier: Apache-2.0
"""Reads Torch2Chip's own export folder (t2c_model.pth.tar and tensors/*.pt) with a graph
description, because the export has neither graph nor widths nor fraction bits."""

import json
import pathlib

import numpy as np

from . import torch_file
from .evaluate import conv_accumulators
from .import_t2c import fold_graph, settings_of
from .problem import ImportProblem
from .t2c_capture import CLAMPS_TWICE
from .t2c_graph import GoldenImage, Graph, Node, Quantizer

NODE_KEYS = {"name", "op", "src", "relu", "stride", "padding", "dilation", "groups", "kernel",
             "act_bits", "act_unsigned", "weight_bits", "weight_signed", "quantizer"}
TOP_KEYS = {"name", "scale_frac_bits", "scale_word_bits", "nodes"} | (NODE_KEYS - {"name", "op",
                                                                                   "src"})


def _pair(value):
    return tuple(int(v) for v in np.broadcast_to(value, 2))


class _Raw:
    def __init__(self, folder, description, out):
        self.folder, self.description, self.out = folder, description, out
        self.state = {}

    def fail(self, what, layer=""):
        where = f"layer {layer}: " if layer else ""
        raise ImportProblem(f"{self.folder}: {where}{what}", str(self.folder), layer)

    def tensor(self, key, layer, needed=True):
        if key not in self.state:
            if needed:
                self.fail(f"the state has no tensor {key}", layer)
            return None
        return np.asarray(self.state[key])

    def read_state(self):
        state = torch_file.load(self.folder / "t2c_model.pth.tar")
        while isinstance(state, dict) and "state_dict" in state:
            state = state["state_dict"]
        if not isinstance(state, dict):
            self.fail("t2c_model.pth.tar holds no state dictionary")
        self.state = {k.removeprefix("module."): v for k, v in state.items()}

    def setting(self, entry, key, default=None):
        value = entry.get(key, self.description.get(key, default))
        if value is None:
            self.fail(f"the graph description says no {key}", entry["name"])
        return value

    def quantizer(self, entry, key):
        scale = self.tensor(f"{key}.aq.scale", entry["name"]).reshape(-1)
        zero = self.tensor(f"{key}.aq.zero_point", entry["name"]).reshape(-1)
        if scale.size != 1:
            self.fail(f"the activation quantiser has {scale.size} scales, one is needed",
                      entry["name"])
        bits, unsigned = int(self.setting(entry, "act_bits")), bool(
            self.setting(entry, "act_unsigned"))
        low, high = (0, (1 << bits) - 1) if unsigned else (-(1 << bits - 1), (1 << bits - 1) - 1)
        kind = str(self.setting(entry, "quantizer", "MinMaxQuantizer"))
        return Quantizer(float(scale[0]), int(zero[0]), bits, unsigned, low, high, kind,
                         any(word in kind for word in CLAMPS_TWICE))

    def weighted(self, entry, node):
        inner = "conv" if node.op == "conv" else "linear"
        key = f"{entry['name']}.{inner}"
        weight = self.tensor(f"{key}.qweight", node.name)
        if np.any(weight != np.rint(weight)):
            self.fail("the integer weights (qweight) are not integers", node.name)
        node.weight = weight.astype(np.int16)
        out = weight.shape[0]
        for what in ("scale", "bias"):
            values = self.tensor(f"{entry['name']}.scaler.{what}", node.name)
            values = np.rint(values.astype(np.float64)).astype(np.int64).reshape(-1)
            setattr(node, what, np.broadcast_to(values, (out,)))
        node.weight_bits = int(self.setting(entry, "weight_bits"))
        node.weight_signed = bool(self.setting(entry, "weight_signed", True))
        node.frac_bits = int(self.setting(entry, "scale_frac_bits"))
        node.word_bits = int(self.setting(entry, "scale_word_bits", 32))
        node.quantizer = self.quantizer(entry, key)
        node.has_conv_bias = inner == "conv" and f"{key}.bias" in self.state
        mask = self.tensor(f"{key}.mask", node.name, needed=False)
        if mask is not None:
            node.mask_sparsity = float((mask == 0).mean())
            kept = int(((mask == 0) & (weight != 0)).sum())
            if kept:
                self.out.warn(node.name, f"{kept} weights are not zero where the pruning mask is: "
                                         "the mask was dropped")
        if np.any(node.weight) and f"{key}.weight" not in self.state:
            self.out.note(f"{node.name}: there is no float weight beside the integers")
        if inner == "conv":
            node.stride, node.padding = (_pair(entry.get(k, d)) for k, d in
                                         (("stride", 1), ("padding", 0)))
            node.dilation, node.groups = _pair(entry.get("dilation", 1)), int(
                entry.get("groups", 1))
            node.kernel = tuple(weight.shape[2:])

    def node(self, entry):
        unknown = set(entry) - NODE_KEYS
        if unknown or not {"name", "op", "src"} <= set(entry):
            self.fail(f"the graph description has unknown keys {sorted(unknown)} or lacks name, op "
                      "or src in a node", str(entry.get("name", "?")))
        if entry["op"] not in ("conv", "linear", "add", "relu", "avgpool", "maxpool"):
            self.fail(f"the op '{entry['op']}' has no import rule", entry["name"])
        node = Node(entry["name"], entry["op"], list(entry["src"]), module=entry["name"],
                    relu=bool(entry.get("relu", False)) or entry["op"] == "relu")
        if node.op in ("conv", "linear"):
            self.weighted(entry, node)
        elif node.op == "maxpool":
            node.kernel = _pair(entry["kernel"])
            node.stride = _pair(entry.get("stride", entry["kernel"]))
            node.padding = _pair(entry.get("padding", 0))
        return node

    def exported(self, node, what):
        inner = "conv" if node.op == "conv" else "linear"
        path = self.folder / "tensors" / f"{node.name}.{inner}.ops_{what}.pt"
        return np.asarray(torch_file.load(path)) if path.exists() else None

    def image(self, nodes):
        """The exported operands and accumulators; reals are recomputed from the accumulators,
        because the export does not have them."""
        image = GoldenImage()
        for node in nodes:
            if node.op in ("conv", "linear"):
                x, y = self.exported(node, "x1"), self.exported(node, "y")
                if x is None or y is None:
                    self.out.warn(node.name, "its tensors were not exported")
                    continue
                image.operands[node.name], image.accumulators[node.name] = x[0], y[0]
                self.check_accumulators(node, x[0], y[0])
                shape = (-1,) + (1,) * (y[0].ndim - 1)
                value = (y[0].astype(np.int64) * node.scale.reshape(shape)
                         + node.bias.reshape(shape)) / float(1 << node.frac_bits)
            elif not all(source in image.reals for source in node.sources):
                continue
            else:
                parts = [image.reals[source] for source in node.sources]
                value = sum(parts) if node.op == "add" else parts[0]
                if node.op == "avgpool":
                    value = value.reshape(value.shape[0], -1).mean(axis=1)
                elif node.op == "maxpool":
                    continue
            image.reals[node.name] = np.maximum(value, 0) if node.relu else value
        return image

    def check_accumulators(self, node, x, y):
        layer = {"op": "conv2d" if node.op == "conv" else "linear", "weight": node.weight,
                 "stride": node.stride, "dilation": node.dilation, "groups": node.groups,
                 "padding": (*node.padding, *node.padding)}
        x = x if x.ndim == 3 else x.reshape(-1, 1, 1)
        delta = y.reshape(node.weight.shape[0], -1).astype(np.int64) - conv_accumulators(
            layer, x, 0).reshape(node.weight.shape[0], -1)
        wrong = int((delta != 0).sum())
        if not wrong:
            return
        constant = bool(np.all(delta == delta[:, :1]))
        self.out.warn(node.name, f"{wrong} exported accumulators are not the sum of the exported "
                                 "operands and weights" + (
                                     ": they differ by a constant per channel, a convolution bias "
                                     "that the toolkit added without scaling" if constant else
                                     ": the operand was a float that the export truncated, or the "
                                     "pruning mask was dropped"))

    def stale(self):
        keys = [k for k in self.state if ".bn." in f".{k}" or k.split(".")[-2:-1] == ["bn"]]
        if keys:
            self.out.note(f"{len(keys)} batch-norm tensors in the state are dead after the fusion "
                          "and were not read")

    def graph(self):
        unknown = set(self.description) - TOP_KEYS
        if unknown or not isinstance(self.description.get("nodes"), list):
            self.fail(f"the graph description has unknown keys {sorted(unknown)} or no list nodes")
        self.read_state()
        nodes = [self.node(entry) for entry in self.description["nodes"]]
        known = {"input"}
        for node in nodes:
            for source in node.sources:
                if source not in known:
                    self.fail(f"its source '{source}' is no node before it", node.name)
            known.add(node.name)
        self.stale()
        return Graph(str(self.description.get("name", self.folder.name)),
                     "Torch2Chip export through tactus import t2c-raw", nodes,
                     [self.image(nodes)])


def import_raw(args, out):
    """The folder and `--graph FILE.json` (default: graph.json in the folder)."""
    folder = pathlib.Path(args.source)
    if not (folder / "t2c_model.pth.tar").is_file():
        raise ImportProblem(f"{folder} holds no t2c_model.pth.tar; it is no export folder of "
                            "Torch2Chip", str(folder))
    path = pathlib.Path(args.graph or folder / "graph.json")
    if not path.is_file():
        raise ImportProblem(f"{path}: there is no graph description; the export does not carry the "
                            "graph, --graph names a file that does", str(path))
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ImportProblem(f"{path} is not JSON: {error}", str(path)) from error
    if not isinstance(description, dict):
        raise ImportProblem(f"{path} is no JSON object", str(path))
    return fold_graph(_Raw(folder, description, out).graph(), settings_of(args), out)
