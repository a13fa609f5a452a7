# SPDX-License-Identifier: Apache-2.0
"""Takes a fused Torch2Chip model out of the user's own Python process.

    from tactus_import.capture import capture
    capture(t2c.fused_model(), images, "model.h5", labels=labels)

The only file of this package that uses PyTorch. The toolkit itself is not imported: its modules are
known by their attributes (a fused layer has `scaler` with scale, bias and fl, and `conv` or
`linear` with qweight, aq and ops), so that both of its forks and look-alikes work.
"""

import operator
import sys

import numpy as np
import torch
from torch import fx, nn

from . import modelfile, report
from .capture_vit import has_attention, live_vit, weight_bits
from .import_t2c import fold_graph
from .problem import ImportProblem
from .t2c_capture import CLAMPS_TWICE
from .t2c_fold import Options
from .t2c_graph import GoldenImage, Graph, Node, Quantizer
from .t2c_vit import fold_vit

REFUSED = {"MulQuant": "a MulQuant outside attention"}
PASSED_ON = (nn.Identity, nn.Dropout, nn.Flatten)
ADDS = (operator.add, operator.iadd, torch.add)
RELUS = (torch.relu, nn.functional.relu)
FLATTENS = (torch.flatten, torch.reshape, torch.squeeze)
MEANS = (nn.functional.avg_pool2d, nn.functional.adaptive_avg_pool2d, torch.mean)
SHAPE_METHODS = ("view", "reshape", "flatten", "squeeze", "contiguous")
SILENT_METHODS = ("size", "dim", "shape")


def inner_of(module):
    """(`conv` or `linear`, the module) of a fused layer, (None, None) for others."""
    if not hasattr(module, "scaler"):
        return None, None
    for name in ("conv", "linear"):
        inner = getattr(module, name, None)
        if inner is not None and hasattr(inner, "qweight"):
            return name, inner
    return None, None


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m, module_qualified_name):
        known = type(m).__name__ in REFUSED or inner_of(m)[0] is not None
        return known or super().is_leaf_module(m, module_qualified_name)


class _Recorder(fx.Interpreter):
    """Runs the traced graph and keeps each node's tensor."""

    def __init__(self, module):
        super().__init__(module)
        self.kept = {}

    def run_node(self, n):
        result = super().run_node(n)
        if isinstance(result, torch.Tensor):
            self.kept[n.name] = result.detach().cpu().numpy().copy()
        return result


def _array(tensor):
    return tensor.detach().cpu().numpy()


