"""Yardsticks for costs: how well nearest drinks agree with names, and with what bartenders say.

Three yardsticks need nothing but the recipes' names, so that they can be had of any database. Two
more are written down: for the sample in ``sample/families.toml``, before any cost was run, and for
other databases in a file of the same form. All but the triplets score groups of drinks; the
interval of a score comes from drawing its groups anew.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analytics_core.sample import load_families

FloatArray = NDArray[np.float64]

FAMILY_WORDS = (
    "alexander",
    "americano",
    "bellini",
    "bloody mary",
    "boulevardier",
    "buck",
    "caipirinha",
    "cobbler",
    "coffee",
    "colada",
    "collins",
    "cooler",
    "cosmopolitan",
    "crusta",
    "cup",
    "daiquiri",
    "daisy",
    "eggnog",
    "fizz",
    "flip",
    "gimlet",
    "grog",
    "highball",
    "julep",
    "kir",
    "mai tai",
    "manhattan",
    "margarita",
    "martini",
    "mojito",
    "mule",
    "negroni",
    "old fashioned",
    "paloma",
    "punch",
    "rickey",
    "royale",
    "russian",
    "sangaree",
    "sazerac",
    "sidecar",
    "sling",
    "smash",
    "sour",
    "spritz",
    "swizzle",
    "toddy",
    "tonic",
    "zombie",
)
SMALLEST_FAMILY = 4
GROUP_SIZES = (2, 5)
NEAREST = 10
DRAWS = 2000
BY_NAME = ("head", "known", "same")
"""The yardsticks whose mean is *quality*."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The score of each group of drinks, by yardstick."""

    groups: Mapping[str, FloatArray]

    def means(self) -> dict[str, float]:
        """Return the mean of each yardstick, and *quality* where its three are there."""
        found = {name: float(scores.mean()) for name, scores in self.groups.items()}
        if all(name in found for name in BY_NAME):
            found["quality"] = float(np.mean([found[name] for name in BY_NAME]))
        return found

    def drawn(self, *, seed: int = 0) -> dict[str, FloatArray]:
        """Return the means of groups drawn anew with replacement, float64 (DRAWS,) each.

        The same seed draws the same groups, so that costs can be compared draw by draw.
        """
        random = np.random.default_rng(seed)
        found = {
            name: scores[random.integers(0, scores.size, (DRAWS, scores.size))].mean(axis=1)
            for name, scores in self.groups.items()
        }
        if all(name in found for name in BY_NAME):
            found["quality"] = np.mean([found[name] for name in BY_NAME], axis=0)
        return found


def interval(draws: FloatArray) -> tuple[float, float]:
    """Return where the middle 95% of draws lie."""
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(low), float(high)


