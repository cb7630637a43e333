"""The server of the Model Context Protocol, in a process of its own, asked by the SDK's client."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

from analytics_core.answers import Answers
from analytics_core.answers.questions import NEEDED
from analytics_core.store import LocalStorage, publish
from tests.analytics_core.report.documents import make_documents

TOOLS = {"similar", "swap", "makeable", "substitutes"}


def put(folder: Path, run_id: str, documents: dict[str, Any]) -> None:
    publish(
        LocalStorage(folder),
        run_id=run_id,
        documents={kind: json.dumps(documents[kind]).encode() for kind in NEEDED},
        manifest=documents["manifest"],
    )


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    return make_documents(40)


def ask(folder: Path, *questions: tuple[str, dict[str, Any]], between: Any = None) -> list[Any]:
    """Ask a server of a set in a folder, one question after the other."""
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "analytics_core", "mcp", "--from", str(folder)]
    )

    async def talk() -> list[Any]:
        async with Client(stdio_client(server)) as client:
            tools = (await client.list_tools()).tools
            assert {tool.name for tool in tools} == TOOLS
            for tool in tools:
                assert tool.annotations is not None
                assert tool.annotations.read_only_hint
                assert tool.description
            answers = []
            for name, arguments in questions:
                answers.append(await client.call_tool(name, arguments))
                if between is not None:
                    between()
            return answers

    # In a thread of its own: a browser of other tests may have a loop running in this one.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, talk()).result()


def test_every_tool_answers_as_the_library_does(documents: dict[str, Any], tmp_path: Path) -> None:
    put(tmp_path, "one", documents)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    library = Answers(documents)
    shelf = ["gin", "campari", "sweet vermouth", "nonsuch"]
    similar, twice, swap, makeable, substitutes, unknown, wrong = ask(
        tmp_path,
        ("similar", {"recipe": "negroni", "count": 2}),
        ("similar", {"recipe": 1, "count": 2}),
        ("swap", {"from_recipe": "Negroni", "to_recipe": "Boulevardier"}),
        ("makeable", {"ingredients": shelf, "pantry": True, "count": 7}),
        ("substitutes", {"ingredient": "Campari"}),
        ("similar", {"recipe": "Negrony"}),
        ("similar", {"recipe": "Negroni", "count": 0}),
    )
    assert similar.structured_content == library.similar("Negroni", 2)
    assert twice.structured_content == similar.structured_content
    assert json.loads(similar.content[0].text) == similar.structured_content
    assert swap.structured_content == library.swap("Negroni", "Boulevardier")
    assert makeable.structured_content == library.makeable(shelf, pantry=True, count=7)
    assert substitutes.structured_content == library.substitutes("Campari")
    assert unknown.is_error
    assert "did you mean Negroni" in unknown.content[0].text
    assert wrong.is_error
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_set_published_meanwhile_is_answered_from(
    documents: dict[str, Any], tmp_path: Path
) -> None:
    put(tmp_path, "one", documents)
    renamed = json.loads(json.dumps({kind: documents[kind] for kind in (*NEEDED, "manifest")}))
    renamed["recipe-similar"]["data"][0]["recipe_name"] = "Other Name"
    first, second = ask(
        tmp_path,
        ("similar", {"recipe": 1}),
        ("similar", {"recipe": 1}),
        between=lambda: put(tmp_path, "two", renamed),
    )
    assert first.structured_content["recipe"]["recipe_name"] == "Negroni"
    assert second.structured_content["recipe"]["recipe_name"] == "Other Name"


def test_without_a_set_or_without_the_extra_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    def run(code: str) -> Any:
        return subprocess.run(
            [sys.executable, "-c", code, "mcp", "--from", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"]},
        )

    begin = "from analytics_core.cli import main; main()"
    empty = run(begin)
    assert empty.returncode == 4
    assert "run a refresh first" in empty.stderr
    assert empty.stdout == ""
    without = run(f"import sys; sys.modules['mcp'] = None; {begin}")
    assert without.returncode == 1
    assert "pip install 'analytics-core[mcp]'" in without.stderr
    assert len(without.stderr.splitlines()) == 1
