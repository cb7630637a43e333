"""A base image made from Debian's packages, for machines that reach no image registry.

It stands in for the official `python:3.13-slim-trixie`, the Dockerfile's default: the same Debian
release, the same Python minor version. Where a registry is within reach, `--base-image` names it.
"""

# ruff: noqa: T201 - what it prints is for the terminal of the build

from __future__ import annotations

import shutil
import time
from pathlib import Path

from image.tools import PACKAGES, ImageError, cache_folder, call, require_emulation, succeeds

NAME = "localhost/cocktail-analytics-base"
RELEASE = "trixie"
CONTENTS = "python3,python3-venv,ca-certificates"


def sources() -> tuple[str, ...]:
    """Debian's package sources for the release, at the mirrors that this machine's apt uses."""
    sites = call("apt-get", "indextargets", "--format", "$(SITE)", quiet=True).split()
    main = [site for site in sites if site.rstrip("/").endswith("/debian")]
    if not main:
        raise ImageError("apt knows no Debian mirror; run apt-get update, or use --base-image NAME")
    security = [site for site in sites if site.rstrip("/").endswith("/debian-security")]
    lines = [f"deb {main[0]} {RELEASE} main"]
    lines += [f"deb {site} {RELEASE}-security main" for site in security[:1]]
    return tuple(lines)


def ensure_base(*architectures: str) -> str:
    """Make what is missing of the base images and return the name that stands for all of them.

    The name is a manifest list, so that one build can start from two architectures.
    """
    listed = f"{NAME}:{RELEASE}"
    fresh = not succeeds("buildah", "manifest", "inspect", listed)
    if fresh:
        call("buildah", "manifest", "create", listed, quiet=True)
    members = call("buildah", "manifest", "inspect", listed, quiet=True)
    for arch in architectures:
        name = f"{NAME}:{arch}"
        if not succeeds("podman", "image", "exists", name):
            tarball = _tarball(arch)
            call("podman", "import", "-q", "--os=linux", f"--arch={arch}", str(tarball), name)
        if f'"architecture": "{arch}"' not in members:
            call("buildah", "manifest", "add", f"--arch={arch}", "--os=linux", listed, name)
    return listed


def _tarball(arch: str) -> Path:
    """Return the root file system as a file in the cache, made first if need be."""
    target = cache_folder() / f"base-{arch}.tar"
    if target.exists():
        return target
    if not shutil.which("mmdebstrap"):
        raise ImageError(f"mmdebstrap not found; apt-get install {PACKAGES}")
    require_emulation(arch)
    # mmdebstrap decides by the suffix that an archive is wanted, not a folder
    unfinished = target.with_name(f"unfinished-{arch}.tar")
    started = time.monotonic()
    call(
        *("mmdebstrap", "--quiet", f"--arch={arch}", "--variant=minbase"),
        *(f"--include={CONTENTS}", '--aptopt=APT::Install-Recommends "false"'),
        *(RELEASE, str(unfinished), *sources()),
    )
    unfinished.replace(target)
    print(f"base {arch}: {time.monotonic() - started:.0f} s, kept in {target.parent}")
    return target
