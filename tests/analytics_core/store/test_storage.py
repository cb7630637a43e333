"""What holds for every storage: bytes come back, keys are kept in."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from analytics_core.errors import NotFound, StorageError
from analytics_core.store import LocalStorage, Storage, s3


def test_bytes_come_back_as_written(storage: Storage) -> None:
    for data in (b"", b"\x00\xff" * 1000, "piña".encode()):
        storage.write("a/b c/ü.json", data)
        assert storage.read("a/b c/ü.json") == data


def test_pieces_become_one_content(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_PART_BYTES", 5 << 20)  # the least S3 takes
    for pieces in ([], [b""], [b"ab", b"", b"c"], [bytes([n]) * (2 << 20) for n in range(7)]):
        storage.write("a/b", iter(pieces))
        whole = b"".join(pieces)
        assert storage.read("a/b") == whole
        assert storage.digest("a/b") == hashlib.sha256(whole).hexdigest()


def test_a_range_is_a_part(storage: Storage) -> None:
    storage.write("a/b", b"0123456789")
    assert storage.read_range("a/b", 0, 10) == b"0123456789"
    assert storage.read_range("a/b", 3, 4) == b"3456"
    assert storage.read_range("a/b", 8, 9) == b"89"
    assert storage.read_range("a/b", 5, 0) == b""
    with pytest.raises(NotFound):
        storage.read_range("a/c", 0, 1)


def test_a_copy_outlives_what_it_was_made_of(storage: Storage) -> None:
    storage.write("a/b", b"1")
    storage.write("c", b"2")
    for _ in range(2):  # the second time over itself
        storage.copy("a/b", "c")
    assert storage.read("c") == storage.read("a/b") == b"1"
    storage.write("a/b", b"3")
    assert storage.read("c") == b"1"
    storage.delete("a/b")
    assert storage.read("c") == b"1"
    assert storage.list("") == ["c"]
    with pytest.raises(NotFound):
        storage.copy("a/b", "d")


def test_without_second_names_a_file_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    storage = LocalStorage(tmp_path)
    storage.write("a", b"1")
    storage.copy("a", "b")
    assert storage.read("b") == b"1"
    assert not (tmp_path / "a").samefile(tmp_path / "b")
    assert storage.list("") == ["a", "b"]


def test_what_is_missing_has_no_digest(storage: Storage) -> None:
    with pytest.raises(NotFound):
        storage.digest("a")


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
