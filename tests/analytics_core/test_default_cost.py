"""The documents of the default settings, found again by brute force with POT.

Neighbors are measured on the masses that the settings name, plans pour plain volumes. What the
ingredients cost is taken as it is; tests of the cost itself are elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import ot
import pytest

from analytics_core.pipeline import refresh
from analytics_core.settings import RefreshSettings
from analytics_core.stages import unpack
from analytics_core.store import LocalStorage, read_published
from analytics_core.store.cache import Cache
from tests.analytics_core.databases import cut_down_sample
from tests.oracle import Oracle

SETTINGS = RefreshSettings(page=False)
NEAR = 1e-6  # documents have nine decimals, and volumes of two lines may add up


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("default")
    refresh(
        cut_down_sample(folder / "sample.db", 50), LocalStorage(folder / "out"), settings=SETTINGS
    )
    return folder


@pytest.fixture(scope="module")
def documents(folder: Path) -> Any:
    return read_published(LocalStorage(folder / "out"))


@pytest.fixture(scope="module")
def oracle(folder: Path, documents: Any) -> Oracle:
    """The oracle, with the volumes that are published."""
    oracle = Oracle(folder / "sample.db")
    for row in documents["recipe-details"]["data"]:
        volumes: dict[int, float] = defaultdict(float)
        for line in row["lines"]:
            volumes[line["rolled_id"]] += line["volume_ml"]
        whole = sum(volumes.values())
        oracle.mixture[row["recipe_id"]] = {i: v / whole for i, v in volumes.items() if v > 0}
    return oracle


@pytest.fixture(scope="module")
def cost(folder: Path, oracle: Oracle) -> Any:
    """The cost that distances were measured with, by the oracle's columns."""
    storage = LocalStorage(folder / "out")
    (key,) = storage.list("work/cost/")
    kept = Cache(storage).load("cost", Path(key).stem)
    assert kept is not None
    arrays = unpack(kept)
    found = arrays.get("apart", arrays["cost"])
    assert found.shape == (len(oracle.ingredients),) * 2
    return found


@pytest.fixture(scope="module")
def rows(documents: Any, oracle: Oracle) -> Any:
    found = {row["recipe_id"]: row["neighbors"] for row in documents["recipe-similar"]["data"]}
    assert sorted(found) == oracle.recipes
    return found


def test_the_default_measures_likeness_on_compressed_masses() -> None:
    """Guards the tests below: with a power of 1 they would not tell masses from volumes."""
    assert 0 < SETTINGS.preset.power < 0.9


def test_neighbors_are_those_of_brute_force(rows: Any, oracle: Oracle, cost: Any) -> None:
    at = {recipe: number for number, recipe in enumerate(oracle.recipes)}
    distances = oracle.distances(cost, SETTINGS.preset.power)
    on_volumes = oracle.distances(cost, 1.0)
    for recipe, neighbors in rows.items():
        own = distances[at[recipe]]
        told = [n["distance"] for n in neighbors]
        ids = [at[n["neighbor_recipe_id"]] for n in neighbors]
        assert len(set(ids)) == SETTINGS.neighbors
        np.testing.assert_allclose(told, own[ids], rtol=0, atol=NEAR)
        least = np.sort(np.delete(own, at[recipe]))[: SETTINGS.neighbors]
        np.testing.assert_allclose(told, least, rtol=0, atol=NEAR)
    assert np.abs(distances - on_volumes).max() > 1000 * NEAR


def test_plans_pour_one_drink_into_the_other_at_least_cost(
    rows: Any, oracle: Oracle, cost: Any
) -> None:
    for recipe, neighbors in rows.items():
        own = oracle.mixture[recipe]
        for n in neighbors:
            other = oracle.mixture[n["neighbor_recipe_id"]]
            left: dict[int, float] = defaultdict(float, own)
            spent = 0.0
            for flow in n["transport_plan"]:
                source, target = flow["from_ingredient_id"], flow["to_ingredient_id"]
                left[source] -= flow["mass"]
                left[target] += flow["mass"]
                spent += flow["mass"] * cost[oracle.column[source], oracle.column[target]]
            for ingredient in own.keys() | other.keys() | left.keys():
                assert left[ingredient] == pytest.approx(other.get(ingredient, 0.0), abs=NEAR)
            a, b = (np.array([mix.get(i, 0.0) for i in oracle.ingredients]) for mix in (own, other))
            assert spent == pytest.approx(ot.emd2(a / a.sum(), b / b.sum(), cost), abs=10 * NEAR)
