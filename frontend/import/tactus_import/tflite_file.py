# SPDX-License-Identifier: Apache-2.0
"""Reads a TFLite flatbuffer: only the fields that the importer needs, by their slot numbers in
TensorFlow's schema.fbs (a table's n-th field is slot n)."""

import struct
from dataclasses import dataclass, field
from typing import Optional

import flatbuffers
import numpy as np
from flatbuffers import number_types as types
from flatbuffers.table import Table

from .problem import ImportProblem

TYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16",
         9: "int8", 10: "float64", 15: "uint32", 16: "uint16", 17: "int4"}
# TensorFlow's operators in the order of their numbers; what has no rule is refused by these names.
NAMES = """
    add average_pool_2d concatenation conv_2d depthwise_conv_2d depth_to_space dequantize
    embedding_lookup floor fully_connected hashtable_lookup l2_normalization l2_pool_2d
    local_response_normalization logistic lsh_projection lstm max_pool_2d mul relu relu_n1_to_1
    relu6 reshape resize_bilinear rnn softmax space_to_depth svdf tanh concat_embeddings
    skip_gram call custom embedding_lookup_sparse pad unidirectional_sequence_rnn gather
    batch_to_space_nd space_to_batch_nd transpose mean sub div squeeze
    unidirectional_sequence_lstm strided_slice bidirectional_sequence_rnn exp topk_v2 split
    log_softmax delegate bidirectional_sequence_lstm cast prelu maximum arg_max minimum less neg
    padv2 greater greater_equal less_equal select slice sin transpose_conv sparse_to_dense tile
    expand_dims equal not_equal log sum sqrt rsqrt shape pow arg_min fake_quant reduce_prod
    reduce_max pack logical_or one_hot logical_and logical_not unpack reduce_min floor_div
    reduce_any square zeros_like fill floor_mod range resize_nearest_neighbor leaky_relu
    squared_difference mirror_pad abs split_v unique ceil reverse_v2 add_n gather_nd cos where
    rank elu reverse_sequence matrix_diag quantize matrix_set_diag round hard_swish if while
    non_max_suppression_v4 non_max_suppression_v5 scatter_nd select_v2 densify segment_sum
    batch_matmul
""".split()
OPERATORS = {**dict(enumerate(NAMES)), 150: "gelu", 152: "relu_0_to_1"}
ACTIVATIONS = {0: "none", 1: "relu", 2: "relu_n1_to_1", 3: "relu6"}
# Options: (name, slot, kind, default) per operator.
_POOL = (("padding", 0, "b", 0), ("stride_w", 1, "i", 0), ("stride_h", 2, "i", 0),
         ("filter_w", 3, "i", 0), ("filter_h", 4, "i", 0), ("activation", 5, "b", 0))
_ACTIVATED = (("activation", 0, "b", 0),)
OPTIONS = {
    "conv_2d": (("padding", 0, "b", 0), ("stride_w", 1, "i", 0), ("stride_h", 2, "i", 0),
                ("activation", 3, "b", 0), ("dilation_w", 4, "i", 1), ("dilation_h", 5, "i", 1),
                ("bias_type", 6, "b", 0)),
    "depthwise_conv_2d": (("padding", 0, "b", 0), ("stride_w", 1, "i", 0), ("stride_h", 2, "i", 0),
                          ("multiplier", 3, "i", 0), ("activation", 4, "b", 0),
                          ("dilation_w", 5, "i", 1), ("dilation_h", 6, "i", 1)),
    "average_pool_2d": _POOL, "max_pool_2d": _POOL,
    "fully_connected": (("activation", 0, "b", 0), ("weights_format", 1, "b", 0),
                        ("keep_dims", 2, "b", 0)),
    "softmax": (("beta", 0, "f", 0.0),), "add": _ACTIVATED, "mul": _ACTIVATED, "sub": _ACTIVATED,
    "concatenation": (("axis", 0, "i", 0), ("activation", 1, "b", 0)),
    "leaky_relu": (("alpha", 0, "f", 0.0),), "mean": (("keep_dims", 0, "b", 0),),
    "transpose_conv": (("padding", 0, "b", 0), ("stride_w", 1, "i", 0), ("stride_h", 2, "i", 0),
                       ("activation", 3, "b", 0)),
    "batch_matmul": (("adj_x", 0, "b", 0), ("adj_y", 1, "b", 0)),
    "resize_nearest_neighbor": (("align_corners", 0, "b", 0), ("half_pixel_centers", 1, "b", 0)),
    "strided_slice": (("begin_mask", 0, "i", 0), ("end_mask", 1, "i", 0),
                      ("ellipsis_mask", 2, "i", 0), ("new_axis_mask", 3, "i", 0),
                      ("shrink_axis_mask", 4, "i", 0)),
    "depth_to_space": (("block_size", 0, "i", 0),), "space_to_depth": (("block_size", 0, "i", 0),),
    "gelu": (("approximate", 0, "b", 0),),
}


@dataclass
class Tensor:
    """One tensor of the subgraph."""
    index: int
    name: str
    shape: tuple
    type: str
    scale: np.ndarray
    zero_point: np.ndarray
    axis: int
    data: Optional[np.ndarray] = None  # constants only


@dataclass
class Operator:
    """One operation: its name here, tensors by index (-1: absent), options."""
    name: str
    inputs: list
    outputs: list
    options: dict = field(default_factory=dict)


