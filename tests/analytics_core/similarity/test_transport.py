"""Exact transport: against POT and linear programming, and by its own properties."""

from __future__ import annotations

from typing import Any

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from analytics_core.errors import SolverError
from analytics_core.similarity.transport import (
    TransportPlan,
    emd,
    emd_matrix,
    emd_pairs,
    plans_of_pairs,
    transport_plan,
)
from tests.oracle import secondary_cost
from tests.strategies import Problem, metric_costs, mixtures, mixtures_of, problems, symmetric_costs

quick = settings(max_examples=80, deadline=None)


def pot(a: np.ndarray, b: np.ndarray, cost: np.ndarray) -> float:
    """POT's distance; it wants positive masses and sums that agree to the last bit."""
    rows, cols = np.flatnonzero(a > 0), np.flatnonzero(b > 0)
    a, b, cost = a[rows], b[cols], np.ascontiguousarray(cost[np.ix_(rows, cols)])
    return float(ot.emd2(a, b * (a.sum() / b.sum()), cost))


def dense(plan: TransportPlan, m: int, n: int) -> np.ndarray:
    flow = np.zeros((m, n))
    flow[plan.source, plan.target] = plan.mass
    return flow


def random_problem(rng: np.random.Generator, m: int, n: int, kind: str) -> Problem:
    if kind == "metric":
        x, y = rng.random((m, 2)), rng.random((n, 2))
        cost = np.linalg.norm(x[:, None] - y[None], axis=2)
    elif kind == "ties":
        cost = rng.integers(0, 3, (m, n)).astype(float)
    else:
        cost = rng.random((m, n)) ** 3
    draw = (lambda k: np.ones(k)) if kind == "ties" else (lambda k: rng.dirichlet(np.ones(k)))
    a, b = draw(m), draw(n)
    return Problem(a / a.sum(), b / b.sum(), cost)


@quick
@given(problems())
def test_the_distance_is_pots_to_1e_12(problem: Problem) -> None:
    expected = pot(problem.a, problem.b, problem.cost)
    scale = max(1.0, problem.cost.max())
    assert emd(problem.a, problem.b, problem.cost) == pytest.approx(expected, abs=1e-12 * scale)


@pytest.mark.parametrize("kind", ["metric", "ties", "neither"])
@pytest.mark.parametrize("sizes", [(1, 64), (64, 1), (2, 63), (17, 64), (40, 23), (64, 64)])
def test_supports_up_to_64_agree_with_pot(kind: str, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(sizes))
    for _ in range(3):
        p = random_problem(rng, *sizes, kind)
        assert emd(p.a, p.b, p.cost) == pytest.approx(pot(p.a, p.b, p.cost), abs=1e-12)


@pytest.mark.parametrize("kind", ["metric", "ties", "neither"])
def test_every_support_of_recipe_size_agrees_with_pot(kind: str) -> None:
    rng = np.random.default_rng(7)
    for m in range(1, 13):
        for n in range(1, 13):
            p = random_problem(rng, m, n, kind)
            assert emd(p.a, p.b, p.cost) == pytest.approx(pot(p.a, p.b, p.cost), abs=1e-12)


@pytest.mark.parametrize("sizes", [(65, 3), (3, 65), (65, 65), (90, 70)])
@pytest.mark.parametrize("kind", ["metric", "ties"])
def test_supports_beyond_64_are_solved_too(kind: str, sizes: tuple[int, int]) -> None:
    p = random_problem(np.random.default_rng(3), *sizes, kind)
    plan = transport_plan(p.a, p.b, p.cost)
    flow = dense(plan, *sizes)
    assert plan.value == pytest.approx(pot(p.a, p.b, p.cost), abs=1e-12)
    np.testing.assert_allclose(flow.sum(axis=1), p.a, atol=1e-12)
    np.testing.assert_allclose(flow.sum(axis=0), p.b, atol=1e-12)


