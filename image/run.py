"""Run the image under limits at least as hard as those of the deployed job."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

USER = 10001
SCRATCH_MIB = 256
MEMORY_MIB = 2048
"""Those of the smaller environment, `DEV` in `infra/environments.py`."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a container ended."""

    code: int
    stdout: str
    stderr: str


def command(
    image: str,
    arch: str,
    arguments: Sequence[str] = (),
    *,
    volumes: Mapping[str, Path] | None = None,
    outputs: Mapping[str, Path] | None = None,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    scratch_mib: int = SCRATCH_MIB,
) -> list[str]:
    """Return the command that runs `image`.

    Parameters
    ----------
    image, arch
        Which one, and the architecture it is for.
    arguments
        The program and its arguments; the image's own command by default.
    volumes, outputs
        Folders of this machine by their path in the container, read-only and writable.
    environment
        Variables of the job.
    options
        More of podman's own.
    scratch_mib
        How much `/scratch` holds.
    """
    line = ["podman", "--runtime=runc", "run", "--rm", f"--platform=linux/{arch}", "--pull=never"]
    line += ["--read-only", "--read-only-tmpfs=false", f"--user={USER}", "--cap-drop=all"]
    line += ["--security-opt=no-new-privileges", "--network=none", f"--memory={MEMORY_MIB}m"]
    line += ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000", "--init=false"]
    line += [f"--tmpfs=/scratch:rw,nosuid,nodev,size={scratch_mib}m,mode=1777"]
    line += [f"--volume={folder}:{path}:ro" for path, folder in (volumes or {}).items()]
    line += [f"--volume={folder}:{path}:rw" for path, folder in (outputs or {}).items()]
    line += [f"--env={name}={value}" for name, value in (environment or {}).items()]
    return [*line, *options, image, *arguments]


def container(
    image: str,
    arch: str,
    arguments: Sequence[str] = (),
    *,
    volumes: Mapping[str, Path] | None = None,
    outputs: Mapping[str, Path] | None = None,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    scratch_mib: int = SCRATCH_MIB,
    timeout: float = 1800,
) -> Finished:
    """Run `image` to its end; see `command` for the parameters."""
    for folder in (outputs or {}).values():
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder, USER, USER)
    line = command(
        image,
        arch,
        arguments,
        volumes=volumes,
        outputs=outputs,
        environment=environment,
        options=options,
        scratch_mib=scratch_mib,
    )
    done = subprocess.run(  # noqa: S603 - the line is made above
        line, capture_output=True, text=True, check=False, timeout=timeout
    )
    return Finished(done.returncode, done.stdout, done.stderr)
