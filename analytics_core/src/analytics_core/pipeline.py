"""The job: `refresh` takes a database through the stages, top to bottom, and publishes."""

from __future__ import annotations

import json
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analytics_core import __version__
from analytics_core import documents as published
from analytics_core.errors import DataError, StorageError
from analytics_core.similarity.embedding import MAP_DECIMALS, MapSettings, align, embed
from analytics_core.similarity.ground_cost import PRESETS, LearnedCost, learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures, build_mixtures
from analytics_core.similarity.neighbors import KnnGraph, nearest_in_l1, nearest_neighbors
from analytics_core.similarity.quality import judge
from analytics_core.similarity.transport import plans_of_pairs
from analytics_core.similarity.usage import count_usage
from analytics_core.source.cocktaildb import load_catalog
from analytics_core.source.snapshot import take_snapshot
from analytics_core.stages import StageEvent, Stages, fingerprint_of
from analytics_core.store import prune_runs, publish, read_published
from analytics_core.store.cache import Cache
from analytics_core.store.publish import MIN_KEPT_RUNS
from analytics_core.store.s3 import fetch

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray
    from analytics_core.store import Storage

__all__ = ["RefreshResult", "RefreshSettings", "StageEvent", "refresh"]


@dataclass(frozen=True, slots=True)
class RefreshSettings:
    """What a caller may choose.

    Attributes
    ----------
    cost : {"learned", "reference", "tree"}
        Which ingredient cost measures likeness.
    neighbors : int
        Neighbours listed a recipe.
    seed : int
        Of the map.
    threads : int, optional
        Default: NUMBA_NUM_THREADS, else the processors this process may use.
    page : bool
        Whether to write the page beside the documents.
    keep_runs : int
        How many of the newest runs keep their folder in the output, this one included; at least 2.
    """

    cost: Literal["learned", "reference", "tree"] = "learned"
    neighbors: int = 10
    seed: int = 42
    threads: int | None = None
    page: bool = True
    keep_runs: int = 10

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if self.cost not in PRESETS:
            raise ValueError(f"cost is {self.cost!r}; choose one of {', '.join(PRESETS)}")
        if not 0 <= self.neighbors <= 1000:
            raise ValueError(f"neighbors is {self.neighbors}; it must lie between 0 and 1000")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed is {self.seed}; it must lie between 0 and 2**32 - 1")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads is {self.threads}; it must be at least 1")
        if self.keep_runs < MIN_KEPT_RUNS:
            raise ValueError(f"keep_runs is {self.keep_runs}; it must be at least {MIN_KEPT_RUNS}")


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """What a refresh did."""

    run_id: str
    manifest: dict[str, Any]
    seconds: float


