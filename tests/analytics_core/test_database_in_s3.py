"""A database that lies in S3: streamed, one version, one file, from the right region."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analytics_core.errors import DataError, StorageError
from analytics_core.source import snapshot
from analytics_core.source.cocktaildb import load_catalog
from analytics_core.source.layouts import load_catalog as read_any
from analytics_core.source.layouts import take_copy
from analytics_core.store.s3 import fetch
from tests.analytics_core.bodies import Bodies
from tests.analytics_core.databases import as_a_full_disk, change, write_database
from tests.analytics_core.test_cli import log_lines, run
from tests.servers import AwsServer


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch, aws: AwsServer) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)


def take_snapshot(url: str, scratch: Path) -> Path:
    return snapshot.take_snapshot(url, scratch, fetch=fetch)


def padded(path: Path, size: int) -> bytes:
    change(write_database(path), "CREATE TABLE padding (bytes)")
    return change(path, f"INSERT INTO padding VALUES (zeroblob({size}))").read_bytes()


def first_recipe(path: Path) -> str:
    return load_catalog(path).recipes.names[0]


def test_it_is_streamed(bucket: str, s3: Any, tmp_path: Path) -> None:
    data = padded(tmp_path / "large.db", 40_000_000)
    s3.put_object(Bucket=bucket, Key="large.db", Body=data)
    del data
    take_snapshot(f"s3://{bucket}/large.db", tmp_path / "warm")
    tracemalloc.start()
    copy = take_snapshot(f"s3://{bucket}/large.db", tmp_path / "scratch")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 25_000_000
    assert copy.stat().st_size > 40_000_000


def test_a_table_is_fetched_as_it_is(bucket: str, s3: Any, tmp_path: Path) -> None:
    text = "recipe,ingredient,amount,unit\nNegroni,Gin,3,cl\nNegroni,Campari,3,cl\n"
    s3.put_object(Bucket=bucket, Key="sheets/bar.csv", Body=text.encode())
    copy = take_copy(f"s3://{bucket}/sheets/bar.csv", tmp_path, fetch=fetch)
    assert copy.read_text() == text
    assert read_any(copy, called="there").layout == "table"
    with pytest.raises(DataError, match=r"The database s3://.*/none\.csv does not exist\."):
        take_copy(f"s3://{bucket}/none.csv", tmp_path, fetch=fetch)


def test_a_body_that_breaks_off_is_fetched_anew_in_the_version_of_then(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two halves of two versions would be no database; the second is longer, the third shorter."""
    versions = [padded(tmp_path / f"{n}.db", size) for n, size in enumerate((9000, 90_000, 100))]
    with Bodies(*versions, breaks=2) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        copy = take_snapshot("s3://bucket/site.db", tmp_path / "scratch")
    assert copy.read_bytes() == versions[2]
    assert server.methods == ["GET"] * 3


