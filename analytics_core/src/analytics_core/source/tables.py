"""Columns of a SQLite file that is not trusted, read in one transaction and nothing beside them.

The file's pages are checked, its schema may run no code, and values of a type that their column
should not have arrive as stand-ins that are easy to recognize. Once a reader has said which columns
it needs, SQLite itself refuses every other: passwords and notes are never read. A view is read only
where its owner names it, and may read what it is made of; nothing of that but the columns that were
asked for arrives here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from sys import getsizeof
from typing import Any, Literal, TypeAlias

from analytics_core.errors import DataError
from analytics_core.room import Memory, find_memory, sized
from analytics_core.source.findings import Findings, in_one_line
from analytics_core.source.rows import BAD_FLAG, BAD_ID, NULL_FLAG, NULL_ID
from analytics_core.source.sqlite_file import damage, file_uri, read_header

MAX_VALUE_BYTES = 64 * 1024 * 1024
VALUE_BYTES = 32
"""What a value takes at least while it is read: a number, and its places in a row and a column."""
TEXT_COPIES = 4
"""How often a text is held at once: as it is read, and as names are compared and folded."""
_MORE = "Give it more (memory_mib in the environment's settings)."

Kind: TypeAlias = Literal["id", "number", "flag", "text"]
"""What a column holds: whole numbers that name rows, numbers, 0 or 1, text or whatever is there."""

Wanted: TypeAlias = Mapping[str, Mapping[str, Kind]]
"""Columns and their kinds, by table."""

Columns: TypeAlias = Mapping[str, Sequence[Any]]
"""What a table holds, by column."""


class Tables:
    """The tables of one open database, whose names are in lower case: SQLite knows no other.

    Attributes
    ----------
    names : tuple of str
        Of the tables.
    views : frozenset of str
        Names of the views that may be read like tables.
    """

    def __init__(self, connection: sqlite3.Connection, called: object, *, views: bool) -> None:
        self._connection = connection
        self._called = called
        self.names = self._named("table")
        self._all_views = frozenset(self._named("view"))
        self.views = self._all_views if views else frozenset()
        self._columns: dict[str, tuple[str, ...]] = {}
        self._text_bytes = 0  # read so far

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether there is such a table, or such a column in it."""
        there = table.lower() in self.names or table.lower() in self.views
        return there and (column is None or column.lower() in self._columns_of(table.lower()))

    def _named(self, kind: str) -> tuple[str, ...]:
        rows = self._connection.execute("SELECT name FROM sqlite_master WHERE type = ?", (kind,))
        return tuple(str(name).lower() for (name,) in rows)

    def _columns_of(self, table: str) -> tuple[str, ...]:
        # Only of tables that are asked for: others may need a module that is not here.
        if table not in self._columns:
            with self._explained(table):
                rows = self._connection.execute(f"PRAGMA table_xinfo({quoted(table)})")
                self._columns[table] = tuple(str(row[1]).lower() for row in rows)
        return self._columns[table]

    def require(self, wanted: Wanted, *, because: str = "") -> None:
        """Raise a DataError that names the tables and columns that are missing.

        Parameters
        ----------
        wanted
            What has to be there.
        because
            What wants it, in a clause that begins with a blank.
        """
        tables = [table for table in wanted if not self.has(table)]
        missing = tables or [
            f"{table}.{column}"
            for table, needed in wanted.items()
            for column in needed
            if not self.has(table, column)
        ]
        if missing:
            noun = "table" if tables else "column"
            seen = next((table.lower() for table in tables if table.lower() in self._all_views), "")
            instead = f" The view {seen} is none: {_table_of(seen)}." if seen else ""
            raise DataError(
                f"The database {self._called} lacks the {noun}{'' if len(missing) == 1 else 's'} "
                f"{', '.join(missing)}{because}.{instead}"
            )

    def with_welcome(self, needed: Wanted, welcome: Wanted) -> Wanted:
        """Add to what is needed what else is there: single columns, and other tables if whole."""
        wanted = {table: dict(columns) for table, columns in needed.items()}
        for table, columns in welcome.items():
            there = {name: kind for name, kind in columns.items() if self.has(table, name)}
            if table in wanted:
                wanted[table] |= there
            elif len(there) == len(columns):
                wanted[table] = there
        return wanted

    def read(self, wanted: Wanted) -> dict[str, dict[str, Sequence[Any]]]:
        """Return columns by table, and allow nothing else to be read.

        Ids that are no integers are `NULL_ID` or `BAD_ID`, numbers that are no numbers infinite,
        flags that are neither 0 nor 1 are `NULL_FLAG` or `BAD_FLAG`.
        """
        allowed = {
            (table.lower(), column.lower()) for table, needed in wanted.items() for column in needed
        } | {(table.lower(), "") for table in wanted}  # to count rows, no column is read
        through_views = any(table.lower() in self.views for table in wanted)

        def only_these(
            action: int, one: str | None, other: str | None, _: str | None, view: str | None
        ) -> int:
            if action in {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION}:
                return sqlite3.SQLITE_OK
            named = (str(one).lower(), str(other).lower())
            if action == sqlite3.SQLITE_READ and named in allowed:
                return sqlite3.SQLITE_OK
            # What a view reads, SQLite names with the view; our own SELECT has none.
            if action == sqlite3.SQLITE_READ and through_views and (view is not None or not other):
                return sqlite3.SQLITE_OK
            return sqlite3.SQLITE_DENY

        self._connection.set_authorizer(only_these)
        try:
            memory = find_memory()
            self._require_memory(wanted, memory)
            return {
                table: self._read_table(table, needed, memory) for table, needed in wanted.items()
            }
        finally:
            self._connection.set_authorizer(None)

    def _require_memory(self, wanted: Wanted, memory: Memory | None) -> None:
        """Refuse so many rows that they alone find no memory."""
        counts = {}
        for table in wanted:
            with self._explained(table):
                counts[table] = self._connection.execute(
                    f"SELECT count(*) FROM {quoted(table)} NOT INDEXED"
                ).fetchone()[0]
        needed = sum(counts[table] * len(wanted[table]) for table in wanted) * VALUE_BYTES
        if memory is not None and needed > memory.usable:
            largest = max(counts, key=lambda table: counts[table])
            raise DataError(
                f"The database {self._called} has {counts[largest]:,} rows in {largest}, and to"
                f" read its tables takes more than {sized(needed)} of memory; of the"
                f" {sized(memory.limit)} of {memory.owner} the job can have"
                f" {sized(memory.usable)}. {_MORE}"
            )

    def _read_table(
        self, table: str, needed: Mapping[str, Kind], memory: Memory | None
    ) -> dict[str, Sequence[Any]]:
        # NOT INDEXED reads the tables themselves: no index can hide or add a row.
        chosen = ", ".join(_expression(quoted(name), kind) for name, kind in needed.items())
        with self._explained(table):
            cursor = self._connection.execute(f"SELECT {chosen} FROM {quoted(table)} NOT INDEXED")
            rows = list(
                self._while_they_fit(cursor, table, needed, memory)
                if memory is not None and "text" in needed.values()
                else cursor
            )
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(needed)
        return dict(zip(needed, columns, strict=True))

    def _while_they_fit(
        self,
        rows: Iterable[tuple[Any, ...]],
        table: str,
        needed: Mapping[str, Kind],
        memory: Memory,
    ) -> Iterator[tuple[Any, ...]]:
        """Yield rows until their texts find no memory: a view or a column can make any text."""
        held, most = self._text_bytes, memory.usable // TEXT_COPIES
        for row in rows:
            held += sum(map(getsizeof, row))
            if held > most:
                column = max(zip(needed, row, strict=True), key=lambda pair: getsizeof(pair[1]))[0]
                raise DataError(
                    f"The database {self._called} holds more text than there is memory to read:"
                    f" with the table {table}, more than {sized(most)}, of which {TEXT_COPIES}"
                    f" copies have to find room; of the {sized(memory.limit)} of {memory.owner} the"
                    f" job can have {sized(memory.usable)}. Look for values of thousands of letters"
                    f" in the column {column}, or {_MORE[0].lower()}{_MORE[1:]}"
                )
            yield row
        self._text_bytes = held

    @contextmanager
    def _explained(self, table: str) -> Iterator[None]:
        """Name the view that SQLite cannot read, and what to do instead."""
        try:
            yield
        except sqlite3.Error as error:
            name = table.lower()
            if name not in self.views:
                raise
            raise DataError(
                f"The view {name} of the database {self._called} cannot be read: "
                f"{in_one_line(error)}. To do without, {_table_of(name)}."
            ) from error


