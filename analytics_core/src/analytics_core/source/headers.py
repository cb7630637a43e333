"""What the columns of a table are called, and in which language (``headers.toml``)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

from analytics_core.source.unit_table import fold, key_of, read_table

ENGLISH = "en"


def _keys(text: str) -> frozenset[str]:
    return frozenset(key_of(name) for name in text.split(","))


@cache
def names() -> Mapping[str, frozenset[str]]:
    """Return the words of each field and list, in all languages, as `key_of` has them."""
    return {
        field: _keys(words if isinstance(words, str) else ",".join(words.values()))
        for field, words in read_table("headers.toml").items()
    }


@cache
def _languages() -> Mapping[str, frozenset[str]]:
    """Return the languages of each word."""
    found: dict[str, frozenset[str]] = {}
    for words in read_table("headers.toml").values():
        for language, text in words.items() if not isinstance(words, str) else ():
            for key in _keys(text):
                found[key] = found.get(key, frozenset()) | {language}
    return found


def language_of(header: Sequence[str]) -> str:
    """Return the language that most columns are called in; empty where none is known.

    Of two that are as frequent it is not English, of which others have words too.

    Examples
    --------
    >>> language_of(["Cocktail", "Zutat 1", "Menge in cl"]), language_of(["drink", "item"])
    ('de', 'en')
    """
    counts: Counter[str] = Counter()
    for cell in header:
        plain = fold(re.sub(r"\d", "", cell)).removeprefix("str")  # "strIngredient1"
        whole = _languages().get(key_of(plain))
        for languages in [whole] if whole else map(_languages().get, plain.split()):
            counts.update(languages or ())
    return max(sorted(counts), key=lambda each: (counts[each], each != ENGLISH), default="")
