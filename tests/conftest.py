"""Fixtures that several rooms share."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers import AwsServer, aws_server

# A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def aws() -> Iterator[AwsServer]:
    """A real server that speaks AWS's protocols on 127.0.0.1."""
    with aws_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3(aws: AwsServer) -> Any:
    """An S3 client of that server."""
    return aws.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    """A new, empty bucket."""
    name = f"analytics-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name)
    return name
