"""The whole chain in a box: deploy, build, load, trigger, run, publish; and what a failure is.

The real ``cdk deploy DevStack`` runs against an AWS on loopback, with a real build of the ARM64
image. ``scripts/load_database.py`` puts a database in place, by the load job. The deployed
function's archive runs with the deployed function's environment and role; the jobs run in
containers, under emulation where need be; the documents are read back from the bucket. Then the
same with a broken database: FAILED, exit code 3, and a mail from the function on the topic.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tests.infra.emulator as local_aws
from image.tools import REPO, RESULTS, ImageError, require_emulation, require_tools

JOB_MINUTES = 12
MAIL_SECONDS = 60
"""How long the event takes to the function and the function to write."""

DEPLOY = ("deploy", "DevStack", "--require-approval", "never", "--method", "direct")
KEPT = ("PATH", "HOME", "XDG_CACHE_HOME", "SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
"""What building needs of the environment and the CDK does not pass on."""


def main() -> int:
    """Run the chain; return 0 when every step did what it should."""
    require_tools()
    require_emulation("arm64")
    started = time.monotonic()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="chain-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        efs = folder / "efs"
        efs.mkdir()
        database = folder / "site.db"
        _python("-m", "analytics_core", "sample-db", str(database))
        with docker_api(folder) as address, emulator(folder, efs, address) as aws:
            clock = time.monotonic()
            cdk(aws, "bootstrap")
            cdk(aws, *DEPLOY)
            figures["deploy_seconds"] = _since(clock, "cdk deploy DevStack, image built")
            letters = _listen(aws)
            clock = time.monotonic()
            load(aws, database)
            figures["load_seconds"] = _since(clock, "load: the database is in place")
            in_place = efs / parameter(aws, "file-system") / "cocktails.db"
            figures |= {"sound": sound_run(aws), "broken": broken_run(aws, in_place, letters)}
    figures["seconds"] = _since(started, "the whole chain")
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "chain.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


def sound_run(aws: local_aws.Emulator) -> dict[str, Any]:
    """Trigger a refresh of the sample database and read back what it published."""
    clock = time.monotonic()
    job = finished(aws, trigger(aws, {})["jobId"])
    _expect(job["status"] == "SUCCEEDED", f"the job ended {job['status']}: {log(aws, job)[-5:]}")
    bucket = parameter(aws, "bucket")
    s3 = aws.client("s3")

    def read(key: str) -> Any:
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    manifest = read("analytics/v1/manifest.json")
    for kind, entry in manifest["documents"].items():
        stable = read(f"analytics/v1/{kind}.json")
        _expect(stable == read(entry["key"]), f"{kind} is not that of the run")
    lines = log(aws, job)
    _expect(any("refresh.finished" in line for line in lines), "the log lacks refresh.finished")
    status = trigger(aws, {"action": "status", "jobId": job["jobId"]})
    _expect(status["status"] == "SUCCEEDED", f"the trigger says {status}")
    seconds = _since(clock, f"refresh: {len(manifest['documents'])} documents read back")
    return {"seconds": seconds, "documents": len(manifest["documents"]), "log_lines": len(lines)}


def load(aws: local_aws.Emulator, database: Path) -> None:
    """Put a database in place as an owner does, by the command."""
    said = _python(
        str(REPO / "scripts" / "load_database.py"), "dev", str(database), variables=aws.variables
    )
    _expect("the database is in place" in said, f"the load said: {said[-2000:]}")
    # What is uploaded does not stay.
    bucket = parameter(aws, "bucket")
    left = aws.client("s3").list_objects_v2(Bucket=bucket, Prefix="incoming/")
    _expect(left["KeyCount"] == 0, "the upload was left behind")


def broken_run(aws: local_aws.Emulator, database: Path, letters: str) -> dict[str, Any]:
    """Trigger a refresh of a file that is no database: it fails, and somebody is told."""
    clock = time.monotonic()
    bucket = parameter(aws, "bucket")
    manifest = aws.client("s3").get_object(Bucket=bucket, Key="analytics/v1/manifest.json")["ETag"]
    database.write_bytes(b"not a database" * 1000)  # behind the load's back
    job = finished(aws, trigger(aws, {})["jobId"])
    _expect(job["status"] == "FAILED", f"the job ended {job['status']}")
    _expect(len(job["attempts"]) == 1, "bad data was tried again")
    said = [line for line in log(aws, job) if "refresh.failed" in line]
    _expect(bool(said) and "DataError" in said[0], "the log does not say why")
    code = job["container"].get("exitCode")
    after = aws.client("s3").get_object(Bucket=bucket, Key="analytics/v1/manifest.json")["ETag"]
    _expect(manifest == after, "a failed run changed what is published")
    mail = told(aws, letters)
    _expect(job["jobId"] in mail["Message"], f"the mail names another job: {mail}")
    _expect("database" in mail["Message"], f"the mail does not say why: {mail}")
    seconds = _since(clock, f"broken database: FAILED, exit code {code}, told: {mail['Subject']}")
    _expect(code == 3, f"exit code {code}")
    return {"seconds": seconds, "exit_code": code, "subject": mail["Subject"]}


def told(aws: local_aws.Emulator, letters: str) -> dict[str, str]:
    """Return the one mail that arrives in time."""
    sqs = aws.client("sqs")
    for _ in range(MAIL_SECONDS):
        found = sqs.receive_message(QueueUrl=letters, MaxNumberOfMessages=10).get("Messages", [])
        if found:
            _expect(len(found) == 1, f"{len(found)} mails about one job")
            mail: dict[str, str] = json.loads(found[0]["Body"])
            return mail
        time.sleep(1)
    raise ImageError(f"no mail within {MAIL_SECONDS} s")


def trigger(aws: local_aws.Emulator, event: dict[str, Any]) -> dict[str, Any]:
    """Invoke the deployed function."""
    answer = aws.client("lambda").invoke(
        FunctionName=parameter(aws, "trigger-function"), Payload=json.dumps(event).encode()
    )
    said: dict[str, Any] = json.loads(answer["Payload"].read())
    _expect("FunctionError" not in answer, f"the function raised {said}")
    return said


def finished(aws: local_aws.Emulator, job_id: str) -> dict[str, Any]:
    """Wait until a job has ended and return what Batch says of it."""
    for _ in range(JOB_MINUTES * 30):
        job: dict[str, Any] = aws.client("batch").describe_jobs(jobs=[job_id])["jobs"][0]
        if job["status"] in ("SUCCEEDED", "FAILED"):
            return job
        time.sleep(2)
    raise ImageError(f"job {job_id} is still {job['status']} after {JOB_MINUTES} minutes")


def log(aws: local_aws.Emulator, job: dict[str, Any]) -> list[str]:
    """Return a job's lines, of all attempts, from the log group that the stack made."""
    logs = aws.client("logs")
    group = parameter(aws, "job-log-group")
    lines = []
    for attempt in job["attempts"]:
        found = logs.get_log_events(
            logGroupName=group,
            logStreamName=attempt["container"]["logStreamName"],
            startFromHead=True,
        )
        lines += [event["message"] for event in found["events"]]
    return lines


