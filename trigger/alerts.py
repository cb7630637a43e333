"""Mails about what Batch reports: a job that failed for good, and a job that cannot start.

Batch's events come through EventBridge, which delivers each at least once. A mail goes out once for
a job that failed, and once for a job and the reason for which it cannot start: an object in the
bucket is claimed before the mail and says afterwards that it is out (`trigger.claim`). It is looked
at before anything else, since ten thousand shards of a chain may fail at once. Should the function
die in between, the claim expires and the next delivery, or Lambda's retry, sends the mail,
perhaps a second time: rather twice than never. For the same reason the mail goes out when that
object is out of reach.

Of a chain (`trigger.chain`) several jobs fail at once: a shard, then the array it is of, then what
depends on that. They share one note and so one mail, which names the job it began with; what only
failed because another did is not mailed about.

Everything in a mail that was written elsewhere (reasons, names, lines of the log) is made into
plain lines of bounded length first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trigger import logs
from trigger.chain import chain_name, find_chain, step_of
from trigger.errors import InvalidSettings, NoAccess
from trigger.progress import Culprit, find_culprit, listed
from trigger.reasons import what_to_do, why_waiting
from trigger.services import Services
from trigger.status import attempts_allowed, describe, ended_attempts
from trigger.text import ascii_only, json_object, one_line, shortened

COUNTED = (1, 3, 4, 5)
"""Exit codes with which the command that publishes says that it failed, and counts that itself."""

LAST_LINES = 15
"""Lines of the job's log in a mail."""

LONGEST_SUBJECT = 99
"""Characters; SNS wants fewer than 100, in ASCII."""

LONGEST_LINE = 300
"""Characters of a line of the log, or of an attempt's reason, in a mail."""

_LONGEST_REASON = 1000
_READ_LINES = 60  # metrics among them are left out
_STATUS = "scripts/trigger-analytics-refresh.sh {environment} --status {job_id}"
_STOP = "scripts/trigger-analytics-refresh.sh {environment} --stop {job_id}"

DEPENDENT = "Dependent Job failed"
"""In Batch's reason for a job that never ran, since one it depends on failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What SNS gets."""

    subject: str
    body: str
    counted: bool = True
    """False where a refresh failed that wrote no `RefreshFailure` itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a job is to its owner, by the first part of its name."""

    name: str
    consequence: str
    again: str


_KINDS = {
    "refresh": _Kind(
        name="refresh",
        consequence="What is published is unchanged, only older.",
        again="scripts/trigger-analytics-refresh.sh {environment} --wait",
    ),
    "load": _Kind(
        name="load of a database",
        consequence=(
            "What is published is unchanged. The database is the old one or the new one as a "
            "whole, most likely the old one; loading it again does no harm."
        ),
        again="scripts/load-database.sh {environment} site.db",
    ),
}
_OTHER = _Kind(
    name="job",
    consequence="What is published is unchanged, unless this job was to change it.",
    again="the way it was submitted",
)


def tell_failed(services: Services, job: Mapping[str, Any]) -> dict[str, Any]:
    """Send the mail about a job that failed for good, unless it is out.

    Parameters
    ----------
    job
        The `detail` of Batch's event.

    Returns
    -------
    dict
        `jobId`, and `mail`: `sent`, `sent before`, or `none` for a job that failed only since
        another of its chain did.

    Raises
    ------
    Busy
        When another delivery was at it for too long; the next one finds out how it ended.
    InvalidSettings
        When there is no topic.
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        When SNS refuses.
    """
    name = chain_name(job)
    if name is not None and DEPENDENT in str(job.get("statusReason")):
        logs.decision("alert.ignored", jobId=job["jobId"], reason="another job of its chain failed")
        return {"jobId": job["jobId"], "mail": "none"}
    return _send_once(
        services,
        job,
        about="failed",
        chain=name,
        compose=lambda: failure(services, _explained(services, job)),
    )


