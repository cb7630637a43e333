"""Writes files that belong to one maker: what is unchanged stays, what is gone is removed.

A list beside the files has the SHA-256 of each. While files are written it has the old and the
new one of each that changes, so that a run that was stopped half-way is gone on with, and a file
of somebody else is never touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from analytics_core.errors import Damaged, NotFound, StorageError
from analytics_core.store import LocalStorage, Storage

LIST_KEY = "site-files.json"
"""Names every file that was written, with its SHA-256."""
_AT_ONCE = 10
"""Files on their way at once: a store far away takes long for each; S3's client has ten lines."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the files.

    Attributes
    ----------
    files : int
        How many there are now.
    written, unchanged, removed : int
        How many of them were written, and stayed as they were; how many are gone.
    left : list of str
        Files that had to go, and stay because somebody else has changed them.
    """

    files: int
    written: int
    unchanged: int
    removed: int
    left: list[str]


def write_files(storage: Storage, files: Mapping[str, Callable[[], bytes]]) -> Written:
    """Make a place hold these files, and no others that were written there before.

    Parameters
    ----------
    storage : Storage
    files : mapping
        What makes each file's content, by key. It is called twice where the content changed, so
        that all of it need not be kept.

    Returns
    -------
    Written

    Raises
    ------
    StorageError
        A file of that name is there and was not written here, the list is damaged, or the place
        cannot be read or written. The next call goes on from there.
    """
    if isinstance(storage, LocalStorage):
        storage.require_writable()  # before the work: every file is made once to be compared
    before = _read_list(storage)
    digests = {key: hashlib.sha256(make()).hexdigest() for key, make in files.items()}
    there = _existing(storage, {*before, *digests})
    foreign = sorted(key for key in digests if key in there and key not in before)
    if foreign:
        others = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise StorageError(
            f"{foreign[0]}{others} at {storage.url} was not written by this command; choose"
            " another place, or remove it"
        )

    def is_same(key: str) -> bool:
        known = before.get(key, [])
        if key not in there or digests[key] not in known:
            return False
        return len(known) == 1 or _digest(storage, key) == digests[key]

    changed = [key for key, same in _each(is_same, digests) if not same]
    gone = [key for key in before if key not in digests]
    if changed or gone:
        writing = {key: sorted({*before.get(key, []), digests[key], ""}) for key in changed}
        kept = {key: [digest] for key, digest in digests.items() if key not in writing}
        _write_list(storage, kept | {key: before[key] for key in gone} | writing)

        def put(key: str) -> None:
            storage.write(key, files[key](), content_type=_content_type(key))

        for _ in _each(put, changed):
            pass

    def remove(key: str) -> bool:
        if key in there and _digest(storage, key) not in before[key]:
            return False
        storage.delete(key)
        return True

    left = sorted(key for key, removed in _each(remove, gone) if not removed)
    if changed or gone:
        _write_list(storage, {key: [digest] for key, digest in digests.items()})
    return Written(
        files=len(digests),
        written=len(changed),
        unchanged=len(digests) - len(changed),
        removed=len(gone) - len(left),
        left=left,
    )


def _each(work: Callable[[str], R], keys: Iterable[str]) -> Iterable[tuple[str, R]]:
    """Do work for each key, several at once; the first error ends it."""
    listed = list(keys)
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="site")
    try:
        yield from zip(listed, pool.map(work, listed), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _existing(storage: Storage, keys: set[str]) -> set[str]:
    """Tell which keys are there, listing only the folders that they are in."""
    folders = {key.partition("/")[0] + "/" for key in keys if "/" in key}
    there = {key for folder in folders for key in storage.list(folder)}
    there |= {key for key in keys if "/" not in key and _digest(storage, key) is not None}
    return there & keys


def _digest(storage: Storage, key: str) -> str | None:
    with contextlib.suppress(NotFound):
        return storage.digest(key)
    return None


def _read_list(storage: Storage) -> dict[str, list[str]]:
    try:
        listed = json.loads(storage.read(LIST_KEY))
        files = {str(key): [str(one) for one in known] for key, known in listed["files"].items()}
    except NotFound:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(
            f"{LIST_KEY} at {storage.url} is damaged, so nobody knows which files are the site's;"
            " remove them and it, and write the site again"
        ) from error
    return files


def _write_list(storage: Storage, files: Mapping[str, list[str]]) -> None:
    body = {"what": "written by analytics-core site; it removes nothing else", "files": files}
    storage.write(LIST_KEY, json.dumps(body, indent=0, sort_keys=True).encode())


def _content_type(key: str) -> str:
    kinds = {"xml": "application/xml", "png": "image/png"}
    return kinds.get(key.rpartition(".")[2], "text/html; charset=utf-8")
