"""The reader of the site's own layout: the needed tables, read in one transaction.

The file is not trusted: its pages are checked, its schema may run no code, and values of
a type that their column should not have arrive as stand-ins that are easy to recognize.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from analytics_core.errors import DataError
from analytics_core.source.assembly import BAD_ID, NULL_ID, Columns, assemble
from analytics_core.source.catalog import Catalog
from analytics_core.source.findings import Findings
from analytics_core.source.poured import VolumeRule
from analytics_core.source.sqlite_file import damage, file_uri, read_header

MAX_VALUE_BYTES = 64 * 1024 * 1024

NEEDED_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "ingredients": ("id", "name", "parent_id", "path", "allow_substitution"),
    "units": ("id", "name", "abbreviation", "conversion_to_ml"),
    "recipes": ("id", "name"),
    "recipe_ingredients": ("recipe_id", "ingredient_id", "unit_id", "amount"),
}


def _id_column(name: str) -> str:
    """Write the SQL of a column of ids: an integer, or a stand-in for NULL or for anything else."""
    return (
        f"CASE typeof({name}) WHEN 'integer' THEN {name} "
        f"WHEN 'null' THEN {NULL_ID} ELSE {BAD_ID} END"
    )


def _number_column(name: str) -> str:
    """Write the SQL of a column of numbers: NULL, a number, or infinity for text and blobs."""
    return (
        f"CASE typeof({name}) WHEN 'null' THEN NULL WHEN 'real' THEN {name} "
        f"WHEN 'integer' THEN CAST({name} AS REAL) ELSE 9e999 END"
    )


# NOT INDEXED reads the tables themselves: no index can hide or add a row.
_QUERIES: Mapping[str, str] = {
    "ingredients": f"SELECT {_id_column('id')}, name, {_id_column('parent_id')}, path, "
    "CASE WHEN typeof(allow_substitution) = 'integer' AND allow_substitution IN (0, 1) "
    "THEN allow_substitution ELSE -1 END FROM ingredients NOT INDEXED",
    "units": f"SELECT {_id_column('id')}, name, abbreviation, "
    f"{_number_column('conversion_to_ml')} FROM units NOT INDEXED",
    "recipes": f"SELECT {_id_column('id')}, name FROM recipes NOT INDEXED",
    "recipe_ingredients": f"SELECT {_id_column('recipe_id')}, {_id_column('ingredient_id')}, "
    f"{_id_column('unit_id')}, {_number_column('amount')} FROM recipe_ingredients NOT INDEXED",
}


def load_catalog(database: Path, *, called: object = None, volumes: VolumeRule = "site") -> Catalog:
    """Read a database in one transaction, check it, and put it in canonical order.

    Parameters
    ----------
    database
        A local SQLite file that nobody writes: a snapshot.
    called
        What errors call the database, by default `database`: whoever reads them knows the file
        that the snapshot is of.
    volumes
        By which rule volumes are found: the site's, or as they are ``poured``.

    Returns
    -------
    Catalog
        Possibly without any recipe.

    Raises
    ------
    DataError
        If the file is missing, not SQLite, damaged, lacks a needed table or column, or
        if its ingredients' parents form a cycle.

    Examples
    --------
    >>> from analytics_core.sample import write_sample_database
    >>> write_sample_database("bar.db", overwrite=True)
    >>> catalog = load_catalog("bar.db")
    >>> len(catalog.recipes.names), catalog.recipes.names[0], catalog.findings
    (454, 'Negroni', ())
    """
    database = Path(database)
    called = database if called is None else called
    findings = Findings()
    tables = read_tables(database, findings, called=called)
    return assemble(called, tables, findings, volumes=volumes)


def read_tables(database: Path, findings: Findings, *, called: object) -> dict[str, Columns]:
    """Return each needed table as a list of columns, read in one transaction.

    Parameters
    ----------
    database
        A local SQLite file that nobody writes.
    findings
        Takes what had to be repaired: text that is not UTF-8.
    called
        What errors call the database.

    Returns
    -------
    dict
        Columns by table, in the order of ``NEEDED_COLUMNS``. Ids that are no integers are
        ``NULL_ID`` or ``BAD_ID``; numbers that are no numbers are infinite.

    Raises
    ------
    DataError
        If the file is missing, not SQLite, damaged, or lacks a needed table or column.
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
            fault = damage(connection)
            if fault is not None:
                raise DataError(f"The database {called} is corrupt: {fault}.")
            _require_columns(called, connection)
            invalid.clear()  # what was odd in the schema is not a name
            tables = {}
            for table, query in _QUERIES.items():
                rows = connection.execute(query).fetchall()
                width = len(NEEDED_COLUMNS[table])
                tables[table] = list(zip(*rows, strict=True)) if rows else [()] * width
    # Damage also shows as text that cannot be decoded, or as a size that cannot be allocated.
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, MemoryError, OverflowError) as error:
        raise DataError(f"The database {called} cannot be read: {error}.") from error
    findings.add(
        "invalid-utf8",
        "Replaced bytes that are not UTF-8 in {}.",
        ("text", "texts"),
        invalid,
    )
    return tables


def _require_columns(database: object, connection: sqlite3.Connection) -> None:
    present = {
        str(name).lower()
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    tables = [table for table in NEEDED_COLUMNS if table not in present]
    if tables:
        noun = "table" if len(tables) == 1 else "tables"
        raise DataError(f"The database {database} lacks the {noun} {', '.join(tables)}.")
    missing = []
    for table, needed in NEEDED_COLUMNS.items():
        found = {str(row[1]).lower() for row in connection.execute(f"PRAGMA table_xinfo({table})")}
        missing += [f"{table}.{column}" for column in needed if column not in found]
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        raise DataError(f"The database {database} lacks the {noun} {', '.join(missing)}.")
