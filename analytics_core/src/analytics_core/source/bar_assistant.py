"""The reader of Bar Assistant's SQLite file, of its versions 3 to 6, as it lies beside the server.

What the program keeps, and what is made of it here:

- One file holds several *bars*, which share nothing. One of them is read.
- Up to version 4 ingredients hang on *categories*, which become roots; from version 5 on a category
  is an ingredient like others. Stored paths are not looked at: the parents say it all.
- A *variant*, an ingredient below another, counts as that one, unless the line insists on it
  (``is_specified``, from version 5 on) or no recipe names the other: it is then a category.
- An amount may be a range, of which the middle is taken. A line must have an amount, so that 0
  stands for none.
- A line may be *optional*, and may name *substitutes*: the owner's word on what stands in for what.
- An ingredient may be made of others, and a cocktail may be a variant of another.
- ``strength`` is 0 where nobody wrote one.
- A cocktail has a method, and the method a *dilution*: what melting ice adds to what is poured.

Users, memberships, notes, ratings and shelves are not read, nor is any text but names and units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analytics_core.errors import DataError
from analytics_core.source.findings import Findings, shorten
from analytics_core.source.rows import (
    BAD_FLAG,
    BAD_ID,
    NULL_FLAG,
    NULL_ID,
    IngredientRows,
    LineRows,
    RecipeRows,
    Rows,
    units_by_name,
)
from analytics_core.source.tables import Columns, Wanted, opened

LAYOUT = "bar-assistant"

NEEDED: Wanted = {
    "bars": {"id": "id", "name": "text"},
    "ingredients": {"id": "id", "bar_id": "id", "name": "text", "parent_ingredient_id": "id"},
    "cocktails": {"id": "id", "bar_id": "id", "name": "text"},
    "cocktail_ingredients": {
        "id": "id",
        "cocktail_id": "id",
        "ingredient_id": "id",
        "amount": "number",
        "units": "text",
        "optional": "flag",
    },
}

WELCOME: Wanted = {
    "bars": {"slug": "text"},
    "ingredients": {"strength": "number", "ingredient_category_id": "id"},
    "cocktails": {"parent_cocktail_id": "id", "cocktail_method_id": "id"},
    "cocktail_ingredients": {"amount_max": "number", "is_specified": "flag"},
    "ingredient_categories": {"id": "id", "bar_id": "id", "name": "text"},
    "cocktail_ingredient_substitutes": {"cocktail_ingredient_id": "id", "ingredient_id": "id"},
    "complex_ingredients": {"main_ingredient_id": "id", "ingredient_id": "id"},
    "cocktail_methods": {"id": "id", "name": "text", "dilution_percentage": "number"},
}
"""What is not in every version: single columns, and the last four tables as a whole."""

_FIRST_CATEGORY = 1_000_000_000
"""Ids of categories begin here, or at the next power of ten above all ingredients."""


@dataclass(frozen=True, slots=True)
class _Bar:
    key: int
    name: str
    slug: str

    def __str__(self) -> str:
        slug = f", {shorten(self.slug)}" if self.slug else ""
        return f"{shorten(self.name)} (id {self.key}{slug})"


def read(database: Path, findings: Findings, *, called: object, bar: str | None) -> Rows:
    """Read one bar; see `analytics_core.source.rows.Reader`."""
    with opened(database, findings, called=called) as tables:
        tables.require(NEEDED, because=f", which the layout {LAYOUT} has from version 3 on")
        found = tables.read(tables.with_welcome(NEEDED, WELCOME))
    chosen = _choose(found["bars"], bar, called)
    ingredients = _of_bar(found["ingredients"], chosen.key)
    cocktails = _of_bar(found["cocktails"], chosen.key)
    elsewhere = set(found["cocktails"]["id"]) - set(cocktails["id"])
    lines = _where(
        found["cocktail_ingredients"],
        [key not in elsewhere for key in found["cocktail_ingredients"]["cocktail_id"]],
    )
    own = dict(zip(lines["id"], lines["ingredient_id"], strict=True))
    substitutes = found.get("cocktail_ingredient_substitutes")
    parts = found.get("complex_ingredients")
    methods = _methods(cocktails.get("cocktail_method_id"), found.get("cocktail_methods"))
    units, unit_of_line = units_by_name([_text(unit) for unit in lines["units"]])
    amounts, amounts_max = _amounts(lines)
    return Rows(
        layout=LAYOUT,
        bar=str(chosen),
        ingredients=_with_categories(ingredients, found.get("ingredient_categories"), chosen.key),
        units=units,
        recipes=RecipeRows(
            ids=cocktails["id"],
            names=cocktails["name"],
            variant_of=cocktails.get("parent_cocktail_id"),
            methods=[name for name, _ in methods] if methods else None,
            dilutions=[dilution for _, dilution in methods] if methods else None,
        ),
        lines=LineRows(
            recipes=lines["cocktail_id"],
            ingredients=lines["ingredient_id"],
            units=unit_of_line,
            amounts=amounts,
            amounts_max=amounts_max,
            optional=lines["optional"],
            rolls_up=[_rolls_up(flag) for flag in lines["is_specified"]]
            if "is_specified" in lines
            else None,
        ),
        substitutes=[
            (own[line], other)
            for line, other in zip(*substitutes.values(), strict=True)
            if line in own
        ]
        if substitutes
        else [],
        parts=list(zip(*parts.values(), strict=True)) if parts else [],
        only_named_parents=True,
        knows_units=False,
        names={"parent_id": "parent_ingredient_id"},
    )


def _methods(
    of_cocktails: Sequence[int] | None, methods: Columns | None
) -> list[tuple[object, float | None]]:
    """Return each cocktail's method and dilution; empty where the file has no methods."""
    if of_cocktails is None or methods is None:
        return []
    known = {key: (name, dilution) for key, name, dilution in zip(*methods.values(), strict=True)}
    return [known.get(key, (None, None)) for key in of_cocktails]


