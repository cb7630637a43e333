"""The reader of a table as a spreadsheet exports it: one line for each ingredient of a recipe.

Ids are made of names, or of the column ``id``, so that they stay when rows move or come.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from analytics_core.errors import DataError
from analytics_core.source.assembly import assemble
from analytics_core.source.catalog import Catalog
from analytics_core.source.csv_text import Record, Sheet, read_records, yes_or_no
from analytics_core.source.findings import Findings, shorten
from analytics_core.source.measured import measured, report_either, report_unclear
from analytics_core.source.one_cell import whole_recipe, with_amount
from analytics_core.source.poured import VolumeRule
from analytics_core.source.quantities import decimal_mark, is_unclear, part_of_one
from analytics_core.source.recipe_keys import (
    RecipeKeys,
    id_of,
    name_key,
    recipe_keys,
    usual_spelling,
)
from analytics_core.source.rows import (
    NULL_ID,
    IngredientRows,
    LineRows,
    RecipeRows,
    Rows,
    stable_id,
    units_by_name,
)

_LINES = ("line", "lines")
_MOST_SHOWN = 20  # names of columns
_LEVELS = re.compile(r"\s*[>›»→|]\s*|\s*::\s*")
_SLASHES = re.compile(r"\s*[/\\]\s*")


@dataclass(slots=True)
class _Named:
    """Everything of one name, however it is written."""

    spellings: Counter[str] = field(default_factory=Counter)
    parents: Counter[str] = field(default_factory=Counter)
    lines: dict[str, int] = field(default_factory=dict)  # where each parent is named first

    @property
    def name(self) -> str:
        return usual_spelling(self.spellings)

    @property
    def parent(self) -> str | None:
        return min(self.parents, key=lambda key: (-self.parents[key], key), default=None)


@dataclass(slots=True)
class _Line:
    recipe: str
    ingredient: str
    unit: str
    amount: float | None
    optional: bool


def read_table(path: Path | str, *, called: object = None, volumes: VolumeRule = "site") -> Catalog:
    """Read a table of recipes, check it, and put it in canonical order.

    Parameters
    ----------
    path
        CSV or TSV, with a header.
    called
        What errors call the file, by default `path`.
    volumes
        By which rule volumes are found.

    Returns
    -------
    Catalog

    Raises
    ------
    DataError
        If the file is no such table, see `read`.
    """
    called = path if called is None else called
    findings = Findings()
    rows = read(Path(path), findings, called=called, bar=None)
    return assemble(called, rows, findings, volumes=volumes)


def read(database: Path, findings: Findings, *, called: object, bar: str | None) -> Rows:
    """Read all lines of a table.

    Parameters
    ----------
    database
        The file.
    findings
        Takes what had to be repaired or left out.
    called
        What errors call the file.
    bar
        Not used: a table holds one collection.

    Returns
    -------
    Rows

    Raises
    ------
    DataError
        If the file is no text, has no header with the needed columns, a line before the first
        recipe, or ingredients whose parents form a cycle.
    """
    del bar
    sheet = read_records(database, findings, called=called)
    known = recipe_keys(sheet, findings, called)
    _refuse_whole_recipes(sheet, known, called)
    records = sheet.records if _measures(sheet) else [_with_amount(r) for r in sheet.records]
    recipes: defaultdict[str, _Named] = defaultdict(_Named)
    ingredients: defaultdict[str, _Named] = defaultdict(_Named)
    lines: list[_Line] = []
    written = [record.values["amount"] or record.values["unit"] for record in records]
    mark = decimal_mark(written, sheet.mark)
    unreadable, ranges, lost, unclear = [], [], [], []
    for record, (key, name) in zip(records, known.keys, strict=True):
        values = record.values
        recipes[key].spellings[name] += 1
        if not values["ingredient"]:
            if values["amount"] or values["unit"]:
                lost.append(f"line {record.line}: {values['amount']} {values['unit']}".rstrip())
            continue
        ingredient = _register(ingredients, values, record.line)
        line = measured(values["amount"], values["unit"], mark)
        is_bare = line.amount is not None and not line.unit
        if record.amount_unit and (
            is_bare or (not values["unit"] and part_of_one(values["amount"]))
        ):
            line = measured(values["amount"], record.amount_unit, mark)
        amount, unit = line.amount, line.unit
        if amount is not None and math.isnan(amount):
            unreadable.append(f"line {record.line}: {values['amount'] or values['unit']}")
            amount, unit = math.inf, ""  # the recipe is left out
        if line.is_either:
            ranges.append(f"line {record.line}: {values['amount']} {unit} as {amount:g}")
        optional = yes_or_no(values["optional"])
        if optional is None:
            unclear.append(f"line {record.line}: {values['optional']}")
        lines.append(_Line(key, ingredient, unit, amount, bool(optional)))
    findings.add(
        "unreadable-amount",
        "Could not read {}; spreadsheets make dates of fractions, so format the column as text.",
        ("amount", "amounts"),
        unreadable,
    )
    report_either(ranges, findings)
    if mark is None:
        report_unclear(
            [
                f"line {r.line}: {text}"
                for r, text in zip(records, written, strict=True)
                if is_unclear(text)
            ],
            findings,
        )
    findings.add(
        "unclear-flag",
        "Read {} as not optional, because they say neither yes nor no.",
        ("cell", "cells"),
        unclear,
    )
    findings.add("line-without-ingredient", "Left out {} without an ingredient.", _LINES, lost)
    if "amount" not in sheet.fields and all(line.amount is None for line in lines):
        shown = [shorten(name) for name in sheet.header[:_MOST_SHOWN]]
        findings.add(
            "no-amounts",
            f"Found no column of amounts for {{}}: the columns are {', '.join(shown)}.",
            _LINES,
            [f"line {r.line}: {r.values['ingredient']}" for r in records if r.values["ingredient"]],
        )
    if not known.by_id:
        _report_apart(known, lines, recipes, findings)
    return _rows(recipes, ingredients, lines, _parents(ingredients, findings, called))


def _measures(sheet: Sheet) -> bool:
    return not sheet.fields.isdisjoint({"amount", "unit"})


def _with_amount(record: Record) -> Record:
    """Take "1 oz gin" apart, in a sheet that has a column for neither amounts nor units."""
    found = with_amount(record.values["ingredient"])
    if found is None:
        return record
    own = dict(zip(("amount", "ingredient"), found, strict=True))
    return replace(record, values={**record.values, **own})


def _refuse_whole_recipes(sheet: Sheet, known: RecipeKeys, called: object) -> None:
    """Raise a DataError where one cell holds what should be one line for each ingredient."""
    place = whole_recipe(
        [key for key, _ in known.keys],
        [record.cell for record in sheet.records],
        [record.values["amount"] for record in sheet.records] if _measures(sheet) else None,
    )
    if place is not None:
        record = sheet.records[place]
        raise DataError(
            f"The table {called} has a whole recipe in one cell in line {record.line}, "
            f"{shorten(record.values['ingredient'])!r}: write one line for each ingredient."
        )


def _register(ingredients: defaultdict[str, _Named], values: Mapping[str, str], line: int) -> str:
    """Note an ingredient and what stands above it; return its key."""
    name = values["ingredient"]
    key = name_key(name)
    ingredients[key].spellings[name] += 1
    if not (values["path"] or values["parent"]):
        return key
    above = _levels(values["path"]) if values["path"] else [values["parent"]]
    chain = [level for level in above if level and name_key(level) != key]
    below = key
    for level in reversed(chain):
        parent = name_key(level)
        ingredients[parent].spellings[level] += 1
        if parent != below:
            ingredients[below].parents[parent] += 1
            ingredients[below].lines.setdefault(parent, line)
        below = parent
    return key


def _levels(path: str) -> list[str]:
    """Return the names in a path: "Spirits > Rum", "Spirits/Rum"."""
    found = _LEVELS.split(path)
    return [level for level in (found if len(found) > 1 else _SLASHES.split(path)) if level]


def _report_apart(
    known: RecipeKeys,
    lines: Sequence[_Line],
    recipes: Mapping[str, _Named],
    findings: Findings,
) -> None:
    """Report recipes that stand in several places and name an ingredient twice: two, perhaps."""
    blocks: Counter[str] = Counter()
    last = None
    for place, (key, _) in enumerate(known.keys):
        blocks[key] += key != last or place in known.anew
        last = key
    pairs = Counter((line.recipe, line.ingredient) for line in lines)
    twice = {recipe for (recipe, _), count in pairs.items() if count > 1}
    findings.add(
        "recipe-in-parts",
        "Read {} as one each, though their lines stand apart and repeat an ingredient; a column id "
        "tells recipes of one name apart.",
        ("recipe", "recipes"),
        [recipes[key].name for key, count in blocks.items() if count > 1 and key in twice],
    )


def _parents(
    ingredients: Mapping[str, _Named], findings: Findings, called: object
) -> dict[str, str | None]:
    """Return the parent of each ingredient; raise a DataError where they form a cycle."""
    parents = {key: named.parent for key, named in ingredients.items()}
    findings.add(
        "several-parents",
        "Took the most frequent parent of {} that have more than one.",
        ("ingredient", "ingredients"),
        [
            f"{named.name}: {ingredients[named.parent or ''].name}, not "
            f"{', '.join(sorted(ingredients[k].name for k in named.parents if k != named.parent))}"
            for named in ingredients.values()
            if len(named.parents) > 1
        ],
    )
    done: set[str] = set()
    for start in sorted(parents):
        chain: dict[str, None] = {}
        node: str | None = start
        while node is not None and node not in done:
            if node in chain:
                walked = list(chain)
                cycle = walked[walked.index(node) :]
                names = " -> ".join(ingredients[key].name for key in [*cycle[:20], node])
                line = min(ingredients[key].lines[parents[key] or ""] for key in cycle)
                raise DataError(
                    f"The table {called} has a cycle among the parents of its ingredients, see "
                    f"line {line}: {names}."
                )
            chain[node] = None
            node = parents[node]
        done.update(chain)
    return parents


def _rows(
    recipes: Mapping[str, _Named],
    ingredients: Mapping[str, _Named],
    lines: Sequence[_Line],
    parents: Mapping[str, str | None],
) -> Rows:
    recipe_ids = {key: id_of(key) for key in recipes}
    ingredient_ids = {key: stable_id(key) for key in ingredients}
    units, line_units = units_by_name([line.unit for line in lines])
    above = (parents[key] for key in ingredients)
    return Rows(
        layout="table",
        ingredients=IngredientRows(
            ids=list(ingredient_ids.values()),
            names=[named.name for named in ingredients.values()],
            parents=[NULL_ID if key is None else ingredient_ids[key] for key in above],
            allow_substitution=[0] * len(ingredients),
        ),
        units=units,
        recipes=RecipeRows(
            ids=list(recipe_ids.values()), names=[named.name for named in recipes.values()]
        ),
        lines=LineRows(
            recipes=[recipe_ids[line.recipe] for line in lines],
            ingredients=[ingredient_ids[line.ingredient] for line in lines],
            units=line_units,
            amounts=[line.amount for line in lines],
            optional=[int(line.optional) for line in lines],
        ),
        knows_units=False,
    )
