"""Steps from one drink to another, and the sentences they make."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analytics_core.glasses import Glass, Pour, fill_glass
from analytics_core.similarity.transport import transport_plan
from analytics_core.source.kinds import kind_of, water_of
from analytics_core.swaps import BATCH_FACTOR, SAME_WITHIN, find_steps
from analytics_core.wording import MOST_STEPS, phrase, say

GOLDEN = Path(__file__).with_name("golden_sentences.txt")
UNITS = {
    "oz": ("Ounce", 29.5735),
    "ml": ("ml", 1.0),
    "cl": ("cl", 10.0),
    "dash": ("Dash", 0.616115),
    "barspoon": ("Barspoon", 2.46446),
    "each": ("Each", None),
    "sprig": ("sprig", None),
    "-": (None, None),
}
UNMEASURED: dict[str, tuple[str | None, float]] = {
    "top": ("to top", 90.0),
    "rinse": ("to rinse", 5.0),
    "some": (None, 1.0),
}
ALIKE = [
    "London Dry Gin,Gin,Bourbon,Rye Whiskey,Scotch,White Rum,Dark Rum,Vodka,Blanco Tequila,Cognac",
    "Lime Juice,Lemon Juice,Lime juice",
    "Simple Syrup,Honey Syrup,Cointreau,Maraschino",
    "Angostura Bitters,Orange Bitters,Peychaud's Bitters,Absinthe",
    "Sweet Vermouth,Dry Vermouth",
    "Campari,Aperol",
    "Soda Water,Prosecco,Ginger Beer,Cola,Tonic Water",
    "Nutmeg,Cinnamon",
]
GROUP = {name: group for group, names in enumerate(ALIKE) for name in names.split(",")}
FAMILIES = [
    "Egg White,Whole Egg",
    "Lime Juice,Lemon Juice,Orange Juice",
    "Simple Syrup,Honey Syrup,Sugar Cube",
    "Soda Water,Ginger Beer,Cola,Tonic Water",
    "Water,Hot Water",
    "Cucumber Slice,Olive Brine",
    "Milk,Heavy Cream",
]
FAMILY = {name: family for family, names in enumerate(FAMILIES) for name in names.split(",")}


class Example(NamedTuple):
    """Two drinks as written, and what is said of them."""

    title: str
    recipe: str
    neighbor: str
    words: str


def examples() -> Iterator[Example]:
    for block in GOLDEN.read_text(encoding="utf-8").split("\n\n")[2:]:
        title, recipe, neighbor, words = block.strip().split("\n")
        yield Example(title[2:], recipe, neighbor.removeprefix("-> "), words.removeprefix("= "))


class Bar:
    """Gives names ids, reads lines and knows what is alike."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.names: dict[int, str] = {}

    def id(self, name: str, key: str = "") -> int:
        number = int(key) if key else self.ids.setdefault(name, 100 + len(self.ids))
        self.names[number] = name
        return number

    def line(self, text: str) -> Pour:
        first, rest = text.split(" ", 1)
        if first in UNMEASURED:
            unit, ml = UNMEASURED[first]
            amount = per_unit = None
        else:
            word, rest = rest.split(" ", 1)
            amount = float(first)
            unit, per_unit = UNITS[word]
            ml = 1.0 if word == "each" else amount * (per_unit or 1.0)
        rest, _, kind = rest.partition(" < ")
        name, _, key = rest.partition(" @ ")
        number = self.id(name, key)
        return Pour(
            number,
            name,
            self.id(kind) if kind else number,
            ml,
            amount,
            unit,
            per_unit,
            family=FAMILY.get(name),
            does=kind_of([name]),
            water=water_of([name]),
        )

    def cost(self, a: int, b: int) -> float:
        if a == b:
            return 0.0
        group = GROUP.get(self.names[a])
        return 0.3 if group is not None and group == GROUP.get(self.names[b]) else 1.0

    def glass(self, text: str) -> Glass:
        return fill_glass(map(self.line, text.split("; ")))


