"""The whole computation a second time, written plainly from the contract, with POT.

Nothing here imports the package: SQL, volumes, hierarchy, roll-up, transport, neighbors and the
learning of the cost are its own, on dictionaries and dense arrays. Its settings are those that
`docs/method.md` states. It is slow and meant to be.
"""

from __future__ import annotations

import math
import sqlite3
import statistics
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import ot

from tests.method import stated

GRID = 2.0**40  # distances that agree on this grid are ties
TIED = 1e-12  # of the largest cost: cells this close to optimal can carry flow of an optimal plan
WORD = 2**64 - 1

LINES = """
SELECT l.recipe_id, l.ingredient_id,
    CASE lower(u.name)
        WHEN 'to top' THEN 90.0
        WHEN 'to rinse' THEN 5.0
        WHEN 'each' THEN 1.0
        ELSE CASE WHEN l.amount IS NULL THEN 1.0
             ELSE l.amount * coalesce(u.conversion_to_ml, 1.0) END
    END
FROM recipe_ingredients l LEFT JOIN units u ON u.id = l.unit_id
"""


def secondary_cost(a: int, b: int) -> float:
    """What decides between plans of the same cost: moves count 1 and a little, by name of the pair.

    The little is the splitmix64 hash of (lower id, higher id), as a fraction of 1/64.
    """
    if a == b:
        return 0.0
    low, high = min(a, b), max(a, b)
    z = ((low << 32) ^ high) + 0x9E3779B97F4A7C15 & WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & WORD
    z ^= z >> 31
    return 1.0 + (z >> 11) / 2.0**53 / 64.0


@dataclass(frozen=True)
class Variant:
    """The settings under which a cost is learned by rounds; the defaults are the reference's."""

    rounds: int = int(stated()["rounds"])
    neighbors: int = int(stated()["voters"])
    power: float = 1.0
    decay: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """Everything by database id; matrices follow `ingredients` and `recipes` (both ascending)."""

    ingredients: list[int]
    recipes: list[int]
    tree: np.ndarray
    cost: np.ndarray
    last_cost: np.ndarray
    distances: np.ndarray
    neighbors: dict[int, list[tuple[int, float]]]
    rounds: int


