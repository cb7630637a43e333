"""Pre-flight rules on Batch: what it refuses to register, and jobs that would wait for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra.environments import Environment
from infra.facts import (
    AGENT_SHARE,
    ARM64_TYPE,
    INSTANCE_CAPACITY,
)
from infra.rules_common import COMPUTE_ENVIRONMENT, JOB_DEFINITION, Rule, Trouble, trouble
from infra.templates import Resource, StackTemplates


def efs_mounts(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Access point, authorization, encryption; each mount has its volume."""
    for job in stack.resources(JOB_DEFINITION):
        container = job.properties["ContainerProperties"]
        volumes = {volume["Name"]: volume for volume in container.get("Volumes", [])}
        for point in container.get("MountPoints", []):
            if point.get("SourceVolume") not in volumes:
                yield trouble(
                    "mount-volume",
                    job,
                    f"{point.get('ContainerPath')} mounts {point.get('SourceVolume')!r}, which is "
                    "no volume of the job: Batch refuses it. Name one of Volumes.",
                )
        for volume in volumes.values():
            efs = volume.get("EfsVolumeConfiguration")
            if efs is None:
                continue
            access = efs.get("AuthorizationConfig", {})
            if access.get("AccessPointId") and efs.get("RootDirectory", "/") != "/":
                yield trouble(
                    "efs-root",
                    job,
                    "an access point has its own root; with RootDirectory beside it, registration "
                    "fails. Leave RootDirectory out.",
                )
            if access and efs.get("TransitEncryption") != "ENABLED":
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
    """Graviton, and nothing else."""
    for compute in stack.resources(COMPUTE_ENVIRONMENT):
        for kind in compute.properties.get("ComputeResources", {}).get("InstanceTypes", []):
            if not re.fullmatch(ARM64_TYPE, kind):
                yield trouble(
                    "arm64-only",
                    compute,
                    f"{kind!r} is x86, or of any kind: mixed with ARM64 types the environment is "
                    "INVALID, alone it cannot run the image. List ARM64 types with their sizes.",
                )


def job_fits(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Some listed type can hold each job, the agent's share taken off."""
    for job in stack.resources(JOB_DEFINITION):
        vcpus, memory = requirements(job)
        for compute in stack.resources(COMPUTE_ENVIRONMENT):
            resources = compute.properties.get("ComputeResources", {})
            fits = [
                kind
                for kind in resources.get("InstanceTypes", [])
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
                    f"agent, so {job} stays RUNNABLE for ever. Lower its numbers, raise max_vcpus, "
                    "or list a larger type.",
                )


def requirements(job: Resource) -> tuple[float, float]:
    """Return a job's vCPUs and memory in MiB."""
    needs = {
        need["Type"]: float(need["Value"])
        for need in job.properties["ContainerProperties"].get("ResourceRequirements", [])
    }
    return needs.get("VCPU", 0), needs.get("MEMORY", 0)


BATCH_RULES: tuple[Rule, ...] = (efs_mounts, architecture, job_fits)
