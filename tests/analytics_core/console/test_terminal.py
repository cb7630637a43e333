"""What people read in a terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from analytics_core.console.terminal import neighbors_table


def shown(*neighbors: dict[str, Any], others: int = 1) -> str:
    """Print the table of a drink."""
    row = {"recipe_id": 1, "recipe_name": "Negroni", "neighbors": neighbors}
    written = StringIO()
    out = Console(file=written, width=160)
    names = [row, *({"recipe_id": n + 2, "recipe_name": f"Drink {n}"} for n in range(others))]
    out.print(neighbors_table(row, names, count=3))
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


def test_why_there_are_no_neighbors_is_said() -> None:
    assert "no neighbors: it is the only recipe" in shown(others=0)
    assert "only recipe" not in shown(others=1)
    assert "no neighbors are published" in shown(others=1)


def test_a_set_without_words_shows_names_and_distances() -> None:
    text = shown(NEIGHBOR)
    assert "Boulevardier" in text
    assert "0.250" in text
