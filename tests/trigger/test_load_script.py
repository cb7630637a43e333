"""The load of a database from the terminal: the real script, and the real job behind it.

The emulator runs no containers. Here the submitted job runs as a process instead, with the
variables that it was submitted with, and Batch shows what became of it.
"""

from __future__ import annotations

import hashlib
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.analytics_core.databases import change, write_database
from tests.trigger.conftest import Cloud, register
from tests.trigger.front import ROOT, Front, standing_before

SCRIPT = "load-database.sh"
PREFIX = "some/prefix"


@pytest.fixture
def efs(tmp_path: Path) -> Path:
    """Where the deployed database lies, with one of the name Old Pal."""
    folder = tmp_path / "efs"
    folder.mkdir()
    return named(folder / "cocktails.db", "Old Pal")


@pytest.fixture
def front(cloud: Cloud, efs: Path) -> Iterator[Front]:
    outputs = {
        "Documents": f"s3://{cloud.bucket}/{PREFIX}",
        "DatabasePath": str(efs),
        "JobQueue": cloud.queue,
        "LoadJobDefinition": register(cloud.client("batch"), "load"),
    }
    with standing_before(cloud, outputs) as server:
        yield server


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return named(tmp_path / "site.db", "New York Sour")


def named(path: Path, name: str) -> Path:
    return change(write_database(path), f"UPDATE recipes SET name = '{name}' WHERE id = 100")


def first_recipe(path: Path) -> str:
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return str(db.execute("SELECT name FROM recipes WHERE id = 100").fetchone()[0])


def keys(cloud: Cloud) -> list[str]:
    """What lies in the bucket, the trigger's own notes aside."""
    found = cloud.client("s3").list_objects_v2(Bucket=cloud.bucket).get("Contents", [])
    return [entry["Key"] for entry in found if not entry["Key"].startswith("trigger/")]


class Batch:
    """Runs a load job as a process when somebody asks for its status for the second time."""

    def __init__(self, cloud: Cloud, efs: Path) -> None:
        self.cloud, self.efs = cloud, efs
        self.looks: dict[str, int] = {}
        self.uploaded: list[str] = []

    def __call__(self, event: dict[str, Any]) -> None:
        if event.get("action") != "status":
            return
        job_id = event["jobId"]
        self.looks[job_id] = self.looks.get(job_id, 0) + 1
        if self.looks[job_id] == 1:
            self.cloud.emulator.set_job(job_id, status="RUNNING", startedAt=1_000)
            self.uploaded = keys(self.cloud)
            return
        code = 0
        stream = f"load/default/{job_id}"
        [job] = self.cloud.client("batch").describe_jobs(jobs=[job_id])["jobs"]
        if job["jobName"].startswith("load-"):
            code = self.run(job, stream)
        self.cloud.emulator.set_job(
            job_id,
            status="FAILED" if code else "SUCCEEDED",
            startedAt=1_000,
            stoppedAt=4_000,
            container={"exitCode": code, "logStreamName": stream},
        )

    def run(self, job: dict[str, Any], stream: str) -> int:
        given = {entry["name"]: entry["value"] for entry in job["container"]["environment"]}
        kept = {k: v for k, v in os.environ.items() if k.startswith("AWS_") or k == "PATH"}
        done = subprocess.run(
            [sys.executable, "-c", IMPATIENT, "load"],
            env={**kept, "AWS_ENDPOINT_URL": self.cloud.emulator.url, "DB_PATH": str(self.efs)}
            | given,
            capture_output=True,
            text=True,
            timeout=60,
        )
        logs = self.cloud.client("logs")
        logs.create_log_stream(logGroupName=self.cloud.log_group, logStreamName=stream)
        now = int(time.time() * 1000)
        logs.put_log_events(
            logGroupName=self.cloud.log_group,
            logStreamName=stream,
            logEvents=[
                {"timestamp": now, "message": line}
                for line in (done.stderr + done.stdout).splitlines()
            ],
        )
        return done.returncode


IMPATIENT = """
from analytics_core import cli, load
load.IN_USE_PATIENCE_SECONDS = 0.5
cli.main()
"""


@pytest.fixture
def batch(front: Front, cloud: Cloud, efs: Path) -> Batch:
    front.on_event = running = Batch(cloud, efs)
    return running


