"""The debounce against the emulator: real schedules, the real handler, a clock that is turned."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.trigger.conftest import Clock, Cloud, Driver, connected
from trigger import errors, handler, schedule
from trigger import services as services_module

REQUEST = {"action": "request"}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_request_answers_when_the_refresh_will_run(driver: Driver, clock: Clock) -> None:
    answer = driver.invoke(REQUEST)
    assert set(answer) == {"scheduledFor", "pendingSince"}
    assert moment(answer["pendingSince"]) == clock.now()
    assert moment(answer["scheduledFor"]) == clock.now() + timedelta(minutes=5)
    assert driver.due() == moment(answer["scheduledFor"])
    json.dumps(answer)


def test_the_schedule_holds_the_whole_state(driver: Driver, cloud: Cloud, clock: Clock) -> None:
    driver.invoke(REQUEST)
    found = cloud.schedule()
    assert found is not None
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert found["Target"]["RoleArn"] == cloud.variables["SCHEDULE_ROLE_ARN"]
    stored = json.loads(found["Target"]["Input"])
    assert stored["action"] == "refresh"
    assert moment(stored["pendingSince"]) == clock.now()


def test_ten_edits_in_a_burst_lead_to_one_job(driver: Driver, cloud: Cloud, clock: Clock) -> None:
    for _ in range(10):
        driver.invoke(REQUEST)
        clock.turn(seconds=20)
    assert cloud.jobs() == []
    driver.run_until(clock.now() + timedelta(hours=2))
    assert len(cloud.jobs()) == 1
    assert cloud.schedule() is None


def at_once(driver: Driver, moments: list[datetime]) -> list[Any]:
    """Let as many edits as moments come together, each in an invocation with its own clock.

    Who waits to try again turns no clock: time is one for all, and none of them may age another.
    """
    real = connected()
    gate = Barrier(len(moments))

    def edit(moment: datetime) -> Any:
        own = dataclasses.replace(real, now=lambda: moment, sleep=lambda seconds: None)
        gate.wait(120)
        return handler.answer(REQUEST, services=own, function_arn=driver.cloud.function_arn)

    with ThreadPoolExecutor(len(moments)) as pool:
        return list(pool.map(edit, moments))


def test_ten_edits_at_the_very_same_moment_lead_to_one_job(
    driver: Driver, cloud: Cloud, clock: Clock
) -> None:
    """All create, one succeeds, nine meet its schedule."""
    answers = at_once(driver, [clock.now()] * 10)
    assert len(cloud.schedules()) == 1
    assert {moment(answer["scheduledFor"]) for answer in answers} == {driver.due()}
    assert driver.due() == clock.now() + timedelta(minutes=5)
    driver.run_until(clock.now() + timedelta(hours=2))
    assert len(cloud.jobs()) == 1


def test_ten_edits_within_a_second_lead_to_one_job_after_all_of_them(
    driver: Driver, cloud: Cloud, clock: Clock
) -> None:
    """The slowest write stands, whose ever it is: quiet for as long as one of them asked."""
    moments = [clock.now() + timedelta(seconds=0.1 * n) for n in range(10)]
    answers = at_once(driver, moments)
    asked = {moment(answer["scheduledFor"]) for answer in answers}
    due = driver.due()
    assert due is not None
    assert min(asked) <= due <= max(asked)
    assert due >= clock.now() + timedelta(minutes=5)
    assert due > moments[-1]
    driver.run_until(clock.now() + timedelta(hours=2))
    assert len(cloud.jobs()) == 1


def test_two_moves_that_meet_lose_no_edit(
    driver: Driver, cloud: Cloud, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier edit reads, the later one reads and writes, the earlier one writes."""
    driver.invoke(REQUEST)
    clock.turn(minutes=1)
    earlier = clock.now()
    read = schedule._read
    later: list[datetime] = []

    def read_then_be_overtaken(services: Any) -> Any:
        state = read(services)
        if not later:
            later.append(clock.now() + timedelta(seconds=3))
            clock.time = later[0]
            driver.invoke(REQUEST)
            clock.time = earlier
        return state

    monkeypatch.setattr(schedule, "_read", read_then_be_overtaken)
    driver.invoke(REQUEST)
    due = driver.due()
    assert due == earlier + timedelta(minutes=5), "the later one's quiet is 3 s short"
    assert due > later[0], "and its edit is served"


