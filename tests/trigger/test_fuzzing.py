"""Any event at all, and hundreds of invocations at once: an answer, a clear error, one job."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, given, settings

from tests.trigger.conftest import Cloud, Driver, connected
from tests.trigger.fuzzing import EVENTS, OTHERS, OURS, everywhere, wanted
from tests.trigger.mailbox import Mailbox
from tests.trigger.test_chain import CHAIN
from trigger import errors, services
from trigger.handler import handler

ANSWERS = {
    "submit": {"jobArn", "jobId", "jobName", "status", "coalesced"},
    "request": {"scheduledFor", "pendingSince"},
    "told": {"jobId", "mail"},
}
STATUS = {"jobId", "status", "reason", "attempts", "startedAt", "stoppedAt", "logStream"}


@pytest.fixture
def asked(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> tuple[Driver, Counter[str]]:
    """The function with a topic, and a count of the calls that it makes."""
    topic = cloud.client("sns").create_topic(Name=f"topic-{cloud.bucket}")["TopicArn"]
    Mailbox.subscribed(cloud, topic)
    monkeypatch.setenv("ALERT_TOPIC_ARN", topic)
    services.connect.cache_clear()
    driver: Driver = request.getfixturevalue("driver")
    calls: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    real = connected()
    clients = (real.batch, real.submitting, real.scheduler, real.s3, real.logs, real.sns)
    for client in clients:
        client.meta.events.register("before-call", count)
    return driver, calls


def check(driver: Driver, calls: Counter[str], event: Any) -> str:
    """Invoke once; return what came of it."""
    meant = wanted(event)
    calls.clear()
    raised: Exception | None = None
    answer: dict[str, Any] = {}
    try:
        answer = driver.invoke(event)
    except (errors.TriggerError, ClientError, BotoCoreError) as error:
        raised = error
    assert not calls["SubmitJob"] or meant == "submit", f"{event!r} submitted a job"
    if isinstance(raised, errors.InvalidEvent):
        assert meant in (None, "told"), f"{event!r} is refused: {raised}"
        assert not calls, f"{event!r} is refused, but first {dict(calls)}"
        assert 0 < len(str(raised)) < 1_000
        assert len(str(raised).splitlines()) == 1
        return "refused"
    if raised is not None:
        assert meant in ("status", "told"), f"{event!r} came to {raised!r}"
        return type(raised).__name__
    assert meant is not None, f"{event!r} is answered with {answer}"
    assert set(answer) == ANSWERS[meant] if meant in ANSWERS else set(answer) >= STATUS
    json.dumps(answer, allow_nan=False)
    return meant


def fuzz(asked: tuple[Driver, Counter[str]], examples: int) -> None:
    driver, calls = asked
    seen: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(EVENTS)
    def run(event: Any) -> None:
        seen[check(driver, calls, event)] += 1

    run()
    assert seen["refused"] > examples // 10
    assert all(seen[kind] for kind in ("submit", "told")), seen
    # one that waits, and one more that publishes whatever the gate says
    assert len(driver.cloud.jobs()) <= 2
    assert len(driver.cloud.schedules()) <= 1


@pytest.mark.parametrize("event", OURS, ids=repr)
def test_what_is_documented_is_answered(
    asked: tuple[Driver, Counter[str]], event: dict[str, Any]
) -> None:
    assert wanted(event) is not None
    assert check(*asked, event) in {wanted(event), "UnknownJob"}


@pytest.mark.parametrize("event", OTHERS, ids=lambda event: str(event)[:30])
def test_what_other_services_send_submits_nothing(
    asked: tuple[Driver, Counter[str]], event: dict[str, Any]
) -> None:
    assert check(*asked, event) == "refused"


@pytest.mark.parametrize("event", OURS[-5:-3] + OURS[-1:], ids=repr)
def test_every_place_of_an_event_of_batch_may_hold_anything(
    asked: tuple[Driver, Counter[str]], event: dict[str, Any]
) -> None:
    seen = Counter(check(*asked, changed) for changed in everywhere(event))
    assert seen["refused"] > 100
    assert seen["told"] > 100


def test_any_event_is_answered_or_refused(asked: tuple[Driver, Counter[str]]) -> None:
    fuzz(asked, 300)


@pytest.mark.slow
def test_ten_thousand_events_are_answered_or_refused(asked: tuple[Driver, Counter[str]]) -> None:
    fuzz(asked, 10_000)


def at_once(cloud: Cloud, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Invoke with all events at once; what fails for others' sake is tried again, as by Lambda."""
    context = SimpleNamespace(invoked_function_arn=cloud.function_arn)
    gate = threading.Barrier(len(events))

    def ask(event: dict[str, Any]) -> dict[str, Any]:
        gate.wait()
        for _ in range(30):
            # the emulator serves one at a time, so that some do not hear from it within seconds
            with contextlib.suppress(errors.Busy, errors.SubmissionUnknown, BotoCoreError):
                return handler(event, context)
        raise AssertionError("the claim is never free")

    services.connect()  # clients made in many threads at once are not what is tested
    with ThreadPoolExecutor(len(events)) as pool:
        return list(pool.map(ask, events))


@pytest.mark.slow
@pytest.mark.parametrize("chain", [False, True], ids=["one machine", "a chain"])
def test_a_hundred_and_twenty_at_once_make_one_refresh(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, *, chain: bool
) -> None:
    if chain:
        monkeypatch.setenv("CHAIN", json.dumps(CHAIN))
        services.connect.cache_clear()
    answers = at_once(cloud, [{}] * 120)
    assert len({answer["jobId"] for answer in answers}) == 1
    assert [answer["coalesced"] for answer in answers].count(False) <= 1
    submitted = [job for job in cloud.jobs() if ":" not in job["jobId"]]  # not an array's children
    steps = sorted(str(job["jobName"]).rpartition("-")[2] for job in submitted)
    assert steps == ["finish", "plan", "shard"] if chain else len(steps) == 1


@pytest.mark.slow
def test_hundreds_of_edits_refreshes_and_questions_at_once(cloud: Cloud) -> None:
    """Edits share one schedule, refreshes one job; wrong events among them change nothing."""
    context = SimpleNamespace(invoked_function_arn=cloud.function_arn)
    first = handler({}, context)
    mixed = [{}, {"action": "request"}, {"action": "status", "jobId": first["jobId"]}] * 40
    wrong = [{"action": "refresh", "jobId": "x"}] * 30
    with ThreadPoolExecutor(30) as pool:
        refused = [pool.submit(handler, event, context) for event in wrong]
        answers = at_once(cloud, mixed)
    assert all(isinstance(each.exception(), errors.InvalidEvent) for each in refused)
    assert {answer["jobId"] for answer in answers if "jobId" in answer} == {first["jobId"]}
    assert len(cloud.jobs()) == 1
    assert len(cloud.schedules()) == 1
