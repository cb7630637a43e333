"""The reader of another program's SQLite file, by a TOML file that says what its tables mean.

``docs/databases.md`` shows a whole one. Each section names a table and its columns::

    [lines]
    table = "pour"
    recipe = "drink_id"
    ingredient = "bottle_id"
    amount = "qty"
    unit = "measure"

Without a section ``ingredients``, ``recipes`` or ``units`` the columns of ``lines`` hold names
instead of ids. Ids may be numbers or texts.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from analytics_core.errors import DataError
from analytics_core.source.csv_text import unit_of_amounts, yes_or_no
from analytics_core.source.findings import Findings, in_one_line, shorten
from analytics_core.source.measured import (
    Measured,
    in_unit,
    measured,
    report_either,
    report_unclear,
)
from analytics_core.source.one_cell import whole_recipe, with_amount
from analytics_core.source.quantities import decimal_mark, is_unclear, part_of_one
from analytics_core.source.recipe_keys import name_key, usual_spelling
from analytics_core.source.rows import (
    BAD_ID,
    NULL_FLAG,
    NULL_ID,
    IngredientRows,
    LineRows,
    Reader,
    RecipeRows,
    Rows,
    UnitRows,
    stable_id,
    units_by_name,
)
from analytics_core.source.tables import Columns, Kind, opened
from analytics_core.source.unit_table import key_of, unit_meaning

_Kind: TypeAlias = Literal["key", "flag", "amount", "number", "text"]
"""A key names rows: a whole number, or a text that becomes one. A flag may be a word, and an amount
a text with a unit behind it."""


@dataclass(frozen=True, slots=True)
class _Section:
    """What a section of the file may say: columns by key, with their kinds."""

    needed: Mapping[str, _Kind]
    welcome: Mapping[str, _Kind]


_SECTIONS: Mapping[str, _Section] = {
    "ingredients": _Section(
        {"id": "key", "name": "text"},
        {"parent": "key", "counts_as_parent": "flag", "strength": "number"},
    ),
    "recipes": _Section(
        {"id": "key", "name": "text"},
        {"variant_of": "key", "method": "text", "dilution": "number"},
    ),
    "units": _Section({"id": "key", "name": "text"}, {"abbreviation": "text", "ml": "number"}),
    "lines": _Section(
        {"recipe": "key", "ingredient": "key"},
        {
            "amount": "amount",
            "amount_max": "amount",
            "unit": "text",
            "optional": "flag",
            "specified": "flag",
        },
    ),
    "substitutes": _Section({"ingredient": "key", "substitute": "key"}, {}),
    "parts": _Section({"ingredient": "key", "part": "key"}, {}),
}
_NEEDED = "lines"
_REFERENCES: Mapping[str, Sequence[tuple[str, str]]] = {
    "recipes": (("recipes", "id"), ("recipes", "variant_of"), ("lines", "recipe")),
    "ingredients": (
        ("ingredients", "id"),
        ("ingredients", "parent"),
        ("lines", "ingredient"),
        *((section, "ingredient") for section in ("substitutes", "parts")),
        ("substitutes", "substitute"),
        ("parts", "part"),
    ),
    "units": (("units", "id"), ("lines", "unit")),
}
"""The columns of keys that are compared with each other, by the section that they name rows of."""
_DIGITS = re.compile(r"(-?(?:0|[1-9][0-9]{0,17}))(?:\.0)?")
_MOST_WHOLE = 2.0**53


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping, checked.

    Attributes
    ----------
    file
        Where it stands.
    tables
        The database's table of each section.
    columns
        Its columns and their kinds, by section and key.
    """

    file: Path
    tables: Mapping[str, str]
    columns: Mapping[str, Mapping[str, tuple[str, _Kind]]]


