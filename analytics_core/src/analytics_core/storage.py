"""Where bytes go: a folder or an S3 prefix, and how a set of documents is published.

``Storage`` is the one seam. Nothing else in the package knows whether a key
ends up in a file or in an object. On top of it stand :func:`publish` and
:func:`read_published`, which make a set of documents visible as a whole::

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
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Protocol

from analytics_core import _local_files as local_files
from analytics_core import _s3_access as s3_access
from analytics_core.errors import StorageError

if TYPE_CHECKING:
    from analytics_core._s3_access import S3Client

ROOT = "analytics/v1"
MANIFEST_KEY = f"{ROOT}/manifest.json"
RUNS = f"{ROOT}/runs/"

MIN_KEPT_RUNS = 2
"""The newest run and one beside it: that of another job, whole but not yet published."""

_TEMPORARY = ".writing-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CONTENT_TYPES = {".json": "application/json", ".html": "text/html; charset=utf-8"}


class NotFound(StorageError):  # noqa: N818 - named for what happened
    """Nothing is stored under the key."""


class Damaged(StorageError):  # noqa: N818 - named for what happened
    """What is stored is not what was published."""


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


def open_storage(location: str | Path) -> Storage:
    """Open a folder or an S3 prefix.

    Parameters
    ----------
    location
        A path of a folder, which need not exist yet, or ``s3://bucket[/prefix]``.

    Raises
    ------
    StorageError
        When `location` has a scheme other than ``s3``, or names no bucket.
    """
    text = str(location)
    if not isinstance(location, Path) and "://" in text:
        scheme, _, rest = text.partition("://")
        bucket, _, prefix = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise StorageError(f"{text} is no place to store: use a folder or s3://bucket/prefix")
        return S3Storage(bucket, prefix)
    if not text:
        raise StorageError("the place to store is empty: use a folder or s3://bucket/prefix")
    return LocalStorage(text)


def check_key(key: str) -> str:
    """Return `key` when it is a plain relative path of named parts.

    Raises
    ------
    StorageError
        For empty, absolute or climbing (``..``) keys, backslashes and control characters.
    """
    parts = key.split("/")
    if any(part in {"", ".", ".."} or part.startswith(_TEMPORARY) for part in parts) or any(
        character == "\\" or ord(character) < 32 for character in key
    ):
        raise StorageError(f"{key!r} is not a valid key: use plain parts separated by single '/'")
    return key


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
        path = self._path(key)
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"{path} does not exist") from error
        except OSError as error:
            raise StorageError(local_files.explain("read", path, error)) from error

    def write(self, key: str, data: bytes, *, content_type: str = "application/json") -> None:
        """Write beside the target, flush to disk, then rename over it."""
        del content_type  # a file's name says it
        path = self._path(key)
        temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}")
        try:
            local_files.make_folder(path.parent)
            # os.open, not tempfile: the file shall have the mode the umask asks for
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            except BaseException:  # also Interrupted: leave no half-written file behind
                with contextlib.suppress(OSError):
                    temporary.unlink()
                raise
            local_files.flush_folder(path.parent)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(local_files.explain("write", path, error)) from error

    def list(self, prefix: str) -> list[str]:
        """Return the keys of all files below the folder whose key starts with `prefix`."""
        top = self.folder / PurePosixPath(prefix.rpartition("/")[0])
        if prefix:
            check_key(prefix.rstrip("/") or prefix)
        keys = []
        try:
            for folder, _, names in os.walk(top, onerror=local_files.reraise):
                base = Path(folder).relative_to(self.folder)
                keys += [
                    (base / name).as_posix() for name in names if not name.startswith(_TEMPORARY)
                ]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StorageError(local_files.explain("list", top, error)) from error
        return sorted(key for key in keys if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """Remove the file, and the folders above it that are empty now."""
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise StorageError(local_files.explain("delete", path, error)) from error
        for folder in path.parents:
            if folder == self.folder or not folder.is_relative_to(self.folder):
                break
            try:
                folder.rmdir()
            except OSError:  # not empty, or somebody just wrote into it
                break

    def _path(self, key: str) -> Path:
        return self.folder / check_key(key)


class S3Storage:
    """Keys are objects of one bucket below a prefix.

    Parameters
    ----------
    bucket, prefix
        Where the keys live; the prefix may be empty.
    client
        A ready S3 client, for tests and callers with their own session. By default one
        is made on first use from the usual environment (``AWS_DEFAULT_REGION``
        or the profile's region, not ``AWS_REGION``; ``AWS_ENDPOINT_URL``,
        ``AWS_MAX_ATTEMPTS``, ...).
    """

    def __init__(self, bucket: str, prefix: str = "", client: S3Client | None = None) -> None:
        self.bucket = bucket
        self.prefix = f"{check_key(prefix.strip('/'))}/" if prefix.strip("/") else ""
        self._client = client

    @property
    def url(self) -> str:
        """``s3://bucket/prefix`` without a slash at its end."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def read(self, key: str) -> bytes:
        """Return the object's content; raise `NotFound` when there is none."""
        full = self.prefix + check_key(key)
        with self._errors("read", full, "s3:GetObject") as s3:
            return s3_access.read_object(s3, self.bucket, full)

    def fetch(self, key: str, file: IO[bytes]) -> Mapping[str, Any]:
        """Stream an object of any size into `file`; return S3's answer; raise as `read` does."""
        full = self.prefix + check_key(key)
        with self._errors("read", full, "s3:GetObject") as s3:
            answer: Mapping[str, Any] = s3_access.fetch_object(s3, self.bucket, full, file)
            return answer

    def write(self, key: str, data: bytes, *, content_type: str = "application/json") -> None:
        """Put the object in one request, which S3 makes visible as a whole or not at all."""
        full = self.prefix + check_key(key)
        with self._errors("write", full, "s3:PutObject") as s3:
            s3.put_object(
                Bucket=self.bucket,
                Key=full,
                Body=data,
                ContentType=content_type,
                ChecksumAlgorithm="SHA256",  # S3 refuses bytes that were damaged on the way
            )

    def list(self, prefix: str) -> list[str]:
        """Return the keys that start with `prefix`, page after page."""
        full = self.prefix + prefix
        with self._errors("list", full, "s3:ListBucket") as s3:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=full)
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return sorted(key.removeprefix(self.prefix) for key in keys)

    def delete(self, key: str) -> None:
        """Delete the object; S3 does not mind when there is none."""
        full = self.prefix + check_key(key)
        with self._errors("delete", full, "s3:DeleteObject") as s3:
            s3.delete_object(Bucket=self.bucket, Key=full)

    @contextlib.contextmanager
    def _errors(self, action: str, key: str, permission: str) -> Iterator[S3Client]:
        """Hand out the client and turn its errors into sentences that name bucket and key."""
        from botocore.exceptions import BotoCoreError, ClientError

        where = f"s3://{self.bucket}/{key}"
        try:
            if self._client is None:
                self._client = s3_access.make_client()
            yield self._client
        except ClientError as error:
            if s3_access.is_missing_key(error):
                raise NotFound(f"{where} does not exist") from error
            reason = s3_access.explain_answer(error, bucket=self.bucket, permission=permission)
            raise StorageError(f"cannot {action} {where}: {reason}") from error
        except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
            reason = s3_access.explain_failure(error)
            raise StorageError(f"cannot {action} {where}: {reason}") from error


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
        When nothing is published at this place, or the manifest is damaged.
    """
    try:
        manifest = _parse(storage.read(MANIFEST_KEY), MANIFEST_KEY, storage)
    except NotFound as error:
        raise NotFound(
            f"nothing is published at {storage.url}: {MANIFEST_KEY} is missing; run a refresh first"
        ) from error
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


def read_published(storage: Storage) -> dict[str, dict[str, Any]]:
    """Read the published set, each document compared with the manifest's SHA-256.

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
        return _read_set(storage, manifest)
    except StorageError:
        # a newer run may have been published, and this one pruned, while we were reading
        newer = read_manifest(storage)
        if newer["run_id"] == manifest["run_id"]:
            raise
        return _read_set(storage, newer)


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


def _read_set(storage: Storage, manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    documents = {
        kind: _parse(_read_verified(storage, entry), entry["key"], storage)
        for kind, entry in manifest.get("documents", {}).items()
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
    return _CONTENT_TYPES.get(Path(name).suffix, "application/octet-stream")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
