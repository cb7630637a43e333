"""The documents in a compact shape: columns of numbers instead of repeated keys and names.

At 1,400 recipes with ten neighbors each the documents hold 23 MB of JSON; the
columns hold less than one. What the page needs for its first paint comes in
one block; the neighbors, the larger part, in a second that is parsed later.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from analytics_core.errors import AnalyticsError
from analytics_core.report.kinds import Kind, find_kinds, find_makings
from analytics_core.report.packing import pack
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
OPTIONAL = "what-changed"
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
    "left_out",
    "quality",
    "stages",
    "documents",
)
GRID = 10_000
"""Steps across the longer side of a map: finer than a pixel at tenfold zoom."""
STEPS = 10_000
"""Shares and distances are kept in ten-thousandths."""
FLOW_STEPS = 1_000
"""What moves between two drinks is drawn, so thousandths do."""
SUBSTITUTES_SHOWN = 10
NAMESAKE = 4
"""A drink named after another counts as so many that are near to it."""
MARKS = 4
"""Ingredients that tell a family most; who stands for it should have some."""

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
    contents = _Contents(lines, starts)
    graph, neighbors = _neighbors(data["recipe-similar"], recipes, ingredients, contents)
    substitutes = _substitutes(data["ingredient-substitutes"], ingredients)
    # from here on no ingredient joins those that the columns above have met
    kinds = ingredients.kinds()
    of_recipe, families = _families(graph, contents, kinds, [row["recipe_name"] for row in details])
    manifest = documents["manifest"]
    strengths = [row.get("abv") for row in details]
    core: dict[str, Any] = {
        "manifest": {name: manifest[name] for name in MANIFEST_FIELDS if name in manifest},
        "recipes": {
            "id": [row["recipe_id"] for row in details],
            "name": [row["recipe_name"] for row in details],
            "base": [
                _base(row, lines, span, ingredients, kinds)
                for row, span in zip(details, pairwise(starts), strict=True)
            ],
            "family": of_recipe,
            "start": starts,
            "plain": _positions(data["cocktail-space"], recipes),
            "learned": _positions(data["cocktail-space-em"], recipes),
        },
        "lines": lines
        | {
            "ingredient": pack(lines["ingredient"]),
            "rolled": pack(lines["rolled"]),
            "fraction": pack(lines["fraction"]),
        },
        "units": units,
        "families": families,
        "substitutes": substitutes,
        "complexity": [
            [row["ingredient_count"], row["recipe_count"]] for row in data["recipe-complexity"]
        ],
        "ingredients": {
            **ingredients.columns(),
            "kind": [int(kind) for kind in kinds],
            "made": ingredients.makings(kinds),
        },
    }
    if any(strength is not None for strength in strengths):
        core["recipes"]["abv"] = [_short(strength) for strength in strengths]
    if OPTIONAL in documents:
        core["changes"] = documents[OPTIONAL]["data"]
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

    def kinds(self) -> list[Kind]:
        return find_kinds(self._name, self._parent)

    def makings(self, kinds: Sequence[Kind]) -> list[list[int]]:
        return find_makings(self._name, kinds)

    def root(self, index: int) -> int:
        while (up := self._parent[index]) >= 0:
            index = up
        return index

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
            columns["fraction"].append(round(float(line["fraction"]) * STEPS))
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


class _Contents:
    """What is in each recipe, each ingredient once, in the order of the lines."""

    def __init__(self, lines: Mapping[str, Sequence[int]], starts: Sequence[int]) -> None:
        def once(column: str) -> list[dict[int, int]]:
            values = lines[column]
            return [
                {value: at for at, value in enumerate(dict.fromkeys(values[begin:end]))}
                for begin, end in pairwise(starts)
            ]

        self.own, self.rolled = once("ingredient"), once("rolled")


@dataclass
class _Graph:
    """The nearest recipes of each: those of `r` from `start[r]` on, below `start[r + 1]`."""

    start: list[int]
    to: list[int]
    distance: list[int]


def _neighbors(
    rows: Rows, recipes: Mapping[int, int], ingredients: _Ingredients, contents: _Contents
) -> tuple[_Graph, dict[str, Any]]:
    by_recipe = {recipes[row["recipe_id"]]: row for row in rows if row["recipe_id"] in recipes}
    graph = _Graph([0], [], [])
    count: list[int] = []
    flows: list[int] = []
    source: list[int] = []
    target: list[int] = []
    mass: list[int] = []
    said = _Sentences(ingredients)
    for index in range(len(recipes)):
        for neighbor in by_recipe.get(index, {}).get("neighbors", ()):
            other = recipes.get(neighbor["neighbor_recipe_id"])
            if other is None:
                continue
            graph.to.append(other)
            graph.distance.append(round(float(neighbor["distance"]) * STEPS))
            before = len(mass)
            for flow in neighbor["transport_plan"]:
                moved = round(float(flow["mass"]) * FLOW_STEPS)
                if not moved:
                    continue
                mass.append(moved)
                for side, ends, recipe in (("from", source, index), ("to", target, other)):
                    key, name = flow[f"{side}_ingredient_id"], flow[f"{side}_ingredient_name"]
                    ends.append(_local(contents.rolled[recipe], ingredients.index(key, name)))
            flows.append(len(mass) - before)
            own, theirs = contents.own[index], contents.own[other]
            others = [i for i in theirs if i not in own]
            both = own | {i: len(own) + at for at, i in enumerate(others)}
            said.add(neighbor, both)
        count.append(len(graph.to) - graph.start[-1])
        graph.start.append(len(graph.to))
    columns = {
        "count": count,
        "to": graph.to,
        "distance": graph.distance,
        "flows": flows,
        "source": source,
        "target": target,
        "mass": mass,
    }
    return graph, {**{name: pack(column) for name, column in columns.items()}, **said.columns()}


def _local(known: Mapping[int, int], ingredient: int) -> int:
    """Number an ingredient within a recipe, which takes one character; others come after."""
    return known.get(ingredient, len(known) + ingredient)


class _Sentences:
    """What to do differently, in fragments: a text, or an ingredient of the two drinks.

    An even number is twice the position of a text, the most frequent first; an odd one is one
    more than twice an ingredient's number within the two drinks. `words` counts each sentence's
    fragments.
    """

    def __init__(self, ingredients: _Ingredients) -> None:
        self._ingredients = ingredients
        self._said: list[list[str | int]] = []

    def add(self, neighbor: Mapping[str, Any], both: Mapping[int, int]) -> None:
        # sets published before there were steps have none, and the page says nothing
        same_mix = not neighbor["transport_plan"]
        self._said.append(
            [
                fragment
                if isinstance(fragment, str)
                else _local(both, self._ingredients.index(fragment.ingredient, fragment.text))
                for fragment in phrase(neighbor.get("steps", ()), same_mix=same_mix)
            ]
        )

    def columns(self) -> dict[str, Any]:
        often = Counter(part for said in self._said for part in said if isinstance(part, str))
        place = {text: at for at, (text, _) in enumerate(often.most_common())}
        return {
            "words": pack(map(len, self._said)),
            "fragment": pack(
                2 * place[part] if isinstance(part, str) else 2 * part + 1
                for said in self._said
                for part in said
            ),
            "text": list(place),
        }


def _substitutes(rows: Rows, ingredients: _Ingredients) -> dict[str, list[int]]:
    by_ingredient = {
        ingredients.index(row["ingredient_id"], row["ingredient_name"]): row for row in rows
    }
    of, start, to, cost, recipes = [], [0], [], [], []
    for index, row in sorted(by_ingredient.items()):
        of.append(index)
        for other in row["substitutes"][:SUBSTITUTES_SHOWN]:
            to.append(ingredients.index(other["ingredient_id"], other["ingredient_name"]))
            cost.append(_thousandths(other["cost"]))
            # how many recipes speak for it, where the cost is learned from recipes
            recipes.append(int(other.get("recipes") or 0))
        start.append(len(to))
    return {"of": of, "start": start, "to": to, "cost": cost, "recipes": recipes}


def _base(
    row: Mapping[str, Any],
    lines: Mapping[str, Sequence[Any]],
    span: tuple[int, int],
    ingredients: _Ingredients,
    kinds: Sequence[Kind],
) -> int:
    """The root of most of a drink's alcohol; -1 where there is none."""
    known = ingredients.index(row["base_ingredient_id"], row["base_ingredient_name"])
    if known >= 0 and kinds[known] is Kind.ALCOHOL:
        return known
    shares: Counter[int] = Counter()
    for at in range(*span):
        ingredient = lines["ingredient"][at]
        if kinds[ingredient] is Kind.ALCOHOL:
            shares[ingredients.root(ingredient)] += lines["fraction"][at]
    if shares:
        return shares.most_common(1)[0][0]
    return known if known >= 0 and kinds[known] is Kind.UNTOLD else -1


