"""The tests' emulator of AWS, whose Batch really runs the job's container.

Moto's Batch talks to a Docker API, but passes on only part of the job definition. What is added
here is what the deployed definition says and moto drops: user, read-only root, scratch space,
memory, the file system, the log group; and the event at the end of a job, which moto never emits.

``CHAIN_FOLDER`` names the folder that stands for the file system.
"""

from __future__ import annotations

import json
import os
from typing import Any

import docker
from moto.batch import models as batch
from moto.core import DEFAULT_ACCOUNT_ID
from moto.events import models as events
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.sns import sns_backends

from tests.infra.emulator import extended_moto

_property = batch.Job._get_container_property
_stopped = batch.Job._mark_stopped
_start = batch.Job.run
_describe = batch.Job.describe
_address = ThreadedMotoServer.get_host_and_port

ADDRESS: list[str] = []
"""Where this emulator serves, once it does."""


class _Containers:
    """Docker's `containers`, with what the job definition says put back in."""

    def __init__(self, job: Any, real: Any) -> None:
        self.job = job
        self.real = real

    def run(self, **given: Any) -> Any:
        properties = self.job.job_definition.container_properties
        given.pop("extra_hosts", None)
        linux = properties.get("linuxParameters", {})
        needed = {r["type"]: r["value"] for r in properties["resourceRequirements"]}
        given["environment"] |= {
            "AWS_ENDPOINT_URL": ADDRESS[0],
            "AWS_REGION": _region(self.job),
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_BATCH_JOB_ID": self.job.job_id,
        }
        return self.real.run(
            **given,
            user=properties["user"],
            read_only=properties["readonlyRootFilesystem"],
            tmpfs={
                t["containerPath"]: f"rw,nosuid,nodev,size={t['size']}m,mode=1777"
                for t in linux.get("tmpfs", [])
            },
            mem_limit=f"{needed['MEMORY']}m",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            ulimits=[
                docker.types.Ulimit(name="nofile", soft=1024, hard=1024),
                docker.types.Ulimit(name="nproc", soft=1000, hard=1000),
            ],
            platform="linux/arm64",
        )


class _Client:
    def __init__(self, job: Any) -> None:
        self.containers = _Containers(job, docker.from_env(timeout=900).containers)


def _container_property(self: Any, name: str, default: Any) -> Any:
    if name == "command":  # none in the definition: the image's own
        return self.job_definition.container_properties.get("command", [])
    value = _property(self, name, default)
    if name == "volumes":
        folder = {"sourcePath": os.environ["CHAIN_FOLDER"]}
        return [{"name": volume["name"], "host": folder} for volume in value]
    return value


def _mark_stopped(self: Any, success: bool = True) -> None:
    already = self.job_stopped
    _stopped(self, success)
    if not already:
        _emit(self)


def _emit(job: Any) -> None:
    """Put the event that Batch sends when a job ends, and serve the rules that lead to a topic."""
    region = _region(job)
    detail = {
        "jobId": job.job_id,
        "jobName": job.job_name,
        "jobQueue": job.job_queue.arn,
        "status": str(job.status),
        "statusReason": "Essential container in task exited",
        "container": {"exitCode": job.exit_code},
    }
    detail["status"] = "SUCCEEDED" if "SUCCEEDED" in detail["status"] else "FAILED"
    event = {"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": detail}
    backend = events.events_backends[DEFAULT_ACCOUNT_ID][region]
    topics = sns_backends[DEFAULT_ACCOUNT_ID][region]
    for rule in backend.describe_event_bus("default").rules.values():
        if not rule.event_pattern.matches_event(event):
            continue
        for target in rule.targets:
            if ":sns:" not in target["Arn"]:
                continue
            transformer = target.get("InputTransformer")
            text = json.loads(transformer["InputTemplate"]) if transformer else json.dumps(event)
            for name, path in (transformer or {}).get("InputPathsMap", {}).items():
                value = event["detail"].get(path.removeprefix("$.detail."), "")
                text = text.replace(f"<{name}>", str(value))
            topics.publish(message=text, arn=target["Arn"])


def _run(self: Any) -> None:
    """Start the job with the log group that its definition names."""
    options = self.job_definition.container_properties["logConfiguration"]["options"]
    self._log_group = options["awslogs-group"]
    _start(self)


def _describe_with_exit_code(self: Any) -> dict[str, Any]:
    found: dict[str, Any] = _describe(self)
    if self.exit_code is not None:
        found["container"]["exitCode"] = self.exit_code
    return found


def _host_and_port(self: Any) -> Any:
    host, port = _address(self)
    ADDRESS.append(f"http://{host}:{port}")
    return host, port


def _region(job: Any) -> str:
    region: str = job.job_queue.arn.split(":")[3]
    return region


if __name__ == "__main__":
    batch.Job._get_container_property = _container_property
    batch.Job._mark_stopped = _mark_stopped
    batch.Job.docker_client = property(_Client)
    batch.Job.run = _run
    batch.Job.describe = _describe_with_exit_code
    ThreadedMotoServer.get_host_and_port = _host_and_port
    extended_moto.main()