def test_mixtures_with_more_than_64_ingredients_have_distances_and_plans() -> None:
    rng = np.random.default_rng(5)
    width = 90
    wide = [dict(enumerate(rng.random(90) + 0.01)), dict(enumerate(rng.random(70) + 0.01)), {3: 1}]
    recipes = mixtures_of(wide, width)
    cost = rng.random((width, width))
    cost = cost + cost.T
    matrix = emd_matrix(recipes, cost)
    first, second = np.array([0, 0, 1]), np.array([1, 2, 2])
    plans = plans_of_pairs(recipes, cost, first, second)
    for k, (p, q) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        expected = pot(recipes.dense_row(p), recipes.dense_row(q), cost)
        assert matrix[p, q] == matrix[q, p] == pytest.approx(expected, abs=1e-12)
        span = slice(plans.indptr[k], plans.indptr[k + 1])
        flow = np.zeros((width, width))
        flow[plans.source[span], plans.target[span]] = plans.mass[span]
        np.testing.assert_allclose(flow.sum(axis=1), recipes.dense_row(p), atol=1e-12)
        np.testing.assert_allclose(flow.sum(axis=0), recipes.dense_row(q), atol=1e-12)
        assert (flow * cost).sum() == pytest.approx(expected, abs=1e-12)


@quick
@given(problems())
def test_a_plan_moves_exactly_what_is_there(problem: Problem) -> None:
    plan = transport_plan(problem.a, problem.b, problem.cost)
    m, n = problem.cost.shape
    flow = dense(plan, m, n)
    np.testing.assert_allclose(flow.sum(axis=1), problem.a, atol=1e-12)
    np.testing.assert_allclose(flow.sum(axis=0), problem.b, atol=1e-12)
    assert (plan.mass > 0).all()
    assert plan.mass.size <= m + n - 1
    cells = plan.source * n + plan.target
    assert (np.diff(cells) > 0).all()
    scale = max(1.0, problem.cost.max())
    assert (flow * problem.cost).sum() == pytest.approx(plan.value, abs=1e-12 * scale)


@quick
@given(problems())
def test_the_distance_is_between_its_bounds(problem: Problem) -> None:
    a, b, cost = problem.a, problem.b, problem.cost
    rows, cols = a > 0, b > 0
    live = cost[np.ix_(rows, cols)]
    lower = max((a[rows] * live.min(axis=1)).sum(), (b[cols] * live.min(axis=0)).sum())
    independent = a @ cost @ b
    slack = 1e-12 * max(1.0, cost.max())
    assert lower - slack <= emd(a, b, cost) <= independent + slack


@quick
@given(st.data())
def test_distances_are_symmetric_zero_on_themselves_and_independent_of_the_route(
    data: st.DataObject,
) -> None:
    recipes = data.draw(mixtures(min_recipes=2))
    cost = data.draw(symmetric_costs(recipes.in_play.size))
    matrix = emd_matrix(recipes, cost)
    assert (matrix == matrix.T).all()
    assert (matrix >= 0).all()
    p, q = (grid.ravel() for grid in np.indices(matrix.shape))
    in_pairs = emd_pairs(recipes, cost, p, q).reshape(matrix.shape)
    scale = max(1.0, cost.max())
    np.testing.assert_allclose(np.diag(in_pairs), 0.0, atol=1e-12 * scale)
    off = ~np.eye(recipes.count, dtype=bool)
    assert (in_pairs[off] == matrix[off]).all()
    one = emd(recipes.dense_row(0), recipes.dense_row(1), cost)
    assert one == pytest.approx(matrix[0, 1], abs=1e-12 * scale)


@quick
@given(st.data())
def test_under_a_metric_the_triangle_inequality_holds(data: st.DataObject) -> None:
    recipes = data.draw(mixtures(min_recipes=3))
    cost = data.draw(metric_costs(recipes.in_play.size))
    d = emd_matrix(recipes, cost)
    slack = 1e-11 * max(1.0, cost.max())
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :] + slack).all()


