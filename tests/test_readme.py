"""What README, help and the page of the library say is what happens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import api_page
import units_page

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^analytics-core ([a-z-]+) ?(.*?)(?:  +#.*)?$", README, re.MULTILINE)


def help_of(command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "analytics_core", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "200", "PATH": "/usr/bin:/bin", "NO_COLOR": "1"},
    )
    return done.stdout


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which README's example of the library ran."""
    folder = tmp_path_factory.mktemp("readme")
    [program] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"\d+ recipes published", lines[0])
    assert lines[1].startswith("Negroni -> [")
    assert lines[2].startswith("1.0 ")
    return folder


def test_the_sentence_readme_opens_with_is_published(published: Path) -> None:
    said = re.search(r"\*\*(\w+) → (\w+)\*\*: \*(.+?)\*", " ".join(README.split()))
    assert said is not None
    recipe, neighbor, words = said.groups()
    set_ = json.loads((published / "out/analytics/v1/recipe-similar.json").read_text())
    [entry] = [entry for entry in set_["data"] if entry["recipe_name"] == recipe]
    found = {each["neighbor_name"]: each["words"] for each in entry["neighbors"]}
    assert found[neighbor] == words


@pytest.mark.parametrize(("command", "arguments"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_of_readme_is_one_with_its_options(command: str, arguments: str) -> None:
    text = help_of(command)
    for option in re.findall(r"--[a-z-]+", arguments):
        assert option in text
    assert re.search(rf"For example: analytics-core {command}\b", text)


def test_readme_names_every_command_but_the_jobs_own() -> None:
    listed = set(re.findall(r"^\W*([a-z-]+)  +\w", help_of("").split("Commands")[1], re.MULTILINE))
    assert listed - {name for name, _ in COMMANDS} == {"load"}


def test_the_page_of_the_library_is_as_its_docstrings() -> None:
    assert api_page.PAGE.read_text(encoding="utf-8") == api_page.page(), "run `make api`"


def test_the_page_of_units_is_as_the_table() -> None:
    assert units_page.PAGE.read_text(encoding="utf-8") == units_page.page(), "run `make api`"
