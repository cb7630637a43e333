"""What the commands of this folder share: a deployed stack, its jobs as they go, how to end."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TextIO

STACKS = {"dev": "DevStack", "prod": "ProdStack", "smoke": "SmokeStack"}
REFRESH_COMMAND = "scripts/trigger-analytics-refresh.sh"
POLL_SECONDS = 5.0
LOG_LINES = 20
STOPPED = 130


class Trouble(Exception):  # noqa: N818 - a sentence for the terminal
    """Something the person at the terminal has to know; the message says what to do."""


def parser_of(name: str, description: str) -> argparse.ArgumentParser:
    """Make a command's parser with what all of them take."""
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("environment", choices=sorted(STACKS))
    parser.add_argument("--profile", help="AWS profile; default: the environment's")
    parser.add_argument("--region", help="AWS region; default: the profile's")
    parser.add_argument(
        "--poll", type=float, default=POLL_SECONDS, metavar="SECONDS", help=argparse.SUPPRESS
    )
    return parser


def run(
    parser: argparse.ArgumentParser,
    body: Callable[[Any, argparse.Namespace], int],
    arguments: Sequence[str] | None,
) -> int:
    """Run a command with an AWS session; its exit code. Every error is a sentence."""
    options = parser.parse_args(arguments)
    for name in ("SIGTERM", "SIGHUP"):  # a closed terminal ends a command as Ctrl-C does
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        import boto3
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            NoCredentialsError,
            NoRegionError,
            PartialCredentialsError,
        )
    except ImportError:
        say("error: boto3 is missing; run `make setup`, or pip install boto3", sys.stderr)
        return 1
    try:
        session = boto3.Session(profile_name=options.profile, region_name=options.region)
        return body(session, options)
    except KeyboardInterrupt:
        say("stopped", sys.stderr)
        return STOPPED
    except Trouble as trouble:
        reason = str(trouble)
    except NoRegionError:
        reason = "no region; give --region, or set AWS_DEFAULT_REGION (AWS_REGION is not read)"
    except (NoCredentialsError, PartialCredentialsError):
        reason = "no AWS credentials; log in, or give --profile"
    except (BotoCoreError, ClientError) as error:
        reason = f"AWS: {error}"
    say(f"error: {reason}", sys.stderr)
    return 1


class Stack:
    """An environment's stack: what it says about itself, and its trigger function."""

    def __init__(self, session: Any, environment: str) -> None:
        self.session = session
        self.name = STACKS[environment]

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs by key."""
        from botocore.exceptions import ClientError

        try:
            [found] = self.session.client("cloudformation").describe_stacks(StackName=self.name)[
                "Stacks"
            ]
        except ClientError as error:
            if "does not exist" in str(error):
                raise Trouble(
                    f"there is no stack {self.name} in this account and region; deploy it by "
                    f"`cdk deploy {self.name}`, or give --profile and --region"
                ) from None
            raise
        return {o["OutputKey"]: str(o["OutputValue"]) for o in found.get("Outputs", [])}

    def output(self, key: str) -> str:
        """Return one output; an older stack may lack it."""
        if key not in self.outputs:
            raise Trouble(f"stack {self.name} has no output {key}; deploy it again")
        return self.outputs[key]

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke the trigger function and wait for its answer.

        Raises
        ------
        Trouble
            When the function raised; with its own sentence.
        """
        name = self.output("TriggerFunction")
        answer = self.session.client("lambda").invoke(
            FunctionName=name,
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
            raise Trouble(f"the trigger {name} failed: {said}")
        return content

    def status(self, job_id: str) -> dict[str, Any]:
        """Ask how a job is doing, with the end of its log."""
        return self.ask({"action": "status", "jobId": job_id, "logLines": LOG_LINES})


def watch(stack: Stack, job_id: str, options: argparse.Namespace) -> int:
    """Follow a job to its end, and tell of it; the exit code. Who stops watching stops no job."""
    look_again = f"the job goes on; look again:\n  {command(options, '--status', job_id, '--wait')}"
    try:
        return tell(_follow(stack, job_id, poll_seconds=options.poll, out=sys.stdout))
    except KeyboardInterrupt:
        print(f"\n{look_again}")
        return STOPPED
    except Exception:
        print(f"\n{look_again}", file=sys.stderr)
        raise


def _follow(stack: Stack, job_id: str, *, poll_seconds: float, out: TextIO) -> dict[str, Any]:
    """Show the job until it ends: one line that changes on a terminal, else a line a change."""
    before = ""
    while True:
        answer = stack.status(job_id)
        if answer["status"] in ("SUCCEEDED", "FAILED"):
            show("", out)
            return answer
        line = f"{answer['status'].lower()}: {answer['reason']}"
        if out.isatty():
            show(line, out)
        elif answer["status"] != before:  # durations in the reason change all the time
            print(line, file=out, flush=True)
        before = answer["status"]
        time.sleep(poll_seconds)


def tell(answer: dict[str, Any]) -> int:
    """Say what became of a job; the exit code."""
    failed = answer["status"] == "FAILED"
    for line in filter(None, map(_readable, answer.get("log", []))):
        say(f"  | {line}", indent="  |   ")
    for attempt in answer["attempts"][:-1]:
        say(f"attempt {attempt['number']}: {attempt['reason']}")
    say(answer["reason"], sys.stderr if failed else sys.stdout)
    return 1 if failed else 0


def _readable(line: str) -> str:
    """Write a line of a job's log for people; nothing for a metric."""
    try:
        entry = json.loads(line)
        event, when = entry["event"], str(entry["timestamp"])[11:19]
    except (ValueError, TypeError, LookupError):
        return "" if '"_aws"' in line else line.rstrip()
    told = ("timestamp", "level", "event", "run_id", "job_id", "attempt", "traceback")
    facts = [f"{key}={value}" for key, value in entry.items() if key not in told]
    return " ".join([when, event, *facts])


def command(options: argparse.Namespace, *more: str, program: str = REFRESH_COMMAND) -> str:
    """Write a command for the same environment, to be copied."""
    words = [program, options.environment, *more]
    for name in ("profile", "region"):
        if getattr(options, name):
            words += [f"--{name}", getattr(options, name)]
    return " ".join(words)


def show(line: str, out: TextIO) -> None:
    """Let `line` be the last of a terminal, in the place of the one before; cut to fit."""
    if out.isatty():
        width = shutil.get_terminal_size().columns - 1
        out.write(f"\r\x1b[K{line if len(line) <= width else line[: width - 1] + '…'}")
        out.flush()


def say(sentence: str, out: TextIO | None = None, *, indent: str = "  ") -> None:
    """Print a sentence, wrapped on a terminal; as one line where something may search for it."""
    out = out or sys.stdout
    if out.isatty():
        sentence = textwrap.fill(
            sentence,
            shutil.get_terminal_size().columns,
            break_long_words=False,
            break_on_hyphens=False,
            subsequent_indent=indent,
        )
    print(sentence, file=out, flush=True)
