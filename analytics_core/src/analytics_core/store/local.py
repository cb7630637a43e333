"""Keys as files below one folder, each written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeVar

from analytics_core.errors import NotFound, StorageError
from analytics_core.store.base import TEMPORARY, Content, check_key

_BUFFER_BYTES = 1 << 20
_TRIES = 10
"""As often is a folder made for a file that others, who remove empty ones, have removed again."""

_T = TypeVar("_T")


class LocalStorage:
    """Keys are files below one folder; every write is atomic and survives a power cut."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()

    @property
    def url(self) -> str:
        """The folder's absolute path."""
        return str(self.folder)

    def read(self, key: str) -> bytes:
        """Return the file's content; raise `NotFound` when there is none."""
        return self._read(key, Path.read_bytes)

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return a part of the file's content; raise `NotFound` when there is none."""

        def part(path: Path) -> bytes:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(length)

        return self._read(key, part)

    def digest(self, key: str) -> str:
        """Return the SHA-256 (hex) of the file, read in pieces."""

        def summed(path: Path) -> str:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

        return self._read(key, summed)

    def write(self, key: str, data: Content, *, content_type: str = "application/json") -> None:
        """Write beside the target, flush to disk, then rename over it."""
        del content_type  # a file's name says it
        pieces = (data,) if isinstance(data, bytes) else data
        self._replace(key, lambda temporary: _fill(temporary, pieces))

    def read_version(self, key: str) -> tuple[bytes, str]:
        """Return the file's content, and its SHA-256 for `write_if`."""
        data = self.read(key)
        return data, hashlib.sha256(data).hexdigest()

    def write_if(self, key: str, data: bytes, version: str | None) -> bool:
        """Write as `write` does, with the folder locked, if the file is still that version."""
        with _locked(self._path(key).parent):
            try:
                there: str | None = self.digest(key)
            except NotFound:
                there = None
            if there == version:
                self._replace(key, lambda temporary: _fill(temporary, (data,)))
        return there == version

    def copy(self, source: str, target: str, *, content_type: str = "application/json") -> None:
        """Give the file a second name, or copy it where the file system cannot.

        Nothing ever writes into a file that has its name: both stay what they are.
        """
        del content_type
        path = self._path(source)

        def fill(temporary: Path) -> None:
            try:
                temporary.hardlink_to(path)
            except FileNotFoundError as error:
                if path.exists():
                    raise
                raise NotFound(f"{path} does not exist") from error
            except OSError:  # no second names here, or too many of them
                with path.open("rb") as file, temporary.open("xb") as copied:
                    shutil.copyfileobj(file, copied, _BUFFER_BYTES)
                    copied.flush()
                    os.fsync(copied.fileno())

        self._replace(target, fill)

    def _read(self, key: str, read: Callable[[Path], _T]) -> _T:
        path = self._path(key)
        try:
            return read(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"{path} does not exist") from error
        except OSError as error:
            raise StorageError(explain("read", path, error)) from error

    def _replace(self, key: str, fill: Callable[[Path], None]) -> None:
        """Have a file made beside the target, then rename it over that."""
        path = self._path(key)
        temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}")
        try:
            for left in reversed(range(_TRIES)):
                try:
                    make_folder(path.parent)
                    fill(temporary)
                    break
                except FileNotFoundError:
                    # others removed the folder again while it was empty
                    if not left or temporary.exists():
                        raise
            temporary.replace(path)
            # renaming one name of a file over another name of it leaves both
            temporary.unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):  # removed again by now
                flush_folder(path.parent)
        except BaseException as error:  # also Interrupted: leave no half-written file behind
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            if isinstance(error, OSError) and not isinstance(error, StorageError):
                raise StorageError(explain("write", path, error)) from error
            raise

    def require_writable(self) -> None:
        """See that files can be written, by writing one; raise `StorageError` otherwise."""
        probe = self.folder / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"
        try:
            make_folder(self.folder)
            probe.touch(exist_ok=False)
            probe.unlink()
        except OSError as error:
            raise StorageError(explain("write", self.folder, error)) from error

    def list(self, prefix: str) -> list[str]:
        """Return the keys of all files below the folder whose key starts with `prefix`."""
        top = self.folder / PurePosixPath(prefix.rpartition("/")[0])
        if prefix:
            check_key(prefix.rstrip("/") or prefix)
        keys = []
        try:
            for folder, _, names in os.walk(top, onerror=_unless_gone):
                base = Path(folder).relative_to(self.folder)
                keys += [
                    (base / name).as_posix() for name in names if not name.startswith(TEMPORARY)
                ]
        except OSError as error:
            raise StorageError(explain("list", top, error)) from error
        return sorted(key for key in keys if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """Remove the file, and the folders above it that are empty now."""
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise StorageError(explain("delete", path, error)) from error
        for folder in path.parents:
            if folder == self.folder or not folder.is_relative_to(self.folder):
                break
            try:
                folder.rmdir()
            except OSError:  # not empty, or somebody just wrote into it
                break

    def _path(self, key: str) -> Path:
        return self.folder / check_key(key)


def _fill(temporary: Path, pieces: Iterable[bytes]) -> None:
    """Make a file of some pieces and flush it to disk."""
    # os.open, not tempfile: the file shall have the mode the umask asks for
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    with os.fdopen(descriptor, "wb", buffering=_BUFFER_BYTES) as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other writers of this machine out, where folders can be locked; death unlocks."""
    try:
        import fcntl

        make_folder(folder)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except ImportError:  # Windows
        yield
        return
    except OSError as error:
        raise StorageError(explain("write", folder, error)) from error
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _unless_gone(error: OSError) -> None:
    """Raise, but not for a folder that is not there, or that others remove while it is walked."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error  # os.walk keeps errors to itself otherwise


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
