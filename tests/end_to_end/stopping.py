"""SIGTERM at random instants of every stage of a refresh: exit 75 soon, what was finished kept."""

from __future__ import annotations

import json
import queue
import random
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analytics_core.errors import NotFound
from analytics_core.sample import write_sample_database
from analytics_core.store import LocalStorage, read_published
from tests.end_to_end.running import started

LONGEST_SECONDS = 20.0
IMPORTS = "imports"
KEPT = ("cost", "neighbors", "map")
"""Stages whose results are kept, in their order."""
_WHOLE_SECONDS = 3600
PYTHON_SECONDS = 0.3  # a busy machine needs to come to a program's first line


@dataclass
class Figures:
    """What came of stopping."""

    recipes: int = 0
    undisturbed_seconds: float = 0.0
    stops: int = 0
    ended_before: int = 0
    before_python: int = 0
    longest_seconds: float = 0.0
    in_stage: Counter[str] = field(default_factory=Counter)
    longest_in_stage: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


@dataclass
class _Run:
    """A refresh that is under way, and what it has said."""

    process: subprocess.Popen[str]
    said: list[dict[str, Any]] = field(default_factory=list)
    begun: queue.Queue[str] = field(default_factory=queue.Queue)
    other: list[str] = field(default_factory=list)

    def listen(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            try:
                told = json.loads(line)
            except ValueError:
                self.other.append(line)
                continue
            self.said.append(told)
            if told["event"] == "stage.started":
                self.begun.put(told["stage"])
        self.begun.put("")

    def reach(self, stage: str) -> bool:
        """Wait until a stage begins; False where the process ended before."""
        while (begun := self.begun.get(timeout=_WHOLE_SECONDS)) != stage:
            if not begun:
                return False
        return True

    def finished(self) -> dict[str, float]:
        """Return the seconds of each stage that has ended, or is reused."""
        ends = {"stage.finished", "stage.reused"}
        return {told["stage"]: told["seconds"] for told in self.said if told["event"] in ends}


def stop_at_random(
    folder: Path,
    *,
    wanted: int,
    recipes: int = 2000,
    seed: int = 1,
    go_on: Callable[[], bool] = lambda: True,
) -> Figures:
    """Stop refreshes in one stage after the other, the imports included; count the seconds.

    Each finds the results of the stages before the one in which it is stopped, and none after.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draw, figures = random.Random(seed), Figures(recipes)
    for size in (100, recipes):  # the first may compile; the second says how long stages last
        shutil.rmtree(folder / "kept", ignore_errors=True)
        write_sample_database(folder / "bar.db", recipes=size, overwrite=True)
        begin = time.monotonic()
        run, _ = _go(folder, folder / "out", folder / "kept", None, 0)
        assert run.process.returncode == 0, run.other
        figures.undisturbed_seconds = round(time.monotonic() - begin, 1)
        lasting = run.finished()
        shutil.rmtree(folder / "out")
    lasting = {IMPORTS: max(0.1, figures.undisturbed_seconds - sum(lasting.values()))} | lasting
    places: list[str] = []
    while figures.stops < wanted and go_on():
        places = places or draw.sample(sorted(lasting), len(lasting))
        stage = places.pop()
        out, own = folder / "out", folder / "own"
        _copy_kept(folder / "kept", own, stage, list(lasting))
        wait = draw.random() * lasting[stage]
        run, took = _go(folder, out, own, stage, wait)
        _judge(figures, run, wait, took, stage, own)
        with suppress(NotFound):
            read_published(LocalStorage(out))  # raises where it is not whole
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(own)
    return figures


def _copy_kept(kept: Path, own: Path, stage: str, order: list[str]) -> None:
    """Copy the results of the stages before one."""
    before = order[: order.index(stage)]
    own.mkdir()
    for name in KEPT:
        if name in before:
            shutil.copytree(kept / "work" / name, own / "work" / name)


def _go(folder: Path, out: Path, own: Path, stage: str | None, wait: float) -> tuple[_Run, float]:
    """Refresh; stop so long after a stage has begun. Return also how long stopping took."""
    words = ("refresh", "--db", folder / "bar.db", "--output", out, "--workspace", own)
    with started(*words) as process:
        run, took = _Run(process), 0.0
        thread = threading.Thread(target=run.listen)
        thread.start()
        if stage and (stage == IMPORTS or run.reach(stage)):
            time.sleep(wait)
            process.send_signal(signal.SIGTERM)
            asked = time.monotonic()
            process.wait(timeout=_WHOLE_SECONDS)
            took = time.monotonic() - asked
        process.wait(timeout=_WHOLE_SECONDS)
        thread.join()
    return run, took


def _judge(figures: Figures, run: _Run, wait: float, took: float, stage: str, own: Path) -> None:
    code, told = run.process.returncode, "".join(run.other)
    what = f"{stage}: exit {code} after {took:.1f} s: {told[-600:]} {run.said[-2:]}"
    if code == 0:
        figures.ended_before += 1
        if took > LONGEST_SECONDS:
            figures.faults.append(f"not stopped in {what}")
        return
    figures.stops += 1
    figures.in_stage[stage] += 1
    figures.longest_seconds = max(figures.longest_seconds, round(took, 2))
    longest = max(figures.longest_in_stage.get(stage, 0.0), round(took, 2))
    figures.longest_in_stage[stage] = longest
    if code == -signal.SIGTERM and wait < PYTHON_SECONDS and not run.said and not told:
        # before Python has come to the program's first line, nobody can have a way of stopping
        figures.before_python += 1
        return
    if code != 75 or told or not run.said:
        figures.faults.append(f"no clear end in {what}")
    if took > LONGEST_SECONDS:
        figures.faults.append(f"too slow in {what}")
    lost = [name for name in KEPT if name in run.finished() and not _has(own, name)]
    if lost:
        figures.faults.append(f"{', '.join(lost)} not kept in {what}")


def _has(own: Path, stage: str) -> bool:
    return any((own / "work" / stage).glob("*.npz"))
