"""The one seam: a flat space of keys that hold bytes, wherever they are kept."""

from __future__ import annotations

from typing import Protocol

from analytics_core.errors import StorageError

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

    def write(self, key: str, data: bytes, *, content_type: str = "application/json") -> None:
        """Store `data` under `key`; readers see the old content or the new, never a part."""
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
