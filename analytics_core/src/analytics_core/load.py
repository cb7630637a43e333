"""Put an uploaded database where the refresh reads it: checked, whole, and under nobody's hands.

In the target's folder, for the target ``cocktails.db``::

    .cocktails.db.loading            1. locked: one load of a target at a time
    .cocktails.db.loading-<random>   2. the upload, streamed here, compared, checked, made one file
    .cocktails.db.loading            3. the receipt: of which upload, as which file (inode)
    cocktails.db                     4. nobody has the old one open: the new one is renamed over it
    s3://bucket/incoming/…           5. the upload is removed

**Killed at any instant**, the target is the old database or the new one. Whoever holds the lock
knows that the loads which left a file of step 2 behind are dead, and removes it. A load that is
run again begins anew, with two exceptions. Where the target is the receipt's file, the first run
came as far as step 4: only the upload is removed, because the site may have written since, and
loading again would undo that. Where the upload is gone and the target is still the receipt's
file, the first run came to its end. An upload that cannot be used stays where it is: it may be
the only copy, and whoever sent it can tell.

**The old database may be in use.** SQLite finds a WAL or a hot journal by the database's name, so
one of the old database beside the new one would be replayed into it. Therefore

- what a dead writer left is first put back into the old database, by SQLite itself;
- then the old database is locked as a writer locks it that needs it alone, which no connection
  that reads or writes, or has a WAL open, allows. With the lock held what is left of such files
  is empty. It is removed, and the new database is renamed over the old one;
- where the lock cannot be had for a while, the load is refused. Told to go on all the same, it
  removes those files first and then renames: a living connection keeps writing to the old file,
  which has no name any more, and what it writes is lost.

A connection in rollback-journal mode that does nothing holds no lock and is not noticed. It goes on
reading the old content until it is opened anew; SQLite sees that its file has lost its name and
refuses to write (``SQLITE_READONLY_DBMOVED``).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analytics_core.errors import AnalyticsError, DataError, NotFound, StorageError
from analytics_core.settings import RefreshSettings
from analytics_core.source.catalog import Catalog
from analytics_core.source.layouts import AUTO, load_catalog, reader_of
from analytics_core.source.snapshot import settle
from analytics_core.source.sqlite_file import HEADER_BYTES, file_uri, parse_header
from analytics_core.store import S3Storage
from analytics_core.store.local import explain, flush_folder, make_folder

SHA256_METADATA = "sha256"
"""Under this name an upload's metadata may say the SHA-256 (hex) of what was sent."""

OTHER_LOAD_PATIENCE_SECONDS = 120.0
"""An NFS server keeps the locks of an instance that vanished for some 90 s."""

IN_USE_PATIENCE_SECONDS = 30.0

