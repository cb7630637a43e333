"""The tables of the site's database, and its units."""

from __future__ import annotations

# name, abbreviation, milliliters
UNITS: tuple[tuple[str, str | None, float | None], ...] = (
    ("Ounce", "oz", 29.5735),
    ("Tablespoon", "tbsp", 14.7868),
    ("Teaspoon", "tsp", 4.92892),
    ("Barspoon", "bsp", 2.46446),
    ("Dash", "dash", 0.616115),
    ("Drop", "drop", 0.05),
    ("Each", "each", None),
    ("to top", None, None),
    ("to rinse", None, None),
)

SCHEMA = """
CREATE TABLE units (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    abbreviation TEXT,
    conversion_to_ml REAL CHECK (conversion_to_ml > 0)
);
CREATE TABLE ingredients (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    description TEXT,
    parent_id INTEGER REFERENCES ingredients (id) CHECK (parent_id <> id),
    path TEXT NOT NULL CHECK (path LIKE '/%/'),
    allow_substitution INTEGER NOT NULL DEFAULT 0 CHECK (allow_substitution IN (0, 1)),
    created_by TEXT
);
CREATE TABLE recipes (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    instructions TEXT,
    description TEXT,
    image_url TEXT,
    source TEXT,
    source_url TEXT,
    avg_rating REAL CHECK (avg_rating BETWEEN 1 AND 5),
    rating_count INTEGER NOT NULL DEFAULT 0 CHECK (rating_count >= 0),
    created_by TEXT
);
CREATE TABLE recipe_ingredients (
    id INTEGER PRIMARY KEY,
    recipe_id INTEGER NOT NULL REFERENCES recipes (id) ON DELETE CASCADE,
    ingredient_id INTEGER NOT NULL REFERENCES ingredients (id),
    unit_id INTEGER REFERENCES units (id),
    amount REAL CHECK (amount >= 0)
);
CREATE TABLE ratings (
    id INTEGER PRIMARY KEY,
    recipe_id INTEGER NOT NULL REFERENCES recipes (id) ON DELETE CASCADE,
    cognito_user_id TEXT NOT NULL,
    rating INTEGER NOT NULL CHECK (rating BETWEEN 1 AND 5),
    UNIQUE (recipe_id, cognito_user_id)
);
CREATE TABLE tags (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    is_private INTEGER NOT NULL DEFAULT 0 CHECK (is_private IN (0, 1)),
    created_by TEXT
);
CREATE TABLE recipe_tags (
    recipe_id INTEGER NOT NULL REFERENCES recipes (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (recipe_id, tag_id)
) WITHOUT ROWID;
CREATE TABLE user_ingredients (
    cognito_user_id TEXT NOT NULL,
    ingredient_id INTEGER NOT NULL REFERENCES ingredients (id) ON DELETE CASCADE,
    PRIMARY KEY (cognito_user_id, ingredient_id)
) WITHOUT ROWID;
CREATE INDEX ingredients_parent ON ingredients (parent_id);
CREATE INDEX recipe_ingredients_recipe ON recipe_ingredients (recipe_id);
CREATE INDEX recipe_ingredients_ingredient ON recipe_ingredients (ingredient_id);
"""
