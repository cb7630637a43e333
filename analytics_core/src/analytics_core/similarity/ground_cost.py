"""The cost between ingredients: which one is meant, and how it is found.

The default is learned from what else is in the glass (`analytics_core.similarity.context_cost`).
The reference is learned by rounds of matching (`analytics_core.similarity.reference_cost`), and the
tree distance is not learned at all. See ``docs/method.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from analytics_core.similarity.context_cost import context_cost
from analytics_core.similarity.parallel import ignore_progress
from analytics_core.similarity.reference_cost import match_in_rounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from analytics_core.similarity.arrays import FloatArray
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.similarity.mixture import Mixtures


@dataclass(frozen=True, slots=True)
class CostSettings:
    """How a cost is found. The defaults are those of ``learned``.

    Attributes
    ----------
    method : {"context", "rounds", "tree"}
        Learned from the rest of the glass, learned by rounds of matching, or the tree distance.
    power : float
        Exponent on the volume fractions; below 1 small amounts say more.
    decay : float
        Factor by which tree edges shrink from level to level.
    """

    method: Literal["context", "rounds", "tree"] = "context"
    power: float = 0.4
    decay: float = 0.8

    def __post_init__(self) -> None:
        """Refuse values that mean nothing, in one sentence."""
        if self.method not in ("context", "rounds", "tree"):
            raise ValueError(f"method is {self.method!r}; choose one of context, rounds, tree")
        for name in ("power", "decay"):
            value = getattr(self, name)
            if not 0.01 <= value <= 10:
                raise ValueError(f"{name} is {value}; it must lie between 0.01 and 10")


LEARNED = CostSettings()
REFERENCE = CostSettings("rounds", power=1.0, decay=1.0)
TREE = CostSettings("tree", power=1.0, decay=1.0)

PRESETS = {"learned": LEARNED, "reference": REFERENCE, "tree": TREE}


@dataclass(frozen=True, slots=True, eq=False)
class LearnedCost:
    """A cost between the ingredients in play and how it came about.

    Attributes
    ----------
    cost : float64 (m, m)
        Symmetric, zero diagonal, not negative.
    distance_cost : float64 (m, m)
        The cost under which distances are measured: `cost`, except under the reference, whose
        published distances are those of the last round's expectation step.
    changes : float64 (rounds,)
        Relative Frobenius change of each round of matching; empty under the other methods.
    """

    cost: FloatArray
    distance_cost: FloatArray
    changes: FloatArray


def learn_cost(
    mixtures: Mixtures,
    tree: IngredientTree,
    settings: CostSettings = LEARNED,
    *,
    declared: Sequence[tuple[int, int]] = (),
    threads: int | None = None,
    progress: Callable[[int, int], None] = ignore_progress,
) -> LearnedCost:
    """Find the cost between ingredients.

    Parameters
    ----------
    mixtures : Mixtures
        Plain volume fractions; `settings.power` is applied here.
    tree : IngredientTree
    settings : CostSettings
    declared : sequence of (int, int)
        Ids of ingredients of which the owner says that each stands in for the other: a prior, see
        `analytics_core.similarity.context_cost.context_cost`. Only ``context`` has a place for it.
    threads : int, optional
        Default: `analytics_core.similarity.parallel.available_threads`.
    progress : callable, optional
        Called with (rounds done, rounds at most); the context cost has one.

    Returns
    -------
    LearnedCost

    Raises
    ------
    ValueError
        Substitutes are declared for a method that takes none.

    Examples
    --------
    >>> from analytics_core import IngredientTree, load_catalog
    >>> from analytics_core.sample import write_sample_database
    >>> from analytics_core.similarity.mixture import build_mixtures
    >>> write_sample_database("bar.db", recipes=40, overwrite=True)
    >>> catalog = load_catalog("bar.db")
    >>> tree = IngredientTree.from_ingredients(catalog.ingredients)
    >>> learned = learn_cost(build_mixtures(catalog, tree), tree)
    >>> learned.cost.shape, learned.changes.size
    ((65, 65), 0)
    """
    if declared and settings.method != "context":
        raise ValueError(f"declared substitutes have no place in the method {settings.method!r}")
    measured = mixtures.compressed(settings.power)
    tree_cost = tree.distance_matrix(mixtures.in_play, decay=settings.decay)
    if settings.method == "rounds":
        return LearnedCost(
            *match_in_rounds(measured, tree_cost, threads=threads, progress=progress)
        )
    if settings.method == "tree":
        return LearnedCost(tree_cost, tree_cost, np.empty(0))
    cost = context_cost(measured, tree, tree_cost, declared=declared)
    progress(1, 1)
    return LearnedCost(cost, cost, np.empty(0))
