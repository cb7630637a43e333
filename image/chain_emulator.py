"""The tests' emulator of AWS, whose Batch runs the job's own container.

All of Batch but the container is that of `tests.infra.emulator.processes`: states, attempts, retry
rules, rights, events to the deployed rules and through them to the deployed function. Here an
attempt is a container, with what the job definition says: image, command, user, read-only root,
scratch space, memory, the file system as its mount point and the job's role allow.

A container gets the variables of its definition and of its submission, and the four that Batch
adds; no region, since Batch gives none. Two things stand for what an instance has: the emulator's
address for the way to AWS, and credentials for those that the ECS agent hands out for the role.

`JOBS_FOLDER` names the folder for the file systems, `DOCKER_HOST` the Docker API.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import docker
import docker.errors
from moto.efs.models import efs_backends

from tests.infra.emulator import extended_moto, functions, processes, rights

POLL_SECONDS = 0.5

INSTANCE = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""What stands for the way to AWS and for the role; all that is not from definition or Batch."""


def run_container(job: Any, stream: str, container: dict[str, Any]) -> tuple[str, str | None]:
    """Run one attempt; return Batch's reason for its end and the container's."""
    try:
        running = containers().run(**arguments(job), detach=True)
    except docker.errors.ImageNotFound as error:
        return processes.NO_START, f"CannotPullContainerError: Error response from daemon: {error}"
    except docker.errors.APIError as error:
        return processes.NO_START, f"CannotStartContainerError: Error response from daemon: {error}"
    try:
        late = _wait(job, running)
        options = processes.log_options(job)
        lines = running.logs(stdout=True, stderr=True).decode(errors="replace").splitlines()
        account, region = job.backend.account_id, processes.region_of(job)
        functions.put_lines(account, region, options["awslogs-group"], stream, lines)
        if job.reclaimed:
            job.reclaimed = False
            return processes.RECLAIMED, None
        container["exitCode"] = running.wait()["StatusCode"]
    finally:
        running.remove(force=True)
    return (processes.TIMED_OUT if late else processes.EXITED), None


def _wait(job: Any, running: Any) -> bool:
    """Wait for the end; whether the attempt's time ran out."""
    limit = processes.timeout_of(job).get("attemptDurationSeconds")
    begun, late, asked = time.monotonic(), False, False
    while running.status in ("created", "running"):
        time.sleep(POLL_SECONDS)
        running.reload()
        if processes.instance_is_gone(job):
            job.reclaimed = True
            running.kill()
            break
        over = limit is not None and time.monotonic() - begun > limit
        if (over or job.stop) and not asked:
            late, asked = over and not job.stop, True
            threading.Thread(
                target=running.stop, kwargs={"timeout": processes.GRACE_SECONDS}, daemon=True
            ).start()
    return late


def arguments(job: Any) -> dict[str, Any]:
    """Return what Docker is asked for on the job's behalf."""
    properties = job.job_definition.container_properties
    needed = processes.resources_of(job)
    scratch = properties.get("linuxParameters", {}).get("tmpfs", [])
    return {
        "image": properties["image"],
        "command": job.container_overrides.get("command") or properties.get("command") or None,
        "environment": variables(job),
        "mounts": [mount(job, point) for point in properties.get("mountPoints", [])],
        "user": properties["user"],
        "read_only": properties["readonlyRootFilesystem"],
        "tmpfs": {
            tmpfs["containerPath"]: f"rw,nosuid,nodev,size={tmpfs['size']}m,mode=1777"
            for tmpfs in scratch
        },
        "mem_limit": f"{needed['MEMORY']}m",
        "network_mode": "host",  # as Batch on EC2 has it
        # This machine's own limits are higher than a container without rights may set.
        "ulimits": [
            docker.types.Ulimit(name="nofile", soft=1024, hard=1024),
            docker.types.Ulimit(name="nproc", soft=1000, hard=1000),
        ],
        "platform": "linux/arm64",
    }


def variables(job: Any) -> dict[str, str]:
    """Return a container's variables."""
    role = job.job_definition.container_properties["jobRoleArn"]
    around = functions.surroundings(processes.region_of(job), role)
    return {
        **{name: around[name] for name in INSTANCE},
        **processes.variables_of(job),
        "AWS_BATCH_JOB_ATTEMPT": str(len(job.attempts) + 1),
    }


def mount(job: Any, point: dict[str, Any]) -> Any:
    """Return the mount of a file system; writable where the mount point and the role allow it."""
    properties = job.job_definition.container_properties
    volumes = {volume["name"]: volume for volume in properties["volumes"]}
    efs = volumes[point["sourceVolume"]]["efsVolumeConfiguration"]
    folder = processes.file_system(efs["fileSystemId"])
    points = efs_backends[job.backend.account_id][processes.region_of(job)].access_points
    user = points[efs["authorizationConfig"]["accessPointId"]].posix_user
    # Whoever comes through the access point is its user.
    os.chown(folder, int(user["Uid"]), int(user["Gid"]))
    writes = rights.allowed(properties["jobRoleArn"], "elasticfilesystem:ClientWrite")
    return docker.types.Mount(
        point["containerPath"],
        str(folder),
        type="bind",
        read_only=bool(point.get("readOnly")) or not writes,
    )


def containers() -> Any:
    """Return Docker's containers."""
    return docker.from_env(timeout=900).containers


def patch() -> None:
    """Let jobs run in containers."""
    processes.patch()
    processes.run_container = run_container


if __name__ == "__main__":
    patch()
    extended_moto.main()
