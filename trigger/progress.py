"""How a refresh is doing: of one job, or of a chain as a whole, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trigger import logs
from trigger.chain import STEPS, Chain, find_chain
from trigger.reasons import given_up
from trigger.services import Services
from trigger.status import (
    describe,
    ended_attempts,
    in_words,
    last_lines,
    look_up,
    moment,
    span,
    stream_of,
    told,
    utc_text,
)
from trigger.submit import SETTLING, WAITING

MOST_DESCRIBED = 500
"""Shards that are looked at one by one; of larger arrays only the summary is told."""

WORDS = {"plan": "plan", "shard": "neighbors", "finish": "finish"}
"""What each step is called to its owner."""

_LINES_FOR_COUNT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """The job for which a chain failed.

    Attributes
    ----------
    job
        As `DescribeJobs` or an event gives it.
    what
        What it is: `plan`, `shard 12 of 64`, `finish`.
    others
        Indices of further shards that failed.
    """

    job: Mapping[str, Any]
    what: str
    others: Sequence[int] = ()


def refresh_status(services: Services, *, job_id: str, log_lines: int = 0) -> dict[str, Any]:
    """Describe a job, or the chain it belongs to.

    Parameters
    ----------
    job_id
        Batch's id of the job; a single shard (``<job>:<index>``) is described alone.
    log_lines
        How many of the last lines of its log to return as `log`; 0 leaves `log` out.

    Returns
    -------
    dict
        As `trigger.status.describe`. Of a chain `status` and `reason` are those of the whole,
        attempts and log those of the step that is under way or failed, and `steps` has `jobId` and
        `status` of each.

    Raises
    ------
    UnknownJob
        When Batch does not know the job.
    botocore.exceptions.ClientError
        Whatever Batch refuses. A log that cannot be read is no error: it may not exist yet.
    """
    job = look_up(services, job_id)
    chain = find_chain(services, job)
    if chain is None or ":" in job_id:
        since = _ready_at(chain, "shard") if chain else None
        return describe(services, job, log_lines=log_lines, since=since)
    return describe_chain(services, chain, log_lines=log_lines) | {"jobId": job_id}


def describe_chain(services: Services, chain: Chain, *, log_lines: int = 0) -> dict[str, Any]:
    """Describe a chain as `refresh_status` does."""
    now = services.now()
    culprit = find_culprit(services, chain)
    step = next((s for s in STEPS if _status(chain, s) != "SUCCEEDED"), "finish")
    shown = culprit.job if culprit else chain.jobs.get(step) or next(iter(chain.jobs.values()))
    since = _ready_at(chain, step)
    answer = describe(services, shown, log_lines=log_lines, since=since)
    plan, finish = chain.jobs.get("plan", {}), chain.jobs.get("finish", {})
    broke_off = _broke_off(chain, now)
    whole = "FAILED" if broke_off else _whole(chain)
    if culprit is not None:
        sentence = f"failed: {culprit.what}: {answer['reason'].removeprefix('failed: ')}"
        if culprit.others:
            sentence += f"; {listed(culprit.others)} too"
        if whole != "FAILED":
            sentence += "; what runs already goes on, and nothing will be published"
    elif broke_off:
        sentence = "broke off: never submitted whole, nothing will be published; ask anew"
    elif whole == "SUCCEEDED":
        times = ", ".join(f"{WORDS[s]} {_lasted(chain, s)}" for s in STEPS)
        begun, stopped = moment(plan.get("startedAt")), moment(finish.get("stoppedAt")) or now
        took = span((stopped - begun).total_seconds()) if begun else "some time"
        changed = answer["reason"].partition(": ")[2]  # as the last step's log ends with it
        sentence = f"succeeded in {took} ({times})" + (f": {changed}" if changed else "")
    elif step not in chain.jobs:
        sentence = f"{WORDS[step]}: not submitted yet"
    elif step == "shard":
        sentence = f"neighbors: {_search(services, chain, now)}"
    else:
        sentence = f"{WORDS[step]}: {in_words(shown, now=now, since=since)}"
    # Batch ends a job that waits for others only when those are over, which may take hours.
    if whole not in ("SUCCEEDED", "FAILED") and culprit is None and given_up(finish):
        sentence += "; finish is being stopped, so nothing will be published"
    return {
        **answer,
        "status": whole,
        "reason": sentence,
        "startedAt": utc_text(plan.get("startedAt")),
        "stoppedAt": utc_text(finish.get("stoppedAt")),
        "steps": {
            s: {"jobId": chain.jobs[s]["jobId"], "status": _status(chain, s)}
            for s in STEPS
            if s in chain.jobs
        },
    }


def find_culprit(
    services: Services, chain: Chain, event: Mapping[str, Any] | None = None
) -> Culprit | None:
    """Return the job for which a chain failed, None when none did.

    Parameters
    ----------
    event
        A job of the chain that is known to have failed, maybe before Batch shows it.
    """
    failed = {step: job for step, job in chain.jobs.items() if job["status"] == "FAILED"}
    if event is not None and ":" not in str(event["jobId"]):
        failed |= {
            step: event for step, job in chain.jobs.items() if job["jobId"] == event["jobId"]
        }
    if "plan" in failed:
        return Culprit(job=failed["plan"], what="the plan")
    child = event if event is not None and ":" in str(event["jobId"]) else None
    array = chain.jobs.get("shard")
    summary = ((array or {}).get("arrayProperties") or {}).get("statusSummary") or {}
    if array is not None and (child is not None or "shard" in failed or summary.get("FAILED")):
        return _failed_shard(services, array, child)
    finish = failed.get("finish")
    return Culprit(job=finish, what="the last step") if finish else None


def _failed_shard(
    services: Services, array: Mapping[str, Any], child: Mapping[str, Any] | None
) -> Culprit:
    size = _size(array)
    found: dict[int, str] = {}
    if size == 1:  # a plain job
        return Culprit(job=array, what="the only shard")
    try:
        pages = services.batch.get_paginator("list_jobs").paginate(
            arrayJobId=str(array["jobId"]), jobStatus="FAILED", PaginationConfig={"MaxItems": 500}
        )
        listed = [str(job["jobId"]) for page in pages for job in page["jobSummaryList"]]
        found = {int(job_id.rpartition(":")[2]): job_id for job_id in listed if ":" in job_id}
        if child is None and found:
            first = services.batch.describe_jobs(jobs=[found[min(found)]])["jobs"]
            child = first[0] if first else None
    except (BotoCoreError, ClientError) as error:
        logs.decision("chain.unasked", level="warning", jobId=array["jobId"], error=str(error))
    if child is None:  # Batch did not answer
        return Culprit(job=array, what="the search")
    index = int(str(child["jobId"]).rpartition(":")[2])
    others = sorted(set(found) - {index})
    return Culprit(job=child, what=f"shard {index} of {size}", others=others)


def _search(services: Services, chain: Chain, now: datetime) -> str:
    """Say how far the shards are."""
    array = chain.jobs["shard"]
    since = _ready_at(chain, "shard")
    if _size(array) == 1:
        return in_words(array, now=now, since=since)
    size, plan = _size(array), chain.jobs.get("plan", {})
    stream = stream_of(plan)
    lines = last_lines(services, stream, _LINES_FOR_COUNT) if stream else []
    needed = told(lines, "plan.finished").get("shards")
    if isinstance(needed, int) and 0 < needed < size:
        size = needed
    if size > MOST_DESCRIBED:
        summary = (array.get("arrayProperties") or {}).get("statusSummary") or {}
        ended = int(summary.get("SUCCEEDED", 0))
        begun = moment(plan.get("stoppedAt"))
        left = (now - begun).total_seconds() / ended * (size - ended) if begun and ended else None
        return f"{min(ended, size)} of {size} shards done{_left(left)}"
    children = _children(services, str(array["jobId"]), size)
    done, running = (
        [child for child in children if child["status"] in states]
        for states in (("SUCCEEDED",), ("STARTING", "RUNNING"))
    )
    retried = sum(_retried(child) for child in children)
    again = f", {retried} retried" if retried else ""
    waiting = [child for child in children if child["status"] == "RUNNABLE"]
    if waiting and not running and not done:
        again += f"; {in_words(waiting[0], now=now, since=since)}"
    return (
        f"{len(done)} of {size} shards done{again}{_left(_seconds_left(done, running, size, now))}"
    )


def _children(services: Services, array_id: str, size: int) -> list[Mapping[str, Any]]:
    ids = [f"{array_id}:{index}" for index in range(size)]
    found: list[Mapping[str, Any]] = []
    for start in range(0, size, 100):  # DescribeJobs takes 100
        found += services.batch.describe_jobs(jobs=ids[start : start + 100])["jobs"]
    return found


def _seconds_left(
    done: Sequence[Mapping[str, Any]],
    running: Sequence[Mapping[str, Any]],
    size: int,
    now: datetime,
) -> float | None:
    """Estimate from the shards that are done, as if as many went on running side by side."""
    times = [
        (stopped - begun).total_seconds()
        for job in done
        if (begun := moment(job.get("startedAt"))) and (stopped := moment(job.get("stoppedAt")))
    ]
    if not times or not running:
        return None
    mean = sum(times) / len(times)
    ages = [(now - begun).total_seconds() for j in running if (begun := moment(j.get("startedAt")))]
    waiting = size - len(done) - len(ages)
    return (sum(max(mean - age, 0) for age in ages) + mean * waiting) / len(running)


def _retried(job: Mapping[str, Any]) -> bool:
    begun_again = job["status"] not in ("SUCCEEDED", "FAILED")
    return len(ended_attempts(job)) + begun_again > 1


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"; about {max(1, round(seconds / 60))} min left"


def listed(indices: Sequence[int]) -> str:
    """Name some shards."""
    named = ", ".join(map(str, indices[:5]))
    more = f" and {len(indices) - 5} more" if len(indices) > 5 else ""
    return f"shard{'s' if len(indices) > 1 else ''} {named}{more}"


def _size(array: Mapping[str, Any]) -> int:
    return int((array.get("arrayProperties") or {}).get("size") or 1)


def _status(chain: Chain, step: str) -> str:
    return str(chain.jobs[step]["status"]) if step in chain.jobs else "SUBMITTED"


def _whole(chain: Chain) -> str:
    """Return the state of a chain in Batch's words."""
    states = [_status(chain, step) for step in STEPS if step in chain.jobs]
    if states[-1] == "SUCCEEDED" and "finish" in chain.jobs:
        return "SUCCEEDED"
    if "FAILED" in states:
        return "FAILED"
    return states[0] if states[0] in ("SUBMITTED", "PENDING", "RUNNABLE") else "RUNNING"


