"""The contract's rules for the volume of a line."""

from __future__ import annotations

import numpy as np
import pytest

from analytics_core.source.units import Unit, line_volumes_ml

UNITS = (
    Unit("Ounce", "oz", 29.5735),
    Unit("Dash", "dash", 0.616115),
    Unit("Each", None, None),
    Unit("TO TOP", None, None),
    Unit("to  Rinse", None, 12.0),
    Unit("Leaf", None, None),
    Unit("Nothing", None, 0.0),
)
NONE = float("nan")


@pytest.mark.parametrize(
    ("amount", "unit", "milliliters"),
    [
        (2.0, 0, 59.147),
        (3.0, 1, 1.848345),
        (0.0, 0, 0.0),
        (NONE, 0, 1.0),
        (5.0, 2, 1.0),
        (NONE, 2, 1.0),
        (3.0, 3, 90.0),
        (NONE, 3, 90.0),
        (NONE, 4, 5.0),
        (2.0, 4, 5.0),  # the name decides, even where a conversion is given
        (8.0, 5, 8.0),
        (NONE, 5, 1.0),
        (8.0, 6, 0.0),
        (45.0, -1, 45.0),
        (NONE, -1, 1.0),
    ],
)
def test_volume_of_one_line(amount: float, unit: int, milliliters: float) -> None:
    volume = line_volumes_ml(np.array([amount]), np.array([unit], dtype=np.int32), UNITS)
    assert volume.tolist() == pytest.approx([milliliters], rel=1e-15, abs=0)


def test_no_lines_and_no_units() -> None:
    nothing = line_volumes_ml(np.empty(0), np.empty(0, dtype=np.int32), ())
    assert nothing.shape == (0,)
    assert nothing.dtype == np.float64
    assert line_volumes_ml(np.array([7.0]), np.array([-1], dtype=np.int32), ()).tolist() == [7.0]


def test_overflow_is_infinite_and_silent() -> None:
    with np.errstate(all="raise"):
        volume = line_volumes_ml(np.array([1e308]), np.array([0], dtype=np.int32), UNITS)
    assert np.isinf(volume[0])
