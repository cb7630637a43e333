"""A text file's bytes and letters: Unicode, or what spreadsheets write that do not know it."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from analytics_core.errors import DataError
from analytics_core.room import find_memory, sized
from analytics_core.source.findings import Findings

FILE_COPIES = 20
"""Bytes for each of a file while it is read: 18 were measured, of 800,000 lines."""

_MARKS = (  # the longer one first: UTF-32 begins like UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods, .xls
UNICODE = ""
ENCODINGS: Mapping[str, tuple[str, frozenset[str]]] = {
    "cp1252": ("Windows-1252", frozenset()),
    "cp1250": ("Windows-1250", frozenset({"pl", "cs"})),
    "cp1251": ("Windows-1251", frozenset({"ru"})),
    "cp932": ("Shift JIS", frozenset({"ja"})),
    "mac_roman": ("Mac Roman", frozenset()),
    "mac_latin2": ("Mac Central European", frozenset({"pl", "cs"})),
    "mac_cyrillic": ("Mac Cyrillic", frozenset({"ru"})),
}
"""What spreadsheets write that is no Unicode, and the languages of headers that cannot do without:
a Czech header may be the same in Windows-1252, but what stands below it is not. The first counts
where nothing shows."""


def read_bytes(path: Path, called: object) -> bytes:
    """Return what is in a file.

    Raises
    ------
    DataError
        If it cannot be read, or finds no memory, or is a workbook.
    """
    memory = find_memory()
    try:
        needed = FILE_COPIES * path.stat().st_size
        if memory is not None and needed > memory.usable:
            raise DataError(
                f"To read the table {called} takes about {sized(needed)} of memory; of the"
                f" {sized(memory.limit)} of {memory.owner} the job can have {sized(memory.usable)}."
                " Give it more (memory_mib in the environment's settings)."
            )
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"The table {called} cannot be read: {error.strerror}.") from error
    if raw.startswith(_WORKBOOKS):
        raise DataError(f"{called} is a workbook, not a text: export its sheet as CSV.")
    return raw


def decoded(raw: bytes, called: object) -> Iterator[tuple[str, str]]:
    """Yield encoding and text: one of Unicode, else all that there may be.

    Raises
    ------
    DataError
        If it is no text, or empty, or does not go on as its first bytes say.
    """
    unicode = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    encoding, others = UNICODE, list[str]()
    try:
        text = raw.decode(unicode)
    except UnicodeDecodeError as error:
        if unicode != "utf-8":
            raise DataError(
                f"The table {called} begins as {unicode.upper()} does, but byte "
                f"{error.start:,} is none."
            ) from error
        encoding, *others = ENCODINGS
        text = raw.decode(encoding, errors="replace")
    if "\0" in text:
        raise DataError(f"The table {called} is no text: it holds bytes that are 0.")
    if not text.strip():
        raise DataError(f"The table {called} is empty.")
    yield encoding, text
    for encoding in others:
        with contextlib.suppress(UnicodeDecodeError):
            yield encoding, raw.decode(encoding)


def report_encoding(raw: bytes, encoding: str, findings: Findings) -> None:
    """Report lines that are not UTF-8, and as what they were read."""
    findings.add(
        "not-utf8",
        f"Read {{}} that are not UTF-8 as {ENCODINGS[encoding][0]}; export the table as UTF-8 if "
        "letters are wrong.",
        ("line", "lines"),
        [
            f"line {number}: {line.decode(encoding, errors='replace')}"
            for number, line in enumerate(raw.splitlines(), start=1)
            if not _is_utf8(line)
        ],
    )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
