import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.doctor import __main__ as command
from infra.doctor.examination import ordered
from infra.doctor.findings import Finding, Severity, ok, trouble, warning
from infra.doctor.machine import Machine
from infra.doctor.report import WIDTH, as_text
from infra.templates import Json
from tests.infra.doctor.cloud import Network
from tests.infra.doctor.conftest import Cloud
from tests.infra.emulator import ACCOUNT, REGION, REPOSITORY


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """Another cdk.json."""

    def write(content: object) -> None:
        path = tmp_path / "cdk.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        monkeypatch.setattr("infra.doctor.account.SETTINGS", path)

    write({})
    monkeypatch.setenv("CDK_DOCKER", "true")  # docker takes seconds to say how it is
    return write


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every operation that is really called."""
    calls: list[str] = []
    make = boto3.Session

    def session(**arguments: Any) -> boto3.Session:
        made = make(**arguments)
        made.events.register(
            "before-call", lambda model, **_: calls.append(f"{model.service_model}.{model.name}")
        )
        return made

    monkeypatch.setattr(boto3, "Session", session)
    return calls


def test_an_empty_account(
    aws: Cloud,
    settings: Callable[[object], None],
    asked: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["dev"]) == 1
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert lines[0].startswith("TROUBLE")
    assert f"-> cdk bootstrap aws://{ACCOUNT}/{REGION}" in said.out
    assert lines[-1].startswith("dev: ")
    assert lines[-1].endswith(" well.")
    assert max(map(len, lines)) <= WIDTH
    assert "Traceback" not in said.out
    names = {call.rpartition(".")[2] for call in asked}
    assert len(names) > 10
    assert all(name.startswith(("Describe", "Get", "Head", "List", "Simulate")) for name in names)


def test_an_adopted_account_as_json(
    aws: Cloud, settings: Callable[[object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    network = Network(aws)
    network.make_public()
    adopted = {
        "vpc_id": network.vpc_id,
        "availability_zones": list(network.adopted.availability_zones),
        "subnet_ids": network.subnet_ids,
    }
    settings({"context": {"environments": {"prod": {"vpc": adopted}}}})
    assert command.main(["prod", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["environment"] == "prod"
    checks = {finding["check"]: finding for finding in said["findings"]}
    assert checks["subnets"]["severity"] == "ok"
    assert said["troubles"] == sum(f["severity"] == "trouble" for f in said["findings"]) > 0
    order = [Severity(finding["severity"]) for finding in said["findings"]]
    assert order == sorted(order, key=list(Severity).index)


def test_the_throwaway_is_an_environment_too(
    aws: Cloud, settings: Callable[[object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["smoke"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("smoke: ")


def test_without_trouble_the_exit_code_is_0(
    aws: Cloud,
    settings: Callable[[object], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "examine", lambda *_, **__: [warning("so so", "look"), ok("fine")])
    assert command.main(["dev"]) == 0
    assert capsys.readouterr().out == (
        "warning  so so\n         -> look\nok       fine\n\ndev: 0 troubles, 1 warning, 1 well.\n"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "error: "),
        ({"context": {"environments": {"dev": {"vcpus": "two"}}}}, "vcpus must be a whole number"),
    ],
)
def test_settings_that_cannot_be_read_are_wrong_use(
    aws: Cloud,
    settings: Callable[[object], None],
    capsys: pytest.CaptureFixture[str],
    content: Json | str,
    words: str,
) -> None:
    settings(content)
    assert command.main(["dev"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert said.err.count("\n") == 1


def test_a_profile_that_does_not_exist_is_wrong_use(
    aws: Cloud, settings: Callable[[object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["dev", "--profile", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_an_environment_that_does_not_exist_is_wrong_use(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["stage"])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("given", "variables", "region"),
    [
        (["--region", "eu-north-1"], {"AWS_REGION": "eu-west-1"}, "eu-north-1"),
        ([], {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-west-1"),
        ([], {"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ([], {}, None),
    ],
)
def test_the_region_is_the_one_the_cdk_takes(
    aws: Cloud,
    settings: Callable[[object], None],
    monkeypatch: pytest.MonkeyPatch,
    given: list[str],
    variables: Json,
    region: str | None,
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    seen = []

    def examine(*_: object, region: str | None, **__: object) -> list[Finding]:
        seen.append(region)
        return []

    monkeypatch.setattr(command, "examine", examine)
    command.main(["dev", *given])
    assert seen == [region]


def ended(*, home: Path, code: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command, or other code, as a process of its own with nothing else to go by."""
    return subprocess.run(
        [sys.executable, *(["-c", code] if code else ["-m", "infra.doctor", "dev"])],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}
        | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_machine_without_region_and_without_credentials(tmp_path: Path) -> None:
    said = ended(home=tmp_path)
    assert said.returncode == 1
    assert "no region is given" in said.stdout
    assert said.stderr == ""
    said = ended(home=tmp_path, AWS_REGION=REGION)
    assert said.returncode == 1
    assert "there are no AWS credentials" in said.stdout
    assert said.stderr == ""


def test_it_needs_neither_the_cdk_nor_the_program(tmp_path: Path) -> None:
    code = (
        "import sys, infra.doctor.__main__\n"
        "print({'aws_cdk', 'analytics_core', 'trigger', 'client'} & set(sys.modules))"
    )
    said = ended(home=tmp_path, code=code)
    assert said.stdout == "set()\n", said.stderr


def test_long_sentences_are_wrapped_and_words_kept_whole() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/" + "x" * 70
    text = as_text("dev", [trouble("many words " * 20 + arn, "do it")])
    assert arn in text
    assert all(len(line) <= WIDTH or arn in line for line in text.splitlines())


def test_what_two_checks_find_is_told_once_and_troubles_first() -> None:
    findings = [ok("a"), warning("b", "x"), trouble("c", "x"), warning("b", "x"), trouble("d", "x")]
    assert [finding.what for finding in ordered(findings)] == ["c", "d", "b", "a"]


def test_this_machine_is_looked_at() -> None:
    machine = Machine()
    assert machine.processor
    assert "PATH" in machine.variables
