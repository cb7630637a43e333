"""Jobs that do not start, or have not succeeded for long: queue, compute environments, jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from infra.doctor.account import Account, outputs_of
from infra.doctor.findings import Finding, ok, trouble, warning
from infra.doctor.refusals import quoted
from infra.environments import Environment

STUCK_MINUTES = 15
"""A cold start takes a few minutes; a job that waited longer waits for something else."""

LOADING = "load-"
"""Names of jobs that put a database in place, which are no refresh, begin so."""

CHAINED = re.compile(r"(refresh-.+-\d{8}T\d{6}Z-[0-9a-f]{8})-(plan|shard|finish)")
"""Name of a job of a refresh on many machines: the part that its jobs share, and its step."""

WAITS_FOR = {"shard": "plan", "finish": "shard"}
"""Step of such a refresh -> the step after which it can start."""

DEPENDENT = "Dependent Job failed"
"""In Batch's reason for a job that never ran, since one it depends on failed."""


def queue(account: Account, environment: Environment) -> Iterator[Finding]:
    """The job queue takes jobs."""
    found = _queue(account, environment)
    if found is None:
        return
    name = found["jobQueueName"]
    if found["state"] != "ENABLED":
        yield trouble(
            f"the job queue {name} is {found['state']}: it takes no jobs",
            f"aws batch update-job-queue --job-queue {name} --state ENABLED",
        )
    elif found["status"] != "VALID":
        yield trouble(
            f"the job queue {name} is {found['status']}: {_reason(found)}",
            f"mend that, then `cdk deploy {environment.stack_name}`",
        )
    else:
        yield ok("the job queue takes jobs")


def compute_environments(account: Account, environment: Environment) -> Iterator[Finding]:
    """The queue's compute environments are valid and may start instances."""
    for found in _compute(account, environment):
        name = found["computeEnvironmentName"]
        if found["status"] == "INVALID":
            yield trouble(
                f"the compute environment {name} is INVALID: {_reason(found)}",
                "mend what it names, then aws batch update-compute-environment "
                f"--compute-environment {name} --state DISABLED, and ENABLED again",
            )
        elif found["state"] != "ENABLED":
            yield trouble(
                f"the compute environment {name} is {found['state']}: no instance starts",
                f"aws batch update-compute-environment --compute-environment {name} "
                "--state ENABLED",
            )
        elif found["status"] != "VALID":
            yield warning(
                f"the compute environment {name} is {found['status']}: {_reason(found)}",
                "wait a few minutes and ask again",
            )
        else:
            kind = found.get("computeResources", {}).get("type", "")
            yield ok(f"the compute environment {kind} is valid")


def waiting(account: Account, environment: Environment) -> Iterator[Finding]:
    """No job waits longer than a cold start takes; if one does, for what."""
    found = _queue(account, environment)
    if found is None:
        return
    jobs = _jobs(account, found, "RUNNABLE")
    # Shards are no jobs of the queue. They are asked for by their array, which stays PENDING.
    for array in _jobs(account, found, "PENDING"):
        if "size" not in array.get("arrayProperties", {}):
            continue
        queued = _shards(account, array, "RUNNABLE")
        if queued and any(_shards(account, array, each) for each in ("RUNNING", "STARTING")):
            yield ok(f"shards of {array['jobName']} that wait for those that run: {len(queued)}")
        else:
            jobs += queued
    if not jobs:
        yield ok("no job waits for an instance")
        return
    since, oldest = min(
        ((_could_start(account, found, job), job) for job in jobs), key=lambda pair: pair[0]
    )
    minutes = _minutes_since(since)
    what = f"the job {oldest['jobName']} has waited in RUNNABLE for {minutes:.0f} minutes"
    if minutes < STUCK_MINUTES:
        yield ok(f"{what}; a cold start takes a few")
        return
    said = oldest.get("statusReason")
    if said:
        yield trouble(f"{what}: {quoted(said)}", _for_reason(said, environment))
        return
    apart = [each for each in _compute(account, environment) if _never_joined(account, each)]
    if apart:
        yield trouble(
            f"{what}: instances of {', '.join(e['computeEnvironmentName'] for e in apart)} are "
            "asked for, and none joins the cluster",
            "look at the quotas and at the network: an instance needs a public address, a NAT "
            "gateway or the endpoints to reach ECS",
        )
    else:
        yield trouble(what, "look at the compute environments, quotas and instance types above")


def _could_start(account: Account, found: dict[str, Any], job: dict[str, Any]) -> int:
    """Return since when a job waits for an instance, and for no other job."""
    created = int(job["createdAt"])
    chained = CHAINED.fullmatch(job["jobName"])
    if chained is None or chained[2] not in WAITS_FOR:
        return created
    before = f"{chained[1]}-{WAITS_FOR[chained[2]]}"
    done = _jobs(account, found, "SUCCEEDED")
    return max([created, *(_ended(each) for each in done if each["jobName"] == before)])


