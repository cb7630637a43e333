"""A real Chromium, driven by Playwright, that looks at pages made from documents."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from analytics_core.report import render
from tests.analytics_core.report.documents import make_documents

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PACKAGES = ["chromium", "fonts-noto-core", "fonts-noto-color-emoji"]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1440, "height": 900}
TABLET: ViewportSize = {"width": 768, "height": 1024}


def find_chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    if os.environ.get("CI"):
        if os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "update", "-q"], check=False)
            subprocess.run(["apt-get", "install", "-yq", *PACKAGES], check=True)
            if found := shutil.which("chromium"):
                return found
        pytest.fail("no Chromium, and CI must not go without: apt-get install chromium")
    pytest.skip(
        "the page's tests need Chromium, and this machine has none; "
        "install it with `apt-get install chromium` or your system's package manager"
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def sample_documents() -> dict[str, Any]:
    return make_documents()


@pytest.fixture(scope="session")
def sample_page(sample_documents: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(sample_documents), encoding="utf-8")
    return path


WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) =>
  window.violations.push(e.violatedDirective + " " + e.blockedURI));
window.shift = 0;
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) if (!e.hadRecentInput) window.shift += e.value;
}).observe({ type: "layout-shift", buffered: true });
"""

Opener = Callable[..., Page]
PATIENCE_S = 20


def wait_until(page: Page, condition: str, arg: Any = None) -> None:
    """Wait for a condition: Playwright's own way evaluates text in the page, against the policy."""
    begin = time.monotonic()
    while not page.evaluate(condition, arg):
        assert time.monotonic() - begin < PATIENCE_S, f"in vain: {condition}"
        page.wait_for_timeout(30)


UNDECIDED = {"color-contrast"}
"""What axe leaves open wherever something lies over or under a text; all else is to be decided."""


def reload(page: Page) -> None:
    """Reload; where the browser has lost what it stored, put that back and reload again.

    Chromium does so with files under load, in about one of 30 reloads.
    """
    stored = page.evaluate("Object.entries(localStorage)")
    for _ in range(10):
        page.reload()
        if not stored or page.evaluate("localStorage.length"):
            return
        page.evaluate("all => all.forEach(([key, v]) => localStorage.setItem(key, v))", stored)
    raise AssertionError("the browser stores nothing")


def axe_problems(page: Page) -> list[str]:
    """What axe finds wrong, and what it leaves open: a forbidden label counts there only."""
    # what is replaced while axe looks stays open, too
    wait_until(page, "!document.querySelector('[aria-busy=true]')")
    result = Axe().run(page)
    left = [problem for problem in result["incomplete"] if problem["id"] not in UNDECIDED]
    return [
        f"{problem['id']}: {[node['html'][:120] for node in problem['nodes'][:3]]}"
        for problem in [*result["violations"], *left]
    ]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opener]:
    """Open a file; at the end nothing may have broken, leaked out or violated the policy."""
    contexts = []
    troubles: list[str] = []
    pages: list[Page] = []

    def opener(
        path: Path, route: str = "#/", *, size: ViewportSize = DESKTOP, **options: Any
    ) -> Page:
        options.setdefault("reduced_motion", "reduce")
        context = browser.new_context(viewport=size, **options)
        contexts.append(context)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on(
            "console",
            lambda message: troubles.append(message.text) if message.type == "error" else None,
        )
        page.on(
            "request",
            lambda request: (
                troubles.append(f"request: {request.url[:200]}")
                if not request.url.startswith(("file:", "data:", "blob:"))
                else None
            ),
        )
        page.goto(path.as_uri() + route)
        page.wait_for_selector("html[data-state=ready]", state="attached")
        pages.append(page)
        return page

    yield opener
    violations = [v for page in pages for v in page.evaluate("window.violations")]
    for context in contexts:
        context.close()
    assert not troubles
    assert not violations
