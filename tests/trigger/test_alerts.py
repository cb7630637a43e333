"""Mails about failed and stuck jobs: what they say, that they go out once, and that they do."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trigger.conftest import Clock, Cloud, Driver, connected
from tests.trigger.mailbox import Mailbox, event_of
from trigger import alerts, errors
from trigger import handler as handler_module
from trigger import services as services_module
from trigger.claim import LEASE
from trigger.text import one_line

ROOT = Path(__file__).parents[2]
EXITED = "Essential container in task exited"
SPOT = "Host EC2 (instance i-08784105ffff56b4f) terminated."
CAPACITY = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested"
JOB_ID = "4c7599ae-0a82-49aa-ba5a-4727fcce14a8"


def detail(status: str = "FAILED", **changes: Any) -> dict[str, Any]:
    """What Batch tells about a job that failed at its only attempt."""
    return {
        "jobArn": f"arn:aws:batch:eu-west-1:123456789012:job/{JOB_ID}",
        "jobName": "refresh-dev-20260301T115000-1a2b3c4d",
        "jobId": JOB_ID,
        "jobQueue": "arn:aws:batch:eu-west-1:123456789012:job-queue/queue",
        "status": status,
        "statusReason": EXITED,
        "attempts": [attempt(EXITED, exitCode=3)],
        "createdAt": ms("11:50"),
        "startedAt": ms("11:51"),
        "stoppedAt": ms("11:56"),
        "retryStrategy": {"attempts": 1, "evaluateOnExit": []},
        "dependsOn": [],
        "jobDefinition": "arn:aws:batch:eu-west-1:123456789012:job-definition/refresh:4",
        "parameters": {},
        "container": {"exitCode": 3, "logStreamName": "refresh/default/0123"},
        "tags": {},
        **changes,
    }


def attempt(status_reason: str, **container: Any) -> dict[str, Any]:
    return {
        "container": {"logStreamName": "refresh/default/0123", **container},
        "startedAt": ms("11:51"),
        "stoppedAt": ms("11:56"),
        "statusReason": status_reason,
    }


def ms(time: str) -> int:
    return int(datetime.fromisoformat(f"2026-03-01T{time}:00+00:00").timestamp() * 1000)


def blocked(reason: str = CAPACITY, **changes: Any) -> dict[str, Any]:
    job = detail("RUNNABLE", statusReason=reason, attempts=[], container={}, **changes)
    return event_of(job, "Batch Job Queue Blocked")


@pytest.fixture
def mailbox(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    topic = cloud.client("sns").create_topic(Name=f"topic-{cloud.bucket}")["TopicArn"]
    monkeypatch.setenv("ALERT_TOPIC_ARN", topic)
    services_module.connect.cache_clear()
    return Mailbox.subscribed(cloud, topic)


@pytest.fixture
def function(mailbox: Mailbox, driver: Driver) -> Driver:
    """The function with the topic set; `driver` is made after `mailbox`."""
    return driver


def changed(monkeypatch: pytest.MonkeyPatch, **services: Any) -> None:
    """Let the handler work with some services replaced."""
    now = connected()
    monkeypatch.setattr(handler_module, "connect", lambda: dataclasses.replace(now, **services))


def write_log(cloud: Cloud, *lines: str, stream: str = "refresh/default/0123") -> None:
    logs = cloud.client("logs")
    logs.create_log_stream(logGroupName=cloud.log_group, logStreamName=stream)
    stamp = int(datetime.now(UTC).timestamp() * 1000)
    logs.put_log_events(
        logGroupName=cloud.log_group,
        logStreamName=stream,
        logEvents=[{"timestamp": stamp + n, "message": line} for n, line in enumerate(lines)],
    )


def told(cloud: Cloud) -> list[str]:
    found = cloud.client("s3").list_objects_v2(Bucket=cloud.bucket, Prefix="trigger/told/")
    return [entry["Key"] for entry in found.get("Contents", [])]


def test_a_failed_refresh_leads_to_one_mail_that_a_person_can_act_on(
    function: Driver, mailbox: Mailbox, cloud: Cloud
) -> None:
    write_log(
        cloud,
        '{"timestamp": "2026-03-01T11:51:02.000+00:00", "level": "info", "event": '
        '"stage.finished", "run_id": "r", "stage": "snapshot", "seconds": 0.4}',
        '{"_aws": {"CloudWatchMetrics": []}, "Environment": "dev"}',
        '{"timestamp": "2026-03-01T11:55:59.000+00:00", "level": "error", "event": '
        '"refresh.failed", "run_id": "r", "error": "DataError", "message": '
        '"cocktails.db: table recipes is missing"}',
        "a line that is not JSON",
    )
    assert function.invoke(event_of(detail())) == {"jobId": JOB_ID, "mail": "sent"}
    [(subject, body)] = mailbox.mails()
    assert subject == (
        "Cocktail analytics (dev): refresh failed: bad data (exit 3): cocktails.db: table "
        "recipes is missing"
    )
    assert (
        body
        == f"""\
