"""A spreadsheet's export as records: its encoding, its delimiter, and which column is which.

The header decides about the delimiter, and about the encoding where that is not Unicode: it is the
one that makes known names of it. Nothing is guessed from how often a sign occurs, because recipes
are full of commas.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from analytics_core.errors import DataError
from analytics_core.source import headers
from analytics_core.source.charsets import (
    ENCODINGS,
    UNICODE,
    decoded,
    read_bytes,
    report_encoding,
)
from analytics_core.source.findings import Findings
from analytics_core.source.quantities import Mark, join_thousands, parse_quantity
from analytics_core.source.unit_table import fold, key_of, spellings, unit_meaning

DELIMITERS = ("\t", ";", ",", "|")
FIELDS = ("recipe", "ingredient", "amount", "unit", "parent", "path", "optional", "id")
NEEDED = ("recipe", "ingredient")
_AMOUNTS = frozenset({"amount", "unit"})
_BLANK = dict.fromkeys(FIELDS, "")
MOST_ABOVE = 20
"""Records above the header: a title, a date, blanks."""

_MARK_BESIDE: Mapping[str, Mark] = {";": ",", ",": "."}
"""Delimiters, and the decimal mark of those who have them."""
_POINT_LANGUAGES = frozenset({headers.ENGLISH, "ja"})
_MOST_WORDS = 3  # of a unit: "us fl oz"
_BETWEEN_WORDS = frozenset({"in", "en", "em", "i", "w", "v", "в", "als", "as", "per"})
_YES_SIGNS = frozenset("✓✔☑✅√×")
_NO_SIGNS = frozenset("✗✘❌☐")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the table.

    Attributes
    ----------
    line
        In the file, from 1; where the record begins.
    values
        Cells by field, without the blanks around them; every field is there.
    amount_unit
        The unit that the header gives the column of amounts: "amount (ml)".
    cell
        The ingredient's cell with its line breaks.
    """

    line: int
    values: Mapping[str, str]
    amount_unit: str = ""
    cell: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table's records.

    Attributes
    ----------
    records
        Those below the header that are not blank.
    fields
        Which fields have a column.
    header
        What the columns are called.
    id_column
        What the column of ids is called; empty where there is none.
    mark
        The decimal mark that delimiter and language of the header speak for; None where they
        disagree.
    """

    records: Sequence[Record]
    fields: frozenset[str]
    header: Sequence[str]
    id_column: str
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the fields of one ingredient stand in a record.

    Attributes
    ----------
    places
        Of each field that has a column.
    in_units
        Columns of amounts whose headers name a unit, and the unit; the first that is filled counts.
    """

    places: Mapping[str, int]
    in_units: Sequence[tuple[int, str]] = ()

    def record(self, line: int, cells: Sequence[str]) -> Record:
        """Return what cells say."""
        values = dict(_BLANK)
        for field, place in self.places.items():
            values[field] = _cell(cells, place, is_amount=field in _AMOUNTS)
        unit = ""
        for place, of in self.in_units:
            if amount := _cell(cells, place, is_amount=True):
                values["amount"], unit = amount, of
                break
        place = self.places["ingredient"]
        cell = cells[place] if place < len(cells) else ""
        broken = "\n" in cell or "\r" in cell
        return Record(line, values, unit, cell if broken else values["ingredient"])


@cache
def _header_units() -> Mapping[str, str]:
    """Return which units a header may give its amounts, ``alone`` or beside a word for amounts."""
    names = headers.names()
    return {
        key_of(spelling): "alone" if key_of(meaning.name) in names["unit_alone"] else "beside"
        for spelling, meaning in spellings()
        if key_of(meaning.name) in names["unit_alone"] | names["unit_beside"]
    }


@cache
def _units() -> frozenset[str]:
    return frozenset(key_of(spelling) for spelling, _ in spellings())


def is_unit(text: str) -> bool:
    """Whether a text is how a unit is written, and nothing else."""
    return key_of(text) in _units()


@lru_cache(maxsize=4096)
def yes_or_no(text: str) -> bool | None:
    """Return what a cell says in any of the languages; None for neither. A blank is a no.

    Examples
    --------
    >>> yes_or_no("Ja"), yes_or_no("✓"), yes_or_no("1.0"), yes_or_no("-"), yes_or_no("garnish")
    (True, True, True, False, None)
    """
    plain = text.strip().removesuffix("\ufe0f")
    number = re.fullmatch(r"([01])[.,]0+", plain)
    key = number[1] if number else key_of(plain)
    if plain in _YES_SIGNS or key in headers.names()["yes"]:
        return True
    return (
        False
        if key in headers.names()["no"] or not plain.strip("-–—.") or plain in _NO_SIGNS
        else None
    )


