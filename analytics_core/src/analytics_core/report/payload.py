"""The documents in a compact shape: columns of numbers instead of repeated keys and names.

At 1,400 recipes with ten neighbors each the documents hold 23 MB of JSON; the
columns hold less than two. What the page needs for its first paint comes in
one block; the neighbors, the larger part, in a second that is parsed later.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from analytics_core.errors import AnalyticsError
from analytics_core.similarity.families import find_families
from analytics_core.wording import Fragment, phrase

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
    "quality",
    "stages",
    "documents",
)
GRID = 10_000
"""Steps across the longer side of a map: finer than a pixel at tenfold zoom."""
MASS_STEPS = 10_000
"""Masses and distances are kept in ten-thousandths."""
SUBSTITUTES_SHOWN = 6
MOST_RECIPES = 100_000
"""Drinks that a page carries: more points than a map has pixels to tell them apart."""
MOST_NEIGHBORS = 250_000
"""Neighbors that a page carries, of all drinks together: with them it has some 20 MB."""

Rows = Sequence[Mapping[str, Any]]
Row = Mapping[str, Any]


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
    page = Payload(
        data["ingredient-tree"], recipe_ids=[row["recipe_id"] for row in data["recipe-details"]]
    )
    for row in data["recipe-details"]:
        page.add_details(row)
    for row in data["recipe-similar"]:
        page.add_similar(row)
    for row in data["ingredient-substitutes"]:
        page.add_substitutes(row)
    for name, rows in (("plain", data["cocktail-space"]), ("learned", data["cocktail-space-em"])):
        for row in rows:
            page.add_position(name, row)
    for row in data["recipe-complexity"]:
        page.add_complexity(row)
    return page.blocks(documents["manifest"])


class Payload:
    """What the page carries, gathered row by row while the documents are made.

    Details come before neighbors; apart from that, documents may come in any order. A collection
    beyond `MOST_RECIPES` is thinned out evenly, and of each drink as many neighbors are kept as
    make `MOST_NEIGHBORS` in all.

    Parameters
    ----------
    tree : mapping
        The data of `ingredient-tree`.
    recipe_ids : sequence of int
        Of all recipes, in the order of the details.
    """

    def __init__(self, tree: Row, recipe_ids: Sequence[int]) -> None:
        every = max(1, -(-len(recipe_ids) // MOST_RECIPES))
        self._recipes = {key: index for index, key in enumerate(recipe_ids[::every])}
        self._recipes_left_out = len(recipe_ids) - len(self._recipes)
        self._listed = max(1, MOST_NEIGHBORS // max(1, len(self._recipes)))
        self._ingredients = _Ingredients(tree)
        self._id: list[int] = []
        self._name: list[str] = []
        self._base = array("i")
        self._lines = _Lines(self._ingredients)
        self._neighbors = _Neighbors(self._ingredients, self._recipes, self._listed)
        self._substitutes: dict[int, Row] = {}
        self._complexity: list[list[int]] = []
        self._positions = {"plain": _Positions(), "learned": _Positions()}

    def add_details(self, row: Row) -> None:
        """Take a row of `recipe-details`."""
        if row["recipe_id"] not in self._recipes:
            return
        self._id.append(row["recipe_id"])
        self._name.append(row["recipe_name"])
        self._base.append(
            self._ingredients.index(row["base_ingredient_id"], row["base_ingredient_name"])
        )
        self._lines.add(row["lines"])

    def add_similar(self, row: Row, sentences: Sequence[Sequence[Fragment]] | None = None) -> None:
        """Take a row of `recipe-similar`, with its neighbors' sentences if they are known."""
        index = self._recipes.get(row["recipe_id"])
        if index is not None:
            self._neighbors.add(index, row["neighbors"], sentences)

    def add_substitutes(self, row: Row) -> None:
        """Take a row of `ingredient-substitutes`."""
        index = self._ingredients.index(row["ingredient_id"], row["ingredient_name"])
        self._substitutes[index] = row

    def add_position(self, name: str, row: Row) -> None:
        """Take a row of `cocktail-space` (``plain``) or `cocktail-space-em` (``learned``)."""
        index = self._recipes.get(row["recipe_id"])
        if index is not None:
            self._positions[name].add(index, float(row["x"]), float(row["y"]))

    def add_complexity(self, row: Row) -> None:
        """Take a row of `recipe-complexity`."""
        self._complexity.append([row["ingredient_count"], row["recipe_count"]])

    def blocks(self, manifest: Row) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the core block and the neighbors block."""
        neighbors = self._neighbors.columns(len(self._id))
        of_recipe, families = self._families(neighbors)
        core: dict[str, Any] = {
            "manifest": {name: manifest[name] for name in MANIFEST_FIELDS if name in manifest},
            "recipes": {
                "id": self._id,
                "name": self._name,
                "base": self._base,
                "family": of_recipe,
                "start": self._lines.start,
                "plain": self._positions["plain"].columns(len(self._id)),
                "learned": self._positions["learned"].columns(len(self._id)),
            },
            "lines": self._lines.columns(),
            "units": self._lines.units(),
            "families": families,
            "substitutes": _substitutes(self._substitutes, self._ingredients),
            "complexity": self._complexity,
            # last: the columns above may have added ingredients that the tree lacks
            "ingredients": self._ingredients.columns(),
        }
        if left_out := self._left_out():
            core["left_out"] = left_out
        return core, neighbors

    def _left_out(self) -> list[dict[str, Any]]:
        """What the page does not carry: what, how many, and why."""
        found = []
        if self._recipes_left_out:
            why = f"a page carries at most {MOST_RECIPES:,} drinks, which are spread evenly"
            found.append({"what": "drinks", "count": self._recipes_left_out, "why": why})
        if self._neighbors.left_out:
            kept = "one" if self._listed == 1 else str(self._listed)
            why = f"of so many drinks a page carries the nearest {kept} each"
            found.append({"what": "neighbors", "count": self._neighbors.left_out, "why": why})
        return found

    def _families(self, neighbors: Mapping[str, Any]) -> tuple[Sequence[int], list[list[int]]]:
        """Families of recipes, largest first, each with the ingredients that mark it."""
        recipes = len(self._id)
        of_recipe, count = find_families(
            neighbors["start"], neighbors["to"], neighbors["distance"], recipes
        )
        weight: list[Counter[int]] = [Counter() for _ in range(count)]
        overall: Counter[int] = Counter()
        members = Counter(of_recipe)
        rolled, bounds = self._lines.rolled, self._lines.start
        for r, family in enumerate(of_recipe):
            seen = set(rolled[bounds[r] : bounds[r + 1]])
            weight[family].update(seen)
            overall.update(seen)
        marks = []
        for family, counter in enumerate(weight):
            size = members[family]

            def lift(item: tuple[int, int], size: int = size) -> float:
                # how much more often here than anywhere, weighed by how often at all
                here = item[1] / size
                return here * math.log(here * recipes / overall[item[0]])

            ranked = sorted(counter.items(), key=lift, reverse=True)
            marks.append([index for index, _ in ranked[:3]])
        return of_recipe, marks


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


class _Lines:
    """What is poured, in columns."""

    def __init__(self, ingredients: _Ingredients) -> None:
        self._ingredients = ingredients
        self.start = array("i", [0])
        self.rolled = array("i")
        self._ingredient, self._unit, self._fraction = array("i"), array("i"), array("i")
        self._amount: list[float | None] = []
        self._ml: list[float | None] = []
        self._units: dict[str, int] = {}

    def add(self, lines: Rows) -> None:
        index, units = self._ingredients.index, self._units
        for line in lines:
            self._ingredient.append(index(line["ingredient_id"], line["ingredient_name"]))
            self.rolled.append(index(line["rolled_id"], line["rolled_name"]))
            self._amount.append(_short(line["amount"]))
            unit = line["unit"]
            self._unit.append(-1 if unit is None else units.setdefault(unit, len(units)))
            self._ml.append(_short(line["volume_ml"]))
            self._fraction.append(_steps(line["fraction"]))
        self.start.append(len(self._ingredient))

    def units(self) -> list[str]:
        return list(self._units)

    def columns(self) -> dict[str, Any]:
        return {
            "ingredient": self._ingredient,
            "rolled": self.rolled,
            "amount": self._amount,
            "unit": self._unit,
            "ml": self._ml,
            "fraction": self._fraction,
        }


class _Positions:
    """Both axes on one grid, so that distances on the map keep their meaning."""

    def __init__(self) -> None:
        self._index, self._x, self._y = array("i"), array("d"), array("d")

    def add(self, index: int, x: float, y: float) -> None:
        if math.isfinite(x) and math.isfinite(y):
            self._index.append(index)
            self._x.append(x)
            self._y.append(y)

    def columns(self, recipes: int) -> dict[str, array[int]]:
        x, y = (array("i", [GRID // 2]) * recipes for _ in range(2))
        if not self._index:
            return {"x": x, "y": y}
        left, right = min(self._x), max(self._x)
        low, high = min(self._y), max(self._y)
        span = max(right - left, high - low) or 1.0
        for index, across, up in zip(self._index, self._x, self._y, strict=True):
            x[index] = round(GRID * (0.5 + (across - (left + right) / 2) / span))
            # screens count downwards
            y[index] = round(GRID * (0.5 - (up - (low + high) / 2) / span))
        return {"x": x, "y": y}


class _Neighbors:
    """The neighbors of each recipe in columns, with plans and sentences."""

    def __init__(self, ingredients: _Ingredients, recipes: Mapping[int, int], listed: int) -> None:
        self._ingredients, self._recipes, self._listed = ingredients, recipes, listed
        self.left_out = 0
        self._start, self._plan = array("i", [0]), array("i", [0])
        self._to, self._distance = array("i"), array("i")
        self._source, self._target, self._mass = array("i"), array("i"), array("i")
        self._said = _Sentences(ingredients)

    def add(
        self, index: int, neighbors: Rows, sentences: Sequence[Sequence[Fragment]] | None
    ) -> None:
        self._fill(index)
        kept = 0
        for position, neighbor in enumerate(neighbors):
            other = self._recipes.get(neighbor["neighbor_recipe_id"])
            if other is None or kept == self._listed:
                self.left_out += 1
                continue
            kept += 1
            self._to.append(other)
            self._distance.append(_steps(neighbor["distance"]))
            for flow in neighbor["transport_plan"]:
                if moved := _steps(flow["mass"]):
                    self._flow(flow, moved)
            self._plan.append(len(self._mass))
            self._said.add(
                # sets published before there were steps have none, and the page says nothing
                phrase(neighbor.get("steps", ()), same_mix=not neighbor["transport_plan"])
                if sentences is None
                else sentences[position]
            )
        self._start.append(len(self._to))

    def _flow(self, flow: Row, moved: int) -> None:
        index = self._ingredients.index
        self._source.append(index(flow["from_ingredient_id"], flow["from_ingredient_name"]))
        self._target.append(index(flow["to_ingredient_id"], flow["to_ingredient_name"]))
        self._mass.append(moved)

    def _fill(self, recipes: int) -> None:
        """Go on to a recipe; those in between have no neighbors."""
        self._start.extend([len(self._to)] * (recipes + 1 - len(self._start)))

    def columns(self, recipes: int) -> dict[str, Any]:
        self._fill(recipes)
        return {
            "start": self._start,
            "to": self._to,
            "distance": self._distance,
            "plan": self._plan,
            "source": self._source,
            "target": self._target,
            "mass": self._mass,
            **self._said.columns(),
        }


class _Sentences:
    """What to do differently, in fragments: texts said often are kept once, names are ingredients.

    A fragment is the position of its text, or below zero: -1 for the first ingredient. `words`
    counts each sentence's fragments.
    """

    def __init__(self, ingredients: _Ingredients) -> None:
        self._ingredients = ingredients
        self._texts: dict[str, int] = {}
        self._fragments = array("i")
        self._counts = array("i")

    def add(self, sentence: Sequence[Fragment]) -> None:
        texts = self._texts
        for fragment in sentence:
            self._fragments.append(
                texts.setdefault(fragment, len(texts))
                if isinstance(fragment, str)
                else -1 - self._ingredients.index(fragment.ingredient, fragment.text)
            )
        self._counts.append(len(sentence))

    def columns(self) -> dict[str, Any]:
        return {"words": self._counts, "fragment": self._fragments, "text": list(self._texts)}


def _substitutes(
    by_ingredient: Mapping[int, Row], ingredients: _Ingredients
) -> dict[str, list[int]]:
    of, start, to, cost = [], [0], [], []
    for index, row in sorted(by_ingredient.items()):
        of.append(index)
        for other in row["substitutes"][:SUBSTITUTES_SHOWN]:
            to.append(ingredients.index(other["ingredient_id"], other["ingredient_name"]))
            cost.append(_steps(other["cost"]))
        start.append(len(to))
    return {"of": of, "start": start, "to": to, "cost": cost}


def _short(value: float | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    rounded = round(float(value), 3)
    return int(rounded) if rounded.is_integer() else rounded


def _steps(value: float) -> int:
    return round(float(value) * MASS_STEPS)
