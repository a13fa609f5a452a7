# SPDX-License-Identifier: Apache-2.0
"""ONNX (QDQ, QLinear*, ConvInteger, MatMulInteger) and QONNX files."""

import h5py

from . import onnx_curves, onnx_graph, onnx_moves, onnx_norm, onnx_ops, quant_ops
from .import_t2c import settings_of
from .onnx_convert import Converter
from .problem import ImportProblem

QUANTISERS = {"Quant", "IntQuant", "BipolarQuant", "Trunc"}
OPS = {**onnx_ops.OPS, **onnx_moves.OPS, **onnx_curves.OPS, **onnx_norm.OPS, **quant_ops.OPS}


def convert(proto, path, options, out):
    """(model, emitter) of a loaded graph."""
    converter = Converter(proto, path, options, OPS)
    model = converter.run()
    if not model.name or model.name == "onnx":
        model.name = str(path).rsplit("/", maxsplit=1)[-1].rsplit(".", maxsplit=1)[0]
    for note in converter.emitter.notes:
        out.note(note)
    for layer, text in converter.emitter.warnings:
        out.warn(layer, text)
    out.settings = {"multiplier_bits": options.mult_bits, "residual_bits": options.residual_bits}
    return model, converter.emitter


def _golden_sets(path, keys, model, emitter):
    """Sample groups of a file in the layout of shared/data/qonnx, by node index."""
    with h5py.File(path, "r") as file:
        samples = sorted(k for k in file if k.startswith("sample_"))
        if not samples:
            raise ImportProblem(f"{path} has no groups sample_0, sample_1, ...", path)
        for key in samples:
            entry = {"origin": "reference", "inputs": {}, "layers": {}, "accumulators": {}}
            for node, name in enumerate(keys):
                if f"{name}.integer" in file[key] and node in emitter.tensor_of:
                    ident = emitter.tensor_of[node]
                    value = file[key][f"{name}.integer"][()]
                    place = "inputs" if ident in model.inputs else "layers"
                    entry[place][ident] = emitter.view_of[node].to_model(value)
                if f"{name}.accumulator" in file[key] and node in emitter.accumulator_of:
                    ident = emitter.accumulator_of[node]
                    value = file[key][f"{name}.accumulator"][()]
                    value = emitter.view_of[node].to_model(value)
                    entry["accumulators"][ident] = value
                    if model.layer(ident)["requant"]["convention"] == "none":
                        entry["layers"][ident] = value
            if set(entry["inputs"]) != set(model.inputs):
                raise ImportProblem(f"{path}: {key} has no integers for the model's input", path)
            model.golden.append(entry)


def add_golden(path, proto, model, emitter):
    """Reads expected tensors for the nodes of the graph."""
    keys = [f"{i:03d}_{node.op_type}" for i, node in enumerate(proto.graph.node)]
    _golden_sets(path, keys, model, emitter)


def _import(args, out, qonnx):
    proto = onnx_graph.load(args.source)
    has_quant = any(node.op_type in QUANTISERS for node in proto.graph.node)
    if has_quant != qonnx:
        other = "qonnx" if has_quant else "onnx"
        raise ImportProblem(f"{args.source} {'has' if has_quant else 'has no'} QONNX quantisers; "
                            f"use `tactus import {other}`", args.source)
    model, emitter = convert(proto, args.source, settings_of(args), out)
    if args.golden:
        add_golden(args.golden, proto, model, emitter)
    return model, []


def import_onnx(args, out):
    """QDQ, QLinear* and integer ops."""
    return _import(args, out, False)


def import_qonnx(args, out):
    """Quant, BipolarQuant and Trunc."""
    return _import(args, out, True)
