"""The hierarchy: ancestors, distances by walking, transport in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures
from analytics_core.similarity.transport import emd_matrix
from analytics_core.source.catalog import Ingredients
from tests.analytics_core.similarity.test_transport import pot
from tests.strategies import forests, ingredients_of, trees_with_mixtures

quick = settings(max_examples=60, deadline=None)
decays = st.sampled_from([1.0, 0.8, 0.5, 1.5])


def ancestors(parents: list[int], node: int) -> list[int]:
    """The node itself, its parent, and so on up."""
    chain = []
    while node >= 0:
        chain.append(node)
        node = parents[node]
    return chain


def walked_distance(parents: list[int], a: int, b: int, decay: float) -> float:
    """Weights of the edges on the way from a up and down to b, the implicit root included."""
    up, down = ancestors(parents, a), ancestors(parents, b)
    depth = {node: len(ancestors(parents, node)) for node in (*up, *down)}
    on_the_way = set(up) ^ set(down)  # what only one of them has above it
    return sum(decay ** (depth[node] - 1) for node in on_the_way)


@quick
@given(forests(), decays)
def test_distances_are_those_of_walking(ingredients: Ingredients, decay: float) -> None:
    tree = IngredientTree.from_ingredients(ingredients)
    nodes = np.arange(tree.ids.size)
    parents = ingredients.parents.tolist()
    walked = [
        [walked_distance(parents, a, b, decay) for b in range(nodes.size)]
        for a in range(nodes.size)
    ]
    found = tree.distance_matrix(nodes, decay=decay)
    np.testing.assert_allclose(found, walked, atol=1e-12)
    assert (np.diag(found) == 0).all()
    assert (found == found.T).all()


@quick
@given(st.data())
def test_distances_of_some_are_a_part_of_the_distances_of_all(data: st.DataObject) -> None:
    tree = IngredientTree.from_ingredients(data.draw(forests()))
    some = np.array(data.draw(st.lists(st.integers(0, tree.ids.size - 1), unique=True)), np.int64)
    whole = tree.distance_matrix(np.arange(tree.ids.size))
    np.testing.assert_array_equal(tree.distance_matrix(some), whole[np.ix_(some, some)])


@quick
@given(forests())
def test_depth_lineage_and_roots_are_those_of_walking(ingredients: Ingredients) -> None:
    tree = IngredientTree.from_ingredients(ingredients)
    parents = ingredients.parents.tolist()
    for node in range(tree.ids.size):
        chain = ancestors(parents, node)[::-1]
        assert tree.depth[node] == len(chain)
        lineage = tree.lineage[node].tolist()
        assert lineage == chain + [-1] * (len(lineage) - len(chain))
        assert tree.roots[node] == chain[0]


@quick
@given(forests())
def test_what_is_above_something_has_children(ingredients: Ingredients) -> None:
    parents = ingredients.parents.tolist()
    inner = IngredientTree.from_ingredients(ingredients).has_children()
    assert inner.tolist() == [node in parents for node in range(len(parents))]


@quick
@given(st.data())
def test_ancestors_come_with_what_is_used(data: st.DataObject) -> None:
    ingredients = data.draw(forests())
    tree = IngredientTree.from_ingredients(ingredients)
    used = data.draw(st.lists(st.integers(0, tree.ids.size - 1)))
    family = {above for node in used for above in ancestors(ingredients.parents.tolist(), node)}
    assert tree.with_ancestors(np.array(used, np.int64)).tolist() == sorted(family)


@settings(max_examples=80, deadline=None)
@given(trees_with_mixtures(min_recipes=2), decays)
def test_the_closed_form_is_the_solver_is_pot(
    drawn: tuple[IngredientTree, Mixtures], decay: float
) -> None:
    tree, mixtures = drawn
    cost = tree.distance_matrix(mixtures.in_play, decay=decay)
    spread = tree.spread(mixtures.rows, mixtures.in_play, decay=decay)
    assert spread.count == mixtures.count
    rows = np.array([spread.dense_row(r) for r in range(spread.count)])
    closed = np.abs(rows[:, None] - rows[None]).sum(axis=2)
    np.testing.assert_allclose(closed, emd_matrix(mixtures, cost), atol=1e-12 * max(1, cost.max()))
    by_pot = pot(mixtures.dense_row(0), mixtures.dense_row(1), cost)
    assert closed[0, 1] == pytest.approx(by_pot, abs=1e-12 * max(1, cost.max()))


@quick
@given(trees_with_mixtures())
def test_all_the_mass_passes_the_edges_below_the_root(
    drawn: tuple[IngredientTree, Mixtures],
) -> None:
    tree, mixtures = drawn
    spread = tree.spread(mixtures.rows, mixtures.in_play)
    for row in range(spread.count):
        below = spread.dense_row(row)
        assert below[tree.parents < 0].sum() == pytest.approx(1.0)
        assert (below <= 1 + 1e-12).all()


def test_edges_shrink_with_depth_by_the_decay() -> None:
    chain = IngredientTree.from_ingredients(ingredients_of([1, 2, 3], [-1, 0, 1], [False] * 3))
    assert chain.edge_weights(0.5).tolist() == [1.0, 0.5, 0.25]
    distances = chain.distance_matrix(np.arange(3), decay=0.5)
    assert distances[0].tolist() == [0.0, 0.5, 0.75]


def test_two_roots_are_two_edges_apart() -> None:
    pair = IngredientTree.from_ingredients(ingredients_of([5, 9], [-1, -1], [True] * 2))
    assert pair.distance_matrix(np.arange(2)).tolist() == [[0.0, 2.0], [2.0, 0.0]]


def test_a_thousand_levels_are_no_trouble() -> None:
    depth = 1000
    parents = list(range(-1, depth - 1))
    ingredients = ingredients_of([1], [-1], [False])
    ingredients = type(ingredients)(
        ids=np.arange(1, depth + 1),
        names=tuple(map(str, parents)),
        parents=np.array(parents, np.int32),
        allow_substitution=np.ones(depth, bool),
        paths=("/",) * depth,
        strength=np.full(depth, np.nan),
    )
    tree = IngredientTree.from_ingredients(ingredients)
    assert tree.depth.tolist() == list(range(1, depth + 1))
    ends = tree.distance_matrix(np.array([0, depth - 1]))
    assert ends[0, 1] == depth - 1
    assert tree.with_ancestors(np.array([depth - 1])).size == depth


def test_no_ingredients_make_an_empty_tree() -> None:
    tree = IngredientTree.from_ingredients(ingredients_of([], [], []))
    assert tree.roots.size == tree.has_children().size == 0
    assert tree.distance_matrix(np.empty(0, np.int64)).shape == (0, 0)
    assert tree.with_ancestors(np.empty(0, np.int64)).size == 0