def tell_blocked(services: Services, job: Mapping[str, Any]) -> dict[str, Any]:
    """Send the mail about a job that cannot start and holds up the queue, unless it is out.

    Parameters, returns and raises as `tell_failed`.
    """
    # What follows names the instance type, which changes while the reason stays the same.
    reason = str(job.get("statusReason") or "").partition(" - ")[0]
    about = f"blocked-{hashlib.sha256(reason.encode(errors='replace')).hexdigest()[:16]}"
    return _send_once(
        services,
        job,
        about=about,
        chain=chain_name(job),
        compose=lambda: blockage(services, job),
    )


def failure(services: Services, job: Mapping[str, Any]) -> Mail:
    """Compose the mail about a failed job, of a chain about the one it began with."""
    kind = _kind(job)
    culprit, rest = _culprit(services, job)
    asked, job = job, culprit.job
    told = describe(services, job, log_lines=_READ_LINES)
    what = f"{culprit.what}: " if culprit.what else ""
    reason = one_line(what + told["reason"].removeprefix("failed: "))
    environment = services.settings.environment
    names = {"environment": environment, "job_id": str(asked["jobId"]).partition(":")[0]}
    lines = [
        f"The {kind.name} of the cocktail analytics ({environment}) failed.",
        "",
        f"Why: {shortened(reason, _LONGEST_REASON)}",
        "",
        kind.consequence,
        *([f"{listed(culprit.others).capitalize()} failed too."] if culprit.others else []),
        "",
        f"See more:   {_STATUS.format(**names)}",
        *([f"Stop the rest: {_STOP.format(**names)}"] if rest else []),
        f"Run again:  {kind.again.format(**names)}",
        "",
        f"Job:        {_name(job)}",
        f"Started:    {told['startedAt'] or 'never'}",
        f"Ended:      {told['stoppedAt'] or 'unknown'}",
        f"Attempts:   {len(told['attempts'])} of {attempts_allowed(job)}",
        *(
            f"  {attempt['number']}: {shortened(one_line(attempt['reason']), LONGEST_LINE)}"
            for attempt in told["attempts"][:10]
        ),
        "",
        *_last_lines(told["log"]),
    ]
    return Mail(
        subject=_subject(f"Cocktail analytics ({environment}): {kind.name} failed: {reason}"),
        body="\n".join(lines) + "\n",
        counted=_is_counted(job),
    )


def blockage(services: Services, job: Mapping[str, Any]) -> Mail:
    """Compose the mail about a job that cannot start."""
    reason = one_line(why_waiting(job))
    environment = services.settings.environment
    names = {"environment": environment, "job_id": job["jobId"]}
    said = one_line(str(job.get("statusReason") or "nothing"))
    lines = [
        f"A job of the cocktail analytics ({environment}) cannot start and holds up the queue.",
        "",
        f"Why: {shortened(reason, _LONGEST_REASON)}",
        f"Batch says: {shortened(said, _LONGEST_REASON)}",
        "",
        f"What to do: {what_to_do(job)}",
        "What is published is unchanged, only older. The job starts by itself once it can.",
        "",
        f"See more:   {_STATUS.format(**names)}",
        f"Give up:    {_STOP.format(**names)}",
        "",
        f"Job:        {_name(job)}",
    ]
    return Mail(
        subject=_subject(f"Cocktail analytics ({environment}): a job cannot start: {reason}"),
        body="\n".join(lines) + "\n",
    )


def _culprit(services: Services, job: Mapping[str, Any]) -> tuple[Culprit, bool]:
    """Return the job with which a failure began, and whether others of its chain still run."""
    alone = Culprit(job=job, what="")
    if chain_name(job) is None:
        return alone, False
    try:
        chain = find_chain(services, job)
        found = find_culprit(services, chain, job) if chain else None
    except (BotoCoreError, ClientError) as error:
        logs.decision("alert.unasked", level="warning", jobId=job["jobId"], error=str(error))
        return alone, True
    array = chain.jobs.get("shard") if chain else None
    rest = array is not None and array["status"] not in ("SUCCEEDED", "FAILED")
    return found or alone, rest and ":" in str(job["jobId"])


