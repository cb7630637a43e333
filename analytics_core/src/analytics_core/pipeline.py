"""The job: from a database to a published set of documents, on one machine or on many.

`refresh` does everything. `plan`, `shard` and `finish` are three doors to the same functions for
machines that share a cache: the plan keeps what was read and the learned cost, each shard keeps
the neighbors of some rows, and the last step puts them together and publishes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from analytics_core import __version__
from analytics_core.analysis import (
    Inputs,
    Similarity,
    Span,
    divide,
    find_cost,
    find_neighbors,
    find_similarity,
    inputs_of,
    load_inputs,
)
from analytics_core.documents import Provenance
from analytics_core.earlier import read_earlier
from analytics_core.errors import AnalyticsError, NotFound, StorageError
from analytics_core.provenance import code_fingerprint, fingerprint_of, new_run_id
from analytics_core.publishing import RefreshResult, make_documents, publish_documents
from analytics_core.settings import DEFAULTS, RefreshSettings
from analytics_core.source.catalog import catalog_from_arrays, catalog_to_arrays
from analytics_core.stages import Arrays, StageEvent, Stages
from analytics_core.store import require_writable
from analytics_core.store.cache import Cache

if TYPE_CHECKING:
    from analytics_core.store import Storage

__all__ = [
    "Inputs",
    "Plan",
    "RefreshResult",
    "RefreshSettings",
    "Similarity",
    "StageEvent",
    "find_similarity",
    "finish",
    "load_inputs",
    "make_documents",
    "plan",
    "read_plan",
    "refresh",
    "shard",
]

PLAN_KEY = "work/plan.json"

Listener = Callable[[StageEvent], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What machines that share a cache have to know of a refresh.

    Attributes
    ----------
    run_id, generated_at : str
        Of the whole refresh.
    code : str
        Fingerprint of the code that planned; other code makes other results.
    inputs : str
        Fingerprint under which the inputs are kept.
    rows, shards : int
        Recipes, and among how many shards they are divided.
    settings : RefreshSettings
    """

    run_id: str
    generated_at: str
    code: str
    inputs: str
    rows: int
    shards: int
    settings: RefreshSettings

    @property
    def spans(self) -> list[Span]:
        """First row and the one after the last, of each shard."""
        return divide(self.rows, self.shards)


def refresh(
    database: Path | str,
    output: Storage,
    *,
    settings: RefreshSettings = DEFAULTS,
    cache: Storage | None = None,
    scratch: Path | None = None,
    on_event: Listener = lambda _event: None,
    run_id: str | None = None,
) -> RefreshResult:
    """Compute every document from a database and publish them as one set.

    Parameters
    ----------
    database : Path or str
        A file, or ``s3://bucket/key``. It is read through a snapshot and never written to.
    output : Storage
        Where documents are published.
    settings : RefreshSettings
    cache : Storage, optional
        Where results of finished stages are kept; default: `output`.
    scratch : Path, optional
        Local folder for the snapshot; default: a temporary one.
    on_event : callable, optional
        Called with each `StageEvent`.
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
    GateClosed
        The new set differs too much from the earlier one, which stays; see `docs/data.md`.

    Examples
    --------
    >>> from analytics_core import LocalStorage
    >>> from analytics_core.sample import write_sample_database
    >>> write_sample_database("bar.db", recipes=40, overwrite=True)
    >>> result = refresh("bar.db", LocalStorage("out"))
    >>> len(result.manifest["documents"]), result.manifest["counts"]["recipes"]
    (11, 40)
    """
    begin = time.perf_counter()
    generated_at = _now()
    run_id = run_id or new_run_id()
    require_writable(output)
    stages = Stages(Cache(cache or output, run_id), on_event)
    inputs = load_inputs(
        database,
        stages,
        volumes=settings.volume_rule,
        layout=settings.layout,
        bar=settings.bar,
        scratch=scratch,
    )
    earlier = read_earlier(output)
    similarity = find_similarity(inputs, settings, stages, earlier=earlier)
    provenance = Provenance(run_id, generated_at, inputs.catalog.fingerprint, __version__)
    manifest = publish_documents(
        inputs, similarity, settings, provenance, output, stages, earlier=earlier
    )
    return RefreshResult(run_id, manifest, round(time.perf_counter() - begin, 3), stages.timings)


