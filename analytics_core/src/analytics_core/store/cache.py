"""Results of finished stages, kept so that a retry goes on from the last of them.

A result lies under the fingerprint of everything it was made from (inputs, settings,
code), so it is never out of date: it is either the right one or absent. Several
machines may share a cache; whoever finishes first leaves the result for all.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from analytics_core.errors import NotFound
from analytics_core.store.base import Storage

_MAGIC = b"analytics-core stage result 1\n"
_HEADER_BYTES = len(_MAGIC) + hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Cache:
    """The stage results in one `Storage`, below ``work/<stage>/<fingerprint>.npz``."""

    storage: Storage

    def load(self, stage: str, fingerprint: str) -> bytes | None:
        """Return what `save` left, or ``None`` when there is nothing usable.

        A torn, foreign or misplaced file counts as nothing: the stage is then computed.

        Raises
        ------
        StorageError
            When the cache cannot be reached at all.
        """
        try:
            content = self.storage.read(_key(stage, fingerprint))
        except NotFound:
            return None
        header, data = content[:_HEADER_BYTES], content[_HEADER_BYTES:]
        return data if header == _header(stage, fingerprint, data) else None

    def save(self, stage: str, fingerprint: str, data: bytes) -> None:
        """Keep `data` as the result of `stage` for inputs with this `fingerprint`."""
        content = _header(stage, fingerprint, data) + data
        self.storage.write(
            _key(stage, fingerprint), content, content_type="application/octet-stream"
        )


def _key(stage: str, fingerprint: str) -> str:
    return f"work/{stage}/{fingerprint}.npz"


def _header(stage: str, fingerprint: str, data: bytes) -> bytes:
    # the digest covers stage and fingerprint, so that a file under a wrong name does not count
    digest = hashlib.sha256(f"{stage}/{fingerprint}\n".encode())
    digest.update(data)
    return _MAGIC + digest.digest()
