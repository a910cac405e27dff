"""What the review page costs in a real browser, at 10,000 and 100,000 groups written straight into the store.

python benchmarks/page.py [--groups 10000 100000] [--budget] [--no-baseline]

Printed for each size: the time from opening the address to the first group on the screen, the processor time of the
server (and of this script beside it) until then and until the whole screen stands, the nodes in the document,
the time from a key press to the next group (median and 95th percentile of 60), the same after a jump to 90 % of the
list, 50 presses of Enter without a pause, the compressed size of one page of groups, the requests to other hosts, and
beside them a page that lists every group at once, which is what these figures are compared with. `--budget` ends with
an error when a budget of docs/review.md is not kept.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from dedupe_app.web.desk import Desk
from dedupe_app.web.server import Server, serving
from dedupe_core.thumbs import EDGE, FOLDER, cache_file
from tests.web.many import desk_of_many

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
PRESSES = 60
_LINKS = 50_000
"""To one file; ext4 allows 65,000."""
BUDGETS = {"first_group_s": 1.0, "nodes": 1500, "key_p95_ms": 100.0, "page_gz_kb": 15.0, "other_hosts": 0}
PRESS = """async ([key, times]) => {
  const {deck} = await import('/static/deck.js'); const took = [];
  for (let n = 0; n < times; n += 1) {
    const before = deck.index, began = performance.now();
    document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
    const shown = () => document.querySelector('group-card h2')?.textContent ?? '';
    while (deck.index === before || !deck.here || !shown().includes(new Intl.NumberFormat('en').format(deck.index + 1)))
      await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    took.push(performance.now() - began);
  }
  return took; }"""
JUMP = """async (share) => {
  const {deck} = await import('/static/deck.js'); const box = document.querySelector('.rows');
  const began = performance.now(); box.scrollTop = box.scrollHeight * share;
  await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
  while ([...document.querySelectorAll('.row')].some((row) => row.dataset.empty))
    await new Promise(requestAnimationFrame);
  return performance.now() - began; }"""
RAPID = """async () => { const began = performance.now();
  for (let n = 0; n < 50; n += 1)
    document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}));
  const {deck} = await import('/static/deck.js');
  while (deck.queue.length) await new Promise((done) => setTimeout(done, 5));
  return performance.now() - began; }"""
EVERYTHING = """async () => {
  const {get} = await import('/static/api.js'); const began = performance.now();
  const body = document.createElement('div');
  let next = ''; do { const page = await get('/groups', {status: 'all', cursor: next}); next = page.next;
    for (const group of page.items) for (const photo of group.photos) { const card = document.createElement('figure');
      const image = document.createElement('img'); image.loading = 'lazy'; const name = document.createElement('span');
      name.textContent = photo.name; const size = document.createElement('span'); size.textContent = photo.size;
      card.append(image, name, size); body.append(card); } } while (next);
  document.body.append(body); body.getBoundingClientRect(); await new Promise(requestAnimationFrame);
  return [performance.now() - began, document.querySelectorAll('*').length]; }"""


def keep_pictures(desk: Desk) -> None:
    """The small picture of every photo, as a scan for the page leaves them: links to a few files, for there are
    hundreds of thousands."""
    folder, out = desk.config.data / FOLDER, io.BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((EDGE, EDGE * 3 // 4)).save(out, "WEBP")
    folder.mkdir(parents=True, exist_ok=True)
    for number, photo in enumerate(desk.library.store.assets.all()):
        whole = folder / f"picture-{number // _LINKS}"
        if number % _LINKS == 0:
            whole.write_bytes(out.getvalue())
        file = cache_file(folder, photo.content, EDGE)
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            os.link(whole, file)


def browser_path() -> str:
    """Where Chromium is."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        sys.exit("No Chromium was found: install it, or say CHROMIUM=/path/to/it.")
    return found


def measure(browser: Any, server: Server, compare: bool) -> dict[str, float]:
    """The figures of one library."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    page = context.new_page()
    others: list[str] = []
    page.on("request", lambda one: None if one.url.startswith(server.base) else others.append(one.url))
    page.goto(server.address())
    page.wait_for_selector("home-screen h1")
    page.wait_for_timeout(500)
    began, worked = time.perf_counter(), time.process_time()
    page.goto(f"{server.base}/?again#/review/identical")
    page.wait_for_selector("group-card figure img")
    first, worked_first = time.perf_counter() - began, time.process_time() - worked
    page.wait_for_timeout(2000)
    worked_all = time.process_time() - worked
    took = page.evaluate(PRESS, ["j", PRESSES])
    jump = page.evaluate(JUMP, 0.9)
    nodes = page.evaluate("document.querySelectorAll('*').length")
    page.goto(f"{server.base}/#/review/same")
    page.wait_for_selector("group-card figure img")
    page.wait_for_timeout(500)
    rapid = page.evaluate(RAPID)
    decided = page.evaluate("async () => (await (await import('/static/api.js')).get('/summary')).lanes.same.decided")
    body = page.evaluate("async () => await (await fetch('/api/v1/groups?status=all&limit=100&words=codes')).text()")
    figures = {
        "first_group_s": first,
        "first_cpu_ms": 1000 * worked_first,
        "screen_cpu_ms": 1000 * worked_all,
        "nodes": nodes,
        "key_median_ms": statistics.median(took),
        "key_p95_ms": sorted(took)[int(0.95 * len(took))],
        "jump_ms": jump,
        "rapid_50_ms": rapid,
        "rapid_decided": decided,
        "page_gz_kb": len(gzip.compress(body.encode(), 6)) / 1000,
        "other_hosts": len(others),
    }
    if compare:
        figures["everything_ms"], figures["everything_nodes"] = page.evaluate(EVERYTHING)
    context.close()
    return figures


def broken(figures: dict[str, float]) -> list[str]:
    """The budgets that are not kept."""
    wrong = [f"{name} {figures[name]:.3g} > {most}" for name, most in BUDGETS.items() if figures[name] > most]
    return wrong + ([] if figures["rapid_decided"] == 50 else [f"rapid_decided {figures['rapid_decided']} is not 50"])


def main() -> None:
    """Print the figures of each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--no-baseline", action="store_true", help="leave out the page that lists everything at once")
    parser.add_argument("--budget", action="store_true", help="end with an error when a budget is not kept")
    asked = parser.parse_args()
    wrong: list[str] = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        for groups in asked.groups:
            desk: Desk = desk_of_many(Path(place) / f"data-{groups}", groups)
            keep_pictures(desk)
            began = time.perf_counter()
            desk.lay_again()
            laid = time.perf_counter() - began
            with serving(desk) as server:
                figures = measure(browser, server, compare=groups <= 20_000 and not asked.no_baseline)
            desk.close()
            print(f"{groups:,} groups (laid out in {laid:.2f} s)")
            for name, value in figures.items():
                print(f"  {name:18} {value:12.1f}   {'budget ' + str(BUDGETS[name]) if name in BUDGETS else ''}")
            if "everything_ms" in figures:
                ratio = figures["everything_ms"] / 1000 / figures["first_group_s"]
                print(f"  a page that lists everything takes {ratio:.1f} times as long to its first picture")
            wrong += [f"{groups:,}: {one}" for one in broken(figures)]
        browser.close()
    if wrong:
        print("not kept: " + "; ".join(wrong))
        if asked.budget:
            sys.exit(1)


if __name__ == "__main__":
    main()
