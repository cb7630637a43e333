"""The rows of `recipe-similar`: neighbors, with what has to be swapped for what.

They are most of what a refresh publishes, so they are put together of pieces that are JSON
already: a step, a flow between two ingredients and a neighbor's name occur again and again, and
numbers are written a block at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from analytics_core.encoding import finite_to_utf8
from analytics_core.glasses import glasses_of
from analytics_core.similarity.arrays import off_diagonal_median
from analytics_core.swaps import find_steps
from analytics_core.wording import Fragment, ingredients_of, phrase, shared_names, text_of

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray, IntArray
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.similarity.mixture import Mixtures
    from analytics_core.similarity.neighbors import KnnGraph
    from analytics_core.similarity.transport import PairPlans
    from analytics_core.source.catalog import Catalog

SMALLEST_FLOW = 1e-9  # of the drink; below it a flow is rounding
NUMBER_DECIMALS = 9
ROWS_PLANNED = 256  # recipes whose plans and rows are made at once

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Rows of some recipes as documents have them, and what the page makes of the same.

    Attributes
    ----------
    rows : list of bytes (recipes,)
        Encoded.
    first : int
        Number of the first recipe.
    neighbor : int (recipes, k)
        Number of each neighbor.
    distance : float64 (recipes, k)
    flows : int (recipes, k)
        How many flows each plan has.
    source, target : int (flows,)
        Ids of ingredients.
    mass : float64 (flows,)
        Share of the drink, as in the document.
    sentences : list of list of str or Name (recipes * k,)
        In fragments.
    """

    rows: list[bytes]
    first: int
    neighbor: IntArray
    distance: FloatArray
    flows: IntArray
    source: IntArray
    target: IntArray
    mass: FloatArray
    sentences: list[list[Fragment]]


