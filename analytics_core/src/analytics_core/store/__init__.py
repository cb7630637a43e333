"""Where bytes go: a folder or an S3 prefix, and how a set of documents is published.

`Storage` is the one seam: nothing else in the package knows whether a key ends up in a file or
in an object.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from analytics_core.errors import Damaged, NotFound, StorageError
from analytics_core.store.base import Storage
from analytics_core.store.local import LocalStorage
from analytics_core.store.publish import prune_runs, publish, read_manifest, read_published
from analytics_core.store.ranges import read_recipe
from analytics_core.store.s3 import S3Storage

__all__ = [
    "LocalStorage",
    "S3Storage",
    "Storage",
    "open_storage",
    "prune_runs",
    "publish",
    "read_manifest",
    "read_published",
    "read_recipe",
    "require_writable",
]


def open_storage(location: str | Path) -> Storage:
    """Open a folder or an S3 prefix.

    Parameters
    ----------
    location
        A path of a folder, which need not exist yet, or ``s3://bucket[/prefix]``.

    Raises
    ------
    StorageError
        When `location` has a scheme other than ``s3``, or names no bucket.

    Examples
    --------
    >>> open_storage("s3://bucket/cocktails/").url
    's3://bucket/cocktails'
    """
    text = str(location)
    if not isinstance(location, Path) and "://" in text:
        scheme, _, rest = text.partition("://")
        bucket, _, prefix = rest.partition("/")
        if scheme.lower() != "s3" or not bucket:
            raise StorageError(f"{text} is no place to store: use a folder or s3://bucket/prefix")
        return S3Storage(bucket, prefix)
    if not text:
        raise StorageError("the place to store is empty: use a folder or s3://bucket/prefix")
    return LocalStorage(text)


def require_writable(storage: Storage) -> None:
    """See that a set can be published at a place, before the work whose result goes there.

    Parameters
    ----------
    storage
        A folder is written into. Of a bucket is seen that it is there and may be read: whether
        it may be written shows at the first stage that is kept.

    Raises
    ------
    StorageError
        If it cannot be reached or written, or holds a set of another storage version.
    """
    if isinstance(storage, LocalStorage):
        storage.require_writable()
    with contextlib.suppress(NotFound, Damaged):
        read_manifest(storage)
