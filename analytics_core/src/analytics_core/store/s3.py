"""Keys as objects of an S3 bucket, and S3's errors in words. boto3 is loaded on first use."""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import io
import os
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, TYPE_CHECKING, TypedDict

from analytics_core.errors import NotFound, StorageError
from analytics_core.room import sized
from analytics_core.store.base import Content, check_key

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.literals import ChecksumAlgorithmType, ChecksumModeType
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, GetObjectOutputTypeDef

_CONNECT_SECONDS: float = 5
_ANSWER_SECONDS: float = 60
"""So long is a connection or an answer waited for, before another attempt."""

_ATTEMPTS = 5
_CHUNK_BYTES = 1 << 20
_PART_BYTES = 16 << 20  # of a long object; S3 takes 10,000 parts of at least 5 MiB
_COPY_BYTES = 1 << 30  # S3 copies at most 5 GiB at once
_COPY_PART_BYTES = 256 << 20
_NO_CHECKSUMS = (
    "if this is a store of another provider that does not know S3's checksums, set"
    " AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
)
# What such stores answer to a header or a trailer that they do not know.
_REFUSALS = frozenset(
    {
        *("NotImplemented", "501", "InvalidArgument", "InvalidRequest", "MissingContentLength"),
        *("XAmzContentSHA256Mismatch", "SignatureDoesNotMatch", "BadDigest", "IncompleteBody"),
        *("400", "MalformedTrailerError", "InvalidDigest"),
    }
)


# What is answered to a condition that does not hold, or to one of two such writes at once.
_ANOTHER_WROTE = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_NO_CONDITIONS = frozenset({"NotImplemented", "501"})


class _Condition(TypedDict, total=False):
    IfMatch: str
    IfNoneMatch: str


class _Checked(TypedDict, total=False):
    ChecksumAlgorithm: ChecksumAlgorithmType


class _PartChecked(TypedDict, total=False):
    ChecksumSHA256: str


class _Verified(TypedDict, total=False):
    ChecksumMode: ChecksumModeType


def make_client() -> S3Client:
    """Make a client that retries throttling, 5xx answers and broken connections."""
    import boto3
    from botocore.config import Config

    # An explicit configuration would silence the environment's own AWS_MAX_ATTEMPTS.
    attempts = os.environ.get("AWS_MAX_ATTEMPTS", "")
    # a session of its own: boto3's default one is not safe with threads
    return boto3.session.Session().client(
        "s3",
        config=Config(
            retries={
                "mode": "standard",
                "total_max_attempts": int(attempts) if attempts.isdecimal() else _ATTEMPTS,
            },
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_ANSWER_SECONDS,
        ),
    )


