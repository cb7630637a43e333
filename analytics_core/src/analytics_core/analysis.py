"""From a database to what is alike: the stages whose results documents are made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import cache, cached_property, partial
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics_core.changes import changed_rows, digests_of
from analytics_core.earlier import NOTHING, Earlier
from analytics_core.needs import Needs, require_memory
from analytics_core.provenance import code_fingerprint, fingerprint_of
from analytics_core.similarity.declared import declared_pairs
from analytics_core.similarity.embedding import twins_of
from analytics_core.similarity.ground_cost import LearnedCost, learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures, build_mixtures
from analytics_core.similarity.neighbors import KnnGraph, nearest_in_l1, nearest_neighbors
from analytics_core.similarity.parallel import available_threads
from analytics_core.similarity.placing import PlacedMap, place
from analytics_core.similarity.prefix_tree import build_l1_index, build_prefix_tree
from analytics_core.similarity.usage import Usage, count_usage
from analytics_core.source.catalog import Catalog
from analytics_core.source.layouts import AUTO, load_catalog, read_as, take_copy
from analytics_core.source.scratch import temporary
from analytics_core.stages import Arrays, Stages
from analytics_core.store.s3 import fetch

if TYPE_CHECKING:
    from analytics_core.settings import RefreshSettings
    from analytics_core.source.poured import VolumeRule

ROWS_KEPT = 4096
"""Rows of neighbors that are kept at once: at most half a minute's work is done twice."""

PROGRESS_SECONDS = 0.5
"""How often it is told how far the maps are."""

Span = tuple[int, int]
"""First row and the one after the last."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """What is read from the database, and what follows from it at once.

    Attributes
    ----------
    catalog : Catalog
    tree : IngredientTree
    mixtures : Mixtures
    usage : Usage
    called : str
        The database, as errors call it.
    """

    catalog: Catalog
    tree: IngredientTree
    mixtures: Mixtures
    usage: Usage
    called: str = "The database"

    @cached_property
    def contents(self) -> list[str]:
        """Digest of what each recipe's lines say, from `digests_of`."""
        return digests_of(self.catalog)


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """What is like what: by plain volumes, and under the chosen cost.

    Attributes
    ----------
    cost : LearnedCost
    plain, learned : KnnGraph
        In the Manhattan distance of the mixtures, and under the cost.
    plain_map, learned_map : PlacedMap
        Begun where drinks lie on the earlier maps.
    """

    cost: LearnedCost
    plain: KnnGraph
    learned: KnnGraph
    plain_map: PlacedMap
    learned_map: PlacedMap


def load_inputs(
    database: Path | str,
    stages: Stages,
    *,
    volumes: VolumeRule = "site",
    layout: str = AUTO,
    bar: str | None = None,
    scratch: Path | None = None,
) -> Inputs:
    """Read a database through a snapshot; see `refresh` for parameters and errors."""
    with temporary(scratch) as folder:
        snapshot = stages.run(
            "snapshot", lambda: take_copy(database, folder, layout=layout, fetch=fetch)
        )
        catalog = stages.run(
            "catalog",
            lambda: load_catalog(
                snapshot, called=database, volumes=volumes, layout=layout, bar=bar
            ),
            detail=read_as,
        )
    return inputs_of(catalog, stages, called=f"The database {database}")


def inputs_of(catalog: Catalog, stages: Stages, *, called: str = "The database") -> Inputs:
    """Return a catalog with its tree, mixtures and usage."""
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    mixtures = stages.run("mixture", lambda: build_mixtures(catalog, tree))
    usage = stages.run("statistics", lambda: count_usage(catalog, tree))
    return Inputs(catalog, tree, mixtures, usage, called)


def needs_of(inputs: Inputs, settings: RefreshSettings) -> Needs:
    """Return the counts that decide what a refresh needs."""
    return Needs(
        called=inputs.called,
        recipes=inputs.mixtures.count,
        lines=int(inputs.catalog.lines.recipe.size),
        ingredients=int(inputs.mixtures.in_play.size),
        neighbors=_neighbors_found(settings),
        page=settings.page,
    )


