# SPDX-License-Identifier: Apache-2.0
"""Opens pages in headless Chromium."""
import html
import json
import pathlib
import re
import shutil
import subprocess
from urllib.parse import unquote

CHROMIUM = shutil.which("chromium")

# Waits for the page, lets a test's script act, and leaves what it returns in the DOM.
PROBE = """
(async () => {
  const wait = ms => new Promise(r => setTimeout(r, ms));
  while (!document.body.dataset.state) await wait(20);
  await wait(100);
  const mouse = (chart, type, x, y, more) => chart.getZr().handler.dispatch(type, {
    zrX: x, zrY: y, offsetX: x, offsetY: y, type, which: 1, preventDefault() {}, stopPropagation() {}, ...more});
  /** Colours of a chart's pixels: how many differ, and the share that is not white. */
  const inked = chart => {
    let ink = 0, all = 0;
    const colors = new Set();
    for (const canvas of chart.getDom().querySelectorAll('canvas')) {
      const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      for (let i = 0; i < d.length; i += 4) {
        ++all;
        if (d[i + 3] > 0 && (d[i] < 250 || d[i + 1] < 250 || d[i + 2] < 250)) { ++ink; colors.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]); }
      }
    }
    return {ink: ink / all, colors: colors.size};
  };
  let out;
  try {
    out = await (async () => { %s })();
  } catch (error) {
    out = {problem: String(error)};
  }
  const node = document.createElement('script');
  node.type = 'application/json';
  node.id = 'probe';
  node.textContent = encodeURIComponent(JSON.stringify(out));
  document.body.append(node);
})();
"""


class Opened:
    """A page after its scripts ran: the DOM as text, what the probe returned, console errors."""

    def __init__(self, path, address="", script="return null;", width=1280, height=800):
        path = pathlib.Path(path)
        text = path.read_text(encoding="utf-8")
        end = text.rindex("</body>")
        probed = path.with_suffix(".probed.html")
        probed.write_text(text[:end] + f"<script>{PROBE % script}</script>" + text[end:],
                          encoding="utf-8")
        done = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-dev-shm-usage", "--virtual-time-budget=60000",
             f"--user-data-dir={path.parent / 'profile'}", "--enable-logging=stderr",
             f"--window-size={width},{height}", "--dump-dom", probed.as_uri() + address],
            capture_output=True, text=True, timeout=240, check=False)
        probed.unlink()
        if not done.stdout:
            raise AssertionError(f"Chromium printed nothing: {done.stderr[-2000:]}")
        # The scripts and the data of the page are not its content.
        self.dom = re.sub(r"<script.*?</script>|<style>.*?</style>", "", done.stdout, flags=re.S)
        self.text = html.unescape(re.sub(r"<[^>]+>", "\n", self.dom))
        self.errors = [line for line in done.stderr.splitlines()
                       if ":CONSOLE" in line and re.search(r"rror|Refused|violates", line)]
        self.body = dict(re.findall(r'data-([\w-]+)="([^"]*)"',
                                    re.search(r"<body[^>]*>", done.stdout).group(0)))
        found = re.search(r'<script type="application/json" id="probe">([^<]*)</script>', done.stdout)
        if not found:
            raise AssertionError(f"the probe left no result; console: {self.errors}")
        self.probe = json.loads(unquote(found.group(1)))
