"""The documents in a compact shape: columns of numbers instead of repeated keys and names.

At 1,400 recipes with ten neighbors each the documents hold 23 MB of JSON; the
columns hold less than one. What the page needs for its first paint comes in
one block; the neighbors, the larger part, in a second that is parsed later.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics_core.errors import AnalyticsError
from analytics_core.report.contents import Contents
from analytics_core.report.ingredients import Ingredients
from analytics_core.report.kinds import Kind
from analytics_core.report.packing import pack
from analytics_core.report.regions import Graph, name_families
from analytics_core.wording import Fragment, phrase

if TYPE_CHECKING:
    from analytics_core.similar import Block
    from analytics_core.similarity.arrays import IntArray

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
CHANGES = "what-changed"
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
STEPS = 10_000
"""Shares and distances are kept in ten-thousandths."""
FLOW_STEPS = 1_000
"""What moves between two drinks is drawn, so thousandths do; costs are said in words."""
SUBSTITUTES_SHOWN = 10
DECLARED = (None, "substitute", "variant")
"""How an owner says that something stands in, by the number that the page has for it."""
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
    if CHANGES in documents:
        page.changes = documents[CHANGES]["data"]
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
        self._every = max(1, -(-len(recipe_ids) // MOST_RECIPES))
        self._recipes = {key: index for index, key in enumerate(recipe_ids[:: self._every])}
        self._recipes_left_out = len(recipe_ids) - len(self._recipes)
        self._listed = max(1, MOST_NEIGHBORS // max(1, len(self._recipes)))
        self._ingredients = Ingredients(tree)
        self._id: list[int] = []
        self._name: list[str] = []
        self._base = array("i")
        self._known: dict[str, list[float | int | None]] = {"abv": [], "dilution": []}
        self._method: dict[int, str] = {}
        self._optional: dict[int, list[list[float | int | None]]] = {}
        self._variants: dict[int, int] = {}
        self.changes: Row | None = None
        """The data of `what-changed`, for the owner's desk."""
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
        for name, column in self._known.items():
            column.append(_short(row.get(name)))
        if method := row.get("method"):
            self._method[len(self._id) - 1] = method
        if optional := row.get("optional"):
            self._optional[len(self._id) - 1] = [self._lines.option(line) for line in optional]
        if (above := row.get("variant_of")) and above["recipe_id"] in self._recipes:
            self._variants[len(self._id) - 1] = self._recipes[above["recipe_id"]]
        self._lines.add(row["lines"])

    def add_similar(self, row: Row) -> None:
        """Take a row of `recipe-similar`."""
        index = self._recipes.get(row["recipe_id"])
        if index is not None:
            self._neighbors.add(index, row["neighbors"])

    def part_of(self, block: Block) -> Part:
        """Return what the page has of rows that are just made, to be handed to `add_part`."""
        own = _Neighbors(self._ingredients, self._recipes, self._listed)
        own.add_block(block, self._every)
        return own.part

    def add_part(self, part: Part) -> None:
        """Take neighbors that a copy of the process gathered."""
        self._neighbors.extend(part)

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
        lines = self._lines
        own, rolled = Contents(lines.start, lines.ingredient), Contents(lines.start, lines.rolled)
        substitutes = _substitutes(self._substitutes, self._ingredients)
        # from here on no ingredient joins those that the columns have met
        kinds, shelf = self._ingredients.kinds(), self._ingredients.on_shelf()
        graph = self._neighbors.graph(len(self._id))
        of_recipe, families = name_families(graph, rolled.lists(), kinds, self._name)
        core: dict[str, Any] = {
            "manifest": {name: manifest[name] for name in MANIFEST_FIELDS if name in manifest},
            "recipes": {
                "id": self._id,
                "name": self._name,
                "base": [self._base_of(recipe, kinds) for recipe in range(len(self._id))],
                "family": of_recipe,
                "start": lines.start,
                "plain": self._positions["plain"].columns(len(self._id)),
                "learned": self._positions["learned"].columns(len(self._id)),
            },
            "lines": lines.columns(),
            "units": lines.units(),
            "families": families,
            "substitutes": substitutes,
            "complexity": self._complexity,
            "ingredients": {
                **self._ingredients.columns(),
                "kind": [int(kind) for kind in shelf],
                "made": self._ingredients.makings(shelf),
            },
        }
        # what few collections have; the page shows it where it is
        for name, column in self._known.items():
            if any(value is not None for value in column):
                core["recipes"][name] = column
        core["recipes"] |= {
            name: known
            for name, known in (
                ("method", self._method),
                ("optional", self._optional),
                ("variant_of", self._variants),
            )
            if known
        }
        if made_of := self._ingredients.made_of():
            core["ingredients"]["made_of"] = made_of
        if self.changes is not None:
            core["changes"] = self.changes
        if left_out := self._left_out():
            core["left_out"] = left_out
        return core, self._neighbors.packed(graph, own, rolled)

    def _base_of(self, recipe: int, kinds: Sequence[Kind]) -> int:
        """The root of most of a drink's alcohol; -1 where there is none."""
        known = self._base[recipe]
        if known >= 0 and kinds[known] is Kind.ALCOHOL:
            return known
        shares: Counter[int] = Counter()
        for at in range(self._lines.start[recipe], self._lines.start[recipe + 1]):
            ingredient = self._lines.ingredient[at]
            if kinds[ingredient] is Kind.ALCOHOL:
                shares[self._ingredients.root(ingredient)] += self._lines.fraction[at]
        if shares:
            return shares.most_common(1)[0][0]
        return known if known >= 0 and kinds[known] is Kind.UNTOLD else -1

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


