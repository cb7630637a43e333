"""Locks as SQLite takes them, for readers that may not let SQLite near."""

from __future__ import annotations

import fcntl
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_PAUSE_SECONDS = 0.005
# Where SQLite's locks lie in a file: a writer that waits for readers to leave takes the
# first, readers share the second.
_PENDING_BYTE = 0x40000000
_SHARED_FIRST, _SHARED_BYTES = _PENDING_BYTE + 2, 510
# In the file of the WAL's index: the lock of the last of five read marks. Whoever begins the WAL
# anew must have all but the first of them for itself, for microseconds.
_LAST_READ_MARK = 127
_READ_MARK_SECONDS = 0.1


def share_lock(file: IO[bytes], busy_seconds: float) -> int | None:
    """Take a reader's lock as SQLite does, until the file is closed or SQLite gives it back.

    While it is held nobody can turn the database to WAL, and SQLite may safely be let near:
    it creates a missing ``-wal`` file even when it is told to read only.
    """
    deadline = time.monotonic() + busy_seconds
    shared = fcntl.LOCK_SH | fcntl.LOCK_NB
    while True:
        try:
            fcntl.lockf(file, shared, 1, _PENDING_BYTE)
            fcntl.lockf(file, shared, _SHARED_BYTES, _SHARED_FIRST)
        except (BlockingIOError, PermissionError):
            # Whoever waits for the readers to leave must be able to go ahead meanwhile.
            fcntl.lockf(file, fcntl.LOCK_UN, 1, _PENDING_BYTE)
            if time.monotonic() > deadline:
                return sqlite3.SQLITE_BUSY
            time.sleep(_PAUSE_SECONDS)
        except OSError:
            return sqlite3.SQLITE_IOERR  # this mount knows no locks
        else:
            return None  # SQLite gives the first byte back when it has locks of its own


@contextmanager
def wal_kept(index: Path) -> Iterator[None]:
    """Keep writers from beginning the WAL anew, if there is an index and it may be locked."""
    try:
        file = index.open("rb", buffering=0)
    except OSError:  # no WAL, a writer that shares it with nobody, no permission
        yield
        return
    with file:
        deadline = time.monotonic() + _READ_MARK_SECONDS
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, _LAST_READ_MARK)
            except (BlockingIOError, PermissionError):  # somebody moves the mark just now
                if time.monotonic() < deadline:
                    time.sleep(_PAUSE_SECONDS / 10)
                    continue
            except OSError:  # this mount knows no locks
                pass
            break
        yield
