"""A transport plan in a bartender's words: "swap 45 ml gin for bourbon; Campari stays".

The plan says which share of one drink has to become what to make the other. Here it is
read as an instruction: what goes, what comes instead, what stays. Pure functions on the
published documents; nothing is loaded and nothing numeric is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TOUCH = 0.02
"""Flows below this share of the drink are a touch, not a swap."""

_MOST_NAMES = 3

# Written small inside a sentence; every other word of a name keeps its capitals, because
# it is most likely somebody's name ("Campari", "London dry gin").
_COMMON_WORDS = """
a absinthe agave aged almond amaretto amaro american anejo apple applejack apricot aquavit
armagnac aromatic basil beer berry bianco bitter bitters black blackberry blackcurrant blanc
blanco blend blended blood bourbon brandy brown cachaca calvados cane celery champagne
cherry cider cinnamon cloves cocoa coconut coffee cognac cola cold cordial cranberry cream
creme crushed cucumber curacao dark demerara dry egg elderflower espresso extra falernum
fortified fresh fruit gin ginger gold golden gomme grape grapefruit grenadine half herbal
honey hot jam juice leaf leaves lemon lemonade light lime liqueur liqueurs maple maraschino
marmalade melon mezcal milk mineral mint molasses navy nut nutmeg of oil olive orange orgeat
overproof passion passionfruit peach pear peel pepper pineapple pisco pomegranate port proof
prosecco prune raspberry raw red reposado rice rich rose rosemary rum rye saline salt sauce
sec seltzer sherry silver simple sloe soda sour sparkling spice spiced spirit spirits
strawberry strength strong sugar sweet syrup tea tequila the tomato tonic triple unaged
vanilla vermouth violet violette vodka walnut water whipped whiskey whisky white wine with
yellow yolk zest
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_PLURALS = {"dash": "dashes", "drop": "drops", "barspoon": "barspoons", "teaspoon": "teaspoons"}
_UNMEASURED = {"to top", "to rinse"}


@dataclass(frozen=True, slots=True)
class _Flow:
    source: str
    target: str
    mass: float


@dataclass(frozen=True, slots=True)
class _Part:
    """All lines of one rolled-up ingredient in one drink."""

    fraction: float
    volume_ml: float
    measure: str  # "45 ml", "2 dashes", or "" when it cannot be said


_Drink = Mapping[str, _Part]


def describe_swaps(
    plan: Sequence[Mapping[str, Any]],
    *,
    recipe: Mapping[str, Any] | None = None,
    neighbor: Mapping[str, Any] | None = None,
) -> str:
    """Say how to turn a recipe into its neighbour.

    Parameters
    ----------
    plan
        The flows of a ``transport_plan`` of the ``recipe-similar`` document:
        ``from_ingredient_name``, ``to_ingredient_name`` and ``mass`` (a share of the
        drink, 0 to 1).
    recipe, neighbor
        The two entries of the ``recipe-details`` document. With both, amounts are given,
        and what stays in the glass is told apart from what is swapped.

    Returns
    -------
    str
        A line such as ``swap 45 ml gin for bourbon; sweet vermouth and Campari stay``.
    """
    flows = _merge(plan)
    before, after = _parts(recipe), _parts(neighbor)
    known = bool(before) and bool(after)
    if known and before.keys() == after.keys():
        return _proportions(flows)
    if not flows:
        return "nothing to swap: the same mix"

    swaps = [flow for flow in flows if flow.mass >= TOUCH]
    touches = [flow for flow in flows if flow.mass < TOUCH]
    clauses = _swap_clauses(swaps, before, after)
    clauses += _touch_clauses(touches, swaps, before, after)
    if known:
        clauses += _stay_clause(before, after, swaps)
    return "; ".join(clauses) or "a touch apart"


def spoken(name: str) -> str:
    """Write an ingredient's name as inside a sentence: ``Lime Juice`` -> ``lime juice``."""
    return re.sub(r"[^\W\d_]+", lambda match: _spoken_word(match[0]), name)


def _spoken_word(word: str) -> str:
    return word.lower() if word.lower() in _COMMON else word


def _merge(plan: Iterable[Mapping[str, Any]]) -> list[_Flow]:
    """Add up equal flows; largest first, then by name."""
    masses: dict[tuple[str, str], float] = {}
    for flow in plan:
        pair = (str(flow["from_ingredient_name"]), str(flow["to_ingredient_name"]))
        if pair[0] != pair[1]:
            masses[pair] = masses.get(pair, 0.0) + float(flow["mass"])
    flows = [_Flow(source, target, mass) for (source, target), mass in masses.items() if mass > 0]
    return sorted(flows, key=lambda flow: (-flow.mass, flow.source, flow.target))


