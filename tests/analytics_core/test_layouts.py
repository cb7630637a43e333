"""Databases of other programs on the command line, beside a server that goes on writing."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics_core import cli, pipeline
from analytics_core.console import options
from analytics_core.errors import DataError
from analytics_core.settings import RefreshSettings
from analytics_core.source.conversion import write_catalog
from analytics_core.source.layouts import AUTO, LAYOUTS, load_catalog, take_copy
from analytics_core.store import LocalStorage, read_published
from tests.analytics_core.bars import BAR, SECRET, cocktail, ingredient, line, write_bar
from tests.analytics_core.databases import write_database
from tests.analytics_core.test_cli import log_lines, run
from tests.analytics_core.test_pipeline import hold_against_schema

TWO_BARS = {
    **BAR,
    "bars": [*BAR["bars"], {"id": 2, "name": "Patio", "slug": "patio"}],
    "ingredients": [
        *BAR["ingredients"],
        ingredient(50, "Pisco", bar_id=2),
        ingredient(51, "Lemon", bar_id=2),
    ],
    "cocktails": [*BAR["cocktails"], cocktail(50, "Pisco Sour", bar_id=2)],
    "cocktail_ingredients": [
        *BAR["cocktail_ingredients"],
        line(50, 50, 50, 60),
        line(51, 50, 51, 30),
    ],
}

# A server that has the file open in WAL mode and has just written a drink, which no checkpoint
# has moved into the file itself.
SERVER = """
import sqlite3, sys
server = sqlite3.connect(sys.argv[1], isolation_level=None)
server.execute("PRAGMA journal_mode = WAL")
server.execute("PRAGMA wal_autocheckpoint = 0")
server.execute("INSERT INTO cocktails (id, bar_id, slug, name, instructions, created_user_id)"
    " VALUES (60, 2, 'new', 'Brand New', 'x', 1)")
server.execute("INSERT INTO cocktail_ingredients (cocktail_id, ingredient_id, amount, units)"
    " VALUES (60, 50, 60, 'ml')")