# --- by a job --------------------------------------------------------------------------------


def test_a_database_in_use_goes_up_whole_and_into_place(
    front: Front, batch: Batch, cloud: Cloud, efs: Path, site: Path
) -> None:
    with closing(sqlite3.connect(site, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE recipes SET name = 'Only In The WAL' WHERE id = 100")
        done = front.run(SCRIPT, "dev", site, "--poll", "0.1")
    assert done.returncode == 0, done.stderr
    assert first_recipe(efs) == "Only In The WAL"
    assert keys(cloud) == []
    [uploaded] = batch.uploaded
    assert re.fullmatch(rf"{PREFIX}/incoming/\d{{8}}T\d{{6}}Z-[0-9a-f]{{8}}/site\.db", uploaded)
    [job] = cloud.jobs()
    assert re.fullmatch(r"load-dev-\d{8}T\d{6}Z-[0-9a-f]{8}", job["jobName"])
    said = done.stdout.splitlines()
    assert said[0] == f"{site}: 5 recipes, 14 ingredients"
    assert re.fullmatch(rf"uploaded \d\.\d MB to s3://{cloud.bucket}/{uploaded}", said[1])
    assert said[2] == f"submitted: {job['jobName']} ({job['jobId']})"
    assert said[3].startswith("running: ")
    assert re.fullmatch(r"  \| \d\d:\d\d:\d\d load\.checked recipes=5 .*", said[5])
    assert "succeeded in 3 s" in said
    assert said[-3:] == [
        f"the database is in place: {efs}",
        "what to do next:",
        "  scripts/trigger-analytics-refresh.sh dev --wait",
    ]


def test_the_bytes_that_were_checked_are_those_that_arrive(
    front: Front, batch: Batch, efs: Path, site: Path
) -> None:
    assert front.run(SCRIPT, "dev", site, "--poll", "0.1").returncode == 0
    with closing(sqlite3.connect(site)) as one, closing(sqlite3.connect(efs)) as other:
        assert list(one.iterdump()) == list(other.iterdump())


def test_refreshing_afterwards(front: Front, batch: Batch, cloud: Cloud, site: Path) -> None:
    done = front.run(SCRIPT, "dev", site, "--refresh", "--poll", "0.1", "--region", "eu-west-1")
    assert done.returncode == 0, done.stderr
    load, refresh = cloud.jobs()
    assert load["jobName"].startswith("load-dev-")
    assert refresh["jobName"].startswith("refresh-dev-")
    assert f"submitted: {refresh['jobName']}" in done.stdout
    assert done.stdout.splitlines()[-1] == "succeeded in 3 s"


def test_what_is_wrong_with_the_file_is_said_before_anything_else(
    front: Front, cloud: Cloud, site: Path, tmp_path: Path
) -> None:
    change(site, "DROP TABLE recipes")
    (tmp_path / "text.db").write_text("no database")
    for path, sentence in (
        (site, f"error: The database {site} lacks the table recipes."),
        (tmp_path / "text.db", "is not a SQLite file"),
        (tmp_path / "none.db", "does not exist"),
    ):
        done = front.run(SCRIPT, "dev", path)
        assert done.returncode == 1
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
    assert cloud.jobs() == []
    assert keys(cloud) == []


def test_findings_are_shown_and_stop_nothing(
    front: Front, batch: Batch, efs: Path, site: Path
) -> None:
    change(site, "UPDATE recipe_ingredients SET unit_id = 99 WHERE id = 1")
    done = front.run(SCRIPT, "dev", site, "--poll", "0.1")
    assert done.returncode == 0, done.stderr
    assert "warning: " in done.stdout
    assert first_recipe(efs) == "New York Sour"


@pytest.mark.parametrize("told", [False, True])
def test_a_deployed_database_in_use(
    front: Front, batch: Batch, cloud: Cloud, efs: Path, site: Path, told: bool
) -> None:
    with closing(sqlite3.connect(efs, isolation_level=None)) as living:
        living.execute("PRAGMA journal_mode = WAL")
        living.execute("UPDATE recipes SET name = 'Living' WHERE id = 100")
        flag = ["--even-in-use"] if told else []
        done = front.run(SCRIPT, "dev", site, "--poll", "0.1", *flag)
        assert done.returncode == (0 if told else 1)
        if not told:
            assert "(exit 4)" in done.stderr
            assert "is in use" in done.stderr
            assert "--even-in-use" in done.stderr
    assert first_recipe(efs) == ("New York Sour" if told else "Living")
    assert keys(cloud) == [], "the person has the original"


# --- into S3 ---------------------------------------------------------------------------------


def test_a_database_in_s3_is_put_there_without_a_job(
    cloud: Cloud, site: Path, tmp_path: Path
) -> None:
    place = f"s3://{cloud.bucket}/database/bar.db"
    with standing_before(cloud, {"DatabasePath": place}) as front:
        done = front.run(SCRIPT, "dev", site)
    assert done.returncode == 0, done.stderr
    assert f"the database is in place: {place}" in done.stdout
    assert cloud.jobs() == []
    assert keys(cloud) == ["database/bar.db"]
    cloud.client("s3").download_file(cloud.bucket, "database/bar.db", str(tmp_path / "back.db"))
    assert first_recipe(tmp_path / "back.db") == "New York Sour"
    head = cloud.client("s3").head_object(Bucket=cloud.bucket, Key="database/bar.db")
    digest = hashlib.sha256((tmp_path / "back.db").read_bytes()).hexdigest()
    assert head["Metadata"] == {"sha256": digest}


# --- what goes wrong -------------------------------------------------------------------------


def test_a_stack_that_is_older_than_this_script(cloud: Cloud, site: Path) -> None:
    with standing_before(cloud, {"DatabasePath": "/mnt/efs/cocktails.db"}) as front:
        done = front.run(SCRIPT, "dev", site)
    assert done.returncode == 1
    assert "stack DevStack has no output LoadJobDefinition; deploy it again" in done.stderr
    assert keys(cloud) == []


def test_a_stack_that_is_not_there(front: Front, site: Path) -> None:
    done = front.run(SCRIPT, "prod", site)
    assert done.returncode == 1
    assert "there is no stack ProdStack" in done.stderr


def test_an_upload_that_is_refused(front: Front, cloud: Cloud, site: Path) -> None:
    def refuse(method: str, path: str) -> tuple[int, bytes] | None:
        if method == "PUT" and "/incoming/" in path:
            denied = "User: me is not authorized to perform: kms:GenerateDataKey"
            return (
                403,
                f"<Error><Code>AccessDenied</Code><Message>{denied}</Message></Error>".encode(),
            )
        return None

    front.on_request = refuse
    done = front.run(SCRIPT, "dev", site)
    assert done.returncode == 1
    assert "kms:GenerateDataKey" in done.stderr
    assert "Your credentials need s3:PutObject there" in done.stderr
    assert "Traceback" not in done.stderr
    assert cloud.jobs() == []


def test_a_job_that_batch_refuses_leaves_no_upload(cloud: Cloud, efs: Path, site: Path) -> None:
    outputs = {
        "Documents": f"s3://{cloud.bucket}",
        "DatabasePath": str(efs),
        "JobQueue": cloud.queue,
        "LoadJobDefinition": f"{cloud.definition}9",
    }
    with standing_before(cloud, outputs) as front:
        done = front.run(SCRIPT, "dev", site)
    assert done.returncode == 1
    assert "Batch refused the job" in done.stderr
    assert keys(cloud) == []


def test_an_answer_of_batch_that_is_lost_keeps_the_upload(
    front: Front, cloud: Cloud, site: Path
) -> None:
    asked: list[str] = []

    def lose(method: str, path: str) -> tuple[int, bytes] | None:
        if "submitjob" in path:
            asked.append(path)
            return 500, b"{}"
        return None

    front.on_request = lose
    done = front.run(SCRIPT, "dev", site)
    assert done.returncode == 1
    assert len(asked) == 1, "a job may be submitted once only"
    assert "did not say whether it took the job load-dev-" in done.stderr
    [upload] = keys(cloud)
    assert f"s3://{cloud.bucket}/{upload}" in done.stderr


def interrupted(process: subprocess.Popen[str], number: signal.Signals) -> tuple[str, str]:
    process.send_signal(number)
    said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said[1]
    return said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_before_the_job_is_submitted_it_leaves_nothing(
    front: Front, cloud: Cloud, site: Path, number: signal.Signals
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold(method: str, path: str) -> tuple[int, bytes] | None:
        if "submitjob" in path:
            reached.set()
            go_on.wait(120)
            return 500, b"{}"
        return None

    front.on_request = hold
    process = front.start(SCRIPT, "dev", site)
    assert reached.wait(120)
    assert len(keys(cloud)) == 1
    interrupted(process, number)
    go_on.set()
    assert keys(cloud) == []
    assert cloud.jobs() == []


def test_stopped_while_it_uploads_in_parts(front: Front, cloud: Cloud, site: Path) -> None:
    change(site, "CREATE TABLE padding (bytes)")
    change(site, "INSERT INTO padding VALUES (zeroblob(20000000))")
    reached, go_on = threading.Event(), threading.Event()

    def hold(method: str, path: str) -> tuple[int, bytes] | None:
        if method == "PUT" and "partNumber=2" in path:
            reached.set()
            go_on.wait(3)
        return None

    front.on_request = hold
    process = front.start(SCRIPT, "dev", site)
    assert reached.wait(120)
    interrupted(process, signal.SIGINT)
    go_on.set()
    assert keys(cloud) == []
    parts = cloud.client("s3").list_multipart_uploads(Bucket=cloud.bucket)
    assert parts.get("Uploads", []) == [], "parts that nobody sees are billed all the same"


def test_stopped_while_it_watches_the_job_goes_on(front: Front, cloud: Cloud, site: Path) -> None:
    watched = threading.Event()
    front.on_event = lambda _event: watched.set()
    process = front.start(SCRIPT, "dev", site)
    assert watched.wait(120)
    time.sleep(0.5)
    said, _ = interrupted(process, signal.SIGINT)
    [job] = cloud.jobs()
    assert "the job goes on; look again:" in said
    assert f"trigger-analytics-refresh.sh dev --status {job['jobId']} --wait" in said
    assert len(keys(cloud)) == 1, "the job will need it"


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("AWS_DEFAULT_REGION", "no region; give --region"),
        ("AWS_SECRET_ACCESS_KEY", "no AWS credentials; log in"),
    ],
)
def test_what_is_missing_of_an_account_is_said(
    front: Front,
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    sentence: str,
) -> None:
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(file, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.delenv(variable)
    done = front.run(SCRIPT, "dev", site)
    assert done.returncode == 1
    assert f"error: {sentence}" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["dev"], ["staging", "site.db"], ["dev", "a", "b"]])
