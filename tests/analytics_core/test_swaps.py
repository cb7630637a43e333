"""Transport plans in a bartender's words."""

from __future__ import annotations

from typing import Any

import pytest

from analytics_core.swaps import describe_swaps, spoken

OUNCE_ML = 29.5735


def flow(source: str, target: str, mass: float) -> dict[str, Any]:
    return {
        "from_ingredient_id": 1,
        "from_ingredient_name": source,
        "to_ingredient_id": 2,
        "to_ingredient_name": target,
        "mass": mass,
    }


def drink(*lines: tuple[str, float | None, str | None, float]) -> dict[str, Any]:
    """Lines of (rolled-up name, amount, unit, millilitres)."""
    total = sum(line[3] for line in lines)
    return {
        "lines": [
            {
                "ingredient_name": name,
                "rolled_name": name,
                "amount": amount,
                "unit": unit,
                "volume_ml": volume,
                "fraction": volume / total,
            }
            for name, amount, unit, volume in lines
        ]
    }


def ounces(name: str, amount: float) -> tuple[str, float, str, float]:
    return name, amount, "Ounce", amount * OUNCE_ML


NEGRONI = drink(ounces("Gin", 1.5), ounces("Sweet Vermouth", 1), ounces("Campari", 1))
BOULEVARDIER = drink(ounces("Bourbon", 1.5), ounces("Sweet Vermouth", 1), ounces("Campari", 1))


def test_without_amounts_a_swap_names_both_sides() -> None:
    assert describe_swaps([flow("Gin", "Bourbon", 0.33)]) == "swap gin for bourbon"


def test_with_amounts_a_swap_says_how_much_and_what_stays() -> None:
    text = describe_swaps([flow("Gin", "Bourbon", 0.43)], recipe=NEGRONI, neighbor=BOULEVARDIER)
    assert text == "swap 45 ml gin for bourbon; sweet vermouth and Campari stay"


def test_one_thing_that_becomes_two_is_one_swap_largest_first() -> None:
    plan = [flow("Gin", "Rye Whiskey", 0.1), flow("Gin", "Cognac", 0.3)]
    assert describe_swaps(plan) == "swap gin for cognac and rye whiskey"


def test_two_things_that_become_one_are_one_swap() -> None:
    plan = [flow("Gin", "Light Rum", 0.3), flow("Vodka", "Light Rum", 0.2)]
    assert describe_swaps(plan) == "swap gin and vodka for light rum"


def test_equal_flows_add_up_before_they_are_weighed() -> None:
    plan = [flow("Gin", "Vodka", 0.015), flow("Gin", "Vodka", 0.015)]
    assert describe_swaps(plan) == "swap gin for vodka"


@pytest.mark.parametrize(
    ("mass", "words"),
    [
        (0.019, "add a touch of orange bitters"),
        (0.02, "swap gin for orange bitters"),
    ],
)
def test_flows_below_two_percent_are_a_touch(mass: float, words: str) -> None:
    assert describe_swaps([flow("Gin", "Orange Bitters", mass)]) == words


def test_a_touch_that_goes_and_one_that_comes() -> None:
    before = drink(ounces("Rye Whiskey", 2), ("Angostura Bitters", 2, "Dash", 1.2))
    after = drink(ounces("Rye Whiskey", 2), ("Orange Bitters", 2, "Dash", 1.2))
    text = describe_swaps(
        [flow("Angostura Bitters", "Orange Bitters", 0.019)], recipe=before, neighbor=after
    )
    assert text == (
        "add a touch of orange bitters; leave out the touch of Angostura bitters; rye whiskey stays"
    )


