"""Stage results are the right ones or absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics_core.errors import StorageError
from analytics_core.store import LocalStorage, S3Storage
from analytics_core.store.base import Content
from analytics_core.store.cache import Cache

KEY = "work/cost/abc.npz"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(LocalStorage(tmp_path))


def test_what_was_saved_comes_back(cache: Cache) -> None:
    cache.save("cost", "abc", b"\x00numbers")
    assert cache.load("cost", "abc") == b"\x00numbers"
    assert cache.storage.list("work/") == [KEY]


def test_an_empty_result_is_a_result(cache: Cache) -> None:
    cache.save("cost", "abc", b"")
    assert cache.load("cost", "abc") == b""


def test_another_fingerprint_or_stage_is_absent(cache: Cache) -> None:
    cache.save("cost", "abc", b"numbers")
    assert cache.load("cost", "abd") is None
    assert cache.load("neighbors", "abc") is None


@pytest.mark.parametrize("length", [0, 1, 20, 61, 62, 63, 68])
def test_a_torn_file_is_absent(cache: Cache, length: int) -> None:
    cache.save("cost", "abc", b"numbers")
    whole = cache.storage.read(KEY)
    assert length < len(whole)
    cache.storage.write(KEY, whole[:length])
    assert cache.load("cost", "abc") is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 somebody's npz", b"\x00" * 200])
def test_a_foreign_file_is_absent(cache: Cache, content: bytes) -> None:
    cache.storage.write(KEY, content)
    assert cache.load("cost", "abc") is None


def test_every_flipped_byte_is_noticed(cache: Cache) -> None:
    cache.save("cost", "abc", b"numbers")
    whole = cache.storage.read(KEY)
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        cache.storage.write(KEY, bytes(flipped))
        assert cache.load("cost", "abc") is None, f"byte {place} was changed unnoticed"


def test_a_file_under_a_wrong_name_is_absent(cache: Cache) -> None:
    cache.save("cost", "abc", b"numbers")
    whole = cache.storage.read(KEY)
    cache.storage.write("work/cost/other.npz", whole)
    cache.storage.write("work/neighbors/abc.npz", whole)
    assert cache.load("cost", "other") is None
    assert cache.load("neighbors", "abc") is None


def test_two_machines_share_a_prefix_of_a_bucket(bucket: str, s3: Any) -> None:
    Cache(S3Storage(bucket, "job-1", s3)).save("cost", "abc", b"numbers")
    other = Cache(S3Storage(bucket, "job-1", s3))
    assert other.load("cost", "abc") == b"numbers"
    assert other.load("cost", "abd") is None


def test_an_unreachable_cache_is_an_error_not_absence(s3: Any) -> None:
    with pytest.raises(StorageError, match="no-such-bucket-here"):
        Cache(S3Storage("no-such-bucket-here", "", s3)).load("cost", "abc")


def names(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "work").rglob("*.npz"))


def test_what_the_last_runs_did_not_use_is_removed(tmp_path: Path) -> None:
    def go(run_id: str, *fingerprints: str) -> Cache:
        cache = Cache(LocalStorage(tmp_path), run_id)
        for fingerprint in fingerprints:
            if cache.load("cost", fingerprint) is None:
                cache.save("cost", fingerprint, b"numbers")
        return cache

    Cache(LocalStorage(tmp_path)).save("cost", "nobodys", b"numbers")
    go("zulu", "old", "shared")
    go("yankee", "middle", "shared")
    go("yankee", "another process of the same run")
    last = go("xray", "new", "shared")
    assert last.prune(keep=9) == ["work/cost/nobodys.npz"]
    assert last.prune(keep=2) == ["work/cost/old.npz"]  # the first by time, the last by name
    assert names(tmp_path) == ["another process of the same run", "middle", "new", "shared"]
    assert last.prune(keep=2) == []
    assert len(last.prune(keep=1)) == 2
    assert names(tmp_path) == ["new", "shared"]
    assert last.load("cost", "shared") == b"numbers"
    assert len(list((tmp_path / "work" / "used").iterdir())) == 1


def test_a_run_lists_a_result_before_it_is_written(tmp_path: Path) -> None:
    class Dying(LocalStorage):
        def write(self, key: str, data: Content, *, content_type: str = "") -> None:
            if key.endswith(".npz"):
                raise StorageError("the power went out")
            super().write(key, data)

    with pytest.raises(StorageError):
        Cache(Dying(tmp_path), "first").save("cost", "abc", b"numbers")
    Cache(LocalStorage(tmp_path)).save("cost", "abc", b"numbers")
    assert Cache(LocalStorage(tmp_path), "second").prune() == []


def test_a_damaged_list_keeps_nothing_and_stops_nobody(tmp_path: Path) -> None:
    cache = Cache(LocalStorage(tmp_path), "first")
    cache.save("cost", "abc", b"numbers")
    (listed,) = cache.storage.list("work/used/")
    cache.storage.write(listed, b"[torn")
    assert cache.prune() == []  # its own tells nothing: who knows what became of the others
    second = Cache(LocalStorage(tmp_path), "second")
    second.save("cost", "other", b"numbers")
    assert second.prune() == [KEY]


def test_a_plan_is_no_result(tmp_path: Path) -> None:
    cache = Cache(LocalStorage(tmp_path), "first")
    cache.storage.write("work/plan.json", b"{}")
    cache.save("cost", "abc", b"numbers")
    assert cache.prune() == []
    assert {"work/plan.json", KEY} <= set(cache.storage.list("work/"))


def test_a_prune_beside_another_one_removes_nothing_that_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lists of runs long gone disappear while they are walked, each in a folder of its own."""
    walked: list[str] = []
    walk = os.walk

    def overtaken(top: Path, **options: Any) -> Iterator[Any]:
        for found in walk(top, **options):
            yield found
            walked.append(str(top))
            gone = tmp_path / "work" / "used" / "gone"
            if gone.exists():
                shutil.rmtree(gone)

    for run in ("gone", "plan under way"):
        Cache(LocalStorage(tmp_path), run).save("inputs", run, b"numbers")
    mine = Cache(LocalStorage(tmp_path), "mine")
    mine.save("cost", "abc", b"numbers")
    monkeypatch.setattr(os, "walk", overtaken)
    assert mine.prune() == ["work/inputs/gone.npz"]
    assert walked
    assert names(tmp_path) == ["abc", "plan under way"]


