"""What has to be known about a SQLite file before SQLite itself may open it.

The file format's first hundred bytes say whether the file is a database at all,
how long it must be, and whether its newest rows live in a write-ahead log.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from analytics_core.errors import DataError
from analytics_core.source.findings import in_one_line

MAGIC = b"SQLite format 3\x00"
HEADER_BYTES = 100


@dataclass(frozen=True, slots=True)
class Header:
    """The facts of a database header that matter here.

    Attributes
    ----------
    page_size
        Bytes in a page.
    pages
        Pages the file must hold, or 0 where the header does not say it reliably.
    wal
        Whether the database keeps its newest rows in a write-ahead log.
    """

    page_size: int
    pages: int
    wal: bool


def file_uri(path: Path, *, mode: str) -> str:
    """Return SQLite's URI of a file; names with ``?``, ``#``, ``%`` or any bytes are quoted.

    Parameters
    ----------
    path
        The file.
    mode
        ``ro``, ``rw`` or ``rwc``.
    """
    return f"file://{quote(os.fsencode(path.absolute()))}?mode={mode}"


def parse_header(raw: bytes, database: object) -> Header:
    """Read the header in the first bytes of a file.

    Parameters
    ----------
    raw
        The first 100 bytes of the file, or all of a shorter one.
    database
        How errors call the file.

    Raises
    ------
    DataError
        If the bytes are not the beginning of a SQLite database.
    """
    if not raw:
        raise DataError(f"The database {database} is empty.")
    if not raw.startswith(MAGIC[: len(raw)]):
        raise DataError(f"The database {database} is not a SQLite file.")
    if len(raw) < HEADER_BYTES:
        raise DataError(
            f"The database {database} is truncated: it ends inside its header, "
            f"after {len(raw)} bytes."
        )
    page_size = int.from_bytes(raw[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    if page_size < 512 or page_size & (page_size - 1):
        raise DataError(f"The database {database} is corrupt: its page size is {page_size} bytes.")
    # The count of pages is only kept by writers that also copy the change counter to offset 92.
    pages = int.from_bytes(raw[28:32], "big") if raw[24:28] == raw[92:96] else 0
    return Header(page_size=page_size, pages=pages, wal=2 in (raw[18], raw[19]))


def read_header(path: Path, *, called: object = None) -> Header:
    """Read a file's header and see that the file is as long as it says.

    Parameters
    ----------
    path
        The file, which nobody writes meanwhile.
    called
        What errors call it, by default `path`.

    Raises
    ------
    DataError
        If the file cannot be read, is not SQLite, or is shorter than its header says.
    """
    called = path if called is None else called
    try:
        with path.open("rb") as file:
            raw = file.read(HEADER_BYTES)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise unreadable(called, error) from error
    header = parse_header(raw, called)
    if not header.wal and size < header.pages * header.page_size:
        raise DataError(
            f"The database {called} is truncated: it has {size} bytes and its header says "
            f"{header.pages * header.page_size}."
        )
    return header


def damage(connection: sqlite3.Connection) -> str | None:
    """Return the first thing that is wrong with a database's pages, or None.

    Parameters
    ----------
    connection
        A connection to the database. It is left ignoring CHECK constraints: values that
        break one are a matter of rows, not of pages.
    """
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for (message,) in connection.execute("PRAGMA quick_check"):
        # So is a NULL where the schema forbids it.
        if message != "ok" and not str(message).startswith("NULL value in "):
            return in_one_line(message)
    return None


def unreadable(path: object, error: OSError) -> DataError:
    """Turn the operating system's refusal into a sentence about the database.

    Parameters
    ----------
    path
        The file, as the user named it.
    error
        What the operating system answered.
    """
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return DataError(f"The database {path} does not exist.")
    if isinstance(error, IsADirectoryError):
        return DataError(f"The database {path} is a directory, not a file.")
    if isinstance(error, PermissionError):
        return DataError(f"The database {path} may not be read by this user (permission denied).")
    return DataError(f"The database {path} cannot be read: {error.strerror or error}.")