def likeness(recipe: Glass, neighbor: Glass, cost: Any) -> dict[tuple[int, int], float]:
    """What the transport plan between two drinks moves, and at which cost."""
    shares = []
    for glass in (recipe, neighbor):
        share: dict[int, float] = {}
        for pour in glass.pours.values():
            share[pour.kind] = share.get(pour.kind, 0.0) + pour.ml / glass.ml
        shares.append(dict(sorted(share.items())))
    ours, theirs = map(list, shares)
    matrix = np.array([[cost(a, b) for b in theirs] for a in ours])
    first, second = (np.array(list(share.values())) for share in shares)
    plan = transport_plan(
        first,
        second,
        matrix,
        keys=(np.array(ours), np.array(theirs)),
    )
    return {
        (ours[s], theirs[t]): matrix[s, t]
        for s, t, mass in zip(plan.source, plan.target, plan.mass, strict=True)
        if ours[s] != theirs[t] and mass > 1e-9
    }


def told(recipe: str, neighbor: str) -> tuple[Sequence[dict[str, Any]], str]:
    bar = Bar()
    glasses = bar.glass(recipe), bar.glass(neighbor)
    moves = likeness(*glasses, bar.cost)
    steps = find_steps(*glasses, moves)
    return steps, say(steps, same_mix=not moves)


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.title)
def test_a_sentence_is_what_a_bartender_would_say(example: Example) -> None:
    assert told(example.recipe, example.neighbor)[1] == example.words


def test_there_are_enough_sentences() -> None:
    assert len(list(examples())) >= 60


def test_a_swap_is_data() -> None:
    steps, _ = told(
        "1 oz London Dry Gin; 1 oz Campari; 2 dash Orange Bitters",
        "1.5 oz Bourbon; 0.75 oz Campari; top Soda Water",
    )
    by_kind = {step["kind"]: step for step in steps}
    assert list(by_kind) == ["add", "swap", "pour_less", "leave_out"]
    assert by_kind["swap"] == {
        "kind": "swap",
        "from": [
            {
                "ingredient_id": 100,
                "ingredient_name": "London Dry Gin",
                "ml": 29.5735,
                "amount": 1.0,
                "unit": "Ounce",
            }
        ],
        "to": [
            {
                "ingredient_id": 103,
                "ingredient_name": "Bourbon",
                "ml": 44.3603,
                "amount": 1.5,
                "unit": "Ounce",
            }
        ],
    }
    assert by_kind["pour_less"] == {
        "kind": "pour_less",
        "ingredient_id": 101,
        "ingredient_name": "Campari",
        "ml": 7.3934,
        "amount": 0.25,
        "unit": "Ounce",
    }
    assert (by_kind["add"]["amount"], by_kind["add"]["unit"], by_kind["add"]["ml"]) == (
        None,
        "to top",
        90.0,
    )
    assert (by_kind["leave_out"]["amount"], by_kind["leave_out"]["unit"]) == (2.0, "Dash")


def test_a_part_that_goes_is_marked() -> None:
    steps, _ = told("2 oz Gin; 1 oz Lime Juice", "1 oz Gin; 1 oz Vodka; 1 oz Lime Juice")
    (swap, stays) = steps
    assert swap["from"][0]["part"] is True
    assert (swap["from"][0]["amount"], stays["ingredient_name"]) == (1.0, "Lime Juice")


def test_what_comes_in_is_measured_as_the_recipe_measures() -> None:
    steps, _ = told("2 oz Gin; 1 oz Lime Juice", "60 ml Gin; 30 ml Lime Juice; 15 ml Campari")
    assert (steps[0]["amount"], steps[0]["unit"]) == (pytest.approx(0.5072), "Ounce")


def test_a_batch_is_taken_at_the_recipes_size() -> None:
    steps, _ = told("2 oz Gin; 1 oz Lime Juice; 1 oz Campari", "20 oz Gin; 10 oz Lime Juice")
    assert [step["kind"] for step in steps] == ["leave_out", "stays", "stays"]


ROSITA = "1.5 oz Blanco Tequila; 0.5 oz Sweet Vermouth; 0.5 oz Dry Vermouth; 0.5 oz Campari"
NEGRONI = "1 oz London Dry Gin; 1 oz Sweet Vermouth; 1 oz Campari"


