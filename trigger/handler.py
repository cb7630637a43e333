"""Lambda's entry: parse, call, return or raise."""

from __future__ import annotations

from typing import Any

from trigger import logs
from trigger.alerts import tell_blocked, tell_failed
from trigger.events import JobChanged, QueueBlocked, Refresh, Request, Status, parse
from trigger.progress import refresh_status
from trigger.schedule import request_refresh
from trigger.services import Services, connect
from trigger.submit import submit_or_join


def handler(event: object, context: Any) -> dict[str, Any]:
    """Answer one event; see `docs/operations.md` for events and answers.

    Parameters
    ----------
    event
        `{}`, `{"action": "refresh" | "request" | "status", ...}`, or an event of AWS Batch as
        EventBridge passes it on.
    context
        Lambda's; its `invoked_function_arn` is what the debounce schedule invokes.

    Raises
    ------
    TriggerError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        Everything that went wrong, so that retries, dead letters and alarms see it.
    """
    try:
        return answer(event, services=connect(), function_arn=context.invoked_function_arn)
    except Exception as error:
        logs.decision("trigger.failed", level="error", error=f"{type(error).__name__}: {error}")
        raise


def answer(event: object, *, services: Services, function_arn: str) -> dict[str, Any]:
    """Do what the event asks, with the given services."""
    match parse(event):
        case Refresh(pending_since=since, force=force):
            cause = "refresh" if since is None else f"schedule, pending since {since}"
            return submit_or_join(services, cause=cause, force=force)
        case Request():
            return request_refresh(services, function_arn=function_arn)
        case Status(job_id=job_id, log_lines=log_lines):
            return refresh_status(services, job_id=job_id, log_lines=log_lines)
        case JobChanged(job=job) if job["status"] == "FAILED":
            return tell_failed(services, job)
        case JobChanged(job=job):
            logs.decision("alert.ignored", jobId=job["jobId"], status=job["status"])
            return {"jobId": job["jobId"], "mail": "none"}
        case QueueBlocked(job=job):
            return tell_blocked(services, job)
