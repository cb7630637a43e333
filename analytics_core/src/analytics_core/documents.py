"""The published documents: names, shapes, bytes. ``docs/data.md`` describes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics_core.similarity._kernels import DISTANCE_GRID
from analytics_core.similarity.arrays import off_diagonal_median
from analytics_core.source.kinds import Kind, choose_base, kind_of
from analytics_core.swaps import find_steps, glasses_of
from analytics_core.wording import say

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray, IntArray
    from analytics_core.similarity.evidence import Evidence
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.similarity.mixture import Mixtures
    from analytics_core.similarity.neighbors import KnnGraph
    from analytics_core.similarity.transport import PairPlans
    from analytics_core.similarity.usage import Usage
    from analytics_core.source.catalog import Catalog

STORAGE_VERSION = "v1"
SUBSTITUTES_LISTED = 10
CANDIDATES = 40  # the cheapest, of which those with evidence are listed
TOO_LITTLE_EVIDENCE = "too little evidence"
SMALLEST_FLOW = 1e-9  # of the drink; below it a flow is rounding
NUMBER_DECIMALS = 9

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What every document says about where it comes from."""

    run_id: str
    generated_at: str
    database_fingerprint: str
    code_version: str


def to_json(value: object) -> str:
    """Compact JSON, text as it is; a number that is not finite is an error, never a document."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode(kind: str, data: Row | Iterable[Row], provenance: Provenance) -> bytes:
    """One document as UTF-8; rows are encoded one by one, to spare a second copy of a long list."""
    metadata = {
        "generated_at": provenance.generated_at,
        "storage_version": STORAGE_VERSION,
        "analytics_type": kind,
        "run_id": provenance.run_id,
        "database_fingerprint": provenance.database_fingerprint,
        "code_version": provenance.code_version,
    }
    if isinstance(data, dict):
        body = [_to_utf8(data)]
    else:
        body = [b"[", *_separated(_to_utf8(row) for row in data), b"]"]
    return b"".join([b'{"data":', *body, b',"metadata":', _to_utf8(metadata), b"}\n"])


def _to_utf8(value: object) -> bytes:
    # Names can hold lone surrogates, which UTF-8 has no bytes for; they come out as "?".
    return to_json(value).encode(errors="replace")


def _separated(rows: Iterable[bytes]) -> Iterator[bytes]:
    for number, row in enumerate(rows):
        yield from (b",", row) if number else (row,)


def _number(value: float) -> float:
    return round(float(value), NUMBER_DECIMALS) + 0.0


def ingredient_usage(catalog: Catalog, tree: IngredientTree, usage: Usage) -> Iterator[Row]:
    """Root ingredients, most used first."""
    ingredients = catalog.ingredients
    inner = tree.has_children()
    roots = np.flatnonzero(tree.parents < 0)
    for i in roots[np.lexsort((tree.ids[roots], -usage.hierarchical[roots]))]:
        yield {
            "ingredient_id": int(tree.ids[i]),
            "ingredient_name": ingredients.names[i],
            "path": ingredients.paths[i],
            "parent_id": None,
            "allow_substitution": bool(ingredients.allow_substitution[i]),
            "direct_usage": int(usage.direct[i]),
            "hierarchical_usage": int(usage.hierarchical[i]),
            "has_children": bool(inner[i]),
        }


def recipe_complexity(usage: Usage) -> Iterator[Row]:
    """How many recipes have how many ingredients."""
    for count, recipes in usage.complexity:
        yield {"ingredient_count": int(count), "recipe_count": int(recipes)}


def ingredient_tree(catalog: Catalog, tree: IngredientTree, usage: Usage) -> Row:
    """Return the whole hierarchy, nested."""
    children: list[list[Row]] = [[] for _ in range(tree.ids.size)]
    top: list[Row] = []
    nodes: list[Row] = []
    for i in range(tree.ids.size):
        node = {
            "id": str(tree.ids[i]),
            "name": catalog.ingredients.names[i],
            "recipe_count": int(usage.direct[i]),
            "hierarchical_recipe_count": int(usage.hierarchical[i]),
            "edge_weight": 1.0,
            "allow_substitution": bool(catalog.ingredients.allow_substitution[i]),
            "children": children[i],
        }
        nodes.append(node)
    for i, node in enumerate(nodes):
        (children[tree.parents[i]] if tree.parents[i] >= 0 else top).append(node)
    return {
        "id": "root",
        "name": "All Ingredients",
        "recipe_count": 0,
        "hierarchical_recipe_count": int(catalog.recipes.ids.size),
        "edge_weight": 0.0,
        "allow_substitution": False,
        "children": top,
    }


def _lines_by_volume(catalog: Catalog) -> list[list[int]]:
    """Indices of each recipe's lines, largest volume first, ``each`` last."""
    lines = catalog.lines
    each = np.array([unit.name.casefold() == "each" for unit in catalog.units] + [False])
    counted = each[lines.unit]  # -1, no unit, reads the last
    order = np.lexsort(
        (catalog.ingredients.ids[lines.ingredient], -lines.volume_ml, counted, lines.recipe)
    )
    bounds = np.searchsorted(lines.recipe[order], np.arange(catalog.recipes.ids.size + 1))
    return [order[a:b].tolist() for a, b in pairwise(bounds)]