@pytest.mark.parametrize(("recipe", "neighbor"), [(ROSITA, NEGRONI), (NEGRONI, ROSITA)])
def test_a_drink_of_one_size_is_no_batch(recipe: str, neighbor: str) -> None:
    """Both are three ounces, though Campari and Sweet Vermouth are doubled."""
    steps, words = told(recipe, neighbor)
    assert "stays" not in [step["kind"] for step in steps]
    assert ("1½ oz Blanco Tequila for 1 oz London" in words) == (recipe is ROSITA)
    assert ("1 oz London Dry Gin for 1½ oz Blanco" in words) == (recipe is NEGRONI)


@pytest.mark.parametrize(
    ("vodka", "scaled"), [(6.66, True), (6.68, False), (2, True), (1.98, False)]
)
def test_a_batch_comes_to_the_recipes_size(vodka: float, scaled: bool) -> None:
    """Half of it is three quarters to four thirds of the recipe."""
    steps, _ = told(
        "2 oz Gin; 1 oz Lime Juice; 1 oz Simple Syrup",
        f"{vodka} oz Vodka; 2 oz Lime Juice; 2 oz Simple Syrup",
    )
    assert ("stays" in [step["kind"] for step in steps]) == scaled


def test_nothing_is_a_batch_for_one_shared_bottle() -> None:
    steps, _ = told("1 oz Gin; 1 oz Campari", "2 oz Gin; 1 oz Lime Juice")
    assert "pour_more" in [step["kind"] for step in steps]


@pytest.mark.parametrize("cost", [0.85, 0.86])
def test_a_second_partner_is_alike(cost: float) -> None:
    bar = Bar()
    glasses = bar.glass("2 oz Gin"), bar.glass("1 oz Vodka; 1 oz Campari")
    gin, vodka, campari = (bar.id(name) for name in ("Gin", "Vodka", "Campari"))
    steps = find_steps(*glasses, {(gin, vodka): 0.3, (gin, campari): cost})
    assert [step["kind"] for step in steps] == (["swap"] if cost == 0.85 else ["swap", "add"])


@pytest.mark.parametrize("cost", [0.85, 0.86])
def test_a_part_goes_for_what_is_alike(cost: float) -> None:
    bar = Bar()
    glasses = bar.glass("2 oz Gin"), bar.glass("1 oz Gin; 1 oz Campari")
    steps = find_steps(*glasses, {(bar.id("Gin"), bar.id("Campari")): cost})
    assert [step["kind"] for step in steps] == (["swap"] if cost == 0.85 else ["pour_less", "add"])


@pytest.mark.parametrize("cost", [0.85, 0.86])
def test_a_piece_goes_for_what_is_alike(cost: float) -> None:
    bar = Bar()
    glasses = bar.glass("1 each Sugar Cube"), bar.glass("1 barspoon Simple Syrup")
    steps = find_steps(*glasses, {(bar.id("Sugar Cube"), bar.id("Simple Syrup")): cost})
    assert [step["kind"] for step in steps] == (["swap"] if cost == 0.85 else ["add", "leave_out"])


@pytest.mark.parametrize(("amount", "kinds"), [("0.5", ["swap"]), ("0.49", ["leave_out", "add"])])
def test_a_swap_is_of_a_quarter_at_least(amount: str, kinds: list[str]) -> None:
    steps, _ = told("2 oz Gin", f"{amount} oz Campari")
    assert [step["kind"] for step in steps] == kinds


@pytest.mark.parametrize(("ml", "kinds"), [(10, ["swap"]), (10.1, ["leave_out", "add"])])
def test_among_dashes_and_spoonfuls_amounts_do_not_matter(ml: float, kinds: list[str]) -> None:
    steps, _ = told(f"{ml} ml Campari", "1 dash Aperol")
    assert [step["kind"] for step in steps] == kinds


@pytest.mark.parametrize(("rum", "kinds"), [("1", ["swap"]), ("0.95", ["swap", "add"])])
def test_a_second_partner_takes_a_third(rum: str, kinds: list[str]) -> None:
    steps, _ = told("3 oz Gin", f"2 oz Vodka; {rum} oz Dark Rum")
    assert [step["kind"] for step in steps] == kinds


