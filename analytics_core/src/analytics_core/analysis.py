"""From a database to what is alike: the stages whose results documents are made of."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics_core.provenance import code_fingerprint, fingerprint_of
from analytics_core.similarity.embedding import embed
from analytics_core.similarity.ground_cost import LearnedCost, learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures, build_mixtures
from analytics_core.similarity.neighbors import KnnGraph, nearest_in_l1, nearest_neighbors
from analytics_core.similarity.usage import Usage, count_usage
from analytics_core.source.catalog import Catalog
from analytics_core.source.cocktaildb import load_catalog
from analytics_core.source.snapshot import take_snapshot
from analytics_core.stages import Arrays, Stages
from analytics_core.store.s3 import fetch

if TYPE_CHECKING:
    from analytics_core.settings import RefreshSettings
    from analytics_core.similarity.arrays import FloatArray
    from analytics_core.source.poured import VolumeRule

ROWS_KEPT = 4096
"""Rows of neighbors that are kept at once: at most half a minute's work is done twice."""

Span = tuple[int, int]
"""First row and the one after the last."""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What is read from the database, and what follows from it at once."""

    catalog: Catalog
    tree: IngredientTree
    mixtures: Mixtures
    usage: Usage


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """What is like what: by plain volumes, and under the chosen cost.

    Attributes
    ----------
    cost : LearnedCost
    plain, learned : KnnGraph
        In the Manhattan distance of the mixtures, and under the cost.
    plain_map, learned_map : float64 (recipes, 2)
        Not yet turned toward earlier maps.
    """

    cost: LearnedCost
    plain: KnnGraph
    learned: KnnGraph
    plain_map: FloatArray
    learned_map: FloatArray


def load_inputs(
    database: Path | str,
    stages: Stages,
    *,
    volumes: VolumeRule = "site",
    scratch: Path | None = None,
) -> Inputs:
    """Read a database through a snapshot; see `refresh` for parameters and errors."""
    with tempfile.TemporaryDirectory(prefix="analytics-", dir=scratch) as folder:
        snapshot = stages.run(
            "snapshot", lambda: take_snapshot(database, Path(folder), fetch=fetch)
        )
        catalog = stages.run(
            "catalog", lambda: load_catalog(snapshot, called=database, volumes=volumes)
        )
    return inputs_of(catalog, stages)


def inputs_of(catalog: Catalog, stages: Stages) -> Inputs:
    """Return a catalog with its tree, mixtures and usage."""
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    mixtures = stages.run("mixture", lambda: build_mixtures(catalog, tree))
    return Inputs(
        catalog, tree, mixtures, stages.run("statistics", lambda: count_usage(catalog, tree))
    )


def find_similarity(
    inputs: Inputs, settings: RefreshSettings, stages: Stages, *, spans: list[Span] | None = None
) -> Similarity:
    """Learn the cost, find neighbors and draw maps; what is kept already is not computed again.

    Parameters
    ----------
    inputs : Inputs
    settings : RefreshSettings
    stages : Stages
    spans : list of (int, int), optional
        Ranges of rows whose neighbors are kept together; all rows, in order. Default: of
        `ROWS_KEPT` rows each.

    Returns
    -------
    Similarity
    """
    cost = find_cost(inputs, settings, stages)
    if spans is None:
        rows = inputs.mixtures.count
        spans = divide(rows, max(1, -(-rows // ROWS_KEPT)))
    plain, learned = find_neighbors(inputs, cost, settings, stages, spans)
    features = _root_shares(inputs)
    maps = stages.cached(
        "map",
        fingerprint_of(_neighbors_fingerprint(inputs, settings), asdict(settings.map)),
        lambda: {
            name: embed(graph, features, settings.map, threads=settings.threads)
            for name, graph in (("plain", plain), ("learned", learned))
        },
    )
    return Similarity(cost, plain, learned, maps["plain"], maps["learned"])


def _cost_fingerprint(inputs: Inputs, settings: RefreshSettings) -> str:
    return fingerprint_of(code_fingerprint(), inputs.catalog.fingerprint, asdict(settings.preset))


def find_cost(inputs: Inputs, settings: RefreshSettings, stages: Stages) -> LearnedCost:
    """Learn the cost, or take the one that is kept."""

    def learn() -> Arrays:
        cost = learn_cost(
            inputs.mixtures,
            inputs.tree,
            settings.preset,
            threads=settings.threads,
            progress=stages.progress("cost"),
        )
        return {"cost": cost.cost, "distance_cost": cost.distance_cost, "changes": cost.changes}

    found = stages.cached("cost", _cost_fingerprint(inputs, settings), learn)
    return LearnedCost(found["cost"], found["distance_cost"], found["changes"])


def divide(rows: int, parts: int) -> list[Span]:
    """Divide rows into ranges whose lengths differ by one at most."""
    bounds = [rows * part // parts for part in range(parts + 1)]
    return list(pairwise(bounds))


def _neighbors_fingerprint(inputs: Inputs, settings: RefreshSettings) -> str:
    return fingerprint_of(_cost_fingerprint(inputs, settings), _neighbors_found(settings))


def _neighbors_found(settings: RefreshSettings) -> int:
    """Neighbors per recipe that are looked for: the map may need more than are listed."""
    return max(settings.neighbors, settings.map.neighbors - 1)


def find_neighbors(
    inputs: Inputs, cost: LearnedCost, settings: RefreshSettings, stages: Stages, spans: list[Span]
) -> tuple[KnnGraph, KnnGraph]:
    """Find neighbors by plain volumes and under the cost; those of each span are kept."""
    k, threads = _neighbors_found(settings), settings.threads
    plain = inputs.mixtures.rows
    measured = inputs.mixtures.compressed(settings.preset.power)
    if settings.preset.method == "tree":  # which has a closed form
        spread = inputs.tree.spread(measured.rows, measured.in_play)
        search = partial(nearest_in_l1, spread, k, threads=threads)
    else:
        search = partial(nearest_neighbors, measured, cost.distance_cost, k, threads=threads)
    report = stages.progress("neighbors")

    def find(span: Span) -> Arrays:
        near = nearest_in_l1(plain, k, span=span, threads=threads)
        like = search(span=span, progress=lambda done, _: report(span[0] + done, plain.count))
        return {
            "plain_indices": near.indices,
            "plain_distances": near.distances,
            "indices": like.indices,
            "distances": like.distances,
            "solved": np.array(like.solved),
        }

    whole = _neighbors_fingerprint(inputs, settings)
    parts = stages.cached_parts(
        "neighbors", [(fingerprint_of(whole, span), partial(find, span)) for span in spans]
    )

    def joined(name: str) -> Any:
        return np.concatenate([part[name] for part in parts])

    return (
        KnnGraph(joined("plain_indices"), joined("plain_distances")),
        KnnGraph(joined("indices"), joined("distances"), sum(int(p["solved"]) for p in parts)),
    )


def _root_shares(inputs: Inputs) -> FloatArray:
    """Fraction of each recipe under each root ingredient, float64 (recipes, roots in play)."""
    mixtures = inputs.mixtures
    roots, column = np.unique(inputs.tree.roots[mixtures.in_play], return_inverse=True)
    shares = np.zeros((mixtures.count, max(1, roots.size)))
    np.add.at(shares, (mixtures.recipe_of_entries(), column[mixtures.columns]), mixtures.fractions)
    return shares
