"""One JSON object a line: decisions for people and queries, metrics in the embedded format.

Keys of a decision: `time`, `level`, `event`, `environment` and what the event is about, in
camel case. CloudWatch Logs Insights finds them without parsing, for example
``filter event = "refresh.joined"``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

NAMESPACE = "CocktailAnalytics"
"""The metric namespace shared with the job."""


def decision(event: str, /, *, level: str = "info", **facts: Any) -> None:
    """Write one line about what was decided and why.

    Parameters
    ----------
    event
        What happened, `subject.verb`, such as `refresh.joined`.
    level
        `info`, `warning` or `error`.
    **facts
        Anything JSON can hold; times as datetimes.
    """
    _write(
        {
            "time": _text(datetime.now(UTC)),
            "level": level,
            "event": event,
            "environment": _environment(),
            **facts,
        }
    )


def metrics(values: Mapping[str, tuple[float, str]]) -> None:
    """Write values in CloudWatch's embedded metric format, dimension `Environment`.

    Each metric is billed for the hours in which it is written, so only those are written that
    `ANALYTICS_METRICS` names, with commas: what an alarm or the dashboard shows.

    Parameters
    ----------
    values
        Name to (value, CloudWatch unit).
    """
    watched = os.environ.get("ANALYTICS_METRICS", "").split(",")
    values = {name: value for name, value in values.items() if name in watched}
    if not values:
        return
    _write(
        {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [["Environment"]],
                        "Metrics": [{"Name": n, "Unit": unit} for n, (_, unit) in values.items()],
                    }
                ],
            },
            "Environment": _environment(),
            **{name: value for name, (value, _) in values.items()},
        }
    )


def _environment() -> str:
    return os.environ.get("ENVIRONMENT", "local")


def _write(line: Mapping[str, Any]) -> None:
    text = json.dumps(line, default=_text, ensure_ascii=False)
    # Half a character, as an event may hold, cannot be written; its JSON escape can.
    text = text.encode(errors="backslashreplace").decode()
    # One write call: lines of concurrent threads in tests must not interleave.
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)
