"""What the owner says of substitutes: on the lines of recipes, and by making variants of them.

A line may name what stands in for its ingredient. A recipe that is a variant of another, and has
one ingredient that the other lacks where the other has one that it lacks, in like amounts, says the
same of these two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics_core.similarity.mixture import Mixtures
    from analytics_core.source.catalog import Catalog

LIKE_AMOUNTS = 2.0
"""Most by which the shares of two glasses differ for a variant to have one for the other."""

Said: TypeAlias = "Literal['substitute', 'variant']"
Declared: TypeAlias = "Mapping[tuple[int, int], Said]"
"""By pairs of columns: the owner says that the second stands in for the first, and where."""


def declared_pairs(catalog: Catalog, mixtures: Mixtures) -> Declared:
    """Return what the owner declares, after roll-up.

    Parameters
    ----------
    catalog : Catalog
    mixtures : Mixtures
        Of the same catalog; its columns are what pairs are told in.

    Returns
    -------
    dict
        Ascending. Of a line's substitutes one direction alone, of variants both.
    """
    found: dict[tuple[int, int], Said] = {}
    for recipe in np.flatnonzero(catalog.recipes.variant_of >= 0).tolist():
        swap = _swap(mixtures, int(catalog.recipes.variant_of[recipe]), recipe)
        if swap is not None:
            found[swap] = found[swap[::-1]] = "variant"
    column = {int(node): at for at, node in enumerate(mixtures.in_play)}
    counts_as = catalog.ingredients.counts_as
    for pair in catalog.substitutes.tolist():
        one, other = (column.get(node, column.get(int(counts_as[node]))) for node in pair)
        if one is not None and other is not None and one != other:
            found[one, other] = "substitute"
    return dict(sorted(found.items()))


def _swap(mixtures: Mixtures, recipe: int, variant: int) -> tuple[int, int] | None:
    """Return the columns of which a variant has the second where the recipe has the first."""
    rows = []
    for row in (recipe, variant):
        own = slice(int(mixtures.indptr[row]), int(mixtures.indptr[row + 1]))
        rows.append(dict(zip(mixtures.columns[own].tolist(), mixtures.fractions[own], strict=True)))
    gone, come = rows[0].keys() - rows[1].keys(), rows[1].keys() - rows[0].keys()
    if len(gone) != 1 or len(come) != 1:
        return None
    (one,), (other,) = gone, come
    shares = sorted((float(rows[0][one]), float(rows[1][other])))
    return (one, other) if shares[1] <= LIKE_AMOUNTS * shares[0] else None
