"""Ingredients that a recipe's words name and its lines do not."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from analytics_core.doctor.names import label
from analytics_core.naming import singular, words_of
from analytics_core.source.findings import Finding, finding_of
from analytics_core.source.sqlite_file import file_uri

if TYPE_CHECKING:
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.source.catalog import Catalog

LISTED_AT_LEAST = 2
"""Recipes whose words name an ingredient and whose lines have it, before its absence says much."""
ALONE_AT_MOST = 1 / 3
"""Share of the recipes naming an ingredient in words that may lack it: beyond, that is a custom of
the house, such as garnishes or ice."""
# A champagne flute holds no champagne, and "without egg white" is no slip.
_VESSELS = frozenset(
    {
        "glass",
        "flute",
        "coupe",
        "cup",
        "goblet",
        "mug",
        "tumbler",
        "bowl",
        "bottle",
        "pot",
        "snifter",
    }
)
_DENIALS = frozenset({"without", "no", "not", "like", "than", "instead", "or", "if", "optional"})
_LONGEST = 6
_MOST_LETTERS = 10_000
"""Of what a recipe says: nobody writes more, and a column or a view can make any text."""
_PLACES = (("recipes", "instructions"), ("cocktails", "instructions"))


def read_instructions(database: Path) -> dict[int, str]:
    """Return what recipes say in words, by id; nothing where the database keeps none.

    Parameters
    ----------
    database
        A snapshot.
    """
    with (
        suppress(sqlite3.DatabaseError),  # a text, or a layout of another kind
        closing(sqlite3.connect(file_uri(database, mode="ro"), uri=True)) as connection,
    ):
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        for table, column in _PLACES:
            columns = {
                str(row[1]).lower() for row in connection.execute(f"PRAGMA table_info({table})")
            }
            if {"id", column} <= columns:
                rows = connection.execute(
                    f"SELECT id, substr({column}, 1, {_MOST_LETTERS}) FROM {table} NOT INDEXED"
                    f" WHERE typeof(id) = 'integer' AND typeof({column}) = 'text'"
                )
                return {int(ident): str(text) for ident, text in rows}
    return {}


def named_alone(
    catalog: Catalog, tree: IngredientTree, instructions: Mapping[int, str]
) -> list[Finding]:
    """Find ingredients that a recipe names in words alone, where the others list them.

    Parameters
    ----------
    catalog : Catalog
    tree : IngredientTree
    instructions
        By id of the recipe.
    """
    names, ids = catalog.ingredients.names, catalog.ingredients.ids.tolist()
    words = [tuple(map(singular, words_of(name))) for name in names]
    inner = tree.has_children().tolist()
    known = {key: row for row, key in enumerate(words) if key and not inner[row]}
    begins: dict[str, int] = {}
    for key in known:
        begins[key[0]] = min(_LONGEST, max(len(key), begins.get(key[0], 0)))
    lines_of: dict[int, list[int]] = defaultdict(list)
    for recipe, ingredient in zip(
        catalog.lines.recipe.tolist(), catalog.lines.ingredient.tolist(), strict=True
    ):
        lines_of[recipe].append(ingredient)
    listed: dict[int, int] = defaultdict(int)
    alone: dict[int, list[int]] = defaultdict(list)
    for recipe, ident in enumerate(catalog.recipes.ids.tolist()):
        text = instructions.get(ident)
        if not text:
            continue
        title = {singular(word) for word in words_of(catalog.recipes.names[recipe])}
        poured = {word for row in lines_of[recipe] for word in words[row]}
        for row in _mentions([singular(word) for word in words_of(text)], known, begins):
            if poured & set(words[row]):
                listed[row] += 1
            elif not title & set(words[row]):
                alone[row].append(recipe)
    recipes = catalog.recipes
    examples = [
        f"{label(names[row], ids[row])} in {label(recipes.names[recipe], int(recipes.ids[recipe]))}"
        for row, missing in sorted(alone.items())
        if listed[row] >= LISTED_AT_LEAST
        and len(missing) <= ALONE_AT_MOST * (len(missing) + listed[row])
        for recipe in missing
    ]
    return finding_of(
        "named-in-instructions",
        "Found {} named in a recipe's instructions, but not among its lines.",
        ("ingredient", "ingredients"),
        examples,
    )


def _mentions(
    text: list[str], known: Mapping[tuple[str, ...], int], begins: Mapping[str, int]
) -> set[int]:
    """Return the ingredients that a text names, each by its longest name."""
    found = set()
    at = 0
    while at < len(text):
        longest = begins.get(text[at], 0)
        for length in range(min(longest, len(text) - at), 0, -1):
            row = known.get(tuple(text[at : at + length]))
            if row is None:
                continue
            after = text[at + length] if at + length < len(text) else ""
            if after not in _VESSELS and not _DENIALS & set(text[max(0, at - 2) : at]):
                found.add(row)
            at += length - 1
            break
        at += 1
    return found
