"""Databases broken in every way, read in processes that are watched: a set, or one sentence."""

from __future__ import annotations

import json
import os
import queue
import random
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.analytics_core.layout_files import LAYOUTS, write_layout

HANG_SECONDS = 60
MEMORY_BYTES = 1 << 30  # what a worker may hold at its peak, libraries and compiled code included
ADDRESS_BYTES = 8 << 30  # of a worker: what asks for more gets no memory instead of the machine's

EXTREMES: tuple[Any, ...] = (
    *(None, -1, 0, 1, 2, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 1e308, -1e308, 5e-324, 0.1),
    *(float("inf"), float("-inf"), b"", b"\xff\xfe\x00", b"\x00" * 5000),
    *("", " ", "\x00", "a\x00b", "\n", "\r\n,;\t", '"', "'", "0", "-1", "1/2", "1/0", "½", "٣"),
    *("nan", "inf", "1e999", "9" * 400, "=1+1", "<script>alert(1)</script>", "../../etc", "/"),
    *("/1/2/", "/" * 3000, "x" * 100_000, "\u202egnirts", "e\u0301" * 50, "\U0001f378", "İ", "ß"),
    *("\ufeffGin", "\u200b", "\u2028", "１２", "ml", "to top", "1 1/2 oz", "1-2", "2 to 3", ">"),
    *("Gin > Gin > Gin", "ml" * 2000, " > " * 2000, "true", "NULL"),
)
NAMES = ("", "id", "name", "select", "a b", 'x"y', "ünï", "ID", "rowid", "x" * 500, "[y]")


