# SPDX-License-Identifier: Apache-2.0
"""Sources of ResNet-50's shape with random weights, and models cut short, for the acceptance list."""

import json

import h5py
import numpy as np

STAGES = ((3, 64, 256, 56, 1), (4, 128, 512, 28, 2), (6, 256, 1024, 14, 2), (3, 512, 2048, 7, 2))


def _blocks():
    """(name, source, inputs, mid, out, stride, has shortcut) of ResNet-50's bottlenecks."""
    source, channels = "pool", 64
    for stage, (count, mid, out, _, stride) in enumerate(STAGES):
        for block in range(count):
            name = f"layer{stage + 1}.{block}"
            yield name, source, channels, mid, out, stride if block == 0 else 1, block == 0
            source, channels = f"{name}.add", out


def resnet50_onnx(path):
    """A QDQ graph; returns the number of weights."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    rng = np.random.default_rng(1)
    nodes, values, count = [], [], [0]

    def constant(array):
        values.append(numpy_helper.from_array(np.asarray(array), f"c{len(values)}"))
        return values[-1].name

    scale, zero = constant(np.float32(0.05)), constant(np.int8(0))

    def quantised(name):
        nodes.append(helper.make_node("QuantizeLinear", [name, scale, zero], [name + ".q"],
                                      name=name + ".q"))
        nodes.append(helper.make_node("DequantizeLinear", [name + ".q", scale, zero], [name + ".r"],
                                      name=name + ".r"))
        return name + ".r"

    def weights(shape, name):
        count[0] += int(np.prod(shape))
        w = constant(rng.integers(-127, 128, shape, dtype=np.int8))
        s = constant(rng.uniform(0.001, 0.002, shape[0]).astype(np.float32))
        z = constant(np.zeros(shape[0], np.int8))
        nodes.append(helper.make_node("DequantizeLinear", [w, s, z], [name + ".w"], axis=0,
                                      name=name + ".w"))
        return name + ".w"

    def conv(name, source, shape, stride, relu):
        pad = shape[2] // 2
        out = name + ".c" if relu else name
        nodes.append(helper.make_node("Conv", [source, weights(shape, name)], [out], name=name,
                                      strides=[stride] * 2, pads=[pad] * 4))
        if relu:
            nodes.append(helper.make_node("Relu", [out], [name], name=name + ".relu"))
        return quantised(name)

    real = {"stem": conv("stem", quantised("x"), (64, 3, 7, 7), 2, True)}
    nodes.append(helper.make_node("MaxPool", [real["stem"]], ["pool"], name="pool",
                                  kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))
    real["pool"] = "pool"
    for name, source, inputs, mid, out, stride, shortcut in _blocks():
        a = conv(f"{name}.a", real[source], (mid, inputs, 1, 1), 1, True)
        b = conv(f"{name}.b", a, (mid, mid, 3, 3), stride, True)
        c = conv(f"{name}.c2", b, (out, mid, 1, 1), 1, False)
        skip = conv(f"{name}.s", real[source], (out, inputs, 1, 1), stride,
                    False) if shortcut else real[source]
        nodes.append(helper.make_node("Add", [c, skip], [f"{name}.sum"], name=f"{name}.sum"))
        nodes.append(helper.make_node("Relu", [f"{name}.sum"], [f"{name}.add"],
                                      name=f"{name}.add"))
        real[f"{name}.add"] = quantised(f"{name}.add")
        last = real[f"{name}.add"]
    nodes.append(helper.make_node("GlobalAveragePool", [last], ["mean"], name="mean"))
    nodes.append(helper.make_node("Flatten", [quantised("mean")], ["flat"], name="flat"))
    nodes.append(helper.make_node("Gemm", ["flat", weights((1000, 2048), "fc")], ["logits"],
                                  name="fc", transB=1))
    graph = helper.make_graph(
        nodes, "resnet50", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)], values)
    onnx.save(helper.make_model(graph), str(path))
    return count[0]


def resnet50_t2c(path):
    """A capture whose images have shapes only where the importer asks for them."""
    rng = np.random.default_rng(2)
    graph, count = [], 0
    with h5py.File(path, "w") as file:
        golden = file.create_group("golden/image_0")

        def weighted(name, op, source, shape, relu, stride=1):
            nonlocal count
            count += int(np.prod(shape))
            graph.append({"name": name, "op": op, "src": [source]})
            group = file.create_group(f"layers/{name}")
            group.attrs.update({
                "op": op, "relu": relu, "weight_bits": 8, "act_bits": 8, "act_qlb": 0,
                "act_qub": 255, "act_unsigned": True, "act_quantizer": "MinMaxQuantizer",
                "groups": 1, "scale_frac_bits": 26, "scale_word_bits": 32})
            if op == "conv":
                group.attrs.update({"stride": [stride] * 2, "padding": [shape[2] // 2] * 2,
                                    "dilation": [1, 1], "kernel": shape[2:]})
            group["weight"] = rng.integers(-127, 128, shape, dtype=np.int8)
            group["act_scale_f32"], group["act_zero_point"] = np.float32(20.0), 0
            lead = (1, -1) + (1,) * (len(shape) - 2)
            group["scale_int"] = rng.integers(1000, 4000, shape[0]).reshape(lead)
            group["bias_int"] = rng.integers(-10 ** 7, 10 ** 7, shape[0]).reshape(lead)

        def other(name, op, sources, **attrs):
            graph.append({"name": name, "op": op, "src": sources})
            file.create_group(f"layers/{name}").attrs.update({"op": op, **attrs})

        weighted("stem", "conv", "000_input", (64, 3, 7, 7), True, 2)
        other("pool", "maxpool", ["stem"], kernel=[3, 3], stride=[2, 2], padding=[1, 1])
        for name, source, inputs, mid, out, stride, shortcut in _blocks():
            weighted(f"{name}.a", "conv", source, (mid, inputs, 1, 1), True)
            weighted(f"{name}.b", "conv", f"{name}.a", (mid, mid, 3, 3), True, stride)
            weighted(f"{name}.c", "conv", f"{name}.b", (out, mid, 1, 1), False)
            if shortcut:
                weighted(f"{name}.s", "conv", source, (out, inputs, 1, 1), False, stride)
            other(f"{name}.add", "add_relu",
                  [f"{name}.c", f"{name}.s" if shortcut else source], relu=True)
            last = f"{name}.add"
        other("mean", "avgpool", [last])
        weighted("fc", "linear", "mean", (1000, 2048), False)
        golden[f"{last}/post_f32"] = np.ones((1, 2048, 7, 7), np.float32)
        file.create_group("meta").attrs.update({"graph": json.dumps(graph), "case": "resnet50",
                                                "toolkit_commit": "none"})
        golden["stem/input"] = np.zeros((1, 3, 224, 224), np.int16)
    return count


def cut(source, target, last_name):
    """The layers of a model file up to the one with this source_name, which becomes its output."""
    with h5py.File(source, "r") as old, h5py.File(target, "w") as new:
        for key, value in old.attrs.items():
            new.attrs[key] = value
        old.copy("inputs", new)
        kept = []
        for ident in sorted(old["layers"]):
            old.copy(f"layers/{ident}", new.require_group("layers"))
            kept.append(ident)
            if old[f"layers/{ident}"].attrs["source_name"] == last_name:
                break
        new.attrs["outputs"] = np.array([kept[-1]], h5py.string_dtype("utf-8"))
        for key, golden in old["golden"].items():
            group = new.require_group(f"golden/{key}")
            group.attrs["origin"] = golden.attrs["origin"]
            old.copy(golden["inputs"], group)
            for ident in golden:
                if ident in kept:
                    old.copy(golden[ident], group)
