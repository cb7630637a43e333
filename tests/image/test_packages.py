"""The packages of the ARM64 image, by far its largest part, as any machine can install them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from image.budget import BUDGET_MB, REST_MB, compressed_sizes, hold, table
from image.tools import CONTEXT, ImageError

PROGRAM = CONTEXT / "container" / "packages.py"
LOCK = CONTEXT / "requirements.lock"


def install(arch: str, lock: Path, site: Path) -> subprocess.CompletedProcess[str]:
    line: list[str | Path] = [sys.executable, PROGRAM, arch, lock, site]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image") / "site"
    done = install("arm64", LOCK, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_dependency_of_the_package_is_pinned() -> None:
    project = tomllib.loads((CONTEXT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[^A-Za-z0-9-]", line, maxsplit=1)[0] for line in project["dependencies"]}
    pinned = set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(), re.MULTILINE))
    assert len(wanted) > 5
    assert {name.lower() for name in wanted} <= pinned


@pytest.mark.slow
def test_packages_leave_room_in_the_budget(site: Path) -> None:
    sizes = compressed_sizes(site)
    hold(
        sum(sizes.values()),
        what="what the ARM64 image installs",
        budget=BUDGET_MB - REST_MB,
        largest=lambda: table(sizes),
    )
    with pytest.raises(ImageError, match=r"is \d+ MB, over the budget of 100 MB(.|\n)*llvmlite"):
        hold(sum(sizes.values()), what="this", budget=100, largest=lambda: table(sizes))


@pytest.mark.slow
def test_packages_are_for_arm_and_without_what_the_job_never_reads(site: Path) -> None:
    compiled = list(site.rglob("*.so"))
    assert len(compiled) > 100
    for path in compiled:
        assert path.read_bytes()[18:20] == b"\xb7\x00", f"{path.name} is not for AArch64"
    assert not list(site.rglob("*.pyi"))
    assert not [name for name in ("bin",) if (site / name).exists()]
    assert (site / "numba").is_dir()
    services = {p.name for p in (site / "botocore" / "data").iterdir() if p.is_dir()}
    assert services == {"s3", "sts"}


@pytest.mark.slow
def test_wheel_with_another_checksum_is_refused(tmp_path: Path) -> None:
    pin = next(line for line in LOCK.read_text().splitlines() if line.startswith("jmespath=="))
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"{pin.split()[0]} --hash=sha256:{'0' * 64}\n")
    done = install("arm64", lock, tmp_path / "site")
    assert done.returncode != 0
    assert "HASH" in done.stderr.upper()
    assert not (tmp_path / "site" / "jmespath").exists()


def test_unknown_architecture_is_one_sentence(tmp_path: Path) -> None:
    done = install("riscv64", LOCK, tmp_path / "site")
    assert done.returncode == 1
    assert done.stderr.strip() == "the image is built for amd64 and arm64, not for 'riscv64'"
