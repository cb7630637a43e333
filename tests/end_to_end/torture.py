"""Everything that may befall a refresh, in full numbers and unattended: ``make torture``.

Each part goes on until its number is reached or its share of the time is over; what was reached
is written down, with the processor and the date, as JSON and as the tables of
``docs/reliability.md``. The exit code is 1 where anything was a fault, and where the time did not
suffice for a number.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analytics_core.store import LocalStorage, S3Storage, Storage
from tests.analytics_core.databases import cut_down_sample
from tests.analytics_core.layout_files import LAYOUTS
from tests.end_to_end.failing import Figures as FailingFigures
from tests.end_to_end.failing import fail_in_turn, ways
from tests.end_to_end.faulty_store import FAULTS
from tests.end_to_end.fuzzing import fuzz
from tests.end_to_end.guided import TARGETS, explore
from tests.end_to_end.kills import kill_at_random
from tests.end_to_end.racing import race
from tests.end_to_end.stopping import stop_at_random
from tests.end_to_end.writing import MODES, snapshots
from tests.servers import AwsServer, aws_server

KILLS = 200
FUZZED = 10_000
RACES = 100
SNAPSHOTS = 500
WRITING_SECONDS = 600
LARGE_SNAPSHOTS = 20
LARGE_MB = 1000
STOPS = 100
LARGE_STOPS = 24
LARGE_RECIPES = 100_000
GUIDED_SECONDS = 60
NEEDS = {
    "kills": 8,
    "fuzz": 8,
    "guided": 4,
    "failing": 14,
    "racing": 20,
    "writing": 24,
    "stops": 4,
    "large-stops": 11,
    "suites": 5,
}
"""Minutes that are kept for each part, on two cores: what it took, and a little more. One may take
longer, as long as those that follow have theirs."""
SUITES = (
    "tests/trigger/test_fuzzing.py",
    "tests/analytics_core/test_needs.py",
    "tests/analytics_core/console/test_hostile.py",
    "tests/analytics_core/report/test_hostile.py",
)
"""Slow tests that have full numbers of their own: random events, memory, hostile names."""

Report = dict[str, Any]
GoOn = Callable[[], bool]


@dataclass(frozen=True)
class Budget:
    """The time of a part."""

    seconds: float
    begin: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(0.0, self.begin + self.seconds - time.monotonic())

    def __call__(self, share: float) -> GoOn:
        """Return what says whether a share of the time that is left now is not over yet."""
        end = time.monotonic() + share * self.left
        return lambda: time.monotonic() < end


@contextmanager
def bucket(name: str, *, atomic: bool = False) -> Iterator[tuple[AwsServer, Callable[[], Storage]]]:
    """Start a store with one bucket."""
    with aws_server(atomic=atomic) as server:
        server.client("s3").create_bucket(Bucket=name)
        yield server, lambda: S3Storage(name, "out", server.client("s3"))


def row(case: str, wanted: int, reached: int, found: Any) -> Report:
    """Report a case; where the time did not suffice for its number, that is a shortfall."""
    return {"case": case, "wanted": wanted, "reached": reached, **vars(found)}


def kills(size: float, folder: Path, go_on: Budget) -> Iterator[Report]:
    """SIGKILL at random instants, alone and shared, in a folder and in S3."""
    database = cut_down_sample(folder / "kills.db", 40)
    wanted = max(1, round(KILLS * size / 4))
    for shards, of_the_rest in ((0, (1 / 3, 1 / 2)), (3, (2 / 3, 1))):
        place = LocalStorage(folder / f"killed-{shards}")
        found = kill_at_random(
            database,
            place,
            str(folder / f"work-{shards}"),
            kills=wanted,
            shards=shards,
            seed=shards,
            go_on=go_on(of_the_rest[0]),
        )
        yield row(f"folder, {shards or 'no'} shards", wanted, found.kills, found)
        with bucket("killed") as (server, opened):
            found = kill_at_random(
                database,
                opened(),
                "s3://killed/work",
                kills=wanted,
                shards=shards,
                seed=shards + 1,
                env=server.environment,
                go_on=go_on(of_the_rest[1]),
            )
            yield row(f"S3, {shards or 'no'} shards", wanted, found.kills, found)


def fuzzed(size: float, _folder: Path, go_on: Budget) -> Iterator[Report]:
    """Read broken databases, two layouts at a time."""
    wanted = max(1, round(FUZZED * size))
    with ThreadPoolExecutor(2) as pool:
        # each has a quarter of the work and half of the machine; the last two, what is left
        shares = (2 / 3, 2 / 3, 1, 1)
        tasks = [
            pool.submit(lambda one, of: fuzz(one, 0, wanted, go_on=go_on(of)), layout, share)
            for layout, share in zip(LAYOUTS, shares, strict=True)
        ]
        for layout, task in zip(LAYOUTS, tasks, strict=True):
            found = task.result()
            yield row(layout, wanted, sum(found.outcomes.values()), found)


def guided(size: float, _folder: Path, go_on: Budget) -> Iterator[Report]:
    """Let coverage lead the fuzzing of each reader, two at a time."""
    if not importlib.util.find_spec("atheris"):
        yield {"case": "not run: atheris is not installed here", "faults": []}
        return
    seconds = min(size * GUIDED_SECONDS, 2 * go_on.seconds / len(TARGETS))
    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(explore, target, seconds=seconds) for target in TARGETS]
        for target, task in zip(TARGETS, tasks, strict=True):
            yield {"case": target, "seconds": round(seconds), **vars(task.result())}


def failing(size: float, folder: Path, go_on: Budget) -> Iterator[Report]:
    """Each call to the store fails in each way, six ways at a time: they mostly wait."""
    each, end = max(1, round(1 / size)), time.monotonic() + go_on.seconds
    longest_first = sorted(FAULTS, key=lambda fault: not fault.startswith("slow"))
    spawn = multiprocessing.get_context("spawn")
    with bucket("failing") as (server, _), ProcessPoolExecutor(6, mp_context=spawn) as pool:
        tasks = [
            pool.submit(fail_one_way, fault, server, folder, each, end) for fault in longest_first
        ]
        for fault, task in zip(longest_first, tasks, strict=True):
            which = f", every {each}. call" if each > 1 else ""
            found = task.result()
            wanted = len(range(1 % each, found.calls, each)) * len(ways(fault))
            yield row(f"{fault}{which}", wanted, found.tried, found)


def fail_one_way(
    fault: str, server: AwsServer, folder: Path, each: int, end: float
) -> FailingFigures:
    """Let calls fail in one way, in a process of its own, until the clock shows `end`."""
    database = cut_down_sample(folder / f"{fault}.db", 40)
    return fail_in_turn(
        server,
        "failing",
        database,
        prefix=fault,
        each=each,
        faults=(fault,),
        go_on=lambda: time.monotonic() < end,
    )


def races(size: float, folder: Path, go_on: Budget) -> Iterator[Report]:
    """Two and ten at once, into a folder and into S3."""
    wanted, database = max(1, round(RACES * size)), cut_down_sample(folder / "raced.db", 12)
    for racers, in_folder, in_s3 in ((2, 0.2, 0.3), (10, 0.4, 1.0)):
        place = str(folder / f"raced-{racers}")
        found = race(place, database, racers=racers, rounds=wanted, go_on=go_on(in_folder))
        yield row(f"folder, {racers} at once", wanted, found.rounds, found)
        with bucket("raced", atomic=True) as (server, opened):
            found = race(
                opened().url,
                database,
                client=server.client("s3"),
                env=server.environment,
                racers=racers,
                rounds=wanted,
                go_on=go_on(in_s3),
            )
            yield row(f"S3, {racers} at once", wanted, found.rounds, found)


def written(size: float, folder: Path, go_on: Budget) -> Iterator[Report]:
    """Snapshots while a writer never rests, two journal modes at a time; then of a large file."""
    folder.chmod(0o755)  # another user passes through
    seconds = min(WRITING_SECONDS * size, 0.35 * go_on.seconds)
    cases: list[tuple[str, dict[str, Any]]] = [(mode, {"mode": mode}) for mode in MODES]
    mounted = [(f"{mode}, read-only mount, another user", {"mode": mode}) for mode in MODES[::3]]
    if os.geteuid() == 0 and shutil.which("unshare"):
        cases += [(name, {**chosen, "read_only": True}) for name, chosen in mounted]
    wanted = max(1, round(SNAPSHOTS * size))
    with ThreadPoolExecutor(2) as pool:
        tasks = [
            pool.submit(
                lambda number, chosen: snapshots(
                    folder / f"written-{number}",
                    wanted=wanted,
                    seconds=seconds if "read_only" not in chosen else 0,
                    go_on=go_on(0.6),
                    **chosen,
                ),
                number,
                chosen,
            )
            for number, (_, chosen) in enumerate(cases)
        ]
        for (name, _), task in zip(cases, tasks, strict=True):
            found = task.result()
            yield row(name, wanted, found.snapshots, found)
    if len(cases) == len(MODES):
        yield {"case": "read-only mount: not run, only root can mount", "faults": []}
    wanted, large = max(1, round(LARGE_SNAPSHOTS * size)), max(1, round(LARGE_MB * min(1, size)))
    for mode, share in zip(MODES[::3], (1 / 2, 1), strict=True):
        found = snapshots(
            folder / f"large-{mode}", mode, wanted=wanted, ballast_mb=large, go_on=go_on(share)
        )
        yield row(f"{mode}, {large:,} MB", wanted, found.snapshots, found)


def stops(size: float, folder: Path, go_on: Budget) -> Iterator[Report]:
    """SIGTERM at random instants of every stage."""
    yield _stopped(2000, max(1, round(STOPS * size)), folder, go_on)


def large_stops(size: float, folder: Path, go_on: Budget) -> Iterator[Report]:
    """SIGTERM at random instants of every stage of a large refresh."""
    recipes = round(LARGE_RECIPES * min(1, max(size, 0.02)))
    yield _stopped(recipes, max(1, round(LARGE_STOPS * size)), folder, go_on)


def _stopped(recipes: int, wanted: int, folder: Path, go_on: Budget) -> Report:
    found = stop_at_random(folder / "stopped", wanted=wanted, recipes=recipes, go_on=go_on(1))
    return row(f"{recipes:,} recipes", wanted, found.stops, found)


def suites(_size: float, _folder: Path, _go_on: Budget) -> Iterator[Report]:
    """Run the slow tests that belong here, one file after the other."""
    for path in SUITES:
        words = [sys.executable, "-m", "pytest", "-q", "-m", "slow or not slow", path]
        ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
        last = ended.stdout.strip().splitlines()[-1:]
        faults = [ended.stdout[-3000:]] if ended.returncode else []
        yield {"case": path, "said": last[0] if last else "", "faults": faults}


PARTS = {
    "kills": kills,
    "fuzz": fuzzed,
    "guided": guided,
    "failing": failing,
    "racing": races,
    "writing": written,
    "stops": stops,
    "large-stops": large_stops,
    "suites": suites,
}


def processor() -> str:
    """Return what the machine says of its processor."""
    with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{named[0] if named else platform.machine()}, {os.cpu_count()} cores"


def as_markdown(told: Report) -> str:
    """Return the figures as tables."""
    lines = [f"{told['date']}, {told['processor']}, `{told['command']}`", ""]
    for part, rows in told["parts"].items():
        names = list(dict.fromkeys(name for row in rows for name in row))
        lines += ["", f"### {part}", "", f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
        for row in rows:
            cells = (row.get(name, "") for name in names)
            lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {count}" for name, count in value.items()) or "none"
    if isinstance(value, list):
        return str(len(value)) if value else "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> int:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.end_to_end.torture", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--size", type=float, default=1.0, help="share of the full numbers")
    parser.add_argument("--minutes", type=float, default=110, help="time for all parts together")
    parser.add_argument("--output", type=Path, default=Path("build/torture"))
    given = parser.parse_args()
    chosen = [part for part in PARTS if not given.parts or part in given.parts]
    whole = Budget(given.minutes * 60)
    usual = min(60, whole.seconds / sum(NEEDS[part] for part in chosen))
    words = " ".join(sys.argv[1:])
    told: Report = {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "command": f"python -m tests.end_to_end.torture {words}".strip(),
        "parts": {},
    }
    given.output.mkdir(parents=True, exist_ok=True)
    for place, part in enumerate(chosen):
        kept = usual * sum(NEEDS[other] for other in chosen[place + 1 :])
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            rows = []
            for row in PARTS[part](given.size, Path(folder), Budget(max(0.0, whole.left - kept))):
                print(json.dumps(row, ensure_ascii=False), flush=True)
                rows.append(row)
        told["parts"][part] = rows
        told[f"{part}_seconds"] = round(time.monotonic() - begin)
        (given.output / "figures.json").write_text(json.dumps(told, indent=1, ensure_ascii=False))
        (given.output / "figures.md").write_text(as_markdown(told))
    wrong = [
        f"{part}, {one['case']}: {one.get('reached')} of {one.get('wanted')}; {one['faults']}"
        for part, reported in told["parts"].items()
        for one in reported
        if one["faults"] or one.get("reached", 0) < one.get("wanted", 0)
    ]
    print("\n".join(["short of the number, or with faults:", *wrong] if wrong else ["all well"]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
