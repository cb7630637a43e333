"""The one model of a cocktail database: ingredients, units, recipes and lines.

Readers of every layout make a `Catalog`, and nothing after them knows which layout it was.
Everything is in a canonical order, so that neither the order of rows nor the ids of lines and
units reach the results.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics_core.source.findings import Finding
from analytics_core.source.units import Unit

__all__ = [
    "Catalog",
    "Finding",
    "Ingredients",
    "Lines",
    "Recipes",
    "Unit",
    "catalog_from_arrays",
    "catalog_to_arrays",
    "fingerprint_content",
]


@dataclass(frozen=True, slots=True)
class Ingredients:
    """Every ingredient, ascending by id.

    Attributes
    ----------
    ids : int64 (ingredients,)
    names
        One per row.
    parents : int32 (ingredients,)
        Index of the parent; -1 for a root.
    allow_substitution : bool (ingredients,)
    paths
        Ids from the root down, ``/1/10/``, rebuilt from the parents.
    """

    ids: NDArray[np.int64]
    names: tuple[str, ...]
    parents: NDArray[np.int32]
    allow_substitution: NDArray[np.bool_]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipes:
    """The usable recipes, ascending by id.

    Attributes
    ----------
    ids : int64 (recipes,)
    names
        One per row.
    """

    ids: NDArray[np.int64]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of the usable recipes, by recipe, ingredient, volume, unit and amount.

    Attributes
    ----------
    recipe : int32 (lines,)
        Index into the recipes.
    ingredient : int32 (lines,)
        Index into the ingredients.
    amount : float64 (lines,)
        In the line's unit; NaN where the recipe gives none.
    unit : int32 (lines,)
        Index into the units; -1 where there is none.
    volume_ml : float64 (lines,)
        Milliliters, not negative.
    """

    recipe: NDArray[np.int32]
    ingredient: NDArray[np.int32]
    amount: NDArray[np.float64]
    unit: NDArray[np.int32]
    volume_ml: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that the analytics read from the database.

    Attributes
    ----------
    ingredients, recipes, lines, units
        The content, in canonical order.
    findings
        What is wrong with the data, in a stable order.
    fingerprint
        SHA-256 (hex) of the content; findings, row order and unread columns do not count.
    """

    ingredients: Ingredients
    recipes: Recipes
    lines: Lines
    units: tuple[Unit, ...]
    findings: tuple[Finding, ...]
    fingerprint: str


_LINE_COLUMNS = tuple(column.name for column in fields(Lines))


def fingerprint_content(
    ingredients: Ingredients, recipes: Recipes, lines: Lines, units: tuple[Unit, ...]
) -> str:
    """Return SHA-256 of the content in a form that does not depend on the machine."""
    digest = hashlib.sha256(b"catalog 1\n")
    texts = [
        ingredients.names,
        recipes.names,
        [[unit.name, unit.abbreviation, unit.conversion_to_ml] for unit in units],
    ]
    digest.update(json.dumps(texts).encode())
    integers = (
        ingredients.ids,
        ingredients.parents,
        ingredients.allow_substitution,
        recipes.ids,
        lines.recipe,
        lines.ingredient,
        lines.unit,
    )
    for whole in integers:
        digest.update(b"\n%d\n" % whole.size)
        digest.update(whole.astype("<i8").tobytes())
    # One NaN stands for all of them, whatever bits the database's conversion left.
    for real in (np.where(np.isnan(lines.amount), np.nan, lines.amount), lines.volume_ml):
        digest.update(real.astype("<f8").tobytes())
    return digest.hexdigest()


def catalog_to_arrays(catalog: Catalog) -> dict[str, NDArray[Any]]:
    """Return a catalog as arrays alone, from which `catalog_from_arrays` makes the same again."""
    texts = {
        "ingredient_names": catalog.ingredients.names,
        "ingredient_paths": catalog.ingredients.paths,
        "recipe_names": catalog.recipes.names,
        "units": [astuple(unit) for unit in catalog.units],
        "findings": [astuple(finding) for finding in catalog.findings],
        "fingerprint": catalog.fingerprint,
    }
    # escapes: lone surrogates in names have no bytes of their own
    text = np.frombuffer(json.dumps(texts, ensure_ascii=True).encode("ascii"), dtype=np.uint8)
    return {
        "texts": text,
        "ingredient_ids": catalog.ingredients.ids,
        "ingredient_parents": catalog.ingredients.parents,
        "allow_substitution": catalog.ingredients.allow_substitution,
        "recipe_ids": catalog.recipes.ids,
        **{f"line_{name}": getattr(catalog.lines, name) for name in _LINE_COLUMNS},
    }


def catalog_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Catalog:
    """Inverse of `catalog_to_arrays`."""
    texts = json.loads(arrays["texts"].tobytes())
    return Catalog(
        ingredients=Ingredients(
            ids=arrays["ingredient_ids"],
            names=tuple(texts["ingredient_names"]),
            parents=arrays["ingredient_parents"],
            allow_substitution=arrays["allow_substitution"],
            paths=tuple(texts["ingredient_paths"]),
        ),
        recipes=Recipes(ids=arrays["recipe_ids"], names=tuple(texts["recipe_names"])),
        lines=Lines(**{name: arrays[f"line_{name}"] for name in _LINE_COLUMNS}),
        units=tuple(Unit(*unit) for unit in texts["units"]),
        findings=tuple(
            Finding(code, count, message, tuple(examples))
            for code, count, message, examples in texts["findings"]
        ),
        fingerprint=texts["fingerprint"],
    )
