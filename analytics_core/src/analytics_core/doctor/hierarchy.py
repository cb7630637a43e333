"""Ingredients that nobody pours, and those that hang below the wrong kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analytics_core.doctor.names import label
from analytics_core.similarity.context_cost import FLOOR, PRIOR_LINES, find_contexts
from analytics_core.source.findings import Finding, finding_of

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import FloatArray
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.similarity.mixture import Mixtures
    from analytics_core.source.catalog import Catalog

# Chosen so that no ingredient of seven sample databases of 454 to 20,000 recipes is suspected. Of
# those hung below a wrong kind on purpose, about one in five is found: a missed one costs less
# than a wrong suspicion.
POWER = 0.4
"""Exponent on the fractions, as under the learned cost."""
LEAST_LINES = 10.0
"""Lines from which on an ingredient's company is known."""
KIND_LINES = 30.0
"""Lines of the others of a kind from which on the kind's company is known."""
KIND_SIZE = 3
"""Other ingredients that a kind has at least."""
USUAL_LINES = 5.0
"""Lines of the usual company that each company is mixed with."""
SHARE_WEIGHT = 0.3
"""What a deviation of an ingredient's usual share from its kind's counts beside their company."""
MOST_DEVIATIONS = 4.0
LEAST_SPREAD = 0.4
"""Of the logarithm of shares."""
DOUBT = 1.0
"""How much more alike to another kind an ingredient is before it is asked about: the company of
one kind has the cosine 1 with itself and 0 with any other."""
COMPANY_DOUBT = 0.5
"""The same for company alone, without the share."""


def unused_ingredients(catalog: Catalog, tree: IngredientTree) -> list[Finding]:
    """Find ingredients that no recipe names, nor anything below them."""
    names, ids = catalog.ingredients.names, catalog.ingredients.ids.tolist()
    idle = np.ones(tree.ids.size, dtype=bool)
    idle[tree.with_ancestors(np.unique(catalog.lines.ingredient))] = False
    return finding_of(
        "unused-ingredient",
        "Found {} that no recipe has, nor anything below.",
        ("ingredient", "ingredients"),
        [label(names[row], ids[row]) for row in np.flatnonzero(idle).tolist()],
    )


def misplaced_ingredients(
    catalog: Catalog, tree: IngredientTree, mixtures: Mixtures
) -> list[Finding]:
    """Find leaves whose glasses are those of another kind: of another root than their own."""
    if not _can_compare(tree, mixtures):
        return []
    width = mixtures.in_play.size
    contexts = find_contexts(mixtures.compressed(POWER), tree)
    lines = contexts.lines
    column_of = np.full(tree.ids.size, -1)
    column_of[mixtures.in_play] = np.arange(width)
    parents = tree.parents[mixtures.in_play]
    above = np.where(parents >= 0, column_of[np.maximum(parents, 0)], -1)
    kind = column_of[tree.roots[mixtures.in_play]]
    leaf = np.ones(width, dtype=bool)
    leaf[above[above >= 0]] = False
    # from means drawn toward the parent's back to sums
    prior = np.where(above[:, None] >= 0, contexts.rest[above], contexts.usual)
    sums = contexts.rest * (lines + PRIOR_LINES)[:, None] - PRIOR_LINES * prior
    kinds = np.flatnonzero((above < 0) & (np.bincount(kind[leaf], minlength=width) >= KIND_SIZE))
    known = leaf & (lines >= 1)
    size = np.bincount(kind[known], minlength=width)
    shares = np.log(mixtures.fractions)
    of_kind = {int(k): np.flatnonzero(kind[mixtures.columns] == k) for k in kinds}
    middles = {k: _middle(shares[entries]) for k, entries in of_kind.items() if entries.size}
    by_column = np.argsort(mixtures.columns, kind="stable")
    bounds = np.searchsorted(mixtures.columns[by_column], np.arange(width + 1))

    def likeness(one: int, other: int) -> tuple[float, float] | None:
        """Compare an ingredient's company, and its share too, with those of the others of a kind.

        None where too few are known.
        """
        own = kind[one] == other
        others = lines[other] - own * lines[one]
        if others < KIND_LINES or size[other] - own < KIND_SIZE:
            return None
        middle, spread = middles[other]
        if own:
            entries = of_kind[other]
            middle, spread = _middle(shares[entries[mixtures.columns[entries] != one]])
        mine = float(np.median(shares[by_column[bounds[one] : bounds[one + 1]]]))
        off = min(abs(mine - middle) / max(spread, LEAST_SPREAD), MOST_DEVIATIONS)
        company = _direction(sums[other] - own * sums[one], others, contexts.usual)
        alike = float(directions[one] @ company)
        return alike, alike - SHARE_WEIGHT * off

    asked = np.flatnonzero(leaf & (lines >= LEAST_LINES)).tolist()
    directions = {one: _direction(sums[one], lines[one], contexts.usual) for one in asked}
    names = catalog.ingredients.names
    ids = catalog.ingredients.ids.tolist()
    examples = []
    for one in asked:
        here = likeness(one, int(kind[one]))
        if here is None:
            continue
        there = {k: like for k in kinds.tolist() if k != kind[one] and (like := likeness(one, k))}
        if not there:
            continue
        by_company = max(there, key=lambda k: there[k][0])
        by_both = max(there, key=lambda k: there[k][1])
        if (
            by_company == by_both
            and here[0] < 0.0  # nothing at all like its own kind's
            and there[by_company][0] - here[0] > COMPANY_DOUBT
            and there[by_both][1] - here[1] > DOUBT
        ):
            row, better = mixtures.in_play[one], mixtures.in_play[by_both]
            now = mixtures.in_play[kind[one]]
            examples.append(
                f"{label(names[row], ids[row])}: below {names[now]}, but in {lines[one]:,.0f}"
                f" glasses it is poured like {names[better]}"
            )
    return finding_of(
        "misplaced-ingredient",
        "Found {} poured in the glasses, and the shares, of another kind than the one above.",
        ("ingredient", "ingredients"),
        examples,
    )


def _can_compare(tree: IngredientTree, mixtures: Mixtures) -> bool:
    """Whether two kinds have enough ingredients; a flat list has none, and may be long."""
    used = np.unique(mixtures.columns)
    sizes = np.bincount(tree.roots[mixtures.in_play[used]], minlength=1)
    return bool(np.count_nonzero(sizes >= KIND_SIZE) > 1)


def _middle(values: FloatArray) -> tuple[float, float]:
    """Return the median and a robust standard deviation."""
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))


def _direction(sums: FloatArray, lines: float, usual: FloatArray) -> FloatArray:
    """Return how a company differs from the usual one, as a vector of length 1 (or 0)."""
    rest = (np.maximum(sums, 0.0) + USUAL_LINES * usual) / (lines + USUAL_LINES)
    surprise = np.log((rest + FLOOR) / (usual + FLOOR)) * np.sqrt(usual + FLOOR)
    length = float(np.sqrt(surprise @ surprise))
    direction: FloatArray = surprise / length if length > 0 else surprise
    return direction
