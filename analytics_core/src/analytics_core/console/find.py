"""Finding a published recipe by what somebody types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from analytics_core.console.terminal import plain
from analytics_core.naming import fold, near_names


def find_recipes(
    documents: Mapping[str, Mapping[str, Any]], name: str | None, recipe_id: int | None = None
) -> list[dict[str, Any]]:
    """Return the entries of `recipe-similar` that are meant, ascending by id.

    Parameters
    ----------
    documents
        A published set.
    name
        Compared as `analytics_core.naming.fold` does; None where the id says it all.
    recipe_id
        Which of several recipes of one name.

    Raises
    ------
    typer.BadParameter
        If there is none; says which names are near.
    """
    entries: list[dict[str, Any]] = documents["recipe-similar"]["data"]
    if recipe_id is not None:
        found = [entry for entry in entries if entry["recipe_id"] == recipe_id]
        if not found:
            raise typer.BadParameter(f"there is no recipe with the id {recipe_id}")
        if name is not None and fold(name) != fold(found[0]["recipe_name"]):
            other = plain(found[0]["recipe_name"])
            raise typer.BadParameter(f"the recipe with the id {recipe_id} is {other!r}")
        return found
    wanted = fold(name or "")
    exact = [entry for entry in entries if entry["recipe_name"] == name]
    found = [entry for entry in entries if wanted and fold(entry["recipe_name"]) == wanted] or exact
    if found:
        return found
    near = near_names(wanted, (entry["recipe_name"] for entry in entries))
    names = ", ".join(plain(each).strip() for each in near)
    hint = f"; did you mean {names}?" if names else ""
    raise typer.BadParameter(f"there is no recipe named {plain(name or '')!r}{hint}")
