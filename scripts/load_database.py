"""Check a database and put it where an environment's refresh reads it.

``python scripts/load_database.py dev|prod site.db [--refresh] [--even-in-use]``

The file is checked as ``analytics-core validate`` does, and a snapshot of it goes up, so it may be
in use, and in WAL mode. Where the environment reads its database from a file system, a job takes
the upload and puts it in place; where it reads it from S3, the upload is all there is to do. Exit
codes: 0 success, 1 failure, with the reason; 2 wrong use; 130 stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import re
import secrets
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployed import STOPPED, Stack, Trouble, command, parser_of, run, say, show, watch
from trigger_refresh import refresh

INCOMING = "incoming"
"""Uploads lie below this, in the place of the documents; the load job may read there."""

MEGABYTE = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    parser = parser_of(
        "load-database", "Check a database and put it where an environment's refresh reads it."
    )
    parser.add_argument("database", type=Path, help="the SQLite file; it may be in use")
    parser.add_argument("--refresh", action="store_true", help="then refresh, and follow that too")
    parser.add_argument(
        "--layout", default="auto", help="what the file is, as the environment's database_layout"
    )
    parser.add_argument("--bar", help="which of its bars, as the environment's database_bar")
    parser.add_argument(
        "--even-in-use",
        action="store_true",
        help="replace the deployed database even while the site has it open; "
        "what the site writes until it opens the new one is lost",
    )
    return run(parser, _load, arguments)


def _load(session: Any, options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="load-database-") as folder:
        snapshot = _checked(options, Path(folder))
        stack = Stack(session, options.environment)
        place = stack.output("DatabasePath")
        if place.startswith("s3://"):
            _upload(session.client("s3"), snapshot, place)
            code = 0
        else:
            code = _by_a_job(stack, snapshot, options)
    if code:
        return code
    say(f"the database is in place: {place}")
    if options.refresh:
        return refresh(stack, options, wait=True)
    print(f"what to do next:\n  {command(options, '--wait')}")
    return 0


def _checked(options: argparse.Namespace, folder: Path) -> Path:
    """Return a snapshot of the database that a refresh can use, or say what is wrong with it."""
    try:
        from analytics_core import AnalyticsError, StorageError, load_catalog
        from analytics_core.source.snapshot import take_snapshot
    except ImportError as error:
        raise Trouble(f"analytics_core is not installed ({error}); run `make setup`") from None
    database: Path = options.database
    try:
        snapshot = take_snapshot(database, folder)
        catalog = load_catalog(snapshot, called=database, layout=options.layout, bar=options.bar)
    except AnalyticsError as error:
        scratch = " (TMPDIR names it)" if isinstance(error, StorageError) else ""
        raise Trouble(f"{error}{scratch}") from None
    say(
        f"{database}: {len(catalog.recipes.names)} recipes, "
        f"{len(catalog.ingredients.names)} ingredients"
    )
    for finding in catalog.findings:
        say(f"warning: {finding.message}")
    return snapshot


# --- by a job --------------------------------------------------------------------------------


def _by_a_job(stack: Stack, snapshot: Path, options: argparse.Namespace) -> int:
    """Upload, let the load job take it from there, and follow that to its end."""
    definition, queue = stack.output("LoadJobDefinition"), stack.output("JobQueue")
    now = datetime.now(UTC)
    unique = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    name = re.sub(r"[^A-Za-z0-9._-]", "_", options.database.name)[:100]
    source = f"{stack.output('Documents')}/{INCOMING}/{unique}/{name}"
    s3 = stack.session.client("s3")
    with _removed_unless_submitted(s3, source):
        _upload(s3, snapshot, source)
        job_id = _submit(
            stack.session.client("batch", config=_once()),
            name=f"load-{options.environment}-{unique}",
            queue=queue,
            definition=definition,
            variables={"LOAD_SOURCE": source}
            | ({"LOAD_EVEN_IN_USE": "true"} if options.even_in_use else {}),
        )
    code = watch(stack, job_id, options)
    if code != STOPPED:
        _remove(s3, source)  # the job does, if it can
    if code == 1:
        say("the old database stays until a new one is whole in its place")
    return code


class _Unknown(Trouble):
    """Batch did not say whether it took the job."""


@contextlib.contextmanager
def _removed_unless_submitted(s3: Any, source: str) -> Iterator[None]:
    try:
        yield
    except _Unknown:
        raise
    except BaseException:
        _remove(s3, source)
        raise


def _submit(
    batch: Any, *, name: str, queue: str, definition: str, variables: dict[str, str]
) -> str:
    from botocore.exceptions import (
        ClientError,
        ConnectTimeoutError,
        EndpointConnectionError,
        HTTPClientError,
    )

    try:
        answer = batch.submit_job(
            jobName=name,
            jobQueue=queue,
            jobDefinition=definition,
            containerOverrides={
                "environment": [{"name": key, "value": value} for key, value in variables.items()]
            },
        )
    except (ConnectTimeoutError, EndpointConnectionError):
        raise  # nobody was reached
    except (ClientError, HTTPClientError) as error:
        if isinstance(error, ClientError) and _status(error) < 500:
            raise Trouble(f"Batch refused the job: {error}") from None
        raise _Unknown(
            f"Batch did not say whether it took the job {name} ({error}); look for it with `aws "
            f"batch list-jobs --job-queue {queue} --filters name=JOB_NAME,values={name}`. Its "
            f"upload stays at {variables['LOAD_SOURCE']}; load again if there is no such job"
        ) from None
    say(f"submitted: {name} ({answer['jobId']})")
    return str(answer["jobId"])


def _once() -> Any:
    """Configure a client that asks once: `SubmitJob` is not idempotent."""
    from botocore.config import Config

    return Config(retries={"total_max_attempts": 1})


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))


# --- S3 --------------------------------------------------------------------------------------


def _upload(s3: Any, file: Path, target: str) -> None:
    """Put the file there as a whole: S3 shows an object when all of it has arrived."""
    from boto3.exceptions import S3UploadFailedError

    from analytics_core.load import SHA256_METADATA

    bucket, key = _place(target)
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    size = file.stat().st_size
    try:
        s3.upload_file(
            str(file),
            bucket,
            key,
            ExtraArgs={
                "ContentType": "application/vnd.sqlite3",
                "Metadata": {SHA256_METADATA: digest},
            },
            Callback=_progress(size),
        )
    except S3UploadFailedError as error:
        reason = str(error).partition(f"{bucket}/{key}: ")[2] or str(error)
        if "AccessDenied" in reason:
            reason += (
                ". Your credentials need s3:PutObject there; where the bucket has a KMS key of its "
                "own, kms:GenerateDataKey and kms:Decrypt on that key too"
            )
        raise Trouble(f"the upload to {target} failed: {reason}") from None
    finally:
        show("", sys.stdout)
    say(f"uploaded {size / MEGABYTE:.1f} MB to {target}")


def _progress(size: int) -> Any:
    lock = threading.Lock()
    sent = 0

    def count(more: int) -> None:
        nonlocal sent
        with lock:  # parts go up side by side
            sent += more
            show(
                f"uploading: {sent / MEGABYTE:.1f} of {size / MEGABYTE:.1f} MB"
                f" ({100 * sent // max(size, 1)}%)",
                sys.stdout,
            )

    return count


def _remove(s3: Any, target: str) -> None:
    """Remove an upload that nobody needs any more, if it is there."""
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, key = _place(target)
    try:
        # asked first: deleting what is not there leaves a marker in a bucket with versions
        s3.head_object(Bucket=bucket, Key=key)
        s3.delete_object(Bucket=bucket, Key=key)
    except (BotoCoreError, ClientError) as error:
        if not isinstance(error, ClientError) or _status(error) != 404:
            say(f"warning: the upload could not be removed ({error}); do so yourself:", sys.stderr)
            print(f"  aws s3 rm {target}", file=sys.stderr)


def _place(url: str) -> tuple[str, str]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


if __name__ == "__main__":
    sys.exit(main())
