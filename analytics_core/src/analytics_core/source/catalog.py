"""The one model of a cocktail database: ingredients, units, recipes and lines.

Readers of every layout make a `Catalog`, and nothing after them knows which layout it was.
Everything is in a canonical order, so that neither the order of rows nor the ids of lines and
units reach the results.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields, replace
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
    "with_fingerprint",
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
        Whether it counts as its parent, where a line does not say otherwise.
    paths
        Ids from the root down, ``/1/10/``, rebuilt from the parents.
    strength : float64 (ingredients,)
        Alcohol by volume in percent; NaN where nobody knows. A 0 above something stronger is not
        known: nobody wrote it.
    """

    ids: NDArray[np.int64]
    names: tuple[str, ...]
    parents: NDArray[np.int32]
    allow_substitution: NDArray[np.bool_]
    paths: tuple[str, ...]
    strength: NDArray[np.float64]

    @property
    def can_roll_up(self) -> NDArray[np.bool_]:
        """Whether each has a parent and nothing below it, bool (ingredients,)."""
        can: NDArray[np.bool_] = self.parents >= 0
        can[self.parents[self.parents >= 0]] = False
        return can

    @property
    def counts_as(self) -> NDArray[np.int32]:
        """What each counts as unless a line says otherwise, int32 (ingredients,)."""
        own = np.arange(self.parents.size, dtype=np.int32)
        return np.where(self.can_roll_up & self.allow_substitution, self.parents, own)


@dataclass(frozen=True, slots=True)
class Recipes:
    """The usable recipes, ascending by id.

    Attributes
    ----------
    ids : int64 (recipes,)
    names
        One per row.
    variant_of : int32 (recipes,)
        Index of the recipe that its owner made it from; -1 where there is none.
    methods
        How each is made, in the owner's words; empty where nobody says.
    dilution : float64 (recipes,)
        Water that melting ice adds, in percent of what is poured; NaN where nobody says.
    """

    ids: NDArray[np.int64]
    names: tuple[str, ...]
    variant_of: NDArray[np.int32]
    methods: tuple[str, ...]
    dilution: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of the usable recipes, by recipe, ingredient, volume, unit and amount.

    Attributes
    ----------
    recipe : int32 (lines,)
        Index into the recipes.
    ingredient : int32 (lines,)
        Index into the ingredients.
    rolled : int32 (lines,)
        What it counts as: the ingredient, or its parent.
    amount : float64 (lines,)
        In the line's unit; NaN where the recipe gives none.
    unit : int32 (lines,)
        Index into the units; -1 where there is none.
    volume_ml : float64 (lines,)
        Milliliters, not negative.
    """

    recipe: NDArray[np.int32]
    ingredient: NDArray[np.int32]
    rolled: NDArray[np.int32]
    amount: NDArray[np.float64]
    unit: NDArray[np.int32]
    volume_ml: NDArray[np.float64]

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Lines:
        """Return some of the lines, by mask or by position."""
        return Lines(*(getattr(self, column.name)[which] for column in fields(self)))


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that the analytics read from the database.

    Attributes
    ----------
    ingredients, recipes, units
        The content, in canonical order.
    lines
        What is poured: the mixtures.
    optional : Lines
        What may be poured too, and is no part of the mixtures.
    substitutes : int32 (pairs, 2)
        Ingredients of which the owner says that the second stands in for the first, as written on
        lines; ascending.
    parts : int32 (pairs, 2)
        Ingredients that are made of others: the whole, and a part; ascending.
    findings
        What is wrong with the data, in a stable order.
    layout
        Which layout it was read as.
    bar
        Which of several collections, as its owner calls it; empty where there is but one.
    fingerprint
        SHA-256 (hex) of the content; findings, layout, row order and unread columns do not count.
    """

    ingredients: Ingredients
    recipes: Recipes
    lines: Lines
    optional: Lines
    units: tuple[Unit, ...]
    substitutes: NDArray[np.int32]
    parts: NDArray[np.int32]
    findings: tuple[Finding, ...]
    layout: str
    bar: str
    fingerprint: str


