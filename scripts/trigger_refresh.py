"""Refresh the analytics of an environment, or ask how a job is doing.

``python scripts/trigger_refresh.py dev|prod [--wait] [--force] [--status JOB | --stop JOB]``

The function is found through the stack's outputs. Exit codes: 0 success (without ``--wait``: the
job was submitted or joined), 1 failure, with the reason; 2 wrong use; 130 stopped watching.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from deployed import Stack, Trouble, command, parser_of, run, say, tell, watch

NOT_BEGUN = ("SUBMITTED", "PENDING", "RUNNABLE")
"""As long as its plan is so, a refresh is joined."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    parser = parser_of(
        "trigger-analytics-refresh", "Refresh the cocktail analytics of an environment, now."
    )
    parser.add_argument("--wait", action="store_true", help="follow the job to its end")
    parser.add_argument(
        "--force",
        action="store_true",
        help="publish also what differs so much that the earlier set would stay",
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--status", metavar="JOB", help="submit nothing; tell how this job is doing (with its log)"
    )
    other.add_argument(
        "--stop", metavar="JOB", help="end this job, and all others of the same refresh"
    )
    return run(parser, _refresh_or_look, arguments)


def _refresh_or_look(session: Any, options: argparse.Namespace) -> int:
    stack = Stack(session, options.environment)
    if options.force and (options.status or options.stop):
        raise Trouble("--force is for a new refresh, not for one that was submitted")
    if options.stop:
        return stop(stack, options.stop)
    if not options.status:
        return refresh(stack, options, wait=options.wait, force=options.force)
    if options.wait:
        return watch(stack, options.status, options)
    return tell(stack.status(options.status))


def refresh(stack: Stack, options: argparse.Namespace, *, wait: bool, force: bool = False) -> int:
    """Submit a refresh, or join the one that waits; the exit code."""
    submitted = stack.ask({"action": "refresh", **({"force": True} if force else {})})
    job_id = submitted["jobId"]
    what = "joined the job that waits" if submitted["coalesced"] else "submitted"
    say(f"{what}: {submitted['jobName']} ({job_id})")
    if wait:
        return watch(stack, job_id, options)
    print(f"how it goes: {command(options, '--status', job_id)}")
    return 0


def stop(stack: Stack, job_id: str) -> int:
    """End a job and all others of the same refresh, with the caller's own rights; the exit code."""
    asked = stack.status(job_id.partition(":")[0])
    alone = {"job": {"jobId": asked["jobId"], "status": asked["status"]}}
    # Of each job: a refresh whose last step is stopped has failed, though the others may go on.
    going = [
        (step, job["jobId"])
        for step, job in asked.get("steps", alone).items()
        if job["status"] not in ("SUCCEEDED", "FAILED")
    ]
    if not going:
        say(f"nothing to stop: {asked['reason']}")
        return 0
    batch = stack.session.client("batch")
    # The last first: what waits for another job must not start when that one is through.
    going.reverse()
    # But first a plan that has not begun, and lets nothing start: a refresh asked for in between
    # would join it, and be ended with it.
    waits = asked.get("steps", {}).get("plan", {}).get("status") in NOT_BEGUN
    going.sort(key=lambda job: not (waits and job[0] == "plan"))
    for step, one in going:
        batch.terminate_job(jobId=one, reason="stopped by hand")
        say(f"stopped: {step} ({one})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
