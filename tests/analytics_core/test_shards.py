"""A refresh shared by many machines: planned, sharded in any order, finished; some are killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from analytics_core import pipeline
from analytics_core.errors import AnalyticsError, NotFound, StorageError
from analytics_core.pipeline import RefreshSettings, plan, read_plan, refresh, shard
from analytics_core.store import LocalStorage, read_published
from tests.analytics_core.databases import change, cut_down_sample, write_database

COMMAND = [sys.executable, "-m", "analytics_core"]
SHARDS = 4
PLAIN = RefreshSettings(page=False)

# A shard that dies in the given state of its search, as when its machine is taken away.
DYING = textwrap.dedent(
    """
    import os, signal, sys
    from analytics_core.pipeline import read_plan, shard
    from analytics_core.store import LocalStorage

    def on_event(event):
        if (event.stage, event.state) == ("neighbors", sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

    cache = LocalStorage(sys.argv[1])
    shard(read_plan(cache), cache, int(sys.argv[2]), on_event=on_event)
    """
)


def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_BATCH")}
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def published(folder: Path) -> dict[str, str]:
    """Every published file's text without what is said of the run itself."""
    root = folder / "analytics" / "v1"
    texts = {path.name: path.read_text() for path in root.iterdir() if path.is_file()}
    manifest = json.loads(texts.pop("manifest.json"))
    for name in ("run_id", "generated_at", "stages", "documents", "extras"):
        manifest.pop(name, None)
    times = re.compile(r'"(generated_at|run_id)":"[^"]*"|"stages":\[[^]]*\]')
    return {**{name: times.sub("", text) for name, text in texts.items()}, "manifest": manifest}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The database, and what one refresh on one machine publishes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    database = cut_down_sample(folder / "bar.db", 50)
    refresh(database, LocalStorage(folder / "out"))
    return database, published(folder / "out")


@pytest.mark.parametrize("cost", ["learned", "tree"])
def test_many_machines_publish_what_one_does(
    cost: Any, undisturbed: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    database, expected = undisturbed
    if cost != "learned":
        settings = RefreshSettings(cost=cost)
        refresh(database, LocalStorage(tmp_path / "alone"), settings=settings)
        expected = published(tmp_path / "alone")
    shared, out = tmp_path / "shared", tmp_path / "out"
    mine = tmp_path / "bar.db"
    mine.write_bytes(database.read_bytes())
    options = ("--workspace", shared)
    done = run("plan", "--db", mine, "--shards", SHARDS, "--cost", cost, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"50 recipes in 4 shards, kept in {shared}\n"
    mine.unlink()  # nobody reads it again

    for index, state in ((3, "progress"), (1, "finished"), (0, "started")):
        dying = subprocess.run(
            [sys.executable, "-c", DYING, shared, str(index), state], timeout=300, check=False
        )
        assert dying.returncode == -signal.SIGKILL
    kept = len(list((shared / "work" / "neighbors").iterdir()))
    assert kept == 1  # that of the shard which was killed after it was done
    together = [
        subprocess.Popen([*COMMAND, "shard", "--index", str(index), *map(str, options)])
        for index in (2, 0)
    ]
    assert [process.wait(timeout=300) for process in together] == [0, 0]
    for index in (3, 1):
        done = run("shard", *options, AWS_BATCH_JOB_ARRAY_INDEX=str(index))
        assert done.returncode == 0, done.stderr

    done = run("finish", "--output", out, *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["event"] == "refresh.finished"
    assert published(out) == expected
    manifest = read_published(LocalStorage(out))["manifest"]
    reused = {stage["name"] for stage in manifest["stages"] if stage["reused"]}
    assert reused == {"inputs", "cost", "neighbors"}
    assert manifest["run_id"] == read_plan(LocalStorage(shared)).run_id


def test_what_a_lost_shard_did_not_leave_is_computed(
    undisturbed: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    database, expected = undisturbed
    cache = LocalStorage(tmp_path / "shared")
    made = plan(database, cache, shards=3)
    shard(made, cache, 1)
    events: list[Any] = []
    pipeline.finish(made, cache, LocalStorage(tmp_path / "out"), on_event=events.append)
    (search,) = [e for e in events if (e.stage, e.state) == ("neighbors", "finished")]
    assert search.detail == "1 of 3 parts were there"
    assert published(tmp_path / "out") == expected


def test_more_shards_than_recipes_are_no_fault(tmp_path: Path) -> None:
    database = write_database(tmp_path / "bar.db")
    cache = LocalStorage(tmp_path / "shared")
    made = plan(database, cache, settings=PLAIN, shards=8)
    assert made.rows == 5
    assert made.spans[0][0] == 0
    assert made.spans[-1][1] == 5
    for index in range(8):
        shard(made, cache, index)
    pipeline.finish(made, cache, LocalStorage(tmp_path / "out"))
    refresh(database, LocalStorage(tmp_path / "alone"), settings=PLAIN)
    assert published(tmp_path / "out") == published(tmp_path / "alone")


def test_a_database_without_recipes_can_be_shared_too(tmp_path: Path) -> None:
    database = write_database(tmp_path / "bar.db", recipes=[], lines=[])
    cache = LocalStorage(tmp_path / "shared")
    made = plan(database, cache, settings=PLAIN, shards=2)
    shard(made, cache, 1)
    result = pipeline.finish(made, cache, LocalStorage(tmp_path / "out"))
    assert [w["code"] for w in result.manifest["warnings"]] == ["no-usable-recipe"]


def test_findings_are_part_of_the_inputs(tmp_path: Path) -> None:
    """The same content with another flaw: the manifest tells the flaw of its own database."""
    database = write_database(tmp_path / "bar.db")
    cache = LocalStorage(tmp_path / "shared")
    first = plan(database, cache, settings=PLAIN)
    change(database, "UPDATE ingredients SET path = '/9/9/' WHERE parent_id IS NULL")
    second = plan(database, cache, settings=PLAIN)
    assert first.inputs != second.inputs
    result = pipeline.finish(second, cache, LocalStorage(tmp_path / "out"))
    assert [w["code"] for w in result.manifest["warnings"]] == ["path-mismatch"]


def test_the_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    cache = LocalStorage(tmp_path / "shared")
    settings = RefreshSettings(cost="tree", neighbors=3, seed=7, page=False, keep_runs=4)
    made = plan(write_database(tmp_path / "bar.db"), cache, settings=settings, shards=2)
    assert read_plan(cache) == made
    assert read_plan(cache).settings == settings


def test_there_must_be_a_plan_that_this_code_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = LocalStorage(tmp_path / "shared")
    with pytest.raises(NotFound, match="there is no plan"):
        read_plan(cache)
    made = plan(write_database(tmp_path / "bar.db"), cache, settings=PLAIN)
    whole = cache.read(pipeline.PLAN_KEY)
    for damaged in (b"", b"[]", whole[:-20], whole.replace(b'"rows"', b'"lines"')):
        cache.write(pipeline.PLAN_KEY, damaged)
        with pytest.raises(StorageError, match="damaged"):
            read_plan(cache)
    cache.write(pipeline.PLAN_KEY, whole.replace(made.code.encode(), b"0" * 64))
    with pytest.raises(AnalyticsError, match="another version of the code"):
        read_plan(cache)


def test_inputs_that_were_removed_are_named(tmp_path: Path) -> None:
    cache = LocalStorage(tmp_path / "shared")
    made = plan(write_database(tmp_path / "bar.db"), cache, settings=PLAIN)
    for key in cache.list("work/inputs/"):
        cache.delete(key)
    with pytest.raises(NotFound, match="run `plan` again"):
        shard(made, cache, 0)


@pytest.mark.parametrize("index", [-1, 2])
def test_a_shard_that_was_not_planned_is_refused(index: int, tmp_path: Path) -> None:
    cache = LocalStorage(tmp_path / "shared")
    database = write_database(tmp_path / "bar.db")
    made = plan(database, cache, settings=PLAIN, shards=2)
    with pytest.raises(ValueError, match="0 to 1"):
        shard(made, cache, index)
    with pytest.raises(ValueError, match="shards"):
        plan(database, cache, settings=PLAIN, shards=0)
    assert run("shard", "--workspace", cache.url, f"--index={index}").returncode == 2


def test_commands_without_a_plan_or_a_place_say_so(tmp_path: Path) -> None:
    done = run("shard", "--workspace", tmp_path / "nothing", "--index", 0)
    assert done.returncode == 4
    assert "make one with `plan`" in done.stderr
    for command in ("plan", "shard", "finish"):
        words = {"plan": ["--db", "x.db"], "shard": ["--index", "0"]}.get(command, [])
        done = run(command, *words)
        assert done.returncode == 2, done.stderr
        assert "name a place" in done.stderr
