"""What an ingredient does in a glass, and which one is a drink's base."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics_core.documents import recipe_details
from analytics_core.sample import write_sample_database
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.source.cocktaildb import load_catalog
from analytics_core.source.kinds import choose_base, kind_of, kind_of_name, water_of
from tests.analytics_core.databases import LOOSE_SCHEMA, write_database


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("London Dry Gin", "spirit"),
        ("Whiskies", "spirit"),
        ("Ron Añejo", "spirit"),
        ("Coffee Liqueur", "other"),
        ("Agave Syrup", "lengthener"),
        ("Ginger Beer", "lengthener"),
        ("Beer and Cider", "other"),
        ("Tonic Water", "lengthener"),
        ("Limettensaft", "lengthener"),
        ("Eierlikör", "other"),
        ("Crème de Cacao", None),
        ("Campari", None),
        ("Ginger", None),  # no gin
        ("", None),
    ],
)
def test_names_tell(name: str, kind: str | None) -> None:
    assert kind_of_name(name) == kind


@pytest.mark.parametrize(
    ("lineage", "water"),
    [
        (["Water"], "water"),
        (["Mixer", "Hot Water"], "water"),
        (["Crushed Ice"], "water"),
        (["Ice Cream"], None),
        (["Soda Water"], "soda"),
        (["Soda", "Club Soda"], "soda"),
        (["Soda", "Tonic Water"], None),
        (["Seasoning", "Orange Flower Water"], None),
        (["Coconut Water"], None),
        (["Water", "Evian"], "water"),  # a name that says nothing is what is above it
        (["Kirschwasser"], None),
        (["Campari"], None),
    ],
)
def test_water_is_water(lineage: list[str], water: str | None) -> None:
    assert water_of(lineage) == water


def test_the_root_counts_first() -> None:
    assert kind_of(["Liqueur", "Sloe Gin"]) == "other"
    assert kind_of(["Everything", "Spirits", "Malört"]) == "spirit"
    assert kind_of(["Everything", "Malört"]) == "other"


@pytest.mark.parametrize(
    ("volumes", "base"),
    [
        ({1: 45.0, 3: 90.0}, 1),  # a spirit under soda
        ({1: 30.0, 2: 60.0, 3: 90.0}, 1),
        ({1: 5.0, 2: 60.0}, 2),  # a dash is no base
        ({2: 30.0, 3: 90.0}, 2),
        ({3: 90.0, 4: 20.0}, 3),
        ({1: 30.0, 5: 30.0}, 1),
        ({1: 30.0, 5: 31.0}, 5),
    ],
)
def test_the_largest_spirit_else_what_does_not_lengthen(
    volumes: dict[int, float], base: int
) -> None:
    kinds = {1: "spirit", 2: "other", 3: "lengthener", 4: "lengthener", 5: "spirit"}
    assert choose_base(volumes, kinds) == base  # type: ignore[arg-type]


def bases(path: Path) -> dict[str, str]:
    catalog = load_catalog(path, volumes="poured")
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    rows = recipe_details(catalog, tree)
    return {row["recipe_name"]: row["base_ingredient_name"] for row in rows}


def test_bases_of_classics(tmp_path: Path) -> None:
    write_sample_database(tmp_path / "sample.db")
    found = bases(tmp_path / "sample.db")
    for name, base in {
        "Gin & Tonic": "Gin",
        "Tom Collins": "Gin",
        "Mojito": "Rum",
        "Negroni": "Gin",
        "Mimosa": "Wine",
        "Bloody Mary": "Vodka",
        "Trinidad Sour": "Whiskey",
    }.items():
        assert found.get(name, base) == base, name
    assert not {"Soda", "Juice", "Sweetener", "Water", "Egg"} & set(found.values())


def test_below_one_root_or_none(tmp_path: Path) -> None:
    for number, parents in enumerate(({}, {2: 1, 3: 1})):
        names = {1: "Anything", 2: "Club Soda", 3: "Vodka"}
        path = write_database(
            tmp_path / f"{number}.db",
            schema=LOOSE_SCHEMA,
            ingredients=[(n, name, parents.get(n), None, 0) for n, name in names.items()],
            units=[(1, "ml", "ml", 1.0)],
            recipes=[(1, "Long")],
            lines=[(1, 2, 1, 120.0), (1, 3, 1, 40.0)],
        )
        assert bases(path) == {"Long": "Anything" if parents else "Vodka"}
