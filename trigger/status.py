"""How a job is doing, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trigger import logs
from trigger.errors import UnknownJob
from trigger.reasons import why_ended, why_waiting
from trigger.services import Services
from trigger.text import json_object, shortened

LINES_FOR_CAUSE = 20
"""Last log lines searched for the sentence with which the job failed."""

_LONGEST_CAUSE = 500


def look_up(services: Services, job_id: str) -> Mapping[str, Any]:
    """Return a job as `DescribeJobs` gives it.

    Raises
    ------
    UnknownJob
        When Batch does not know the job.
    """
    found = services.batch.describe_jobs(jobs=[job_id])["jobs"]
    if not found:
        raise UnknownJob(
            f"Batch knows no job {job_id!r}; it forgets finished jobs after about a week, "
            "and ids of another region or account are unknown to it"
        )
    return found[0]


def describe(
    services: Services,
    job: Mapping[str, Any],
    *,
    log_lines: int = 0,
    since: int | None = None,
) -> dict[str, Any]:
    """Describe a job that Batch has told about, by `DescribeJobs` or in an event.

    Parameters
    ----------
    job
        A job as `DescribeJobs` gives it, or the `detail` of Batch's event.
    log_lines
        How many of the last lines of its log to read.
    since
        As `in_words` takes it.

    Returns
    -------
    dict
        `jobId`, `status` (Batch's word), `reason` (a sentence), `attempts` (one object for each
        attempt that ended: `number`, `reason`, `exitCode`, `startedAt`, `stoppedAt`, `logStream`),
        `startedAt`, `stoppedAt` (ISO 8601 in UTC or None), `logStream` (or None), and `log` if
        asked for.
    """
    failed, succeeded = (job.get("status") == status for status in ("FAILED", "SUCCEEDED"))
    stream = stream_of(job)
    wanted = max(log_lines, LINES_FOR_CAUSE if failed or succeeded else 0)
    lines = last_lines(services, stream, wanted) if stream and wanted else []
    cause = _cause(lines) if failed else _changed(lines) if succeeded else None
    # What is PENDING waits for another job, hours long in a chain, and for no instance.
    if job.get("status") in ("SUBMITTED", "RUNNABLE"):
        waited = _seconds_between(_waiting_since(job, since), services.now())
        logs.metrics({"QueueAge": (waited, "Seconds")})
    answer: dict[str, Any] = {
        "jobId": job["jobId"],
        "status": job.get("status"),
        "reason": in_words(job, now=services.now(), cause=cause, since=since),
        "attempts": [_attempt(n, a) for n, a in enumerate(ended_attempts(job), start=1)],
        "startedAt": utc_text(job.get("startedAt")),
        "stoppedAt": utc_text(job.get("stoppedAt")),
        "logStream": stream,
    }
    if log_lines:
        answer["log"] = list(lines[-log_lines:])
    return answer


def in_words(
    job: Mapping[str, Any],
    *,
    now: datetime,
    cause: str | None = None,
    since: int | None = None,
) -> str:
    """Say in one sentence how a job is doing.

    Parameters
    ----------
    job
        A job as `DescribeJobs` gives it, or the `detail` of Batch's event.
    now
        For durations of what is not over.
    cause
        The sentence the job itself gave for its failure, or for what its refresh changed, if its
        log had one.
    since
        When what the job waited for was over, in Batch's milliseconds; it can have waited for an
        instance only from then on.
    """
    status = job.get("status")
    ended = ended_attempts(job)
    allowed = attempts_allowed(job)
    again = f"attempt {min(len(ended) + 1, allowed)} of {allowed}: "
    again += why_ended(ended[-1]) if ended else ""
    match status:
        case "SUBMITTED" | "PENDING" | "RUNNABLE":
            begun = ended[-1].get("stoppedAt") if ended else _waiting_since(job, since)
            waiting = f"waiting {span(_seconds_between(begun, now))}: {why_waiting(job)}"
            return f"{again}; {waiting}" if ended else waiting
        case "STARTING":
            starting = "starting: an instance was found, the container comes up"
            return f"{again}; {starting}" if ended else starting
        case "RUNNING":
            running = f"running {span(_seconds_between(job.get('startedAt'), now))}"
            return f"{again}; {running}" if ended else running
        case "SUCCEEDED":
            stopped = moment(job.get("stoppedAt")) or now
            took = span(_seconds_between(job.get("startedAt"), stopped))
            which = f", at attempt {len(ended)} of {allowed}" if len(ended) > 1 else ""
            return f"succeeded in {took}{which}" + (f": {cause}" if cause else "")
        case "FAILED":
            sentence = f"failed: {why_ended(_last_word(job, ended))}"
            if cause:
                sentence += f": {cause}"
            return sentence + (f" (after {len(ended)} attempts)" if len(ended) > 1 else "")
        case _:
            return f"in a state this version does not know: {status}"


def _waiting_since(job: Mapping[str, Any], since: int | None) -> int:
    return max(job.get("createdAt") or 0, since or 0)


def attempts_allowed(job: Mapping[str, Any]) -> int:
    """Return how often the job may be tried, the first time included."""
    return max((job.get("retryStrategy") or {}).get("attempts") or 1, len(ended_attempts(job)))


def ended_attempts(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the attempts that are over, oldest first."""
    return [attempt for attempt in job.get("attempts") or [] if attempt.get("stoppedAt")]


