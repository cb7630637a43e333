"""How people write amounts: ``1 1/2 oz``, ``¾``, ``0,5 cl``, ``2–3 dashes``, ``2 x 25 ml``.

Words for numbers stand in ``numbers.toml``.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
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
_AND_WORD = r"and|und|et|e|y|og|och|i|en|и"
_AND = rf"\s|\s?[-&+]\s?|\s(?:{_AND_WORD})\s"
_MIXED = rf"(?:\d+(?:{_AND})(?={_FRACTION}))?{_FRACTION}"
_VALUE = rf"(?:{_MIXED}|{_NUMBER})"
_TO_WORD = r"to|or|bis|oder|à|a|ou|o|al|of|tot|do|až|lub|till|til|eller|до|или"
_NUMERAL = re.compile(_VALUE)
_TO = re.compile(rf"\s?-\s?|\s(?:{_TO_WORD})\s")
_TIMES = re.compile(rf"(\d+)\s?[x×*]\s?(?={_VALUE})", re.IGNORECASE)
_ABOUT = re.compile(
    r"(?:[~≈<>=+]|(?:ca|circa|approx|approximately|about|around|etwa|ungefähr|env|environ|aprox|"
    r"cerca de|unos|about|ok|около)\b\.?)\s*",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"(?:between|zwischen|entre|tra|fra|tussen|między|mezi|mellan|mellem|mellom|между)\s+"
    rf"({_VALUE})\s+(?:and|und|et|e|y|og|och|i|en|a|и)\s+(?={_VALUE})",
    re.IGNORECASE,
)
_GAP_IN_WORDS = re.compile(r"[\s-]+")
_AND_IN_WORDS = re.compile(rf"(?:{_AND_WORD}|&|\+|a|с|with)\s+")  # "jedna a půl", "с половиной"
_OF = re.compile(r"(?:\s+(?:of|de|di|von|van|af|av)\b|')\s*")
_TWO = re.compile(  # in Danish and Norwegian; no "to top" in English
    r"to(?=\s+[^\W\d_])(?!\s+(?:top|taste|rinse|fill|coat|float|garnish|rim|serve|finish|cover|the|"
    r"lengthen|decorate|make|mix|your|be|a)\b)"
)
_NO_PART = re.compile(r"half[\s-](?:wheel|slice)")  # units of their own, see units.toml
_LONGEST = 200  # letters: no amount is longer, and reading on would take for ever
_GAP = r"(?:[\s(]+|(?<=[\u3040-\u30ff\u4e00-\u9fff]))"  # Japanese has no blanks
_BEHIND = re.compile(rf"([^\W\d_][^\d.,/]*?){_GAP}(?={_VALUE})")  # "juice of 1/2"
_NOTHING = re.compile(r"[\s\-.?*_•·…✓✔]*|n/?a|null|none", re.IGNORECASE)
_BROKEN = re.compile(r"#¡?[^\W\d_]\S*|err:\d+|[^\w\s]+", re.IGNORECASE)  # "#REF!", "#N/A", "∞"
_KANJI = {kanji: str(place) for place, kanji in enumerate("一二三四五六七八九十", start=1)}
_DASHES = str.maketrans(
    dict.fromkeys("‐‑‒–—―−〜～~", "-") | {"⁄": "/", "∕": "/", "’": "'", "٬": "'"}
)
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

_UNCLEAR = re.compile(r"(?<![\d.,'/])[1-9]\d{0,2}[.,]\d{3}(?![\d.,'/])")
_APOSTROPHES = re.compile(r"\d{1,3}(?:'\d{3})+(?:[.,]\d+)?")
# A usual blank may stand between two numbers, "1 750 ml bottle", but where nothing else is there.
_GROUPED = re.compile(
    r"(?<![\d.,/])\d{1,3}(?:[\u00a0\u2007\u2009\u202f]\d{3})+(?!\d)"
    r"|\A\s*\d{1,3}(?:\s\d{3})+(?:[.,]\d+)?\s*\Z"
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
    text = text.strip()
    plain = spelled_out(text[: 2 * _LONGEST])
    if len(text) > 2 * _LONGEST:
        return Quantity(float("nan"), plain)
    if _NOTHING.fullmatch(plain):
        return Quantity(None)
    if len(plain) > _LONGEST or _DATE.fullmatch(plain) or _BROKEN.fullmatch(plain):
        return Quantity(float("nan"), plain)
    plain = _ABOUT.sub("", plain, count=1) if _ABOUT.match(plain) else plain
    plain = _BETWEEN.sub(r"\1 - ", plain, count=1)
    negative = plain.startswith("-")
    plain = plain.removeprefix("-").lstrip()
    factor = 1.0
    times = _TIMES.match(plain)
    if times:
        factor, plain = float(times[1]), plain[times.end() :]
    read = _Reader(plain, decimal)
    start, before = 0, ""
    found = read.number(0)
    if found is None:
        start = read.behind()
        found = read.number(start) if start else None
        if found is None:
            return Quantity(None, plain)
        before = plain[:start].rstrip(" (")
    values, end = [found[0]], found[1]
    to = _TO.match(plain, end)
    high = read.number(to.end()) if to else None
    in_words = to is not None and plain[to.end() : to.end() + 1].isalpha()
    if to and high and _is_range(values[0], high[0], to[0], in_words=in_words):
        values, end = [values[0], high[0]], high[1]
    rest = plain[end:].strip().lstrip("-.,;:").strip()
    # no "two 1 oz shots", "1 (30 ml)", "1 + 1 oz"
    is_cut = plain[start].isdigit() and re.match(r"(?:[^\w\s(\[+&=]|_)?\s?\d", rest)
    if any(value is None for value in values) or is_cut:
        return Quantity(float("nan"), plain)
    amount = factor * sum(value or 0.0 for value in values) / len(values)
    if len(rest) > 1 and rest.endswith("半"):  # "1個半"
        amount, rest = amount + 0.5, rest.removesuffix("半")
    return Quantity(-amount if negative else amount, rest or before)


def _is_range(low: float | None, high: float | None, to: str, *, in_words: bool) -> bool:
    """Whether two numbers are the ends of a range: not "3/4 of an ounce", "2 of a kind"."""
    if low is None or high is None:
        return True
    is_of = to.strip() == "of"
    return not (in_words or is_of) or (high > low and (low >= 1 or not is_of))


def decimal_mark(texts: Iterable[str], otherwise: Mark | None = None) -> Mark | None:
    """Return the decimal mark that a column of amounts is written with; None where two show.

    Parameters
    ----------
    texts
        The column.
    otherwise
        What is returned where none shows.

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
    if not shown:
        return otherwise
    return shown.pop() if len(shown) == 1 else None


