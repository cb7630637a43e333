"""Documents in the published shapes, of any size, without running the pipeline.

The recipes come from the embedded sample's database (varied when more are
asked for). Distances are half the Manhattan distance, plans move what is too
much to what is lacking, and the maps are a plane through the mixtures: rough,
but every field means what it means in a real run.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from analytics_core.glasses import Glass, Pour, fill_glass
from analytics_core.sample import write_sample_database
from analytics_core.swaps import find_steps
from analytics_core.wording import say

NEIGHBORS = 10
IngredientRow = tuple[int, str, int | None, int]
LineRow = tuple[int, str, int, float | None, str | None, float | None]

GENERATED_AT = "2026-11-24T09:30:00+00:00"
SPECIAL_ML = {"to top": 90.0, "to rinse": 5.0, "each": 1.0}


def make_documents(recipes: int | None = None, *, seed: int = 0) -> dict[str, Any]:
    """The documents of a run over the sample, or over `recipes` variations of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.db"
        write_sample_database(path, recipes=recipes, seed=seed)
        with closing(sqlite3.connect(path)) as connection:
            ingredients = connection.execute(
                "SELECT id, name, parent_id, allow_substitution FROM ingredients ORDER BY id"
            ).fetchall()
            rows = connection.execute(
                "SELECT r.id, r.name, l.ingredient_id, l.amount, u.name, u.conversion_to_ml"
                " FROM recipes r JOIN recipe_ingredients l ON l.recipe_id = r.id"
                " LEFT JOIN units u ON u.id = l.unit_id ORDER BY r.id, l.id"
            ).fetchall()
    return documents_from(ingredients, rows)


