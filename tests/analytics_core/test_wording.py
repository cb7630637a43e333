"""Amounts and names as people say them."""

from __future__ import annotations

from typing import Any

import pytest

from analytics_core.wording import Name, is_jigger_unit, phrase, say, say_line


def pour(amount: float | None, unit: str | None, ml: float, name: str = "Gin") -> dict[str, Any]:
    return {"ingredient_id": 1, "ingredient_name": name, "ml": ml, "amount": amount, "unit": unit}


def added(amount: float | None, unit: str | None, ml: float) -> str:
    return say([{"kind": "add", **pour(amount, unit, ml)}], same_mix=False)


def ounces(amount: float) -> str:
    return added(amount, "Ounce", amount * 29.5735).removesuffix(" Gin")


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0.125, "⅛ oz"),
        (0.25, "¼ oz"),
        (0.33, "⅓ oz"),
        (0.375, "⅜ oz"),
        (0.5, "½ oz"),
        (0.67, "⅔ oz"),
        (0.75, "¾ oz"),
        (0.76, "¾ oz"),
        (1.0, "1 oz"),
        (1.0144, "1 oz"),  # 30 ml
        (1.33, "1⅓ oz"),
        (2.25, "2¼ oz"),
        (2.99, "3 oz"),
        (12.0, "12 oz"),
        (0.31, "⅓ oz"),
        (0.03, "1 ml"),
        (0.2, "6 ml"),  # a fifth is no fraction that anybody says
    ],
)
def test_ounces(amount: float, words: str) -> None:
    assert ounces(amount) == f"add {words}"


@pytest.mark.parametrize(
    ("ml", "words"),
    [
        (22.5, "22.5 ml"),
        (22.18, "22.5 ml"),
        (20.0, "20 ml"),
        (29.57, "30 ml"),
        (44.36, "45 ml"),
        (7.39, "7.5 ml"),
        (6.2, "6 ml"),
        (3.3, "3.5 ml"),
        (17.0, "17 ml"),
        (1500.0, "1,500 ml"),
    ],
)
def test_milliliters(ml: float, words: str) -> None:
    assert added(ml, "ml", ml) == f"add {words} Gin"


@pytest.mark.parametrize(
    ("amount", "unit", "ml", "words"),
    [
        (2, "cl", 20, "add 2 cl Gin"),
        (4.5, "CL", 45, "add 4.5 cl Gin"),
        (2.25, "Centiliter", 22.5, "add 2.25 cl Gin"),
        (2.218, "cl", 22.18, "add 2.25 cl Gin"),
        (1.7, "cl", 17, "add 1.7 cl Gin"),
        (1, "Dash", 0.6, "add 1 dash Gin"),
        (2, "Dash", 1.2, "add 2 dashes Gin"),
        (0.5, "Barspoon", 1.2, "add ½ barspoon Gin"),
        (1.5, "Teaspoon", 7.4, "add 1½ tsp Gin"),
        (3, "Drop", 0.15, "add 3 drops Gin"),
        (40, "Dash", 24.6, "add 25 ml Gin"),
        (1, "Each", 1, "add 1 Gin"),
        (0.5, "each", 1, "add ½ Gin"),
        (8, "Leaf", 8, "add 8 leaves Gin"),
        (25, "Leaf", 25, "add 25 leaves Gin"),
        (24.5, "Each", 1, "add 24½ Gin"),
        (0.05, "Each", 1, "add 0.05 Gin"),
        (3, "barspoons", 7.4, "add 3 barspoons Gin"),
        (2, "FL  OZ", 59.1, "add 2 oz Gin"),
        (1, "whole", 1, "add 1 Gin"),
        (2, "Stalk", 20, "add 2 stalks Gin"),
        (2, "Smidgen", 2, "add 2 Smidgen Gin"),  # a unit of no volume, as it is written
        (9, "Zentiliter", 90, "add 9 cl Gin"),
        (4, "Blätter", 2.4, "add 4 leaves Gin"),
        (1, "zum Auffüllen", 90, "top with Gin"),
        (2, "Jigger", 88.7, "add 90 ml Gin"),
        (3, None, 3, "add 3 Gin"),
        (1.5, None, 44.3603, "add 1½ oz Gin"),  # a number alone, in the unit that it was read in
        (4, None, 40, "add 4 cl Gin"),
        (2, None, 1.2322, "add 2 dashes Gin"),
        (2, None, 60, "add 2 Gin"),  # two egg whites
        (0, None, 0, "add 0 Gin"),
        (45, None, 45, "add 45 ml Gin"),
        (None, None, 1, "add Gin"),
        (None, "Ounce", 1, "add Gin"),
        (None, "To  Top", 90, "top with Gin"),
        (1, "topup", 1, "top with Gin"),
        (None, "to rinse", 5, "rinse the glass with Gin"),
    ],
)
def test_units(amount: float | None, unit: str | None, ml: float, words: str) -> None:
    assert added(amount, unit, ml) == words


