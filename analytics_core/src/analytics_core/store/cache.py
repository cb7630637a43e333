"""Results of finished stages, kept so that a retry goes on from the last of them.

A result lies under the fingerprint of everything it was made from (inputs, settings, code), so
it is never out of date: it is either the right one or absent. Several machines may share a cache;
whoever finishes first leaves the result for all.

In a folder, each run also leaves a list of what it used, so that what the last runs did not use
can be removed. In a bucket a lifecycle rule does that, and the job needs no leave to delete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from analytics_core.errors import NotFound
from analytics_core.store.base import Storage
from analytics_core.store.local import LocalStorage

KEPT_RUNS = 5
"""Runs whose results stay in a folder: also those of some that are under way."""

_MAGIC = b"analytics-core stage result 1\n"
_HEADER_BYTES = len(_MAGIC) + hashlib.sha256().digest_size
_ROOT = "work/"
_USED = "work/used/"


def workspace_of(plan: str) -> str:
    """Return what the keys of a plan's own workspace begin with."""
    return f"{_ROOT}{plan}/"


def _name_process() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"


@dataclass(slots=True)
class Cache:
    """The stage results in one `Storage`, below ``work/<stage>/<fingerprint>.npz``.

    Attributes
    ----------
    storage : Storage
    run_id : str, optional
        The run that uses the cache; where there is none, nobody's use is noted.
    plan : str, optional
        The plan whose own workspace it is: results lie below ``work/<plan>/``.
    """

    storage: Storage
    run_id: str | None = None
    plan: str | None = None
    _used: list[str] = field(default_factory=list)
    _process: str = field(default_factory=_name_process)

    def load(self, stage: str, fingerprint: str) -> bytes | None:
        """Return what `save` left, or ``None`` when there is nothing usable.

        A torn, foreign or misplaced file counts as nothing: the stage is then computed.

        Raises
        ------
        StorageError
            When the cache cannot be reached at all.
        """
        key = self._key(stage, fingerprint)
        try:
            content = self.storage.read(key)
        except NotFound:
            return None
        header, data = content[:_HEADER_BYTES], content[_HEADER_BYTES:]
        if header != _header(stage, fingerprint, data):
            return None
        self._use(key)
        return data

    def save(self, stage: str, fingerprint: str, data: bytes) -> None:
        """Keep `data` as the result of `stage` for inputs with this `fingerprint`."""
        key = self._key(stage, fingerprint)
        self._use(key)
        content = _header(stage, fingerprint, data) + data
        self.storage.write(key, content, content_type="application/octet-stream")

    def prune(self, keep: int = KEPT_RUNS) -> list[str]:
        """Remove what none of the last `keep` runs used; in a bucket, nothing.

        Nothing is removed either where this run's own list is not among those that were read: then
        others' may be missing too.

        Returns
        -------
        list of str
            The keys of the removed results.
        """
        if not isinstance(self.storage, LocalStorage):
            return []
        # Before the lists are read: who leaves a result has listed it by then.
        results = [key for key in self.storage.list(_ROOT) if not key.startswith(_USED)]
        lists: dict[str, list[str]] = {}
        for key in self.storage.list(_USED):
            lists.setdefault(key.split("/")[2], []).append(key)
        # a run may be many processes; the name of each one's list begins with the time
        latest = sorted(lists, key=lambda run: max(lists[run]).rpartition("/")[2])[-keep:]
        used = {result for run in latest for key in lists.pop(run) for result in self._listed(key)}
        if not self._used or not used.issuperset(self._used):
            return []
        removed = [key for key in results if key.endswith(".npz") and key not in used]
        for key in [*removed, *(key for keys in lists.values() for key in keys)]:
            self.storage.delete(key)
        return removed

    def _key(self, stage: str, fingerprint: str) -> str:
        root = workspace_of(self.plan) if self.plan else _ROOT
        return f"{root}{stage}/{fingerprint}.npz"

    def _use(self, key: str) -> None:
        """Note that this run uses a result; before it is written, so that nobody removes it."""
        if self.run_id is None or key in self._used or not isinstance(self.storage, LocalStorage):
            return
        self._used.append(key)
        name = f"{_USED}{self.run_id}/{self._process}.json"
        self.storage.write(name, json.dumps(self._used).encode())

    def _listed(self, key: str) -> set[str]:
        with contextlib.suppress(NotFound, ValueError, TypeError):
            return set(json.loads(self.storage.read(key)))
        return set()


def _header(stage: str, fingerprint: str, data: bytes) -> bytes:
    # the digest covers stage and fingerprint, so that a file under a wrong name does not count
    digest = hashlib.sha256(f"{stage}/{fingerprint}\n".encode())
    digest.update(data)
    return _MAGIC + digest.digest()