def reader_of(file: Path) -> Reader:
    """Return the reader that a TOML file makes.

    Raises
    ------
    DataError
        If the file cannot be read, is no TOML, or has a key that means nothing or lacks one.
    """
    mapping = read_mapping(file)

    def read(database: Path, findings: Findings, *, called: object, bar: str | None = None) -> Rows:
        del bar
        found: dict[str, Columns] = {}
        with opened(database, findings, called=called, views=True) as tables:
            for section, table in mapping.tables.items():
                chosen = mapping.columns[section]
                wanted: dict[str, Kind] = {
                    column: "number" if kind == "number" else "text"
                    for column, kind in chosen.values()
                }
                tables.require({table: wanted}, because=f", which [{section}] in {file} names")
                rows = tables.read({table: wanted})[table]
                found[section] = {
                    key: _flags(rows[column], f"{table}.{column}", findings)
                    if kind == "flag"
                    else rows[column]
                    for key, (column, kind) in chosen.items()
                }
        _refuse_whole_recipes(mapping, found, called)
        return _rows(mapping, _joined(found), findings)

    return read


def read_mapping(file: Path) -> Mapped:
    """Read a TOML file and see that it says what is needed and nothing else."""
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"The layout file {file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # also numbers and brackets without end
        raise DataError(f"The layout file {file} is no TOML: {in_one_line(error)}.") from error

    def refuse(what: str) -> DataError:
        return DataError(f"The layout file {file} {what}.")

    if unknown := sorted(said.keys() - _SECTIONS.keys()):
        raise refuse(f"has {unknown[0]!r}, but its sections are {', '.join(_SECTIONS)}")
    if _NEEDED not in said:
        raise refuse(f"lacks the section [{_NEEDED}]")
    tables: dict[str, str] = {}
    columns: dict[str, dict[str, tuple[str, _Kind]]] = {}
    for section, given in said.items():
        if not isinstance(given, dict):
            raise refuse(f"has {section} as a value; it is a section: [{section}]")
        kinds = {**_SECTIONS[section].needed, **_SECTIONS[section].welcome}
        for key in ("table", *_SECTIONS[section].needed):
            if key not in given:
                raise refuse(f"lacks {key} in [{section}]")
        for key, value in given.items():
            if key != "table" and key not in kinds:
                raise refuse(f"has {section}.{key}, but [{section}] has {', '.join(kinds)}")
            if not isinstance(value, str) or not value.strip():
                raise refuse(f"has {section}.{key} = {value!r}; it names a table or a column")
        tables[section] = given["table"]
        columns[section] = {key: (given[key], kind) for key, kind in kinds.items() if key in given}
    lines = columns[_NEEDED]
    for section, key in (("recipes", "recipe"), ("ingredients", "ingredient")):
        if section not in said:  # the column holds names
            lines[key] = (lines[key][0], "text")
    if "units" in said:
        if "unit" not in lines:
            raise refuse("has a section [units], but no unit in [lines] that refers to it")
        lines["unit"] = (lines["unit"][0], "key")
    return Mapped(file, tables, columns)


def _refuse_whole_recipes(mapping: Mapped, found: Mapping[str, Columns], called: object) -> None:
    """Raise a DataError where one value holds what should be one row for each ingredient."""
    if "ingredients" in found:
        return
    lines = found[_NEEDED]
    cells, amounts = ([_written(v) for v in lines.get(k, ())] for k in ("ingredient", "amount"))
    measured = not lines.keys().isdisjoint({"amount", "unit"})
    place = whole_recipe(
        lines["recipe"], cells, (amounts or [""] * len(cells)) if measured else None
    )
    if place is not None:
        column = f"{mapping.tables[_NEEDED]}.{mapping.columns[_NEEDED]['ingredient'][0]}"
        raise DataError(
            f"The database {called} has a whole recipe in one value of {column}, "
            f"{shorten(in_one_line(cells[place]))!r} of the recipe "
            f"{shorten(in_one_line(_written(lines['recipe'][place])))!r}: it takes one row for "
            "each ingredient."
        )


