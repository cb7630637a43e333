"""Try everything on AWS once, in a throwaway stack, and leave nothing behind.

``make smoke-aws [ARGS="--yes --keep --database-in-s3 --profile P --region R"]``

Deploys ``SmokeStack``, loads the sample database, refreshes, compares what was published with a
refresh of the same database on this machine, breaks the database, waits for the failure and its
mail, and removes all of it again, also when a step fails or Ctrl-C is pressed. DevStack and
ProdStack are never touched. Exit codes: 0 every step held, 1 one did not, 2 wrong use, 130 stopped.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deployed import Trouble
from image.compare import compare, documents
from infra.doctor.account import qualifier, settings
from infra.environments import OWN_DATABASE_FOLDER, SMOKE
from smoke_run import Programs, last_line, say, why_refused
from smoke_stack import QUEUE_PREFIX, STACK, TAGS, Prices, Throwaway

STOPPED = 130

CONTEXTS = {
    False: {},
    True: {"database_path": f"s3:///{OWN_DATABASE_FOLDER}cocktails.db"},
}
"""What the stack's context `smoke` says, by whether the database is in S3."""

COST_TOLERANCE = 1e-9
"""Of distances and costs, between this machine's processor and Graviton."""

MAP_KEPT = 0.9
"""Share of each drink's ten nearest on one map that are so on the other. A map is the outcome of an
optimization: this machine's versions of its libraries may differ from the image's."""

GARBAGE = b"not a database " * 1000
BREAK = f"import os; open(os.environ['DB_PATH'], 'wb').write({GARBAGE[:15]!r} * 1000)"
BAD_DATA = 3
"""With this the refresh ends when the database cannot be used."""

EXPECTED_MINUTES = 25
"""How long all of it takes; the instance runs for a part of that."""

REMOVALS = 3
"""The function may still write a note into the bucket that was just emptied."""

MAIL_SECONDS = 300
GONE_SECONDS = 300
"""AWS's lists lag behind what was removed."""

