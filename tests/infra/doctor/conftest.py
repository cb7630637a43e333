"""One emulator for all the doctor's tests, emptied before each."""

import functools
import os
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from infra.doctor.account import Account
from infra.doctor.examination import Check, ordered, run
from infra.doctor.findings import Finding
from infra.environments import Environment
from tests.infra.doctor.cloud import Examine, listening
from tests.infra.emulator import ACCOUNT, REGION, Emulator, emulator


class Cloud:
    """The emulator, with clients for all tests: making them costs more than all the calls."""

    def __init__(self, emulator: Emulator) -> None:
        self.endpoint = emulator.endpoint
        self.variables = emulator.variables
        self.client = functools.cache(emulator.client)
        self.session = boto3.Session()
        self.clients: dict[str, Any] = {}


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with emulator(tmp_path_factory.mktemp("aws")) as aws:
        yield Cloud(aws)


@pytest.fixture
def aws(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in cloud.variables.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    urllib.request.urlopen(
        urllib.request.Request(f"{cloud.endpoint}/moto-api/reset", method="POST")
    )
    return cloud


@pytest.fixture
def account(aws: Cloud, cloud: Cloud) -> Iterator[Account]:
    with listening():
        yield Account(
            session=cloud.session,
            region=REGION,
            number=ACCOUNT,
            arn=f"arn:aws:iam::{ACCOUNT}:user/bar",
            _clients=cloud.clients,
        )


@pytest.fixture
def examined(account: Account) -> Examine:
    """Run checks on the account as the command does."""

    def examine(environment: Environment, *checks: Check) -> list[Finding]:
        return ordered(
            finding
            for check in checks
            for finding in run(check.__name__, check(account, environment))
        )

    return examine
