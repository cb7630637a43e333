"""A cocktail database goes in, a checked `Catalog` comes out."""
