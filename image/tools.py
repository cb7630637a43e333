"""The container tools of this machine, and what has to be so before they are called."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ARCHITECTURES = ("amd64", "arm64")
PACKAGES = "buildah podman runc mmdebstrap arch-test qemu-user-static binfmt-support"
EMULATORS = {"amd64": "qemu-x86_64", "arm64": "qemu-aarch64"}
BINFMT = Path("/proc/sys/fs/binfmt_misc")

REPO = Path(__file__).resolve().parents[1]
CONTEXT = REPO / "analytics_core"
RESULTS = REPO / "build" / "image"
IMAGE = "localhost/analytics-core"


class ImageError(Exception):
    """Something the image needs is missing or wrong; the message is one sentence."""


def host_architecture() -> str:
    """Return this machine's architecture by Docker's name, `amd64` or `arm64`."""
    names = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    machine = platform.machine().lower()
    if machine not in names:
        raise ImageError(f"images are built on x86-64 and ARM64 machines, not on {machine}")
    return names[machine]


def cache_folder() -> Path:
    """Return the folder, outside the repository, where base images are kept between builds."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "cocktail-analytics"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def require_tools() -> None:
    """Check that the tools are installed.

    Raises
    ------
    ImageError
        Naming those that are missing and how to get them.
    """
    missing = [name for name in ("buildah", "podman", "runc") if not shutil.which(name)]
    if missing:
        raise ImageError(f"{', '.join(missing)} not found; apt-get install {PACKAGES}")


def require_emulation(arch: str) -> None:
    """Check that programs for `arch` run here, and switch emulation on if that is all it takes.

    Raises
    ------
    ImageError
        If they do not.
    """
    if arch == host_architecture():
        return
    name = EMULATORS[arch]
    if not (BINFMT / name).exists():
        if not shutil.which("update-binfmts"):
            raise ImageError(f"no emulation of {arch} here; apt-get install {PACKAGES}")
        if not (BINFMT / "status").exists():
            call("mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT))
        call("update-binfmts", "--enable", name)
    if not (BINFMT / name).exists():
        raise ImageError(f"update-binfmts did not enable {name}")


def certificates() -> Path | None:
    """Return the bundle of certificates to trust inside the build, if this machine has its own."""
    for variable in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"):
        if os.environ.get(variable):
            return Path(os.environ[variable])
    return None


def call(*command: str, quiet: bool = False, timeout: float | None = None) -> str:
    """Run a program to its end and return what it wrote to standard output.

    Raises
    ------
    ImageError
        If it fails, with the end of what it wrote to standard error.
    """
    done = subprocess.run(  # noqa: S603 - programs of this package's own choice
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if quiet else sys.stderr,
        text=True,
        check=False,
        timeout=timeout,
    )
    if done.returncode:
        tail = "\n".join((done.stderr or "").splitlines()[-15:])
        raise ImageError(f"{' '.join(command[:3])} … ended with {done.returncode}\n{tail}".strip())
    return done.stdout


def succeeds(*command: str) -> bool:
    """Whether a program ends with 0."""
    return not subprocess.run(command, capture_output=True, check=False).returncode  # noqa: S603
