"""Stages that remember: in one process, across a crash, with damage in the cache."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics_core.console.run import running
from analytics_core.pipeline import RefreshSettings, refresh
from analytics_core.stages import Stages, pack, unpack
from analytics_core.store import LocalStorage, read_published
from analytics_core.store.cache import Cache
from tests.analytics_core.databases import EACH, OUNCE, change, write_database

KEPT = ["cost", "neighbors", "map"]
PLAIN = RefreshSettings(page=False)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(LocalStorage(tmp_path / "work-here"))


def test_work_is_done_once_for_one_fingerprint(cache: Cache) -> None:
    calls: list[int] = []
    events: list[Any] = []

    def work() -> Any:
        calls.append(1)
        return {"x": np.arange(3.0), "n": np.array(7)}

    stages = Stages(cache, events.append)
    first = stages.cached("cost", "a" * 64, work)
    second = stages.cached("cost", "a" * 64, work)
    assert len(calls) == 1
    assert second["x"].tobytes() == first["x"].tobytes()
    assert int(second["n"]) == 7
    assert [(e.stage, e.state) for e in events] == [
        ("cost", "started"),
        ("cost", "finished"),
        ("cost", "started"),
        ("cost", "reused"),
    ]
    assert [(t["name"], t["reused"]) for t in stages.timings] == [("cost", False), ("cost", True)]
    assert all(t["seconds"] >= 0 for t in stages.timings)
    stages.cached("cost", "b" * 64, work)
    stages.cached("map", "a" * 64, work)
    assert len(calls) == 3


def test_a_stage_that_fails_leaves_nothing_and_is_not_timed(cache: Cache) -> None:
    def fail() -> Any:
        raise RuntimeError("spilled")

    events: list[Any] = []
    stages = Stages(cache, events.append)
    for attempt in (
        lambda: stages.run("catalog", fail),
        lambda: stages.cached("cost", "c" * 64, fail),
    ):
        with pytest.raises(RuntimeError, match="spilled"):
            attempt()
    assert stages.timings == []
    assert cache.load("cost", "c" * 64) is None
    assert {e.state for e in events} == {"started"}


def test_each_part_is_kept_as_soon_as_it_is_done(cache: Cache) -> None:
    events: list[Any] = []
    calls: list[int] = []

    def part(number: int, fails: bool = False) -> Any:
        def work() -> Any:
            calls.append(number)
            if fails:
                raise RuntimeError("spilled")
            return {"n": np.array(number)}

        return f"{number:064}", work

    stages = Stages(cache, events.append)
    with pytest.raises(RuntimeError, match="spilled"):
        stages.cached_parts("neighbors", [part(0), part(1, fails=True), part(2)])
    found = stages.cached_parts("neighbors", [part(0), part(1), part(2)])
    assert [int(arrays["n"]) for arrays in found] == [0, 1, 2]
    assert calls == [0, 1, 1, 2]
    assert [(e.state, e.detail) for e in events] == [
        ("started", ""),
        ("started", ""),
        ("finished", "1 of 3 parts were there"),
    ]
    stages.cached_parts("neighbors", [part(2), part(0)])
    assert events[-1].state == "reused"
    assert [timing["reused"] for timing in stages.timings] == [False, True]
    assert stages.cached_parts("neighbors", []) == []


def test_run_passes_the_result_on_and_tells_its_detail(cache: Cache) -> None:
    events: list[Any] = []
    stages = Stages(cache, events.append)
    assert stages.run("catalog", lambda: 41, detail=lambda n: f"{n} recipes") == 41
    assert events[-1].detail == "41 recipes"
    stages.progress("cost")(2, 5)
    assert (events[-1].state, events[-1].done, events[-1].total) == ("progress", 2, 5)


class Clock:
    """Stands in for `time`; each look at it takes one second longer than the one before."""

    def __init__(self) -> None:
        self.now, self.looks = 0, 0

    def perf_counter(self) -> float:
        self.now += self.looks
        self.looks += 1
        return float(self.now)

    def work(self, seconds: int) -> None:
        self.now += seconds


def test_a_stage_takes_the_seconds_of_its_own_work(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("analytics_core.stages.time", clock)
    events: list[Any] = []
    stages = Stages(cache, events.append)

    def part(seconds: int) -> Any:
        def work() -> Any:
            clock.work(seconds)
            return {"n": np.array(seconds)}

        return f"{seconds:064}", work

    stages.run("catalog", lambda: clock.work(100))
    clock.work(5000)  # between stages: nobody's
    stages.cached("cost", *part(1000))
    stages.cached_parts("neighbors", [part(200), part(300)])
    stages.cached("cost", *part(1000))
    # the look at the end of each stage adds 1, 3, 5, 7
    expected = [("catalog", 101.0), ("cost", 1003.0), ("neighbors", 505.0), ("cost", 7.0)]
    assert [(t["name"], t["seconds"]) for t in stages.timings] == expected
    ended = [(e.stage, e.seconds) for e in events if e.state in {"finished", "reused"}]
    assert ended == expected
    assert {e.seconds for e in events if e.state == "started"} == {0.0}


def test_the_manifest_and_the_metrics_tell_each_stages_own_seconds(
    database: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Stages follow each other, and each looks at the clock twice: 1, 3, 5, … seconds."""
    monkeypatch.setenv("ANALYTICS_METRICS", "StageDuration")
    storage = LocalStorage(tmp_path / "out")

    def told() -> dict[str, float]:
        monkeypatch.setattr("analytics_core.stages.time", Clock())
        with running("refresh") as run:
            run.publish(
                lambda on_event: refresh(database, storage, settings=PLAIN, on_event=on_event),
                cache=storage,
            )
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        return {m["Stage"]: m["StageDuration"] for m in lines if m["event"] == "metrics"}

    first = told()
    assert list(first.values()) == [2.0 * number + 1 for number in range(len(first))]
    stages = read_published(storage)["manifest"]["stages"]
    assert {s["name"]: s["seconds"] for s in stages}.items() <= first.items()
    assert len(stages) > len(KEPT)
    told()  # which begins its map where the first one ended
    again = told()
    assert again.keys() == first.keys() - set(KEPT)  # what was reused was not done
    assert again == {name: first[name] for name in again}


