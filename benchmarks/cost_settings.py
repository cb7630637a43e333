"""How the learned cost's default settings were chosen: ``python -m benchmarks.cost_settings``.

The yardstick is what bartenders say of the sample's drinks (``sample/families.toml``, written
before any cost was run): families of siblings, judged by mean average precision when every other
drink is ranked by distance, and triplets, judged by how many come out right. Settings are chosen on
one half of families and triplets and reported on the other, both ways round, so that the figures
are not those of a lucky fit.
"""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from analytics_core.sample import load_families, write_sample_database
from analytics_core.similarity.ground_cost import LEARNED, REFERENCE, TREE, CostSettings, learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures, build_mixtures
from analytics_core.similarity.transport import emd_matrix
from analytics_core.source.catalog import Catalog
from analytics_core.source.cocktaildb import load_catalog

HALVES = ("even", "odd", "all")


@dataclass(frozen=True, slots=True)
class Score:
    """Mean average precision over families and share of triplets that come out right."""

    precision: float
    triplets: float

    @property
    def both(self) -> float:
        """The figure that settings are chosen by."""
        return 0.5 * (self.precision + self.triplets)


def _half(items: tuple[object, ...], half: str) -> list[int]:
    chosen = {"even": (0,), "odd": (1,), "all": (0, 1)}[half]
    return [i for i in range(len(items)) if i % 2 in chosen]


class Yardstick:
    """The sample's families and triplets as rows of a distance matrix."""

    def __init__(self, catalog: Catalog) -> None:
        row = {name.casefold(): r for r, name in enumerate(catalog.recipes.names)}
        known = load_families()
        self.families = tuple(
            np.array([row[name.casefold()] for name in family.recipes]) for family in known.families
        )
        self.triplets = tuple(
            (row[t.drink.casefold()], row[t.near.casefold()], row[t.far.casefold()])
            for t in known.triplets
        )

    def score(self, distances: np.ndarray, half: str = "all") -> Score:
        """Judge a distance matrix (recipes, recipes) on a half of the yardstick."""
        precisions = []
        for f in _half(self.families, half):
            members = self.families[f]
            for drink in members:
                order = np.argsort(distances[drink], kind="stable")
                hits = np.isin(order[order != drink], members)
                ranks = np.flatnonzero(hits) + 1
                precisions.append(float(np.mean(np.arange(1, ranks.size + 1) / ranks)))
        right = [
            distances[self.triplets[t][0], self.triplets[t][1]]
            < distances[self.triplets[t][0], self.triplets[t][2]]
            for t in _half(self.triplets, half)
        ]
        return Score(float(np.mean(precisions)), float(np.mean(right)))


def distances_under(mixtures: Mixtures, tree: IngredientTree, settings: CostSettings) -> np.ndarray:
    """All distances that the job would report under the settings."""
    learned = learn_cost(mixtures, tree, settings)
    return emd_matrix(mixtures.compressed(settings.power), learned.distance_cost)


def grid() -> list[CostSettings]:
    """Every combination that is tried."""
    tried = [
        CostSettings(rounds=0, power=power, decay=decay)
        for power, decay in itertools.product((1.0, 0.7, 0.5, 0.35), (1.0, 0.8, 0.6, 0.45))
    ]
    tried += [
        CostSettings(
            power=power, decay=decay, prior="tree", prior_strength=strength,
            temperature=temperature, blend=blend,
        )
        for power, decay, strength, temperature, blend in itertools.product(
            (1.0, 0.7, 0.5, 0.35), (1.0, 0.8, 0.6, 0.45), (0.1, 0.3, 1.0, 3.0), (0.25, 0.5, 1.0),
            (0.0, 0.25, 0.5, 0.75),
        )
    ]  # fmt: skip
    return tried


def main() -> None:
    """Try the grid on the sample and print what it says."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "sample.db"
        write_sample_database(database)
        catalog = load_catalog(database)
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    mixtures = build_mixtures(catalog, tree)
    yardstick = Yardstick(catalog)
    console = Console()

    table = Table("settings", "precision", "triplets", "both", title="on the whole yardstick")
    for name, settings in (("reference", REFERENCE), ("tree", TREE), ("learned", LEARNED)):
        score = yardstick.score(distances_under(mixtures, tree, settings))
        table.add_row(name, f"{score.precision:.3f}", f"{score.triplets:.3f}", f"{score.both:.3f}")
    console.print(table)

    results: list[tuple[CostSettings, dict[str, Score]]] = []
    for settings in grid():
        distances = distances_under(mixtures, tree, settings)
        results.append((settings, {half: yardstick.score(distances, half) for half in HALVES}))
    for half in HALVES:
        ranked = sorted(results, key=lambda item: -item[1][half].both)
        table = Table("both", "precision", "triplets", "other half", "settings",
                      title=f"best of {len(results)}, chosen on {half}")  # fmt: skip
        other = {"even": "odd", "odd": "even", "all": "all"}[half]
        for settings, scores in ranked[:12]:
            score = scores[half]
            changed = ", ".join(
                f"{name}={getattr(settings, name)}"
                for name in ("rounds", "power", "decay", "prior_strength", "temperature", "blend")
                if getattr(settings, name) != getattr(REFERENCE, name) or name == "power"
            )
            table.add_row(f"{score.both:.3f}", f"{score.precision:.3f}", f"{score.triplets:.3f}",
                          f"{scores[other].both:.3f}", changed)  # fmt: skip
        console.print(table)


if __name__ == "__main__":
    main()
