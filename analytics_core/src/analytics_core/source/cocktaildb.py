"""The reader of the site's own layout.

Beside the site's tables it reads what `analytics_core.source.conversion` adds to them, where that
is there: variants, substitutes, homemade ingredients, strengths, optional lines.
"""

from __future__ import annotations

from pathlib import Path

from analytics_core.source.assembly import assemble
from analytics_core.source.catalog import Catalog
from analytics_core.source.findings import Findings
from analytics_core.source.poured import VolumeRule
from analytics_core.source.rows import IngredientRows, LineRows, RecipeRows, Rows, UnitRows
from analytics_core.source.tables import Wanted, opened

LAYOUT = "cocktaildb"

NEEDED: Wanted = {
    "ingredients": {
        "id": "id",
        "name": "text",
        "parent_id": "id",
        "path": "text",
        "allow_substitution": "flag",
    },
    "units": {"id": "id", "name": "text", "abbreviation": "text", "conversion_to_ml": "number"},
    "recipes": {"id": "id", "name": "text"},
    "recipe_ingredients": {
        "recipe_id": "id",
        "ingredient_id": "id",
        "unit_id": "id",
        "amount": "number",
    },
}

WELCOME: Wanted = {
    "ingredients": {"strength": "number"},
    "recipes": {"variant_of": "id", "method": "text", "dilution": "number"},
    "recipe_ingredients": {"optional": "flag", "rolls_up": "flag"},
    "ingredient_substitutes": {"ingredient_id": "id", "substitute_id": "id"},
    "ingredient_parts": {"ingredient_id": "id", "part_id": "id"},
}
"""What is read where it is there: single columns, and the last two tables as a whole."""


def load_catalog(database: Path, *, called: object = None, volumes: VolumeRule = "site") -> Catalog:
    """Read a database of the site's layout; see `analytics_core.source.layouts.load_catalog`."""
    database = Path(database)
    called = database if called is None else called
    findings = Findings()
    return assemble(called, read(database, findings, called=called), findings, volumes=volumes)


def read(database: Path, findings: Findings, *, called: object, bar: str | None = None) -> Rows:
    """Read the site's tables; see `analytics_core.source.rows.Reader`."""
    del bar
    with opened(database, findings, called=called) as tables:
        tables.require(NEEDED)
        found = tables.read(tables.with_welcome(NEEDED, WELCOME))
    ingredients, units = found["ingredients"], found["units"]
    recipes, lines = found["recipes"], found["recipe_ingredients"]
    substitutes = found.get("ingredient_substitutes", {})
    parts = found.get("ingredient_parts", {})
    return Rows(
        layout=LAYOUT,
        ingredients=IngredientRows(
            ids=ingredients["id"],
            names=ingredients["name"],
            parents=ingredients["parent_id"],
            paths=ingredients["path"],
            allow_substitution=ingredients["allow_substitution"],
            strengths=ingredients.get("strength"),
        ),
        units=UnitRows(
            ids=units["id"],
            names=units["name"],
            abbreviations=units["abbreviation"],
            volumes_ml=units["conversion_to_ml"],
        ),
        recipes=RecipeRows(
            ids=recipes["id"],
            names=recipes["name"],
            variant_of=recipes.get("variant_of"),
            methods=recipes.get("method"),
            dilutions=recipes.get("dilution"),
        ),
        lines=LineRows(
            recipes=lines["recipe_id"],
            ingredients=lines["ingredient_id"],
            units=lines["unit_id"],
            amounts=lines["amount"],
            optional=lines.get("optional"),
            rolls_up=lines.get("rolls_up"),
        ),
        substitutes=list(zip(*substitutes.values(), strict=True)),
        parts=list(zip(*parts.values(), strict=True)),
    )