def _for_reason(said: str, environment: Environment) -> str:
    if "INSUFFICIENT_INSTANCE_CAPACITY" in said:
        return (
            "wait, list more instance_types (c6g, c8g, m7g), or set on_demand_fallback; it is "
            f"cancelled after {environment.runnable_minutes} minutes"
        )
    if "MAX_RESOURCE" in said:
        return "raise max_vcpus, or lower vcpus"
    if "JOB_RESOURCE_REQUIREMENT" in said:
        return "list a larger type in instance_types, or lower vcpus or memory_mib"
    return "mend what it names; Batch goes on by itself"


def _never_joined(account: Account, compute: dict[str, Any]) -> bool:
    """Tell whether Batch wants instances and the cluster has none."""
    wanted = compute.get("computeResources", {}).get("desiredvCpus", 0)
    if not wanted or not compute.get("ecsClusterArn"):
        return False
    joined = account.ask("ecs", "list_container_instances", cluster=compute["ecsClusterArn"])
    return not joined["containerInstanceArns"]


def successes(account: Account, environment: Environment) -> Iterator[Finding]:
    """The last refresh that succeeded, and the last that failed since."""
    found = _queue(account, environment)
    if found is None:
        return
    done, failed = (
        [job for job in _jobs(account, found, status) if not job["jobName"].startswith(LOADING)]
        for status in ("SUCCEEDED", "FAILED")
    )
    # Of a refresh on many machines only the last step publishes.
    done = [job for job in done if _step(job) in (None, "finish")]
    good, bad = (max(jobs, key=_ended, default=None) for jobs in (done, failed))
    again = f"scripts/trigger-analytics-refresh.sh {environment.name} --wait"
    if good is not None:
        hours = _minutes_since(_ended(good)) / 60
        what = f"the last refresh that succeeded ended {hours:.1f} hours ago"
        late = hours > environment.freshness_hours
        yield warning(f"{what}, more than freshness_hours", again) if late else ok(what)
    else:
        yield warning(
            "no refresh has succeeded in the week that Batch remembers",
            f"{again}; without a database yet, scripts/load-database.sh {environment.name} "
            "site.db --refresh",
        )
    if bad is not None and (good is None or _ended(bad) > _ended(good)):
        bad = _culprit(account, failed, bad)
        status = f"scripts/trigger-analytics-refresh.sh {environment.name} --status {bad['jobId']}"
        yield trouble(
            f"the last refresh, {bad['jobName']}, failed: {_reason(bad)}",
            f"{status} shows its log",
        )


def _culprit(
    account: Account, failed: list[dict[str, Any]], last: dict[str, Any]
) -> dict[str, Any]:
    """Return the job for which a refresh failed: of many that depend on each other, the first."""
    chained = CHAINED.fullmatch(last["jobName"])
    if chained is None:
        return last
    own = [
        job
        for job in failed
        if job["jobName"].startswith(f"{chained[1]}-") and DEPENDENT not in _reason(job)
    ]
    first = min(own, key=_ended, default=last)
    if "size" in first.get("arrayProperties", {}):  # of an array only that a child failed is said
        first = min(_shards(account, first, "FAILED"), key=_ended, default=first)
    return first


def _queue(account: Account, environment: Environment) -> dict[str, Any] | None:
    """Return the environment's queue; None before it is deployed."""
    name = outputs_of(account, environment).get("JobQueue")
    if name is None:
        return None
    found = account.ask("batch", "describe_job_queues", jobQueues=[name])["jobQueues"]
    return dict(found[0]) if found else None


def _compute(account: Account, environment: Environment) -> list[dict[str, Any]]:
    found = _queue(account, environment)
    if found is None:
        return []
    names = [each["computeEnvironment"] for each in found["computeEnvironmentOrder"]]
    said = account.ask("batch", "describe_compute_environments", computeEnvironments=names)
    return list(said["computeEnvironments"])


def _jobs(account: Account, found: dict[str, Any], status: str) -> list[Any]:
    said = account.ask("batch", "list_jobs", jobQueue=found["jobQueueArn"], jobStatus=status)
    return list(said["jobSummaryList"])


def _shards(account: Account, array: dict[str, Any], status: str) -> list[Any]:
    said = account.ask("batch", "list_jobs", arrayJobId=array["jobId"], jobStatus=status)
    return list(said["jobSummaryList"])


def _step(job: dict[str, Any]) -> str | None:
    chained = CHAINED.fullmatch(job["jobName"])
    return chained[2] if chained else None


def _ended(job: dict[str, Any]) -> int:
    return int(job.get("stoppedAt") or job["createdAt"])


def _minutes_since(milliseconds: int) -> float:
    return (datetime.now(UTC).timestamp() - milliseconds / 1000) / 60


def _reason(found: dict[str, Any]) -> str:
    return quoted(found.get("statusReason") or "Batch gives no reason")
