"""The map's edges and optimization: small cases, twins, determinism."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.similarity import _layout
from analytics_core.similarity.embedding import (
    Edges,
    MapSettings,
    embed,
    scale_few,
    tie,
    twins_of,
)
from analytics_core.similarity.neighbors import KnnGraph
from tests.strategies import mixtures_of


def graph_of(points: np.ndarray, k: int) -> KnnGraph:
    """Exact neighbors of points in the plane."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1, kind="stable")[:, :k].astype(np.int32)
    return KnnGraph(near, np.take_along_axis(apart, near.astype(np.int64), axis=1))


def clusters(size: int = 15) -> np.ndarray:
    """Three heaps of points, far apart."""
    rng = np.random.default_rng(4)
    centers = np.array([[0.0, 0.0], [30.0, 0.0], [0.0, 50.0]])
    return np.concatenate([center + rng.random((size, 2)) for center in centers])


def edges_of(points: np.ndarray, k: int = 14) -> Edges:
    return tie(graph_of(points, k), np.arange(len(points)), MapSettings())


def test_heaps_stay_together_on_the_map() -> None:
    found = embed(edges_of(clusters()), MapSettings())
    assert found.shape == (45, 2)
    assert np.isfinite(found).all()
    apart = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    heap = np.repeat(np.arange(3), 15)
    assert (heap[apart.argmin(axis=1)] == heap).all()


def test_the_same_input_has_the_same_bits_and_another_seed_another_map() -> None:
    edges = edges_of(clusters())
    first, second = (embed(edges, MapSettings()) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert not np.allclose(first, embed(edges, MapSettings(seed=1)))


def test_edges_hold_both_ways_alike_and_fall_off_with_distance() -> None:
    edges = edges_of(clusters(), 10)
    dense = np.zeros((45, 45))
    dense[edges.heads, edges.tails] = edges.weights
    np.testing.assert_array_equal(dense, dense.T)
    assert (dense.diagonal() == 0).all()
    assert edges.weights.min() > 0
    nearest = graph_of(clusters(), 1).indices[:, 0]
    np.testing.assert_allclose(dense[np.arange(45), nearest], 1.0)


def test_weights_of_a_drink_add_up_to_what_umap_asks_for() -> None:
    distances = graph_of(clusters(), 14).distances
    indptr = np.arange(46, dtype=np.int64) * 14
    weights = _layout.weigh(indptr, distances.ravel(), 14, np.log2(15)).reshape(45, 14)
    np.testing.assert_allclose(weights.sum(axis=1), np.log2(15), rtol=1e-6)
    np.testing.assert_allclose(weights[:, 0], 1.0)
    beyond = distances - distances[:, :1]
    widths = -beyond[:, 1:] / np.log(weights[:, 1:])  # one width a drink: an exponential
    np.testing.assert_allclose(widths, widths[:, :1] * np.ones(13), rtol=1e-6)


@pytest.mark.parametrize("x", [0.0, 1e-9, 0.1, 1.0, 7.5, 59.0])
def test_the_exponential_is_the_exponential(x: float) -> None:
    assert _layout._decay(x) == pytest.approx(np.exp(-x), rel=1e-9)
    assert _layout._decay(1e4) == 0.0


def test_the_curve_is_near_the_one_that_umap_fits() -> None:
    assert MapSettings().curve == pytest.approx(1.577, rel=0.01)
    apart = np.linspace(0.01, 3, 50)
    umaps = 1 / (1 + 1.5769 * apart ** (2 * 0.8951))
    ours = 1 / (1 + MapSettings().curve * apart**1.75)
    np.testing.assert_allclose(ours, umaps, atol=0.01)


@pytest.mark.parametrize("apart", [1e-4, 0.01, 0.3, 1.0, 2.0, 7.7, 40.0, 100.0])
def test_the_forces_are_the_slopes_of_the_curve(apart: float) -> None:
    """UMAP's gradients by its own formulas, with powers instead of straight pieces."""
    a, b, square = 1.577, 0.875, apart**2
    pulls, pushes = _layout.forces(a)
    pull = -2 * a * b * square ** (b - 1) / (1 + a * square**b)
    push = 2 * b / ((0.001 + square) * (1 + a * square**b))
    assert _layout._force(pulls, square) == pytest.approx(pull, rel=2e-3)
    assert _layout._force(pushes, square) == pytest.approx(push, rel=2e-3)


@pytest.mark.parametrize("square", [0.0, 1e-300, 1e-12, 1e6, 1e300])
def test_beyond_what_is_told_apart_forces_stay_bounded(square: float) -> None:
    pulls, pushes = _layout.forces(1.577)
    assert -200 < _layout._force(pulls, square) < 0
    assert 0 < _layout._force(pushes, square) < 1800


@settings(deadline=None)
@given(st.integers(13, 40), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_either_of_two_ties_holds(count: int, k: int, seed: int) -> None:
    points = np.random.default_rng(seed).random((count, 2)).round(1)  # with points that coincide
    graph = graph_of(points, k)
    one_way = np.zeros((count, count))
    weights = _layout.weigh(
        np.arange(count + 1) * k, graph.distances.ravel(), k, round(np.log2(k + 1), 6)
    )
    one_way[np.repeat(np.arange(count), k), graph.indices.ravel()] = weights
    found = tie(graph, np.arange(count), MapSettings(neighbors=k + 1))
    dense = np.zeros((count, count))
    dense[found.heads, found.tails] = found.weights
    np.testing.assert_allclose(dense, one_way + one_way.T - one_way * one_way.T, atol=1e-15)
    assert (np.diff(found.heads * count + found.tails) > 0).all()


def test_of_one_mixture_there_is_one_spot() -> None:
    third = 1 / 3
    mixtures = mixtures_of(
        [{0: 0.5, 1: 0.5}, {0: third, 1: 1 - third}, {0: 1 - 0.5, 1: 0.5}, {0: 0.5, 2: 0.5}], 3
    )
    assert twins_of(mixtures).tolist() == [0, 1, 0, 3]


def test_twins_have_no_edge_between_them_and_share_their_neighbors() -> None:
    near = np.array([[1, 2], [0, 3], [3, 0], [2, 1]], np.int32)
    graph = KnnGraph(near, np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 1.0], [1.0, 2.0]]))
    edges = tie(graph, np.array([0, 0, 1, 2]), MapSettings())
    assert edges.indptr.tolist() == [0, 2, 4, 6]
    assert edges.tails.tolist() == [1, 2, 0, 2, 0, 1]


