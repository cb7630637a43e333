"""How a set of documents becomes visible as a whole.

::

    analytics/v1/runs/<run_id>/<type>.json    1. every document, read back and compared
    analytics/v1/runs/<run_id>/manifest.json  2. the set is complete
    analytics/v1/<type>.json                  3. the stable keys, one after the other
    analytics/v1/manifest.json                4. last: from here on readers see the new set

A reader that follows the manifest never sees a mixture, whenever the writer dies.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from analytics_core.errors import Damaged, NotFound, StorageError
from analytics_core.store.base import Storage

ROOT = "analytics/v1"
STORAGE_VERSION = ROOT.rpartition("/")[2]
MANIFEST_KEY = f"{ROOT}/manifest.json"
RUNS = f"{ROOT}/runs/"

MIN_KEPT_RUNS = 2
"""The newest run and one beside it: that of another job, whole but not yet published."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CONTENT_TYPES = {".json": "application/json", ".html": "text/html; charset=utf-8"}


def publish(
    storage: Storage,
    *,
    run_id: str,
    documents: Mapping[str, bytes],
    manifest: Mapping[str, Any],
    extras: Mapping[str, bytes] | None = None,
) -> dict[str, Any]:
    """Publish a set of documents so that readers see all of it or none.

    Parameters
    ----------
    storage
        Where to.
    run_id
        The name of the run's own folder; letters, digits, ``.``, ``_`` and ``-``.
    documents
        The encoded documents by type, published as ``<type>.json``.
    manifest
        Everything the manifest says besides ``documents`` and ``extras``, which are
        filled in here: key (in the run's folder), size and SHA-256 of each.
    extras
        Further files by name, such as ``report.html``, published in the same way.

    Returns
    -------
    dict
        The manifest as published. Where a run that began later is published already, that
        one has seen newer data and stays; the manifest then says so in ``superseded_by``.

    Raises
    ------
    StorageError
        When something cannot be written or does not read back as written; the set that
        was published before is still the one readers see. Also when `run_id` is the
        published run but its content would change.
    """
    files = {f"{kind}.json": data for kind, data in documents.items()}
    files |= extras or {}
    for name in (run_id, *files):
        if not _NAME.fullmatch(name) or name == "manifest.json":
            raise StorageError(f"{name!r} cannot be the name of a run or of a published file")

    folder = f"{RUNS}{run_id}/"
    entries = {
        name: {"key": folder + name, "bytes": len(data), "sha256": _sha256(data)}
        for name, data in files.items()
    }
    complete: dict[str, Any] = {
        **manifest,
        "run_id": run_id,
        "documents": {kind: entries[f"{kind}.json"] for kind in documents},
    }
    if extras:
        complete["extras"] = {name: entries[name] for name in extras}
    _refuse_rewriting(storage, complete)

    for name, data in files.items():
        storage.write(folder + name, data, content_type=_content_type(name))
    for entry in entries.values():
        _read_verified(storage, entry)
    body = json.dumps(complete, ensure_ascii=False, indent=2, allow_nan=False).encode()
    storage.write(f"{folder}manifest.json", body)

    newer = _newer_run(storage, complete)
    if newer is not None:
        return {**complete, "superseded_by": newer}
    for name, data in files.items():
        storage.write(f"{ROOT}/{name}", data, content_type=_content_type(name))
    storage.write(MANIFEST_KEY, body)
    return complete


