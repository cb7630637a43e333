"""Keys as files: whole or not at all, and errors in words."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from analytics_core.errors import StorageError
from analytics_core.store import LocalStorage, open_storage


def test_files_get_the_mode_the_umask_asks_for(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        LocalStorage(tmp_path).write("a", b"1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


def test_a_write_that_fails_leaves_the_old_content_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    storage.write("a", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"No space left.*free some space"):
        storage.write("a", b"new")
    assert storage.read("a") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_file_and_folder_are_flushed_around_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    flush, replace = os.fsync, Path.replace

    def note_flush(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        flush(descriptor)

    def note_replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_flush)
    monkeypatch.setattr(Path, "replace", note_replace)
    LocalStorage(tmp_path).write("a", b"1")
    assert steps == ["file", "rename", "folder"]


def test_what_a_killed_writer_left_is_no_key(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    storage.write("a/b", b"1")
    (tmp_path / "a" / ".writing-123-abc").write_bytes(b"half")
    assert storage.list("") == ["a/b"]


def test_a_file_in_a_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StorageError, match=r"out.*a file stands where a folder is needed"):
        LocalStorage(tmp_path / "out").write("a/b", b"1")


@pytest.mark.parametrize("place", ["gs://bucket/x", "s3://", "s3:///x", "file:///tmp", ""])
def test_other_places_are_refused(place: str) -> None:
    with pytest.raises(StorageError, match="use a folder or s3://bucket/prefix"):
        open_storage(place)


def test_places_are_opened_by_their_url(tmp_path: Path) -> None:
    assert open_storage(str(tmp_path)).url == str(tmp_path)
    assert open_storage("s3://bucket").url == "s3://bucket"
    assert open_storage("s3://bucket/a/b/").url == "s3://bucket/a/b"


def test_folders_that_others_remove_meanwhile_are_in_nobodys_way(tmp_path: Path) -> None:
    """Each writes, copies and removes below one folder, which is empty again and again."""
    storage = LocalStorage(tmp_path)
    storage.write("kept", b"1")

    def go(name: str) -> None:
        for _ in range(150):
            storage.write(f"a/b/{name}", b"1")
            storage.delete(f"a/b/{name}")
            storage.copy("kept", f"a/b/{name}")
            storage.delete(f"a/b/{name}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(go, "wxyz"))
    assert storage.list("") == ["kept"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write /proc/.*No such file"):
        LocalStorage("/proc/none").write("a", b"1")
