# SPDX-License-Identifier: Apache-2.0
"""The integer node tests of ONNX as one-node graphs that go through the importer.

A constant operand becomes an initialiser; rows of a matrix product are inferences of one model, a
product with a matrix per batch element is one model per element. Quantisers between floats and
integers are the border of the accelerator: the importer's own arithmetic is compared.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from conformance_cases import NoRule
from tactus_import import quant_ops
from tactus_import.onnx_import import convert
from tactus_import.report import Report
from tactus_import.t2c_fold import Options

RANGES = {"INT2": (-2, 1), "UINT2": (0, 3), "INT4": (-8, 7), "UINT4": (0, 15), "INT8": (-128, 127),
          "UINT8": (0, 255), "INT16": (-32768, 32767), "UINT16": (0, 65535)}


class Compared(Exception):
    """The case was compared here: (values, how many differ)."""

    def __init__(self, values, wrong):
        super().__init__()
        self.values, self.wrong = values, wrong


def _attributes(case):
    out = {}
    for key, value in case.attrs.items():
        if key.startswith("attr_") and key != "attr_output_dtype":
            out[key[5:]] = value.tolist() if hasattr(value, "tolist") else value
    return out


def _model(name, op, order, constants, x_name, x, want_type, attributes):
    """A loaded one-node graph; x is one inference with batch extent 1."""
    inputs = [n if n in constants or n == x_name else "" for n in order]
    while inputs and not inputs[-1]:
        inputs.pop()
    node = helper.make_node(op, inputs, ["y"], name=name, **attributes)
    types = onnx.helper.mapping.NP_TYPE_TO_TENSOR_TYPE
    graph = helper.make_graph(
        [node], name, [helper.make_tensor_value_info(x_name, types[x.dtype], x.shape)],
        [helper.make_tensor_value_info("y", types[np.dtype(want_type)], None)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    return helper.make_model(graph)


def _converted(name, proto, golden):
    """The model of a graph with golden sets [(input, output)] in [C,H,W]."""
    model, _ = convert(proto, name, Options(), Report("onnx", name))
    input_name, last = next(iter(model.inputs)), model.outputs[0]
    for x, want in golden:
        model.golden.append({"origin": "toolkit", "inputs": {input_name: x},
                             "layers": {last: want}})
    return model


def _values(case):
    return ({k: d[()] for k, d in case["input"].items()},
            {k: d[()] for k, d in case["output"].items()})


def convolution(name, case, order):
    """ConvInteger and QLinearConv: everything but x is constant."""
    given, want = _values(case)
    x, y = given.pop("x"), want["y"]
    attributes = _attributes(case)
    proto = _model(name, case.attrs["op"], order, given, "x", x[:1], y.dtype, attributes)
    return [_converted(name, proto, list(zip(x, y)))]


def product(name, case, order, keys):
    """MatMulInteger and QLinearMatMul: the second matrix is the weight."""
    given, want = _values(case)
    a, b, y = given.pop(keys[0]), given.pop(keys[1]), want[keys[2]]
    lead = a.shape[:-2]
    models = []
    for k, at in enumerate(np.ndindex(*lead)):
        constants = {**given, keys[1]: b[at] if b.ndim > 2 else b}
        proto = _model(f"{name}_{k}", case.attrs["op"], order, constants, keys[0], a[at][:1],
                       y.dtype, {})
        golden = [(row.reshape(-1, 1, 1), out.reshape(-1, 1, 1))
                  for row, out in zip(a[at], y[at])]
        models.append(_converted(f"{name}_{k}", proto, golden))
    return models


def border(name, case):
    """Quantisers: the importer's arithmetic on arrays."""
    given, want = _values(case)
    op = case.attrs["op"]
    attributes = _attributes(case)
    axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
    if op == "DynamicQuantizeLinear":
        got = dict(zip(("y", "y_scale", "y_zero_point"),
                       quant_ops.dynamic_quantize_linear(given["x"])))
    elif op == "QuantizeLinear":
        kind = str(case.attrs.get("attr_output_dtype", "")) or next(
            (k for k in ("INT2", "UINT2", "INT4", "UINT4") if name.endswith("_" + k.lower())),
            given["y_zero_point"].dtype.name.upper() if "y_zero_point" in given else "UINT8")
        got = {"y": quant_ops.quantize_linear(given["x"], given["y_scale"],
                                              given.get("y_zero_point", np.zeros(1, np.int64)),
                                              *RANGES[kind], axis, block)}
    else:
        got = {"y": quant_ops.dequantize_linear(given["x"], given["x_scale"],
                                                given["x_zero_point"], axis, block)}
    values = sum(np.size(v) for v in want.values())
    wrong = sum(int(np.sum(np.asarray(want[k]) != np.asarray(got[k]))) for k in want)
    raise Compared(values, wrong)


def rule(name, case):
    """Models of one case."""
    op = case.attrs["op"]
    if op == "QLinearConv":
        return convolution(name, case, ["x", "x_scale", "x_zero_point", "w", "w_scale",
                                        "w_zero_point", "y_scale", "y_zero_point", "B"])
    if op == "ConvInteger":
        # The vectors spell the last operand in the plural.
        return convolution(name, case, ["x", "w", "x_zero_point", "w_zero_points"])
    if op == "QLinearMatMul":
        return product(name, case, ["a", "a_scale", "a_zero_point", "b", "b_scale", "b_zero_point",
                                    "y_scale", "y_zero_point"], ("a", "b", "y"))
    if op == "MatMulInteger":
        return product(name, case, ["A", "B", "a_zero_point", "b_zero_point"], ("A", "B", "Y"))
    if op in ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"):
        return border(name, case)
    raise NoRule(f"no rule for the op {op}")


FAMILIES = {"onnx": rule}
