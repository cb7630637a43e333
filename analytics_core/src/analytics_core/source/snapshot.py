"""A consistent copy of a database that somebody else never stops writing.

The job may be another user than the site, on a mount it cannot write to. It never
creates, changes or removes a file beside the source, and never opens it with
``immutable=1``, which would leave out the rows in the write-ahead log (WAL).

**A rollback-journal database** is opened ``mode=ro`` and its file is copied inside a read
transaction: the shared lock keeps every writer from changing pages meanwhile. (SQLite's own
backup takes longer, and the writer waits.) A lock of our own, taken before, keeps the site from
turning to WAL at that very moment, when even a reader would create the ``-wal`` file.

**Otherwise the files are copied**, and the copy is proved: for a WAL database, which a
reader without write access cannot open; for a hot journal, which a dead writer left and
only a writer may roll back; for a lock that is held too long, or cannot be had. The order is

1. copy the journal (often there is none),  2. read the WAL's header,
3. copy the database,  4. copy the WAL,  5. read the WAL's header,
6. read the database again (only when there is no WAL),  7. read the journal again,
8. look at the database's inode, size and times once more.

The journal must be the same in 1 and 7, and the database's inode in 3 and 8. Then:

- *With a WAL*, the copy counts when the WAL's header, with its salts, is the same in 2, 4
  and 5: the WAL was not begun anew, so it only grew. The database then changes only where a
  checkpoint moves frames of this WAL into it. Such frames were in the WAL before they were in
  the database, hence before 4, and a committed frame never changes: the copied WAL holds
  them all, and replaying it up to the last commit puts every page right that changed or was
  torn during 3. Later frames do no harm: they are replayed whole, up to a commit, or fail
  their checksums. (A WAL copied before the database would not do: frames appended and moved
  in between would be half there.)
- *Without one*, the database must be the same in 3, 6 and 8 (size, times, SHA-256), and there
  must be no WAL in 2, 4 and 5. With no journal either, the file held no unfinished
  transaction: one that began after 1 and ended before 7 has either ended before 3, or written
  to the database and so changed its times. With a journal, both files stood still together
  between 3 and 6. They are what a writer dying at that moment leaves, and SQLite's own
  recovery undoes the rest: a page is in the journal before it changes in the database.
- *A lock held too long*: only a journal on disk that is in use proves anything. A writer that
  keeps its journal in memory or has none is protected by the lock alone, so it is waited for.
- *A database replaced by renaming* has another inode. Files are opened anew for each
  reading, which on NFS also fetches what other machines have written.

Otherwise, try again.

**A WAL that is begun anew every few milliseconds** would fail 2, 4 and 5 again and again. So
before 2, and until 5, a reader's lock is held on the last read mark, a byte of the ``-shm`` file:
no writer begins a WAL anew under a reader. Such a lock needs no permission but to read, changes
nothing, and as that mark is usually unused, checkpoints go on and the WAL grows meanwhile. Where
the lock cannot be had, chance decides; the proof leans on the headers alone.

The copy is then opened where it lies: SQLite rolls the journal back or replays the WAL,
its pages are checked, and it leaves WAL mode, so that it is one file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import IO

from analytics_core.errors import Busy, DataError, NotFound, StorageError
from analytics_core.room import free_disk, sized
from analytics_core.source.findings import in_one_line
from analytics_core.source.locks import share_lock, wal_kept
from analytics_core.source.scratch import ELSEWHERE, SNAPSHOT, make_folder, unwritable
from analytics_core.source.sqlite_file import (
    HEADER_BYTES,
    damage,
    file_uri,
    parse_header,
    read_header,
    unreadable,
)

PATIENCE_SECONDS = 60.0
STILL_SECONDS = 1.0
"""So long nobody has written into a text that counts as whole."""
_BUSY_SECONDS = 5.0
# Between attempts, and never longer: under a writer that does not pause the database grows
# meanwhile, so that each copy would take longer than the one before and lose the race for good.
_PAUSE_SECONDS = 0.005
_CHUNK_BYTES = 1 << 20
_AT_ONCE_BYTES = 1 << 26
_WAL_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_LARGEST_PAGE_BYTES = 65536
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
# A copy that proved consistent and is still damaged is looked at once more, then believed.
_DAMAGED_COPIES = 2


class _TryAgain(Exception):  # noqa: N818 - a signal inside this module
    """No copy came of an attempt; the next one may succeed."""


class _Damaged(Exception):  # noqa: N818 - a signal inside this module
    """The copy's pages contradict each other."""


