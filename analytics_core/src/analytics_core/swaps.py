"""What to do differently to get from one drink to another: the steps, as data.

Milliliters are compared first: what both drinks hold in nearly the same amount stays. What
remains is matched by the transport plan between the two, cheapest first, and read as an
instruction: swap, pour more, pour less, add, leave out. `analytics_core.wording` says it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter
from typing import Any

from analytics_core.encoding import finite_to_utf8
from analytics_core.glasses import Glass, Pour
from analytics_core.wording import tell

SAME_WITHIN = 0.05
"""Amounts that differ by less than this share of the larger are the same: 30 ml and an ounce."""
BATCH_FACTOR = 2.0
"""A drink that holds this many times what the other does may be a batch of it."""
BATCH_SIZE = 3 / 4
"""And is none unless, taken at the other's amounts, it is about as large: this or its inverse."""

# Of the larger of two amounts, how much has to move before one ingredient is said to become the
# other: nobody swaps two ounces of gin for a dash of bitters.
_LEAST_OF_ALL = 1 / 4
_LEAST_OF_PART = 1 / 2  # where some of the first ingredient remains in the glass
_LEAST_OF_FURTHER = 1 / 3  # for a second partner: one for two, or two for one
_SEASONING_ML = 10.0  # dashes and spoonfuls season; among them amounts do not matter
_ALIKE = 0.85  # most that a doubtful swap may cost, the median between two kinds being 1
_ALIKE_ACROSS = 0.8  # the same between two families that both lengthen, sweeten or season
_SLACK = 1e-9  # a quarter of an ounce is a quarter of it
_DECIMALS = 4  # of milliliters and amounts: an ounce is 29.5735 ml

Row = dict[str, Any]


Likeness = Mapping[tuple[int, int], float]
"""For each pair of kinds that a plan moves between, what the move costs; 1 is the median cost
between any two kinds. Empty where nothing moves: the same mix."""

Pairs = list[tuple[int, int]]
Group = tuple[list[int], list[int]]

_ORDER = ("swap", "leave_out", "add", "pour_more", "pour_less", "stays")

_REMEMBERED = 1 << 11
"""Pours and steps of late that are kept: a few come up again and again. Of a hundred steps in a
collection three or four differ; one takes some kilobytes."""


class Step(dict[str, Any]):
    """A step as documents have it; ``docs/data.md`` describes the fields.

    Not to be changed: a step that occurs again is the same object. So it has with it what would
    have to be found again each time.

    Parameters
    ----------
    row : dict
        The step.
    ml : float
        Milliliters by which it is ordered.
    ingredient : int
        Id by which it is ordered where all else is equal.
    has_spirit : bool
        Whether it is about a spirit, which comes first among equal amounts.

    Attributes
    ----------
    rank : tuple
        Orders steps: largest first; then spirits; then by kind and ingredient.
    utf8 : bytes
        The step as JSON.
    told : Told
        What it says, if no other ingredient has the name of one of its own.
    """

    __slots__ = ("rank", "told", "utf8")

    def __init__(self, row: Row, ml: float, ingredient: int, *, has_spirit: bool) -> None:
        super().__init__(row)
        self.rank = -round(ml, _DECIMALS), not has_spirit, _ORDER.index(row["kind"]), ingredient
        self.utf8 = finite_to_utf8(row)
        self.told = tell(row)


_RANK = attrgetter("rank")


def find_steps(recipe: Glass, neighbor: Glass, likeness: Likeness) -> list[Step]:
    """Find what turns a recipe into its neighbor, at the recipe's own size.

    Parameters
    ----------
    recipe, neighbor : Glass
    likeness : mapping
        The plan between the two, and what its moves cost.

    Returns
    -------
    list of Step
        Changes, largest first, then what stays.
    """
    scale, paired = _scaled(recipe, neighbor, same_mix=not likeness)
    gone, come = dict(recipe.pours), dict(neighbor.pours)
    less: dict[int, float] = {}
    changes: list[Step] = []
    stays: list[Step] = []
    for ours, theirs in paired:
        step, ml = _compared(gone.pop(ours), come.pop(theirs), scale)
        if step is None:
            less[ours] = ml
        else:
            (stays if step["kind"] == "stays" else changes).append(step)

    new = {
        key: _measured_in(recipe.unit, recipe.ml_per_unit, pour, scale)
        for key, pour in come.items()
    }
    out = {key: pour.ml for key, pour in gone.items()} | less
    for sources, targets in _matched(recipe, out, less, new, likeness) if out and new else ():
        first = sources[0]  # what only shrinks is alone
        is_part = first in less
        swapped = (
            (_part(recipe.pours[first], less.pop(first)),)
            if is_part
            else tuple([gone.pop(key) for key in sources])
        )
        changes.append(_swap(swapped, tuple([new.pop(key) for key in targets]), is_part=is_part))
    changes += [_step("pour_less", _part(recipe.pours[key], ml)) for key, ml in less.items()]
    changes += [_step("leave_out", pour) for pour in gone.values()]
    changes += [_step("add", pour) for pour in new.values()]
    changes.sort(key=_RANK)
    stays.sort(key=_RANK)
    return changes + stays


