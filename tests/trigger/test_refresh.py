"""Single flight: at most one job waits, however many ask at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.trigger.conftest import Clock, Cloud, Driver, connected, register
from trigger import errors, handler, services
from trigger.claim import LEASE, Claim
from trigger.submit import SETTLING

ROOT = Path(__file__).parents[2]


def refresh(cloud: Cloud) -> dict[str, Any]:
    return handler.handler({}, SimpleNamespace(invoked_function_arn=cloud.function_arn))


def claim_object(cloud: Cloud) -> dict[str, Any]:
    body = cloud.client("s3").get_object(Bucket=cloud.bucket, Key="trigger/claim.json")["Body"]
    found: dict[str, Any] = json.loads(body.read())
    return found


def test_a_refresh_submits_and_answers_with_the_job(cloud: Cloud) -> None:
    answer = refresh(cloud)
    assert set(answer) == {"jobArn", "jobId", "jobName", "status", "coalesced"}
    assert answer["coalesced"] is False
    assert answer["status"] == "SUBMITTED"
    [job] = cloud.jobs()
    assert (answer["jobArn"], answer["jobId"]) == (job["jobArn"], job["jobId"])
    assert job["jobDefinition"] == cloud.definition
    json.dumps(answer)


@pytest.mark.parametrize("status", ["SUBMITTED", "PENDING", "RUNNABLE"])
def test_a_second_refresh_joins_the_job_that_waits(cloud: Cloud, status: str) -> None:
    first = refresh(cloud)
    cloud.emulator.set_job(first["jobId"], status=status)
    second = handler.handler(
        {"action": "refresh"}, SimpleNamespace(invoked_function_arn=cloud.function_arn)
    )
    assert second == {**first, "status": status, "coalesced": True}
    assert len(cloud.jobs()) == 1


@pytest.mark.parametrize("status", ["STARTING", "RUNNING"])
def test_while_one_runs_one_more_waits_and_no_third(cloud: Cloud, status: str) -> None:
    first = refresh(cloud)
    cloud.emulator.set_job(first["jobId"], status=status)
    second = refresh(cloud)
    assert second["coalesced"] is False
    third = refresh(cloud)
    assert third["coalesced"] is True
    assert third["jobId"] == second["jobId"]
    assert len(cloud.jobs()) == 2


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_a_finished_job_is_not_joined(cloud: Cloud, status: str) -> None:
    first = refresh(cloud)
    cloud.emulator.set_job(first["jobId"], status=status)
    assert refresh(cloud)["coalesced"] is False


def test_a_job_of_an_older_revision_is_not_joined(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(cloud)
    name = cloud.definition.rsplit("/", 1)[1].split(":")[0]
    newer = register(cloud.client("batch"), name)
    assert newer != cloud.definition
    monkeypatch.setenv("BATCH_JOB_DEFINITION", newer)
    services.connect.cache_clear()
    assert refresh(cloud)["coalesced"] is False
    assert [job["jobDefinition"] for job in cloud.jobs()] == [cloud.definition, newer]


def test_concurrent_threads_submit_once(cloud: Cloud) -> None:
    gate = threading.Barrier(8)

    def ask() -> dict[str, Any]:
        gate.wait()
        return refresh(cloud)

    services.connect()  # clients made in many threads at once are not what is tested
    with ThreadPoolExecutor(8) as pool:
        answers = [f.result() for f in [pool.submit(ask) for _ in range(8)]]
    assert len(cloud.jobs()) == 1
    assert sorted(answer["coalesced"] for answer in answers) == [False] + [True] * 7
    assert claim_object(cloud)["holder"] is None


def test_concurrent_processes_submit_once(cloud: Cloud) -> None:
    """As in AWS: invocations share no memory, only the services."""
    code = (
        "import sys, json, types\n"
        "from trigger.services import connect\n"
        "from trigger.handler import handler\n"
        "connect(); print('ready', flush=True); sys.stdin.readline()\n"
        "answer = handler({}, types.SimpleNamespace(invoked_function_arn='arn:x'))\n"
        "print(json.dumps({'answer': answer}))\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=dict(os.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    answers = []
    for child in children:
        out, _ = child.communicate(timeout=60)
        assert child.returncode == 0
        answers.append(json.loads(out.splitlines()[-1])["answer"])
    assert len(cloud.jobs()) == 1
    assert sorted(answer["coalesced"] for answer in answers) == [False, True, True, True]


def test_without_the_claim_the_same_race_makes_two_jobs(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: with a claim that admits everybody, both submit."""
    gate = threading.Barrier(2)
    held = SimpleNamespace(holder="0" * 32, etag="", note=None)
    monkeypatch.setattr(Claim, "acquire", lambda self: held)
    monkeypatch.setattr(Claim, "release", lambda self, held, note: None)
    real = services.Services.claim

    import trigger.submit as submit_module

    looked = submit_module._waiting_job

    def look_together(*args: Any, **named: Any) -> Any:
        found = looked(*args, **named)
        gate.wait(120)
        return found

    monkeypatch.setattr(submit_module, "_waiting_job", look_together)
    services.connect()
    with ThreadPoolExecutor(2) as pool:
        [f.result() for f in [pool.submit(refresh, cloud) for _ in range(2)]]
    assert real is services.Services.claim
    assert len(cloud.jobs()) == 2


