"""What the function answers to, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from trigger import services
from trigger.errors import InvalidEvent, InvalidSettings
from trigger.events import Refresh, Request, Status, parse
from trigger.handler import handler
from trigger.settings import read_settings

ROOT = Path(__file__).parents[2]
VARIABLES = {
    "ENVIRONMENT": "dev",
    "BATCH_JOB_QUEUE": "queue",
    "BATCH_JOB_DEFINITION": "definition",
    "ANALYTICS_BUCKET": "bucket",
    "JOB_LOG_GROUP": "logs",
    "SCHEDULE_GROUP": "group",
    "SCHEDULE_ROLE_ARN": "role",
    "QUIET_MINUTES": "5",
    "MAXIMUM_WAIT_MINUTES": "30",
}


def test_the_three_events() -> None:
    assert parse({}) == Refresh()
    assert parse({"action": "refresh"}) == Refresh()
    assert parse({"action": "refresh", "pendingSince": "then"}) == Refresh(pending_since="then")
    assert parse({"action": "request"}) == Request()
    assert parse({"action": "status", "jobId": " a "}) == Status(job_id="a")
    assert parse({"action": "status", "jobId": "a", "logLines": 20}) == Status(
        job_id="a", log_lines=20
    )


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"action": "restart"}, "'restart'; known actions: refresh, request, status"),
        ({"action": None}, "known actions: refresh, request, status"),
        ({"action": ["refresh"]}, "known actions"),
        ([], "JSON object, not list"),
        (None, "JSON object, not NoneType"),
        ("refresh", "JSON object, not str"),
        ({"action": "status"}, "needs jobId"),
        ({"action": "status", "jobId": 7}, "needs jobId"),
        ({"action": "status", "jobId": " "}, "needs jobId"),
        ({"action": "status", "jobId": "a", "logLines": -1}, "from 0 to 200"),
        ({"action": "status", "jobId": "a", "logLines": True}, "from 0 to 200"),
        ({"action": "status", "jobId": "a", "logLines": "9"}, "from 0 to 200"),
        ({"action": "status", "jobID": "a"}, "its fields are action, jobId, logLines"),
        ({"action": "request", "force": True}, "does not take force"),
        ({"action": "refresh", "pendingSince": 5}, "must be text"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(event: object, says: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        parse(event)
    assert says in str(caught.value)


def test_the_handler_raises_and_logs_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**VARIABLES, "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    services.connect.cache_clear()
    with pytest.raises(InvalidEvent):
        handler({"action": "x"}, SimpleNamespace(invoked_function_arn="arn"))
    services.connect.cache_clear()
    [line] = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"]) == ("trigger.failed", "error")
    assert "known actions" in said["error"]


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(InvalidSettings, match=name):
        read_settings({key: value for key, value in VARIABLES.items() if key != name})


@pytest.mark.parametrize("value", ["", "soon", "0", "-5", "nan", "inf", "99999"])
def test_a_senseless_time_is_refused(value: str) -> None:
    with pytest.raises(InvalidSettings, match="QUIET_MINUTES"):
        read_settings({**VARIABLES, "QUIET_MINUTES": value})


def test_a_quiet_time_beyond_the_maximum_wait_is_refused() -> None:
    with pytest.raises(InvalidSettings, match="at most the maximum wait"):
        read_settings({**VARIABLES, "QUIET_MINUTES": "31"})


IMPORT = """
import json, sys, time
import boto3
import botocore.config, botocore.exceptions
before = set(sys.modules)
start = time.process_time()
import trigger.handler
seconds = time.process_time() - start
top = sorted({name.split(".")[0] for name in set(sys.modules) - before})
everything = sorted({name.split(".")[0] for name in sys.modules})
print(json.dumps({"seconds": seconds, "new": top, "everything": everything}))
"""


def test_importing_the_handler_is_quick_and_loads_nothing_heavy() -> None:
    """Under 150 ms of the processor beyond boto3; the best of five, since machines are busy."""
    runs = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", IMPORT],
            cwd=ROOT,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            check=True,
        )
        runs.append(json.loads(done.stdout))
    assert min(run["seconds"] for run in runs) < 0.150
    new = set(runs[0]["new"])
    standard = set(sys.stdlib_module_names)
    assert new - standard == {"trigger"}
    heavy = {"numpy", "scipy", "numba", "pandas", "aws_cdk", "jsii", "analytics_core", "infra"}
    assert not heavy & set(runs[0]["everything"])


def test_the_package_imports_only_the_standard_library_and_boto3() -> None:
    import ast

    allowed = set(sys.stdlib_module_names) | {"boto3", "botocore", "trigger"}
    for source in sorted((ROOT / "trigger").glob("*.py")):
        program = ast.parse(source.read_text())
        for_types = {
            id(inside)
            for node in program.body
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inside in node.body
        }
        for node in ast.walk(program):
            if id(node) in for_types:
                continue
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{source.name}: a relative import"
                names = [str(node.module)]
            for name in names:
                assert name.split(".")[0] in allowed, f"{source.name} imports {name}"
