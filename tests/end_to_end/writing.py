"""Snapshots beside a writer at full speed, in each journal mode."""

from __future__ import annotations

import queue
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from analytics_core.errors import Busy
from analytics_core.source.snapshot import take_snapshot
from tests.analytics_core.source.test_snapshot import make_bank, transfers

MODES = ("delete", "truncate", "persist", "wal")

# Moves money for ever as the bank's writer does, and says the longest that a transfer has taken.
_WRITER = """
import random, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
db.execute("PRAGMA synchronous = OFF")
print(db.execute(f"PRAGMA journal_mode = {sys.argv[2]}").fetchone()[0], flush=True)
draw, longest, done, told = random.Random(5), 0.0, 0, time.monotonic()
while True:
    giver, taker = draw.sample(range(1, 1501), 2)
    amount = draw.randrange(100)
    begin = time.monotonic()
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE accounts SET money = money - ? WHERE id = ?", (amount, giver))
    db.execute("UPDATE accounts SET money = money + ? WHERE id = ?", (amount, taker))
    db.execute("INSERT INTO debits (money) VALUES (?)", (amount,))
    db.execute("INSERT INTO credits (money) VALUES (?)", (amount,))
    db.execute("COMMIT")
    done += 1
    now = time.monotonic()
    longest = max(longest, now - begin)
    if now > told + 0.2:
        told = now
        print(done, longest, flush=True)
"""


@dataclass
class Figures:
    """What came of copying beside a writer."""

    snapshots: int = 0
    refused_busy: int = 0
    transactions: int = 0
    seconds: float = 0.0
    longest_wait_of_the_writer_seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def snapshots(
    folder: Path, mode: str, *, wanted: int, go_on: Callable[[], bool] = lambda: True
) -> Figures:
    """Take snapshots one after the other; each must hold one moment's sums."""
    site = folder / "site"
    site.mkdir(parents=True)
    bank, figures = make_bank(site / "bank.db"), Figures()
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(bank), mode], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    told: queue.LifoQueue[str] = queue.LifoQueue()
    try:
        assert process.stdout.readline() == f"{mode}\n"
        lines = process.stdout
        thread = threading.Thread(target=lambda: deque(map(told.put, lines), maxlen=0))
        thread.start()
        begin, held = time.monotonic(), 0
        while figures.snapshots < wanted and go_on():
            assert process.poll() is None, "the writer has died"
            try:
                copy = take_snapshot(bank, folder / "scratch")
            except Busy:
                figures.refused_busy += 1
                continue
            try:
                now = transfers(copy)
                if now < held:
                    figures.faults.append(f"went back from {held} transfers to {now}")
                held = now
            except AssertionError as error:
                figures.faults.append(f"torn: {error}")
            shutil.rmtree(copy.parent)
            figures.snapshots += 1
        figures.seconds = round(time.monotonic() - begin, 1)
        done, longest = told.get(timeout=60).split()  # the last, or the next
    finally:
        process.kill()
        process.wait()
    thread.join()
    figures.transactions = int(done)
    figures.longest_wait_of_the_writer_seconds = round(float(longest), 3)
    return figures
