"""No kept result outlives the code that made it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import analytics_core
from analytics_core import provenance
from analytics_core.provenance import code_fingerprint, fingerprint_of, new_run_id
from tests.analytics_core.databases import write_database

# Refreshes and prints where the package lies and which stages were reused.
REFRESH = textwrap.dedent(
    """
    import json, sys, analytics_core
    from analytics_core.pipeline import RefreshSettings, refresh
    from analytics_core.store import LocalStorage
    events = []
    refresh(sys.argv[1], LocalStorage(sys.argv[2]), settings=RefreshSettings(page=False),
            on_event=events.append)
    reused = [event.stage for event in events if event.state == "reused"]
    print(json.dumps([analytics_core.__file__, reused]))
    """
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package, as another version would be installed."""
    package = tmp_path / "site" / "analytics_core"
    ignored = shutil.ignore_patterns("__pycache__", "frontend")
    shutil.copytree(Path(analytics_core.__file__).parent, package, ignore=ignored)
    return package


def reused(copy: Path, database: Path, output: Path) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(copy.parent), "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", REFRESH, database, output],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    stages: list[str]
    place, stages = json.loads(done.stdout)
    assert place == str(copy / "__init__.py")
    return stages


@pytest.mark.parametrize("module", ["similarity/ground_cost.py", "similarity/_layout.py"])
def test_one_changed_line_and_nothing_is_reused(module: str, copy: Path, tmp_path: Path) -> None:
    database, output = write_database(tmp_path / "bar.db"), tmp_path / "out"
    assert reused(copy, database, output) == []
    assert reused(copy, database, output) == ["cost", "neighbors"]  # drinks lie somewhere now
    changed = copy / module
    changed.write_text(changed.read_text() + "\nHARMLESS = True\n")
    assert reused(copy, database, output) == []
    assert reused(copy, database, output) == ["cost", "neighbors", "map"]


def fingerprint(monkeypatch: pytest.MonkeyPatch, package: Path) -> str:
    monkeypatch.setattr(provenance, "__file__", str(package / "provenance.py"))
    return code_fingerprint.__wrapped__()


def test_every_source_counts_and_nothing_else(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(monkeypatch, copy)
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "cli.cpython-311.pyc").write_bytes(b"compiled")
    (copy / "README.txt").write_text("not a source")
    assert fingerprint(monkeypatch, copy) == before
    seen = {before}
    (copy / "similarity" / "new.py").write_text("")
    seen.add(fingerprint(monkeypatch, copy))
    (copy / "similarity" / "new.py").rename(copy / "store" / "new.py")
    seen.add(fingerprint(monkeypatch, copy))
    assert len(seen) == 3


def test_without_sources_what_is_compiled_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = tmp_path / "cli.pyc"
    compiled.write_bytes(b"one")
    before = fingerprint(monkeypatch, tmp_path)
    compiled.write_bytes(b"two")
    assert fingerprint(monkeypatch, tmp_path) != before


@pytest.mark.parametrize("library", ["numpy", "scipy", "numba", "POT"])
def test_another_version_of_a_library_counts(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_fingerprint.__wrapped__()
    monkeypatch.setattr(
        provenance, "version", lambda name: "0.0" if name == library else version(name)
    )
    assert code_fingerprint.__wrapped__() != before


def test_an_absent_library_is_a_version_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    before = code_fingerprint.__wrapped__()
    monkeypatch.setattr(provenance, "version", absent)
    assert code_fingerprint.__wrapped__() != before


def test_fingerprints_tell_values_apart_but_not_the_order_of_names() -> None:
    assert fingerprint_of("a", {"x": 1, "y": 2}) == fingerprint_of("a", {"y": 2, "x": 1})
    distinct = [("ab",), ("a", "b"), (1,), ("1",), (1.5,), (None,), ({"x": 1},), ({"x": 2},), ()]
    assert len({fingerprint_of(*parts) for parts in distinct}) == len(distinct)


def test_run_ids_are_made_for_folders_and_are_no_other_runs() -> None:
    ids = {new_run_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(run_id) == 23 and run_id[8] == "T" for run_id in ids)
