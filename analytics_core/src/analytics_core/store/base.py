"""The one seam: a flat space of keys that hold bytes, wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from analytics_core.errors import StorageError

Content = bytes | Iterable[bytes]
"""What is written: all at once, or piece after piece as it is made."""

TEMPORARY = ".writing-"
"""Begins the name of a file that is not whole yet; no key may use it."""


class Storage(Protocol):
    """A flat space of keys (``a/b/c.json``) that hold bytes."""

    @property
    def url(self) -> str:
        """Where this is, in the form :func:`open_storage` accepts."""
        ...

    def read(self, key: str) -> bytes:
        """Return what is stored under `key`; raise `NotFound` when nothing is."""
        ...

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return `length` bytes from `start` on; fewer where the content ends before."""
        ...

    def write(self, key: str, data: Content, *, content_type: str = "application/json") -> None:
        """Store `data` under `key`; readers see the old content or the new, never a part.

        Pieces are written as they come; a long content is never in memory as a whole.
        """
        ...

    def read_version(self, key: str) -> tuple[bytes, str]:
        """Return what is stored under `key` and the name of this version of it, for `write_if`."""
        ...

    def write_if(self, key: str, data: bytes, version: str | None) -> bool:
        """Store JSON under `key` if `version` is still there (None: nothing); say whether it was.

        Of several writers that read one version, one is let through. Where the store knows no
        conditions, all are.
        """
        ...

    def copy(self, source: str, target: str, *, content_type: str = "application/json") -> None:
        """Store under `target` what is under `source`, as `write` would, without reading it."""
        ...

    def digest(self, key: str) -> str:
        """Return the SHA-256 (hex) of what is stored; raise `NotFound` when nothing is.

        By the store's own word where it keeps one, else by reading, piece after piece.
        """
        ...

    def list(self, prefix: str) -> list[str]:
        """Return the keys that start with `prefix`, in ascending order."""
        ...

    def delete(self, key: str) -> None:
        """Remove `key`; removing what is not there is no error."""
        ...


def check_key(key: str) -> str:
    """Return `key` when it is a plain relative path of named parts.

    Raises
    ------
    StorageError
        For empty, absolute or climbing (``..``) keys, backslashes and control characters.
    """
    parts = key.split("/")
    if any(part in {"", ".", ".."} or part.startswith(TEMPORARY) for part in parts) or any(
        character == "\\" or ord(character) < 32 for character in key
    ):
        raise StorageError(f"{key!r} is not a valid key: use plain parts separated by single '/'")
    return key