def plan(
    database: Path | str,
    cache: Storage,
    *,
    settings: RefreshSettings = DEFAULTS,
    shards: int = 1,
    scratch: Path | None = None,
    on_event: Listener = lambda _event: None,
    run_id: str | None = None,
) -> Plan:
    """Read the database, learn the cost, and divide the search for neighbors into shards.

    The shards and the last step never read the database again. A cache holds one plan, the latest.
    See `refresh` for the other parameters and for errors.

    Parameters
    ----------
    cache : Storage
        Where the plan and all results are kept; every machine must reach it.
    shards : int
        At least 1.

    Returns
    -------
    Plan
    """
    if shards < 1:
        raise ValueError(f"shards is {shards}; it must be at least 1")
    generated_at = _now()
    run_id = run_id or new_run_id()
    stages = Stages(Cache(cache, run_id), on_event)
    inputs = load_inputs(
        database,
        stages,
        volumes=settings.volume_rule,
        layout=settings.layout,
        bar=settings.bar,
        scratch=scratch,
    )
    found = [asdict(finding) for finding in inputs.catalog.findings]
    fingerprint = fingerprint_of(code_fingerprint(), inputs.catalog.fingerprint, found)
    stages.cached("inputs", fingerprint, lambda: catalog_to_arrays(inputs.catalog))
    find_cost(inputs, settings, stages)
    rows = inputs.mixtures.count
    made = Plan(run_id, generated_at, code_fingerprint(), fingerprint, rows, shards, settings)
    cache.write(PLAN_KEY, json.dumps(asdict(made), indent=2).encode())
    return made


def shard(
    plan: Plan,
    cache: Storage,
    index: int,
    *,
    threads: int | None = None,
    on_event: Listener = lambda _event: None,
) -> None:
    """Find and keep the neighbors of one shard's rows; shards may run in any order, and again.

    Parameters
    ----------
    plan : Plan
    cache : Storage
        That of the plan.
    index : int
        From 0.
    threads : int, optional
        Default: those of the plan's settings.
    on_event : callable, optional
        Called with each `StageEvent`.
    """
    if not 0 <= index < plan.shards:
        raise ValueError(f"index is {index}; the plan has shards 0 to {plan.shards - 1}")
    settings = _own_threads(plan.settings, threads)
    stages = Stages(Cache(cache, plan.run_id), on_event)
    inputs = _planned_inputs(plan, stages)
    cost = find_cost(inputs, settings, stages)
    find_neighbors(inputs, cost, settings, stages, plan.spans[index : index + 1])


def finish(
    plan: Plan,
    cache: Storage,
    output: Storage,
    *,
    threads: int | None = None,
    force: bool = False,
    on_event: Listener = lambda _event: None,
) -> RefreshResult:
    """Put the shards together, make the documents, and publish them as one set.

    What a lost shard did not leave is computed here. `force` is the settings', and holds where
    either says so. For the other parameters and errors see `shard` and
    `refresh`.
    """
    begin = time.perf_counter()
    settings = _own_threads(plan.settings, threads)
    settings = replace(settings, force=force or settings.force)
    require_writable(output)
    stages = Stages(Cache(cache, plan.run_id), on_event)
    inputs = _planned_inputs(plan, stages)
    earlier = read_earlier(output)
    similarity = find_similarity(inputs, settings, stages, spans=plan.spans, earlier=earlier)
    provenance = Provenance(plan.run_id, plan.generated_at, inputs.catalog.fingerprint, __version__)
    manifest = publish_documents(
        inputs, similarity, settings, provenance, output, stages, earlier=earlier
    )
    return RefreshResult(
        plan.run_id, manifest, round(time.perf_counter() - begin, 3), stages.timings
    )


def read_plan(cache: Storage) -> Plan:
    """Return the latest plan in a cache.

    Raises
    ------
    StorageError
        There is none, or it is damaged.
    AnalyticsError
        Other code than this made it.
    """
    try:
        content = json.loads(cache.read(PLAN_KEY))
        made = Plan(**{**content, "settings": RefreshSettings(**content["settings"])})
    except NotFound as error:
        raise NotFound(f"there is no plan at {cache.url}; make one with `plan`") from error
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(f"{PLAN_KEY} at {cache.url} is damaged; run `plan` again") from error
    if made.code != code_fingerprint():
        raise AnalyticsError(
            f"the plan at {cache.url} was made by another version of the code or of its"
            " libraries; run `plan` again with this one"
        )
    return made


def _planned_inputs(plan: Plan, stages: Stages) -> Inputs:
    def lost() -> Arrays:
        raise NotFound("the inputs of the plan are no longer in the cache; run `plan` again")

    return inputs_of(catalog_from_arrays(stages.cached("inputs", plan.inputs, lost)), stages)


def _own_threads(settings: RefreshSettings, threads: int | None) -> RefreshSettings:
    """Threads are each machine's own; everything else is the plan's."""
    return settings if threads is None else replace(settings, threads=threads)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
