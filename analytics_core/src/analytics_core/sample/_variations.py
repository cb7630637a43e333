"""Makes any number of recipes by varying the real ones.

A real recipe is drawn with Zipf-like popularity and changed the way a bar
changes it: a relative stands in for an ingredient, a measure moves by a step
of the jigger, a dash of bitters or a spoon of a modifier comes or goes. So the
made recipes keep the skew of the real ones: gin and lime stay common, grappa
stays rare.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from analytics_core.sample._data import SampleIngredient, SampleLine, SampleRecipe

_SEASONINGS = (
    SampleLine("Angostura Bitters", 1.0, "Dash"),
    SampleLine("Orange Bitters", 1.0, "Dash"),
    SampleLine("Peychaud's Bitters", 2.0, "Dash"),
    SampleLine("Absinthe", 1.0, "Dash"),
    SampleLine("Simple Syrup", 1.0, "Barspoon"),
    SampleLine("Maraschino Liqueur", 1.0, "Barspoon"),
    SampleLine("Orange Curaçao", 1.0, "Teaspoon"),
    SampleLine("Saline Solution", 2.0, "Drop"),
    SampleLine("Allspice Dram", 1.0, "Barspoon"),
    SampleLine("Elderflower Liqueur", 0.25, "Ounce"),
)
_SEASONING_WEIGHTS = tuple(accumulate((10, 7, 4, 3, 4, 3, 3, 2, 1, 2)))

# Families whose spirits carry a drink: bourbon for gin makes a Negroni a Boulevardier
_BASES = frozenset({"Whiskey", "Gin", "Vodka", "Rum", "Agave Spirit", "Brandy"})
# Relatives of one another in the tree without being interchangeable in a glass
_KEPT = frozenset({"Egg", "Water", "Seasoning", "Fresh Fruit", "Herb", "Sugar"})

_SWAP_CHANCE = 0.75
_SECOND_SWAP_CHANCE = 0.3
_AMOUNT_CHANCE = 0.65
_ADD_CHANCE = 0.25
_DROP_CHANCE = 0.12
_COUSIN_WEIGHT = 0.12  # of a sibling's, when both are as popular
_TRIES = 8  # a handful of doubles may remain; real databases have them too
_ADJECTIVES = (
    "Amber",
    "Autumn",
    "Back-Bar",
    "Bright",
    "Broad Street",
    "Corner",
    "Dockside",
    "Early",
    "East Side",
    "Evening",
    "Far",
    "First",
    "Garden",
    "Gilded",
    "Grand",
    "Half-Moon",
    "Harbour",
    "High",
    "House",
    "Idle",
    "Island",
    "Late",
    "Little",
    "Lost",
    "Market",
    "Midnight",
    "New",
    "North",
    "Old",
    "Open",
    "Quiet",
    "Red",
    "River",
    "Rooftop",
    "Second",
    "Silver",
    "Slow",
    "South",
    "Spring",
    "Station",
    "Summer",
    "Sunday",
    "Velvet",
    "West",
    "White",
    "Winter",
)


class Variations:
    """Draws variations of real recipes.

    Parameters
    ----------
    recipes
        The real recipes.
    ingredients
        The whole hierarchy.
    seed
        The same seed gives the same variations.
    """

    def __init__(
        self,
        recipes: Sequence[SampleRecipe],
        ingredients: Sequence[SampleIngredient],
        *,
        seed: int,
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311 - made data, no secrets
        # Official drinks tend to lead the order of popularity
        self._recipes = sorted(
            recipes, key=lambda recipe: self._random.random() * (0.5 if "iba" in recipe.tags else 1)
        )
        self._weights = list(
            accumulate(1 / (rank + 3) ** 0.7 for rank in range(len(self._recipes)))
        )
        self._relatives = _relatives(recipes, ingredients)
        self._drinks = {frozenset(recipe.lines) for recipe in recipes}
        self._names = {recipe.name.casefold() for recipe in recipes}

    def draw(self, count: int) -> Iterator[SampleRecipe]:
        """Yield ``count`` new recipes with names unlike all before them.

        A longer draw begins with the shorter one of the same seed.
        """
        for _ in range(count):
            recipe = self._random.choices(self._recipes, cum_weights=self._weights)[0]
            lines = self._vary(recipe.lines)
            for _ in range(_TRIES):
                if frozenset(lines) not in self._drinks:
                    break
                lines = self._vary(lines)  # taken: wander further
            self._drinks.add(frozenset(lines))
            yield SampleRecipe(
                self._name(recipe.name),
                recipe.tags,
                f"A variation on the {recipe.name}.",
                recipe.instructions,
                lines,
            )

    def _vary(self, original: tuple[SampleLine, ...]) -> tuple[SampleLine, ...]:
        lines = list(original)
        chance = self._random.random
        swapped = chance() < _SWAP_CHANCE and self._swap(lines)
        if swapped and chance() < _SECOND_SWAP_CHANCE:
            self._swap(lines)
        if not swapped or chance() < _AMOUNT_CHANCE:
            self._measure(lines)
        if chance() < _ADD_CHANCE:
            extra = self._random.choices(_SEASONINGS, cum_weights=_SEASONING_WEIGHTS)[0]
            if all(line.ingredient != extra.ingredient for line in lines):
                lines.append(extra)
        if len(lines) > 3 and chance() < _DROP_CHANCE:
            small = [place for place, line in enumerate(lines) if _is_small(line)]
            if small:
                del lines[self._random.choice(small)]
        return tuple(lines)

    def _swap(self, lines: list[SampleLine]) -> bool:
        """Put a relative in the place of one ingredient; False when none has any."""
        places = [place for place, line in enumerate(lines) if line.ingredient in self._relatives]
        if not places:
            return False
        place = self._random.choice(places)
        line = lines[place]
        names, weights = self._relatives[line.ingredient]
        name = self._random.choices(names, cum_weights=weights)[0]
        if any(other.ingredient == name for other in lines):
            return False
        lines[place] = SampleLine(name, line.amount, line.unit)
        return True

    def _measure(self, lines: list[SampleLine]) -> None:
        """Move one measure by a step of the jigger or by a dash."""
        places = [
            place
            for place, line in enumerate(lines)
            if line.amount is not None and line.unit != "Each"
        ]
        if not places:
            return
        place = self._random.choice(places)
        line = lines[place]
        amount = line.amount or 0.0
        if line.unit == "Ounce":
            step = 0.5 if amount >= 3 else 0.25
            largest = 6.0
        elif line.unit == "Barspoon":
            step, largest = 0.5, 4.0
        else:
            step, largest = 1.0, 8.0
        changed = amount + step * self._random.choice((-1, 1))
        if not step <= changed <= max(largest, amount):
            changed = amount + step
        lines[place] = SampleLine(line.ingredient, round(changed, 2), line.unit)

    def _name(self, original: str) -> str:
        adjective = self._random.choice(_ADJECTIVES)
        name = f"{adjective} {original}"
        number = 2
        while name.casefold() in self._names:
            # The number jumps so that popular drinks do not search long
            name = f"{adjective} {original} No. {number}"
            number += self._random.randint(1, number)
        self._names.add(name.casefold())
        return name


def _is_small(line: SampleLine) -> bool:
    return line.unit in {"Dash", "Drop", "Barspoon", "to rinse"} or (
        line.unit == "Ounce" and line.amount is not None and line.amount <= 0.25
    )


def _relatives(
    recipes: Sequence[SampleRecipe], ingredients: Sequence[SampleIngredient]
) -> dict[str, tuple[list[str], list[float]]]:
    """Name the stand-ins of each used ingredient with cumulative weights.

    Parent, children and siblings are near; cousins (below the same grandparent)
    are far, and so are base spirits of other families. Popular stand-ins are drawn
    more often. Shelves that no real recipe calls for, like "Juice", never stand in.
    """
    parents = {ingredient.name: ingredient.parent for ingredient in ingredients}
    children: defaultdict[str, list[str]] = defaultdict(list)
    for ingredient in ingredients:
        if ingredient.parent is not None:
            children[ingredient.parent].append(ingredient.name)
    usage = Counter(line.ingredient for recipe in recipes for line in recipe.lines)

    def is_kind(name: str) -> bool:
        # "Citrus Juice", "Orange Liqueur": shelves rather than bottles; no real recipe uses them
        return bool(children[name]) and not usage[name]

    def root(name: str) -> str:
        parent = parents[name]
        return name if parent is None else root(parent)

    relatives: dict[str, tuple[list[str], list[float]]] = {}
    for name in sorted(usage):
        parent = parents[name]
        if root(name) in _KEPT or parent in _KEPT:
            continue
        near = list(children[name])
        far: list[str] = []
        if parent is not None:
            near += [parent, *children[parent]]
            grandparent = parents[parent]
            if grandparent is not None:
                far += children[grandparent]
                far += [cousin for uncle in children[grandparent] for cousin in children[uncle]]
        if root(name) in _BASES:
            far += [other for other in sorted(usage) if root(other) in _BASES]
        weights: dict[str, float] = {}
        for other, weight in [(n, 1.0) for n in near] + [(f, _COUSIN_WEIGHT) for f in far]:
            if other != name and not is_kind(other) and (parents[other] or usage[other]):
                weights.setdefault(other, weight * (usage[other] + 0.25))
        if weights:
            relatives[name] = (list(weights), list(accumulate(weights.values())))
    return relatives