def _scaled(recipe: Glass, neighbor: Glass, *, same_mix: bool) -> tuple[float, Pairs]:
    """Return what to multiply the neighbor by, and the ingredients that are the same in both.

    1, nearly always. A drink of the same proportions is taken at the recipe's size, and
    so is a batch: it has no amount in common, and at half of its size or less, or at twice or
    more, it is about as large as the recipe, and two or more ingredients stay.
    """
    paired = _paired(recipe, neighbor)
    if same_mix or len(paired) == len(recipe.pours) == len(neighbor.pours):
        ratio = recipe.ml / neighbor.ml if neighbor.ml else 1.0
        if same_mix or all(
            _same(recipe.pours[ours], neighbor.pours[theirs], ratio) for ours, theirs in paired
        ):
            return ratio, paired
    poured = []
    for ours, theirs in paired:
        pour, other = recipe.pours[ours], neighbor.pours[theirs]
        if pour.ml_per_unit and other.ml_per_unit:
            if pour is other or _same(pour, other, 1.0):
                return 1.0, paired
            poured.append((pour, other))
    if len(poured) < 2:
        return 1.0, paired
    pour, other = max(poured, key=lambda pair: (pair[0].ml, -pair[0].ingredient))
    ratio = pour.ml / other.ml
    sizes = sorted((recipe.ml, neighbor.ml * ratio))
    is_batch = (
        not 1 / BATCH_FACTOR < ratio < BATCH_FACTOR
        and sizes[0] >= BATCH_SIZE * sizes[1] - _SLACK
        and all(_same(pour, other, ratio) for pour, other in poured)
    )
    return ratio if is_batch else 1.0, paired


def _paired(recipe: Glass, neighbor: Glass) -> Pairs:
    """Find what is the same in both: by id, or a bottle of the kind that the neighbor asks for."""
    ours, theirs = recipe.pours, neighbor.pours
    paired = [(key, key) for key in ours if key in theirs]
    if recipe.bottles:
        for kind in neighbor.kinds:
            if kind in recipe.bottles and kind not in ours:
                bottles = [key for key in recipe.bottles[kind] if key not in theirs]
                if len(bottles) == 1:
                    paired.append((bottles[0], kind))
    return paired


@lru_cache(_REMEMBERED)
def _compared(pour: Pour, other: Pour, scale: float) -> tuple[Step | None, float]:
    """Return what comes of an ingredient that both have: a step, or how much less there will be."""
    if _same(pour, other, scale):
        return _step("stays", pour), 0.0
    if _countable(pour, other):
        return _counted(pour, other, scale), 0.0
    more = other.ml * scale - pour.ml
    return (_step("pour_more", _part(pour, more)), 0.0) if more > 0 else (None, -more)


@lru_cache(_REMEMBERED)
def _same(pour: Pour, other: Pour, scale: float) -> bool:
    if (pour.amount is None and not pour.unmeasured) or (
        other.amount is None and not other.unmeasured
    ):
        return True  # a name without an amount stands for whatever the other pours
    if _countable(pour, other):
        if pour.amount is None or other.amount is None or pour.unmeasured:
            return True
        return _near(pour.amount, other.amount * scale)
    return _near(pour.ml, other.ml * scale)


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= SAME_WITHIN * (max(a, b))


def _countable(pour: Pour, other: Pour) -> bool:
    """Whether both are counted in one unit that stands for no volume: pieces, leaves, to top."""
    return pour.counted_in is not None and pour.counted_in == other.counted_in


def _counted(pour: Pour, other: Pour, scale: float) -> Step:
    more = (other.amount or 0.0) * scale - (pour.amount or 0.0)
    grows = other.ml * scale - pour.ml
    ml = max(0.0, grows if more > 0 else -grows)  # pieces may stand for one volume, however many
    return _step("pour_more" if more > 0 else "pour_less", replace(pour, ml=ml, amount=abs(more)))


@lru_cache(_REMEMBERED)
def _step(kind: str, pour: Pour) -> Step:
    row = {"kind": kind, **_said(pour)}
    return Step(row, pour.ml, pour.ingredient, has_spirit=pour.does == "spirit")


@lru_cache(_REMEMBERED)
def _swap(out: tuple[Pour, ...], come: tuple[Pour, ...], *, is_part: bool) -> Step:
    part = {"part": True} if is_part else {}
    source, target = [_said(pour) | part for pour in out], [_said(pour) for pour in come]
    size = max(sum(pour["ml"] for pour in pours) for pours in (source, target))
    row = {"kind": "swap", "from": source, "to": target}
    has_spirit = any(pour.does == "spirit" for pour in out + come)
    return Step(row, size, out[0].ingredient, has_spirit=has_spirit)


@lru_cache(_REMEMBERED)
def _part(pour: Pour, ml: float) -> Pour:
    """So many milliliters of a pour; without amount and unit where its unit cannot say it."""
    if not pour.ml_per_unit:
        return replace(pour, ml=ml, amount=None, unit=None)
    return replace(pour, ml=ml, amount=ml / pour.ml_per_unit)


