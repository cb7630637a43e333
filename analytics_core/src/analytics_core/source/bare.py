"""Amounts without a unit: read as what the file shows that the ingredient is poured in.

"2" rum in a file that pours rum by the ounce is two ounces, "2" bitters two dashes, "2" limes two
limes. What is tried first is what says most about the line; a reading counts where the volume fits
what is poured of the ingredient elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from analytics_core.source.sizes import is_poured, piece_volume_ml, usual_unit_ml

MOST_PIECES = 6.0
"""So many of anything are counted; of small things more, up to `MOST_PIECES_ML` together."""
MOST_PIECES_ML = 60.0
MOST_DASHES = 12.0
"""A larger number of what goes in by the dash is no count of dashes."""

OUNCE_ML = 29.5735
CENTILITER_ML = 10.0
LEAST_MILLILITERS = 10.0
"""A recipe in which no number alone is larger is not written in milliliters."""

_KIN = 3  # lines that speak for the ingredients beside one
_FILE = 10  # lines that speak for a file
_USUAL_ML = (OUNCE_ML / 8, 180.0)  # a line of a drink, where no file shows its own


class Reading(IntEnum):
    """How the volume of a line was found."""

    WRITTEN = 0
    """From the amount and the unit, or by a rule for the unit."""
    GUESSED = 1
    """No word tells how large the pieces are, or what the container holds."""
    UNKNOWN_UNIT = 2
    """Neither the file nor the table knows the unit."""
    MISSING = 3
    """The line has no amount, and needs one."""
    BARE_SHOWN = 4
    """No unit: the one that the file pours the ingredient in."""
    BARE_PIECES = 5
    """No unit: a count, because the ingredient's name has a word for its size."""
    BARE_GUESSED = 6
    """No unit, and nothing shows which."""


@dataclass(slots=True)
class _Shown:
    """What lines show: how often each unit (in ml) is poured, and from how much to how much."""

    units: Counter[float] = field(default_factory=Counter)
    least: float = np.inf
    most: float = -np.inf
    is_rule: bool = False  # the range is no sample of a few lines

    def add(self, ml: float, count: int, least: float, most: float) -> None:
        self.units[ml] += count
        self.least, self.most = min(self.least, least), max(self.most, most)

    @property
    def lines(self) -> int:
        return self.units.total()

    def fits(self, ml: float) -> bool:
        slack = 1.0 if self.is_rule else 2.0 if self.lines >= _KIN else 4.0
        return self.least / slack <= ml <= self.most * slack

    def by_count(self) -> list[float]:
        return sorted(self.units, key=lambda ml: (-self.units[ml], ml))