def test_small_measures_keep_their_unit() -> None:
    before = drink(ounces("Rye Whiskey", 2), ("Angostura Bitters", 2, "Dash", 1.2))
    after = drink(ounces("Rye Whiskey", 2), ("Orange Bitters", 1, "Dash", 0.6))
    plan = [flow("Angostura Bitters", "Orange Bitters", 0.03)]
    assert describe_swaps(plan, recipe=before, neighbor=after) == (
        "swap 2 dashes Angostura bitters for orange bitters; rye whiskey stays"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("Egg White", 1, "Each", 1.0), "swap 1 egg white for aquavit"),
        (("Soda Water", None, "to top", 90.0), "swap soda water for aquavit"),
        (("Absinthe", None, "to rinse", 5.0), "swap absinthe for aquavit"),
        (("Honey Syrup", 0.25, "Ounce", 7.4), "swap 7.5 ml honey syrup for aquavit"),
        (("Honey Syrup", 1, "Barspoon", 2.46), "swap 1 barspoon honey syrup for aquavit"),
        (("Honey Syrup", None, None, 1.0), "swap honey syrup for aquavit"),
    ],
)
def test_amounts_as_a_bartender_says_them(
    line: tuple[str, float | None, str | None, float], words: str
) -> None:
    before = drink(line, ounces("Gin", 2))
    after = drink(ounces("Aquavit", 1), ounces("Gin", 2))
    text = describe_swaps([flow(line[0], "Aquavit", 0.2)], recipe=before, neighbor=after)
    assert text == f"{words}; gin stays"


def test_part_of_what_stays_becomes_something_new() -> None:
    before = drink(ounces("Gin", 2), ounces("Lime Juice", 1))
    after = drink(ounces("Gin", 1), ounces("Vodka", 1), ounces("Lime Juice", 1))
    text = describe_swaps([flow("Gin", "Vodka", 1 / 3)], recipe=before, neighbor=after)
    assert text == "swap 30 ml of the gin for vodka; lime juice stays"


def test_what_goes_may_leave_room_for_more_of_what_is_there() -> None:
    before = drink(ounces("Gin", 1), ounces("Lime Juice", 1), ounces("Campari", 1))
    after = drink(ounces("Lime Juice", 2), ounces("Campari", 1))
    text = describe_swaps([flow("Gin", "Lime Juice", 1 / 3)], recipe=before, neighbor=after)
    assert text == "swap 30 ml gin for more lime juice; Campari stays"


def test_shifts_between_what_stays_come_after_the_swaps() -> None:
    before = drink(ounces("Gin", 2), ounces("Lime Juice", 1), ounces("Campari", 1))
    after = drink(ounces("Gin", 1), ounces("Lime Juice", 2), ounces("Aperol", 1))
    plan = [flow("Gin", "Lime Juice", 0.25), flow("Campari", "Aperol", 0.25)]
    assert describe_swaps(plan, recipe=before, neighbor=after) == (
        "swap 30 ml Campari for Aperol; 30 ml less gin, more lime juice"
    )


def test_same_ingredients_are_other_proportions() -> None:
    before = drink(ounces("Gin", 2), ounces("Dry Vermouth", 1))
    after = drink(ounces("Gin", 1), ounces("Dry Vermouth", 1))
    assert (
        describe_swaps([flow("Gin", "Dry Vermouth", 0.17)], recipe=before, neighbor=after)
        == "same ingredients, other proportions: less gin, more dry vermouth"
    )
    assert describe_swaps([], recipe=before, neighbor=after) == (
        "same ingredients, other proportions"
    )


def test_an_empty_plan_has_nothing_to_swap() -> None:
    assert describe_swaps([]) == "nothing to swap: the same mix"


def test_more_than_three_that_stay_are_the_rest() -> None:
    rest = [ounces(name, 1) for name in ("Campari", "Aperol", "Cynar", "Suze")]
    text = describe_swaps(
        [flow("Gin", "Vodka", 0.2)],
        recipe=drink(ounces("Gin", 1), *rest),
        neighbor=drink(ounces("Vodka", 1), *rest),
    )
    assert text == "swap 30 ml gin for vodka; the rest stays"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Lime Juice", "lime juice"),
        ("London Dry Gin", "London dry gin"),
        ("Angostura Bitters", "Angostura bitters"),
        ("Crème de Cassis", "Crème de Cassis"),
        ("St-Germain", "St-Germain"),
        ("</script>", "</script>"),
        ("", ""),
    ],
)
def test_names_inside_a_sentence(name: str, words: str) -> None:
    assert spoken(name) == words


def test_the_order_of_the_flows_does_not_matter() -> None:
    plan = [flow("Gin", "Vodka", 0.2), flow("Campari", "Aperol", 0.2), flow("Suze", "Cynar", 0.1)]
    assert describe_swaps(plan) == describe_swaps(plan[::-1])
