"""Batch that runs its jobs: each attempt is a process of this machine, as its definition says.

Run as a program it is the emulator of this package with jobs and functions that really run
(`functions`). `JOBS_FOLDER` names the folder for the file systems; a temporary one by default.

What is real: the command, the variables, the role's rights, the file system at its access point
(read-only unless role and mount allow more), the scratch space, a root that is read-only, the time
limit, the retry rules, the log, the states, and an event for each of them.

What is not: the image and its processor (the command runs with this machine's Python and this
repository's package, whose folders stay writable for the compiler's cache); the user, memory and
vCPUs; the network; compute environments, which start nothing and are there at once, but hold no
more vCPUs than they may.

Array jobs: each child runs as a job, with its index; the parent is PENDING while they do, and ends
when all have. A job waits until those it depends on have succeeded, and fails when one fails; one
that is told to end while it is PENDING does so only when they have ended, as CancelJob's page says.
Spot: a file `reclaim/<job id>` in the folder of the file systems takes a job its instance away.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from moto.batch import models
from moto.efs.models import efs_backends
from moto.logs.models import logs_backends

from tests.infra.emulator import REPOSITORY, batch_rules, extended_moto, functions, rights

PAUSE_SECONDS = 0.1
"""How long a job is RUNNABLE and STARTING."""

GRACE_SECONDS = 30
"""Between SIGTERM and SIGKILL."""

NOT_STARTED = 125
"""What Docker exits with when a container could not be started; here when a mount failed."""

COMMAND = ("python", "-m", "analytics_core", "refresh")
"""That of the image."""

IMAGE = {
    "HOME": "/scratch",
    "TMPDIR": "/scratch",
    "ANALYTICS_SCRATCH": "/scratch",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""What the image sets."""

EXITED = "Essential container in task exited"
TIMED_OUT = "Job attempt duration exceeded timeout"
NO_START = "Task failed to start"
RECLAIMED = "Host EC2 (instance i-0123456789abcdef0) terminated."
DEPENDENT = "Dependent Job failed"
CHILD_FAILED = "Array Child Job failed"

_init = models.Job.__init__


class Job:
    """What is put into moto's job of the same name."""

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:
        self.status = "SUBMITTED"
        _init(self, *arguments, **named)
        self.status = "SUBMITTED"
        self.end: dict[str, Any] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.cancelled = self.terminated = self.reclaimed = False
        if ":" in self.job_id:  # ListJobs shows children of their parent only
            self.job_queue.jobs.remove(self)

    def run(self: Any) -> None:
        """Try until an attempt succeeds or no rule asks for another."""
        change(self, "PENDING")
        if not _wait_for_dependencies(self):
            self.end = {"statusReason": DEPENDENT}
            _fail(self)
            return
        strategy = _lower(self.job_definition.retry_strategy or {})
        while not self.stop:
            change(self, "RUNNABLE")
            time.sleep(PAUSE_SECONDS)
            try:
                with place(self):
                    if self.stop:
                        break
                    change(self, "STARTING")
                    time.sleep(PAUSE_SECONDS)
                    succeeded = attempt(self)
            except BaseException as error:  # else whoever follows the job waits for ever
                self.end = {"statusReason": f"the emulator failed: {error!r}"}
                change(self, "FAILED")
                raise
            if succeeded:
                self.job_stopped = True
                change(self, "SUCCEEDED")
                return
            if self.stop or self.end["statusReason"] == TIMED_OUT:
                break
            if not tried_again(strategy, len(self.attempts), self.end):
                break
        _fail(self)

    def terminate(self: Any, reason: str) -> None:
        """End a job, started or not; an array with all its children."""
        if self.status in ("SUCCEEDED", "FAILED"):
            return
        if self._child_jobs:
            for child in self._child_jobs:
                child.terminate(reason)
            self.terminated, self.job_stopped_reason = True, reason
            return
        self.cancelled = self.status in ("SUBMITTED", "PENDING", "RUNNABLE")
        self.terminated = not self.cancelled
        self.stop, self.job_stopped_reason = True, reason
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def describe(self: Any) -> dict[str, Any]:
        """Describe a job as `DescribeJobs` does."""
        properties = self.job_definition.container_properties
        short = self.describe_short()
        known = {k: v for k, v in self.end.get("container", {}).items() if v is not None}
        return {
            **short,
            "jobQueue": self.job_queue.arn,
            "attempts": self.attempts,
            "dependsOn": self.depends_on or [],
            "parameters": self.parameters,
            "retryStrategy": _lower(self.job_definition.retry_strategy or {}),
            "timeout": timeout_of(self),
            "container": {
                **{k: v for k, v in properties.items() if k != "logConfiguration"},
                "command": command_of(self),
                "environment": [{"name": k, "value": v} for k, v in variables_of(self).items()],
                **known,
            },
            "tags": self.backend.list_tags_for_resource(self.arn),
            "isCancelled": self.cancelled,
            "isTerminated": self.terminated,
            **({"arrayProperties": _array(self)} if _array(self) else {}),
        }

    def describe_short(self: Any) -> dict[str, Any]:
        """Describe a job as `ListJobs` does."""
        ended = self.status in ("SUCCEEDED", "FAILED")
        begun = self.job_started_at.year > 1970
        found: dict[str, Any] = {
            "jobId": self.job_id,
            "jobArn": self.arn,
            "jobName": self.job_name,
            "jobDefinition": self.job_definition.arn,
            "status": self.status,
            "createdAt": models.datetime2int_milliseconds(self.job_created_at),
        }
        if begun and self.status in ("RUNNING", "SUCCEEDED", "FAILED"):
            found["startedAt"] = models.datetime2int_milliseconds(self.job_started_at)
        if ended:
            found["stoppedAt"] = models.datetime2int_milliseconds(self.job_stopped_at)
            found["statusReason"] = self.end.get("statusReason") or ""
            code = self.end.get("container", {}).get("exitCode")
            found["container"] = {} if code is None else {"exitCode": code}
        return found


