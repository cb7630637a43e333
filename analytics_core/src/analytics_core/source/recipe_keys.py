"""Which lines of a table are one recipe's: by its column of ids where that is one, else by name.

People call a column ``no`` that numbers recipes, and one that numbers a recipe's lines. What it
numbers shows in the lines: an id that several names share is no recipe's.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache

from analytics_core.errors import DataError
from analytics_core.source.csv_text import Record, Sheet
from analytics_core.source.findings import Findings, shorten
from analytics_core.source.rows import stable_id
from analytics_core.source.unit_table import key_of

_MOST_ID = 2**53  # JavaScript counts no further
_NUMBER = re.compile(r"0*(\d{1,16})(?:[.,]0*)?")
_QUOTES = str.maketrans("’‘ʼ´`“”„«»", "'''''\"\"\"\"\"")


@dataclass(frozen=True, slots=True)
class RecipeKeys:
    """What each record's recipe is known by.

    Attributes
    ----------
    keys
        Of each record: ``id 7`` or ``name negroni``, and the recipe's name as it is written there.
    by_id
        Whether ids tell recipes of one name apart.
    anew
        Records at which the numbers of lines begin anew within one name.
    """

    keys: Sequence[tuple[str, str]]
    by_id: bool
    anew: frozenset[int] = frozenset()


@lru_cache(maxsize=65536)
def name_key(name: str) -> str:
    """Return what spellings of one name have in common: no case, one kind of quotes and blanks."""
    plain = unicodedata.normalize("NFKC", name).translate(_QUOTES).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def usual_spelling(spellings: Counter[str]) -> str:
    """Return the usual spelling; of equally usual ones the first in the alphabet."""
    return min(spellings, key=lambda text: (-spellings[text], text))


def id_of(key: str) -> int:
    """Return a recipe's id: the number in its column, else one made of the text or the name."""
    kind, text = key.split(" ", 1)
    number = _NUMBER.fullmatch(text) if kind == "id" else None
    return int(number[1]) if number and int(number[1]) < _MOST_ID else stable_id(text)


def recipe_keys(sheet: Sheet, findings: Findings, called: object) -> RecipeKeys:
    """Return what each record's recipe is known by.

    A blank cell means the recipe above, as in a sheet that names a recipe once; so does its name
    without the id that the row above has.

    Parameters
    ----------
    sheet
        The table.
    findings
        Takes ids that number something else than recipes.
    called
        What errors call the table.

    Raises
    ------
    DataError
        If the first record names no recipe, or if ids make sense neither as those of recipes nor as
        those of lines.
    """
    records = sheet.records
    names, ids = _carried(records, called)
    if "id" not in sheet.fields:
        return RecipeKeys([(f"name {name_key(name)}", name) for name in names], by_id=False)
    alike = [key_of(name) or name_key(name) for name in names]
    names_of: defaultdict[str, set[str]] = defaultdict(set)
    ids_of: defaultdict[str, set[str]] = defaultdict(set)
    pairs: Counter[tuple[str, str]] = Counter()
    for record, name, ident in zip(records, alike, ids, strict=True):
        if ident and record.values["ingredient"]:
            names_of[ident].add(name)
            ids_of[name].add(ident)
            pairs[name, ident] += 1
    shared = {ident for ident, found in names_of.items() if len(found) > 1}
    split = {name for name, found in ids_of.items() if len(found) > 1}
    contested = {ident for ident in shared if not split.isdisjoint(names_of[ident])}
    if split and _numbers_lines(pairs, split, bool(contested)):
        if not names[0]:
            raise _nameless(records[0], called)
        findings.add(
            "line-numbers",
            f"Ignored {{}} of the column {shorten(sheet.id_column)}: it numbers lines, not "
            "recipes.",
            ("number", "numbers"),
            [f"line {r.line}: {r.values['id']}" for r in records if r.values["id"]],
        )
        keys = [(f"name {name_key(name)}", name) for name in names]
        return RecipeKeys(keys, by_id=False, anew=_anew(records, keys))
    if contested:
        raise _contested(records, names, alike, ids, contested, called)
    findings.add(
        "shared-id",
        "Told {} apart by name, because recipes of different names share an id.",
        ("recipe", "recipes"),
        sorted({f"id {i}: {name}" for i, name in zip(ids, names, strict=True) if i in shared}),
    )
    return RecipeKeys(
        [
            (f"id {i}" if i and i not in shared else f"name {name_key(name)}", name)
            for i, name in zip(ids, names, strict=True)
        ],
        by_id=len(shared) < len(names_of),
    )


def _carried(records: Sequence[Record], called: object) -> tuple[list[str], list[str]]:
    """Return each record's name and id, taken from the record above where the cells are blank."""
    own = [_plain_id(record.values["id"]) for record in records]
    named: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for record, ident in zip(records, own, strict=True):
        if ident and record.values["recipe"]:
            named[ident].setdefault(key_of(record.values["recipe"]), record.values["recipe"])
    ids_name = all(len(found) == 1 for found in named.values())
    names: list[str] = []
    ids: list[str] = []
    for record, ident in zip(records, own, strict=True):
        name = record.values["recipe"]
        above = names[-1] if names else ""
        if not name and not ident and not names:
            raise _nameless(record, called)
        same = not name or (bool(names) and name_key(name) == name_key(above))
        if not name and ids_name and ident in named:
            name = next(iter(named[ident].values()))
        names.append(name or above)
        ids.append(ident or (ids[-1] if ids and same else ""))
    return names, ids


def _plain_id(text: str) -> str:
    """Return one text for all ways to write a number: 7, 07, 7.0."""
    number = _NUMBER.fullmatch(text) if text else None
    return str(int(number[1])) if number else text


def _numbers_lines(pairs: Counter[tuple[str, str]], split: Container[str], contested: bool) -> bool:
    """Whether ids stand on one line each of a recipe, but for slips.

    Ids that names with several of them share need most lines of these names to say so; ids that
    none does could be recipes', and need nearly all lines, of these names and of the table.
    """
    counts = [count for (name, _), count in pairs.items() if name in split]
    if contested:
        return 2 * counts.count(1) > len(counts)
    return all(10 * few.count(1) >= 9 * len(few) for few in (counts, [*pairs.values()]))


def _anew(records: Sequence[Record], keys: Sequence[tuple[str, str]]) -> frozenset[int]:
    """Return the records whose number of a line stood above already, in the lines of one name."""
    seen: set[str] = set()
    found = []
    for place, record in enumerate(records):
        if not place or keys[place][0] != keys[place - 1][0]:
            seen = set()
        ident = _plain_id(record.values["id"])
        if ident in seen:
            found.append(place)
            seen = set()
        seen |= {ident} - {""}
    return frozenset(found)


def _nameless(record: Record, called: object) -> DataError:
    return DataError(f"The table {called} names no recipe in line {record.line}.")


def _contested(
    records: Sequence[Record],
    names: Sequence[str],
    alike: Sequence[str],
    ids: Sequence[str],
    contested: Container[str],
    called: object,
) -> DataError:
    """Say where an id is that two names share, of which one has other ids too."""
    first: dict[str, int] = {}
    for place, ident in enumerate(ids):
        if ident not in contested or not records[place].values["ingredient"]:
            continue
        above = first.setdefault(ident, place)
        if alike[above] != alike[place]:
            return DataError(
                f"The table {called} has the id {ident} for {names[above]!r} in line "
                f"{records[above].line} and for {names[place]!r} in line {records[place].line}, "
                "and other ids for one of them: give each recipe an id of its own, or remove the "
                "column."
            )
    raise AssertionError("an id is contested by two names")
