"""Folders and buckets behave alike, and a set of documents is published whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analytics_core.errors import NotFound, StorageError
from analytics_core.store import (
    LocalStorage,
    S3Storage,
    Storage,
    open_storage,
    prune_runs,
    publish,
    read_manifest,
    read_published,
)
from analytics_core.store.publish import MANIFEST_KEY
from tests.servers import PAGE_KEYS, AwsServer, unreachable_url

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


@pytest.fixture(params=["folder", "bucket", "prefix"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return LocalStorage(tmp_path / "made" / "on demand")
    s3, bucket = request.getfixturevalue("s3"), request.getfixturevalue("bucket")
    return S3Storage(bucket, "" if request.param == "bucket" else "some/prefix/", s3)


# --- one key ------------------------------------------------------------------------------------


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


# --- folders ------------------------------------------------------------------------------------


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


# --- buckets ------------------------------------------------------------------------------------


def test_listing_goes_beyond_one_page(bucket: str, s3: Any) -> None:
    storage = S3Storage(bucket, "p", s3)
    keys = sorted(f"k{number}" for number in range(2 * PAGE_KEYS + 3))
    for key in keys:
        s3.put_object(Bucket=bucket, Key=f"p/{key}", Body=b"")
    assert storage.list("k") == keys


def test_objects_carry_content_type_and_checksum(bucket: str, s3: Any) -> None:
    publish_run(S3Storage(bucket, "", s3), "r1")
    page = s3.head_object(Bucket=bucket, Key="analytics/v1/report.html", ChecksumMode="ENABLED")
    assert page["ContentType"] == "text/html; charset=utf-8"
    assert page["ChecksumSHA256"]
    manifest = s3.head_object(Bucket=bucket, Key=MANIFEST_KEY)
    assert manifest["ContentType"] == "application/json"


def test_a_missing_bucket_is_named_with_what_to_do(s3: Any) -> None:
    storage = S3Storage("no-such-bucket-anywhere", "p", s3)
    acts: list[Callable[[], object]] = [
        lambda: storage.read("a"),
        lambda: storage.write("a", b""),
        lambda: storage.list(""),
    ]
    for act in acts:
        with pytest.raises(StorageError, match=r"no-such-bucket-anywhere.*create it") as caught:
            act()
        assert not isinstance(caught.value, NotFound)


class AnsweringClient:
    """Answers every request with one error code, as S3 would."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __getattr__(self, name: str) -> Any:
        from botocore.exceptions import ClientError

        def answer(**request: Any) -> Any:
            raise ClientError({"Error": {"Code": self.code, "Message": "said S3"}}, name)

        return answer


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDenied", "s3:GetObject"),
        ("403", "s3:GetObject"),
        ("ExpiredToken", "renew"),
        ("SignatureDoesNotMatch", "renew"),
        ("PermanentRedirect", "AWS_REGION"),
        ("SlowDown", "try again"),
        ("Strange", "Strange: said S3"),
    ],
)
def test_answers_of_s3_become_advice(code: str, words: str) -> None:
    with pytest.raises(StorageError, match=words) as caught:
        S3Storage("some-bucket", "p", AnsweringClient(code)).read("a/b")
    assert "s3://some-bucket/p/a/b" in str(caught.value)


def test_a_body_that_breaks_off_is_fetched_again() -> None:
    from botocore.exceptions import IncompleteReadError

    class Breaking:
        reads = 0

        def get_object(self, **request: Any) -> Any:
            return {"Body": self}

        def read(self) -> bytes:
            self.reads += 1
            if self.reads < 3:
                raise IncompleteReadError(actual_bytes=1, expected_bytes=2)
            return b"whole"

    client: Any = Breaking()
    assert S3Storage("b", "", client).read("a") == b"whole"
    assert client.reads == 3


def test_an_unreachable_endpoint_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with unreachable_url() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(StorageError, match=r"s3://some-bucket/a.*AWS_ENDPOINT_URL"):
            S3Storage("some-bucket").read("a")


def test_absent_credentials_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(StorageError, match="no AWS credentials were found"):
        S3Storage("some-bucket").read("a")


