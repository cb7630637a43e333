"""Events as anybody may send them: any JSON, what other services send, and ours slightly wrong."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from hypothesis import strategies as st

from tests.trigger.mailbox import event_of

JSON: TypeAlias = Any
JOB_ID = "4c7599ae-0a82-49aa-ba5a-4727fcce14a8"
CHAIN = "refresh-dev-20260301T115000Z-1a2b3c4d-shard"

_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 1, 2**31, 2**63, 10**30, 1e308, float("nan"), float("inf")])
    | st.floats()
    | _TEXT
    | st.sampled_from(["", "FAILED", "SUCCEEDED", "1", "refresh", JOB_ID, f"{JOB_ID}:3", CHAIN])
)
VALUES: st.SearchStrategy[JSON] = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            _TEXT | st.sampled_from(["action", "jobId", "source", "detail", "status", "force"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
"""Whatever Python's reader makes of JSON, halves of characters and NaN included."""


def job(**changes: JSON) -> dict[str, JSON]:
    """A job that failed, as Batch tells of it."""
    stopped = {"startedAt": 1772366000000, "stoppedAt": 1772367000000}
    return {
        "jobArn": f"arn:aws:batch:eu-west-1:123456789012:job/{JOB_ID}",
        "jobName": "refresh-dev-20260301T115000-1a2b3c4d",
        "jobId": JOB_ID,
        "jobQueue": "arn:aws:batch:eu-west-1:123456789012:job-queue/queue",
        "status": "FAILED",
        "statusReason": "Essential container in task exited",
        "attempts": [
            {
                "container": {"exitCode": 3, "logStreamName": "refresh/0123", "reason": "said"},
                "statusReason": "Essential container in task exited",
                **stopped,
            }
        ],
        "createdAt": 1772365000000,
        **stopped,
        "retryStrategy": {"attempts": 1, "evaluateOnExit": []},
        "dependsOn": [],
        "container": {
            "exitCode": 3,
            "logStreamName": "refresh/0123",
            "environment": [{"name": "ANALYTICS_FORCE", "value": "1"}],
        },
        "arrayProperties": {"size": 3, "statusSummary": {"FAILED": 1, "SUCCEEDED": 2}},
        "isCancelled": False,
        "isTerminated": False,
        **changes,
    }


OURS: tuple[dict[str, JSON], ...] = (
    {},
    {"action": "refresh"},
    {"action": "refresh", "force": True},
    {"action": "refresh", "force": False, "pendingSince": "2026-03-01T11:50:00Z"},
    {"action": "request"},
    {"action": "status", "jobId": JOB_ID},
    {"action": "status", "jobId": f"{JOB_ID}:7", "logLines": 20},
    event_of(job()),
    event_of(job(status="RUNNING")),
    event_of(job(jobName=CHAIN, jobId=f"{JOB_ID}:1", jobArn=f"arn:{JOB_ID}:1")),
    event_of(job(attempts=[], statusReason=None)),
    event_of(job(status="RUNNABLE"), "Batch Job Queue Blocked"),
)
"""What the function answers."""

OTHERS: tuple[JSON, ...] = (
    {  # EventBridge's own clock
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-03-01T11:50:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:events:eu-west-1:123456789012:rule/rule"],
        "detail": {},
    },
    {  # S3
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": "bucket"}, "object": {"key": "site.db", "size": 1024}},
            }
        ]
    },
    {"Records": [{"EventSource": "aws:sns", "Sns": {"Subject": None, "Message": "{}"}}]},
    {"Records": [{"eventSource": "aws:sqs", "body": '{"action": "refresh"}', "messageId": "1"}]},
    {  # a function URL, or an HTTP API
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "action=refresh",
        "headers": {"host": "abc.lambda-url.eu-west-1.on.aws"},
        "requestContext": {"http": {"method": "POST", "path": "/", "sourceIp": "192.0.2.1"}},
        "body": '{"action": "refresh"}',
        "isBase64Encoded": False,
    },
    {"RequestType": "Create", "ResponseURL": "https://example.com/", "ResourceProperties": {}},
    event_of(job(), "Batch Service Job State Change"),
)
"""What other services send to a function that is wired wrongly."""


def _places(value: JSON) -> list[tuple[JSON, JSON]]:
    """Every container inside a value, with each of its keys."""
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        return []
    return [(value, key) for key, _ in pairs] + [p for _, inner in pairs for p in _places(inner)]


@st.composite
def mutated(draw: Callable[..., Any]) -> JSON:
    """An event that somebody meant, changed in up to three places."""
    event = copy.deepcopy(draw(st.sampled_from([*OURS, *OTHERS])))
    for _ in range(draw(st.integers(0, 3))):
        places = _places(event)
        how = draw(st.sampled_from(["replace", "remove", "add", "wrap"]))
        if how == "add" or not places:
            event[draw(_TEXT)] = draw(VALUES)
            continue
        holder, key = draw(st.sampled_from(places))
        if how == "remove":
            del holder[key]
        elif how == "wrap":
            holder[key] = [holder[key]]
        else:
            holder[key] = draw(VALUES)
    return event


ODD: tuple[JSON, ...] = (None, True, -1, 2**63, 0.5, "", "x", [], [None], [[]], {}, {"x": None})


def everywhere(event: JSON) -> Iterator[JSON]:
    """An event with each odd value in each of its places, one at a time."""
    for number in range(len(_places(event))):
        for odd in ODD:
            changed = copy.deepcopy(event)
            holder, key = _places(changed)[number]
            holder[key] = odd
            yield changed


EVENTS: st.SearchStrategy[JSON] = st.one_of(mutated(), mutated(), VALUES)


def wanted(event: JSON) -> str | None:
    """Say what docs/operations.md makes of an event, without the function's own code.

    ``submit``, ``request``, ``status``, ``told`` (by Batch), or None for whatever is refused.
    """
    if not isinstance(event, Mapping):
        return None
    if event.get("source") == "aws.batch":
        kinds = ("Batch Job State Change", "Batch Job Queue Blocked")
        return "told" if event.get("detail-type") in kinds else None
    action = event.get("action", "refresh")
    fields = set(event) - {"action"}
    if action == "refresh" and fields <= {"force", "pendingSince"}:
        since, force = event.get("pendingSince"), event.get("force", False)
        return "submit" if (since is None or type(since) is str) and type(force) is bool else None
    if action == "request" and not fields:
        return "request"
    if action == "status" and fields <= {"jobId", "logLines"}:
        job_id, lines = event.get("jobId"), event.get("logLines", 0)
        named = type(job_id) is str and re.search(r"\S", job_id)
        return "status" if named and type(lines) is int and 0 <= lines <= 200 else None
    return None
