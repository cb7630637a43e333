"""Writes a software bill of materials (CycloneDX 1.6, JSON) of the image it runs in.

Python packages come from their installed metadata, with license and dependencies; packages of the
operating system from dpkg's database. Nothing is looked up elsewhere, so the same image gives the
same file.
"""

# ruff: noqa: T201 - what it prints is for the terminal of the build

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

DPKG = Path("/var/lib/dpkg/status")
FIELDS = "Package|Version|Architecture|Status"
MAIN = "analytics-core"


def main(target: Path) -> None:
    """Write the bill to `target`."""
    found = {_normal(d.metadata["Name"]): d for d in distributions()}
    references = {name: f"pkg:pypi/{name}@{d.version}" for name, d in found.items()}
    components = [_python_package(name, found[name], references) for name in sorted(found)]
    components += _debian_packages()
    root = next(c for c in components if c["name"] == MAIN)
    components.remove(root)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**root, "type": "application"}},
        "components": components,
        "dependencies": [
            {
                "ref": references[name],
                "dependsOn": sorted(
                    references[needed] for needed in _needs(found[name]) if needed in references
                ),
            }
            for name in sorted(found)
        ],
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")
    print(f"bill of materials: {len(components) + 1} components in {target}")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needs(package: Distribution) -> set[str]:
    needed = [r for r in package.requires or () if "extra ==" not in r]
    return {_normal(re.split(r"[^A-Za-z0-9._-]", r, maxsplit=1)[0]) for r in needed}


def _python_package(name: str, package: Distribution, references: dict[str, str]) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": references[name],
        "name": name,
        "version": package.version,
        "purl": references[name],
    }
    expression = package.metadata.get("License-Expression")
    text = package.metadata.get("License")
    if expression:
        component["licenses"] = [{"expression": expression}]
    elif text and len(text) < 60:  # some packages put the whole text there
        component["licenses"] = [{"license": {"name": text.strip()}}]
    return component


def _debian_packages() -> list[dict[str, Any]]:
    if not DPKG.is_file():
        return []
    packages = []
    for block in DPKG.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(
            re.findall(r"^(Package|Version|Architecture|Status): (.*)$", block, re.MULTILINE)
        )
        if not fields.get("Status", "").endswith(" installed"):
            continue
        name, version, arch = fields["Package"], fields["Version"], fields["Architecture"]
        url = f"pkg:deb/debian/{name}@{version}?arch={arch}"
        packages.append(
            {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}
        )
    return sorted(packages, key=lambda p: p["name"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
