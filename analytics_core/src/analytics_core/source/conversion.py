"""A catalog as a SQLite file of our own layout.

What the site's tables have no place for goes into columns and tables beside them, made only where
there is something to put there; `analytics_core.source.cocktaildb` reads them again.
"""

from __future__ import annotations

import math
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from analytics_core.errors import DataError, StorageError
from analytics_core.source.catalog import Catalog, Lines

# Without the site's UNIQUE: what others keep may have two drinks of one name.
_SCHEMA = """
CREATE TABLE units (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, abbreviation TEXT, conversion_to_ml REAL
);
CREATE TABLE ingredients (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL,
    parent_id INTEGER REFERENCES ingredients (id), path TEXT NOT NULL,
    allow_substitution INTEGER NOT NULL DEFAULT 0 CHECK (allow_substitution IN (0, 1))
);
CREATE TABLE recipes (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE recipe_ingredients (
    id INTEGER PRIMARY KEY, recipe_id INTEGER NOT NULL REFERENCES recipes (id),
    ingredient_id INTEGER NOT NULL REFERENCES ingredients (id),
    unit_id INTEGER REFERENCES units (id), amount REAL
);
"""


def write_catalog(catalog: Catalog, target: Path, *, overwrite: bool = False) -> None:
    """Write a catalog as a database of our own layout, whole or not at all.

    A refresh of the file makes what one of the catalog's own source makes.

    Parameters
    ----------
    catalog
        Read under the rule ``site``, so that its units have the volumes that they have in the
        database, and others only where the layout has none.
    target
        Where to write; its folder must exist.
    overwrite
        Replace a file that exists.

    Raises
    ------
    DataError
        If the file exists and `overwrite` is not set, or a database's log lies beside it.
    StorageError
        If it cannot be written.
    """
    refuse(target, overwrite=overwrite)
    try:
        with _draft_folder(target) as folder:
            draft = Path(folder) / "draft.db"
            with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
                # The draft is thrown away after a crash, so it needs no journal.
                connection.execute("PRAGMA journal_mode = OFF")
                connection.execute("PRAGMA synchronous = OFF")
                connection.execute("BEGIN")
                for table, columns in _tables(catalog):
                    _insert(connection, table, columns)
                connection.execute("COMMIT")
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            refuse(target, overwrite=overwrite)
            draft.replace(target)
    except StorageError:  # from `refuse`
        raise
    except (OSError, sqlite3.OperationalError) as error:
        raise _unwritable(target, error) from error


def _draft_folder(target: Path) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix=f".{target.name[:40]}-", dir=target.parent)


def _unwritable(target: Path, error: Exception) -> StorageError:
    reason = getattr(error, "strerror", None) or error
    return StorageError(f"The database {target} cannot be written: {reason}.")


def refuse(target: Path, *, overwrite: bool) -> None:
    """Raise the errors of `write_catalog` that can be known before there is a catalog."""
    if target.is_dir():
        raise DataError(f"{target} is a folder; name a file in it.")
    if not target.parent.is_dir():
        raise StorageError(
            f"The folder {target.parent} does not exist; make it, or choose another."
        )
    if not overwrite and os.path.lexists(target):
        raise DataError(f"{target} exists already; choose another name, or ask with --force.")
    for suffix in ("-wal", "-journal"):
        # SQLite would play another database's log into the new file
        if (log := target.with_name(target.name + suffix)).exists():
            raise DataError(f"{log} belongs to a database in use or left by a crash; remove it.")
    try:
        with _draft_folder(target):
            pass
    except OSError as error:
        raise _unwritable(target, error) from error


def _tables(catalog: Catalog) -> Iterator[tuple[str, dict[str, Sequence[Any]]]]:
    """Hand out each table's columns."""
    ingredients, recipes = catalog.ingredients, catalog.recipes
    ids, recipe_ids = ingredients.ids.tolist(), recipes.ids.tolist()
    yield (
        "units",
        {
            "id": range(1, len(catalog.units) + 1),
            "name": [unit.name for unit in catalog.units],
            "abbreviation": [unit.abbreviation for unit in catalog.units],
            "conversion_to_ml": [unit.conversion_to_ml for unit in catalog.units],
        },
    )
    own: dict[str, Sequence[Any]] = {
        "id": ids,
        "name": ingredients.names,
        "parent_id": [None if p < 0 else ids[p] for p in ingredients.parents.tolist()],
        "path": ingredients.paths,
        "allow_substitution": ingredients.allow_substitution.astype(int).tolist(),
    }
    if not np.isnan(ingredients.strength).all():
        own["strength"] = [_known(value) for value in ingredients.strength.tolist()]
    yield "ingredients", own
    own = {"id": recipe_ids, "name": recipes.names}
    if (recipes.variant_of >= 0).any():
        own["variant_of"] = [None if v < 0 else recipe_ids[v] for v in recipes.variant_of.tolist()]
    if any(recipes.methods):
        own["method"] = [text or None for text in recipes.methods]
    if not np.isnan(recipes.dilution).all():
        own["dilution"] = [_known(value) for value in recipes.dilution.tolist()]
    yield "recipes", own
    yield "recipe_ingredients", _lines(catalog)
    for table, part, pairs in (
        ("ingredient_substitutes", "substitute_id", catalog.substitutes),
        ("ingredient_parts", "part_id", catalog.parts),
    ):
        if len(pairs):
            one, other = ingredients.ids[pairs].T.tolist()
            yield table, {"ingredient_id": one, part: other}


def _lines(catalog: Catalog) -> dict[str, Sequence[Any]]:
    ids = catalog.ingredients.ids
    columns: dict[str, list[Any]] = {}
    usual = catalog.ingredients.counts_as
    kinds: tuple[tuple[Lines, int], ...] = ((catalog.lines, 0), (catalog.optional, 1))
    for lines, optional in kinds:
        told = np.where(
            lines.rolled == usual[lines.ingredient], -1, lines.rolled != lines.ingredient
        )
        for name, values in (
            ("recipe_id", catalog.recipes.ids[lines.recipe].tolist()),
            ("ingredient_id", ids[lines.ingredient].tolist()),
            ("unit_id", [None if unit < 0 else unit + 1 for unit in lines.unit.tolist()]),
            ("amount", [_known(value) for value in lines.amount.tolist()]),
            ("optional", [optional] * lines.recipe.size),
            ("rolls_up", [None if flag < 0 else flag for flag in told.tolist()]),
        ):
            columns.setdefault(name, []).extend(values)
    if not any(columns["optional"]):
        del columns["optional"]
    if all(flag is None for flag in columns["rolls_up"]):
        del columns["rolls_up"]
    return dict(columns)


def _insert(connection: sqlite3.Connection, table: str, columns: dict[str, Sequence[Any]]) -> None:
    statements = {text.split()[2]: text for text in _SCHEMA.split(";") if text.strip()}
    if table not in statements:
        connection.execute(f"CREATE TABLE {table} ({', '.join(f'{c} INTEGER' for c in columns)})")
    else:
        connection.execute(statements[table])
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for name in sorted(columns.keys() - there):
            kind = {"strength": "REAL", "dilution": "REAL", "method": "TEXT"}.get(name, "INTEGER")
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    connection.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        zip(*columns.values(), strict=True),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
