"""One recipe of a long document by one range request: an index of where each row lies.

The index is a document of its own, published beside the long one; both are of one run.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import orjson

from analytics_core.errors import Damaged, NotFound, StorageError
from analytics_core.store.publish import (
    from_published,
    missing_is_damage,
    parse,
    read_set,
    read_verified,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics_core.store.base import Storage

SIMILAR = "recipe-similar"
INDEX = "recipe-similar.index"
NAMES = "cocktail-space"
"""A short document that names every recipe of `recipe-similar`, as a place on a map."""
DIGEST_DIGITS = 16
"""Hex digits of SHA-256 that are kept of each row: enough to know damage from the row."""

_latest: dict[str, dict[str, Any]] = {}
"""The index read last, by its SHA-256: what it says never changes."""


@dataclass(slots=True)
class RowIndex:
    """Notes where rows lie while a document is made of them.

    Attributes
    ----------
    ids : sequence of int
        Recipe of each row, ascending.
    starts, lengths : list of int
        Where each row begins in the document, and how long it is, in bytes.
    digests : list of str
        `row_digest` of each row.
    known : deque of str
        Those of rows to come, where whoever makes the rows has them already.
    """

    ids: Sequence[int]
    starts: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    known: deque[str] = field(default_factory=deque)

    def note(self, start: int, row: bytes) -> None:
        """Note the next row.

        Parameters
        ----------
        start : int
            Where it begins, in bytes.
        row : bytes
        """
        self.starts.append(start)
        self.lengths.append(len(row))
        self.digests.append(self.known.popleft() if self.known else row_digest(row))

    def data(self) -> dict[str, Any]:
        """Return the data of the index's document.

        Returns
        -------
        dict
        """
        return {
            "document": SIMILAR,
            "recipe_id": list(self.ids),
            "start": self.starts,
            "length": self.lengths,
            "sha256": self.digests,
        }


def read_recipe(storage: Storage, recipe_id: int) -> dict[str, Any]:
    """Read one recipe of `recipe-similar`, and nothing else of it.

    The manifest is read each time, the index once a set, then one range of bytes.

    Parameters
    ----------
    storage : Storage
        Where a set is published.
    recipe_id : int

    Returns
    -------
    dict
        The recipe's row: its neighbors with plans, steps and words.

    Raises
    ------
    NotFound
        Nothing is published, or the set has no such recipe.
    StorageError
        The set has no index (an older version published it), or something is damaged.

    Examples
    --------
    >>> from analytics_core import LocalStorage, refresh
    >>> from analytics_core.sample import write_sample_database
    >>> write_sample_database("bar.db", recipes=40, overwrite=True)
    >>> _ = refresh("bar.db", LocalStorage("out"))
    >>> read_recipe(LocalStorage("out"), 1)["recipe_name"]
    'Negroni'
    """
    return from_published(storage, lambda manifest: _read(storage, manifest, recipe_id))


class Rows(Sequence[dict[str, Any]]):
    """The rows of `recipe-similar`, each parsed when it is asked for.

    As JSON they take a seventh of the memory that they take as objects.

    Parameters
    ----------
    content : bytes
        The whole document.
    index : mapping
        The data of its index.
    """

    def __init__(self, content: bytes, index: Mapping[str, Any]) -> None:
        self._content = memoryview(content)
        self._starts, self._lengths = index["start"], index["length"]
        self._at = {recipe_id: at for at, recipe_id in enumerate(index["recipe_id"])}

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, at: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """Parse a row, or several."""
        if isinstance(at, slice):
            return [self[each] for each in range(len(self))[at]]
        row: dict[str, Any] = orjson.loads(self._content[self._starts[at] :][: self._lengths[at]])
        return row

    def of(self, recipe_id: int) -> dict[str, Any] | None:
        """Parse the row of a recipe; None where there is none."""
        at = self._at.get(recipe_id)
        return None if at is None else self[at]


def read_lightly(storage: Storage, kinds: Collection[str]) -> dict[str, dict[str, Any]]:
    """Read documents as `read_published` does, but the rows of `recipe-similar` as `Rows`.

    Parameters
    ----------
    storage : Storage
        Where a set is published.
    kinds : collection of str
        Documents that are wanted; what the set lacks is left out.

    Returns
    -------
    dict
        The documents by type, and the manifest itself as ``"manifest"``. Of `recipe-similar` there
        is ``data`` alone; of a set without an index it is read as a whole.

    Raises
    ------
    StorageError
        Naming the document that is missing, damaged, or not JSON.
    """

    def read(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
        documents = manifest["documents"]
        if SIMILAR not in kinds or not {SIMILAR, INDEX} <= documents.keys():
            return read_set(storage, manifest, kinds)
        content = read_verified(storage, documents[SIMILAR])
        found = read_set(storage, manifest, {*kinds} - {SIMILAR})
        return {SIMILAR: {"data": Rows(content, _index(storage, documents[INDEX]))}, **found}

    return from_published(storage, read)


def read_chosen(
    storage: Storage, choose: Callable[[list[dict[str, Any]]], list[int]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read the recipes of `recipe-similar` that are chosen by id and name, all of one set.

    Nothing else of that document is read, except where an older version published no index of it.

    Parameters
    ----------
    storage : Storage
        Where a set is published.
    choose : callable
        Given rows with ``recipe_id`` and ``recipe_name`` of all recipes; returns ids of some.

    Returns
    -------
    names, rows : list of dict
        What `choose` was given, and the row of each recipe that it chose.

    Raises
    ------
    StorageError
        Nothing is published, or the set lacks one of the documents, or something is damaged.
    """

    def read(manifest: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        documents = manifest["documents"]
        if missing := [kind for kind in (SIMILAR, NAMES) if kind not in documents]:
            raise StorageError(
                f"the set published at {storage.url} has no {missing[0]}; run a refresh with this"
                " version"
            )
        names: list[dict[str, Any]] = read_set(storage, manifest, (NAMES,))[NAMES]["data"]
        chosen = choose(names)
        if INDEX in documents:
            return names, [_read(storage, manifest, recipe_id) for recipe_id in chosen]
        whole = read_set(storage, manifest, (SIMILAR,))[SIMILAR]["data"]
        rows = {row["recipe_id"]: row for row in whole}
        return names, [rows[recipe_id] for recipe_id in chosen]

    return from_published(storage, read)


def _read(storage: Storage, manifest: dict[str, Any], recipe_id: int) -> dict[str, Any]:
    documents = manifest["documents"]
    if INDEX not in documents or SIMILAR not in documents:
        raise Damaged(
            f"the set at {storage.url} has no {INDEX}: an older version published it; run a refresh"
        )
    index = _index(storage, documents[INDEX])
    ids = index["recipe_id"]
    at = bisect_left(ids, recipe_id)
    if at == len(ids) or ids[at] != recipe_id:
        raise NotFound(f"the set at {storage.url} has no recipe {recipe_id}")
    key = documents[SIMILAR]["key"]
    with missing_is_damage(storage, key):
        row = storage.read_range(key, index["start"][at], index["length"][at])
    if row_digest(row) != index["sha256"][at]:
        raise Damaged(
            f"recipe {recipe_id} in {key} at {storage.url} is damaged: its SHA-256 is not the"
            " index's; run a refresh again"
        )
    parsed: dict[str, Any] = orjson.loads(row)
    return parsed


def _index(storage: Storage, entry: dict[str, Any]) -> dict[str, Any]:
    known = _latest.get(entry["sha256"])
    if known is None:
        known = parse(read_verified(storage, entry), entry["key"], storage)["data"]
        _latest.clear()
        _latest[entry["sha256"]] = known
    return known


def row_digest(row: bytes) -> str:
    """Return the first `DIGEST_DIGITS` hex digits of a row's SHA-256."""
    return hashlib.sha256(row).hexdigest()[:DIGEST_DIGITS]