class _Lines:
    """What is poured, in columns."""

    def __init__(self, ingredients: Ingredients) -> None:
        self._ingredients = ingredients
        self.start = array("i", [0])
        self.rolled = array("i")
        self.ingredient, self._unit, self.fraction = array("i"), array("i"), array("i")
        self._amount: list[float | None] = []
        self._ml: list[float | None] = []
        self._units: dict[str, int] = {}

    def _unit_of(self, line: Row) -> int:
        unit = line["unit"]
        return -1 if unit is None else self._units.setdefault(unit, len(self._units))

    def option(self, line: Row) -> list[float | int | None]:
        """Put what may be left out in one row: ingredient, amount and unit."""
        ingredient = self._ingredients.index(line["ingredient_id"], line["ingredient_name"])
        return [ingredient, _short(line["amount"]), self._unit_of(line)]

    def add(self, lines: Rows) -> None:
        index = self._ingredients.index
        for line in lines:
            self.ingredient.append(index(line["ingredient_id"], line["ingredient_name"]))
            self.rolled.append(index(line["rolled_id"], line["rolled_name"]))
            self._amount.append(_short(line["amount"]))
            self._unit.append(self._unit_of(line))
            self._ml.append(_short(line["volume_ml"]))
            self.fraction.append(_steps(line["fraction"]))
        self.start.append(len(self.ingredient))

    def units(self) -> list[str]:
        return list(self._units)

    def columns(self) -> dict[str, Any]:
        return {
            "ingredient": pack(self.ingredient),
            "rolled": pack(self.rolled),
            "amount": self._amount,
            "unit": self._unit,
            "ml": self._ml,
            "fraction": pack(self.fraction),
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
        self.texts: list[str] = []


class _Codes(dict[Fragment, int]):
    """How a part writes each fragment that it met; a text is kept once, names are ingredients."""

    def __init__(self, texts: list[str], ingredient: Callable[[int, str], int]) -> None:
        self._texts, self._ingredient = texts, ingredient

    def __missing__(self, fragment: Fragment) -> int:
        if isinstance(fragment, str):
            code = len(self._texts)
            self._texts.append(fragment)
        else:
            code = -1 - self._ingredient(*fragment)
        self[fragment] = code
        return code


class _Neighbors:
    """Gathers the neighbors of each recipe."""

    def __init__(self, ingredients: Ingredients, recipes: Mapping[int, int], listed: int) -> None:
        self._ingredients, self._recipes, self._listed = ingredients, recipes, listed
        self.part = Part()
        self._codes = _Codes(self.part.texts, ingredients.index)

    @property
    def left_out(self) -> int:
        return self.part.left_out

    def add(self, index: int, neighbors: Rows) -> None:
        """Take the neighbors of a recipe as a published document has them."""
        part, recipes, ingredient = self.part, self._recipes, self._ingredients.index
        kept = 0
        for neighbor in neighbors:
            other = recipes.get(neighbor["neighbor_recipe_id"])
            if other is None or kept == self._listed:
                part.left_out += 1
                continue
            kept += 1
            part.to.append(other)
            part.distance.append(_steps(neighbor["distance"]))
            flows = 0
            for flow in neighbor["transport_plan"]:
                if moved := round(flow["mass"] * FLOW_STEPS):
                    flows += 1
                    part.mass.append(moved)
                    part.source.append(
                        ingredient(flow["from_ingredient_id"], flow["from_ingredient_name"])
                    )
                    part.target.append(
                        ingredient(flow["to_ingredient_id"], flow["to_ingredient_name"])
                    )
            part.flows.append(flows)
            # sets published before there were steps have none, and the page says nothing
            same_mix = not neighbor["transport_plan"]
            sentence = phrase(neighbor.get("steps", ()), same_mix=same_mix)
            part.words.append(len(sentence))
            part.fragment.extend([self._codes[fragment] for fragment in sentence])
        part.recipe.append(index)
        part.neighbors.append(kept)

    def add_block(self, block: Block, every: int) -> None:
        """Take those of many recipes as they are made; of the recipes the page has each so many."""
        part, codes = self.part, self._codes
        recipe = np.arange(block.first, block.first + len(block.rows))
        here = recipe % every == 0
        kept = here[:, None] & (block.neighbor % every == 0)
        kept &= np.cumsum(kept, axis=1) <= self._listed
        part.left_out += int((~kept[here]).sum())
        moved = np.rint(block.mass * FLOW_STEPS).astype(np.int64)
        pair = np.repeat(np.arange(kept.size), block.flows.ravel())
        shown = kept.ravel()[pair] & (moved > 0)
        for column, values in (
            (part.recipe, recipe[here] // every),
            (part.neighbors, kept.sum(axis=1)[here]),
            (part.to, block.neighbor[kept] // every),
            (part.distance, np.rint(block.distance[kept] * STEPS)),
            (part.flows, np.bincount(pair[shown], minlength=kept.size)[kept.ravel()]),
            (part.mass, moved[shown]),
            (part.source, self._ingredients.indices(block.source[shown])),
            (part.target, self._ingredients.indices(block.target[shown])),
        ):
            column.frombytes(values.astype(np.int32).tobytes())
        sentences = [block.sentences[at] for at in np.flatnonzero(kept).tolist()]
        part.words.extend(map(len, sentences))
        part.fragment.extend([codes[fragment] for own in sentences for fragment in own])

    def extend(self, part: Part) -> None:
        """Take over another part, its texts at the positions that they have here."""
        self.part.left_out += part.left_out
        for name in ("recipe", "neighbors", "to", "distance", "flows"):
            getattr(self.part, name).extend(getattr(part, name))
        for name in ("source", "target", "mass", "words"):
            getattr(self.part, name).extend(getattr(part, name))
        here = np.array([self._codes[text] for text in part.texts], np.int32)
        fragment = np.frombuffer(part.fragment, np.int32).copy()
        fragment[fragment >= 0] = here[fragment[fragment >= 0]]
        self.part.fragment.frombytes(fragment.tobytes())

    def graph(self, recipes: int) -> Graph:
        """Return who is near to whom."""
        counts = array("i", [0]) * recipes
        for index, count in zip(self.part.recipe, self.part.neighbors, strict=True):
            counts[index] = count
        return Graph(counts, self.part.to, self.part.distance)

    def packed(self, graph: Graph, own: Contents, rolled: Contents) -> dict[str, Any]:
        """Return the block, its ingredients numbered within the two drinks: one character each.

        In a sentence an even number is twice the position of a text, the most frequent first, and
        an odd one is one more than twice an ingredient's number.
        """
        part = self.part
        here, there = np.repeat(np.arange(len(graph.count)), graph.count), np.array(part.to)
        flow, word = np.repeat(here, part.flows), np.repeat(np.arange(there.size), part.words)
        fragment = np.array(part.fragment, np.int64)
        is_text = fragment >= 0
        texts, first, often = np.unique(fragment[is_text], return_index=True, return_counts=True)
        order = np.lexsort((first, -often))
        place = np.zeros(len(part.texts), np.int64)
        place[texts[order]] = np.arange(order.size)
        fragment[is_text] = 2 * place[fragment[is_text]]
        names = ~is_text
        fragment[names] = 1 + 2 * own.number_in_both(here, there, word[names], -1 - fragment[names])
        columns: dict[str, Sequence[int] | IntArray] = {
            "count": graph.count,
            "to": part.to,
            "distance": part.distance,
            "flows": part.flows,
            "source": rolled.number(flow, np.array(part.source)),
            "target": rolled.number(np.repeat(there, part.flows), np.array(part.target)),
            "mass": part.mass,
            "words": part.words,
            "fragment": fragment,
        }
        return {
            **{name: pack(column) for name, column in columns.items()},
            "text": [part.texts[position] for position in texts[order]],
        }


def _substitutes(
    by_ingredient: Mapping[int, Row], ingredients: Ingredients
) -> dict[str, list[int]]:
    of, start, to, cost, recipes, declared = [], [0], [], [], [], []
    for index, row in sorted(by_ingredient.items()):
        of.append(index)
        for other in row["substitutes"][:SUBSTITUTES_SHOWN]:
            to.append(ingredients.index(other["ingredient_id"], other["ingredient_name"]))
            cost.append(round(float(other["cost"]) * FLOW_STEPS))
            # how many recipes speak for it, where the cost is learned from recipes
            recipes.append(int(other.get("recipes") or 0))
            declared.append(DECLARED.index(other.get("declared")))
        start.append(len(to))
    columns = {"of": of, "start": start, "to": to, "cost": cost, "recipes": recipes}
    return columns | ({"declared": declared} if any(declared) else {})


def _short(value: float | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    rounded = round(float(value), 3)
    return int(rounded) if rounded.is_integer() else rounded


def _steps(value: float) -> int:
    return round(float(value) * STEPS)