def _explained(services: Services, job: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is known of a failed job.

    Batch reports FAILED when no attempt is left, and with the event comes the whole job. Where the
    event says nothing of why, Batch is asked; that it has forgotten the job, or answers with an
    older state, does no harm.
    """
    if ended_attempts(job) or job.get("statusReason"):
        return job
    try:
        found = services.batch.describe_jobs(jobs=[job["jobId"]])["jobs"]
    except (BotoCoreError, ClientError) as error:
        logs.decision("alert.unasked", level="warning", jobId=job["jobId"], error=str(error))
        return job
    return {**job, **found[0]} if found and found[0]["status"] == "FAILED" else job


def _send_once(
    services: Services,
    job: Mapping[str, Any],
    *,
    about: str,
    chain: str | None,
    compose: Callable[[], Mail],
) -> dict[str, Any]:
    topic = services.settings.alert_topic_arn
    if topic is None:
        raise InvalidSettings(
            "environment variable ALERT_TOPIC_ARN is not set; the stack sets it, so deploy again"
        )
    job_id = job["jobId"]
    claim = services.claim(f"{services.settings.told_prefix}{chain or job_id}/{about}.json")
    try:
        held = claim.acquire(final=True)
    except (BotoCoreError, ClientError, NoAccess) as error:
        logs.decision("alert.unguarded", level="warning", jobId=job_id, error=str(error))
        _publish(services, topic, job_id, compose())
        return {"jobId": job_id, "mail": "sent"}
    if held.note is not None:
        logs.decision("alert.known", jobId=job_id, about=about)
        return {"jobId": job_id, "mail": "sent before"}
    note = None
    try:
        note = _publish(services, topic, job_id, compose())
        return {"jobId": job_id, "mail": "sent"}
    finally:
        # Without a note after an error: the next try need not wait for the claim to expire.
        claim.release(held, note=note)


def _publish(services: Services, topic: str, job_id: str, mail: Mail) -> dict[str, Any]:
    answer = services.sns.publish(TopicArn=topic, Subject=mail.subject, Message=mail.body)
    message_id = str(answer["MessageId"])
    logs.decision("alert.sent", jobId=job_id, subject=mail.subject, messageId=message_id)
    if not mail.counted:
        logs.metrics({"RefreshFailure": (1, "Count")})
    return {"sentAt": services.now().isoformat(), "messageId": message_id}


def _kind(job: Mapping[str, Any]) -> _Kind:
    return _KINDS.get(str(job.get("jobName")).partition("-")[0], _OTHER)


def _is_counted(job: Mapping[str, Any]) -> bool:
    """Whether a failure is none of a refresh, or was counted by the job itself."""
    last = [job, *ended_attempts(job)][-1]
    itself = (last.get("container") or {}).get("exitCode") in COUNTED
    return _kind(job) is not _KINDS["refresh"] or (itself and step_of(job) in (None, "finish"))


def _name(job: Mapping[str, Any]) -> str:
    return f"{shortened(one_line(str(job.get('jobName'))), LONGEST_LINE)} ({job['jobId']})"


def _subject(text: str) -> str:
    plain = one_line(ascii_only(text))
    return plain if len(plain) <= LONGEST_SUBJECT else plain[: LONGEST_SUBJECT - 3] + "..."


def _last_lines(log: Sequence[str]) -> Iterator[str]:
    lines = [line for line in map(_readable, log) if line][-LAST_LINES:]
    if not lines:
        yield "There are no last lines: it wrote none, or its log could not be read."
        return
    yield "Its last lines:"
    for line in lines:
        yield f"  {shortened(line, LONGEST_LINE)}"


def _readable(line: str) -> str:
    """Write a line of the job's log as a person would; nothing for metrics."""
    entry = json_object(line)
    if entry is None or not isinstance(entry.get("event"), str):
        return "" if entry is not None and "_aws" in entry else one_line(line)
    rest = dict(entry)
    head = [str(rest.pop(key, "")) for key in ("timestamp", "level", "event")]
    message = rest.pop("message", None)
    for key in ("run_id", "job_id", "attempt", "traceback"):
        rest.pop(key, None)
    facts = [f"{key}={value}" for key, value in rest.items() if not isinstance(value, dict | list)]
    return one_line(" ".join([*head, *([str(message)] if message else []), *facts]))
