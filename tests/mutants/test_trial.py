"""`make mutants` on a small repository of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mutants.__main__ import _report, try_module
from mutants.changes import find_changes
from mutants.choice import (
    ChoiceError,
    Harmless,
    find_module,
    find_tests,
    modules,
    read_extra,
    read_harmless,
)
from mutants.trial import Bench, TrialError, make_copy

MODULE = "trigger/wait.py"
SOURCE = """
def wait(seconds):
    while seconds > 3:
        seconds -= 1
    return seconds


def unseen(a):
    return a + 1
"""
TESTS = """
from trigger.wait import wait

def test_wait():
    assert wait(5) == 3
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for path, text in {
        MODULE: SOURCE,
        "trigger/__init__.py": "",
        "tests/trigger/test_wait.py": TESTS,
        "conftest.py": "import sys; sys.path.insert(0, '.')",
        ".gitignore": "ignored\n__pycache__\n",
        "ignored": "x",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


@pytest.fixture
def bench(repository: Path, tmp_path: Path) -> Bench:
    make_copy(repository, tmp_path / "copy")
    return Bench(tmp_path / "copy", patience_seconds=60)


def test_copy_has_what_git_would_keep_and_no_more(repository: Path, tmp_path: Path) -> None:
    make_copy(repository, tmp_path / "copy")
    assert (tmp_path / "copy" / MODULE).read_text() == SOURCE
    assert not (tmp_path / "copy" / "ignored").exists()
    assert not (tmp_path / "copy" / ".git").exists()


def test_verdicts_tell_what_a_test_notices(bench: Bench, repository: Path) -> None:
    tests = find_tests(MODULE, {}, repository)
    bench.prove(MODULE, tests)
    bench.limits[MODULE] = 5
    changes = {str(change): change for change in find_changes(SOURCE.encode())}
    verdicts = {
        described: bench.try_change(MODULE, changes[described].apply(SOURCE.encode()), tests)
        for described in ("> -> >=", "-= -> +=", "+ -> -")
    }
    assert verdicts == {"> -> >=": "caught", "-= -> +=": "timed out", "+ -> -": "survived"}
    assert (bench.folder / MODULE).read_text() == SOURCE
    assert (repository / MODULE).read_text() == SOURCE


def test_tests_that_fail_on_the_sound_module_say_nothing(bench: Bench) -> None:
    (bench.folder / "tests/trigger/test_wait.py").write_text("def test(): assert False")
    with pytest.raises(TrialError, match="do not pass on the sound module"):
        bench.prove(MODULE, ["tests/trigger/test_wait.py"])


def test_judged_changes_are_not_drawn(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mutants.__main__.find_tests", lambda *_: ["tests/trigger/test_wait.py"])
    monkeypatch.setattr(Bench, "try_change", lambda *_: "survived")
    judged = Harmless(MODULE, "return a + 1", "+ -> -", "never called")
    everything = try_module(MODULE, [bench], [], count=100, seed=1)
    rest = try_module(MODULE, [bench], [judged], count=100, seed=1)
    assert rest["possible"] == everything["possible"] - 1
    assert "+ -> -" not in {change["change"] for change in rest["changes"]}


def test_a_module_is_found_by_the_end_of_its_path_and_has_tests() -> None:
    known = modules()
    (neighbors,) = find_module("similarity/neighbors", known)
    assert neighbors == "analytics_core/src/analytics_core/similarity/neighbors.py"
    assert "tests/analytics_core/similarity/test_neighbors.py" in find_tests(
        neighbors, read_extra()
    )
    assert len(find_module("analytics_core/store", known)) > 1
    with pytest.raises(ChoiceError, match="no module is called nothing"):
        find_module("nothing", known)


def test_what_is_named_as_a_modules_tests_exists() -> None:
    root = Path(__file__).parents[2]
    for name, tests in read_extra().items():
        assert (root / name).exists(), name
        for path in tests:
            assert (root / path).is_file(), path


def test_every_judged_change_can_still_be_made_and_has_a_reason() -> None:
    root = Path(__file__).parents[2]
    judged = read_harmless()
    assert judged
    for entry in judged:
        assert entry.reason
        changes = find_changes((root / entry.module).read_bytes())
        assert any(entry.fits(entry.module, change) for change in changes), entry


def test_report_names_the_place_of_each_survivor() -> None:
    survived = {"line": 3, "text": "a < b", "change": "< -> <=", "verdict": "survived"}
    caught = {**survived, "line": 4, "verdict": "caught"}
    slow = {**survived, "line": 5, "verdict": "timed out"}
    result = {"module": "a.py", "tests": ["t"], "possible": 9, "changes": [survived, caught, slow]}
    assert _report(result) == (
        "a.py: 2 of 3 noticed, of 9 possible\n  a.py:3  < -> <=\n      a < b"
    )