def _parts(details: Mapping[str, Any] | None) -> dict[str, _Part]:
    """Add up a drink's lines by rolled-up ingredient, in the document's order."""
    if details is None:
        return {}
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for line in details["lines"]:
        lines.setdefault(str(line["rolled_name"]), []).append(line)
    return {
        name: _Part(
            fraction=sum(float(line["fraction"]) for line in own),
            volume_ml=sum(float(line["volume_ml"]) for line in own),
            measure=_measure(own),
        )
        for name, own in lines.items()
    }


def _measure(lines: Sequence[Mapping[str, Any]]) -> str:
    unit = str(lines[0].get("unit") or "").lower()
    amount = lines[0].get("amount")
    if any(str(line.get("unit") or "").lower() in _UNMEASURED for line in lines):
        return ""
    if len(lines) == 1 and amount is not None:
        if unit == "each":
            return f"{amount:g}"
        if unit in _PLURALS:
            return f"{amount:g} {unit if amount <= 1 else _PLURALS[unit]}"
    return _millilitres(sum(float(line["volume_ml"]) for line in lines))


def _millilitres(volume_ml: float) -> str:
    """Round to the steps of a jigger; ``""`` when there is too little to pour."""
    step = 5 if volume_ml >= 10 else 2.5
    rounded = round(volume_ml / step) * step
    return f"{rounded:g} ml" if rounded else ""


def _swap_clauses(swaps: Sequence[_Flow], before: _Drink, after: _Drink) -> list[str]:
    becomes: dict[str, list[str]] = {}
    for flow in swaps:
        becomes.setdefault(flow.source, []).append(flow.target)
    # what becomes the same thing is told together: "swap gin and vodka for rum"
    alike: dict[tuple[tuple[str, ...], bool], list[str]] = {}
    for source, targets in becomes.items():
        alike.setdefault((tuple(targets), source in after), []).append(source)

    clauses = []
    for (made, stays), sources in alike.items():
        if stays and all(target in before for target in made):
            gone = _join(_less(source, before, after, "less") for source in sources)
            clauses.append(f"{gone}, more {_join(map(spoken, made))}")
            continue
        if stays:
            gone = _join(_less(source, before, after, "of the") for source in sources)
        else:
            gone = _join(_whole(source, before) for source in sources)
        come = _join(
            f"more {spoken(target)}" if target in before else spoken(target) for target in made
        )
        clauses.append(f"swap {gone} for {come}")
    # the swaps are the instruction; shifts between what stays come after them
    return sorted(clauses, key=lambda clause: not clause.startswith("swap "))


def _whole(source: str, before: _Drink) -> str:
    measure = before[source].measure if source in before else ""
    return f"{measure} {spoken(source)}".strip()


def _less(source: str, before: _Drink, after: _Drink, words: str) -> str:
    """``15 ml of the gin`` or ``15 ml less gin``, told by the two drinks, not by the flow."""
    if source in before:
        volume_ml = sum(part.volume_ml for part in before.values())
        measure = _millilitres(max(before[source].fraction - after[source].fraction, 0) * volume_ml)
        if measure:
            return f"{measure} {words} {spoken(source)}"
    return f"some of the {spoken(source)}" if words == "of the" else f"{words} {spoken(source)}"


def _touch_clauses(
    touches: Sequence[_Flow], swaps: Sequence[_Flow], before: _Drink, after: _Drink
) -> list[str]:
    told = {flow.source for flow in swaps} | {flow.target for flow in swaps}
    comes = dict.fromkeys(f.target for f in touches if f.target not in {*told, *before})
    clauses = [f"add a touch of {_join(map(spoken, comes))}"] if comes else []
    if after:  # without the drinks nobody can tell whether it goes or only shrinks
        goes = dict.fromkeys(f.source for f in touches if f.source not in {*told, *after})
        if goes:
            clauses.append(f"leave out the touch of {_join(map(spoken, goes))}")
    return clauses


def _stay_clause(before: _Drink, after: _Drink, swaps: Sequence[_Flow]) -> list[str]:
    moved = {flow.source for flow in swaps} | {flow.target for flow in swaps}
    stays = [spoken(name) for name in before if name in after and name not in moved]
    if not stays:
        return []
    if len(stays) > _MOST_NAMES:
        return ["the rest stays"]
    return [f"{_join(stays)} {'stays' if len(stays) == 1 else 'stay'}"]


def _proportions(flows: Sequence[_Flow]) -> str:
    words = "same ingredients, other proportions"
    shifts = [flow for flow in flows if flow.mass >= TOUCH]
    if not shifts:
        return words
    less = _join(spoken(name) for name in dict.fromkeys(flow.source for flow in shifts))
    more = _join(spoken(name) for name in dict.fromkeys(flow.target for flow in shifts))
    return f"{words}: less {less}, more {more}"


def _join(names: Iterable[str]) -> str:
    listed = list(names)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