def test_a_body_that_always_breaks_off_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Bodies(padded(tmp_path / "a.db", 9000), breaks=99) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        with pytest.raises(StorageError, match=r"cannot read s3://bucket/site\.db"):
            take_snapshot("s3://bucket/site.db", tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_file_in_wal_mode_that_was_closed_is_complete(
    bucket: str, s3: Any, tmp_path: Path
) -> None:
    path = change(write_database(tmp_path / "wal.db"), "PRAGMA journal_mode = WAL")
    change(path, "UPDATE recipes SET name = 'Checkpointed' WHERE id = 100")
    assert path.read_bytes()[18:20] == b"\x02\x02"
    assert [entry.name for entry in tmp_path.iterdir()] == ["wal.db"]
    s3.upload_file(str(path), bucket, "wal.db")
    copy = take_snapshot(f"s3://{bucket}/wal.db", tmp_path / "scratch")
    assert first_recipe(copy) == "Checkpointed"
    assert copy.read_bytes()[18:20] == b"\x01\x01"


def test_what_was_only_in_a_wal_beside_it_did_not_come_along(
    bucket: str, s3: Any, tmp_path: Path
) -> None:
    path = write_database(tmp_path / "wal.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE recipes SET name = 'In The WAL' WHERE id = 100")
        s3.upload_file(str(path), bucket, "wal.db")
    assert first_recipe(take_snapshot(f"s3://{bucket}/wal.db", tmp_path / "scratch")) == "Negroni"


@pytest.mark.parametrize("command", ["validate", "refresh"])
def test_errors_name_the_object(command: str, bucket: str, s3: Any, tmp_path: Path) -> None:
    path = change(write_database(tmp_path / "bar.db"), "DROP TABLE recipes")
    s3.upload_file(str(path), bucket, "site/bar.db")
    place: list[str | Path] = ["--output", tmp_path / "out"] if command == "refresh" else []
    for database in (f"s3://{bucket}/site/bar.db", str(path)):
        done = run(command, "--db", database, *place, env=os.environ)
        assert done.returncode == 3
        said = log_lines(done.stderr)[-1]["message"]
        assert said == f"The database {database} lacks the table recipes."
    done = run(command, "--db", f"s3://{bucket}/none.db", *place, env=os.environ)
    assert done.returncode == 3
    assert f"s3://{bucket}/none.db does not exist" in log_lines(done.stderr)[-1]["message"]


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("Access Denied", "grant s3:GetObject (and s3:ListBucket on the bucket) to this role"),
        (
            "User: x is not authorized to perform: kms:Decrypt on resource: y",
            "grant kms:Decrypt on the bucket's KMS key to this role",
        ),
    ],
)
def test_access_denied_says_what_to_grant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, message: str, advice: str
) -> None:
    body = f"<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>".encode()
    with Bodies(error=body) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        done = run("validate", "--db", "s3://bucket/site.db", env=os.environ)
    assert done.returncode == 4
    assert advice in log_lines(done.stderr)[-1]["message"]


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1"}, "us-east-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-north-1"}, "eu-north-1"),
    ],
)
def test_only_the_default_region_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], region: str
) -> None:
    """What the advice in the errors, the job's variables and the documentation rest on."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with Bodies(padded(tmp_path / "a.db", 1)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        shutil.rmtree(take_snapshot("s3://bucket/site.db", tmp_path / "scratch").parent)
    [scope] = re.findall(rb"Credential=testing/\d+/([^/]+)/s3/", server.requests[0])
    assert scope.decode() == region


def test_a_key_with_odd_characters(bucket: str, s3: Any, tmp_path: Path) -> None:
    s3.upload_file(str(write_database(tmp_path / "a.db")), bucket, "my bar #1/ü?.db")
    assert first_recipe(take_snapshot(f"s3://{bucket}/my bar #1/ü?.db", tmp_path)) == "Negroni"


def test_what_is_no_object_in_s3(tmp_path: Path) -> None:
    for url in ("s3://", "s3://bucket", "s3://bucket/", "s3:///key"):
        with pytest.raises(DataError, match="write s3://bucket/key"):
            take_snapshot(url, tmp_path)


def test_a_scratch_folder_that_is_too_small_is_noticed_before_the_first_byte(
    bucket: str, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket=bucket, Key="a.db", Body=padded(tmp_path / "a.db", 3_000_000))
    monkeypatch.setattr(os, "fstatvfs", lambda _: SimpleNamespace(f_bavail=500, f_frsize=4096))
    with pytest.raises(
        StorageError, match=r"it has [34],[0-9]{3} kB, and 2,048 kB are free there.*scratch_mib"
    ):
        take_snapshot(f"s3://{bucket}/a.db", tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_scratch_folder_without_room(bucket: str, s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="a.db", Body=padded(tmp_path / "a.db", 3_000_000))
    with (
        as_a_full_disk(1_000_000),
        pytest.raises(StorageError, match=r"cannot be written to .*File too large"),
    ):
        take_snapshot(f"s3://{bucket}/a.db", tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []
