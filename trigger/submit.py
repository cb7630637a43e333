"""Submit a refresh, or join the one that still waits.

A job reads the database when its container starts. One that is SUBMITTED, PENDING or RUNNABLE
has not started and will see every edit made so far: a second refresh joins it. A job that is
STARTING may already have taken its snapshot, since Batch's status trails the container's by
seconds; joining it could lose the edit, at the price of at most one run more. So STARTING
counts as running. While jobs run at most one waits, since the next refresh joins that one.

A waiting job of another revision of the job definition is not joined: it would run older code.
Nor is one that somebody has stopped, though Batch may still show it as waiting. Nor does a
refresh that is to publish whatever the gate says join one that is not.

A refresh shared by many machines (`trigger.chain`) has begun when its plan has: its other jobs
wait for hours while the plan's database is long read, and are never joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
)

from trigger import chain, logs
from trigger.claim import LEASE, Held
from trigger.errors import SubmissionUnknown
from trigger.reasons import given_up, is_lost
from trigger.services import Services
from trigger.sizing import shards_for_next

if TYPE_CHECKING:
    from mypy_boto3_batch.literals import JobStatusType

WAITING: tuple[JobStatusType, ...] = ("SUBMITTED", "PENDING", "RUNNABLE")
"""States in which a job has certainly not read the database."""

SETTLING = timedelta(minutes=2)
"""For so long a job just submitted may be missing from Batch's answers."""


def submit_or_join(services: Services, *, cause: str, force: bool = False) -> dict[str, Any]:
    """Make sure that a job is waiting which will see everything edited until now.

    Parameters
    ----------
    cause
        For the log: `refresh`, `schedule` or `request`.
    force
        The job shall publish whatever the gate says.

    Returns
    -------
    dict
        `jobArn`, `jobId`, `jobName`, `status`, and `coalesced`, True for a job that was joined. Of
        a refresh shared by many machines it is the job that publishes, in the plan's status.

    Raises
    ------
    Busy
        When others held the claim for too long.
    SubmissionUnknown
        When Batch did not answer. The claim is left to expire, so that nobody submits again
        before Batch can show the job.
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        Whatever AWS refuses.
    """
    claim = services.claim()
    started = services.now()
    held = claim.acquire()
    last_job = _noted_job(held)
    try:
        job = _waiting_job(services, last_job, force=force)
        coalesced = job is not None
        if job is None:
            shards, seconds = shards_for_next(services, held.note or {})
            job = _submit(services, held, shards=shards, force=force)
            last_job = {
                **job,
                "submittedAt": services.now().isoformat(),
                "force": force,
                "searchSeconds": seconds,
            }
        elif job["jobId"] != (last_job or {}).get("jobId"):
            job = _completed(services, job, last_job)
    except SubmissionUnknown as error:
        # The claim is left to expire: until then Batch will show the job, if there is one.
        logs.decision("refresh.unknown", level="error", cause=cause, error=str(error))
        raise
    except BaseException:
        claim.release(held, note=held.note)
        raise
    claim.release(held, note=last_job or held.note)
    logs.decision(
        "refresh.joined" if coalesced else "refresh.submitted",
        cause=cause,
        jobId=job["jobId"],
        jobName=job["jobName"],
        status=job["status"],
        seconds=round((services.now() - started).total_seconds(), 3),
    )
    logs.metrics(
        {
            "RefreshRequests": (1, "Count"),
            "RefreshJoined": (int(coalesced), "Count"),
            "QueueAge": (_age_seconds(services, job), "Seconds"),
        }
    )
    return {
        **{key: job[key] for key in ("jobArn", "jobId", "jobName", "status")},
        "coalesced": coalesced,
    }


def _submit(services: Services, held: Held, *, shards: int, force: bool) -> dict[str, Any]:
    """Submit a refresh: one job, or with `shards` a chain; the job that publishes."""
    now = services.now()
    created = int(now.timestamp() * 1000)
    if not shards:
        name = f"refresh-{services.settings.environment}-{now:%Y%m%dT%H%M%S}-{held.holder[:8]}"
        request = chain.refresh_request(services, name=name, now=now, force=force)
        return {**_take(services, request), "status": "SUBMITTED", "createdAt": created}
    request = chain.plan_request(services, holder=held.holder, now=now, shards=shards, force=force)
    plan = _take(services, request)
    finish = _submit_rest(services, plan, chain.next_requests(services, plan, request))
    return {
        **finish,
        "status": "SUBMITTED",
        "createdAt": created,
        "planJobId": plan["jobId"],
    }


