"""What can be made of what stands on a shelf, by the rules of the page (``docs/page.md``)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analytics_core.naming import fold, near_names, singular
from analytics_core.report.ingredients import Ingredients
from analytics_core.report.kinds import Kind

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that means nothing here, and those that may have been meant."""

    name: str
    near: list[str]


class Shelf:
    """Some ingredients, and everything that they count as or can be made into.

    Parameters
    ----------
    tree : mapping
        The data of `ingredient-tree`.
    names : sequence of str
        What stands there, in any spelling. What the database does not have counts where
        something is made of it: a lime, where recipes name its juice alone.
    pantry : bool
        Whether everything is there that is no bottle.

    Attributes
    ----------
    unknown : list of Unknown
    """

    def __init__(self, tree: Row, names: Sequence[str], *, pantry: bool) -> None:
        self._ingredients = Ingredients(tree)
        columns = self._ingredients.columns()
        self._parent: list[int] = columns["parent"]
        self._substitution: list[int] = columns["substitution"]
        self._pantry = pantry
        known: list[str] = list(columns["name"])
        of_name: dict[str, list[int]] = {}
        for index, name in enumerate(known):
            of_name.setdefault(_spoken(name), []).append(index)
        owned: list[int] = []
        guests: dict[int, str] = {}
        for name in names:
            if found := of_name.get(_spoken(name)):
                owned += found
            else:
                guest = self._ingredients.index(-1 - len(guests) - _FAR, _spoken(name))
                guests[guest] = name
        self._kinds = self._ingredients.on_shelf()
        self._inner = set(self._parent)
        makings = self._ingredients.makings(self._kinds)
        useful = {source for _, *sources in makings for source in sources}
        self.unknown = [
            Unknown(name, near_names(name[:200], known))
            for guest, name in guests.items()
            if guest not in useful and self._kinds[guest] is not Kind.AT_HAND
        ]
        owned += [guest for guest in guests if guest in useful]
        self._there = {i for i, kind in enumerate(self._kinds) if kind is Kind.AT_HAND}
        for index in owned:
            self._there.update(self._upwards(index))
        while self._make(makings):  # what is made may be in what else is made
            pass

    def _make(self, makings: Sequence[Sequence[int]]) -> bool:
        """Make what can be made of what is there; whether anything came of it."""
        made = {
            up
            for target, *sources in makings
            if all(self._rolled(source) in self._there for source in sources)
            for up in self._upwards(target)
            if self._kinds[up] >= Kind.PANTRY
        }
        before = len(self._there)
        self._there |= made
        return len(self._there) > before

    def has(self, key: int) -> bool:
        """Whether an ingredient is there, or something that counts as it."""
        need = self._rolled(self._ingredients.index(key, ""))
        if need >= len(self._kinds):  # an ingredient that the tree lacks
            return False
        return need in self._there or (self._pantry and self._kinds[need] >= Kind.PANTRY)

    def lacks(self, needs: Collection[tuple[int, str]]) -> list[tuple[int, str]]:
        """Return the needs that are not there."""
        return [need for need in needs if not self.has(need[0])]

    def _upwards(self, index: int) -> list[int]:
        way = []
        while index >= 0:
            way.append(index)
            index = self._parent[index]
        return way

    def _rolled(self, index: int) -> int:
        """Return what an ingredient counts as: a brand that may be exchanged, as its kind."""
        above = self._parent[index]
        leaf = index not in self._inner
        return above if leaf and self._substitution[index] and above >= 0 else index


_FAR = 1 << 62
"""Ids beyond those of a database, for what is on the shelf and not in it."""


def _spoken(name: str) -> str:
    """Return the form in which names of the bar are compared: one case, and one number."""
    return " ".join(singular(word) for word in fold(name).split())
