"""What changed since the set before, and when that set stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from analytics_core.changes import LISTED, Changes, _told, in_words, objections
from analytics_core.cli import app
from analytics_core.errors import EXIT_GATE, GateClosed
from analytics_core.pipeline import RefreshSettings, finish, plan, read_plan, refresh, shard
from analytics_core.store import LocalStorage, read_published
from tests.analytics_core.databases import change, cut_down_sample, large_database, write_database

PLAIN = RefreshSettings(page=False)
CALM: dict[str, float] = {
    "recipes": 1000,
    "recipes_before": 1000,
    "findings": 10,
    "findings_before": 10,
    "unchanged": 1000,
    "unsettled": 0,
    "map_move_plain": 0.001,
    "map_move_learned": 0.001,
}


JUMPED = "the learned map jumped: recipes that did not change moved by 10.1% of it (more than 10%)"


def said(*method: str, **figures: float) -> list[str]:
    return objections(Changes({}, list(method), {**CALM, **figures}))


def test_nothing_speaks_against_a_calm_set_nor_against_a_first_one() -> None:
    assert said() == []
    assert objections(Changes({}, [], {})) == []


@pytest.mark.parametrize(
    ("just_so", "too_much", "sentence"),
    [
        ({"recipes": 800}, {"recipes": 799}, "799 recipes are left of 1000 (more than 20% fewer)"),
        (
            {"unsettled": 250},
            {"unsettled": 251},
            "251 of 1000 recipes that did not change have other neighbors (more than 25%)",
        ),
        (
            {"findings": 30},
            {"findings": 31},
            "31 findings instead of 10 (more than 3 times as many)",
        ),
        (
            {"map_move_learned": 0.1},
            {"map_move_learned": 0.101},
            JUMPED,
        ),
    ],
)
def test_each_limit(just_so: Any, too_much: Any, sentence: str) -> None:
    assert said(**just_so) == []
    assert said(**too_much) == [sentence]


def test_a_changed_method_is_judged_by_the_number_of_recipes_alone() -> None:
    loud = {"unsettled": 900.0, "findings": 500.0, "map_move_plain": 0.5}
    assert len(said(**loud)) == 3
    assert said("settings", **loud) == []
    assert said("code", recipes=100) == ["100 recipes are left of 1000 (more than 20% fewer)"]


def test_small_collections_and_large_edits_may_move_the_map() -> None:
    assert said(recipes=40, recipes_before=40, unchanged=40, map_move_plain=0.5) == []
    assert said(unchanged=700, map_move_plain=0.5) == []
    assert said(recipes=5, recipes_before=10, unchanged=5) == []
    assert said(findings=12, findings_before=0) == []


def run(database: Path, folder: Path, settings: RefreshSettings = PLAIN, **more: Any) -> Any:
    refresh(database, LocalStorage(folder), settings=settings, **more)
    return read_published(LocalStorage(folder))


def test_a_first_set_says_that_there_was_none_before(tmp_path: Path) -> None:
    documents = run(write_database(tmp_path / "bar.db"), tmp_path / "out")
    told = documents["what-changed"]["data"]
    assert told["since"] is None
    assert told["why_not"] == "there was no earlier set"
    assert set(told["counts"].values()) == {0}
    assert documents["manifest"]["compared"] == {
        "method": [],
        "forced": [],
        "figures": {},
        "words": told["words"],
    }


def test_recipes_new_gone_and_changed_and_whose_nearest(tmp_path: Path) -> None:
    path = cut_down_sample(tmp_path / "bar.db", 50)
    before = run(path, tmp_path / "out", run_id="monday")
    ids = [row["recipe_id"] for row in before["recipe-details"]["data"]]
    similar = {row["recipe_id"]: row for row in before["recipe-similar"]["data"]}
    gone = similar[ids[0]]["neighbors"][0]["neighbor_recipe_id"]
    kept = next(i for i in ids if i not in (gone, ids[0]))
    change(
        path,
        f"DELETE FROM recipe_ingredients WHERE recipe_id = {gone}",
        f"DELETE FROM recipes WHERE id = {gone}",
        f"UPDATE recipe_ingredients SET amount = amount * 1.5 WHERE recipe_id = {kept}",
        "INSERT INTO recipes (id, name) VALUES (9000, 'Newcomer')",
        f"INSERT INTO recipe_ingredients (recipe_id, ingredient_id, unit_id, amount)"
        f" SELECT 9000, ingredient_id, unit_id, amount FROM recipe_ingredients"
        f" WHERE recipe_id = {ids[0]}",
    )
    after = run(path, tmp_path / "out")
    told = after["what-changed"]["data"]
    assert told["since"]["run_id"] == "monday"
    assert told["why_not"] == ""
    assert told["new"] == [{"recipe_id": 9000, "recipe_name": "Newcomer"}]
    assert [row["recipe_id"] for row in told["gone"]] == [gone]
    assert [row["recipe_id"] for row in told["changed"]] == [kept]
    counts = told["counts"]
    assert (counts["new"], counts["gone"], counts["changed"]) == (1, 1, 1)
    assert counts["unchanged"] == 48
    moved = {row["recipe_id"]: row for row in told["nearest"]}
    assert moved[ids[0]]["before"]["recipe_id"] == gone
    assert moved[ids[0]]["now"] == {"recipe_id": 9000, "recipe_name": "Newcomer"}
    now = {r["recipe_id"]: r["neighbors"][0] for r in after["recipe-similar"]["data"]}
    expected = {
        i
        for i in now.keys() & similar.keys()
        if now[i]["neighbor_recipe_id"] != similar[i]["neighbors"][0]["neighbor_recipe_id"]
    }
    assert moved.keys() == expected
    at = {row["recipe_id"]: (row["x"], row["y"]) for row in after["cocktail-space"]["data"]}
    assert at[9000] == at[ids[0]]  # the same mixture lies on the same spot
    for told_map in told["maps"].values():
        assert told_map["drinks"] == 49
        assert 0 <= told_map["median"] <= told_map["p95"]


def test_the_same_database_again_changes_nothing(tmp_path: Path) -> None:
    path = cut_down_sample(tmp_path / "bar.db", 50)
    first = run(path, tmp_path / "out")
    second = run(path, tmp_path / "out")
    told = second["what-changed"]["data"]
    assert told["counts"] == {"new": 0, "gone": 0, "changed": 0, "unchanged": 50, "nearest": 0}
    assert {m["began"] for m in told["maps"].values()} == {"unchanged"}
    for kind in ("cocktail-space", "cocktail-space-em"):
        assert second[kind]["data"] == first[kind]["data"]


def test_a_set_that_kept_no_digests_is_gone_on_from_but_not_compared(tmp_path: Path) -> None:
    path = cut_down_sample(tmp_path / "bar.db", 50)
    run(path, tmp_path / "out")
    manifest = tmp_path / "out" / "analytics" / "v1" / "manifest.json"
    old = json.loads(manifest.read_text())
    for name in ("maps", "code", "compared"):
        del old[name]
    del old["documents"]["recipe-digests"]
    manifest.write_text(json.dumps(old))
    told = run(path, tmp_path / "out")["what-changed"]["data"]
    assert told["why_not"] == "the earlier set does not say what was in its recipes"
    assert told["since"]["run_id"] == old["run_id"]
    assert all(m["drinks"] == 50 for m in told["maps"].values())


def test_the_lists_are_bounded_and_the_counts_are_not(tmp_path: Path) -> None:
    path = large_database(tmp_path / "bar.db", recipes=300)
    run(path, tmp_path / "out", replace(PLAIN, cost="tree"))
    change(path, "UPDATE recipe_ingredients SET amount = amount + 0.25")
    told = run(path, tmp_path / "out", replace(PLAIN, cost="tree"))["what-changed"]["data"]
    assert told["counts"]["changed"] == 300
    assert len(told["changed"]) == LISTED


def halved(path: Path) -> Path:
    return change(
        path,
        "DELETE FROM recipe_ingredients WHERE recipe_id % 8 = 3",
        "DELETE FROM recipes WHERE id % 8 = 3",
    )


def forced(path: Path, folder: Path) -> Any:
    return run(path, folder, replace(PLAIN, force=True))


def finished(path: Path, folder: Path) -> Any:
    cache = LocalStorage(folder / "shared")
    made = plan(path, cache, settings=PLAIN, shards=2)
    for index in range(2):
        shard(made, cache, index)
    with pytest.raises(GateClosed):
        finish(read_plan(cache), cache, LocalStorage(folder))
    finish(read_plan(cache), cache, LocalStorage(folder), force=True)
    return read_published(LocalStorage(folder))


@pytest.mark.parametrize("forcing", [forced, finished])
def test_half_of_the_recipes_gone_keeps_the_earlier_set_unless_forced(
    forcing: Callable[[Path, Path], Any], tmp_path: Path
) -> None:
    path = cut_down_sample(tmp_path / "bar.db", 50)
    before = run(path, tmp_path / "out")
    halved(path)
    with pytest.raises(GateClosed, match="25 recipes are left of 50") as closed:
        refresh(path, LocalStorage(tmp_path / "out"), settings=PLAIN)
    assert closed.value.figures["recipes_before"] == 50
    assert read_published(LocalStorage(tmp_path / "out")) == before
    after = forcing(path, tmp_path / "out")
    assert after["manifest"]["counts"]["recipes"] == 25
    assert after["manifest"]["compared"]["forced"] == [
        "25 recipes are left of 50 (more than 20% fewer)"
    ]
    # what was forced is what the next set is held against
    assert run(path, tmp_path / "out")["manifest"]["compared"]["forced"] == []


def test_another_cost_passes_and_says_so(tmp_path: Path) -> None:
    path = cut_down_sample(tmp_path / "bar.db", 55)
    run(path, tmp_path / "out")
    told = run(path, tmp_path / "out", replace(PLAIN, cost="tree"))
    assert told["what-changed"]["data"]["method"] == ["settings"]
    assert told["manifest"]["compared"]["method"] == ["settings"]


def test_the_command_ends_with_exit_5_and_force_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cut_down_sample(tmp_path / "bar.db", 50)
    run(path, tmp_path / "out")
    halved(path)
    words = ["refresh", "--db", str(path), "--output", str(tmp_path / "out"), "--no-page"]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == EXIT_GATE == 5
    line = json.loads(refused.stderr.splitlines()[-1])
    assert line["event"] == "refresh.failed"
    assert line["message"].startswith("the earlier set stays: 25 recipes are left of 50")
    assert "--force" in line["message"]
    assert line["figures"]["recipes"] == 25
    monkeypatch.setenv("ANALYTICS_FORCE", "1")
    assert CliRunner().invoke(app, words).exit_code == 0


def test_what_changed_is_said_in_one_sentence_with_few_names() -> None:
    nothing = dict.fromkeys(("new", "gone", "changed", "nearest"), 0)
    still: dict[str, Any] = {
        "counts": nothing,
        **{part: [] for part in nothing},
        "maps": {"a": {"far": 0.0}, "b": {}},
    }
    assert in_words(still) == "nothing changed"
    negroni, gimlet = {"recipe_name": "Negroni"}, {"recipe_name": "Gimlet"}
    much = {
        **still,
        "counts": {**nothing, "new": 2, "changed": 1400, "nearest": 1},
        "new": [negroni, gimlet],
        "changed": [negroni] * LISTED,
        "nearest": [gimlet],
        "maps": {"a": {"far": 0.001}, "b": {"far": 0.0}},
    }
    assert in_words(much) == (
        "2 new recipes (Negroni, Gimlet); 1,400 recipes changed;"
        " another nearest drink for 1 recipe (Gimlet); under 1% of the drinks moved far on the map"
    )


def test_the_sentence_is_in_the_document_the_manifest_and_the_log(tmp_path: Path) -> None:
    database = write_database(tmp_path / "bar.db")
    out = tmp_path / "out"
    refresh(database, LocalStorage(out), settings=PLAIN)
    change(database, "UPDATE recipe_ingredients SET amount = amount * 3 WHERE id = 1")
    done = CliRunner().invoke(app, ["refresh", "--db", str(database), "--output", str(out)])
    last = json.loads(done.stdout.splitlines()[-1])
    documents = read_published(LocalStorage(out))
    words = documents["what-changed"]["data"]["words"]
    assert words.startswith("1 recipe changed (Negroni)")
    assert documents["manifest"]["compared"]["words"] == last["changed"] == words


@given(
    st.lists(
        st.tuples(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_categories=()))),
        max_size=4,
    )
)
def test_what_lines_say_is_digested_as_ever(lines: list[tuple[int, str]]) -> None:
    """The digests of sets that are published already were made of the standard library's JSON."""
    told = [[key, text, "1.5"] for key, text in lines]
    plain = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    assert _told(told) == plain.encode(errors="surrogatepass")
