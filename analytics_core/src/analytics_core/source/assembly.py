"""From the rows of any layout to a catalog.

Nothing in the rows is trusted. What can be repaired by rule is repaired and counted in a
`Finding`; what cannot is a `DataError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analytics_core.errors import DataError
from analytics_core.source.catalog import Catalog, Ingredients, Lines, Recipes, with_fingerprint
from analytics_core.source.findings import Findings
from analytics_core.source.guesses import ReadLines, report_contradictions, report_volumes
from analytics_core.source.poured import VolumeRule, poured_volumes_ml, with_known_sizes
from analytics_core.source.rows import BAD_ID, NULL_ID, LineRows, RecipeRows, Rows, UnitRows
from analytics_core.source.units import Unit, line_volumes_ml

# A bartender's tree has four levels. Paths grow with the square of the depth, so a hostile
# chain of parents must not go on for ever.
MAX_DEPTH = 1000
MOST_DILUTION = 400.0
"""Percent of what is poured; a tall drink over crushed ice is far below."""
_INGREDIENTS = ("ingredient", "ingredients")
_RECIPES = ("recipe", "recipes")
_LINES = ("line", "lines")


def assemble(
    database: object,
    rows: Rows,
    findings: Findings,
    *,
    volumes: VolumeRule = "site",
) -> Catalog:
    """Check a database's rows, repair what can be repaired, and put them in canonical order.

    Parameters
    ----------
    database
        What errors call it.
    rows
        What a reader found.
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
    ingredients = _ingredients(database, rows, findings)
    units, unit_of_id, assumed = _units(
        database, rows.units, findings, by_name=volumes == "poured" or not rows.knows_units
    )
    recipes, every, optional = _recipes_and_lines(
        ingredients=ingredients,
        recipes=_recipes(database, rows.recipes, findings),
        units=units,
        unit_of_id=unit_of_id,
        assumed=assumed,
        rows=rows.lines,
        findings=findings,
        volumes=volumes,
    )
    ingredients, every = _rolled_up(ingredients, every, only_named=rows.only_named_parents)
    return with_fingerprint(
        Catalog(
            ingredients=ingredients,
            recipes=recipes,
            lines=every.chosen(~optional),
            optional=every.chosen(optional),
            units=units,
            substitutes=_pairs(ingredients, rows.substitutes),
            parts=_pairs(ingredients, rows.parts),
            findings=findings.collected(),
            layout=rows.layout,
            bar=rows.bar,
            fingerprint="",
        )
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
    database: object,
    table: str,
    raw_ids: Sequence[int],
    raw_names: Sequence[object],
    findings: Findings,
) -> tuple[NDArray[np.int64], tuple[str, ...], NDArray[np.intp]]:
    """Return ids (ascending) and names of a table's rows, and the rows they stand in."""
    ids, order = _sorted_ids(database, table, raw_ids, findings)
    noun = table.removesuffix("s")
    nameless = []
    names = []
    for position, row in enumerate(order.tolist()):
        name = _text(raw_names[row])
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


def _recipes(database: object, given: RecipeRows, findings: Findings) -> Recipes:
    ids, names, order = _named_rows(database, "recipes", given.ids, given.names, findings)
    variant_of = np.full(ids.size, -1, dtype=np.int32)
    if given.variant_of is not None:
        variant_of = _find(ids, np.array(given.variant_of, dtype=np.int64)[order])
    dilution = np.full(ids.size, np.nan)
    if given.dilutions is not None:
        dilution = np.array(given.dilutions, dtype=np.float64)[order] + 0.0
    bad = ~np.isnan(dilution) & ~((dilution >= 0) & (dilution <= MOST_DILUTION))
    findings.add(
        "bad-dilution",
        "Ignored the dilution of {}, which is no percentage of what is poured.",
        _RECIPES,
        _labels(ids, names, np.flatnonzero(bad).tolist()),
    )
    dilution[bad] = np.nan
    methods = given.methods
    said = [""] * ids.size if methods is None else [_text(methods[row]) or "" for row in order]
    return Recipes(ids, names, variant_of, tuple(text.strip() for text in said), dilution)


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


