"""Findings about volumes: what was guessed, how often, and what no glass holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics_core.source.bare import Reading
from analytics_core.source.findings import Findings, shorten
from analytics_core.source.poured import KnownUnits, Poured, meaning_of
from analytics_core.source.units import Unit, fixed_volume_ml

_LINES = ("line", "lines")
_CONTRACT = frozenset({"each", "to_top", "to_rinse", "barspoon", "dash", "drop"})
_AMOUNTS = ("amount", "amounts")
MOST_ML = 10_000.0
"""Of one line: a large bowl of punch, in milliliters."""
MOST_UNITS = 20
"""Units that get a finding of their own; what is rarer is told together."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadLines:
    """Lines, and how to name them.

    Attributes
    ----------
    recipe, ingredient, unit : int32 (lines,)
        Index into the names; -1 for a line that is left out, and for no unit.
    amount : float64 (lines,)
    recipe_ids : int64 (recipes,)
    recipe_names, ingredient_names, units
        What they point to.
    """

    recipe: NDArray[np.int32]
    ingredient: NDArray[np.int32]
    unit: NDArray[np.int32]
    amount: NDArray[np.float64]
    recipe_ids: NDArray[np.int64]
    recipe_names: Sequence[str]
    ingredient_names: Sequence[str]
    units: Sequence[Unit]

    def example(self, row: int, volume_ml: float) -> str:
        """Return a line in one sentence: "8 leaves Mint, 4.8 ml, in Smash (id 7)"."""
        volume = f"{volume_ml:.3g}" if volume_ml < 1000 else f"{volume_ml:,.0f}"
        unit = self.unit[row]
        amount = "" if np.isnan(self.amount[row]) else f"{self.amount[row]:g} "
        name = "" if unit < 0 else f"{self.units[unit].name} "
        return (
            f"{amount}{name}{self.ingredient_names[self.ingredient[row]]}, {volume} ml,"
            f" in {self._recipe(row)}"
        )

    def named(self, row: int) -> str:
        """Return a line without its amount: "Mint in Smash (id 7)"."""
        return f"{self.ingredient_names[self.ingredient[row]]} in {self._recipe(row)}"

    def _recipe(self, row: int) -> str:
        recipe = self.recipe[row]
        return f"{self.recipe_names[recipe]} (id {self.recipe_ids[recipe]})"


def report_contradictions(known: KnownUnits, findings: Findings) -> None:
    """Report units whose conversion their name contradicts."""
    findings.add(
        "contradicted-unit",
        "Took {} by the name, because conversion_to_ml says something else altogether.",
        ("unit", "units"),
        [
            f"{unit.name}: {unit.conversion_to_ml:g} ml in the file, {ml:g} ml by the name"
            for unit, ml in known.contradicted
        ],
    )


def report_huge(lines: ReadLines, volume_ml: NDArray[np.float64], findings: Findings) -> None:
    """Report lines that no glass or bowl holds, such as the number that a date became.

    Parameters
    ----------
    lines
        The lines, also those that are optional.
    volume_ml : float64 (lines,)
    findings
        Takes what is found.
    """
    kept = (lines.recipe >= 0) & (lines.ingredient >= 0) & np.isfinite(volume_ml)
    huge = np.flatnonzero(kept & (volume_ml > MOST_ML)).tolist()
    findings.add(
        "huge-amount",
        "Found {} of more than 10 liters; the number may be a date that a spreadsheet made of a"
        " fraction: 45659 is January 2, 2025.",
        _LINES,
        [lines.example(row, float(volume_ml[row])) for row in huge],
    )


def report_volumes(
    lines: ReadLines, poured: Poured, assumed: frozenset[Unit], findings: Findings
) -> None:
    """Report every volume that was not written: by unit, with count, recipes and examples.

    Parameters
    ----------
    lines
        Those that go into the mixtures.
    poured
        Their volumes, and how they were found.
    assumed
        Units whose size is a bar's usual one, see `with_known_sizes`.
    findings
        Takes what is found.
    """
    kept = (lines.recipe >= 0) & (lines.ingredient >= 0) & np.isfinite(poured.volume_ml)

    def add(
        code: str, message: str, nouns: tuple[str, str], rows: NDArray[np.intp], unit: str = ""
    ) -> None:
        count = np.unique(lines.recipe[rows]).size
        recipes = f"{count:,} recipe{'' if count == 1 else 's'}"
        findings.add(
            code,
            message.replace("{recipes}", recipes).replace("{unit}", unit),
            nouns,
            [lines.example(row, float(poured.volume_ml[row])) for row in rows.tolist()],
        )

    def add_by_unit(code: str, message: str, chosen: NDArray[np.bool_]) -> None:
        """Add one finding for each of the most frequent units, and one for all others."""
        rows = np.flatnonzero(chosen & kept)
        own, count = np.unique(lines.unit[rows], return_counts=True)
        ranked = own[np.lexsort((own, -count))].tolist()
        for unit in ranked[:MOST_UNITS]:
            said = f"“{shorten(lines.units[unit].name)}”"
            add(code, message, _LINES, rows[lines.unit[rows] == unit], said)
        others = ranked[MOST_UNITS:]
        if others:
            said = f"{len(others):,} rarer unit{'' if len(others) == 1 else 's'}"
            add(code, message, _LINES, rows[np.isin(lines.unit[rows], others)], said)

    reading = poured.reading
    add_by_unit(
        "unit-without-volume",
        "Guessed the volume of {} in {unit} in {recipes}, because neither the file nor the table "
        "of units says how much that is.",
        reading == Reading.UNKNOWN_UNIT,
    )
    add_by_unit(
        "guessed-volume",
        "Guessed the volume of {} in {unit} in {recipes}, because no word in the unit or in the "
        "ingredient's name says how large one is.",
        reading == Reading.GUESSED,
    )
    usual = np.array([_is_usual(unit, assumed) for unit in lines.units] + [False])
    add_by_unit(
        "usual-volume",
        "Took {} in {unit} in {recipes} at the usual size, because the file gives the unit none.",
        usual[lines.unit] & (reading == Reading.WRITTEN),
    )
    bare = np.isin(reading, (Reading.BARE_SHOWN, Reading.BARE_PIECES, Reading.BARE_GUESSED)) & kept
    manners = [
        (np.count_nonzero(bare & (reading == manner)), text)
        for manner, text in (
            (Reading.BARE_SHOWN, "as the file pours it elsewhere"),
            (Reading.BARE_PIECES, "as a count of pieces"),
            (Reading.BARE_GUESSED, "by a guess"),
        )
    ]
    told = _listed(f"{count:,} {text}" for count, text in manners if count)
    add(
        "amount-without-unit",
        f"Read {{}} without a unit in {{recipes}}: {told}.",
        _AMOUNTS,
        np.flatnonzero(bare),
    )
    add(
        "missing-amount",
        "Took as much as other lines pour, else one piece or 1 ml, for {} without an amount in "
        "{recipes}.",
        _LINES,
        np.flatnonzero((reading == Reading.MISSING) & kept),
    )


def _is_usual(unit: Unit, assumed: frozenset[Unit]) -> bool:
    """Whether the table alone says how much a unit is; the contract's own units are no guesses."""
    meaning = meaning_of(unit)
    if meaning is None or meaning.name in _CONTRACT:
        return False
    named = unit.conversion_to_ml is None and fixed_volume_ml(unit.name) is None
    return named or unit in assumed


def _listed(items: Iterable[str]) -> str:
    texts = list(items)
    return ", ".join(texts[:-1]) + " and " + texts[-1] if len(texts) > 1 else "".join(texts)
