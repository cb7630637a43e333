"""What memory and disk a refresh needs, estimated from counts before the work begins.

The figures were fitted to measured peaks (docs/reliability.md) and rounded up; a slow test
measures again. Those of memory are never less than what was measured, for the system ends a
process that takes too much without a word. Those of disk are never more, for a full disk is
noticed where it happens, and what fits must not be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analytics_core.errors import DataError, StorageError
from analytics_core.room import Memory, find_memory, free_disk, sized

COLD_BYTES = 340_000_000
"""What a process takes that has to compile everything first, however small the database."""
WARM_BYTES = 250_000_000
"""Python, the libraries and compiled code."""
SQUARES = 5
"""Numbers of 8 bytes for each pair of ingredients in play that are held at once: 3.2 while the cost
is learned and 4.3 while documents are made were measured."""
SMALL_BYTES = 1 << 29
"""Less than this is not asked about; a job on AWS has four times as much at least."""

_RECIPE_BYTES = 500
_NEIGHBOR_BYTES = 200
_LINE_BYTES = 800
_PAGE_BYTES = 6_000  # of each recipe
_ROWS_BYTES = 1_800_000  # for each neighbor of a recipe: some hundred rows are made at a time
# Of each copy of the process: pages that it writes to, and what it makes.
_COPY_BYTES, _COPY_RECIPE_BYTES, _COPY_LINE_BYTES = 40_000_000, 100, 600
_SEARCH_NEIGHBOR_BYTES, _SEARCH_LINE_BYTES = 50, 300


@dataclass(frozen=True, slots=True)
class Needs:
    """Counts that decide what a refresh needs.

    Attributes
    ----------
    called : str
        The database, as errors call it.
    recipes, lines, ingredients : int
        Recipes, their lines, and ingredients in play.
    neighbors : int
        Of each recipe.
    page : bool
        Whether the page is made too.
    """

    called: str
    recipes: int
    lines: int
    ingredients: int
    neighbors: int
    page: bool = True

    @property
    def _squares(self) -> int:
        return SQUARES * 8 * self.ingredients**2

    @property
    def search_bytes(self) -> int:
        """Memory to learn the cost and to search for neighbors."""
        found = self.recipes * (_RECIPE_BYTES + self.neighbors * _SEARCH_NEIGHBOR_BYTES)
        found += self.lines * _SEARCH_LINE_BYTES
        return max(COLD_BYTES, WARM_BYTES + found) + self._squares

    def refresh_bytes(self, processes: int = 1) -> int:
        """Memory of a whole refresh whose documents are made by so many copies of the process."""
        each = _RECIPE_BYTES + self.neighbors * _NEIGHBOR_BYTES + self.page * _PAGE_BYTES
        rows = self.neighbors * _ROWS_BYTES
        found = self.recipes * each + self.lines * _LINE_BYTES + rows
        if processes > 1:
            copied = self.recipes * _COPY_RECIPE_BYTES + self.lines * _COPY_LINE_BYTES
            found += processes * (_COPY_BYTES + rows + copied)
        return max(COLD_BYTES, WARM_BYTES + found) + self._squares

    @property
    def output_bytes(self) -> int:
        """Disk that a published set takes at least."""
        listed = min(self.neighbors, max(0, self.recipes - 1))
        return self.recipes * (200 + 150 * listed) + 60 * self.lines


def require_memory(needs: Needs, *, whole: bool, memory: Memory | None = None) -> None:
    """Refuse a database whose refresh finds no memory.

    Parameters
    ----------
    needs : Needs
    whole : bool
        Whether maps and documents are made too, or neighbors alone are searched.
    memory : Memory, optional
        Default: what the system and the container leave. Where nothing says so, nothing is refused.

    Raises
    ------
    DataError
        With what it would need, what there is, and what to do.
    """
    needed = needs.refresh_bytes() if whole else needs.search_bytes
    there = memory or find_memory()
    if needed <= SMALL_BYTES or there is None or needed <= there.usable:
        return
    advice = (
        "fold ingredients that are alike into one (a parent, and allow_substitution = 1), or give"
        if 2 * needs._squares > needed
        else "Give"
    )
    advice = advice[0].upper() + advice[1:]
    raise DataError(
        f"{needs.called} has {needs.recipes:,} recipes with {needs.lines:,} lines and"
        f" {needs.ingredients:,} ingredients in use; {'its refresh' if whole else 'the search'}"
        f" needs about {sized(needed)} of memory, and of the {sized(there.limit)} of {there.owner}"
        f" it can have {sized(there.usable)}. {advice} the job more memory (memory_mib in the"
        " environment's settings, or that of the step's machine)."
    )


def affordable(needs: Needs, processes: int, *, memory: Memory | None = None) -> int:
    """Return how many copies of the process may make documents, from 1 to `processes`."""
    there = memory or find_memory()
    if there is None:
        return processes
    return next(
        (count for count in range(processes, 1, -1) if needs.refresh_bytes(count) <= there.usable),
        1,
    )


def require_disk(needs: Needs, folder: Path) -> None:
    """Refuse a folder that cannot hold the documents.

    Raises
    ------
    StorageError
        With what they take, what is free, and what to do.
    """
    there = free_disk(folder)
    if there is None or needs.output_bytes <= there[0]:
        return
    raise StorageError(
        f"the documents of {needs.recipes:,} recipes take {sized(needs.output_bytes)} or more, and"
        f" {folder} has {sized(there[0])} free of {sized(there[1])}; free some space or choose"
        " another folder"
    )
