"""A few kills of each kind; `make torture` has hundreds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analytics_core.store import LocalStorage, S3Storage
from tests.analytics_core.databases import cut_down_sample
from tests.end_to_end.kills import kill_at_random
from tests.servers import AwsServer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("shards", [0, 2])
def test_kills_in_a_folder(shards: int, tmp_path: Path) -> None:
    database = cut_down_sample(tmp_path / "bar.db", 40)
    output = LocalStorage(tmp_path / "out")
    figures = kill_at_random(database, output, str(tmp_path / "work"), kills=3, shards=shards)
    assert figures.faults == []
    assert figures.kills >= 3
    assert figures.sets_read > 1


def test_kills_beside_s3(aws: AwsServer, s3: Any, bucket: str, tmp_path: Path) -> None:
    database = cut_down_sample(tmp_path / "bar.db", 40)
    output, work = S3Storage(bucket, "out", s3), f"s3://{bucket}/work"
    figures = kill_at_random(database, output, work, kills=3, env=aws.environment)
    assert figures.faults == []
    assert figures.kills >= 3
    assert figures.sets_read > 1
