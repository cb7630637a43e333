"""The command of the terminal, as a process, against the emulator.

moto runs no Lambda without Docker. So a small server stands before the emulator: it answers
`Invoke` by calling the real handler and passes everything else on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.trigger.conftest import Cloud
from trigger import handler

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "trigger-analytics-refresh.sh"


class Front(BaseHTTPRequestHandler):
    """Lambda's `Invoke` by the handler, the rest by the emulator."""

    cloud: Cloud
    on_event: Any = None

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "/invocations" in self.path:
            event = json.loads(body)
            if Front.on_event:
                Front.on_event(event)
            context = SimpleNamespace(invoked_function_arn=self.cloud.function_arn)
            try:
                answer, headers = handler.handler(event, context), {}
            except Exception as error:  # noqa: BLE001 - as Lambda does
                answer = {"errorMessage": str(error), "errorType": type(error).__name__}
                headers = {"X-Amz-Function-Error": "Unhandled"}
            self.reply(200, json.dumps(answer).encode(), headers)
            return
        url = self.cloud.emulator.url + self.path
        request = urllib.request.Request(url, data=body, headers=dict(self.headers))
        try:
            with urllib.request.urlopen(request) as passed:
                self.reply(passed.status, passed.read(), {})
        except urllib.error.HTTPError as error:
            self.reply(error.code, error.read(), {})

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def front(cloud: Cloud) -> Iterator[str]:
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"TriggerFunction": {"Value": "the-trigger"}},
    }
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="DevStack", TemplateBody=json.dumps(template))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundFront", (Front,), {"cloud": cloud}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    Front.on_event = None
    server.shutdown()
    server.server_close()
    cloudformation.delete_stack(StackName="DevStack")


def run(front: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), *arguments],
        cwd=ROOT,
        env={**os.environ, "AWS_ENDPOINT_URL": front},
        capture_output=True,
        text=True,
        timeout=60,
    )


def end_job_when_asked(cloud: Cloud, status: str, **changes: Any) -> None:
    """The first look at the job finds it running, the second finds it ended."""
    looks: list[str] = []

    def look(event: dict[str, Any]) -> None:
        if event.get("action") == "status":
            now = "RUNNING" if not looks else status
            looks.append(now)
            extra = {} if now == "RUNNING" else changes
            cloud.emulator.set_job(event["jobId"], status=now, **extra)

    Front.on_event = look


def test_it_submits_and_says_how_to_follow(front: str, cloud: Cloud) -> None:
    done = run(front, "dev")
    assert done.returncode == 0, done.stderr
    [job] = cloud.jobs()
    assert f"submitted: {job['jobName']} ({job['jobId']})" in done.stdout
    assert f"trigger-analytics-refresh.sh dev --status {job['jobId']}" in done.stdout
    assert "joined the job that waits" in run(front, "dev").stdout
    assert len(cloud.jobs()) == 1


def test_waiting_follows_a_success_to_exit_0(front: str, cloud: Cloud) -> None:
    end_job_when_asked(cloud, "SUCCEEDED", startedAt=1_000, stoppedAt=61_000)
    done = run(front, "dev", "--wait", "--poll", "0.1")
    assert done.returncode == 0, done.stderr
    assert "running: running" in done.stdout
    assert done.stdout.splitlines()[-1] == "succeeded in 1 min"


def test_waiting_follows_a_failure_to_exit_1_and_the_reason(front: str, cloud: Cloud) -> None:
    end_job_when_asked(cloud, "FAILED", container={"exitCode": 3})
    done = run(front, "dev", "--wait", "--poll", "0.1")
    assert done.returncode == 1
    assert done.stderr.strip() == "failed: bad data (exit 3)"


def test_status_of_a_job(front: str, cloud: Cloud) -> None:
    run(front, "dev")
    [job] = cloud.jobs()
    done = run(front, "dev", "--status", job["jobId"])
    assert done.returncode == 0
    assert done.stdout.startswith("waiting")
    cloud.emulator.set_job(job["jobId"], status="FAILED", statusReason="Host EC2 (i) terminated.")
    done = run(front, "dev", "--status", job["jobId"])
    assert done.returncode == 1
    assert "failed: Spot capacity was reclaimed" in done.stderr
    assert len(cloud.jobs()) == 1, "asking submits nothing"


def test_an_unknown_job_is_a_sentence_and_exit_1(front: str) -> None:
    done = run(front, "dev", "--status", "nonsense")
    assert done.returncode == 1
    assert "Batch knows no job 'nonsense'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stack_that_is_not_there_is_a_sentence_and_exit_1(front: str) -> None:
    done = run(front, "prod")
    assert done.returncode == 1
    assert "there is no stack ProdStack" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [[], ["staging"], ["dev", "--what"]])
def test_wrong_use_is_exit_2(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "trigger_refresh.py"), *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "usage:" in done.stderr
