"""Runs of the built images that the tests share; `make image-test` builds the images first."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from image.compare import documents
from image.run import Finished, container
from image.tools import CONTEXT, IMAGE, RESULTS, host_architecture, require_emulation, succeeds

HERE = Path(__file__).parent
HOST = host_architecture()
THREADS = {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
JOB = {"DB_PATH": "/mnt/efs/cocktails.db", "ANALYTICS_OUTPUT": "/out", "ANALYTICS_THREADS": "1"}
COUNT = ["python", "/tools/count_compilations.py", "refresh"]


@dataclass(frozen=True)
class Run:
    """A refresh in a container."""

    finished: Finished
    seconds: float
    folder: Path

    @property
    def documents(self) -> dict[str, bytes]:
        assert self.finished.code == 0, self.finished.stderr[-3000:]
        return documents(self.folder)

    @property
    def compiled(self) -> list[str]:
        lines = self.finished.stderr.splitlines()
        found = [line.removeprefix("COMPILED ") for line in lines if line.startswith("COMPILED ")]
        assert f"COMPILATIONS {len(found)}" in lines, "the run did not count"
        return found


def image_of(arch: str) -> str:
    require_emulation(arch)
    name = f"{IMAGE}:{arch}"
    made = "make image" if arch == HOST else "make image-arm64"
    assert succeeds("podman", "image", "exists", name), f"{name} is not built; {made}"
    return name


@pytest.fixture(scope="session")
def host_image() -> str:
    return image_of(HOST)


@pytest.fixture(scope="session")
def arm_image() -> str:
    return image_of("arm64")


@pytest.fixture(scope="session")
def efs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that stands for the file system, with the sample database."""
    folder = tmp_path_factory.mktemp("efs")
    database = folder / "cocktails.db"
    program = Path(sys.executable).with_name("analytics-core")
    subprocess.run([program, "sample-db", str(database)], check=True, capture_output=True)
    database.chmod(0o644)
    folder.chmod(0o755)
    return folder


def refresh(
    image: str, arch: str, efs: Path, out: Path, arguments: Sequence[str] = (), **more: Any
) -> Run:
    volumes = {"/mnt/efs": efs, "/tools": HERE, **more.pop("volumes", {})}
    environment = {**JOB, **THREADS, **more.pop("environment", {})}
    started = time.monotonic()
    finished = container(
        image,
        arch,
        arguments,
        volumes=volumes,
        outputs={"/out": out},
        environment=environment,
        **more,
    )
    return Run(finished, time.monotonic() - started, out)


def record(name: str, **figures: object) -> None:
    """Keep what was measured, for docs/image.md."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / "measured.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, name: figures}, indent=1) + "\n")


@pytest.fixture(scope="session")
def host_run(host_image: str, efs: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The image's own command, as Batch runs it."""
    run = refresh(host_image, HOST, efs, tmp_path_factory.mktemp("host") / "out")
    record(f"refresh {HOST}", seconds=round(run.seconds, 1))
    return run


@pytest.fixture(scope="session")
def counted_run(host_image: str, efs: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = refresh(host_image, HOST, efs, tmp_path_factory.mktemp("counted") / "out", COUNT)
    record(f"compilations {HOST}", compiled=run.compiled, seconds=round(run.seconds, 1))
    return run


@pytest.fixture(scope="session")
def source_run(host_image: str, efs: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same interpreter and libraries, but the package from the source tree, compiled anew."""
    return refresh(
        host_image,
        HOST,
        efs,
        tmp_path_factory.mktemp("source") / "out",
        volumes={"/source": CONTEXT / "src"},
        environment={"PYTHONPATH": "/source", "ANALYTICS_PAGE": "0"},
    )


@pytest.fixture(scope="session")
def arm_run(arm_image: str, efs: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = refresh(arm_image, "arm64", efs, tmp_path_factory.mktemp("arm") / "out", COUNT)
    record("compilations arm64", compiled=run.compiled, seconds=round(run.seconds, 1))
    return run
