"""What an owner's word is worth: ``python -m benchmarks.declared``.

Pairs that any bartender would call substitutes are written down below, before a cost was looked at.
Three in ten are hidden, the others declared, and the hidden ones looked up: at what rank does one
stand among what could be swapped for the other, with and without the declared? So for many draws of
what is hidden. Beside it the ranks of those that were declared, and what the whole list does to the
yardsticks of `benchmarks.yardsticks`. Intervals hold 95% of draws of pairs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from analytics_core.sample import write_sample_database
from analytics_core.similarity.ground_cost import LEARNED, learn_cost
from analytics_core.similarity.hierarchy import IngredientTree
from analytics_core.similarity.mixture import Mixtures, build_mixtures
from analytics_core.similarity.transport import emd_matrix
from analytics_core.source.layouts import load_catalog
from benchmarks.yardsticks import DRAWS, FloatArray, Yardsticks, interval

HIDDEN = 0.3
SPLITS = 200
NEAR = 5

PAIRS = """
Bourbon = Rye Whiskey; Scotch Whisky = Irish Whiskey; Irish Whiskey = Canadian Whisky
Japanese Whisky = Scotch Whisky; Islay Scotch = Mezcal; Bourbon = Irish Whiskey
London Dry Gin = Plymouth Gin; London Dry Gin = Navy Strength Gin; Old Tom Gin = Plymouth Gin
Genever = Old Tom Gin; Vodka = Citrus Vodka; Light Rum = Cachaça; Rhum Agricole = Cachaça
Jamaican Rum = Demerara Rum; Dark Rum = Blackstrap Rum; Aged Rum = Dark Rum
151 Demerara Rum = Overproof White Jamaican Rum; Spiced Rum = Aged Rum
Blanco Tequila = Reposado Tequila; Reposado Tequila = Añejo Tequila; Blanco Tequila = Mezcal
Cognac = Armagnac; Cognac = Apple Brandy; Apple Brandy = Calvados; Grappa = Pisco
Kirschwasser = Pear Eau de Vie; Absinthe = Pastis; Triple Sec = Orange Curaçao
Orange Curaçao = Blue Curaçao; Green Chartreuse = Yellow Chartreuse; Yellow Chartreuse = Strega
Galliano = Strega; Green Chartreuse = Génépy; Bénédictine = Drambuie
Elderflower Liqueur = Elderflower Cordial; Apricot Liqueur = Peach Liqueur
Crème de Cassis = Crème de Mûre; Crème de Cassis = Raspberry Liqueur
Crème de Mûre = Raspberry Liqueur; Amaretto = Orgeat; Amaretto = Hazelnut Liqueur
Campari = Aperol; Campari = Select Aperitivo; Aperol = Select Aperitivo
Amaro Nonino = Amaro Montenegro; Digestive Amaro = Amaro Montenegro; Cynar = Digestive Amaro
Fernet = Branca Menta; Amer Picon = Digestive Amaro; Sweet Vermouth = Punt e Mes
Dry Vermouth = Blanc Vermouth; Dry Vermouth = Fino Sherry; Lillet Blanc = Cocchi Americano
Lillet Blanc = Blanc Vermouth; Dubonnet = Sweet Vermouth; Amontillado Sherry = Oloroso Sherry
Oloroso Sherry = Madeira; Port = Madeira; Champagne = Prosecco; Lemon Juice = Lime Juice
Yuzu Juice = Lemon Juice; Simple Syrup = Sugar; Simple Syrup = Cane Syrup
Simple Syrup = Demerara Syrup; Honey Syrup = Agave Syrup; Honey Syrup = Maple Syrup
Agave Syrup = Simple Syrup; Grenadine = Raspberry Syrup; Lime Cordial = Lime Juice
Passion Fruit Purée = Passion Fruit Syrup; Ginger Beer = Ginger Ale; Ginger Liqueur = Ginger Syrup
Peychaud's Bitters = Aromatic Bitters; Orange Bitters = Grapefruit Bitters; Espresso = Coffee
Heavy Cream = Whole Milk; Cranberry Juice = Pomegranate Juice; Mint = Basil
"""

Pair = tuple[int, int]


def ranks(cost: FloatArray, pair: Pair, used: NDArray[Any]) -> tuple[int, int]:
    """Return at which rank each of a pair stands among what could be swapped for the other."""
    found = []
    for one, other in (pair, pair[::-1]):
        nearer = (cost[one, used] < cost[one, other]) & (used != one)
        found.append(int(nearer.sum()) + 1)
    return found[0], found[1]


def scores(found: tuple[int, int]) -> tuple[float, float]:
    """Return the mean reciprocal rank of a pair, and the share of its ranks that are near."""
    return float(np.mean([1 / r for r in found])), float(np.mean([r <= NEAR for r in found]))


def measure(mixtures: Mixtures, tree: IngredientTree, pairs: list[Pair]) -> dict[str, FloatArray]:
    """Score each pair: without a word, hidden while others are declared, and declared.

    Returns
    -------
    dict of float64 (pairs, 2)
    """
    used = np.unique(mixtures.columns)
    ids = mixtures.ingredient_ids

    def learn(told: list[Pair]) -> FloatArray:
        declared = [(int(ids[a]), int(ids[b])) for a, b in told]
        return learn_cost(mixtures, tree, declared=declared).cost

    silent = learn([])
    told_all = learn(pairs)
    sums, counts = np.zeros((len(pairs), 2)), np.zeros(len(pairs))
    random = np.random.default_rng(0)
    for _ in range(SPLITS):
        hidden = random.random(len(pairs)) < HIDDEN
        cost = learn([pair for pair, out in zip(pairs, hidden, strict=True) if not out])
        for p in np.flatnonzero(hidden).tolist():
            sums[p] += scores(ranks(cost, pairs[p], used))
            counts[p] += 1
    return {
        "no pair declared": np.array([scores(ranks(silent, pair, used)) for pair in pairs]),
        "the others declared": sums / counts[:, None],
        "all declared": np.array([scores(ranks(told_all, pair, used)) for pair in pairs]),
    }


def table_of(measured: dict[str, FloatArray]) -> Table:
    """Show the scores of pairs with their intervals, and how they differ from silence."""
    base = measured["no pair declared"]
    drawn = np.random.default_rng(0).integers(0, len(base), (DRAWS, len(base)))
    table = Table("", "mean reciprocal rank", f"among the {NEAR} nearest", "against silence")
    for name, found in measured.items():
        cells = []
        for column in range(2):
            low, high = interval(found[drawn, column].mean(axis=1))
            cells.append(f"{found[:, column].mean():.3f} ({low:.3f} to {high:.3f})")
        low, high = interval((found - base)[drawn, 0].mean(axis=1))
        table.add_row(name, *cells, f"{low:+.3f} to {high:+.3f}")
    return table


def main() -> None:
    """Measure on the sample."""
    console = Console(width=130)
    with tempfile.TemporaryDirectory() as folder:
        write_sample_database(Path(folder) / "sample.db")
        catalog = load_catalog(Path(folder) / "sample.db", volumes="poured")
    tree = IngredientTree.from_ingredients(catalog.ingredients)
    mixtures = build_mixtures(catalog, tree)
    column = {catalog.ingredients.names[i]: at for at, i in enumerate(mixtures.in_play)}
    used = set(np.unique(mixtures.columns).tolist())
    written = [pair.split(" = ") for line in PAIRS.split("\n") for pair in line.split("; ") if pair]
    pairs = [
        (column[a.strip()], column[b.strip()])
        for a, b in written
        if {column.get(a.strip()), column.get(b.strip())} <= used
    ]
    console.print(f"{len(pairs)} of {len(written)} pairs are poured in {mixtures.count} recipes")
    console.print(table_of(measure(mixtures, tree, pairs)))

    yardsticks = Yardsticks(catalog.recipes.names)
    ids = mixtures.ingredient_ids
    judged = []
    for told in ([], [(int(ids[a]), int(ids[b])) for a, b in pairs]):
        cost = learn_cost(mixtures, tree, declared=told).distance_cost
        judged.append(yardsticks.score(emd_matrix(mixtures.compressed(LEARNED.power), cost)))
    before, after = (one.drawn() for one in judged)
    for name, mean in judged[1].means().items():
        low, high = interval(after[name] - before[name])
        console.print(f"{name}: {mean:.3f} with all declared ({low:+.3f} to {high:+.3f})")


if __name__ == "__main__":
    main()