_LINE_COLUMNS = tuple(column.name for column in fields(Lines))
_TEXTS = ("layout", "bar", "fingerprint")


def with_fingerprint(catalog: Catalog) -> Catalog:
    """Return a catalog with the SHA-256 of its content, the same on every machine."""
    ingredients, recipes, units = catalog.ingredients, catalog.recipes, catalog.units
    digest = hashlib.sha256(b"catalog 2\n")
    texts = [
        ingredients.names,
        recipes.names,
        [[unit.name, unit.abbreviation, unit.conversion_to_ml] for unit in units],
    ]
    if any(recipes.methods):
        texts.append(recipes.methods)
    digest.update(json.dumps(texts).encode())
    every = (catalog.lines, catalog.optional)
    integers: tuple[NDArray[Any], ...] = (
        ingredients.ids,
        ingredients.parents,
        ingredients.allow_substitution,
        recipes.ids,
        recipes.variant_of,
        *(part for own in every for part in (own.recipe, own.ingredient, own.rolled, own.unit)),
        catalog.substitutes.ravel(),
        catalog.parts.ravel(),
    )
    for whole in integers:
        digest.update(b"\n%d\n" % whole.size)
        digest.update(whole.astype("<i8").tobytes())
    reals = [ingredients.strength, *(p for own in every for p in (own.amount, own.volume_ml))]
    if not np.isnan(recipes.dilution).all():  # most layouts have none, and keep their fingerprints
        reals.append(recipes.dilution)
    for real in reals:
        # One NaN stands for all of them, whatever bits the database's conversion left.
        digest.update(np.where(np.isnan(real), np.nan, real).astype("<f8").tobytes())
    return replace(catalog, fingerprint=digest.hexdigest())


def catalog_to_arrays(catalog: Catalog) -> dict[str, NDArray[Any]]:
    """Return a catalog as arrays alone, from which `catalog_from_arrays` makes the same again."""
    texts = {
        "ingredient_names": catalog.ingredients.names,
        "ingredient_paths": catalog.ingredients.paths,
        "recipe_names": catalog.recipes.names,
        "methods": catalog.recipes.methods,
        "units": [astuple(unit) for unit in catalog.units],
        "findings": [astuple(finding) for finding in catalog.findings],
        **{name: getattr(catalog, name) for name in _TEXTS},
    }
    # escapes: lone surrogates in names have no bytes of their own
    text = np.frombuffer(json.dumps(texts, ensure_ascii=True).encode("ascii"), dtype=np.uint8)
    return {
        "texts": text,
        "ingredient_ids": catalog.ingredients.ids,
        "ingredient_parents": catalog.ingredients.parents,
        "allow_substitution": catalog.ingredients.allow_substitution,
        "strength": catalog.ingredients.strength,
        "recipe_ids": catalog.recipes.ids,
        "variant_of": catalog.recipes.variant_of,
        "dilution": catalog.recipes.dilution,
        **{f"line_{name}": getattr(catalog.lines, name) for name in _LINE_COLUMNS},
        **{f"optional_{name}": getattr(catalog.optional, name) for name in _LINE_COLUMNS},
        "substitutes": catalog.substitutes,
        "parts": catalog.parts,
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
            strength=arrays["strength"],
        ),
        recipes=Recipes(
            ids=arrays["recipe_ids"],
            names=tuple(texts["recipe_names"]),
            variant_of=arrays["variant_of"],
            methods=tuple(texts["methods"]),
            dilution=arrays["dilution"],
        ),
        lines=Lines(**{name: arrays[f"line_{name}"] for name in _LINE_COLUMNS}),
        optional=Lines(**{name: arrays[f"optional_{name}"] for name in _LINE_COLUMNS}),
        substitutes=arrays["substitutes"],
        parts=arrays["parts"],
        units=tuple(Unit(*unit) for unit in texts["units"]),
        findings=tuple(
            Finding(code, count, message, tuple(examples))
            for code, count, message, examples in texts["findings"]
        ),
        **{name: texts[name] for name in _TEXTS},
    )
