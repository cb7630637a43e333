"""How people write amounts: ``1 1/2 oz``, ``¾``, ``0,5 cl``, ``2–3 dashes``, ``2 x 25 ml``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

Mark: TypeAlias = Literal[".", ","]
"""The decimal mark; the other one groups thousands."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount, and what is written behind it.

    Attributes
    ----------
    amount
        The middle of a range; None where no number is written, NaN where one is written that
        nobody can read, such as a date.
    unit
        Empty where there is none.
    """

    amount: float | None
    unit: str = ""


_NUMBER = r"\d+(?:\.\d+)?[eE][-+]?\d+|\d+(?:[.,']\d+)*|[.,]\d+"
_FRACTION = r"\d+\s?/\s?\d+"
_AND = r"\s|\s?[-&+]\s?|\s(?:and|und|et|e|y|og|och|i|en|и)\s"
_MIXED = rf"(?:\d+(?:{_AND})(?={_FRACTION}))?{_FRACTION}"
_VALUE = rf"(?:{_MIXED}|{_NUMBER})"
_TO = r"(?:\s?-\s?|\s(?:to|or|bis|oder|à|a|ou|o|al|of|tot|do|až|lub|till|til|eller|до|или)\s)"
_READ = re.compile(rf"(?P<low>{_VALUE})(?:{_TO}(?P<high>{_VALUE}))?(?P<rest>.*)", re.DOTALL)
_TIMES = re.compile(rf"(\d+)\s?[x×*]\s?(?={_VALUE})", re.IGNORECASE)
_ABOUT = re.compile(
    r"(?:[~≈<>=+]|(?:ca|circa|approx|approximately|about|around|etwa|ungefähr|env|environ|aprox|"
    r"cerca de|unos|about|ok|около)\b\.?)\s*",
    re.IGNORECASE,
)
_WORDS = {
    word: float(number)
    for number, words in {
        "0.5": "half",
        "1": "one a an ein eine einen un une una uno um uma een jeden jedna jedno en ett один одна",
        "2": "couple two zwei deux dos due dois duas twee dwa dwie dva dvě två два две",
        "3": "few several three drei trois tres tre três drie trzy tři три",
        "4": "four vier quatre cuatro quattro quatro cztery čtyři fyra fire четыре",
        "5": "five",
        "6": "six",
        "7": "seven",
        "8": "eight",
        "10": "ten",
        "12": "dozen",
    }.items()
    for word in words.split()
}
_WORD = re.compile(r"([^\W\d_]+)\s+(?=\S)")
_LONGEST = 200  # letters: no amount is longer, and reading on would take for ever
_GAP = r"(?:[\s(]+|(?<=[\u3040-\u30ff\u4e00-\u9fff]))"  # Japanese has no blanks
_BEHIND = re.compile(rf"([^\W\d_][^\d.,/]*?){_GAP}(?={_VALUE})")  # "juice of 1/2"
_NOTHING = re.compile(r"[\s\-.?*]*|n/?a|null|none", re.IGNORECASE)
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−〜～~", "-") | {"⁄": "/", "∕": "/", "’": "'"})
_MONTHS = (
    "jan feb mar mär mrz apr may mai maj jun jul aug sep sept oct okt nov dec dez "
    "janv févr mars avr juin juil août ene abr ago dic gen mag giu lug set ott"
)
# what a spreadsheet makes of "1/2": "2-Jan", "01. Feb", "2026-02-01 00:00:00", "1/2/2026"
_MONTH = rf"(?:{'|'.join(_MONTHS.split())})\b\.?"
_DATE = re.compile(
    rf"\d{{1,2}}(?:-|\.\s?){_MONTH}(?:[-. ]+\d+)?|{_MONTH}-\d+|"
    r"\d{4}-\d{1,2}-\d{1,2}.*|\d{1,2}([./-])\d{1,2}\1\d{2,4}",
    re.IGNORECASE,
)

# one or two digits behind a mark, or none but a zero before it: no thousands
_SHOWS: dict[Mark, re.Pattern[str]] = {
    mark: re.compile(rf"(?<![\d.,])(?:\d*\{mark}\d{{1,2}}(?![\d.,])|0?\{mark}\d+)")
    for mark in (".", ",")
}


@lru_cache(maxsize=65536)
def parse_quantity(text: str, decimal: Mark | None = None) -> Quantity:
    """Read an amount and the unit behind it.

    Parameters
    ----------
    text
        Fractions in any form, ranges (their middle), products, numbers in words, ``about``.
    decimal
        The decimal mark of the text, where it is known: ``1,500`` is 1500 or 1.5. Default: a comma
        before three digits groups thousands, any other is a decimal mark.

    Returns
    -------
    Quantity

    Examples
    --------
    >>> parse_quantity("2–3 dashes")
    Quantity(amount=2.5, unit='dashes')
    >>> parse_quantity("1½ oz").amount, parse_quantity("0,5 cl").amount
    (1.5, 0.5)
    """
    plain = _plain(text[: 2 * _LONGEST])
    if _NOTHING.fullmatch(plain):
        return Quantity(None)
    if len(plain) > _LONGEST or _DATE.fullmatch(plain):
        return Quantity(float("nan"), plain)
    plain = _ABOUT.sub("", plain, count=1) if _ABOUT.match(plain) else plain
    negative = plain.startswith("-")
    plain = plain.removeprefix("-").lstrip()
    factor = 1.0
    times = _TIMES.match(plain)
    if times:
        factor, plain = float(times[1]), plain[times.end() :]
    found = _READ.match(plain)
    before = ""
    if not found:
        spelled = _in_words(plain)
        behind = _BEHIND.match(plain) if spelled.amount is None else None
        found = _READ.match(plain, behind.end()) if behind else None
        if not found:
            return spelled
        before = plain[: found.start()].rstrip(" (")
    values = [_value(value, decimal) for value in (found["low"], found["high"]) if value]
    rest = found["rest"].strip().lstrip("-.,;:").strip()
    if any(value is None for value in values) or re.match(r"[.,/]?\d", rest):
        return Quantity(float("nan"), plain)
    amount = factor * sum(value or 0.0 for value in values) / len(values)
    return Quantity(-amount if negative else amount, rest or before)


def decimal_mark(texts: Iterable[str]) -> Mark | None:
    """Return the decimal mark that a column of amounts is written with; None where none shows.

    Examples
    --------
    >>> decimal_mark(["2", "0,5", "1,000"]), decimal_mark(["1.5", "1,000"]), decimal_mark(["½"])
    (',', '.', None)
    """
    shown: set[Mark] = set()
    for text in texts:
        shown.update(
            mark for mark, pattern in _SHOWS.items() if mark in text and pattern.search(text)
        )
    return shown.pop() if len(shown) == 1 else None


def _plain(text: str) -> str:
    """Return a text with its fractions spelled out, one kind of dash and single blanks."""
    letters = []
    for letter in text:
        if unicodedata.category(letter) == "No" and "⁄" in unicodedata.normalize("NFKC", letter):
            letters.append(f" {unicodedata.normalize('NFKC', letter)}")
        else:
            letters.append(letter)
    about = "".join(letters).strip().removeprefix("~").removeprefix("～")
    return " ".join(unicodedata.normalize("NFKC", about).translate(_DASHES).split())


def _in_words(text: str) -> Quantity:
    """Read "a dash", "half oz", "two"; anything else is a unit alone."""
    whole = _WORDS.get(text.casefold())
    if whole is not None and whole >= 1 and len(text) > 2:  # "half" is a unit, "a" says nothing
        return Quantity(whole)
    word = _WORD.match(text)
    amount = _WORDS.get(word[1].casefold()) if word else None
    if word is None or amount is None:
        return Quantity(None, text)
    rest = text[word.end() :]
    more = _WORD.match(rest)
    number = _WORDS.get(more[1].casefold()) if more else None
    if more and number and amount <= 1:  # "half an ounce", "a few leaves"
        amount, rest = amount * number, rest[more.end() :]
    return Quantity(amount, rest)


def _value(text: str, decimal: Mark | None) -> float | None:
    """Return a fraction, a mixed or a decimal number; None for what is none of them."""
    fraction = re.search(rf"{_FRACTION}\Z", text)
    if fraction is None:
        return _decimal(text, decimal)
    above, below = (float(part) for part in fraction[0].split("/"))
    whole = re.match(r"\d+", text[: fraction.start()])
    return (float(whole[0]) if whole else 0.0) + above / below if below else None


def _decimal(text: str, decimal: Mark | None) -> float | None:
    if "e" in text.casefold():
        return float(text)
    text = text.replace("'", "")
    marks = re.findall(r"[.,]", text)
    if not marks:
        return float(text)
    groups = re.split(r"[.,]", text)
    grouped = (
        1 <= len(groups[0]) <= 3
        and groups[0].strip("0")
        and all(len(group) == 3 for group in groups[1:])
    )
    if len(set(marks)) == 2:  # "1,234.5": the last one is the decimal mark
        head = groups[:-1]
        if marks.count(marks[-1]) > 1 or any(len(group) != 3 for group in head[1:]):
            return None
        return float(f"{''.join(head)}.{groups[-1]}")
    if len(marks) > 1:
        return float("".join(groups)) if grouped else None
    groups_thousands = marks[0] != decimal if decimal else marks[0] == ","
    return float("".join(groups)) if grouped and groups_thousands else float(".".join(groups) or 0)
