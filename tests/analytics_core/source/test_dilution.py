"""How much water ice adds, against figures worked out from the published fits on paper."""

from __future__ import annotations

import math

import pytest

from analytics_core.source.dilution import find_dilution

NAN = math.nan


@pytest.mark.parametrize(
    ("method", "abv", "percent"),
    [
        # 0.145 + 1.246 · 0.3 - 1.21 · 0.09: a stirred Manhattan grows by about two fifths
        ("Stir", 30.0, 40.99),
        ("stirred, then strained", 0.0, 14.5),
        # 0.203 + 1.742 · 0.25 - 1.567 · 0.0625: a shaken Daiquiri by more than half
        ("Shake", 25.0, 54.06),
        ("Hard SHAKEN", 0.0, 20.3),
    ],
)
def test_the_method_tells(method: str, abv: float, percent: float) -> None:
    assert find_dilution(method, NAN, abv) == pytest.approx(percent, abs=0.01)


def test_the_owner_knows_better() -> None:
    assert find_dilution("Shake", 25.0, 30.0) == 25
    assert find_dilution("Build", 0.0, NAN) == 0


@pytest.mark.parametrize(("method", "abv"), [("", 30.0), ("Build", 30.0), ("Stir", NAN)])
def test_where_nothing_tells_nothing_is_said(method: str, abv: float) -> None:
    assert math.isnan(find_dilution(method, NAN, abv))
