"""Stands in for docker in the CDK's asset step, with buildah and podman and no daemon.

The CDK calls ``login``, ``inspect``, ``build --tag NAME --platform linux/arm64 .``, ``tag`` and
``push``. Images stay on this machine under the names they would have in the registry.
"""

from __future__ import annotations

import subprocess
import sys

from image.base import ensure_base
from image.build import build_command
from image.tools import host_architecture, require_emulation, require_tools


def main(arguments: list[str]) -> int:
    """Do what one call of docker asks for; return its exit code."""
    match arguments:
        case ["inspect", name]:
            return _run("podman", "image", "exists", name)
        case ["build", *options, folder]:
            given = dict(zip(options[::2], options[1::2], strict=True))
            arch = given["--platform"].removeprefix("linux/")
            require_tools()
            require_emulation(arch)
            base = ensure_base(host_architecture(), arch)
            return _run(*build_command(arch, base=base), f"--tag={given['--tag']}", folder)
        case ["tag", name, other]:
            return _run("podman", "tag", name, other)
        case ["login", *_] | ["push", _]:  # there is no registry
            return 0
    print(f"docker {' '.join(arguments)} is not known here", file=sys.stderr)  # noqa: T201
    return 2


def _run(*command: str) -> int:
    return subprocess.run(command, check=False).returncode  # noqa: S603 - as the CDK asks


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
