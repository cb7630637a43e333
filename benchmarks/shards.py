"""A refresh shared by machines, which are processes here: what sharing costs and what it gains.

Each machine has one thread, as a vCPU of its own. The same database is refreshed by one machine;
then planned, searched by one machine and by two side by side, and finished. The stages' growth with
the number of recipes is what `benchmarks.projection` takes to larger ones; it is taken from CPU
times, which a busy machine stretches less.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks._common import SCRATCH, Figures, Process, cores, database, run_program, seconds_of

SIZES = (4_000, 16_000, 64_000)
SHARDS = 4


ROWS = {
    "one machine, CPU s": "alone_cpu_seconds",
    "plan, CPU s": "plan_cpu_seconds",
    "all shards, CPU s": "search_cpu_seconds",
    "a shard with nothing to do, CPU s": "start_cpu_seconds",
    "finish, CPU s": "finish_cpu_seconds",
    "shards by one machine, s": "search_one_seconds",
    "shards by two machines, s": "search_two_seconds",
    "times faster with two": "speedup",
    "shard, peak memory, MB": "shard_peak_mb",
    "finish, peak memory, MB": "finish_peak_mb",
    "inputs that each machine reads, MB": "inputs_mb",
    "written to the workspace, MB": "written_mb",
    "read from it, MB": "read_mb",
    "published, MB": "published_mb",
}
"""What the table shows, by the figure's name."""


def run(out: Console, *, quick: bool) -> Figures:
    """Refresh databases of growing size on one machine and on more."""
    compiled = SCRATCH / "compiled"
    sizes = (300, 900) if quick else SIZES
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        _share(database(150), Path(folder) / "first", compiled)  # fills the compiler's cache
        figures: Figures = {
            "shards": SHARDS,
            "cores": cores(),
            "sizes": {str(n): _share(database(n), Path(folder) / str(n), compiled) for n in sizes},
        }
    table = Table(title="a refresh shared by machines of one thread", title_justify="left")
    table.add_column("")
    for size in figures["sizes"]:
        table.add_column(f"{int(size):,} recipes", justify="right")
    for name, key in ROWS.items():
        table.add_row(name, *(f"{one[key]:,.2f}" for one in figures["sizes"].values()))
    out.print(table)
    return figures


def _share(path: Path, folder: Path, compiled: Path) -> Figures:
    folder.mkdir()
    work, again = folder / "work", folder / "again"

    def process(name: str, words: Sequence[object], log: str = "") -> Process:
        command = [name, "--threads", 1, *words]
        return run_program(command, folder / f"{log or name}.jsonl", compile_cache=compiled)

    def search(place: Path, index: int) -> Process:
        words = ["--index", index, "--workspace", place]
        return process("shard", words, f"shard-{index}-{place.name}")

    alone = process("refresh", ["--db", path, "--output", folder / "alone", "--no-page"])
    planned = process("plan", ["--db", path, "--shards", SHARDS, "--workspace", work, "--no-page"])
    inputs = _megabytes(work)
    shutil.copytree(work, again)
    shards: list[Process] = []

    def one_after_the_other() -> None:
        shards.extend(search(work, index) for index in range(SHARDS))

    def side_by_side() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(partial(search, again), range(SHARDS)))

    one, two = seconds_of(one_after_the_other), seconds_of(side_by_side)
    written = _megabytes(work)
    idle = search(work, 0)  # everything is there
    finished = process("finish", ["--output", folder / "shared", "--workspace", work])
    figures: Figures = {
        "alone_cpu_seconds": alone.cpu_seconds,
        "plan_cpu_seconds": planned.cpu_seconds,
        "search_cpu_seconds": sum(shard.cpu_seconds for shard in shards),
        "start_cpu_seconds": idle.cpu_seconds,
        "finish_cpu_seconds": finished.cpu_seconds,
        "search_one_seconds": one,
        "search_two_seconds": two,
        "speedup": one / two,
        "shard_peak_mb": max(shard.peak_mb for shard in shards),
        "finish_peak_mb": finished.peak_mb,
        "inputs_mb": inputs,
        "written_mb": written,
        "read_mb": inputs * SHARDS + written,
        "published_mb": _megabytes(folder / "shared" / "analytics" / "v1" / "runs"),
    }
    shutil.rmtree(folder, ignore_errors=True)
    return {name: round(value, 3) for name, value in figures.items()} | {
        "finish_stages": finished.stages,
    }


def _megabytes(folder: Path) -> float:
    sizes: list[int] = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(sizes) / 1e6


def _scratch() -> Path:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    return SCRATCH
