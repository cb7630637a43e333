"""A refresh shared by many machines: planned, sharded in any order, finished; some are killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analytics_core import pipeline
from analytics_core.errors import AnalyticsError, NotFound, StorageError
from analytics_core.pipeline import (
    MissingShards,
    RefreshSettings,
    finish,
    plan,
    read_plan,
    refresh,
    shard,
)
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
    said = json.loads(done.stdout)
    assert (said["event"], said["rows"], said["shards"]) == ("plan.finished", 50, 4)
    workspace = shared / "work" / said["run_id"]
    mine.unlink()  # nobody reads it again

    for index, state in ((3, "progress"), (1, "finished"), (0, "started")):
        dying = subprocess.run(
            [sys.executable, "-c", DYING, shared, str(index), state], timeout=300, check=False
        )
        assert dying.returncode == -signal.SIGKILL
    kept = len(list((workspace / "neighbors").iterdir()))
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
    assert manifest["run_id"] == said["run_id"]
    assert not workspace.exists(), "what was published needs no workspace"


def test_finish_refuses_and_names_what_shards_did_not_leave(
    undisturbed: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a shard that never ran counts, nor one whose rows are torn or partly there."""
    database, expected = undisturbed
    monkeypatch.setattr(pipeline, "ROWS_KEPT", 10)
    cache, out = LocalStorage(tmp_path / "shared"), LocalStorage(tmp_path / "out")
    made = plan(database, cache, shards=3)
    assert made.pieces(1) == [(16, 24), (24, 33)]
    shard(made, cache, 0)
    shard(made, cache, 1)
    [*_, torn] = sorted(cache.list(f"work/{made.run_id}/neighbors/"))
    cache.write(torn, cache.read(torn)[:-1])
    with pytest.raises(MissingShards, match=f"`shard --plan {made.run_id} --index") as refused:
        finish(made, cache, out)
    assert refused.value.exit_code == 4
    assert "2 (recipes 34 to 50)" in str(refused.value)
    assert len(refused.value.shards) == 2
    assert out.list("") == []

    events: list[Any] = []
    finish(made, cache, out, complete=True, on_event=events.append)
    (search,) = [e for e in events if (e.stage, e.state) == ("neighbors", "finished")]
    assert search.detail == "3 of 6 parts were there"
    assert published(tmp_path / "out") == expected


