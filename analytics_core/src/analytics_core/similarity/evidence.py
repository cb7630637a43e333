"""Which recipes speak for a substitute: those that have the same company in another recipe.

A recipe with bourbon speaks for rye if some other recipe holds rye beside the same two ingredients,
and these make up at least half of the rest of both glasses; or beside the same one, where it is
nearly all of the rest. Recipes that hold bourbon and rye say nothing of the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import BoolArray, FloatArray, IntArray
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.similarity.mixture import Mixtures

COMPANY = 0.5
"""Least share of the rest of the glass that two ingredients make up to be its company."""
ALONE = 0.75
"""The same for one ingredient."""
RECIPES_ACROSS = 3
"""Least recipes on either side that speak for a substitute from another family."""
COST_ACROSS = 0.75
"""Most that such a substitute may cost, the median between two ingredients being 1."""
TIMES_AS_MUCH = 2.0
"""Most by which the usual share of the glass may differ where the families do."""
SLACK = 1e-9
"""A half is a half, whatever the sum of its parts was rounded to."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The company of every line, ready to be compared.

    Attributes
    ----------
    keys : int64 (entries,)
        Companies, each by its number, line by line.
    indptr : int64 (lines + 1,)
        The companies of line ``l`` are ``keys[indptr[l]:indptr[l + 1]]``.
    recipe : int64 (lines,)
        Row of the recipe of each line.
    below : tuple of int64 arrays
        Lines at or below each ingredient in play.
    usual : float64 (m,)
        Median share of the glass, over the lines at or below each ingredient; 0 without lines.
    root : int64 (m,)
        The family of each ingredient: its root.
    is_named : bool (m,)
        Whether a recipe names it itself, and not only what is below it.
    companies, recipes : int
        How many there are.
    """

    keys: IntArray
    indptr: IntArray
    recipe: IntArray
    below: tuple[IntArray, ...]
    usual: FloatArray
    root: IntArray
    is_named: BoolArray
    companies: int
    recipes: int

    def speaking(self, one: int, other: int) -> tuple[int, int]:
        """Count the recipes that speak for two ingredients to stand in for each other.

        Parameters
        ----------
        one, other : int
            Columns.

        Returns
        -------
        tuple of int
            Recipes with `one` that have a counterpart with `other`, and the other way round. Of an
            ingredient and what is below it, only what is not below counts as the former.
        """
        first, second = self.below[one], self.below[other]
        if self.root[one] == self.root[other]:  # one may be below the other
            first, second = _without(first, second), _without(second, first)
        holds = self._recipes_of(first), self._recipes_of(second)
        first = first[~holds[1][self.recipe[first]]]
        second = second[~holds[0][self.recipe[second]]]
        if not first.size or not second.size:
            return 0, 0
        return self._spoken(first, second), self._spoken(second, first)

    def enough(self, one: int, other: int, relative_cost: float) -> int:
        """Count the recipes that speak for `other` as a substitute for `one`; 0 if too few do.

        Parameters
        ----------
        one, other : int
            Columns.
        relative_cost : float
            What the swap costs; 1 is the median between two ingredients.

        Returns
        -------
        int
        """
        across = self.root[one] != self.root[other]
        if across:
            # all the dairy there is has company in common with anything that is poured
            if not (self.is_named[one] and self.is_named[other]):
                return 0
            usual = sorted((float(self.usual[one]), float(self.usual[other])))
            if relative_cost > COST_ACROSS or usual[1] > TIMES_AS_MUCH * usual[0]:
                return 0
        spoken = self.speaking(one, other)
        return sum(spoken) if min(spoken) >= (RECIPES_ACROSS if across else 1) else 0

    def _recipes_of(self, lines: IntArray) -> BoolArray:
        held = np.zeros(self.recipes, dtype=bool)
        held[self.recipe[lines]] = True
        return held

    def _entries(self, lines: IntArray) -> tuple[IntArray, IntArray]:
        """Return the companies of lines, and the line of each."""
        count = (self.indptr[lines + 1] - self.indptr[lines]).astype(np.int64)
        line = np.repeat(lines, count)
        place = np.arange(line.size) - np.repeat(np.cumsum(count) - count, count)
        return self.keys[self.indptr[line] + place], line

    def _spoken(self, own: IntArray, others: IntArray) -> int:
        known = np.zeros(self.companies, dtype=bool)
        known[self._entries(others)[0]] = True
        keys, line = self._entries(own)
        return int(np.count_nonzero(self._recipes_of(line[known[keys]])))


def gather_evidence(mixtures: Mixtures, measured: Mixtures, tree: IngredientTree) -> Evidence:
    """Find the company of every line.

    Parameters
    ----------
    mixtures : Mixtures
        Plain volume fractions.
    measured : Mixtures
        The same as likeness is measured on, where small amounts say more.
    tree : IngredientTree

    Returns
    -------
    Evidence
    """
    width = max(1, mixtures.in_play.size)
    recipe = measured.recipe_of_entries().astype(np.int64)
    line, key = _companies(measured, width)
    order = np.lexsort((key, line))
    names, keys = np.unique(key[order], return_inverse=True)
    lineage = tree.lineage[mixtures.in_play[mixtures.columns]]
    column = np.searchsorted(mixtures.in_play, lineage)
    place = np.repeat(np.arange(lineage.shape[0])[:, None], lineage.shape[1], axis=1)
    there = lineage >= 0
    by_column = np.argsort(column[there], kind="stable")
    bounds = np.searchsorted(column[there][by_column], np.arange(mixtures.in_play.size + 1))
    lines = place[there][by_column]
    below = [lines[bounds[c] : bounds[c + 1]] for c in range(mixtures.in_play.size)]
    return Evidence(
        keys=keys.ravel(),
        indptr=np.searchsorted(line[order], np.arange(recipe.size + 1)),
        recipe=recipe,
        below=tuple(below),
        usual=np.array([np.median(mixtures.fractions[own]) if own.size else 0.0 for own in below]),
        root=tree.roots[mixtures.in_play],
        is_named=np.bincount(mixtures.columns, minlength=mixtures.in_play.size) > 0,
        companies=names.size,
        recipes=mixtures.count,
    )


def _without(lines: IntArray, others: IntArray) -> IntArray:
    """Take the lines of the lower ingredient from those of the higher; both are ascending."""
    if not lines.size or not others.size:
        return lines
    place = np.minimum(np.searchsorted(others, lines), others.size - 1)
    within = others[place] == lines
    return lines if within.all() else lines[~within]


def _companies(measured: Mixtures, width: int) -> tuple[IntArray, IntArray]:
    """Return lines and their companies: a number for each pair of columns, or one column twice."""
    indptr, mass = measured.indptr, measured.fractions
    size = np.diff(indptr)
    row = measured.recipe_of_entries()
    others = np.bincount(row, weights=mass, minlength=size.size)[row] - mass
    line, partner = _partners(np.arange(mass.size), indptr, row)
    share = mass[partner] / np.maximum(others[line], SLACK)
    alone = share >= ALONE - SLACK
    # of two that make up half, one makes up a quarter: at most four partners of a line do
    large = share >= COMPANY / 2 - SLACK
    line_of, first = line[large], partner[large]
    at, second = _partners(first, indptr, row)
    line_of, first = line_of[at], first[at]
    there = second != line_of
    line_of, first, second = line_of[there], first[there], second[there]
    both = (mass[first] + mass[second]) / np.maximum(others[line_of], SLACK) >= COMPANY - SLACK
    low = np.minimum(measured.columns[first], measured.columns[second])[both].astype(np.int64)
    high = np.maximum(measured.columns[first], measured.columns[second])[both]
    single = measured.columns[partner[alone]].astype(np.int64)
    return (
        np.concatenate([line_of[both], line[alone]]),
        np.concatenate([low * width + high, single * width + single]),
    )


def _partners(entries: IntArray, indptr: IntArray, row: IntArray) -> tuple[IntArray, IntArray]:
    """Return, for each of the entries, its place among them and every other entry of its row."""
    own = row[entries]
    count = (indptr[own + 1] - indptr[own]).astype(np.int64)
    at = np.repeat(np.arange(entries.size), count)
    place = np.arange(at.size) - np.repeat(np.cumsum(count) - count, count)
    other = indptr[own[at]] + place
    different = other != entries[at]
    return at[different], other[different]
