"""Snapshots of databases that real processes write, in which real processes have died."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from analytics_core.errors import Busy, DataError, StorageError
from analytics_core.source import snapshot
from analytics_core.source.cocktaildb import load_catalog
from analytics_core.source.snapshot import STILL_SECONDS, copy_text, take_snapshot
from analytics_core.store.s3 import fetch
from tests.analytics_core.databases import as_a_full_disk, write_database

ACCOUNTS = 1500
TOTAL = ACCOUNTS * 1000
NOBODY = 65534

# Moves money between accounts that lie on different pages, and books each transfer twice.
WRITER = """
import os, random, sqlite3, sys, time
path, what = sys.argv[1:3]
db = sqlite3.connect(path, timeout=30, isolation_level=None)
db.execute("PRAGMA synchronous = OFF")
draw = random.Random(5)
def transfer(times=3):
    for _ in range(times):
        giver, taker = draw.sample(range(1, 1501), 2)
        amount = draw.randrange(100)
        db.execute("UPDATE accounts SET money = money - ? WHERE id = ?", (amount, giver))
        db.execute("UPDATE accounts SET money = money + ? WHERE id = ?", (amount, taker))
        db.execute("INSERT INTO debits (money) VALUES (?)", (amount,))
        db.execute("INSERT INTO credits (money) VALUES (?)", (amount,))
def spill():
    db.execute("PRAGMA cache_size = 5")
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE accounts SET money = money + 1")
def for_ever(tally):
    print("ready", flush=True)
    count, tally = 0, os.open(tally, os.O_WRONLY)
    while True:
        db.execute("BEGIN IMMEDIATE")
        transfer()
        db.execute("COMMIT")
        count += 3
        os.pwrite(tally, count.to_bytes(8, "big"), 0)
if what == "loop":
    for_ever(sys.argv[3])
elif what == "loop-wal":
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA wal_autocheckpoint = {sys.argv[4]}")
    for_ever(sys.argv[3])
elif what == "anew-when-told":
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    transfer()
    print("ready", flush=True)
    for _ in sys.stdin:
        transfer()
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        transfer()
        print("done", flush=True)
elif what == "rows-in-wal":
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    for _ in range(7):
        db.execute("BEGIN IMMEDIATE")
        transfer()
        db.execute("COMMIT")
    print("ready", flush=True)
    time.sleep(60)
elif what == "spill":
    spill()
    print("ready", flush=True)
    time.sleep(60)
elif what == "spill-wal":
    db.execute("PRAGMA journal_mode = WAL")
    transfer()
    spill()
    print("ready", flush=True)
    time.sleep(60)
elif what == "no-journal":
    db.execute("PRAGMA journal_mode = MEMORY")
    spill()
    print("ready", flush=True)
    time.sleep(float(sys.argv[3]))
    db.execute("ROLLBACK")
    print("done", flush=True)
    time.sleep(60)
