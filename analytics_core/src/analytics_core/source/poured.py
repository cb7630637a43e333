"""What is really poured: pieces by their size, and units that the database gives no volume for.

Units are known by their names (`unit_table`), sizes by words in names (`sizes`), and an amount
without a unit by what the file shows (`bare`). Where none fits, the volume is guessed, and every
guess is a finding (`guesses`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analytics_core.source.bare import BareAmounts, Reading
from analytics_core.source.quantities import has_part
from analytics_core.source.sizes import (
    UNKNOWN_PIECE_ML,
    container_volume_ml,
    is_poured,
    piece_volume_ml,
)
from analytics_core.source.unit_table import PIECE, Meaning, fold, unit_meaning
from analytics_core.source.units import NO_AMOUNT_ML, Unit, fixed_volume_ml, line_volumes_ml

VolumeRule: TypeAlias = Literal["site", "poured"]

MOST_CONTRADICTION = 3.0
"""A conversion that differs from a defined volume by more is an error: an ounce of 1 ml."""
MOST_CONTRADICTION_BAR = 10.0
"""Shots and dashes differ from bar to bar, but not by that much."""

_JIGGERS = frozenset({"milliliter", "centiliter", "ounce", "imperial_ounce", "part", "shot"})
_NO_UNIT = re.compile(r"(none|null|n ?a|no unit|unitless|unit \d+)?")  # `Unit 5` had no name


@dataclass(frozen=True, slots=True, eq=False)
class Poured:
    """Volumes of lines, and how each was found.

    Attributes
    ----------
    volume_ml : (lines,) float64
        Milliliters.
    reading : (lines,) int8
        A `Reading`.
    """

    volume_ml: NDArray[np.float64]
    reading: NDArray[np.int8]


class _Kind(IntEnum):
    """What to do with a unit; the order does not matter."""

    NO_UNIT = 0
    FIXED = 1
    SIZED = 2
    PIECE = 3
    CONTAINER = 4
    TASTE = 5
    UNKNOWN = 6


@dataclass(frozen=True, slots=True)
class KnownUnits:
    """Units as they are poured.

    Attributes
    ----------
    units
        One for each that was given, with the conversion that counts.
    assumed
        Those of them whose size is a bar's usual one, because the database gives none.
    contradicted
        The units as given whose conversion their name contradicts, and the milliliters that count.
    """

    units: tuple[Unit, ...]
    assumed: frozenset[Unit]
    contradicted: tuple[tuple[Unit, float], ...]


def meaning_of(unit: Unit) -> Meaning | None:
    """Return what a unit means by its name or its abbreviation, or None."""
    return unit_meaning(unit.name, unit.abbreviation)


def with_known_sizes(units: Iterable[Unit]) -> KnownUnits:
    """Give units the conversion that counts, by name where the database has none.

    The database's own conversion wins wherever it can be true. One that contradicts the name, an
    ounce of 1 ml, does not count; a name in words such as *half* or *quarter* contradicts none.
    """
    known, assumed, contradicted = [], set(), []
    for unit in units:
        meaning, size = meaning_of(unit), unit.conversion_to_ml
        if fixed_volume_ml(unit.name) is not None or meaning is None or meaning.ml is None:
            known.append(unit)
        elif meaning.kind in {"top", "rinse"}:
            known.append(replace(unit, conversion_to_ml=None))
        elif size is None and meaning.kind == "piece":
            known.append(unit)
        elif size is None:
            known.append(replace(unit, conversion_to_ml=meaning.ml))
            if meaning.kind == "bar":
                assumed.add(known[-1])
        else:
            most = MOST_CONTRADICTION_BAR if meaning.kind == "bar" else MOST_CONTRADICTION
            is_wrong = not (
                meaning.kind == "piece"
                or has_part(unit.name)
                or meaning.ml / most <= size <= meaning.ml * most
            )
            if is_wrong:
                contradicted.append((unit, meaning.ml))
            known.append(replace(unit, conversion_to_ml=meaning.ml) if is_wrong else unit)
    return KnownUnits(tuple(known), frozenset(assumed), tuple(contradicted))


def poured_volumes_ml(
    amount: NDArray[np.float64],
    unit: NDArray[np.int32],
    units: Sequence[Unit],
    ingredient: NDArray[np.int32],
    names: Sequence[str],
    *,
    recipe: NDArray[np.int32] | None = None,
    parents: NDArray[np.int32] | None = None,
) -> Poured:
    """Return the volume of every line as it is poured.

    Amounts in units with a conversion are their product, and what tops or rinses has one volume,
    as in `line_volumes_ml`. Pieces are count times the size of the piece, by the words in the names
    of unit and ingredient; bottles and cans hold what is usual for what is in them. Where no word
    fits, or where the amount is missing, the line is the median of what other lines pour of the
    ingredient; where none does, 5 ml a piece, and 1 ml without an amount. Amounts without a unit
    are read by `BareAmounts`.

    Parameters
    ----------
    amount : (lines,) float64
        Amounts in their units; NaN where there is none.
    unit : (lines,) int32
        Index into `units`; -1 where there is none.
    units
        The units; see `with_known_sizes`.
    ingredient : (lines,) int32
        Index into `names`; -1 where it is unknown.
    names
        What the ingredients are called.
    recipe : (lines,) int32, optional
        Which lines stand in one recipe. Default: all of them.
    parents : (ingredients,) int32, optional
        Index of each ingredient's parent; -1 for a root. Default: roots alone.

    Returns
    -------
    Poured
    """
    recipe = np.zeros(amount.size, np.int32) if recipe is None else recipe
    parents = np.full(len(names), -1, np.int32) if parents is None else parents
    units = with_known_sizes(units).units
    volume = line_volumes_ml(amount, unit, units)
    reading = np.full(amount.size, Reading.WRITTEN, dtype=np.int8)
    meaning = [meaning_of(entry) for entry in units]
    kinds = [_kind(entry, means) for entry, means in zip(units, meaning, strict=True)]
    kind = np.array([*kinds, _Kind.NO_UNIT], dtype=np.int8)[unit]
    fixed = np.array([_fixed_ml(e, m) for e, m in zip(units, meaning, strict=True)] + [np.nan])
    volume = np.where(kind == _Kind.FIXED, fixed[unit], volume)
    used, given = ingredient >= 0, ~np.isnan(amount)
    given &= (kind != _Kind.NO_UNIT) | (amount != 0)  # forms that ask for a number get a 0

    # one dash where a dash is written without a number; nobody means one milliliter by "ml"
    single = np.array([m is not None and m.kind in {"bar", "sized"} for m in meaning] + [False])
    size = np.array([u.conversion_to_ml or 0.0 for u in units] + [0.0])
    volume = np.where((kind == _Kind.SIZED) & ~given & single[unit], size[unit], volume)

    measured = (kind == _Kind.SIZED) & given & (volume > 0) & np.isfinite(volume) & used
    by_ingredient = _median_poured(volume, ingredient, measured)
    usual = np.array([by_ingredient.get(i, np.nan) for i in ingredient.tolist()])

    counted = np.isin(kind, (_Kind.PIECE, _Kind.CONTAINER, _Kind.UNKNOWN)) & used
    if counted.any():
        pairs, pair = np.unique(
            np.stack([unit[counted], ingredient[counted]], axis=1), axis=0, return_inverse=True
        )
        sizes = np.array(
            [_piece(units[u], kinds[u], meaning[u], i, names, parents) for u, i in pairs]
        )
        each, known = sizes[pair.ravel(), 0], sizes[pair.ravel(), 1] > 0
        pieces = np.where(given[counted], amount[counted], 1.0)
        with np.errstate(over="ignore", invalid="ignore"):  # the catalog reports what overflows
            guess = np.where(np.isnan(usual[counted]), pieces * UNKNOWN_PIECE_ML, usual[counted])
            volume[counted] = np.where(np.isnan(each), guess, pieces * each)
        is_unknown = (kind[counted] == _Kind.UNKNOWN) & ~known
        reading[counted] = np.select(
            [is_unknown, ~known], [Reading.UNKNOWN_UNIT, Reading.GUESSED], Reading.WRITTEN
        )

    sound = (volume > 0) & np.isfinite(volume) & used & (reading == Reading.WRITTEN)
    bare = (kind == _Kind.NO_UNIT) & given & used
    positive = bare & (amount > 0) & np.isfinite(amount)
    reading[bare] = Reading.BARE_GUESSED
    if positive.any():
        jigger = np.array([m is not None and m.name in _JIGGERS for m in meaning] + [False])
        shows = sound & ~bare & given & (kind != _Kind.FIXED) & (amount > 0)
        reader = BareAmounts(
            known=shows,
            jigger=jigger[unit],
            bare=positive,
            amount=amount,
            volume_ml=volume,
            ingredient=ingredient,
            recipe=recipe,
            names=names,
            parents=parents,
        )
        for line in np.flatnonzero(positive).tolist():
            volume[line], reading[line] = reader.read(
                float(amount[line]), int(ingredient[line]), int(recipe[line])
            )

    # what was seasoned "to taste", and what has no amount: as much as elsewhere
    absent = used & ~given & ((kind == _Kind.NO_UNIT) | ((kind == _Kind.SIZED) & ~single[unit]))
    loose = absent | ((kind == _Kind.TASTE) & used)
    if loose.any():
        elsewhere = _median_poured(volume, ingredient, sound & ~loose & ~bare)
        for line in np.flatnonzero(loose).tolist():
            i = int(ingredient[line])
            piece = None if is_poured(names[i]) else piece_volume_ml(None, names[i])
            is_piece = piece is not None and kind[line] != _Kind.SIZED
            volume[line] = piece if is_piece else elsewhere.get(i, NO_AMOUNT_ML)
        reading[loose] = np.where(absent[loose], Reading.MISSING, Reading.GUESSED)
    return Poured(volume, reading)


def _kind(unit: Unit, meaning: Meaning | None) -> _Kind:
    """Return what to do with a unit; the contract's names come first."""
    name = " ".join(unit.name.split()).casefold()
    if name == PIECE:
        return _Kind.PIECE
    if fixed_volume_ml(unit.name) is not None:
        return _Kind.FIXED
    if meaning is not None and meaning.kind in {"top", "rinse"}:
        return _Kind.FIXED
    if unit.conversion_to_ml is not None:
        return _Kind.SIZED
    if _NO_UNIT.fullmatch(fold(unit.name)) and not fold(unit.abbreviation or ""):
        return _Kind.NO_UNIT
    by_table = {"piece": _Kind.PIECE, "container": _Kind.CONTAINER, "taste": _Kind.TASTE}
    return _Kind.UNKNOWN if meaning is None else by_table[meaning.kind]


