"""What an ingredient does in a glass: base, lengthener, or neither, told by names alone.

The words are data (``kinds.toml``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Literal, TypeAlias

from analytics_core.naming import singular, words_of

Kind: TypeAlias = Literal["spirit", "other", "lengthener"]
Water: TypeAlias = Literal["water", "soda"]

LEAST_BASE_SHARE = 0.1
"""Share of the glass from which on a spirit is its base: a dash of absinthe is none."""


@dataclass(frozen=True, slots=True)
class _Words:
    phrases: Mapping[tuple[str, ...], Kind | Water]
    endings: Mapping[str, Kind | Water]
    longest: int


@cache
def _words() -> _Words:
    text = resources.files(__package__).joinpath("kinds.toml").read_text(encoding="utf-8")
    table: dict[Kind | Water, list[str]] = tomllib.loads(text)  # type: ignore[assignment]
    endings: dict[Kind | Water, list[str]] = table.pop("endings")  # type: ignore[call-overload]
    phrases = {
        tuple(map(singular, words_of(phrase))): kind
        for kind, listed in table.items()
        for phrase in listed
    }
    return _Words(
        phrases,
        {ending: kind for kind, listed in endings.items() for ending in listed},
        max(map(len, phrases)),
    )


@lru_cache(maxsize=65536)
def _word_of(name: str) -> Kind | Water | None:
    """Return what the last known words of a name say."""
    known = _words()
    words = [singular(word) for word in words_of(name)]
    for end in range(len(words), 0, -1):
        for start in range(max(0, end - known.longest), end):
            kind = known.phrases.get(tuple(words[start:end]))
            if kind is not None:
                return kind
        for ending, kind in known.endings.items():
            if words[end - 1].endswith(ending):
                return kind
    return None


def kind_of_name(name: str) -> Kind | None:
    """Return what a name says; None where no word of it is known.

    Parameters
    ----------
    name

    Examples
    --------
    >>> kind_of_name("Coffee Liqueur"), kind_of_name("Ginger Beer"), kind_of_name("Campari")
    ('other', 'lengthener', None)
    """
    word = _word_of(name)
    return "lengthener" if word == "water" or word == "soda" else word


def water_of(lineage: Sequence[str]) -> Water | None:
    """Return whether an ingredient is water, or soda water; None where it is neither.

    Parameters
    ----------
    lineage
        Names from the root down to the ingredient. The last that says something counts.

    Examples
    --------
    >>> water_of(["Mixers", "Hot Water"]), water_of(["Soda"]), water_of(["Soda", "Tonic Water"])
    ('water', 'soda', None)
    """
    word = next((word for name in reversed(lineage) if (word := _word_of(name))), None)
    return word if word == "water" or word == "soda" else None


def kind_of(lineage: Sequence[str]) -> Kind:
    """Return what an ingredient does, by its name and those above it.

    Parameters
    ----------
    lineage
        Names from the root down to the ingredient. The first that says something counts.
    """
    return next((kind for name in lineage if (kind := kind_of_name(name))), "other")


def choose_base(volumes_ml: Mapping[int, float], kinds: Mapping[int, Kind]) -> int:
    """Return which of a drink's root ingredients is its base.

    The largest spirit, if it makes up a tenth of the glass; else the largest of what neither
    lengthens nor garnishes; else the largest. Of equal ones the first.

    Parameters
    ----------
    volumes_ml
        Of each root, not empty.
    kinds
        Of each root.
    """
    total = sum(volumes_ml.values())
    spirits = [
        root
        for root, volume in volumes_ml.items()
        if kinds[root] == "spirit" and volume >= LEAST_BASE_SHARE * total
    ]
    others = [root for root in volumes_ml if kinds[root] != "lengthener"]
    return max(
        spirits or others or volumes_ml, key=lambda root: (round(volumes_ml[root], 6), -root)
    )