def read_records(path: Path, findings: Findings, *, called: object) -> Sheet:
    """Return the records of a table.

    Parameters
    ----------
    path
        The file.
    findings
        Takes what had to be repaired: an encoding that is not Unicode, headers in mid-file.
    called
        What errors call the file.

    Raises
    ------
    DataError
        If the file is missing, empty, no text, has no header with the needed columns, two columns
        for one field, or a record that cannot be told apart from the next.
    """
    raw = read_bytes(path, called)
    best: _Begun | None = None
    for encoding, text in decoded(raw, called):
        for begun in _begun(encoding, text, called):
            best = min(best or begun, begun, key=lambda each: each.rank)
    if best is None:
        raise DataError(_no_header(raw, called))
    if best.encoding != UNICODE:
        report_encoding(raw, best.encoding, findings)
    text, delimiter, above = best.text, best.delimiter, best.above
    skipped, header = best.skipped, best.header
    groups = _columns(header, called)
    first, *rest = (key_of(cell) for cell in header)
    records, repeated = [], []
    try:
        for number, (line, cells) in enumerate(_cells(text, delimiter, strict=True)):
            if number <= skipped or not any(cell.strip() for cell in cells):
                continue
            line += above
            if key_of(cells[0]) == first and [key_of(cell) for cell in cells[1:]] == rest:
                repeated.append(f"line {line}")
                continue
            own = [group.record(line, cells) for group in groups]
            surplus = any(cell.strip() for cell in cells[len(header) :])
            if surplus and (delimiter == "," or not all(map(_makes_sense, own))):
                sign = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}[delimiter]
                raise DataError(
                    f"The table {called} has {len(cells)} cells in line {line} and "
                    f"{len(header)} columns: put quotes around what holds a {sign}."
                )
            records += own if len(own) == 1 else [one for one in own if one.values["ingredient"]]
    except csv.Error as error:
        raise DataError(
            f"The table {called} cannot be read from line {_line_of(text, delimiter) + above} on: "
            f"{error}. A quote there is not closed."
        ) from error
    findings.add(
        "repeated-header", "Left out {} that repeat the header.", ("line", "lines"), repeated
    )
    amount = {"amount"} if groups[0].in_units else set()
    names = [" ".join(cell.split()) for cell in header if cell.strip()]
    places = groups[0].places
    of_ids = _cell(header, places["id"]) if "id" in places else ""
    fields = frozenset(places) | amount
    return Sheet(records, fields, names, of_ids, _mark(delimiter, best.language))


@dataclass(frozen=True, slots=True)
class _Begun:
    """A text, and its header as one delimiter makes it.

    Attributes
    ----------
    rank
        Less for what is more likely.
    encoding, text, delimiter
        How the table is read.
    above
        Lines that are no part of the text.
    skipped, header
        How many records stand above the header, and its cells.
    language
        That of the header.
    """

    rank: tuple[int, ...]
    encoding: str
    text: str
    delimiter: str
    above: int
    skipped: int
    header: Sequence[str]
    language: str


def _begun(encoding: str, text: str, called: object) -> Iterator[_Begun]:
    """Yield a text's header under each delimiter that makes one."""
    delimiters: tuple[str, ...] = DELIMITERS
    above = 0
    if text[:4].casefold() == "sep=" and text[4:5] in DELIMITERS:  # Excel's own hint
        delimiters, above = (text[4],), 1
        text = "".join(text.splitlines(keepends=True)[1:])
    for place, delimiter in enumerate(delimiters):
        start = _header(text, delimiter)
        if start is None:
            continue
        known = sum(
            len(columns.places) + len(columns.in_units) for columns in _columns(start[1], called)
        )
        language = headers.language_of(start[1])
        order = list(ENCODINGS).index(encoding) if encoding else 0
        foreign = encoding != UNICODE and language not in ENCODINGS[encoding][1]
        rank = (-known, int(foreign), order, place)
        yield _Begun(rank, encoding, text, delimiter, above, *start, language)


def _mark(delimiter: str, language: str) -> Mark | None:
    """Return the decimal mark that goes with a semicolon, and with the language of a header."""
    marks = {_MARK_BESIDE[delimiter]} if delimiter in _MARK_BESIDE else set[Mark]()
    if language:
        marks.add("." if language in _POINT_LANGUAGES else ",")
    return marks.pop() if len(marks) == 1 else None


def _cell(cells: Sequence[str], place: int, *, is_amount: bool = False) -> str:
    cell = cells[place] if place < len(cells) else ""
    if is_amount and not cell.isascii():
        cell = join_thousands(cell)  # before all kinds of blanks are one
    return " ".join(cell.split())


def _makes_sense(record: Record) -> bool:
    """Whether what stands as the amount is one: cells behind the last column may be remarks."""
    amount = record.values["amount"]
    return not amount or parse_quantity(amount).amount is not None or bool(unit_meaning(amount))


