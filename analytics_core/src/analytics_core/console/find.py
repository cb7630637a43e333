"""Finding a published recipe by what somebody types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import typer

from analytics_core.console.terminal import plain
from analytics_core.naming import fold, near_names


def find_recipes(
    entries: Iterable[Mapping[str, Any]], name: str | None, recipe_id: int | None = None
) -> list[int]:
    """Return the ids of the recipes that are meant, ascending.

    Parameters
    ----------
    entries
        Rows with ``recipe_id`` and ``recipe_name`` of all recipes.
    name
        Compared as `analytics_core.naming.fold` does; None where the id says it all.
    recipe_id
        Which of several recipes of one name.

    Raises
    ------
    typer.BadParameter
        If there is none; says which names are near.
    """
    names = {int(entry["recipe_id"]): str(entry["recipe_name"]) for entry in entries}
    if recipe_id is not None:
        if recipe_id not in names:
            raise typer.BadParameter(f"there is no recipe with the id {recipe_id}")
        if name is not None and fold(name) != fold(names[recipe_id]):
            other = plain(names[recipe_id])
            raise typer.BadParameter(f"the recipe with the id {recipe_id} is {other!r}")
        return [recipe_id]
    wanted = fold(name or "")
    exact = [key for key, its in names.items() if its == name]
    if found := [key for key, its in names.items() if wanted and fold(its) == wanted] or exact:
        return sorted(found)
    near = near_names(wanted, names.values())
    hint = f"; did you mean {', '.join(plain(each).strip() for each in near)}?" if near else ""
    raise typer.BadParameter(f"there is no recipe named {plain(name or '')!r}{hint}")
