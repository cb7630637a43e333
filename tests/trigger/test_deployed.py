"""The promises, in a stack that the real `cdk deploy` made on the emulator.

Nothing is set up by hand here: queue, definition, bucket, schedule group, topic and rules are
what the template made, and the handler runs with the deployed function's own environment.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.infra import emulator as infra_emulator
from tests.infra.emulator import end
from tests.trigger.conftest import CREDENTIALS, Clock, Cloud, Driver
from tests.trigger.mailbox import Mailbox, event_of, passed_on
from trigger import handler as handler_module
from trigger import services as services_module

pytestmark = pytest.mark.slow

REQUEST = {"action": "request"}


@dataclass
class States:
    """What `Cloud` needs of an emulator: to set the state of jobs."""

    url: str
    file: Path

    def set_job(self, job_id: str, **changes: Any) -> None:
        states = json.loads(self.file.read_text()) if self.file.exists() else {}
        states.setdefault(job_id, {}).update(changes)
        written = self.file.with_suffix(".new")
        written.write_text(json.dumps(states))
        written.replace(self.file)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[States, dict[str, Any]]]:
    """DevStack, deployed once, and the deployed function's configuration."""
    folder = tmp_path_factory.mktemp("deployed")
    states = folder / "states.json"
    variables = {**os.environ, "MOTO_ACCOUNT_ID": infra_emulator.ACCOUNT}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.trigger.deployable_emulator"],
        cwd=infra_emulator.REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=(folder / "emulator.log").open("w"),
        text=True,
        env={**variables, "JOB_STATES": str(states)},
    )
    try:
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip()
        assert endpoint, (folder / "emulator.log").read_text()[-2000:]
        aws = infra_emulator.Emulator(
            endpoint,
            {
                **CREDENTIALS,
                "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
                "HOME": str(folder),
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_REGION": infra_emulator.REGION,
                "CDK_DEFAULT_ACCOUNT": infra_emulator.ACCOUNT,
                "CDK_DOCKER": str(infra_emulator.DOCKER_STUB),
                "DOCKER_STUB_RECORD": str(folder / "docker.jsonl"),
                "CDK_DISABLE_VERSION_CHECK": "1",
                "CI": "true",
                "NO_COLOR": "1",
            },
            folder,
        )
        aws.cdk("bootstrap")
        aws.cdk("deploy", "DevStack", "--require-approval", "never", "--method", "direct")
        [stack] = aws.client("cloudformation").describe_stacks(StackName="DevStack")["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        function = aws.client("lambda").get_function_configuration(
            FunctionName=outputs["TriggerFunction"]
        )
        yield States(endpoint, states), function
    finally:
        end(process)


@pytest.fixture
def live(
    deployed: tuple[States, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Driver]:
    """A driver of the deployed function; leftovers of the test before are finished first."""
    states, function = deployed
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    variables = function["Environment"]["Variables"]
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": states.url, **variables}.items():
        monkeypatch.setenv(name, value)
    services_module.connect.cache_clear()
    cloud = Cloud(
        emulator=states,  # type: ignore[arg-type]
        variables=variables,
        queue=variables["BATCH_JOB_QUEUE"],
        definition=variables["BATCH_JOB_DEFINITION"],
        bucket=variables["ANALYTICS_BUCKET"],
        group=variables["SCHEDULE_GROUP"],
        log_group=variables["JOB_LOG_GROUP"],
        function_arn=function["FunctionArn"],
    )
    for job in cloud.jobs():
        states.set_job(job["jobId"], status="SUCCEEDED")
    for schedule in cloud.schedules():
        cloud.client("scheduler").delete_schedule(GroupName=cloud.group, Name=schedule["Name"])
    clock = Clock()
    turned = dataclasses.replace(services_module.connect(), now=clock.now, sleep=clock.sleep)
    monkeypatch.setattr(handler_module, "connect", lambda: turned)
    yield Driver(cloud, clock)
    services_module.connect.cache_clear()


def new_jobs(driver: Driver, before: int) -> list[dict[str, Any]]:
    return driver.cloud.jobs()[before:]


def test_ten_edits_in_a_burst_lead_to_one_job(live: Driver) -> None:
    before = len(live.cloud.jobs())
    for _ in range(10):
        live.invoke(REQUEST)
        live.clock.turn(seconds=5)
    live.run_until(live.clock.now() + timedelta(hours=1))
    [job] = new_jobs(live, before)
    assert job["jobDefinition"] == live.cloud.definition
    assert job["jobQueue"] == live.cloud.queue


def test_an_edit_during_a_run_leads_to_one_more(live: Driver) -> None:
    before = len(live.cloud.jobs())
    live.cloud.emulator.set_job(live.invoke({})["jobId"], status="RUNNING")
    for _ in range(3):
        live.invoke(REQUEST)
        live.run_until(live.clock.now() + timedelta(hours=1))
    assert [job["status"] for job in new_jobs(live, before)] == ["RUNNING", "SUBMITTED"]


def test_endless_edits_run_no_later_than_the_maximum_wait(live: Driver) -> None:
    live.delay_seconds = 59
    start, before = live.clock.now(), len(live.cloud.jobs())
    wait = timedelta(minutes=float(live.cloud.variables["MAXIMUM_WAIT_MINUTES"]))
    while not new_jobs(live, before):
        assert live.clock.now() - start <= wait + timedelta(seconds=100), "starved"
        live.invoke(REQUEST)
        live.clock.turn(seconds=100)
        live.run_until(live.clock.now())
    assert live.clock.now() - start > wait / 2, "and the edits did put it off"


def test_a_failing_job_leads_to_a_mail_from_the_topic(live: Driver) -> None:
    """The rules, their targets, the topic and the rights are read back from the emulator."""
    cloud = live.cloud
    mailbox = Mailbox.subscribed(cloud, cloud.variables["ALERT_TOPIC_ARN"])
    job_id = live.invoke({})["jobId"]
    cloud.emulator.set_job(
        job_id,
        status="FAILED",
        statusReason="Essential container in task exited",
        container={"exitCode": 3},
    )
    [job] = [job for job in cloud.jobs() if job["jobId"] == job_id]
    events = cloud.client("events")
    seen = []
    for rule in events.list_rules()["Rules"]:
        if "EventPattern" in rule:
            targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            assert {target["Arn"] for target in targets} == {cloud.function_arn}
            assert all(target["DeadLetterConfig"]["Arn"] for target in targets)
            pattern = json.loads(rule["EventPattern"])
            seen += passed_on({"EventPattern": pattern, "Targets": targets}, event_of(job))
    assert len(seen) == 1
    assert [live.invoke(seen[0])["mail"] for _ in range(2)] == ["sent", "sent before"]
    [(subject, body)] = mailbox.mails()
    assert subject == "Cocktail analytics (dev): refresh failed: bad data (exit 3)"
    assert f"scripts/trigger-analytics-refresh.sh dev --status {job_id}" in body
