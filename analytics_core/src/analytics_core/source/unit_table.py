"""Which unit a text means: the table of units (``units.toml``), and how texts are compared."""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal, TypeAlias, get_args

from analytics_core.source.quantities import (
    Quantity,
    begins_with_number,
    has_part,
    parse_quantity,
    part_of_one,
    spelled_out,
)

Kind: TypeAlias = Literal["measure", "bar", "container", "piece", "top", "rinse", "taste", "sized"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Letters that no accent makes, as people write them who lack the key.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ı": "i"})
LONGEST = 200
"""Letters of a name that are looked at: a hostile one may have millions."""
_MOST_WORDS = 4  # "colher de sopa", "cuillère à soupe", "mit auffüllen"
_DIGIT = re.compile(r"(?<![^\W_])[.,]?\d")
_LEFT_OVER = re.compile(r"\d\s?/\s?\d|(?:\+|\bplus\b)\s*\d", re.IGNORECASE)
_MOST_ML = 10_000.0
_MOST_APART = 1.3  # as a ratio: two sizes in one name that are one
PIECE = "each"
_LEAST_INSIDE = 3  # letters of a spelling that counts inside of a longer text: no "l" in "large"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a unit stands for.

    Attributes
    ----------
    name
        Its name in the table: ``ounce``, ``to_top``.
    kind
        Where its volume comes from, see ``units.toml``; ``sized`` where its own name says it.
    ml
        Milliliters of one; None where that depends on the ingredient.
    share
        Of a piece or a container: half a lime, half a bottle.
    """

    name: str
    kind: Kind
    ml: float | None = None
    share: float = 1.0


def read_table(name: str) -> dict[str, Any]:
    """Return a TOML file of this package."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Return a text's words in one case, without accents and signs, single blanks between them.

    Examples
    --------
    >>> fold(" Fl. Oz"), fold("Łyżka"), fold("Cuillère-à-café (rase)")
    ('fl oz', 'lyzka', 'cuillere a cafe rase')
    """
    letters = unicodedata.normalize("NFKD", text).casefold()
    # accents of Latin and Cyrillic; what voices a Japanese sound is another letter
    letters = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", letters))
    letters = unicodedata.normalize("NFC", letters).translate(_LETTERS)
    return " ".join(re.findall(r"\w+", letters.replace("_", " ")))


def key_of(text: str) -> str:
    """Return what two spellings of one unit have in common: no blanks either."""
    return fold(text).replace(" ", "")


@cache
def meanings() -> Mapping[str, Meaning]:
    """Return the table's units by name."""
    return {
        name: Meaning(name, entry["kind"], entry.get("ml"), entry.get("share", 1.0))
        for name, entry in read_table("units.toml").items()
    }


def spellings() -> Iterator[tuple[str, Meaning]]:
    """Yield every spelling in the table as it stands there, and what it means."""
    for name, entry in read_table("units.toml").items():
        for language, text in entry.items():
            if language not in {"kind", "ml", "share"}:
                for spelling in text.split(","):
                    yield spelling.strip(), meanings()[name]


@cache
def _by_key() -> Mapping[str, Meaning]:
    return {key_of(spelling): meaning for spelling, meaning in spellings()}


@lru_cache(maxsize=16384)
def unit_meaning(name: str | None, abbreviation: str | None = None) -> Meaning | None:
    """Return what a unit means, by its name, else by its abbreviation, or None.

    The whole text counts first, then the text without brackets, then a size or a number written in
    it, ``bottle (330 ml)``, ``1/2 oz``, ``half ounce``, then the words in it: ``large leaves``,
    ``oz, chilled``. A text with a number that does not fit its unit means nothing.

    Parameters
    ----------
    name, abbreviation
        As the owner writes them.

    Examples
    --------
    >>> unit_meaning("Fl. Oz").name, unit_meaning("TOP-UP").name, unit_meaning("Blätter").ml
    ('ounce', 'to_top', 0.6)
    >>> unit_meaning("can (330 ml)").ml, unit_meaning("smidgen")
    (330.0, None)
    >>> unit_meaning("1/2 oz").ml, unit_meaning("cuarto de litro").ml, unit_meaning("oz, half")
    (14.78675, 250.0, None)
    """
    texts = [(text or "")[:LONGEST] for text in (name, abbreviation)]
    for text in texts:
        found = exact_meaning(text)
        if found is not None:
            if any(_is_part(inside) for inside in re.findall(r"[(\[]([^)\]]*)", text)):
                return None  # "oz (half)"
            is_sized = found.kind != "measure" and _DIGIT.search(spelled_out(text))
            return (_sized(text) if is_sized else None) or found
        found = _sized(text)
        if found is not None or (text and not _fits(text, _inside(fold(text).split()))):
            return found if found and _fits(text, found) else None  # before an abbreviation "oz"
    for text in texts:
        found = _inside(fold(text).split())
        if found is not None:
            return found
    return None


def exact_meaning(text: str) -> Meaning | None:
    """Return what a text means that is a spelling in the table as a whole, brackets aside."""
    # "dash(es)" loses its brackets in `key_of`, "ounces (us)" here
    plain = re.sub(r"\([^)]*\)|\[[^]]*\]", " ", text)
    singular = re.sub(r"\((e?s|en|n)\)", "", text)
    for candidate in (text, singular, plain):
        found = _by_key().get(key_of(candidate))
        if found is not None:
            return found
    return None


def _is_part(text: str) -> bool:
    return part_of_one(text) is not None or 0 < (_number_alone(text) or 0) < 1


def _number_alone(text: str) -> float | None:
    number = parse_quantity(text)
    return None if number.unit else number.amount


def _fits(text: str, found: Meaning | None) -> bool:
    """Whether a meaning takes up the numbers in the text: not "oz, half", "20 ml + 1 dash"."""
    if found is None:
        return True
    if found.kind == "sized":
        return found.ml is not None
    needs_one = found.kind in {"measure", "bar", "container"} and found.share == 1.0
    return not (needs_one and (has_part(text) or _LEFT_OVER.search(spelled_out(text))))


def _sized(text: str) -> Meaning | None:
    """Return what has a size or a number in its name: "bottle (330 ml)", "1/2 oz", "half ounce".

    Without milliliters where sizes contradict each other.
    """
    plain = spelled_out(text)
    found = list(_sizes_in(plain))
    if not found:
        return _in_words(re.split(r"[\d(\[]", plain)[0].strip())
    measured = [size for size, is_measure in found if is_measure]
    volumes = [size.ml for size in measured if size.ml]
    is_sum = re.search(r"(?:\+|\bplus)\s*\d", plain.partition(" ")[2])
    if is_sum or (volumes and max(volumes) > _MOST_APART * min(volumes)):
        return Meaning(plain, "sized", None)
    return measured[0] if measured else found[0][0]


def _sizes_in(plain: str) -> Iterator[tuple[Meaning, bool]]:
    """Yield what the numbers in a text are the sizes of, and whether in a measure."""
    start = 0
    while number := _DIGIT.search(plain, start):
        head = _inside(fold(plain[: number.start()]).split())
        if head is not None and head.kind == "measure" and start == 0:
            return  # "ml / 2 fl oz" says one amount twice
        quantity = parse_quantity(plain[number.start() :])
        start = max(number.end(), len(plain) - len(quantity.unit))
        words = quantity.unit.rstrip(")] ").split()
        leading = (exact_meaning(" ".join(words[:count])) for count in range(_MOST_WORDS, 0, -1))
        meaning = _in_words(quantity.unit) if has_part(quantity.unit) else None
        meaning = meaning or next((found for found in leading if found is not None), None)
        if number.start() == 0 and meaning is None:
            meaning = _inside(words)
        if meaning is None or meaning.name == "chunk":  # "2 inch strip" is one
            continue
        is_measure = meaning.kind in {"measure", "sized"}
        if is_measure or number.start() == 0:
            size = _times(quantity, meaning, plain[number.start() :], plain)
            if size is not None:
                yield size, is_measure


def _in_words(plain: str) -> Meaning | None:
    quantity = parse_quantity(plain)
    if quantity.amount is None or not quantity.unit or not plain.endswith(quantity.unit):
        return None
    behind = exact_meaning(quantity.unit) or _inside(fold(quantity.unit).split())
    before = _inside(fold(plain.removesuffix(quantity.unit)).split())
    if before and before.kind in {"measure", "bar", "container"} and not begins_with_number(plain):
        return None  # "oz, half tsp"
    if behind is None and before is not None and before.name == PIECE:
        behind = before  # "juice of half a lime"
    return None if behind is None else _times(quantity, behind, plain, plain)


def _times(quantity: Quantity, one: Meaning, written: str, name: str) -> Meaning | None:
    """Return a multiple of a unit; None where the number is none."""
    amount = quantity.amount or 0.0
    if one.ml and amount * one.ml > _MOST_ML:  # "1,750 l" is no sum of thousands
        amount = parse_quantity(written, ",").amount or 0.0
    if amount == 1.0 or one.kind in {"top", "rinse", "taste"}:
        return one
    ml = amount * one.ml if one.ml else None
    if not (0 < amount < math.inf and (ml is None or 0 < ml < math.inf)):
        return None
    if one.kind == "container":
        return Meaning(one.name, "container", share=amount)
    if one.kind == "piece":
        return Meaning(name, "piece", ml, 1.0 if ml else amount * one.share)
    return Meaning(name, "sized", ml)


def _inside(words: Sequence[str]) -> Meaning | None:
    """Return the unit among words: the first that measures, else the longest spelling."""
    found = []
    for start in range(len(words)):
        for stop in range(start + 1, min(start + _MOST_WORDS, len(words)) + 1):
            key = "".join(words[start:stop])
            meaning = _by_key().get(key)
            if meaning is not None and (
                len(key) >= _LEAST_INSIDE or (meaning.kind == "measure" and len(key) == 2)
            ):
                rank = {"measure": 0, "taste": 2}.get(meaning.kind, 1)
                found.append((rank, (-len(key), start) if rank else (start, -len(key)), meaning))
    return min(found, key=lambda match: match[:2])[2] if found else None


@cache
def piece_words() -> Mapping[str, Meaning]:
    """Return the units that name a part of known size, by each of their spellings, folded."""
    return {
        fold(spelling): meaning
        for spelling, meaning in spellings()
        if meaning.kind == "piece" and meaning.ml is not None
    }