"""


@contextmanager
def writer(path: Path, what: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a writing process, from when it says it is ready; kill it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), what, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def make_bank(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE accounts (id INTEGER PRIMARY KEY, money INTEGER, padding TEXT)")
        db.execute("CREATE TABLE debits (id INTEGER PRIMARY KEY, money INTEGER)")
        db.execute("CREATE TABLE credits (id INTEGER PRIMARY KEY, money INTEGER)")
        db.executemany(
            "INSERT INTO accounts VALUES (?, 1000, ?)",
            [(number, "x" * 200) for number in range(1, ACCOUNTS + 1)],
        )
        db.commit()
    return path


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    return make_bank(folder / "bank.db")


def transfers(path: Path) -> int:
    """Return a copy's last transfer, having checked that it is one moment's state."""
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    with path.open("rb") as file:
        assert file.read(20)[18:] == b"\x01\x01"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT sum(money) FROM accounts").fetchone() == (TOTAL,)
        (debits,) = db.execute("SELECT count(*) FROM debits").fetchone()
        assert db.execute("SELECT count(*) FROM credits").fetchone() == (debits,)
        booked = db.execute("SELECT (SELECT sum(money) FROM debits), sum(money) FROM credits")
        assert len(set(booked.fetchone())) == 1
        lasts = (
            "SELECT coalesce(max(id), 0), (SELECT coalesce(max(id), 0) FROM debits) FROM credits"
        )
        last, also = db.execute(lasts).fetchone()
        assert last == also
    return int(last)


def state(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Return all there is to know about a folder's files."""
    return {
        path.name: (
            path.stat().st_ino,
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in folder.iterdir()
    }


def refusal(database: Path | str, scratch: Path, **options: float) -> str:
    with pytest.raises((DataError, Busy)) as caught:
        take_snapshot(database, scratch, fetch=fetch, **options)
    assert caught.value.exit_code == (75 if "no consistent copy" in str(caught.value) else 3)
    assert list(scratch.iterdir()) == []  # nothing is left lying about
    sentence = str(caught.value)
    assert str(database) in sentence
    assert "\n" not in sentence
    return sentence


# --- living writers --------------------------------------------------------------------------


@pytest.mark.parametrize("what", [["loop"], ["loop-wal", "1000"], ["loop-wal", "150"]])
def test_snapshots_under_constant_writing(bank: Path, tmp_path: Path, what: list[str]) -> None:
    """Each holds all that was committed before it began, however fast or slow the writer is."""
    tally = tmp_path / "tally"
    tally.write_bytes(bytes(8))
    held = 0

    def committed() -> int:
        return int.from_bytes(tally.read_bytes(), "big")

    with writer(bank, what[0], str(tally), *what[1:]) as process:
        for _ in range(20):
            while (before := committed()) <= held:
                assert process.poll() is None
                time.sleep(0.001)
            held = transfers(copy := take_snapshot(bank, tmp_path / "scratch"))
            assert held >= before
            shutil.rmtree(copy.parent)
    assert {path.name for path in bank.parent.iterdir()} <= {
        "bank.db",
        *(f"bank.db-{suffix}" for suffix in ("journal", "wal", "shm")),
    }


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The database of each attempt that is made."""
    made: list[Path] = []
    attempt = snapshot._attempt

    def counted(database: Path, *arguments: Any, **options: Any) -> None:
        made.append(database)
        attempt(database, *arguments, **options)

    monkeypatch.setattr(snapshot, "_attempt", counted)
    return made


@pytest.mark.parametrize("again", ["bank.db", "bank.db-wal"])
def test_the_wal_is_not_begun_anew_while_it_is_copied(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attempts: list[Path], again: str
) -> None:
    """One attempt is enough, though the writer is ready to begin anew at every step of it."""
    wal = bank.with_name("bank.db-wal")
    opened = Path.open
    with writer(bank, "anew-when-told") as process:

        def anew() -> None:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        before = wal.read_bytes()[:32]
        anew()
        assert wal.read_bytes()[:32] != before  # it does, when nobody reads

        def opening(path: Path, *arguments: Any, **options: Any) -> Any:
            if path.name == again:
                anew()
            return opened(path, *arguments, **options)

        monkeypatch.setattr(Path, "open", opening)
        assert transfers(take_snapshot(bank, tmp_path / "scratch", patience_seconds=2)) > 9
        monkeypatch.undo()
        before = wal.read_bytes()[:32]
        anew()
        anew()
        assert wal.read_bytes()[:32] != before  # the lock is given back
    assert len(attempts) == 1


def test_rows_that_are_only_in_the_wal(bank: Path, tmp_path: Path) -> None:
    with writer(bank, "rows-in-wal"):
        assert bank.with_name("bank.db-wal").stat().st_size > 0
        before = state(bank.parent)
        assert transfers(take_snapshot(bank, tmp_path / "scratch")) == 21
        assert state(bank.parent) == before


def test_a_transaction_in_progress(bank: Path, tmp_path: Path) -> None:
    with writer(bank, "spill"):
        before = state(bank.parent)
        assert transfers(take_snapshot(bank, tmp_path / "scratch", patience_seconds=0.2)) == 0
        assert state(bank.parent) == before


def test_a_transaction_in_progress_in_the_wal(bank: Path, tmp_path: Path) -> None:
    with writer(bank, "spill-wal"):
        before = state(bank.parent)
        assert transfers(take_snapshot(bank, tmp_path / "scratch")) == 3
        assert state(bank.parent) == before


def test_a_journal_in_memory_is_waited_for(bank: Path, tmp_path: Path) -> None:
    untouched = bank.read_bytes()
    with writer(bank, "no-journal", "0.8") as process:
        assert bank.read_bytes() != untouched  # half a transaction is in the file
        assert not bank.with_name("bank.db-journal").exists()
        sentence = refusal(bank, tmp_path / "scratch", patience_seconds=0.2)
        assert "holds the lock" in sentence
        assert transfers(take_snapshot(bank, tmp_path / "scratch")) == 0
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"


# --- dead writers ----------------------------------------------------------------------------


def kill_mid_transaction(bank: Path, what: str) -> None:
    with writer(bank, what) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def test_a_hot_journal(bank: Path, tmp_path: Path) -> None:
    untouched = bank.read_bytes()
    kill_mid_transaction(bank, "spill")
    assert bank.read_bytes() != untouched
    before = state(bank.parent)
    assert set(before) == {"bank.db", "bank.db-journal"}
    # The file alone would be torn.
    lone = tmp_path / "lone.db"
    shutil.copy(bank, lone)
    with closing(sqlite3.connect(lone)) as db:
        assert db.execute("SELECT sum(money) FROM accounts").fetchone() != (TOTAL,)
    assert transfers(take_snapshot(bank, tmp_path / "scratch")) == 0
    assert state(bank.parent) == before


@pytest.mark.parametrize("what", ["rows-in-wal", "spill-wal"])
def test_a_wal_without_a_writer(bank: Path, tmp_path: Path, what: str) -> None:
    kill_mid_transaction(bank, what)
    bank.with_name("bank.db-shm").unlink()
    before = state(bank.parent)
    assert set(before) == {"bank.db", "bank.db-wal"}
    assert transfers(take_snapshot(bank, tmp_path / "scratch")) == {"rows-in-wal": 21}.get(what, 3)
    assert state(bank.parent) == before


def test_a_wal_that_ends_in_the_middle_of_a_frame(bank: Path, tmp_path: Path) -> None:
    kill_mid_transaction(bank, "rows-in-wal")
    wal = bank.with_name("bank.db-wal")
    os.truncate(wal, wal.stat().st_size - 1000)
    assert transfers(take_snapshot(bank, tmp_path / "scratch")) == 18


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_copy_that_finds_no_room(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, at_once: bool
) -> None:
    with closing(sqlite3.connect(bank)) as db:
        db.execute(f"PRAGMA journal_mode = {mode}")
    if not at_once:
        monkeypatch.delattr("os.copy_file_range")
    scratch = tmp_path / "scratch"
    with (
        as_a_full_disk(100_000),
        pytest.raises(StorageError, match=r"cannot be written to .*File too large"),
    ):
        take_snapshot(bank, scratch)
    assert list(scratch.iterdir()) == []
    assert transfers(take_snapshot(bank, scratch)) == 0


# --- texts ---------------------------------------------------------------------------------------


def write_slowly(path: Path, pieces: int, *, seconds: float) -> threading.Thread:
    """Write a file in place, piece after piece, beginning at once."""
    begun = threading.Event()

    def write() -> None:
        with path.open("wb", buffering=0) as file:
            for number in range(pieces):
                file.write(f"Drink {number},Gin\n".encode())
                begun.set()
                time.sleep(seconds)

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    return writer


def test_a_text_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "bar.csv"
    writer = write_slowly(path, 30, seconds=0.03)
    copy = copy_text(path, tmp_path / "scratch")
    writer.join()
    assert copy.suffix == ".csv"
    assert copy.read_bytes() == path.read_bytes()
    assert len(copy.read_bytes().splitlines()) == 30


def test_a_text_that_never_pauses_is_worth_another_try(tmp_path: Path) -> None:
    path = tmp_path / "bar.csv"
    writer = write_slowly(path, 60, seconds=0.03)
    with pytest.raises(Busy, match=r"bar\.csv gave no consistent copy within 0\.2 s"):
        copy_text(path, tmp_path / "scratch", patience_seconds=0.2)
    writer.join()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_text_that_is_replaced_meanwhile_is_one_or_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other has the same size and the same time of its last change."""
    path, other = tmp_path / "bar.csv", tmp_path / "other.csv"
    path.write_bytes(b"old\n" * 1000)
    other.write_bytes(b"new\n" * 1000)
    for file in (path, other):
        os.utime(file, (1_700_000_000, 1_700_000_000))
    sleep, slept = time.sleep, []

    def overtaken(seconds: float) -> None:
        if other.exists():
            other.replace(path)
        slept.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", overtaken)
    assert copy_text(path, tmp_path / "scratch").read_bytes() == b"new\n" * 1000
    assert max(slept) < STILL_SECONDS / 2, "nobody waits for a file that has long been there"


def test_a_text_whose_clock_is_ahead_is_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "bar.csv"
    path.write_bytes(b"recipe,ingredient\n")
    os.utime(path, (4_000_000_000, 4_000_000_000))
    assert copy_text(path, tmp_path / "scratch").read_bytes() == b"recipe,ingredient\n"


@pytest.mark.parametrize("what", ["none", "folder"])
def test_what_is_no_text_is_named(tmp_path: Path, what: str) -> None:
    path = tmp_path / "bar.csv"
    if what == "folder":
        path.mkdir()
    with pytest.raises(DataError, match="does not exist" if what == "none" else "is a directory"):
        copy_text(path, tmp_path / "scratch")
    assert list((tmp_path / "scratch").iterdir()) == []


# --- another user, a folder that cannot be written -------------------------------------------


def as_nobody(action: Callable[[], Any]) -> Any:
    """Run something in a child process that may write nothing that is not its own."""
    if os.getuid() != 0:
        return action()
    reader, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            answer = json.dumps(action())
        except BaseException as error:  # noqa: BLE001 - the parent reports it
            answer = json.dumps(f"{type(error).__name__}: {error}")
        os.write(sender, answer.encode())
        os._exit(0)
    os.close(sender)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return json.loads(answer)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that any user reaches; pytest's own are private."""
    folder = Path(tempfile.mkdtemp(prefix="snapshot-test-"))
    folder.chmod(0o755)
    try:
        (folder / "site").mkdir()
        (folder / "scratch").mkdir()
        (folder / "scratch").chmod(0o777)
        yield folder
    finally:
        (folder / "site").chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("what", "expected"), [("", 0), ("spill", 0), ("rows-in-wal", 21), ("spill-wal", 3)]
)
@pytest.mark.parametrize("alive", [True, False])
def test_another_user_in_a_read_only_folder(
    public: Path, what: str, expected: int, alive: bool
) -> None:
    bank = make_bank(public / "site" / "bank.db")
    scratch = public / "scratch"

    def look() -> int:
        with pytest.raises(PermissionError):
            (bank.parent / "probe").touch()
        return transfers(take_snapshot(bank, scratch, patience_seconds=0.5))

    def check() -> None:
        for path in bank.parent.iterdir():
            path.chmod(0o444)
        bank.parent.chmod(0o555)
        before = state(bank.parent)
        assert as_nobody(look) == expected
        assert state(bank.parent) == before

    if what and alive:
        with writer(bank, what):
            check()
            bank.parent.chmod(0o755)
    else:
        if what:
            kill_mid_transaction(bank, what)
            bank.with_name("bank.db-shm").unlink(missing_ok=True)
        check()


