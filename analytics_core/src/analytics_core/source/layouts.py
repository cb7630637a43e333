"""Which layout a database has, and who reads it.

A layout is named by the owner, or found by what the file holds. Each has a reader that hands over
`analytics_core.source.rows.Rows`; nothing after `assemble` knows which one it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from analytics_core.errors import DataError
from analytics_core.source.assembly import assemble
from analytics_core.source.catalog import Catalog
from analytics_core.source.findings import Findings
from analytics_core.source.poured import VolumeRule
from analytics_core.source.rows import Reader
from analytics_core.source.sqlite_file import MAGIC
from analytics_core.source.tables import opened

AUTO = "auto"
TABLE = "table"


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
    "bar-assistant": Layout("bar_assistant", ("bars", "cocktails", "cocktail_ingredients")),
    "cocktaildb": Layout("cocktaildb", ("recipes", "recipe_ingredients")),
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
    return assemble(called, rows, findings, volumes=volumes)


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
            names = ", ".join(sorted(tables.columns)[:20]) or "no table at all"
            raise DataError(
                f"The database {called} has none of the known layouts: it holds {names}. A small "
                "TOML file can say what its tables mean (--layout FILE.toml, see "
                "docs/databases.md)."
            )
    return found[0].reader


def is_text(database: Path) -> bool:
    """Whether a file is a table as a spreadsheet exports it: something else than SQLite."""
    if database.suffix.lower() not in {".csv", ".tsv", ".txt"}:
        return False
    try:
        with database.open("rb") as file:
            return not file.read(len(MAGIC)).startswith(MAGIC)
    except OSError:
        return False
