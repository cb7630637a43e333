"""Compare every pinned dependency with lists of known vulnerabilities, where these can be reached.

``make audit`` calls it. Packages of the image and of development are compared with OSV's list, by
pip-audit; the page's and its tools', with that of npm's registry, by npm. Only names and versions
are sent. Exit codes: 0 nothing is known of any; 1 something is, and is listed; 75 a list could not
be asked, so that its packages are *unchecked* and nothing is known about the rest. Of what
`requirements-dev.txt` pulls in beside its own lines, nothing is compared.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OSV = "https://api.osv.dev/v1/query"
EXIT_CLEAN, EXIT_VULNERABLE, EXIT_UNCHECKED = 0, 1, 75
SECONDS = 20

PINNED = ("analytics_core/requirements.lock", "requirements-dev.txt")
PAGE = "analytics_core/src/analytics_core/report/frontend"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one list of packages.

    Attributes
    ----------
    called : str
        The file that pins them.
    packages : int
        How many were compared.
    known : list of str
        What is known, in a line each.
    unchecked : str
        Why they were not compared; empty where they were.
    """

    called: str
    packages: int = 0
    known: tuple[str, ...] = ()
    unchecked: str = ""


def of_python(path: Path, *, osv_url: str) -> Verdict:
    """Ask OSV about every line of a requirements file."""
    words = ["-r", str(path), "--vulnerability-service", "osv", "--osv-url", osv_url]
    words += ["--disable-pip", "--no-deps", "--format", "json", "--progress-spinner", "off"]
    words += ["--timeout", str(SECONDS)]
    done = _run([sys.executable, "-m", "pip_audit", *words], ROOT)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Verdict(path.name, unchecked=f"{osv_url} could not be asked ({_kind(done.stderr)})")
    skipped = [each for each in found if "skip_reason" in each]
    if skipped:
        why = f"{skipped[0]['name']}: {skipped[0]['skip_reason']}"
        return Verdict(path.name, unchecked=why)
    known = [
        f"{each['name']} {each['version']}: {vulnerability['id']}"
        + _mended(vulnerability.get("fix_versions") or [])
        for each in found
        for vulnerability in each["vulns"]
    ]
    return Verdict(path.name, len(found), tuple(known))


def of_page(folder: Path, *, registry: str | None) -> Verdict:
    """Ask npm's registry about every package of the page's lock file."""
    called = "package-lock.json"
    npm = shutil.which("npm")
    if npm is None:
        return Verdict(called, unchecked="npm is not installed")
    words = ["audit", "--json", "--package-lock-only", "--fetch-retries=0"]
    words += [f"--fetch-timeout={SECONDS}000", *([f"--registry={registry}"] if registry else [])]
    done = _run([npm, *words], folder)
    try:
        told: dict[str, Any] = json.loads(done.stdout)
        packages = told["metadata"]["dependencies"]["total"]
        vulnerable = told["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        return Verdict(called, unchecked=_said_by_npm(done))
    known = [f"{name}: {', '.join(_titles(each))}" for name, each in sorted(vulnerable.items())]
    return Verdict(called, int(packages), tuple(known))


def _titles(vulnerable: dict[str, Any]) -> list[str]:
    """Return what is wrong with a package: advisories, or packages that it has it from."""
    return [
        each if isinstance(each, str) else str(each.get("title") or each.get("url"))
        for each in vulnerable.get("via", [])
    ]


def _mended(versions: list[str]) -> str:
    return f" (mended in {', '.join(versions)})" if versions else ""


def _said_by_npm(done: subprocess.CompletedProcess[str]) -> str:
    try:
        told = json.loads(done.stdout)
        return str(told.get("message") or told["error"].get("summary") or told["error"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return _last_line(done.stderr)


def _kind(text: str) -> str:
    """Return what went wrong in the end, in the word for it: Python's last error is the cause."""
    found: list[str] = re.findall(r"\b[A-Z]\w*(?:Error|Timeout|Exception)\b", text)
    return found[-1] if found else _last_line(text)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the words are made here
        command, cwd=folder, capture_output=True, text=True, check=False, env=dict(os.environ)
    )


def main(arguments: list[str] | None = None) -> int:
    """Compare everything, say what came of it, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--osv-url", default=OSV, help="where OSV's list is asked")
    parser.add_argument("--npm-registry", help="default: the one that npm is set to")
    given = parser.parse_args(arguments)
    verdicts = [of_python(ROOT / path, osv_url=given.osv_url) for path in PINNED]
    verdicts.append(of_page(ROOT / PAGE, registry=given.npm_registry))
    for verdict in verdicts:
        if verdict.unchecked:
            print(f"UNCHECKED  {verdict.called}: {verdict.unchecked}")
        elif verdict.known:
            print(f"VULNERABLE {verdict.called}: {len(verdict.known)} known")
            print("".join(f"  {line}\n" for line in verdict.known), end="")
        else:
            print(f"clean      {verdict.called}: nothing is known of {verdict.packages} packages")
    if any(verdict.known for verdict in verdicts):
        return EXIT_VULNERABLE
    return EXIT_UNCHECKED if any(verdict.unchecked for verdict in verdicts) else EXIT_CLEAN


if __name__ == "__main__":
    sys.exit(main())
