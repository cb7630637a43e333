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
    stopped: list[str] = []

    def take(_method: str, path: str) -> tuple[int, bytes] | None:
        if not path.endswith("terminatejob"):
            return None
        stopped.append(path)
        return 200, b"{}"

    front.on_request = take
    done = run(front, "dev", "--stop", job["jobId"])
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"stopped: job ({job['jobId']})\n"
    assert len(stopped) == 1
    cloud.emulator.set_job(job["jobId"], status="SUCCEEDED", startedAt=1_000, stoppedAt=61_000)
    done = run(front, "dev", "--stop", job["jobId"])
    assert (done.returncode, done.stdout) == (0, "nothing to stop: succeeded in 1 min\n")
    assert len(stopped) == 1


def test_stopping_ends_a_chain_its_last_job_first(
    front: Front, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = {"vcpus": 1, "memory_mib": 2048, "minutes": 30}
    told = {"shards": 2, "minutes": 5, "first": 2}
    steps = dict.fromkeys(("plan", "shard", "finish"), machine)
    monkeypatch.setenv("CHAIN", json.dumps(told | steps))
    services.connect.cache_clear()
    run(front, "dev")
    jobs = {job["jobName"].rpartition("-")[2]: job["jobId"] for job in cloud.jobs()}
    front.on_request = lambda _method, path: (200, b"{}") if path.endswith("terminatejob") else None
    done = run(front, "dev", "--stop", f"{jobs['shard'].partition(':')[0]}:1")
    assert done.returncode == 0, done.stderr
    named = [line.removeprefix("stopped: ").partition(" ")[0] for line in done.stdout.splitlines()]
    assert named == ["finish", "shard", "plan"]