The refresh of the cocktail analytics (dev) failed.

Why: bad data (exit 3): cocktails.db: table recipes is missing

What is published is unchanged, only older.

See more:   scripts/trigger-analytics-refresh.sh dev --status {JOB_ID}
Run again:  scripts/trigger-analytics-refresh.sh dev --wait

Job:        refresh-dev-20260301T115000-1a2b3c4d ({JOB_ID})
Started:    2026-03-01T11:51:00Z
Ended:      2026-03-01T11:56:00Z
Attempts:   1 of 1
  1: bad data (exit 3)

Its last lines:
  2026-03-01T11:51:02.000+00:00 info stage.finished stage=snapshot seconds=0.4
  2026-03-01T11:55:59.000+00:00 error refresh.failed cocktails.db: table recipes is missing \
error=DataError
  a line that is not JSON
"""
    )


def test_the_mail_gives_the_sentence_that_status_gives(
    function: Driver, mailbox: Mailbox, cloud: Cloud
) -> None:
    job_id = function.invoke({})["jobId"]
    ended = {
        **detail(),
        "attempts": [attempt(SPOT), attempt(EXITED, exitCode=4)],
        "retryStrategy": {"attempts": 2},
        "container": {"exitCode": 4, "logStreamName": "refresh/default/0123"},
    }
    changes = {k: ended[k] for k in ("status", "statusReason", "attempts", "container")}
    cloud.emulator.set_job(job_id, **changes)
    write_log(cloud, '{"level": "error", "message": "s3://bucket: access denied"}')
    function.invoke(event_of({**ended, "jobId": job_id}))
    status = function.invoke({"action": "status", "jobId": job_id})
    [(_, body)] = mailbox.mails()
    reason = status["reason"].removeprefix("failed: ")
    assert "s3://bucket: access denied" in reason
    assert f"Why: {reason}\n" in body
    assert "Attempts:   2 of 2\n  1: Spot capacity was reclaimed\n  2: storage" in body


@pytest.mark.parametrize(
    ("name", "says", "again"),
    [
        ("refresh-prod-1", "The refresh of", "scripts/trigger-analytics-refresh.sh dev --wait"),
        ("load-prod-1", "The load of a database of", "scripts/load-database.sh dev site.db"),
        ("by-hand", "The job of", "the way it was submitted"),
    ],
)
def test_what_failed_is_told_by_the_name_of_the_job(
    function: Driver, mailbox: Mailbox, name: str, says: str, again: str
) -> None:
    function.invoke(event_of(detail(jobName=name)))
    [(_, body)] = mailbox.mails()
    assert body.startswith(says)
    assert f"Run again:  {again}\n" in body
    assert "What is published is unchanged" in body


def test_a_job_that_never_started_has_a_mail_without_lines(
    function: Driver,
    mailbox: Mailbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANALYTICS_METRICS", "RefreshFailure")
    job = detail(
        statusReason="Canceled by JobStateTimeLimit action due to reason: "
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        attempts=[],
        container={},
        startedAt=None,
    )
    function.invoke(event_of(job))
    [(_, body)] = mailbox.mails()
    assert "Why: cancelled: no Spot capacity within the limit; ask again later\n" in body
    assert "Started:    never\n" in body
    assert "There are no last lines" in body
    counted = '"RefreshFailure": 1'
    assert counted in capsys.readouterr().out, "the job could not write it"
    function.invoke(event_of(job | {"jobId": "0" * 8, "jobName": "load-dev-1"}))
    assert counted not in capsys.readouterr().out, "a load is no refresh"


@pytest.mark.parametrize("trouble", ["absent", "denied", "unreachable"])
def test_a_log_that_cannot_be_read_does_not_stop_the_mail(
    function: Driver, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    def refuse(**_: Any) -> Any:
        if trouble == "denied":
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetLogEvents")
        raise EndpointConnectionError(endpoint_url="logs")

    if trouble != "absent":
        changed(monkeypatch, logs=SimpleNamespace(get_log_events=refuse))
    function.invoke(event_of(detail()))
    [(_, body)] = mailbox.mails()
    assert "Why: bad data (exit 3)\n" in body
    assert "There are no last lines" in body


@pytest.mark.parametrize("status", ["RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "PAUSED"])
def test_every_other_status_is_ignored_with_a_line(
    function: Driver, mailbox: Mailbox, cloud: Cloud, capsys: Any, status: str
) -> None:
    answer = function.invoke(event_of(detail(status)))
    assert answer == {"jobId": JOB_ID, "mail": "none"}
    assert mailbox.mails() == []
    assert told(cloud) == []
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["event"], line["status"]) == ("alert.ignored", status)


def test_half_a_character_can_be_logged(function: Driver, capsys: Any) -> None:
    function.invoke(event_of(detail("\ud800 é")))
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["status"] == "\ud800 é"
    assert "é" in line, "and what can be written is written as it is"


def test_a_stuck_job_leads_to_a_mail_that_says_what_to_do(
    function: Driver, mailbox: Mailbox
) -> None:
    reason = f"{CAPACITY} for instance type [c7g.medium]"
    assert function.invoke(blocked(reason)) == {"jobId": JOB_ID, "mail": "sent"}
    [(subject, body)] = mailbox.mails()
    assert subject == "Cocktail analytics (dev): a job cannot start: no Spot capacity yet"
    assert "Why: no Spot capacity yet\n" in body
    assert f"Batch says: {reason}\n" in body
    assert "What to do: Nothing at first" in body
    assert f"--status {JOB_ID}\n" in body


def test_a_stuck_job_is_told_once_for_each_reason(function: Driver, mailbox: Mailbox) -> None:
    for instance_type in ("c7g.medium", "c7g.large"):
        function.invoke(blocked(f"{CAPACITY} for instance type [{instance_type}]"))
    assert len(mailbox.mails()) == 1
    function.invoke(blocked("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - too much"))
    function.invoke(blocked("UNDETERMINED - Batch job is blocked, root cause is undetermined."))
    assert len(mailbox.mails()) == 2
    function.invoke(event_of(detail(statusReason="cancelled", attempts=[], container={})))
    assert len(mailbox.mails()) == 1, "that it failed afterwards is another matter"


def test_delivered_again_it_is_not_mailed_again(
    function: Driver, mailbox: Mailbox, cloud: Cloud, clock: Clock
) -> None:
    for delivered in (event_of(detail()), blocked()):
        assert function.invoke(delivered)["mail"] == "sent"
        for pause_days in (0, 1, 400):
            clock.turn(days=pause_days)
            assert function.invoke(delivered)["mail"] == "sent before"
        assert len(mailbox.mails()) == 1
    assert all(key.startswith(f"trigger/told/{JOB_ID}/") for key in told(cloud))


def test_ten_simultaneous_deliveries_lead_to_one_mail(mailbox: Mailbox, cloud: Cloud) -> None:
    services_module.connect()
    context = SimpleNamespace(invoked_function_arn=cloud.function_arn)
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(
                lambda n: handler_module.handler(event_of(detail()), context)["mail"], range(10)
            )
        )
    assert sorted(answers) == ["sent"] + ["sent before"] * 9
    assert len(mailbox.mails()) == 1


def shards(kind: str) -> list[dict[str, Any]]:
    """Events of hundreds of shards of one chain, for which the owner wants one mail."""
    of_chain = {"jobName": "refresh-dev-20260301T115000Z-1a2b3c4d-shard"}
    if kind == "blocked":
        return [blocked(jobId=f"{JOB_ID}:{index}", **of_chain) for index in range(300)]
    return [event_of(detail(jobId=f"{JOB_ID}:{index}", **of_chain)) for index in range(300)]


@pytest.mark.parametrize("kind", ["failed", "blocked"])
def test_hundreds_of_shards_at_once_lead_to_one_mail_and_to_no_queue_for_the_claim(
    mailbox: Mailbox, cloud: Cloud, kind: str
) -> None:
    """Each write beyond the first few is one more invocation that keeps the others waiting."""
    connected = services_module.connect()
    asked: list[str] = []
    for client in (connected.s3, connected.batch):
        client.meta.events.register("before-call", lambda model, **_: asked.append(str(model.name)))
    context = SimpleNamespace(invoked_function_arn=cloud.function_arn)
    events, at_once = shards(kind), 12
    with ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(lambda e: handler_module.handler(e, context)["mail"], events))
    assert sorted(answers) == ["sent"] + ["sent before"] * (len(events) - 1)
    assert len(mailbox.mails()) == 1
    # Who comes while nothing is there tries to write; the winner writes once more: the note.
    assert asked.count("PutObject") <= at_once + 1
    asked.clear()
    for event in events[:50]:
        assert handler_module.handler(event, context)["mail"] == "sent before"
    assert asked == ["GetObject"] * 50, "and nothing of Batch, which would throttle"


CHILD = """
import os, sys, json, types
from trigger import services
from trigger.handler import handler
connected = services.connect()
moment = sys.argv[1]
if moment == "before":
    connected.sns.meta.events.register("before-call.sns.Publish", lambda **_: os._exit(9))
