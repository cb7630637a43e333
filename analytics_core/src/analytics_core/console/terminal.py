"""What people read in a terminal: tables, swaps in words, and the map."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from analytics_core.console.streams import harmless
from analytics_core.naming import fold
from analytics_core.source.findings import MAX_EXAMPLES

if TYPE_CHECKING:
    from analytics_core.source.findings import Finding

_LONGEST_NAME = 60
_FAMILIAR = ("Negroni", "Daiquiri", "Manhattan", "Margarita", "Martini")
_COLORS = ("cyan", "yellow", "green", "magenta", "red", "blue", "bright_cyan", "bright_yellow")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_Documents = Mapping[str, Mapping[str, Any]]


class Output(Console):
    """Standard output, which text commands nothing; a reader that goes away is no error."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, but nothing of a text that is a command to the terminal."""
        super().print(*(harmless(o) if isinstance(o, str) else o for o in objects), **options)

    def on_broken_pipe(self) -> NoReturn:
        """Throw away what is left, so that closing the stream does not fail either."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0)


def plain(text: str, *, longest: int = _LONGEST_NAME) -> str:
    """Make a name safe for a terminal: no control sequences, one blank at most, not endless."""
    printable = " ".join(harmless(text).split())
    return printable if len(printable) <= longest else f"{printable[: longest - 1]}…"


def stages_table(stages: Iterable[Mapping[str, Any]]) -> Table:
    """Build the table of a manifest's stages."""
    table = Table("stage", title="Stages", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("seconds", justify="right")
    table.add_column("")
    for stage in stages:
        reused = "from an earlier run" if stage.get("reused") else ""
        table.add_row(plain(str(stage["name"])), f"{float(stage['seconds']):.2f}", reused)
    return table


def findings_text(findings: Sequence[Finding], *, shown: int = 3) -> Group:
    """Build paragraphs of findings: what was found, what to do about it, and examples."""
    paragraphs: list[Padding | Text] = []
    for finding in findings:
        heading = Text(plain(finding.message, longest=400), style="bold")
        paragraphs.append(heading.append(f"  [{plain(finding.code)}]", style="not bold dim"))
        if finding.advice:
            paragraphs.append(Padding(Text(finding.advice), (0, 0, 0, 2)))
        paragraphs += [
            Padding(Text(f"- {plain(example, longest=100)}"), (0, 0, 0, 2))
            for example in finding.examples[:shown]
        ]
        if len(finding.examples) > shown:
            rest = Text(f"and {len(finding.examples) - shown} more with --json", style="dim")
            if len(finding.examples) >= MAX_EXAMPLES:
                rest = Text("and more; --json shows ten", style="dim")
            paragraphs.append(Padding(rest, (0, 0, 0, 2)))
        paragraphs.append(Text())
    return Group(*paragraphs)


def neighbors_table(
    entry: Mapping[str, Any], names: Sequence[Mapping[str, Any]], *, count: int
) -> Table:
    """Build the table of a recipe's nearest neighbors, each with its swaps in words.

    Parameters
    ----------
    entry
        The recipe's row of `recipe-similar`.
    names
        Rows with ``recipe_name`` of all recipes.
    count
        Neighbors at most.
    """
    named = Counter(fold(other["recipe_name"]) for other in names)

    def call(ident: int, name: str) -> str:
        return f"{plain(name)} (id {ident})" if named[fold(name)] > 1 else plain(name)

    title = Text(call(entry["recipe_id"], entry["recipe_name"]), style="bold")
    table = Table("", title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("distance", justify="right", style="dim")
    table.add_column("how to get there")
    for neighbor in entry["neighbors"][:count]:
        name = Text(f"→ {call(neighbor['neighbor_recipe_id'], neighbor['neighbor_name'])}")
        words = plain(str(neighbor.get("words", "")), longest=400)  # older sets have no words
        table.add_row(name, f"{neighbor['distance']:.3f}", Text(words))
    if not entry["neighbors"]:
        alone = len(names) == 1
        why = "no neighbors: it is the only recipe" if alone else "no neighbors are published"
        table.add_row(why, "", "")
    return table


def familiar_recipes(entries: Sequence[Mapping[str, Any]], *, count: int = 3) -> list[int]:
    """Choose recipes most people know, else the first ones, of rows that have id and name."""
    by_name = {fold(entry["recipe_name"]): entry["recipe_id"] for entry in entries}
    known = [by_name[fold(name)] for name in _FAMILIAR if fold(name) in by_name]
    rest = [entry["recipe_id"] for entry in entries if entry["recipe_id"] not in known]
    return [*known, *rest][:count]


def draw_map(
    documents: _Documents, *, kind: str, width: int, height: int, labels: bool = True
) -> tuple[Text, Text]:
    """Draw the map of recipes with one letter per point, and its legend.

    Parameters
    ----------
    documents
        A published set.
    kind
        ``cocktail-space`` or ``cocktail-space-em``.
    width, height
        Size in characters.
    labels
        Write names where there is room.
    """
    points = documents[kind]["data"]
    bases = {
        detail["recipe_id"]: plain(detail.get("base_ingredient_name") or "other", longest=20)
        for detail in documents.get("recipe-details", {}).get("data", ())
    }
    counts = Counter(bases.get(point["recipe_id"], "other") for point in points)
    letters = _letters(name for name, _ in counts.most_common())
    styles = {
        name: _COLORS[rank] if rank < len(_COLORS) else "dim"
        for rank, (name, _) in enumerate(counts.most_common())
    }

    cells: dict[tuple[int, int], tuple[str, str]] = {}
    columns = _scaled([float(point["x"]) for point in points], width)
    rows = [height - 1 - row for row in _scaled([float(point["y"]) for point in points], height)]
    for point, row, column in zip(points, rows, columns, strict=True):
        base = bases.get(point["recipe_id"], "other")
        cells[row, column] = (letters[base], f"bold {styles[base]}")
    if labels:
        for point, row, column in zip(points, rows, columns, strict=True):
            _label(cells, plain(point["recipe_name"], longest=18), row, column + 2, width)

    drawing = Text(no_wrap=True)
    for row in range(height):
        for column in range(width):
            character, style = cells.get((row, column), (" ", ""))
            drawing.append(character, style=style or None)
        drawing.append("\n")
    legend = Text("   ").join(
        Text(f"{letters[name]} {name} {count}", style=styles[name])
        for name, count in counts.most_common()
    )
    return drawing, legend


def _scaled(values: Sequence[float], size: int) -> list[int]:
    """Spread values over the characters 0 to size - 1."""
    low, span = min(values, default=0.0), max(values, default=0.0) - min(values, default=0.0)
    return [round((value - low) / span * (size - 1)) if span else size // 2 for value in values]


def _label(
    cells: dict[tuple[int, int], tuple[str, str]], name: str, row: int, column: int, width: int
) -> None:
    """Write a name where nothing is in its way, with a blank on either side; else leave it out."""
    room = range(column - 1, column + len(name) + 1)
    if room.stop > width or any((row, place) in cells for place in room):
        return
    for place, character in enumerate(name, start=column):
        cells[row, place] = (character, "dim")


def _letters(names: Iterable[str]) -> dict[str, str]:
    """Give each name a letter of its own, its first one if that is free."""
    letters: dict[str, str] = {}
    for name in names:
        wanted = [letter for letter in f"{name.upper()}{_ALPHABET}" if letter.isalnum()]
        letters[name] = next((c for c in wanted if c not in letters.values()), "·")
    return letters
