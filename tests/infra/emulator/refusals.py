"""What AWS refuses and moto takes: texts in templates and in calls, each in its service's words.

The texts are those of `infra/facts_text.py`; here they are applied to what really reaches the
service, after every function of the template has been resolved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto.cloudformation import parsing
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import ServiceException
from moto.events import models as events
from moto.iam.models import iam_backends
from moto.scheduler import models as scheduler
from moto.scheduler.exceptions import ValidationException

from infra.facts_text import (
    COUNTS,
    LAMBDA_ENVIRONMENT_BYTES,
    LAMBDA_RESERVED,
    TEMPLATE,
    TEXTS,
    Text,
)
from infra.rules_text import reach
from tests.infra.emulator import universal

TARGETS_OF_A_RULE = COUNTS["AWS::Events::Rule"]["Targets"].most
GROUP_CHARACTERS = "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"

_parse = parsing.parse_resource


class Refused(ServiceException):
    """A service's answer of status 400: its code and its message."""


def check(kind: str, properties: dict[str, Any]) -> None:
    """Raise what the service of a resource type would answer to these properties."""
    for path, text in TEXTS.get(kind, {}).items():
        for place, value in reach(properties, path):
            if isinstance(value, str | int | float):
                shown = str(value).lower() if isinstance(value, bool) else str(value)
                if text.fault(shown):
                    raise refusal(kind, place, shown, text)
    for path, count in COUNTS.get(kind, {}).items():
        for place, value in reach(properties, path):
            if len(value) > count.most:
                raise Refused(
                    "ValidationException",
                    f"1 validation error detected: Value at '{place}' failed to satisfy "
                    f"constraint: Member must have length less than or equal to {count.most}",
                )
    if kind == "AWS::Lambda::Function":
        _function(properties)


def _function(properties: dict[str, Any]) -> None:
    variables = properties.get("Environment", {}).get("Variables", {})
    size = sum(len(k.encode()) + len(str(v).encode()) for k, v in variables.items())
    if size > LAMBDA_ENVIRONMENT_BYTES:
        raise Refused(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided exceeded the 4KB limit. String measured: {size}",
        )


def refusal(kind: str, place: str, value: str, text: Text) -> Refused:
    """Put a refused text in the words of its service."""
    service = kind.split("::")[1] if "::" in kind else kind
    member = place.rpartition(".")[2]
    if kind.startswith("AWS::EC2::SecurityGroup") and "Description" in place:
        what = "security group" if place == "GroupDescription" else "rule"
        return Refused(
            "InvalidParameterValue",
            f"Invalid {what} description. Valid descriptions are strings less than 256 "
            f"characters from the following set:  {GROUP_CHARACTERS}",
        )
    if service == "EC2":
        return Refused(
            "InvalidParameterValue",
            f"Value ({value}) for parameter {member} is invalid. Must be [{text.characters}].",
        )
    if member == "Sid":
        return Refused(
            "MalformedPolicyDocument",
            "Statement IDs (SID) in a single policy must be alpha-numeric.",
        )
    if service == "Lambda" and value in LAMBDA_RESERVED:
        return Refused(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {value}",
        )
    if service == "Batch":
        return Refused(
            "ClientException",
            f"Error executing request, Exception : {member} {value} {text.fault(value)}.",
        )
    code = {
        "IAM": "ValidationError",
        "CloudWatch": "ValidationError",
        "SNS": "InvalidParameter",
        "SQS": "InvalidParameterValue",
        TEMPLATE: "ValidationError",
    }.get(service, "ValidationException")
    return Refused(code, constraint(member, value, text))


def constraint(member: str, value: str, text: Text) -> str:
    """Say which constraint of a service's model a text breaks."""
    said = (
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint"
    )
    if text.stray(value) or text.shortest <= len(value) <= text.longest:
        return f"{said}: Member must satisfy regular expression pattern: {text.pattern.pattern}"
    bound = "less than or equal to" if len(value) > text.longest else "greater than or equal to"
    limit = text.longest if len(value) > text.longest else text.shortest
    return f"{said}: Member must have length {bound} {limit}"


def parse_resource(resource: dict[str, Any], within: Any) -> Any:
    """Check what a resource is given, then let moto take it."""
    check(resource["Type"], parsing.clean_json(resource.get("Properties", {}), within))
    return _parse(resource, within)


def load(original: Any) -> Any:
    """Check a template's own names and descriptions when it comes in."""

    def checked(within: Any) -> None:
        check(TEMPLATE, within._template)
        original(within)

    return checked


def _texts_of_call(named: dict[str, Any]) -> Iterator[tuple[str, str, Text]]:
    rows = TEXTS["AWS::Scheduler::Schedule"]
    for argument, member in (
        ("name", "Name"),
        ("group_name", "GroupName"),
        ("description", "Description"),
        ("schedule_expression", "ScheduleExpression"),
        ("schedule_expression_timezone", "ScheduleExpressionTimezone"),
    ):
        if named.get(argument) is not None:
            yield member[0].lower() + member[1:], str(named[argument]), rows[member]


def check_schedule(call: Any) -> Any:
    """CreateSchedule and UpdateSchedule: texts, target, and a role that the Scheduler may take."""

    def checked(backend: Any, **named: Any) -> Any:
        for member, value, text in _texts_of_call(named):
            if text.fault(value):
                raise ValidationException(constraint(member, value, text))
        strange = universal.trouble(named["target"])
        if strange is not None:
            raise ValidationException(strange)
        if not _trusted(named["target"].get("RoleArn"), "scheduler.amazonaws.com", backend):
            raise ValidationException(
                "The execution role you provide must allow AWS EventBridge Scheduler to assume "
                "the role."
            )
        return call(backend, **named)

    return checked


def _trusted(role_arn: str | None, service: str, backend: Any) -> bool:
    roles = iam_backends[backend.account_id or DEFAULT_ACCOUNT_ID]["aws"].roles.values()
    for role in roles:
        if role.arn == role_arn:
            document = role.assume_role_policy_document
            return service in (document if isinstance(document, str) else json.dumps(document))
    return False


def check_targets(put_targets: Any) -> Any:
    """PutTargets: five targets a rule."""

    def checked(rule: Any, targets: list[dict[str, Any]]) -> None:
        if len({t["Id"] for t in (*rule.targets, *targets)}) > TARGETS_OF_A_RULE:
            raise Refused(
                "LimitExceededException",
                f"The requested resource exceeds the maximum number allowed: a rule has "
                f"{TARGETS_OF_A_RULE} targets.",
            )
        put_targets(rule, targets)

    return checked


def patch() -> None:
    """Put the refusals in front of moto."""
    parsing.parse_resource = parse_resource
    parsing.ResourceMap.load = load(parsing.ResourceMap.load)
    backend = scheduler.EventBridgeSchedulerBackend
    backend.create_schedule = check_schedule(backend.create_schedule)
    backend.update_schedule = check_schedule(backend.update_schedule)
    events.Rule.put_targets = check_targets(events.Rule.put_targets)
