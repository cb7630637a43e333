"""Two jobs may run side by side; the one that began later has seen newer data and wins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics_core.store import LocalStorage, publish, read_published

NOW = datetime.now(UTC)


def run(storage: LocalStorage, run_id: str, began: datetime) -> Any:
    return publish(
        storage,
        run_id=run_id,
        documents={"cocktail-space": f'{{"data":["{run_id}"]}}'.encode()},
        manifest={"generated_at": began.isoformat(timespec="seconds")},
    )


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path)


def published(storage: LocalStorage) -> Any:
    return read_published(storage)["cocktail-space"]["data"]


def test_an_older_run_that_ends_last_does_not_replace_a_newer_one(storage: LocalStorage) -> None:
    run(storage, "newer", NOW - timedelta(minutes=1))
    manifest = run(storage, "older", NOW - timedelta(minutes=9))
    assert manifest["superseded_by"] == "newer"
    assert published(storage) == ["newer"]


def test_a_newer_run_replaces_an_older_one(storage: LocalStorage) -> None:
    run(storage, "older", NOW - timedelta(minutes=9))
    assert "superseded_by" not in run(storage, "newer", NOW - timedelta(minutes=1))
    assert published(storage) == ["newer"]


def test_a_run_dated_in_the_future_by_a_wrong_clock_is_replaced(storage: LocalStorage) -> None:
    run(storage, "wrong-clock", NOW + timedelta(days=400))
    run(storage, "today", NOW - timedelta(seconds=5))
    assert published(storage) == ["today"]