def test_the_client_retries_in_standard_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    from analytics_core.store.s3 import make_client

    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("AWS_MAX_ATTEMPTS", raising=False)
    client: Any = make_client()
    assert client.meta.config.retries["mode"] == "standard"
    assert client.meta.config.retries["total_max_attempts"] == 5
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    again: Any = make_client()
    assert again.meta.config.retries["total_max_attempts"] == 2


# --- a set of documents -------------------------------------------------------------------------


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


class Recorder(LocalStorage):
    """Notes the order of reads and writes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.steps: list[tuple[str, str]] = []

    def read(self, key: str) -> bytes:
        self.steps.append(("read", key))
        return super().read(key)

    def write(self, key: str, data: bytes, *, content_type: str = "application/json") -> None:
        self.steps.append(("write", key))
        super().write(key, data, content_type=content_type)


def test_the_order_is_run_check_stable_manifest(tmp_path: Path) -> None:
    storage = Recorder(tmp_path)
    publish_run(storage, "r1")
    names = [*(f"{kind}.json" for kind in KINDS), "report.html"]
    run = [f"analytics/v1/runs/r1/{name}" for name in names]
    assert [step for step in storage.steps if step != ("read", MANIFEST_KEY)] == [
        *(("write", key) for key in run),
        *(("read", key) for key in run),
        ("write", "analytics/v1/runs/r1/manifest.json"),
        *(("write", f"analytics/v1/{name}") for name in names),
        ("write", MANIFEST_KEY),
    ]


def test_what_does_not_read_back_is_not_published(tmp_path: Path) -> None:
    class Damaging(LocalStorage):
        def write(self, key: str, data: bytes, *, content_type: str = "application/json") -> None:
            damaged = data[:-1] if key.endswith("r2/recipe-similar.json") else data
            super().write(key, damaged, content_type=content_type)

    publish_run(LocalStorage(tmp_path), "r1")
    with pytest.raises(StorageError, match=r"r2/recipe-similar\.json.*damaged"):
        publish_run(Damaging(tmp_path), "r2")
    assert_whole(LocalStorage(tmp_path), "r1")
    assert (
        LocalStorage(tmp_path).read("analytics/v1/recipe-similar.json")
        == (documents("r1")["recipe-similar"])
    )


WRITES = 2 * (len(KINDS) + 1) + 2

KILLED_WRITER = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from analytics_core.store import LocalStorage, S3Storage, open_storage
    from tests.analytics_core.store.test_storage import publish_run

    place, run, last, torn = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "torn"
    storage = open_storage(place)
    write, done = storage.write, 0

    def deadly(key, data, **options):
        global done
        if done == last:
            if torn:  # die inside the write itself, between the bytes and the rename
                Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
                write(key, data, **options)
            os.kill(os.getpid(), signal.SIGKILL)
        write(key, data, **options)
        done += 1

    storage.write = deadly
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
    lived = run_killed_writer(str(tmp_path), "r2", WRITES)
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

        def write(self, key: str, data: bytes, *, content_type: str = "application/json") -> None:
            rival = f"rival-{len(seen)}"
            publish_run(storage, rival)
            seen.append(rival)
            assert_whole(storage, rival)
            super().write(key, data, content_type=content_type)

    publish_run(Interleaved(tmp_path), "mine")
    assert len(seen) == WRITES
    assert_whole(storage, "mine")


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
    assert sorted(prune_runs(storage, keep=2)) == ["r1", "r3"]
    assert_whole(storage, "r2")
    left = {key.split("/")[3] for key in storage.list("analytics/v1/runs/")}
    assert left == {"r2", "r4", "r5", "in-progress", "torn"}
    with pytest.raises(ValueError, match="keep"):
        prune_runs(storage, keep=1)


def test_a_run_about_to_be_published_survives_the_pruning_of_a_newer_one(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    publish_run(storage, "r1", "2026-01-01")

    class Overtaken(LocalStorage):
        def write(self, key: str, data: bytes, *, content_type: str = "application/json") -> None:
            super().write(key, data, content_type=content_type)
            if key.endswith("/runs/r2/manifest.json"):
                publish_run(storage, "r3", "2026-01-03")
                assert prune_runs(storage, keep=2) == ["r1"]

    publish_run(Overtaken(tmp_path), "r2", "2026-01-02")
    assert_whole(storage, "r2")


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
