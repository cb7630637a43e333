"""Whole numbers as text: the base 64 VLQ of source maps, without its sign.

Small numbers are the many ones: below 32 each takes one character, below 1,024 two, where JSON
takes two to five.
"""

from __future__ import annotations

from collections.abc import Iterable

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_MORE = 32
"""Added to a digit that others follow; digits come lowest first."""


def _digits(value: int) -> str:
    text = ""
    while value >= _MORE:
        text += _DIGITS[value % _MORE + _MORE]
        value //= _MORE
    return text + _DIGITS[value]


_KNOWN = [_digits(value) for value in range(1 << 14)]


def pack(values: Iterable[int]) -> str:
    """Write whole numbers from 0 upwards as one text.

    Raises
    ------
    ValueError
        A number is negative.
    """
    parts = []
    for value in values:
        if value < 0:
            raise ValueError(f"only numbers from 0 upwards are packed, and not {value}")
        parts.append(_KNOWN[value] if value < len(_KNOWN) else _digits(value))
    return "".join(parts)


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
