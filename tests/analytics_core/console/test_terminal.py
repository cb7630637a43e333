"""What people read in a terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from analytics_core.console.terminal import neighbors_table


def shown(neighbor: dict[str, Any], **documents: Any) -> str:
    """Print the table of a drink with one neighbor."""
    rows = [{"recipe_id": 1, "recipe_name": "Negroni", "neighbors": [neighbor]}]
    written = StringIO()
    out = Console(file=written, width=160)
    out.print(neighbors_table({"recipe-similar": {"data": rows}, **documents}, 1, count=3))
    return written.getvalue()


NEIGHBOR = {
    "neighbor_recipe_id": 2,
    "neighbor_name": "Boulevardier",
    "distance": 0.25,
    "transport_plan": [],
}


def test_words_are_shown_as_published() -> None:
    text = shown({**NEIGHBOR, "words": "swap 1 oz Gin for [bold]Bourbon[/bold]; Campari stays"})
    assert "→ Boulevardier" in text
    assert "0.250" in text
    assert "swap 1 oz Gin for [bold]Bourbon[/bold]; Campari stays" in text


def test_one_drink_known_is_enough() -> None:
    """The words are in the neighbor's own entry; what else is published does not matter."""
    words = "swap 1 oz Gin for Bourbon"
    details = {"data": [{"recipe_id": 1, "recipe_name": "Negroni", "lines": []}]}
    for documents in ({}, {"recipe-details": details}):
        assert words in shown({**NEIGHBOR, "words": words}, **documents)


def test_a_set_without_words_shows_names_and_distances() -> None:
    text = shown(NEIGHBOR)
    assert "Boulevardier" in text
    assert "0.250" in text