def test_a_claim_left_by_a_dead_invocation_expires(
    cloud: Cloud, driver: Driver, clock: Clock
) -> None:
    """The holder died after claiming: others wait, give up loudly, and succeed once it expired."""
    real = services.connect()
    dead = Claim(
        real.s3,
        bucket=cloud.bucket,
        key="trigger/claim.json",
        now=clock.now,
        sleep=clock.sleep,
    ).acquire()
    with pytest.raises(errors.Busy, match="expires by itself"):
        driver.invoke({})
    assert cloud.jobs() == []
    assert claim_object(cloud)["holder"] == dead.holder
    clock.turn(seconds=LEASE.total_seconds())
    assert driver.invoke({})["coalesced"] is False
    assert len(cloud.jobs()) == 1


def test_one_of_many_takes_over_an_expired_claim(cloud: Cloud) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    cloud.client("s3").put_object(
        Bucket=cloud.bucket,
        Key="trigger/claim.json",
        Body=json.dumps({"holder": "dead", "until": past, "note": None}).encode(),
    )
    services.connect()
    with ThreadPoolExecutor(6) as pool:
        [f.result() for f in [pool.submit(refresh, cloud) for _ in range(6)]]
    assert len(cloud.jobs()) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"[]", b'{"holder": 1, "until": "soon"}', b'{"note": {"jobId": 3}}'],
)
def test_a_claim_object_that_makes_no_sense_does_not_block(cloud: Cloud, body: bytes) -> None:
    cloud.client("s3").put_object(Bucket=cloud.bucket, Key="trigger/claim.json", Body=body)
    assert refresh(cloud)["coalesced"] is False


def blind_listing(monkeypatch: pytest.MonkeyPatch, *, describe: bool) -> None:
    """Batch as it may be just after a submission: the job is not shown yet."""
    real = services.connect()

    class Blind:
        def __getattr__(self, name: str) -> Any:
            return getattr(real.batch, name)

        def get_paginator(self, name: str) -> Any:
            return SimpleNamespace(paginate=lambda **given: [{"jobSummaryList": []}])

        def describe_jobs(self, **given: Any) -> Any:
            return real.batch.describe_jobs(**given) if describe else {"jobs": []}

    import dataclasses

    batch: Any = Blind()
    blind = dataclasses.replace(real, batch=batch)
    monkeypatch.setattr(handler, "connect", lambda: blind)


@pytest.mark.parametrize("describe", [True, False])
def test_a_job_that_batch_does_not_list_yet_is_joined(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, describe: bool
) -> None:
    first = refresh(cloud)
    blind_listing(monkeypatch, describe=describe)
    assert refresh(cloud) == {**first, "coalesced": True}
    assert len(cloud.jobs()) == 1


