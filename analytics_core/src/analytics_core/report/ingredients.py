"""The ingredients that the page carries, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics_core.report.kinds import Kind, find_kinds, find_makings

if TYPE_CHECKING:
    from analytics_core.similarity.arrays import IntArray


class Ingredients:
    """The tree, flattened parents first; ingredients met elsewhere join as roots."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._index: dict[int | None, int] = {}
        self._id: list[int] = []
        self._name: list[str] = []
        self._parent: list[int] = []
        self._substitution: list[int] = []
        self._own: list[int] = []
        self._total: list[int] = []
        self._made_of: dict[int, list[int]] = {}
        pending = [(child, -1) for child in reversed(tree.get("children") or [])]
        while pending:
            node, parent = pending.pop()
            index = self._add(int(node["id"]), node["name"], parent, node)
            children = node.get("children") or []
            pending.extend((child, index) for child in reversed(children))
            if parts := node.get("made_of"):
                self._made_of[index] = [int(part["id"]) for part in parts]

    def _add(self, key: int, name: str, parent: int, node: Mapping[str, Any]) -> int:
        index = len(self._id)
        self._index[key] = index
        self._id.append(key)
        self._name.append(name)
        self._parent.append(parent)
        self._substitution.append(int(bool(node.get("allow_substitution"))))
        self._own.append(int(node.get("recipe_count") or 0))
        self._total.append(int(node.get("hierarchical_recipe_count") or 0))
        return index

    def index(self, key: int | None, name: str | None) -> int:
        """Return an ingredient's position; one that the tree lacks joins it. -1 without an id."""
        found = self._index.get(key)
        if found is not None:
            return found
        return -1 if key is None else self._add(int(key), str(name), -1, {})

    def indices(self, keys: IntArray) -> IntArray:
        """Return the positions of many ingredients of the tree."""
        known, at = np.unique(keys, return_inverse=True)
        return np.array([self._index[key] for key in known.tolist()], np.int64)[at]

    def kinds(self) -> list[Kind]:
        """Tell what each is by its name, and that of what it is a kind of."""
        return find_kinds(self._name, self._parent)

    def on_shelf(self) -> list[Kind]:
        """Tell what each is to someone with a shelf: a bottle that the owner makes is none."""
        made = self._made_of
        return [
            Kind.HOMEMADE if index in made and kind < Kind.PANTRY else kind
            for index, kind in enumerate(self.kinds())
        ]

    def made_of(self) -> dict[int, list[int]]:
        """Tell what the owner makes, and of what."""
        known = {
            whole: [self._index[part] for part in parts if part in self._index]
            for whole, parts in self._made_of.items()
        }
        return {whole: parts for whole, parts in known.items() if parts}

    def makings(self, kinds: Sequence[Kind]) -> list[list[int]]:
        """Tell what is made of what: as the owner makes it, and as everyone does."""
        own = self.made_of()
        everyone = find_makings(self._name, kinds)
        return [[whole, *parts] for whole, parts in own.items()] + [
            making for making in everyone if making[0] not in own
        ]

    def root(self, index: int) -> int:
        """Return the top of an ingredient's branch."""
        while (up := self._parent[index]) >= 0:
            index = up
        return index

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns that the page carries."""
        return {
            "id": self._id,
            "name": self._name,
            "parent": self._parent,
            "substitution": self._substitution,
            "own": self._own,
            "total": self._total,
        }
