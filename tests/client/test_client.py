"""The API handler's side: asynchronous, silent towards the caller, loud in the log."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.trigger.conftest import Cloud

PROJECT = Path(__file__).parents[2] / "client"
SOURCE = PROJECT / "cocktail_analytics_client.py"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The file alone, copied as an owner would, with nothing said yet."""
    copy = tmp_path / SOURCE.name
    shutil.copyfile(SOURCE, copy)
    spec = importlib.util.spec_from_file_location("cocktail_analytics_client", copy)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delenv("ANALYTICS_REFRESH_FUNCTION", raising=False)
    monkeypatch.delenv("ANALYTICS_TRIGGER_FUNCTION", raising=False)
    return module


def test_it_invokes_asynchronously_with_a_request(
    client: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []

    def invoke(**given: Any) -> dict[str, Any]:
        calls.append(given)
        return {"StatusCode": 202}

    monkeypatch.setattr(client, "_client", SimpleNamespace(invoke=invoke))
    monkeypatch.setenv("ANALYTICS_TRIGGER_FUNCTION", "the-trigger")
    assert client.request_refresh() is True
    [call] = calls
    assert (call["FunctionName"], call["InvocationType"]) == ("the-trigger", "Event")
    from trigger.events import Request, parse

    assert parse(json.loads(call["Payload"])) == Request()


def test_the_emulators_lambda_accepts_the_call(
    client: ModuleType, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("x.py", "def handler(event, context): return event")
    role = cloud.client("iam").get_role(RoleName="any")["Role"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com"},
            }
        ],
    }
    cloud.client("iam").update_assume_role_policy(RoleName="any", PolicyDocument=json.dumps(trust))
    name = f"trigger-{cloud.bucket}"
    cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="x.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    monkeypatch.setenv("ANALYTICS_TRIGGER_FUNCTION", name)
    assert client.request_refresh() is True


def test_a_function_that_does_not_exist_is_logged_and_not_raised(
    client: ModuleType,
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("ANALYTICS_TRIGGER_FUNCTION", "nobody")
    assert client.request_refresh() is False
    [record] = caplog.records
    assert "no analytics refresh requested" in record.message
    assert record.exc_info is not None


def test_no_network_is_logged_and_not_raised(
    client: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "ANALYTICS_TRIGGER_FUNCTION": "f",
    }.items():
        monkeypatch.setenv(name, value)
    assert client.request_refresh() is False
    assert "no analytics refresh requested" in caplog.text


def test_a_missing_variable_is_logged(client: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    assert client.request_refresh() is False
    assert "ANALYTICS_TRIGGER_FUNCTION is not set" in caplog.text


def test_the_old_variable_is_mentioned_once(
    client: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ANALYTICS_REFRESH_FUNCTION", "old")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert client.request_refresh() is False
    said = [r.message for r in caplog.records if "ANALYTICS_REFRESH_FUNCTION is set" in r.message]
    assert len(said) == 1
    assert "Set ANALYTICS_TRIGGER_FUNCTION" in said[0]


def test_importing_it_loads_no_boto3() -> None:
    """The API handler may have its own; the file costs nothing until it is used."""
    code = "import sys, cocktail_analytics_client; print('boto3' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_it_runs_on_the_pythons_that_lambda_has() -> None:
    """Nothing newer than 3.9 in it: the site may be older than this repository."""
    import ast

    ast.parse(SOURCE.read_text(), feature_version=(3, 9))


def test_the_package_and_its_readme_name_what_is_there(client: ModuleType) -> None:
    import tomllib

    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    assert project["project"]["dependencies"] == []
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"] == [SOURCE.name]
    readme = (PROJECT / "README.md").read_text()
    for name in client.__all__:
        assert f"from cocktail_analytics_client import {name}" in readme
    assert "ANALYTICS_TRIGGER_FUNCTION" in readme


@pytest.mark.slow
def test_installed_it_brings_one_module_and_no_boto3(tmp_path: Path) -> None:
    source = tmp_path / "client"
    shutil.copytree(PROJECT, source, ignore=shutil.ignore_patterns("__pycache__", "dist"))
    venv.create(tmp_path / "fresh", with_pip=True)
    python = tmp_path / "fresh" / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(tmp_path), str(source)], check=True)
    [wheel] = tmp_path.glob("cocktail_analytics_client-*-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if ".dist-info/" not in name] == [SOURCE.name]
    subprocess.run([*pip, "install", "--no-index", str(wheel)], check=True)
    code = (
        "import logging, importlib.util as u; logging.basicConfig()\n"
        "from cocktail_analytics_client import request_refresh\n"
        "print(u.find_spec('boto3') is None, request_refresh())"
    )
    done = subprocess.run(
        [str(python), "-c", code],
        cwd=tmp_path,
        env={"ANALYTICS_TRIGGER_FUNCTION": "the-trigger"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "False"]
    assert "No module named 'boto3'" in done.stderr
    metadata = next(name for name in names if name.endswith("/METADATA"))
    said = zipfile.ZipFile(wheel).read(metadata).decode()
    assert "Provides-Extra: boto3" in said
    assert "extra == 'boto3'" in said
