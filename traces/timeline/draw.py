#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Draws a timeline (tactus run --timeline FILE) as one SVG picture.

Usage: draw.py TIMELINE.json PICTURE.svg [FROM TO]

FROM and TO are cycles (default: all of it). Rows are the tracks in their order, then the counters.
"""
import collections
import html
import json
import sys

WIDTH, LABEL, ROW, COUNTER = 1500, 210, 16, 34
CAUSES = {"ifmap": "#efb118", "weight": "#e4572e", "param": "#8a63d2", "psum": "#6cc5b0",
          "store": "#c264a8", "token": "#8d949e"}
COLORS = ("#4269d0", "#6f93dd", "#3ca951", "#86c98f", "#9c6b4e", "#c49a7d", "#5f7d95", "#9db4c4",
          "#b08bd6", "#7aa6a1")


LAYERS = {}  # a layer has one colour wherever it is shown; neighbours differ


def color_of(event):
    if event["cat"] == "stall":
        return CAUSES[event["name"]]
    return COLORS[LAYERS.setdefault(event["name"].split()[-1], len(LAYERS)) % len(COLORS)]


def read(path):
    with open(path, encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    names, rows, counters = {}, collections.defaultdict(list), collections.defaultdict(list)
    for e in events:
        key = (e["pid"], e["tid"])
        if e["name"] == "process_name":
            names[e["pid"]] = e["args"]["name"]
        elif e["name"] == "thread_name":
            names[key] = e["args"]["name"]
        elif e["ph"] == "X":
            rows[key].append(e)
        elif e["ph"] == "C":
            ((unit, value),) = e["args"].items()
            counters[f"{e['name']}, {unit}"].append((e["ts"], value))
    return names, rows, counters


def main():
    if len(sys.argv) not in (3, 5):
        sys.exit(__doc__)
    names, rows, counters = read(sys.argv[1])
    ends = [e["ts"] + e["dur"] for slices in rows.values() for e in slices]
    start, end = (int(sys.argv[3]), int(sys.argv[4])) if len(sys.argv) == 5 else (0, max(ends))
    if end <= start:
        sys.exit(f"draw.py: no cycles from {start} to {end}")
    x_of = lambda t: LABEL + (WIDTH - LABEL) * (min(max(t, start), end) - start) / (end - start)
    out, y, process = [], 22, None
    for step in range(11):
        t = start + (end - start) * step // 10
        out.append(f'<line x1="{x_of(t):.1f}" x2="{x_of(t):.1f}" y1="16" y2="100%" stroke="#e3e7ec"/>'
                   f'<text x="{x_of(t):.1f}" y="12" text-anchor="{"end" if step == 10 else "middle"}">{t}</text>')
    for key in sorted(rows):
        if key[0] != process:
            process = key[0]
            y += 20
            out.append(f'<text x="2" y="{y - 5}" font-weight="bold">{html.escape(names[process])}</text>')
        out.append(f'<text x="8" y="{y + 12}">{html.escape(names[key])}</text>')
        for e in sorted(rows[key], key=lambda e: -e["dur"]):
            left, right = x_of(e["ts"]), x_of(e["ts"] + e["dur"])
            if right <= left:
                continue
            # What a slice contains is drawn over it, smaller.
            inner = e["name"] in ("beats", "wait for the first beat", "wait for the acknowledgement")
            top, high = (y + 9, 5) if inner else (y + 2, ROW - 3)
            fill = "#1b2330" if e["name"] == "beats" else "#ffffff" if inner else color_of(e)
            out.append(f'<rect x="{left:.2f}" y="{top}" width="{max(right - left, 0.3):.2f}" height="{high}" '
                       f'fill="{fill}"><title>{html.escape(e["name"])}: {e["ts"]} to '
                       f'{e["ts"] + e["dur"]}</title></rect>')
            if right - left > 7 * len(e["name"]) and not inner:
                out.append(f'<text x="{left + 3:.1f}" y="{y + 12}" fill="#fff">{html.escape(e["name"])}</text>')
        y += ROW
    y += 8
    for name in sorted(counters):
        steps = sorted(counters[name], key=lambda s: s[0])
        top = max(v for _, v in steps) or 1
        level = lambda v: y + COUNTER - 4 - (COUNTER - 10) * v / top
        path, last = f"M{LABEL},{level(0):.1f}", 0
        for t, v in steps:
            path += f"L{x_of(t):.2f},{level(last):.1f}L{x_of(t):.2f},{level(v):.1f}"
            last = v
        out.append(f'<text x="8" y="{y + 20}">{html.escape(name)} (max {top:g})</text>'
                   f'<path d="{path}L{WIDTH},{level(last):.1f}L{WIDTH},{level(0):.1f}Z" fill="#cfe0f3" stroke="#2f6db3" stroke-width="0.6"/>')
        y += COUNTER
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 6}" '
                   'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>'
                   + "\n".join(out) + "</svg>\n")
    print(f"{sys.argv[2]}: cycles {start} to {end}, {len(rows)} rows, {len(counters)} counters")


if __name__ == "__main__":
    main()
