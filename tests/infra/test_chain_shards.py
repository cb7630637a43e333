"""`make chain-shards`: a deployed stack shares a refresh among machines, some of which are lost.

The real `cdk deploy` against the emulator, whose functions and jobs really run; the commands of
the terminal ask for the refresh and stop it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics_core import LocalStorage
from analytics_core.pipeline import refresh
from analytics_core.sample import write_sample_database
from tests.infra.chains import (
    follow,
    in_bucket,
    in_folder,
    jobs_of,
    left_behind,
    take_instance,
    until,
)
from tests.infra.emulator import ACCOUNT, REGION, REPOSITORY, Emulator, emulator

pytestmark = pytest.mark.slow

SHARDS = 4
DEV = {
    "shards": SHARDS,
    "database_path": "s3:///database/cocktails.db",
    # Two shards run side by side, the others wait for their places.
    "max_vcpus": 4,
    "shard_machine": {"vcpus": 2, "memory_mib": 2048, "timeout_minutes": 20},
}
CONTEXT = {"environments": {"dev": DEV}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chain")


@pytest.fixture(scope="module")
def aws(folder: Path) -> Iterator[Emulator]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOBS_FOLDER", str(folder))
        with emulator(folder, module="tests.infra.emulator.processes") as running:
            running.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
            running.cdk(
                *("deploy", "DevStack", "--require-approval", "never", "--method", "direct"),
                context=CONTEXT,
            )
            yield running


def output(aws: Emulator, name: str) -> str:
    [stack] = aws.client("cloudformation").describe_stacks(StackName="DevStack")["Stacks"]
    return {o["OutputKey"]: str(o["OutputValue"]) for o in stack["Outputs"]}[name]


def ask(aws: Emulator, event: dict[str, Any]) -> dict[str, Any]:
    answer = aws.client("lambda").invoke(
        FunctionName=output(aws, "TriggerFunction"), Payload=json.dumps(event).encode()
    )
    said: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return said


def command(aws: Emulator, *arguments: str) -> str:
    done = subprocess.run(
        [str(REPOSITORY / "scripts" / "trigger-analytics-refresh.sh"), "dev", *arguments],
        env=aws.variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def submitted(aws: Emulator, *arguments: str) -> dict[str, str]:
    """Ask for a refresh at the terminal; the ids of its jobs by step."""
    job_id = command(aws, *arguments).partition("(")[2].partition(")")[0]
    steps = ask(aws, {"action": "status", "jobId": job_id})["steps"]
    assert steps["finish"]["jobId"] == job_id
    return {step: job["jobId"] for step, job in steps.items()}


def kill(aws: Emulator, job_id: str) -> None:
    """Kill the process of a job that runs, as the kernel does for want of memory."""
    until(lambda: jobs_of(aws, job_id)["status"] == "RUNNING")
    wanted = f"AWS_BATCH_JOB_ID={job_id}".encode()

    def killed() -> bool:
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and int(process.name) != os.getpid():
                try:
                    mine = wanted in (process / "environ").read_bytes().split(b"\0")
                    command_line = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                if mine and b"analytics_core" in command_line and b"setpriv" not in command_line:
                    os.kill(int(process.name), signal.SIGKILL)
                    return True
        return False

    until(killed)


@pytest.fixture(scope="module")
def letters(aws: Emulator) -> str:
    """A queue in the place of the owner's mailbox."""
    sqs = aws.client("sqs")
    url: str = sqs.create_queue(QueueName="letters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    aws.client("sns").subscribe(
        TopicArn=output(aws, "Topic"), Protocol="sqs", Endpoint=arn["QueueArn"]
    )
    return url


def mails(aws: Emulator, url: str) -> list[dict[str, str]]:
    found = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in found.get("Messages", [])]


def test_a_deployed_chain_publishes_what_one_machine_does_though_machines_are_lost(
    aws: Emulator, folder: Path, letters: str
) -> None:
    database = folder / "site.db"
    write_sample_database(database)
    bucket = output(aws, "Bucket")
    aws.client("s3").upload_file(str(database), bucket, "database/cocktails.db")
    jobs = submitted(aws)
    array = jobs["shard"]
    for index in range(SHARDS - 1):
        take_instance(folder, f"{array}:{index}")
    until(lambda: jobs_of(aws, jobs["plan"])["status"] in ("RUNNING", "SUCCEEDED"))
    later = submitted(aws)  # not joined, for the plan has begun; either chain may end first
    assert later["plan"] != jobs["plan"]
    answer, said = follow(lambda: ask(aws, {"action": "status", "jobId": jobs["plan"]}))
    assert answer["status"] == "SUCCEEDED", said
    attempts = [len(jobs_of(aws, f"{array}:{index}")["attempts"]) for index in range(SHARDS)]
    assert attempts == [2, 2, 2, 1]
    assert any("retried" in sentence for sentence in said), said
    answer, said = follow(lambda: ask(aws, {"action": "status", "jobId": later["finish"]}))
    assert answer["status"] == "SUCCEEDED", said
    refresh(database, LocalStorage(folder / "alone"))
    assert in_bucket(aws, bucket) == in_folder(folder / "alone")
    assert left_behind(aws, bucket) == []
    assert mails(aws, letters) == []


def test_a_shard_that_fails_for_good_is_mailed_about_once_and_the_set_stays(
    aws: Emulator, folder: Path, letters: str
) -> None:
    bucket = output(aws, "Bucket")
    before = in_bucket(aws, bucket)
    jobs = submitted(aws, "--force")
    kill(aws, f"{jobs['shard']}:1")
    answer, _ = follow(lambda: ask(aws, {"action": "status", "jobId": jobs["finish"]}))
    assert answer["status"] == "FAILED"
    assert answer["reason"].startswith(
        "failed: shard 1 of 4: killed, most often for want of memory"
    )
    assert "nothing" not in answer["reason"]
    found: list[dict[str, str]] = []

    def arrived() -> bool:
        found.extend(mails(aws, letters))
        return bool(found)

    until(arrived)
    [mail] = found
    assert "refresh failed: shard 1 of 4: killed" in mail["Subject"]
    assert in_bucket(aws, bucket) == before


def test_a_chain_is_stopped_at_the_terminal(aws: Emulator, folder: Path) -> None:
    bucket = output(aws, "Bucket")
    before = in_bucket(aws, bucket)
    jobs = submitted(aws)
    until(lambda: jobs_of(aws, jobs["plan"])["status"] in ("RUNNING", "SUCCEEDED"))
    said = command(aws, "--stop", jobs["shard"])
    stopped = [line.split()[1] for line in said.splitlines()]
    assert stopped in (["finish", "shard", "plan"], ["finish", "shard"])  # a plan is soon made
    answer, _ = follow(lambda: ask(aws, {"action": "status", "jobId": jobs["finish"]}))
    assert answer["status"] == "FAILED"
    assert "stopped by hand" in answer["reason"]
    until(lambda: jobs_of(aws, jobs["plan"])["status"] in ("FAILED", "SUCCEEDED"))
    for job_id in (jobs["shard"], jobs["finish"], f"{jobs['shard']}:0", f"{jobs['shard']}:3"):
        until(lambda job_id=job_id: jobs_of(aws, job_id)["status"] == "FAILED")  # type: ignore[misc]
    assert "nothing to stop" in command(aws, "--stop", jobs["plan"])
    assert in_bucket(aws, bucket) == before
