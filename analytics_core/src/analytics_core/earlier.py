"""The set published before: where its drinks lay, what was in them, what was nearest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from analytics_core.errors import Damaged, DataError, NotFound
from analytics_core.provenance import fingerprint_of
from analytics_core.similarity.placing import EarlierMap
from analytics_core.store import read_published

if TYPE_CHECKING:
    from analytics_core.store import Storage

MAPS = {"plain": "cocktail-space", "learned": "cocktail-space-em"}
"""Document by the name of its map."""

DIGESTS = "recipe-digests"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a refresh needs to know of the set before it.

    Attributes
    ----------
    manifest : dict
        As published; empty where there is no set.
    maps : dict
        `EarlierMap` by name.
    names : dict
        Name by recipe id.
    contents : dict
        Digest of each recipe's lines by recipe id; empty where the set has none.
    nearest : dict
        Ids of each recipe's listed neighbors by recipe id, nearest first.
    """

    manifest: dict[str, Any] = field(default_factory=dict)
    maps: dict[str, EarlierMap] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    contents: dict[int, str] = field(default_factory=dict)
    nearest: dict[int, list[int]] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all that may decide a map."""
        maps = {
            name: [
                earlier.ids.tolist(),
                earlier.points.tolist(),
                earlier.graph,
                earlier.kept_anew,
            ]
            for name, earlier in self.maps.items()
        }
        return fingerprint_of(maps, self.contents)


NOTHING = Earlier()


def read_earlier(output: Storage) -> Earlier:
    """Read what is published now; nothing where there is no set or it is damaged.

    Parameters
    ----------
    output : Storage

    Returns
    -------
    Earlier
    """
    try:
        documents = read_published(output, kinds=(*MAPS.values(), DIGESTS))
        manifest = documents["manifest"]
        maps = {
            name: _map(documents[kind]["data"], manifest.get("maps", {}).get(kind, {}))
            for name, kind in MAPS.items()
        }
        names = {
            int(row["recipe_id"]): str(row["recipe_name"])
            for row in documents[MAPS["learned"]]["data"]
        }
        digests = documents.get(DIGESTS, {}).get("data", [])
        contents = {int(row["recipe_id"]): str(row["content"]) for row in digests}
        nearest = {int(row["recipe_id"]): [int(n) for n in row["nearest"]] for row in digests}
    except (NotFound, Damaged, DataError):
        return NOTHING
    except (KeyError, TypeError, ValueError, AttributeError):  # another version's documents
        return NOTHING
    return Earlier(manifest, maps, names, contents, nearest)


def _map(rows: list[dict[str, Any]], told: dict[str, Any]) -> EarlierMap:
    ids = np.array([row["recipe_id"] for row in rows], dtype=np.int64)
    points = np.array([(row["x"], row["y"]) for row in rows], dtype=np.float64).reshape(-1, 2)
    order = np.argsort(ids, kind="stable")
    kept = told.get("neighbors_kept_anew")
    return EarlierMap(
        ids[order],
        points[order],
        str(told.get("graph", "")),
        None if kept is None else float(kept),
    )
