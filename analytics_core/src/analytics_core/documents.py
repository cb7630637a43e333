"""The published documents: names, shapes, bytes. ``docs/data.md`` describes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics_core.encoding import finite_to_utf8, to_utf8
from analytics_core.similar import NUMBER_DECIMALS, relative_to_median
from analytics_core.similarity._kernels import DISTANCE_GRID
from analytics_core.source.dilution import find_dilution
from analytics_core.source.kinds import Kind, choose_base, kind_of

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray, IntArray
    from analytics_core.similarity.declared import Declared
    from analytics_core.similarity.evidence import Evidence
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.similarity.mixture import Mixtures
    from analytics_core.similarity.usage import Usage
    from analytics_core.source.catalog import Catalog, Lines

STORAGE_VERSION = "v1"
SUBSTITUTES_LISTED = 10
CANDIDATES = 40  # the cheapest, of which those with evidence are listed
TOO_LITTLE_EVIDENCE = "too little evidence"
PIECE_BYTES = 1 << 18  # of a document that are written at once

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What every document says about where it comes from."""

    run_id: str
    generated_at: str
    database_fingerprint: str
    code_version: str


def stream(
    kind: str,
    data: Row | Iterable[Row] | Iterable[bytes],
    provenance: Provenance,
    *,
    note: Callable[[int, bytes], None] | None = None,
) -> Iterator[bytes]:
    """One document as UTF-8, row by row, so that a long one is never there as a whole.

    Parameters
    ----------
    kind : str
    data : dict, or iterable of dict or bytes
        Rows as they are, or as `finite_to_utf8` encodes them.
    provenance : Provenance
    note : callable, optional
        Called with where each row begins, in bytes, and the row.

    Yields
    ------
    bytes
    """
    metadata = {
        "generated_at": provenance.generated_at,
        "storage_version": STORAGE_VERSION,
        "analytics_type": kind,
        "run_id": provenance.run_id,
        "database_fingerprint": provenance.database_fingerprint,
        "code_version": provenance.code_version,
    }
    tail = b',"metadata":' + to_utf8(metadata) + b"}\n"
    if isinstance(data, dict):
        yield b'{"data":' + to_utf8(data) + tail
        return
    pieces = [b'{"data":[']
    yielded, held, separator = 0, len(pieces[0]), b""
    for row in data:
        encoded = row if isinstance(row, bytes) else finite_to_utf8(row)
        pieces += separator, encoded
        held += len(separator) + len(encoded)
        separator = b","
        if note is not None:
            note(yielded + held - len(encoded), encoded)
        if held >= PIECE_BYTES:
            yield b"".join(pieces)
            yielded, held, pieces = yielded + held, 0, []
    yield b"".join([*pieces, b"]", tail])


def encode(kind: str, data: Row | Iterable[Row], provenance: Provenance) -> bytes:
    """One document as UTF-8, whole."""
    return b"".join(stream(kind, data, provenance))


def _number(value: float) -> float:
    return _finite(round(float(value), NUMBER_DECIMALS) + 0.0)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not JSON compliant: a document holds finite numbers alone")
    return value


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
    made_of: list[list[Row]] = [[] for _ in range(tree.ids.size)]
    for whole, part in catalog.parts.tolist():
        made_of[whole].append({"id": str(tree.ids[part]), "name": catalog.ingredients.names[part]})
    for i in range(tree.ids.size):
        node = {
            "id": str(tree.ids[i]),
            "name": catalog.ingredients.names[i],
            "recipe_count": int(usage.direct[i]),
            "hierarchical_recipe_count": int(usage.hierarchical[i]),
            "edge_weight": 1.0,
            "allow_substitution": bool(catalog.ingredients.allow_substitution[i]),
            "strength": _known(float(catalog.ingredients.strength[i])),
            "made_of": made_of[i],
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
        "strength": None,
        "made_of": [],
        "children": top,
    }


def _lines_by_volume(catalog: Catalog, lines: Lines) -> list[list[int]]:
    """Indices of each recipe's lines, largest volume first, ``each`` last."""
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
    for r, own in enumerate(_lines_by_volume(catalog, catalog.lines)):
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
    """Each recipe's lines with amounts, its strength, and its base: the largest spirit, if any.

    What is optional stands beside the lines, and has no share of the volume.
    """
    lines, ingredients, recipes = catalog.lines, catalog.ingredients, catalog.recipes
    kinds_of_all = [
        kind_of([ingredients.names[above] for above in lineage if above >= 0])
        for lineage in tree.lineage.tolist()
    ]
    options = _lines_by_volume(catalog, catalog.optional)
    by_volume = _lines_by_volume(catalog, lines)
    totals = np.array([lines.volume_ml[own].sum() for own in by_volume])
    rows = _line_rows(catalog, lines, totals)
    # what is optional has no share
    optional = _line_rows(catalog, catalog.optional, np.full(totals.size, np.inf))
    roots, volumes = tree.roots[lines.ingredient].tolist(), lines.volume_ml.tolist()
    said = [kinds_of_all[i] for i in lines.ingredient.tolist()]
    strength = ingredients.strength[lines.ingredient]
    above = recipes.variant_of.tolist()
    ids, names = recipes.ids.tolist(), recipes.names
    for r, own in enumerate(by_volume):
        by_root: dict[int, float] = {}
        kinds: dict[int, Kind] = {}
        for i in own:
            root = roots[i]
            by_root[root] = by_root.get(root, 0.0) + volumes[i]
            # a root that says nothing is what the line below it is, and a spirit if one is
            kinds[root] = "spirit" if kinds.get(root) == "spirit" else said[i]
        base = choose_base(by_root, kinds)
        abv = _abv(lines.volume_ml[own], strength[own])
        dilution = find_dilution(recipes.methods[r], float(recipes.dilution[r]), abv)
        yield {
            "recipe_id": ids[r],
            "recipe_name": names[r],
            "base_ingredient_id": int(tree.ids[base]),
            "base_ingredient_name": ingredients.names[base],
            "abv": _known(abv),
            "method": recipes.methods[r] or None,
            "dilution": _known(dilution),
            "variant_of": None
            if above[r] < 0
            else {"recipe_id": ids[above[r]], "recipe_name": names[above[r]]},
            "lines": [rows[i] for i in own],
            "optional": [optional[i] for i in options[r]],
        }


