"""Bar Assistant's file is read as its owner means it, whatever the version, and nothing else is."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics_core.changes import digests_of
from analytics_core.errors import DataError
from analytics_core.source import bar_assistant, tables
from analytics_core.source.catalog import Catalog, Lines
from analytics_core.source.layouts import load_catalog
from tests.analytics_core.bars import (
    BAR,
    CAMPARI,
    GIN,
    LEMON,
    LIME,
    LONDON,
    RUM,
    SECRET,
    SPIRITS,
    TANQUERAY,
    VERSIONS,
    WHITE,
    cocktail,
    ingredient,
    line,
    write_bar,
)
from tests.analytics_core.databases import change, finding


@pytest.fixture
def bar(tmp_path: Path) -> Path:
    return write_bar(tmp_path / "database.ba3.sqlite", wal=False)


def read(path: Path, bar: str | None = None) -> Catalog:
    return load_catalog(path, volumes="poured", bar=bar)


def poured(catalog: Catalog, recipe: int, lines: Lines | None = None) -> dict[str, tuple[Any, ...]]:
    """By ingredient: what it counts as, the amount, the unit and the milliliters."""
    lines = catalog.lines if lines is None else lines
    names, units = catalog.ingredients.names, catalog.units
    own = np.flatnonzero(catalog.recipes.ids[lines.recipe] == recipe)
    return {
        names[lines.ingredient[i]]: (
            names[lines.rolled[i]],
            float(lines.amount[i]),
            None if lines.unit[i] < 0 else units[lines.unit[i]].name,
            round(float(lines.volume_ml[i]), 3),
        )
        for i in own
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_known_and_read(tmp_path: Path, version: str) -> None:
    catalog = read(write_bar(tmp_path / "database.ba3.sqlite", version, wal=False))
    major = int(version.split(".")[0])
    assert catalog.layout == "bar-assistant"
    assert {found.code for found in catalog.findings} == {"usual-volume"}  # of leaves
    assert catalog.bar == ("Home Bar (id 1)" if version == "3.0" else "Home Bar (id 1, home-bar)")
    assert catalog.recipes.names == tuple(entry["name"] for entry in BAR["cocktails"])
    assert len(catalog.lines.recipe) == 19
    above = {
        int(key): int(catalog.ingredients.ids[parent]) if parent >= 0 else None
        for key, parent in zip(catalog.ingredients.ids, catalog.ingredients.parents, strict=True)
    }
    assert (above[TANQUERAY], above[LONDON], above[WHITE]) == (LONDON, GIN, RUM)
    if major < 5:  # a category is a root above what has no other parent
        assert above[GIN] == above[RUM] == 1_000_000_007
        assert above[CAMPARI] is None
        assert catalog.ingredients.names[-1] == "Spirits"
    else:
        assert above[GIN] is above[RUM] is None
    assert catalog.parts.shape[0] == (0 if version == "3.0" else 1)
    assert catalog.recipes.methods == ("Stir", "", "", "Shake", "", "")
    np.testing.assert_array_equal(
        catalog.recipes.dilution, [20, np.nan, np.nan, 25, np.nan, np.nan]
    )
    variants = catalog.recipes.variant_of.tolist()
    assert variants == ([-1, 0, -1, -1, -1, 0] if major > 5 or version == "5.15" else [-1] * 6)


def test_what_lines_count_as(bar: Path) -> None:
    catalog = read(bar)
    assert poured(catalog, 1)["London Dry Gin"][0] == "London Dry Gin"  # has something below it
    assert poured(catalog, 2)["Tanqueray"][0] == "Tanqueray"  # the line insists on it
    assert poured(catalog, 3)["Tanqueray"][0] == "London Dry Gin"  # which other recipes name
    assert poured(catalog, 4)["White Rum"][0] == "White Rum"  # no recipe names rum


@pytest.mark.parametrize("version", ["4.4", "5.0"])
def test_nothing_counts_as_a_category(tmp_path: Path, version: str) -> None:
    rows = {**BAR, "ingredients": [*BAR["ingredients"], ingredient(SPIRITS, "Spirits")]}
    rows["ingredients"] = [
        {**row, "parent_ingredient_id": SPIRITS, "ingredient_category_id": None}
        if row["id"] in {GIN, RUM, CAMPARI}
        else row
        for row in rows["ingredients"]
    ]
    catalog = read(write_bar(tmp_path / "bar.sqlite", version, rows=rows, wal=False))
    assert poured(catalog, 1)["Campari"][0] == "Campari"


def test_amounts(bar: Path) -> None:
    assert poured(read(bar), 3) == {
        "Tanqueray": ("London Dry Gin", 52.5, "ml", 52.5),
        "Lime juice": ("Lime juice", 1.0, "oz", pytest.approx(29.574, abs=0.5)),
        "Simple syrup": ("Simple syrup", 2.0, "barspoon", pytest.approx(5, abs=1.5)),
    }


def test_an_amount_of_zero_is_none(bar: Path) -> None:
    change(bar, "UPDATE cocktail_ingredients SET amount = 0, units = 'to top' WHERE id = 8")
    change(bar, "UPDATE cocktail_ingredients SET amount = 0, amount_max = 20 WHERE id = 12")
    catalog = read(bar)
    assert np.isnan(poured(catalog, 3)["Lime juice"][1])
    assert poured(catalog, 3)["Lime juice"][3] == 90
    assert poured(catalog, 4)["Lime juice"][1] == 10  # up to 20


def test_optional_lines_are_beside_the_drink(bar: Path) -> None:
    catalog = read(bar)
    assert "Mint" not in poured(catalog, 3)
    assert list(poured(catalog, 3, catalog.optional)) == ["Mint"]
    assert "Mint" in poured(catalog, 5)


@pytest.mark.parametrize("column", ["optional", "is_specified"])
def test_a_flag_that_says_neither_yes_nor_no_is_told(bar: Path, column: str) -> None:
    change(bar, f"UPDATE cocktail_ingredients SET {column} = 'maybe' WHERE id = 1")
    (found,) = (finding for finding in read(bar).findings if finding.code == "unclear-flag")
    assert found.count == 1


def test_an_amount_that_no_glass_holds_is_told(bar: Path) -> None:
    change(bar, "UPDATE cocktail_ingredients SET amount = 45659 WHERE id = 1")
    (found,) = (finding for finding in read(bar).findings if finding.code == "huge-amount")
    assert found.count == 1


def test_units_are_known_by_name_under_both_rules(bar: Path) -> None:
    site = load_catalog(bar, volumes="site")
    assert poured(site, 3)["Lime juice"][3] == pytest.approx(29.574, abs=0.5)


def test_strengths(bar: Path) -> None:
    catalog = read(bar)
    strength = dict(
        zip(catalog.ingredients.ids.tolist(), catalog.ingredients.strength, strict=True)
    )
    assert (strength[GIN], strength[TANQUERAY], strength[LIME]) == (40, 47.3, 0)
    assert np.isnan(strength[RUM])  # 0, where nobody wrote one: there is a rum of 40%


def test_what_the_owner_declares(bar: Path) -> None:
    catalog = read(bar)
    ids = catalog.ingredients.ids
    assert ids[catalog.substitutes].tolist() == [[LIME, LEMON]]
    assert ids[catalog.parts].tolist() == [[LIME, LEMON]]


@pytest.mark.parametrize("path", ["NULL", "''", "'99/98/'", "'1/2/3/'"])
def test_paths_are_rebuilt_from_the_parents(bar: Path, path: str) -> None:
    before = read(bar)
    change(bar, f"UPDATE ingredients SET materialized_path = {path}")
    catalog = read(bar)
    paths = dict(zip(catalog.ingredients.ids.tolist(), catalog.ingredients.paths, strict=True))
    assert (paths[GIN], paths[LONDON], paths[TANQUERAY]) == ("/1/", "/1/2/", "/1/2/3/")
    assert (catalog.fingerprint, catalog.findings) == (before.fingerprint, before.findings)


def test_a_line_that_begins_to_insist_makes_its_recipe_another(bar: Path) -> None:
    before = digests_of(read(bar))
    change(bar, "UPDATE cocktail_ingredients SET is_specified = 1 WHERE id IN (1, 7)")
    after = digests_of(read(bar))
    # London dry counts as itself anyway; Tanqueray in the sour does no longer
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, *[True] * 3]


def test_a_parent_that_is_not_there_and_lines_that_dangle(bar: Path) -> None:
    change(bar, f"UPDATE ingredients SET parent_ingredient_id = 99 WHERE id = {LONDON}")
    change(bar, "DELETE FROM cocktails WHERE id = 2")
    catalog = read(bar)
    orphan = finding(catalog, "orphan-parent")
    assert (orphan.message, orphan.examples) == (
        "Made roots of 1 ingredient whose parent_ingredient_id has no row.",
        ("London Dry Gin (id 2)",),
    )
    assert finding(catalog, "dangling-line").count == 3


# --- bars ------------------------------------------------------------------------------------


def two_bars(path: Path, version: str = "6.0") -> Path:
    second = 1000
    rows = {table: [dict(row) for row in entries] for table, entries in BAR.items()}
    rows["bars"].append({"id": 2, "name": "Patio", "slug": "patio"})
    rows["ingredients"].append(ingredient(second, "Pisco", None, 42, bar_id=2))
    rows["ingredients"].append(ingredient(second + 1, "Lemon juice", None, 0, bar_id=2))
    rows["cocktails"].append(cocktail(second, "Pisco Sour", bar_id=2))
    rows["cocktail_ingredients"] += [
        line(1000, second, second, 60),
        line(1001, second, second + 1, 30),
    ]
    rows["cocktail_ingredient_substitutes"].append(
        {"cocktail_ingredient_id": 1001, "ingredient_id": second}
    )
    return write_bar(path, version, rows=rows, wal=False)


@pytest.mark.parametrize("version", VERSIONS)
def test_bars_are_never_put_together(tmp_path: Path, version: str) -> None:
    alone = read(write_bar(tmp_path / "alone.sqlite", version, wal=False))
    both = two_bars(tmp_path / "both.sqlite", version)
    assert read(both, "1").fingerprint == alone.fingerprint
    patio = read(both, "2")
    assert (patio.recipes.names, patio.findings) == (("Pisco Sour",), ())
    assert patio.ingredients.names[:2] == ("Pisco", "Lemon juice")
    assert patio.substitutes.tolist() == [[1, 0]]
    if version != "3.0":
        assert read(both, "patio").fingerprint == patio.fingerprint


def test_which_bars_there_are_is_said(tmp_path: Path) -> None:
    both = two_bars(tmp_path / "both.sqlite")
    with pytest.raises(DataError, match="holds 2 bars, which are never put together") as refused:
        read(both)
    assert str(refused.value).endswith(
        "choose one with --bar ID or --bar SLUG: Home Bar (id 1, home-bar); Patio (id 2, patio)."
    )
    with pytest.raises(DataError, match=r"holds no bar 'attic'; it holds Home Bar \(id 1"):
        read(both, "attic")


def test_a_file_without_a_bar(bar: Path) -> None:
    change(bar, "DELETE FROM bars")
    with pytest.raises(DataError, match="holds no bar: its table bars is empty"):
        read(bar)


def test_a_version_before_bars(bar: Path) -> None:
    change(bar, "DROP TABLE bars")
    with pytest.raises(DataError) as refused:
        load_catalog(bar, called="/srv/bar.sqlite")
    assert str(refused.value) == (
        "The database /srv/bar.sqlite lacks the table bars, which the layout bar-assistant has"
        " from version 3 on."
    )


# --- nothing private ---------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every column that SQLite is asked to read, by table, as its authorizer is told."""
    seen: list[tuple[str, str]] = []

    class Watched(sqlite3.Connection):
        def set_authorizer(self, authorizer: Any) -> None:
            def watch(action: int, one: str | None, other: str | None, *more: Any) -> int:
                if action == sqlite3.SQLITE_READ:
                    seen.append((str(one), str(other)))
                return authorizer(action, one, other, *more) if authorizer else sqlite3.SQLITE_OK

            super().set_authorizer(watch)

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.set_authorizer(None)

    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *a, **options: connect(*a, factory=Watched, **options)
    )
    return seen