def test_wrong_use_is_exit_2(front: Front, arguments: list[str]) -> None:
    done = front.run(SCRIPT, *arguments)
    assert done.returncode == 2
    assert "usage: load-database" in done.stderr


# --- on a terminal ---------------------------------------------------------------------------


def test_on_a_terminal_it_fits_80_columns(front: Front, batch: Batch, site: Path) -> None:
    change(site, "CREATE TABLE padding (bytes)")
    change(site, "INSERT INTO padding VALUES (zeroblob(20000000))")
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [str(ROOT / "scripts" / SCRIPT), "dev", str(site), "--poll", "0.2"],
        env={**os.environ, "AWS_ENDPOINT_URL": front.url, "COLUMNS": "80"},
        stdout=child,
        stderr=child,
    )
    os.close(child)
    said = b""
    while select.select([parent], [], [], 120)[0]:
        try:
            said += os.read(parent, 65536)
        except OSError:  # the other end is closed
            break
    os.close(parent)
    assert process.wait(120) == 0, said.decode()[-900:]
    screen = said.decode()
    assert re.search(r"uploading: \d+\.\d of \d+\.\d MB \(\d+%\)", screen)
    assert "running: running" in screen
    shown = re.split(r"\r\n|\r\x1b\[K", screen)
    assert [line for line in shown if len(line) > 80 and len(max(line.split(), key=len)) < 60] == []


def test_its_folder_of_uploads_is_the_one_the_job_may_read() -> None:
    import runpy

    from infra.facts import INCOMING_PREFIX

    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        script = runpy.run_path(str(ROOT / "scripts" / "load_database.py"))
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    assert script["INCOMING"] == INCOMING_PREFIX
