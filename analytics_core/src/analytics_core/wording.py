"""Steps as one line that a bartender would say: "swap ¾ oz Lime Juice for Lemon Juice".

Amounts are said in the unit they come in where people say that unit, and rounded as people
round: quarters and thirds of an ounce, 22.5 ml. Names come out as they went in, but for an s
behind several wedges or eggs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from analytics_core.source.unit_table import Kind, meanings, unit_meaning

MOST_STEPS = 3
"""Changes that are told one by one; of what is left, the number."""
_MOST_STAYING = 2  # names in "Campari and Sweet Vermouth stay"; beyond that "the rest stays"
_MOST_DASHES = 12  # nobody counts more of them
_REMEMBERED = 1 << 16  # amounts and names that are kept as they are said

Row = Mapping[str, Any]


class Name(NamedTuple):
    """An ingredient's name inside a sentence, so that a page can mark it."""

    ingredient: int
    text: str


Fragment = str | Name

_SWAP, _STAYS = "swap ", "stays"


class Told(NamedTuple):
    """What one step says.

    Attributes
    ----------
    head : str
        How a clause of such steps begins; what begins alike is one clause, but for swaps.
    said : list of str or Name
        What comes after it.
    """

    head: str
    said: list[Fragment]


@dataclass(frozen=True, slots=True)
class _Unit:
    one: str
    many: str
    kind: Literal["jigger", "metric", "small", "count"]


_ML = _Unit("ml", "ml", "metric")
_SAID = {
    "milliliter": _ML,
    "centiliter": _Unit("cl", "cl", "metric"),
    "ounce": _Unit("oz", "oz", "jigger"),
    "cup": _Unit("cup", "cups", "jigger"),
    "tablespoon": _Unit("tbsp", "tbsp", "small"),
    "metric_tablespoon": _Unit("tbsp", "tbsp", "small"),
    "teaspoon": _Unit("tsp", "tsp", "small"),
    "metric_teaspoon": _Unit("tsp", "tsp", "small"),
    "each": _Unit("", "", "count"),
    **{
        name: _Unit(name, many, "small")
        for name, many in (
            ("barspoon", "barspoons"),
            ("splash", "splashes"),
            ("dash", "dashes"),
            ("drop", "drops"),
        )
    },
    **{
        name: _Unit(name, many, "count")
        for name, many in (
            ("bottle", "bottles"),
            ("can", "cans"),
            ("pinch", "pinches"),
            ("leaf", "leaves"),
            ("sprig", "sprigs"),
            ("slice", "slices"),
            ("wedge", "wedges"),
            ("wheel", "wheels"),
            ("cube", "cubes"),
            ("chunk", "chunks"),
            ("grating", "gratings"),
            ("stalk", "stalks"),
        )
    },
}
"""How the units of the table are said; others are said as they are written, or in milliliters."""
_PIECES = tuple(
    f" {one}"
    for one in (*_SAID, "egg", "egg white", "egg yolk")
    if one not in _SAID or (_SAID[one].kind, _SAID[one].many) == ("count", f"{one}s")
)
"""How English names of pieces end that only take an s where there are more of them."""
_FRACTIONS = {0.25: "¼", 1 / 3: "⅓", 0.5: "½", 2 / 3: "⅔", 0.75: "¾"}
_EIGHTHS = {0.125: "⅛", 0.375: "⅜", 0.625: "⅝", 0.875: "⅞"}
_ROUNDINGS: tuple[tuple[dict[float, str], float], ...] = (
    ({0.0: "", **_FRACTIONS, 1.0: ""}, 0.03),
    (_EIGHTHS, 0.03),
    ({0.0: "", **_FRACTIONS, **_EIGHTHS, 1.0: ""}, 0.1),
)
"""Fractions that are tried one after the other, and how far off each may be, in shares."""


@lru_cache(maxsize=1024)
def unit_key(unit: str | None) -> str:
    """Return the form in which units are compared: one case, single blanks."""
    return " ".join((unit or "").split()).casefold()


def _said(unit: str | None) -> _Unit | None:
    meaning = unit_meaning(unit)
    return None if meaning is None or meaning.share != 1 else _SAID.get(meaning.name)


def is_jigger_unit(unit: str | None) -> bool:
    """Whether a recipe is measured in this unit: ounces, milliliters, centiliters, cups."""
    said = _said(unit)
    return said is not None and said.kind in {"jigger", "metric"}