class Similar:
    """Makes the rows of `recipe-similar`.

    Parameters
    ----------
    catalog : Catalog
    tree : IngredientTree
    mixtures : Mixtures
    graph : KnnGraph
    plans : callable
        Called with a first row and the one after the last; returns the plan of each (recipe,
        neighbor) of these in the order of the graph, found under `cost`.
    cost : float64 (m, m)
    """

    def __init__(
        self,
        catalog: Catalog,
        tree: IngredientTree,
        mixtures: Mixtures,
        graph: KnnGraph,
        plans: Callable[[int, int], PairPlans],
        cost: FloatArray,
    ) -> None:
        self._ids, self._recipes = mixtures.ingredient_ids, catalog.recipes
        self._graph, self._plans = graph, plans
        self._relative = relative_to_median(cost)
        self._glasses = glasses_of(catalog, tree)
        names = catalog.ingredients.names
        self._names = [names[i] for i in mixtures.in_play]
        self._shared = shared_names(zip(catalog.ingredients.ids.tolist(), names, strict=True))
        self._flow = lru_cache(maxsize=1 << 16)(self._flow_utf8)
        self._heads = [
            b'{"neighbor_recipe_id":%d,"neighbor_name":%b,"distance":' % (key, finite_to_utf8(name))
            for key, name in zip(self._recipes.ids.tolist(), self._recipes.names, strict=True)
        ]
        """How each recipe begins where it is a neighbor."""

    def _flow_utf8(self, source: int, target: int) -> bytes:
        """Return how a flow between two columns begins, up to the mass."""
        ends = {}
        for end, column in (("from", source), ("to", target)):
            ends[f"{end}_ingredient_id"] = int(self._ids[column])
            ends[f"{end}_ingredient_name"] = self._names[column]
        return finite_to_utf8(ends)[:-1] + b',"mass":'

    def block(self, first: int, last: int) -> Block:
        """Make some recipes' rows.

        Parameters
        ----------
        first, last : int
            The first row and the one after the last.

        Returns
        -------
        Block

        Raises
        ------
        ValueError
            A number is not finite, so that no document can hold it.
        """
        plans, k, glasses = self._plans(first, last), self._graph.k, self._glasses
        neighbors = self._graph.indices[first:last]
        distances = self._graph.distances[first:last]
        for what, numbers in (("distance", distances), ("mass", plans.mass)):
            if not np.isfinite(numbers).all():
                raise ValueError(f"a {what} is not finite, and so not JSON compliant")
        # what stays in place is no move
        moving = (plans.source != plans.target) & (plans.mass > SMALLEST_FLOW)
        bounds = np.concatenate([[0], np.cumsum(moving)])[plans.indptr]
        source, target = plans.source[moving], plans.target[moving]
        mass = _rounded(plans.mass[moving])
        kinds = list(zip(self._ids[source].tolist(), self._ids[target].tolist(), strict=True))
        costs = self._relative[source, target].tolist()
        flows = [
            b"%b%b}" % (self._flow(a, b), number)
            for a, b, number in zip(
                source.tolist(), target.tolist(), _utf8(mass.tolist()), strict=True
            )
        ]
        pairs = zip(
            neighbors.ravel().tolist(),
            _utf8(distances.ravel().tolist()),
            pairwise(bounds.tolist()),
            strict=True,
        )
        rows, sentences = [], []
        for here in range(first, last):
            near = []  # of one recipe alone: names may be long
            for there, number, (begin, end) in islice(pairs, k):
                likeness = dict(zip(kinds[begin:end], costs[begin:end], strict=True))
                steps = find_steps(glasses[here], glasses[there], likeness)
                alike = self._shared and not self._shared.isdisjoint(ingredients_of(steps))
                told = None if alike else [step.told for step in steps]
                sentence = phrase(steps, same_mix=begin == end, told=told)
                sentences.append(sentence)
                near.append(
                    b'%b%b,"transport_plan":[%b],"steps":[%b],"words":%b}'
                    % (
                        self._heads[there],
                        number,
                        b",".join(flows[begin:end]),
                        b",".join([step.utf8 for step in steps]),
                        finite_to_utf8(text_of(sentence)),
                    )
                )
            rows.append(
                b'{"recipe_id":%d,"recipe_name":%b,"neighbors":[%b]}'
                % (
                    self._recipes.ids[here],
                    finite_to_utf8(self._recipes.names[here]),
                    b",".join(near),
                )
            )
        return Block(
            rows=rows,
            first=first,
            neighbor=neighbors,
            distance=distances,
            flows=np.diff(bounds).reshape(neighbors.shape),
            source=self._ids[source],
            target=self._ids[target],
            mass=mass,
            sentences=sentences,
        )


def _rounded(masses: FloatArray) -> FloatArray:
    """Round as Python does, to the nearest decimal number, which a product may have crossed."""
    steps = 10.0**NUMBER_DECIMALS
    scaled = masses * steps
    rounded: FloatArray = np.rint(scaled) / steps
    for close in np.flatnonzero(np.abs(scaled - np.floor(scaled) - 0.5) < 1e-3).tolist():
        rounded[close] = round(float(masses[close]), NUMBER_DECIMALS)
    return rounded


def _utf8(numbers: list[float]) -> list[bytes]:
    """Write each of some finite numbers as JSON."""
    return orjson.dumps(numbers)[1:-1].split(b",") if numbers else []


def recipe_similar(similar: Similar, recipes: int) -> Iterator[Row]:
    """Each recipe's neighbors with what has to be swapped for what."""
    spans = pairwise([*range(0, recipes, ROWS_PLANNED), recipes])
    return map(orjson.loads, chain.from_iterable(similar.block(*span).rows for span in spans))


def relative_to_median(cost: FloatArray) -> FloatArray:
    """Return the cost in units of the median between two ingredients, rounded to settle ties."""
    median = off_diagonal_median(cost)
    relative: FloatArray = cost / median if median > 0 else cost.copy()
    return np.round(relative, NUMBER_DECIMALS, out=relative)
