"""A line's amount and unit, from the texts that hold them: one cell or two.

What `parse_quantity` leaves behind a number may hold another: "2oz-3oz", "1 oz + 1 tsp", "1 oz and
a half". It is read here, by what the units are worth; what cannot be is no amount at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from analytics_core.source.findings import Findings
from analytics_core.source.quantities import (
    Mark,
    Quantity,
    leading_part,
    parse_quantity,
    part_of_one,
)
from analytics_core.source.unit_table import Meaning, exact_meaning, fold, unit_meaning

MOST_APART = 1.5
"""How much two measures of one amount may differ, as a ratio: "1 tbsp (20 ml)" is Australian."""

# nobody tears a leaf into quarters: "3/4" leaves are three or four
_WHOLE_ONLY = frozenset({"leaf", "sprig", "dash", "drop", "pod"})
_CONSECUTIVE = re.compile(r"(\d+)\s?[/⁄]\s?(\d+)(?![\d/])")
_UNREADABLE = float("nan")
_PLUS = (
    r"\+|&|\b(?:plus|più|más|mas|mais|плюс|and|und|et|e|y|og|och|i|en|a|и|с|with|con|mit|avec)"
    r"(?=\s|\Z)"
)
_TO = r"-|\b(?:to|or|bis|oder|à|ou|o|al|of|tot|do|až|lub|till|til|eller|до|или)(?=\s|\Z)"
_BEGINS = re.compile(rf"\d+|{_PLUS}|{_TO}", re.IGNORECASE)
# Of a second amount: no line of a recipe has more, and each asks for the rest.
_MOST_BEGINNINGS = 12
_TIMES_BEHIND = re.compile(r"(.*\S)\s?(?:\bx|[×*])\s?(\d+)", re.IGNORECASE)
_SIGN = re.compile(rf"(?P<plus>{_PLUS})|(?P<to>{_TO})|(?P<other>[/=(\[,;])", re.IGNORECASE)
_STRONG = re.compile(r"\+|plus|más|mas|più|mais|плюс", re.IGNORECASE)
# no part of the amount: "2 oz, plus more to taste", "6 leaves and a sprig for garnish"
_APART = re.compile(
    r"\s*(?:a little |some |un peu |noch )?(?:more|extras?|additional|some|mehr|davantage|más|"
    r"altro|mais|meer|więcej|více|mer|mere|ещё|ice)\b|"
    r".*\b(?:garnish|rim|serve|serving|taste|decorate)\b",
    re.IGNORECASE,
)
_OF = re.compile(r"(?:of|de|von|di|van|af|av)\s+", re.IGNORECASE)
_BRACKETS = re.compile(r"\([^)]*\)|\[[^]]*\]")
_SAYS_LITTLE = re.compile(
    r"(?:\s?\b(?:heap(?:ed|ing)|scant|level|generous|large|small|big|medium|good|short|long|fresh|"
    r"full)\b)*"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a line measures.

    Attributes
    ----------
    amount
        None where there is none, NaN where one is written that nobody can read.
    unit
        Empty where there is none.
    is_either
        Whether it is one or the other: "3/4" leaves.
    """

    amount: float | None
    unit: str
    is_either: bool = False


@lru_cache(maxsize=65536)
def measured(amount: str, unit: str, decimal: Mark | None = None) -> Measured:
    """Return the amount and the unit of a line.

    Parameters
    ----------
    amount, unit
        Two cells. Either may hold both, or be empty.
    decimal
        As in `parse_quantity`.

    Examples
    --------
    >>> measured("1½ oz", "").amount, measured("", "2-3 oz").amount, measured("half", "oz").amount
    (1.5, 2.5, 0.5)
    >>> measured("1 oz + 1/2 oz", ""), measured("3/4", "leaves").amount
    (Measured(amount=1.5, unit='oz', is_either=False), 3.5)
    """
    text = amount.strip() or unit.strip()
    found = _in_two(amount, unit, decimal) if amount.strip() else _all_of(unit, decimal)
    if found.amount is None and not amount.strip():
        return Measured(None, unit)
    either = _CONSECUTIVE.match(text)
    meaning = unit_meaning(found.unit) if either else None
    if either and meaning and meaning.name in _WHOLE_ONLY:
        first, second = int(either[1]), int(either[2])
        if first >= 2 and second == first + 1 and found.amount == first / second:
            return Measured(first + 0.5, found.unit, is_either=True)
    return Measured(found.amount, found.unit)


def in_unit(line: Measured, unit: str) -> float | None:
    """Return a line's amount in another unit; NaN where nobody can convert it."""
    one, other = unit_meaning(line.unit), unit_meaning(unit)
    if line.amount is None or line.unit == unit or not line.unit or (one and one == other):
        return line.amount
    ml, other_ml = _worth(one), _worth(other)
    return line.amount * ml / other_ml if ml and other_ml else _UNREADABLE