def level(name: str) -> str:
    """Return a name in lower case, without accents, hyphens and what stands in brackets."""
    bare = re.sub(r"[(\[{][^)\]}]*[)\]}]", " ", name) if re.match(r"\s*[^(\[{\s]", name) else name
    plain = unicodedata.normalize("NFKD", bare.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c)).replace("'", "")
    return " ".join(re.findall(r"\w+", plain))


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody wrote down of which drinks are alike, by name.

    Attributes
    ----------
    families : tuple of tuple of str
        Drinks that belong together.
    triplets : tuple of tuple of str
        A drink, one that is like it, and one that is less so.
    """

    families: tuple[tuple[str, ...], ...]
    triplets: tuple[tuple[str, str, str], ...]


def written(path: Path | None = None) -> Written:
    """Return what a file of the form of ``sample/families.toml`` says; without one, the sample's.

    A file may leave out the families or the triplets.
    """
    if path is None:
        told = load_families()
        return Written(
            tuple(tuple(family.recipes) for family in told.families),
            tuple((t.drink, t.near, t.far) for t in told.triplets),
        )
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    return Written(
        tuple(tuple(family["recipes"]) for family in read.get("family", [])),
        tuple((t["drink"], t["near"], t["far"]) for t in read.get("triplet", [])),
    )


class Yardsticks:
    """The groups of one database's drinks, as rows of a matrix of distances.

    Parameters
    ----------
    names : sequence of str
        Of the recipes, in the order of the rows.
    told : Written, optional
        A family counts by those of its drinks that are there, four at least; a triplet if all
        three are.
    """

    def __init__(self, names: Sequence[str], told: Written | None = None) -> None:
        told = told or written()
        leveled = [level(name) for name in names]
        self.heads = [
            rows
            for word in FAMILY_WORDS
            if (rows := _rows(leveled, partial(_ends, words=word))).size >= SMALLEST_FAMILY
        ]
        self.known = _rows(leveled, lambda n: any(f" {w} " in f" {n} " for w in FAMILY_WORDS))
        self.same = _same(leveled)
        self.families: list[NDArray[np.intp]] = []
        self.triplets: list[tuple[int, int, int]] = []
        row = {name: r for r, name in reversed(list(enumerate(leveled)))}  # the first of a name
        for family in told.families:
            there = sorted({row[n] for n in map(level, family) if n in row})
            if len(there) >= SMALLEST_FAMILY:
                self.families.append(np.array(there))
        for triplet in told.triplets:
            drink, near, far = (row.get(level(name), -1) for name in triplet)
            if min(drink, near, far) >= 0:
                self.triplets.append((drink, near, far))

    def score(self, distances: FloatArray) -> Scores:
        """Judge distances, float64 (recipes, recipes); a yardstick without groups is left out."""
        order = _ranked(distances)
        groups = {
            "families": [_precision(order, rows) for rows in self.families],
            "triplets": [float(distances[d, n] < distances[d, f]) for d, n, f in self.triplets],
            "head": [_precision(order, rows) for rows in self.heads],
            "known": [_precision(order, rows, among=self.known) for rows in self.heads],
            "same": [_found(order, rows) for rows in self.same],
        }
        return Scores({name: np.array(scores) for name, scores in groups.items() if scores})


def hubness(distances: FloatArray) -> tuple[float, float]:
    """Return how crowded the lists of the ten nearest are.

    Returns
    -------
    tuple of float
        How often the most listed drink is listed, in multiples of the average; and the share of
        drinks that no list holds.
    """
    listed = np.bincount(_ranked(distances)[:, :NEAREST].ravel(), minlength=distances.shape[0])
    return float(listed.max() / NEAREST), float((listed == 0).mean())


def _ranked(distances: FloatArray) -> NDArray[np.intp]:
    """Return all other rows of each row, nearest first; ties go to the lower row."""
    order = np.argsort(np.rint(distances * 2.0**40), axis=1, kind="stable")
    count = distances.shape[0]
    others: NDArray[np.intp] = order[order != np.arange(count)[:, None]].reshape(count, count - 1)
    return others


def _precision(
    order: NDArray[np.intp], members: NDArray[np.intp], *, among: NDArray[np.intp] | None = None
) -> float:
    """Return the mean average precision of a family's members."""
    found = []
    for member in members:
        ranked = order[member]
        if among is not None:
            ranked = ranked[np.isin(ranked, among)]
        ranks = np.flatnonzero(np.isin(ranked, members)) + 1
        found.append(float(np.mean(np.arange(1, ranks.size + 1) / ranks)))
    return float(np.mean(found))


def _found(order: NDArray[np.intp], members: NDArray[np.intp]) -> float:
    """Return the share of a group that is among the ten nearest of its members."""
    near = [np.isin(order[member, :NEAREST], members).sum() for member in members]
    return float(np.mean(near)) / (members.size - 1)


def _rows(names: Sequence[str], holds: Callable[[str], bool]) -> NDArray[np.intp]:
    return np.array([r for r, name in enumerate(names) if holds(name)], dtype=np.intp)


def _ends(name: str, words: str) -> bool:
    return f" {name}".endswith(f" {words}")


def _same(names: Sequence[str]) -> list[NDArray[np.intp]]:
    """Group each name with those that end in it, as rows; groups of two to five."""
    by_ending: dict[str, list[int]] = {name: [] for name in names if name}
    for r, name in enumerate(names):
        words = name.split()
        for first in range(len(words)):
            if (ending := " ".join(words[first:])) in by_ending:
                by_ending[ending].append(r)
    low, high = GROUP_SIZES
    return [np.array(rows) for rows in by_ending.values() if low <= len(rows) <= high]
