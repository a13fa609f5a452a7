# SPDX-License-Identifier: Apache-2.0
"""A checker of the trace-event format (the JSON of chrome://tracing and ui.perfetto.dev).

problems(data) lists everything in which a trace departs from the format: the object form with
traceEvents, per phase the fields it needs and their types, names for processes and threads before
they are drawn, slices of a thread that nest, counters with numbers.
"""
import collections
import numbers

METADATA = {"process_name": "name", "thread_name": "name", "process_sort_index": "sort_index",
            "thread_sort_index": "sort_index"}


def is_time(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and value >= 0


def event_problems(event):
    """Problems of one event by itself."""
    if not isinstance(event, dict):
        return ["an event is no object"]
    out = []
    phase = event.get("ph")
    if phase not in ("X", "C", "M"):
        return [f"phase {phase!r} is not used here"]
    for key in ("pid", "tid"):
        if not isinstance(event.get(key), int):
            out.append(f"{key} is no integer")
    if not isinstance(event.get("name"), str) or not event["name"]:
        out.append("name is no text")
    if not is_time(event.get("ts")):
        out.append("ts is no time")
    args = event.get("args")
    if not isinstance(args, dict):
        return out + ["args is no object"]
    if phase == "X":
        if not is_time(event.get("dur")) or event["dur"] == 0:
            out.append("dur is no duration")
        if not isinstance(event.get("cat"), str):
            out.append("cat is no text")
    elif phase == "C":
        if not args or not all(is_time(v) for v in args.values()):
            out.append("a counter's args are no numbers")
    elif event.get("name") not in METADATA:
        out.append(f"metadata {event.get('name')!r} is unknown")
    elif METADATA[event["name"]] not in args:
        out.append(f"metadata {event['name']} lacks its argument")
    return out


def nesting_problems(slices):
    """Slices of one thread must nest or be apart."""
    out, stack = [], []
    for s in sorted(slices, key=lambda s: (s["ts"], -s["dur"])):
        while stack and stack[-1]["ts"] + stack[-1]["dur"] <= s["ts"]:
            stack.pop()
        if stack and s["ts"] + s["dur"] > stack[-1]["ts"] + stack[-1]["dur"]:
            out.append(f"{s['name']!r} at {s['ts']} overlaps {stack[-1]['name']!r}")
        stack.append(s)
    return out


def problems(data):
    if not isinstance(data, dict) or not isinstance(data.get("traceEvents"), list):
        return ["there is no list traceEvents"]
    out = []
    if data.get("displayTimeUnit") not in ("ms", "ns"):
        out.append("displayTimeUnit is neither ms nor ns")
    named = {"process_name": set(), "thread_name": set()}
    threads = collections.defaultdict(list)
    for number, event in enumerate(data["traceEvents"]):
        out += [f"event {number}: {p}" for p in event_problems(event)]
        if out:
            continue
        if event["ph"] == "M":
            key = event["pid"] if event["name"].startswith("process") else (event["pid"], event["tid"])
            if event["name"] in named:
                if key in named[event["name"]]:
                    out.append(f"event {number}: {key} has two names")
                named[event["name"]].add(key)
            continue
        if event["pid"] not in named["process_name"]:
            out.append(f"event {number}: process {event['pid']} has no name")
        if event["ph"] == "X":
            if (event["pid"], event["tid"]) not in named["thread_name"]:
                out.append(f"event {number}: thread {event['tid']} has no name")
            threads[event["pid"], event["tid"]].append(event)
    for slices in threads.values():
        out += nesting_problems(slices)
    return out


class Timeline:
    """A timeline by its names."""

    def __init__(self, data):
        self.data = data
        self.processes, self.threads = {}, {}
        self.slices, self.counters = collections.defaultdict(list), collections.defaultdict(list)
        for e in data["traceEvents"]:
            if e["name"] == "process_name":
                self.processes[e["pid"]] = e["args"]["name"].split(":")[0]
            elif e["name"] == "thread_name":
                self.threads[e["pid"], e["tid"]] = e["args"]["name"]
            elif e["ph"] == "X":
                self.slices[self.processes[e["pid"]], self.threads[e["pid"], e["tid"]]].append(e)
            elif e["ph"] == "C":
                (value,) = e["args"].values()
                self.counters[e["name"]].append((e["ts"], value))

    def of(self, process):
        """All slices of a process."""
        return [s for (p, _), all_of in self.slices.items() if p == process for s in all_of]
