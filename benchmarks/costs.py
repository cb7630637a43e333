"""Which cost and which rule for volumes agree best with bartenders: ``python -m benchmarks.costs``.

Scores every cost under both rules on the sample, and on each database that is named: by the
yardsticks of `benchmarks.yardsticks`, each with the interval in which 95% of its draws lie. Then it
says which costs differ from the default beyond noise: where 95% of the differences, draw by draw,
lie on one side of 0. A yardstick of fewer than four groups is left out of that. All distances are
held in memory: a database may have some thousand recipes.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from analytics_core.sample import write_sample_database
from analytics_core.similarity.ground_cost import PRESETS, learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import build_mixtures
from analytics_core.similarity.transport import emd_matrix
from analytics_core.source.catalog import Catalog
from analytics_core.source.layouts import load_catalog
from analytics_core.source.poured import VolumeRule
from benchmarks.yardsticks import (
    BY_NAME,
    FloatArray,
    Scores,
    Yardsticks,
    hubness,
    interval,
    written,
)

COSTS = ("manhattan", *reversed(PRESETS))
RULES: tuple[VolumeRule, ...] = ("site", "poured")
DEFAULT = ("learned", "poured")
FEWEST_GROUPS = 4
"""Groups from which their draws say anything: a single one is drawn the same each time."""
YARDSTICKS = ("families", "triplets", "head", "known", "same", "quality")


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a cost under a rule for volumes scores on a database."""

    scores: Scores
    hubness: tuple[float, float]


def distances_under(catalog: Catalog, cost: str) -> FloatArray:
    """Return all distances that the job would report, float64 (recipes, recipes)."""
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    mixtures = build_mixtures(catalog, tree)
    if cost == "manhattan":  # half of it: what is in one glass and not in the other
        return emd_matrix(mixtures, 1.0 - np.eye(mixtures.in_play.size))
    settings = PRESETS[cost]
    found = learn_cost(mixtures, tree, settings)
    return emd_matrix(mixtures.compressed(settings.power), found.distance_cost)


def judge(database: Path, families: Path | None = None) -> dict[tuple[str, str], Judged]:
    """Score every cost under every rule, by the families of a file if there is one."""
    found: dict[tuple[str, str], Judged] = {}
    for rule in RULES:
        catalog = load_catalog(database, volumes=rule)
        yardsticks = Yardsticks(catalog.recipes.names, written(families))
        for cost in COSTS:
            distances = distances_under(catalog, cost)
            found[cost, rule] = Judged(yardsticks.score(distances), hubness(distances))
    return found


def differences(judged: dict[tuple[str, str], Judged]) -> list[str]:
    """Say where the default differs from the others beyond noise, a line for each of the others."""
    scores = judged[DEFAULT].scores
    own = scores.drawn()
    few = {name for name, groups in scores.groups.items() if groups.size < FEWEST_GROUPS}
    if few & {*BY_NAME}:
        few.add("quality")
    lines = []
    for key, other in judged.items():
        if key == DEFAULT:
            continue
        drawn = other.scores.drawn()
        told = []
        for name in YARDSTICKS:
            if name not in own or name in few:
                continue
            low, high = interval(own[name] - drawn[name])
            if low > 0 or high < 0:
                told.append(f"{name} {low:+.3f} to {high:+.3f}")
        lines.append(f"{' '.join(DEFAULT)} against {' '.join(key)}: {'; '.join(told) or 'noise'}")
    return lines


def show(console: Console, title: str, judged: dict[tuple[str, str], Judged]) -> None:
    """Print the scores of one database."""
    groups = {name: scores.size for name, scores in judged[DEFAULT].scores.groups.items()}
    heads = [f"{name} ({groups[name]})" if name in groups else name for name in YARDSTICKS]
    table = Table("cost", "volumes", *heads, "most listed", "never listed", title=title)
    for (cost, rule), one in judged.items():
        means, draws = one.scores.means(), one.scores.drawn()
        cells = [
            "{:.3f}\n{:.3f} to {:.3f}".format(means[name], *interval(draws[name]))
            if name in means
            else ""
            for name in YARDSTICKS
        ]
        most, never = one.hubness
        table.add_row(cost, rule, *cells, f"{most:.1f}", f"{never:.1%}")
    console.print(table)
    for line in differences(judged):
        console.print(line, highlight=False)


def main() -> None:
    """Score the sample and the databases that are named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("databases", nargs="*", type=Path, metavar="DATABASE")
    parser.add_argument(
        "--families",
        type=Path,
        metavar="FILE",
        help="what belongs together in the databases named, in the form of the sample's "
        "families.toml; by default the sample's families, as far as their drinks are there",
    )
    options = parser.parse_args()
    console = Console(width=150)
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "sample.db"
        write_sample_database(sample)
        show(console, sample.name, judge(sample))
    for database in options.databases:
        show(console, database.name, judge(database, options.families))


if __name__ == "__main__":
    main()
