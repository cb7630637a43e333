"""The map: small cases, determinism, registration on the previous map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analytics_core.similarity.embedding import MAP_DECIMALS, MapSettings, align, embed
from analytics_core.similarity.neighbors import KnnGraph
from tests.strategies import Draw

ROUNDING = 10.0**-MAP_DECIMALS


def graph_of(points: np.ndarray, k: int) -> KnnGraph:
    """Exact neighbors of points in the plane."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1, kind="stable")[:, :k].astype(np.int32)
    return KnnGraph(near, np.take_along_axis(apart, near.astype(np.int64), axis=1))


def clusters(size: int = 15) -> np.ndarray:
    """Three heaps of points, far apart."""
    rng = np.random.default_rng(4)
    centres = np.array([[0.0, 0.0], [30.0, 0.0], [0.0, 50.0]])
    return np.concatenate([center + rng.random((size, 2)) for center in centres])


def test_heaps_stay_together_on_the_map() -> None:
    points = clusters()
    found = embed(graph_of(points, 14), points, MapSettings())
    assert found.shape == (45, 2)
    assert np.isfinite(found).all()
    apart = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    heap = np.repeat(np.arange(3), 15)
    assert (heap[apart.argmin(axis=1)] == heap).all()


def test_the_same_input_has_the_same_bits_and_another_seed_another_map() -> None:
    points = clusters()
    graph = graph_of(points, 14)
    first, second = (embed(graph, points, MapSettings()) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert not np.allclose(first, embed(graph, points, MapSettings(seed=1)))


def test_the_map_lies_level_and_centered() -> None:
    points = clusters()
    found = embed(graph_of(points, 14), points, MapSettings())
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-6)
    spread = found.T @ found
    assert spread[0, 0] >= spread[1, 1]
    assert abs(spread[0, 1]) < 1e-6 * spread[0, 0]


@pytest.mark.parametrize("count", range(12))
def test_a_handful_of_recipes_is_laid_out_by_scaling(count: int) -> None:
    points = np.random.default_rng(count).random((count, 2))
    graph = graph_of(points, max(0, count - 1))
    found = embed(graph, np.ones((count, 1)), MapSettings())
    assert found.shape == (count, 2)
    # with everybody a neighbor of everybody, the scaling gives back the plane itself
    given = np.linalg.norm(points[:, None] - points[None], axis=2)
    got = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.testing.assert_allclose(got, given, atol=1e-6)


def test_islands_are_laid_out_apart() -> None:
    near = np.array([[1], [0], [3], [2]], np.int32)
    found = embed(KnnGraph(near, np.ones((4, 1))), np.ones((4, 1)), MapSettings())
    apart = np.linalg.norm(found[:, None] - found[None], axis=2)
    assert apart[0, 2] > apart[0, 1]
    assert np.isfinite(found).all()


@pytest.mark.parametrize("count", [3, 12, 30])
def test_recipes_that_are_all_alike_have_a_finite_map(count: int) -> None:
    zero = np.zeros((count, 2))
    graph = graph_of(zero, min(14, count - 1))
    assert np.isfinite(embed(graph, np.ones((count, 1)), MapSettings())).all()


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
    ids = np.arange(len(old)) * 2 + 5
    assert align(new, ids, old, ids).tobytes() == old.tobytes()


@settings(max_examples=60, deadline=None)
@given(maps(), st.data())
def test_registration_changes_no_distance_on_the_map(drawn: Any, data: st.DataObject) -> None:
    points, _ = drawn
    n = len(points)
    other = data.draw(arrays(np.float64, (n + 2, 2), elements=coordinates))
    moved = align(points, np.arange(n), other, np.arange(n + 2) - 1)
    before = np.linalg.norm(points[:, None] - points[None], axis=2)
    after = np.linalg.norm(moved[:, None] - moved[None], axis=2)
    np.testing.assert_allclose(after, before, atol=4 * ROUNDING)


def test_new_recipes_move_along_with_the_old_ones() -> None:
    old = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]])
    quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
    new = np.vstack([old, [[4.0, 3.0]]]) @ quarter + [7.0, 7.0]
    found = align(new, np.array([1, 2, 3, 9]), old, np.array([1, 2, 3]))
    np.testing.assert_allclose(found, [*old, [4.0, 3.0]], atol=ROUNDING)


def test_the_order_of_the_old_map_does_not_matter() -> None:
    old = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0], [2.0, 2.0]])
    ids = np.array([1, 2, 3, 4])
    back = np.array([3, 0, 2, 1])
    np.testing.assert_array_equal(align(-old, ids, old[back], ids[back]), old)


@pytest.mark.parametrize(
    ("old", "ids"),
    [
        (np.empty((0, 2)), []),
        (np.ones((2, 2)), [1, 2]),  # two points say nothing about which side is up
        (np.ones((3, 2)), [7, 8, 9]),  # nothing in common
        (np.full((3, 2), np.nan), [1, 2, 3]),
    ],
)
def test_a_previous_map_of_no_use_leaves_the_new_one(old: Any, ids: Any) -> None:
    points = np.array([[1.23456789, 0.0], [0.0, -2.0], [-1e-9, 3.0]])
    found = align(points, np.array([1, 2, 3]), old, np.array(ids, np.int64))
    assert found.tolist() == [[1.2346, 0.0], [0.0, -2.0], [0.0, 3.0]]
    assert not np.signbit(found[found == 0]).any()  # no "-0.0" in the documents


def test_a_previous_map_all_in_one_place_is_survived() -> None:
    points = np.array([[0.0, 1.0], [2.0, 0.0], [0.0, 5.0]])
    found = align(points, np.arange(3), np.ones((3, 2)), np.arange(3))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.mean(axis=0), [1.0, 1.0], atol=ROUNDING)
