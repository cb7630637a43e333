"""A refresh shared by machines, which are processes here: what sharing costs and what it gains.

Each machine has one thread, as a vCPU of its own. The same database is refreshed by one machine;
then planned, searched by one machine and by two side by side, and finished. The stages' growth with
the number of recipes is what `benchmarks.projection` takes to larger ones.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._common import SCRATCH, Figures, cores, database, run_program, seconds_of

SIZES = (2_000, 8_000, 32_000)
SHARDS = 4


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
    rows = [
        ("alone, s", lambda f: f"{f['alone']['wall_seconds']:.1f}"),
        ("plan, s", lambda f: f"{f['plan']['wall_seconds']:.1f}"),
        ("shards by one machine, s", lambda f: f"{f['search_one_seconds']:.1f}"),
        ("shards by two machines, s", lambda f: f"{f['search_two_seconds']:.1f}"),
        ("times faster with two", lambda f: f"{f['speedup']:.2f}"),
        ("finish, s", lambda f: f"{f['finish']['wall_seconds']:.1f}"),
        ("finish, peak memory, MB", lambda f: f"{f['finish']['peak_mb']:.0f}"),
        ("shard, peak memory, MB", lambda f: f"{f['shard_peak_mb']:.0f}"),
        ("start of a shard, s", lambda f: f"{f['shard_start_seconds']:.1f}"),
        ("written to the workspace, MB", lambda f: f"{f['written_mb']:.1f}"),
        ("read from it, MB", lambda f: f"{f['read_mb']:.1f}"),
        ("published, MB", lambda f: f"{f['published_mb']:.1f}"),
    ]
    table.add_column("")
    for size in figures["sizes"]:
        table.add_column(f"{int(size):,} recipes", justify="right")
    for name, shown in rows:
        table.add_row(name, *(shown(one) for one in figures["sizes"].values()))
    out.print(table)
    return figures


def _share(path: Path, folder: Path, compiled: Path) -> Figures:
    folder.mkdir()

    def process(name: str, words: Sequence[object]) -> Figures:
        command = [name, "--threads", 1, *words]
        return run_program(command, folder / f"{name}.jsonl", compile_cache=compiled).figures()

    page = ["--no-page"]
    alone = process("refresh", ["--db", path, "--output", folder / "alone", *page])
    work = folder / "work"
    at = ["--workspace", work]
    planned = process("plan", ["--db", path, "--shards", SHARDS, *at, *page])
    inputs = _megabytes(work)
    shutil.copytree(work, folder / "again")
    shards: list[Figures] = []

    def search(index: int, place: Path) -> None:
        words = ["shard", "--threads", 1, "--index", index, "--workspace", place]
        log = folder / f"shard-{index}-{place.name}.jsonl"
        shards.append(run_program(words, log, compile_cache=compiled).figures())

    def one_after_the_other() -> None:
        for index in range(SHARDS):
            search(index, work)

    def side_by_side() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(search, range(SHARDS), [folder / "again"] * SHARDS))

    one = seconds_of(one_after_the_other)
    alone_shards = list(shards)
    two = seconds_of(side_by_side)
    written = _megabytes(work)
    finished = process("finish", ["--output", folder / "shared", *at])
    searching = sum(shard["stages"]["neighbors"] for shard in alone_shards)
    figures: Figures = {
        "alone": alone,
        "plan": planned,
        "finish": finished,
        "search_one_seconds": round(one, 2),
        "search_two_seconds": round(two, 2),
        "speedup": round(one / two, 3),
        "search_seconds": round(searching, 3),
        "shard_start_seconds": round((one - searching) / SHARDS, 3),
        "shard_peak_mb": max(shard["peak_mb"] for shard in shards),
        "inputs_mb": round(inputs, 3),
        "written_mb": round(written, 3),
        "read_mb": round(inputs * SHARDS + written, 3),
        "published_mb": round(_megabytes(folder / "shared" / "analytics" / "v1" / "runs"), 3),
    }
    for kept in ("alone", "shared", "work", "again"):
        shutil.rmtree(folder / kept, ignore_errors=True)
    return figures


def _megabytes(folder: Path) -> float:
    files: list[Any] = [path for path in folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files) / 1e6


def _scratch() -> Path:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    return SCRATCH