class S3Storage:
    """Keys are objects of one bucket below a prefix.

    Parameters
    ----------
    bucket, prefix
        Where the keys live; the prefix may be empty.
    client
        A ready S3 client, for tests and callers with their own session. By default one
        is made on first use from the usual environment (``AWS_DEFAULT_REGION``
        or the profile's region, not ``AWS_REGION``; ``AWS_ENDPOINT_URL``,
        ``AWS_REQUEST_CHECKSUM_CALCULATION``, ``AWS_MAX_ATTEMPTS``, ...).
    """

    def __init__(self, bucket: str, prefix: str = "", client: S3Client | None = None) -> None:
        self.bucket = bucket
        self.prefix = f"{check_key(prefix.strip('/'))}/" if prefix.strip("/") else ""
        self._client = client
        self._in_parts: dict[str, tuple[str, str]] = {}  # S3's checksum of its parts, SHA-256

    @property
    def url(self) -> str:
        """``s3://bucket/prefix`` without a slash at its end."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def read(self, key: str) -> bytes:
        """Return the object's content; raise `NotFound` when there is none."""
        full = self.prefix + check_key(key)
        with self._errors("read", full, "s3:GetObject") as s3:
            return _read_object(s3, self.bucket, full)

    def fetch(self, key: str, file: IO[bytes]) -> GetObjectOutputTypeDef:
        """Stream an object of any size into `file`; return S3's answer; raise as `read` does."""
        full = self.prefix + check_key(key)
        with self._errors("read", full, "s3:GetObject") as s3:
            return _fetch_object(s3, self.bucket, full, file)

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return a part of the object's content; raise `NotFound` when there is none."""
        full = self.prefix + check_key(key)
        if length < 1:
            return b""
        with self._errors("read", full, "s3:GetObject") as s3:
            return _read_object(s3, self.bucket, full, f"bytes={start}-{start + length - 1}")

    def digest(self, key: str) -> str:
        """Return the SHA-256 (hex) that S3 made when the object came; without one, read it."""
        full = self.prefix + check_key(key)
        with self._errors("read", full, "s3:GetObject") as s3:
            told = s3.head_object(Bucket=self.bucket, Key=full, **_verified(s3))
        checksum = told.get("ChecksumSHA256", "").partition("-")[0]
        if checksum and "-" not in told["ETag"]:
            return base64.b64decode(checksum).hex()
        of_parts, whole = self._in_parts.get(full, ("", ""))
        if checksum and checksum == of_parts:  # of an upload in parts S3 has theirs alone
            return whole
        counted = _Counted()
        self.fetch(key, counted)  # type: ignore[arg-type]
        return counted.digest.hexdigest()

    def write(self, key: str, data: Content, *, content_type: str = "application/json") -> None:
        """Put the object, which S3 makes visible as a whole or not at all; a long one in parts."""
        full = self.prefix + check_key(key)
        parts = iter([data]) if isinstance(data, bytes) else _parts(data)
        first = next(parts, b"")
        second = next(parts, None)
        if second is not None:
            self._write_parts(full, chain((first, second), parts), content_type)
            return
        with self._errors("write", full, "s3:PutObject") as s3:
            self._put(s3, full, first, content_type, {})

    def _put(
        self, s3: S3Client, full: str, data: bytes, content_type: str, condition: _Condition
    ) -> None:
        # so that S3 refuses bytes that were damaged on the way; not every other store can
        checked: _Checked = {"ChecksumAlgorithm": "SHA256"} if _sends_checksums(s3) else {}
        s3.put_object(
            Bucket=self.bucket,
            Key=full,
            Body=data,
            ContentType=content_type,
            **checked,
            **condition,
        )

    def _write_parts(self, full: str, parts: Iterator[bytes], content_type: str) -> None:
        whole, of_parts = hashlib.sha256(), hashlib.sha256()
        with self._errors("write", full, "s3:PutObject") as s3:
            checked: _Checked = {"ChecksumAlgorithm": "SHA256"} if _sends_checksums(s3) else {}
            upload = s3.create_multipart_upload(
                Bucket=self.bucket, Key=full, ContentType=content_type, **checked
            )["UploadId"]
        try:
            done: list[CompletedPartTypeDef] = []
            for number, part in enumerate(parts, start=1):  # made outside of S3's errors
                whole.update(part)
                own = hashlib.sha256(part).digest()
                of_parts.update(own)
                checksum: _PartChecked = (
                    {"ChecksumSHA256": base64.b64encode(own).decode()} if checked else {}
                )
                with self._errors("write", full, "s3:PutObject") as s3:
                    answer = s3.upload_part(
                        Bucket=self.bucket,
                        Key=full,
                        UploadId=upload,
                        PartNumber=number,
                        Body=part,
                        **checksum,
                    )
                told: CompletedPartTypeDef = {"PartNumber": number, "ETag": answer["ETag"]}
                if checksum:
                    told["ChecksumSHA256"] = checksum["ChecksumSHA256"]
                done.append(told)
            with self._errors("write", full, "s3:PutObject") as s3:
                s3.complete_multipart_upload(
                    Bucket=self.bucket, Key=full, UploadId=upload, MultipartUpload={"Parts": done}
                )
        except BaseException:
            # a rule of the bucket removes what cannot be removed now
            with contextlib.suppress(StorageError), self._errors("write", full, "") as s3:
                s3.abort_multipart_upload(Bucket=self.bucket, Key=full, UploadId=upload)
            raise
        self._in_parts[full] = base64.b64encode(of_parts.digest()).decode(), whole.hexdigest()

    def read_version(self, key: str) -> tuple[bytes, str]:
        """Return the object's content, and its ETag for `write_if`."""
        full = self.prefix + check_key(key)
        with io.BytesIO() as file, self._errors("read", full, "s3:GetObject") as s3:
            answer = _fetch_object(s3, self.bucket, full, file)
            return file.getvalue(), answer["ETag"]

    def write_if(self, key: str, data: bytes, version: str | None) -> bool:
        """Put the object if its ETag is still `version`: S3 decides, whoever else writes."""
        from botocore.exceptions import ClientError

        full = self.prefix + check_key(key)
        condition: _Condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            with self._errors("write", full, "s3:PutObject") as s3:
                self._put(s3, full, data, "application/json", condition)
        except StorageError as error:
            cause = error.__cause__
            code = _code(cause) if isinstance(cause, ClientError) else ""
            # NoSuchKey: another has removed it since
            if code in _ANOTHER_WROTE or (version is not None and isinstance(error, NotFound)):
                return False
            if code not in _NO_CONDITIONS:
                raise
            self.write(key, data)
        return True

    def copy(self, source: str, target: str, *, content_type: str = "application/json") -> None:
        """Have S3 copy the object; a long one in parts, of which it makes the checksums anew."""
        from boto3.s3.transfer import TransferConfig
        from s3transfer.exceptions import S3CopyFailedError

        full, of = self.prefix + check_key(target), self.prefix + check_key(source)
        how = TransferConfig(multipart_threshold=_COPY_BYTES, multipart_chunksize=_COPY_PART_BYTES)
        try:
            with self._errors("write", full, "s3:PutObject") as s3:
                checked = {"ChecksumAlgorithm": "SHA256"} if _sends_checksums(s3) else {}
                s3.copy(
                    {"Bucket": self.bucket, "Key": of},
                    self.bucket,
                    full,
                    ExtraArgs={"ContentType": content_type, **checked},
                    Config=how,
                )
        except S3CopyFailedError as error:  # it was replaced between two parts
            raise StorageError(f"cannot write s3://{self.bucket}/{full}: {error}") from error

    def list(self, prefix: str) -> list[str]:
        """Return the keys that start with `prefix`, page after page."""
        full = self.prefix + prefix
        with self._errors("list", full, "s3:ListBucket") as s3:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=full)
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return sorted(key.removeprefix(self.prefix) for key in keys)

    def delete(self, key: str) -> None:
        """Delete the object; S3 does not mind when there is none."""
        full = self.prefix + check_key(key)
        with self._errors("delete", full, "s3:DeleteObject") as s3:
            s3.delete_object(Bucket=self.bucket, Key=full)

    @contextlib.contextmanager
    def _errors(self, action: str, key: str, permission: str) -> Iterator[S3Client]:
        """Hand out the client and turn its errors into sentences that name bucket and key."""
        from botocore.exceptions import BotoCoreError, ClientError
        from urllib3.exceptions import HTTPError

        where = f"s3://{self.bucket}/{key}"
        try:
            if self._client is None:
                self._client = make_client()
            yield self._client
        except ClientError as error:
            if _is_missing_key(error):
                raise NotFound(f"{where} does not exist") from error
            reason = _explain_answer(error, bucket=self.bucket, permission=permission)
            if action == "write" and _may_be_the_checksum(error, self._client):
                reason = f"{reason}; {_NO_CHECKSUMS}"
            raise StorageError(f"cannot {action} {where}: {reason}") from error
        except (
            BotoCoreError,
            HTTPError,
            ValueError,
        ) as error:  # ValueError: an endpoint that is no URL
            reason = _explain_failure(error)
            raise StorageError(f"cannot {action} {where}: {reason}") from error


