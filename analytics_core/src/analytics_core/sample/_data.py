"""Reads the embedded text: ingredients, recipes and families of drinks.

The recipes are written in a small block format, explained at the top of
``recipes.txt``; whoever edits it learns the line of a mistake.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from analytics_core.errors import DataError

# How the text names units -> how the site's table does
UNIT_WORDS = {
    "oz": "Ounce",
    "tbsp": "Tablespoon",
    "tsp": "Teaspoon",
    "bsp": "Barspoon",
    "dash": "Dash",
    "drop": "Drop",
    "each": "Each",
}
UNMEASURED_WORDS = {"top": "to top", "rinse": "to rinse"}

_HEADER = re.compile(r"(?P<name>\S.*?)\s*\[(?P<tags>[^\[\]]*)\]")
_AMOUNT = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)")


@dataclass(frozen=True, slots=True)
class SampleIngredient:
    """One ingredient of the sample; ``parent`` is a name, or ``None`` for a family's root."""

    name: str
    parent: str | None
    allow_substitution: bool
    description: str


@dataclass(frozen=True, slots=True)
class SampleLine:
    """One line of a recipe; ``amount`` is ``None`` for a top or a rinse."""

    ingredient: str
    amount: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class SampleRecipe:
    """One embedded recipe."""

    name: str
    tags: tuple[str, ...]
    description: str
    instructions: str
    lines: tuple[SampleLine, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Sibling drinks: a bartender would call them variations of one idea."""

    name: str
    recipes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Triplet:
    """A judgment: ``drink`` is more like ``near`` than like ``far``."""

    drink: str
    near: str
    far: str


@dataclass(frozen=True, slots=True)
class Families:
    """The yardstick for similarity: families of siblings and triplets of judgment."""

    families: tuple[Family, ...]
    triplets: tuple[Triplet, ...]


def parse_ingredients(
    text: str, *, source: str = "ingredients.csv"
) -> tuple[SampleIngredient, ...]:
    """Parse the table of ingredients; a parent stands above its children.

    Parameters
    ----------
    text
        CSV with the columns name, parent, allow_substitution, description.
    source
        What to call the text in an error.

    Returns
    -------
    tuple of SampleIngredient
        In the order of the text.

    Raises
    ------
    DataError
        On a malformed row, a repeated name or an unknown parent; names the line.
    """
    reader = csv.reader(text.splitlines(), strict=True)
    columns = next(reader, None)
    if columns != ["name", "parent", "allow_substitution", "description"]:
        raise DataError(
            f"{source}, line 1: the columns must be name,parent,allow_substitution,description"
        )
    found: list[SampleIngredient] = []
    known: set[str] = set()
    folded: set[str] = set()
    for row in reader:
        where = f"{source}, line {reader.line_num}"
        if len(row) != len(columns):
            raise DataError(f"{where}: {len(row)} fields instead of {len(columns)}")
        name, parent, substitution, description = row
        if not name or name.casefold() in folded:
            raise DataError(f"{where}: the name {name!r} is empty or was used before")
        if parent and parent not in known:
            raise DataError(f"{where}: the parent {parent!r} does not stand above {name!r}")
        if substitution not in {"0", "1"}:
            raise DataError(f"{where}: allow_substitution must be 0 or 1, not {substitution!r}")
        known.add(name)
        folded.add(name.casefold())
        found.append(SampleIngredient(name, parent or None, substitution == "1", description))
    return tuple(found)


def parse_recipes(
    text: str, ingredients: frozenset[str], *, source: str = "recipes.txt"
) -> tuple[SampleRecipe, ...]:
    """Parse blocks of recipes.

    Parameters
    ----------
    text
        Blocks as explained at the top of ``recipes.txt``.
    ingredients
        Every name a line may use.
    source
        What to call the text in an error.

    Returns
    -------
    tuple of SampleRecipe
        In the order of the text.

    Raises
    ------
    DataError
        On anything that is not in the format, an unknown ingredient or unit, or
        a repeated name; names the line.
    """
    recipes: list[SampleRecipe] = []
    folded: set[str] = set()
    for first, block in _blocks(text):
        where = f"{source}, line {first}"
        header = _HEADER.fullmatch(block[0])
        if header is None:
            raise DataError(f"{where}: a block begins with `Name [tag, tag]`, not {block[0]!r}")
        name = header["name"]
        if name.casefold() in folded:
            raise DataError(f"{where}: the recipe {name!r} was given before")
        folded.add(name.casefold())
        description = instructions = ""
        lines: list[SampleLine] = []
        for number, row in enumerate(block[1:], first + 1):
            where = f"{source}, line {number}"
            if not row.startswith("  "):
                raise DataError(f"{where}: indent it by two spaces or put an empty line before it")
            content = row.strip()
            if content.startswith('"'):
                if len(content) < 3 or not content.endswith('"'):
                    raise DataError(f"{where}: the description has no closing quote")
                description = content[1:-1]
            elif content.startswith(">"):
                instructions = content[1:].strip()
            else:
                lines.extend(_line(part, ingredients, where) for part in content.split(";"))
        if not lines:
            raise DataError(f"{source}, line {first}: {name!r} has no ingredients")
        names = [line.ingredient for line in lines]
        if len(set(names)) != len(names):
            raise DataError(f"{source}, line {first}: {name!r} names an ingredient twice")
        tags = tuple(tag.strip() for tag in header["tags"].split(",") if tag.strip())
        recipes.append(SampleRecipe(name, tags, description, instructions, tuple(lines)))
    return tuple(recipes)


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the first line and the lines of each block."""
    block: list[str] = []
    first = 0
    for number, row in enumerate(text.splitlines(), 1):
        if row.startswith("#"):
            continue
        if row.strip():
            if not block:
                first = number
            block.append(row.rstrip())
        elif block:
            yield first, block
            block = []
    if block:
        yield first, block


def _line(part: str, ingredients: frozenset[str], where: str) -> SampleLine:
    """Parse `2 oz Rye Whiskey`, `rinse Absinthe` or `top Soda Water`."""
    words = part.split()
    amount: float | None = None
    if words and words[0] in UNMEASURED_WORDS:
        unit, rest = UNMEASURED_WORDS[words[0]], words[1:]
    elif len(words) > 1 and _AMOUNT.fullmatch(words[0]):
        if words[1] not in UNIT_WORDS:
            known = ", ".join(UNIT_WORDS)
            raise DataError(f"{where}: unknown unit {words[1]!r}; known are {known}")
        amount, unit, rest = float(words[0]), UNIT_WORDS[words[1]], words[2:]
        if amount <= 0:
            raise DataError(f"{where}: the amount in {part.strip()!r} must be positive")
    else:
        raise DataError(
            f"{where}: {part.strip()!r} is not `amount unit Ingredient`, "
            "`top Ingredient` or `rinse Ingredient`"
        )
    name = " ".join(rest)
    if name not in ingredients:
        raise DataError(f"{where}: unknown ingredient {name!r}; add it to ingredients.csv")
    return SampleLine(name, amount, unit)


def parse_families(
    text: str, recipes: frozenset[str], *, source: str = "families.toml"
) -> Families:
    """Parse families and triplets of drinks.

    Parameters
    ----------
    text
        TOML with ``[[family]] name, recipes`` and ``[[triplet]] drink, near, far``.
    recipes
        Every name that may be used.
    source
        What to call the text in an error.

    Returns
    -------
    Families
        In the order of the text.

    Raises
    ------
    DataError
        On malformed TOML, a missing key or an unknown recipe.
    """
    try:
        document = tomllib.loads(text)
        families = tuple(
            Family(entry["name"], tuple(entry["recipes"])) for entry in document["family"]
        )
        triplets = tuple(
            Triplet(entry["drink"], entry["near"], entry["far"]) for entry in document["triplet"]
        )
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{source}: {error}") from error
    except (KeyError, TypeError) as error:
        raise DataError(f"{source}: an entry lacks {error}") from error
    used = [name for family in families for name in family.recipes]
    used += [name for entry in triplets for name in (entry.drink, entry.near, entry.far)]
    if unknown := sorted(set(used) - recipes):
        raise DataError(f"{source}: unknown recipes: {', '.join(unknown)}")
    return Families(families, triplets)


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def load_ingredients() -> tuple[SampleIngredient, ...]:
    """Return the embedded ingredients, parents before children."""
    return parse_ingredients(_text("ingredients.csv"))


@cache
def load_recipes() -> tuple[SampleRecipe, ...]:
    """Return the embedded recipes in the order of the text."""
    names = frozenset(ingredient.name for ingredient in load_ingredients())
    return parse_recipes(_text("recipes.txt"), names)


@cache
def load_families() -> Families:
    """Return the embedded families and triplets, the yardstick for similarity.

    Returns
    -------
    Families
        Families of sibling drinks, and triplets (drink, near, far): a bartender
        finds ``drink`` more like ``near`` than like ``far``.
    """
    return parse_families(
        _text("families.toml"), frozenset(recipe.name for recipe in load_recipes())
    )
