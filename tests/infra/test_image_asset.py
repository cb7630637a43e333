"""The checksum of the image's build context changes when the image would, and only then."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_ecr_assets as ecr_assets

from infra.jobs import IMAGE_SOURCE

SOURCES = "src/analytics_core"
COUNTS = (
    "Dockerfile",
    "requirements.lock",
    "pyproject.toml",
    "hatch_build.py",
    "container/warm.py",
    f"{SOURCES}/similarity/_kernels.py",
    f"{SOURCES}/sample/recipes.txt",
    f"{SOURCES}/report/frontend/src/app.ts",
)
LEFT_OUT = (
    "README.md",
    "report.mk",
    ".env",
    "notes/cocktails.db",
    "src/analytics_core.egg-info/PKG-INFO",
    f"{SOURCES}/__pycache__/cli.cpython-311.pyc",
    f"{SOURCES}/report/dist/page.html",
    f"{SOURCES}/report/frontend/node_modules/esbuild/main.js",
)


def checksum(folder: Path, out: Path) -> str:
    stack = Stack(App(outdir=str(out)))
    found: str = ecr_assets.DockerImageAsset(stack, "Image", directory=str(folder)).asset_hash
    return found


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy of the build context as a working folder leaves it, and its checksum."""
    folder = tmp_path_factory.mktemp("context") / "analytics_core"
    shutil.copytree(IMAGE_SOURCE, folder)
    return folder, checksum(folder, tmp_path_factory.mktemp("out"))


@pytest.fixture
def append(context: tuple[Path, str], tmp_path: Path) -> Callable[[str], bool]:
    """A function that adds a line to a file, tells whether the checksum changed, and undoes it."""

    def changes(name: str) -> bool:
        folder, before = context
        path = folder / name
        old = path.read_bytes() if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((old or b"") + b"\n# more\n")
        try:
            return checksum(folder, tmp_path / "out") != before
        finally:
            path.unlink()
            if old is not None:
                path.write_bytes(old)

    return changes


@pytest.mark.parametrize("name", COUNTS)
def test_what_is_in_the_image_changes_the_checksum(
    append: Callable[[str], bool], context: tuple[Path, str], name: str
) -> None:
    assert (context[0] / name).exists(), f"{name} is gone; name another file"
    assert append(name)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_nothing_else_changes_it(append: Callable[[str], bool], name: str) -> None:
    assert not append(name)
