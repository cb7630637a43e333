"""Every kind of storage, for tests that hold for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics_core.store import (
    LocalStorage,
    S3Storage,
    Storage,
)


@pytest.fixture(params=["folder", "bucket", "prefix"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return LocalStorage(tmp_path / "made" / "on demand")
    s3, bucket = request.getfixturevalue("s3"), request.getfixturevalue("bucket")
    return S3Storage(bucket, "" if request.param == "bucket" else "some/prefix/", s3)