def test_what_is_left_while_a_prune_reads_the_lists_stays(tmp_path: Path) -> None:
    class Overtaken(LocalStorage):
        def list(self, prefix: str) -> list[str]:
            keys = super().list(prefix)
            Cache(LocalStorage(tmp_path), f"beside {prefix[5:-1]}").save("cost", prefix[5:-1], b"1")
            return keys

    mine = Cache(Overtaken(tmp_path), "mine")
    mine.save("cost", "abc", b"numbers")
    assert mine.prune() == []


def test_without_its_own_list_a_run_removes_nothing(tmp_path: Path) -> None:
    for run in ("another", "mine"):
        cache = Cache(LocalStorage(tmp_path), run)
        cache.save("cost", run, b"numbers")
    shutil.rmtree(tmp_path / "work" / "used")
    assert cache.prune() == []
    assert Cache(LocalStorage(tmp_path), "a run without results").prune() == []
    assert names(tmp_path) == ["another", "mine"]


def test_in_a_bucket_nothing_is_listed_or_removed(bucket: str, s3: Any) -> None:
    Cache(S3Storage(bucket, "job-1", s3), "old").save("cost", "abc", b"numbers")
    cache = Cache(S3Storage(bucket, "job-1", s3), "new")
    assert cache.prune(keep=1) == []
    assert cache.storage.list("") == [KEY]