def _last_word(job: Mapping[str, Any], ended: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    # A cancelled or timed-out job says so itself; otherwise the last attempt knows more.
    if not ended:
        return job
    container = {**(ended[-1].get("container") or {}), **_without_none(job.get("container"))}
    reason = job.get("statusReason") or ended[-1].get("statusReason")
    return {**job, "container": container, "statusReason": reason}


def _without_none(container: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (container or {}).items() if value is not None}


def _attempt(number: int, attempt: Mapping[str, Any]) -> dict[str, Any]:
    container = attempt.get("container") or {}
    done = container.get("exitCode") == 0
    return {
        "number": number,
        "reason": "done" if done else why_ended(attempt),
        "exitCode": container.get("exitCode"),
        "startedAt": utc_text(attempt.get("startedAt")),
        "stoppedAt": utc_text(attempt.get("stoppedAt")),
        "logStream": container.get("logStreamName"),
    }


def stream_of(job: Mapping[str, Any]) -> str | None:
    """Return the log stream of a job's newest attempt."""
    stream = (job.get("container") or {}).get("logStreamName")
    if stream:
        return str(stream)
    for attempt in reversed(job.get("attempts") or []):
        stream = (attempt.get("container") or {}).get("logStreamName")
        if stream:
            return str(stream)
    return None


def last_lines(services: Services, stream: str, count: int) -> list[str]:
    """Return the last lines of a job's log; none when it cannot be read."""
    try:
        answer = services.logs.get_log_events(
            logGroupName=services.settings.log_group,
            logStreamName=stream,
            limit=count,
            startFromHead=False,
        )
    except (BotoCoreError, ClientError) as error:
        # The stream appears with the first line; status is worth having without it.
        logs.decision("status.nolog", level="warning", logStream=stream, error=str(error))
        return []
    return [str(event["message"]) for event in answer["events"]][-count:]


def _cause(lines: Sequence[str]) -> str | None:
    """Return the message of the last error the job logged, or None."""
    for line in reversed(lines):
        entry = json_object(line)
        if entry is not None and str(entry.get("level", "")).lower() in ("error", "critical"):
            for key in ("message", "error", "detail"):
                if isinstance(entry.get(key), str) and entry[key]:
                    return shortened(str(entry[key]), _LONGEST_CAUSE)
    return None


def _changed(lines: Sequence[str]) -> str | None:
    """Return what a refresh said that it changed, or None."""
    changed = told(lines, "refresh.finished").get("changed")
    return shortened(changed, _LONGEST_CAUSE) if isinstance(changed, str) and changed else None


def told(lines: Sequence[str], event: str) -> Mapping[str, Any]:
    """Return the last line of a log that tells of an event; nothing when there is none."""
    for line in reversed(lines):
        entry = json_object(line)
        if entry is not None and entry.get("event") == event:
            return entry
    return {}


def moment(milliseconds: object) -> datetime | None:
    """Return a time as Batch tells it; None where it tells none."""
    if not isinstance(milliseconds, int | float) or milliseconds <= 0:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def _seconds_between(start: object, end: datetime) -> float:
    begun = moment(start)
    return max(0.0, round((end - begun).total_seconds(), 1)) if begun else 0.0


def utc_text(milliseconds: object) -> str | None:
    """Write a time as Batch tells it in ISO 8601; None where it tells none."""
    known = moment(milliseconds)
    return known.isoformat(timespec="seconds").replace("+00:00", "Z") if known else None


def span(seconds: float) -> str:
    """Say how long some seconds are."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
