"""What stands in one cell and should not: ``1 oz gin``, and ``1 oz gin, 1 oz campari``.

An amount before an ingredient can be taken from it; whole recipes are told, not read as one odd
ingredient.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from analytics_core.source.csv_text import is_unit
from analytics_core.source.quantities import parse_quantity

_BETWEEN = re.compile(r"[;|\n\r•·]|<br\s*/?>|,(?!\d)|(?<=\D),|\s[+&]\s")
_LIST = re.compile(r"\[.*\]|\{.*\}", re.DOTALL)
_QUOTED = re.compile(r"[\"'{\[]")
_MOST_WORDS = 4  # of a unit
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


def with_amount(cell: str) -> tuple[str, str] | None:
    """Return the amount and the ingredient of "1 oz gin"; None where a cell is no such thing.

    Examples
    --------
    >>> with_amount("1 1/2 oz Gin"), with_amount("2 dashes of bitters"), with_amount("7 Up")
    (('1 1/2 oz', 'Gin'), ('2 dashes', 'bitters'), None)
    """
    words = parse_quantity(cell).unit.split() if cell[:1].isnumeric() else []
    for size in range(min(len(words) - 1, _MOST_WORDS), 0, -1):
        name = " ".join(words[size:])
        if is_unit(" ".join(words[:size])) and cell.endswith(name):
            return cell.removesuffix(name).rstrip(), name.removeprefix("of ")
    return None


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
