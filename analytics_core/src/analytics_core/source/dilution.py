"""How much water a drink takes up from ice."""

from __future__ import annotations

import math

from analytics_core.naming import fold

_BY_METHOD = {"shak": (-1.567, 1.742, 0.203), "stir": (-1.21, 1.246, 0.145)}
"""Water as a share of what is poured, by the method's first letters: a quadratic in the alcohol by
volume (0 to 1), which Dave Arnold fitted to measurements (Liquid Intelligence, 2014)."""


def find_dilution(method: str, stored: float, abv: float) -> float:
    """Return what melting ice adds to a drink.

    Parameters
    ----------
    method : str
        How it is made, in the owner's words.
    stored : float
        What the owner says it adds, in percent of what is poured; NaN where nothing is said.
    abv : float
        Alcohol by volume of what is poured, in percent; NaN where it is not known.

    Returns
    -------
    float
        Percent of what is poured; NaN where neither the owner nor the method tells.

    Examples
    --------
    >>> round(find_dilution("Stirred", float("nan"), 30)), find_dilution("Shake", 25, 30)
    (41, 25)
    """
    if not math.isnan(stored):
        return stored
    for beginning, (square, linear, constant) in _BY_METHOD.items():
        if any(word.startswith(beginning) for word in fold(method).split()):
            share = abv / 100
            return 100 * (square * share**2 + linear * share + constant)
    return math.nan
