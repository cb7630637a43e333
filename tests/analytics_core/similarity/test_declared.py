"""What an owner says of substitutes is heard: on lines, and by variants; after roll-up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics_core import documents as published
from analytics_core.similarity.declared import declared_pairs
from analytics_core.similarity.evidence import gather_evidence
from analytics_core.similarity.ground_cost import LEARNED, learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import build_mixtures
from analytics_core.source.layouts import load_catalog
from tests.analytics_core.bars import (
    APEROL,
    BAR,
    CAMPARI,
    GIN,
    LEMON,
    LIME,
    LONDON,
    MINT,
    RUM,
    SYRUP,
    TANQUERAY,
    VERMOUTH,
    WHITE,
    cocktail,
    ingredient,
    line,
    write_bar,
)


def read(path: Path, **rows: Any) -> Any:
    catalog = load_catalog(
        write_bar(path / "bar.sqlite", rows={**BAR, **rows}, wal=False), volumes="poured"
    )
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    return catalog, tree, build_mixtures(catalog, tree)


def declared_ids(catalog: Any, mixtures: Any) -> dict[tuple[int, int], str]:
    ids = mixtures.ingredient_ids.tolist()
    return {(ids[a], ids[b]): said for (a, b), said in declared_pairs(catalog, mixtures).items()}


def test_substitutes_go_one_way_and_variants_both(tmp_path: Path) -> None:
    catalog, _, mixtures = read(tmp_path)
    assert declared_ids(catalog, mixtures) == {
        (LIME, LEMON): "substitute",
        (CAMPARI, APEROL): "variant",
        (APEROL, CAMPARI): "variant",
        (LONDON, TANQUERAY): "variant",  # the line insists on Tanqueray
        (TANQUERAY, LONDON): "variant",
    }


def test_what_is_declared_is_in_play_though_no_recipe_pours_it(tmp_path: Path) -> None:
    _, tree, mixtures = read(tmp_path)
    column = mixtures.ingredient_ids.tolist().index(LEMON)
    assert column not in mixtures.columns
    pairs = [(LIME, LEMON)]
    told = learn_cost(mixtures, tree, declared=pairs).cost
    silent = learn_cost(mixtures, tree).cost
    lime = mixtures.ingredient_ids.tolist().index(LIME)
    assert told[lime, column] < silent[lime, column]


def test_substitutes_count_as_what_lines_count_as(tmp_path: Path) -> None:
    words = [(1, TANQUERAY), (3, TANQUERAY), (11, RUM), (14, GIN), (12, LIME), (13, 99)]
    catalog, _, mixtures = read(
        tmp_path,
        cocktail_ingredient_substitutes=[
            {"cocktail_ingredient_id": key, "ingredient_id": other} for key, other in words
        ],
    )
    found = declared_ids(catalog, mixtures)
    assert {pair for pair, said in found.items() if said == "substitute"} == {
        (LONDON, TANQUERAY),  # in play as itself, because one line insists on it
        (VERMOUTH, TANQUERAY),
        (WHITE, RUM),
        (WHITE, GIN),
    }


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([(WHITE, 30), (CAMPARI, 30), (VERMOUTH, 30)], {(LONDON, WHITE)}),
        ([(WHITE, 61), (CAMPARI, 30), (VERMOUTH, 30)], {(LONDON, WHITE)}),
        ([(WHITE, 180), (CAMPARI, 30), (VERMOUTH, 30)], set()),  # another drink
        ([(WHITE, 30), (APEROL, 30), (VERMOUTH, 30)], set()),  # two for two
        ([(WHITE, 30), (CAMPARI, 30), (VERMOUTH, 30), (MINT, 9)], set()),
        ([(CAMPARI, 30), (VERMOUTH, 30)], set()),
        ([(LONDON, 20), (CAMPARI, 30), (VERMOUTH, 30)], set()),
    ],
)
def test_a_variant_says_something_where_it_has_one_for_one(
    tmp_path: Path, lines: list[tuple[int, float]], expected: set[tuple[int, int]]
) -> None:
    own = [line(100 + n, 7, what, ml) for n, (what, ml) in enumerate(lines)]
    catalog, _, mixtures = read(
        tmp_path,
        cocktails=[*BAR["cocktails"][:1], cocktail(7, "Riff", parent_cocktail_id=1)],
        cocktail_ingredients=[*BAR["cocktail_ingredients"][:3], *own],
        cocktail_ingredient_substitutes=[],
    )
    found = declared_ids(catalog, mixtures)
    assert set(found) == expected | {pair[::-1] for pair in expected}


def test_the_document_marks_them_and_lists_them_all(tmp_path: Path) -> None:
    catalog, tree, mixtures = read(tmp_path)
    cost = learn_cost(mixtures, tree).cost
    evidence = gather_evidence(mixtures, mixtures.compressed(LEARNED.power), tree)
    pairs = declared_pairs(catalog, mixtures)
    rows = {
        row["ingredient_id"]: row
        for row in published.ingredient_substitutes(catalog, mixtures, cost, evidence, pairs)
    }
    (lemon,) = [s for s in rows[LIME]["substitutes"] if s["ingredient_id"] == LEMON]
    assert (lemon["declared"], lemon["recipes"]) == ("substitute", 0)
    assert rows[LIME]["note"] is None
    assert rows[LEMON]["substitutes"] == []  # the owner said it the other way round only
    assert rows[LEMON]["note"] == "too little evidence"
    (aperol,) = [s for s in rows[CAMPARI]["substitutes"] if s["ingredient_id"] == APEROL]
    assert aperol["declared"] == "variant"
    assert aperol["recipes"] >= 1
    for row in rows.values():
        costs = [entry["cost"] for entry in row["substitutes"]]
        assert costs == sorted(costs)
    plain = published.ingredient_substitutes(catalog, mixtures, cost, None, pairs)
    listed = {row["ingredient_id"]: row["substitutes"] for row in plain}
    assert any(s["declared"] == "substitute" and "recipes" not in s for s in listed[LIME])


def test_ten_at_most_and_the_owner_comes_first(tmp_path: Path) -> None:
    others = range(200, 214)
    rows = {
        "ingredients": [
            *(row for row in BAR["ingredients"] if row["id"] != LIME),
            ingredient(199, "Sour things"),  # within one family little evidence is enough
            ingredient(LIME, "Lime juice", 199),
            *(ingredient(key, f"Sour {key}", 199) for key in others),
        ],
        "cocktails": [*BAR["cocktails"], *(cocktail(k, f"Drink {k}") for k in others)],
        "cocktail_ingredients": [
            *BAR["cocktail_ingredients"],
            *(line(1000 + 10 * k, k, WHITE, 60) for k in others),
            *(line(1001 + 10 * k, k, k, 30) for k in others),
            *(line(1002 + 10 * k, k, SYRUP, 15) for k in others),
        ],
    }
    catalog, tree, mixtures = read(tmp_path, **rows)
    cost = learn_cost(mixtures, tree).cost
    evidence = gather_evidence(mixtures, mixtures.compressed(LEARNED.power), tree)
    pairs = declared_pairs(catalog, mixtures)
    for told in (evidence, None):
        (row,) = [
            row
            for row in published.ingredient_substitutes(catalog, mixtures, cost, told, pairs)
            if row["ingredient_id"] == LIME
        ]
        assert len(row["substitutes"]) == 10
        assert [s["ingredient_id"] for s in row["substitutes"] if s["declared"]] == [LEMON]


def test_details_have_options_variants_and_strength(tmp_path: Path) -> None:
    catalog, tree, _ = read(tmp_path)
    rows = {row["recipe_name"]: row for row in published.recipe_details(catalog, tree)}
    negroni, riff, sour = rows["Negroni"], rows["Tanqueray Negroni"], rows["Gin Sour"]
    assert (negroni["variant_of"], negroni["optional"]) == (None, [])
    assert riff["variant_of"] == {"recipe_id": 1, "recipe_name": "Negroni"}
    assert negroni["abv"] == pytest.approx((45 + 25 + 16) / 3)
    assert riff["abv"] == pytest.approx((47.3 + 25 + 16) / 3)  # of the bottle, not of its kind
    (mint,) = sour["optional"]
    assert (mint["ingredient_name"], mint["amount"], mint["unit"], mint["fraction"]) == (
        "Mint",
        2.0,
        "leaves",
        0.0,
    )
    assert sum(entry["fraction"] for entry in sour["lines"]) == pytest.approx(1)


def test_a_drink_has_no_strength_where_one_of_its_parts_has_none(tmp_path: Path) -> None:
    catalog, tree, _ = read(
        tmp_path,
        cocktail_ingredients=[*BAR["cocktail_ingredients"], line(99, 4, RUM, 5)],
    )
    rows = {row["recipe_name"]: row["abv"] for row in published.recipe_details(catalog, tree)}
    assert rows["Daiquiri"] is None
    assert rows["Mojito"] is not None


def test_the_tree_says_what_is_made_of_what(tmp_path: Path) -> None:
    catalog, tree, _ = read(tmp_path)
    from analytics_core.similarity.usage import count_usage

    top = published.ingredient_tree(catalog, tree, count_usage(catalog, tree))
    nodes = {node["name"]: node for node in top["children"]}
    assert nodes["Lime juice"]["made_of"] == [{"id": str(LEMON), "name": "Limes"}]
    assert (nodes["Gin"]["strength"], nodes["Rum"]["strength"]) == (40.0, None)
    assert np.isfinite(nodes["Campari"]["strength"])