def break_bytes(data: bytes, draw: random.Random) -> bytes:
    """Flip bits, move or fill pages, cut, append."""
    broken = bytearray(data)
    how = draw.randrange(6)
    if how <= 1 and broken:
        reach = min(len(broken), 200) if how else len(broken)
        for _ in range(draw.choice((1, 2, 8, 64))):
            broken[draw.randrange(reach)] ^= 1 << draw.randrange(8)
    elif how == 2:
        del broken[draw.randrange(len(broken) + 1) :]
    elif how == 3:
        broken += draw.randbytes(draw.choice((1, 511, 4096, 20_000)))
    else:
        size = draw.choice((512, 1024, 4096))
        pages = max(1, len(broken) // size)
        a, b = (draw.randrange(pages) * size for _ in range(2))
        fill = (broken[b : b + size], bytes(size), draw.randbytes(size), b"\xff" * size)
        broken[a : a + size] = draw.choice(fill)
    return bytes(broken)


def break_rows(path: Path, draw: random.Random) -> None:
    """Put extreme values anywhere; change tables and columns, as another version would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON", "journal_mode = OFF"):
            db.execute(f"PRAGMA {pragma}")
        for _ in range(draw.choice((1, 1, 2, 5))):
            tables = [
                name
                for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                if not name.startswith("sqlite_")
            ]
            table = quoted(draw.choice(tables or ["none"]))
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            column = quoted(draw.choice(columns or ["none"]))
            value, name = draw.choice(EXTREMES), quoted(draw.choice(NAMES))
            some = f"WHERE abs(random()) % {draw.choice((1, 2, 10))} = 0"
            statements: tuple[tuple[str, tuple[Any, ...]], ...] = (
                (f"UPDATE OR REPLACE {table} SET {column} = ? {some}", (value,)),
                (f"UPDATE OR IGNORE {table} SET {column} = ? {some}", (value,)),
                (f"UPDATE OR IGNORE {table} SET {column} = {column} * -1.5 {some}", ()),
                (f"UPDATE OR IGNORE {table} SET {column} = CAST(X'C3286DFF' AS TEXT) {some}", ()),
                (f"UPDATE OR IGNORE {table} SET {column} = abs(random()) % 60 {some}", ()),
                (f"DELETE FROM {table} {some}", ()),
                (f"INSERT OR IGNORE INTO {table} ({column}) VALUES (?)", (value,)),
                (f"ALTER TABLE {table} RENAME COLUMN {column} TO {name}", ()),
                (f"ALTER TABLE {table} DROP COLUMN {column}", ()),
                (f"ALTER TABLE {table} ADD COLUMN {name} DEFAULT 7", ()),
                (f"ALTER TABLE {table} RENAME TO {name}", ()),
                (f"DROP TABLE {table}", ()),
                (f"CREATE TABLE copied AS SELECT * FROM {table} {some}", ()),
            )
            with suppress(sqlite3.Error, OverflowError):
                db.execute(*draw.choice(statements))
            if draw.random() < 0.1:  # a view in the table's place
                with suppress(sqlite3.Error):
                    db.execute(f"ALTER TABLE {table} RENAME TO kept_apart")
                    db.execute(f"CREATE VIEW {table} AS SELECT * FROM kept_apart")


def break_table(text: str, draw: random.Random) -> bytes:
    """Put extreme values into cells, lose and repeat columns, mix encodings and delimiters."""
    rows = [line.split(";") for line in text.splitlines()]
    for _ in range(draw.choice((1, 1, 3, 20))):
        row, how = draw.choice(rows), draw.randrange(8)
        at = draw.randrange(len(row) + 1)
        value = draw.choice(EXTREMES)
        cell = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if how <= 3 and row:
            row[at % len(row)] = cell
        elif how == 4:
            row.insert(at, cell)
        elif how == 5:
            del row[at : at + draw.randrange(1, 3)]
        elif how == 6:
            rows.insert(draw.randrange(len(rows)), list(row))
        else:
            width = draw.randrange(max(map(len, rows)))
            for line in rows:
                line[width : width + 1] = draw.choice(([], [cell], line[width : width + 1] * 2))
    mark = draw.choice((";", ";", ";", ",", "\t", "|", "§"))
    joined = draw.choice(("\n", "\r\n", "\r", "\n\n")).join(mark.join(row) for row in rows)
    encodings = (
        "utf-8",
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-be",
        "utf-32",
        "latin-1",
        "cp1252",
    )
    return joined.encode(draw.choice(encodings), "replace")


def break_mapping(text: str, draw: random.Random) -> bytes:
    """Lose, repeat and swap lines; put other words and kinds in the values' place."""
    lines = text.splitlines()
    values = ('"none"', '""', "7", "[]", "{}", "true", "1979-05-27", '["a", 1]', '"x" * 2', "'''")
    for _ in range(draw.choice((1, 1, 2, 6))):
        at, how = draw.randrange(len(lines)), draw.randrange(5)
        if how <= 1 and "=" in lines[at]:
            word = draw.choice((*values, *re.findall(r'"\w+"', text)))
            lines[at] = f"{lines[at].partition('=')[0]}= {word}"
        elif how == 2 and len(lines) > 1:
            del lines[at]
        elif how == 3:
            lines.insert(draw.randrange(len(lines)), lines[at])
        else:
            lines.insert(
                at, draw.choice(("[lines]", "[units]", "[other]", "[[recipes]]", "key = 1"))
            )
    return "\n".join(lines).encode()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def make_case(folder: Path, layout: str, source: Path, options: str, seed: int) -> tuple[Path, str]:
    """Write the broken file of one seed; return it, and what ``--layout`` is to be."""
    draw = random.Random(f"{layout} {seed}")
    target = folder / source.name
    shutil.copyfile(source, target)
    if layout == "table":
        if draw.random() < 0.3:
            target.write_bytes(break_bytes(source.read_bytes(), draw))
        else:
            target.write_bytes(break_table(source.read_text(encoding="utf-8-sig"), draw))
        return target, draw.choice((options, options, "table"))
    if layout.endswith(".toml") and draw.random() < 0.5:
        mapping = folder / "broken.toml"
        text = Path(options).read_text(encoding="utf-8")
        by_bytes = draw.random() < 0.2
        broken = break_bytes(text.encode(), draw) if by_bytes else break_mapping(text, draw)
        mapping.write_bytes(broken)
        return target, str(mapping)
    if draw.random() < 0.35:
        target.write_bytes(break_bytes(source.read_bytes(), draw))
    else:
        break_rows(target, draw)
        if draw.random() < 0.05:
            target.write_bytes(break_bytes(target.read_bytes(), draw))
    return target, options


def judge_case(folder: Path, database: Path, layout: str, *, refresh_too: bool) -> str:
    """Return what came of it: ``set``, ``read`` or ``refused``; raise whatever is a fault."""
    from analytics_core.errors import Busy, DataError
    from analytics_core.pipeline import refresh
    from analytics_core.settings import RefreshSettings
    from analytics_core.source.layouts import load_catalog, take_copy
    from analytics_core.store import LocalStorage, read_published

    output = LocalStorage(folder / "out")
    os.utime(database, (0, 0))  # a text that was written just now is waited for
    try:
        if refresh_too:
            settings = RefreshSettings(layout=layout, threads=1)
            refresh(database, output, settings=settings, scratch=folder)
            published = read_published(output)
            count = len(published["recipe-details"]["data"])
            assert published["manifest"]["database"]["recipes"] == count, "a partial set"
            return "set"
        copy = take_copy(database, folder / "copy", layout=layout)
        load_catalog(copy, called=database, layout=layout, volumes="poured")
    except (DataError, Busy) as error:
        check_sentence(str(error), [folder])
        assert output.list("analytics/") == [], "a partial set"
        return "refused"
    return "read"


def check_sentence(sentence: str, names: Iterable[Path]) -> None:
    """See that a refusal is one sentence of bearable length that names a file, or the layout."""
    assert "\n" not in sentence, f"more than a line: {sentence!r}"
    assert len(sentence) < 2000, f"{len(sentence):,} characters"
    named = any(str(name) in sentence for name in names) or "layout" in sentence
    assert named, f"names no file: {sentence!r}"


def work(layout: str, first: int, last: int, refresh_each: int) -> None:
    """Judge the cases of some seeds; a line of JSON before and after each."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, hard))
    with tempfile.TemporaryDirectory() as kept:
        source, options = write_layout(Path(kept), layout)
        for seed in range(first, last):
            print(json.dumps({"begin": seed}), flush=True)
            outcome, told = "fault", ""
            with tempfile.TemporaryDirectory() as folder:
                try:
                    database, chosen = make_case(Path(folder), layout, source, options, seed)
                    outcome = judge_case(
                        Path(folder), database, chosen, refresh_too=seed % refresh_each == 0
                    )
                except BaseException:  # noqa: BLE001 - the parent tells it
                    told = traceback.format_exc(limit=-6)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
            print(
                json.dumps({"seed": seed, "outcome": outcome, "told": told, "peak": peak}),
                flush=True,
            )


@dataclass
class Figures:
    """What came of many cases of one layout."""

    outcomes: Counter[str] = field(default_factory=Counter)
    peak_bytes: int = 0
    faults: dict[int, str] = field(default_factory=dict)


def fuzz(
    layout: str,
    first: int,
    last: int,
    *,
    refresh_each: int = 20,
    go_on: Callable[[], bool] = lambda: True,
) -> Figures:
    """Judge the cases of some seeds in a process of their own, begun anew where it hangs or dies.

    Every `refresh_each`-th is a whole refresh whose set is read back; the others are read.
    """
    figures, seed = Figures(), first
    while seed < last and go_on():
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, layout, str(seed), str(last), str(refresh_each)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        lines: queue.Queue[str] = queue.Queue()
        thread = threading.Thread(target=_pass_on, args=(process, lines))
        thread.start()
        try:
            while go_on():
                # the first case compiles and imports: that is no hang of a reader
                line = lines.get(timeout=HANG_SECONDS)
                if not line:
                    break
                told = json.loads(line)
                if "begin" in told:
                    seed = told["begin"]
                    continue
                figures.outcomes[told["outcome"]] += 1
                figures.peak_bytes = max(figures.peak_bytes, told["peak"])
                if told["told"]:
                    figures.faults[seed] = told["told"]
                seed += 1
            else:
                return figures
        except queue.Empty:
            figures.outcomes["fault"] += 1
            figures.faults[seed] = f"hung for {HANG_SECONDS} s"
            seed += 1
        finally:
            process.kill()
            process.wait()
            thread.join()
        if seed < last and seed not in figures.faults and process.returncode:
            figures.outcomes["fault"] += 1
            figures.faults[seed] = f"the process ended with {process.returncode}"
            seed += 1
    return figures


def _pass_on(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout
    with process.stdout:
        for line in process.stdout:
            lines.put(line)
    lines.put("")


if __name__ == "__main__":
    assert sys.argv[1] in LAYOUTS
    work(sys.argv[1], *map(int, sys.argv[2:5]))
