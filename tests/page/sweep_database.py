# SPDX-License-Identifier: Apache-2.0
"""Writes a database with the schema of sim/sweep/README.md and made-up values, for the page tests:
any number of points in a second, values that the tests can compute again."""
import sqlite3

ROWS = (4, 8, 16, 32, 64)
WEIGHT_KIB = (16, 32, 64, 128, 256)
LATENCY = (10, 40, 100, 200)
MODELS = ("w8a8", "w4a4")
OVERFLOW = ("wrap", "saturate")
METRICS = ("cycles", "energy_pj", "traffic_bytes", "storage_bytes", "seconds_at_clock",
           "utilization", "pes", "stall_ifmap", "macs")


def point_of(number):
    """The axes of a point: the last one varies fastest; a sixth one makes any number of points."""
    out, rest = {}, number
    for key, values in (("mem.latency_cycles", LATENCY), ("buf.weight_kib", WEIGHT_KIB),
                        ("hw.acc_overflow", OVERFLOW), ("hw.array_rows", ROWS),
                        ("model", MODELS)):
        out[key] = values[rest % len(values)]
        rest //= len(values)
    out["hw.array_cols"] = out["hw.array_rows"]
    out["mem.burst_beats"] = 1 + rest
    return out


def values_of(number):
    """Made-up results: more rows are faster and cost energy, with a spread from the number."""
    p = point_of(number)
    spread = (number * 2654435761) % 100003 / 100003
    bits = 8 if p["model"] == "w8a8" else 4
    pes = p["hw.array_rows"] ** 2
    cycles = int(4e6 / pes ** 0.8 * (1 + p["mem.latency_cycles"] / 200) *
                 (1 + 8 / p["buf.weight_kib"]) * (1 + 0.3 * spread) * bits / 8) + 900
    energy = 3e7 * bits / 8 * (1 + pes / 3000) * (1 + p["buf.weight_kib"] / 500) * (1.2 - 0.2 * spread)
    accuracy = (0.97 if p["model"] == "w8a8" else 0.91) - (0.05 if p["hw.acc_overflow"] == "wrap" else 0)
    return {"cycles": cycles, "energy_pj": energy, "traffic_bytes": 148480 + 64 * (number % 97),
            "storage_bytes": 1024 * (p["buf.weight_kib"] + 64), "seconds_at_clock": cycles / 5e8,
            "utilization": min(1.0, 2e6 / (cycles * pes)), "pes": pes, "stall_ifmap": cycles // 3,
            "macs": 2135296, "accuracy": accuracy}


def is_ok(number):
    return number % 10 != 7


def write(path, points):
    """Points 0 to points - 1; every tenth is invalid."""
    keys = ["hw.array_rows", "hw.array_cols", "hw.acc_overflow", "buf.weight_kib",
            "mem.latency_cycles", "mem.burst_beats"]
    quoted = [f'"{k}"' for k in keys]
    db = sqlite3.connect(path)
    db.executescript(f"""
        PRAGMA journal_mode = WAL;
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
        CREATE TABLE axes (axis INTEGER, key TEXT, position INTEGER, value, unit TEXT,
                           PRIMARY KEY (axis, key, position)) WITHOUT ROWID;
        CREATE TABLE config (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
        CREATE TABLE models (label TEXT PRIMARY KEY, name TEXT, file TEXT, sha256 TEXT,
                             macs INTEGER, labels INTEGER) WITHOUT ROWID;
        CREATE TABLE audits (point INTEGER, backend TEXT, equal INTEGER, difference TEXT,
                             PRIMARY KEY (point, backend)) WITHOUT ROWID;
        CREATE TABLE variants (variant TEXT PRIMARY KEY, accuracy REAL);
        CREATE TABLE points (hash TEXT PRIMARY KEY, point INTEGER UNIQUE, status TEXT, reason TEXT,
                             model TEXT, {", ".join(quoted)}, {", ".join(METRICS)}, variant TEXT);
        CREATE VIEW results AS SELECT points.*, variants.accuracy FROM points
            LEFT JOIN variants USING (variant);
    """)
    db.executemany("INSERT INTO meta VALUES (?, ?)", [
        ("format", "tactus.sweep"), ("version", "1"), ("tool", "tactus 0.1.0"),
        ("spec", "[sweep]\npreset = edge_16\n# <script>alert(1)</script>\n"),
        ("spec_hash", "0" * 64),
        ("points", str(points)), ("objectives", "cycles,energy,accuracy"), ("shard", "0/1"),
        ("layers", "0")])
    axes = [(0, "model", MODELS, ""), (1, "hw.array_rows", ROWS, "PEs"),
            (1, "hw.array_cols", ROWS, "PEs"), (2, "hw.acc_overflow", OVERFLOW, ""),
            (3, "buf.weight_kib", WEIGHT_KIB, "KiB"), (4, "mem.latency_cycles", LATENCY, "cycles"),
            (5, "mem.burst_beats", range(1, 2 + points // 400), "beats")]
    db.executemany("INSERT INTO axes VALUES (?, ?, ?, ?, ?)", [
        (axis, key, i, v, unit) for axis, key, values, unit in axes for i, v in enumerate(values)])
    db.executemany("INSERT INTO config VALUES (?, ?)",
                   [("hw.operand_bits", "8"), ("hw.clock_mhz", "500")])
    db.executemany("INSERT INTO models VALUES (?, ?, ?, ?, ?, ?)", [
        (m, f"digits_{m}", f"traces/models/digits_{m}.h5", "0" * 64, 2135296, 10) for m in MODELS])
    db.executemany("INSERT INTO audits VALUES (?, ?, ?, ?)",
                   [(i, "systemc", 1, None) for i in range(0, points, max(1, points // 20))])
    db.executemany("INSERT INTO variants VALUES (?, ?)", [
        (f"{m}-{o}", (0.97 if m == "w8a8" else 0.91) - (0.05 if o == "wrap" else 0))
        for m in MODELS for o in OVERFLOW])
    rows = []
    for i in range(points):
        p, v = point_of(i), values_of(i)
        if is_ok(i):
            row = (f"{i:064x}-000000000000", i, "ok", None, p["model"], *(p[k] for k in keys),
                   *(v[m] for m in METRICS), f"{p['model']}-{p['hw.acc_overflow']}")
        else:
            row = (f"{i:064x}-000000000000", i, "invalid", "buf.psum_kib is too small for <one> row",
                   p["model"], *(p[k] for k in keys), *([None] * len(METRICS)), None)
        rows.append(row)
    db.executemany(f"INSERT INTO points VALUES ({','.join('?' * len(rows[0]))})", rows)
    db.commit()
    db.close()


if __name__ == "__main__":
    import sys
    write(sys.argv[1], int(sys.argv[2]))