def parameter(aws: local_aws.Emulator, key: str) -> str:
    """Return what the stack published about itself under `key`."""
    found = aws.client("ssm").get_parameter(Name=f"/cocktail-analytics/dev/{key}")
    value: str = found["Parameter"]["Value"]
    return value


def _listen(aws: local_aws.Emulator) -> str:
    """Subscribe a queue to the stack's topic; return the queue's address."""
    sqs, sns = aws.client("sqs"), aws.client("sns")
    queue: str = sqs.create_queue(QueueName="letters")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    for topic in sns.list_topics()["Topics"]:
        sns.subscribe(
            TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=found["Attributes"]["QueueArn"]
        )
    return queue


@contextmanager
def docker_api(folder: Path) -> Iterator[str]:
    """Serve podman's Docker API on a socket in `folder` for as long as the block lasts."""
    socket = folder / "docker.sock"
    process = subprocess.Popen(  # noqa: S603 - podman itself
        ["podman", "--runtime=runc", "system", "service", "--time=0", f"unix://{socket}"]  # noqa: S607
    )
    try:
        for _ in range(100):
            if socket.exists():
                break
            time.sleep(0.1)
        else:
            raise ImageError("podman's Docker API did not come up in 10 s")
        yield f"unix://{socket}"
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def emulator(folder: Path, efs: Path, docker: str) -> Iterator[local_aws.Emulator]:
    """Run the emulator with containers; `docker` is the address of the Docker API."""
    script = folder / "docker"
    exports = [f"export {k}={shlex.quote(os.environ[k])}" for k in KEPT if k in os.environ]
    run = f"exec {shlex.quote(sys.executable)} -m image.docker"
    script.write_text(
        "\n".join(["#!/bin/sh", *exports, f"export PYTHONPATH={REPO}", f'{run} "$@"', ""])
    )
    script.chmod(0o755)
    log = (folder / "emulator.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "image.chain_emulator"],
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={
            **os.environ,
            "MOTO_ACCOUNT_ID": local_aws.ACCOUNT,
            "DOCKER_HOST": docker,
            "JOBS_FOLDER": str(efs),
        },
    )
    try:
        endpoint = process.stdout.readline().strip() if process.stdout else ""
        _expect(bool(endpoint), f"no emulator: {(folder / 'emulator.log').read_text()[-2000:]}")
        variables = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": local_aws.REGION,
            "AWS_DEFAULT_REGION": local_aws.REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DEFAULT_ACCOUNT": local_aws.ACCOUNT,
            "CDK_DOCKER": str(script),
            "CDK_DISABLE_VERSION_CHECK": "1",
            "CI": "true",
        }
        yield local_aws.Emulator(endpoint, variables, folder)
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


def cdk(aws: local_aws.Emulator, *arguments: str) -> None:
    """Run the real `cdk`; there is time for a build of the image from nothing."""
    program = str(Path(sys.executable).with_name("cdk"))
    done = subprocess.run(  # noqa: S603 - this repository's own programs
        [program, *arguments, "--output", str(aws.folder / "cdk.out")],
        cwd=REPO,
        env=aws.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=1500,
    )
    _expect(done.returncode == 0, f"cdk {arguments[0]}: {done.stdout[-3000:]}")


def _python(*arguments: str, variables: dict[str, str] | None = None) -> str:
    done = subprocess.run(  # noqa: S603 - this repository's own programs
        [sys.executable, *arguments],
        cwd=REPO,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    _expect(done.returncode == 0, done.stderr[-2000:])
    return done.stdout


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ImageError(otherwise)


def _since(clock: float, what: str) -> int:
    seconds = round(time.monotonic() - clock)
    print(f"{seconds:5d} s  {what}", flush=True)  # noqa: T201
    return seconds


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ImageError as error:
        sys.exit(f"error: {error}")