def test_what_has_no_mobility_stays_to_the_last_bit() -> None:
    edges = edges_of(clusters())
    start = embed(edges, MapSettings())
    free = np.zeros(45)
    free[7] = 1.0
    found = embed(edges, MapSettings(), start=start, mobility=free)
    same = (found == start).all(axis=1)
    assert np.flatnonzero(~same).tolist() == [7]


@pytest.mark.parametrize("count", range(12))
def test_a_handful_of_recipes_is_laid_out_by_scaling(count: int) -> None:
    points = np.random.default_rng(count).random((count, 2))
    found = scale_few(graph_of(points, max(0, count - 1)))
    assert found.shape == (count, 2)
    # with everybody a neighbor of everybody, the scaling gives back the plane itself
    given = np.linalg.norm(points[:, None] - points[None], axis=2)
    got = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.testing.assert_allclose(got, given, atol=1e-6)


def test_islands_are_laid_out_apart() -> None:
    near = np.array([[1], [0], [3], [2]], np.int32)
    found = scale_few(KnnGraph(near, np.ones((4, 1))))
    apart = np.linalg.norm(found[:, None] - found[None], axis=2)
    assert apart[0, 2] > apart[0, 1]
    assert np.isfinite(found).all()


@pytest.mark.parametrize("k", [0, 1, 14])
def test_recipes_that_are_all_alike_have_a_finite_map(k: int) -> None:
    zero = np.zeros((30, 2))
    assert np.isfinite(embed(edges_of(zero, k), MapSettings())).all()
