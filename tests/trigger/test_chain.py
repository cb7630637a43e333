"""A refresh shared by many machines: submitted in one go, joined, sized, told of, mailed about."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.trigger.conftest import Clock, Cloud, Driver, register
from tests.trigger.mailbox import Mailbox, event_of
from trigger import chain, errors, handler, services, sizing
from trigger.claim import LEASE
from trigger.settings import read_settings

STEP = {"vcpus": 2, "memory_mib": 3072, "minutes": 30}
SMALL = {"vcpus": 1, "memory_mib": 2048, "minutes": 60}
CHAIN = {
    "shards": 4,
    "minutes": 10,
    "first": 6,
    "plan": SMALL,
    "shard": {"vcpus": 4, "memory_mib": 7000, "minutes": 20},
    "finish": STEP,
}
AUTO = CHAIN | {"shards": None}
PLAN_ID = r"\d{8}T\d{6}Z-[0-9a-f]{8}"
SPOT = "Host EC2 (instance i-08784105ffff56b4f) terminated."
EXITED = "Essential container in task exited"


@pytest.fixture
def use(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[dict[str, Any]], None]]:
    def told(chain: dict[str, Any]) -> None:
        monkeypatch.setenv("CHAIN", json.dumps(chain))
        services.connect.cache_clear()

    told(CHAIN)
    yield told
    services.connect.cache_clear()


def refresh(cloud: Cloud, **event: Any) -> dict[str, Any]:
    context = SimpleNamespace(invoked_function_arn=cloud.function_arn)
    return handler.handler({"action": "refresh", **event}, context)


def status(cloud: Cloud, job_id: str, **event: Any) -> dict[str, Any]:
    context = SimpleNamespace(invoked_function_arn=cloud.function_arn)
    return handler.handler({"action": "status", "jobId": job_id, **event}, context)


def steps(cloud: Cloud) -> dict[str, list[dict[str, Any]]]:
    """The jobs of the queue by step, oldest first; those of one machine under `alone`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for job in cloud.jobs():
        if ":" not in job["jobId"]:
            name = re.fullmatch(rf"refresh-dev-{PLAN_ID}-(\w+)", job["jobName"])
            found.setdefault(name[1] if name else "alone", []).append(job)
    return found


def one(cloud: Cloud) -> dict[str, str]:
    """The ids of the one chain's jobs, by step."""
    found = steps(cloud)
    assert {step: len(jobs) for step, jobs in found.items()} == {"plan": 1, "shard": 1, "finish": 1}
    return {step: jobs[0]["jobId"] for step, jobs in found.items()}


def variables(job: dict[str, Any]) -> dict[str, str]:
    return {e["name"]: e["value"] for e in job["container"]["environment"]}


def at(minutes: float) -> int:
    """A moment so many minutes after the start of a day, as Batch tells it."""
    return (
        int((datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(minutes=minutes)).timestamp()) * 1000
    )


def ended(reason: str, *, at_minute: float = 5, code: int | None = None) -> dict[str, Any]:
    container = {"logStreamName": "refresh/default/0123"}
    if code is not None:
        container |= {"exitCode": code}  # type: ignore[dict-item]
    return {
        "container": container,
        "startedAt": at(at_minute - 1),
        "stoppedAt": at(at_minute),
        "statusReason": reason,
    }


def write_log(cloud: Cloud, stream: str, *entries: dict[str, Any]) -> None:
    logs = cloud.client("logs")
    logs.create_log_stream(logGroupName=cloud.log_group, logStreamName=stream)
    stamp = int(datetime.now(UTC).timestamp() * 1000)
    logs.put_log_events(
        logGroupName=cloud.log_group,
        logStreamName=stream,
        logEvents=[
            {"timestamp": stamp + n, "message": json.dumps(entry)}
            for n, entry in enumerate(entries)
        ],
    )


# --- submission ------------------------------------------------------------------------------


def recorded() -> list[dict[str, Any]]:
    """What is asked of SubmitJob from now on."""
    requests: list[dict[str, Any]] = []
    services.connect().submitting.meta.events.register(
        "before-parameter-build.batch.SubmitJob", lambda params, **_: requests.append(dict(params))
    )
    return requests


