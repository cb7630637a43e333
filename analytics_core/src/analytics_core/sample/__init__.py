"""The embedded sample database, and databases of any size made in its image.

The drinks are readable text beside this file: ``ingredients.csv``,
``recipes.txt`` and ``families.toml``. Importing costs little; the text is read
on first use.
"""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path

from analytics_core.errors import DataError, StorageError
from analytics_core.sample._data import (
    Families,
    Family,
    SampleIngredient,
    SampleLine,
    SampleRecipe,
    Triplet,
    load_families,
    load_ingredients,
    load_recipes,
)
from analytics_core.sample._schema import SCHEMA, UNITS
from analytics_core.sample._variations import Variations

__all__ = [
    "Families",
    "Family",
    "SampleIngredient",
    "SampleLine",
    "SampleRecipe",
    "Triplet",
    "load_families",
    "load_ingredients",
    "load_recipes",
    "write_sample_database",
]

_RATED_SHARE = 0.6
_RATERS = ("ada", "bo", "cleo", "dario", "edith", "farid", "gwen", "hana")


def write_sample_database(
    path: Path, *, recipes: int | None = None, seed: int = 0, overwrite: bool = False
) -> None:
    """Write a SQLite database with the site's schema.

    The file appears whole or not at all.

    Parameters
    ----------
    path
        Where to write; its folder must exist.
    recipes
        How many recipes. ``None`` means the embedded ones. Up to their number, the
        first of them are written; beyond it, variations of real recipes follow.
    seed
        The same seed gives the same content.
    overwrite
        Replace a file that exists.

    Raises
    ------
    DataError
        If ``recipes`` is negative, the file exists and ``overwrite`` is not set, or a
        database's log lies beside it.
    StorageError
        If the folder does not exist, or the file cannot be written.
    """
    path = Path(path)
    if recipes is not None and recipes < 0:
        raise DataError(f"the number of recipes must not be negative, but is {recipes}")
    if not overwrite and os.path.lexists(path):
        raise DataError(f"{path} exists already; choose another name or ask to overwrite it")
    if path.is_dir():
        raise DataError(f"{path} is a folder; name a file in it")
    path = Path(os.path.realpath(path))  # a link is written through
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is no regular file, and a database needs one")
    for suffix in ("-wal", "-journal"):
        # SQLite would play another database's log into the new file
        if (log := path.with_name(path.name + suffix)).exists():
            raise DataError(f"{log} belongs to a database in use or left by a crash; remove it")
    try:
        # made before the drinks are, which may take a while
        with tempfile.TemporaryDirectory(prefix=f".{path.name[:40]}-", dir=path.parent) as folder:
            draft = Path(folder) / "draft.db"
            ingredients = load_ingredients()
            chosen = _choose(load_recipes(), ingredients, recipes, seed)
            _write_draft(draft, ingredients, chosen, seed=seed)
            if not overwrite and os.path.lexists(path):
                raise DataError(f"{path} appeared meanwhile; it is left as it is")
            draft.replace(path)
    except (OSError, sqlite3.OperationalError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(f"cannot write {path}: {reason}") from error


def _choose(
    real: tuple[SampleRecipe, ...],
    ingredients: tuple[SampleIngredient, ...],
    count: int | None,
    seed: int,
) -> Sequence[SampleRecipe]:
    if count is None or count <= len(real):
        return real[:count]
    variations = Variations(real, ingredients, seed=seed)
    return [*real, *variations.draw(count - len(real))]


def _write_draft(
    draft: Path,
    ingredients: tuple[SampleIngredient, ...],
    recipes: Sequence[SampleRecipe],
    *,
    seed: int,
) -> None:
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        # The draft is thrown away after a crash, so it needs no journal
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(SCHEMA)
        connection.execute("BEGIN")
        _fill(connection, ingredients, recipes, random.Random(seed))  # noqa: S311 - made data
        connection.execute("COMMIT")
    with draft.open("rb+") as file:
        os.fsync(file.fileno())


def _fill(
    connection: sqlite3.Connection,
    ingredients: tuple[SampleIngredient, ...],
    recipes: Sequence[SampleRecipe],
    chance: random.Random,
) -> None:
    ingredient_ids = {ingredient.name: number for number, ingredient in enumerate(ingredients, 1)}
    unit_ids = {unit[0]: number for number, unit in enumerate(UNITS, 1)}
    connection.executemany(
        "INSERT INTO units (id, name, abbreviation, conversion_to_ml) VALUES (?, ?, ?, ?)",
        [(number, *unit) for number, unit in enumerate(UNITS, 1)],
    )
    paths: dict[str, str] = {}
    for ingredient in ingredients:
        above = "/" if ingredient.parent is None else paths[ingredient.parent]
        paths[ingredient.name] = f"{above}{ingredient_ids[ingredient.name]}/"
    connection.executemany(
        "INSERT INTO ingredients (id, name, description, parent_id, path, allow_substitution)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                ingredient_ids[ingredient.name],
                ingredient.name,
                ingredient.description,
                None if ingredient.parent is None else ingredient_ids[ingredient.parent],
                paths[ingredient.name],
                int(ingredient.allow_substitution),
            )
            for ingredient in ingredients
        ],
    )
    ratings = [_ratings(chance) for _ in recipes]
    connection.executemany(
        "INSERT INTO recipes (id, name, instructions, description, source, avg_rating,"
        " rating_count) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                number,
                recipe.name,
                recipe.instructions,
                recipe.description,
                "IBA official" if "iba" in recipe.tags else "Classic",
                round(sum(given.values()) / len(given), 2) if given else None,
                len(given),
            )
            for number, (recipe, given) in enumerate(zip(recipes, ratings, strict=True), 1)
        ],
    )
    connection.executemany(
        "INSERT INTO recipe_ingredients (recipe_id, ingredient_id, unit_id, amount)"
        " VALUES (?, ?, ?, ?)",
        [
            (number, ingredient_ids[line.ingredient], unit_ids[line.unit], line.amount)
            for number, recipe in enumerate(recipes, 1)
            for line in recipe.lines
        ],
    )
    connection.executemany(
        "INSERT INTO ratings (recipe_id, cognito_user_id, rating) VALUES (?, ?, ?)",
        [
            (number, user, rating)
            for number, given in enumerate(ratings, 1)
            for user, rating in given.items()
        ],
    )
    tags = dict.fromkeys(chain.from_iterable(recipe.tags for recipe in recipes))
    tag_ids = {tag: number for number, tag in enumerate(tags, 1)}
    connection.executemany(
        "INSERT INTO tags (id, name, is_private) VALUES (?, ?, 0)",
        [(number, tag) for tag, number in tag_ids.items()],
    )
    connection.executemany(
        "INSERT INTO recipe_tags (recipe_id, tag_id) VALUES (?, ?)",
        [(number, tag_ids[tag]) for number, recipe in enumerate(recipes, 1) for tag in recipe.tags],
    )
    shelf = ("London Dry Gin", "Campari", "Sweet Vermouth", "Bourbon", "Lemon Juice")
    connection.executemany(
        "INSERT INTO user_ingredients (cognito_user_id, ingredient_id) VALUES (?, ?)",
        [(_RATERS[0], ingredient_ids[name]) for name in shelf],
    )


def _ratings(chance: random.Random) -> dict[str, int]:
    """Draw who rated a recipe, and how: 1 to 5."""
    if chance.random() > _RATED_SHARE:
        return {}
    raters = chance.sample(_RATERS, chance.randint(1, 4))
    return dict(zip(raters, chance.choices((2, 3, 4, 5), (1, 3, 6, 4), k=len(raters)), strict=True))