else:
    connected.sns.meta.events.register("after-call.sns.Publish", lambda **_: os._exit(9))
handler(json.loads(sys.stdin.read()), types.SimpleNamespace(invoked_function_arn="arn:x"))
"""


@pytest.mark.parametrize(("moment", "mails"), [("before", 1), ("after", 2)])
def test_the_function_dies_and_the_mail_still_goes_out(
    function: Driver, mailbox: Mailbox, clock: Clock, moment: str, mails: int
) -> None:
    """Before the mail: the retry sends it. After: it goes out twice, which is the lesser evil."""
    died = subprocess.run(
        [sys.executable, "-c", CHILD, moment],
        cwd=ROOT,
        env=dict(os.environ),
        input=json.dumps(event_of(detail())),
        text=True,
        capture_output=True,
    )
    assert died.returncode == 9, died.stderr
    # Lambda tries again while the dead one's claim may still stand ...
    with pytest.raises(errors.Busy):
        function.invoke(event_of(detail()))
    # ... and once more after it expired.
    clock.turn(seconds=LEASE.total_seconds())
    assert function.invoke(event_of(detail()))["mail"] == "sent"
    assert function.invoke(event_of(detail()))["mail"] == "sent before"
    assert len(mailbox.mails()) == mails


def test_the_claim_is_longer_than_two_tries_of_a_crashed_function_are_apart() -> None:
    """Lambda waits a minute, then two: the second retry comes when the claim has expired."""
    assert timedelta(minutes=1) < LEASE < timedelta(minutes=3)


def test_sns_refuses_and_the_next_try_need_not_wait(
    function: Driver, mailbox: Mailbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = connected().sns

    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AuthorizationError"}}, "Publish")

    with monkeypatch.context() as patch:
        changed(patch, sns=SimpleNamespace(publish=refuse))
        with pytest.raises(ClientError, match="AuthorizationError"):
            function.invoke(event_of(detail()))
    started = clock.now()
    changed(monkeypatch, sns=real)
    assert function.invoke(event_of(detail()))["mail"] == "sent"
    assert clock.now() == started
    assert len(mailbox.mails()) == 1


def test_what_was_sent_is_not_forgotten_because_it_could_not_be_noted(
    function: Driver, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    real = connected().s3
    writes: list[str] = []

    def first_write_only(**given: Any) -> Any:
        writes.append(given["Key"])
        if len(writes) > 1:
            raise EndpointConnectionError(endpoint_url="s3")
        return real.put_object(**given)

    changed(
        monkeypatch,
        s3=SimpleNamespace(get_object=real.get_object, put_object=first_write_only),
    )
    assert function.invoke(event_of(detail()))["mail"] == "sent"
    assert "claim.kept" in capsys.readouterr().out
    assert len(mailbox.mails()) == 1


def test_a_bucket_out_of_reach_does_not_stop_the_mail(
    function: Driver, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def refuse(**_: Any) -> Any:
        answer: Any = {"HTTPStatusCode": 400}
        raise ClientError(
            {"Error": {"Code": "KMS.DisabledException"}, "ResponseMetadata": answer}, "GetObject"
        )

    changed(monkeypatch, s3=SimpleNamespace(get_object=refuse))
    assert function.invoke(event_of(detail()))["mail"] == "sent"
    assert "alert.unguarded" in capsys.readouterr().out
    assert len(mailbox.mails()) == 1


def test_without_a_topic_the_event_is_not_lost_in_silence(driver: Driver, cloud: Cloud) -> None:
    with pytest.raises(errors.InvalidSettings, match="ALERT_TOPIC_ARN"):
        driver.invoke(event_of(detail()))
    assert told(cloud) == []


def never_asked(**_: Any) -> Any:
    raise AssertionError("the event says it all")


def test_a_complete_event_needs_no_question_to_batch(
    function: Driver, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(monkeypatch, batch=SimpleNamespace(describe_jobs=never_asked))
    function.invoke(event_of(detail()))
    assert len(mailbox.mails()) == 1


@pytest.fixture
def batch_says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def say(*jobs: dict[str, Any], error: Exception | None = None) -> None:
        def describe(**_: Any) -> Any:
            if error is not None:
                raise error
            return {"jobs": list(jobs)}

        changed(monkeypatch, batch=SimpleNamespace(describe_jobs=describe))

    return say


BARE = detail(statusReason=None, attempts=[], container={})


def test_what_the_event_leaves_open_batch_is_asked(
    function: Driver, mailbox: Mailbox, batch_says: Callable[..., None]
) -> None:
    batch_says(detail())
    function.invoke(event_of(BARE))
    [(_, body)] = mailbox.mails()
    assert "Why: bad data (exit 3)\n" in body


@pytest.mark.parametrize(
    "error",
    [
        None,
        ClientError({"Error": {"Code": "TooManyRequestsException"}}, "DescribeJobs"),
        EndpointConnectionError(endpoint_url="batch"),
    ],
)
def test_a_job_that_batch_forgot_or_does_not_tell_about_has_its_mail(
    function: Driver,
    mailbox: Mailbox,
    batch_says: Callable[..., None],
    error: Exception | None,
) -> None:
    batch_says(error=error)
    function.invoke(event_of(BARE))
    [(_, body)] = mailbox.mails()
    assert "Why: Batch gave no reason\n" in body


LEFT: dict[str, Any] = {"retryStrategy": {"attempts": 3}}


def test_a_failure_with_attempts_left_is_told(
    function: Driver, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry rule said EXIT, as for bad data; FAILED is final, so Batch need not be asked."""
    changed(monkeypatch, batch=SimpleNamespace(describe_jobs=never_asked))
    function.invoke(event_of(detail(**LEFT)))
    [(_, body)] = mailbox.mails()
    assert "Attempts:   1 of 3\n" in body


