# SPDX-License-Identifier: Apache-2.0
"""From a Torch2Chip graph, whoever read it, to a model with its report."""

from .problem import ImportProblem
from .t2c_check import check_graph, outside_format
from .t2c_fold import Folder, Options
from .t2c_report import compare_with_golden, golden_text


def settings_of(args):
    """The widths and the rounding that were asked for."""
    return Options(args.mult_bits, args.residual_bits, args.rounding or "half_even",
                   args.patch_bits, args.outside or "refuse")


def leave_out(graph, options, out):
    """Refuses captured images with operands that no quantiser gives, or takes them out."""
    dropped = set()
    for k, layer, count, first in outside_format(graph):
        text = (f"captured image {k}: {count} operands do not fit its quantiser (the first is "
                f"{first})")
        if options.outside != "drop":
            raise ImportProblem(f"{out.source}: layer {layer}: {text}: the capture contradicts "
                                "itself; --outside drop leaves such images out", out.source, layer)
        out.warn(layer, f"{text}; the image is left out")
        dropped.add(k)
    graph.images = [image for k, image in enumerate(graph.images) if k not in dropped]


def fold_graph(graph, options, out):
    """(model, lines about the golden tensors)."""
    out.settings = {"multiplier_bits": options.mult_bits, "residual_bits": options.residual_bits,
                    "rounding": options.rounding}
    for layer, lines in check_graph(graph).items():
        for line in lines:
            out.warn(layer, line)
    try:
        leave_out(graph, options, out)
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
