"""The sample database as a file: whole, valid, repeatable, and of any size."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from analytics_core.errors import DataError, StorageError
from analytics_core.sample import load_recipes, write_sample_database
from tests.analytics_core.databases import as_a_full_disk

EMBEDDED = len(load_recipes())
MADE = 6 * EMBEDDED

LINES = """
    SELECT r.name, i.name, u.name, l.amount FROM recipe_ingredients l
    JOIN recipes r ON r.id = l.recipe_id JOIN ingredients i ON i.id = l.ingredient_id
    LEFT JOIN units u ON u.id = l.unit_id ORDER BY l.id
"""
VOLUMES = """
    SELECT r.name, sum(CASE u.name WHEN 'to top' THEN 90 WHEN 'to rinse' THEN 5
                       WHEN 'Each' THEN 1 ELSE l.amount * u.conversion_to_ml END)
    FROM recipes r LEFT JOIN recipe_ingredients l ON l.recipe_id = r.id
    LEFT JOIN units u ON u.id = l.unit_id GROUP BY r.id
"""


def rows(database: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def content(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("embedded") / "sample.db"
    write_sample_database(path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "sample.db"
    write_sample_database(path, recipes=MADE, seed=3)
    return path


def test_the_embedded_drinks_arrive_as_written(embedded: Path) -> None:
    expected = [
        (recipe.name, line.ingredient, line.unit, line.amount)
        for recipe in load_recipes()
        for line in recipe.lines
    ]
    assert rows(embedded, LINES) == expected


@pytest.mark.parametrize("name", ["embedded", "made"])
def test_the_file_is_sound(name: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(name)
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []
    assert (
        rows(
            path,
            "SELECT id FROM recipes WHERE id NOT IN (SELECT recipe_id FROM recipe_ingredients)",
        )
        == []
    )


def test_units_convert_as_the_contract_says(embedded: Path) -> None:
    assert dict(rows(embedded, "SELECT name, conversion_to_ml FROM units")) == {
        "Ounce": 29.5735,
        "Tablespoon": 14.7868,
        "Teaspoon": 4.92892,
        "Barspoon": 2.46446,
        "Dash": 0.616115,
        "Drop": 0.05,
        "Each": None,
        "to top": None,
        "to rinse": None,
    }


def test_paths_agree_with_parents(embedded: Path) -> None:
    found = rows(embedded, "SELECT id, parent_id, path FROM ingredients")
    paths = {key: path for key, _, path in found}
    for key, parent, path in found:
        assert path == ("/" if parent is None else paths[parent]) + f"{key}/"


@pytest.mark.parametrize(
    "table", ["ratings", "tags", "recipe_tags", "user_ingredients", "recipe_ingredients"]
)
def test_no_table_is_empty(embedded: Path, table: str) -> None:
    assert rows(embedded, f"SELECT count(*) FROM {table}")[0][0] > 0


def test_ratings_and_averages_agree(made: Path) -> None:
    query = """
        SELECT r.avg_rating, r.rating_count, avg(g.rating), count(g.id)
        FROM recipes r LEFT JOIN ratings g ON g.recipe_id = r.id GROUP BY r.id
    """
    found = rows(made, query)
    assert {count for _, count, _, _ in found} > {0, 1}
    for average, count, true_average, true_count in found:
        assert count == true_count
        assert (average is None) == (true_average is None)
        assert average is None or average == pytest.approx(true_average, abs=0.0051)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO recipes (name) VALUES ('nEGRONI')",
        "INSERT INTO ingredients (name, path) VALUES ('CAMPARI', '/9/')",
        "UPDATE ingredients SET allow_substitution = 2 WHERE id = 1",
        "UPDATE ingredients SET parent_id = 99999 WHERE id = 2",
        "INSERT INTO ratings (recipe_id, cognito_user_id, rating) VALUES (1, 'zoe', 6)",
        "INSERT INTO recipe_ingredients (recipe_id, ingredient_id, amount) VALUES (99999, 1, 1)",
        "UPDATE recipe_ingredients SET amount = -1 WHERE id = 1",
    ],
)
def test_the_schema_refuses_nonsense(embedded: Path, statement: str) -> None:
    with closing(sqlite3.connect(embedded)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
        connection.rollback()


def test_the_same_seed_gives_the_same_content(made: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again.db", tmp_path / "other.db"
    write_sample_database(again, recipes=MADE, seed=3)
    write_sample_database(other, recipes=MADE, seed=4)
    assert content(again) == content(made)
    assert rows(other, LINES) != rows(made, LINES)


def test_a_larger_database_begins_with_the_smaller(made: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.db"
    write_sample_database(small, recipes=MADE // 2, seed=3)
    short = rows(small, LINES)
    assert rows(made, LINES)[: len(short)] == short


def test_real_drinks_come_first(made: Path, embedded: Path, tmp_path: Path) -> None:
    real = rows(embedded, LINES)
    assert rows(made, LINES)[: len(real)] == real
    few = tmp_path / "few.db"
    write_sample_database(few, recipes=10)
    assert rows(few, "SELECT name FROM recipes ORDER BY id") == rows(
        embedded, "SELECT name FROM recipes ORDER BY id LIMIT 10"
    )


def test_made_recipes_are_many_distinct_and_drinkable(made: Path) -> None:
    names = [name for (name,) in rows(made, "SELECT name FROM recipes")]
    assert len(names) == MADE
    assert len({name.casefold() for name in names}) == MADE
    volumes = rows(made, VOLUMES)
    assert len(volumes) == MADE
    assert all(30 <= volume <= 500 for _, volume in volumes)
    recipes: dict[str, list[Any]] = {}
    for name, *line in rows(made, LINES):
        recipes.setdefault(name, []).append(tuple(line))
    assert all(len({line[0] for line in lines}) == len(lines) for lines in recipes.values())
    distinct = {frozenset(lines) for lines in recipes.values()}
    assert len(distinct) > 0.99 * MADE


def ranks(values: list[int]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranked = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            ranked[place] = (start + end - 1) / 2
        start = end
    return ranked


def correlation(left: list[float], right: list[float]) -> float:
    mean_left, mean_right = sum(left) / len(left), sum(right) / len(right)
    a = [value - mean_left for value in left]
    b = [value - mean_right for value in right]
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(
        sum(x * x for x in a) * sum(y * y for y in b)
    )


def test_made_recipes_keep_the_skew_of_popularity(made: Path, embedded: Path) -> None:
    real = Counter(ingredient for _, ingredient, *_ in rows(embedded, LINES))
    everything = Counter(ingredient for _, ingredient, *_ in rows(made, LINES))
    new = everything - real
    names = sorted(everything | real)
    before, after = [real[name] for name in names], [new[name] for name in names]
    assert correlation([*map(float, before)], [*map(float, after)]) > 0.85
    assert correlation(ranks(before), ranks(after)) > 0.6
    # the ten most used hold a share like before, and new bottles come in too
    share_before = sum(count for _, count in real.most_common(10)) / real.total()
    share_after = sum(count for _, count in new.most_common(10)) / new.total()
    assert share_after == pytest.approx(share_before, abs=0.1)
    assert len(set(new) - set(real)) >= 20


def test_variations_follow_popular_drinks(made: Path) -> None:
    described = rows(made, f"SELECT description FROM recipes WHERE id > {EMBEDDED}")
    counts = [count for _, count in Counter(described).most_common()]
    # Zipf-like: the most varied tenth gets far more than a tenth, and no drink takes it all
    top = sum(counts[: EMBEDDED // 10]) / sum(counts)
    assert 0.2 < top < 0.6


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.db"
    path.write_text("precious")
    with pytest.raises(DataError, match=r"mine\.db exists already"):
        write_sample_database(path)
    assert path.read_text() == "precious"
    write_sample_database(path, recipes=5, overwrite=True)
    assert rows(path, "SELECT count(*) FROM recipes") == [(5,)]
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.db"]


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_another_databases_log_is_not_played_into_the_new_file(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a.db{suffix}").write_bytes(b"log")
    with pytest.raises(DataError, match=rf"a\.db{suffix}"):
        write_sample_database(tmp_path / "a.db", overwrite=True)
    assert not (tmp_path / "a.db").exists()


def test_impossible_places_and_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        write_sample_database(tmp_path / "nowhere" / "a.db")
    with pytest.raises(DataError, match="is a folder"):
        write_sample_database(tmp_path, overwrite=True)
    with pytest.raises(DataError, match="must not be negative"):
        write_sample_database(tmp_path / "a.db", recipes=-1)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics_core.sample.SCHEMA", "CREATE TABLE units (id INTEGER);")
    with pytest.raises(StorageError, match="cannot write"):
        write_sample_database(tmp_path / "a.db")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named_before_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("analytics_core.sample._choose")
    with pytest.raises(StorageError, match=r"cannot write /proc/a\.db: No such file"):
        write_sample_database(Path("/proc/a.db"), recipes=10**9)


def test_a_full_disk_is_no_fault_of_the_data(tmp_path: Path) -> None:
    with as_a_full_disk(20_000), pytest.raises(StorageError, match=r"cannot write .*a\.db"):
        write_sample_database(tmp_path / "a.db")
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_recipes_is_still_a_database(tmp_path: Path) -> None:
    write_sample_database(tmp_path / "a.db", recipes=0)
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM recipes") == [(0,)]
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM units") == [(9,)]


def test_twenty_thousand_recipes_are_quick(tmp_path: Path) -> None:
    begun = time.process_time()  # the wall clock would blame other programs
    write_sample_database(tmp_path / "large.db", recipes=20_000)
    assert time.process_time() - begun < 5
    assert rows(tmp_path / "large.db", "SELECT count(*) FROM recipes") == [(20_000,)]
    assert all(30 <= volume <= 500 for _, volume in rows(tmp_path / "large.db", VOLUMES))


def test_importing_brings_in_no_numeric_library() -> None:
    code = (
        "import sys, analytics_core.sample; print(*{'numpy', 'scipy', 'numba'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