def _rows(mapping: Mapped, found: Mapping[str, Columns], findings: Findings) -> Rows:
    lines = dict(found[_NEEDED])
    count = len(lines["recipe"])
    if "ingredients" not in found and lines.keys().isdisjoint({"amount", "unit"}):
        told = [with_amount(_written(name).strip()) for name in lines["ingredient"]]
        lines["amount"] = [both and both[0] for both in told]
        lines["ingredient"] = [
            both[1] if both else name for both, name in zip(told, lines["ingredient"], strict=True)
        ]
    recipes, recipe_of_line = _named(found.get("recipes"), lines["recipe"])
    ingredients, ingredient_of_line = _named(found.get("ingredients"), lines["ingredient"])
    known = found.get("units")
    names = _unit_names(lines, known, count)
    own = (
        unit_of_amounts(mapping.columns[_NEEDED].get("amount", ("",))[0]) if known is None else None
    )
    written = _read_amounts(lines, names, own or "", findings)
    if known is None:
        units, unit_of_line = units_by_name(written)
    else:
        units, unit_of_line = _units_by_id(known, lines["unit"], names, written)
    specified = lines.get("specified")
    flags = ingredients.get("counts_as_parent")
    return Rows(
        layout=mapping.file.stem,
        ingredients=IngredientRows(
            ids=ingredients["id"],
            names=ingredients["name"],
            parents=ingredients.get("parent", [NULL_ID] * len(ingredients["id"])),
            allow_substitution=flags if flags is not None else [1] * len(ingredients["id"]),
            strengths=ingredients.get("strength"),
        ),
        units=units,
        recipes=RecipeRows(
            ids=recipes["id"],
            names=recipes["name"],
            variant_of=recipes.get("variant_of"),
            methods=recipes.get("method"),
            dilutions=recipes.get("dilution"),
        ),
        lines=LineRows(
            recipes=recipe_of_line,
            ingredients=ingredient_of_line,
            units=unit_of_line,
            amounts=lines["amount"],
            amounts_max=lines.get("amount_max"),
            optional=lines.get("optional"),
            rolls_up=specified and [0 if flag == 1 else NULL_FLAG for flag in specified],
        ),
        substitutes=_pairs(found.get("substitutes")),
        parts=_pairs(found.get("parts")),
        only_named_parents=flags is None,
        knows_units=known is not None and "ml" in known,
        names={"parent_id": "parent"},
    )


def _named(there: Columns | None, of_lines: Sequence[Any]) -> tuple[Columns, Sequence[int]]:
    """Return rows and the lines' ids; without rows they are made of the names on lines."""
    if there is not None:
        return there, of_lines
    ids = [_named_key(name) for name in of_lines]
    spellings: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for ident, name in zip(ids, of_lines, strict=True):
        if ident != NULL_ID:
            spellings[ident][" ".join(_text(name).split())] += 1
    usual = sorted((usual_spelling(counts), ident) for ident, counts in spellings.items())
    return {"id": [ident for _, ident in usual], "name": [name for name, _ in usual]}, ids


def _unit_names(lines: Columns, known: Columns | None, count: int) -> list[str]:
    """Return what each line's unit is called; empty where it has none."""
    own = lines.get("unit", [None] * count)
    if known is not None:
        by_id = dict(zip(known["id"], known["name"], strict=True))
        own = [by_id.get(unit) for unit in own]
    return [_written(unit) for unit in own]


def _read_amounts(
    lines: dict[str, Any], units: Sequence[str], own: str, findings: Findings
) -> list[str]:
    """Turn columns of amounts into numbers; return the unit of each line, from either column.

    Lines without one have the column's `own`: "cl" holds centiliters.
    """
    blank: Sequence[Any] = [None] * len(units)
    low, high = lines.get("amount", blank), lines.get("amount_max", blank)
    alone = [a is None and b is None for a, b in zip(low, high, strict=True)]
    texts = [value for value in (*low, *high) if isinstance(value, str)]
    texts += [unit for unit, is_alone in zip(units, alone, strict=True) if is_alone]
    mark = decimal_mark(texts)
    report_unclear([text for text in texts if mark is None and is_unclear(text)], findings)
    unreadable, either = [], []

    def read(value: object, unit: str, *, is_alone: bool = False) -> Measured:
        if isinstance(value, int | float) or (value is None and not is_alone):
            return Measured(value, unit)
        text = "" if value is None else _text(value)
        line = measured(text, unit or (own if part_of_one(text) else ""), mark)
        if line.amount is not None and math.isnan(line.amount):
            unreadable.append(text or unit)
            return Measured(math.inf, unit)  # the recipe is left out
        if line.is_either:
            either.append(f"{text} {line.unit} as {line.amount:g}".lstrip())
        return line

    found = [read(*each[:2], is_alone=each[2]) for each in zip(low, units, alone, strict=True)]
    written = [line.unit for line in found]
    lines["amount"] = [line.amount for line in found]
    if "amount_max" in lines:
        most = [read(*each) for each in zip(high, units, strict=True)]
        written = [
            own if line.amount is not None else other.unit
            for own, line, other in zip(written, found, most, strict=True)
        ]
        highest = [in_unit(*each) for each in zip(most, written, strict=True)]
        lines["amount_max"] = [
            math.inf if value is not None and math.isnan(value) else value for value in highest
        ]
    findings.add("unreadable-amount", "Could not read {}.", ("amount", "amounts"), unreadable)
    report_either(either, findings)
    return [
        own if not unit.strip() and amount is not None else unit
        for unit, amount in zip(written, lines["amount"], strict=True)
    ]


