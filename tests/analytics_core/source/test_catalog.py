"""A catalog travels between machines as arrays."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from analytics_core.source.catalog import (
    catalog_from_arrays,
    catalog_to_arrays,
)
from analytics_core.source.cocktaildb import load_catalog
from tests.analytics_core.databases import (
    OUNCE,
    write_database,
)


def test_a_catalog_made_of_its_arrays_is_the_same(tmp_path: Path) -> None:
    names = ["\u202eGin", "Piña 🍸", "x" * 250, "tab\tand\nline"]
    path = write_database(
        tmp_path / "bar.db",
        ingredients=[(i, name, None, f"/{i}{i}/", i % 2) for i, name in enumerate(names, 1)],
        recipes=[(1, "Neat"), (2, "Nothing in it"), (3, "As you like")],
        lines=[(1, 1, OUNCE, 1 / 3), (1, 2, None, 2.0), (3, 3, None, None), (9, 1, OUNCE, 1.0)],
    )
    whole = load_catalog(path)
    assert len(whole.findings) == 3
    lone = replace(whole, recipes=replace(whole.recipes, names=("\ud800", "As you like")))
    for catalog in (whole, lone):
        arrays = catalog_to_arrays(catalog)
        assert all(array.dtype != object for array in arrays.values())
        back = catalog_from_arrays(arrays)
        for part in ("ingredients", "recipes", "lines"):
            before, after = getattr(catalog, part), getattr(back, part)
            for column in fields(before):
                one, two = getattr(before, column.name), getattr(after, column.name)
                assert type(one) is type(two)
                if isinstance(one, np.ndarray):
                    assert (one.dtype, one.tobytes()) == (two.dtype, two.tobytes())
                else:
                    assert one == two
        assert (back.units, back.findings) == (catalog.units, catalog.findings)
        assert back.fingerprint == catalog.fingerprint
