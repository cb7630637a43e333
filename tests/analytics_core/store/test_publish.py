"""A set of documents becomes visible as a whole, whenever the writer dies."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from analytics_core.errors import NotFound, StorageError
from analytics_core.store import (
    LocalStorage,
    S3Storage,
    Storage,
    prune_runs,
    publish,
    read_manifest,
    read_published,
)
from analytics_core.store.base import Content
from analytics_core.store.publish import MANIFEST_KEY, _settle_stable_keys
from tests.servers import AwsServer

KINDS = ("cocktail-space", "recipe-similar")


def documents(run: str) -> dict[str, bytes]:
    return {kind: json.dumps({"data": [run, kind, "piña"]}).encode() for kind in KINDS}


def publish_run(storage: Storage, run: str, generated_at: str = "2026-01-01") -> dict[str, Any]:
    return publish(
        storage,
        run_id=run,
        documents=documents(run),
        manifest={"generated_at": generated_at},
        extras={"report.html": f"<p>{run}".encode()},
    )


def assert_whole(storage: Storage, run: str) -> None:
    published = read_published(storage)
    assert published["manifest"]["run_id"] == run
    assert {kind: published[kind]["data"][0] for kind in KINDS} == dict.fromkeys(KINDS, run)
    page = published["manifest"]["extras"]["report.html"]
    assert storage.read(page["key"]) == f"<p>{run}".encode()


def test_a_published_set_comes_back(storage: Storage) -> None:
    manifest = publish_run(storage, "r1")
    assert_whole(storage, "r1")
    assert read_manifest(storage) == manifest
    for kind, data in documents("r1").items():
        assert storage.read(f"analytics/v1/{kind}.json") == data
        assert manifest["documents"][kind] == {
            "key": f"analytics/v1/runs/r1/{kind}.json",
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    assert storage.read("analytics/v1/report.html") == b"<p>r1"
    assert storage.read("analytics/v1/runs/r1/manifest.json") == storage.read(MANIFEST_KEY)


def test_pieces_are_written_as_they_are_made(storage: Storage) -> None:
    made: list[str] = []

    def pieces(name: str) -> Iterator[bytes]:
        for number in range(3):
            made.append(f"{name} {number}")
            yield f"{'[' if not number else ','}{number}{']' if number == 2 else ''}".encode()

    manifest = publish(
        storage,
        run_id="r1",
        documents={kind: chain([b'{"data":'], pieces(kind), [b"}"]) for kind in KINDS},
        manifest={"generated_at": "2026-01-01"},
        extras={"report.html": (f"<p>{len(made)}".encode() for _ in range(1))},
    )
    published = read_published(storage)
    assert [published[kind]["data"] for kind in KINDS] == [[0, 1, 2]] * len(KINDS)
    assert made == [f"{kind} {number}" for kind in KINDS for number in range(3)]
    assert storage.read("analytics/v1/report.html") == b"<p>6"  # made when all else is
    for entry in (*manifest["documents"].values(), *manifest["extras"].values()):
        content = storage.read(entry["key"])
        assert (entry["bytes"], entry["sha256"]) == (
            len(content),
            hashlib.sha256(content).hexdigest(),
        )


def test_a_maker_that_fails_leaves_the_set_before(storage: Storage) -> None:
    def failing() -> Iterator[bytes]:
        yield b"["
        raise ValueError("no number")

    publish_run(storage, "r1")
    with pytest.raises(ValueError, match="no number"):
        publish(storage, run_id="r2", documents={KINDS[0]: failing()}, manifest={})
    assert_whole(storage, "r1")
    assert not storage.list("analytics/v1/runs/r2/")


def test_a_copy_is_no_second_set_of_bytes(tmp_path: Path) -> None:
    manifest = publish_run(LocalStorage(tmp_path), "r1")
    own = tmp_path / manifest["documents"]["recipe-similar"]["key"]
    assert own.samefile(tmp_path / "analytics/v1/recipe-similar.json")
    publish_run(LocalStorage(tmp_path), "r2")  # takes the stable name; the run's file stays
    assert own.read_bytes() == documents("r1")["recipe-similar"]


class Recorder(LocalStorage):
    """Notes the order of reads, writes, comparisons and copies."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.steps: list[tuple[str, str]] = []

    def read(self, key: str) -> bytes:
        self.steps.append(("read", key))
        return super().read(key)

    def write(self, key: str, data: Content, *, content_type: str = "application/json") -> None:
        self.steps.append(("write", key))
        super().write(key, data, content_type=content_type)

    def write_if(self, key: str, data: bytes, version: str | None) -> bool:
        self.steps.append(("write if unchanged", key))
        return super().write_if(key, data, version)

    def copy(self, source: str, target: str, *, content_type: str = "application/json") -> None:
        self.steps.append((f"copy {source} to", target))
        super().copy(source, target, content_type=content_type)

    def digest(self, key: str) -> str:
        self.steps.append(("compare", key))
        return super().digest(key)