def _ingredients(database: object, rows: Rows, findings: Findings) -> Ingredients:
    given = rows.ingredients
    ids, names, order = _named_rows(database, "ingredients", given.ids, given.names, findings)
    parent_ids = np.array(given.parents, dtype=np.int64)[order]
    parents = _find(ids, parent_ids)
    orphans = np.flatnonzero((parent_ids != NULL_ID) & (parents < 0)).tolist()
    column = rows.names.get("parent_id", "parent_id")
    findings.add(
        "orphan-parent",
        f"Made roots of {{}} whose {column} has no row.",
        _INGREDIENTS,
        _labels(ids, names, orphans),
    )
    paths = _paths(database, ids, parents)
    if given.paths is not None:
        stored = [_text(given.paths[row]) for row in order.tolist()]
        lost = {f"/{ids[row]}/": f"/{parent_ids[row]}/{ids[row]}/" for row in orphans}
        findings.add(
            "path-mismatch",
            f"Rebuilt the path of {{}}, because it disagrees with {column}.",
            _INGREDIENTS,
            _labels(ids, names, _disagreeing(paths, stored, lost)),
        )
    allow = np.zeros(ids.size, dtype=np.int64)
    if given.allow_substitution is not None:
        allow = np.array(given.allow_substitution, dtype=np.int64)[order]
    findings.add(
        "bad-allow-substitution",
        "Read allow_substitution as 0 for {}, where it is neither 0 nor 1.",
        _INGREDIENTS,
        _labels(ids, names, np.flatnonzero(allow < 0).tolist()),
    )
    strength = np.full(ids.size, np.nan)
    if given.strengths is not None:
        strength = np.array(given.strengths, dtype=np.float64)[order]
    bad = ~np.isnan(strength) & ~((strength >= 0) & (strength <= 100))
    findings.add(
        "bad-strength",
        "Ignored the strength of {}, which is no percentage.",
        _INGREDIENTS,
        _labels(ids, names, np.flatnonzero(bad).tolist()),
    )
    strength[bad] = np.nan
    return Ingredients(
        ids=ids,
        names=names,
        parents=parents,
        allow_substitution=allow == 1,
        paths=paths,
        strength=_without_blanks(strength + 0.0, parents),
    )


def _disagreeing(
    paths: Sequence[str], stored: Sequence[str | None], lost: Mapping[str, str]
) -> list[int]:
    """Return where the stored path is another; `lost` has the paths of orphans, as stored.

    Below an orphan, stored paths may still hold the lost parent's id: one flaw, reported once.
    """
    disagreeing = []
    for position, (path, told) in enumerate(zip(paths, stored, strict=True)):
        if told != path:
            root = path[: path.index("/", 1) + 1]
            if root not in lost or told != lost[root] + path[len(root) :]:
                disagreeing.append(position)
    return disagreeing


def _without_blanks(
    strength: NDArray[np.float64], parents: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Forget a strength of 0 above one that is more: a kind of spirits where nobody wrote one."""
    strong = strength > 0
    above = np.zeros(strength.size, dtype=bool)
    reached = np.unique(parents[strong & (parents >= 0)])
    while reached.size:
        above[reached] = True
        higher = np.unique(parents[reached])
        reached = higher[(higher >= 0) & ~above[higher]]
    return np.where(above & (strength == 0), np.nan, strength)


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
    database: object, given: UnitRows, findings: Findings, *, by_name: bool
) -> tuple[tuple[Unit, ...], Callable[[NDArray[np.int64]], NDArray[np.int32]], frozenset[Unit]]:
    """Return the distinct units, sorted, their indices by id, and those of a bar's usual size."""
    ids, order = _sorted_ids(database, "units", given.ids, findings)
    entries = []
    bad = []
    for position, row in enumerate(order.tolist()):
        name = _text(given.names[row]) or f"Unit {ids[position]}"
        conversion = given.volumes_ml[row]
        if conversion is not None and not 0 <= conversion < float("inf"):
            bad.append(f"{name} (id {ids[position]})")
            conversion = None
        entries.append(Unit(name, _text(given.abbreviations[row]), conversion))
    findings.add(
        "bad-conversion",
        "Ignored the conversion_to_ml of {}, which is negative, infinite or not a number.",
        ("unit", "units"),
        bad,
    )
    assumed: frozenset[Unit] = frozenset()
    if by_name:
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
    rows: LineRows,
    findings: Findings,
    volumes: VolumeRule,
) -> tuple[Recipes, Lines, NDArray[np.bool_]]:
    """Leave out dangling lines and unusable recipes; sort what remains, and say what is optional.

    What the lines count as is still to be decided: as `rolled` they have their flag.
    """
    recipe_ids, ingredient_ids, unit_ids = (
        np.array(column, dtype=np.int64) for column in (rows.recipes, rows.ingredients, rows.units)
    )
    amount = _amounts(rows)
    optional = np.zeros(amount.size, dtype=bool)
    if rows.optional is not None:
        optional = np.array(rows.optional, dtype=np.int64) == 1
    rolls_up = np.full(amount.size, -1, dtype=np.int32)
    if rows.rolls_up is not None:
        rolls_up = np.array(rows.rolls_up, dtype=np.int32)
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
            recipe=np.where(optional, -1, recipe).astype(np.int32),
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
    lines = Lines(recipe, ingredient, rolls_up, amount, unit, volume).chosen(kept)
    optional = optional[kept]
    usable = _usable_recipes(recipes, lines, optional, findings)
    kept = usable[lines.recipe]
    lines, optional = lines.chosen(kept), optional[kept]
    new_index = (np.cumsum(usable) - 1).astype(np.int32)
    lines = replace(lines, recipe=new_index[lines.recipe])
    order = np.lexsort(
        (lines.rolled, lines.amount, lines.unit, lines.volume_ml, lines.ingredient, lines.recipe)
    )
    names = tuple(
        name for name, is_usable in zip(recipes.names, usable.tolist(), strict=True) if is_usable
    )
    above = recipes.variant_of[usable]
    above = np.where((above >= 0) & usable[above], new_index[above], -1).astype(np.int32)
    above[above == np.arange(above.size)] = -1
    methods = tuple(text for text, keep in zip(recipes.methods, usable, strict=True) if keep)
    left = Recipes(recipes.ids[usable], names, above, methods, recipes.dilution[usable])
    return left, lines.chosen(order), optional[order]