@pytest.mark.parametrize(
    ("kind", "amount", "unit", "words"),
    [
        ("pour_more", 0.5, "Ounce", "pour ½ oz more Gin"),
        ("pour_less", 0.5, "Ounce", "pour ½ oz less Gin"),
        ("pour_more", None, None, "pour more Gin"),
        ("pour_less", None, None, "pour less Gin"),
        ("pour_more", 1, "Each", "use 1 more Gin"),
        ("leave_out", 2, "Ounce", "leave out the Gin"),
        ("stays", 2, "Ounce", "the same mix"),
    ],
)
def test_kinds(kind: str, amount: float | None, unit: str | None, words: str) -> None:
    assert say([{"kind": kind, **pour(amount, unit, 14.8)}], same_mix=False) == words


@pytest.mark.parametrize(
    ("amount", "unit", "ml", "name", "words"),
    [
        (3, "Each", 3, "Lemon Wedge", "3 Lemon Wedges"),
        (2, None, 60, "Egg White", "2 Egg Whites"),
        (1.5, "each", 50, "Whole Egg", "1½ Whole Eggs"),
        (4, "each", 4, "LIME WEDGE", "4 LIME WEDGES"),
        (1, "Each", 1, "Lemon Wedge", "1 Lemon Wedge"),
        (0.5, "Each", 1, "Egg", "½ Egg"),
        (2, "Ounce", 59.1, "Egg White", "2 oz Egg White"),
        (2, "Slice", 2, "Cucumber Slice", "2 slices Cucumber Slice"),
        (45, None, 45, "Egg White", "45 ml Egg White"),
        (3, "Each", 3, "Lemon Wedges", "3 Lemon Wedges"),
        (8, "Each", 8, "Mint", "8 Mint"),  # nobody says mints
        (8, "Each", 8, "Mint Leaf", "8 Mint Leaf"),  # nor leafs
        (2, "Each", 2, "Nutmegg", "2 Nutmegg"),
        (2, "Each", 2, "Zitronenscheibe", "2 Zitronenscheibe"),
    ],
)
def test_several_pieces(amount: float, unit: str | None, ml: float, name: str, words: str) -> None:
    """Only where the name is English and takes an s."""
    assert say_line(amount, ml, unit, name) == words
    said = say([{"kind": "add", **pour(amount, unit, ml, name)}], same_mix=False)
    assert said == f"add {words}"


