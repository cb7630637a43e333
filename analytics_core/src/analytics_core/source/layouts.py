"""Which layout a database has, and who reads it.

A layout is named by the owner, or found by what the file holds. Each has a reader that hands over
`analytics_core.source.rows.Rows`; nothing after `assemble` knows which one it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, cast

from analytics_core.errors import DataError
from analytics_core.source.assembly import assemble
from analytics_core.source.catalog import Catalog
from analytics_core.source.findings import Findings
from analytics_core.source.poured import VolumeRule
from analytics_core.source.rows import Reader
from analytics_core.source.snapshot import copy_text, take_snapshot
from analytics_core.source.sqlite_file import MAGIC
from analytics_core.source.tables import opened

AUTO = "auto"
TABLE = "table"
TEXTS = (".csv", ".tsv", ".txt")
"""How files end that are taken for tables as a spreadsheet exports them, unless they are SQLite."""
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout, and how it is known from others.

    Attributes
    ----------
    module
        Beside this one; its function ``read`` is the `Reader`.
    tables
        The tables of a SQLite file that give it away: any of them does.
    """

    module: str
    tables: tuple[str, ...] = ()

    @property
    def reader(self) -> Reader:
        """Import the reader."""
        return cast("Reader", import_module(f"{__package__}.{self.module}").read)


LAYOUTS: Mapping[str, Layout] = {
    "bar-assistant": Layout("bar_assistant", ("bars", "cocktail_ingredients")),
    "cocktaildb": Layout("cocktaildb", ("recipe_ingredients",)),
    TABLE: Layout("table"),
}


def load_catalog(
    database: Path | str,
    *,
    called: object = None,
    volumes: VolumeRule = "site",
    layout: str = AUTO,
    bar: str | None = None,
) -> Catalog:
    """Read a database in one transaction, check it, and put it in canonical order.

    Parameters
    ----------
    database
        A local file that nobody writes: a snapshot.
    called
        What errors call the database, by default `database`: whoever reads them knows the file
        that the snapshot is of.
    volumes
        By which rule volumes are found: the site's, or as they are ``poured``.
    layout
        ``cocktaildb``, ``bar-assistant``, ``table``, the path of a TOML file that maps another
        program's tables, or ``auto``: whichever it is.
    bar
        Which of several bars that share one file, by id or slug.

    Returns
    -------
    Catalog
        Possibly without any recipe.

    Raises
    ------
    DataError
        If the file is missing, of no known layout or damaged, lacks a needed table or column, or
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
    reader = reader_of(layout) if layout != AUTO else recognize(database, called=called)
    rows = reader(database, findings, called=called, bar=bar or None)
    if bar and not rows.bar:
        raise DataError(
            f"The database {called} has no bars to choose from, but {bar!r} was asked for: the "
            f"layout {rows.layout} holds one collection."
        )
    return assemble(called, rows, findings, volumes=volumes)


def take_copy(
    database: Path | str,
    scratch: Path,
    *,
    layout: str = AUTO,
    fetch: Callable[[str, IO[bytes]], object] | None = None,
) -> Path:
    """Copy a database as it is at one moment: a snapshot of SQLite, a text as it is.

    Parameters
    ----------
    database
        A file, or ``s3://bucket/key``.
    scratch
        A folder on local disk, made if absent.
    layout
        As in `load_catalog`.
    fetch
        Writes what is behind a URL into a file; needed for S3 alone.

    Raises
    ------
    DataError
        If the database or the layout's file is missing or unreadable.
    Busy
        If it stayed locked or kept changing.
    StorageError
        If the scratch folder cannot be written, or S3 refuses.
    """
    if layout != AUTO:
        reader_of(layout)  # what is wrong with a layout's file is said before anything is copied
    in_s3 = str(database).startswith("s3://")
    named_so = Path(str(database)).suffix.lower() in TEXTS
    if layout == TABLE or (layout == AUTO and named_so and (in_s3 or is_text(Path(database)))):
        return copy_text(database, scratch, fetch=fetch)
    if layout == AUTO and not in_s3:
        _refuse_text(Path(database))
    return take_snapshot(database, scratch, fetch=fetch)


def _refuse_text(database: Path) -> None:
    """Say what to do with a file that is no SQLite, where something can be done with it."""
    if not database.is_file():
        return
    if database.suffix.lower() in SPREADSHEETS:
        raise DataError(
            f"The database {database} is a spreadsheet; save it as CSV, one line for each "
            "ingredient of a recipe, and name that file (see docs/databases.md)."
        )
    try:
        with database.open("rb") as file:
            begin = file.read(4096)
    except OSError:
        return  # the snapshot says why
    if begin and b"\0" not in begin:
        raise DataError(
            f"The database {database} is not a SQLite file but text; if it is a table as a "
            f"spreadsheet exports it, say so: --layout {TABLE}."
        )


def read_as(catalog: Catalog) -> str:
    """Say which layout a catalog was read as, and which bar of it."""
    return f"read as {catalog.layout}" + (f", bar {catalog.bar}" if catalog.bar else "")


def reader_of(layout: str) -> Reader:
    """Return the reader of a layout that the owner names."""
    if layout in LAYOUTS:
        return LAYOUTS[layout].reader
    if layout.endswith(".toml"):
        return cast("Reader", import_module(f"{__package__}.mapped").reader_of(Path(layout)))
    raise DataError(
        f"There is no layout {layout!r}; choose {AUTO}, {', '.join(LAYOUTS)}, or name a TOML file."
    )


def recognize(database: Path, *, called: object) -> Reader:
    """Return the reader of the layout that a file has."""
    if is_text(database):
        return LAYOUTS[TABLE].reader
    with opened(database, Findings(), called=called, check=False) as tables:
        found = [
            layout
            for layout in LAYOUTS.values()
            if any(tables.has(table) for table in layout.tables)
        ]
        if not found:
            names = ", ".join(sorted(tables.names)[:20]) or "no table at all"
            raise DataError(
                f"The database {called} has none of the known layouts: it holds {names}. A small "
                "TOML file can say what its tables mean (--layout FILE.toml, see "
                "docs/databases.md)."
            )
    return found[0].reader


def is_text(database: Path) -> bool:
    """Whether a file is a table as a spreadsheet exports it: something else than SQLite."""
    if database.suffix.lower() not in TEXTS:
        return False
    try:
        with database.open("rb") as file:
            return not file.read(len(MAGIC)).startswith(MAGIC)
    except OSError:
        return False
