"""A few failures of the store; `make torture` lets each call fail in each way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analytics_core.databases import cut_down_sample
from tests.end_to_end.failing import fail_in_turn
from tests.servers import AwsServer


@pytest.mark.slow
def test_calls_to_the_store_fail(aws: AwsServer, bucket: str, tmp_path: Path) -> None:
    figures = fail_in_turn(aws, bucket, cut_down_sample(tmp_path / "bar.db", 40), each=50)
    assert figures.faults == []
    assert figures.calls > 20
