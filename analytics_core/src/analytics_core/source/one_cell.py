"""Whole recipes in one cell, ``1 oz gin, 1 oz campari``: told, not read as one odd ingredient."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from analytics_core.source.quantities import parse_quantity

_BETWEEN = re.compile(r"[;|\n\r•·]|<br\s*/?>|,(?!\d)|(?<=\D),|\s[+&]\s")
_LIST = re.compile(r"\[.*\]|\{.*\}", re.DOTALL)
_QUOTED = re.compile(r"[\"'{\[]")
_MOST_LETTERS = 10_000
_LEAST_NAMES = 3
"""Names in a cell without amounts: "Sherry, dry" is one ingredient."""


def whole_recipe(
    recipes: Sequence[object], cells: Sequence[str], amounts: Sequence[str] | None
) -> int | None:
    """Return the first line whose ingredient is several, or None.

    Parameters
    ----------
    recipes
        What the recipe of each line is known by.
    cells
        The ingredient of each line, line breaks included.
    amounts
        What is written in the column of amounts; None where there is no column of amounts or units.
    """
    for line, cell in enumerate(cells):
        if _is_list(cell):
            return line
        if amounts is None and sum(map(_begins_with_amount, _pieces(cell))) > 1:
            return line
        if amounts is not None and ("," in cell or ";" in cell or "\n" in cell):
            said = _pieces(amounts[line])
            if len(said) == len(_pieces(cell)) and sum(map(_begins_with_amount, said)) > 1:
                return line
    if amounts is not None:
        return None
    lines_of = Counter(recipes)
    names = [
        line
        for line, cell in enumerate(cells)
        if lines_of[recipes[line]] == 1 and len(_pieces(cell)) >= _LEAST_NAMES
    ]
    return names[0] if 2 * len(names) > len(cells) else None


def _pieces(cell: str) -> list[str]:
    return [piece for text in _BETWEEN.split(cell[:_MOST_LETTERS]) if (piece := text.strip())]


def _is_list(cell: str) -> bool:
    """Whether a cell holds what a program writes of a list: JSON, or Python's own way."""
    text = cell.strip()
    return text.startswith(("[", "{")) and bool(
        _LIST.fullmatch(text) and _QUOTED.match(text[1:].lstrip())
    )


def _begins_with_amount(piece: str) -> bool:
    digits = any(letter.isnumeric() for letter in piece)
    if digits and not piece.lstrip("~.,")[:1].isnumeric():
        return False  # "Licor 43"
    written = parse_quantity(piece)
    return written.amount is not None and bool(written.unit)
