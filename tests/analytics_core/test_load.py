"""Loading a database from S3: real uploads, real writers, real processes killed half-way."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics_core import load as load_module
from analytics_core.errors import DataError, StorageError
from analytics_core.load import load_database
from analytics_core.settings import RefreshSettings
from analytics_core.source.cocktaildb import load_catalog
from analytics_core.source.snapshot import take_snapshot
from tests.analytics_core.bodies import Bodies
from tests.analytics_core.databases import RECIPES, SCHEMA, change, write_database
from tests.analytics_core.source.test_snapshot import as_nobody
from tests.analytics_core.test_cli import COMMAND, log_lines, run
from tests.servers import AwsServer, unreachable_url

NAME = "cocktails.db"
LOCK = f".{NAME}.loading"
OLD, NEW = "Old Pal", "New York Sour"
JOURNAL_IN_USE = bytes.fromhex("d9d505f920a163d7")


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch, aws: AwsServer) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The site's folder, with a database whose first recipe is `OLD`."""
    folder = tmp_path / "site"
    folder.mkdir()
    named(folder / NAME, OLD)
    return folder


def named(path: Path, name: str, *more: str) -> Path:
    """Write a database in which a recipe has this name."""
    recipes = [(100, name), *RECIPES[1:]]
    return change(write_database(path, recipes=recipes), *more)


def upload(s3: Any, bucket: str, path: Path, key: str = "incoming/1/site.db") -> str:
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    s3.put_object(Bucket=bucket, Key=key, Body=data, Metadata={"sha256": digest})
    return f"s3://{bucket}/{key}"


def uploads(s3: Any, bucket: str) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.fixture
def source(s3: Any, bucket: str, tmp_path: Path) -> str:
    """An upload whose first recipe is `NEW`."""
    return upload(s3, bucket, named(tmp_path / "site.db", NEW))


def first_recipe(folder: Path, name: str = NAME) -> str:
    """Read a folder's database on a copy of everything, as whoever opens it next finds it."""
    with tempfile.TemporaryDirectory() as copy:
        for suffix in ("", "-wal", "-journal"):
            path = folder / f"{name}{suffix}"
            if path.exists():
                shutil.copy(path, copy)
        with closing(sqlite3.connect(Path(copy, name))) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            found = db.execute("SELECT name FROM recipes WHERE id = 100").fetchone()[0]
            assert db.execute("SELECT count(*) FROM recipes").fetchone()[0] >= len(RECIPES)
    return str(found)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what a load does ------------------------------------------------------------------------


def test_the_upload_takes_the_place_of_the_old_database(
    site: Path, source: str, s3: Any, bucket: str, tmp_path: Path
) -> None:
    (site / NAME).chmod(0o640)
    done = run("load", env={**os.environ, "LOAD_SOURCE": source, "DB_PATH": str(site / NAME)})
    assert done.returncode == 0, done.stderr
    assert (site / NAME).read_bytes() == (tmp_path / "site.db").read_bytes()
    assert stat.S_IMODE((site / NAME).stat().st_mode) == 0o640
    assert names(site) == [LOCK, NAME]
    assert uploads(s3, bucket) == []
    [finished] = log_lines(done.stdout)
    assert finished["event"] == "load.finished"
    assert (finished["path"], finished["already"]) == (str(site / NAME), False)
    fetched, checked = log_lines(done.stderr)
    assert (fetched["event"], fetched["bytes"]) == ("load.fetched", (site / NAME).stat().st_size)
    assert (checked["event"], checked["recipes"]) == ("load.checked", len(RECIPES))


