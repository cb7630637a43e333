"""The command line as its users meet it: real processes, real files, a real S3 server."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from analytics_core import __version__, cli
from analytics_core.cli import common
from analytics_core.console.find import find_recipes
from analytics_core.errors import Interrupted
from analytics_core.store import (
    LocalStorage,
    S3Storage,
    open_storage,
    publish,
    read_manifest,
    read_published,
    read_recipe,
)
from tests.servers import AwsServer, unreachable_url

COMMAND = [sys.executable, "-m", "analytics_core"]
HEAVY = {"numpy", "scipy", "numba", "umap", "ot", "sklearn", "boto3", "botocore"}
COMMANDS = (
    *(
        "demo",
        "refresh",
        "validate",
        "convert",
        "load",
        "neighbors",
        "map",
        "report",
        "site",
        "mcp",
    ),
    *("sample-db", "health"),
)
SECONDS = 180


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would steer the command."""
    steering = re.compile(r"ANALYTICS_|AWS_|DB_|NO_COLOR$|FORCE_COLOR$|COLUMNS$")
    kept = {name: value for name, value in os.environ.items() if not steering.match(name)}
    return kept | dict(extra or {})


def run(
    *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Any:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def log_lines(text: str) -> list[dict[str, Any]]:
    """Parse every line: off a terminal there is nothing but JSON."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of 40 recipes: the smallest that has everything."""
    path = tmp_path_factory.mktemp("cli") / "sample.db"
    written = run("sample-db", path, "--recipes", "40")
    assert written.returncode == 0, written.stderr
    return path


@pytest.fixture(scope="module")
def published(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder with a published set, and the process that made it."""
    folder = tmp_path_factory.mktemp("published")
    metrics = {"ANALYTICS_METRICS": "RefreshSuccess,Recipes,StageDuration"}
    done = run("refresh", "--db", database, "--output", folder, "--no-page", env=metrics)
    assert done.returncode == 0, done.stderr
    return folder, done


# --- starting up --------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["refresh", "--help"]])
def test_help_and_version_load_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom analytics_core.cli import app\n"
        f"try: app({arguments!r}, prog_name='analytics-core')\n"
        "except SystemExit as leaving: assert not leaving.code\n"
        "print('LOADED', sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(re.findall(r"'(\w+)'", done.stdout.partition("LOADED")[2]))
    assert "typer" in loaded
    assert not loaded & HEAVY


def test_version() -> None:
    assert run("--version").stdout == f"{__version__}\n"


def test_help_names_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^\W*{command} ", done.stdout, re.MULTILINE), command


def test_help_names_the_environment_of_every_option() -> None:
    text = run("refresh", "--help", env={"COLUMNS": "200"}).stdout
    for variable in (
        "DB_PATH",
        "DB_LAYOUT",
        "DB_BAR",
        "ANALYTICS_OUTPUT",
        "ANALYTICS_BUCKET",
        "ANALYTICS_COST",
        "ANALYTICS_NEIGHBORS",
        "ANALYTICS_SEED",
        "ANALYTICS_THREADS",
        "ANALYTICS_WORKSPACE",
        "ANALYTICS_SCRATCH",
        "ANALYTICS_PAGE",
        "ANALYTICS_KEEP_RUNS",
    ):
        assert variable in text


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-command"],
        ["refresh"],
        ["refresh", "--db", "x.db"],
        ["refresh", "--db", "x.db", "--output", "gs://bucket"],
        ["refresh", "--db", "x.db", "--output", "o", "--cost", "cheap"],
        ["refresh", "--db", "x.db", "--output", "o", "--neighbors", "-1"],
        ["refresh", "--db", "x.db", "--output", "o", "--keep-runs", "1"],
        ["load"],
        ["load", "--db", "x.db"],
        ["load", "--source", "s3://bucket/key", "--db", "s3://bucket/x.db"],
        ["neighbors"],
    ],
)
def test_wrong_usage_is_exit_2(arguments: list[str], tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_scheme_of_an_address_may_be_in_capitals() -> None:
    program: Any = get_command(cli.app)
    for name, option in (("refresh", "db"), ("load", "source"), ("convert", "source")):
        command = program.commands[name]
        context = command.make_context(name, [], resilient_parsing=True)
        (asked,) = (each for each in command.params if each.name == option)
        assert asked.process_value(context, "S3://Bucket/Key") == "s3://Bucket/Key"
        assert asked.process_value(context, "bar.db") == "bar.db"
    for open_place in (open_storage, common.open_place):
        assert open_place("S3://bucket/Below").url == "s3://bucket/Below"


def test_health_proves_the_numeric_stack() -> None:
    done = run("health")
    assert done.returncode == 0, done.stderr
    for name in ("numpy", "numba", "POT", "boto3", "solver"):
        assert name in done.stdout


# --- refresh ------------------------------------------------------------------------------------


def test_refresh_publishes_and_logs_json_lines(published: Any) -> None:
    folder, done = published
    documents = read_published(LocalStorage(folder))
    manifest = documents["manifest"]
    assert len(documents["recipe-similar"]["data"]) == manifest["counts"]["recipes"] == 40

    events = log_lines(done.stderr)
    steps = [line for line in events if line["event"].startswith("stage.")]
    assert {line["run_id"] for line in steps} == {manifest["run_id"]}
    stages = {stage["name"] for stage in manifest["stages"]} | {"publish", "prune"}
    assert {line["stage"] for line in steps} == stages
    metrics = [line for line in events if line["event"] == "metrics"]
    assert metrics[0]["RefreshSuccess"] == 1
    assert metrics[0]["Recipes"] == 40
    assert {line["Stage"] for line in metrics[1:]} == stages

    (result,) = log_lines(done.stdout)
    assert result["event"] == "refresh.finished"
    assert result["run_id"] == manifest["run_id"]
    assert result["output"] == str(folder)


def test_every_option_may_come_from_the_environment(database: Path, tmp_path: Path) -> None:
    done = run(
        "refresh",
        env={
            "DB_PATH": str(database),
            "ANALYTICS_OUTPUT": str(tmp_path / "out"),
            "ANALYTICS_COST": "tree",
            "ANALYTICS_VOLUMES": "poured",
            "ANALYTICS_NEIGHBORS": "3",
            "ANALYTICS_SEED": "7",
            "ANALYTICS_THREADS": "1",
            "ANALYTICS_WORKSPACE": str(tmp_path / "work"),
            "ANALYTICS_SCRATCH": str(tmp_path / "scratch"),
            "ANALYTICS_PAGE": "false",
        },
    )
    assert done.returncode == 0, done.stderr
    documents = read_published(LocalStorage(tmp_path / "out"))
    manifest = documents["manifest"]
    assert manifest["settings"]["cost"] == "tree"
    assert manifest["settings"]["volumes"] == "poured"
    assert manifest["seed"] == 7
    assert {len(row["neighbors"]) for row in documents["recipe-similar"]["data"]} == {3}
    assert "extras" not in manifest
    assert list((tmp_path / "work").rglob("*.npz"))
    assert not list((tmp_path / "out").rglob("*.npz"))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_refresh_to_a_bucket_named_in_the_environment(
    database: Path, aws: AwsServer, bucket: str, s3: Any
) -> None:
    done = run(
        "refresh",
        "--no-page",
        env={**aws.environment, "DB_PATH": str(database), "ANALYTICS_BUCKET": bucket},
    )
    assert done.returncode == 0, done.stderr
    assert read_published(S3Storage(bucket, "", s3))["manifest"]["counts"]["recipes"] == 40
    again = run(
        "refresh", "--no-page", "--db", database, "--output", f"s3://{bucket}", env=aws.environment
    )
    assert again.returncode == 0, again.stderr
    stages = read_published(S3Storage(bucket, "", s3))["manifest"]["stages"]
    assert any(stage["reused"] for stage in stages)
    near = run("neighbors", "negroni", "--from", f"s3://{bucket}", env=aws.environment)
    assert near.returncode == 0, near.stderr
    assert "→" in near.stdout


@pytest.mark.slow
def test_refresh_of_a_database_in_s3_below_a_prefix(
    database: Path, aws: AwsServer, bucket: str, s3: Any
) -> None:
    s3.upload_file(str(database), bucket, "data/site.db")
    done = run(
        "refresh",
        "--no-page",
        "--db",
        f"s3://{bucket}/data/site.db",
        "--output",
        f"s3://{bucket}/some/prefix",
        env=aws.environment,
    )
    assert done.returncode == 0, done.stderr
    assert read_published(S3Storage(bucket, "some/prefix", s3))["manifest"]["run_id"]


@pytest.mark.parametrize("command", ["refresh", "validate"])
def test_a_database_that_is_none_is_exit_3(command: str, tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_text("this is not a database, however long it is" * 100)
    place: list[str | Path] = ["--output", tmp_path / "out"] if command == "refresh" else []
    for name in ("bad.db", "missing.db"):
        done = run(command, "--db", tmp_path / name, *place)
        assert done.returncode == 3, done.stderr
        last = log_lines(done.stderr)[-1]
        assert last["event"] == f"{command}.failed"
        assert name in last["message"]
        assert "traceback" not in last
    assert not (tmp_path / "out" / "analytics").exists()


def test_a_failure_is_a_metric(tmp_path: Path) -> None:
    done = run(
        *("refresh", "--db", tmp_path / "missing.db", "--output", tmp_path / "out"),
        env={"ANALYTICS_METRICS": "RefreshFailure"},
    )
    metrics = [line for line in log_lines(done.stderr) if line["event"] == "metrics"]
    assert [line["RefreshFailure"] for line in metrics] == [1]


def test_storage_that_cannot_be_written_is_exit_4(
    database: Path, aws: AwsServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with unreachable_url() as nowhere:
        unreachable = {**aws.environment, "AWS_ENDPOINT_URL": nowhere, "AWS_MAX_ATTEMPTS": "1"}
        for place, env, words in (
            (str(tmp_path / "file"), {}, "a file stands where a folder is needed"),
            ("s3://no-such-bucket-at-all", aws.environment, "no-such-bucket-at-all"),
            ("s3://some-bucket", unreachable, "AWS_ENDPOINT_URL"),
        ):
            done = run("refresh", "--no-page", "--db", database, "--output", place, env=env)
            assert done.returncode == 4, (place, done.stderr)
            assert words in log_lines(done.stderr)[-1]["message"]


@pytest.mark.parametrize("error", ["ZeroDivisionError", "BrokenPipeError"])
def test_an_unexpected_error_is_exit_1_with_run_id(
    database: Path, tmp_path: Path, error: str
) -> None:
    code = (
        "from analytics_core import cli, pipeline\n"
        f"def explode(*a, **k): raise {error}('so it goes')\n"
        "pipeline.refresh = explode\ncli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "refresh", "--db", database, "--output", tmp_path],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    last = log_lines(done.stderr)[-1]
    assert last["run_id"]
    assert "so it goes" in last["message"]
    if error == "ZeroDivisionError":
        assert last["run_id"] in last["message"]
        assert "in explode" in last["traceback"]


# --- stopping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_job_within_seconds(number: signal.Signals, tmp_path: Path) -> None:
    large = tmp_path / "large.db"
    assert run("sample-db", large, "--recipes", "20000").returncode == 0
    process = subprocess.Popen(
        [*COMMAND, "refresh", "--db", str(large), "--output", str(tmp_path / "out"), "--no-page"],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        # from here on there is work for seconds
        for line in process.stderr:
            if json.loads(line).get("stage") == "cost":
                break
        time.sleep(0.3)
        process.send_signal(number)
        asked = time.monotonic()
        rest = process.stderr.read()
        assert process.wait(timeout=120) == 75, rest
        assert time.monotonic() - asked < 25  # AWS Batch kills after 30
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    last = log_lines(rest)[-1]
    assert last["event"] == "refresh.interrupted"
    assert signal.Signals(number).name in last["message"]
    assert f"finished stages are kept in {tmp_path / 'out'}" in last["message"]
    assert "RefreshFailure" not in rest
    assert not (tmp_path / "out" / "analytics").exists()


def test_a_swallowed_interruption_is_raised_again_at_the_next_event() -> None:
    from analytics_core.console.signals import interruptible

    before = signal.getsignal(signal.SIGTERM)
    with interruptible() as interruption:
        interruption.check()
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except BaseException as error:  # noqa: BLE001 - what a callback of compiled code does
            swallowed = error
        assert isinstance(swallowed, Interrupted)
        with pytest.raises(Interrupted, match="SIGTERM"):
            interruption.check()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_ends_at_once() -> None:
    code = (
        "import os, signal\nfrom analytics_core.console.signals import interruptible\n"
        "with interruptible():\n"
        "    try: os.kill(os.getpid(), signal.SIGTERM)\n"
        "    finally: os.kill(os.getpid(), signal.SIGINT); print('still here')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (75, "")


# --- reading what is published ------------------------------------------------------------------


def test_neighbors_are_found_without_case_and_accents(published: Any) -> None:
    folder, _ = published
    names = [
        row["recipe_name"] for row in read_published(LocalStorage(folder))["recipe-similar"]["data"]
    ]
    done = run("neighbors", names[0].upper(), "--from", folder, "--count", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("→") == 2
    assert "swap" in done.stdout
    assert "\x1b[" not in done.stdout


def test_tables_come_as_json_too(published: Any, database: Path) -> None:
    folder, _ = published
    row = read_published(LocalStorage(folder))["recipe-similar"]["data"][0]
    done = run("neighbors", row["recipe_name"], "--from", folder, "--count", "2", "--json")
    assert json.loads(done.stdout) == row | {"neighbors": row["neighbors"][:2]}
    done = run("validate", "--db", database, "--json")
    answer = json.loads(done.stdout)
    (finding,) = answer.pop("findings")
    assert answer == {"layout": "cocktaildb", "bar": None, "recipes": 40, "ingredients": 325}
    assert finding["code"] == "unused-ingredient"
    assert finding["advice"]


def test_the_demo_gives_the_manifest_as_json(tmp_path: Path) -> None:
    done = run("demo", "--output", tmp_path / "out", "--json", "--cost", "tree")
    assert done.returncode == 0, done.stderr
    storage = LocalStorage(tmp_path / "out")
    assert json.loads(done.stdout) == read_published(storage)["manifest"]


@pytest.mark.parametrize(
    ("name", "recipe_id"),
    [
        *(("NEGRONI", 1), ("pina colada", 2), ("Piña Colada", 2), ("  negroni ", 1)),
        *(("STRASSE", 3), ("Pat's  Cup", 5), ("pat‘s-cup", 5)),
    ],
)
def test_names_are_compared_without_case_and_accents(name: str, recipe_id: int) -> None:
    assert find_recipes(small_set(), name) == [recipe_id]


def small_set() -> list[dict[str, Any]]:
    names = ("Negroni", "Piña Colada", "Straße", "White [red]Negroni", "Pat’s\u00a0Cup ")
    return [
        {"recipe_id": number, "recipe_name": name, "neighbors": []}
        for number, name in enumerate(names, start=1)
    ]


def test_a_name_nobody_has_is_exit_2_with_suggestions(published: Any) -> None:
    folder, _ = published
    name = read_published(LocalStorage(folder))["recipe-similar"]["data"][0]["recipe_name"]
    done = run("neighbors", f"{name}x", "--from", folder, env={"COLUMNS": "200"})
    assert done.returncode == 2
    assert "did you mean" in done.stderr
    assert name in done.stderr
    assert run("neighbors", "", "--from", folder).returncode == 2


def test_names_cannot_steer_the_terminal() -> None:
    from io import StringIO

    from rich.console import Console

    from analytics_core.console.terminal import neighbors_table, plain

    rows = small_set()
    rows[3]["recipe_name"] = "\x1b[31m[bold]x\r\n" + "y" * 10_000
    written = StringIO()
    out = Console(file=written, width=100)
    out.print(neighbors_table(rows[3], rows, count=3))
    text = written.getvalue()
    assert "\x1b" not in text
    assert "[bold]x" in text
    assert len(text) < 1000
    assert plain("Crème 🍸") == "Crème 🍸"


def test_only_what_is_shown_is_read(published: Any, tmp_path: Path) -> None:
    """The longest document is what takes the memory: 13 kB of each recipe's 16."""
    folder, _ = published
    shutil.copytree(folder / "analytics", tmp_path / "analytics")
    storage = LocalStorage(tmp_path)
    documents = read_manifest(storage)["documents"]
    similar, row = documents["recipe-similar"]["key"], read_recipe(storage, 1)
    content = storage.read(similar)
    begin, end = content.index(b'{"recipe_id":1,'), content.index(b'{"recipe_id":2,')
    storage.write(similar, b" " * begin + content[begin:end] + b" " * (len(content) - end))
    for extra in ([], ["--manhattan"]):
        assert run("map", "--from", tmp_path, *extra).returncode == 0
    for kind in documents.keys() - {"recipe-similar", "recipe-similar.index", "cocktail-space"}:
        storage.write(documents[kind]["key"], b"damaged")
    for named in ([row["recipe_name"]], ["--id", "1"]):
        done = run("neighbors", *named, "--from", tmp_path, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == row
    assert run("neighbors", "--id", "2", "--from", tmp_path).returncode == 4


def test_a_set_without_an_index_is_read_as_a_whole(published: Any, tmp_path: Path) -> None:
    folder, _ = published
    storage = LocalStorage(tmp_path)
    documents = read_published(LocalStorage(folder))
    manifest = documents.pop("manifest")
    kept = {
        kind: json.dumps(document).encode()
        for kind, document in documents.items()
        if kind != "recipe-similar.index"
    }
    publish(storage, run_id="old", documents=kept, manifest=manifest)
    name = documents["recipe-similar"]["data"][0]["recipe_name"]
    asked = ("neighbors", name, "--json", "--from")
    assert run(*asked, tmp_path).stdout == run(*asked, folder).stdout != ""
    del kept["recipe-similar"]
    publish(storage, run_id="older", documents=kept, manifest=manifest)
    done = run(*asked, tmp_path)
    assert done.returncode == 4
    assert "has no recipe-similar; run a refresh" in log_lines(done.stderr)[-1]["message"]


def test_nothing_published_is_exit_4(tmp_path: Path) -> None:
    for command in (["neighbors", "x"], ["map"], ["report"]):
        done = run(*command, "--from", tmp_path / "nothing", cwd=tmp_path)
        assert done.returncode == 4, done.stderr
        assert "run a refresh first" in log_lines(done.stderr)[-1]["message"]


def test_the_map_shows_every_base(published: Any) -> None:
    folder, _ = published
    details = read_published(LocalStorage(folder))["recipe-details"]["data"]
    bases = {row["base_ingredient_name"] for row in details}
    for extra in ([], ["--manhattan"], ["--no-labels"]):
        done = run("map", "--from", folder, *extra, env={"COLUMNS": "100"})
        assert done.returncode == 0, done.stderr
        assert all(base in done.stdout for base in bases)
        assert max(map(len, done.stdout.splitlines())) <= 100


def test_validate_shows_findings_and_says_usable(database: Path, tmp_path: Path) -> None:
    import sqlite3

    good = run("validate", "--db", database)
    assert good.returncode == 0, good.stderr
    assert "usable: 40 recipes, 325 ingredients; 1 finding; read as cocktaildb\n" in good.stdout
    assert "251 ingredients that no recipe has" in good.stdout
    assert run("validate", "--db", database, "--volumes", "site").stdout == good.stdout

    flawed = tmp_path / "flawed.db"
    shutil.copy(database, flawed)
    connection = sqlite3.connect(flawed)
    connection.execute("INSERT INTO recipes (id, name) VALUES (99999, 'Empty [red]Glass')")
    connection.commit()
    connection.close()
    done = run("validate", "--db", flawed, env={"COLUMNS": "160"})
    assert done.returncode == 0, done.stderr
    assert "Empty [red]Glass" in done.stdout
    assert "2 findings" in done.stdout


def test_a_sample_is_reproducible_and_not_overwritten(tmp_path: Path) -> None:
    for name in ("a.db", "b.db"):
        assert run("sample-db", tmp_path / name, "--recipes", "300", "--seed", "5").returncode == 0
    assert (tmp_path / "a.db").read_bytes() == (tmp_path / "b.db").read_bytes()
    assert run("sample-db", tmp_path / "a.db").returncode == 3
    assert run("sample-db", tmp_path / "a.db", "--force").returncode == 0


# --- the demo and the page ----------------------------------------------------------------------


def test_the_demo_tells_what_it_did_and_where_to_look(tmp_path: Path) -> None:
    done = run("demo", "--output", tmp_path / "out", env={"COLUMNS": "120"})
    assert done.returncode == 0, done.stderr
    documents = read_published(LocalStorage(tmp_path / "out"))
    assert len(documents["recipe-similar"]["data"]) >= 150
    assert f"{len(documents['recipe-similar']['data'])} recipes" in done.stdout
    for stage in documents["manifest"]["stages"]:
        assert stage["name"] in done.stdout
    assert "publish" in done.stdout
    for name in ("Negroni", "Daiquiri", "Manhattan"):
        assert name in done.stdout
    assert done.stdout.count("→") == 9
    assert "swap" in done.stdout
    page = re.search(r"Page +(.+)", done.stdout)
    assert page
    assert "<html" in Path(page[1]).read_text(encoding="utf-8")


def test_the_page_of_a_published_set(published: Any, tmp_path: Path) -> None:
    folder, _ = published
    target = tmp_path / "new" / "page.html"
    done = run("report", "--from", folder, "--output", target)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(target)
    assert "<html" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["report.html", "runs/mine/page.html"])
def test_the_page_is_not_written_into_the_set_itself(
    name: str, published: Any, tmp_path: Path
) -> None:
    """Its files are listed with checksums, and a run's file is the same as the current one."""
    folder, _ = published
    (tmp_path / "way").symlink_to(folder)
    target = tmp_path / "way" / "analytics" / "v1" / name
    before = target.read_bytes() if target.exists() else None
    done = run("report", "--from", folder, "--output", target)
    assert done.returncode == 2
    assert "belongs to the published set" in " ".join(done.stderr.replace("│", " ").split())
    assert (target.read_bytes() if target.exists() else None) == before


def test_the_page_of_a_site(published: Any, tmp_path: Path) -> None:
    folder, _ = published
    target = tmp_path / "page.html"
    site = ("--title", "Bar & Grill", "--recipe-url", "https://bar.example/drinks/{id}")
    done = run("report", "--from", folder, "--output", target, *site)
    assert done.returncode == 0, done.stderr
    text = target.read_text(encoding="utf-8")
    assert "<title>Bar &amp; Grill</title>" in text
    assert '"recipe_url":"https://bar.example/drinks/{id}"' in text
    done = run("report", "--from", folder, "--output", target, "--recipe-url", "bar.example")
    assert done.returncode == 2
    said = " ".join(done.stderr.replace("│", " ").split())
    assert "the recipes' address 'bar.example' should be one of the web with {id}" in said


def test_the_page_opens_in_the_browser(published: Any, tmp_path: Path) -> None:
    folder, _ = published
    target, asked = tmp_path / "a page.html", tmp_path / "asked"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{asked}"\n')
    browser.chmod(0o755)
    arguments = ("report", "--from", folder, "--output", target, "--open")
    done = run(*arguments, env={"BROWSER": str(browser)})
    assert done.returncode == 0, done.stderr
    assert asked.read_text() == target.as_uri()


def test_no_browser_is_said_and_the_page_is_kept(published: Any, tmp_path: Path) -> None:
    folder, _ = published
    target = tmp_path / "page.html"
    nothing = {"BROWSER": "true-to-nothing", "PATH": str(tmp_path), "DISPLAY": ""}
    done = run("report", "--from", folder, "--output", target, "--open", env=nothing)
    assert done.returncode == 4
    assert f"no browser was found to show {target}" in done.stderr
    assert "<html" in target.read_text(encoding="utf-8")


# --- terminals and pipes ------------------------------------------------------------------------


def on_a_terminal(*arguments: str | Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Run the command with a pseudo-terminal; return exit code and everything it showed."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment({"TERM": "xterm", "COLUMNS": "120", **env}),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    try:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            ready, _, _ = select.select([master], [], [], 1)
            if not ready:
                continue
            try:
                part = os.read(master, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not part:
                break
            shown += part
        return process.wait(timeout=120), shown.decode()
    finally:
        os.close(master)
        if process.poll() is None:
            process.kill()
            process.wait()


def test_on_a_terminal_there_are_bars_and_no_json(database: Path, tmp_path: Path) -> None:
    code, shown = on_a_terminal(
        "refresh", "--db", database, "--output", tmp_path, "--no-page", env={}
    )
    assert code == 0, shown
    assert '"event"' not in shown
    assert "publish" in shown
    assert "40 recipes" in shown


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}])
def test_colors_are_for_terminals_that_want_them(published: Any, env: dict[str, str]) -> None:
    folder, _ = published
    code, shown = on_a_terminal("map", "--from", folder, env=env)
    assert code == 0, shown
    assert bool(re.search(r"\x1b\[[0-9;]*3[1-7]m", shown)) == (not env)


def test_on_a_terminal_an_error_is_one_line(tmp_path: Path) -> None:
    code, shown = on_a_terminal("validate", "--db", tmp_path / "missing.db", env={"NO_COLOR": "1"})
    assert code == 3
    (line,) = [line for line in shown.splitlines() if "error:" in line]
    assert "missing.db" in line


@pytest.mark.parametrize(
    "arguments", [["--help"], ["map", "--from", "PUBLISHED"], ["neighbors", "x", "--from", "NO"]]
)
def test_a_reader_that_goes_away_is_harmless(published: Any, arguments: list[str]) -> None:
    folder, _ = published
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, *(str(folder) if word == "PUBLISHED" else word for word in arguments)],
        env=environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    os.close(write)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert done.returncode == {"map": 0, "neighbors": 4}.get(arguments[0], done.returncode)


def test_a_log_that_nobody_reads_does_not_stop_the_job(database: Path, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "refresh", "--db", str(database), "--output", str(tmp_path), "--no-page"],
        env=environment(),
        stdout=write,
        stderr=write,
        timeout=SECONDS,
        check=False,
    )
    os.close(write)
    assert done.returncode == 0
    assert read_published(LocalStorage(tmp_path))["manifest"]["run_id"]


def test_commands_run_inside_another_program(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.app, ["sample-db", str(tmp_path / "a.db"), "--recipes", "5"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a.db").exists()
