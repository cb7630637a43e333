"""The S3 client as the job needs it, and its errors in words. boto3 is loaded on first use."""

from __future__ import annotations

import contextlib
import os
import re
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_ATTEMPTS = 5
_CHUNK_BYTES = 1 << 20


class S3Client(Protocol):
    """What this package calls of a boto3 client."""

    def get_object(self, **request: Any) -> Any:
        """Fetch an object."""

    def put_object(self, **request: Any) -> Any:
        """Store an object."""

    def delete_object(self, **request: Any) -> Any:
        """Remove an object."""

    def get_paginator(self, name: str, /) -> Any:
        """Return what calls an operation page after page."""


def make_client() -> S3Client:
    """Make a client that retries throttling, 5xx answers and broken connections."""
    import boto3
    from botocore.config import Config

    # An explicit configuration would silence the environment's own AWS_MAX_ATTEMPTS.
    attempts = os.environ.get("AWS_MAX_ATTEMPTS", "")
    # a session of its own: boto3's default one is not safe with threads
    client: S3Client = boto3.session.Session().client(
        "s3",
        config=Config(
            retries={
                "mode": "standard",
                "total_max_attempts": int(attempts) if attempts.isdecimal() else _ATTEMPTS,
            },
            connect_timeout=5,
            read_timeout=60,
        ),
    )
    return client


def read_object(s3: S3Client, bucket: str, key: str) -> bytes:
    """Fetch an object; the client's own retries do not cover a body that breaks off."""
    from botocore.exceptions import (
        FlexibleChecksumError,
        IncompleteReadError,
        ReadTimeoutError,
        ResponseStreamingError,
    )

    def fetch() -> bytes:
        body: bytes = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")["Body"].read()
        return body

    for _ in range(2):
        with contextlib.suppress(
            FlexibleChecksumError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError
        ):
            return fetch()
    return fetch()


def fetch_object(s3: S3Client, bucket: str, key: str, file: IO[bytes]) -> Any:
    """Stream an object of any size into `file`; return S3's answer (ETag, metadata).

    What breaks off is fetched anew from the beginning: one answer is one version of the
    object, and two halves may not be.
    """
    from botocore.exceptions import (
        FlexibleChecksumError,
        IncompleteReadError,
        ReadTimeoutError,
        ResponseStreamingError,
    )

    for attempt in range(1, _ATTEMPTS + 1):
        file.seek(0)
        file.truncate()
        answer = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        try:
            for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                file.write(chunk)
        except (
            FlexibleChecksumError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError
        ):  # fmt: skip
            if attempt == _ATTEMPTS:
                raise
        else:
            break
    return answer


def is_missing_key(error: ClientError) -> bool:
    """Whether S3 answered that there is no such object (the bucket is there)."""
    return _code(error) in {"NoSuchKey", "404", "NotFound"}


def explain_answer(error: ClientError, *, bucket: str, permission: str) -> str:
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


def explain_failure(error: Exception) -> str:
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

    if isinstance(error, NoCredentialsError | PartialCredentialsError | TokenRetrievalError):
        return "no AWS credentials were found; give the job a role, or set AWS_PROFILE"
    if isinstance(error, ProfileNotFound):
        return f"{error}; set AWS_PROFILE to a profile that exists"
    sentence = " ".join(str(error).split())
    if isinstance(error, HTTPClientError | EndpointError):
        return (
            f"the connection failed ({sentence}); check the network, the region"
            " (AWS_DEFAULT_REGION), the S3 endpoint of the VPC and AWS_ENDPOINT_URL, then try again"
        )
    if isinstance(error, ValueError):
        return f"{sentence}; check AWS_ENDPOINT_URL"
    return sentence


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
