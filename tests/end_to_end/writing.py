"""Snapshots beside a writer at full speed, in each journal mode."""

from __future__ import annotations

import errno
import json
import os
import queue
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analytics_core.errors import Busy
from analytics_core.source.snapshot import take_snapshot
from tests.analytics_core.source.test_snapshot import NOBODY, make_bank, transfers

MODES = ("delete", "truncate", "persist", "wal")

# A mount of its own that nobody else sees, of the folder over itself; then another user.
_READ_ONLY = f"""
mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" &&
exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups "$@"
"""

# Moves money for ever as the bank's writer does, and says the longest that a transfer has taken.
# Its books hold the last so many transfers: without an end to them the file would grow faster
# than any site's, and be copied ever more slowly.
_TRANSFERS_KEPT = 300_000
_WRITER = f"""
import random, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
db.execute("PRAGMA synchronous = OFF")
print(db.execute("PRAGMA journal_mode = " + sys.argv[2]).fetchone()[0], flush=True)
draw, longest, done, told = random.Random(5), 0.0, 0, time.monotonic()
while True:
    giver, taker = draw.sample(range(1, 1501), 2)
    amount = draw.randrange(100)
    begin = time.monotonic()
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE accounts SET money = money - ? WHERE id = ?", (amount, giver))
    db.execute("UPDATE accounts SET money = money + ? WHERE id = ?", (amount, taker))
    done += 1
    for book in ("debits", "credits"):
        db.execute("INSERT INTO " + book + " VALUES (?, ?)", (done, amount))
        db.execute("DELETE FROM " + book + " WHERE id = ?", (done - {_TRANSFERS_KEPT},))
    db.execute("COMMIT")
    now = time.monotonic()
    longest = max(longest, now - begin)
    if now > told + 0.2:
        told = now
        print(done, longest, flush=True)
"""


@dataclass
class Figures:
    """What came of copying beside a writer."""

    bytes: int = 0
    snapshots: int = 0
    refused_busy: int = 0
    transactions: int = 0
    seconds: float = 0.0
    longest_snapshot_seconds: float = 0.0
    longest_wait_of_the_writer_seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def snapshots(
    folder: Path,
    mode: str,
    *,
    wanted: int,
    seconds: float = 0,
    ballast_mb: int = 0,
    read_only: bool = False,
    go_on: Callable[[], bool] = lambda: True,
) -> Figures:
    """Take snapshots, spread over some seconds; each must hold one moment's sums.

    With `ballast_mb` the database is that much larger. With `read_only`, which needs root, they
    are taken by another user who sees the writer's folder through a read-only mount.
    """
    site, scratch = folder / "site", folder / "scratch"
    for made in (site, scratch):
        made.mkdir(parents=True)
    scratch.chmod(0o777)
    bank, figures = make_bank(site / "bank.db"), Figures()
    with closing(sqlite3.connect(bank)) as db:
        db.execute("CREATE TABLE ballast (filling BLOB)")
        for _ in range(ballast_mb):
            db.execute("INSERT INTO ballast VALUES (randomblob(1000000))")
        db.commit()
    before = ["unshare", "--mount", "sh", "-c", _READ_ONLY, str(site)] if read_only else []
    copier = subprocess.Popen(
        [*before, sys.executable, "-m", __name__, str(bank), str(scratch), str(int(read_only))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(bank), mode], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout
    told: queue.LifoQueue[str] = queue.LifoQueue()
    try:
        assert writer.stdout.readline() == f"{mode}\n"
        lines = writer.stdout
        thread = threading.Thread(target=lambda: deque(map(told.put, lines), maxlen=0))
        thread.start()
        begin, held = time.monotonic(), 0
        while figures.snapshots < wanted and go_on():
            assert writer.poll() is None, "the writer has died"
            time.sleep(max(0.0, begin + figures.snapshots * seconds / wanted - time.monotonic()))
            held = _one_more(copier, held, figures)
        figures.seconds = round(time.monotonic() - begin, 1)
        figures.bytes = bank.stat().st_size
        done, longest = told.get(timeout=60).split()  # the last, or the next
    finally:
        for process in (writer, copier):
            process.kill()
            process.wait()
    thread.join()
    for stream in (writer.stdout, copier.stdin, copier.stdout):
        if stream:
            stream.close()
    shutil.rmtree(folder)
    figures.transactions = int(done)
    figures.longest_wait_of_the_writer_seconds = round(float(longest), 3)
    return figures


def _one_more(copier: subprocess.Popen[str], held: int, figures: Figures) -> int:
    """Have a snapshot taken; return its last transfer, never one before the last so far."""
    assert copier.stdin
    assert copier.stdout
    copier.stdin.write("\n")
    copier.stdin.flush()
    told: dict[str, Any] = json.loads(copier.stdout.readline())
    if told["busy"]:
        figures.refused_busy += 1
        return held
    figures.snapshots += 1
    figures.longest_snapshot_seconds = max(figures.longest_snapshot_seconds, told["seconds"])
    if told["fault"]:
        figures.faults.append(told["fault"])
    elif told["transfers"] < held:
        figures.faults.append(f"went back from {held} transfers to {told['transfers']}")
    return max(held, int(told["transfers"]))


def _copy(bank: Path, scratch: Path) -> dict[str, Any]:
    told: dict[str, Any] = {"busy": False, "fault": "", "transfers": 0}
    begin = time.monotonic()
    try:
        copy = take_snapshot(bank, scratch)
    except Busy:
        return {**told, "busy": True}
    told["seconds"] = round(time.monotonic() - begin, 2)
    try:
        told["transfers"] = transfers(copy)
    except AssertionError as error:
        told["fault"] = f"torn: {error}"
    shutil.rmtree(copy.parent)
    return told


def _must_be_read_only(folder: Path) -> None:
    assert os.geteuid() == NOBODY
    refused: int | None = None
    try:
        (folder / "probe").touch()
    except OSError as error:
        refused = error.errno
    assert refused == errno.EROFS, f"{folder} is not mounted read-only: {refused}"


if __name__ == "__main__":
    if int(sys.argv[3]):
        _must_be_read_only(Path(sys.argv[1]).parent)
    for _ in sys.stdin:
        print(json.dumps(_copy(Path(sys.argv[1]), Path(sys.argv[2]))), flush=True)
