# SPDX-License-Identifier: Apache-2.0
"""The result of an import, as text for people and as JSON (schema tactus.import/1)."""

import json
import os
import resource
import sys
import time

from .problem import ImportProblem


class Report:
    """Collects what an importer has to say while it works."""

    def __init__(self, kind, source):
        self.kind, self.source = kind, source
        self.settings = {}  # what was chosen: widths, rounding
        self.notes = []  # sentences about the network as a whole
        self.warnings = []  # {"layer", "message"}
        self.golden = None  # comparison, see t2c_report
        self.begin = time.monotonic()

    def note(self, text):
        self.notes.append(text)

    def warn(self, layer, text):
        self.warnings.append({"layer": layer, "message": text})

    def data(self, model, output):
        """The result as plain data."""
        weights = sum(int(layer["weight"].size) for layer in model.layers if "weight" in layer)
        out = {"schema": "tactus.import/1", "from": self.kind, "source": self.source,
               "output": output, "name": model.name, "producer": model.producer,
               "layers": len(model.layers), "weights": weights, "settings": self.settings,
               "notes": self.notes, "warnings": self.warnings,
               "golden_sets": len(model.golden),
               "host": {"wall_seconds": round(time.monotonic() - self.begin, 3),
                        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}}
        if self.golden is not None:
            out["golden"] = self.golden
        return out


def text_of(data, golden_lines):
    """The result as lines."""
    settings = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in data["settings"].items())
    lines = [f"{data['name']}: {data['layers']} layers, {data['weights']} weights, "
             f"{data['golden_sets']} golden sets -> {data['output']}"]
    if settings:
        lines.append(f"  {settings}")
    lines += [f"  {note}" for note in data["notes"]]
    lines += [f"warning: {w['layer'] + ': ' if w['layer'] else ''}{w['message']}"
              for w in data["warnings"]]
    lines += golden_lines
    host = data["host"]
    lines.append(f"  {host['wall_seconds']:.2f} s, {host['peak_kib'] / 1024:.0f} MiB")
    return "\n".join(lines) + "\n"


def put(path, text):
    """Writes to a file by way of a temporary one, or to stdout for `-`."""
    if path == "-":
        sys.stdout.write(text)
        return
    temporary = f"{path}.tmp{os.getpid()}"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError as error:
        raise ImportProblem(f"cannot write {path}: {error.strerror}", path) from error


def error_json(code, problem):
    """The error document that every verb writes (schema error)."""
    return json.dumps({"error": {"code": code, "file": problem.file, "layer": problem.layer,
                                 "message": str(problem)}}) + "\n"
