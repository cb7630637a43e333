"""The default cost does what it was chosen for: it agrees with bartenders, and with names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics_core.sample import load_ingredients, load_recipes, write_sample_database
from analytics_core.source.cocktaildb import load_catalog
from benchmarks.costs import DEFAULT, Judged, differences, distances_under, judge
from benchmarks.yardsticks import Scores, Yardsticks, hubness, interval, level, written


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    write_sample_database(path)
    return path


@pytest.fixture(scope="module")
def judged(database: Any) -> Any:
    return judge(database)


@pytest.fixture(scope="module")
def means(judged: Any) -> dict[Any, dict[str, float]]:
    return {key: one.scores.means() for key, one in judged.items()}


def test_the_default_is_well_ahead_of_the_reference(means: Any) -> None:
    for yardstick in ("families", "triplets", "quality"):
        assert means[DEFAULT][yardstick] > means["reference", "site"][yardstick] + 0.05


def test_the_default_is_ahead_of_the_tree_and_of_plain_volumes(means: Any) -> None:
    for other in (("tree", "site"), ("tree", "poured"), ("manhattan", "poured")):
        assert means[DEFAULT]["families"] > means[other]["families"]
        assert means[DEFAULT]["quality"] > means[other]["quality"]


def test_nine_in_ten_triplets_come_out_as_bartenders_say(means: Any) -> None:
    assert means[DEFAULT]["triplets"] >= 0.9


def test_what_differs_beyond_noise_is_told(judged: Any) -> None:
    lines = differences(judged)
    assert len(lines) == len(judged) - 1
    (line,) = [line for line in lines if "against reference site" in line]
    assert "families +" in line
    same = differences({DEFAULT: judged[DEFAULT], ("copy", "poured"): judged[DEFAULT]})
    assert same == ["learned poured against copy poured: noise"]


def nearest(database: Any, name: str) -> list[str]:
    catalog = load_catalog(database, volumes="poured")
    names = catalog.recipes.names
    row = names.index(name)
    order = np.argsort(distances_under(catalog, "learned")[row], kind="stable")
    return [names[r] for r in order if r != row][:10]


def test_a_daiquiris_nearest_are_of_rum(database: Any) -> None:
    parents = {i.name: i.parent for i in load_ingredients()}
    lines = {r.name: [line.ingredient for line in r.lines] for r in load_recipes()}

    def root(name: str) -> str:
        above = parents[name]
        return name if above is None else root(above)

    for name in nearest(database, "Daiquiri"):
        assert "Rum" in {root(ingredient) for ingredient in lines[name]}, name


def test_a_negronis_nearest_are_negronis(database: Any, tmp_path: Path) -> None:
    """Of the first drinks; the whole sample has more than ten Negronis."""
    write_sample_database(tmp_path / "first.db", recipes=238)
    classics = {
        "Boulevardier",
        "Mezcal Negroni",
        "Kingston Negroni",
        "White Negroni",
        "Cardinale",
        "Contessa",
    }
    assert classics <= set(nearest(tmp_path / "first.db", "Negroni"))
    assert len(classics & set(nearest(database, "Negroni"))) >= 4


@pytest.mark.parametrize(
    ("name", "leveled"),
    [
        ("Rye Old-Fashioned", "rye old fashioned"),
        ("Piña Colada", "pina colada"),
        ("Negroni (Count's)", "negroni"),
        ("(No Name) Sour", "no name sour"),
        ("Maiden's  Prayer", "maidens prayer"),
    ],
)
def test_names_are_leveled(name: str, leveled: str) -> None:
    assert level(name) == leveled


NAMES = ["Sour", "Gin Sour", "Rum Sour", "Rye Sour", "Definitive Source", "Bronx", "Silver Bronx"]


def test_groups_come_from_names() -> None:
    yardsticks = Yardsticks(NAMES)
    assert [rows.tolist() for rows in yardsticks.heads] == [[0, 1, 2, 3]]
    assert yardsticks.known.tolist() == [0, 1, 2, 3]
    assert [rows.tolist() for rows in yardsticks.same] == [[0, 1, 2, 3], [5, 6]]
    assert not yardsticks.families
    assert not yardsticks.triplets


def test_families_of_a_file_count_by_the_drinks_that_are_there(tmp_path: Path) -> None:
    file = tmp_path / "families.toml"
    file.write_text(
        '[[family]]\nname = "a"\nrecipes = ["RYE SOUR", "Sour", "Clover", "Bronx", "Gin Sour"]\n'
        '[[family]]\nname = "b"\nrecipes = ["Sour", "Bronx", "Gin Sour", "Clover Club"]\n'
        '[[triplet]]\ndrink = "Bronx"\nnear = "Silver Bronx"\nfar = "Sour"\n'
        '[[triplet]]\ndrink = "Bronx"\nnear = "Clover Club"\nfar = "Sour"\n'
    )
    yardsticks = Yardsticks(NAMES, written(file))
    assert [rows.tolist() for rows in yardsticks.families] == [[0, 1, 3, 5]]
    assert yardsticks.triplets == [(5, 6, 0)]


def test_scores_by_hand() -> None:
    """Drinks on a line; the sours lie together, but one of them lies beyond the others."""
    place = np.array([0.0, 1.0, 2.0, 5.0, 3.0, 10.0, 10.5])
    distances = np.abs(place[:, None] - place[None, :])
    scores = Yardsticks(NAMES).score(distances)
    # where the other sours stand in the list of each sour, and so how precise it is
    ranks = ([1, 2, 4], [1, 2, 4], [1, 3, 4], [2, 3, 4])
    precisions = [np.mean([hit / rank for hit, rank in enumerate(own, 1)]) for own in ranks]
    assert scores.groups["head"].tolist() == pytest.approx([np.mean(precisions)])
    assert scores.groups["known"][0] == 1.0
    assert scores.groups["same"].tolist() == [1.0, 1.0]
    means = scores.means()
    assert means["quality"] == pytest.approx((means["head"] + 2) / 3)


def test_draws_are_the_same_for_every_cost_and_spread_about_the_mean() -> None:
    scores = Scores({"families": np.linspace(0, 1, 30)})
    draws = scores.drawn()["families"]
    np.testing.assert_array_equal(draws, scores.drawn()["families"])
    low, high = interval(draws)
    assert 0.3 < low < 0.45
    assert 0.55 < high < 0.7
    assert "quality" not in scores.means()


def test_one_group_tells_no_difference_from_noise() -> None:
    """However it is drawn it is the same, so that its interval would have no width."""

    def scored(families: float, same: float) -> Judged:
        groups = {
            "families": np.full(5, families),
            "head": np.full(5, 0.5),
            "known": np.full(5, 0.5),
            "same": np.array([same]),
        }
        return Judged(Scores(groups), (1.0, 0.0))

    (line,) = differences({DEFAULT: scored(0.6, 0.0), ("tree", "site"): scored(0.5, 1.0)})
    assert line == "learned poured against tree site: families +0.100 to +0.100"


def test_a_hub_is_seen() -> None:
    star = np.full((22, 22), 2.0)
    star[0, :] = star[:, 0] = 1.0
    most, never = hubness(star)
    assert most == pytest.approx(2.1)
    assert never == pytest.approx(11 / 22)
