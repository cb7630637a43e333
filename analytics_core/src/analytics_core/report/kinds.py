"""What an ingredient is to someone with a shelf: a bottle, from the pantry, or made at home.

Databases do not say, so names do: the nearest of an ingredient's names, from the root of its
tree downwards, in which a telling word stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum

from analytics_core.naming import fold


class Kind(IntEnum):
    """What kind of thing an ingredient is."""

    ALCOHOL = 0
    UNTOLD = 1
    """No word tells; it counts as a bottle, but not as a base spirit."""
    PANTRY = 2
    HOMEMADE = 3
    AT_HAND = 4
    """Everyone has it: water, ice."""


def _any(text: str) -> re.Pattern[str]:
    """Make a pattern that finds any of these, as whole words; also with a plural's s."""
    return re.compile(rf"\b(?:{'|'.join(' '.join(text.split()).split(', '))})s?\b")


_AT_HAND = re.compile(
    r"((hot|cold|warm|boiling|still|tap|filtered|crushed|cracked) )?(water|ice)( cubes?)?"
)
# Words that would mislead: no beer is in ginger beer, and what is dealcoholized is a mixer.
_SOFT = _any("""(?:ginger|root|birch|butter) ?(?:beer|ale), (?:alcohol|spirit)[- ]free,
    non[- ]?alcoholic, zero proof, (?:wine|cider|sherry|champagne|malt|beer) vinegar,
    (?:rum|brandy|vanilla|almond) extract, bitter lemon, (?:sweet|apple) cider""")
_HOMEMADE = _any("""syrup, cordial, orgeat, grenadine, shrub, oleo, saline, puree, infusion,
    cold brew, honey mix, sour mix""")
_ALCOHOL = _any("""whisky, whiskey, whiskies, bourbon, scotch, rye, gin, genever, jenever, vodka,
    rum, rhum, cachaca, tequila, mezcal, agave spirit, sotol, raicilla, brandy, brandies, cognac,
    armagnac, calvados, applejack, pisco, grappa, eau de vie, eaux de vie, kirsch, kirschwasser,
    slivovitz, aquavit, akvavit, arrack, baijiu, shochu, soju, sake, spirit, moonshine, everclear,
    alcohol, absinthe, pastis, ouzo, arak, raki, sambuca, liqueur, schnapps, triple sec, curacao,
    cointreau, grand marnier, chartreuse, benedictine, galliano, drambuie, strega, chambord,
    frangelico, advocaat, amaretto, creme de, falernum, allspice dram, limoncello, kahlua, amaro,
    amari, campari, aperol, cynar, fernet, suze, picon, quinquina, aperitif, aperitivo, digestif,
    wine, vermouth, sherry, sherries, port, madeira, marsala, lillet, dubonnet, champagne,
    prosecco, cava, beer, ale, lager, stout, cider, bitter""")
_PANTRY = _any("""juice, citrus, lemon, lime, orange, grapefruit, yuzu, sugar, sweetener, honey,
    agave, maple, molasses, egg, milk, cream, dairy, butter, yogh?urt, soda, tonic, cola, coke,
    seltzer, mixer, lemonade, coffee, espresso, tea, herb, mint, basil, rosemary, thyme, sage,
    fruit, \\w*berry, \\w*berries, apple, pear, peach, peaches, cherry, cherries, pineapple,
    cucumber, tomato, tomatoes, olive, salt, pepper, nutmeg, cinnamon, spice, seasoning, sauce,
    vinegar, brine, vanilla, extract, chocolate, cocoa, coconut, garnish, garnishes, vegetable,
    celery, water, chili, nut, almond, ginger, mango, mangoes, banana""")


def find_kinds(names: Sequence[str], parents: Sequence[int]) -> list[Kind]:
    """Tell each ingredient's kind.

    Parameters
    ----------
    names : sequence of str
        Parents before their children.
    parents : sequence of int
        The position of each parent, -1 for a root.

    Returns
    -------
    list of Kind
    """
    kinds: list[Kind] = []
    for name, parent in zip(names, parents, strict=True):
        own = _of_name(fold(name))
        above = kinds[parent] if parent >= 0 else Kind.UNTOLD
        if above is Kind.UNTOLD:
            kinds.append(own)
        elif above is Kind.ALCOHOL:
            kinds.append(Kind.PANTRY if _SOFT.search(fold(name)) else above)
        elif own in {Kind.HOMEMADE, Kind.AT_HAND}:
            kinds.append(own)
        else:
            kinds.append(Kind.PANTRY if above is Kind.AT_HAND else above)
    return kinds


def _of_name(name: str) -> Kind:
    if _AT_HAND.fullmatch(name):
        return Kind.AT_HAND
    if _SOFT.search(name):
        return Kind.PANTRY
    if _HOMEMADE.search(name) and not re.search(r"\bliqueurs?\b", name):
        return Kind.HOMEMADE
    if _ALCOHOL.search(name):
        return Kind.ALCOHOL
    return Kind.PANTRY if _PANTRY.search(name) else Kind.UNTOLD


_SYRUP_OF_SUGAR = re.compile(r"((rich|simple|plain|sugar|gomme|gum|cane|white|bar) )+syrup")
_CITRUS = re.compile(
    r"(fresh )?(lime|lemon|orange|grapefruit)s?"
    r"( (juice|wedge|slice|wheel|peel|twist|zest|half|quarter|chunk)s?)?"
)
_WHOLE_EGG = {"egg", "eggs", "whole egg", "whole eggs"}


def find_makings(names: Sequence[str], kinds: Sequence[Kind]) -> list[list[int]]:
    """Tell what is made of what: syrup of sugar, a wedge of the fruit that gave the juice.

    Parameters
    ----------
    names : sequence of str
    kinds : sequence of Kind

    Returns
    -------
    list of list of int
        What is made, then everything that it takes. What can be made in several ways is there
        several times.
    """
    plain = [fold(name) for name in names]
    sugars = [i for i, name in enumerate(plain) if re.fullmatch(r"(\w+ )?sugars?", name)]
    citrus: dict[str, list[int]] = {}
    for i, name in enumerate(plain):
        if found := _CITRUS.fullmatch(name):
            citrus.setdefault(found[2], []).append(i)
    eggs = [i for i, name in enumerate(plain) if name in _WHOLE_EGG]
    salts = [i for i, name in enumerate(plain) if re.fullmatch(r"((sea|kosher|table) )?salt", name)]
    pantry = {name: i for i, name in enumerate(plain) if kinds[i] is Kind.PANTRY}

    def ways(name: str) -> Iterator[list[int]]:
        if _SYRUP_OF_SUGAR.fullmatch(name):
            yield from ([sugar] for sugar in sugars)
        elif name.endswith(" syrup"):
            flavor = name.removesuffix(" syrup")
            for what in (flavor, f"{flavor} sugar"):
                if what in pantry:
                    others = [] if what.endswith(("sugar", "honey")) else sugars[:1]
                    yield [pantry[what], *others]
        elif found := _CITRUS.fullmatch(name):
            yield from ([other] for other in citrus[found[2]])
        elif name in {"egg white", "egg whites", "egg yolk", "egg yolks"}:
            yield from ([egg] for egg in eggs)
        elif re.fullmatch(r"saline( solution)?|salt solution", name):
            yield from ([salt] for salt in salts)

    return [
        [i, *taken]
        for i, name in enumerate(plain)
        if kinds[i] in {Kind.PANTRY, Kind.HOMEMADE}
        for taken in ways(name)
        if i not in taken
    ]
