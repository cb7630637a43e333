"""From what is alike to a published set: documents, manifest, page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from analytics_core import __version__
from analytics_core.analysis import needs_of
from analytics_core.changes import Changes, compare, hold, recipe_digests
from analytics_core.doctor import examine
from analytics_core.documents import (
    STORAGE_VERSION,
    Provenance,
    Row,
    cocktail_space,
    ingredient_substitutes,
    ingredient_tree,
    ingredient_usage,
    recipe_complexity,
    recipe_details,
    stream,
)
from analytics_core.earlier import MAPS, NOTHING, Earlier
from analytics_core.errors import StorageError
from analytics_core.forks import in_order
from analytics_core.needs import affordable
from analytics_core.provenance import code_fingerprint
from analytics_core.similar import ROWS_PLANNED, Similar
from analytics_core.similarity.declared import declared_pairs
from analytics_core.similarity.evidence import Evidence, gather_evidence
from analytics_core.similarity.parallel import available_threads
from analytics_core.similarity.quality import judge
from analytics_core.similarity.transport import plans_of_pairs
from analytics_core.store import prune_runs, publish
from analytics_core.store.ranges import INDEX, SIMILAR, RowIndex, row_digest

if TYPE_CHECKING:
    from analytics_core.analysis import Inputs, Similarity, Span
    from analytics_core.report import Payload
    from analytics_core.report.payload import Part
    from analytics_core.settings import RefreshSettings
    from analytics_core.similarity.transport import PairPlans
    from analytics_core.stages import Stages
    from analytics_core.store import Storage
    from analytics_core.store.cache import Cache


SHARED_FROM = 500
"""Recipes from which their rows are made by several processes: copying one takes hundredths."""


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """What a refresh did.

    Attributes
    ----------
    run_id : str
    manifest : dict
        As published.
    seconds : float
        The whole of it.
    timings : list of dict
        Name, seconds and whether it was reused, of each stage; the manifest's are without those
        that publish it.
    """

    run_id: str
    manifest: dict[str, Any]
    seconds: float
    timings: list[dict[str, Any]]


def publish_documents(
    inputs: Inputs,
    similarity: Similarity,
    settings: RefreshSettings,
    provenance: Provenance,
    output: Storage,
    stages: Stages,
    *,
    earlier: Earlier = NOTHING,
) -> dict[str, Any]:
    """Judge, compare with the earlier set, write, and remove what is old."""

    def compared() -> tuple[dict[str, float], Changes, list[str]]:
        quality = judge(
            similar=similarity.learned,
            manhattan=similarity.plain,
            points_manhattan=similarity.plain_map.points,
            points_learned=similarity.learned_map.points,
            cost=similarity.cost,
            listed=settings.neighbors,
        )
        changes = compare(
            inputs.catalog,
            inputs.mixtures.recipe_ids,
            inputs.contents,
            similarity.learned.head(settings.neighbors),
            {"plain": similarity.plain_map, "learned": similarity.learned_map},
            _manifest(inputs, similarity, settings, provenance),
            earlier,
        )
        return quality, changes, hold(changes, force=settings.force)

    quality, changes, forced = stages.run("quality", compared)
    asked = stages.run("doctor", lambda: examine(inputs.catalog, inputs.tree, inputs.mixtures))

    def write() -> dict[str, Any]:
        manifest = {
            **_manifest(inputs, similarity, settings, provenance),
            "quality": quality,
            "compared": {
                "method": changes.method,
                "forced": forced,
                "figures": changes.figures,
                "words": changes.document["words"],
            },
            "suggestions": [finding.as_row() for finding in asked],
            "stages": list(stages.timings),
        }
        payload = _payload(inputs) if settings.page else None
        index = RowIndex(inputs.mixtures.recipe_ids.tolist())
        documents: dict[str, Iterable[bytes]] = {}
        for kind, data in make_documents(
            inputs, similarity, settings, changes.document, payload, index
        ).items():
            note = index.note if kind == SIMILAR else None
            documents[kind] = stream(kind, data, provenance, note=note)
            if kind == SIMILAR:
                documents[INDEX] = _made_last(lambda: stream(INDEX, index.data(), provenance))
        extras: dict[str, Iterable[bytes]] = {}
        if payload is not None:
            extras["report.html"] = _made_last(lambda: [_page(payload, manifest)])
        return publish(
            output,
            run_id=provenance.run_id,
            documents=documents,
            manifest=manifest,
            extras=extras,
        )

    manifest = stages.run("publish", write, detail=_not_done)
    stages.run("prune", lambda: _prune(output, settings.keep_runs, stages.cache), detail=str)
    return manifest


def _made_last(make: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
    """Make something when it is asked for: what it is made of is then complete."""
    yield from make()


def make_documents(
    inputs: Inputs,
    similarity: Similarity,
    settings: RefreshSettings,
    changes: Row,
    payload: Payload | None = None,
    index: RowIndex | None = None,
) -> dict[str, Row | Iterator[Row] | Iterator[bytes]]:
    """Return each document's data by type, in the order in which they are to be made.

    Long ones are rows that are made while they are read, once; those of `recipe-similar` are
    encoded already, by several processes where that is faster. `changes` is the data of
    `what-changed`; `payload` hears each row that the page needs, and `index` the digests of rows.
    """
    catalog, tree, mixtures = inputs.catalog, inputs.tree, inputs.mixtures
    listed = similarity.learned.head(settings.neighbors)
    cost = similarity.cost

    processes = settings.threads or available_threads()
    processes = processes if mixtures.count >= SHARED_FROM else 1
    processes = affordable(needs_of(inputs, settings), processes)

    def plans(first: int, last: int) -> PairPlans:
        # In plain volumes, also where likeness is measured on compressed ones: a plan says what
        # to pour differently.
        rows = np.repeat(np.arange(first, last), listed.k)
        others = listed.indices[first:last].ravel()
        return plans_of_pairs(mixtures, cost.distance_cost, rows, others, threads=1)

    if processes > 1:
        plans(0, 1)  # loads the compiled code here, not in each copy of the process
    similar = Similar(catalog, tree, mixtures, listed, plans, cost.distance_cost)
    documents: dict[str, Row | Iterator[Row] | Iterator[bytes]] = {
        "ingredient-usage": ingredient_usage(catalog, tree, inputs.usage),
        "recipe-complexity": recipe_complexity(inputs.usage),
        "ingredient-tree": ingredient_tree(catalog, tree, inputs.usage),
        "recipe-details": recipe_details(catalog, tree),
        "ingredient-substitutes": ingredient_substitutes(
            catalog,
            mixtures,
            cost.cost,
            _evidence(inputs, settings),
            declared_pairs(catalog, mixtures),
        ),
        "cocktail-space": cocktail_space(catalog, similarity.plain_map.points),
        "cocktail-space-em": cocktail_space(catalog, similarity.learned_map.points),
        "recipe-digests": recipe_digests(mixtures.recipe_ids, inputs.contents, listed),
        "what-changed": changes,
        # last, for other processes make it meanwhile
        SIMILAR: _shared(similar, mixtures.count, processes, payload, index),
    }
    if payload is not None:
        payload.changes = changes
        hearers: dict[str, Callable[[Row], None]] = {
            "recipe-complexity": payload.add_complexity,
            "recipe-details": payload.add_details,
            "ingredient-substitutes": payload.add_substitutes,
            "cocktail-space": partial(payload.add_position, "plain"),
            "cocktail-space-em": partial(payload.add_position, "learned"),
        }
        for kind, hear in hearers.items():
            documents[kind] = _heard(cast("Iterator[Row]", documents[kind]), hear)
    return documents


def _shared(
    similar: Similar,
    recipes: int,
    processes: int,
    payload: Payload | None,
    index: RowIndex | None,
) -> Iterator[bytes]:
    """Make the rows of `recipe-similar`, encoded, by as many processes; the page hears them too."""

    def make(span: Span) -> tuple[list[bytes], list[str], Part | None]:
        block = similar.block(*span)
        digests = [] if index is None else list(map(row_digest, block.rows))
        return block.rows, digests, None if payload is None else payload.part_of(block)

    bounds = [*range(0, recipes, ROWS_PLANNED), recipes]
    blocks = in_order(make, list(pairwise(bounds)), processes=processes)  # begins at once

    def told() -> Iterator[bytes]:
        parts = []
        for rows, digests, part in blocks:
            if index is not None:
                index.known.extend(digests)
            yield from rows
            parts.append(part)
        for part in parts:
            if payload is not None and part is not None:
                payload.add_part(part)

    return told()


def _heard(rows: Iterable[Row], hear: Callable[[Row], None]) -> Iterator[Row]:
    for row in rows:
        hear(row)
        yield row


def _payload(inputs: Inputs) -> Payload:
    from analytics_core.report import Payload

    tree = ingredient_tree(inputs.catalog, inputs.tree, inputs.usage)
    return Payload(tree, inputs.catalog.recipes.ids.tolist())


def _evidence(inputs: Inputs, settings: RefreshSettings) -> Evidence | None:
    """Gather what recipes say of substitutes, under the cost that is made of it."""
    if settings.preset.method != "context":
        return None
    measured = inputs.mixtures.compressed(settings.preset.power)
    return gather_evidence(inputs.mixtures, measured, inputs.tree)


def _manifest(
    inputs: Inputs,
    similarity: Similarity,
    settings: RefreshSettings,
    provenance: Provenance,
) -> dict[str, Any]:
    catalog = inputs.catalog
    return {
        "run_id": provenance.run_id,
        "generated_at": provenance.generated_at,
        "storage_version": STORAGE_VERSION,
        "code_version": __version__,
        "code": code_fingerprint(),
        "seed": settings.seed,
        "settings": {
            "cost": settings.cost,
            "volumes": settings.volume_rule,
            "neighbors": settings.neighbors,
            "cost_settings": asdict(settings.preset),
            "map_settings": asdict(settings.map),
        },
        "database": {
            "layout": catalog.layout,
            "bar": catalog.bar or None,
            "fingerprint": catalog.fingerprint,
            "recipes": int(catalog.recipes.ids.size),
            "ingredients": int(inputs.tree.ids.size),
            "lines": int(catalog.lines.recipe.size),
        },
        "counts": {
            "recipes": inputs.mixtures.count,
            "ingredients_in_play": int(inputs.mixtures.in_play.size),
            "neighbors": similarity.learned.head(settings.neighbors).k,
        },
        "warnings": [finding.as_row() for finding in catalog.findings],
        "maps": {
            kind: {
                "began": placed.began,
                "why": placed.why,
                "graph": placed.graph,
                "neighbors_kept_anew": placed.kept_anew,
            }
            for kind, placed in (
                (MAPS["plain"], similarity.plain_map),
                (MAPS["learned"], similarity.learned_map),
            )
        },
    }


def _not_done(manifest: dict[str, Any]) -> str:
    """Say what of publishing was not done, though nothing failed."""
    newer, unsettled = manifest.get("superseded_by"), manifest.get("unsettled")
    told = [f"not published: run {newer} began later and is published already"] if newer else []
    if unsettled:
        told.append(f"stable keys may be those of another run until the next refresh: {unsettled}")
    return "; ".join(told)


def _prune(output: Storage, keep: int, cache: Cache) -> str:
    """Remove old runs, and say what came of it: the run is published, so nothing here fails it."""
    try:
        removed = prune_runs(output, keep=keep)
        cache.prune()
    except StorageError as error:
        return f"old runs stay for now: {error}"
    return f"removed {len(removed)} older than the last {keep}" if removed else ""


def _page(payload: Payload, manifest: dict[str, Any]) -> bytes:
    from analytics_core.report import page_of

    return page_of(*payload.blocks(manifest)).encode()
