"""Refresh the analytics of an environment, or ask how a refresh is doing.

``python scripts/trigger_refresh.py dev|prod [--wait] [--status JOB]``

The function is found through the stack's outputs. Exit codes: 0 success (without ``--wait``: the
job was submitted or joined), 1 failure, with the reason; 2 wrong use; 130 stopped watching.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

STACKS = {"dev": "DevStack", "prod": "ProdStack"}
OUTPUT = "TriggerFunction"
POLL_SECONDS = 5.0
LOG_LINES = 20
FINISHED = ("SUCCEEDED", "FAILED")


class Trouble(Exception):  # noqa: N818 - a sentence for the terminal
    """Something the person at the terminal has to know; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        print("error: boto3 is missing; run `make setup`, or pip install boto3", file=sys.stderr)
        return 1
    try:
        session = boto3.Session(profile_name=options.profile, region_name=options.region)
        trigger = Trigger(session, options.environment)
        return _run(trigger, options)
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"error: AWS: {error}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trigger-analytics-refresh",
        description="Refresh the cocktail analytics of an environment, now.",
    )
    parser.add_argument("environment", choices=sorted(STACKS))
    parser.add_argument("--wait", action="store_true", help="follow the job to its end")
    parser.add_argument(
        "--status", metavar="JOB", help="submit nothing; tell how this job is doing (with its log)"
    )
    parser.add_argument("--profile", help="AWS profile; default: the environment's")
    parser.add_argument("--region", help="AWS region; default: the profile's")
    parser.add_argument(
        "--poll", type=float, default=POLL_SECONDS, metavar="SECONDS", help=argparse.SUPPRESS
    )
    return parser


class Trigger:
    """The environment's trigger function, found through its stack."""

    def __init__(self, session: Any, environment: str) -> None:
        self._lambda = session.client("lambda")
        self._name = _function_name(session.client("cloudformation"), STACKS[environment])

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke the function and wait for its answer.

        Raises
        ------
        Trouble
            When the function raised; with its own sentence.
        """
        answer = self._lambda.invoke(
            FunctionName=self._name,
            InvocationType="RequestResponse",
            Payload=json.dumps(event).encode(),
        )
        body = answer["Payload"].read()
        try:
            content = json.loads(body)
        except ValueError:
            content = body.decode(errors="replace")
        if answer.get("FunctionError") or not isinstance(content, dict):
            said = content.get("errorMessage") if isinstance(content, dict) else content
            raise Trouble(f"the trigger {self._name} failed: {said}")
        return content


def _function_name(cloudformation: Any, stack: str) -> str:
    from botocore.exceptions import ClientError

    try:
        [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            raise Trouble(
                f"there is no stack {stack} in this account and region; deploy it by "
                f"`cdk deploy {stack}`, or give --profile and --region"
            ) from None
        raise
    for output in found.get("Outputs", []):
        if output["OutputKey"] == OUTPUT:
            return str(output["OutputValue"])
    raise Trouble(f"stack {stack} has no output {OUTPUT}; deploy it again")


def _run(trigger: Trigger, options: argparse.Namespace) -> int:
    if options.status:
        job_id = options.status
    else:
        submitted = trigger.ask({"action": "refresh"})
        job_id = submitted["jobId"]
        what = "joined the job that waits" if submitted["coalesced"] else "submitted"
        print(f"{what}: {submitted['jobName']} ({job_id})")
        if not options.wait:
            print(f"how it goes: {_command(options, '--status', job_id)}")
            return 0
    if not options.wait:
        answer = trigger.ask({"action": "status", "jobId": job_id, "logLines": LOG_LINES})
        return _tell(answer)
    try:
        return _tell(_follow(trigger, job_id, poll_seconds=options.poll, out=sys.stdout))
    except KeyboardInterrupt:
        print(f"\nthe job goes on; look again: {_command(options, '--status', job_id, '--wait')}")
        return 130


def _follow(trigger: Trigger, job_id: str, *, poll_seconds: float, out: TextIO) -> dict[str, Any]:
    """Show the job until it ends: one line that changes on a terminal, else a line a change."""
    live = out.isatty()
    before = ""
    while True:
        answer = trigger.ask({"action": "status", "jobId": job_id, "logLines": LOG_LINES})
        if answer["status"] in FINISHED:
            if live:
                out.write("\r\x1b[K")
            return answer
        line = f"{answer['status'].lower()}: {answer['reason']}"
        if live:
            out.write(f"\r\x1b[K{line}")
        elif answer["status"] != before:  # durations in the reason change all the time
            out.write(f"{line}\n")
        out.flush()
        before = answer["status"]
        time.sleep(poll_seconds)


def _tell(answer: dict[str, Any]) -> int:
    failed = answer["status"] == "FAILED"
    for line in answer.get("log", []):
        print(f"  | {line.rstrip()}")
    for attempt in answer["attempts"][:-1]:
        print(f"attempt {attempt['number']}: {attempt['reason']}")
    print(answer["reason"], file=sys.stderr if failed else sys.stdout)
    return 1 if failed else 0


def _command(options: argparse.Namespace, *more: str) -> str:
    words = ["scripts/trigger-analytics-refresh.sh", options.environment, *more]
    for name in ("profile", "region"):
        if getattr(options, name):
            words += [f"--{name}", getattr(options, name)]
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