def test_packing_keeps_every_bit_and_runs_no_code() -> None:
    arrays = {
        "floats": np.array([0.1, -0.0, 5e-324]),
        "ids": np.array([[1, 2]], np.int32),
        "none": np.empty((0, 3)),
    }
    back = unpack(pack(arrays))
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()
    with pytest.raises(ValueError, match="pickle"):
        unpack(pack({"evil": np.array([{"a": 1}], dtype=object)}))


def states(
    database: Path, output: LocalStorage, settings: RefreshSettings = PLAIN, **more: Any
) -> Any:
    """Refresh; return {stage: "finished" or "reused"}."""
    events: list[Any] = []
    refresh(database, output, settings=settings, on_event=events.append, **more)
    return {e.stage: e.state for e in events if e.state in ("finished", "reused")}


def reused(told: Any) -> Any:
    return [stage for stage, state in told.items() if state == "reused"]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return write_database(tmp_path / "bar.db")


CRASHING = """
    import os, signal, sys
    from analytics_core.pipeline import RefreshSettings, refresh
    from analytics_core.store import LocalStorage

    def on_event(event):
        if (event.stage, event.state) == ("cost", "finished"):
            print("cost is done", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    refresh(sys.argv[1], LocalStorage(sys.argv[2]), settings=RefreshSettings(page=False),
            on_event=on_event)
    print("never printed")
"""


