"""Documents in detail: order, rounding, what is left out, bytes."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_core import LocalStorage, refresh
from analytics_core import documents as published
from analytics_core.documents import Provenance, encode
from analytics_core.encoding import to_json
from analytics_core.sample import write_sample_database
from analytics_core.similar import Similar, _rounded, recipe_similar
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import build_mixtures
from analytics_core.similarity.neighbors import KnnGraph
from analytics_core.similarity.transport import PairPlans
from analytics_core.similarity.usage import count_usage
from analytics_core.source.cocktaildb import load_catalog
from analytics_core.store import read_published
from analytics_core.store.ranges import SIMILAR
from analytics_core.wording import say
from tests.analytics_core.databases import (
    DASH,
    EACH,
    OUNCE,
    TO_RINSE,
    TO_TOP,
    write_database,
)

PROVENANCE = Provenance("run-1", "2026-11-25T00:00:00+00:00", "f" * 64, "0.1.0")


@pytest.fixture
def bar(tmp_path: Path) -> Any:
    """Two recipes with every kind of line: (catalog, tree, mixtures, usage)."""
    path = write_database(
        tmp_path / "bar.db",
        recipes=[(1, "Fizz"), (2, "Sazerac")],
        lines=[
            (1, 7, EACH, 30.0),  # 1 ml, listed last whatever its number
            (1, 4, DASH, 1.0),
            (1, 17, OUNCE, 2.0),
            (1, 5, TO_TOP, None),
            (2, 6, TO_RINSE, None),
            (2, 20, OUNCE, 2.0),
            (2, 20, OUNCE, 0.25),
            (2, 4, None, None),
        ],
    )
    catalog = load_catalog(path)
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    return catalog, tree, build_mixtures(catalog, tree), count_usage(catalog, tree)


def test_a_document_is_one_line_of_json_with_its_provenance() -> None:
    data = encode("recipe-complexity", iter([{"a": 1}, {"a": 2}]), PROVENANCE)
    assert data.endswith(b"}\n")
    assert data.count(b"\n") == 1
    assert json.loads(data) == {
        "data": [{"a": 1}, {"a": 2}],
        "metadata": {
            "generated_at": "2026-11-25T00:00:00+00:00",
            "storage_version": "v1",
            "analytics_type": "recipe-complexity",
            "run_id": "run-1",
            "database_fingerprint": "f" * 64,
            "code_version": "0.1.0",
        },
    }
    assert json.loads(encode("x", iter([]), PROVENANCE))["data"] == []
    assert json.loads(encode("x", {"id": "root"}, PROVENANCE))["data"] == {"id": "root"}


def test_text_stays_as_it_is_and_lone_surrogates_do_no_harm() -> None:
    data = encode("x", iter([{"name": "Piña 🍸 \ud800"}]), PROVENANCE)
    assert "Piña 🍸 ?".encode() in data


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_no_document(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"distance": number})


def test_ingredients_are_listed_largest_volume_first_and_each_last(bar: Any) -> None:
    catalog, *_ = bar
    rows = list(published.cocktail_space(catalog, np.array([[0.1 + 0.2, -0.0], [1.0, 2.0]])))
    assert rows[0] == {
        "recipe_id": 1,
        "recipe_name": "Fizz",
        "x": 0.3,
        "y": 0.0,
        "ingredients": ["Soda Water", "London Dry Gin", "Angostura Bitters", "Egg White"],
    }
    assert rows[1]["ingredients"] == ["Bourbon", "Absinthe", "Angostura Bitters"]
    assert str(rows[0]["y"]) == "0.0"


def test_details_tell_what_is_poured_and_the_base(bar: Any) -> None:
    catalog, tree, *_ = bar
    fizz, sazerac = published.recipe_details(catalog, tree)
    # not the soda, though there is more of it
    assert (fizz["base_ingredient_id"], fizz["base_ingredient_name"]) == (1, "Spirit")
    assert (sazerac["base_ingredient_id"], sazerac["base_ingredient_name"]) == (1, "Spirit")
    gin = fizz["lines"][1]
    assert gin == {
        "ingredient_id": 17,
        "ingredient_name": "London Dry Gin",
        "rolled_id": 10,
        "rolled_name": "Gin",
        "amount": 2.0,
        "unit": "Ounce",
        "volume_ml": 59.147,
        "fraction": pytest.approx(59.147 / (59.147 + 90 + 1 + 0.616115), abs=1e-9),
    }
    egg = fizz["lines"][-1]
    assert (egg["unit"], egg["amount"], egg["volume_ml"]) == ("Each", 30.0, 1.0)
    bitters = sazerac["lines"][-1]
    assert (bitters["unit"], bitters["amount"], bitters["volume_ml"]) == (None, None, 1.0)
    assert [line["amount"] for line in sazerac["lines"]] == [2.0, 0.25, None, None]


def test_an_equal_base_is_the_one_of_lower_id(tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db", recipes=[(1, "Half")], lines=[(1, 5, OUNCE, 1.0), (1, 3, OUNCE, 1.0)]
    )
    catalog = load_catalog(path)
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    (half,) = published.recipe_details(catalog, tree)
    assert half["base_ingredient_name"] == "Campari"


def test_usage_lists_roots_most_used_first_ties_by_id(bar: Any) -> None:
    catalog, tree, _, usage = bar
    rows = list(published.ingredient_usage(catalog, tree, usage))
    assert [(row["ingredient_id"], row["hierarchical_usage"]) for row in rows] == [
        (1, 2),
        (4, 2),
        (5, 1),
        (6, 1),
        (7, 1),
        (2, 0),
        (3, 0),
    ]
    assert rows[0] == {
        "ingredient_id": 1,
        "ingredient_name": "Spirit",
        "path": "/1/",
        "parent_id": None,
        "allow_substitution": False,
        "direct_usage": 0,
        "hierarchical_usage": 2,
        "has_children": True,
    }


def test_complexity_counts_distinct_ingredients(bar: Any) -> None:
    *_, usage = bar
    assert list(published.recipe_complexity(usage)) == [
        {"ingredient_count": 3, "recipe_count": 1},
        {"ingredient_count": 4, "recipe_count": 1},
    ]


def test_the_tree_is_nested_as_the_parents_say(bar: Any) -> None:
    catalog, tree, _, usage = bar
    root = published.ingredient_tree(catalog, tree, usage)
    assert (root["id"], root["name"], root["edge_weight"]) == ("root", "All Ingredients", 0.0)
    assert (root["recipe_count"], root["hierarchical_recipe_count"]) == (0, 2)
    assert [node["id"] for node in root["children"]] == ["1", "2", "3", "4", "5", "6", "7"]
    spirit = root["children"][0]
    gin = spirit["children"][0]
    assert (gin["name"], [leaf["name"] for leaf in gin["children"]]) == (
        "Gin",
        ["London Dry Gin", "Old Tom Gin"],
    )
    dry = gin["children"][0]
    assert dry["allow_substitution"] is True
    assert dry["edge_weight"] == 1.0
    assert (gin["recipe_count"], gin["hierarchical_recipe_count"]) == (0, 1)


def test_plans_leave_out_what_stays_and_what_is_rounding(bar: Any) -> None:
    catalog, tree, mixtures, _ = bar
    graph = KnnGraph(np.array([[1], [0]], np.int32), np.array([[0.5], [0.5]]))
    ids = mixtures.ingredient_ids.tolist()
    gin, bitters, bourbon = ids.index(10), ids.index(4), ids.index(11)
    plans = PairPlans(
        indptr=np.array([0, 3, 4]),
        source=np.array([gin, bitters, gin, bourbon], np.int32),
        target=np.array([bourbon, bitters, bitters, gin], np.int32),
        mass=np.array([0.123456789123, 0.5, 1e-10, 1.0]),
    )
    cost = np.ones((mixtures.in_play.size,) * 2)
    fizz, sazerac = recipe_similar(
        Similar(catalog, tree, mixtures, graph, lambda _first, _last: plans, cost), 2
    )
    (near,) = fizz["neighbors"]
    assert near.pop("steps")
    assert near.pop("words")
    assert fizz["neighbors"] == [
        {
            "neighbor_recipe_id": 2,
            "neighbor_name": "Sazerac",
            "distance": 0.5,
            "transport_plan": [
                {
                    "from_ingredient_id": 10,
                    "from_ingredient_name": "Gin",
                    "to_ingredient_id": 11,
                    "to_ingredient_name": "Whiskey",
                    "mass": 0.123456789,
                }
            ],
        }
    ]
    (back,) = sazerac["neighbors"][0]["transport_plan"]
    assert (back["from_ingredient_id"], back["to_ingredient_id"]) == (11, 10)


def similar(bar: Any, moves: Any, cost: Any = None) -> Any:
    """The neighbors of the fizz and of the Sazerac, with plans of (from, to, mass) each."""
    catalog, tree, mixtures, _ = bar
    ids = mixtures.ingredient_ids.tolist()
    flows = [flow for own in moves for flow in own]
    plans = PairPlans(
        indptr=np.cumsum([0, *map(len, moves)]),
        source=np.array([ids.index(a) for a, _, _ in flows], np.int32),
        target=np.array([ids.index(b) for _, b, _ in flows], np.int32),
        mass=np.array([mass for _, _, mass in flows]),
    )
    graph = KnnGraph(np.array([[1], [0]], np.int32), np.array([[0.5], [0.5]]))
    if cost is None:
        cost = np.ones((len(ids),) * 2)
    rows = recipe_similar(
        Similar(catalog, tree, mixtures, graph, lambda _first, _last: plans, cost), 2
    )
    return [row["neighbors"][0] for row in rows]


def test_steps_name_the_bottles_that_the_recipes_name(bar: Any) -> None:
    there, back = similar(bar, [[(10, 11, 0.5)], [(11, 10, 0.5)]])
    assert there["words"] == (
        "leave out the Soda Water; swap 2 oz London Dry Gin for 2¼ oz Bourbon;"
        " rinse the glass with Absinthe, and 1 more change; Angostura Bitters stays"
    )
    assert back["words"] == (
        "top with Soda Water; swap 2¼ oz Bourbon for 2 oz London Dry Gin;"
        " leave out the Absinthe, and 1 more change; Angostura Bitters stays"
    )
    swap = there["steps"][1]
    assert swap["from"] == [
        {
            "ingredient_id": 17,
            "ingredient_name": "London Dry Gin",
            "ml": 59.147,
            "amount": 2.0,
            "unit": "Ounce",
        }
    ]
    assert [(p["ingredient_id"], p["ml"], p["amount"]) for p in swap["to"]] == [(20, 66.5404, 2.25)]
    (stays,) = (step for step in there["steps"] if step["kind"] == "stays")
    assert (stays["ingredient_id"], stays["amount"], stays["unit"]) == (4, 1.0, "Dash")


def test_words_say_the_steps_also_where_names_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "bar.db"
    write_sample_database(path, recipes=80)
    with closing(sqlite3.connect(path)) as rows, rows:
        rows.execute("UPDATE ingredients SET name = 'LIME  juice' WHERE name = 'Lemon Juice'")
    refresh(path, LocalStorage(tmp_path / "out"))
    kept = read_published(LocalStorage(tmp_path / "out"), kinds=[SIMILAR])[SIMILAR]["data"]
    near = [neighbor for row in kept for neighbor in row["neighbors"]]
    for neighbor in near:
        steps, same_mix = neighbor["steps"], not neighbor["transport_plan"]
        assert neighbor["words"] == say(steps, same_mix=same_mix)
    assert any("LIME  juice (id " in neighbor["words"] for neighbor in near)
    assert any(re.search(r"LIME  juice(?! \(id )", neighbor["words"]) for neighbor in near)


@given(st.lists(st.floats(0, 1) | st.integers(0, 10**9 - 1).map(lambda n: (n + 0.5) / 1e9)))
def test_many_numbers_are_rounded_as_one_is(numbers: list[float]) -> None:
    assert _rounded(np.array(numbers)).tolist() == [round(number, 9) for number in numbers]


@pytest.mark.parametrize("unit_of_cost", [1.0, 7.5])
@pytest.mark.parametrize(
    ("cost", "kinds"), [(0.84, ["swap", "stays"]), (0.86, ["swap", "add", "stays"])]
)
def test_costs_are_taken_relative_to_their_median(
    tmp_path: Path, unit_of_cost: float, cost: Any, kinds: Any
) -> None:
    path = write_database(
        tmp_path / "bar.db",
        ingredients=[
            (4, "Campari", None, "/4/", 0),
            (5, "Aperol", None, "/5/", 0),
            (6, "Vermouth", None, "/6/", 0),
            (7, "Egg White", None, "/7/", 0),
        ],
        recipes=[(1, "Neat"), (2, "Half and half")],
        lines=[
            *((1, 4, OUNCE, 2.0), (1, 7, OUNCE, 1.0)),
            *((2, 5, OUNCE, 1.0), (2, 6, OUNCE, 1.0), (2, 7, OUNCE, 1.0)),
        ],
    )
    catalog = load_catalog(path)
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    mixtures = build_mixtures(catalog, tree)
    costs = np.ones((mixtures.in_play.size,) * 2)
    costs[0, 1] = costs[1, 0] = 0.5  # two of six: the median is 1
    costs[0, 2] = costs[2, 0] = cost
    moves = [[(4, 5, 0.5), (4, 6, 0.5)], [(5, 4, 0.5), (6, 4, 0.5)]]
    there, _ = similar((catalog, tree, mixtures, None), moves, costs * unit_of_cost)
    assert [step["kind"] for step in there["steps"]] == kinds


def test_substitutes_are_used_ingredients_cheapest_first(bar: Any) -> None:
    catalog, _, mixtures, _ = bar
    width = mixtures.in_play.size
    cost = np.abs(np.subtract.outer(np.arange(width), np.arange(width))).astype(float)
    rows = list(published.ingredient_substitutes(catalog, mixtures, cost))
    ids = mixtures.ingredient_ids.tolist()
    used = {ids[c] for c in np.unique(mixtures.columns)}
    assert [row["ingredient_id"] for row in rows] == ids
    assert 1 in ids  # Spirit: an ancestor, in play, and never used itself
    assert 1 not in used
    for row in rows:
        listed = [entry["ingredient_id"] for entry in row["substitutes"]]
        assert set(listed) == used - {row["ingredient_id"]}
        costs = [entry["cost"] for entry in row["substitutes"]]
        assert costs == sorted(costs)
        for (one, price), (other, same) in zip(
            zip(listed, costs, strict=True), list(zip(listed, costs, strict=True))[1:], strict=False
        ):
            assert price < same or one < other  # ties by id