def documents_from(
    ingredients: Sequence[IngredientRow],
    rows: Sequence[LineRow],
) -> dict[str, Any]:
    """Documents from rows of ingredients and of recipe lines."""
    name = {key: text for key, text, _, _ in ingredients}
    parent = {key: up for key, _, up, _ in ingredients}
    inner = set(parent.values())
    rolled = {
        key: up if allow and up is not None and key not in inner else key
        for key, _, up, allow in ingredients
    }

    def root(key: int) -> int:
        while (up := parent[key]) is not None:
            key = up
        return key

    title: dict[int, str] = {}
    lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
    pours: dict[int, list[Pour]] = defaultdict(list)
    for recipe, recipe_name, ingredient, amount, unit, factor in rows:
        title[recipe] = recipe_name
        special = SPECIAL_ML.get((unit or "").lower())
        volume = special or (1.0 if amount is None else amount * (factor or 1.0))
        pours[recipe].append(
            Pour(
                ingredient=ingredient,
                name=name[ingredient],
                kind=rolled[ingredient],
                ml=volume,
                amount=amount,
                unit=unit,
                ml_per_unit=None if special else factor,
            )
        )
        lines[recipe].append(
            {
                "ingredient_id": ingredient,
                "ingredient_name": name[ingredient],
                "rolled_id": rolled[ingredient],
                "rolled_name": name[rolled[ingredient]],
                "amount": amount,
                "unit": unit,
                "volume_ml": volume,
            }
        )
    keys = list(title)
    details = []
    columns = {key: i for i, key in enumerate(name)}
    mixture = np.zeros((len(keys), max(len(columns), 6)))
    for position, key in enumerate(keys):
        total = sum(line["volume_ml"] for line in lines[key])
        by_root: dict[int, float] = defaultdict(float)
        for line in lines[key]:
            line["fraction"] = line["volume_ml"] / total
            by_root[root(line["ingredient_id"])] += line["fraction"]
            mixture[position, columns[line["rolled_id"]]] += line["fraction"]
        base = max(by_root, key=lambda r: by_root[r])
        details.append(
            {
                "recipe_id": key,
                "recipe_name": title[key],
                "base_ingredient_id": base,
                "base_ingredient_name": name[base],
                "lines": sorted(lines[key], key=lambda line: -line["volume_ml"]),
            }
        )
    used: dict[int, set[int]] = defaultdict(set)
    below: dict[int, set[int]] = defaultdict(set)
    for key in keys:
        for line in lines[key]:
            step: int | None = line["ingredient_id"]
            used[line["ingredient_id"]].add(key)
            while step is not None:
                below[step].add(key)
                step = parent[step]
    data = {
        "recipe-details": details,
        "recipe-similar": _similar(
            keys, title, mixture, list(name), name, [fill_glass(pours[key]) for key in keys]
        ),
        "recipe-complexity": _complexity(lines),
        "ingredient-tree": _tree(ingredients, used, below),
        "ingredient-usage": [
            {
                "ingredient_id": key,
                "ingredient_name": name[key],
                "direct_usage": len(used[key]),
                "hierarchical_usage": len(below[key]),
                "has_children": key in inner,
                "path": f"/{key}/",
                "parent_id": None,
                "allow_substitution": bool(allow),
            }
            for key, _, up, allow in ingredients
            if up is None
        ],
        "ingredient-substitutes": _substitutes(ingredients, rolled, below),
        "cocktail-space": _space(details, mixture, 0),
        "cocktail-space-em": _space(details, mixture, 1),
    }
    stamp = {"generated_at": GENERATED_AT, "run_id": "20261124T093000Z-5eed", "code_version": "0"}
    documents: dict[str, Any] = {
        kind: {"data": content, "metadata": {**stamp, "analytics_type": kind}}
        for kind, content in data.items()
    }
    count = sum(map(len, lines.values()))
    documents["manifest"] = {
        **stamp,
        "storage_version": "v1",
        "seed": 42,
        "settings": {"cost": "learned", "neighbors": NEIGHBORS},
        "database": {
            "fingerprint": hashlib.sha256(repr(rows).encode("utf-8", "replace")).hexdigest(),
            "recipes": len(keys),
            "ingredients": len(ingredients),
            "lines": count,
        },
        "counts": {"recipes": len(keys), "pairs": len(keys) * NEIGHBORS},
        "warnings": [
            {
                "code": "line_without_ingredient",
                "count": 2,
                "message": "2 lines name an ingredient that does not exist and were left out",
                "examples": ["recipe 7, ingredient 9001", "<img src=x onerror=alert(1)>"],
            }
        ],
        "quality": {"trustworthiness": 0.9312, "neighbor_recall": 1.0, "same_base_share": 0.61},
        "stages": [{"name": "cost", "seconds": 1.25, "reused": False}],
        "documents": {kind: {"key": kind, "bytes": 1000, "sha256": "0" * 64} for kind in data},
    }
    return documents


def _similar(
    keys: list[int],
    title: dict[int, str],
    mixture: np.ndarray,
    order: list[int],
    name: dict[int, str],
    glasses: list[Glass],
) -> list[dict[str, Any]]:
    recipes = len(keys)
    result = []
    block = 1_500  # neighbors are sought within a block, which keeps 20,000 recipes quick
    by_base = (
        np.argsort(mixture.argmax(axis=1), kind="stable") if recipes > block else range(recipes)
    )
    places = np.asarray(list(by_base), dtype=int)
    found: dict[int, list[tuple[int, float]]] = {}
    for begin in range(0, recipes, block):
        members = places[begin : begin + block]
        part = mixture[members][:, mixture[members].any(axis=0)].astype(np.float32)
        for row, member in enumerate(members):
            distance = np.abs(part - part[row]).sum(axis=1) / 2
            distance[row] = np.inf
            nearest = np.argsort(distance, kind="stable")[: min(NEIGHBORS, len(members) - 1)]
            found[int(member)] = [(int(members[n]), float(distance[n])) for n in nearest]
    for position, key in enumerate(keys):
        neighbors = []
        for other, distance in found.get(position, []):
            flows = _plan(mixture[position], mixture[other])
            costs = {(order[source], order[target]): 1.0 for source, target, _ in flows}
            steps = find_steps(glasses[position], glasses[other], costs)
            neighbors.append(
                {
                    "neighbor_recipe_id": keys[other],
                    "neighbor_name": title[keys[other]],
                    "distance": distance,
                    "transport_plan": [
                        {
                            "from_ingredient_id": order[source],
                            "from_ingredient_name": name[order[source]],
                            "to_ingredient_id": order[target],
                            "to_ingredient_name": name[order[target]],
                            "mass": mass,
                        }
                        for source, target, mass in flows
                    ],
                    "steps": steps,
                    "words": say(steps, same_mix=not flows),
                }
            )
        result.append({"recipe_id": key, "recipe_name": title[key], "neighbors": neighbors})
    return result


