# SPDX-License-Identifier: Apache-2.0
"""Arguments, importers, results. The kinds of source are a table: a new importer is a line."""

import argparse
import json
import os
import sys
import traceback

from . import modelfile, report
from .problem import ImportProblem

ROUNDINGS = ("half_even", "half_up", "half_away", "half_down", "floor", "ceil", "trunc")


def _t2c(args, out):
    from .import_t2c import import_capture
    return import_capture(args, out)


def _t2c_raw(args, out):
    from .t2c_raw import import_raw
    return import_raw(args, out)


def _tflite(args, out):
    from .tflite_import import import_tflite
    return import_tflite(args, out)


def _onnx(args, out):
    from .onnx_import import import_onnx
    return import_onnx(args, out)


def _qonnx(args, out):
    from .onnx_import import import_qonnx
    return import_qonnx(args, out)


KINDS = {"t2c": _t2c, "t2c-raw": _t2c_raw, "tflite": _tflite, "onnx": _onnx, "qonnx": _qonnx}


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise ImportProblem(f"tactus import: {message}")


def parse(arguments):
    """The options, checked."""
    parser = _Parser(prog="tactus import", add_help=False)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("source")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--name")
    parser.add_argument("--mult-bits", type=int, default=31)
    parser.add_argument("--residual-bits", type=int, default=32)
    parser.add_argument("--patch-bits", type=int, default=0)
    parser.add_argument("--rounding", choices=(*ROUNDINGS, "double", "single"))
    parser.add_argument("--graph")
    parser.add_argument("--golden")
    parser.add_argument("--outside", choices=("refuse", "drop"))
    parser.add_argument("--json")
    args = parser.parse_args(arguments)
    if not 4 <= args.mult_bits <= 31:
        raise ImportProblem(f"--mult-bits {args.mult_bits} is outside 4..31")
    if not 4 <= args.residual_bits <= 32:
        raise ImportProblem(f"--residual-bits {args.residual_bits} is outside 4..32")
    if args.patch_bits and (not 4 <= args.patch_bits <= 16 or args.kind != "t2c"):
        raise ImportProblem(f"--patch-bits {args.patch_bits}: t2c takes 4..16, the others none")
    tflite = args.rounding in ("double", "single")
    if args.rounding is not None and tflite != (args.kind == "tflite"):
        raise ImportProblem(f"--rounding {args.rounding} has no meaning for {args.kind}: tflite "
                            f"takes double or single, the others {', '.join(ROUNDINGS)}")
    for option, kinds in (("graph", ("t2c-raw",)), ("golden", ("tflite", "onnx", "qonnx")),
                          ("outside", ("t2c", "t2c-raw"))):
        if getattr(args, option) is not None and args.kind not in kinds:
            raise ImportProblem(f"--{option} has no meaning for {args.kind}")
    if not os.path.exists(args.source):
        raise ImportProblem(f"{args.source}: there is no such file", args.source)
    return args


def _json_target(arguments):
    for i, text in enumerate(arguments):
        if text.startswith("--json="):
            return text[len("--json="):]
        if text == "--json" and i + 1 < len(arguments):
            return arguments[i + 1]
    return ""


def _convert(args):
    out = report.Report(args.kind, args.source)
    try:
        model, golden_lines = KINDS[args.kind](args, out)
    except OSError as error:
        text = str(error).replace("\n", " ")
        raise ImportProblem(f"{args.source} cannot be read: {text}", args.source) from error
    if args.name:
        model.name = args.name
    modelfile.write(args.output, model)
    data = out.data(model, args.output)
    if args.json != "-":
        sys.stdout.write(report.text_of(data, golden_lines))
    if args.json:
        report.put(args.json, json.dumps(data, indent=1) + "\n")
    return 0


def run(arguments):
    """Does one import; returns the exit code."""
    target = _json_target(arguments)
    try:
        return _convert(parse(arguments))
    except ImportProblem as problem:
        text = " ".join(str(problem).split())
        code, failure = 2, ImportProblem(text, problem.file, problem.layer)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # pylint: disable=broad-except
        if os.environ.get("TACTUS_IMPORT_TRACE"):
            traceback.print_exc()
        where = traceback.extract_tb(error.__traceback__)[-1]
        code = 3
        failure = ImportProblem(f"{type(error).__name__}: {error} at "
                                f"{os.path.basename(where.filename)}:{where.lineno}")
        text = f"internal error: {failure}"
    sys.stderr.write(f"tactus: {text}\n")
    if target:
        report.put(target, report.error_json(code, failure))
    return code
