"""Which unit a text means: the table of units (``units.toml``), and how texts are compared."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["measure", "bar", "container", "piece", "top", "rinse", "taste", "sized"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Letters that no accent makes, as people write them who lack the key.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ı": "i"})
LONGEST = 200
"""Letters of a name that are looked at: a hostile one may have millions."""
_MOST_WORDS = 4  # "colher de sopa", "cuillère à soupe", "mit auffüllen"
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
        Of a piece: half a lime.
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


_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*([^\W\d_]+(?:\s[^\W\d_]+)?)")


@lru_cache(maxsize=16384)
def unit_meaning(name: str | None, abbreviation: str | None = None) -> Meaning | None:
    """Return what a unit means, by its name, else by its abbreviation, or None.

    The whole text counts first, then the text without brackets, then a size written in it,
    ``bottle (330 ml)``, then the words in it: ``large leaves``, ``oz, chilled``.

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
    """
    texts = [(text or "")[:LONGEST] for text in (name, abbreviation)]
    for text in texts:
        found = _exact(text)
        if found is not None:
            return found if found.kind == "measure" else _sized(text) or found
    for text in texts:
        found = _sized(text) or _inside(fold(text).split())
        if found is not None:
            return found
    return None


def _exact(text: str) -> Meaning | None:
    # "dash(es)" loses its brackets in `key_of`, "ounces (us)" here
    plain = re.sub(r"\([^)]*\)|\[[^]]*\]", " ", text)
    singular = re.sub(r"\((e?s|en|n)\)", "", text)
    for candidate in (text, singular, plain):
        found = _by_key().get(key_of(candidate))
        if found is not None:
            return found
    return None


def _sized(text: str) -> Meaning | None:
    """Return a container with its size in the name: "bottle (330 ml)", "1.5 oz jigger"."""
    for size_in in _SIZE.finditer(text):
        head = _inside(fold(text[: size_in.start()]).split())
        if head is not None and head.kind == "measure":
            return None  # "ml / 2 fl oz" says one amount twice
        for words in (size_in[2], size_in[2].split()[0]):
            meaning = _exact(words)
            if meaning is not None and meaning.kind == "measure" and meaning.ml:
                size = float(size_in[1].replace(",", ".")) * meaning.ml
                return Meaning(text.strip(), "sized", size) if size > 0 else None
    return None


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