def test_a_job_that_batch_never_shows_is_not_joined_for_ever(
    cloud: Cloud, driver: Driver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.invoke({})
    blind_listing(monkeypatch, describe=False)
    import dataclasses

    late = dataclasses.replace(connected(), now=lambda: clock.now() + SETTLING)
    monkeypatch.setattr(handler, "connect", lambda: late)
    assert driver.invoke({})["coalesced"] is False


def failing_submit(monkeypatch: pytest.MonkeyPatch, fail: Callable[..., Any]) -> None:
    import dataclasses

    submitting: Any = SimpleNamespace(submit_job=fail)
    broken = dataclasses.replace(services.connect(), submitting=submitting)
    monkeypatch.setattr(handler, "connect", lambda: broken)


def test_a_refused_submission_raises_and_frees_the_claim(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_JOB_DEFINITION", cloud.definition + "9")
    services.connect.cache_clear()
    with pytest.raises(ClientError):
        refresh(cloud)
    assert claim_object(cloud)["holder"] is None


def test_an_unanswered_submission_raises_and_keeps_the_claim(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job exists, the answer was lost: nobody may submit before Batch can show it."""
    real = services.connect().submitting

    def lose_answer(**given: Any) -> Any:
        real.submit_job(**given)
        raise ReadTimeoutError(endpoint_url="batch")

    failing_submit(monkeypatch, lose_answer)
    with pytest.raises(errors.SubmissionUnknown, match="joins it or submits anew"):
        refresh(cloud)
    assert claim_object(cloud)["holder"] is not None
    # Later the claim has expired, Batch shows the job, and the retry joins it.
    import dataclasses

    later = dataclasses.replace(services.connect(), now=lambda: datetime.now(UTC) + LEASE)
    monkeypatch.setattr(handler, "connect", lambda: later)
    assert refresh(cloud)["coalesced"] is True
    assert len(cloud.jobs()) == 1


@pytest.mark.parametrize(
    ("status", "code", "unknown"),
    [
        (500, "InternalFailure", True),
        (502, "BadGateway", True),
        (503, "ServiceUnavailable", True),
        (400, "ClientException", False),
        (403, "AccessDeniedException", False),
        (429, "TooManyRequestsException", False),
    ],
)
def test_an_answer_of_5xx_says_nothing_and_one_of_4xx_says_no(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, status: int, code: str, unknown: bool
) -> None:
    """Batch may have taken the job before it failed to say so; who is told no may try again."""

    def answer(**given: Any) -> Any:
        details: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(details, "SubmitJob")

    failing_submit(monkeypatch, answer)
    with pytest.raises(errors.SubmissionUnknown if unknown else ClientError, match=code):
        refresh(cloud)
    assert (claim_object(cloud)["holder"] is not None) is unknown


def test_submitting_is_never_repeated_by_botocore(cloud: Cloud) -> None:
    assert services.connect().submitting.meta.config.retries["total_max_attempts"] == 1  # type: ignore[attr-defined]


def test_every_decision_is_a_line_of_json(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    refresh(cloud)
    refresh(cloud)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    said = [line["event"] for line in lines if "event" in line]
    assert said == ["refresh.submitted", "refresh.joined"]
    assert all({"time", "level", "environment"} <= set(line) for line in lines if "event" in line)
    [_, metric] = [line for line in lines if "_aws" in line]
    [definition] = metric["_aws"]["CloudWatchMetrics"]
    assert definition["Namespace"] == "CocktailAnalytics"
    assert definition["Dimensions"] == [["Environment"]]
    assert metric["RefreshJoined"] == 1
    assert {m["Name"] for m in definition["Metrics"]} <= set(metric)


def test_a_metric_that_nobody_watches_is_not_written(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def written() -> list[set[str]]:
        refresh(cloud)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        found = [line["_aws"]["CloudWatchMetrics"][0] for line in lines if "_aws" in line]
        return [{metric["Name"] for metric in definition["Metrics"]} for definition in found]

    monkeypatch.setenv("ANALYTICS_METRICS", "")
    assert written() == []
    monkeypatch.setenv("ANALYTICS_METRICS", "RefreshSuccess,QueueAge")
    assert written() == [{"QueueAge"}]
