"""From the rows of any layout to a catalog.

Nothing in the rows is trusted. What can be repaired by rule is repaired and counted in a
`Finding`; what cannot is a `DataError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics_core.errors import DataError
from analytics_core.source.catalog import (
    Catalog,
    Ingredients,
    Lines,
    Recipes,
    fingerprint_content,
)
from analytics_core.source.findings import Findings
from analytics_core.source.guesses import ReadLines, report_contradictions, report_volumes
from analytics_core.source.poured import VolumeRule, poured_volumes_ml, with_known_sizes
from analytics_core.source.units import Unit, line_volumes_ml

# Stand-ins for values that are NULL, or of another type than a column of ids may have.
NULL_ID = -(2**63)
BAD_ID = NULL_ID + 1

# A bartender's tree has four levels. Paths grow with the square of the depth, so a hostile
# chain of parents must not go on for ever.
MAX_DEPTH = 1000
_INGREDIENTS = ("ingredient", "ingredients")
_RECIPES = ("recipe", "recipes")
_LINES = ("line", "lines")

Columns = list[tuple[Any, ...]]


def assemble(
    database: object,
    tables: Mapping[str, Columns],
    findings: Findings,
    *,
    volumes: VolumeRule = "site",
) -> Catalog:
    """Check a database's rows, repair what can be repaired, and put them in canonical order.

    Parameters
    ----------
    database
        What errors call it.
    tables
        Columns by table: ``ingredients`` (id, name, parent id, path, allow_substitution),
        ``units`` (id, name, abbreviation, conversion to ml), ``recipes`` (id, name) and
        ``recipe_ingredients`` (recipe id, ingredient id, unit id, amount). `NULL_ID` and
        `BAD_ID` stand for ids that are absent or no integers.
    findings
        Takes what was repaired, guessed or left out.
    volumes
        ``site``: a piece is 1 ml. ``poured``: pieces and unknown units as they are poured, see
        `analytics_core.source.poured`.

    Raises
    ------
    DataError
        If an id occurs twice, or the ingredients' parents form a cycle.
    """
    ingredients = _ingredients(database, tables, findings)
    units, unit_of_id, assumed = _units(database, tables, findings, volumes)
    recipe_ids, recipe_names, _ = _named_rows(database, "recipes", tables["recipes"], findings)
    recipes, lines = _recipes_and_lines(
        ingredients=ingredients,
        recipes=Recipes(ids=recipe_ids, names=recipe_names),
        units=units,
        unit_of_id=unit_of_id,
        assumed=assumed,
        columns=tables["recipe_ingredients"],
        findings=findings,
        volumes=volumes,
    )
    return Catalog(
        ingredients=ingredients,
        recipes=recipes,
        lines=lines,
        units=units,
        findings=findings.collected(),
        fingerprint=fingerprint_content(ingredients, recipes, lines, units),
    )


def _labels(ids: NDArray[np.int64], names: Sequence[str], rows: Iterable[int]) -> list[str]:
    return [f"{names[row]} (id {ids[row]})" for row in rows]


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def _named_rows(
    database: object, table: str, columns: Columns, findings: Findings
) -> tuple[NDArray[np.int64], tuple[str, ...], NDArray[np.intp]]:
    """Return ids (ascending) and names of a table's rows, and the rows they stand in."""
    ids, order = _sorted_ids(database, table, columns[0], findings)
    noun = table.removesuffix("s")
    nameless = []
    names = []
    for position, row in enumerate(order.tolist()):
        name = _text(columns[1][row])
        if name is None or not name.strip():
            name = f"{noun.capitalize()} {ids[position]}"
            nameless.append(name)
        names.append(name)
    findings.add(
        "missing-name",
        "Named {} after the id, because the name is empty.",
        ("row", "rows"),
        nameless,
    )
    return ids, tuple(names), order