JOB_STATES = (
    *("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING"),
    *("SUCCEEDED", "FAILED"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps; the exit code."""
    options = _parser().parse_args(arguments)
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    for name in ("SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        session = boto3.Session(profile_name=options.profile, region_name=options.region)
        account = session.client("sts").get_caller_identity()["Account"]
        with tempfile.TemporaryDirectory(prefix="smoke-aws-") as folder:
            smoke = Smoke(session, account, options, Path(folder))
            if options.remove:
                return smoke.leave(0)
            _check_beforehand(smoke)
            if not _agreed(smoke):
                return 2
            code = 1
            try:
                code = smoke.go()
            finally:  # whatever happened
                code = smoke.leave(code)
            return code
    except KeyboardInterrupt:
        return STOPPED
    except (Trouble, BotoCoreError, ClientError) as error:
        say(f"error: {error}")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smoke_aws", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--yes", action="store_true", help="do not ask before deploying")
    parser.add_argument("--keep", action="store_true", help="leave the stack for a look at it")
    parser.add_argument("--remove", action="store_true", help="only remove what --keep left")
    parser.add_argument(
        "--database-in-s3", action="store_true", help="without a file system, the cheapest way"
    )
    parser.add_argument("--profile", help="AWS profile; default: the environment's")
    parser.add_argument("--region", help="AWS region; default: the profile's")
    parser.add_argument("--poll", type=float, default=5.0, help=argparse.SUPPRESS)
    return parser


def _check_beforehand(smoke: Smoke) -> None:
    from botocore.exceptions import ClientError

    if smoke.there.stacks():
        raise Trouble(
            f"there is a {STACK} already, of an earlier run; remove it with "
            "`make smoke-aws ARGS=--remove`, then try again"
        )
    try:
        version = f"/cdk-bootstrap/{qualifier(settings())}/version"
    except (OSError, ValueError) as error:
        raise Trouble(str(error)) from None
    try:
        smoke.client("ssm").get_parameter(Name=version)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        raise Trouble(
            f"the CDK has not been set up in this account and region: there is no parameter "
            f"{version}; run `cdk bootstrap aws://{smoke.account}/{smoke.region}` once"
        ) from None


def _agreed(smoke: Smoke) -> bool:
    place = "a bucket" if smoke.options.database_in_s3 else "a bucket, a file system"
    say(f"account {smoke.account}, region {smoke.region}")
    say(
        f"This makes the stack {STACK}: a network with public subnets, {place}, a Batch queue that "
        "starts Spot instances, a function, a topic; and a queue for its mail. It takes some "
        f"{EXPECTED_MINUTES} minutes, costs about {Prices().of(EXPECTED_MINUTES):.2f} USD, and "
        f"{'stays until you remove it' if smoke.options.keep else 'is removed at the end'}. "
        "The image stays in the CDK's repository, as after every deployment."
    )
    if smoke.options.yes:
        return True
    if not sys.stdin.isatty():
        say("error: nobody is there to be asked; give --yes")
        return False
    return input("Go on? [y/N] ").strip().lower() in ("y", "yes")


class Smoke:
    """One try: what it made, step by step, and how it goes away."""

    def __init__(
        self, session: Any, account: str, options: argparse.Namespace, folder: Path
    ) -> None:
        self.account, self.options, self.folder = account, options, folder
        self.client = session.client
        self.region = session.region_name
        self.there = Throwaway(session, poll_seconds=options.poll)
        self.letters = self.subscription = ""
        self.job = ""
        self.programs = Programs(options, session.region_name)

    # --- the steps ---------------------------------------------------------------------------

    def go(self) -> int:
        """Take the steps until one fails; the exit code."""
        from botocore.exceptions import BotoCoreError, ClientError

        steps: tuple[tuple[str, Callable[[], str]], ...] = (
            ("refresh here", self.refresh_here),
            ("deploy", self.deploy),
            ("listen", self.listen),
            ("load", self.load),
            ("refresh", self.refresh),
            ("compare", self.compare),
            ("break", self.break_database),
            ("refresh, broken", self.refresh_broken),
            ("mail", self.mail),
        )
        try:
            for name, step in steps:
                with self.programs.timed(name) as tell:
                    tell(step())
        except KeyboardInterrupt:
            say(f"stopped during the step {self.programs.step!r}")
            return STOPPED
        except (Trouble, BotoCoreError, ClientError, OSError) as error:
            say(f"error: the step {self.programs.step!r} failed: {error}")
            return 1
        return 0

    def refresh_here(self) -> str:
        """Make the sample database and refresh it on this machine."""
        self.programs.analytics("sample-db", str(self.database))
        self.programs.analytics("refresh", "--db", str(self.database), "--output", str(self.here))
        return "the sample database, and what it should lead to"

    def deploy(self) -> str:
        """Deploy the stack and read what it says about itself."""
        context = json.dumps(CONTEXTS[self.options.database_in_s3])
        output = self.folder / "cdk.out"
        code, said = self.programs.run(
            *("cdk", "deploy", STACK, "-c", f"smoke={context}", "--output", str(output)),
            *("--require-approval", "never", "--method", "direct"),
        )
        if code:
            raise Trouble(why_refused(said))
        if self.there.outputs["Documents"].partition("://")[2].partition("/")[0] == "":
            raise Trouble("the stack says nothing about its bucket")
        return f"{STACK}, {len(self.there.outputs)} outputs"

    def listen(self) -> str:
        """Subscribe a queue to the topic."""
        sqs, topic = self.client("sqs"), self.there.outputs["Topic"]
        name = f"{QUEUE_PREFIX}{secrets.token_hex(4)}"
        self.letters = sqs.create_queue(QueueName=name, tags=TAGS)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=self.letters, AttributeNames=["QueueArn"])
        arn = found["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=self.letters, Attributes={"Policy": policy})
        self.subscription = self.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
        )["SubscriptionArn"]
        return "a queue stands for whoever reads the mail"

    def load(self) -> str:
        """Load the sample database as an owner does."""
        code, said = self.programs.script("load_database.py", SMOKE.name, str(self.database))
        if code:
            raise Trouble(last_line(said))
        return f"the sample database is at {self.there.outputs['DatabasePath']}"

    def refresh(self) -> str:
        """Refresh as an owner does."""
        code, said = self.programs.script("trigger_refresh.py", SMOKE.name, "--wait")
        if code:
            raise Trouble(last_line(said))
        return last_line(said)

    def compare(self) -> str:
        """Compare what was published with the refresh on this machine."""
        published = self.there.published_documents()
        expected = documents(self.here)
        try:
            difference = compare(expected, published)
        except (ValueError, KeyError) as error:
            raise Trouble(f"the published documents are of another shape: {error!r}") from None
        kept = min(difference.map_kept.values())
        found = [
            *difference.counts[:3],
            *(
                [f"{difference.neighbor_lists} drinks have other neighbors"]
                if difference.neighbor_lists
                else []
            ),
            *([f"a number is {difference.cost:g} off"] if difference.cost > COST_TOLERANCE else []),
            *([f"a map keeps {kept:.0%} of its neighbors"] if kept < MAP_KEPT else []),
        ]
        if found:
            raise Trouble("what AWS published is not what a refresh here does: " + "; ".join(found))
        return (
            f"{len(published)} documents as here: neighbors the same, numbers within "
            f"{COST_TOLERANCE:g}, maps keep {kept:.0%}"
        )

    def break_database(self) -> str:
        """Put something in the database's place that is none."""
        place = self.there.outputs["DatabasePath"]
        if place.startswith("s3://"):
            bucket, _, key = place.removeprefix("s3://").partition("/")
            self.client("s3").put_object(Bucket=bucket, Key=key, Body=GARBAGE)
            return "its object overwritten by what is no database"
        batch = self.client("batch")
        job = batch.submit_job(
            jobName=f"break-{SMOKE.name}-{secrets.token_hex(4)}",
            jobQueue=self.there.outputs["JobQueue"],
            jobDefinition=self.there.outputs["LoadJobDefinition"],
            containerOverrides={"command": ["python", "-c", BREAK]},
        )["jobId"]
        ended = self.there.ended(job)
        if ended["status"] != "SUCCEEDED":
            raise Trouble(f"the job that was to do it failed: {ended.get('statusReason')}")
        return "a job wrote over it what is no database"

    def refresh_broken(self) -> str:
        """Refresh the broken database: it fails for that reason, and harms nothing."""
        before = self.there.published_keys()
        code, said = self.programs.script("trigger_refresh.py", SMOKE.name, "--wait")
        found = re.search(r"\(([0-9a-f]{8}-[0-9a-f-]{27})\)", said)
        if not code or found is None:
            raise Trouble(f"the refresh of a broken database did not fail: {last_line(said)}")
        self.job = found[1]
        job = self.there.ended(self.job)
        exit_code = job.get("container", {}).get("exitCode")
        if (job["status"], exit_code) != ("FAILED", BAD_DATA):
            raise Trouble(f"it ended {job['status']} with exit {exit_code}: {last_line(said)}")
        if len(job["attempts"]) != 1:
            raise Trouble(f"bad data was tried {len(job['attempts'])} times")
        if self.there.published_keys() != before:
            raise Trouble("a failed refresh changed what is published")
        return f"FAILED with exit {exit_code}, what is published is untouched"

    def mail(self) -> str:
        """Wait for the message about the failure, and show it."""
        sqs, deadline = self.client("sqs"), time.monotonic() + MAIL_SECONDS
        while time.monotonic() < deadline:
            got = sqs.receive_message(
                QueueUrl=self.letters, MaxNumberOfMessages=10, WaitTimeSeconds=5
            )
            for message in got.get("Messages", []):
                letter = json.loads(message["Body"])
                if self.job in letter["Message"]:
                    lines = (letter.get("Subject", ""), "", *letter["Message"].splitlines())
                    return "\n".join(("the topic told of it:", *lines))
        raise Trouble(
            f"no message about the job arrived within {MAIL_SECONDS} s; look at the log and the "
            f"dead letters of {self.there.outputs['TriggerFunction']}"
        )

    # --- afterwards --------------------------------------------------------------------------

    def leave(self, code: int) -> int:
        """Remove everything unless it is to stay, and say what it cost; the exit code."""
        from botocore.exceptions import BotoCoreError, ClientError

        if self.options.keep and not self.options.remove:
            say(f"{STACK} stays; remove it with `make smoke-aws ARGS=--remove`")
            self.bill(self.there.minutes_of_jobs())
            return code
        with _patiently():
            jobs = self.there.minutes_of_jobs()
            for name, step in (("remove", self.remove), ("nothing left", self.nothing_left)):
                try:
                    with self.programs.timed(name) as tell:
                        tell(step())
                except (Trouble, BotoCoreError, ClientError, OSError) as error:
                    say(f"error: the step {self.programs.step!r} failed: {error}")
                    code = code or 1
            self.bill(jobs)
        return code

    def remove(self) -> str:
        """Take away what this made: mail, jobs, objects, stack."""
        if self.subscription:
            self.client("sns").unsubscribe(SubscriptionArn=self.subscription)
        for queue in self.there.queues():
            self.client("sqs").delete_queue(QueueUrl=queue)
        if not self.there.stacks():
            return "there is no stack"
        for summary in self.there.jobs(*JOB_STATES[:5]):
            with suppress(Exception):  # it may have ended meanwhile; the stack goes all the same
                self.client("batch").terminate_job(
                    jobId=summary["jobId"], reason="the stack is removed"
                )
        assembly = self.folder / "cdk.out"
        given = (
            ("--app", str(assembly))
            if (assembly / "manifest.json").exists()
            else ("-c", "smoke={}", "--output", str(assembly))
        )
        objects = 0
        for _ in range(REMOVALS):
            objects += sum(self.there.empty(bucket) for bucket in self.there.buckets(STACK))
            code, said = self.programs.run("cdk", "destroy", STACK, "--force", *given)
            if not code:
                break
        else:
            raise Trouble(
                f"{why_refused(said)}. Look at {STACK} in CloudFormation, remove what it names, "
                "then run `make smoke-aws ARGS=--remove`"
            )
        return f"{STACK}, and {objects} objects with all their versions"

    def nothing_left(self) -> str:
        """Ask every list that could know of something left."""
        deadline = time.monotonic() + GONE_SECONDS
        while True:
            left, passing = self.there.left(self.subscription)
            if not left:
                break
            if time.monotonic() > deadline:
                raise Trouble("still there: " + ", ".join(sorted(left)[:10]))
            time.sleep(self.options.poll)
        forgets = f"; AWS forgets {passing} ended things by itself" if passing else ""
        return f"no stack, no tagged resource, no log group, no queue{forgets}"

    def bill(self, jobs: tuple[int, float]) -> None:
        """Say what it cost, and how to ask AWS when AWS knows."""
        if not jobs[0]:
            return
        say(Prices().tell(jobs, self.there.instances()))
        say(
            "Tomorrow AWS knows, once the cost allocation tag 'environment' is active (asking "
            "costs 0.01 USD):"
        )
        until = datetime.now(UTC) + timedelta(days=1)
        print(
            f"  aws ce get-cost-and-usage --granularity DAILY --metrics UnblendedCost \\\n"
            f"    --time-period Start={self.there.started:%Y-%m-%d},End={until:%Y-%m-%d} \\\n"
            f'    --filter \'{{"Tags": {{"Key": "environment", "Values": ["{SMOKE.name}"]}}}}\''
        )

    @property
    def database(self) -> Path:
        """The sample database."""
        return self.folder / "sample.db"

    @property
    def here(self) -> Path:
        """Where the refresh on this machine publishes."""
        return self.folder / "here"


@contextmanager
def _patiently() -> Iterator[None]:
    """Let the first Ctrl-C pass: what was made must go."""
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(kind) for kind in kinds]

    def once(*_: object) -> None:
        say(
            "removing what was made; a second Ctrl-C leaves it as it is, for "
            "`make smoke-aws ARGS=--remove`"
        )
        for kind in kinds:
            signal.signal(kind, signal.default_int_handler)

    try:
        for kind in kinds:
            signal.signal(kind, once)
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


if __name__ == "__main__":
    sys.exit(main())
