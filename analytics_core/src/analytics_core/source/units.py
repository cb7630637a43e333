"""What units mean: the volume of a recipe's line, in milliliters, from its amount and its unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Units that stand for one volume, whatever amount is written beside them.
FIXED_ML = {"to top": 90.0, "to rinse": 5.0, "each": 1.0}
NO_AMOUNT_ML = 1.0


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure; ``conversion_to_ml`` is None for units such as ``Each``."""

    name: str
    abbreviation: str | None
    conversion_to_ml: float | None


def fixed_volume_ml(name: str) -> float | None:
    """Return the volume a unit stands for by name alone, in ml, or None.

    Parameters
    ----------
    name
        The unit's name, in any case.
    """
    return FIXED_ML.get(" ".join(name.split()).casefold())


def line_volumes_ml(
    amount: NDArray[np.float64], unit: NDArray[np.int32], units: Sequence[Unit]
) -> NDArray[np.float64]:
    """Return the volume of every line.

    ``to top`` is 90 ml, ``to rinse`` 5 ml and ``each`` 1 ml. Otherwise an amount in
    a unit with a conversion is their product, an amount without one is taken as
    milliliters, and a line without an amount is 1 ml.

    Parameters
    ----------
    amount : float64 (lines,)
        Amounts in their units; NaN where there is none.
    unit : int32 (lines,)
        Index into `units`; -1 where there is none.
    units
        The units.

    Returns
    -------
    float64 (lines,)
        Milliliters.
    """
    # One more entry at the end serves index -1: no fixed volume and no conversion.
    fixed = np.full(len(units) + 1, np.nan)
    factor = np.ones(len(units) + 1)
    for index, entry in enumerate(units):
        volume = fixed_volume_ml(entry.name)
        if volume is not None:
            fixed[index] = volume
        if entry.conversion_to_ml is not None:
            factor[index] = entry.conversion_to_ml
    with np.errstate(over="ignore", invalid="ignore"):  # the catalog reports what overflows
        measured = np.where(np.isnan(amount), NO_AMOUNT_ML, amount * factor[unit])
    volumes: NDArray[np.float64] = np.where(np.isnan(fixed[unit]), measured, fixed[unit])
    return volumes