@pytest.mark.parametrize(("gin", "kinds"), [("1", ["swap"]), ("1.1", ["add", "pour_less"])])
def test_a_part_is_half_of_what_comes(gin: str, kinds: list[str]) -> None:
    steps, _ = told("2 oz Gin", f"{gin} oz Gin; 2 oz Vodka")
    assert [step["kind"] for step in steps] == kinds


def test_a_part_has_one_newcomer_to_itself() -> None:
    bar = Bar()
    glasses = bar.glass("2 oz Gin; 0.5 oz Vodka"), bar.glass("1 oz Gin; 1.5 oz Cognac")
    gin, vodka, cognac = (bar.id(name) for name in ("Gin", "Vodka", "Cognac"))
    steps = find_steps(*glasses, {(gin, cognac): 0.2, (vodka, cognac): 0.3})
    assert (
        say(steps, same_mix=False) == "swap 1 oz of the Gin for 1½ oz Cognac; leave out the Vodka"
    )


@pytest.mark.parametrize(("before", "after", "kind"), [(2, 3, "pour_more"), (3, 2, "pour_less")])
def test_pieces_of_one_volume_differ_in_number_alone(before: int, after: int, kind: str) -> None:
    steps, _ = told(f"2 oz Gin; {before} each Egg", f"2 oz Vodka; {after} each Egg")
    (egg,) = (step for step in steps if step["kind"] != "swap")
    assert (egg["kind"], egg["amount"], egg["ml"]) == (kind, 1.0, 0.0)


@pytest.mark.parametrize(
    ("one", "other", "most"),
    [
        ("1 each Egg White", "4 oz Hot Water", None),  # Whiskey Sour to a toddy
        ("1 each Whole Egg", "4 oz Hot Water", None),  # Brandy Flip to Brandy Toddy
        ("1 each Egg White", "2 oz Soda Water", None),  # Whiskey Sour to Whiskey Fizz
        ("1 each Egg White", "3 each Cucumber Slice", None),
        ("3 barspoon Water", "1 dash Orange Bitters", None),
        ("2 oz Water", "2 oz Campari", None),
        ("2 oz Water", "2 oz Soda Water", 0.8),
        ("2 oz Water", "2 oz Hot Water", 9.0),
        ("1 oz Heavy Cream", "1 oz Lemon Juice", 0.8),
        ("1 oz Heavy Cream", "1 oz Milk", 9.0),
        ("1 oz Heavy Cream", "1 oz Vodka", None),  # nobody swaps the base for cream
        ("0.5 oz Orange Juice", "0.75 oz Coffee Liqueur", 0.85),
        ("0.75 oz Simple Syrup", "0.75 oz Cointreau", 0.85),
        ("1 dash Orange Bitters", "2 dash Absinthe", 0.85),
        ("1 each Sugar Cube", "1 barspoon Simple Syrup", 0.85),
        ("1 - Milk", "1 - Lemon Juice", 0.8),  # without a unit nothing is a piece
        ("2 oz Malört", "2 oz Umeshu", 9.0),  # nobody knows what they do
        ("2 oz Honey", "2 oz Grenadine", 0.85),  # no family is known of either
        ("2 oz Gin", "2 oz Campari", 9.0),
    ],
)
def test_what_a_swap_may_cost(one: str, other: str, most: float | None) -> None:
    """Both ways; at most so much, or never."""
    bar = Bar()
    for recipe, neighbor in ((one, other), (other, one)):
        glasses = bar.glass(recipe), bar.glass(neighbor)
        ours, theirs = (next(iter(glass.pours.values())).kind for glass in glasses)
        for cost in (0.3, 0.8, 0.801, 0.85, 0.851, 9.0):
            steps = find_steps(*glasses, {(ours, theirs): cost})
            swapped = [step["kind"] for step in steps] == ["swap"]
            assert swapped == (most is not None and cost <= most), (recipe, cost)


