"""Many publish into one place and prune it, while readers look."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analytics_core.pipeline import refresh
from analytics_core.settings import RefreshSettings
from analytics_core.store import S3Storage, open_storage
from tests.analytics_core.test_cli import environment
from tests.end_to_end.running import watched

SETTINGS = RefreshSettings(page=False, keep_runs=2, threads=1)


@dataclass
class Figures:
    """What came of racing."""

    rounds: int = 0
    racers: int = 0
    published: int = 0
    superseded: int = 0
    sets_read: int = 0
    faults: list[str] = field(default_factory=list)


def race(
    place: str,
    database: Path,
    *,
    racers: int,
    rounds: int,
    client: Any = None,
    env: Mapping[str, str] | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Figures:
    """Let processes refresh one database into one place at once, as often as `rounds`.

    In each round every process begins at a time of its own and prunes down to two runs. They
    share what stages keep, too. Afterwards the newest that was begun must be published, and the
    stable keys be its own. `client` reads where `place` is in S3.
    """
    figures = Figures(racers=racers)
    storage = open_storage(place)
    if isinstance(storage, S3Storage):
        storage = S3Storage(storage.bucket, storage.prefix, client)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", __name__, place, str(database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(env),
        )
        for _ in range(racers)
    ]
    try:
        with watched(storage) as watch:
            while figures.rounds < rounds and go_on():
                for own, process in enumerate(processes):
                    assert process.stdin
                    process.stdin.write(f"{figures.rounds}-{own}\n")
                    process.stdin.flush()
                told: list[dict[str, Any]] = []
                for process in processes:
                    assert process.stdout
                    told.append(json.loads(process.stdout.readline()))
                figures.rounds += 1
                figures.faults += [one["fault"] for one in told if one["fault"]]
                figures.superseded += sum(one["superseded"] for one in told)
                figures.published += sum(not one["superseded"] for one in told)
                manifest = json.loads(storage.read("analytics/v1/manifest.json"))
                newest = max(one["began"] for one in told)
                if manifest["generated_at"] != newest:
                    figures.faults.append(f"published {manifest['generated_at']}, not {newest}")
                for kind, entry in manifest["documents"].items():
                    if storage.read(f"analytics/v1/{kind}.json") != storage.read(entry["key"]):
                        figures.faults.append(f"{kind}.json is not of the published run")
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    figures.sets_read = watch.sets
    figures.faults += watch.faults
    if watch.times != sorted(watch.times):
        figures.faults.append("an older run replaced a newer one")
    return figures


def _go(place: str, database: str, name: str) -> dict[str, Any]:
    draw, fault, told = random.Random(name), "", {}
    time.sleep(draw.random() * 0.05)
    try:
        told = refresh(database, open_storage(place), settings=SETTINGS, run_id=f"r{name}").manifest
    except Exception as error:  # noqa: BLE001 - the parent tells it
        fault = f"{name}: {type(error).__name__}: {error}"
    began = told.get("generated_at", "")
    return {"began": began, "superseded": "superseded_by" in told, "fault": fault}


if __name__ == "__main__":
    _, where, path = sys.argv
    for line in sys.stdin:
        print(json.dumps(_go(where, path, line.strip())), flush=True)
