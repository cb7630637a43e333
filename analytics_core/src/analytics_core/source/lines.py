"""From the lines of recipes to those that count, and the recipes that are left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analytics_core.source.catalog import Ingredients, Lines, Recipes
from analytics_core.source.findings import Findings
from analytics_core.source.guesses import ReadLines, report_huge, report_volumes
from analytics_core.source.ids import find, id_text, labels
from analytics_core.source.poured import VolumeRule, poured_volumes_ml
from analytics_core.source.rows import BAD_FLAG, NULL_FLAG, NULL_ID, LineRows
from analytics_core.source.units import Unit, line_volumes_ml

_RECIPES = ("recipe", "recipes")
_LINES = ("line", "lines")


def recipes_and_lines(
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
    optional_flag = _flags(rows.optional, amount.size)
    optional, rolls_up = optional_flag == 1, _flags(rows.rolls_up, amount.size)
    recipe = find(recipes.ids, recipe_ids)
    ingredient = find(ingredients.ids, ingredient_ids)
    kept = (recipe >= 0) & (ingredient >= 0)
    dangling = np.flatnonzero(~kept).tolist()
    findings.add(
        "dangling-line",
        "Left out {} whose recipe or ingredient does not exist.",
        _LINES,
        [
            f"recipe {id_text(recipe_ids[row])}, ingredient {id_text(ingredient_ids[row])}"
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
            f"{recipes.names[recipe[row]]} (id {recipe_ids[row]}), unit {id_text(unit_ids[row])}"
            for row in unknown
        ],
    )
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
        mixed = replace(read, recipe=np.where(optional, -1, recipe).astype(np.int32))
        report_volumes(mixed, poured, assumed, findings)
    else:
        volume = line_volumes_ml(amount, unit, units)
    report_huge(read, volume, findings)
    for flag, done in (
        (optional_flag, "Read {} as not optional"),
        (rolls_up, "Left it to the ingredient what {} counts as"),
    ):
        findings.add(
            "unclear-flag",
            f"{done}, because the flag is neither 0 nor 1.",
            _LINES,
            [read.named(row) for row in np.flatnonzero(kept & (flag == BAD_FLAG)).tolist()],
        )
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


def _flags(given: Sequence[int] | None, count: int) -> NDArray[np.int32]:
    return np.full(count, NULL_FLAG, np.int32) if given is None else np.array(given, np.int32)


def _amounts(rows: LineRows) -> NDArray[np.float64]:
    """Return the amount of each line: the middle of a range, NaN where there is none."""
    amount = np.array(rows.amounts, dtype=np.float64) + 0.0  # None becomes NaN, -0.0 becomes 0.0
    if rows.amounts_max is None:
        return amount
    most = np.array(rows.amounts_max, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # the catalog reports what overflows
        return np.where(most > 0, 0.5 * (np.where(np.isnan(amount), most, amount) + most), amount)


def rolled_up(
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
        findings.add(code, message, _RECIPES, labels(recipes.ids, recipes.names, chosen))
    usable: NDArray[np.bool_] = ~(~poured | flawed | without_volume)
    if not usable.any():
        findings.add(
            "no-usable-recipe",
            "Of {}, none is usable; the documents are empty.",
            _RECIPES,
            labels(recipes.ids, recipes.names, range(count)) or ["the table recipes is empty"],
        )
    return usable
