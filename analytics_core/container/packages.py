"""Installs the pinned packages for one architecture and takes out what the job never reads.

Wheels are unpacked, not built, so that any machine does this for any other. Only whole kinds of
files go: tests, type stubs, sources and headers of compiled modules, data sets, and the
descriptions of the AWS services that the job does not call.
"""

# ruff: noqa: T201 - what it prints is for the terminal of the build

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PYTHON = "3.13"
"""That of the base."""

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
TAGS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_17", "manylinux2014")
"""Wheels for a C library that old run on the base."""

SERVICES = {"s3", "sts"}
"""What the job calls; the rest of botocore's descriptions is 25 MB."""

SUFFIXES = {".pyi", ".pyx", ".pxd", ".pxi", ".c", ".cc", ".cpp", ".h", ".hpp", ".f90", ".a", ".tp"}
FOLDERS = {"tests", "__pycache__"}
WHOLE = ("bin",)
KEEP = ("numpy/_core/tests/_natype.py",)
"""`numpy.testing` imports it, and `scipy` imports `numpy.testing`."""


def main(arch: str, lock: Path, site: Path) -> None:
    """Install what `lock` pins into the folder `site`, for `amd64` or `arm64`, and slim it."""
    if arch not in MACHINES:
        sys.exit(f"the image is built for {' and '.join(MACHINES)}, not for {arch!r}")
    install(arch, lock, site)
    before = _size(site)
    slim(site)
    print(f"packages: {before / 1e6:.0f} MB, slimmed to {_size(site) / 1e6:.0f} MB")


def install(arch: str, lock: Path, site: Path) -> None:
    """Unpack the pinned wheels, each checked by its checksum."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-compile"]
    command += ["--only-binary=:all:", "--no-deps", "--require-hashes", f"--requirement={lock}"]
    command += [f"--target={site}", f"--python-version={PYTHON}", "--implementation=cp"]
    command += [f"--platform={tag}_{MACHINES[arch]}" for tag in TAGS]
    subprocess.run(command, check=True)  # noqa: S603 - pip, with this program's own words


def slim(site: Path) -> None:
    """Take out what is not needed."""
    for name in WHOLE:
        for folder in site.glob(name):
            shutil.rmtree(folder)
    for service in (site / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)
    for path in sorted(site.rglob("*"), reverse=True):
        relative = path.relative_to(site)
        if relative.as_posix() in KEEP:
            continue
        if path.is_dir():
            # empty folders stay only where something is kept
            if FOLDERS & set(relative.parts) and not any(path.iterdir()):
                path.rmdir()
        elif path.suffix in SUFFIXES or FOLDERS & set(relative.parts[:-1]):
            path.unlink()


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