def test_the_order_is_run_check_stable_manifest(tmp_path: Path) -> None:
    storage = Recorder(tmp_path)
    publish_run(storage, "r1")
    names = [*(f"{kind}.json" for kind in KINDS), "report.html"]
    run = [f"analytics/v1/runs/r1/{name}" for name in names]
    of_the_manifest = (("read", MANIFEST_KEY), ("compare", MANIFEST_KEY))
    copies = [(f"copy analytics/v1/runs/r1/{name} to", f"analytics/v1/{name}") for name in names]
    assert [step for step in storage.steps if step not in of_the_manifest] == [
        *(("write", key) for key in run),
        *(("compare", key) for key in run),
        ("write", "analytics/v1/runs/r1/manifest.json"),
        *copies,
        ("write if unchanged", MANIFEST_KEY),
        *copies,
    ]


def test_what_does_not_read_back_is_not_published(tmp_path: Path) -> None:
    class Damaging(LocalStorage):
        def write(self, key: str, data: Content, *, content_type: str = "application/json") -> None:
            whole = data if isinstance(data, bytes) else b"".join(data)
            damaged = whole[:-1] if key.endswith("r2/recipe-similar.json") else whole
            super().write(key, damaged, content_type=content_type)

    publish_run(LocalStorage(tmp_path), "r1")
    with pytest.raises(StorageError, match=r"r2/recipe-similar\.json.*damaged"):
        publish_run(Damaging(tmp_path), "r2")
    assert_whole(LocalStorage(tmp_path), "r1")
    assert (
        LocalStorage(tmp_path).read("analytics/v1/recipe-similar.json")
        == (documents("r1")["recipe-similar"])
    )


COPIES = len(KINDS) + 1
WRITES = 2 * COPIES + 2
"""Up to the manifest; then the stable keys are copied once more."""

KILLED_WRITER = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from analytics_core.store import LocalStorage, S3Storage, open_storage
    from tests.analytics_core.store.test_publish import publish_run

    place, run, last, torn = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "torn"
    storage = open_storage(place)
    done = 0

    def deadly(act):
        def acting(*where, **options):
            global done
            if done == last:
                if torn:  # die inside the write itself, between the bytes and the rename
                    Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
                    act(*where, **options)
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            return act(*where, **options)

        return acting

    for name in ("write", "write_if", "copy"):
        setattr(storage, name, deadly(getattr(storage, name)))
    publish_run(storage, run, "2026-01-02")
    print("published")
    """
)


def run_killed_writer(
    place: str, run: str, writes: int, *, torn: bool = False, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KILLED_WRITER, place, run, str(writes), "torn" if torn else "whole"],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("writes", range(WRITES))
def test_a_writer_killed_at_any_step_leaves_a_whole_set(tmp_path: Path, writes: int) -> None:
    storage = LocalStorage(tmp_path)
    publish_run(storage, "r1")
    died = run_killed_writer(str(tmp_path), "r2", writes, torn=writes % 2 == 1)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert_whole(storage, "r1")  # the manifest is the last write: until then the old set stands
    publish_run(storage, "r3")
    assert_whole(storage, "r3")


def test_the_killed_writer_would_have_published(tmp_path: Path) -> None:
    for writes in range(WRITES, WRITES + COPIES):
        died = run_killed_writer(str(tmp_path), f"r{writes}", writes, torn=writes % 2 == 1)
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert_whole(LocalStorage(tmp_path), f"r{writes}")
    lived = run_killed_writer(str(tmp_path), "r2", WRITES + COPIES)
    assert lived.returncode == 0, lived.stderr
    assert lived.stdout == "published\n"
    assert_whole(LocalStorage(tmp_path), "r2")


@pytest.mark.parametrize("writes", [1, WRITES - 2, WRITES - 1])
def test_a_writer_killed_while_publishing_to_s3_leaves_a_whole_set(
    aws: AwsServer, bucket: str, s3: Any, writes: int
) -> None:
    storage = S3Storage(bucket, "", s3)
    publish_run(storage, "r1")
    died = run_killed_writer(f"s3://{bucket}", "r2", writes, env=aws.environment)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert_whole(storage, "r1")


def test_of_two_publishers_at_once_one_wins_whole(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    seen: list[str] = []

    class Interleaved(LocalStorage):
        """Lets another publisher run completely between any two of this one's writes."""

        def meet_rival(self) -> None:
            if read_published(storage)["manifest"]["run_id"] == "mine":
                return  # it has won, and makes the stable keys its own again
            rival = f"rival-{len(seen)}"
            publish_run(storage, rival)
            seen.append(rival)
            assert_whole(storage, rival)

        def write(self, key: str, data: Content, *, content_type: str = "application/json") -> None:
            self.meet_rival()
            super().write(key, data, content_type=content_type)

        def copy(self, source: str, target: str, *, content_type: str = "application/json") -> None:
            self.meet_rival()
            super().copy(source, target, content_type=content_type)

    publish_run(storage, "first")
    publish_run(Interleaved(tmp_path), "mine")
    assert len(seen) == WRITES - 1  # before each write and copy; the manifest's is conditional
    assert_whole(storage, "mine")
    for kind in KINDS:
        assert storage.read(f"analytics/v1/{kind}.json") == documents("mine")[kind]


