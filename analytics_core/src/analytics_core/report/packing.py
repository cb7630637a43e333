"""Whole numbers as text: the base 64 VLQ of source maps, without its sign.

Small numbers are the many ones: below 32 each takes one character, below 1,024 two, where JSON
takes two to five.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import IntArray

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SIGNS = np.frombuffer(_DIGITS.encode("ascii"), np.uint8)
_BITS = 5
_MORE = 1 << _BITS
"""Added to a digit that others follow; digits come lowest first."""


def pack(values: Sequence[int] | IntArray) -> str:
    """Write whole numbers from 0 upwards as one text.

    Raises
    ------
    ValueError
        A number is negative.
    """
    numbers = np.array(values, np.int64)
    if numbers.size and (lowest := numbers.min()) < 0:
        raise ValueError(f"only numbers from 0 upwards are packed, and not {lowest}")
    digits = np.ones(numbers.size, np.int64)
    rest = numbers >> _BITS
    while rest.any():
        digits += rest > 0
        rest >>= _BITS
    text = np.empty(digits.sum(), np.uint8)
    at, rest = np.cumsum(digits) - digits, numbers
    while rest.size:
        more = rest >= _MORE
        text[at] = _SIGNS[rest % _MORE + _MORE * more]
        at, rest = at[more] + 1, rest[more] >> _BITS
    return text.tobytes().decode("ascii")


def unpack(text: str) -> list[int]:
    """Read what `pack` wrote."""
    values, value, place = [], 0, 1
    for sign in text:
        digit = _DIGITS.index(sign)
        value += digit % _MORE * place
        if digit >= _MORE:
            place *= _MORE
        else:
            values.append(value)
            value, place = 0, 1
    return values