def refresh(
    database: Path | str,
    output: Storage,
    *,
    settings: RefreshSettings = RefreshSettings(),
    cache: Storage | None = None,
    scratch: Path | None = None,
    on_event: Callable[[StageEvent], None] = lambda _event: None,
    run_id: str | None = None,
) -> RefreshResult:
    """Compute every document from a database and publish them as one set.

    Parameters
    ----------
    database : Path or str
        SQLite file, or ``s3://bucket/key``. It is read through a snapshot and never written to.
    output : Storage
        Where documents are published.
    settings : RefreshSettings
    cache : Storage, optional
        Where finished stages are kept; default: `output`.
    scratch : Path, optional
        Local folder for the snapshot; default: a temporary one.
    on_event : callable, optional
        Told of each `StageEvent`.
    run_id : str, optional
        Default: the time and some random digits.

    Returns
    -------
    RefreshResult

    Raises
    ------
    DataError
        The database cannot be used; nothing was published.
    StorageError
        Results could not be written; the earlier set is whole.
    """
    begin = time.perf_counter()
    now = datetime.now(UTC)
    run_id = run_id or f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    stages = Stages(Cache(cache or output), on_event)

    with tempfile.TemporaryDirectory(prefix="analytics-", dir=scratch) as folder:
        snapshot = stages.run(
            "snapshot", lambda: take_snapshot(database, Path(folder), fetch=fetch)
        )
        catalog = stages.run("catalog", lambda: load_catalog(snapshot))
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    mixtures = stages.run("mixture", lambda: build_mixtures(catalog, tree))
    usage = stages.run("statistics", lambda: count_usage(catalog, tree))

    preset = PRESETS[settings.cost]
    measured = mixtures.compressed(preset.power)
    basis = fingerprint_of(__version__, catalog.fingerprint, asdict(preset))
    found = stages.cached("cost", basis, lambda: _arrays(
        learn_cost(
            mixtures, tree, preset, threads=settings.threads, progress=stages.progress("cost")
        )
    ))  # fmt: skip
    cost = LearnedCost(found["cost"], found["distance_cost"], found["changes"])

    layout = MapSettings(seed=settings.seed)
    k = max(settings.neighbors, layout.neighbors - 1)
    near = fingerprint_of(basis, k)
    found = stages.cached("neighbors", near, lambda: _two_graphs(
        nearest_in_l1(mixtures.rows, k, threads=settings.threads),
        _similar(
            measured, tree, cost, k, preset.rounds == 0, settings.threads,
            stages.progress("neighbors"),
        ),
    ))  # fmt: skip
    manhattan = KnnGraph(found["manhattan_indices"], found["manhattan_distances"])
    similar = KnnGraph(found["indices"], found["distances"], int(found["solved"]))

    features = _root_shares(mixtures, tree)
    found = stages.cached("map", fingerprint_of(near, asdict(layout)), lambda: {
        "manhattan": embed(manhattan, features, layout, threads=settings.threads),
        "learned": embed(similar, features, layout, threads=settings.threads),
    })  # fmt: skip
    earlier = _published_maps(output)
    points_manhattan = _aligned(found["manhattan"], mixtures, earlier.get("cocktail-space"))
    points_learned = _aligned(found["learned"], mixtures, earlier.get("cocktail-space-em"))

    quality = stages.run("quality", lambda: judge(
        similar=similar, manhattan=manhattan, points_manhattan=points_manhattan,
        points_learned=points_learned, cost=cost,
    ))  # fmt: skip

    provenance = published.Provenance(
        run_id, now.isoformat(timespec="seconds"), catalog.fingerprint, __version__
    )
    listed = similar.head(settings.neighbors)

    def write() -> dict[str, Any]:
        rows: dict[str, dict[str, Any] | Iterable[dict[str, Any]]] = {
            "ingredient-usage": published.ingredient_usage(catalog, tree, usage),
            "recipe-complexity": published.recipe_complexity(usage),
            "ingredient-tree": published.ingredient_tree(catalog, tree, usage),
            "cocktail-space": published.cocktail_space(catalog, points_manhattan),
            "cocktail-space-em": published.cocktail_space(catalog, points_learned),
            "recipe-similar": published.recipe_similar(
                catalog, tree, mixtures, listed,
                # In plain volumes, also where likeness is measured on compressed ones: a plan
                # tells what to pour differently.
                plans_of_pairs(
                    mixtures, cost.distance_cost,
                    np.repeat(np.arange(mixtures.count), listed.k), listed.indices.ravel(),
                    threads=settings.threads,
                ),
                cost.distance_cost,
            ),
            "ingredient-substitutes": published.ingredient_substitutes(
                catalog, mixtures, cost.cost
            ),
            "recipe-details": published.recipe_details(catalog, tree),
        }  # fmt: skip
        documents = {kind: published.encode(kind, data, provenance) for kind, data in rows.items()}
        manifest: dict[str, Any] = {
            "run_id": run_id,
            "generated_at": provenance.generated_at,
            "storage_version": published.STORAGE_VERSION,
            "code_version": __version__,
            "seed": settings.seed,
            "settings": {
                "cost": settings.cost,
                "neighbors": settings.neighbors,
                "cost_settings": asdict(preset),
                "map_settings": asdict(layout),
            },
            "database": {
                "fingerprint": catalog.fingerprint,
                "recipes": int(catalog.recipes.ids.size),
                "ingredients": int(tree.ids.size),
                "lines": int(catalog.lines.recipe.size),
            },
            "counts": {
                "recipes": mixtures.count,
                "ingredients_in_play": int(mixtures.in_play.size),
                "neighbors": listed.k,
            },
            "warnings": [asdict(finding) for finding in catalog.findings],
            "quality": quality,
            "stages": list(stages.timings),
        }
        extras = {"report.html": _page(documents, manifest)} if settings.page else {}
        return publish(output, run_id=run_id, documents=documents, manifest=manifest, extras=extras)

    manifest = stages.run("publish", write, detail=_superseded)
    stages.run("prune", lambda: _prune(output, settings.keep_runs), detail=str)
    return RefreshResult(run_id, manifest, round(time.perf_counter() - begin, 3))


