"""What `smoke_aws` runs and prints: other programs, steps with their seconds, lines that fit."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deployed import Trouble

REPOSITORY = Path(__file__).resolve().parents[1]
WIDTH = 79


class Programs:
    """Programs of this repository, run for an account and region, each within a step.

    Attributes
    ----------
    step
        What is under way.
    """

    def __init__(self, options: argparse.Namespace, region: str) -> None:
        self.options, self.step = options, ""
        # Keys in the environment would win over a profile; a local refresh takes its defaults.
        ignored = r"ANALYTICS_.*|DB_.*"
        if options.profile:
            ignored += r"|AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN"
        self.variables = {
            **{name: v for name, v in os.environ.items() if not re.fullmatch(ignored, name)},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **({"AWS_PROFILE": options.profile} if options.profile else {}),
        }

    def analytics(self, *arguments: str) -> None:
        """Run the analytics on this machine."""
        code, said = self.run(sys.executable, "-m", "analytics_core", *arguments)
        if code:
            raise Trouble(last_line(said))

    def script(self, name: str, *arguments: str) -> tuple[int, str]:
        """Run one of the scripts beside this one."""
        poll = ("--poll", str(self.options.poll))
        return self.run(sys.executable, str(REPOSITORY / "scripts" / name), *arguments, *poll)

    def run(self, *command: str) -> tuple[int, str]:
        """Run a program to its end; its exit code and all it said."""
        process = subprocess.Popen(  # noqa: S603 - this repository's own programs
            command,
            cwd=REPOSITORY,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C is for this program, which ends the other one in order.
            start_new_session=True,
        )
        begun = time.monotonic()
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    said, _ = process.communicate(timeout=1)
                    return process.returncode, said
                if sys.stdout.isatty():
                    print(f"\r{time.monotonic() - begun:4.0f} s  {self.step} …", end="", flush=True)
        except BaseException:
            os.killpg(process.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=20)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            if sys.stdout.isatty():
                print("\r\x1b[K", end="", flush=True)

    @contextmanager
    def timed(self, name: str) -> Iterator[Callable[[str], None]]:
        """Time a step; what it tells at its end becomes its line, and what is shown below."""
        self.step, begun = name, time.monotonic()

        def tell(told: str) -> None:
            first, *more = told.splitlines()
            show(f"{name}: {first}", f"{time.monotonic() - begun:4.0f} s  ")
            for line in more:
                show(line, "        | ")

        yield tell


def why_refused(said: str) -> str:
    """Return what CloudFormation, or the CDK, gave as the reason."""
    for line in said.splitlines():
        found = re.search(r"(?:CREATE|UPDATE|DELETE)_FAILED *\|(.*)", line)
        if found and "cancelled" not in line and "Embedded stack" not in line:
            return " ".join(found[1].replace("|", " ").split())
    return last_line(said)


def last_line(said: str) -> str:
    """Return the last error that a program told, or its last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    wrong = [line for line in lines if re.match(r"(error|failed)\b", line)]
    return (wrong or lines or ["it said nothing"])[-1].removeprefix("error: ")


def say(sentence: str) -> None:
    """Print a sentence within the width of a terminal."""
    show(sentence, "")


def show(text: str, head: str) -> None:
    """Print a line under a head, wrapped; what continues it stands below it."""
    below = head if head.rstrip().endswith("|") else " " * len(head)
    print(
        textwrap.fill(
            text, WIDTH, initial_indent=head, subsequent_indent=below, break_on_hyphens=False
        )
        or head.rstrip(),
        flush=True,
    )