def read_manifest(storage: Storage) -> dict[str, Any]:
    """Return the manifest of the set that is published now.

    Raises
    ------
    StorageError
        When nothing is published at this place, the manifest is damaged, or the set has
        another storage version.
    """
    try:
        manifest = _parse(storage.read(MANIFEST_KEY), MANIFEST_KEY, storage)
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
    entries = [*_entries(manifest, "documents"), *_entries(manifest, "extras")]
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
    return manifest


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
    manifest = read_manifest(storage)
    try:
        return _read_set(storage, manifest, kinds)
    except StorageError:
        # a newer run may have been published, and this one pruned, while we were reading
        newer = read_manifest(storage)
        if newer["run_id"] == manifest["run_id"]:
            raise
        return _read_set(storage, newer, kinds)


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
        The ids of the runs that were removed. Never among them are the published run and
        folders without a whole manifest of their own: such a run may be in progress.

    Raises
    ------
    StorageError
        When nothing is published, or something cannot be listed or removed; the next call
        goes on from there.
    """
    if keep < MIN_KEPT_RUNS:
        raise ValueError(f"keep must be at least {MIN_KEPT_RUNS}, not {keep}")
    published = read_manifest(storage)["run_id"]
    keys: dict[str, list[str]] = {}
    for key in storage.list(RUNS):
        keys.setdefault(key.removeprefix(RUNS).partition("/")[0], []).append(key)
    ages = {}
    for run_id in keys:
        own = f"{RUNS}{run_id}/manifest.json"
        # not whole, or being pruned by another job: none of ours
        with contextlib.suppress(NotFound, Damaged):
            ages[run_id] = str(_parse(storage.read(own), own, storage).get("generated_at", ""))
    newest_first = sorted(ages, key=lambda run_id: (ages[run_id], run_id), reverse=True)
    removed = [run_id for run_id in newest_first[keep:] if run_id != published]
    for run_id in removed:
        # the manifest goes last: a prune that dies half-way is finished by the next one
        for key in sorted(keys[run_id], key=lambda key: key.endswith("/manifest.json")):
            storage.delete(key)
    return removed


def _read_set(
    storage: Storage, manifest: dict[str, Any], kinds: Collection[str] | None
) -> dict[str, dict[str, Any]]:
    documents = {
        kind: _parse(_read_verified(storage, entry), entry["key"], storage)
        for kind, entry in manifest.get("documents", {}).items()
        if kinds is None or kind in kinds
    }
    return {**documents, "manifest": manifest}


def _read_verified(storage: Storage, entry: Mapping[str, Any]) -> bytes:
    key = entry["key"]
    try:
        data = storage.read(key)
    except NotFound as error:
        raise Damaged(
            f"{key} is missing at {storage.url}, though the manifest names it; run a refresh again"
        ) from error
    if _sha256(data) != entry["sha256"]:
        raise Damaged(
            f"{key} at {storage.url} is damaged: its SHA-256 is not the manifest's"
            f" ({len(data)} bytes read, {entry.get('bytes')} expected); run a refresh again"
        )
    return data


def _refuse_rewriting(storage: Storage, manifest: Mapping[str, Any]) -> None:
    """Refuse to change the folder readers are looking at: they would see a mixture."""
    try:
        published = read_manifest(storage)
    except (NotFound, Damaged):  # publishing repairs a damaged manifest
        return
    same = all(published.get(part) == manifest.get(part) for part in ("documents", "extras"))
    if published["run_id"] == manifest["run_id"] and not same:
        raise StorageError(
            f"the run {manifest['run_id']} is published at {storage.url} already, with other"
            " content; give the new run an id of its own"
        )


def _newer_run(storage: Storage, manifest: Mapping[str, Any]) -> str | None:
    """Id of the published run if it began after this one: two jobs may run side by side."""
    try:
        published = read_manifest(storage)
        theirs = datetime.fromisoformat(str(published.get("generated_at")))
        ours = datetime.fromisoformat(str(manifest.get("generated_at")))
        # A time yet to come is a wrong clock's; it must not keep all later runs out.
        return str(published["run_id"]) if ours < theirs <= datetime.now(UTC) else None
    except (NotFound, Damaged, ValueError, TypeError):
        return None


def _entries(manifest: Mapping[str, Any], part: str) -> list[Any]:
    section = manifest.get(part, {} if part == "extras" else None)
    return list(section.values()) if isinstance(section, dict) else [None]


def _parse(data: bytes, key: str, storage: Storage) -> dict[str, Any]:
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise Damaged(f"{key} at {storage.url} is damaged: it is not JSON ({error})") from error
    if not isinstance(parsed, dict):
        raise Damaged(f"{key} at {storage.url} is damaged: it is not a JSON object")
    return parsed


def _content_type(name: str) -> str:
    return _CONTENT_TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
