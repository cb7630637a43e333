"""What a job looks like in an event of Batch, as far as this function reads it.

Whoever may invoke the function may send what looks like Batch's event and is not. It is compared
with this before anything is done with it; fields that are not named here are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trigger.text import one_line, shortened

LATEST_MS = 253_402_300_799_999
"""The end of the year 9999, in milliseconds since 1970: the last moment that can be written."""

_NUMBERS: Mapping[str, range] = {
    "time": range(LATEST_MS + 1),
    "code": range(-(2**31), 2**31),
    "count": range(2**31),
}

# A string names a kind of value, a mapping has fields, a list holds any number of the same, and
# `_EACH` stands for whatever the fields are called. Every field may be absent or null.
_EACH = "*"
_CONTAINER = {
    "exitCode": "code",
    "reason": "text",
    "logStreamName": "text",
    "environment": [{"name": "text", "value": "text"}],
}
_TIMES = {"createdAt": "time", "startedAt": "time", "stoppedAt": "time"}
_JOB: Mapping[str, Any] = {
    "jobArn": "text",
    "jobName": "text",
    "status": "text",
    "statusReason": "text",
    **_TIMES,
    "container": _CONTAINER,
    "attempts": [{"container": _CONTAINER, "statusReason": "text", **_TIMES}],
    "dependsOn": [{"jobId": "text"}],
    "retryStrategy": {"attempts": "count"},
    "arrayProperties": {"size": "count", "index": "count", "statusSummary": {_EACH: "count"}},
    "isCancelled": "flag",
    "isTerminated": "flag",
}


def misshapen(job: Mapping[str, Any]) -> str | None:
    """Say in a few words what of a job is not as Batch has it; None when all is well."""
    return _compare(job, _JOB, "detail")


def _compare(value: object, shape: Any, called: str) -> str | None:
    if value is None:
        return None
    if isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            return f"{called} is {_shown(value)} and no object"
        pairs = [(key, shape.get(key, shape.get(_EACH))) for key in value]
        found = (
            _compare(value[key], inner, f"{called}.{one_line(str(key))}")
            for key, inner in pairs
            if inner is not None
        )
    elif isinstance(shape, list):
        if not isinstance(value, list):
            return f"{called} is {_shown(value)} and no list"
        found = (
            f"{called}[{index}] is null"
            if each is None
            else _compare(each, shape[0], f"{called}[{index}]")
            for index, each in enumerate(value)
        )
    else:
        right = _is_a(shape, value)
        return None if right else f"{called} is {_shown(value)} and no {shape}"
    return next((words for words in found if words is not None), None)


def _is_a(kind: str, value: object) -> bool:
    if kind == "text":
        return isinstance(value, str)
    if kind == "flag":
        return isinstance(value, bool)
    return type(value) is int and value in _NUMBERS[kind]


def _shown(value: object) -> str:
    return shortened(one_line(repr(value)), 60)
