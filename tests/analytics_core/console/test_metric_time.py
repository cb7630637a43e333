"""The time of a metric, as CloudWatch counts it."""

from __future__ import annotations

import time
from typing import Any

from analytics_core.console.logs import metric_lines


def test_metrics_carry_the_present_time_in_milliseconds() -> None:
    before = time.time() * 1000
    lines: list[dict[str, Any]] = metric_lines(succeeded=True, seconds=1.0)
    after = time.time() * 1000
    for line in lines:
        assert int(before) <= line["_aws"]["Timestamp"] <= after