# --- arrays, dependencies, places --------------------------------------------------------------


def follow_children(parent: Any) -> None:
    """Let an array's parent be what its children make of it."""
    while True:
        states = [child.status for child in parent._child_jobs]
        if parent.status == "SUBMITTED" and set(states) - {"SUBMITTED", "PENDING"}:
            change(parent, "PENDING")
        if all(state in ("SUCCEEDED", "FAILED") for state in states):
            break
        time.sleep(PAUSE_SECONDS)
    if "FAILED" not in states:
        parent.job_stopped, parent.job_stopped_at = True, datetime.now()  # noqa: DTZ005
        change(parent, "SUCCEEDED")
        return
    reasons = {child.end.get("statusReason") for child in parent._child_jobs}
    parent.end = {"statusReason": DEPENDENT if reasons == {DEPENDENT} else CHILD_FAILED}
    parent.stop = parent.terminated
    _fail(parent)


def _array(job: Any) -> dict[str, Any]:
    if not job._child_jobs:
        return dict(job.array_properties)
    summary = dict.fromkeys(models.JobStatus.job_statuses(), 0)
    for child in job._child_jobs:
        summary[child.status] += 1
    return {"size": len(job._child_jobs), "statusSummary": summary}


def _wait_for_dependencies(job: Any) -> bool:
    """Wait for the jobs that a job depends on; whether all succeeded."""
    ids = [dependency["jobId"] for dependency in job.depends_on or []]
    while True:
        states = [job.all_jobs[job_id].status for job_id in ids]
        if all(state == "SUCCEEDED" for state in states):
            return True  # though it was told to end, which `run` sees to
        if "FAILED" in states and not (job.stop and set(states) - {"SUCCEEDED", "FAILED"}):
            return False
        time.sleep(PAUSE_SECONDS)


def _fail(job: Any) -> None:
    if job.stop:
        job.end["statusReason"] = job.job_stopped_reason
    job.job_stopped = True
    job.job_stopped_at = datetime.now()  # noqa: DTZ005 - as moto has it
    change(job, "FAILED")


_taken: dict[str, int] = {}
_places = threading.Condition()


