"""What is really poured: pieces by their size, and units that the database gives no volume for.

The sizes are data (``volumes.toml``). Where none fits, the volume is guessed, and every guess is a
finding.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analytics_core.source.units import Unit, fixed_volume_ml, line_volumes_ml

VolumeRule: TypeAlias = Literal["site", "poured"]

UNKNOWN_PIECE_ML = 5.0
"""A piece of which nothing is known."""

MOST_BARE_PIECES = 6.0
"""A number alone that is larger is milliliters, also where the ingredient could be counted."""

PIECE = "each"


@dataclass(frozen=True, slots=True, eq=False)
class Poured:
    """Volumes of lines, and which of them are guesses.

    Attributes
    ----------
    volume_ml : (lines,) float64
        Milliliters.
    guessed : (lines,) bool
        No word told the size of the pieces: the volume is the median of what other lines pour of
        the ingredient, or 5 ml a piece.
    """

    volume_ml: NDArray[np.float64]
    guessed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The table: words of pieces in two groups, and units by name; all in milliliters."""

    groups: tuple[Mapping[str, float], ...]
    units: Mapping[str, float]


@cache
def _sizes() -> _Sizes:
    text = resources.files(__package__).joinpath("volumes.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return _Sizes((table["pieces"], table["things"]), table["units"])


def _singular(word: str) -> str:
    """Return a word's singular, as far as words of the bar need it."""
    if word == "leaves":
        return "leaf"
    for ending, single in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("ss", "ss"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending) + single
    return word


def _plain(text: str) -> str:
    """Return the words of a text in lower case and in the singular, a blank at either end."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return f" {' '.join(_singular(word) for word in words)} "


def piece_volume_ml(unit: str | None, ingredient: str) -> float | None:
    """Return the volume of one piece by what the unit and the ingredient are called, or None.

    Parameters
    ----------
    unit
        The unit's name; None where the line has none.
    ingredient
        The ingredient's name.

    Examples
    --------
    >>> piece_volume_ml("Leaves", "Mint"), piece_volume_ml("Each", "Egg White")
    (0.6, 30.0)
    """
    for text in (_plain(unit or ""), _plain(ingredient)):
        for group in _sizes().groups:
            found = [word for word in group if f" {word} " in text]
            if found:
                return float(group[max(found, key=len)])
    return None


def with_known_sizes(units: Sequence[Unit]) -> tuple[Unit, ...]:
    """Return units, with the conversion of those that have none but are known by their name."""
    known = _sizes().units

    def size(unit: Unit) -> float | None:
        if unit.conversion_to_ml is not None or fixed_volume_ml(unit.name) is not None:
            return unit.conversion_to_ml
        names = [_plain(unit.name).strip(), _plain(unit.abbreviation or "").strip()]
        return next((float(known[name]) for name in names if name in known), None)

    return tuple(replace(unit, conversion_to_ml=size(unit)) for unit in units)


def poured_volumes_ml(
    amount: NDArray[np.float64],
    unit: NDArray[np.int32],
    units: Sequence[Unit],
    ingredient: NDArray[np.int32],
    names: Sequence[str],
) -> Poured:
    """Return the volume of every line as it is poured.

    As `line_volumes_ml`, except for pieces: what a unit without a conversion counts, ``Each`` or
    ``Leaf``, and an amount without a unit, up to six, if the ingredient's name has a word for its
    size. They are count times the size of the piece. Where no word fits, the line is the median of
    what other lines pour of the ingredient, in units with a conversion; where none does, 5 ml a
    piece. Without an amount it is one piece.

    Parameters
    ----------
    amount : (lines,) float64
        Amounts in their units; NaN where there is none: one piece.
    unit : (lines,) int32
        Index into `units`; -1 where there is none.
    units
        The units; see `with_known_sizes`.
    ingredient : (lines,) int32
        Index into `names`; -1 where it is unknown.
    names
        What the ingredients are called.

    Returns
    -------
    Poured
    """
    volume = line_volumes_ml(amount, unit, units)
    guessed = np.zeros(volume.size, dtype=bool)
    fixed = np.array([fixed_volume_ml(u.name) is not None for u in units] + [False])
    each = np.array([" ".join(u.name.split()).casefold() == PIECE for u in units] + [False])
    sized = np.array([u.conversion_to_ml is not None for u in units] + [False])
    counts = (each | ~(fixed | sized))[unit] & (ingredient >= 0)
    counts &= (unit >= 0) | ~np.isnan(amount)
    if not counts.any():
        return Poured(volume, guessed)
    kinds, kind = np.unique(
        np.stack([unit[counts], ingredient[counts]], axis=1), axis=0, return_inverse=True
    )
    size = np.array(
        [
            piece_volume_ml(None if u < 0 else units[u].name, names[i]) or np.nan
            for u, i in kinds.tolist()
        ]
    )[kind.ravel()]
    pieces = np.where(np.isnan(amount[counts]), 1.0, amount[counts])
    usual = _median_poured(volume, ingredient, sized[unit] & ~fixed[unit] & ~np.isnan(amount))
    median = np.array([usual.get(i, np.nan) for i in ingredient[counts].tolist()])
    with np.errstate(over="ignore", invalid="ignore"):  # the catalog reports what overflows
        known = pieces * size
        guess = np.where(np.isnan(median), pieces * UNKNOWN_PIECE_ML, median)
    # A number alone is milliliters, as ever, unless it counts lemons.
    bare = (unit[counts] < 0) & (np.isnan(size) | (pieces > MOST_BARE_PIECES))
    volume[counts] = np.where(bare, volume[counts], np.where(np.isnan(size), guess, known))
    guessed[counts] = np.isnan(size) & ~bare
    return Poured(volume, guessed)


def _median_poured(
    volume: NDArray[np.float64], ingredient: NDArray[np.int32], measured: NDArray[np.bool_]
) -> dict[int, float]:
    """Return the median volume of each ingredient's measured lines, in ml."""
    measured = measured & (ingredient >= 0) & np.isfinite(volume) & (volume > 0)
    order = np.lexsort((volume[measured], ingredient[measured]))
    key, ordered = ingredient[measured][order], volume[measured][order]
    own, start, count = np.unique(key, return_index=True, return_counts=True)
    low, high = ordered[start + (count - 1) // 2], ordered[start + count // 2]
    return dict(zip(own.tolist(), (0.5 * (low + high)).tolist(), strict=True))