def cocktail_space(catalog: Catalog, points: FloatArray) -> Iterator[Row]:
    """Where each recipe lies on a map."""
    lines = catalog.lines
    for r, own in enumerate(_lines_by_volume(catalog)):
        yield {
            "recipe_id": int(catalog.recipes.ids[r]),
            "recipe_name": catalog.recipes.names[r],
            "x": _number(points[r, 0]),
            "y": _number(points[r, 1]),
            "ingredients": list(
                dict.fromkeys(catalog.ingredients.names[lines.ingredient[i]] for i in own)
            ),
        }


def recipe_details(catalog: Catalog, tree: IngredientTree) -> Iterator[Row]:
    """Each recipe's lines with amounts, and its base: the largest spirit, if it has one."""
    lines, ingredients = catalog.lines, catalog.ingredients
    kinds_of_all = [
        kind_of([ingredients.names[above] for above in lineage if above >= 0])
        for lineage in tree.lineage.tolist()
    ]
    for r, own in enumerate(_lines_by_volume(catalog)):
        total = float(lines.volume_ml[own].sum())
        by_root: dict[int, float] = {}
        kinds: dict[int, Kind] = {}
        for i in own:
            root = int(tree.roots[lines.ingredient[i]])
            by_root[root] = by_root.get(root, 0.0) + float(lines.volume_ml[i])
            # a root that says nothing is what the line below it is, and a spirit if one is
            said = kinds_of_all[lines.ingredient[i]]
            kinds[root] = "spirit" if kinds.get(root) == "spirit" else said
        base = choose_base(by_root, kinds)
        rows = []
        for i in own:
            ingredient = int(lines.ingredient[i])
            rolled = int(tree.rolled[ingredient])
            amount = float(lines.amount[i])
            unit = int(lines.unit[i])
            rows.append(
                {
                    "ingredient_id": int(tree.ids[ingredient]),
                    "ingredient_name": ingredients.names[ingredient],
                    "rolled_id": int(tree.ids[rolled]),
                    "rolled_name": ingredients.names[rolled],
                    "amount": None if np.isnan(amount) else _number(amount),
                    "unit": None if unit < 0 else catalog.units[unit].name,
                    "volume_ml": _number(lines.volume_ml[i]),
                    "fraction": _number(lines.volume_ml[i] / total),
                }
            )
        yield {
            "recipe_id": int(catalog.recipes.ids[r]),
            "recipe_name": catalog.recipes.names[r],
            "base_ingredient_id": int(tree.ids[base]),
            "base_ingredient_name": ingredients.names[base],
            "lines": rows,
        }


