"""One form for every way of writing a name, so that what a keyboard can type is found.

`fold` is for searches: the page folds names by the same rules, which
``tests/analytics_core/name_folding.json`` holds with pairs of names that both are tested on.
`in_address` is for links to recipes on the owner's site, and has its table there too.
`same_words` is for questions to an owner: names that differ in their order or in a plural.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
import urllib.parse
from collections.abc import Iterable
from functools import lru_cache

REMOVED = "'‘’‚‛‹›\"“”„‟«»`´ʹʺʻʼʽˈˊˋ′″‵‶＇＂\u00ad\u200b\u200c\u200d\u2060\ufeff"
"""Quotes of every shape, and what has no width: left out."""
DASHES = "-‐‑‒–—―⁃−﹘﹣－"
"""A blank stands for each."""
LETTERS = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ł": "l",
    "ħ": "h",
    "ı": "i",
    "ŧ": "t",
    "ŋ": "ng",
    "ĸ": "k",
    "ς": "σ",
}
"""Letters, in lower case, that no accent is taken from by taking them apart."""
MARKS = (0x0300, 0x036F)
"""The accents that are taken away. Those of other scripts make other letters, so they stay."""

_BEFORE = str.maketrans({**dict.fromkeys(REMOVED, ""), **dict.fromkeys(DASHES, " ")})
_UNMARKED = str.maketrans(dict.fromkeys(map(chr, range(MARKS[0], MARKS[1] + 1)), ""))
_AFTER = str.maketrans(LETTERS) | _UNMARKED
# The plural of each is something else.
_OWN_PLURALS = frozenset({"bitters", "molasses", "schnapps"})


@lru_cache(maxsize=1 << 18)
def fold(name: str) -> str:
    """Return the form in which names are compared.

    Case, accents, quotes, dashes and the number of blanks do not count, and ``ø œ æ ß`` are what a
    keyboard without them would type.

    Parameters
    ----------
    name

    Returns
    -------
    str
        Empty where nothing is left.

    Examples
    --------
    >>> fold("  Pat’s  CRÈME–Brûlée "), fold("Smørrebrød")
    ('pats creme brulee', 'smorrebrod')
    """
    decomposed = unicodedata.normalize("NFKD", name.translate(_BEFORE)).lower()
    decomposed = unicodedata.normalize("NFKD", decomposed).translate(_AFTER)
    return " ".join(decomposed.translate(_BEFORE).split())


def in_address(name: str) -> str:
    """Return a name as addresses have it: words in lower case, without accents, between hyphens.

    Marks of other scripts are parts of their letters and stay. The page does the same.

    Parameters
    ----------
    name

    Returns
    -------
    str
        Percent-encoded; empty where the name has neither letters nor digits.

    Examples
    --------
    >>> in_address("Crème Brûlée #2"), urllib.parse.unquote(in_address("ガリバー"))
    ('creme-brulee-2', 'ガリバー')
    """
    letters = unicodedata.normalize("NFKD", name).translate(_UNMARKED).lower()
    return urllib.parse.quote("-".join(_words(unicodedata.normalize("NFC", letters))), safe="")


def _words(text: str) -> list[str]:
    """Return the runs of letters and digits in lower case, each letter with its marks."""
    if text.isascii():  # as most is; this way takes a thirtieth of the time
        return re.findall("[a-z0-9]+", text)
    kinds = "".join(unicodedata.category(letter)[0] for letter in text)
    return [text[slice(*word.span())] for word in re.finditer("[LN][LNM]*", kinds)]


def near_names(name: str, names: Iterable[str], *, most: int = 5) -> list[str]:
    """Return the names that somebody may have meant, the most alike first.

    Parameters
    ----------
    name : str
        What was written, and is no name.
    names : iterable of str
    most : int

    Returns
    -------
    list of str
        At most three that are spelled alike, then those that hold the words.
    """
    wanted = fold(name)
    folded = {fold(each): each for each in names}
    near = difflib.get_close_matches(wanted, folded, n=3, cutoff=0.5)
    near += [key for key in folded if wanted and wanted in key and key not in near]
    return [folded[key] for key in near[:most]]


@lru_cache(maxsize=1 << 18)
def singular(word: str) -> str:
    """Return the singular of a folded English word, as far as names of the bar need it."""
    if word in _OWN_PLURALS:
        return word
    if word == "leaves":
        return "leaf"
    for ending, single in (
        *(("ss", "ss"), ("us", "us"), ("is", "is"), ("oes", "o"), ("ches", "ch"), ("shes", "sh")),
        *(("sses", "ss"), ("xes", "x"), ("zzes", "zz"), ("s", "")),
    ):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            stem = word.removesuffix(ending) + single
            # berries, cherries, candies; cookies and brownies keep their e
            return (
                f"{stem[:-2]}y"
                if ending == "s" and stem.endswith(("rrie", "die", "skie"))
                else stem
            )
    return word


def words_of(name: str) -> list[str]:
    """Return the folded words of a name, without punctuation."""
    return _words(fold(name))


def same_words(name: str) -> tuple[str, str]:
    """Return two keys: of names that differ in a plural alone, and in the order of words alone.

    Never in both: ``Bitter Orange`` is no ``Orange Bitters``.

    Parameters
    ----------
    name

    Returns
    -------
    tuple of str
    """
    words = words_of(name)
    return " ".join(map(singular, words)), " ".join(sorted(words))