def test_a_spirit_comes_first_among_equal_amounts() -> None:
    _, words = told("1 oz Campari; 1 oz Vodka; 1 oz Lime Juice", "3 oz Tonic Water")
    assert words == "add 3 oz Tonic Water; leave out the Vodka and Campari, and 1 more change"


def test_what_goes_is_swapped_before_what_shrinks() -> None:
    _, words = told("2 oz Gin; 1 oz Vodka", "1 oz Gin; 1 oz Dark Rum")
    assert words == "swap 1 oz Vodka for Dark Rum; pour 1 oz less Gin"


@pytest.mark.parametrize(
    ("factor", "kinds"), [(2, {"swap", "stays"}), (1.9, {"swap", "pour_more"})]
)
def test_a_batch_is_twice_the_size_at_least(factor: float, kinds: set[str]) -> None:
    steps, _ = told(
        "2 oz Gin; 1 oz Lime Juice; 1 oz Simple Syrup",
        f"{2 * factor} oz Vodka; {factor} oz Lime Juice; {factor} oz Simple Syrup",
    )
    assert {step["kind"] for step in steps} == kinds


@pytest.mark.parametrize(
    ("lines", "amount", "unit"),
    [
        ("2 sprig Mint; 3 sprig Mint", 5.0, "sprig"),
        ("2 sprig Mint; 3 each Mint", None, "sprig"),
        ("1 oz Mint; 3 each Mint", 1.0338, "Ounce"),
        ("2 sprig Mint; some Mint", None, "sprig"),
    ],
)
def test_lines_in_several_units_add_up_where_they_can(
    lines: str, amount: float | None, unit: str
) -> None:
    steps, _ = told(lines, "1 oz Gin")
    (mint,) = (s["from"][0] if s["kind"] == "swap" else s for s in steps if s["kind"] != "add")
    assert (mint["amount"], mint["unit"]) == (amount, unit)


def test_an_amount_that_no_line_gives_is_not_made_up() -> None:
    line = Pour(7, "Nutmeg", 7, 1.0, None, "Ounce", 29.5735)
    glass = Bar().glass("2 oz Gin")
    (gin,) = glass.pours.values()
    steps = find_steps(glass, fill_glass([gin, line]), {(gin.kind, 7): 1.0})
    assert [(s["kind"], s["amount"]) for s in steps] == [("add", None), ("stays", 2.0)]
    assert fill_glass([line, line]).pours[7].amount is None
    whole = Pour(7, "Nutmeg", 7, 29.5735, 1.0, "Ounce", 29.5735)
    assert fill_glass([line, whole]).pours[7].amount == pytest.approx(30.5735 / 29.5735)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_three_lines_of_one_ingredient_add_up_in_any_order(order: tuple[int, ...]) -> None:
    amounts = [0.1, 0.7, 0.3]  # their sum depends on the order in which they are added
    lines = [f"{amounts[i]} oz Gin" for i in order]
    steps, words = told("; ".join([*lines, "1 oz Lime Juice"]), "1.1 oz Vodka; 1 oz Lime Juice")
    assert steps[0]["from"][0]["ml"] == 32.5309
    assert words == "swap 1⅛ oz Gin for Vodka; Lime Juice stays"


def test_sums_are_exact_whatever_comes_first() -> None:
    pours = [Pour(1, "Gin", 1, ml, ml, "ml", 1.0) for ml in (0.1, 0.7, 0.3, 1e16, -0.0, 3.0)]
    glasses = {
        fill_glass(order).pours[1].ml
        for order in itertools.islice(itertools.permutations(pours), 60)
    }
    assert len(glasses) == 1


def test_an_empty_glass_is_filled_and_emptied() -> None:
    known = Bar().glass("2 oz Gin")
    empty = fill_glass([])
    assert [s["kind"] for s in find_steps(known, empty, {(1, 2): 1.0})] == ["leave_out"]
    assert [s["kind"] for s in find_steps(empty, known, {(1, 2): 1.0})] == ["add"]
    assert find_steps(empty, empty, {}) == []
    assert say([], same_mix=True) == ""


DOES = ("spirit", "other", "lengthener")
UNIT_NAMES = ("oz", "ml", "dash", "each", "sprig", "-", "top", "some")


