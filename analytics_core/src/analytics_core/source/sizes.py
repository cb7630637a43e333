"""How large things are, by words in the ingredient's name (``volumes.toml``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from analytics_core.source.unit_table import (
    LONGEST,
    fold,
    meanings,
    piece_words,
    read_table,
    unit_meaning,
)

Words = Mapping[str, float]

UNKNOWN_PIECE_ML = 5.0
"""A piece of which nothing is known."""


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The table; words folded, English in the singular."""

    pieces: tuple[Words, ...]
    poured: frozenset[str]
    usual: Mapping[str, str]
    containers: Mapping[str, Words]
    unknown: Words


@cache
def _sizes() -> _Sizes:
    table = read_table("volumes.toml")
    parts = _words(table["parts"])
    parts |= {_singulars(word): meaning.ml or 0.0 for word, meaning in piece_words().items()}
    containers = table["containers"]
    return _Sizes(
        pieces=(parts, _words(table["things"])),
        poured=frozenset(_listed(table["poured"]["words"])),
        usual={word: name for name, text in table["usual"].items() for word in _listed(text)},
        containers={name: _words(containers[name]) for name in containers if name != "unknown"},
        unknown=containers["unknown"],
    )


def _words(table: Mapping[str, str]) -> dict[str, float]:
    return {word: float(size) for size, text in table.items() for word in _listed(text)}


def _listed(text: str) -> Iterable[str]:
    """Return the words of an entry, which are shorter each than any limit."""
    return (_singulars(word) for word in text.split(","))


def _singulars(text: str) -> str:
    return " ".join(_singular(word) for word in fold(text[:LONGEST]).split())


def _singular(word: str) -> str:
    """Return an English word's singular, as far as words of the bar need it."""
    if word == "leaves":
        return "leaf"
    for ending, single in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("ss", "ss"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending) + single
    return word


def _longest(text: str, words: Iterable[str]) -> str | None:
    """Return the longest of some words that stands in a text."""
    text = f" {text} "
    return max((word for word in words if f" {word} " in text), key=len, default=None)


@lru_cache(maxsize=65536)
def piece_volume_ml(unit: str | None, ingredient: str) -> float | None:
    """Return the volume of one piece by what the unit and the ingredient are called, or None.

    Parameters
    ----------
    unit
        The unit's name; None where the line has none.
    ingredient
        The ingredient's name.

    Examples
    --------
    >>> piece_volume_ml("Leaves", "Mint"), piece_volume_ml("Each", "Egg White")
    (0.6, 30.0)
    >>> piece_volume_ml("half", "Lime"), piece_volume_ml("Blätter", "Minze")
    (12.5, 0.6)
    """
    meaning = unit_meaning(unit) if unit else None
    if meaning is not None and meaning.kind == "piece" and meaning.ml is not None:
        return meaning.ml
    share = 1.0 if meaning is None else meaning.share
    for text in (_singulars(unit or ""), _singulars(ingredient)):
        for group in _sizes().pieces:
            found = _longest(text, group)
            if found is not None:
                return share * group[found]
    return None


@lru_cache(maxsize=65536)
def is_poured(ingredient: str) -> bool:
    """Whether an ingredient's name has a word for something liquid."""
    return _longest(_singulars(ingredient), _sizes().poured) is not None


@lru_cache(maxsize=65536)
def usual_unit_ml(ingredient: str) -> float | None:
    """Return the unit in which an ingredient of this name is always counted, in ml, or None."""
    found = _longest(_singulars(ingredient), _sizes().usual)
    return None if found is None else meanings()[_sizes().usual[found]].ml


def container_volume_ml(container: str, names: Iterable[str]) -> tuple[float, bool]:
    """Return what a container holds of an ingredient, and whether a word tells it.

    Parameters
    ----------
    container
        ``bottle`` or ``can``.
    names
        The ingredient, and those above it, the nearest first.
    """
    sizes = _sizes().containers[container]
    for name in names:
        found = _longest(_singulars(name), sizes)
        if found is not None:
            return sizes[found], True
    return _sizes().unknown[container], False
