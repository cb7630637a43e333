"""From the rows of any layout to a catalog.

Nothing in the rows is trusted. What can be repaired by rule is repaired and counted in a
`Finding`; what cannot is a `DataError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analytics_core.errors import DataError
from analytics_core.source.catalog import Catalog, Ingredients, Recipes, with_fingerprint
from analytics_core.source.findings import Findings
from analytics_core.source.guesses import report_contradictions
from analytics_core.source.ids import find, labels, sorted_ids
from analytics_core.source.lines import recipes_and_lines, rolled_up
from analytics_core.source.poured import VolumeRule, with_known_sizes
from analytics_core.source.rows import NULL_ID, RecipeRows, Rows, UnitRows
from analytics_core.source.units import Unit

# A bartender's tree has four levels. Paths grow with the square of the depth, so a hostile
# chain of parents must not go on for ever.
MAX_DEPTH = 1000
MOST_DILUTION = 400.0
"""Percent of what is poured; a tall drink over crushed ice is far below."""
MOST_NAME_LETTERS = 255
"""What columns of names tend to hold. A name stands a hundred times among the rows of
`recipe-similar` that are made at once: one without end would take all memory."""
MOST_METHOD_LETTERS = 2_000
_INGREDIENTS = ("ingredient", "ingredients")
_RECIPES = ("recipe", "recipes")


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
    recipes, every, optional = recipes_and_lines(
        ingredients=ingredients,
        recipes=_recipes(database, rows.recipes, findings),
        units=units,
        unit_of_id=unit_of_id,
        assumed=assumed,
        rows=rows.lines,
        findings=findings,
        volumes=volumes,
    )
    ingredients, every = rolled_up(ingredients, every, only_named=rows.only_named_parents)
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


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def _bounded(
    texts: Sequence[str],
    noun: str,
    ids: NDArray[np.int64],
    findings: Findings,
    *,
    of: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """Return texts without what is too much of them, and report it; ids are made of the whole.

    They are names, or the methods `of` what is named.
    """
    most = MOST_METHOD_LETTERS if of else MOST_NAME_LETTERS
    long = [row for row, text in enumerate(texts) if len(text) > most]
    bounded = list(texts)
    for row in long:
        bounded[row] = f"{texts[row].strip()[: most - 1].rstrip()}…"
    findings.add(
        "long-name",
        f"Cut {{}} to {most:,} letters.",
        ("method", "methods") if of else ("name", "names"),
        [f"{noun} {label}" for label in labels(ids, of or bounded, long)],
    )
    return tuple(bounded)


def _named_rows(
    database: object,
    table: str,
    raw_ids: Sequence[int],
    raw_names: Sequence[object],
    findings: Findings,
) -> tuple[NDArray[np.int64], tuple[str, ...], NDArray[np.intp]]:
    """Return ids (ascending) and names of a table's rows, and the rows they stand in."""
    ids, order = sorted_ids(database, table, raw_ids, findings)
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
    return ids, _bounded(names, noun, ids, findings), order


def _recipes(database: object, given: RecipeRows, findings: Findings) -> Recipes:
    ids, names, order = _named_rows(database, "recipes", given.ids, given.names, findings)
    variant_of = np.full(ids.size, -1, dtype=np.int32)
    if given.variant_of is not None:
        variant_of = find(ids, np.array(given.variant_of, dtype=np.int64)[order])
    dilution = np.full(ids.size, np.nan)
    if given.dilutions is not None:
        dilution = np.array(given.dilutions, dtype=np.float64)[order] + 0.0
    bad = ~np.isnan(dilution) & ~((dilution >= 0) & (dilution <= MOST_DILUTION))
    findings.add(
        "bad-dilution",
        "Ignored the dilution of {}, which is no percentage of what is poured.",
        _RECIPES,
        labels(ids, names, np.flatnonzero(bad).tolist()),
    )
    dilution[bad] = np.nan
    methods = given.methods
    said = [""] * ids.size if methods is None else [_text(methods[row]) or "" for row in order]
    told = _bounded([text.strip() for text in said], "recipe", ids, findings, of=names)
    return Recipes(ids, names, variant_of, told, dilution)


def _ingredients(database: object, rows: Rows, findings: Findings) -> Ingredients:
    given = rows.ingredients
    ids, names, order = _named_rows(database, "ingredients", given.ids, given.names, findings)
    parent_ids = np.array(given.parents, dtype=np.int64)[order]
    parents = find(ids, parent_ids)
    orphans = np.flatnonzero((parent_ids != NULL_ID) & (parents < 0)).tolist()
    column = rows.names.get("parent_id", "parent_id")
    findings.add(
        "orphan-parent",
        f"Made roots of {{}} whose {column} has no row.",
        _INGREDIENTS,
        labels(ids, names, orphans),
    )
    paths = _paths(database, ids, parents)
    if given.paths is not None:
        stored = [_text(given.paths[row]) for row in order.tolist()]
        lost = {f"/{ids[row]}/": f"/{parent_ids[row]}/{ids[row]}/" for row in orphans}
        findings.add(
            "path-mismatch",
            f"Rebuilt the path of {{}}, because it disagrees with {column}.",
            _INGREDIENTS,
            labels(ids, names, _disagreeing(paths, stored, lost)),
        )
    allow = np.zeros(ids.size, dtype=np.int64)
    if given.allow_substitution is not None:
        allow = np.array(given.allow_substitution, dtype=np.int64)[order]
    findings.add(
        "bad-allow-substitution",
        "Read allow_substitution as 0 for {}, where it is neither 0 nor 1.",
        _INGREDIENTS,
        labels(ids, names, np.flatnonzero(allow < 0).tolist()),
    )
    strength = np.full(ids.size, np.nan)
    if given.strengths is not None:
        strength = np.array(given.strengths, dtype=np.float64)[order]
    bad = ~np.isnan(strength) & ~((strength >= 0) & (strength <= 100))
    findings.add(
        "bad-strength",
        "Ignored the strength of {}, which is no percentage.",
        _INGREDIENTS,
        labels(ids, names, np.flatnonzero(bad).tolist()),
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
    ids, order = sorted_ids(database, "units", given.ids, findings)
    rows = order.tolist()
    called = [_text(given.names[row]) or f"Unit {ids[at]}" for at, row in enumerate(rows)]
    short = [_text(given.abbreviations[row]) for row in rows]
    names = _bounded(called, "unit", ids, findings)
    told = _bounded([text or "" for text in short], "unit", ids, findings)
    entries = []
    bad = []
    for position, row in enumerate(rows):
        name = names[position]
        conversion = given.volumes_ml[row]
        if conversion is not None and not 0 <= conversion < float("inf"):
            bad.append(f"{name} (id {ids[position]})")
            conversion = None
        abbreviation = None if short[position] is None else told[position]
        entries.append(Unit(name, abbreviation, conversion))
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
    return tuple(units), lambda wanted: index[find(ids, wanted)], assumed


def _unit_key(unit: Unit) -> tuple[str, bool, str, bool, float]:
    return (
        unit.name,
        unit.abbreviation is None,
        unit.abbreviation or "",
        unit.conversion_to_ml is None,
        unit.conversion_to_ml or 0.0,
    )


def _pairs(ingredients: Ingredients, pairs: Sequence[tuple[int, int]]) -> NDArray[np.int32]:
    """Return pairs of ids as indices, each pair once, ascending; without what has no row."""
    found = find(ingredients.ids, np.array(pairs, dtype=np.int64).reshape(-1, 2))
    found = found[(found >= 0).all(axis=1) & (found[:, 0] != found[:, 1])]
    return np.unique(found, axis=0).astype(np.int32)