def _broke_off(chain: Chain, now: datetime) -> bool:
    """Whether steps are missing that nobody will submit any more, since the plan has begun."""
    plan = chain.jobs.get("plan", {})
    begun = moment(plan.get("startedAt"))
    missing = any(step not in chain.jobs for step in STEPS)
    # For a while Batch may not show what was submitted just before the plan began.
    return (
        missing
        and plan.get("status") not in WAITING
        and begun is not None
        and (now - begun >= SETTLING)
    )


def _ready_at(chain: Chain, step: str) -> int | None:
    """Return when what a step waits for was over, in Batch's milliseconds."""
    plan, array = chain.jobs.get("plan", {}), chain.jobs.get("shard", {})
    if step == "plan":
        return None
    ended = array.get("stoppedAt") if step == "finish" else None
    return ended or plan.get("stoppedAt")


def _lasted(chain: Chain, step: str) -> str:
    job = chain.jobs.get(step, {})
    begun, stopped = moment(job.get("startedAt")), moment(job.get("stoppedAt"))
    if step == "shard" and not (begun and stopped):  # an array's parent runs nothing itself
        begun = moment(chain.jobs.get("plan", {}).get("stoppedAt"))
        stopped = moment(chain.jobs.get("finish", {}).get("startedAt"))
    return span((stopped - begun).total_seconds()) if begun and stopped else "?"
