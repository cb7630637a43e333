"""What Batch, ECS and exit codes say, in words for somebody who does not know them.

Batch spreads the truth over four places: `statusReason` of the job, `statusReason` of an attempt,
`container.reason` of an attempt, and the exit code. The tables are ordered: the first match wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trigger.text import shortened

ENDED: tuple[tuple[str, str], ...] = (
    (r"^Host EC2", "Spot capacity was reclaimed"),
    (r"^OutOfMemory", "out of memory; give the job more memory (memory_mib)"),
    (
        r"CannotPull\w*Error.*no space left",
        "the container image did not fit on the instance's disk",
    ),
    (
        r"CannotPull\w*Error.*(: not found|manifest .*not found|manifest unknown)",
        "the container image is not in the registry; deploy again",
    ),
    (
        r"CannotPull\w*Error",
        "the container image could not be pulled; look at the network's way to the registry",
    ),
    (
        r"(VolumeDriver|EFS utils|mount\.nfs|mount\.efs).*[Aa]ccess denied",
        "the file system refused the job; look at its policy, its access point and the job's role",
    ),
    (
        r"(VolumeDriver|EFS utils).*([Ff]ailed to resolve|Name or service not known)",
        (
            "the file system's address is unknown; look for a mount target in each zone of the "
            "instances, a new one takes minutes"
        ),
    ),
    (
        r"VolumeDriver|EFS utils|mount\.(nfs|efs)|failed to mount|CannotCreateVolumeError",
        "the file system could not be mounted; look at its mount targets and security groups",
    ),
    (
        r"initialize logging driver|create Cloudwatch log stream",
        "the job's log could not be opened; look at the network's way to CloudWatch Logs",
    ),
    (
        r"unable to assume the role",
        "a role of the job could not be assumed; look at whom it trusts",
    ),
    (
        r"exec format error",
        "the image was built for another processor; it has to be linux/arm64",
    ),
    (
        r"CannotInspectContainerError",
        "the container ended, but the instance did not say in time how",
    ),
    (
        r"(Docker|ContainerRuntime)TimeoutError|Could not transition to [^;]*; timed out",
        "the instance's container service did not answer in time",
    ),
    (
        r"ResourceInitializationError|CgroupError|Agent could not create task's platform resources",
        "the container's surroundings could not be prepared",
    ),
    (r"Cannot\w*(Container|Volume)Error", "the container could not be started"),
    (r"Job attempt duration exceeded timeout", "it ran longer than the time limit"),
    (
        r"JobStateTimeLimit.*INSUFFICIENT_INSTANCE_CAPACITY",
        "cancelled: no Spot capacity within the limit; ask again later",
    ),
    (
        r"JobStateTimeLimit.*MISCONFIGURATION",
        "cancelled: no listed instance can run it; compare its vCPUs and memory with them",
    ),
    (r"JobStateTimeLimit", "cancelled: it could not be started within the limit"),
    (r"Task failed to start", "the container could not be started"),
    (r"Dependent Job failed", "a job it depends on failed"),
)
"""Pattern in a reason of an ended job or attempt -> sentence."""

WAITING: tuple[tuple[str, str, str], ...] = (
    (
        r"INSUFFICIENT_INSTANCE_CAPACITY",
        "no Spot capacity yet",
        (
            "Nothing at first: capacity mostly comes back, and a job that waits longer than "
            "runnable_minutes is cancelled. If it happens often, allow more instance_types or "
            "zones, or set on_demand_fallback, and deploy."
        ),
    ),
    (
        r"COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "stuck: the job needs more vCPUs than the compute environment may start (max_vcpus)",
        "Raise max_vcpus or lower vcpus, and deploy.",
    ),
    (
        r"JOB_RESOURCE_REQUIREMENT",
        "stuck: no listed instance has the vCPUs and memory the job asks for",
        (
            "Compare vcpus and memory_mib with instance_types (the agent on the instance takes a "
            "share of the memory), and deploy."
        ),
    ),
    (
        r"EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
        "stuck: EC2 does not offer the instances that were asked for",
        "Choose other instance_types or zones, and deploy.",
    ),
    (
        r"SERVICE_ROLE_PERMISSIONS",
        "stuck: Batch lacks a right of its service role",
        "See that the account has the service-linked role AWSServiceRoleForBatch, unchanged.",
    ),
    (
        r"MISCONFIGURATION",
        "stuck: the compute environment is misconfigured",
        "Read what Batch says, above, and compare it with the environment's settings.",
    ),
    (
        r"ACTION_REQUIRED",
        "stuck: the compute environment is invalid",
        (
            "Read why in `aws batch describe-compute-environments`; after a change by hand, "
            "deploying again mostly mends it."
        ),
    ),
    (
        r"UNDETERMINED",
        "blocked; Batch cannot say why",
        (
            "Look whether an instance started and joined the cluster. If it did not, look at the "
            "quotas, the network's way to ECS, and the instances' role."
        ),
    ),
)
"""Pattern in the reason of a job that has not started -> sentence, and what to do about it."""

LONGEST_READ = 1500
"""Characters of a reason that are looked at; AWS's own are far shorter."""

