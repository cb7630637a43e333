# ruff: noqa: E501 - lines of JavaScript inside strings
"""How long a frame of the map takes: `python -m tests.analytics_core.report.measure_frames PAGE...`.

Drives the page in headless Chromium and prints, for each motion, two figures:

draw
    how long the page's own drawing holds the main thread in each frame;
frame
    what passes between two frames, rasterising included. Headless Chromium
    here has no graphics card and paints in software, so this is a ceiling of
    what a reader sees, and a busy machine shows in it.

Then what a reader waits for on a phone whose processor is slowed down: from
the touch until the frame after the answer is there.

No test asserts these figures: they are the machine's as much as the page's.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from tests.analytics_core.report.conftest import DESKTOP, FLAGS, PHONE, find_chromium

FRAME_MS = 1000 / 60

# Wraps the page's drawing and runs one motion; gives both series of times.
RECORD = """
async ({ motion, milliseconds }) => {
  const { map } = atlas;
  const drawn = [], between = [];
  const draw = map.draw;
  map.draw = function () {
    const begin = performance.now();
    draw.call(this);
    drawn.push(performance.now() - begin);
  };
  const frame = () => new Promise(requestAnimationFrame);
  const wheel = (deltaY, x, y) => map.canvas.dispatchEvent(new WheelEvent("wheel",
    { deltaY, clientX: x, clientY: y, bubbles: true, cancelable: true, view: window }));
  const { left, top, width, height } = map.canvas.getBoundingClientRect();
  const drag = (type, x, y) => (type === "mousedown" ? map.canvas : window).dispatchEvent(
    new MouseEvent(type, { clientX: x, clientY: y, bubbles: true, cancelable: true, view: window }));
  const [cx, cy] = [left + width / 2, top + height / 2];
  const steps = {
    // in for a while and out again, so that near and far views both count
    zoom: (t) => wheel(Math.sin(t / 400) * -40, cx, cy),
    pan: (t) => drag("mousemove", cx + Math.sin(t / 300) * width / 3, cy + Math.cos(t / 300) * height / 3),
    glide: (t) => {
      if (Math.floor(t / 1100) === turns) return;
      turns = Math.floor(t / 1100);
      map.setKind(turns % 2 ? "learned" : "plain");
    },
  };
  let turns = -1;
  await frame();
  const begin = performance.now();
  let last = begin;
  if (motion === "pan") drag("mousedown", cx, cy);
  while (last - begin < milliseconds) {
    steps[motion](last - begin);
    await frame();
    const now = performance.now();
    between.push(now - last);
    last = now;
  }
  if (motion === "pan") drag("mouseup", cx, cy);
  delete map.draw;
  return { drawn, between };
}
"""


# The first contentful paint may be the header; the map is there a frame after the page is ready.
READY = """
new MutationObserver(() => requestAnimationFrame(() => { window.drawnAt ??= performance.now(); }))
  .observe(document, { attributes: true, attributeFilter: ["data-state"], subtree: true });
