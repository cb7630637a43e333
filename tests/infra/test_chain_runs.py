"""A chain whose jobs really run, as processes: shards that lose their instance, and what is left.

The trigger is called here, and everything it submits runs in the emulator. `test_chain_shards.py`
does the same with a deployed stack.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from analytics_core import LocalStorage
from analytics_core.pipeline import refresh
from tests.analytics_core.databases import cut_down_sample
from tests.infra.chains import (
    follow,
    in_bucket,
    in_folder,
    jobs_of,
    left_behind,
    take_instance,
    until,
)
from tests.infra.emulator import ACCOUNT, REGION, Emulator, emulator
from trigger import handler, services

STEP = {"vcpus": 1, "memory_mib": 2048, "minutes": 20}
CHAIN = {"shards": 3, "minutes": 10, "first": 3, "plan": STEP, "shard": STEP, "finish": STEP}
BUCKET = "analytics"
EXIT = [
    {"action": "RETRY", "onStatusReason": "Host EC2*"},
    {"action": "EXIT", "onReason": "*"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chain")


@pytest.fixture(scope="module")
def aws(folder: Path) -> Iterator[Emulator]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOBS_FOLDER", str(folder))
        with emulator(folder, module="tests.infra.emulator.processes") as running:
            yield running


@pytest.fixture(scope="module")
def variables(aws: Emulator) -> dict[str, str]:
    """A bucket, a queue, roles and a definition; what the function is told of them."""
    bucket = f"arn:aws:s3:::{BUCKET}"
    aws.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    rights: dict[str, list[dict[str, Any]]] = {
        "Job": [
            {
                "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                "Resource": [f"{bucket}/analytics/v1/*", f"{bucket}/workspace/*"],
            },
            {"Action": "s3:ListBucket", "Resource": bucket},
            {"Action": "s3:GetObject", "Resource": f"{bucket}/database/*"},
        ],
        "Execution": [{"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}],
    }
    iam, batch = aws.client("iam"), aws.client("batch")
    for role, statements in rights.items():
        iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", **each} for each in statements],
        }
        iam.put_role_policy(RoleName=role, PolicyName="rights", PolicyDocument=json.dumps(document))
    aws.client("logs").create_log_group(logGroupName="jobs")
    aws.client("scheduler").create_schedule_group(Name="group")
    arn = f"arn:aws:iam::{ACCOUNT}:role"
    machines = batch.create_compute_environment(
        computeEnvironmentName="machines",
        type="UNMANAGED",
        state="ENABLED",
        serviceRole=f"{arn}/Job",
    )["computeEnvironmentArn"]
    queue = batch.create_job_queue(
        jobQueueName="queue",
        state="ENABLED",
        priority=1,
        computeEnvironmentOrder=[{"order": 1, "computeEnvironment": machines}],
    )["jobQueueArn"]
    environment = {
        "AWS_DEFAULT_REGION": REGION,
        "DB_PATH": f"s3://{BUCKET}/database/bar.db",
        "ANALYTICS_OUTPUT": f"s3://{BUCKET}",
        "ANALYTICS_WORKSPACE": f"s3://{BUCKET}/workspace",
    }
    definition = batch.register_job_definition(
        jobDefinitionName="refresh",
        type="container",
        retryStrategy={"attempts": 3, "evaluateOnExit": EXIT},
        timeout={"attemptDurationSeconds": 1200},
        containerProperties={
            "image": "any",
            "jobRoleArn": f"{arn}/Job",
            "executionRoleArn": f"{arn}/Execution",
            "environment": [{"name": k, "value": v} for k, v in environment.items()],
            "resourceRequirements": [
                {"type": "VCPU", "value": "1"},
                {"type": "MEMORY", "value": "2048"},
            ],
            "linuxParameters": {"tmpfs": [{"containerPath": "/scratch", "size": 256}]},
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "jobs"}},
        },
    )["jobDefinitionArn"]
    return {
        "ENVIRONMENT": "dev",
        "BATCH_JOB_QUEUE": queue,
        "BATCH_JOB_DEFINITION": definition,
        "ANALYTICS_BUCKET": BUCKET,
        "JOB_LOG_GROUP": "jobs",
        "SCHEDULE_GROUP": "group",
        "SCHEDULE_ROLE_ARN": f"{arn}/Job",
        "QUIET_MINUTES": "5",
        "MAXIMUM_WAIT_MINUTES": "30",
        "CHAIN": json.dumps(CHAIN),
    }


@pytest.fixture
def invoke(
    aws: Emulator, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    told = {k: v for k, v in aws.variables.items() if k.startswith("AWS_")}
    for name, value in {**told, **variables}.items():
        monkeypatch.setenv(name, value)
    services.connect.cache_clear()
    context = SimpleNamespace(
        invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:trigger"
    )
    yield lambda event: handler.handler(event, context)
    services.connect.cache_clear()


@pytest.fixture
def database(aws: Emulator, variables: dict[str, str], folder: Path) -> Path:
    """A database, in its place in the bucket."""
    path = folder / "bar.db"
    if not path.exists():
        cut_down_sample(path, 60)
    aws.client("s3").upload_file(str(path), BUCKET, "database/bar.db")
    return path


def test_a_chain_publishes_what_one_machine_does_though_shards_lose_their_instances(
    aws: Emulator, folder: Path, database: Path, invoke: Any
) -> None:
    finish = invoke({"action": "refresh"})["jobId"]
    array = invoke({"action": "status", "jobId": finish})["steps"]["shard"]["jobId"]
    for index in (0, 2):
        take_instance(folder, f"{array}:{index}")
    parents: set[str] = set()

    def ask() -> dict[str, Any]:
        parents.add(jobs_of(aws, array)["status"])
        told: dict[str, Any] = invoke({"action": "status", "jobId": finish})
        return told

    answer, said = follow(ask)
    assert answer["status"] == "SUCCEEDED", said
    assert parents <= {"SUBMITTED", "PENDING", "SUCCEEDED"}, "a parent never runs"
    assert any(re.match(r"neighbors: \d of 3 shards done", sentence) for sentence in said)
    assert re.fullmatch(r"succeeded in .* \(plan .*, neighbors .*, finish .*\)", said[-1])
    attempts = [jobs_of(aws, f"{array}:{index}")["attempts"] for index in range(3)]
    assert [len(each) for each in attempts] == [2, 1, 2]
    assert attempts[0][0]["statusReason"].startswith("Host EC2 (instance i-")
    assert "exitCode" not in attempts[0][0]["container"]
    refresh(database, LocalStorage(folder / "alone"))
    assert in_bucket(aws, BUCKET) == in_folder(folder / "alone")
    assert left_behind(aws, BUCKET) == []


def test_stopping_the_last_step_and_the_array_stops_all(
    aws: Emulator, database: Path, invoke: Any
) -> None:
    """As the command does it: what is published stays, and the chain ends as failed."""

    def published() -> dict[str, str]:
        found = aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="analytics/")
        return {entry["Key"]: entry["ETag"] for entry in found.get("Contents", [])}

    before = published()
    finish = invoke({"action": "refresh", "force": True})["jobId"]
    steps = invoke({"action": "status", "jobId": finish})["steps"]
    array = steps["shard"]["jobId"]
    until(lambda: jobs_of(aws, steps["plan"]["jobId"])["status"] in ("RUNNING", "SUCCEEDED"))
    for step in ("finish", "shard", "plan"):
        aws.client("batch").terminate_job(jobId=steps[step]["jobId"], reason="stopped by hand")
        last = jobs_of(aws, finish)
        if jobs_of(aws, array)["status"] != "FAILED":  # asked afterwards
            assert last["status"] in ("SUBMITTED", "PENDING")
            assert last["isCancelled"]
            assert invoke({"action": "status", "jobId": finish})["status"] != "SUCCEEDED"
    answer, said = follow(lambda: invoke({"action": "status", "jobId": finish}))
    assert answer["status"] == "FAILED"
    for job_id in (finish, array, *(f"{array}:{index}" for index in range(3))):
        until(lambda job_id=job_id: jobs_of(aws, job_id)["status"] == "FAILED")  # type: ignore[misc]
    assert "ended by hand: stopped by hand" in said[-1]
    assert published() == before


def test_a_failed_step_fails_what_depends_on_it_and_the_reason_is_told(
    aws: Emulator, folder: Path, invoke: Any
) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key="database/bar.db", Body=b"no database" * 100)
    finish = invoke({"action": "refresh"})["jobId"]
    answer, _ = follow(lambda: invoke({"action": "status", "jobId": finish}))
    assert answer["status"] == "FAILED"
    assert answer["reason"].startswith("failed: the plan: bad data (exit 3): ")
    array = answer["steps"]["shard"]["jobId"]
    for job_id in (f"{array}:0", array, finish):
        until(lambda job_id=job_id: jobs_of(aws, job_id)["status"] == "FAILED")  # type: ignore[misc]
        job = jobs_of(aws, job_id)
        assert job["statusReason"] == "Dependent Job failed"
        assert job["attempts"] == []


@pytest.mark.parametrize("size", [1, 10_001])
def test_the_emulator_refuses_arrays_that_batch_refuses(
    aws: Emulator, variables: dict[str, str], size: int
) -> None:
    with pytest.raises(ClientError, match="between 2 and 10000"):
        aws.client("batch").submit_job(
            jobName="too-small-or-too-large",
            jobQueue=variables["BATCH_JOB_QUEUE"],
            jobDefinition=variables["BATCH_JOB_DEFINITION"],
            arrayProperties={"size": size},
        )
