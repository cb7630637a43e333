"""Real servers on the loopback address, each a process of its own, ended by its id."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGE_KEYS = 10
"""Keys on one page of a listing: few, so that tests meet the second page."""

# moto's own command prints no port when it picks a free one; this does, and ends with its parent.
_LAUNCHER = """
import os, sys, threading
from moto.server import ThreadedMotoServer

if "atomic" in sys.argv:
    from tests.trigger.emulator import serve_one_at_a_time
    serve_one_at_a_time()
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
def aws_server(*, atomic: bool = False) -> Iterator[AwsServer]:
    """Start the server on a free port of 127.0.0.1; end it, and only it, afterwards.

    With `atomic`, of several conditional writes at once it lets one through, as AWS does.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [sys.executable, "-c", _LAUNCHER, *(["atomic"] if atomic else [])],
        cwd=Path(__file__).parents[1],
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
def other_s3_server(folder: Path) -> Iterator[AwsServer]:
    """Start another implementation of S3 on a free port: rclone's, over the folders of a folder."""
    command = [str(Path(sys.executable).parent / "rclone"), "serve", "s3", str(folder)]
    process = subprocess.Popen(
        [*command, "--addr", "127.0.0.1:0", "--auth-key", "testing,testing", "--config", ""],
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("RCLONE_")},
    )
    try:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield AwsServer(url=found[0], pid=process.pid)
                break
        else:
            raise AssertionError(f"rclone did not start: {said}")
    finally:
        process.kill()
        process.communicate()


class _Strict(BaseHTTPRequestHandler):
    """Passes requests on, except those with a checksum, which it does not know."""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        odd = [name for name in self.headers if name.lower().startswith(_CHECKSUM_HEADERS)]
        if self.command == "PUT" and odd:
            self._answer(501, "application/xml", _REFUSAL.encode())
            return
        request = urllib.request.Request(
            f"{self.server.behind}{self.path}",  # type: ignore[attr-defined]
            data=body or None,
            method=self.command,
            headers={k: v for k, v in self.headers.items() if k.lower() != "content-length"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self._answer(answer.status, answer.headers.get("Content-Type"), answer.read())
        except urllib.error.HTTPError as refused:
            self._answer(refused.code, refused.headers.get("Content-Type"), refused.read())

    def _answer(self, status: int, kind: str | None, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind or "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        """Say nothing."""


for _method in ("GET", "PUT", "HEAD", "DELETE", "POST"):
    setattr(_Strict, f"do_{_method}", _Strict._pass_on)

_CHECKSUM_HEADERS = ("x-amz-checksum-", "x-amz-sdk-checksum", "x-amz-trailer")
_REFUSAL = (
    "<?xml version='1.0'?><Error><Code>NotImplemented</Code>"
    "<Message>A header implies functionality that is not implemented.</Message></Error>"
)


def without_checksums(server: AwsServer) -> AbstractContextManager[AwsServer]:
    """Stand in front of a server as a store that does not know S3's flexible checksums."""
    return in_front(_Strict, behind=server.url)


@contextlib.contextmanager
def in_front(handler: type[BaseHTTPRequestHandler], **told: object) -> Iterator[AwsServer]:
    """Answer on 127.0.0.1 with a handler, whose server has what it is told as attributes."""
    front = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    front.daemon_threads = True
    vars(front).update(told)
    thread = threading.Thread(target=front.serve_forever)
    thread.start()
    try:
        yield AwsServer(url=f"http://127.0.0.1:{front.server_address[1]}", pid=os.getpid())
    finally:
        front.shutdown()
        thread.join()
        front.server_close()


@contextlib.contextmanager
def unreachable_url() -> Iterator[str]:
    """Yield the URL of a port that refuses connections: bound, but nobody listens."""
    import socket

    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"