def test_the_three_steps_are_submitted_in_one_go(cloud: Cloud, use: Any) -> None:
    requests = recorded()
    answer = refresh(cloud)
    assert set(answer) == {"jobArn", "jobId", "jobName", "status", "coalesced"}
    ids = one(cloud)
    assert answer["jobId"] == ids["finish"], "whose success means that it is published"
    plan, shard, finish = requests
    [plan_id] = {re.fullmatch(rf"refresh-dev-({PLAN_ID})-\w+", r["jobName"])[1] for r in requests}  # type: ignore[index]
    for step, request in zip(("plan", "shard", "finish"), requests, strict=True):
        told = {e["name"]: e["value"] for e in request["containerOverrides"]["environment"]}
        assert told["ANALYTICS_PLAN"] == plan_id
        assert told["ANALYTICS_THREADS"] == told["NUMBA_NUM_THREADS"] == str(CHAIN[step]["vcpus"])  # type: ignore[index]
        assert "ANALYTICS_FORCE" not in told
        assert request["containerOverrides"]["command"] == ["python", "-m", "analytics_core", step]
        assert request["containerOverrides"]["resourceRequirements"] == [
            {"type": "VCPU", "value": str(CHAIN[step]["vcpus"])},  # type: ignore[index]
            {"type": "MEMORY", "value": str(CHAIN[step]["memory_mib"])},  # type: ignore[index]
        ]
        assert request["timeout"] == {"attemptDurationSeconds": CHAIN[step]["minutes"] * 60}  # type: ignore[index]
        assert request["jobDefinition"] == cloud.definition
        assert request["jobQueue"] == cloud.queue
        assert request["jobName"].endswith(step)
    assert "dependsOn" not in plan
    assert shard["dependsOn"] == [{"jobId": ids["plan"]}]
    assert shard["arrayProperties"] == {"size": 4}
    assert finish["dependsOn"] == [{"jobId": ids["plan"]}, {"jobId": ids["shard"]}]
    told = {e["name"]: e["value"] for e in plan["containerOverrides"]["environment"]}
    assert told["ANALYTICS_SHARDS"] == "4"
    assert "ANALYTICS_SHARD_MINUTES" not in told


def test_one_shard_is_a_plain_job_since_batch_takes_no_array_of_one(cloud: Cloud, use: Any) -> None:
    use(CHAIN | {"shards": 1})
    requests = recorded()
    refresh(cloud)
    assert "arrayProperties" not in requests[1]
    told = {e["name"]: e["value"] for e in requests[1]["containerOverrides"]["environment"]}
    assert told["ANALYTICS_SHARD_INDEX"] == "0"


@pytest.mark.parametrize("state", ["SUBMITTED", "PENDING", "RUNNABLE"])
def test_a_chain_whose_plan_has_not_begun_is_joined(cloud: Cloud, use: Any, state: str) -> None:
    first = refresh(cloud)
    ids = one(cloud)
    cloud.emulator.set_job(ids["plan"], status=state)
    for step in ("shard", "finish"):
        cloud.emulator.set_job(ids[step], status="PENDING")
    assert refresh(cloud) == {**first, "status": state, "coalesced": True}
    assert one(cloud) == ids


@pytest.mark.parametrize("state", ["STARTING", "RUNNING", "SUCCEEDED"])
def test_a_chain_whose_plan_has_begun_is_not_though_its_jobs_wait(
    cloud: Cloud, use: Any, state: str
) -> None:
    """An array's parent is PENDING while its children run, and the last step for longer still."""
    first = refresh(cloud)
    ids = one(cloud)
    cloud.emulator.set_job(ids["plan"], status=state)
    for step in ("shard", "finish"):
        cloud.emulator.set_job(ids[step], status="PENDING")
    cloud.emulator.set_job(f"{ids['shard']}:2", status="RUNNABLE")
    second = refresh(cloud)
    assert second["coalesced"] is False
    assert second["jobId"] != first["jobId"]
    third = refresh(cloud)
    assert (third["jobId"], third["coalesced"]) == (second["jobId"], True)
    assert {step: len(jobs) for step, jobs in steps(cloud).items()} == {
        "plan": 2,
        "shard": 2,
        "finish": 2,
    }


@pytest.mark.parametrize("mark", ["isCancelled", "isTerminated"])
def test_a_chain_that_is_being_stopped_is_not_joined(cloud: Cloud, use: Any, mark: str) -> None:
    """Batch shows a job that it was told to end as waiting until it has got round to it."""
    first = refresh(cloud)
    ids = one(cloud)
    cloud.emulator.set_job(ids["plan"], status="RUNNABLE", **{mark: True})
    second = refresh(cloud)
    assert (second["coalesced"], second["jobId"] == first["jobId"]) == (False, False)
    assert refresh(cloud) == second | {"coalesced": True}


