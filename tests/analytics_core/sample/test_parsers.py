"""Mistakes in the text are reported with their line."""

from __future__ import annotations

import pytest

from analytics_core.errors import DataError
from analytics_core.sample._data import parse_families, parse_ingredients, parse_recipes

KNOWN = frozenset({"Gin", "Lime Juice", "Soda Water"})
HEADER = "name,parent,allow_substitution,description\n"


def test_a_block_is_read_whole() -> None:
    text = """# note

Rickey No. 2 [long, sour]
  "Dry."
  2 oz Gin; .5 oz Lime Juice
  top Soda Water
  > Build.
"""
    (recipe,) = parse_recipes(text, KNOWN)
    assert (recipe.name, recipe.tags) == ("Rickey No. 2", ("long", "sour"))
    assert (recipe.description, recipe.instructions) == ("Dry.", "Build.")
    assert [(x.amount, x.unit, x.ingredient) for x in recipe.lines] == [
        (2.0, "Ounce", "Gin"),
        (0.5, "Ounce", "Lime Juice"),
        (None, "to top", "Soda Water"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("A [x]\n  2 oz Jin\n", 2, "unknown ingredient 'Jin'"),
        ("\n\nA [x]\n  2 oz Gin\n  1 cup Lime Juice\n", 5, "unknown unit 'cup'"),
        ("A [x]\n  2 oz Gin; lots of Lime Juice\n", 2, "lots of Lime Juice"),
        ("A [x]\n  2 oz Gin;\n", 2, "is not `amount unit Ingredient`"),
        ("A [x]\n  -2 oz Gin\n", 2, "'-2 oz Gin'"),
        ("A [x]\n  0 oz Gin\n", 2, "must be positive"),
        ("A [x]\n  nan oz Gin\n", 2, "'nan oz Gin'"),
        ("# c\nA\n  2 oz Gin\n", 2, "begins with `Name [tag, tag]`"),
        ("A [x]\n  2 oz Gin\nB [x]\n  1 oz Gin\n", 3, "empty line"),
        ('A [x]\n  "open\n  2 oz Gin\n', 2, "closing quote"),
        ('A [x]\n  "Nothing in it."\n', 1, "has no ingredients"),
        ("A [x]\n  2 oz Gin; 1 dash Gin\n", 1, "names an ingredient twice"),
        ("A [x]\n  2 oz Gin\n\na [y]\n  1 oz Gin\n", 4, "was given before"),
    ],
)
def test_a_wrong_recipe_names_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_recipes(text, KNOWN)
    assert str(caught.value).startswith(f"recipes.txt, line {line}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("name,parent\n", 1, "columns must be"),
        (HEADER + "Gin,,0,x\nPlymouth Gin,Jin,0,x\n", 3, "parent 'Jin'"),
        (HEADER + "Gin,,0,x\ngin,,0,x\n", 3, "used before"),
        (HEADER + "Gin,,yes,x\n", 2, "must be 0 or 1"),
        (HEADER + "Gin,,0,juniper, dry\n", 2, "5 fields instead of 4"),
    ],
)
def test_a_wrong_ingredient_names_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_ingredients(text)
    assert str(caught.value).startswith(f"ingredients.csv, line {line}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[family]\n", "line 1"),
        ('[[family]]\nname = "x"\n', "'recipes'"),
        (
            'triplet = []\n[[family]]\nname = "x"\nrecipes = ["Negroni", "Nogroni"]\n',
            "Nogroni",
        ),
    ],
)
def test_wrong_families_say_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(DataError, match=r"^families\.toml: ") as caught:
        parse_families(text, frozenset({"Negroni"}))
    assert reason in str(caught.value)
