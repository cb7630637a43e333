"""`make audit` with lists on loopback: clean, vulnerable and unchecked are three things."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.servers import in_front, unreachable_url

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
LEAK = {
    "id": "GHSA-xxxx-test-0001",
    "summary": "leaks",
    "details": "leaks",
    "modified": "2026-01-01T00:00:00Z",
    "aliases": [],
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "boto3"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1.0"}]}],
        }
    ],
}
ADVISORY = {
    "id": 1,
    "url": "https://example.com/advisory",
    "title": "serves any file",
    "severity": "high",
    "vulnerable_versions": "<99.0.0",
    "cwe": [],
    "cvss": {"score": 7.5, "vectorString": None},
}


class Lists(BaseHTTPRequestHandler):
    """Both lists: what is asked about is noted; packages of the server's `known` are vulnerable."""

    server: Any

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        asked = json.loads(body)
        if self.path == "/v1/query":
            name = asked["package"]["name"]
            self.server.asked.add(name)
            self._answer(200, {"vulns": [LEAK]} if name in self.server.known else {})
        elif self.path.endswith("/advisories/bulk"):
            self.server.asked |= set(asked)
            self._answer(200, {name: [ADVISORY] for name in asked if name in self.server.known})
        else:
            self._answer(404, {})

    def do_GET(self) -> None:
        self._answer(404, {"error": "not found"})

    def _answer(self, status: int, content: object) -> None:
        written = json.dumps(content).encode()
        self.send_response(self.server.status or status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        """Say nothing."""


def audit(osv: str, registry: str) -> subprocess.CompletedProcess[str]:
    words = ["--osv-url", f"{osv}/v1/query", "--npm-registry", registry]
    return subprocess.run(
        [sys.executable, ROOT / "scripts/audit.py", *words],
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_nothing_known_of_any_package_is_clean() -> None:
    asked: set[str] = set()
    with in_front(Lists, known=set(), asked=asked, status=None) as server:
        done = audit(server.url, server.url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["clean"] * 3
    assert {"boto3", "numpy", "hypothesis", "esbuild", "typescript"} <= asked


@pytest.mark.slow
def test_what_is_known_is_listed_and_fails() -> None:
    with in_front(Lists, known={"boto3", "esbuild"}, asked=set(), status=None) as server:
        done = audit(server.url, server.url)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "VULNERABLE requirements.lock: 1 known" in done.stdout
    assert "GHSA-xxxx-test-0001 (mended in 99.1.0)" in done.stdout
    assert "VULNERABLE package-lock.json" in done.stdout
    assert "esbuild: serves any file" in done.stdout
    assert "clean      requirements-dev.txt" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("how", ["nobody listens", "an error", "half of it"])
def test_a_list_that_cannot_be_asked_leaves_packages_unchecked(how: str) -> None:
    with ExitStack() as stack:
        nobody = stack.enter_context(unreachable_url())
        status = 500 if how == "an error" else None
        server = stack.enter_context(in_front(Lists, known=set(), asked=set(), status=status))
        osv = nobody if how == "nobody listens" else server.url
        done = audit(osv, nobody if how != "an error" else server.url)
    assert done.returncode == 75, done.stdout + done.stderr
    begins = [line.split()[0] for line in done.stdout.splitlines()]
    half = ["clean", "clean", "UNCHECKED"]
    assert begins == (half if how == "half of it" else ["UNCHECKED"] * 3)
    assert all(len(line) < 300 for line in done.stdout.splitlines())


@pytest.mark.slow
def test_vulnerable_outweighs_unchecked() -> None:
    with ExitStack() as stack:
        nobody = stack.enter_context(unreachable_url())
        server = stack.enter_context(in_front(Lists, known={"numpy"}, asked=set(), status=None))
        done = audit(server.url, nobody)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "UNCHECKED  package-lock.json" in done.stdout