@st.composite
def two_drinks(draw: st.DrawFn) -> tuple[list[Pour], list[Pour]]:
    """Two drinks out of few bottles, some of one kind, in all sorts of amounts."""
    bottles = draw(st.integers(1, 8))
    kinds = {i: i - draw(st.booleans()) * (i % 2) for i in range(1, bottles + 1)}
    does: dict[int, Any] = {i: draw(st.sampled_from(DOES)) for i in kinds}
    family = {i: draw(st.sampled_from([None, 1, 2])) for i in kinds}
    bar = Bar()

    def pour(ingredient: int) -> Pour:
        word = draw(st.sampled_from(UNIT_NAMES))
        amount = draw(st.sampled_from([0.25, 0.5, 0.67, 0.75, 1, 1.5, 2, 3, 8, 22.5, 45]))
        name = f"Bottle {ingredient}"
        text = f"{word} {name}" if word in UNMEASURED else f"{amount} {word} {name}"
        line = bar.line(text)
        return replace(
            line,
            ingredient=ingredient,
            name=name,
            kind=kinds[ingredient],
            family=family[ingredient],
            does=does[ingredient],
        )

    ids = st.lists(st.integers(1, bottles), min_size=1, max_size=8)
    ours = [pour(i) for i in draw(ids)]
    theirs = [pour(i) for i in draw(ids)]
    again = draw(st.sampled_from(["other", "batch", "nearly"]))
    if again != "other":  # what is mostly the same says more than what has nothing in common
        factor = draw(st.sampled_from([0.5, 1, 3]))
        theirs = [
            replace(p, ml=p.ml * factor, amount=None if p.amount is None else p.amount * factor)
            for p in ours
        ] + (theirs[:1] if again == "nearly" else [])
    return ours, theirs


def uneven(a: int, b: int) -> float:
    """A cost at which some swaps are doubtful and some are not."""
    return 0.0 if a == b else (0.5, 0.8, 1.0)[(a + b) % 3]


def apply(recipe: Glass, steps: Sequence[dict[str, Any]]) -> dict[int, float]:
    """Do what the steps say; milliliters by ingredient."""
    ml = {key: pour.ml for key, pour in recipe.pours.items()}
    for step in steps:
        for sign, pours in {
            "swap": ((-1, step.get("from", [])), (1, step.get("to", []))),
            "pour_more": ((1, [step]),),
            "pour_less": ((-1, [step]),),
            "add": ((1, [step]),),
            "leave_out": ((-1, [step]),),
            "stays": (),
        }[step["kind"]]:
            for pour in pours:
                key = pour["ingredient_id"]
                ml[key] = ml.get(key, 0.0) + sign * pour["ml"]
    return ml


def by_kind(ml: dict[int, float], kinds: dict[int, int]) -> dict[int, float]:
    sums: dict[int, float] = {}
    for key, value in ml.items():
        sums[kinds[key]] = sums.get(kinds[key], 0.0) + value
    return sums


def scales(recipe: Glass, neighbor: Glass) -> list[float]:
    """Sizes at which a neighbor may be taken: its own, the recipe's, or that of a batch."""
    shared = recipe.pours.keys() & neighbor.pours.keys()
    ratios = [recipe.pours[key].ml / neighbor.pours[key].ml for key in shared]
    batches = [
        r
        for r in ratios
        if not 1 / BATCH_FACTOR < r < BATCH_FACTOR and 0.749 < r * neighbor.ml / recipe.ml < 1.334
    ]
    return [1.0, recipe.ml / neighbor.ml, *batches]


def lines_of(*drinks: str) -> tuple[list[Pour], ...]:
    bar = Bar()
    return tuple([bar.line(line) for line in drink.split("; ")] for drink in drinks)


