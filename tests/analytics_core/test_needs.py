"""A refresh that cannot fit is refused before the work; the estimate is no less than the truth."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import closing, nullcontext, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_core.errors import DataError, StorageError
from analytics_core.needs import (
    COLD_BYTES,
    SMALL_BYTES,
    SQUARES,
    Needs,
    affordable,
    require_disk,
    require_memory,
)
from analytics_core.room import Memory
from analytics_core.sample import write_sample_database
from analytics_core.source.layouts import load_catalog
from tests.analytics_core.databases import LOOSE_SCHEMA
from tests.analytics_core.test_cli import COMMAND, environment

MILLION = Needs("The database bar.db", 1_000_000, 4_200_000, 300, 10)
COUNTS = st.builds(
    Needs,
    called=st.just("The database"),
    recipes=st.integers(0, 10**8),
    lines=st.integers(0, 10**9),
    ingredients=st.integers(0, 10**5),
    neighbors=st.integers(0, 1000),
    page=st.booleans(),
)


def container(limit: int) -> Memory:
    return Memory(limit, limit, "the job's container")


def test_what_finds_no_memory_is_refused_with_need_limit_and_advice() -> None:
    needed = MILLION.refresh_bytes()
    require_memory(MILLION, whole=True, memory=container(needed))
    with pytest.raises(DataError) as caught:
        require_memory(MILLION, whole=True, memory=container(3072 << 20))
    assert caught.value.exit_code == 3
    sentence = str(caught.value)
    for said in (
        "bar.db",
        "1,000,000 recipes",
        f"{needed // 10**6:,}"[:2],
        "3,222 MB",
        "memory_mib",
    ):
        assert said in sentence
    assert "fold" not in sentence
    require_memory(MILLION, whole=False, memory=container(MILLION.search_bytes))
    with pytest.raises(DataError, match="the search needs about"):
        require_memory(MILLION, whole=False, memory=container(MILLION.search_bytes - 1))


def test_ingredients_that_are_the_cause_are_named() -> None:
    needs = Needs("The database bar.db", 2_000, 8_000, 20_000, 10)
    with pytest.raises(DataError, match=r"20,000 ingredients .* Fold ingredients"):
        require_memory(needs, whole=True, memory=container(3072 << 20))
    assert needs.search_bytes > SQUARES * 8 * 20_000**2


def test_little_is_never_asked_about() -> None:
    require_memory(Needs("x", 1_400, 5_700, 300, 10), whole=True, memory=container(0))


@given(COUNTS, st.integers(1, 64), st.integers(0, 2**40))
def test_copies_of_the_process_fit_or_there_is_one(
    needs: Needs, processes: int, there: int
) -> None:
    chosen = affordable(needs, processes, memory=container(there))
    assert 1 <= chosen <= processes
    assert chosen == 1 or needs.refresh_bytes(chosen) <= there
    assert chosen == processes or needs.refresh_bytes(chosen + 1) > there


@given(COUNTS, COUNTS, st.integers(1, 64))
def test_more_of_anything_needs_no_less(one: Needs, other: Needs, processes: int) -> None:
    larger = Needs(
        "both",
        max(one.recipes, other.recipes),
        max(one.lines, other.lines),
        max(one.ingredients, other.ingredients),
        max(one.neighbors, other.neighbors),
        one.page or other.page,
    )
    assert larger.refresh_bytes(processes) >= one.refresh_bytes(processes)
    assert larger.search_bytes >= one.search_bytes
    assert larger.output_bytes >= one.output_bytes
    assert one.refresh_bytes(processes) >= one.refresh_bytes() >= one.search_bytes // 2


def test_a_folder_without_room_for_the_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_disk(MILLION, tmp_path / "out")  # as long as this machine has two gigabytes
    monkeypatch.setattr("analytics_core.needs.free_disk", lambda _: (1_000_000, 5_000_000))
    with pytest.raises(StorageError) as caught:
        require_disk(MILLION, tmp_path / "out")
    assert caught.value.exit_code == 4
    for said in (str(tmp_path / "out"), "1,000 kB free of 5,000 kB", "1,000,000 recipes"):
        assert said in str(caught.value)


# --- real processes ----------------------------------------------------------------------------


def in_a_namespace(script: str, *command: object) -> subprocess.CompletedProcess[str]:
    """Run a script, then a command, where mounts are their own; skip where that is not allowed."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("needs Linux and unshare")
    words = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    if subprocess.run([*words, "mount", "-t", "tmpfs", "x", "/mnt"], check=False).returncode:
        pytest.skip("may not mount, not even in a namespace of its own")
    return subprocess.run(
        [*words, "sh", "-ec", script, "sh", *map(str, command)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    found: dict[str, str] = json.loads(done.stderr.splitlines()[-1])
    return found


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "bar.db"
    write_sample_database(path, recipes=3_000)
    return path


def test_a_snapshot_that_cannot_fit_is_refused_before_it_is_begun(
    database: Path, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    words = ("--db", database, "--output", tmp_path / "out", "--scratch", scratch)
    small = f'mount -t tmpfs -o size=512k none {scratch}\nexec "$@"'
    done = in_a_namespace(small, *COMMAND, "refresh", *words)
    assert done.returncode == 4, done.stderr
    message = last_line(done)["message"]
    for said in (str(database), str(scratch), "free of 525 kB", "--scratch", "scratch_mib"):
        assert said in message
    assert not list((tmp_path / "out").rglob("*.json"))


def test_documents_that_cannot_fit_are_refused_before_the_work(
    database: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    small = f'mount -t tmpfs -o size=1m none {out}\nexec "$@"'
    words = ("--db", database, "--output", out, "--scratch", tmp_path)
    done = in_a_namespace(small, *COMMAND, "refresh", *words)
    assert done.returncode == 4, done.stderr
    assert "the documents of 3,000 recipes take" in last_line(done)["message"]
    assert '"stage": "cost"' not in done.stderr


def test_a_job_whose_group_leaves_too_little_is_refused_before_the_work(tmp_path: Path) -> None:
    """The group's files are made here, as systems have them; the process is a real one."""
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from analytics_core import needs, room\n"
        "root = Path(sys.argv.pop(1))\n"
        "needs.find_memory = lambda: room.find_memory(root)\n"
        "needs.SMALL_BYTES = 0\n"
        "from analytics_core.cli import main\nmain()"
    )
    database = tmp_path / "bar.db"
    write_sample_database(database, recipes=20)
    group = tmp_path / "sys/fs/cgroup/job"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("300000000\n")
    (group / "memory.current").write_text("90000000\n")
    proc = tmp_path / "proc/self"
    proc.mkdir(parents=True)
    (proc / "cgroup").write_text("0::/job\n")
    (proc / "mountinfo").write_text("30 20 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n")
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path, "refresh", "--db", database, "--output", tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment(),
    )
    assert done.returncode == 3, done.stderr
    message = last_line(done)["message"]
    assert re.search(r"needs about 34\d MB of memory", message)
    for said in (str(database), "300 MB of the job's container", "memory_mib"):
        assert said in message
    assert '"stage": "cost"' not in done.stderr
    assert not list(tmp_path.rglob("manifest.json"))


def test_rows_that_alone_find_no_memory_are_not_read(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics_core.source.tables.find_memory", lambda: container(1_000_000))
    with pytest.raises(DataError, match=r"rows in recipe_ingredients.* of the 1,000 kB of the job"):
        load_catalog(database)


MADE = "printf('%.*c', 1000000, 'x')"
"""A million letters, which no row of the file holds."""


@pytest.mark.parametrize(
    ("column", "made"),
    [
        ("recipes.name", f"name TEXT AS ({MADE})"),
        ("ingredients.path", f"path TEXT AS ({MADE})"),
        ("units.abbreviation", "abbreviation BLOB AS (zeroblob(1000000))"),
    ],
)
def test_texts_that_find_no_memory_are_not_read_to_their_end(
    column: str, made: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, name = column.split(".")
    path = tmp_path / "bar.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(LOOSE_SCHEMA)
        db.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
        db.execute(f"ALTER TABLE {table} ADD COLUMN {made}")
        db.executemany(f"INSERT INTO {table} (id) VALUES (?)", [(row,) for row in range(60)])
    assert path.stat().st_size < 50_000
    monkeypatch.setattr("analytics_core.source.tables.find_memory", lambda: container(40_000_000))
    tracemalloc.start()
    with pytest.raises(DataError) as caught:
        load_catalog(path)
    assert tracemalloc.get_traced_memory()[1] < 40_000_000
    tracemalloc.stop()
    for said in (str(path), f"table {table}", f"column {name}", "40 MB of the job's container"):
        assert said in str(caught.value)
    monkeypatch.setattr("analytics_core.source.tables.find_memory", lambda: container(10**9))
    assert len(load_catalog(path, volumes="poured").findings)


def test_texts_of_all_tables_count_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, layout = tmp_path / "bar.db", tmp_path / "bar.toml"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"CREATE VIEW drink AS SELECT 1 AS id, {MADE} AS title")
        db.execute(f"CREATE VIEW pour AS SELECT 1 AS drink, {MADE} AS bottle")
    layout.write_text(
        '[recipes]\ntable = "drink"\nid = "id"\nname = "title"\n'
        '[lines]\ntable = "pour"\nrecipe = "drink"\ningredient = "bottle"\n'
    )
    for limit, fits in ((9_000_000, True), (7_000_000, False)):
        monkeypatch.setattr(
            "analytics_core.source.tables.find_memory", lambda limit=limit: container(limit)
        )
        with nullcontext() if fits else pytest.raises(DataError, match=r"column (title|bottle)"):
            load_catalog(path, layout=str(layout))


def test_a_table_that_finds_no_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bar.csv"
    path.write_text("recipe,ingredient,ml\n" + "Negroni,Gin,30\n" * 50_000, encoding="utf-8")
    for limit, outcome in (
        (40_000_000, nullcontext()),
        (
            10_000_000,
            pytest.raises(DataError, match=r"bar.csv takes about 1\d MB of .* 10 MB of the"),
        ),
    ):
        monkeypatch.setattr(
            "analytics_core.source.charsets.find_memory", lambda limit=limit: container(limit)
        )
        with outcome:
            load_catalog(path)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_an_error_for_want_of_memory_says_so(tmp_path: Path) -> None:
    path = tmp_path / "bar.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(LOOSE_SCHEMA)
        db.execute("ALTER TABLE units DROP COLUMN name")
        db.execute("ALTER TABLE units ADD COLUMN name AS (printf('%.*c', 20000000, 'x'))")
        db.executemany("INSERT INTO units (id) VALUES (?)", [(row,) for row in range(15)])
    code = (
        "import resource, sys\n"
        "from analytics_core.source.layouts import load_catalog\n"
        "held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (held + 150_000_000,) * 2)\n"
        "try:\n    load_catalog(sys.argv[1])\n"
        "except ValueError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stdout == f"The database {path} cannot be read: memory does not suffice.\n"


# --- measured ----------------------------------------------------------------------------------


def _tree(process: int) -> list[int]:
    found = [process]
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            children = (task / "children").read_text().split()
            found += [each for child in children for each in _tree(int(child))]
    return found


def _held(process: int) -> int:
    """Memory of a process, what it shares divided among those that share it."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def peak_of(command: list[str]) -> int:
    """Run a command; the most memory that it and its copies held together, in bytes."""
    peak = 0
    with subprocess.Popen(
        command, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        said: list[str] = []
        assert process.stderr is not None
        reader = threading.Thread(target=lambda: said.extend(process.stderr or ()))
        reader.start()
        while process.poll() is None:
            peak = max(peak, sum(map(_held, _tree(process.pid))))
            time.sleep(0.03)
        reader.join()
    assert process.returncode == 0, said[-3:]
    return peak


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    ("recipes", "processes", "words"),
    [
        (1_400, 2, []),
        (5_000, 8, []),
        (20_000, 2, []),
        (20_000, 1, []),
        (20_000, 1, ["--no-page"]),
        (5_000, 2, ["--neighbors", "50"]),
    ],
)
def test_the_estimate_is_no_less_than_what_is_measured(
    recipes: int, processes: int, words: list[str], tmp_path: Path
) -> None:
    database, out = tmp_path / "bar.db", tmp_path / "out"
    write_sample_database(database, recipes=recipes)
    options = ["--db", str(database), "--output", str(out), "--threads", str(processes)]
    peak = peak_of([*COMMAND, "refresh", *options, *words])
    manifest = json.loads((out / "analytics/v1/manifest.json").read_text())
    needs = Needs(
        "The database",
        manifest["counts"]["recipes"],
        manifest["database"]["lines"],
        manifest["counts"]["ingredients_in_play"],
        int(words[1]) if "--neighbors" in words else 14,
        page="--no-page" not in words,
    )
    assert peak <= needs.refresh_bytes(processes) <= max(3 * peak, SMALL_BYTES)
    runs = out / "analytics/v1/runs"
    assert needs.output_bytes <= sum(file.stat().st_size for file in runs.rglob("*"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")
def test_names_without_end_take_no_more_memory_than_others(tmp_path: Path) -> None:
    database, out = tmp_path / "bar.db", tmp_path / "out"
    write_sample_database(database, recipes=20)
    with closing(sqlite3.connect(database)) as db, db:
        for table in ("recipes", "ingredients", "units"):
            db.execute(f"UPDATE {table} SET name = name || printf(' %.*c', 100000, 'x')")
    peak = peak_of([*COMMAND, "refresh", "--db", str(database), "--output", str(out)])
    assert peak < COLD_BYTES
    (warning,) = json.loads((out / "analytics/v1/manifest.json").read_text())["warnings"]
    assert warning["code"] == "long-name"
    assert (out / "analytics/v1/recipe-similar.json").stat().st_size < 5_000_000
