"""Jobs as Batch really describes them, and the sentences that come out."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics_core.console.logs import JsonLog
from analytics_core.errors import AnalyticsError, DataError, GateClosed
from tests.trigger.conftest import Clock, Cloud, Driver
from trigger.errors import UnknownJob
from trigger.reasons import ENDED, EXIT_CODES, WAITING
from trigger.status import _cause, in_words

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SPOT = "Host EC2 (instance i-0a1b2c3d4e5f67890) terminated."
TASK = "arn:aws:ecs:eu-west-1:123456789012:task/AWSBatch-ce/0123456789abcdef"


def ms(**ago: float) -> int:
    return int((NOW - timedelta(**ago)).timestamp() * 1000)


def attempt(status_reason: str, /, **container: Any) -> dict[str, Any]:
    return {
        "container": {
            "containerInstanceArn": "arn:aws:ecs:eu-west-1:123456789012:container-instance/a/b",
            "taskArn": TASK,
            "logStreamName": "refresh/default/0123",
            "networkInterfaces": [],
            **container,
        },
        "startedAt": ms(minutes=9),
        "stoppedAt": ms(minutes=4),
        "statusReason": status_reason,
    }


def job(status: str, **changes: Any) -> dict[str, Any]:
    return {
        "jobArn": "arn:aws:batch:eu-west-1:123456789012:job/0123",
        "jobName": "refresh-dev",
        "jobId": "0123",
        "jobQueue": "arn:aws:batch:eu-west-1:123456789012:job-queue/q",
        "status": status,
        "attempts": [],
        "createdAt": ms(minutes=14),
        "retryStrategy": {"attempts": 3, "evaluateOnExit": []},
        "dependsOn": [],
        "jobDefinition": "arn:aws:batch:eu-west-1:123456789012:job-definition/d:1",
        "container": {"vcpus": 1, "memory": 2048, "environment": [], "networkInterfaces": []},
        "isCancelled": False,
        "isTerminated": False,
        **changes,
    }


CAPACITY = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested "
    "for instance type [c7g.medium]"
)


@pytest.mark.parametrize(
    ("described", "says"),
    [
        (job("SUBMITTED", createdAt=ms(seconds=3)), "waiting 3 s: just submitted"),
        (
            job("RUNNABLE"),
            "waiting 14 min: for an instance; a cold start takes a few minutes",
        ),
        (job("RUNNABLE", statusReason=CAPACITY), "waiting 14 min: no Spot capacity yet"),
        (
            job(
                "RUNNABLE",
                statusReason="MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource "
                "requirement (vCPU/memory/GPU) is higher than that can be met by the CE(s) "
                "attached to the job queue.",
            ),
            "waiting 14 min: stuck: no listed instance has the vCPUs and memory the job asks for",
        ),
        (
            job("RUNNABLE", attempts=[attempt(SPOT)]),
            (
                "attempt 2 of 3: Spot capacity was reclaimed; waiting 4 min: for an instance; "
                "a cold start takes a few minutes"
            ),
        ),
        (
            job("RUNNING", attempts=[attempt(SPOT)], startedAt=ms(seconds=30)),
            "attempt 2 of 3: Spot capacity was reclaimed; running 30 s",
        ),
        (job("RUNNING", startedAt=ms(minutes=2)), "running 2 min"),
        (job("STARTING"), "starting: an instance was found, the container comes up"),
        (
            job("SUCCEEDED", startedAt=ms(minutes=3), stoppedAt=ms(minutes=1)),
            "succeeded in 2 min",
        ),
        (
            job(
                "FAILED",
                statusReason="Essential container in task exited",
                attempts=[attempt("Essential container in task exited", exitCode=3)],
                container={"exitCode": 3, "logStreamName": "refresh/default/0123"},
            ),
            "failed: bad data (exit 3)",
        ),
        (
            job(
                "FAILED",
                statusReason=SPOT,
                attempts=[attempt(SPOT), attempt(SPOT), attempt(SPOT)],
            ),
            "failed: Spot capacity was reclaimed (after 3 attempts)",
        ),
        (
            job(
                "FAILED",
                statusReason="Essential container in task exited",
                attempts=[
                    attempt(
                        "Essential container in task exited",
                        exitCode=137,
                        reason="OutOfMemoryError: Container killed due to memory usage",
                    )
                ],
            ),
            "failed: out of memory; give the job more memory (memory_mib)",
        ),
        (
            job(
                "FAILED",
                statusReason="Job attempt duration exceeded timeout",
                attempts=[attempt("Job attempt duration exceeded timeout", exitCode=137)],
            ),
            "failed: it ran longer than the time limit",
        ),
        (
            job(
                "FAILED",
                statusReason="Canceled by JobStateTimeLimit action due to reason: "
                "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
            ),
            "failed: cancelled: no Spot capacity within the limit; ask again later",
        ),
        (
            job(
                "FAILED",
                statusReason="Task failed to start",
                attempts=[
                    attempt(
                        "Task failed to start",
                        reason="CannotPullContainerError: Error response from daemon: "
                        "pull access denied",
                    )
                ],
            ),
            (
                "failed: the container image could not be pulled; look at the network's way to "
                "the registry"
            ),
        ),
        (
            job(
                "FAILED",
                statusReason="Task failed to start",
                attempts=[
                    attempt(
                        "Task failed to start",
                        reason="ResourceInitializationError: failed to invoke EFS utils commands "
                        "to set up EFS volumes: mount.nfs4: Connection timed out",
                    )
                ],
            ),
            (
                "failed: the file system could not be mounted; look at its mount targets and "
                "security groups"
            ),
        ),
        (
            job(
                "FAILED",
                statusReason="Essential container in task exited",
                attempts=[
                    attempt(SPOT),
                    attempt("Essential container in task exited", exitCode=3),
                ],
                container={"exitCode": 3},
            ),
            "failed: bad data (exit 3) (after 2 attempts)",
        ),
        (
            job(
                "FAILED",
                statusReason="Essential container in task exited",
                attempts=[attempt("Essential container in task exited", exitCode=0)],
                container={"exitCode": 0},
            ),
            (
                "failed: the container ended without an error (exit 0), but Batch counts it as "
                "failed"
            ),
        ),
        (
            job("FAILED", attempts=[{"container": {}, "stoppedAt": ms(minutes=1)}], container={}),
            "failed: Batch gave no reason",
        ),
        (
            job("FAILED", attempts=[{"stoppedAt": ms(minutes=1)}], container=None),
            "failed: Batch gave no reason",
        ),
        (
            job("RUNNABLE", attempts=[{"container": None, "stoppedAt": ms(minutes=1)}]),
            (
                "attempt 2 of 3: Batch gave no reason; waiting 1 min: for an instance; a cold "
                "start takes a few minutes"
            ),
        ),
        (
            job("FAILED", statusReason="not today", isTerminated=True),
            "failed: ended by hand: not today",
        ),
        (job("FAILED"), "failed: Batch gave no reason"),
        (job("FAILED", statusReason="A new reason"), "failed: A new reason"),
        (job("PAUSED"), "in a state this version does not know: PAUSED"),
    ],
)
def test_in_words(described: dict[str, Any], says: str) -> None:
    assert in_words(described, now=NOW) == says


def test_every_row_of_the_tables_is_a_sentence_for_people() -> None:
    for sentence in (said for row in (*ENDED, *WAITING) for said in row[1:]):
        assert sentence
        assert "Error" not in sentence
    assert set(EXIT_CODES) >= {1, 2, 3, 4, 75}


def test_a_status_answers_in_the_contracts_shape(driver: Driver, clock: Clock) -> None:
    submitted = driver.invoke({})
    clock.turn(minutes=14)
    answer = driver.invoke({"action": "status", "jobId": submitted["jobId"]})
    assert set(answer) == {
        *("jobId", "status", "reason", "attempts"),
        *("startedAt", "stoppedAt", "logStream"),
    }
    assert answer["status"] == "SUBMITTED"
    assert answer["reason"].startswith(("waiting 13 min", "waiting 14 min"))
    assert answer["attempts"] == []
    assert answer["stoppedAt"] is None
    json.dumps(answer)


def fail_with_log(cloud: Cloud, job_id: str) -> None:
    stream = f"refresh/default/{job_id}"
    logs = cloud.client("logs")
    logs.create_log_stream(logGroupName=cloud.log_group, logStreamName=stream)
    stamp = int(datetime.now(UTC).timestamp() * 1000)
    lines = [
        *(f'{{"level": "info", "message": "stage {n}"}}' for n in range(30)),
        '{"level": "error", "message": "cocktails.db: table recipes is missing"}',
        "a line that is not JSON",
    ]
    logs.put_log_events(
        logGroupName=cloud.log_group,
        logStreamName=stream,
        logEvents=[{"timestamp": stamp + n, "message": line} for n, line in enumerate(lines)],
    )
    ended = {**attempt("Essential container in task exited", exitCode=3, logStreamName=stream)}
    cloud.emulator.set_job(
        job_id,
        status="FAILED",
        statusReason="Essential container in task exited",
        attempts=[ended],
        startedAt=ended["startedAt"],
        stoppedAt=ended["stoppedAt"],
        container={"exitCode": 3, "logStreamName": stream},
    )


def test_a_failed_job_tells_its_cause_and_its_last_lines(driver: Driver, cloud: Cloud) -> None:
    job_id = driver.invoke({})["jobId"]
    fail_with_log(cloud, job_id)
    answer = driver.invoke({"action": "status", "jobId": job_id, "logLines": 3})
    assert answer["reason"] == "failed: bad data (exit 3): cocktails.db: table recipes is missing"
    assert len(answer["log"]) == 3
    assert answer["log"][-1] == "a line that is not JSON"
    assert answer["logStream"] == f"refresh/default/{job_id}"
    [ended] = answer["attempts"]
    assert ended["number"] == 1
    assert ended["exitCode"] == 3
    assert ended["startedAt"] == "2026-03-01T11:51:00Z"
    plain = driver.invoke({"action": "status", "jobId": job_id})
    assert "log" not in plain
    assert plain["reason"] == answer["reason"]


def test_a_log_that_is_not_there_is_no_error(driver: Driver, cloud: Cloud) -> None:
    job_id = driver.invoke({})["jobId"]
    cloud.emulator.set_job(job_id, status="RUNNING", container={"logStreamName": "none"})
    answer = driver.invoke({"action": "status", "jobId": job_id, "logLines": 5})
    assert answer["log"] == []


def test_two_attempts_are_told_one_by_one(driver: Driver, cloud: Cloud) -> None:
    job_id = driver.invoke({})["jobId"]
    last = attempt("Essential container in task exited", exitCode=3, logStreamName="second")
    cloud.emulator.set_job(
        job_id,
        status="FAILED",
        statusReason="Essential container in task exited",
        attempts=[attempt(SPOT, logStreamName="first"), last],
        container={"exitCode": 3, "logStreamName": "second"},
    )
    answer = driver.invoke({"action": "status", "jobId": job_id})
    assert answer["reason"] == "failed: bad data (exit 3) (after 2 attempts)"
    said = [(a["number"], a["reason"], a["exitCode"]) for a in answer["attempts"]]
    assert said == [(1, "Spot capacity was reclaimed", None), (2, "bad data (exit 3)", 3)]
    assert answer["logStream"] == "second"


def test_a_job_with_empty_containers_has_no_log(driver: Driver, cloud: Cloud) -> None:
    job_id = driver.invoke({})["jobId"]
    ended = {"container": {}, "stoppedAt": ms(minutes=1), "statusReason": "Task failed to start"}
    cloud.emulator.set_job(job_id, status="FAILED", attempts=[ended], statusReason=None)
    answer = driver.invoke({"action": "status", "jobId": job_id, "logLines": 5})
    assert answer["logStream"] is None
    assert answer["log"] == []
    assert answer["reason"] == "failed: the container could not be started"
    assert answer["attempts"][0]["exitCode"] is None


def test_a_long_cause_is_cut_and_says_so() -> None:
    from trigger.status import _cause

    cause = _cause([json.dumps({"level": "error", "message": "recipe " * 10_000})])
    assert cause is not None
    assert len(cause) <= 500
    assert cause.startswith("recipe recipe")
    assert cause.endswith("…")


@pytest.mark.parametrize(("status", "measured"), [("RUNNABLE", True), ("RUNNING", False)])
def test_the_age_of_a_job_that_waits_is_a_metric(
    driver: Driver,
    cloud: Cloud,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
    status: str,
    measured: bool,
) -> None:
    job_id = driver.invoke({})["jobId"]
    created = int(clock.now().timestamp() * 1000)
    cloud.emulator.set_job(job_id, status=status, createdAt=created, startedAt=created)
    clock.turn(minutes=14)
    capsys.readouterr()
    driver.invoke({"action": "status", "jobId": job_id})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["QueueAge"] for line in lines if "_aws" in line] == [840.0] * measured


def test_an_unknown_job_is_an_error(driver: Driver) -> None:
    with pytest.raises(UnknownJob, match="'nonsense'"):
        driver.invoke({"action": "status", "jobId": "nonsense"})


GATE = "42 of 238 recipes are gone (18%)"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (DataError("bar.db: no such table"), "bad data (exit 3): bar.db: no such table"),
        (GateClosed(GATE, figures={"recipes": 196}), f"too much changed at once (exit 5): {GATE}"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_cause_is_read_from_the_line_the_job_really_writes(
    error: AnalyticsError, says: str
) -> None:
    stream = io.StringIO()
    log = JsonLog(stream=stream)
    log.failure("refresh.failed", error, with_traceback=False)
    log.write("metrics")
    cause = _cause(stream.getvalue().splitlines())
    assert cause == str(error)
    job = {"status": "FAILED", "container": {"exitCode": error.exit_code}, "attempts": []}
    assert in_words(job, now=datetime.now(UTC), cause=cause) == f"failed: {says}"


def test_a_refresh_that_succeeded_says_what_it_changed(driver: Driver, cloud: Cloud) -> None:
    job_id = driver.invoke({})["jobId"]
    logs, stream = cloud.client("logs"), f"refresh/default/{job_id}"
    logs.create_log_stream(logGroupName=cloud.log_group, logStreamName=stream)
    line = {"event": "refresh.finished", "changed": "1 new recipe (Negroni Sour)"}
    logs.put_log_events(
        logGroupName=cloud.log_group,
        logStreamName=stream,
        logEvents=[
            {"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": json.dumps(line)}
        ],
    )
    cloud.emulator.set_job(
        job_id,
        status="SUCCEEDED",
        startedAt=ms(minutes=3),
        stoppedAt=ms(minutes=1),
        container={"exitCode": 0, "logStreamName": stream},
    )
    answer = driver.invoke({"action": "status", "jobId": job_id})
    assert answer["reason"] == "succeeded in 2 min: 1 new recipe (Negroni Sour)"
    assert "log" not in answer
