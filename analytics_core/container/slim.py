"""Takes out of the installed packages what the job never reads. Prints what that saved.

Only whole kinds of files go: tests, type stubs, sources and headers of compiled modules, data
sets, and the descriptions of the AWS services that the job does not call.
"""

# ruff: noqa: T201 - what it prints is for the terminal of the build

from __future__ import annotations

import shutil
import sys
from pathlib import Path

SERVICES = {"s3", "sts"}
"""What the job calls; the rest of botocore's descriptions is 25 MB."""

SUFFIXES = {".pyi", ".pyx", ".pxd", ".pxi", ".c", ".cc", ".cpp", ".h", ".hpp", ".f90", ".a", ".tp"}
FOLDERS = {"tests", "__pycache__"}
WHOLE = ("bin", "sklearn/datasets/data", "sklearn/datasets/images", "sklearn/datasets/descr")
KEEP = ("numpy/_core/tests/_natype.py",)
"""`numpy.testing` imports it, and `scipy` imports `numpy.testing`."""


def main(site: Path) -> None:
    """Slim the packages below the folder `site`."""
    before = _size(site)
    for name in WHOLE:
        shutil.rmtree(site / name, ignore_errors=True)
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
    after = _size(site)
    print(f"packages: {before / 1e6:.0f} MB, slimmed to {after / 1e6:.0f} MB")


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
