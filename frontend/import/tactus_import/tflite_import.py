# SPDX-License-Identifier: Apache-2.0
"""TFLite files with int8, uint8 or int16 activations."""

import h5py

from . import tflite_file, tflite_moves, tflite_ops
from .problem import ImportProblem
from .tflite_convert import Converter

RULES = {**tflite_ops.RULES, **tflite_moves.RULES}


def add_golden(path, converter, single):
    """Expected tensors in the layout of shared/data/tflite_models: sample_<k>[_single]/<index>."""
    model = converter.model
    with h5py.File(path, "r") as file:
        k = 0
        while (key := f"sample_{k}_single" if single else f"sample_{k}") in file:
            entry = {"origin": "reference", "inputs": {}, "layers": {}}
            for name, data in file[key].items():
                ident, view = converter.made.get(int(name), (None, None))
                if ident is None:
                    continue
                place = "inputs" if ident in model.inputs else "layers"
                entry[place][ident] = view.to_model(data[()])
            if set(entry["inputs"]) != set(model.inputs):
                raise ImportProblem(f"{path}: {key} has no tensor for the model's input", path)
            model.golden.append(entry)
            k += 1
    if not model.golden:
        raise ImportProblem(f"{path} has no groups sample_0, sample_1, ...", path)


def import_tflite(args, out):
    """The first subgraph of a file."""
    graph = tflite_file.read(args.source)
    rounding = args.rounding or "double"
    converter = Converter(graph, args.source, rounding, RULES)
    model = converter.run()
    for note in converter.notes:
        out.note(note)
    for layer, text in converter.warnings:
        out.warn(layer, text)
    out.settings = {"rounding": f"{rounding} (as TFLite's reference kernels)"
                    if rounding == "double" else rounding}
    if args.golden:
        add_golden(args.golden, converter, rounding == "single")
    return model, []