@contextmanager
def opened(
    database: Path,
    findings: Findings,
    *,
    called: object,
    check: bool = True,
    views: bool = False,
) -> Iterator[Tables]:
    """Open a database that nobody writes, and check its pages.

    Parameters
    ----------
    database
        A local SQLite file.
    findings
        Takes what had to be repaired: text that is not UTF-8.
    called
        What errors call the database.
    check
        False where only names of tables are looked at.
    views
        Whether views may be read as tables: where their owner names them.

    Raises
    ------
    DataError
        If the file is missing, not SQLite or damaged.
    """
    read_header(database, called=called)
    invalid: list[str] = []

    def decode(raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            invalid.append(raw.decode(errors="replace"))
            return invalid[-1]

    try:
        with closing(
            sqlite3.connect(file_uri(database, mode="ro"), uri=True, isolation_level=None)
        ) as connection:
            connection.text_factory = decode
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            for pragma in ("trusted_schema = OFF", "query_only = ON"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            fault = damage(connection) if check else None
            if fault is not None:
                raise DataError(f"The database {called} is corrupt: {fault}.")
            tables = Tables(connection, called, views=views)
            invalid.clear()  # what was odd in the schema is not a name
            yield tables
    # Damage also shows as text that cannot be decoded, or as a size that cannot be allocated.
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, MemoryError, OverflowError) as error:
        told = "memory does not suffice" if isinstance(error, MemoryError) else in_one_line(error)
        raise DataError(f"The database {called} cannot be read: {told}.") from error
    findings.add(
        "invalid-utf8",
        "Replaced bytes that are not UTF-8 in {}.",
        ("text", "texts"),
        invalid,
    )


def _table_of(view: str) -> str:
    return f"make a table of it, CREATE TABLE … AS SELECT * FROM {quoted(view)}"


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _expression(column: str, kind: Kind) -> str:
    if kind == "id":
        return (
            f"CASE typeof({column}) WHEN 'integer' THEN {column} "
            f"WHEN 'null' THEN {NULL_ID} ELSE {BAD_ID} END"
        )
    if kind == "number":  # infinity for text and blobs
        return (
            f"CASE typeof({column}) WHEN 'null' THEN NULL WHEN 'real' THEN {column} "
            f"WHEN 'integer' THEN CAST({column} AS REAL) ELSE 9e999 END"
        )
    if kind == "flag":
        return (
            f"CASE WHEN typeof({column}) IN ('integer', 'real') AND {column} IN (0, 1) "
            f"THEN CAST({column} AS INTEGER) "
            f"WHEN {column} IS NULL THEN {NULL_FLAG} ELSE {BAD_FLAG} END"
        )
    return column
