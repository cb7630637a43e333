"""A store that fails in one way at one call, on the loopback address before a real one."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.servers import AwsServer, in_front

FAULTS = (
    "slow-down",
    "server-error",
    "reset",
    "slow",
    "hung",
    "cut",
    "denied",
    "no-bucket",
    "skewed",
)
PASSING = frozenset({"slow-down", "server-error", "reset", "slow", "hung", "cut"})
"""Faults that a second attempt may be spared."""

_ANSWERS = {
    "slow-down": (503, "SlowDown", "Please reduce your request rate."),
    "server-error": (500, "InternalError", "We encountered an internal error."),
    "denied": (403, "AccessDenied", "Access Denied"),
    "no-bucket": (404, "NoSuchBucket", "The specified bucket does not exist"),
    "skewed": (403, "RequestTimeTooSkewed", "The difference between the times is too large."),
}
_SLOW_SECONDS = 1.0
PATIENCE_SECONDS = 2.0
"""How long a client waits for an answer; what hangs is done later than that all the same."""


@dataclass
class Plan:
    """Which calls fail: from the `first`-th on, `times` of them."""

    fault: str = ""
    first: int = 0
    times: int = 1
    calls: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def falls_on(self, call: str) -> bool:
        with self.lock:
            number = len(self.calls)
            self.calls.append(call)
            due = bool(self.fault) and self.first <= number < self.first + self.times
            if due:
                self.failed.append(call)
            return due


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        plan: Plan = self.server.plan  # type: ignore[attr-defined]
        # what is sent in chunks has no length, and boto3 sends none so over plain HTTP
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        falls = plan.falls_on(f"{self.command} {urlsplit(self.path).path}")
        fault = plan.fault if falls else ""
        if fault in _ANSWERS:
            status, code, message = _ANSWERS[fault]
            said = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>"
            self._answer(status, {"Content-Type": "application/xml"}, f"{said}</Error>".encode())
            return
        if fault == "reset":
            # no farewell: the other side reads "connection reset by peer"
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()
            return
        if fault in {"slow", "hung"}:
            time.sleep(_SLOW_SECONDS if fault == "slow" else 2 * PATIENCE_SECONDS)
        behind = http.client.HTTPConnection(self.server.behind, timeout=60)  # type: ignore[attr-defined]
        try:
            behind.request(self.command, self.path, body or None, dict(self.headers.items()))
            answer = behind.getresponse()
            with contextlib.suppress(OSError):  # nobody may be waiting any more
                self._answer(answer.status, dict(answer.getheaders()), answer.read(), fault=fault)
        finally:
            behind.close()

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, *, fault: str = ""
    ) -> None:
        kept = {k: v for k, v in headers.items() if k.lower() not in _OWN}
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        self.send_response(status)
        for name, value in kept.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault == "cut":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        """Say nothing."""


for _method in ("GET", "PUT", "HEAD", "POST", "DELETE"):
    setattr(_Front, f"do_{_method}", _Front._serve)

_OWN = frozenset({"content-length", "transfer-encoding", "connection", "server", "date"})


def faulty(server: AwsServer, plan: Plan) -> AbstractContextManager[AwsServer]:
    """Stand in front of a server, and fail as planned."""
    return in_front(_Front, behind=urlsplit(server.url).netloc, plan=plan)
