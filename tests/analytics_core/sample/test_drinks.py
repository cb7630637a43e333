"""The embedded drinks: complete, sane, and right where it can be checked from memory."""

from __future__ import annotations

from collections import Counter

import pytest

from analytics_core.sample import (
    SampleRecipe,
    load_families,
    load_ingredients,
    load_recipes,
)
from analytics_core.sample._schema import UNITS

ML = {name: conversion for name, _, conversion in UNITS}
BY_NAME = {recipe.name: recipe for recipe in load_recipes()}
PARENTS = {ingredient.name: ingredient.parent for ingredient in load_ingredients()}


def volume_ml(recipe: SampleRecipe) -> float:
    fixed = {"to top": 90.0, "to rinse": 5.0, "Each": 1.0}
    return sum(
        fixed[line.unit] if line.unit in fixed else (line.amount or 0) * (ML[line.unit] or 0)
        for line in recipe.lines
    )


def ancestry(name: str) -> list[str]:
    parent = PARENTS[name]
    return [name] if parent is None else [name, *ancestry(parent)]


def test_there_are_enough_drinks_and_ingredients() -> None:
    assert len(load_recipes()) >= 170
    assert len(load_ingredients()) >= 150
    assert sum("iba" in recipe.tags for recipe in load_recipes()) >= 95


def test_the_hierarchy_is_three_to_four_levels_deep() -> None:
    depths = Counter(len(ancestry(name)) for name in PARENTS)
    assert set(depths) == {1, 2, 3, 4}
    assert depths[3] >= 60
    assert depths[4] >= 20


def test_a_root_substitutes_for_nothing() -> None:
    assert not [i.name for i in load_ingredients() if i.parent is None and i.allow_substitution]


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("High-Rye Bourbon", ["High-Rye Bourbon", "Bourbon", "Whiskey"]),
        ("Laphroaig 10", ["Laphroaig 10", "Islay Scotch", "Scotch Whisky", "Whiskey"]),
        ("Tanqueray", ["Tanqueray", "London Dry Gin", "Gin"]),
        ("Agricole Blanc", ["Agricole Blanc", "Rhum Agricole", "Rum"]),
        ("Campari", ["Campari", "Red Bitter", "Amaro"]),
        ("Cointreau", ["Cointreau", "Triple Sec", "Orange Liqueur", "Liqueur"]),
        ("Angostura Bitters", ["Angostura Bitters", "Aromatic Bitters", "Bitters"]),
        ("Champagne", ["Champagne", "Sparkling Wine", "Wine"]),
    ],
)
def test_ingredients_stand_where_a_bartender_looks(name: str, family: list[str]) -> None:
    assert ancestry(name) == family


def test_brands_substitute_and_distinct_things_do_not() -> None:
    allowed = {i.name: i.allow_substitution for i in load_ingredients()}
    assert all(allowed[n] for n in ("Tanqueray", "Cointreau", "Angostura Bitters", "Kahlúa"))
    assert not any(
        allowed[n]
        for n in ("Campari", "Aperol", "Green Chartreuse", "Lemon Juice", "Lime Juice", "Mezcal")
    )


def test_every_description_is_given() -> None:
    assert all(ingredient.description for ingredient in load_ingredients())
    assert all(recipe.description and recipe.instructions for recipe in load_recipes())


def test_every_unit_is_in_use_and_known() -> None:
    used = {line.unit for recipe in load_recipes() for line in recipe.lines}
    assert used == set(ML)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_a_drink_fills_a_glass(name: str) -> None:
    assert 30 < volume_ml(BY_NAME[name]) < 500


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("Negroni", "1 oz London Dry Gin, 1 oz Campari, 1 oz Sweet Vermouth"),
        ("Manhattan", "2 oz Rye Whiskey, 1 oz Sweet Vermouth, 2 dash Angostura Bitters"),
        (
            "Last Word",
            (
                "0.75 oz London Dry Gin, 0.75 oz Green Chartreuse, 0.75 oz Maraschino Liqueur,"
                " 0.75 oz Lime Juice"
            ),
        ),
        ("Tommy's Margarita", "2 oz Reposado Tequila, 1 oz Lime Juice, 0.5 oz Agave Syrup"),
        (
            "Paper Plane",
            "0.75 oz Bourbon, 0.75 oz Aperol, 0.75 oz Amaro Nonino, 0.75 oz Lemon Juice",
        ),
        ("Sazerac", "2 oz Cognac, 1 each Sugar Cube, 2 dash Peychaud's Bitters, rinse Absinthe"),
        (
            "Jungle Bird",
            (
                "1.5 oz Blackstrap Rum, 0.75 oz Campari, 1.5 oz Pineapple Juice, 0.5 oz Lime Juice,"
                " 0.5 oz Demerara Syrup"
            ),
        ),
        ("Aperol Spritz", "2 oz Aperol, 3 oz Prosecco, 1 oz Soda Water"),
        (
            "Corpse Reviver #2",
            (
                "0.75 oz London Dry Gin, 0.75 oz Cointreau, 0.75 oz Lillet Blanc,"
                " 0.75 oz Lemon Juice, 1 dash Absinthe"
            ),
        ),
        (
            "Penicillin",
            (
                "2 oz Blended Scotch, 0.75 oz Lemon Juice, 0.5 oz Honey Syrup,"
                " 0.25 oz Ginger Syrup, 0.25 oz Islay Scotch"
            ),
        ),
        ("Americano", "1 oz Campari, 1 oz Sweet Vermouth, top Soda Water"),
        ("Alexander", "1 oz Cognac, 1 oz Dark Crème de Cacao, 1 oz Heavy Cream"),
    ],
)
def test_classics_have_their_measures(name: str, lines: str) -> None:
    short = {"Ounce": "oz", "Dash": "dash", "Each": "each", "to top": "top", "to rinse": "rinse"}
    written = [
        f"{short[line.unit]} {line.ingredient}"
        if line.amount is None
        else f"{line.amount:g} {short[line.unit]} {line.ingredient}"
        for line in BY_NAME[name].lines
    ]
    assert written == lines.split(", ")


def test_families_are_of_useful_size() -> None:
    families = load_families().families
    assert len(families) >= 14
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert 8 <= len(family.recipes) <= 24, family.name
        assert len(set(family.recipes)) == len(family.recipes), family.name


def test_every_name_of_the_yardstick_is_a_drink() -> None:
    loaded = load_families()
    names = {name for family in loaded.families for name in family.recipes}
    names |= {name for t in loaded.triplets for name in (t.drink, t.near, t.far)}
    assert names <= set(BY_NAME)


def test_triplets_are_many_and_a_third_are_hard() -> None:
    triplets = load_families().triplets
    assert len(triplets) >= 60
    assert len(set(triplets)) == len(triplets)
    hard = 0
    for triplet in triplets:
        assert len({triplet.drink, triplet.near, triplet.far}) == 3
        drink, near, far = (
            {line.ingredient for line in BY_NAME[name].lines}
            for name in (triplet.drink, triplet.near, triplet.far)
        )
        hard += bool(drink & near and drink & far)
    assert hard >= len(triplets) / 3


def test_no_triplet_contradicts_another() -> None:
    seen = {(t.drink, t.near, t.far) for t in load_families().triplets}
    assert not [entry for entry in seen if (entry[0], entry[2], entry[1]) in seen]
