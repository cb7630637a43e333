"""What is in each recipe, as columns: an ingredient is named by a small number within its drink."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from analytics_core.similarity.arrays import IntArray


class Contents:
    """What is in each recipe, each once, in the order of the lines.

    Parameters
    ----------
    start : sequence of int (recipes + 1,)
        Where each recipe's lines begin.
    ingredient : sequence of int (lines,)
    """

    def __init__(self, start: Sequence[int], ingredient: Sequence[int]) -> None:
        column = np.array(ingredient, np.int64)
        recipe = np.repeat(np.arange(len(start) - 1), np.diff(start))
        self._width = int(column.max(initial=-1)) + 1
        self._keys, first = np.unique(recipe * self._width + column, return_index=True)
        lines = np.sort(first)
        self._ingredient, recipe = column[lines], recipe[lines]
        self._start = np.searchsorted(recipe, np.arange(len(start)))
        number = np.arange(lines.size) - self._start[recipe]
        self._number = number[np.searchsorted(lines, first)]

    def lists(self) -> list[list[int]]:
        """Return the ingredients of each recipe."""
        ingredients = self._ingredient.tolist()
        return [ingredients[begin:end] for begin, end in pairwise(self._start.tolist())]

    def _find(self, recipe: IntArray, ingredient: IntArray) -> IntArray:
        """Number ingredients within recipes; -1 where a recipe lacks it."""
        if not self._keys.size:
            return np.full(recipe.size, -1)
        key = recipe * self._width + ingredient
        at = np.minimum(np.searchsorted(self._keys, key), self._keys.size - 1)
        has = (self._keys[at] == key) & (ingredient < self._width)
        return np.where(has, self._number[at], -1)

    def number(self, recipe: IntArray, ingredient: IntArray) -> IntArray:
        """Number ingredients within recipes; all others come after those that it has.

        Parameters
        ----------
        recipe, ingredient : int (n,)

        Returns
        -------
        int (n,)
        """
        found = self._find(recipe, ingredient)
        size = self._start[recipe + 1] - self._start[recipe]
        return np.where(found < 0, size + ingredient, found)

    def number_in_both(
        self, here: IntArray, there: IntArray, pair: IntArray, ingredient: IntArray
    ) -> IntArray:
        """Number ingredients within two recipes: what is here, what else is there, all others.

        Parameters
        ----------
        here, there : int (pairs,)
        pair, ingredient : int (n,)

        Returns
        -------
        int (n,)
        """
        size = self._start[1:] - self._start[:-1]
        # everything that is there, of all pairs one after the other; and what of it is not here
        begin = np.cumsum(size[there]) - size[there]
        at = np.arange(size[there].sum()) - np.repeat(begin - self._start[there], size[there])
        other = self._find(np.repeat(here, size[there]), self._ingredient[at]) < 0
        before = np.concatenate([[0], np.cumsum(other)])
        ours, theirs = (self._find(drink[pair], ingredient) for drink in (here, there))
        end = begin + size[there]
        further = np.where(
            theirs < 0, ingredient + before[end[pair]], before[begin[pair] + np.maximum(theirs, 0)]
        )
        return np.where(ours < 0, size[here[pair]] + further - before[begin[pair]], ours)