def is_unclear(text: str) -> bool:
    """Whether a text has a number that may be of thousands, or have three decimals.

    Examples
    --------
    >>> is_unclear("1.500 ml"), is_unclear("0,500"), is_unclear("1.500,0")
    (True, False, False)
    """
    return _UNCLEAR.search(text) is not None


def join_thousands(text: str) -> str:
    """Return a text without the blanks that group thousands: those that break no line.

    Examples
    --------
    >>> join_thousands("1\u202f500 ml"), join_thousands("1 750 ml bottle")
    ('1500 ml', '1 750 ml bottle')
    """
    return _GROUPED.sub(lambda found: re.sub(r"\s", "", found[0]), text)


def spelled_out(text: str) -> str:
    """Return a text with its fractions spelled out, one kind of dash and single blanks."""
    letters = []
    for letter in text:
        if unicodedata.category(letter) == "No" and "⁄" in unicodedata.normalize("NFKC", letter):
            letters.append(f" {unicodedata.normalize('NFKC', letter)}")
        else:  # digits of any script
            letters.append(str(unicodedata.decimal(letter, letter)))
    # more than three digits: behind the Arabic decimal sign there are no thousands
    plain = re.sub(r"٫(\d+)", r".\g<1>000", join_thousands("".join(letters)))
    about = plain.strip().removeprefix("~").removeprefix("～")
    plain = " ".join(unicodedata.normalize("NFKC", about).translate(_DASHES).split())
    plain = re.sub(r"(?<=\d)、(?=\d)", "-", plain)
    if plain[:1] == "半":
        return f"1/2 {plain[1:]}".rstrip()
    if plain[:1] in _KANJI:
        return f"{_KANJI[plain[:1]]} {plain[1:]}".rstrip()
    return f"{plain[:-1]} {_KANJI[plain[-1]]}" if plain[-1:] in _KANJI else plain


@dataclass(frozen=True, slots=True)
class _Word:
    """What a word says: a part of one, a count, or a group."""

    kind: str
    value: float


@cache
def _words() -> tuple[Mapping[str, _Word], re.Pattern[str]]:
    """Return the words of ``numbers.toml``, bare, and a pattern that finds one."""
    text = resources.files(__package__).joinpath("numbers.toml").read_text(encoding="utf-8")
    words = {
        _bare(" ".join(word.split())): _Word(kind, float(value))
        for kind, table in tomllib.loads(text).items()
        for value, listed in table.items()
        for word in listed.split(",")
    }
    longest_first = sorted(words, key=len, reverse=True)
    return words, re.compile(rf"\b(?:{'|'.join(longest_first)})\b")


def _bare(text: str) -> str:
    """Return a text without case and accents, letter for letter."""
    bases = (unicodedata.normalize("NFKD", letter)[0].lower() for letter in text)
    return "".join("l" if base == "ł" else base[:1] for base in bases)


