#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Result pages: whole files that need nothing else, with the values of their results.

Usage: page_test.py PATH_OF_TACTUS [unittest arguments]
Pages are opened in Debian's chromium; without it only their data are checked.
"""
import base64
import csv
import json
import math
import pathlib
import re
import sqlite3
import struct
import subprocess
import sys
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import browser
import sweep_database
import tool
from tool import ROOT, W4A4, W8A8, CliTest

NO_BROWSER = "chromium is not installed: pages are not opened (sim/setup_debian.sh --tests)"
POINTS = 4000
SIZES = {"event": lambda v: 1, "beat_bit": lambda v: v["mem.data_bits"],
         "row_bit": lambda v: v["hw.array_cols"] * v["hw.operand_bits"],
         "operand_bit": lambda v: v["hw.operand_bits"], "acc_bit": lambda v: v["hw.acc_bits"],
         "record_bit": lambda v: 256}


def data_of(page):
    """The data element of a page: JSON, or the header and columns of a sweep."""
    kind, text = re.search(r'<script type="([^"]+)" id="data">(.*?)</script>', page, re.S).groups()
    if kind == "application/json":
        return json.loads(text)
    raw = zlib.decompress(base64.b64decode(text))
    (length,) = struct.unpack_from("<I", raw)
    header = json.loads(raw[4:4 + length])
    start = (4 + length + 7) // 8 * 8
    for column in header["columns"]:
        form = {"u8": "B", "u16": "H", "u32": "I", "f64": "d"}[column["encoding"]]
        codes = struct.unpack_from(f"<{header['rows']}{form}", raw, start + column["offset"])
        if column["encoding"] == "f64":
            column["values"] = [None if math.isnan(v) else v for v in codes]
        else:
            column["values"] = [None if c == 0 else column["dict"][c - 1] for c in codes]
    return header


class PageTest(CliTest):
    @classmethod
    def setUpClass(cls):
        done = tool.tactus("report", W4A4, "--html", "/dev/null")
        if "charting library" in done.stderr:
            raise unittest.SkipTest("this tactus was built without the charting library: " +
                                    done.stderr.strip())

    def page_of(self, result, name="page.html"):
        path = self.folder / name
        self.good("report", result, "--html", path)
        return path

    def run_page(self, *args, verb="run"):
        result = self.folder / "run.json"
        self.good(verb, *args, "--json", result, "--quiet")
        return self.page_of(result), json.loads(result.read_text(encoding="utf-8"))

    def sweep_page(self, points=POINTS):
        path = self.folder / "sweep.sqlite"
        sweep_database.write(path, points)
        return self.page_of(path)

    def opened(self, *args, **more):
        if browser.CHROMIUM is None:
            self.skipTest(NO_BROWSER)
        page = browser.Opened(*args, **more)
        self.assertEqual(page.errors, [])
        self.assertFalse(isinstance(page.probe, dict) and "problem" in page.probe, page.probe)
        return page


class FileTest(PageTest):
    def test_refusals(self):
        self.refused("report", W4A4, saying="--html")
        out = self.folder / "x.html"
        self.refused("report", self.folder / "none.json", "--html", out, saying="none.json")
        self.refused("report", W4A4, "--html", out, saying=["digits_w4a4.h5", "no JSON"])
        other = self.folder / "other.json"
        for text, word in (("{}", "schema"), ('{"schema": "tactus.run/2"}', "tactus.run/2"),
                           ('{"schema": "tactus.run/1"}', "complete"), ("[", "JSON"),
                           ('{"schema": "tactus.config/1"}', "tactus.config/1")):
            other.write_text(text, encoding="utf-8")
            self.refused("report", other, "--html", out, saying=["other.json", word])
        database = self.folder / "other.sqlite"
        db = sqlite3.connect(database)
        db.execute("CREATE TABLE t (x)")
        db.commit()
        db.close()
        self.refused("report", database, "--html", out, saying=["other.sqlite", "sweep"])
        self.refused("report", self.folder, "--html", out, saying="directory")
        self.assertFalse(out.exists())

    def test_build_without_npm(self):
        """Where the library cannot be fetched the build goes on, with an empty one."""
        source = ROOT / "sim" / "page"
        for npm in ("", "/bin/false", "/no/such/npm"):
            library, assets = self.folder / "library.js", self.folder / "assets.cpp"
            done = subprocess.run(
                ["cmake", "-D", f"NPM={npm}", "-D", f"SOURCE={source}", "-D",
                 f"WORK={self.folder / 'work'}", "-D", f"OUT={library}", "-P",
                 source / "fetch_library.cmake"], capture_output=True, text=True, check=True)
            self.assertIn("no charting library", done.stderr)
            self.assertEqual(library.read_text(encoding="utf-8"), "")
            subprocess.run(["cmake", "-D", f"ASSETS={source / 'assets'}", "-D", f"LIBRARY={library}",
                            "-D", "SCRIPTS=common.js,main.js", "-D", f"OUT={assets}", "-P",
                            source / "embed.cmake"], check=True)
            self.assertRegex(assets.read_text(encoding="utf-8"),
                             r'library = R"tactus\(\s*\)tactus"')
            library.unlink()

    def test_report_json(self):
        result = self.folder / "r.json"
        self.good("run", W4A4, "--backend", "fast", "--limit", 1, "--json", result)
        data = self.json_of("report", result, "--html", self.folder / "r.html")
        self.assertEqual(data, {"schema": "tactus.report/1", "kind": "run", "items": 11,
                                "bytes": (self.folder / "r.html").stat().st_size})

    def test_two_pages_are_equal(self):
        page, _ = self.run_page(W4A4, "--backend", "fast", "--limit", 1)
        again = self.page_of(self.folder / "run.json", "again.html")
        self.assertEqual(page.read_bytes(), again.read_bytes())

    def test_page_names_nothing_outside(self):
        for page in (self.run_page(W4A4, "--backend", "fast", "--limit", 1)[0], self.sweep_page()):
            text = page.read_text(encoding="utf-8")
            self.assertIn("default-src 'none'", text)
            head = text[:text.index("</head>")] + text[text.index('id="data"'):]
            self.assertIsNone(re.search(r'\b(src|href|action)\s*=\s*["\']|@import|url\(', head))

    def test_energy_split_is_counts_times_table(self):
        page, run = self.run_page(W8A8, "--backend", "fast")
        data = data_of(page.read_text(encoding="utf-8"))
        self.assertEqual(data["run"], run)
        values = run["config"]["values"]
        table = {}
        path = ROOT / "sim" / "energy" / "tables" / "nangate45.csv"
        with open(path, encoding="utf-8") as file:
            for row in csv.DictReader(line for line in file if not line.startswith("#")):
                table[row["event"]] = float(row["value_pj"]) * SIZES[row["per"]](values)
        split = data["energy_split"]
        for layer, parts in zip(run["layers"], split["layers"]):
            self.assertAlmostEqual(sum(parts), layer["energy_pj"]["value"], delta=1e-3)
        named = dict(zip(split["groups"], split["total"]))
        events = run["totals"]["events"]
        for group, names in (("off-chip memory", ("mem_rd_req", "mem_rd_beat", "mem_wr_beat")),
                             ("psum buffer", ("psum_rd", "psum_wr")),
                             ("post-processor", ("post_op",)),
                             ("instruction buffer", ("inst_wr",))):
            want = sum(events[n] * table[n] for n in names)
            self.assertAlmostEqual(named[group] / want, 1, places=9, msg=group)

    def test_columns_are_those_of_the_database(self):
        data = data_of(self.sweep_page(500).read_text(encoding="utf-8"))
        columns = {c["name"]: c for c in data["columns"]}
        self.assertEqual(data["rows"], 500)
        for i in (0, 7, 123, 499):
            point, values = sweep_database.point_of(i), sweep_database.values_of(i)
            for key, value in point.items():
                self.assertEqual(columns[key]["values"][i], value, key)
            for key, value in values.items():
                want = value if sweep_database.is_ok(i) else None
                got = columns[key]["values"][i]
                if isinstance(want, float):
                    self.assertAlmostEqual(got, want, delta=1e-12 * abs(want), msg=key)
                else:
                    self.assertEqual(got, want, key)
        self.assertEqual([a["keys"] for a in data["axes"]][:2],
                         [["model"], ["hw.array_rows", "hw.array_cols"]])
        self.assertEqual(data["objectives"], ["cycles", "energy_pj", "accuracy"])
        self.assertEqual(data["reasons"], [{"reason": "buf.psum_kib is too small for <one> row",
                                            "count": 50}])


class RunPageTest(PageTest):
    SCRIPT = """
      const out = {};
      for (const id in T.charts) out[id] = inked(T.charts[id]);
      const rows = () => [...document.querySelectorAll('#layer-table tbody tr')].map(r => [...r.children].map(c => c.textContent));
      const all = rows();
      const buttons = [...document.querySelectorAll('#layer-table thead button')];
      buttons[3].click();
      const sorted = rows();
      const input = document.querySelector('#layers input');
      input.value = 'BLOCK1';
      input.dispatchEvent(new Event('input'));
      const filtered = rows();
      input.value = 'no such layer';
      input.dispatchEvent(new Event('input'));
      document.querySelector('#cycles input').click();
      const chart = T.charts['cycles-chart'];
      const share = chart.getOption().series.map(s => s.data[0]);
      mouse(chart, 'mousemove', ...chart.convertToPixel({seriesIndex: 0}, [0.1, 1]));
      await wait(50);
      const tip = [...chart.getDom().children].map(c => c.innerText).join(' ');
      return {charts: out, all, sorted, filtered, none: rows(), share, tip,
              wide: document.documentElement.scrollWidth,
              requests: performance.getEntriesByType('resource').length};
    """

    def test_page_of_a_run(self):
        path, run = self.run_page(W4A4, "--backend", "fast", "--inputs", "dataset")
        page = self.opened(path, script=self.SCRIPT)
        self.assertEqual(page.body["state"], "ready")
        self.assertEqual(int(page.body["cycles"]), run["totals"]["cycles"])
        probe, layers = page.probe, run["layers"]
        self.assertEqual(probe["requests"], 0)
        self.assertLessEqual(probe["wide"], 1280)
        for name in ("cycles", "roofline", "utilization", "energy"):
            chart = probe["charts"][f"{name}-chart"]
            self.assertGreater(chart["ink"], 0.005, name)
            self.assertGreater(chart["colors"], 3, name)
        self.assertEqual([r[0] for r in probe["all"]], [l["id"] for l in layers])
        self.assertEqual([int(r[3].replace(",", "")) for r in probe["all"]],
                         [l["cycles"] for l in layers])
        self.assertEqual([int(r[3].replace(",", "")) for r in probe["sorted"]],
                         sorted((l["cycles"] for l in layers), reverse=True))
        self.assertEqual({r[0] for r in probe["filtered"]},
                         {l["id"] for l in layers if "block1" in l["id"]})
        self.assertIn("No layer", probe["none"][0][0])
        self.assertAlmostEqual(sum(probe["share"]), 1, places=9)
        shown = [l for l in layers if not l["fused_into"]][1]
        self.assertIn(shown["id"], probe["tip"])
        self.assertIn(f"{shown['cycles']:,}", probe["tip"])
        for text in (f"{run['totals']['cycles']:,}", f"{100 * run['accuracy']['top1']:.1f} %",
                     "digits_w4a4 on fast"):
            self.assertIn(text, page.text)

    def test_page_of_a_check_narrow(self):
        path, _ = self.run_page(W4A4, "--backends", "ref,fast", "--limit", 1, verb="check")
        page = self.opened(path, width=500, script="""
            return {wide: document.documentElement.scrollWidth, ink: inked(T.charts['cycles-chart']).ink};""")
        self.assertIn("ref and fast", page.text)
        self.assertIn("agree", page.text)
        self.assertLessEqual(page.probe["wide"], 500)
        self.assertGreater(page.probe["ink"], 0.005)

    def test_strange_names_stay_text(self):
        name = '</script><img src=x onerror="document.title=1"> & "q" ' + 40 * "very_long_name_"
        _, run = self.run_page(W4A4, "--backend", "fast", "--limit", 1)
        run["model"]["name"] = name
        for layer in run["layers"]:
            layer["id"] += name
        result = self.folder / "strange.json"
        result.write_text(json.dumps(run), encoding="utf-8")
        page = self.opened(self.page_of(result), script="""
            return {heading: document.querySelector('h1').textContent, images: document.images.length,
                    wide: document.documentElement.scrollWidth, title: document.title};""")
        self.assertEqual(page.probe["heading"], f"{name} on fast")
        self.assertEqual(page.probe["title"], f"tactus: {name} on fast")
        self.assertEqual(page.probe["images"], 0)
        self.assertLessEqual(page.probe["wide"], 1280)

    def test_without_cycles(self):
        path, _ = self.run_page(W4A4, "--backend", "ref", "--limit", 1)
        page = self.opened(path, script="return Object.keys(T.charts).length;")
        self.assertEqual(page.body["state"], "ready")
        self.assertEqual(page.probe, 0)
        self.assertIn("computes values only", page.text)


class SweepPageTest(PageTest):
    def ok_points(self, points=POINTS):
        return {i: {**sweep_database.point_of(i), **sweep_database.values_of(i)}
                for i in range(points) if sweep_database.is_ok(i)}

    @staticmethod
    def front_of(points, keys):
        """Brute force over pairs of (value, value), both best when small."""
        values = [tuple(p[k] for k in keys) for p in points.values()]
        different = set(values)
        return sum(not any(o[0] <= v[0] and o[1] <= v[1] and o != v for o in different)
                   for v in values)

    def test_front_of_all_objectives(self):
        page = self.opened(self.sweep_page(800), "#all=1")
        points = self.ok_points(800)
        keys = [(p["cycles"], p["energy_pj"], -p["accuracy"]) for p in points.values()]
        different = set(keys)
        front = sum(not any(all(a <= b for a, b in zip(o, v)) and o != v for o in different)
                    for v in keys)
        self.assertGreater(front, self.front_of(points, ("cycles", "energy_pj")))
        self.assertEqual(int(page.body["front"]), front)
        self.assertIn("front of cycles, energy, accuracy", page.text)

    @staticmethod
    def share_of(points, key, metric):
        groups = {}
        for p in points.values():
            groups.setdefault(p[key], []).append(math.log10(p[metric]))
        everything = [v for g in groups.values() for v in g]
        mean = sum(everything) / len(everything)
        between = sum(len(g) * (sum(g) / len(g) - mean) ** 2 for g in groups.values())
        return between / sum((v - mean) ** 2 for v in everything)

    def test_front_sensitivity_and_charts(self):
        page = self.opened(self.sweep_page(), script="""
            const ink = {};
            for (const id in T.charts) ink[id] = inked(T.charts[id]);
            return {ink, panels: document.querySelectorAll('.panel').length, wide: document.documentElement.scrollWidth,
                    requests: performance.getEntriesByType('resource').length};""")
        points = self.ok_points()
        self.assertEqual((page.body["points"], page.body["ok"]), (str(POINTS), str(len(points))))
        self.assertEqual(int(page.body["front"]), self.front_of(points, ("cycles", "energy_pj")))
        effects = dict(e.rsplit("=", 1) for e in page.body["effects"].split(";"))
        for label, key in (("model", "model"), ("hw.array_rows x hw.array_cols", "hw.array_rows"),
                           ("buf.weight_kib", "buf.weight_kib"),
                           ("mem.latency_cycles", "mem.latency_cycles")):
            self.assertAlmostEqual(float(effects[label]), self.share_of(points, key, "cycles"),
                                   places=3, msg=label)
        shares = [float(v) for v in effects.values()]
        self.assertEqual(shares, sorted(shares, reverse=True))
        self.assertEqual(page.probe["panels"], len(effects))
        for name in ("pareto-chart", "parallel-chart", "effect-chart", "box0"):
            self.assertGreater(page.probe["ink"][name]["ink"], 0.005, name)
        self.assertEqual(page.probe["requests"], 0)
        self.assertLessEqual(page.probe["wide"], 1280)
        self.assertIn("no difference", page.text)

    def test_filter_sort_and_address(self):
        address = "#f.hw.array_rows=%3E%3D16&f.model=%3Dw4a4&sort=-energy_pj&point=2121&x=storage_bytes&y=cycles"
        page = self.opened(self.sweep_page(), address, script="""
            const rows = () => [...document.querySelectorAll('#point-table .body .row')].map(r => Number(r.dataset.row));
            const first = rows(), chips = document.getElementById('chips').innerText, detail = document.getElementById('detail').innerText;
            const table = document.getElementById('point-table');
            table.scrollTop = table.scrollHeight;
            table.dispatchEvent(new Event('scroll'));
            await wait(50);
            const last = rows();
            document.querySelector('#chips .chip button').click();
            return {first, last, chips, detail, left: document.body.dataset.shown, hash: location.hash,
                    elements: table.querySelectorAll('.row').length};""")
        chosen = {i: p for i, p in self.ok_points().items()
                  if p["hw.array_rows"] >= 16 and p["model"] == "w4a4"}
        order = sorted(chosen, key=lambda i: (-chosen[i]["energy_pj"], i))
        self.assertEqual(page.probe["first"][:8], order[:8])
        self.assertEqual(page.probe["last"][-8:], order[-8:])
        self.assertLess(page.probe["elements"], 80)
        self.assertIn("hw.array_rows: >=16", page.probe["chips"])
        self.assertIn("Point 2121", page.probe["detail"])
        self.assertIn("--mem.latency_cycles=40", page.probe["detail"])
        w4a4 = sum(p["model"] == "w4a4" for p in self.ok_points().values())
        self.assertEqual(int(page.probe["left"]), w4a4)
        self.assertIn("sort=-energy_pj", page.probe["hash"])
        self.assertIn("x=storage_bytes", page.probe["hash"])

    def test_page_of_a_real_sweep(self):
        """A sweep of the tool itself, so that the made-up databases cannot drift from it."""
        spec = self.folder / "spec.ini"
        spec.write_text("[sweep]\npreset = tiny_4\nobjectives = cycles, energy\n"
                        "[models]\ng = synth --gemm 16,16,32\n[axes]\n"
                        "hw.array_cols, hw.post_lanes = 4x4, 8x8\nmem.latency_cycles = 5, 50\n",
                        encoding="utf-8")
        database = self.folder / "real.sqlite"
        self.good("sweep", spec, "--out", database, "--quiet")
        path = self.page_of(database, "real.html")
        data = data_of(path.read_text(encoding="utf-8"))
        self.assertEqual([a["keys"] for a in data["axes"]],
                         [["model"], ["hw.array_cols", "hw.post_lanes"], ["mem.latency_cycles"]])
        columns = {c["name"]: c["values"] for c in data["columns"]}
        self.assertEqual(columns["status"], ["ok"] * 4)
        for i in range(4):
            run = self.json_of("run", self.gemm(), "--backend", "fast", "--preset", "tiny_4",
                               *(f"--{k}={columns[k][i]:g}" for k in columns if "." in k))
            self.assertEqual(columns["cycles"][i], run["totals"]["cycles"])
            self.assertAlmostEqual(columns["energy_pj"][i] / run["totals"]["energy_pj"]["value"], 1)
        page = self.opened(path)
        self.assertEqual((page.body["points"], page.body["ok"]), ("4", "4"))
        self.assertIn("hw.array_cols x hw.post_lanes", page.text)

    def gemm(self):
        path = self.folder / "g.h5"
        if not path.exists():
            self.good("synth", "--gemm", "16,16,32", "-o", path)
        return path

    def test_hover_zoom_click_and_brush(self):
        page = self.opened(self.sweep_page(), script="""
            const chart = T.charts['pareto-chart'];
            const extent = () => chart.getModel().getComponent('xAxis').axis.scale.getExtent();
            const series = chart.getOption().series;
            const at = series.findIndex(s => s.type === 'scatter'), n = Math.floor(series[at].data.length / 2);
            const point = series[at].data[n];
            const [x, y] = chart.convertToPixel({seriesIndex: at}, point);
            mouse(chart, 'mousemove', x, y);
            await wait(100);
            const tip = [...chart.getDom().children].map(c => c.innerText).join(' ');
            for (const type of ['mousedown', 'mouseup', 'click']) mouse(chart, type, x, y);
            await wait(100);
            const detail = document.getElementById('detail').innerText;
            const before = extent();
            const [u, v] = chart.convertToPixel({seriesIndex: at}, point);
            mouse(chart, 'mousewheel', u, v, {zrDelta: 3, wheelDelta: 3});
            await wait(200);
            const after = extent();
            T.charts['parallel-chart'].dispatchAction({type: 'axisAreaSelect', parallelAxisId: 'axis1', intervals: [[0.7, 2.2]]});
            await wait(200);
            const kept = document.body.dataset.shown, chips = document.getElementById('chips').innerText;
            T.charts['parallel-chart'].dispatchAction({type: 'axisAreaSelect', parallelAxisId: 'axis1', intervals: []});
            await wait(200);
            return {point, tip, detail, before, after, kept, chips, left: document.body.dataset.shown};""")
        probe, points = page.probe, self.ok_points()
        near = [i for i, p in points.items() if f"{p['cycles']:,}" in probe["tip"]]
        self.assertTrue(near, probe["tip"])
        p = points[near[0]]
        for word in ("model", p["model"], "hw.acc_overflow", p["hw.acc_overflow"],
                     "mem.latency_cycles", str(p["mem.latency_cycles"])):
            self.assertIn(word, probe["tip"])
        self.assertIn(f"Point {near[0]}", probe["detail"])
        self.assertLess(probe["after"][1] / probe["after"][0], probe["before"][1] / probe["before"][0])
        # axis1 is hw.array_rows with 4, 8, 16, 32, 64: places 1 and 2 are 8 and 16.
        self.assertIn("hw.array_rows: 8|16", probe["chips"])
        self.assertEqual(int(probe["kept"]),
                         sum(p["hw.array_rows"] in (8, 16) for p in points.values()))
        self.assertEqual(int(probe["left"]), len(points))

    def test_a_hundred_thousand_points(self):
        path = self.sweep_page(100000)
        self.assertLess(path.stat().st_size, 12 << 20)
        page = self.opened(path, script="""
            const ready = performance.now(), table = document.getElementById('point-table');
            const start = performance.now();
            [...table.querySelectorAll('.head button')].find(b => b.textContent.startsWith('energy')).click();
            const sorted = performance.now() - start;
            return {ready, sorted, ink: inked(T.charts['pareto-chart']).ink, elements: document.querySelectorAll('*').length,
                    line: document.getElementById('line-note').textContent};""")
        self.assertEqual(page.body["points"], "100000")
        self.assertGreater(page.probe["ink"], 0.01)
        self.assertLess(page.probe["elements"], 3000)
        self.assertIn("of 90,000 lines are drawn", page.probe["line"])
        lowest = min(self.ok_points(100000).items(), key=lambda e: e[1]["energy_pj"])
        self.assertIn(f"{lowest[1]['energy_pj'] / 1e6:.2f} µJ", page.text)

    def test_empty_states(self):
        self.sweep_page(100)
        path = self.folder / "sweep.sqlite"
        db = sqlite3.connect(path)
        db.execute("DELETE FROM points WHERE status = 'ok'")
        db.commit()
        db.close()
        page = self.opened(self.page_of(path))
        self.assertIn("No point is valid", page.text)
        self.assertIn("buf.psum_kib is too small for <one> row", page.text)
        single = self.folder / "one.sqlite"
        sweep_database.write(single, 1)
        page = self.opened(self.page_of(single, "one.html"))
        self.assertIn("No axis has two values", page.text)
        self.assertEqual(page.body["front"], "1")
        page = self.opened(self.sweep_page_again(), "#f.cycles=%3C1")
        self.assertIn("No point passes the filters", page.text)
        self.assertEqual(page.body["shown"], "0")

    def sweep_page_again(self):
        path = self.folder / "again.sqlite"
        sweep_database.write(path, 50)
        return self.page_of(path, "again.html")


if __name__ == "__main__":
    tool.main()
