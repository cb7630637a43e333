"""An AWS on loopback, in a process of its own: moto's server with Batch jobs that do as told.

Run as a script it prints its port and then obeys one JSON object a line on standard input:
``{"job": id, "set": {"status": ..., "attempts": [...], ...}}`` changes a job as `DescribeJobs`
shows it; each is answered with a line. It ends when standard input closes.

Two things differ from moto as it comes, both towards AWS:

- Jobs run no container (there is no Docker here); they stay SUBMITTED until told.
- Requests are served one at a time. S3 decides conditional writes atomically; moto reads, then
  writes, and two threads could both pass.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
REGION = "eu-west-1"


class Emulator:
    """The process, seen from a test."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._lock = threading.Lock()
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the emulator did not start; run tests/trigger/emulator.py by hand")
        self.url = f"http://127.0.0.1:{json.loads(line)['port']}"

    def set_job(self, job_id: str, **changes: Any) -> None:
        """Change what `DescribeJobs` and `ListJobs` show of a job."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps({"job": job_id, "set": changes}) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
        if not answer["ok"]:
            raise KeyError(job_id)

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def let_jobs_obey(overrides: Callable[[], Mapping[str, Mapping[str, Any]]]) -> None:
    """Run no containers; a job is as `overrides` has it by its id, and SUBMITTED at first."""
    from moto.batch import models

    described, summarised = models.Job.describe, models.Job.describe_short

    def describe(job: Any) -> dict[str, Any]:
        whole = described(job)
        changes = overrides().get(job.job_id, {})
        container = {**whole.get("container", {}), **changes.get("container", {})}
        return {**whole, **changes, "container": container}

    def describe_short(job: Any) -> dict[str, Any]:
        whole = summarised(job)
        changes = overrides().get(job.job_id, {})
        return {**whole, **{k: v for k, v in changes.items() if k in ("status", "statusReason")}}

    models.Job.describe = describe
    models.Job.describe_short = describe_short
    models.Job.run = lambda job: None
    models.Job.status = property(
        lambda job: overrides().get(job.job_id, {}).get("status", "SUBMITTED"),
        lambda job, value: None,
    )


def serve_one_at_a_time() -> None:
    """Let S3's conditional writes be atomic, as they are in AWS."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    one_at_a_time = threading.Lock()
    call = DomainDispatcherApplication.__call__

    def locked(app: Any, environ: Any, start_response: Any) -> Any:
        with one_at_a_time:
            return call(app, environ, start_response)

    DomainDispatcherApplication.__call__ = locked


def _serve() -> None:
    # Replies have a line of their own: moto prints to standard output now and then.
    replies, sys.stdout = sys.stdout, sys.stderr

    from moto.batch import models
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    overrides: dict[str, dict[str, Any]] = {}
    let_jobs_obey(lambda: overrides)
    serve_one_at_a_time()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    print(json.dumps({"port": port}), file=replies, flush=True)
    jobs = models.batch_backends[ACCOUNT][REGION]._jobs
    for line in sys.stdin:
        order = json.loads(line)
        known = order["job"] in jobs
        if known:
            overrides.setdefault(order["job"], {}).update(order["set"])
        print(json.dumps({"ok": known}), file=replies, flush=True)
    server.stop()


if __name__ == "__main__":
    _serve()
