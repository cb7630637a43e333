"""Substitutes that recipes speak for, and those that none does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from analytics_core.documents import ingredient_substitutes
from analytics_core.sample import write_sample_database
from analytics_core.similarity.evidence import gather_evidence
from analytics_core.similarity.ground_cost import LEARNED, learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import build_mixtures
from analytics_core.source.cocktaildb import load_catalog
from tests.strategies import ingredients_of, mixtures_of


class Sample(NamedTuple):
    """Rows of substitutes by name; the root of each ingredient; what recipes name."""

    rows: dict[str, Any]
    root: dict[str, str]
    named: set[str]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    path: Path = tmp_path_factory.mktemp("sample") / "sample.db"
    write_sample_database(path)
    catalog = load_catalog(path, volumes="poured")
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    mixtures = build_mixtures(catalog, tree)
    evidence = gather_evidence(mixtures, mixtures.compressed(LEARNED.power), tree)
    cost = learn_cost(mixtures, tree).cost
    names = catalog.ingredients.names
    return Sample(
        {
            row["ingredient_name"]: row
            for row in ingredient_substitutes(catalog, mixtures, cost, evidence)
        },
        {name: names[root] for name, root in zip(names, tree.roots, strict=True)},
        {names[i] for i in catalog.lines.rolled},
    )


@pytest.fixture(scope="module")
def rows(sample: Sample) -> dict[str, Any]:
    return sample.rows


def named(row: Any) -> dict[str, int]:
    return {entry["ingredient_name"]: entry["recipes"] for entry in row["substitutes"]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bourbon", "Rye Whiskey"),
        ("Triple Sec", "Orange Curaçao"),  # Cointreau and dry curaçao count as these
        ("Lemon Juice", "Lime Juice"),
        ("Simple Syrup", "Sugar"),
        ("Campari", "Aperol"),
        ("Sweet Vermouth", "Dry Vermouth"),
        ("Mint", "Basil"),
    ],
)
def test_what_every_bartender_swaps_is_there_both_ways(rows: Any, one: str, other: str) -> None:
    assert named(rows[one])[other] >= 2
    assert named(rows[other])[one] == named(rows[one])[other]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Vodka", "Nutmeg"),
        ("Vodka", "Black Pepper"),
        ("Egg White", "Basil"),
        ("Egg White", "Soda Water"),
        ("Lemon Juice", "Sweet Vermouth"),
        ("Coffee", "Vodka"),
        ("Campari", "Orange Bitters"),
    ],
)
def test_what_nobody_swaps_is_not_there(rows: Any, one: str, other: str) -> None:
    assert other not in named(rows[one])
    assert one not in named(rows[other])


def test_no_kind_that_only_gathers_others_has_a_substitute_from_another_family(
    sample: Sample,
) -> None:
    gathering = sample.rows.keys() - sample.named
    assert {"Dairy and Cream", "Egg", "Fresh Fruit", "Wine", "Fruit Juice"} <= gathering
    for name, row in sample.rows.items():
        for entry in row["substitutes"]:
            other = entry["ingredient_name"]
            if sample.root[name] != sample.root[other]:
                assert {name, other} <= sample.named, (name, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dairy and Cream", "Lime Juice"),
        ("Egg", "Cucumber Slice"),
        ("Fresh Fruit", "Egg White"),
        ("Coffee and Tea", "Vodka"),
        ("Wine", "Vodka"),
        ("Fruit Juice", "Light Rum"),
    ],
)
def test_kinds_keep_to_their_role(rows: Any, one: str, other: str) -> None:
    assert other not in named(rows[one])


def test_kinds_have_substitutes_of_their_own_family(rows: Any) -> None:
    assert "Bourbon" in named(rows["Scotch Whisky"]) or "Rye Whiskey" in named(
        rows["Scotch Whisky"]
    )


def test_without_evidence_nothing_is_named_and_that_is_told(rows: Any) -> None:
    assert rows["Worcestershire Sauce"]["substitutes"] == []
    for row in rows.values():
        assert (row["note"] == "too little evidence") == (not row["substitutes"])
        assert all(entry["recipes"] >= 2 for entry in row["substitutes"])
        costs = [entry["cost"] for entry in row["substitutes"]]
        assert costs == sorted(costs)


# 0 Spirit over 1 and 2; 3 to 6 are families of their own
TREE = IngredientTree.from_ingredients(
    ingredients_of([1, 2, 3, 4, 5, 6, 7], [-1, 0, 0, -1, -1, -1, -1], [False] * 7)
)


def speaking(recipes: list[dict[int, float]], one: int, other: int) -> tuple[int, int]:
    mixtures = mixtures_of(recipes, 7, TREE.ids.tolist())
    return gather_evidence(mixtures, mixtures, TREE).speaking(one, other)


@pytest.mark.parametrize(
    ("recipes", "spoken"),
    [
        ([{1: 2, 3: 1, 4: 1}, {2: 2, 3: 1, 4: 1}], (1, 1)),
        ([{1: 2, 3: 1, 4: 1}, {2: 9, 3: 1, 4: 1}, {2: 1, 3: 1, 4: 1}], (1, 2)),
        ([{1: 2, 3: 1, 4: 1}, {2: 2, 3: 1, 5: 1}], (0, 0)),  # only half the company
        ([{1: 2, 3: 1, 4: 1, 5: 2}, {2: 2, 3: 1, 4: 1}], (1, 1)),  # half of the rest of both
        ([{1: 2, 3: 1, 4: 1, 5: 2.1}, {2: 2, 3: 1, 4: 1}], (0, 0)),  # less than half
        ([{1: 1, 3: 1}, {2: 1, 3: 5}], (1, 1)),  # one is all the company there is
        ([{1: 1, 3: 3, 4: 1}, {2: 1, 3: 3, 5: 1}], (1, 1)),  # or nearly all
        ([{1: 1, 3: 2, 4: 1}, {2: 1, 3: 2, 5: 1}], (0, 0)),
        ([{1: 1, 2: 1, 3: 1, 4: 1}, {2: 1, 3: 1, 4: 1}], (0, 0)),  # who holds both says nothing
        ([{1: 1}, {2: 1}], (0, 0)),
    ],
)
def test_company_is_what_makes_up_half_of_the_rest(
    recipes: list[dict[int, float]], spoken: tuple[int, int]
) -> None:
    assert speaking(recipes, 1, 2) == spoken
    assert speaking(recipes, 2, 1) == spoken[::-1]


def test_of_what_is_above_only_the_other_kinds_count() -> None:
    recipes: list[dict[int, float]] = [{1: 2, 3: 1, 4: 1}, {2: 2, 3: 1, 4: 1}]
    assert speaking(recipes, 0, 1) == (1, 1)
    assert speaking(recipes[:1], 0, 1) == (0, 0)


def test_another_family_needs_three_recipes_a_like_amount_and_a_low_cost() -> None:
    def recipes(count: int, amount: float) -> list[dict[int, float]]:
        return [
            row
            for n in range(count)
            for row in ({1: 1.0, 4: 1, 5: 1 + n / 9}, {3: amount, 4: 1, 5: 1 + n / 9})
        ]

    def enough(count: int, amount: float, cost: float) -> int:
        mixtures = mixtures_of(recipes(count, amount), 7, TREE.ids.tolist())
        return gather_evidence(mixtures, mixtures, TREE).enough(1, 3, cost)

    assert enough(3, 1.0, 0.75) == 6
    assert enough(2, 1.0, 0.75) == 0
    assert enough(3, 1.0, 0.76) == 0
    assert enough(3, 9.0, 0.75) == 0
    assert enough(3, 0.1, 0.75) == 0


def test_what_no_recipe_names_has_nothing_from_another_family() -> None:
    """Drinks name 1, which is of the kind 0, and 3 beside the same company."""
    recipes: list[dict[int, float]] = [
        row for n in range(3) for row in ({1: 1.0, 4: 1, 5: 1 + n}, {3: 1.0, 4: 1, 5: 1 + n})
    ]
    mixtures = mixtures_of(recipes, 7, TREE.ids.tolist())
    evidence = gather_evidence(mixtures, mixtures, TREE)
    assert evidence.speaking(0, 3) == evidence.speaking(1, 3) == (3, 3)
    assert (evidence.enough(1, 3, 0.5), evidence.enough(3, 1, 0.5)) == (6, 6)
    assert (evidence.enough(0, 3, 0.5), evidence.enough(3, 0, 0.5)) == (0, 0)


def test_twice_as_much_is_a_like_amount() -> None:
    rows: list[dict[int, float]] = [{1: 1, 4: 1.5, 5: 1.5}, {3: 2, 4: 1, 5: 1}] * 3
    mixtures = mixtures_of(rows, 7, TREE.ids.tolist())
    assert gather_evidence(mixtures, mixtures, TREE).enough(1, 3, 0.5) == 6


def test_a_crowd_of_ingredients_is_no_company() -> None:
    crowd: dict[int, float] = dict.fromkeys(range(300), 1.0)
    ids = list(range(1, 301))
    tree = IngredientTree.from_ingredients(ingredients_of(ids, [-1] * 300, [False] * 300))
    mixtures = mixtures_of([crowd, {1: 1.0, 2: 1.0}], 300, ids)
    evidence = gather_evidence(mixtures, mixtures, tree)
    assert evidence.companies == 2
    assert evidence.speaking(1, 2) == (0, 0)
    assert np.diff(evidence.indptr).sum() == 2
