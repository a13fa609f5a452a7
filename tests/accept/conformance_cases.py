# SPDX-License-Identifier: Apache-2.0
"""One-layer models out of the conformance vectors of ../shared/data/cmsis_nn: input and expected
output as their authors wrote them, only the layout changed (NHWC to CHW, OHWI to OIHW)."""

import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "frontend" / "import"))
from tactus_import.modelfile import Model  # noqa: E402 pylint: disable=wrong-import-position

REQUANT = {"double": "tflite_double", "single": "tflite_single", "s64": "tflite_s64"}
PRODUCER = "conformance vectors"


class NoRule(Exception):
    """The case has no counterpart in the model schema."""


def _int(value):
    return int(np.ravel(value)[0])


def _ints(values):
    return [int(v) for v in np.ravel(values)]


def _chw(batch):
    """[N,H,W,C] to a list of [C,H,W]."""
    return [image.transpose(2, 0, 1) for image in batch]


def _out_format(case):
    a = case.attrs
    bits, zero = _int(a["output_bits"]), _int(a.get("output_zero_point", 0))
    # One case has a zero point beyond its 8 bits: the tensor is declared wider, the clamp stays.
    while not -(1 << (bits - 1)) <= zero < 1 << (bits - 1):
        bits *= 2
    return {"out_bits": bits, "out_signed": int(a["output_signed"]), "out_zero_point": zero}


def _clamp(case):
    return {"clamp_min": _int(case.attrs["activation_min"]),
            "clamp_max": _int(case.attrs["activation_max"])}


def _requant(case):
    if "activation_min" in case.attrs:
        clamp = _clamp(case)
    else:
        bits = _int(case.attrs["output_bits"])
        clamp = {"clamp_min": -(1 << (bits - 1)), "clamp_max": (1 << (bits - 1)) - 1}
    return {"convention": REQUANT[case.attrs["requant"]], "mult": case["output_mult"][()],
            "shift": case["output_shift"][()], **clamp}


def _finish(model, name, inputs, outputs, last):
    """Golden sets: inputs is {name: list}, outputs a list; both one entry per batch element."""
    model.outputs = [last]
    for k, want in enumerate(outputs):
        model.golden.append({"origin": "toolkit", "layers": {last: want},
                             "inputs": {n: values[k] for n, values in inputs.items()}})
    model.name = name
    return [model]


def _weights(case, weight, content):
    content["weight"] = weight
    content["weight_format"] = {"bits": _int(case.attrs["weights_bits"]), "signed": 1,
                                "sparsity": "dense"}
    zero = _ints(case.attrs.get("weights_zero_point", 0))
    if any(zero):
        content["weight_zero_point"] = np.array(zero)
    if "bias" in case:
        content["bias"] = case["bias"][()]


def _one_input(case, shape):
    a = case.attrs
    model = Model("", PRODUCER)
    model.add_input("x", shape, _int(a["input_bits"]), bool(a.get("input_signed", True)),
                    _int(a.get("input_zero_point", 0)))
    return model


