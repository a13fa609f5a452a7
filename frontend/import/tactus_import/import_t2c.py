# SPDX-License-Identifier: Apache-2.0
"""From a Torch2Chip graph, whoever read it, to a model with its report."""

from .problem import ImportProblem
from .t2c_check import check_graph
from .t2c_fold import Folder, Options
from .t2c_report import compare_with_golden, golden_text


def settings_of(args):
    """The widths and the rounding that were asked for."""
    return Options(args.mult_bits, args.residual_bits, args.rounding or "half_even")


def fold_graph(graph, options, out):
    """(model, lines about the golden tensors)."""
    out.settings = {"multiplier_bits": options.mult_bits, "residual_bits": options.residual_bits,
                    "rounding": options.rounding}
    for layer, lines in check_graph(graph).items():
        for line in lines:
            out.warn(layer, line)
    try:
        model = Folder(graph, options).fold()
        out.golden = compare_with_golden(model, graph.images)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, ArithmeticError,
            MemoryError) as error:
        text = str(error).split("\n", maxsplit=1)[0]
        raise ImportProblem(f"{out.source}: the layers do not fit together ({text})",
                            out.source) from error
    if out.golden is None:
        out.note("no toolkit tensors to compare with")
        return model, []
    return model, golden_text(out.golden)


def import_capture(args, out):
    """HDF5 captures."""
    import h5py

    from .t2c_capture import is_vit, read_capture

    if not h5py.is_hdf5(args.source):
        raise ImportProblem(f"{args.source} is no HDF5 file; a Torch2Chip capture is one",
                            args.source)
    if is_vit(args.source):
        from .t2c_vit import import_vit
        return import_vit(args, out)
    return fold_graph(read_capture(args.source), settings_of(args), out)
