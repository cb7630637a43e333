"""Build the image, and hold it to its size and to what must not be in it."""

# ruff: noqa: T201 - what it prints is for the terminal of the build

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from image.base import NAME, ensure_base
from image.budget import BUDGET_MB, hold
from image.run import container
from image.tools import (
    CONTEXT,
    IMAGE,
    RESULTS,
    call,
    certificates,
    host_architecture,
    require_emulation,
    require_tools,
)

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
"""Where pip, Node and Python look in Debian."""

SBOM = "/opt/analytics/share/sbom.cdx.json"


def build(arch: str | None = None, *, base_image: str | None = None, page: bool = True) -> str:
    """Build the image of one architecture.

    Parameters
    ----------
    arch
        `amd64` or `arm64`; this machine's own by default.
    base_image
        Takes the place of the one made here by `ensure_base`.
    page
        Without it the image cannot make the page, and the build needs no Node.

    Returns
    -------
    str
        The image's name.
    """
    arch = arch or host_architecture()
    require_tools()
    require_emulation(arch)
    base = base_image or ensure_base(host_architecture(), arch)
    name = f"{IMAGE}:{arch}"
    started = time.monotonic()
    call(*build_command(arch, base=base, page=page), f"--tag={name}", str(CONTEXT))
    seconds = time.monotonic() - started
    layers = layer_sizes(name)[len(_layers(base_image or f"{NAME}:{arch}")) :]
    above = sum(layers) / 1e6
    RESULTS.mkdir(parents=True, exist_ok=True)
    bill = container(name, arch, ["cat", SBOM])
    (RESULTS / f"sbom-{arch}.cdx.json").write_text(bill.stdout, encoding="utf-8")
    figures = {
        "build_seconds": round(seconds),
        "compressed_mb_above_base": round(above, 1),
        "layers_mb": [round(size / 1e6, 1) for size in layers],
    }
    (RESULTS / f"build-{arch}.json").write_text(json.dumps(figures) + "\n", encoding="utf-8")
    print(f"{name}: {seconds:.0f} s, {above:.0f} MB compressed above its base")
    hold(
        above,
        what=f"{name} above its base",
        budget=BUDGET_MB,
        largest=lambda: largest_packages(name, arch),
    )
    return name


def build_command(arch: str, *, base: str, page: bool = True) -> list[str]:
    """Return the command that builds the context it is given; `--tag` and the folder are to add."""
    command = ["buildah", "bud", "--isolation=chroot", "--format=docker", "--layers"]
    command += [f"--platform=linux/{arch}", f"--build-arg=BASE_IMAGE={base}"]
    command.append(f"--build-arg=BUILDPLATFORM=linux/{host_architecture()}")
    if base.startswith("localhost/"):
        command.append("--pull-never")
    bundle = certificates()
    if bundle is not None:
        command.append(f"--volume={bundle}:{CERTIFICATES}:ro")
    if not page:
        command.append("--build-arg=ANALYTICS_CORE_SKIP_PAGE=1")
    return command


def layer_sizes(name: str) -> list[int]:
    """Return the size of each layer in bytes, compressed as a registry keeps it, lowest first."""
    with tempfile.TemporaryDirectory() as folder:
        call("podman", "push", "--quiet", name, f"oci:{folder}/image", quiet=True)
        blobs = Path(folder) / "image" / "blobs" / "sha256"
        index = json.loads((Path(folder) / "image" / "index.json").read_text(encoding="utf-8"))
        manifest = _blob(blobs, index["manifests"][0]["digest"])
        return [layer["size"] for layer in manifest["layers"]]


def largest_packages(name: str, arch: str, *, count: int = 12) -> str:
    """Return a table of the folders that take most room, uncompressed."""
    script = f"""
import pathlib, sysconfig
def size(path):
    return path.lstat().st_size + sum(p.lstat().st_size for p in path.rglob("*"))
folders = [*pathlib.Path(sysconfig.get_path("purelib")).iterdir()]
folders.append(pathlib.Path("/opt/analytics/numba-cache"))
rows = sorted(((size(p), p.name) for p in folders), reverse=True)
for bytes_, name in rows[:{count}]:
    print(f"{{bytes_ / 1e6:8.1f}} MB  {{name}}")
"""
    return container(name, arch, ["python", "-c", script]).stdout


def _layers(name: str) -> list[str]:
    found = call("podman", "image", "inspect", "--format", "{{json .RootFS.Layers}}", name)
    layers: list[str] = json.loads(found)
    return layers


def _blob(folder: Path, digest: str) -> Any:
    return json.loads((folder / digest.removeprefix("sha256:")).read_text(encoding="utf-8"))
