"""Folders for the time of some work, in the scratch folder that somebody named."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analytics_core.errors import StorageError

SNAPSHOT = "snapshot-"
"""Begins the name of a folder that holds a snapshot."""

ELSEWHERE = (
    "name another scratch folder (--scratch), or give the job more (scratch_mib in the"
    " environment's settings)"
)


@contextmanager
def temporary(scratch: Path | None) -> Iterator[Path]:
    """Make a folder and remove it in the end.

    Parameters
    ----------
    scratch
        Where, made if absent; None is the system's place for such folders.

    Raises
    ------
    StorageError
        If the folder cannot be made.
    """
    folder = make_folder(scratch, prefix="analytics-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_folder(scratch: Path | None, *, prefix: str) -> Path:
    """Make a folder that whoever asks for it removes; parameters and errors as in `temporary`."""
    try:
        if scratch is not None:
            scratch.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=scratch))
    except OSError as error:
        raise unwritable(scratch or "a temporary folder", error) from error


def unwritable(place: Path | str, error: Exception) -> StorageError:
    """Say that a copy found no place in a folder, which is the one that somebody named."""
    parents = place.parents if isinstance(place, Path) else ()
    folder = next((p.parent for p in parents if p.name.startswith(SNAPSHOT)), place)
    reason = getattr(error, "strerror", None) or error
    return StorageError(f"The snapshot cannot be written to {folder}: {reason}; {ELSEWHERE}.")