def _cells(text: str, delimiter: str, *, strict: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the line that each record begins in, and its cells."""
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    line = 1
    for cells in reader:
        yield line, cells
        line = reader.line_num + 1


def _line_of(text: str, delimiter: str) -> int:
    """Return the line of the record that cannot be read."""
    line = 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error:
        pass
    return line


def _header(text: str, delimiter: str) -> tuple[int, list[str]] | None:
    """Return the number and the cells of the first record that names the needed columns."""
    for number, (_, cells) in enumerate(_cells(text, delimiter, strict=False)):
        if number > MOST_ABOVE:
            break
        fields = _fields(cells)
        if "recipe" in fields and ("ingredient" in fields or _numbered(cells)):
            return number, cells
    return None


def _fields(header: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns of each field; words of two meanings take the one that is free."""
    names = headers.names()
    keys = [key_of(cell).removeprefix("str") for cell in header]  # "strDrink"
    fields = {
        field: places
        for field in FIELDS
        if (places := [place for place, key in enumerate(keys) if key in names[field]])
    }
    for word, first, second in (("name", "recipe", "ingredient"), ("measure", "amount", "unit")):
        for place in (place for place, key in enumerate(keys) if key in names[word]):
            free = first if first not in fields else second
            fields.setdefault(free, [place])
    return fields


def _numbered(header: Sequence[str]) -> list[_Columns]:
    """Return the columns of each ingredient in a sheet that has one line for a whole recipe."""
    names = headers.names()
    groups: dict[int, dict[str, int]] = {}
    in_units: dict[int, list[tuple[int, str]]] = {}
    for place, cell in enumerate(header):
        found = re.fullmatch(r"(?:str)?(\D+?)\s*(\d{1,3})\s*(\D*)", fold(cell))
        if not found:
            continue
        number, said = int(found[2]), f"{found[1]} {found[3]}"
        for field in ("ingredient", "amount", "unit", "measure"):
            if key_of(said) in names[field]:
                groups.setdefault(number, {}).setdefault(field, place)
        if unit := unit_of_amounts(said):
            in_units.setdefault(number, []).append((place, unit))
    for group in groups.values():
        if "measure" in group:
            place = group.pop("measure")
            group["unit" if "amount" in group else "amount"] = place
    numbers = [number for number in sorted(groups) if "ingredient" in groups[number]]
    return [
        _Columns(groups[k], () if "amount" in groups[k] else in_units.get(k, ()))
        for k in (numbers if len(numbers) > 1 else ())
    ]


def _columns(header: Sequence[str], called: object) -> list[_Columns]:
    """Return the column of each field, once for each ingredient that a line holds."""
    columns = {}
    numbered = _numbered(header)
    fields = _fields(header)
    if numbered:
        fields = {field: fields[field] for field in ("recipe", "id") if field in fields}
    for field, places in fields.items():
        if len(places) > 1:
            named = " and ".join(repr(header[place].strip()) for place in places[:2])
            raise DataError(
                f"The table {called} has two columns for the {field}, {named}: rename or remove "
                "one of them."
            )
        columns[field] = places[0]
    if numbered:
        return [_Columns({**columns, **group.places}, group.in_units) for group in numbered]
    units = [(place, unit) for place, cell in enumerate(header) if (unit := unit_of_amounts(cell))]
    return [_Columns(columns, () if "amount" in columns else units)]


@lru_cache(maxsize=1024)
def unit_of_amounts(header: str) -> str | None:
    """Return the unit that a header gives its amounts: "ml", "amount (oz)", "Menge in cl"."""
    words = fold(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)).split()  # "amountMl"
    amounts = headers.names()["amount"] | headers.names()["measure"] | {"vol"}
    for size in range(min(len(words), _MOST_WORDS), 0, -1):
        for start in range(len(words) - size + 1):
            unit = " ".join(words[start : start + size])
            others = [w for w in words[:start] + words[start + size :] if w not in _BETWEEN_WORDS]
            if others and "".join(others) not in amounts:
                continue
            known = _header_units().get(key_of(unit))
            if known and (others or (known == "alone" and len(unit) > 1)):
                return unit
    return None


def _no_header(raw: bytes, called: object) -> str:
    encoding, text = next(decoded(raw, called))
    advice = "" if encoding == UNICODE else " It is not UTF-8: export it as CSV UTF-8."
    first = next(line for line in text.splitlines() if line.strip()).strip()
    first = first if len(first) <= 80 else f"{first[:79]}…"
    for delimiter in DELIMITERS:
        fields = _fields(next(csv.reader([first], delimiter=delimiter), []))
        lacking = [field for field in NEEDED if field not in fields]
        if len(lacking) == 1:
            return (
                f"The table {called} has no column {lacking[0]}: its first line is {first!r}. Name "
                f"the columns recipe, ingredient, amount, unit.{advice}"
            )
    return (
        f"The table {called} has no header: name the columns recipe, ingredient, amount, unit in "
        f"the first line, which is {first!r}.{advice}"
    )
