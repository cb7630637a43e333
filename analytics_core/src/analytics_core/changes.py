"""What changed since the set published before, and whether that is a set to publish."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from analytics_core.documents import Row
from analytics_core.earlier import MAPS
from analytics_core.encoding import to_json
from analytics_core.errors import GateClosed
from analytics_core.similarity.placing import moves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics_core.earlier import Earlier
    from analytics_core.similarity.arrays import IntArray
    from analytics_core.similarity.neighbors import KnnGraph
    from analytics_core.similarity.placing import PlacedMap
    from analytics_core.source.catalog import Catalog

LISTED = 100
"""Recipes that each list of `what-changed` names at most."""

NAMED = 3
"""Recipes that the sentence names at most, of each kind."""

FAR_SHARE = 0.1
"""Of the map's diameter: a drink that moved further is counted as having moved far."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may differ from the set before, if nothing else than the recipes changed.

    Attributes
    ----------
    recipes_lost : float
        Share of the recipes that may be gone at once.
    map_move : float
        Median move of the drinks that did not change, in shares of the map's diameter.
    unsettled : float
        Share of unchanged recipes whose neighbors may have become others.
    findings_times, findings_more : float, int
        How many times as many findings there may be, and how many more at least before that counts.
    few : int
        Recipes below which maps and neighbors are not judged, and losses of fewer do not count.
    mostly_same : float
        Share of recipes that must be unchanged for the map to be judged.
    """

    recipes_lost: float = 0.2
    map_move: float = 0.1
    unsettled: float = 0.25
    findings_times: float = 3.0
    findings_more: int = 20
    few: int = 50
    few_lost: int = 5
    mostly_same: float = 0.8


LIMITS = Limits()


def digests_of(catalog: Catalog) -> list[str]:
    """Return a digest (16 hex digits) of what each recipe's lines say: ingredient, amount, unit.

    Not of what they count as, unless the line itself says so: rules are the method's. The order of
    lines is nothing.
    """
    lines = catalog.lines
    told: list[list[Any]] = [[] for _ in range(catalog.recipes.ids.size)]
    names = [*(unit.name.casefold() for unit in catalog.units), ""]  # -1, no unit, reads the last
    own_way = lines.rolled != catalog.ingredients.counts_as[lines.ingredient]
    for recipe, ingredient, unit, amount, other in zip(
        lines.recipe.tolist(),
        catalog.ingredients.ids[lines.ingredient].tolist(),
        lines.unit.tolist(),
        lines.amount.tolist(),
        own_way.tolist(),
        strict=True,
    ):
        told[recipe].append([ingredient, names[unit], str(amount), *([True] if other else [])])
    return [hashlib.sha256(_told(sorted(own))).hexdigest()[:16] for own in told]


def _told(lines: list[list[Any]]) -> bytes:
    try:
        return orjson.dumps(lines)
    except TypeError:  # a lone surrogate
        return to_json(lines).encode(errors="surrogatepass")


def recipe_digests(ids: IntArray, contents: Sequence[str], listed: KnnGraph) -> Iterator[Row]:
    """What the next refresh compares with: a digest of each recipe, and its nearest by id."""
    for r, recipe in enumerate(ids.tolist()):
        nearest = ids[listed.indices[r]].tolist()
        yield {"recipe_id": recipe, "content": contents[r], "nearest": nearest}


def changed_rows(ids: IntArray, contents: Sequence[str], earlier: Earlier) -> Any:
    """Return which recipes are new or not what they were, bool (recipes,).

    Where the earlier set does not say what was in its recipes, those it has count as the same.
    """
    if not earlier.contents:
        return np.array([recipe not in earlier.names for recipe in ids.tolist()], dtype=bool)
    known = earlier.contents
    return np.array(
        [known.get(recipe) != now for recipe, now in zip(ids.tolist(), contents, strict=True)],
        dtype=bool,
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed, as a document and in figures.

    Attributes
    ----------
    document : dict
        The data of `what-changed`.
    method : list of str
        What of the method is not what it was: ``code``, ``settings``.
    figures : dict
        What the gate goes by; empty where there was no set before.
    """

    document: Row
    method: list[str]
    figures: dict[str, float]