def recipe_similar(
    catalog: Catalog,
    tree: IngredientTree,
    mixtures: Mixtures,
    graph: KnnGraph,
    plans: PairPlans,
    cost: FloatArray,
) -> Iterator[Row]:
    """Each recipe's neighbors with what has to be swapped for what.

    `plans` holds the plan of each (recipe, neighbor) in the order of the graph, found under `cost`.
    """
    names = [catalog.ingredients.names[i] for i in mixtures.in_play]
    ids = mixtures.ingredient_ids.tolist()
    bounds, source, target = plans.indptr.tolist(), plans.source.tolist(), plans.target.tolist()
    mass = plans.mass.tolist()
    relative = (_relative_to_median(cost)[plans.source, plans.target]).tolist()
    glasses = glasses_of(catalog, tree)
    pair = 0
    for r in range(mixtures.count):
        neighbors = []
        for other, distance in zip(graph.indices[r].tolist(), graph.distances[r], strict=True):
            moves = [
                f
                for f in range(bounds[pair], bounds[pair + 1])
                if source[f] != target[f] and mass[f] > SMALLEST_FLOW
            ]
            pair += 1
            likeness = {(ids[source[f]], ids[target[f]]): relative[f] for f in moves}
            steps = find_steps(glasses[r], glasses[other], likeness)
            neighbors.append(
                {
                    "neighbor_recipe_id": int(catalog.recipes.ids[other]),
                    "neighbor_name": catalog.recipes.names[other],
                    "distance": float(distance),
                    "transport_plan": [
                        {
                            "from_ingredient_id": ids[source[f]],
                            "from_ingredient_name": names[source[f]],
                            "to_ingredient_id": ids[target[f]],
                            "to_ingredient_name": names[target[f]],
                            "mass": _number(mass[f]),
                        }
                        for f in moves
                    ],
                    "steps": steps,
                    "words": say(steps, same_mix=not moves),
                }
            )
        yield {
            "recipe_id": int(catalog.recipes.ids[r]),
            "recipe_name": catalog.recipes.names[r],
            "neighbors": neighbors,
        }


def _relative_to_median(cost: FloatArray) -> FloatArray:
    """Return the cost in units of the median between two ingredients, rounded to settle ties."""
    median = off_diagonal_median(cost)
    relative: FloatArray = cost / median if median > 0 else cost.copy()
    return np.round(relative, NUMBER_DECIMALS, out=relative)


def ingredient_substitutes(
    catalog: Catalog, mixtures: Mixtures, cost: FloatArray, evidence: Evidence | None = None
) -> Iterator[Row]:
    """For each ingredient in play, the used ingredients that stand in for it at least cost.

    With evidence, only those for which recipes speak, each with their number.
    """
    used = np.unique(mixtures.columns)
    names = [catalog.ingredients.names[i] for i in mixtures.in_play]
    relative = _relative_to_median(cost)
    for c in range(mixtures.in_play.size):
        others = used[used != c]
        grid = np.rint(cost[c, others] * DISTANCE_GRID)
        ranked = others[np.lexsort((others, grid))]
        row: Row = {"ingredient_id": int(mixtures.ingredient_ids[c]), "ingredient_name": names[c]}
        if evidence is None:
            best: list[tuple[int, Row]] = [(o, {}) for o in ranked[:SUBSTITUTES_LISTED].tolist()]
        else:
            best = _spoken_for(c, ranked, relative[c], evidence)
            row["note"] = None if best else TOO_LITTLE_EVIDENCE
        row["substitutes"] = [
            {
                "ingredient_id": int(mixtures.ingredient_ids[o]),
                "ingredient_name": names[o],
                "cost": _number(cost[c, o]),
                **more,
            }
            for o, more in best
        ]
        yield row


def _spoken_for(
    column: int, ranked: IntArray, relative_cost: FloatArray, evidence: Evidence
) -> list[tuple[int, Row]]:
    """Return the cheapest substitutes for which recipes speak, with how many do."""
    found: list[tuple[int, Row]] = []
    for other in ranked[relative_cost[ranked] <= 1.0].tolist()[:CANDIDATES]:
        if recipes := evidence.enough(column, other, float(relative_cost[other])):
            found.append((other, {"recipes": recipes}))
        if len(found) == SUBSTITUTES_LISTED:
            break
    return found
