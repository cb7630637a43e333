"""A few races; `make torture` has hundreds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analytics_core.databases import cut_down_sample
from tests.end_to_end.racing import race
from tests.servers import aws_server

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("racers", "rounds"), [(2, 10), (10, 5)])
def test_racing_into_a_folder(racers: int, rounds: int, tmp_path: Path) -> None:
    figures = race(
        str(tmp_path / "out"),
        cut_down_sample(tmp_path / "bar.db", 12),
        racers=racers,
        rounds=rounds,
    )
    assert figures.faults == []
    assert figures.published > 0
    assert figures.sets_read > 0


def test_racing_into_a_bucket(tmp_path: Path) -> None:
    with aws_server(atomic=True) as server:
        server.client("s3").create_bucket(Bucket="racing")

        figures = race(
            "s3://racing",
            cut_down_sample(tmp_path / "bar.db", 12),
            client=server.client("s3"),
            env=server.environment,
            racers=4,
            rounds=4,
        )
    assert figures.faults == []
    assert figures.published > 0
