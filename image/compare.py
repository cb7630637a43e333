"""Compare two published sets: byte for byte, or within tolerances across architectures."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAPS = ("cocktail-space", "cocktail-space-em")
MOVING = ("generated_at", "run_id")
"""What two runs of the same thing may tell differently."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two sets are apart.

    Attributes
    ----------
    counts
        Sentences on documents, entries and whole numbers that are not the same.
    neighbor_lists, swapped
        Recipes whose neighbors differ, and those of them where only ties changed places.
    cost
        The largest difference of a distance, a cost or a transported mass.
    map_kept
        By map: the share of each recipe's ten nearest on one map that are so on the other.
    map_residual
        By map: what is left after laying one over the other, as a share of the map's spread.
    """

    counts: tuple[str, ...]
    neighbor_lists: int
    swapped: int
    cost: float
    map_kept: dict[str, float]
    map_residual: dict[str, float]


def documents(published: Path) -> dict[str, bytes]:
    """Return the stable documents below a folder, by type."""
    folder = published / "analytics" / "v1"
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def without_time(name: str, content: bytes) -> bytes:
    """Return a document with the values that name the run replaced by stars."""
    parsed = json.loads(content)
    where = parsed if name == "manifest" else parsed["metadata"]
    for key in MOVING:
        content = content.replace(str(where[key]).encode(), b"*")
    return content


def compare(first: dict[str, bytes], second: dict[str, bytes]) -> Difference:
    """Compare two sets as `documents` returns them."""
    one = {name: json.loads(content) for name, content in first.items()}
    two = {name: json.loads(content) for name, content in second.items()}
    counts = []
    if one.keys() != two.keys():
        counts.append(f"documents: {sorted(one.keys() ^ two.keys())} are in one set only")
    numbers = [0.0]
    for name in sorted(one.keys() & two.keys()):
        if name in (*MAPS, "manifest", "recipe-similar"):
            continue
        _walk(one[name]["data"], two[name]["data"], name, counts, numbers)
    manifests = one["manifest"], two["manifest"]
    told = ("database", "counts", "seed", "settings")
    counts += [f"manifest: {k} differs" for k in told if manifests[0][k] != manifests[1][k]]
    lists = swapped = 0
    for a, b in zip(one["recipe-similar"]["data"], two["recipe-similar"]["data"], strict=True):
        ids = [[n["neighbor_recipe_id"] for n in entry["neighbors"]] for entry in (a, b)]
        distances = [[n["distance"] for n in entry["neighbors"]] for entry in (a, b)]
        numbers += [abs(x - y) for x, y in zip(*distances, strict=True)]
        lists += ids[0] != ids[1]
        swapped += ids[0] != ids[1] and sorted(ids[0]) == sorted(ids[1])
    maps = {name: (_points(one[name]), _points(two[name])) for name in MAPS}
    return Difference(
        counts=tuple(counts),
        neighbor_lists=lists,
        swapped=swapped,
        cost=max(numbers),
        map_kept={name: _kept(*pair) for name, pair in maps.items()},
        map_residual={name: _residual(*pair) for name, pair in maps.items()},
    )


def _walk(a: Any, b: Any, where: str, counts: list[str], numbers: list[float]) -> None:
    """Collect differences: of floats into `numbers`, of everything else into `counts`."""
    if isinstance(a, float) and isinstance(b, float):
        numbers.append(abs(a - b))
    elif isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            _walk(a[key], b[key], f"{where}.{key}", counts, numbers)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            _walk(x, y, f"{where}[{i}]", counts, numbers)
    elif a != b:
        counts.append(f"{where}: {str(a)[:60]!r} and {str(b)[:60]!r}")


def _points(document: dict[str, Any]) -> list[tuple[float, float]]:
    entries = sorted(document["data"], key=lambda entry: entry["recipe_id"])
    return [(entry["x"], entry["y"]) for entry in entries]


def _kept(a: list[tuple[float, float]], b: list[tuple[float, float]], *, count: int = 10) -> float:
    def nearest(points: list[tuple[float, float]], i: int) -> set[int]:
        order = sorted(range(len(points)), key=lambda j: (math.dist(points[i], points[j]), j))
        return set([j for j in order if j != i][:count])

    shares = [len(nearest(a, i) & nearest(b, i)) / count for i in range(len(a))]
    return sum(shares) / len(shares)


def _residual(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> float:
    """Root mean square after the best turn, mirror and shift (Procrustes), over a's own spread."""

    def centered(points: list[tuple[float, float]]) -> list[complex]:
        middle = complex(*(sum(axis) / len(points) for axis in zip(*points, strict=True)))
        return [complex(*point) - middle for point in points]

    first, second = centered(a), centered(b)
    spread = math.sqrt(sum(abs(z) ** 2 for z in first))
    best = math.inf
    for candidate in (second, [z.conjugate() for z in second]):
        overlap = sum(z * w.conjugate() for z, w in zip(first, candidate, strict=True))
        turn = overlap / abs(overlap) if overlap else 1
        left = sum(abs(z - turn * w) ** 2 for z, w in zip(first, candidate, strict=True))
        best = min(best, math.sqrt(left) / spread)
    return best
