"""What the chain's Batch asks Docker for, and when it tries again; without containers."""

from __future__ import annotations

import itertools
import os
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ACCOUNT, REGION = "123456789012", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Job"


class Container:
    """A container that has ended when it is looked at again."""

    def __init__(self, code: int) -> None:
        self.code, self.status, self.removed = code, "running", False

    def reload(self) -> None:
        self.status = "exited"

    def logs(self, **_: Any) -> bytes:
        return b"one\ntwo\n"

    def wait(self) -> dict[str, int]:
        return {"StatusCode": self.code}

    def remove(self, **_: Any) -> None:
        self.removed = True


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> types.SimpleNamespace:
    """The chain's emulator in this process, with a Docker that only notes what it is asked."""
    for name, value in (("JOBS_FOLDER", str(tmp_path)), ("MOTO_ACCOUNT_ID", ACCOUNT)):
        monkeypatch.setenv(name, value)
    from image import chain_emulator
    from tests.infra.emulator import functions, processes, rights

    lines: list[list[str]] = []
    monkeypatch.setattr(functions, "ADDRESS", ["http://127.0.0.1:1"])
    monkeypatch.setattr(functions, "put_lines", lambda *given: lines.append(given[-1]))
    monkeypatch.setattr(functions, "deliver", lambda *_: None)
    monkeypatch.setattr(processes, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(processes, "run_container", chain_emulator.run_container)
    monkeypatch.setattr(processes, "_refusal", lambda job: None)
    monkeypatch.setattr(chain_emulator, "POLL_SECONDS", 0)
    monkeypatch.setattr(rights, "allowed", lambda role, action, *_: action in allowed)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    backend = types.SimpleNamespace(
        access_points={"fsap-1": types.SimpleNamespace(posix_user={"Uid": "10001", "Gid": "10001"})}
    )
    monkeypatch.setattr(chain_emulator, "efs_backends", {ACCOUNT: {REGION: backend}})
    allowed: set[str] = set()
    return types.SimpleNamespace(
        emulator=chain_emulator,
        processes=processes,
        lines=lines,
        allowed=allowed,
        monkeypatch=monkeypatch,
    )


def job(
    chain: types.SimpleNamespace,
    *,
    read_only: bool = True,
    rules: Sequence[Mapping[str, str]] = (),
    overrides: Mapping[str, Any] | None = None,
) -> Any:
    """A job as moto has it, as far as an attempt looks at it."""
    efs = {
        "fileSystemId": "fs-1",
        "authorizationConfig": {"accessPointId": "fsap-1", "iam": "ENABLED"},
    }
    properties = {
        "image": "registry/image:tag",
        "command": [],
        "user": "10001",
        "readonlyRootFilesystem": True,
        "jobRoleArn": ROLE,
        "environment": [
            {"name": "AWS_DEFAULT_REGION", "value": REGION},
            {"name": "DB_PATH", "value": "/mnt/efs/cocktails.db"},
        ],
        "resourceRequirements": [
            {"type": "MEMORY", "value": "1024"},
            {"type": "VCPU", "value": "1"},
        ],
        "linuxParameters": {"tmpfs": [{"containerPath": "/scratch", "size": 64}]},
        "mountPoints": [
            {"containerPath": "/mnt/efs", "sourceVolume": "database", "readOnly": read_only}
        ],
        "volumes": [{"name": "database", "efsVolumeConfiguration": efs}],
        "logConfiguration": {"options": {"awslogs-group": "jobs"}},
    }
    made = types.SimpleNamespace(
        job_id="1-2-3",
        backend=types.SimpleNamespace(account_id=ACCOUNT),
        job_queue=types.SimpleNamespace(
            arn=f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/Queue",
            name="Queue",
            environments=[types.SimpleNamespace(name="Spot")],
        ),
        job_definition=types.SimpleNamespace(
            container_properties=properties,
            retry_strategy={"attempts": 3, "evaluateOnExit": list(rules)},
            timeout={"attemptDurationSeconds": 600},
        ),
        container_overrides=overrides or {},
        attempts=[],
        end={},
        timeout=None,
        stop=False,
        depends_on=None,
        status="SUBMITTED",
        arn="arn",
        job_stopped=False,
        reclaimed=False,
        describe=dict,
    )
    chain.monkeypatch.setattr(chain.processes, "batch_event", lambda job: {})
    return made


def test_a_container_gets_what_batch_gives_and_nothing_else(chain: types.SimpleNamespace) -> None:
    given = chain.emulator.arguments(
        job(chain, overrides={"environment": [{"name": "LOAD_SOURCE", "value": "s3://b/k"}]})
    )
    assert set(given["environment"]) == {
        *("AWS_DEFAULT_REGION", "DB_PATH", "LOAD_SOURCE"),
        *("AWS_BATCH_JOB_ID", "AWS_BATCH_JOB_ATTEMPT", "AWS_BATCH_CE_NAME", "AWS_BATCH_JQ_NAME"),
        *("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    }
    assert given["environment"]["AWS_BATCH_JOB_ATTEMPT"] == "1"
    assert given["command"] is None, "the image's own"
    assert (given["user"], given["read_only"], given["mem_limit"]) == ("10001", True, "1024m")
    assert given["tmpfs"] == {"/scratch": "rw,nosuid,nodev,size=64m,mode=1777"}


@pytest.mark.parametrize(
    ("mounted_read_only", "may_write", "writable"),
    [(True, True, False), (False, True, True), (False, False, False), (True, False, False)],
)
def test_a_volume_is_writable_where_mount_point_and_role_allow_it(
    chain: types.SimpleNamespace, mounted_read_only: bool, may_write: bool, writable: bool
) -> None:
    if may_write:
        chain.allowed.add("elasticfilesystem:ClientWrite")
    [mount] = chain.emulator.arguments(job(chain, read_only=mounted_read_only))["mounts"]
    assert mount["ReadOnly"] != writable
    assert mount["Target"] == "/mnt/efs"
    assert Path(mount["Source"]).name == "fs-1"


RULES = (
    {"action": "RETRY", "onStatusReason": "Host EC2*"},
    {"action": "RETRY", "onStatusReason": "Task failed to start*"},
    {"action": "RETRY", "onExitCode": "75"},
    {"action": "EXIT", "onReason": "*"},
)


@pytest.mark.parametrize(
    ("codes", "rules", "attempts", "ends"),
    [
        ([0], RULES, 1, "SUCCEEDED"),
        ([75, 0], RULES, 2, "SUCCEEDED"),
        ([75, 75, 75], RULES, 3, "FAILED"),
        ([3], RULES, 1, "FAILED"),
        ([75, 3], RULES, 2, "FAILED"),
        ([1, 1, 0], (), 3, "SUCCEEDED"),  # where no rule matches, Batch tries again
    ],
)
def test_a_job_is_tried_again_as_its_definition_says(
    chain: types.SimpleNamespace,
    codes: list[int],
    rules: tuple[dict[str, str], ...],
    attempts: int,
    ends: str,
) -> None:
    made = [Container(code) for code in codes]
    asked = iter(made)
    docker = types.SimpleNamespace(run=lambda **_: next(asked))
    chain.monkeypatch.setattr(chain.emulator, "containers", lambda: docker)
    one = job(chain, rules=rules)
    chain.processes.Job.run(one)
    assert one.status == ends
    assert [a["container"]["exitCode"] for a in one.attempts] == codes[:attempts]
    assert all(container.removed for container in made)
    assert chain.lines == [["one", "two"]] * attempts


def test_an_image_that_cannot_be_had_is_a_start_that_failed(chain: types.SimpleNamespace) -> None:
    import docker.errors

    answers: Iterator[Exception | Container] = itertools.chain(
        [docker.errors.ImageNotFound("gone")], itertools.repeat(Container(0))
    )

    def run(**_: Any) -> Container:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    chain.monkeypatch.setattr(chain.emulator, "containers", lambda: types.SimpleNamespace(run=run))
    one = job(chain, rules=RULES)
    chain.processes.Job.run(one)
    assert one.status == "SUCCEEDED"
    assert one.attempts[0]["statusReason"] == "Task failed to start"
    assert one.attempts[0]["container"]["reason"].startswith("CannotPullContainerError")
