"""Files of every program go all the way to the page, which is the same whatever they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from analytics_core.pipeline import refresh
from analytics_core.report import render
from analytics_core.settings import RefreshSettings
from analytics_core.store import LocalStorage, read_published
from tests.analytics_core.bars import write_bar
from tests.analytics_core.layout_files import LAYOUTS, RECIPES, write_layout
from tests.analytics_core.report.conftest import Opener


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a refresh publishes of each layout, and the page it made."""
    found = {}
    for layout in LAYOUTS:
        folder = tmp_path_factory.mktemp("layout")
        database, named = write_layout(folder, layout)
        storage = LocalStorage(folder / "out")
        refresh(database, storage, settings=RefreshSettings(layout=named, threads=1))
        found[layout] = (
            read_published(storage),
            folder / "out" / "analytics" / "v1" / "report.html",
        )
    return found


def neighbors(documents: dict[str, Any]) -> dict[str, list[tuple[str, Any]]]:
    return {
        row["recipe_name"]: [
            (n["neighbor_name"], pytest.approx(n["distance"], abs=1e-9)) for n in row["neighbors"]
        ]
        for row in documents["recipe-similar"]["data"]
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_documents_are_the_same_whatever_the_layout(published: dict[str, Any], layout: str) -> None:
    documents, _ = published[layout]
    site, _ = published["cocktaildb"]
    manifest = documents["manifest"]
    assert manifest["warnings"] == []
    assert manifest["database"]["layout"] == layout.removesuffix(".toml")
    assert manifest["database"]["bar"] == (
        "Home Bar (id 1, home-bar)" if layout == "bar-assistant" else None
    )
    assert len(documents["recipe-similar"]["data"]) == RECIPES
    assert neighbors(documents) == neighbors(site)
    if layout != "table":  # whose ingredients have ids of their own, which settle ties
        for kind in ("recipe-similar", "ingredient-substitutes", "cocktail-space-em"):
            assert documents[kind]["data"] == site[kind]["data"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_page_opens_on_every_layout(
    open_page: Opener, published: dict[str, Any], layout: str
) -> None:
    documents, path = published[layout]
    row = documents["recipe-similar"]["data"][0]
    page = open_page(path, f"#/drink/{row['recipe_id']}")
    expect(page.locator("#panel h1")).to_have_text(row["recipe_name"])
    near = page.locator(".neighbors > li a.drink").first
    expect(near).to_have_text(row["neighbors"][0]["neighbor_name"])


def test_the_page_of_a_bar_with_everything_in_it(open_page: Opener, tmp_path: Path) -> None:
    database = write_bar(tmp_path / "database.ba3.sqlite")
    storage = LocalStorage(tmp_path / "out")
    refresh(database, storage, settings=RefreshSettings(threads=1))
    documents = read_published(storage)
    sour = next(row for row in documents["recipe-details"]["data"] if row["optional"])
    path = tmp_path / "page.html"
    path.write_text(render(documents), encoding="utf-8")
    page = open_page(path, f"#/drink/{sour['recipe_id']}")
    expect(page.locator("#panel h1")).to_have_text("Gin Sour")
    expect(page.locator("#panel")).to_contain_text("Lime juice")
