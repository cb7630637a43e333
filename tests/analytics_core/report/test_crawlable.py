"""The crawlable pages as a browser shows them, with and without scripts."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ViewportSize

from analytics_core.store import LocalStorage
from analytics_core.website import write_site
from analytics_core.website.picture import map_picture
from tests.analytics_core.report.conftest import DESKTOP, PHONE, WATCH, axe_problems
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
        assert axe_problems(page) == []
    assert errors == []
    context.close()


PIXELS = """
async ([data, places]) => {
  const image = new Image();
  image.src = data;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const draw = canvas.getContext("2d");
  draw.drawImage(image, 0, 0);
  const at = ([x, y]) => [...draw.getImageData(x, y, 1, 1).data].slice(0, 3);
  return [image.naturalWidth, image.naturalHeight, places.map(at)];
}
"""


def test_the_picture_for_previews_has_every_drink_where_it_is_on_the_map(browser: Browser) -> None:
    places = {1: (0.0, 0.0), 2: (2.0, 0.0), 3: (2.0, 1.0)}
    bases = {1: 7, 2: 7, 3: 8}
    content = map_picture(
        [{"recipe_id": key, "x": x, "y": y} for key, (x, y) in places.items()],
        [{"recipe_id": key, "base_ingredient_id": base} for key, base in bases.items()],
    )
    data = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    # 1080 by 510 pixels are free, so that one unit has 510; up is up
    looked_at = [[90, 570], [1110, 570], [1110, 60], [600, 315]]
    page = browser.new_page()
    width, height, colors = page.evaluate(PIXELS, [data, looked_at])
    page.close()
    assert (width, height) == (1200, 630)
    blue, orange, ground = [0, 114, 178], [213, 94, 0], [250, 246, 238]
    assert colors == [blue, blue, orange, ground]


@pytest.mark.parametrize("places", [[], [(1.0, 1.0)], [(1.0, 1.0)] * 3, [(0.0, 0.0), (0.0, 1e9)]])
def test_any_map_makes_a_picture(places: list[tuple[float, float]]) -> None:
    rows = [{"recipe_id": key, "x": x, "y": y} for key, (x, y) in enumerate(places)]
    content = map_picture(rows, [])
    assert content.startswith(b"\x89PNG")
    assert map_picture(rows, []) == content


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
