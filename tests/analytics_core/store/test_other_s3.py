"""S3 by another provider: a second implementation of the server, and one without checksums."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics_core.errors import NotFound, StorageError
from analytics_core.store import S3Storage, read_published
from analytics_core.store.s3 import make_client
from tests.analytics_core.test_cli import log_lines, run
from tests.servers import AwsServer, other_s3_server, without_checksums

WITHOUT = {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    folder = tmp_path_factory.mktemp("buckets")
    (folder / "site-bucket").mkdir()
    with other_s3_server(folder) as server:
        yield server


@pytest.fixture
def storage(other: AwsServer, monkeypatch: pytest.MonkeyPatch) -> S3Storage:
    """A client from the environment alone, as a job has it."""
    for name, value in other.environment.items():
        monkeypatch.setenv(name, value)
    return S3Storage("site-bucket", "some/prefix", make_client())


def test_all_that_a_store_does(storage: S3Storage) -> None:
    storage.write("a/b.json", b"{}")
    storage.write("a/b.json", b"[]")
    storage.write("a/c.json", b"")
    assert storage.read("a/b.json") == b"[]"
    assert storage.list("a/") == ["a/b.json", "a/c.json"]
    storage.delete("a/b.json")
    storage.delete("a/b.json")
    assert storage.list("") == ["a/c.json"]
    with pytest.raises(NotFound):
        storage.read("a/b.json")


def test_a_refresh_and_back(other: AwsServer, tmp_path: Path) -> None:
    assert run("sample-db", tmp_path / "bar.db", "--recipes", "12").returncode == 0
    env = {**other.environment, **WITHOUT}
    client = other.client("s3")
    client.put_object(
        Bucket="site-bucket", Key="in/bar.db", Body=(tmp_path / "bar.db").read_bytes()
    )
    place = "s3://site-bucket/out"
    done = run("refresh", "--db", "s3://site-bucket/in/bar.db", "--output", place, env=env)
    assert done.returncode == 0, done.stderr
    shown = run("neighbors", "negroni", "--from", place, "-n", "2", "--json", env=env)
    assert len(json.loads(shown.stdout)["neighbors"]) == 2
    missing = run("neighbors", "x", "--from", "s3://no-bucket", env=env)
    assert missing.returncode == 4
    assert "no-bucket" in log_lines(missing.stderr)[-1]["message"]


def test_a_store_without_checksums(
    aws: AwsServer, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with without_checksums(aws) as strict:
        for name, value in strict.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        words = r"NotImplemented.*set AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
        with pytest.raises(StorageError, match=words):
            S3Storage(bucket, "p", make_client()).write("a.json", b"{}")
        for name, value in WITHOUT.items():
            monkeypatch.setenv(name, value)
        storage = S3Storage(bucket, "p", make_client())
        storage.write("a.json", b"{}")
        assert storage.read("a.json") == b"{}"
        with pytest.raises(StorageError, match="does not exist"):
            S3Storage("no-such-bucket", "", make_client()).write("a", b"")


class Refusing:
    """A client whose every request is refused for its checksum."""

    def __init__(self, endpoint: str, code: str, message: str, calculation: str) -> None:
        config = type("Config", (), {"request_checksum_calculation": calculation})
        self.meta = type("Meta", (), {"config": config, "endpoint_url": endpoint})
        self.code, self.message = code, message

    def put_object(self, **request: Any) -> None:
        from botocore.exceptions import ClientError

        raise ClientError({"Error": {"Code": self.code, "Message": self.message}}, "PutObject")


@pytest.mark.parametrize(
    ("endpoint", "code", "message", "calculation", "named"),
    [
        ("https://s3.example.org", "InvalidArgument", "unsupported header", "when_supported", True),
        ("https://s3.example.org", "Odd", "no Checksum please", "when_supported", True),
        ("https://s3.example.org", "AccessDenied", "no", "when_supported", False),
        ("https://s3.example.org", "InvalidArgument", "x", "when_required", False),
        ("https://s3.eu-west-1.amazonaws.com", "InvalidArgument", "x", "when_supported", False),
    ],
)
def test_the_setting_is_named_where_it_may_help(
    endpoint: str, code: str, message: str, calculation: str, named: bool
) -> None:
    client: Any = Refusing(endpoint, code, message, calculation)
    with pytest.raises(StorageError) as caught:
        S3Storage("some-bucket", "", client).write("a", b"")
    assert ("AWS_REQUEST_CHECKSUM_CALCULATION" in str(caught.value)) == named


def test_the_published_set_is_whole(other: AwsServer, storage: S3Storage) -> None:
    del other
    from tests.analytics_core.store.test_publish import publish_run

    publish_run(storage, "r1")
    assert read_published(storage)["manifest"]["run_id"] == "r1"