class _Counted:
    """A file of which nothing is kept but the digest."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return len(data)

    def seek(self, _offset: int) -> None:
        self.digest = hashlib.sha256()

    def truncate(self) -> None:
        """Nothing is there to be cut."""


def _parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Gather pieces into parts of `_PART_BYTES`; only the last may be shorter."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= _PART_BYTES:
            yield bytes(waiting[:_PART_BYTES])
            del waiting[:_PART_BYTES]
    if waiting:
        yield bytes(waiting)


def fetch(url: str, file: IO[bytes]) -> None:
    """Stream one object by its ``s3://bucket/key``; raise `NotFound` when there is none."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    S3Storage(bucket).fetch(key, file)


def _broken_off() -> tuple[type[Exception], ...]:
    """Return the errors of a body that ends too early; of TLS, botocore lets urllib3's own pass."""
    from botocore.exceptions import (
        FlexibleChecksumError,
        IncompleteReadError,
        ReadTimeoutError,
        ResponseStreamingError,
    )
    from urllib3.exceptions import HTTPError

    return (
        FlexibleChecksumError,
        IncompleteReadError,
        ReadTimeoutError,
        ResponseStreamingError,
        HTTPError,
    )


def _read_object(s3: S3Client, bucket: str, key: str, span: str = "") -> bytes:
    """Fetch an object or a range; the client's own retries do not cover a body that breaks off."""

    def fetch() -> bytes:
        if span:  # S3 keeps no checksum of a part
            return s3.get_object(Bucket=bucket, Key=key, Range=span)["Body"].read()
        return s3.get_object(Bucket=bucket, Key=key, **_verified(s3))["Body"].read()

    for _ in range(2):
        with contextlib.suppress(*_broken_off()):
            return fetch()
    return fetch()


