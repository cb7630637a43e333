"""Names for families of drinks: one that stands for them, and what it is made of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate

from analytics_core.report.kinds import Kind
from analytics_core.similarity.families import find_families

NAMESAKE = 4
"""A drink named after another counts as so many that are near to it."""
MARKS = 4
"""Ingredients that tell a family most; who stands for it should have some."""


class Graph:
    """Who is near to whom.

    Parameters
    ----------
    count : sequence of int (recipes,)
        How many neighbors each recipe has.
    to, distance : sequence of int (pairs,)
        The neighbors of all recipes in turn, and their distances.
    """

    def __init__(self, count: Sequence[int], to: Sequence[int], distance: Sequence[int]) -> None:
        self.count, self.to, self.distance = count, to, distance
        self.start = list(accumulate(count, initial=0))

    def sources(self) -> Iterator[int]:
        """Give the recipe of each pair."""
        for recipe, count in enumerate(self.count):
            yield from (recipe for _ in range(count))


def name_families(
    graph: Graph,
    contents: Sequence[Collection[int]],
    kinds: Sequence[Kind],
    names: Sequence[str],
) -> tuple[list[int], list[list[int]]]:
    """Group recipes into families, largest first, and name each.

    A family is named by a member that others of it are near to or named after, and by two of
    that member's own ingredients, so never by something that it lacks: the most telling alcohol
    first.

    Parameters
    ----------
    graph : Graph
    contents : sequence of collections of int (recipes,)
        The ingredients of each recipe, after roll-up.
    kinds : sequence of Kind
        Of the ingredients.
    names : sequence of str (recipes,)

    Returns
    -------
    tuple of list
        The family of each recipe; and of each family the member, then its ingredients.
    """
    recipes = len(contents)
    of_recipe, count = find_families(graph.start, graph.to, graph.distance)
    members = Counter(of_recipe)
    weight: list[Counter[int]] = [Counter() for _ in range(count)]
    overall: Counter[int] = Counter()
    for family, inside in zip(of_recipe, contents, strict=True):
        weight[family].update(iter(inside))
        overall.update(iter(inside))
    liked = _liked(graph, of_recipe, names, count)
    families = []
    for family in range(count):

        def lift(ingredient: int, family: int = family) -> float:
            # how much more often here than anywhere, weighed by how often at all
            here = weight[family][ingredient] / members[family]
            return here * math.log(here * recipes / overall[ingredient])

        telling = sorted(weight[family], key=lift, reverse=True)[:MARKS]

        def stands(recipe: int, family: int = family, telling: list[int] = telling) -> float:
            shared = sum(mark in contents[recipe] for mark in telling)
            length = len(contents[recipe]) * max(1, len(names[recipe].split()))
            return (1 + liked[family][recipe]) * (1 + shared) ** 2 / math.sqrt(max(1, length))

        example = max(liked[family], key=lambda recipe: (stands(recipe), -recipe))
        own = sorted(contents[example], key=lift, reverse=True)
        spirits = [mark for mark in own if kinds[mark] is Kind.ALCOHOL][:1]
        families.append([example, *(spirits + [mark for mark in own if mark not in spirits])[:2]])
    return of_recipe, families


def _liked(
    graph: Graph, of_recipe: Sequence[int], names: Sequence[str], count: int
) -> list[Counter[int]]:
    """How many of its family are near to each member, or named after it."""
    liked: list[Counter[int]] = [Counter() for _ in range(count)]
    for recipe, family in enumerate(of_recipe):
        liked[family][recipe] += 0
    for recipe, other in zip(graph.sources(), graph.to, strict=True):
        if of_recipe[recipe] == of_recipe[other]:
            liked[of_recipe[recipe]][other] += 1
    # "Pineapple Daiquiri" is named after "Daiquiri", which so stands for it
    known = {name.casefold(): recipe for recipe, name in enumerate(names)}
    for recipe, name in enumerate(names):
        words = name.casefold().split()
        for begin in range(1, min(len(words), 8)):
            after = known.get(" ".join(words[begin:]))
            if after is not None and of_recipe[after] == of_recipe[recipe]:
                liked[of_recipe[recipe]][after] += NAMESAKE
    return liked