def test_several_pieces_wherever_they_are_counted() -> None:
    wedges = pour(3, "Each", 3, "Lemon Wedge")
    limes = {**pour(3, "Each", 3, "Lime Wedge"), "ingredient_id": 2}
    eggs = {**pour(2, "Each", 60, "Egg"), "ingredient_id": 3}
    swap = {"kind": "swap", "from": [wedges], "to": [limes]}
    assert say([swap], same_mix=False) == "swap 3 Lemon Wedges for Lime Wedges"
    steps = [
        {"kind": "pour_less", **eggs},
        {"kind": "leave_out", **wedges},
        {"kind": "stays", **limes},
    ]
    assert say(steps, same_mix=False) == (
        "use 2 fewer Eggs; leave out the Lemon Wedge; Lime Wedge stays"
    )
    assert phrase([swap], same_mix=False)[1:3] == [Name(1, "Lemon Wedge"), "s for "]


def test_an_id_behind_a_name_leaves_it_as_it_is() -> None:
    steps = [
        {"kind": "add", **pour(2, "Each", 60, "Egg")},
        {"kind": "stays", **pour(1, "Ounce", 30, "egg"), "ingredient_id": 2},
    ]
    assert say(steps, same_mix=False) == "add 2 Egg (id 1); egg (id 2) stays"


def test_what_is_done_alike_is_one_clause() -> None:
    steps = [
        {"kind": "add", **pour(1, "Ounce", 29.6, "A"), "ingredient_id": 1},
        {"kind": "leave_out", **pour(1, "Ounce", 29.6, "B"), "ingredient_id": 2},
        {"kind": "add", **pour(2, "Dash", 1.2, "C"), "ingredient_id": 3},
    ]
    assert say(steps, same_mix=False) == "add 1 oz A and 2 dashes C; leave out the B"


def test_part_of_what_nobody_measures() -> None:
    step = {
        "kind": "swap",
        "from": [{**pour(None, None, 30, "Soda Water"), "part": True}],
        "to": [{**pour(1, "Ounce", 29.6, "Tonic"), "ingredient_id": 2}],
    }
    assert say([step], same_mix=False) == "swap some of the Soda Water for 1 oz Tonic"


def test_names_are_set_apart() -> None:
    steps = [
        {"kind": "add", **pour(1, "Ounce", 29.6, "A; for B"), "ingredient_id": 7},
        {"kind": "stays", **pour(1, "Ounce", 29.6, "C"), "ingredient_id": 8},
    ]
    assert phrase(steps, same_mix=False) == [
        "add 1 oz ",
        Name(7, "A; for B"),
        "; ",
        Name(8, "C"),
        " stays",
    ]


@pytest.mark.parametrize("other", ["gin", " Gin ", "Gín", "\uff27in"])
def test_names_that_read_alike_carry_their_ids(other: str) -> None:
    steps = [
        {"kind": "add", **pour(1, "Ounce", 29.6), "ingredient_id": 7},
        {"kind": "stays", **pour(1, "Ounce", 29.6, other), "ingredient_id": 8},
    ]
    assert say(steps, same_mix=False) == f"add 1 oz Gin (id 7); {other} (id 8) stays"


def test_jigger_units() -> None:
    assert all(map(is_jigger_unit, ("Ounce", "oz", "ML", " cl ", "Cup")))
    assert not any(map(is_jigger_unit, ("Dash", "Each", "to top", "", "Jigger")))


@pytest.mark.parametrize(
    ("amount", "ml", "unit", "line"),
    [
        (1.5, 44.36, "Ounce", "1½ oz Rum"),
        (2.0, 1.23, "dash", "2 dashes Rum"),
        (30.0, 30.0, "ml", "30 ml Rum"),
        (3.0, 3.0, "each", "3 Rum"),
        (1.0, 350.0, "half bottle", "350 ml Rum"),  # no whole one
        (1.0, 14.8, "1/2 oz", "15 ml Rum"),
        (None, 90.0, "to top", "Rum, to top"),
        (1.0, 5.0, "to rinse", "Rum, to rinse"),
        (None, 1.0, None, "Rum"),
    ],
)
def test_lines_of_a_recipe(amount: float | None, ml: float, unit: str | None, line: str) -> None:
    assert say_line(amount, ml, unit, "Rum") == line
