"""Amounts that no glass holds, such as the number that a spreadsheet makes of a date."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from analytics_core.source.findings import Findings
from analytics_core.source.unit_table import unit_meaning

MOST_ML = 10_000.0
"""Of one line: a large bowl of punch, in milliliters."""


def is_huge(amount: float | None, unit: str, ml: float | None = None) -> bool:
    """Whether a line is more than any glass or bowl holds; what has no unit counts as milliliters.

    Parameters
    ----------
    amount
        In the unit; None where there is none.
    unit
        What it is called.
    ml
        Milliliters of one, where the database says so.
    """
    if amount is None or not math.isfinite(amount) or amount <= 0:
        return False
    return amount * (ml if ml is not None and math.isfinite(ml) else _ml(unit)) > MOST_ML


def report_huge(examples: Sequence[str], findings: Findings) -> None:
    """Report lines with such amounts."""
    findings.add(
        "huge-amount",
        "Found {} of more than 10 liters; the number may be a date that a spreadsheet made of a"
        " fraction: 45659 is January 2, 2025.",
        ("line", "lines"),
        examples,
    )


@lru_cache(maxsize=4096)
def _ml(unit: str) -> float:
    meaning = unit_meaning(unit)
    return 1.0 if meaning is None or meaning.ml is None else meaning.ml * meaning.share