def take_snapshot(
    database: Path | str,
    scratch: Path,
    *,
    fetch: Callable[[str, IO[bytes]], object] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Path:
    """Copy a database as it is at one moment.

    The calling process must not have the database open otherwise: closing a file drops
    the locks that the process holds on it.

    Parameters
    ----------
    database
        A SQLite file, or ``s3://bucket/key``. A link is followed.
    scratch
        A folder on local disk, made if absent. The copy goes to a new folder inside it,
        which is removed again if there is no copy.
    fetch
        Writes what is behind a URL into a file, or raises `NotFound`; needed for S3 alone.
    patience_seconds
        How long to go on when the writer does not pause.

    Returns
    -------
    Path
        The copy: one file, in rollback-journal mode, its pages checked.

    Raises
    ------
    DataError
        If the database is missing, unreadable, not SQLite or damaged.
    Busy
        If it stayed locked or kept changing for `patience_seconds`.
    StorageError
        If the scratch folder cannot be written, or S3 refuses.
    """
    with _kept_if_whole(scratch, "database.sqlite") as target:
        if isinstance(database, str) and database.startswith("s3://"):
            _download(database, target, fetch)
        else:
            busy_seconds = min(_BUSY_SECONDS, patience_seconds)
            attempt = partial(_attempt, busy_seconds=busy_seconds)
            _copy_while_written(Path(database), target, attempt, patience_seconds)
    return target


def copy_text(
    database: Path | str,
    scratch: Path,
    *,
    fetch: Callable[[str, IO[bytes]], object] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Path:
    """Copy a file that is no database of SQLite's, and keep its suffix.

    Nothing but time tells whether somebody is still writing such a file: it counts as whole once
    it has not changed for `STILL_SECONDS`.

    Parameters
    ----------
    database, scratch, fetch, patience_seconds
        As in `take_snapshot`.

    Returns
    -------
    Path
        The copy.

    Raises
    ------
    DataError
        If the file is missing or unreadable.
    Busy
        If it kept changing for `patience_seconds`.
    StorageError
        If the scratch folder cannot be written, or S3 refuses.
    """
    with _kept_if_whole(scratch, f"table{Path(str(database)).suffix.lower()}") as target:
        if str(database).startswith("s3://"):
            _fetch(str(database), target, fetch)
        else:
            _copy_while_written(Path(database), target, _copy_still, patience_seconds)
    return target


@contextmanager
def _kept_if_whole(scratch: Path, name: str) -> Iterator[Path]:
    """Hand out a file in a new folder, which is removed again if there is no copy."""
    folder = make_folder(scratch, prefix=SNAPSHOT)
    try:
        yield folder / name
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


# --- attempts --------------------------------------------------------------------------------


def _copy_while_written(
    database: Path, target: Path, attempt: Callable[[Path, Path], None], patience_seconds: float
) -> None:
    """Try one way after the other until there is a copy or the patience ends."""
    deadline = time.monotonic() + patience_seconds
    damaged = 0
    _require_file(database)
    while True:
        try:
            attempt(database, target)
        except _Damaged as error:
            damaged += 1
            if damaged >= _DAMAGED_COPIES or time.monotonic() + _PAUSE_SECONDS > deadline:
                raise DataError(
                    f"The database {database} is corrupt: {in_one_line(error)}."
                ) from error
        except _TryAgain as error:
            if time.monotonic() + _PAUSE_SECONDS > deadline:
                raise Busy(
                    f"The database {database} gave no consistent copy within {patience_seconds:g} s"
                    f" ({error}): others have it locked, or never pause writing it. Try again when "
                    "it is quieter."
                ) from error
        else:
            return
        time.sleep(_PAUSE_SECONDS)


def _require_file(database: Path) -> None:
    """See that there is a regular file; opening a pipe would wait for ever."""
    try:
        mode = database.stat().st_mode
    except OSError as error:
        raise unreadable(database, error) from error
    if stat.S_ISDIR(mode):
        raise unreadable(database, IsADirectoryError())
    if not stat.S_ISREG(mode):
        raise DataError(f"The database {database} is not a regular file.")


def _require_room(database: Path, source: Path, folder: Path) -> None:
    """See that a folder has room for a copy, before it is begun."""
    there = free_disk(folder)
    try:
        size = source.stat().st_size
    except OSError:  # whoever reads it says why it cannot be read
        return
    if there is not None and size > there[0]:
        raise StorageError(
            f"The database {database} has {sized(size)}, and {folder.parent} has"
            f" {sized(there[0])} free of {sized(there[1])} for its snapshot; {ELSEWHERE}."
        )


def _copy_still(database: Path, target: Path) -> None:
    """Copy a file that nobody is writing."""
    _remove(target)
    _require_room(database, database, target.parent)
    before = _copy(database, target)
    if before.identity is None:
        raise _TryAgain("it was replaced")
    _size, changed, _ = before.times
    age = max(time.time() - changed / 1e9, 0)  # another machine's clock may be ahead
    time.sleep(max(STILL_SECONDS - age, 0))
    if _look(database) != before:
        raise _TryAgain("it changed while it was copied")


def _attempt(database: Path, target: Path, *, busy_seconds: float) -> None:
    _remove(target)
    # SQLite looks for the companions beside the file that a link leads to.
    source = Path(os.path.realpath(database))
    try:
        with source.open("rb") as file:
            header = parse_header(file.read(HEADER_BYTES), database)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _TryAgain("it was replaced") from error
    except OSError as error:
        raise unreadable(database, error) from error
    _require_room(database, source, target.parent)
    locked = False
    if not header.wal and not _companion(source, "-wal").exists():
        refusal = _copy_locked(database, source, target, busy_seconds=busy_seconds)
        if refusal is None:
            _recover(target)
            return
        _remove(target)
        locked = refusal == sqlite3.SQLITE_BUSY
    _copy_set(database, source, target)
    if locked and not _journal_in_use(_companion(target, "-journal")):
        raise _TryAgain("its writer holds the lock")
    _recover(target)


# --- under SQLite's locks --------------------------------------------------------------------


def _copy_locked(database: Path, source: Path, target: Path, *, busy_seconds: float) -> int | None:
    """Copy a rollback-journal database under its lock; return SQLite's code if that failed."""
    try:
        with (
            source.open("rb") as file,
            closing(
                sqlite3.connect(
                    file_uri(source, mode="ro"),
                    uri=True,
                    timeout=busy_seconds,
                    isolation_level=None,
                )
            ) as reader,
        ):
            refusal = share_lock(file, busy_seconds)
            if refusal is not None:
                return refusal
            header = parse_header(os.pread(file.fileno(), HEADER_BYTES, 0), database)
            if header.wal or _companion(source, "-wal").exists():
                return sqlite3.SQLITE_CANTOPEN
            reader.execute("BEGIN")
            reader.execute("PRAGMA schema_version").fetchone()  # SQLite's own lock, no hot journal
            _copy_at_once(file.fileno(), target)
    except sqlite3.Error as error:
        code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            read_header(database)  # it knows better words for a file that is too short
            raise DataError(f"The database {database} is corrupt: {in_one_line(error)}.") from error
        return code  # a hot journal, a lock that was held too long, no locks on this mount
    except (UnicodeError, MemoryError) as error:  # a message or a size made of rubbish
        raise _Damaged(str(error)) from error
    except StorageError:  # about the copy
        raise
    except OSError as error:
        raise _TryAgain(f"{database} cannot be read: {error.strerror or error}") from error
    return None


def _copy_at_once(source: int, target: Path) -> None:
    """Copy a file as fast as the system can: its writer waits meanwhile."""
    copy, done = _create(target), 0
    try:
        with suppress(OSError, AttributeError):  # other file systems, no Linux: chunk by chunk
            while count := os.copy_file_range(source, copy, _AT_ONCE_BYTES, done):
                done += count
        os.lseek(copy, done, os.SEEK_SET)
        while chunk := os.pread(source, _CHUNK_BYTES, done):
            _write(copy, chunk, target)
            done += len(chunk)
    finally:
        os.close(copy)


# --- by copying and proving ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """A file at one moment; `identity` is None when there is none."""

    identity: tuple[int, int] | None = None
    times: tuple[int, int, int] = (0, 0, 0)


_ABSENT = _Look()


def _copy_set(database: Path, source: Path, target: Path) -> None:
    """Copy the database with its companions, and prove that they belong together."""
    journal, wal = _companion(source, "-journal"), _companion(source, "-wal")
    journal_copy, wal_copy = _companion(target, "-journal"), _companion(target, "-wal")
    journal_before = _copy(journal, journal_copy)
    with wal_kept(_companion(source, "-shm")):
        head_before = _read_head(wal)
        before = _copy(source, target)
        _copy_wal(wal, wal_copy)
        heads = {head_before, _read_head(wal_copy), _read_head(wal)}
    if len(heads) > 1:
        raise _TryAgain(f"{database}-wal was begun anew while it was copied")
    if not head_before and _hash(source) != _hash(target):
        raise _TryAgain(f"{database} changed while it was copied")
    if _look(journal) != journal_before or _hash(journal) != _hash(journal_copy):
        raise _TryAgain(f"{database}-journal changed while it was copied")
    after = _look(source)
    if before.identity is None or before.identity != after.identity:
        raise _TryAgain(f"{database} was replaced while it was copied")
    if not head_before and before != after:
        raise _TryAgain(f"{database} changed while it was copied")


def _copy(path: Path, target: Path) -> _Look:
    """Copy a file, if there is one; return what it looked like at the beginning."""
    with _opened(path) as file:
        if file is None:
            return _ABSENT
        look = _status(file)
        copy = _create(target)
        try:
            while chunk := file.read(_CHUNK_BYTES):
                _write(copy, chunk, target)
        finally:
            os.close(copy)
    return look


def _copy_wal(wal: Path, target: Path) -> None:
    """Copy a WAL up to where recovery stops: what an older WAL left behind has other salts."""
    with _opened(wal) as file:
        if file is None:
            return
        head = file.read(_WAL_HEADER_BYTES)
        frame = min(int.from_bytes(head[8:12], "big"), _LARGEST_PAGE_BYTES) + _FRAME_HEADER_BYTES
        salts = head[16:24]
        copy = _create(target)
        try:
            _write(copy, head, target)
            while chunk := file.read(frame * max(1, _CHUNK_BYTES // frame)):
                starts = range(0, len(chunk), frame)
                end = next((at for at in starts if chunk[at + 8 : at + 16] != salts), len(chunk))
                _write(copy, chunk[:end], target)
                if end < len(chunk):
                    break
        finally:
            os.close(copy)


def _read_head(wal: Path) -> bytes:
    """Read a WAL's header, which differs whenever it is begun anew; nothing without a WAL."""
    with _opened(wal) as file:
        head = b"" if file is None else file.read(_WAL_HEADER_BYTES)
    return head if len(head) == _WAL_HEADER_BYTES else b""


def _hash(path: Path) -> bytes | None:
    with _opened(path) as file:
        return None if file is None else hashlib.file_digest(file, "sha256").digest()


def _look(path: Path) -> _Look:
    # Opening, not only asking, refreshes what NFS remembers.
    with _opened(path) as file:
        return _ABSENT if file is None else _status(file)


def _status(file: FileIO) -> _Look:
    status = os.fstat(file.fileno())
    return _Look(
        identity=(status.st_dev, status.st_ino),
        times=(status.st_size, status.st_mtime_ns, status.st_ctime_ns),
    )


@contextmanager
def _opened(path: Path) -> Iterator[FileIO | None]:
    """Open a file without a buffer, which could be older than the file; None when absent."""
    try:
        with path.open("rb", buffering=0) as file:
            yield file
    except FileNotFoundError:
        yield None
    except PermissionError as error:
        raise unreadable(path, error) from error
    except StorageError:  # about the copy
        raise
    except OSError as error:  # such as a stale NFS handle
        raise _TryAgain(f"{path} cannot be read: {error.strerror or error}") from error


def _journal_in_use(journal: Path) -> bool:
    with _opened(journal) as file:
        return file is not None and file.read(len(_JOURNAL_MAGIC)) == _JOURNAL_MAGIC


def _create(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unwritable(path, error) from error


def _write(descriptor: int, data: bytes, target: Path) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise unwritable(target, error) from error


# --- the copy --------------------------------------------------------------------------------


def _recover(target: Path) -> None:
    """Let SQLite roll back or replay what lies beside the copy; check it; make it one file."""
    try:
        with closing(
            sqlite3.connect(file_uri(target, mode="rw"), uri=True, isolation_level=None)
        ) as copy:
            copy.execute("PRAGMA trusted_schema = OFF")
            (mode,) = copy.execute("PRAGMA journal_mode = DELETE").fetchone()
            fault = damage(copy) if mode == "delete" else f"its journal mode stays {mode}"
    except (sqlite3.Error, UnicodeError, MemoryError) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise unwritable(target, error) from error
        raise _Damaged(str(error)) from error
    if fault is not None:
        raise _Damaged(fault)
    # A journal that was not in use is left where it was.
    _companion(target, "-journal").unlink(missing_ok=True)


def _companion(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _remove(target: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        _companion(target, suffix).unlink(missing_ok=True)


# --- S3 --------------------------------------------------------------------------------------


def _download(url: str, target: Path, fetch: Callable[[str, IO[bytes]], object] | None) -> None:
    """Fetch a database from S3, where an object is one version of it, and never torn.

    It is one file: rows that were only in a WAL beside it when it was uploaded are not in it.
    """
    _fetch(url, target, fetch)
    with target.open("rb") as file:
        parse_header(file.read(HEADER_BYTES), url)
    settle(target, called=url)


def _fetch(url: str, target: Path, fetch: Callable[[str, IO[bytes]], object] | None) -> None:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if fetch is None or not bucket or not key:
        raise DataError(f"The database {url} is no object in S3; write s3://bucket/key.")
    try:
        with os.fdopen(_create(target), "wb") as file:
            fetch(url, file)
    except NotFound as error:
        raise DataError(f"The database {url} does not exist.") from error
    except StorageError:
        raise
    except OSError as error:
        raise unwritable(target, error) from error


def settle(database: Path, *, called: object) -> None:
    """See that a database which nobody else has open is sound, and make it one file.

    Parameters
    ----------
    database
        The file; it leaves WAL mode.
    called
        How errors call it.

    Raises
    ------
    DataError
        If its pages contradict each other.
    """
    try:
        _recover(database)
    except _Damaged as error:
        raise DataError(f"The database {called} is corrupt: {in_one_line(error)}.") from error
