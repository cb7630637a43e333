"""The documents in a compact shape: columns of numbers instead of repeated keys and names.

At 1,400 recipes with ten neighbors each the documents hold 23 MB of JSON; the
columns hold less than two. What the page needs for its first paint comes in
one block; the neighbors, the larger part, in a second that is parsed later.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from analytics_core.errors import AnalyticsError
from analytics_core.similarity.families import find_families
from analytics_core.wording import phrase

NEEDED = (
    "manifest",
    "ingredient-tree",
    "cocktail-space",
    "cocktail-space-em",
    "recipe-similar",
    "ingredient-substitutes",
    "recipe-details",
    "recipe-complexity",
)
MANIFEST_FIELDS = (
    "run_id",
    "generated_at",
    "code_version",
    "storage_version",
    "seed",
    "settings",
    "database",
    "counts",
    "warnings",
    "suggestions",
    "quality",
    "stages",
    "documents",
)
GRID = 10_000
"""Steps across the longer side of a map: finer than a pixel at tenfold zoom."""
MASS_STEPS = 10_000
"""Masses and distances are kept in ten-thousandths."""
SUBSTITUTES_SHOWN = 6

Rows = Sequence[Mapping[str, Any]]


def compact(documents: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Turn documents into the two blocks that the page carries.

    Parameters
    ----------
    documents : mapping
        Parsed documents by type, the manifest included.

    Returns
    -------
    tuple of dict
        The core block and the neighbors block; ``frontend/src/data.ts``
        describes their fields.

    Raises
    ------
    AnalyticsError
        A needed document is missing.
    """
    missing = [name for name in NEEDED if name not in documents]
    if missing:
        raise AnalyticsError(
            f"the page needs the documents {', '.join(missing)}, which are not there; "
            "publish them with `analytics-core refresh`"
        )
    data = {name: documents[name]["data"] for name in NEEDED if name != "manifest"}
    details: Rows = data["recipe-details"]
    ingredients = _Ingredients(data["ingredient-tree"])
    recipes = {row["recipe_id"]: index for index, row in enumerate(details)}

    lines, starts, units = _lines(details, ingredients)
    neighbors = _neighbors(data["recipe-similar"], recipes, ingredients)
    of_recipe, families = _families(details, neighbors, ingredients)
    bases = [
        ingredients.index(row["base_ingredient_id"], row["base_ingredient_name"]) for row in details
    ]
    substitutes = _substitutes(data["ingredient-substitutes"], ingredients)
    manifest = documents["manifest"]
    core = {
        "manifest": {name: manifest[name] for name in MANIFEST_FIELDS if name in manifest},
        "recipes": {
            "id": [row["recipe_id"] for row in details],
            "name": [row["recipe_name"] for row in details],
            "base": bases,
            "family": of_recipe,
            "start": starts,
            "plain": _positions(data["cocktail-space"], recipes),
            "learned": _positions(data["cocktail-space-em"], recipes),
        },
        "lines": lines,
        "units": units,
        "families": families,
        "substitutes": substitutes,
        "complexity": [
            [row["ingredient_count"], row["recipe_count"]] for row in data["recipe-complexity"]
        ],
        # last: the columns above may have added ingredients that the tree lacks
        "ingredients": ingredients.columns(),
    }
    return core, neighbors


