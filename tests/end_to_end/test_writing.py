"""A few snapshots beside a writer at full speed, and a few stops; `make torture` has hundreds."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.end_to_end.stopping import stop_at_random
from tests.end_to_end.writing import MODES, snapshots

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mode", MODES)
def test_no_snapshot_is_torn(mode: str, tmp_path: Path) -> None:
    figures = snapshots(tmp_path / "bank", mode, wanted=10, seconds=1)
    assert figures.faults == []
    assert figures.snapshots == 10
    assert figures.transactions > 0


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="only root of Linux can mount"
)
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_another_user_behind_a_read_only_mount(mode: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are for nobody else
        Path(folder).chmod(0o755)
        figures = snapshots(Path(folder) / mode, mode, wanted=5, ballast_mb=10, read_only=True)
    assert figures.faults == []
    assert figures.snapshots == 5
    assert figures.bytes > 10_000_000


def test_stopping_anywhere(tmp_path: Path) -> None:
    figures = stop_at_random(tmp_path, wanted=4, recipes=300)
    assert figures.faults == []
    assert figures.stops == 4
