"""The command of the terminal, as a process, against the emulator."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.trigger.conftest import Cloud
from tests.trigger.front import ROOT, Front, standing_before
from trigger import services


@pytest.fixture
def front(cloud: Cloud) -> Iterator[Front]:
    with standing_before(cloud, {}) as server:
        yield server


def run(front: Front, *arguments: str) -> subprocess.CompletedProcess[str]:
    return front.run("trigger-analytics-refresh.sh", *arguments)


def end_job_when_asked(front: Front, cloud: Cloud, status: str, **changes: Any) -> None:
    """The first look at the job finds it running, the second finds it ended."""
    looks: list[str] = []

    def look(event: dict[str, Any]) -> None:
        if event.get("action") == "status":
            now = "RUNNING" if not looks else status
            looks.append(now)
            extra = {} if now == "RUNNING" else changes
            cloud.emulator.set_job(event["jobId"], status=now, **extra)

    front.on_event = look


def test_it_submits_and_says_how_to_follow(front: Front, cloud: Cloud) -> None:
    done = run(front, "dev")
    assert done.returncode == 0, done.stderr
    [job] = cloud.jobs()
    assert f"submitted: {job['jobName']} ({job['jobId']})" in done.stdout
    assert f"trigger-analytics-refresh.sh dev --status {job['jobId']}" in done.stdout
    assert "joined the job that waits" in run(front, "dev").stdout
    assert len(cloud.jobs()) == 1


def test_waiting_follows_a_success_to_exit_0(front: Front, cloud: Cloud) -> None:
    end_job_when_asked(front, cloud, "SUCCEEDED", startedAt=1_000, stoppedAt=61_000)
    done = run(front, "dev", "--wait", "--poll", "0.1")
    assert done.returncode == 0, done.stderr
    assert "running: running" in done.stdout
    assert done.stdout.splitlines()[-1] == "succeeded in 1 min"


def test_waiting_follows_a_failure_to_exit_1_and_the_reason(front: Front, cloud: Cloud) -> None:
    end_job_when_asked(front, cloud, "FAILED", container={"exitCode": 3})
    done = run(front, "dev", "--wait", "--poll", "0.1")
    assert done.returncode == 1
    assert done.stderr.strip() == "failed: bad data (exit 3)"


def test_status_of_a_job(front: Front, cloud: Cloud) -> None:
    run(front, "dev")
    [job] = cloud.jobs()
    done = run(front, "dev", "--status", job["jobId"])
    assert done.returncode == 0
    assert done.stdout.startswith("waiting")
    cloud.emulator.set_job(job["jobId"], status="FAILED", statusReason="Host EC2 (i) terminated.")
    done = run(front, "dev", "--status", job["jobId"])
    assert done.returncode == 1
    assert "failed: Spot capacity was reclaimed" in done.stderr
    assert len(cloud.jobs()) == 1, "asking submits nothing"


def test_an_unknown_job_is_a_sentence_and_exit_1(front: Front) -> None:
    done = run(front, "dev", "--status", "nonsense")
    assert done.returncode == 1
    assert "Batch knows no job 'nonsense'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stack_that_is_not_there_is_a_sentence_and_exit_1(front: Front) -> None:
    done = run(front, "prod")
    assert done.returncode == 1
    assert "there is no stack ProdStack" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [[], ["staging"], ["dev", "--what"]])
def test_wrong_use_is_exit_2(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "trigger_refresh.py"), *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_a_forced_refresh_is_submitted_beside_the_one_that_waits(
    front: Front, cloud: Cloud
) -> None:
    run(front, "dev")
    done = run(front, "dev", "--force")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("submitted: ")
    forced = [
        {entry["name"]: entry["value"] for entry in job["container"]["environment"]}.get(
            "ANALYTICS_FORCE"
        )
        for job in cloud.jobs()
    ]
    assert sorted(forced, key=str) == ["1", None]
    for other in ("--status", "--stop"):
        done = run(front, "dev", "--force", other, cloud.jobs()[0]["jobId"])
        assert done.returncode == 1
        assert "--force is for a new refresh" in done.stderr


def test_stopping_ends_a_job_and_says_so(front: Front, cloud: Cloud) -> None:
    run(front, "dev")
    [job] = cloud.jobs()
    ended: list[str] = []
    front.on_terminate = ended.append
    done = run(front, "dev", "--stop", job["jobId"])
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"stopped: job ({job['jobId']})\n"
    assert ended == [job["jobId"]]
    cloud.emulator.set_job(job["jobId"], status="SUCCEEDED", startedAt=1_000, stoppedAt=61_000)
    done = run(front, "dev", "--stop", job["jobId"])
    assert (done.returncode, done.stdout) == (0, "nothing to stop: succeeded in 1 min\n")
    assert len(ended) == 1


@pytest.fixture
def chain(front: Front, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A refresh of two shards that was just asked for; the ids of its jobs by step."""
    machine = {"vcpus": 1, "memory_mib": 2048, "minutes": 30}
    told = {"shards": 2, "minutes": 5, "first": 2}
    steps = dict.fromkeys(("plan", "shard", "finish"), machine)
    monkeypatch.setenv("CHAIN", json.dumps(told | steps))
    services.connect.cache_clear()
    run(front, "dev")
    jobs = {job["jobId"]: job["jobName"].rpartition("-")[2] for job in cloud.jobs()}
    yield {step: job_id for job_id, step in jobs.items() if ":" not in job_id}
    services.connect.cache_clear()


def stopped(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [line.removeprefix("stopped: ").partition(" ")[0] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("state", ["STARTING", "RUNNING"])
def test_stopping_ends_a_chain_that_has_begun_its_last_job_first(
    front: Front, cloud: Cloud, chain: dict[str, str], state: str
) -> None:
    """Else a plan that is through just then would let the shards begin."""
    cloud.emulator.set_job(chain["plan"], status=state)
    done = run(front, "dev", "--stop", f"{chain['shard']}:1")
    assert stopped(done) == ["finish", "shard", "plan"]


@pytest.mark.parametrize(("state", "after"), [("SUBMITTED", 1), ("PENDING", 2), ("RUNNABLE", 3)])
def test_a_refresh_asked_for_while_a_chain_is_stopped_is_one_of_its_own(
    front: Front, cloud: Cloud, chain: dict[str, str], state: str, after: int
) -> None:
    """Joined to a plan that is about to be ended, what was edited would be read by no job."""
    cloud.emulator.set_job(chain["plan"], status=state)
    for step in ("shard", "finish"):
        cloud.emulator.set_job(chain[step], status="PENDING")
    ended: list[str] = []
    said: list[str] = []

    def end_and_ask(job_id: str) -> None:
        cloud.emulator.set_job(job_id, status="FAILED", statusReason="stopped by hand")
        ended.append(job_id)
        if len(ended) == after:
            said.append(run(front, "dev").stdout)

    front.on_terminate = end_and_ask
    assert stopped(run(front, "dev", "--stop", chain["finish"])) == ["plan", "finish", "shard"]
    assert set(ended) == set(chain.values())
    assert said[0].startswith("submitted: ")
    new = {job["jobName"] for job in cloud.jobs() if job["jobId"].partition(":")[0] not in ended}
    assert {name.rpartition("-")[2] for name in new} == {"plan", "shard", "finish"}