def _fixed_ml(unit: Unit, meaning: Meaning | None) -> float:
    own = fixed_volume_ml(unit.name)
    if own is not None:
        return own
    return meaning.ml or np.nan if meaning is not None else np.nan


def _piece(
    unit: Unit,
    kind: _Kind,
    meaning: Meaning | None,
    ingredient: int,
    names: Sequence[str],
    parents: NDArray[np.int32],
) -> tuple[float, bool]:
    """Return the volume of one, NaN where nothing tells it, and whether a word does."""
    if kind == _Kind.CONTAINER and meaning is not None:
        lineage, node = [], ingredient
        while node >= 0:
            lineage.append(names[node])
            node = int(parents[node])
        whole, is_told = container_volume_ml(meaning.name, lineage)
        return meaning.share * whole, is_told
    if kind == _Kind.UNKNOWN:
        by_unit = piece_volume_ml(unit.name, "")
        name = names[ingredient]
        by_name = None if is_poured(name) else piece_volume_ml(None, name)
        return by_unit or by_name or np.nan, by_unit is not None
    size = meaning.ml if meaning is not None and meaning.ml else None
    size = size or piece_volume_ml(unit.name, names[ingredient])
    return size or np.nan, size is not None


def _median_poured(
    volume: NDArray[np.float64], ingredient: NDArray[np.int32], measured: NDArray[np.bool_]
) -> dict[int, float]:
    """Return the median volume of each ingredient's measured lines, in ml."""
    order = np.lexsort((volume[measured], ingredient[measured]))
    key, ordered = ingredient[measured][order], volume[measured][order]
    own, start, count = np.unique(key, return_index=True, return_counts=True)
    low, high = ordered[start + (count - 1) // 2], ordered[start + count // 2]
    return dict(zip(own.tolist(), (0.5 * (low + high)).tolist(), strict=True))
