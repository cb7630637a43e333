"""A refresh shared by many machines, as three jobs of Batch that wait for each other.

*plan* reads the database and divides the work, an array of *shard* jobs searches, *finish* puts
the parts together and publishes. All three are one job definition with a command of its own each,
are submitted in one go, and are named alike: ``refresh-<environment>-<plan>-<step>``. By the name
a chain is found again from any of its jobs; the part in the middle is the id of the plan, which
names the folder the three share.

*finish* is submitted last, so a chain that has one is whole. One without, since the function died
in between, is completed by whoever wants to join it, as long as its plan still waits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trigger.reasons import is_lost
from trigger.services import Services
from trigger.settings import ChainSettings, Machine

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import KeyValuePairTypeDef, SubmitJobRequestTypeDef

STEPS = ("plan", "shard", "finish")
LARGEST_ARRAY = 10_000
"""What Batch takes; the smallest is 2, so that one shard is a plain job."""

THREADS = ("ANALYTICS_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables that follow the vCPUs of a step."""

FORCE = "ANALYTICS_FORCE"
_PLAN = r"\d{8}T\d{6}Z-[0-9a-f]{8}"
_NAME = re.compile(rf"(refresh-[a-z0-9-]+-({_PLAN}))-({'|'.join(STEPS)})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The jobs of a chain.

    Attributes
    ----------
    name
        What the names of its jobs begin with.
    plan_id
        The id of its plan.
    jobs
        As `DescribeJobs` gives them, by step; what was never submitted is missing.
    """

    name: str
    plan_id: str
    jobs: Mapping[str, Mapping[str, Any]]


def step_of(job: Mapping[str, Any]) -> str | None:
    """Return the step a job is of a chain, from its name; None for every other job."""
    found = _NAME.fullmatch(str(job.get("jobName")))
    return found[3] if found else None


def chain_name(job: Mapping[str, Any]) -> str | None:
    """Return the name of a job's chain; None for a job that is of none."""
    found = _NAME.fullmatch(str(job.get("jobName")))
    return found[1] if found else None


def find_chain(services: Services, job: Mapping[str, Any]) -> Chain | None:
    """Return the chain of a job; None for a job that is of none.

    Raises
    ------
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        Whatever Batch refuses.
    """
    found = _NAME.fullmatch(str(job.get("jobName")))
    if found is None:
        return None
    pages = services.batch.get_paginator("list_jobs").paginate(
        jobQueue=services.settings.job_queue,
        filters=[{"name": "JOB_NAME", "values": [f"{found[1]}-*"]}],
    )
    listed = {str(j["jobId"]) for page in pages for j in page["jobSummaryList"]}
    # A listing may trail; what publishes depends on all others, and so names them.
    named = {str(other["jobId"]) for other in job.get("dependsOn") or [] if other.get("jobId")}
    # Children of an array have their parent's name and are not jobs of the queue.
    ids = sorted(job_id for job_id in listed | named if ":" not in job_id)[:100]
    jobs = services.batch.describe_jobs(jobs=ids)["jobs"] if ids else []
    by_step: dict[str, Mapping[str, Any]] = {}
    # A step that was submitted twice, since an answer got lost, counts as the first that did not
    # fail: one that failed, or was ended, while the plan waits is submitted again.
    order = sorted(jobs, key=lambda j: (not is_lost(j), -j.get("createdAt", 0), j["jobId"]))
    for each in order:
        if chain_name(each) == found[1]:
            by_step[str(step_of(each))] = each
    if ":" not in str(job["jobId"]):
        by_step.setdefault(found[3], job)  # which Batch may not list yet
    return Chain(name=found[1], plan_id=found[2], jobs=by_step)


def is_forced(job: Mapping[str, Any]) -> bool:
    """Whether a job publishes whatever the gate says."""
    return _variables(job).get(FORCE) == "1"


def refresh_request(services: Services, *, name: str, now: datetime, force: bool) -> dict[str, Any]:
    """Return the request that submits a refresh on one machine."""
    return _request(
        services,
        name=name,
        variables={"REFRESH_SUBMITTED_AT": now.isoformat(), **({FORCE: "1"} if force else {})},
    )


def plan_request(
    services: Services, *, holder: str, now: datetime, shards: int, force: bool
) -> dict[str, Any]:
    """Return the request that submits the first step; the others follow from what it became."""
    chain = _settings(services)
    plan_id = f"{now:%Y%m%dT%H%M%SZ}-{holder[:8]}"
    variables = {
        "REFRESH_SUBMITTED_AT": now.isoformat(),
        "ANALYTICS_PLAN": plan_id,
        "ANALYTICS_SHARDS": str(shards),
    }
    if chain.shards is None:
        variables["ANALYTICS_SHARD_MINUTES"] = f"{chain.minutes:g}"
    if force:
        variables[FORCE] = "1"
    return _request(
        services,
        name=f"refresh-{services.settings.environment}-{plan_id}-plan",
        command="plan",
        machine=chain.plan,
        variables=variables,
    )


def next_requests(
    services: Services, plan: Mapping[str, Any], request: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return the requests for the other steps; the second depends on the job of the first as well.

    Parameters
    ----------
    plan
        The plan's job, `jobId` and `jobName`.
    request
        What submitted it; by default its variables are those that `DescribeJobs` told.
    """
    chain = _settings(services)
    given = _variables({"container": request["containerOverrides"]} if request else plan)
    name, shards = str(chain_name(plan)), int(given["ANALYTICS_SHARDS"])
    both = {"ANALYTICS_PLAN": given["ANALYTICS_PLAN"]}
    alone = {"ANALYTICS_SHARD_INDEX": "0"} if shards == 1 else {}
    depends = [{"jobId": str(plan["jobId"])}]
    search = _request(
        services,
        name=f"{name}-shard",
        command="shard",
        machine=chain.shard,
        variables={**both, **alone},
    )
    if shards > 1:
        search["arrayProperties"] = {"size": shards}
    finish = _request(
        services,
        name=f"{name}-finish",
        command="finish",
        machine=chain.finish,
        variables={**both, **({FORCE: "1"} if given.get(FORCE) == "1" else {})},
    )
    return [{**search, "dependsOn": depends}, {**finish, "dependsOn": depends}]


def _request(
    services: Services,
    *,
    name: str,
    variables: Mapping[str, str],
    command: str | None = None,
    machine: Machine | None = None,
) -> dict[str, Any]:
    settings = services.settings
    environment: list[KeyValuePairTypeDef] = [{"name": k, "value": v} for k, v in variables.items()]
    request: SubmitJobRequestTypeDef = {
        "jobName": name,
        "jobQueue": settings.job_queue,
        "jobDefinition": settings.job_definition,
        "containerOverrides": {"environment": environment},
    }
    if command is not None:
        request["containerOverrides"]["command"] = ["python", "-m", "analytics_core", command]
    if machine is not None:
        environment += [{"name": variable, "value": str(machine.vcpus)} for variable in THREADS]
        request["containerOverrides"]["resourceRequirements"] = [
            {"type": "VCPU", "value": str(machine.vcpus)},
            {"type": "MEMORY", "value": str(machine.memory_mib)},
        ]
        request["timeout"] = {"attemptDurationSeconds": 60 * machine.minutes}
    return dict(request)


def _settings(services: Services) -> ChainSettings:
    chain = services.settings.chain
    if chain is None:  # nobody asks for a chain then
        raise LookupError("the function was not told how a refresh is shared by many machines")
    return chain


def _variables(job: Mapping[str, Any]) -> dict[str, str]:
    entries = (job.get("container") or {}).get("environment") or []
    return {str(entry.get("name")): str(entry.get("value")) for entry in entries}
