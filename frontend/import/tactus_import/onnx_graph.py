# SPDX-License-Identifier: Apache-2.0
"""Reads an ONNX file and folds what is constant in it."""

import numpy as np
import onnx
import onnx.numpy_helper
from google.protobuf.message import DecodeError

from .problem import ImportProblem

MAX_FOLDED = 1 << 28


def load(path):
    """The checked-for-sanity protocol buffer."""
    try:
        model = onnx.load(str(path), load_external_data=True)
    except DecodeError as error:
        raise ImportProblem(f"{path} is no ONNX file: it does not parse as a protocol buffer",
                            path) from error
    except (ValueError, FileNotFoundError, OSError) as error:
        text = str(error).split("\n", maxsplit=1)[0]
        raise ImportProblem(f"{path} cannot be read as ONNX: {text}", path) from error
    if not model.graph.node:
        raise ImportProblem(f"{path} has no nodes; it is no ONNX model", path)
    return model


def attributes(node):
    """Attributes of a node as plain Python values."""
    return {a.name: _plain(onnx.helper.get_attribute_value(a)) for a in node.attribute}


def _plain(value):
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return [_plain(v) for v in value]
    return value


def initializers(graph, path):
    """Constant tensors by name."""
    out = {}
    for tensor in graph.initializer:
        try:
            out[tensor.name] = onnx.numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError) as error:
            raise ImportProblem(f"{path}: the initializer {tensor.name} is damaged: "
                                f"{str(error).splitlines()[0]}", path, tensor.name) from error
    return out


def shape_of_input(info):
    """Extents with batch; unknown ones are 0."""
    return [d.dim_value for d in info.type.tensor_type.shape.dim]


def _reshape(values, _):
    data, shape = values
    shape = [data.shape[i] if n == 0 else int(n) for i, n in enumerate(shape)]
    return data.reshape(shape)


def _slice(values, attrs):
    data = values[0]
    if len(values) > 1:
        starts, ends = values[1], values[2]
        axes = values[3] if len(values) > 3 else range(len(starts))
        steps = values[4] if len(values) > 4 else [1] * len(starts)
    else:
        starts, ends = attrs["starts"], attrs["ends"]
        axes, steps = attrs.get("axes", range(len(starts))), [1] * len(starts)
    index = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps):
        index[int(axis)] = slice(int(start), int(end), int(step))
    return data[tuple(index)]


def _unsqueeze(values, attrs):
    axes = values[1] if len(values) > 1 else attrs["axes"]
    data = values[0]
    for axis in sorted(int(a) for a in axes):
        data = np.expand_dims(data, axis)
    return data


def _squeeze(values, attrs):
    axes = values[1] if len(values) > 1 else attrs.get("axes")
    return np.squeeze(values[0], None if axes is None else tuple(int(a) for a in axes))


FOLD = {
    "Identity": lambda v, a: v[0],
    "Gather": lambda v, a: np.take(v[0], v[1], axis=a.get("axis", 0)),
    "Concat": lambda v, a: np.concatenate(v, axis=a["axis"]),
    "Transpose": lambda v, a: np.transpose(v[0], a.get("perm")),
    "Reshape": _reshape,
    "Flatten": lambda v, a: v[0].reshape(int(np.prod(v[0].shape[:a.get("axis", 1)])), -1),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Cast": lambda v, a: v[0].astype(onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[a["to"]]),
    "Add": lambda v, a: v[0] + v[1],
    "Sub": lambda v, a: v[0] - v[1],
    "Mul": lambda v, a: v[0] * v[1],
    "Div": lambda v, a: (v[0] // v[1] if v[0].dtype.kind in "iu" else v[0] / v[1]),
    "Pow": lambda v, a: np.power(v[0], v[1].astype(v[0].dtype)),
    "Sqrt": lambda v, a: np.sqrt(v[0]),
    "Neg": lambda v, a: -v[0],
    "Shape": lambda v, a: np.array(v[0].shape, np.int64),
}


def fold(node, values, attrs):
    """The result of a node whose inputs are all known, or None without a rule."""
    if node.op_type == "Constant":
        for key in ("value", "value_float", "value_int", "value_floats", "value_ints"):
            if key in attrs:
                return np.asarray(attrs[key])
        return None
    rule = FOLD.get(node.op_type)
    if rule is None or node.domain not in ("", "ai.onnx"):
        return None
    result = np.asarray(rule(values, attrs))
    if result.size > MAX_FOLDED:
        raise ImportProblem(f"node {node.name or node.op_type}: a constant of {result.size} values "
                            "is too large", layer=node.name)
    return result
