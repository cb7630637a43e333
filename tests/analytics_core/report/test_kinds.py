"""What an ingredient is to someone with a shelf, from its name and the names above it."""

from __future__ import annotations

import pytest

from analytics_core.report.kinds import Kind, find_kinds, find_makings


def kind(*lineage: str) -> Kind:
    return find_kinds(lineage, range(-1, len(lineage) - 1))[-1]


@pytest.mark.parametrize(
    ("lineage", "expected"),
    [
        (("Gin", "London Dry Gin", "Gordon's"), Kind.ALCOHOL),
        (("Ginger Beer",), Kind.PANTRY),
        (("Soda", "Ginger Soda", "Ginger Beer"), Kind.PANTRY),
        (("Beer and Cider", "Ginger Beer"), Kind.PANTRY),
        (("Ginger",), Kind.PANTRY),
        (("Liqueur", "Irish Cream"), Kind.ALCOHOL),
        (("Liqueur", "Ginger Liqueur"), Kind.ALCOHOL),
        (("Orange Bitters",), Kind.ALCOHOL),
        (("Bitter Lemon",), Kind.PANTRY),
        (("Wine Vinegar",), Kind.PANTRY),
        (("Non-Alcoholic Gin",), Kind.PANTRY),
        (("CRÈME DE CACAO",), Kind.ALCOHOL),
        (("Peychaud’s Bitters",), Kind.ALCOHOL),
        (("Coconut Cream",), Kind.PANTRY),
        (("Raspberries",), Kind.PANTRY),
        (("Sweetener", "Honey Syrup"), Kind.HOMEMADE),
        (("Elderflower Cordial",), Kind.HOMEMADE),
        (("Water", "Hot Water"), Kind.AT_HAND),
        (("Crushed Ice",), Kind.AT_HAND),
        (("Soda Water",), Kind.PANTRY),
        (("Watermelon",), Kind.UNTOLD),
        (("Something", "Rum"), Kind.ALCOHOL),
        (("قهوة",), Kind.UNTOLD),
        (("",), Kind.UNTOLD),
    ],
)
def test_kinds(lineage: tuple[str, ...], expected: Kind) -> None:
    assert kind(*lineage) is expected


def test_what_is_made_of_what() -> None:
    names = [
        *("Sugar", "Simple Syrup", "Honey", "Honey Syrup", "Raspberry", "Raspberry Syrup"),
        *("Lime", "Fresh Lime Juice", "Lime Cordial", "Egg", "Egg White", "Agave Syrup", "Rum"),
    ]
    kinds = find_kinds(names, [-1] * len(names))
    made = [[names[i] for i in row] for row in find_makings(names, kinds)]
    assert made == [
        ["Simple Syrup", "Sugar"],
        ["Honey Syrup", "Honey"],
        ["Raspberry Syrup", "Raspberry", "Sugar"],
        ["Lime", "Fresh Lime Juice"],
        ["Fresh Lime Juice", "Lime"],
        ["Egg White", "Egg"],
    ]