def _choose(bars: Columns, wanted: str | None, called: object) -> _Bar:
    """Return the bar that is meant, or say which there are."""
    slugs = bars.get("slug") or [None] * len(bars["id"])
    there = [
        _Bar(key, _text(name) or "without a name", _text(slug) or "")
        for key, name, slug in sorted(
            zip(bars["id"], bars["name"], slugs, strict=True), key=lambda row: row[0]
        )
        if key > BAD_ID
    ]
    listed = "; ".join(str(bar) for bar in there)
    if not there:
        raise DataError(f"The database {called} holds no bar: its table bars is empty.")
    if wanted is None:
        if len(there) > 1:
            raise DataError(
                f"The database {called} holds {len(there)} bars, which are never put together; "
                f"choose one with --bar ID or --bar SLUG: {listed}."
            )
        return there[0]
    for of_bar in (lambda bar: str(bar.key), lambda bar: bar.slug):  # ids first
        for bar in there:
            if of_bar(bar) == wanted.strip():
                return bar
    raise DataError(f"The database {called} holds no bar {wanted!r}; it holds {listed}.")


def _with_categories(ingredients: Columns, categories: Columns | None, bar: int) -> IngredientRows:
    """Return a bar's ingredients, and its categories above those that have no other parent."""
    ids, names = list(ingredients["id"]), list(ingredients["name"])
    parents = list(ingredients["parent_ingredient_id"])
    strengths = list(ingredients.get("strength") or [None] * len(ids))
    if categories is not None and "ingredient_category_id" in ingredients:
        own = _of_bar(categories, bar)
        first = _FIRST_CATEGORY
        while first <= max([*ids, *own["id"]], default=0):
            first *= 10
        there = set(own["id"])
        parents = [
            first + category if parent == NULL_ID and category in there else parent
            for parent, category in zip(parents, ingredients["ingredient_category_id"], strict=True)
        ]
        ids += [first + key for key in own["id"]]
        names += own["name"]
        parents += [NULL_ID] * len(own["id"])
        strengths += [None] * len(own["id"])
    return IngredientRows(
        ids=ids,
        names=names,
        parents=parents,
        allow_substitution=[1] * len(ids),
        strengths=strengths,
    )


def _amounts(lines: Columns) -> tuple[Sequence[float | None], Sequence[float | None]]:
    """Return lower and upper amounts; 0 is none, except where a range begins there."""
    highest = lines.get("amount_max") or [None] * len(lines["amount"])
    lowest = [
        None if low == 0 and not high else low
        for low, high in zip(lines["amount"], highest, strict=True)
    ]
    return lowest, highest


def _rolls_up(is_specified: int) -> int:
    """Return the flag of a line that insists on its ingredient, or leaves it open."""
    return {1: 0, BAD_FLAG: BAD_FLAG}.get(is_specified, NULL_FLAG)


def _of_bar(columns: Columns, bar: int) -> Mapping[str, list[Any]]:
    return _where(columns, [key == bar for key in columns["bar_id"]])


def _where(columns: Columns, kept: Sequence[bool]) -> Mapping[str, list[Any]]:
    return {
        name: [value for value, is_kept in zip(column, kept, strict=True) if is_kept]
        for name, column in columns.items()
    }


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return None if value is None else str(value)
