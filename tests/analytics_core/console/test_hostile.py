"""Names that are commands to a terminal, in what each command writes on one."""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_core.answers import Answers
from analytics_core.console.streams import escaped, harmless
from analytics_core.console.terminal import plain
from analytics_core.store import LocalStorage, read_published
from tests.analytics_core.databases import OUNCE, UNITS, write_database
from tests.analytics_core.test_cli import on_a_terminal
from tests.hostile import NAMES, PIECES

# What Rich itself writes: colors, and moving and hiding the cursor while progress is shown.
OURS = re.compile(r"\x1b\[[0-9;?]*[mKAhlGJ]|\r")
NAMED = [piece for piece in PIECES if piece.strip()]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    count = len(NAMED)
    return write_database(
        tmp_path_factory.mktemp("hostile") / "bar.db",
        ingredients=[(key, name, None, f"/{key}/", 0) for key, name in enumerate(NAMED, 1)],
        recipes=[*enumerate(NAMED, 1), (900, "empty \x1b]0;x\x07")],
        units=[*UNITS, (50, "crumb \x1b]0;x\x07\x9b2J", None, None)],
        lines=[
            (key, (key + step) % count + 1, OUNCE, 1.0 + step)
            for key in range(1, count + 1)
            for step in range(2)
        ]
        + [(1, 3, 50, 1.0)],
    )


@pytest.fixture(scope="module")
def published(database: Path) -> Path:
    folder = database.parent / "out"
    assert on_terminal("refresh", "--db", database, "--output", folder)[0] == 0
    return folder


def on_terminal(*words: object) -> tuple[int, str]:
    return on_a_terminal(*map(str, words), env={"TERM": "xterm-256color", "COLUMNS": "80"})


def assert_harmless(text: str) -> None:
    left = OURS.sub("", text)
    odd = {c for c in left if unicodedata.category(c) in ("Cc", "Zl", "Zp") and c != "\n"}
    odd |= set(left) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068")
    assert not odd, [line for line in left.splitlines() if set(line) & odd][:5]


def test_a_refresh_tells_of_no_name_as_it_is(database: Path, tmp_path: Path) -> None:
    code, text = on_terminal("refresh", "--db", database, "--output", tmp_path)
    assert code == 0
    assert "finding" in text
    assert_harmless(text)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE recipe_ingredients SET amount = 9 WHERE recipe_id % 3 = 0")
    assert_harmless(on_terminal("refresh", "--db", database, "--output", tmp_path, "--force")[1])


@pytest.mark.parametrize(
    "words", [("validate",), ("validate", "--json"), ("convert",)], ids=" ".join
)
def test_what_is_said_of_a_database(database: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    given = [database, tmp_path / "out.db"] if words[0] == "convert" else ["--db", database]
    code, text = on_terminal(*words, *given)
    assert code == 0, text
    assert_harmless(text)


@pytest.mark.parametrize("words", [("neighbors",), ("neighbors", "--json"), ("map",)], ids=" ".join)
def test_what_is_said_of_a_published_set(published: Path, words: tuple[str, ...]) -> None:
    chosen = [piece for piece in NAMED if set(piece) & set("\x1b\x9b\x08\u202e\u2028")]
    names = chosen if words == ("neighbors",) else chosen[:2]
    for name in names if words[0] == "neighbors" else [""]:
        asked = ["--id", NAMED.index(name) + 1] if name else []
        code, text = on_terminal(*words, *asked, "--from", published)
        assert code == 0, text
        assert_harmless(text)


def test_errors_quote_no_command(tmp_path: Path, published: Path) -> None:
    broken = tmp_path / "broken.db"
    with closing(sqlite3.connect(broken)) as connection:
        connection.execute('CREATE TABLE "a\x1b]0;title\x07\x9b2J\u202e" (x)')
    code, text = on_terminal("refresh", "--db", broken, "--output", tmp_path / "out")
    assert code == 3
    assert_harmless(text)
    asked = "no such drink \x1b]0;title\x07\x9b2J"
    assert_harmless(on_terminal("neighbors", asked, "--from", published)[1])
    odd = tmp_path / "odd\x1b]0;t\x07.db"
    assert_harmless(on_terminal("validate", "--db", odd)[1])


def test_answers_to_agents_keep_names_as_data(published: Path) -> None:
    """JSON carries any name; it comes out as it went in, and only where names belong."""
    answers = Answers(read_published(LocalStorage(published)))
    for key, name in enumerate(NAMED, 1):
        answer = answers.similar(key, 3)
        written = json.dumps(answer)
        assert not set(written) & set("\x1b\x07\x9b\u2028\u202e")
        assert json.loads(written) == answer
        assert name in strings(answer)


def strings(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(strings, value.values()))
    if isinstance(value, list):
        return set().union(*map(strings, value))
    return {value} if isinstance(value, str) else set()


@given(NAMES | st.text())
def test_harmless_text_has_no_command_and_keeps_what_prints(text: str) -> None:
    assert_harmless(harmless(text))
    assert harmless(harmless(text)) == harmless(text)
    kept = [c for c in text if c.isprintable()]
    assert [c for c in harmless(text) if c.isprintable() and c != " "] == [
        c for c in kept if c != " "
    ]
    assert_harmless(plain(text))
    written = json.dumps([text], ensure_ascii=False)
    assert json.loads(escaped(written)) == [text]
    assert_harmless(escaped(written))
