"""A sound database to read or to break."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analytics_core.databases import (
    write_database,
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return write_database(tmp_path / "bar.db")