def _require_room(file: IO[bytes], size: int) -> None:
    """Fail before the first byte where the last one finds no place."""
    try:
        system = os.fstatvfs(file.fileno())
    except (AttributeError, OSError):  # no file, or of a system that does not say
        return
    free = system.f_bavail * system.f_frsize
    if size > free:
        raise OSError(errno.ENOSPC, f"it has {sized(size)}, and {sized(free)} are free there")


def _fetch_object(s3: S3Client, bucket: str, key: str, file: IO[bytes]) -> GetObjectOutputTypeDef:
    """Stream an object of any size into `file`; return S3's answer (ETag, metadata).

    What breaks off is fetched anew from the beginning: one answer is one version of the
    object, and two halves may not be.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        file.seek(0)
        file.truncate()
        answer = s3.get_object(Bucket=bucket, Key=key, **_verified(s3))
        _require_room(file, answer["ContentLength"])
        try:
            for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                file.write(chunk)
        except _broken_off():
            if attempt == _ATTEMPTS:
                raise
        else:
            break
    return answer


def _sends_checksums(s3: S3Client) -> bool:
    """Whether to send checksums that are not asked for (AWS_REQUEST_CHECKSUM_CALCULATION)."""
    config = getattr(getattr(s3, "meta", None), "config", None)
    return getattr(config, "request_checksum_calculation", "") != "when_required"


def _verified(s3: S3Client) -> _Verified:
    """Ask for an object's checksum, unless AWS_RESPONSE_CHECKSUM_VALIDATION says not to."""
    config = getattr(getattr(s3, "meta", None), "config", None)
    unasked = getattr(config, "response_checksum_validation", "") != "when_required"
    return {"ChecksumMode": "ENABLED"} if unasked else {}


def _may_be_the_checksum(error: ClientError, s3: S3Client | None) -> bool:
    """Whether a store other than AWS's may have refused an object for its checksum."""
    if s3 is None or not _sends_checksums(s3):
        return False
    endpoint = str(getattr(getattr(s3, "meta", None), "endpoint_url", ""))
    if ".amazonaws.com" in endpoint:
        return False
    message = str(error.response.get("Error", {}).get("Message", ""))
    return _code(error) in _REFUSALS or "checksum" in message.lower()


def _is_missing_key(error: ClientError) -> bool:
    """Whether S3 answered that there is no such object (the bucket is there)."""
    return _code(error) in {"NoSuchKey", "404", "NotFound"}


def _explain_answer(error: ClientError, *, bucket: str, permission: str) -> str:
    """Say what an error S3 answered with means, and what to do about it."""
    code = _code(error)
    message = error.response.get("Error", {}).get("Message", "")
    if code == "NoSuchBucket":
        return f"the bucket {bucket} does not exist; create it or correct the bucket's name"
    if code in {"AccessDenied", "403", "AllAccessDisabled"}:
        if of_the_key := re.search(r"kms:\w+", message):
            return f"access denied; grant {of_the_key[0]} on the bucket's KMS key to this role"
        # without s3:ListBucket S3 also answers so when the object is simply not there
        return f"access denied; grant {permission} (and s3:ListBucket on the bucket) to this role"
    if code in {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}:
        return f"the AWS credentials are not accepted ({code}); renew them"
    if code in {"PermanentRedirect", "AuthorizationHeaderMalformed", "301"}:
        return (
            f"the bucket {bucket} is in another region; set AWS_DEFAULT_REGION to its region"
            " (boto3 does not read AWS_REGION)"
        )
    if code in {"SlowDown", "ServiceUnavailable", "503", "InternalError", "500"}:
        return f"S3 is not answering properly ({code}), even after retries; try again later"
    return f"{code}: {message}" if message else code


def _explain_failure(error: Exception) -> str:
    """Say why no answer came from S3, and what to do about it."""
    from botocore.exceptions import (
        ConnectionError as EndpointError,
    )
    from botocore.exceptions import (
        HTTPClientError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
        TokenRetrievalError,
    )
    from urllib3.exceptions import HTTPError

    if isinstance(error, NoCredentialsError | PartialCredentialsError | TokenRetrievalError):
        return "no AWS credentials were found; give the job a role, or set AWS_PROFILE"
    if isinstance(error, ProfileNotFound):
        return f"{error}; set AWS_PROFILE to a profile that exists"
    sentence = " ".join(str(error).split())
    if isinstance(error, HTTPClientError | EndpointError | HTTPError):
        return (
            f"the connection failed ({sentence}); check the network, the region"
            " (AWS_DEFAULT_REGION), the S3 endpoint of the VPC and AWS_ENDPOINT_URL, then try again"
        )
    if isinstance(error, ValueError):
        return f"{sentence}; check AWS_ENDPOINT_URL"
    return sentence


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