def is_rinse(unit: str | None) -> bool:
    """Whether the unit only wets the glass."""
    return _is_kind(unit, "rinse")


def is_unmeasured(unit: str | None) -> bool:
    """Whether the unit says what to do and not how much: to top, to rinse."""
    return _is_kind(unit, "top") or is_rinse(unit)


def _is_kind(unit: str | None, kind: Kind) -> bool:
    meaning = unit_meaning(unit)
    return meaning is not None and meaning.kind == kind


def say(steps: Sequence[Row], *, same_mix: bool) -> str:
    """Say steps in one line.

    Parameters
    ----------
    steps : sequence of mapping
        As `analytics_core.swaps.find_steps` returns them.
    same_mix : bool
        Whether nothing moves between the two drinks: their distance is 0.

    Returns
    -------
    str
        Without capital and full stop.
    """
    return text_of(phrase(steps, same_mix=same_mix))


def say_line(amount: float | None, ml: float, unit: str | None, name: str) -> str:
    """Say one line of a recipe: "1½ oz Bourbon", "Soda Water, to top".

    Parameters
    ----------
    amount : float or None
        As the recipe has it.
    ml : float
        Milliliters of it.
    unit : str or None
    name : str
        The ingredient's.

    Returns
    -------
    str
    """
    if is_unmeasured(unit):
        return f"{name}, {'to rinse' if is_rinse(unit) else 'to top'}"
    said = "" if amount is None else _amount_in(amount, ml, unit)
    return f"{said} {name}{_plural(said, amount, name)}" if said else name


def text_of(fragments: Iterable[Fragment]) -> str:
    """Return the fragments of a sentence as plain text."""
    return "".join([part if part.__class__ is str else part[1] for part in fragments])


def phrase(
    steps: Sequence[Row], *, same_mix: bool, told: Sequence[Told] | None = None
) -> list[Fragment]:
    """Return the sentence of `say` in fragments, the ingredients' names set apart.

    Parameters
    ----------
    steps, same_mix
        As `say` takes them.
    told : sequence of Told, optional
        What each step says, where it is known that no two of their ingredients share a name.

    Returns
    -------
    list of str or Name
    """
    if not steps:
        return []
    name: _Namer = _plainly
    if told is None:
        name = _namer(steps)
        told = [tell(step, name) for step in steps]
    stays = [said for head, said in told if head == _STAYS]
    changes = [one for one in told if one.head != _STAYS] if stays else told
    if same_mix or not changes:
        swaps = [step for step in steps if step["kind"] == "swap"]
        clauses: list[list[Fragment]] = [["the same mix"]]
        if swaps:
            clauses[0] += [", with ", *_listed([_exchanged(step, name) for step in swaps])]
        others = [one for one in changes if one.head != _SWAP]
        return _joined(clauses + _clauses(others[:MOST_STEPS]))
    clauses = _clauses(changes[:MOST_STEPS])
    rest = len(changes) - MOST_STEPS
    if rest > 0:
        clauses[-1].append(f", and {rest} more {'change' if rest == 1 else 'changes'}")
    if len(stays) > _MOST_STAYING:
        clauses.append(["the rest stays"])
    elif stays:
        clauses.append([*_listed(stays), " stays" if len(stays) == 1 else " stay"])
    return _joined(clauses)


_Namer = Callable[[Row], list[Fragment]]


def _plainly(pour: Row) -> list[Fragment]:
    return [Name(pour["ingredient_id"], pour["ingredient_name"])]


def _namer(steps: Sequence[Row]) -> _Namer:
    """Return what writes a name, with the id behind it where two ingredients share the name."""
    ids: dict[str, int] = {}
    shared: set[str] = set()
    for pour in _pours(steps):
        key, folded = pour["ingredient_id"], _folded(pour["ingredient_name"])
        if ids.setdefault(folded, key) != key:
            shared.add(folded)

    def name(pour: Row) -> list[Fragment]:
        key, text = pour["ingredient_id"], pour["ingredient_name"]
        return [Name(key, text), f" (id {key})"] if _folded(text) in shared else [Name(key, text)]

    return name if shared else _plainly


