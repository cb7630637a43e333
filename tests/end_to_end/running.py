"""Refreshes as processes, one alone or shared, and what their readers see."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from analytics_core.__main__ import main
from analytics_core.errors import NotFound
from analytics_core.provenance import new_run_id
from analytics_core.store import Storage, read_published, s3
from tests.analytics_core.test_cli import COMMAND, environment

SECONDS = 300
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["analytics_core.cli", "analytics_core.pipeline", "boto3", "cffi", "numba", "scipy.linalg"]
)


@contextmanager
def started(
    *words: object, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command; it is killed at the end if it still runs."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, words)],
        env=environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # its own processes are killed with it
    )
    try:
        yield process
    finally:
        kill(process)


def forked(
    *words: object, env: Mapping[str, str] | None = None, patience_seconds: float | None = None
) -> tuple[int, str]:
    """Run a command in a copy of a process that has the libraries loaded; return what it says.

    With `patience_seconds` it waits so long for an answer of S3, and not for a minute.
    """
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as told:
        process = _FORKS.Process(
            target=_become,
            args=(list(map(str, words)), environment(env), told.name, patience_seconds),
        )
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
        code = process.exitcode
        process.close()
        assert code is not None
        return code, told.read()


def _become(words: list[str], env: dict[str, str], told: str, patience: float | None) -> None:
    if patience is not None:
        s3._ANSWER_SECONDS = patience
    output = os.open(told, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(output, number)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["analytics-core", *words]
    main()


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a command and the processes that it made."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def steps(database: Path, output: str, workspace: str, shards: int) -> list[Sequence[object]]:
    """Return the commands of one refresh: a single one, or those of a chain with a new plan."""
    if not shards:
        return [("refresh", "--db", database, "--output", output, "--workspace", workspace)]
    where = ("--plan", new_run_id(), "--workspace", workspace)
    return [
        ("plan", *where, "--db", database, "--shards", shards),
        *(("shard", *where, "--index", index) for index in range(shards)),
        ("finish", *where, "--output", output),
    ]


def documents(storage: Storage) -> dict[str, bytes]:
    """Return the published documents' bytes without what is said of the run itself."""
    manifest = read_published(storage)["manifest"]  # each is compared with its checksum
    own = re.compile(rb'"(generated_at|run_id)":"[^"]*"')
    found = {}
    for kind, entry in manifest["documents"].items():
        found[kind] = own.sub(b"", storage.read(entry["key"]))
    return found


@dataclass
class Watch:
    """What a reader saw that never rests."""

    storage: Storage
    sets: int = 0
    order: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def _look(self) -> None:
        while not self._stop.is_set():
            try:
                manifest = read_published(self.storage)["manifest"]
            except NotFound:
                if self.sets:
                    self.faults.append("the set is gone")
            except Exception as error:  # noqa: BLE001 - each is a fault, told at the end
                self.faults.append(f"{type(error).__name__}: {error}")
            else:
                self.sets += 1
                if self.order[-1:] != [manifest["run_id"]]:
                    self.order.append(manifest["run_id"])
                    self.times.append(manifest["generated_at"])
            self._stop.wait(0.02)


@contextmanager
def watched(storage: Storage) -> Iterator[Watch]:
    """Read the published set again and again, each document by its checksum."""
    watch = Watch(storage)
    thread = threading.Thread(target=watch._look)
    thread.start()
    try:
        yield watch
    finally:
        watch._stop.set()
        thread.join()