@pytest.mark.parametrize("qualifier", ["", ":$LATEST", ":7", ":live", ":blue_green-1"])
def test_the_schedule_invokes_the_function_itself_however_it_was_called(
    driver: Driver, cloud: Cloud, clock: Clock, qualifier: str
) -> None:
    """Its role may invoke the function, not each version and alias of it."""
    context = SimpleNamespace(invoked_function_arn=cloud.function_arn + qualifier)
    handler.handler(REQUEST, context)
    found = cloud.schedule()
    assert found is not None
    assert found["Target"]["Arn"] == cloud.function_arn
    clock.turn(minutes=1)
    handler.handler(REQUEST, context)
    moved = cloud.schedule()
    assert moved is not None
    assert moved["ScheduleExpression"] != found["ScheduleExpression"]
    assert moved["Target"]["Arn"] == cloud.function_arn


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:trigger",
        "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:trigger",
    ],
)
def test_a_qualifier_is_stripped_in_each_partition(arn: str) -> None:
    assert schedule.unqualified(arn) == arn
    assert schedule.unqualified(f"{arn}:$LATEST") == arn


def test_what_is_no_function_is_left_as_it_is() -> None:
    assert schedule.unqualified("arn:x") == "arn:x"
    layer = "arn:aws:lambda:eu-west-1:123456789012:layer:name:7"
    assert schedule.unqualified(layer) == layer


def test_an_edit_during_a_run_leads_to_one_more(driver: Driver, cloud: Cloud, clock: Clock) -> None:
    driver.invoke(REQUEST)
    driver.run_until(clock.now() + timedelta(minutes=6))
    [first] = cloud.jobs()
    cloud.emulator.set_job(first["jobId"], status="RUNNING")
    for _ in range(3):
        driver.invoke(REQUEST)
        clock.turn(seconds=30)
    driver.run_until(clock.now() + timedelta(hours=2))
    assert [job["status"] for job in cloud.jobs()] == ["RUNNING", "SUBMITTED"]
    # More edits while one runs and one waits: the waiting job covers them.
    driver.invoke(REQUEST)
    driver.run_until(clock.now() + timedelta(hours=2))
    assert len(cloud.jobs()) == 2


def test_endless_edits_run_no_later_than_the_maximum_wait(
    driver: Driver, cloud: Cloud, clock: Clock
) -> None:
    """An edit each 100 s for 70 minutes; the scheduler fires as late as it may."""
    driver.delay_seconds = 59
    start = clock.now()
    submissions: list[datetime] = []
    batch = cloud.client("batch")
    while clock.now() < start + timedelta(minutes=70):
        driver.run_until(clock.now())
        driver.invoke(REQUEST)
        for job in batch.list_jobs(jobQueue=cloud.queue, jobStatus="SUBMITTED")["jobSummaryList"]:
            submissions.append(clock.now())
            cloud.emulator.set_job(job["jobId"], status="SUCCEEDED")
        clock.turn(seconds=100)
    waits = [b - a for a, b in zip([start, *submissions], submissions, strict=False)]
    assert len(submissions) >= 2, "the refresh ran again and again"
    assert max(waits) <= timedelta(minutes=30) + timedelta(seconds=100)
    # An edit within seconds of a firing is served on its own, so a window may have two.
    assert len(submissions) <= 2 * 3, "and not at each of the 42 edits"