def _superseded(manifest: dict[str, Any]) -> str:
    newer = manifest.get("superseded_by")
    return f"not published: run {newer} began later and is published already" if newer else ""


def _prune(output: Storage, keep: int) -> str:
    """Remove old runs, and say what came of it: the run is published, so nothing here fails it."""
    try:
        removed = prune_runs(output, keep=keep)
    except StorageError as error:
        return f"old runs stay for now: {error}"
    return f"removed {len(removed)} older than the last {keep}" if removed else ""


def _arrays(cost: LearnedCost) -> dict[str, Any]:
    return {"cost": cost.cost, "distance_cost": cost.distance_cost, "changes": cost.changes}


def _two_graphs(manhattan: KnnGraph, similar: KnnGraph) -> dict[str, Any]:
    return {
        "manhattan_indices": manhattan.indices,
        "manhattan_distances": manhattan.distances,
        "indices": similar.indices,
        "distances": similar.distances,
        "solved": np.array(similar.solved),
    }


def _similar(
    mixtures: Mixtures,
    tree: IngredientTree,
    cost: LearnedCost,
    k: int,
    is_tree: bool,
    threads: int | None,
    progress: Callable[[int, int], None],
) -> KnnGraph:
    """Neighbours under the cost; under the plain tree distance by its closed form."""
    if is_tree:
        return nearest_in_l1(
            tree.spread(mixtures.rows, mixtures.in_play), k, threads=threads, progress=progress
        )
    return nearest_neighbors(mixtures, cost.distance_cost, k, threads=threads, progress=progress)


def _root_shares(mixtures: Mixtures, tree: IngredientTree) -> FloatArray:
    """Fraction of each recipe under each root ingredient, float64 (recipes, roots in play)."""
    roots, column = np.unique(tree.roots[mixtures.in_play], return_inverse=True)
    shares = np.zeros((mixtures.count, max(1, roots.size)))
    np.add.at(shares, (mixtures.recipe_of_entries(), column[mixtures.columns]), mixtures.fractions)
    return shares


def _published_maps(output: Storage) -> dict[str, Any]:
    """Return the documents of the set now published; none where there is none or it is damaged."""
    try:
        return read_published(output)
    except (StorageError, DataError):
        return {}


def _aligned(points: FloatArray, mixtures: Mixtures, earlier: dict[str, Any] | None) -> FloatArray:
    rows = (earlier or {}).get("data") or []
    try:
        ids = np.array([row["recipe_id"] for row in rows], dtype=np.int64)
        previous = np.array([(row["x"], row["y"]) for row in rows], dtype=np.float64)
    except (KeyError, TypeError, ValueError):  # another version's document: begin anew
        ids, previous = np.empty(0, np.int64), np.empty((0, 2))
    if not ids.size:
        rounded: FloatArray = np.round(points, MAP_DECIMALS) + 0.0
        return rounded
    return align(points, mixtures.recipe_ids, previous, ids)


def _page(documents: dict[str, bytes], manifest: dict[str, Any]) -> bytes:
    from analytics_core.report import render

    parsed = {kind: json.loads(data) for kind, data in documents.items()}
    return render({**parsed, "manifest": manifest}).encode()
