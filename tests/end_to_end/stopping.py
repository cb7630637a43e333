"""SIGTERM at random instants of a refresh: exit 75 soon, and what was finished is kept."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from analytics_core.store import LocalStorage, read_published
from tests.analytics_core.databases import large_database
from tests.analytics_core.test_cli import log_lines
from tests.end_to_end.running import SECONDS, started


@dataclass
class Figures:
    """What came of stopping."""

    recipes: int = 0
    stops: int = 0
    ended_before: int = 0
    longest_seconds: float = 0.0
    in_stage: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def stop_at_random(
    folder: Path,
    *,
    wanted: int,
    recipes: int = 2000,
    seed: int = 1,
    go_on: Callable[[], bool] = lambda: True,
) -> Figures:
    """Stop a refresh, each time in a new place, so that every stage works; count the seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    draw, figures = random.Random(seed), Figures(recipes)
    database = large_database(folder / "bar.db", recipes=recipes)
    words = ("refresh", "--db", database, "--output")
    begin = time.monotonic()
    with started(*words, folder / "whole") as process:
        _, told = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, told
    whole = time.monotonic() - begin
    while figures.stops < wanted and go_on():
        out = folder / f"out-{figures.stops + figures.ended_before}"
        with started(*words, out) as process:
            time.sleep(draw.random() * whole)
            process.send_signal(signal.SIGTERM)
            asked = time.monotonic()
            _, told = process.communicate(timeout=SECONDS)
            took = time.monotonic() - asked
        if process.returncode == 0:
            figures.ended_before += 1
            continue
        figures.stops += 1
        figures.longest_seconds = max(figures.longest_seconds, round(took, 2))
        lines = log_lines(told) if "Traceback" not in told else []
        began = [line["stage"] for line in lines if line.get("event") == "stage.started"]
        figures.in_stage[began[-1] if began else "before the first"] += 1
        # before Python has come to the program's first line, nobody can have a way of stopping
        too_early = process.returncode == -signal.SIGTERM and not told
        if not too_early and (process.returncode != 75 or not lines):
            figures.faults.append(f"exit {process.returncode}: {told[-600:]}")
        if list(out.glob("analytics/v1/manifest.json")):
            read_published(LocalStorage(out))  # raises where it is not whole
    return figures
