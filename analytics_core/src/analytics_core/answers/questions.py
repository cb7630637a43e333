"""What a published set answers: what is alike, what to swap, what can be made of a shelf."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from analytics_core.answers.shelf import Shelf
from analytics_core.errors import AnalyticsError
from analytics_core.naming import fold, near_names

Row = Mapping[str, Any]
Answer = dict[str, Any]

NEEDED = ("recipe-similar", "recipe-details", "ingredient-tree", "ingredient-substitutes")


class Unanswerable(AnalyticsError):  # noqa: N818 - named for what happened
    """A question about what is not there; says what is near."""


class Answers:
    """Answers questions from one published set.

    Parameters
    ----------
    documents : mapping
        Parsed documents by type; those of `NEEDED`.

    Raises
    ------
    AnalyticsError
        A document is missing.
    """

    def __init__(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        if missing := [kind for kind in NEEDED if kind not in documents]:
            raise AnalyticsError(
                f"the documents {', '.join(missing)} are not there; run a refresh with this version"
            )
        data = {kind: documents[kind]["data"] for kind in NEEDED}
        self._similar: dict[int, Row] = {row["recipe_id"]: row for row in data["recipe-similar"]}
        self._tree: Row = data["ingredient-tree"]
        self._substitutes: dict[int, Row] = {
            row["ingredient_id"]: row for row in data["ingredient-substitutes"]
        }
        self._needs: dict[int, list[tuple[int, str]]] = {}
        for row in data["recipe-details"]:
            needs = {line["rolled_id"]: line["rolled_name"] for line in row["lines"]}
            self._needs[row["recipe_id"]] = list(needs.items())
        self._recipes = {key: str(row["recipe_name"]) for key, row in self._similar.items()}
        self._ingredients: dict[int, str] = {}
        self._above: dict[int, int] = {}
        pending = list(self._tree.get("children") or ())
        while pending:
            node = pending.pop()
            self._ingredients[int(node["id"])] = node["name"]
            for child in node.get("children") or ():
                self._above[int(child["id"])] = int(node["id"])
                pending.append(child)

    def similar(self, recipe: str | int, count: int = 5) -> Answer:
        """Return the drinks made most like one.

        Parameters
        ----------
        recipe : str or int
            A name in any spelling, or an id.
        count : int

        Returns
        -------
        dict
            ``recipe``, and ``neighbors`` with ``distance`` and ``words``, nearest first.

        Raises
        ------
        Unanswerable
            There is no such recipe, or several; says which are near.
        """
        key = self._find(recipe, self._recipes, "recipe")
        neighbors = self._similar[key]["neighbors"][: max(count, 0)]
        return {
            "recipe": self._recipe(key),
            "neighbors": [
                self._recipe(near["neighbor_recipe_id"])
                | {"distance": near["distance"], "words": near.get("words", "")}
                for near in neighbors
            ],
        }

    def swap(self, from_recipe: str | int, to_recipe: str | int) -> Answer:
        """Return how one drink becomes another, by published changes.

        Parameters
        ----------
        from_recipe, to_recipe : str or int

        Returns
        -------
        dict
            ``changes``, one after the other, each with ``from``, ``to``, ``steps`` and ``words``:
            one where the drinks are neighbors, several by way of others. A ``note`` says why
            where there are none.

        Raises
        ------
        Unanswerable
            There is no such recipe, or several; says which are near.
        """
        start = self._find(from_recipe, self._recipes, "recipe")
        goal = self._find(to_recipe, self._recipes, "recipe")
        changes = [
            {
                "from": self._recipe(here),
                "to": self._recipe(near["neighbor_recipe_id"]),
                "distance": near["distance"],
                "steps": near.get("steps", []),
                "words": near.get("words", ""),
            }
            for here, near in self._way(start, goal)
        ]
        note = None
        if not changes:
            note = "the same recipe" if start == goal else "no published changes lead there"
        ends = {"from": self._recipe(start), "to": self._recipe(goal)}
        return {**ends, "changes": changes, "note": note}

    def makeable(
        self, ingredients: Sequence[str], *, pantry: bool = False, count: int = 50
    ) -> Answer:
        """Return what can be made of a shelf, and what lacks one thing.

        Parameters
        ----------
        ingredients : sequence of str
            Names in any spelling. A bottle counts as its kind and every more general one.
        pantry : bool
            Whether sugar, citrus, eggs, soda and all else that is no bottle is there.
        count : int
            Drinks in each list; the totals count all.

        Returns
        -------
        dict
            ``makeable`` and ``one_away`` by name, the latter with what it ``lacks``; how many
            there are of both; and ``unknown`` names with those that are near.
        """
        shelf = Shelf(self._tree, ingredients, pantry=pantry)
        ready: list[Answer] = []
        away: list[Answer] = []
        for key, name in sorted(self._recipes.items(), key=lambda item: (fold(item[1]), item[0])):
            lacks = shelf.lacks(self._needs.get(key, ()))
            if not lacks and key in self._needs:
                ready.append({"recipe_id": key, "recipe_name": name})
            elif len(lacks) == 1:
                away.append({"recipe_id": key, "recipe_name": name, "lacks": lacks[0][1]})
        return {
            "makeable_total": len(ready),
            "makeable": ready[:count],
            "one_away_total": len(away),
            "one_away": away[:count],
            "unknown": [{"name": one.name, "near": one.near} for one in shelf.unknown],
        }

    def substitutes(self, ingredient: str | int) -> Answer:
        """Return what stands in for an ingredient.

        Parameters
        ----------
        ingredient : str or int
            A name in any spelling, or an id. A brand that recipes may exchange is answered as
            what it counts as.

        Returns
        -------
        dict
            ``ingredient``, ``substitutes`` with their ``cost`` and how many ``recipes`` speak for
            each, cheapest first, and a ``note`` where there is too little evidence.

        Raises
        ------
        Unanswerable
            There is no such ingredient, or several; says which are near.
        """
        key = asked = self._find(ingredient, self._ingredients, "ingredient")
        while key not in self._substitutes and key in self._above:
            key = self._above[key]
        row = self._substitutes.get(key)
        if row is None:
            key = asked
        return {
            "ingredient": {"ingredient_id": key, "ingredient_name": self._ingredients[key]},
            "substitutes": list(row["substitutes"]) if row else [],
            "note": row.get("note") if row else "in no recipe",
        }

    def _recipe(self, key: int) -> Answer:
        return {"recipe_id": key, "recipe_name": self._recipes[key]}

    @staticmethod
    def _find(asked: str | int, names: Mapping[int, str], what: str) -> int:
        """Find what is meant by a name or an id."""
        if isinstance(asked, str):
            wanted = fold(asked)
            found = [
                key
                for key, name in names.items()
                if name == asked or (wanted and fold(name) == wanted)
            ]
            exact = [key for key in found if names[key] == asked]
            if len(exact or found) == 1:
                return (exact or found)[0]
            if found:
                ids = ", ".join(map(str, found[:10]))
                raise Unanswerable(f"{len(found)} {what}s are named {asked!r}; ask by id: {ids}")
        with_id = str(asked).strip().removeprefix("-")
        if with_id.isdecimal() and len(with_id) < 20 and int(asked) in names:
            return int(asked)
        near = near_names(str(asked)[:200], names.values())
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise Unanswerable(f"there is no {what} {str(asked)[:200]!r}{hint}")

    def _way(self, start: int, goal: int) -> list[tuple[int, Row]]:
        """Find the shortest way by published neighbors (Dijkstra)."""
        best = {start: 0.0}
        came: dict[int, tuple[int, Row]] = {}
        pending = [(0.0, start)]
        while pending:
            far, here = heapq.heappop(pending)
            if here == goal:
                break
            if far > best[here]:
                continue
            for near in self._similar[here]["neighbors"]:
                other = near["neighbor_recipe_id"]
                through = far + near["distance"]
                if other in self._similar and through < best.get(other, float("inf")):
                    best[other] = through
                    came[other] = (here, near)
                    heapq.heappush(pending, (through, other))
        way: list[tuple[int, Row]] = []
        while goal != start and goal in came:
            here, near = came[goal]
            way.append((here, near))
            goal = here
        return way[::-1]