def test_a_file_that_may_not_be_read(public: Path) -> None:
    bank = make_bank(public / "site" / "bank.db")
    bank.chmod(0o000)
    answer = as_nobody(lambda: refusal(bank, public / "scratch"))
    assert answer == f"The database {bank} may not be read by this user (permission denied)."


def test_an_index_of_the_wal_that_may_not_be_read(public: Path) -> None:
    bank = make_bank(public / "site" / "bank.db")
    with writer(bank, "rows-in-wal"):
        before = state(bank.parent)
        index = bank.with_name("bank.db-shm")
        index.chmod(0o000)
        assert as_nobody(lambda: transfers(take_snapshot(bank, public / "scratch"))) == 21
        index.chmod(0o644)
        assert state(bank.parent) == before


def test_a_mount_without_locks(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attempts: list[Path]
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.lockf", refuse)
    with writer(bank, "rows-in-wal"):
        assert transfers(take_snapshot(bank, tmp_path / "scratch")) == 21
    assert len(attempts) == 1


def test_a_wal_that_may_not_be_read(public: Path) -> None:
    bank = make_bank(public / "site" / "bank.db")
    kill_mid_transaction(bank, "rows-in-wal")
    bank.with_name("bank.db-wal").chmod(0o000)
    answer = as_nobody(lambda: refusal(bank, public / "scratch"))
    assert f"{bank}-wal may not be read" in answer


# --- every race, one by one ------------------------------------------------------------------


STEPS = 12  # more than there are, so that the last one is reached


def interrupt(monkeypatch: pytest.MonkeyPatch, step: int, action: Callable[[], None]) -> None:
    """Do something right before a file is opened for the given time in the first attempt."""
    count = -1  # the first opening of all looks for the header
    opened = Path.open

    def opening(path: Path, *arguments: Any, **options: Any) -> Any:
        nonlocal count
        if path.parent.name == "site":
            count += 1
            if count == step:
                action()
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", opening)


def pay(db: sqlite3.Connection, giver: int = 1, taker: int = ACCOUNTS) -> None:
    """Commit one transfer; the accounts lie on the first and the last page."""
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE accounts SET money = money - 1 WHERE id = ?", (giver,))
    db.execute("UPDATE accounts SET money = money + 1 WHERE id = ?", (taker,))
    db.execute("INSERT INTO debits (money) VALUES (1)")
    db.execute("INSERT INTO credits (money) VALUES (1)")
    db.execute("COMMIT")


WAL_EVENTS: dict[str, tuple[str, ...]] = {
    "append": ("pay",),
    "checkpoint": ("PASSIVE",),
    "append, checkpoint": ("pay", "PASSIVE"),
    "append, checkpoint, begin anew": ("pay", "RESTART", "pay", "pay"),
    "append, truncate": ("pay", "TRUNCATE"),
    "append, truncate, append": ("pay", "TRUNCATE", "pay"),
    "close": ("pay", "close"),
    "leave WAL mode": ("pay", "DELETE", "pay"),
}


@pytest.mark.parametrize("step", range(STEPS))
@pytest.mark.parametrize("events", WAL_EVENTS.values(), ids=list(WAL_EVENTS))
def test_races_with_a_wal(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, events: tuple[str, ...]
) -> None:
    with closing(sqlite3.connect(bank, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("PRAGMA synchronous = OFF")
        for number in range(5):
            pay(db, giver=300 * number + 2, taker=300 * number + 250)

        def happen() -> None:
            for event in events:
                if event == "pay":
                    pay(db)
                elif event == "close":
                    db.close()
                elif event == "DELETE":
                    assert db.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
                else:
                    db.execute(f"PRAGMA wal_checkpoint({event})")

        interrupt(monkeypatch, step, happen)
        assert 5 <= transfers(take_snapshot(bank, tmp_path / "scratch")) <= 5 + events.count("pay")


JOURNAL_EVENTS = ("pay", "begin", "begin, roll back", "begin, commit", "replace")


@pytest.mark.parametrize("step", range(STEPS))
@pytest.mark.parametrize("events", JOURNAL_EVENTS)
@pytest.mark.parametrize("journal_mode", ["DELETE", "TRUNCATE", "PERSIST"])
def test_races_with_a_journal_where_there_are_no_locks(
    bank: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    events: str,
    journal_mode: str,
) -> None:
    monkeypatch.setattr(snapshot, "_copy_locked", lambda *_, **__: sqlite3.SQLITE_IOERR)
    with closing(sqlite3.connect(bank, isolation_level=None)) as db:
        db.execute(f"PRAGMA journal_mode = {journal_mode}")
        db.execute("PRAGMA cache_size = 5")
        db.execute("PRAGMA synchronous = OFF")
        pay(db)

        def happen() -> None:
            for event in events.split(", "):
                if event == "pay":
                    pay(db)
                elif event == "begin":
                    db.execute("BEGIN IMMEDIATE")
                    db.execute("UPDATE accounts SET money = money - 1 WHERE id % 2")
                    db.execute("UPDATE accounts SET money = money + 1 WHERE NOT id % 2")
                elif event == "replace":
                    other = make_bank(tmp_path / "other.db")
                    other.rename(bank)
                else:
                    db.execute("ROLLBACK" if event == "roll back" else "COMMIT")

        interrupt(monkeypatch, step, happen)
        assert transfers(take_snapshot(bank, tmp_path / "scratch")) in {0, 1, 2}


@pytest.mark.parametrize("step", range(STEPS))
def test_a_hot_journal_that_the_site_rolls_back_meanwhile(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    kill_mid_transaction(bank, "spill")

    def roll_back() -> None:
        with closing(sqlite3.connect(bank, isolation_level=None)) as db:
            pay(db)

    interrupt(monkeypatch, step, roll_back)
    assert transfers(take_snapshot(bank, tmp_path / "scratch")) in {0, 1}


def test_a_site_that_turns_to_wal_at_the_last_moment(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_locked = snapshot._copy_locked

    def late(*arguments: Any, **options: Any) -> Any:
        with closing(sqlite3.connect(bank, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
        assert {path.name for path in bank.parent.iterdir()} == {"bank.db"}
        answer = copy_locked(*arguments, **options)
        assert {path.name for path in bank.parent.iterdir()} == {"bank.db"}
        return answer

    monkeypatch.setattr(snapshot, "_copy_locked", late)
    assert transfers(take_snapshot(bank, tmp_path / "scratch")) == 0
    assert {path.name for path in bank.parent.iterdir()} == {"bank.db"}


def test_a_writer_that_never_pauses(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(bank, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        opened = Path.open

        def opening(path: Path, *arguments: Any, **options: Any) -> Any:
            pay(db)
            db.execute("PRAGMA wal_checkpoint(RESTART)")
            return opened(path, *arguments, **options)

        monkeypatch.setattr(Path, "open", opening)
        started = time.monotonic()
        sentence = refusal(bank, tmp_path / "scratch", patience_seconds=0.3)
        assert time.monotonic() - started < 30
    assert "no consistent copy within 0.3 s" in sentence
    assert "never pause writing it. Try again" in sentence


# --- names, and what is no database ----------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["what?.db", "a#b.db", "50%25.db", "my bar.db", "bär🍸.db", "a&b=c.db"]
)
@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_odd_names(tmp_path: Path, name: str, mode: str) -> None:
    folder = tmp_path / "what? #1 100%"
    folder.mkdir()
    path = write_database(folder / name)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA journal_mode = {mode}")
        db.execute("UPDATE recipes SET name = 'Changed' WHERE id = 100")
        before = {entry.name for entry in folder.iterdir()}
        copy = take_snapshot(path, tmp_path / "scratch #2?")
        assert load_catalog(copy).recipes.names[0] == "Changed"
        assert {entry.name for entry in folder.iterdir()} == before


def test_a_relative_name_and_a_link(
    bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    link = tmp_path / "link.db"
    link.symlink_to(bank)
    kill_mid_transaction(bank, "rows-in-wal")
    assert transfers(take_snapshot("link.db", Path("scratch"))) == 21  # its WAL is elsewhere
    assert transfers(take_snapshot(Path("site/bank.db"), tmp_path / "scratch")) == 21
    assert not (tmp_path / "link.db-wal").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no.db", "does not exist"),
        ("site/bank.db/x.db", "does not exist"),
        ("site", "is a directory"),
        ("pipe", "is not a regular file"),
        ("dangling", "does not exist"),
        ("loop", "cannot be read"),
        ("empty.db", "is empty"),
        ("text.db", "is not a SQLite file"),
        ("short.db", "is truncated"),
        ("torn.db", "is truncated"),
        ("garbled.db", "is corrupt"),
        ("garbled-wal.db", "is corrupt"),
    ],
)
def test_what_is_no_database(bank: Path, tmp_path: Path, name: str, reason: str) -> None:
    content = bank.read_bytes()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("id,name\n")
    (tmp_path / "short.db").write_bytes(content[:60])
    (tmp_path / "torn.db").write_bytes(content[: len(content) // 2])
    garbled = bytearray(content)
    garbled[8192:40960] = os.urandom(32768)
    (tmp_path / "garbled.db").write_bytes(garbled)
    garbled[18:20] = b"\x02\x02"
    (tmp_path / "garbled-wal.db").write_bytes(garbled)
    assert reason in refusal(tmp_path / name, tmp_path / "scratch")


def test_flipped_bytes_never_crash(tmp_path: Path) -> None:
    sound = write_database(tmp_path / "sound.db").read_bytes()
    path = tmp_path / "flipped.db"
    draw = random.Random(9)
    copied = 0
    for _ in range(150):
        flipped = bytearray(sound)
        last = draw.choice((110, 4096, len(sound)))
        for _ in range(draw.choice((1, 2, 5, 40))):
            flipped[draw.randrange(last)] = draw.randrange(256)
        path.write_bytes(flipped)
        with suppress(DataError):
            load_catalog(take_snapshot(path, tmp_path / "scratch", patience_seconds=0.05))
            copied += 1
    assert 10 < copied < 140
    assert {entry.name for entry in tmp_path.iterdir()} == {"scratch", "sound.db", "flipped.db"}


def test_a_scratch_folder_that_cannot_be_written(bank: Path, tmp_path: Path) -> None:
    (tmp_path / "scratch").touch()
    with pytest.raises(StorageError, match="scratch"):
        take_snapshot(bank, tmp_path / "scratch")


# --- S3 --------------------------------------------------------------------------------------


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for key, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(key, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="bar")
    yield client
    server.stop()


def test_a_database_in_s3(s3: Any, tmp_path: Path) -> None:
    path = write_database(tmp_path / "bar.db")
    scratch = tmp_path / "scratch"
    s3.put_object(Bucket="bar", Key="data/bar #1.db", Body=path.read_bytes())
    s3.put_object(Bucket="bar", Key="text", Body=b"id,name\n")
    s3.put_object(Bucket="bar", Key="torn", Body=path.read_bytes()[:9000])
    copy = take_snapshot("s3://bar/data/bar #1.db", scratch, fetch=fetch)
    assert load_catalog(copy).fingerprint == load_catalog(path).fingerprint
    shutil.rmtree(copy.parent)
    assert "does not exist" in refusal("s3://bar/none.db", scratch)
    assert "is not a SQLite file" in refusal("s3://bar/text", scratch)
    assert "is corrupt" in refusal("s3://bar/torn", scratch)
    assert "write s3://bucket/key" in refusal("s3://bar", scratch)
    with pytest.raises(StorageError, match="no-such-bucket"):
        take_snapshot("s3://no-such-bucket/bar.db", scratch, fetch=fetch)
    assert list(scratch.iterdir()) == []


def test_s3_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3: Any) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(StorageError, match=r"s3://bar/bar\.db"):
            take_snapshot("s3://bar/bar.db", tmp_path, fetch=fetch)
