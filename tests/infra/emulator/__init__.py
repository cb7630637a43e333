"""An AWS on loopback, for the real `cdk` and the real boto3.

::

    with emulator() as aws:          # a process of its own, on a free port
        aws.client("batch").describe_job_queues()
        aws.cdk("bootstrap"); aws.cdk("deploy", "DevStack")

`aws.variables` are the environment variables for any other process that should talk to it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

REPOSITORY = Path(__file__).resolve().parents[3]
ACCOUNT = "123456789012"
REGION = "eu-west-1"
DOCKER_STUB = Path(__file__).with_name("docker_stub.py")


@dataclass(frozen=True)
class Emulator:
    """A running emulator.

    Attributes
    ----------
    endpoint
        `http://127.0.0.1:PORT`
    variables
        Environment variables that lead a process to it, on top of PATH and HOME.
    folder
        Where the cloud assembly and the stub's record of docker calls go.
    """

    endpoint: str
    variables: dict[str, str]
    folder: Path

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulator."""
        return boto3.client(  # type: ignore[call-overload]  # a literal name is wanted
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def cdk(
        self,
        *arguments: str,
        context: dict[str, Any] | None = None,
        expect: int | None = 0,
        again: bool = False,
    ) -> str:
        """Run the real `cdk` and return what it said.

        `expect` is the exit code, None for any; `again` takes the assembly of the call before
        instead of synthesizing anew.
        """
        command = [str(Path(sys.executable).with_name("cdk")), *arguments]
        for key, value in (context or {}).items():
            command += ["-c", f"{key}={json.dumps(value) if not isinstance(value, str) else value}"]
        result = subprocess.run(
            [*command, "--app" if again else "--output", str(self.folder / "cdk.out")],
            cwd=REPOSITORY,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        said = result.stdout + result.stderr
        if expect is not None and result.returncode != expect:
            raise AssertionError(f"cdk {arguments} exited {result.returncode}:\n{said}")
        return said

    def docker_calls(self) -> list[list[str]]:
        """Return the docker command lines that the CDK issued."""
        record = self.folder / "docker.jsonl"
        lines = record.read_text().splitlines() if record.exists() else []
        return [json.loads(line) for line in lines]


def end(process: subprocess.Popen[str]) -> None:
    """Ask a server to stop; on a busy machine that may take it longer than it is waited for."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def emulator(
    folder: Path, *, docker: str | None = None, module: str = "tests.infra.emulator"
) -> Iterator[Emulator]:
    """Run an emulator for as long as the block lasts.

    Parameters
    ----------
    folder
        For its log, the cloud assembly and the record of docker calls.
    docker
        A program to build images with; None records the calls and builds nothing.
    module
        What is run; with `tests.infra.emulator.processes` jobs and functions really run.
    """
    log = (folder / "emulator.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={**os.environ, "MOTO_ACCOUNT_ID": ACCOUNT},
    )
    try:
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip()
        if not endpoint:
            raise AssertionError(f"no emulator: {(folder / 'emulator.log').read_text()[-2000:]}")
        variables = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DOCKER": docker or str(DOCKER_STUB),
            "DOCKER_STUB_RECORD": str(folder / "docker.jsonl"),
            "CDK_DISABLE_VERSION_CHECK": "1",
            # Off, so that no command waits for an address it cannot reach.
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true",
            "NO_COLOR": "1",
        }
        yield Emulator(endpoint, variables, folder)
    finally:
        end(process)
        log.close()
