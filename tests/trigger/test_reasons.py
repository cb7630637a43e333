"""Reasons word for word as AWS gives them, and what they are turned into."""

from __future__ import annotations

import pytest

from trigger.reasons import LONGEST_READ, what_to_do, why_ended, why_waiting

NOT_STARTED = "Task failed to start"
EXITED = "Essential container in task exited"
CREATE = "Error response from daemon: create ecs-refresh-4-efs-9eb7f486c9c6ae8d4600: "
PLUGIN = "http://%2Frun%2Fdocker%2Fplugins%2Famazon-ecs-volume-plugin.sock/VolumeDriver.Create"


@pytest.mark.parametrize(
    ("status_reason", "container_reason", "says"),
    [
        (
            "Host EC2 (instance i-08784105ffff56b4f) terminated.",
            None,
            "Spot capacity was reclaimed",
        ),
        (
            NOT_STARTED,
            "CannotPullContainerError: context canceled",
            "the container image could not be pulled",
        ),
        (
            NOT_STARTED,
            (
                "CannotPullContainerError: Error response from daemon: Get https://"
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/: net/http: request canceled "
                "while waiting for connection (Client.Timeout exceeded while awaiting headers)"
            ),
            "the container image could not be pulled",
        ),
        (
            NOT_STARTED,
            (
                "CannotPullContainerError: write /var/lib/docker/tmp/GetImageBlob887491687: no "
                "space left on device"
            ),
            "did not fit on the instance's disk",
        ),
        (
            NOT_STARTED,
            (
                "CannotPullContainerError: Error response from daemon: manifest for "
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com/assets:0123 not found: manifest "
                "unknown: Requested image not found"
            ),
            "not in the registry; deploy again",
        ),
        (
            NOT_STARTED,
            "DockerTimeoutError: Could not transition to created; timed out after waiting 4m0s",
            "container service did not answer in time",
        ),
        (
            NOT_STARTED,
            "DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s",
            "container service did not answer in time",
        ),
        (
            "Could not transition to creating volume; timed out after waiting 5m0s",
            None,
            "container service did not answer in time",
        ),
        (
            NOT_STARTED,
            (
                "CannotStartContainerError: Error response from daemon: failed to create task for "
                "container: failed to create shim task: OCI runtime create failed: runc create "
                "failed: unable to start container process: exec: "
                '"/usr/local/bin/_entrypoint.sh": stat /usr/loca'
            ),
            "the container could not be started",
        ),
        (
            NOT_STARTED,
            (
                "CannotStartContainerError: Error response from daemon: failed to initialize "
                "logging driver: failed to create Cloudwatch log stream: RequestError: send "
                "request failed\ncaused by: Post https://logs.us-east-2.amazonaws.com/: dial tcp: "
                "i/o timeout"
            ),
            "the job's log could not be opened",
        ),
        (
            CREATE + "VolumeDriver.Create: mounting volume failed: mount.nfs4: Connection reset "
            "by peer",
            None,
            "the file system could not be mounted",
        ),
        (
            CREATE + f"Post {PLUGIN}: context deadline exceeded",
            None,
            "the file system could not be mounted",
        ),
        (
            CREATE + "VolumeDriver.Create: mounting volume failed: Failed to resolve "
            '"fs-02417eff7308d5026.efs.ap-northeast-1.amazonaws.com" - check that your file system '
            "ID is correct, and ensure that the VPC has an EFS mount target for this file system "
            "ID.",
            None,
            "address is unknown; look for a mount target",
        ),
        (
            CREATE + "VolumeDriver.Create: mounting volume failed: b'mount.nfs4: access denied by "
            "server while mounting 127.0.0.1:/'",
            None,
            "the file system refused the job",
        ),
        (
            (
                "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS "
                "volumes: stderr: mount.nfs4: Connection reset by peer : unsuccessful EFS utils "
                "command execution; code: 32"
            ),
            None,
            "the file system could not be mounted",
        ),
        (
            EXITED,
            (
                "CannotInspectContainerError: Could not transition to inspecting; timed out after "
                "waiting 30s"
            ),
            "the container ended, but the instance did not say in time how",
        ),
        (
            "CgroupError: Agent could not create task's platform resources",
            None,
            "surroundings could not be prepared",
        ),
        (
            (
                "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/job' that was "
                "provided for this task. Please verify that the role being passed has the proper "
                "trust relationship and permissions and that your IAM user has permissions to pass "
                "this role."
            ),
            None,
            "could not be assumed",
        ),
        (
            NOT_STARTED,
            (
                "CannotStartContainerError: Error response from daemon: exec /usr/bin/python: exec "
                "format error"
            ),
            "built for another processor",
        ),
        (
            EXITED,
            "OutOfMemoryError: Container killed due to memory usage",
            "out of memory; give the job more memory",
        ),
        (NOT_STARTED, None, "the container could not be started"),
    ],
)
def test_why_an_attempt_without_an_exit_code_ended(
    status_reason: str, container_reason: str | None, says: str
) -> None:
    container = {} if container_reason is None else {"reason": container_reason}
    said = why_ended({"statusReason": status_reason, "container": container})
    assert says in said
    assert "Error" not in said


@pytest.mark.parametrize(
    ("status_reason", "says", "advises"),
    [
        (
            (
                "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity "
                "requested for instance type [c7g.medium]"
            ),
            "no Spot capacity yet",
            "on_demand_fallback",
        ),
        (
            (
                "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) associated with the job "
                "queue cannot meet the CPU requirement of the job."
            ),
            "stuck: the job needs more vCPUs",
            "Raise max_vcpus",
        ),
        (
            (
                "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement "
                "(vCPU/memory/GPU) is higher than that can be met by the CE(s) attached to the job "
                "queue."
            ),
            "stuck: no listed instance",
            "memory_mib",
        ),
        (
            "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS - Batch service role has a permission issue",
            "stuck: Batch lacks a right",
            "AWSServiceRoleForBatch",
        ),
        (
            "ACTION_REQUIRED - CE(s) associated with the job queue are invalid.",
            "stuck: the compute environment is invalid",
            "describe-compute-environments",
        ),
        (
            "UNDETERMINED - Batch job is blocked, root cause is undetermined.",
            "blocked; Batch cannot say why",
            "quotas",
        ),
        ("MISCONFIGURATION:SOMETHING_NEW - text", "stuck: the compute", "what Batch says"),
        ("A reason of next year", "A reason of next year", "console"),
    ],
)
def test_why_a_job_waits_and_what_to_do(status_reason: str, says: str, advises: str) -> None:
    record = {"status": "RUNNABLE", "statusReason": status_reason}
    assert says in why_waiting(record)
    assert advises in what_to_do(record)


def test_an_exit_code_of_0_of_a_job_that_failed_is_not_called_done() -> None:
    said = why_ended({"statusReason": EXITED, "container": {"exitCode": 0}})
    assert said == ("the container ended without an error (exit 0), but Batch counts it as failed")


def test_a_reason_without_end_is_read_so_far_and_quickly() -> None:
    """Whoever terminates a job gives the reason; patterns must not go through it for minutes."""
    import time

    for piece in ("JobStateTimeLimit ", "CannotPullContainerError manifest ", "x"):
        started = time.process_time()
        said = why_ended({"statusReason": piece * (200_000 // len(piece))})
        assert time.process_time() - started < 1
        assert len(said) <= LONGEST_READ