def _plan(ours: np.ndarray, theirs: np.ndarray) -> list[tuple[int, int, float]]:
    """Pour the largest surplus into the largest lack until both are used up."""
    change = theirs - ours
    flows = []
    while change.max(initial=0) > 1e-9:
        source, target = int(change.argmin()), int(change.argmax())
        mass = float(min(-change[source], change[target]))
        if mass <= 1e-9:
            break
        flows.append((source, target, mass))
        change[source] += mass
        change[target] -= mass
    return flows


def _complexity(lines: dict[int, list[dict[str, Any]]]) -> list[dict[str, int]]:
    counts: dict[int, int] = defaultdict(int)
    for content in lines.values():
        counts[len({line["ingredient_id"] for line in content})] += 1
    return [{"ingredient_count": n, "recipe_count": counts[n]} for n in sorted(counts)]


def _tree(
    ingredients: Sequence[IngredientRow],
    used: dict[int, set[int]],
    below: dict[int, set[int]],
) -> dict[str, Any]:
    nodes: dict[int, dict[str, Any]] = {
        key: {
            "id": str(key),
            "name": text,
            "allow_substitution": bool(allow),
            "recipe_count": len(used[key]),
            "hierarchical_recipe_count": len(below[key]),
            "edge_weight": 1.0,
            "children": [],
        }
        for key, text, _, allow in ingredients
    }
    top: dict[str, Any] = {"id": "root", "name": "All Ingredients", "children": []}
    for key, _, up, _ in ingredients:
        (top if up is None else nodes[up])["children"].append(nodes[key])
    return top


def _substitutes(
    ingredients: Sequence[IngredientRow],
    rolled: dict[int, int],
    below: dict[int, set[int]],
) -> list[dict[str, Any]]:
    siblings: dict[int | None, list[tuple[int, str]]] = defaultdict(list)
    for key, text, up, _ in ingredients:
        if rolled[key] == key and below[key]:
            siblings[up].append((key, text))
    return [
        {
            "ingredient_id": key,
            "ingredient_name": text,
            "substitutes": [
                {"ingredient_id": other, "ingredient_name": label, "cost": 0.1 + 0.07 * rank}
                for rank, (other, label) in enumerate(s for s in siblings[up] if s[0] != key)
            ][:8],
        }
        for key, text, up, _ in ingredients
        if rolled[key] == key and below[key]
    ]


def _space(details: list[dict[str, Any]], mixture: np.ndarray, turn: int) -> list[dict[str, Any]]:
    """A plane through the mixtures, with a little noise so that no two drinks coincide."""
    random = np.random.default_rng(turn)
    roots = np.sqrt(mixture)
    centered = roots - (roots.mean(axis=0) if len(roots) else 0)
    axes = random.normal(size=(centered.shape[1], 6))
    for _ in range(3):  # subspace iteration: enough for a picture
        axes, _ = np.linalg.qr(centered.T @ (centered @ axes) + 1e-9 * axes)
    spread = centered @ axes[:, [turn, turn + 1]]
    spread = np.tanh(2 * spread) + random.normal(scale=0.03, size=spread.shape)
    return [
        {
            "recipe_id": row["recipe_id"],
            "recipe_name": row["recipe_name"],
            "x": float(x),
            "y": float(y),
            "ingredients": [line["ingredient_name"] for line in row["lines"]],
        }
        for row, (x, y) in zip(details, spread, strict=True)
    ]