@pytest.mark.parametrize("day", ["2026-01-01", "2026-01-03"])
def test_whoever_is_overtaken_at_the_last_moment_gives_way_to_the_newer_alone(
    storage: Storage, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look at the manifest and its replacement another run is published."""
    began = f"{day}T00:00:00+00:00"
    publish_run(storage, "first", "2026-01-01T00:00:00+00:00")
    write_if = storage.write_if

    def overtaken(key: str, data: bytes, version: str | None) -> bool:
        monkeypatch.setattr(storage, "write_if", write_if)
        publish_run(storage, "rival", "2026-01-02T00:00:00+00:00")
        return storage.write_if(key, data, version)

    monkeypatch.setattr(storage, "write_if", overtaken)
    told = publish_run(storage, "mine", began)
    won = "rival" if day == "2026-01-01" else "mine"
    assert told.get("superseded_by") == (won if won == "rival" else None)
    assert_whole(storage, won)
    for kind in KINDS:
        assert storage.read(f"analytics/v1/{kind}.json") == documents(won)[kind]


def test_a_lost_answer_is_no_defeat(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client writes again what was written, and is told that another wrote."""
    write_if = storage.write_if

    def twice(key: str, data: bytes, version: str | None) -> bool:
        assert write_if(key, data, version)
        return write_if(key, data, version)

    monkeypatch.setattr(storage, "write_if", twice)
    publish_run(storage, "first")
    publish_run(storage, "second")
    assert_whole(storage, "second")


def test_runs_that_are_about_to_be_published_are_never_pruned(storage: Storage) -> None:
    """However many race: whole, newer than what is published, and not yet it."""
    publish_run(storage, "r1", "2026-01-01")
    before, _ = storage.read_version(MANIFEST_KEY)
    for day in range(2, 6):
        publish_run(storage, f"r{day}", f"2026-01-0{day}")
    storage.write(MANIFEST_KEY, before)
    assert prune_runs(storage, keep=2) == []


def test_a_damaged_document_is_named(storage: Storage) -> None:
    manifest = publish_run(storage, "r1")
    key = manifest["documents"]["recipe-similar"]["key"]
    storage.write(key, storage.read(key)[:-1])
    with pytest.raises(StorageError, match=rf"{key}.*damaged"):
        read_published(storage)
    storage.delete(key)
    with pytest.raises(StorageError, match=rf"{key}.*missing"):
        read_published(storage)


def test_nothing_published_says_what_to_do(storage: Storage) -> None:
    with pytest.raises(NotFound, match="run a refresh first"):
        read_published(storage)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"run_id": "r"}',
        b'{"run_id": "r", "documents": {"a": 1}}',
        b"\xff",
    ],
)
def test_a_damaged_manifest_is_named_and_repaired_by_publishing(
    tmp_path: Path, content: bytes
) -> None:
    storage = LocalStorage(tmp_path)
    storage.write(MANIFEST_KEY, content)
    with pytest.raises(StorageError, match=r"manifest\.json.*damaged"):
        read_published(storage)
    publish_run(storage, "r1")
    assert_whole(storage, "r1")