@contextlib.contextmanager
def place(job: Any) -> Iterator[None]:
    """Hold a job's vCPUs while the block lasts, waiting until its queue's machines have them."""
    queue = job.job_queue
    limits = [
        (getattr(e, "compute_resources", None) or {}).get("maxvCpus") for e in queue.environments
    ]
    most = sum(int(limit or 0) for limit in limits) if all(limits) else None
    needed = int(float(resources_of(job).get("VCPU", 1)))
    with _places:
        while most and _taken.get(queue.arn, 0) + needed > most and not job.stop:
            _places.wait(PAUSE_SECONDS)
        _taken[queue.arn] = _taken.get(queue.arn, 0) + needed
    try:
        yield
    finally:
        with _places:
            _taken[queue.arn] -= needed
            _places.notify_all()


# --- one attempt -----------------------------------------------------------------------------


def attempt(job: Any) -> bool:
    """Run a job's command once, note how it ended; whether it succeeded."""
    stream = f"{log_options(job).get('awslogs-stream-prefix', 'job')}/default/{uuid.uuid4().hex}"
    container: dict[str, Any] = {"logStreamName": stream}
    refused = _refusal(job)
    started = datetime.now()  # noqa: DTZ005
    if refused is None:
        job.job_started_at = started
        job.end = {"container": container}
        change(job, "RUNNING")
        status_reason, reason = run_container(job, stream, container)
    else:
        status_reason, reason = refused
    if reason:
        container["reason"] = reason
    job.job_stopped_at = datetime.now()  # noqa: DTZ005
    noted = {
        "container": container,
        "startedAt": models.datetime2int_milliseconds(started),
        "stoppedAt": models.datetime2int_milliseconds(job.job_stopped_at),
        "statusReason": status_reason,
    }
    job.attempts.append(noted)
    job.end = {"container": dict(container), "statusReason": status_reason}
    return container.get("exitCode") == 0 and status_reason == EXITED and not job.stop


def _refusal(job: Any) -> tuple[str, str | None] | None:
    """Say why an attempt's container would not start."""
    properties = job.job_definition.container_properties
    group = log_options(job)["awslogs-group"]
    known = logs_backends[job.backend.account_id][region_of(job)].groups
    writes = ("logs:CreateLogStream", "logs:PutLogEvents")
    role = properties.get("executionRoleArn", "")
    if group not in known or not all(rights.allowed(role, action) for action in writes):
        return NO_START, (
            "CannotStartContainerError: Error response from daemon: failed to initialize logging "
            "driver: failed to create Cloudwatch log stream: AccessDeniedException"
        )
    for volume in properties.get("volumes", []):
        efs = volume.get("efsVolumeConfiguration", {})
        point = efs.get("authorizationConfig", {}).get("accessPointId")
        points = efs_backends[job.backend.account_id][region_of(job)].access_points
        denied = not rights.allowed(
            properties.get("jobRoleArn", ""), "elasticfilesystem:ClientMount"
        )
        if point not in points or denied:
            return (
                "Error response from daemon: create ecs-job-1-database: VolumeDriver.Create: "
                "mounting volume failed: mount.nfs4: access denied by server while mounting"
            ), None
    return None