class _Ingredients:
    """The tree, flattened parents first; ingredients met elsewhere join as roots."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._index: dict[int, int] = {}
        self._id: list[int] = []
        self._name: list[str] = []
        self._parent: list[int] = []
        self._substitution: list[int] = []
        self._own: list[int] = []
        self._total: list[int] = []
        pending = [(child, -1) for child in reversed(tree.get("children") or [])]
        while pending:
            node, parent = pending.pop()
            index = self._add(int(node["id"]), node["name"], parent, node)
            children = node.get("children") or []
            pending.extend((child, index) for child in reversed(children))

    def _add(self, key: int, name: str, parent: int, node: Mapping[str, Any]) -> int:
        index = len(self._id)
        self._index[key] = index
        self._id.append(key)
        self._name.append(name)
        self._parent.append(parent)
        self._substitution.append(int(bool(node.get("allow_substitution"))))
        self._own.append(int(node.get("recipe_count") or 0))
        self._total.append(int(node.get("hierarchical_recipe_count") or 0))
        return index

    def index(self, key: int | None, name: str | None) -> int:
        if key is None:
            return -1
        found = self._index.get(int(key))
        return self._add(int(key), str(name), -1, {}) if found is None else found

    def columns(self) -> dict[str, list[Any]]:
        return {
            "id": self._id,
            "name": self._name,
            "parent": self._parent,
            "substitution": self._substitution,
            "own": self._own,
            "total": self._total,
        }


def _lines(
    details: Rows, ingredients: _Ingredients
) -> tuple[dict[str, list[Any]], list[int], list[str]]:
    columns: dict[str, list[Any]] = {
        "ingredient": [],
        "rolled": [],
        "amount": [],
        "unit": [],
        "ml": [],
        "fraction": [],
    }
    units: dict[str, int] = {}
    starts = [0]
    for row in details:
        for line in row["lines"]:
            columns["ingredient"].append(
                ingredients.index(line["ingredient_id"], line["ingredient_name"])
            )
            columns["rolled"].append(ingredients.index(line["rolled_id"], line["rolled_name"]))
            columns["amount"].append(_short(line["amount"]))
            unit = line["unit"]
            columns["unit"].append(-1 if unit is None else units.setdefault(unit, len(units)))
            columns["ml"].append(_short(line["volume_ml"]))
            columns["fraction"].append(_steps(line["fraction"]))
        starts.append(len(columns["ingredient"]))
    return columns, starts, list(units)


def _positions(rows: Rows, recipes: Mapping[int, int]) -> dict[str, list[int]]:
    """Both axes on one grid, so that distances on the map keep their meaning."""
    placed = [
        (recipes[row["recipe_id"]], float(row["x"]), float(row["y"]))
        for row in rows
        if row["recipe_id"] in recipes and math.isfinite(row["x"]) and math.isfinite(row["y"])
    ]
    if not placed:
        return {"x": [GRID // 2] * len(recipes), "y": [GRID // 2] * len(recipes)}
    left, right = min(p[1] for p in placed), max(p[1] for p in placed)
    low, high = min(p[2] for p in placed), max(p[2] for p in placed)
    span = max(right - left, high - low) or 1.0
    x = [GRID // 2] * len(recipes)
    y = [GRID // 2] * len(recipes)
    for index, across, up in placed:
        x[index] = round(GRID * (0.5 + (across - (left + right) / 2) / span))
        y[index] = round(GRID * (0.5 - (up - (low + high) / 2) / span))  # screens count downwards
    return {"x": x, "y": y}


def _neighbors(
    rows: Rows, recipes: Mapping[int, int], ingredients: _Ingredients
) -> dict[str, list[Any]]:
    by_recipe = {recipes[row["recipe_id"]]: row for row in rows if row["recipe_id"] in recipes}
    start, to, distance, plan, source, target, mass = [0], [], [], [0], [], [], []
    said = _Sentences(ingredients)
    for index in range(len(recipes)):
        for neighbor in by_recipe.get(index, {}).get("neighbors", ()):
            other = recipes.get(neighbor["neighbor_recipe_id"])
            if other is None:
                continue
            to.append(other)
            distance.append(_steps(neighbor["distance"]))
            for flow in neighbor["transport_plan"]:
                moved = _steps(flow["mass"])
                if not moved:
                    continue
                source.append(
                    ingredients.index(flow["from_ingredient_id"], flow["from_ingredient_name"])
                )
                target.append(
                    ingredients.index(flow["to_ingredient_id"], flow["to_ingredient_name"])
                )
                mass.append(moved)
            plan.append(len(mass))
            said.add(neighbor)
        start.append(len(to))
    return {
        "start": start,
        "to": to,
        "distance": distance,
        "plan": plan,
        "source": source,
        "target": target,
        "mass": mass,
        **said.columns(),
    }


class _Sentences:
    """What to do differently, in fragments: texts said often are kept once, names are ingredients.

    A fragment is the position of its text, or below zero: -1 for the first ingredient. `words`
    counts each sentence's fragments.
    """

    def __init__(self, ingredients: _Ingredients) -> None:
        self._ingredients = ingredients
        self._texts: dict[str, int] = {}
        self._fragments: list[int] = []
        self._counts: list[int] = []

    def add(self, neighbor: Mapping[str, Any]) -> None:
        # sets published before there were steps have none, and the page says nothing
        same_mix = not neighbor["transport_plan"]
        before = len(self._fragments)
        for fragment in phrase(neighbor.get("steps", ()), same_mix=same_mix):
            if isinstance(fragment, str):
                position = self._texts.setdefault(fragment, len(self._texts))
            else:
                position = -1 - self._ingredients.index(fragment.ingredient, fragment.text)
            self._fragments.append(position)
        self._counts.append(len(self._fragments) - before)

    def columns(self) -> dict[str, list[Any]]:
        return {"words": self._counts, "fragment": self._fragments, "text": list(self._texts)}


def _substitutes(rows: Rows, ingredients: _Ingredients) -> dict[str, list[int]]:
    by_ingredient = {
        ingredients.index(row["ingredient_id"], row["ingredient_name"]): row for row in rows
    }
    of, start, to, cost = [], [0], [], []
    for index, row in sorted(by_ingredient.items()):
        of.append(index)
        for other in row["substitutes"][:SUBSTITUTES_SHOWN]:
            to.append(ingredients.index(other["ingredient_id"], other["ingredient_name"]))
            cost.append(_steps(other["cost"]))
        start.append(len(to))
    return {"of": of, "start": start, "to": to, "cost": cost}


def _families(
    details: Rows, neighbors: Mapping[str, list[Any]], ingredients: _Ingredients
) -> tuple[list[int], list[list[int]]]:
    """Families of recipes, largest first, each with the ingredients that mark it."""
    of_recipe, count = find_families(
        neighbors["start"], neighbors["to"], neighbors["distance"], len(details)
    )
    weight: list[Counter[int]] = [Counter() for _ in range(count)]
    overall: Counter[int] = Counter()
    members = Counter(of_recipe)
    for family, row in zip(of_recipe, details, strict=True):
        seen = {ingredients.index(line["rolled_id"], line["rolled_name"]) for line in row["lines"]}
        weight[family].update(seen)
        overall.update(seen)
    marks = []
    for family, counter in enumerate(weight):
        size = members[family]

        def lift(item: tuple[int, int], size: int = size) -> float:
            # how much more often here than anywhere, weighed by how often at all
            here = item[1] / size
            return here * math.log(here * len(details) / overall[item[0]])

        ranked = sorted(counter.items(), key=lift, reverse=True)
        marks.append([index for index, _ in ranked[:3]])
    return of_recipe, marks


def _short(value: float | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    rounded = round(float(value), 3)
    return int(rounded) if rounded.is_integer() else rounded


def _steps(value: float) -> int:
    return round(float(value) * MASS_STEPS)
