# SPDX-License-Identifier: Apache-2.0
"""How the folded integer network compares with the toolkit's own tensors, layer by layer."""

import numpy as np

from .evaluate import Evaluation, can_evaluate


def _difference(want, got):
    delta = np.abs(np.asarray(want, np.int64).reshape(-1) - np.asarray(got, np.int64).reshape(-1))
    return int(delta.size), int((delta > 0).sum()), int(delta.max(initial=0))


class _Count:
    def __init__(self):
        self.compared = self.moved = self.largest = 0

    def add(self, want, got):
        compared, moved, largest = _difference(want, got)
        self.compared += compared
        self.moved += moved
        self.largest = max(self.largest, largest)

    def as_dict(self):
        return {"compared": self.compared, "moved": self.moved, "largest": self.largest}


def _fed(model, golden):
    """Tensors and accumulators when every layer that multiplies reads the toolkit's operand."""
    one = Evaluation(model)
    one.tensors = {k: np.asarray(v, np.int64) for k, v in golden["inputs"].items()}
    for layer in model.layers:
        values = [one.tensors[name] for name in layer["inputs"]]
        if "weight" in layer or layer["op"] == "matmul":
            values = [np.asarray(golden["layers"].get(name, value), np.int64)
                      for name, value in zip(layer["inputs"], values)]
        one.tensors[layer["id"]] = one.layer(layer, values)
    return one


def compare_with_golden(model, images):
    """{layers: [...], totals, arg_max}: for each layer with toolkit tensors how many integers move
    end to end and when every weighted layer is fed the toolkit's operands. A tensor that two layers
    read counts twice. None without golden tensors."""
    captured = any(golden["layers"] or golden["accumulators"] for golden in model.golden)
    if not captured or not can_evaluate(model):
        return None
    readers = {}
    for layer in model.layers:
        for name in layer["inputs"] if "weight" in layer else []:
            readers[name] = readers.get(name, 0) + 1
    end, fed, acc = {}, {}, {}
    arg_max = {"compared": 0, "changed": 0}
    for golden, image in zip(model.golden, images):
        run, step = Evaluation(model), _fed(model, golden)
        run.run(golden["inputs"])
        for ident, want in golden["layers"].items():
            for _ in range(readers.get(ident, 1)):
                end.setdefault(ident, _Count()).add(want, run.tensors[ident])
                fed.setdefault(ident, _Count()).add(want, step.tensors[ident])
        for ident, want in golden["accumulators"].items():
            acc.setdefault(ident, _Count()).add(want, step.accumulators[ident])
        if image.prediction is not None:
            best = int(np.argmax(run.tensors[model.outputs[0]].reshape(-1)))
            arg_max["compared"] += 1
            arg_max["changed"] += int(best != image.prediction)
    rows = [{"id": layer["id"],
             **{key: counts[layer["id"]].as_dict() for key, counts in
                (("end_to_end", end), ("fed_golden", fed), ("accumulators", acc))
                if layer["id"] in counts}}
            for layer in model.layers if layer["id"] in end or layer["id"] in acc]
    totals = {}
    for key, counts in (("end_to_end", end), ("fed_golden", fed), ("accumulators", acc)):
        totals[key] = {"compared": sum(c.compared for c in counts.values()),
                       "moved": sum(c.moved for c in counts.values()),
                       "largest": max((c.largest for c in counts.values()), default=0)}
    return {"layers": rows, "totals": totals, "arg_max": arg_max}


def _cell(count):
    if count is None:
        return "-"
    return f"{count['moved']} of {count['compared']}" + (
        f" (by {count['largest']})" if count["moved"] else "")


def golden_text(result):
    """The comparison as lines; layers in which nothing moves are only counted."""
    rows = [("layer", "end to end", "fed golden operands", "accumulators")]
    still = 0
    for row in result["layers"]:
        counts = [row.get(k) for k in ("end_to_end", "fed_golden", "accumulators")]
        if all(c is None or c["moved"] == 0 for c in counts):
            still += 1
            continue
        rows.append((row["id"][:34], *[_cell(c) for c in counts]))
    totals = result["totals"]
    rows.append(("all layers", *[_cell(totals[k]) for k in
                                 ("end_to_end", "fed_golden", "accumulators")]))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["against the toolkit's tensors (integers that move):"]
    lines += ["  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip()
              for row in rows]
    lines.append(f"  {still} of {len(result['layers'])} layers without any difference; the arg-max "
                 f"changes for {result['arg_max']['changed']} of {result['arg_max']['compared']} "
                 "images")
    return lines