def run_container(job: Any, stream: str, container: dict[str, Any]) -> tuple[str, str | None]:
    """Run a container to its end, note its exit code; the status reason, and the container's."""
    properties = job.job_definition.container_properties
    region, account = region_of(job), job.backend.account_id
    group = log_options(job)["awslogs-group"]
    variables = {
        **functions.surroundings(region, properties["jobRoleArn"]),
        **IMAGE,
        **variables_of(job),
        "AWS_BATCH_JOB_ATTEMPT": str(len(job.attempts) + 1),
    }
    limit = timeout_of(job).get("attemptDurationSeconds")
    late = threading.Event()
    last = ""
    with tempfile.TemporaryDirectory(prefix="job-") as root:
        job.process = subprocess.Popen(
            [
                "setpriv",
                "--pdeathsig",
                "KILL",
                "unshare",
                *_ROOTLESS,
                "--mount",
                "sh",
                "-c",
                _script(job, root),
            ],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        watch = threading.Thread(target=_end_in_time, args=(job, limit, late), daemon=True)
        watch.start()
        assert job.process.stdout is not None
        for line in job.process.stdout:
            last = line.decode(errors="replace").rstrip("\n")
            functions.put_lines(account, region, group, stream, [last])
        code = job.process.wait()
    job.process = None
    if job.reclaimed:
        job.reclaimed = False
        return RECLAIMED, None
    if code == NOT_STARTED:
        return NO_START, f"CannotStartContainerError: Error response from daemon: {last}"
    container["exitCode"] = code if code >= 0 else 128 - code
    return (TIMED_OUT if late.is_set() else EXITED), None


def _end_in_time(job: Any, limit: int | None, late: threading.Event) -> None:
    process, begun = job.process, time.monotonic()
    asked: float | None = None
    while process.poll() is None:
        now = time.monotonic()
        if instance_is_gone(job):
            job.reclaimed = True
            process.kill()
            return
        if asked is None and (job.stop or (limit and now - begun > limit)):
            if not job.stop:
                late.set()
            process.send_signal(signal.SIGTERM)
            asked = now
        if asked is not None and now - asked > GRACE_SECONDS:
            process.kill()
        time.sleep(0.1)


def instance_is_gone(job: Any) -> bool:
    """Whether somebody takes the instance away; said once."""
    try:
        (_folder() / "reclaim" / job.job_id).unlink()
    except OSError:
        return False
    return True


def _script(job: Any, root: str) -> str:
    """Write the shell script that makes the container's view of the file system and enters it."""
    properties = job.job_definition.container_properties
    volumes = {volume["name"]: volume for volume in properties.get("volumes", [])}
    points = properties.get("mountPoints", [])
    scratch = properties.get("linuxParameters", {}).get("tmpfs", [])
    own = {Path(p["containerPath"]).parts[1] for p in (*points, *scratch)}
    lines = [
        "set -eu",
        f"trap 'test $? = 0 || exit {NOT_STARTED}' EXIT",
        "mount --make-rprivate /",
        f"mount -t tmpfs -o mode=755 root {root}",
    ]
    for entry in sorted(Path("/").iterdir()):
        there = shlex.quote(f"{root}/{entry.name}")
        if entry.is_symlink():
            lines.append(f"cp -P {shlex.quote(str(entry))} {there}")
        elif entry.is_dir() and entry.name not in own:
            lines.append(f"mkdir {there} && mount --rbind {shlex.quote(str(entry))} {there}")
            if entry.name not in ("proc", "dev", "sys"):
                lines.append(f"mount -o remount,bind,ro {there}")
    lines += [  # where the compiler keeps its cache, which the image has inside
        f"mount --bind {shlex.quote(str(cache))} {shlex.quote(f'{root}{cache}')}"
        for cache in (REPOSITORY / "analytics_core", Path(sys.prefix).resolve())
    ]
    for tmpfs in scratch:
        there = shlex.quote(f"{root}{tmpfs['containerPath']}")
        options = f"nosuid,nodev,mode=1777,size={tmpfs['size']}m"
        lines.append(f"mkdir -p {there} && mount -t tmpfs -o {options} scratch {there}")
    for point in points:
        there = shlex.quote(f"{root}{point['containerPath']}")
        efs = volumes[point["sourceVolume"]]["efsVolumeConfiguration"]
        here = shlex.quote(str(file_system(efs["fileSystemId"])))
        lines.append(f"mkdir -p {there} && mount --bind {here} {there}")
        writes = rights.allowed(properties["jobRoleArn"], "elasticfilesystem:ClientWrite")
        if point.get("readOnly") or not writes:
            lines.append(f"mount -o remount,bind,ro {there}")
    command = " ".join(shlex.quote(word) for word in command_of(job))
    inside = shlex.quote(f"cd {shlex.quote(IMAGE['HOME'])} && exec {command}")
    lines += [f"mount -o remount,bind,ro {root}", f"exec {_CHROOT} {root} sh -c {inside}"]
    return "\n".join(lines)


def file_system(system_id: str) -> Path:
    """Return the folder that stands for a file system, at its access point."""
    folder = _folder() / system_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _folder() -> Path:
    return Path(os.environ.get("JOBS_FOLDER", _temporary.name))


_temporary = tempfile.TemporaryDirectory(prefix="file-systems-")
_CHROOT = shutil.which("chroot", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or "chroot"
_ROOTLESS = [] if os.geteuid() == 0 else ["--map-root-user"]


# --- what the definition says ----------------------------------------------------------------


def tried_again(strategy: dict[str, Any], attempts: int, end: dict[str, Any]) -> bool:
    """Whether Batch tries again: the first rule that matches decides; where none does, it does."""
    if attempts >= int(strategy.get("attempts", 1)):
        return False
    container = end.get("container", {})
    code = container.get("exitCode")
    said = {
        "onReason": container.get("reason") or "",
        "onStatusReason": end.get("statusReason") or "",
        "onExitCode": "" if code is None else str(code),
    }
    for rule in strategy.get("evaluateOnExit", []):
        asked = {key: rule[key] for key in said if key in rule}
        if all(fnmatchcase(said[key].lower(), pattern.lower()) for key, pattern in asked.items()):
            return str(rule["action"]).upper() == "RETRY"
    return True


def _lower(value: Any) -> Any:
    """Return nested mappings with keys that begin in lower case, as the API has them."""
    if isinstance(value, dict):
        return {k[:1].lower() + k[1:]: _lower(v) for k, v in value.items()}
    return [_lower(v) for v in value] if isinstance(value, list) else value


def command_of(job: Any) -> list[str]:
    """Return the command: the submission's, the definition's, or the image's."""
    given = job.container_overrides.get("command")
    return list(given or job.job_definition.container_properties.get("command") or COMMAND)


def variables_of(job: Any) -> dict[str, str]:
    """Return what the definition, the submission and Batch itself put into the environment."""
    defined = job.job_definition.container_properties.get("environment", [])
    given = job.container_overrides.get("environment", [])
    queue = job.job_queue
    return {
        # Batch drops variables without a value (moto makes lists of them).
        **{v["name"]: v["value"] for v in (*defined, *given) if v["value"]},
        "AWS_BATCH_JOB_ID": job.job_id,
        "AWS_BATCH_JQ_NAME": queue.name,
        "AWS_BATCH_CE_NAME": queue.environments[0].name,
        **(
            {"AWS_BATCH_JOB_ARRAY_INDEX": job.job_id.partition(":")[2]} if ":" in job.job_id else {}
        ),
    }


def resources_of(job: Any) -> dict[str, str]:
    """Return what a job reserves, by kind: the submission's, else the definition's."""
    defined = job.job_definition.container_properties.get("resourceRequirements", [])
    given = job.container_overrides.get("resourceRequirements", [])
    return {need["type"]: str(need["value"]) for need in (*defined, *given)}


def timeout_of(job: Any) -> dict[str, Any]:
    """Return the time limit of an attempt."""
    found = _lower(job.timeout or job.job_definition.timeout or {})
    return {key: int(value) for key, value in found.items()}


def log_options(job: Any) -> dict[str, str]:
    """Return where the definition's log goes."""
    options: dict[str, str] = job.job_definition.container_properties["logConfiguration"]["options"]
    return options


def region_of(job: Any) -> str:
    """Return the region of a job's queue."""
    return str(job.job_queue.arn.split(":")[3])


# --- states ----------------------------------------------------------------------------------


def change(job: Any, status: str) -> None:
    """Let a job be in a state, and Batch say so."""
    job.status = status
    functions.deliver(batch_event(job), region_of(job), job.backend.account_id)


def batch_event(job: Any) -> dict[str, Any]:
    """Return the event with which Batch tells that a job changed its state."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "account": job.backend.account_id,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region_of(job),
        "resources": [job.arn],
        "detail": job.describe(),
    }


def patch() -> None:
    """Let jobs run."""
    functions.patch()
    models.Job.status = "SUBMITTED"  # moto's is a property that moves on by itself
    for name in ("__init__", "run", "terminate", "describe", "describe_short"):
        setattr(models.Job, name, vars(Job)[name])
    inner = batch_rules._submit

    def submit_job(backend: Any, *arguments: Any, **named: Any) -> Any:
        answer = inner(backend, *arguments, **named)
        job = backend.get_job_by_id(answer[1])
        if job._child_jobs:
            threading.Thread(target=follow_children, args=(job,), daemon=True).start()
        return answer

    batch_rules._submit = submit_job


if __name__ == "__main__":
    patch()
    extended_moto.main()
