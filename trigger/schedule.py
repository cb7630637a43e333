"""The one EventBridge schedule in which a debounced refresh waits.

It is the only state of the debounce: its time says when the refresh runs, its input says since
when an edit has been waiting. It deletes itself after it has fired.

`UpdateSchedule` knows no condition. Of two edits that move the schedule at the same moment the
slower write stands, so the quiet time may be short by what lies between the two; both edits are
older than the firing all the same, which is what counts (`trigger.debounce.GUARD`).
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from trigger import logs
from trigger.debounce import Create, Keep, Move, Pending, SubmitNow, decide
from trigger.errors import Busy
from trigger.services import Services
from trigger.submit import submit_or_join

if TYPE_CHECKING:
    from mypy_boto3_scheduler.type_defs import TargetTypeDef

TRIES = 8
"""How often a decision is made anew because another invocation was faster."""

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"
_UNUSABLE = Pending(
    fires_at=datetime.min.replace(tzinfo=UTC), since=datetime.max.replace(tzinfo=UTC)
)
"""A schedule somebody disabled or rewrote by hand: as if it had failed long ago."""


def request_refresh(services: Services, *, function_arn: str) -> dict[str, Any]:
    """Let an edit count: create, move or keep the schedule, or submit where it is due.

    Parameters
    ----------
    function_arn
        What the schedule invokes: this very function, by whatever version or alias it was called.

    Returns
    -------
    dict
        `scheduledFor` and `pendingSince`, ISO 8601 in UTC.

    Raises
    ------
    Busy
        When other invocations changed the schedule under our hands again and again.
    botocore.exceptions.ClientError
        Whatever AWS refuses.
    """
    function_arn = unqualified(function_arn)
    for attempt in range(TRIES):
        if attempt:
            services.sleep(random.uniform(0.05, 0.25) * attempt)  # noqa: S311 - not for secrets
        now = services.now()
        state = _read(services)
        decision = decide(now, state, services.settings.debounce)
        match decision:
            case Keep(pending=pending):
                pass
            case Create(pending=pending):
                if not _write(services, pending, function_arn, new=True):
                    continue
            case Move(pending=pending):
                if not _write(services, pending, function_arn, new=False):
                    continue
            case SubmitNow(since=since, remove=remove):
                if remove:
                    _delete(services)
                job = submit_or_join(services, cause="request")
                logs.decision(
                    "request.submitnow", pendingSince=since, removed=remove, jobId=job["jobId"]
                )
                return {"scheduledFor": _text(now), "pendingSince": _text(since)}
        logs.decision(
            f"request.{type(decision).__name__.lower()}",
            scheduledFor=pending.fires_at,
            pendingSince=pending.since,
            attempt=attempt + 1,
        )
        return {"scheduledFor": _text(pending.fires_at), "pendingSince": _text(pending.since)}
    raise Busy(
        f"the schedule {services.settings.schedule_name} changed {TRIES} times while this edit "
        "was being noted; try again"
    )


def unqualified(function_arn: str) -> str:
    """Return the function's ARN without version, alias or ``$LATEST``.

    The schedule's role may invoke the function itself, and a version would stay behind at the next
    deployment.
    """
    parts = function_arn.split(":")
    is_function = len(parts) > 7 and parts[2] == "lambda" and parts[5] == "function"
    return ":".join(parts[:7]) if is_function else function_arn


def _read(services: Services) -> Pending | None:
    settings = services.settings
    try:
        answer = services.scheduler.get_schedule(
            GroupName=settings.schedule_group, Name=settings.schedule_name
        )
    except ClientError as error:
        if _code(error) == "ResourceNotFoundException":
            return None
        raise
    try:
        expression = str(answer["ScheduleExpression"])
        fires_at = datetime.strptime(expression, f"at({_TIME_FORMAT})").replace(tzinfo=UTC)
        since = datetime.fromisoformat(json.loads(answer["Target"]["Input"])["pendingSince"])
    except (KeyError, TypeError, ValueError) as error:
        logs.decision("schedule.unusable", level="warning", error=str(error))
        return _UNUSABLE
    if answer.get("State") == "DISABLED" or since.tzinfo is None:
        logs.decision("schedule.unusable", level="warning", error="disabled, or without a zone")
        return _UNUSABLE
    return Pending(fires_at=fires_at, since=since)


def _write(services: Services, pending: Pending, function_arn: str, *, new: bool) -> bool:
    """Create or update the schedule; False when another invocation was faster."""
    settings = services.settings
    target: TargetTypeDef = {
        "Arn": function_arn,
        "RoleArn": settings.schedule_role_arn,
        "Input": json.dumps({"action": "refresh", "pendingSince": pending.since.isoformat()}),
        "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 20},
    }
    if settings.dead_letter_arn:
        target["DeadLetterConfig"] = {"Arn": settings.dead_letter_arn}
    try:
        write = services.scheduler.create_schedule if new else services.scheduler.update_schedule
        write(
            GroupName=settings.schedule_group,
            Name=settings.schedule_name,
            Description="The next analytics refresh; made and moved by the trigger function.",
            ScheduleExpression=f"at({pending.fires_at.astimezone(UTC):{_TIME_FORMAT}})",
            ScheduleExpressionTimezone="UTC",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            State="ENABLED",
            Target=target,
        )
    except ClientError as error:
        # Create met one that exists, or update met one that has fired and is gone, or two
        # changes met each other: look again. A missing group is a different matter.
        conflict = _code(error) == "ConflictException"
        gone = not new and _code(error) == "ResourceNotFoundException"
        if conflict or gone:
            logs.decision("request.raced", call=write.__name__, code=_code(error))
            return False
        raise
    return True


def _delete(services: Services) -> None:
    settings = services.settings
    try:
        services.scheduler.delete_schedule(
            GroupName=settings.schedule_group, Name=settings.schedule_name
        )
    except ClientError as error:
        if _code(error) != "ResourceNotFoundException":
            raise


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
