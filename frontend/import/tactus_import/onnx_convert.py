# SPDX-License-Identifier: Apache-2.0
"""Walks an ONNX graph once and appends layers. What an op does stands in onnx_ops.py and
quant_ops.py; here are the tensor table, constant folding, inputs and outputs."""

import numpy as np
import onnx

from . import onnx_graph
from .emit import Emitter
from .modelfile import Model
from .problem import ImportProblem
from .real import Const, IntegerInput, Integers, QuantConst, Real
from .view import View

INTEGER_INPUTS = {onnx.TensorProto.UINT8: (8, False), onnx.TensorProto.INT8: (8, True),
                  onnx.TensorProto.UINT16: (16, False), onnx.TensorProto.INT16: (16, True)}

# Ops whose rank-3 tensors have the channels before the columns; without any, they are sequences.
CHANNELS_FIRST = ("Conv", "QLinearConv", "ConvInteger", "ConvTranspose", "MaxPool", "AveragePool",
                  "GlobalAveragePool", "BatchNormalization")


class Converter:
    """One ONNX model on its way to one Model."""

    def __init__(self, proto, path, options, ops):
        self.graph, self.path, self.ops = proto.graph, path, ops
        producer = f"{proto.producer_name} {proto.producer_version}".strip() or "ONNX"
        self.model = Model(self.graph.name or "onnx", f"{producer} through tactus import")
        self.emitter = Emitter(self.model, options)
        self.values = {}
        self.readers = {}  # tensor -> indices of its nodes
        for index, node in enumerate(self.graph.node):
            for name in set(node.input):
                self.readers.setdefault(name, []).append(index)
        self.quantised = {}  # (tensor, parameters of its quantiser) -> Integers
        self.node_name, self.node_index = "", 0

    def fail(self, what, name=None):
        """Raises the problem of the current node."""
        where = name or self.node_name
        raise ImportProblem(f"{self.path}: node {where}: {what}", self.path, where)

    # Operands.

    def value(self, node, i, needed=True):
        """The i-th operand; None when it is absent and may be."""
        if i >= len(node.input) or not node.input[i]:
            if needed:
                self.fail(f"operand {i} of {node.op_type} is missing")
            return None
        name = node.input[i]
        if name not in self.values:
            self.fail(f"its operand '{name}' is made by no node before it")
        return self.values[name]

    def const(self, node, i, default=None):
        """The i-th operand as an array; it has to be constant."""
        value = self.value(node, i, default is None)
        if value is None:
            return default
        if not isinstance(value, Const):
            self.fail(f"operand {i} of {node.op_type} has to be constant")
        return value.array

    def real(self, node, i):
        """The i-th operand as a Real that is not constant."""
        value = self.value(node, i)
        if isinstance(value, Integers):
            self.fail(f"{node.op_type} reads integers that no DequantizeLinear made real")
        if isinstance(value, IntegerInput):
            made = self.integer_input(value, 0)
            return Real("tensor", made.view, ident=made.ident)
        if not isinstance(value, Real):
            self.fail(f"operand {i} of {node.op_type} is a constant, a tensor is needed")
        return self.shared(node.input[i], value)

    def shared(self, name, value):
        """A value that several nodes read in different ways is computed once."""
        if value.source in ("input", "tensor", "table", "norm") or len(self.ways_to_read(name)) < 2:
            return value
        self.values[name] = self.emitter.materialise(value, self.node_name)
        return self.values[name]

    def ways_to_read(self, name):
        """Readers of a tensor; quantisers with the same parameters are one."""
        out = {("output",)} if any(info.name == name for info in self.graph.output) else set()
        for index in self.readers.get(name, ()):
            node = self.graph.node[index]
            known = [self.values.get(n) for n in node.input[1:]]
            if node.op_type == "QuantizeLinear" and all(isinstance(v, Const) for v in known):
                out.add(("quantised", *(v.array.tobytes() for v in known)))
            else:
                out.add((index,))
        return out

    def integer_input(self, value, zero_point):
        """Declares an integer graph input, or finds it declared with the same zero point."""
        if value.name in self.model.inputs:
            if self.model.inputs[value.name]["zero_point"] != zero_point:
                self.fail("the input is read with two zero points")
            return Integers(value.name, value.view)
        self.model.add_input(value.name, value.view.extents, value.bits, value.signed, zero_point)
        return Integers(value.name, value.view)

    # The walk.

    def guarded(self, rule):
        """Operands of a file can be anything: what no rule foresaw is the file's problem."""
        try:
            with np.errstate(invalid="raise", divide="raise"):
                return rule()
        except ImportProblem as problem:
            if problem.file:
                raise
            raise ImportProblem(f"{self.path}: {problem}", self.path, problem.layer) from problem
        except (KeyError, IndexError, ValueError, TypeError, AttributeError, ArithmeticError,
                MemoryError) as error:
            text = str(error).split("\n", maxsplit=1)[0]
            return self.fail(f"its operands or attributes do not fit together ({text})")

    def input_view(self, name, shape):
        """How the model's input lies: channels first; sequences, also those of several heads, have
        them last."""
        readers = [node.op_type for node in self.graph.node if name in node.input]
        if len(shape) == 4 and {"QLinearMatMul", "MatMulInteger"} & set(readers):
            return View.heads(shape)
        sequence = not any(node.op_type in CHANNELS_FIRST for node in self.graph.node)
        return View.tokens(shape) if len(shape) == 3 and sequence else View.of(shape)

    def inputs(self):
        known = {t.name for t in self.graph.initializer}
        self.emitter.many_inputs = sum(info.name not in known for info in self.graph.input) > 1
        for info in self.graph.input:
            if info.name in known:
                continue
            self.node_name = info.name
            shape = tuple(onnx_graph.shape_of_input(info))
            if not shape or any(n < 1 for n in shape[1:]):
                self.fail(f"the input's shape {list(shape)} is not fixed", info.name)
            if shape[0] > 1:
                self.fail(f"the input's batch of {shape[0]} has to be 1", info.name)
            shape = (1,) + shape[1:] if len(shape) > 1 else shape
            view = self.guarded(lambda: self.input_view(info.name, shape))
            kind = info.type.tensor_type.elem_type
            if kind in INTEGER_INPUTS:
                self.values[info.name] = IntegerInput(info.name, view, *INTEGER_INPUTS[kind])
            elif kind in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16,
                          onnx.TensorProto.DOUBLE):
                self.values[info.name] = Real("input", view, ident=info.name)
            else:
                self.fail("the input is neither float nor an integer of 8 or 16 bits", info.name)

    def one(self, node, index):
        self.node_index, self.node_name = index, node.name or f"{node.op_type}_{index}"
        attrs = self.guarded(lambda: onnx_graph.attributes(node))
        operands = [self.values.get(name) for name in node.input if name]
        if node.op_type == "Shape" and not isinstance(operands[0], Const):
            self.values[node.output[0]] = Const(np.array(operands[0].shape, np.int64))
            return
        if all(isinstance(v, Const) for v in operands):
            folded = self.guarded(
                lambda: onnx_graph.fold(node, [v.array for v in operands], attrs))
            if folded is not None:
                self.values[node.output[0]] = Const(folded)
                return
        rule = self.ops.get(node.op_type)
        if rule is None:
            known = ", ".join(sorted(self.ops))
            self.fail(f"the op {node.op_type} has no import rule (known: {known})")
        result = self.guarded(lambda: rule(self, node, attrs))
        for name, value in zip(node.output, result if isinstance(result, tuple) else (result,)):
            self.values[name] = value

    def run(self):
        """The model."""
        for name, array in onnx_graph.initializers(self.graph, self.path).items():
            self.values[name] = Const(array)
        self.inputs()
        for index, node in enumerate(self.graph.node):
            self.one(node, index)
        for info in self.graph.output:
            value = self.values.get(info.name)
            if isinstance(value, (Const, QuantConst)) or value is None:
                self.fail("the output does not depend on the input", info.name)
            if isinstance(value, IntegerInput):
                self.fail("the output is the input", info.name)
            self.model.outputs.append(self.guarded(
                lambda value=value, name=info.name: self.emitter.output(value, name)))
        if not self.model.outputs:
            self.fail("the graph has no output", self.graph.name or "graph")
        if not self.model.layers:
            self.fail("the graph computes nothing on integers: there is no quantiser in it",
                      self.graph.name or "graph")
        return self.model