def test_a_manifest_cannot_lead_a_reader_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    storage = LocalStorage(tmp_path / "out")
    manifest = publish_run(storage, "r1")
    manifest["documents"]["cocktail-space"]["key"] = "../secret.json"
    storage.write(MANIFEST_KEY, json.dumps(manifest).encode())
    with pytest.raises(StorageError, match="not a valid key"):
        read_published(storage)


def test_only_wanted_documents_are_read(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    publish_run(recorder, "friday")
    recorder.steps.clear()
    documents = read_published(recorder, kinds=[KINDS[0], "another version's"])
    assert documents.keys() == {KINDS[0], "manifest"}
    assert [key.rpartition("/")[2] for _, key in recorder.steps] == [
        "manifest.json",
        f"{KINDS[0]}.json",
    ]


def test_a_reader_overtaken_by_publish_and_prune_reads_the_new_set(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    publish_run(storage, "r1", "2026-01-01")

    class Overtaken(LocalStorage):
        def read(self, key: str) -> bytes:
            if "/runs/r1/" in key:
                publish_run(storage, "r2", "2026-01-02")
                publish_run(storage, "r3", "2026-01-03")
                prune_runs(storage, keep=2)
            return super().read(key)

    assert read_published(Overtaken(tmp_path))["manifest"]["run_id"] == "r3"


def test_the_published_run_cannot_be_rewritten(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    publish_run(storage, "r1")
    publish_run(storage, "r1")  # the same content is no harm
    with pytest.raises(StorageError, match=r"published .* already"):
        publish(storage, run_id="r1", documents={"cocktail-space": b"{}"}, manifest={})
    assert_whole(storage, "r1")


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "x" * 200])
def test_names_of_runs_and_documents_are_checked(tmp_path: Path, name: str) -> None:
    storage = LocalStorage(tmp_path)
    with pytest.raises(StorageError, match="cannot be the name"):
        publish(storage, run_id=name, documents={}, manifest={})
    with pytest.raises(StorageError, match="cannot be the name"):
        publish(storage, run_id="r1", documents={f"{name}/x": b"{}"}, manifest={})
    with pytest.raises(StorageError, match="cannot be the name"):
        publish(storage, run_id="r1", documents={"manifest": b"{}"}, manifest={})
    assert storage.list("") == []


def test_pruning_keeps_the_newest_and_the_published(storage: Storage) -> None:
    for day in (3, 1, 5, 4, 2):
        publish_run(storage, f"r{day}", f"2026-01-0{day}")
    storage.write("analytics/v1/runs/in-progress/cocktail-space.json", b"{}")
    storage.write("analytics/v1/runs/torn/manifest.json", b'{"generated_at": "2020')
    assert prune_runs(storage, keep=2) == ["r1"]
    assert_whole(storage, "r2")
    left = {key.split("/")[3] for key in storage.list("analytics/v1/runs/")}
    assert left == {"r2", "r3", "r4", "r5", "in-progress", "torn"}
    publish_run(storage, "r6", "2026-01-06")
    assert sorted(prune_runs(storage, keep=2)) == ["r2", "r3", "r4"]
    with pytest.raises(ValueError, match="keep"):
        prune_runs(storage, keep=1)


def test_what_killed_runs_left_goes_after_a_week(storage: Storage) -> None:
    now = datetime.now(UTC)
    ids = {days: f"{now - timedelta(days=days):%Y%m%dT%H%M%SZ}-abcdef" for days in (6, 8, 30)}
    for run_id in ids.values():
        storage.write(f"analytics/v1/runs/{run_id}/cocktail-space.json", b"{}")
    for hours in (3, 2, 1):
        publish_run(storage, f"r{hours}", (now - timedelta(hours=hours)).isoformat())
    assert sorted(prune_runs(storage, keep=2)) == sorted([ids[8], ids[30], "r3"])
    left = {key.split("/")[3] for key in storage.list("analytics/v1/runs/")}
    assert left == {ids[6], "r2", "r1"}
    # a clock that is wrong by years makes no run older than it is
    publish_run(storage, "wrong", (now + timedelta(days=400)).isoformat())
    assert ids[6] not in prune_runs(storage, keep=2)


def test_a_prune_that_dies_leaves_a_whole_set_and_the_next_one_ends_it(tmp_path: Path) -> None:
    """Whenever it dies: what readers see is whole, and no remains are forgotten."""

    class Killed(BaseException):
        pass

    class Mortal(LocalStorage):
        left = 0

        def delete(self, key: str) -> None:
            if not self.left:
                raise Killed
            self.left -= 1
            super().delete(key)

    files = len(KINDS) + 2  # the page and the manifest
    for left in range(2 * files + 1):
        storage = Mortal(tmp_path / str(left))
        for day in range(1, 5):
            publish_run(storage, f"r{day}", f"2026-01-0{day}")
        storage.left = left
        if left < 2 * files:
            with pytest.raises(Killed):
                prune_runs(storage, keep=2)
        else:
            assert sorted(prune_runs(storage, keep=2)) == ["r1", "r2"]
        assert_whole(storage, "r4")
        prune_runs(LocalStorage(storage.folder), keep=2)
        assert_whole(storage, "r4")
        assert {key.split("/")[3] for key in storage.list("analytics/v1/runs/")} == {"r3", "r4"}


def test_a_run_about_to_be_published_survives_the_pruning_of_a_newer_one(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    publish_run(storage, "r1", "2026-01-01")

    class Overtaken(LocalStorage):
        def write(self, key: str, data: Content, *, content_type: str = "application/json") -> None:
            super().write(key, data, content_type=content_type)
            if key.endswith("/runs/r2/manifest.json"):
                publish_run(storage, "r3", "2026-01-03")
                assert prune_runs(storage, keep=2) == ["r1"]

    publish_run(Overtaken(tmp_path), "r2", "2026-01-02")
    assert_whole(storage, "r2")


def test_a_reader_goes_on_to_what_is_published_however_often_it_is_overtaken(
    tmp_path: Path,
) -> None:
    writer = LocalStorage(tmp_path)
    publish_run(writer, "r1", "2026-01-01")

    class Overtaken(LocalStorage):
        day = 1

        def read(self, key: str) -> bytes:
            if key.startswith(f"analytics/v1/runs/r{self.day}/") and self.day < 7:
                for day in (self.day + 1, self.day + 2):
                    publish_run(writer, f"r{day}", f"2026-01-0{day}")
                self.day += 2
                prune_runs(writer, keep=2)
            return super().read(key)

    assert read_published(Overtaken(tmp_path))["manifest"]["run_id"] == "r7"


def test_stable_keys_that_another_puts_back_meanwhile_are_those_of_the_published_run(
    tmp_path: Path,
) -> None:
    publish_run(LocalStorage(tmp_path), "r1", "2026-01-01")

    class Overtaken(LocalStorage):
        def write_if(self, key: str, data: bytes, version: str | None) -> bool:
            # a third run, in the way of the first, settles what is published until now
            _settle_stable_keys(LocalStorage(tmp_path))
            return super().write_if(key, data, version)

    publish_run(Overtaken(tmp_path), "r2", "2026-01-02")
    assert_whole(LocalStorage(tmp_path), "r2")
    for kind, content in documents("r2").items():
        assert LocalStorage(tmp_path).read(f"analytics/v1/{kind}.json") == content


def test_two_jobs_may_prune_at_once(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    for day in range(1, 6):
        publish_run(storage, f"r{day}", f"2026-01-0{day}")

    class Overtaken(LocalStorage):
        def list(self, prefix: str) -> list[str]:
            keys = super().list(prefix)
            prune_runs(storage, keep=2)
            return keys

    assert prune_runs(Overtaken(tmp_path), keep=2) == []
    assert_whole(storage, "r5")
    assert {p.name for p in (tmp_path / "analytics/v1/runs").iterdir()} == {"r4", "r5"}


@pytest.mark.parametrize("nth", range(len(KINDS) + 1))
def test_whoever_is_pruned_while_its_stable_keys_are_copied_gives_way(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    copy, copies = storage.copy, []

    def overtaken(source: str, target: str, **options: Any) -> None:
        copies.append(source)
        if len(copies) == nth + 1:
            monkeypatch.setattr(storage, "copy", copy)
            for day in (2, 3):
                publish_run(storage, f"rival-{day}", f"2026-01-0{day}T00:00:00+00:00")
            assert prune_runs(storage, keep=2) == ["mine"]
        copy(source, target, **options)

    monkeypatch.setattr(storage, "copy", overtaken)
    told = publish_run(storage, "mine", "2026-01-01T00:00:00+00:00")
    assert told["superseded_by"] == "rival-3"
    assert_whole(storage, "rival-3")
    for kind in KINDS:
        assert storage.read(f"analytics/v1/{kind}.json") == documents("rival-3")[kind]


def stable_keys(storage: Storage) -> set[str]:
    keys = storage.list("analytics/v1/")
    return {key.removeprefix("analytics/v1/") for key in keys if key.count("/") == 2}


def publish_without_page(storage: Storage, run: str, generated_at: str) -> dict[str, Any]:
    return publish(
        storage,
        run_id=run,
        documents={"cocktail-space": documents(run)["cocktail-space"]},
        manifest={"generated_at": generated_at},
    )


ALL = {"manifest.json", "report.html", *(f"{kind}.json" for kind in KINDS)}
LESS = {"manifest.json", "cocktail-space.json"}


def test_what_the_set_no_longer_has_goes_from_the_stable_keys(storage: Storage) -> None:
    storage.write("analytics/v1/notes.txt", b"somebody's own")
    publish_run(storage, "r1", "2026-01-01")
    assert stable_keys(storage) == {*ALL, "notes.txt"}
    publish_without_page(storage, "r2", "2026-01-02")
    assert stable_keys(storage) == {*LESS, "notes.txt"}
    assert storage.read("analytics/v1/runs/r1/report.html") == b"<p>r1"
    publish_run(storage, "r3", "2026-01-03")
    assert stable_keys(storage) == {*ALL, "notes.txt"}


def test_a_run_that_gives_way_takes_its_own_stable_keys_with_it(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_if = storage.write_if

    def overtaken(key: str, data: bytes, version: str | None) -> bool:
        monkeypatch.setattr(storage, "write_if", write_if)
        publish_without_page(storage, "newer", "2026-01-02T00:00:00+00:00")
        return storage.write_if(key, data, version)

    monkeypatch.setattr(storage, "write_if", overtaken)
    told = publish_run(storage, "older", "2026-01-01T00:00:00+00:00")
    assert told["superseded_by"] == "newer"
    assert stable_keys(storage) == LESS


@pytest.mark.parametrize("before", [True, False], ids=["before the removal", "after it"])
def test_a_page_that_another_run_publishes_meanwhile_stays(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    delete = storage.delete

    def overtaken(key: str) -> None:
        monkeypatch.setattr(storage, "delete", delete)
        if not before:
            delete(key)
        publish_run(storage, "newer", "2026-01-03T00:00:00+00:00")
        if before:
            delete(key)

    publish_run(storage, "first", "2026-01-01T00:00:00+00:00")
    monkeypatch.setattr(storage, "delete", overtaken)
    publish_without_page(storage, "second", "2026-01-02T00:00:00+00:00")
    assert_whole(storage, "newer")
    assert stable_keys(storage) == ALL
    assert storage.read("analytics/v1/report.html") == b"<p>newer"


@pytest.mark.parametrize("act", ["copy", "delete"])
def test_stable_keys_that_could_not_be_settled_are_told_and_fail_nobody(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    write_if = storage.write_if

    def failing(*_: object, **__: object) -> None:
        raise StorageError("the network went away")

    def written(key: str, data: bytes, version: str | None) -> bool:
        done = write_if(key, data, version)
        monkeypatch.setattr(storage, act, failing)
        return done

    publish_run(storage, "r1", "2026-01-01")
    monkeypatch.setattr(storage, "write_if", written)
    told = publish_without_page(storage, "r2", "2026-01-02")
    assert told["unsettled"] == "the network went away"
    assert read_manifest(storage)["run_id"] == "r2"
    assert "unsettled" not in read_manifest(storage)
    monkeypatch.undo()
    assert "unsettled" not in publish_run(storage, "r3", "2026-01-03")
    assert stable_keys(storage) == ALL