def _submit_rest(
    services: Services,
    plan: Mapping[str, Any],
    requests: list[dict[str, Any]],
    *,
    searching: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Submit the steps that follow a plan, but for a search that is there; what publishes."""
    search, finish = requests
    searching = searching or _take(services, search)
    # On the plan too: were the search to be removed from Batch's memory, the plan would not be.
    finish["dependsOn"] = [{"jobId": plan["jobId"]}, {"jobId": searching["jobId"]}]
    return _take(services, finish)


def _completed(
    services: Services, job: Mapping[str, Any], noted: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """Return the job that publishes for one that waits; complete a chain that breaks off.

    `noted` is the job that the request before submitted: Batch may not list it yet.
    """
    if chain.step_of(job) != "plan":
        return job
    found = chain.find_chain(services, job)
    steps = found.jobs if found else {}
    finish = steps.get("finish")
    if finish is None and noted is not None and noted.get("planJobId") == job["jobId"]:
        finish = noted
    if finish is None or is_lost(finish):
        logs.decision("chain.completed", level="warning", jobId=job["jobId"])
        searching = steps.get("shard")
        if searching is not None and is_lost(searching):
            searching = None
        requests = chain.next_requests(services, job)
        finish = _submit_rest(services, job, requests, searching=searching)
    names = {key: finish[key] for key in ("jobArn", "jobId", "jobName")}
    return {**job, **names}


def _take(services: Services, request: dict[str, Any]) -> dict[str, Any]:
    """Submit one job; what is known of it at once."""
    try:
        answer = services.submitting.submit_job(**request)
    except (BotoCoreError, ClientError) as error:
        if _certainly_refused(error):
            raise
        raise SubmissionUnknown(
            f"Batch did not say whether it took job {request['jobName']}: {error}. The next "
            f"refresh, from {LEASE.total_seconds():.0f} s on, joins it or submits anew"
        ) from error
    return {
        "jobArn": answer["jobArn"],
        "jobId": answer["jobId"],
        "jobName": answer["jobName"],
        "jobDefinition": services.settings.job_definition,
    }


def _certainly_refused(error: BotoCoreError | ClientError) -> bool:
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        return 400 <= int(status) < 500
    return isinstance(error, EndpointConnectionError | ConnectTimeoutError)


def _noted_job(held: Held) -> Mapping[str, Any] | None:
    """Return the job the holder before submitted, if all is noted that is read of it."""
    note = held.note or {}
    needed = ("jobId", "jobArn", "jobName", "jobDefinition", "status", "submittedAt")
    if not all(isinstance(note.get(key), str) for key in needed):
        return None
    try:
        zone = datetime.fromisoformat(note["submittedAt"]).tzinfo
    except ValueError:
        return None
    return note if zone else None


def _waiting_job(
    services: Services, last_job: Mapping[str, Any] | None, *, force: bool
) -> Mapping[str, Any] | None:
    """Return the oldest job that still waits, asked for when its status was last certain.

    Of a chain it is the plan, unless Batch cannot show it yet.
    """
    candidates = {str(job["jobId"]) for job in _listed(services)}
    last_id = None
    if last_job is not None:
        last_id = str(last_job.get("planJobId") or last_job["jobId"])
        candidates.add(last_id)
    # A listing is older than its answer: the status that counts is asked for afterwards.
    found: dict[str, Mapping[str, Any]] = {}
    ids = sorted(candidates)
    for start in range(0, len(ids), 100):  # DescribeJobs takes 100
        answer = services.batch.describe_jobs(jobs=ids[start : start + 100])
        found.update({job["jobId"]: job for job in answer["jobs"]})
    settings = services.settings
    # A chain of before the owner went back to one machine could not be completed.
    joined = (None, "plan") if settings.chain else (None,)
    waiting = [
        job
        for job in found.values()
        if job["status"] in WAITING
        and not given_up(job)
        and job["jobDefinition"] == settings.job_definition
        and chain.step_of(job) in joined
        and chain.is_forced(job) >= force
    ]
    if waiting:
        return min(waiting, key=lambda job: (job.get("createdAt", 0), job["jobId"]))
    if last_job is not None and last_id not in found:
        submitted = datetime.fromisoformat(last_job["submittedAt"])
        same = last_job["jobDefinition"] == settings.job_definition
        same = same and bool(last_job.get("force")) >= force
        if same and timedelta(0) <= services.now() - submitted < SETTLING:
            return last_job  # Batch cannot show it yet, so it cannot have started
    return None


def _listed(services: Services) -> Iterable[Mapping[str, Any]]:
    for status in WAITING:
        pages = services.batch.get_paginator("list_jobs").paginate(
            jobQueue=services.settings.job_queue, jobStatus=status
        )
        for page in pages:
            yield from page["jobSummaryList"]


def _age_seconds(services: Services, job: Mapping[str, Any]) -> float:
    created = datetime.fromtimestamp(job.get("createdAt", 0) / 1000, tz=UTC)
    return max(0.0, round((services.now() - created).total_seconds(), 1))
