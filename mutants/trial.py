"""Running a module's tests against a changed copy of the repository."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Verdict = Literal["caught", "timed out", "survived"]

_CAUGHT = {1, 2}
"""pytest's exit codes for a test that failed and for a module that could not be imported."""
UNTRACKED = ("analytics_core/src/analytics_core/report/dist",)
"""What tests need and Git does not keep: the page's bundle."""


class TrialError(Exception):
    """The tests cannot say anything about changes; the message says why."""


def make_copy(root: Path, target: Path) -> None:
    """Copy what is in the work tree, changes not yet committed included, to `target`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        if (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)
    for name in UNTRACKED:
        if (root / name).is_dir():
            shutil.copytree(root / name, target / name)


@dataclass(slots=True)
class Bench:
    """A copy of the repository in which one change at a time is tried.

    Attributes
    ----------
    limits
        Seconds that a module's tests may take, by module: known after `prove`.
    """

    folder: Path
    patience_seconds: float = 600
    limits: dict[str, float] = field(default_factory=dict)

    def prove(self, module: str, tests: list[str]) -> float:
        """Run the tests on the sound module; return the seconds they take.

        Raises
        ------
        TrialError
            When they do not pass.
        """
        self._run(tests, self.patience_seconds)  # compiles what Numba caches
        began = time.monotonic()
        code, output = self._run(tests, self.patience_seconds)
        if code != 0:
            tail = "\n".join(output.splitlines()[-15:])
            raise TrialError(f"the tests of {module} do not pass on the sound module:\n{tail}")
        seconds = time.monotonic() - began
        self.limits[module] = 4 * seconds + 30
        return seconds

    def try_change(self, module: str, source: bytes, tests: list[str]) -> Verdict:
        """Run the tests on the changed module, then put the sound one back.

        Raises
        ------
        TrialError
            When pytest did not come to run the tests.
        """
        path = self.folder / module
        sound = path.read_bytes()
        path.write_bytes(source)
        try:
            code, output = self._run(tests, self.limits[module])
        finally:
            path.write_bytes(sound)
        if code is None:
            return "timed out"
        if code == 0:
            return "survived"
        if code in _CAUGHT or code < 0:  # below 0: it crashed, and that is noticed
            return "caught"
        raise TrialError(f"pytest ended with {code}:\n{output[-1500:]}")

    def _run(self, tests: list[str], seconds: float) -> tuple[int | None, str]:
        environment = dict(os.environ)
        # before the installed package, which is the work tree's own
        environment["PYTHONPATH"] = str(self.folder / "analytics_core" / "src")
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        line = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        process = subprocess.Popen(  # noqa: S603 - our own tests
            line,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # servers that the tests started end too
            process.communicate()
            return None, ""
        return process.returncode, output