EXIT_CODES: Mapping[int, str] = {
    1: "an unexpected error",
    2: "the command line is wrong",
    3: "bad data",
    4: "storage could not be read or written",
    5: "too much changed at once",
    75: "interrupted; what was finished is kept",
    137: "killed, most often for want of memory",
    139: "crashed",
    143: "asked to stop",
}
"""Exit code of the container -> sentence; 0 to 75 are the command's own."""


def why_ended(record: Mapping[str, Any]) -> str:
    """Say why a job or attempt ended, from its `statusReason`, `container` and exit code.

    Parameters
    ----------
    record
        A job or one of its attempts as `DescribeJobs`, and Batch's events, give it.
    """
    container = record.get("container") or {}
    texts = [_said(container.get("reason")), _said(record.get("statusReason"))]
    for pattern, sentence in ENDED:
        if any(re.search(pattern, text) for text in texts):
            return sentence
    code = container.get("exitCode")
    said = texts[1] or texts[0]
    if given_up(record):  # whatever it ended with then
        return f"ended by hand: {said}" if said else "ended by hand"
    if code is not None and code != 0:
        return f"{EXIT_CODES.get(code, 'the container ended')} (exit {code})"
    if code == 0 and said.startswith("Essential container"):
        return "the container ended without an error (exit 0), but Batch counts it as failed"
    return said or "Batch gave no reason"


def given_up(record: Mapping[str, Any]) -> bool:
    """Whether Batch was told to end a job; for a while it may still show it as waiting."""
    return bool(record.get("isTerminated") or record.get("isCancelled"))


def is_lost(record: Mapping[str, Any]) -> bool:
    """Whether a job failed, or is about to: what was to follow it has to be submitted again."""
    return record.get("status") == "FAILED" or given_up(record)


def why_waiting(record: Mapping[str, Any]) -> str:
    """Say what a job that has not started is waiting for."""
    said = _said(record.get("statusReason"))
    for pattern, sentence, _ in WAITING:
        if re.search(pattern, said):
            return sentence
    if said:
        return said
    return {
        "SUBMITTED": "just submitted",
        "PENDING": "for another job",
        "RUNNABLE": "for an instance; a cold start takes a few minutes",
    }.get(str(record.get("status")), "for its turn")


def what_to_do(record: Mapping[str, Any]) -> str:
    """Say what somebody can do about a job that cannot start."""
    said = _said(record.get("statusReason"))
    for pattern, _, advice in WAITING:
        if re.search(pattern, said):
            return advice
    return "Read what Batch says, above, and look at the queue in the console of AWS Batch."


def _said(reason: object) -> str:
    return shortened(str(reason or ""), LONGEST_READ)