def shared_names(names: Iterable[tuple[int, str]]) -> set[int]:
    """Return the ids of ingredients whose names read as that of another.

    Parameters
    ----------
    names : iterable of (int, str)
        Id and name of each ingredient.

    Returns
    -------
    set of int
    """
    alike: dict[str, set[int]] = {}
    for key, text in names:
        alike.setdefault(_folded(text), set()).add(key)
    return {key for keys in alike.values() if len(keys) > 1 for key in keys}


def ingredients_of(steps: Iterable[Row]) -> set[int]:
    """Return the ids of the ingredients that steps name."""
    return {pour["ingredient_id"] for pour in _pours(steps)}


def _pours(steps: Iterable[Row]) -> Iterable[Row]:
    for step in steps:
        if step["kind"] == "swap":
            yield from step["from"]
            yield from step["to"]
        else:
            yield step


@lru_cache(_REMEMBERED)
def _folded(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(letters.split())


def _clauses(told: Sequence[Told]) -> list[list[Fragment]]:
    """One clause for each swap, and one for everything else that is done alike."""
    clauses: list[tuple[str, list[list[Fragment]]]] = []
    begun: dict[str, list[list[Fragment]]] = {}
    for head, said in told:
        if head in begun and head != _SWAP:
            begun[head].append(said)
        else:
            begun[head] = [said]
            clauses.append((head, begun[head]))
    return [[head, *_listed(members)] for head, members in clauses]


def tell(step: Row, name: _Namer = _plainly) -> Told:
    """Say one step.

    Parameters
    ----------
    step : mapping
    name : callable, optional
        Writes the name of a pour; default: as it is.

    Returns
    -------
    Told
    """
    kind = step["kind"]
    if kind == "swap":
        return Told(_SWAP, _swap(step, name))
    if kind == "stays":
        return Told(_STAYS, name(step))
    if kind == "leave_out":
        return Told("leave out the ", name(step))
    if kind == "add":
        if is_unmeasured(step["unit"]):
            head = "rinse the glass with " if is_rinse(step["unit"]) else "top with "
            return Told(head, name(step))
        return Told("add ", _measured(step, name))
    head = "use " if _is_counted(step) else "pour "
    pieces = _pieces(step, name)
    fewer = "fewer" if pieces[-1] in {"s", "S"} else "less"
    word = "more" if kind == "pour_more" else fewer
    return Told(head, [f"{_amount(step)} {word} ".lstrip(), *pieces])


def _exchanged(step: Row, name: _Namer) -> list[Fragment]:
    """Say a swap of a drink that is the same mix with it."""
    some = any(pour.get("part") for pour in step["from"])
    return [
        *_names(step["to"], name),
        " for some of the " if some else " for ",
        *_names(step["from"], name),
    ]


def _swap(step: Row, name: _Namer) -> list[Fragment]:
    out, come = step["from"], step["to"]
    single = len(out) == len(come) == 1
    gone: list[list[Fragment]] = []
    for pour in out:
        amount = _amount(pour)
        if pour.get("part"):
            gone.append([f"{amount or 'some'} of the ", *_pieces(pour, name)])
        else:
            gone.append(_measured(pour, name))
    if single and _as_much(out[0], come[0]):
        return [*gone[0], " for ", *_pieces(come[0], name)]
    comes = []
    for pour in come:
        comes.append(_measured(pour, name))
        if is_unmeasured(pour["unit"]):
            comes[-1] += [" to rinse" if is_rinse(pour["unit"]) else " to top"]
    return [*_listed(gone), " for ", *_listed(comes)]


def _as_much(out: Row, come: Row) -> bool:
    """Whether saying both amounts would say the same thing twice."""
    if unit_key(out["unit"]) == unit_key(come["unit"]) and out["amount"] == come["amount"]:
        return True
    return abs(out["ml"] - come["ml"]) <= 0.05 * max(out["ml"], come["ml"]) and bool(_amount(out))


def _measured(pour: Row, name: _Namer) -> list[Fragment]:
    amount = _amount(pour)
    return [f"{amount} ", *_pieces(pour, name)] if amount else name(pour)


def _pieces(pour: Row, name: _Namer) -> list[Fragment]:
    """Write a pour's name, with an s behind it where its amount counts several such pieces."""
    named = name(pour)
    if len(named) == 1 and _takes_s(pour["ingredient_name"]):
        return [*named, _plural(_amount(pour), pour["amount"], pour["ingredient_name"])]
    return named


def _plural(said: str, amount: float | None, name: str) -> str:
    """Return the s of "3 Lemon Wedges"; names without one that is sure are left as they are."""
    is_counted = amount is not None and amount > 1 and not any(map(str.isalpha, said))
    return _takes_s(name) if is_counted else ""


@lru_cache(_REMEMBERED)
def _takes_s(name: str) -> str:
    is_piece = f" {name.casefold()}".endswith(_PIECES)
    return ("S" if name.isupper() else "s") if is_piece else ""


def _names(pours: Sequence[Row], name: _Namer) -> list[Fragment]:
    return _listed([name(pour) for pour in pours])


def _listed(items: Sequence[Sequence[Fragment]]) -> list[Fragment]:
    """Join to "a, b and c"."""
    if len(items) == 1:
        return list(items[0])
    joined: list[Fragment] = []
    for position, item in enumerate(items):
        if position:
            joined.append(" and " if position == len(items) - 1 else ", ")
        joined += item
    return joined


def _joined(clauses: Sequence[Sequence[Fragment]]) -> list[Fragment]:
    """Join clauses by semicolons, and text that meets text."""
    whole: list[Fragment] = []
    text = ""
    for clause in clauses:
        if whole or text:
            text += "; "
        for fragment in clause:
            if fragment.__class__ is str:
                text += fragment
            else:
                if text:
                    whole.append(text)
                    text = ""
                whole.append(fragment)
    if text:
        whole.append(text)
    return whole


def _is_counted(pour: Row) -> bool:
    said = _said(pour["unit"])
    return said is not None and said.kind == "count"


def _amount(pour: Row) -> str:
    """Say a pour's amount, or nothing where nobody could measure it."""
    amount = pour["amount"]
    return "" if amount is None else _amount_in(amount, float(pour["ml"]), pour["unit"])


@lru_cache(_REMEMBERED)
def _amount_in(amount: float, ml: float, unit: str | None) -> str:
    if is_unmeasured(unit):
        return ""
    key = unit_key(unit)
    said = _said(unit) if key else _read_as(amount, ml)
    if not key and said is None:
        return _number(amount) if amount < 10 else _milliliters(ml)
    if said is None:  # a unit that nobody says; as written where it stands for no volume
        counted = abs(ml - amount) < 1e-3
        return f"{_number(amount)} {(unit or '').strip()}" if counted else _milliliters(ml)
    if said.kind == "metric":
        return _milliliters(ml) if said is _ML else f"{_centiliters(amount)} cl"
    number = _fraction(amount)
    if number is None or (said.kind == "small" and amount > _MOST_DASHES):
        return _milliliters(ml) if said.kind in {"jigger", "small"} else _number(amount)
    return f"{number} {said.one if amount <= 1 else said.many}".strip()


def _read_as(amount: float, ml: float) -> _Unit | None:
    """Return the unit that an amount without one was read in, if it is told apart from pieces."""
    for name in ("ounce", "centiliter", "dash"):
        size = meanings()[name].ml or 0.0
        if ml > 0 and abs(ml - amount * size) <= 1e-3 * ml:
            return _SAID[name]
    return None


def _fraction(value: float) -> str | None:
    """Write 1.5 as "1½"; None where no usual fraction is near."""
    whole, rest = divmod(value, 1)
    for table, within in _ROUNDINGS:
        nearest = min(table, key=lambda size: abs(size - rest))
        if abs(nearest - rest) <= within * value:
            count = int(whole) + (nearest == 1.0)
            return f"{count or ''}{table[nearest]}" or None
    return None


def _number(value: float) -> str:
    exact = _fraction(value)
    return exact if exact is not None and value < 20 else f"{value:,.2f}".rstrip("0").rstrip(".")


def _milliliters(ml: float) -> str:
    """Round to the steps of a jigger where one is near, else to whole milliliters."""
    for step in (5.0, 2.5):
        jigger = round(ml / step) * step
        if jigger and abs(jigger - ml) <= max(0.02 * ml, 0.4):
            return f"{jigger:,g} ml"
    rounded = round(ml) if ml >= 10 else round(ml * 2) / 2
    return f"{rounded:,g} ml" if rounded else ""


def _centiliters(cl: float) -> str:
    for step in (0.5, 0.25):
        near = round(cl / step) * step
        if near and abs(near - cl) <= max(0.02 * cl, 0.03):
            return f"{near:g}"
    return f"{round(cl, 1):g}"
