"""From what is alike to a published set: documents, manifest, page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics_core import __version__
from analytics_core.changes import Changes, compare, digests_of, hold, recipe_digests
from analytics_core.documents import (
    STORAGE_VERSION,
    Provenance,
    Row,
    cocktail_space,
    encode,
    ingredient_substitutes,
    ingredient_tree,
    ingredient_usage,
    recipe_complexity,
    recipe_details,
    recipe_similar,
)
from analytics_core.earlier import MAPS, NOTHING, Earlier
from analytics_core.errors import StorageError
from analytics_core.provenance import code_fingerprint
from analytics_core.similarity.declared import declared_pairs
from analytics_core.similarity.evidence import Evidence, gather_evidence
from analytics_core.similarity.quality import judge
from analytics_core.similarity.transport import plans_of_pairs
from analytics_core.store import prune_runs, publish

if TYPE_CHECKING:
    from analytics_core.analysis import Inputs, Similarity
    from analytics_core.settings import RefreshSettings
    from analytics_core.stages import Stages
    from analytics_core.store import Storage
    from analytics_core.store.cache import Cache


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
    contents = digests_of(inputs.catalog)

    def compared() -> tuple[dict[str, float], Changes, list[str]]:
        quality = judge(
            similar=similarity.learned,
            manhattan=similarity.plain,
            points_manhattan=similarity.plain_map.points,
            points_learned=similarity.learned_map.points,
            cost=similarity.cost,
        )
        changes = compare(
            inputs.catalog,
            inputs.mixtures.recipe_ids,
            contents,
            similarity.learned.head(settings.neighbors),
            {"plain": similarity.plain_map, "learned": similarity.learned_map},
            _manifest(inputs, similarity, settings, provenance),
            earlier,
        )
        return quality, changes, hold(changes, force=settings.force)

    quality, changes, forced = stages.run("quality", compared)

    def write() -> dict[str, Any]:
        rows = make_documents(inputs, similarity, settings, changes.document)
        manifest = {
            **_manifest(inputs, similarity, settings, provenance),
            "quality": quality,
            "compared": {
                "method": changes.method,
                "forced": forced,
                "figures": changes.figures,
                "words": changes.document["words"],
            },
            "stages": list(stages.timings),
        }
        extras = {}
        if settings.page:  # which reads the same rows; afterward they go as they are encoded
            kept = {kind: v if isinstance(v, dict) else list(v) for kind, v in rows.items()}
            extras["report.html"] = _page(kept, manifest)
            rows = {kind: v if isinstance(v, dict) else _drained(v) for kind, v in kept.items()}
            del kept
        documents = {kind: encode(kind, data, provenance) for kind, data in rows.items()}
        return publish(
            output,
            run_id=provenance.run_id,
            documents=documents,
            manifest=manifest,
            extras=extras,
        )

    manifest = stages.run("publish", write, detail=_superseded)
    stages.run("prune", lambda: _prune(output, settings.keep_runs, stages.cache), detail=str)
    return manifest


def _drained(rows: list[Row]) -> Iterator[Row]:
    """Hand out rows and let go of each: a long document is never there twice."""
    rows.reverse()
    while rows:
        yield rows.pop()


def make_documents(
    inputs: Inputs, similarity: Similarity, settings: RefreshSettings, changes: Row
) -> dict[str, Row | Iterable[Row]]:
    """Return each document's data by type; long ones as rows that are made while they are read.

    `changes` is the data of `what-changed`.
    """
    catalog, tree, mixtures = inputs.catalog, inputs.tree, inputs.mixtures
    listed = similarity.learned.head(settings.neighbors)
    cost = similarity.cost
    # In plain volumes, also where likeness is measured on compressed ones: a plan says what to
    # pour differently.
    plans = plans_of_pairs(
        mixtures,
        cost.distance_cost,
        np.repeat(np.arange(mixtures.count), listed.k),
        listed.indices.ravel(),
        threads=settings.threads,
    )
    return {
        "ingredient-usage": ingredient_usage(catalog, tree, inputs.usage),
        "recipe-complexity": recipe_complexity(inputs.usage),
        "ingredient-tree": ingredient_tree(catalog, tree, inputs.usage),
        "cocktail-space": cocktail_space(catalog, similarity.plain_map.points),
        "cocktail-space-em": cocktail_space(catalog, similarity.learned_map.points),
        "recipe-similar": recipe_similar(
            catalog, tree, mixtures, listed, plans, cost.distance_cost
        ),
        "ingredient-substitutes": ingredient_substitutes(
            catalog,
            mixtures,
            cost.cost,
            _evidence(inputs, settings),
            declared_pairs(catalog, mixtures),
        ),
        "recipe-details": recipe_details(catalog, tree),
        "recipe-digests": recipe_digests(mixtures.recipe_ids, digests_of(catalog), listed),
        "what-changed": changes,
    }


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
        "warnings": [asdict(finding) for finding in catalog.findings],
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


def _superseded(manifest: dict[str, Any]) -> str:
    newer = manifest.get("superseded_by")
    return f"not published: run {newer} began later and is published already" if newer else ""


def _prune(output: Storage, keep: int, cache: Cache) -> str:
    """Remove old runs, and say what came of it: the run is published, so nothing here fails it."""
    try:
        removed = prune_runs(output, keep=keep)
        cache.prune()
    except StorageError as error:
        return f"old runs stay for now: {error}"
    return f"removed {len(removed)} older than the last {keep}" if removed else ""


def _page(rows: Mapping[str, Row | Iterable[Row]], manifest: dict[str, Any]) -> bytes:
    from analytics_core.report import render

    documents: dict[str, dict[str, Any]] = {kind: {"data": data} for kind, data in rows.items()}
    return render({**documents, "manifest": manifest}).encode()
