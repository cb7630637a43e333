"""What writing to a local folder needs beyond `pathlib`: flushed folders, errors in words."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def reraise(error: OSError) -> None:
    """Raise; ``os.walk`` keeps errors to itself otherwise."""
    raise error


def make_folder(folder: Path) -> None:
    """Make `folder` and what is missing above it, each entry flushed to its parent."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        if folder == folder.parent:
            break
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, where the file system can."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open folders
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # some network and FUSE file systems do not flush folders; the rename still is atomic
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def explain(action: str, path: Path, error: OSError) -> str:
    """Say what could not be done with which file, why, and what to do about it."""
    hints = {
        errno.ENOSPC: "free some space or choose another folder",
        errno.EACCES: "check the folder's permissions",
        errno.EROFS: "choose a folder that can be written",
        errno.EEXIST: "a file stands where a folder is needed; choose another folder",
        errno.ENOTDIR: "a file stands where a folder is needed; choose another folder",
        errno.ENAMETOOLONG: "use a shorter name",
    }
    hint = hints.get(error.errno or 0, "check the folder")
    return f"cannot {action} {path}: {error.strerror or error}; {hint}"