def _sorted_ids(
    database: object, table: str, column: Sequence[int], findings: Findings
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return a table's ids ascending, and the rows they stand in."""
    raw = np.array(column, dtype=np.int64)
    order = np.argsort(raw, kind="stable")
    bad = int(np.count_nonzero(raw <= BAD_ID))
    findings.add(
        "bad-id",
        "Left out {} whose id is not a whole number.",
        ("row", "rows"),
        [f"table {table}"] * bad,
    )
    order = order[bad:]  # the stand-ins are the smallest numbers there are
    ids = raw[order]
    twice = ids[1:][ids[1:] == ids[:-1]]
    if twice.size:
        raise DataError(
            f"The database {database} has more than one row with id {twice[0]} "
            f"in the table {table}."
        )
    return ids, order


def _find(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the position of each wanted id in the ascending `ids`; -1 where it is absent."""
    if not ids.size:
        return np.full(wanted.shape, -1, dtype=np.int32)
    position = np.minimum(np.searchsorted(ids, wanted), ids.size - 1)
    found: NDArray[np.int32] = np.where(ids[position] == wanted, position, -1).astype(np.int32)
    return found


def _ingredients(
    database: object, tables: Mapping[str, Columns], findings: Findings
) -> Ingredients:
    columns = tables["ingredients"]
    ids, names, order = _named_rows(database, "ingredients", columns, findings)
    parent_ids = np.array(columns[2], dtype=np.int64)[order]
    parents = _find(ids, parent_ids)
    orphans = np.flatnonzero((parent_ids != NULL_ID) & (parents < 0)).tolist()
    findings.add(
        "orphan-parent",
        "Made roots of {} whose parent_id has no row.",
        _INGREDIENTS,
        _labels(ids, names, orphans),
    )
    paths = _paths(database, ids, parents)
    # Below an orphan, stored paths may still hold the lost parent's id: one flaw, reported once.
    lost = {f"/{ids[row]}/": f"/{parent_ids[row]}/{ids[row]}/" for row in orphans}
    disagreeing = []
    for position, row in enumerate(order.tolist()):
        path, stored = paths[position], _text(columns[3][row])
        if stored != path:
            root = path[: path.index("/", 1) + 1]
            if root not in lost or stored != lost[root] + path[len(root) :]:
                disagreeing.append(position)
    findings.add(
        "path-mismatch",
        "Rebuilt the path of {}, because it disagrees with parent_id.",
        _INGREDIENTS,
        _labels(ids, names, disagreeing),
    )
    allow = np.array(columns[4], dtype=np.int64)[order]
    findings.add(
        "bad-allow-substitution",
        "Read allow_substitution as 0 for {}, where it is neither 0 nor 1.",
        _INGREDIENTS,
        _labels(ids, names, np.flatnonzero(allow < 0).tolist()),
    )
    return Ingredients(
        ids=ids, names=names, parents=parents, allow_substitution=allow == 1, paths=paths
    )


def _paths(database: object, ids: NDArray[np.int64], parents: NDArray[np.int32]) -> tuple[str, ...]:
    """Return the path of every ingredient; raise a DataError where parents form a cycle."""
    parent_of, id_of = parents.tolist(), ids.tolist()
    paths: list[str | None] = [None] * len(id_of)
    for start in range(len(id_of)):
        chain: dict[int, None] = {}  # keeps its order
        node = start
        while node >= 0 and paths[node] is None:
            if node in chain:
                walked = list(chain)
                cycle = [str(id_of[member]) for member in walked[walked.index(node) :]]
                shown = " -> ".join([*cycle[:50], "…"] if len(cycle) > 50 else [*cycle, cycle[0]])
                raise DataError(
                    f"The database {database} has a cycle among the parents of its ingredients: "
                    f"ids {shown}."
                )
            chain[node] = None
            node = parent_of[node]
        path = "/" if node < 0 else paths[node] or "/"
        if path.count("/") + len(chain) > MAX_DEPTH:
            raise DataError(
                f"The database {database} has ingredients more than {MAX_DEPTH} levels deep, "
                f"below id {id_of[start]}."
            )
        for member in reversed(chain):
            path += f"{id_of[member]}/"
            paths[member] = path
    return tuple(path or "/" for path in paths)


def _units(
    database: object, tables: Mapping[str, Columns], findings: Findings, volumes: VolumeRule
) -> tuple[tuple[Unit, ...], Callable[[NDArray[np.int64]], NDArray[np.int32]], frozenset[Unit]]:
    """Return the distinct units, sorted, their indices by id, and those of a bar's usual size."""
    columns = tables["units"]
    ids, order = _sorted_ids(database, "units", columns[0], findings)
    entries = []
    bad = []
    for position, row in enumerate(order.tolist()):
        name = _text(columns[1][row]) or f"Unit {ids[position]}"
        conversion = columns[3][row]
        if conversion is not None and not 0 <= conversion < float("inf"):
            bad.append(f"{name} (id {ids[position]})")
            conversion = None
        entries.append(Unit(name, _text(columns[2][row]), conversion))
    findings.add(
        "bad-conversion",
        "Ignored the conversion_to_ml of {}, which is negative, infinite or not a number.",
        ("unit", "units"),
        bad,
    )
    assumed: frozenset[Unit] = frozenset()
    if volumes == "poured":
        known = with_known_sizes(entries)
        entries, assumed = list(known.units), known.assumed
        report_contradictions(known, findings)
    units = sorted(set(entries), key=_unit_key)
    index_of = {unit: index for index, unit in enumerate(units)}
    index = np.array([index_of[entry] for entry in entries] + [-1], dtype=np.int32)
    return tuple(units), lambda wanted: index[_find(ids, wanted)], assumed


def _unit_key(unit: Unit) -> tuple[str, bool, str, bool, float]:
    return (
        unit.name,
        unit.abbreviation is None,
        unit.abbreviation or "",
        unit.conversion_to_ml is None,
        unit.conversion_to_ml or 0.0,
    )


def _recipes_and_lines(
    *,
    ingredients: Ingredients,
    recipes: Recipes,
    units: tuple[Unit, ...],
    unit_of_id: Callable[[NDArray[np.int64]], NDArray[np.int32]],
    assumed: frozenset[Unit],
    columns: Columns,
    findings: Findings,
    volumes: VolumeRule,
) -> tuple[Recipes, Lines]:
    """Leave out dangling lines and unusable recipes; sort what remains."""
    recipe_ids, ingredient_ids, unit_ids = (
        np.array(columns[index], dtype=np.int64) for index in range(3)
    )
    amount = np.array(columns[3], dtype=np.float64) + 0.0  # None becomes NaN, -0.0 becomes 0.0
    recipe = _find(recipes.ids, recipe_ids)
    ingredient = _find(ingredients.ids, ingredient_ids)
    kept = (recipe >= 0) & (ingredient >= 0)
    dangling = np.flatnonzero(~kept).tolist()
    findings.add(
        "dangling-line",
        "Left out {} whose recipe or ingredient does not exist.",
        _LINES,
        [
            f"recipe {_id_text(recipe_ids[row])}, ingredient {_id_text(ingredient_ids[row])}"
            for row in dangling
        ],
    )
    unit = unit_of_id(unit_ids)
    unknown = np.flatnonzero(kept & (unit < 0) & (unit_ids != NULL_ID)).tolist()
    findings.add(
        "unknown-unit",
        "Read {} as having no unit, because the unit does not exist.",
        _LINES,
        [
            f"{recipes.names[recipe[row]]} (id {recipe_ids[row]}), unit {_id_text(unit_ids[row])}"
            for row in unknown
        ],
    )
    if volumes == "poured":
        poured = poured_volumes_ml(
            amount,
            unit,
            units,
            ingredient,
            ingredients.names,
            recipe=recipe,
            parents=ingredients.parents,
        )
        volume = poured.volume_ml
        read = ReadLines(
            recipe=recipe,
            ingredient=ingredient,
            unit=unit,
            amount=amount,
            recipe_ids=recipes.ids,
            recipe_names=recipes.names,
            ingredient_names=ingredients.names,
            units=units,
        )
        report_volumes(read, poured, assumed, findings)
    else:
        volume = line_volumes_ml(amount, unit, units)
    recipe, ingredient, unit = recipe[kept], ingredient[kept], unit[kept]
    amount, volume = amount[kept], volume[kept]

    usable = _usable_recipes(
        recipes, recipe=recipe, amount=amount, volume=volume, findings=findings
    )
    kept = usable[recipe]
    new_index = np.cumsum(usable, dtype=np.int32) - 1
    recipe, ingredient, unit = new_index[recipe[kept]], ingredient[kept], unit[kept]
    amount, volume = amount[kept], volume[kept]
    order = np.lexsort((amount, unit, volume, ingredient, recipe))
    lines = Lines(
        recipe=recipe[order].astype(np.int32),
        ingredient=ingredient[order],
        amount=amount[order],
        unit=unit[order],
        volume_ml=volume[order],
    )
    names = tuple(
        name for name, is_usable in zip(recipes.names, usable.tolist(), strict=True) if is_usable
    )
    return Recipes(ids=recipes.ids[usable], names=names), lines


def _usable_recipes(
    recipes: Recipes,
    *,
    recipe: NDArray[np.int32],
    amount: NDArray[np.float64],
    volume: NDArray[np.float64],
    findings: Findings,
) -> NDArray[np.bool_]:
    """Return which recipes have lines, sound amounts and a positive volume."""
    count = recipes.ids.size
    lines = np.bincount(recipe, minlength=count)
    wrong = (amount < 0) | np.isinf(amount) | ~np.isfinite(volume)
    flawed = np.bincount(recipe, weights=wrong, minlength=count) > 0
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.bincount(recipe, weights=volume, minlength=count)
    flawed |= ~np.isfinite(total)
    without_lines = lines == 0
    without_volume = ~without_lines & ~flawed & (total <= 0)
    for code, message, rows in (
        ("recipe-without-lines", "Left out {} without lines.", without_lines),
        (
            "bad-amount",
            "Left out {} with an amount that is negative, infinite or not a number.",
            flawed,
        ),
        ("recipe-without-volume", "Left out {} whose volumes sum to 0.", without_volume),
    ):
        chosen = np.flatnonzero(rows).tolist()
        findings.add(code, message, _RECIPES, _labels(recipes.ids, recipes.names, chosen))
    usable: NDArray[np.bool_] = ~(without_lines | flawed | without_volume)
    if not usable.any():
        findings.add(
            "no-usable-recipe",
            "Of {}, none is usable; the documents are empty.",
            _RECIPES,
            _labels(recipes.ids, recipes.names, range(count)) or ["the table recipes is empty"],
        )
    return usable


def _id_text(value: np.int64) -> str:
    return {NULL_ID: "NULL", BAD_ID: "not a number"}.get(int(value), str(value))
