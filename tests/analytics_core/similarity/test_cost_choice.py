"""The default cost does what it was chosen for: it agrees with bartenders."""

from __future__ import annotations

from typing import Any

import pytest

from analytics_core.sample import write_sample_database
from analytics_core.similarity.ground_cost import PRESETS
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import build_mixtures
from analytics_core.source.cocktaildb import load_catalog
from benchmarks.cost_settings import Yardstick, distances_under


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    database = tmp_path_factory.mktemp("sample") / "sample.db"
    write_sample_database(database)
    catalog = load_catalog(database)
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    mixtures = build_mixtures(catalog, tree)
    yardstick = Yardstick(catalog)
    return {
        name: yardstick.score(distances_under(mixtures, tree, settings))
        for name, settings in PRESETS.items()
    }


def test_the_default_is_well_ahead_of_the_reference(scores: dict[str, Any]) -> None:
    assert scores["learned"].both > scores["reference"].both + 0.05


def test_the_default_is_not_behind_the_plain_tree(scores: dict[str, Any]) -> None:
    assert scores["learned"].both >= scores["tree"].both


def test_nine_in_ten_triplets_come_out_as_bartenders_say(scores: dict[str, Any]) -> None:
    assert scores["learned"].triplets >= 0.9
