"""Learning the cost: seconds of the cost stage alone, at three sizes."""

from __future__ import annotations

from functools import partial

from rich.console import Console
from rich.table import Table

from analytics_core.similarity.ground_cost import learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import build_mixtures
from analytics_core.source.layouts import load_catalog
from benchmarks._common import Figures, database, median, seconds_of

GOALS = {1_400: 0.1, 20_000: 0.3, 100_000: 1.5}
"""Seconds by number of recipes."""


def run(out: Console, *, quick: bool) -> Figures:
    """Learn the default cost at each size, print medians and goals, return the figures."""
    figures: Figures = {"sizes": {}}
    table = Table("recipes", "ingredients in play", "seconds", "goal", title="learning the cost")
    for recipes, goal in GOALS.items():
        if quick and recipes > 20_000:
            continue
        catalog = load_catalog(database(recipes), volumes="poured")
        tree = IngredientTree.from_ingredients(catalog.ingredients)
        mixtures = build_mixtures(catalog, tree)
        learn_cost(mixtures, tree)
        seconds = median([seconds_of(partial(learn_cost, mixtures, tree)) for _ in range(7)])
        figures["sizes"][str(recipes)] = {"seconds": round(seconds, 4), "goal": goal}
        table.add_row(f"{recipes:,}", str(mixtures.in_play.size), f"{seconds:.3f}", f"{goal}")
    out.print(table)
    return figures