server.execute("BEGIN IMMEDIATE")
server.execute("UPDATE cocktails SET name = 'half done' WHERE id = 60")
print("written", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of two bars, beside a server that lives and is in the middle of a write."""
    path = write_bar(tmp_path_factory.mktemp("server") / "database.ba3.sqlite", rows=TWO_BARS)
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout
        assert server.stdout.readline() == "written\n"
        yield path
        server.kill()


def test_one_bar_of_a_living_server(served: Path, tmp_path: Path) -> None:
    before = served.read_bytes()
    environment = {"DB_PATH": str(served), "DB_BAR": "patio", "DB_LAYOUT": "bar-assistant"}
    done = run("refresh", "--output", tmp_path / "out", env=environment)
    assert done.returncode == 0, done.stderr
    documents = read_published(LocalStorage(tmp_path / "out"))
    assert [row["recipe_name"] for row in documents["recipe-details"]["data"]] == [
        "Pisco Sour",
        "Brand New",
    ]
    place = documents["manifest"]["database"]
    assert (place["layout"], place["bar"]) == ("bar-assistant", "Patio (id 2, patio)")
    read = [entry for entry in log_lines(done.stderr) if entry.get("stage") == "catalog"]
    assert read[-1]["detail"] == "read as bar-assistant, bar Patio (id 2, patio)"
    assert served.read_bytes() == before
    published = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET.encode() not in published


def test_a_bar_has_to_be_chosen(served: Path, tmp_path: Path) -> None:
    done = run("validate", "--db", served)
    assert done.returncode == 3
    assert f"The database {served} holds 2 bars" in done.stderr.replace("\\\\", "\\")
    assert "Home Bar (id 1, home-bar); Patio (id 2, patio)" in done.stderr


def test_the_site_has_no_bars(tmp_path: Path) -> None:
    database = write_database(tmp_path / "site.db")
    with pytest.raises(DataError, match="has no bars to choose from, but 'patio' was asked for"):
        load_catalog(database, bar="patio")


def test_a_layout_that_nobody_knows() -> None:
    done = run("refresh", "--db", "x.db", "--output", "out", "--layout", "mealie")
    assert done.returncode == 2
    assert "there is no layout 'mealie'" in " ".join(done.stderr.replace("│", " ").split())
    assert set(options.LAYOUTS) == {AUTO, *LAYOUTS}
    with pytest.raises(DataError, match="There is no layout 'mealie'"):
        load_catalog(Path("x.db"), layout="mealie")


def test_a_layout_that_the_file_does_not_have(tmp_path: Path) -> None:
    database = write_database(tmp_path / "site.db")
    with pytest.raises(DataError, match=r"lacks the tables bars, cocktails, cocktail_ingredients"):
        load_catalog(database, layout="bar-assistant")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("bar.xlsx", b"PK\x03\x04\0\0", r"bar\.xlsx is a spreadsheet; save it as CSV"),
        (
            "bar.data",
            b"recipe,ingredient\n",
            r"bar\.data is not a SQLite file but text; .*--layout",
        ),
        ("bar.db", b"\x89PNG\0\0", r"bar\.db is not a SQLite file\."),
        ("bar.db", b"", r"bar\.db is empty"),
    ],
)
def test_what_is_no_database_at_all(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        take_copy(tmp_path / name, tmp_path / "scratch")


@pytest.mark.parametrize("content", [None, "[lines", ""])
def test_a_layouts_file_is_read_before_the_database(tmp_path: Path, content: str | None) -> None:
    sheet, mapping = tmp_path / "bar.csv", tmp_path / "mapping.toml"
    sheet.write_text("recipe,ingredient\n")
    if content is not None:
        mapping.write_text(content)
    with pytest.raises(DataError, match=r"mapping\.toml"):
        take_copy(sheet, tmp_path / "scratch", layout=str(mapping))
    assert not (tmp_path / "scratch").exists()


def test_a_table_under_any_name(tmp_path: Path) -> None:
    file = tmp_path / "bar.data"
    file.write_text("recipe,ingredient,amount,unit\nNegroni,Gin,3,cl\nNegroni,Campari,3,cl\n")
    copy = take_copy(file, tmp_path / "scratch", layout="table")
    catalog = load_catalog(copy, called=file, layout="table", volumes="poured")
    assert (catalog.layout, catalog.recipes.names) == ("table", ("Negroni",))
    assert catalog.lines.volume_ml.tolist() == [30.0, 30.0]


def test_convert_and_validate(served: Path, tmp_path: Path) -> None:
    target = tmp_path / "site.db"
    done = run("convert", served, target, "--bar", "2")
    assert done.returncode == 0, done.stderr
    assert "2 recipes, 2 ingredients; read as bar-assistant, bar Patio" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["site.db"]
    told = json.loads(run("validate", "--db", target, "--json").stdout)
    assert (told["layout"], told["bar"], told["recipes"], told["findings"]) == (
        *("cocktaildb", None, 2),
        [],
    )
    again = run("convert", served, target, "--bar", "2")
    assert again.returncode == 3
    assert f"{target} exists already" in again.stderr
    itself = run("convert", target, target, "--force")
    assert itself.returncode == 2
    assert "is the source itself" in " ".join(itself.stderr.replace("│", " ").split())


def test_one_recipe_is_no_recipes(tmp_path: Path) -> None:
    sheet, target = tmp_path / "bar.csv", tmp_path / "site.db"
    sheet.write_text("recipe,ingredient,amount,unit\nNegroni,Gin,3,cl\n")
    for command in (["validate", "--db", str(sheet)], ["convert", str(sheet), str(target)]):
        result = CliRunner().invoke(cli.app, command)
        assert "1 recipe, 1 ingredient;" in " ".join(result.stdout.split()), result.output


def test_a_converted_bar_refreshes_to_the_same_documents(tmp_path: Path) -> None:
    source = write_bar(tmp_path / "bar.sqlite", wal=False)
    write_catalog(load_catalog(source), tmp_path / "site.db")
    found = []
    for database in (source, tmp_path / "site.db"):
        storage = LocalStorage(tmp_path / f"out-{database.stem}")
        pipeline.refresh(database, storage, settings=RefreshSettings(threads=1, page=False))
        found.append(read_published(storage))
    before, after = found
    hold_against_schema(before)
    assert before.keys() == after.keys()
    for kind in before.keys() - {"manifest"}:
        assert before[kind]["data"] == after[kind]["data"], kind
    assert after["recipe-similar"]["data"]
    assert before["manifest"]["database"].pop("layout") == "bar-assistant"
    assert (
        before["manifest"]["database"] | {"layout": "cocktaildb", "bar": None}
        == (after["manifest"]["database"])
    )


def test_many_machines_read_the_same_bar(tmp_path: Path) -> None:
    source = write_bar(tmp_path / "bar.sqlite", rows=TWO_BARS, wal=False)
    cache, output = LocalStorage(tmp_path / "work"), LocalStorage(tmp_path / "out")
    settings = RefreshSettings(bar="home-bar", threads=1, page=False)
    made = pipeline.plan(source, cache, settings=settings, shards=2)
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("DELETE FROM cocktails")
        connection.commit()
    kept = pipeline.read_plan(cache)
    assert kept == made
    for index in range(2):
        pipeline.shard(kept, cache, index)
    manifest = pipeline.finish(kept, cache, output).manifest
    assert manifest["database"]["bar"] == "Home Bar (id 1, home-bar)"
    assert manifest["database"]["recipes"] == 6
    details = read_published(output)["recipe-details"]["data"]
    assert [row["recipe_name"] for row in details if row["optional"]] == ["Gin Sour"]
    assert details[1]["variant_of"] == {"recipe_id": 1, "recipe_name": "Negroni"}
    methods = {row["recipe_name"]: (row["method"], row["dilution"]) for row in details}
    assert (methods["Negroni"], methods["Daiquiri"]) == (("Stir", 20), ("Shake", 25))
    assert methods["Mojito"] == (None, None)