def _amounts(rows: LineRows) -> NDArray[np.float64]:
    """Return the amount of each line: the middle of a range, NaN where there is none."""
    amount = np.array(rows.amounts, dtype=np.float64) + 0.0  # None becomes NaN, -0.0 becomes 0.0
    if rows.amounts_max is None:
        return amount
    most = np.array(rows.amounts_max, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # the catalog reports what overflows
        return np.where(most > 0, 0.5 * (np.where(np.isnan(amount), most, amount) + most), amount)


def _rolled_up(
    ingredients: Ingredients, lines: Lines, *, only_named: bool
) -> tuple[Ingredients, Lines]:
    """Decide what each line counts as: its ingredient's parent if that has nothing below it.

    With `only_named`, ingredients whose parent no recipe names stay what they are.
    """
    parents = ingredients.parents
    can = ingredients.can_roll_up
    if only_named:
        named = np.zeros(parents.size + 1, dtype=bool)
        named[lines.ingredient] = True
        can &= named[parents]  # -1, no parent, reads the last
        ingredients = replace(ingredients, allow_substitution=ingredients.allow_substitution & can)
    own = lines.ingredient
    told = np.where(lines.rolled < 0, ingredients.allow_substitution[own], lines.rolled == 1)
    rolled = np.where(told & can[own], parents[own], own).astype(np.int32)
    return ingredients, replace(lines, rolled=rolled)


def _pairs(ingredients: Ingredients, pairs: Sequence[tuple[int, int]]) -> NDArray[np.int32]:
    """Return pairs of ids as indices, each pair once, ascending; without what has no row."""
    found = _find(ingredients.ids, np.array(pairs, dtype=np.int64).reshape(-1, 2))
    found = found[(found >= 0).all(axis=1) & (found[:, 0] != found[:, 1])]
    return np.unique(found, axis=0).astype(np.int32)


def _usable_recipes(
    recipes: Recipes, lines: Lines, optional: NDArray[np.bool_], findings: Findings
) -> NDArray[np.bool_]:
    """Return which recipes have lines, sound amounts and a positive volume."""
    count = recipes.ids.size
    recipe, amount, volume = lines.recipe, lines.amount, lines.volume_ml
    any_line = np.bincount(recipe, minlength=count) > 0
    poured = np.bincount(recipe[~optional], minlength=count) > 0
    wrong = (amount < 0) | np.isinf(amount) | ~np.isfinite(volume)
    flawed = np.bincount(recipe, weights=wrong, minlength=count) > 0
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.bincount(recipe[~optional], weights=volume[~optional], minlength=count)
    flawed |= ~np.isfinite(total)
    all_optional = any_line & ~poured & ~flawed
    without_volume = poured & ~flawed & (total <= 0)
    for code, message, rows in (
        ("recipe-without-lines", "Left out {} without lines.", ~any_line),
        ("recipe-all-optional", "Left out {} whose lines are all optional.", all_optional),
        (
            "bad-amount",
            "Left out {} with an amount that is negative, infinite or not a number.",
            flawed,
        ),
        ("recipe-without-volume", "Left out {} whose volumes sum to 0.", without_volume),
    ):
        chosen = np.flatnonzero(rows).tolist()
        findings.add(code, message, _RECIPES, _labels(recipes.ids, recipes.names, chosen))
    usable: NDArray[np.bool_] = ~(~poured | flawed | without_volume)
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