def conv(name, case):
    """conv2d and depthwise_conv2d."""
    x, want = _chw(case["input"][()]), _chw(case["output_ref"][()])
    model = _one_input(case, x[0].shape)
    a = case.attrs
    raw = case["weights"][()]
    depthwise = a["op"] == "depthwise_conv2d"
    weight = raw.transpose(3, 0, 1, 2) if depthwise else raw.transpose(0, 3, 1, 2)
    content = {"stride": _ints(a["stride_hw"]), "dilation": _ints(a["dilation_hw"]),
               "padding": _ints(a["pad_top_left_bottom_right"]),
               "groups": x[0].shape[0] if depthwise else x[0].shape[0] // weight.shape[1]}
    _weights(case, weight, content)
    # Some folders state more padding below and right than the output has room for.
    for axis in (0, 1):
        reach = content["dilation"][axis] * (weight.shape[2 + axis] - 1) + 1
        used = (want[0].shape[1 + axis] - 1) * content["stride"][axis] + reach
        content["padding"][2 + axis] = max(
            0, used - x[0].shape[1 + axis] - content["padding"][axis])
    last = model.add_layer(name, "conv2d", ["x"], requant=_requant(case), **content,
                           **_out_format(case))
    return _finish(model, name, {"x": x}, want, last)


def fully_connected(name, case):
    """[N,D] times [O,D]; a batch element is an inference."""
    x = [row.reshape(-1, 1, 1) for row in case["input"][()]]
    want = [row.reshape(-1, 1, 1) for row in case["output_ref"][()]]
    model = _one_input(case, x[0].shape)
    content = {}
    _weights(case, case["weights"][()], content)
    last = model.add_layer(name, "linear", ["x"], requant=_requant(case), **content,
                           **_out_format(case))
    return _finish(model, name, {"x": x}, want, last)


def pooling(name, case):
    """Average over the taps inside the image, or maximum and clamp."""
    x, want = _chw(case["input"][()]), _chw(case["output_ref"][()])
    model = _one_input(case, x[0].shape)
    a = case.attrs
    window = {"kernel": _ints(a["kernel_hw"]), "stride": _ints(a["stride_hw"]),
              "padding": _ints(a["pad_top_left_bottom_right"])}
    for axis in (0, 1):  # as in conv
        used = (want[0].shape[1 + axis] - 1) * window["stride"][axis] + window["kernel"][axis]
        window["padding"][2 + axis] = max(0, used - x[0].shape[1 + axis] - window["padding"][axis])
    formats = _out_format(case)
    if a["op"] == "avg_pool2d":
        last = model.add_layer(name, "avgpool", ["x"], count_include_pad=0, **window, **formats,
                               requant={"convention": "avg_tflite", **_clamp(case)})
    else:
        last = model.add_layer(name, "maxpool", ["x"], **window, **formats)
        clamp = _clamp(case)
        bits = formats["out_bits"]
        if (clamp["clamp_min"], clamp["clamp_max"]) != (-(1 << bits - 1), (1 << bits - 1) - 1):
            last = model.add_layer(name + "_clamp", "clamp", [last], **clamp, **formats)
    return _finish(model, name, {"x": x}, want, last)


def _pair(case, first, second, shapes):
    a = case.attrs
    model = Model("", PRODUCER)
    for name, prefix, shape in ((first, first, shapes[0]), (second, second, shapes[1])):
        model.add_input(name, shape, _int(a[f"{prefix}_bits"]), bool(a[f"{prefix}_signed"]),
                        _int(a.get(f"{prefix}_zero_point", 0)))
    return model


def _flat(values):
    return values.reshape(-1, 1, 1)


def add(name, case):
    """Two flat tensors."""
    a = case.attrs
    x = {key: [_flat(case[key][()])] for key in ("input1", "input2")}
    model = _pair(case, "input1", "input2", [x["input1"][0].shape, x["input2"][0].shape])
    operand = [{"mult": _int(a[f"input{i}_mult"]), "shift": _int(a[f"input{i}_shift"]),
                "left_shift": _int(a["left_shift"])} for i in (1, 2)]
    last = model.add_layer(
        name, "add", ["input1", "input2"], requant_0=operand[0], requant_1=operand[1],
        requant={"convention": "add_tflite", "mult": np.array([_int(a["output_mult"])]),
                 "shift": np.array([_int(a["output_shift"])]), **_clamp(case)},
        **_out_format(case))
    return _finish(model, name, x, [_flat(case["output_ref"][()])], last)


def mul(name, case):
    """Product of two flat tensors."""
    x = {key: [_flat(case[key][()])] for key in ("input1", "input2")}
    model = _pair(case, "input1", "input2", [x["input1"][0].shape, x["input2"][0].shape])
    requant = {"convention": REQUANT[case.attrs["requant"]], **_clamp(case),
               "mult": np.array([_int(case.attrs["output_mult"])]),
               "shift": np.array([_int(case.attrs["output_shift"])])}
    last = model.add_layer(name, "mul", ["input1", "input2"], requant=requant, **_out_format(case))
    return _finish(model, name, x, [_flat(case["output_ref"][()])], last)


def extreme(name, case):
    """maximum and minimum; what broadcasts is fed at its full size, the op takes equal shapes."""
    want = case["output_ref"][()]
    x = {key: _chw(np.broadcast_to(case[key][()], want.shape)) for key in ("input1", "input2")}
    want = _chw(want)
    model = _pair(case, "input1", "input2", [want[0].shape, want[0].shape])
    clamp = {"clamp_min": -128, "clamp_max": 127}
    last = model.add_layer(name, case.attrs["op"], ["input1", "input2"], **clamp,
                           **_out_format(case))
    return _finish(model, name, x, want, last)


def elementwise(name, case):
    """add, mul, maximum and minimum."""
    op = case.attrs["op"]
    rule = {"add": add, "mul": mul, "maximum": extreme, "minimum": extreme}.get(op)
    if rule is None:
        raise NoRule(f"the model schema has no op for {op}")
    return rule(name, case)


def matmul(name, case):
    """batch_matmul: batch and height are heads; what broadcasts or is transposed is fed so."""
    a = case.attrs
    lhs, rhs, want = (case[k][()] for k in ("lhs", "rhs", "output_ref"))
    lhs = lhs.swapaxes(2, 3) if a["transpose_lhs"] else lhs  # [b, h, rows, K]
    rhs = rhs.swapaxes(2, 3) if a["transpose_rhs"] else rhs  # [b, h, K, columns]
    lead = want.shape[:2]
    heads = lead[0] * lead[1]
    x = np.broadcast_to(lhs, lead + lhs.shape[2:]).swapaxes(2, 3).reshape(-1, 1, lhs.shape[2])
    y = np.broadcast_to(rhs, lead + rhs.shape[2:]).reshape(-1, 1, rhs.shape[3])
    out = want.swapaxes(2, 3).reshape(-1, 1, want.shape[2])
    model = _pair(case, "lhs", "rhs", [x.shape, y.shape])
    last = model.add_layer(name, "matmul", ["lhs", "rhs"], heads=heads, requant=_requant(case),
                           **_out_format(case))
    return _finish(model, name, {"lhs": [x], "rhs": [y]}, [out], last)


def softmax(name, case):
    """Rows become pixels, the channels are what is normalised."""
    a = case.attrs
    rows, count = case["input"].shape
    x, want = case["input"][()].T.reshape(count, 1, rows), case["output_ref"][()].T.reshape(
        count, 1, rows)
    model = _one_input(case, x.shape)
    content = {"mult": _int(a["input_mult"]), "shift": _int(a["input_shift"])}
    if _int(a["input_bits"]) == 16:
        content.update(kind="softmax_tflite16", table=case["exp_lut"][()],
                       inverse_table=case["one_by_one_lut"][()])
    else:
        content.update(kind="softmax_tflite8", diff_min=_int(a["diff_min"]))
    last = model.add_layer(name, "softmax", ["x"], **content, **_out_format(case))
    return _finish(model, name, {"x": [x]}, [want], last)


FAMILIES = {"conv": conv, "depthwise": conv, "fully_connected": fully_connected,
            "matmul": matmul, "pooling": pooling, "elementwise": elementwise, "softmax": softmax}