def compare(
    catalog: Catalog,
    ids: IntArray,
    contents: Sequence[str],
    listed: KnnGraph,
    maps: Mapping[str, PlacedMap],
    manifest: Mapping[str, Any],
    earlier: Earlier,
) -> Changes:
    """Compare a set that is about to be published with the one before it.

    Parameters
    ----------
    catalog : Catalog
    ids : int64 (recipes,)
    contents : sequence of str
        From `digests_of`.
    listed : KnnGraph
        The neighbors that are published.
    maps : dict
        Both maps by name.
    manifest : dict
        Of the new set, as far as it is known.
    earlier : Earlier

    Returns
    -------
    Changes
    """
    began = {
        MAPS[name]: {"began": placed.began, "why": placed.why} for name, placed in maps.items()
    }
    if not earlier.manifest:
        return Changes(_first("there was no earlier set", None, began), [], {})
    method = [
        part
        for part, key in (("code", "code"), ("settings", "settings"))
        if earlier.manifest.get(key) != json.loads(to_json(manifest[key]))
    ]
    since = {key: earlier.manifest.get(key) for key in ("run_id", "generated_at")}
    figures: dict[str, float] = {
        "recipes": ids.size,
        "recipes_before": len(earlier.names),
        "findings": sum(found["count"] for found in manifest["warnings"]),
        "findings_before": sum(found["count"] for found in earlier.manifest.get("warnings", [])),
    }
    same = ~changed_rows(ids, contents, earlier)
    for name, placed in maps.items():
        steady = moves(placed.points[same], ids[same], earlier.maps[name])
        apart = moves(placed.points, ids, earlier.maps[name])
        began[MAPS[name]] |= _moved(apart)
        figures[f"map_move_{name}"] = round(float(np.median(steady)), 5) if steady.size else 0.0
    if not earlier.contents:
        why = "the earlier set does not say what was in its recipes"
        return Changes(_first(why, since, began), method, figures)

    names = dict(zip(ids.tolist(), catalog.recipes.names, strict=True))
    new = sorted(names.keys() - earlier.contents.keys())
    gone = sorted(earlier.contents.keys() - names.keys())
    unchanged = {recipe for recipe, is_same in zip(ids.tolist(), same, strict=True) if is_same}
    changed = sorted(names.keys() - unchanged - set(new))
    nearest, unsettled = [], 0
    now_nearest = ids[listed.indices].tolist()
    for recipe, now in zip(ids.tolist(), now_nearest, strict=True):
        before = earlier.nearest.get(recipe)
        if before is None:
            continue
        if before[:1] != now[:1]:
            nearest.append(
                {
                    **_named(recipe, names),
                    "before": _named(before[0], earlier.names) if before else None,
                    "now": _named(now[0], names) if now else None,
                }
            )
        if recipe in unchanged:
            # Whoever comes in the place of one that left or changed is no stranger.
            strangers = len([n for n in now if n in unchanged and n not in before])
            room = len([n for n in before if n not in unchanged])
            unsettled += strangers - room > len(now) / 2
    figures["unchanged"] = len(unchanged)
    figures["unsettled"] = unsettled
    document: Row = {
        "since": since,
        "why_not": "",
        "method": method,
        "counts": {
            "new": len(new),
            "gone": len(gone),
            "changed": len(changed),
            "unchanged": len(unchanged),
            "nearest": len(nearest),
        },
        "new": [_named(recipe, names) for recipe in new[:LISTED]],
        "gone": [_named(recipe, earlier.names) for recipe in gone[:LISTED]],
        "changed": [_named(recipe, names) for recipe in changed[:LISTED]],
        "nearest": nearest[:LISTED],
        "maps": began,
    }
    return Changes({**document, "words": in_words(document)}, method, figures)


