"""The emulator, one account's worth of resources in it, and a clock that tests turn."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from tests.trigger.emulator import ACCOUNT, REGION, Emulator
from trigger import handler as handler_module
from trigger import services as services_module

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    running = Emulator()
    yield running
    running.stop()


@dataclass
class Clock:
    """A clock that stands still until it is turned; sleeping turns it."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def turn(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass
class Cloud:
    """Everything a test needs of AWS, named anew for each test."""

    emulator: Emulator
    variables: dict[str, str]
    queue: str
    definition: str
    bucket: str
    group: str
    log_group: str
    function_arn: str

    def client(self, service: str) -> Any:
        return boto3.client(service)  # type: ignore[call-overload]

    def jobs(self) -> list[dict[str, Any]]:
        """Every job ever submitted to the queue, oldest first."""
        batch = self.client("batch")
        ids = [
            summary["jobId"]
            for status in (
                *("SUBMITTED", "PENDING", "RUNNABLE", "STARTING"),
                *("RUNNING", "SUCCEEDED", "FAILED"),
            )
            for summary in batch.list_jobs(jobQueue=self.queue, jobStatus=status)["jobSummaryList"]
        ]
        found = batch.describe_jobs(jobs=ids)["jobs"] if ids else []
        return sorted(found, key=lambda job: job["createdAt"])

    def schedules(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client("scheduler").list_schedules(GroupName=self.group)[
            "Schedules"
        ]
        return found

    def schedule(self) -> dict[str, Any] | None:
        names = [s["Name"] for s in self.schedules()]
        assert len(names) <= 1, f"there is to be one schedule, not {names}"
        if not names:
            return None
        found: dict[str, Any] | None = self.client("scheduler").get_schedule(
            GroupName=self.group, Name=names[0]
        )
        return found


@pytest.fixture
def cloud(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": emulator.url}.items():
        monkeypatch.setenv(name, value)
    tag = uuid.uuid4().hex[:8]
    role = f"arn:aws:iam::{ACCOUNT}:role/any"
    if not any(r["RoleName"] == "any" for r in boto3.client("iam").list_roles()["Roles"]):
        boto3.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")
    batch = boto3.client("batch")
    environment = batch.create_compute_environment(
        computeEnvironmentName=f"ce-{tag}", type="UNMANAGED", state="ENABLED", serviceRole=role
    )["computeEnvironmentArn"]
    queue = batch.create_job_queue(
        jobQueueName=f"queue-{tag}",
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}],
    )["jobQueueArn"]
    definition = register(batch, f"definition-{tag}")
    bucket = f"analytics-{tag}"
    boto3.client("s3").create_bucket(
        Bucket=bucket,
        CreateBucketConfiguration={"LocationConstraint": REGION},  # type: ignore[typeddict-item]
    )
    boto3.client("scheduler").create_schedule_group(Name=f"group-{tag}")
    boto3.client("logs").create_log_group(logGroupName=f"/jobs/{tag}")
    variables = {
        "ENVIRONMENT": "dev",
        "BATCH_JOB_QUEUE": queue,
        "BATCH_JOB_DEFINITION": definition,
        "ANALYTICS_BUCKET": bucket,
        "JOB_LOG_GROUP": f"/jobs/{tag}",
        "SCHEDULE_GROUP": f"group-{tag}",
        "SCHEDULE_ROLE_ARN": role,
        "ANALYTICS_METRICS": "RefreshRequests,RefreshJoined,QueueAge",
        "QUIET_MINUTES": "5",
        "MAXIMUM_WAIT_MINUTES": "30",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    services_module.connect.cache_clear()
    yield Cloud(
        emulator=emulator,
        variables=variables,
        queue=queue,
        definition=definition,
        bucket=bucket,
        group=f"group-{tag}",
        log_group=f"/jobs/{tag}",
        function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:trigger-{tag}",
    )
    services_module.connect.cache_clear()


def register(batch: Any, name: str) -> str:
    """Register a job definition, or its next revision; its ARN."""
    found: str = batch.register_job_definition(
        jobDefinitionName=name,
        type="container",
        retryStrategy={"attempts": 3},
        containerProperties={
            "image": "any",
            "resourceRequirements": [
                {"type": "VCPU", "value": "1"},
                {"type": "MEMORY", "value": "2048"},
            ],
        },
    )["jobDefinitionArn"]
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass
class Driver:
    """Lambda and EventBridge Scheduler, as far as the tests need them.

    moto fires no schedules. `run_until` reads the real schedule back with boto3, turns the clock
    to its time, really invokes the handler with the schedule's own input, and deletes the
    schedule afterwards, as `ActionAfterCompletion` asks of AWS.
    """

    cloud: Cloud
    clock: Clock
    delay_seconds: int = 0
    fired_at: list[datetime] = field(default_factory=list)

    def invoke(self, event: object) -> dict[str, Any]:
        context = SimpleNamespace(invoked_function_arn=self.cloud.function_arn)
        return handler_module.handler(event, context)

    def due(self) -> datetime | None:
        schedule = self.cloud.schedule()
        if schedule is None:
            return None
        assert schedule["ScheduleExpressionTimezone"] == "UTC"
        written = re.fullmatch(r"at\((.+)\)", schedule["ScheduleExpression"])
        assert written is not None
        return datetime.fromisoformat(written[1]).replace(tzinfo=UTC)

    def fire(self) -> dict[str, Any]:
        """Let the schedule fire now; it goes away afterwards."""
        schedule = self.cloud.schedule()
        assert schedule is not None
        assert schedule["Target"]["Arn"] == self.cloud.function_arn
        assert schedule["ActionAfterCompletion"] == "DELETE"
        self.fired_at.append(self.clock.now())
        answer = self.invoke(json.loads(schedule["Target"]["Input"]))
        self.cloud.client("scheduler").delete_schedule(
            GroupName=self.cloud.group, Name=schedule["Name"]
        )
        return answer

    def run_until(self, end: datetime) -> None:
        while (due := self.due()) is not None:
            fires = due + timedelta(seconds=self.delay_seconds)
            if fires > end:
                break
            self.clock.time = max(self.clock.time, fires)
            self.fire()
        self.clock.time = max(self.clock.time, end)


def connected() -> services_module.Services:
    """What the handler works with, as a test may have changed it."""
    made: services_module.Services = vars(handler_module)["connect"]()
    return made


@pytest.fixture
def driver(cloud: Cloud, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Driver:
    import dataclasses

    real = services_module.connect()
    turned = dataclasses.replace(real, now=clock.now, sleep=clock.sleep)
    monkeypatch.setattr(handler_module, "connect", lambda: turned)
    return Driver(cloud, clock)
