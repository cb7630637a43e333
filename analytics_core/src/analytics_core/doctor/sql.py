"""Statements for what is certain, to be read by a person and run by hand, never by us.

Each names the row and what stands in it now, so that it does nothing where that has changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from analytics_core.doctor.names import tidy
from analytics_core.source.sqlite_file import file_uri

SITE_LAYOUT = "cocktaildb"
"""The layout whose tables the statements are for."""

_NAMED = ("ingredients", "recipes")


def repairs(database: Path, *, called: str) -> str:
    """Write a script that removes blanks from names, and lines that belong to nothing.

    Parameters
    ----------
    database
        A snapshot of it, in the site's layout.
    called
        What the owner calls the database.

    Returns
    -------
    str
        SQL in one transaction, with comments. Run on the database, it removes the findings
        ``blanks-in-name`` and ``dangling-line``, but for names that would then be another's.
    """
    with closing(sqlite3.connect(file_uri(database, mode="ro"), uri=True)) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.text_factory = lambda raw: raw.decode(errors="surrogateescape")
        statements = [*_tidied(connection), *_undangled(connection)]
    certain = sum(not statement.startswith("--") for statement in statements)
    return "\n".join([*_head(called, certain), *statements, "", "COMMIT;", ""])


def _head(called: str, count: int) -> list[str]:
    return [
        f"-- {count or 'No'} repairs of {_comment(called)} that are certain.",
        "-- Read them, back the database up, then run them with the sqlite3 command:",
        "--     sqlite3 DATABASE < THIS_FILE",
        "-- A statement changes nothing where the row is not what it was when it was read.",
        "BEGIN IMMEDIATE;",
        "",
    ]


def _tidied(connection: sqlite3.Connection) -> Iterator[str]:
    """Names with single, ordinary blanks; where that is another row's name, a question."""
    for table in _NAMED:
        rows = connection.execute(
            f"SELECT id, name FROM {table} NOT INDEXED"
            " WHERE typeof(id) = 'integer' AND typeof(name) = 'text' ORDER BY id"
        ).fetchall()
        taken = {name.casefold(): ident for ident, name in rows}
        for ident, name in rows:
            new = tidy(name)
            if new == name or not new or not _is_text(name):
                continue
            owner = taken.setdefault(new.casefold(), ident)
            if owner != ident:
                yield (
                    f"-- {table} {ident}, {_comment(name)}: without its blanks it is called like"
                    f" {table} {owner}; rename or delete one of them."
                )
                continue
            yield (
                f"UPDATE {table} SET name = {_literal(new)}"
                f" WHERE id = {ident} AND name = {_literal(name)};"
            )


def _undangled(connection: sqlite3.Connection) -> Iterator[str]:
    """Lines whose recipe or ingredient does not exist."""
    rows = connection.execute(
        "SELECT quote(recipe_id), quote(ingredient_id), count(*)"
        " FROM recipe_ingredients NOT INDEXED"
        " WHERE recipe_id IS NULL OR recipe_id NOT IN (SELECT id FROM recipes WHERE id IS NOT NULL)"
        " OR ingredient_id IS NULL"
        " OR ingredient_id NOT IN (SELECT id FROM ingredients WHERE id IS NOT NULL)"
        " GROUP BY recipe_id, ingredient_id ORDER BY recipe_id, ingredient_id"
    )
    for recipe, ingredient, count in rows:
        yield (
            f"DELETE FROM recipe_ingredients WHERE recipe_id IS {_one_line(recipe)}"
            f" AND ingredient_id IS {_one_line(ingredient)};"
            f"  -- {count} line{'' if count == 1 else 's'}"
        )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8
        return False
    return True


def _literal(text: str) -> str:
    """Return a text as SQL on one line, with nothing that hides in a terminal."""
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return f"CAST(X'{text.encode().hex()}' AS TEXT)"


def _one_line(quoted: str) -> str:
    """Return a value that SQLite quoted as one line."""
    if quoted.isprintable() or not quoted.startswith("'"):
        return quoted
    return _literal(quoted[1:-1].replace("''", "'"))


def _comment(text: str) -> str:
    """Return a text that cannot end a comment."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:80]