def _line_rows(catalog: Catalog, lines: Lines, totals: FloatArray) -> list[Row]:
    """Return each line as a row; `totals` (recipes,) are the milliliters that it is a share of."""
    ids, names = catalog.ingredients.ids.tolist(), catalog.ingredients.names
    units = [*(unit.name for unit in catalog.units), None]  # -1, no unit, reads the last
    return [
        {
            "ingredient_id": ids[ingredient],
            "ingredient_name": names[ingredient],
            "rolled_id": ids[rolled],
            "rolled_name": names[rolled],
            "amount": _known(amount),
            "unit": units[unit],
            "volume_ml": _number(volume),
            "fraction": _number(fraction),
        }
        for ingredient, rolled, unit, amount, volume, fraction in zip(
            lines.ingredient.tolist(),
            lines.rolled.tolist(),
            lines.unit.tolist(),
            lines.amount.tolist(),
            lines.volume_ml.tolist(),
            (lines.volume_ml / totals[lines.recipe]).tolist(),
            strict=True,
        )
    ]


def _abv(volume_ml: FloatArray, strength: FloatArray) -> float:
    """Percent of alcohol in what is poured, before ice melts; NaN if a strength is not known."""
    poured = volume_ml > 0
    alcohol = float((volume_ml[poured] * strength[poured]).sum())
    return alcohol / float(volume_ml[poured].sum())


def _known(value: float) -> float | None:
    return None if math.isnan(value) else _number(value)


def ingredient_substitutes(
    catalog: Catalog,
    mixtures: Mixtures,
    cost: FloatArray,
    evidence: Evidence | None = None,
    declared: Declared | None = None,
) -> Iterator[Row]:
    """For each ingredient in play, the used ingredients that stand in for it at least cost.

    With evidence, only those for which recipes speak, each with their number; and always those that
    the owner declares.
    """
    declared = declared or {}
    told: dict[int, list[int]] = {}
    for one, other in declared:
        told.setdefault(one, []).append(other)
    used = np.union1d(mixtures.columns, [other for _, other in declared]).astype(np.int64)
    names = [catalog.ingredients.names[i] for i in mixtures.in_play]
    relative = relative_to_median(cost)
    for c in range(mixtures.in_play.size):
        others = used[used != c]
        grid = np.rint(cost[c, others] * DISTANCE_GRID)
        ranked = others[np.lexsort((others, grid))]
        row: Row = {"ingredient_id": int(mixtures.ingredient_ids[c]), "ingredient_name": names[c]}
        if evidence is None:
            found: dict[int, Row] = {o: {} for o in ranked[:SUBSTITUTES_LISTED].tolist()}
        else:
            found = _spoken_for(c, ranked, relative[c], evidence)
        own = told.get(c, [])
        for other in own:
            if other not in found:
                found[other] = {} if evidence is None else _spoken(c, other, evidence)
        rest = [o for o in found if (c, o) not in declared][: max(0, SUBSTITUTES_LISTED - len(own))]
        place = np.rint(cost[c] * DISTANCE_GRID).tolist()
        best = sorted([*own, *rest], key=lambda o, place=place: (place[o], o))  # type: ignore[misc]
        if evidence is not None:
            row["note"] = None if best else TOO_LITTLE_EVIDENCE
        row["substitutes"] = [
            {
                "ingredient_id": int(mixtures.ingredient_ids[o]),
                "ingredient_name": names[o],
                "cost": _number(cost[c, o]),
                **found[o],
                "declared": declared.get((c, o)),
            }
            for o in best
        ]
        yield row


def _spoken(column: int, other: int, evidence: Evidence) -> Row:
    return {"recipes": sum(evidence.speaking(column, other))}


def _spoken_for(
    column: int, ranked: IntArray, relative_cost: FloatArray, evidence: Evidence
) -> dict[int, Row]:
    """Return the cheapest substitutes for which recipes speak, with how many do."""
    found: dict[int, Row] = {}
    for other in ranked[relative_cost[ranked] <= 1.0].tolist()[:CANDIDATES]:
        if recipes := evidence.enough(column, other, float(relative_cost[other])):
            found[other] = {"recipes": recipes}
        if len(found) == SUBSTITUTES_LISTED:
            break
    return found
