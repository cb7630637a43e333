"""A spreadsheet's export as records: its encoding, its delimiter, and which column is which.

The header decides about the delimiter: it is the one that makes known names of it. Nothing is
guessed from how often a sign occurs, because recipes are full of commas.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from analytics_core.errors import DataError
from analytics_core.source.findings import Findings
from analytics_core.source.unit_table import key_of, read_table

DELIMITERS = ("\t", ";", ",", "|")
FIELDS = ("recipe", "ingredient", "amount", "unit", "parent", "path", "optional", "id")
NEEDED = ("recipe", "ingredient")
MOST_ABOVE = 20
"""Records above the header: a title, a date, blanks."""

_MARKS = (  # the longer one first: UTF-32 begins like UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods, .xls


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the table.

    Attributes
    ----------
    line
        In the file, from 1; where the record begins.
    values
        Cells by field, without the blanks around them; every field is there.
    """

    line: int
    values: Mapping[str, str]


@cache
def _names() -> Mapping[str, frozenset[str]]:
    return {
        field: frozenset(key_of(name) for name in text.split(","))
        for field, text in read_table("headers.toml").items()
    }


def says_yes(text: str) -> bool:
    """Whether a cell says yes, in any of the languages."""
    return key_of(text) in _names()["yes"]


def read_records(
    path: Path, findings: Findings, *, called: object
) -> tuple[list[Record], set[str]]:
    """Return the records below the header that are not blank, and which fields have a column.

    Parameters
    ----------
    path
        The file.
    findings
        Takes what had to be repaired: an encoding that is not Unicode.
    called
        What errors call the file.

    Raises
    ------
    DataError
        If the file is missing, empty, no text, has no header with the needed columns, two columns
        for one field, or a record that cannot be told apart from the next.
    """
    text = _decoded(path, findings, called)
    delimiters: tuple[str, ...] = DELIMITERS
    above = 0
    if text[:4].casefold() == "sep=" and text[4:5] in DELIMITERS:  # Excel's own hint
        delimiters, above = (text[4],), 1
        text = "".join(text.splitlines(keepends=True)[1:])
    found = []
    for delimiter in delimiters:
        start = _header(text, delimiter)
        if start is not None:
            known = sum(len(columns) for columns in _columns(start[1], called))
            found.append((-known, delimiters.index(delimiter), delimiter, *start))
    if not found:
        raise DataError(_no_header(text, called))
    _, _, delimiter, skipped, header = min(found)
    groups = _columns(header, called)
    records = []
    try:
        for number, (line, cells) in enumerate(_cells(text, delimiter, strict=True)):
            if number <= skipped or not any(cell.strip() for cell in cells):
                continue
            if delimiter == "," and any(cell.strip() for cell in cells[len(header) :]):
                raise DataError(
                    f"The table {called} has {len(cells)} cells in line {line + above} and "
                    f"{len(header)} columns: put quotes around what holds a comma."
                )
            for columns in groups:
                values = {
                    field: " ".join(cells[place].split()) if place < len(cells) else ""
                    for field, place in columns.items()
                }
                if len(groups) == 1 or values["ingredient"]:
                    records.append(Record(line + above, dict.fromkeys(FIELDS, "") | values))
    except csv.Error as error:
        raise DataError(
            f"The table {called} cannot be read from line {_line_of(text, delimiter) + above} on: "
            f"{error}. A quote there is not closed."
        ) from error
    return records, set(groups[0])


def _decoded(path: Path, findings: Findings, called: object) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"The table {called} cannot be read: {error.strerror}.") from error
    if raw.startswith(_WORKBOOKS):
        raise DataError(f"{called} is a workbook, not a text: export its sheet as CSV.")
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise DataError(
                f"The table {called} begins as {encoding.upper()} does, but byte "
                f"{error.start:,} is none."
            ) from error
        text = raw.decode("cp1252", errors="replace")
        findings.add(
            "not-utf8",
            "Read {} that are not UTF-8 as Windows-1252; export the table as UTF-8 if accents are "
            "wrong.",
            ("line", "lines"),
            [
                f"line {number}: {line.decode('cp1252', errors='replace')}"
                for number, line in enumerate(raw.splitlines(), start=1)
                if not _is_utf8(line)
            ],
        )
    if "\0" in text:
        raise DataError(f"The table {called} is no text: it holds bytes that are 0.")
    if not text.strip():
        raise DataError(f"The table {called} is empty.")
    return text


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


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
    names = _names()
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


def _numbered(header: Sequence[str]) -> list[dict[str, int]]:
    """Return the columns of each ingredient in a sheet that has one line for a whole recipe."""
    names = _names()
    groups: dict[int, dict[str, int]] = {}
    for place, cell in enumerate(header):
        found = re.fullmatch(r"(?:str)?(\D+)(\d{1,3})", key_of(cell))
        for field in ("ingredient", "amount", "unit", "measure") if found else ():
            if found and found[1] in names[field]:
                groups.setdefault(int(found[2]), {}).setdefault(field, place)
    for group in groups.values():
        if "measure" in group:
            place = group.pop("measure")
            group["unit" if "amount" in group else "amount"] = place
    found_groups = [groups[number] for number in sorted(groups) if "ingredient" in groups[number]]
    return found_groups if len(found_groups) > 1 else []


def _columns(header: Sequence[str], called: object) -> list[dict[str, int]]:
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
    return [columns | group for group in numbered] or [columns]


def _no_header(text: str, called: object) -> str:
    first = next(line for line in text.splitlines() if line.strip()).strip()
    first = first if len(first) <= 80 else f"{first[:79]}…"
    for delimiter in DELIMITERS:
        fields = _fields(next(csv.reader([first], delimiter=delimiter), []))
        lacking = [field for field in NEEDED if field not in fields]
        if len(lacking) == 1:
            return (
                f"The table {called} has no column {lacking[0]}: its first line is {first!r}. Name "
                "the columns recipe, ingredient, amount, unit."
            )
    return (
        f"The table {called} has no header: name the columns recipe, ingredient, amount, unit in "
        f"the first line, which is {first!r}."
    )
