"""Everything that is guessed about volumes is a finding: by unit, with count, recipes, examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics_core.pipeline import RefreshSettings, refresh
from analytics_core.source.catalog import Catalog, Finding
from analytics_core.source.guesses import MOST_UNITS
from analytics_core.source.layouts import load_catalog
from analytics_core.store import LocalStorage, read_published
from tests.analytics_core.databases import LOOSE_SCHEMA, finding, write_database

# Units as owners write them, most of them without a volume.
NAMES: tuple[str, ...] = ("ml", "to top", "Fill-Up", "zum Auffüllen", "pour compléter", "Each")
NAMES += ("Blätter", "Bottle", "centiliter", "oz", "smidgen", "splash", "cl.")
MILLILITERS = {"ml": 1.0, "oz": 30.0}
UNITS = [
    (ident, name, None, {"ml": 1.0, "oz": 30.0}.get(name)) for ident, name in enumerate(NAMES, 1)
]
UNIT = {name: ident for ident, name, *_ in UNITS}
POURED = (
    "Gin",
    "Lemon Juice",
    "Sugar Syrup",
    "Soda Water",
    "Basil Leaves",
    "White Wine",
    "Old Gin",
)
INGREDIENTS = [(ident, name, None, f"/{ident}/", 0) for ident, name in enumerate(POURED, 1)]
FIZZ = ((1, 45.0), (2, 30.0), (3, 20.0))
RECIPES: dict[str, list[tuple[int, str | None, float | None]]] = {
    "Fizz": [(4, "to top", None)],
    "Fizz, filled up": [(4, "Fill-Up", 1.0)],
    "Fizz, German": [(4, "zum Auffüllen", None)],
    "Fizz, French": [(4, "pour compléter", 0.0)],
    "Fizz, measured": [(4, "cl.", 9.0)],
    "Smash, each": [(5, "Each", 10.0)],
    "Smash, leaves": [(5, "Blätter", 10.0)],
    "Smash, bare": [(5, None, 10.0)],
    "Punch": [(6, "Bottle", 1.0)],
    "Smidgen": [(4, "smidgen", 3.0)],
    "Other Smidgen": [(6, "smidgen", 3.0)],
    "Old": [(7, None, 2.0), (4, "oz", 2.0)],
}


def owners_database(path: Path) -> Path:
    recipes: list[tuple[Any, ...]] = []
    lines: list[tuple[Any, ...]] = []
    for ident, (name, rest) in enumerate(RECIPES.items(), 1):
        recipes.append((ident, name))
        if name != "Old":
            lines += [(ident, ingredient, UNIT["ml"], amount) for ingredient, amount in FIZZ]
        lines += [(ident, poured, UNIT.get(unit or ""), amount) for poured, unit, amount in rest]
    return write_database(
        path,
        ingredients=INGREDIENTS,
        units=UNITS,
        recipes=recipes,
        lines=lines,
        schema=LOOSE_SCHEMA,
    )


@pytest.fixture(scope="module")
def owners(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return owners_database(tmp_path_factory.mktemp("owners") / "bar.db")


def found(catalog: Catalog, code: str, unit: str) -> Finding:
    """Return the finding about one unit; there must be just one."""
    about = [f for f in catalog.findings if f.code == code and f"“{unit}”" in f.message]
    assert len(about) == 1
    return about[0]


def mixture(catalog: Catalog, name: str) -> dict[str, float]:
    lines = catalog.lines
    own = np.flatnonzero(lines.recipe == catalog.recipes.names.index(name)).tolist()
    return {catalog.ingredients.names[lines.ingredient[i]]: lines.volume_ml[i] for i in own}


def test_units_are_understood_however_they_are_written(owners: Path) -> None:
    catalog = load_catalog(owners, volumes="poured")
    fizz = mixture(catalog, "Fizz")
    assert fizz == {"Gin": 45.0, "Lemon Juice": 30.0, "Sugar Syrup": 20.0, "Soda Water": 90.0}
    for name in ("filled up", "German", "French", "measured"):
        assert mixture(catalog, f"Fizz, {name}") == fizz
    smash = mixture(catalog, "Smash, each")
    assert smash["Basil Leaves"] == 6.0
    assert mixture(catalog, "Smash, leaves") == mixture(catalog, "Smash, bare") == smash
    assert mixture(catalog, "Punch")["White Wine"] == 750.0
    assert mixture(catalog, "Old")["Old Gin"] == 60.0


def test_what_was_guessed_is_told_unit_by_unit(owners: Path) -> None:
    catalog = load_catalog(owners, volumes="poured")
    leaves = found(catalog, "usual-volume", "Blätter")
    assert leaves.count == 1
    assert leaves.examples == ("10 Blätter Basil Leaves, 6 ml, in Smash, leaves (id 7)",)
    bottle = found(catalog, "usual-volume", "Bottle")
    assert bottle.examples == ("1 Bottle White Wine, 750 ml, in Punch (id 9)",)
    unknown = found(catalog, "unit-without-volume", "smidgen")
    assert unknown.count == 2
    assert "2 lines in “smidgen” in 2 recipes" in unknown.message
    bare = finding(catalog, "amount-without-unit")
    assert bare.count == 2
    assert "2 amounts without a unit in 2 recipes: 2 as the file pours it elsewhere" in bare.message
    assert bare.examples == (
        "10 Basil Leaves, 6 ml, in Smash, bare (id 8)",
        "2 Old Gin, 60 ml, in Old (id 12)",
    )
    assert {f.code for f in catalog.findings} == {
        "usual-volume",
        "unit-without-volume",
        "amount-without-unit",
    }


def test_the_sites_rules_guess_nothing(owners: Path) -> None:
    catalog = load_catalog(owners, volumes="site")
    assert catalog.findings == ()
    assert mixture(catalog, "Fizz, measured")["Soda Water"] == 9.0
    assert mixture(catalog, "Punch")["White Wine"] == 1.0


def test_drinks_that_differ_in_spelling_are_the_same_mix(owners: Path, tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "out")
    refresh(owners, storage, settings=RefreshSettings(page=False))
    similar = read_published(storage)["recipe-similar"]["data"]
    fizzes = {name for name in RECIPES if name.startswith("Fizz")}
    for row in similar:
        if row["recipe_name"] in fizzes:
            near = {n["neighbor_name"]: n for n in row["neighbors"]}
            for other in fizzes - {row["recipe_name"]}:
                assert near[other]["distance"] == 0
                assert near[other]["words"].startswith("the same mix")


def test_rare_units_are_told_together(tmp_path: Path) -> None:
    count = MOST_UNITS + 5
    numbers = range(1, count + 1)
    units: list[tuple[Any, ...]] = [(k, f"smidgen{'x' * k}", None, None) for k in numbers]
    lines = [(recipe, 1, unit, 1.0) for unit in numbers for recipe in range(1, unit + 1)]
    path = write_database(
        tmp_path / "bar.db",
        ingredients=INGREDIENTS,
        units=units,
        recipes=[(k, f"Recipe {k}") for k in numbers],
        lines=lines,
    )
    findings = [f for f in load_catalog(path, volumes="poured").findings if "without" in f.code]
    assert len(findings) == MOST_UNITS + 1
    assert sum(f.count for f in findings) == len(lines)
    assert "in 5 rarer units in" in findings[-1].message
    assert findings[0].count == count


@pytest.mark.parametrize(
    ("name", "conversion", "milliliters", "told"),
    [
        ("Ounce", 29.5735, 29.5735, False),
        ("Ounce", 30.0, 30.0, False),
        ("ounce", 1.0, 29.5735, True),
        ("cl", 1.0, 10.0, True),
        ("cl", 9.0, 9.0, False),
        ("ml", 29.5735, 1.0, True),
        ("ml", 0.0, 1.0, True),
        ("Shot", 20.0, 20.0, False),  # shots differ from bar to bar
        ("Dash", 29.5735, 0.616115, True),
        ("bottle", 500.0, 500.0, False),
        ("Leaf", 2.0, 2.0, False),
        ("Fill up", 1.0, None, False),  # what tops has one volume, as "to top" has
        ("to rinse", 12.0, 12.0, False),
        ("Smidgen", 0.2, 0.2, False),
        *(
            (name, size, size, False)
            for name, size in (
                *(
                    ("1/2 oz", 14.7868),
                    ("3/4 oz", 22.18),
                    ("quarter oz", 7.39),
                    ("1/2 liter", 500.0),
                ),
                *(("1/4 cup", 59.1), ("1/8 tsp", 0.616), ("dash (1/32 oz)", 0.92)),
                *(("cuarto de litro", 250.0), ("ounce, half", 14.8), ("half quart", 30.0)),
            )
        ),
        ("1/2 oz", 1.0, 14.78675, True),
    ],
)
def test_a_conversion_wins_where_it_can_be_true(
    tmp_path: Path, name: str, conversion: float, milliliters: float | None, told: bool
) -> None:
    path = write_database(
        tmp_path / "bar.db",
        ingredients=INGREDIENTS,
        units=[(1, name, None, conversion)],
        recipes=[(1, "One")],
        lines=[(1, 1, 1, 1.0)],
    )
    catalog = load_catalog(path, volumes="poured")
    assert catalog.units[0].conversion_to_ml == milliliters
    codes = {f.code for f in catalog.findings}
    assert ("contradicted-unit" in codes) == told
    if told:
        (example,) = finding(catalog, "contradicted-unit").examples
        assert example == f"{name}: {conversion:g} ml in the file, {milliliters:g} ml by the name"


def test_lines_without_an_amount_are_told(tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db",
        ingredients=INGREDIENTS,
        units=UNITS,
        recipes=[(1, "One"), (2, "Two")],
        lines=[
            *((1, 1, UNIT["ml"], 40.0), (1, 2, None, None), (1, 4, None, 0.0)),
            *((2, 1, UNIT["ml"], None), (2, 4, UNIT["to top"], None), (2, 5, None, None)),
            (2, 2, UNIT["splash"], None),
        ],
    )
    catalog = load_catalog(path, volumes="poured")
    one, two = mixture(catalog, "One"), mixture(catalog, "Two")
    assert one == {"Gin": 40.0, "Lemon Juice": 6.0, "Soda Water": 90.0}
    assert two == {"Gin": 40.0, "Lemon Juice": 6.0, "Soda Water": 90.0, "Basil Leaves": 0.6}
    told = finding(catalog, "missing-amount")
    assert told.count == 4
    assert "for 4 lines without an amount in 2 recipes" in told.message


def test_units_without_a_name_are_no_units(tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db",
        ingredients=INGREDIENTS,
        units=[(1, "", "", None), (2, "none", None, None), (3, "ml", None, 1.0)],
        recipes=[(1, "One")],
        lines=[(1, 1, 3, 40.0), (1, 2, 1, 25.0), (1, 3, 2, 15.0)],
        schema=LOOSE_SCHEMA,
    )
    catalog = load_catalog(path, volumes="poured")
    assert mixture(catalog, "One") == {"Gin": 40.0, "Lemon Juice": 25.0, "Sugar Syrup": 15.0}
    assert finding(catalog, "amount-without-unit").count == 2