def test_a_shard_that_is_run_again_goes_on_where_it_stopped(
    undisturbed: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, _ = undisturbed
    monkeypatch.setattr(pipeline, "ROWS_KEPT", 10)
    cache = LocalStorage(tmp_path / "shared")
    made = plan(database, cache, shards=1)
    found = f"work/{made.run_id}/neighbors/"

    def stop(event: Any) -> None:
        if len(cache.list(found)) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shard(made, cache, 0, on_event=stop)
    first = {key: (tmp_path / "shared" / key).stat().st_ino for key in cache.list(found)}
    assert 2 <= len(first) < 5
    shard(made, cache, 0)
    after = {key: (tmp_path / "shared" / key).stat().st_ino for key in cache.list(found)}
    assert len(after) == 5
    assert after.items() >= first.items(), "what was kept was not written again"


def test_plans_in_one_cache_never_mix(
    undisturbed: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """Also where both read the same database: the first to finish takes nothing of the other's."""
    database, expected = undisturbed
    cache = LocalStorage(tmp_path / "shared")
    first, second = (plan(database, cache, shards=2) for _ in range(2))
    for made in (first, second):
        for index in range(2):
            shard(made, cache, index)
    finish(first, cache, LocalStorage(tmp_path / "one"))
    assert read_plan(cache) == second
    assert all(
        key.startswith((f"work/{second.run_id}/", "work/used/", "work/plan.json"))
        for key in cache.list("work/")
    )
    finish(second, cache, LocalStorage(tmp_path / "two"))
    assert all(key.startswith("work/used/") for key in cache.list("work/"))
    assert published(tmp_path / "one") == published(tmp_path / "two") == expected


@pytest.mark.parametrize("pointer", [None, b"[]"])
def test_a_plan_removes_itself_though_nothing_names_it_as_the_latest(
    pointer: bytes | None, tmp_path: Path
) -> None:
    """A later plan was through before it, or its own removal was cut short."""
    database = write_database(tmp_path / "bar.db")
    cache, out = LocalStorage(tmp_path / "shared"), LocalStorage(tmp_path / "out")
    first, second = (plan(database, cache, settings=PLAIN) for _ in range(2))
    for made in (second, first):
        shard(made, cache, 0)
        finish(made, cache, out)
        if pointer is not None:
            cache.write(pipeline.LATEST_KEY, pointer)
    left = {key for key in cache.list("work/") if not key.startswith("work/used/")}
    assert left == (set() if pointer is None else {pipeline.LATEST_KEY})


def test_a_plan_that_was_made_anew_while_shards_ran_is_refused_not_mixed(tmp_path: Path) -> None:
    """Some shards of the old plan, the rest of the new one: rows of two databases."""
    database = write_database(tmp_path / "bar.db")
    cache, out = LocalStorage(tmp_path / "shared"), LocalStorage(tmp_path / "out")
    old = plan(database, cache, settings=PLAIN, shards=2)
    shard(old, cache, 0)
    change(database, "UPDATE recipes SET name = name || ' again'")
    new = plan(database, cache, settings=PLAIN, shards=2, run_id=old.run_id)
    shard(new, cache, 1)
    for made in (old, new):
        with pytest.raises(MissingShards):
            finish(made, cache, out)


@pytest.mark.parametrize("superseded", [False, True])
def test_finish_killed_after_publishing_is_done_when_it_is_run_again(
    superseded: bool, tmp_path: Path
) -> None:
    database = write_database(tmp_path / "bar.db")
    cache, out = LocalStorage(tmp_path / "shared"), LocalStorage(tmp_path / "out")
    made = plan(database, cache, settings=PLAIN)
    shard(made, cache, 0)
    if superseded:
        made = replace(made, generated_at="2026-01-01T00:00:00+00:00")
        newer = refresh(database, out, settings=PLAIN)

    def die(event: Any) -> None:
        if event.stage == "cleaning":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.finish(made, cache, out, on_event=die)
    for key in cache.list(f"work/{made.run_id}/neighbors/"):
        cache.delete(key)  # as if it had died half-way
    again = pipeline.finish(made, cache, out)
    assert again.manifest["run_id"] == made.run_id
    assert cache.list(f"work/{made.run_id}/") == []
    words = ("finish", "--workspace", cache.folder, "--output", out.folder, "--plan")
    done = run(*words, made.run_id)  # killed at its very end, with the plan removed
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run_id"] == made.run_id
    assert run(*words, "20260301T115000Z-1a2b3c").returncode == 4
    there = read_published(out)["manifest"]["run_id"]
    assert there == (newer.run_id if superseded else made.run_id)


def test_the_plan_decides_how_many_of_the_machines_are_needed(
    undisturbed: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    database, expected = undisturbed
    cache, out = LocalStorage(tmp_path / "shared"), tmp_path / "out"
    all_of_them = plan(database, cache, shards=5, shard_minutes=1e-9)
    assert (all_of_them.shards, all_of_them.most) == (5, 5)
    one = plan(database, cache, shards=5, shard_minutes=1e9)
    assert (one.shards, one.most) == (1, 5)
    assert one.search_seconds is not None
    assert one.search_seconds > 0
    options = ("--workspace", cache.url, "--plan", one.run_id)
    for index, code in ((4, 0), (0, 0), (5, 2)):
        done = run("shard", *options, AWS_BATCH_JOB_ARRAY_INDEX=str(index))
        assert done.returncode == code, done.stderr
    done = run("finish", "--output", out, *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["search_seconds"] == one.search_seconds
    assert published(out) == expected
    with pytest.raises(ValueError, match="shard_minutes"):
        plan(database, cache, shard_minutes=0.0)


@pytest.mark.parametrize("bad", ["cost", "used", "../x", "20260301T115000Z", "A" * 200, ""])
def test_a_plans_id_cannot_be_another_folder(bad: str, tmp_path: Path) -> None:
    cache = LocalStorage(tmp_path / "shared")
    with pytest.raises(ValueError, match="is no id of a plan"):
        plan(write_database(tmp_path / "bar.db"), cache, settings=PLAIN, run_id=bad)
    for command in ("shard", "finish"):
        words = ["--workspace", cache.url, "--plan", bad, "--output", cache.url]
        done = run(command, *words, *(["--index", "0"] if command == "shard" else []))
        assert done.returncode == 2, done.stderr


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
    made = plan(database, cache, settings=PLAIN, shards=2, shard_minutes=5)
    assert made.shards == 1
    shard(made, cache, 0)
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
    shard(second, cache, 0)
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
    with pytest.raises(NotFound, match="there is no plan 20260301T115000Z-1a2b3c"):
        read_plan(cache, "20260301T115000Z-1a2b3c")
    own = f"work/{made.run_id}/plan.json"
    whole, latest = cache.read(own), cache.read(pipeline.LATEST_KEY)
    for key, contents in (
        (own, (b"", b"[]", whole[:-20], whole.replace(b'"rows"', b'"lines"'))),
        (pipeline.LATEST_KEY, (b"", b"[]", latest[:-5], b'{"run_id": "cost"}', b'{"run_id": 3}')),
    ):
        for damaged in contents:
            cache.write(key, damaged)
            with pytest.raises(StorageError, match="damaged"):
                read_plan(cache)
        cache.write(own, whole)
    assert read_plan(cache, made.run_id) == made
    cache.write(pipeline.LATEST_KEY, latest)
    cache.write(own, whole.replace(made.code.encode(), b"0" * 64))
    with pytest.raises(AnalyticsError, match="another version of the code"):
        read_plan(cache)


def test_inputs_that_were_removed_are_named(tmp_path: Path) -> None:
    cache = LocalStorage(tmp_path / "shared")
    made = plan(write_database(tmp_path / "bar.db"), cache, settings=PLAIN)
    for key in cache.list(f"work/{made.run_id}/inputs/"):
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
