"""The comparison of two published sets sees what is apart; it needs no container."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from analytics_core.pipeline import RefreshSettings, refresh
from analytics_core.sample import write_sample_database
from analytics_core.store import LocalStorage
from image.compare import Difference, compare, documents, without_time

Published = dict[str, bytes]
Changed = Callable[[str, Callable[[Any], None]], Difference]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("published")
    write_sample_database(folder / "sample.db")
    settings = RefreshSettings(page=False)
    refresh(folder / "sample.db", LocalStorage(folder / "out"), settings=settings)
    return documents(folder / "out")


@pytest.fixture
def changed(published: Published) -> Changed:
    """The documents, and a function that returns them with one of them changed."""

    def change(name: str, edit: Callable[[Any], None]) -> Difference:
        document = json.loads(published[name])
        edit(document if name == "manifest" else document["data"])
        return compare(published, {**published, name: json.dumps(document).encode()})

    return change


def test_a_set_equals_itself(published: Published) -> None:
    difference = compare(published, copy.deepcopy(published))
    assert (difference.counts, difference.neighbor_lists, difference.cost) == ((), 0, 0.0)
    assert set(difference.map_kept.values()) == {1.0}
    assert set(difference.map_residual.values()) == {0.0}


def test_missing_document_is_told(published: Published) -> None:
    fewer = {name: text for name, text in published.items() if name != "recipe-details"}
    assert compare(published, fewer).counts == (
        "documents: ['recipe-details'] are in one set only",
    )


def test_distance_and_neighbor_are_told(changed: Changed) -> None:
    def move(data: Any) -> None:
        data[3]["neighbors"][0]["distance"] += 1e-6

    def swap(data: Any) -> None:
        near = data[3]["neighbors"]
        near[0], near[1] = near[1], near[0]

    def replace(data: Any) -> None:
        data[3]["neighbors"][0]["neighbor_recipe_id"] = 10**6

    assert changed("recipe-similar", move).cost == pytest.approx(1e-6, rel=1e-6)
    swapped = changed("recipe-similar", swap)
    assert (swapped.neighbor_lists, swapped.swapped) == (1, 1)
    replaced = changed("recipe-similar", replace)
    assert (replaced.neighbor_lists, replaced.swapped) == (1, 0)


def test_count_and_name_are_told(changed: Changed) -> None:
    def rename(data: Any) -> None:
        data[0]["recipe_name"] = "Another"

    def recount(manifest: Any) -> None:
        manifest["counts"]["recipes"] += 1

    assert changed("recipe-details", rename).counts == (
        "recipe-details[0].recipe_name: 'Negroni' and 'Another'",
    )
    assert changed("manifest", recount).counts == ("manifest: counts differs",)


def test_map_may_be_turned_and_mirrored_but_not_torn(changed: Changed) -> None:
    def turn(data: Any) -> None:
        for point in data:
            x, y = point["x"], point["y"]
            point["x"] = -(math.cos(1) * x - math.sin(1) * y) + 5
            point["y"] = math.sin(1) * x + math.cos(1) * y

    def tear(data: Any) -> None:
        for i, point in enumerate(data):
            point["x"] *= (-1) ** i

    turned, torn = (changed("cocktail-space", edit) for edit in (turn, tear))
    assert turned.map_residual["cocktail-space"] < 1e-9
    assert turned.map_kept["cocktail-space"] == pytest.approx(1)
    assert torn.map_residual["cocktail-space"] > 0.1
    assert torn.map_kept["cocktail-space"] < 0.9
    assert torn.map_kept["cocktail-space-em"] == 1


def test_time_is_all_that_is_starred_out(published: Published) -> None:
    kept = without_time("recipe-details", published["recipe-details"])
    document = json.loads(published["recipe-details"])
    assert document["metadata"]["generated_at"].encode() not in kept
    assert json.loads(kept)["data"] == document["data"]