class BareAmounts:
    """Reads amounts without a unit, from the lines that have one.

    Parameters
    ----------
    known : bool (lines,)
        Lines whose amount and unit are written, with a positive volume.
    jigger : bool (lines,)
        Those of them in a unit that a whole drink is measured in: ounces, milliliters.
    bare : bool (lines,)
        Lines with an amount and without a unit.
    amount, volume_ml : float64 (lines,)
    ingredient, recipe : int32 (lines,)
    names
        What the ingredients are called.
    parents : int32 (ingredients,)
        Index of each ingredient's parent; -1 for a root.
    """

    def __init__(
        self,
        *,
        known: NDArray[np.bool_],
        jigger: NDArray[np.bool_],
        bare: NDArray[np.bool_],
        amount: NDArray[np.float64],
        volume_ml: NDArray[np.float64],
        ingredient: NDArray[np.int32],
        recipe: NDArray[np.int32],
        names: Sequence[str],
        parents: NDArray[np.int32],
    ) -> None:
        self._names, self._parents = names, parents.tolist()
        self._below: dict[int, _Shown] = {}
        self._recipes: dict[int, _Shown] = {}
        self._file = _Shown()
        per_unit = np.full(amount.size, np.nan)
        per_unit[known] = np.round(volume_ml[known] / amount[known], 6)
        for owner, ml, count, least, most in _grouped(ingredient, per_unit, volume_ml, known):
            for node in self._upwards(owner):
                self._below.setdefault(node, _Shown()).add(ml, count, least, most)
        for owner, ml, count, least, most in _grouped(recipe, per_unit, volume_ml, known & jigger):
            self._recipes.setdefault(owner, _Shown()).add(ml, count, least, most)
            self._file.add(ml, count, least, most)
        poured = volume_ml[known & jigger]
        if poured.size >= _FILE:
            # one bowl of punch must not make everything fit
            low, high = np.quantile(poured, [0.05, 0.95]).tolist()
            self._file.least, self._file.most = low, high
        else:
            self._file.least, self._file.most = _USUAL_ML
            self._file.is_rule = True
        self._largest: dict[int, float] = {}
        for owner, number in zip(recipe[bare].tolist(), amount[bare].tolist(), strict=True):
            self._largest[owner] = max(number, self._largest.get(owner, 0.0))

    def read(self, amount: float, ingredient: int, recipe: int) -> tuple[float, Reading]:
        """Return the milliliters of one line, and how they were found."""
        name = self._names[ingredient]
        own = self._below.get(ingredient)
        for ml in own.by_count() if own else ():
            if own and own.fits(amount * ml):
                return amount * ml, Reading.BARE_SHOWN
        piece = None if is_poured(name) else piece_volume_ml(None, name)
        if piece is not None and (amount <= MOST_PIECES or amount * piece <= MOST_PIECES_ML):
            return amount * piece, Reading.BARE_PIECES
        usual = usual_unit_ml(name)
        if usual is not None and amount <= MOST_DASHES:
            return amount * usual, Reading.BARE_GUESSED
        kin = own or self._kin(ingredient)
        near = self._recipes.get(recipe)
        for shown in (near, kin, self._file):
            for ml in shown.by_count() if shown else ():
                if kin.fits(amount * ml):
                    return amount * ml, Reading.BARE_SHOWN
        small = self._small_unit()
        if near is None:  # all of the recipe is numbers alone: they are in one unit
            by_scale = 1.0 if self._largest.get(recipe, 0.0) >= LEAST_MILLILITERS else small
            return amount * by_scale, Reading.BARE_GUESSED
        fitting = (ml for ml in (1.0, small) if kin.fits(amount * ml))
        return amount * next(fitting, 1.0), Reading.BARE_GUESSED

    def _upwards(self, node: int) -> Iterator[int]:
        while node >= 0:
            yield node
            node = self._parents[node]

    def _kin(self, ingredient: int) -> _Shown:
        """Return what is shown of the ingredients beside one; of all, where there are too few."""
        for node in self._upwards(ingredient):
            shown = self._below.get(node)
            if shown is not None and shown.lines >= _KIN:
                return shown
        return self._file

    def _small_unit(self) -> float:
        """Return what small numbers count: centiliters where the file is metric, else ounces."""
        metric = sum(n for ml, n in self._file.units.items() if ml in (1.0, CENTILITER_ML))
        return CENTILITER_ML if metric * 2 > self._file.lines else OUNCE_ML


def _grouped(
    owner: NDArray[np.int32],
    per_unit: NDArray[np.float64],
    volume_ml: NDArray[np.float64],
    chosen: NDArray[np.bool_],
) -> Iterator[tuple[int, float, int, float, float]]:
    """Yield owner, ml of the unit, number of lines, least and most volume of every pair."""
    chosen = chosen & (owner >= 0)
    if not chosen.any():
        return
    order = np.lexsort((per_unit[chosen], owner[chosen]))
    owners, units, volumes = (a[chosen][order] for a in (owner, per_unit, volume_ml))
    new = np.flatnonzero(np.concatenate([[True], (np.diff(owners) != 0) | (np.diff(units) != 0)]))
    yield from zip(
        owners[new].tolist(),
        units[new].tolist(),
        np.diff([*new.tolist(), owners.size]).tolist(),
        np.minimum.reduceat(volumes, new).tolist(),
        np.maximum.reduceat(volumes, new).tolist(),
        strict=True,
    )