_PAUSE_SECONDS = 0.2
_COMPANIONS = ("-wal", "-journal", "-shm")
# SQLite's lock bytes: pending, reserved, and 510 for readers; see source/snapshot.py.
_FIRST_LOCK_BYTE, _LOCK_BYTES = 0x40000000, 512


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of a load.

    Attributes
    ----------
    catalog
        What the new database holds; None where an earlier run of the same load had put it there.
    upload_left
        Why the upload could not be removed, or None.
    """

    catalog: Catalog | None
    upload_left: str | None = None


def load_database(
    source: str,
    target: Path | str,
    *,
    even_in_use: bool = False,
    layout: str = AUTO,
    bar: str | None = None,
    on_step: Callable[[str, Mapping[str, Any]], None] = lambda _step, _facts: None,
) -> Loaded:
    """Replace a database on a file system by an upload in S3, and remove the upload.

    Parameters
    ----------
    source
        The upload, ``s3://bucket/key``.
    target
        The database to replace, or to make. A link is followed. The new file gets the mode of
        the old one.
    even_in_use
        Whether to go on where another process has the old database open.
    layout, bar
        How a refresh will read it; see `analytics_core.source.layouts.load_catalog`.
    on_step
        Told when the upload was ``fetched`` and ``checked``, with facts.

    Returns
    -------
    Loaded

    Raises
    ------
    DataError
        If the upload is missing, no sound SQLite database, or lacks what a refresh needs; the
        old database and the upload stay as they are.
    StorageError
        If the folder cannot be written, S3 refuses, or the old database is in use.
    """
    if layout != AUTO:
        reader_of(layout)  # what is wrong with its file is said before anything is fetched
    bucket, _, key = source.removeprefix("s3://").partition("/")
    if not source.startswith("s3://") or not bucket or not key:
        raise DataError(f"The upload {source} is no object in S3; write s3://bucket/key.")
    uploads = S3Storage(bucket)
    place = Path(os.path.realpath(target))
    with _explained(place):
        make_folder(place.parent)
        with _only_load(place) as receipt_file:
            _remove_leftovers(place)
            temporary = place.with_name(f".{place.name}.loading-{secrets.token_hex(8)}")
            try:
                etag = _fetch(uploads, key, source, temporary, on_step)
                catalog = None
                if not _is_placed(place, receipt_file, source, etag):
                    catalog = _check(temporary, source, layout, bar, on_step)
                    _finish(temporary, place)
                    _write_receipt(receipt_file, source, etag, temporary)
                    _replace(temporary, place, even_in_use=even_in_use)
                    flush_folder(place.parent)
            except NotFound as error:
                if not _is_placed(place, receipt_file, source, etag=None):
                    raise DataError(
                        f"The upload {source} does not exist; upload it again."
                    ) from error
                return Loaded(None)
            finally:
                _remove(temporary)
            try:
                uploads.delete(key)
            except StorageError as error:
                return Loaded(catalog, upload_left=str(error))
    return Loaded(catalog)


# --- the upload ------------------------------------------------------------------------------


def _fetch(
    uploads: S3Storage,
    key: str,
    source: str,
    temporary: Path,
    on_step: Callable[[str, Mapping[str, Any]], None],
) -> str:
    """Stream the upload into a new file and compare it with what was sent; return its ETag."""
    started = time.monotonic()
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "w+b") as file:
        answer = uploads.fetch(key, file)
        file.seek(0)
        parse_header(file.read(HEADER_BYTES), source)
        sent = answer.get("Metadata", {}).get(SHA256_METADATA)
        file.seek(0)
        if sent and hashlib.file_digest(file, "sha256").hexdigest() != sent:
            raise DataError(
                f"The upload {source} is not what was sent (its SHA-256 is another); upload again."
            )
        size = file.seek(0, os.SEEK_END)
    on_step("fetched", {"bytes": size, "seconds": round(time.monotonic() - started, 3)})
    return str(answer["ETag"])


def _check(
    temporary: Path,
    source: str,
    layout: str,
    bar: str | None,
    on_step: Callable[[str, Mapping[str, Any]], None],
) -> Catalog:
    """See that a refresh could use the database; make it one file."""
    settle(temporary, called=source)
    volumes = RefreshSettings().volume_rule  # as a refresh reads it by default
    catalog = load_catalog(temporary, called=source, layout=layout, bar=bar, volumes=volumes)
    facts = {
        "recipes": len(catalog.recipes.names),
        "ingredients": len(catalog.ingredients.names),
        "findings": len(catalog.findings),
    }
    on_step("checked", facts)
    return catalog


# --- one load at a time, and what it leaves for the next -------------------------------------


@contextmanager
def _only_load(place: Path) -> Iterator[int]:
    """Keep other loads of the same target waiting; hand out the file that is locked for that."""
    path = place.with_name(f".{place.name}.loading")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    deadline = time.monotonic() + OTHER_LOAD_PATIENCE_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StorageError(
                        f"another load of {place} has been going on for "
                        f"{OTHER_LOAD_PATIENCE_SECONDS:g} s; let it end, then load again"
                    ) from None
                time.sleep(_PAUSE_SECONDS)
            else:
                break
        yield descriptor
    finally:
        os.close(descriptor)


def _remove_leftovers(place: Path) -> None:
    """Remove the temporary files of dead loads of this target."""
    name = re.compile(re.escape(f".{place.name}.loading-") + "[0-9a-f]{16}")
    for path in place.parent.iterdir():
        if name.fullmatch(re.sub(f"({'|'.join(_COMPANIONS)})$", "", path.name)):
            path.unlink(missing_ok=True)


def _remove(temporary: Path) -> None:
    for suffix in ("", *_COMPANIONS):
        _companion(temporary, suffix).unlink(missing_ok=True)


def _write_receipt(descriptor: int, source: str, etag: str, file: Path) -> None:
    receipt = {"source": source, "etag": etag, "inode": file.stat().st_ino}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(receipt).encode(), 0)
    os.fsync(descriptor)


def _is_placed(place: Path, descriptor: int, source: str, etag: str | None) -> bool:
    """Whether the target is the file of this upload, or of one whose ETag nobody knows any more."""
    try:
        receipt = json.loads(os.pread(descriptor, 1 << 16, 0))
        same = receipt["source"] == source and etag in (None, receipt["etag"])
        return bool(same and place.stat().st_ino == receipt["inode"])
    except (ValueError, LookupError, TypeError, FileNotFoundError):
        return False  # the first load, or one that died while it wrote


# --- the target ------------------------------------------------------------------------------


def _finish(temporary: Path, place: Path) -> None:
    """Give the new database the mode of the old one, and flush it to disk."""
    with temporary.open("rb") as file:
        with suppress(FileNotFoundError):
            os.fchmod(file.fileno(), stat.S_IMODE(place.stat().st_mode))
        os.fsync(file.fileno())


def _replace(temporary: Path, place: Path, *, even_in_use: bool) -> None:
    """Rename the new database over the old one while nobody has that open."""
    lock = None
    try:
        if not even_in_use:
            lock = _shut(place)
        for suffix in _COMPANIONS:
            _companion(place, suffix).unlink(missing_ok=True)
        temporary.replace(place)
    finally:
        if lock is not None:
            os.close(lock)


def _shut(place: Path) -> int | None:
    """Lock the old database, one file by then, for ourselves; None where there is none."""
    deadline = time.monotonic() + IN_USE_PATIENCE_SECONDS
    while place.exists():
        if _put_together(place):
            descriptor = os.open(place, os.O_RDWR | os.O_CLOEXEC)
            if _lock_alone(descriptor) and not _has_rows_beside(place):
                return descriptor
            os.close(descriptor)
        if time.monotonic() > deadline:
            raise StorageError(
                f"the database {place} is in use: for {IN_USE_PATIENCE_SECONDS:g} s another "
                "process had it locked. Stop what has it open (the site, or a refresh) and load "
                "again; with --even-in-use it is replaced all the same, and what its users write "
                "until they open it anew is lost"
            )
        time.sleep(_PAUSE_SECONDS)
    return None


def _lock_alone(descriptor: int) -> bool:
    """Take the locks of a writer that needs the database alone, unless anybody else has one."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK_BYTES, _FIRST_LOCK_BYTE)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _put_together(place: Path) -> bool:
    """Let SQLite move what a dead writer left into the old database; False while one lives."""
    if not _has_rows_beside(place):
        return True
    try:
        with closing(
            sqlite3.connect(file_uri(place, mode="rw"), uri=True, timeout=0, isolation_level=None)
        ) as alone:
            # Said before the first access, so that a WAL is read without shared memory, which
            # other machines would not see, and only when nobody else has the database open.
            alone.execute("PRAGMA locking_mode = EXCLUSIVE")
            alone.execute("BEGIN IMMEDIATE")
            alone.execute("ROLLBACK")
    except sqlite3.Error as error:
        code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            for suffix in _COMPANIONS:  # nothing can be put back into what is no database
                _companion(place, suffix).unlink(missing_ok=True)
            return True
        if code != sqlite3.SQLITE_BUSY:
            raise StorageError(
                f"what a dead writer left beside {place} cannot be put back into it: {error}; "
                "open it once with sqlite3, or load with --even-in-use"
            ) from error
    return not _has_rows_beside(place)


def _has_rows_beside(place: Path) -> bool:
    """Whether there is a WAL with anything in it, or a journal that is in use."""
    for suffix in ("-wal", "-journal"):
        try:
            with _companion(place, suffix).open("rb", buffering=0) as file:
                if any(file.read(8)):  # a journal that is not in use begins with zeros
                    return True
        except FileNotFoundError:
            continue
    return False


def _companion(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Turn the operating system's refusals into sentences about the target."""
    try:
        yield
    except AnalyticsError:
        raise
    except OSError as error:
        raise StorageError(explain("write", place, error)) from error
