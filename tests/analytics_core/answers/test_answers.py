"""What a published set answers, by hand on the sample and by another reading of the rules."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.answers import Answers, Unanswerable
from analytics_core.errors import AnalyticsError
from tests.analytics_core.report.documents import documents_from, make_documents

DOCUMENTS = make_documents()
SAMPLE = Answers(DOCUMENTS)
# the hand-checked shelf of the page's own tests
TONIGHT = ["London Dry Gin", "Lime Juice", "Sugar", "Campari"]


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["recipe_name"] for row in rows]


def test_what_can_be_made_tonight() -> None:
    answer = SAMPLE.makeable(TONIGHT)
    assert names(answer["makeable"]) == ["Fresh Gimlet"]
    assert answer["unknown"] == []
    more = SAMPLE.makeable([*TONIGHT, "Dry Vermouth", "Sweet Vermouth"])
    assert names(more["makeable"]) == [
        *("Cardinale", "Dry Martini", "Fresh Gimlet", "Gibson", "Milano-Torino", "Negroni"),
        *("Perfect Martini", "Wet Martini"),
    ]
    lacks = {row["recipe_name"]: row["lacks"] for row in answer["one_away"]}
    assert lacks["Cardinale"] == "Dry Vermouth"
    assert "Negroni" not in names(answer["makeable"])


def test_words_of_the_pantry_count_in_any_spelling() -> None:
    for own in (
        ["london DRY gin", "limes", "sugars", "campari"],
        ["London–Dry Gin", "fresh lime juice", "simple syrup", "CAMPARI"],
    ):
        answer = SAMPLE.makeable(own)
        assert names(answer["makeable"]) == ["Fresh Gimlet"], own
        assert answer["unknown"] == [], own


def test_with_a_pantry_only_bottles_are_lacking() -> None:
    answer = SAMPLE.makeable(["London Dry Gin"], pantry=True, count=1000)
    assert {"Gin Fizz", "Fresh Gimlet", "Bee's Knees"} <= set(names(answer["makeable"]))
    lacks = {row["recipe_name"]: row["lacks"] for row in answer["one_away"]}
    assert lacks["White Lady"] != "Lemon Juice"
    assert not {"Lime Juice", "Sugar", "Soda Water", "Egg White"} & set(lacks.values())


def test_lists_are_cut_and_totals_count_all() -> None:
    answer = SAMPLE.makeable(["gin"], pantry=True, count=1)
    assert len(answer["one_away"]) == 1 < answer["one_away_total"]


def test_what_is_unknown_is_answered_with_near_names() -> None:
    [unknown] = SAMPLE.makeable(["Campary", "gin"])["unknown"]
    assert unknown["name"] == "Campary"
    assert "Campari" in unknown["near"]
    with pytest.raises(Unanswerable, match=r"no recipe 'Negrony'; did you mean Negroni"):
        SAMPLE.similar("Negrony")
    with pytest.raises(Unanswerable, match=r"no ingredient .*; did you mean Bourbon"):
        SAMPLE.substitutes("Burbon")
    for nothing in ("", "  ", "999999999", 10**30, -5, "﷽" * 5000):
        with pytest.raises(Unanswerable, match="there is no recipe"):
            SAMPLE.similar(nothing)


# 1 spirit > 2 gin > 3 london dry > 4 a brand that may be exchanged; 5 another gin
TREE = [
    (1, "Spirit", None, 0),
    (2, "Gin", 1, 0),
    (3, "London Dry Gin", 2, 0),
    (4, "Brand's Gin", 3, 1),
    (5, "Old Tom Gin", 2, 0),
    (6, "Water", None, 0),
]
RECIPES = {10: [2], 11: [3], 12: [4], 13: [5], 14: [1], 15: [3, 5], 16: [2, 6], 17: [6]}
UP = {1: [1], 2: [2, 1], 3: [3, 2, 1], 4: [4, 3, 2, 1], 5: [5, 2, 1], 6: [6]}
KINDS = Answers(
    documents_from(
        TREE,
        [
            (recipe, f"Drink {recipe}", line, 1.0, "Ounce", 30.0)
            for recipe, lines in RECIPES.items()
            for line in lines
        ],
    )
)


@pytest.mark.parametrize(
    "owned",
    [own for size in range(4) for own in itertools.combinations(range(1, 7), size)],
    ids=str,
)
def test_a_bottle_is_its_kind_and_every_more_general_one(owned: tuple[int, ...]) -> None:
    covered = {6} | {above for key in owned for above in UP[key]}
    wanted = {
        recipe: [line for line in ({4: 3}.get(each, each) for each in lines) if line not in covered]
        for recipe, lines in RECIPES.items()
    }
    answer = KINDS.makeable([TREE[key - 1][1] for key in owned])
    assert {row["recipe_id"] for row in answer["makeable"]} == {
        key for key, lacks in wanted.items() if not lacks
    }
    assert {row["recipe_id"]: row["lacks"] for row in answer["one_away"]} == {
        key: TREE[lacks[0] - 1][1] for key, lacks in wanted.items() if len(lacks) == 1
    }


ingredients = st.sampled_from(
    sorted(
        {
            line["ingredient_name"]
            for row in DOCUMENTS["recipe-details"]["data"]
            for line in row["lines"]
        }
    )
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ingredients, max_size=12), ingredients)
def test_one_thing_more_never_takes_a_drink_away(own: list[str], more: str) -> None:
    before = SAMPLE.makeable(own, count=1000)
    after = SAMPLE.makeable([*own, more], count=1000)
    assert set(names(before["makeable"])) <= set(names(after["makeable"]))
    gained = {row["recipe_name"] for row in before["one_away"] if row["lacks"] == more}
    assert gained <= set(names(after["makeable"]))


def test_similar_says_what_is_published() -> None:
    answer = SAMPLE.similar("  nEgRoNi ", 3)
    [row] = [row for row in DOCUMENTS["recipe-similar"]["data"] if row["recipe_id"] == 1]
    assert answer["recipe"] == {"recipe_id": 1, "recipe_name": "Negroni"}
    assert [
        (near["recipe_id"], near["distance"], near["words"]) for near in answer["neighbors"]
    ] == [
        (near["neighbor_recipe_id"], near["distance"], near["words"])
        for near in row["neighbors"][:3]
    ]
    assert SAMPLE.similar(1, 3) == SAMPLE.similar("1", 3) == answer


def test_a_swap_between_neighbors_is_one_published_change() -> None:
    [row] = [row for row in DOCUMENTS["recipe-similar"]["data"] if row["recipe_id"] == 1]
    near = row["neighbors"][0]
    [change] = SAMPLE.swap("Negroni", near["neighbor_recipe_id"])["changes"]
    assert (change["words"], change["steps"]) == (near["words"], near["steps"])
    same = SAMPLE.swap("Negroni", 1)
    assert (same["changes"], same["note"]) == ([], "the same recipe")


def test_a_swap_between_others_is_the_shortest_chain() -> None:
    edges = {
        (row["recipe_id"], near["neighbor_recipe_id"]): near["distance"]
        for row in DOCUMENTS["recipe-similar"]["data"]
        for near in row["neighbors"]
    }
    best = {1: 0.0}
    for _ in range(len(DOCUMENTS["recipe-similar"]["data"])):  # Bellman and Ford's way
        for (here, there), cost in edges.items():
            if here in best and best[here] + cost < best.get(there, float("inf")):
                best[there] = best[here] + cost
    for goal in (2, 50, 134, 238):
        changes = SAMPLE.swap(1, goal)["changes"]
        if goal not in best:
            assert changes == []
            assert SAMPLE.swap(1, goal)["note"] == "no published changes lead there"
            continue
        stops = [1, *(change["to"]["recipe_id"] for change in changes)]
        assert stops[-1] == goal
        assert [change["from"]["recipe_id"] for change in changes] == stops[:-1]
        total = sum(edges[pair] for pair in itertools.pairwise(stops))
        assert total == pytest.approx(best[goal])


def test_substitutes_are_those_that_are_published() -> None:
    for row in DOCUMENTS["ingredient-substitutes"]["data"][:20]:
        answer = SAMPLE.substitutes(row["ingredient_id"])
        assert answer["ingredient"]["ingredient_id"] == row["ingredient_id"]
        assert answer["substitutes"] == row["substitutes"]


def test_names_that_several_have_are_asked_for_by_id() -> None:
    twins = Answers(
        documents_from(
            [(1, "Gin", None, 0), (2, "gin", None, 0), (3, "12", None, 0)],
            [
                (key, name, 1, 1.0, "Ounce", 30.0)
                for key, name in ((5, "Côte"), (6, "Cote"), (7, "COTE"), (12, "7"))
            ],
        )
    )
    with pytest.raises(Unanswerable, match=r"3 recipes are named 'cote'; ask by id: 5, 6, 7"):
        twins.similar("cote")
    assert twins.similar("Cote")["recipe"]["recipe_id"] == 6
    assert twins.similar("7")["recipe"]["recipe_id"] == 12
    assert twins.similar(7)["recipe"]["recipe_id"] == 7
    assert twins.similar("12")["recipe"]["recipe_id"] == 12


def test_a_set_of_an_older_version_says_what_it_lacks() -> None:
    with pytest.raises(AnalyticsError, match="recipe-details"):
        Answers({kind: each for kind, each in DOCUMENTS.items() if kind != "recipe-details"})