@pytest.mark.parametrize(
    ("job", "now"),
    [
        *((detail(**LEFT), detail(s, **LEFT)) for s in ("RUNNABLE", "STARTING", "RUNNING")),
        (detail(**LEFT), detail("RUNNING", attempts=[], **LEFT)),
        (detail(isCancelled=True, **LEFT), detail("RUNNABLE", **LEFT)),
        (detail(isTerminated=True, **LEFT), detail("RUNNING", **LEFT)),
        (BARE, detail("RUNNING", attempts=[])),
    ],
)
def test_an_answer_of_batch_older_than_the_event_stops_no_mail(
    function: Driver,
    mailbox: Mailbox,
    batch_says: Callable[..., None],
    job: dict[str, Any],
    now: dict[str, Any],
) -> None:
    batch_says(now)
    function.invoke(event_of(job))
    assert len(mailbox.mails()) == 1


NASTY = [
    'a "quoted" reason with {braces} and <tags> & ampersands',
    "two\nlines\r\nand\ta tab\x00 and \x1b[31mred\x1b[0m",
    "x" * 200_000,
    "\ud800 lone, \u202e turned, \u2028 separated, \ufeff marked, \ufffe none",
    "Crème de mûre – 日本語 🍸" * 50,
    "$.detail.jobName <jobName> %s {0}",
]


