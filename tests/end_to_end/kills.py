"""SIGKILL at random instants of a refresh, alone or shared, in a folder or in S3."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analytics_core.store import Storage
from tests.end_to_end.running import SECONDS, documents, kill, started, steps, watched


@dataclass
class Figures:
    """What came of killing."""

    kills: int = 0
    published: int = 0
    sets_read: int = 0
    by_command: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def kill_at_random(
    database: Path,
    output: Storage,
    workspace: str,
    *,
    kills: int,
    shards: int = 0,
    seed: int = 1,
    env: Mapping[str, str] | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Figures:
    """Kill refreshes until there were so many kills, then let one end; compare it with the first.

    Each command is begun again where it was killed, as Batch does; after three kills it is let
    through, so that publishing and cleaning are killed as often as reading is. Each refresh has a
    workspace of its own, in which nothing is kept yet: every stage works, and is killed.
    """
    draw, figures = random.Random(seed), Figures()
    lasted: dict[str, float] = {}
    for name in ("first", "second"):  # undisturbed; the second begins with the maps of the first
        for command in steps(database, output.url, f"{workspace}/{name}", shards):
            begin = time.monotonic()
            _through(command, env, figures)
            lasted[str(command[0])] = time.monotonic() - begin
    expected = documents(output)
    with watched(output) as watch:
        while figures.kills < kills and go_on():
            own = f"{workspace}/{figures.published}"
            for command in steps(database, output.url, own, shards):
                name = str(command[0])
                for _ in range(3):
                    with started(*command, env=env) as process:
                        try:
                            process.communicate(timeout=draw.random() * lasted[name])
                        except subprocess.TimeoutExpired:
                            kill(process)
                            figures.kills += 1
                            figures.by_command[name] += 1
                            continue
                    if process.returncode == 0:
                        break
                    figures.faults.append(f"{name} ended with {process.returncode}")
                else:
                    _through(command, env, figures)
            figures.published += 1
            if documents(output) != expected:
                figures.faults.append(f"other documents after {figures.kills} kills")
    figures.sets_read = watch.sets
    figures.faults += watch.faults
    return figures


def _through(command: Sequence[object], env: Mapping[str, str] | None, figures: Figures) -> None:
    with started(*command, env=env) as process:
        _, told = process.communicate(timeout=SECONDS)
        if process.returncode:
            figures.faults.append(f"{command}: {process.returncode}: {told[-2000:]}")
