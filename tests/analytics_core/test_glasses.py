"""What is known of each pour of a database's recipes, with a tree of ingredients and without."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from analytics_core import LocalStorage, RefreshSettings, refresh
from analytics_core.glasses import Pour, glasses_of
from analytics_core.sample import write_sample_database
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.source.cocktaildb import load_catalog
from analytics_core.store import read_published
from tests.analytics_core.databases import OUNCE, write_database

ROWS = [
    (1, "Spirits", None, "/1/", 0),
    (2, "Malört", 1, "/1/2/", 0),
    (3, "Mixers", None, "/3/", 0),
    (4, "Hot Water", 3, "/3/4/", 0),
    (5, "Soda Water", 3, "/3/5/", 0),
    (6, "Egg White", None, "/6/", 0),
    (7, "Suze", None, "/7/", 0),
]


def pours(path: Path) -> dict[str, Pour]:
    catalog = load_catalog(path)
    (glass,) = glasses_of(catalog, IngredientTree.from_ingredients(catalog.ingredients))
    return {pour.name: pour for pour in glass.pours.values()}


def test_family_and_role_are_what_the_tree_and_its_names_say(tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db",
        ingredients=ROWS,
        recipes=[(1, "All of it")],
        lines=[(1, key, OUNCE, 1.0) for key in (2, 4, 5, 6, 7)],
    )
    said = {name: (pour.family, pour.does, pour.water) for name, pour in pours(path).items()}
    assert said == {
        "Malört": (1, "spirit", None),
        "Hot Water": (3, "lengthener", "water"),
        "Soda Water": (3, "lengthener", "soda"),
        "Egg White": (None, "lengthener", None),  # alone: nothing is of its family
        "Suze": (None, "other", None),
    }


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """Sentences of the sample without its tree."""
    folder = tmp_path_factory.mktemp("flat")
    write_sample_database(folder / "bar.db", recipes=120)
    with closing(sqlite3.connect(folder / "bar.db")) as rows, rows:
        rows.execute("UPDATE ingredients SET parent_id = NULL, path = '/' || id || '/'")
    storage = LocalStorage(folder / "out")
    refresh(folder / "bar.db", storage, settings=RefreshSettings(page=False))
    kept = read_published(storage, kinds=["recipe-similar"])["recipe-similar"]["data"]
    return {
        (row["recipe_name"], near["neighbor_name"]): near["words"]
        for row in kept
        for near in row["neighbors"]
    }


def test_without_a_tree_swaps_are_swaps(words: dict[tuple[str, str], str]) -> None:
    assert words["Negroni", "Boulevardier"] == (
        "swap 1 oz London Dry Gin for 1½ oz Bourbon; Campari and Sweet Vermouth stay"
    )
    swapped = [sentence for sentence in words.values() if "swap" in sentence]
    assert len(swapped) > len(words) / 2
