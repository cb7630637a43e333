"""What a reader of any layout hands over: rows as columns, nothing checked.

`analytics_core.source.assembly.assemble` makes a catalog of them. A reader says where things are;
what is wrong with them, and what is done about it, is the same for every layout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from analytics_core.source.findings import Findings

# Stand-ins for values that are NULL, or of another type than a column of ids may have.
NULL_ID = -(2**63)
BAD_ID = NULL_ID + 1
NULL_FLAG = -1
BAD_FLAG = -2

_ID_BYTES = 6  # 48 bits: a number that JavaScript can hold too


@dataclass(frozen=True, slots=True, kw_only=True)
class IngredientRows:
    """Ingredients, in any order.

    Attributes
    ----------
    ids
        `NULL_ID` and `BAD_ID` stand for ids that are absent or no integers.
    names
        Text, bytes or None.
    parents
        Id of the parent; `NULL_ID` for a root.
    paths
        Ids from the root down as they are stored, ``/1/10/``, to be compared with the parents;
        None where the layout stores none.
    allow_substitution
        1 where an ingredient without children counts as its parent, 0 where it does not,
        `NULL_FLAG` or `BAD_FLAG` where neither is stored; None where the layout says it of lines
        alone.
    strengths
        Alcohol by volume in percent, None where nobody knows; None where the layout has none.
    """

    ids: Sequence[int]
    names: Sequence[object]
    parents: Sequence[int]
    paths: Sequence[object] | None = None
    allow_substitution: Sequence[int] | None = None
    strengths: Sequence[float | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRows:
    """Units, in any order.

    Attributes
    ----------
    ids
        As lines refer to them.
    names, abbreviations
        Text, bytes or None.
    volumes_ml
        Milliliters in one; None where the database does not say.
    """

    ids: Sequence[int]
    names: Sequence[object]
    abbreviations: Sequence[object]
    volumes_ml: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeRows:
    """Recipes, in any order.

    Attributes
    ----------
    ids, names
        As in `IngredientRows`.
    variant_of
        Id of the recipe that each is a variant of, else `NULL_ID`; None where the layout does not
        say.
    methods
        How each is made, in the owner's words; text, bytes or None, and None where the layout does
        not say.
    dilutions
        Water that melting ice adds, in percent of what is poured; None where nobody knows, and None
        where the layout has none.
    """

    ids: Sequence[int]
    names: Sequence[object]
    variant_of: Sequence[int] | None = None
    methods: Sequence[object] | None = None
    dilutions: Sequence[float | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRows:
    """What recipes hold, in any order.

    Attributes
    ----------
    recipes, ingredients
        Ids.
    units
        Ids; `NULL_ID` where a line has no unit.
    amounts
        In the line's unit; None where there is none, infinite where it is no number.
    amounts_max
        The upper end of a range whose lower end is the amount; None for no range.
    optional
        1 where the line may be left out, and is no part of the mixture, else 0, `NULL_FLAG` or
        `BAD_FLAG`.
    rolls_up
        Whether the line's ingredient counts as its parent (1) or as itself (0); `NULL_FLAG`, or
        None for all of them, where the ingredient's `allow_substitution` decides, as it does for
        `BAD_FLAG`.
    """

    recipes: Sequence[int]
    ingredients: Sequence[int]
    units: Sequence[int]
    amounts: Sequence[float | None]
    amounts_max: Sequence[float | None] | None = None
    optional: Sequence[int] | None = None
    rolls_up: Sequence[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Everything that a reader finds.

    Attributes
    ----------
    layout
        What the layout is called.
    ingredients, units, recipes, lines
        The rows.
    bar
        Which of several collections it is, as its owner calls it; empty where there is but one.
    substitutes
        Pairs of ids: the owner says that the second stands in for the first.
    parts
        Pairs of ids: the first is made of the second, among other things.
    only_named_parents
        Whether a line counts as its ingredient's parent only if a recipe names the parent.
    knows_units
        Whether the layout has volumes for its units; where it has not, what units are called says
        how large they are under every rule.
    names
        How findings call tables and columns that the layout calls otherwise, such as
        ``{"parent_id": "parent_ingredient_id"}``.
    """

    layout: str
    ingredients: IngredientRows
    units: UnitRows
    recipes: RecipeRows
    lines: LineRows
    bar: str = ""
    substitutes: Sequence[tuple[int, int]] = ()
    parts: Sequence[tuple[int, int]] = ()
    only_named_parents: bool = False
    knows_units: bool = True
    names: dict[str, str] = field(default_factory=dict)


class Reader(Protocol):
    """A function that reads one layout."""

    def __call__(
        self, database: Path, findings: Findings, *, called: object, bar: str | None
    ) -> Rows:
        """Read everything in one transaction.

        Parameters
        ----------
        database
            A local file that nobody writes: a snapshot.
        findings
            Takes what had to be repaired to be read at all.
        called
            What errors call the database.
        bar
            Which of several collections, by id or name; None where the owner did not say.

        Raises
        ------
        DataError
            If the file cannot be read, or `bar` names nothing in it or is needed.
        """
        ...


def stable_id(name: str) -> int:
    """Return an id made of a name, for what has no number of its own: the same in every run."""
    digest = hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=_ID_BYTES).digest()
    return int.from_bytes(digest, "big")


def units_by_name(names: Sequence[str | None]) -> tuple[UnitRows, list[int]]:
    """Return the units that lines name in their own words, and each line's unit.

    Parameters
    ----------
    names
        One per line; None or blanks where there is no unit.
    """
    texts = [(name or "").strip() for name in names]
    distinct = sorted(set(texts) - {""})
    number = {name: place for place, name in enumerate(distinct, start=1)}
    units = UnitRows(
        ids=list(number.values()),
        names=distinct,
        abbreviations=[None] * len(distinct),
        volumes_ml=[None] * len(distinct),
    )
    return units, [number.get(text, NULL_ID) for text in texts]
