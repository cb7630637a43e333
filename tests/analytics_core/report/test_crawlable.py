"""The crawlable pages as a browser shows them, with and without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, ViewportSize

from analytics_core.site import write_site
from analytics_core.store import LocalStorage
from tests.analytics_core.report.conftest import DESKTOP, PHONE, WATCH
from tests.analytics_core.report.documents import documents_from

KEYS = ("index.html", "drinks/negroni-1.html", "ingredients/campari-4.html")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few drinks: axe takes long for each link."""
    names = ("Gin", "London Dry Gin", "Bourbon", "Campari", "Sweet Vermouth", "Dry Vermouth")
    ingredients = [(key, name, 1 if key == 2 else None, 0) for key, name in enumerate(names, 1)]
    drinks = {"Negroni": (2, 4, 5), "Boulevardier": (3, 4, 5), "Cardinale": (2, 4, 6)}
    documents = documents_from(
        ingredients,
        [
            (recipe, name, line, 1.0, "Ounce", 29.5735)
            for recipe, (name, lines) in enumerate(drinks.items(), 1)
            for line in lines
        ],
    )
    folder = tmp_path_factory.mktemp("site")
    write_site(documents, LocalStorage(folder))
    return folder


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
def test_axe_and_the_policy_find_nothing(
    browser: Browser, folder: Path, size: ViewportSize, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme)
    context.add_init_script(WATCH)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    for key in KEYS:
        page.goto((folder / key).as_uri())
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(250, 246, 238)", "dark": "rgb(21, 22, 28)"}[scheme]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("window.violations") == []
        assert Axe().run(page)["violations"] == []
    assert errors == []
    context.close()


def test_a_reader_without_scripts_gets_from_drink_to_ingredient_to_drink(
    browser: Browser, folder: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    for name in ("Negroni", "Campari", "Boulevardier"):
        page.get_by_role("link", name=name, exact=True).first.click()
        assert page.get_by_role("heading", level=1).inner_text() == name
    assert page.get_by_text("1 oz Campari").first.is_visible()
    context.close()