def _families(
    graph: _Graph, contents: _Contents, kinds: Sequence[Kind], names: Sequence[str]
) -> tuple[list[int], list[list[int]]]:
    """Families of recipes, largest first, each with a member that stands for it and its marks.

    The member is one that others of its family are near to or named after, and the marks
    are two of its own ingredients, so that a family is never named after what it lacks: the
    most telling alcohol first.
    """
    recipes = len(contents.rolled)
    of_recipe, count = find_families(graph.start, graph.to, graph.distance, recipes)
    weight: list[Counter[int]] = [Counter() for _ in range(count)]
    overall: Counter[int] = Counter()
    members = Counter(of_recipe)
    for family, inside in zip(of_recipe, contents.rolled, strict=True):
        weight[family].update(inside.keys())
        overall.update(inside.keys())
    liked: list[Counter[int]] = [Counter() for _ in range(count)]
    for recipe in range(recipes):
        liked[of_recipe[recipe]][recipe] += 0
        for other in graph.to[graph.start[recipe] : graph.start[recipe + 1]]:
            if of_recipe[recipe] == of_recipe[other]:
                liked[of_recipe[recipe]][other] += 1
    # "Pineapple Daiquiri" is named after "Daiquiri", which so stands for it
    known = {name.casefold(): recipe for recipe, name in enumerate(names)}
    for recipe, name in enumerate(names):
        words = name.casefold().split()
        for begin in range(1, len(words)):
            after = known.get(" ".join(words[begin:]))
            if after is not None and of_recipe[after] == of_recipe[recipe]:
                liked[of_recipe[recipe]][after] += NAMESAKE
    families = []
    for family in range(count):
        size = members[family]

        def lift(ingredient: int, family: int = family, size: int = size) -> float:
            # how much more often here than anywhere, weighed by how often at all
            here = weight[family][ingredient] / size
            return here * math.log(here * recipes / overall[ingredient])

        telling = sorted(weight[family], key=lift, reverse=True)[:MARKS]

        def stands(recipe: int, family: int = family, telling: list[int] = telling) -> float:
            shared = sum(mark in contents.rolled[recipe] for mark in telling)
            length = len(contents.rolled[recipe]) * max(1, len(names[recipe].split()))
            return (1 + liked[family][recipe]) * (1 + shared) ** 2 / math.sqrt(length)

        example = max(liked[family], key=lambda recipe: (stands(recipe), -recipe))
        own = sorted(contents.rolled[example], key=lift, reverse=True)
        spirits = [mark for mark in own if kinds[mark] is Kind.ALCOHOL][:1]
        families.append([example, *(spirits + [mark for mark in own if mark not in spirits])[:2]])
    return of_recipe, families


def _short(value: float | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    rounded = round(float(value), 3)
    return int(rounded) if rounded.is_integer() else rounded


def _thousandths(value: float) -> int:
    return round(float(value) * 1_000)