class Oracle:
    """One database."""

    def __init__(self, database: Path) -> None:
        with closing(sqlite3.connect(database)) as connection:
            hierarchy = connection.execute(
                "SELECT id, parent_id, allow_substitution FROM ingredients"
            ).fetchall()
            lines = connection.execute(LINES).fetchall()
        self.parent = {i: parent for i, parent, _ in hierarchy}
        inner = set(self.parent.values())
        self.rolled = {
            i: parent if allow and parent is not None and i not in inner else i
            for i, parent, allow in hierarchy
        }
        volumes: dict[int, dict[int, float]] = {}
        for recipe, ingredient, volume in lines:
            own = volumes.setdefault(recipe, {})
            own[self.rolled[ingredient]] = own.get(self.rolled[ingredient], 0.0) + volume
        self.recipes = sorted(volumes)
        self.mixture = {
            recipe: {i: v / sum(own.values()) for i, v in own.items() if v > 0}
            for recipe, own in volumes.items()
        }
        used = {i for own in volumes.values() for i in own}
        self.ingredients = sorted({above for i in used for above in self.path(i)})
        self.column = {i: at for at, i in enumerate(self.ingredients)}

    def path(self, ingredient: int) -> list[int]:
        """Ids from the root ingredient down."""
        above = self.parent[ingredient]
        return [*([] if above is None else self.path(above)), ingredient]

    def tree_distance(self, a: int, b: int, decay: float) -> float:
        """Edges from a up to the common ancestor and down to b; one at depth d weighs decay^d."""
        one, other = self.path(a), self.path(b)
        total = 0.0
        for level in range(max(len(one), len(other))):
            here = one[level] if level < len(one) else None
            there = other[level] if level < len(other) else None
            if here != there:
                total += decay**level * ((here is not None) + (there is not None))
        return total

    def tree_matrix(self, decay: float = 1.0) -> np.ndarray:
        """Tree distances between the ingredients in play."""
        return np.array(
            [[self.tree_distance(a, b, decay) for b in self.ingredients] for a in self.ingredients]
        ).reshape(len(self.ingredients), -1)

    def masses(self, recipe: int, power: float) -> tuple[list[int], np.ndarray]:
        """Ingredients of a recipe in the order of their ids, and their masses."""
        own = self.mixture[recipe]
        ids = sorted(own)
        raised = np.array([own[i] ** power for i in ids])
        return ids, raised / raised.sum()

    def plan(
        self, p: int, q: int, cost: np.ndarray, power: float, *, unique: bool
    ) -> tuple[list[int], list[int], np.ndarray, float]:
        """Optimal plan from p to q by POT: (ids of p, ids of q, flow, value)."""
        (ids_p, a), (ids_q, b) = self.masses(p, power), self.masses(q, power)
        ground = cost[np.ix_([self.column[i] for i in ids_p], [self.column[i] for i in ids_q])]
        b = b * (a.sum() / b.sum())  # POT compares the sums to the last bit
        flow, log = ot.emd(a, b, ground, log=True)
        if unique:
            # Complementary slackness: all optimal plans, and no others, use only the cells whose
            # reduced cost is zero. Among those the secondary cost decides.
            reduced = ground - log["u"][:, None] - log["v"][None, :]
            second = np.array([[secondary_cost(i, j) for j in ids_q] for i in ids_p])
            flow = ot.emd(a, b, np.where(reduced <= TIED * ground.max(), second, 1e3))
        return ids_p, ids_q, flow, float((flow * ground).sum())

    def distances(self, cost: np.ndarray, power: float = 1.0) -> np.ndarray:
        """All pairs."""
        n = len(self.recipes)
        out = np.zeros((n, n))
        for i in range(n):
            for j in range(i):
                out[i, j] = out[j, i] = self.plan(
                    self.recipes[j], self.recipes[i], cost, power, unique=False
                )[3]
        return out

    def nearest(self, distances: np.ndarray, k: int) -> dict[int, list[tuple[int, float]]]:
        """The k nearest of each recipe; ties go to the lower id."""
        found = {}
        for i, recipe in enumerate(self.recipes):
            others = [
                (round(distances[i, j] * GRID), other, distances[i, j])
                for j, other in enumerate(self.recipes)
                if j != i
            ]
            found[recipe] = [(other, d) for _, other, d in sorted(others)[:k]]
        return found

    def matches(
        self, neighbors: dict[int, list[tuple[int, float]]], cost: np.ndarray, power: float
    ) -> np.ndarray:
        """Expectation: what plans between neighbors match with what, symmetrized."""
        m = len(self.ingredients)
        total = np.zeros((m, m))
        for recipe, near in neighbors.items():
            if not near:
                continue
            closest = min(d for _, d in near)
            weights = [math.exp(-(d - closest)) for _, d in near]
            for (other, _), weight in zip(near, weights, strict=True):
                ids_p, ids_q, flow, _ = self.plan(
                    min(recipe, other), max(recipe, other), cost, power, unique=True
                )
                flows = [
                    (-round(flow[i, j] * GRID), ids_p[i], ids_q[j], flow[i, j])
                    for i, j in np.argwhere(flow > 1e-12)
                ]
                flows.sort()
                largest = flows[0][3]
                for _, a, b, mass in flows[: int(stated()["flows"])]:
                    if mass >= stated()["smallest flow"] / 100 * largest - 1e-15:
                        total[self.column[a], self.column[b]] += weight / sum(weights) * mass
        return (total + total.T) / 2

    def maximize(self, matches: np.ndarray) -> np.ndarray:
        """Maximization: `-ln S` with `S = (T + a) / E`, shifted, zero diagonal, median 1."""
        m = len(self.ingredients)
        prior = stated()["pseudo-counts"] * np.ones((m, m))
        row = (matches + prior).sum(axis=1)
        expected = np.outer(row, row) / row.sum()
        cost = -np.log((matches + prior) / expected)
        cost = cost - cost.min()
        cost[np.diag_indices(m)] = 0.0
        found: np.ndarray = cost / off_diagonal_median(cost)
        return found

    def context(self, declared: tuple[tuple[int, int], ...] = ()) -> np.ndarray:
        """The context cost in plain loops, from the formulas alone."""
        prior, floor, declared_lines = (stated()[s] for s in ("prior", "floor", "declared lines"))
        nodes = self.ingredients
        lines: list[tuple[int, dict[int, float]]] = []
        for recipe in self.recipes:
            ids, mass = self.masses(recipe, stated()["power"])
            if len(ids) < 2:
                continue
            at_or_below = dict.fromkeys(nodes, 0.0)
            for i, w in zip(ids, mass, strict=True):
                for a in self.path(i):
                    at_or_below[a] += w
            for i, w in zip(ids, mass, strict=True):
                up = self.path(i)
                lines.append((i, {a: (at_or_below[a] - w * (a in up)) / (1 - w) for a in nodes}))
        q = {a: sum(rest[a] for _, rest in lines) / max(1, len(lines)) for a in nodes}
        own = {b: [rest for i, rest in lines if b in self.path(i)] for b in nodes}
        values: dict[int, dict[int, float]] = {}
        for b in sorted(nodes, key=lambda node: len(self.path(node))):
            above = values[self.parent[b]] if self.parent[b] is not None else q
            said = [d for pair in declared for c, d in (pair, pair[::-1]) if c == b and own[d]]
            total, count = {}, len(own[b]) + declared_lines * len(said)
            for a in nodes:
                total[a] = sum(rest[a] for rest in own[b])
                for d in said:
                    total[a] += declared_lines * sum(r[a] for r in own[d]) / len(own[d])
            values[b] = {a: (total[a] + prior * above[a]) / (count + prior) for a in nodes}
        z = {
            b: [
                math.sqrt(q[a] + floor) * math.log((values[b][a] + floor) / (q[a] + floor))
                for a in nodes
            ]
            for b in nodes
        }
        length = {b: math.sqrt(sum(x * x for x in z[b])) for b in nodes}
        m = len(nodes)
        apart = np.zeros((m, m))
        for i, b in enumerate(nodes):
            for j, c in enumerate(nodes):
                if i != j:
                    dot = sum(x * y for x, y in zip(z[b], z[c], strict=True))
                    norm = length[b] * length[c]
                    apart[i, j] = max(0.0, 1 - dot / norm) if norm > 1e-18 else 1.0
        tree = self.tree_matrix(stated()["decay"])
        whole = np.zeros((m, m))
        for name, part in (("tree", tree), ("context", apart)):
            whole += part / (stated()[f"{name} weight"] * off_diagonal_median(part))
        return whole

    def learn(self, variant: Variant = Variant()) -> Outcome:
        """Run the rounds of expectation and maximization."""
        tree = self.tree_matrix(variant.decay)
        cost = last = tree
        done = 0
        distances = self.distances(tree, variant.power)
        for number in range(variant.rounds):
            if number:
                distances = self.distances(cost, variant.power)
            near = self.nearest(distances, variant.neighbors)
            updated = self.maximize(self.matches(near, cost, variant.power))
            change = math.sqrt(((updated - cost) ** 2).sum() / (cost**2).sum())
            last, cost, done = cost, updated, number + 1
            if change < stated()["tolerance"]:
                break
        return Outcome(
            ingredients=self.ingredients,
            recipes=self.recipes,
            tree=tree,
            cost=cost,
            last_cost=last,
            distances=distances,
            neighbors=self.nearest(distances, variant.neighbors),
            rounds=done,
        )


def off_diagonal_median(matrix: np.ndarray) -> float:
    """Median of all entries off the diagonal."""
    n = matrix.shape[0]
    found: float = statistics.median(matrix[i, j] for i in range(n) for j in range(n) if i != j)
    return found
