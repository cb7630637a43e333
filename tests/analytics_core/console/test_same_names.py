"""Recipes of one name: none hides another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.analytics_core.databases import LOOSE_SCHEMA, write_database
from tests.analytics_core.test_cli import log_lines, run


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two Gimlets, and three drinks beside them, with two neighbors each."""
    folder = tmp_path_factory.mktemp("same")
    names = ("Gin", "Vodka", "Lime Juice", "Simple Syrup")
    glasses = {
        (1, "Gimlet"): (60, 0, 20, 20),
        (2, "GIMLET "): (0, 60, 20, 20),
        (3, "Big Gimlet"): (120, 0, 40, 40),
        (4, "Neat Gin"): (60, 0, 0, 0),
        (5, "Pat’s Cup"): (30, 0, 0, 30),
    }
    write_database(
        folder / "bar.db",
        schema=LOOSE_SCHEMA,
        ingredients=[(n, name, None, f"/{n}/", 0) for n, name in enumerate(names, 1)],
        units=[(1, "ml", "ml", 1.0)],
        recipes=list(glasses),
        lines=[
            (recipe, ingredient, 1, volume)
            for (recipe, _), glass in glasses.items()
            for ingredient, volume in enumerate(glass, 1)
            if volume
        ],
    )
    arguments = ("refresh", "--db", folder / "bar.db", "--output", folder, "--neighbors", "2")
    assert run(*arguments, "--no-page").returncode == 0
    return folder


def test_both_are_shown_and_told_apart(published: Path) -> None:
    done = run("neighbors", "gimlet", "--from", published)
    assert done.returncode == 0, done.stderr
    assert "2 recipes have this name" in done.stdout
    assert "--id" in done.stdout
    headings = [line for line in done.stdout.splitlines() if not line.startswith(("→", " "))]
    assert [line.rstrip() for line in headings if "(id" in line] == [
        "Gimlet (id 1)",
        "GIMLET (id 2)",
    ]
    assert "→ Gimlet (id 1)" in done.stdout


def test_an_id_chooses_one(published: Path) -> None:
    for arguments in (["--id", "2"], ["Gimlet", "--id", "2"]):
        done = run("neighbors", *arguments, "--json", "--from", published)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["recipe_id"] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["Gimlet", "--json"], "choose --id 1 or --id 2"),
        (["--id", "9"], "no recipe with the id 9"),
        (["Neat Gin", "--id", "1"], "is 'Gimlet'"),
        ([], "name a recipe"),
    ],
)
def test_what_is_not_clear_is_said(published: Path, arguments: list[str], words: str) -> None:
    done = run("neighbors", *arguments, "--from", published, env={"COLUMNS": "200"})
    assert done.returncode == 2, done.stdout
    assert words in done.stderr


def test_more_than_was_published_is_said(published: Path) -> None:
    done = run("neighbors", "Neat Gin", "-n", "25", "--from", published)
    assert done.returncode == 0, done.stderr
    (line,) = log_lines(done.stderr)
    assert line["level"] == "warning"
    assert "2 neighbors are published" in line["message"]
    assert "refresh with --neighbors 25" in line["message"]
    for enough in ([], ["-n", "2"]):
        assert run("neighbors", "Neat Gin", *enough, "--from", published).stderr == ""


def test_a_terminal_that_knows_ascii_alone_shows_all(published: Path) -> None:
    steering = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = run("neighbors", "pat's cup", "--from", published, env=steering)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "Pat's Cup" in done.stdout
    assert done.stdout.count(">") == 2
    named = run("neighbors", "pat's cup", "--json", "--from", published, env=steering)
    assert json.loads(named.stdout)["recipe_name"] == "Pat’s Cup"
    drawn = run("map", "--from", published, env=steering)
    assert drawn.returncode == 0, drawn.stderr
    assert drawn.stdout.isascii()
    assert "Pat's Cup" in drawn.stdout


def test_a_set_of_another_version_is_refused(published: Path, tmp_path: Path) -> None:
    content: dict[str, Any] = json.loads((published / "analytics/v1/manifest.json").read_bytes())
    content |= {"storage_version": "v2", "code_version": "9.1"}
    (tmp_path / "analytics/v1").mkdir(parents=True)
    (tmp_path / "analytics/v1/manifest.json").write_text(json.dumps(content))
    commands: tuple[list[str | Path], ...] = (
        ["neighbors", "x", "--from", tmp_path],
        ["map", "--from", tmp_path],
        ["refresh", "--db", published / "bar.db", "--output", tmp_path],
    )
    for command in commands:
        done = run(*command)
        assert done.returncode == 4
        message = log_lines(done.stderr)[-1]["message"]
        for words in ("storage version v2", "knows v1", "9.1", str(tmp_path)):
            assert words in message
        assert not (tmp_path / "work").exists()