@quick
@given(st.data())
def test_a_cost_in_other_units_scales_the_distance(data: st.DataObject) -> None:
    problem = data.draw(problems())
    factor = data.draw(st.sampled_from([0.25, 3.0, 1e6]))
    value = emd(problem.a, problem.b, problem.cost)
    scaled = emd(problem.a, problem.b, problem.cost * factor)
    assert scaled == pytest.approx(value * factor, rel=1e-11, abs=1e-12 * factor)


@quick
@given(st.data())
def test_the_plan_does_not_depend_on_the_order_of_rows_and_columns(data: st.DataObject) -> None:
    problem = data.draw(problems(whole=True))
    m, n = problem.cost.shape
    keys = (
        np.array(data.draw(st.permutations(range(40))))[:m],
        np.array(data.draw(st.permutations(range(40))))[:n],
    )
    flow = dense(transport_plan(problem.a, problem.b, problem.cost, keys=keys), m, n)
    rows = np.array(data.draw(st.permutations(range(m))))
    cols = np.array(data.draw(st.permutations(range(n))))
    moved = transport_plan(
        problem.a[rows],
        problem.b[cols],
        problem.cost[np.ix_(rows, cols)],
        keys=(keys[0][rows], keys[1][cols]),
    )
    np.testing.assert_allclose(dense(moved, m, n), flow[np.ix_(rows, cols)], atol=1e-12)
    back = transport_plan(problem.b, problem.a, problem.cost.T, keys=(keys[1], keys[0]))
    np.testing.assert_allclose(dense(back, n, m), flow.T, atol=1e-12)


def least(
    objective: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    *,
    among: tuple[np.ndarray, float] | None = None,
) -> Any:
    """Minimum of `objective` over all plans, or over those that cost `among[1]` by `among[0]`."""
    m, n = objective.shape
    marginals = np.vstack([np.kron(np.eye(m), np.ones(n)), np.kron(np.ones(m), np.eye(n))])
    right = np.concatenate([a, b])
    if among is not None:
        marginals = np.vstack([marginals, among[0].ravel()])
        right = np.append(right, among[1])
    found = linprog(objective.ravel(), A_eq=marginals, b_eq=right, method="highs")
    assert found.status == 0, found.message
    return found.fun


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_of_all_optimal_plans_it_is_the_one_the_rule_names(data: st.DataObject) -> None:
    problem = data.draw(problems(max_side=5, whole=True))
    a, b, cost = problem.a, problem.b, problem.cost
    m, n = cost.shape
    names = st.permutations(range(1, 9))  # few names, so that the sides have some in common
    keys = (np.array(data.draw(names))[:m], np.array(data.draw(names))[:n])
    flow = dense(transport_plan(a, b, cost, keys=keys), m, n)

    value = round(least(cost, a, b))  # whole masses, whole costs: a whole optimum
    assert (flow * cost).sum() == pytest.approx(value, abs=1e-9)
    differ = (keys[0][:, None] != keys[1][None, :]).astype(float)
    fewest = least(differ, a, b, among=(cost, value))
    assert (flow * differ).sum() == pytest.approx(fewest, abs=1e-6)
    second = np.array([[secondary_cost(int(i), int(j)) for j in keys[1]] for i in keys[0]])
    assert (flow * second).sum() == pytest.approx(
        least(second, a, b, among=(cost, value)), abs=1e-6
    )


@quick
@given(st.data())
def test_plans_of_pairs_are_the_single_plans_in_either_direction(data: st.DataObject) -> None:
    recipes = data.draw(mixtures(min_recipes=2))
    cost = data.draw(symmetric_costs(recipes.in_play.size))
    first, second = (grid.ravel() for grid in np.indices((recipes.count,) * 2))
    plans = plans_of_pairs(recipes, cost, first, second)
    width = recipes.in_play.size
    flows = np.zeros((first.size, width, width))
    pair = np.repeat(np.arange(first.size), np.diff(plans.indptr))
    flows[pair, plans.source, plans.target] = plans.mass
    keys = (recipes.ingredient_ids, recipes.ingredient_ids)
    for k, (p, q) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        np.testing.assert_allclose(flows[k].sum(axis=1), recipes.dense_row(p), atol=1e-12)
        np.testing.assert_allclose(flows[k].sum(axis=0), recipes.dense_row(q), atol=1e-12)
        single = transport_plan(recipes.dense_row(p), recipes.dense_row(q), cost, keys=keys)
        np.testing.assert_allclose(flows[k], dense(single, width, width), atol=1e-9)
    turned = flows.reshape(recipes.count, recipes.count, width, width)
    np.testing.assert_allclose(turned, turned.transpose(1, 0, 3, 2), atol=1e-9)


