#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what design-space exploration promised: a line per point with target and measured value.

Needs a build with tests (tests/run.sh), the RTL of its presets included, and for the job of an
engine Debian's munge, slurmctld, slurmd and slurm-client. Takes some minutes; speeds depend on what
else the machine does. Exit codes: 0 all pass, 1 a miss, 2 there is no build.
"""
import argparse
import json
import os
import pathlib
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import slurm_node  # noqa: E402  (beside the tests)
from point_rows import Rows  # noqa: E402

MODELS = ROOT / "traces" / "models"
# 4 x 2 x 2 x 2 x 25 x 5 x 5 x 5 points.
BIG = """[sweep]
preset = flex_16
value_events = false
[models]
resnet18 = synth resnet18 --image 224
[axes]
hw.array_rows, hw.array_cols, hw.post_lanes, buf.ifmap_kib = 8x8x8x256, 16x16x16x512, \
32x32x32x1024, 64x64x64x2048
buf.weight_kib = 128, 256
buf.ofmap_kib = 256, 512
map.order = auto, weights
mem.latency_cycles = 10..250+10
mem.cycles_per_beat = 1, 2, 3, 4, 8
hw.acc_bits = 24..32+2
hw.clock_mhz = 200..1000+200
"""
DIGITS = "\n".join(f"{name} = {MODELS / name}.h5" for name in
                   ("digits_w8a8", "digits_w4a4", "digits_w2a2", "digits_w8a8_nm24"))
AUDIT_SYSTEMC = f"""[sweep]
preset = flex_8
sampler = random
samples = 420
accuracy = off
[models]
{DIGITS}
conv = synth --conv 24,20,20,24,3,1 --weight-bits 4 --sparsity 2:4
gemm = synth --gemm 40,50,60
[axes]
hw.array_rows, hw.array_cols, hw.post_lanes = 4x8x4, 8x4x4, 8x8x8, 16x8x8, 16x16x16
hw.precision = fixed, multi
hw.fold_overlap = true, false
hw.zero_gating = true, false
hw.acc_bits = 14, 18, 32
hw.acc_overflow = wrap, saturate
hw.queue_depth = 2, 4, 8
buf.ifmap_kib = 4..64*2
buf.weight_kib = 4..64*2
buf.psum_kib = 8..64*2
buf.ofmap_kib = 8..64*2
mem.latency_cycles = 1..200
mem.cycles_per_beat = 1..9
mem.burst_beats = 4..64*2
map.dataflow = auto, ws, os, is
map.order = auto, weights, pixels
map.residency = true, false
map.fuse_add = true, false
"""
AUDIT_RTL = f"""[sweep]
preset = flex_4
sampler = random
samples = 90
accuracy = off
[models]
{DIGITS}
conv = synth --conv 16,14,14,16,3,1 --weight-bits 4 --sparsity 2:4
[axes]
buf.ifmap_kib = 8..16
buf.weight_kib = 4..8
buf.ofmap_kib = 8..16
mem.latency_cycles = 1..200
mem.cycles_per_beat = 1..9
map.dataflow = auto, ws, os
map.order = auto, weights, pixels
map.sparsity = auto, dense
map.residency = true, false
map.fuse_add = true, false
"""
JOB = f"""[sweep]
preset = edge_8
accuracy = 100
[models]
{DIGITS}
[axes]
hw.acc_bits = 14, 16, 32
buf.weight_kib = 1..64*2
buf.ofmap_kib = 8..32*2
mem.latency_cycles = 10..190+30
[set]
hw.acc_overflow = saturate
hw.precision = multi
"""
TABLES = ("points", "variants", "audits", "results")


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:120] if lines else "no output"


class Bench:
    """Specs, databases and figures in a temporary folder."""

    def __init__(self, tactus, folder):
        self.tactus, self.folder = tactus, pathlib.Path(folder)
        self.backends = subprocess.run([tactus, "--version"], capture_output=True, text=True,
                                       check=True).stdout

    def spec(self, name, text):
        path = self.folder / f"{name}.ini"
        path.write_text(text, encoding="utf-8")
        return path

    def command(self, *words, env=None):
        done = subprocess.run([str(w) for w in (self.tactus, *words)], capture_output=True,
                              text=True, env=env)
        return done.returncode, done.stdout + done.stderr

    def sweep(self, spec, out, *words):
        """Exit code, output and the summary of a sweep."""
        figures = self.folder / "summary.json"
        figures.unlink(missing_ok=True)
        code, text = self.command("sweep", spec, "--out", self.folder / out, "--quiet", "--json",
                                  figures, *words)
        summary = json.loads(figures.read_text(encoding="utf-8")) if figures.exists() else {}
        return code, text, summary


def differing_rows(a, b, tables=TABLES):
    """Rows of one database that the other does not have, over all tables, and rows compared."""
    db = sqlite3.connect(a)
    db.execute("ATTACH ? AS other", (str(b),))
    differing = compared = 0
    for table in tables:
        compared += db.execute(f"SELECT COUNT(*) FROM main.{table}").fetchone()[0]
        for one, two in (("main", "other"), ("other", "main")):
            differing += db.execute(f"SELECT COUNT(*) FROM (SELECT * FROM {one}.{table} EXCEPT "
                                    f"SELECT * FROM {two}.{table})").fetchone()[0]
    db.close()
    return differing, compared


def one(path, sql):
    db = sqlite3.connect(path)
    value = db.execute(sql).fetchone()[0]
    db.close()
    return value


def row_count(path):
    """Points of a sweep that may be going on or have no tables yet."""
    try:
        return one(path, "SELECT COUNT(*) FROM points") if path.exists() else 0
    except sqlite3.Error:
        return 0


def engine(rows, bench, part):
    """Figures of tests/bench/engine.py; None when it fails, which is a miss."""
    path = bench.folder / "engine.json"
    done = subprocess.run([sys.executable, ROOT / "tests/bench/engine.py", "--tactus",
                           bench.tactus, "--only", part, "--json", path], capture_output=True,
                          text=True)
    if done.returncode != 0:
        rows.judge(f"engine.py --only {part}", "exit 0", last_line(done.stderr or done.stdout),
                   False)
        return None
    return json.loads(path.read_text(encoding="utf-8"))


def values(rows, bench):
    figures = engine(rows, bench, "values")
    if figures is None:
        return
    seconds = figures["resnet18 with values, 1 thread(s)"]["seconds"]
    limit = figures.get("oneDNN, the same layers")
    if limit is None:
        rows.show("-", "ResNet-18 with values, one thread", "3x of oneDNN VNNI",
                  f"{seconds * 1e3:.1f} ms; oneDNN is not built")
        return
    ratio = seconds / limit["seconds"]
    path = "VNNI int8" if limit["vnni"] else "int8 (no VNNI here: its AVX2 path)"
    rows.judge("ResNet-18 with values, one thread", f"at most 3 x oneDNN {path}",
               f"{ratio:.2f} x: {seconds * 1e3:.1f} ms to {limit['seconds'] * 1e3:.1f} ms",
               ratio <= 3)
    # The peers' seconds were taken on a machine with VNNI; without it ours are another machine's.
    for name, peer, text, least in (("ONNXim", 16.3, "16.3 s", 500),
                                    ("SCALE-Sim", 720, "12 min", 10000)):
        point, figure = f"  CPU time of {name} over ours", peer / seconds
        target = f"more than {least} ({text}, with VNNI)"
        if limit["vnni"]:
            rows.judge(point, target, f"{figure:.0f}", figure > least)
        else:
            rows.show("-", point, target, f"{figure:.0f} without VNNI, not judged")


def rates(rows, bench):
    figures = engine(rows, bench, "rates")
    if figures is None:
        return
    for name, result in figures.items():
        text = f"{result['rate']:.0f} points/s, {result['points']} points"
        if name == "resnet18, mixed grid":
            rows.judge(f"timing only, {name}", "5000 exact points/s per core", text,
                       result["rate"] >= 5000)
        else:
            rows.state(f"timing only, {name}", text)


# Stated, not judged: networks of other kinds than the issue names. Depthwise layers change their
# cuts with nearly every memory, so MobileNets need twice the programs of ResNet-18.
OTHER_NETWORKS = ("mobilenet_v1", "mobilenet_v2", "vgg16")


def growth(rows, bench):
    """Time a point against the work of a point: array side, and tile ops or layers of a network."""
    figures = engine(rows, bench, "growth")
    if figures is None:
        return
    micro = {name: 1e6 / result["rate"] for name, result in figures.items()}
    layers = sorted((int(name.split()[-1]), t) for name, t in micro.items()
                    if name.startswith("layers "))
    slope = max(t / layers[0][1] / (count / layers[0][0]) for count, t in layers)
    rows.judge("us/point, layers " + ", ".join(f"{count}" for count, _ in layers),
               "linear in the layers or better", ", ".join(f"{t:.0f}" for _, t in layers),
               slope <= 1.25)
    arrays = [(int(name.split("x")[-1]), t) for name, t in micro.items() if name.startswith("array")]
    arrays.sort()
    slope = max(t / arrays[0][1] / (side / arrays[0][0]) for side, t in arrays)
    rows.judge("us/point, arrays " + ", ".join(f"{side}" for side, _ in arrays),
               "linear in the side or better", ", ".join(f"{t:.0f}" for _, t in arrays),
               slope <= 1.25)
    base = figures["resnet18"]
    for name, result in figures.items():
        if name.startswith(("array", "layers ")) or name == "resnet18":
            continue
        work = max(result["most_ops"] / base["most_ops"],
                   result.get("layers", 1) / base["layers"], 1)
        ratio = micro[name] / (1e6 / result.get("base_rate", base["rate"]))
        measured = f"{ratio:.2f} x: {micro[name]:.0f} us, {result['most_ops']} tile ops"
        if name in OTHER_NETWORKS:
            rows.state(f"us/point, {name}", f"{measured}, for {work:.2f} x")
            continue
        rows.judge(f"us/point, {name}", f"at most {work:.2f} x resnet18, by 1.25", measured,
                   ratio <= 1.25 * work)
        if "seconds_further" in result:
            # Without the first point, which reads all weights, and for equally many programs.
            work *= max(1, result["lowerings"] / base["lowerings"])
            ratio = result["seconds_further"] / base["seconds_further"]
            rows.state("  a further point, times programs",
                       f"{ratio:.2f} x for {work:.2f} x, {result['lowerings']} programs")


def big(rows, bench, args):
    """100,000 points undisturbed, and killed ten times."""
    spec = bench.spec("big", BIG)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code, text, summary = bench.sweep(spec, "big.sqlite", "--workers", "2")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    whole = bench.folder / "big.sqlite"
    if code != 0:
        rows.judge("100,000-point sweep", "exit 0", last_line(text), False)
        return
    seconds = summary["host"]["wall_seconds"]
    count = one(whole, "SELECT COUNT(*) FROM points")
    rows.judge("100,000-point sweep, 2 workers", "100000 rows",
               f"{count} rows ({summary['ok']} ok) in {seconds:.1f} s ({cpu:.1f} s CPU), largest process "
               f"{summary['host']['peak_kib'] / 1024:.0f} MiB, database "
               f"{whole.stat().st_size / 2**20:.1f} MiB", count == 100_000)
    dice = random.Random(args.seed)
    other, kills, done = bench.folder / "killed.sqlite", 0, []
    # Ten moments that are spread over the whole sweep, however fast this machine is just now.
    for least in [0] + sorted(dice.randrange(count * 9 // 10) for _ in range(9)):
        process = subprocess.Popen(
            [str(w) for w in (bench.tactus, "sweep", spec, "--out", other, "--resume", "--quiet",
                              "--workers", "2")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        while process.poll() is None and row_count(other) < least:
            time.sleep(0.05)
        time.sleep(dice.uniform(0, 0.7))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        done.append(row_count(other))
    code, text, summary = bench.sweep(spec, "killed.sqlite", "--resume", "--workers", "2")
    differing, compared = differing_rows(whole, other)
    integrity = one(other, "PRAGMA integrity_check")
    rows.judge("killed -9 at random and resumed", "10 kills, the same rows",
               f"{kills} kills at {min(done)} to {max(done)} points, {differing} of {compared} rows "
               f"differ, integrity {integrity}",
               code == 0 and kills == 10 and differing == 0 and integrity == "ok")


def audits(rows, bench):
    for name, text, backend, least in (("systemc", AUDIT_SYSTEMC, "systemc", 200),
                                       ("rtl", AUDIT_RTL, "rtl", 50)):
        if f" {backend}" not in bench.backends:
            rows.show("-", f"audit on {backend}", f"{least} points", "not in this build")
            continue
        start = time.monotonic()
        code, output, summary = bench.sweep(bench.spec(name, text), f"{name}.sqlite", "--audit",
                                            "100%")
        if not summary:
            rows.judge(f"audit on {backend}", f"{least} points, 0 differences", last_line(output),
                       False)
            continue
        path = bench.folder / f"{name}.sqlite"
        count = one(path, f"SELECT COUNT(*) FROM audits WHERE backend = '{backend}'")
        different = one(path, "SELECT COUNT(*) FROM audits WHERE equal = 0")
        rows.judge(f"audit of random points on {backend}", f"{least} points, 0 differences",
                   f"{count} points, {different} differences, {summary['invalid']} invalid, "
                   f"{time.monotonic() - start:.0f} s",
                   code == 0 and count >= least and different == 0)


def job(rows, bench):
    """The same spec on this process's workers, in shards, and as an array job."""
    spec = bench.spec("job", JOB)
    code, text, summary = bench.sweep(spec, "local.sqlite")
    if code != 0:
        rows.judge("local run for the job", "exit 0", last_line(text), False)
        return
    rows.state("local run for the job", f"{summary['ok']} points ok, {summary['invalid']} invalid, "
               f"{summary['variants']} numeric variants, {summary['host']['wall_seconds']:.1f} s")
    reason = slurm_node.missing()
    if reason:
        rows.judge("Slurm array job, the same rows", "0 differences", reason, False)
        return
    folder = bench.folder / "slurm"
    folder.mkdir()
    start = time.monotonic()
    out = bench.folder / "slurm.sqlite"
    with slurm_node.Node(folder) as env:
        version = subprocess.run(["slurmd", "-V"], env=env, capture_output=True,
                                 text=True).stdout.strip()
        code, text = bench.command("sweep", spec, "--out", out, "--slurm", 4, "--wait", env=env)
    if code != 0 or not out.exists():
        rows.judge("Slurm array job, the same rows", "0 differences", last_line(text), False)
        return
    differing, compared = differing_rows(bench.folder / "local.sqlite", out)
    rows.judge("Slurm array job, the same rows", "0 differences",
               f"{version}, 4 tasks: {differing} of {compared} rows differ, "
               f"{time.monotonic() - start:.0f} s", differing == 0)


def main():
    parts = {"values": values, "rates": rates, "growth": growth, "big": big, "audits": audits,
             "job": job}
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tactus", type=pathlib.Path, default=ROOT / "build" / "bin" / "tactus",
                        help="the tool")
    parser.add_argument("--only", choices=list(parts), help="one part of the list")
    parser.add_argument("--seed", type=int, default=1, help="of the times of the kills")
    args = parser.parse_args()
    if not args.tactus.exists():
        print(f"there is no {args.tactus}; tests/run.sh builds it", file=sys.stderr)
        return 2
    rows = Rows(point=40, target=34)
    with tempfile.TemporaryDirectory(prefix="tactus_accept_") as folder:
        bench = Bench(args.tactus.resolve(), folder)
        for name, part in parts.items():
            if args.only in (None, name):
                part(rows, bench, args) if name == "big" else part(rows, bench)
    print(f"\nsweep: {rows.misses or 'no'} miss{'es' if rows.misses > 1 else ''}")
    return 1 if rows.misses else 0


if __name__ == "__main__":
    sys.exit(main())