class _Capture:
    def __init__(self, model, word_bits):
        self.word_bits = word_bits
        model = model.eval()
        graph = _Tracer().trace(model)
        self.module = fx.GraphModule(model, graph)
        self.nodes = []
        self.named = {}  # fx node name -> our node name, or "input"
        self.operands, self.accumulators, self.hooks = {}, {}, []

    def fail(self, node, what):
        raise ImportProblem(f"Torch2Chip capture: {node.target}: {what}", layer=str(node.target))

    def quantizer(self, node, aq):
        if isinstance(aq, nn.Identity) or not hasattr(aq, "qlb") or (
                type(aq).__name__ == "_QBase"):
            return None
        scale, zero = _array(aq.scale).reshape(-1), _array(aq.zero_point).reshape(-1)
        if scale.size != 1:
            self.fail(node, f"its activation quantiser has {scale.size} scales, one is needed")
        kind = type(aq).__name__
        return Quantizer(float(scale[0]), int(zero[0]), int(aq.nbit), bool(aq.unsigned),
                         int(aq.qlb), int(aq.qub), kind, any(w in kind for w in CLAMPS_TWICE))

    def weighted(self, node, module, kind, inner):
        scaler = module.scaler
        frac = float(getattr(scaler, "fl", 0))
        if type(scaler).__name__ == "MulQuant":
            self.fail(node, "its scaler is a MulQuant, which requantises in float")
        if frac <= 0:
            self.fail(node, "its scale is still a float; call T2C.fused_model() before the capture")
        weight = _array(inner.qweight)
        if np.any(weight != np.rint(weight)):
            self.fail(node, "its qweight are not integers")
        out = weight.shape[0]
        one = Node(str(node.target), kind, self.sources(node), module=str(node.target))
        one.weight = np.rint(weight).astype(np.int16)
        one.relu = isinstance(getattr(module, "relu", None), nn.ReLU)
        for what in ("scale", "bias"):
            values = np.rint(_array(getattr(scaler, what)).astype(np.float64)).astype(np.int64)
            setattr(one, what, np.broadcast_to(values.reshape(-1), (out,)))
        one.frac_bits, one.word_bits = int(frac), self.word_bits
        one.weight_bits, one.weight_signed = weight_bits(one.weight, inner.wq), True
        one.quantizer = self.quantizer(node, inner.aq)
        one.has_conv_bias = kind == "conv" and inner.bias is not None
        if hasattr(inner, "mask"):
            one.mask_sparsity = float((_array(inner.mask) == 0).mean())
        if kind == "conv":
            for name in ("stride", "padding", "dilation", "kernel_size"):
                value = tuple(np.broadcast_to(getattr(inner, name), 2).tolist())
                setattr(one, "kernel" if name == "kernel_size" else name, value)
            one.groups = int(inner.groups)
        self.watch(one.name, inner)
        return one

    def watch(self, name, inner):
        def hook(_, given, result):
            self.operands[name] = _array(given[0]).copy()
            self.accumulators[name] = _array(result).copy()
        self.hooks.append(inner.ops.register_forward_hook(hook))

    def release(self):
        """Takes the hooks off the user's model."""
        for hook in self.hooks:
            hook.remove()

    def sources(self, node):
        return [self.named[a.name] for a in node.all_input_nodes if a.name in self.named]

    def pooled(self, node, kernel, stride):
        one = Node(node.name, "maxpool", self.sources(node), module=str(node.target))
        one.kernel = tuple(np.broadcast_to(kernel, 2).tolist())
        one.stride = tuple(np.broadcast_to(stride or kernel, 2).tolist())
        return one

    def from_module(self, node):
        module = self.module.get_submodule(node.target)
        name = type(module).__name__
        kind, inner = inner_of(module)
        if name in REFUSED:
            self.fail(node, f"{REFUSED[name]} ({name}) is not captured live")
        if kind:
            return self.weighted(node, module, kind, inner)
        if isinstance(module, nn.ReLU):
            return Node(node.name, "relu", self.sources(node), relu=True, module=node.target)
        if isinstance(module, (nn.AvgPool2d, nn.AdaptiveAvgPool2d)):
            return Node(node.name, "avgpool", self.sources(node), module=node.target)
        if isinstance(module, nn.MaxPool2d):
            one = self.pooled(node, module.kernel_size, module.stride)
            one.padding = tuple(np.broadcast_to(module.padding, 2).tolist())
            return one
        if isinstance(module, PASSED_ON):
            return None
        return self.fail(node, f"the module {name} has no rule")

    def from_call(self, node):
        target = node.target
        if target in ADDS and len(self.sources(node)) == 2:
            return Node(node.name, "add", self.sources(node), module=node.name)
        if target in RELUS or target == "relu" or target == "relu_":
            return Node(node.name, "relu", self.sources(node), relu=True, module=node.name)
        if target in MEANS or target == "mean":
            return Node(node.name, "avgpool", self.sources(node), module=node.name)
        if target is nn.functional.max_pool2d:
            return self.pooled(node, node.args[1], node.kwargs.get("stride"))
        if target in FLATTENS or target in SHAPE_METHODS:
            return None
        text = getattr(target, "__name__", str(target))
        return self.fail(node, f"the operation {text} has no rule")

    def walk(self):
        """Our nodes of all fx nodes."""
        for node in self.module.graph.nodes:
            if node.op == "placeholder":
                self.named[node.name] = "input"
                continue
            if node.op == "output":
                continue
            if node.op in ("call_method", "call_function") and (
                    node.target in SILENT_METHODS or node.target in (getattr, operator.getitem)):
                continue
            if node.op == "get_attr" or not self.sources(node):
                continue
            one = self.from_module(node) if node.op == "call_module" else self.from_call(node)
            if one is None:
                self.named[node.name] = self.sources(node)[0]
                continue
            self.nodes.append((one, node.name))
            self.named[node.name] = one.name

    def merge_relus(self):
        """A ReLU whose source has no other reader becomes that node's own."""
        for one, fx_name in list(self.nodes):
            readers = [n for n, _ in self.nodes if one.op == "relu" and one.sources[0] in n.sources]
            if one.op != "relu" or len(readers) != 1:
                continue
            at = next(i for i, (n, _) in enumerate(self.nodes) if n.name == one.sources[0])
            source = self.nodes[at][0]
            source.relu = True
            self.nodes[at] = (source, fx_name)
            self.nodes = [(n, f) for n, f in self.nodes if n is not one]
            for other, _ in self.nodes:
                other.sources = [source.name if s == one.name else s for s in other.sources]

    def image(self, sample, label):
        recorder = _Recorder(self.module)
        self.operands.clear()
        self.accumulators.clear()
        with torch.no_grad():
            result = recorder.run(sample)
        image = GoldenImage(label=label, prediction=int(result.reshape(-1).argmax()))
        for one, fx_name in self.nodes:
            image.reals[one.name] = recorder.kept[fx_name][0]
            if one.name in self.operands:
                image.operands[one.name] = self.operands[one.name][0]
                acc = self.accumulators[one.name][0].astype(np.float64)
                if np.all(acc == np.rint(acc)):
                    image.accumulators[one.name] = acc.astype(np.int64)
        return image

    def check_means(self, image):
        for one, _ in self.nodes:
            if one.op != "avgpool":
                continue
            if image.reals[one.name].size != image.reals[one.sources[0]].shape[0]:
                raise ImportProblem(f"Torch2Chip capture: {one.name}: the average does not cover "
                                    "the whole plane, which has no rule", layer=one.name)


