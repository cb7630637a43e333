"""What an owner may want to look at in a database that can be used as it is.

The checks of `analytics_core.source` repair; these only ask, and each must be right, since nobody
reads a list that cries wolf.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from analytics_core.doctor.glasses import same_mixes, unlikely_volumes
from analytics_core.doctor.hierarchy import misplaced_ingredients, unused_ingredients
from analytics_core.doctor.instructions import named_alone
from analytics_core.doctor.names import blanks_in_names, same_names, similar_names

if TYPE_CHECKING:
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.similarity.mixture import Mixtures
    from analytics_core.source.catalog import Catalog
    from analytics_core.source.findings import Finding

__all__ = ["examine"]


def examine(
    catalog: Catalog,
    tree: IngredientTree,
    mixtures: Mixtures,
    *,
    instructions: Mapping[int, str] | None = None,
) -> tuple[Finding, ...]:
    """Look for what is unlikely, twice there, or in the wrong place.

    Parameters
    ----------
    catalog : Catalog
    tree : IngredientTree
        Of the same catalog.
    mixtures : Mixtures
        Plain volume fractions.
    instructions : mapping of int to str, optional
        What recipes say in words, by id. Default: nothing is known of that.

    Returns
    -------
    tuple of Finding
        In a stable order; empty where there is nothing to ask.
    """
    found = [
        *blanks_in_names(catalog),
        *same_names(catalog),
        *similar_names(catalog, tree),
        *same_mixes(catalog),
        *unlikely_volumes(catalog, tree),
        *(named_alone(catalog, tree, instructions) if instructions else ()),
        *misplaced_ingredients(catalog, tree, mixtures),
        *unused_ingredients(catalog, tree),
    ]
    return tuple(found)
