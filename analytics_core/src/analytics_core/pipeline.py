"""The job: from a database to a published set of documents, on one machine or on many.

`refresh` does everything. `plan`, `shard` and `finish` are three doors to the same functions for
machines that share a cache: the plan keeps what was read and the learned cost, each shard keeps
the neighbors of some rows, and the last step puts them together and publishes.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from analytics_core import __version__
from analytics_core.analysis import (
    ROWS_KEPT,
    Inputs,
    Similarity,
    Span,
    divide,
    find_cost,
    find_neighbors,
    find_similarity,
    inputs_of,
    load_inputs,
    needs_of,
)
from analytics_core.documents import Provenance
from analytics_core.earlier import read_earlier
from analytics_core.errors import AnalyticsError, NotFound, StorageError
from analytics_core.forks import uncollected
from analytics_core.needs import require_disk
from analytics_core.provenance import code_fingerprint, fingerprint_of, new_run_id
from analytics_core.publishing import RefreshResult, make_documents, publish_documents
from analytics_core.settings import DEFAULTS, RefreshSettings
from analytics_core.source.catalog import catalog_from_arrays, catalog_to_arrays
from analytics_core.source.scratch import temporary
from analytics_core.stages import Arrays, MissingParts, StageEvent, Stages
from analytics_core.store import LocalStorage, require_writable
from analytics_core.store.cache import Cache, workspace_of
from analytics_core.store.publish import settled

if TYPE_CHECKING:
    from analytics_core.similarity.ground_cost import LearnedCost
    from analytics_core.store import Storage

__all__ = [
    "Inputs",
    "MissingShards",
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

LATEST_KEY = "work/plan.json"
"""Names the plan that was made last."""

PLAN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6,32}")

PROBES = 4
PROBE_ROWS = 256
"""Rows that are searched to estimate the time of all, in so many places."""

NAMED_SHARDS = 10
"""As many missing shards are named."""

Listener = Callable[[StageEvent], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What machines that share a cache have to know of a refresh.

    Attributes
    ----------
    run_id, generated_at : str
        Of the whole refresh; the plan's own workspace is named by the first.
    code : str
        Fingerprint of the code that planned; other code makes other results.
    inputs : str
        Fingerprint under which the inputs are kept.
    rows, shards : int
        Recipes, and among how many shards they are divided.
    most : int
        Shards there may be machines for; those from `shards` on have nothing to do.
    search_seconds : float or None
        How long one machine like the planning one would search, where that was measured.
    settings : RefreshSettings
    """

    run_id: str
    generated_at: str
    code: str
    inputs: str
    rows: int
    shards: int
    most: int
    search_seconds: float | None
    settings: RefreshSettings

    @property
    def spans(self) -> list[Span]:
        """First row and the one after the last, of each shard."""
        return divide(self.rows, self.shards)

    def pieces(self, index: int) -> list[Span]:
        """Ranges of one shard's rows that are kept as soon as they are done."""
        begin, end = self.spans[index]
        parts = divide(end - begin, max(1, -(-(end - begin) // ROWS_KEPT)))
        return [(begin + first, begin + last) for first, last in parts]


@uncollected()
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
    _require_disk(inputs, settings, output)
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
    shard_minutes: float | None = None,
    scratch: Path | None = None,
    on_event: Listener = lambda _event: None,
    run_id: str | None = None,
) -> Plan:
    """Read the database, learn the cost, and divide the search for neighbors into shards.

    The shards and the last step never read the database again. Everything of a plan lies in a
    workspace of its own in the cache, ``work/<run_id>/``, so that plans never share a result. See
    `refresh` for the other parameters and for errors.

    Parameters
    ----------
    cache : Storage
        Where the plan and all results are kept; every machine must reach it.
    shards : int
        At least 1.
    shard_minutes : float, optional
        With it, `shards` is the most there may be: some rows are searched here, and there are as
        many shards as take about so many minutes each on a machine like this.

    Returns
    -------
    Plan
    """
    if shards < 1:
        raise ValueError(f"shards is {shards}; it must be at least 1")
    if shard_minutes is not None and not shard_minutes > 0:
        raise ValueError(f"shard_minutes is {shard_minutes}; it must be more than 0")
    generated_at = _now()
    run_id = checked_id(new_run_id() if run_id is None else run_id)
    stages = Stages(Cache(cache, run_id, plan=run_id), on_event)
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
    cost = find_cost(inputs, settings, stages)
    seconds, needed = None, shards
    if shard_minutes is not None:
        seconds = stages.run("sizing", lambda: _search_seconds(inputs, cost, settings, scratch))
        needed = min(shards, max(1, math.ceil(seconds / (60 * shard_minutes))))
    rows, code = inputs.mixtures.count, code_fingerprint()
    made = Plan(run_id, generated_at, code, fingerprint, rows, needed, shards, seconds, settings)
    content = json.dumps(asdict(made), indent=2).encode()
    cache.write(_plan_key(run_id), content)
    cache.write(LATEST_KEY, json.dumps({"run_id": run_id}).encode())
    return made


def _search_seconds(
    inputs: Inputs, cost: LearnedCost, settings: RefreshSettings, scratch: Path | None
) -> float:
    """Estimate how long this machine would search, from a few rows here and there."""
    rows = inputs.mixtures.count
    each = min(rows, PROBE_ROWS)
    starts = sorted({first for first, _ in divide(rows - each + 1, PROBES)})
    with temporary(scratch) as folder:
        stages = Stages(Cache(LocalStorage(folder)), lambda _event: None)

        def timed(length: int) -> float:
            begin = time.perf_counter()
            spans = [(first, first + length) for first in starts]
            find_neighbors(inputs, cost, settings, stages, spans)
            return time.perf_counter() - begin

        timed(min(each, 2))  # compiles
        setup, whole = timed(min(each, 1)), timed(each)
    # What does not grow with the rows is paid once by each shard, and is small there.
    return max(whole - setup, whole / 10) * rows / max(1, len(starts) * each)


def shard(
    plan: Plan,
    cache: Storage,
    index: int,
    *,
    threads: int | None = None,
    on_event: Listener = lambda _event: None,
) -> None:
    """Find and keep the neighbors of one shard's rows; shards may run in any order, and again.

    Rows are kept some thousand at a time, so a shard that is run again goes on where it was
    interrupted.

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
    stages = Stages(_cache_of(plan, cache), on_event)
    inputs = _planned_inputs(plan, stages)
    cost = find_cost(inputs, settings, stages)
    find_neighbors(inputs, cost, settings, stages, plan.pieces(index))


@uncollected()
def finish(
    plan: Plan,
    cache: Storage,
    output: Storage,
    *,
    threads: int | None = None,
    force: bool = False,
    complete: bool = False,
    on_event: Listener = lambda _event: None,
) -> RefreshResult:
    """Put the shards together, make the documents, and publish them as one set.

    The plan's workspace is removed once the set is published. Called again after that, it does
    nothing and returns what is published. For the other parameters and errors see `shard` and
    `refresh`.

    Parameters
    ----------
    force : bool
        Is the settings', and holds where either says so.
    complete : bool
        Compute here what shards did not leave.

    Raises
    ------
    MissingShards
        Naming the shards that did not leave all their rows; nothing was published.
    """
    begin = time.perf_counter()
    settings = _own_threads(plan.settings, threads)
    settings = replace(settings, force=force or settings.force)
    done = settled(output, plan.run_id)
    if done is not None:
        stages = Stages(_cache_of(plan, cache), on_event)
        stages.run("cleaning", lambda: _remove(plan, cache), detail=str)
        return RefreshResult(plan.run_id, done, 0.0, stages.timings)
    require_writable(output)
    elsewhere = () if complete else ("neighbors",)
    stages = Stages(_cache_of(plan, cache), on_event, elsewhere=elsewhere)
    inputs = _planned_inputs(plan, stages)
    _require_disk(inputs, settings, output)
    earlier = read_earlier(output)
    pieces = [(index, span) for index in range(plan.shards) for span in plan.pieces(index)]
    try:
        similarity = find_similarity(
            inputs, settings, stages, spans=[span for _, span in pieces], earlier=earlier
        )
    except MissingParts as error:
        raise MissingShards(plan, sorted({pieces[part][0] for part in error.parts})) from None
    provenance = Provenance(plan.run_id, plan.generated_at, inputs.catalog.fingerprint, __version__)
    manifest = publish_documents(
        inputs, similarity, settings, provenance, output, stages, earlier=earlier
    )
    stages.run("cleaning", lambda: _remove(plan, cache), detail=str)
    return RefreshResult(
        plan.run_id, manifest, round(time.perf_counter() - begin, 3), stages.timings
    )


def finished_before(output: Storage, run_id: str) -> RefreshResult | None:
    """Return what `finish` did, if it is through with a plan that is removed by now, else None.

    So a job that was killed at its very end, and is run again, has nothing to complain of.
    """
    done = settled(output, run_id)
    return None if done is None else RefreshResult(run_id, done, 0.0, [])


class MissingShards(NotFound):
    """Shards of a plan did not leave all their rows.

    Attributes
    ----------
    shards : list of int
        Their indices.
    """

    def __init__(self, plan: Plan, shards: list[int]) -> None:
        self.shards = shards
        named = ", ".join(
            f"{index} (recipes {begin + 1:,} to {end:,})"
            for index in shards[:NAMED_SHARDS]
            for begin, end in plan.spans[index : index + 1]
        )
        more = f" and {len(shards) - NAMED_SHARDS} more" if len(shards) > NAMED_SHARDS else ""
        super().__init__(
            f"{len(shards)} of {plan.shards} shards of the plan {plan.run_id} are missing: {named}"
            f"{more}; run them with `shard --plan {plan.run_id} --index {shards[0]}`, or compute"
            " them here with `finish --complete`"
        )


def read_plan(cache: Storage, run_id: str | None = None) -> Plan:
    """Return a plan in a cache: the one with this id, by default the latest.

    Raises
    ------
    StorageError
        There is none, or it is damaged.
    AnalyticsError
        Other code than this made it.
    """
    try:
        if run_id is None:
            run_id = checked_id(_latest(cache))
        content = json.loads(cache.read(_plan_key(checked_id(run_id))))
        made = Plan(**{**content, "settings": RefreshSettings(**content["settings"])})
    except NotFound as error:
        which = f"no plan {run_id}" if run_id else "no plan"
        raise NotFound(f"there is {which} at {cache.url}; make one with `plan`") from error
    except (ValueError, TypeError, KeyError) as error:
        where = _plan_key(run_id) if run_id else LATEST_KEY
        raise StorageError(f"{where} at {cache.url} is damaged; run `plan` again") from error
    if made.code != code_fingerprint():
        raise AnalyticsError(
            f"the plan at {cache.url} was made by another version of the code or of its"
            " libraries; run `plan` again with this one"
        )
    return made


def _latest(cache: Storage) -> str:
    found: str = json.loads(cache.read(LATEST_KEY))["run_id"]
    return found


def checked_id(run_id: str) -> str:
    """Return the id of a run or plan; refuse what could be another folder of the cache."""
    if not isinstance(run_id, str) or not PLAN_ID.fullmatch(run_id):
        raise ValueError(f"{run_id!r} is no id of a plan; one looks like 20260301T115000Z-1a2b3c")
    return run_id


def _plan_key(run_id: str) -> str:
    return f"{workspace_of(run_id)}plan.json"


def _cache_of(plan: Plan, cache: Storage) -> Cache:
    return Cache(cache, plan.run_id, plan=plan.run_id)


def _remove(plan: Plan, cache: Storage) -> str:
    """Remove a plan's workspace; the set is published, so nothing here fails the run."""
    own = _plan_key(plan.run_id)
    try:
        # The plan goes last: who dies half-way is run again, finds it, and goes on.
        for key in sorted(cache.list(workspace_of(plan.run_id)), key=lambda key: key == own):
            if key == own and _is_latest(plan, cache):
                cache.delete(LATEST_KEY)
            cache.delete(key)
    except StorageError as error:
        return f"the workspace stays for now: {error}"
    return ""


def _is_latest(plan: Plan, cache: Storage) -> bool:
    """Tell whether the pointer names this plan; a later one may have been through before it."""
    with contextlib.suppress(NotFound, ValueError, TypeError, KeyError):
        return _latest(cache) == plan.run_id
    return False


def _planned_inputs(plan: Plan, stages: Stages) -> Inputs:
    def lost() -> Arrays:
        raise NotFound("the inputs of the plan are no longer in the cache; run `plan` again")

    return inputs_of(catalog_from_arrays(stages.cached("inputs", plan.inputs, lost)), stages)


def _require_disk(inputs: Inputs, settings: RefreshSettings, output: Storage) -> None:
    """See that a folder can hold the documents; a bucket has no end."""
    if isinstance(output, LocalStorage):
        require_disk(needs_of(inputs, settings), output.folder)


def _own_threads(settings: RefreshSettings, threads: int | None) -> RefreshSettings:
    """Threads are each machine's own; everything else is the plan's."""
    return settings if threads is None else replace(settings, threads=threads)


def _now() -> str:
    # of two runs the one that began later stays, so they must not begin at one time
    return datetime.now(UTC).isoformat(timespec="microseconds")
