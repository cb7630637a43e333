"""How the image behaves as a container: limits, signals, exit codes, warm caches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from analytics_core.sample import write_sample_database
from image.budget import BUDGET_MB
from image.build import largest_packages
from image.run import command, container
from image.tools import RESULTS
from tests.image.conftest import Run

from .conftest import HOST, JOB, THREADS, refresh

pytestmark = pytest.mark.image

COMPILATIONS = 3
"""A first refresh may compile so many functions; without the cache it is several hundred."""


def test_first_refresh_compiles_next_to_nothing(counted_run: Run) -> None:
    assert counted_run.finished.code == 0, counted_run.finished.stderr[-2000:]
    assert len(counted_run.compiled) <= COMPILATIONS, counted_run.compiled


def test_first_refresh_on_arm64_compiles_next_to_nothing(arm_run: Run) -> None:
    assert arm_run.finished.code == 0, arm_run.finished.stderr[-2000:]
    assert len(arm_run.compiled) <= COMPILATIONS, arm_run.compiled


@pytest.mark.parametrize(
    "program",
    [["refresh", "--cost=reference"], ["refresh", "--cost=tree"], ["health"]],
    ids=" ".join,
)
def test_other_commands_compile_next_to_nothing(
    host_image: str, efs: Path, tmp_path: Path, program: list[str]
) -> None:
    counted = ["python", "/tools/count_compilations.py", *program]
    run = refresh(host_image, HOST, efs, tmp_path / "out", counted)
    assert run.finished.code == 0, run.finished.stderr[-2000:]
    assert len(run.compiled) <= COMPILATIONS, run.compiled


def test_count_notices_a_cache_that_does_not_fit(
    host_image: str, efs: Path, tmp_path: Path
) -> None:
    """The tests above would see a cache built for another processor."""
    other = {"NUMBA_CPU_NAME": "generic"}
    program = ["python", "/tools/count_compilations.py", "health"]
    run = refresh(host_image, HOST, efs, tmp_path / "out", program, environment=other)
    assert run.finished.code == 0, run.finished.stderr[-2000:]
    assert len(run.compiled) > 10


def test_health_command_loads_the_numeric_libraries(host_image: str, arm_image: str) -> None:
    program = ["python", "-m", "analytics_core", "health"]
    for image, arch in ((host_image, HOST), (arm_image, "arm64")):
        finished = container(image, arch, program)
        assert finished.code == 0, finished.stderr
        assert "numba" in finished.stdout
        assert "exact" in finished.stdout


def test_broken_database_is_exit_code_3_and_nothing_is_published(
    host_image: str, tmp_path: Path
) -> None:
    efs = tmp_path / "efs"
    efs.mkdir()
    (efs / "cocktails.db").write_bytes(b"not a database" * 1000)
    run = refresh(host_image, HOST, efs, tmp_path / "out")
    assert run.finished.code == 3
    assert "cocktails.db" in run.finished.stderr
    assert not list((tmp_path / "out").rglob("*.json"))


def test_termination_reaches_the_program_which_asks_for_another_try(
    host_image: str, efs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    os.chown(out, 10001, 10001)
    name = f"analytics-core-signal-{os.getpid()}"
    line = command(
        host_image,
        HOST,
        volumes={"/mnt/efs": efs},
        outputs={"/out": out},
        environment={**JOB, **THREADS},
        options=[f"--name={name}"],
    )
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()  # the job tells of its first stage: it is at work
    assert "snapshot" in first, first
    sent = time.monotonic()
    subprocess.run(["podman", "--runtime=runc", "kill", "--signal=TERM", name], check=True)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 75, said
    assert time.monotonic() - sent < 30
    assert process.returncode != 128 + signal.SIGKILL


def test_termination_before_python_has_begun_is_kept_for_the_program(host_image: str) -> None:
    early = ["sh", "-c", "kill -TERM $$; exec python -m analytics_core health"]
    finished = container(host_image, HOST, early)
    assert finished.code == 75, finished.stderr
    assert "stopped by SIGTERM" in finished.stderr


def test_a_database_that_is_too_large_for_the_container_is_refused_before_the_work(
    host_image: str, tmp_path: Path
) -> None:
    efs = tmp_path / "efs"
    efs.mkdir()
    write_sample_database(efs / "cocktails.db", recipes=60_000)
    little = ["--memory=700m"]
    run = refresh(host_image, HOST, efs, tmp_path / "out", options=little)
    assert run.finished.code == 3, run.finished.stderr[-2000:]
    assert "of the 735 MB of the job's container" in run.finished.stderr
    assert '"stage": "cost"' not in run.finished.stderr
    run = refresh(host_image, HOST, efs, tmp_path / "out", scratch_mib=8)
    assert run.finished.code == 4, run.finished.stderr[-2000:]
    assert "free of 8,389 kB for its snapshot" in run.finished.stderr


def test_root_and_database_cannot_be_written_to(host_image: str, efs: Path) -> None:
    script = (
        "import pathlib\n"
        "for place in ('/', '/opt/analytics', '/mnt/efs', '/tmp', '/var/tmp', '/etc'):\n"
        "    try:\n"
        "        (pathlib.Path(place) / 'x').write_text('x')\n"
        "    except OSError:\n"
        "        continue\n"
        "    print(place)\n"
        "(pathlib.Path('/scratch') / 'x').write_text('x')\n"
    )
    finished = container(host_image, HOST, ["python", "-c", script], volumes={"/mnt/efs": efs})
    assert (finished.code, finished.stdout) == (0, ""), finished.stderr


def test_as_batch_runs_it_the_job_has_no_right_of_root_and_no_way_to_get_one(
    host_image: str,
) -> None:
    """Batch drops no capability of a container: it is the user that has none."""
    script = (
        "import os\n"
        "told = open('/proc/self/status').read()\n"
        "print([line for line in told.splitlines() if line.startswith(('CapPrm', 'CapEff'))])\n"
        "for folder, _, names in os.walk('/'):\n"
        "    for path in [] if folder.startswith(('/proc', '/sys')) else names:\n"
        "        path = os.path.join(folder, path)\n"
        "        if 'security.capability' in os.listxattr(path, follow_symlinks=False):\n"
        "            print(path)\n"
    )
    line = ["podman", "--runtime=runc", "run", "--rm", "--pull=never", "--network=none"]
    line += ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000", "--init=false"]
    line += ["--read-only", "--user=10001", f"--platform=linux/{HOST}", host_image]
    done = subprocess.run([*line, "python", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['CapPrm:\\t0000000000000000', 'CapEff:\\t0000000000000000']\n"


@pytest.mark.parametrize("arch", sorted({HOST, "arm64"}))
def test_image_keeps_its_budget(arch: str) -> None:
    figures = json.loads((RESULTS / f"build-{arch}.json").read_text())
    size = figures["compressed_mb_above_base"]
    assert 20 < size <= BUDGET_MB, largest_packages(f"localhost/analytics-core:{arch}", arch)
