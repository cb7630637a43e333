"""The instances' setup script, run for real in a network of its own.

Jobs on EC2 use the host's network, so the job's user is told apart from the others by its id. The
metadata service is a server of ours at its address, within a network namespace.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.compute import SETUP
from infra.environments import CONTAINER_UID

INSIDE = """
set -e
cd {folder}
ip link set lo up
ip address add 169.254.169.254/32 dev lo   # the metadata service
ip address add 169.254.170.2/32 dev lo     # where a task gets its own credentials
for address in 169.254.169.254 169.254.170.2; do
  {python} -m http.server --bind $address 80 >/dev/null 2>&1 &
done
trap 'kill $(jobs -p)' EXIT
ask() {{ "${{@:2}}" timeout 3 bash -c ": < /dev/tcp/$1/80" 2>/dev/null; }}
until ask 169.254.169.254 && ask 169.254.170.2; do sleep 0.1; done
ECS_CONFIG={folder}/ecs.config bash setup.sh
tell() {{ ask "$@" && echo reached || echo refused; }}
tell 169.254.169.254
tell 169.254.169.254 setpriv --reuid {job} --clear-groups
tell 169.254.170.2 setpriv --reuid {job} --clear-groups
tell 169.254.169.254 setpriv --reuid {other} --clear-groups
"""


@pytest.fixture(scope="module")
def tools() -> None:
    """iptables and ip, installed when they are not there: skipping would prove nothing."""
    if shutil.which("iptables") and shutil.which("ip"):
        return
    assert os.geteuid() == 0, "install iptables and iproute2"
    for command in (["update"], ["install", "-y", "-qq", "iptables", "iproute2"]):
        done = subprocess.run(["apt-get", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_jobs_user_is_refused_the_metadata_and_nobody_else_is(
    tools: Path, tmp_path: Path
) -> None:
    script = SETUP.read_text().replace("@JOB_UID@", str(CONTAINER_UID))
    (tmp_path / "setup.sh").write_text(script)
    (tmp_path / "ecs.config").write_text("ECS_CLUSTER=given-by-batch\n")
    commands = INSIDE.format(
        folder=tmp_path, python=sys.executable, job=CONTAINER_UID, other=CONTAINER_UID + 1
    )
    done = subprocess.run(
        ["unshare", "--net", "bash", "-c", commands],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["reached", "refused", "reached", "reached"], done.stderr
    assert (tmp_path / "ecs.config").read_text().splitlines() == [
        "ECS_CLUSTER=given-by-batch",
        "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true",
    ]
