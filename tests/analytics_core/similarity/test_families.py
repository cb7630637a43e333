"""Families on graphs small enough to see."""

from __future__ import annotations

from itertools import pairwise

import pytest

from analytics_core.similarity.families import FAMILIES_AT_MOST, find_families

Ties = dict[tuple[int, int], int]


def families(ties: Ties, recipes: int) -> tuple[list[int], int]:
    """Families of a graph given as (recipe, neighbor) -> distance."""
    start, to, distance = [0], [], []
    for recipe in range(recipes):
        for (one, other), apart in sorted(ties.items()):
            if one == recipe:
                to.append(other)
                distance.append(apart)
        start.append(len(to))
    return find_families(start, to, distance)


def clique(*members: int, apart: int = 10) -> Ties:
    return {(a, b): apart for a in members for b in members if a != b}


def test_what_hangs_together_is_a_family_and_the_largest_comes_first() -> None:
    ties = clique(0, 1, 2) | clique(3, 4, 5, 6, 7) | {(2, 3): 40}
    assert families(ties, 8) == ([1, 1, 1, 0, 0, 0, 0, 0], 2)


def test_distance_decides_where_a_drink_between_two_families_belongs() -> None:
    between: Ties = {(8, 0): 30, (8, 1): 30, (8, 4): 10, (8, 5): 10}
    of, count = families(clique(0, 1, 2, 3) | clique(4, 5, 6, 7) | between, 9)
    assert count == 2
    assert of[8] == of[4] != of[0]
    other_way = {pair: 40 - apart for pair, apart in between.items()}
    of, _ = families(clique(0, 1, 2, 3) | clique(4, 5, 6, 7) | other_way, 9)
    assert of[8] == of[0] != of[4]


@pytest.mark.parametrize("factor", [1, 7, 1000])
def test_only_ratios_of_distances_matter(factor: int) -> None:
    ties = clique(0, 1, 2) | clique(3, 4, 5) | {(2, 3): 12, (5, 6): 25, (6, 0): 20}
    scaled = {pair: apart * factor for pair, apart in ties.items()}
    assert families(scaled, 7) == families(ties, 7)


def test_a_tie_counts_whoever_names_it() -> None:
    named_once = {(a, b): d for (a, b), d in clique(0, 1, 2).items() if a < b}
    assert families(named_once, 3) == ([0, 0, 0], 1)


def test_a_recipe_that_is_its_own_neighbor_gains_nothing_by_it() -> None:
    ties = clique(0, 1, 2) | clique(3, 4, 5)
    assert families(ties | {(0, 0): 0, (4, 4): 0}, 6) == families(ties, 6)


def test_without_ties_each_is_alone_up_to_nine() -> None:
    assert find_families([0], [], []) == ([], 0)
    assert families({}, 3) == ([0, 1, 2], 3)
    of, count = families({}, 30)
    assert count == FAMILIES_AT_MOST == 9
    assert set(of) == set(range(9))


def test_the_smallest_join_what_they_are_tied_to_until_nine_are_left() -> None:
    ties: Ties = {}
    for first in range(0, 50, 5):  # ten families of five, and a pair that leans on the last
        ties |= clique(*range(first, first + 5))
    ties |= clique(50, 51, apart=1) | {(50, 47): 60}
    of, count = families(ties, 52)
    assert count == 9
    assert of[50] == of[51] == of[47]
    # the tenth family has no ties: it goes to another of the smallest, and not to the pair's
    assert sorted(of.count(family) for family in range(9)) == [5] * 7 + [7, 10]
    for first in range(0, 50, 5):
        assert len(set(of[first : first + 5])) == 1


def test_a_small_family_goes_where_its_ties_are_strongest_for_the_size() -> None:
    ties = clique(0, 1, 2, 3) | clique(4, 5, 6, 7, 8, 9)
    for first in range(12, 47, 5):
        ties |= clique(*range(first, first + 5))
    ties |= clique(10, 11, apart=1) | {(10, 3): 80, (11, 9): 60}
    of, count = families(ties, 47)
    assert count == 9
    assert of[10] == of[11] == of[9] != of[3]
    of, _ = families(ties | {(10, 3): 61, (11, 9): 60}, 47)  # hardly weaker, and the smaller one
    assert of[10] == of[11] == of[3] != of[9]


def test_identical_drinks_are_one_family() -> None:
    assert families(clique(*range(6), apart=0), 6) == ([0] * 6, 1)


def test_a_ring_is_cut_into_neighbors() -> None:
    ring: Ties = dict.fromkeys(pairwise([*range(40), 0]), 5)
    of, count = families(ring, 40)
    assert 1 < count <= 9
    cuts = sum(of[a] != of[b] for a, b in ring)
    assert cuts == count  # each family is one stretch of the ring
