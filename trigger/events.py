"""What the function answers: three actions and two events of AWS Batch, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trigger.errors import InvalidEvent
from trigger.shapes import misshapen
from trigger.text import one_line, shortened

LONGEST_SHOWN = 300
"""Characters of what is wrong that its error repeats."""

LARGEST_LOG_LINES = 200
"""Log lines a status answer may carry; it must fit into Lambda's 6 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Submit now, or join a job that is still waiting.

    `pending_since` is for the log only. With `force` the job publishes also what differs so much
    that the earlier set would stay.
    """

    pending_since: str | None = None
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Submit after a quiet time, at latest after the maximum wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Tell how `job_id` is doing, with the last `log_lines` lines of its log."""

    job_id: str
    log_lines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChanged:
    """Batch says that a job changed its state; `job` is as `DescribeJobs` gives it."""

    job: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueBlocked:
    """Batch says that `job`, at the head of the queue, cannot start."""

    job: Mapping[str, Any]


Action = Refresh | Request | Status | JobChanged | QueueBlocked

_OF_BATCH: Mapping[str, type[JobChanged] | type[QueueBlocked]] = {
    "Batch Job State Change": JobChanged,
    "Batch Job Queue Blocked": QueueBlocked,
}
_JOB_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z:_-]{0,127}")

_FIELDS = {
    "refresh": ("pendingSince", "force"),
    "request": (),
    "status": ("jobId", "logLines"),
}


def parse(event: object) -> Action:
    """Turn the event into an action.

    Raises
    ------
    InvalidEvent
        With a sentence that names the known actions or fields.
    """
    if not isinstance(event, Mapping):
        raise InvalidEvent(f"the event must be a JSON object, not {type(event).__name__}")
    if event.get("source") == "aws.batch":
        return _of_batch(event)
    action = event.get("action", "refresh")
    if not isinstance(action, str) or action not in _FIELDS:
        raise InvalidEvent(f"unknown action {_shown(action)}; known actions: {', '.join(_FIELDS)}")
    unknown = sorted(str(key) for key in event if key != "action" and key not in _FIELDS[action])
    if unknown:
        known = ", ".join(("action", *_FIELDS[action]))
        raise InvalidEvent(
            f"action {action!r} does not take {_cut(', '.join(unknown))}; its fields are {known}"
        )
    if action == "request":
        return Request()
    if action == "refresh":
        since = event.get("pendingSince")
        if since is not None and not isinstance(since, str):
            raise InvalidEvent(f"pendingSince must be text, not {_shown(since)}")
        force = event.get("force", False)
        if not isinstance(force, bool):
            raise InvalidEvent(f"force must be true or false, not {_shown(force)}")
        return Refresh(pending_since=since, force=force)
    job_id = event.get("jobId")
    if not isinstance(job_id, str) or not job_id.strip():
        raise InvalidEvent(
            f"action 'status' needs jobId, the job's id as text, not {_shown(job_id)}"
        )
    lines = event.get("logLines", 0)
    if type(lines) is not int or not 0 <= lines <= LARGEST_LOG_LINES:
        raise InvalidEvent(
            f"logLines must be a whole number from 0 to {LARGEST_LOG_LINES}, not {_shown(lines)}"
        )
    return Status(job_id=job_id.strip(), log_lines=lines)


def _of_batch(event: Mapping[str, Any]) -> JobChanged | QueueBlocked:
    kind = event.get("detail-type")
    if not isinstance(kind, str) or kind not in _OF_BATCH:
        raise InvalidEvent(
            f"unknown event of Batch {_shown(kind)}; known events: {', '.join(_OF_BATCH)}"
        )
    job = event.get("detail")
    if not isinstance(job, Mapping):
        raise InvalidEvent(f"the event {kind!r} has no detail; let the rule pass the whole event")
    job_id = job.get("jobId")
    if not isinstance(job_id, str) or not _JOB_ID.fullmatch(job_id):
        raise InvalidEvent(f"the event {kind!r} names no job: jobId is {_shown(job_id)}")
    if not isinstance(job.get("status"), str):
        raise InvalidEvent(f"the event {kind!r} gives job {job_id} no status")
    wrong = misshapen(job)
    if wrong is not None:
        raise InvalidEvent(f"the event {kind!r} is not as Batch sends it: {_cut(wrong)}")
    return _OF_BATCH[kind](job=job)


def _shown(value: object) -> str:
    return _cut(repr(value))


def _cut(text: str) -> str:
    """Make what somebody sent fit for a line of the log."""
    return shortened(one_line(text), LONGEST_SHOWN)
