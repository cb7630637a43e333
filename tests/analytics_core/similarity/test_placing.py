"""Maps from one refresh to the next: what stays, what moves, when a map begins anew."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analytics_core.similarity.embedding import MapSettings
from analytics_core.similarity.neighbors import KnnGraph
from analytics_core.similarity.placing import (
    MAP_DECIMALS,
    MARGIN,
    EarlierMap,
    PlacedMap,
    align,
    diameter,
    moves,
    place,
    stand_upright,
)
from analytics_core.similarity.quality import neighbors_kept
from tests.strategies import Draw

ROUNDING = 10.0**-MAP_DECIMALS

coordinates = st.floats(-20, 20, allow_subnormal=False)


@st.composite
def maps(draw: Draw) -> tuple[np.ndarray, np.ndarray]:
    """A map that is not all in one line, and a turned, perhaps mirrored, shifted copy."""
    n = draw(st.integers(3, 20))
    points: np.ndarray = draw(arrays(np.float64, (n, 2), elements=coordinates))
    points = np.round(points, MAP_DECIMALS) + 0.0
    angle = draw(st.floats(0, 2 * np.pi))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if draw(st.booleans()):
        turn = turn * [1.0, -1.0]
    return points, points @ turn + draw(arrays(np.float64, 2, elements=coordinates))


@settings(max_examples=100, deadline=None)
@given(maps())
def test_a_turned_mirrored_or_shifted_map_is_the_old_one_again(drawn: Any) -> None:
    old, new = drawn
    np.testing.assert_allclose(align(new, new, old), old, atol=ROUNDING)


@settings(max_examples=60, deadline=None)
@given(maps(), st.data())
def test_registration_changes_no_distance_on_the_map(drawn: Any, data: st.DataObject) -> None:
    points, _ = drawn
    other = data.draw(arrays(np.float64, points.shape, elements=coordinates))
    moved = align(points, points, other)
    before = np.linalg.norm(points[:, None] - points[None], axis=2)
    after = np.linalg.norm(moved[:, None] - moved[None], axis=2)
    np.testing.assert_allclose(after, before, atol=4 * ROUNDING)


def test_fewer_than_three_places_say_nothing_about_which_side_is_up() -> None:
    points = np.array([[1.23456789, 0.0], [0.0, -2.0], [-1e-9, 3.0]])
    found = align(points, points[:2], points[:2] + 5.0)
    assert found.tolist() == [[1.2346, 0.0], [0.0, -2.0], [0.0, 3.0]]
    assert not np.signbit(found[found == 0]).any()  # no "-0.0" in the documents


def test_the_map_stands_upright() -> None:
    points = np.random.default_rng(2).random((40, 2)) * [1.0, 5.0]
    found = stand_upright(points)
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-9)
    spread = found.T @ found
    assert spread[0, 0] >= spread[1, 1]
    assert abs(spread[0, 1]) < 1e-9 * spread[0, 0]


def test_the_diameter_is_the_greatest_distance() -> None:
    points = np.random.default_rng(3).random((60, 2))
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    assert diameter(points) == pytest.approx(apart.max(), rel=2e-3)
    assert diameter(points[:1]) == 0.0


# --- from one refresh to the next, on a cloud of drinks ---

COUNT = 120
CLOUD = np.random.default_rng(9).normal(size=(COUNT, 3))
NOBODY_TWIN = np.arange(COUNT)
SETTINGS = MapSettings()


def graph_of(points: np.ndarray, k: int = 14) -> KnnGraph:
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    apart = np.round(apart * 2.0**40) / 2.0**40
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1, kind="stable")[:, :k].astype(np.int32)
    return KnnGraph(near, np.take_along_axis(apart, near.astype(np.int64), axis=1))


def placed(points: np.ndarray, ids: Any = None, twins: Any = None, **more: Any) -> PlacedMap:
    ids = np.arange(len(points)) * 3 if ids is None else ids
    twins = np.arange(len(points)) if twins is None else twins
    return place(graph_of(points), ids, twins, SETTINGS, **more)


def as_earlier(made: PlacedMap, ids: Any, **other: Any) -> EarlierMap:
    told = {"graph": made.graph, "kept_anew": made.kept_anew, **other}
    return EarlierMap(ids, made.points, **told)


@pytest.fixture(scope="module")
def first() -> PlacedMap:
    return placed(CLOUD)


IDS = np.arange(COUNT) * 3


def test_a_first_map_says_that_there_was_none(first: PlacedMap) -> None:
    assert (first.began, first.why) == ("anew", "there was no earlier map")
    assert first.points.tobytes() == placed(CLOUD).points.tobytes()


def test_where_nothing_changed_the_map_stays_to_the_last_bit(first: PlacedMap) -> None:
    again = placed(CLOUD, earlier=as_earlier(first, IDS))
    assert again.began == "unchanged"
    assert again.points.tobytes() == first.points.tobytes()
    assert again.kept_anew == first.kept_anew


def test_one_changed_drink_moves_and_the_others_hardly(first: PlacedMap) -> None:
    points = CLOUD.copy()
    points[5] = points[80] + 0.01
    changed = np.arange(COUNT) == 5
    earlier = as_earlier(first, IDS)
    now = placed(points, earlier=earlier, changed=changed)
    assert now.began == "from the earlier map"
    shares = moves(now.points, IDS, earlier)
    assert np.median(shares) < 0.015  # of so small a map
    assert np.percentile(shares, 95) < 0.05
    size = diameter(now.points)
    assert np.linalg.norm(now.points[5] - now.points[80]) < 0.1 * size
    again = placed(points, earlier=earlier, changed=changed)
    assert now.points.tobytes() == again.points.tobytes()


def test_a_new_drink_begins_beside_its_neighbors(first: PlacedMap) -> None:
    points = np.vstack([CLOUD, CLOUD[:1] + 0.01])
    ids = np.append(IDS, 1000)
    now = placed(points, ids, earlier=as_earlier(first, IDS), changed=ids == 1000)
    assert now.began == "from the earlier map"
    size = diameter(now.points)
    assert np.linalg.norm(now.points[-1] - now.points[0]) < 0.1 * size


def test_whoever_is_gone_leaves_the_others_where_they_are(first: PlacedMap) -> None:
    earlier = as_earlier(first, IDS)
    now = placed(CLOUD[3:], IDS[3:], earlier=earlier)
    assert np.median(moves(now.points, IDS[3:], earlier)) < 0.015


def test_twins_lie_on_one_spot_also_when_one_is_new(first: PlacedMap) -> None:
    points = np.vstack([CLOUD, CLOUD[:1], CLOUD[:1]])
    ids, twins = np.append(IDS, [1000, 1001]), np.append(NOBODY_TWIN, [0, 0])
    cold = placed(points, ids, twins)
    assert (cold.points[[COUNT, COUNT + 1]] == cold.points[0]).all()
    earlier = as_earlier(first, IDS)
    now = placed(points, ids, twins, earlier=earlier, changed=ids >= 1000)
    assert now.began == "from the earlier map"
    assert (now.points[[COUNT, COUNT + 1]] == now.points[0]).all()
    assert moves(now.points, ids, earlier)[0] < 0.02


def test_a_map_that_fell_behind_is_laid_out_anew_and_says_why(first: PlacedMap) -> None:
    muddled = np.random.default_rng(1).permutation(first.points)
    earlier = as_earlier(first, IDS)
    wrong = EarlierMap(IDS, muddled, "", earlier.kept_anew)
    now = placed(CLOUD, earlier=wrong)
    assert now.began == "anew"
    assert re.fullmatch(r"going on from the earlier map kept 0\.\d+ of the neighbors only", now.why)
    kept = neighbors_kept(graph_of(CLOUD), now.points)
    assert kept == pytest.approx(neighbors_kept(graph_of(CLOUD), first.points), abs=MARGIN)


def test_where_anew_is_no_better_the_map_goes_on_and_expects_less(first: PlacedMap) -> None:
    hopeful = as_earlier(first, IDS, graph="", kept_anew=1.0)
    now = placed(CLOUD, earlier=hopeful)
    assert now.began == "from the earlier map"
    assert now.kept_anew == pytest.approx(first.kept_anew, abs=1e-3)


def test_too_few_known_drinks_are_no_map_to_go_on_from(first: PlacedMap) -> None:
    few = EarlierMap(IDS[:40], first.points[:40], "", first.kept_anew)
    assert placed(CLOUD, earlier=few).why == "only 40 of 120 drinks were on the earlier map"
    lost = EarlierMap(IDS, np.full((COUNT, 2), np.nan), first.graph, 1.0)
    assert placed(CLOUD, earlier=lost).why == "there was no earlier map"


def test_a_handful_stays_where_it_was() -> None:
    ids = np.arange(6)
    before = placed(CLOUD[:6], ids)
    turned = EarlierMap(ids, before.points @ [[0.0, 1.0], [-1.0, 0.0]] + 3.0)
    now = placed(CLOUD[:6], ids, earlier=turned)
    np.testing.assert_allclose(now.points, turned.points, atol=2 * ROUNDING)


def test_ten_refreshes_in_a_row_keep_the_map_good(first: PlacedMap) -> None:
    rng = np.random.default_rng(5)
    points, made = CLOUD.copy(), first
    for _ in range(10):
        changed = np.zeros(COUNT, dtype=bool)
        changed[rng.integers(COUNT, size=2)] = True
        points[changed] = rng.normal(size=(int(changed.sum()), 3))
        made = placed(points, earlier=as_earlier(made, IDS), changed=changed)
    graph = graph_of(points)
    anew = neighbors_kept(graph, placed(points).points)
    assert neighbors_kept(graph, made.points) > anew - 2 * MARGIN
