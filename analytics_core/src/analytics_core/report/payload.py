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
from itertools import accumulate
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
MOST_RECIPES = 100_000
"""Drinks that a page carries, of some 165 bytes each."""
MOST_NEIGHBORS = 200_000
"""Neighbors that a page carries, of all drinks together, of some 90 bytes each: with both at
their most it has 35 MB, which a browser still opens."""

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

    def take_part(self) -> Part:
        """Return the neighbors gathered so far, and forget them: a copy of the process has them."""
        part, self._neighbors.part = self._neighbors.part, Part()
        return part

    def add_part(self, part: Part) -> None:
        """Take neighbors that a copy of the process gathered."""
        self._neighbors.part.extend(part)

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
            found.append({"what": "drink", "count": self._recipes_left_out, "why": why})
        if self._neighbors.left_out:
            kept = "one" if self._listed == 1 else str(self._listed)
            why = f"of so many drinks a page carries the nearest {kept} each"
            found.append({"what": "neighbor", "count": self._neighbors.left_out, "why": why})
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
        self._index: dict[int | None, int] = {}
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
        found = self._index.get(key)
        if found is not None:
            return found
        return -1 if key is None else self._add(int(key), str(name), -1, {})

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


class Part:
    """Neighbors of some recipes in columns, with plans and sentences in fragments.

    A fragment is the position of its text, or below zero: -1 for the first ingredient.
    """

    def __init__(self) -> None:
        self.left_out = 0
        self.recipe, self.neighbors = array("i"), array("i")
        self.to, self.distance, self.flows = array("i"), array("i"), array("i")
        self.source, self.target, self.mass = array("i"), array("i"), array("i")
        self.words, self.fragment = array("i"), array("i")
        self.texts: dict[str, int] = {}

    def extend(self, part: Part) -> None:
        """Take over another part, its texts at the positions that they have here."""
        self.left_out += part.left_out
        for name in ("recipe", "neighbors", "to", "distance", "flows"):
            getattr(self, name).extend(getattr(part, name))
        for name in ("source", "target", "mass", "words"):
            getattr(self, name).extend(getattr(part, name))
        here = [self.texts.setdefault(text, len(self.texts)) for text in part.texts]
        self.fragment.extend([here[f] if f >= 0 else f for f in part.fragment])


class _Neighbors:
    """Gathers the neighbors of each recipe."""

    def __init__(self, ingredients: _Ingredients, recipes: Mapping[int, int], listed: int) -> None:
        self._ingredients, self._recipes, self._listed = ingredients, recipes, listed
        self.part = Part()

    @property
    def left_out(self) -> int:
        return self.part.left_out

    def add(
        self, index: int, neighbors: Rows, sentences: Sequence[Sequence[Fragment]] | None
    ) -> None:
        part, recipes, ingredient = self.part, self._recipes, self._ingredients.index
        kept = 0
        for position, neighbor in enumerate(neighbors):
            other = recipes.get(neighbor["neighbor_recipe_id"])
            if other is None or kept == self._listed:
                part.left_out += 1
                continue
            kept += 1
            part.to.append(other)
            part.distance.append(_steps(neighbor["distance"]))
            flows = 0
            for flow in neighbor["transport_plan"]:
                if moved := round(flow["mass"] * MASS_STEPS):
                    flows += 1
                    part.mass.append(moved)
                    part.source.append(
                        ingredient(flow["from_ingredient_id"], flow["from_ingredient_name"])
                    )
                    part.target.append(
                        ingredient(flow["to_ingredient_id"], flow["to_ingredient_name"])
                    )
            part.flows.append(flows)
            self._say(
                # sets published before there were steps have none, and the page says nothing
                phrase(neighbor.get("steps", ()), same_mix=not neighbor["transport_plan"])
                if sentences is None
                else sentences[position]
            )
        part.recipe.append(index)
        part.neighbors.append(kept)

    def _say(self, sentence: Sequence[Fragment]) -> None:
        """Texts said often are kept once, names are ingredients."""
        texts, ingredient = self.part.texts, self._ingredients.index
        self.part.fragment.extend(
            [
                texts.setdefault(fragment, len(texts))
                if isinstance(fragment, str)
                else -1 - ingredient(fragment[0], fragment[1])
                for fragment in sentence
            ]
        )
        self.part.words.append(len(sentence))

    def columns(self, recipes: int) -> dict[str, Any]:
        part = self.part
        counts = array("i", [0]) * recipes
        for index, count in zip(part.recipe, part.neighbors, strict=True):
            counts[index] = count
        return {
            "start": array("i", accumulate(counts, initial=0)),
            "to": part.to,
            "distance": part.distance,
            "plan": array("i", accumulate(part.flows, initial=0)),
            "source": part.source,
            "target": part.target,
            "mass": part.mass,
            "words": part.words,
            "fragment": part.fragment,
            "text": list(part.texts),
        }


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