@lru_cache(_REMEMBERED)
def _measured_in(unit: str | None, ml_per_unit: float | None, pour: Pour, scale: float) -> Pour:
    """Take the neighbor's pour at the recipe's size, in the recipe's ounces or milliliters."""
    ml = pour.ml * scale
    if pour.amount is None:
        return replace(pour, ml=ml)
    if pour.ml_per_unit and ml_per_unit and pour.jigger:
        return replace(pour, ml=ml, amount=ml / ml_per_unit, unit=unit, ml_per_unit=ml_per_unit)
    return replace(pour, ml=ml, amount=pour.amount * scale)


def _matched(
    recipe: Glass,
    out: Mapping[int, float],
    less: Mapping[int, float],
    new: Mapping[int, Pour],
    likeness: Likeness,
) -> list[Group]:
    """Match what goes with what comes along the plan: one for one, one for more, more for one.

    What only shrinks (`less`) is matched for the part that goes, with one newcomer alone.
    """
    left = dict(out)
    wanted = {key: pour.ml for key, pour in new.items()}
    of_source: dict[int, Group] = {}
    of_target: dict[int, Group] = {}
    groups = []
    for cost, _, _, source, target in _candidates(recipe, out, less, new, likeness):
        ours, theirs = of_source.get(source), of_target.get(target)
        if ours is None and theirs is None:
            group: Group = ([], [])
        elif ours is not None and theirs is None and len(ours[0]) == 1:
            group = ours
        elif theirs is not None and ours is None and len(theirs[1]) == 1:
            group = theirs
        else:
            continue
        moved = min(left[source], wanted[target])
        larger = max(out[source], new[target].ml)
        is_part = bool(less) and (source in less or any(member in less for member in group[0]))
        is_piece = _is_piece(recipe.pours[source], new[target])
        if group[0]:
            accepted = (
                not is_part and cost <= _ALIKE and moved >= _LEAST_OF_FURTHER * larger - _SLACK
            )
        elif is_part:
            accepted = cost <= _ALIKE and moved >= _LEAST_OF_PART * larger - _SLACK
        else:
            is_seasoning = larger <= _SEASONING_ML
            accepted = is_seasoning or moved >= _LEAST_OF_ALL * larger - _SLACK
        if not accepted or (is_piece and cost > _ALIKE):
            continue
        if not group[0]:
            groups.append(group)
        group[0].extend([source] if ours is None else [])
        group[1].extend([target] if theirs is None else [])
        of_source[source] = of_target[target] = group
        left[source] -= moved
        wanted[target] -= moved
    return groups


def _is_piece(pour: Pour, other: Pour) -> bool:
    """Whether just one of the two is counted: an egg has no volume to compare."""
    return pour.is_measured != other.is_measured


def _most_cost(pour: Pour, other: Pour, larger: float) -> float:
    """Return how much a swap between two kinds may cost at most; none may at -1.

    `larger` is the larger of the two amounts, in milliliters.
    """
    waters = {pour.water, other.water}
    if "water" in waters and None in waters:
        return -1.0
    does = {pour.does, other.does}
    if "lengthener" not in does:
        return math.inf
    if "spirit" in does:  # nobody swaps the base for cream, but absinthe for bitters
        return _ALIKE if larger <= _SEASONING_ML else -1.0
    if pour.family == other.family:
        return math.inf if pour.family is not None else _ALIKE
    if pour.counted_in or other.counted_in or _is_piece(pour, other):
        return -1.0  # an egg has neither a family nor a volume in common with soda water
    return _ALIKE_ACROSS if len(does) == 1 else _ALIKE


def _candidates(
    recipe: Glass,
    out: Mapping[int, float],
    less: Mapping[int, float],
    new: Mapping[int, Pour],
    likeness: Likeness,
) -> list[tuple[float, bool, float, int, int]]:
    """List the pairs between which the plan moves something, cheapest first.

    Within one kind nothing costs anything. At equal cost what goes altogether comes before what
    shrinks, and much before little.
    """
    found = []
    for source, ml in out.items():
        ours = recipe.pours[source]
        for target, pour in new.items():
            if ours.rinse != pour.rinse:
                continue  # what clings to the glass replaces nothing that is in it
            cost = 0.0
            if ours.kind != pour.kind:
                cost = likeness.get((ours.kind, pour.kind), math.inf)
                if cost == math.inf or cost > _most_cost(ours, pour, max(ml, pour.ml)):
                    continue
            found.append((cost, source in less, -min(ml, pour.ml), source, target))
    return sorted(found)


def _said(pour: Pour) -> Row:
    if not math.isfinite(pour.ml):
        raise ValueError(f"{pour.name} has {pour.ml} ml, which no document can say")
    return {
        "ingredient_id": pour.ingredient,
        "ingredient_name": pour.name,
        "ml": round(pour.ml, _DECIMALS),
        "amount": None if pour.amount is None else round(pour.amount, _DECIMALS),
        "unit": pour.unit,
    }
