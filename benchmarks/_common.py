"""What the benchmarks share: the machine, the databases, timing, processes, the file of results."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
SCRATCH = BUILD / "bench"
RESULTS = BUILD / "bench.json"
RECIPES = 1400  # the size the goals speak of

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Process:
    """What a finished process took."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    stages: dict[str, float]

    def figures(self) -> Figures:
        """Return everything as JSON can write it."""
        spent = sum(self.stages.values())
        return {
            "wall_seconds": round(self.wall_seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "peak_mb": round(self.peak_mb, 1),
            "stages": {**self.stages, "start and imports": round(self.wall_seconds - spent, 3)},
        }


def cores() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> Figures:
    """Describe where and with what the figures are measured, and how busy the machine is."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    packages = ("numpy", "numba", "scipy", "POT")
    return {
        "cores": cores(),
        "cpu": model,
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
    }


def machine_line(facts: Mapping[str, Any]) -> str:
    """Return `machine` as one line."""
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return (
        f"{facts['cores']} cores, {facts['cpu']}, {facts['system']},"
        f" load {facts['load']}; {versions}"
    )


def database(recipes: int = RECIPES) -> Path:
    """Return a generated database of that many recipes; it is kept until the generator changes."""
    import analytics_core.sample as sample

    folder = Path(sample.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.is_file():
            digest.update(file.read_bytes())
    path = SCRATCH / f"recipes-{recipes}-{digest.hexdigest()[:12]}.db"
    if not path.exists():
        SCRATCH.mkdir(parents=True, exist_ok=True)
        sample.write_sample_database(path, recipes=recipes, seed=0)
    return path


def interleaved(
    contenders: Mapping[str, Callable[[], float]], *, rounds: int
) -> dict[str, list[float]]:
    """Measure contenders in turn, A B A B, so that a busy spell of the machine meets them all.

    Each is called once beforehand, unmeasured. A contender returns its own measure.
    """
    for run in contenders.values():
        run()
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            measured[name].append(run())
    return measured


def seconds_of(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median(values: Sequence[float]) -> float:
    """Return the median as a plain float."""
    return float(statistics.median(values))


def run_refresh(
    path: Path, output: Path, *, compile_cache: Path, arguments: Sequence[str] = ()
) -> Process:
    """Refresh a database in a process of its own.

    Parameters
    ----------
    path : Path
        The database.
    output : Path
        A new folder, or that of the set before.
    compile_cache : Path
        Where Numba keeps compiled functions, and Python its byte code.
    arguments : sequence of str
        More of the command line.
    """
    output.mkdir(parents=True, exist_ok=True)
    words = ["refresh", "--db", path, "--output", output, *arguments]
    return run_program(words, output / "stderr.jsonl", compile_cache=compile_cache)


def run_program(words: Sequence[object], log: Path, *, compile_cache: Path) -> Process:
    """Run the package's command line in a process of its own, its log in a file.

    Parameters
    ----------
    words : sequence
        The command and its options.
    log : Path
        Where the lines go.
    compile_cache : Path
        Where Numba keeps compiled functions.
    """
    others = ("ANALYTICS_", "NUMBA_", "PYTHONDONTWRITEBYTECODE")
    settings = {k: v for k, v in os.environ.items() if not k.startswith(others)}
    command = [sys.executable, "-m", "analytics_core", *map(str, words)]
    with log.open("wb") as stderr:
        # Linux counts the parent's pages in a child's peak until exec: a small process starts it.
        done = subprocess.run(
            [sys.executable, "-S", str(Path(__file__).with_name("_launch.py")), *command],
            env={
                **settings,
                "NUMBA_CACHE_DIR": str(compile_cache),
                "PYTHONPYCACHEPREFIX": str(compile_cache / "python"),
            },
            stdout=subprocess.PIPE,
            stderr=stderr,
            check=False,
        )
    told = log.read_text(encoding="utf-8")
    usage = json.loads(done.stdout)
    if usage["exit_code"]:
        code = usage["exit_code"]
        raise SystemExit(f"`{words[0]}` failed with exit code {code}:\n{told[-2000:]}")
    events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return Process(
        wall_seconds=usage["wall_seconds"],
        cpu_seconds=usage["cpu_seconds"],
        peak_mb=usage["peak_bytes"] / 1e6,
        stages={e["stage"]: e["seconds"] for e in events if e.get("event") == "stage.finished"},
    )


def stage_table(title: str, runs: Mapping[str, Figures]) -> Table:
    """Build a table of stages, one column of seconds a run."""
    table = Table(title=title, title_justify="left")
    table.add_column("stage")
    for name in runs:
        table.add_column(f"{name}, s", justify="right")
    stages = dict.fromkeys(stage for run in runs.values() for stage in run["stages"])
    for stage in stages:
        table.add_row(stage, *(f"{run['stages'].get(stage, 0):.2f}" for run in runs.values()))
    table.add_section()
    table.add_row("wall", *(f"{run['wall_seconds']:.2f}" for run in runs.values()))
    table.add_row("CPU time", *(f"{run['cpu_seconds']:.2f}" for run in runs.values()))
    table.add_row("peak memory, MB", *(f"{run['peak_mb']:.0f}" for run in runs.values()))
    return table


def console() -> Console:
    """Return a console that does not squeeze tables when output goes to a file."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=110)


def load_results() -> dict[str, Figures]:
    """Return the kept results by name of the benchmark."""
    try:
        kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {
        name: result
        for name, result in kept.items()
        if isinstance(result, dict) and "figures" in result
    }


def keep_result(name: str, figures: Figures, *, facts: Figures, quick: bool) -> None:
    """Write one benchmark's figures beside those of the others."""
    kept = load_results()
    kept[name] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": facts,
        "figures": figures,
    }
    BUILD.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