def test_an_edit_as_the_schedule_fires_is_not_lost(
    driver: Driver, cloud: Cloud, clock: Clock
) -> None:
    """The job of the firing has begun, the schedule is not yet deleted, and an edit comes."""
    driver.invoke(REQUEST)
    due = driver.due()
    assert due is not None
    clock.time = due
    planned = cloud.schedule()
    assert planned is not None
    fired = driver.invoke(json.loads(planned["Target"]["Input"]))
    cloud.emulator.set_job(fired["jobId"], status="RUNNING")
    answer = driver.invoke(REQUEST)
    assert moment(answer["scheduledFor"]) == clock.now()
    cloud.client("scheduler").delete_schedule(GroupName=cloud.group, Name="refresh")
    driver.run_until(clock.now() + timedelta(hours=2))
    assert [job["status"] for job in cloud.jobs()] == ["RUNNING", "SUBMITTED"]


def test_the_schedule_gone_between_read_and_update_is_made_anew(
    driver: Driver, cloud: Cloud, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.invoke(REQUEST)
    clock.turn(minutes=1)
    read = schedule._read
    reads: list[object] = []

    def read_then_lose(services: Any) -> Any:
        state = read(services)
        if not reads:
            cloud.client("scheduler").delete_schedule(GroupName=cloud.group, Name="refresh")
        reads.append(state)
        return state

    monkeypatch.setattr(schedule, "_read", read_then_lose)
    answer = driver.invoke(REQUEST)
    assert len(reads) == 2
    assert driver.due() == moment(answer["scheduledFor"]) >= clock.now() + timedelta(minutes=5)


def test_a_schedule_made_between_read_and_create_is_joined(
    driver: Driver, cloud: Cloud, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, reads = schedule._read, []

    def another_is_faster(services: Any) -> Any:
        state = read(services)
        reads.append(state)
        if len(reads) == 1:
            driver.invoke(REQUEST)
        return state

    monkeypatch.setattr(schedule, "_read", another_is_faster)
    driver.invoke(REQUEST)
    assert reads[0] is None
    assert len(cloud.schedules()) == 1


def test_a_race_without_end_raises(
    driver: Driver, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.invoke(REQUEST)
    monkeypatch.setattr(schedule, "_read", lambda services: None)
    with pytest.raises(errors.Busy, match="changed 8 times"):
        driver.invoke(REQUEST)


def test_a_missing_group_raises_and_is_not_taken_for_a_race(driver: Driver, cloud: Cloud) -> None:
    cloud.client("scheduler").delete_schedule_group(Name=cloud.group)
    with pytest.raises(ClientError):
        driver.invoke(REQUEST)


@pytest.mark.parametrize("trouble", ["disabled", "rate", "input", "old"])
def test_a_schedule_that_will_not_fire_is_replaced_by_a_job(
    driver: Driver, cloud: Cloud, clock: Clock, trouble: str
) -> None:
    driver.invoke(REQUEST)
    found = cloud.schedule()
    assert found is not None
    target = dict(found["Target"])
    changes: dict[str, Any] = {"Target": target}
    if trouble == "disabled":
        changes["State"] = "DISABLED"
    elif trouble == "rate":
        changes["ScheduleExpression"] = "rate(5 minutes)"
    elif trouble == "input":
        target["Input"] = "{}"
    else:
        clock.turn(hours=1)
    cloud.client("scheduler").update_schedule(
        **{
            "GroupName": cloud.group,
            "Name": "refresh",
            "ScheduleExpression": found["ScheduleExpression"],
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            **changes,
        }
    )
    driver.invoke(REQUEST)
    assert len(cloud.jobs()) == 1
    assert cloud.schedule() is None
    driver.invoke(REQUEST)
    assert driver.due() == clock.now() + timedelta(minutes=5), "and the debounce works again"


def test_the_real_clock_and_the_schedules_clock_agree(cloud: Cloud) -> None:
    services_module.connect.cache_clear()
    context = SimpleNamespace(invoked_function_arn=cloud.function_arn)
    before = datetime.now(UTC)
    answer = handler.handler(REQUEST, context)
    due = moment(answer["scheduledFor"])
    assert timedelta(minutes=5) <= due - before < timedelta(minutes=5, seconds=5)
