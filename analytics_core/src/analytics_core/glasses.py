"""What is in the glass: one pour for each ingredient of a drink, with what is asked of it often."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from analytics_core.source.kinds import Kind, Water, kind_of, water_of
from analytics_core.source.units import fixed_volume_ml
from analytics_core.wording import is_jigger_unit, is_rinse, is_unmeasured, unit_key

if TYPE_CHECKING:
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.source.catalog import Catalog


@dataclass(frozen=True, slots=True, eq=False)
class Pour:
    """What a drink holds of one ingredient; equal to itself alone, so that it is found at once.

    Attributes
    ----------
    ingredient : int
        Id of the ingredient as the recipe writes it.
    name : str
        Its name, likewise.
    kind : int
        Id of the ingredient it counts as.
    ml : float
        Milliliters.
    amount : float or None
        In `unit`; None where the recipe gives none.
    unit : str or None
        The unit's name as the database writes it.
    ml_per_unit : float or None
        None where the unit stands for no volume of its own: pieces, ``to top``, no unit.
    family : int or None
        Id of the root that it hangs below; None where it stands alone.
    does : str
        What it does in a glass.
    water : str or None
        Whether it is water, or soda water.
    """

    ingredient: int
    name: str
    kind: int
    ml: float
    amount: float | None = None
    unit: str | None = None
    ml_per_unit: float | None = None
    family: int | None = None
    does: Kind = "other"
    water: Water | None = None
    # What the unit says, asked millions of times.
    counted_in: str | None = field(init=False, repr=False)
    unmeasured: bool = field(init=False, repr=False)
    rinse: bool = field(init=False, repr=False)
    jigger: bool = field(init=False, repr=False)
    is_measured: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        note = object.__setattr__
        counted = not self.ml_per_unit and self.unit is not None
        note(self, "counted_in", unit_key(self.unit) if counted else None)
        note(self, "unmeasured", is_unmeasured(self.unit))
        note(self, "rinse", is_rinse(self.unit))
        note(self, "jigger", is_jigger_unit(self.unit))
        note(self, "is_measured", bool(self.ml_per_unit) or self.unmeasured)


@dataclass(frozen=True, slots=True)
class Glass:
    """A drink: one pour for each ingredient, and the unit in which it is mostly measured."""

    pours: Mapping[int, Pour]
    ml: float
    unit: str | None
    ml_per_unit: float | None
    kinds: Collection[int] = ()  # ingredients that are what they count as
    bottles: Mapping[int, Sequence[int]] = field(default_factory=dict)  # others, by kind


_NONE: Mapping[int, Sequence[int]] = {}


def glasses_of(catalog: Catalog, tree: IngredientTree) -> list[Glass]:
    """Fill a glass for each recipe of a catalog."""
    lines, names = catalog.lines, catalog.ingredients.names
    per_unit = [
        None if fixed_volume_ml(unit.name) is not None else unit.conversion_to_ml
        for unit in catalog.units
    ]
    ids = tree.ids.tolist()
    has_family = tree.has_children()[tree.roots]
    families = np.where(has_family, tree.ids[tree.roots], -1).tolist()
    lineages = [[names[above] for above in line if above >= 0] for line in tree.lineage.tolist()]
    pours = []
    poured: dict[tuple[int, int, int, float, float | None], Pour] = {}
    for ingredient, rolled, unit, ml, amount in zip(
        lines.ingredient.tolist(),
        lines.rolled.tolist(),
        lines.unit.tolist(),
        lines.volume_ml.tolist(),
        [None if math.isnan(amount) else amount for amount in lines.amount.tolist()],
        strict=True,
    ):
        key = ingredient, rolled, unit, ml, amount
        if (pour := poured.get(key)) is None:
            pour = poured[key] = Pour(
                ingredient=ids[ingredient],
                name=names[ingredient],
                kind=ids[rolled],
                ml=ml,
                amount=amount,
                unit=None if unit < 0 else catalog.units[unit].name,
                ml_per_unit=None if unit < 0 else per_unit[unit],
                family=families[ingredient] if has_family[ingredient] else None,
                does=kind_of(lineages[ingredient]),
                water=water_of(lineages[ingredient]),
            )
        pours.append(pour)
    bounds = np.searchsorted(lines.recipe, np.arange(catalog.recipes.ids.size + 1)).tolist()
    return [fill_glass(pours[start:stop]) for start, stop in pairwise(bounds)]


def fill_glass(lines: Iterable[Pour]) -> Glass:
    """Add up a recipe's lines by ingredient; lines without volume are not in the glass."""
    own: dict[int, list[Pour]] = {}
    for line in lines:
        if line.ml > 0:
            own.setdefault(line.ingredient, []).append(line)
    pours = {ingredient: _added(own[ingredient]) for ingredient in sorted(own)}
    jiggers: dict[str, list[Pour]] = {}
    for pour in pours.values():
        if pour.unit and pour.ml_per_unit and is_jigger_unit(pour.unit):
            jiggers.setdefault(pour.unit, []).append(pour)
    unit = max(jiggers, key=lambda u: (_sum(jiggers[u]), u), default=None)
    bottles: dict[int, list[int]] = {}
    for key, pour in pours.items():
        if key != pour.kind:
            bottles.setdefault(pour.kind, []).append(key)
    return Glass(
        pours=pours,
        ml=_sum(pours.values()),
        unit=unit,
        ml_per_unit=None if unit is None else jiggers[unit][0].ml_per_unit,
        kinds=[key for key, pour in pours.items() if key == pour.kind],
        bottles=bottles or _NONE,
    )


def _sum(pours: Iterable[Pour]) -> float:
    return math.fsum(pour.ml for pour in pours)


def _added(lines: Sequence[Pour]) -> Pour:
    """Add up one ingredient's lines, in the unit of the largest; in no order of the rows."""
    first = max(lines, key=lambda line: (line.ml, line.amount or 0.0, line.unit or ""))
    if len(lines) == 1:
        return first
    ml = _sum(lines)
    amount = None
    if first.ml_per_unit and first.amount is not None:
        amount = ml / first.ml_per_unit
    elif all(line.unit == first.unit and line.amount is not None for line in lines):
        amount = math.fsum(line.amount or 0.0 for line in lines)
    return replace(first, ml=ml, amount=amount)
