"""Tables as a spreadsheet exports them, to be read or refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from analytics_core.errors import DataError
from analytics_core.source.catalog import Catalog
from analytics_core.source.table import read_table

HEADER = ("recipe", "ingredient", "amount", "unit")
SHEET = (
    ("Daiquiri", "White Rum", "2", "oz"),
    ("Daiquiri", "Lime Juice", "¾", "oz"),
    ("Daiquiri", "Simple Syrup", "1/2", "oz"),
    ("Mojito", "White Rum", "1 1/2", "oz"),
    ("Mojito", "Mint", "8", "leaves"),
    ("Mojito", "Soda Water", "", "top"),
    ("Piña Colada", "White Rum", "2-3", "oz"),
    ("Piña Colada", "Crème de Coco", "1½", "oz"),
)

Line = tuple[str, str, float | None, str | None, float]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def sheet(rows: object, header: object = HEADER, delimiter: str = ",", end: str = "\r\n") -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    writer.writerow(header)  # type: ignore[arg-type]
    writer.writerows(rows)  # type: ignore[arg-type]
    return file.getvalue()


def lines(catalog: Catalog) -> set[Line]:
    return {
        (
            catalog.recipes.names[catalog.lines.recipe[i]],
            catalog.ingredients.names[catalog.lines.ingredient[i]],
            None if np.isnan(catalog.lines.amount[i]) else round(float(catalog.lines.amount[i]), 6),
            None if catalog.lines.unit[i] < 0 else catalog.units[catalog.lines.unit[i]].name,
            round(float(catalog.lines.volume_ml[i]), 3),
        )
        for i in range(catalog.lines.recipe.size)
    }


def read(tmp_path: Path, text: str, encoding: str = "utf-8", name: str = "bar.csv") -> Catalog:
    return read_table(write(tmp_path / name, text, encoding), volumes="poured")


def refused(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    path = write(tmp_path / "bar.csv", text, encoding)
    with pytest.raises(DataError) as caught:
        read_table(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


EXPECTED: set[Line] = {
    ("Daiquiri", "White Rum", 2.0, "oz", 59.147),
    ("Daiquiri", "Lime Juice", 0.75, "oz", 22.18),
    ("Daiquiri", "Simple Syrup", 0.5, "oz", 14.787),
    ("Mojito", "White Rum", 1.5, "oz", 44.36),
    ("Mojito", "Mint", 8.0, "leaves", 4.8),
    ("Mojito", "Soda Water", None, "top", 90.0),
    ("Piña Colada", "White Rum", 2.5, "oz", 73.934),
    ("Piña Colada", "Crème de Coco", 1.5, "oz", 44.36),
}
