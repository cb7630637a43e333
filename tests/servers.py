"""Real servers on the loopback address, each a process of its own, ended by its id."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PAGE_KEYS = 10
"""Keys on one page of a listing: few, so that tests meet the second page."""

# moto's own command prints no port when it picks a free one; this does, and ends with its parent.
_LAUNCHER = """
import os, sys, threading
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("listening on", server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class AwsServer:
    """An AWS in miniature that speaks the real protocols."""

    url: str
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        """What a child process needs in its environment to talk to this server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """Return a boto3 client of this server."""
        import boto3

        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )


@contextlib.contextmanager
def aws_server() -> Iterator[AwsServer]:
    """Start the server on a free port of 127.0.0.1; end it, and only it, afterwards."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [sys.executable, "-c", _LAUNCHER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"listening on (\d+)\n", line)
        assert found, f"moto's server did not start (exit code {process.poll()}, said {line!r})"
        yield AwsServer(url=f"http://127.0.0.1:{found[1]}", pid=process.pid)
    finally:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            process.communicate(timeout=10)
        if process.poll() is None:
            process.kill()
            process.wait()


@contextlib.contextmanager
def unreachable_url() -> Iterator[str]:
    """Yield the URL of a port that refuses connections: bound, but nobody listens."""
    import socket

    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"
