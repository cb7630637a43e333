"""Universal targets of the Scheduler: any call of any service, checked when the schedule is made.

The Scheduler takes no call that only reads, and no input but JSON with the members of the call's
request, spelled with a capital (Batch's own API spells them without).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, Shape, StructureShape

PREFIX = "arn:aws:scheduler:::aws-sdk:"
READING = (
    *("get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read"),
    *("lookup", "discover", "validate", "batchGet", "batchDescribe", "batchRead", "transactGet"),
    *("adminGet", "adminList", "testMigration", "retrieve", "testConnection"),
    *("translateDocument", "isAuthorized", "invokeModel"),
)


def trouble(target: dict[str, Any]) -> str | None:
    """Say why the Scheduler would refuse a universal target, None for any other or a sound one."""
    if not target["Arn"].startswith(PREFIX):
        return None
    service, _, action = target["Arn"].removeprefix(PREFIX).partition(":")
    if action.startswith(READING):
        return f"{target['Arn']} is not a supported API: it only reads"
    model = _model(service)
    if model is None or f"{action[:1].upper()}{action[1:]}" not in model.operation_names:
        return f"{target['Arn']} is not a supported service for a target."
    try:
        given = json.loads(target.get("Input", "{}"))
    except ValueError:
        return "Invalid RequestJson provided. Reason: it is not well-formed JSON"
    request = model.operation_model(f"{action[:1].upper()}{action[1:]}").input_shape
    if not isinstance(request, StructureShape):
        return None
    found = [*_strange(given, request), *_missing(given, request)]
    return f"Invalid RequestJson provided. Reason: {found[0]}" if found else None


@cache
def _model(service: str) -> Any:
    session = botocore.session.get_session()
    for name in session.get_available_services():
        if name.replace("-", "") == service:
            return session.get_service_model(name)
    return None


def _capital(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}"


def _strange(given: Any, shape: Shape) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        members = {_capital(name): member for name, member in shape.members.items()}
        for name, value in given.items():
            if name not in members:
                yield f"the field {name} is not one of {', '.join(sorted(members))}"
            else:
                yield from _strange(value, members[name])
    elif isinstance(shape, ListShape):
        for value in given:
            yield from _strange(value, shape.member)


def _missing(given: Any, shape: StructureShape) -> Iterator[str]:
    for name in shape.required_members:
        if _capital(name) not in given:
            yield f"the field {_capital(name)} is required"