@dataclass
class Graph:
    """The first subgraph."""
    tensors: list
    operators: list
    inputs: list
    outputs: list
    description: str = ""


class _Node:
    """A flatbuffer table with access by slot."""

    def __init__(self, data, pos):
        self.data, self.table = data, Table(data, pos)

    def _at(self, slot):
        return self.table.Offset(4 + 2 * slot)

    def scalar(self, slot, flags, default):
        at = self._at(slot)
        return self.table.Get(flags, at + self.table.Pos) if at else default

    def child(self, slot):
        at = self._at(slot)
        return _Node(self.data, self.table.Indirect(at + self.table.Pos)) if at else None

    def union(self, slot):
        at = self._at(slot)
        if not at:
            return None
        pos = at + self.table.Pos
        return _Node(self.data, pos + self.table.Get(types.UOffsetTFlags, pos))

    def children(self, slot):
        at = self._at(slot)
        if not at:
            return []
        start = self.table.Vector(at)
        count = self.table.VectorLen(at)
        if count > len(self.data) // 4:
            raise IndexError("a vector is longer than the file")
        return [_Node(self.data, self.table.Indirect(start + 4 * i)) for i in range(count)]

    def array(self, slot, kind):
        at = self._at(slot)
        if not at:
            return np.zeros(0, kind)
        return np.frombuffer(self.data, kind, self.table.VectorLen(at), self.table.Vector(at))

    def text(self, slot):
        at = self._at(slot)
        return self.table.String(at + self.table.Pos).decode("utf-8", "replace") if at else ""


FLAGS = {"b": types.Int8Flags, "i": types.Int32Flags, "f": types.Float32Flags}


def _unpack4(data, count):
    """Two values a byte, the low one first, over the flat tensor."""
    low, high = (data & 15).astype(np.int8), (data >> 4).astype(np.int8)
    both = np.stack([low, high], axis=1).reshape(-1)[:count]
    return np.where(both > 7, both - 16, both).astype(np.int8)


def _tensor(index, node, buffers):
    shape = tuple(int(n) for n in node.array(0, "<i4"))
    kind = TYPES.get(node.scalar(1, types.Int8Flags, 0), "unknown")
    name = node.text(3)
    quantization = node.child(4)
    scale, zero, axis = np.zeros(0, "<f4"), np.zeros(0, "<i8"), 0
    if quantization is not None:
        scale, zero = quantization.array(2, "<f4"), quantization.array(3, "<i8")
        axis = quantization.scalar(6, types.Int32Flags, 0)
    tensor = Tensor(index, name or f"tensor_{index}", shape, kind, scale, zero, axis)
    buffer = node.scalar(2, types.Uint32Flags, 0)
    if buffer >= len(buffers):
        raise IndexError(f"tensor {index} names buffer {buffer} of {len(buffers)}")
    raw = buffers[buffer].array(0, np.uint8)
    count = int(np.prod(shape, dtype=np.int64))
    if raw.size and kind == "int4":
        tensor.data = _unpack4(raw, count).reshape(shape)
    elif raw.size and kind not in ("unknown", "bool"):
        tensor.data = np.frombuffer(raw.tobytes(), np.dtype(kind).newbyteorder("<"),
                                    count).reshape(shape)
    return tensor


def _operator(node, codes):
    index = node.scalar(0, types.Uint32Flags, 0)
    if index >= len(codes):
        raise IndexError(f"an operator names code {index} of {len(codes)}")
    name = codes[index]
    options = {}
    table = node.union(4)
    for key, slot, kind, default in OPTIONS.get(name, ()):
        options[key] = table.scalar(slot, FLAGS[kind], default) if table is not None else default
    return Operator(name, node.array(1, "<i4").tolist(), node.array(2, "<i4").tolist(), options)


def _code(node):
    number = max(node.scalar(0, types.Int8Flags, 0), node.scalar(3, types.Int32Flags, 0))
    return OPERATORS.get(number, f"number {number}")


def _read(data):
    root = _Node(data, flatbuffers.encode.Get(flatbuffers.packer.uoffset, data, 0))
    subgraphs = root.children(2)
    if not subgraphs:
        raise IndexError("it has no subgraph")
    buffers = root.children(4)
    codes = [_code(node) for node in root.children(1)]
    main = subgraphs[0]
    tensors = [_tensor(i, node, buffers) for i, node in enumerate(main.children(0))]
    operators = [_operator(node, codes) for node in main.children(3)]
    for operator in operators:
        for index in operator.inputs + operator.outputs:
            if not -1 <= index < len(tensors):
                raise IndexError(f"{operator.name} names tensor {index} of {len(tensors)}")
    ends = main.array(1, "<i4").tolist(), main.array(2, "<i4").tolist()
    for index in ends[0] + ends[1]:
        if not 0 <= index < len(tensors):
            raise IndexError(f"its inputs and outputs name tensor {index} of {len(tensors)}")
    return Graph(tensors, operators, *ends, root.text(3))


def read(path):
    """The first subgraph of a file."""
    with open(path, "rb") as file:
        data = file.read()
    if data[4:8] != b"TFL3":
        raise ImportProblem(f"{path} is no TFLite file: the mark TFL3 is missing", path)
    try:
        return _read(data)
    except (struct.error, IndexError, ValueError, TypeError, OverflowError, MemoryError) as error:
        text = str(error).split("\n", maxsplit=1)[0]
        raise ImportProblem(f"{path} is damaged: {text}", path) from error
