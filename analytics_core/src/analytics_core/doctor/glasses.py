"""Recipes of one mix, and volumes that are a slip of the pen."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.doctor.names import label
from analytics_core.source.findings import Finding, finding_of

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import BoolArray, FloatArray, IntArray
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.source.catalog import Catalog

LEAST_LINES = 8
"""Lines from which on it shows what is usual of an ingredient."""
FARTHEST = 3.0
"""Robust standard deviations of the logarithm beyond which a volume is unlikely."""
LEAST_SPREAD = float(np.log(2.0))
"""A standard deviation at least: what everybody pours alike may still be poured otherwise once."""
AS_USUAL = 0.1
"""How much less usual (in logarithm) the glass may become by what is thought to be meant."""
SPOON_ML = 5.0
"""A smaller unit, other than the milliliter, is small on purpose: a dash of syrup is no slip."""
MUCH_ML = 10.0
"""Less is never far too much."""
RARE = 0.02
"""Share of an ingredient's lines, and two at least, that may be as far off: more are a custom."""
OF_ITS_KIND = 2.0
"""Deviations from the other ingredients of its kind within which a volume is nothing odd."""


def same_mixes(catalog: Catalog) -> list[Finding]:
    """Find recipes with the same ingredients in the same proportions, as the lines name them."""
    lines = catalog.lines
    width = max(1, catalog.ingredients.ids.size)
    count = catalog.recipes.ids.size
    cells, where = np.unique(
        lines.recipe.astype(np.int64) * width + lines.ingredient, return_inverse=True
    )
    volume = np.bincount(where, weights=lines.volume_ml, minlength=cells.size)
    recipe = cells // width
    total = np.bincount(recipe, weights=volume, minlength=count)
    fraction = np.rint(volume / total[recipe] * 1e9).astype(np.int64)
    there = fraction > 0
    recipe, ingredient, fraction = recipe[there], (cells % width)[there], fraction[there]
    groups: dict[bytes, list[int]] = defaultdict(list)
    bounds = np.searchsorted(recipe, np.arange(count + 1)).tolist()
    for row, (start, stop) in enumerate(pairwise(bounds)):
        groups[ingredient[start:stop].tobytes() + fraction[start:stop].tobytes()].append(row)
    twins = [rows for rows in groups.values() if len(rows) > 1]
    names, ids = catalog.recipes.names, catalog.recipes.ids.tolist()
    return finding_of(
        "same-mix",
        "Found {} with the ingredients of another in the same proportions.",
        ("recipe", "recipes"),
        [" and ".join(label(names[row], ids[row]) for row in rows) for rows in twins],
        count=sum(map(len, twins)),
    )


def unlikely_volumes(catalog: Catalog, tree: IngredientTree) -> list[Finding]:
    """Find lines far from what other recipes pour of the ingredient, in volume and in share.

    Not those that carry their drink: where the usual volume would make the glass less usual than
    it is, as without the bitters of a Trinidad Sour, the line is meant. Nor those that are usual of
    the ingredient's kind: absinthe comes in dashes, and as a spirit.
    """
    lines = catalog.lines
    conversion = np.array([unit.conversion_to_ml or np.nan for unit in catalog.units] + [np.nan])
    size = conversion[lines.unit]
    measured = ~np.isnan(size) & (lines.amount > 0) & (lines.volume_ml > 0)
    count = catalog.recipes.ids.size
    total = np.bincount(lines.recipe, weights=lines.volume_ml, minlength=count)
    if not measured.any():
        return []
    volume = np.log(np.where(measured, lines.volume_ml, 1.0))
    share = volume - np.log(total)[lines.recipe]
    usual, off = _deviations(volume, lines.ingredient, measured)
    _, off_share = _deviations(share, lines.ingredient, measured)
    far = (np.abs(off) > FARTHEST) & (np.abs(off_share) > FARTHEST)
    far &= np.sign(off) == np.sign(off_share)
    # of two ingredients each makes the drink, whatever it is elsewhere
    several = np.bincount(lines.recipe, minlength=count)[lines.recipe] > 2
    far &= (off < 0) | ((lines.volume_ml >= MUCH_ML) & several)
    far &= ~((off < 0) & (size < SPOON_ML) & (size != 1.0))
    typical = float(np.median(np.log(total)))
    meant = total[lines.recipe] - lines.volume_ml + np.exp(usual)
    less_usual = np.abs(np.log(meant) - typical) - np.abs(np.log(total[lines.recipe]) - typical)
    far &= less_usual <= AS_USUAL
    far &= _is_rare(off, lines.ingredient, measured)
    kind = tree.roots[lines.ingredient]
    far &= np.abs(_off_the_others(volume, lines.ingredient, kind, measured, far)) > OF_ITS_KIND
    examples = []
    for row in np.flatnonzero(far).tolist():
        recipe = int(lines.recipe[row])
        examples.append(
            f"{_ml(lines.volume_ml[row])} of {catalog.ingredients.names[lines.ingredient[row]]}"
            f" (usually {_ml(float(np.exp(usual[row])))}) in"
            f" {label(catalog.recipes.names[recipe], int(catalog.recipes.ids[recipe]))}"
        )
    return finding_of(
        "unlikely-volume",
        "Found {} far from what the other recipes pour of the ingredient.",
        ("volume", "volumes"),
        examples,
    )


def _deviations(
    values: FloatArray, group: IntArray, measured: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return each line's group median and its robust deviation from that; 0 for small groups."""
    median, deviation = np.zeros(values.size), np.zeros(values.size)
    rows = np.flatnonzero(measured)
    rows = rows[np.argsort(group[rows], kind="stable")]
    _, starts = np.unique(group[rows], return_index=True)
    for own in np.split(rows, starts[1:]):
        if own.size >= LEAST_LINES:
            middle = float(np.median(values[own]))
            away = values[own] - middle
            spread = max(1.4826 * float(np.median(np.abs(away))), LEAST_SPREAD)
            median[own], deviation[own] = middle, away / spread
    return median, deviation


def _off_the_others(
    values: FloatArray, own: IntArray, kind: IntArray, measured: BoolArray, asked: BoolArray
) -> FloatArray:
    """Return how far lines are from their kind's other ingredients; infinite without such.

    Each ingredient is compared with all lines, so only those are of which a line is `asked` for.
    """
    off = np.full(values.size, np.inf)
    for one in np.unique(own[asked]):
        mine = measured & (own == one)
        others = measured & (kind == kind[mine][0]) & ~mine
        if np.count_nonzero(others) >= LEAST_LINES:
            middle = float(np.median(values[others]))
            spread = 1.4826 * float(np.median(np.abs(values[others] - middle)))
            off[mine] = (values[mine] - middle) / max(spread, LEAST_SPREAD)
    return off


def _is_rare(off: FloatArray, own: IntArray, measured: BoolArray) -> BoolArray:
    """Whether few lines of the same ingredient are as far off on the same side."""
    rare = np.zeros(off.size, dtype=bool)
    for one in np.unique(own[measured & (np.abs(off) > FARTHEST)]):
        mine = np.flatnonzero(measured & (own == one))
        for side in (1, -1):
            far = mine[side * off[mine] > FARTHEST]
            rare[far] = far.size <= max(2.0, RARE * mine.size)
    return rare


def _ml(volume: float) -> str:
    return f"{volume:.1f} ml" if volume < 9.95 else f"{volume:,.0f} ml"
