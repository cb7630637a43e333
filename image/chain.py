"""The whole chain in a box: deploy, build, trigger, run, publish; and what a failure looks like.

The real ``cdk deploy DevStack`` runs against an AWS on loopback, with a real build of the ARM64
image. The deployed function's code runs here with the deployed function's environment; the job it
submits runs in a container, under emulation where need be; the documents are read back from the
bucket. Then the same with a broken database: FAILED, exit code 3, a message on the topic.
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
        database = efs / "cocktails.db"
        _python("-m", "analytics_core", "sample-db", str(database))
        database.chmod(0o644)
        with docker_api(folder) as address, emulator(folder, efs, address) as aws:
            clock = time.monotonic()
            cdk(aws, "bootstrap")
            cdk(aws, *DEPLOY)
            figures["deploy_seconds"] = _since(clock, "cdk deploy DevStack, image built")
            letters = _listen(aws)
            figures |= {"sound": sound_run(aws), "broken": broken_run(aws, database, letters)}
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


def broken_run(aws: local_aws.Emulator, database: Path, letters: str) -> dict[str, Any]:
    """Trigger a refresh of a file that is no database: it fails, and somebody is told."""
    clock = time.monotonic()
    before = parameter(aws, "bucket")
    manifest = aws.client("s3").get_object(Bucket=before, Key="analytics/v1/manifest.json")["ETag"]
    database.write_bytes(b"not a database" * 1000)
    job = finished(aws, trigger(aws, {})["jobId"])
    _expect(job["status"] == "FAILED", f"the job ended {job['status']}")
    said = [line for line in log(aws, job) if "refresh.failed" in line]
    _expect(bool(said) and "DataError" in said[0], "the log does not say why")
    code = job["container"].get("exitCode")
    after = aws.client("s3").get_object(Bucket=before, Key="analytics/v1/manifest.json")["ETag"]
    _expect(manifest == after, "a failed run changed what is published")
    sqs = aws.client("sqs")
    found = sqs.receive_message(QueueUrl=letters, MaxNumberOfMessages=10).get("Messages", [])
    told = [json.loads(message["Body"])["Message"] for message in found]
    _expect(any(job["jobId"] in text for text in told), f"the topic got {told}")
    seconds = _since(clock, f"broken database: FAILED, exit code {code}, told: {told[0][:90]}…")
    _expect(code == 3, f"exit code {code}")
    return {"seconds": seconds, "exit_code": code, "message": told[0]}


def trigger(aws: local_aws.Emulator, event: dict[str, Any]) -> dict[str, Any]:
    """Run the deployed function's handler here, with the deployed function's environment."""
    name = parameter(aws, "trigger-function")
    found = aws.client("lambda").get_function_configuration(FunctionName=name)
    program = (
        "import json, sys, types; from trigger.handler import handler;"
        "context = types.SimpleNamespace(invoked_function_arn=sys.argv[2]);"
        "print(json.dumps(handler(json.loads(sys.argv[1]), context)))"
    )
    variables = {**aws.variables, **found["Environment"]["Variables"]}
    said = _python("-c", program, json.dumps(event), found["FunctionArn"], variables=variables)
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    return answer


def finished(aws: local_aws.Emulator, job_id: str) -> dict[str, Any]:
    """Wait until a job has ended and return what Batch says of it."""
    for _ in range(JOB_MINUTES * 30):
        job: dict[str, Any] = aws.client("batch").describe_jobs(jobs=[job_id])["jobs"][0]
        if job["status"] in ("SUCCEEDED", "FAILED"):
            return job
        time.sleep(2)
    raise ImageError(f"job {job_id} is still {job['status']} after {JOB_MINUTES} minutes")


def log(aws: local_aws.Emulator, job: dict[str, Any]) -> list[str]:
    """Return a job's lines from the log group that the stack made."""
    logs = aws.client("logs")
    group = parameter(aws, "job-log-group")
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    names = [s["logStreamName"] for s in streams if job["jobId"] in s["logStreamName"]]
    lines = []
    for name in names:
        found = logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)
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
            "MOTO_DOCKER_NETWORK_MODE": "host",
            "DOCKER_HOST": docker,
            "CHAIN_FOLDER": str(efs),
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
