"""An S3 that answers as a test needs it: bodies that break off, stop, or change in between."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence


class Bodies:
    """A server of one object; it notes what it was asked.

    Parameters
    ----------
    versions
        What the object is at the first request, the second and so on; the last one stays.
    breaks
        How many answers break off half-way.
    stops
        Where it stops for longer than anybody waits: ``before the answer`` or ``in the body``.
    """

    def __init__(
        self, *versions: bytes, breaks: int = 0, stops: str = "nowhere", error: bytes = b""
    ) -> None:
        self.versions: Sequence[bytes] = versions
        self.breaks, self.stops, self.error = breaks, stops, error
        self.started = threading.Event()
        self.requests: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def methods(self) -> list[str]:
        return [request.split(b" ")[0].decode() for request in self.requests]

    def close(self) -> None:
        self._server.close()

    def __enter__(self) -> Bodies:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                try:
                    self._answer(connection)
                except OSError:  # whoever asked went away
                    continue

    def _answer(self, connection: socket.socket) -> None:
        self.requests.append(connection.recv(65536))
        if self.requests[-1].startswith(b"DELETE"):
            connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            return
        if self.error:
            head = f"HTTP/1.1 403 Forbidden\r\nContent-Length: {len(self.error)}\r\n"
            connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + self.error)
            return
        number = len(self.requests) - 1
        version = min(number, len(self.versions) - 1)
        data = self.versions[version]
        head = f'HTTP/1.1 200 OK\r\nETag: "{version}"\r\nContent-Length: {len(data)}\r\n'
        self._stop("before the answer")
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode())
        connection.sendall(data[: len(data) // 2])
        self._stop("in the body")
        if number >= self.breaks:
            connection.sendall(data[len(data) // 2 :])

    def _stop(self, where: str) -> None:
        if where == self.stops:
            self.started.set()
            time.sleep(20)