def in_words(document: Mapping[str, Any]) -> str:
    """Say in one sentence what changed, with names where there are few.

    Parameters
    ----------
    document : dict
        The data of `what-changed`, but for this sentence.

    Returns
    -------
    str
        Without a full stop.
    """
    templates = {
        "new": "{count:,} new {recipes}",
        "gone": "{count:,} {recipes} gone",
        "changed": "{count:,} {recipes} changed",
        "nearest": "another nearest drink for {count:,} {recipes}",
    }
    parts = []
    for key, template in templates.items():
        if count := document["counts"][key]:
            recipes = "recipe" if count == 1 else "recipes"
            names = ", ".join(recipe["recipe_name"] for recipe in document[key])
            told = f" ({names})" if count <= NAMED else ""
            parts.append(template.format(count=count, recipes=recipes) + told)
    if far := max(moved.get("far", 0.0) for moved in document["maps"].values()):
        share = f"{far:.0%}" if far >= 0.01 else "under 1%"
        parts.append(f"{share} of the drinks moved far on the map")
    return "; ".join(parts) or "nothing changed"


def _first(why: str, since: Row | None, maps: Row) -> Row:
    """Return the document of a set that has nothing to be compared with."""
    return {
        "since": since,
        "why_not": why,
        "method": [],
        "counts": dict.fromkeys(("new", "gone", "changed", "unchanged", "nearest"), 0),
        **{part: [] for part in ("new", "gone", "changed", "nearest")},
        "maps": maps,
        "words": f"nothing to compare with: {why}",
    }


def _moved(shares: Any) -> Row:
    """How far drinks moved, in shares of the map's diameter."""
    if not shares.size:
        return {"drinks": 0, "median": 0.0, "p95": 0.0, "far": 0.0}
    return {
        "drinks": int(shares.size),
        "median": round(float(np.median(shares)), 5),
        "p95": round(float(np.percentile(shares, 95)), 5),
        "far": round(float((shares > FAR_SHARE).mean()), 5),
    }


def _named(recipe: int, names: Mapping[int, str]) -> Row:
    return {"recipe_id": recipe, "recipe_name": names.get(recipe, "")}


def objections(changes: Changes, limits: Limits = LIMITS) -> list[str]:
    """Say what speaks against publishing, one clause each; nothing against a first set.

    A changed method is meant to change maps, neighbors and findings, so then only the number of
    recipes is judged; the set that comes of it is what the next one is held against.
    """
    found = changes.figures
    said: list[str] = []
    if not found:
        return said
    lost = found["recipes_before"] - found["recipes"]
    if lost > limits.few_lost and lost > limits.recipes_lost * found["recipes_before"]:
        said.append(
            f"{found['recipes']:.0f} recipes are left of {found['recipes_before']:.0f}"
            f" (more than {limits.recipes_lost:.0%} fewer)"
        )
    if changes.method:
        return said
    more = found["findings"] - found["findings_before"]
    if (
        more >= limits.findings_more
        and found["findings"] > limits.findings_times * found["findings_before"]
    ):
        said.append(
            f"{found['findings']:.0f} findings instead of {found['findings_before']:.0f}"
            f" (more than {limits.findings_times:.0f} times as many)"
        )
    unchanged = found.get("unchanged", 0)
    if unchanged < limits.few:
        return said
    if found["unsettled"] > limits.unsettled * unchanged:
        said.append(
            f"{found['unsettled']:.0f} of {unchanged:.0f} recipes that did not change have other"
            f" neighbors (more than {limits.unsettled:.0%})"
        )
    if unchanged >= limits.mostly_same * max(found["recipes"], found["recipes_before"]):
        said += [
            f"the {name} map jumped: recipes that did not change moved by"
            f" {found[f'map_move_{name}']:.1%} of it (more than {limits.map_move:.0%})"
            for name in MAPS
            if found[f"map_move_{name}"] > limits.map_move
        ]
    return said


def hold(changes: Changes, *, force: bool) -> list[str]:
    """Let a set pass, or keep the one before it.

    Parameters
    ----------
    changes : Changes
    force : bool
        Publish all the same.

    Returns
    -------
    list of str
        What spoke against it where it was forced.

    Raises
    ------
    GateClosed
        With the figures.
    """
    said = objections(changes)
    if said and not force:
        raise GateClosed(
            f"the earlier set stays: {'; '.join(said)}. If this is meant, run again with --force"
            " (ANALYTICS_FORCE=1)",
            figures=changes.figures,
        )
    return said
