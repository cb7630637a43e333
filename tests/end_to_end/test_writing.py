"""A few snapshots beside a writer at full speed, and a few stops; `make torture` has hundreds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.stopping import stop_at_random
from tests.end_to_end.writing import MODES, snapshots

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mode", MODES)
def test_no_snapshot_is_torn(mode: str, tmp_path: Path) -> None:
    figures = snapshots(tmp_path, mode, wanted=10)
    assert figures.faults == []
    assert figures.snapshots == 10
    assert figures.transactions > 0


def test_stopping_anywhere(tmp_path: Path) -> None:
    figures = stop_at_random(tmp_path, wanted=4, recipes=300)
    assert figures.faults == []
    assert figures.stops == 4
