"""Where a result comes from: run ids, and fingerprints of everything that decides a result."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "POT")
"""Whose version may change a number."""


def new_run_id() -> str:
    """Return an id that sorts by time and is no other run's."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def fingerprint_of(*parts: object) -> str:
    """SHA-256 (hex) of values that JSON can write."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_fingerprint() -> str:
    """SHA-256 (hex) of this package's sources and of the versions of the numeric libraries.

    A result that is kept under it cannot outlive the code that made it. Where only compiled files
    are installed, those count.
    """
    package = Path(__file__).parent
    files = sorted(package.rglob("*.py")) or sorted(package.rglob("*.pyc"))
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return fingerprint_of(digest.hexdigest(), {name: _version(name) for name in LIBRARIES})


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