@lru_cache(maxsize=16384)
def has_part(text: str) -> bool:
    """Whether a text has a word for a part of one: half, quarter, tercio, demi.

    Examples
    --------
    >>> has_part("large half oz"), has_part("demi-once"), has_part("ounce")
    (True, True, False)
    """
    words, pattern = _words()
    return any(
        words[m[0]].kind == "fractions"
        for m in pattern.finditer(_bare(spelled_out(text[:_LONGEST])))
    )


def leading_part(text: str) -> Quantity | None:
    """Return the part of one that a text begins with, and what of: "half a jigger"."""
    read = _Reader(spelled_out(text), None)
    found = read.number(0) if not text[:1].isdigit() else None
    if found is None or not found[0] or not found[0] < 1:
        return None
    return Quantity(found[0], read.plain[found[1] :].strip(" -"))


def begins_with_number(text: str) -> bool:
    """Whether the first thing in a text is a number, in digits or in words."""
    return _Reader(spelled_out(text), None).number(0) is not None


def part_of_one(text: str) -> float | None:
    """Return the part that a text names alone, "half" or "a quarter", or None."""
    return _Reader(spelled_out(text), None).part()


class _Reader:
    """A text of which numbers are read, in digits or in words."""

    def __init__(self, plain: str, decimal: Mark | None) -> None:
        self.plain, self.decimal, self.bare = plain, decimal, _bare(plain)

    def number(self, start: int) -> tuple[float | None, int] | None:
        """Return the number that begins here, None for one that is none, and where it ends."""
        numeral = _NUMERAL.match(self.plain, start)
        if numeral is None:
            return self._spelled(start)
        value, end = _value(numeral[0], self.decimal), numeral.end()
        if value is None:
            return value, end
        return self._more(value, end)

    def part(self) -> float | None:
        """Return the part of one that is all there is."""
        part = self._part(0)
        return part[0] if part and not self.plain[part[1] :].strip(" .") else None

    def behind(self) -> int:
        """Return where a number begins behind words, "juice of 1/2"; 0 for nowhere."""
        numeral = _BEHIND.match(self.plain)
        if numeral:
            return numeral.end()
        words, pattern = _words()
        for found in pattern.finditer(self.bare):
            start = found.start()
            part = words[found[0]].kind != "groups" and self._spelled(start)
            if start and part and part[0] < 1 and self.plain[part[1] :].strip():
                return start
        return 0

    def _spelled(self, start: int) -> tuple[float, int] | None:
        """Read "a dash", "half oz", "three quarters", "one and a half", "a few", "two"."""
        words, pattern = _words()
        danish = _TWO.match(self.bare, start)
        first = danish or pattern.match(self.bare, start)
        if first is None or _NO_PART.match(self.bare, start):
            return None
        word, end = _Word("counts", 2.0) if danish else words[first[0]], first.end()
        value, kind = word.value, word.kind
        while (gap := _GAP_IN_WORDS.match(self.bare, end)) is not None:
            of = _OF.match(self.bare, end) if kind == "fractions" else None
            if of and (one := re.compile(r"1\b(?![.,/])").match(self.bare, of.end())):
                return value, one.end()  # "half of 1 lime"
            following = pattern.match(self.bare, of.end() if of else gap.end())
            then = words[following[0]] if following else _Word("", 0.0)
            is_part = kind == "counts" and then.kind == "fractions"
            is_part = is_part and not _NO_PART.match(self.bare, gap.end())
            is_one = kind == "fractions" and then.kind == "counts" and then.value == 1
            if following is None or not (is_part or is_one or then.kind == "groups"):
                break
            value, end = value * then.value, following.end()
            kind = "" if is_one or then.kind == "groups" else then.kind
        if end == len(self.bare) and end == first.end() and (value < 1 or end - start < 3):
            return None  # "half" is a unit, "a" says nothing
        if kind == "counts":
            value, end = self._more(value, end)
        elif kind == "fractions" and (of := _OF.match(self.bare, end)):
            end = of.end()
        return value, end

    def _more(self, value: float, end: int) -> tuple[float, int]:
        """Read what goes on behind a number: "and a half", "dozen"."""
        words, pattern = _words()
        gap = _GAP_IN_WORDS.match(self.bare, end)
        start = gap.end() if gap else end
        group = pattern.match(self.bare, start)
        if group and words[group[0]].kind == "groups":
            return value * words[group[0]].value, group.end()
        joint = _AND_IN_WORDS.match(self.bare, start) if gap else None
        if joint is None:
            return value, end
        part = self._part(joint.end())
        return (value + part[0], part[1]) if part else (value, end)

    def _part(self, start: int) -> tuple[float, int] | None:
        """Return the part of one that is said here, alone or before a unit."""
        words, pattern = _words()
        found = pattern.match(self.bare, start)
        if found is None:
            return None
        if words[found[0]].kind == "fractions":
            return words[found[0]].value, found.end()
        spelled = self._spelled(start)
        return spelled if spelled and spelled[0] < 1 else None


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
    if "'" in text and not _APOSTROPHES.fullmatch(text):
        return None
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