@pytest.mark.parametrize("text", NASTY)
def test_nothing_in_a_reason_breaks_a_mail(
    function: Driver, mailbox: Mailbox, cloud: Cloud, text: str
) -> None:
    line = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")[:100_000]
    write_log(
        cloud,
        line,
        json.dumps({"level": "info", "event": "x", "message": text[:90_000]}),
        "[" * 50_000,
    )
    job = detail(
        statusReason=text, attempts=[attempt(text, reason=text)], container={"reason": text}
    )
    function.invoke(event_of(json.loads(json.dumps(job))))
    function.invoke(blocked(text))
    mails = mailbox.mails()
    assert len(mails) == 2
    for subject, body in mails:
        fits_sns(subject, body)
        assert f"--status {JOB_ID}\n" in body


def fits_sns(subject: str, body: str) -> None:
    assert 0 < len(subject) < 100
    assert subject.isascii()
    assert subject.isprintable()
    assert subject[0].isalnum()
    assert len(body.encode()) < 32_000, "far below SNS's 256 KiB, and readable"
    assert len(body.splitlines()) < 60
    assert all(line.isprintable() for line in body.split("\n"))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reason=st.text(st.characters(exclude_categories=())),
    name=st.text(st.characters(exclude_categories=())),
    lines=st.lists(st.text(st.characters(exclude_categories=())), max_size=30),
)
def test_any_text_makes_a_mail_that_sns_takes(
    function: Driver, reason: str, name: str, lines: list[str]
) -> None:
    answer = {"events": [{"message": line} for line in lines]}
    logs: Any = SimpleNamespace(get_log_events=lambda **_: answer)
    services = dataclasses.replace(connected(), logs=logs)
    job = detail(jobName=name, statusReason=reason, attempts=[attempt(reason, reason=reason)])
    for mail in (alerts.failure(services, job), alerts.blockage(services, job)):
        fits_sns(mail.subject, mail.body)


@given(st.text(st.characters(exclude_categories=())))
def test_one_line_is_one_line_that_can_be_sent(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    line.encode()
    assert one_line(line) == line
    assert "".join(line.split()) == "".join(c for c in text if c.isprintable() and c != " ")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"detail-type": "Batch Service Job State Change"}, "unknown event of Batch"),
        ({"detail-type": None}, "unknown event of Batch"),
        ({"detail": None}, "has no detail"),
        ({"detail": "text"}, "let the rule pass the whole event"),
        ({"detail": {**detail(), "jobId": None}}, "names no job"),
        ({"detail": {**detail(), "jobId": "../../x"}}, "names no job"),
        ({"detail": {**detail(), "status": 3}}, "no status"),
        ({"source": "aws.ecs"}, "does not take"),
        ({"source": None}, "does not take"),
    ],
)
def test_what_only_looks_like_an_event_of_batch_is_refused(
    function: Driver, mailbox: Mailbox, wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(errors.InvalidEvent, match=says):
        function.invoke({**event_of(detail()), **wrong})
    assert mailbox.mails() == []