def find_similarity(
    inputs: Inputs,
    settings: RefreshSettings,
    stages: Stages,
    *,
    spans: list[Span] | None = None,
    earlier: Earlier = NOTHING,
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
    earlier : Earlier, optional
        The set published before.

    Returns
    -------
    Similarity
    """
    require_memory(needs_of(inputs, settings), whole=True)
    cost = find_cost(inputs, settings, stages)
    if spans is None:
        rows = inputs.mixtures.count
        spans = divide(rows, max(1, -(-rows // ROWS_KEPT)))
    plain, learned = find_neighbors(inputs, cost, settings, stages, spans)
    maps = stages.cached(
        "map",
        fingerprint_of(
            _neighbors_fingerprint(inputs, settings), asdict(settings.map), earlier.fingerprint
        ),
        lambda: _draw_maps(inputs, {"plain": plain, "learned": learned}, settings, earlier, stages),
    )
    return Similarity(cost, plain, learned, _as_placed(maps, "plain"), _as_placed(maps, "learned"))


def _draw_maps(
    inputs: Inputs,
    graphs: Mapping[str, KnnGraph],
    settings: RefreshSettings,
    earlier: Earlier,
    stages: Stages,
) -> Arrays:
    """Lay out the maps side by side; the compiled loops hold no lock."""
    ids, twins = inputs.mixtures.recipe_ids, twins_of(inputs.mixtures)
    changed = changed_rows(ids, inputs.contents, earlier)
    epochs = dict.fromkeys(graphs, (0, 0))
    stop = Event()

    def draw(name: str) -> PlacedMap:
        def note(done: int, total: int) -> None:
            epochs[name] = (done, total)
            if stop.is_set():
                raise CancelledError

        return place(
            graphs[name],
            ids,
            twins,
            settings.map,
            earlier=earlier.maps.get(name),
            changed=changed,
            progress=note,
        )

    report = stages.progress("map")
    pool = ThreadPoolExecutor(min(len(graphs), settings.threads or available_threads()))
    tasks = {name: pool.submit(draw, name) for name in graphs}
    try:
        while wait(tasks.values(), timeout=PROGRESS_SECONDS).not_done:
            done, total = (sum(parts) for parts in zip(*epochs.values(), strict=True))
            report(done, total)
    except BaseException:
        stop.set()
        # a compiled call may last for seconds of a large map, and nobody wants its result
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return {
        f"{name}_{part}": value
        for name, task in tasks.items()
        for part, value in _as_arrays(task.result()).items()
    }


def _as_arrays(placed: PlacedMap) -> Arrays:
    told = json.dumps([placed.began, placed.why, placed.graph, placed.kept_anew])
    return {"points": placed.points, "told": np.frombuffer(told.encode(), np.uint8)}


def _as_placed(arrays: Arrays, name: str) -> PlacedMap:
    told = json.loads(arrays[f"{name}_told"].tobytes())
    return PlacedMap(arrays[f"{name}_points"], *told)


def _cost_fingerprint(inputs: Inputs, settings: RefreshSettings) -> str:
    return fingerprint_of(code_fingerprint(), inputs.catalog.fingerprint, asdict(settings.preset))


def find_cost(inputs: Inputs, settings: RefreshSettings, stages: Stages) -> LearnedCost:
    """Learn the cost, or take the one that is kept."""

    def learn() -> Arrays:
        cost = learn_cost(
            inputs.mixtures,
            inputs.tree,
            settings.preset,
            declared=_declared(inputs, settings),
            threads=settings.threads,
            progress=stages.progress("cost"),
        )
        kept = {"cost": cost.cost, "changes": cost.changes}
        # most often one and the same, which may be the largest thing there is
        return kept if cost.distance_cost is cost.cost else {**kept, "apart": cost.distance_cost}

    require_memory(needs_of(inputs, settings), whole=False)
    found = stages.cached("cost", _cost_fingerprint(inputs, settings), learn)
    return LearnedCost(found["cost"], found.get("apart", found["cost"]), found["changes"])


def _declared(inputs: Inputs, settings: RefreshSettings) -> list[tuple[int, int]]:
    """Return what the owner declares, as ids, for the cost that has a place for it."""
    if settings.preset.method != "context":
        return []
    ids = inputs.mixtures.ingredient_ids.tolist()
    return [(ids[a], ids[b]) for a, b in declared_pairs(inputs.catalog, inputs.mixtures)]


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

    @cache  # one index for all spans, and none where all are kept
    def searches() -> tuple[Callable[..., KnnGraph], Callable[..., KnnGraph]]:
        in_l1 = partial(nearest_in_l1, k=k, threads=threads)
        near = partial(in_l1, plain, index=build_l1_index(plain))
        if settings.preset.method == "tree":  # which has a closed form
            spread = inputs.tree.spread(measured.rows, measured.in_play)
            return near, partial(in_l1, spread, index=build_l1_index(spread))
        index = build_prefix_tree(measured.rows)
        like = partial(nearest_neighbors, measured, cost.distance_cost, k, threads=threads)
        return near, partial(like, index=index)

    report = stages.progress("neighbors")

    def find(span: Span) -> Arrays:
        find_near, find_like = searches()
        near = find_near(span=span)
        like = find_like(span=span, progress=lambda done, _: report(span[0] + done, plain.count))
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
