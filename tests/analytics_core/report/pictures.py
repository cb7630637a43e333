"""Takes the pictures in docs/images: `python -m tests.analytics_core.report.pictures PAGE FOLDER`.

The pictures follow the visit that the page is made for: what is like a
Negroni, and how does one get there from what stands on the shelf?
"""

from __future__ import annotations

import argparse
import base64
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.analytics_core.report.conftest import DESKTOP, FLAGS, PHONE, find_chromium

SHELF = ["Campari", "Sweet Vermouth", "Prosecco", "Soda Water", "Bourbon"]
TONIGHT = ["London Dry Gin", "Lime Juice", "Sugar", "Campari"]
LARGEST = 150_000
QUALITY = 88


def take(page: Page, path: Path) -> None:
    page.wait_for_timeout(800)  # the ground, the typeface, names drawn over several frames
    # WebP by way of the protocol: Playwright itself writes only PNG and JPEG
    session = page.context.new_cdp_session(page)
    size = page.viewport_size
    assert size
    sharpness = page.evaluate("devicePixelRatio")
    clip = {"x": 0, "y": 0, **size, "scale": sharpness}
    shot = session.send(
        "Page.captureScreenshot", {"format": "webp", "quality": QUALITY, "clip": clip}
    )
    content = base64.b64decode(shot["data"])
    if len(content) > LARGEST:
        raise SystemExit(f"{path.name} takes {len(content):,} bytes, more than {LARGEST:,}")
    path.write_bytes(content)
    page.context.close()  # one picture each: after a capture the emulated screen is coarser
    print(f"{path}  {len(content):,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the documentation's pictures of a page")
    parser.add_argument("page", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    address = options.page.resolve().as_uri()
    options.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)

        def visit(size: ViewportSize, theme: str, shelf: Sequence[str] = SHELF) -> Page:
            context = browser.new_context(
                viewport=size,
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
                device_scale_factor=2 if size is PHONE else 1,
            )
            page = context.new_page()
            page.goto(address)
            page.wait_for_selector("html[data-state=ready]", state="attached")
            page.evaluate(
                "names => atlas.bar.addAll(names.map(n => atlas.data.ingredients.name.indexOf(n)))",
                list(shelf),
            )
            return page

        def drink(page: Page, name: str) -> int:
            return int(
                page.evaluate(
                    "n => atlas.data.recipes.id[atlas.data.recipes.name.indexOf(n)]", name
                )
            )

        for size, screen in ((DESKTOP, "desktop"), (PHONE, "phone")):
            for theme in ("light", "dark"):
                page = visit(size, theme)
                take(page, options.folder / f"page-map-{screen}-{theme}.webp")
                page = visit(size, theme)
                page.fill("#search", "Negroni")
                page.locator("#found li").first.click()
                page.get_by_label("from my bar").check()
                if size is PHONE:
                    page.locator("#panel section").first.evaluate("e => e.scrollIntoView()")
                take(page, options.folder / f"page-negroni-{screen}-{theme}.webp")
        for size, screen, theme in (
            (DESKTOP, "desktop", "light"),
            (PHONE, "phone", "light"),
            (PHONE, "phone", "dark"),
        ):
            page = visit(size, theme, TONIGHT)
            page.evaluate("location.hash = '#/bar'")
            two = page.locator("#next dt", has_text="Two bottles").locator("+ dd summary")
            two.click()
            if size is PHONE:
                page.locator(".tally button").first.click()
            take(page, options.folder / f"page-bar-{screen}-{theme}.webp")
        page = visit(DESKTOP, "light")
        page.goto(f"{address}#/compare/{drink(page, 'Negroni')}/{drink(page, 'Boulevardier')}")
        take(page, options.folder / "page-compare.webp")
        page = visit(DESKTOP, "dark")
        page.goto(f"{address}#/ingredients")
        take(page, options.folder / "page-ingredients.webp")
        browser.close()


if __name__ == "__main__":
    main()
