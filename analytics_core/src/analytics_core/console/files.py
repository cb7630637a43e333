"""One file that a command writes: a name, a link, a pipe, a device, or ``-``."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from pathlib import Path

from analytics_core.errors import StorageError
from analytics_core.store.local import explain, make_folder

STDOUT = "-"
# An entry that nothing may be renamed over, such as one file that is mounted into a container.
_IN_PLACE = {errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS}


def require_writable(target: str) -> None:
    """See that a file can be written, before the work whose result it takes.

    Parameters
    ----------
    target
        A path, or ``-`` for standard output.

    Raises
    ------
    StorageError
        If it is empty or a folder, or neither it nor its folder may be written.
    """
    if target == STDOUT:
        return
    if not target:
        raise StorageError("the file to write has no name; name one, or - for standard output")
    place = Path(os.path.realpath(target))
    if place.is_dir():
        raise StorageError(f"cannot write {target}: it is a folder; name a file in it")
    if place.exists() and os.access(place, os.W_OK):
        return
    folder = next(above for above in place.parents if os.path.lexists(above))
    if not folder.is_dir():
        raise StorageError(
            f"cannot write {target}: {folder} is a file, and a folder is needed there"
        )
    if place.exists() or not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(
            f"cannot write {target}: this user may not write"
            f" {'it' if place.exists() else f'in {folder}'}; choose another file"
        )


def write_file(target: str, data: bytes) -> None:
    """Write one file, as a whole where that is possible.

    A regular file appears or changes at once, with the mode it had. Links are followed, and what is
    written into (pipes, devices, files that have another name too) stays what it is.

    Parameters
    ----------
    target
        A path, whose folders are made, or ``-`` for standard output.
    data
        What it shall hold.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    if target == STDOUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    place = Path(os.path.realpath(target))
    try:
        make_folder(place.parent)
        if not _replaced(place, data):
            with place.open("wb", buffering=0) as file:
                view = memoryview(data)
                while view:
                    view = view[file.write(view) :]
    except BrokenPipeError as error:
        raise StorageError(f"cannot write {target}: its reader went away") from error
    except OSError as error:
        raise StorageError(explain("write", Path(target), error)) from error


def _replaced(place: Path, data: bytes) -> bool:
    """Rename a new file over the old one; False where the old one has to be written into."""
    mode = None
    if os.path.lexists(place):
        before = place.stat()
        if not stat.S_ISREG(before.st_mode) or before.st_nlink > 1:
            return False
        mode = stat.S_IMODE(before.st_mode)
    try:
        _replace(place, data, mode=mode)
    except OSError as error:
        if mode is None or error.errno not in _IN_PLACE:
            raise
        return False
    return True


def _replace(place: Path, data: bytes, *, mode: int | None) -> None:
    """Write beside the file and rename over it."""
    temporary = place.with_name(f".{place.name[:40]}.writing-{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
    except BaseException:  # also Interrupted: leave nothing half written behind
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
