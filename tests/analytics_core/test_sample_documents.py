"""All documents of the sample are what they were when they were last kept."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.analytics_core import sample_documents

TOLERANCE = 2e-9  # documents carry nine decimals
PLACE_TOLERANCE = 2e-4
"""Maps carry four decimals, and every processor finds the same ones."""


@pytest.fixture(scope="module")
def kept() -> Any:
    return sample_documents.load()


@pytest.fixture(scope="module", params=sample_documents.COSTS)
def both(
    request: pytest.FixtureRequest, kept: Any, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """Kept and present documents under one cost."""
    return kept[request.param], sample_documents.make(
        request.param, tmp_path_factory.mktemp("sample")
    )


def without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: without(inner, names) for key, inner in value.items() if key not in names}
    if isinstance(value, list):
        return [without(inner, names) for inner in value]
    return value


def differences(before: Any, now: Any, where: str) -> list[str]:
    """Return where two values are apart; floats may differ in their last published digit."""
    if isinstance(before, float) and isinstance(now, float):
        return [] if abs(before - now) <= TOLERANCE else [f"{where}: {before} and {now}"]
    if isinstance(before, dict) and isinstance(now, dict) and list(before) == list(now):
        pairs = [(f"{where}.{key}", before[key], now[key]) for key in before]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = [(f"{where}[{i}]", *two) for i, two in enumerate(zip(before, now, strict=True))]
    else:
        return [] if before == now else [f"{where}: {str(before)[:60]} and {str(now)[:60]}"]
    return [line for place, a, b in pairs for line in differences(a, b, place)]


def test_the_same_documents_are_made(both: Any) -> None:
    before, now = both
    assert before.keys() == now.keys()


@pytest.mark.parametrize(
    "kind",
    [
        "cocktail-space",
        "cocktail-space-em",
        "ingredient-substitutes",
        "ingredient-tree",
        "ingredient-usage",
        "recipe-complexity",
        "recipe-details",
        "recipe-digests",
        "recipe-similar",
        "what-changed",
    ],
)
def test_a_document_is_what_it_was(both: Any, kind: str) -> None:
    before, now = (without(documents[kind], {"x", "y"}) for documents in both)
    assert differences(before, now, kind)[:5] == []


def test_the_manifest_is_what_it_was(both: Any) -> None:
    before, now = (documents["manifest"] for documents in both)
    assert differences(before, now, "manifest") == []


SPIRITS = {"Agave Spirit", "Brandy", "Gin", "Rum", "Vodka", "Whiskey"}
NO_BASE = {
    *("Coffee and Tea", "Dairy and Cream", "Egg", "Fresh Fruit", "Herb", "Juice", "Seasoning"),
    *("Soda", "Sweetener", "Water"),
}


def roots_of(tree: Any) -> dict[int, str]:
    def below(node: Any, root: str) -> Iterator[tuple[int, str]]:
        yield int(node["id"]), root
        for child in node["children"]:
            yield from below(child, root)

    return dict(pair for top in tree["children"] for pair in below(top, top["name"]))


def test_no_swap_is_one_that_nobody_would_make(both: Any) -> None:
    """No base for what is none; no egg or wedge but for its like; no water but for soda."""
    documents = both[1]
    root = roots_of(documents["ingredient-tree"])
    assert set(root.values()) >= SPIRITS | NO_BASE
    swapped = 0
    for row in documents["recipe-similar"]:
        for step in (step for near in row["neighbors"] for step in near["steps"]):
            for one, other in itertools.product(step.get("from", []), step.get("to", [])):
                ours, theirs = (root[pour["ingredient_id"]] for pour in (one, other))
                roles = {ours, theirs}
                if len(roles) == 1:
                    continue
                swapped += 1
                assert not (roles & SPIRITS and roles & NO_BASE), step
                assert not roles & {"Egg", "Fresh Fruit"}, step
                assert "Water" not in roles or "Soda" in roles, step
    assert swapped > 500


def test_the_manifest_judges_the_neighbors_that_are_published(both: Any) -> None:
    documents = both[1]
    listed = {
        row["recipe_id"]: [near["neighbor_recipe_id"] for near in row["neighbors"]]
        for row in documents["recipe-similar"]
    }
    count = Counter(near for ids in listed.values() for near in ids)
    pairs = [(one, other) for one, ids in listed.items() for other in ids]
    mutual = sum(one in listed[other] for one, other in pairs) / len(pairs)
    quality = documents["manifest"]["quality"]
    assert quality["max_occurrence"] == pytest.approx(max(count.values()) / 10)
    assert quality["neighbors_mutual"] == pytest.approx(mutual, abs=5e-5)


@pytest.mark.parametrize("kind", ["cocktail-space", "cocktail-space-em"])
def test_drinks_lie_where_they_lay(both: Any, kind: str) -> None:
    before, now = (
        np.array([(row["x"], row["y"]) for row in documents[kind]]) for documents in both
    )
    np.testing.assert_allclose(now, before, rtol=0, atol=PLACE_TOLERANCE)