"""


# From a touch until the frame after the answer is there, in milliseconds.
WAITS = """
async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const timed = async (act, there = () => true) => {
    const begin = performance.now();
    act();
    do {
      await frame();
      if (performance.now() - begin > 60_000) throw new Error(`in vain: ${act} ${there}`);
    } while (!there());
    await frame();
    return performance.now() - begin;
  };
  const { data } = atlas;
  const heading = () => document.querySelector("#panel:not([hidden]) h1, #page:not([hidden]) h1");
  const visit = (hash, name) => timed(() => { location.hash = hash; }, () => heading()?.textContent === name);
  const input = document.getElementById("search");
  const found = { index: [await timed(() => data.search(""))] };
  const letters = async (words) => {
    const times = [];
    for (const word of words) for (let i = 1; i <= word.length; i++) times.push(await timed(() => {
      input.value = word.slice(0, i);
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }));
    input.value = "";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    return times;
  };
  found.letter = await letters(["negroni", "lime, gin", "boulevardeir"]);
  found.panel = [];
  for (let i = 0; i < 12; i++) {
    const recipe = Math.floor((i + 0.5) * data.count / 12);
    found.panel.push(await visit(`#/drink/${data.recipes.id[recipe]}`, data.recipes.name[recipe]));
  }
  found.bar = [await visit("#/bar", "My bar")];
  found.tick = [];
  found.bottles = [];
  for (const name of ["London Dry Gin", "Lime Juice", "Sugar", "Campari"]) {
    const id = data.ingredients.id[data.ingredients.name.indexOf(name)];
    const box = document.querySelector(`#page [data-own="${id}"]`);
    const next = () => document.querySelector("#next dl");
    found.tick.push(await timed(() => box.click()));
    found.bottles.push(await timed(() => {}, next));
  }
  return found;
}
"""
# The best bottles to buy, from the question to the worker's answer, for shelves of all sizes; and one search.
SETS = """
async () => {
  const { data, bar } = atlas;
  const Shelf = bar.shelf.constructor;
  const bottles = data.ingredients.own.map((_, i) => i).filter(i => data.ingredients.kind[i] < 2 && data.ingredients.own[i]);
  const timed = async (act) => { const begin = performance.now(); await act(); return performance.now() - begin; };
  const found = { index: [await timed(() => data.search(""))], search: [], sets: [] };
  for (const words of ["n", "ne", "negroni", "boulevardeir", "lime, gin", "campari, sweet vermouth, bourbon"])
    found.search.push(await timed(() => data.search(words)));
  for (const size of [1, 3, 6, 10, 20, 40]) for (const pantry of [false, true]) for (let k = 0; k < 6; k++) {
    const own = Array.from({ length: size }, (_, i) => bottles[(k * 7919 + i * 104729) % bottles.length]);
    bar.shelf = new Shelf(data.stock, own, pantry);
    found.sets.push(await timed(() => bar.best(8)));
  }
  return found;
}
"""
SLOWER = 4
"""Times that the processor is slowed down for a phone."""


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def measure(browser: Browser, path: Path, size: ViewportSize, seconds: float) -> None:
    page = browser.new_page(viewport=size)
    page.add_init_script(READY)
    page.goto(path.resolve().as_uri())
    page.wait_for_selector("html[data-state=ready]", state="attached")
    paint = page.evaluate(
        "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    page.wait_for_timeout(1_500)  # the ground under the points is drawn after them
    drawn_at = page.evaluate("window.drawnAt")
    count = page.evaluate("atlas.data.count")
    print(
        f"{count:,} recipes at {size['width']} x {size['height']}:"
        f" first paint {paint:.0f} ms, map {drawn_at:.0f} ms"
    )
    for motion in ("zoom", "pan", "glide"):
        page.evaluate("atlas.map.show(null)")
        page.wait_for_timeout(900)
        found: dict[str, Any] = page.evaluate(
            RECORD, {"motion": motion, "milliseconds": seconds * 1000}
        )
        drawn, between = found["drawn"], found["between"]
        print(
            f"  {motion:5}  {len(drawn):4} draws"
            f"  draw {quantile(drawn, 0.5):5.1f} / {quantile(drawn, 0.95):5.1f} ms"
            f"  frame {quantile(between, 0.5):5.1f} / {quantile(between, 0.95):5.1f} ms"
            f"  over {FRAME_MS:.1f} ms of drawing:"
            f" {sum(d > FRAME_MS for d in drawn) / max(1, len(drawn)):.0%}"
        )
    page.close()


def _said(found: dict[str, list[float]]) -> str:
    return ", ".join(
        f"{name} {quantile(times, 0.5):.1f}" + (f" / {max(times):.1f}" if len(times) > 1 else "")
        for name, times in found.items()
    )


def measure_waits(browser: Browser, path: Path) -> None:
    """Print what takes long beside the map: here, and on a phone."""
    page = browser.new_page()
    page.goto(path.resolve().as_uri())
    page.wait_for_selector("html[data-state=ready]", state="attached")
    print(f"  here; median / most, ms: {_said(page.evaluate(SETS))}")
    page.close()
    page = browser.new_page(viewport=PHONE, has_touch=True)
    page.add_init_script(READY)
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(path.resolve().as_uri(), timeout=300_000)
    page.wait_for_selector("html[data-state=ready]", state="attached", timeout=300_000)
    page.wait_for_timeout(3_000)
    paint = page.evaluate(
        "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    found = page.evaluate(WAITS)
    print(
        f"  a phone, {SLOWER} times slower: first paint {paint:.0f} ms,"
        f" map {page.evaluate('window.drawnAt'):.0f} ms; median / most, ms: {_said(found)}"
    )
    page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Frame times of pages, median and 95th percentile")
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE")
    parser.add_argument("--seconds", type=float, default=6.0, help="per motion (%(default)s)")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        for path in options.pages:
            for size in (DESKTOP, PHONE):
                measure(browser, path, size, options.seconds)
            measure_waits(browser, path)
        browser.close()


if __name__ == "__main__":
    main()
