"""Refresh the analytics of an environment, or ask how a job is doing.

``python scripts/trigger_refresh.py dev|prod [--wait] [--status JOB]``

The function is found through the stack's outputs. Exit codes: 0 success (without ``--wait``: the
job was submitted or joined), 1 failure, with the reason; 2 wrong use; 130 stopped watching.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from deployed import Stack, command, parser_of, run, say, tell, watch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    parser = parser_of(
        "trigger-analytics-refresh", "Refresh the cocktail analytics of an environment, now."
    )
    parser.add_argument("--wait", action="store_true", help="follow the job to its end")
    parser.add_argument(
        "--status", metavar="JOB", help="submit nothing; tell how this job is doing (with its log)"
    )
    return run(parser, _refresh_or_look, arguments)


def _refresh_or_look(session: Any, options: argparse.Namespace) -> int:
    stack = Stack(session, options.environment)
    if not options.status:
        return refresh(stack, options, wait=options.wait)
    if options.wait:
        return watch(stack, options.status, options)
    return tell(stack.status(options.status))


def refresh(stack: Stack, options: argparse.Namespace, *, wait: bool) -> int:
    """Submit a refresh, or join the one that waits; the exit code."""
    submitted = stack.ask({"action": "refresh"})
    job_id = submitted["jobId"]
    what = "joined the job that waits" if submitted["coalesced"] else "submitted"
    say(f"{what}: {submitted['jobName']} ({job_id})")
    if wait:
        return watch(stack, job_id, options)
    print(f"how it goes: {command(options, '--status', job_id)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