@pytest.mark.parametrize("version", ["4.4", "6.0"])
def test_only_the_named_columns_are_read(
    tmp_path: Path, asked: list[tuple[str, str]], version: str
) -> None:
    path = write_bar(tmp_path / "bar.sqlite", version, wal=False)
    asked.clear()
    read(path)
    schema = ("sqlite_master", "pragma_")
    columns = {pair for pair in asked if not pair[0].startswith(schema)}
    assert columns <= {
        (table, column)
        for wanted in (bar_assistant.NEEDED, bar_assistant.WELCOME)
        for table, needed in wanted.items()
        for column in ("", *needed)  # "": rows are counted
    }
    assert {table for table, _ in columns} >= set(bar_assistant.NEEDED)


@pytest.mark.parametrize("column", ["created_user_id", "(SELECT password FROM users)"])
def test_sqlite_itself_refuses_every_other_column(
    bar: Path, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    monkeypatch.setattr(tables, "_expression", lambda *_: column)
    with pytest.raises(DataError, match=r"access to \w+\.(created_user_id|password) is prohibited"):
        read(bar)


def test_nothing_depends_on_what_is_private(bar: Path) -> None:
    before = read(bar)
    change(
        bar,
        *(f"DROP TABLE {table}" for table in ("users", "notes", "ratings", "bar_memberships")),
        "UPDATE cocktails SET instructions = 'x'",
    )
    assert read(bar).fingerprint == before.fingerprint
    assert SECRET not in str(before)
