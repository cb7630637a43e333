"""The stack: the state it is in, the way out of it, and what CloudFormation stumbled over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.doctor.account import Account, stack_of
from infra.doctor.findings import Finding, ok, trouble, warning
from infra.doctor.refusals import quoted
from infra.environments import Environment
from infra.facts import PARAMETER_ROOT

NESTED = "AWS::CloudFormation::Stack"
DEEPEST = 3
"""Nested stacks within nested stacks that are looked into."""
EVENTS = 300
"""The newest events of a stack hold its last operation."""
LONG_HOURS = 1
"""An operation that takes longer waits for something that will not come."""


@dataclass(frozen=True, slots=True)
class State:
    """What a stack's state means.

    Attributes
    ----------
    meaning
        In a few words.
    way_out
        A sentence with a command; `{stack}` stands for the stack's name. Empty where nothing has
        to be done.
    """

    meaning: str
    way_out: str = ""


STATES: Mapping[str, State] = {
    "CREATE_COMPLETE": State("deployed"),
    "UPDATE_COMPLETE": State("deployed"),
    "IMPORT_COMPLETE": State("deployed"),
    "UPDATE_ROLLBACK_COMPLETE": State(
        "the last update failed and was undone; what was there before runs",
        "mend what failed and `cdk deploy {stack}` again",
    ),
    "REVIEW_IN_PROGRESS": State(
        "only a change set was made, never executed; nothing exists",
        "`cdk deploy {stack}`; when that refuses, `aws cloudformation delete-stack --stack-name "
        "{stack}` first",
    ),
    "CREATE_FAILED": State(
        "the first deployment failed and was not undone (--no-rollback)",
        "`cdk destroy {stack}`, mend what failed, `cdk deploy {stack}`",
    ),
    "ROLLBACK_COMPLETE": State(
        "the first deployment failed and was undone; the stack can only be deleted",
        "mend what failed and `cdk deploy {stack}`, which deletes it first",
    ),
    "ROLLBACK_FAILED": State(
        "the first deployment failed, and so did undoing it",
        "remove what it could not, `cdk destroy {stack}`, then `cdk deploy {stack}`",
    ),
    "UPDATE_FAILED": State(
        "an update failed and was not undone (--no-rollback)",
        "`cdk rollback {stack}`, mend what failed, `cdk deploy {stack}`",
    ),
    "UPDATE_ROLLBACK_FAILED": State(
        "an update failed, and so did undoing it",
        "mend what failed, `aws cloudformation continue-update-rollback --stack-name {stack}`, "
        "and then deploy; skip what cannot be mended by --resources-to-skip",
    ),
    "DELETE_FAILED": State(
        "it could not be deleted whole; it cannot be updated either",
        "remove what holds it (empty the bucket, all versions), then `cdk destroy {stack}`",
    ),
}
"""State of a stack that has come to rest -> what it means (CloudFormation User Guide)."""

OTHER = State(
    "no deployment from here leads there",
    "look at its events: `aws cloudformation describe-stack-events --stack-name {stack}`",
)

DELETED_FIRST = ("CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
"""States whose way out deletes the stack, which termination protection forbids."""

UNDONE = "ROLLBACK"
"""Part of the states in which CloudFormation takes back what it did."""

OPERATIONS = (
    *("CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"),
    *("REVIEW_IN_PROGRESS", "UPDATE_IN_PROGRESS"),
)
UNDOINGS = (
    *("IMPORT_ROLLBACK_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"),
)
"""States that begin an operation, and the undoing of one."""


def stack(account: Account, environment: Environment) -> Iterator[Finding]:
    """The stack is deployed, or the way out of the state it is in."""
    found = stack_of(account, environment)
    if found is None:
        yield ok(f"there is no stack {environment.stack_name} here yet")
        return
    status = found["StackStatus"]
    if status.endswith("_IN_PROGRESS") and status not in STATES:
        yield from _under_way(account, found)
        return
    state = STATES.get(status, OTHER)
    what = f"{environment.stack_name} is {status}: {state.meaning}"
    if not state.way_out:
        yield ok(what)
        return
    say = warning if status == "UPDATE_ROLLBACK_COMPLETE" else trouble
    do = state.way_out.format(stack=environment.stack_name)
    if found.get("EnableTerminationProtection") and status in DELETED_FIRST:
        do = f"{_unprotect(environment)}, then {do}"
    yield say(what, do)
    for failure in first_failures(account, found["StackId"], OPERATIONS):
        yield say(f"CloudFormation first stumbled over {failure}", "mend that")
    if status.endswith("ROLLBACK_FAILED"):
        for failure in first_failures(account, found["StackId"], UNDOINGS):
            yield say(f"it could not be undone because of {failure}", "mend that")


def leftovers(account: Account, environment: Environment) -> Iterator[Finding]:
    """Nothing lies where the stack, not there yet, wants to put its parameters."""
    if stack_of(account, environment) is not None:
        return
    root = f"{PARAMETER_ROOT}/{environment.name}"
    said = account.ask("ssm", "get_parameters_by_path", Path=root, Recursive=True)
    names = sorted(parameter["Name"] for parameter in said["Parameters"])
    if names:
        yield trouble(
            f"there is no stack {environment.stack_name}, but there are its parameters below "
            f"{root}; it cannot be made",
            f"see that nobody uses them, then aws ssm delete-parameters --names {' '.join(names)}",
        )


def _unprotect(environment: Environment) -> str:
    return (
        "`aws cloudformation update-termination-protection --no-enable-termination-protection "
        f"--stack-name {environment.stack_name}`"
    )


def _under_way(account: Account, found: dict[str, Any]) -> Iterator[Finding]:
    name, status = found["StackName"], found["StackStatus"]
    hours = _hours_since(found.get("LastUpdatedTime") or found["CreationTime"])
    waiting = ", ".join(_unfinished(account, found["StackId"])) or "nothing that it names"
    what = f"{name} has been {status} for {hours * 60:.0f} minutes; it waits for {waiting}"
    if UNDONE in status:
        yield trouble(what, "wait until it rests, then run this again")
        for failure in first_failures(account, found["StackId"], OPERATIONS):
            yield trouble(f"CloudFormation first stumbled over {failure}", "mend that")
    elif hours < LONG_HOURS:
        yield ok(what)
    else:
        cancel = (
            f"`aws cloudformation cancel-update-stack --stack-name {name}`"
            if status == "UPDATE_IN_PROGRESS"
            else "wait for CloudFormation to give up"
        )
        yield warning(what, f"look at the findings about that; if it does not move, {cancel}")


def _hours_since(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds() / 3600


def _unfinished(account: Account, stack_id: str, depth: int = 0) -> list[str]:
    """Return what a running operation waits for, by construct, through nested stacks."""
    said = account.ask("cloudformation", "describe_stack_resources", StackName=stack_id)
    names = []
    for resource in said["StackResources"]:
        if not resource["ResourceStatus"].endswith("_IN_PROGRESS"):
            continue
        inner = []
        if resource["ResourceType"] == NESTED and depth < DEEPEST:
            inner = _unfinished(account, resource["PhysicalResourceId"], depth + 1)
        names += inner or [f"{resource['LogicalResourceId']} ({resource['ResourceType']})"]
    return names


def first_failures(
    account: Account, stack_id: str, starts: tuple[str, ...], depth: int = 0
) -> list[str]:
    """Return what went wrong first since a stack was last in one of `starts`; one or none.

    Nested stacks are looked into. Resources that were only cancelled because of another are left
    out.
    """
    said = account.ask(
        "cloudformation",
        "describe_stack_events",
        StackName=stack_id,
        most=EVENTS,
        absent=("ValidationError",),
    )
    failed = [
        event
        for event in _since(said["StackEvents"] if said else [], stack_id, starts)
        if event["ResourceStatus"].endswith("_FAILED")
        and event.get("PhysicalResourceId") != stack_id
        and "cancelled" not in event.get("ResourceStatusReason", "").lower()
    ]
    if not failed:
        return []
    first = failed[-1]  # the newest come first
    if first["ResourceType"] == NESTED and first.get("PhysicalResourceId") and depth < DEEPEST:
        inner = first_failures(account, first["PhysicalResourceId"], starts, depth + 1)
        if inner:
            return inner
    reason = quoted(first.get("ResourceStatusReason", "no reason given"))
    return [f"{first['LogicalResourceId']} ({first['ResourceType']}): {reason}"]


def _since(events: list[Any], stack_id: str, starts: tuple[str, ...]) -> list[Any]:
    """Return the events since the stack last entered one of these states, newest first."""
    for number, event in enumerate(events):
        if event.get("PhysicalResourceId") == stack_id and event["ResourceStatus"] in starts:
            return events[: number + 1]
    return events