def report_either(examples: Sequence[str], findings: Findings) -> None:
    """Report amounts that were read as one or the other."""
    findings.add(
        "either-or",
        "Read {} as one or the other, because nobody divides what it counts.",
        ("fraction", "fractions"),
        examples,
    )


def report_unclear(examples: Sequence[str], findings: Findings) -> None:
    """Report amounts of which nothing says whether they are thousands."""
    findings.add(
        "unclear-number",
        "Read {} with three digits behind a point as decimals, behind a comma as thousands, because"
        " nothing says which they are.",
        ("amount", "amounts"),
        examples,
    )


def _in_two(amount: str, unit: str, decimal: Mark | None) -> Quantity:
    """Read an amount and the unit beside it."""
    found = _all_of(amount, decimal)
    if _is_nan(found) or not unit:
        return found
    behind = found.unit
    if not behind:
        return Quantity(found.amount, unit)
    by_cell, by_amount = unit_meaning(unit), unit_meaning(behind)
    joined = _all_of(f"{amount.strip()} {unit}", decimal)
    if joined.amount is not None and fold(joined.unit) == fold(unit):  # "half", "3 quarters", "1+1"
        return joined
    if by_cell is None and by_amount is not None:
        return found
    if found.amount is None:
        says_nothing = _SAYS_LITTLE.fullmatch(fold(behind)) is not None
        fits = by_amount is not None and (
            by_amount == by_cell or by_amount.kind not in {"measure", "bar", "container"}
        )
        return Quantity(None if says_nothing or fits else _UNREADABLE, unit)
    if by_cell and by_amount and by_cell.kind == by_amount.kind == "measure":
        return Quantity(found.amount if _near(by_cell.ml, by_amount.ml) else _UNREADABLE, unit)
    return Quantity(found.amount, unit)


@lru_cache(maxsize=65536)  # or each number within asks anew for all that follow
def _all_of(text: str, decimal: Mark | None) -> Quantity:
    """Read one text to its end."""
    found = parse_quantity(text, decimal)
    if found.amount is None and (more := _after_one(text, decimal)):
        return more
    if found.amount is None or _is_nan(found) or not found.unit:
        return found
    amount, unit = found.amount, found.unit
    times = _TIMES_BEHIND.fullmatch(unit)
    if times:  # "30 ml x 2"
        amount, unit = amount * float(times[2]), times[1]
    if exact_meaning(unit) and not _BRACKETS.search(unit):
        return Quantity(amount, unit)
    lone, of = part_of_one(unit), _OF.match(unit)
    if lone:  # "2 thirds"; "2 halves" are counted
        return Quantity(amount * lone)
    part = parse_quantity(unit[of.end() :], decimal) if of else leading_part(unit)
    if part and part.amount and (of or _worth(unit_meaning(_leading(part.unit)))):
        amount, unit = amount * part.amount, part.unit  # "3/4 of an ounce", "3 quarters oz"
    if len(_BEGINS.findall(unit)) > _MOST_BEGINNINGS:
        return Quantity(_UNREADABLE)
    for head, sign, tail in _seconds(unit):
        both = _both(Quantity(amount, head), sign, tail, decimal)
        if both is not None and (sign != "(" or both.amount != amount):
            return both
    return Quantity(amount, unit)


def _after_one(text: str, decimal: Mark | None) -> Quantity | None:
    """Return "dash or two", "ounce and a half", which begin with one of it."""
    for head, sign, tail in _seconds(text):
        if exact_meaning(head) and sign != "of" and parse_quantity(f"{tail} x").unit == "x":
            found = _all_of(f"1 {text}", decimal)
            return found if found.unit == head and not _is_nan(found) else None
    return None


def _seconds(rest: str) -> Iterator[tuple[str, str, str]]:
    """Yield where a second amount may begin: what stands before it, what joins it, and the rest."""
    for bracket in _BRACKETS.finditer(rest):
        inside = bracket[0][1:-1].strip()
        plus = _STRONG.match(inside)
        if plus:
            yield rest[: bracket.start()].strip(), plus[0], inside[plus.end() :].strip()
        else:
            yield rest[: bracket.start()].strip(), "(", inside
    masked = _BRACKETS.sub(lambda bracket: " " * len(bracket[0]), rest)
    for found in _BEGINS.finditer(masked):
        start = found.start()
        if not found[0][0].isdigit():
            following = masked[found.end() :].strip()
            if start and following and not following[0].isdigit():
                yield rest[:start].strip(), found[0], rest[found.end() :].strip()
            continue
        before = masked[:start]
        if re.search(r"[^\W_][.,]?\Z", before):
            continue  # within a number or a word: "cm3"
        signs = [sign for sign in _SIGN.finditer(before) if not before[sign.end() :].strip()]
        sign = signs[-1] if signs else None
        head = rest[: sign.start() if sign else start].strip(" ,;")
        yield head, sign[0] if sign else "", rest[start:]


