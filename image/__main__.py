"""``python -m image build``: build the image and hold it to its budget."""

# ruff: noqa: T201 - what it prints is for the terminal of the build

from __future__ import annotations

import argparse
import sys

from image.build import build, largest_packages
from image.tools import ARCHITECTURES, IMAGE, ImageError, host_architecture


def main() -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m image", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("build", help="build the image and check its size")
    sizes = commands.add_parser("sizes", help="list the largest packages of a built image")
    for command in (make, sizes):
        command.add_argument("--arch", choices=ARCHITECTURES, default=host_architecture())
    make.add_argument("--base-image", help="start from this image, not from one made here")
    make.add_argument("--no-page", action="store_true", help="leave the page out; needs no Node")
    given = parser.parse_args()
    try:
        if given.command == "build":
            build(given.arch, base_image=given.base_image, page=not given.no_page)
        else:
            print(largest_packages(f"{IMAGE}:{given.arch}", given.arch), end="")
    except ImageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
