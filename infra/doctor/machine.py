"""Whether this machine can build the image: a container program, and ARM64."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.doctor.findings import Finding, ok, trouble, warning

INSTALL = (
    "docker run --privileged --rm tonistiigi/binfmt --install arm64, or "
    "apt-get install qemu-user-static binfmt-support"
)

ANSWER_SECONDS = 20
"""Docker Desktop takes its time after a start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine, as far as it matters for building.

    Attributes
    ----------
    system, processor
        As `platform` names them.
    formats
        Where Linux lists the programs that run foreign binaries.
    variables
        The environment variables.
    """

    system: str = field(default_factory=platform.system)
    processor: str = field(default_factory=platform.machine)
    formats: Path = Path("/proc/sys/fs/binfmt_misc")
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)


def regions(machine: Machine) -> Iterator[Finding]:
    """The CDK and every program on boto3 go to the same region."""
    cdk, boto = (machine.variables.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
    if cdk and boto and cdk != boto:
        yield warning(
            f"AWS_REGION is {cdk} and AWS_DEFAULT_REGION is {boto}: cdk and aws go to the first, "
            "programs in Python to the second",
            f"export AWS_DEFAULT_REGION={cdk}",
        )


def building(machine: Machine) -> Iterator[Finding]:
    """The image, which is for `linux/arm64`, can be built here."""
    program = machine.variables.get("CDK_DOCKER", "docker")
    path = shutil.which(program, path=machine.variables.get("PATH"))
    if path is None:
        yield trouble(
            f"there is no {program} on this machine; deploying builds an image",
            "install docker, or set CDK_DOCKER=podman",
        )
        return
    if not _answers(path, machine.variables):
        yield trouble(
            f"{program} is installed and does not answer; deploying builds an image",
            f"start it, until `{program} info` answers",
        )
        return
    if machine.processor.lower() in ("aarch64", "arm64"):
        yield ok(f"{program} builds linux/arm64 on this machine without emulation")
        return
    if machine.system != "Linux":
        yield ok(f"{program} brings its own emulation of linux/arm64 on {machine.system}")
        return
    entry = machine.formats / "qemu-aarch64"
    try:
        lines = entry.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags:")), "")
    if "enabled" not in lines:
        yield trouble(
            f"this {machine.processor} machine cannot run ARM64 programs, so {program} cannot "
            "build linux/arm64",
            INSTALL,
        )
    elif "F" not in flags:
        yield warning(
            "qemu-aarch64 is registered without the flag F: it is not found inside a container",
            INSTALL,
        )
    else:
        yield ok(f"{program} builds linux/arm64 on this machine under emulation")


def _answers(program: str, variables: Mapping[str, str]) -> bool:
    try:
        said = subprocess.run(  # noqa: S603 - the program that the CDK would run
            [program, "info"],
            env=dict(variables),
            capture_output=True,
            check=False,
            timeout=ANSWER_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0