@given(two_drinks())
@example(lines_of(ROSITA, NEGRONI))
@example(lines_of(NEGRONI, ROSITA))
def test_doing_the_steps_gives_the_neighbor(drinks: tuple[list[Pour], list[Pour]]) -> None:
    recipe, neighbor = map(fill_glass, drinks)
    kinds = {pour.ingredient: pour.kind for lines in drinks for pour in lines}
    moves = likeness(recipe, neighbor, uneven)
    steps = find_steps(recipe, neighbor, moves)
    made = by_kind(apply(recipe, steps), kinds)
    wanted = by_kind({key: pour.ml for key, pour in neighbor.pours.items()}, kinds)
    had = by_kind({key: pour.ml for key, pour in recipe.pours.items()}, kinds)
    counted = {  # their number counts, which their volume need not show
        pour.kind
        for glass in (recipe, neighbor)
        for pour in glass.pours.values()
        if not pour.ml_per_unit
    }

    def fits(scale: float) -> bool:
        for kind in (made.keys() | wanted.keys()) - counted:
            most = max(had.get(kind, 0.0), wanted.get(kind, 0.0) * scale)
            if abs(made.get(kind, 0.0) - wanted.get(kind, 0.0) * scale) > SAME_WITHIN * most + 1e-3:
                return False
        return True

    assert any(map(fits, scales(recipe, neighbor)))


@given(two_drinks())
def test_every_ingredient_is_told_once(drinks: tuple[list[Pour], list[Pour]]) -> None:
    recipe, neighbor = map(fill_glass, drinks)
    moves = likeness(recipe, neighbor, uneven)
    steps = find_steps(recipe, neighbor, moves)
    ours, theirs = [], []
    for step in steps:
        if step["kind"] == "swap":
            ours += [pour["ingredient_id"] for pour in step["from"]]
            theirs += [pour["ingredient_id"] for pour in step["to"]]
        else:
            (theirs if step["kind"] == "add" else ours).append(step["ingredient_id"])
    assert sorted(ours) == sorted(recipe.pours)
    assert len(set(theirs)) == len(theirs)
    assert not set(theirs) & set(ours)  # nothing comes in that is there, nothing stays and goes
    assert set(theirs) <= set(neighbor.pours)
    if not moves:
        assert say(steps, same_mix=True).startswith("the same mix")


@given(two_drinks())
def test_no_base_becomes_what_lengthens_it(drinks: tuple[list[Pour], list[Pour]]) -> None:
    recipe, neighbor = map(fill_glass, drinks)
    for step in find_steps(recipe, neighbor, likeness(recipe, neighbor, uneven)):
        if step["kind"] == "swap":
            ours = [recipe.pours[pour["ingredient_id"]] for pour in step["from"]]
            theirs = [neighbor.pours[pour["ingredient_id"]] for pour in step["to"]]
            for one, other in itertools.product(ours, theirs):
                if {one.does, other.does} == {"spirit", "lengthener"} and one.kind != other.kind:
                    assert uneven(one.kind, other.kind) <= 0.85
                    assert max(pour["ml"] for pour in step["from"] + step["to"]) <= 10


@given(two_drinks(), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(
    drinks: tuple[list[Pour], list[Pour]], shuffler: random.Random
) -> None:
    recipe, neighbor = map(fill_glass, drinks)
    moves = likeness(recipe, neighbor, uneven)
    one, other = (fill_glass(shuffler.sample(lines, len(lines))) for lines in drinks)
    assert find_steps(one, other, moves) == find_steps(recipe, neighbor, moves)


@given(two_drinks())
def test_a_sentence_tells_three_changes_and_counts_the_rest(
    drinks: tuple[list[Pour], list[Pour]],
) -> None:
    recipe, neighbor = map(fill_glass, drinks)
    moves = likeness(recipe, neighbor, uneven)
    steps = find_steps(recipe, neighbor, moves)
    changes = sum(step["kind"] != "stays" for step in steps)
    words = say(steps, same_mix=not moves)
    assert (
        "".join(f if isinstance(f, str) else f.text for f in phrase(steps, same_mix=not moves))
        == words
    )
    rest = changes - MOST_STEPS
    if moves and rest > 0:
        assert f"and {rest} more change" in words
        assert ("changes" in words) == (rest > 1)
    else:
        assert "change" not in words
    assert "smaller" not in words  # which nobody looked at
    if moves and changes:
        clauses = words.split("; ")
        assert len(clauses) <= MOST_STEPS + 1
        assert not any(f.isspace() and f != " " for f in words)