def test_a_retry_after_a_crash_goes_on_from_the_last_finished_stage(
    database: Path, tmp_path: Path
) -> None:
    crashed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CRASHING), database, tmp_path / "out"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert crashed.returncode == -signal.SIGKILL, crashed.stderr
    assert crashed.stdout == "cost is done\n"
    assert not (tmp_path / "out" / "analytics").exists()  # nothing was published
    told = states(database, LocalStorage(tmp_path / "out"))
    assert reused(told) == ["cost"]
    manifest = read_published(LocalStorage(tmp_path / "out"))["manifest"]
    assert {s["name"] for s in manifest["stages"] if s["reused"]} == {"cost"}
    # and what it published is what a run that never crashed publishes
    states(database, LocalStorage(tmp_path / "calm"))
    calm = read_published(LocalStorage(tmp_path / "calm"))
    assert (
        read_published(LocalStorage(tmp_path / "out"))["recipe-similar"]["data"]
        == (calm["recipe-similar"]["data"])
    )


@pytest.mark.parametrize("damage", ["torn", "empty", "foreign", "flipped"])
def test_damaged_results_are_computed_again(damage: str, database: Path, tmp_path: Path) -> None:
    output, cache = LocalStorage(tmp_path / "out"), LocalStorage(tmp_path / "cache")
    states(database, output, cache=cache)
    before = read_published(output)["recipe-similar"]["data"]
    files = sorted((tmp_path / "cache" / "work").rglob("*.npz"))
    assert sorted(path.parent.name for path in files) == sorted(KEPT)
    for path in files:
        content = path.read_bytes()
        flipped = bytearray(content)
        flipped[-40] ^= 1
        path.write_bytes(
            {
                "torn": content[: len(content) // 2],
                "empty": b"",
                "foreign": os.urandom(200),
                "flipped": bytes(flipped),
            }[damage]
        )
    output = LocalStorage(tmp_path / "another")
    assert reused(states(database, output, cache=cache)) == []
    assert read_published(output)["recipe-similar"]["data"] == before
    output = LocalStorage(tmp_path / "third")
    assert reused(states(database, output, cache=cache)) == KEPT  # and they are whole again


def test_what_a_stage_depends_on_decides_what_is_reused(database: Path, tmp_path: Path) -> None:
    cache, runs = LocalStorage(tmp_path / "cache"), iter(range(100))

    def go(**settings: Any) -> Any:
        output = LocalStorage(tmp_path / f"out-{next(runs)}")
        chosen = RefreshSettings(page=False, **settings)
        return reused(states(database, output, chosen, cache=cache))

    line = "recipe_ingredients (recipe_id, ingredient_id, unit_id, amount)"
    change(database, f"INSERT INTO {line} VALUES (100, 3, {EACH}, 2)")  # of no size by the site
    assert go() == []
    assert go() == KEPT
    assert go(seed=7) == ["cost", "neighbors"]
    assert go(threads=1) == KEPT
    assert go(neighbors=20) == ["cost"]
    assert go(neighbors=3) == KEPT  # the map needs more than three; a list takes fewer
    assert go(cost="tree") == []
    assert go(volumes="site") == []
    assert go(volumes="poured") == KEPT
    change(database, f"UPDATE recipe_ingredients SET amount = 3 WHERE unit_id = {OUNCE}")
    assert go() == []
    change(database, "UPDATE recipes SET description = 'not read'")
    assert go() == KEPT


def test_a_map_depends_on_where_drinks_lay(database: Path, tmp_path: Path) -> None:
    output = LocalStorage(tmp_path / "out")
    assert reused(states(database, output)) == []
    assert reused(states(database, output)) == ["cost", "neighbors"]
    assert reused(states(database, output)) == KEPT  # which is where they lay before


def test_machines_may_share_a_cache(database: Path, tmp_path: Path) -> None:
    shared = LocalStorage(tmp_path / "shared")
    first = states(database, LocalStorage(tmp_path / "a"), cache=shared)
    second = states(database, LocalStorage(tmp_path / "b"), cache=shared)
    assert reused(first) == []
    assert reused(second) == KEPT
    assert not (tmp_path / "a" / "work").exists()
    a, b = (read_published(LocalStorage(tmp_path / name)) for name in "ab")
    for kind in a.keys() - {"manifest"}:
        assert a[kind]["data"] == b[kind]["data"]
