"""What holds for every storage: bytes come back, keys are kept in."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics_core.errors import NotFound, StorageError
from analytics_core.store import LocalStorage, Storage


def test_bytes_come_back_as_written(storage: Storage) -> None:
    for data in (b"", b"\x00\xff" * 1000, "piña".encode()):
        storage.write("a/b c/ü.json", data)
        assert storage.read("a/b c/ü.json") == data


def test_a_missing_key_is_not_found(storage: Storage) -> None:
    storage.write("a/b", b"1")
    for key in ("a/c", "x", "a", "a/b/c"):
        with pytest.raises(NotFound if key != "a" else StorageError):
            storage.read(key)


def test_keys_are_listed_by_prefix_in_order(storage: Storage) -> None:
    for key in ("a/2", "a/1/x", "ab", "b/1"):
        storage.write(key, b"")
    assert storage.list("") == ["a/1/x", "a/2", "ab", "b/1"]
    assert storage.list("a/") == ["a/1/x", "a/2"]
    assert storage.list("a") == ["a/1/x", "a/2", "ab"]
    assert storage.list("none/") == []


def test_deleting_is_final_and_may_be_repeated(storage: Storage) -> None:
    storage.write("a/b/c", b"1")
    storage.delete("a/b/c")
    storage.delete("a/b/c")
    assert storage.list("") == []


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/.", "a/", "a\\b", "a\x00b", "a\nb"]
)
def test_keys_that_leave_the_place_are_refused(tmp_path: Path, key: str) -> None:
    storage = LocalStorage(tmp_path / "place")
    for act in (storage.read, storage.delete, lambda key: storage.write(key, b"1")):
        with pytest.raises(StorageError, match="not a valid key"):
            act(key)
    assert list(tmp_path.iterdir()) == []