def _units_by_id(
    known: Columns, of_lines: Sequence[int], names: Sequence[str], written: Sequence[str]
) -> tuple[UnitRows, list[int]]:
    """Return the database's units, and each line's; an amount may name one that has no row."""
    ids, called = list(known["id"]), list(known["name"])
    short = list(known.get("abbreviation", [None] * len(ids)))
    volumes = list(known.get("ml", [None] * len(ids)))
    by_key = {
        key_of(_text(name)): unit
        for spellings in (short, called)
        for unit, name in zip(ids, spellings, strict=True)
        if name is not None
    }
    found = []
    for unit, name, text in zip(of_lines, names, written, strict=True):
        if text == name:
            found.append(unit)
            continue
        key = key_of(text)
        if key not in by_key:
            by_key[key] = stable_id(text)
            meaning = unit_meaning(text)
            ids.append(by_key[key])
            called.append(text)
            short.append(None)
            volumes.append(meaning.ml if meaning and meaning.kind in {"measure", "sized"} else None)
        found.append(by_key[key])
    return UnitRows(ids=ids, names=called, abbreviations=short, volumes_ml=volumes), found


def _joined(found: Mapping[str, Columns]) -> Mapping[str, Columns]:
    """Return the columns with whole numbers for keys: equal where SQLite itself would join them."""
    keyed = {section: dict(columns) for section, columns in found.items()}
    for target, references in _REFERENCES.items():
        there = [(section, key) for section, key in references if key in found.get(section, {})]
        if target not in found:  # names; those on lines become ids in `_named`
            for section, key in there:
                if section != _NEEDED:
                    keyed[section][key] = [_named_key(value) for value in found[section][key]]
            continue
        numbers = any(
            isinstance(value, int | float)
            for section, key in there
            for value in found[section][key]
        )
        for section, key in there:
            keyed[section][key] = [_key(value, numbers=numbers) for value in found[section][key]]
    return keyed


def _key(value: object, *, numbers: bool) -> int:
    """Return a key; a text of digits is the number where it is compared with `numbers`."""
    if value is None:
        return NULL_ID
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _MOST_WHOLE else BAD_ID
    if not isinstance(value, str):
        return BAD_ID
    number = _DIGITS.fullmatch(value) if numbers else None
    return int(number[1]) if number else stable_id(value)


def _named_key(value: object) -> int:
    name = "" if value is None else name_key(_text(value))
    return stable_id(name) if name else NULL_ID


def _flags(values: Sequence[object], column: str, findings: Findings) -> list[int]:
    """Return 1 for what says yes, else 0."""
    unclear: list[str] = []

    def flag(value: object) -> int:
        if value is None or value in (0, 1):
            return int(value == 1)
        yes = yes_or_no(_text(value))
        if yes is None:
            unclear.append(f"{column}: {_text(value)}")
        return int(bool(yes))

    flags = [flag(value) for value in values]
    findings.add(
        "unclear-flag",
        "Read {} as no, because they say neither yes nor no.",
        ("flag", "flags"),
        unclear,
    )
    return flags


def _pairs(columns: Columns | None) -> list[tuple[int, int]]:
    return [] if columns is None else list(zip(*columns.values(), strict=True))


def _written(value: object) -> str:
    return "" if value is None else _text(value)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