def test_the_first_database_of_an_empty_file_system(source: str, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        load_database(source, tmp_path / "efs" / "data" / NAME)
    finally:
        os.umask(before)
    assert first_recipe(tmp_path / "efs" / "data") == NEW
    assert stat.S_IMODE((tmp_path / "efs" / "data" / NAME).stat().st_mode) == 0o640


def test_the_upload_is_read_as_a_refresh_reads_it(
    site: Path, s3: Any, bucket: str, tmp_path: Path
) -> None:
    """An ounce of a liter is doubted, as in a refresh; by the site's own rule nobody doubts it."""
    liter = "UPDATE units SET conversion_to_ml = 1000 WHERE name = 'Ounce'"
    path = named(tmp_path / "site.db", NEW, liter)
    loaded = load_database(upload(s3, bucket, path), site / NAME).catalog
    assert loaded
    refreshed = load_catalog(path, volumes=RefreshSettings().volume_rule)
    assert loaded.findings == refreshed.findings != ()


def test_a_link_is_followed(site: Path, source: str, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(site / NAME)
    load_database(source, link)
    assert link.is_symlink()
    assert first_recipe(site) == NEW


def test_file_and_folder_are_flushed_around_the_rename(
    site: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    flush, rename = os.fsync, Path.replace

    def record(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        order.append(f"flush {re.sub('-[0-9a-f]{16}$', '', target.name)}")
        flush(descriptor)

    def replace(path: Path, target: Path) -> Path:
        order.append(f"rename to {target.name}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", record)
    monkeypatch.setattr(Path, "replace", replace)
    load_database(source, site / NAME)
    assert order == [f"flush {LOCK}", f"flush {LOCK}", f"rename to {NAME}", "flush site"]


def test_an_upload_in_wal_mode_is_delivered_as_one_file(
    site: Path, s3: Any, bucket: str, tmp_path: Path
) -> None:
    path = named(tmp_path / "wal.db", NEW, "PRAGMA journal_mode = WAL")
    assert path.read_bytes()[18:20] == b"\x02\x02"
    load_database(upload(s3, bucket, path), site / NAME)
    assert (site / NAME).read_bytes()[18:20] == b"\x01\x01"
    assert names(site) == [LOCK, NAME]
    assert first_recipe(site) == NEW


def test_an_upload_larger_than_a_chunk(site: Path, s3: Any, bucket: str, tmp_path: Path) -> None:
    path = named(tmp_path / "large.db", NEW, "CREATE TABLE padding (bytes)")
    change(path, "INSERT INTO padding VALUES (zeroblob(5000001))")
    load_database(upload(s3, bucket, path), site / NAME)
    assert (site / NAME).read_bytes() == path.read_bytes()


# --- uploads that cannot be used -------------------------------------------------------------


def lacks_recipes(path: Path) -> bytes:
    return change(named(path, NEW), "DROP TABLE recipes").read_bytes()


def twice(path: Path) -> bytes:
    loose = write_database(path, schema=re.sub("PRIMARY KEY|UNIQUE", "", SCHEMA))
    return change(loose, "INSERT INTO recipes (id, name) VALUES (100, 'Twin')").read_bytes()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: b"id,name\n1,Negroni\n" * 100, "is not a SQLite file"),
        (lambda path: b"", "is empty"),
        (lambda path: named(path, NEW).read_bytes()[:9000], "is corrupt"),
        (lacks_recipes, "lacks the table recipes"),
        (twice, "more than one row with id 100"),
    ],
)
def test_what_a_refresh_could_not_use_changes_nothing(
    site: Path, s3: Any, bucket: str, tmp_path: Path, make: Callable[[Path], bytes], sentence: str
) -> None:
    s3.put_object(Bucket=bucket, Key="incoming/my bar.db", Body=make(tmp_path / "bad.db"))
    before = (site / NAME).read_bytes()
    source = f"s3://{bucket}/incoming/my bar.db"
    done = run("load", "--source", source, "--db", site / NAME, env=os.environ)
    assert done.returncode == 3, done.stderr
    said = log_lines(done.stderr)[-1]
    assert said["event"] == "load.failed"
    assert sentence in said["message"]
    assert source in said["message"]
    assert "loading" not in said["message"]
    assert (site / NAME).read_bytes() == before
    assert names(site) == [LOCK, NAME]
    assert uploads(s3, bucket) == ["incoming/my bar.db"], "it may be the only copy"


def test_an_upload_that_is_not_what_was_sent(
    site: Path, s3: Any, bucket: str, tmp_path: Path
) -> None:
    data = named(tmp_path / "site.db", NEW).read_bytes()
    s3.put_object(Bucket=bucket, Key="k", Body=data, Metadata={"sha256": "0" * 64})
    with pytest.raises(DataError, match=f"s3://{bucket}/k is not what was sent"):
        load_database(f"s3://{bucket}/k", site / NAME)
    assert first_recipe(site) == OLD


@pytest.mark.parametrize("source", ["site.db", "s3://bucket", "s3:///key", "gs://bucket/key"])
def test_what_is_no_object(site: Path, source: str) -> None:
    with pytest.raises(DataError, match="write s3://bucket/key"):
        load_database(source, site / NAME)


def test_an_upload_that_is_not_there(site: Path, bucket: str) -> None:
    with pytest.raises(DataError, match=f"s3://{bucket}/none.db does not exist; upload it again"):
        load_database(f"s3://{bucket}/none.db", site / NAME)
    assert first_recipe(site) == OLD


def test_a_target_in_s3_is_wrong_use() -> None:
    done = run("load", "--source", "s3://b/k", "--db", "s3://b/database.db")
    assert done.returncode == 2
    assert "without a load" in done.stderr


# --- killed at any instant -------------------------------------------------------------------


def killed_at(step: int, source: str, target: Path) -> bool:
    """Load in a process that is killed before the `step`-th line of load.py; whether it was."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    left = step

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename != load_module.__file__:
            return None
        left -= event == "line"
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    try:
        sys.settrace(trace)
        load_database(source, target)
        sys.settrace(None)
    except BaseException as error:  # noqa: BLE001 - the test sees that the process ended otherwise
        os.write(2, f"{error!r}\n".encode())
        os._exit(1)
    os._exit(0)


def wal_of_a_dead_writer(path: Path) -> None:
    """Leave rows of the database in a WAL, as a writer that was killed does."""
    writer = f"""
import os, sqlite3
db = sqlite3.connect({str(path)!r}, isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("UPDATE recipes SET name = 'In The WAL' WHERE id = 100")
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", writer], check=False)
    assert path.with_name(f"{NAME}-wal").stat().st_size > 0
    assert first_recipe(path.parent) == "In The WAL"


def journal_of_a_dead_writer(path: Path) -> None:
    """Leave a transaction half-written, as a writer that was killed does."""
    writer = f"""
import os, sqlite3
db = sqlite3.connect({str(path)!r}, isolation_level=None)
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE recipes SET name = name || ' torn'")
db.execute("CREATE TABLE much (bytes)")
for _ in range(100):
    db.execute("INSERT INTO much VALUES (hex(zeroblob(3000)))")
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", writer], check=False)
    assert path.with_name(f"{NAME}-journal").read_bytes()[:8] == JOURNAL_IN_USE
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as db:
        found = db.execute("SELECT count(*) FROM recipes WHERE name LIKE '% torn'").fetchone()
    assert found[0] > 0, "nothing was written before the writer died"
    assert first_recipe(path.parent) == OLD


DEAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "at rest": (lambda path: None, OLD),
    "a dead writer's WAL": (wal_of_a_dead_writer, "In The WAL"),
    "a dead writer's journal": (journal_of_a_dead_writer, OLD),
}


@pytest.fixture(params=list(DEAD))
def begin_anew(request: pytest.FixtureRequest, site: Path, tmp_path: Path) -> tuple[Any, str]:
    """What puts the site's folder into a state, and the first recipe as it is in that state."""
    make, old = DEAD[request.param]
    make(site / NAME)
    shutil.copytree(site, tmp_path / "as it was")

    def put() -> None:
        shutil.rmtree(site)
        shutil.copytree(tmp_path / "as it was", site)

    return put, old


@pytest.mark.parametrize("stride", [15, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_every_line_and_run_again(
    site: Path, s3: Any, bucket: str, tmp_path: Path, begin_anew: tuple[Any, str], stride: int
) -> None:
    sound = named(tmp_path / "site.db", NEW)
    put, old = begin_anew
    seen = []
    killed, step = True, 0
    while killed:
        put()
        source = upload(s3, bucket, sound, key=f"incoming/{step}/site.db")
        killed = killed_at(step, source, site / NAME)
        seen.append(now := first_recipe(site))
        assert now in {old, NEW}
        if now == NEW:
            assert not {f"{NAME}-wal", f"{NAME}-journal"} & set(names(site))
        load_database(source, site / NAME)
        assert first_recipe(site) == NEW
        assert names(site) == [LOCK, NAME]
        assert uploads(s3, bucket) == []
        step += stride
    assert step > 100
    assert seen == sorted(seen, key=(old, NEW).index)
    assert set(seen) == {old, NEW}


@pytest.mark.slow
def test_killed_at_random_instants(
    site: Path, s3: Any, bucket: str, tmp_path: Path, begin_anew: tuple[Any, str]
) -> None:
    """Not between two lines only: inside SQLite, boto3 and system calls too."""
    sound = named(tmp_path / "site.db", NEW, "CREATE TABLE padding (bytes)")
    change(sound, "INSERT INTO padding VALUES (zeroblob(3000000))")
    put, old = begin_anew
    draw = random.Random(old)
    seen = set()
    for number in range(10):
        put()
        source = upload(s3, bucket, sound, key=f"incoming/{number}/site.db")
        for _ in range(3):
            child = os.fork()
            if child == 0:
                load_database(source, site / NAME)
                os._exit(0)
            time.sleep(draw.uniform(0, 0.15))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            seen.add(now := first_recipe(site))
            assert now in {old, NEW}
        load_database(source, site / NAME)
        assert first_recipe(site) == NEW
        assert names(site) == [LOCK, NAME]
        assert uploads(s3, bucket) == []
    assert old in seen


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    kills=st.lists(st.integers(0, 160), max_size=3),
    site_writes=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_what_the_site_writes_into_the_new_database_outlives_every_retry(
    s3: Any, bucket: str, kills: list[int], site_writes: list[bool]
) -> None:
    """Between the retries the site goes on writing, into the old database or the new one."""
    with tempfile.TemporaryDirectory() as name:
        site = Path(name, "site")
        site.mkdir()
        named(site / NAME, OLD)
        source = upload(s3, bucket, named(Path(name, "new.db"), NEW))
        kept: list[str] = []
        for step, writes in zip([*kills, 10_000], site_writes, strict=False):
            killed_at(step, source, site / NAME)
            if writes:
                known = f"written after {step}"
                change(site / NAME, f"INSERT INTO tags (name) VALUES ('{known}')")
                if first_recipe(site) == NEW:
                    kept.append(known)
        load_database(source, site / NAME)
        assert first_recipe(site) == NEW
        with closing(sqlite3.connect(site / NAME)) as db:
            assert [tag for (tag,) in db.execute("SELECT name FROM tags ORDER BY id")] == kept


def test_only_its_own_leftovers_are_removed(site: Path, source: str) -> None:
    own = [f"{LOCK}-{'0' * 16}{suffix}" for suffix in ("", "-journal", "-wal", "-shm")]
    others = [
        f".other.db.loading-{'0' * 16}",
        f".{NAME}-copy.loading-{'0' * 16}",
        f"{LOCK}-notes",
        f"{LOCK}-{'0' * 16}.txt",
        "site.db",
    ]
    for name in (*own, *others):
        (site / name).write_text(name)
    load_database(source, site / NAME)
    assert names(site) == sorted([LOCK, NAME, *others])


# --- run again -------------------------------------------------------------------------------


def test_a_load_that_came_to_its_end_may_be_run_again(
    site: Path, source: str, s3: Any, bucket: str
) -> None:
    first = load_database(source, site / NAME)
    assert first.catalog is not None
    change(site / NAME, "UPDATE recipes SET name = 'Written Since' WHERE id = 100")
    done = run("load", "--source", source, "--db", site / NAME, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert log_lines(done.stdout)[0]["already"] is True
    assert first_recipe(site) == "Written Since"


def test_an_upload_of_the_same_name_is_another(
    site: Path, source: str, s3: Any, bucket: str, tmp_path: Path
) -> None:
    load_database(source, site / NAME)
    assert upload(s3, bucket, named(tmp_path / "next.db", "Next")) == source
    assert load_database(source, site / NAME).catalog is not None
    assert first_recipe(site) == "Next"


def test_a_receipt_of_a_file_that_was_replaced_counts_for_nothing(
    site: Path, source: str, tmp_path: Path
) -> None:
    load_database(source, site / NAME)
    named(tmp_path / "other.db", "Other").replace(site / NAME)
    with pytest.raises(DataError, match="does not exist"):
        load_database(source, site / NAME)
    assert first_recipe(site) == "Other"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"source": 1}', b"\xff" * 5000])
def test_a_torn_receipt_counts_for_nothing(site: Path, source: str, content: bytes) -> None:
    (site / LOCK).write_bytes(content)
    assert load_database(source, site / NAME).catalog is not None
    assert first_recipe(site) == NEW


def test_an_upload_that_cannot_be_removed_is_said(
    site: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from analytics_core.store import S3Storage

    def refuse(self: S3Storage, key: str) -> None:
        raise StorageError(f"cannot delete {key}: access denied")

    monkeypatch.setattr(S3Storage, "delete", refuse)
    assert "access denied" in (load_database(source, site / NAME).upload_left or "")
    assert first_recipe(site) == NEW
    monkeypatch.undo()


# --- two at once -----------------------------------------------------------------------------


def test_of_two_loads_at_once_both_arrive_whole(
    site: Path, s3: Any, bucket: str, tmp_path: Path
) -> None:
    sources = [
        upload(s3, bucket, named(tmp_path / f"{n}.db", f"Load {n}"), key=f"incoming/{n}")
        for n in range(4)
    ]
    processes = [
        subprocess.Popen(
            [*COMMAND, "load", "--source", source, "--db", str(site / NAME)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for source in sources
    ]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert first_recipe(site) in {f"Load {n}" for n in range(4)}
    assert names(site) == [LOCK, NAME]
    assert uploads(s3, bucket) == []


def test_a_load_that_never_ends_is_waited_for_and_named(
    site: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "OTHER_LOAD_PATIENCE_SECONDS", 0.3)
    with (site / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StorageError, match=r"another load of .*cocktails\.db"):
            load_database(source, site / NAME)
    load_database(source, site / NAME)
    assert first_recipe(site) == NEW


# --- a database in use -----------------------------------------------------------------------

SITE = """
import sqlite3, sys
path, what = sys.argv[1:]
db = sqlite3.connect(path, isolation_level=None, timeout=30)
if what == "WAL":
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("UPDATE recipes SET name = 'In The WAL' WHERE id = 100")
elif what == "transaction":
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE recipes SET name = 'Uncommitted' WHERE id = 100")
elif what == "reading":
    db.execute("BEGIN")
    db.execute("SELECT * FROM recipes").fetchone()
elif what == "idle":
    db.execute("SELECT * FROM recipes").fetchall()
print("ready", flush=True)
for line in sys.stdin:
    try:
        answer = db.execute(line).fetchall()
    except sqlite3.Error as error:
        answer = error.sqlite_errorname
    print(answer, flush=True)
db.close()
"""


@contextmanager
def living(path: Path, what: str) -> Iterator[Callable[[str], str]]:
    """A site that has the database open; a call runs SQL there."""
    process = subprocess.Popen(
        [sys.executable, "-c", SITE, str(path), what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    def ask(sql: str) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{sql}\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    try:
        yield ask
    finally:
        process.communicate(timeout=120)


IN_USE = {"WAL": "In The WAL", "transaction": OLD, "reading": OLD}


@pytest.mark.parametrize("what", IN_USE)
def test_a_database_in_use_is_not_replaced(
    site: Path, source: str, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(load_module, "IN_USE_PATIENCE_SECONDS", 0.5)
    with living(site / NAME, what) as ask:
        inode = (site / NAME).stat().st_ino
        with pytest.raises(StorageError, match=r"is in use.*Stop.*--even-in-use"):
            load_database(source, site / NAME)
        assert (site / NAME).stat().st_ino == inode
        assert len(uploads(s3, bucket)) == 1
        expected = "Uncommitted" if what == "transaction" else IN_USE[what]
        assert ask("SELECT name FROM recipes WHERE id = 100") == f"[('{expected}',)]"
    assert first_recipe(site) == IN_USE[what]
    load_database(source, site / NAME)
    assert first_recipe(site) == NEW
    assert names(site) == [LOCK, NAME]


def test_a_transaction_that_ends_in_time_is_waited_for(site: Path, source: str) -> None:
    with living(site / NAME, "transaction") as ask:
        later = threading.Timer(1.0, ask, ["COMMIT"])
        later.start()
        load_database(source, site / NAME)
        later.join()
    assert first_recipe(site) == NEW


@pytest.mark.parametrize("what", IN_USE)
def test_told_so_a_database_in_use_is_replaced(site: Path, source: str, what: str) -> None:
    with living(site / NAME, what) as ask:
        load_database(source, site / NAME, even_in_use=True)
        assert not {f"{NAME}-wal", f"{NAME}-journal"} & set(names(site))
        for number in range(50):  # and whatever the living one does then stays with the old file
            ask(f"UPDATE recipes SET description = hex(zeroblob(9000 + {number}))")
        ask("COMMIT")
        assert first_recipe(site) == NEW
    assert first_recipe(site) == NEW
    assert not {f"{NAME}-wal", f"{NAME}-journal"} & set(names(site))


def test_an_idle_connection_keeps_the_old_file_and_cannot_write(site: Path, source: str) -> None:
    """What SQLite promises and the load counts on."""
    with living(site / NAME, "idle") as ask:
        load_database(source, site / NAME)
        assert ask("SELECT name FROM recipes WHERE id = 100") == f"[('{OLD}',)]"
        assert ask("DELETE FROM recipes") == "SQLITE_READONLY_DBMOVED"
        assert ask("PRAGMA journal_mode = WAL") == "SQLITE_READONLY_DBMOVED"
    assert names(site) == [LOCK, NAME]
    assert first_recipe(site) == NEW


def test_a_refresh_that_reads_meanwhile_gets_one_of_the_two(
    site: Path, s3: Any, bucket: str, tmp_path: Path
) -> None:
    """Loads and snapshots as fast as they can, neither waiting for the other's end in vain."""
    versions = [OLD, NEW]
    for number, name in enumerate(versions):
        change(named(tmp_path / f"{number}.db", name), "CREATE TABLE padding (bytes)")
        change(tmp_path / f"{number}.db", "INSERT INTO padding VALUES (zeroblob(2000000))")
    child = os.fork()
    if child == 0:
        try:
            for number in range(6):
                key = f"incoming/{number}/site.db"
                load_database(upload(s3, bucket, tmp_path / f"{number % 2}.db", key), site / NAME)
        except BaseException as error:  # noqa: BLE001 - the test sees that the process ended otherwise
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    seen = set()
    ended = 0
    while not ended:
        copy = take_snapshot(site / NAME, tmp_path / "scratch")
        seen.add(load_catalog(copy).recipes.names[0])
        shutil.rmtree(copy.parent)
        ended, status = os.waitpid(child, os.WNOHANG)
    assert os.waitstatus_to_exitcode(status) == 0
    assert seen == set(versions)


@pytest.mark.parametrize("state", list(DEAD)[1:])
def test_a_bad_upload_leaves_a_dead_writers_rows_alone(
    site: Path, s3: Any, bucket: str, state: str
) -> None:
    make, old = DEAD[state]
    make(site / NAME)
    before = {path.name: path.read_bytes() for path in site.iterdir()}
    s3.put_object(Bucket=bucket, Key="k", Body=b"no database")
    with pytest.raises(DataError):
        load_database(f"s3://{bucket}/k", site / NAME)
    assert {name: (site / name).read_bytes() for name in before} == before
    assert first_recipe(site) == old


def test_a_wal_without_its_database_is_not_left_beside_the_new_one(site: Path, source: str) -> None:
    wal_of_a_dead_writer(site / NAME)
    (site / NAME).unlink()
    load_database(source, site / NAME)
    assert first_recipe(site) == NEW
    assert names(site) == [LOCK, NAME]


@pytest.mark.parametrize("content", [b"", b"no database at all " * 500])
def test_what_is_no_database_is_replaced_with_what_lies_beside_it(
    site: Path, source: str, content: bytes
) -> None:
    wal_of_a_dead_writer(site / NAME)
    (site / NAME).write_bytes(content)
    load_database(source, site / NAME)
    assert first_recipe(site) == NEW
    assert names(site) == [LOCK, NAME]


# --- places that cannot be written -----------------------------------------------------------


def storage_refusal(source: str, target: Path, tmp_path: Path, *before: str) -> str:
    """Load in a process with file systems of its own; the sentence it fails with."""
    environment = {**os.environ, "LOAD_SOURCE": source, "DB_PATH": str(target)}
    command = f"{sys.executable} -m analytics_core load"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", "\n".join([*before, f"exec {command}"])],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 4, done.stderr
    message = str(json.loads(done.stderr.splitlines()[-1])["message"])
    assert str(target) in message
    return message


def can_mount() -> bool:
    return not subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode


@pytest.mark.skipif(not can_mount(), reason="mounting needs rights that this user lacks")
def test_file_systems_that_cannot_be_written(source: str, tmp_path: Path) -> None:
    place = tmp_path / "efs"
    place.mkdir()
    read_only = storage_refusal(
        source, place / NAME, tmp_path, f"mount -t tmpfs -o ro none {place}"
    )
    assert "Read-only file system" in read_only
    full = storage_refusal(
        source, place / NAME, tmp_path, f"mount -t tmpfs -o size=16k none {place}"
    )
    assert re.search(r"it has \d+ kB, and 17 kB are free there; free some space", full), full


def test_a_folder_and_a_file_of_somebody_else(source: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="load-test-"))
    try:
        named(folder / NAME, OLD)
        folder.chmod(0o755)

        def refusal() -> str:
            try:
                load_database(source, folder / NAME)
            except StorageError as error:
                return str(error)
            return "loaded"

        denied = f"cannot write {folder / NAME}: Permission denied"
        assert as_nobody(refusal).startswith(denied)
        folder.chmod(0o777)
        (folder / NAME).chmod(0o644)
        assert as_nobody(refusal).startswith(denied), "whether it is in use cannot be seen"
        assert first_recipe(folder) == OLD
        assert names(folder) == [LOCK, NAME]
    finally:
        shutil.rmtree(folder)


def test_a_folder_in_the_databases_place(site: Path, source: str) -> None:
    (site / "folder.db").mkdir()
    with pytest.raises(StorageError, match=r"folder\.db: Is a directory"):
        load_database(source, site / "folder.db")


def test_s3_that_does_not_answer_is_exit_4(site: Path) -> None:
    with unreachable_url() as nowhere:
        variables = {**os.environ, "AWS_ENDPOINT_URL": nowhere, "AWS_MAX_ATTEMPTS": "1"}
        done = run("load", "--source", "s3://bucket/k", "--db", site / NAME, env=variables)
    assert done.returncode == 4
    assert "s3://bucket/k: the connection failed" in log_lines(done.stderr)[-1]["message"]
    assert first_recipe(site) == OLD
    assert names(site) == [LOCK, NAME]


# --- stopping, and bodies that break off -----------------------------------------------------


def test_a_body_that_breaks_off_is_fetched_anew(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = named(tmp_path / "site.db", NEW).read_bytes()
    with Bodies(data, breaks=3) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        load_database("s3://bucket/k", site / NAME)
    assert (site / NAME).read_bytes() == data
    assert server.methods == ["GET"] * 4 + ["DELETE"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("stops", ["before the answer", "in the body"])
def test_asked_to_stop_it_leaves_the_old_database_and_nothing_else(
    site: Path, tmp_path: Path, number: signal.Signals, stops: str
) -> None:
    server = Bodies(named(tmp_path / "site.db", NEW).read_bytes(), stops=stops)
    process = subprocess.Popen(
        [*COMMAND, "load"],
        env={
            **os.environ,
            "AWS_ENDPOINT_URL": server.url,
            "LOAD_SOURCE": "s3://bucket/k",
            "DB_PATH": str(site / NAME),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.started.wait(120)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    server.close()
    assert process.returncode == 75, said
    last = log_lines(said)[-1]
    assert last["event"] == "load.interrupted"
    assert signal.Signals(number).name in last["message"]
    assert names(site) == [LOCK, NAME]
    assert first_recipe(site) == OLD
