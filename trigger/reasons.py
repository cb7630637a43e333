"""What Batch, ECS and exit codes say, in words for somebody who does not know them.

Batch spreads the truth over four places: `statusReason` of the job, `statusReason` of an attempt,
`container.reason` of an attempt, and the exit code. The tables are ordered: the first match wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ENDED: tuple[tuple[str, str], ...] = (
    (r"^Host EC2", "Spot capacity was reclaimed"),
    (r"^OutOfMemory", "out of memory; give the job more memory (memory_mib)"),
    (
        r"CannotPull\w*Error",
        "the container image could not be pulled; look at the network's way to the registry",
    ),
    (
        r"ResourceInitializationError.*EFS|EFS utils|mount\.nfs|failed to mount",
        "the file system could not be mounted; look at its mount targets and security groups",
    ),
    (r"ResourceInitializationError", "the container's surroundings could not be prepared"),
    (
        r"CannotCreateContainerError|CannotStartContainerError|Cannot\w*ContainerError",
        "the container could not be started",
    ),
    (r"DockerTimeoutError", "the instance's container service did not answer in time"),
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

WAITING: tuple[tuple[str, str], ...] = (
    (r"INSUFFICIENT_INSTANCE_CAPACITY", "no Spot capacity yet"),
    (
        r"COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "stuck: the job needs more vCPUs than the compute environment may start (max_vcpus)",
    ),
    (
        r"JOB_RESOURCE_REQUIREMENT",
        "stuck: no listed instance has the vCPUs and memory the job asks for",
    ),
    (r"SERVICE_ROLE_PERMISSIONS", "stuck: Batch lacks a right of its service role"),
    (r"MISCONFIGURATION", "stuck: the compute environment is misconfigured"),
    (r"UNDETERMINED", "blocked; Batch cannot say why"),
)
"""Pattern in the reason of a job that has not started -> sentence."""

EXIT_CODES: Mapping[int, str] = {
    1: "the refresh failed",
    2: "the command line is wrong",
    3: "bad data",
    4: "results could not be read or written",
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
    texts = [str(container.get("reason") or ""), str(record.get("statusReason") or "")]
    for pattern, sentence in ENDED:
        if any(re.search(pattern, text) for text in texts):
            return sentence
    code = container.get("exitCode")
    if code is not None and code != 0:
        return f"{EXIT_CODES.get(code, 'the container ended')} (exit {code})"
    said = texts[1] or texts[0]
    if record.get("isTerminated") or record.get("isCancelled"):
        return f"ended by hand: {said}" if said else "ended by hand"
    if code == 0 and said.startswith("Essential container"):
        return "done"
    return said or "Batch gave no reason"


def why_waiting(record: Mapping[str, Any]) -> str:
    """Say what a job that has not started is waiting for."""
    said = str(record.get("statusReason") or "")
    for pattern, sentence in WAITING:
        if re.search(pattern, said):
            return sentence
    if said:
        return said
    return {
        "SUBMITTED": "just submitted",
        "PENDING": "for Batch to accept it",
        "RUNNABLE": "for an instance; a cold start takes a few minutes",
    }.get(str(record.get("status")), "for its turn")
