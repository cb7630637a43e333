"""How a set of documents becomes visible as a whole.

::

    analytics/v1/runs/<run_id>/<type>.json    1. every document, then compared by checksum
    analytics/v1/runs/<run_id>/manifest.json  2. the set is complete
    analytics/v1/<type>.json                  3. the stable keys, copied one after the other
    analytics/v1/manifest.json                4. from here on readers see the new set
    analytics/v1/<type>.json                  5. once more: others may have copied meanwhile
    analytics/v1/report.html                  6. removed where the set has none, and so each other
                                                 stable key of the set before

A reader that follows the manifest never sees a mixture, whenever the writer dies.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, TypeVar

import orjson

from analytics_core.errors import Damaged, NotFound, StorageError
from analytics_core.store.base import Content, Storage

ROOT = "analytics/v1"
STORAGE_VERSION = ROOT.rpartition("/")[2]
MANIFEST_KEY = f"{ROOT}/manifest.json"
RUNS = f"{ROOT}/runs/"

MIN_KEPT_RUNS = 2
"""The newest run and one beside it: that of another job, whole but not yet published."""

_ABANDONED_AFTER = timedelta(days=7)
"""Longer than any run lasts: a plan, its shards and its end have a day each, and wait between."""

_ATTEMPTS = 20
"""As often is a publication tried against others, of which each time one got through."""

_PARTS = ("documents", "extras")
"""Of a manifest: what names files."""

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CONTENT_TYPES = {".json": "application/json", ".html": "text/html; charset=utf-8"}


def publish(
    storage: Storage,
    *,
    run_id: str,
    documents: Mapping[str, Content],
    manifest: Mapping[str, Any],
    extras: Mapping[str, Content] | None = None,
) -> dict[str, Any]:
    """Publish a set of documents so that readers see all of it or none.

    Parameters
    ----------
    storage
        Where to.
    run_id
        The name of the run's own folder; letters, digits, ``.``, ``_`` and ``-``.
    documents
        The encoded documents by type, published as ``<type>.json``: bytes, or pieces that are
        made while they are written, one document after the other, then the extras.
    manifest
        Everything the manifest says besides ``documents`` and ``extras``, which are
        filled in here: key (in the run's folder), size and SHA-256 of each.
    extras
        Further files by name, such as ``report.html``, published in the same way.

    Returns
    -------
    dict
        The manifest as published. Where a run that began later is published already, that
        one has seen newer data and stays; the manifest then says so in ``superseded_by``. Where
        the stable keys could not all be made those of the published run, ``unsettled`` says why.

    Raises
    ------
    StorageError
        When something cannot be written, or the store does not hold what was written; the set
        that was published before is still the one readers see. Also when `run_id` is the
        published run but its content would change.
    """
    files = {f"{kind}.json": data for kind, data in documents.items()}
    files |= extras or {}
    for name in (run_id, *files):
        if not _NAME.fullmatch(name) or name == "manifest.json":
            raise StorageError(f"{name!r} cannot be the name of a run or of a published file")

    folder = f"{RUNS}{run_id}/"
    entries: dict[str, dict[str, Any]] = {}

    def completed() -> dict[str, Any]:
        named = {kind: entries[f"{kind}.json"] for kind in documents}
        own = {"extras": {name: entries[name] for name in extras}} if extras else {}
        return {**manifest, "run_id": run_id, "documents": named, **own}

    published = _published(storage)
    if published.get("run_id") == run_id:  # readers look at this folder: compare, then write
        for name, data in files.items():
            measured = _Measured(data)
            files[name] = b"".join(measured)
            entries[name] = measured.entry(folder + name)
        _refuse_rewriting(storage, published, completed())
    for name, data in files.items():
        measured = _Measured(data)
        storage.write(folder + name, measured, content_type=_content_type(name))
        entries[name] = measured.entry(folder + name)
    for entry in entries.values():
        _verify(storage, entry)
    complete = completed()
    body = json.dumps(complete, ensure_ascii=False, indent=2, allow_nan=False).encode()
    storage.write(f"{folder}manifest.json", body)

    published, version = _published_version(storage)
    if newer := _newer_run(published, complete):
        return {**complete, "superseded_by": newer}
    try:
        _copy_to_stable_keys(storage, complete)
    except NotFound:  # pruned by others, who have published a newer one meanwhile
        published = _published(storage)
        newer = _newer_run(published, complete)
        if newer is None:
            raise
        return _settle_behind(storage, {**complete, "superseded_by": newer}, published)
    if storage.write_if(MANIFEST_KEY, body, version):
        # Whoever copied at the same time may have put the set before back: it was published until
        # now.
        return _settle_behind(storage, complete, published)
    # Another run was published while the stable keys were copied: now without anything between.
    for _ in range(_ATTEMPTS):
        published, version = _published_version(storage)
        newer = _newer_run(published, complete)
        # It is this one where the answer to a write got lost and the client wrote again.
        written = published.get("run_id") == run_id
        if newer or written or storage.write_if(MANIFEST_KEY, body, version):
            told = {**complete, "superseded_by": newer} if newer else complete
            return _settle_behind(storage, told, published)
    raise StorageError(
        f"cannot publish the run {run_id} at {storage.url}: {MANIFEST_KEY} was changed by others"
        f" {_ATTEMPTS} times in a row; run the refresh again"
    )


def _stable_keys(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the key in the run's folder by the stable key of each file that a manifest names."""
    entries = (entry for part in _PARTS for entry in manifest.get(part, {}).values())
    return {f"{ROOT}/{entry['key'].rpartition('/')[2]}": entry["key"] for entry in entries}


def _copy_to_stable_keys(storage: Storage, manifest: Mapping[str, Any]) -> None:
    for target, source in _stable_keys(manifest).items():
        storage.copy(source, target, content_type=_content_type(target))


def _settle_behind(
    storage: Storage, told: dict[str, Any], published: Mapping[str, Any]
) -> dict[str, Any]:
    """Settle the stable keys behind the manifest, and remove those that the set has no more.

    Whatever fails here fails nobody, since readers see a whole set already; it is told.
    """
    ours = _stable_keys(told).keys()
    try:
        _settle_stable_keys(storage)
        # of a run that gave way, its own; else those of the set that was published until now
        _remove_stale(storage, ours if "superseded_by" in told else _stable_keys(published) - ours)
    except StorageError as error:
        return {**told, "unsettled": str(error)}
    return told


def _remove_stale(storage: Storage, keys: Collection[str]) -> None:
    """Remove those of some stable keys that the set published now does not name."""
    manifest = read_manifest(storage) if keys else {}
    stale = set(keys) - {MANIFEST_KEY, *_stable_keys(manifest)}
    for key in sorted(stale):
        storage.delete(key)
    # A newer run that was published meanwhile may have copied its own there.
    if stale and read_manifest(storage)["run_id"] != manifest["run_id"]:
        _settle_stable_keys(storage)


def _settle_stable_keys(storage: Storage) -> None:
    """Have the stable keys be those of the published run, after two runs copied theirs at once."""
    for _ in range(_ATTEMPTS):
        manifest = read_manifest(storage)
        with contextlib.suppress(NotFound):  # removed: a newer one is published by now
            _copy_to_stable_keys(storage, manifest)
        if read_manifest(storage)["run_id"] == manifest["run_id"]:
            return


class _Measured:
    """Pieces that are counted and digested while somebody else takes them."""

    def __init__(self, data: Content) -> None:
        self._pieces = (data,) if isinstance(data, bytes) else data
        self._digest = hashlib.sha256()
        self._bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._digest.update(piece)
            self._bytes += len(piece)
            yield piece

    def entry(self, key: str) -> dict[str, Any]:
        return {"key": key, "bytes": self._bytes, "sha256": self._digest.hexdigest()}


def read_manifest(storage: Storage) -> dict[str, Any]:
    """Return the manifest of the set that is published now.

    Raises
    ------
    StorageError
        When nothing is published at this place, the manifest is damaged, or the set has
        another storage version.
    """
    return _read_version(storage)[0]


def _read_version(storage: Storage) -> tuple[dict[str, Any], str]:
    """Read the manifest as `read_manifest` does, and the name of its version."""
    try:
        data, found = storage.read_version(MANIFEST_KEY)
        manifest = parse(data, MANIFEST_KEY, storage)
    except NotFound as error:
        raise NotFound(
            f"nothing is published at {storage.url}: {MANIFEST_KEY} is missing; run a refresh first"
        ) from error
    version = manifest.get("storage_version", STORAGE_VERSION)
    if version != STORAGE_VERSION:
        raise StorageError(
            f"the set published at {storage.url} has the storage version {version}, and this"
            f" program knows {STORAGE_VERSION}: use the analytics-core that published it"
            f" ({manifest.get('code_version', 'a newer one')}), or another place"
        )
    entries = [entry for part in _PARTS for entry in _entries(manifest, part)]
    if not isinstance(manifest.get("run_id"), str) or not all(
        isinstance(entry, dict)
        and isinstance(entry.get("key"), str)
        and isinstance(entry.get("sha256"), str)
        for entry in entries
    ):
        raise Damaged(
            f"{MANIFEST_KEY} at {storage.url} is damaged: it does not name its documents;"
            " run a refresh again"
        )
    return manifest, found


def read_published(
    storage: Storage, *, kinds: Collection[str] | None = None
) -> dict[str, dict[str, Any]]:
    """Read the published set, each document compared with the manifest's SHA-256.

    Parameters
    ----------
    storage
        Where a set is published.
    kinds
        Documents that are wanted; what the set lacks is left out. Default: all.

    Returns
    -------
    dict
        The parsed documents by type, and the manifest itself as ``"manifest"``.

    Raises
    ------
    StorageError
        Naming the document that is missing, damaged, or not JSON.
    """
    return from_published(storage, lambda manifest: read_set(storage, manifest, kinds))


def from_published(storage: Storage, read: Callable[[dict[str, Any]], T]) -> T:
    """Read something of the set that is published, whatever is published meanwhile.

    Parameters
    ----------
    storage : Storage
    read : callable
        Given the manifest.

    Returns
    -------
    object
        What `read` returns.
    """
    manifest = read_manifest(storage)
    while True:
        try:
            return read(manifest)
        except StorageError:
            # a newer run may have been published, and this one pruned, while we were reading
            newer = read_manifest(storage)
            if newer["run_id"] == manifest["run_id"]:
                raise
            manifest = newer


def prune_runs(storage: Storage, *, keep: int) -> list[str]:
    """Remove the folders of old runs.

    Parameters
    ----------
    storage
        Where a set is published.
    keep
        How many of the newest runs stay, at least `MIN_KEPT_RUNS`.

    Returns
    -------
    list of str
        The ids of the runs that were removed. Never among them are the published run and those
        that began with it or later, which may be about to be published. A folder without a
        whole manifest of its own may be of a run in progress; it is left by a killed one where
        its id tells that it began a week before the published run.

    Raises
    ------
    StorageError
        When nothing is published, or something cannot be listed or removed; the next call
        goes on from there.
    """
    if keep < MIN_KEPT_RUNS:
        raise ValueError(f"keep must be at least {MIN_KEPT_RUNS}, not {keep}")
    # Read before the list: what is published meanwhile began later than this, and stays.
    published = str(read_manifest(storage).get("generated_at", ""))
    keys: dict[str, list[str]] = {}
    for key in storage.list(RUNS):
        keys.setdefault(key.removeprefix(RUNS).partition("/")[0], []).append(key)
    ages, abandoned = {}, []
    for run_id in keys:
        own = f"{RUNS}{run_id}/manifest.json"
        try:
            ages[run_id] = str(parse(storage.read(own), own, storage).get("generated_at", ""))
        except (NotFound, Damaged):  # not whole, or being pruned by another job
            if _is_abandoned(run_id, published):
                abandoned.append(run_id)
    newest_first = sorted(ages, key=lambda run_id: (ages[run_id], run_id), reverse=True)
    removed = [run_id for run_id in newest_first[keep:] if ages[run_id] < published] + abandoned
    for run_id in removed:
        # the manifest goes last: a prune that dies half-way is finished by the next one
        for key in sorted(keys[run_id], key=lambda key: key.endswith("/manifest.json")):
            storage.delete(key)
    return removed


def _is_abandoned(run_id: str, published: str) -> bool:
    """Whether a run that is not whole began so long before the published one that it was killed."""
    try:
        began = datetime.strptime(run_id[:16], "%Y%m%dT%H%M%S%z")
        return began + _ABANDONED_AFTER < min(datetime.fromisoformat(published), datetime.now(UTC))
    except (ValueError, TypeError):  # an id that somebody else chose, or a time without a zone
        return False


def settled(storage: Storage, run_id: str) -> dict[str, Any] | None:
    """Return the manifest of a run that is through: published, or whole and superseded.

    None for one that still has something to do.
    """
    own = f"{RUNS}{run_id}/manifest.json"
    with contextlib.suppress(NotFound, Damaged):
        manifest: dict[str, Any] = parse(storage.read(own), own, storage)
        if read_manifest(storage)["run_id"] == run_id:
            return manifest
        newer = _newer_run(_published(storage), manifest)
        return None if newer is None else {**manifest, "superseded_by": newer}
    return None


def read_set(
    storage: Storage, manifest: dict[str, Any], kinds: Collection[str] | None
) -> dict[str, dict[str, Any]]:
    """Read what `read_published` does, of the set that a manifest names."""
    documents = {
        kind: parse(read_verified(storage, entry), entry["key"], storage)
        for kind, entry in manifest.get("documents", {}).items()
        if kinds is None or kind in kinds
    }
    return {**documents, "manifest": manifest}


def read_verified(storage: Storage, entry: Mapping[str, Any]) -> bytes:
    """Return the bytes that an entry of the manifest names; raise `Damaged` if they are others."""
    key = entry["key"]
    with missing_is_damage(storage, key):
        data = storage.read(key)
    _compare(storage, entry, hashlib.sha256(data).hexdigest())
    return data


def _verify(storage: Storage, entry: Mapping[str, Any]) -> None:
    with missing_is_damage(storage, entry["key"]):
        found = storage.digest(entry["key"])
    _compare(storage, entry, found)


@contextlib.contextmanager
def missing_is_damage(storage: Storage, key: str) -> Iterator[None]:
    """Raise `Damaged` where nothing is stored under a key that the manifest names."""
    try:
        yield
    except NotFound as error:
        raise Damaged(
            f"{key} is missing at {storage.url}, though the manifest names it; run a refresh again"
        ) from error


def _compare(storage: Storage, entry: Mapping[str, Any], sha256: str) -> None:
    if sha256 != entry["sha256"]:
        raise Damaged(
            f"{entry['key']} at {storage.url} is damaged: its SHA-256 is not the manifest's"
            f" ({entry.get('bytes')} bytes expected); run a refresh again"
        )


def _published(storage: Storage) -> dict[str, Any]:
    """Return the manifest readers see; empty where there is none, or a damaged one to repair."""
    return _published_version(storage)[0]


def _published_version(storage: Storage) -> tuple[dict[str, Any], str | None]:
    """Return the same, and the version to replace; None where there is none."""
    try:
        return _read_version(storage)
    except NotFound:
        return {}, None
    except Damaged:
        return {}, storage.read_version(MANIFEST_KEY)[1]


def _refuse_rewriting(
    storage: Storage, published: Mapping[str, Any], manifest: Mapping[str, Any]
) -> None:
    """Refuse to change the folder readers are looking at: they would see a mixture."""
    if any(published.get(part) != manifest.get(part) for part in _PARTS):
        raise StorageError(
            f"the run {manifest['run_id']} is published at {storage.url} already, with other"
            " content; give the new run an id of its own"
        )


def _newer_run(published: Mapping[str, Any], manifest: Mapping[str, Any]) -> str | None:
    """Id of the published run if it began after this one: two jobs may run side by side."""
    try:
        theirs = datetime.fromisoformat(str(published.get("generated_at")))
        ours = datetime.fromisoformat(str(manifest.get("generated_at")))
        # A time yet to come is a wrong clock's; it must not keep all later runs out.
        return str(published["run_id"]) if ours < theirs <= datetime.now(UTC) else None
    except (ValueError, TypeError):
        return None


def _entries(manifest: Mapping[str, Any], part: str) -> list[Any]:
    section = manifest.get(part, {} if part == "extras" else None)
    return list(section.values()) if isinstance(section, dict) else [None]


def parse(data: bytes, key: str, storage: Storage) -> dict[str, Any]:
    """Return the JSON object that was stored under `key`; raise `Damaged` if it is none."""
    try:
        parsed = orjson.loads(data)
    except ValueError as error:
        raise Damaged(f"{key} at {storage.url} is damaged: it is not JSON ({error})") from error
    if not isinstance(parsed, dict):
        raise Damaged(f"{key} at {storage.url} is damaged: it is not a JSON object")
    return parsed


def _content_type(name: str) -> str:
    return _CONTENT_TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")