def graph_of(model, samples, labels=None, name="torch2chip", word_bits=32):
    """The toolkit's network with one golden image per sample."""
    with torch.no_grad():
        model.eval()(samples[:1])  # the toolkit fills qweight in the first forward
    one = _Capture(model, word_bits)
    try:
        one.walk()
        one.merge_relus()
        images = [one.image(samples[k:k + 1], None if labels is None else int(labels[k]))
                  for k in range(len(samples))]
    finally:
        one.release()
    if images:
        one.check_means(images[0])
    return Graph(name, "Torch2Chip through tactus_import.capture", [n for n, _ in one.nodes],
                 images)


def capture(model, samples, output, *, labels=None, name="torch2chip", mult_bits=31,
            residual_bits=32, rounding="half_even", word_bits=32, outside="refuse",
            patch_bits=0, show=True):
    """Writes a model file from a fused model and sample images [N,C,H,W]; returns the report.
    word_bits is the `swl` that T2C was given; patch_bits, if not 0, is the width of image and
    weights of a transformer's patch embedding, which is left out otherwise."""
    out = report.Report("t2c", "live model")
    options = Options(mult_bits, residual_bits, rounding, patch_bits, outside)
    if has_attention(model):
        reader, images = live_vit(model, samples, labels, word_bits)
        model_file, lines = fold_vit(reader, images, options, name, out)
    else:
        graph = graph_of(model, samples, labels, name, word_bits)
        model_file, lines = fold_graph(graph, options, out)
    modelfile.write(output, model_file)
    data = out.data(model_file, str(output))
    if show:
        sys.stdout.write(report.text_of(data, lines))
    return data
