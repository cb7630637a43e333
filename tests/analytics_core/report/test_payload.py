"""The sentences that the page carries."""

from __future__ import annotations

from itertools import accumulate, islice, pairwise
from typing import Any

import pytest

from analytics_core.report import payload
from analytics_core.report.packing import unpack
from analytics_core.report.payload import compact
from tests.analytics_core.report.documents import (
    IngredientRow,
    LineRow,
    documents_from,
    make_documents,
)

OUNCE_ML = 29.5735


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    return make_documents()


def sentences(documents: dict[str, Any]) -> list[str]:
    """Every sentence of the page, put together as the page does it."""
    core, near = compact(documents)
    names = core["ingredients"]["name"]
    ingredient, start = unpack(core["lines"]["ingredient"]), core["recipes"]["start"]
    own = [list(dict.fromkeys(ingredient[a:b])) for a, b in pairwise(start)]
    froms = [r for r, count in enumerate(unpack(near["count"])) for _ in range(count)]
    said = []
    fragment = iter(unpack(near["fragment"]))
    tos = unpack(near["to"])
    for count, here, there in zip(unpack(near["words"]), froms, tos, strict=True):
        both = list(dict.fromkeys(own[here] + own[there]))
        # beyond the two drinks' own come all others
        known = [names[i] for i in both] + names
        said.append(
            "".join(
                known[f >> 1] if f & 1 else near["text"][f >> 1] for f in islice(fragment, count)
            )
        )
    assert next(fragment, None) is None
    return said


def published(documents: dict[str, Any]) -> list[str]:
    return [n["words"] for row in documents["recipe-similar"]["data"] for n in row["neighbors"]]


def test_the_page_carries_the_published_words(documents: dict[str, Any]) -> None:
    assert sentences(documents) == published(documents)


def test_texts_are_kept_once(documents: dict[str, Any]) -> None:
    _, near = compact(documents)
    assert len(set(near["text"])) == len(near["text"]) < len(unpack(near["to"]))
    assert not any("Gin" in text for text in near["text"])  # names are ingredients, never text


def test_names_that_hold_anything_stay_names() -> None:
    names = ["Gin; swap for </script>", "Gin (id 2)", 'x"y', "gin (ID 2)"]
    ingredients: list[IngredientRow] = [(i, name, None, 0) for i, name in enumerate(names, start=1)]
    rows: list[LineRow] = [
        (recipe, f"Drink {recipe}", i, 1.0, "Ounce", OUNCE_ML)
        for recipe in range(1, 5)
        for i in range(recipe, 5)
    ]
    documents = documents_from(ingredients, rows)
    assert sentences(documents) == published(documents)
    _, near = compact(documents)
    assert not any("script" in text for text in near["text"])


def test_steps_that_are_missing_are_no_words(documents: dict[str, Any]) -> None:
    rows = documents["recipe-similar"]["data"]
    older = [
        {
            **row,
            "neighbors": [
                {key: value for key, value in n.items() if key not in {"steps", "words"}}
                for n in row["neighbors"]
            ],
        }
        for row in rows
    ]
    assert set(sentences({**documents, "recipe-similar": {"data": older}})) == {""}


def test_a_page_of_a_usual_collection_leaves_nothing_out(documents: dict[str, Any]) -> None:
    core, _ = compact(documents)
    assert "left_out" not in core


@pytest.mark.parametrize("most", [1, 100, 1400, 2 * 1400 + 5])
def test_beyond_what_a_page_carries_the_nearest_stay(
    documents: dict[str, Any], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(payload, "MOST_NEIGHBORS", most)
    whole = documents["recipe-similar"]["data"]
    core, near = compact(documents)
    ids = core["recipes"]["id"]
    listed = max(1, most // len(ids))
    to = unpack(near["to"])
    start = list(accumulate(unpack(near["count"]), initial=0))
    kept = [[ids[other] for other in to[a:b]] for a, b in pairwise(start)]
    assert kept == [[n["neighbor_recipe_id"] for n in row["neighbors"][:listed]] for row in whole]
    left = sum(len(row["neighbors"]) for row in whole) - len(to)
    assert [(part["what"], part["count"]) for part in core["left_out"]] == [("neighbor", left)]
    flows = unpack(near["flows"])
    assert len(unpack(near["words"])) == len(unpack(near["distance"])) == len(to) == len(flows)
    assert sum(flows) == len(unpack(near["mass"]))


def test_too_many_drinks_are_thinned_out_evenly(
    documents: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload, "MOST_RECIPES", 60)
    every = [row["recipe_id"] for row in documents["recipe-details"]["data"]]
    core, near = compact(documents)
    ids = core["recipes"]["id"]
    step = -(-len(every) // 60)
    assert ids == every[::step]
    assert 30 < len(ids) <= 60
    assert core["left_out"][0]["count"] == len(every) - len(ids)
    assert all(0 <= other < len(ids) for other in unpack(near["to"]))
    places = {row["recipe_id"]: row for row in documents["cocktail-space"]["data"]}
    x = [places[key]["x"] for key in ids]
    order = sorted(range(len(ids)), key=lambda r: x[r])
    across = [core["recipes"]["plain"]["x"][r] for r in order]
    assert across == sorted(across)
    assert len(core["recipes"]["family"]) == len(core["recipes"]["start"]) - 1 == len(ids)
