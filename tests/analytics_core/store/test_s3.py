"""Keys as objects: S3's protocol, and its answers in words."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, IncompleteReadError
from urllib3.exceptions import ProtocolError, SSLError

from analytics_core.errors import NotFound, StorageError
from analytics_core.store import S3Storage
from analytics_core.store.publish import MANIFEST_KEY
from tests.analytics_core.store.test_publish import publish_run
from tests.servers import PAGE_KEYS, unreachable_url


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


class Watched:
    """A client that notes which requests are made."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.requests: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.requests.append(name)
        return getattr(self._client, name)


def test_what_s3_has_digested_is_not_downloaded(bucket: str, s3: Any) -> None:
    client = Watched(s3)
    publish_run(S3Storage(bucket, "", cast("Any", client)), "r1")
    assert client.requests.count("head_object") == 3
    assert client.requests.count("copy") == 6, "before the manifest, and after it"
    # the manifest alone: before and after the documents, where there is none yet, and around the
    # second copies
    assert client.requests.count("get_object") == 4


def test_an_object_in_parts_is_compared_by_its_parts(
    bucket: str, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics_core.store.s3._PART_BYTES", 5 << 20)
    client = Watched(s3)
    storage = S3Storage(bucket, "p", cast("Any", client))
    pieces = [b"a" * (4 << 20), b"b" * (4 << 20)]
    storage.write("long", iter(pieces), content_type="text/plain")
    assert client.requests.count("upload_part") == 2
    told = s3.head_object(Bucket=bucket, Key="p/long", ChecksumMode="ENABLED")
    assert told["ContentType"] == "text/plain"
    whole = hashlib.sha256(b"".join(pieces)).hexdigest()
    assert storage.digest("long") == whole
    # another process knows nothing of the parts, and what was put over it is seen
    assert S3Storage(bucket, "p", s3).digest("long") == whole
    s3.put_object(Bucket=bucket, Key="p/long", Body=b"other")
    assert storage.digest("long") == hashlib.sha256(b"other").hexdigest()


def test_an_object_that_s3_does_not_copy_at_once_is_copied_in_parts(
    bucket: str, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics_core.store.s3._PART_BYTES", 5 << 20)
    monkeypatch.setattr("analytics_core.store.s3._COPY_BYTES", 6 << 20)
    monkeypatch.setattr("analytics_core.store.s3._COPY_PART_BYTES", 5 << 20)
    storage = S3Storage(bucket, "p", s3)
    pieces = [bytes([n]) * (4 << 20) for n in range(3)]
    whole = hashlib.sha256(b"".join(pieces)).hexdigest()
    storage.write("long", iter(pieces), content_type="text/html; charset=utf-8")
    storage.write("short", b"{}", content_type="text/html; charset=utf-8")

    def refuse(params: Any, **_: Any) -> None:
        """Answer as S3 does to a source of more than 5 GiB."""
        if params["headers"]["x-amz-copy-source"].endswith("/long"):
            message = "The specified copy source is larger than the maximum allowable size"
            raise ClientError(
                {"Error": {"Code": "InvalidRequest", "Message": message}}, "CopyObject"
            )

    s3.meta.events.register("before-call.s3.CopyObject", refuse)
    try:
        for name in ("long", "short"):
            storage.copy(name, f"copied/{name}", content_type="text/html; charset=utf-8")
    finally:
        s3.meta.events.unregister("before-call.s3.CopyObject", refuse)
    assert storage.digest("copied/long") == whole
    assert storage.read("copied/short") == b"{}"
    for name in ("long", "short"):
        told = s3.head_object(Bucket=bucket, Key=f"p/copied/{name}", ChecksumMode="ENABLED")
        assert told["ContentType"] == "text/html; charset=utf-8"
        assert "ChecksumSHA256" in told
    # what is put over it afterwards is seen
    storage.write("copied/long", b"other")
    assert storage.digest("copied/long") == hashlib.sha256(b"other").hexdigest()


def test_an_upload_that_fails_is_abandoned(
    bucket: str, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics_core.store.s3._PART_BYTES", 5 << 20)

    def failing() -> Any:
        yield bytes(11 << 20)
        raise ValueError("no number")

    storage = S3Storage(bucket, "p", s3)
    with pytest.raises(ValueError, match=r"^no number$"):
        storage.write("long", failing())
    assert storage.list("") == []
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


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
        ("PermanentRedirect", r"set AWS_DEFAULT_REGION .*does not read AWS_REGION"),
        ("SlowDown", "try again"),
        ("Strange", "Strange: said S3"),
    ],
)
def test_answers_of_s3_become_advice(code: str, words: str) -> None:
    with pytest.raises(StorageError, match=words) as caught:
        S3Storage("some-bucket", "p", cast("Any", AnsweringClient(code))).read("a/b")
    assert "s3://some-bucket/p/a/b" in str(caught.value)


class Breaking:
    """A client whose first bodies break off."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left = error, times

    def get_object(self, **request: Any) -> Any:
        return {"Body": self, "ContentLength": 5, "ETag": "x"}

    def read(self) -> bytes:
        return b"".join(self.iter_chunks(5))

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        yield b"wh"
        self.left -= 1
        if self.left >= 0:
            raise self.error
        yield b"ole"


BROKEN = [
    IncompleteReadError(actual_bytes=1, expected_bytes=2),
    SSLError("[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed"),
    ProtocolError("Connection broken"),
]


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
def test_a_body_that_breaks_off_is_fetched_again(error: Exception) -> None:
    def storage(times: int) -> S3Storage:
        return S3Storage("some-bucket", "", cast("Any", Breaking(error, times)))

    assert storage(2).read("a") == b"whole"
    file = io.BytesIO()
    storage(4).fetch("a", file)
    assert file.getvalue() == b"whole"
    for act in (storage(9).read, lambda key: storage(9).fetch(key, file)):
        with pytest.raises(StorageError, match="cannot read s3://some-bucket/a"):
            act("a")


def test_a_connection_that_breaks_for_ever_says_what_to_check() -> None:
    client: Any = Breaking(SSLError("bad record"), 99)
    with pytest.raises(StorageError, match=r"the connection failed \(bad record\); check the net"):
        S3Storage("some-bucket", "", client).read("a")


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

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_MAX_ATTEMPTS", raising=False)
    client: Any = make_client()
    assert client.meta.config.retries["mode"] == "standard"
    assert client.meta.config.retries["total_max_attempts"] == 5
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    again: Any = make_client()
    assert again.meta.config.retries["total_max_attempts"] == 2