def test_what_stays_costs_nothing_and_stays() -> None:
    a = np.array([0.25, 0.5, 0.25])
    plan = transport_plan(a, a, np.zeros((3, 3)))
    assert plan.source.tolist() == plan.target.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(plan.mass, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),  # one of many
        ([0.5, 0.5, 0.0], [0.5, 0.0, 0.5]),  # partial sums agree: degenerate bases
        ([1e-12, 1 - 1e-12, 0.0], [0.0, 1e-12, 1 - 1e-12]),  # a hundred-billionth of a drop
        ([1 / 3, 1 / 3, 1 / 3], [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_degenerate_masses(a: Any, b: Any) -> None:
    a, b = np.array(a), np.array(b)
    for cost in (np.ones((3, 3)), 1.0 - np.eye(3), np.arange(9.0).reshape(3, 3)):
        assert emd(a, b, cost) == pytest.approx(pot(a, b, cost), abs=1e-12)


def test_nothing_to_move_is_a_plan_without_flows() -> None:
    for size in (0, 2):
        plan = transport_plan(np.zeros(size), np.zeros(1), np.ones((size, 1)))
        assert plan.value == 0.0
        assert plan.mass.size == 0


@pytest.mark.parametrize(
    ("a", "b", "cost", "told"),
    [
        ([1.0], [1.0], [[-1.0]], "costs must be finite and not negative"),
        ([1.0], [1.0], [[np.nan]], "costs must be finite and not negative"),
        ([1.0], [1.0], [[np.inf]], "costs must be finite and not negative"),
        ([-1.0, 2.0], [1.0], [[1.0], [1.0]], "source masses must be finite"),
        ([1.0], [np.nan], [[1.0]], "target masses must be finite"),
        ([1.0], [2.0], [[1.0]], "do not balance"),
        ([1.0], [1.0], [[1.0, 2.0]], "shape"),
        ([[1.0]], [1.0], [[1.0]], "shape"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(a: Any, b: Any, cost: Any, told: str) -> None:
    with pytest.raises(SolverError, match=told):
        transport_plan(np.array(a), np.array(b), np.array(cost))


@pytest.mark.parametrize(
    "cost",
    [
        np.ones((2, 3)),
        -np.ones((2, 2)),
        np.full((2, 2), np.nan),
        np.array([[0.0, 1.0], [2.0, 0.0]]),
    ],
)
def test_a_ground_cost_that_does_not_fit_is_refused(cost: np.ndarray) -> None:
    recipes = mixtures_of([{0: 1}, {1: 1}], 2)
    one = np.array([0])
    for call in (
        lambda: emd_matrix(recipes, cost),
        lambda: emd_pairs(recipes, cost, one, one + 1),
        lambda: plans_of_pairs(recipes, cost, one, one + 1),
    ):
        with pytest.raises(SolverError):
            call()


def test_no_pairs_and_no_recipes_are_fine() -> None:
    none = np.empty(0, np.int64)
    for recipes in (mixtures_of([], 0), mixtures_of([{0: 1}], 1)):
        cost = np.zeros((recipes.in_play.size,) * 2)
        assert emd_pairs(recipes, cost, none, none).shape == (0,)
        assert plans_of_pairs(recipes, cost, none, none).indptr.tolist() == [0]
        assert emd_matrix(recipes, cost).tolist() == [[0.0]] * recipes.count