def test_a_chain_of_another_revision_is_not_joined(
    cloud: Cloud, use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(cloud)
    newer = register(cloud.client("batch"), cloud.definition.rpartition("/")[2].partition(":")[0])
    monkeypatch.setenv("BATCH_JOB_DEFINITION", newer)
    services.connect.cache_clear()
    assert refresh(cloud)["coalesced"] is False


def test_back_on_one_machine_a_chain_that_broke_off_is_in_nobodys_way(
    cloud: Cloud, use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend = fail_at(2, THROTTLED)
    with pytest.raises(ClientError):
        refresh(cloud)
    mend()
    monkeypatch.delenv("CHAIN")
    services.connect.cache_clear()
    answer = refresh(cloud)
    assert (answer["coalesced"], len(steps(cloud)["alone"])) == (False, 1)


def test_many_at_once_make_one_chain(cloud: Cloud, use: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refresh(cloud), range(8)))
    assert one(cloud)["finish"] == answers[0]["jobId"]
    assert {answer["jobId"] for answer in answers} == {answers[0]["jobId"]}
    assert sum(not answer["coalesced"] for answer in answers) == 1


def test_edits_in_a_burst_lead_to_one_chain(cloud: Cloud, use: Any, driver: Driver) -> None:
    for _ in range(5):
        driver.invoke({"action": "request"})
        driver.clock.turn(seconds=20)
    driver.run_until(driver.clock.now() + timedelta(hours=1))
    one(cloud)


def fail_at(number: int, error: Exception) -> Callable[[], None]:
    """Let the submission with a number, from 1, fail; the answer lets all be well again."""
    client = services.connect().submitting
    counted = iter(range(1, 100))

    def refuse(**_: Any) -> None:
        if next(counted) == number:
            raise error

    client.meta.events.register("before-send.batch.SubmitJob", refuse)
    return lambda: client.meta.events.unregister("before-send.batch.SubmitJob", refuse)


THROTTLED = ClientError(
    {
        "Error": {"Code": "TooManyRequestsException", "Message": "slow down"},
        "ResponseMetadata": {"HTTPStatusCode": 429},  # type: ignore[typeddict-item]
    },
    "SubmitJob",
)


@pytest.mark.parametrize("number", [2, 3])
def test_a_chain_that_broke_off_is_completed_by_who_comes_next(
    cloud: Cloud, use: Any, number: int
) -> None:
    mend = fail_at(number, THROTTLED)
    with pytest.raises(ClientError):
        refresh(cloud)
    mend()
    [plan] = steps(cloud)["plan"]
    answer = refresh(cloud)
    found = steps(cloud)
    assert [job["jobId"] for job in found["plan"]] == [plan["jobId"]], "no second plan"
    [finish] = found["finish"]
    assert answer["jobId"] == finish["jobId"]
    [searching] = found["shard"]  # a search that is there is not paid twice
    assert finish["dependsOn"] == [{"jobId": plan["jobId"]}, {"jobId": searching["jobId"]}]
    assert variables(finish)["ANALYTICS_PLAN"] == variables(plan)["ANALYTICS_PLAN"]
    assert searching["arrayProperties"]["size"] == 4
    again = refresh(cloud)
    assert (again["jobId"], again["coalesced"]) == (finish["jobId"], True)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_where_batch_did_not_answer_nobody_submits_until_it_can_show_the_job(
    cloud: Cloud, use: Any, number: int, driver: Driver
) -> None:
    fail_at(number, ReadTimeoutError(endpoint_url="http://127.0.0.1"))
    with pytest.raises(errors.SubmissionUnknown):
        driver.invoke({})
    with pytest.raises(errors.Busy):
        driver.invoke({})
    driver.clock.turn(seconds=LEASE.total_seconds() + 1)
    answer = driver.invoke({})
    found = steps(cloud)
    assert len(found["plan"]) == 1
    assert answer["jobId"] == found["finish"][-1]["jobId"]


def test_what_batch_does_not_list_yet_is_neither_submitted_again_nor_a_riddle(
    cloud: Cloud, use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = refresh(cloud)
    pages = SimpleNamespace(paginate=lambda **_named: [{"jobSummaryList": []}])
    with monkeypatch.context() as late:
        late.setattr(services.connect().batch, "get_paginator", lambda _name: pages)
        again = refresh(cloud)
        answer = status(cloud, first["jobId"])
    assert (again["jobId"], again["coalesced"]) == (first["jobId"], True)
    assert answer["jobId"] == first["jobId"]
    assert "waiting" in answer["reason"]
    # What publishes depends on the others, and so names all that `--stop` has to end.
    assert {step: job["jobId"] for step, job in answer["steps"].items()} == one(cloud)
    assert {step: len(jobs) for step, jobs in steps(cloud).items()} == dict.fromkeys(
        ("plan", "shard", "finish"), 1
    )


@pytest.mark.parametrize(
    "ended",
    [{"status": "FAILED", "statusReason": "gone"}, {"isTerminated": True}, {"isCancelled": True}],
)
def test_a_last_step_that_failed_beside_a_waiting_plan_is_submitted_once_more(
    cloud: Cloud, use: Any, ended: dict[str, Any]
) -> None:
    first = refresh(cloud)
    cloud.emulator.set_job(first["jobId"], **ended)
    second, third = refresh(cloud), refresh(cloud)
    assert second["jobId"] == third["jobId"] != first["jobId"]
    found = steps(cloud)
    assert (len(found["shard"]), len(found["finish"])) == (1, 2)
    assert status(cloud, second["jobId"])["status"] != "FAILED"


# --- force -----------------------------------------------------------------------------------


@pytest.mark.parametrize("chain", [CHAIN, None])
def test_force_reaches_every_job_and_never_joins_one_without(
    cloud: Cloud, use: Any, chain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if chain is None:
        monkeypatch.delenv("CHAIN")
        services.connect.cache_clear()
    plain = refresh(cloud)
    forced = refresh(cloud, force=True)
    assert forced["coalesced"] is False
    assert forced["jobId"] != plain["jobId"]
    assert refresh(cloud, force=True) == {**forced, "coalesced": True}
    assert refresh(cloud)["jobId"] in (plain["jobId"], forced["jobId"])
    told = [
        variables(job).get("ANALYTICS_FORCE")
        for step, jobs in steps(cloud).items()
        for job in jobs
        if step != "shard"
    ]
    assert sorted(told, key=str) == (["1", "1", None, None] if chain else ["1", None])


@pytest.mark.parametrize("bad", ["true", 1, 0, None, [], {}])
def test_force_is_true_or_false(cloud: Cloud, bad: object) -> None:
    with pytest.raises(errors.InvalidEvent, match="force must be true or false"):
        refresh(cloud, force=bad)
    with pytest.raises(errors.InvalidEvent, match="does not take force"):
        handler.handler(
            {"action": "request", "force": True}, SimpleNamespace(invoked_function_arn="arn")
        )


# --- how many --------------------------------------------------------------------------------


def finished(cloud: Cloud, job_id: str, event: str, seconds: object) -> None:
    """Let a job end well, and say in its log how long one machine searches."""
    stream = f"refresh/default/{job_id}"
    write_log(cloud, stream, {"event": event, "search_seconds": seconds})
    cloud.emulator.set_job(
        job_id, status="SUCCEEDED", container={"exitCode": 0, "logStreamName": stream}
    )


def end(cloud: Cloud, seconds: object = None) -> None:
    """Let every job that is not over end well; who measured the search says how long it is."""
    told = {"plan": "plan.finished", "alone": "refresh.finished"}
    for step, jobs in steps(cloud).items():
        for job in jobs:
            if job["status"] != "SUCCEEDED":
                if seconds is not None and step in told:
                    finished(cloud, job["jobId"], told[step], seconds)
                else:
                    cloud.emulator.set_job(job["jobId"], status="SUCCEEDED")


def sizes(cloud: Cloud) -> list[int]:
    return [job["arrayProperties"]["size"] for job in steps(cloud).get("shard", [])]


def test_the_size_of_the_array_follows_from_the_refresh_before(
    cloud: Cloud, use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chain.LARGEST_ARRAY == 10_000
    monkeypatch.setattr(sizing, "LARGEST_ARRAY", 30)  # the emulator is slow with more
    use(AUTO)
    requests = recorded()
    refresh(cloud)
    assert sizes(cloud) == [6], "nothing is known: as many as run side by side"
    told = {e["name"]: e["value"] for e in requests[0]["containerOverrides"]["environment"]}
    assert (told["ANALYTICS_SHARDS"], told["ANALYTICS_SHARD_MINUTES"]) == ("6", "10")
    end(cloud, seconds=20 * 600)
    refresh(cloud)
    assert sizes(cloud) == [6, 25], "20 are needed, and there is room for growth"
    end(cloud)  # without a word
    refresh(cloud)
    assert sizes(cloud) == [6, 25, 25], "what was known before is not forgotten"
    end(cloud, seconds=599)
    refresh(cloud)
    assert len(steps(cloud)["alone"]) == 1, "one machine is enough"
    end(cloud, seconds=601)
    refresh(cloud)
    assert sizes(cloud)[3:] == [3]
    end(cloud, seconds=1e12)
    refresh(cloud)
    assert sizes(cloud)[4:] == [30]


@pytest.mark.parametrize("lost", ["shard", "finish"])
def test_the_size_follows_from_the_plan_of_a_refresh_that_failed(
    cloud: Cloud, use: Any, lost: str
) -> None:
    """Shards that are too few may run into their time limit, for ever the same number of them."""
    use(AUTO)
    refresh(cloud)
    ids = one(cloud)
    write_log(cloud, "refresh/default/plan", {"event": "plan.finished", "search_seconds": 20 * 600})
    cloud.emulator.set_job(
        ids["plan"], status="SUCCEEDED", container={"logStreamName": "refresh/default/plan"}
    )
    searched = "FAILED" if lost == "shard" else "SUCCEEDED"
    cloud.emulator.set_job(ids["shard"], status=searched)
    cloud.emulator.set_job(ids["finish"], status="FAILED")
    refresh(cloud)
    assert sizes(cloud) == [6, 25]


@pytest.mark.parametrize("nonsense", ["many", -5, 0, True, None, float("inf")])
def test_a_log_without_sense_counts_as_nothing(cloud: Cloud, use: Any, nonsense: object) -> None:
    use(AUTO)
    refresh(cloud)
    finished(cloud, one(cloud)["plan"], "plan.finished", nonsense)
    end(cloud)
    refresh(cloud)
    assert sizes(cloud) == [6, 6]


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"shards": 3}', json.dumps(CHAIN | {"plan": {"vcpus": 1}})]
)
def test_what_the_stack_tells_of_chains_has_to_make_sense(cloud: Cloud, text: str) -> None:
    with pytest.raises(errors.InvalidSettings, match="CHAIN is"):
        read_settings({**cloud.variables, "CHAIN": text})


# --- how it is doing -------------------------------------------------------------------------


@pytest.fixture
def running(cloud: Cloud, use: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A chain whose plan took two minutes, at 20 minutes past noon; the ids of its jobs."""
    clock = Clock(datetime(2026, 3, 1, 12, 20, tzinfo=UTC))
    turned = dataclasses.replace(services.connect(), now=clock.now, sleep=clock.sleep)
    refresh(cloud)
    monkeypatch.setattr(handler, "connect", lambda: turned)
    ids = one(cloud)
    cloud.emulator.set_job(
        ids["plan"], status="SUCCEEDED", startedAt=at(1), stoppedAt=at(3), attempts=[]
    )
    cloud.emulator.set_job(ids["shard"], status="PENDING")
    cloud.emulator.set_job(ids["finish"], status="PENDING")
    return ids


def test_status_tells_of_the_chain_whichever_of_its_jobs_is_asked_for(
    cloud: Cloud, running: dict[str, str]
) -> None:
    array = running["shard"]
    done: dict[str, Any] = {"status": "SUCCEEDED", "startedAt": at(4), "stoppedAt": at(14)}
    states: tuple[dict[str, Any], ...] = (
        done,
        done | {"attempts": [ended(SPOT), ended(EXITED, code=0)]},
        {
            "status": "RUNNING",
            "startedAt": at(16),
            "attempts": [ended(SPOT)],
            "retryStrategy": {"attempts": 3},
        },
        {"status": "RUNNABLE"},
    )
    for index, changes in enumerate(states):
        cloud.emulator.set_job(f"{array}:{index}", **changes)
    for job_id in running.values():
        answer = status(cloud, job_id)
        assert answer["reason"] == (
            "neighbors: 2 of 4 shards done, 2 retried; about 16 min left"
        ), "six minutes for the one that runs, ten for the one that waits"
        assert (answer["status"], answer["jobId"]) == ("RUNNING", job_id)
        assert {step: entry["jobId"] for step, entry in answer["steps"].items()} == running
    alone = status(cloud, f"{array}:2")
    assert alone["reason"] == "attempt 2 of 3: Spot capacity was reclaimed; running 4 min"


def test_shards_that_the_plan_did_not_need_are_not_counted(
    cloud: Cloud, running: dict[str, str]
) -> None:
    write_log(cloud, "refresh/default/plan", {"event": "plan.finished", "shards": 2})
    cloud.emulator.set_job(running["plan"], container={"logStreamName": "refresh/default/plan"})
    for index in (2, 3):
        cloud.emulator.set_job(f"{running['shard']}:{index}", status="SUCCEEDED")
    assert status(cloud, running["finish"])["reason"] == "neighbors: 0 of 2 shards done"


def test_status_of_each_step(cloud: Cloud, running: dict[str, str]) -> None:
    ids = running

    def said() -> tuple[str, str]:
        answer = status(cloud, ids["finish"])
        return answer["status"], answer["reason"]

    cloud.emulator.set_job(ids["plan"], status="RUNNABLE", createdAt=at(15))
    assert said() == (
        "RUNNABLE",
        "plan: waiting 5 min: for an instance; a cold start takes a few minutes",
    )
    cloud.emulator.set_job(ids["plan"], status="RUNNING", startedAt=at(18))
    assert said() == ("RUNNING", "plan: running 2 min")
    cloud.emulator.set_job(ids["plan"], status="SUCCEEDED", startedAt=at(1), stoppedAt=at(3))
    for index in range(4):
        cloud.emulator.set_job(f"{ids['shard']}:{index}", status="RUNNABLE", createdAt=at(0))
    kind, reason = said()
    assert kind == "RUNNING"
    waits = "waiting 17 min: for an instance"
    assert reason.startswith(f"neighbors: 0 of 4 shards done; {waits}"), "since the plan is done"
    alone = status(cloud, f"{ids['shard']}:1")["reason"]
    assert alone.startswith(waits)
    for index in range(4):
        cloud.emulator.set_job(f"{ids['shard']}:{index}", status="SUCCEEDED")
    cloud.emulator.set_job(ids["shard"], status="SUCCEEDED", stoppedAt=at(11))
    cloud.emulator.set_job(ids["finish"], status="RUNNABLE", createdAt=at(0))
    assert said()[1].startswith("finish: waiting 9 min: for an instance"), "not since noon"
    cloud.emulator.set_job(ids["finish"], attempts=[ended(SPOT, at_minute=15)])
    assert "Spot capacity was reclaimed; waiting 5 min: for an instance" in said()[1]
    cloud.emulator.set_job(ids["finish"], status="RUNNING", startedAt=at(12), attempts=[])
    assert said() == ("RUNNING", "finish: running 8 min")
    cloud.emulator.set_job(ids["finish"], status="SUCCEEDED", stoppedAt=at(15))
    assert said() == (
        "SUCCEEDED",
        "succeeded in 14 min (plan 2 min, neighbors 9 min, finish 3 min)",
    )


def test_the_age_of_what_waits_for_an_instance_is_measured_and_no_other(
    cloud: Cloud, running: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    def ages() -> list[float]:
        capsys.readouterr()
        status(cloud, running["finish"])
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line["QueueAge"] for line in lines if "QueueAge" in line]

    for step in ("shard", "finish"):
        cloud.emulator.set_job(running[step], createdAt=at(0))
    assert ages() == [], "an array's parent is PENDING while its shards run"
    cloud.emulator.set_job(running["shard"], status="SUCCEEDED", stoppedAt=at(11))
    assert ages() == [], "and the last step, until Batch gets round to it"
    cloud.emulator.set_job(running["finish"], status="RUNNABLE")
    assert ages() == [9 * 60]


@pytest.mark.parametrize("number", [2, 3])
def test_a_chain_that_broke_off_and_that_nobody_completed_has_failed(
    cloud: Cloud, use: Any, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(number, THROTTLED)
    with pytest.raises(ClientError):
        refresh(cloud)
    [plan] = steps(cloud)["plan"]
    clock = Clock(datetime(2026, 3, 1, 12, 20, tzinfo=UTC))
    turned = dataclasses.replace(services.connect(), now=clock.now, sleep=clock.sleep)
    monkeypatch.setattr(handler, "connect", lambda: turned)
    there = [plan["jobId"], *(job["jobId"] for job in steps(cloud).get("shard", []))]

    def said() -> set[tuple[str, str]]:
        answers = [status(cloud, job_id) for job_id in there]
        assert all(len(answer["steps"]) == number - 1 for answer in answers)
        return {(answer["status"], answer["reason"]) for answer in answers}

    broke_off = "broke off: never submitted whole, nothing will be published; ask anew"
    [(state, _)] = said()
    assert state == "SUBMITTED", "as long as the plan waits, somebody may complete it"
    cloud.emulator.set_job(plan["jobId"], status="RUNNING", startedAt=at(19))
    assert said() == {("RUNNING", "plan: running 1 min")}, "Batch may list the others soon"
    cloud.emulator.set_job(plan["jobId"], status="SUCCEEDED", stoppedAt=at(20))
    [(state, reason)] = said()
    assert (state, reason[:10]) == ("RUNNING", "neighbors:")
    cloud.emulator.set_job(plan["jobId"], startedAt=at(18))
    assert said() == {("FAILED", broke_off)}
    cloud.emulator.set_job(plan["jobId"], status="RUNNING")
    assert said() == {("FAILED", broke_off)}
    for job_id in there[1:]:
        cloud.emulator.set_job(job_id, status="SUCCEEDED")
    assert said() == {("FAILED", broke_off)}
    cloud.emulator.set_job(plan["jobId"], status="FAILED", attempts=[ended(EXITED, code=3)])
    assert said() == {("FAILED", "failed: the plan: bad data (exit 3)")}


@pytest.mark.parametrize("mark", ["isCancelled", "isTerminated"])
def test_a_last_step_that_is_being_stopped_is_told_of_while_the_shards_still_run(
    cloud: Cloud, running: dict[str, str], mark: str
) -> None:
    """Batch ends what is PENDING only when all it waits for has ended."""
    cloud.emulator.set_job(f"{running['shard']}:0", status="RUNNING", startedAt=at(16))
    cloud.emulator.set_job(running["finish"], **{mark: True})
    answer = status(cloud, running["shard"])
    assert answer["status"] == "RUNNING"
    assert answer["reason"] == (
        "neighbors: 0 of 4 shards done; finish is being stopped, so nothing will be published"
    )
    cloud.emulator.set_job(running["finish"], status="FAILED", statusReason="stopped by hand")
    answer = status(cloud, running["shard"])
    assert answer["status"] == "FAILED"
    assert "being stopped" not in answer["reason"]


def test_a_large_array_is_told_of_by_its_summary(
    cloud: Cloud, running: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trigger import progress

    monkeypatch.setattr(progress, "MOST_DESCRIBED", 3)
    cloud.emulator.set_job(
        running["shard"], arrayProperties={"size": 4, "statusSummary": {"SUCCEEDED": 1}}
    )
    reason = status(cloud, running["finish"])["reason"]
    assert reason == "neighbors: 1 of 4 shards done; about 51 min left"


def test_a_shard_that_failed_is_named_while_the_rest_still_runs(
    cloud: Cloud, running: dict[str, str]
) -> None:
    array = running["shard"]
    write_log(
        cloud,
        "refresh/default/0123",
        {"level": "error", "event": "shard.failed", "message": "the bucket is gone"},
    )
    for index in (2, 3):
        cloud.emulator.set_job(
            f"{array}:{index}",
            status="FAILED",
            attempts=[ended(EXITED, code=4)],
            container={"logStreamName": "refresh/default/0123", "exitCode": 4},
        )
    cloud.emulator.set_job(f"{array}:0", status="RUNNING", startedAt=at(18))
    said = (
        "failed: shard 2 of 4: storage could not be read or written (exit 4): the bucket is gone; "
        "shard 3 too"
    )
    answer = status(cloud, running["finish"], logLines=5)
    assert answer["status"] == "RUNNING"
    assert answer["reason"].startswith(said + "; what runs already goes on")
    assert "the bucket is gone" in answer["log"][0]
    cloud.emulator.set_job(array, status="FAILED")
    cloud.emulator.set_job(running["finish"], status="FAILED", statusReason="Dependent Job failed")
    answer = status(cloud, running["finish"])
    assert (answer["status"], answer["reason"]) == ("FAILED", said)


# --- mails -----------------------------------------------------------------------------------


@pytest.fixture
def mailbox(cloud: Cloud, use: Any, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    topic = cloud.client("sns").create_topic(Name=f"topic-{cloud.bucket}")["TopicArn"]
    monkeypatch.setenv("ALERT_TOPIC_ARN", topic)
    services.connect.cache_clear()
    return Mailbox.subscribed(cloud, topic)


def tell(cloud: Cloud, job_id: str) -> dict[str, Any]:
    """Let the function hear Batch's event about a job as it is now."""
    [job] = cloud.client("batch").describe_jobs(jobs=[job_id])["jobs"]
    job["jobQueue"] = cloud.queue
    context = SimpleNamespace(invoked_function_arn=cloud.function_arn)
    return handler.handler(event_of(job), context)


def test_a_chain_that_fails_is_mailed_about_once_and_the_mail_names_the_shard(
    cloud: Cloud, mailbox: Mailbox
) -> None:
    refresh(cloud)
    ids = one(cloud)
    array = ids["shard"]
    cloud.emulator.set_job(ids["plan"], status="SUCCEEDED", startedAt=at(1), stoppedAt=at(3))
    for job_id in (array, ids["finish"]):
        cloud.emulator.set_job(job_id, status="PENDING")
    cloud.emulator.set_job(
        f"{array}:3",
        status="FAILED",
        attempts=[ended(SPOT)] * 3,
        statusReason=SPOT,
        retryStrategy={"attempts": 3},
    )
    assert tell(cloud, f"{array}:3")["mail"] == "sent"
    [(subject, body)] = mailbox.mails()
    assert subject.startswith(
        "Cocktail analytics (dev): refresh failed: shard 3 of 4: Spot capacity was reclaimed"
    )
    assert "Why: shard 3 of 4: Spot capacity was reclaimed (after 3 attempts)" in body
    assert f"Stop the rest: scripts/trigger-analytics-refresh.sh dev --stop {array}\n" in body
    assert f"See more:   scripts/trigger-analytics-refresh.sh dev --status {array}\n" in body
    assert "Attempts:   3 of 3" in body

    cloud.emulator.set_job(f"{array}:1", status="FAILED", attempts=[ended(EXITED, code=4)])
    cloud.emulator.set_job(array, status="FAILED", statusReason="Array Child Job failed")
    cloud.emulator.set_job(ids["finish"], status="FAILED", statusReason="Dependent Job failed")
    assert tell(cloud, f"{array}:1")["mail"] == "sent before"
    assert tell(cloud, array)["mail"] == "sent before"
    assert tell(cloud, ids["finish"])["mail"] == "none"
    assert mailbox.mails() == []


@pytest.mark.parametrize("first", ["child", "array"])
def test_the_mail_names_the_shard_whichever_event_comes_first(
    cloud: Cloud, mailbox: Mailbox, first: str
) -> None:
    refresh(cloud)
    ids = one(cloud)
    for index in (1, 2):
        cloud.emulator.set_job(
            f"{ids['shard']}:{index}",
            status="FAILED",
            attempts=[ended(EXITED, code=3)],
            retryStrategy={"attempts": 1},
        )
    cloud.emulator.set_job(ids["shard"], status="FAILED", statusReason="Array Child Job failed")
    tell(cloud, ids["shard"] if first == "array" else f"{ids['shard']}:1")
    [(subject, body)] = mailbox.mails()
    assert "refresh failed: shard 1 of 4: bad data (exit 3)" in subject
    assert "Shard 2 failed too." in body
    assert "Stop the rest" not in body


@pytest.mark.parametrize(("step", "words"), [("plan", "the plan"), ("finish", "the last step")])
def test_the_first_and_the_last_step_are_named_too(
    cloud: Cloud, mailbox: Mailbox, step: str, words: str
) -> None:
    refresh(cloud)
    ids = one(cloud)
    cloud.emulator.set_job(
        ids[step], status="FAILED", attempts=[ended(EXITED, code=3)], retryStrategy={"attempts": 1}
    )
    rest = {"plan": ("shard", "finish"), "finish": ()}[step]
    for other in rest:
        cloud.emulator.set_job(ids[other], status="FAILED", statusReason="Dependent Job failed")
    for job_id in (*(ids[other] for other in rest), ids[step]):
        tell(cloud, job_id)
    [(subject, _)] = mailbox.mails()
    assert f"refresh failed: {words}: bad data (exit 3)" in subject


@pytest.mark.parametrize(
    ("step", "code", "counted"),
    [
        ("plan", 3, 1),
        ("plan", None, 1),
        ("shard", 4, 1),
        ("finish", 3, 0),
        ("finish", 137, 1),
        ("finish", None, 1),
    ],
)
def test_a_chain_that_fails_is_counted_once_by_the_trigger_where_no_job_did(
    cloud: Cloud,
    mailbox: Mailbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    code: int | None,
    counted: int,
) -> None:
    """What publishes writes `RefreshFailure` itself, if it lives to do so."""
    monkeypatch.setenv("ANALYTICS_METRICS", "RefreshSuccess,RefreshFailure")
    refresh(cloud)
    ids = one(cloud)
    failed = f"{ids['shard']}:2" if step == "shard" else ids[step]
    reason = SPOT if code is None else EXITED
    cloud.emulator.set_job(failed, status="FAILED", attempts=[ended(reason, code=code)])
    capsys.readouterr()
    for _ in range(2):
        tell(cloud, failed)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["RefreshFailure"] for line in lines if "_aws" in line] == [1] * counted
