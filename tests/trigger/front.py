"""What a script at the terminal talks to: the emulator, with the function's handler before it.

moto runs no Lambda without Docker. So a small server stands before the emulator: it answers
`Invoke` by calling the real handler and passes everything else on.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from tests.trigger.conftest import Cloud
from trigger import handler

ROOT = Path(__file__).parents[2]


@dataclass
class Front:
    """The server, seen from a test.

    Attributes
    ----------
    on_event
        Called with each event before the handler is.
    on_request
        Called with each request's method and path before it is passed on; may answer it itself,
        with a status and a body.
    on_terminate
        Called with the id of each job that is to be ended; no job of the emulator's ends by itself.
    """

    url: str
    on_event: Callable[[dict[str, Any]], None] = lambda _event: None
    on_request: Callable[[str, str], tuple[int, bytes] | None] = lambda _method, _path: None
    on_terminate: Callable[[str], None] = lambda _job_id: None

    def run(
        self, script: str, *arguments: str | Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of the repository to its end."""
        return subprocess.run(
            [str(ROOT / "scripts" / script), *map(str, arguments)],
            env={**os.environ, "AWS_ENDPOINT_URL": self.url, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def start(self, script: str, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a script of the repository, to be stopped half-way."""
        return subprocess.Popen(
            [str(ROOT / "scripts" / script), *map(str, arguments)],
            env={**os.environ, "AWS_ENDPOINT_URL": self.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


class _Handler(BaseHTTPRequestHandler):
    cloud: Cloud
    front: Front

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # whoever sent it was stopped; passed on, it would be waited for
            self.close_connection = True
            return
        if "/invocations" in self.path:
            self.invoke(json.loads(body))
            return
        if instead := self.front.on_request(self.command, self.path):
            self.reply(*instead, {})
            return
        if self.path.endswith("terminatejob"):
            self.front.on_terminate(json.loads(body)["jobId"])
        headers = {name: value for name, value in self.headers.items() if name != "Expect"}
        with closing(HTTPConnection(urlsplit(self.cloud.emulator.url).netloc)) as behind:
            behind.request(self.command, self.path, body or None, headers)
            answer = behind.getresponse()
            self.reply(answer.status, answer.read(), dict(answer.headers))

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST  # noqa: N815 - http.server looks for them

    def invoke(self, event: dict[str, Any]) -> None:
        self.front.on_event(event)
        context = SimpleNamespace(invoked_function_arn=self.cloud.function_arn)
        try:
            answer, headers = handler.handler(event, context), {}
        except Exception as error:  # noqa: BLE001 - as Lambda does
            answer = {"errorMessage": str(error), "errorType": type(error).__name__}
            headers = {"X-Amz-Function-Error": "Unhandled"}
        self.reply(200, json.dumps(answer).encode(), headers)

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        kept = {n: v for n, v in headers.items() if n.lower().startswith(("x-amz", "etag"))}
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        for name, value in {**kept, "Content-Length": length}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def standing_before(cloud: Cloud, outputs: Mapping[str, str]) -> Iterator[Front]:
    """Serve as long as the block lasts, with a DevStack that has these outputs."""
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {
            key: {"Value": value} for key, value in {"TriggerFunction": "it", **outputs}.items()
        },
    }
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="DevStack", TemplateBody=json.dumps(template))
    front = Front("")
    bound = type("Bound", (_Handler,), {"cloud": cloud, "front": front})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    front.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
        cloudformation.delete_stack(StackName="DevStack")
