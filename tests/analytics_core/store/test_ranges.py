"""One recipe by one range of bytes, from a folder and from S3 alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_core.documents import Provenance, stream
from analytics_core.errors import NotFound, StorageError
from analytics_core.store import Storage, publish, read_recipe
from analytics_core.store.ranges import INDEX, SIMILAR, RowIndex, read_lightly
from tests.analytics_core.store.test_publish import publish_run

PROVENANCE = Provenance("r1", "2026-01-01T00:00:00+00:00", "d", "0")


def rows(run: str, ids: list[int], size: int = 3) -> list[dict[str, Any]]:
    return [{"recipe_id": r, "recipe_name": f"{run} Piña {r}", "n": [r] * size} for r in ids]


def publish_rows(storage: Storage, run: str, own: list[dict[str, Any]], day: int = 1) -> None:
    index = RowIndex([row["recipe_id"] for row in own])

    def last() -> Iterator[bytes]:
        yield from stream(INDEX, index.data(), PROVENANCE)

    publish(
        storage,
        run_id=run,
        documents={SIMILAR: stream(SIMILAR, own, PROVENANCE, note=index.note), INDEX: last()},
        manifest={"generated_at": f"2026-01-0{day}"},
    )


def test_each_recipe_is_read_alone(storage: Storage) -> None:
    own = rows("r1", [3, 5, 8, 2**40])
    publish_rows(storage, "r1", own)
    assert [read_recipe(storage, row["recipe_id"]) for row in own] == own
    for absent in (0, 4, 9, 2**41):
        with pytest.raises(NotFound, match=f"no recipe {absent}"):
            read_recipe(storage, absent)


def test_rows_that_are_parsed_when_they_are_asked_for_are_the_rows(storage: Storage) -> None:
    own = rows("r1", [3, 5, 8, 2**40])
    publish_rows(storage, "r1", own)
    documents = read_lightly(storage, (SIMILAR, "another version's"))
    assert documents.keys() == {SIMILAR, "manifest"}
    found = documents[SIMILAR]["data"]
    assert [*found] == [*found] == [found[at] for at in range(4)] == found[:] == own
    assert (len(found), found[-1], found[1:3]) == (4, own[3], own[1:3])
    assert [found.of(row["recipe_id"]) for row in own] == own
    assert found.of(4) is None
    key = documents["manifest"]["documents"][SIMILAR]["key"]
    storage.write(key, storage.read(key)[:-1])
    with pytest.raises(StorageError, match="damaged"):
        read_lightly(storage, (SIMILAR,))
    publish_run(storage, "r2", "2026-01-02")  # without an index
    assert read_lightly(storage, (SIMILAR,))[SIMILAR]["data"][0] == "r2"


def test_a_newer_set_is_read_by_its_own_index(storage: Storage) -> None:
    publish_rows(storage, "r1", rows("r1", [1, 2]))
    assert read_recipe(storage, 2)["recipe_name"] == "r1 Piña 2"
    publish_rows(storage, "r2", rows("r2", [1, 2], size=50), day=2)
    assert read_recipe(storage, 2) == rows("r2", [2], size=50)[0]


def test_damage_is_told_from_the_row(storage: Storage) -> None:
    publish_rows(storage, "r1", rows("r1", [1, 2]))
    key = f"analytics/v1/runs/r1/{SIMILAR}.json"
    content = storage.read(key)
    storage.write(key, content.replace("Piña 2".encode(), b"Pina 22"))
    assert read_recipe(storage, 1) == rows("r1", [1])[0]  # its bytes are what they were
    with pytest.raises(StorageError, match=r"recipe 2 .*damaged"):
        read_recipe(storage, 2)
    storage.delete(key)
    with pytest.raises(StorageError, match="missing"):
        read_recipe(storage, 1)


def test_a_set_without_an_index_says_so(storage: Storage) -> None:
    with pytest.raises(NotFound, match="nothing is published"):
        read_recipe(storage, 1)
    publish_run(storage, "r1")
    with pytest.raises(StorageError, match=r"no recipe-similar\.index"):
        read_recipe(storage, 1)


@given(st.lists(st.text(max_size=300), max_size=40), st.integers(1, 400))
def test_noted_ranges_are_the_rows(names: list[str], piece: int) -> None:
    own = [{"recipe_id": r, "name": name} for r, name in enumerate(names)]
    index = RowIndex(range(len(own)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analytics_core.documents.PIECE_BYTES", piece)
        whole = b"".join(stream(SIMILAR, own, PROVENANCE, note=index.note))
    assert json.loads(whole)["data"] == own
    assert [
        json.loads(whole[start : start + length])
        for start, length in zip(index.starts, index.lengths, strict=True)
    ] == own