def _both(first: Quantity, sign: str, tail: str, decimal: Mark | None) -> Quantity | None:
    """Return what two amounts are together; the first where they say the same; None for no second.

    Parameters
    ----------
    first
        An amount and its unit.
    sign
        What stands between them: "+", "to", "(", or nothing.
    tail
        The second amount, and what follows it.
    """
    amount, unit = first.amount or 0.0, first.unit
    second = _all_of(tail, decimal)
    said = _SIGN.fullmatch(sign)
    adds, spans = bool(said and said["plus"]), bool(said and said["to"])
    if (adds or sign in {"", ",", ";", "("}) and _APART.match(tail):
        return first if adds and unit else None
    part = part_of_one(tail)
    if adds and part:  # "onza y media"
        return Quantity(amount + part, unit)
    if second.amount is None:  # "+ dash", "plus more"
        if not _STRONG.fullmatch(sign):
            return None
        second = Quantity(1.0 if exact_meaning(tail) else _UNREADABLE, tail)
    is_joined = (adds or spans) and sign != "of"
    is_clear = exact_meaning(unit) is not None or not unit
    if _is_nan(second):
        return second if is_clear and is_joined else None
    if not unit and adds:  # "1 + 1", "1 + 1 oz"
        is_sum = _STRONG.fullmatch(sign) is not None
        return Quantity(amount + (second.amount or 0.0) if is_sum else _UNREADABLE, second.unit)
    if not second.unit:
        return _unitless(first, second.amount or 0.0, adds=adds, spans=spans) if is_clear else None
    leading = _leading(second.unit)  # "oz 151 proof" is no second amount
    other = unit_meaning(leading) if is_joined else exact_meaning(leading)
    if other is None:
        is_number = adds and tail[:1].isdigit()  # "1 lime + 1 lemon"
        return Quantity(_UNREADABLE) if is_joined and (is_clear or is_number) else None
    both = _measured_both(first, second, other, sign, adds=adds, spans=spans)
    is_more = second.amount != parse_quantity(tail, decimal).amount
    return Quantity(_UNREADABLE) if both is first and is_more else both  # "1 oz/30 ml + 1 tsp"


def _unitless(first: Quantity, second: float, *, adds: bool, spans: bool) -> Quantity | None:
    """Return "1 oz and a half", "1 oz to 2"."""
    amount = first.amount or 0.0
    if adds:
        return Quantity(amount + second if second < 1 else _UNREADABLE, first.unit)
    if spans:
        return Quantity(0.5 * (amount + second), first.unit)
    return Quantity(_UNREADABLE) if 0 < second < 1 else None  # "1 oz 1/2"


def _measured_both(
    first: Quantity,
    second: Quantity,
    other: Meaning,
    sign: str,
    *,
    adds: bool,
    spans: bool,
) -> Quantity | None:
    """Return what two amounts with units are together, see `_both`."""
    amount, more = first.amount or 0.0, second.amount or 0.0
    one = unit_meaning(first.unit)
    is_same = one == other
    ml, other_ml = (1.0, 1.0) if is_same else (_worth(one), _worth(other))
    are_measures = one is not None and one.kind == other.kind == "measure"
    if not ml or not other_ml:
        return Quantity(_UNREADABLE) if adds or spans else None
    larger, unit = (ml, first.unit) if ml >= other_ml else (other_ml, _leading(second.unit))
    total = (amount * ml + more * other_ml) / larger
    is_told_twice = not is_same and _near(amount * ml, more * other_ml)
    if adds:
        return Quantity(total, unit)
    if spans and (is_same or not _near(amount * ml, more * other_ml, 1.05)):
        return Quantity(0.5 * total, unit)
    if sign == "/" and is_same:
        return Quantity(0.5 * total, unit)
    goes_on = sign in {"", ","} and more * other_ml < ml and exact_meaning(first.unit) is not None
    if not are_measures:  # "2 cl, 1 dash"
        if sign in {"", ","} and other.kind == "bar":
            return Quantity(total if goes_on else _UNREADABLE, unit)
        return None  # "1 shot (25 ml)": the size of one
    if is_told_twice or _near(ml, more * other_ml):
        return first
    return Quantity(total if goes_on else _UNREADABLE, unit)  # "1 cup 2 tbsp"


def _leading(unit: str) -> str:
    """Return the unit that a text begins with, else the text: "oz rum", "fl oz, chilled"."""
    words = unit.rstrip(")] ").split()
    for count in range(min(len(words), 4), 0, -1):
        text = " ".join(words[:count])
        if exact_meaning(text):
            return text
    return unit


def _worth(meaning: Meaning | None) -> float | None:
    """Return the milliliters of one, for what is measured and not counted."""
    is_poured = meaning is not None and meaning.kind in {"measure", "bar", "sized"}
    return meaning.ml if meaning is not None and is_poured else None


def _near(one: float | None, other: float | None, most: float = MOST_APART) -> bool:
    return bool(one and other and max(one, other) <= most * min(one, other))


def _is_nan(found: Quantity) -> bool:
    return found.amount is not None and math.isnan(found.amount)
