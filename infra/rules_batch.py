"""Pre-flight rules on Batch: retries, mounts, instances, queue, container."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra.environments import Environment
from infra.rules_common import (
    COMPUTE_ENVIRONMENT,
    JOB_DEFINITION,
    JOB_QUEUE,
    Rule,
    Trouble,
    as_list,
    trouble,
)
from infra.templates import Json, Resource, StackTemplates

# vCPUs and MiB of the instance types this project lists.
INSTANCE_CAPACITY = {
    "c7g.medium": (1, 2048),
    "c7g.large": (2, 4096),
    "c7g.xlarge": (4, 8192),
    "c7g.2xlarge": (8, 16384),
}
AGENT_SHARE = 0.1
"""Part of an instance's memory that the operating system and the ECS agent keep."""

ARM64_FAMILY = re.compile(r"(a1|[a-z]+\d+g[a-z]*)(\.\w+)?$")

EXPECTED_RETRIES: list[Json] = [
    {"Action": "RETRY", "OnStatusReason": "Host EC2*"},
    {"Action": "RETRY", "OnReason": "CannotPullContainerError*"},
    {"Action": "RETRY", "OnExitCode": "75"},
    {"Action": "EXIT", "OnReason": "*"},
]


def retry_patterns(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 1: what a retry rule's pattern may be made of."""
    reason = re.compile(r"[A-Za-z0-9.:\s]*\*?")
    shapes = {
        "OnReason": reason,
        "OnStatusReason": reason,
        "OnExitCode": re.compile(r"[0-9]*\*?"),
    }
    for job in stack.resources(JOB_DEFINITION):
        for rule in job.properties.get("RetryStrategy", {}).get("EvaluateOnExit", []):
            for key, shape in shapes.items():
                value = rule.get(key)
                if value is not None and (not shape.fullmatch(value) or len(value) > 512):
                    yield trouble(
                        "retry-pattern",
                        job,
                        f"{key} {value!r} is refused by Batch: only letters, digits, '.', ':' and "
                        "white space (exit codes: digits), and one '*', at the end. "
                        "Write 'Host EC2*' for a reclaimed Spot instance.",
                    )


def retry_order(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 2: what is retried, and that nothing else is."""
    for job in stack.resources(JOB_DEFINITION):
        strategy = job.properties.get("RetryStrategy", {})
        rules = strategy.get("EvaluateOnExit", [])
        if rules != EXPECTED_RETRIES:
            yield trouble(
                "retry-order",
                job,
                "Batch retries whatever no rule matches, in the order given. Keep: Host EC2* "
                "RETRY, CannotPullContainerError* RETRY, exit code 75 RETRY, last reason * EXIT.",
            )
        if len(rules) > 5:
            yield trouble("retry-limits", job, "Batch refuses more than 5 retry rules; drop some.")
        if not 1 <= strategy.get("Attempts", 0) <= 10:
            yield trouble(
                "retry-limits",
                job,
                "without 1 to 10 Attempts, Batch refuses the definition or never retries.",
            )


def efs_mounts(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rules 3 and 4: access point, authorization, encryption; each mount has its volume."""
    for job in stack.resources(JOB_DEFINITION):
        container = job.properties["ContainerProperties"]
        volumes = {volume["Name"]: volume for volume in container.get("Volumes", [])}
        for point in container.get("MountPoints", []):
            volume = volumes.get(point.get("SourceVolume"))
            if volume is None:
                yield trouble(
                    "mount-volume",
                    job,
                    f"{point.get('ContainerPath')} mounts {point.get('SourceVolume')!r}, which is "
                    "no volume of the job: Batch refuses it. Name one of Volumes.",
                )
            elif "EfsVolumeConfiguration" in volume and point.get("ReadOnly") is not True:
                yield trouble(
                    "mount-read-only",
                    job,
                    "the database is mounted writable; the job only reads. Set ReadOnly.",
                )
        for volume in volumes.values():
            efs = volume.get("EfsVolumeConfiguration")
            if efs is None:
                continue
            access = efs.get("AuthorizationConfig", {})
            encrypted = efs.get("TransitEncryption") == "ENABLED"
            if access.get("AccessPointId") and efs.get("RootDirectory", "/") != "/":
                yield trouble(
                    "efs-root",
                    job,
                    "an access point has its own root; with RootDirectory beside it, registration "
                    "fails. Leave RootDirectory out.",
                )
            if access and not encrypted:
                yield trouble(
                    "efs-encryption",
                    job,
                    "an access point or IAM needs TransitEncryption ENABLED, else registration "
                    "fails.",
                )
            if access.get("Iam") != "ENABLED":
                yield trouble(
                    "efs-iam", job, "without Iam ENABLED the mount is anonymous and is refused."
                )
            elif not container.get("JobRoleArn"):
                yield trouble(
                    "efs-iam", job, "EFS with IAM needs a job role, else the mount fails."
                )


def architecture(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 5: Graviton, and nothing else."""
    for compute in stack.resources(COMPUTE_ENVIRONMENT):
        resources = compute.properties.get("ComputeResources", {})
        for kind in resources.get("InstanceTypes", []):
            if not ARM64_FAMILY.match(kind):
                yield trouble(
                    "arm64-only",
                    compute,
                    f"{kind!r} is x86: mixed with c7g the environment is INVALID, alone it cannot "
                    "run the image. Set use_optimal_instance_classes=False and list c7g only.",
                )
        images = [entry.get("ImageType") for entry in resources.get("Ec2Configuration", [])]
        if images != ["ECS_AL2023"]:
            yield trouble(
                "ecs-al2023", compute, f"the machine image is {images}; name ECS_AL2023 alone."
            )


def job_fits(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 6: at least one listed type can hold the job, the agent's share taken off."""
    for job in stack.resources(JOB_DEFINITION):
        vcpus, memory = requirements(job)
        tmpfs = scratch_mib(job)
        if tmpfs > memory / 2:
            yield trouble(
                "scratch-memory",
                job,
                f"scratch space of {tmpfs} MiB counts in the job's {memory:.0f} MiB and leaves too "
                "little; the job would be killed. Raise memory_mib or lower scratch_mib.",
            )
        for compute in stack.resources(COMPUTE_ENVIRONMENT):
            resources = compute.properties.get("ComputeResources", {})
            kinds = resources.get("InstanceTypes", [])
            fits = [
                kind
                for kind in kinds
                if kind not in INSTANCE_CAPACITY
                or (
                    vcpus <= INSTANCE_CAPACITY[kind][0]
                    and memory <= INSTANCE_CAPACITY[kind][1] * (1 - AGENT_SHARE)
                )
            ]
            if not fits or vcpus > resources.get("MaxvCpus", 0):
                yield trouble(
                    "job-fits",
                    compute,
                    f"no listed instance holds {vcpus:g} vCPUs and {memory:.0f} MiB beside the ECS "
                    "agent: the job stays RUNNABLE for ever. Lower the job's numbers, or list a "
                    "larger type.",
                )


def requirements(job: Resource) -> tuple[float, float]:
    """Return a job's vCPUs and memory in MiB."""
    needs = {
        need["Type"]: float(need["Value"])
        for need in job.properties["ContainerProperties"].get("ResourceRequirements", [])
    }
    return needs.get("VCPU", 0), needs.get("MEMORY", 0)


def scratch_mib(job: Resource) -> int:
    """Return the size of a job's memory-backed folders, in MiB."""
    linux = job.properties["ContainerProperties"].get("LinuxParameters", {})
    return sum(int(entry["Size"]) for entry in linux.get("Tmpfs", []))


def no_physical_names(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 10: names collide on replacement."""
    names = {
        COMPUTE_ENVIRONMENT: "ComputeEnvironmentName",
        JOB_QUEUE: "JobQueueName",
        JOB_DEFINITION: "JobDefinitionName",
    }
    for resource in stack.resources(*names):
        if names[resource.type] in resource.properties:
            yield trouble(
                "physical-name",
                resource,
                f"{names[resource.type]} is fixed: a replacement collides with what it replaces, "
                "and the stack can neither update nor delete. Leave the name out.",
            )


def capacity(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rules 11 and 12: no role overrides; Spot by price and capacity, wide, down to zero."""
    for compute in stack.resources(COMPUTE_ENVIRONMENT):
        properties = compute.properties
        resources = properties.get("ComputeResources", {})
        strategy = resources.get("AllocationStrategy")
        spot = resources.get("Type") == "SPOT"
        if "ServiceRole" in properties:
            yield trouble(
                "service-role",
                compute,
                "a ServiceRole makes updates replace the environment; leave it to the "
                "service-linked role.",
            )
        if "SpotIamFleetRole" in resources and strategy != "BEST_FIT":
            yield trouble("spot-role", compute, "SpotIamFleetRole is for BEST_FIT only; drop it.")
        if spot and strategy != "SPOT_PRICE_CAPACITY_OPTIMIZED":
            yield trouble(
                "spot-strategy",
                compute,
                f"{strategy} starves for Spot pools; use SPOT_PRICE_CAPACITY_OPTIMIZED.",
            )
        if resources.get("MinvCpus", 0) != 0:
            yield trouble(
                "scale-to-zero", compute, "MinvCpus above 0 pays for idle machines; set 0."
            )
        if resources.get("MinvCpus", 0) > resources.get("MaxvCpus", 0):
            yield trouble("vcpu-range", compute, "MinvCpus exceeds MaxvCpus; Batch refuses it.")
        wide = len(resources.get("Subnets", [])) > 1 and len(resources.get("InstanceTypes", [])) > 1
        if not wide:
            yield trouble(
                "spot-pools",
                compute,
                "one zone or one size leaves Spot without a choice; give two of each or more.",
            )


def limits(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 13: nothing waits or runs for ever."""
    for job in stack.resources(JOB_DEFINITION):
        if job.properties.get("Timeout", {}).get("AttemptDurationSeconds", 0) < 60:
            yield trouble(
                "job-timeout",
                job,
                "without an attempt duration (60 s at least) a job that hangs runs, and is paid, "
                "for ever. Set Timeout.AttemptDurationSeconds.",
            )
    for queue in stack.resources(JOB_QUEUE):
        actions = queue.properties.get("JobStateTimeLimitActions", [])
        if not any(action.get("State") == "RUNNABLE" for action in actions):
            yield trouble(
                "stuck-jobs",
                queue,
                "a job that finds no capacity waits unnoticed for ever. Set "
                "JobStateTimeLimitActions for RUNNABLE.",
            )


def hardening(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 14: no credentials within reach of the container."""
    for template in stack.resources("AWS::EC2::LaunchTemplate"):
        data = template.properties["LaunchTemplateData"]
        metadata = data.get("MetadataOptions", {})
        if metadata.get("HttpTokens") != "required" or metadata.get("HttpPutResponseHopLimit") != 1:
            yield trouble(
                "imdsv2",
                template,
                "the container could ask for the instance's credentials. Require HttpTokens and "
                "set HttpPutResponseHopLimit 1.",
            )
        disks = [mapping.get("Ebs", {}) for mapping in data.get("BlockDeviceMappings", [])]
        if not disks or not all(disk.get("Encrypted") is True for disk in disks):
            yield trouble("encrypted-volume", template, "the volume is not encrypted; set it.")
    for compute in stack.resources(COMPUTE_ENVIRONMENT):
        if not compute.properties.get("ComputeResources", {}).get("LaunchTemplate"):
            yield trouble(
                "launch-template",
                compute,
                "without the launch template, instances come up with open metadata; name it.",
            )
    for job in stack.resources(JOB_DEFINITION):
        container = job.properties["ContainerProperties"]
        if container.get("Privileged", False):
            yield trouble("privileged", job, "a privileged container owns its host; switch it off.")
        if container.get("ReadonlyRootFilesystem") is not True:
            yield trouble("read-only-root", job, "the container can rewrite itself; set it.")
        if str(container.get("User", "root")).split(":")[0] in ("root", "0", ""):
            yield trouble("plain-user", job, "the container runs as root; name a plain user.")


def log_group(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 15: the log group is the stack's, with a retention."""
    for job in stack.resources(JOB_DEFINITION):
        configuration = job.properties["ContainerProperties"].get("LogConfiguration", {})
        group = stack.named(job.template, configuration.get("Options", {}).get("awslogs-group"))
        if group is None or group.type != "AWS::Logs::LogGroup":
            yield trouble(
                "log-group",
                job,
                "without a log group of the stack in LogConfiguration, Batch writes to "
                "/aws/batch/job, for ever, or refuses. Name awslogs-group.",
            )
    for group in stack.resources("AWS::Logs::LogGroup"):
        if "RetentionInDays" not in group.properties:
            yield trouble("log-retention", group, "logs are kept, and paid, for ever; set days.")


def image(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 19: content-addressed, for ARM64."""
    for job in stack.resources(JOB_DEFINITION):
        reference = job.properties["ContainerProperties"].get("Image")
        text = str(reference.get("Fn::Sub", "") if isinstance(reference, dict) else reference)
        if not re.search(r"(:[0-9a-f]{64}|@sha256:[0-9a-f]{64})$", text):
            yield trouble(
                "image-tag",
                job,
                f"image {text!r} may change under the same name, which leaves no way back. Use "
                "the asset's hash.",
            )
    for source in stack.images.values():
        if source.get("platform") != "linux/arm64":
            yield trouble(
                "image-platform",
                stack.name,
                "the image is built for the machine that builds it; on Graviton an x86 image ends "
                "with 'exec format error'. Set platform=LINUX_ARM64.",
            )


def threads(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 20: threads come from the job's vCPUs, not from the host's."""
    for job in stack.resources(JOB_DEFINITION):
        variables = {
            entry["Name"]: entry["Value"]
            for entry in as_list(job.properties["ContainerProperties"].get("Environment"))
        }
        vcpus, _memory = requirements(job)
        for name in ("ANALYTICS_THREADS", "NUMBA_NUM_THREADS"):
            if variables.get(name) != f"{vcpus:g}":
                yield trouble(
                    "threads",
                    job,
                    f"{name} is {variables.get(name)!r} for {vcpus:g} vCPUs: the job would start a "
                    "thread for each processor of the host. Make them equal.",
                )


BATCH_RULES: tuple[Rule, ...] = (
    retry_patterns,
    retry_order,
    efs_mounts,
    architecture,
    job_fits,
    no_physical_names,
    capacity,
    limits,
    hardening,
    log_group,
    image,
    threads,
)
